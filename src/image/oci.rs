//! The OCI side (image-spec 1.1): configuration, manifest, layout on disk.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::at;
use super::{Image, ImageError, ImageInputs, LayerRecord, Record, layer, record_key};
use crate::digest::{HashingWriter, Sha256};
use crate::store::Store;

/// Media type of an uncompressed layer.
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A reference to a blob by digest (image-spec, "descriptor").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
}

impl Descriptor {
    /// The digest as a value.
    pub(super) fn sha256(&self) -> Result<Sha256, ImageError> {
        Ok(Sha256::from_oci(&self.digest)?)
    }
}

/// The time that the image claims to be made at: that of the newest Release that its packages come from.
pub(super) fn created(inputs: &ImageInputs) -> String {
    // All are RFC 3339 in UTC, so that the greatest text is the latest time.
    inputs
        .suites
        .iter()
        .map(|suite| suite.date.clone())
        .max()
        .unwrap_or_else(|| "2000-01-01T00:00:00Z".to_owned())
}

/// Writes configuration and manifest into the store.
pub(super) fn write_manifest(
    inputs: &ImageInputs,
    created: &str,
    layers: Vec<(LayerRecord, &str)>,
    store: &Store,
) -> Result<Record, ImageError> {
    let history: Vec<_> = layers
        .iter()
        .map(|(_, by)| json!({"created": created, "created_by": format!("recipe {}: {by}", inputs.recipe)}))
        .collect();
    // An uncompressed layer's DiffID is its digest.
    let diff_ids: Vec<_> = layers.iter().map(|(record, _)| &record.layer.digest).collect();
    let config = json!({
        "created": created,
        "architecture": inputs.platform.architecture(),
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin", "LANG=C.UTF-8"],
            "Cmd": ["/bin/sh"],
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    });
    let config = insert(CONFIG, &config, store)?;
    let descriptors: Vec<_> = layers.iter().map(|(record, _)| &record.layer).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": descriptors,
    });
    let manifest = insert(MANIFEST, &manifest, store)?;
    Ok(Record { manifest, config, layers: layers.into_iter().map(|(record, _)| record).collect() })
}

fn insert(media_type: &str, value: &serde_json::Value, store: &Store) -> Result<Descriptor, ImageError> {
    let text = serde_json::to_vec(value).map_err(ImageError::Json)?;
    let blob = store.insert(text.as_slice(), None)?;
    Ok(Descriptor { media_type: media_type.to_owned(), digest: blob.digest.to_oci(), size: blob.size })
}

/// Writes the image as an OCI layout into the folder `dir`, which is made if needed, named `reference` in its index.
///
/// Layers are made again from the unpacked tree, and their digests checked.
///
/// # Errors
/// The store lacks the image's record, the unpacked tree was changed, or the host failed.
pub fn export_layout(image: &Image, reference: &str, store: &Store, dir: &Path) -> Result<(), ImageError> {
    let absent = || ImageError::Absent { digest: image.digest };
    let record = store.action(&record_key(&image.digest))?.ok_or_else(absent)?;
    let record: Record = serde_json::from_slice(&record).map_err(ImageError::Json)?;
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(at(&blobs))?;
    for descriptor in [&record.manifest, &record.config] {
        let digest = descriptor.sha256()?;
        let file = blobs.join(digest.to_hex());
        fs::write(&file, store.read(&digest)?).map_err(at(&file))?;
    }
    for record in &record.layers {
        let expected = record.layer.sha256()?;
        let entries = serde_json::from_slice(&store.read(&record.index)?).map_err(ImageError::Json)?;
        let name = blobs.join(expected.to_hex());
        let temporary = blobs.join(format!(".{expected}"));
        let mut file = HashingWriter::new(fs::File::create(&temporary).map_err(at(&temporary))?);
        layer::write(&image.root, &entries, &mut file)?;
        let (_, actual, _) = file.finish();
        if actual != expected {
            fs::remove_file(&temporary).map_err(at(&temporary))?;
            return Err(ImageError::TreeChanged { root: image.root.clone(), expected, actual });
        }
        fs::rename(&temporary, &name).map_err(at(&name))?;
    }
    let mut manifest = serde_json::to_value(&record.manifest).map_err(ImageError::Json)?;
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": reference});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]});
    for (name, value) in [("index.json", index), ("oci-layout", json!({"imageLayoutVersion": "1.0.0"}))] {
        let file = dir.join(name);
        fs::write(&file, serde_json::to_vec(&value).map_err(ImageError::Json)?).map_err(at(&file))?;
    }
    Ok(())
}
