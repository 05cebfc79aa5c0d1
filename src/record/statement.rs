//! From a record to its statement.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{resolved_dependencies, source};
use crate::digest::Sha256;
use crate::lock::Lock;
use crate::name::TargetName;
use crate::provenance::{
    BuildDefinition, BuildMetadata, Builder, Predicate, ResourceDescriptor, RunDetails, Statement,
    StatementError, Timestamp, TrustMode,
};
use crate::sandbox::{Enforcement, Isolation};
use crate::source::SourceIdentity;

/// Everything that a statement says, as it was observed.
#[derive(Debug, Clone)]
pub struct Record {
    /// The output.
    pub subject: SubjectRecord,
    /// `buildType`: of the built-in builder ([`crate::provenance::build_type`]) or a replaced one's own URI.
    pub build_type: String,
    /// The source.
    pub source: SourceIdentity,
    /// The target.
    pub target: TargetName,
    /// Its configuration.
    pub config: ConfigRecord,
    /// The lock.
    pub lock: LockRecord,
    /// The engine and what it enforced.
    pub engine: EngineRecord,
    /// `SOURCE_DATE_EPOCH`, seconds since 1970.
    pub source_date_epoch: i64,
    /// The normalizers that were applied to this output, in their order.
    pub normalizers: Vec<NormalizerRecord>,
    /// Digest of the build plan.
    pub plan: Sha256,
    /// The builder folder: its name (`python-build`), perhaps its URI, its digest.
    pub builder: ResourceDescriptor,
    /// Log, package list, environment record.
    pub byproducts: Vec<Byproduct>,
    /// This run.
    pub run: RunRecord,
}

/// The output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRecord {
    /// File name.
    pub name: String,
    /// Digest.
    pub sha256: Sha256,
}

/// What the user set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigRecord {
    /// The target's table as written; empty without a configuration.
    pub written: Map<String, Value>,
    /// The file, relative to the source's root, with `/`; `None` if there is no configuration.
    pub file: Option<SubjectRecord>,
    /// What the command line added: `noNormalize`, `configSettings`… Only what was given.
    pub options: Map<String, Value>,
}

/// The lock that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRecord {
    /// What the target needs of it: [`Lock::slice`].
    pub slice: Lock,
    /// Digest of the whole file, as it stands.
    pub file: Sha256,
}

/// The engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineRecord {
    /// `native`, `docker`.
    pub class: String,
    /// Its version.
    pub version: String,
    /// What held, and which limits did.
    pub isolation: Isolation,
}

/// A normalizer that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalizerRecord {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
}

/// What came out beside the subject, kept in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Byproduct {
    /// `build.log`, `packages.json`, `environment.json`.
    pub name: String,
    /// RFC 6838.
    pub media_type: String,
    /// Digest.
    pub sha256: Sha256,
}

/// One run: all that differs between two builds of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// Who holds the key.
    pub trust: TrustMode,
    /// Version of sealwright.
    pub version: String,
    /// Unique to this run, for instance `urn:uuid:…`.
    pub invocation_id: String,
    /// When it started, seconds since 1970.
    pub started: i64,
    /// When it ended, seconds since 1970.
    pub finished: i64,
}

impl Record {
    /// The statement of this record. Equal records give equal bytes.
    ///
    /// # Errors
    /// A name or URI of the record is empty.
    pub fn statement(&self) -> Result<Statement, StatementError> {
        let subject = ResourceDescriptor::named(self.subject.name.as_str(), &self.subject.sha256);
        let predicate = Predicate {
            build_definition: BuildDefinition {
                build_type: self.build_type.clone(),
                external_parameters: self.external(),
                internal_parameters: self.internal(),
                resolved_dependencies: resolved_dependencies(&self.source, &self.config, &self.lock),
            },
            run_details: RunDetails {
                builder: Builder {
                    id: self.run.trust.builder_id(),
                    builder_dependencies: vec![self.builder.clone()],
                    version: BTreeMap::from([
                        (format!("engine-{}", self.engine.class), self.engine.version.clone()),
                        ("sealwright".to_owned(), self.run.version.clone()),
                    ]),
                },
                metadata: BuildMetadata {
                    invocation_id: self.run.invocation_id.clone(),
                    started_on: Some(Timestamp::from_seconds(self.run.started)),
                    finished_on: Some(Timestamp::from_seconds(self.run.finished)),
                },
                byproducts: self.byproducts.iter().map(byproduct).collect(),
            },
        };
        Statement::new(vec![subject], predicate)
    }

    /// `externalParameters`: what the user can set, and nothing else.
    fn external(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("source".to_owned(), source::parameters(&self.source).into());
        map.insert("target".to_owned(), self.target.as_str().into());
        if let Some(file) = &self.config.file {
            map.insert("configPath".to_owned(), file.name.as_str().into());
        }
        if !self.config.written.is_empty() {
            map.insert("configuration".to_owned(), self.config.written.clone().into());
        }
        if !self.config.options.is_empty() {
            map.insert("options".to_owned(), self.config.options.clone().into());
        }
        map
    }

    /// `internalParameters`: what the builder set.
    fn internal(&self) -> Map<String, Value> {
        let normalizers: Vec<Value> = self
            .normalizers
            .iter()
            .map(|normalizer| json!({ "name": normalizer.name, "version": normalizer.version.to_string() }))
            .collect();
        let mut map = Map::new();
        for (key, value) in [
            ("engine", self.engine.class.as_str().into()),
            ("isolation", isolation(&self.engine.isolation)),
            ("limits", limits(&self.engine.isolation)),
            ("sourceDateEpoch", self.source_date_epoch.to_string().into()),
            ("normalizers", normalizers.into()),
            ("plan", json!({ "sha256": self.plan.to_string() })),
        ] {
            map.insert(key.to_owned(), value);
        }
        map
    }
}

fn byproduct(byproduct: &Byproduct) -> ResourceDescriptor {
    let Byproduct { name, media_type, sha256 } = byproduct;
    ResourceDescriptor { media_type: media_type.clone(), ..ResourceDescriptor::named(name.as_str(), sha256) }
}

/// What the engine enforced, as statements have it.
#[must_use]
pub fn isolation(held: &Isolation) -> Value {
    json!({
        "namespaces": held.namespaces,
        "network": held.network,
        "root": held.root,
        "capabilities": held.capabilities,
        "noNewPrivs": held.no_new_privs,
        "seccomp": held.seccomp,
    })
}

/// Which limits held, as statements have it.
#[must_use]
pub fn limits(held: &Isolation) -> Value {
    json!({
        "memoryBytes": limit(&held.memory),
        "processes": limit(&held.processes),
        "fileSizeBytes": limit(&held.file_size),
        "wallSeconds": limit(&held.wall),
    })
}

fn limit(limit: &Enforcement) -> Value {
    match limit {
        Enforcement::Enforced { value, by } => {
            json!({ "state": "enforced", "value": value.to_string(), "by": by })
        }
        Enforcement::NotEnforced { why } => json!({ "state": "not enforced", "why": why }),
        Enforcement::Unlimited => json!({ "state": "unlimited" }),
    }
}
