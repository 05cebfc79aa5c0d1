//! The box: what runs a program with nothing but what it is given.
//!
//! This layer knows nothing of Python or SLSA. A [`BoxSpec`] says what the box holds, an [`Engine`] runs it
//! and reports what it really enforced as [`Isolation`].

pub mod log;
pub mod native;
mod spec;

pub use spec::{
    Access, BoxSpec, Cores, Enforcement, Exit, Finished, Isolation, Limit, Limits, LogRecord, Mount, Network,
    Order, Surface,
};

use crate::error::Fault;
use crate::event::{Cancel, Reporter};

/// What runs a box.
pub trait Engine: Send + Sync {
    /// The engine's class, part of the action cache's key: `native`, `docker`.
    fn class(&self) -> &'static str;

    /// The version of what runs the box, for the statement (`runDetails.builder.version`).
    fn version(&self) -> String;

    /// Runs the box to its end. Every line of the program's output is reported as [`crate::event::Event::Log`].
    ///
    /// # Errors
    /// Isolation could not be enforced, the host failed, or the user cancelled. A program that fails,
    /// is killed or breaks a limit is no error but an [`Exit`].
    fn run(
        &self,
        spec: &BoxSpec,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Finished, Box<dyn Fault>>;
}
