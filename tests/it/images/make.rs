//! Small images made by hand, as bytes: layers of any content, however broken.

use std::io::Write;
use std::path::{Path, PathBuf};

use sealwright::digest::Sha256;
use sealwright::event::{Cancel, Event, Reporter};
use sealwright::image::{Image, ImageError, PullLimits, Pulled, ensure_pulled};
use sealwright::lock::LockedLayer;
use sealwright::oci::{CONFIG, INDEX, LAYER, LAYER_GZIP, LAYER_ZSTD, MANIFEST};
use sealwright::store::Store;
use serde_json::{Value, json};

/// How a layer is compressed.
#[derive(Debug, Clone, Copy)]
pub enum Packed {
    Plain,
    Gzip,
    Zstd,
}

/// A layer in the making.
pub struct Layer {
    tar: tar::Builder<Vec<u8>>,
}

impl Layer {
    pub fn new() -> Self {
        Self { tar: tar::Builder::new(Vec::new()) }
    }

    /// A member whose path and link are written as they are, with any mode.
    pub fn raw(mut self, kind: tar::EntryType, path: &str, link: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..path.len()].copy_from_slice(path.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_600_000_000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.tar.append(&header, content).unwrap();
        self
    }

    pub fn file(self, path: &str, content: &str) -> Self {
        self.raw(tar::EntryType::Regular, path, "", 0o644, content.as_bytes())
    }

    pub fn program(self, path: &str, mode: u32) -> Self {
        self.raw(tar::EntryType::Regular, path, "", mode, b"#!/bin/sh\n")
    }

    pub fn folder(self, path: &str) -> Self {
        self.raw(tar::EntryType::Directory, path, "", 0o755, b"")
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.raw(tar::EntryType::Symlink, path, target, 0o777, b"")
    }

    pub fn same(self, path: &str, first: &str) -> Self {
        self.raw(tar::EntryType::Link, path, first, 0o644, b"")
    }

    pub fn tar(self) -> Vec<u8> {
        self.tar.into_inner().unwrap()
    }
}

pub fn pack(tar: &[u8], packed: Packed) -> Vec<u8> {
    match packed {
        Packed::Plain => tar.to_vec(),
        Packed::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(tar).unwrap();
            encoder.finish().unwrap()
        }
        Packed::Zstd => zstd::encode_all(tar, 1).unwrap(),
    }
}

/// An image: its manifest, and its blobs, the configuration first.
#[derive(Debug, Clone)]
pub struct Made {
    pub manifest: Vec<u8>,
    pub blobs: Vec<(String, Vec<u8>)>,
}

impl Made {
    /// Of layers as they are stored, each with its diff id.
    pub fn of(layers: Vec<(Vec<u8>, Packed, Sha256)>) -> Self {
        Self::for_platform("amd64", layers)
    }

    /// Of good layers.
    pub fn good(layers: Vec<(Layer, Packed)>) -> Self {
        Self::of(
            layers
                .into_iter()
                .map(|(layer, packed)| {
                    let tar = layer.tar();
                    (pack(&tar, packed), packed, Sha256::of(&tar))
                })
                .collect(),
        )
    }

    pub fn for_platform(architecture: &str, layers: Vec<(Vec<u8>, Packed, Sha256)>) -> Self {
        let diff_ids: Vec<String> = layers.iter().map(|(_, _, diff_id)| diff_id.to_oci()).collect();
        let config = json!({
            "os": "linux", "architecture": architecture, "config": { "Env": ["PATH=/usr/local/bin:/usr/bin"] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let mut blobs = vec![(CONFIG.to_owned(), config.to_string().into_bytes())];
        blobs.extend(layers.into_iter().map(|(bytes, packed, _)| {
            let kind = match packed {
                Packed::Plain => LAYER,
                Packed::Gzip => LAYER_GZIP,
                Packed::Zstd => LAYER_ZSTD,
            };
            (kind.to_owned(), bytes)
        }));
        Self::with_blobs(blobs)
    }

    pub fn with_blobs(blobs: Vec<(String, Vec<u8>)>) -> Self {
        let all: Vec<Value> = blobs.iter().map(|(kind, bytes)| descriptor(kind, bytes)).collect();
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": all[0], "layers": all[1..] });
        Self { manifest: manifest.to_string().into_bytes(), blobs }
    }

    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.manifest)
    }

    /// As a lock has them.
    pub fn layers(&self) -> Vec<LockedLayer> {
        let layer = |(kind, bytes): &(String, Vec<u8>)| LockedLayer {
            digest: Sha256::of(bytes),
            size: bytes.len() as u64,
            media_type: kind.clone(),
        };
        self.blobs.iter().map(layer).collect()
    }

    /// The bytes with this digest.
    pub fn find(&self, digest: &str) -> Option<&[u8]> {
        let all = self.blobs.iter().map(|(_, bytes)| bytes.as_slice()).chain([self.manifest.as_slice()]);
        all.into_iter().find(|bytes| Sha256::of(bytes).to_oci() == digest)
    }

    /// An OCI layout of it in a folder, with its platform in the index.
    pub fn layout(&self, folder: &Path, name: &str) {
        let entry = {
            let mut entry = descriptor(MANIFEST, &self.manifest);
            entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
            entry
        };
        layout(folder, &[self], &[entry]);
    }

    /// Unpacks it in a store that holds its blobs.
    pub fn unpack(
        &self,
        store: &Store,
        limits: PullLimits,
        reporter: &dyn Reporter,
    ) -> Result<Image, ImageError> {
        let blobs = self.layers();
        for bytes in self.blobs.iter().map(|(_, bytes)| bytes).chain([&self.manifest]) {
            store.insert(bytes.as_slice(), None).unwrap();
        }
        let pulled = Pulled { reference: "host.example/x:1", manifest: self.digest(), blobs: &blobs, limits };
        ensure_pulled(pulled, store, reporter, &Cancel::new())
    }
}

pub fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": Sha256::of(bytes).to_oci(), "size": bytes.len() })
}

/// An OCI layout with these images and this index.
pub fn layout(folder: &Path, images: &[&Made], entries: &[Value]) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for image in images {
        for bytes in image.blobs.iter().map(|(_, bytes)| bytes).chain([&image.manifest]) {
            std::fs::write(blobs.join(Sha256::of(bytes).to_hex()), bytes).unwrap();
        }
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
}

/// Every path below a folder, sorted: folders with `/`, links with their target, files with their content.
pub fn listed(root: &Path) -> Vec<String> {
    let mut list = Vec::new();
    for entry in walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(root).unwrap().display().to_string();
        let kind = entry.file_type();
        list.push(if kind.is_dir() {
            format!("{path}/")
        } else if kind.is_symlink() {
            format!("{path} -> {}", std::fs::read_link(entry.path()).unwrap().display())
        } else {
            format!("{path}: {}", String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()))
        });
    }
    list
}

/// A store in a folder that goes with it.
pub struct Place {
    pub temp: tempfile::TempDir,
    pub store: Store,
}

impl Place {
    pub fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(&temp.path().join("store")).unwrap();
        Self { temp, store }
    }

    pub fn join(&self, path: &str) -> PathBuf {
        self.temp.path().join(path)
    }

    /// Whether no tree and nothing half made is in the store: the process's own folder is there and empty.
    pub fn is_clean(&self) -> bool {
        let names = |folder: PathBuf| -> Vec<PathBuf> {
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let tmp = names(self.store.path().join("tmp"));
        let mut folders = tmp.into_iter().filter(|path| path.is_dir());
        names(self.store.path().join("trees/image")).is_empty() && folders.all(|path| names(path).is_empty())
    }
}

/// Keeps the notes that are reported.
#[derive(Default)]
pub struct Notes(std::sync::Mutex<Vec<String>>);

impl Notes {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Reporter for Notes {
    fn report(&self, event: Event) {
        if let Event::Note { what } = event {
            self.0.lock().unwrap().push(what);
        }
    }
}
