//! Recipe 1's fixed steps: what packages' scripts would have made, and what a box needs to stand on.

use std::fmt::Write as _;

use super::rootfs::{Node, Rootfs};
use super::unpack::Unpacked;
use super::{ImageError, ImageInputs};

/// Folders that a box mounts something on, or that programs expect.
const FOLDERS: [&str; 16] = [
    "boot", "dev", "env", "etc", "home", "mnt", "opt", "out", "proc", "root", "run", "src", "srv", "sys",
    "usr/bin", "usr/lib",
];

/// Names that `update-alternatives` would have made: the link, and what it leads to beside it. Made where the program is
/// there and the name is free, in this order.
const ALTERNATIVES: [(&str, &str); 16] = [
    ("usr/bin/sh", "dash"),
    ("usr/bin/sh", "bash"),
    ("usr/bin/awk", "gawk"),
    ("usr/bin/awk", "mawk"),
    ("usr/bin/nawk", "gawk"),
    ("usr/bin/nawk", "mawk"),
    ("usr/bin/cc", "gcc"),
    ("usr/bin/cc", "clang"),
    ("usr/bin/c++", "g++"),
    ("usr/bin/c++", "clang++"),
    ("usr/bin/c89", "c89-gcc"),
    ("usr/bin/c99", "c99-gcc"),
    ("usr/bin/which", "which.debianutils"),
    ("usr/bin/pager", "more"),
    ("usr/bin/lzma", "xz"),
    ("usr/bin/unlzma", "xz"),
];

/// The box's user, whatever the host's is.
const USER: &str = "build";

/// Makes everything that recipe 1 adds to the packages' files.
pub(super) fn apply(
    rootfs: &mut Rootfs,
    inputs: &ImageInputs,
    unpacked: &[Unpacked],
) -> Result<(), ImageError> {
    for folder in FOLDERS {
        rootfs.folder(folder, Node::Folder)?;
    }
    for folder in ["tmp", "var/tmp"] {
        rootfs.folder(folder, Node::Shared)?;
    }
    rootfs.folder(&format!("home/{USER}"), Node::Folder)?;
    for name in super::path::MERGED {
        let needed = matches!(name, "bin" | "sbin" | "lib");
        if needed {
            rootfs.folder(&format!("usr/{name}"), Node::Folder)?;
        }
        if needed || rootfs.get(&format!("usr/{name}")).is_some() {
            rootfs.link(name, &format!("usr/{name}"))?;
        }
    }
    users(rootfs)?;
    etc(rootfs)?;
    for (name, target) in ALTERNATIVES {
        let beside =
            name.rsplit_once('/').map_or(target.to_owned(), |(folder, _)| format!("{folder}/{target}"));
        if rootfs.resolves(&beside) {
            rootfs.link(name, target)?;
        }
    }
    dpkg(rootfs, inputs, unpacked)
}

/// `/etc/passwd` and its kind: base-passwd's masters and the box's user.
fn users(rootfs: &mut Rootfs) -> Result<(), ImageError> {
    let passwd = rootfs.read("usr/share/base-passwd/passwd.master")?.unwrap_or_else(|| {
        "root:*:0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
            .to_owned()
    });
    let group = rootfs
        .read("usr/share/base-passwd/group.master")?
        .unwrap_or_else(|| "root:*:0:\nnogroup:*:65534:\n".to_owned());
    // `*` in the password's place becomes `x`: look in shadow, where no password will ever match.
    let passwd =
        passwd.replace(":*:", ":x:") + USER + ":x:1000:1000:" + USER + ":/home/" + USER + ":/bin/bash\n";
    let group = group.replace(":*:", ":x:") + USER + ":x:1000:\n";
    let mut shadow = String::new();
    for name in passwd.lines().filter_map(|line| line.split(':').next()) {
        // 10957 days after 1970 is 2000-01-01, the image's time.
        let _ = writeln!(shadow, "{name}:*:10957:0:99999:7:::");
    }
    rootfs.file("etc/passwd", passwd.as_bytes())?;
    rootfs.file("etc/group", group.as_bytes())?;
    rootfs.file("etc/shadow", shadow.as_bytes())
}

fn etc(rootfs: &mut Rootfs) -> Result<(), ImageError> {
    let nsswitch = match rootfs.read("usr/share/libc-bin/nsswitch.conf")? {
        Some(text) => Some(text),
        None => rootfs.read("usr/share/base-files/nsswitch.conf")?,
    };
    let nsswitch = nsswitch
        .unwrap_or_else(|| "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n".to_owned());
    rootfs.file("etc/nsswitch.conf", nsswitch.as_bytes())?;
    rootfs.file("etc/hostname", b"sealwright\n")?;
    rootfs
        .file("etc/hosts", b"127.0.0.1 localhost sealwright\n::1 localhost ip6-localhost ip6-loopback\n")?;
    // Empty: there is no network. A place to mount the host's on, for the one box that has one.
    rootfs.file("etc/resolv.conf", b"")?;
    rootfs.file("etc/machine-id", b"")?;
    rootfs.file("etc/timezone", b"Etc/UTC\n")?;
    if rootfs.resolves("usr/share/zoneinfo/Etc/UTC") {
        rootfs.link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")?;
    }
    if let Some(text) = rootfs.read("usr/share/base-files/profile")? {
        rootfs.file("etc/profile", text.as_bytes())?;
    }
    rootfs.file("etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n")?;
    rootfs.link("var/run", "/run")?;
    rootfs.link("etc/mtab", "../proc/self/mounts")
}

/// dpkg's own records, so that `dpkg -l`, `dpkg -L` and scanners of images say what is in it. The packages are
/// recorded as installed: their scripts did not run, and this recipe stands in for them.
fn dpkg(rootfs: &mut Rootfs, inputs: &ImageInputs, unpacked: &[Unpacked]) -> Result<(), ImageError> {
    let mut status = String::new();
    rootfs.file("var/lib/dpkg/info/format", b"1\n")?;
    for (package, unpacked) in inputs.packages.iter().zip(unpacked) {
        let paragraph = unpacked.control.paragraph.trim();
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        for line in paragraph.lines() {
            status.push_str(line);
            status.push('\n');
            if line.starts_with("Package:") {
                status.push_str("Status: install ok installed\n");
            }
        }
        status.push('\n');
        let stem = match field("Multi-Arch") {
            Some("same") => format!("var/lib/dpkg/info/{}:{}", package.name, package.arch),
            Some(_) | None => format!("var/lib/dpkg/info/{}", package.name),
        };
        let list = unpacked.list.join("\n") + "\n";
        rootfs.file(&format!("{stem}.list"), list.as_bytes())?;
        if let Some(sums) = &unpacked.control.md5sums {
            rootfs.file(&format!("{stem}.md5sums"), sums)?;
        }
    }
    rootfs.file("var/lib/dpkg/status", status.as_bytes())
}
