//! git's smart HTTP protocol over our client: redirects within rules, credentials of the netrc file, time limits.

use std::any::Any;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gix::protocol::transport::client::blocking_io::http::{
    GetResponse, Http, PostBodyDataKind, PostResponse,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Response};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use url::Url;

use super::Known;
use crate::event::Cancel;
use crate::fetch::client::{Body, guarded};
use crate::fetch::secret::{self, Credentials};
use crate::fetch::{FetchError, NetConfig, PrivateHosts};

/// Redirects that are followed for one request.
const REDIRECTS: usize = 10;
/// How often a stop is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Makes the requests of one connection.
#[derive(Clone)]
pub(super) struct Link(Arc<Shared>);

struct Shared {
    client: reqwest::Client,
    runtime: Runtime,
    net: NetConfig,
    hosts: PrivateHosts,
    cancel: Cancel,
    known: Known,
    /// Where the first request was led to: the place of all others.
    base: Mutex<Option<String>>,
}

impl Link {
    pub(super) fn new(
        net: &NetConfig,
        hosts: PrivateHosts,
        cancel: Cancel,
        known: Known,
    ) -> Result<Self, FetchError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| FetchError::Client { problem: error.to_string() })?;
        let client = guarded(net, Body::File, hosts)?;
        Ok(Self(Arc::new(Shared {
            client,
            runtime,
            net: net.clone(),
            hosts,
            cancel,
            known,
            base: Mutex::default(),
        })))
    }

    /// Keeps what went wrong, and says it in the library's terms.
    fn failed(&self, error: FetchError) -> io::Error {
        let text = error.to_string();
        self.0.known.keep(error);
        io::Error::other(text)
    }

    fn base(&self) -> Option<String> {
        self.0.base.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for an answer, or a stop.
    fn wait<T>(&self, what: &str, work: impl Future<Output = T>) -> io::Result<T> {
        let shared = &self.0;
        let end = Instant::now() + shared.net.connect_timeout + shared.net.stall_timeout;
        shared.runtime.block_on(async {
            let mut work = std::pin::pin!(work);
            loop {
                if let Ok(done) = timeout(LOOK, &mut work).await {
                    return Ok(done);
                }
                if let Some(signal) = shared.cancel.signal() {
                    return Err(self.failed(FetchError::Interrupted { signal }));
                }
                if Instant::now() >= end {
                    let problem = format!("no answer in {} s", shared.net.stall_timeout.as_secs_f32());
                    return Err(self.failed(FetchError::Unreachable {
                        url: what.to_owned(),
                        attempts: 1,
                        problem,
                    }));
                }
            }
        })
    }

    fn request(
        &self,
        method: &Method,
        url: &str,
        base: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> io::Result<Response> {
        let shared = &self.0;
        let wrong =
            |url: &str, problem: String| self.failed(FetchError::Answer { url: url.to_owned(), problem });
        let tail = url.strip_prefix(base).unwrap_or_default().to_owned();
        let start = self.base().map_or_else(|| url.to_owned(), |led| format!("{led}{tail}"));
        let mut at = Url::parse(&start).map_err(|error| wrong(&start, error.to_string()))?;
        for _ in 0..=REDIRECTS {
            shared.hosts.check(&at).map_err(|error| self.failed(error))?;
            let shown = secret::shown(&at);
            let mut request =
                shared.client.request(method.clone(), secret::bare(&at)).headers(headers.clone());
            if *method == Method::POST {
                request = request.body(body.to_vec());
            }
            // In the clear no password is sent.
            let credentials = if at.scheme() == "https" { shared.net.netrc_credentials(&at) } else { None };
            if let Some(Credentials { user, password }) = credentials {
                request = request.basic_auth(user, Some(password));
            }
            let response = self.wait(&shown, request.send())?.map_err(|error| {
                let problem = super::chain(&error.without_url());
                self.failed(FetchError::Unreachable { url: shown.clone(), attempts: 1, problem })
            })?;
            let status = response.status();
            if status.is_redirection() {
                let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
                let next = place.and_then(|place| at.join(place).ok());
                let next = next.filter(|next| next.scheme() == at.scheme() || next.scheme() == "https");
                at =
                    next.ok_or_else(|| wrong(&shown, "redirects to no place that can be used".to_owned()))?;
                continue;
            }
            if !status.is_success() {
                return Err(self.failed(FetchError::Status { url: shown, status: status.as_u16() }));
            }
            if let Some(led) = at.as_str().strip_suffix(&tail) {
                *shared.base.lock().unwrap_or_else(PoisonError::into_inner) = Some(led.to_owned());
            }
            return Ok(response);
        }
        Err(wrong(&secret::shown(&at), "redirects too often".to_owned()))
    }
}

/// What a request gives: made when it is first read from, for only then its body is complete.
pub(super) struct Exchange {
    link: Link,
    method: Method,
    url: String,
    base: String,
    headers: HeaderMap,
    body: Vec<u8>,
    response: Option<Response>,
    made: bool,
}

impl Exchange {
    fn response(&mut self) -> io::Result<&mut Response> {
        if !self.made {
            self.made = true;
            let body = std::mem::take(&mut self.body);
            self.response =
                Some(self.link.request(&self.method, &self.url, &self.base, &self.headers, &body)?);
        }
        self.response.as_mut().ok_or_else(|| io::Error::other("the request failed before"))
    }
}

type Common = Arc<Mutex<Exchange>>;

fn with<T>(common: &Common, work: impl FnOnce(&mut Exchange) -> io::Result<T>) -> io::Result<T> {
    work(&mut common.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The body of a request while it is written.
pub(super) struct Sent(Common);

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        with(&self.0, |exchange| {
            exchange.body.extend_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The headers of an answer, a line each.
pub(super) struct Heads {
    common: Common,
    text: Option<Cursor<Vec<u8>>>,
}

impl Heads {
    fn text(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        if self.text.is_none() {
            let text = with(&self.common, |exchange| {
                let mut text = Vec::new();
                for (name, value) in exchange.response()?.headers() {
                    text.extend_from_slice(name.as_str().as_bytes());
                    text.extend_from_slice(b": ");
                    text.extend_from_slice(value.as_bytes());
                    text.push(b'\n');
                }
                Ok(text)
            })?;
            self.text = Some(Cursor::new(text));
        }
        self.text.as_mut().ok_or_else(|| io::Error::other("no headers"))
    }
}

impl Read for Heads {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.text()?.read(into)
    }
}

impl BufRead for Heads {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.text()?.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if let Some(text) = &mut self.text {
            text.consume(count);
        }
    }
}

/// The body of an answer.
pub(super) struct Received {
    common: Common,
    part: Cursor<Vec<u8>>,
}

impl Read for Received {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.part.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            let next = with(&self.common, |exchange| {
                let (link, url) = (exchange.link.clone(), exchange.url.clone());
                let response = exchange.response()?;
                link.wait(&url, response.chunk())?.map_err(|error| {
                    let problem = super::chain(&error.without_url());
                    link.failed(FetchError::Unreachable { url, attempts: 1, problem })
                })
            })?;
            match next {
                Some(bytes) => self.part = Cursor::new(bytes.into()),
                None => return Ok(0),
            }
        }
    }
}

impl Link {
    fn exchange(
        &self,
        method: Method,
        url: &str,
        base: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Common {
        let headers = headers
            .into_iter()
            .filter_map(|line| {
                let (name, value) = line.as_ref().split_once(':')?;
                let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
                Some((name, HeaderValue::from_str(value.trim()).ok()?))
            })
            // Forges look at it: theirs is a program that they know.
            .collect();
        Arc::new(Mutex::new(Exchange {
            link: self.clone(),
            method,
            url: url.to_owned(),
            base: base.to_owned(),
            headers,
            body: Vec::new(),
            response: None,
            made: false,
        }))
    }
}

fn readers(common: &Common) -> (Heads, BufReader<Received>) {
    let body = Received { common: Arc::clone(common), part: Cursor::default() };
    (Heads { common: Arc::clone(common), text: None }, BufReader::new(body))
}

impl Http for Link {
    type Headers = Heads;
    type ResponseBody = BufReader<Received>;
    type PostBody = Sent;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Heads, BufReader<Received>>> {
        let common = self.exchange(Method::GET, url, base_url, headers);
        let (headers, body) = readers(&common);
        Ok(GetResponse { headers, body })
    }

    fn post(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Heads, BufReader<Received>, Sent>> {
        let common = self.exchange(Method::POST, url, base_url, headers);
        let (headers, body) = readers(&common);
        Ok(PostResponse { post_body: Sent(common), headers, body })
    }

    fn configure(&mut self, _: &dyn Any) -> gix::Result {
        Ok(())
    }
}
