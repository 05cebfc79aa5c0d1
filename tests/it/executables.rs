//! `builder = "pyinstaller"` from outside: what it makes runs where there is no Python.

use std::path::Path;
use std::process::Command;

use sealwright::provenance::Statement;

use crate::context::Project;
use crate::debian::real::{image_of, run_in};

const CONFIG: &str = "[target.app]\nbuilder = \"pyinstaller\"\nsuites = [\"bookworm\"]\n";

/// Unpacks what was built into a folder, or copies it there.
fn unpack(project: &Project, name: &str, to: &Path) {
    let from = project.join(&format!("dist/{name}"));
    if name.contains(".zip") {
        zip::ZipArchive::new(std::fs::File::open(&from).unwrap()).unwrap().extract(to).unwrap();
        return;
    }
    let done = if name.contains(".tar.gz") {
        Command::new("tar").arg("-xzf").arg(&from).arg("-C").arg(to).status()
    } else {
        Command::new("cp").arg(&from).arg(to).status()
    };
    assert!(done.unwrap().success());
}

fn machine() -> &'static str {
    sealwright::name::Platform::host().unwrap().machine()
}

/// Example, output, commands, and what they print, on Debian's essential packages alone.
const EXAMPLES: [(&str, &str, &str, &str); 3] = [
    (
        "httpie",
        "http-linux-{arch}.tar.gz",
        "./http --version; ./http --offline --ignore-stdin --pretty=none POST host.example/x name=value",
        "3.2.4\nPOST /x HTTP/1.1\n{\"name\": \"value\"}\n",
    ),
    (
        "black",
        "black-linux-{arch}",
        "./black-linux-{arch} --version | head -n 1; printf 'x = {  \"a\":1 }\\n' | ./black-linux-{arch} -q -",
        "black-linux-{arch}, 26.10.1 (compiled: yes)\nx = {\"a\": 1}\n",
    ),
    (
        "flask",
        "gallery-linux-{arch}.zip",
        "gallery/gallery --get / /orchard /nothing /static/style.css",
        "200 /\n<link rel=\"stylesheet\" href=\"/static/style.css\">\n<ul>\n<li><a href=\"/harbour\">Boats at noon</a>\n\
         <li><a href=\"/orchard\">Apples &amp; pears</a>\n</ul>\n200 /orchard\n<h1>Apples &amp; pears</h1>\n\
         404 /nothing\nno such picture\n\n200 /static/style.css\nli { color: #246; }\n\n",
    ),
];

/// Three programs, each built twice under different conditions, run on Debian's base.
#[test]
fn examples_are_identical_under_other_conditions_and_run_where_there_is_no_python() {
    let Some(image) = image_of(&[]) else { skipped!(engine: "the host has no apt sources") };
    for (example, name, commands, expected) in EXAMPLES {
        let [name, commands, expected] =
            [name, commands, expected].map(|text| text.replace("{arch}", machine()));
        let project = Project::copy_of(&format!("examples/executables/{example}")).host_indexes().git();
        project
            .run(&["build", "--locked", "--check"])
            .code(0)
            .stdout_has("checked, built again and identical, with another user, folder, ");
        assert_eq!(project.names("dist"), [name.as_str()]);
        let statement = project.read(&format!("provenance/{name}.intoto.jsonl"));
        let statement = Statement::parse_file(statement.as_bytes()).unwrap();
        let definition = &statement.predicate().build_definition;
        assert_eq!(definition.build_type, "https://sealwright.dev/build-types/pyinstaller/v1");

        let home = tempfile::tempdir().unwrap();
        unpack(&project, &name, home.path());
        let script = format!("! command -v python3; ! ls -d /usr/lib/python3*; {commands}");
        let said = run_in(home.path(), &image, &format!("{{ {script}; }} 2>/dev/null"));
        // Headers of a request in between are the libraries' affair.
        let said = match example {
            "httpie" => {
                said.lines()
                    .filter(|line| !line.contains(": ") || line.starts_with('{'))
                    .collect::<Vec<_>>()
                    .join("\n")
                    + "\n"
            }
            _ => said,
        };
        assert_eq!(said, expected, "{example}");
    }
}

/// A small program with what options can name.
fn program(options: &str) -> Project {
    let mut project = Project::new().host_indexes();
    for (path, text) in [
        (
            "tool.py",
            "import importlib, json, sys\nfrom pathlib import Path\nimport words\n\
          here = Path(getattr(sys, '_MEIPASS', Path(__file__).parent))\n\
          def there(name):\n    try:\n        importlib.import_module(name)\n    except ImportError:\n        return False\n    return True\n\
          print(json.dumps({\n    'said': words.HELLO, 'data': (here / 'texts/a.txt').read_text(), 'moved': (here / 'else/b.txt').exists(),\n    \
          'hidden': there('hidden_one'), 'collected': there('whole.part'), 'sqlite': there('sqlite3'), 'setuptools': there('setuptools'),\n    \
          'hook': getattr(sys, 'from_hook', None), 'frozen': getattr(sys, 'frozen', False),\n}, sort_keys=True))\n",
        ),
        ("lib/words.py", "HELLO = 'hello'\n"),
        ("hidden_one.py", ""),
        ("whole/__init__.py", ""),
        ("whole/part.py", ""),
        ("texts/a.txt", "a"),
        ("b.txt", "b"),
        ("start.py", "import sys\nsys.from_hook = 'yes'\n"),
        (
            "tool.spec",
            "a = Analysis(['tool.py'], pathex=['lib'], datas=[('texts', 'texts')], hiddenimports=['hidden_one'])\n\
          exe = EXE(PYZ(a.pure), a.scripts, a.binaries, a.datas, name='app', console=True)\n",
        ),
    ] {
        project = project.file(path, text);
    }
    project.file("sealwright.toml", format!("{CONFIG}{options}")).git()
}

/// Runs the built program on Debian's base, and reads what it prints.
fn says(project: &Project, name: &str, program: &str) -> Option<serde_json::Value> {
    let image = image_of(&[])?;
    let home = tempfile::tempdir().unwrap();
    unpack(project, name, home.path());
    Some(serde_json::from_str(&run_in(home.path(), &image, program)).unwrap())
}

#[test]
fn options_are_pyinstaller_s_and_what_only_the_tools_brought_is_left_out() {
    let project = program(
        "name = \"app\"\n[target.app.options]\nscript = \"tool.py\"\npaths = [\"lib\"]\ndata = [\"texts\", \"b.txt:else\"]\n\
         hidden-imports = [\"hidden_one\"]\ncollect = [\"whole\"]\nexclude = [\"sqlite3\"]\nruntime-hooks = [\"start.py\"]\n\
         strip = true\none-file = false\noptimize = \"2\"\nwindowed = false\n",
    );
    project.run(&["build"]).code(0);
    let name = format!("app-linux-{}.tar.gz", machine());
    let Some(said) = says(&project, &name, "app/app") else {
        skipped!(engine: "the host has no apt sources")
    };
    assert_eq!(
        said,
        serde_json::json!({
            "said": "hello", "data": "a", "moved": true, "hidden": true, "collected": true, "sqlite": false,
            "setuptools": false, "hook": "yes", "frozen": true,
        })
    );
}

#[test]
fn a_spec_file_decides_itself_and_gets_no_module_of_the_tools() {
    let project =
        program("name = \"app\"\nformat = \"file\"\n[target.app.options]\nscript = \"tool.spec\"\n");
    project.run(&["build"]).code(0);
    let name = format!("app-linux-{}", machine());
    let Some(said) = says(&project, &name, &format!("./{name}")) else {
        skipped!(engine: "the host has no apt sources")
    };
    let of = |key: &str| said[key].clone();
    assert_eq!((of("said"), of("data"), of("hidden")), ("hello".into(), "a".into(), true.into()));
    assert_eq!((of("collected"), of("setuptools")), (false.into(), false.into()));
}

#[test]
fn what_cannot_be_built_is_told_before_or_by_pyinstaller() {
    let cases = [
        ("", 2, "[target.app] has no options, which builder pyinstaller needs"),
        ("[target.app.options]\nstrip = true\n", 2, "[target.app] options.script: builder pyinstaller takes"),
        ("[target.app.options]\nscript = \"../x.py\"\n", 2, "a path below the project's folder"),
        ("[target.app.options]\nscript = \"tool.py\"\nhiden-imports = [\"a\"]\n", 2, "options.hiden-imports"),
        ("[target.app.options]\nscript = \"no.py\"\n", 1, "script: the project has no no.py"),
        (
            "[target.app.options]\nscript = \"tool.spec\"\nstrip = true\n",
            1,
            "tool.spec decides what is collected; leave out strip, or name a script",
        ),
        (
            "[target.app.options]\nscript = \"tool.py\"\ndata = [\"texts:../x\"]\n",
            1,
            "data: texts:../x: expected FROM, or FROM:FOLDER with a folder of the application",
        ),
        (
            "[target.app.options]\nscript = \"tool.py\"\ndata = [\"away\"]\n",
            1,
            "data: away leads out of the project",
        ),
        (
            "format = \"file\"\n[target.app.options]\nscript = \"tool.py\"\none-file = false\n",
            1,
            "format \"file\" is for one executable",
        ),
    ];
    for (options, code, message) in cases {
        let project = program(options);
        std::os::unix::fs::symlink("/etc", project.join("away")).unwrap();
        project.commit("link");
        project.run(&["build"]).code(code).stderr_has(message);
        assert!(project.names("dist").is_empty(), "{message}");
    }
}
