//! The conditions that a check varies, each named as it is in reports.

use serde::Serialize;

/// A condition of a build that its outputs should not depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Who builds: name and number of the user, the home folder, and the id outside where root builds.
    User,
    /// Where the source and temporary files lie.
    Folder,
    /// How many cores the build may use.
    Cores,
    /// On which kind of file system the source and temporary files lie.
    FileSystem,
    /// In which order folders of the source list their entries.
    DirectoryOrder,
    /// What the machine is called.
    HostName,
    /// `LANG` and `LC_ALL`.
    Locale,
    /// `TZ`.
    TimeZone,
    /// Modes of new files.
    Umask,
    /// The order of Python's sets.
    HashSeed,
    /// What time it is.
    WallClock,
}

impl Condition {
    /// All, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::User,
        Self::Folder,
        Self::Cores,
        Self::FileSystem,
        Self::DirectoryOrder,
        Self::HostName,
        Self::Locale,
        Self::TimeZone,
        Self::Umask,
        Self::HashSeed,
        Self::WallClock,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Folder => "folder",
            Self::Cores => "cores",
            Self::FileSystem => "file-system",
            Self::DirectoryOrder => "directory-order",
            Self::HostName => "host-name",
            Self::Locale => "locale",
            Self::TimeZone => "time-zone",
            Self::Umask => "umask",
            Self::HashSeed => "hash-seed",
            Self::WallClock => "wall-clock",
        }
    }

    /// What to do about a build that depends on it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::User => "leave out who built: names, numbers and the home folder",
            Self::Folder => "write paths relative to the project, or map them (-ffile-prefix-map)",
            Self::Cores => "do not let the number of cores, or the order in which parallel work ends, decide",
            Self::FileSystem => {
                "sort what a folder lists, and do not use sizes or times that a file system gives"
            }
            Self::DirectoryOrder => "sort what a folder lists: sorted(os.listdir(…))",
            Self::HostName => "leave out the machine's name",
            Self::Locale => "name the encoding and sort without a locale",
            Self::TimeZone => "write times in UTC: time.gmtime, not time.localtime",
            Self::Umask => "set the modes of files that are packed",
            Self::HashSeed => "sort sets before they are written",
            Self::WallClock => "use SOURCE_DATE_EPOCH instead of the time",
        }
    }

    /// Variables of the box that it varies: a builder that sets one of them itself leaves it no choice.
    pub(super) fn variables(self) -> &'static [&'static str] {
        match self {
            Self::User => &["HOME", "LOGNAME", "USER"],
            Self::Folder => &["TMPDIR"],
            Self::Locale => &["LANG", "LC_ALL"],
            Self::TimeZone => &["TZ"],
            Self::HashSeed => &["PYTHONHASHSEED"],
            Self::Cores
            | Self::FileSystem
            | Self::DirectoryOrder
            | Self::HostName
            | Self::Umask
            | Self::WallClock => &[],
        }
    }
}
