//! `lock` beside another one, killed, and asked for one distribution only.

use std::process::{Command, Stdio};
use std::time::Duration;

use sealwright::lock::Lock;

use super::sample;
use crate::context::{Project, program};

/// Starts `lock` and leaves it running.
fn start(project: &Project, arguments: &[&str]) -> std::process::Child {
    let whole = project.command(arguments);
    let mut command = Command::new(program());
    command.args(whole.get_args()).current_dir(project.path()).env_clear();
    command.envs(whole.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn two_locks_at_once_write_one_whole_file() {
    let project = sample("");
    let mut both = [start(&project, &["lock"]), start(&project, &["lock"])];
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    let text = project.read("sealwright.lock");
    assert_eq!(Lock::parse(&text).unwrap().to_text(), text);
    project.run(&["lock", "--check"]).code(0);
}

#[test]
fn a_lock_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let project = sample("");
    project.run(&["lock"]).code(0);
    let before = project.names(".");
    let mut killed = 0;
    for turn in 0..8_u64 {
        // Each turn asks for another lock than the one that is there.
        let packages = if turn % 2 == 0 { "\nsystem-packages = [\"bc\"]\n" } else { "\n" };
        project.write("sealwright.toml", format!("[target.dist]\nsuites = [\"bookworm\"]{packages}"));
        project.commit("another image");
        let mut child = start(&project, &["lock"]);
        std::thread::sleep(Duration::from_millis(40 + 230 * turn));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let text = project.read("sealwright.lock");
        assert_eq!(Lock::parse(&text).unwrap().to_text(), text, "turn {turn}");
        assert_eq!(project.names("."), before, "nothing else is left beside it");
    }
    assert!(killed > 0, "each one ended before it could be killed");
    project.run(&["lock"]).code(0);
    project.run(&["lock", "--check"]).code(0);
}

#[test]
fn one_distribution_is_upgraded_and_the_rest_stays() {
    // An older setuptools and an older wheel, as if they had been locked long ago.
    let project = Project::new().host_indexes();
    let pyproject = |setuptools: &str, wheel: &str| {
        format!(
            "[build-system]\nrequires = [\"setuptools{setuptools}\", \"wheel{wheel}\"]\n\
             build-backend = \"setuptools.build_meta\"\n[project]\nname = \"kept\"\nversion = \"1\"\n"
        )
    };
    project.write("pyproject.toml", pyproject("==77.0.3", "==0.45.0"));
    project.write("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\n");
    let project = project.git();
    project.run(&["lock"]).code(0);
    let version = |name: &str| {
        let lock = Lock::parse(&project.read("sealwright.lock")).unwrap();
        let file = lock.targets[0].distributions.iter().find(|file| file.name.as_str() == name).unwrap();
        file.version.clone()
    };
    project.write("pyproject.toml", pyproject(">=77", ">=0.45"));
    project.commit("looser");
    project
        .run(&["lock", "--check"])
        .code(3)
        .stderr_has("build requirement setuptools>=77 is asked for and not in the lock");
    project.run(&["lock"]).code(0);
    assert_eq!((version("setuptools").as_str(), version("wheel").as_str()), ("77.0.3", "0.45.0"));
    project.run(&["lock", "--upgrade-package", "wheel"]).code(0);
    assert_eq!(version("setuptools"), "77.0.3");
    assert_ne!(version("wheel"), "0.45.0");
    project.run(&["lock", "--upgrade"]).code(0);
    assert_ne!(version("setuptools"), "77.0.3");
    project.run(&["lock", "--check", "--upgrade-package", "wheel"]).code(2);
}
