//! Images by reference: names → manifest digests, and the blobs of locked images into the store.
//!
//! The few requests of the distribution specification go through this module's own client, which brings proxies,
//! certificates, time limits, retries, resuming and the rule of where credentials may go; crate `oci-client` would make a
//! client of its own without most of these. Nothing that a tag leads to is used before it has a digest.

mod engine;
mod error;
mod layout;
mod registry;
mod settings;

pub use error::{ImageSourceError, LoginFound};
pub use settings::Registries;

use super::{FetchError, Fetcher, Offline};
use crate::digest::Sha256;
use crate::event::{Cancel, Reporter};
use crate::lock::{ImageContent, LockedImage, LockedLayer, PulledImage};
use crate::name::{ImageRef, Platform};
use crate::oci::{DOCUMENT_LIMIT, ImageConfig, Manifest, OciError};
use crate::store::StoreError;

/// An image as a person names it.
#[derive(Debug, Clone, Copy)]
pub struct ImageRequest<'a> {
    /// Its reference.
    pub reference: &'a ImageRef,
    /// What it is to run on.
    pub platform: Platform,
}

/// An image by digest: what a reference led to, once, for one platform. Its manifest and configuration were read and are
/// in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedImage {
    reference: ImageRef,
    platform: Platform,
    digest: Sha256,
    size: u64,
    index: Option<Sha256>,
    layers: Vec<LockedLayer>,
    path: Option<String>,
}

impl PinnedImage {
    /// Digest of its manifest.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    /// Digest of the index that it was chosen from.
    #[must_use]
    pub fn index(&self) -> Option<&Sha256> {
        self.index.as_ref()
    }

    /// The configuration, then every layer, in the manifest's order.
    #[must_use]
    pub fn layers(&self) -> &[LockedLayer] {
        &self.layers
    }

    /// `PATH` of its configuration.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The lock's entry, once it is known which Python it holds: the interpreter's path, the C library's version.
    #[must_use]
    pub fn locked(&self, python: &str, glibc: &str) -> LockedImage {
        LockedImage {
            reference: self.reference.clone(),
            platform: self.platform,
            digest: self.digest,
            content: ImageContent::Pulled(PulledImage {
                index: self.index,
                size: self.size,
                python: python.to_owned(),
                glibc: glibc.to_owned(),
                layers: self.layers.clone(),
            }),
        }
    }
}

/// A manifest that was read and whose digest is the one that named it.
struct Found {
    bytes: Vec<u8>,
    digest: Sha256,
    index: Option<Sha256>,
    manifest: Manifest,
}

impl Fetcher {
    /// What a reference leads to now.
    ///
    /// # Errors
    /// It leads nowhere, or to what is no image, or to none for the platform; or it cannot be asked.
    pub fn pin_image(
        &self,
        request: ImageRequest<'_>,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<PinnedImage, FetchError> {
        let image = request.reference.to_string();
        let found = match request.reference {
            ImageRef::Registry(name) => {
                if self.offline() == Offline::Yes {
                    return Err(FetchError::Offline { missing: vec![image] });
                }
                reporter.stage(&format!("asking for {image}"));
                self.find_in_registry(name, request.platform, cancel)?
            }
            ImageRef::Layout(name) => {
                reporter.stage(&format!("reading {image}"));
                self.find_in_layout(name, request.platform)?
            }
            ImageRef::Engine(name) => {
                reporter.stage(&format!("exporting {image}"));
                self.find_in_engine(name, cancel)?
            }
            ImageRef::Debian(_) => {
                let problem = "it is assembled from packages and has nothing to be pulled".to_owned();
                return Err(FetchError::Answer { url: image, problem });
            }
        };
        self.pin(request, &image, found, reporter, cancel)
    }

    fn pin(
        &self,
        request: ImageRequest<'_>,
        image: &str,
        found: Found,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<PinnedImage, FetchError> {
        let Found { bytes, digest, index, manifest } = found;
        let document = |source| Box::new(ImageSourceError::Document { image: image.to_owned(), why: source });
        let size = bytes.len() as u64;
        self.keep_blob(image, bytes.as_slice(), digest)?;
        if manifest.config.size > DOCUMENT_LIMIT {
            let problem = format!("{} bytes, at most {DOCUMENT_LIMIT} are read", manifest.config.size);
            return Err(document(OciError::Value { what: "configuration", problem }).into());
        }
        let blobs = manifest.blobs().map(|blob| LockedLayer {
            digest: blob.digest,
            size: blob.size,
            media_type: blob.media_type.clone(),
        });
        let layers: Vec<LockedLayer> = blobs.collect();
        if let ImageRef::Registry(name) = request.reference {
            self.registry_blobs(name, &layers[..1], reporter, cancel)?;
        }
        let text = self.shared.store.read(&layers[0].digest).map_err(|source| store_error(image, source))?;
        let config = ImageConfig::parse(&text).map_err(document)?;
        if !config.is_for(request.platform) {
            let (image, platform, there) = (image.to_owned(), request.platform, vec![config.platform()]);
            return Err(Box::new(ImageSourceError::NoPlatform { image, platform, there }).into());
        }
        Ok(PinnedImage {
            reference: request.reference.clone(),
            platform: request.platform,
            digest,
            size,
            index,
            layers,
            path: config.path,
        })
    }

    /// Brings what is missing in the store of an image that is locked: its manifest, its configuration, its layers.
    ///
    /// # Errors
    /// Something is not to be had, or is not what the lock says: all of it is told.
    pub fn image_blobs(
        &self,
        locked: &LockedImage,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<(), FetchError> {
        let ImageContent::Pulled(content) = &locked.content else { return Ok(()) };
        let manifest = LockedLayer {
            digest: locked.digest,
            size: content.size,
            media_type: crate::oci::MANIFEST.to_owned(),
        };
        let all: Vec<LockedLayer> = std::iter::once(manifest).chain(content.layers.iter().cloned()).collect();
        let missing: Vec<LockedLayer> =
            all.into_iter().filter(|blob| !self.shared.store.has(&blob.digest)).collect();
        let image = locked.reference.to_string();
        let Some(first) = missing.first() else { return Ok(()) };
        match &locked.reference {
            ImageRef::Registry(name) => return self.registry_blobs(name, &missing, reporter, cancel),
            ImageRef::Layout(name) => {
                reporter.stage(&format!("reading {image}"));
                self.layout_blobs(name, &missing)?;
            }
            ImageRef::Engine(name) => {
                if self.offline() == Offline::Yes {
                    return Err(FetchError::Offline {
                        missing: vec![format!("{image} ({})", first.digest.to_oci())],
                    });
                }
                reporter.stage(&format!("exporting {image}"));
                self.find_in_engine(name, cancel)
                    .and_then(|found| self.keep_blob(&image, &*found.bytes, found.digest))?;
            }
            ImageRef::Debian(_) => {}
        }
        match missing.into_iter().find(|blob| !self.shared.store.has(&blob.digest)) {
            None => Ok(()),
            Some(blob) => Err(Box::new(ImageSourceError::Replaced { image, missing: blob.digest }).into()),
        }
    }

    fn keep_blob(&self, image: &str, bytes: impl std::io::Read, digest: Sha256) -> Result<(), FetchError> {
        self.shared.store.insert(bytes, Some(digest)).map(drop).map_err(|source| store_error(image, source))
    }
}

fn store_error(image: &str, source: StoreError) -> FetchError {
    FetchError::Store { file: image.to_owned(), source: Box::new(source) }
}
