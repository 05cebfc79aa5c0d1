//! `sealwright sbom`.

use clap::ValueEnum;

use super::failure::Failure;
use super::place::PlaceArgs;
use super::session::Session;
use crate::build::{self, BillFormat};
use crate::name::PythonVersion;

/// Prints what a target's lock holds, as a bill of materials
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// The document's format
    #[arg(long, value_enum, default_value = "cyclonedx")]
    format: Format,
    /// Of a target with several versions of Python, the one to take
    #[arg(long, value_name = "VERSION")]
    python: Option<PythonVersion>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CycloneDX 1.5, JSON
    #[value(name = "cyclonedx")]
    CycloneDx,
    /// SPDX 2.3, JSON
    Spdx,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let format = match args.format {
        Format::CycloneDx => BillFormat::CycloneDx,
        Format::Spdx => BillFormat::Spdx,
    };
    // Both are JSON already: `--json` changes nothing.
    session.print(&build::bill(&args.place.place()?, args.python, format)?)
}
