//! What a model may change about a decision: make it more careful, nothing else.

use super::decision::{Action, Decision, ModelResult};

/// What a model said of a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelOpinion {
    /// What it would do; `None` if it did not say.
    pub action: Option<Action>,
    /// Its explanation.
    pub said: String,
}

/// A decision with a model's opinion. `proceed` and a rollback that is not clear-cut
/// may become `investigate`; every other opinion is only recorded.
pub fn restrain(mut decision: Decision, opinion: ModelOpinion) -> Decision {
    let may = match decision.action {
        Action::Proceed => true,
        Action::Rollback => !decision.clear_cut,
        Action::Investigate => false,
    };
    // A model that would roll back where nothing was found asks for a person at most.
    let careful = matches!(
        (decision.action, opinion.action),
        (Action::Proceed, Some(Action::Investigate | Action::Rollback))
            | (Action::Rollback, Some(Action::Investigate | Action::Proceed))
    );
    let changed = may && careful;
    if changed {
        decision.action = Action::Investigate;
        decision.clear_cut = false;
        decision.reason =
            format!("The model asks for a person to look. Without it: {}", decision.reason);
        decision.rule = "model";
    }
    let said = opinion.said.trim();
    decision.model =
        ModelResult { said: (!said.is_empty()).then(|| said.to_owned()), changed_action: changed };
    decision
}
