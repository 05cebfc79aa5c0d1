//! The Python of an image that somebody else made: found, and asked in the box what it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::PulledError;
use crate::event::{Cancel, Silent};
use crate::image::error::{EngineError, at};
use crate::image::{Image, ImageError};
use crate::name::{PythonVersion, SandboxPath};
use crate::sandbox::{Access, BoxSpec, Engine, Exit, Limits, Mount, Network, Surface};
use crate::store::Store;

const SCRIPT: &str = include_str!("interpreter.py");
/// Where programs are looked for when the image's configuration does not say.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Bytes of the answer.
const LIMIT: u64 = 1 << 16;
/// The newest minor version whose name is looked for.
const NEWEST: u8 = 30;

/// The interpreter of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Its absolute path in the image.
    pub path: String,
    /// Its version.
    pub python: PythonVersion,
    /// The version of the C library that it runs on: `2.36`.
    pub glibc: String,
}

#[derive(Deserialize)]
struct Answer {
    implementation: String,
    version: (u8, u8),
    libc: Option<String>,
    soabi: Option<String>,
    no_gil: bool,
    own: bool,
}

/// Finds the Python of an image, and asks it in the box what it is. `path` is the `PATH` of the image's configuration,
/// `asked` the version that the user wants, if any.
///
/// # Errors
/// There is none, or it does not run, or it is none that wheels are installed for here; or the engine failed.
pub fn find_python(
    image: &Image,
    reference: &str,
    path: Option<&str>,
    asked: Option<PythonVersion>,
    store: &Store,
    engine: &dyn Engine,
    cancel: &Cancel,
) -> Result<Interpreter, ImageError> {
    let folders: Vec<&str> =
        path.unwrap_or(PATH).split(':').filter(|folder| folder.starts_with('/')).collect();
    let mut names = vec!["python3".to_owned(), "python".to_owned()];
    names.extend((8..=NEWEST).rev().map(|minor| format!("python3.{minor}")));
    if let Some(asked) = asked {
        // The image's usual one may be another than the one that is wanted.
        names.insert(0, format!("python{asked}"));
    }
    let candidates =
        names.iter().flat_map(|name| folders.iter().map(move |folder| format!("{folder}/{name}")));
    let found = candidates
        .filter(|path| path.parse::<SandboxPath>().is_ok())
        .find(|path| is_program(&image.root, path));
    let Some(python) = found else {
        let asked = folders.iter().map(|folder| format!("{folder}/python3")).collect();
        return Err(PulledError::NoPython { image: reference.to_owned(), asked }.into());
    };
    let answer = ask(image, reference, &python, store, engine, cancel)?;
    let unfit = |found: String, expected| {
        ImageError::from(PulledError::Unfit {
            image: reference.to_owned(),
            python: python.clone(),
            found,
            expected,
        })
    };
    let version = PythonVersion { major: answer.version.0, minor: answer.version.1 };
    if answer.implementation != "cpython" {
        return Err(unfit(format!("an interpreter named {}", answer.implementation), "CPython"));
    }
    if version < (PythonVersion { major: 3, minor: 8 }) {
        return Err(unfit(format!("of version {version}"), "Python 3.8 or newer"));
    }
    if answer.no_gil {
        return Err(unfit("a free-threaded build".to_owned(), "a build with the GIL"));
    }
    if !answer.own {
        return Err(unfit(
            "that of a virtual environment".to_owned(),
            "the interpreter that it was made with, first in the image's PATH",
        ));
    }
    let glibc = answer.libc.as_deref().and_then(|text| text.strip_prefix("glibc ")).map(str::trim);
    let Some(glibc) = glibc.and_then(release) else {
        let musl = answer.soabi.as_deref().is_some_and(|abi| abi.contains("musl"));
        let found = if musl || answer.libc.is_none() {
            "built for musl (Alpine's C library)"
        } else {
            "built for an unknown C library"
        };
        return Err(unfit(found.to_owned(), "one built for glibc, which manylinux wheels need"));
    };
    if let Some(asked) = asked.filter(|asked| *asked != version) {
        let (image, found) = (reference.to_owned(), version);
        return Err(PulledError::OtherPython { image, python, found, asked }.into());
    }
    let expected =
        "a program that also has a name with its version, pythonX.Y, beside it or where it leads to";
    let path = exact_name(&image.root, &python, version)
        .ok_or_else(|| unfit(format!("a program of version {version} without one of its names"), expected))?;
    Ok(Interpreter { path, python: version, glibc })
}

/// The name of the same program that says its version: beside it, or what it leads to. A lock holds that one.
fn exact_name(root: &Path, python: &str, version: PythonVersion) -> Option<String> {
    let (folder, _) = python.rsplit_once('/')?;
    let of_python = real(root, python)?;
    let beside = format!("{folder}/python{version}");
    if real(root, &beside).is_some_and(|path| path == of_python) {
        return Some(beside);
    }
    let path = format!("/{}", of_python.to_str()?);
    path.ends_with(&format!("/python{version}")).then_some(path)
}

/// `2.36` of `2.36` or `2.36.9000`.
fn release(text: &str) -> Option<String> {
    let mut parts = text.split('.');
    let mut number = || parts.next()?.parse::<u16>().ok();
    Some(format!("{}.{}", number()?, number()?))
}

fn ask(
    image: &Image,
    reference: &str,
    python: &str,
    store: &Store,
    engine: &dyn Engine,
    cancel: &Cancel,
) -> Result<Answer, ImageError> {
    let scratch = store.scratch("python")?;
    let out = scratch.folder("out")?;
    // The box's user is another one if we are root; the folder above is the store's, which only we can enter.
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).map_err(at(&out))?;
    let path = |text: &str| {
        text.parse::<SandboxPath>().map_err(|error| at(Path::new(text))(std::io::Error::other(error)))
    };
    let spec = BoxSpec {
        root: image.root.clone(),
        mounts: vec![Mount { source: out.clone(), target: path("/out")?, access: Access::Writable }],
        argv: [python, "-I", "-S", "-B", "-W", "ignore", "-c", SCRIPT].map(str::to_owned).to_vec(),
        env: BTreeMap::from([("LANG".to_owned(), "C.UTF-8".to_owned())]),
        cwd: path("/")?,
        network: Network::None,
        limits: Limits { wall: Duration::from_mins(2), log: 1 << 20, ..Limits::default() },
        surface: Surface::default(),
    };
    let finished = engine
        .run(&spec, &Silent, cancel)
        .map_err(|source| ImageError::Engine { what: "Python", source: EngineError(source) })?;
    let broken = |problem: String| PulledError::Broken {
        image: reference.to_owned(),
        python: python.to_owned(),
        problem,
        log: String::from_utf8_lossy(&finished.log.bytes).into_owned(),
    };
    match finished.exit {
        Exit::Code(0) => {}
        Exit::Code(code) => return Err(broken(format!("it ended with status {code}")).into()),
        Exit::Signal(signal) => return Err(broken(format!("it was killed by signal {signal}")).into()),
        Exit::LimitHit(limit) => return Err(broken(format!("it hit the limit of {limit:?}")).into()),
    }
    let file = out.join("answer.json");
    let metadata = fs::symlink_metadata(&file).map_err(|_| broken("it gave no answer".to_owned()))?;
    if !metadata.is_file() || metadata.len() > LIMIT {
        return Err(broken("it gave no answer".to_owned()).into());
    }
    let answer = serde_json::from_slice(&fs::read(&file).map_err(at(&file))?)
        .map_err(|error| broken(format!("its answer cannot be read: {error}")))?;
    scratch.close()?;
    Ok(answer)
}

fn is_program(root: &Path, path: &str) -> bool {
    let metadata = real(root, path).and_then(|path| fs::symlink_metadata(root.join(path)).ok());
    metadata.is_some_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The path below `root` that a path in the image leads to, every link followed as a box with that root does: never by
/// the host, where an absolute link would lead to the host's files.
fn real(root: &Path, path: &str) -> Option<PathBuf> {
    let mut todo: Vec<std::ffi::OsString> = Vec::new();
    let push = |todo: &mut Vec<std::ffi::OsString>, path: &Path| {
        todo.extend(path.components().rev().map(|part| part.as_os_str().to_owned()));
    };
    push(&mut todo, Path::new(path));
    let mut real = PathBuf::new();
    let mut links = 0;
    while let Some(part) = todo.pop() {
        match Path::new(&part).components().next()? {
            Component::RootDir | Component::Prefix(_) => real = PathBuf::new(),
            Component::CurDir => {}
            Component::ParentDir => {
                real.pop();
            }
            Component::Normal(name) => {
                let next = real.join(name);
                if let Ok(target) = fs::read_link(root.join(&next)) {
                    links += 1;
                    if links > 40 {
                        return None;
                    }
                    push(&mut todo, &target);
                } else {
                    real = next;
                }
            }
        }
    }
    Some(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_of_the_image_are_followed_in_the_image() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("usr/bin")).unwrap();
        fs::write(at("usr/bin/python3.12"), "").unwrap();
        fs::set_permissions(at("usr/bin/python3.12"), fs::Permissions::from_mode(0o555)).unwrap();
        symlink("/usr/bin", at("bin")).unwrap();
        symlink("python3.12", at("usr/bin/python3")).unwrap();
        symlink("../../../../usr/bin/python3", at("usr/bin/python")).unwrap();
        symlink("/bin/sh", at("usr/bin/sh")).unwrap();
        symlink("round", at("round")).unwrap();
        for path in ["/bin/python3", "/usr/bin/python", "/usr/bin/python3.12"] {
            assert_eq!(real(root.path(), path), Some(PathBuf::from("usr/bin/python3.12")), "{path}");
            assert!(is_program(root.path(), path));
        }
        // The host has one.
        assert!(!is_program(root.path(), "/usr/bin/sh"));
        assert_eq!(real(root.path(), "/round"), None);
    }

    #[test]
    fn the_c_library_is_told_by_two_numbers() {
        assert_eq!(release("2.36"), Some("2.36".to_owned()));
        assert_eq!(release("2.17.2"), Some("2.17".to_owned()));
        assert_eq!(release("2"), None);
    }
}
