//! `debian:bookworm` and its kind: signed Release files → package closure → what an image is assembled from.
//!
//! The chain of trust is that of apt: the `InRelease` of each suite is signed by a key of its archive
//! ([`ArchiveKeys`]), names the digest of `Packages`, which names the digest of every `.deb`. Nothing else that a
//! mirror says is believed, so any mirror serves, over plain http too.
//!
//! What this cannot see is a replay: a mirror may serve an old, rightly signed `InRelease`. Suites that change
//! often (security) carry a `Valid-Until`, which is enforced and bounds a replay to about a week. The frozen main archive
//! has none, since it changes only with a point release; an old point release is what a replay yields there.
//! The date of each Release is in the lock, where a reviewer sees it go back.

mod closure;
mod error;
mod keys;
mod packages;
mod release;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rayon::prelude::*;

pub use error::DebianError;
pub use keys::{ArchiveKeys, Keyring};

use crate::digest::Sha256;
use crate::error::Fault;
use crate::event::Reporter;
use crate::image::ImageInputs;
use crate::lock::{LockedPackage, LockedSuite};
use crate::name::{DebianRelease, ImageRef, Platform};
use crate::store::Store;
use release::{Release, ReleaseFile};

/// Bytes of an `InRelease` or `Release` file that are read at most.
const RELEASE_LIMIT: u64 = 8 << 20;
/// Bytes of an unpacked `Packages` file that are accepted at most.
const PACKAGES_LIMIT: u64 = 512 << 20;

/// Gets small documents of a Debian archive, from whichever mirror has them. Nothing that it returns is believed
/// before a signature or digest was checked here.
pub trait Documents: Sync {
    /// The document at `path` (`dists/bookworm/InRelease`) below the root of `archive` (`debian`,
    /// `debian-security`).
    ///
    /// # Errors
    /// No mirror has it, it is larger than `limit` bytes, or the network failed.
    fn document(&self, archive: &str, path: &str, limit: u64) -> Result<Vec<u8>, Box<dyn Fault>>;
}

/// What is asked for.
#[derive(Clone)]
pub struct Request {
    /// The release whose image it is.
    pub release: DebianRelease,
    /// What the image runs on.
    pub platform: Platform,
    /// Names of suites: the release's default ones, or the configured list.
    pub suites: Vec<String>,
    /// Packages that are wanted beside the essential ones: the builder's and the target's.
    pub include: Vec<String>,
    /// The present time, against which expiry is judged.
    pub now: Timestamp,
}

/// Resolves a request to the exact packages of an image.
///
/// The closure holds the essential packages, what is included, and what these depend on (`Pre-Depends`, `Depends`;
/// recommendations never), in the highest version that the suites hold.
///
/// # Errors
/// A Release is not signed by a trusted key, expired or not the one that was asked for; a `Packages` file is not
/// the one that its Release names; a package is unknown or cannot be satisfied; two packages conflict.
pub fn resolve(
    request: &Request,
    keys: &ArchiveKeys,
    documents: &dyn Documents,
    store: &Store,
    reporter: &dyn Reporter,
) -> Result<ImageInputs, DebianError> {
    reporter.stage(&format!("resolving debian:{}", request.release.codename()));
    let mut names = request.suites.clone();
    names.sort();
    names.dedup();
    let suites =
        names.par_iter().map(|name| suite(name, request, keys, documents)).collect::<Result<Vec<_>, _>>()?;

    let mut include = request.include.clone();
    include.sort();
    include.dedup();
    let key = closure_key(&suites, &include, request.platform);
    let known = store.action(&key)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let packages = match known {
        Some(packages) => packages,
        None => chosen(&suites, &include, request.platform, documents, store, &key)?,
    };
    reporter.note(&format!("debian:{}: {} packages", request.release.codename(), packages.len()));
    Ok(ImageInputs {
        reference: ImageRef::Debian(request.release),
        platform: request.platform,
        recipe: crate::image::RECIPE,
        include,
        suites: suites.into_iter().map(|suite| suite.locked).collect(),
        packages,
    })
}

/// A suite whose Release was verified.
struct Suite {
    locked: LockedSuite,
    release: Release,
    /// `Packages` as it is read, and as it is carried.
    plain: ReleaseFile,
    packed: ReleaseFile,
}

/// Raised when the same lists lead to other packages: what was chosen before is not taken any more.
const CLOSURE: u32 = 1;

/// What a closure follows from, and nothing else: verified lists, by digest, and what is asked of them.
fn closure_key(suites: &[Suite], include: &[String], platform: Platform) -> Sha256 {
    let lists: Vec<_> = suites.iter().map(|suite| (&suite.locked.name, suite.plain.sha256)).collect();
    Sha256::of(
        serde_json::json!(["debian closure", CLOSURE, lists, include, platform.to_string()]).to_string(),
    )
}

/// Chooses the packages, and keeps the choice: reading the lists is most of the work of a resolution.
fn chosen(
    suites: &[Suite],
    include: &[String],
    platform: Platform,
    documents: &dyn Documents,
    store: &Store,
    key: &Sha256,
) -> Result<Vec<LockedPackage>, DebianError> {
    let texts = suites
        .par_iter()
        .map(|suite| packages_text(suite, documents, store))
        .collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let pool = packages::Pool::scan(&texts, platform)?;
    let mut packages = Vec::new();
    for package in closure::closure(&pool, include)? {
        packages.push(locked(&package, &suites[package.suite].locked.name)?);
    }
    packages.sort();
    let lists: Vec<Sha256> = suites.iter().map(|suite| suite.plain.sha256).collect();
    store.set_action(key, serde_json::json!(packages).to_string().as_bytes(), &lists)?;
    Ok(packages)
}

/// The archive that holds a suite: security suites have one of their own.
fn archive_of(suite: &str) -> &'static str {
    if suite.ends_with("-security") { "debian-security" } else { "debian" }
}

fn suite(
    name: &str,
    request: &Request,
    keys: &ArchiveKeys,
    documents: &dyn Documents,
) -> Result<Suite, DebianError> {
    let archive = archive_of(name);
    let fetch = |path: &str, limit: u64| fetch(name, path, limit, documents);
    let text = match fetch(&format!("dists/{name}/InRelease"), RELEASE_LIMIT) {
        Ok(signed) => keys.of(archive).open_clear_signed(name, &signed, request.now)?,
        // An archive without InRelease (old tools make such): the text and its signature are two files.
        Err(first) => {
            let Ok(text) = fetch(&format!("dists/{name}/Release"), RELEASE_LIMIT) else { return Err(first) };
            let signature = fetch(&format!("dists/{name}/Release.gpg"), RELEASE_LIMIT)?;
            keys.of(archive).open_detached(name, text, &signature, request.now)?
        }
    };
    let release = Release::parse(name, &text)?;
    release.check(name, request.now)?;
    let folder = format!("main/binary-{}", request.platform.debian());
    let plain = release.file(name, &format!("{folder}/Packages"))?;
    let packed = release.file(name, &format!("{folder}/Packages.xz"))?;
    let locked =
        LockedSuite { name: name.to_owned(), archive: archive.to_owned(), date: release.date.to_string() };
    Ok(Suite { locked, release, plain, packed })
}

/// Gets one document of a suite, of `limit` bytes at most.
fn fetch(suite: &str, path: &str, limit: u64, documents: &dyn Documents) -> Result<Vec<u8>, DebianError> {
    documents.document(archive_of(suite), path, limit).map_err(|source| DebianError::Fetch {
        suite: suite.to_owned(),
        path: path.to_owned(),
        source: error::Cause(source),
    })
}

/// The text of `Packages`. The unpacked file stays in the store, so that a second resolution neither downloads nor
/// decompresses.
fn packages_text(suite: &Suite, documents: &dyn Documents, store: &Store) -> Result<String, DebianError> {
    let Suite { locked, release, plain, packed } = suite;
    let suite = locked.name.as_str();
    let fetch = |path: &str, limit: u64| fetch(suite, path, limit, documents);
    let not_text =
        |_| DebianError::Packages { suite: suite.to_owned(), reason: "the file is not UTF-8".to_owned() };
    if store.has(&plain.sha256) {
        return String::from_utf8(store.read(&plain.sha256)?).map_err(not_text);
    }
    let folder = packed.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let direct = format!("dists/{suite}/{}", packed.path);
    let by_hash = format!("dists/{suite}/{folder}/by-hash/SHA256/{}", packed.sha256);
    let bytes = if release.by_hash {
        // A mirror may lack by-hash though its Release speaks of it; the digest is checked all the same.
        fetch(&by_hash, packed.size).or_else(|first| fetch(&direct, packed.size).map_err(|_| first))?
    } else {
        fetch(&direct, packed.size)?
    };
    let actual = Sha256::of(&bytes);
    if bytes.len() as u64 != packed.size || actual != packed.sha256 {
        return Err(DebianError::Digest {
            suite: suite.to_owned(),
            path: packed.path.clone(),
            expected: packed.sha256,
            actual,
        });
    }
    let text = release::unpack_xz(suite, &packed.path, &bytes, plain.size.min(PACKAGES_LIMIT))?;
    store.insert(text.as_slice(), Some(plain.sha256))?;
    String::from_utf8(text).map_err(not_text)
}

/// The lock's entry of a package.
fn locked(package: &packages::Stanza<'_>, suite: &str) -> Result<LockedPackage, DebianError> {
    let fields: BTreeMap<&str, &str> = package.fields().collect();
    let field = |name: &'static str| {
        fields.get(name).copied().ok_or_else(|| DebianError::Packages {
            suite: suite.to_owned(),
            reason: format!("package {} has no field {name}", package.name),
        })
    };
    let wrong = |name: &'static str, value: &str| DebianError::Packages {
        suite: suite.to_owned(),
        reason: format!("package {}: field {name} is {value:?}", package.name),
    };
    let size = field("Size")?;
    let sha256 = field("SHA256")?;
    let path = field("Filename")?;
    let bad_part = |part: &str| part.is_empty() || part == "." || part == "..";
    if path.split('/').any(bad_part) || path.chars().any(|char| char.is_control() || char == '\\') {
        return Err(wrong("Filename", path));
    }
    Ok(LockedPackage {
        name: package.name.to_owned(),
        version: package.version.to_owned(),
        arch: package.arch.to_owned(),
        size: size.parse().map_err(|_| wrong("Size", size))?,
        sha256: sha256.parse().map_err(|_| wrong("SHA256", sha256))?,
        path: path.to_owned(),
        suite: suite.to_owned(),
    })
}
