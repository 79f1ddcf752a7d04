//! A deployment that did not come about, and one without a way back.

use super::super::Finding;
use crate::decide::case::Case;
use crate::decide::spec::State;

/// A deployment that neither runs nor succeeded.
pub fn state(case: &Case) -> Option<Finding> {
    let why = match case.spec.deployment.state {
        State::Succeeded | State::Running => return None,
        State::Failed => "The deployment failed: what is measured may be of a part of it.",
        State::Expired => "The deployment ran out of time: it may be there in part.",
        State::Aborted => "The deployment was aborted: it may be there in part.",
        State::Frozen => "A freeze holds the deployment: it is not there as a whole.",
        State::WaitingApproval => "The deployment waits for an approval: it is not there yet.",
    };
    Some(Finding::investigate("deployment_state", why))
}

/// Neither a version before nor the first of all.
pub fn no_previous(case: &Case) -> Option<Finding> {
    let deployment = &case.spec.deployment;
    let known = deployment.previous.is_some() || deployment.rollback.target.is_some();
    (!known && !deployment.first).then(|| {
        Finding::investigate(
            "no_previous_version",
            "No previous version is named, and this is not said to be the first deployment: \
             nothing says what it is compared with or could be taken back to.",
        )
    })
}
