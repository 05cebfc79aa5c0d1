//! The hidden process: started by the engine, one thread, nothing inherited. It takes on an unprivileged id,
//! makes the namespaces and forks the box's PID 1.

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::SigSet;
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Gid, Uid};

use super::error::Step;
use super::tree::Trees;
use super::wire::{Identity, Job, Purpose, Up, receive, send};
use super::{HIDDEN_ARGUMENT, init, syscall};

/// What failed in the hidden process: sent up as [`Up::Failed`].
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) errno: Errno,
    pub(super) path: Option<PathBuf>,
}

/// Names the step (and the path) of a failed system call.
pub(super) trait During<T> {
    fn during(self, step: Step) -> Result<T, Failure>;
    fn during_at(self, step: Step, path: impl AsRef<Path>) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, Errno> {
    fn during(self, step: Step) -> Result<T, Failure> {
        self.map_err(|errno| Failure { step, errno, path: None })
    }

    fn during_at(self, step: Step, path: impl AsRef<Path>) -> Result<T, Failure> {
        self.map_err(|errno| Failure { step, errno, path: Some(path.as_ref().to_owned()) })
    }
}

/// The errno of an input/output error, EIO for those that have none.
pub(super) fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// The ends of the pipes that the hidden process keeps.
pub(super) struct Pipes {
    /// The engine's end is closed when the box has to end.
    pub(super) control: OwnedFd,
    /// [`Up`] messages.
    pub(super) report: OwnedFd,
    /// The program's standard output and error.
    pub(super) log: OwnedFd,
}

/// If this process is the hidden re-execution, does its work and returns how to exit; `main` calls it first.
#[must_use]
pub fn reexec() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != HIDDEN_ARGUMENT || arguments.next().is_some() {
        return None;
    }
    // Nothing may be opened before: what is inherited is closed here.
    let taken = take_pipes().and_then(|pipes| Ok((unistd::dup(&pipes.report)?, pipes)));
    let Ok((report, pipes)) = taken else { return Some(ExitCode::FAILURE) };
    let kept = fcntl(&report, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).during(Step::Start);
    Some(match kept.and_then(|_| launch(pipes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report_failure(&report, failure);
            ExitCode::FAILURE
        }
    })
}

/// Says up that a step failed. Nobody is left to tell when even that fails.
pub(super) fn report_failure(report: &OwnedFd, failure: Failure) {
    let Failure { step, errno, path } = failure;
    let _ = send(Writer(report), &Up::Failed { step, errno: errno as i32, path });
}

/// Writes to a descriptor without owning it and without a buffer.
pub(super) struct Writer<'fd>(pub(super) &'fd OwnedFd);

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unistd::write(self.0, bytes).map_err(io::Error::from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn launch(pipes: Pipes) -> Result<(), Failure> {
    let job: Job = receive(io::stdin().lock()).map_err(|error| errno_of(&error)).during(Step::Start)?;
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).during(Step::Start)?;
    unistd::dup2_stdin(&null).during(Step::Start)?;
    unistd::dup2_stdout(&null).during(Step::Start)?;
    unistd::dup2_stderr(&null).during(Step::Start)?;
    drop(null);
    // PID 1 takes its signals from a descriptor.
    SigSet::all().thread_block().during(Step::Start)?;
    let passed = |step: Step| pass(&pipes, &job, step);
    passed(Step::Start);

    // Root opens the trees before it lets go of its id: parents of mode 0700 do not matter then. A container's
    // root may not; it opens them later, as an ordinary user does.
    let mut trees = match job.identity {
        Identity::Own => None,
        Identity::Dedicated(_) => match Trees::open(&job.spec) {
            Err(Failure { errno: Errno::EPERM, .. }) => None,
            opened => Some(opened?),
        },
    };
    let (uid, gid) = take_identity(job.identity)?;
    passed(Step::DropId);
    unshare(CloneFlags::CLONE_NEWUSER).during(Step::UserNamespace)?;
    passed(Step::UserNamespace);
    map_ids(job.spec.surface.user, uid, gid)?;
    passed(Step::IdMap);
    unshare_all(&job, &passed)?;
    if trees.is_none() {
        trees = Some(Trees::open(&job.spec)?);
    }
    passed(Step::OpenTree);
    let Some(trees) = trees else { return Err(Errno::EINVAL).during(Step::OpenTree) };

    match syscall::fork().during(Step::Fork)? {
        ForkResult::Child => init::run(&job, trees, pipes),
        ForkResult::Parent { child } => {
            let Pipes { control, report, log } = pipes;
            drop((control, log, trees));
            match waitpid(child, None).during(Step::Fork)? {
                WaitStatus::Signaled(_, signal, _) => {
                    let _ = send(Writer(&report), &Up::InitKilled(signal as i32));
                    Ok(())
                }
                _ => Ok(()),
            }
        }
    }
}

/// Tells that a step went well, if somebody wants to know.
pub(super) fn pass(pipes: &Pipes, job: &Job, step: Step) {
    match job.purpose {
        Purpose::Run => {}
        Purpose::Probe => {
            let _ = send(Writer(&pipes.report), &Up::Passed(step));
        }
    }
}

/// Moves the three pipes away from the standard descriptors and closes everything else.
fn take_pipes() -> Result<Pipes, Errno> {
    const FIRST_OTHER: u32 = 3;
    syscall::close_from(FIRST_OTHER)?;
    let keep = |fd: OwnedFd| -> Result<OwnedFd, Errno> {
        fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        Ok(fd)
    };
    Ok(Pipes {
        control: keep(unistd::dup(io::stdin())?)?,
        report: keep(unistd::dup(io::stdout())?)?,
        log: keep(unistd::dup(io::stderr())?)?,
    })
}

fn take_identity(identity: Identity) -> Result<(Uid, Gid), Failure> {
    match identity {
        Identity::Own => Ok((Uid::effective(), Gid::effective())),
        Identity::Dedicated(id) => {
            let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
            unistd::setgroups(&[]).during(Step::DropId)?;
            unistd::setresgid(gid, gid, gid).during(Step::DropId)?;
            unistd::setresuid(uid, uid, uid).during(Step::DropId)?;
            // A change of id makes /proc/self root's (prctl(2), PR_SET_DUMPABLE), and the id maps are there.
            prctl::set_dumpable(true).during(Step::DropId)?;
            Ok((uid, gid))
        }
    }
}

/// One id of the host stands for the box's one id, for users and groups (`user_namespaces(7)`).
fn map_ids(inside: u32, uid: Uid, gid: Gid) -> Result<(), Failure> {
    let files = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/gid_map", format!("{inside} {gid} 1\n")),
        ("/proc/self/uid_map", format!("{inside} {uid} 1\n")),
    ];
    for (path, text) in files {
        OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| errno_of(&error))
            .during_at(Step::IdMap, path)?;
    }
    Ok(())
}

fn unshare_all(job: &Job, passed: &impl Fn(Step)) -> Result<(), Failure> {
    let mut wanted = vec![
        (CloneFlags::CLONE_NEWNS, Step::MountNamespace),
        (CloneFlags::CLONE_NEWPID, Step::PidNamespace),
        (CloneFlags::CLONE_NEWIPC, Step::IpcNamespace),
        (CloneFlags::CLONE_NEWUTS, Step::UtsNamespace),
        (CloneFlags::CLONE_NEWCGROUP, Step::CgroupNamespace),
    ];
    if job.own_network() {
        wanted.push((CloneFlags::CLONE_NEWNET, Step::NetNamespace));
    }
    match job.purpose {
        Purpose::Run => {
            let all = wanted.iter().fold(CloneFlags::empty(), |all, (flag, _)| all | *flag);
            if unshare(all).is_ok() {
                return Ok(());
            }
        }
        Purpose::Probe => {}
    }
    // One by one, to know which it is.
    for (flag, step) in wanted {
        unshare(flag).during(step)?;
        passed(step);
    }
    Ok(())
}

/// A path as the kernel takes it.
pub(super) fn c_path(path: &Path, step: Step) -> Result<CString, Failure> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL).during_at(step, path)
}
