//! room
pub mod review;
