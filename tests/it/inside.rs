//! What a box can import, told from inside, against what the statement of that very build says: for every example.
//!
//! A builder folder made here stands in for the built-in one. Its script looks around first and then does what the
//! built-in one does; the lock stays as it is, since images and tools are the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sealwright::builder::Builder;
use sealwright::provenance::Statement;
use sealwright::store::Store;
use serde::Deserialize;

use crate::bundle::{CONFIG, application};
use crate::context::{Project, repository};

/// Looks around in every environment of the box, then hands over to the script that it replaces.
const PROBE: &str = include_str!("inside/probe.py");

/// What one environment of a box can import.
#[derive(Debug, Deserialize)]
struct Seen {
    /// `build`, `runtime`, `tool`
    role: String,
    /// Name, normalized, and version of each distribution.
    distributions: BTreeSet<(String, String)>,
    /// Files of `site-packages` that no distribution's RECORD lists, byte code aside.
    unowned: Vec<String>,
    /// Where modules are looked for.
    path: Vec<String>,
    /// Modules that Debian's packages brought and that can be imported nevertheless.
    debian: Vec<String>,
    /// How many such modules there are in the image.
    debian_modules: usize,
}

/// Puts a probing copy of `builder`'s folder beside the project, and lets the target use it.
fn with_probe(project: &Project, builder: &str) {
    let folder = project.home().join("probe");
    for file in Builder::built_in(builder).unwrap().files() {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
    std::fs::rename(folder.join("box/build.py"), folder.join("box/built_in.py")).unwrap();
    std::fs::write(folder.join("box/build.py"), PROBE).unwrap();
    let manifest = std::fs::read_to_string(folder.join("builder.toml")).unwrap();
    let own = format!("build-type = \"https://builds.example/probe/v1\"\n{manifest}");
    std::fs::write(folder.join("builder.toml"), own).unwrap();
    let config = project.read("sealwright.toml");
    let changed = config.replace(&format!("builder = \"{builder}\""), "builder = \"../home/probe\"");
    assert_ne!(config, changed, "the example names its builder");
    project.write("sealwright.toml", changed);
    project.commit("probe");
}

/// Builds, and compares what each output's statement says with what the box saw.
fn assert_the_statement_is_what_the_box_holds(project: &Project) -> Vec<Seen> {
    let mut last = Vec::new();
    project.run(&["build", "--locked", "--no-cache"]).code(0);
    let statements = project.names("provenance");
    assert!(!statements.is_empty());
    for name in statements {
        let statement =
            Statement::parse_file(project.read(&format!("provenance/{name}")).as_bytes()).unwrap();
        let run = &statement.predicate().run_details;
        let log = run.byproducts.iter().find(|byproduct| byproduct.name == "build.log").unwrap();
        let log = Store::open(project.store()).unwrap().read(&log.digest.as_sha256().unwrap()).unwrap();
        let log = String::from_utf8(log).unwrap();
        let line = log.lines().find_map(|line| line.split_once("PROBE ")).expect("the box looked around").1;
        let seen: Vec<Seen> = serde_json::from_str(line).unwrap();

        let mut said: BTreeSet<(&str, String, String)> = BTreeSet::new();
        for dependency in &statement.predicate().build_definition.resolved_dependencies {
            let role = dependency.text("role").unwrap_or_default();
            // What a wheel was built with, in another box, is marked as that.
            let other =
                dependency.annotations.contains_key("for") || !["build", "runtime", "tool"].contains(&role);
            if let (Some(purl), false) = (dependency.uri.strip_prefix("pkg:pypi/"), other) {
                let (name, version) = purl.split('?').next().unwrap().split_once('@').unwrap();
                said.insert((role, name.to_owned(), version.replace("%2B", "+")));
            }
        }
        let mut found = BTreeSet::new();
        for environment in &seen {
            let role = environment.role.as_str();
            found.extend(
                environment.distributions.iter().map(|(name, version)| (role, name.clone(), version.clone())),
            );
            assert!(environment.unowned.is_empty(), "{role}: {:?}", environment.unowned);
            assert!(environment.debian.is_empty(), "{role}: {:?}", environment.debian);
            let elsewhere: Vec<&String> = environment
                .path
                .iter()
                .filter(|path| path.contains("dist-packages") || path.contains("home"))
                .collect();
            assert!(elsewhere.is_empty(), "{role}: {elsewhere:?}");
        }
        assert_eq!(found, said, "{name}");
        assert!(seen.iter().any(|environment| environment.role == "tool"));
        last = seen;
    }
    last
}

/// Folders below `examples` that hold a lock, with the built-in builder that each names.
fn examples() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![repository().join("examples")];
    while let Some(folder) = open.pop() {
        if folder.join("sealwright.lock").is_file() {
            let config = std::fs::read_to_string(folder.join("sealwright.toml")).unwrap();
            let config: toml::Table = toml::from_str(&config).unwrap();
            let builders: BTreeSet<&str> = config["target"]
                .as_table()
                .unwrap()
                .values()
                .map(|target| target["builder"].as_str().unwrap())
                .collect();
            assert_eq!(builders.len(), 1, "{}", folder.display());
            let name = folder.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
            found.push((name, (*builders.first().unwrap()).to_owned()));
            continue;
        }
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        open.extend(entries.filter(|path: &PathBuf| Path::is_dir(path)));
    }
    found.sort();
    found
}

#[test]
fn every_example_s_statement_lists_what_its_box_can_import() {
    let examples = examples();
    assert!(examples.len() >= 3);
    for (folder, builder) in examples {
        let project = Project::copy_of(&folder).host_indexes().git();
        with_probe(&project, &builder);
        project.git_run(&["tag", "v1.2.0"]);
        assert_the_statement_is_what_the_box_holds(&project);
    }
}

#[test]
fn a_bundle_s_statement_lists_what_its_box_can_import() {
    let project = application(CONFIG, &[]);
    with_probe(&project, "bundle");
    assert_the_statement_is_what_the_box_holds(&project);
}

#[test]
fn modules_that_debian_s_packages_bring_are_there_and_cannot_be_imported() {
    let more = "system-packages = [\"python3-six\"]\n";
    let sample = Project::copy_of("tests/fixtures/sample")
        .host_indexes()
        .file("probe.py", "")
        .file("sealwright.toml", CONFIG.replace("bundle", "python-build") + more)
        .git();
    sample.run(&["lock"]).code(0);
    let bundle = application(&format!("{CONFIG}{more}"), &[]);
    for (project, builder, roles) in
        [(sample, "python-build", ["build", "tool"]), (bundle, "bundle", ["runtime", "tool"])]
    {
        with_probe(&project, builder);
        let seen = assert_the_statement_is_what_the_box_holds(&project);
        assert_eq!(seen.iter().map(|environment| environment.role.as_str()).collect::<Vec<_>>(), roles);
        assert!(seen.iter().all(|environment| environment.debian_modules > 0), "{builder}: {seen:?}");
    }
}
