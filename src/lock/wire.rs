//! An image's table as it stands in the file: which keys go together decides what kind it is.

use serde::Deserialize;

use super::{
    AssembledImage, ImageContent, LockedImage, LockedLayer, LockedPackage, LockedSuite, PulledImage,
};
use crate::digest::Sha256;
use crate::name::{ImageRef, Platform};

/// `[[image]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireImage {
    reference: ImageRef,
    platform: Platform,
    digest: Sha256,
    recipe: Option<u32>,
    include: Option<Vec<String>>,
    suites: Option<Vec<LockedSuite>>,
    packages: Option<Vec<LockedPackage>>,
    index: Option<Sha256>,
    size: Option<u64>,
    python: Option<String>,
    glibc: Option<String>,
    layers: Option<Vec<LockedLayer>>,
}

/// Keys of an image that do not go together.
#[derive(Debug, thiserror::Error)]
#[error(
    "the keys of an [[image]] do not go together: expected `recipe`, `include`, `suites` and `packages`, or `size`, \
     `python`, `glibc`, `layers` and perhaps `index`"
)]
pub(super) struct MixedImage;

impl TryFrom<WireImage> for LockedImage {
    type Error = MixedImage;

    fn try_from(wire: WireImage) -> Result<Self, MixedImage> {
        let WireImage { reference, platform, digest, .. } = wire;
        let assembled = (wire.recipe, wire.include, wire.suites, wire.packages);
        let pulled = (wire.size, wire.python, wire.glibc, wire.layers);
        let content = match (assembled, pulled, wire.index) {
            ((Some(recipe), Some(include), Some(suites), Some(packages)), (None, None, None, None), None) => {
                ImageContent::Assembled(AssembledImage { recipe, include, suites, packages })
            }
            ((None, None, None, None), (Some(size), Some(python), Some(glibc), Some(layers)), index) => {
                ImageContent::Pulled(PulledImage { index, size, python, glibc, layers })
            }
            _ => return Err(MixedImage),
        };
        Ok(Self { reference, platform, digest, content })
    }
}
