//! Distributions that there is no wheel of: built here from their sdists, each in a box of its own.

use std::io::Write as _;
use std::path::Path;

use sealwright::digest::Sha256;
use sealwright::lock::{Lock, Role};
use sealwright::provenance::Statement;
use sealwright::record::lock_from_statement;

use crate::context::Project;

const BACKEND: &str = include_str!("wheels/tiny_backend.py");

/// An sdist in a folder; `more` ends its `pyproject.toml`, after `[tool.tiny]`. Returns its digest.
fn sdist(folder: &Path, name: &str, version: &str, requires: &[&str], more: &str) -> Sha256 {
    let pyproject = format!(
        "[build-system]\nrequires = {requires:?}\nbuild-backend = 'tiny_backend'\nbackend-path = ['.']\n\
         [project]\nname = '{name}'\nversion = '{version}'\n[tool.tiny]\n{more}\n"
    );
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in
        [("PKG-INFO", metadata.as_str()), ("pyproject.toml", &pyproject), ("tiny_backend.py", BACKEND)]
    {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_704_164_645);
        tar.append_data(&mut header, format!("{name}-{version}/{path}"), text.as_bytes()).unwrap();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    let bytes = gzip.finish().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!("{name}-{version}.tar.gz")), &bytes).unwrap();
    Sha256::of(&bytes)
}

/// A name that no earlier run of a test has used: what is built in the shared store stays there.
fn fresh(name: &str) -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{name}{nanos}")
}

/// A project whose builds find distributions in the folder `links` of its home and nowhere else. The resolver comes from
/// the host's index.
fn project(links: &Path) -> Project {
    // The resolver itself has to be in the store before indexes are switched off.
    let first = crate::build::sample("# the resolver\n");
    first.run(&["lock"]).code(0);
    first.run(&["fetch"]).code(0);
    Project::new().env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", links)
}

fn python_build(project: Project, requires: &[&str], imports: &[&str]) -> Project {
    let pyproject = format!(
        "[build-system]\nrequires = {requires:?}\nbuild-backend = 'tiny_backend'\nbackend-path = ['.']\n\
         [project]\nname = 'top'\nversion = '1'\n[tool.tiny]\nimports = {imports:?}\n"
    );
    project
        .file("pyproject.toml", pyproject)
        .file("tiny_backend.py", BACKEND)
        .file("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\n")
        .git()
}

fn lock_of(project: &Project) -> Lock {
    Lock::parse(&project.read("sealwright.lock")).unwrap()
}

#[test]
fn a_build_requirement_that_is_only_an_sdist_is_built_with_what_it_needs_and_recorded() {
    let home = tempfile::tempdir().unwrap();
    let (outer, inner) = (fresh("outer"), fresh("inner"));
    // The newest version that fits, not the newest.
    sdist(home.path(), &outer, "3.0", &[], "");
    let imports = format!("imports = ['{inner}']\nhook = ['{inner} >= 1']");
    let digest = sdist(home.path(), &outer, "2.0", &[], &imports);
    let inner_digest = sdist(home.path(), &inner, "1.5", &[], "");
    let project = python_build(project(home.path()), &[&format!("{outer} < 3")], &[&outer]);
    project
        .run(&["build", "--wheel"])
        .code(0)
        .stderr_has(&format!("building a wheel of {inner} 1.5"))
        .stderr_has(&format!("building a wheel of {outer} 2.0"));

    let lock = lock_of(&project);
    let sdists: Vec<(&str, Sha256)> =
        lock.wheels.iter().map(|wheel| (wheel.name.as_str(), wheel.sdist.sha256)).collect();
    assert_eq!(sdists, [(inner.as_str(), inner_digest), (outer.as_str(), digest)]);
    let built = &lock.wheels[1];
    assert_eq!(built.hooks[0].requires, [format!("{inner} >= 1")]);
    assert!(built.distributions.iter().any(|file| file.sha256 == lock.wheels[0].sha256));
    assert_eq!(built.image, lock.targets[0].image, "one image for all");
    let file = lock.targets[0].distributions.iter().find(|file| file.sha256 == built.sha256).unwrap();
    assert_eq!(
        (file.role, file.required_by.as_slice()),
        (Role::Build, &["build-system.requires".to_owned()][..])
    );

    let line = project.read("provenance/top-1-py3-none-any.whl.intoto.jsonl");
    let statement = Statement::parse_file(line.as_bytes()).unwrap();
    assert_eq!(lock_from_statement(&statement).unwrap(), lock);
    let list = &statement.predicate().build_definition.resolved_dependencies;
    let source = list.iter().find(|one| one.digest.as_sha256() == Some(digest)).unwrap();
    assert_eq!(source.text("role"), Some("sdist"));
    assert_eq!(source.annotations["wheel"]["sha256"], built.sha256.to_string());
    // What imports say was in the wheel: outer was built with inner, top with outer.
    let wheel = std::fs::File::open(project.join("dist/top-1-py3-none-any.whl")).unwrap();
    let mut zip = zip::ZipArchive::new(wheel).unwrap();
    let text = std::io::read_to_string(zip.by_name("top.py").unwrap()).unwrap();
    assert_eq!(text, format!("SAID = ['top', ['{outer}', ['{inner}']]]\n"));
}

#[test]
fn a_locked_wheel_is_built_again_where_it_is_missing_and_must_be_the_same() {
    let home = tempfile::tempdir().unwrap();
    let (good, bad) = (fresh("good"), fresh("bad"));
    sdist(home.path(), &good, "1.0", &[], "");
    let project = python_build(project(home.path()), &[&good], &[&good]);
    project.run(&["lock"]).code(0);
    let wheel = lock_of(&project).wheels[0].sha256;
    std::fs::remove_file(sealwright::store::Store::open(project.store()).unwrap().blob_path(&wheel)).unwrap();
    project.run(&["fetch"]).code(0);
    // With its sdist there, no network is needed.
    std::fs::remove_file(home.path().join(format!("{good}-1.0.tar.gz"))).unwrap();
    project.run(&["build", "--wheel", "--locked", "--offline"]).code(0).stderr_has("building a wheel of");
    // Locked once more, it stays, and nothing is built.
    let before = project.read("sealwright.lock");
    project.run(&["lock", "--offline"]).code(0).stdout_has("is fresh");
    assert_eq!(project.read("sealwright.lock"), before);

    sdist(home.path(), &bad, "1.0", &[], "random = true");
    let project = python_build(
        Project::new().env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", home.path()),
        &[&bad],
        &[&bad],
    );
    project.run(&["lock"]).code(0);
    let wheel = lock_of(&project).wheels[0].sha256;
    std::fs::remove_file(sealwright::store::Store::open(project.store()).unwrap().blob_path(&wheel)).unwrap();
    project
        .run(&["build", "--wheel", "--locked", "--no-cache"])
        .code(3)
        .stderr_has(&format!(
            "{bad}-1.0-py3-none-any.whl, built from {bad}-1.0.tar.gz, is not the locked wheel"
        ))
        .stderr_has("its build is not reproducible");
    assert!(!project.join("dist").exists(), "nothing is written");
}

#[test]
fn sdists_that_need_each_other_or_fail_say_who_asked() {
    let home = tempfile::tempdir().unwrap();
    let (one, two, broken) = (fresh("one"), fresh("two"), fresh("broken"));
    sdist(home.path(), &one, "1", &[&two], "");
    sdist(home.path(), &two, "1", &[&one], "");
    sdist(home.path(), &broken, "1", &[], "fails = 'no compiler for this'");
    let project = python_build(project(home.path()), &[&one], &[]);
    project
        .run(&["lock"])
        .code(2)
        .stderr_has(&format!("cannot build a wheel from {one}-1.tar.gz, which build-system.requires needs"))
        .stderr_has(&format!(
            "sdists need each other to be built: {one}-1.tar.gz needs {two}-1.tar.gz needs {one}-1.tar.gz"
        ));
    assert!(!project.join("sealwright.lock").exists());
    let project = python_build(
        Project::new().env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", home.path()),
        &[&broken],
        &[],
    );
    project
        .run(&["lock"])
        .code(1)
        .stderr_has(&format!(
            "cannot build a wheel from {broken}-1.tar.gz, which build-system.requires needs"
        ))
        .stderr_has("no compiler for this");
}

#[test]
fn a_pinned_sdist_is_built_for_a_bundle_and_another_hash_of_it_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let name = fresh("pinned");
    let digest = sdist(home.path(), &name, "1.0", &[], "");
    let pinned = |digest: &str| format!("{name}==1.0 \\\n    --hash=sha256:{digest}\n");
    let project = project(home.path())
        .file("app.py", format!("import {name}\nprint({name}.SAID)\n"))
        .file("requirements.txt", pinned(&digest.to_string()))
        .file(
            "sealwright.toml",
            "[target.app]\nbuilder = \"bundle\"\nname = \"app\"\nfiles = [\"app.py\"]\nsuites = [\"bookworm\"]\n",
        )
        .git();
    project
        .run(&["build"])
        .code(0)
        .stderr_has("app: run-time dependencies from requirements.txt")
        .stderr_has(&format!("building a wheel of {name} 1.0"));
    let lock = lock_of(&project);
    assert_eq!(lock.targets[0].requirements[0].file, "requirements.txt");
    assert_eq!(lock.targets[0].distributions[0].sha256, lock.wheels[0].sha256);
    assert_ne!(lock.wheels[0].image, lock.targets[0].image, "compilers are in the wheel's image only");
    let statement = project.names("provenance").remove(0);
    let statement =
        Statement::parse_file(project.read(&format!("provenance/{statement}")).as_bytes()).unwrap();
    assert_eq!(lock_from_statement(&statement).unwrap(), lock);
    // A comment makes it stale, and nothing is built for that.
    project.write("requirements.txt", format!("# pinned\n{}", pinned(&digest.to_string())));
    project.commit("comment");
    project.run(&["lock", "--check"]).code(3).stderr_has("requirements.txt has changed since it was locked");
    project.run(&["lock"]).code(0).stdout_has("wrote sealwright.lock");
    assert_eq!(lock_of(&project).wheels, lock.wheels);
    project.write("requirements.txt", pinned(&Sha256::of("another").to_string()));
    project.commit("another hash");
    project
        .run(&["lock"])
        .code(2)
        .stderr_has(&format!("requirements.txt:1: no file of {name} 1.0 is acceptable"))
        .stderr_has("its sha256 is not among the locked ones");
}
