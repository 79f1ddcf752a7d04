//! Rule `ci-new-trigger`: new events that start a workflow.

use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Platform, Problem, ascii, github, widened};
use crate::finding::Severity;
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-new-trigger",
    title: "New trigger",
    severity: Severity::High,
    category: "ci",
    help: "Finds events that a change adds to a GitHub workflow and that let people without write \
access start it with the repository's rights: `pull_request_target`, `workflow_run`, \
`issue_comment`, `issues`, `discussion`, `discussion_comment`, `fork`, `watch`, \
`pull_request_review` and `pull_request_review_comment`; and `schedule` in a workflow that had \
none.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    widened(scope, hits, find);
    // A new workflow's own timetable is what it is for.
    let fresh: Vec<usize> =
        scope.pipelines.iter().filter(|p| p.fresh).map(|pipeline| pipeline.index).collect();
    hits.retain(|hit| hit.variant != "schedule" || !fresh.contains(&hit.file));
}

fn find(doc: &Doc) -> Vec<Problem> {
    if doc.platform != Platform::Workflow {
        return Vec::new();
    }
    match &doc.tree {
        Some(tree) => {
            let risky = uses_rights(doc);
            github::triggers(tree)
                .into_iter()
                .filter_map(|(event, line)| problem(event, line, risky))
                .collect()
        }
        None => doc
            .lines
            .iter()
            .flat_map(|(number, line)| events(line).into_iter().map(|event| (event, *number)))
            .filter(|(event, _)| *event != "schedule")
            .filter_map(|(event, line)| problem(event, line, true))
            .collect(),
    }
}

/// Events that a lone line names beyond doubt.
fn events(line: &str) -> Vec<&str> {
    static KEY: LazyLock<Regex> = LazyLock::new(|| {
        ascii(r"^\s{1,8}(pull_request_target|workflow_run|issue_comment):\s*(?:#.*)?$")
    });
    static LIST: LazyLock<Regex> =
        LazyLock::new(|| ascii(r#"^["']?on["']?:\s*\[?([\w, ]+)\]?\s*(?:#.*)?$"#));
    if let Some(found) = KEY.captures(line).and_then(|found| found.get(1)) {
        return vec![found.as_str()];
    }
    let list = LIST.captures(line).and_then(|found| found.get(1));
    list.map_or(Vec::new(), |list| list.as_str().split(',').map(str::trim).collect())
}

/// Whether the workflow has anything that an outsider could turn to use.
fn uses_rights(doc: &Doc) -> bool {
    doc.lines.iter().any(|(_, line)| {
        line.contains("actions/checkout") || line.contains("secrets.") || line.contains(": write")
    })
}

fn problem(event: &str, line: u32, risky: bool) -> Option<Problem> {
    let problem = |severity, body: &str| {
        Some(
            Problem::new(event, line, severity, format!("New trigger `{event}`"))
                .body(body.to_owned()),
        )
    };
    match event {
        "pull_request_target" => problem(
            if risky { Severity::High } else { Severity::Medium },
            "It runs for pull requests from forks with the base repository's secrets and a token \
that may write. Use `pull_request`; where the rights are needed, never check out, build or \
evaluate anything that the pull request brings, and give the job the least `permissions`.",
        ),
        "workflow_run" => problem(
            if risky { Severity::Medium } else { Severity::Low },
            "It runs with secrets and write rights after a workflow that a fork may have started. \
Treat that run's artifacts, branch name and commit message as hostile, and check \
`github.event.workflow_run.event`.",
        ),
        "issue_comment"
        | "issues"
        | "discussion"
        | "discussion_comment"
        | "pull_request_review"
        | "pull_request_review_comment" => problem(
            if risky { Severity::Low } else { Severity::Info },
            "Anyone who can comment can start it, with the base repository's secrets. Check who \
asks (`github.event.comment.author_association`) before the first step that uses a right.",
        ),
        "fork" | "watch" => {
            problem(Severity::Low, "Anyone with an account can start it, as often as they like.")
        }
        "schedule" => problem(
            Severity::Info,
            "It runs without a change and with the default branch's rights; make sure that \
somebody sees it fail.",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{found, found_edit};

    #[track_caller]
    fn check(old: &str, new: &str, expect: &[(u32, &str)]) {
        let path = ".github/workflows/a.yml";
        let found = found_edit("ci-new-trigger", path, old, new);
        let got: Vec<(u32, &str)> = found.iter().map(|f| (f.line, f.severity.as_str())).collect();
        assert_eq!(got, expect, "{new}");
    }

    #[test]
    fn every_spelling_of_on_is_read() {
        check("on: push\n", "on: pull_request_target\n", &[(1, "medium")]);
        check("on: push\n", "on: [push, workflow_run]\n", &[(1, "low")]);
        check("on:\n  push:\n", "on:\n  push:\n  issue_comment:\n", &[(3, "info")]);
        check(
            "on:\n- push\n",
            "on:\n- push\n- pull_request_target\nx: secrets.A\n",
            &[(3, "high")],
        );
        check("on: push\n", "on:\n  schedule:\n  - cron: x\n", &[(2, "info")]);
    }

    #[test]
    fn what_was_there_or_is_harmless_is_not_reported() {
        check("on: pull_request_target\n", "on: [push, pull_request_target]\n", &[]);
        check("on: push\n", "on: [push, pull_request, workflow_dispatch]\n", &[]);
        check("", "on:\n  schedule:\n  - cron: x\n", &[]);
        check("", "on: pull_request_target\n", &[(1, "medium")]);
    }

    #[test]
    fn a_hunk_alone_is_enough_for_the_clear_cases() {
        let diff = "--- a/.github/workflows/a.yml\n+++ b/.github/workflows/a.yml\n@@ -3,1 +3,3 @@\n push:\n+  pull_request_target:\n+  schedule:\n";
        assert_eq!(found("ci-new-trigger", diff).len(), 1);
    }
}
