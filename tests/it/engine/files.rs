//! What the box sees and may write.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use sealwright::sandbox::{Access, Cores, Exit, Mount, Order, Surface};

use super::{bench, native};

#[test]
fn no_file_of_the_host_is_there() {
    let bench = native!(python);
    let secret = bench.temp.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    bench.python(
        "import os, sys
secret, temp, home = sys.argv[1:]
assert sorted(os.listdir('/')) == sorted(['usr', 'proc', 'dev', 'tmp', 'run', 'src', 'out', 'etc'] + [name for name in ('bin', 'sbin', 'lib', 'lib64') if os.path.islink('/' + name)]), os.listdir('/')
for path in (secret, temp, home, '/etc/hostname', '/etc/passwd', '/root', '/home', '/var', '/sys/kernel', '/dev/vda', '/dev/kmsg', '/dev/mem', '/dev/tty'):
    assert not os.path.exists(path), path
for place in ('/etc', '/tmp', '/run', '/out'):
    assert os.listdir(place) == [], place
assert sorted(os.listdir('/dev')) == ['fd', 'full', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'urandom', 'zero']
# Not up and out of the root, by any way.
assert os.stat('/..').st_ino == os.stat('/').st_ino
assert os.path.samefile('/proc/self/root', '/')
for path in ('/proc/keys', '/proc/timer_list', '/proc/kcore'):
    try:
        data = open(path, 'rb').read(1)
    except (FileNotFoundError, PermissionError):
        data = b''
    assert data == b'', path
assert len(open('/dev/urandom', 'rb').read(8)) == 8
open('/dev/null', 'w').write('x')
import pty
pty.openpty()
",
        &[secret.to_str().unwrap(), bench.temp.path().to_str().unwrap(), &home],
    );
}

#[test]
fn only_what_is_given_as_writable_is() {
    let bench = native!(python);
    let data = bench.temp.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let script = "import errno, os, stat
for path in ('/x', '/etc/x', '/usr/x', '/usr/bin/x', '/dev/x', '/run/x', '/data/x', '/proc/sys/kernel/x', '/bin/x'):
    try:
        open(path, 'w')
    except OSError as error:
        assert error.errno in (errno.EROFS, errno.EACCES, errno.ENOENT), (path, error)
    else:
        raise SystemExit('written: ' + path)
for path in ('/usr', '/', '/data'):
    for call in (lambda: os.chmod(path, 0o777), lambda: os.utime(path), lambda: os.rename(path, path + 'x')):
        try:
            call()
        except OSError:
            pass
        else:
            raise SystemExit('changed: ' + path)
assert open('/src/given').read() == 'given\\n'
os.unlink('/src/given')
for path in ('/src/made', '/out/made', '/tmp/made', '/dev/shm/made'):
    open(path, 'w').write(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644 and os.stat(path).st_uid == 1000, path
os.symlink('/etc/passwd', '/out/link')
";
    let mut spec = bench.python_spec(script, &[]);
    spec.mounts.push(Mount { source: data, target: "/data".parse().unwrap(), access: Access::ReadOnly });
    let finished = bench.run(&spec);
    assert_eq!(finished.exit, Exit::Code(0), "{}", bench::log(&finished));
    assert_eq!(fs::read_to_string(bench.out.join("made")).unwrap(), "/out/made");
    assert_eq!(fs::read_to_string(bench.src.join("made")).unwrap(), "/src/made");
    assert!(!bench.src.join("given").exists());
}

#[test]
fn missing_mount_points_are_made_without_touching_the_image() {
    let bench = native!();
    fs::create_dir(bench.root.join("opt")).unwrap();
    fs::write(bench.root.join("opt/kept"), "kept\n").unwrap();
    let data = bench.temp.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file"), "data\n").unwrap();
    let mut spec = bench.spec(&[
        "/bin/sh",
        "-c",
        "cat /opt/kept /opt/a/b/file /new/file /etc/one.conf; ls /opt; touch /opt/x /new/x /x /opt/a/x 2>&1 | grep -c Read-only; cat /src/inner/file",
    ]);
    for (source, target) in
        [(&data, "/opt/a/b"), (&data, "/new"), (&data.join("file"), "/etc/one.conf"), (&data, "/src/inner")]
    {
        spec.mounts.push(Mount {
            source: source.clone(),
            target: target.parse().unwrap(),
            access: Access::ReadOnly,
        });
    }
    let finished = bench.run(&spec);
    assert_eq!(bench::log(&finished), "kept\ndata\ndata\ndata\na\nkept\n4\ndata\n");
    let mut left: Vec<_> =
        fs::read_dir(bench.root.join("opt")).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["kept"]);
    assert!(!bench.root.join("new").exists() && !bench.root.join("etc/one.conf").exists());
}

#[test]
fn a_link_in_a_writable_folder_leads_no_mount_out_of_the_box() {
    let bench = native!();
    let outside = bench.temp.path().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, bench.src.join("link")).unwrap();
    let mut spec = bench.spec(&["/bin/true"]);
    spec.mounts.push(Mount {
        source: bench.out.clone(),
        target: "/src/link/deep".parse().unwrap(),
        access: Access::ReadOnly,
    });
    // Whether it fails or not: nothing may be made outside.
    let _ = bench.try_run(&spec);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn no_descriptor_of_ours_is_open_in_the_box() {
    let bench = native!(python);
    let file = fs::File::open("/etc/passwd").unwrap();
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    assert!(file.as_raw_fd() > 2);
    let log = bench.python(
        "import os
for name in sorted(os.listdir('/proc/self/fd')):
    try:
        print(name, os.readlink('/proc/self/fd/' + name).split(':')[0])
    except FileNotFoundError:
        pass
",
        &[],
    );
    assert_eq!(log, "0 /dev/null\n1 pipe\n2 pipe\n");
}

#[test]
fn a_copied_folder_is_in_memory_listed_as_asked_and_never_written_back() {
    let bench = native!(python);
    for name in ["a", "b", "c", "d", "e"] {
        fs::create_dir(bench.src.join(name)).unwrap();
        fs::write(bench.src.join(name).join("x"), name).unwrap();
    }
    symlink("a/x", bench.src.join("link")).unwrap();
    fs::set_permissions(bench.src.join("a/x"), fs::Permissions::from_mode(0o755)).unwrap();
    let script = "import os\nos.chdir('/src')\nopen('new', 'w').close()\nos.remove('new')\n\
                  kind = [line for line in open('/proc/self/mountinfo') if ' /src ' in line][-1].split(' - ')[1].split()[0]\n\
                  st = os.stat('a/x')\n\
                  print(kind, open('link').read(), oct(st.st_mode), int(st.st_mtime), st.st_uid, *os.listdir('.'))";
    let seen = |access| {
        let mut spec = bench.python_spec(script, &[]);
        spec.mounts[1].access = access;
        let finished = bench.run(&spec);
        assert_eq!(finished.exit, Exit::Code(0), "{}", bench::log(&finished));
        bench::log(&finished).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = seen(Access::Writable);
    let kept = seen(Access::Copied(Order::Kept));
    let mut reversed = seen(Access::Copied(Order::Reversed));
    assert_eq!((kept[0].as_str(), kept[1].as_str()), ("tmpfs", "a"));
    assert_eq!(kept[1..], plain[1..], "the same but for the file system");
    reversed[5..].reverse();
    assert_eq!(reversed, kept);
    assert!(!bench.src.join("new").exists());
}

#[test]
fn a_box_shows_another_surface_when_it_is_asked_to() {
    let bench = native!(python);
    let script = "import os, socket\nprint(socket.gethostname(), os.getuid(), os.getgid(), oct(os.umask(0)), len(os.sched_getaffinity(0)) == 1)";
    let mut spec = bench.python_spec(script, &[]);
    let usual = bench::log(&bench.run(&spec));
    assert!(usual.starts_with("sealwright 1000 1000 0o22 "), "{usual}");
    spec.surface = Surface { host_name: "elsewhere".to_owned(), user: 2345, umask: 0o077, cores: Cores::One };
    assert_eq!(bench::log(&bench.run(&spec)), "elsewhere 2345 2345 0o77 True\n");
}
