//! Files that people broke: the exact message, and what mends it.

use sealwright::error::{Blame, Fault as _};
use sealwright::requirements::{Choice, Interpreter, KnownFile, choose};

use super::{Case, interpreter};

fn hash(letter: char) -> String {
    format!("--hash=sha256:{}", letter.to_string().repeat(64))
}

fn requirements(text: &str) -> Case {
    let text = text.replace("HASH-A", &hash('a')).replace("HASH-B", &hash('b'));
    Case::text("requirements.txt", text)
}

/// A `pylock.toml` with one package, of which `rest` is what follows its name and version.
fn pylock(rest: &str) -> Case {
    let text = format!(
        "lock-version = '1.0'\ncreated-by = 'x'\n\n[[packages]]\nname = 'a'\nversion = '1'\n{rest}\n"
    );
    Case::text("pylock.toml", text.replace("HASH-A", &"a".repeat(64)))
}

/// The case, its message, and a part of its first hint (or nothing).
type Bad = (Case, &'static str, &'static str);

#[expect(clippy::too_many_lines, reason = "a table")]
fn requirements_files() -> Vec<Bad> {
    vec![
        (
            Case::fixture("pip/freeze.txt"),
            "freeze.txt:1: async-timeout==5.0.1 has no hash",
            "pip-compile --generate-hashes",
        ),
        (
            Case::fixture("pip-tools/nohash.txt"),
            "nohash.txt:7: async-timeout==5.0.1 has no hash",
            "pip-compile --generate-hashes",
        ),
        (
            Case::fixture("pip-tools/requirements.in"),
            "requirements.in:2: click>=8.1,<9 is not pinned, expected click==VERSION",
            "pip-compile --generate-hashes",
        ),
        (
            Case::fixture("pip-tools/requirements.txt"),
            "requirements.txt:7: --index-url http://127.0.0.1:3141/simple: files come from the configured indexes, and this is none of them",
            "configure it as an index of pip or uv, o",
        ),
        (
            Case::fixture("pip-tools/line.txt").edit("click==8.5.0", "click>=8.1"),
            "line.txt:11: click>=8.1 is not pinned, expected click==VERSION",
            "pip-compile --generate-hashes",
        ),
        (
            Case::fixture("pip-tools/line.txt").edit("    --hash=sha256:255bc", "    --hash=sha256:155BC"),
            "line.txt:11: click==8.5.0 has the hash \"sha256:155BC9599cf7748b4b1a446ccc735421bd08a2ae529a8b88597d3de5664ee360\", expected sha256: and 64 lower-case hexadecimal digits",
            "pip-compile --generate-hashes",
        ),
        (
            Case::fixture("pip-tools/line.txt").edit("click==8.5.0 \\", "click==8.5.0 \\ "),
            "line.txt:11: a backslash that does not end its line (is there a space after it?)",
            "pip-compile --generate-hashes",
        ),
        (
            Case::fixture("pip-tools/line.txt").edit("click==8.5.0 \\", "click==8.5.0"),
            "line.txt:12: --hash without a requirement (does the line above end with a backslash and nothing after it?)",
            "pip-compile --generate-hashes",
        ),
        (
            Case::fixture("pip-tools/line.txt")
                .edit("packaging==24.2 \\", "<<<<<<< HEAD\npackaging==24.2 \\"),
            "line.txt:15: merge conflict marker: two versions of the file were merged and not resolved",
            "git checkout --ours FILE",
        ),
        (
            Case::fixture("pip-tools/line.txt").extras(&["socks"]),
            "line.txt has no extra named \"socks\" (there are none)",
            "",
        ),
        (
            Case::fixture("pip-tools/line.txt").without("line.txt"),
            "line.txt is not there",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==1 HASH-A\nA==2 HASH-B"),
            "requirements.txt:2: a 2 contradicts a 1 at requirements.txt:1",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==1 HASH-A\na==1 HASH-B"),
            "requirements.txt:2: none of the hashes of a 1 is among those at requirements.txt:1",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==1.* HASH-A"),
            "requirements.txt:1: a==1.* is not pinned, expected a==VERSION",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==1,<2 HASH-A"),
            "requirements.txt:1: a==1,<2 is not pinned, expected a==VERSION",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a HASH-A"),
            "requirements.txt:1: a is not pinned, expected a==VERSION",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==1 --hash=md5:d41d8cd98f00b204e9800998ecf8427e"),
            "requirements.txt:1: a==1 has only md5 hashes, expected sha256",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==1 --hash=sha256:abc"),
            "requirements.txt:1: a==1 has the hash \"sha256:abc\", expected sha256: and 64 lower-case hexadecimal digits",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==1 --hash=abc"),
            "requirements.txt:1: a==1 has the hash \"abc\", expected sha256: and 64 lower-case hexadecimal digits",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==1 --hash"),
            "requirements.txt:1: --hash without a value",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("# mine\n-e ."),
            "requirements.txt:2: . is an editable installation, which no digest stands for",
            "sealwright build",
        ),
        (
            requirements("--editable=git+https://me:secret@git.example/a.git#egg=a"),
            "requirements.txt:1: git+https://git.example/a.git#egg=a is an editable installation, which no digest stands for",
            "sealwright build",
        ),
        (
            requirements("a @ git+https://git.example/a.git@v1 HASH-A"),
            "requirements.txt:1: a @ git+https://git.example/a.git@v1 is a version control repository, which no digest stands for",
            "#sha256=…",
        ),
        (
            requirements("a @ file:///home/me/a HASH-A"),
            "requirements.txt:1: a @ file:///home/me/a is a local file, which no digest stands for",
            "find-links",
        ),
        (
            requirements("./a"),
            "requirements.txt:1: ./a is a local folder, which no digest stands for",
            "sealwright build",
        ),
        (
            requirements("wheels/a-1-py3-none-any.whl HASH-A"),
            "requirements.txt:1: wheels/a-1-py3-none-any.whl is a local file, which no digest stands for",
            "find-links",
        ),
        (
            requirements("https://files.example/a-1-py3-none-any.whl"),
            "requirements.txt:1: a==1 has no hash",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("https://files.example/archive/main.zip HASH-A"),
            "requirements.txt:1: https://files.example/archive/main.zip: its file name says no name and version",
            "name a wheel, or an sdist that is called",
        ),
        (
            requirements("b @ https://files.example/a-1-py3-none-any.whl HASH-A"),
            "requirements.txt:1: https://files.example/a-1-py3-none-any.whl holds a, expected b",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("https://files.example/a-1.tar.gz#sha256=abc"),
            "requirements.txt:1: a==1 has the hash \"sha256:abc\", expected sha256: and 64 lower-case hexadecimal digits",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("https://files.example/a-1.tar.gz#sha256=BBBB HASH-A").edit("BBBB", &"b".repeat(64)),
            "requirements.txt:1: none of the hashes of a-1.tar.gz is among those at requirements.txt:1",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a @ https://files.example/a-1.tar.gz#subdirectory=x HASH-A"),
            "requirements.txt:1: #subdirectory=x: an archive is built as a whole",
            "name an archive that holds the project a",
        ),
        (
            requirements("--extra-index-url https://me:secret@private.example/simple\na==1 HASH-A"),
            "requirements.txt:1: --extra-index-url https://private.example/simple: files come from the configured indexes, and this is none of them",
            "configure it as an index of pip or uv, o",
        ),
        (
            requirements("-f ./wheels\na==1 HASH-A"),
            "requirements.txt:1: --find-links ./wheels: files come from the configured indexes, and this is none of them",
            "configure it as an index of pip or uv, o",
        ),
        (
            requirements("--trusted-host index.example"),
            "requirements.txt:1: --trusted-host index.example: a server without a valid certificate is not trusted",
            "pip-compile --no-emit-trusted-host",
        ),
        (
            requirements("--no-binary :all:"),
            "requirements.txt:1: --no-binary :all:: a wheel is taken where the hashes allow one",
            "keep only the hash of the sdist, and it ",
        ),
        (
            requirements("--no-index"),
            "requirements.txt:1: --no-index: where files come from is configured, not locked",
            "configure pip or uv so, or remove the li",
        ),
        (
            requirements("--index-url https://${USER}@index.example/simple"),
            "requirements.txt:1: https://index.example/simple: a variable of the environment is not locked",
            "write its value, or give credentials in ",
        ),
        (
            requirements("a==1 --global-option=--no-user-cfg HASH-A"),
            "requirements.txt:1: --global-option: a setting of a build is not locked here",
            "take a wheel, or set it in sealwright.to",
        ),
        (
            requirements("a==1 --pre HASH-A"),
            "requirements.txt:1: --pre after a requirement, expected --hash",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("--verbose"),
            "requirements.txt:1: \"--verbose\" is no option of a requirements file",
            "pip-compile --generate-hashes",
        ),
        (requirements("-r"), "requirements.txt:1: -r without a value", "pip-compile --generate-hashes"),
        (
            requirements("-r deps.txt"),
            "deps.txt is not there, named in requirements.txt:1",
            "put it there, or take its name out",
        ),
        (
            requirements("-r ../deps.txt"),
            "requirements.txt:1: \"../deps.txt\" is outside of the project's folder",
            "copy it into the project's folder",
        ),
        (
            requirements("-r https://files.example/deps.txt"),
            "requirements.txt:1: https://files.example/deps.txt: a requirements file of another place is not locked",
            "copy it into the project",
        ),
        (
            requirements("a==1 HASH-A\n-r b.txt").file("b.txt", "\n-r requirements.txt"),
            "b.txt:2: requirements.txt is included by itself: requirements.txt → b.txt → requirements.txt",
            "remove one of the lines that name these ",
        ),
        (
            requirements("-c c.txt\na==1 HASH-A").file("c.txt", "a>=2"),
            "requirements.txt:2: a==1 contradicts the constraint a>=2 at c.txt:1",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("-c c.txt\na==1 HASH-A").file("c.txt", format!("a==1 {}", hash('b'))),
            "requirements.txt:2: none of the hashes of a==1 is among those at c.txt:1",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("-c c.txt\na==1 HASH-A").file("c.txt", "-e ."),
            "c.txt:1: . is an editable installation, which no digest stands for",
            "sealwright build",
        ),
        (
            requirements("a==1 ; python_version > 'new' HASH-A"),
            "requirements.txt:1: the marker \"python_version > 'new'\" cannot be evaluated: expected PEP 440 version to compare with python_version, found new: expected version to start with a number, but no leading ASCII digits were found",
            "lock for one environment, without the ma",
        ),
        (
            requirements("a==1 ; python_versions > '3' HASH-A"),
            "requirements.txt:1: the marker \"python_versions > '3'\" cannot be evaluated: expected a quoted string or a valid marker name, found `python_versions`",
            "lock for one environment, without the ma",
        ),
        (
            requirements("a==1 ; platform_release < '6' HASH-A"),
            "requirements.txt:1: the marker \"platform_release < '6'\" cannot be evaluated: it depends on platform_release, which is not known here",
            "lock for one environment, without the ma",
        ),
        (
            requirements("a=1 HASH-A"),
            "requirements.txt:1: \"a=1\" is no requirement: no such comparison operator \"=\", must be one of ~= == != <= >= < > ===",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("a==latest HASH-A"),
            "requirements.txt:1: \"a==latest\" is no requirement: expected version to start with a number, but no leading ASCII digits were found",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("é==1 HASH-A"),
            "requirements.txt:1: \"é==1\" is no requirement: expected ASCII",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("{\"a\": 1}"),
            "requirements.txt:1: \"{\\\"a\\\": 1}\" is no requirement: expected a name first",
            "pip-compile --generate-hashes",
        ),
        (
            requirements("async- HASH-A"),
            "requirements.txt:1: \"async-\" is no requirement: not a Python package name: \"async-\" (expected ASCII letters, digits, '-', '_' and '.', with a letter or digit at both ends)",
            "pip-compile --generate-hashes",
        ),
        (
            Case::text("requirements.lock", "a==1"),
            "requirements.lock: no lock file that is known by its name",
            "name a pylock.toml, uv.lock, poetry.lock",
        ),
    ]
}

fn pipfile_locks() -> Vec<Bad> {
    let lock = || Case::fixture("pipenv/Pipfile.lock");
    let hashes = "            \"hashes\": [\n                \"sha256:16f2e22dff21d5125e8481515e386711a34cbec50f0e44413dd7d9c060a54e0f\",\n                \"sha256:ee7e1056b9aea0f04c6c2ed59452947f34c4940ee025f5dd83e6a6418b6989e4\"\n            ],\n";
    vec![
        (lock().edit(hashes, ""), "Pipfile.lock:43: redis 5.2.1 has no hash", "pipenv lock"),
        (lock().edit("sha256:16f2e22d", "sha256:16f2e22"), "Pipfile.lock:43: redis 5.2.1 has the hash \"sha256:16f2e22ff21d5125e8481515e386711a34cbec50f0e44413dd7d9c060a54e0f\", expected sha256: and 64 lower-case hexadecimal digits", "pipenv lock"),
        (lock().edit("\"version\": \"==5.2.1\"", "\"version\": \"*\""), "Pipfile.lock:43: redis * is not pinned, expected redis==VERSION", "pipenv lock"),
        (lock().edit("\"version\": \"==5.2.1\"", "\"editable\": true, \"path\": \".\""), "Pipfile.lock:43: redis is an editable installation, which no digest stands for", "sealwright build"),
        (lock().edit("\"version\": \"==5.2.1\"", "\"git\": \"https://git.example/redis.git\", \"ref\": \"abc\""), "Pipfile.lock:43: redis is a version control repository, which no digest stands for", "#sha256=…"),
        (lock().edit("\"version\": \"==5.2.1\"", "\"file\": \"./redis-5.2.1.whl\""), "Pipfile.lock:43: redis is a local file, which no digest stands for", "find-links"),
        (lock().edit("\"version\": \"==5.2.1\"", "\"version\": 5"), "Pipfile.lock:43: redis: invalid type: integer `5`, expected a string", "pipenv lock"),
        (lock().edit("\"pipfile-spec\": 6", "\"pipfile-spec\": 7"), "Pipfile.lock:6: Pipfile.lock of version 7, expected pipfile-spec 6", "pipenv lock"),
        (lock().edit("\"requires\": {}", "\"requires\": {\"python_version\": \"3.12\"}"), "Pipfile.lock:7: the Pipfile requires Python \"==3.12.*\", and the target is Python 3.11.2 on linux/amd64", "python = \"…\""),
        (lock().edit("\"click\": {", "\"redis\": {\"version\": \"==4\"},\n        \"click\": {"), "Pipfile.lock:44: redis stands twice in default", "pipenv lock"),
        (lock().edit("\"==23.2.0\"\n        }", "\"==23.2.0\"\n        },"), "Pipfile.lock:74: trailing comma", "pipenv lock"),
        (lock().edit("    \"default\": {", "<<<<<<< ours\n    \"default\": {"), "Pipfile.lock:16: merge conflict marker: two versions of the file were merged and not resolved", "git checkout --ours FILE"),
        (lock().groups(&["devel"]), "Pipfile.lock has no dependency group named \"devel\" (there are: dev, dev-packages, develop, docs)", "did you mean the dependency group `dev`?"),
        (lock().extras(&["async"]), "Pipfile.lock has no extra named \"async\" (there are none)", ""),
        (lock().edit("\"iniconfig\": {", "\"redis\": {\"hashes\": [\"sha256:16f2e22dff21d5125e8481515e386711a34cbec50f0e44413dd7d9c060a54e0f\"], \"version\": \"==5.0.0\"},\n        \"iniconfig\": {").groups(&["develop"]), "Pipfile.lock:54: redis 5.0.0 contradicts redis 5.2.1 at Pipfile.lock:43", "pipenv lock"),
        (Case::text("Pipfile.lock", "[]"), "Pipfile.lock:1: invalid type: sequence, expected a map", "pipenv lock"),
        (Case::text("Pipfile.lock", "{\"default\": {}}"), "Pipfile.lock:1: no `_meta`, expected a Pipfile.lock", "pipenv lock"),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn poetry_locks() -> Vec<Bad> {
    let old = || Case::fixture("poetry-1.8/poetry.lock");
    let new = || Case::fixture("poetry-2/poetry.lock");
    let file = ", hash = \"sha256:ee7e1056b9aea0f04c6c2ed59452947f34c4940ee025f5dd83e6a6418b6989e4\"";
    let redis = "name = \"redis\"\nversion = \"5.2.1\"";
    let source = |kind: &str| {
        format!("name = \"redis\"\nversion = \"5.2.1\"\nsource = {{ type = \"{kind}\", url = \"../redis\" }}")
    };
    let own = "\n[package.extras]\nhiredis = [\"hiredis (>=3.0.0)\"]\nocsp = [\"cryptography (>=36.0.1)\", \"pyopenssl (==23.2.1)\", \"requests (>=2.31.0)\"]\n\n[package.source]\ntype = \"legacy\"\nurl = \"http://127.0.0.1:3141/simple\"\nreference = \"loopback\"\n";
    vec![
        (new().edit(file, ""), "poetry.lock:232: redis-5.2.1-py3-none-any.whl has no hash", "poetry lock"),
        (
            new().edit(file, ", hash = \"md5:d41d8cd98f00b204e9800998ecf8427e\""),
            "poetry.lock:232: redis-5.2.1-py3-none-any.whl has only md5 hashes, expected sha256",
            "poetry lock",
        ),
        (
            new().edit(own, "").edit(redis, &source("git")),
            "poetry.lock:224: redis is a version control repository, which no digest stands for",
            "#sha256=…",
        ),
        (
            new().edit(own, "").edit(redis, &source("directory")),
            "poetry.lock:224: redis is a local folder, which no digest stands for",
            "sealwright build",
        ),
        (
            new().edit(own, "").edit(redis, &source("file")),
            "poetry.lock:224: redis is a local file, which no digest stands for",
            "find-links",
        ),
        (
            new().edit("lock-version = \"2.1\"", "lock-version = \"3.0\""),
            "poetry.lock:288: poetry.lock of version 3.0, expected lock-version 1.0, 1.1, 2.0 or 2.1",
            "poetry lock",
        ),
        (
            new().edit("lock-version = \"2.1\"\n", ""),
            "poetry.lock:1: no `lock-version` in [metadata], expected 1.0, 1.1, 2.0 or 2.1",
            "poetry lock",
        ),
        (
            new().edit("python-versions = \">=3.9,<4\"", "python-versions = \">=3.12,<4\""),
            "poetry.lock:289: poetry.lock requires Python \">=3.12,<4\", and the target is Python 3.11.2 on linux/amd64",
            "python = \"…\"",
        ),
        (
            new().edit("version = \"5.2.1\"", "version = \"five\""),
            "poetry.lock:224: redis has the version \"five\", expected one as PEP 440 has them",
            "poetry lock",
        ),
        (
            new().edit("version = \"5.2.1\"", "version = 5.2"),
            "poetry.lock:226: invalid type: floating point `5.2`, expected a string",
            "poetry lock",
        ),
        (
            new()
                .edit(
                    "markers = \"python_version >= \\\"3.11\\\"\"",
                    "markers = \"python_version >= \\\"3.8\\\"\"",
                )
                .edit(
                    "markers = \"python_version < \\\"3.11\\\"\"",
                    "markers = \"python_version < \\\"4\\\"\"",
                ),
            "poetry.lock:71: click 8.5.0 contradicts click 8.1.8 at poetry.lock:50",
            "poetry lock",
        ),
        (
            new().extras(&["asink"]),
            "poetry.lock has no extra named \"asink\" (there are: async)",
            "did you mean the extra `async`?",
        ),
        (new().groups(&["test"]), "poetry.lock has no dependency group named \"test\" (there are: dev)", ""),
        (
            new().edit("[[package]]\nname = \"redis\"", "[package]]\nname = \"redis\""),
            "poetry.lock:224: unexpected key or value, expected newline, `#`",
            "poetry lock",
        ),
        (
            old().without("pyproject.toml"),
            "pyproject.toml is not there, named in poetry.lock:1",
            "put it there, or take its name out",
        ),
        (
            old().file("pyproject.toml", "[project]\nname = \"x\"\n"),
            "pyproject.toml:1: no [tool.poetry.dependencies], which poetry.lock is read with",
            "poetry lock",
        ),
        (
            old().edit("name = \"async-timeout\"", "name = \"async-timeouts\""),
            "poetry.lock:170: redis needs async-timeout, which is not in the file",
            "poetry lock",
        ),
        (
            old().edit("click-8.1.8-py3-none-any.whl", "../click-8.1.8-py3-none-any.whl"),
            "poetry.lock:53: \"../click-8.1.8-py3-none-any.whl\" is no file name of click",
            "poetry lock",
        ),
        (
            Case::fixture("poetry-1.2/poetry.lock").edit("redis = [\n", "readies = [\n"),
            "poetry.lock:141: redis 5.2.1 has no hash",
            "poetry lock",
        ),
        (
            old().file("pyproject.toml", "[tool.poetry.dependencies]\nclick = { version = 8 }\n"),
            "pyproject.toml:2: click: expected a version, a table, or a list of tables",
            "poetry lock",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn uv_locks() -> Vec<Bad> {
    let lock = || Case::fixture("uv/uv.lock");
    let redis =
        "name = \"redis\"\nversion = \"5.2.1\"\nsource = { registry = \"http://127.0.0.1:3141/simple\" }";
    let from = |source: &str| redis.replace("registry = \"http://127.0.0.1:3141/simple\"", source);
    vec![
        (
            lock().edit(
                ", hash = \"sha256:ee7e1056b9aea0f04c6c2ed59452947f34c4940ee025f5dd83e6a6418b6989e4\"",
                "",
            ),
            "uv.lock:231: redis-5.2.1-py3-none-any.whl has no hash",
            "uv lock",
        ),
        (
            lock().edit("sha256:ee7e1056", "sha512:ee7e1056"),
            "uv.lock:231: redis-5.2.1-py3-none-any.whl has only sha512 hashes, expected sha256",
            "uv lock",
        ),
        (
            lock().edit(redis, &from("git = \"https://git.example/redis?rev=v5#0123\"")),
            "uv.lock:222: redis is a version control repository, which no digest stands for",
            "#sha256=…",
        ),
        (
            lock().edit(redis, &from("editable = \"packages/redis\"")),
            "uv.lock:222: redis is an editable installation, which no digest stands for",
            "sealwright build",
        ),
        (
            lock().edit(redis, &from("directory = \"packages/redis\"")),
            "uv.lock:222: redis is a local folder, which no digest stands for",
            "sealwright build",
        ),
        (
            lock().edit(redis, &from("path = \"redis-5.2.1-py3-none-any.whl\"")),
            "uv.lock:222: redis is a local file, which no digest stands for",
            "find-links",
        ),
        (
            lock().edit("version = 1\nrevision = 5", "version = 2\nrevision = 0"),
            "uv.lock:1: uv.lock of version 2, expected version 1",
            "uv lock",
        ),
        (lock().edit("version = 1\nrevision = 5\n", ""), "uv.lock:1: missing field `version`", "uv lock"),
        (
            lock().python("3.8.10"),
            "uv.lock:3: uv.lock requires Python \">=3.9\", and the target is Python 3.8.10 on linux/amd64",
            "python = \"…\"",
        ),
        (
            lock().edit("source = { virtual = \".\" }", "source = { virtual = \"app\" }"),
            "uv.lock holds no package of the project's own folder",
            "[project]",
        ),
        (
            lock().edit("name = \"async-timeout\"\nversion", "name = \"async-timeouts\"\nversion"),
            "uv.lock:227: redis needs async-timeout, which is not in the file",
            "uv lock",
        ),
        (
            lock().extras(&["old", "new"]),
            "uv.lock:52: attrs 26.1.0 contradicts attrs 23.2.0 at uv.lock:38",
            "uv lock",
        ),
        (
            lock().extras(&["asynch"]),
            "uv.lock has no extra named \"asynch\" (there are: all, async, empty, new, old)",
            "did you mean the extra `async`?",
        ),
        (lock().groups(&["docs"]), "uv.lock has no dependency group named \"docs\" (there are: dev)", ""),
        (
            lock().edit(
                "marker = \"python_full_version < '3.11.3'\"",
                "marker = \"python_full_version < 3.11.3\"",
            ),
            "uv.lock:227: the marker \"python_full_version < 3.11.3\" cannot be evaluated: expected a quoted string or a valid marker name, found `3.11.3`",
            "lock for one environment, without the ma",
        ),
        (
            lock().edit(
                ", marker = \"python_full_version < '3.11'\" },\n    { name = \"packaging\"",
                " },\n    { name = \"packaging\"",
            ),
            "uv.lock:210: packaging 24.2 contradicts packaging 23.2 at uv.lock:197",
            "uv lock",
        ),
        (
            lock().edit("size = 261502", "size = \"261502\""),
            "uv.lock:231: invalid type: string \"261502\", expected u64",
            "uv lock",
        ),
        (
            lock().edit("[[package]]\nname = \"redis\"", "=======\n[[package]]\nname = \"redis\""),
            "uv.lock:222: merge conflict marker: two versions of the file were merged and not resolved",
            "git checkout --ours FILE",
        ),
        (
            lock().edit("requires-python = \">=3.9\"", "requires-python = \"3.9 or later\""),
            "uv.lock:3: requires-python of uv.lock is \"3.9 or later\", expected version specifiers",
            "uv lock",
        ),
        (
            Case::fixture("uv-conflicts/uv.lock").edit("sys_platform == 'linux'", "sys_platform == 'win32'"),
            "uv.lock:8: locked for sys_platform == 'win32', and the target is Python 3.11.2 on linux/amd64",
            "python = \"…\"",
        ),
        (Case::text("uv.lock", ""), "uv.lock:1: missing field `version`", "uv lock"),
    ]
}

fn pylocks() -> Vec<Bad> {
    let pep = || Case::fixture("pep751/pylock.toml").python("3.12.7");
    let wheel = "wheels = [{ name = 'a-1-py3-none-any.whl', url = 'https://files.example/a-1-py3-none-any.whl', hashes = { sha256 = 'HASH-A' } }]";
    vec![
        (
            Case::fixture("pep751/pylock.toml"),
            "pylock.toml:3: pylock.toml requires Python \"==3.12\", and the target is Python 3.11.2 on linux/amd64",
            "python = \"…\"",
        ),
        (
            pep().edit("lock-version = '1.0'", "lock-version = '2.0'"),
            "pylock.toml:1: pylock.toml of version 2.0, expected lock-version 1.0",
            "uv export --format pylock.toml -o pylock.toml",
        ),
        (
            pep().edit("lock-version = '1.0'\n", ""),
            "pylock.toml:1: missing field `lock-version`",
            "uv export --format pylock.toml -o pylock.toml",
        ),
        (
            pep().edit(", \"sys_platform == 'linux'\"", ""),
            "pylock.toml:2: locked for sys_platform == 'win32', and the target is Python 3.12.7 on linux/amd64",
            "python = \"…\"",
        ),
        (pep().extras(&["fast"]), "pylock.toml has no extra named \"fast\" (there are none)", ""),
        (
            pep().edit("requires-python = '>=3.10'", "requires-python = '>=3.13'"),
            "pylock.toml:30: numpy requires Python \">=3.13\", and the target is Python 3.12.7 on linux/amd64",
            "python = \"…\"",
        ),
        (
            pep().edit(
                "hashes = {sha256 = '3b787adbf04b0db1967798dba8da1af07e387908ed1553a0d6e74c084d1ceafe'}",
                "hashes = {}",
            ),
            "pylock.toml:36: numpy-2.2.3-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl has no hash",
            "uv export --format pylock.toml -o pylock.toml",
        ),
        (
            pep().edit(
                "sha256 = '3b787adbf04b0db1967798dba8da1af07e387908ed1553a0d6e74c084d1ceafe'",
                "md5 = 'd41d8cd98f00b204e9800998ecf8427e'",
            ),
            "pylock.toml:36: numpy-2.2.3-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl has only md5 hashes, expected sha256",
            "uv export --format pylock.toml -o pylock.toml",
        ),
        (
            pylock(&format!("{wheel}\n\n[[packages]]\nname = 'A'\nversion = '1'\n{wheel}")),
            "pylock.toml:9: a 1 stands twice, first at pylock.toml:4",
            "uv export --format pylock.toml -o pylock.toml",
        ),
        (
            pylock("[packages.vcs]\ntype = 'git'\nurl = 'https://git.example/a.git'\ncommit-id = '0123'"),
            "pylock.toml:4: a is a version control repository, which no digest stands for",
            "#sha256=…",
        ),
        (
            pylock("directory = { path = '.', editable = true }"),
            "pylock.toml:4: a is an editable installation, which no digest stands for",
            "sealwright build",
        ),
        (
            pylock("directory = { path = 'libs/a' }"),
            "pylock.toml:4: a is a local folder, which no digest stands for",
            "sealwright build",
        ),
        (
            pylock("archive = { path = 'a-1.tar.gz', hashes = { sha256 = 'HASH-A' } }"),
            "pylock.toml:7: a is a local file, which no digest stands for",
            "find-links",
        ),
        (
            pylock("marker = \"extra == 'x'\""),
            "pylock.toml:4: the marker \"extra == 'x'\" cannot be evaluated: expected `'NAME' in extras` or `in dependency_groups`, found `extra == 'x'`",
            "lock for one environment, without the ma",
        ),
        (
            pylock("wheels = 'a-1-py3-none-any.whl'"),
            "pylock.toml:7: invalid type: string \"a-1-py3-none-any.whl\", expected a sequence",
            "uv export --format pylock.toml -o pylock.toml",
        ),
        (
            pylock("wheels = [{ url = 'https://files.example/', hashes = { sha256 = 'HASH-A' } }]"),
            "pylock.toml:7: a file of a has no name, expected `name`, `url` or `path`",
            "uv export --format pylock.toml -o pylock.toml",
        ),
        (pylock(""), "pylock.toml:4: a 1 has no hash", "uv export --format pylock.toml -o pylock.toml"),
        (
            pylock(wheel).edit("name = 'a'\n", "name = 'a b'\n"),
            "pylock.toml:4: not a Python package name: \"a b\" (expected ASCII letters, digits, '-', '_' and '.', with a letter or digit at both ends)",
            "uv export --format pylock.toml -o pylock.toml",
        ),
        (
            Case::text("pylock.toml", "\u{0}"),
            "pylock.toml:1: key with no value, expected `=`",
            "uv export --format pylock.toml -o pylock.toml",
        ),
    ]
}

#[test]
fn broken_files_are_refused_with_their_line_and_what_mends_them() {
    let tables = [requirements_files(), pipfile_locks(), poetry_locks(), uv_locks(), pylocks()];
    let mut wrong = Vec::new();
    for (case, expected, mends) in tables.into_iter().flatten() {
        let error = match case.read() {
            Ok(found) => {
                wrong.push(format!(
                    "{}: taken as {:?}, expected: {expected}",
                    case.path,
                    super::pinned(&found)
                ));
                continue;
            }
            Err(error) => error,
        };
        assert_eq!(error.blame(), Blame::User);
        let hint = error.hints().first().cloned().unwrap_or_default();
        if error.to_string() != expected || !hint.contains(mends) || hint.is_empty() != mends.is_empty() {
            wrong.push(format!(
                "{error}\n        expected: {expected}\n        hint: {hint} (expected in it: {mends})"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of the messages are others:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn bytes_that_are_no_text_and_files_that_are_too_large_are_refused() {
    let mut case = Case::text("requirements.txt", "");
    case.files.insert("requirements.txt".to_owned(), b"a==1\n\xff".to_vec());
    assert_eq!(case.read().unwrap_err().to_string(), "requirements.txt:2: not UTF-8");
    case.files.insert("requirements.txt".to_owned(), vec![b' '; (32 << 20) + 1]);
    assert_eq!(
        case.read().unwrap_err().to_string(),
        "requirements.txt holds 33554433 bytes, expected at most 33554432"
    );
}

#[test]
fn without_the_patch_release_a_marker_that_needs_it_is_refused() {
    let mut case = Case::fixture("uv/uv.lock");
    case.interpreter = Interpreter::from(interpreter("3.11.2").target());
    let error = case.read().unwrap_err().to_string();
    let end = "the marker \"python_full_version < '3.11.3'\" cannot be evaluated: it depends on the patch release (python_full_version), which is not known here";
    assert!(error.ends_with(end), "{error}");
}

fn known(file: &str, letter: char) -> KnownFile {
    let sha256 = letter.to_string().repeat(64).parse().unwrap();
    KnownFile { file: file.to_owned(), size: None, sha256, url: None }
}

#[test]
fn of_acceptable_files_the_wheel_that_fits_best_is_taken_else_the_sdist() {
    let pin = requirements("my-app==1.0 HASH-A HASH-B").read().unwrap().pins.remove(0);
    let target = interpreter("3.11.2").target();
    let native = "my_app-1.0-cp311-cp311-manylinux_2_17_x86_64.whl";
    let mut files = vec![
        known("my_app-1.0-py3-none-any.whl", 'a'),
        known(native, 'b'),
        known("my_app-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", 'c'),
        known("my_app-1.0.zip", 'a'),
        known("my-app-1.0.tar.gz", 'b'),
    ];
    assert_eq!(choose(&pin, &files, target).unwrap(), Choice::Wheel(&files[1]));
    files.remove(1);
    assert_eq!(choose(&pin, &files, target).unwrap().file().file, "my_app-1.0-py3-none-any.whl");
    files.remove(0);
    assert_eq!(choose(&pin, &files, target).unwrap(), Choice::Sdist(&files[2]));
    files.truncate(1);
    files.extend([
        known("my_app-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", 'a'),
        known("my_app-1.1-py3-none-any.whl", 'a'),
        known("../my_app-1.0-py3-none-any.whl", 'a'),
        known("my_app-1.0.tar.bz2", 'a'),
    ]);
    let error = choose(&pin, &files, target).unwrap_err();
    assert_eq!(
        error.to_string(),
        "requirements.txt:1: no file of my-app 1.0 is acceptable for Python 3.11 on linux/amd64 (glibc 2.36): \
         my_app-1.0-cp311-cp311-manylinux_2_28_x86_64.whl (its sha256 is not among the locked ones), \
         my_app-1.0-cp312-cp312-manylinux_2_17_x86_64.whl (made for another interpreter or platform), \
         my_app-1.1-py3-none-any.whl (neither a wheel nor an sdist of this version), \
         ../my_app-1.0-py3-none-any.whl (neither a wheel nor an sdist of this version), \
         my_app-1.0.tar.bz2 (neither a wheel nor an sdist of this version)"
    );
    let error = choose(&pin, &[], target).unwrap_err();
    assert!(error.to_string().ends_with("(glibc 2.36): there is none"), "{error}");
}
