//! The workflow's token may do more than its jobs need.

mod need;

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Path, Permissions, Pipeline, Seg, Span};
use crate::pipeline::platform::Platform;
use crate::pipeline::yaml::value::Value;
use need::{Need, Scopes};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "excessive-permissions",
    title: "The token may do more than the jobs need",
    doc: "\
Every step of a GitHub job can use the job's token. Where no `permissions` stand, the \
repository's default applies, which in many repositories writes everything; `write-all` says so \
outright. An action that was taken over, or a test that runs a stranger's code, can then push \
commits and publish releases.

**Fix.** `permissions: contents: read` for the whole workflow, and for jobs that need more, just \
what their actions are documented to need. It is safe only where every step is known; else the \
set that could be told is suggested.

**Silent** on workflows that say their permissions, at the top or in each job, and on those that \
only others call: the caller decides there.",
    group: Group::Security,
    severity: Severity::Medium,
    fix: FixKind::Proven,
    platforms: &[Platform::GitHub],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    // An action has no triggers, a called workflow gets what its caller has.
    if pipeline.triggers.iter().all(|trigger| trigger.name == "workflow_call") {
        return;
    }
    let all: Vec<usize> = (0..pipeline.jobs.len()).collect();
    match &pipeline.permissions {
        Permissions::Unsaid => {
            let unsaid = |index: &usize| pipeline.jobs[*index].permissions == Permissions::Unsaid;
            let bare: Vec<usize> = all.into_iter().filter(unsaid).collect();
            if !bare.is_empty() {
                hits.push(absent(context, &bare));
            }
        }
        Permissions::WriteAll(span) => {
            let unsaid = |index: &usize| pipeline.jobs[*index].permissions == Permissions::Unsaid;
            let under: Vec<usize> = all.into_iter().filter(unsaid).collect();
            let fix = fix(context, &under, true);
            hits.push(write_all(*span, "The workflow", fix));
        }
        _ => {}
    }
    for job in &pipeline.jobs {
        if let Permissions::WriteAll(span) = job.permissions {
            let need = need::of(context, job);
            let fix = need.map(|need| Fix {
                title: format!("Give `{}` what its steps need", job.id),
                ops: vec![Op::Replace {
                    at: below(&job.path, "permissions"),
                    value: written(&need.scopes),
                }],
                safe: need.unknown.is_none(),
                proof: proof(&need),
            });
            hits.push(write_all(span, &format!("Job `{}`", job.id), fix));
        }
    }
}

fn absent(context: &Context<'_>, bare: &[usize]) -> Hit {
    let pipeline = context.pipeline();
    let tree = &context.file.tree;
    let jobs = tree.root().and_then(|root| tree.get(root, "jobs"));
    let whole = bare.len() == pipeline.jobs.len();
    let span = match (whole, jobs) {
        (true, Some(jobs)) => Span::new(jobs.key_span.clone()),
        _ => pipeline.jobs[bare[0]].key_span,
    };
    let fix = fix(context, bare, false);
    let unknown = match &fix {
        Some(fix) if fix.safe => String::new(),
        _ => reason(context, bare).map_or(String::new(), |why| format!(" Not told: {why}.")),
    };
    Hit {
        span,
        title: match (whole, bare) {
            (false, [one]) => {
                format!("Job `{}` does not say what its token may do", pipeline.jobs[*one].id)
            }
            (false, _) => format!("{} jobs do not say what their tokens may do", bare.len()),
            (true, _) => "The workflow does not say what its token may do".to_owned(),
        },
        why: format!(
            "The repository's default applies, which may be to write everything, for each action \
             and script that runs. Say `permissions: contents: read` for the workflow, and more \
             only in the jobs that need it.{unknown}"
        ),
        severity: None,
        confidence: 0.95,
        fix,
        effect: None,
    }
}

fn write_all(span: Span, whose: &str, fix: Option<Fix>) -> Hit {
    Hit {
        span,
        title: format!("{whose} may write everything"),
        why: "`write-all` lets each action and script push commits, publish packages and change \
              settings. Name only the scopes that the steps need."
            .to_owned(),
        severity: Some(Severity::High),
        confidence: 0.95,
        fix,
        effect: None,
    }
}

/// Why the needs of these jobs are not known.
fn reason(context: &Context<'_>, jobs: &[usize]) -> Option<String> {
    let pipeline = context.pipeline();
    jobs.iter().find_map(|index| {
        let job = &pipeline.jobs[*index];
        match need::of(context, job) {
            None => Some(format!("what the workflow needs that `{}` calls", job.id)),
            Some(need) => need.unknown.map(|what| format!("what {what} in job `{}` needs", job.id)),
        }
    })
}

fn below(path: &Path, key: &str) -> Path {
    let mut path = path.clone();
    path.push(Seg::Key(key.to_owned()));
    path
}

fn written(scopes: &Scopes) -> Value {
    Value::map(scopes.iter().map(|(scope, right)| (*scope, Value::text(*right))))
}

fn proof(need: &Need) -> Vec<String> {
    let scopes: Vec<String> =
        need.scopes.iter().map(|(scope, right)| format!("{scope}: {right}")).collect();
    vec![format!("Its actions are documented to need {}.", scopes.join(", "))]
}

/// `contents: read` for all, and more for jobs that are known to need it. `None` where
/// a job is a call.
fn fix(context: &Context<'_>, jobs: &[usize], replace: bool) -> Option<Fix> {
    let pipeline = context.pipeline();
    let least = Value::map([("contents", Value::text("read"))]);
    let mut ops = vec![if replace {
        Op::Replace { at: vec![Seg::Key("permissions".to_owned())], value: least }
    } else {
        Op::Insert {
            at: Path::new(),
            key: "permissions".to_owned(),
            value: least,
            place: Place::Before(vec!["concurrency", "env", "defaults", "jobs"]),
        }
    }];
    let mut safe = !called(pipeline);
    let mut told = Vec::new();
    for index in jobs {
        let job = &pipeline.jobs[*index];
        let need = need::of(context, job)?;
        safe &= need.unknown.is_none();
        let more =
            need.scopes.iter().any(|(scope, right)| (*scope, *right) != ("contents", "read"));
        if more {
            told.push(job.id.clone());
            ops.push(Op::Insert {
                at: job.path.clone(),
                key: "permissions".to_owned(),
                value: written(&need.scopes),
                place: Place::After(vec!["runs-on", "needs", "if", "name"]),
            });
        }
    }
    let title = match told.as_slice() {
        [] => "Let the token only read the source".to_owned(),
        some => format!(
            "Let the token only read the source, but for what {} documented to need",
            match some {
                [one] => format!("the actions of `{one}` are"),
                _ => format!("the actions of {} jobs are", some.len()),
            }
        ),
    };
    let proof = match told.is_empty() {
        true => "No step uses the token for more than to fetch the source.",
        false => "Each step is known, and no other needs more than to fetch the source.",
    };
    Some(Fix { title, ops, safe, proof: vec![proof.to_owned()] })
}

/// Whether other workflows call this one: they would have to allow what it says.
fn called(pipeline: &Pipeline) -> bool {
    pipeline.triggers.iter().any(|trigger| trigger.name == "workflow_call")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{finds, fixed};

    const PLAIN: &str = "\
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: npm ci && npm test
";

    #[test]
    fn known_steps_get_the_least() {
        finds(&RULE, Platform::GitHub, PLAIN, &["jobs"]);
        let expect = PLAIN.replace("jobs:\n", "permissions:\n  contents: read\njobs:\n");
        assert_eq!(fixed(&RULE, Platform::GitHub, PLAIN, true), expect);
        let all = PLAIN.replace("jobs:\n", "permissions: write-all\njobs:\n");
        finds(&RULE, Platform::GitHub, &all, &["write-all"]);
        assert_eq!(fixed(&RULE, Platform::GitHub, &all, true), expect);
    }

    #[test]
    fn what_needs_more_gets_it_in_its_job() {
        let text = format!("{PLAIN}      - uses: github/codeql-action/analyze@v3\n");
        let out = fixed(&RULE, Platform::GitHub, &text, true);
        assert!(out.contains("    permissions:\n      actions: read\n      contents: read\n      security-events: write\n    steps:"), "{out}");
    }

    #[test]
    fn a_cache_that_deletes_old_ones_may() {
        let text = format!("{PLAIN}      - uses: julia-actions/cache@v2\n");
        let out = fixed(&RULE, Platform::GitHub, &text, true);
        assert!(out.contains("      actions: write\n      contents: read\n"), "{out}");
    }

    #[test]
    fn what_is_not_known_is_only_suggested() {
        for step in [
            "uses: someone/unknown@v1",
            "run: ./scripts/release.sh",
            "run: git push origin main",
            "run: gh pr comment 1 -b x\n        env: {GH_TOKEN: '${{ github.token }}'}",
            "run: curl -u x:${{ secrets.GITHUB_TOKEN }} https://api.github.com",
            "uses: ./.github/actions/x",
            "uses: actions/github-script@v7",
            "uses: amannn/action-semantic-pull-request@v5\n        with: {wip: true}",
            "uses: softprops/action-gh-release@v2\n        with: {discussion_category_name: News}",
        ] {
            let text = format!("{PLAIN}      - {step}\n");
            assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), text, "{step}");
            finds(&RULE, Platform::GitHub, &text, &["jobs"]);
        }
    }

    #[test]
    fn said_permissions_are_enough() {
        for text in [
            PLAIN.replace("jobs:\n", "permissions: {}\njobs:\n"),
            PLAIN.replace("    steps:", "    permissions: {contents: read}\n    steps:"),
            PLAIN.replace("[push]", "workflow_call"),
        ] {
            finds(&RULE, Platform::GitHub, &text, &[]);
        }
    }
}
