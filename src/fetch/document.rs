//! Small documents that are verified by their reader: signed Release files, indexes of packages by digest.

use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use serde::{Deserialize, Serialize};
use url::Url;

use super::client::Body;
use super::fetcher::Fetcher;
use super::{FetchError, Offline, secret};
use crate::event::Cancel;
use crate::store::StoreError;

/// What a server said of a document, kept with it: what to ask with the next time (RFC 9110, 13.1).
#[derive(Serialize, Deserialize, Default)]
struct Validators {
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Fetcher {
    /// A document of at most `limit` bytes, as the server has it. Its content is not verified here.
    ///
    /// # Errors
    /// The server has none ([`FetchError::is_not_found`]), cannot be asked, or it is larger.
    pub fn get(&self, url: &Url, limit: u64, cancel: &Cancel) -> Result<Vec<u8>, FetchError> {
        self.allowed(url)?;
        let headers = HeaderMap::new();
        let task = self.shared.client.page(url, Body::File, &headers, limit);
        Ok(self.run(task, cancel)?.1)
    }

    /// The same, kept in the store: asked for again, it comes only if the server has a newer one. Offline it is the
    /// last one that came.
    ///
    /// # Errors
    /// As [`Fetcher::get`], or the store fails.
    pub fn get_kept(&self, url: &Url, limit: u64, cancel: &Cancel) -> Result<Vec<u8>, FetchError> {
        let name = secret::shown(url);
        let store_error =
            |source: StoreError| FetchError::Store { file: name.clone(), source: Box::new(source) };
        let kept = self.shared.store.document(&name).map_err(store_error)?.and_then(|bytes| parse(&bytes));
        if let (Offline::Yes, Some((_, body))) = (self.offline(), &kept) {
            return Ok(body.clone());
        }
        self.allowed(url)?;
        let mut headers = HeaderMap::new();
        if let Some((Validators { etag, last_modified }, _)) = &kept {
            for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)] {
                let value = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok());
                headers.extend(value.map(|value| (name, value)));
            }
        }
        let (answer, body) = self.run(self.shared.client.page(url, Body::File, &headers, limit), cancel)?;
        if let (StatusCode::NOT_MODIFIED, Some((_, body))) = (answer.status, kept) {
            return Ok(body);
        }
        let text = |name| answer.header(name).map(str::to_owned);
        let validators = Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) };
        if let Ok(mut bytes) = serde_json::to_vec(&validators) {
            bytes.push(b'\n');
            bytes.extend_from_slice(&body);
            self.shared.store.set_document(&name, &bytes).map_err(store_error)?;
        }
        Ok(body)
    }
}

fn parse(bytes: &[u8]) -> Option<(Validators, Vec<u8>)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((serde_json::from_slice(&bytes[..end]).ok()?, bytes[end + 1..].to_vec()))
}
