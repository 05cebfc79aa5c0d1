//! What came of a rebuild.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::published::Published;
use super::read::{Checked, Subject};
use super::recorded::Recorded;
use super::{RebuildError, file_name};
use crate::build::{Context, Repeated, RepeatedOutput, Upstream};
use crate::compare::{Change, Options, Verdict, compare};
use crate::config::DIST_FOLDER;
use crate::digest::Sha256;
use crate::lock::Role;
use crate::output::{FileMode, FolderLock, Publication};
use crate::provenance::Timestamp;
use crate::store::{Scratch, Store};

/// Everything that there is to say of a rebuild.
#[derive(Debug)]
pub struct Outcome {
    /// What the statement is about; of a file that holds none, the file itself.
    pub subject: Subject,
    /// The statement, once it was judged.
    pub statement: Option<Checked>,
    /// The digest of the plan that the statement names.
    pub plan: Option<Sha256>,
    /// What was found out where there was no statement.
    pub upstream: Option<FoundOut>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How it ended.
    pub ending: Ending,
}

/// What a wheel without a statement was rebuilt from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundOut {
    /// Name of the sdist's file.
    pub sdist: String,
    /// Its digest.
    pub sha256: Sha256,
    /// Requirements that the wheel's own words come to.
    pub pins: Vec<String>,
    /// The time after which nothing was taken.
    pub cutoff: Option<String>,
    /// What it was built with: files and digests.
    pub distributions: Vec<(String, Sha256)>,
}

/// How a rebuild ended.
#[derive(Debug)]
pub enum Ending {
    /// It was built again, and compared.
    Compared(Box<Compared>),
    /// It could not be built.
    NotBuilt {
        /// Where it ended.
        stage: Stage,
        /// Why.
        error: Box<RebuildError>,
    },
}

/// The steps of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Reading the statement.
    Statement,
    /// Judging it.
    Verification,
    /// Making lock and configuration from it.
    Record,
    /// Getting the source.
    Source,
    /// Getting everything else, and building.
    Build,
    /// Comparing.
    Comparison,
}

/// A comparison.
pub struct Compared {
    /// What the files are to each other.
    pub verdict: Verdict,
    /// Digest of the original.
    pub stated: Sha256,
    /// What was built of that name; none if nothing was.
    pub rebuilt: Option<RepeatedOutput>,
    /// What is not the same.
    pub changes: Vec<Change>,
    /// What is worth knowing of the comparison.
    pub notes: Vec<String>,
    /// The build.
    pub repeated: Repeated,
}

impl std::fmt::Debug for Compared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compared")
            .field("verdict", &self.verdict)
            .field("stated", &self.stated)
            .finish_non_exhaustive()
    }
}

/// The file that the statement is about.
pub struct Original {
    path: PathBuf,
    _folder: Option<Scratch>,
}

impl Outcome {
    /// Before anything was done.
    pub(super) fn unread(path: &Path, started: Timestamp) -> Self {
        let sha256 = File::open(path)
            .and_then(Sha256::of_reader)
            .map_or_else(|_| Sha256::of(""), |(digest, _)| digest);
        let what = "nothing was done".to_owned();
        Self {
            subject: Subject { name: file_name(path), sha256 },
            statement: None,
            plan: None,
            upstream: None,
            started,
            finished: started,
            ending: Ending::NotBuilt {
                stage: Stage::Statement,
                error: Box::new(RebuildError::Form { what }),
            },
        }
    }
}

impl Original {
    /// The file that was named, if it is what the statement is about.
    pub(super) fn open(path: &Path, subject: &Subject) -> Result<Self, RebuildError> {
        let read = |source| RebuildError::Read { path: path.to_owned(), source };
        let actual = File::open(path).and_then(Sha256::of_reader).map_err(read)?.0;
        if actual != subject.sha256 {
            return Err(RebuildError::Against { path: path.to_owned(), expected: subject.sha256, actual });
        }
        Ok(Self { path: path.to_owned(), _folder: None })
    }

    /// One that nobody named: where `build` puts outputs, beside the statement, in the store.
    pub(super) fn find(statement: &Path, subject: &Subject, store: &Store) -> Option<Self> {
        let folder = statement.parent().unwrap_or(Path::new(""));
        let places = [folder.join("..").join(DIST_FOLDER), folder.to_owned(), folder.join("..")];
        let here = places.iter().find_map(|folder| Self::open(&folder.join(&subject.name), subject).ok());
        here.or_else(|| {
            let mut blob = store.open_blob(&subject.sha256).ok()?;
            let scratch = store.scratch("original").ok()?;
            let path = scratch.path().join(&subject.name);
            std::io::copy(&mut blob, &mut scratch.file(&subject.name).ok()?).ok()?;
            Some(Self { path, _folder: Some(scratch) })
        })
    }
}

impl Compared {
    pub(super) fn of(
        repeated: Repeated,
        (recorded, statement): (&Recorded, &Path),
        against: Option<Original>,
        context: Context<'_>,
    ) -> Result<Self, RebuildError> {
        let subject = &recorded.subject;
        let mut notes = Vec::new();
        if repeated.plan != recorded.plan {
            notes.push(format!(
                "the plan is another one than the statement's (sha256 {}, stated {}): this sealwright builds in another way",
                repeated.plan, recorded.plan
            ));
        }
        let rebuilt = repeated.outputs.iter().find(|output| output.name == subject.name).cloned();
        let (verdict, changes) = match &rebuilt {
            None => {
                let made: Vec<&str> = repeated.outputs.iter().map(|output| output.name.as_str()).collect();
                notes.push(format!("no file of that name was built: there are {}", made.join(", ")));
                (Verdict::Different, Vec::new())
            }
            Some(output) if output.sha256 == subject.sha256 => (Verdict::Identical, Vec::new()),
            Some(output) => {
                let original = against.or_else(|| Original::find(statement, subject, context.store));
                if let Some(original) = original {
                    compared(&original.path, &output.path)?
                } else {
                    notes.push(
                        "the file that the statement is about is not here: `--against FILE` would tell what differs".to_owned(),
                    );
                    (Verdict::Different, Vec::new())
                }
            }
        };
        Ok(Self { verdict, stated: subject.sha256, rebuilt, changes, notes, repeated })
    }

    /// The wheel that somebody published, beside what came of its sdist.
    pub(super) fn of_upstream(
        upstream: Upstream,
        (published, path): (&Published, &Path),
    ) -> Result<(Self, FoundOut), RebuildError> {
        let Upstream { repeated, sdist, pins, cutoff, lock, mut notes } = upstream;
        let name = published.name.to_string();
        let rebuilt = repeated.outputs.iter().find(|output| output.name == name).cloned();
        // One name may be written in several ways: then the one wheel that came out is compared.
        let rebuilt = rebuilt.or_else(|| repeated.outputs.first().cloned());
        let (verdict, changes) = match &rebuilt {
            None => (Verdict::Different, Vec::new()),
            Some(output) if output.sha256 == published.sha256 => (Verdict::Identical, Vec::new()),
            Some(output) => {
                if output.name != name {
                    notes.push(format!("what was built is called {}", output.name));
                }
                compared(path, &output.path)?
            }
        };
        let distributions = lock
            .targets
            .iter()
            .flat_map(|target| &target.distributions)
            .filter(|file| file.role == Role::Build)
            .map(|file| (file.file.clone(), file.sha256))
            .collect();
        let found = FoundOut { sdist: String::new(), sha256: sdist, pins, cutoff, distributions };
        Ok((Self { verdict, stated: published.sha256, rebuilt, changes, notes, repeated }, found))
    }

    /// Keeps all outputs in a folder.
    pub(super) fn keep(&self, folder: &Path, context: Context<'_>) -> Result<(), RebuildError> {
        let lock = FolderLock::acquire(folder, context.reporter, context.cancel)?;
        let mut publication = Publication::new(&lock, context.cancel);
        for output in &self.repeated.outputs {
            publication.kept(&output.name, output.sha256, FileMode::Data, || {
                File::open(&output.path)
                    .map_err(|source| RebuildError::Read { path: output.path.clone(), source })
            })?;
        }
        publication.commit()?;
        Ok(())
    }
}

/// Member by member. Files of other bytes are never identical, whatever the comparison finds in them.
pub(super) fn compared(original: &Path, rebuilt: &Path) -> Result<(Verdict, Vec<Change>), RebuildError> {
    let report = compare(original, rebuilt, &Options::default())?;
    Ok((report.verdict, report.changes))
}
