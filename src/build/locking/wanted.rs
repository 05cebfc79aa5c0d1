//! What a build asks for: what is written, and what the backend asks for beside.

use std::collections::BTreeSet;

use crate::lock::HookRequires;
use crate::resolve::python::Wanted;

/// Who asked for what `build-system.requires` names.
const STATIC: &str = "build-system.requires";

/// What the project writes, and what its backend asked for.
pub(super) fn wanted(requires: &[String], hooks: &[HookRequires]) -> Vec<Wanted> {
    let written = requires.iter().map(|text| (text, STATIC));
    let asked = hooks.iter().flat_map(|hook| hook.requires.iter().map(|text| (text, hook.name.as_str())));
    written.chain(asked).map(|(text, by)| Wanted { requirement: text.clone(), by: by.to_owned() }).collect()
}

/// Every requirement that any hook named, sorted.
pub(super) fn requirements(hooks: &[HookRequires]) -> BTreeSet<&str> {
    hooks.iter().flat_map(|hook| hook.requires.iter().map(String::as_str)).collect()
}
