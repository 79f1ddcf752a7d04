//! The kinds of deployment, each with what would be right for it.
//!
//! They are written from what happens in production. Where people on call would
//! differ, a kind has several right answers, and says why.

mod data;
mod healthy;
mod others;
mod regressions;

use pipewright::decide::{Action, Spec};

use super::random::Random;

/// What a kind is to those who bear the consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Nothing is wrong with the new version: a rollback is false.
    Healthy,
    /// Something is wrong, but it is not the new version, it cannot be told, or nothing
    /// can be done by going back: a rollback is false.
    NotItsFault,
    /// It breaks what it was bound to by the limits: it has to go back at once.
    Clear,
    /// It does harm: to let it through is wrong.
    Harmful,
    /// Neither answer does harm.
    Other,
}

/// A kind of deployment.
pub struct Kind {
    pub name: &'static str,
    pub group: Group,
    pub right: &'static [Action],
    pub make: fn(&mut Random) -> Spec,
}

const P: &[Action] = &[Action::Proceed];
const I: &[Action] = &[Action::Investigate];
const R: &[Action] = &[Action::Rollback];
const PI: &[Action] = &[Action::Proceed, Action::Investigate];
const IR: &[Action] = &[Action::Investigate, Action::Rollback];

const fn kind(
    name: &'static str,
    group: Group,
    right: &'static [Action],
    make: fn(&mut Random) -> Spec,
) -> Kind {
    Kind { name, group, right, make }
}

/// All kinds, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    healthy::KINDS.iter().chain(others::KINDS).chain(data::KINDS).chain(regressions::KINDS)
}
