//! What the engine and the hidden process say to each other: one JSON value a line, a [`Job`] down and
//! [`Up`] messages back. The pipe down stays open: its end is the order to end the box.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::sandbox::{BoxSpec, Network};

use super::error::Step;

/// What the hidden process has to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// The box.
    pub(super) spec: BoxSpec,
    /// Which ids outside stand for the box's own.
    pub(super) identity: Identity,
    /// Whether the program is run at its end.
    pub(super) purpose: Purpose,
}

/// Which ids outside stand for the box's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Identity {
    /// Those that the process has.
    Own,
    /// A dedicated unprivileged uid and gid of the same number, which root becomes first.
    Dedicated(u32),
}

/// Whether the program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// Yes.
    Run,
    /// Everything but that, each step reported: what `doctor` asks for.
    Probe,
}

/// What the hidden process reports.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Up {
    /// A step went well; only sent when probing.
    Passed(Step),
    /// The box stands, this was seen from inside, and the program waits for a byte of the pipe down.
    Observed(Observed),
    /// The program ended with this status.
    Exited(i32),
    /// The program was killed by this signal.
    Signalled(i32),
    /// PID 1 of the box was killed from outside.
    InitKilled(i32),
    /// A step failed.
    Failed {
        /// Which.
        step: Step,
        /// `errno(3)`
        errno: i32,
        /// With what.
        path: Option<PathBuf>,
    },
}

/// What was seen from inside the box, by its PID 1, all of which the program inherits.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Observed {
    /// `/proc/self/status`
    pub(super) status: String,
    /// `/proc/self/ns/*`: name and inode.
    pub(super) namespaces: BTreeMap<String, u64>,
    /// Whether the root is mounted read-only (`statvfs(3)`).
    pub(super) root: RootState,
    /// `RLIMIT_FSIZE`
    pub(super) file_size: u64,
    /// `RLIMIT_NPROC`
    pub(super) processes: u64,
}

/// How the root file system was mounted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RootState {
    /// `ST_RDONLY`
    ReadOnly,
    /// Not.
    #[default]
    Writable,
}

impl Job {
    /// Whether the box has a network of its own.
    pub(super) fn own_network(&self) -> bool {
        match self.spec.network {
            Network::None => true,
            Network::Host => false,
        }
    }
}

/// Writes one value as one line.
pub(super) fn send<T: Serialize>(mut to: impl Write, value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads one line, byte blocks of any size, and leaves the pipe at its end.
///
/// The writer sends nothing after the line, so reading in blocks takes nothing too much.
pub(super) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut line = Vec::new();
    let mut block = [0_u8; 16 << 10];
    loop {
        let count = from.read(&mut block)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.extend_from_slice(&block[..count]);
        if line.ends_with(b"\n") {
            return Ok(serde_json::from_slice(&line)?);
        }
    }
}
