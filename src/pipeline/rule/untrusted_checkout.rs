//! A stranger's code is fetched where the job has the repository's rights.

use std::sync::LazyLock;

use regex::Regex;

use super::scripts::place;
use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Job, Permissions, Pipeline, Span, TriggerKind};
use crate::pipeline::platform::Platform;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "untrusted-checkout",
    title: "A stranger's code runs with the repository's rights",
    doc: "\
`pull_request_target`, `workflow_run` and `issue_comment` run with the base repository's token, \
secrets and caches. A job that then checks out the head of a pull request and builds or tests it \
runs whatever its author wrote, with all of that.

**Fix.** None is made. Build and test under `pull_request`, and hand only results over to a \
second workflow that has the rights.

**Silent** where the job's condition lets only branches of the repository itself pass.",
    group: Group::Security,
    severity: Severity::High,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub],
    check,
};

static HEAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\bgithub\.(?:head_ref|event\.pull_request\.head\.|event\.workflow_run\.head_)|\brefs/pull/|\bpull_request\.head\.",
    )
    .ok()
});

static FETCH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)^[^#\n]*?(\bgh\s+pr\s+checkout\b|\bgit\s+fetch\b[^\n]*\bpull/[^\n]*/(?:head|merge)\b)").ok()
});

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let trigger = pipeline.triggers.iter().find(|trigger| {
        trigger.kind == TriggerKind::ChangeWithSecrets
            || matches!(trigger.name.as_str(), "workflow_run" | "issue_comment")
    });
    let Some(trigger) = trigger else { return };
    for job in pipeline.jobs.iter().filter(|job| !is_own(job)) {
        let Some((span, at)) = fetched(context, job) else { continue };
        // What stands behind the checkout may run what was fetched.
        let runs = job.steps.iter().skip(at + 1).any(|step| {
            step.script.is_some()
                || step.uses.as_ref().is_some_and(|used| used.name.starts_with("./"))
        });
        let bound = bound(pipeline, job);
        let severity = match (runs, bound) {
            (true, false) => Severity::High,
            (true, true) | (false, false) => Severity::Medium,
            (false, true) => Severity::Low,
        };
        hits.push(Hit {
            span,
            title: format!(
                "Job `{}` checks out a stranger's code under `{}`",
                job.id, trigger.name
            ),
            why: "This event runs with the repository's token, secrets and caches, and whatever \
                  the change holds can use them once any of it is run. Build and test it under \
                  `pull_request`, and keep what needs rights in a second workflow that only \
                  reads results."
                .to_owned(),
            severity: Some(severity),
            confidence: if runs { 0.85 } else { 0.7 },
            fix: None,
            effect: None,
        });
    }
}

/// The first place of a job that fetches a change's head, and the step's place.
fn fetched(context: &Context<'_>, job: &Job) -> Option<(Span, usize)> {
    job.steps.iter().enumerate().filter(|(_, step)| step.span.file == 0).find_map(|(at, step)| {
        if let Some(used) = &step.uses
            && used.name.to_ascii_lowercase().ends_with("/checkout")
        {
            let heads = used.inputs.iter().find(|(name, value)| {
                matches!(name.as_str(), "ref" | "repository")
                    && HEAD.as_ref().is_some_and(|form| form.is_match(&value.value))
            });
            return heads.map(|(_, value)| (value.span, at));
        }
        let script = step.script.as_ref()?;
        let found = FETCH.as_ref()?.captures(&script.text)?.get(1)?;
        Some((place(context, script, found.as_str()), at))
    })
}

/// Whether only branches of the repository itself pass.
fn is_own(job: &Job) -> bool {
    job.condition.as_ref().is_some_and(|at| {
        let code: String = at.value.chars().filter(|c| !c.is_whitespace()).collect();
        code.contains("head.repo.full_name==github.repository")
            || code.contains("head_repository.full_name==github.repository")
            || code.contains("head.repo.fork==false")
            || code.contains("!github.event.pull_request.head.repo.fork")
            || code.contains("github.event_name=='pull_request'") && !code.contains("||")
            || code.contains("github.event_name=='push'") && !code.contains("||")
    })
}

/// Whether the token only reads, and no secret is named in the job.
fn bound(pipeline: &Pipeline, job: &Job) -> bool {
    let rights = match &job.permissions {
        Permissions::Unsaid => &pipeline.permissions,
        own => own,
    };
    let reads = match rights {
        Permissions::ReadAll(_) => true,
        Permissions::Scopes(scopes, _) => scopes.iter().all(|(_, right)| right != "write"),
        _ => false,
    };
    let named = |value: &str| value.contains("secrets.");
    let env =
        pipeline.env.iter().chain(&job.env).chain(job.steps.iter().flat_map(|step| &step.env));
    let mut values = env.map(|one| one.value.as_str()).chain(
        job.steps
            .iter()
            .filter_map(|step| step.uses.as_ref())
            .flat_map(|used| used.inputs.iter().map(|(_, at)| at.value.as_str())),
    );
    reads && !values.any(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::finds;

    fn workflow(on: &str, job: &str, step: &str) -> String {
        format!(
            "on: {on}\njobs:\n  a:\n    runs-on: x\n{job}    steps:\n      - {step}\n      - run: make\n"
        )
    }

    const HEAD: &str = "uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}";

    #[test]
    fn heads_of_changes_are_found_where_the_event_has_rights() {
        let sha = ["${{ github.event.pull_request.head.sha }}"];
        finds(&RULE, Platform::GitHub, &workflow("pull_request_target", "", HEAD), &sha);
        let fetch = workflow("issue_comment", "", "run: gh pr checkout 1");
        finds(&RULE, Platform::GitHub, &fetch, &["gh pr checkout"]);
    }

    #[test]
    fn others_are_left() {
        for text in [
            workflow("pull_request", "", HEAD),
            workflow("pull_request_target", "", "uses: actions/checkout@v4"),
            workflow(
                "pull_request_target",
                "    if: github.event.pull_request.head.repo.full_name == github.repository\n",
                HEAD,
            ),
        ] {
            finds(&RULE, Platform::GitHub, &text, &[]);
        }
    }
}
