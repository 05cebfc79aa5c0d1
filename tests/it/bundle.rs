//! `builder = "bundle"` from outside: an application and its run-time distributions as one archive.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use sealwright::digest::Sha256;
use sealwright::lock::{Distribution, Lock, Role};
use sealwright::provenance::Statement;
use sealwright::record::lock_from_statement;
use sealwright::wheel::write_record;

use crate::context::{Project, repository};
use crate::debian::real::{image_of, run_in};

const HANDLER: &str = "\
import importlib.metadata, json
import greeting
from parts.shout import shout

def handler(event, context=None):
    return {'said': shout(greeting.greet(event['name'])), 'with': importlib.metadata.version('greeting')}

if __name__ == '__main__':
    print(json.dumps(handler({'name': 'box'})))
";

pub const CONFIG: &str = "[target.function]\nbuilder = \"bundle\"\nsuites = [\"bookworm\"]\n";

/// A wheel of these files, in a folder of wheels.
pub fn wheel(folder: &Path, name: &str, version: &str, files: &[(&str, &str)]) -> Distribution {
    let info = format!("{name}-{version}.dist-info");
    let mut all: BTreeMap<String, String> = BTreeMap::from([
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned(),
        ),
        (format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")),
    ]);
    all.extend(files.iter().map(|(path, text)| (path.replace("INFO", &info), (*text).to_owned())));
    let listed =
        all.iter().map(|(path, text)| (path.clone(), (Sha256::of(text), text.len() as u64))).collect();
    all.insert(format!("{info}/RECORD"), write_record(&listed, &format!("{info}/RECORD")));
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, text) in all {
        zip.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    let file = format!("{name}-{version}-py3-none-any.whl");
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(&file), &bytes).unwrap();
    Distribution {
        role: Role::Runtime,
        name: name.parse().unwrap(),
        version: version.to_owned(),
        file,
        size: bytes.len() as u64,
        sha256: Sha256::of(&bytes),
        required_by: vec!["requirements.txt".to_owned()],
    }
}

fn wheels(folder: &Path) -> Vec<Distribution> {
    let greet = "from parts_of_speech import HELLO\ndef greet(name):\n    return f'{HELLO}, {name}'\n";
    let scripts = "[console_scripts]\ngreet = greeting:greet\n";
    vec![
        wheel(
            folder,
            "greeting",
            "1.2",
            &[("greeting/__init__.py", greet), ("INFO/entry_points.txt", scripts)],
        ),
        wheel(folder, "parts_of_speech", "3", &[("parts_of_speech.py", "HELLO = 'hello'\n")]),
    ]
}

/// An application with run-time distributions in its lock, which come from a folder of wheels.
pub fn application(config: &str, more: &[(&str, &str)]) -> Project {
    let project = Project::new().host_indexes();
    let links = project.home().join("wheels");
    let distributions = wheels(&links);
    let project = project.env("UV_FIND_LINKS", &links);
    for (path, text) in [
        ("handler.py", HANDLER),
        ("parts/__init__.py", ""),
        ("parts/shout.py", "def shout(text):\n    return text.upper() + '!'\n"),
        ("tests/test_handler.py", "raise SystemExit('not in a bundle')\n"),
        (".editorconfig", "root = true\n"),
        ("sealwright.toml", config),
    ]
    .iter()
    .chain(more)
    {
        project.write(path, text);
    }
    let project = project.git();
    project.run(&["lock"]).code(0);
    let mut lock = Lock::parse(&project.read("sealwright.lock")).unwrap();
    lock.targets[0].distributions.extend(distributions);
    project.write("sealwright.lock", lock.to_text());
    project.run(&["lock", "--check"]).code(0);
    project
}

fn machine() -> &'static str {
    sealwright::name::Platform::host().unwrap().machine()
}

/// What the bundle's program prints, unpacked, run by this host's Python and nothing else.
fn says(archive: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let unpack = "import shutil, sys; shutil.unpack_archive(sys.argv[1], sys.argv[2])";
    let unpacked =
        Command::new("python3").args(["-I", "-c", unpack]).arg(archive).arg(folder.path()).status().unwrap();
    assert!(unpacked.success());
    let run = Command::new("python3")
        .args(["-E", "-s", "-S", "-B", "handler.py"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

const SAID: &str = "{\"said\": \"HELLO, BOX!\", \"with\": \"1.2\"}\n";

fn members(path: &Path) -> Vec<String> {
    let archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    archive.file_names().map(|name| name.unwrap().into_owned()).collect()
}

#[test]
fn a_bundle_runs_on_plain_python_and_its_statement_lists_what_it_runs_with() {
    let project = application(CONFIG, &[]);
    let name = format!("function-linux-{}.zip", machine());
    project.run(&["build", "--locked", "--no-cache"]).code(0).stdout_has("function: built in");
    assert_eq!(project.names("dist"), [name.as_str()]);
    let path = project.join(&format!("dist/{name}"));
    insta::assert_snapshot!(members(&path).join("\n"), @r"
    greeting-1.2.dist-info/INSTALLER
    greeting-1.2.dist-info/METADATA
    greeting-1.2.dist-info/RECORD
    greeting-1.2.dist-info/WHEEL
    greeting-1.2.dist-info/entry_points.txt
    greeting/__init__.py
    handler.py
    parts/__init__.py
    parts/shout.py
    parts_of_speech-3.dist-info/INSTALLER
    parts_of_speech-3.dist-info/METADATA
    parts_of_speech-3.dist-info/RECORD
    parts_of_speech-3.dist-info/WHEEL
    parts_of_speech.py
    ");
    assert_eq!(says(&path), SAID);

    let statement = project.read(&format!("provenance/{name}.intoto.jsonl"));
    let statement = Statement::parse_file(statement.as_bytes()).unwrap();
    let definition = &statement.predicate().build_definition;
    assert_eq!(definition.build_type, "https://sealwright.dev/build-types/bundle/v1");
    assert_eq!(definition.internal_parameters["normalizers"][0]["name"], "archive-zip");
    let python: Vec<(&str, &str)> = definition
        .resolved_dependencies
        .iter()
        .filter(|dependency| dependency.uri.starts_with("pkg:pypi/"))
        .map(|dependency| (dependency.name.as_str(), dependency.text("role").unwrap()))
        .collect();
    let expected = ["greeting-1.2-py3-none-any.whl", "parts_of_speech-3-py3-none-any.whl"];
    assert_eq!(python, expected.map(|name| (name, "runtime")));
    assert_eq!(lock_from_statement(&statement).unwrap().to_text(), project.read("sealwright.lock"));
    assert_eq!(statement.subjects()[0].digest.as_sha256(), Some(Sha256::of(std::fs::read(&path).unwrap())));
}

#[test]
fn the_same_bytes_come_from_two_folders_in_both_formats_and_without_normalizers() {
    for format in ["zip", "tar.gz"] {
        let config = format!("{CONFIG}name = \"app\"\nformat = \"{format}\"\n");
        let name = format!("app-linux-{}.{format}", machine());
        let built = |options: &[&str]| {
            let project = application(&config, &[]);
            project.run(&[&["build", "--no-cache"], options].concat()).code(0);
            let path = project.join(&format!("dist/{name}"));
            assert_eq!(says(&path), SAID);
            std::fs::read(path).unwrap()
        };
        assert_eq!(built(&[]), built(&[]), "{format}");
        assert_eq!(built(&["--no-normalize"]), built(&["--no-normalize"]), "{format}");
    }
}

#[test]
fn files_are_chosen_by_patterns_of_which_the_last_one_decides() {
    let config = format!(
        "{CONFIG}files = [\"*.py\", \"parts\", \"data/**\", \"!data/**/*.tmp\", \"data/keep.tmp\"]\n"
    );
    let more = [("data/a/b.txt", "b"), ("data/a/c.tmp", "c"), ("data/keep.tmp", "k"), ("other/d.txt", "d")];
    let project = application(&config, &more);
    std::os::unix::fs::symlink("../handler.py", project.join("data/again.py")).unwrap();
    project.commit("link");
    project.run(&["build"]).code(0);
    let names = members(&project.join(&format!("dist/function-linux-{}.zip", machine())));
    let mine: Vec<&String> =
        names.iter().filter(|name| !name.starts_with("greeting") && !name.starts_with("parts_of")).collect();
    assert_eq!(
        mine,
        [
            "data/a/b.txt",
            "data/again.py",
            "data/keep.tmp",
            "handler.py",
            "parts/__init__.py",
            "parts/shout.py"
        ]
    );
}

#[test]
fn what_cannot_be_one_bundle_is_refused_by_name() {
    let clash = [("greeting/__init__.py", "mine"), ("parts_of_speech.py/x.py", "folder")];
    let project = application(CONFIG, &clash);
    project
        .run(&["build"])
        .code(1)
        .stderr_has("greeting/__init__.py is a file of the project and of greeting-1.2")
        .stderr_has("parts_of_speech.py is a file, and a folder for parts_of_speech.py/x.py");
    assert!(project.names("dist").is_empty());

    project.write("sealwright.toml", format!("{CONFIG}files = [\"handler.py\", \"nothing/*\"]\n"));
    project.commit("pattern");
    project.run(&["build"]).code(1).stderr_has("no file of the project matches 'nothing/*'");

    std::os::unix::fs::symlink("/etc/passwd", project.join("secrets")).unwrap();
    project.write("sealwright.toml", format!("{CONFIG}files = [\"handler.py\", \"secrets\"]\n"));
    project.commit("link");
    project
        .run(&["build"])
        .code(1)
        .stderr_has("secrets is a link to something that is no file of the project");
}

#[test]
fn keys_and_options_of_other_builders_are_told() {
    let project = Project::new().file("handler.py", "").file("sealwright.toml", CONFIG).git();
    for option in ["--wheel", "--sdist"] {
        project
            .run(&["build", option])
            .code(2)
            .stderr_has("target function: builder bundle makes no sdist and no wheel");
    }
    project.write("sealwright.toml", format!("{CONFIG}config-settings = {{ a = \"1\" }}\n"));
    project.commit("settings");
    project
        .run(&["build"])
        .code(2)
        .stderr_has("[target.function] config-settings: builder bundle does not take it")
        .stderr_has("hint: beside the keys of all targets bundle takes requirements, extras, groups, files, name, format");
    project.write("sealwright.toml", "[target.dist]\nformat = \"zip\"\n");
    project.commit("format");
    project.run(&["build"]).code(2).stderr_has("[target.dist] format: builder python-build does not take it");
}

/// A function with real dependencies, native ones among them, and a program with a start script: on Debian's Python, which has no
/// package, and on its essential packages.
#[test]
fn a_function_is_called_and_a_start_script_runs_on_bare_python() {
    let Some(image) = image_of(&["python3"]) else { skipped!(engine: "the host has no apt sources") };
    let config = "[target.fn]\nbuilder = \"bundle\"\nsuites = [\"bookworm\"]\nrequirements = \"requirements.txt\"\n\
                  files = [\"handler.py\", \"start\"]\nformat = \"";
    let handler = "import importlib.metadata, jinja2, markupsafe._speedups\n\
                   PAGE = jinja2.Template('Hello {{ name }}')\n\
                   def handler(event, context):\n    \
                       return {'statusCode': 200, 'body': PAGE.render(name=event['name']), 'by': importlib.metadata.version('jinja2')}\n";
    let start = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nexec python3 -c 'import handler; print(handler.handler({\"name\": \"start\"}, None))'\n";
    let requirements = std::fs::read(repository().join("examples/lockfiles/pip/requirements.txt")).unwrap();
    for format in ["zip", "tar.gz"] {
        let project = Project::new()
            .host_indexes()
            .file("handler.py", handler)
            .file("start", start)
            .file("requirements.txt", &requirements)
            .file("sealwright.toml", format!("{config}{format}\"\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(project.join("start"), mode).unwrap();
        let project = project.git();
        project.run(&["build"]).code(0);
        let path = project.join(&format!("dist/fn-linux-{}.{format}", machine()));
        let home = tempfile::tempdir().unwrap();
        if format == "zip" {
            zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap().extract(home.path()).unwrap();
        } else {
            assert!(
                Command::new("tar")
                    .arg("-xzf")
                    .arg(&path)
                    .arg("-C")
                    .arg(home.path())
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let said = run_in(
            home.path(),
            &image,
            "! python3 -I -c 'import jinja2' 2>/dev/null\n\
             python3 -I -c 'import sys; sys.path.insert(0, \"/home/build\"); import handler; print(handler.handler({\"name\": \"event\"}, None))'\n\
             ./start",
        );
        assert_eq!(
            said,
            "{'statusCode': 200, 'body': 'Hello event', 'by': '3.1.6'}\n{'statusCode': 200, 'body': 'Hello start', 'by': '3.1.6'}\n",
            "{format}"
        );
    }
}

/// A wheel for another machine, another C library or a newer one is not put into a bundle.
#[test]
fn what_does_not_fit_the_platform_is_refused_when_it_is_locked() {
    let other = if machine() == "x86_64" { "aarch64" } else { "x86_64" };
    for platform in [
        format!("manylinux_2_17_{other}"),
        format!("musllinux_1_2_{}", machine()),
        format!("manylinux_2_99_{}", machine()),
    ] {
        let project = Project::new().env("PIP_NO_INDEX", "1");
        let links = project.home().join("wheels");
        let plain = wheel(&links, "native", "1", &[("native.py", "")]);
        let file = format!("native-1-cp311-cp311-{platform}.whl");
        std::fs::rename(links.join(&plain.file), links.join(&file)).unwrap();
        let project = project
            .env("PIP_FIND_LINKS", &links)
            .file("handler.py", "import native\n")
            .file("requirements.txt", format!("native==1 --hash=sha256:{}\n", plain.sha256))
            .file("sealwright.toml", format!("{CONFIG}requirements = \"requirements.txt\"\n"))
            .git();
        project
            .run(&["build"])
            .code(2)
            .stderr_has("no file of native 1 is acceptable for Python 3.11")
            .stderr_has(&file);
        assert!(project.names("dist").is_empty());
    }
}

#[test]
fn a_bundle_is_never_a_bare_file() {
    let project = Project::new()
        .file("handler.py", "")
        .file("sealwright.toml", format!("{CONFIG}format = \"file\"\n"))
        .git();
    project
        .run(&["build"])
        .code(2)
        .stderr_has("[target.function] format: builder bundle takes zip or tar.gz, got \"file\"");
}
