//! A `Cargo.toml` without a `Cargo.lock`: fine as long as it needs no crates.

use super::{CargoError, CargoFile};

/// Tables of dependencies (the cargo book, "Specifying Dependencies").
const TABLES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

/// Refuses a manifest that depends on more than folders of its own source: without a `Cargo.lock` nothing says by
/// checksum on what.
///
/// # Errors
/// It does, or it cannot be understood.
pub fn needs_no_lock(manifest: CargoFile<'_>) -> Result<(), CargoError> {
    let problem = |problem: String| CargoError::Syntax { file: manifest.path.to_owned(), problem };
    let text = std::str::from_utf8(manifest.bytes).map_err(|error| problem(error.to_string()))?;
    let table: toml::Table = toml::from_str(text).map_err(|error| problem(error.message().to_owned()))?;
    let targets =
        table.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let places = targets.chain(table.get("workspace")).filter_map(toml::Value::as_table).chain([&table]);
    let dependencies = places.flat_map(|place| TABLES.iter().filter_map(|name| place.get(*name)?.as_table()));
    let foreign = |value: &toml::Value| match value {
        toml::Value::Table(table) => !table.contains_key("path") && !table.contains_key("workspace"),
        _ => true,
    };
    if dependencies.flat_map(toml::Table::values).any(foreign) {
        return Err(CargoError::NoLock { manifest: manifest.path.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_source_need_no_lock() {
        let needs =
            |text: &str| needs_no_lock(CargoFile { path: "Cargo.toml", bytes: text.as_bytes() }).is_err();
        for fine in [
            "[package]\nname = \"a\"",
            "[dependencies]\na = { path = \"a\" }",
            "[dependencies]\na.workspace = true",
        ] {
            assert!(!needs(fine), "{fine}");
        }
        for missing in [
            "[dependencies]\npyo3 = \"0.25\"",
            "[dependencies]\npyo3 = { git = \"https://git.example/a\" }",
            "[build-dependencies.cc]\nversion = \"1\"",
            "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"",
            "[workspace.dependencies]\nlibc = \"0.2\"",
        ] {
            assert!(needs(missing), "{missing}");
        }
    }
}
