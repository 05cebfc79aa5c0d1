//! Artifacts of real compilers: an interpreter's byte code, a linker's objects.

use std::path::Path;
use std::process::Command;

use sealwright::compare::{Cause, Verdict};

use super::compare_paths;

/// Byte code of this source by this host's Python.
fn byte_code(folder: &Path, source: &str) -> Option<std::path::PathBuf> {
    std::fs::create_dir_all(folder).unwrap();
    let (file, code) = (folder.join("module.py"), folder.join("module.pyc"));
    std::fs::write(&file, source).unwrap();
    let script = "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2], sys.argv[3], doraise=True, \
                  invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)";
    let status =
        Command::new("python3").args(["-I", "-c", script]).args([&file, &code]).arg("module.py").status();
    status.ok().filter(std::process::ExitStatus::success).map(|_| code)
}

#[test]
fn byte_code_of_python() {
    let folder = tempfile::tempdir().unwrap();
    let source = "def f(x):\n    return x in {'one', 'two', 'three', 'four', 'five', 'six'}\n";
    std::fs::write(folder.path().join("set.py"), source).unwrap();
    let seeded = |seed: &str| {
        let (file, code) = (folder.path().join("set.py"), folder.path().join(format!("set-{seed}.pyc")));
        let script =
            "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2], 'set.py', doraise=True)";
        let done = Command::new("python3")
            .args(["-c", script])
            .args([&file, &code])
            .env("PYTHONHASHSEED", seed)
            .status();
        done.ok().filter(std::process::ExitStatus::success).map(|_| code)
    };
    let (Some(one), Some(two)) = (seeded("1"), seeded("2")) else { skipped!("no python3 here") };
    let report = compare_paths(&one, &two);
    // From Python 3.11 on sets are written in one order.
    if report.verdict != Verdict::Identical {
        assert_eq!(report.causes().into_iter().collect::<Vec<_>>(), [Cause::HashSeed], "{report:#?}");
    }
    let (Some(before), Some(after)) = (
        byte_code(
            &folder.path().join("a"),
            "x = 1\nclass C:\n    def f(self): return [1, 'text', 2.5, None]\n",
        ),
        byte_code(
            &folder.path().join("b"),
            "x = 1\nclass C:\n    def f(self): return [1, 'other', 2.5, None]\n",
        ),
    ) else {
        skipped!("python3 cannot compile");
    };
    let report = compare_paths(&before, &after);
    assert_eq!(report.causes().into_iter().collect::<Vec<_>>(), [Cause::Content], "{report:#?}");
    assert!(report.changes.iter().any(|change| change.detail.contains("text → other")), "{report:#?}");
}

#[test]
fn objects_of_a_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let build = |name: &str, source: &str, flags: &[&str]| {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("main.c"), source).unwrap();
        let done = Command::new("cc")
            .args(["-shared", "-fPIC", "-o", "demo.so", "main.c"])
            .args(flags)
            .current_dir(&place)
            .status();
        done.ok().filter(std::process::ExitStatus::success).map(|_| place.join("demo.so"))
    };
    let source = "int f(int x) { return x + 41; }\n";
    let (Some(one), Some(two)) = (build("a", source, &["-g"]), build("b", source, &["-g"])) else {
        skipped!("no C compiler here");
    };
    let report = compare_paths(&one, &two);
    let expected = [Cause::EmbeddedPath, Cause::BuildId];
    assert_eq!(report.causes().into_iter().collect::<Vec<_>>(), expected, "{report:#?}");
    let stamped = "const char when[] = __DATE__ \" at \" __TIME__;\n";
    let made = ["Jan  2 2024", "Mar  4 2025"].map(|day| {
        let date = format!("-D__DATE__=\"{day}\"");
        build(
            &format!("stamped {day}"),
            stamped,
            &["-Wno-builtin-macro-redefined", "-Wl,--build-id=none", &date],
        )
    });
    let [Some(one), Some(two)] = made else { skipped!("the compiler takes no date") };
    let report = compare_paths(&one, &two);
    assert!(report.causes().contains(&Cause::TimeStamp), "{report:#?}");
}
