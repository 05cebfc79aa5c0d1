//! Files as tools write them: the exact set of pins.

use sealwright::requirements::{Format, Pin};

use super::{Case, pinned};

/// What the project needs in all formats with Python 3.11.2.
const MAIN: &str = "async-timeout 5.0.1, click 8.5.0, packaging 24.2, redis 5.2.1";
/// As poetry 1.x resolves it: one version of click and iniconfig for all Pythons.
const OLD: &str = "async-timeout 5.0.1, click 8.1.8, packaging 24.2, redis 5.2.1";
const INDEX: &str = "http://127.0.0.1:3141/simple/";

fn hash(letter: char) -> String {
    format!("--hash=sha256:{}", letter.to_string().repeat(64))
}

fn requirements(text: &str) -> Case {
    let text = text.replace("HASH-A", &hash('a')).replace("HASH-B", &hash('b'));
    Case::text("requirements.txt", text)
}

fn cases() -> Vec<(&'static str, Case, &'static str)> {
    vec![
        ("pip-compile", Case::fixture("pip-tools/requirements.txt").indexes(&[INDEX]), MAIN),
        ("pip-compile, annotations on one line", Case::fixture("pip-tools/line.txt"), MAIN),
        ("uv export as requirements", Case::fixture("uv/requirements.txt"), "async-timeout 5.0.1, click 8.5.0, iniconfig 2.3.0, packaging 24.2, redis 5.2.1"),
        ("uv pip compile --universal", Case::fixture("uv/compiled.txt"), MAIN),
        ("the marker on the patch release holds", Case::fixture("uv/compiled.txt").python("3.11.2"), MAIN),
        ("the marker on the patch release does not hold", Case::fixture("uv/compiled.txt").python("3.11.3"), "click 8.5.0, packaging 24.2, redis 5.2.1"),
        ("Pipfile.lock", Case::fixture("pipenv/Pipfile.lock"), MAIN),
        ("Pipfile.lock with develop", Case::fixture("pipenv/Pipfile.lock").groups(&["develop"]), "async-timeout 5.0.1, click 8.5.0, iniconfig 2.3.0, packaging 24.2, redis 5.2.1"),
        ("Pipfile.lock, develop as pipenv's commands call it", Case::fixture("pipenv/Pipfile.lock").groups(&["dev"]), "async-timeout 5.0.1, click 8.5.0, iniconfig 2.3.0, packaging 24.2, redis 5.2.1"),
        ("Pipfile.lock with a category", Case::fixture("pipenv/Pipfile.lock").groups(&["docs"]), "async-timeout 5.0.1, attrs 23.2.0, click 8.5.0, packaging 24.2, redis 5.2.1"),
        ("Pipfile.lock, an entry without hash whose marker does not hold", Case::fixture("pipenv/Pipfile.lock").edit("\"click\": {", "\"colorama\": {\"markers\": \"sys_platform == 'win32'\", \"version\": \"*\"},\n\"click\": {"), MAIN),
        ("poetry 1.2", Case::fixture("poetry-1.2/poetry.lock"), OLD),
        ("poetry 1.2, the other Python", Case::fixture("poetry-1.2/poetry.lock").python("3.10.1"), "async-timeout 5.0.1, click 8.1.8, packaging 23.2, redis 5.2.1"),
        ("poetry 1.2 with an extra", Case::fixture("poetry-1.2/poetry.lock").extras(&["async"]), "anyio 4.8.0, async-timeout 5.0.1, click 8.1.8, idna 3.19, packaging 24.2, redis 5.2.1, sniffio 1.3.1, typing-extensions 4.16.0"),
        ("poetry 1.8", Case::fixture("poetry-1.8/poetry.lock"), OLD),
        ("poetry 1.8 with a group", Case::fixture("poetry-1.8/poetry.lock").groups(&["dev"]), "async-timeout 5.0.1, click 8.1.8, iniconfig 2.1.0, packaging 24.2, redis 5.2.1"),
        ("poetry 1.8 with an extra and an older Python", Case::fixture("poetry-1.8/poetry.lock").extras(&["async"]).python("3.9.18"), "anyio 4.8.0, async-timeout 5.0.1, click 8.1.8, exceptiongroup 1.3.1, idna 3.19, packaging 23.2, redis 5.2.1, sniffio 1.3.1, typing-extensions 4.16.0"),
        ("poetry 1.1's dev-dependencies", Case::fixture("poetry-1.2/poetry.lock").groups(&["dev"]).file("pyproject.toml", "[tool.poetry.dependencies]\npython = \"*\"\nclick = \"*\"\n[tool.poetry.dev-dependencies]\niniconfig = \"*\"\n"), "click 8.1.8, iniconfig 2.1.0"),
        ("poetry 2", Case::fixture("poetry-2/poetry.lock"), MAIN),
        ("poetry 2 needs no pyproject.toml", Case::fixture("poetry-2/poetry.lock").without("pyproject.toml"), MAIN),
        ("poetry 2 with extra and group", Case::fixture("poetry-2/poetry.lock").extras(&["async"]).groups(&["dev"]), "anyio 4.8.0, async-timeout 5.0.1, click 8.5.0, idna 3.19, iniconfig 2.3.0, packaging 24.2, redis 5.2.1, sniffio 1.3.1, typing-extensions 4.16.0"),
        ("poetry 2, the fork for older Pythons", Case::fixture("poetry-2/poetry.lock").python("3.10.12"), "async-timeout 5.0.1, click 8.1.8, packaging 23.2, redis 5.2.1"),
        ("poetry 2, a marker for each group", Case::fixture("poetry-2/poetry.lock").edit("groups = [\"dev\"]\nmarkers = \"python_version >= \\\"3.11\\\"\"", "groups = [\"main\", \"dev\"]\nmarkers = {main = \"sys_platform == \\\"win32\\\"\", dev = \"python_version >= \\\"3.11\\\"\"}").groups(&["dev"]), "async-timeout 5.0.1, click 8.5.0, iniconfig 2.3.0, packaging 24.2, redis 5.2.1"),
        ("uv.lock", Case::fixture("uv/uv.lock"), MAIN),
        ("uv.lock with an extra of extras", Case::fixture("uv/uv.lock").extras(&["all"]), "anyio 4.8.0, async-timeout 5.0.1, click 8.5.0, idna 3.19, packaging 24.2, redis 5.2.1, sniffio 1.3.1, typing-extensions 4.16.0"),
        ("uv.lock with an extra that holds nothing", Case::fixture("uv/uv.lock").extras(&["empty"]), MAIN),
        ("uv.lock with a group", Case::fixture("uv/uv.lock").groups(&["dev"]), "async-timeout 5.0.1, click 8.5.0, iniconfig 2.3.0, packaging 24.2, redis 5.2.1"),
        ("uv.lock, the fork for older Pythons", Case::fixture("uv/uv.lock").python("3.9.2"), "async-timeout 5.0.1, click 8.1.8, packaging 23.2, redis 5.2.1"),
        ("uv.lock, one of two extras that exclude each other", Case::fixture("uv/uv.lock").extras(&["old"]), "async-timeout 5.0.1, attrs 23.2.0, click 8.5.0, packaging 24.2, redis 5.2.1"),
        ("uv.lock, excluding extras far below: neither", Case::fixture("uv-conflicts/uv.lock"), "anyio 4.8.0, idna 3.19, sniffio 1.3.1, typing-extensions 4.16.0"),
        ("uv.lock, excluding extras far below: the old", Case::fixture("uv-conflicts/uv.lock").extras(&["old"]), "anyio 4.8.0, idna 3.6, sniffio 1.3.1, typing-extensions 4.16.0"),
        ("uv.lock, a cycle", Case::fixture("uv/uv.lock").edit("name = \"sniffio\"\nversion = \"1.3.1\"\nsource = { registry = \"http://127.0.0.1:3141/simple\" }", "name = \"sniffio\"\nversion = \"1.3.1\"\nsource = { registry = \"http://127.0.0.1:3141/simple\" }\ndependencies = [{ name = \"anyio\" }, { name = \"fixture\" }]").extras(&["async"]), "anyio 4.8.0, async-timeout 5.0.1, click 8.5.0, idna 3.19, packaging 24.2, redis 5.2.1, sniffio 1.3.1, typing-extensions 4.16.0"),
        ("pylock.toml of pip lock", Case::fixture("pip/pylock.toml"), MAIN),
        ("pylock.toml of uv export", Case::fixture("uv/pylock.toml"), "async-timeout 5.0.1, click 8.5.0, iniconfig 2.3.0, packaging 24.2, redis 5.2.1"),
        ("a named pylock", Case::fixture("uv/pylock.all.toml"), "anyio 4.8.0, async-timeout 5.0.1, click 8.5.0, idna 3.19, iniconfig 2.3.0, packaging 24.2, redis 5.2.1, sniffio 1.3.1, typing-extensions 4.16.0"),
        ("the example of PEP 751", Case::fixture("pep751/pylock.toml").python("3.12.7"), "attrs 25.1.0, cattrs 24.1.2, numpy 2.2.3"),
        ("pylock, extras and groups", Case::fixture("pep751/pylock.toml").python("3.12.7").edit("created-by", "extras = ['fast']\ndependency-groups = ['test']\ncreated-by").edit("name = 'numpy'", "name = 'numpy'\nmarker = \"'fast' in extras and 'test' not in dependency_groups\"").extras(&["fast"]), "attrs 25.1.0, cattrs 24.1.2, numpy 2.2.3"),
        ("pylock, extras not asked for", Case::fixture("pep751/pylock.toml").python("3.12.7").edit("created-by", "extras = ['fast']\ncreated-by").edit("name = 'numpy'", "name = 'numpy'\nmarker = \"'fast' in extras\""), "attrs 25.1.0, cattrs 24.1.2"),
        ("pylock, default groups", Case::fixture("pep751/pylock.toml").python("3.12.7").edit("created-by", "dependency-groups = ['test']\ndefault-groups = ['test']\ncreated-by").edit("name = 'numpy'", "name = 'numpy'\nmarker = \"'test' in dependency_groups\""), "attrs 25.1.0, cattrs 24.1.2, numpy 2.2.3"),
        ("pylock, an archive by URL", Case::text("pylock.toml", format!("lock-version = '1.0'\ncreated-by = 'x'\n[[packages]]\nname = 'a'\narchive = {{ url = 'https://files.example/a-1.0.tar.gz', hashes = {{ sha256 = '{}' }} }}\n", "a".repeat(64))), "a 1.0"),
        ("options on the line of a requirement, and spaces", requirements("A.b_C [x,y] == 1.0 ; python_version >= '3'   HASH-A HASH-B"), "a-b-c 1.0"),
        ("--hash with a space, Windows line ends, byte order mark", requirements("\u{feff}a==1 \\\r\n  HASH-A\r\nb===2 HASH-B\r\n").edit("--hash=", "--hash "), "a 1, b 2"),
        ("a comment between continuations ends the entry", requirements("a==1 HASH-A \\\n# why\nb==2 HASH-B"), "a 1, b 2"),
        ("-r from a folder and back", requirements("-r deps/base.txt\na==1 HASH-A").file("deps/base.txt", format!("-r ../more.txt\nb==2 {}", hash('b'))).file("more.txt", format!("c==3 {}", hash('c'))), "a 1, b 2, c 3"),
        ("one file included twice", requirements("-r b.txt\n-r c.txt").file("b.txt", "-r d.txt").file("c.txt", "-rd.txt").file("d.txt", format!("a==1 {}", hash('a'))), "a 1"),
        ("constraints that agree, and hashes of both", requirements("a==1 HASH-A HASH-B\n-c c.txt").file("c.txt", format!("a<2 {}\nother==9", hash('a'))), "a 1"),
        ("hashes from a constraint alone", requirements("-c c.txt\na==1").file("c.txt", format!("a==1 {}", hash('a'))), "a 1"),
        ("a direct URL with hash", requirements("https://me:secret@files.example/x/My_App-2.0-py3-none-any.whl?d=1#sha256=AAAA").edit("AAAA", &"a".repeat(64)), "my-app 2.0"),
        ("name @ URL with hash and marker", requirements("my-app[x] @ https://files.example/my-app-2.0.post1.tar.gz#egg=my-app&sha256=AAAA ; sys_platform == 'linux'").edit("AAAA", &"a".repeat(64)), "my-app 2.0.post1"),
        ("a URL with --hash", requirements("a @ https://files.example/a-1.zip HASH-A"), "a 1"),
        ("sha512 beside sha256", requirements(&format!("a==1 HASH-A --hash=sha512:{}", "0".repeat(128))), "a 1"),
        ("the index that is configured, options that hold anyway", requirements("-i https://me:pw@index.example/simple\n--require-hashes --pre\n--only-binary :all:\na==1 HASH-A").indexes(&["https://index.example/simple/"]), "a 1"),
        ("nothing that holds here", requirements("pywin32==306 ; sys_platform == 'win32'\n-e . ; python_version < '3'").edit("-e . ; python_version < '3'", ""), ""),
        ("an empty file", requirements(""), ""),
    ]
}

#[test]
fn files_as_tools_write_them_give_these_pins() {
    for (name, case, expected) in cases() {
        let found = case.read().map(|requirements| pinned(&requirements)).map_err(|error| error.to_string());
        assert_eq!(found.as_deref(), Ok(expected), "{name}");
    }
}

/// Pins of one project in every format accept the same files.
#[test]
fn hashes_are_carried_over_as_they_are() {
    let wheel = "ee7e1056b9aea0f04c6c2ed59452947f34c4940ee025f5dd83e6a6418b6989e4";
    let sdist = "16f2e22dff21d5125e8481515e386711a34cbec50f0e44413dd7d9c060a54e0f";
    for path in [
        "pip-tools/line.txt",
        "uv/compiled.txt",
        "pipenv/Pipfile.lock",
        "poetry-1.2/poetry.lock",
        "poetry-1.8/poetry.lock",
        "poetry-2/poetry.lock",
        "uv/uv.lock",
        "uv/pylock.toml",
    ] {
        let redis = pin(&Case::fixture(path), "redis");
        let hashes: Vec<String> = redis.hashes.iter().map(ToString::to_string).collect();
        assert_eq!(hashes, [sdist, wheel], "{path}");
    }
    let hashes: Vec<String> =
        pin(&Case::fixture("pip/pylock.toml"), "redis").hashes.iter().map(ToString::to_string).collect();
    assert_eq!(hashes, [wheel], "pip locks the file that it would install");
}

fn pin(case: &Case, name: &str) -> Pin {
    case.read().unwrap().pins.into_iter().find(|pin| pin.name.as_str() == name).unwrap()
}

#[test]
fn who_asked_is_carried_over_where_the_file_says() {
    let who = |case: &Case, name: &str| pin(case, name).required_by.join(" ");
    for (path, direct) in [
        ("pip-tools/line.txt", "requirements.in"),
        ("uv/compiled.txt", "pyproject.toml"),
        ("uv/requirements.txt", "fixture"),
        ("poetry-1.8/poetry.lock", "poetry.lock"),
        ("poetry-2/poetry.lock", "poetry.lock"),
        ("uv/uv.lock", "uv.lock"),
    ] {
        assert_eq!(who(&Case::fixture(path), "async-timeout"), "redis", "{path}");
        assert_eq!(who(&Case::fixture(path), "redis"), direct, "{path}");
    }
    assert_eq!(who(&Case::fixture("pipenv/Pipfile.lock"), "async-timeout"), "Pipfile.lock");
    assert_eq!(who(&Case::fixture("pep751/pylock.toml").python("3.12.7"), "attrs"), "cattrs");
    assert_eq!(who(&Case::fixture("pep751/pylock.toml").python("3.12.7"), "cattrs"), "pylock.toml");
    assert_eq!(who(&Case::fixture("uv/uv.lock").extras(&["all"]), "typing-extensions"), "anyio");
}

#[test]
fn the_line_of_each_pin_is_known() {
    for path in
        ["pip-tools/line.txt", "pipenv/Pipfile.lock", "poetry-2/poetry.lock", "uv/uv.lock", "pip/pylock.toml"]
    {
        let case = Case::fixture(path);
        let redis = pin(&case, "redis");
        let text = String::from_utf8(case.files[&case.path].clone()).unwrap();
        let from: String = text.lines().skip(redis.at.line - 1).take(3).collect();
        assert!(from.contains("redis"), "{}: {from}", redis.at);
        assert_eq!(redis.at.file, case.path);
    }
}

#[test]
fn files_are_named_where_the_lock_names_them() {
    let redis = pin(&Case::fixture("uv/uv.lock"), "redis");
    let files: Vec<(&str, Option<u64>)> =
        redis.files.iter().map(|file| (file.file.as_str(), file.size)).collect();
    assert_eq!(
        files,
        [("redis-5.2.1-py3-none-any.whl", Some(261_502)), ("redis-5.2.1.tar.gz", Some(4_608_355))]
    );
    assert!(redis.files[0].url.as_ref().unwrap().path().ends_with("/redis-5.2.1-py3-none-any.whl"));
    assert_eq!(pin(&Case::fixture("poetry-1.2/poetry.lock"), "packaging").files.len(), 2);
    assert!(pin(&Case::fixture("pipenv/Pipfile.lock"), "redis").files.is_empty());
    let direct = requirements("https://me:secret@files.example/a-2.0-py3-none-any.whl HASH-A");
    let url = pin(&direct, "a").files[0].url.clone().unwrap();
    assert_eq!(url.as_str(), "https://files.example/a-2.0-py3-none-any.whl");
}

#[test]
fn what_was_read_and_passed_over_is_said() {
    let case = Case::fixture("pip-tools/requirements.txt").indexes(&[INDEX]);
    let read = case.read().unwrap();
    assert_eq!(
        read.notes,
        [
            "requirements.txt:7: --index-url http://127.0.0.1:3141/simple is passed over: it is among the configured indexes"
        ]
    );
    let with_others = requirements("-r b.txt\n-c c.txt")
        .file("b.txt", "# nothing\n")
        .file("c.txt", "x<2\n")
        .read()
        .unwrap();
    let paths: Vec<&str> = with_others.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["requirements.txt", "b.txt", "c.txt"]);
    assert_eq!(with_others.files[1].sha256, sealwright::digest::Sha256::of("# nothing\n"));
    let poetry = Case::fixture("poetry-1.8/poetry.lock").read().unwrap();
    assert_eq!(
        poetry.files.iter().map(|file| (file.path.as_str(), file.format)).collect::<Vec<_>>(),
        [("poetry.lock", Format::PoetryLock), ("pyproject.toml", Format::PoetryLock)]
    );
}
