//! Small files that a box wrote beside its outputs: what its script says of its end.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The bytes of a regular file of at most `limit` bytes, written by a box that has ended: nothing changes it any
/// more. A link, a device or a larger file is an error of kind [`ErrorKind::InvalidData`].
///
/// # Errors
/// There is none, it is not such a file, or the host fails.
pub fn read_foreign(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let metadata = path.symlink_metadata()?;
    if !metadata.is_file() || metadata.len() > limit {
        return Err(io::Error::new(ErrorKind::InvalidData, "not a regular file of a usual size"));
    }
    fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_large_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let link = folder.path().join("link");
        fs::write(&file, "four").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read_foreign(&file, 4).unwrap(), b"four");
        for (path, limit) in [(&file, 3), (&link, 4)] {
            assert_eq!(read_foreign(path, limit).unwrap_err().kind(), ErrorKind::InvalidData);
        }
        assert_eq!(read_foreign(&folder.path().join("none"), 4).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
