//! What a lock holds, for other tools: a wheelhouse that pip installs from, `pylock.toml`, bills of materials; each
//! before a judge that is not ours.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealwright::export::{self, Product, ProductKind};
use serde_json::Value;

use crate::bundle::{CONFIG, application};
use crate::context::{Project, repository};
use crate::judges::{assert_passes, judge};
use crate::lock::rich;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A fresh virtual environment, or none where this host's Python makes none.
fn virtual_environment(project: &Project) -> Option<PathBuf> {
    let folder = project.home().join("venv");
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).output().ok()?;
    made.status.success().then_some(folder)
}

/// Name and version of what a folder of modules holds, pip itself aside.
fn installed(python: &Path) -> Vec<String> {
    let list = "import importlib.metadata as m\n\
        print('\\n'.join(sorted(f'{d.metadata[\"Name\"]}=={d.version}' for d in m.distributions())))";
    let output = Command::new(python).args(["-I", "-c", list]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|line| !line.starts_with("pip==") && !line.starts_with("setuptools=="))
        .map(str::to_owned)
        .collect()
}

#[test]
fn pip_installs_from_an_exported_wheelhouse_with_hashes_and_no_index() {
    let project = application(CONFIG, &[]);
    project.run(&["fetch", "--export", "wheelhouse"]).code(0).stdout_has("wrote 2 distributions");
    insta::assert_snapshot!(project.names("wheelhouse").join("\n"), @r"
    greeting-1.2-py3-none-any.whl
    parts_of_speech-3-py3-none-any.whl
    pylock.toml
    requirements-function-runtime.txt
    requirements.txt
    ");
    let Some(venv) = virtual_environment(&project) else { skipped!("this host's python3 makes no venv") };
    let folder = project.join("wheelhouse");
    let pip = |requirements: &Path| {
        Command::new(venv.join("bin/python"))
            .args([
                "-I",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--force-reinstall",
                "--no-index",
                "--require-hashes",
                "--find-links",
            ])
            .arg(&folder)
            .arg("-r")
            .arg(requirements)
            .env_remove("PIP_FIND_LINKS")
            .output()
            .unwrap()
    };
    let done = pip(&folder.join("requirements.txt"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(installed(&venv.join("bin/python")), ["greeting==1.2", "parts_of_speech==3"]);
    // And the hashes are looked at.
    let text = project.read("wheelhouse/requirements.txt");
    let at = text.find("sha256:").unwrap() + 7;
    project.write("wheelhouse/wrong.txt", format!("{}{}{}", &text[..at], "0".repeat(64), &text[at + 64..]));
    let refused = pip(&folder.join("wrong.txt"));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("DO NOT MATCH"), "{refused:?}");
    // A second export touches nothing.
    let time = || std::fs::metadata(folder.join("requirements.txt")).unwrap().modified().unwrap();
    let before = time();
    project.run(&["fetch", "--offline", "--export", "wheelhouse"]).code(0);
    assert_eq!(before, time());
}

#[test]
fn build_requirements_and_tools_are_exported_too_each_on_its_own() {
    let project = Project::copy_of("examples/hello").host_indexes().git();
    let outcome = project.run(&["fetch", "--export", "out", "--json"]).code(0).json();
    let files = outcome["exported"]["files"].as_array().unwrap();
    let files: Vec<&str> = files.iter().map(|file| file.as_str().unwrap()).collect();
    assert_eq!(
        files,
        ["pylock.toml", "requirements-dist-build.txt", "requirements-dist-tool.txt", "requirements.txt"]
    );
    assert_eq!(outcome["exported"]["distributions"].as_array().unwrap().len(), 4);
    let (main, build) =
        (project.read("out/requirements.txt"), project.read("out/requirements-dist-build.txt"));
    assert_eq!(main.lines().skip(1).collect::<Vec<_>>(), build.lines().skip(1).collect::<Vec<_>>());
    assert!(main.contains("setuptools==") && !main.contains("packaging=="), "{main}");
    assert!(main.contains("    # via build-system.requires\n"), "{main}");
}

const READS_PYLOCK: &str = "
import sys, tomllib
from packaging.pylock import Pylock
for path in sys.argv[1:]:
    with open(path, 'rb') as file:
        lock = Pylock.from_dict(tomllib.load(file))
    lock.validate()
    for package in lock.packages:
        for wheel in package.wheels:
            assert wheel.url is None and wheel.path == wheel.name and wheel.size and wheel.hashes['sha256']
    print(lock.created_by, [(package.name, str(package.version)) for package in lock.packages])
";

#[test]
fn pylock_is_taken_by_packaging_and_installed_by_uv() {
    let project = application(CONFIG, &[]);
    project.run(&["lock", "--export", "pylock"]).code(0).stdout_has("wrote wheelhouse/pylock.toml");
    let text = project.read("wheelhouse/pylock.toml");
    assert!(!text.contains("://"), "{text}");
    project.run(&["lock", "--check", "--export", "pylock", "--export-dir", "other"]).code(0);
    assert_eq!(text, project.read("other/pylock.toml"));
    project.run(&["fetch", "--export", "wheelhouse"]).code(0);
    assert_eq!(text, project.read("wheelhouse/pylock.toml"));
    project.run(&["lock", "--export-dir", "x"]).code(2).stderr_has("--export");
    let path = project.join("wheelhouse/pylock.toml");
    let Some(python) = judge("python") else { skipped!("the judges are not installed") };
    let read = Command::new(python).args(["-I", "-c", READS_PYLOCK]).arg(&path).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    assert_eq!(
        String::from_utf8_lossy(&read.stdout),
        "sealwright [('greeting', '1.2'), ('parts-of-speech', '3')]\n"
    );
    let (Some(uv), Some(venv)) = (judge("uv"), virtual_environment(&project)) else {
        skipped!("uv is not installed, or no venv can be made");
    };
    // Markers are of the image's Python; this host's may be another.
    let host = Command::new(venv.join("bin/python")).arg("--version").output().unwrap();
    if !String::from_utf8_lossy(&host.stdout).starts_with("Python 3.11.") {
        skipped!("this host's python3 is not 3.11, which the lock file is for");
    }
    assert_passes(
        Command::new(uv)
            .args([
                "pip",
                "sync",
                "--offline",
                "--no-index",
                "--quiet",
                "--no-cache",
                "--no-config",
                "--python",
            ])
            .arg(venv.join("bin/python"))
            .arg(&path)
            .env_remove("UV_FIND_LINKS"),
    );
    assert_eq!(installed(&venv.join("bin/python")), ["greeting==1.2", "parts_of_speech==3"]);
}

/// Package URLs of a project's lock, by what its statement says.
fn purls_of_the_statement(project: &Project) -> BTreeSet<String> {
    let name = project.names("provenance").remove(0);
    let statement = json(&project.read(&format!("provenance/{name}")));
    let list = statement["predicate"]["buildDefinition"]["resolvedDependencies"].as_array().unwrap().clone();
    list.iter()
        .filter_map(|one| one["uri"].as_str())
        .filter(|uri| uri.starts_with("pkg:"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn bills_hold_what_the_statement_holds_and_are_the_same_each_time() {
    let project = application(CONFIG, &[]);
    project.run(&["build"]).code(0);
    let said = purls_of_the_statement(&project);
    assert!(said.len() > 20);
    let bill = |format: &str| project.run(&["sbom", "--format", format]).code(0).stdout;
    assert_eq!(project.run(&["sbom", "function"]).code(0).stdout, bill("cyclonedx"));
    let (cyclonedx, spdx) = (json(&bill("cyclonedx")), json(&bill("spdx")));
    let components = cyclonedx["components"].as_array().unwrap();
    let purls = components.iter().filter_map(|one| one["purl"].as_str()).map(str::to_owned);
    assert_eq!(purls.collect::<BTreeSet<_>>(), said);
    let packages = spdx["packages"].as_array().unwrap();
    let purls = packages.iter().filter_map(|one| one["externalRefs"][0]["referenceLocator"].as_str());
    assert_eq!(purls.map(str::to_owned).collect::<BTreeSet<_>>(), said);

    assert_eq!(cyclonedx["metadata"]["timestamp"], "2024-01-02T03:04:05Z");
    assert_eq!(cyclonedx["metadata"]["component"]["type"], "application");
    assert_eq!(spdx["creationInfo"]["created"], "2024-01-02T03:04:05Z");
    let greeting = components.iter().find(|one| one["name"] == "greeting").unwrap();
    assert_eq!(greeting["scope"], "required");
    assert_eq!(greeting["properties"][0]["value"], "runtime");
    let lock = project.read("sealwright.lock");
    assert!(lock.contains(greeting["hashes"][0]["content"].as_str().unwrap()));
    // Another lock is another bill.
    project.write("sealwright.lock", lock.replace("greeting-1.2-py3", "greeting-1.2-1-py3"));
    let other = json(&bill("cyclonedx"));
    assert_ne!(other["serialNumber"], cyclonedx["serialNumber"]);
    assert_ne!(json(&bill("spdx"))["documentNamespace"], spdx["documentNamespace"]);
}

#[test]
fn bills_are_of_one_target_and_of_a_fresh_lock() {
    let project = Project::copy_of("examples/hello").host_indexes().git();
    project.run(&["sbom"]).code(0).stdout_has("setuptools");
    project.run(&["sbom", "--python", "3.13"]).code(2).stderr_has("there are dist with Python 3.11");
    project.run(&["sbom", "nothing"]).code(2);
    let config = project.read("sealwright.toml");
    project.write("sealwright.toml", format!("{config}system-packages = [\"libffi-dev\"]\n"));
    project.commit("more");
    project.run(&["sbom"]).code(3).stderr_has("libffi-dev is asked for and not in the lock");
}

#[test]
fn spdx_is_valid_against_its_schema() {
    let project = Project::copy_of("examples/c-extension").host_indexes().git();
    let schema = std::fs::read(repository().join("tests/fixtures/spdx-schema/spdx_2_3.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let bill = json(&project.run(&["sbom", "--format", "spdx"]).code(0).stdout);
    let errors: Vec<String> = validator.iter_errors(&bill).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut wrong = bill.clone();
    wrong["packages"][0]["primaryPackagePurpose"] = "SOUP".into();
    assert!(!validator.is_valid(&wrong));
}

const VALIDATES_CYCLONEDX: &str = "
import json, sys
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
assert error is None, error
bom = Bom.from_json(json.loads(text))
bom.validate()
print(len(bom.components))
";

const VALIDATES_SPDX: &str = "
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
document = parse_file(sys.argv[1])
errors = validate_full_spdx_document(document)
assert not errors, errors
print(len(document.packages) - 1)
";

#[test]
fn bills_pass_the_libraries_of_cyclonedx_and_spdx() {
    let Some(python) = judge("python") else { skipped!("the judges are not installed") };
    let project = Project::copy_of("examples/c-extension").host_indexes().git();
    for (format, module, script) in
        [("cyclonedx", "cyclonedx", VALIDATES_CYCLONEDX), ("spdx", "spdx_tools", VALIDATES_SPDX)]
    {
        let there = Command::new(&python).args(["-I", "-c", &format!("import {module}")]).output().unwrap();
        if !there.status.success() {
            skipped!("{module} is not installed: tests/setup.sh does it");
        }
        let text = project.run(&["sbom", "--format", format]).code(0).stdout;
        let path =
            project.home().join(format!("bill.{}.json", if format == "spdx" { "spdx" } else { "cdx" }));
        std::fs::write(&path, &text).unwrap();
        let judged = Command::new(&python).args(["-I", "-c", script]).arg(&path).output().unwrap();
        assert!(judged.status.success(), "{format}: {}", String::from_utf8_lossy(&judged.stderr));
        let count = String::from_utf8_lossy(&judged.stdout).trim().parse::<usize>().unwrap();
        let bill = json(&text);
        let entries = if format == "spdx" {
            bill["packages"].as_array().unwrap().len() - 1
        } else {
            bill["components"].as_array().unwrap().len()
        };
        assert_eq!(count, entries, "{format}");
    }
}

/// A lock with an image by reference, wheels that are built from sdists, and crates.
#[test]
fn what_is_built_from_source_is_told_with_its_source() {
    let lock = rich();
    let target = &lock.targets[0];
    let slice = lock.slice(&target.name, target.platform, target.python).unwrap();
    let product = Product { name: "demo", version: Some("1.0"), kind: ProductKind::Application, epoch: 0 };
    let cyclonedx = json(&export::cyclonedx(&slice, product).unwrap());
    let spdx = json(&export::spdx(&slice, product).unwrap());
    let lines: Vec<String> = cyclonedx["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| {
            let on = one["dependsOn"].as_array().cloned().unwrap_or_default();
            let short = |value: &Value| {
                let parts = value.as_str().unwrap().split('/');
                let short =
                    |part: &str| part.chars().take(if part.len() == 64 { 6 } else { 99 }).collect::<String>();
                parts.map(short).collect::<Vec<_>>().join("/")
            };
            on.iter().map(|needed| format!("{} -> {}", short(&one["ref"]), short(needed))).collect::<Vec<_>>()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    product -> build/setuptools-80.9.0-py3-none-any.whl
    product -> build/wheel-0.45.1-py3-none-any.whl
    product -> crate/libc-0.2.180.crate
    product -> image/6105d6
    product -> runtime/outer-1.0-py3-none-any.whl
    product -> tool/build-1.3.0+local.1-py3-none-any.whl
    image/6105d6 -> image/6105d6/g++-12_12.2.0-14+deb12u1_amd64
    image/6105d6 -> image/6105d6/libc6_1:2.36-9~x_amd64
    image/5ca8a3 -> image/5ca8a3/b79606
    image/5ca8a3 -> image/5ca8a3/dac1d7
    runtime/outer-1.0-py3-none-any.whl -> sdist/outer-1.0.tar.gz/c5f42a
    sdist/inner-1.0.tar.gz/edac12 -> for/inner-1.0-py3-none-any.whl/build/setuptools-80.9.0-py3-none-any.whl
    sdist/inner-1.0.tar.gz/edac12 -> for/inner-1.0-py3-none-any.whl/crate/libc-0.2.180.crate
    sdist/inner-1.0.tar.gz/edac12 -> image/6105d6
    sdist/outer-1.0.tar.gz/c5f42a -> for/outer-1.0-py3-none-any.whl/build/inner-1.0-py3-none-any.whl
    sdist/outer-1.0.tar.gz/c5f42a -> for/outer-1.0-py3-none-any.whl/crate/libc-0.2.180.crate
    sdist/outer-1.0.tar.gz/c5f42a -> image/5ca8a3
    for/outer-1.0-py3-none-any.whl/build/inner-1.0-py3-none-any.whl -> sdist/inner-1.0.tar.gz/edac12
    ");
    let kinds: BTreeSet<&str> = spdx["relationships"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["relationshipType"].as_str().unwrap())
        .collect();
    assert!(kinds.contains("GENERATED_FROM") && kinds.contains("RUNTIME_DEPENDENCY_OF"), "{kinds:?}");
    let ids: Vec<&str> =
        spdx["packages"].as_array().unwrap().iter().map(|one| one["SPDXID"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());

    let built = target.distributions.iter().find(|file| slice.wheel(&file.sha256).is_some()).unwrap();
    let wheel = slice.wheel(&built.sha256).unwrap();
    let text = export::requirements("x", &target.distributions, built.role, &slice);
    assert!(text.contains(&format!(
        "{}=={} \\\n    --hash=sha256:{} \\\n    --hash=sha256:{}\n",
        built.name, built.version, built.sha256, wheel.sdist.sha256
    )));
    assert!(
        export::pylock(target, &slice)
            .unwrap()
            .contains(&format!("sdist = {{ name = \"{}\"", wheel.sdist.file))
    );
}
