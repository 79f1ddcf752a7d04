//! Deployments: how far they are, what they wrote and measured, and taking them back.

mod ask;
pub mod logs;
pub mod metrics;
mod times;
mod variables;
mod window;

pub use ask::{Auth, Server};
