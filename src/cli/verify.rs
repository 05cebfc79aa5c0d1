//! `sealwright verify`.

mod show;
mod summary;

pub(super) use summary::resource_of;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::Failure;
use super::session::{Session, shown};
use crate::error::{Blame, Fault, io_hints};
use crate::key::{KeyError, PublicKey};
use crate::output::write_whole;
use crate::provenance::Timestamp;
use crate::verify::{self, Asked, Decision, Depth, Identity, Policy, TrustRoot};

/// Checks that outputs are what their provenance says, and that this is what you expect; offline
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Outputs, or their digests as sha256:HEX
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to expect, and whose keys to believe (docs/reference/policy.md)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The public key to believe, instead of a policy; with --vsa the private key that signs the summary
    // A key in the place of its path begins with hyphens: ours is the error that does not repeat it.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    key: Option<PathBuf>,
    /// Whom the certificate of a signature has to name, exactly, instead of a key
    #[arg(long, value_name = "ID", requires = "certificate_oidc_issuer", conflicts_with_all = ["policy", "key", "accept_vsa"])]
    certificate_identity: Option<String>,
    /// Who has to have said so, exactly: the address of an `OpenID` Connect issuer
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// The authorities and logs that vouch for certificates, as a `trusted_root.json` [default: Sigstore's public instance]
    #[arg(long, value_name = "FILE", requires = "certificate_identity")]
    trusted_root: Option<PathBuf>,
    /// The repository that it has to come from
    #[arg(long, value_name = "URI", conflicts_with = "policy")]
    source: Option<String>,
    /// The branch or tag, in full: refs/tags/v1.0
    #[arg(long = "ref", value_name = "REF", conflicts_with = "policy")]
    reference: Option<String>,
    /// Who has to have built it [default: the local builder of sealwright]
    #[arg(long, value_name = "URI", conflicts_with = "policy")]
    builder_id: Option<String>,
    /// Check signature and subject and nothing that the statement says
    #[arg(long, conflicts_with_all = ["source", "reference", "builder_id"])]
    signature_only: bool,
    /// Statements to look in [default: those in provenance/ and beside the file]
    #[arg(long, value_name = "FILE")]
    statement: Vec<PathBuf>,
    /// Write a policy that this statement passes, to be reviewed; needs --key
    #[arg(long, value_name = "OUT", conflicts_with_all = ["policy", "vsa", "accept_vsa"])]
    init_policy: Option<PathBuf>,
    /// Write the decision as signed Verification Summary Attestations; needs --policy
    #[arg(long, value_name = "OUT", requires = "policy")]
    vsa: Option<PathBuf>,
    /// Believe this Verification Summary Attestation instead of looking at the provenance
    #[arg(long, value_name = "FILE", conflicts_with_all = ["vsa", "signature_only", "source", "reference", "builder_id"])]
    accept_vsa: Option<PathBuf>,
    #[command(flatten)]
    summary: summary::SummaryArgs,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    #[error("nobody is to be believed: no policy and no key")]
    NoRoot,
    #[error("nothing is expected of the statement")]
    NoExpectation,
    #[error("--policy and --key both say whom to believe")]
    Both,
    #[error("cannot read the public key {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Key { path: PathBuf, source: KeyError },
    #[error("--init-policy takes one file, whose provenance is SLSA Provenance v1")]
    InitPolicy,
    #[error("{path} is there already")]
    There { path: PathBuf },
    #[error("no private key to sign the summary with")]
    NoSigner,
    #[error("{flag} is missing: {what}")]
    Missing { flag: &'static str, what: &'static str },
}

impl Fault for UsageError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoRoot => {
                "say `--policy FILE`, `--key FILE` with `--source URI`, or `--certificate-identity ID` with its issuer: none is ever looked for"
            }
            Self::NoExpectation => {
                "say `--source URI` (and `--ref`) or `--policy FILE`; `--signature-only` if a signature by this key is all you want to know"
            }
            Self::Both => "the policy names the keys; leave --key out",
            Self::Read { source, .. } => return io_hints(source),
            Self::Key { source, .. } => return source.hints(),
            Self::There { .. } => "choose another name: a policy is not written over",
            Self::NoSigner => "name it with `--key FILE` or SEALWRIGHT_KEY",
            Self::InitPolicy | Self::Missing { .. } => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} did not verify")]
struct NotVerified {
    failed: usize,
    all: usize,
}

impl Fault for NotVerified {
    fn blame(&self) -> Blame {
        Blame::Verification
    }
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let now = Timestamp::from_seconds(jiff::Timestamp::now().as_second());
    if args.accept_vsa.is_some() {
        let decisions = summary::accept(args, now)?;
        return conclude(&decisions, session);
    }
    let policy = policy(args)?;
    let depth =
        if args.signature_only || args.init_policy.is_some() { Depth::SignatureOnly } else { Depth::Full };
    let decisions = verify::verify(&args.files, &args.statement, &policy, depth, now)?;
    if let Some(path) = &args.init_policy {
        return init_policy(path, &decisions, &policy, session);
    }
    if let Some(path) = &args.vsa {
        summary::write(path, args, &policy, &decisions, now, session)?;
    }
    conclude(&decisions, session)
}

/// Whom to believe and what to expect.
fn policy(args: &Args) -> Result<Policy, Failure> {
    let asked = Asked {
        source: args.source.as_deref(),
        reference: args.reference.as_deref(),
        builder: args.builder_id.as_deref(),
    };
    if let (Some(subject), Some(issuer)) = (&args.certificate_identity, &args.certificate_oidc_issuer) {
        let root = args.trusted_root.as_deref().map_or_else(TrustRoot::public, TrustRoot::read)?;
        let identity = Identity { subject: subject.clone(), issuer: issuer.clone(), root: Arc::new(root) };
        return Ok(Policy::of_identity(identity, &asked)?);
    }
    match (&args.policy, &args.key) {
        (Some(path), None) => Ok(Policy::read(path)?),
        // The private key of a summary is no root.
        (Some(path), Some(_)) if args.vsa.is_some() => Ok(Policy::read(path)?),
        (Some(_), Some(_)) => Err(UsageError::Both.into()),
        (None, None) => Err(UsageError::NoRoot.into()),
        (None, Some(key)) => {
            if args.source.is_none() && !args.signature_only && args.init_policy.is_none() {
                return Err(UsageError::NoExpectation.into());
            }
            Ok(Policy::of_key(public_key(key)?, asked.source, asked.reference, asked.builder)?)
        }
    }
}

pub(super) fn public_key(path: &Path) -> Result<PublicKey, UsageError> {
    let bytes = std::fs::read(path).map_err(|source| UsageError::Read { path: path.to_owned(), source })?;
    PublicKey::from_pem(&bytes).map_err(|source| UsageError::Key { path: path.to_owned(), source })
}

fn conclude(decisions: &[Decision], session: &Session) -> Result<(), Failure> {
    let failed = decisions.iter().filter(|decision| decision.outcome.is_err()).count();
    if session.json() {
        session.print_json(&show::json(decisions))?;
    } else if !session.quiet() || failed > 0 {
        session.print(&show::text(decisions))?;
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::from(NotVerified { failed, all: decisions.len() }).already_printed())
}

fn init_policy(
    path: &Path,
    decisions: &[Decision],
    policy: &Policy,
    session: &Session,
) -> Result<(), Failure> {
    let [Decision { outcome, .. }] = decisions else { return Err(UsageError::InitPolicy.into()) };
    let Ok(verified) = outcome else { return conclude(decisions, session) };
    if path.symlink_metadata().is_ok() {
        return Err(UsageError::There { path: path.to_owned() }.into());
    }
    let statement = verified.statement.as_ref().ok_or(UsageError::InitPolicy)?;
    write_whole(path, verify::starter(statement, &policy.roots.keys).as_bytes())?;
    if session.json() {
        return session.print_json(&serde_json::json!({ "policy": path }));
    }
    session.print(&format!("wrote {}: review it, it is as strict as this one statement\n", shown(path)))
}
