//! SPDX 2.3, JSON. Our own few types: no crate is fit (`docs/reference/exports.md` says why). Tests check what is written
//! against SPDX's schema and by its Python tools.

use serde::Serialize;

use super::ExportError;
use super::inventory::{Entry, Inventory, Link, Part, Product, ProductKind};
use crate::lock::{Lock, Role};
use crate::provenance::Timestamp;

const NO_ASSERTION: &str = "NOASSERTION";
const PRODUCT: &str = "SPDXRef-Product";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// SPDX 2.3, clause 6.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    spdx_id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Package>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationInfo {
    created: String,
    creators: Vec<String>,
    comment: &'static str,
}

/// SPDX 2.3, clause 7.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    spdx_id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    primary_package_purpose: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    license_concluded: &'static str,
    license_declared: &'static str,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

/// SPDX 2.3, clause 11.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

/// The bill of a target's slice of the lock ([`Lock::slice`]). Equal locks, products and times give equal bytes: the
/// document's namespace is made from them.
///
/// # Errors
/// Never, as long as the document holds nothing but texts and truth values.
pub fn spdx(slice: &Lock, product: Product<'_>) -> Result<String, ExportError> {
    let inventory = Inventory::of(slice);
    let document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        spdx_id: DOCUMENT,
        name: product.name.to_owned(),
        document_namespace: format!("https://sealwright.dev/spdx/{}", product.identity(slice)),
        creation_info: CreationInfo {
            created: Timestamp::from_seconds(product.epoch).to_string(),
            creators: vec![format!("Tool: sealwright-{}", env!("CARGO_PKG_VERSION"))],
            comment: "Made from sealwright.lock; created is the source's time.",
        },
        packages: [product_package(product)]
            .into_iter()
            .chain(inventory.entries.iter().enumerate().map(|(index, entry)| package(index, entry)))
            .collect(),
        relationships: relationships(&inventory),
    };
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

fn product_package(product: Product<'_>) -> Package {
    Package {
        spdx_id: PRODUCT.to_owned(),
        name: product.name.to_owned(),
        version_info: product.version.map(str::to_owned),
        package_file_name: None,
        download_location: NO_ASSERTION,
        files_analyzed: false,
        primary_package_purpose: match product.kind {
            ProductKind::Library => "LIBRARY",
            ProductKind::Application => "APPLICATION",
        },
        checksums: Vec::new(),
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION,
        copyright_text: NO_ASSERTION,
        external_refs: Vec::new(),
        comment: None,
    }
}

/// An identifier of letters, digits, `.` and `-`; the index keeps it unique.
fn id(index: usize, entry: &Entry) -> String {
    let good = |sign: char| if sign.is_ascii_alphanumeric() || sign == '.' { sign } else { '-' };
    let name: String = entry.name.chars().map(good).collect();
    format!("SPDXRef-{}-{index}-{name}", entry.part.as_str())
}

fn package(index: usize, entry: &Entry) -> Package {
    let mut comment = format!("role: {}", entry.part.as_str());
    if let Some(wheel) = &entry.wheel {
        comment += &format!("; for: {wheel}");
    }
    if !entry.required_by.is_empty() {
        comment += &format!("; required by: {}", entry.required_by.join(", "));
    }
    Package {
        spdx_id: id(index, entry),
        name: entry.name.clone(),
        version_info: Some(entry.version.clone()),
        package_file_name: entry.file.clone(),
        download_location: NO_ASSERTION,
        files_analyzed: false,
        primary_package_purpose: match entry.part {
            Part::Image => "CONTAINER",
            Part::Layer => "ARCHIVE",
            Part::Sdist => "SOURCE",
            Part::Package | Part::Distribution(_) | Part::Crate => "LIBRARY",
        },
        checksums: vec![Checksum { algorithm: "SHA256", checksum_value: entry.sha256.to_string() }],
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION,
        copyright_text: NO_ASSERTION,
        external_refs: entry
            .purl
            .iter()
            .map(|purl| ExternalRef {
                reference_category: "PACKAGE-MANAGER",
                reference_type: "purl",
                reference_locator: purl.to_string(),
            })
            .collect(),
        comment: Some(comment),
    }
}

fn relationships(inventory: &Inventory) -> Vec<Relationship> {
    let name = |index: usize| id(index, &inventory.entries[index]);
    let mut list = vec![Relationship {
        spdx_element_id: DOCUMENT.to_owned(),
        relationship_type: "DESCRIBES",
        related_spdx_element: PRODUCT.to_owned(),
    }];
    for (from, link, to) in &inventory.links {
        let user = from.map_or(PRODUCT.to_owned(), name);
        let needed = name(*to);
        let inside = from.is_some_and(|from| matches!(inventory.entries[from].part, Part::Distribution(_)));
        // SPDX writes some of them from the needed side.
        let (first, relationship_type, second) = match (link, inventory.entries[*to].part) {
            (Link::Contains, _) => (user, "CONTAINS", needed),
            (Link::MadeFrom, _) => (user, "GENERATED_FROM", needed),
            (Link::Needs, Part::Distribution(_)) if inside => (user, "DEPENDS_ON", needed),
            (Link::Needs, Part::Distribution(Role::Runtime)) => (needed, "RUNTIME_DEPENDENCY_OF", user),
            (Link::Needs, Part::Distribution(Role::Build)) => (needed, "BUILD_DEPENDENCY_OF", user),
            (Link::Needs, Part::Distribution(Role::Tool) | Part::Image) => (needed, "BUILD_TOOL_OF", user),
            (Link::Needs, Part::Layer | Part::Package | Part::Sdist | Part::Crate) => {
                (user, "DEPENDS_ON", needed)
            }
        };
        list.push(Relationship { spdx_element_id: first, relationship_type, related_spdx_element: second });
    }
    list
}
