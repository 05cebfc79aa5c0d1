//! Base images: the locked one where it is still what is asked for, else a new one.

use jiff::Timestamp;

use super::super::error::BuildError;
use super::super::prepare::release;
use super::super::request::{Context, Upgrade};
use super::super::supply::ArchiveDocuments;
use super::super::supply::Supplier;
use super::needs::Made;
use crate::digest::Sha256;
use crate::image::{self, Image};
use crate::lock::{AskedImage, ImageContent, Lock, LockedImage};
use crate::name::Platform;
use crate::resolve::debian::{self, ArchiveKeys};

/// What images are chosen with, for one platform.
#[derive(Clone, Copy)]
pub(super) struct Images<'a> {
    pub(super) supplier: &'a Supplier<'a>,
    pub(super) upgrade: &'a Upgrade,
    /// The lock that there was.
    pub(super) old: &'a Lock,
    pub(super) platform: Platform,
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
    fn is_ours(&self, image: &LockedImage) -> bool {
        image.platform == self.platform
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
