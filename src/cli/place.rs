//! Flags that say which project, and what of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::failure::Failure;
use crate::build::{Place, SourceChoice};
use crate::error::{Blame, Fault};
use crate::fetch::Offline;
use crate::source::DirtyPolicy;

#[derive(Debug, clap::Args)]
pub(super) struct PlaceArgs {
    /// Targets to work on [default: all]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Build an archive or another folder; lock and dist/ stay in the current one
    #[arg(long, value_name = "FILE|DIR")]
    source: Option<PathBuf>,
    /// Build tracked files as they are, uncommitted changes included; the statement says so
    #[arg(long)]
    allow_dirty: bool,
    /// Use nothing but what the store holds
    #[arg(long, env = "SEALWRIGHT_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    offline: bool,
}

/// A failure to read the command line.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArgsError {
    #[error("cannot find the current folder")]
    Here(#[source] std::io::Error),
    #[error("--config-setting {text:?}: expected KEY=VALUE")]
    ConfigSetting { text: String },
}

impl Fault for ArgsError {
    fn blame(&self) -> Blame {
        Blame::User
    }
}

impl PlaceArgs {
    pub(super) fn place(&self) -> Result<Place, Failure> {
        let folder = std::env::current_dir().map_err(ArgsError::Here)?;
        let source = match &self.source {
            Some(path) => SourceChoice::Path(folder.join(path)),
            None => SourceChoice::Checkout,
        };
        let dirty = if self.allow_dirty { DirtyPolicy::Allow } else { DirtyPolicy::Refuse };
        Ok(Place { folder, source, dirty, targets: self.targets.clone() })
    }

    pub(super) fn offline(&self) -> Offline {
        if self.offline { Offline::Yes } else { Offline::No }
    }
}

/// `KEY=VALUE` texts as `python -m build` takes them: a key that comes again makes a list.
pub(super) fn config_settings(texts: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut settings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in texts {
        // As `build` has it, a name alone stands for an empty value.
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.is_empty() {
            return Err(ArgsError::ConfigSetting { text: text.clone() }.into());
        }
        settings.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(settings)
}
