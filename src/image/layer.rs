//! Layers: the tar file of a tree's entries, made the same way each time it is wanted.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::ImageError;
use super::error::at;
use super::oci::{Descriptor, LAYER};
use super::rootfs::{Entries, Node, TIME};
use crate::digest::HashingWriter;

/// The digest and size of the layer, without writing it anywhere.
pub(super) fn describe(root: &Path, entries: &Entries) -> Result<Descriptor, ImageError> {
    let mut hashing = HashingWriter::new(io::sink());
    write(root, entries, &mut hashing)?;
    let (_, digest, size) = hashing.finish();
    Ok(Descriptor { media_type: LAYER.to_owned(), digest: digest.to_oci(), size })
}

/// Writes the layer: entries in sorted order, owner 0:0 without names, one time. Names longer than a header has
/// room for use GNU's extension.
pub(super) fn write(root: &Path, entries: &Entries, to: &mut dyn Write) -> Result<(), ImageError> {
    let mut builder = tar::Builder::new(io::BufWriter::with_capacity(1 << 18, to));
    for (path, node) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(node.mode());
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(TIME.unsigned_abs());
        header.set_size(0);
        let place = root.join(path);
        let written = match node {
            Node::Folder | Node::Shared => {
                header.set_entry_type(tar::EntryType::Directory);
                builder.append_data(&mut header, format!("{path}/"), io::empty())
            }
            Node::File(size) | Node::Program(size) => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(*size);
                let file = File::open(&place).map_err(at(&place))?;
                builder.append_data(&mut header, path, Exactly { file, left: *size })
            }
            Node::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                append_link(&mut builder, &mut header, path, target)
            }
            Node::Same(first) => {
                header.set_entry_type(tar::EntryType::Link);
                append_link(&mut builder, &mut header, path, first)
            }
        };
        written.map_err(at(&place))?;
    }
    let mut inner = builder.into_inner().map_err(at(root))?;
    inner.flush().map_err(at(root))
}

/// `Builder::append_link` would clean the target's path (`a//b`, `./a`); what a package wrote stays as it is.
fn append_link(
    builder: &mut tar::Builder<impl Write>,
    header: &mut tar::Header,
    path: &str,
    target: &str,
) -> io::Result<()> {
    if header.set_link_name_literal(target).is_ok() {
        builder.append_data(header, path, io::empty())
    } else {
        builder.append_link(header, path, target)
    }
}

/// Reads exactly so many bytes: a file that became shorter is an error, not a layer that cannot be read.
struct Exactly {
    file: File,
    left: u64,
}

impl io::Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.file.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it was"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
