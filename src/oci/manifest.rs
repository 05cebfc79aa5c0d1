//! Manifests and indexes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CONFIG, DOCKER_CONFIG, DOCKER_INDEX, DOCKER_MANIFEST, INDEX, LAYER, LAYER_GZIP, LAYER_ZSTD, MANIFEST,
    OciError,
};
use crate::digest::Sha256;
use crate::name::Platform;

/// Media types of layers: OCI's and Docker's, and OCI's deprecated ones for layers that may not be pushed.
const LAYERS: [&str; 8] = [
    LAYER,
    LAYER_GZIP,
    LAYER_ZSTD,
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
];
/// Layers of one image: the kernel's overlay takes 500, Docker 127.
const MOST_LAYERS: usize = 512;

/// Whether a layer of this media type can be unpacked.
#[must_use]
pub fn layer_is_known(media_type: &str) -> bool {
    LAYERS.contains(&media_type)
}

/// A reference to a blob by digest (image-spec, "descriptor").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub digest: Sha256,
    /// Its bytes.
    pub size: u64,
}

/// The manifest of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The configuration.
    pub config: Descriptor,
    /// Layers, the lowest first.
    pub layers: Vec<Descriptor>,
}

/// A list of manifests, one for each platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    descriptor: Descriptor,
    platform: Option<WirePlatform>,
    annotations: BTreeMap<String, String>,
}

/// What a registry or a layout has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Several images.
    Index(Index),
    /// One image.
    Manifest(Manifest),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDocument {
    schema_version: Option<u32>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<WireDescriptor>,
    layers: Option<Vec<WireDescriptor>>,
    manifests: Option<Vec<WireDescriptor>>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDescriptor {
    media_type: Option<String>,
    digest: String,
    size: u64,
    platform: Option<WirePlatform>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WirePlatform {
    pub(super) os: String,
    pub(super) architecture: String,
    pub(super) variant: Option<String>,
}

impl WirePlatform {
    pub(super) fn is(&self, platform: Platform) -> bool {
        // arm64 has one variant, v8, which is also what is meant when none is written.
        let variant = matches!(
            (platform, self.variant.as_deref()),
            (_, None | Some("" | "v8")) | (Platform::LinuxAmd64, Some("v1"))
        );
        self.os == "linux" && self.architecture == platform.architecture() && variant
    }

    pub(super) fn shown(&self) -> String {
        let variant = self.variant.as_deref().filter(|variant| !variant.is_empty());
        format!(
            "{}/{}{}",
            self.os,
            self.architecture,
            variant.map_or_else(String::new, |name| format!("/{name}"))
        )
    }
}

impl Document {
    /// Reads a manifest or an index; `content_type` is what a server called it, used where it does not say itself.
    ///
    /// # Errors
    /// It is neither, or of a form that names less than a lock needs.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, OciError> {
        let wire: WireDocument = serde_json::from_slice(bytes)
            .map_err(|error| OciError::Syntax { what: "manifest", problem: error.to_string() })?;
        let kind = wire.media_type.as_deref().or(content_type).unwrap_or_default();
        if wire.schema_version == Some(1)
            || wire.fs_layers.is_some()
            || kind.contains("manifest.v1+") && kind.contains("docker")
        {
            return Err(OciError::Schema1);
        }
        match (wire.manifests, wire.layers, wire.config) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(OciError::Ambiguous),
            (Some(manifests), None, None) => {
                if !matches!(kind, "" | INDEX | DOCKER_INDEX) {
                    return Err(OciError::NotAnImage { what: "its index", found: kind.to_owned() });
                }
                let entries = manifests.into_iter().map(Entry::of).collect::<Result<_, _>>()?;
                Ok(Self::Index(Index { entries }))
            }
            (None, layers, Some(config)) => {
                if !matches!(kind, "" | MANIFEST | DOCKER_MANIFEST) {
                    return Err(OciError::NotAnImage { what: "its manifest", found: kind.to_owned() });
                }
                if let Some(found) = wire.artifact_type {
                    return Err(OciError::NotAnImage { what: "its artifact type", found });
                }
                Manifest::of(config, layers.unwrap_or_default()).map(Self::Manifest)
            }
            (None, _, None) => Err(OciError::Syntax {
                what: "manifest",
                problem: "neither `manifests` nor `config` is in it".to_owned(),
            }),
        }
    }
}

impl Manifest {
    /// Reads the manifest of one image.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, OciError> {
        match Document::parse(bytes, None)? {
            Document::Manifest(manifest) => Ok(manifest),
            Document::Index(_) => {
                Err(OciError::Syntax { what: "manifest", problem: "it is an index".to_owned() })
            }
        }
    }

    fn of(config: WireDescriptor, layers: Vec<WireDescriptor>) -> Result<Self, OciError> {
        let config = config.read()?;
        if config.media_type != CONFIG && config.media_type != DOCKER_CONFIG {
            return Err(OciError::NotAnImage { what: "its configuration", found: config.media_type });
        }
        let layers: Vec<Descriptor> =
            layers.into_iter().map(WireDescriptor::read).collect::<Result<_, _>>()?;
        if let Some(layer) = layers.iter().find(|layer| !layer_is_known(&layer.media_type)) {
            return Err(OciError::Layer { digest: layer.digest.to_oci(), found: layer.media_type.clone() });
        }
        if layers.len() > MOST_LAYERS {
            let problem = format!("{} layers, at most {MOST_LAYERS} are read", layers.len());
            return Err(OciError::Value { what: "manifest", problem });
        }
        Ok(Self { config, layers })
    }

    /// The configuration, then the layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

impl WireDescriptor {
    fn read(self) -> Result<Descriptor, OciError> {
        let wrong = |problem| OciError::Value { what: "descriptor", problem };
        let digest = Sha256::from_oci(&self.digest).map_err(|error| wrong(error.to_string()))?;
        let media_type = self.media_type.ok_or_else(|| wrong("without a media type".to_owned()))?;
        Ok(Descriptor { media_type, digest, size: self.size })
    }
}

impl Entry {
    fn of(mut wire: WireDescriptor) -> Result<Self, OciError> {
        let (platform, annotations) = (wire.platform.take(), wire.annotations.take().unwrap_or_default());
        Ok(Self { descriptor: wire.read()?, platform, annotations })
    }

    /// An attestation beside the images (BuildKit's form): no image.
    fn is_attestation(&self) -> bool {
        self.annotations.contains_key("vnd.docker.reference.type")
            || self.platform.as_ref().is_some_and(|platform| platform.os == "unknown")
    }
}

impl Index {
    /// The manifest of a platform, and an index is one too that is nested where no platform is said. The first that
    /// fits, as all clients take it.
    #[must_use]
    pub fn of_platform(&self, platform: Platform) -> Option<&Descriptor> {
        let entries = || self.entries.iter().filter(|entry| !entry.is_attestation());
        let said = |entry: &&Entry| entry.platform.as_ref().is_some_and(|of| of.is(platform));
        let unsaid = |entry: &&Entry| entry.platform.is_none();
        entries().find(said).or_else(|| entries().find(unsaid)).map(|entry| &entry.descriptor)
    }

    /// Every platform that an image is there for, as messages show it.
    #[must_use]
    pub fn platforms(&self) -> Vec<String> {
        let entries = self.entries.iter().filter(|entry| !entry.is_attestation());
        entries.filter_map(|entry| entry.platform.as_ref().map(WirePlatform::shown)).collect()
    }

    /// The entries of an OCI layout's index that have this name, or all.
    #[must_use]
    pub fn named(&self, name: Option<&str>) -> Vec<&Descriptor> {
        let fits = |entry: &&Entry| name.is_none_or(|name| entry.names().any(|own| own == name));
        self.entries.iter().filter(fits).map(|entry| &entry.descriptor).collect()
    }

    /// Every name in an OCI layout's index.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.entries.iter().flat_map(Entry::names).map(str::to_owned).collect()
    }
}

impl Entry {
    /// image-spec, "annotations"; the second is containerd's.
    fn names(&self) -> impl Iterator<Item = &str> {
        ["org.opencontainers.image.ref.name", "io.containerd.image.name"]
            .into_iter()
            .filter_map(|key| self.annotations.get(key).map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn descriptor(kind: &str) -> serde_json::Value {
        json!({ "mediaType": kind, "digest": Sha256::of(kind).to_oci(), "size": 3 })
    }

    fn parse(value: &serde_json::Value) -> Result<Document, String> {
        Document::parse(value.to_string().as_bytes(), None).map_err(|error| error.to_string())
    }

    fn manifest() -> serde_json::Value {
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG), "layers": [descriptor(LAYER_GZIP)] })
    }

    #[test]
    fn a_manifest_names_its_blobs() {
        let Ok(Document::Manifest(read)) = parse(&manifest()) else { panic!() };
        assert_eq!(
            read.blobs().map(|blob| blob.media_type.as_str()).collect::<Vec<_>>(),
            [CONFIG, LAYER_GZIP]
        );
    }

    #[test]
    fn what_is_no_image_is_refused_and_named() {
        let changed = |key: &str, value: serde_json::Value| {
            let mut document = manifest();
            document[key] = value;
            parse(&document).unwrap_err()
        };
        assert!(changed("schemaVersion", json!(1)).starts_with("its manifest is of Docker's schema 1"));
        assert_eq!(changed("manifests", json!([])), "its document is both a manifest and an index");
        assert_eq!(
            changed("config", descriptor("application/vnd.cncf.helm.config.v1+json")),
            "it is not a container image: its configuration is \"application/vnd.cncf.helm.config.v1+json\""
        );
        assert!(changed("layers", json!([descriptor("application/wasm")])).contains("cannot be unpacked"));
        assert!(changed("artifactType", json!("application/x")).contains("its artifact type"));
        assert!(parse(&json!({})).unwrap_err().contains("neither `manifests` nor `config`"));
        assert!(parse(&json!([])).unwrap_err().starts_with("not a manifest that can be read"));
        let sha512 =
            json!({ "mediaType": CONFIG, "digest": format!("sha512:{}", "0".repeat(128)), "size": 1 });
        assert!(changed("config", sha512).starts_with("its descriptor is not a sha256 digest"));
        let schema1 = json!({ "schemaVersion": 1, "fsLayers": [] });
        assert!(parse(&schema1).unwrap_err().contains("schema 1"));
    }

    #[test]
    fn an_index_is_asked_for_a_platform_and_attestations_are_none() {
        let entry = |name: &str, os: &str, architecture: &str| {
            let mut entry = descriptor(MANIFEST);
            entry["digest"] = Sha256::of(name).to_oci().into();
            entry["platform"] = json!({ "os": os, "architecture": architecture });
            entry
        };
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [
            entry("attestation", "unknown", "unknown"),
            entry("windows", "windows", "amd64"),
            entry("amd64", "linux", "amd64"),
        ] });
        let Ok(Document::Index(index)) = parse(&index) else { panic!() };
        assert_eq!(index.of_platform(Platform::LinuxAmd64).unwrap().digest, Sha256::of("amd64"));
        assert_eq!(index.of_platform(Platform::LinuxArm64), None);
        assert_eq!(index.platforms(), ["windows/amd64", "linux/amd64"]);
    }
}
