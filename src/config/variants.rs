//! Which base image and which Python a target is built on.

use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::error::ConfigError;
use super::meaning::{Reading, Variant};
use super::rust;
use super::typed::{OneOrMany, TypedTarget};
use crate::name::{DebianRelease, ImageRef, PythonVersion};

impl Reading<'_> {
    /// The images and Pythons of a target, and why, if `requires-python` decided.
    pub(super) fn variants(
        &self,
        typed: &TypedTarget,
        key: &dyn Fn(&str) -> String,
    ) -> Result<(Vec<Variant>, Option<String>), ConfigError> {
        let image =
            typed.image.as_deref().map(|text| self.name::<ImageRef>(text, key("image"))).transpose()?;
        let pythons: Vec<PythonVersion> = typed
            .python
            .as_ref()
            .map(OneOrMany::to_vec)
            .unwrap_or_default()
            .iter()
            .map(|text| self.name(text, key("python")))
            .collect::<Result<_, _>>()?;
        let mut said = None;
        if let Some(image) = &image
            && !image.is_assembled()
        {
            return Ok((vec![self.pulled(image, &pythons, typed, key)?], None));
        }
        let release_of = |image: &ImageRef| match image {
            ImageRef::Debian(release) => Some(*release),
            ImageRef::Registry(_) | ImageRef::Layout(_) | ImageRef::Engine(_) => None,
        };
        let releases = match (image.as_ref().and_then(release_of), pythons.as_slice()) {
            (None, []) => {
                let (release, why) = self.chosen_release(typed)?;
                said = why;
                vec![release]
            }
            (Some(release), []) => vec![release],
            (None, versions) => versions
                .iter()
                .map(|version| self.release_with(*version, &DebianRelease::ALL, &key("python")))
                .collect::<Result<_, _>>()?,
            (Some(release), versions) => versions
                .iter()
                .map(|version| self.release_with(*version, &[release], &key("python")))
                .collect::<Result<_, _>>()?,
        };
        if let Some(suites) = &typed.suites {
            let fits = |suite: &String| releases.iter().all(|release| suite_of(suite, *release));
            if suites.is_empty() || !suites.iter().all(fits) {
                let expected =
                    "suites of the image's release, such as bookworm, bookworm-updates, bookworm-security";
                return Err(self.value(key("suites"), &suites.join(", "), expected));
            }
        }
        let variant = |release: DebianRelease| Variant {
            image: ImageRef::Debian(release),
            suites: typed.suites.clone().unwrap_or_else(|| release.default_suites()),
            python: Some(release.python()),
        };
        let mut variants: Vec<Variant> = releases.into_iter().map(variant).collect();
        let mut seen = Vec::new();
        variants.retain(|variant| {
            !seen.contains(&variant.python) && {
                seen.push(variant.python);
                true
            }
        });
        Ok((variants, said))
    }

    /// An image by reference: nothing can be added to it, and it has one Python.
    fn pulled(
        &self,
        image: &ImageRef,
        pythons: &[PythonVersion],
        typed: &TypedTarget,
        key: &dyn Fn(&str) -> String,
    ) -> Result<Variant, ConfigError> {
        let only = "none: the image is used as it is (build it with what it needs, or use debian:bookworm)";
        if let Some(suites) = &typed.suites {
            return Err(self.value(key("suites"), &suites.join(", "), only));
        }
        if !typed.system_packages.is_empty() {
            return Err(self.value(key("system-packages"), &typed.system_packages.join(", "), only));
        }
        let python = match pythons {
            [] => None,
            [first, rest @ ..] if rest.iter().all(|other| other == first) => Some(*first),
            several => {
                let written: Vec<String> = several.iter().map(ToString::to_string).collect();
                let expected = "the one version that the image has";
                return Err(self.value(key("python"), &written.join(", "), expected));
            }
        };
        Ok(Variant { image: image.clone(), suites: Vec::new(), python })
    }

    fn release_with(
        &self,
        version: PythonVersion,
        among: &[DebianRelease],
        key: &str,
    ) -> Result<DebianRelease, ConfigError> {
        among.iter().copied().find(|release| release.python() == version).ok_or_else(|| {
            ConfigError::NoPython {
                file: self.file.to_owned(),
                key: key.to_owned(),
                version,
                known: known_pythons(among),
            }
        })
    }

    /// What shows that the target is compiled by cargo, if it is.
    pub(super) fn rust(&self, typed: &TypedTarget) -> Option<&str> {
        self.rust.filter(|_| matches!(typed.builder.as_deref(), None | Some("python-build")))
    }

    /// The release when nothing names one, and why.
    fn chosen_release(&self, typed: &TypedTarget) -> Result<(DebianRelease, Option<String>), ConfigError> {
        let Some(sign) = self.rust(typed) else {
            return self.release_by_requires_python(&DebianRelease::ALL);
        };
        let (release, why) = self.release_by_requires_python(&rust::releases())?;
        let why = why.unwrap_or_else(|| format!("Python {}", release.python()));
        let packages = rust::PACKAGES.join(" and ");
        Ok((release, Some(format!("debian:{} with its {packages} ({sign}), {why}", release.codename()))))
    }

    /// The first release whose Python `requires-python` allows.
    fn release_by_requires_python(
        &self,
        among: &[DebianRelease],
    ) -> Result<(DebianRelease, Option<String>), ConfigError> {
        let project = self.pyproject.and_then(|pyproject| pyproject.project.as_ref());
        let Some(requires) = project.and_then(|project| project.requires_python.as_deref()) else {
            return Ok((among.first().copied().unwrap_or(DebianRelease::Bookworm), None));
        };
        let specifiers = VersionSpecifiers::from_str(requires).map_err(|_| ConfigError::Value {
            file: "pyproject.toml".to_owned(),
            key: "[project] requires-python".to_owned(),
            actual: requires.to_owned(),
            expected: "version specifiers (PEP 440), for instance >=3.10".to_owned(),
        })?;
        // A base image holds some patch release of its minor version: `>=3.11.2` is decided by the newest one.
        let allows = |release: &DebianRelease| {
            let python = release.python();
            (0..=30).any(|patch| {
                specifiers.contains(&Version::new([u64::from(python.major), u64::from(python.minor), patch]))
            })
        };
        let release = among.iter().copied().find(allows).ok_or_else(|| ConfigError::RequiresPython {
            requires: requires.to_owned(),
            known: known_pythons(&DebianRelease::ALL),
        })?;
        let why = format!("Python {} (requires-python = {requires:?})", release.python());
        Ok((release, Some(why)))
    }
}

fn suite_of(suite: &str, release: DebianRelease) -> bool {
    suite.strip_prefix(release.codename()).is_some_and(|rest| {
        matches!(rest, "" | "-updates" | "-security" | "-backports" | "-proposed-updates")
    })
}

fn known_pythons(releases: &[DebianRelease]) -> String {
    releases
        .iter()
        .map(|release| format!("{} in debian:{}", release.python(), release.codename()))
        .collect::<Vec<_>>()
        .join(", ")
}
