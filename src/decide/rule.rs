//! The steps of a decision as named rules, in order.

pub mod attribution;
pub mod clear_cut;
pub mod gate;
pub mod health;
pub mod logs;
pub mod signals;

use super::decision::{Action, Evidence};

/// What a rule found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// What it calls for; `None` if it lets the decision pass.
    pub action: Option<Action>,
    /// What it saw, in a sentence.
    pub why: String,
    /// How sure it is of what it saw, 0 to 1.
    pub sure: f64,
    /// The signal it speaks of.
    pub signal: Option<String>,
}

impl Finding {
    /// A rule that has nothing against it.
    pub fn pass(rule: &'static str, why: impl Into<String>) -> Self {
        Finding { rule, action: None, why: why.into(), sure: 1.0, signal: None }
    }

    /// A rule that calls for a person.
    pub fn investigate(rule: &'static str, why: impl Into<String>) -> Self {
        Finding { action: Some(Action::Investigate), ..Finding::pass(rule, why) }
    }

    /// As it is written.
    pub fn evidence(&self) -> Evidence {
        Evidence { rule: self.rule, action: self.action, why: self.why.clone() }
    }
}
