//! The binary: see `lib.rs`.

fn main() {}
