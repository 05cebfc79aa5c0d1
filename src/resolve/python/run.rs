//! One run of the resolver in its box.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::{PythonError, Request, Tools};
use crate::builder::{TOOL_ENVIRONMENT, box_environment};
use crate::event::{Event, Reporter};
use crate::fetch::Offline;
use crate::name::{PackageName, SandboxPath};
use crate::sandbox::{Access, BoxSpec, Exit, Finished, Limits, Mount, Network, Surface};

/// What the names of requirements files end with.
pub(super) const SUFFIX: &str = ".in";

/// What the resolver printed.
pub(super) struct Answer {
    /// `pylock.toml`
    pub(super) pylock: String,
    /// Requirements with annotations that say who asked.
    pub(super) annotated: String,
}

/// Its output is an error message when it fails, not a build's log.
struct Unheard<'a>(&'a dyn Reporter);

impl Reporter for Unheard<'_> {
    fn report(&self, event: Event) {
        match event {
            Event::Log { line } => tracing::debug!(target: "sealwright::resolve", "{line}"),
            other => self.0.report(other),
        }
    }
}

/// Runs the resolver over the requirements.
pub(super) fn uv(request: Request<'_>, tools: Tools<'_>) -> Result<Answer, PythonError> {
    let scratch = tools.store.scratch("resolve")?;
    let path = |name: &str| scratch.path().join(name);
    for name in ["src", "out", "tmp", "tmp/links"] {
        make(&path(name))?;
    }
    let files = write_requests(request, &path("src"))?;
    write_kept(request, &path("out"))?;
    let mut mounts = vec![
        mount(path("src"), "/src", Access::Writable),
        mount(path("out"), "/out", Access::Writable),
        mount(path("tmp"), "/tmp", Access::Writable),
        mount(tools.store.cache_folder("resolver")?, "/home/build", Access::Writable),
        mount(tools.resolver.to_owned(), TOOL_ENVIRONMENT, Access::ReadOnly),
    ];
    let mut env = box_environment();
    env.extend(tools.indexes.resolver_env(tools.net)?);
    host_links(&mut env, &mut mounts, &path("tmp"), tools)?;
    host_indexes(&mut env, &mut mounts, &path("tmp"), tools)?;
    built_links(&mut env, &mut mounts, &path("tmp"), request)?;
    host_network(&mut env, &mut mounts, &path("tmp"), tools)?;
    for (name, value) in [
        ("UV_CACHE_DIR", "/home/build/uv"),
        ("UV_NO_CONFIG", "1"),
        ("UV_NO_PROGRESS", "1"),
        ("UV_PYTHON_DOWNLOADS", "never"),
    ] {
        env.insert(name.to_owned(), value.to_owned());
    }
    if let Some(cutoff) = request.cutoff {
        env.insert("UV_EXCLUDE_NEWER".to_owned(), cutoff.to_owned());
    }
    if tools.offline == Offline::Yes {
        env.insert("UV_OFFLINE".to_owned(), "1".to_owned());
    }
    let python = tools.image.interpreter(request.python);
    // A variable for this is not read by `uv pip compile`.
    let no_index = if env.remove("UV_NO_INDEX").is_some() { " --no-index" } else { "" };
    let common = format!(
        "{TOOL_ENVIRONMENT}/bin/uv pip compile --python {python} --no-build --no-sources --no-header --color never \
         --quiet{no_index}{files}"
    );
    // Both forms at once; what the second says of a failure is heard if the first has none.
    let script = format!(
        "({common} --format requirements.txt --annotation-style line --output-file /out/annotated.txt >/dev/null \
         2>/out/annotated.log; echo $? >/out/annotated.code) & \
         {common} --generate-hashes --format pylock.toml --output-file /out/pylock.toml >/dev/null; code=$?; \
         wait; [ $code = 0 ] || exit $code; read -r code </out/annotated.code; \
         [ $code = 0 ] || cat /out/annotated.log >&2; exit $code"
    );
    let spec = BoxSpec {
        root: tools.image.root.clone(),
        mounts,
        argv: ["/bin/sh", "-c", &script].map(str::to_owned).to_vec(),
        env,
        cwd: at("/src"),
        network: Network::Host,
        limits: Limits { wall: Duration::from_mins(15), ..Limits::default() },
        surface: Surface::default(),
    };
    let unheard = Unheard(tools.reporter);
    let finished = tools.engine.run(&spec, &unheard, tools.cancel).map_err(PythonError::Engine)?;
    if finished.exit != Exit::Code(0) {
        return Err(failure(&finished, tools.offline));
    }
    let read = |name: &str| {
        let path = path("out").join(name);
        fs::read_to_string(&path).map_err(|source| PythonError::Io { doing: "read", path, source })
    };
    let answer = Answer { pylock: read("pylock.toml")?, annotated: read("annotated.txt")? };
    scratch.close()?;
    Ok(answer)
}

/// One requirements file for each asker, named after it. Returns their names.
fn write_requests(request: Request<'_>, folder: &Path) -> Result<String, PythonError> {
    let askers: BTreeSet<&str> = request.wanted.iter().map(|wanted| wanted.by.as_str()).collect();
    let mut names = String::new();
    for by in askers {
        let of_asker = request.wanted.iter().filter(|wanted| wanted.by == by);
        let lines: Vec<String> =
            of_asker.map(|wanted| wanted.requirement.replace(['\n', '\r'], " ")).collect();
        let name = format!("{by}{SUFFIX}");
        write(&folder.join(&name), &lines.join("\n"))?;
        let _ = write!(names, " {name}");
    }
    Ok(names)
}

/// What the resolver finds where its output goes: versions that it prefers, and leaves if they do not fit any more.
fn write_kept(request: Request<'_>, folder: &Path) -> Result<(), PythonError> {
    if request.keep.is_empty() {
        return Ok(());
    }
    let mut pylock = "lock-version = \"1.0\"\ncreated-by = \"sealwright\"\n".to_owned();
    let mut annotated = String::new();
    for kept in request.keep {
        let _ = write!(pylock, "[[packages]]\nname = \"{}\"\nversion = {:?}\n", kept.name, kept.version);
        let _ = writeln!(annotated, "{}=={}", kept.name, kept.version);
    }
    write(&folder.join("pylock.toml"), &pylock)?;
    write(&folder.join("annotated.txt"), &annotated)
}

/// Folders of the host that serve distributions, seen below `/tmp/links`.
fn host_links(
    env: &mut BTreeMap<String, String>,
    mounts: &mut Vec<Mount>,
    tmp: &Path,
    tools: Tools<'_>,
) -> Result<(), PythonError> {
    let Some(links) = env.get("UV_FIND_LINKS").cloned() else { return Ok(()) };
    let mut places: Vec<String> = links.split(',').map(str::to_owned).collect();
    for (index, path) in tools.indexes.host_paths().enumerate() {
        let shown = path.display().to_string();
        if !path.exists() {
            places.retain(|place| *place != shown);
            continue;
        }
        let inside = format!("/tmp/links/{index}");
        let point = tmp.join("links").join(index.to_string());
        if path.is_dir() {
            make(&point)?;
        } else {
            write(&point, "")?;
        }
        mounts.push(mount(path.to_owned(), &inside, Access::ReadOnly));
        for place in places.iter_mut().filter(|place| **place == shown) {
            place.clone_from(&inside);
        }
    }
    if places.is_empty() {
        env.remove("UV_FIND_LINKS");
    } else {
        env.insert("UV_FIND_LINKS".to_owned(), places.join(","));
    }
    Ok(())
}

/// Folders of the host that are indexes, seen below `/tmp/links`. By custom the pages are in `simple` and the files beside
/// it: then the box sees the folder around both.
fn host_indexes(
    env: &mut BTreeMap<String, String>,
    mounts: &mut Vec<Mount>,
    tmp: &Path,
    tools: Tools<'_>,
) -> Result<(), PythonError> {
    for (number, folder) in tools.indexes.index_folders().enumerate() {
        let name = format!("index-{number}");
        let inside = format!("/tmp/links/{name}");
        let (seen, below) = match (folder.file_name(), folder.parent()) {
            (Some(last), Some(parent)) if last == "simple" => (parent.to_owned(), "simple/"),
            _ => (folder.clone(), ""),
        };
        if !seen.is_dir() {
            continue;
        }
        make(&tmp.join("links").join(&name))?;
        mounts.push(mount(seen, &inside, Access::ReadOnly));
        let Ok(url) = Url::from_directory_path(&folder) else { continue };
        for variable in ["UV_INDEX", "UV_DEFAULT_INDEX"] {
            let Some(places) = env.get_mut(variable) else { continue };
            let moved = places.split(' ').map(|place| match place {
                place if place == url.as_str() => format!("file://{inside}/{below}"),
                place => place.to_owned(),
            });
            *places = moved.collect::<Vec<_>>().join(" ");
        }
    }
    Ok(())
}

/// Wheels that were built here, seen in a folder of their own.
fn built_links(
    env: &mut BTreeMap<String, String>,
    mounts: &mut Vec<Mount>,
    tmp: &Path,
    request: Request<'_>,
) -> Result<(), PythonError> {
    const FOLDER: &str = "built";
    if request.built.is_empty() {
        return Ok(());
    }
    let folder = tmp.join("links").join(FOLDER);
    make(&folder)?;
    for built in request.built {
        write(&folder.join(&built.file), "")?;
        let inside = format!("/tmp/links/{FOLDER}/{}", built.file);
        mounts.push(mount(built.path.clone(), &inside, Access::ReadOnly));
    }
    let places = env.entry("UV_FIND_LINKS".to_owned()).or_default();
    if !places.is_empty() {
        places.push(',');
    }
    places.push_str("/tmp/links/");
    places.push_str(FOLDER);
    Ok(())
}

/// What a program needs to find hosts and to trust them.
fn host_network(
    env: &mut BTreeMap<String, String>,
    mounts: &mut Vec<Mount>,
    tmp: &Path,
    tools: Tools<'_>,
) -> Result<(), PythonError> {
    for path in ["/etc/resolv.conf", "/etc/hosts"] {
        // A link to a file elsewhere, as systemd-resolved makes it, is followed here: the box sees the file.
        if let Ok(real) = fs::canonicalize(path) {
            mounts.push(mount(real, path, Access::ReadOnly));
        }
    }
    if let Some(real) = tools.net.ca_bundle().and_then(|bundle| fs::canonicalize(bundle).ok()) {
        write(&tmp.join("ca.pem"), "")?;
        mounts.push(mount(real, "/tmp/ca.pem", Access::ReadOnly));
        env.insert("SSL_CERT_FILE".to_owned(), "/tmp/ca.pem".to_owned());
    }
    Ok(())
}

/// Why the resolver failed, by what it printed. It exits with 1 when no versions fit and with 2 otherwise.
fn failure(finished: &Finished, offline: Offline) -> PythonError {
    let text = String::from_utf8_lossy(&finished.log.bytes);
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let line = line.trim();
            let line = line.strip_prefix("error: ").or_else(|| line.strip_prefix("cause: ")).unwrap_or(line);
            line.trim_end_matches('.').to_owned()
        })
        .filter(|line| !line.is_empty() && !line.starts_with("hint: "))
        .take(12)
        .collect();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let network = ["Failed to fetch", "error sending request", "Request failed", "HTTP status"];
    // What came is no page, or no wheel: nothing that the project could ask for otherwise.
    let broken = ["Received some unexpected", "has an invalid package format"];
    // An index that refuses looks to the resolver like one that has nothing, but for a hint.
    let refused = ["(401 Unauthorized)", "403 Forbidden"];
    match finished.exit {
        Exit::Code(1 | 2)
            if offline == Offline::Yes
                && says(&["network was disabled", "offline", "Network connectivity is disabled"]) =>
        {
            PythonError::Offline
        }
        Exit::Code(2) if says(&network) => PythonError::Index { lines },
        Exit::Code(1 | 2) if says(&broken) => PythonError::Index { lines },
        Exit::Code(1) if says(&refused) => PythonError::Index {
            lines: hints(&text).filter(|hint| refused.iter().any(|word| hint.contains(word))).collect(),
        },
        Exit::Code(1) => PythonError::Unsolvable { lines, needs_wheels: needs_wheels(&text) },
        exit @ (Exit::Code(_) | Exit::Signal(_) | Exit::LimitHit(_)) => PythonError::Resolver { exit, lines },
    }
}

/// The projects of which only sdists would fit, as the resolver's hints name them.
fn needs_wheels(text: &str) -> Vec<PackageName> {
    let project = |hint: String| {
        let rest = hint.strip_prefix("Wheels are required for `")?;
        rest.split_once('`')?.0.parse().ok()
    };
    let mut names: Vec<PackageName> = hints(text).filter_map(project).collect();
    names.sort();
    names.dedup();
    names
}

/// The resolver's hints. What it says of credentials is in them.
fn hints(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("hint: "))
        .map(|hint| hint.trim_end_matches('.').to_owned())
}

fn make(path: &Path) -> Result<(), PythonError> {
    fs::create_dir_all(path).map_err(|source| PythonError::Io {
        doing: "make",
        path: path.to_owned(),
        source,
    })
}

fn write(path: &Path, text: &str) -> Result<(), PythonError> {
    fs::write(path, text).map_err(|source| PythonError::Io { doing: "write", path: path.to_owned(), source })
}

fn mount(source: PathBuf, target: &str, access: Access) -> Mount {
    Mount { source, target: at(target), access }
}

fn at(path: &str) -> SandboxPath {
    path.parse().expect("a constant: absolute, without `..`")
}
