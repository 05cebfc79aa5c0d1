//! Which keys each table of the lock may hold, and a check that tells where a wrong one is.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{LockError, Position};

/// One kind of table: its keys, and the kinds of the tables inside it.
struct Table {
    /// As messages name it.
    name: &'static str,
    /// The keys that hold plain values.
    keys: &'static [&'static str],
    /// The keys that hold tables or arrays of tables.
    tables: &'static [(&'static str, &'static Table)],
    /// Keys that version 1 documents and this program does not read yet.
    reserved: &'static [&'static str],
}

const SUITE: Table =
    Table { name: "a suite", keys: &["name", "archive", "date"], tables: &[], reserved: &["snapshot"] };
const PACKAGE: Table = Table {
    name: "a package",
    keys: &["name", "version", "arch", "size", "sha256", "path", "suite"],
    tables: &[],
    reserved: &[],
};
const IMAGE: Table = Table {
    name: "[[image]]",
    keys: &["reference", "platform", "digest", "recipe", "include", "index", "size", "python", "glibc"],
    tables: &[("suites", &SUITE), ("packages", &PACKAGE), ("layers", &LAYER)],
    reserved: &["toolchains"],
};
const LAYER: Table =
    Table { name: "a layer", keys: &["digest", "size", "media-type"], tables: &[], reserved: &[] };
const CRATE: Table = Table {
    name: "a crate",
    keys: &["name", "version", "file", "size", "sha256", "required-by"],
    tables: &[],
    reserved: &[],
};
const REQUIREMENTS: Table =
    Table { name: "requirements", keys: &["file", "format", "sha256"], tables: &[], reserved: &[] };
const SDIST: Table =
    Table { name: "an sdist", keys: &["file", "size", "sha256"], tables: &[], reserved: &[] };
const HOOK: Table = Table { name: "a hook", keys: &["name", "requires"], tables: &[], reserved: &[] };
const DISTRIBUTION: Table = Table {
    name: "a distribution",
    keys: &["role", "name", "version", "file", "size", "sha256", "required-by"],
    tables: &[],
    reserved: &["marker"],
};
const TARGET: Table = Table {
    name: "[[target]]",
    keys: &["name", "platform", "python", "image", "extras", "groups", "requires"],
    tables: &[
        ("requirements", &REQUIREMENTS),
        ("hooks", &HOOK),
        ("crates", &CRATE),
        ("distributions", &DISTRIBUTION),
    ],
    reserved: &["toolchain", "images"],
};
const WHEEL: Table = Table {
    name: "[[wheel]]",
    keys: &["name", "version", "platform", "python", "image", "file", "size", "sha256", "requires"],
    tables: &[("sdist", &SDIST), ("hooks", &HOOK), ("crates", &CRATE), ("distributions", &DISTRIBUTION)],
    reserved: &["toolchain"],
};
const ROOT: Table = Table {
    name: "the lock",
    keys: &["version"],
    tables: &[("image", &IMAGE), ("wheel", &WHEEL), ("target", &TARGET)],
    reserved: &["toolchain"],
};

/// Refuses the first key that its table does not know.
pub(super) fn check(text: &str, root: &DeTable<'_>) -> Result<(), LockError> {
    check_table(text, root, &ROOT)
}

fn check_table(text: &str, table: &DeTable<'_>, kind: &'static Table) -> Result<(), LockError> {
    for (key, value) in table {
        let name: &str = key.get_ref();
        if kind.keys.contains(&name) {
            continue;
        }
        if let Some((_, inner)) = kind.tables.iter().find(|(known, _)| *known == name) {
            check_array(text, value, inner)?;
            continue;
        }
        let at = Position::of(text, key.span().start);
        let key = name.to_owned();
        let table = kind.name;
        if kind.reserved.contains(&name) {
            return Err(LockError::Reserved { at, key, table });
        }
        let known = kind.keys.iter().copied().chain(kind.tables.iter().map(|(known, _)| *known));
        let suggestion = nearest(name, known).map(str::to_owned);
        return Err(LockError::UnknownKey { at, key, table, suggestion });
    }
    Ok(())
}

/// Checks a table or the tables of an array; what is neither is left to the typed reading.
fn check_array(text: &str, value: &Spanned<DeValue<'_>>, kind: &'static Table) -> Result<(), LockError> {
    if let Some(table) = value.get_ref().as_table() {
        return check_table(text, table, kind);
    }
    let Some(array) = value.get_ref().as_array() else { return Ok(()) };
    array
        .iter()
        .filter_map(|item| item.get_ref().as_table())
        .try_for_each(|table| check_table(text, table, kind))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
