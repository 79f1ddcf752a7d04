//! What the key is really allowed: `POST /authz/api/acl` answers for the key's own
//! principal. Body and answer are `AccessCheckRequestDTO` and `AccessCheckResponseDTO` of
//! harness-core; permissions are those of
//! <https://developer.harness.io/docs/platform/role-based-access-control/permissions-reference>.

use serde::Deserialize;
use serde_json::json;

use super::ask::{Api, Call};

/// A right and whether the key has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// `PIPELINE`, `ENVIRONMENT` …
    pub resource: &'static str,
    /// `core_pipeline_view` …
    pub permission: &'static str,
    /// Whether the key has it.
    pub is_held: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    access_control_list: Vec<Control>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Control {
    permission: String,
    permitted: bool,
}

/// Ask for rights in the project; on `pipeline` where one is meant.
pub(super) async fn ask(
    api: &Api,
    wanted: &[(&'static str, &'static str)],
    pipeline: Option<&str>,
) -> anyhow::Result<Vec<Held>> {
    let place = &api.place;
    let permissions: Vec<_> = wanted
        .iter()
        .map(|(resource, permission)| {
            let mut one = json!({
                "resourceScope": {
                    "accountIdentifier": place.account,
                    "orgIdentifier": place.organization,
                    "projectIdentifier": place.project,
                },
                "resourceType": resource,
                "permission": permission,
            });
            if let Some(pipeline) = pipeline.filter(|_| *resource == "PIPELINE") {
                one["resourceIdentifier"] = pipeline.into();
            }
            one
        })
        .collect();
    let body = json!({ "permissions": permissions });
    let mut call = Call::ask("/authz/api/acl", "what the key is allowed", Some(body));
    call.right = "a principal of this account";
    let envelope: serde_json::Value = api.bare(call.with("routingId", &place.account), &[]).await?;
    let answer: Answer = serde_json::from_value(envelope["data"].clone())
        .map_err(|error| anyhow::anyhow!("cannot read what the key is allowed: {error}"))?;
    let held = |permission: &str| {
        answer.access_control_list.iter().any(|one| one.permission == permission && one.permitted)
    };
    Ok(wanted
        .iter()
        .map(|&(resource, permission)| Held { resource, permission, is_held: held(permission) })
        .collect())
}
