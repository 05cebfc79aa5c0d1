//! Passphrases typed on a real terminal: asked for there, never echoed, and the terminal left as it was.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

use crate::adversarial::WHEEL;
use crate::context::{Project, program};

/// A hang is a failure; nothing here takes as long.
const PATIENCE: Duration = Duration::from_mins(2);

/// The program on a terminal of its own, and whoever sits at it.
struct Call {
    child: Child,
    keyboard: File,
    /// Held open: the terminal's settings are looked at after the program has ended.
    terminal: OwnedFd,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// How much of it was waited for.
    read: usize,
}

impl Call {
    /// Starts the program. `setsid --ctty` makes its standard input the terminal that `/dev/tty` is.
    fn start(project: &Project, arguments: &[&str], stderr: Option<Stdio>) -> Self {
        let pair = openpty(None, None).unwrap();
        let terminal = || Stdio::from(pair.slave.try_clone().unwrap());
        let child = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(program())
            .args(arguments)
            .current_dir(project.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", project.home())
            .env("SEALWRIGHT_STORE", project.store())
            .env("TERM", "xterm")
            .stdin(terminal())
            .stdout(terminal())
            .stderr(stderr.unwrap_or_else(terminal))
            .spawn()
            .unwrap();
        let (sender, screen) = channel();
        let mut reader = File::from(pair.master.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard: pair.master.into(),
            terminal: pair.slave,
            screen,
            seen: String::new(),
            read: 0,
        }
    }

    /// Waits until a text is on the screen, after what was waited for before.
    fn see(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen[self.read..].find(text) {
                self.read += at + text.len();
                return self;
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("{text:?} is not on the screen ({error}): {:?}", self.seen),
            }
        }
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        assert!(!self.echoes(), "what is typed now is shown");
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON)
    }

    /// Waits for the end; gives the exit code and all that was on the screen.
    fn end(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end: {:?}", self.seen);
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(self.echoes(), "the terminal is left without an echo: {:?}", self.seen);
        // What the program wrote is on the screen when what is written now is.
        File::from(self.terminal.try_clone().unwrap()).write_all(b"[the end]").unwrap();
        self.see("[the end]");
        (status.code(), self.seen)
    }
}

fn no_setsid() -> bool {
    !Command::new("setsid").arg("--version").output().is_ok_and(|output| output.status.success())
}

const NEW: &str = "passphrase of the new key (empty for none): ";

/// A project with a statement to sign, and an encrypted key `typed.key`, made at a terminal.
fn with_typed_key() -> Project {
    let project = crate::sign::unsigned();
    let mut call = Call::start(&project, &["keygen", "--output-prefix", "typed"], None);
    // What is wiped out with backspace and Ctrl-U was not typed.
    call.see(NEW).press("nonsense\u{15}correct horsx\u{7f}e\r");
    call.see("again: ").press("correct horse\r");
    let (code, screen) = call.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("typed.key  private key, encrypted"), "{screen}");
    for word in ["nonsense", "correct", "horse"] {
        assert!(!screen.contains(word), "{screen}");
    }
    project
}

#[test]
fn a_passphrase_is_typed_twice_for_a_new_key_and_once_to_sign() {
    if no_setsid() {
        skipped!("there is no setsid");
    }
    let project = with_typed_key();
    let statement = format!("provenance/{WHEEL}.intoto.jsonl");
    let sign = ["sign", &statement, "--key", "typed.key"];
    let mut call = Call::start(&project, &sign, None);
    call.see("passphrase of typed.key: ").press("correct horse\n");
    let (code, screen) = call.end();
    assert!(code == Some(0) && screen.contains("signed by SHA256:") && !screen.contains("horse"), "{screen}");
    // Standard error elsewhere: the question is on the terminal all the same.
    let log = File::create(project.join("log")).unwrap();
    let mut call = Call::start(&project, &sign, Some(log.into()));
    call.see("passphrase of typed.key: ").press("wrong\n");
    let (code, screen) = call.end();
    assert!(code == Some(2) && !screen.contains("wrong"), "{screen}");
    assert!(project.read("log").contains("the passphrase is wrong or the key is damaged"));
}

#[test]
fn two_passphrases_that_differ_make_no_key() {
    if no_setsid() {
        skipped!("there is no setsid");
    }
    let project = Project::new();
    let mut call = Call::start(&project, &["keygen"], None);
    call.see(NEW).press("one\r");
    call.see("again: ").press("two\r");
    let (code, screen) = call.end();
    assert!(code == Some(2) && screen.contains("the two passphrases differ"), "{screen}");
    assert!(project.names("").is_empty());
    let mut call = Call::start(&project, &["keygen"], None);
    call.see(NEW).press("\r");
    let (code, screen) = call.end();
    assert!(code == Some(0) && screen.contains("without a passphrase"), "{screen}");
}

#[test]
fn ctrl_c_and_signals_end_the_question_and_put_the_echo_back() {
    if no_setsid() {
        skipped!("there is no setsid");
    }
    let project = Project::new();
    let mut call = Call::start(&project, &["keygen"], None);
    call.see(NEW).press("half\u{3}");
    assert_eq!(call.end().0, Some(130));
    let mut call = Call::start(&project, &["keygen"], None);
    call.see(NEW);
    kill(Pid::from_raw(call.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(call.end().0, Some(143));
    assert!(project.names("").is_empty());
}

/// The live display of a build and a question do not get into each other's way.
#[test]
fn a_build_asks_for_the_passphrase_of_its_key() {
    if no_setsid() {
        skipped!("there is no setsid");
    }
    let key = with_typed_key();
    let project = Project::copy_of("examples/hello").host_indexes().git();
    // The store is filled by a build that has this host's indexes.
    project.run(&["build", "--locked", "--outdir", "../home/one"]).code(0);
    std::fs::copy(key.join("typed.key"), project.home().join("typed.key")).unwrap();
    let arguments =
        ["build", "--locked", "--offline", "--outdir", "../home/two", "--key", "../home/typed.key"];
    let mut call = Call::start(&project, &arguments, None);
    call.see("passphrase of ../home/typed.key: ").press("correct horse\r");
    let (code, screen) = call.end();
    assert!(code == Some(0) && screen.contains("signed by SHA256:") && !screen.contains("horse"), "{screen}");
}
