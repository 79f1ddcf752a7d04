//! What can be asked for: one file or folder a task.

pub mod audit;
pub mod config;
pub mod docs;
pub mod edit;
pub mod models;
pub mod progress;
pub mod review;
pub mod talk;
