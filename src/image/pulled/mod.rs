//! Images by reference: their layers, which somebody else made, unpacked safely.
//!
//! Everything is verified again here: the manifest against the locked digest, the lock's blobs against the manifest, each
//! blob against its digest, what each layer unpacks to against the configuration. Layers are read in parallel, their
//! files written aside under numbers (`read`); the tree that they make together is made in memory (`tree`), and then
//! on disk (`write`). Owners, set-id bits, extended attributes, devices and pipes are left out: everything is the
//! user's, whom the box maps, and the box has devices of its own.

mod error;
mod interpreter;
mod read;
mod tree;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rayon::prelude::*;

pub use error::{PulledError, Refusal};
pub use interpreter::{Interpreter, find_python};
pub use read::Limits as PullLimits;

use super::{Image, ImageError};
use crate::digest::Sha256;
use crate::event::{Cancel, Event, Reporter, Unit};
use crate::lock::LockedLayer;
use crate::oci::{ImageConfig, Manifest, OciError};
use crate::store::{Store, TreeKind};
use read::{Layer, Reading, Used};
use tree::Tree;

/// An image to be unpacked: names for messages, digests for the rest.
#[derive(Debug, Clone, Copy)]
pub struct Pulled<'a> {
    /// As written.
    pub reference: &'a str,
    /// Digest of its manifest.
    pub manifest: Sha256,
    /// The configuration, then every layer, as the lock has them.
    pub blobs: &'a [LockedLayer],
    /// How much it may unpack to.
    pub limits: PullLimits,
}

/// The image of a manifest: the one in the store, or unpacked. Its blobs must be in the store.
///
/// # Errors
/// A blob is missing, wrong or hostile; the lock names other blobs than the manifest; the host failed.
pub fn ensure(
    pulled: Pulled<'_>,
    store: &Store,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Image, ImageError> {
    if let Some(image) = super::present(&pulled.manifest, store)? {
        return Ok(image);
    }
    let _guard = store.lock_key(&format!("image-{}", pulled.manifest), reporter, cancel)?;
    if let Some(image) = super::present(&pulled.manifest, store)? {
        return Ok(image);
    }
    unpack(pulled, store, reporter, cancel)
}

fn unpack(
    pulled: Pulled<'_>,
    store: &Store,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Image, ImageError> {
    let started = Instant::now();
    let Pulled { reference, manifest: digest, blobs, limits } = pulled;
    let wrong = |source: OciError| PulledError::Document { image: reference.to_owned(), why: source };
    let manifest = Manifest::parse(&store.read(&digest)?).map_err(wrong)?;
    let named = manifest.blobs().map(|blob| (blob.digest, blob.size, blob.media_type.as_str()));
    if !named.eq(blobs.iter().map(|blob| (blob.digest, blob.size, blob.media_type.as_str()))) {
        return Err(PulledError::OtherBlobs { image: reference.to_owned(), manifest: digest }.into());
    }
    let config = ImageConfig::parse(&store.read(&manifest.config.digest)?).map_err(wrong)?;
    let (diff_ids, layers) = (config.diff_ids.len(), manifest.layers.len());
    if diff_ids != layers {
        return Err(PulledError::Count { image: reference.to_owned(), diff_ids, layers }.into());
    }
    reporter.stage(&format!("unpacking {reference}, {layers} layers"));
    let scratch = store.scratch("image")?;
    let aside = scratch.folder("aside")?;
    let (budget, done) = (Used::new(limits), AtomicU64::new(0));
    let total = manifest.layers.iter().map(|layer| layer.size).sum();
    // The largest first: else the last one may keep one core busy alone.
    let mut order: Vec<usize> = (0..layers).collect();
    order.sort_by_key(|&number| std::cmp::Reverse(manifest.layers[number].size));
    let read = order.into_par_iter().with_max_len(1).map(|number| {
        let layer = &manifest.layers[number];
        let blob = store.open_blob(&layer.digest)?;
        let reading = Reading {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            digest: layer.digest,
            diff_id: config.diff_ids[number],
            aside: &aside,
            used: &budget,
            cancel,
        };
        let read = reading.run(blob)?;
        let done = done.fetch_add(layer.size, Ordering::Relaxed) + layer.size;
        let what = "layers unpacked".to_owned();
        reporter.report(Event::Progress { what, done, total: Some(total), unit: Unit::Bytes });
        Ok((number, read))
    });
    let mut read = read.collect::<Result<Vec<(usize, Layer)>, ImageError>>()?;
    read.sort_by_key(|(number, _)| *number);
    let (mut tree, mut skipped, mut entries) = (Tree::default(), 0, 0);
    for (number, Layer { members, skipped: of_layer }) in read {
        skipped += of_layer;
        entries += members.len();
        tree.apply(&members).map_err(|(at, reason)| PulledError::Member {
            layer: manifest.layers[number].digest,
            path: shown(&members[at].path),
            reason,
        })?;
    }
    let builder = store.new_tree(TreeKind::Image, &digest)?;
    write::write(&tree, &aside, builder.path())?;
    let mut uses: Vec<Sha256> = manifest.blobs().map(|blob| blob.digest).collect();
    uses.push(digest);
    let tree = builder.commit(&uses)?;
    scratch.close()?;
    if skipped > 0 {
        reporter.note(&format!("{reference}: {skipped} devices and pipes are left out: the box has its own"));
    }
    let seconds = started.elapsed().as_secs_f64();
    reporter.report(Event::StageDone {
        what: format!("unpacked {reference}: {entries} entries in {seconds:.1} s"),
    });
    Ok(Image { digest, root: tree.path, python: None })
}

fn shown(path: &[tree::Name]) -> String {
    let parts: Vec<_> = path.iter().map(|name| String::from_utf8_lossy(name)).collect();
    parts.join("/")
}
