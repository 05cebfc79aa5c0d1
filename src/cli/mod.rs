//! The command line: typed flags → a request → what is printed. No domain logic.
//!
//! Data goes to standard output, everything else to standard error.

mod failure;
mod signals;
mod terminal;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::config::Project;
use crate::event::{Cancel, Reporter};
use failure::Failure;
use terminal::{Terminal, Verbosity};

/// Seals builds of Python projects: locked inputs, no network, SLSA provenance for every output.
#[derive(Debug, Parser)]
#[command(name = "sealwright", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done; 1 the build failed; 2 usage or configuration; 3 lock stale or wrong digest; \
4 verification failed; 5 different; 6 engine or isolation unavailable, or the host failed; 7 network; 70 a bug of ours.")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command has.
#[derive(Debug, Clone, Args)]
struct Global {
    /// Run as if started in DIR
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: the build's own output; twice: what sealwright does
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", global = true)]
    color: ColorWhen,
    /// The local store [default: the XDG cache folder]
    #[arg(long, value_name = "DIR", env = "SEALWRIGHT_STORE", global = true, hide_env_values = true)]
    store: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    Auto,
    Always,
    Never,
}
