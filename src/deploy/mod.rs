//! Deployments: how far they are, what they wrote and measured, and taking them back.

mod ask;
mod deployer;
pub mod harness;
pub mod logs;
pub mod metrics;
mod times;
pub mod trouble;
mod variables;
mod window;

mod status;

pub use ask::{Auth, Server};
pub use deployer::{
    Approval, ApprovalStatus, Deployer, Execution, Instance, Means, RollbackState, RolledBack,
    Stage, Step, Target,
};
pub use status::Status;
