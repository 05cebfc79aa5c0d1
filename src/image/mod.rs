//! Base images: from locked Debian packages to an unpacked tree and an OCI image, the same bytes everywhere; and images
//! by reference, whose layers somebody else made (`pulled`).
//!
//! Recipe 1, in order: every package is unpacked without running its scripts, with `/bin`, `/sbin` and `/lib*` merged
//! into `/usr` (`unpack`); a few fixed steps make what scripts would have made and a box needs (`steps`); that
//! is layer 1. Two programs of the image itself then run in the box, without network and with the image read-only:
//! `ldconfig`, and Python compiling its own library (`boxed`); what they wrote is layer 2.
//!
//! Both layers are uncompressed tar files, so that no compressor's version is in a digest: sorted paths, owner 0:0, mode
//! 0755 for folders and programs, 0644 for other files (set-id bits go: the box runs without privileges), one
//! fixed time. The unpacked tree is kept in the store under the manifest's digest, with an index of the layers; the
//! layer files themselves are made again from these when [`export_layout`] wants them.

mod boxed;
mod deb;
mod error;
mod layer;
mod merge;
mod oci;
mod path;
mod pulled;
mod rootfs;
mod steps;
mod unpack;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use error::ImageError;
pub use oci::export_layout;
pub use pulled::{
    Interpreter, PullLimits, Pulled, PulledError, Refusal, ensure as ensure_pulled, find_python,
};

use crate::digest::Sha256;
use crate::event::{Cancel, Reporter};
use crate::lock::{AssembledImage, ImageContent, LockedImage, LockedPackage, LockedSuite};
use crate::name::{ImageRef, Platform, PythonVersion};
use crate::sandbox::Engine;
use crate::store::{Store, TreeKind};

/// The number of the newest recipe. Old ones stay supported; a number never changes its meaning.
pub const RECIPE: u32 = 1;

/// What an image is assembled from: a [`LockedImage`] without its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageInputs {
    /// As written: `debian:bookworm`.
    pub reference: ImageRef,
    /// What it runs on.
    pub platform: Platform,
    /// How it is assembled.
    pub recipe: u32,
    /// The packages that were asked for.
    #[serde(skip)]
    pub include: Vec<String>,
    /// The suites of the packages, sorted by name.
    pub suites: Vec<LockedSuite>,
    /// Every package, sorted.
    pub packages: Vec<LockedPackage>,
}

impl ImageInputs {
    /// The lock's entry, once the digest is known.
    #[must_use]
    pub fn locked(self, digest: Sha256) -> LockedImage {
        LockedImage {
            reference: self.reference.clone(),
            platform: self.platform,
            digest,
            content: ImageContent::Assembled(self.assembled()),
        }
    }

    /// What the lock holds of it, but its name, platform and digest.
    #[must_use]
    pub fn assembled(self) -> AssembledImage {
        let Self { recipe, include, suites, packages, .. } = self;
        AssembledImage { recipe, include, suites, packages }
    }

    /// What a locked image is assembled from.
    #[must_use]
    pub fn of(locked: &LockedImage, assembled: &AssembledImage) -> Self {
        let AssembledImage { recipe, include, suites, packages } = assembled.clone();
        Self {
            reference: locked.reference.clone(),
            platform: locked.platform,
            recipe,
            include,
            suites,
            packages,
        }
    }

    /// Digest of everything that decides the image's bytes.
    fn key(&self) -> Result<Sha256, ImageError> {
        let text = serde_json::to_vec(&("image-inputs/1", self)).map_err(ImageError::Json)?;
        Ok(Sha256::of(text))
    }
}

/// An image that is in the store, unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Digest of its OCI manifest. The tree's key in the store, too.
    pub digest: Sha256,
    /// The unpacked tree: read-only, to be the root of a box.
    pub root: PathBuf,
    /// The interpreter in it, if it is another one than Debian's.
    pub python: Option<String>,
}

impl Image {
    /// The absolute path of its interpreter, of this version.
    #[must_use]
    pub fn interpreter(&self, python: PythonVersion) -> String {
        self.python.clone().unwrap_or_else(|| format!("/usr/bin/python{python}"))
    }

    /// The image of a lock's entry, which knows the interpreter.
    #[must_use]
    pub fn of(mut self, locked: &LockedImage) -> Self {
        self.python = match &locked.content {
            ImageContent::Assembled(_) => None,
            ImageContent::Pulled(pulled) => Some(pulled.python.clone()),
        };
        self
    }
}

/// What is kept of an image beside its tree: enough to make its layers again.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    manifest: oci::Descriptor,
    config: oci::Descriptor,
    layers: Vec<LayerRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LayerRecord {
    layer: oci::Descriptor,
    /// Blob that lists the layer's entries, as [`rootfs::Entries`].
    index: Sha256,
}

/// Assembles the image of a lock whose digest is not known yet, or finds the one that was assembled before. All
/// packages must be in the store.
///
/// # Errors
/// A package is missing, wrong or hostile; packages disagree about a file; the box or the host failed.
pub fn assemble(
    inputs: &ImageInputs,
    store: &Store,
    engine: &dyn Engine,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Image, ImageError> {
    let key = inputs.key()?;
    let _guard = store.lock_key(&format!("image-{key}"), reporter, cancel)?;
    if let Some(known) = store.action(&key)?
        && let Ok(text) = String::from_utf8(known)
        && let Ok(digest) = text.parse::<Sha256>()
        && let Some(image) = present(&digest, store)?
    {
        return Ok(image);
    }
    make(inputs, &key, store, engine, reporter, cancel)
}

/// The image of a lock: the one in the store, or assembled again, or unpacked from its layers, which must be in the store.
/// Its digest is the locked one.
///
/// # Errors
/// As [`assemble`] and [`ensure_pulled`]; or the packages yield another image than the lock names.
pub fn ensure(
    locked: &LockedImage,
    store: &Store,
    engine: &dyn Engine,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Image, ImageError> {
    if let Some(image) = present(&locked.digest, store)? {
        return Ok(image.of(locked));
    }
    let image = match &locked.content {
        ImageContent::Assembled(assembled) => {
            assemble(&ImageInputs::of(locked, assembled), store, engine, reporter, cancel)?
        }
        ImageContent::Pulled(content) => {
            let reference = locked.reference.to_string();
            let pulled = Pulled {
                reference: &reference,
                manifest: locked.digest,
                blobs: &content.layers,
                limits: PullLimits::default(),
            };
            ensure_pulled(pulled, store, reporter, cancel)?
        }
    };
    if image.digest != locked.digest {
        return Err(ImageError::OtherDigest {
            reference: locked.reference.to_string(),
            expected: locked.digest,
            actual: image.digest,
        });
    }
    Ok(image.of(locked))
}

/// The image with this manifest digest, if its tree is in the store: no package is needed then.
///
/// # Errors
/// The host fails.
pub fn present(digest: &Sha256, store: &Store) -> Result<Option<Image>, ImageError> {
    let tree = store.tree(TreeKind::Image, digest)?;
    Ok(tree.map(|tree| Image { digest: *digest, root: tree.path, python: None }))
}

/// Where the record of an image is among the store's action results.
fn record_key(manifest: &Sha256) -> Sha256 {
    Sha256::of(format!("image-record/1 {manifest}"))
}

fn make(
    inputs: &ImageInputs,
    key: &Sha256,
    store: &Store,
    engine: &dyn Engine,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Image, ImageError> {
    if inputs.recipe != RECIPE {
        return Err(ImageError::Recipe { recipe: inputs.recipe, newest: RECIPE });
    }
    let started = std::time::Instant::now();
    reporter.stage(&format!("assembling {} from {} packages", inputs.reference, inputs.packages.len()));
    let scratch = store.scratch("image")?;
    let root = scratch.path().join("root");
    let unpacked = unpack::unpack(&inputs.packages, store, scratch.path(), &root, reporter, cancel)?;
    let mut rootfs = merge::merge(&root, &inputs.packages, &unpacked)?;
    steps::apply(&mut rootfs, inputs, &unpacked)?;
    rootfs.fix()?;
    let packages = rootfs.take_new();
    // The layer's hash needs one core and the box both: together they are done sooner.
    let (first, made) = rayon::join(
        || layer::describe(&root, &packages),
        || boxed::run(&root, scratch.path(), &packages, engine, reporter, cancel),
    );
    let (first, made) = (first?, made?);
    boxed::collect(&mut rootfs, made)?;
    rootfs.fix()?;
    let additions = rootfs.take_new();
    let second = layer::describe(&root, &additions)?;

    let created = oci::created(inputs);
    let mut layers = Vec::new();
    for (layer, entries, by) in
        [(first, &packages, "packages"), (second, &additions, "byte code, ld.so.cache")]
    {
        if !entries.is_empty() {
            let index = serde_json::to_vec(entries).map_err(ImageError::Json)?;
            let index = store.insert(index.as_slice(), None)?.digest;
            layers.push((LayerRecord { layer, index }, by));
        }
    }
    let record = oci::write_manifest(inputs, &created, layers, store)?;
    let digest = record.manifest.sha256()?;
    let builder = store.new_tree(TreeKind::Image, &digest)?;
    // The tree was made aside, since its key is only known at its end; both are in the store's file system.
    std::fs::rename(&root, builder.path()).map_err(error::at(builder.path()))?;
    let mut uses: Vec<Sha256> = record.layers.iter().map(|layer| layer.index).collect();
    uses.extend([digest, record.config.sha256()?]);
    let tree = builder.commit(&uses)?;
    uses.push(digest);
    store.set_action(&record_key(&digest), &serde_json::to_vec(&record).map_err(ImageError::Json)?, &uses)?;
    store.set_action(key, digest.to_hex().as_bytes(), &[digest])?;
    let files = packages.len() + additions.len();
    let seconds = started.elapsed().as_secs_f64();
    reporter.report(crate::event::Event::StageDone {
        what: format!("assembled {}: {files} files in {seconds:.1} s", inputs.reference),
    });
    Ok(Image { digest, root: tree.path, python: None })
}
