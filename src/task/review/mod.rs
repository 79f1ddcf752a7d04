//! Review a change.

pub mod prompt;
pub mod state;
pub mod tools;
pub mod base;
pub mod collect;
pub mod contents;
