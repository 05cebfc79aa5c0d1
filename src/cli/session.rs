//! What commands share: the reporter, the store, the engine, the caller's variables, and printing.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::terminal::{Terminal, Verbosity};
use crate::build::Context;
use crate::error::{Blame, Fault};
use crate::event::Cancel;
use crate::fetch::{Offline, Surroundings};
use crate::sandbox::native::NativeEngine;
use crate::store::Store;

/// The state of one call.
pub(super) struct Session {
    pub(super) terminal: Terminal,
    pub(super) cancel: Cancel,
    format: Format,
    verbosity: Verbosity,
    store: Option<PathBuf>,
    surroundings: Surroundings,
    engine: NativeEngine,
}

/// What standard output gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Text for people.
    Text,
    /// One JSON document.
    Json,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct OutputError(#[source] std::io::Error);

impl Fault for OutputError {
    fn blame(&self) -> Blame {
        Blame::Environment
    }
}

impl Session {
    pub(super) fn new(format: Format, verbosity: Verbosity, store: Option<PathBuf>, cancel: Cancel) -> Self {
        let surroundings = Surroundings::of_process();
        let engine = NativeEngine::new(PathBuf::from("/proc/self/exe"));
        Self { terminal: Terminal::new(verbosity), cancel, format, verbosity, store, surroundings, engine }
    }

    pub(super) fn json(&self) -> bool {
        self.format == Format::Json
    }

    pub(super) fn engine(&self) -> &NativeEngine {
        &self.engine
    }

    pub(super) fn quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// The folder of the store: `--store`, `SEALWRIGHT_STORE`, else the cache folder.
    fn store_location(&self) -> Result<PathBuf, Failure> {
        match &self.store {
            Some(path) => Ok(path.clone()),
            None => Ok(Store::default_location(|name| std::env::var_os(name))?),
        }
    }

    pub(super) fn open_store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.store_location()?)?)
    }

    pub(super) fn context<'a>(&'a self, store: &'a Store, offline: Offline) -> Context<'a> {
        Context {
            store,
            engine: &self.engine,
            reporter: &self.terminal,
            cancel: &self.cancel,
            surroundings: &self.surroundings,
            offline,
        }
    }

    /// Writes to standard output. A reader that went away is no error: `sealwright … | head` ends well.
    pub(super) fn print(&self, text: &str) -> Result<(), Failure> {
        self.terminal.finish();
        let mut stdout = anstream::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(OutputError(error).into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Writes one JSON document to standard output.
    pub(super) fn print_json(&self, value: &serde_json::Value) -> Result<(), Failure> {
        self.print(&format!("{value:#}\n"))
    }
}

/// A path as people know it: relative to where they are if it lies below.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
