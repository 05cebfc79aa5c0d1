//! Images as values: manifests, indexes and configurations, read strictly (OCI image specification 1.1; Docker's image
//! manifest version 2, schema 2). No input, no output: what is read was hashed by whoever brought it.

mod config;
mod error;
mod manifest;

pub use config::ImageConfig;
pub use error::OciError;
pub use manifest::{Descriptor, Document, Index, Manifest, layer_is_known};

/// Media type of an OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of an uncompressed layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Media type of a layer compressed by gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Media type of a layer compressed by zstd.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// Docker's media type of an index.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's media type of a manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's media type of a configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Bytes of a manifest, an index or a configuration (distribution-spec asks registries to take 4 MiB).
pub const DOCUMENT_LIMIT: u64 = 4 << 20;
