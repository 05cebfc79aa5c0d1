//! What a box looks like when conditions are varied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::execute::{HOME, Setting, TEMPORARY};
use super::super::plan::BuildPlan;
use super::super::planning::{SOURCE, sandbox_path};
use super::clock::{self, Clock};
use super::condition::Condition;
use crate::name::SandboxPath;
use crate::sandbox::{Access, Cores, Order, Surface};

/// Where the source lies instead of [`SOURCE`].
const OTHER_SOURCE: &str = "/builds/of-somebody-else/source";
/// The folder for temporary files, below every box's.
const OTHER_TEMPORARY: &str = "another-place";
const OTHER_HOME: &str = "/home/another";
const OTHER_NAME: &str = "another";
const OTHER_USER: u32 = 2345;
const OTHER_HOST: &str = "elsewhere";
/// The one locale that every image has beside `C.UTF-8`.
const OTHER_LOCALE: &str = "C";
/// Fourteen hours east, as POSIX writes it: it needs no database, and the date is another for most of the day.
const OTHER_ZONE: &str = "GMT-14";
const OTHER_UMASK: u32 = 0o077;
/// Seeds for Python, where the builder leaves it open.
const SEEDS: (&str, &str) = ("0", "4711");
/// How far the clock is moved: another year, month, day, hour, minute and second.
pub(super) const MOVED: i64 = 398 * 86_400 + 4 * 3600 + 23 * 60 + 17;

/// One way to build.
#[derive(Debug, Clone)]
pub(super) struct Variation {
    pub(super) varied: BTreeSet<Condition>,
    /// The time; the real one if there is none.
    pub(super) clock: Option<Clock>,
    /// Whether the seed of Python's hashes is fixed where the builder leaves it open.
    pub(super) seed: Seed,
}

/// The seed of Python's hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seed {
    /// As every build has it.
    AsBuilt,
    /// A fixed one; another if it is varied.
    Fixed,
}

impl Variation {
    fn has(&self, condition: Condition) -> bool {
        self.varied.contains(&condition)
    }

    /// Where the source lies.
    pub(super) fn root(&self) -> &'static str {
        if self.has(Condition::Folder) { OTHER_SOURCE } else { SOURCE }
    }

    /// Changes the environment of a plan that was made for [`Self::root`].
    pub(super) fn environment(&self, plan: &mut BuildPlan) {
        let env = &mut plan.env;
        if self.has(Condition::Folder) {
            moved(env, SOURCE, OTHER_SOURCE);
            moved(env, TEMPORARY, &format!("{TEMPORARY}/{OTHER_TEMPORARY}"));
        }
        if self.has(Condition::User) {
            moved(env, HOME, OTHER_HOME);
            set(env, &["LOGNAME", "USER"], OTHER_NAME);
        }
        if self.has(Condition::Locale) {
            set(env, &["LANG", "LC_ALL"], OTHER_LOCALE);
        }
        if self.has(Condition::TimeZone) {
            set(env, &["TZ"], OTHER_ZONE);
        }
        match (self.seed, self.has(Condition::HashSeed)) {
            (Seed::AsBuilt, false) => {}
            (Seed::AsBuilt | Seed::Fixed, true) => set(env, &["PYTHONHASHSEED"], SEEDS.1),
            (Seed::Fixed, false) => set(env, &["PYTHONHASHSEED"], SEEDS.0),
        }
    }

    /// The box's setting, on an image unpacked at `image`.
    pub(super) fn setting(&self, plan: &BuildPlan, image: &Path) -> Setting {
        let mut setting = Setting { source: sandbox_path(self.root()), ..Setting::default() };
        let usual = Surface::default();
        setting.surface = Surface {
            host_name: if self.has(Condition::HostName) { OTHER_HOST.to_owned() } else { usual.host_name },
            user: if self.has(Condition::User) { OTHER_USER } else { usual.user },
            umask: if self.has(Condition::Umask) { OTHER_UMASK } else { usual.umask },
            cores: if self.has(Condition::Cores) { Cores::One } else { usual.cores },
        };
        if self.has(Condition::Folder) {
            setting.below_temporary = Some(OTHER_TEMPORARY);
        }
        if self.has(Condition::User) {
            setting.home = sandbox_path(OTHER_HOME);
            setting.files = users(image);
        }
        setting.folders = if self.has(Condition::DirectoryOrder) {
            Access::Copied(Order::Reversed)
        } else if self.has(Condition::FileSystem) {
            Access::Copied(Order::Kept)
        } else {
            Access::Writable
        };
        setting.files.extend(self.clock.iter().flat_map(|clock| clock::files(*clock, plan.platform)));
        setting
    }
}

/// What a condition is in every build, and what it is when it is varied.
pub(super) fn values(condition: Condition) -> (String, String) {
    let pair = |first: &str, second: &str| (first.to_owned(), second.to_owned());
    let usual = Surface::default();
    match condition {
        Condition::User => {
            (format!("build ({}), {HOME}", usual.user), format!("{OTHER_NAME} ({OTHER_USER}), {OTHER_HOME}"))
        }
        Condition::Folder => {
            (format!("{SOURCE}, {TEMPORARY}"), format!("{OTHER_SOURCE}, {TEMPORARY}/{OTHER_TEMPORARY}"))
        }
        Condition::Cores => pair("all", "one"),
        Condition::FileSystem => pair("the store's", "tmpfs"),
        Condition::DirectoryOrder => pair("the file system's", "the other way round"),
        Condition::HostName => pair(&usual.host_name, OTHER_HOST),
        Condition::Locale => pair("C.UTF-8", OTHER_LOCALE),
        Condition::TimeZone => pair("UTC", OTHER_ZONE),
        Condition::Umask => (format!("{:03o}", usual.umask), format!("{OTHER_UMASK:03o}")),
        Condition::HashSeed => pair("random", SEEDS.1),
        Condition::WallClock => ("now".to_owned(), format!("{} days later", MOVED / 86_400)),
    }
}

fn set(env: &mut BTreeMap<String, String>, names: &[&str], value: &str) {
    for name in names {
        env.insert((*name).to_owned(), value.to_owned());
    }
}

/// Changes paths below `from` in all values to paths below `to`.
fn moved(env: &mut BTreeMap<String, String>, from: &str, to: &str) {
    for value in env.values_mut() {
        *value = moved_text(value, from, to);
    }
}

/// A path ends where no sign of a name follows, and begins where none stands before.
fn moved_text(text: &str, from: &str, to: &str) -> String {
    let of_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.');
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, found) = rest.split_at(at);
        let after = &found[from.len()..];
        let inside_a_name = |sign| of_name(sign) || sign == '/';
        let starts = !(if before.is_empty() { result.as_str() } else { before }).ends_with(inside_a_name);
        result.push_str(before);
        result.push_str(if starts && !after.starts_with(of_name) { to } else { from });
        rest = after;
    }
    result + rest
}

/// `/etc/passwd` and `/etc/group` of the image, with the other user in the place of every box's.
fn users(image: &Path) -> Vec<(SandboxPath, Vec<u8>)> {
    let id = Surface::default().user.to_string();
    let with = |name: &str, line: String| {
        let text = std::fs::read_to_string(image.join("etc").join(name)).unwrap_or_default();
        let others = text.lines().filter(|line| line.split(':').nth(2) != Some(&id));
        let text: String = others.map(|line| format!("{line}\n")).collect();
        (sandbox_path(&format!("/etc/{name}")), (text + &line).into_bytes())
    };
    vec![
        with("passwd", format!("{OTHER_NAME}:x:{OTHER_USER}:{OTHER_USER}::{OTHER_HOME}:/bin/sh\n")),
        with("group", format!("{OTHER_NAME}:x:{OTHER_USER}:\n")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_moved_and_what_only_looks_like_them_is_not() {
        let moved = |text: &str| moved_text(text, "/src", "/b/c");
        assert_eq!(moved("/src"), "/b/c");
        assert_eq!(moved("-ffile-prefix-map=/src=. -I/src/x:/src"), "-ffile-prefix-map=/b/c=. -I/src/x:/b/c");
        assert_eq!(moved("/usr/src /srcs /src-1 a/src"), "/usr/src /srcs /src-1 a/src");
        assert_eq!(moved_text("/tmp", "/tmp", "/tmp/x"), "/tmp/x");
    }
}
