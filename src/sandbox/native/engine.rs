//! The engine's side: starts the hidden process, gives it the job, streams the log, keeps the clock, and makes
//! sure that nothing of the box is left.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::error::Fault;
use crate::event::{Cancel, Event, Reporter, Silent};
use crate::sandbox::log::LogKeeper;
use crate::sandbox::{BoxSpec, Engine, Exit, Finished, Isolation, Limit, LogRecord};

use super::cgroup::Control;
use super::error::{NativeError, Step};
use super::wire::{Job, Purpose, Up, send};
use super::{HIDDEN_ARGUMENT, identity, isolation};

/// How long a request to stop may wait.
const POLL: Duration = Duration::from_millis(50);
/// How long the kernel may take to end a box.
const GRACE: Duration = Duration::from_secs(10);

/// Runs boxes with this kernel's namespaces.
#[derive(Debug, Clone)]
pub struct NativeEngine {
    launcher: PathBuf,
}

impl NativeEngine {
    /// An engine whose hidden process is `launcher`, a program whose `main` calls [`super::reexec`] first.
    #[must_use]
    pub fn new(launcher: PathBuf) -> Self {
        Self { launcher }
    }

    /// An engine that re-executes this very program.
    #[must_use]
    pub fn of_this_program() -> Self {
        Self::new(PathBuf::from("/proc/self/exe"))
    }

    /// Makes a box but runs nothing in it: the steps that went well, and how it ended.
    pub fn probe(&self, spec: &BoxSpec) -> Probe {
        let mut passed = Vec::new();
        let identity = identity::choose(&spec.surface);
        let given = check(spec).and_then(|()| identity::hand_over(spec, identity));
        let outcome = given.and_then(|()| {
            let job = Job { spec: spec.clone(), identity, purpose: Purpose::Probe };
            self.drive(&job, &Silent, &Cancel::new(), &mut passed)
        });
        Probe { passed, outcome: outcome.map(|finished| finished.isolation) }
    }

    fn drive(
        &self,
        job: &Job,
        reporter: &dyn Reporter,
        cancel: &Cancel,
        passed: &mut Vec<Step>,
    ) -> Result<Finished, NativeError> {
        let started = Instant::now();
        let mut control = Control::prepare(&job.spec.limits);
        let ended = Running::start(&self.launcher, job, &mut control).and_then(|mut running| {
            // A limit beyond what the clock can hold is none.
            let deadline = started.checked_add(job.spec.limits.wall);
            let ended = running.watch(job, reporter, cancel, deadline, passed, &control);
            let left = running.end();
            ended.and_then(|ended| left.map(|()| ended))
        });
        control.remove();
        let (exit, isolation, log) = ended?;
        Ok(Finished { exit, isolation, log, elapsed: started.elapsed() })
    }
}

/// What a box that runs nothing showed.
#[derive(Debug)]
pub struct Probe {
    /// The steps that went well, in order.
    pub passed: Vec<Step>,
    /// What was seen from inside, or which step failed.
    pub outcome: Result<Isolation, NativeError>,
}

impl Engine for NativeEngine {
    fn class(&self) -> &'static str {
        "native"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn run(
        &self,
        spec: &BoxSpec,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Finished, Box<dyn Fault>> {
        check(spec)?;
        let identity = identity::choose(&spec.surface);
        identity::hand_over(spec, identity)?;
        let job = Job { spec: spec.clone(), identity, purpose: Purpose::Run };
        Ok(self.drive(&job, reporter, cancel, &mut Vec::new())?)
    }
}

impl From<NativeError> for Box<dyn Fault> {
    fn from(error: NativeError) -> Self {
        Box::new(error)
    }
}

/// What the kernel would refuse with a message that helps nobody.
fn check(spec: &BoxSpec) -> Result<(), NativeError> {
    for path in std::iter::once(&spec.root).chain(spec.mounts.iter().map(|mount| &mount.source)) {
        path.metadata().map_err(|source| NativeError::Source { path: path.clone(), source })?;
        if !path.is_absolute() {
            return Err(NativeError::Spec { what: format!("{} is not absolute", path.display()) });
        }
    }
    match spec.argv.first() {
        Some(program) if Path::new(program).is_absolute() => {}
        Some(program) => {
            return Err(NativeError::Spec { what: format!("the program {program:?} is not absolute") });
        }
        None => return Err(NativeError::Spec { what: "no program".to_owned() }),
    }
    let bad = |text: &str| text.contains('\0');
    if spec.argv.iter().any(|text| bad(text)) {
        return Err(NativeError::Spec { what: "an argument holds a NUL".to_owned() });
    }
    if let Some((name, _)) =
        spec.env.iter().find(|(name, value)| name.is_empty() || name.contains('=') || bad(name) || bad(value))
    {
        return Err(NativeError::Spec { what: format!("the variable {name:?} cannot be") });
    }
    Ok(())
}

/// A started hidden process and the engine's ends of its pipes.
struct Running {
    child: Child,
    /// Closing it ends the box.
    control: Option<ChildStdin>,
    report: Option<ChildStdout>,
    log: Option<ChildStderr>,
}

impl Running {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts a process: the box's hidden one"
    )]
    fn start(launcher: &Path, job: &Job, cgroups: &mut Control) -> Result<Self, NativeError> {
        let mut child = Command::new(launcher)
            // The path of the program is the host's, and the box can see this.
            .arg0("sealwright")
            .arg(HIDDEN_ARGUMENT)
            .env_clear()
            .current_dir("/")
            // A terminal's Ctrl-C is for us; we then end the box.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| NativeError::Launch { program: launcher.to_owned(), source })?;
        let (control, report, log) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut running = Self { child, control, report, log };
        // It waits for its job, so it is in before it does anything.
        cgroups.enter(running.child.id());
        if let Some(control) = &mut running.control {
            let sent = send(control, job);
            if let Err(source) = sent {
                let _ = running.end();
                return Err(NativeError::Pipe { what: "sending the job", source });
            }
        }
        Ok(running)
    }

    /// Takes log and reports until both pipes have ended, that is, until the box has.
    fn watch(
        &mut self,
        job: &Job,
        reporter: &dyn Reporter,
        cancel: &Cancel,
        deadline: Option<Instant>,
        passed: &mut Vec<Step>,
        control: &Control,
    ) -> Result<(Exit, Isolation, LogRecord), NativeError> {
        let mut keeper = LogKeeper::new(job.spec.limits.log);
        let mut show = |line: String| reporter.report(Event::Log { line });
        let mut messages = Messages::default();
        let mut isolation = None;
        let mut stop: Option<(Stop, Instant)> = None;
        let mut block = vec![0_u8; 64 << 10];
        let ends = [self.report.as_ref().map(AsFd::as_fd), self.log.as_ref().map(AsFd::as_fd)];
        for fd in ends.into_iter().flatten() {
            set_nonblocking(fd).map_err(|source| NativeError::Pipe { what: "its mode", source })?;
        }
        while self.report.is_some() || self.log.is_some() {
            let now = Instant::now();
            if let Some((_, since)) = &stop {
                if now.duration_since(*since) > GRACE {
                    break;
                }
            } else if let Some(signal) = cancel.signal() {
                stop = Some((Stop::Cancelled(signal), now));
                self.control = None;
            } else if deadline.is_some_and(|deadline| now >= deadline) {
                stop = Some((Stop::Late, now));
                self.control = None;
            }
            let left = deadline.map_or(POLL, |deadline| deadline.saturating_duration_since(now));
            wait(self.report.as_ref(), self.log.as_ref(), left)
                .map_err(|source| NativeError::Pipe { what: "waiting", source })?;
            if let Some(log) = &mut self.log {
                match read(log, &mut block).map_err(|source| NativeError::Pipe { what: "the log", source })? {
                    Got::Bytes(count) => {
                        let before = keeper.dropped();
                        keeper.take(&block[..count], &mut show);
                        if before == 0 && keeper.dropped() > 0 {
                            let limit = job.spec.limits.log;
                            reporter.note(&format!("the log is over {limit} bytes: the rest is dropped"));
                        }
                    }
                    Got::Nothing => {}
                    Got::End => self.log = None,
                }
            }
            if let Some(report) = &mut self.report {
                match read(report, &mut block)
                    .map_err(|source| NativeError::Pipe { what: "reports", source })?
                {
                    Got::Bytes(count) => {
                        messages.take(&block[..count], passed)?;
                        if let Some(observed) = messages.observed.take() {
                            // Nothing of the program has run yet, and nothing will if this fails.
                            let spec = &job.spec;
                            isolation = Some(isolation::judge(
                                &observed,
                                spec.network,
                                &spec.limits,
                                &spec.surface,
                                control,
                            )?);
                            self.go()?;
                        }
                    }
                    Got::Nothing => {}
                    Got::End => self.report = None,
                }
            }
        }
        let log = keeper.end(&mut show);
        if let Some((Stop::Cancelled(signal), _)) = stop {
            return Err(NativeError::Cancelled { signal });
        }
        if let Some(failure) = messages.failure {
            return Err(failure);
        }
        let Some(isolation) = isolation else {
            // It was told to end before it had begun, or it died.
            return Err(match stop {
                Some((Stop::Late, _)) => NativeError::Died { how: "the time limit came first".to_owned() },
                _ => NativeError::Died { how: self.status() },
            });
        };
        let exit = match (stop, messages.exit) {
            (Some((Stop::Late, _)), _) => Exit::LimitHit(Limit::Wall),
            (_, exit) if exit != Some(Exit::Code(0)) && control.out_of_memory() => {
                Exit::LimitHit(Limit::Memory)
            }
            (_, Some(Exit::Signal(signal)))
                if signal == Signal::SIGXFSZ as i32 && job.spec.limits.file_size.is_some() =>
            {
                Exit::LimitHit(Limit::FileSize)
            }
            (_, Some(exit)) => exit,
            (_, None) => return Err(NativeError::Died { how: self.status() }),
        };
        Ok((exit, isolation, log))
    }

    /// Lets the program start.
    fn go(&mut self) -> Result<(), NativeError> {
        match &mut self.control {
            // It may have died just now; that shows when the pipes end.
            Some(control) => match control.write_all(b"\n") {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(NativeError::Pipe { what: "starting the program", source: error })
                }
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }

    fn status(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Ends what is left and waits for it. The hidden process ends after PID 1, and the kernel lets PID 1 be
    /// reaped only when every process of the box is gone (`pid_namespaces(7)`).
    fn end(&mut self) -> Result<(), NativeError> {
        self.control = None;
        self.report = None;
        self.log = None;
        let since = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) if since.elapsed() < GRACE => std::thread::sleep(Duration::from_micros(500)),
                Ok(None) => {
                    // PID 1 dies with it (PR_SET_PDEATHSIG).
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    return Err(NativeError::Died { how: "it had to be killed".to_owned() });
                }
                Err(source) => return Err(NativeError::Pipe { what: "its end", source }),
            }
        }
    }
}

/// Why the engine ended the box.
enum Stop {
    Cancelled(i32),
    Late,
}

/// What was reported so far.
#[derive(Default)]
struct Messages {
    part: Vec<u8>,
    observed: Option<super::wire::Observed>,
    exit: Option<Exit>,
    failure: Option<NativeError>,
}

impl Messages {
    fn take(&mut self, bytes: &[u8], passed: &mut Vec<Step>) -> Result<(), NativeError> {
        self.part.extend_from_slice(bytes);
        while let Some(end) = self.part.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.part.drain(..=end).collect();
            let up = serde_json::from_slice(&line)
                .map_err(|error| NativeError::Pipe { what: "a report", source: error.into() })?;
            match up {
                Up::Passed(step) => passed.push(step),
                Up::Observed(observed) => self.observed = Some(observed),
                Up::Exited(code) => self.exit = Some(Exit::Code(code)),
                Up::Signalled(signal) | Up::InitKilled(signal) => self.exit = Some(Exit::Signal(signal)),
                Up::Failed { step, errno, path } => {
                    let errno = Errno::from_raw(errno);
                    self.failure.get_or_insert(NativeError::Step { step, path, errno });
                }
            }
        }
        Ok(())
    }
}

/// What a read from a pipe gave.
enum Got {
    Bytes(usize),
    Nothing,
    End,
}

fn read(from: &mut impl Read, block: &mut [u8]) -> io::Result<Got> {
    match from.read(block) {
        Ok(0) => Ok(Got::End),
        Ok(count) => Ok(Got::Bytes(count)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(Got::Nothing)
        }
        Err(error) => Err(error),
    }
}

fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

fn wait(report: Option<&ChildStdout>, log: Option<&ChildStderr>, left: Duration) -> io::Result<()> {
    let mut fds = Vec::with_capacity(2);
    fds.extend(report.map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
    fds.extend(log.map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
    let timeout =
        PollTimeout::try_from(left.clamp(Duration::from_millis(1), POLL)).unwrap_or(PollTimeout::MAX);
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
