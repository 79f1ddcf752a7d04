//! What can be asked for: one file or folder a task.

pub mod audit;
pub mod config;
pub mod deliver;
pub mod docs;
pub mod doctor;
pub mod edit;
pub mod learn;
pub mod models;
pub mod pipeline;
pub mod progress;
pub mod review;
pub mod serve;
pub mod sweep;
pub mod talk;
pub mod tests;
pub mod verify;
pub mod watch;
