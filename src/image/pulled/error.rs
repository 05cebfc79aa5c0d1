//! What can go wrong with an image by reference.

use crate::digest::Sha256;
use crate::error::{Blame, Fault};
use crate::name::PythonVersion;
use crate::oci::OciError;

/// Why a member of a layer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `..` in a path.
    #[error("its path leads out of the image")]
    Out,
    /// `..` in a hard link's target.
    #[error("it is a hard link to a path that leads out of the image")]
    LinkOut,
    /// NUL, or a name or path that no file system takes.
    #[error("its path is none that a file can have")]
    Path,
    /// A link to nothing, or to more than a link can hold.
    #[error("its target is none that a link can have")]
    Target,
    /// A whiteout of `.`, `..` or of nothing.
    #[error("it is a whiteout that names nothing")]
    Whiteout,
    /// The image's root as something else than a folder.
    #[error("the image's root can only be a folder")]
    Root,
    /// A path below a file.
    #[error("it lies below something that is no folder")]
    BelowFile,
    /// Links that lead to each other.
    #[error("the links in its path lead in a circle")]
    Loop,
    /// A hard link to what is not there.
    #[error("it is a hard link to a file that is not there")]
    LinkToNothing,
    /// A hard link to a folder.
    #[error("it is a hard link to a folder")]
    LinkToFolder,
    /// A kind of member that is unknown, or a sparse file in PAX form, whose content would be misread.
    #[error("it is of a kind that is not known ({0})")]
    Kind(String),
}

/// An image by reference cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PulledError {
    /// Its manifest or configuration.
    #[error("image {image}: {why}")]
    Document {
        /// As written.
        image: String,
        /// Why.
        why: OciError,
    },
    /// The lock's layers are not those of the manifest that it names.
    #[error("image {image}: the lock names other blobs than manifest {manifest} does")]
    OtherBlobs {
        /// As written.
        image: String,
        /// The locked manifest.
        manifest: Sha256,
    },
    /// The configuration names more or fewer layers than the manifest.
    #[error("image {image}: its configuration names {diff_ids} layers, its manifest {layers}")]
    Count {
        /// As written.
        image: String,
        /// In the configuration.
        diff_ids: usize,
        /// In the manifest.
        layers: usize,
    },
    /// A layer is damaged inside: its compression or its tar file.
    #[error("layer {layer} cannot be unpacked: {problem}")]
    Layer {
        /// The layer's digest.
        layer: Sha256,
        /// What is wrong.
        problem: String,
    },
    /// A layer's content is another one than the configuration says.
    #[error(
        "layer {layer} unpacks to other content than the image's configuration says: expected {expected}, got {actual}"
    )]
    DiffId {
        /// The layer's digest.
        layer: Sha256,
        /// Digest of the uncompressed tar file in the configuration.
        expected: Sha256,
        /// Its digest.
        actual: Sha256,
    },
    /// A member of a layer is refused.
    #[error("layer {layer}: {path:?} is refused: {reason}")]
    Member {
        /// The layer's digest.
        layer: Sha256,
        /// The path in the layer.
        path: String,
        /// Why.
        reason: Refusal,
    },
    /// A layer is larger than any image needs.
    #[error("layer {layer} holds more than {limit} {unit}")]
    TooLarge {
        /// The layer's digest.
        layer: Sha256,
        /// The most that is unpacked.
        limit: u64,
        /// Bytes or entries.
        unit: &'static str,
    },
    /// The image holds no Python.
    #[error("image {image} holds no Python: none of {} is there", .asked.join(", "))]
    NoPython {
        /// As written.
        image: String,
        /// Where it was looked for.
        asked: Vec<String>,
    },
    /// The image's Python does not run.
    #[error("image {image}: its {python} does not run: {problem}")]
    Broken {
        /// As written.
        image: String,
        /// Path in the image.
        python: String,
        /// How it ended.
        problem: String,
        /// What it printed.
        log: String,
    },
    /// The image's Python is none that wheels can be installed for.
    #[error("image {image}: its {python} is {found}, expected {expected}")]
    Unfit {
        /// As written.
        image: String,
        /// Path in the image.
        python: String,
        /// What it is.
        found: String,
        /// What can be used.
        expected: &'static str,
    },
    /// The configuration asks for another version.
    #[error("image {image} holds Python {found} ({python}), and the configuration asks for {asked}")]
    OtherPython {
        /// As written.
        image: String,
        /// Path in the image.
        python: String,
        /// What it holds.
        found: PythonVersion,
        /// What is asked for.
        asked: PythonVersion,
    },
}

impl Fault for PulledError {
    fn blame(&self) -> Blame {
        match self {
            Self::OtherBlobs { .. }
            | Self::Count { .. }
            | Self::Layer { .. }
            | Self::DiffId { .. }
            | Self::Member { .. }
            | Self::TooLarge { .. } => Blame::Integrity,
            Self::Document { .. }
            | Self::NoPython { .. }
            | Self::Broken { .. }
            | Self::Unfit { .. }
            | Self::OtherPython { .. } => Blame::User,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = |text: &str| vec![text.to_owned()];
        match self {
            Self::OtherBlobs { .. } => {
                hint("the lock was edited: run `sealwright lock` to lock the image anew")
            }
            Self::Count { .. }
            | Self::Layer { .. }
            | Self::DiffId { .. }
            | Self::Member { .. }
            | Self::TooLarge { .. }
            | Self::Document { .. } => {
                hint("nothing of it was kept; whoever made the image made it so: use another one")
            }
            Self::NoPython { .. } | Self::OtherPython { .. } => hint(
                "use an image with the Python that is to build, or an assembled one: image = \"debian:bookworm\"",
            ),
            Self::Broken { log, .. } => {
                log.lines().rev().take(10).map(str::to_owned).collect::<Vec<_>>().into_iter().rev().collect()
            }
            Self::Unfit { .. } => {
                hint("use an image with CPython on glibc, such as those built on Debian or Red Hat's systems")
            }
        }
    }
}
