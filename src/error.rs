//! Whose fault an error is, and the published table of exit codes that follows from it.

use std::error::Error;

/// Whose fault an error is. It gives the exit code, and nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The user's build ran and failed, or broke a limit, or made an output that is refused.
    Build,
    /// Usage, configuration, or the state of the project (a dirty tree, a missing file).
    User,
    /// The lock is stale, or an input's digest is not the one that is locked.
    Integrity,
    /// A signature, statement or policy did not verify.
    Verification,
    /// Two things that should be equal are different (`rebuild`, `diff`, `--check`).
    Different,
    /// An engine or isolation is not to be had, or the host failed (disk full).
    Environment,
    /// The network or a server on it.
    Network,
    /// A bug of sealwright.
    Ours,
    /// Ended by a signal that the user sent: SIGINT or SIGTERM, by number.
    Interrupted(i32),
}

impl Blame {
    /// The process exit code (`docs/reference/exit-codes.md`).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Build => 1,
            Self::User => 2,
            Self::Integrity => 3,
            Self::Verification => 4,
            Self::Different => 5,
            Self::Environment => 6,
            Self::Network => 7,
            Self::Ours => 70,
            Self::Interrupted(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)),
        }
    }
}

/// An error that knows whose fault it is and what to do next.
///
/// `Display` is a lowercase fragment saying what, where, expected and actual; `source()` is kept for
/// the causes; hints are separate lines that say what to do.
pub trait Fault: Error + Send + Sync + 'static {
    /// Whose fault it is.
    fn blame(&self) -> Blame;

    /// What to do next, each a sentence fragment, most useful first. May be empty.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Whose fault an input/output error of the host is when nothing else is known: a full disk, a
/// missing permission, a failing device.
#[must_use]
pub fn io_hints(error: &std::io::Error) -> Vec<String> {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => vec![
            "free some space (`sealwright store gc` removes what no project uses), or set SEALWRIGHT_STORE to a larger file system".to_owned(),
        ],
        ErrorKind::PermissionDenied => vec!["check the owner and the mode of that path".to_owned()],
        ErrorKind::ReadOnlyFilesystem => vec!["that file system is read-only: choose a writable folder".to_owned()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_published_table() {
        let codes: Vec<u8> = [
            Blame::Build,
            Blame::User,
            Blame::Integrity,
            Blame::Verification,
            Blame::Different,
            Blame::Environment,
            Blame::Network,
            Blame::Ours,
            Blame::Interrupted(2),
            Blame::Interrupted(15),
        ]
        .map(Blame::exit_code)
        .to_vec();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 70, 130, 143]);
    }
}
