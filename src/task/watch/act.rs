//! From a decision to what is done: one call that does nothing twice, or a question, or
//! a recommendation.

use serde::Serialize;
use serde_json::json;

use super::approval::{self, Answer};
use super::{Room, Watched, basis, follow, post};
use crate::decide::Action;
use crate::deploy::{Means, RollbackState};
use crate::inputs::{Approval, Autonomy};

/// What became of a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was asked for by this run.
    CarriedOut,
    /// It was on its way before.
    UnderWay,
    /// It was done before.
    Done,
    /// A later execution is in its place.
    Superseded,
    /// The exit code of this step does it.
    ByExit,
    /// A person decides.
    Recommended,
    /// A person has said no.
    Rejected,
    /// It cannot be done.
    Impossible,
    /// The platform refused or could not be reached.
    Failed,
}

/// What was done about a decision to roll back.
#[derive(Debug, Clone, Serialize)]
pub struct Acted {
    /// What became of it.
    pub state: State,
    /// In a sentence.
    pub said: String,
    /// How it is done, where that was found out.
    pub means: Option<Means>,
    /// The execution that does it, where it is another one.
    pub execution: Option<String>,
    /// Who approved or rejected it.
    pub answered_by: Option<String>,
}

impl Acted {
    fn new(state: State, said: impl Into<String>) -> Self {
        Acted { state, said: said.into(), means: None, execution: None, answered_by: None }
    }
}

/// Do what the decision calls for, and write down what came of it.
pub async fn act(room: &Room<'_>, watched: &mut Watched) {
    let Some(judged) = &watched.judged else { return };
    if judged.decision.action != Action::Rollback {
        return;
    }
    let acted = match acted(room, watched).await {
        Ok(acted) => acted,
        Err(error) => {
            let why = room.scrubber.sanitize_line(&format!("{error:#}"));
            Acted::new(State::Failed, format!("It was not rolled back: {why}."))
        }
    };
    room.note("action", json!({"state": acted.state, "said": acted.said}));
    let moved = matches!(acted.state, State::CarriedOut | State::UnderWay);
    watched.acted = Some(acted);
    // What takes another execution back, or another host's call, is not seen from here.
    if moved && watched.execution.status.is_under_way() && !room.is_own(&watched.execution) {
        room.progress.stage("waiting for the rollback");
        watched.execution = follow::settle(room, &watched.execution).await;
        tell_end(watched);
    }
}

/// How the rollback of a running execution ended.
fn tell_end(watched: &mut Watched) {
    let execution = &watched.execution;
    let steps: Vec<_> = execution.steps.iter().filter(|step| step.is_rollback).collect();
    let end = if !execution.status.is_final() {
        "The rollback was still under way when the time to watch it was over."
    } else if steps.iter().any(|step| step.status.is_bad()) {
        "The rollback itself failed: look at what runs now."
    } else if steps.iter().any(|step| step.status.is_good()) {
        "The rollback is done."
    } else {
        "The execution ended without a step of rollback: look at what runs now."
    };
    if let Some(acted) = &mut watched.acted {
        acted.said = format!("{} {end}", acted.said);
    }
}

async fn acted(room: &Room<'_>, watched: &mut Watched) -> anyhow::Result<Acted> {
    let clear_cut = watched.judged.as_ref().is_some_and(|judged| judged.decision.clear_cut);
    if room.inputs.deployment.shadow {
        return Ok(Acted::new(State::Recommended, "Nothing is done: `shadow` is on."));
    }
    let means = room.deployer.can_roll_back(&watched.execution).await?;
    // Of stages side by side one may be on its way back, and another not yet.
    let is_impossible = matches!(means, Means::Impossible { .. });
    if is_impossible && basis::is_taken_back(&watched.execution) {
        return Ok(match watched.execution.status.is_final() {
            true => Acted::new(State::Done, "It was rolled back before."),
            false => Acted::new(State::UnderWay, "It is already on its way back."),
        });
    }
    if let Means::Impossible { why } = &means {
        let said = format!("It cannot be rolled back from here: {}.", why.trim_end_matches('.'));
        return Ok(Acted { means: Some(means), ..Acted::new(State::Impossible, said) });
    }
    let mut answered_by = None;
    let permit = match room.ruling.roll_back(clear_cut, false) {
        Some(permit) => permit,
        None => match ask(room, watched, &means).await {
            Ok((permit, by)) => {
                answered_by = by;
                permit
            }
            Err(mut acted) => {
                acted.means = Some(means);
                return Ok(*acted);
            }
        },
    };
    room.progress.stage("rolling back");
    room.note("rollback", json!({"means": means, "approved_by": answered_by}));
    let done = room.deployer.roll_back(&permit, &means).await?;
    let state = match done.state {
        RollbackState::Started => State::CarriedOut,
        RollbackState::UnderWay => State::UnderWay,
        RollbackState::Done => State::Done,
        RollbackState::Superseded => State::Superseded,
        RollbackState::ByExit => State::ByExit,
    };
    let mut said = match state {
        State::CarriedOut => format!("It is rolled back: {}.", done.said.trim_end_matches('.')),
        _ => sentence(&done.said),
    };
    if let Some(by) = &answered_by {
        said = format!("{by} approved it. {said}");
    }
    Ok(Acted { state, said, means: Some(means), execution: done.execution, answered_by })
}

/// The permit of a person; else why there is none.
async fn ask(
    room: &Room<'_>,
    watched: &mut Watched,
    means: &Means,
) -> Result<(crate::policy::RollbackPermit, Option<String>), Box<Acted>> {
    let recommended = |why: String| {
        let said = format!("Rolling back is recommended, and a person decides: {why}");
        Box::new(Acted::new(State::Recommended, said))
    };
    let Some(permit) = room.ruling.roll_back(false, true) else {
        return Err(recommended(format!(
            "the autonomy is `{}`, and it takes `{}` to act.",
            room.ruling.level().as_str(),
            Autonomy::Act.as_str()
        )));
    };
    if room.inputs.deployment.approval == Approval::None {
        return Err(recommended(
            "the spec's `act_on` does not name the rule, and `approval` names nobody to ask."
                .to_owned(),
        ));
    }
    let id = approval::id(room, watched);
    room.note("asked", json!({"id": id, "means": means}));
    post::ask(room, watched, &id).await;
    match approval::wait(room, &watched.execution, &id).await {
        Answer::Approved(by) => {
            room.note("approved", json!({"id": id, "by": by}));
            Ok((permit, Some(by)))
        }
        Answer::Rejected(by) => {
            let said = format!("{by} said no to rolling back: a person looks after it.");
            let acted = Acted::new(State::Rejected, said);
            Err(Box::new(Acted { answered_by: Some(by), ..acted }))
        }
        Answer::None => Err(recommended("nobody answered in time.".to_owned())),
        Answer::CannotAsk(why) => Err(recommended(sentence(&why))),
    }
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => String::new(),
    }
}
