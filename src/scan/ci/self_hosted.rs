//! Rule `ci-self-hosted-on-pr`: outsiders' code on a machine that stays.

use super::{Doc, Platform, Problem, github, widened};
use crate::finding::Severity;
use crate::pipeline::yaml::{Id, Tree};
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-self-hosted-on-pr",
    title: "Self-hosted runner for pull requests",
    severity: Severity::Medium,
    category: "ci",
    help: "Finds jobs on `self-hosted` runners in workflows that pull requests start. In a public \
repository anyone can then run code on that machine, and what it leaves there waits for the next \
job.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    widened(scope, hits, find);
}

fn find(doc: &Doc) -> Vec<Problem> {
    let Some(tree) = doc.tree.as_ref().filter(|_| doc.platform == Platform::Workflow) else {
        return Vec::new();
    };
    let event = ["pull_request", "pull_request_target"]
        .into_iter()
        .find_map(|name| Some((name, github::trigger(tree, name)?)));
    let Some((event, event_line)) = event else { return Vec::new() };
    let job = |job: &crate::pipeline::yaml::Entry| {
        let runs_on = tree.get(job.value, "runs-on")?;
        is_self_hosted(tree, runs_on.value).then(|| {
            Problem::new(
                job.key.as_str(),
                runs_on.line,
                Severity::Medium,
                format!("Self-hosted runner for `{event}`"),
            )
            .also([event_line])
            .confidence(0.6)
            .body(
                "If the repository is public, anyone can run code on this machine by opening a \
pull request, reach its network and leave something for the next job. Use a hosted runner, or an \
ephemeral one without access, and require approval for outside contributors.",
            )
        })
    };
    github::jobs(tree).iter().filter_map(job).collect()
}

/// Whether a `runs-on` names the label, alone, in a list or under `labels`.
fn is_self_hosted(tree: &Tree, id: Id) -> bool {
    let labels = tree.get(id, "labels").map_or(id, |labels| labels.value);
    tree.strings(labels).iter().any(|(label, _)| label.eq_ignore_ascii_case("self-hosted"))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::found_edit;

    #[test]
    fn only_jobs_that_pull_requests_start_count() {
        let count = |old: &str, new: &str| {
            found_edit("ci-self-hosted-on-pr", ".github/workflows/a.yml", old, new).len()
        };
        let text = |event: &str, on: &str| format!("on: {event}\njobs:\n  a:\n    runs-on: {on}\n");
        let bad = text("pull_request", "[self-hosted, linux]");
        assert_eq!(count("", &bad), 1);
        assert_eq!(count("", &text("pull_request", "{labels: self-hosted}")), 1);
        assert_eq!(count("", &text("push", "self-hosted")), 0);
        assert_eq!(count("", &text("pull_request", "ubuntu-latest")), 0);
        assert_eq!(count(&bad, &bad.replace("linux", "arm64")), 0);
        assert_eq!(count(&text("push", "self-hosted"), &text("pull_request", "self-hosted")), 1);
    }
}
