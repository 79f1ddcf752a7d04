//! What a run may do: the lowest of what the input, the base revision's policy,
//! the token and the asker allow. Pure.
//!
//! Code that writes to a host takes a permit, and only [`Ruling`] makes one.

use std::fmt;

use crate::context::Command;
use crate::inputs::{Access, Autonomy};

/// What is known about a run before it writes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grounds {
    /// The input `autonomy`.
    pub input: Autonomy,
    /// `[policy] autonomy` at the base revision.
    pub base: Option<Autonomy>,
    /// What the token is known to allow.
    pub token: Token,
    /// What the comment's author may do in the repository; `None` if the event
    /// itself asks.
    pub asker: Option<Access>,
    /// The least an asker needs: `[policy] asker` at the base revision, where set.
    pub asker_needs: Option<Access>,
}

/// What is known about the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// There is none.
    Absent,
    /// It was refused a write, or belongs to a job that gets none.
    ReadOnly,
    /// It may write as far as known; hosts tell only by refusing.
    Writes,
}

/// What set the limit, for the log and the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedBy {
    /// The input `autonomy`.
    Input,
    /// `[policy] autonomy` at the base revision.
    Base,
    /// The token.
    Token,
    /// The asker's permission.
    Asker,
}

impl fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LimitedBy::Input => "the input `autonomy`",
            LimitedBy::Base => "`[policy] autonomy` at the base revision",
            LimitedBy::Token => "the token's permissions",
            LimitedBy::Asker => "the asker's permission on the repository",
        })
    }
}

/// Who may ask by a comment where the base revision does not say: a model's
/// time is the repository's money, so those who can push.
pub const ASKER_NEEDS: Access = Access::Write;

/// The least that a comment's author needs for a command; `configured` is
/// `[policy] asker` at the base revision. docs/conversation.md has it as a table.
pub fn asker_needs(command: &Command, configured: Option<Access>) -> Access {
    let usual = configured.unwrap_or(ASKER_NEEDS);
    match command {
        // It costs nothing and tells nothing that is not documented.
        Command::Help => Access::Read,
        Command::Ask
        | Command::Describe
        | Command::Explain
        | Command::Pause
        | Command::Resume
        | Command::Review { .. }
        | Command::Unknown { .. } => usual,
        // What is made of the change's code: never for less than who could push it.
        Command::Docs | Command::Fix | Command::Pipeline | Command::Tests => {
            usual.max(Access::Write)
        }
    }
}

/// What a run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    level: Autonomy,
    limited_by: LimitedBy,
    refused: bool,
}

/// Leave to comment, review, set checks and resolve threads on the change that
/// the event names, and to open a change request from a branch of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposePermit(());

/// Leave to commit to the branch of the change that the event names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActPermit(());

/// Leave to take back the deployment that the run watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackPermit(());

/// Leave to tell people where the inputs say: chat and on-call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertPermit(());

/// Rules on a run.
pub fn rule(grounds: &Grounds) -> Ruling {
    let needs = grounds.asker_needs.unwrap_or(ASKER_NEEDS);
    let token = match grounds.token {
        Token::Absent | Token::ReadOnly => Autonomy::Observe,
        Token::Writes => Autonomy::Act,
    };
    let asker = match grounds.asker {
        None | Some(Access::Write | Access::Admin) => Autonomy::Act,
        Some(Access::Triage | Access::Read) => Autonomy::Propose,
        Some(Access::None) => Autonomy::Observe,
    };
    let limits = [
        (grounds.input, LimitedBy::Input),
        (grounds.base.unwrap_or(Autonomy::Act), LimitedBy::Base),
        (token, LimitedBy::Token),
        (asker, LimitedBy::Asker),
    ];
    let (level, limited_by) =
        limits.into_iter().fold(limits[0], |low, next| if next.0 < low.0 { next } else { low });
    // Nobody's permission is enough by being asked for: `none` always refuses.
    let refused = grounds.asker.is_some_and(|asker| asker < needs || asker == Access::None);
    if refused {
        return Ruling { level: Autonomy::Observe, limited_by: LimitedBy::Asker, refused };
    }
    Ruling { level, limited_by, refused }
}

impl Ruling {
    /// The run's level.
    pub fn level(&self) -> Autonomy {
        self.level
    }

    /// What set it.
    pub fn limited_by(&self) -> LimitedBy {
        self.limited_by
    }

    /// Whether the asker may not ask at all: nothing is read, asked or posted.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// The permit to comment and set checks, from `propose` upwards.
    pub fn propose(&self) -> Option<ProposePermit> {
        (!self.refused && self.level >= Autonomy::Propose).then_some(ProposePermit(()))
    }

    /// The permit to tell chat and on-call, from `alert` upwards.
    pub fn alert(&self) -> Option<AlertPermit> {
        (!self.refused && self.level >= Autonomy::Alert).then_some(AlertPermit(()))
    }

    /// The permit to commit to the change's branch, from `act` upwards: everything
    /// that limits the level has to allow it, the asker's permission too.
    pub fn act(&self) -> Option<ActPermit> {
        (!self.refused && self.level >= Autonomy::Act).then_some(ActPermit(()))
    }

    /// The permit to take a deployment back, at `act` only: where the policy names the
    /// rule that called for it, or where a person has approved it.
    pub fn roll_back(&self, decision_is_clear_cut: bool, approved: bool) -> Option<RollbackPermit> {
        let grounds = decision_is_clear_cut || approved;
        (!self.refused && self.level >= Autonomy::Act && grounds).then_some(RollbackPermit(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Autonomy::{Act, Alert, Observe, Propose};

    const FREE: Grounds =
        Grounds { input: Act, base: None, token: Token::Writes, asker: None, asker_needs: None };

    #[test]
    fn the_lowest_limit_holds_and_is_named() {
        for (grounds, level, limited_by) in [
            (FREE, Act, LimitedBy::Input),
            (Grounds { input: Observe, ..FREE }, Observe, LimitedBy::Input),
            (Grounds { base: Some(Propose), ..FREE }, Propose, LimitedBy::Base),
            (Grounds { base: Some(Act), input: Alert, ..FREE }, Alert, LimitedBy::Input),
            (Grounds { token: Token::Absent, ..FREE }, Observe, LimitedBy::Token),
            (Grounds { token: Token::ReadOnly, ..FREE }, Observe, LimitedBy::Token),
            (Grounds { asker: Some(Access::Write), ..FREE }, Act, LimitedBy::Input),
            (
                Grounds { asker: Some(Access::Admin), input: Propose, ..FREE },
                Propose,
                LimitedBy::Input,
            ),
            (
                Grounds { asker: Some(Access::Triage), asker_needs: Some(Access::Read), ..FREE },
                Propose,
                LimitedBy::Asker,
            ),
            // Of equal limits the first is named.
            (Grounds { input: Propose, base: Some(Propose), ..FREE }, Propose, LimitedBy::Input),
        ] {
            let ruling = rule(&grounds);
            assert_eq!((ruling.level(), ruling.limited_by()), (level, limited_by), "{grounds:?}");
            assert!(!ruling.is_refused());
            assert_eq!(ruling.propose().is_some(), level >= Propose);
            assert_eq!(ruling.alert().is_some(), level >= Alert);
        }
    }

    #[test]
    fn strangers_are_refused() {
        for (asker, needs, refused) in [
            (Access::None, None, true),
            (Access::Read, None, true),
            (Access::Triage, None, true),
            (Access::Write, None, false),
            (Access::Read, Some(Access::Read), false),
            (Access::Write, Some(Access::Admin), true),
            (Access::None, Some(Access::None), true),
        ] {
            let ruling = rule(&Grounds { asker: Some(asker), asker_needs: needs, ..FREE });
            assert_eq!(ruling.is_refused(), refused, "{asker} {needs:?}");
            assert_eq!(ruling.propose().is_none(), refused);
            // Who only reads has nobody woken up.
            assert_eq!(ruling.alert().is_some(), !refused && asker >= Access::Write);
        }
    }

    #[test]
    fn commands_need_what_they_cost() {
        for (command, by_default, open, strict) in [
            (Command::Help, Access::Read, Access::Read, Access::Read),
            (Command::Ask, Access::Write, Access::Read, Access::Admin),
            (Command::Review { full: true }, Access::Write, Access::Read, Access::Admin),
            (Command::Fix, Access::Write, Access::Write, Access::Admin),
            (Command::Docs, Access::Write, Access::Write, Access::Admin),
            (Command::Tests, Access::Write, Access::Write, Access::Admin),
        ] {
            assert_eq!(asker_needs(&command, None), by_default, "{command:?}");
            assert_eq!(asker_needs(&command, Some(Access::Read)), open, "{command:?}");
            assert_eq!(asker_needs(&command, Some(Access::Admin)), strict, "{command:?}");
        }
    }

    #[test]
    fn a_rollback_needs_the_policy_or_a_person() {
        for (input, clear_cut, approved, expect) in [
            (Act, true, false, true),
            (Act, false, false, false),
            (Act, false, true, true),
            (Alert, true, false, false),
            (Alert, false, true, false),
            (Propose, true, true, false),
            (Observe, true, true, false),
        ] {
            let ruling = rule(&Grounds { input, ..FREE });
            assert_eq!(ruling.roll_back(clear_cut, approved).is_some(), expect, "{input:?}");
        }
        let stranger = rule(&Grounds { asker: Some(Access::None), ..FREE });
        assert!(stranger.roll_back(true, true).is_none());
        let reader = rule(&Grounds { token: Token::ReadOnly, ..FREE });
        assert!(reader.roll_back(true, true).is_none());
    }

    #[test]
    fn no_ground_raises_a_level() {
        // Every combination: the level is at most each single limit.
        for &input in Autonomy::ALL {
            for base in Autonomy::ALL.iter().copied().map(Some).chain([None]) {
                for token in [Token::Absent, Token::ReadOnly, Token::Writes] {
                    for asker in Access::ALL.iter().copied().map(Some).chain([None]) {
                        let grounds = Grounds { input, base, token, asker, asker_needs: None };
                        let level = rule(&grounds).level();
                        assert!(level <= input && base.is_none_or(|base| level <= base));
                        assert!(token == Token::Writes || level == Observe);
                        assert!(asker.is_none_or(|a| a >= Access::Write) || level == Observe);
                    }
                }
            }
        }
    }
}
