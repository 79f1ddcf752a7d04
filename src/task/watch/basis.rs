//! What a watched deployment is judged by: the spec, with what the execution knows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::Room;
use crate::context::Context;
use crate::decide::spec::{Spec, State};
use crate::decide::{self, Action};
use crate::deploy::{Execution, Status};
use crate::failure::Failure;
use crate::inputs::Inputs;
use crate::task::verify::{self, Judged, judge};

/// Least time between two looks at what is measured.
const LEAST: Duration = Duration::from_secs(30);

/// A spec as it was read.
pub struct Case {
    /// The spec.
    pub spec: Spec,
    /// The folder it stands in.
    pub folder: PathBuf,
    /// What was odd in it.
    pub notes: Vec<String>,
}

/// Read the spec, with the policy that holds for it.
///
/// # Errors
/// It cannot be read, or is none.
pub fn load(inputs: &Inputs, context: &Context, path: &Path) -> anyhow::Result<Case> {
    let (spec, notes) = verify::load(inputs, context, path)?;
    Ok(Case { spec, folder: verify::folder_of(path), notes })
}

/// How far a deployment is, in the spec's words.
pub fn state_of(status: &Status) -> State {
    match status {
        Status::Success | Status::IgnoreFailed | Status::Skipped | Status::Suspended => {
            State::Succeeded
        }
        Status::Failed | Status::Errored | Status::ApprovalRejected => State::Failed,
        Status::Expired => State::Expired,
        Status::Aborted | Status::Discontinuing => State::Aborted,
        Status::AbortedByFreeze => State::Frozen,
        // What waits for a person has usually brought out its canary: that is what the
        // person wants to know of.
        _ => State::Running,
    }
}

/// Whether a part of it is taken back or was, or it is what takes another one back.
pub fn is_taken_back(execution: &Execution) -> bool {
    let begun = |status: &Status| {
        !matches!(status, Status::NotStarted | Status::Skipped | Status::Suspended)
    };
    execution.is_rollback
        || execution.steps.iter().any(|step| step.is_rollback && begun(&step.status))
}

/// The spec with what the execution knows, where the file does not say it.
pub fn filled(spec: &Spec, execution: &Execution, state: State) -> Spec {
    let mut spec = spec.clone();
    let deployment = &mut spec.deployment;
    if deployment.id.is_none() {
        deployment.id = Some(execution.id.clone()).filter(|id| !id.is_empty());
    }
    if !deployment.state_said {
        deployment.state = state;
    }
    if deployment.version.is_none() {
        deployment.version = execution.commit.clone();
    }
    if deployment.started_at.is_none() {
        let stage = execution.stages.iter().find(|stage| stage.kind == "Deployment");
        deployment.started_at = stage.and_then(|stage| stage.started_at).or(execution.started_at);
    }
    spec
}

/// Decide on the deployment as it is now.
///
/// One that is being taken back is judged as it ran: what called for it is still there to
/// be seen, and a run that was killed comes to the same decision when it is started again.
///
/// # Errors
/// A source cannot be reached, or a file cannot be read.
pub async fn judged(
    room: &Room<'_>,
    case: &Case,
    execution: &Execution,
) -> Result<Judged, Failure> {
    let state = state_of(&execution.status);
    let question = room.question(case);
    if is_taken_back(execution) && !case.spec.deployment.state_said {
        let ran = filled(&case.spec, execution, State::Running);
        let mut look = ran.clone();
        let findings = judge::gather(&question, &mut look).await?;
        if decide::decide(&look, findings.classes.as_ref()).action == Action::Rollback {
            return verify::decided(&question, ran, Vec::new()).await;
        }
        let mut spec = filled(&case.spec, execution, state);
        spec.deployment.rollback.running = !execution.status.is_final();
        return verify::decided(&question, spec, Vec::new()).await;
    }
    verify::decided(&question, filled(&case.spec, execution, state), Vec::new()).await
}

/// Looks at what is measured while the execution runs.
#[derive(Default)]
pub struct Looks {
    next: Option<Instant>,
    was_waiting: bool,
    count: u32,
}

impl Looks {
    /// Whether what is measured calls for something before the end: a clear-cut rollback
    /// at any time; anything but going on where the execution waits for a person.
    pub async fn call_for_something(&mut self, room: &Room<'_>, execution: &Execution) -> bool {
        let Some(case) = room.case else { return false };
        if !execution.status.is_under_way() || execution.is_rollback {
            return false;
        }
        let waits = execution.status.waits_for_a_person()
            || execution.steps.iter().any(|step| step.status.waits_for_a_person());
        if !self.is_due(case, execution, waits) {
            return false;
        }
        let mut spec = filled(&case.spec, execution, State::Running);
        let decision = match judge::gather(&room.question(case), &mut spec).await {
            Ok(findings) => decide::decide(&spec, findings.classes.as_ref()),
            Err(failure) => {
                tracing::warn!("{}", room.scrubber.sanitize_line(&failure.to_string()));
                return false;
            }
        };
        match decision.action {
            Action::Rollback => decision.clear_cut || waits,
            Action::Investigate => waits,
            Action::Proceed => false,
        }
    }

    fn is_due(&mut self, case: &Case, execution: &Execution, waits: bool) -> bool {
        let spec = &case.spec;
        // What stands in the spec does not change.
        let is_live =
            spec.signals.iter().any(|signal| signal.source.is_some()) || spec.logs.source.is_some();
        let began_to_wait = waits && !std::mem::replace(&mut self.was_waiting, waits);
        let due = match (is_live, self.next) {
            (false, _) => self.count == 0,
            (true, Some(next)) => Instant::now() >= next,
            (true, None) => {
                let started = filled(spec, execution, State::Running).deployment.started_at;
                let now = jiff::Timestamp::now().as_millisecond();
                started.is_some_and(|at| now.saturating_sub(at) >= spec.windows.warmup)
            }
        };
        if !due && !began_to_wait {
            return false;
        }
        self.count += 1;
        let window = Duration::from_millis(u64::try_from(spec.policy.window).unwrap_or_default());
        self.next = Some(Instant::now() + window.max(LEAST));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::{Stage, Step};

    #[test]
    fn every_status_has_a_state() {
        for status in Status::ALL {
            let state = state_of(status);
            assert_eq!(state == State::Succeeded, status.is_good(), "{status}");
            if status.is_bad() {
                assert!(!matches!(state, State::Running | State::Succeeded), "{status}");
            }
        }
        assert_eq!(state_of(&Status::Unknown("Melting".into())), State::Running);
    }

    #[test]
    fn the_spec_holds_where_it_speaks() {
        let execution = Execution {
            id: "e1".into(),
            commit: Some("abc".into()),
            started_at: Some(5),
            stages: vec![Stage {
                kind: "Deployment".into(),
                started_at: Some(9),
                ..Stage::default()
            }],
            ..Execution::default()
        };
        let empty = filled(&Spec::default(), &execution, State::Failed).deployment;
        assert_eq!(empty.state, State::Failed);
        assert_eq!(empty.started_at, Some(9));
        assert_eq!((empty.id.as_deref(), empty.version.as_deref()), (Some("e1"), Some("abc")));
        let mut said = Spec::default();
        said.deployment.state_said = true;
        said.deployment.version = Some("1.8".into());
        said.deployment.started_at = Some(1);
        let kept = filled(&said, &execution, State::Failed).deployment;
        assert_eq!((kept.state, kept.started_at), (State::Succeeded, Some(1)));
        assert_eq!(kept.version.as_deref(), Some("1.8"));
    }

    #[test]
    fn a_rollback_is_seen_once_it_has_begun() {
        let with = |status| Execution {
            steps: vec![Step { is_rollback: true, status, ..Step::default() }],
            ..Execution::default()
        };
        for (status, expect) in [
            (Status::NotStarted, false),
            (Status::Skipped, false),
            (Status::Running, true),
            (Status::Success, true),
        ] {
            assert_eq!(is_taken_back(&with(status.clone())), expect, "{status}");
        }
    }
}
