//! Decisions for people and programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::failure::anstream_style;
use crate::report::harmless;
use crate::verify::{Decision, Rejected, SignedBy, Unchecked, Verified};

pub(super) fn text(decisions: &[Decision]) -> String {
    let mut text = String::new();
    for decision in decisions {
        let name = harmless(&decision.artifact.shown);
        match &decision.outcome {
            Ok(verified) => {
                let _ = writeln!(text, "{}  {name}", anstream_style("32")("ok    "));
                passed(&mut text, verified);
            }
            Err(rejected) => {
                let _ = writeln!(text, "{}  {name}", anstream_style("1;31")("FAILED"));
                for rejected in rejected {
                    refused(&mut text, rejected);
                }
            }
        }
    }
    text
}

fn passed(text: &mut String, verified: &Verified) {
    let signers: Vec<String> = verified
        .signers
        .iter()
        .map(|signer| format!("{} ({})", harmless(&signer.name), signer_by(&signer.by)))
        .collect();
    let level = match (verified.level, &verified.builder) {
        (Some(level), Some(builder)) => format!("SLSA Build L{level}, built by {}", harmless(builder)),
        (Some(level), None) => format!("SLSA Build L{level}, by {}", harmless(&verified.kind)),
        (None, _) if !verified.unchecked.contains(&Unchecked::Content) => harmless(&verified.kind),
        (None, _) => format!("signature only: {}", harmless(&verified.kind)),
    };
    let _ = writeln!(text, "        {level}");
    let _ = match verified.signed {
        Some(time) => writeln!(text, "        signed by {}, before {time}", signers.join(", ")),
        None => writeln!(text, "        signed by {}", signers.join(", ")),
    };
    let unchecked: Vec<String> = verified.unchecked.iter().map(|what| harmless(&what.to_string())).collect();
    let _ = writeln!(text, "        not checked: {}", unchecked.join("; "));
}

fn signer_by(by: &SignedBy) -> String {
    harmless(&by.to_string())
}

fn refused(text: &mut String, rejected: &Rejected) {
    if let Some(place) = &rejected.place {
        let _ = writeln!(text, "        {}", harmless(&place.to_string()));
    }
    for failure in &rejected.failures {
        let _ = writeln!(text, "          {}: {}", failure.step(), harmless(&failure.to_string()));
    }
}

pub(super) fn json(decisions: &[Decision]) -> Value {
    let failed = decisions.iter().any(|decision| decision.outcome.is_err());
    json!({
        "verdict": if failed { "failed" } else { "passed" },
        "files": decisions.iter().map(one).collect::<Vec<_>>(),
    })
}

fn one(decision: &Decision) -> Value {
    let artifact = &decision.artifact;
    let mut value =
        json!({ "file": artifact.shown, "digest": { (artifact.algorithm.as_str()): artifact.digest } });
    match &decision.outcome {
        Ok(verified) => {
            value["verdict"] = "passed".into();
            value["statement"] = json!(verified.place.path);
            value["line"] = json!(verified.place.line);
            value["kind"] = json!(verified.kind);
            value["signers"] = verified
                .signers
                .iter()
                .map(|signer| match &signer.by {
                    SignedBy::Key(key) => json!({ "name": signer.name, "keyId": key.as_str() }),
                    SignedBy::Identity { subject, issuer } => {
                        json!({ "name": signer.name, "identity": subject, "issuer": issuer })
                    }
                })
                .collect();
            value["signedBefore"] = json!(verified.signed.map(|time| time.to_string()));
            value["builderId"] = json!(verified.builder);
            value["buildLevel"] = json!(verified.level);
            value["notChecked"] = json!(verified.unchecked);
        }
        Err(rejected) => {
            value["verdict"] = "failed".into();
            value["rejected"] = rejected
                .iter()
                .map(|rejected| {
                    let failures: Vec<Value> = rejected
                        .failures
                        .iter()
                        .map(|failure| json!({ "step": failure.step(), "message": failure.to_string() }))
                        .collect();
                    let place = rejected.place.as_ref();
                    json!({
                        "statement": place.map(|place| &place.path),
                        "line": place.and_then(|place| place.line),
                        "failures": failures,
                    })
                })
                .collect();
        }
    }
    value
}
