//! Where a passphrase comes from: a descriptor, the variable `SEALWRIGHT_PASSPHRASE`, or the terminal without an echo.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::stat::Mode;
use nix::sys::termios::{self, LocalFlags, SetArg};
use signal_hook::consts::SIGINT;
use zeroize::Zeroizing;

use super::session::Session;
use crate::event::Cancel;
use crate::sign::{Passphrase, SignError};

/// The variable.
const VARIABLE: &str = "SEALWRIGHT_PASSPHRASE";

/// A passphrase is no longer.
const LONGEST: u64 = 64 * 1024;

/// The one that is given without asking anybody.
pub(super) fn given(descriptor: Option<u32>) -> Result<Option<Passphrase>, SignError> {
    if let Some(number) = descriptor {
        let wrong = |source| SignError::Passphrase { origin: format!("descriptor {number}"), source };
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        // Opened by its name in /proc: no descriptor is taken over that somebody else may own.
        let file = File::open(PathBuf::from(format!("/proc/self/fd/{number}"))).map_err(wrong)?;
        file.take(LONGEST).read_to_end(&mut bytes).map_err(wrong)?;
        return Ok(Some(Passphrase::new(bytes)));
    }
    let value = std::env::var_os(VARIABLE).map(std::os::unix::ffi::OsStringExt::into_vec);
    Ok(value.map(|value| Passphrase::new(Zeroizing::new(value))))
}

/// Asks on the terminal, without an echo; `None` where there is none. Whatever standard error is, the question is seen.
pub(super) fn ask(prompt: &str, session: &Session) -> Result<Option<Passphrase>, SignError> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let Ok(terminal) = open("/dev/tty", flags, Mode::empty()) else { return Ok(None) };
    let mut terminal = File::from(terminal);
    let Ok(before) = termios::tcgetattr(&terminal) else { return Ok(None) };
    let wrong = |source| SignError::Passphrase { origin: "the terminal".to_owned(), source };
    session.terminal.finish();
    let mut quiet = before.clone();
    // Without ISIG: Ctrl-C comes as a character and ends the question, with the echo put back.
    quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
    termios::tcsetattr(&terminal, SetArg::TCSANOW, &quiet).map_err(|error| wrong(error.into()))?;
    let typed = write!(terminal, "{prompt} ").and_then(|()| line(&mut terminal, &session.cancel));
    let restored = termios::tcsetattr(&terminal, SetArg::TCSANOW, &before);
    let ended = writeln!(terminal);
    let typed = typed.map_err(wrong)?;
    restored.map_err(|error| wrong(error.into()))?;
    ended.map_err(wrong)?;
    match typed {
        Typed::Line(typed) => Ok(Some(Passphrase::new(typed))),
        Typed::Stopped(signal) => Err(SignError::Interrupted { signal }),
    }
}

/// What came of a question.
enum Typed {
    /// What was typed, without the end of its line.
    Line(Zeroizing<Vec<u8>>),
    /// A signal, or Ctrl-C.
    Stopped(i32),
}

/// How often, in milliseconds, it is looked whether a signal came.
const LOOK: u16 = 100;

fn line(terminal: &mut File, cancel: &Cancel) -> io::Result<Typed> {
    let mut typed = Zeroizing::new(Vec::with_capacity(1024));
    loop {
        if let Some(signal) = cancel.signal() {
            return Ok(Typed::Stopped(signal));
        }
        let mut ready = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, LOOK) {
            Ok(0) | Err(nix::Error::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut byte = [0];
        match terminal.read(&mut byte) {
            Ok(0) => return Ok(Typed::Line(typed)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match byte[0] {
            b'\n' | b'\r' | 0x04 => return Ok(Typed::Line(typed)),
            0x03 => return Ok(Typed::Stopped(SIGINT)),
            0x08 | 0x7f => drop(typed.pop()),
            // Ctrl-U: from the start again.
            0x15 => typed.clear(),
            // As long as the buffer does not move, nothing of it is left behind.
            other if typed.len() < typed.capacity() => typed.push(other),
            _ => {}
        }
    }
}

/// Asks twice for a new passphrase; `None` for none, or where there is no terminal.
pub(super) fn ask_new(session: &Session) -> Result<Option<Passphrase>, SignError> {
    let Some(first) = ask("passphrase of the new key (empty for none):", session)? else { return Ok(None) };
    if first.is_empty() {
        return Ok(None);
    }
    let second = ask("again:", session)?;
    if second.is_none_or(|second| second.as_bytes() != first.as_bytes()) {
        return Err(SignError::BadPassphrase { why: "the two passphrases differ" });
    }
    Ok(Some(first))
}
