//! Source code by its text: definitions and calls by grammar, and which
//! definition a line belongs to in any language; and small changes of its sense.

pub mod calls;
pub mod definitions;
pub mod enclosing;
mod header;
pub mod language;
mod lines;
pub mod mutants;
pub mod parse;
pub mod test_code;

pub(crate) use lines::Lines;
