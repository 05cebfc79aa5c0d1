//! What the box may do: nothing beyond its files.

use nix::libc;
use sealwright::sandbox::{Enforcement, Exit};

use super::{bench, native};

#[test]
fn no_capability_no_new_privileges_and_a_filter() {
    let bench = native!();
    let finished = bench.run(&bench.spec(&["/bin/cat", "/proc/self/status"]));
    let log = bench::log(&finished);
    let field = |name: &str| {
        log.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap_or_default().trim()
    };
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!(field("NoNewPrivs"), "1");
    assert_eq!(field("Seccomp"), "2");
    let isolation = finished.isolation;
    assert_eq!(isolation.namespaces, ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]);
    assert_eq!((isolation.network.as_str(), isolation.root.as_str()), ("none", "read-only"));
    assert!(isolation.capabilities.is_empty() && isolation.no_new_privs);
    assert_eq!(isolation.seccomp, "allow-list/1");
    assert!(matches!(isolation.processes, Enforcement::Enforced { value: 4096, .. }));
    assert!(matches!(isolation.wall, Enforcement::Enforced { value: 120, .. }));
}

#[test]
fn forbidden_calls_are_refused_and_unknown_ones_unknown() {
    let bench = native!(python);
    let eperm = [
        ("unshare user", libc::SYS_unshare, i64::from(libc::CLONE_NEWUSER)),
        ("unshare mnt", libc::SYS_unshare, i64::from(libc::CLONE_NEWNS)),
        ("clone user", libc::SYS_clone, i64::from(libc::CLONE_NEWUSER | libc::SIGCHLD)),
        ("clone net", libc::SYS_clone, i64::from(libc::CLONE_NEWNET | libc::SIGCHLD)),
        ("setns", libc::SYS_setns, 0),
        ("mount", libc::SYS_mount, 0),
        ("umount2", libc::SYS_umount2, 0),
        ("move_mount", libc::SYS_move_mount, 0),
        ("pivot_root", libc::SYS_pivot_root, 0),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, 0),
        ("keyctl", libc::SYS_keyctl, 0),
        ("add_key", libc::SYS_add_key, 0),
        ("bpf", libc::SYS_bpf, 0),
        ("perf_event_open", libc::SYS_perf_event_open, 0),
        ("io_uring_setup", libc::SYS_io_uring_setup, 1),
        ("userfaultfd", libc::SYS_userfaultfd, 0),
        ("ptrace", libc::SYS_ptrace, 0),
        ("process_vm_readv", libc::SYS_process_vm_readv, 1),
        ("kexec_load", libc::SYS_kexec_load, 0),
        ("sethostname", libc::SYS_sethostname, 0),
    ];
    let enosys = [("clone3", libc::SYS_clone3), ("a later kernel's", 9999)];
    let mut arguments = Vec::new();
    for (name, number, argument) in eperm {
        arguments.push(format!("{name}:{number}:{argument}:{}", libc::EPERM));
    }
    for (name, number) in enosys {
        arguments.push(format!("{name}:{number}:0:{}", libc::ENOSYS));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    bench.python(
        "import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
wrong = []
for text in sys.argv[1:]:
    name, number, argument, expected = text.split(':')
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(int(number)), ctypes.c_long(int(argument)), ctypes.c_long(0), ctypes.c_long(0), ctypes.c_long(0), ctypes.c_long(0))
    if result != -1 or ctypes.get_errno() != int(expected):
        wrong.append((name, result, ctypes.get_errno()))
ctypes.set_errno(0)
if libc.ioctl(0, 0x5412, b'x') != -1 or ctypes.get_errno() != 1:
    wrong.append(('TIOCSTI', ctypes.get_errno()))
# A namespace flag beside high bits that the kernel ignores.
ctypes.set_errno(0)
if libc.syscall(ctypes.c_long(CLONE), ctypes.c_long(0x7f0000000000 | 0x10000000), 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1:
    wrong.append('clone with high bits')
assert not wrong, wrong
"
        .replace("CLONE", &libc::SYS_clone.to_string())
        .as_str(),
        &arguments,
    );
}

#[test]
fn other_processes_are_invisible_and_pid_1_is_closed() {
    let bench = native!(python);
    bench.python(
        "import os
pids = sorted(int(name) for name in os.listdir('/proc') if name.isdigit())
assert pids == [1, os.getpid()], pids
assert open('/proc/1/cmdline').read() == 'sealwright\\0__sealwright-box\\0', open('/proc/1/cmdline').read()
assert open('/proc/1/comm').read().strip() == 'sealwright'
for name in ['environ', 'mem', 'maps', 'fd', 'root', 'cwd', 'exe']:
    path = '/proc/1/' + name
    try:
        os.listdir(path) if name == 'fd' else os.readlink(path) if name in ('root', 'cwd', 'exe') else open(path).read()
    except PermissionError:
        pass
    else:
        raise SystemExit('readable: ' + path)
# PID 1 takes no signal from inside.
for signal in (9, 15, 2, 19):
    os.kill(1, signal)
assert os.getppid() == 1
",
        &[],
    );
}

#[test]
fn set_user_id_programs_gain_nothing() {
    let bench = native!(python);
    bench.python(
        "import os
flags = {line.split()[1]: line.split()[3].split(',') for line in open('/proc/self/mounts')}
for place, options in flags.items():
    assert 'nosuid' in options, (place, options)
    # Device nodes, of which /dev/null also covers some files of /proc, hold no `nodev`: each is one file.
    if os.path.isdir(place) and not place.startswith('/dev'):
        assert 'nodev' in options, (place, options)
for place in ('/', '/usr', '/dev', '/run', '/proc/sys'):
    assert 'ro' in flags[place], (place, flags[place])
try:
    os.setuid(0)
except OSError:
    pass
else:
    raise SystemExit('became root')
",
        &[],
    );
}

#[test]
fn a_fork_bomb_is_bounded() {
    let bench = native!(python);
    let mut spec = bench.python_spec(
        "import os, time
count = 0
try:
    while count < 500:
        if os.fork() == 0:
            time.sleep(1000)
        count += 1
except OSError as error:
    print(error.errno, count)
",
        &[],
    );
    spec.limits.processes = Some(20);
    let finished = bench.run(&spec);
    // The program itself is one of them.
    assert_eq!((finished.exit, bench::log(&finished).as_str()), (Exit::Code(0), "11 19\n"));
    assert!(matches!(finished.isolation.processes, Enforcement::Enforced { value: 20, .. }));
}
