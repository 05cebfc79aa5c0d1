//! The sparse protocol of registries of crates: where an index says that its files are.
//!
//! The cargo book, "Registry Index", "Index Configuration".

use std::sync::Arc;

use reqwest::header::HeaderMap;
use serde::Deserialize;
use url::Url;

use super::client::Body;
use super::fetcher::Shared;
use super::mirrors::folder;
use super::{FetchError, secret};
use crate::digest::Sha256;

/// Bytes that `config.json` may have.
const LIMIT: u64 = 1 << 20;

/// What `config.json` says that concerns us.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Sparse {
    dl: String,
    #[serde(default)]
    auth_required: bool,
}

impl Sparse {
    /// Where the file of a crate is.
    pub fn download(&self, name: &str, version: &str, sha256: &Sha256) -> Result<Url, String> {
        const MARKERS: [&str; 5] = ["{crate}", "{version}", "{prefix}", "{lowerprefix}", "{sha256-checksum}"];
        let template = if MARKERS.iter().any(|marker| self.dl.contains(marker)) {
            self.dl.clone()
        } else {
            format!("{}/{{crate}}/{{version}}/download", self.dl)
        };
        let prefix = prefix(name);
        let text = template
            .replace("{crate}", name)
            .replace("{version}", version)
            .replace("{lowerprefix}", &prefix.to_lowercase())
            .replace("{prefix}", &prefix)
            .replace("{sha256-checksum}", &sha256.to_string());
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            Ok(_) | Err(_) => Err("`dl` of its config.json is no http or https URL".to_owned()),
        }
    }
}

/// Folders that files of a crate's index are in.
fn prefix(name: &str) -> String {
    match name.len() {
        0 => String::new(),
        length @ (1 | 2) => length.to_string(),
        3 => format!("3/{}", &name[..1]),
        _ => format!("{}/{}", &name[..2], &name[2..4]),
    }
}

impl Shared {
    /// The `config.json` of an index. Each is asked for once.
    pub async fn sparse(&self, index: &Url) -> Result<Arc<Sparse>, FetchError> {
        let cell = self.sparse_cell(index);
        let found = cell.get_or_try_init(|| async {
            let wrong = |problem| FetchError::Answer { url: secret::shown(index), problem };
            let url = folder(index.clone())
                .join("config.json")
                .map_err(|_| wrong("not the URL of an index".to_owned()))?;
            let (_, bytes) = self.client.page(&url, Body::Page, &HeaderMap::new(), LIMIT).await?;
            let found: Sparse = serde_json::from_slice(&bytes).map_err(|error| FetchError::Answer {
                url: secret::shown(&url),
                problem: format!("not a registry's config.json: {error}"),
            })?;
            if found.auth_required {
                // Such a registry wants its token where its files are, too.
                let files = found.download("a", "0", &Sha256::of([])).map_err(wrong)?;
                self.client.share_token(index, &files);
            }
            Ok(Arc::new(found))
        });
        found.await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_as_cargo_fills_them() {
        let digest = Sha256::of("x");
        let url = |dl: &str, name: &str| {
            Sparse { dl: dl.to_owned(), auth_required: false }
                .download(name, "1.0.0+b", &digest)
                .map(String::from)
        };
        assert_eq!(
            url("https://f.example/c", "Serde").unwrap(),
            "https://f.example/c/Serde/1.0.0+b/download"
        );
        assert_eq!(
            url("https://f.example/{lowerprefix}/{prefix}/{crate}-{version}.crate", "Serde").unwrap(),
            "https://f.example/se/rd/Se/rd/Serde-1.0.0+b.crate"
        );
        assert_eq!(
            url("https://f.example/{sha256-checksum}", "a").unwrap(),
            format!("https://f.example/{digest}")
        );
        for (name, expected) in [("a", "1"), ("ab", "2"), ("abc", "3/a")] {
            assert_eq!(prefix(name), expected);
        }
        assert!(url("file:///etc/passwd?{crate}", "a").is_err());
    }
}
