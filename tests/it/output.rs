//! Outputs: refused by name, normalized without touching contents, written whole or not at all.

mod archives;
mod collecting;
mod normalizing;
mod programs;
mod writing;
