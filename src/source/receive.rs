//! A repository made of a pack that a server sent.

use std::io::BufRead;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::error::SourceError;
use super::write;

/// What a bare repository needs to be one.
const FILES: [(&str, &str); 2] = [
    ("HEAD", "ref: refs/heads/main\n"),
    ("config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"),
];

/// Bytes of one object that are unpacked at most.
const LARGEST: usize = 2 << 30;

/// Makes a bare repository at `folder` (which is not there yet, or empty) that holds the objects of a pack and no reference.
/// Its index is made here: what an object is called is what its content hashes to, whatever the server says.
///
/// # Errors
/// The pack is damaged or incomplete, or the host fails.
pub fn receive(pack: &mut dyn BufRead, folder: &Path) -> Result<(), SourceError> {
    let io = |error| SourceError::io("write", folder)(error);
    for part in ["", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"] {
        let part = folder.join(part);
        if !part.is_dir() {
            write::folder(&part).map_err(io)?;
        }
    }
    for (name, text) in FILES {
        write::file(&folder.join(name), text.as_bytes(), write::Bits::Plain).map_err(io)?;
    }
    let options = gix_pack::bundle::write::Options { alloc_limit_bytes: Some(LARGEST), ..Default::default() };
    gix_pack::Bundle::write_to_directory(
        pack,
        Some(&folder.join("objects/pack")),
        &mut gix::progress::Discard,
        &AtomicBool::new(false),
        None::<gix::objs::find::Never>,
        gix::hash::Kind::Sha1,
        options,
    )
    .map_err(|error| SourceError::git("the pack that came", folder, error))?;
    Ok(())
}
