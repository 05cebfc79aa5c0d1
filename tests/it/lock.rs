//! The lock's text: canonical, read strictly, cut into slices, compared with what is asked.

use proptest::collection::vec;
use proptest::prelude::*;
use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::lock::{
    Asked, AskedImage, AssembledImage, Distribution, HookRequires, ImageContent, Lock, LockedCrate,
    LockedImage, LockedLayer, LockedPackage, LockedRequirements, LockedSdist, LockedSuite, LockedTarget,
    LockedWheel, PulledImage, Role,
};
use sealwright::name::{Platform, PythonVersion};

/// A lock with one image, two packages and two targets, as small as can be and as large as it must be.
pub fn example() -> Lock {
    let image = LockedImage {
        reference: "debian:bookworm".parse().unwrap(),
        platform: Platform::LinuxAmd64,
        digest: Sha256::of("image"),
        content: ImageContent::Assembled(AssembledImage {
            recipe: 1,
            include: vec!["gcc".to_owned(), "python3".to_owned()],
            suites: vec![
                suite("bookworm", "debian", "2026-01-10T09:05:33Z"),
                suite("bookworm-security", "debian-security", "2026-02-01T20:11:02Z"),
            ],
            packages: vec![
                package("g++-12", "12.2.0-14+deb12u1", "bookworm"),
                package("libc6", "1:2.36-9~x", "bookworm-security"),
            ],
        }),
    };
    let target = |name: &str| LockedTarget {
        name: name.parse().unwrap(),
        platform: Platform::LinuxAmd64,
        python: PythonVersion { major: 3, minor: 11 },
        image: image.digest,
        requirements: Vec::new(),
        extras: Vec::new(),
        groups: Vec::new(),
        crates: Vec::new(),
        requires: vec!["setuptools>=61".to_owned(), "wheel; python_version < \"3.12\"".to_owned()],
        hooks: vec![HookRequires {
            name: "get_requires_for_build_wheel".to_owned(),
            requires: vec!["wheel".to_owned()],
        }],
        distributions: vec![
            distribution(Role::Build, "setuptools", "80.9.0", &["build-system.requires"]),
            distribution(
                Role::Build,
                "wheel",
                "0.45.1",
                &["build-system.requires", "get_requires_for_build_wheel"],
            ),
            distribution(Role::Tool, "build", "1.3.0+local.1", &["builder"]),
        ],
    };
    let targets = vec![target("dist"), target("other")];
    Lock { images: vec![image], wheels: Vec::new(), targets }
}

fn assembled(lock: &mut Lock) -> &mut AssembledImage {
    match &mut lock.images[0].content {
        ImageContent::Assembled(assembled) => assembled,
        ImageContent::Pulled(_) => panic!("the first image is assembled"),
    }
}

/// A requirements file of a project.
pub fn requirements(file: &str) -> LockedRequirements {
    LockedRequirements {
        file: file.to_owned(),
        format: "requirements.txt".to_owned(),
        sha256: Sha256::of(file),
    }
}

/// [`example`] with everything else that a lock can hold: an image by reference, a run-time dependency that is built
/// from its sdist, what builds that, crates, and the project's own lock file.
pub fn rich() -> Lock {
    let mut lock = example();
    let python = PythonVersion { major: 3, minor: 11 };
    let layer = |name: &str, media_type: &str| LockedLayer {
        digest: Sha256::of(name),
        size: 4096,
        media_type: media_type.to_owned(),
    };
    lock.images.push(LockedImage {
        reference: "debian:trixie".parse().unwrap(),
        platform: Platform::LinuxAmd64,
        digest: Sha256::of("pulled"),
        content: ImageContent::Pulled(PulledImage {
            index: Some(Sha256::of("index")),
            size: 812,
            python: "/usr/local/bin/python3.11".to_owned(),
            glibc: "2.41".to_owned(),
            layers: vec![
                layer("config", "application/vnd.oci.image.config.v1+json"),
                layer("layer", "application/vnd.oci.image.layer.v1.tar+gzip"),
            ],
        }),
    });
    let one_crate = LockedCrate {
        name: "libc".to_owned(),
        version: "0.2.180".to_owned(),
        file: "libc-0.2.180.crate".to_owned(),
        size: 800_000,
        sha256: Sha256::of("libc"),
        required_by: vec!["Cargo.lock".to_owned()],
    };
    let wheel = |name: &str, image: &str, distributions: Vec<Distribution>| LockedWheel {
        name: name.parse().unwrap(),
        version: "1.0".to_owned(),
        platform: Platform::LinuxAmd64,
        python,
        image: Sha256::of(image),
        sdist: LockedSdist {
            file: format!("{name}-1.0.tar.gz"),
            size: 17,
            sha256: Sha256::of(format!("{name} sdist")),
        },
        file: format!("{name}-1.0-py3-none-any.whl"),
        size: 18,
        sha256: Sha256::of(format!("{name} wheel")),
        requires: vec!["setuptools".to_owned()],
        hooks: vec![HookRequires { name: "get_requires_for_build_wheel".to_owned(), requires: Vec::new() }],
        crates: vec![one_crate.clone()],
        distributions,
    };
    let built = |name: &str, role: Role, by: &str| Distribution {
        file: format!("{name}-1.0-py3-none-any.whl"),
        size: 18,
        sha256: Sha256::of(format!("{name} wheel")),
        ..distribution(role, name, "1.0", &[by])
    };
    let inner = wheel(
        "inner",
        "image",
        vec![distribution(Role::Build, "setuptools", "80.9.0", &["build-system.requires"])],
    );
    let outer = wheel("outer", "pulled", vec![built("inner", Role::Build, "build-system.requires")]);
    lock.wheels = vec![inner, outer];
    let target = &mut lock.targets[0];
    target.requirements = vec![requirements("requirements.txt"), requirements("more/base.txt")];
    target.extras = vec!["cli".to_owned()];
    target.groups = vec!["server".to_owned()];
    target.crates = vec![one_crate];
    target.distributions.insert(2, built("outer", Role::Runtime, "requirements.txt"));
    lock
}

fn suite(name: &str, archive: &str, date: &str) -> LockedSuite {
    LockedSuite { name: name.to_owned(), archive: archive.to_owned(), date: date.to_owned() }
}

fn package(name: &str, version: &str, suite: &str) -> LockedPackage {
    LockedPackage {
        name: name.to_owned(),
        version: version.to_owned(),
        arch: "amd64".to_owned(),
        size: 12_345,
        sha256: Sha256::of(name),
        path: format!("pool/main/{}/{name}/{name}_1_amd64.deb", &name[..1]),
        suite: suite.to_owned(),
    }
}

/// A wheel for every platform.
pub fn distribution(role: Role, name: &str, version: &str, required_by: &[&str]) -> Distribution {
    Distribution {
        role,
        name: name.parse().unwrap(),
        version: version.to_owned(),
        file: format!("{name}-{version}-py3-none-any.whl"),
        size: 1_234_567,
        sha256: Sha256::of(name),
        required_by: required_by.iter().map(|&name| name.to_owned()).collect(),
    }
}

#[test]
fn the_text_is_canonical_and_made_for_a_diff() {
    let mut lock = example();
    lock.targets.truncate(1);
    insta::assert_snapshot!(lock.to_text(), @r#"
    # What builds of this project may use, by digest: base images, packages, build requirements, tools.
    # Written by `sealwright lock`: commit it, do not edit it.
    version = 1

    [[image]]
    reference = "debian:bookworm"
    platform = "linux/amd64"
    digest = "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
    recipe = 1
    include = [
        "gcc",
        "python3",
    ]
    suites = [
        { name = "bookworm", archive = "debian", date = "2026-01-10T09:05:33Z" },
        { name = "bookworm-security", archive = "debian-security", date = "2026-02-01T20:11:02Z" },
    ]
    packages = [
        { name = "g++-12", version = "12.2.0-14+deb12u1", arch = "amd64", size = 12345, sha256 = "5c861f3d52f4739daae912f4d81147862f47dcb7b4f71de5612066ab80b82921", path = "pool/main/g/g++-12/g++-12_1_amd64.deb", suite = "bookworm" },
        { name = "libc6", version = "1:2.36-9~x", arch = "amd64", size = 12345, sha256 = "fb9ce3b804ed6882db53398f268a9c8e59ab103221188aee6513dfddde5b9aff", path = "pool/main/l/libc6/libc6_1_amd64.deb", suite = "bookworm-security" },
    ]

    [[target]]
    name = "dist"
    platform = "linux/amd64"
    python = "3.11"
    image = "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
    requires = [
        "setuptools>=61",
        "wheel; python_version < \"3.12\"",
    ]
    hooks = [
        { name = "get_requires_for_build_wheel", requires = ["wheel"] },
    ]
    distributions = [
        { role = "build", name = "setuptools", version = "80.9.0", file = "setuptools-80.9.0-py3-none-any.whl", size = 1234567, sha256 = "9ee3a07916ebb6610dfccf95fb489ed462007ad779bffc79675bb17d504d7a70", required-by = ["build-system.requires"] },
        { role = "build", name = "wheel", version = "0.45.1", file = "wheel-0.45.1-py3-none-any.whl", size = 1234567, sha256 = "ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91", required-by = ["build-system.requires", "get_requires_for_build_wheel"] },
        { role = "tool", name = "build", version = "1.3.0+local.1", file = "build-1.3.0+local.1-py3-none-any.whl", size = 1234567, sha256 = "44575cf5b28512d75644bf54a517dcef304ff809fd511747621b4d64f19aac66", required-by = ["builder"] },
    ]
    "#);
}

#[test]
fn canonical_text_is_read_and_written_the_same() {
    let text = example().to_text();
    let lock = Lock::parse(&text).unwrap();
    assert_eq!(lock, example());
    assert_eq!(lock.to_text(), text);
    assert_eq!(lock.digest(), Sha256::of(&text));
    let empty = Lock::default();
    assert_eq!(Lock::parse(&empty.to_text()), Ok(empty));
}

#[test]
fn another_order_and_layout_are_read_and_made_canonical() {
    let mut shuffled = example();
    assembled(&mut shuffled).packages.reverse();
    assembled(&mut shuffled).suites.reverse();
    shuffled.targets.reverse();
    shuffled.targets[0].distributions.reverse();
    assert_eq!(shuffled.to_text(), example().to_text());

    let text = example().to_text();
    let (head, images) = text.split_once("\n[[image]]").unwrap();
    let (image, targets) = images.split_once("\n[[target]]").unwrap();
    let moved = format!("{head}\n[[target]]{targets}\n# mine\n[[image]]{image}").replace('\n', "\r\n");
    assert_eq!(Lock::parse(&moved), Ok(example()));
}

#[test]
fn a_lock_that_is_not_ours_to_read_says_why_and_where() {
    let text = example().to_text();
    let one = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let error = Lock::parse(&text.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.blame(), Blame::User);
        assert!(!error.hints().is_empty());
        error.to_string()
    };
    let digest = Sha256::of("image").to_string();
    let messages = [
        one("version = 1\n", "version = 2\nnews = true\n"),
        one("version = 1\n", ""),
        one("version = 1\n", "version = \"1\"\n"),
        one("version = 1\n", "version = 0\n"),
        one("recipe = 1", "receipe = 1"),
        one("size = 12345", "zise = 12345"),
        one("size = 12345", "size = -1"),
        one("size = 12345, ", ""),
        one("recipe = 1", "recipe = 1\ntoolchains = []"),
        one("recipe = 1", "recipe = "),
        one("python = \"3.11\"", "python = \"3\""),
        one(&digest, "abc"),
        one("[[target]]", "<<<<<<< ours\n[[target]]"),
        one("name = \"g++-12\"", "name = \"libc6\""),
        one("suite = \"bookworm\"", "suite = \"trixie\""),
        one(&format!("digest = \"{digest}\""), &format!("digest = \"{}\"", Sha256::of("x"))),
        one("[[target]]\nname = \"dist\"", "[[target]]\nname = \"other\""),
        one("pool/main/g", "pool/../../g"),
        one("build-1.3.0+local.1-py3-none-any.whl", "../x.whl"),
        one("date = \"2026-01-10T09:05:33Z\"", "date = \"yesterday\""),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r#"
    sealwright.lock has version 2 and was written by a newer sealwright, this one reads version 1
    sealwright.lock has no `version`, expected `version = 1` at its top
    sealwright.lock:3:1: unknown lock version "1", expected 1
    sealwright.lock:3:1: unknown lock version 0, expected 1
    sealwright.lock:9:1: unknown key `receipe` in [[image]], did you mean `recipe`?
    sealwright.lock:19:71: unknown key `zise` in a package
    sealwright.lock:19:78: invalid value: integer `-1`, expected u64
    sealwright.lock:19:5: missing field `size`
    sealwright.lock:10:1: `toolchains` in [[image]] is part of lock version 1 that this sealwright does not read: a newer one wrote it
    sealwright.lock:9:10: broken TOML: string values must be quoted, expected literal string
    sealwright.lock:26:10: not a Python version: "3" (expected MAJOR.MINOR, for instance 3.11)
    sealwright.lock:8:10: not a sha256 digest: expected 64 lower-case hexadecimal digits, got "abc"
    sealwright.lock:23:1: merge conflict marker: two versions of the lock were merged and not resolved
    sealwright.lock names package libc6 (amd64) of image debian:bookworm (linux/amd64) twice
    sealwright.lock: package g++-12 (amd64) of image debian:bookworm (linux/amd64) refers to suite trixie, which is not in the lock
    sealwright.lock: target dist (linux/amd64, Python 3.11) refers to image 6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d, which is not in the lock
    sealwright.lock names target other (linux/amd64, Python 3.11) twice
    sealwright.lock: package g++-12 (amd64) of image debian:bookworm (linux/amd64) has path "..", expected ASCII letters, digits and .+-_~:!, and no dot first
    sealwright.lock: file ../x.whl of target dist (linux/amd64, Python 3.11) has file "../x.whl", expected ASCII letters, digits and .+-_~:!, and no dot first
    sealwright.lock: suite bookworm of image debian:bookworm (linux/amd64) has date "yesterday", expected an RFC 3339 time in UTC
    "#);
}

#[test]
fn a_slice_holds_one_target_and_its_image() {
    let mut lock = example();
    lock.images.push(LockedImage { digest: Sha256::of("unused"), ..lock.images[0].clone() });
    let name = "dist".parse().unwrap();
    let python = PythonVersion { major: 3, minor: 11 };
    let slice = lock.slice(&name, Platform::LinuxAmd64, python).unwrap();
    assert_eq!((slice.images.len(), slice.targets.len()), (1, 1));
    assert_eq!(slice.check(), Ok(()));
    assert_eq!(slice.slice(&name, Platform::LinuxAmd64, python), Some(slice.clone()));
    assert!(lock.slice(&name, Platform::LinuxArm64, python).is_none());

    let mut merged = Lock::default();
    merged.merge(slice);
    merged.merge(lock.slice(&"other".parse().unwrap(), Platform::LinuxAmd64, python).unwrap());
    assert_eq!(merged, example());
    merged.retain(|target| target.name == name);
    assert_eq!(merged.targets.len(), 1);
}

#[test]
fn a_slice_holds_the_wheels_that_are_built_for_it_and_their_images() {
    let lock = rich();
    let python = PythonVersion { major: 3, minor: 11 };
    let slice = |name: &str| lock.slice(&name.parse().unwrap(), Platform::LinuxAmd64, python).unwrap();
    let with = slice("dist");
    assert_eq!((with.images.len(), with.wheels.len()), (2, 2));
    assert_eq!(Lock::parse(&with.to_text()), Ok(with.clone()));
    let order: Vec<&str> =
        with.wheels_for(&with.targets[0].distributions).iter().map(|wheel| wheel.name.as_str()).collect();
    assert_eq!(order, ["inner", "outer"]);
    let without = slice("other");
    assert_eq!((without.images.len(), without.wheels.len()), (1, 0));
    let mut merged = without;
    merged.merge(with);
    assert_eq!(merged, lock);
}

#[test]
fn a_wheel_that_needs_itself_is_refused() {
    let mut lock = rich();
    let outer = lock.targets[0].distributions[2].clone();
    lock.wheels[0].distributions.push(Distribution { role: Role::Build, ..outer });
    insta::assert_snapshot!(Lock::parse(&lock.to_text()).unwrap_err(), @r#"sealwright.lock: wheel inner-1.0-py3-none-any.whl has distributions "inner-1.0-py3-none-any.whl", expected no wheel that is needed to build itself"#);
}

#[test]
fn keys_of_an_image_that_do_not_go_together_are_refused() {
    let text = rich().to_text();
    for key in ["recipe = 1\n", "glibc = \"2.41\"\n"] {
        let error = Lock::parse(&text.replace(key, "")).unwrap_err().to_string();
        assert!(error.contains("the keys of an [[image]] do not go together"), "{error}");
    }
}

#[test]
fn a_stale_lock_is_told_from_a_fresh_one_and_why() {
    let lock = example();
    let target = &lock.targets[0];
    let fresh = Asked {
        python: Some(target.python),
        image: AskedImage {
            reference: lock.images[0].reference.clone(),
            recipe: 2,
            include: vec!["python3".to_owned(), "gcc".to_owned()],
            suites: vec!["bookworm".to_owned(), "bookworm-security".to_owned()],
        },
        requires: target.requires.clone(),
        requirements: Vec::new(),
        extras: Vec::new(),
        groups: Vec::new(),
        crates: Vec::new(),
        tools: Some(vec![target.distributions[2].clone()]),
    };
    assert_eq!(target.stale(&lock, &fresh), Vec::<String>::new());
    let mut asked = fresh;
    asked.python = Some(PythonVersion { major: 3, minor: 13 });
    asked.image.reference = "debian:trixie".parse().unwrap();
    asked.image.recipe = 0;
    asked.image.include = vec!["gcc".to_owned(), "libffi-dev".to_owned()];
    asked.image.suites.pop();
    asked.requires[0] = "setuptools>=77".to_owned();
    asked.tools = Some(Vec::new());
    asked.requirements = vec![requirements("uv.lock")];
    asked.extras = vec!["cli".to_owned()];
    asked.crates = vec![("libc".to_owned(), "0.2.1".to_owned(), Sha256::of("libc"))];
    insta::assert_snapshot!(target.stale(&lock, &asked).join("\n"), @r"
    Python is 3.11 in the lock and 3.13 is asked for
    the base image is debian:bookworm in the lock and debian:trixie is asked for
    the base image is assembled by recipe 1, and this sealwright knows 0 at most
    suite bookworm-security is in the lock and no longer asked for
    system package libffi-dev is asked for and not in the lock
    system package python3 is in the lock and no longer asked for
    build requirement setuptools>=77 is asked for and not in the lock
    build requirement setuptools>=61 is in the lock and no longer asked for
    uv.lock is asked for and not in the lock
    extra cli is asked for and not in the lock
    crate libc 0.2.1 (16c8c6eb85e05438f5d6c60ff9869072a3a3b1618aa1481ac7a0cb049f06f51d) is asked for and not in the lock
    builder's tool build-1.3.0+local.1-py3-none-any.whl (44575cf5b28512d75644bf54a517dcef304ff809fd511747621b4d64f19aac66) is in the lock and no longer asked for
    ");
}

pub fn locks() -> impl Strategy<Value = Lock> {
    let word = "[a-z][a-z0-9.+-]{0,8}[a-z0-9]";
    let package = (word, "[0-9][0-9a-z:.+~-]{0,9}", any::<u32>(), any::<u64>());
    let file = (0..3_u8, "[a-z]{1,6}", "[0-9][0-9.]{0,3}", "[a-z]{1,8}", vec(".{0,12}", 0..3));
    (vec(package, 0..6), vec(file, 0..6), vec(".{0,20}", 0..4), vec(word, 0..3)).prop_map(
        |(packages, files, requires, include)| {
            let mut lock = rich();
            lock.targets.truncate(1);
            assembled(&mut lock).include = include;
            for (name, version, size, seed) in packages {
                let mut package = package_of(&name, &version);
                (package.size, package.sha256) = (size.into(), Sha256::of(seed.to_le_bytes()));
                assembled(&mut lock).packages.retain(|other| other.name != name);
                assembled(&mut lock).packages.push(package);
            }
            let target = &mut lock.targets[0];
            target.requires = requires;
            for (role, name, version, file, required_by) in files {
                let role = [Role::Build, Role::Runtime, Role::Tool][usize::from(role)];
                let required_by: Vec<&str> = required_by.iter().map(String::as_str).collect();
                let made = Distribution { file, ..distribution(role, &name, &version, &required_by) };
                target.distributions.retain(|other| (other.role, &other.file) != (role, &made.file));
                target.distributions.push(made);
            }
            lock
        },
    )
}

fn package_of(name: &str, version: &str) -> LockedPackage {
    package(name, version, "bookworm")
}

proptest! {
    #[test]
    fn every_lock_is_read_as_it_is_written(lock in locks()) {
        let text = lock.to_text();
        let read = Lock::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read.to_text(), text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,300}", at in 0..4000_usize) {
        let _ = Lock::parse(&text);
        let mut changed = example().to_text();
        let at = (at..changed.len()).find(|at| changed.is_char_boundary(*at)).unwrap_or(0);
        changed.insert_str(at, &text);
        let _ = Lock::parse(&changed);
    }
}
