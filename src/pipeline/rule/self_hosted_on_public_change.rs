//! Strangers' code on a machine of the project's own.

use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Trigger, TriggerKind};
use crate::pipeline::platform::Platform;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "self-hosted-on-public-change",
    title: "A pull request runs on the project's own machine",
    doc: "\
In a public repository anybody can open a pull request, and its code then runs on the runner: it \
can look around that network, and leave something behind for the next job.

Whether a repository is public does not stand in the file: the finding is a low one where nothing \
speaks for it, and a medium one where a licence lies in the checkout.

**Fix.** None is made. Use a hosted runner for changes, or one that lives for one job, and \
require approval for first contributions.

**Silent** where the job's condition lets only the repository's own branches pass or asks for a \
label, and where the runner is chosen by the repository.",
    group: Group::Security,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let is_change = |trigger: &&Trigger| {
        matches!(trigger.kind, TriggerKind::Change | TriggerKind::ChangeWithSecrets)
    };
    let Some(trigger) = pipeline.triggers.iter().find(is_change) else { return };
    let licensed = context.files.paths().iter().any(|path| {
        let name = path.to_ascii_lowercase();
        name.starts_with("licen") || name.starts_with("copying")
    });
    for job in &pipeline.jobs {
        let named = job.runner.labels.iter().any(|label| label.eq_ignore_ascii_case("self-hosted"));
        let kept = job.condition.as_ref().is_some_and(|at| {
            let code: String = at.value.chars().filter(|c| !c.is_whitespace()).collect();
            code.contains("head.repo.full_name==github.repository")
                || code.contains("head.repo.fork")
                || code.contains("github.event_name!='pull_request'")
                || code.contains("github.event_name=='") && !code.contains("'pull_request")
        });
        let Some(span) = job.runner.span.filter(|_| named && !kept) else { continue };
        // A choice by repository is made to keep strangers' changes off the machine, and
        // so is one by label: those who may write to the repository put labels on.
        let chosen =
            context.file.text.get(span.range()).is_some_and(|text| {
                text.contains("github.repository") || text.contains("head.repo")
            });
        let labelled = job.condition.as_ref().is_some_and(|at| {
            at.value.contains(".label")
                && !at.value.contains("!contains")
                && !at.value.contains("!=")
        });
        if chosen || labelled {
            continue;
        }
        hits.push(Hit {
            span,
            title: format!("Job `{}` runs pull requests on a self-hosted runner", job.id),
            why: format!(
                "If the repository is public, anyone can run code on this machine by `{}`, reach \
                 its network and leave something for the next job. Use a hosted runner, or one \
                 that lives for a single job, and require approval for outside contributors.",
                trigger.name
            ),
            severity: Some(if licensed { Severity::Medium } else { Severity::Low }),
            confidence: if licensed { 0.6 } else { 0.4 },
            fix: None,
            effect: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::finds;

    #[test]
    fn own_machines_are_found_for_changes_alone() {
        let text = "on: pull_request\njobs:\n  a:\n    runs-on: [self-hosted, linux]\n    steps: [{run: x}]\n";
        finds(&RULE, Platform::GitHub, text, &["[self-hosted, linux]"]);
        finds(&RULE, Platform::GitHub, &text.replace("pull_request", "push"), &[]);
        finds(&RULE, Platform::GitHub, &text.replace("[self-hosted, linux]", "ubuntu-latest"), &[]);
        let own = text.replace(
            "    runs-on",
            "    if: github.event.pull_request.head.repo.full_name == github.repository\n    runs-on",
        );
        finds(&RULE, Platform::GitHub, &own, &[]);
        let chosen = text.replace(
            "[self-hosted, linux]",
            "${{ github.repository == 'o/private' && 'self-hosted' || 'ubuntu-latest' }}",
        );
        finds(&RULE, Platform::GitHub, &chosen, &[]);
        let label =
            "    if: contains(github.event.pull_request.labels.*.name, 'bench')\n    runs-on";
        finds(&RULE, Platform::GitHub, &text.replace("    runs-on", label), &[]);
        let skipped = label.replace("contains", "${{ !contains").replace("'bench')", "'skip') }}");
        let skipped = text.replace("    runs-on", &skipped);
        finds(&RULE, Platform::GitHub, &skipped, &["[self-hosted, linux]"]);
    }
}
