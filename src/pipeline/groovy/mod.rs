//! Groovy as far as Jenkinsfiles need it: strings, comments and brackets told apart
//! exactly, and a light tree of calls, arguments and blocks that knows its bytes.
//!
//! This is no compiler. What it does not know stays in the tree as an expression with
//! its place and the calls found in it. A text is refused only where brackets, strings
//! or comments do not close, or where it is nested deeper than [`MAX_DEPTH`]. Every
//! byte is looked at a bounded number of times.

mod expr;
pub mod lex;
mod parse;
pub mod tree;
mod visit;
pub mod write;

#[cfg(test)]
mod tests;

pub use lex::{Quote, Text};
pub use parse::parse;
pub use tree::{Arg, Block, Call, Statement, Tree, Value};
pub use visit::each_call;

/// Deepest nesting of brackets, strings in strings counted in.
pub const MAX_DEPTH: usize = 64;

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Byte where it shows.
    pub at: usize,
    /// Its line, from 1.
    pub line: u32,
    /// What is wrong, as a sentence without a full stop.
    pub why: String,
}

/// The line of a byte, from 1. Bytes behind the end count as the end.
pub fn line_of(text: &str, at: usize) -> u32 {
    let head = text.as_bytes().get(..at.min(text.len())).unwrap_or_default();
    u32::try_from(memchr::memchr_iter(b'\n', head).count()).unwrap_or(u32::MAX - 1) + 1
}
