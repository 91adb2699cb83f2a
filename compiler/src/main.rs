//! The `benchgrid` command.

fn main() {}
