//! A deployment that did not come about, and one without a way back.

use super::super::Finding;
use crate::decide::case::Case;
use crate::decide::spec::State;

/// A deployment that neither runs nor succeeded.
pub fn state(case: &Case) -> Option<Finding> {
    let why = match case.spec.deployment.state {
        State::Succeeded | State::Running => return None,
        State::Failed => "The deployment failed: what is measured may be of a part of it.",
        State::Expired => "The deployment expired before it was done: it may be there in part.",
        State::Aborted => "The deployment was aborted: it may be there in part.",
        State::Frozen => "The deployment is frozen: it is not there as a whole.",
        State::WaitingApproval => "The deployment is waiting for an approval: it is not there yet.",
    };
    Some(Finding::investigate("deployment_state", why))
}

/// No version before: the first of all, or one that is not named.
pub fn no_previous(case: &Case) -> Option<Finding> {
    let deployment = &case.spec.deployment;
    let known = deployment.previous.is_some() || deployment.rollback.target.is_some();
    (!known).then(|| {
        let why = if deployment.first {
            "This is the first deployment: there is no previous version to compare it with or to \
             go back to."
        } else {
            "No previous version is named: nothing says what this one is compared with or could \
             be taken back to."
        };
        Finding::investigate("no_previous_version", why)
    })
}
