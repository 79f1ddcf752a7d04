//! Pipewright puts a language model to work inside a CI pipeline without
//! having to trust it. ARCHITECTURE.md draws the house; `tests/layering.rs`
//! holds its floors.

pub mod audit;
pub mod checkout;
pub mod code;
pub mod context;
pub mod diff;
pub mod evidence;
pub mod failure;
pub mod finding;
pub mod forge;
pub mod http;
pub mod inputs;
pub mod model;
pub mod policy;
pub mod publish;
pub mod redact;
pub mod report;
pub mod scan;
pub mod task;
