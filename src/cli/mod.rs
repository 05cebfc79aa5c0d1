//! The command line: typed flags → a request → what is printed. No domain logic.
//!
//! Data goes to standard output, everything else to standard error.

mod build;
mod check;
mod diff;
mod doctor;
mod failure;
mod fetch;
mod inspect;
mod key;
mod keygen;
mod lock;
mod passphrase;
mod place;
mod rebuild;
mod sbom;
mod session;
mod sign;
mod signals;
mod store;
mod terminal;
mod verify;
mod verify_bundle;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::error::{Blame, Fault};
use crate::event::Cancel;
use crate::sandbox::native;
use failure::Failure;
use session::{Format, Session};
use terminal::Verbosity;

/// Seals builds of Python projects: locked inputs, no network, SLSA provenance for every output.
#[derive(Debug, Parser)]
#[command(name = "sealwright", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 done; 1 the build failed; 2 usage or configuration; 3 lock stale or wrong digest; \
4 verification failed; 5 different; 6 engine or isolation unavailable, or the host failed; 7 network; 70 a bug of ours."
)]
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
    #[arg(
        short = 'C',
        long = "directory",
        value_name = "DIR",
        global = true,
        help_heading = "Global options"
    )]
    directory: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
    /// Say only what went wrong
    #[arg(short, long, global = true, help_heading = "Global options", conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: the build's own output; twice: what sealwright does
    #[arg(short, long, global = true, help_heading = "Global options", action = ArgAction::Count)]
    verbose: u8,
    /// When to use colour
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        help_heading = "Global options"
    )]
    color: ColorWhen,
    /// The local store [default: the XDG cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "SEALWRIGHT_STORE",
        global = true,
        help_heading = "Global options",
        hide_env_values = true
    )]
    store: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::Args),
    Lock(lock::Args),
    Fetch(fetch::Args),
    Diff(diff::Args),
    Inspect(inspect::Args),
    Sbom(sbom::Args),
    Keygen(keygen::Args),
    Sign(sign::Args),
    Verify(Box<verify::Args>),
    Rebuild(Box<rebuild::Args>),
    #[command(hide = true)]
    VerifyBundle(verify_bundle::Args),
    Store(store::Args),
    Doctor(doctor::Args),
}

/// A failure before or beside any command.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("cannot go to {path}")]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
}

impl Fault for StartError {
    fn blame(&self) -> Blame {
        match self {
            Self::Directory { .. } => Blame::User,
            Self::Signals(_) => Blame::Environment,
        }
    }
}

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    // First of all, while there is one thread: this process may be the inside of a box.
    if let Some(code) = native::reexec() {
        return code;
    }
    let cli = Cli::parse();
    match cli.global.color {
        ColorWhen::Auto => {}
        ColorWhen::Always => anstream::ColorChoice::Always.write_global(),
        ColorWhen::Never => anstream::ColorChoice::Never.write_global(),
    }
    trace(cli.global.verbose);
    let format = if cli.global.json { Format::Json } else { Format::Text };
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    };
    let store = cli.global.store.clone().filter(|path| !path.as_os_str().is_empty());
    let session = Session::new(format, verbosity, store, Cancel::new());
    let Err(failure) = dispatch(&cli, &session) else { return ExitCode::SUCCESS };
    session.terminal.finish();
    session.terminal.line(failure.text().trim_end());
    if format == Format::Json && !failure.printed {
        // The document could not be written: the error stands on standard error already.
        let _ = session.print_json(&failure.json());
    }
    ExitCode::from(failure.exit_code())
}

fn dispatch(cli: &Cli, session: &Session) -> Result<(), Failure> {
    if let Some(path) = &cli.global.directory {
        std::env::set_current_dir(path)
            .map_err(|source| StartError::Directory { path: path.clone(), source })?;
    }
    signals::listen(&session.cancel).map_err(StartError::Signals)?;
    match &cli.command {
        Command::Build(args) => build::run(args, session),
        Command::Lock(args) => lock::run(args, session),
        Command::Fetch(args) => fetch::run(args, session),
        Command::Diff(args) => diff::run(args, session),
        Command::Inspect(args) => inspect::run(args, session),
        Command::Sbom(args) => sbom::run(args, session),
        Command::Keygen(args) => keygen::run(args, session),
        Command::Sign(args) => sign::run(args, session),
        Command::Verify(args) => verify::run(args, session),
        Command::Rebuild(args) => rebuild::run(args, session),
        Command::VerifyBundle(args) => verify_bundle::run(args, session),
        Command::Store(args) => store::run(args, session),
        Command::Doctor(args) => doctor::run(args, session),
    }
}

/// Traces what sealwright does, with `-vv` or as `SEALWRIGHT_LOG` says.
fn trace(verbose: u8) {
    let filter =
        std::env::var("SEALWRIGHT_LOG").ok().or_else(|| (verbose > 1).then(|| "sealwright=debug".to_owned()));
    let Some(filter) = filter else { return };
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time();
    // Somebody else's subscriber is fine too.
    let _ = builder.try_init();
}
