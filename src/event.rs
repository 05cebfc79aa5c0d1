//! What long tasks report while they run, and how they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// One report of a long task. Closed: every reporter and every renderer knows all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A named stage began, for instance `resolving the base image`.
    Stage {
        /// What is being done, a lowercase fragment.
        what: String,
    },
    /// Something worth a line of its own was decided or noticed (`locking first: no sealwright.lock`).
    Note {
        /// The line.
        what: String,
    },
    /// Something that the user should look at, though the task goes on.
    Warning {
        /// The line.
        what: String,
    },
    /// Progress of a transfer or of work with a known or unknown end, under one stage.
    Progress {
        /// What is counted, for instance `packages`.
        what: String,
        /// How much is done, in `unit`.
        done: u64,
        /// How much there is, if known, in `unit`.
        total: Option<u64>,
        /// What `done` and `total` count.
        unit: Unit,
    },
    /// A line of the build's own output, already made harmless (no control characters).
    Log {
        /// The line, without its end.
        line: String,
    },
    /// The stage ended well.
    StageDone {
        /// What was done, with figures, for instance `fetched 62 files, 118 MB`.
        what: String,
    },
}

/// What a progress counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things: files, packages.
    Items,
}

/// Takes events. Called from several threads.
pub trait Reporter: Send + Sync {
    /// Takes one event; must not block for long.
    fn report(&self, event: Event);

    /// A stage began.
    fn stage(&self, what: &str) {
        self.report(Event::Stage { what: what.to_owned() });
    }

    /// A line worth saying.
    fn note(&self, what: &str) {
        self.report(Event::Note { what: what.to_owned() });
    }
}

/// Drops every event.
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: Event) {}
}

/// Tells long tasks to stop: set once by a signal handler, polled by everything that waits.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicI32>);

impl Cancel {
    /// Not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a stop, because of `signal` (a number, for instance 2 for SIGINT). The first one counts.
    pub fn cancel(&self, signal: i32) {
        let _ = self.0.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// The signal that asked for the stop, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        match self.0.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }
}
