//! From signals, logs and health to proceed, investigate or roll back. Pure
//! arithmetic: the same spec gives the same decision, byte for byte.

pub mod decision;
pub mod read;
pub mod series;
pub mod spec;

pub use decision::{Action, Decision};
pub use spec::Spec;
