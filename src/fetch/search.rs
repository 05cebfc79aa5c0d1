//! One file from any of the places that may have it.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;

use super::FetchError;
use super::client::Body;
use super::crates::{CrateOrigin, CratePlace};
use super::fetcher::Shared;
use super::indexes::FindLinks;
use super::mirrors::folder;
use super::page::{self, IndexFile};
use super::secret;
use super::transfer::{Transfer, blocking};
use super::wanted::{Places, Wanted};
use crate::digest::Sha256;
use crate::error::{Blame, Fault};
use crate::name::PackageName;
use crate::store::StoreError;

/// PEP 691, "Version + Format Selection".
const ACCEPTED: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
/// Bytes that a page may have.
const PAGE_LIMIT: u64 = 128 << 20;

/// The search for one file.
pub(super) struct Search<'a> {
    shared: &'a Shared,
    wanted: &'a Wanted,
    /// Places that do not have it, each with its answer.
    asked: Vec<String>,
    /// The most telling failure so far.
    failed: Option<FetchError>,
}

/// Whether the search is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Yes,
    NotYet,
}

impl<'a> Search<'a> {
    pub fn new(shared: &'a Shared, wanted: &'a Wanted) -> Self {
        Self { shared, wanted, asked: Vec::new(), failed: None }
    }

    /// Asks place after place. A place that has a wrong file or does not answer does not end the search, but if no other
    /// has the right one, that is the error; else it is a warning.
    pub async fn run(mut self) -> Result<(), FetchError> {
        let found = match &self.wanted.places {
            Places::Urls(urls) => self.urls(urls).await?,
            Places::Indexes(name) => self.indexes(name).await?,
            Places::Crate { name, version, origin } => self.crates(name, version, origin).await?,
        };
        match (found, self.failed) {
            (Found::Yes, Some(error)) if error.blame() == Blame::Integrity => {
                self.shared.warn(format!("{error}; another place had the right one"));
                Ok(())
            }
            (Found::Yes, _) => Ok(()),
            (Found::NotYet, Some(error)) => Err(error),
            (Found::NotYet, None) => {
                let Wanted { file, sha256, required_by, .. } = self.wanted.clone();
                let asked = if self.asked.is_empty() { vec!["nobody".to_owned()] } else { self.asked };
                Err(FetchError::NotFound { file, sha256, asked, required_by })
            }
        }
    }

    async fn urls(&mut self, urls: &[Url]) -> Result<Found, FetchError> {
        for url in urls {
            if self.url(url).await? == Found::Yes {
                return Ok(Found::Yes);
            }
        }
        Ok(Found::NotYet)
    }

    async fn indexes(&mut self, name: &PackageName) -> Result<Found, FetchError> {
        if let Some(url) = self.shared.hint_for(&self.wanted.sha256)
            && self.url(&url).await? == Found::Yes
        {
            return Ok(Found::Yes);
        }
        for place in &self.shared.indexes.find_links {
            let found = match place {
                FindLinks::Folder(path) => self.folder(path).await?,
                FindLinks::Page(path) => self.local_page(path).await?,
                FindLinks::Url(url) => self.page(&url.bare()).await?,
            };
            if found == Found::Yes {
                return Ok(Found::Yes);
            }
        }
        for index in self.shared.indexes.all() {
            let Ok(url) = folder(index).join(&format!("{name}/")) else { continue };
            if self.page(&url).await? == Found::Yes {
                return Ok(Found::Yes);
            }
        }
        Ok(Found::NotYet)
    }

    async fn crates(&mut self, name: &str, version: &str, origin: &CrateOrigin) -> Result<Found, FetchError> {
        let registries = self.shared.crates();
        for cache in &registries.caches {
            if self.cached(cache.join(&self.wanted.file)).await? == Found::Yes {
                return Ok(Found::Yes);
            }
        }
        let places = registries.places(origin).ok_or_else(|| {
            let index = match origin {
                CrateOrigin::Index(index) => index.clone(),
                CrateOrigin::Default | CrateOrigin::Any => String::new(),
            };
            let Wanted { file, required_by, .. } = self.wanted.clone();
            FetchError::NoRegistry { file, index, required_by }
        })?;
        for place in places {
            let found = match place {
                CratePlace::Folder(path) => self.folder(path).await?,
                CratePlace::Sparse(index) => {
                    let index = index.bare();
                    let asked = match self.shared.sparse(&index).await {
                        Ok(sparse) => sparse
                            .download(name, version, &self.wanted.sha256)
                            .map_err(|problem| FetchError::Answer { url: secret::shown(&index), problem }),
                        Err(error) => Err(error),
                    };
                    match asked {
                        Ok(url) => self.url(&url).await?,
                        Err(error) => self.judge(error, &secret::shown(&index))?,
                    }
                }
                CratePlace::Unusable { origin, problem } => {
                    return Err(FetchError::Setting { origin: origin.clone(), problem: problem.clone() });
                }
            };
            if found == Found::Yes {
                return Ok(Found::Yes);
            }
        }
        Ok(Found::NotYet)
    }

    /// A file that cargo has fetched for itself. It may be another registry's crate of the same name: then it is none.
    async fn cached(&mut self, path: PathBuf) -> Result<Found, FetchError> {
        let (store, expected) = (self.shared.store.clone(), self.wanted.sha256);
        let limit = self.wanted.limit();
        let stored = blocking(move || {
            let Ok(file) = File::open(&path) else { return Ok(None) };
            if file.metadata().map_or(true, |metadata| !metadata.is_file() || metadata.len() > limit) {
                return Ok(None);
            }
            match store.insert(file, Some(expected)) {
                Err(StoreError::Mismatch { .. } | StoreError::Input { .. }) => Ok(None),
                other => other.map(Some),
            }
        });
        match stored.await? {
            Ok(Some(blob)) => {
                self.shared.count(blob.size);
                Ok(Found::Yes)
            }
            Ok(None) => Ok(Found::NotYet),
            Err(source) => {
                Err(FetchError::Store { file: self.wanted.file.clone(), source: Box::new(source) })
            }
        }
    }

    async fn folder(&mut self, folder: &Path) -> Result<Found, FetchError> {
        let path = folder.join(&self.wanted.file);
        if path.is_file() {
            return self.local(path).await;
        }
        self.asked.push(format!("{} (not in it)", folder.display()));
        Ok(Found::NotYet)
    }

    async fn local_page(&mut self, path: &Path) -> Result<Found, FetchError> {
        let (Ok(bytes), Ok(base)) = (std::fs::read(path), Url::from_file_path(path)) else {
            self.asked.push(format!("{} (cannot be read)", path.display()));
            return Ok(Found::NotYet);
        };
        let files = page::html(&bytes, &base);
        self.listed(&files, &path.display().to_string()).await
    }

    async fn page(&mut self, url: &Url) -> Result<Found, FetchError> {
        match self.shared.page(url).await {
            Ok(files) => self.listed(&files, &secret::shown(url)).await,
            Err(error) => self.judge(error, &secret::shown(url)),
        }
    }

    /// Tries the entries of a page that have the file's name.
    async fn listed(&mut self, files: &[IndexFile], page: &str) -> Result<Found, FetchError> {
        let named: Vec<&IndexFile> = files.iter().filter(|file| file.file == self.wanted.file).collect();
        let right = |file: &&&IndexFile| file.sha256 == Some(self.wanted.sha256);
        let unsaid = |file: &&&IndexFile| file.sha256.is_none();
        let tried: Vec<&&IndexFile> = named.iter().filter(right).chain(named.iter().filter(unsaid)).collect();
        for file in &tried {
            let found = match file.url.to_file_path() {
                Ok(path) if file.url.scheme() == "file" => self.local(path).await?,
                _ => self.url(&file.url).await?,
            };
            if found == Found::Yes {
                return Ok(Found::Yes);
            }
        }
        if let Some(actual) = named.iter().find_map(|file| file.sha256).filter(|_| tried.is_empty()) {
            let error = self.wrong_digest(page, actual);
            return self.judge(error, page);
        }
        if tried.is_empty() {
            self.asked.push(format!("{page} (does not list it)"));
        }
        Ok(Found::NotYet)
    }

    async fn url(&mut self, url: &Url) -> Result<Found, FetchError> {
        let Shared { store, client, bytes, .. } = self.shared;
        match (Transfer { store, client, bytes, wanted: self.wanted, url }).run().await {
            Ok(()) => Ok(Found::Yes),
            Err(error) => self.judge(error, &secret::shown(url)),
        }
    }

    async fn local(&mut self, path: PathBuf) -> Result<Found, FetchError> {
        let from = path.display().to_string();
        let (store, expected) = (self.shared.store.clone(), self.wanted.sha256);
        let stored = blocking(move || {
            let file = File::open(&path).map_err(|source| StoreError::Input { source })?;
            store.insert(file, Some(expected))
        });
        match stored.await? {
            Ok(blob) => {
                self.shared.count(blob.size);
                Ok(Found::Yes)
            }
            Err(StoreError::Mismatch { actual, .. }) => {
                let error = self.wrong_digest(&from, actual);
                self.judge(error, &from)
            }
            Err(StoreError::Input { source }) => {
                self.asked.push(format!("{from} ({source})"));
                Ok(Found::NotYet)
            }
            Err(source) => {
                Err(FetchError::Store { file: self.wanted.file.clone(), source: Box::new(source) })
            }
        }
    }

    fn wrong_digest(&self, from: &str, actual: Sha256) -> FetchError {
        FetchError::WrongDigest {
            file: self.wanted.file.as_str().into(),
            from: from.into(),
            expected: self.wanted.sha256,
            actual,
            required_by: self.wanted.required_by.clone().into(),
        }
    }

    /// Whether a failure at one place ends the search.
    fn judge(&mut self, error: FetchError, place: &str) -> Result<Found, FetchError> {
        match error {
            FetchError::Store { .. }
            | FetchError::Offline { .. }
            | FetchError::NoMirror { .. }
            | FetchError::NoRegistry { .. }
            | FetchError::Image(_)
            | FetchError::Setting { .. }
            | FetchError::File { .. }
            | FetchError::Client { .. }
            | FetchError::Interrupted { .. }
            | FetchError::Several(_) => return Err(error),
            FetchError::NotFound { .. } => {}
            FetchError::NoPage { path } => self.asked.push(format!("{} (not there)", path.display())),
            FetchError::Status { status: status @ (404 | 410), .. } => {
                self.asked.push(format!("{place} (answered {status})"));
            }
            FetchError::WrongDigest { .. } | FetchError::WrongSize { .. } => {
                if self.failed.as_ref().is_none_or(|failed| failed.blame() != Blame::Integrity) {
                    self.failed = Some(error);
                }
            }
            FetchError::Status { .. }
            | FetchError::Unreachable { .. }
            | FetchError::Throttled { .. }
            | FetchError::Answer { .. }
            | FetchError::Private { .. }
            | FetchError::NotOurs { .. }
            | FetchError::TooLarge { .. } => {
                self.failed.get_or_insert(error);
            }
        }
        Ok(Found::NotYet)
    }
}

/// The page of a project in an index that is a folder of the host (PEP 503, as files).
fn local_index(url: &Url, folder: &Path) -> Result<Vec<IndexFile>, FetchError> {
    let path = folder.join("index.html");
    match std::fs::read(&path) {
        Ok(bytes) => Ok(page::html(&bytes, url)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(FetchError::NoPage { path })
        }
        Err(source) => Err(FetchError::File { path, origin: "the index".to_owned(), source }),
    }
}

impl Shared {
    /// The files that a page lists. Each page is asked for once.
    pub async fn page(&self, url: &Url) -> Result<Arc<Vec<IndexFile>>, FetchError> {
        let cell = self.page_cell(url);
        let files = cell.get_or_try_init(|| async {
            if let Ok(path) = url.to_file_path() {
                return local_index(url, &path).map(Arc::new);
            }
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ACCEPTED))]);
            let (answer, bytes) = self.client.page(url, Body::Page, &headers, PAGE_LIMIT).await?;
            let kind = answer.header(CONTENT_TYPE).unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            // Relative to where it was after redirects (RFC 3986, 5.1.3).
            let files = if kind == "application/json" || kind.ends_with("+json") {
                let wrong = |problem| FetchError::Answer { url: secret::shown(url), problem };
                page::json(&bytes, &answer.url).map_err(wrong)?
            } else {
                page::html(&bytes, &answer.url)
            };
            Ok(Arc::new(files))
        });
        files.await.cloned()
    }
}
