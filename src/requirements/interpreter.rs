//! The interpreter that markers are evaluated for.

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};
use pep508_rs::MarkerValueString;

use crate::wheel::PythonTarget;

/// More patch releases than a Python ever had.
const PATCHES: u64 = 64;

/// The interpreter and platform that a lock file is read for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    target: PythonTarget,
    full: Option<Version>,
}

impl From<PythonTarget> for Interpreter {
    fn from(target: PythonTarget) -> Self {
        Self { target, full: None }
    }
}

impl Interpreter {
    /// Says which patch release it is: its version (`3.11.2`), or that of the Debian package (`3.11.2-6+deb12u6`).
    /// Without it a marker that depends on the patch release cannot be evaluated. Another Python's is ignored.
    #[must_use]
    pub fn with_full_version(mut self, text: &str) -> Self {
        let digits = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let own = [u64::from(self.target.python.major), u64::from(self.target.python.minor)];
        self.full = text[..digits]
            .parse::<Version>()
            .ok()
            .filter(|version| version.release().len() >= 3 && version.release().starts_with(&own));
        self
    }

    /// What wheels must fit.
    #[must_use]
    pub fn target(&self) -> PythonTarget {
        self.target
    }

    /// The versions that the interpreter may have: one if it is known, else every patch release.
    pub(super) fn versions(&self) -> Vec<Version> {
        let (major, minor) = (u64::from(self.target.python.major), u64::from(self.target.python.minor));
        match &self.full {
            Some(version) => vec![version.clone()],
            None => (0..PATCHES).map(|patch| Version::new([major, minor, patch])).collect(),
        }
    }

    /// Whether a `requires-python` allows it; none if that depends on the unknown patch release.
    pub(super) fn allowed_by(&self, specifiers: &VersionSpecifiers) -> Option<bool> {
        let versions = self.versions();
        let holds = |version: &&Version| specifiers.iter().all(|one| contains(one, version));
        let allowed = versions.iter().filter(holds).count();
        match allowed {
            0 => Some(false),
            all if all == versions.len() => Some(true),
            _ => None,
        }
    }

    /// The value of a marker's variable, if it is known: a kernel's release and version are the host's.
    pub(super) fn variable(&self, key: &MarkerValueString) -> Option<&'static str> {
        use MarkerValueString as Key;
        match key {
            Key::ImplementationName => Some("cpython"),
            Key::OsName | Key::OsNameDeprecated => Some("posix"),
            Key::PlatformMachine | Key::PlatformMachineDeprecated => Some(self.target.platform.machine()),
            Key::PlatformPythonImplementation
            | Key::PlatformPythonImplementationDeprecated
            | Key::PythonImplementationDeprecated => Some("CPython"),
            Key::PlatformSystem => Some("Linux"),
            Key::SysPlatform | Key::SysPlatformDeprecated => Some("linux"),
            Key::PlatformRelease | Key::PlatformVersion | Key::PlatformVersionDeprecated => None,
        }
    }

    /// As people say it: `Python 3.11.2 on linux/amd64`.
    pub(super) fn describe(&self) -> String {
        let version = self.full.as_ref().map_or_else(|| self.target.python.to_string(), ToString::to_string);
        format!("Python {version} on {}", self.target.platform)
    }
}

/// `==3.12` is written for every 3.12, in the example of PEP 751 too.
fn contains(specifier: &VersionSpecifier, version: &Version) -> bool {
    let meant = specifier.version().release();
    let minor = *specifier.operator() == Operator::Equal && meant.len() == 2;
    if minor { version.release().starts_with(meant) } else { specifier.contains(version) }
}
