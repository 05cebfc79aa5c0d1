//! Environments and the `python-build` scripts in the real box, with the host's own root file system as the image: the
//! host must hold a Python that a base image holds too.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::OnceLock;

use sealwright::builder::Builder;
use sealwright::digest::Sha256;
use sealwright::environment::{
    Environment, EnvironmentError, Purpose, Question, Workshop, ask_requires, builder_folder, ensure, mounts,
};
use sealwright::error::Fault;
use sealwright::event::{Cancel, Silent};
use sealwright::fetch::{
    DebianMirrors, Fetcher, MirrorSettings, NetConfig, Offline, PythonIndexes, Surroundings,
};
use sealwright::image::Image;
use sealwright::lock::{Distribution, Role};
use sealwright::name::{DebianRelease, Platform};
use sealwright::sandbox::native::NativeEngine;
use sealwright::sandbox::{Access, BoxSpec, Engine, Exit, Limits, Mount, Network, Surface};
use sealwright::store::{Store, TreeKind};
use sealwright::wheel::{PythonTarget, write_record};
use serde_json::json;
use tempfile::TempDir;

use crate::context;

/// A build backend that says what it sees, and complains if a hook ran before in its process.
const BACKEND: &str = include_str!("python/demo_backend.py");

struct Bench {
    folder: TempDir,
    store: Store,
    image: Image,
    target: PythonTarget,
    engine: NativeEngine,
    cancel: Cancel,
}

impl Bench {
    /// None, with the reason, if this host cannot play the image.
    fn new() -> Result<Self, String> {
        let release = DebianRelease::ALL.into_iter().find(|release| {
            let version = Path::new("/etc/debian_version");
            fs::read_to_string(version).is_ok_and(|text| {
                text.starts_with(if *release == DebianRelease::Bookworm { "12" } else { "13" })
            }) && Path::new(&format!("/usr/bin/python{}", release.python())).exists()
        });
        let (Some(release), Some(platform)) = (release, Platform::host()) else {
            return Err("this host is no Debian 12 or 13 with its Python".to_owned());
        };
        let folder = tempfile::Builder::new()
            .prefix("sealwright-test-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        let store = Store::open(&folder.path().join("store")).map_err(|error| error.to_string())?;
        Ok(Self {
            folder,
            store,
            image: Image { digest: Sha256::of("this host"), root: "/".into(), python: None },
            target: PythonTarget::debian(release, platform),
            engine: NativeEngine::new(context::program()),
            cancel: Cancel::new(),
        })
    }

    fn workshop(&self) -> Workshop<'_> {
        Workshop {
            store: &self.store,
            engine: &self.engine,
            image: &self.image,
            target: self.target,
            reporter: &Silent,
            cancel: &self.cancel,
        }
    }

    /// Puts a wheel of these files into the store.
    fn wheel(&self, name: &str, files: &[(&str, &str)]) -> Distribution {
        let info = format!("{name}-1.0.dist-info");
        let mut all: BTreeMap<String, String> = BTreeMap::from([
            (format!("{info}/WHEEL"), "Wheel-Version: 1.0\n".to_owned()),
            (format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")),
        ]);
        all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
        let listed =
            all.iter().map(|(path, text)| (path.clone(), (Sha256::of(text), text.len() as u64))).collect();
        all.insert(format!("{info}/RECORD"), write_record(&listed, &format!("{info}/RECORD")));
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, text) in all {
            zip.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let blob = self.store.insert(zip.finish().unwrap().into_inner().as_slice(), None).unwrap();
        Distribution {
            role: Role::Build,
            name: name.parse().unwrap(),
            version: "1.0".to_owned(),
            file: format!("{name}-1.0-py3-none-any.whl"),
            size: blob.size,
            sha256: blob.digest,
            required_by: vec!["build-system.requires".to_owned()],
        }
    }

    fn backend(&self) -> Environment {
        let pth = "import pathlib; pathlib.Path('/out/pth-ran').touch()\n";
        let wheel =
            self.wheel("demo", &[("demo_backend.py", BACKEND), ("demo.pth", pth), ("old.py", "print 1\n")]);
        ensure(&[wheel], Purpose::Build, self.workshop()).unwrap()
    }

    /// The frontend's environment, from the index that this host is configured with.
    fn tool(&self) -> Result<Environment, String> {
        static FETCHED: OnceLock<Result<(), String>> = OnceLock::new();
        let builder = Builder::built_in("python-build").unwrap();
        let from = Surroundings::of_process();
        let shared = Store::open(&context::shared_store()).unwrap();
        let fetched = FETCHED.get_or_init(|| {
            let settings = MirrorSettings::default();
            let text = |error: sealwright::fetch::FetchError| error.to_string();
            let net = NetConfig::load(&from).map_err(text)?;
            let indexes = PythonIndexes::load(&from).map_err(text)?;
            let mirrors = DebianMirrors::load(&settings, &from).map_err(text)?;
            Fetcher::new(&shared, net, indexes, mirrors, Offline::No)
                .distributions(
                    &builder.toolchain().distributions(Platform::LinuxAmd64),
                    &Silent,
                    &Cancel::new(),
                )
                .map_err(text)
        });
        fetched.clone()?;
        let tools = builder.toolchain().distributions(Platform::LinuxAmd64);
        for wheel in &tools {
            self.store.insert(shared.open_blob(&wheel.sha256).unwrap(), Some(wheel.sha256)).unwrap();
        }
        Ok(ensure(&tools, Purpose::Tool, self.workshop()).unwrap())
    }

    /// A project with this `build-system` table. Returns its folder.
    fn project(&self, name: &str, table: &str) -> std::path::PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("pyproject.toml"), format!("[build-system]\n{table}")).unwrap();
        folder
    }

    fn ask(
        &self,
        source: &Path,
        tool: &Environment,
        settings: &serde_json::Value,
    ) -> Result<BTreeMap<String, Vec<String>>, EnvironmentError> {
        let builder = Builder::built_in("python-build").unwrap();
        let settings = settings.as_object().cloned().unwrap_or_default();
        let question = Question {
            builder: &builder,
            build: &self.backend(),
            tool,
            cargo: None,
            source,
            folder: "/src".parse().unwrap(),
            epoch: context::COMMIT_EPOCH,
            distributions: &["sdist", "wheel"],
            config_settings: &settings,
            limits: Limits::default(),
        };
        let answers = ask_requires(&question, self.workshop())?;
        Ok(answers.into_iter().map(|hook| (hook.name, hook.requires)).collect())
    }

    /// Runs the build script. Returns its exit, its result, its log and the folder of its outputs.
    fn build(
        &self,
        source: &Path,
        tool: &Environment,
        request: &serde_json::Value,
    ) -> (Exit, serde_json::Value, String, std::path::PathBuf) {
        let builder = Builder::built_in("python-build").unwrap();
        let folder = builder_folder(&builder, &self.store).unwrap();
        let mut all = mounts([&self.backend(), tool], &folder).unwrap();
        let run = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        for (name, target) in [("out", "/out"), ("tmp", "/tmp"), ("home", "/home/build")] {
            fs::create_dir(run.join(name)).unwrap();
            all.push(Mount {
                source: run.join(name),
                target: target.parse().unwrap(),
                access: Access::Writable,
            });
        }
        all.push(Mount {
            source: source.to_owned(),
            target: "/src".parse().unwrap(),
            access: Access::Writable,
        });
        let spec = BoxSpec {
            root: self.image.root.clone(),
            mounts: all,
            argv: builder.build_command(request),
            env: builder.environment(context::COMMIT_EPOCH),
            cwd: "/src".parse().unwrap(),
            network: Network::None,
            limits: Limits::default(),
            surface: Surface::default(),
        };
        let finished = self.engine.run(&spec, &Silent, &self.cancel).unwrap();
        let log = String::from_utf8_lossy(&finished.log.bytes).into_owned();
        let result = fs::read(run.join("out/result.json")).unwrap_or_else(|error| panic!("{error}: {log}"));
        (finished.exit, serde_json::from_slice(&result).unwrap(), log, run.join("out/outputs"))
    }
}

const DEMO: &str = "requires = [\"demo\"]\nbuild-backend = \"demo_backend\"\n";

fn request(settings: &serde_json::Value) -> serde_json::Value {
    json!({ "source": "/src", "distributions": [], "config-settings": settings, "requires": {} })
}

#[test]
fn an_environment_is_the_same_in_every_store_and_runs_no_code_of_its_wheels() {
    let (bench, other) = match (Bench::new(), Bench::new()) {
        (Ok(bench), Ok(other)) => (bench, other),
        (Err(reason), _) | (_, Err(reason)) => skipped!("{reason}"),
    };
    let (first, second) = (bench.backend(), other.backend());
    assert_eq!(first.key, second.key);
    let digest = |bench: &Bench, key| bench.store.tree(TreeKind::Environment, key).unwrap().unwrap().digest;
    assert_eq!(digest(&bench, &first.key), digest(&other, &second.key));
    let python = bench.target.python;
    let cache = first.root.join(format!("lib/python{python}/site-packages/__pycache__"));
    let names: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let expected = format!("demo_backend.cpython-{}{}.pyc", python.major, python.minor);
    assert_eq!(names, [expected.as_str()], "a module of Python 2 has no byte code");
    let code = fs::read(cache.join(expected)).unwrap();
    assert_eq!(code[4..8], [1, 0, 0, 0], "unchecked hash (PEP 552)");
}

#[test]
fn hooks_are_asked_in_fresh_processes_that_cannot_import_the_frontend() {
    let bench = match Bench::new() {
        Ok(bench) => bench,
        Err(reason) => skipped!("{reason}"),
    };
    let tool = match bench.tool() {
        Ok(tool) => tool,
        Err(reason) => skipped!("no package index: {reason}"),
    };
    let source = bench.project("plain", DEMO);
    let answers = bench.ask(&source, &tool, &json!({})).unwrap();
    assert_eq!(answers["get_requires_for_build_sdist"], Vec::<String>::new());
    assert_eq!(answers["get_requires_for_build_wheel"], ["Zeta>1", "alpha"]);
    let error = bench.ask(&bench.project("crash", DEMO), &tool, &json!({ "crash": "yes" })).unwrap_err();
    assert_eq!(error.blame().exit_code(), 1);
    let EnvironmentError::Hook { log, .. } = error else { panic!("{error}") };
    assert!(log.contains("RuntimeError: the backend was told to crash"), "{log}");
    let missing = bench.project("missing", "requires = []\nbuild-backend = \"nowhere\"\n");
    let error = bench.ask(&missing, &tool, &json!({})).unwrap_err();
    assert!(error.to_string().contains("Backend 'nowhere' is not available"), "{error}");
}

#[test]
fn a_build_is_the_same_with_warm_and_with_new_interpreters() {
    let bench = match Bench::new() {
        Ok(bench) => bench,
        Err(reason) => skipped!("{reason}"),
    };
    let tool = match bench.tool() {
        Ok(tool) => tool,
        Err(reason) => skipped!("no package index: {reason}"),
    };
    let mut made = Vec::new();
    let warm = bench.project("warm", DEMO);
    // A backend in the source tree itself never shares an interpreter between hooks.
    let in_tree = bench.project("cold", &format!("{DEMO}backend-path = [\"backend\"]\n"));
    fs::create_dir(in_tree.join("backend")).unwrap();
    fs::write(in_tree.join("backend/demo_backend.py"), BACKEND).unwrap();
    for source in [&warm, &in_tree] {
        let (exit, result, log, outputs) = bench.build(source, &tool, &request(&json!({})));
        assert_eq!((exit, result["status"].as_str()), (Exit::Code(0), Some("built")), "{log}");
        assert_eq!(result["outputs"], json!(["demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"]));
        made.push(fs::read(outputs.join("demo-1.0-py3-none-any.whl")).unwrap());
    }
    assert_eq!(made[0], made[1]);
    let text = String::from_utf8(made.swap_remove(0)).unwrap();
    assert_eq!(text, format!("/tmp/build-via-sdist/demo-1.0 {} UTC C.UTF-8", context::COMMIT_EPOCH));
}

#[test]
fn a_backend_that_asks_for_what_is_not_locked_makes_the_lock_stale() {
    let bench = match Bench::new() {
        Ok(bench) => bench,
        Err(reason) => skipped!("{reason}"),
    };
    let tool = match bench.tool() {
        Ok(tool) => tool,
        Err(reason) => skipped!("no package index: {reason}"),
    };
    let (exit, result, log, _) =
        bench.build(&bench.project("stale", DEMO), &tool, &request(&json!({ "want": "absent>=1" })));
    assert_eq!(exit, Exit::Code(3), "{log}");
    assert_eq!(
        result,
        json!({
            "status": "stale",
            "hook": "get_requires_for_build_sdist",
            "requires": ["absent>=1"],
            "missing": [{ "requirement": "absent>=1", "installed": null }],
        })
    );
    let (exit, result, ..) =
        bench.build(&bench.project("fine", DEMO), &tool, &request(&json!({ "want": "demo<2" })));
    assert_eq!((exit, result["status"].as_str()), (Exit::Code(0), Some("built")));
    let (exit, result, log, _) =
        bench.build(&bench.project("crash", DEMO), &tool, &request(&json!({ "crash": "yes" })));
    assert_eq!((exit, result["status"].as_str()), (Exit::Code(1), Some("failed")));
    assert!(log.contains("RuntimeError: the backend was told to crash"), "{log}");
}
