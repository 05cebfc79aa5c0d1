//! Commits from git servers: protocol version 2 over HTTP (gitprotocol-http(5), gitprotocol-v2(5)), one request for one pack.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::Ordering;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use url::Url;

use super::client::{Answer, Attempts, Failure, answer};
use super::fetcher::{Fetcher, Shared};
use super::public::{PrivateHosts, addresses};
use super::{FetchError, secret};
use crate::event::{Cancel, Reporter};

/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// Bytes of a list of capabilities.
const CAPABILITIES: u64 = 1 << 20;
/// Bytes of a pack that are taken.
const LARGEST: u64 = 4 << 30;

/// What a repository is asked for.
#[derive(Debug, Clone)]
pub struct GitWanted {
    /// Its address, as statements have it: `git+https://host/path` or `git+ssh://host/path`.
    pub uri: String,
    /// Names of commits and tags, which come with everything below them.
    pub objects: BTreeSet<String>,
    /// Whether it may be on a private network.
    pub private: PrivateHosts,
}

impl Fetcher {
    /// Writes the pack of what is wanted into `to`.
    ///
    /// # Errors
    /// The address cannot be used; the server does not have the objects ([`FetchError::NotOurs`]), or does not answer.
    pub fn git_pack(
        &self,
        wanted: &GitWanted,
        to: &mut (impl Write + Send),
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<(), FetchError> {
        let url = https(wanted)?;
        self.allowed(&url)?;
        reporter.stage(&format!("fetching {} of {}", named(&wanted.objects), secret::shown(&url)));
        self.shared.bytes.store(0, Ordering::Relaxed);
        self.run(
            async {
                let base = self.shared.base_of(&url, wanted).await?;
                self.shared.pack(&base, wanted, to).await
            },
            cancel,
        )
    }
}

fn named(objects: &BTreeSet<String>) -> String {
    match objects.first() {
        Some(first) if objects.len() == 1 => first.clone(),
        Some(first) => format!("{first} and {} more", objects.len() - 1),
        None => "nothing".to_owned(),
    }
}

/// The address that is asked. One for ssh is asked by https, where no login is needed: what comes is checked by its name.
fn https(wanted: &GitWanted) -> Result<Url, FetchError> {
    let uri = &wanted.uri;
    let wrong = |problem: &str| answer(uri, problem);
    let bare = uri.strip_prefix("git+").unwrap_or(uri);
    let (scheme, rest) = bare.split_once("://").ok_or_else(|| wrong("it is no address"))?;
    let text = match scheme {
        "https" => bare.to_owned(),
        "ssh" => format!("https://{rest}"),
        "http" if wanted.private == PrivateHosts::Allow => bare.to_owned(),
        "http" => return Err(wrong("http is taken with --allow-private-network only")),
        _ => return Err(wrong("only https and ssh are taken")),
    };
    let mut url = Url::parse(&text).map_err(|_| wrong("it is no address"))?;
    if scheme == "ssh" && url.set_port(None).is_err()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(wrong("it holds a login"));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// `base/path`
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    if path == "info/refs" {
        url.set_query(Some("service=git-upload-pack"));
    }
    url
}

impl Shared {
    /// Where the repository is after redirects; its server speaks version 2.
    async fn base_of(&self, url: &Url, wanted: &GitWanted) -> Result<Url, FetchError> {
        let mut at = below(url, "info/refs");
        for _ in 0..=REDIRECTS {
            let mut answered = self.git_request(Method::GET, &at, Vec::new(), wanted).await?;
            if answered.status.is_redirection() {
                let place = answered.header(LOCATION).and_then(|place| at.join(place).ok());
                let place = place.filter(|place| place.path().ends_with("/info/refs"));
                at = place.ok_or_else(|| answer(&secret::shown(&at), "redirects to no repository"))?;
                if at.scheme() != "https" && wanted.private == PrivateHosts::Refuse {
                    return Err(answer(&secret::shown(&at), "redirects away from https"));
                }
                continue;
            }
            if answered.status != StatusCode::OK {
                let (url, status) = (secret::shown(&at), answered.status.as_u16());
                return Err(FetchError::Status { url, status });
            }
            let mut lines = Lines::default();
            let mut first = Vec::new();
            let mut count = 0;
            while let Some(chunk) = chunk(&mut answered, &at).await? {
                count += chunk.len() as u64;
                if count > CAPABILITIES {
                    return Err(FetchError::TooLarge { url: secret::shown(&at), limit: CAPABILITIES });
                }
                lines.push(&chunk);
                while let Some(line) = lines.next(&at)? {
                    if let Line::Data(data) = line {
                        first.push(data);
                    }
                }
            }
            if !first.iter().any(|line| line.trim_ascii_end() == b"version 2") {
                return Err(answer(&secret::shown(&at), "does not speak version 2 of git's protocol"));
            }
            at.set_query(None);
            let path = at.path().trim_end_matches("/info/refs").to_owned();
            at.set_path(&path);
            return Ok(at);
        }
        Err(answer(&secret::shown(url), "redirects too often"))
    }

    async fn pack(&self, base: &Url, wanted: &GitWanted, to: &mut impl Write) -> Result<(), FetchError> {
        let url = below(base, "git-upload-pack");
        let mut body = Vec::new();
        for line in ["command=fetch\n", "agent=sealwright\n", "object-format=sha1\n"] {
            packet(&mut body, line);
        }
        body.extend_from_slice(b"0001");
        packet(&mut body, "ofs-delta\n");
        packet(&mut body, "no-progress\n");
        for object in &wanted.objects {
            packet(&mut body, &format!("want {object}\n"));
        }
        packet(&mut body, "done\n");
        body.extend_from_slice(b"0000");
        let mut answered = self.git_request(Method::POST, &url, body, wanted).await?;
        let shown = secret::shown(&url);
        if answered.status != StatusCode::OK {
            return Err(FetchError::Status { url: shown, status: answered.status.as_u16() });
        }
        let (mut lines, mut came, mut in_pack, mut ended) = (Lines::default(), 0_u64, false, false);
        while let Some(chunk) = chunk(&mut answered, &url).await? {
            self.count(chunk.len() as u64);
            came += chunk.len() as u64;
            if came > LARGEST {
                return Err(FetchError::TooLarge { url: shown, limit: LARGEST });
            }
            lines.push(&chunk);
            while let Some(line) = lines.next(&url)? {
                match line {
                    Line::Flush => ended = in_pack,
                    Line::Delimiter => {}
                    Line::Data(data) if data.starts_with(b"ERR ") => {
                        return Err(refused(&shown, &data[4..], wanted));
                    }
                    Line::Data(data) if !in_pack => in_pack = data.trim_ascii_end() == b"packfile",
                    // Side band: 1 is the pack, 2 is talk, 3 is the last word.
                    Line::Data(data) => match data.split_first() {
                        Some((1, pack)) => to.write_all(pack).map_err(|error| {
                            answer(&shown, &format!("what came cannot be written: {error}"))
                        })?,
                        Some((3, last)) => return Err(refused(&shown, last, wanted)),
                        Some(_) | None => {}
                    },
                }
            }
        }
        if ended { Ok(()) } else { Err(answer(&shown, "ended before the pack did")) }
    }

    async fn git_request(
        &self,
        method: Method,
        url: &Url,
        body: Vec<u8>,
        wanted: &GitWanted,
    ) -> Result<Answer, FetchError> {
        let mut attempts = Attempts::new(&self.client.net);
        loop {
            // Looked up anew each time, and connected to exactly what was looked at.
            let pinned = addresses(url, wanted.private, &self.client).await?;
            let mut headers = HeaderMap::new();
            let name = HeaderName::from_static("git-protocol");
            headers.insert(name, HeaderValue::from_static("version=2"));
            if method == Method::POST {
                let kind = HeaderValue::from_static("application/x-git-upload-pack-request");
                headers.insert(CONTENT_TYPE, kind);
            }
            let sent = self.client.send_pinned(&method, url, (headers, body.clone()), &pinned).await;
            match sent {
                Ok(answered) => return Ok(answered),
                Err(failure) => attempts.failed(failure, url).await?,
            }
        }
    }
}

async fn chunk(answered: &mut Answer, url: &Url) -> Result<Option<Vec<u8>>, FetchError> {
    match answered.chunk().await {
        Ok(chunk) => Ok(chunk),
        Err(Failure::Final(error)) => Err(error),
        Err(Failure::Passing { problem, .. }) => Err(answer(&secret::shown(url), &problem)),
        Err(Failure::Throttled { .. }) => Err(answer(&secret::shown(url), "wants fewer requests")),
    }
}

/// The server's own words; that an object is gone is a word of its own.
fn refused(url: &str, text: &[u8], wanted: &GitWanted) -> FetchError {
    let text: String =
        String::from_utf8_lossy(text).trim().chars().filter(|c| !c.is_control()).take(300).collect();
    let gone = text.contains("not our ref");
    match wanted.objects.iter().find(|object| gone && text.contains(object.as_str())) {
        Some(object) => FetchError::NotOurs { url: url.to_owned(), object: object.clone() },
        None => answer(url, &format!("says: {text}")),
    }
}

/// One line of git's own kind (gitprotocol-common(5), "pkt-line").
fn packet(to: &mut Vec<u8>, text: &str) {
    to.extend_from_slice(format!("{:04x}{text}", text.len() + 4).as_bytes());
}

enum Line {
    Data(Vec<u8>),
    Delimiter,
    Flush,
}

/// Lines out of what has come so far.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    start: usize,
}

impl Lines {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(chunk);
    }

    fn next(&mut self, url: &Url) -> Result<Option<Line>, FetchError> {
        let rest = &self.bytes[self.start..];
        let Some((head, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = std::str::from_utf8(head).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let (line, taken) = match length {
            Some(0) => (Line::Flush, 4),
            Some(1 | 2) => (Line::Delimiter, 4),
            Some(length @ 4..) => match rest.get(..length - 4) {
                Some(data) => (Line::Data(data.to_vec()), length),
                None => return Ok(None),
            },
            Some(_) | None => return Err(answer(&secret::shown(url), "is no answer of a git server")),
        };
        self.start += taken;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(uri: &str, private: PrivateHosts) -> GitWanted {
        GitWanted { uri: uri.to_owned(), objects: BTreeSet::new(), private }
    }

    #[test]
    fn addresses_are_asked_by_https() {
        for (uri, expected) in [
            ("git+https://git.example/a/b.git", Some("https://git.example/a/b.git")),
            ("git+ssh://git.example:2222/a/b", Some("https://git.example/a/b")),
            ("git+http://git.example/a", None),
            ("git+git://git.example/a", None),
            ("git+https://u:p@git.example/a", None),
            ("/srv/a", None),
        ] {
            let got = https(&wanted(uri, PrivateHosts::Refuse)).ok();
            assert_eq!(got.as_ref().map(Url::as_str), expected, "{uri}");
        }
        assert!(https(&wanted("git+http://git.example/a", PrivateHosts::Allow)).is_ok());
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let url = Url::parse("https://git.example/").unwrap();
        let mut bytes = Vec::new();
        packet(&mut bytes, "packfile\n");
        bytes.extend_from_slice(b"00010000");
        for size in 1..bytes.len() {
            let (mut lines, mut got) = (Lines::default(), Vec::new());
            for chunk in bytes.chunks(size) {
                lines.push(chunk);
                while let Some(line) = lines.next(&url).unwrap() {
                    got.push(match line {
                        Line::Data(data) => String::from_utf8(data).unwrap(),
                        Line::Delimiter => "delimiter".to_owned(),
                        Line::Flush => "flush".to_owned(),
                    });
                }
            }
            assert_eq!(got, ["packfile\n", "delimiter", "flush"]);
        }
        let mut lines = Lines::default();
        lines.push(b"<!DOCTYPE html>");
        assert!(lines.next(&url).is_err());
    }
}
