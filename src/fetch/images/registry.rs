//! Images in registries (OCI distribution specification 1.1, "pull").

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};

use super::Found;
use super::error::{ImageSourceError, LoginFound};
use super::settings::Place;
use crate::digest::Sha256;
use crate::error::{Blame, Fault};
use crate::event::{Cancel, Reporter};
use crate::fetch::client::Body;
use crate::fetch::wanted::{Places, Wanted};
use crate::fetch::{FetchError, Fetcher, secret};
use crate::lock::LockedLayer;
use crate::name::{Platform, RegistryRef};
use crate::oci::{DOCUMENT_LIMIT, Document, MANIFEST, OciError};

/// Indexes in indexes.
const NESTED: usize = 3;

/// A document of a repository.
struct Got {
    bytes: Vec<u8>,
    digest: Sha256,
    document: Document,
}

impl Fetcher {
    /// The manifest that a name leads to.
    pub(super) fn find_in_registry(
        &self,
        name: &RegistryRef,
        platform: Platform,
        cancel: &Cancel,
    ) -> Result<Found, FetchError> {
        let places = self.places(name)?;
        let start = name.digest().unwrap_or(name.tag()).to_owned();
        let mut got = self.run(self.manifest(name, &places, &start), cancel)?;
        let mut index = None;
        for _ in 0..NESTED {
            match got.document {
                Document::Manifest(manifest) => {
                    return Ok(Found { bytes: got.bytes, digest: got.digest, index, manifest });
                }
                Document::Index(list) => {
                    index.get_or_insert(got.digest);
                    let Some(chosen) = list.of_platform(platform) else {
                        let (image, there) = (name.to_string(), list.platforms());
                        return Err(Box::new(ImageSourceError::NoPlatform { image, platform, there }).into());
                    };
                    got = self.run(self.manifest(name, &places, &chosen.digest.to_oci()), cancel)?;
                }
            }
        }
        let source = OciError::Value { what: "index", problem: "in other indexes too often".to_owned() };
        Err(Box::new(ImageSourceError::Document { image: name.to_string(), why: source }).into())
    }

    /// Fetches blobs (and manifests) of a locked image.
    pub(super) fn registry_blobs(
        &self,
        name: &RegistryRef,
        blobs: &[LockedLayer],
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<(), FetchError> {
        if blobs.iter().all(|blob| self.shared.store.has(&blob.digest)) {
            return Ok(());
        }
        let places = self.places(name)?;
        let wanted = blobs.iter().map(|blob| {
            let kind = if blob.media_type == MANIFEST { "manifests" } else { "blobs" };
            let below = format!("{kind}/{}", blob.digest.to_oci());
            Wanted {
                file: blob.digest.to_oci(),
                sha256: blob.digest,
                size: Some(blob.size),
                required_by: vec![name.to_string()],
                places: Places::Urls(
                    places.iter().filter_map(|place| place.base.join(&format!("./{below}")).ok()).collect(),
                ),
            }
        });
        let wanted: Vec<Wanted> = wanted.collect();
        self.files(&wanted, "image blobs", reporter, cancel).map_err(|error| explain(name, &places, error))
    }

    /// Where a repository is, and from now on access to it.
    fn places(&self, name: &RegistryRef) -> Result<Vec<Place>, FetchError> {
        let places = self.shared.registries().places(name, self.net())?;
        for place in &places {
            let login = place.login.clone();
            self.shared.client.repositories.add(&place.base, &name.full_repository(), login);
        }
        Ok(places)
    }

    /// The manifest or index with this tag or digest, from the first place that has it.
    async fn manifest(&self, name: &RegistryRef, places: &[Place], what: &str) -> Result<Got, FetchError> {
        let (mut asked, mut failed) = (Vec::new(), None);
        for place in places {
            match self.manifest_at(name, place, what).await {
                Ok(got) => return Ok(got),
                Err(error) if error.is_not_found() => {
                    asked.push(format!("{} (answered 404)", secret::shown(&place.base)));
                }
                // What came is wrong: that another place may have the right one is no reason to go on.
                Err(error) if error.blame() == Blame::Integrity || matches!(error, FetchError::Image(_)) => {
                    return Err(error);
                }
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        Err(failed.map_or_else(
            || {
                let (image, what) = (name.to_string(), what.to_owned());
                Box::new(ImageSourceError::NotFound { image, what, asked }).into()
            },
            |error| explain(name, places, error),
        ))
    }

    async fn manifest_at(&self, name: &RegistryRef, place: &Place, what: &str) -> Result<Got, FetchError> {
        // `./`: else the colon of a digest would make what is before it a scheme (RFC 3986, 4.2).
        let url = place
            .base
            .join(&format!("./manifests/{what}"))
            .map_err(|error| FetchError::Setting { origin: name.to_string(), problem: error.to_string() })?;
        let (answer, bytes) =
            self.shared.client.page(&url, Body::File, &HeaderMap::new(), DOCUMENT_LIMIT).await?;
        let digest = Sha256::of(&bytes);
        let image = || name.to_string();
        let said = answer.header(HeaderName::from_static("docker-content-digest"));
        let named = Sha256::from_oci(what).ok();
        for expected in named.into_iter().chain(said.and_then(|text| Sha256::from_oci(text).ok())) {
            if expected != digest {
                let (image, from, actual) = (image(), secret::shown(&url), digest);
                return Err(Box::new(ImageSourceError::WrongDigest { image, from, expected, actual }).into());
            }
        }
        let kind = answer.header(CONTENT_TYPE).and_then(|text| text.split(';').next()).map(str::trim);
        // Servers of static files call everything the same.
        let kind = kind.filter(|kind| kind.starts_with("application/vnd."));
        let document = Document::parse(&bytes, kind)
            .map_err(|source| Box::new(ImageSourceError::Document { image: image(), why: source }))?;
        Ok(Got { bytes, digest, document })
    }
}

/// The failure of a request in terms of the image.
fn explain(name: &RegistryRef, places: &[Place], error: FetchError) -> FetchError {
    let image = name.to_string();
    let login = |url: &str| {
        let place = places.iter().find(|place| url.starts_with(place.base.as_str())).or(places.first());
        place.map_or(LoginFound::None, |place| place.found)
    };
    Box::new(match error {
        FetchError::Status { status: 401, url } => {
            ImageSourceError::Unauthorized { image, login: login(&url), url }
        }
        FetchError::Status { status: 403, url } => {
            ImageSourceError::Forbidden { image, login: login(&url), url }
        }
        FetchError::NotFound { file: what, asked, .. } => ImageSourceError::NotFound { image, what, asked },
        other => return other,
    })
    .into()
}
