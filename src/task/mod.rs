//! room
pub mod review;
pub mod progress;
