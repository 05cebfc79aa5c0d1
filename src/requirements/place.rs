//! Places in the files that are read.

use std::fmt;
use std::ops::Range;

/// A line of a file, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, relative to the project's folder.
    pub file: String,
    /// The line.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A file's text, for finding lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Text<'_> {
    /// The place of a line.
    pub(super) fn line(&self, line: usize) -> Place {
        Place { file: self.file.to_owned(), line }
    }

    /// The place where a span starts.
    pub(super) fn at(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        self.line(before.matches('\n').count() + 1)
    }
}
