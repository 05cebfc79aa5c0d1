//! The tree that layers make together, in memory: nothing of the host is touched while they are laid over each other.
//!
//! Every name is looked up in this tree alone, links too, as in a box whose root it is: no path and no link of a layer
//! leads out of it. image-spec, "layer changesets", says what whiteouts do.

use std::collections::BTreeMap;

use super::error::Refusal;

/// Links that are followed for one path, as the kernel does.
const LINKS: usize = 40;

/// Folders below each other: links could make a path longer than any layer writes, and than the host takes.
const DEPTH: usize = 256;

/// A name in a folder.
pub(super) type Name = Box<[u8]>;

/// What a layer says of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its components: no empty one, no `.` or `..`. Empty for the root.
    pub(super) path: Vec<Name>,
    /// What is there.
    pub(super) what: What,
}

/// What a layer has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A folder with its time, seconds since 1970.
    Folder(i64),
    /// A file whose content is this one of the image's.
    File(Content),
    /// A symbolic link, to this.
    Link(Box<[u8]>),
    /// Another name of a file or a link.
    Same(Vec<Name>),
    /// Nothing of the layers below is there any more.
    Gone,
    /// Nothing of the layers below is in this folder any more.
    Opaque,
}

/// Which of the files that were unpacked aside: layer and number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Content {
    pub(super) layer: u32,
    pub(super) number: u32,
}

/// What is at a path when all layers are laid over each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Folder(Folder),
    File(Content),
    Link(Box<[u8]>),
}

/// A folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Folder {
    /// Seconds since 1970, if a layer says.
    pub(super) time: Option<i64>,
    pub(super) entries: BTreeMap<Name, Node>,
}

/// The whole tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) root: Folder,
}

impl Tree {
    /// Lays a layer over what is there. On a refusal, the number of the member is told.
    pub(super) fn apply(&mut self, members: &[Member]) -> Result<(), (usize, Refusal)> {
        // Whiteouts are of the layers below and never hide what is in their own layer, whatever comes first.
        for (number, member) in members.iter().enumerate() {
            match member.what {
                What::Gone => self.remove(&member.path),
                What::Opaque => self.empty(&member.path),
                What::Folder(_) | What::File(_) | What::Link(_) | What::Same(_) => Ok(()),
            }
            .map_err(|refusal| (number, refusal))?;
        }
        for (number, Member { path, what }) in members.iter().enumerate() {
            match what {
                What::Gone | What::Opaque => Ok(()),
                What::Folder(time) => self.folder(path, *time),
                What::File(content) => self.put(path, Node::File(*content)),
                What::Link(target) => self.put(path, Node::Link(target.clone())),
                What::Same(first) => self.same(path, first),
            }
            .map_err(|refusal| (number, refusal))?;
        }
        Ok(())
    }

    fn remove(&mut self, path: &[Name]) -> Result<(), Refusal> {
        let Some((name, above)) = path.split_last() else { return Ok(()) };
        if let Some(folder) = self.existing(above)? {
            folder.entries.remove(name);
        }
        Ok(())
    }

    fn empty(&mut self, path: &[Name]) -> Result<(), Refusal> {
        if let Some(folder) = self.existing(path)? {
            folder.entries.clear();
        }
        Ok(())
    }

    fn folder(&mut self, path: &[Name], time: i64) -> Result<(), Refusal> {
        let Some((name, above)) = path.split_last() else {
            self.root.time = Some(time);
            return Ok(());
        };
        let entries = &mut self.made(above)?.entries;
        match entries.get_mut(name) {
            Some(Node::Folder(folder)) => folder.time = Some(time),
            // An upper layer's folder takes the place of a file or a link, even of one that leads to a folder.
            Some(Node::File(_) | Node::Link(_)) | None => {
                let folder = Folder { time: Some(time), entries: BTreeMap::new() };
                entries.insert(name.clone(), Node::Folder(folder));
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &[Name], node: Node) -> Result<(), Refusal> {
        let (name, above) = path.split_last().ok_or(Refusal::Root)?;
        self.made(above)?.entries.insert(name.clone(), node);
        Ok(())
    }

    fn same(&mut self, path: &[Name], first: &[Name]) -> Result<(), Refusal> {
        let (name, above) = first.split_last().ok_or(Refusal::LinkToNothing)?;
        // The last part is not followed: a hard link to a symbolic link is that link (link(2)).
        let found = match self.existing(above)?.and_then(|folder| folder.entries.get(name)) {
            None => return Err(Refusal::LinkToNothing),
            Some(Node::Folder(_)) => return Err(Refusal::LinkToFolder),
            Some(node @ (Node::File(_) | Node::Link(_))) => node.clone(),
        };
        self.put(path, found)
    }

    /// The folder at a path, links followed, if there is one.
    fn existing(&mut self, path: &[Name]) -> Result<Option<&mut Folder>, Refusal> {
        let real = self.real(path)?;
        let mut folder = &mut self.root;
        for name in &real {
            match folder.entries.get_mut(name) {
                Some(Node::Folder(next)) => folder = next,
                Some(Node::File(_) | Node::Link(_)) | None => return Ok(None),
            }
        }
        Ok(Some(folder))
    }

    /// The folder at a path, links followed, made with those above it if it is not there.
    fn made(&mut self, path: &[Name]) -> Result<&mut Folder, Refusal> {
        let real = self.real(path)?;
        let mut folder = &mut self.root;
        for name in real {
            match folder.entries.entry(name).or_insert_with(|| Node::Folder(Folder::default())) {
                Node::Folder(next) => folder = next,
                Node::File(_) | Node::Link(_) => return Err(Refusal::BelowFile),
            }
        }
        Ok(folder)
    }

    /// The path with every link in it followed, in this tree: `/` is the tree's root, and so is `..` of it.
    fn real(&self, path: &[Name]) -> Result<Vec<Name>, Refusal> {
        let mut todo: Vec<Name> = path.iter().rev().cloned().collect();
        let mut real: Vec<Name> = Vec::with_capacity(path.len());
        // The folders of `real`, as long as there are such in the tree.
        let mut folders: Vec<Option<&Folder>> = vec![Some(&self.root)];
        let mut links = 0;
        while let Some(name) = todo.pop() {
            match &*name {
                b"" | b"." => continue,
                b".." => {
                    if real.pop().is_some() {
                        folders.pop();
                    }
                    continue;
                }
                _ => {}
            }
            let node = folders.last().copied().flatten().and_then(|folder| folder.entries.get(&name));
            if let Some(Node::Link(target)) = node {
                links += 1;
                if links > LINKS {
                    return Err(Refusal::Loop);
                }
                if target.starts_with(b"/") {
                    real.clear();
                    folders.truncate(1);
                }
                todo.extend(target.split(|byte| *byte == b'/').rev().map(Name::from));
                continue;
            }
            folders.push(match node {
                Some(Node::Folder(folder)) => Some(folder),
                Some(Node::File(_) | Node::Link(_)) | None => None,
            });
            real.push(name);
            if real.len() > DEPTH {
                return Err(Refusal::Path);
            }
        }
        Ok(real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Name> {
        text.split('/').filter(|part| !part.is_empty()).map(|part| Name::from(part.as_bytes())).collect()
    }

    fn file(text: &str, number: u32) -> Member {
        Member { path: path(text), what: What::File(Content { layer: 0, number }) }
    }

    fn link(text: &str, target: &str) -> Member {
        Member { path: path(text), what: What::Link(target.as_bytes().into()) }
    }

    fn other(text: &str, what: What) -> Member {
        Member { path: path(text), what }
    }

    /// Every path, a folder with `/`, a link with `->`.
    fn shown(folder: &Folder, above: &str, list: &mut Vec<String>) {
        for (name, node) in &folder.entries {
            let path = format!("{above}{}", String::from_utf8_lossy(name));
            match node {
                Node::Folder(below) => {
                    list.push(format!("{path}/"));
                    shown(below, &format!("{path}/"), list);
                }
                Node::File(content) => list.push(format!("{path} {}", content.number)),
                Node::Link(target) => list.push(format!("{path} -> {}", String::from_utf8_lossy(target))),
            }
        }
    }

    fn tree(layers: Vec<Vec<Member>>) -> Result<Vec<String>, Refusal> {
        let mut tree = Tree::default();
        for layer in layers {
            tree.apply(&layer).map_err(|(_, refusal)| refusal)?;
        }
        let mut list = Vec::new();
        shown(&tree.root, "", &mut list);
        Ok(list)
    }

    #[test]
    fn whiteouts_hide_what_is_below_and_nothing_of_their_own_layer() {
        let below = || vec![file("a/x", 1), file("a/y", 2), file("b/z", 3)];
        let layers = vec![below(), vec![other("a/x", What::Gone), other("b", What::Gone)]];
        assert_eq!(tree(layers).unwrap(), ["a/", "a/y 2"]);
        let layers = vec![below(), vec![file("a/n", 4), other("a", What::Opaque), other("a/n", What::Gone)]];
        assert_eq!(tree(layers).unwrap(), ["a/", "a/n 4", "b/", "b/z 3"]);
        // Of what is not there.
        let layers = vec![vec![other("q/r", What::Gone), other("q", What::Opaque), other("", What::Gone)]];
        assert_eq!(tree(layers).unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn links_are_followed_in_the_tree_and_never_out_of_it() {
        let layers = vec![
            vec![other("usr/lib", What::Folder(0)), link("lib", "usr/lib")],
            vec![file("lib/x", 1), link("out", "../../../../etc"), file("out/passwd", 2), link("up", "/..")],
            vec![file("up/top", 3)],
        ];
        assert_eq!(
            tree(layers).unwrap(),
            [
                "etc/",
                "etc/passwd 2",
                "lib -> usr/lib",
                "out -> ../../../../etc",
                "top 3",
                "up -> /..",
                "usr/",
                "usr/lib/",
                "usr/lib/x 1"
            ]
        );
        assert_eq!(tree(vec![vec![link("a", "b"), link("b", "a"), file("a/x", 1)]]), Err(Refusal::Loop));
        assert_eq!(tree(vec![vec![file("a", 1), file("a/x", 2)]]), Err(Refusal::BelowFile));
        let deep = "d/".repeat(200);
        let layers =
            vec![vec![file(&format!("{deep}x"), 1), link("l", &deep), file(&format!("l/{deep}y"), 2)]];
        assert_eq!(tree(layers), Err(Refusal::Path));
    }

    #[test]
    fn upper_entries_take_the_place_of_lower_ones() {
        let layers = vec![
            vec![file("a/x", 1), file("b", 2), link("c", "a"), file("d/y", 3)],
            vec![
                file("a", 4),
                other("b", What::Folder(7)),
                other("c", What::Folder(8)),
                other("d", What::Folder(9)),
            ],
        ];
        assert_eq!(tree(layers).unwrap(), ["a 4", "b/", "c/", "d/", "d/y 3"]);
    }

    #[test]
    fn hard_links_are_to_files_of_this_layer_or_one_below() {
        let same = |text: &str, first: &str| other(text, What::Same(path(first)));
        let layers =
            vec![vec![file("a", 1), link("l", "a")], vec![same("b", "a"), same("m", "l"), file("a", 2)]];
        assert_eq!(tree(layers).unwrap(), ["a 2", "b 1", "l -> a", "m -> a"]);
        assert_eq!(tree(vec![vec![same("b", "a")]]), Err(Refusal::LinkToNothing));
        assert_eq!(tree(vec![vec![same("b", "")]]), Err(Refusal::LinkToNothing));
        assert_eq!(tree(vec![vec![file("d/x", 1), same("b", "d")]]), Err(Refusal::LinkToFolder));
        assert_eq!(tree(vec![vec![file("a", 1), same("", "a")]]), Err(Refusal::Root));
    }
}
