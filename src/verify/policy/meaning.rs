//! From what a policy says to what it means. What allows nothing, or everything by mistake, is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::{Span, SpanRelativeTo, Unit};

use super::typed::{
    FileName, LimitWord, Skipped, Texts, TypedExpect, TypedIsolation, TypedLimit, TypedPolicy, TypedRoot,
};
use super::{
    Age, Expectations, FOREIGN_PARAMETERS, FolderRule, IsolationRule, KNOWN_PARAMETERS, Leniency, LimitRule,
    Policy, TrustedVerifier,
};
use crate::config::Document;
use crate::digest::Sha256;
use crate::key::{KeyError, PublicKey};
use crate::verify::foreign::PREDICATES;
use crate::verify::roots::{Credential, Identity, Root, Roots};
use crate::verify::sigstore::TrustRoot;
use crate::verify::source::SourceUri;
use crate::verify::{VerifyError, steps};

/// Names of limits in our statements.
const LIMITS: [&str; 4] = ["memoryBytes", "processes", "fileSizeBytes", "wallSeconds"];

/// What a ref is.
pub(super) const REF: &str = "a full name such as refs/heads/main or refs/tags/v*, `*` for anything but `/`";

pub(super) fn is_ref(text: &str) -> bool {
    let rest = text.strip_prefix("refs/").unwrap_or_default();
    let parts: Vec<&str> = rest.split('/').collect();
    // A star for the whole of `heads` or `tags` would let a branch stand for a tag.
    parts.len() >= 2 && parts.iter().all(|part| !part.is_empty()) && !parts[0].contains('*')
}

struct Reader<'a> {
    file: &'a str,
    open: &'a dyn Fn(&Path) -> Result<Vec<u8>, VerifyError>,
}

pub(super) fn meaning(
    file: &str,
    bytes: &[u8],
    open: &dyn Fn(&Path) -> Result<Vec<u8>, VerifyError>,
) -> Result<Policy, VerifyError> {
    let typed: TypedPolicy = Document { file, bytes }.parse()?;
    let reader = Reader { file, open };
    if typed.version != 1 {
        return Err(reader.wrong(format!("version = {}: expected 1", typed.version), ""));
    }
    let verifiers: Vec<TrustedVerifier> = typed
        .verifier
        .iter()
        .enumerate()
        .map(|(index, verifier)| {
            if verifier.id.is_empty() {
                return Err(reader.wrong(format!("verifier {}: id is empty", index + 1), ""));
            }
            let key = reader.key(&verifier.key, &format!("verifier {:?}", verifier.id))?;
            Ok(TrustedVerifier { id: verifier.id.clone(), key })
        })
        .collect::<Result<_, _>>()?;
    let roots = reader.roots(&typed, verifiers.is_empty())?;
    let required_level = typed.required_level.unwrap_or(1);
    if required_level > 3 {
        return Err(reader.wrong(format!("required-level = {required_level}: expected 0 to 3"), ""));
    }
    let best = roots.keys.iter().flat_map(|root| root.builders.values()).max();
    if best.is_some_and(|best| *best < required_level) {
        let what = format!(
            "required-level = {required_level}, and no root is believed more than {}: nothing can pass",
            best.copied().unwrap_or(0)
        );
        return Err(reader.wrong(what, ""));
    }
    let expect = match typed.expect {
        Some(expect) => reader.expectations(expect)?,
        None if roots.keys.is_empty() => Expectations::default(),
        None => return Err(reader.no_source()),
    };
    Ok(Policy { roots, required_level, expect, verifiers, uri: typed.uri, digest: Sha256::of(bytes) })
}

impl Reader<'_> {
    fn wrong(&self, what: String, hint: &'static str) -> VerifyError {
        VerifyError::Policy { file: self.file.to_owned(), what, hint }
    }

    fn no_source(&self) -> VerifyError {
        self.wrong(
            "expect.source is missing: a statement of any source would pass".to_owned(),
            "say `source = \"https://…\"` below `[expect]`, or `unchecked = [\"source\"]` to mean it",
        )
    }

    /// A key: PEM, or the path of a file beside the policy.
    fn key(&self, text: &str, whose: &str) -> Result<PublicKey, VerifyError> {
        let wrong = |source: KeyError| VerifyError::Key { origin: format!("{}: {whose}", self.file), source };
        if text.contains("-----BEGIN ") {
            return PublicKey::from_pem(text.as_bytes()).map_err(wrong);
        }
        if text.is_empty() {
            return Err(self.wrong(format!("{whose}: key is empty"), ""));
        }
        PublicKey::from_pem(&(self.open)(Path::new(text))?).map_err(wrong)
    }

    fn roots(&self, typed: &TypedPolicy, needed: bool) -> Result<Roots, VerifyError> {
        if typed.root.is_empty() && needed {
            return Err(self.wrong(
                "there is no [[root]]: nothing can pass".to_owned(),
                "`verify --init-policy` writes a policy from a good statement",
            ));
        }
        let mut keys: Vec<Root> = Vec::new();
        let mut trusted = BTreeMap::new();
        for root in &typed.root {
            let name = &root.name;
            let credential = self.credential(root, &mut trusted)?;
            let same = |other: &Root| match (&other.credential, &credential) {
                (Credential::Key(one), Credential::Key(other)) => one == other,
                (Credential::Identity(one), Credential::Identity(other)) => {
                    (&one.subject, &one.issuer) == (&other.subject, &other.issuer)
                }
                (Credential::Key(_), Credential::Identity(_))
                | (Credential::Identity(_), Credential::Key(_)) => false,
            };
            if let Some(other) = keys.iter().find(|other| other.name == *name || same(other)) {
                let what = match credential {
                    Credential::Key(_) => "one name or one key",
                    Credential::Identity(_) => "one name or one identity",
                };
                let what = format!("roots {:?} and {name:?} have {what}", other.name);
                return Err(self.wrong(what, "a key counts once, however often it is named"));
            }
            let own = root.identity.as_deref();
            if root.builders.is_empty() {
                return Err(
                    self.wrong(format!("root {name:?}: builders is empty: it can vouch for nothing"), "")
                );
            }
            for (id, level) in &root.builders {
                if own != Some(id.as_str()) && (!id.contains("://") || id.contains('*')) {
                    return Err(self.wrong(
                        format!(
                            "root {name:?}: builder {id:?}: expected a whole builder.id, compared exactly"
                        ),
                        "",
                    ));
                }
                if *level > 3 {
                    return Err(self.wrong(
                        format!("root {name:?}: builder {id:?}: level {level}: expected 0 to 3"),
                        "",
                    ));
                }
            }
            keys.push(Root { name: name.clone(), credential, builders: root.builders.clone() });
        }
        let revoked: BTreeSet<String> = typed.revoked.iter().cloned().collect();
        if let Some(text) = revoked.iter().find(|text| !text.starts_with("SHA256:") || text.len() != 50) {
            return Err(self.wrong(
                format!("revoked: {text:?} is no key id"),
                "a key id is `SHA256:` and 43 characters, as `sealwright keygen` prints it",
            ));
        }
        let threshold = typed.threshold.unwrap_or(1);
        let counts = |root: &&Root| root.key().is_none_or(|key| !revoked.contains(key.id().as_str()));
        let usable = keys.iter().filter(counts).count();
        if !keys.is_empty() && !(1..=usable).contains(&threshold) {
            let what = match threshold {
                0 => "threshold = 0: a statement that nobody signed would pass".to_owned(),
                _ => format!("threshold = {threshold}, and {usable} keys count: nothing can pass"),
            };
            return Err(self.wrong(what, ""));
        }
        Ok(Roots { keys, threshold, revoked })
    }

    /// A key, or an identity with its issuer.
    fn credential(
        &self,
        root: &TypedRoot,
        trusted: &mut BTreeMap<String, Arc<TrustRoot>>,
    ) -> Result<Credential, VerifyError> {
        let whose = format!("root {:?}", root.name);
        let (subject, issuer) =
            match (&root.key, &root.identity, &root.issuer) {
                (Some(key), None, None) if root.trusted_root.is_none() => {
                    return Ok(Credential::Key(self.key(key, &whose)?));
                }
                (Some(_), None, None) => {
                    return Err(self
                        .wrong(format!("{whose}: trusted-root is of an identity, and there is a key"), ""));
                }
                (Some(_), _, _) => {
                    return Err(self
                        .wrong(format!("{whose}: it has a key and an identity: expected one of them"), ""));
                }
                (None, Some(identity), Some(issuer)) => (identity, issuer),
                (None, Some(_), None) => {
                    let hint = "anybody can have any name at some issuer: say which one is believed";
                    return Err(self.wrong(format!("{whose}: issuer is missing"), hint));
                }
                (None, None, _) => {
                    return Err(
                        self.wrong(format!("{whose}: neither key nor identity: expected one of them"), "")
                    );
                }
            };
        let place = root.trusted_root.clone().unwrap_or_default();
        let known = if let Some(known) = trusted.get(&place) {
            Arc::clone(known)
        } else {
            let read = match &root.trusted_root {
                None => TrustRoot::public()?,
                Some(text) if text.is_empty() => {
                    return Err(self.wrong(format!("{whose}: trusted-root is empty"), ""));
                }
                Some(text) => TrustRoot::parse(text, &(self.open)(Path::new(text))?)?,
            };
            let read = Arc::new(read);
            trusted.insert(place, Arc::clone(&read));
            read
        };
        let identity = Identity { subject: subject.clone(), issuer: issuer.clone(), root: known };
        let star = identity.subject.contains('*');
        if subject.is_empty()
            || star
                && !identity.pattern().is_some_and(|(who, reference)| !who.contains('*') && is_ref(reference))
        {
            let what = format!(
                "{whose}: identity {subject:?}: expected the whole name in the certificate; `*` only in a ref at its end, such as @refs/tags/v*"
            );
            return Err(self.wrong(what, ""));
        }
        if !issuer.contains("://") || issuer.contains('*') {
            return Err(self.wrong(
                format!("{whose}: issuer {issuer:?}: expected a whole address, compared exactly"),
                "",
            ));
        }
        Ok(Credential::Identity(identity))
    }

    /// Predicates that are read, by their types.
    fn predicates(&self, typed: Option<Vec<String>>) -> Result<Option<Vec<String>>, VerifyError> {
        let list = self.list("predicate-types", typed.map(Texts::Many))?;
        if let Some(text) = list.iter().flatten().find(|text| !PREDICATES.contains(&text.as_str())) {
            let known = PREDICATES.map(|one| format!("{one:?}")).join(", ");
            return Err(self.wrong(format!("expect.predicate-types: {text:?}: expected some of {known}"), ""));
        }
        Ok(list)
    }

    fn expectations(&self, typed: TypedExpect) -> Result<Expectations, VerifyError> {
        let skipped = |what| typed.unchecked.contains(&what);
        let source = match (&typed.source, skipped(Skipped::Source)) {
            (Some(text), false) => Some(SourceUri::parse(text).ok_or_else(|| {
                self.wrong(format!("expect.source = {text:?}: expected {}", SourceUri::EXPECTED), "")
            })?),
            (None, true) => None,
            (None, false) => return Err(self.no_source()),
            (Some(_), true) => {
                return Err(self.wrong("expect.source is there, and is called unchecked".to_owned(), ""));
            }
        };
        let refs = self.list("ref", typed.refs)?;
        if let Some(text) = refs.iter().flatten().find(|text| !is_ref(text)) {
            return Err(self.wrong(format!("expect.ref {text:?}: expected {REF}"), ""));
        }
        let isolation = match (typed.isolation, skipped(Skipped::Isolation)) {
            (Some(rule), false) => Some(self.isolation(rule)?),
            (None, false) => Some(IsolationRule::ordinary()),
            (None, true) => None,
            (Some(_), true) => {
                return Err(self.wrong("expect.isolation is there, and is called unchecked".to_owned(), ""));
            }
        };
        let mut any_parameters: BTreeSet<String> = typed.any_parameters.iter().cloned().collect();
        let parameters = match (typed.parameters, skipped(Skipped::Parameters)) {
            (Some(parameters), false) => {
                if let Some(name) = any_parameters.iter().find(|name| parameters.contains_key(*name)) {
                    return Err(self.wrong(
                        format!("expect.parameters.{name} has a value, and any-parameters takes any"),
                        "",
                    ));
                }
                if parameters.contains_key("source") {
                    return Err(self.wrong("expect.parameters.source: the source is expected by `source`, `ref` and `subdirectory`".to_owned(), ""));
                }
                Some(parameters)
            }
            (None, true) => {
                any_parameters
                    .extend(KNOWN_PARAMETERS.into_iter().chain(FOREIGN_PARAMETERS).map(str::to_owned));
                None
            }
            (None, false) if any_parameters.is_empty() => {
                return Err(self.wrong(
                    "expect.parameters is missing".to_owned(),
                    "say what `[expect.parameters]` are, or `unchecked = [\"parameters\"]` to take any value of the known ones",
                ));
            }
            (None, false) => Some(BTreeMap::new()),
            (Some(_), true) => {
                return Err(self.wrong("expect.parameters is there, and is called unchecked".to_owned(), ""));
            }
        };
        let images = self.list("dependencies.images", typed.dependencies.images.map(Texts::Many))?;
        for rule in &typed.dependencies.forbidden {
            let digest = rule.strip_prefix("sha256:").map(str::parse::<Sha256>);
            let fits = digest.map_or_else(|| steps::package(rule).is_some(), |digest| digest.is_ok());
            if !fits {
                let what = format!(
                    "expect.dependencies.forbidden: {rule:?}: expected pkg:KIND/NAME, pkg:KIND/NAME@VERSION or sha256:DIGEST"
                );
                return Err(self.wrong(what, ""));
            }
        }
        let mut limits = BTreeMap::new();
        for (name, limit) in typed.limits {
            if !LIMITS.contains(&name.as_str()) {
                return Err(
                    self.wrong(format!("expect.limits.{name}: expected one of {}", LIMITS.join(", ")), "")
                );
            }
            let rule = match limit {
                TypedLimit::AtMost(most) => LimitRule::AtMost(most),
                TypedLimit::Word(LimitWord::Enforced) => LimitRule::Enforced,
            };
            limits.insert(name, rule);
        }
        let mut lenient = BTreeSet::new();
        if typed.file_name == Some(FileName::Any) {
            lenient.insert(Leniency::FileName);
        }
        if typed.allow_dirty {
            lenient.insert(Leniency::Dirty);
        }
        Ok(Expectations {
            source,
            refs,
            subdirectory: typed.subdirectory,
            predicate_types: self.predicates(typed.predicate_types)?,
            build_types: self.list("build-types", typed.build_types.map(Texts::Many))?,
            parameters,
            any_parameters,
            images,
            forbidden: typed.dependencies.forbidden,
            isolation,
            limits,
            folder: self.folder(typed.builder_folder)?,
            max_age: typed.max_age.as_deref().map(|text| self.age(text)).transpose()?,
            lenient,
        })
    }

    /// A list that allows nothing is a mistake.
    fn list(&self, key: &str, list: Option<Texts>) -> Result<Option<Vec<String>>, VerifyError> {
        let Some(list) = list.map(Texts::into_vec) else { return Ok(None) };
        if list.is_empty() || list.iter().any(String::is_empty) {
            return Err(self.wrong(
                format!("expect.{key} is empty: nothing can pass"),
                "leave the key out where it does not matter",
            ));
        }
        Ok(Some(list))
    }

    fn isolation(&self, typed: TypedIsolation) -> Result<IsolationRule, VerifyError> {
        let TypedIsolation { engine, network, root, namespaces, capabilities, no_new_privs, seccomp } = typed;
        Ok(IsolationRule {
            engines: self.list("isolation.engine", engine)?,
            network: self.list("isolation.network", network)?,
            root: self.list("isolation.root", root)?,
            namespaces,
            capabilities,
            no_new_privs,
            seccomp: self.list("isolation.seccomp", seccomp)?,
        })
    }

    fn folder(&self, typed: Option<Texts>) -> Result<FolderRule, VerifyError> {
        let list = match self.list("builder-folder", typed)? {
            None => return Ok(FolderRule::BuiltIn),
            Some(list) if list == ["built-in"] => return Ok(FolderRule::BuiltIn),
            Some(list) => list,
        };
        let digests = list.iter().map(|text| {
            Sha256::from_oci(text).map_err(|_| {
                self.wrong(
                    format!("expect.builder-folder: {text:?}: expected \"built-in\" or sha256:DIGEST"),
                    "",
                )
            })
        });
        Ok(FolderRule::OneOf(digests.collect::<Result<_, _>>()?))
    }

    fn age(&self, text: &str) -> Result<Age, VerifyError> {
        age(text).ok_or_else(|| {
            self.wrong(format!("expect.max-age = {text:?}: expected a time such as \"90 days\""), "")
        })
    }
}

/// A span of days and shorter units, more than nothing.
pub(super) fn age(text: &str) -> Option<Age> {
    let span: Span = text.parse().ok()?;
    let total = span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the span is bounded by the calendar, far below 2^53 seconds"
    )]
    let seconds = total as i64;
    (seconds > 0).then(|| Age { seconds, shown: text.to_owned() })
}
