//! The main job: project + lock → plan → box → outputs and statements.
//!
//! [`plan`] is pure; [`build`], [`lock`] and [`fetch`] carry things out.

mod attest;
mod cache;
mod check;
mod crates;
mod error;
mod execute;
mod export;
mod fill;
mod locking;
mod pinned;
pub mod plan;
mod planning;
mod prepare;
mod repeat;
mod report;
mod request;
mod run;
mod supply;
mod upstream;
mod wheels;

pub use check::{CheckReport, Condition, ConditionReport, Difference, Effect, MemberChange, Verdict};
pub use error::{BuildError, EngineFault};
pub use export::{BillFormat, ExportReport, WHEELHOUSE, bill, export_pylock, export_wheelhouse};
pub use fill::fetch;
pub use locking::lock;
pub use plan::{BuildPlan, OutputChoice, PlannedOutputs};
pub use repeat::{RepeatError, RepeatRequest, Repeated, RepeatedOutput, repeat};
pub use report::{BuildReport, BuiltOutput, BuiltTarget, FetchReport, LockOutcome, LockReport, Origin};
pub use request::{
    BuildRequest, CachePolicy, Checking, Context, LockMode, LockPolicy, LockRequest, Place, SourceChoice,
    Upgrade,
};
pub use run::build;
pub use upstream::{Upstream, UpstreamRequest, upstream};
