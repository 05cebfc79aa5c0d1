//! What can go wrong when an image is brought from where its reference says.

use std::path::PathBuf;

use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};
use crate::name::Platform;
use crate::oci::OciError;

/// What can go wrong when an image is brought from where its reference says.
#[derive(Debug, thiserror::Error)]
pub enum ImageSourceError {
    /// The reference names no registry and none is configured.
    #[error("image {image} names no registry, and no default one is configured")]
    NoDefault {
        /// As written.
        image: String,
    },
    /// The registry wants a login, or another one.
    #[error("image {image}: {url} answered 401 Unauthorized{}", told(*.login))]
    Unauthorized {
        /// As written.
        image: String,
        /// What was asked for.
        url: String,
        /// What was found to log in with.
        login: LoginFound,
    },
    /// The registry does not let this user pull it.
    #[error("image {image}: {url} answered 403 Forbidden{}", told(*.login))]
    Forbidden {
        /// As written.
        image: String,
        /// What was asked for.
        url: String,
        /// What was found to log in with.
        login: LoginFound,
    },
    /// No place has it.
    #[error("image {image}: {what} is nowhere to be had: asked {}", .asked.join(", "))]
    NotFound {
        /// As written.
        image: String,
        /// The tag, or the digest of a blob.
        what: String,
        /// Every place that was asked, with its answer.
        asked: Vec<String>,
    },
    /// A registry or layout gave another document than the one that was named.
    #[error("image {image}: {from} is not what it was named as: expected sha256 {expected}, got {actual}")]
    WrongDigest {
        /// As written.
        image: String,
        /// Where it came from.
        from: String,
        /// As named.
        expected: Sha256,
        /// Of what came.
        actual: Sha256,
    },
    /// There is none for the platform.
    #[error("image {image} is not there for {platform} (it is for {})", list(.there))]
    NoPlatform {
        /// As written.
        image: String,
        /// What is wanted.
        platform: Platform,
        /// What there is.
        there: Vec<String>,
    },
    /// What is there is no image that can be used.
    #[error("image {image}: {why}")]
    Document {
        /// As written.
        image: String,
        /// Why.
        why: OciError,
    },
    /// An OCI layout cannot be read.
    #[error("image {image}: {} is no OCI layout that can be read: {problem}", path.display())]
    Layout {
        /// As written.
        image: String,
        /// Where it should be.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// An OCI layout has no image of the name, or several.
    #[error("image {image}: {} holds {}", path.display(), named(.tag.as_deref(), .there))]
    Name {
        /// As written.
        image: String,
        /// The layout.
        path: PathBuf,
        /// The name that was asked for.
        tag: Option<String>,
        /// The names that it has.
        there: Vec<String>,
    },
    /// A file of a layout cannot be read.
    #[error("image {image}: cannot read {}", path.display())]
    Read {
        /// As written.
        image: String,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No Docker Engine answers.
    #[error("image {image}: no Docker Engine answers at {socket}: {problem}")]
    NoEngine {
        /// As written.
        image: String,
        /// Where it was looked for.
        socket: String,
        /// Why.
        problem: String,
    },
    /// The engine has no such image.
    #[error("image {image}: the Docker Engine at {socket} has no image of this name")]
    NotInEngine {
        /// As written.
        image: String,
        /// Where the engine is.
        socket: String,
    },
    /// The engine has another image under that name than the locked one.
    #[error("image {image}: what is there now is not the locked image: blob sha256 {missing} is not in it")]
    Replaced {
        /// As written.
        image: String,
        /// A blob of the locked image.
        missing: Sha256,
    },
}

/// What there was to log in with. Never the thing itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFound {
    /// Nothing.
    None,
    /// Something, which was refused.
    Refused,
    /// A credential helper, which is not asked.
    Helper,
}

fn told(found: LoginFound) -> &'static str {
    match found {
        LoginFound::None => ", and there are no credentials for it",
        LoginFound::Refused => " to the credentials that are configured",
        LoginFound::Helper => ", and its credentials are with a credential helper, which is not asked",
    }
}

fn list(there: &[String]) -> String {
    if there.is_empty() { "no platform".to_owned() } else { there.join(", ") }
}

fn named(tag: Option<&str>, there: &[String]) -> String {
    match (tag, there) {
        (Some(tag), []) => format!("no image named {tag:?}, and none with a name"),
        (Some(tag), there) => format!("no image named {tag:?} (there are {})", there.join(", ")),
        (None, there) => format!("not one image but several, or none (there are {})", list(there)),
    }
}

impl Fault for ImageSourceError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unauthorized { .. } | Self::Forbidden { .. } | Self::NotFound { .. } => Blame::Network,
            Self::WrongDigest { .. } | Self::Replaced { .. } => Blame::Integrity,
            Self::NoDefault { .. }
            | Self::NoPlatform { .. }
            | Self::Document { .. }
            | Self::Layout { .. }
            | Self::Name { .. }
            | Self::Read { .. }
            | Self::NotInEngine { .. } => Blame::User,
            Self::NoEngine { .. } => Blame::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = |text: &str| vec![text.to_owned()];
        match self {
            Self::NoDefault { image } => vec![
                format!("write the registry's host before it: HOST/{image}"),
                "or say which registry short names are of, in sealwright.toml: [registry] default = \"HOST\""
                    .to_owned(),
                "images that are assembled from packages need none: debian:bookworm, debian:trixie"
                    .to_owned(),
            ],
            Self::Unauthorized { login: LoginFound::Helper, .. }
            | Self::Forbidden { login: LoginFound::Helper, .. } => hint(
                "log in without a helper: a config.json with `auths`, in the folder that DOCKER_CONFIG names",
            ),
            Self::Unauthorized { .. } | Self::Forbidden { .. } => hint(
                "log in with `docker login HOST`, or use a user who may pull it; some registries answer so for what they do not have",
            ),
            Self::NotFound { .. } => hint("check the name and the tag, and `mirrors` in [registry]"),
            Self::WrongDigest { .. } => {
                hint("nothing of it was stored; a proxy or a mirror may have changed it: ask another one")
            }
            Self::NoPlatform { .. } => hint("use an image that is made for it"),
            Self::Document { .. } => hint("check that the reference is an image's, or have it built anew"),
            Self::Layout { .. } => hint(
                "`skopeo copy docker://HOST/NAME:TAG oci:PATH:TAG` makes a layout; the path is relative to the project's folder",
            ),
            Self::Name { .. } => hint("write one of these names after the path: oci-layout:PATH:NAME"),
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                hint("the path is relative to the project's folder; it has to hold index.json and blobs/")
            }
            Self::Read { source, .. } => io_hints(source),
            Self::NoEngine { .. } => hint("start it, or name its socket: DOCKER_HOST=unix:///PATH"),
            Self::NotInEngine { .. } => hint(
                "`docker images` lists those that it has; an image of a registry needs no engine: HOST/NAME:TAG",
            ),
            Self::Replaced { .. } => hint("`sealwright lock --upgrade` locks the new one"),
        }
    }
}
