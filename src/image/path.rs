//! Paths of packages: checked, and mapped to the merged `/usr`.

/// Folders of the root that are links into `/usr` (Debian's merged `/usr`; recipe 1).
pub(super) const MERGED: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"];

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It is absolute, or has `..` in it.
    #[error("the path leads out of the image")]
    Out,
    /// Bytes that are not UTF-8, or control characters.
    #[error("the path has characters that no package needs")]
    Characters,
    /// A relative link that climbs above the root.
    #[error("the link leads out of the image")]
    LinkOut,
}

/// A path of a package's tar file as a path below the image's root: no `./`, no trailing `/`, no `..`, mapped to the
/// merged `/usr`. The root itself is the empty text.
pub(super) fn place(raw: &[u8]) -> Result<String, BadPath> {
    let text = str::from_utf8(raw).map_err(|_| BadPath::Characters)?;
    if text.chars().any(char::is_control) {
        return Err(BadPath::Characters);
    }
    if text.starts_with('/') {
        return Err(BadPath::Out);
    }
    let mut path = String::with_capacity(text.len() + 4);
    for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            return Err(BadPath::Out);
        }
        if path.is_empty() && MERGED.contains(&part) {
            path.push_str("usr");
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
    }
    Ok(path)
}

/// Whether a tar path is one of the links that merge `/usr`, as base-files of Debian 13 ships them; the recipe makes
/// these itself.
pub(super) fn is_merging_link(raw: &[u8], target: &str) -> bool {
    let text = str::from_utf8(raw).unwrap_or_default();
    let name = text.trim_start_matches("./").trim_end_matches('/');
    MERGED.contains(&name) && target.trim_start_matches('/').strip_prefix("usr/") == Some(name)
}

/// The target of a symbolic link at `place`, as text. In the image an absolute one starts at the image's root; a
/// relative one may not climb above it.
pub(super) fn link_target(place: &str, raw: &[u8]) -> Result<String, BadPath> {
    let text = str::from_utf8(raw).map_err(|_| BadPath::Characters)?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(BadPath::Characters);
    }
    let mut depth = if text.starts_with('/') { 0 } else { place.split('/').count() - 1 };
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => depth = depth.checked_sub(1).ok_or(BadPath::LinkOut)?,
            _ => depth += 1,
        }
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_mapped_to_the_merged_usr() {
        assert_eq!(place(b"./"), Ok(String::new()));
        assert_eq!(place(b"./bin/sh"), Ok("usr/bin/sh".to_owned()));
        assert_eq!(place(b"lib64/"), Ok("usr/lib64".to_owned()));
        assert_eq!(place(b"./usr/lib//x"), Ok("usr/lib/x".to_owned()));
        assert_eq!(place(b"./library/x"), Ok("library/x".to_owned()));
        assert!(is_merging_link(b"./lib64", "usr/lib64"));
        assert!(!is_merging_link(b"./lib64", "usr/lib"));
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        assert_eq!(place(b"../x"), Err(BadPath::Out));
        assert_eq!(place(b"./a/../../x"), Err(BadPath::Out));
        assert_eq!(place(b"/etc/x"), Err(BadPath::Out));
        assert_eq!(place(b"a\nb"), Err(BadPath::Characters));
        assert_eq!(place(b"a\xff"), Err(BadPath::Characters));
        assert_eq!(link_target("usr/bin/x", b"../../../etc/passwd"), Err(BadPath::LinkOut));
        assert_eq!(link_target("usr/bin/x", b"../../etc/passwd"), Ok("../../etc/passwd".to_owned()));
        assert_eq!(link_target("usr/bin/x", b"/../etc"), Err(BadPath::LinkOut));
        assert_eq!(link_target("usr/bin/x", b"/run/lock"), Ok("/run/lock".to_owned()));
    }
}
