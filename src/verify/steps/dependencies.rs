//! What was in the box: all of it by digest, images from a list, nothing that is forbidden.

use super::Steps;
use crate::provenance::{Purl, ResourceDescriptor};
use crate::verify::failure::{Failure, Unchecked};

impl Steps<'_> {
    pub(super) fn dependencies(&mut self) {
        let policy = self.policy;
        let list = &self.statement.predicate().build_definition.resolved_dependencies;
        for item in list {
            if item.digest.is_empty() {
                let name = if item.uri.is_empty() { &item.name } else { &item.uri };
                self.failures.push(Failure::NoDigest { name: name.chars().take(200).collect() });
            }
        }
        let expect = &policy.expect;
        if expect.images.is_none() && expect.forbidden.is_empty() {
            return self.skip(Unchecked::Dependencies);
        }
        if let Some(allowed) = &expect.images {
            let images: Vec<&ResourceDescriptor> = list.iter().filter(|item| is_image(item)).collect();
            if images.is_empty() {
                self.failures.push(Failure::NoImage);
            }
            for image in images {
                let digest = image.digest.as_sha256().map(|digest| digest.to_oci());
                let fits = |rule: &String| *rule == image.name || Some(rule) == digest.as_ref();
                if !allowed.iter().any(fits) {
                    let actual = format!("{:.200} {}", image.name, digest.unwrap_or_default());
                    self.failures.push(Failure::Image { actual });
                }
            }
        }
        for item in list {
            for rule in expect.forbidden.iter().filter(|rule| forbids(rule, item)) {
                let shown = if item.uri.is_empty() { &item.name } else { &item.uri };
                let actual = shown.chars().take(200).collect();
                self.failures.push(Failure::Forbidden { actual, rule: rule.clone() });
            }
        }
    }
}

fn is_image(item: &ResourceDescriptor) -> bool {
    matches!(item.text("role"), Some("base-image" | "wheel-image"))
}

/// A rule is a digest, or a package address with or without a version, in any of its spellings.
fn forbids(rule: &str, item: &ResourceDescriptor) -> bool {
    if let Some(digest) = rule.strip_prefix("sha256:") {
        return item.digest.get("sha256") == Some(digest);
    }
    let Some(rule) = package(rule) else { return false };
    // An address that cannot be read may be anything.
    let Ok(item) = item.uri.parse::<Purl>() else { return item.uri.starts_with("pkg:") };
    let name = |purl: &Purl| purl.name.to_lowercase().replace(['_', '.'], "-");
    rule.kind == item.kind
        && name(&rule) == name(&item)
        && (rule.version == "*" || rule.version == item.version)
}

/// A rule that is a package address; version `*` where it has none.
pub(in crate::verify) fn package(rule: &str) -> Option<Purl> {
    rule.parse().or_else(|_| format!("{rule}@*").parse()).ok()
}
