//! Which wheels fit an interpreter, and which fits best ("platform compatibility tags").

use super::WheelName;
use crate::name::{DebianRelease, Platform, PythonVersion};

/// The interpreter that wheels are installed for: a `CPython` on glibc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PythonTarget {
    /// Its version.
    pub python: PythonVersion,
    /// What it runs on.
    pub platform: Platform,
    /// Version of the C library, which decides which manylinux wheels run.
    pub glibc: (u16, u16),
}

/// How well a wheel fits; the greatest fits best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    /// Made for this interpreter, its stable ABI, its language.
    kind: u16,
    /// Made for a newer C library.
    platform: u32,
}

impl PythonTarget {
    /// The interpreter of an image that is assembled from a Debian release.
    #[must_use]
    pub fn debian(release: DebianRelease, platform: Platform) -> Self {
        let glibc = match release {
            DebianRelease::Bookworm => (2, 36),
            DebianRelease::Trixie => (2, 41),
        };
        Self { python: release.python(), platform, glibc }
    }

    /// How well a wheel fits, if it does: the best of all combinations of its tags.
    #[must_use]
    pub fn fit(&self, wheel: &WheelName) -> Option<Fit> {
        let mut best = None;
        for python in &wheel.pythons {
            for abi in &wheel.abis {
                for platform in &wheel.platforms {
                    best = best.max(self.fit_tag(python, abi, platform));
                }
            }
        }
        best
    }

    /// Of several wheels of one version the one to take: the best fit, then the highest build number, then the
    /// first by name.
    pub fn best<'a>(&self, wheels: impl IntoIterator<Item = &'a WheelName>) -> Option<&'a WheelName> {
        wheels
            .into_iter()
            .filter_map(|wheel| {
                let rank = (self.fit(wheel)?, wheel.build.clone(), std::cmp::Reverse(wheel.to_string()));
                Some((rank, wheel))
            })
            .max_by(|a, b| a.0.cmp(&b.0))
            .map(|(_, wheel)| wheel)
    }

    fn fit_tag(self, python: &str, abi: &str, platform: &str) -> Option<Fit> {
        let PythonVersion { major, minor } = self.python;
        let own = format!("cp{major}{minor}");
        // For `cp39` or `py39` the minor version, not above ours.
        let minor_of = |prefix: &str| -> Option<u8> {
            let digits = python.strip_prefix(prefix)?.strip_prefix(&major.to_string())?;
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|found| plain && *found <= minor)
        };
        let generic = python == format!("py{major}");
        let platform = if platform == "any" { None } else { Some(self.platform(platform)?) };
        // As the reference implementation orders them: native, stable ABI from the newest, plain, pure.
        let kind = match (platform, abi) {
            (Some(_), _) if python == own && abi == own => 1000,
            (Some(_), "abi3") => 700 + u16::from(minor_of("cp")?),
            (Some(_), "none") if python == own => 600,
            (Some(_), "none") if generic => 500,
            (Some(_), "none") => 300 + u16::from(minor_of("py")?),
            (None, "none") if python == own => 250,
            (None, "none") if generic => 200,
            (None, "none") => u16::from(minor_of("py")?),
            _ => return None,
        };
        Some(Fit { kind, platform: platform.unwrap_or(0) })
    }

    /// For a platform tag that runs here, a number that grows with the C library that it was made for.
    fn platform(self, tag: &str) -> Option<u32> {
        let machine = self.platform.machine();
        let (family, oldest) = match self.platform {
            Platform::LinuxAmd64 => (tag, (2, 5)),
            Platform::LinuxArm64 => (tag, (2, 17)),
        };
        let prefix = family.strip_suffix(machine)?.strip_suffix('_')?;
        let version = match prefix {
            "linux" => return Some(1),
            "manylinux1" => (2, 5),
            "manylinux2010" => (2, 12),
            "manylinux2014" => (2, 17),
            other => {
                let (major, minor) = other.strip_prefix("manylinux_")?.split_once('_')?;
                (major.parse().ok()?, minor.parse().ok()?)
            }
        };
        let runs = version.0 == self.glibc.0 && version >= oldest && version <= self.glibc;
        runs.then(|| 2 + u32::from(version.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bookworm() -> PythonTarget {
        PythonTarget::debian(DebianRelease::Bookworm, Platform::LinuxAmd64)
    }

    fn best(target: PythonTarget, tags: &[&str]) -> Option<String> {
        let names: Vec<WheelName> =
            tags.iter().map(|tag| format!("a-1-{tag}.whl").parse().unwrap()).collect();
        let name = target.best(&names)?.to_string();
        Some(name["a-1-".len()..name.len() - ".whl".len()].to_owned())
    }

    #[test]
    fn wheels_that_run_here_and_wheels_that_do_not() {
        let fits = [
            "cp311-cp311-manylinux_2_36_x86_64",
            "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp311-cp311-manylinux1_x86_64",
            "cp311-cp311-linux_x86_64",
            "cp37-abi3-manylinux_2_28_x86_64",
            "cp311-abi3-manylinux_2_28_x86_64",
            "cp311-none-manylinux_2_28_x86_64",
            "py3-none-manylinux_2_28_x86_64",
            "py39-none-manylinux_2_28_x86_64",
            "py2.py3-none-any",
            "py311-none-any",
            "py30-none-any",
            "cp311-none-any",
        ];
        for tag in fits {
            assert!(best(bookworm(), &[tag]).is_some(), "{tag}");
        }
        let wrong = [
            "cp311-cp311-manylinux_2_37_x86_64",
            "cp311-cp311-manylinux_2_4_x86_64",
            "cp311-cp311-manylinux_2_28_aarch64",
            "cp311-cp311-musllinux_1_2_x86_64",
            "cp311-cp311-macosx_11_0_x86_64",
            "cp311-cp311-win_amd64",
            "cp311-cp311-manylinux_3_1_x86_64",
            "cp311-cp311-any",
            "cp312-abi3-manylinux_2_28_x86_64",
            "cp310-cp310-manylinux_2_28_x86_64",
            "cp311-cp311t-manylinux_2_28_x86_64",
            "cp311-cp311d-manylinux_2_28_x86_64",
            "pp311-pypy311_pp73-manylinux_2_28_x86_64",
            "cp310-none-any",
            "py312-none-any",
            "py2-none-any",
            "py3-abi3-any",
        ];
        for tag in wrong {
            assert_eq!(best(bookworm(), &[tag]), None, "{tag}");
        }
    }

    #[test]
    fn the_best_fit_wins() {
        let order = [
            "cp311-cp311-manylinux_2_28_x86_64",
            "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp311-cp311-linux_x86_64",
            "cp311-abi3-manylinux_2_28_x86_64",
            "cp39-abi3-manylinux_2_34_x86_64",
            "cp37-abi3-manylinux_2_34_x86_64",
            "py3-none-manylinux_2_17_x86_64",
            "py2.py3-none-any",
            "py38-none-any",
        ];
        for (index, first) in order.iter().enumerate() {
            for second in &order[index + 1..] {
                assert_eq!(best(bookworm(), &[second, first]).as_deref(), Some(*first), "{first} {second}");
            }
        }
        assert_eq!(
            best(bookworm(), &["1-py3-none-any", "2-py3-none-any"]).as_deref(),
            Some("2-py3-none-any")
        );
    }

    #[test]
    fn another_image_is_another_target() {
        let trixie = PythonTarget::debian(DebianRelease::Trixie, Platform::LinuxArm64);
        assert_eq!(trixie.python, PythonVersion { major: 3, minor: 13 });
        assert!(best(trixie, &["cp313-cp313-manylinux_2_41_aarch64"]).is_some());
        assert!(best(trixie, &["cp313-cp313-manylinux1_aarch64"]).is_none());
        assert!(best(trixie, &["cp311-cp311-manylinux_2_28_aarch64"]).is_none());
    }
}
