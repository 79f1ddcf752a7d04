//! Questions for approval of an execution, and their answers.
//! <https://apidocs.harness.io/approvals>.

use serde_json::{Value, json};

use super::ask::{Api, Call, part};
use crate::deploy::{Approval, ApprovalStatus};
use crate::http::{Method, Repeat};
use crate::policy::RollbackPermit;
use crate::redact::shorten;

const RIGHT: &str = "View on Pipelines";

/// The approvals of an execution, whatever their status.
pub(super) async fn list(api: &Api, execution: &str) -> anyhow::Result<Vec<Approval>> {
    let place = &api.place;
    let path = format!(
        "/v1/orgs/{}/projects/{}/approvals/execution/{}",
        part(&place.organization),
        part(&place.project),
        part(execution)
    );
    let call = Call { right: RIGHT, ..Call::get(&path, "the approvals of the execution") };
    let answer: Value = api.bare(call, &[("harness-account", &place.account)]).await?;
    let list = answer.as_array().or_else(|| answer["data"].as_array());
    Ok(list.into_iter().flatten().filter_map(read).collect())
}

fn read(value: &Value) -> Option<Approval> {
    let details = &value["details"];
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| value[*name].as_str().or(details[*name].as_str()));
        found.filter(|text| !text.is_empty()).map(|text| shorten(text, 1_000).into_owned())
    };
    let status = match text(&["status"]).unwrap_or_default().to_ascii_uppercase().as_str() {
        "WAITING" => ApprovalStatus::Waiting,
        "APPROVED" => ApprovalStatus::Approved,
        "REJECTED" => ApprovalStatus::Rejected,
        _ => ApprovalStatus::Over,
    };
    Some(Approval {
        id: text(&["id"])?,
        step: text(&["step_identifier", "stepIdentifier", "name", "identifier"]),
        message: text(&["approval_message", "approvalMessage"]),
        status,
    })
}

/// Answer a question. Only with a permit: to say no may roll the stage back.
///
/// # Errors
/// Harness does not take it, or the question is answered already.
pub(super) async fn answer(
    api: &Api,
    _permit: &RollbackPermit,
    approval: &Approval,
    approve: bool,
    comments: &str,
) -> anyhow::Result<()> {
    let path = format!("/pipeline/api/approvals/{}/harness/activity", part(&approval.id));
    let action = if approve { "APPROVE" } else { "REJECT" };
    let call = Call {
        method: Method::POST,
        path: &path,
        query: vec![("accountIdentifier", &api.place.account)],
        body: Some(json!({ "action": action, "comments": shorten(comments, 2_000) })),
        repeat: Repeat::OnlyUnprocessed,
        what: "the answer to the approval",
        right: "to be among the approvers of the step",
    };
    api.send(&call, &[]).await.map(drop)
}
