//! What a comparison says: the verdict, and each change with its probable causes.

use std::collections::BTreeSet;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::digest::Sha256;

/// A difference that does not change what is installed, and is therefore taken away before two artifacts are called
/// equal. Each is described in `docs/reference/diff.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalization {
    /// Times of members, of gzip headers and of an image's configuration.
    ArchiveTime,
    /// The order of members.
    ArchiveOrder,
    /// Permissions of members that an installer does not take over.
    ArchiveMode,
    /// Owners and groups of members.
    ArchiveOwner,
    /// Fields of an archive's headers that nothing reads: the system that made it, comments, padding, its dialect.
    ArchiveHeader,
    /// Entries of folders that have members anyway.
    ArchiveFolders,
    /// How bytes are compressed.
    Compression,
    /// What a wheel's RECORD says of members that differ by a normalization, and the order of its lines.
    Record,
    /// Digests and sizes by which the documents of an image name its parts, compared themselves.
    References,
    /// The time of the source in a `.pyc` file's header.
    PycTime,
    /// Which of the two ends all lines of a wheel's METADATA have.
    MetadataLines,
}

impl Normalization {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::ArchiveTime,
        Self::ArchiveOrder,
        Self::ArchiveMode,
        Self::ArchiveOwner,
        Self::ArchiveHeader,
        Self::ArchiveFolders,
        Self::Compression,
        Self::Record,
        Self::References,
        Self::PycTime,
        Self::MetadataLines,
    ];

    /// Its name, as reports and `docs/reference/diff.md` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ArchiveTime => "archive-time",
            Self::ArchiveOrder => "archive-order",
            Self::ArchiveMode => "archive-mode",
            Self::ArchiveOwner => "archive-owner",
            Self::ArchiveHeader => "archive-header",
            Self::ArchiveFolders => "archive-folders",
            Self::Compression => "compression",
            Self::Record => "record",
            Self::References => "references",
            Self::PycTime => "pyc-time",
            Self::MetadataLines => "metadata-lines",
        }
    }
}

impl fmt::Display for Normalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why two things probably differ. What is not known is [`Cause::Content`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A date or a time.
    TimeStamp,
    /// The order of an archive's members.
    Order,
    /// Permissions, or the kind of a file.
    Mode,
    /// Owner or group.
    Owner,
    /// Fields of an archive's headers.
    ArchiveHeader,
    /// How bytes are compressed.
    Compression,
    /// The path of a folder that the build ran in.
    EmbeddedPath,
    /// The order of a set, a dictionary or a list of names: a hash seed, or the order of a folder.
    HashSeed,
    /// References between the objects of byte code, which depend on how often each was in use.
    MarshalReferences,
    /// An address in memory, which each run has another one of.
    MemoryAddress,
    /// The identifier that a linker makes of its output.
    BuildId,
    /// Language, character set or collation.
    Locale,
    /// A version number, or the name of a tool with its version.
    VersionString,
    /// Ends of lines.
    LineEndings,
    /// Another name for the same bytes.
    Name,
    /// It lists or digests something else that differs, and says so rightly.
    Consequence,
    /// Something else: real content.
    Content,
}

impl Cause {
    /// Every one.
    pub const ALL: [Self; 17] = [
        Self::TimeStamp,
        Self::Order,
        Self::Mode,
        Self::Owner,
        Self::ArchiveHeader,
        Self::Compression,
        Self::EmbeddedPath,
        Self::HashSeed,
        Self::MarshalReferences,
        Self::MemoryAddress,
        Self::BuildId,
        Self::Locale,
        Self::VersionString,
        Self::LineEndings,
        Self::Name,
        Self::Consequence,
        Self::Content,
    ];

    /// Its name, as reports and `docs/reference/diff.md` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TimeStamp => "time-stamp",
            Self::Order => "order",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::ArchiveHeader => "archive-header",
            Self::Compression => "compression",
            Self::EmbeddedPath => "embedded-path",
            Self::HashSeed => "hash-seed",
            Self::MarshalReferences => "marshal-references",
            Self::MemoryAddress => "memory-address",
            Self::BuildId => "build-id",
            Self::Locale => "locale",
            Self::VersionString => "version-string",
            Self::LineEndings => "line-endings",
            Self::Name => "name",
            Self::Consequence => "consequence",
            Self::Content => "content",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a comparison comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same bytes.
    Identical,
    /// Other bytes that install the same, once these differences are taken away.
    Equal {
        /// What was taken away; never empty.
        normalizations: BTreeSet<Normalization>,
    },
    /// They install something else, or it is not known that they do not.
    Different,
}

impl Verdict {
    /// One word: `identical`, `equal`, `different`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Equal { .. } => "equal",
            Self::Different => "different",
        }
    }

    /// What was taken away; nothing unless the verdict is equal.
    #[must_use]
    pub fn normalizations(&self) -> BTreeSet<Normalization> {
        match self {
            Self::Equal { normalizations } => normalizations.clone(),
            Self::Identical | Self::Different => BTreeSet::new(),
        }
    }

    /// The verdict that changes come to. No change of things whose bytes differ is no proof of anything, so whoever
    /// calls this has at least one then.
    #[must_use]
    pub(super) fn of(changes: &[Change]) -> Self {
        if changes.is_empty() {
            return Self::Identical;
        }
        let mut normalizations = BTreeSet::new();
        for change in changes {
            match &change.effect {
                Effect::Content => return Self::Different,
                Effect::Normalized(normalization) => normalizations.insert(*normalization),
            };
        }
        Self::Equal { normalizations }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Self::Equal { normalizations } = self {
            let names: Vec<&str> = normalizations.iter().map(|normalization| normalization.name()).collect();
            write!(f, " after {}", names.join(", "))?;
        }
        Ok(())
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One of the two things that are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// As it was named.
    pub name: String,
    /// Bytes; of a folder the bytes of its files.
    pub size: u64,
    /// Digest of a file's bytes; a folder has none.
    pub sha256: Option<Sha256>,
}

/// What happened to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, not the same.
    Changed,
}

impl ChangeKind {
    /// Its name, as reports have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// What a change means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It is taken away by a normalization.
    Normalized(Normalization),
    /// It stays.
    Content,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where: a member's name, within it the name of its member, and so on. Empty for the artifact itself.
    pub path: Vec<String>,
    /// What happened.
    pub kind: ChangeKind,
    /// Why, probably; never empty.
    pub causes: BTreeSet<Cause>,
    /// What it means for the verdict.
    pub effect: Effect,
    /// For people: what was found, a few lines at most.
    pub detail: String,
}

impl Change {
    pub(super) fn new(path: &[String], kind: ChangeKind, cause: Cause, detail: impl Into<String>) -> Self {
        Self {
            path: path.to_vec(),
            kind,
            causes: BTreeSet::from([cause]),
            effect: Effect::Content,
            detail: detail.into(),
        }
    }

    pub(super) fn changed(path: &[String], cause: Cause, detail: impl Into<String>) -> Self {
        Self::new(path, ChangeKind::Changed, cause, detail)
    }

    pub(super) fn of_causes(path: &[String], causes: BTreeSet<Cause>, detail: impl Into<String>) -> Self {
        let mut change = Self::changed(path, Cause::Content, detail);
        if !causes.is_empty() {
            change.causes = causes;
        }
        change
    }

    pub(super) fn normalized(mut self, normalization: Normalization) -> Self {
        self.effect = Effect::Normalized(normalization);
        self
    }

    /// The normalization that takes it away, if one does.
    #[must_use]
    pub fn normalization(&self) -> Option<Normalization> {
        match self.effect {
            Effect::Normalized(normalization) => Some(normalization),
            Effect::Content => None,
        }
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Change", 5)?;
        object.serialize_field("path", &self.path)?;
        object.serialize_field("kind", &self.kind)?;
        object.serialize_field("causes", &self.causes)?;
        object.serialize_field("normalization", &self.normalization())?;
        object.serialize_field("detail", &self.detail)?;
        object.end()
    }
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The first.
    pub a: Side,
    /// The second.
    pub b: Side,
    /// What it comes to.
    pub verdict: Verdict,
    /// Every difference, by path.
    pub changes: Vec<Change>,
}

impl Report {
    /// Every cause that a change has, those that decide the verdict only: all of a different pair's content changes, or
    /// all of an equal pair's.
    #[must_use]
    pub fn causes(&self) -> BTreeSet<Cause> {
        let decides = |change: &&Change| match self.verdict {
            Verdict::Different => change.effect == Effect::Content,
            Verdict::Identical | Verdict::Equal { .. } => true,
        };
        self.changes.iter().filter(decides).flat_map(|change| change.causes.iter().copied()).collect()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Report", 6)?;
        object.serialize_field("a", &self.a)?;
        object.serialize_field("b", &self.b)?;
        object.serialize_field("verdict", &self.verdict)?;
        object.serialize_field("normalizations", &self.verdict.normalizations())?;
        object.serialize_field("causes", &self.causes())?;
        object.serialize_field("changes", &self.changes)?;
        object.end()
    }
}
