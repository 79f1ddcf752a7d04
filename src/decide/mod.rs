//! From signals, logs and health to proceed, investigate or roll back. Pure
//! arithmetic: the same spec gives the same decision, byte for byte.

mod case;
pub mod clean;
pub mod decision;
pub mod frame;
pub mod judge;
pub mod read;
pub mod restrain;
pub mod rule;
pub mod series;
pub mod spec;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

pub use decision::{Action, Decision};
pub use read::{Problem, read};
pub use restrain::{ModelOpinion, restrain};
pub use spec::Spec;
pub use verdict::decide;
