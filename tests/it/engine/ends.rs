//! How boxes end: by themselves, by limits, by the user, by the death of whoever started them. Each time
//! nothing is left.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sealwright::error::Blame;
use sealwright::event::{Cancel, Event, Reporter, Silent};
use sealwright::sandbox::{Enforcement, Exit, Limit};

use super::bench::{self, Bench, Lines, marker, processes_with, until};
use super::native;

#[test]
fn exit_codes_and_signals_are_the_programs() {
    let bench = native!();
    for code in [0, 1, 7, 255] {
        assert_eq!(bench.sh(&format!("exit {code}")).0, Exit::Code(code));
    }
    for signal in [9, 15, 11, 6] {
        assert_eq!(bench.sh(&format!("kill -{signal} $$")).0, Exit::Signal(signal));
    }
}

#[test]
fn a_program_that_is_not_there_is_an_error_of_the_environment() {
    let bench = native!();
    let fault = bench.try_run(&bench.spec(&["/bin/no-such-program"])).unwrap_err();
    assert_eq!(fault.blame(), Blame::Environment);
    assert_eq!(fault.to_string(), "starting the program failed at /bin/no-such-program");
    let mut spec = bench.spec(&["/bin/true"]);
    spec.root = bench.temp.path().join("absent");
    let fault = bench.try_run(&spec).unwrap_err();
    assert!(fault.to_string().contains("absent"), "{fault}");
    let mut spec = bench.spec(&["/bin/true"]);
    spec.cwd = "/absent".parse().unwrap();
    let fault = bench.try_run(&spec).unwrap_err();
    assert_eq!(fault.to_string(), "preparing the program's session failed at /absent");
}

#[test]
fn what_outlives_the_program_is_killed() {
    let bench = native!();
    let marker = marker();
    let (exit, log) = bench.sh(&format!("setsid sleep {marker} & setsid nohup sleep {marker} & echo done"));
    assert_eq!((exit, log.as_str()), (Exit::Code(0), "done\n"));
    assert_eq!(processes_with(&marker), [0_i32; 0]);
}

#[test]
fn orphans_are_reaped() {
    let bench = native!(python);
    bench.python(
        "import os, time
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
for _ in range(500):
    states = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                states[name] = open('/proc/%s/stat' % name).read().rsplit(')', 1)[1].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                pass
    if sorted(states) == sorted(['1', str(os.getpid())]):
        break
    time.sleep(0.01)
else:
    raise SystemExit(str(states))
",
        &[],
    );
}

#[test]
fn a_box_over_its_time_is_killed_whole() {
    let bench = native!();
    let marker = marker();
    let script = format!("trap '' TERM INT HUP; setsid sleep {marker} & sleep {marker}");
    let mut spec = bench.spec(&["/bin/sh", "-c", &script]);
    spec.limits.wall = Duration::from_secs(3);
    let finished = bench.run(&spec);
    assert_eq!(finished.exit, Exit::LimitHit(Limit::Wall));
    assert_eq!(processes_with(&marker), [0_i32; 0]);
}

/// Cancels at the first line.
struct CancelAtLine(Cancel);

impl Reporter for CancelAtLine {
    fn report(&self, event: Event) {
        if let Event::Log { .. } = event {
            self.0.cancel(2);
        }
    }
}

#[test]
fn a_cancelled_box_is_killed_whole() {
    let bench = native!();
    let marker = marker();
    let script = format!("sleep {marker} & echo started; sleep {marker}");
    let cancel = Cancel::new();
    let spec = bench.spec(&["/bin/sh", "-c", &script]);
    let fault = bench.engine.run(&spec, &CancelAtLine(cancel.clone()), &cancel).unwrap_err();
    assert_eq!(fault.blame(), Blame::Interrupted(2));
    assert_eq!(processes_with(&marker), [0_i32; 0]);
}

#[test]
fn a_box_that_is_cancelled_before_it_starts_ends() {
    let bench = native!();
    let cancel = Cancel::new();
    cancel.cancel(15);
    let fault = bench.engine.run(&bench.spec(&["/bin/sleep", "1000"]), &Silent, &cancel).unwrap_err();
    assert_eq!(fault.blame(), Blame::Interrupted(15));
}

/// The parent of a process.
fn parent(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_box_dies_with_the_processes_that_hold_it() {
    let bench = native!();
    // Above the program: PID 1 of the box, above that the hidden process.
    for generations in [1, 2] {
        let marker = marker();
        let script = format!("sleep {marker}");
        let spec = bench.spec(&["/bin/sh", "-c", &format!("setsid {script} & exec {script}")]);
        std::thread::scope(|scope| {
            let run = scope.spawn(|| bench.try_run(&spec).map(|finished| finished.exit));
            until("running", || processes_with(&format!("sleep\0{marker}")).len() == 2);
            let program = processes_with(&format!("sleep\0{marker}")).into_iter().min().unwrap();
            let victim = (0..generations).fold(program, |pid, _| parent(pid));
            kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
            let ended = run.join().unwrap();
            assert!(!matches!(ended, Ok(Exit::Code(_))), "{ended:?}");
        });
        until("gone", || processes_with(&format!("sleep\0{marker}")).is_empty());
    }
}

const HELPER_MARKER: &str = "SEALWRIGHT_TEST_MARKER";

/// Prints past the test harness, which writes to the same line.
struct Print;

impl Reporter for Print {
    fn report(&self, event: Event) {
        if let Event::Log { line } = event {
            let mut stdout = std::io::stdout();
            writeln!(stdout, "\n{line}").unwrap();
        }
    }
}

/// Not a test: the process that `the_box_dies_with_its_engine` kills.
#[test]
#[ignore = "run by another test"]
fn helper_that_runs_a_box() {
    let Ok(marker) = std::env::var(HELPER_MARKER) else { return };
    let bench = Bench::native().unwrap();
    let script = format!("setsid sleep {marker} & echo started; sleep {marker}");
    let _ = bench.engine.run(&bench.spec(&["/bin/sh", "-c", &script]), &Print, &Cancel::new());
}

#[test]
fn the_box_dies_with_its_engine() {
    let _bench = native!();
    let marker = marker();
    let mut helper = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "engine::ends::helper_that_runs_a_box"])
        .env(HELPER_MARKER, &marker)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(helper.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "started"));
    until("running", || processes_with(&format!("sleep\0{marker}")).len() == 2);
    helper.kill().unwrap();
    helper.wait().unwrap();
    until("gone", || processes_with(&format!("sleep\0{marker}")).is_empty());
}

#[test]
fn the_log_is_bounded_ordered_and_harmless() {
    let bench = native!();
    let script =
        r"printf 'out\n'; printf 'err\n' >&2; printf '::error::x\n \033[31mred\033[0m ##[group]\r\n\377'";
    let (_, log) = bench.sh(script);
    assert_eq!(log, "out\nerr\n\\::error::x\n red #\\#[group]\n\u{fffd}\n");

    let mut spec =
        bench.spec(&["/bin/sh", "-c", "i=0; while [ $i -lt 5000 ]; do echo 123456789; i=$((i+1)); done"]);
    spec.limits.log = 1000;
    let lines = Lines::default();
    let finished = bench.engine.run(&spec, &lines, &Cancel::new()).unwrap_or_else(|_| panic!("no box"));
    assert_eq!(
        (finished.exit, finished.log.bytes.len(), finished.log.dropped),
        (Exit::Code(0), 1000, 49_000)
    );
    assert_eq!(lines.0.lock().unwrap().len(), 100);
}

#[test]
fn a_file_over_the_limit_ends_the_box() {
    let bench = native!();
    let mut spec = bench.spec(&["/bin/dd", "if=/dev/zero", "of=/out/big", "bs=1M", "count=9"]);
    spec.limits.file_size = Some(4 << 20);
    let finished = bench.run(&spec);
    assert_eq!(finished.exit, Exit::LimitHit(Limit::FileSize), "{}", bench::log(&finished));
    assert_eq!(std::fs::metadata(bench.out.join("big")).unwrap().len(), 4 << 20);
}

#[test]
fn too_much_memory_ends_the_box_where_it_is_limited() {
    let bench = native!(python);
    let mut spec =
        bench.python_spec("data = [bytearray(1 << 20) for _ in range(1000)]; print('had it')", &[]);
    spec.limits.memory = Some(100 << 20);
    let finished = bench.run(&spec);
    match &finished.isolation.memory {
        Enforcement::Enforced { value, .. } => {
            assert_eq!(*value, 100 << 20);
            assert_eq!(finished.exit, Exit::LimitHit(Limit::Memory), "{}", bench::log(&finished));
        }
        Enforcement::NotEnforced { why } => skipped!("memory is not limited here: {why}"),
        Enforcement::Unlimited => panic!("a limit was asked for"),
    }
}
