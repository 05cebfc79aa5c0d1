//! Programs that images come from: Debian's registry, a Docker Engine, skopeo; each started here and ended by its own id.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where a program is: Debian has some where only root looks.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/bin"]);
    let found = folders.map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("no {name} here (tests/setup.sh installs it as root)"))
}

/// Runs skopeo, and gives what it prints.
pub fn skopeo(arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new(program("skopeo")?).args(["--insecure-policy"]).args(arguments).output();
    let output = output.map_err(|error| error.to_string())?;
    assert!(output.status.success(), "skopeo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, since a Docker Engine has to end what it started itself.
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(process: &mut Running, what: &str, log: &Path, ready: impl Fn() -> bool) -> Result<(), String> {
    let until = Instant::now() + Duration::from_mins(1);
    while Instant::now() < until {
        if ready() {
            return Ok(());
        }
        if let Ok(Some(status)) = process.0.try_wait() {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(3).collect();
            return Err(format!("{what} ended with {status}: {}", last.join(" / ")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("{what} is not ready after a minute"))
}

/// Debian's `docker-registry`, on a port of its own.
pub struct DebianRegistry {
    _process: Running,
    port: u16,
}

impl DebianRegistry {
    /// Starts it over a folder, which it makes.
    pub fn start(folder: &Path) -> Result<Self, String> {
        let program = program("docker-registry")?;
        std::fs::create_dir_all(folder).unwrap();
        // A port that was free a moment ago; another process may take it, and then the registry ends at once.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.join(format!("config-{port}.yml"));
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            folder.join("data").display()
        );
        std::fs::write(&config, text).unwrap();
        let log = folder.join(format!("log-{port}"));
        let output = std::fs::File::create(&log).unwrap();
        let child = Command::new(program)
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut process = Running(child);
        wait(&mut process, "docker-registry", &log, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { _process: process, port })
    }

    /// `127.0.0.1:PORT/REST`
    pub fn name(&self, rest: &str) -> String {
        format!("127.0.0.1:{}/{rest}", self.port)
    }
}

/// A Docker Engine of the test's own: its data, its socket, no network of its own making.
pub struct Dockerd {
    process: Option<Running>,
    folder: PathBuf,
}

impl Dockerd {
    /// Starts it, as root only.
    pub fn start(folder: &Path) -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("not root: a Docker Engine of the test's own needs it".to_owned());
        }
        let program = program("dockerd")?;
        std::fs::create_dir_all(folder).unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        let log = folder.join("log");
        let output = std::fs::File::create(&log).unwrap();
        let child = Command::new(program)
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["-H", &format!("unix://{}", at("socket")), "--iptables=false", "--bridge=none"])
            // Overlay on overlay fails in containers; this works everywhere.
            .args(["--storage-driver", "vfs"])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut process = Running(child);
        let socket = folder.join("socket");
        wait(&mut process, "dockerd", &log, || std::os::unix::net::UnixStream::connect(&socket).is_ok())?;
        let made = Self { process: Some(process), folder: folder.to_owned() };
        // The socket is there a little before the engine is.
        let until = Instant::now() + Duration::from_mins(1);
        while Instant::now() < until {
            if made.docker(&["version"]).is_ok() {
                return Ok(made);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("dockerd does not answer after a minute".to_owned())
    }

    /// `unix://…`
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.join("socket").display())
    }

    /// Runs Docker's own client.
    pub fn docker(&self, arguments: &[&str]) -> Result<String, String> {
        let client =
            ["/usr/bin/docker", "/usr/local/bin/docker"].into_iter().find(|path| Path::new(path).is_file());
        let output = Command::new(client.ok_or("no docker client here")?)
            .args(["-H", &self.host()])
            .args(arguments)
            .env("DOCKER_CONFIG", self.folder.join("client"))
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(format!("docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.process = None;
        // What an engine mounts on its own data goes with it; a mount that stayed keeps the folder.
        for name in ["data", "exec"] {
            let _ = std::fs::remove_dir_all(self.folder.join(name));
        }
    }
}
