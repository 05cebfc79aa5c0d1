//! Tests of builder folders.

use std::fs;
use std::path::Path;

use super::*;
use crate::error::Fault;

/// A copy of the built-in folder whose `builder.toml` went through `change`.
fn copy(change: impl FnOnce(String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in Builder::built_in("python-build").unwrap().files() {
        let path = folder.path().join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.bytes).unwrap();
    }
    let path = folder.path().join("builder.toml");
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    folder
}

fn with_type(text: &str) -> String {
    format!("build-type = \"https://builds.example/own/v1\"\n{text}")
}

fn refused(change: impl FnOnce(String) -> String) -> String {
    let error = Builder::from_path(copy(change).path()).unwrap_err();
    assert_eq!(error.blame().exit_code(), 2);
    assert!(!error.hints().is_empty());
    error.to_string()
}

#[test]
fn the_built_in_builder_is_what_it_says() {
    let builder = Builder::built_in("python-build").unwrap();
    assert_eq!(builder.build_type(), "https://sealwright.dev/build-types/python-build/v1");
    let tools = builder.toolchain().distributions(crate::name::Platform::LinuxAmd64);
    let tools: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(tools, ["build", "packaging", "pyproject-hooks"]);
    for platform in ["linux/amd64", "linux/arm64"] {
        let resolver = builder.toolchain().resolver(platform.parse().unwrap()).unwrap();
        assert!(resolver.file.contains(platform.parse::<crate::name::Platform>().unwrap().machine()));
    }
    assert!(builder.outputs().allows("a-1.tar.gz") && builder.outputs().allows("a-1-py3-none-any.whl"));
    assert!(!builder.outputs().allows("a.zip") && !builder.outputs().allows("x.whl.asc"));
}

#[test]
fn every_file_of_the_folder_is_embedded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("builders");
    for name in BUILDERS {
        assert_eq!(embedded::files(name).unwrap(), folder::read(&folder.join(name)).unwrap(), "{name}");
    }
    let folders = fs::read_dir(folder).unwrap().count();
    assert_eq!(folders, BUILDERS.len());
}

#[test]
fn a_folder_of_the_user_has_its_own_digest_and_type() {
    let built_in = Builder::built_in("python-build").unwrap();
    let folder = copy(|text| with_type(&text));
    let own = Builder::from_path(folder.path()).unwrap();
    assert_eq!(own.build_type(), "https://builds.example/own/v1");
    assert_ne!(own.digest(), built_in.digest());
    fs::create_dir(folder.path().join("__pycache__")).unwrap();
    fs::write(folder.path().join("__pycache__/x.pyc"), "x").unwrap();
    assert_eq!(Builder::from_path(folder.path()).unwrap().digest(), own.digest());
    fs::write(folder.path().join("box/extra.py"), "x").unwrap();
    assert_ne!(Builder::from_path(folder.path()).unwrap().digest(), own.digest());
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    assert!(matches!(Builder::from_path(folder.path()), Err(BuilderError::NotRegular { .. })));
}

#[test]
fn only_the_built_in_folder_claims_its_build_type() {
    assert!(refused(|text| text).ends_with("build-type is missing"));
    for claimed in [
        "https://sealwright.dev/build-types/python-build/v1",
        "https://SEALWRIGHT.dev./x",
        "https://www.sealwright.dev/x",
        "http://builds.example/x",
        "not an address",
    ] {
        let said = refused(|text| format!("build-type = \"{claimed}\"\n{text}"));
        assert!(said.ends_with("which is not its own to claim"), "{said}");
    }
}

#[test]
fn wrong_folders_are_refused_with_their_place() {
    let said = refused(|text| with_type(&text).replace("[outputs]", "[outputs]\nmax-file = 3"));
    assert!(said.contains("unknown field `max-file`"), "{said}");
    let said = refused(|text| with_type(&text).replace("\"g++\"", "\"g++ ; true\""));
    assert!(said.contains("image.include: expected names of Debian packages"), "{said}");
    let said = refused(|text| with_type(&text).replace("box/build.py", "../build.py"));
    assert!(said.contains("expected a path in the builder folder, got \"../build.py\""), "{said}");
    let said = refused(|text| with_type(&text).replace("box/build.py", "box/other.py"));
    assert!(said.contains("lacks \"box/other.py\""), "{said}");
    let said = Builder::built_in("nope").unwrap_err().to_string();
    assert_eq!(said, "no builder is named \"nope\" (built in: bundle, pyinstaller, python-build)");
}

#[test]
fn patterns_match_file_names_only() {
    let patterns = vec!["a*b*c".to_owned(), "plain".to_owned()];
    let rules = OutputRules { makes: Makes::Distributions, patterns, max_files: 1, formats: Vec::new() };
    for good in ["abc", "a1b2c", "abbcc", "plain"] {
        assert!(rules.allows(good), "{good}");
    }
    for wrong in ["ac", "abcd", "xabc", "plainly", ""] {
        assert!(!rules.allows(wrong), "{wrong}");
    }
}

#[test]
fn the_environment_is_fixed() {
    let builder = Builder::built_in("python-build").unwrap();
    let environment = builder.environment(1_700_000_000);
    assert_eq!(environment["SOURCE_DATE_EPOCH"], "1700000000");
    assert_eq!(environment["PYTHONHASHSEED"], "0");
    assert_eq!(environment["PATH"], "/env/build/bin:/usr/local/bin:/usr/bin:/bin");
    assert!(environment.values().all(|value| !value.contains("/root")));
}

#[test]
fn a_builder_of_archives_names_them_and_has_no_backend_to_ask() {
    let builder = Builder::built_in("bundle").unwrap();
    assert_eq!(builder.build_type(), "https://sealwright.dev/build-types/bundle/v1");
    assert_eq!(builder.image_packages(), ["python3"]);
    assert_eq!(builder.roles(), [Role::Runtime, Role::Tool]);
    assert!(builder.toolchain().distributions(crate::name::Platform::LinuxAmd64).is_empty());
    assert_eq!(builder.requires_command(&serde_json::json!({})), None);
    let platform = "linux/arm64".parse().unwrap();
    let names = builder.outputs().archives(ArchiveName {
        name: "{os}",
        platform,
        format: crate::config::ArchiveFormat::TarGz,
    });
    assert_eq!(names, ["{os}-linux-aarch64.tar.gz"]);
    assert_eq!(Builder::built_in("python-build").unwrap().roles(), [Role::Build, Role::Tool]);
}

#[test]
fn a_target_holds_the_keys_that_its_builder_takes() {
    let target: TargetName = "app".parse().unwrap();
    let check = |builder: &str, keys: &[&str]| {
        Builder::built_in(builder).unwrap().check_target(&target, keys.iter().copied())
    };
    check("bundle", &["builder", "files", "requirements", "limits"]).unwrap();
    let error = check("python-build", &["python", "files"]).unwrap_err();
    assert_eq!(error.to_string(), "[target.app] files: builder python-build does not take it");
    assert_eq!(error.hints(), ["beside the keys of all targets python-build takes config-settings"]);
    let own = copy(|text| {
        with_type(&text).replace("keys = [\"config-settings\"]", "keys = [\"name\"]\nrequired = [\"name\"]")
    });
    let own = Builder::from_path(own.path()).unwrap();
    let error = own.check_target(&target, [].into_iter()).unwrap_err();
    assert_eq!(error.to_string(), "[target.app] has no name, which builder python-build needs");
    assert_eq!(error.blame().exit_code(), 2);
    let said = refused(|text| with_type(&text).replace("config-settings", "colour"));
    assert!(said.contains("target.keys: expected some of config-settings"), "{said}");
}
