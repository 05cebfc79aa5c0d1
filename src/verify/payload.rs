//! What an envelope carries, read once: a statement of SLSA Provenance v1 directly, anything else as values.

use std::borrow::Cow;

use serde_json::Value;

use super::failure::Failure;
use super::foreign::{self, PROVENANCE_02};
use super::judge::form;
use super::policy::Policy;
use crate::provenance::{
    Limits, PREDICATE_TYPE, ResourceDescriptor, STATEMENT_TYPE, STATEMENT_TYPE_01, Statement, StatementError,
    check_json,
};

/// A payload that is strict JSON.
pub(super) struct Payload {
    bytes: Vec<u8>,
    content: Content,
}

enum Content {
    /// A statement whose form is right.
    Provenance(Box<Statement>),
    /// A statement of another kind, or one that is broken.
    Other(Value),
}

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// No strict JSON.
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, StatementError> {
        check_json(&bytes, Limits::default())?;
        let content = match Statement::from_checked(&bytes) {
            Some(statement) => Content::Provenance(Box::new(statement)),
            None => Content::Other(serde_json::from_slice(&bytes).map_err(StatementError::Json)?),
        };
        Ok(Self { bytes, content })
    }

    /// What was signed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload as values.
    pub(super) fn value(&self) -> Cow<'_, Value> {
        match &self.content {
            // It was read before: it is JSON.
            Content::Provenance(_) => Cow::Owned(serde_json::from_slice(&self.bytes).unwrap_or_default()),
            Content::Other(value) => Cow::Borrowed(value),
        }
    }

    /// Its predicate's type; empty if it is no text.
    pub(super) fn predicate_type(&self) -> String {
        match &self.content {
            Content::Provenance(_) => PREDICATE_TYPE.to_owned(),
            Content::Other(value) => text(value, "predicateType"),
        }
    }

    /// Its subjects; none if they are of no such form.
    pub(super) fn subjects(&self) -> Cow<'_, [ResourceDescriptor]> {
        match &self.content {
            Content::Provenance(statement) => Cow::Borrowed(statement.subjects()),
            Content::Other(value) => {
                let list = value.get("subject").cloned();
                Cow::Owned(list.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default())
            }
        }
    }

    /// Step 3: exactly in-toto Statement v1 (or v0.1, of the same form) with SLSA Provenance v1, or v0.2 where the policy
    /// takes it. Others are named as what they are.
    pub(super) fn into_statement(self, policy: &Policy) -> Result<Statement, Failure> {
        let predicate_type = self.predicate_type();
        let value = match self.content {
            Content::Provenance(statement) if policy.expect.takes(PREDICATE_TYPE) => return Ok(*statement),
            Content::Provenance(_) => return Err(unwanted(&predicate_type, None, policy)),
            Content::Other(value) => value,
        };
        let kind = text(&value, "_type");
        let is_statement = kind == STATEMENT_TYPE || kind == STATEMENT_TYPE_01;
        if predicate_type == PROVENANCE_02 && policy.expect.takes(PROVENANCE_02) && is_statement {
            return Statement::from_value(foreign::as_v1(value)).map_err(|error| form(&error));
        }
        if !is_statement {
            return Err(Failure::StatementType { actual: kind });
        }
        if predicate_type != PREDICATE_TYPE || !policy.expect.takes(PREDICATE_TYPE) {
            let builder = value.pointer("/predicate/builder/id").and_then(Value::as_str);
            return Err(unwanted(&predicate_type, builder, policy));
        }
        Statement::from_value(value).map_err(|error| form(&error))
    }
}

fn unwanted(predicate_type: &str, builder: Option<&str>, policy: &Policy) -> Failure {
    let known = foreign::predicate_name(predicate_type).map(|name| format!(" ({name})")).unwrap_or_default();
    let builder = builder.map(|id| format!(" of builder {id:.200}")).unwrap_or_default();
    Failure::PredicateType {
        expected: policy.expect.predicates(),
        named: format!("{predicate_type:?}{known}{builder}"),
    }
}

/// A field that is a text, shortened; empty if it is not.
pub(super) fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().chars().take(200).collect()
}
