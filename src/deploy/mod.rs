//! Deployments: how far they are, what they wrote and measured, and taking them back.

mod ask;
pub mod metrics;

pub use ask::{Auth, Server};
