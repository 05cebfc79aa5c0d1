//! People's text: a statement as one screen.

mod statement;

pub use statement::{Signing, Style, harmless, statement_text};
