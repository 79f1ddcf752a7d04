//! Runs of a change go on after a newer push has made them pointless.

use super::order;
use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Path, Pipeline, Seg, Span, TriggerKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::Effect;
use crate::pipeline::words::{self, Does};
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "superseded-runs",
    title: "A newer push does not cancel the runs it makes pointless",
    doc: "\
Whoever pushes twice to a change waits for both runs, and pays for both. All platforms can end \
the older one.

**Fix.** GitHub: `concurrency` by workflow and ref, with `cancel-in-progress` only for pull \
requests, so that runs on branches are never cut short. GitLab: \
`default:interruptible: true`, with `interruptible: false` at every job that deploys or publishes; \
unread only where merge requests alone start the pipeline, since branches' pipelines would be cut \
short as well. \
Azure: `pr: autoCancel` is on unless it was switched off. Jenkins: \
`disableConcurrentBuilds(abortPrevious: true)` is only suggested, since it also ends builds of the \
main branch.

**Silent** where something of the kind stands there, and for workflows that no change starts, or \
only its opening.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Proven,
    platforms: &[Platform::GitHub, Platform::GitLab, Platform::Azure, Platform::Jenkins],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    if pipeline.concurrency.is_some() || pipeline.jobs.is_empty() {
        return;
    }
    match pipeline.platform {
        Platform::GitHub => github(context, pipeline, hits),
        Platform::GitLab => gitlab(context, pipeline, hits),
        Platform::Azure => azure(pipeline, hits),
        Platform::Jenkins => jenkins(pipeline, hits),
        _ => {}
    }
}

fn hit(span: Span, title: &str, why: &str, fix: Option<Fix>) -> Hit {
    Hit {
        span,
        title: title.to_owned(),
        why: why.to_owned(),
        severity: None,
        confidence: 0.9,
        fix,
        effect: Some(Effect::FewerRuns),
    }
}

/// Whether ending the job half way could leave something half done.
fn leaves_traces(pipeline: &Pipeline, index: usize) -> bool {
    let job = &pipeline.jobs[index];
    // What only pushes and tags reach is no run of a change.
    let elsewhere = job.condition.as_ref().is_some_and(|condition| {
        let text = condition.value.replace(' ', "");
        !text.contains("||")
            && [
                "event_name=='push'",
                "event_name!='pull_request'",
                "github.ref=='refs/heads/",
                "startsWith(github.ref,'refs/tags/",
                "startsWith(github.ref,'refs/heads/",
                "event_name=='release'",
                "event_name=='schedule'",
                "event_name=='workflow_dispatch'",
            ]
            .iter()
            .any(|mark| text.contains(mark))
    });
    if elsewhere && pipeline.platform == Platform::GitHub {
        return false;
    }
    job.environment.is_some()
        || job.calls.is_some()
        || job.steps.iter().flat_map(|step| &step.does).any(|does| {
            matches!(does, Does::Deploy(_) | Does::Publish(_) | Does::PushImage(_) | Does::Rollback)
                || matches!(does, Does::BuildImage(build) if build.push)
        })
}

/// What of a pull request starts the workflow; `None` where its `types` are not named.
fn types<'a>(context: &Context<'a>) -> Option<Vec<&'a str>> {
    let tree = &context.file.tree;
    let types = ["on", "pull_request", "types"].map(|key| Seg::Key(key.to_owned()));
    let node = tree.resolve(order::node_at(tree, &types)?);
    let items = tree.items(node).iter().filter_map(|item| tree.text(tree.resolve(*item)));
    Some(tree.text(node).into_iter().chain(items).collect())
}

/// Whether a job's commands, name or stage say that it changes something outside.
fn is_lasting(pipeline: &Pipeline, index: usize) -> bool {
    let job = &pipeline.jobs[index];
    let stage = job.stage.and_then(|stage| pipeline.stages.get(stage));
    let names = [Some(job.id.as_str()), stage.map(|stage| stage.id.as_str())];
    leaves_traces(pipeline, index)
        || job.manual
        || names.into_iter().flatten().any(words::sounds_lasting)
}

/// Whether another workflow of the checkout has the same name, and so the same group.
fn namesake(context: &Context<'_>, pipeline: &Pipeline) -> bool {
    let Some(own) = pipeline.name.as_ref().map(|name| name.value.as_str()) else { return false };
    let others = context.files.paths().iter().filter(|path| {
        path.contains(".github/workflows/") && !path.ends_with(context.file.path.as_str())
    });
    others.filter_map(|path| context.files.read(path)).any(|text| {
        let name = text.lines().find_map(|line| line.strip_prefix("name:"));
        let bare = name.map(|name| name.split(" #").next().unwrap_or(name));
        bare.is_some_and(|name| name.trim().trim_matches(['"', '\'']) == own)
    })
}

fn github(context: &Context<'_>, pipeline: &Pipeline, hits: &mut Vec<Hit>) {
    let Some(trigger) = pipeline.triggers.iter().find(|t| t.kind == TriggerKind::Change) else {
        return;
    };
    // A called workflow shares its caller's context: its group would be the caller's.
    if pipeline.triggers.iter().any(|trigger| trigger.name == "workflow_call")
        || pipeline.jobs.iter().any(|job| job.concurrency.is_some())
    {
        return;
    }
    let types = types(context);
    // What no push starts, no push makes pointless.
    if types.as_ref().is_some_and(|types| !types.contains(&"synchronize")) {
        return;
    }
    // A run for a label or an edit may skip the jobs of the run that it would cancel.
    let pushes = types
        .iter()
        .flatten()
        .all(|kind| matches!(*kind, "opened" | "synchronize" | "reopened" | "ready_for_review"));
    // Events beside pushes and changes carry refs that say nothing of a change.
    let traces = (0..pipeline.jobs.len()).any(|index| leaves_traces(pipeline, index));
    let group = Value::text(
        "${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}",
    );
    let cancel = Value::text("${{ github.event_name == 'pull_request' }}");
    let fix = Fix {
        title: "Cancel the older runs of a pull request".to_owned(),
        ops: vec![Op::Insert {
            at: Path::new(),
            key: "concurrency".to_owned(),
            value: Value::map([("group", group), ("cancel-in-progress", cancel)]),
            place: Place::Before(vec!["env", "defaults", "jobs"]),
        }],
        safe: pushes && !traces && !namesake(context, pipeline),
        proof: vec![
            "Only runs of one pull request share a group; every other run has one of its own."
                .to_owned(),
        ],
    };
    hits.push(hit(
        trigger.span,
        "A newer push to a pull request does not cancel the older run",
        "Both runs go on to the end, and the second waits for runners that the first one holds. \
         Put them into one `concurrency` group and cancel what is in progress for pull requests.",
        Some(fix),
    ));
}

fn gitlab(context: &Context<'_>, pipeline: &Pipeline, hits: &mut Vec<Hit>) {
    let interruptible = pipeline.jobs.iter().any(|job| job.interruptible.is_some());
    if pipeline.auto_cancel.is_some() || interruptible || !pipeline.included.is_empty() {
        return;
    }
    let tree = &context.file.tree;
    let Some(root) = tree.root() else { return };
    let mut ops = Vec::new();
    // Nothing is left that could be interrupted.
    if (0..pipeline.jobs.len()).all(|index| is_lasting(pipeline, index)) {
        return;
    }
    let own = pipeline.jobs.iter().all(|job| job.span.file == 0);
    for (index, job) in pipeline.jobs.iter().enumerate() {
        if is_lasting(pipeline, index) {
            ops.push(Op::Insert {
                at: job.path.clone(),
                key: "interruptible".to_owned(),
                value: Value::Bool(false),
                place: Place::After(vec!["stage"]),
            });
        }
    }
    let default = tree.get(root, "default").is_some();
    ops.push(if default {
        Op::Insert {
            at: vec![Seg::Key("default".to_owned())],
            key: "interruptible".to_owned(),
            value: Value::Bool(true),
            place: Place::Last,
        }
    } else {
        Op::Insert {
            at: Path::new(),
            key: "default".to_owned(),
            value: Value::map([("interruptible", Value::Bool(true))]),
            place: Place::Before(vec!["stages", "variables", "include"]),
        }
    });
    let span = pipeline.jobs.first().map(|job| job.key_span).unwrap_or_default();
    // Branches' pipelines would be cut short as well, the main one's too; and so would
    // what an unread include adds.
    let changes = !pipeline.triggers.is_empty()
        && pipeline.triggers.iter().all(|trigger| trigger.kind == TriggerKind::Change);
    let safe = own && changes && pipeline.unread.is_empty();
    let fix = Fix {
        title: "Let newer pipelines cancel older ones, but for jobs that leave traces".to_owned(),
        ops,
        safe,
        proof: vec![
            "Jobs that deploy, publish or wait for a person are marked as not interruptible."
                .to_owned(),
            "Merge requests alone start the pipeline.".to_owned(),
        ],
    };
    hits.push(hit(
        span,
        "No job may be interrupted, so a newer push cancels nothing",
        "GitLab cancels a redundant pipeline only as far as its jobs are `interruptible`. Make \
         that the default, and say `interruptible: false` where a job deploys or publishes.",
        Some(fix),
    ));
}

fn azure(pipeline: &Pipeline, hits: &mut Vec<Hit>) {
    let Some(at) = pipeline.auto_cancel.as_ref().filter(|at| !at.value) else { return };
    let fix = Fix {
        title: "Cancel the older runs of a pull request".to_owned(),
        ops: vec![Op::Replace {
            at: vec![Seg::Key("pr".to_owned()), Seg::Key("autoCancel".to_owned())],
            value: Value::Bool(true),
        }],
        // Somebody switched it off on purpose.
        safe: false,
        proof: Vec::new(),
    };
    hits.push(hit(
        at.span,
        "Older runs of a pull request are kept on purpose",
        "`autoCancel: false` lets every push run to its end. Leave it out unless each of those \
         results is read.",
        Some(fix),
    ));
}

fn jenkins(pipeline: &Pipeline, hits: &mut Vec<Hit>) {
    if pipeline.auto_cancel.is_some() {
        return;
    }
    let deploys = (0..pipeline.jobs.len()).any(|index| leaves_traces(pipeline, index));
    if deploys {
        return;
    }
    hits.push(hit(
        pipeline.jobs[0].key_span,
        "A newer build of a branch does not end the older one",
        "`options { disableConcurrentBuilds(abortPrevious: true) }` ends a build when a newer one \
         of the same branch starts.",
        None,
    ));
}

#[cfg(test)]
#[path = "superseded_runs/tests.rs"]
mod tests;
