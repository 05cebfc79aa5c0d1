//! Errors as people and programs read them.

use std::fmt::Write as _;

use serde::Serialize;

use crate::build::BuildError;
use crate::error::{Blame, Fault};
use crate::rebuild::RebuildError;

/// What a command failed with.
pub(super) struct Failure {
    fault: Box<dyn Fault>,
    /// Lines of context that are printed before the error, for instance the tail of a build's log.
    context: Vec<String>,
    /// Whether standard output has its JSON document already.
    pub(super) printed: bool,
}

impl<F: Fault> From<F> for Failure {
    fn from(fault: F) -> Self {
        Self { fault: Box::new(fault), context: Vec::new(), printed: false }
    }
}

impl Failure {
    /// A failure of a build, with the end of its log.
    pub(super) fn with_log(error: BuildError) -> Self {
        let context = error.log_tail();
        Self { context, ..Self::from(error) }
    }

    /// A rebuild that came to no comparison, with the end of the build's log.
    pub(super) fn of_rebuild(error: RebuildError) -> Self {
        let context = error.log_tail();
        Self { context, ..Self::from(error) }
    }

    /// Says that the command printed its document before it failed.
    pub(super) fn already_printed(mut self) -> Self {
        self.printed = true;
        self
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.fault.blame().exit_code()
    }

    /// The causes, outermost first, without those whose text the one before repeats at its end.
    fn chain(&self) -> Vec<String> {
        let mut chain = vec![self.fault.to_string()];
        let mut source = self.fault.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !chain.last().is_some_and(|last| last.ends_with(&text)) {
                chain.push(text);
            }
            source = error.source();
        }
        chain
    }

    /// For people: the error, its causes, and what to do.
    pub(super) fn text(&self) -> String {
        let bold = anstream_style("1;31");
        let mut text = String::new();
        for line in &self.context {
            let _ = writeln!(text, "{line}");
        }
        let chain = self.chain();
        let _ = writeln!(text, "{}: {}", bold("error"), chain[0]);
        for cause in &chain[1..] {
            let _ = writeln!(text, "  because: {cause}");
        }
        for hint in self.fault.hints() {
            let _ = writeln!(text, "  {}: {hint}", anstream_style("1;36")("hint"));
        }
        if self.fault.blame() == Blame::Ours {
            let _ = writeln!(text, "  this is a bug of sealwright: please report it with the lines above");
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> serde_json::Value {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Document<'a> {
            error: &'a str,
            causes: &'a [String],
            hints: Vec<String>,
            exit_code: u8,
        }
        let chain = self.chain();
        serde_json::json!(Document {
            error: &chain[0],
            causes: &chain[1..],
            hints: self.fault.hints(),
            exit_code: self.exit_code(),
        })
    }
}

/// Wraps a text in an SGR sequence; what writes it strips the sequence where there is no colour.
pub(super) fn anstream_style(code: &'static str) -> impl Fn(&str) -> String {
    move |text| format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
