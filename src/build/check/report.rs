//! What a check found, for people and programs.

use serde::Serialize;

use super::condition::Condition;
use crate::compare::Cause;
use crate::digest::Sha256;
use crate::name::{PythonVersion, TargetName};

/// What a check of one target with one version of Python found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// The target.
    pub target: TargetName,
    /// The image's Python.
    pub python: PythonVersion,
    /// Whether the second build gave the same.
    pub verdict: Verdict,
    /// How often it was built, the first build included.
    pub builds: usize,
    /// Every condition, in order.
    pub conditions: Vec<ConditionReport>,
    /// Outputs of the first build and of the second, where they differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Why the second build failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What differs between two builds with nothing varied and the clock held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsteady: Vec<String>,
}

/// Whether two builds gave the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every byte of every output.
    Identical,
    /// Anything else, a second build that failed included.
    Different,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionReport {
    /// Which.
    pub condition: Condition,
    /// What it is in every build.
    pub first: String,
    /// What it is when it is varied.
    pub second: String,
    /// What it does to the outputs.
    #[serde(flatten)]
    pub effect: Effect,
}

/// What a condition does to the outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// It was varied, and nothing depends on it.
    None,
    /// Varied alone it changes these.
    Matters {
        /// Outputs, or members of outputs.
        changes: Vec<String>,
    },
    /// Varied alone it makes the build fail.
    Fails {
        /// How.
        message: String,
    },
    /// It was not varied.
    Held {
        /// Why.
        why: String,
    },
}

/// An output that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Its name.
    pub name: String,
    /// Of the first build; none if it made none of that name. The bytes are in the store.
    pub first: Option<Sha256>,
    /// Of the second build.
    pub second: Option<Sha256>,
    /// What differs in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<MemberChange>,
}

/// A member of an output that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberChange {
    /// Its path, with the members of members that lead to it; empty for the output's own container.
    pub path: String,
    /// Why it probably differs.
    pub causes: Vec<Cause>,
}

impl CheckReport {
    /// Whether the second build gave the same.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.verdict == Verdict::Identical
    }

    /// Conditions that matter, in order.
    #[must_use]
    pub fn causes(&self) -> Vec<Condition> {
        let matters = |report: &&ConditionReport| match report.effect {
            Effect::Matters { .. } | Effect::Fails { .. } => true,
            Effect::None | Effect::Held { .. } => false,
        };
        self.conditions.iter().filter(matters).map(|report| report.condition).collect()
    }
}
