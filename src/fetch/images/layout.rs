//! Images on disk: OCI layouts, tar files of such, and what `docker save` writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use super::{Found, ImageSourceError, store_error};
use crate::digest::Sha256;
use crate::fetch::{FetchError, Fetcher};
use crate::lock::LockedLayer;
use crate::name::{LayoutForm, LayoutRef, Platform};
use crate::oci::{
    CONFIG, DOCUMENT_LIMIT, Descriptor, Document, LAYER, LAYER_GZIP, LAYER_ZSTD, MANIFEST, Manifest, OciError,
};

/// Indexes in indexes.
const NESTED: usize = 3;

/// A layout that can be read from.
pub(super) enum Layout {
    Folder(PathBuf),
    Archive { path: PathBuf, members: BTreeMap<String, Part> },
}

/// Where a member of an archive is.
#[derive(Debug, Clone)]
pub(super) enum Part {
    At {
        start: u64,
        size: u64,
    },
    /// `docker save` writes equal layers once, and links to them.
    Link(String),
}

impl Layout {
    pub(super) fn open(path: &Path, form: LayoutForm) -> io::Result<Self> {
        match form {
            LayoutForm::Folder => Ok(Self::Folder(path.to_owned())),
            LayoutForm::Archive => {
                let mut members = BTreeMap::new();
                let mut archive = tar::Archive::new(File::open(path)?);
                for entry in archive.entries_with_seek()? {
                    let entry = entry?;
                    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                    let name = name.trim_start_matches("./").to_owned();
                    let kind = entry.header().entry_type();
                    if kind.is_file() {
                        let part = Part::At { start: entry.raw_file_position(), size: entry.size() };
                        members.insert(name, part);
                    } else if (kind.is_symlink() || kind.is_hard_link())
                        && let Some(target) = entry.link_name_bytes()
                    {
                        let target = String::from_utf8_lossy(&target).into_owned();
                        let target = if kind.is_symlink() { beside(&name, &target) } else { target };
                        members.insert(name, Part::Link(target));
                    }
                }
                Ok(Self::Archive { path: path.to_owned(), members })
            }
        }
    }

    /// A file of the layout.
    fn file(&self, name: &str) -> io::Result<Box<dyn Read>> {
        match self {
            Self::Folder(folder) => Ok(Box::new(File::open(folder.join(name))?)),
            Self::Archive { path, members } => {
                let mut name = name;
                for _ in 0..8 {
                    match members.get(name) {
                        None => break,
                        Some(Part::Link(target)) => name = target,
                        Some(Part::At { start, size }) => {
                            let mut file = File::open(path)?;
                            file.seek(SeekFrom::Start(*start))?;
                            return Ok(Box::new(file.take(*size)));
                        }
                    }
                }
                Err(io::Error::new(io::ErrorKind::NotFound, format!("{name} is not in the archive")))
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::Archive { members, .. } => members.contains_key(name),
        }
    }

    fn text(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file(name)?.take(DOCUMENT_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > DOCUMENT_LIMIT {
            return Err(io::Error::other(format!("{name} is larger than {DOCUMENT_LIMIT} bytes")));
        }
        Ok(bytes)
    }

    /// Where to read, for messages.
    fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::Archive { path, .. } => path.clone(),
        }
    }
}

/// `a/../b/layer.tar` for `../b/layer.tar` beside `a/x`.
fn beside(name: &str, target: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn blob_path(digest: &Sha256) -> String {
    format!("blobs/sha256/{digest}")
}

/// One image of `manifest.json`, as `docker save` writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    layers: Vec<String>,
}

impl Fetcher {
    /// The manifest of an image on disk; all its blobs are in the store then.
    pub(super) fn find_in_layout(&self, name: &LayoutRef, platform: Platform) -> Result<Found, FetchError> {
        let (image, path) = (format!("{name}"), self.shared.registries().folder.join(name.path()));
        let layout = open_layout(&image, &path, name.form())?;
        if !layout.has("index.json") && layout.has("manifest.json") {
            return self.convert(&image, &layout);
        }
        let found = find(&image, &path, &layout, name, platform)?;
        for blob in found.manifest.blobs() {
            self.take(&image, &layout, &blob.digest)?;
        }
        Ok(found)
    }

    /// Takes the blobs of a locked image that are there; those of an archive that had to be converted are made again.
    pub(super) fn layout_blobs(&self, name: &LayoutRef, missing: &[LockedLayer]) -> Result<(), FetchError> {
        let (image, path) = (format!("{name}"), self.shared.registries().folder.join(name.path()));
        let layout = open_layout(&image, &path, name.form())?;
        if !layout.has("index.json") && layout.has("manifest.json") {
            let found = self.convert(&image, &layout)?;
            return self.keep_blob(&image, found.bytes.as_slice(), found.digest);
        }
        for blob in missing.iter().filter(|blob| layout.has(&blob_path(&blob.digest))) {
            self.take(&image, &layout, &blob.digest)?;
        }
        Ok(())
    }

    fn take(&self, image: &str, layout: &Layout, digest: &Sha256) -> Result<(), FetchError> {
        if self.shared.store.has(digest) {
            return Ok(());
        }
        let name = blob_path(digest);
        let file = layout.file(&name).map_err(|source| read_error(image, layout, &name, source))?;
        match self.keep_blob(image, file, *digest) {
            Err(FetchError::Store { source, .. })
                if matches!(*source, crate::store::StoreError::Mismatch { .. }) =>
            {
                let crate::store::StoreError::Mismatch { expected, actual, .. } = *source else {
                    return Ok(());
                };
                let (image, from) = (image.to_owned(), layout.path(&name).display().to_string());
                Err(Box::new(ImageSourceError::WrongDigest { image, from, expected, actual }).into())
            }
            other => other,
        }
    }

    /// An OCI manifest of what `docker save` writes, its configuration and layers in the store. Each is the same bytes
    /// wherever the image is saved: an image built locally has no manifest digest of its own, and this one is locked.
    pub(super) fn convert(&self, image: &str, layout: &Layout) -> Result<Found, FetchError> {
        let unreadable = |problem: String| {
            let (image, path) = (image.to_owned(), layout.path("manifest.json"));
            FetchError::from(Box::new(ImageSourceError::Layout { image, path, problem }))
        };
        let read = |name: &str| layout.text(name).map_err(|source| read_error(image, layout, name, source));
        let saved: Vec<Saved> =
            serde_json::from_slice(&read("manifest.json")?).map_err(|error| unreadable(error.to_string()))?;
        let [saved] = saved.as_slice() else {
            return Err(unreadable(format!("{} images are in it, expected 1", saved.len())));
        };
        let config = read(&saved.config)?;
        let digest = Sha256::of(&config);
        self.keep_blob(image, config.as_slice(), digest)?;
        let descriptor = |kind: &str, digest: &Sha256, size: u64| json!({ "mediaType": kind, "digest": digest.to_oci(), "size": size });
        let mut layers = Vec::new();
        for name in &saved.layers {
            let failed = |source| read_error(image, layout, name, source);
            let mut file = layout.file(name).map_err(failed)?;
            let mut head = Vec::new();
            file.by_ref().take(4).read_to_end(&mut head).map_err(failed)?;
            let kind = match head.as_slice() {
                [0x1f, 0x8b, ..] => LAYER_GZIP,
                [0x28, 0xb5, 0x2f, 0xfd] => LAYER_ZSTD,
                _ => LAYER,
            };
            let blob = self.shared.store.insert(io::Cursor::new(head).chain(file), None);
            let blob = blob.map_err(|source| store_error(image, source))?;
            layers.push(descriptor(kind, &blob.digest, blob.size));
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &digest, config.len() as u64),
            "layers": layers,
        });
        let bytes = manifest.to_string().into_bytes();
        let manifest = Manifest::parse(&bytes).map_err(|source| document(image, source))?;
        Ok(Found { digest: Sha256::of(&bytes), bytes, index: None, manifest })
    }
}

fn open_layout(image: &str, path: &Path, form: LayoutForm) -> Result<Layout, FetchError> {
    Layout::open(path, form).map_err(|error| {
        let (image, path) = (image.to_owned(), path.to_owned());
        Box::new(match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                ImageSourceError::Read { image, path, source: error }
            }
            _ => ImageSourceError::Layout { image, path, problem: error.to_string() },
        })
        .into()
    })
}

fn read_error(image: &str, layout: &Layout, name: &str, source: io::Error) -> FetchError {
    Box::new(ImageSourceError::Read { image: image.to_owned(), path: layout.path(name), source }).into()
}

fn document(image: &str, source: OciError) -> FetchError {
    Box::new(ImageSourceError::Document { image: image.to_owned(), why: source }).into()
}

fn find(
    image: &str,
    path: &Path,
    layout: &Layout,
    name: &LayoutRef,
    platform: Platform,
) -> Result<Found, FetchError> {
    let read = |file: &str| layout.text(file).map_err(|source| read_error(image, layout, file, source));
    let top = Document::parse(&read("index.json")?, None).map_err(|source| document(image, source))?;
    let Document::Index(top) = top else {
        let problem = "its index.json is no index".to_owned();
        return Err(Box::new(ImageSourceError::Layout {
            image: image.to_owned(),
            path: path.to_owned(),
            problem,
        })
        .into());
    };
    let named = top.named(name.tag());
    let mut chosen: Descriptor = match named.as_slice() {
        [one] => (*one).clone(),
        several => {
            let for_platform = top.of_platform(platform).filter(|one| several.contains(one));
            for_platform.cloned().ok_or_else(|| {
                let (tag, there) = (name.tag().map(str::to_owned), top.names());
                Box::new(ImageSourceError::Name {
                    image: image.to_owned(),
                    path: path.to_owned(),
                    tag,
                    there,
                })
            })?
        }
    };
    let mut index = None;
    for _ in 0..NESTED {
        let file = blob_path(&chosen.digest);
        let bytes = read(&file)?;
        let (digest, expected) = (Sha256::of(&bytes), chosen.digest);
        if digest != expected {
            let (image, from) = (image.to_owned(), layout.path(&file).display().to_string());
            let wrong = ImageSourceError::WrongDigest { image, from, expected, actual: digest };
            return Err(Box::new(wrong).into());
        }
        match Document::parse(&bytes, Some(&chosen.media_type)).map_err(|source| document(image, source))? {
            Document::Manifest(manifest) => return Ok(Found { bytes, digest, index, manifest }),
            Document::Index(list) => {
                index.get_or_insert(digest);
                let next = list.of_platform(platform).cloned();
                chosen = next.ok_or_else(|| {
                    let (image, there) = (image.to_owned(), list.platforms());
                    Box::new(ImageSourceError::NoPlatform { image, platform, there })
                })?;
            }
        }
    }
    Err(document(image, OciError::Value { what: "index", problem: "in other indexes too often".to_owned() }))
}
