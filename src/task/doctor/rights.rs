//! Which rights at Harness a run needs, by its autonomy, and which it has beyond them.
//!
//! Names of permissions and of types of resources:
//! <https://developer.harness.io/docs/platform/role-based-access-control/permissions-reference>.
//! What marking a stage as failed takes:
//! <https://developer.harness.io/docs/platform/pipelines/mark-as-failed>. What the
//! post-deployment rollback takes: `PostProdRollbackServiceImpl` of harness-core.

use serde::Serialize;

use crate::deploy::harness::access::Held;
use crate::inputs::Autonomy;

/// A right as Harness' pages call it.
struct Known {
    resource: &'static str,
    permission: &'static str,
    /// As in the list of a role.
    name: &'static str,
    /// From which level it is needed; `None`: never.
    from: Option<Autonomy>,
    /// What it is needed for, or what harm it can do.
    why: &'static str,
}

const fn known(
    resource: &'static str,
    permission: &'static str,
    name: &'static str,
    from: Option<Autonomy>,
    why: &'static str,
) -> Known {
    Known { resource, permission, name, from, why }
}

const KNOWN: &[Known] = &[
    known(
        "PIPELINE",
        "core_pipeline_view",
        "View on Pipelines",
        Some(Autonomy::Observe),
        "executions, their logs, approvals, and the pipeline's failure strategies",
    ),
    known(
        "PIPELINE",
        "core_pipeline_execute",
        "Execute on Pipelines",
        Some(Autonomy::Act),
        "marking a running stage as failed, which takes it back; it also starts pipelines",
    ),
    known(
        "ENVIRONMENT",
        "core_environment_rollback",
        "Rollback on Environments",
        Some(Autonomy::Act),
        "taking back a deployment that has succeeded",
    ),
    known(
        "PIPELINE",
        "core_pipeline_edit",
        "Create/Edit on Pipelines",
        None,
        "it changes what is deployed, and how",
    ),
    known("PIPELINE", "core_pipeline_delete", "Delete on Pipelines", None, "it removes pipelines"),
    known(
        "PIPELINE",
        "core_pipeline_abort",
        "Abort on Pipelines",
        None,
        "an abort takes nothing back and is never sent",
    ),
    known(
        "ENVIRONMENT",
        "core_environment_edit",
        "Create/Edit on Environments",
        None,
        "it changes where deployments go",
    ),
    known(
        "ENVIRONMENT",
        "core_environment_delete",
        "Delete on Environments",
        None,
        "it removes environments",
    ),
    known(
        "SERVICE",
        "core_service_edit",
        "Create/Edit on Services",
        None,
        "it changes what is deployed",
    ),
    known("SERVICE", "core_service_delete", "Delete on Services", None, "it removes services"),
    known(
        "SECRET",
        "core_secret_access",
        "Access on Secrets",
        None,
        "it uses secrets of the project",
    ),
    known(
        "SECRET",
        "core_secret_edit",
        "Create/Edit on Secrets",
        None,
        "it changes secrets of the project",
    ),
    known(
        "CONNECTOR",
        "core_connector_edit",
        "Create/Edit on Connectors",
        None,
        "it changes how clusters and registries are reached",
    ),
    known(
        "TEMPLATE",
        "core_template_edit",
        "Create/Edit on Templates",
        None,
        "it changes the pipelines of others",
    ),
    known("PROJECT", "core_project_edit", "Edit on Projects", None, "it administers the project"),
    known("PROJECT", "core_project_delete", "Delete on Projects", None, "it removes the project"),
    known("ROLE", "core_role_edit", "Create/Edit on Roles", None, "it could give itself any right"),
    known(
        "SERVICEACCOUNT",
        "core_serviceaccount_edit",
        "Create/Edit on Service Accounts",
        None,
        "it could make keys for others",
    ),
];

/// What is asked for: type of resource and permission.
pub fn wanted() -> Vec<(&'static str, &'static str)> {
    KNOWN.iter().map(|one| (one.resource, one.permission)).collect()
}

/// A right under examination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Right {
    /// As in the list of a role: `View on Pipelines`.
    pub name: &'static str,
    /// `PIPELINE`.
    pub resource: &'static str,
    /// `core_pipeline_view`.
    pub permission: &'static str,
    /// Whether the key has it.
    pub held: bool,
    /// Whether this autonomy needs it.
    pub needed: bool,
    /// What for; or what it could do.
    pub why: &'static str,
}

impl Right {
    /// Needed and not held.
    pub fn is_missing(&self) -> bool {
        self.needed && !self.held
    }

    /// Held and not needed.
    pub fn is_excess(&self) -> bool {
        self.held && !self.needed
    }
}

/// All rights, with what this level needs of them.
pub fn compare(held: &[Held], level: Autonomy) -> Vec<Right> {
    KNOWN
        .iter()
        .map(|one| Right {
            name: one.name,
            resource: one.resource,
            permission: one.permission,
            held: held.iter().any(|held| held.permission == one.permission && held.is_held),
            needed: one.from.is_some_and(|from| level >= from),
            why: one.why,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_need_no_more_than_they_use() {
        let held = |names: &[&'static str]| -> Vec<Held> {
            let of = |&(resource, permission): &(&'static str, &'static str)| Held {
                resource,
                permission,
                is_held: names.contains(&permission),
            };
            wanted().iter().map(of).collect()
        };
        let names = |rights: &[Right], pick: fn(&Right) -> bool| -> Vec<&'static str> {
            rights.iter().filter(|right| pick(right)).map(|right| right.permission).collect()
        };
        const VIEW: &str = "core_pipeline_view";
        const EXECUTE: &str = "core_pipeline_execute";
        const EDIT: &str = "core_pipeline_edit";
        const BACK: &str = "core_environment_rollback";
        for (level, has, missing, excess) in [
            (Autonomy::Observe, vec![VIEW], vec![], vec![]),
            (Autonomy::Observe, vec![], vec![VIEW], vec![]),
            (Autonomy::Alert, vec![VIEW, EXECUTE, EDIT], vec![], vec![EXECUTE, EDIT]),
            (Autonomy::Act, vec![VIEW, EXECUTE, BACK], vec![], vec![]),
            (Autonomy::Act, vec![VIEW, EDIT], vec![EXECUTE, BACK], vec![EDIT]),
        ] {
            let rights = compare(&held(&has), level);
            assert_eq!(names(&rights, Right::is_missing), missing, "{level:?} {has:?}");
            assert_eq!(names(&rights, Right::is_excess), excess, "{level:?} {has:?}");
        }
    }
}
