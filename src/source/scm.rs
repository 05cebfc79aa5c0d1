//! Whether a project's version is made from its history, as far as its files say so.

use toml::Value;

use super::HistoryNeed;

/// Build requirements that make a version out of tags and commits, by normalized name.
const TOOLS: [&str; 17] = [
    "setuptools-scm",
    "setuptools-scm-git-archive",
    "vcs-versioning",
    "hatch-vcs",
    "versioningit",
    "pbr",
    "dunamai",
    "uv-dynamic-versioning",
    "poetry-dynamic-versioning",
    "setuptools-git-versioning",
    "better-setuptools-git-version",
    "setuptools-vcs-version",
    "versioneer",
    "versioneer-518",
    "flit-scm",
    "miniver",
    "pdm-scm",
];

/// What of `setup.py` or `setup.cfg` names such a tool.
const WORDS: [&str; 9] = [
    "use_scm_version",
    "setuptools_scm",
    "setuptools-scm",
    "setuptools-git-versioning",
    "setuptools_git_versioning",
    "better-setuptools-git-version",
    "versioneer",
    "miniver",
    "versioningit",
];

/// Judges a project by its files. Text that cannot be parsed names nothing: the backend will say so itself.
pub(super) fn history_need(
    pyproject: Option<&str>,
    setup_cfg: Option<&str>,
    setup_py: Option<&str>,
) -> HistoryNeed {
    let pyproject: Option<toml::Table> = pyproject.and_then(|text| text.parse().ok());
    let at = |path: &[&str]| {
        let mut value = pyproject.as_ref()?.get(*path.first()?)?;
        for key in &path[1..] {
            value = value.get(key)?;
        }
        Some(value)
    };
    // This one replaces even a version that is written down.
    if at(&["tool", "poetry-dynamic-versioning", "enable"]).and_then(Value::as_bool) == Some(true) {
        return HistoryNeed::Full("poetry-dynamic-versioning".to_owned());
    }
    if at(&["project", "version"]).is_some() {
        return HistoryNeed::None;
    }
    let requires = at(&["build-system", "requires"]).and_then(Value::as_array).into_iter().flatten();
    for requirement in requires.filter_map(Value::as_str) {
        let name = requirement_name(requirement);
        // poetry's needs its table, above
        if name != "poetry-dynamic-versioning" && TOOLS.contains(&name.as_str()) {
            return HistoryNeed::Full(name);
        }
    }
    let sources = [
        (["tool", "hatch", "version", "source"], "vcs", "hatch-vcs"),
        (["tool", "pdm", "version", "source"], "scm", "pdm-backend's version source scm"),
    ];
    for (path, wanted, tool) in sources {
        if at(&path).and_then(Value::as_str) == Some(wanted) {
            return HistoryNeed::Full(tool.to_owned());
        }
    }
    let setup = [setup_cfg, setup_py];
    for text in setup.into_iter().flatten() {
        if let Some(word) = WORDS.into_iter().find(|word| text.contains(word)) {
            return HistoryNeed::Full(word.replace("use_scm_version", "setuptools-scm").replace('_', "-"));
        }
        let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if packed.contains("pbr=True") || packed.contains("setup_requires=pbr") || packed.contains("'pbr") {
            return HistoryNeed::Full("pbr".to_owned());
        }
    }
    HistoryNeed::None
}

/// The normalized name that a requirement begins with (PEP 508, PEP 503).
fn requirement_name(requirement: &str) -> String {
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let text = requirement.trim_start();
    let end = text.find(|c| !name(c)).unwrap_or(text.len());
    let mut normalized = String::new();
    for c in text[..end].chars() {
        match c {
            '-' | '_' | '.' if normalized.ends_with('-') => {}
            '-' | '_' | '.' => normalized.push('-'),
            c => normalized.push(c.to_ascii_lowercase()),
        }
    }
    normalized
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(pyproject: &str) -> Option<String> {
        match history_need(Some(pyproject), None, None) {
            HistoryNeed::None => None,
            HistoryNeed::Full(why) => Some(why),
        }
    }

    #[test]
    fn versions_from_history_are_known() {
        let cases = [
            (
                "[build-system]\nrequires = ['setuptools>=61', 'setuptools_scm[toml]>=8']",
                Some("setuptools-scm"),
            ),
            ("[build-system]\nrequires = ['Hatch_VCS']\n[project]\ndynamic = ['version']", Some("hatch-vcs")),
            ("[build-system]\nrequires = ['setuptools_scm']\n[project]\nversion = '1'", None),
            ("[tool.hatch.version]\nsource = 'vcs'", Some("hatch-vcs")),
            ("[tool.hatch.version]\npath = 'a.py'", None),
            ("[tool.pdm.version]\nsource = 'scm'", Some("pdm-backend's version source scm")),
            (
                "[tool.poetry-dynamic-versioning]\nenable = true\n[project]\nversion='0'",
                Some("poetry-dynamic-versioning"),
            ),
            ("[build-system]\nrequires = ['poetry-core', 'poetry-dynamic-versioning']", None),
            ("[build-system]\nrequires = ['flit_core']", None),
            ("not toml", None),
        ];
        for (text, expected) in cases {
            assert_eq!(need(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn old_projects_are_judged_by_their_setup_files() {
        let py = |text| history_need(None, None, Some(text));
        assert_eq!(py("setup(use_scm_version=True)"), HistoryNeed::Full("setuptools-scm".to_owned()));
        assert_eq!(py("setup(setup_requires=['pbr>=2'], pbr = True)"), HistoryNeed::Full("pbr".to_owned()));
        assert_eq!(py("setup(version='1.0')"), HistoryNeed::None);
        let cfg = history_need(None, Some("[options]\nsetup_requires =\n  pbr\n"), None);
        assert_eq!(cfg, HistoryNeed::Full("pbr".to_owned()));
    }
}
