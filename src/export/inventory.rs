//! Everything that a target's lock names, as one list with who needs what: what both kinds of bills are made from.

use std::collections::BTreeMap;

use crate::digest::Sha256;
use crate::lock::{
    Distribution, ImageContent, Lock, LockedCrate, LockedImage, LockedTarget, LockedWheel, Role,
};
use crate::provenance::Purl;

/// What the bill is of.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// Name of the project, or of the target.
    pub name: &'a str,
    /// Its version, if it is known before it is built.
    pub version: Option<&'a str>,
    /// What it is.
    pub kind: ProductKind,
    /// The source's time, seconds since 1970: the time of the bill.
    pub epoch: i64,
}

impl Product<'_> {
    /// What tells this bill from every other one: made from the lock and the product. Equal bills have equal ones.
    pub(super) fn identity(&self, slice: &Lock) -> Sha256 {
        let Self { name, version, kind, epoch } = self;
        let lock = slice.digest();
        Sha256::of(format!("bill/1\n{lock}\n{name}\n{}\n{kind:?}\n{epoch}\n", version.unwrap_or_default()))
    }
}

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductKind {
    /// An sdist, a wheel.
    Library,
    /// A program with its run-time dependencies.
    Application,
}

/// One thing of the lock.
pub(super) struct Entry {
    /// Unique, and the same for the same lock.
    pub(super) id: String,
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) purl: Option<Purl>,
    /// File name; none of an image.
    pub(super) file: Option<String>,
    /// Bytes of the file.
    pub(super) size: Option<u64>,
    pub(super) sha256: Sha256,
    /// Who asked for it, as the lock says.
    pub(super) required_by: Vec<String>,
    /// The wheel that it is used to build, where it is not the target itself.
    pub(super) wheel: Option<String>,
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A base image.
    Image,
    /// A layer of an image by reference, or its configuration.
    Layer,
    /// A Debian package of an image.
    Package,
    /// A Python distribution.
    Distribution(Role),
    /// The source distribution of a wheel that is built here.
    Sdist,
    /// A crate that is compiled into a wheel.
    Crate,
}

impl Part {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Image => "base-image",
            Self::Layer => "image-layer",
            Self::Package => "system-package",
            Self::Distribution(role) => role.as_str(),
            Self::Sdist => "sdist",
            Self::Crate => "crate",
        }
    }
}

/// How two entries, or the product and an entry, belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// The first needs the second.
    Needs,
    /// The first holds the second.
    Contains,
    /// The first was made from the second.
    MadeFrom,
}

/// Everything of a lock's slice.
#[derive(Default)]
pub(super) struct Inventory {
    pub(super) entries: Vec<Entry>,
    /// From (none: the product itself), how, to.
    pub(super) links: Vec<(Option<usize>, Link, usize)>,
}

impl Inventory {
    /// The inventory of a slice ([`Lock::slice`]).
    pub(super) fn of(slice: &Lock) -> Self {
        let mut all = Self::default();
        let images: BTreeMap<Sha256, usize> =
            slice.images.iter().map(|image| (image.digest, all.image(image))).collect();
        let mut wheels: BTreeMap<Sha256, Vec<usize>> = BTreeMap::new();
        for target in &slice.targets {
            if let Some(image) = images.get(&target.image) {
                all.links.push((None, Link::Needs, *image));
            }
            let LockedTarget { distributions, crates, .. } = target;
            all.parts(None, None, distributions, crates, &mut wheels);
        }
        // A wheel that needs another built one comes after it: its sdist is linked wherever the wheel stands.
        for wheel in &slice.wheels {
            all.wheel(wheel, &images, &mut wheels);
        }
        for wheel in &slice.wheels {
            let sdist = all.entries.iter().position(|entry| entry.id == sdist_id(wheel));
            let users = wheels.get(&wheel.sha256).cloned().unwrap_or_default();
            all.links.extend(users.into_iter().filter_map(|user| Some((Some(user), Link::MadeFrom, sdist?))));
        }
        all
    }

    fn add(&mut self, entry: Entry) -> usize {
        self.entries.push(entry);
        self.entries.len() - 1
    }

    fn image(&mut self, image: &LockedImage) -> usize {
        let id = format!("image/{}", image.digest);
        let index = self.add(Entry {
            id: id.clone(),
            part: Part::Image,
            name: image.reference.to_string(),
            version: format!("sha256:{}", image.digest),
            purl: None,
            file: None,
            size: None,
            sha256: image.digest,
            required_by: Vec::new(),
            wheel: None,
        });
        for package in image.packages() {
            let one = self.add(Entry {
                id: format!("{id}/{}_{}_{}", package.name, package.version, package.arch),
                part: Part::Package,
                name: package.name.clone(),
                version: package.version.clone(),
                purl: Some(Purl::deb(&package.name, &package.version, &package.arch)),
                file: package.path.rsplit('/').next().map(str::to_owned),
                size: Some(package.size),
                sha256: package.sha256,
                required_by: Vec::new(),
                wheel: None,
            });
            self.links.push((Some(index), Link::Contains, one));
        }
        if let ImageContent::Pulled(pulled) = &image.content {
            for layer in &pulled.layers {
                let one = self.add(Entry {
                    id: format!("{id}/{}", layer.digest),
                    part: Part::Layer,
                    name: layer.media_type.clone(),
                    version: format!("sha256:{}", layer.digest),
                    purl: None,
                    file: None,
                    size: Some(layer.size),
                    sha256: layer.digest,
                    required_by: Vec::new(),
                    wheel: None,
                });
                self.links.push((Some(index), Link::Contains, one));
            }
        }
        index
    }

    /// Distributions and crates that the product (`owner` is none) or the building of a wheel needs.
    fn parts(
        &mut self,
        owner: Option<usize>,
        wheel: Option<&LockedWheel>,
        distributions: &[Distribution],
        crates: &[LockedCrate],
        wheels: &mut BTreeMap<Sha256, Vec<usize>>,
    ) {
        let label = wheel.map(|wheel| wheel.file.clone());
        let id = label.as_ref().map_or(String::new(), |file| format!("for/{file}/"));
        let first = self.entries.len();
        for file in distributions {
            let index = self.add(Entry {
                id: format!("{id}{}/{}", file.role.as_str(), file.file),
                part: Part::Distribution(file.role),
                name: file.name.to_string(),
                version: file.version.clone(),
                purl: Some(Purl::pypi(file.name.as_str(), &file.version, &file.file)),
                file: Some(file.file.clone()),
                size: Some(file.size),
                sha256: file.sha256,
                required_by: file.required_by.clone(),
                wheel: label.clone(),
            });
            wheels.entry(file.sha256).or_default().push(index);
        }
        for (offset, file) in distributions.iter().enumerate() {
            let index = first + offset;
            let users: Vec<usize> = distributions
                .iter()
                .enumerate()
                .filter(|(_, user)| {
                    user.role == file.role && file.required_by.iter().any(|by| by == user.name.as_str())
                })
                .map(|(offset, _)| first + offset)
                .collect();
            // Somebody who is no distribution asked: the project, a hook, the builder.
            if users.len() < file.required_by.len() || file.required_by.is_empty() {
                self.links.push((owner, Link::Needs, index));
            }
            self.links.extend(users.into_iter().map(|user| (Some(user), Link::Needs, index)));
        }
        for one in crates {
            let index = self.add(Entry {
                id: format!("{id}crate/{}", one.file),
                part: Part::Crate,
                name: one.name.clone(),
                version: one.version.clone(),
                purl: Some(Purl::cargo(&one.name, &one.version)),
                file: Some(one.file.clone()),
                size: Some(one.size),
                sha256: one.sha256,
                required_by: one.required_by.clone(),
                wheel: label.clone(),
            });
            self.links.push((owner, Link::Needs, index));
        }
    }

    fn wheel(
        &mut self,
        wheel: &LockedWheel,
        images: &BTreeMap<Sha256, usize>,
        wheels: &mut BTreeMap<Sha256, Vec<usize>>,
    ) {
        let sdist = self.add(Entry {
            id: sdist_id(wheel),
            part: Part::Sdist,
            name: wheel.name.to_string(),
            version: wheel.version.clone(),
            purl: Some(Purl::pypi(wheel.name.as_str(), &wheel.version, &wheel.sdist.file)),
            file: Some(wheel.sdist.file.clone()),
            size: Some(wheel.sdist.size),
            sha256: wheel.sdist.sha256,
            required_by: Vec::new(),
            wheel: Some(wheel.file.clone()),
        });
        if let Some(image) = images.get(&wheel.image) {
            self.links.push((Some(sdist), Link::Needs, *image));
        }
        self.parts(Some(sdist), Some(wheel), &wheel.distributions, &wheel.crates, wheels);
    }
}

fn sdist_id(wheel: &LockedWheel) -> String {
    // Two images or Pythons may build one sdist: the wheel's digest tells them apart.
    format!("sdist/{}/{}", wheel.sdist.file, wheel.sha256)
}
