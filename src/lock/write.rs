//! Writing a lock's text: canonical, byte-stable, one line for each package and file.

use std::fmt::Write as _;

use super::{
    AssembledImage, Distribution, HookRequires, ImageContent, Lock, LockedCrate, LockedImage, LockedLayer,
    LockedPackage, LockedRequirements, LockedSdist, LockedSuite, LockedTarget, LockedWheel, PulledImage,
    Role, VERSION,
};
use crate::digest::Sha256;

const HEAD: &str = "\
# What builds of this project may use, by digest: base images, packages, build requirements, tools.
# Written by `sealwright lock`: commit it, do not edit it.
";

impl Lock {
    /// The canonical text: equal locks give equal bytes, and `Lock::parse` of it gives an equal lock.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lock = self.clone();
        lock.sort();
        let mut text = format!("{HEAD}version = {VERSION}\n");
        for image in &lock.images {
            write_image(&mut text, image);
        }
        for wheel in &lock.wheels {
            write_wheel(&mut text, wheel);
        }
        for target in &lock.targets {
            write_target(&mut text, target);
        }
        text
    }

    /// The digest of the canonical text.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.to_text())
    }
}

fn write_image(text: &mut String, image: &LockedImage) {
    text.push_str("\n[[image]]\n");
    pair(text, "reference", &quoted(&image.reference.to_string()));
    pair(text, "platform", &quoted(&image.platform.to_string()));
    pair(text, "digest", &quoted(&image.digest.to_string()));
    match &image.content {
        ImageContent::Assembled(AssembledImage { recipe, include, suites, packages }) => {
            pair(text, "recipe", &recipe.to_string());
            list(text, "include", include.iter().map(|name| quoted(name)));
            list(text, "suites", suites.iter().map(suite));
            list(text, "packages", packages.iter().map(package));
        }
        ImageContent::Pulled(PulledImage { index, size, python, glibc, layers }) => {
            if let Some(index) = index {
                pair(text, "index", &quoted(&index.to_string()));
            }
            pair(text, "size", &size.to_string());
            pair(text, "python", &quoted(python));
            pair(text, "glibc", &quoted(glibc));
            list(text, "layers", layers.iter().map(layer));
        }
    }
}

fn write_wheel(text: &mut String, wheel: &LockedWheel) {
    let LockedWheel { name, version, platform, python, image, sdist, file, size, sha256, .. } = wheel;
    let LockedSdist { file: sdist_file, size: sdist_size, sha256: sdist_sha256 } = sdist;
    text.push_str("\n[[wheel]]\n");
    pair(text, "name", &quoted(name.as_str()));
    pair(text, "version", &quoted(version));
    pair(text, "platform", &quoted(&platform.to_string()));
    pair(text, "python", &quoted(&python.to_string()));
    pair(text, "image", &quoted(&image.to_string()));
    let sdist = [
        ("file", quoted(sdist_file)),
        ("size", sdist_size.to_string()),
        ("sha256", quoted(&sdist_sha256.to_string())),
    ];
    pair(text, "sdist", &inline(&sdist));
    pair(text, "file", &quoted(file));
    pair(text, "size", &size.to_string());
    pair(text, "sha256", &quoted(&sha256.to_string()));
    write_needs(text, &wheel.requires, &wheel.hooks, &wheel.crates, &wheel.distributions);
}

fn write_target(text: &mut String, target: &LockedTarget) {
    text.push_str("\n[[target]]\n");
    pair(text, "name", &quoted(target.name.as_str()));
    pair(text, "platform", &quoted(&target.platform.to_string()));
    pair(text, "python", &quoted(&target.python.to_string()));
    pair(text, "image", &quoted(&target.image.to_string()));
    if !target.requirements.is_empty() {
        list(text, "requirements", target.requirements.iter().map(requirements));
    }
    for (key, values) in [("extras", &target.extras), ("groups", &target.groups)] {
        if !values.is_empty() {
            pair(text, key, &strings(values));
        }
    }
    write_needs(text, &target.requires, &target.hooks, &target.crates, &target.distributions);
}

fn write_needs(
    text: &mut String,
    requires: &[String],
    hooks: &[HookRequires],
    crates: &[LockedCrate],
    distributions: &[Distribution],
) {
    list(text, "requires", requires.iter().map(|requirement| quoted(requirement)));
    list(text, "hooks", hooks.iter().map(hook));
    if !crates.is_empty() {
        list(text, "crates", crates.iter().map(one_crate));
    }
    list(text, "distributions", distributions.iter().map(distribution));
}

fn layer(layer: &LockedLayer) -> String {
    let LockedLayer { digest, size, media_type } = layer;
    inline(&[
        ("digest", quoted(&digest.to_string())),
        ("size", size.to_string()),
        ("media-type", quoted(media_type)),
    ])
}

fn requirements(file: &LockedRequirements) -> String {
    let LockedRequirements { file, format, sha256 } = file;
    inline(&[("file", quoted(file)), ("format", quoted(format)), ("sha256", quoted(&sha256.to_string()))])
}

fn one_crate(one: &LockedCrate) -> String {
    let LockedCrate { name, version, file, size, sha256, required_by } = one;
    inline(&[
        ("name", quoted(name)),
        ("version", quoted(version)),
        ("file", quoted(file)),
        ("size", size.to_string()),
        ("sha256", quoted(&sha256.to_string())),
        ("required-by", strings(required_by)),
    ])
}

fn suite(suite: &LockedSuite) -> String {
    let LockedSuite { name, archive, date } = suite;
    inline(&[("name", quoted(name)), ("archive", quoted(archive)), ("date", quoted(date))])
}

fn package(package: &LockedPackage) -> String {
    let LockedPackage { name, version, arch, size, sha256, path, suite } = package;
    inline(&[
        ("name", quoted(name)),
        ("version", quoted(version)),
        ("arch", quoted(arch)),
        ("size", size.to_string()),
        ("sha256", quoted(&sha256.to_string())),
        ("path", quoted(path)),
        ("suite", quoted(suite)),
    ])
}

fn hook(hook: &HookRequires) -> String {
    let HookRequires { name, requires } = hook;
    inline(&[("name", quoted(name)), ("requires", strings(requires))])
}

fn distribution(file: &Distribution) -> String {
    let Distribution { role, name, version, file, size, sha256, required_by } = file;
    inline(&[
        ("role", quoted(role.as_str())),
        ("name", quoted(name.as_str())),
        ("version", quoted(version)),
        ("file", quoted(file)),
        ("size", size.to_string()),
        ("sha256", quoted(&sha256.to_string())),
        ("required-by", strings(required_by)),
    ])
}

impl Role {
    /// As the lock and statements write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Runtime => "runtime",
            Self::Tool => "tool",
        }
    }
}

fn pair(text: &mut String, key: &str, value: &str) {
    for part in [key, " = ", value, "\n"] {
        text.push_str(part);
    }
}

/// One line for each entry, so that a diff shows entries; an empty list on one line.
fn list(text: &mut String, key: &str, entries: impl Iterator<Item = String>) {
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return pair(text, key, "[]");
    }
    text.push_str(key);
    text.push_str(" = [\n");
    for entry in entries {
        for part in ["    ", &entry, ",\n"] {
            text.push_str(part);
        }
    }
    text.push_str("]\n");
}

fn inline(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

fn strings(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("[{}]", values.join(", "))
}

/// A basic string (TOML 1.0, "String"): always with double quotes, so that equal values are equal bytes.
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for sign in value.chars() {
        match sign {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            sign if sign.is_control() => {
                let _ = write!(text, "\\u{:04X}", u32::from(sign));
            }
            sign => text.push(sign),
        }
    }
    text.push('"');
    text
}
