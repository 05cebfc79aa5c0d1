//! Events → standard error: a live display on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::failure::anstream_style;
use crate::event::{Event, Reporter, Unit};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verbosity {
    /// Warnings only.
    Quiet,
    /// Stages and notes.
    Normal,
    /// The build's own output too.
    Verbose,
}

/// Renders events on standard error.
pub(super) struct Terminal {
    verbosity: Verbosity,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stage: String,
    /// What of a progress was last said on plain lines, in tenths.
    said: (String, u64),
}

impl Terminal {
    /// A live display if standard error is a terminal and something is to be said, else plain lines.
    pub(super) fn new(verbosity: Verbosity) -> Self {
        let live = std::io::stderr().is_terminal() && verbosity != Verbosity::Quiet;
        let bar = live.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(12));
            bar.set_style(spinner());
            bar
        });
        Self { verbosity, bar, state: Mutex::default() }
    }

    /// A whole line on standard error, above the live display if there is one.
    pub(super) fn line(&self, text: &str) {
        let write = || {
            let mut stderr = anstream::stderr().lock();
            // Standard error may be closed: nothing can be said then, and the work goes on.
            let _ = writeln!(stderr, "{text}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Removes the live display.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn say(&self, least: Verbosity, text: &str) {
        if self.verbosity >= least {
            self.line(text);
        }
    }

    fn begin(&self, what: String) {
        match &self.bar {
            Some(bar) => {
                bar.set_style(spinner());
                bar.unset_length();
                bar.set_message(what.clone());
                bar.enable_steady_tick(Duration::from_millis(120));
            }
            None => self.say(Verbosity::Normal, &format!("  {what} …")),
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stage = what;
    }

    fn progress(&self, what: &str, done: u64, total: Option<u64>, unit: Unit) {
        if let Some(bar) = &self.bar {
            if let Some(total) = total {
                bar.set_style(counter(unit));
                bar.set_length(total);
            }
            bar.set_position(done);
            return;
        }
        // On plain lines a long transfer speaks at each quarter only.
        let Some(total) = total.filter(|total| *total > 0) else { return };
        let quarter = done * 4 / total;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if unit == Unit::Bytes && total > 32 << 20 && (state.said.0 != what || state.said.1 < quarter) {
            state.said = (what.to_owned(), quarter);
            drop(state);
            if quarter > 0 && quarter < 4 {
                self.say(Verbosity::Normal, &format!("    {what}: {} of {}", bytes(done), bytes(total)));
            }
        }
    }
}

impl Reporter for Terminal {
    fn report(&self, event: Event) {
        match event {
            Event::Stage { what } => self.begin(what),
            Event::Note { what } => self.say(Verbosity::Normal, &format!("  {what}")),
            Event::Warning { what } => {
                self.say(Verbosity::Quiet, &format!("{}: {what}", anstream_style("1;33")("warning")));
            }
            Event::Progress { what, done, total, unit } => self.progress(&what, done, total, unit),
            Event::Log { line } => {
                if self.verbosity >= Verbosity::Verbose {
                    self.line(&format!("  {} {line}", anstream_style("2")("|")));
                }
            }
            Event::StageDone { what } => {
                self.say(Verbosity::Normal, &format!("  {what}"));
                if let Some(bar) = &self.bar {
                    bar.set_message(String::new());
                }
            }
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn counter(unit: Unit) -> ProgressStyle {
    let template = match unit {
        Unit::Bytes => {
            "  {spinner} {msg}  {bar:24}  {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}"
        }
        Unit::Items => "  {spinner} {msg}  {bar:24}  {pos} of {len}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Columns of the terminal that standard output is, else 100.
pub(super) fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stdout()).map_or(100, |(width, _)| usize::from(width.0).max(40))
}

/// Bytes in decimal units, as file managers and package tools show them.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut rest = count;
    let mut unit = 0;
    while rest >= 1_000_000 && unit < UNITS.len() - 1 {
        rest /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", rest / 1000, rest % 1000 / 100, UNITS[unit])
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_are_shown_in_decimal_units() {
        let shown: Vec<String> = [0, 999, 1000, 64_928, 1_500_000, 2_000_000_000].map(super::bytes).to_vec();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "64.9 kB", "1.5 MB", "2.0 GB"]);
    }
}
