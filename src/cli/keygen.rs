//! `sealwright keygen`.

use std::path::PathBuf;

use super::failure::Failure;
use super::passphrase;
use super::session::{Session, shown};
use crate::error::{Blame, Fault};
use crate::output::{Overwrite, write_private, write_whole};
use crate::sign::{Algorithm, Signer, SigningKey};

/// Makes a key pair for signing statements
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What kind of key
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value = "p256")]
    kind: Type,
    /// Write PATH.key, which only you can read, and PATH.pub
    #[arg(long, value_name = "PATH", default_value = "sealwright")]
    output_prefix: PathBuf,
    /// Read the passphrase from this descriptor [default: `SEALWRIGHT_PASSPHRASE`, else ask]
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
    /// Write the key without a passphrase and do not ask for one
    #[arg(long, conflicts_with = "passphrase_fd")]
    no_passphrase: bool,
    /// Replace a key that is there: what it signed can still be verified, and nothing more signed with it
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Type {
    /// ECDSA on P-256
    P256,
    /// Ed25519
    Ed25519,
}

#[derive(Debug, thiserror::Error)]
#[error("{path} is there already")]
struct There {
    path: PathBuf,
}

impl Fault for There {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hints(&self) -> Vec<String> {
        vec!["choose another --output-prefix; `--force` replaces it, and it is then gone".to_owned()]
    }
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let file = |end: &str| {
        let mut name = args.output_prefix.clone().into_os_string();
        name.push(end);
        PathBuf::from(name)
    };
    let (private, public) = (file(".key"), file(".pub"));
    let overwrite = if args.force { Overwrite::Replace } else { Overwrite::Refuse };
    if overwrite == Overwrite::Refuse {
        for path in [&private, &public] {
            if path.symlink_metadata().is_ok() {
                return Err(There { path: path.clone() }.into());
            }
        }
    }
    let passphrase = if args.no_passphrase {
        None
    } else {
        match passphrase::given(args.passphrase_fd)? {
            Some(given) => Some(given).filter(|given| !given.is_empty()),
            None => passphrase::ask_new(session)?,
        }
    };
    let algorithm = match args.kind {
        Type::P256 => Algorithm::P256,
        Type::Ed25519 => Algorithm::Ed25519,
    };
    let key = SigningKey::generate(algorithm)?;
    write_private(&private, key.to_pem(passphrase.as_ref())?.as_bytes(), overwrite)?;
    write_whole(&public, key.public_key().to_pem().as_bytes())?;
    let id = key.key_id();
    if session.json() {
        return session.print_json(&serde_json::json!({
            "keyId": id.as_str(),
            "type": key.public_key().algorithm(),
            "privateKey": private,
            "publicKey": public,
            "encrypted": passphrase.is_some(),
        }));
    }
    if session.quiet() {
        return Ok(());
    }
    let how = if passphrase.is_some() { "encrypted" } else { "without a passphrase" };
    session.print(&format!(
        "{}  private key, {how}: keep it secret\n{}  public key: give it to whoever verifies\n{}  {id}\n",
        shown(&private),
        shown(&public),
        key.public_key().algorithm(),
    ))
}
