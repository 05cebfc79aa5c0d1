//! Commits with their history, from the repository that a statement names. git's own protocol, by a git library: over HTTPS
//! with the client of all other requests, over SSH with the user's `ssh`.

mod http;
mod ssh;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::blocking_io::http::Transport as HttpTransport;
use url::Url;

use super::client::answer;
use super::{FetchError, NetConfig, PrivateHosts, Surroundings, secret};
use crate::event::Cancel;

/// How often a stop is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What a repository is asked for.
#[derive(Debug, Clone)]
pub struct GitWanted {
    /// Where it is, as statements have it: `git+https://host/path` or `git+ssh://host/path`. `git+http` is taken only from
    /// hosts that may be private.
    pub uri: String,
    /// Names of commits and tags, which come with everything below them.
    pub objects: BTreeSet<String>,
    /// Whether the address may lead into a private network.
    pub private: PrivateHosts,
}

impl GitWanted {
    /// Fetches the objects into a new bare repository at `into`, which is not there yet. What an object is called is what its
    /// content hashes to, whatever the server says.
    ///
    /// An address for SSH is asked by HTTPS first: a repository that everybody may read needs no login there, and what comes
    /// is what was named or nothing.
    ///
    /// # Errors
    /// The address cannot be used or leads where it may not; the server does not have an object ([`FetchError::NotOurs`]); or
    /// the network, the server or the host fails.
    pub fn fetch(
        &self,
        into: &Path,
        net: &NetConfig,
        surroundings: &Surroundings,
        cancel: &Cancel,
    ) -> Result<(), FetchError> {
        let url = self.url()?;
        let link = Link { wanted: self, into, net, surroundings, cancel };
        if let Some(public) = open_door(&url) {
            match link.pull_all(&public) {
                Err(FetchError::Interrupted { signal }) => return Err(FetchError::Interrupted { signal }),
                Ok(()) => return Ok(()),
                Err(_) => {}
            }
        }
        link.pull_all(&url)
    }

    fn url(&self) -> Result<Url, FetchError> {
        let wrong = |problem: &str| answer(&self.uri, problem);
        let bare = self
            .uri
            .strip_prefix("git+")
            .ok_or_else(|| wrong("it is not the address of a git repository"))?;
        let url = Url::parse(bare).map_err(|error| wrong(&error.to_string()))?;
        match (url.scheme(), self.private) {
            ("https" | "ssh", _) | ("http", PrivateHosts::Allow) => {}
            ("http", PrivateHosts::Refuse) => {
                return Err(wrong("http is taken with --allow-private-network only"));
            }
            _ => return Err(wrong("only https and ssh are taken")),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("it names no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it holds a login"));
        }
        self.private.check(&url)?;
        Ok(url)
    }
}

/// Where everybody may ask for a repository that is named by its address for SSH.
fn open_door(url: &Url) -> Option<Url> {
    if url.scheme() != "ssh" || url.path().starts_with("/~") {
        return None;
    }
    Url::parse(&format!("https://{}{}", url.host_str()?, url.path())).ok()
}

/// What one fetch needs.
struct Link<'a> {
    wanted: &'a GitWanted,
    into: &'a Path,
    net: &'a NetConfig,
    surroundings: &'a Surroundings,
    cancel: &'a Cancel,
}

impl Link<'_> {
    fn pull_all(&self, url: &Url) -> Result<(), FetchError> {
        let objects = &self.wanted.objects;
        let by_name: Vec<String> = objects
            .iter()
            .enumerate()
            .map(|(number, object)| format!("+{object}:refs/wanted/{number}"))
            .collect();
        // By name it is least; servers that give only what they advertise are asked for all of that.
        match self.pull(url, &by_name) {
            Ok(()) => {}
            Err(Trouble::Known(error)) => return Err(error),
            Err(Trouble::Git(_)) => {
                let all = ["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()];
                self.pull(url, &all).map_err(|trouble| match trouble {
                    Trouble::Known(error) => error,
                    Trouble::Git(problem) => answer(&secret::shown(url), &problem),
                })?;
            }
        }
        match self.missing() {
            Some(object) => Err(FetchError::NotOurs { url: secret::shown(url), object: object.clone() }),
            None => Ok(()),
        }
    }

    /// An object that did not come.
    fn missing(&self) -> Option<&String> {
        let repository = gix::open_opts(self.into, gix::open::Options::isolated()).ok();
        self.wanted.objects.iter().find(|object| {
            let id = gix::ObjectId::from_hex(object.as_bytes()).ok();
            !repository.as_ref().zip(id).is_some_and(|(repository, id)| repository.has_object(id))
        })
    }

    fn pull(&self, url: &Url, refs: &[String]) -> Result<(), Trouble> {
        let (known, into, cancel) = (Known::default(), self.into, self.cancel);
        let pulled = if url.scheme() == "ssh" {
            let transport = ssh::connect(url, self.wanted.private, self.surroundings)?;
            receive(transport, url, into, refs, cancel)
        } else {
            let http = http::Link::new(self.net, self.wanted.private, cancel.clone(), known.clone())?;
            let parsed = gix::url::parse(url.as_str()).map_err(|error| Trouble::Git(chain(&error)))?;
            receive(HttpTransport::new_http(http, parsed, Protocol::V2, false), url, into, refs, cancel)
        };
        if let Some(signal) = cancel.signal() {
            return Err(Trouble::Known(FetchError::Interrupted { signal }));
        }
        match (pulled, known.take()) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(error)) => Err(Trouble::Known(error)),
            (Err(error), None) => Err(Trouble::Git(chain(&error))),
        }
    }
}

/// Why nothing came.
enum Trouble {
    /// What asking in another way does not mend.
    Known(FetchError),
    /// What the git library says.
    Git(String),
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Self::Known(error)
    }
}

/// What went wrong below the git library, which passes on no error of ours.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<Option<FetchError>>>);

impl Known {
    /// Keeps the first one.
    fn keep(&self, error: FetchError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn take(&self) -> Option<FetchError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn receive<T: Transport>(
    transport: T,
    url: &Url,
    into: &Path,
    refs: &[String],
    cancel: &Cancel,
) -> Result<(), gix::Error> {
    let options = gix::open::Options::isolated();
    let repository = if let Ok(repository) = gix::open_opts(into, options.clone()) {
        repository
    } else {
        let kind = gix::create::Kind::Bare;
        gix::ThreadSafeRepository::init_opts(into, kind, gix::create::Options::default(), options)?
            .to_thread_local()
    };
    let remote = repository
        .remote_at_without_url_rewrite(url.as_str())?
        .with_fetch_tags(gix::remote::fetch::Tags::None)
        .with_refspecs(refs.iter().map(String::as_str), gix::remote::Direction::Fetch)?;
    let (stop, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if cancel.signal().is_some() {
                    stop.store(true, Ordering::Relaxed);
                }
                std::thread::park_timeout(LOOK);
            }
        });
        let received = remote
            .to_connection_with_transport(transport)
            .prepare_fetch(gix::progress::Discard, gix::remote::ref_map::Options::default())
            .and_then(|prepared| prepared.receive(gix::progress::Discard, &stop));
        done.store(true, Ordering::Relaxed);
        received.map(|_| ())
    })
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        source = cause.source();
    }
    texts.join(": ")
}
