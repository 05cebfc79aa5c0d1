//! Observations → statements. What stands in a statement was seen: digests that this program took itself, and
//! the isolation that the engine reports.

use serde_json::{Map, json};

use super::error::BuildError;
use super::plan::{BuildPlan, OutputChoice};
use super::planning::settings;
use super::prepare::Prepared;
use super::request::{BuildRequest, Context};
use crate::builder::Builder;
use crate::config::{Normalize, Target};
use crate::digest::Sha256;
use crate::lock::{Lock, LockedImage};
use crate::output::Prepared as PreparedOutput;
use crate::provenance::{ResourceDescriptor, Statement, TrustMode};
use crate::record::{
    Byproduct, ConfigRecord, EngineRecord, LockRecord, NormalizerRecord, Record, RunRecord, SubjectRecord,
};
use crate::sandbox::Finished;

/// One build that ended well, as it was observed.
pub(super) struct Observed<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) target: &'a Target,
    pub(super) builder: &'a Builder,
    pub(super) request: &'a BuildRequest,
    /// Digest of the lock's file.
    pub(super) lock_file: Sha256,
    /// What of the lock the target uses.
    pub(super) slice: Lock,
    pub(super) plan: &'a BuildPlan,
    pub(super) finished: &'a Finished,
    pub(super) invocation_id: String,
    /// Seconds since 1970.
    pub(super) started: i64,
    /// Seconds since 1970.
    pub(super) ended: i64,
}

/// What stands beside the subject in every statement of a build, kept in the store.
pub(super) struct Kept(Vec<Byproduct>);

impl Kept {
    pub(super) fn digests(&self) -> Vec<Sha256> {
        self.0.iter().map(|byproduct| byproduct.sha256).collect()
    }
}

impl Observed<'_> {
    /// Puts log, package list and environment record into the store.
    pub(super) fn keep(&self, context: Context<'_>) -> Result<Kept, BuildError> {
        let mut packages: Vec<_> = self.slice.images.iter().flat_map(LockedImage::packages).map(|package| {
            json!({ "type": "deb", "name": package.name, "version": package.version, "architecture": package.arch, "sha256": package.sha256 })
        }).collect();
        packages.extend(self.plan_distributions());
        let environment = json!({
            "argv": self.plan.argv,
            "cwd": self.plan.cwd,
            "environment": self.plan.env,
            "environments": self.plan.environments,
            "isolation": self.finished.isolation,
        });
        let parts = [
            ("build.log", "text/plain", self.finished.log.bytes.clone()),
            ("packages.json", "application/json", format!("{:#}\n", json!(packages)).into_bytes()),
            ("environment.json", "application/json", format!("{environment:#}\n").into_bytes()),
        ];
        let keep = |(name, media_type, bytes): (&str, &str, Vec<u8>)| {
            let blob = context.store.insert(bytes.as_slice(), None)?;
            Ok(Byproduct { name: name.to_owned(), media_type: media_type.to_owned(), sha256: blob.digest })
        };
        Ok(Kept(parts.into_iter().map(keep).collect::<Result<_, BuildError>>()?))
    }

    fn plan_distributions(&self) -> impl Iterator<Item = serde_json::Value> + '_ {
        self.slice.targets.iter().flat_map(|target| &target.distributions).map(|file| {
            json!({ "type": "pypi", "name": file.name, "version": file.version, "file": file.file, "role": file.role, "sha256": file.sha256 })
        })
    }

    /// The statement of one output.
    pub(super) fn statement(
        &self,
        output: &PreparedOutput,
        kept: &Kept,
        context: Context<'_>,
    ) -> Result<Statement, BuildError> {
        let digest = crate::provenance::DigestSet::sha256(&self.builder.digest());
        let record = Record {
            subject: SubjectRecord { name: output.name.clone(), sha256: output.sha256 },
            build_type: self.builder.build_type().to_owned(),
            source: self.prepared.source.identity().clone(),
            target: self.target.name.clone(),
            config: ConfigRecord {
                written: self.target.written.clone(),
                file: self
                    .prepared
                    .config
                    .as_ref()
                    .map(|file| SubjectRecord { name: file.path.clone(), sha256: file.sha256 }),
                options: self.options(),
            },
            lock: LockRecord { slice: self.slice.clone(), file: self.lock_file },
            engine: EngineRecord {
                class: context.engine.class().to_owned(),
                version: context.engine.version(),
                isolation: self.finished.isolation.clone(),
            },
            source_date_epoch: self.plan.epoch,
            normalizers: output
                .applied
                .iter()
                .map(|applied| NormalizerRecord {
                    name: applied.normalizer.name().to_owned(),
                    version: applied.normalizer.version(),
                })
                .collect(),
            plan: self.plan.digest(),
            builder: ResourceDescriptor {
                name: self.builder.name().to_owned(),
                digest,
                ..ResourceDescriptor::default()
            },
            byproducts: kept.0.clone(),
            run: RunRecord {
                trust: TrustMode::Local,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                invocation_id: self.invocation_id.clone(),
                started: self.started,
                finished: self.ended,
            },
        };
        Ok(record.statement()?)
    }

    /// What the command line set, and nothing that it left alone.
    fn options(&self) -> Map<String, serde_json::Value> {
        let mut options = Map::new();
        if self.request.normalize == Some(Normalize::No) {
            options.insert("noNormalize".to_owned(), "true".into());
        }
        if !self.request.config_settings.is_empty() {
            options.insert("configSettings".to_owned(), json!(settings(&self.request.config_settings)));
        }
        match self.request.outputs {
            None | Some(OutputChoice::SdistThenWheel) => {}
            Some(choice @ (OutputChoice::Sdist | OutputChoice::Wheel | OutputChoice::Both)) => {
                options.insert("outputs".to_owned(), choice.distributions().join(",").into());
            }
        }
        options
    }
}
