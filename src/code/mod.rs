//! Source code by its text: which definition a line belongs to.

pub mod enclosing;
mod header;
mod lines;

pub(crate) use lines::Lines;
