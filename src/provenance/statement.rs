//! in-toto Statement v1, checked. That of v0.1 is read too, and written as what it is.

use serde::{Deserialize, Serialize};

use super::descriptor::{ResourceDescriptor, or_default};
use super::json::{Limits, check_json};
use super::predicate::Predicate;
use super::{PREDICATE_TYPE, STATEMENT_TYPE, STATEMENT_TYPE_01, StatementError};

/// A statement whose form was checked: types, a subject with digests, the predicate's required fields. Nothing
/// is known of whether it is true, nor of who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(Wire);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    subject: Vec<ResourceDescriptor>,
    predicate_type: String,
    predicate: Predicate,
}

impl Statement {
    /// A statement of a build.
    ///
    /// # Errors
    /// No subject, one without name or digest, two of one name, or an empty build type or builder id.
    pub fn new(subject: Vec<ResourceDescriptor>, predicate: Predicate) -> Result<Self, StatementError> {
        Self::check(Wire {
            kind: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate,
        })
    }

    /// Reads a statement. Unknown fields are ignored (SLSA, "parsing rules"), except in `externalParameters`,
    /// which are kept whole for the verifier.
    ///
    /// # Errors
    /// No strict JSON, another type or predicate type, or a field that must be there is not.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        check_json(bytes, Limits::default())?;
        Self::from_checked(bytes).map_or_else(
            // Read again for the message: which type it is, and what is missing.
            || Self::from_value(serde_json::from_slice(bytes).map_err(StatementError::Json)?),
            Ok,
        )
    }

    /// Reads a statement from bytes that [`check_json`] has passed: at once, with no tree of values between. Nothing if it
    /// is not one; [`Statement::from_value`] says why.
    #[must_use]
    pub fn from_checked(bytes: &[u8]) -> Option<Self> {
        let wire: Wire = serde_json::from_slice(bytes).ok()?;
        let types = wire.predicate_type == PREDICATE_TYPE
            && (wire.kind == STATEMENT_TYPE || wire.kind == STATEMENT_TYPE_01);
        if types { Self::check(wire).ok() } else { None }
    }

    /// Reads a statement that was parsed as strict JSON.
    ///
    /// # Errors
    /// Another type or predicate type, or a field that must be there is not.
    pub fn from_value(value: serde_json::Value) -> Result<Self, StatementError> {
        // Types first: a statement of another kind should be called that, not broken.
        let types =
            [("_type", &[STATEMENT_TYPE, STATEMENT_TYPE_01][..]), ("predicateType", &[PREDICATE_TYPE])];
        for (field, expected) in types {
            let actual = value.get(field).and_then(serde_json::Value::as_str).unwrap_or_default();
            if !expected.contains(&actual) {
                return Err(unexpected(field, expected[0], actual));
            }
        }
        Self::check(serde_json::from_value(value).map_err(StatementError::Shape)?)
    }

    /// Reads a file that holds one statement on one line, as `NAME.intoto.jsonl` does before it is signed.
    ///
    /// # Errors
    /// As [`Statement::parse`], and if there is not exactly one line.
    pub fn parse_file(bytes: &[u8]) -> Result<Self, StatementError> {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let lines: Vec<&[u8]> = lines.collect();
        match lines[..] {
            [line] => Self::parse(line),
            _ => Err(StatementError::Lines { lines: lines.len() }),
        }
    }

    fn check(wire: Wire) -> Result<Self, StatementError> {
        if wire.subject.is_empty() {
            return Err(unexpected("subject", "at least one", "[]"));
        }
        for (index, subject) in wire.subject.iter().enumerate() {
            if subject.name.is_empty() {
                return Err(unexpected("subject.name", "a name", ""));
            }
            if subject.digest.is_empty() || !subject.digest.is_well_formed() {
                return Err(unexpected(
                    "subject.digest",
                    "digests in lower-case hexadecimal digits",
                    &subject.name,
                ));
            }
            if wire.subject[..index].iter().any(|other| other.name == subject.name) {
                return Err(unexpected("subject.name", "a name that no other subject has", &subject.name));
            }
        }
        if wire.predicate.build_definition.build_type.is_empty() {
            return Err(unexpected("predicate.buildDefinition.buildType", "a URI", ""));
        }
        if wire.predicate.run_details.builder.id.is_empty() {
            return Err(unexpected("predicate.runDetails.builder.id", "a URI", ""));
        }
        Ok(Self(wire))
    }

    /// What the statement is about; never empty.
    #[must_use]
    pub fn subjects(&self) -> &[ResourceDescriptor] {
        &self.0.subject
    }

    /// What it says.
    #[must_use]
    pub fn predicate(&self) -> &Predicate {
        &self.0.predicate
    }

    /// The canonical text: compact JSON, keys in the order of the specifications, one line with its end. Equal
    /// statements give equal bytes. Without the end it is the payload of an envelope.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Every key is a text and every value is JSON already: there is nothing that could fail.
        let mut line = serde_json::to_string(&self.0).unwrap_or_default();
        line.push('\n');
        line
    }

    /// The same for people, indented.
    #[must_use]
    pub fn to_pretty(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.0).unwrap_or_default();
        text.push('\n');
        text
    }
}

fn unexpected(field: &'static str, expected: &str, actual: &str) -> StatementError {
    let actual = actual.chars().take(120).collect();
    StatementError::Field { field, expected: expected.to_owned(), actual }
}
