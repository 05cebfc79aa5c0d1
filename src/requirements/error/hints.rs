//! Whose fault a lock file's error is, and the command that mends it.

use super::{RequirementsError, Unlockable};
use crate::error::{Blame, Fault};
use crate::requirements::Format;

impl Fault for RequirementsError {
    fn blame(&self) -> Blame {
        match self {
            Self::Read { source, .. } => source.0.blame(),
            Self::Unknown { .. }
            | Self::Missing { .. }
            | Self::TooLarge { .. }
            | Self::Outside { .. }
            | Self::Loop { .. }
            | Self::Conflict { .. }
            | Self::Broken { .. }
            | Self::Version { .. }
            | Self::Option { .. }
            | Self::NoHash { .. }
            | Self::OtherHash { .. }
            | Self::BadHash { .. }
            | Self::Hashes { .. }
            | Self::Unpinned { .. }
            | Self::Unlockable { .. }
            | Self::Two { .. }
            | Self::Constraint { .. }
            | Self::Marker { .. }
            | Self::Unselectable { .. }
            | Self::Python { .. }
            | Self::Environments { .. }
            | Self::Dangling { .. }
            | Self::NoProject { .. }
            | Self::NoFile { .. } => Blame::User,
        }
    }

    fn hints(&self) -> Vec<String> {
        let anew = |format: &Format| format!("write the file again: `{}`", format.command());
        let with_hashes = |format: &Format| {
            match format {
            Format::RequirementsTxt => vec![
                "write the file with hashes: `pip-compile --generate-hashes`, or `uv export --format requirements.txt` or `uv pip compile --generate-hashes`".to_owned(),
                "`pip freeze` knows no hashes: give its output to `pip-compile --generate-hashes`".to_owned(),
            ],
            Format::PipfileLock | Format::PoetryLock | Format::UvLock | Format::Pylock => vec![
                anew(format),
                "the index must offer sha256 digests".to_owned(),
            ],
        }
        };
        match self {
            Self::Read { source, .. } => source.0.hints(),
            Self::Unknown { .. } => vec![format!(
                "name a {}; requirements files end in .txt",
                Format::ALL.map(Format::as_str).join(", ")
            )],
            Self::Missing { from: Some(_), .. } => vec!["put it there, or take its name out".to_owned()],
            Self::Missing { format, from: None, .. } => vec![format!("make it: `{}`", format.command())],
            Self::NoHash { format, .. } | Self::OtherHash { format, .. } => with_hashes(format),
            Self::Conflict { format, .. } => {
                vec![format!("take either side (`git checkout --ours FILE`), then `{}`", format.command())]
            }
            Self::Broken { format, .. }
            | Self::BadHash { format, .. }
            | Self::Dangling { format, .. } => vec![anew(format)],
            Self::Two { format, .. } => vec![format!(
                "take fewer extras and groups if those contradict each other, else write the file again: `{}`",
                format.command()
            )],
            Self::Version { format, .. } => vec![format!(
                "update sealwright, or write the file with an older release of its tool: `{}`",
                format.command()
            )],
            Self::Unpinned { format, .. } => vec![match format {
                Format::RequirementsTxt => {
                    "give this file to `pip-compile --generate-hashes` and name what it writes".to_owned()
                }
                Format::PipfileLock | Format::PoetryLock | Format::UvLock | Format::Pylock => anew(format),
            }],
            Self::Option { hint, .. } => vec![(*hint).to_owned()],
            Self::Unlockable { kind, .. } => vec![match kind {
                Unlockable::Editable | Unlockable::Folder => {
                    "build it as a wheel (`sealwright build`), offer that on an index or in a `find-links` folder, and pin it by hash".to_owned()
                }
                Unlockable::Repository => {
                    "pin a release of it, or a URL of an archive with `#sha256=…`".to_owned()
                }
                Unlockable::File => {
                    "offer the file on an index or in a `find-links` folder, and pin it by name, version and hash"
                        .to_owned()
                }
            }],
            Self::Hashes { .. } | Self::Constraint { .. } => {
                vec![
                    "compile requirements and constraints together: `pip-compile --generate-hashes`"
                        .to_owned(),
                ]
            }
            Self::Marker { .. } => vec![
                "lock for one environment, without the marker".to_owned(),
            ],
            Self::Unselectable { kind, known, asked, .. } => {
                let near = known
                    .iter()
                    .map(|name| (strsim::damerau_levenshtein(name, asked), name))
                    .min()
                    .filter(|(distance, _)| *distance <= 2);
                near.map(|(_, name)| format!("did you mean the {kind} `{name}`?")).into_iter().collect()
            }
            Self::Python { .. } | Self::Environments { .. } => vec![
                "choose a base image with that Python (`python = \"…\"`), or lock for the target's".to_owned(),
            ],
            Self::NoProject { .. } => vec![
                "name the uv.lock of a project with `[project]` in the pyproject.toml beside it, or export one: `uv export --format requirements.txt`".to_owned(),
            ],
            Self::NoFile { .. } => vec![
                "lock again on the target's platform and Python, with hashes of all files: `pip-compile --generate-hashes`, `uv lock`, …".to_owned(),
            ],
            Self::Outside { .. } => vec!["copy it into the project's folder".to_owned()],
            Self::Loop { .. } => vec!["remove one of the lines that name these files".to_owned()],
            Self::TooLarge { .. } => Vec::new(),
        }
    }
}
