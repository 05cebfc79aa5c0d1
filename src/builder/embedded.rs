//! The built-in builder folders, embedded in the program.

use super::BuilderFile;

macro_rules! folder {
    ($name:literal: $($path:literal),* $(,)?) => {
        vec![$(BuilderFile {
            path: $path.to_owned(),
            executable: false,
            bytes: include_bytes!(concat!("../../builders/", $name, "/", $path)).to_vec(),
        }),*]
    };
}

/// The files of a built-in builder, sorted by path; every one of its folder is listed here (a test compares).
pub(super) fn files(name: &str) -> Option<Vec<BuilderFile>> {
    match name {
        "bundle" => Some(folder!("bundle":
            "README.md",
            "box/build.py",
            "builder.toml",
        )),
        "pyinstaller" => Some(folder!("pyinstaller":
            "README.md",
            "box/build.py",
            "builder.toml",
            "toolchain.toml",
        )),
        "python-build" => Some(folder!("python-build":
            "README.md",
            "box/build.py",
            "box/hooks.py",
            "box/requires.py",
            "box/server.py",
            "builder.toml",
            "toolchain.toml",
        )),
        _ => None,
    }
}
