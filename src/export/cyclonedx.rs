//! CycloneDX 1.5, JSON, by the CycloneDX project's own crate (which does not write 1.6 yet).

use std::str::FromStr;

use cyclonedx_bom::external_models::date_time::DateTime;
use cyclonedx_bom::external_models::normalized_string::NormalizedString;
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::bom::{Bom, SpecVersion, UrnUuid};
use cyclonedx_bom::models::component::{Classification, Component, Components, Scope};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::models::property::{Properties, Property};
use cyclonedx_bom::models::tool::Tools;

use super::ExportError;
use super::inventory::{Entry, Inventory, Part, Product, ProductKind};
use crate::digest::Sha256;
use crate::lock::{Lock, Role};
use crate::provenance::Timestamp;

/// The reference of the product in the bill.
const PRODUCT: &str = "product";

/// The bill of a target's slice of the lock ([`Lock::slice`]). Equal locks, products and times give equal bytes: the
/// serial number is made from them.
///
/// # Errors
/// The crate cannot write the document.
pub fn cyclonedx(slice: &Lock, product: Product<'_>) -> Result<String, ExportError> {
    let inventory = Inventory::of(slice);
    let mut root = Component::new(
        match product.kind {
            ProductKind::Library => Classification::Library,
            ProductKind::Application => Classification::Application,
        },
        product.name,
        product.version.unwrap_or_default(),
        Some(PRODUCT.to_owned()),
    );
    root.version = product.version.map(NormalizedString::new);
    let tool = Component::new(Classification::Application, "sealwright", env!("CARGO_PKG_VERSION"), None);
    let tools = Tools::Object { services: None, components: Some(Components(vec![tool])) };
    let metadata = Metadata {
        timestamp: DateTime::try_from(Timestamp::from_seconds(product.epoch).to_string()).ok(),
        tools: Some(tools),
        component: Some(root),
        ..Metadata::default()
    };
    let bom = Bom {
        spec_version: SpecVersion::V1_5,
        version: 1,
        serial_number: Some(UrnUuid::from(serial(&product.identity(slice)))),
        metadata: Some(metadata),
        components: Some(Components(inventory.entries.iter().map(component).collect())),
        dependencies: Some(dependencies(&inventory)),
        services: None,
        external_references: None,
        compositions: None,
        properties: None,
        vulnerabilities: None,
        signature: None,
        annotations: None,
        formulation: None,
    };
    let mut bytes = Vec::new();
    bom.output_as_json_v1_5(&mut bytes)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// A UUID of the form that is for anybody's own use (RFC 9562, version 8).
fn serial(digest: &Sha256) -> uuid::Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn component(entry: &Entry) -> Component {
    let kind = match entry.part {
        Part::Image => Classification::Container,
        Part::Layer => Classification::File,
        Part::Package | Part::Distribution(_) | Part::Sdist | Part::Crate => Classification::Library,
    };
    let mut component = Component::new(kind, &entry.name, &entry.version, Some(entry.id.clone()));
    // What is used to build is not what runs: "excluded" says that it is not needed at run time.
    component.scope = Some(match entry.part {
        Part::Distribution(Role::Runtime) if entry.wheel.is_none() => Scope::Required,
        Part::Crate => Scope::Required,
        Part::Distribution(_) | Part::Image | Part::Layer | Part::Package | Part::Sdist => Scope::Excluded,
    });
    component.hashes = Some(Hashes(vec![Hash {
        alg: HashAlgorithm::SHA_256,
        content: HashValue(entry.sha256.to_string()),
    }]));
    component.purl = entry.purl.as_ref().and_then(|purl| Purl::from_str(&purl.to_string()).ok());
    let mut properties = vec![Property::new("sealwright:role", entry.part.as_str())];
    let texts = [
        ("file", entry.file.clone()),
        ("size", entry.size.map(|size| size.to_string())),
        ("for", entry.wheel.clone()),
    ];
    for (name, text) in texts {
        properties.extend(text.map(|text| Property::new(format!("sealwright:{name}"), &text)));
    }
    properties.extend(entry.required_by.iter().map(|by| Property::new("sealwright:required-by", by)));
    component.properties = Some(Properties(properties));
    component
}

/// Every entry with what it needs, the product first.
fn dependencies(inventory: &Inventory) -> Dependencies {
    let id = |index: usize| inventory.entries[index].id.clone();
    let of = |from: Option<usize>| {
        let mut list: Vec<String> = inventory
            .links
            .iter()
            .filter(|(user, _, _)| *user == from)
            .map(|(_, _, needed)| id(*needed))
            .collect();
        list.sort();
        list.dedup();
        list
    };
    let product = Dependency { dependency_ref: PRODUCT.to_owned(), dependencies: of(None) };
    let entries = (0..inventory.entries.len())
        .map(|index| Dependency { dependency_ref: id(index), dependencies: of(Some(index)) });
    Dependencies([product].into_iter().chain(entries).collect())
}
