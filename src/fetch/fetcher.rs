//! The fetcher: many files at once, progress, prompt stops; and documents.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use url::Url;

use super::client::Client;
use super::crates::CrateRegistries;
use super::images::Registries;
use super::indexes::FindLinks;
use super::page::IndexFile;
use super::search::Search;
use super::secret::IndexUrl;
use super::sparse::Sparse;
use super::wanted::{self, Wanted};
use super::{DebianMirrors, FetchError, NetConfig, PythonIndexes, secret};
use crate::digest::Sha256;
use crate::error::{Blame, Fault};
use crate::event::{Cancel, Event, Reporter, Unit};
use crate::lock::{Distribution, ImageContent, LockedImage};
use crate::store::Store;

/// How often progress is told and a stop is looked for.
const TICK: Duration = Duration::from_millis(50);

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offline {
    /// It may not: what is missing is an error.
    Yes,
    /// It may.
    No,
}

/// Fetches what locks name into the store, and documents that are verified otherwise.
pub struct Fetcher {
    pub(super) shared: Arc<Shared>,
    mirrors: DebianMirrors,
    offline: Offline,
    runtime: OnceLock<Runtime>,
}

/// What tasks share.
pub(super) struct Shared {
    pub store: Store,
    pub client: Client,
    pub indexes: PythonIndexes,
    /// Bytes that are there of the files that are being fetched.
    pub bytes: AtomicU64,
    hints: Mutex<BTreeMap<Sha256, Url>>,
    warnings: Mutex<Vec<String>>,
    pages: Mutex<BTreeMap<Url, Arc<PageCell>>>,
    crates: OnceLock<CrateRegistries>,
    registries: OnceLock<Registries>,
    sparse: Mutex<BTreeMap<Url, Arc<OnceCell<Arc<Sparse>>>>>,
}

type PageCell = OnceCell<Arc<Vec<IndexFile>>>;

impl Shared {
    pub fn warn(&self, what: String) {
        locked(&self.warnings).push(what);
    }

    pub fn count(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn hint_for(&self, digest: &Sha256) -> Option<Url> {
        locked(&self.hints).get(digest).cloned()
    }

    pub fn page_cell(&self, url: &Url) -> Arc<PageCell> {
        Arc::clone(locked(&self.pages).entry(url.clone()).or_default())
    }

    pub fn sparse_cell(&self, url: &Url) -> Arc<OnceCell<Arc<Sparse>>> {
        Arc::clone(locked(&self.sparse).entry(url.clone()).or_default())
    }

    /// Without any, if none were given.
    pub fn registries(&self) -> &Registries {
        self.registries.get_or_init(Registries::default)
    }

    /// Without any, if none were given.
    pub fn crates(&self) -> &CrateRegistries {
        self.crates.get_or_init(CrateRegistries::default)
    }
}

/// A panic elsewhere leaves maps and lists as they were: nothing to fear from poison.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fetcher {
    /// A fetcher into `store`. Nothing is opened before it is needed.
    #[must_use]
    pub fn new(
        store: &Store,
        net: NetConfig,
        indexes: PythonIndexes,
        mirrors: DebianMirrors,
        offline: Offline,
    ) -> Self {
        let links = indexes.find_links.iter().filter_map(|place| match place {
            FindLinks::Url(url) => Some(url),
            FindLinks::Folder(_) | FindLinks::Page(_) => None,
        });
        let configured: Vec<&IndexUrl> =
            indexes.index.iter().chain(&indexes.extra).chain(links).chain(mirrors.every()).collect();
        let shared = Shared {
            store: store.clone(),
            client: Client::new(net, configured),
            bytes: AtomicU64::new(0),
            hints: Mutex::default(),
            warnings: Mutex::default(),
            pages: Mutex::default(),
            crates: OnceLock::new(),
            sparse: Mutex::default(),
            registries: OnceLock::new(),
            indexes,
        };
        Self { shared: Arc::new(shared), mirrors, offline, runtime: OnceLock::new() }
    }

    /// With registries of crates. Those that are given first stay.
    #[must_use]
    pub fn with_crates(self, crates: CrateRegistries) -> Self {
        for (url, token) in &crates.tokens {
            self.shared.client.add_token(url, token.clone());
        }
        let _ = self.shared.crates.set(crates);
        self
    }

    /// With registries of images. Those that are given first stay.
    #[must_use]
    pub fn with_registries(self, registries: Registries) -> Self {
        let _ = self.shared.registries.set(registries);
        self
    }

    /// The mirrors that Debian packages come from.
    #[must_use]
    pub fn mirrors(&self) -> &DebianMirrors {
        &self.mirrors
    }

    /// The indexes that Python distributions come from.
    #[must_use]
    pub fn indexes(&self) -> &PythonIndexes {
        &self.shared.indexes
    }

    /// How the network is used.
    #[must_use]
    pub fn net(&self) -> &NetConfig {
        &self.shared.client.net
    }

    /// Whether the network may be used.
    #[must_use]
    pub fn offline(&self) -> Offline {
        self.offline
    }

    /// Says where a file was seen (the resolver knows): tried first. Wherever it comes from, its digest decides.
    pub fn hint(&self, digest: Sha256, url: Url) {
        locked(&self.shared.hints).insert(digest, url);
    }

    /// Fetches the packages of an image that are not in the store.
    ///
    /// # Errors
    /// Something is not to be had, or is not what the lock says: all of it is told. Or no mirror is known.
    pub fn debian_packages(
        &self,
        image: &LockedImage,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<(), FetchError> {
        let ImageContent::Assembled(assembled) = &image.content else { return Ok(()) };
        // A full store needs no mirror.
        if image.packages().iter().all(|package| self.shared.store.has(&package.sha256)) {
            return Ok(());
        }
        if self.offline == Offline::Yes {
            let missing = image.packages().iter().filter(|package| !self.shared.store.has(&package.sha256));
            return Err(FetchError::Offline {
                missing: missing.map(|package| package.path.clone()).collect(),
            });
        }
        self.files(
            &wanted::debian(assembled, &image.reference.to_string(), &self.mirrors)?,
            "packages",
            reporter,
            cancel,
        )
    }

    /// Fetches the Python distributions that are not in the store.
    ///
    /// # Errors
    /// Something is not to be had, or is not what the lock says: all of it is told.
    pub fn distributions(
        &self,
        list: &[Distribution],
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<(), FetchError> {
        let wanted: Vec<Wanted> = list.iter().map(Wanted::distribution).collect();
        self.files(&wanted, "distributions", reporter, cancel)
    }

    /// Fetches files that are not in the store. `what` names them in progress.
    ///
    /// # Errors
    /// Something is not to be had, or is not what was wanted: all of it is told.
    pub fn files(
        &self,
        list: &[Wanted],
        what: &str,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<(), FetchError> {
        let mut seen = BTreeSet::new();
        let missing: Vec<Wanted> = list
            .iter()
            .filter(|wanted| seen.insert(wanted.sha256) && !self.shared.store.has(&wanted.sha256))
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        if self.offline == Offline::Yes {
            return Err(FetchError::Offline {
                missing: missing.into_iter().map(|wanted| wanted.file).collect(),
            });
        }
        let (count, total) = (missing.len(), missing.iter().map(|wanted| wanted.size).sum::<Option<u64>>());
        let size = total.map_or_else(String::new, |total| format!(", {}", megabytes(total)));
        reporter.stage(&format!("fetching {count} {what}{size}"));
        self.shared.bytes.store(0, Ordering::Relaxed);
        let progress = |done: u64| {
            reporter.report(Event::Progress { what: what.to_owned(), done, total, unit: Unit::Bytes });
            for what in std::mem::take(&mut *locked(&self.shared.warnings)) {
                reporter.report(Event::Warning { what });
            }
        };
        let result = self.runtime()?.block_on(self.all(missing, &progress, cancel));
        let came = self.shared.bytes.load(Ordering::Relaxed);
        progress(came);
        result?;
        reporter.report(Event::StageDone { what: format!("fetched {count} {what}, {}", megabytes(came)) });
        Ok(())
    }

    async fn all(
        &self,
        missing: Vec<Wanted>,
        progress: &(dyn Fn(u64) + Sync),
        cancel: &Cancel,
    ) -> Result<(), FetchError> {
        // The large ones first: the last one to end is then a small one.
        let mut todo = missing;
        todo.sort_by_key(|wanted| wanted.size);
        let mut running: JoinSet<Result<(), FetchError>> = JoinSet::new();
        let mut errors = Vec::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while running.len() < self.net().parallel.max(1) {
                let Some(wanted) = todo.pop() else { break };
                let shared = Arc::clone(&self.shared);
                running.spawn(async move { Search::new(&shared, &wanted).run().await });
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    None => break,
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => {
                        // A wrong or missing file says nothing of the others; a dead network or a full disk does.
                        let alone = matches!(error.blame(), Blame::Integrity) || error.is_not_found();
                        errors.push(error);
                        if !alone {
                            break;
                        }
                    }
                    Some(Err(error)) => {
                        let problem = format!("a task of ours ended early: {error}");
                        errors.push(FetchError::Client { problem });
                        break;
                    }
                },
                _ = tick.tick() => {
                    if let Some(signal) = cancel.signal() {
                        errors = vec![FetchError::Interrupted { signal }];
                        break;
                    }
                    progress(self.shared.bytes.load(Ordering::Relaxed));
                }
            }
        }
        running.shutdown().await;
        errors.sort_by_key(ToString::to_string);
        match errors.len() {
            0 => Ok(()),
            1 => errors.pop().map_or(Ok(()), Err),
            _ => Err(FetchError::Several(errors)),
        }
    }

    pub(super) fn allowed(&self, url: &Url) -> Result<(), FetchError> {
        match self.offline {
            Offline::Yes => Err(FetchError::Offline { missing: vec![secret::shown(url)] }),
            Offline::No => Ok(()),
        }
    }

    /// Runs one task to its end, or until a stop is asked for.
    pub(super) fn run<T>(
        &self,
        task: impl Future<Output = Result<T, FetchError>>,
        cancel: &Cancel,
    ) -> Result<T, FetchError> {
        self.runtime()?.block_on(async {
            tokio::pin!(task);
            loop {
                if let Some(signal) = cancel.signal() {
                    return Err(FetchError::Interrupted { signal });
                }
                if let Ok(result) = tokio::time::timeout(TICK, &mut task).await {
                    return result;
                }
            }
        })
    }

    fn runtime(&self) -> Result<&Runtime, FetchError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let made = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
        let made = made.map_err(|error| FetchError::Client { problem: error.to_string() })?;
        Ok(self.runtime.get_or_init(|| made))
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
