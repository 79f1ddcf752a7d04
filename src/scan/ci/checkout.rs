//! Rule `ci-dangerous-checkout`: an outsider's code run with the base's rights.

use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Platform, Problem, ascii, github, widened};
use crate::finding::Severity;
use crate::pipeline::yaml::{Id, Tree};
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-dangerous-checkout",
    title: "Pull request's code checked out with the base's rights",
    severity: Severity::Critical,
    category: "security",
    help: "Finds workflows on `pull_request_target`, `workflow_run` or `issue_comment` that check \
out the pull request's head, by the checkout action or by git in a script. A build, an install \
script or a test of that code then runs with the repository's secrets.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    widened(scope, hits, find);
}

/// What names the head of somebody else's pull request.
static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    ascii(
        r"github\.event\.pull_request\.head\.|github\.head_ref|github\.event\.workflow_run\.(?:head_|pull_requests)|refs/pull/|github\.event\.issue\.number|github\.event\.pull_request\.merge_commit_sha",
    )
});

static GIT: LazyLock<Regex> = LazyLock::new(|| {
    ascii(
        r"\bgh pr checkout\b|\bhub pr checkout\b|git (?:fetch|pull|checkout)\b.*(?:\bpull/|github\.head_ref|pull_request\.head)",
    )
});

fn find(doc: &Doc) -> Vec<Problem> {
    if doc.platform != Platform::Workflow {
        return Vec::new();
    }
    let (Some(tree), Some((event, event_line))) = (&doc.tree, github::privileged(doc)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (job, step) in github::steps(tree) {
        let Some(line) = takes_head(tree, step, doc) else { continue };
        let runs = github::steps(tree).iter().any(|(other, later)| {
            *other == job && tree.lines(*later).0 > line && tree.get(*later, "run").is_some()
        });
        let (severity, confidence) = match (event, runs) {
            ("pull_request_target", true) => (Severity::Critical, 0.9),
            ("issue_comment", _) => (Severity::High, 0.6),
            _ => (Severity::High, 0.8),
        };
        found.push(
            Problem::new(
                format!("{event} {job}"),
                line,
                severity,
                format!("`{event}` checks out the pull request's code"),
            )
            .also([tree.lines(step).0, event_line])
            .confidence(confidence)
            .body(format!(
                "`{event}` holds the repository's secrets and a token that may write; whatever \
job `{job}` builds, installs or tests from this checkout can take them. Run untrusted code under \
`pull_request` without secrets, and hand its results over as an artifact; or check out the base \
and only read the pull request's files as data."
            )),
        );
    }
    found
}

/// The line by which a step checks out the head.
fn takes_head(tree: &Tree, step: Id, doc: &Doc) -> Option<u32> {
    if github::action(tree, step)
        .is_some_and(|action| action.eq_ignore_ascii_case("actions/checkout"))
    {
        let with = tree.get(step, "with")?;
        return ["ref", "repository"].iter().find_map(|key| {
            let entry = tree.get(with.value, key)?;
            HEAD.is_match(tree.text(entry.value)?).then_some(entry.line)
        });
    }
    let run = tree.get(step, "run")?;
    let lines = doc.span(tree.lines(run.value));
    lines.iter().find(|(_, line)| GIT.is_match(line)).map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::found_edit;

    #[track_caller]
    fn check(old: &str, new: &str, expect: &[(u32, &str)]) {
        let found = found_edit("ci-dangerous-checkout", ".github/workflows/a.yml", old, new);
        let got: Vec<(u32, &str)> = found.iter().map(|f| (f.line, f.severity.as_str())).collect();
        assert_eq!(got, expect, "{new}");
    }

    fn workflow(event: &str, reference: &str, run: &str) -> String {
        format!(
            "on: {event}\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: {reference}\n      - run: {run}\n"
        )
    }

    #[test]
    fn head_checkouts_with_rights_are_found() {
        let head = "${{ github.event.pull_request.head.sha }}";
        let bad = workflow("pull_request_target", head, "make");
        check("", &bad, &[(7, "critical")]);
        check(&workflow("pull_request_target", "main", "make"), &bad, &[(7, "critical")]);
        // The trigger makes it dangerous: then that line says so.
        check(&workflow("pull_request", head, "make"), &bad, &[(1, "critical")]);
        check("", &workflow("issue_comment", "refs/pull/1/head", "make"), &[(7, "high")]);
        check("", &workflow("pull_request_target", "main", "gh pr checkout 1"), &[(8, "high")]);
    }

    #[test]
    fn harmless_checkouts_are_left_alone() {
        let head = "${{ github.event.pull_request.head.sha }}";
        check("", &workflow("pull_request", head, "make"), &[]);
        check("", &workflow("pull_request_target", "main", "make"), &[]);
        let bad = workflow("pull_request_target", head, "make");
        check(&bad, &bad.replace("make", "make test"), &[]);
    }
}
