//! Images in OCI layouts: the index, manifests, configurations and layers, each as what it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::data::Data;
use super::model::{Cause, Change, ChangeKind, Normalization};
use super::text;
use super::tokens;
use super::walk::{Broken, Kind, Role, Spot, Walk, unreadable};
use crate::digest::Sha256;
use crate::oci::DOCUMENT_LIMIT;

const INDEX_FILE: &str = "index.json";
const LAYOUT_FILE: &str = "oci-layout";
/// Indexes within indexes.
const DEEPEST: usize = 8;

/// Whether files of these names are an image's layout (image-spec, "image layout").
pub(super) fn is_layout<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let wanted = |name: &str| matches!(name.strip_prefix("./").unwrap_or(name), LAYOUT_FILE | INDEX_FILE);
    names.filter(|name| wanted(name)).count() == 2
}

/// The files of a layout.
struct Layout {
    files: BTreeMap<String, Data>,
}

struct Images<'a> {
    walk: &'a Walk<'a>,
    a: Layout,
    b: Layout,
    changes: Vec<Change>,
    /// Digests of one side with those that take their place on the other.
    replaced: BTreeMap<String, String>,
    /// Pairs of digests that are compared.
    seen: BTreeSet<(String, String)>,
    reached: [BTreeSet<String>; 2],
}

/// Compares two layouts by their files.
pub(super) fn compare(
    walk: &Walk<'_>,
    spot: &Spot,
    a: Vec<(String, Data)>,
    b: Vec<(String, Data)>,
) -> Result<Vec<Change>, Broken> {
    let mut images = Images {
        walk,
        a: Layout::new(a),
        b: Layout::new(b),
        changes: Vec::new(),
        replaced: BTreeMap::new(),
        seen: BTreeSet::new(),
        reached: [BTreeSet::new(), BTreeSet::new()],
    };
    let index = spot.member(INDEX_FILE);
    let (one, two) = (images.a.json(&index, INDEX_FILE)?, images.b.json(&index, INDEX_FILE)?);
    images.a.reach(&index, &one, 0, &mut images.reached[0])?;
    images.b.reach(&index, &two, 0, &mut images.reached[1])?;
    images.document(&index, spot, &one, &two, 0)?;
    images.files(spot)?;
    if !images.replaced.is_empty() {
        let detail =
            format!("digests and sizes of {} parts that are compared themselves", images.replaced.len());
        let change = Change::changed(&spot.path, Cause::Consequence, detail);
        images.changes.push(change.normalized(Normalization::References));
    }
    Ok(images.changes)
}

fn damaged(why: String) -> Broken {
    Broken::Damaged(why)
}

fn blob_name(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

impl Layout {
    fn new(files: Vec<(String, Data)>) -> Self {
        let bare = |name: String| name.strip_prefix("./").map(str::to_owned).unwrap_or(name);
        Self { files: files.into_iter().map(|(name, data)| (bare(name), data)).collect() }
    }

    fn file(&self, name: &str) -> Result<&Data, Broken> {
        self.files.get(name).ok_or_else(|| damaged(format!("{name} is not there")))
    }

    fn json(&self, spot: &Spot, name: &str) -> Result<Value, Broken> {
        let data = self.file(name)?;
        if data.len() > DOCUMENT_LIMIT {
            return Err(damaged(format!("{name} is larger than a document of an image is")));
        }
        let bytes = data.bytes().map_err(unreadable(spot))?;
        serde_json::from_slice(&bytes).map_err(|error| damaged(format!("{name} is no JSON: {error}")))
    }

    /// Files that an index leads to.
    fn reach(
        &self,
        spot: &Spot,
        document: &Value,
        depth: usize,
        into: &mut BTreeSet<String>,
    ) -> Result<(), Broken> {
        if depth > DEEPEST {
            return Err(damaged("its indexes are nested deeper than any are".to_owned()));
        }
        for descriptor in descriptors(document) {
            let Some(digest) = descriptor.get("digest").and_then(Value::as_str) else { continue };
            let name = blob_name(digest);
            let leads_on =
                media_type(descriptor).contains("manifest") || media_type(descriptor).contains("index");
            if into.insert(name.clone()) && leads_on && self.files.contains_key(&name) {
                let inner = self.json(spot, &name)?;
                self.reach(spot, &inner, depth + 1, into)?;
            }
        }
        Ok(())
    }
}

fn media_type(descriptor: &Value) -> &str {
    descriptor.get("mediaType").and_then(Value::as_str).unwrap_or_default()
}

/// Everything that a document refers to by digest.
fn descriptors(document: &Value) -> Vec<&Value> {
    let lists =
        ["manifests", "layers", "blobs"].iter().filter_map(|key| document.get(*key)?.as_array()).flatten();
    let singles = ["config", "subject"].iter().filter_map(|key| document.get(*key));
    lists.chain(singles).filter(|value| value.is_object()).collect()
}

/// What a descriptor is called in a report.
fn label(list: &str, index: usize, descriptor: &Value) -> String {
    let platform = descriptor.get("platform").filter(|platform| platform.is_object());
    let field = |key: &str| platform.and_then(|platform| platform.get(key)).and_then(Value::as_str);
    match (list, field("os"), field("architecture")) {
        ("manifests", Some(os), Some(architecture)) => format!("image {os}/{architecture}"),
        ("manifests", ..) => format!("image {}", index + 1),
        ("layers", ..) => format!("layer {}", index + 1),
        ("blobs", ..) => format!("blob {}", index + 1),
        (other, ..) => other.to_owned(),
    }
}

impl Images<'_> {
    fn changed(&mut self, spot: &Spot, cause: Cause, detail: String) {
        self.changes.push(Change::changed(&spot.path, cause, detail));
    }

    /// An index or a manifest: what it says itself, and all that it leads to. Parts are named below `parent`.
    fn document(
        &mut self,
        spot: &Spot,
        parent: &Spot,
        a: &Value,
        b: &Value,
        depth: usize,
    ) -> Result<(), Broken> {
        if a == b {
            return Ok(());
        }
        if depth > DEEPEST {
            return Err(damaged("its indexes are nested deeper than any are".to_owned()));
        }
        let (mut rest_a, mut rest_b) = (a.clone(), b.clone());
        for list in ["manifests", "layers", "blobs", "config", "subject"] {
            let take = |value: &mut Value| -> Vec<Value> {
                let taken = value.as_object_mut().and_then(|object| object.get_mut(list)).map(Value::take);
                match taken {
                    Some(Value::Array(values)) => values,
                    Some(Value::Null) | None => Vec::new(),
                    Some(other) => vec![other],
                }
            };
            let (ones, twos) = (take(&mut rest_a), take(&mut rest_b));
            let manifest = (a, b);
            for index in 0..ones.len().max(twos.len()) {
                match (ones.get(index), twos.get(index)) {
                    (Some(one), Some(two)) => {
                        let inner = parent.member_as(&label(list, index, one), Role::Layer);
                        self.descriptor(&inner, list, (one, two), manifest, depth)?;
                    }
                    (Some(one), None) => self.single(parent, ChangeKind::Removed, list, index, one),
                    (None, Some(two)) => self.single(parent, ChangeKind::Added, list, index, two),
                    (None, None) => {}
                }
            }
        }
        self.leaves(spot, "", &rest_a, &rest_b);
        Ok(())
    }

    fn single(&mut self, parent: &Spot, kind: ChangeKind, list: &str, index: usize, descriptor: &Value) {
        let path = parent.member(&label(list, index, descriptor)).path;
        let size = descriptor.get("size").and_then(Value::as_u64).unwrap_or_default();
        self.changes.push(Change::new(&path, kind, Cause::Content, format!("{size} bytes")));
    }

    /// What a document refers to. `manifests` are the documents.
    fn descriptor(
        &mut self,
        spot: &Spot,
        list: &str,
        (a, b): (&Value, &Value),
        manifests: (&Value, &Value),
        depth: usize,
    ) -> Result<(), Broken> {
        if a == b {
            return Ok(());
        }
        let digest =
            |value: &Value| value.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (digest_a, digest_b) = (digest(a), digest(b));
        let (mut said_a, mut said_b) = (a.clone(), b.clone());
        if digest_a != digest_b {
            // Another compression has another media type, if both say it rightly.
            let packed = list == "layers" && is_true(spot, &self.a, a)? && is_true(spot, &self.b, b)?;
            for said in [&mut said_a, &mut said_b].into_iter().filter_map(Value::as_object_mut) {
                said.remove("digest");
                said.remove("size");
                if packed {
                    said.remove("mediaType");
                }
            }
        }
        self.leaves(spot, "", &said_a, &said_b);
        if digest_a == digest_b {
            return Ok(());
        }
        let (Some(one), Some(two)) =
            (self.blob(spot, Side::A, &digest_a)?, self.blob(spot, Side::B, &digest_b)?)
        else {
            return Ok(());
        };
        // A document that names the same parts over and over is compared once.
        let seen = !self.seen.insert((digest_a.clone(), digest_b.clone()));
        if seen && list != "config" {
            return Ok(());
        }
        self.replaced.insert(digest_a.clone(), digest_b.clone());
        let is_document = |descriptor: &Value| {
            matches!(list, "manifests" | "subject") && descriptor.get("mediaType").is_some()
        };
        if list == "config" && self.is_image_config(spot, &digest_a, &digest_b) {
            let (one, two) =
                (self.a.json(spot, &blob_name(&digest_a))?, self.b.json(spot, &blob_name(&digest_b))?);
            return self.config(spot, &one, &two, manifests);
        }
        if is_document(a) && is_document(b) {
            let (one, two) =
                (self.a.json(spot, &blob_name(&digest_a))?, self.b.json(spot, &blob_name(&digest_b))?);
            return self.document(spot, spot, &one, &two, depth + 1);
        }
        let found = self.walk.compare(spot, &one, &two)?;
        self.changes.extend(found);
        Ok(())
    }

    fn is_image_config(&self, spot: &Spot, a: &str, b: &str) -> bool {
        let is = |layout: &Layout, digest: &str| {
            layout.json(spot, &blob_name(digest)).is_ok_and(|value| value.get("rootfs").is_some())
        };
        is(&self.a, a) && is(&self.b, b)
    }

    /// A blob, if it is there and is what its name says.
    fn blob(&mut self, spot: &Spot, side: Side, digest: &str) -> Result<Option<Data>, Broken> {
        let (layout, which) = match side {
            Side::A => (&self.a, "first"),
            Side::B => (&self.b, "second"),
        };
        let Some(data) = layout.files.get(&blob_name(digest)).cloned() else {
            self.changed(spot, Cause::Content, format!("the {which} has no blob {digest}"));
            return Ok(None);
        };
        let actual = data.digest().map_err(unreadable(spot))?;
        if Sha256::from_oci(digest) != Ok(actual) {
            self.changed(
                spot,
                Cause::Content,
                format!("the {which}'s blob {digest} is not what its digest says"),
            );
            return Ok(None);
        }
        Ok(Some(data))
    }

    /// A configuration. The digests of unpacked layers follow from the layers, if they are true.
    fn config(
        &mut self,
        spot: &Spot,
        a: &Value,
        b: &Value,
        (manifest_a, manifest_b): (&Value, &Value),
    ) -> Result<(), Broken> {
        let (mut rest_a, mut rest_b) = (a.clone(), b.clone());
        let take = |value: &mut Value| value.pointer_mut("/rootfs/diff_ids").map(Value::take);
        let (ids_a, ids_b) = (take(&mut rest_a), take(&mut rest_b));
        if ids_a != ids_b {
            let true_a = self.true_ids(spot, Side::A, ids_a.as_ref(), manifest_a)?;
            let true_b = self.true_ids(spot, Side::B, ids_b.as_ref(), manifest_b)?;
            if !(true_a && true_b) {
                let detail = "diff_ids are not the digests of the unpacked layers".to_owned();
                self.changed(spot, Cause::Content, detail);
            }
        }
        self.leaves(spot, "", &rest_a, &rest_b);
        Ok(())
    }

    fn true_ids(
        &self,
        spot: &Spot,
        side: Side,
        ids: Option<&Value>,
        manifest: &Value,
    ) -> Result<bool, Broken> {
        let layout = match side {
            Side::A => &self.a,
            Side::B => &self.b,
        };
        let ids = ids.and_then(Value::as_array).cloned().unwrap_or_default();
        let layers = manifest.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
        if ids.len() != layers.len() {
            return Ok(false);
        }
        for (id, layer) in ids.iter().zip(&layers) {
            let digest = layer.get("digest").and_then(Value::as_str).unwrap_or_default();
            let Some(data) = layout.files.get(&blob_name(digest)) else { return Ok(false) };
            let kind = Kind::of(data, "layer").map_err(unreadable(spot))?;
            let unpacked = super::compressed::unpack(self.walk, spot, kind, data)?;
            let actual = unpacked.digest().map_err(unreadable(spot))?;
            if id.as_str().and_then(|id| Sha256::from_oci(id).ok()) != Some(actual) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Every value that differs, each as a change.
    fn leaves(&mut self, spot: &Spot, key: &str, a: &Value, b: &Value) {
        match (a, b) {
            (one, two) if one == two => {}
            (Value::Object(one), Value::Object(two)) => {
                let keys: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
                for name in keys {
                    let of = |object: &serde_json::Map<String, Value>| {
                        object.get(name).cloned().unwrap_or(Value::Null)
                    };
                    self.leaves(spot, &format!("{key}/{name}"), &of(one), &of(two));
                }
            }
            (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
                for (index, (one, two)) in one.iter().zip(two).enumerate() {
                    self.leaves(spot, &format!("{key}/{index}"), one, two);
                }
            }
            (one, two) => {
                let shown = |value: &Value| match value {
                    Value::String(text) => text.clone(),
                    Value::Null => "none".to_owned(),
                    other => other.to_string(),
                };
                let (one, two) = (shown(one), shown(two));
                let detail = format!(
                    "{}: {} → {}",
                    text::shortened(key),
                    text::shortened(&one),
                    text::shortened(&two)
                );
                let causes = text::causes(&one, &two);
                let is_creation =
                    matches!(key.rsplit('/').next(), Some("created" | "org.opencontainers.image.created"));
                let change = Change::of_causes(&spot.path, causes, detail);
                let only_time = tokens::differ_in(&one, &two) == Some(BTreeSet::from([Cause::TimeStamp]));
                self.changes.push(if is_creation && only_time {
                    change.normalized(Normalization::ArchiveTime)
                } else {
                    change
                });
            }
        }
    }

    /// Files that no descriptor leads to, and blobs that are not what their names say.
    fn files(&mut self, spot: &Spot) -> Result<(), Broken> {
        let names: BTreeSet<String> = self.a.files.keys().chain(self.b.files.keys()).cloned().collect();
        for name in names {
            let (one, two) = (self.a.files.get(&name).cloned(), self.b.files.get(&name).cloned());
            let path = spot.member(&name);
            let reached = [&self.reached[0], &self.reached[1]].map(|reached| reached.contains(&name));
            match (one, two) {
                (Some(one), Some(two)) => {
                    if name != INDEX_FILE && !one.same(&two).map_err(unreadable(&path))? {
                        self.file(&path, &name, &one, &two)?;
                    }
                }
                (Some(one), None) if !reached[0] => {
                    let detail = format!("{} bytes", one.len());
                    self.changes.push(Change::new(&path.path, ChangeKind::Removed, Cause::Content, detail));
                }
                (None, Some(two)) if !reached[1] => {
                    let detail = format!("{} bytes", two.len());
                    self.changes.push(Change::new(&path.path, ChangeKind::Added, Cause::Content, detail));
                }
                (Some(_) | None, None) | (None, Some(_)) => {}
            }
        }
        Ok(())
    }

    /// Another file: Docker's `manifest.json`, which names blobs too.
    fn file(&mut self, spot: &Spot, name: &str, a: &Data, b: &Data) -> Result<(), Broken> {
        if name.starts_with("blobs/") {
            self.changed(spot, Cause::Content, "one of the two is not what its digest says".to_owned());
            return Ok(());
        }
        if a.len().max(b.len()) <= DOCUMENT_LIMIT {
            let (one, two) = (a.bytes().map_err(unreadable(spot))?, b.bytes().map_err(unreadable(spot))?);
            let mut mapped = String::from_utf8_lossy(&one).into_owned();
            for (from, to) in &self.replaced {
                let bare = |digest: &str| digest.rsplit(':').next().unwrap_or_default().to_owned();
                mapped = mapped.replace(&bare(from), &bare(to));
            }
            if mapped.as_bytes() == two.as_ref() {
                return Ok(());
            }
        }
        let found = self.walk.compare(spot, a, b)?;
        self.changes.extend(found);
        Ok(())
    }
}

/// Which of the two.
#[derive(Clone, Copy)]
enum Side {
    A,
    B,
}

/// Whether a layer is packed as its media type says (image-spec, "layer media types").
fn is_true(spot: &Spot, layout: &Layout, descriptor: &Value) -> Result<bool, Broken> {
    let kind = media_type(descriptor);
    let digest = descriptor.get("digest").and_then(Value::as_str).unwrap_or_default();
    let Some(data) = layout.files.get(&blob_name(digest)) else { return Ok(false) };
    let found = Kind::of(data, "layer").map_err(unreadable(spot))?;
    let packed = match kind.rsplit(['+', '.']).next() {
        Some("gzip") => Kind::Gzip,
        Some("zstd") => Kind::Zstd,
        _ => Kind::Tar,
    };
    Ok(crate::oci::layer_is_known(kind) && found == packed)
}
