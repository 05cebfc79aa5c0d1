//! The conformance suite of engines: isolation, asserted from inside the box (`docs/ARCHITECTURE.md`).

mod bench;
mod ends;
mod files;
mod hosts;
mod network;
mod privileges;
mod user;

/// The native engine, or the end of the test.
macro_rules! native {
    () => {
        match $crate::engine::bench::Bench::native() {
            Ok(bench) => bench,
            Err(reason) => skipped!(engine: "the native engine: {reason}"),
        }
    };
    (python) => {{
        let bench = native!();
        if !std::path::Path::new($crate::engine::bench::PYTHON).exists() {
            skipped!("no {} here", $crate::engine::bench::PYTHON);
        }
        bench
    }};
}
use native;

#[test]
fn the_program_sees_exactly_what_the_specification_says() {
    let bench = native!(python);
    let mut spec = bench.python_spec(
        "import os, socket, sys, stat
print(os.getresuid(), os.getresgid(), os.getcwd(), socket.gethostname(), dict(sorted(os.environ.items())))
mask = os.umask(0); print(oct(mask))
print(os.getpid(), os.getsid(0) == os.getpid(), os.read(0, 1), sys.argv[1:])
print(open('/proc/sys/kernel/domainname').read().strip())
import signal
print(sorted(s.name for s in signal.valid_signals() if hasattr(s, 'name') and signal.getsignal(s) is signal.SIG_IGN), signal.pthread_sigmask(signal.SIG_BLOCK, []))
",
        &["a b", "", "*"],
    );
    spec.env.insert("LANG".to_owned(), "C.UTF-8".to_owned());
    let finished = bench.run(&spec);
    // Python ignores two signals itself.
    assert_eq!(
        bench::log(&finished),
        "(1000, 1000, 1000) (1000, 1000, 1000) /src sealwright {'LANG': 'C.UTF-8', 'PATH': '/usr/bin:/bin'}
0o22
2 True b'' ['a b', '', '*']
(none)
['SIGPIPE', 'SIGXFSZ'] set()
"
    );
}

#[test]
fn several_boxes_run_at_once() {
    let bench = native!();
    std::thread::scope(|scope| {
        let boxes: Vec<_> = (0..6)
            .map(|number| {
                let bench = &bench;
                scope.spawn(move || bench.sh(&format!("echo {number}; exit {number}")))
            })
            .collect();
        for (number, run) in boxes.into_iter().enumerate() {
            let (exit, log) = run.join().unwrap();
            assert_eq!(exit, sealwright::sandbox::Exit::Code(i32::try_from(number).unwrap()));
            assert_eq!(log, format!("{number}\n"));
        }
    });
}

#[test]
fn doctor_finds_what_works() {
    use sealwright::doctor::{Status, probe, usable};
    let bench = native!();
    let engine = sealwright::sandbox::native::NativeEngine::new(crate::context::program());
    let findings = probe(&engine, bench.temp.path());
    assert!(usable(&findings), "{findings:#?}");
    let missing = findings.iter().filter(|finding| finding.status != Status::Ok);
    for finding in missing {
        assert!(!finding.fixes.is_empty(), "{finding:?} has no fix");
    }
}
