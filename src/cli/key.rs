//! The private key that signs: which one, and opened.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::Failure;
use super::passphrase;
use super::session::Session;
use crate::event::{Event, Reporter as _};
use crate::sign::{Format, KeyFile, KeySource, SignError, Signer, Signing};

/// Flags of commands that sign.
#[derive(Debug, clap::Args)]
pub(super) struct KeyArgs {
    /// Sign with this private key [default: `SEALWRIGHT_KEY`, else `key` of the user's configuration]
    // A key in the place of its path begins with hyphens: ours is the error that does not repeat it.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    key: Option<PathBuf>,
    /// Read the key's passphrase from this descriptor [default: `SEALWRIGHT_PASSPHRASE`, else ask]
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FormatArg {
    /// A DSSE envelope in NAME.intoto.jsonl
    Dsse,
    /// A Sigstore bundle v0.3 in NAME.sigstore.json
    Sigstore,
}

impl FormatArg {
    pub(super) fn format(self) -> Format {
        match self {
            Self::Dsse => Format::Dsse,
            Self::Sigstore => Format::Sigstore,
        }
    }
}

impl KeyArgs {
    /// The signer, if anybody asks for one.
    pub(super) fn signing(&self, format: FormatArg, session: &Session) -> Result<Option<Signing>, Failure> {
        let signer = signer(self.key.as_deref(), self.passphrase_fd, session)?;
        Ok(signer.map(|signer| Signing { signer, format: format.format() }))
    }
}

/// The private key, read and opened; `None` if nobody asks for one.
pub(super) fn signer(
    flag: Option<&Path>,
    descriptor: Option<u32>,
    session: &Session,
) -> Result<Option<Arc<dyn Signer>>, Failure> {
    let Some(source) = KeySource::choose(flag, |name| std::env::var_os(name))? else {
        return Ok(None);
    };
    let key = match source.read()? {
        KeyFile::Plain(key) => {
            warn_of_readers(&source, session);
            *key
        }
        KeyFile::Encrypted(key) => {
            let passphrase = match passphrase::given(descriptor)? {
                Some(given) => Some(given),
                None => passphrase::ask(&format!("passphrase of {}:", key.origin()), session)?,
            };
            let none = || SignError::NoPassphrase { origin: key.origin().to_owned() };
            key.decrypt(&passphrase.ok_or_else(none)?)?
        }
    };
    Ok(Some(Arc::new(key)))
}

/// Says so if others than the owner of a file can read the key in it. No more: secrets of CI services come like that.
fn warn_of_readers(source: &KeySource, session: &Session) {
    let KeySource::File(path, _) = source else { return };
    let Ok(metadata) = path.metadata() else { return };
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_file() && mode & 0o044 != 0 {
        let what = format!(
            "others can read the private key {path} (mode {mode:04o}): `chmod 600 {path}`",
            path = path.display()
        );
        session.terminal.report(Event::Warning { what });
    }
}
