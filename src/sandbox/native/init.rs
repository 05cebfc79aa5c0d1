//! PID 1 of the box: makes its inside, starts the program, reaps, tells how the program ended, and ends the
//! whole box when the engine closes its end of the pipe or dies (the kernel kills all when PID 1 ends).

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::{Mode, umask};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Pid};

use crate::sandbox::Cores;

use super::error::Step;
use super::launch::{During, Failure, Pipes, Writer, errno_of, pass};
use super::tree::Trees;
use super::wire::{Job, Observed, Purpose, RootState, Up, send};
use super::{limits, privileges, rootfs, seccomp, syscall};

/// Makes the inside of the box and stays until the program has ended.
pub(super) fn run(job: &Job, trees: Trees, pipes: Pipes) -> Result<(), Failure> {
    let passed = |step: Step| pass(&pipes, job, step);
    // When the process that forked us dies. It has one thread, and no change of id follows (prctl(2)).
    prctl::set_pdeathsig(Signal::SIGKILL).during(Step::Fork)?;
    // Else the name of the file that was started, which is the host's affair.
    prctl::set_name(c"sealwright").during(Step::Fork)?;
    passed(Step::Fork);
    rootfs::build(&job.spec, trees, &passed)?;
    if job.own_network() {
        let any = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
            .during(Step::Loopback)?;
        syscall::loopback_up(any).during(Step::Loopback)?;
        passed(Step::Loopback);
    }
    unistd::sethostname(&job.spec.surface.host_name).during(Step::HostName)?;
    // The kernel's own default.
    syscall::set_domain_name(c"(none)").during(Step::HostName)?;
    passed(Step::HostName);
    limits::set(&job.spec.limits).during(Step::Limits)?;
    passed(Step::Limits);
    umask(Mode::from_bits_truncate(job.spec.surface.umask));
    privileges::drop_all().during(Step::Capabilities)?;
    passed(Step::Capabilities);
    // The program runs as the same user: it must not look into us (ptrace(2), "PTRACE_MODE").
    prctl::set_dumpable(false).during(Step::Capabilities)?;
    seccomp::install().during(Step::Seccomp)?;
    passed(Step::Seccomp);

    let observed = observe().during(Step::Observe)?;
    send(Writer(&pipes.report), &Up::Observed(observed))
        .map_err(|error| errno_of(&error))
        .during(Step::Observe)?;
    match job.purpose {
        Purpose::Run => {}
        Purpose::Probe => {
            let _ = send(Writer(&pipes.report), &Up::Exited(0));
            return Ok(());
        }
    }
    // The engine looks at what was seen and says whether to go on; what is started now inherits all of it.
    let mut go = [0_u8];
    if unistd::read(&pipes.control, &mut go).during(Step::Observe)? == 0 {
        return Ok(());
    }

    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .during(Step::Session)?;
    match syscall::fork().during(Step::Session)? {
        ForkResult::Child => become_program(job, &pipes),
        ForkResult::Parent { child } => {
            let Pipes { control, report, log } = pipes;
            drop(log);
            watch(child, &signals, &control, &report).during(Step::Session)
        }
    }
}

/// Reaps until the program has ended or the engine wants the box to end.
fn watch(
    program: Pid,
    signals: &SignalFd,
    control: &impl AsFd,
    report: &std::os::fd::OwnedFd,
) -> Result<(), Errno> {
    loop {
        let mut ready = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(control.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        if ready[1].any() == Some(true) {
            return Ok(());
        }
        while signals.read_signal()?.is_some() {}
        loop {
            let up = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => break,
                Ok(WaitStatus::Exited(pid, code)) if pid == program => Up::Exited(code),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => Up::Signalled(signal as i32),
                // Somebody else's child, reaped.
                Ok(_) => continue,
                Err(errno) => return Err(errno),
            };
            let _ = send(Writer(report), &up);
            return Ok(());
        }
    }
}

/// The last steps before the program, in the process that it takes over.
fn become_program(job: &Job, pipes: &Pipes) -> Result<(), Failure> {
    let spec = &job.spec;
    unistd::setsid().during(Step::Session)?;
    let null = open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .during_at(Step::Session, "/dev/null")?;
    unistd::dup2_stdin(null).during(Step::Session)?;
    unistd::dup2_stdout(&pipes.log).during(Step::Session)?;
    unistd::dup2_stderr(&pipes.log).during(Step::Session)?;
    unistd::chdir(spec.cwd.as_str()).during_at(Step::Session, spec.cwd.as_str())?;
    syscall::reset_signals().during(Step::Session)?;
    match spec.surface.cores {
        Cores::All => {}
        Cores::One => stay_on_one_core().during(Step::Session)?,
    }
    let texts = |texts: &mut dyn Iterator<Item = String>| -> Result<Vec<CString>, Failure> {
        texts.map(|text| CString::new(text).map_err(|_| Errno::EINVAL).during(Step::Exec)).collect()
    };
    let argv = texts(&mut spec.argv.iter().cloned())?;
    let env = texts(&mut spec.env.iter().map(|(name, value)| format!("{name}={value}")))?;
    let Some(program) = argv.first() else { return Err(Errno::EINVAL).during(Step::Exec) };
    let errno = syscall::execute(program, &argv, &env);
    Err(errno).during_at(Step::Exec, program.to_string_lossy().as_ref())
}

/// Keeps this process, and what it starts, on the first core that it may use.
fn stay_on_one_core() -> Result<(), Errno> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let mut one = CpuSet::new();
    let first = (0..CpuSet::count()).find(|core| allowed.is_set(*core).unwrap_or(false));
    one.set(first.ok_or(Errno::EINVAL)?)?;
    sched_setaffinity(this, &one)
}

fn observe() -> Result<Observed, Errno> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| errno_of(&error))?;
    let root = if statvfs("/")?.flags().contains(FsFlags::ST_RDONLY) {
        RootState::ReadOnly
    } else {
        RootState::Writable
    };
    let mut namespaces = BTreeMap::new();
    for name in super::isolation::NAMESPACES {
        let link = fs::read_link(Path::new("/proc/self/ns").join(name)).map_err(|error| errno_of(&error))?;
        namespaces.insert(name.to_owned(), super::isolation::inode_of(&link).ok_or(Errno::EIO)?);
    }
    Ok(Observed {
        status,
        namespaces,
        root,
        file_size: getrlimit(Resource::RLIMIT_FSIZE)?.1,
        processes: getrlimit(Resource::RLIMIT_NPROC)?.1,
    })
}
