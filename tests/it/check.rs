//! `build --check`: what a build makes of other conditions, each found and named.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::context::Project;

/// A project whose build writes into one module for each condition what it sees of it.
const LEAKS: &str = include_str!("check/leaks.py");

const CONFIG: &str = "[target.dist]\nbuilder = \"python-build\"\nsuites = [\"bookworm\"]\n";

/// Conditions in the order of reports. The builder sets the hash seed itself.
const CONDITIONS: [&str; 11] = [
    "user",
    "folder",
    "cores",
    "file-system",
    "directory-order",
    "host-name",
    "locale",
    "time-zone",
    "umask",
    "hash-seed",
    "wall-clock",
];

/// A project that leaks these conditions.
fn project(leaks: &[&str]) -> Project {
    let mut project = Project::new()
        .host_indexes()
        .file("setup.py", LEAKS)
        .file("MANIFEST.in", "include leaks.txt\ngraft many\n")
        .file("leaks.txt", leaks.join("\n") + "\n")
        .file("sealwright.toml", CONFIG);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        project = project.file(&format!("many/{name}"), name);
    }
    project.git()
}

/// Whether this machine leaves a condition no choice.
fn held_here(condition: &str, project: &Project) -> bool {
    match condition {
        "hash-seed" => true,
        "cores" => std::thread::available_parallelism().unwrap().get() == 1,
        "file-system" => sealwright::sandbox::native::is_in_memory(project.store()),
        _ => false,
    }
}

/// The effect of each condition, with what it changes.
fn effects(check: &Value) -> BTreeMap<String, (String, Vec<String>)> {
    let conditions = check["conditions"].as_array().unwrap();
    let names: Vec<&str> = conditions.iter().map(|each| each["condition"].as_str().unwrap()).collect();
    assert_eq!(names, CONDITIONS);
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    conditions
        .iter()
        .map(|each| {
            let effect = each["effect"].as_str().unwrap().to_owned();
            (each["condition"].as_str().unwrap().to_owned(), (effect, texts(&each["changes"])))
        })
        .collect()
}

#[test]
fn a_build_that_depends_on_nothing_is_identical_and_published() {
    let project = project(&[]);
    let outcome = project.run(&["build", "--check", "--no-cache", "--json"]).code(0).json();
    let check = &outcome["checks"][0];
    assert_eq!((check["verdict"].as_str(), check["builds"].as_i64()), (Some("identical"), Some(2)));
    for (condition, (effect, _)) in effects(check) {
        let expected = if held_here(&condition, &project) { "held" } else { "none" };
        assert_eq!(effect, expected, "{condition}");
    }
    assert_eq!(project.names("dist").len(), 2);
    assert_eq!(project.names("provenance").len(), 2);
    project
        .run(&["build", "--check"])
        .code(0)
        .stdout_has("dist: checked, built again and identical, with another user, folder, ")
        .stdout_has("not varied: hash-seed (the builder sets PYTHONHASHSEED)");
}

/// Every condition leaks into a module of its own: each is found, and with it the module.
#[test]
fn each_condition_that_matters_is_named_with_what_it_changes() {
    let leaks: Vec<&str> = CONDITIONS.into_iter().filter(|name| *name != "hash-seed").collect();
    let project = project(&leaks);
    let outcome = project.run(&["build", "--wheel", "--check", "--json"]).code(5);
    assert!(project.names("dist").is_empty() && project.names("provenance").is_empty());
    let json = outcome.json();
    assert_eq!(json["targets"], Value::Array(Vec::new()));
    let check = &json["checks"][0];
    assert_eq!(check["verdict"], "different");
    assert_eq!(check["unsteady"], Value::Null);
    for (condition, (effect, changes)) in effects(check) {
        if held_here(&condition, &project) {
            assert_eq!(effect, "held", "{condition}");
            continue;
        }
        assert_eq!(effect, "matters", "{condition}");
        let module = format!("leaky/{}.py", condition.replace('-', "_"));
        let expected = format!("leaky-1-py3-none-any.whl: {module}");
        assert!(changes.contains(&expected), "{condition}: {changes:?}");
        let others: Vec<&String> =
            changes.iter().filter(|change| change.contains("leaky/") && **change != expected).collect();
        assert!(others.is_empty(), "{condition}: {others:?}");
    }
}

#[test]
fn a_build_that_differs_by_itself_is_told_from_one_that_depends_on_something() {
    let project = project(&["random", "host-name"]);
    let check = project.run(&["build", "--wheel", "--check", "--json"]).code(5).json()["checks"][0].clone();
    let unsteady = check["unsteady"].to_string();
    assert!(unsteady.contains("leaky/random.py") && !unsteady.contains("host_name"), "{unsteady}");
    for (condition, (effect, changes)) in effects(&check) {
        if condition == "host-name" {
            assert!(
                changes.contains(&"leaky-1-py3-none-any.whl: leaky/host_name.py".to_owned()),
                "{changes:?}"
            );
        } else {
            assert!(["none", "held"].contains(&effect.as_str()), "{condition}: {effect} {changes:?}");
        }
    }
}

#[test]
fn a_build_that_fails_elsewhere_is_different_and_the_condition_is_named() {
    let project = project(&["fails-elsewhere"]);
    let outcome = project.run(&["build", "--wheel", "--check"]).code(5);
    assert!(project.names("dist").is_empty());
    outcome
        .stdout_has("dist: DIFFERENT when it is built again under other conditions")
        .stdout_has("the second build failed: ")
        .stdout_has("host-name        MATTERS  sealwright → elsewhere: target dist: ")
        .stderr_has("error: not the same under other conditions, so nothing was published: dist")
        .stderr_has("hint: host-name: leave out the machine's name");
}

/// A builder that leaves the hash seed open: it is random in every build, and found.
#[test]
fn the_hash_seed_is_varied_where_the_builder_leaves_it_open() {
    let project = project(&["hash-seed"]);
    let folder = project.home().join("open");
    for file in sealwright::builder::Builder::built_in("python-build").unwrap().files() {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
    let manifest = std::fs::read_to_string(folder.join("builder.toml")).unwrap();
    let open = manifest.replace("PYTHONHASHSEED = \"0\"\n", "");
    assert_ne!(open, manifest);
    std::fs::write(
        folder.join("builder.toml"),
        format!("build-type = \"https://builds.example/open/v1\"\n{open}"),
    )
    .unwrap();
    project.write("sealwright.toml", CONFIG.replace("\"python-build\"", "\"../home/open\""));
    project.commit("builder");
    let check = project.run(&["build", "--wheel", "--check", "--json"]).code(5).json()["checks"][0].clone();
    assert_eq!(check["unsteady"], Value::Null);
    for (condition, (effect, changes)) in effects(&check) {
        assert_eq!(effect == "matters", condition == "hash-seed", "{condition}: {changes:?}");
    }
}
