//! The exchanges, by what they are about, on one stage.

mod asking;
mod once;
mod stage;
mod writing;

pub use stage::*;
