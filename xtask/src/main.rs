//! Tasks of this repository that are no part of the program.

fn main() {}
