//! Review a change.

pub mod prompt;
pub mod state;
pub mod tools;
