//! People's text: a statement as one screen, a comparison as text or as a page.

mod difference;
mod difference_html;
mod statement;

pub use difference::{DifferenceStyle, difference_text};
pub use difference_html::difference_html;
pub use statement::{Signing, Style, harmless, statement_text};
