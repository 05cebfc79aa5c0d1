//! Programs of the user's own: the only processes that are started beside the box.
//!
//! Those that give a secret, each configured by name; a tool that a command is asked to hand over to; and `ssh`, for a repository
//! that a statement names. The first get the user's environment, no input, and a time limit; what they print is returned and
//! shown nowhere.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Bytes that a program may print.
const LIMIT: u64 = 1 << 20;
/// How often its end is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// A program with its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Helper<'a> {
    /// Name of the program, looked for on the `PATH` of `env`.
    pub program: &'a str,
    /// Its arguments.
    pub arguments: &'a [&'a str],
    /// Its whole environment: the user's.
    pub env: &'a BTreeMap<String, String>,
    /// How long it may take.
    pub limit: Duration,
}

/// What a program printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Said {
    /// It ended well, with this on its standard output.
    Secret(Vec<u8>),
    /// It ended with an error.
    Nothing,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Said(…)")
    }
}

/// Why a program was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// There is none of that name.
    #[error("there is no program {program} on PATH")]
    Missing {
        /// Its name.
        program: String,
    },
    /// It took too long, and was ended.
    #[error("{program} has not ended in {} s", .limit.as_secs())]
    Slow {
        /// Its name.
        program: String,
        /// How long it could take.
        limit: Duration,
    },
    /// The host failed.
    #[error("cannot run {}", .path.display())]
    Io {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A program of the user's that is talked with: `ssh`, for a repository.
#[derive(Debug, Clone, Copy)]
pub struct Talk<'a> {
    /// Name of the program, looked for on the `PATH` of `env`.
    pub program: &'a str,
    /// Its arguments.
    pub arguments: &'a [&'a str],
    /// Its whole environment: the user's.
    pub env: &'a BTreeMap<String, String>,
}

/// Both ends of a talk.
#[derive(Debug)]
pub struct Talking {
    /// What it reads.
    pub input: ChildStdin,
    /// What it prints. Its standard error is ours: what it has to say is for the user.
    pub output: ChildStdout,
    /// Ends the program when it is dropped.
    pub guard: Running,
}

/// A program that runs; dropped, it is ended and waited for.
#[derive(Debug)]
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Talk<'_> {
    /// Starts it.
    ///
    /// # Errors
    /// There is no such program, or the host fails.
    pub fn start(self) -> Result<Talking, HelperError> {
        let Self { program, arguments, env } = self;
        let path = env
            .get("PATH")
            .and_then(|folders| find(program, OsStr::new(folders)))
            .ok_or_else(|| HelperError::Missing { program: program.to_owned() })?;
        let failed = |source| HelperError::Io { path: path.clone(), source };
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place for programs of the user's own (invariant 1)"
        )]
        let mut command = Command::new(&path);
        command.args(arguments).env_clear().envs(env);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().map_err(failed)?;
        let ends = (child.stdin.take(), child.stdout.take());
        let guard = Running(child);
        match ends {
            (Some(input), Some(output)) => Ok(Talking { input, output, guard }),
            _ => Err(failed(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl Helper<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// There is no such program, it takes too long, or the host fails. A program that fails is no error.
    pub fn run(self) -> Result<Said, HelperError> {
        let Self { program, arguments, env, limit } = self;
        let path = self.find().ok_or_else(|| HelperError::Missing { program: program.to_owned() })?;
        let failed = |source| HelperError::Io { path: path.clone(), source };
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place for programs of the user's own (invariant 1)"
        )]
        let mut command = Command::new(&path);
        command.args(arguments).env_clear().envs(env);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let end = Instant::now() + limit;
        let mut child = loop {
            match command.spawn() {
                // It is just being written: an update, or a process that was forked meanwhile (execve(2), ETXTBSY).
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < end => {
                    std::thread::sleep(LOOK);
                }
                started => break started.map_err(failed)?,
            }
        };
        let printed = child.stdout.take().map(|out| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                out.take(LIMIT).read_to_end(&mut bytes).map(|_| bytes)
            })
        });
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break status;
            }
            if Instant::now() >= end {
                child.kill().and_then(|()| child.wait()).map_err(failed)?;
                return Err(HelperError::Slow { program: program.to_owned(), limit });
            }
            std::thread::sleep(LOOK);
        };
        if !status.success() {
            return Ok(Said::Nothing);
        }
        match printed.map(std::thread::JoinHandle::join) {
            Some(Ok(bytes)) => Ok(Said::Secret(bytes.map_err(failed)?)),
            Some(Err(_)) | None => Ok(Said::Nothing),
        }
    }

    fn find(&self) -> Option<PathBuf> {
        find(self.program, OsStr::new(self.env.get("PATH")?))
    }
}

/// A program on a `PATH`; folders that are not absolute are left out.
fn find(program: &str, folders: &OsStr) -> Option<PathBuf> {
    let found = std::env::split_paths(folders).filter(|folder| folder.is_absolute());
    found.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Runs a tool that the user asks for instead of ours, with this process's environment, input and output, and gives its
/// exit code; that of a shell if a signal ended it.
///
/// # Errors
/// There is no such program, or the host fails.
pub fn hand_over(program: &str, arguments: &[&OsStr]) -> Result<i32, HelperError> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let path = find(program, &folders).ok_or_else(|| HelperError::Missing { program: program.to_owned() })?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place for programs of the user's own (invariant 1)"
    )]
    let status = Command::new(&path).args(arguments).status();
    let status = status.map_err(|source| HelperError::Io { path, source })?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, arguments: &[&str], limit: Duration) -> Result<Said, HelperError> {
        let path = "relative:/usr/local/bin:/usr/bin:/bin".to_owned();
        let env = BTreeMap::from([("PATH".to_owned(), path), ("WORD".to_owned(), "sesame".to_owned())]);
        Helper { program, arguments, env: &env, limit }.run()
    }

    #[test]
    fn a_program_says_its_secret_or_nothing() {
        let minute = Duration::from_mins(1);
        let said = run("sh", &["-c", "printf %s \"$WORD\"; cat; echo noise >&2"], minute).unwrap();
        assert_eq!(said, Said::Secret(b"sesame".to_vec()));
        assert!(!format!("{said:?}").contains("sesame"));
        assert_eq!(run("sh", &["-c", "echo no; exit 1"], minute).unwrap(), Said::Nothing);
        let error = run("no-such-program", &[], minute).unwrap_err();
        assert_eq!(error.to_string(), "there is no program no-such-program on PATH");
    }

    #[test]
    fn one_that_waits_for_ever_is_ended() {
        let error = run("sleep", &["600"], Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, HelperError::Slow { .. }), "{error}");
    }
}
