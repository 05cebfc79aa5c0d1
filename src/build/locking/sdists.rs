//! Projects that have no wheel that fits: their sdists are built here, each in a box of its own, and what that asks for
//! is locked as well.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::VersionOrUrl;

use super::super::error::BuildError;
use super::super::prepare::requires_of;
use super::super::request::Upgrade;
use super::super::supply::Parts;
use super::super::wheels::{self, WheelBuild};
use super::images::is_still;
use super::needs::{Locker, Made, Subject};
use crate::builder::Builder;
use crate::config::typed::Pyproject;
use crate::config::{Document, RUST_PACKAGES};
use crate::fetch::{IndexFile, Places, Wanted as WantedFile};
use crate::image::RECIPE;
use crate::lock::{AskedImage, Distribution, LockedSdist, LockedWheel};
use crate::name::{PackageName, PythonVersion, requirement};
use crate::output::SdistName;
use crate::resolve::python::{Built, Wanted};
use crate::sandbox::Limits;
use crate::source::Source;
use crate::store::Store;

/// How many versions of one project are tried, newest first.
const TRIES: usize = 4;

/// An sdist that an index lists, or that a lock file of the project pins.
pub(super) struct Sdist {
    pub(super) name: PackageName,
    pub(super) version: String,
    pub(super) file: String,
    /// If somebody says.
    pub(super) size: Option<u64>,
    pub(super) sha256: crate::digest::Sha256,
    pub(super) required_by: Vec<String>,
}

/// Wheels that were built so that requirements can be resolved.
#[derive(Default)]
pub(super) struct Search {
    tried: BTreeMap<PackageName, BTreeSet<Version>>,
    wheels: Vec<LockedWheel>,
}

impl Search {
    /// What the resolver is given.
    pub(super) fn built(&self, store: &Store) -> Vec<Built> {
        let built = |wheel: &LockedWheel| Built {
            file: wheel.file.clone(),
            size: wheel.size,
            sha256: wheel.sha256,
            path: store.blob_path(&wheel.sha256),
        };
        self.wheels.iter().map(built).collect()
    }

    /// Builds one more version of each of these projects. Says whether there was one to build.
    pub(super) fn extend(
        &mut self,
        locker: &Locker<'_>,
        names: &[PackageName],
        wanted: &[Wanted],
        subject: &Subject<'_>,
        made: &mut Made,
    ) -> Result<bool, BuildError> {
        let mut found = false;
        for name in names {
            let tried = self.tried.entry(name.clone()).or_default();
            if tried.len() >= TRIES {
                continue;
            }
            let context = locker.images.supplier.context();
            let files = locker.images.supplier.fetcher()?.listing(name, context.cancel)?;
            let specifiers = specifiers(name, wanted);
            let fits = |version: &Version| {
                !tried.contains(version) && specifiers.iter().all(|one| one.contains(version))
            };
            let kept = locker.kept_version(subject.kept, name);
            let Some((version, file)) = newest(name, &files, locker.python, kept.as_ref(), &fits) else {
                continue;
            };
            tried.insert(version.clone());
            let by = wanted.iter().filter(|one| is_of(name, &one.requirement)).map(|one| one.by.clone());
            let mut required_by: Vec<String> = by.collect();
            if required_by.is_empty() {
                required_by.push(subject.name.to_string());
            }
            let sdist = Sdist {
                name: name.clone(),
                version: version.to_string(),
                file: file.file.clone(),
                size: file.size,
                sha256: file.sha256.ok_or_else(|| BuildError::NoHash { file: file.file.clone() })?,
                required_by,
            };
            locker.images.supplier.fetcher()?.hint(sdist.sha256, file.url.clone());
            self.wheels.push(locker.wheel(&sdist, subject.above, made)?);
            found = true;
        }
        Ok(found)
    }
}

/// The specifiers that requirements for a project name.
fn specifiers(name: &PackageName, wanted: &[Wanted]) -> Vec<VersionSpecifiers> {
    let of = |one: &Wanted| {
        let requirement = requirement(&one.requirement).ok()?;
        match requirement.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) if is_of(name, &one.requirement) => {
                Some(specifiers)
            }
            _ => None,
        }
    };
    wanted.iter().filter_map(of).collect()
}

fn is_of(name: &PackageName, text: &str) -> bool {
    requirement(text).is_ok_and(|requirement| requirement.name.as_ref() == name.as_str())
}

/// The sdist to build: the version that was locked, else the newest release, else the newest pre-release.
fn newest<'a>(
    name: &PackageName,
    files: &'a [IndexFile],
    python: PythonVersion,
    kept: Option<&Version>,
    fits: &dyn Fn(&Version) -> bool,
) -> Option<(Version, &'a IndexFile)> {
    let interpreter = Version::new([u64::from(python.major), u64::from(python.minor)]);
    let runs = |file: &IndexFile| {
        file.requires_python.as_ref().is_none_or(|text| {
            text.parse::<VersionSpecifiers>().is_ok_and(|specifiers| specifiers.contains(&interpreter))
        })
    };
    let versions = files.iter().filter(|file| file.yanked.is_none() && runs(file)).filter_map(|file| {
        let sdist: SdistName = file.file.parse().ok()?;
        let (_, version) = sdist.readings().find(|(project, _)| project == name)?;
        fits(&version).then_some((version, file))
    });
    versions.max_by_key(|(version, _)| (Some(version) == kept, !version.any_prerelease(), version.clone()))
}

impl Locker<'_> {
    /// The version of a project that was locked before and may stay.
    fn kept_version(&self, kept: &[Distribution], name: &PackageName) -> Option<Version> {
        let mut of_name = self.kept(kept, crate::lock::Role::Build).filter(|file| file.name == *name);
        of_name.next().and_then(|file| file.version.parse().ok())
    }

    /// Locks and builds the wheel of an sdist.
    pub(super) fn wheel(
        &self,
        sdist: &Sdist,
        above: &[String],
        made: &mut Made,
    ) -> Result<LockedWheel, BuildError> {
        let wrong = |source: BuildError| BuildError::Wheel {
            sdist: sdist.file.clone(),
            required_by: sdist.required_by.clone(),
            source: Box::new(source),
        };
        self.make_wheel(sdist, above, made).map_err(wrong)
    }

    fn make_wheel(
        &self,
        sdist: &Sdist,
        above: &[String],
        made: &mut Made,
    ) -> Result<LockedWheel, BuildError> {
        if above.contains(&sdist.file) {
            return Err(BuildError::Cycle { sdists: [above, std::slice::from_ref(&sdist.file)].concat() });
        }
        let same = |wheel: &&LockedWheel| {
            wheel.sdist.sha256 == sdist.sha256
                && wheel.platform == self.images.platform
                && wheel.python == self.python
        };
        if let Some(wheel) = made.wheels.iter().find(same) {
            return Ok(wheel.clone());
        }
        let builder = Builder::built_in("python-build")?;
        let old = self.images.old.wheels.iter().find(same);
        if let Some(old) = old
            && self.keep_if_it_stays(old, made)?
        {
            return Ok(old.clone());
        }
        let source = self.sdist_source(sdist)?;
        let (pyproject, cargo_toml) = (source.read("pyproject.toml")?, source.read("Cargo.toml")?);
        let pyproject = pyproject
            .as_deref()
            .map(|bytes| Document { file: "pyproject.toml", bytes }.parse::<Pyproject>())
            .transpose()?;
        let crates = wheels::crates(&source, pyproject.as_ref(), cargo_toml.as_deref())?;
        let asked = self.sdist_image(&builder, crates.is_some());
        let (locked_image, image) = self.images.image(&asked, old.map(|wheel| wheel.image), made)?;
        made.images.push(locked_image.clone());
        let above = [above, std::slice::from_ref(&sdist.file)].concat();
        let subject = Subject {
            name: sdist.name.as_str().parse().map_err(|_| BuildError::Name { name: sdist.name.clone() })?,
            source: &source,
            requires: requires_of(pyproject.as_ref()),
            crates: crates.as_deref(),
            builder: &builder,
            distributions: &["wheel"],
            config_settings: serde_json::Map::new(),
            limits: Limits::default(),
            kept: old.map(|wheel| wheel.distributions.as_slice()).unwrap_or_default(),
            above: &above,
        };
        let needs = self.needs(&subject, &locked_image, &image, made)?;
        let tools = builder.toolchain().distributions(self.images.platform);
        let mut distributions: Vec<Distribution> = tools.into_iter().chain(needs.distributions).collect();
        distributions.sort();
        let crates = (crates.as_deref(), needs.crates.as_slice());
        let parts =
            Parts::installed((&locked_image, image), &builder, &distributions, crates, self.images.supplier)?;
        let build = WheelBuild {
            name: &sdist.name,
            version: &sdist.version,
            hooks: &needs.hooks,
            source: &source,
            builder: &builder,
        };
        let wheel = build.run(&parts, self.images.supplier.context())?;
        let size = self.images.supplier.context().store.open_blob(&sdist.sha256)?.size();
        let wheel = LockedWheel {
            name: sdist.name.clone(),
            version: sdist.version.clone(),
            platform: self.images.platform,
            python: self.python,
            image: locked_image.digest,
            sdist: LockedSdist { file: sdist.file.clone(), size, sha256: sdist.sha256 },
            file: wheel.name,
            size: wheel.size,
            sha256: wheel.sha256,
            requires: subject.requires,
            hooks: needs.hooks,
            crates: needs.crates,
            distributions,
        };
        made.wheels.push(wheel.clone());
        Ok(wheel)
    }

    /// Takes a wheel over from the old lock, with all that builds it, if it may stay as it is.
    pub(super) fn keep_if_it_stays(&self, old: &LockedWheel, made: &mut Made) -> Result<bool, BuildError> {
        let stays = self.stays(old, &Builder::built_in("python-build")?);
        if stays {
            self.keep_wheel(old, made)?;
        }
        Ok(stays)
    }

    /// Whether a wheel that was locked before may stay as it is.
    fn stays(&self, old: &LockedWheel, builder: &Builder) -> bool {
        let asked = self.sdist_image(builder, !old.crates.is_empty());
        let named = match self.images.upgrade {
            Upgrade::All => true,
            Upgrade::Keep => false,
            Upgrade::Packages(names) => {
                names.contains(&old.name) || old.distributions.iter().any(|file| names.contains(&file.name))
            }
        };
        !named && self.images.old.image(&old.image).is_some_and(|image| is_still(image, &asked))
    }

    fn keep_wheel(&self, old: &LockedWheel, made: &mut Made) -> Result<(), BuildError> {
        let mut closure = self.images.old.wheels_for(&old.distributions);
        closure.push(old);
        wheels::ensure(&closure, self.images.old, self.images.supplier)?;
        made.images.extend(closure.iter().filter_map(|wheel| self.images.old.image(&wheel.image)).cloned());
        made.wheels.extend(closure.into_iter().cloned());
        Ok(())
    }

    /// The sdist, fetched and read.
    fn sdist_source(&self, sdist: &Sdist) -> Result<Source, BuildError> {
        let context = self.images.supplier.context();
        if !context.store.has(&sdist.sha256) {
            let wanted = WantedFile {
                file: sdist.file.clone(),
                sha256: sdist.sha256,
                size: sdist.size,
                required_by: sdist.required_by.clone(),
                places: Places::Indexes(sdist.name.clone()),
            };
            self.images.supplier.fetcher()?.files(&[wanted], "sdists", context.reporter, context.cancel)?;
        }
        wheels::open(&sdist.sha256, context)
    }

    /// What an sdist is built in: the target's release, with compilers and what the target adds;
    /// an image by reference as it is.
    fn sdist_image(&self, builder: &Builder, compiled_by_cargo: bool) -> AskedImage {
        let mut include: Vec<String> = builder.image_packages().to_vec();
        if compiled_by_cargo {
            include.extend(RUST_PACKAGES.map(str::to_owned));
        }
        include.extend(self.system_packages.iter().cloned());
        include.sort();
        include.dedup();
        if !self.image.is_assembled() {
            include.clear();
        }
        let (reference, suites) = (self.image.clone(), self.suites.to_vec());
        AskedImage { reference, recipe: RECIPE, include, suites }
    }
}
