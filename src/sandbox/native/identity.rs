//! Which id of the host runs the box: one's own, or, for root, a dedicated unprivileged one; and making the
//! writable folders that id's.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use nix::unistd::Uid;
use walkdir::WalkDir;

use crate::sandbox::{Access, BoxSpec, Surface};

use super::error::NativeError;
use super::wire::Identity;

/// The id that root becomes: above what distributions give to users, services and subordinate ranges.
const DEDICATED: u32 = 2_000_265_533;
/// The id that root becomes in a container whose user namespace does not hold the first.
const DEDICATED_SMALL: u32 = 65_533;

/// Chooses the id: another one for a box whose user is another than every box's.
pub(super) fn choose(surface: &Surface) -> Identity {
    if !Uid::effective().is_root() {
        return Identity::Own;
    }
    let other = u32::from(surface.user != Surface::default().user);
    [DEDICATED, DEDICATED_SMALL]
        .into_iter()
        .map(|id| id - other)
        .find(|id| mapped("/proc/self/uid_map", *id) && mapped("/proc/self/gid_map", *id))
        // Root of a user namespace with few ids: an ordinary user outside.
        .map_or(Identity::Own, Identity::Dedicated)
}

fn mapped(map: &str, id: u32) -> bool {
    fs::read_to_string(map).is_ok_and(|text| text.lines().any(|line| holds(line, id)))
}

/// Whether a line of an id map (`user_namespaces(7)`: first inside, first outside, count) holds `id` inside.
fn holds(line: &str, id: u32) -> bool {
    let mut numbers = line.split_whitespace().filter_map(|number| number.parse::<u64>().ok());
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(first), Some(_), Some(count)) => (first..first + count).contains(&u64::from(id)),
        _ => false,
    }
}

/// Gives what the box may write, recursively, to the dedicated id. Links are not followed.
pub(super) fn hand_over(spec: &BoxSpec, identity: Identity) -> Result<(), NativeError> {
    let Identity::Dedicated(id) = identity else { return Ok(()) };
    for mount in &spec.mounts {
        match mount.access {
            Access::ReadOnly => {}
            Access::Writable | Access::Copied(_) => give(&mount.source, id)
                .map_err(|source| NativeError::Source { path: mount.source.clone(), source })?,
        }
    }
    Ok(())
}

fn give(path: &Path, id: u32) -> io::Result<()> {
    // The folder itself may be named by a link; what it holds is never followed.
    for entry in WalkDir::new(path.canonicalize()?).follow_root_links(false) {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.uid() != id || meta.gid() != id {
            lchown(entry.path(), Some(id), Some(id))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_map_line_holds_a_range() {
        assert!(holds("         0          0 4294967295", DEDICATED));
        assert!(holds("0 100000 65536", DEDICATED_SMALL));
        assert!(!holds("0 100000 65536", DEDICATED));
        assert!(!holds("0 1000 1", DEDICATED_SMALL));
        assert!(!holds("", 0));
    }
}
