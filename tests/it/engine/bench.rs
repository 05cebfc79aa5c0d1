//! A small root tree for boxes (a skeleton, with the host's own `/usr` mounted read-only), and what runs
//! programs in it. Written against `&dyn Engine`: every engine passes the same suite.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sealwright::error::Fault;
use sealwright::event::{Cancel, Event, Reporter};
use sealwright::sandbox::native::NativeEngine;
use sealwright::sandbox::{Access, BoxSpec, Engine, Exit, Finished, Limits, Mount, Network, Surface};
use tempfile::TempDir;

use crate::context::program;

/// The Python of the host's `/usr`, with which most assertions from inside are written.
pub const PYTHON: &str = "/usr/bin/python3";

/// Keeps the log's lines.
#[derive(Default)]
pub struct Lines(pub Mutex<Vec<String>>);

impl Reporter for Lines {
    fn report(&self, event: Event) {
        if let Event::Log { line } = event {
            self.0.lock().unwrap().push(line);
        }
    }
}

/// An engine and something to run in it.
pub struct Bench {
    pub engine: Box<dyn Engine>,
    /// Holds all folders below.
    pub temp: TempDir,
    pub root: PathBuf,
    pub src: PathBuf,
    pub out: PathBuf,
}

impl Bench {
    /// The native engine, or why there is none.
    pub fn native() -> Result<Self, String> {
        if !Path::new("/bin").is_symlink() {
            return Err("this host's /bin is not in /usr: no root tree for tests".to_owned());
        }
        let bench = Self::untried();
        match bench.try_run(&bench.spec(&["/bin/true"])) {
            Ok(_) => Ok(bench),
            Err(fault) => Err(text(fault.as_ref())),
        }
    }

    /// The native engine, wherever we are.
    pub fn untried() -> Self {
        Self::with(Box::new(NativeEngine::new(program())))
    }

    fn with(engine: Box<dyn Engine>) -> Self {
        let temp = tempfile::Builder::new().prefix("box-").tempdir().unwrap();
        let folder = |name: &str| {
            let path = temp.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (root, src, out) = (folder("root"), folder("src"), folder("out"));
        for name in ["usr", "proc", "dev", "tmp", "run", "src", "out", "etc"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
            if Path::new("/").join(name).is_symlink() {
                symlink(format!("usr/{name}"), root.join(name)).unwrap();
            }
        }
        fs::write(src.join("given"), "given\n").unwrap();
        Self { engine, temp, root, src, out }
    }

    /// A box with `/src` and `/out` writable.
    pub fn spec(&self, argv: &[&str]) -> BoxSpec {
        let mount = |source: &Path, target: &str, access| Mount {
            source: source.to_owned(),
            target: target.parse().unwrap(),
            access,
        };
        BoxSpec {
            root: self.root.clone(),
            mounts: vec![
                mount(Path::new("/usr"), "/usr", Access::ReadOnly),
                mount(&self.src, "/src", Access::Writable),
                mount(&self.out, "/out", Access::Writable),
            ],
            argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
            env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            cwd: "/src".parse().unwrap(),
            network: Network::None,
            limits: Limits { wall: Duration::from_mins(2), ..Limits::default() },
            surface: Surface::default(),
        }
    }

    /// A box that runs a Python script with arguments.
    pub fn python_spec(&self, script: &str, arguments: &[&str]) -> BoxSpec {
        let mut argv = vec![PYTHON, "-I", "-S", "-B", "-c", script];
        argv.extend(arguments);
        self.spec(&argv)
    }

    pub fn try_run(&self, spec: &BoxSpec) -> Result<Finished, Box<dyn Fault>> {
        self.engine.run(spec, &Lines::default(), &Cancel::new())
    }

    #[track_caller]
    pub fn run(&self, spec: &BoxSpec) -> Finished {
        match self.try_run(spec) {
            Ok(finished) => finished,
            Err(fault) => panic!("{}", text(fault.as_ref())),
        }
    }

    /// Runs a shell's script to its end.
    #[track_caller]
    pub fn sh(&self, script: &str) -> (Exit, String) {
        let finished = self.run(&self.spec(&["/bin/sh", "-c", script]));
        (finished.exit, log(&finished))
    }

    /// Runs a Python script that has to end well, and gives what it printed.
    #[track_caller]
    pub fn python(&self, script: &str, arguments: &[&str]) -> String {
        let finished = self.run(&self.python_spec(script, arguments));
        let log = log(&finished);
        assert_eq!(finished.exit, Exit::Code(0), "{log}");
        log
    }
}

pub fn log(finished: &Finished) -> String {
    String::from_utf8(finished.log.bytes.clone()).unwrap()
}

/// An error with its causes and hints.
pub fn text(fault: &dyn Fault) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    format!("{text} {:?}", fault.hints())
}

/// The processes of this host whose command line holds `marker`.
pub fn processes_with(marker: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(marker)
        })
        .collect()
}

/// Waits until `check` holds; the time is only there so that a broken test ends.
#[track_caller]
pub fn until(what: &str, mut check: impl FnMut() -> bool) {
    let since = Instant::now();
    while !check() {
        assert!(since.elapsed() < Duration::from_mins(1), "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A number that no other process of this host has in its command line.
pub fn marker() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("9{:07}.{:03}", std::process::id(), count)
}
