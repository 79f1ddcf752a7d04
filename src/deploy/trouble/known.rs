//! Messages of platforms that are known by what they mean: what it is, and what to do.

use std::sync::LazyLock;

use regex::RegexSet;

use crate::deploy::Status;

/// What a message or a status is known to mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name in the JSON.
    pub cause: &'static str,
    /// What it is, in a sentence.
    pub what: &'static str,
    /// What to do, in a sentence.
    pub advice: &'static str,
}

const fn known(cause: &'static str, what: &'static str, advice: &'static str) -> Known {
    Known { cause, what, advice }
}

const TIMED_OUT: Known = known(
    "time-out",
    "It ran out of time.",
    "Look at what it waited for: its log's last lines and the platform's events. Raise the step's \
     `timeout` only if it was still making headway.",
);
const APPROVAL_EXPIRED: Known = known(
    "approval-expired",
    "Nobody approved it in time.",
    "Ask the approvers and run it again; raise the approval step's `timeout` if they need longer.",
);
const REJECTED: Known = known(
    "approval-rejected",
    "Somebody said no to it.",
    "Read the approver's comment on the execution before it is run again.",
);
const FREEZE: Known = known(
    "freeze",
    "A deployment freeze holds.",
    "Wait for its end, or have somebody with the permission to override freezes run it.",
);
const ABORTED: Known = known(
    "aborted",
    "It was stopped.",
    "Ask who stopped it: aborting takes nothing back, so a part of the new version may still run. \
     Check what is there now, and roll back or deploy again.",
);
const QUEUED: Known = known(
    "queue",
    "It waited for its turn or for a resource that another execution holds.",
    "Look for an execution that hangs and holds the resource, or for the account's limits.",
);

/// Patterns and their meaning; the first that fits holds, so the narrower come first.
const TABLE: &[(&str, Known)] = &[
    (
        r"ImagePullBackOff|ErrImagePull|InvalidImageName|manifest (?:for .{0,200} )?(?:not found|unknown)|failed to (?:pull|resolve) (?:image|reference)|pull access denied|CannotPullContainer|repository .{0,200} does not exist or may require",
        known(
            "image-pull",
            "The image could not be pulled.",
            "Check that the tag was pushed, that its name is right, and that the cluster's pull \
             secret or role may read that registry.",
        ),
    ),
    (
        r"OOMKilled|OutOfMemory(?:Error)?\b|out of memory|exit code 137|memory limit exceeded",
        known(
            "out-of-memory",
            "It was ended for want of memory.",
            "Compare its memory with the version before; raise the limit only if the new version \
             is meant to need more.",
        ),
    ),
    (
        r"CrashLoopBackOff|back-off restarting failed container|container .{0,200} (?:crashed|terminated)|RunContainerError|CreateContainer(?:Config)?Error",
        known(
            "crash-loop",
            "The container starts and ends again.",
            "Read the log of the container before its restart (`kubectl logs --previous`): it says \
             what it lacks. A missing secret, variable or migration is the usual cause.",
        ),
    ),
    (
        r"(?:readiness|liveness|startup) probe (?:failed|errored)|failed (?:its )?health ?checks?|unhealthy (?:targets?|hosts?)|health checks? failed|target group .{0,200} unhealthy",
        known(
            "probe",
            "The new instances did not become healthy.",
            "Ask the probe's path and port in a new instance, and read its log; if it only starts \
             slowly, give it a startup probe.",
        ),
    ),
    (
        r"exceeded quota|quota exceeded|QuotaExceeded|LimitExceeded|insufficient (?:cpu|memory|ephemeral-storage|resources|capacity)|InsufficientInstanceCapacity|nodes are available|FailedScheduling|Unschedulable|too many pods",
        known(
            "quota",
            "There is no room for it: a quota or the nodes are full.",
            "Free room or raise the quota; a rolling update needs room for its surge as well.",
        ),
    ),
    (
        r"AccessDenied|access denied|not authorized to perform|UnauthorizedOperation|forbidden|permission denied|is not authorized|\b403\b|lacks? (?:the )?permission|missing permission|does not have .{0,80}(?:permission|access)|\b401\b|unauthenticated|unauthorized|invalid credentials|token (?:has )?expired",
        known(
            "permission",
            "It was not allowed.",
            "The message names who may not do what: give that role the permission, or renew its \
             credential.",
        ),
    ),
    (
        r"no (?:active |eligible |available )?delegates?\b|delegates? .{0,120}(?:not available|disconnected|offline)|NO_ELIGIBLE_DELEGATES",
        known(
            "delegate",
            "No delegate could take the task.",
            "Check that a delegate with the wanted tags is connected and can reach the target.",
        ),
    ),
    (r"approval .{0,80}(?:expired|timed out)|no approval .{0,80}in time", APPROVAL_EXPIRED),
    (r"(?:rejected by|approval .{0,80}rejected)", REJECTED),
    (r"deployment freeze|frozen by|freeze window|active freeze", FREEZE),
    (
        r"exceeded its progress deadline|ProgressDeadlineExceeded|timed out waiting for (?:the )?(?:condition|rollout|steady state)|did not reach (?:a )?steady state|wait for steady state",
        known(
            "not-steady",
            "The new version did not come up in time.",
            "Look at the new instances: why they are not ready is in their events and logs.",
        ),
    ),
    (
        r"error validating data|unable to recognize|no matches for kind|is invalid: |failed to (?:render|parse) (?:the )?(?:manifest|template|chart)|yaml: line|could not find .{0,80}manifest|unresolved expression|invalid yaml",
        known(
            "manifest",
            "A manifest or an expression in it is wrong.",
            "Render it with this execution's values and validate it before it is deployed again.",
        ),
    ),
    (
        r"another operation .{0,40}in progress|cannot re-use a name|state lock|Error acquiring the state lock|conflict: the object has been modified",
        known(
            "conflict",
            "Something else works on the same target.",
            "Wait for it, or release the lock if nothing holds it any more; let one pipeline at a \
             time deploy there.",
        ),
    ),
    (
        r"x509: |certificate (?:has expired|verify failed|signed by unknown)|tls: |SSL_ERROR|handshake failure",
        known(
            "certificate",
            "A certificate is not accepted.",
            "Renew it, or give the caller the authority that signed it.",
        ),
    ),
    (
        r"no such host|could not resolve|name resolution|ENOTFOUND|connection refused|ECONNREFUSED|connection reset|ECONNRESET|network is unreachable|i/o timeout|no route to host|context deadline exceeded",
        known(
            "network",
            "Something it needs could not be reached.",
            "The message names the address: check that it is right and reachable from there.",
        ),
    ),
    (
        r"no space left on device|disk (?:is )?full|DiskPressure|ENOSPC",
        known("disk", "The disk is full.", "Free room on that machine or volume."),
    ),
    (
        r"migration .{0,80}failed|(?:duplicate|missing) column|relation .{0,120} does not exist|flyway|liquibase.{0,80}(?:fail|error)|alembic.{0,80}(?:fail|error)",
        known(
            "migration",
            "A change of the database's schema failed.",
            "Look at how far it came before anything is run again: an older version may no longer \
             fit the schema.",
        ),
    ),
    (r"\btime[d ]?-?out\b|deadline exceeded|timed out", TIMED_OUT),
    (r"\baborted by\b|user aborted|was aborted", ABORTED),
];

static PATTERNS: LazyLock<RegexSet> = LazyLock::new(|| {
    regex::RegexSetBuilder::new(TABLE.iter().map(|(pattern, _)| *pattern))
        .case_insensitive(true)
        .build()
        .expect("fixed expressions")
});

/// What a message means; `None` where it is not known.
pub fn message(text: &str) -> Option<Known> {
    let first = PATTERNS.matches(text).into_iter().next()?;
    TABLE.get(first).map(|(_, known)| *known)
}

/// What a status means by itself. `kind` is the step's: an approval that ran out of time
/// is no step that was too slow.
pub fn status(status: &Status, kind: &str) -> Option<Known> {
    let is_approval = kind.to_ascii_lowercase().contains("approval");
    Some(match status {
        Status::Expired if is_approval => APPROVAL_EXPIRED,
        Status::Expired => TIMED_OUT,
        Status::ApprovalRejected => REJECTED,
        Status::AbortedByFreeze => FREEZE,
        Status::Aborted | Status::Discontinuing => ABORTED,
        Status::ResourceWaiting
        | Status::Queued
        | Status::QueuedLicenseLimitReached
        | Status::QueuedExecutionConcurrencyReached
        | Status::QueuedGlobalInfraCapacityReached => QUEUED,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_known_by_what_they_mean() {
        for (text, expect) in [
            ("Back-off pulling image \"shop:1.8\": ErrImagePull", Some("image-pull")),
            ("manifest for shop:1.8.0 not found: manifest unknown", Some("image-pull")),
            ("Last state: OOMKilled (exit code 137)", Some("out-of-memory")),
            ("pod shop-1 CrashLoopBackOff", Some("crash-loop")),
            ("Readiness probe failed: HTTP probe failed with statuscode: 503", Some("probe")),
            ("0/3 nodes are available: 3 Insufficient cpu.", Some("quota")),
            ("pods \"a\" is forbidden: exceeded quota: compute", Some("quota")),
            ("User: x is not authorized to perform: ecs:UpdateService", Some("permission")),
            ("deployments.apps is forbidden: User \"x\" cannot patch", Some("permission")),
            ("No eligible delegates available", Some("delegate")),
            ("deployment \"shop\" exceeded its progress deadline", Some("not-steady")),
            ("error validating data: unknown field \"spec.replica\"", Some("manifest")),
            (
                "UPGRADE FAILED: another operation (install/upgrade) is in progress",
                Some("conflict"),
            ),
            ("x509: certificate signed by unknown authority", Some("certificate")),
            ("dial tcp: lookup db on 10.0.0.2: no such host", Some("network")),
            ("write /var/x: no space left on device", Some("disk")),
            ("Execution is blocked by an active freeze", Some("freeze")),
            ("the task timed out after 600 s", Some("time-out")),
            ("exit status 1", None),
            ("", None),
        ] {
            assert_eq!(message(text).map(|known| known.cause), expect, "{text}");
        }
    }

    #[test]
    fn every_cause_is_documented() {
        let page = include_str!("../../../docs/watch.md");
        for (_, known) in TABLE.iter().chain([&("", QUEUED)]) {
            assert!(page.contains(&format!("`{}`", known.cause)), "{}", known.cause);
        }
    }

    #[test]
    fn statuses_speak_for_themselves() {
        for (of, kind, expect) in [
            (Status::Expired, "K8sRollingDeploy", Some("time-out")),
            (Status::Expired, "HarnessApproval", Some("approval-expired")),
            (Status::ApprovalRejected, "HarnessApproval", Some("approval-rejected")),
            (Status::AbortedByFreeze, "", Some("freeze")),
            (Status::Aborted, "", Some("aborted")),
            (Status::Failed, "", None),
            (Status::Unknown("Melting".into()), "", None),
        ] {
            assert_eq!(status(&of, kind).map(|known| known.cause), expect, "{of:?}");
        }
    }
}
