//! Base images: the locked one where it is still what is asked for, else a new one.

use jiff::Timestamp;

use super::super::error::BuildError;
use super::super::prepare::release;
use super::super::request::{Context, Upgrade};
use super::super::supply::ArchiveDocuments;
use super::super::supply::Supplier;
use super::needs::Made;
use crate::digest::Sha256;
use crate::fetch::ImageRequest;
use crate::image::{self, Image, find_python};
use crate::lock::{AskedImage, ImageContent, Lock, LockedImage, PulledImage};
use crate::name::{ImageRef, Platform, PythonVersion};
use crate::resolve::debian::{self, ArchiveKeys};

/// What images are chosen with, for one platform.
#[derive(Clone, Copy)]
pub(super) struct Images<'a> {
    pub(super) supplier: &'a Supplier<'a>,
    pub(super) upgrade: &'a Upgrade,
    /// The lock that there was.
    pub(super) old: &'a Lock,
    pub(super) platform: Platform,
    /// The Python that an image by reference has to hold, if the configuration says.
    pub(super) python: Option<PythonVersion>,
}

impl Images<'_> {
    /// An image that was made just now, or the old one if it is still what is asked for, else a new one. `kept_digest` is
    /// the digest of the old one.
    pub(super) fn image(
        &self,
        asked: &AskedImage,
        kept_digest: Option<Sha256>,
        made: &Made,
    ) -> Result<(LockedImage, Image), BuildError> {
        let mut kept = made.images.iter().find(|image| is_still(image, asked));
        if kept.is_none() && *self.upgrade != Upgrade::All {
            let first = kept_digest.and_then(|kept| self.old.image(&kept));
            kept = first
                .into_iter()
                .chain(&self.old.images)
                .find(|old| self.is_ours(old) && is_still(old, asked));
        }
        if let Some(kept) = kept {
            return Ok((kept.clone(), self.supplier.image(kept)?));
        }
        if !asked.reference.is_assembled() {
            return self.pulled(&asked.reference);
        }
        let context = self.supplier.context();
        let Context { store, engine, reporter, cancel, .. } = context;
        let fetcher = self.supplier.fetcher()?;
        let request = debian::Request {
            release: release(&asked.reference)?,
            platform: self.platform,
            suites: asked.suites.clone(),
            include: asked.include.clone(),
            now: Timestamp::now(),
        };
        let documents = ArchiveDocuments { fetcher, context };
        let inputs = debian::resolve(&request, &ArchiveKeys::debian()?, &documents, store, reporter)?;
        fetcher.debian_packages(&inputs.clone().locked(Sha256::of([])), reporter, cancel)?;
        let image = image::assemble(&inputs, store, engine, reporter, cancel)?;
        Ok((inputs.locked(image.digest), image))
    }
}

impl Images<'_> {
    /// What a reference leads to now, with the Python that is found in it.
    fn pulled(&self, reference: &ImageRef) -> Result<(LockedImage, Image), BuildError> {
        let Context { store, engine, reporter, cancel, .. } = self.supplier.context();
        let request = ImageRequest { reference, platform: self.platform };
        let pinned = self.supplier.fetcher()?.pin_image(request, reporter, cancel)?;
        // The image has to be there before its Python can be asked: until then its entry says nothing of it.
        let image = self.supplier.image(&pinned.locked("", ""))?;
        let name = reference.to_string();
        let found = find_python(&image, &name, pinned.path(), self.python, store, engine, cancel)?;
        let locked = pinned.locked(&found.path, &found.glibc);
        Ok((locked.clone(), image.of(&locked)))
    }

    /// Whether an image of the old lock is for this platform and holds the Python that is asked for.
    fn is_ours(&self, image: &LockedImage) -> bool {
        let holds =
            |pulled: &PulledImage| self.python.is_none_or(|asked| pulled.python_version() == Some(asked));
        image.platform == self.platform
            && match &image.content {
                ImageContent::Assembled(_) => true,
                ImageContent::Pulled(pulled) => holds(pulled),
            }
    }
}

/// Whether a locked image is what is asked for now.
pub(super) fn is_still(old: &LockedImage, asked: &AskedImage) -> bool {
    let AskedImage { reference, recipe, include, suites } = asked;
    old.reference == *reference
        && match &old.content {
            ImageContent::Assembled(old) => {
                let locked = old.suites.iter().map(|suite| &suite.name);
                old.recipe <= *recipe && old.include == *include && locked.eq(suites)
            }
            ImageContent::Pulled(_) => true,
        }
}
