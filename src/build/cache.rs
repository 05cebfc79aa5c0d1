//! The action cache: the bytes of an earlier build with the statements of the build that made them.

use serde::{Deserialize, Serialize};

use super::error::BuildError;
use super::request::Context;
use crate::digest::Sha256;

/// What is kept of a build, under its action key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActionResult {
    /// Outputs, sdist first.
    pub(super) outputs: Vec<KeptOutput>,
}

/// One output in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptOutput {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    /// The statement's line.
    pub(super) statement: Sha256,
    /// What the statement names as byproducts.
    pub(super) byproducts: Vec<Sha256>,
}

/// The result of an earlier build, if all of it is there. What is damaged or partly gone is built again.
pub(super) fn find(key: &Sha256, context: Context<'_>) -> Result<Option<ActionResult>, BuildError> {
    let Some(bytes) = context.store.action(key)? else { return Ok(None) };
    let Ok(result) = serde_json::from_slice::<ActionResult>(&bytes) else { return Ok(None) };
    let there =
        |output: &KeptOutput| context.store.has(&output.sha256) && context.store.has(&output.statement);
    Ok(result.outputs.iter().all(there).then_some(result))
}

/// Keeps the result of a build, and with it `trees`: what the box was made of.
pub(super) fn keep(
    key: &Sha256,
    result: &ActionResult,
    trees: &[Sha256],
    context: Context<'_>,
) -> Result<(), BuildError> {
    let uses: Vec<Sha256> = result
        .outputs
        .iter()
        .flat_map(|output| {
            [output.sha256, output.statement].into_iter().chain(output.byproducts.iter().copied())
        })
        .chain(trees.iter().copied())
        .collect();
    let bytes = serde_json::to_vec(result).expect("plain structures with text keys, written to memory");
    Ok(context.store.set_action(key, &bytes, &uses)?)
}
