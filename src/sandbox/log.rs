//! A program's output made harmless, line by line: for a terminal, and for the CI runner that reads our own
//! output as commands.
//!
//! - A carriage return ends a line as a line feed does (GitHub's runner reads it so), empty pieces around it
//!   are dropped. Invalid UTF-8 becomes U+FFFD.
//! - ANSI control sequences (`ESC [ … letter`: colours) are removed. Every other control character is shown:
//!   C0 as `^X`, C1, the line and paragraph separators and those that change the direction of text as `<U+XXXX>`.
//! - A line that begins with `::` after white space (GitHub's workflow commands) gets a backslash before it,
//!   and each `##word[` anywhere (GitHub's older form, Azure's, `TeamCity`'s) one between its two `#`.
//! - A line longer than [`MAX_LINE`] bytes goes on in the next.

use std::fmt::Write as _;

use super::LogRecord;

/// Bytes of the program's output in one line, at most.
pub const MAX_LINE: usize = 8 << 10;

/// Takes the program's output in pieces and gives harmless lines; keeps them up to a limit.
#[derive(Debug)]
pub struct LogKeeper {
    line: Vec<u8>,
    after_return: AfterReturn,
    kept: Vec<u8>,
    limit: u64,
    dropped: u64,
}

/// Whether the last line ended with a carriage return, so that an empty one after it is the same end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterReturn {
    Yes,
    No,
}

impl LogKeeper {
    /// Keeps at most `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { line: Vec::new(), after_return: AfterReturn::No, kept: Vec::new(), limit, dropped: 0 }
    }

    /// Takes the next bytes; `show` gets each finished line that is kept.
    pub fn take(&mut self, mut bytes: &[u8], show: &mut dyn FnMut(String)) {
        while !bytes.is_empty() {
            let room = MAX_LINE.saturating_sub(self.line.len());
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            match end {
                Some(end) if end <= room => {
                    self.line.extend_from_slice(&bytes[..end]);
                    let silent = self.line.is_empty() && self.after_return == AfterReturn::Yes;
                    let returned = bytes[end] == b'\r';
                    if !(silent || (returned && self.line.is_empty())) {
                        self.finish(show);
                    }
                    self.after_return = if returned { AfterReturn::Yes } else { AfterReturn::No };
                    bytes = &bytes[end + 1..];
                }
                Some(_) | None => {
                    let count = room.min(bytes.len());
                    self.line.extend_from_slice(&bytes[..count]);
                    bytes = &bytes[count..];
                    if self.line.len() >= MAX_LINE {
                        self.split(show);
                    }
                }
            }
        }
    }

    /// The output has ended: its last line may lack an end.
    pub fn end(mut self, show: &mut dyn FnMut(String)) -> LogRecord {
        if !self.line.is_empty() {
            self.finish(show);
        }
        LogRecord { bytes: self.kept, dropped: self.dropped }
    }

    /// How many bytes were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Ends a line that is too long, before a character that is not complete yet.
    fn split(&mut self, show: &mut dyn FnMut(String)) {
        let start = self.line.len().saturating_sub(3);
        let cut = (start..self.line.len())
            .rev()
            .find(|at| self.line[*at] >= 0xC0)
            .filter(|at| std::str::from_utf8(&self.line[*at..]).is_err());
        let rest = cut.map(|at| self.line.split_off(at)).unwrap_or_default();
        self.finish(show);
        self.line = rest;
        self.after_return = AfterReturn::No;
    }

    fn finish(&mut self, show: &mut dyn FnMut(String)) {
        let line = harmless(&self.line);
        self.line.clear();
        let size = line.len() as u64 + 1;
        if self.dropped > 0 || self.kept.len() as u64 + size > self.limit {
            self.dropped = self.dropped.saturating_add(size);
            return;
        }
        self.kept.extend_from_slice(line.as_bytes());
        self.kept.push(b'\n');
        show(line);
    }
}

/// One line (without its end), made harmless.
#[must_use]
pub fn harmless(line: &[u8]) -> String {
    defuse(visible(&String::from_utf8_lossy(line)))
}

/// Removes control sequences and shows what else is no text.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(length) = control_sequence(rest) {
            rest = &rest[length..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            '\t' => out.push('\t'),
            '\0'..='\x1f' | '\x7f' => {
                out.push('^');
                out.push(char::from(character as u8 ^ 0x40));
            }
            '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                // Writing to a text does not fail.
                let _ = write!(out, "<U+{:04X}>", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

/// The length of the control sequence that `text` begins with (ECMA-48, 5.4: `ESC [`, parameter bytes,
/// intermediate bytes, one final byte).
fn control_sequence(text: &str) -> Option<usize> {
    let body = text.strip_prefix("\x1b[")?.as_bytes();
    let parameters = body.iter().take_while(|byte| matches!(byte, 0x30..=0x3f)).count();
    let intermediate = body[parameters..].iter().take_while(|byte| matches!(byte, 0x20..=0x2f)).count();
    let end = parameters + intermediate;
    matches!(body.get(end), Some(0x40..=0x7e)).then_some(2 + end + 1)
}

/// Makes sure that no CI runner takes the line for a command.
fn defuse(line: String) -> String {
    let mut line = line;
    if line.trim_start().starts_with("::") {
        line.insert(0, '\\');
    }
    if line.contains("##") { break_markers(&line) } else { line }
}

/// `##word[` → `#\#word[`
fn break_markers(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 2);
    let mut rest = line;
    while let Some(at) = rest.find("##") {
        let after = &rest[at + 2..];
        let word = after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
        out.push_str(&rest[..=at]);
        if after.as_bytes().get(word) == Some(&b'[') {
            out.push('\\');
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(input: &[u8], limit: u64) -> (Vec<String>, LogRecord) {
        let mut shown = Vec::new();
        let mut keeper = LogKeeper::new(limit);
        keeper.take(input, &mut |line| shown.push(line));
        let record = keeper.end(&mut |line| shown.push(line));
        (shown, record)
    }

    #[test]
    fn lines_end_with_feeds_returns_and_both() {
        let (shown, record) = lines(b"a\r\nb\n\nc\r10%\r\r20%\r\nd", 1000);
        assert_eq!(shown, ["a", "b", "", "c", "10%", "20%", "d"]);
        assert_eq!(record.bytes, b"a\nb\n\nc\n10%\n20%\nd\n");
        assert_eq!(record.dropped, 0);
    }

    #[test]
    fn what_is_more_than_the_limit_is_counted() {
        let (shown, record) = lines(b"1234\n1234\n1234\n1\n", 11);
        assert_eq!(shown, ["1234", "1234"]);
        assert_eq!((record.bytes.len(), record.dropped), (10, 7));
    }

    #[test]
    fn a_long_line_goes_on_in_the_next_between_two_characters() {
        let text = "é".repeat(MAX_LINE);
        let (shown, _) = lines(format!("x{text}\n").as_bytes(), 1 << 20);
        assert!(shown.iter().all(|line| line.len() <= MAX_LINE && !line.contains('\u{fffd}')));
        assert_eq!(shown.concat(), format!("x{text}"));
    }

    #[test]
    fn escapes_are_removed_or_shown() {
        assert_eq!(harmless(b"\x1b[1;31merror\x1b[0m: no\tgood"), "error: no\tgood");
        assert_eq!(harmless(b"\x1b]0;title\x07x\x1bc\x00\x7f"), "^[]0;title^Gx^[c^@^?");
        assert_eq!(
            harmless("a\u{9b}31m\u{202e}b\u{2028}::error::".as_bytes()),
            "a<U+009B>31m<U+202E>b<U+2028>::error::"
        );
        assert_eq!(harmless(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert_eq!(harmless(b"\x1b["), "^[[");
    }

    #[test]
    fn workflow_commands_are_defused() {
        assert_eq!(harmless(b"::set-env name=A::b"), "\\::set-env name=A::b");
        assert_eq!(harmless(" \t\u{a0}::error::x".as_bytes()), "\\ \t\u{a0}::error::x");
        assert_eq!(harmless(b":\x1b[0m:error::x"), "\\::error::x");
        assert_eq!(harmless(b"a ##[group]b ##vso[task.x]c"), "a #\\#[group]b #\\#vso[task.x]c");
        assert_eq!(harmless(b"###[x] ## title ##"), "##\\#[x] ## title ##");
        assert_eq!(harmless(b"std::vector"), "std::vector");
        let (shown, _) = lines(b"ok\r::error::x\r\n", 1000);
        assert_eq!(shown, ["ok", "\\::error::x"]);
    }

    fn is_command(line: &str) -> bool {
        let marker = |name: &str| line.contains(name);
        line.trim_start().starts_with("::") || marker("##[") || marker("##vso[") || marker("##teamcity[")
    }

    proptest! {
        #[test]
        fn no_output_is_a_command_or_a_control(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just(b"::".to_vec()), Just(b"##".to_vec()), Just(b"[".to_vec()), Just(b"vso[".to_vec()),
                    Just(b"\x1b[0m".to_vec()), Just(b"\r".to_vec()), Just(b"\n".to_vec()), Just(b" ".to_vec()),
                    Just("\u{85}\u{2028}\u{feff}".as_bytes().to_vec()),
                    proptest::collection::vec(any::<u8>(), 0..20),
                ],
                0..40,
            )
        ) {
            let mut shown = Vec::new();
            let mut keeper = LogKeeper::new(1 << 20);
            for piece in &pieces {
                keeper.take(piece, &mut |line| shown.push(line));
            }
            let record = keeper.end(&mut |line| shown.push(line));
            prop_assert_eq!(record.dropped, 0);
            for line in &shown {
                prop_assert!(!is_command(line), "{line:?}");
                prop_assert!(line.chars().all(|character| character == '\t' || !character.is_control()), "{line:?}");
            }
            let text = String::from_utf8(record.bytes).unwrap();
            prop_assert_eq!(text, shown.iter().map(|line| format!("{line}\n")).collect::<String>());
        }
    }
}
