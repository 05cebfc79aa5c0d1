//! `sealwright rebuild`.

mod show;

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::key::{FormatArg, signer};
use super::session::Session;
use super::verify::{public_key, resource_of};
use crate::compare::Verdict;
use crate::digest::Sha256;
use crate::error::{Blame, Fault};
use crate::fetch::{Offline, PrivateHosts};
use crate::output::write_whole;
use crate::provenance::{BASE, Timestamp};
use crate::rebuild::{self, Ending, Outcome, RebuildRequest, Rebuilder, ResultIssue, Trust, UpstreamAsked};
use crate::sign::{Format, Signing, sign_payload};
use crate::verify::{Depth, Policy};

/// Builds again from a statement, and says whether the same comes out
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    /// The statement of the build
    #[arg(value_name = "STATEMENT", required_unless_present = "upstream")]
    statement: Option<PathBuf>,
    /// Rebuild what has no statement of ours: the sdist of a wheel that --against names, with build requirements found out
    #[arg(
        long,
        value_name = "SDIST",
        requires = "against",
        conflicts_with_all = ["statement", "key", "policy", "unsigned", "source", "vsa"]
    )]
    upstream: Option<PathBuf>,
    /// The public key to believe
    // A key in the place of its path begins with hyphens: ours is the error that does not repeat it.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, conflicts_with = "policy")]
    key: Option<PathBuf>,
    /// Whom to believe and what to expect of the statement (docs/reference/policy.md)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Believe nobody: the statement is repeated, from a source that --source names
    #[arg(long, conflicts_with_all = ["key", "policy"], requires = "source")]
    unsigned: bool,
    /// The source, if it is here: a clone, a folder or an archive; checked against the statement
    #[arg(long, value_name = "FILE|DIR")]
    source: Option<PathBuf>,
    /// Let the statement lead to addresses of this host and of private networks
    #[arg(long)]
    allow_private_network: bool,
    /// Use nothing but what the store holds
    #[arg(long, env = "SEALWRIGHT_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    offline: bool,
    /// What runs the box
    #[arg(long, value_enum, value_name = "ENGINE", default_value = "native")]
    engine: EngineArg,
    /// Compare with this file member by member [default: where the statement lies, if it is there]
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Take nothing but the same bytes: equal after normalizations is different
    #[arg(long)]
    strict: bool,
    /// Keep what is built here [default: nowhere]
    #[arg(short, long, value_name = "DIR")]
    outdir: Option<PathBuf>,
    /// Write the result as an in-toto statement, whatever it is
    #[arg(long, value_name = "OUT")]
    result: Option<PathBuf>,
    /// Sign what is written with this private key [default: `SEALWRIGHT_KEY`, else `key` of the user's configuration]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    signing_key: Option<PathBuf>,
    /// Read the key's passphrase from this descriptor [default: `SEALWRIGHT_PASSPHRASE`, else ask]
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
    /// Write a signed result as a DSSE envelope or as a Sigstore bundle
    #[arg(long, value_enum, value_name = "FORM", default_value = "dsse")]
    format: FormatArg,
    /// Write the decision as a signed Verification Summary Attestation; needs --policy
    #[arg(long, value_name = "OUT", requires = "policy")]
    vsa: Option<PathBuf>,
    /// Of a summary: who verifies [default: the local verifier of sealwright]
    #[arg(long, value_name = "URI", requires = "vsa")]
    verifier_id: Option<String>,
    /// Of a summary: where the output is got [default for wheels and sdists: their package URL]
    #[arg(long, value_name = "URI", requires = "vsa")]
    resource_uri: Option<String>,
    /// Of a summary: where the policy is published [default: `uri` of the policy, else its digest as ni: URI]
    #[arg(long, value_name = "URI", requires = "vsa")]
    policy_uri: Option<String>,
}

/// `--engine`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EngineArg {
    /// User namespaces of this host
    Native,
}

#[derive(Debug, thiserror::Error)]
enum RebuildUsage {
    #[error("nobody is to be believed: no key and no policy")]
    NoRoot,
    #[error("no private key to sign the summary with")]
    NoSigner,
    #[error("cannot find the current folder")]
    Here(#[source] std::io::Error),
}

impl Fault for RebuildUsage {
    fn blame(&self) -> Blame {
        match self {
            Self::NoRoot | Self::NoSigner => Blame::User,
            Self::Here(_) => Blame::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoRoot => {
                "say `--key FILE` or `--policy FILE`; `--unsigned` with `--source` if nobody signed the statement"
            }
            Self::NoSigner => "name it with `--signing-key FILE` or SEALWRIGHT_KEY",
            Self::Here(_) => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{name} is rebuilt, but {what}")]
struct Different {
    name: String,
    what: &'static str,
}

impl Fault for Different {
    fn blame(&self) -> Blame {
        Blame::Different
    }
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let EngineArg::Native = args.engine;
    let now = Timestamp::from_seconds(jiff::Timestamp::now().as_second());
    let folder = std::env::current_dir().map_err(RebuildUsage::Here)?;
    // First of all: a result that cannot be signed is not worked for.
    let signing = signing(args, session)?;
    let (outcome, policy) = outcome(args, &folder, now, session)?;
    let store = session.open_store()?;
    let rebuilder =
        Rebuilder { id: format!("{BASE}/rebuilders/local/v1"), hidden: hidden(store.path(), &folder) };
    let payload = rebuild::result_statement(&outcome, &rebuilder);
    if let Some(path) = &args.result {
        write_whole(path, &signed(&payload, signing.as_ref())?)?;
    }
    if let (Some(path), Some((uri, digest))) = (&args.vsa, policy) {
        let signing = signing.as_ref().ok_or(RebuildUsage::NoSigner)?;
        let issue = ResultIssue {
            verifier: args.verifier_id.clone().unwrap_or_else(|| format!("{BASE}/verifiers/local/v1")),
            resource: resource_of(&outcome.subject.name, args.resource_uri.as_deref())?,
            policy_uri: args.policy_uri.clone().or(uri).unwrap_or_else(|| digest.to_ni()),
            policy: digest,
            result: args.result.as_ref().map(|_| Sha256::of(&payload)),
            time: outcome.finished,
        };
        if let Some(summary) = rebuild::summary(&outcome, issue) {
            let line = sign_payload(&summary, signing.signer.as_ref())?.to_line(Format::Dsse)?;
            write_whole(path, line.as_bytes())?;
        }
    }
    conclude(args, outcome, &rebuilder, session)
}

/// What came of it, and the policy that was asked: where it is published and its digest.
type Came = (Outcome, Option<(Option<String>, Sha256)>);

fn outcome(args: &Args, folder: &Path, now: Timestamp, session: &Session) -> Result<Came, Failure> {
    let outdir = args.outdir.as_ref().map(|path| folder.join(path));
    let offline = if args.offline { Offline::Yes } else { Offline::No };
    if let (Some(sdist), Some(wheel)) = (&args.upstream, &args.against) {
        let asked = UpstreamAsked { sdist: sdist.clone(), wheel: wheel.clone(), outdir };
        let store = session.open_store()?;
        return Ok((rebuild::upstream(&asked, session.context(&store, offline)), None));
    }
    let trust = trust(args)?;
    let policy = match &trust {
        Trust::Policy(policy, _) => Some((policy.uri.clone(), policy.digest)),
        Trust::Unsigned => None,
    };
    let request = RebuildRequest {
        statement: args.statement.clone().unwrap_or_default(),
        trust,
        source: args.source.clone(),
        private: if args.allow_private_network { PrivateHosts::Allow } else { PrivateHosts::Refuse },
        against: args.against.clone(),
        outdir,
        folder: folder.to_owned(),
        now,
    };
    let store = session.open_store()?;
    Ok((rebuild::rebuild(&request, session.context(&store, offline)), policy))
}

fn trust(args: &Args) -> Result<Trust, Failure> {
    match (&args.policy, &args.key) {
        (Some(path), _) => Ok(Trust::Policy(Box::new(Policy::read(path)?), Depth::Full)),
        (None, Some(key)) => {
            let policy = Policy::of_key(public_key(key)?, None, None, None)?;
            Ok(Trust::Policy(Box::new(policy), Depth::SignatureOnly))
        }
        (None, None) if args.unsigned => Ok(Trust::Unsigned),
        (None, None) => Err(RebuildUsage::NoRoot.into()),
    }
}

/// The key that signs what is written, if anything is.
fn signing(args: &Args, session: &Session) -> Result<Option<Signing>, Failure> {
    if args.result.is_none() && args.vsa.is_none() {
        return Ok(None);
    }
    let signer = signer(args.signing_key.as_deref(), args.passphrase_fd, session)?;
    if args.vsa.is_some() && signer.is_none() {
        return Err(RebuildUsage::NoSigner.into());
    }
    Ok(signer.map(|signer| Signing { signer, format: args.format.format() }))
}

fn signed(payload: &[u8], signing: Option<&Signing>) -> Result<Vec<u8>, Failure> {
    Ok(match signing {
        Some(signing) => signing.file(payload, None)?,
        None => [payload, b"\n"].concat(),
    })
}

/// Folders of this host, the longest first, so that none is left in part.
fn hidden(store: &Path, here: &Path) -> Vec<(String, &'static str)> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let folders = [(store, "[store]"), (here, "[here]"), (&home, "[home]"), (&std::env::temp_dir(), "[tmp]")];
    let mut hidden: Vec<_> =
        folders.into_iter().map(|(folder, word)| (folder.to_string_lossy().into_owned(), word)).collect();
    hidden.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.len()));
    hidden
}

fn conclude(args: &Args, outcome: Outcome, rebuilder: &Rebuilder, session: &Session) -> Result<(), Failure> {
    let name = outcome.subject.name.clone();
    let different = match &outcome.ending {
        Ending::NotBuilt { .. } => None,
        Ending::Compared(compared) => match &compared.verdict {
            Verdict::Equal { .. } if args.strict => Some(Different {
                name,
                what: "equal only after normalizations, and --strict takes nothing but the same bytes",
            }),
            Verdict::Identical | Verdict::Equal { .. } => None,
            Verdict::Different => Some(Different { name, what: "different" }),
        },
    };
    if session.json() {
        if matches!(outcome.ending, Ending::Compared(_)) {
            session.print_json(&show::json(&outcome, rebuilder))?;
        }
    } else if !session.quiet() || different.is_some() {
        session.print(&show::text(&outcome))?;
    }
    if let Some(different) = different {
        return Err(Failure::from(different).already_printed());
    }
    match outcome.ending {
        Ending::Compared(_) => Ok(()),
        Ending::NotBuilt { error, .. } => Err(Failure::of_rebuild(*error)),
    }
}
