//! `verify --vsa` and `verify --accept-vsa`.

use std::path::Path;

use super::{Args, UsageError, public_key};
use crate::cli::failure::Failure;
use crate::cli::key::signer;
use crate::cli::session::Session;
use crate::output::{SdistName, write_whole};
use crate::provenance::{BASE, Purl, Timestamp};
use crate::sign::{Format, sign_payload};
use crate::verify::{
    self, Age, Artifact, Decision, NamedEvidence, Policy, Rejected, SummaryExpectations, SummaryIssue,
    TrustedVerifier, VerifyError, accept_summary,
};
use crate::wheel::WheelName;

/// Flags of summaries.
#[derive(Debug, clap::Args)]
pub(super) struct SummaryArgs {
    /// Of a summary: who verifies [default with --vsa: the local verifier of sealwright]
    #[arg(long, value_name = "URI")]
    verifier_id: Option<String>,
    /// Of a summary: where the output is got [default for wheels and sdists: their package URL]
    #[arg(long, value_name = "URI")]
    resource_uri: Option<String>,
    /// Of a written summary: where the policy is published [default: `uri` of the policy, else its digest as ni: URI]
    #[arg(long, value_name = "URI", requires = "vsa")]
    policy_uri: Option<String>,
    /// Of an accepted summary: the level that it has to grant [default: of the policy, else `SLSA_BUILD_LEVEL_1`]
    #[arg(long, value_name = "LEVEL", requires = "accept_vsa")]
    level: Option<String>,
    /// Of an accepted summary: how old it may be, for instance "30 days"
    #[arg(long, value_name = "TIME", requires = "accept_vsa")]
    max_age: Option<String>,
    /// With --vsa: read the key's passphrase from this descriptor
    #[arg(long, value_name = "N", requires = "vsa")]
    passphrase_fd: Option<u32>,
}

/// Writes one signed summary for each artifact, a line each.
pub(super) fn write(
    path: &Path,
    args: &Args,
    policy: &Policy,
    decisions: &[Decision],
    now: Timestamp,
    session: &Session,
) -> Result<(), Failure> {
    let options = &args.summary;
    let signer = signer(args.key.as_deref(), options.passphrase_fd, session)?.ok_or(UsageError::NoSigner)?;
    let policy_uri =
        options.policy_uri.clone().or_else(|| policy.uri.clone()).unwrap_or_else(|| policy.digest.to_ni());
    let mut lines = String::new();
    for decision in decisions {
        let issue = SummaryIssue {
            verifier: options.verifier_id.clone().unwrap_or_else(|| format!("{BASE}/verifiers/local/v1")),
            resource: resource(args, &decision.artifact)?,
            policy_uri: policy_uri.clone(),
            policy: policy.digest,
            time: now,
        };
        let summary = sign_payload(&verify::summarize(decision, issue), signer.as_ref())?;
        lines.push_str(&summary.to_line(Format::Dsse)?);
    }
    write_whole(path, lines.as_bytes())?;
    Ok(())
}

/// Where an artifact is got: as the caller says, or the package URL of a wheel or an sdist.
fn resource(args: &Args, artifact: &Artifact) -> Result<String, UsageError> {
    resource_of(artifact.name.as_deref().unwrap_or_default(), args.summary.resource_uri.as_deref())
}

/// Where a file of this name is got: as the caller says, or the package URL of a wheel or an sdist.
pub(in crate::cli) fn resource_of(name: &str, said: Option<&str>) -> Result<String, UsageError> {
    if let Some(uri) = said {
        return Ok(uri.to_owned());
    }
    let wheel = name.parse::<WheelName>().ok().map(|wheel| (wheel.name, wheel.version));
    let sdist = || {
        name.parse::<SdistName>()
            .ok()
            .and_then(|sdist| sdist.readings().next().map(|(name, version)| (name, version.to_string())))
    };
    let (project, version) = wheel.or_else(sdist).ok_or(UsageError::Missing {
        flag: "--resource-uri",
        what: "it is neither a wheel nor an sdist, whose package URL would be taken",
    })?;
    Ok(Purl::pypi(project.as_str(), &version, name).to_string())
}

/// Accepts summaries instead of provenance.
pub(super) fn accept(args: &Args, now: Timestamp) -> Result<Vec<Decision>, Failure> {
    let options = &args.summary;
    let path = args.accept_vsa.clone().unwrap_or_default();
    let policy = args.policy.as_deref().map(Policy::read).transpose()?;
    let flag_age = options
        .max_age
        .as_ref()
        .map(|text| {
            Age::parse(text).ok_or_else(|| VerifyError::Flag {
                flag: "--max-age",
                text: text.clone(),
                expected: "a time such as \"30 days\"",
            })
        })
        .transpose()?;
    let verifiers = match (&policy, &args.key) {
        (Some(_), Some(_)) => return Err(UsageError::Both.into()),
        (Some(policy), None) if policy.verifiers.is_empty() => {
            return Err(UsageError::Missing {
                flag: "[[verifier]]",
                what: "the policy believes no verifier",
            }
            .into());
        }
        (Some(policy), None) => policy.verifiers.clone(),
        (None, Some(key)) => {
            let id = options.verifier_id.clone();
            let missing =
                UsageError::Missing { flag: "--verifier-id", what: "the key has to be that of one verifier" };
            vec![TrustedVerifier { id: id.ok_or(missing)?, key: public_key(key)? }]
        }
        (None, None) => return Err(UsageError::NoRoot.into()),
    };
    let level = options.level.clone().unwrap_or_else(|| {
        format!("SLSA_BUILD_LEVEL_{}", policy.as_ref().map_or(1, |policy| policy.required_level))
    });
    let max_age = flag_age.or_else(|| policy.as_ref().and_then(|policy| policy.expect.max_age.clone()));
    let artifacts: Vec<Artifact> =
        args.files.iter().map(|file| Artifact::open(file)).collect::<Result<_, _>>()?;
    let named = NamedEvidence::read(std::slice::from_ref(&path))?;
    let mut decisions = Vec::new();
    for artifact in artifacts {
        let expect = SummaryExpectations {
            verifiers: verifiers.clone(),
            revoked: policy.as_ref().map(|policy| policy.roots.revoked.clone()).unwrap_or_default(),
            resource: resource(args, &artifact)?,
            level: level.clone(),
            max_age: max_age.clone(),
        };
        decisions.push(one(artifact, &path, &named, &expect, now)?);
    }
    Ok(decisions)
}

fn one(
    artifact: Artifact,
    path: &Path,
    named: &NamedEvidence,
    expect: &SummaryExpectations,
    now: Timestamp,
) -> Result<Decision, VerifyError> {
    let mut rejected = Vec::new();
    let found = verify::find(&artifact, named, |evidence| {
        accept_summary(evidence, &artifact, expect, now)
            .map_err(|failures| rejected.push(Rejected { place: Some(evidence.place.clone()), failures }))
            .ok()
    })?;
    if let Ok(verified) = found {
        return Ok(Decision { artifact, outcome: Ok(verified) });
    }
    if rejected.is_empty() {
        let looked = path.display().to_string();
        rejected.push(Rejected { place: None, failures: vec![verify::Failure::NoStatement { looked }] });
    }
    Ok(Decision { artifact, outcome: Err(rejected) })
}
