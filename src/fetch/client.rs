//! The HTTP client: one request with its redirects, credentials for the host that they belong to, time limits.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{NoProxy, Proxy, StatusCode, redirect};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::access::{Repositories, accepted};
use super::crates::Token;
use super::public::{PrivateHosts, PublicOnly};
use super::secret::{self, Credentials, IndexUrl};
use super::transfer::blocking;
use super::{FetchError, NetConfig};

/// Redirects that are followed for one request.
const REDIRECTS: usize = 10;
/// The longest wait that a server may ask for with Retry-After.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// A file whose bytes are hashed: taken as it is, whatever `Content-Encoding` says.
    File,
    /// A page: may come compressed.
    Page,
}

/// Makes requests. Clients are made when first needed: loading certificates takes a while.
pub(super) struct Client {
    pub net: NetConfig,
    /// Scheme, host and port of configured URLs, with the credentials in them.
    configured: Vec<IndexUrl>,
    /// The same, for registries of crates.
    tokens: RwLock<Vec<(url::Origin, Token)>>,
    /// Repositories of images.
    pub repositories: Repositories,
    plain: [OnceLock<reqwest::Client>; 4],
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// Trying again may help, at the earliest after this time.
    Passing { problem: String, after: Option<Duration> },
    /// The server wants fewer requests (429), the next one after this time.
    Throttled { after: Option<Duration> },
    /// It will not.
    Final(FetchError),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Final(error)
    }
}

/// An answer whose body has not been read.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// After redirects, without credentials.
    pub url: Url,
    response: reqwest::Response,
    stall: Duration,
    window: Instant,
    in_window: u64,
}

impl Client {
    pub fn new<'a>(net: NetConfig, configured: impl IntoIterator<Item = &'a IndexUrl>) -> Self {
        Self {
            net,
            configured: configured.into_iter().filter(|url| url.credentials().is_some()).cloned().collect(),
            tokens: RwLock::default(),
            repositories: Repositories::default(),
            plain: Default::default(),
        }
    }

    /// One GET. Status codes that say "later" are passing failures; others are the caller's to judge.
    pub async fn get(&self, url: &Url, body: Body, headers: &HeaderMap) -> Result<Answer, Failure> {
        let mut at = url.clone();
        let mut challenged = false;
        for hop in 0..=REDIRECTS {
            let (bare, shown) = (secret::bare(&at), secret::shown(&at));
            let mut request = self.client(&bare, body)?.get(bare.clone()).headers(headers.clone());
            let repository = self.repositories.of(&bare);
            let sent_as = repository.as_ref().and_then(|repository| repository.header());
            if repository.is_some() {
                // A registry says of a manifest that there is none to those who do not say that they know its form.
                if bare.path().contains("/manifests/") && !headers.contains_key(header::ACCEPT) {
                    request = request.header(header::ACCEPT, accepted());
                }
                if let Some(header) = &sent_as {
                    request = request.header(header::AUTHORIZATION, header.clone());
                }
            } else if let Some(Credentials { user, password }) = self.credentials_for(&at, hop).await? {
                request = request.basic_auth(user, Some(password));
            } else if let Some(token) = self.token_for(&at) {
                request = request.header(header::AUTHORIZATION, token);
            }
            let sent = timeout(self.net.connect_timeout + self.net.stall_timeout, request.send()).await;
            let response = match sent {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(passing(&error)),
                Err(_) => {
                    let problem = format!("no answer in {} s", self.net.stall_timeout.as_secs_f32());
                    return Err(Failure::Passing { problem, after: None });
                }
            };
            let status = response.status();
            if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                let place = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
                at = place
                    .and_then(|place| bare.join(place).ok())
                    .filter(|place| matches!(place.scheme(), "http" | "https"))
                    .ok_or_else(|| answer(&shown, "redirects to no place that can be used"))?;
                continue;
            }
            if status == StatusCode::UNAUTHORIZED
                && !challenged
                && let Some(repository) = &repository
            {
                challenged = true;
                if repository.answer(self, response.headers(), sent_as.as_ref()).await? {
                    continue;
                }
            }
            let after = response.headers().get(header::RETRY_AFTER).and_then(retry_after);
            if status == StatusCode::TOO_MANY_REQUESTS {
                return Err(Failure::Throttled { after });
            }
            if matches!(status.as_u16(), 408 | 425 | 500 | 502..=504) {
                let problem = format!("answered {status}");
                return Err(Failure::Passing { problem, after: after.map(|after| after.min(LONGEST_WAIT)) });
            }
            return Ok(Answer {
                status,
                headers: response.headers().clone(),
                url: bare,
                response,
                stall: self.net.stall_timeout,
                window: Instant::now(),
                in_window: 0,
            });
        }
        Err(answer(&secret::shown(url), "redirects too often").into())
    }

    /// A whole body of at most `limit` bytes, tried again as often as configured.
    pub async fn page(
        &self,
        url: &Url,
        body: Body,
        headers: &HeaderMap,
        limit: u64,
    ) -> Result<(Answer, Vec<u8>), FetchError> {
        let mut attempts = Attempts::new(&self.net);
        loop {
            match self.try_page(url, body, headers, limit).await {
                Ok(page) => return Ok(page),
                Err(failure) => attempts.failed(failure, url).await?,
            }
        }
    }

    async fn try_page(
        &self,
        url: &Url,
        body: Body,
        headers: &HeaderMap,
        limit: u64,
    ) -> Result<(Answer, Vec<u8>), Failure> {
        let mut answer = self.get(url, body, headers).await?;
        let mut bytes = Vec::new();
        if answer.status.is_success() {
            while let Some(chunk) = answer.chunk().await? {
                if (bytes.len() + chunk.len()) as u64 > limit {
                    return Err(FetchError::TooLarge { url: secret::shown(url), limit }.into());
                }
                bytes.extend_from_slice(&chunk);
            }
        } else if answer.status != StatusCode::NOT_MODIFIED {
            let url = secret::shown(&answer.url);
            return Err(FetchError::Status { url, status: answer.status.as_u16() }.into());
        }
        Ok((answer, bytes))
    }

    /// Those in the URL itself, those configured for its scheme, host and port, those of the netrc file for its host.
    async fn credentials_for(&self, url: &Url, hop: usize) -> Result<Option<Credentials>, FetchError> {
        // A redirect cannot bring its own: they would be the redirecting server's, not the user's.
        let own = (hop == 0 && secret::credentials(url).is_some()).then_some(url);
        let configured =
            || self.configured.iter().map(IndexUrl::whole).find(|of| of.origin() == url.origin());
        let Some(known) = own.or_else(configured) else { return Ok(self.net.netrc_credentials(url)) };
        if self.net.keyring.is_none() {
            return self.net.credentials_of(known);
        }
        let (net, known) = (self.net.clone(), known.clone());
        blocking(move || net.credentials_of(&known)).await?
    }

    /// The token of a registry of crates, for its own scheme, host and port.
    pub fn add_token(&self, registry: &Url, token: Token) {
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).push((registry.origin(), token));
    }

    /// Gives the place of a registry's files the registry's token, unless that would send it in the clear.
    pub fn share_token(&self, registry: &Url, files: &Url) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let found = tokens.iter().find(|(of, _)| *of == registry.origin()).map(|(_, token)| token.clone());
        let safe = files.scheme() == "https" || registry.scheme() == files.scheme();
        if let Some(token) = found.filter(|_| safe) {
            tokens.push((files.origin(), token));
        }
    }

    fn token_for(&self, url: &Url) -> Option<HeaderValue> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let (_, Token(text)) = tokens.iter().find(|(of, _)| *of == url.origin())?;
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A client for one request that [`Client::once`] sends.
    pub fn bare_client(&self, url: &Url) -> Result<&reqwest::Client, FetchError> {
        self.client(url, Body::Page)
    }

    /// One request without redirects, and its body of at most `limit` bytes.
    pub async fn once(
        &self,
        request: reqwest::RequestBuilder,
        limit: usize,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let slow = |_| Failure::Passing {
            problem: format!("no answer in {} s", self.net.stall_timeout.as_secs_f32()),
            after: None,
        };
        let time = self.net.connect_timeout + self.net.stall_timeout;
        let mut response =
            timeout(time, request.send()).await.map_err(slow)?.map_err(|error| passing(&error))?;
        let mut bytes = Vec::new();
        while let Some(chunk) =
            timeout(time, response.chunk()).await.map_err(slow)?.map_err(|error| passing(&error))?
        {
            if bytes.len() + chunk.len() > limit {
                return Err(
                    FetchError::TooLarge { url: secret::shown(response.url()), limit: limit as u64 }.into()
                );
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((response.status(), bytes))
    }

    fn client(&self, url: &Url, body: Body) -> Result<&reqwest::Client, FetchError> {
        let unchecked = url.scheme() == "https" && self.net.is_trusted(url);
        let cell = &self.plain[usize::from(unchecked) * 2 + usize::from(body == Body::Page)];
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let certificates = if unchecked { Certificates::Unchecked } else { Certificates::Checked };
        // The user's own indexes and mirrors may be anywhere.
        let made = build(&self.net, certificates, body, PrivateHosts::Allow)?;
        Ok(cell.get_or_init(|| made))
    }
}

impl Answer {
    /// The next bytes of the body. In each time of [`NetConfig::stall_timeout`] some must come.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let end = self.window + self.stall;
            let next = timeout_at(end, self.response.chunk()).await;
            if Instant::now() >= end {
                if self.in_window < NetConfig::STALL_BYTES && !matches!(next, Ok(Ok(None))) {
                    let problem =
                        format!("stalled: {} bytes in {} s", self.in_window, self.stall.as_secs_f32());
                    return Err(Failure::Passing { problem, after: None });
                }
                (self.window, self.in_window) = (Instant::now(), 0);
            }
            match next {
                Ok(Ok(chunk)) => {
                    self.in_window += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                    return Ok(chunk.map(Into::into));
                }
                Ok(Err(error)) => return Err(passing(&error)),
                Err(_) => {}
            }
        }
    }

    /// A header that is text.
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// How often something was tried.
pub(super) struct Attempts {
    count: u32,
    most: u32,
    wait: Duration,
}

impl Attempts {
    pub fn new(net: &NetConfig) -> Self {
        Self { count: 0, most: net.retries + 1, wait: net.back_off }
    }

    /// Waits before the next attempt, or gives up.
    pub async fn failed(&mut self, failure: Failure, url: &Url) -> Result<(), FetchError> {
        self.count += 1;
        let (problem, after) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing { problem, after } => (problem, after),
            Failure::Throttled { after }
                if self.count >= self.most || after.is_some_and(|after| after > LONGEST_WAIT) =>
            {
                let (url, seconds) = (secret::shown(url), after.map(|after| after.as_secs()));
                return Err(FetchError::Throttled { url, attempts: self.count, seconds });
            }
            Failure::Throttled { after } => (String::new(), after),
        };
        // rustls: a certificate that was refused will be refused again.
        if self.count >= self.most || problem.contains("invalid peer certificate") {
            return Err(FetchError::Unreachable { url: secret::shown(url), attempts: self.count, problem });
        }
        tokio::time::sleep(after.unwrap_or(self.wait)).await;
        self.wait = (self.wait * 2).min(Duration::from_secs(10));
        Ok(())
    }
}

pub(super) fn answer(url: &str, problem: &str) -> FetchError {
    FetchError::Answer { url: url.to_owned(), problem: problem.to_owned() }
}

/// A failure of the connection, told without the URL (messages name it themselves, without credentials).
fn passing(error: &reqwest::Error) -> Failure {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !causes.contains(&text) {
            causes.push(text);
        }
        source = cause.source();
    }
    let problem = if causes.is_empty() { "the request failed".to_owned() } else { causes.join(": ") };
    Failure::Passing { problem, after: None }
}

/// `Retry-After` is seconds or a date (RFC 9110, 10.2.3).
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = date.as_second() - jiff::Timestamp::now().as_second();
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// Whether servers must prove their names.
#[derive(Clone, Copy)]
enum Certificates {
    Checked,
    Unchecked,
}

/// A client for addresses that somebody else wrote down: certificates are always checked.
pub(super) fn guarded(
    net: &NetConfig,
    body: Body,
    hosts: PrivateHosts,
) -> Result<reqwest::Client, FetchError> {
    build(net, Certificates::Checked, body, hosts)
}

#[expect(clippy::disallowed_methods, reason = "the one place that makes clients")]
fn build(
    net: &NetConfig,
    certificates: Certificates,
    body: Body,
    hosts: PrivateHosts,
) -> Result<reqwest::Client, FetchError> {
    let provider = rustls::crypto::ring::default_provider();
    let failed = |problem: String| FetchError::Client { problem };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("sealwright/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(net.connect_timeout)
        .gzip(body == Body::Page)
        .no_proxy();
    builder = match hosts {
        PrivateHosts::Refuse => builder.dns_resolver(Arc::new(PublicOnly)),
        PrivateHosts::Allow => builder,
    };
    let except = net.no_proxy.as_deref().and_then(NoProxy::from_string);
    for (url, make) in [
        (&net.http_proxy, Proxy::http as fn(Url) -> reqwest::Result<Proxy>),
        (&net.https_proxy, Proxy::https as fn(Url) -> reqwest::Result<Proxy>),
    ] {
        let Some(url) = url else { continue };
        let mut proxy = make(url.bare()).map_err(|error| failed(error.without_url().to_string()))?;
        if let Some(Credentials { user, password }) = url.credentials() {
            proxy = proxy.basic_auth(&user, &password);
        }
        builder = builder.proxy(proxy.no_proxy(except.clone()));
    }
    builder = match certificates {
        Certificates::Unchecked => {
            // reqwest takes the process's provider here; a second one is refused, and is the same.
            let _ = provider.install_default();
            builder.tls_danger_accept_invalid_certs(true)
        }
        Certificates::Checked => {
            let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
                .with_safe_default_protocol_versions()
                .map_err(|error| failed(error.to_string()))?
                .with_root_certificates(roots(net)?)
                .with_no_client_auth();
            builder.tls_backend_preconfigured(config)
        }
    };
    builder.build().map_err(|error| failed(format!("{error}: {:?}", std::error::Error::source(&error))))
}

/// The certificates to trust: those that are configured, else the system's.
fn roots(net: &NetConfig) -> Result<rustls::RootCertStore, FetchError> {
    let (file, dir) = (net.ca_file.as_deref(), net.ca_dir.as_deref());
    let found = match file.or(dir) {
        None => rustls_native_certs::load_native_certs(),
        Some(named) => {
            let found = rustls_native_certs::load_certs_from_paths(file, dir);
            if found.certs.is_empty() {
                let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
                let origin = named.display().to_string();
                let problem = format!("holds no certificates that can be used {}", errors.join("; "));
                return Err(FetchError::Setting { origin, problem });
            }
            found
        }
    };
    // Without any, `http` still works, and `https` says that the issuer is unknown.
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    Ok(roots)
}
