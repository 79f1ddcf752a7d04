//! Deployments: how far they are, what they wrote and measured, and taking them back.

pub mod argo;
mod ask;
mod deployer;
pub mod github;
pub mod harness;
pub mod logs;
pub mod metrics;
mod status;
mod times;
pub mod trouble;
mod variables;
mod window;

pub use ask::{Auth, Server};
pub use deployer::{
    Approval, ApprovalStatus, Deployer, Execution, Instance, Means, RollbackState, RolledBack,
    Stage, Step, Target,
};
pub use status::Status;
