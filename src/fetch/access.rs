//! Access to a repository of a registry: what a registry challenges with, and what it is answered
//! (distribution's "token authentication specification"; RFC 9110, 11; RFC 6749, 6 for identity tokens).
//!
//! Nothing is sent before a registry asks for it, and what is sent goes to URLs of that very repository and no others.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{self, HeaderMap, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::client::{Client, Failure, answer};
use super::secret::{self, Credentials};
use super::{FetchError, NetConfig};

/// Bytes of a token server's answer.
const LIMIT: usize = 1 << 20;

/// What a user is known by at a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// A user and a password.
    Password(Credentials),
    /// A refresh token, which buys access tokens.
    Identity(String),
    /// An access token.
    Token(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// One repository at one registry.
pub(super) struct Access {
    /// Every URL of the repository begins so.
    prefix: String,
    repository: String,
    login: Option<Login>,
    header: RwLock<Option<HeaderValue>>,
    renewing: tokio::sync::Mutex<()>,
}

/// The repositories that are in use.
#[derive(Default)]
pub(super) struct Repositories(RwLock<Vec<Arc<Access>>>);

impl Repositories {
    /// From now on URLs below `base` (which ends in `/`) are those of this repository.
    pub fn add(&self, base: &Url, repository: &str, login: Option<Login>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|access| access.prefix == base.as_str()) {
            return;
        }
        known.push(Arc::new(Access {
            prefix: base.as_str().to_owned(),
            repository: repository.to_owned(),
            login,
            header: RwLock::new(None),
            renewing: tokio::sync::Mutex::new(()),
        }));
    }

    pub fn of(&self, url: &Url) -> Option<Arc<Access>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|access| url.as_str().starts_with(&access.prefix)).cloned()
    }
}

/// What a registry answered 401 with.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

/// What a token server answers: the specification's name, and OAuth's, which some servers use instead.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Access {
    /// What to send, if the registry has asked for something before.
    pub fn header(&self) -> Option<HeaderValue> {
        self.header.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, text: &str) -> Result<(), Failure> {
        let problem = "sent a token that cannot be used";
        let mut value = HeaderValue::from_str(text).map_err(|_| answer(&self.prefix, problem))?;
        value.set_sensitive(true);
        *self.header.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }

    /// Answers the challenge of a 401 to a request that was sent with `sent`. Whether another request is worth it.
    pub async fn answer(
        &self,
        client: &Client,
        headers: &HeaderMap,
        sent: Option<&HeaderValue>,
    ) -> Result<bool, Failure> {
        let _guard = self.renewing.lock().await;
        if self.header().as_ref() != sent {
            // Another request has been here in the meantime.
            return Ok(true);
        }
        let challenges =
            headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<Challenge> = challenges.flat_map(challenges_of).collect();
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service)),
            Challenge::Basic => None,
        });
        if let Some((realm, service)) = bearer {
            let token = match &self.login {
                // It was refused just now.
                Some(Login::Token(_)) if sent.is_some() => return Ok(false),
                Some(Login::Token(token)) => token.clone(),
                Some(Login::Password(_) | Login::Identity(_)) | None => {
                    self.token(client, realm, service.as_deref()).await?
                }
            };
            self.set(&format!("Bearer {token}"))?;
            return Ok(true);
        }
        match (&self.login, sent) {
            (Some(Login::Password(Credentials { user, password })), None)
                if challenges.contains(&Challenge::Basic) =>
            {
                self.set(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// An access token for pulling from the repository.
    async fn token(&self, client: &Client, realm: &str, service: Option<&str>) -> Result<String, Failure> {
        let wrong = |problem: &str| Failure::from(answer(&self.prefix, problem));
        let mut url = Url::parse(realm).map_err(|_| wrong("names a token server by no URL"))?;
        let own = Url::parse(&self.prefix).map_err(|_| wrong("is no URL"))?;
        let safe = url.scheme() == "https" || (url.scheme() == "http" && own.scheme() == "http");
        if !safe || !url.has_host() {
            return Err(wrong("names a token server without TLS"));
        }
        let scope = format!("repository:{}:pull", self.repository);
        let request = if let Some(Login::Identity(token)) = &self.login {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("grant_type", "refresh_token")
                .append_pair("client_id", "sealwright")
                .append_pair("service", service.unwrap_or_default())
                .append_pair("scope", &scope)
                .append_pair("refresh_token", token)
                .finish();
            let request = client.bare_client(&url)?.post(url.clone()).body(form);
            request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        } else {
            if let Some(service) = service {
                url.query_pairs_mut().append_pair("service", service);
            }
            url.query_pairs_mut().append_pair("scope", &scope);
            let request = client.bare_client(&url)?.get(url.clone());
            match &self.login {
                Some(Login::Password(Credentials { user, password })) => {
                    request.basic_auth(user, Some(password))
                }
                Some(Login::Identity(_) | Login::Token(_)) | None => request,
            }
        };
        let shown = secret::shown(&url);
        let (status, bytes) = client.once(request, LIMIT).await?;
        if !status.is_success() {
            let status = status.as_u16();
            return Err(if status == 429 || status >= 500 {
                Failure::Passing {
                    problem: format!("its token server {shown} answered {status}"),
                    after: None,
                }
            } else {
                FetchError::Status { url: shown, status }.into()
            });
        }
        let answered: TokenAnswer = serde_json::from_slice(&bytes)
            .map_err(|_| answer(&shown, "sent no token: it is no JSON object"))?;
        let token = answered.token.or(answered.access_token).filter(|token| !token.is_empty());
        token.ok_or_else(|| answer(&shown, "sent no token").into())
    }
}

/// Manifests and indexes in every form that is read.
pub(super) fn accepted() -> HeaderValue {
    HeaderValue::from_static(
        "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
         application/vnd.docker.distribution.manifest.list.v2+json, \
         application/vnd.docker.distribution.manifest.v2+json",
    )
}

/// The challenges of one `WWW-Authenticate` header (RFC 9110, 11.6.1). What is of another scheme is left out.
fn challenges_of(text: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let end = rest.find([' ', '=', ',']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if let Some(value) = after.strip_prefix('=') {
            let (value, after) = value_of(value);
            if let Some((_, parameters)) = found.last_mut() {
                parameters.push((word.to_ascii_lowercase(), value));
            }
            rest = after;
        } else {
            found.push((word.to_ascii_lowercase(), Vec::new()));
            rest = after;
        }
        rest = rest.trim_start_matches([' ', ',']);
    }
    let challenge = |(scheme, parameters): (String, Vec<(String, String)>)| {
        let get = |key: &str| parameters.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        match scheme.as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Bearer { realm: get("realm")?, service: get("service") }),
            _ => None,
        }
    };
    found.into_iter().filter_map(challenge).collect()
}

/// A token or a quoted string, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut signs) = (String::new(), quoted.char_indices());
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(signs.next().map(|(_, sign)| sign)),
            sign => value.push(sign),
        }
    }
    (value, "")
}

impl NetConfig {
    /// The login that the netrc file or a URL gives.
    pub(super) fn login(&self, url: &Url) -> Option<Login> {
        secret::credentials(url).or_else(|| self.netrc_credentials(url)).map(Login::Password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_understood() {
        let bearer = |realm: &str, service: Option<&str>| Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        };
        let cases = [
            (
                r#"Bearer realm="https://a.example/token",service="r.example",scope="repository:x:pull""#,
                vec![bearer("https://a.example/token", Some("r.example"))],
            ),
            (
                r#"basic realm="a, \"b\"", Bearer service=s, realm="x""#,
                vec![Challenge::Basic, bearer("x", Some("s"))],
            ),
            ("Negotiate, Basic", vec![Challenge::Basic]),
            ("Bearer service=x", vec![]),
            (r#"Bearer realm="unended"#, vec![bearer("unended", None)]),
            ("", vec![]),
            ("=,=", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(challenges_of(text), expected, "{text}");
        }
    }
}
