//! Where groups can be made: this process's own cgroups, read from `/proc/self/cgroup` and
//! `/proc/self/mountinfo` (`cgroups(7)`).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::Controller;

/// The version of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// One hierarchy for each controller.
    One,
    /// One for all.
    Two,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "cgroup v1",
            Self::Two => "cgroup v2",
        })
    }
}

/// A folder in which a group can perhaps be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) version: Version,
}

/// What the kernel says of this process's cgroups.
#[derive(Debug)]
pub(super) struct Hierarchies {
    own: String,
    mounts: String,
}

impl Hierarchies {
    /// Reads both files; what cannot be read is empty.
    pub(super) fn read() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self { own: read("/proc/self/cgroup"), mounts: read("/proc/self/mountinfo") }
    }

    /// Where a group with `controller` can perhaps be made, best first; or why nowhere.
    pub(super) fn places(&self, controller: Controller) -> Result<Vec<Place>, String> {
        if let Some(folder) = self.folder(Some(controller.name())) {
            return Ok(vec![Place { folder, version: Version::One }]);
        }
        let Some((top, own)) = self.top_and_own(None) else {
            return Err("no cgroup file system is mounted here".to_owned());
        };
        // A group with processes cannot hand controllers down (cgroups(7), "no internal processes"), and ours
        // holds us; so look upwards for one that does hand them down and lets us make groups.
        let places: Vec<Place> = own
            .ancestors()
            .take_while(|folder| folder.starts_with(&top))
            .filter(|folder| hands_down(folder, controller))
            .map(|folder| Place { folder: folder.to_owned(), version: Version::Two })
            .collect();
        if places.is_empty() {
            return Err(format!(
                "cgroup v2: no group above ours hands the {} controller down",
                controller.name()
            ));
        }
        Ok(places)
    }

    fn folder(&self, controller: Option<&str>) -> Option<PathBuf> {
        self.top_and_own(controller).map(|(_, own)| own)
    }

    /// The mount point of a hierarchy and our own group in it. `None` is version 2.
    fn top_and_own(&self, controller: Option<&str>) -> Option<(PathBuf, PathBuf)> {
        let path = self.own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
            let is_it = match controller {
                Some(controller) => names.split(',').any(|name| name == controller),
                None => names.is_empty(),
            };
            is_it.then_some(path)
        })?;
        let (root, top) = self.mounts.lines().find_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let mut fields = before.split(' ').skip(3);
            let (root, top) = (fields.next()?, fields.next()?);
            let mut fields = after.split(' ');
            let (kind, options) = (fields.next()?, fields.nth(1)?);
            let is_it = match controller {
                Some(controller) => kind == "cgroup" && options.split(',').any(|name| name == controller),
                None => kind == "cgroup2",
            };
            is_it.then_some((root, top))
        })?;
        // In a container the mount shows only a part of the hierarchy.
        let below = Path::new(path).strip_prefix(root).ok()?;
        Some((PathBuf::from(top), Path::new(top).join(below)))
    }
}

fn hands_down(folder: &Path, controller: Controller) -> bool {
    let enabled = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
    enabled.split_whitespace().any(|name| name == controller.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
39 31 0:36 /box /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
";

    #[test]
    fn our_groups_are_found_in_both_versions() {
        let own = "8:pids:/box/a\n4:memory:/x/y\n0::/user.slice\n".to_owned();
        let hierarchies = Hierarchies { own, mounts: MOUNTS.to_owned() };
        let place = |folder: &str| vec![Place { folder: folder.into(), version: Version::One }];
        assert_eq!(hierarchies.places(Controller::Memory).unwrap(), place("/sys/fs/cgroup/memory/x/y"));
        assert_eq!(hierarchies.places(Controller::Pids).unwrap(), place("/sys/fs/cgroup/pids/a"));
        let two = hierarchies.top_and_own(None).unwrap();
        assert_eq!(two.1, Path::new("/sys/fs/cgroup/unified/user.slice"));
    }

    #[test]
    fn without_a_cgroup_file_system_it_says_so() {
        let hierarchies = Hierarchies { own: String::new(), mounts: String::new() };
        assert_eq!(
            hierarchies.places(Controller::Memory).unwrap_err(),
            "no cgroup file system is mounted here"
        );
    }
}
