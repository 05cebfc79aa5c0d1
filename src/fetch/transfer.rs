//! One file from one URL into the store: resumed where it was cut off, tried again, compared.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use url::Url;

use super::FetchError;
use super::client::{Attempts, Body, Client, Failure, answer};
use super::secret;
use super::wanted::Wanted;
use crate::digest::Sha256;
use crate::store::{Partial, Store, StoreError};

/// Progress that shows that a server works: retries are counted anew.
const PROGRESS: u64 = 1 << 20;
/// How often a file is looked at that another process fetches.
const LOOK: Duration = Duration::from_millis(100);

/// What a transfer needs besides its file.
#[derive(Clone, Copy)]
pub(super) struct Transfer<'a> {
    pub store: &'a Store,
    pub client: &'a Client,
    pub wanted: &'a Wanted,
    pub url: &'a Url,
    /// Bytes that are there, of all files.
    pub bytes: &'a AtomicU64,
}

impl Transfer<'_> {
    /// Fetches the file. After an error nothing of it is in the store; what came before a connection broke is kept for
    /// the next time.
    pub async fn run(self) -> Result<(), FetchError> {
        let Some(mut partial) = self.open().await? else { return Ok(()) };
        let mut attempts = Attempts::new(&self.client.net);
        let mut restarted = false;
        loop {
            let before = partial.len();
            match self.attempt(&mut partial).await {
                Ok(()) => {}
                Err(failure @ (Failure::Passing { .. } | Failure::Throttled { .. })) => {
                    if partial.len() > before + PROGRESS {
                        attempts = Attempts::new(&self.client.net);
                    }
                    attempts.failed(failure, self.url).await?;
                    continue;
                }
                Err(Failure::Final(error)) => {
                    self.uncount(partial.len());
                    if matches!(error, FetchError::WrongSize { .. }) {
                        partial.discard().map_err(|source| self.store_error(source))?;
                    }
                    return Err(error);
                }
            }
            let came = partial.len();
            let wrong = match self.wanted.size.filter(|size| came != *size) {
                Some(expected) => {
                    partial.discard().map_err(|source| self.store_error(source))?;
                    self.wrong_size(expected, came.to_string())
                }
                None => match self.finish(partial).await? {
                    None => return Ok(()),
                    Some(actual) => self.wrong_digest(actual),
                },
            };
            self.uncount(came);
            // What was there before may have been of something else: once more, whole.
            if before == 0 || restarted {
                return Err(wrong);
            }
            restarted = true;
            let Some(fresh) = self.open().await? else { return Ok(()) };
            partial = fresh;
        }
    }

    /// What is there of the file. `None` if another process has fetched it meanwhile.
    async fn open(&self) -> Result<Option<Partial>, FetchError> {
        loop {
            let (store, digest) = (self.store.clone(), self.wanted.sha256);
            let opened = blocking(move || store.partial(&digest)).await?;
            if let Some(partial) = opened.map_err(|source| self.store_error(source))? {
                self.bytes.fetch_add(partial.len(), Ordering::Relaxed);
                return Ok(Some(partial));
            }
            tokio::time::sleep(LOOK).await;
            if self.store.has(&self.wanted.sha256) {
                return Ok(None);
            }
        }
    }

    /// One request, and all of its body.
    async fn attempt(&self, partial: &mut Partial) -> Result<(), Failure> {
        let offset = partial.len();
        if self.wanted.size == Some(offset) && offset > 0 {
            return Ok(());
        }
        if offset > self.wanted.limit() {
            self.restart(partial)?;
        }
        let mut headers = HeaderMap::new();
        let offset = partial.len();
        if offset > 0 {
            let range = HeaderValue::from_str(&format!("bytes={offset}-"));
            headers.extend(range.ok().map(|range| (RANGE, range)));
        }
        let mut answered = self.client.get(self.url, Body::File, &headers).await?;
        let shown = secret::shown(&answered.url);
        match answered.status {
            StatusCode::OK => {
                if offset > 0 {
                    self.restart(partial)?;
                }
                let length = answered.header(CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
                match (self.wanted.size, length) {
                    (Some(size), Some(length)) if size != length => {
                        return Err(self.wrong_size(size, length.to_string()).into());
                    }
                    _ => {}
                }
            }
            StatusCode::PARTIAL_CONTENT if offset > 0 => {
                // RFC 9110, 14.4: bytes FIRST-LAST/LENGTH
                let range = answered.header(CONTENT_RANGE).and_then(|text| text.strip_prefix("bytes "));
                let first = range.and_then(|range| range.split('-').next()?.parse::<u64>().ok());
                if first != Some(offset) {
                    self.restart(partial)?;
                    let problem = format!("sent another range than asked for ({offset}-)");
                    return Err(Failure::Passing { problem, after: None });
                }
            }
            StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => {
                self.restart(partial)?;
                let problem = "has less than what is there already".to_owned();
                return Err(Failure::Passing { problem, after: None });
            }
            status if status.is_success() => {
                return Err(answer(&shown, &format!("answered {status}, expected 200")).into());
            }
            status => return Err(FetchError::Status { url: shown, status: status.as_u16() }.into()),
        }
        while let Some(chunk) = answered.chunk().await? {
            let limit = self.wanted.limit();
            if partial.len() + chunk.len() as u64 > limit {
                return Err(self.wrong_size(limit, format!("more than {limit}")).into());
            }
            partial.write(&chunk).map_err(|source| self.store_error(source))?;
            self.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Stores it; the digest that it has, if that is another one.
    async fn finish(&self, partial: Partial) -> Result<Option<Sha256>, FetchError> {
        match blocking(move || partial.finish()).await? {
            Ok(_) => Ok(None),
            Err(StoreError::Mismatch { actual, .. }) => Ok(Some(actual)),
            Err(source) => Err(self.store_error(source)),
        }
    }

    fn restart(&self, partial: &mut Partial) -> Result<(), FetchError> {
        self.uncount(partial.len());
        partial.restart().map_err(|source| self.store_error(source))
    }

    fn uncount(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn store_error(&self, source: StoreError) -> FetchError {
        FetchError::Store { file: self.wanted.file.clone(), source: Box::new(source) }
    }

    fn wrong_size(&self, expected: u64, actual: String) -> FetchError {
        FetchError::WrongSize {
            file: self.wanted.file.clone(),
            from: secret::shown(self.url),
            expected,
            actual,
            required_by: self.wanted.required_by.clone(),
        }
    }

    fn wrong_digest(&self, actual: Sha256) -> FetchError {
        FetchError::WrongDigest {
            file: self.wanted.file.as_str().into(),
            from: secret::shown(self.url).into(),
            expected: self.wanted.sha256,
            actual,
            required_by: self.wanted.required_by.clone().into(),
        }
    }
}

/// Runs what takes long in the store on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| FetchError::Client { problem: format!("a task of ours ended early: {error}") })
}
