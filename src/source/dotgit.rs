//! The `.git` that is made for an export: a commit's ancestry, the tags on it, an index, a fixed configuration.
//!
//! Nothing of the source's own `.git` is copied: no remote, no hook, no configuration, no other branch. The old
//! commits' trees are not there: `git log`, `git describe` and `git rev-list` work, showing old changes does not.
//! A submodule's holds its one commit, as a shallow clone of depth 1 does, and no tags.

use std::io;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::index::entry::{Flags, Mode as IndexMode, Stat, stat::Time};
use gix::objs::Kind;
use gix::{ObjectId, index};
use rayon::prelude::*;

use super::checkout::{Head, Member};
use super::error::SourceError;
use super::pack::PackWriter;
use super::reader::Reader;
use super::tree::Mode;
use super::write::{self, Bits};

/// `trustctime` and `checkStat`: the index knows size and time (seconds) of each file; owner, inode and device
/// differ from box to box. The rest keeps git from starting or writing anything by itself.
const CONFIG: &str = "[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = false
\ttrustctime = false
\tcheckStat = minimal
\tautocrlf = false
\tfsmonitor = false
\tuntrackedCache = false
\thooksPath = /dev/null
[gc]
\tauto = 0
[maintenance]
\tauto = false
[submodule]
\tactive = .
";

/// One line of the index.
pub(super) struct IndexLine {
    pub(super) path: gix::bstr::BString,
    pub(super) mode: Mode,
    pub(super) id: ObjectId,
    pub(super) size: u64,
}

/// A `.git` that is being written.
pub(super) struct DotGit<'a> {
    member: &'a Member,
    number: usize,
    folder: PathBuf,
    pack_file: PathBuf,
    pack: PackWriter,
    lines: Vec<IndexLine>,
}

impl<'a> DotGit<'a> {
    /// Starts `.git` in `root`, the folder of member `number`.
    pub(super) fn start(root: &Path, member: &'a Member, number: usize) -> io::Result<Self> {
        let folder = root.join(".git");
        for part in ["", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags", "info"]
        {
            write::folder(&folder.join(part))?;
        }
        let pack_file = folder.join("objects/pack/tmp.pack");
        let pack = PackWriter::new(write::create(&pack_file, Bits::Plain)?)?;
        Ok(Self { member, number, folder, pack_file, pack, lines: Vec::new() })
    }

    /// Adds a file of the export.
    pub(super) fn file(&mut self, line: IndexLine, content: &[u8]) -> io::Result<()> {
        if line.mode != Mode::Submodule {
            self.pack.add(line.id, Kind::Blob, content)?;
        }
        self.lines.push(line);
        Ok(())
    }

    /// Writes the rest. `members` are those of the checkout.
    pub(super) fn finish(mut self, members: &[Member], epoch: i64) -> Result<(), SourceError> {
        let io = |error| SourceError::io("write", &self.folder)(error);
        let commit = &self.member.commit;
        let reader = || Reader::new(members, None);
        let first = reader();
        let mut wanted: Vec<(ObjectId, Kind)> = Vec::new();
        let mut boundary: Vec<ObjectId> = Vec::new();
        let mut packed_refs = b"# pack-refs with: peeled fully-peeled sorted \n".to_vec();
        let mut reference = |id: ObjectId, name: &[&[u8]]| {
            packed_refs.extend_from_slice(format!("{id} ").as_bytes());
            packed_refs.extend_from_slice(&name.concat());
            packed_refs.push(b'\n');
        };
        if let Some(history) = &self.member.history {
            let objects = self.member.repo.objects();
            let commits = history.commits(&objects, commit.id)?;
            wanted.extend(commits.into_iter().map(|id| (id, Kind::Commit)));
            boundary.clone_from(&history.boundary);
            if let Head::Branch(name) = &self.member.head {
                reference(commit.id, &[name]);
            }
            for tag in &history.tags {
                let named = tag.objects.first().copied().unwrap_or(tag.commit);
                let peeled =
                    if tag.objects.is_empty() { String::new() } else { format!("\n^{}", tag.commit) };
                reference(named, &[b"refs/tags/", &tag.name, peeled.as_bytes()]);
                wanted.extend(tag.objects.iter().map(|id| (*id, Kind::Tag)));
            }
        } else {
            wanted.push((commit.id, Kind::Commit));
            let bytes = first.object(self.number, commit.id, Kind::Commit, &String::new)?;
            if super::history::parents(&bytes, commit.id.kind()).next().is_some() {
                boundary.push(commit.id);
            }
        }
        wanted.extend(commit.trees.iter().map(|(_, id)| (*id, Kind::Tree)));
        // What HEAD holds and the exported files do not: only where a dirty tree is built.
        wanted.extend(commit.entries.iter().filter_map(|entry| match entry.content {
            super::tree::Content::Blob(id) if !self.pack.has(&id) => Some((id, Kind::Blob)),
            _ => None,
        }));
        for chunk in wanted.chunks(4096) {
            let read = |reader: &mut Reader<'_>, (id, kind): &(ObjectId, Kind)| {
                reader.object(self.number, *id, *kind, &|| "of the history".to_owned())
            };
            let contents: Vec<Vec<u8>> =
                chunk.par_iter().with_min_len(512).map_init(reader, read).collect::<Result<_, _>>()?;
            for ((id, kind), content) in chunk.iter().zip(&contents) {
                self.pack.add(*id, *kind, content).map_err(io)?;
            }
        }
        let head = match &self.member.head {
            Head::Branch(name) => [b"ref: ", name.as_slice(), b"\n"].concat(),
            Head::Detached => format!("{}\n", commit.id).into_bytes(),
        };
        let mut files: Vec<(&str, Vec<u8>)> =
            vec![("HEAD", head), ("config", CONFIG.into()), ("packed-refs", packed_refs)];
        if !boundary.is_empty() {
            let lines: Vec<String> = boundary.iter().map(|id| format!("{id}\n")).collect();
            files.push(("shallow", lines.concat().into_bytes()));
        }
        let index = index_bytes(self.lines, commit.id.kind(), epoch)
            .map_err(|error| SourceError::git("the new index", &self.folder, error))?;
        files.push(("index", index));
        for (name, content) in files {
            write::file(&self.folder.join(name), &content, Bits::Plain).map_err(io)?;
        }
        let packs = self.folder.join("objects/pack");
        self.pack.finish(&self.pack_file, &packs, commit.id.kind()).map_err(io)?;
        for entry in walkdir::WalkDir::new(&self.folder).contents_first(true) {
            let entry = entry.map_err(|error| io(error.into()))?;
            // Files as old as the index would be "racily clean": git would read them all again (racy-git.txt).
            let later = i64::from(entry.depth() == 1 && entry.file_name() == "index");
            write::set_time(entry.path(), epoch + later).map_err(io)?;
        }
        Ok(())
    }
}

/// The bytes of an index in which each file has its size and the time `epoch`.
fn index_bytes(lines: Vec<IndexLine>, kind: gix::hash::Kind, epoch: i64) -> gix::Result<Vec<u8>> {
    let mut state = index::State::new(kind);
    // git compares the low 32 bits of both.
    let low = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
    let seconds = low(epoch.cast_unsigned());
    for line in lines {
        let mode = match line.mode {
            Mode::File | Mode::Folder => IndexMode::FILE,
            Mode::Executable => IndexMode::FILE_EXECUTABLE,
            Mode::Link => IndexMode::SYMLINK,
            Mode::Submodule => IndexMode::COMMIT,
        };
        let time = Time { secs: seconds, nsecs: 0 };
        let stat = Stat { mtime: time, ctime: time, size: low(line.size), ..Stat::default() };
        state.dangerously_push_entry(stat, line.id, Flags::empty(), mode, line.path.as_bstr());
    }
    state.sort_entries();
    let mut bytes = Vec::new();
    index::File::from_state(state, "index").write_to(&mut bytes, index::write::Options::default())?;
    Ok(bytes)
}
