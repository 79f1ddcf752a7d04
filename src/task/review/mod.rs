//! room
pub mod tools;
