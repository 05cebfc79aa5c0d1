//! TOML files: values with their places.

use serde::de::DeserializeOwned;

use super::place::Text;
use super::{Format, RequirementsError};

/// Reads a TOML text.
///
/// # Errors
/// Syntax, or a value of another type than expected, with its line.
pub(super) fn parse<T: DeserializeOwned>(text: Text<'_>, format: Format) -> Result<T, RequirementsError> {
    toml::from_str(text.text).map_err(|error| {
        let at = text.at(&error.span().unwrap_or(0..0));
        let message = error.message().split('\n').collect::<Vec<_>>().join(", ");
        RequirementsError::Broken { at, format, message }
    })
}
