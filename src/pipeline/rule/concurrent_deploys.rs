//! Two runs that deploy to the same place at the same time.

use super::deployment::{at_once, deployments, environment_word};
use super::order;
use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Concurrency, Job, Path, Pipeline, Seg, Span, TriggerKind};
use crate::pipeline::groovy;
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "concurrent-deploys",
    title: "Two runs may deploy to the same place at once",
    doc: "\
Two pushes in a row start two runs, and nothing keeps the first from finishing its deployment \
behind the second: the older version is in use then, or a mixture of both.

**Fix.** GitHub: `concurrency` at the job, with `cancel-in-progress: false`; the group holds the \
matrix' values, and the branch where several of them deploy. GitLab: `resource_group` by the \
environment. Both are made unread only where nothing waits for nothing: on GitLab for an \
environment that one job alone deploys to; on GitHub, where a run that waits is replaced by a \
newer one, for jobs that deploy the newest state of a branch (no inputs, no tags, nothing that \
depends on what a push changed, no publication beside it), and without an environment, whose \
reviewers the file does not show. Azure: `lockBehavior: sequential` is suggested; it needs an \
exclusive lock check on the environment. Jenkins: `disableConcurrentBuilds()` is suggested, or a \
lock. Bitbucket: `concurrency-group` is suggested.

It also speaks of deployments that a newer run cuts off half way (`cancel-in-progress: true`).

**Silent** where a lock or group stands there, at releases by tag, at previews of pull requests, \
at Bitbucket's `deployment` steps and Harness' deployment stages, which wait for each other by \
themselves, and at Azure's batched triggers.",
    group: Group::Delivery,
    severity: Severity::Medium,
    fix: FixKind::Proven,
    platforms: &[
        Platform::GitHub,
        Platform::GitLab,
        Platform::Azure,
        Platform::Jenkins,
        Platform::Bitbucket,
        Platform::Harness,
    ],
    check,
};

const WHY: &str = "Two pushes in a row start two runs, and the older one may finish last: its \
                   version is in use then, or a mixture of both.";

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    match pipeline.platform {
        Platform::GitHub => github(context, hits),
        Platform::GitLab => gitlab(context, hits),
        Platform::Azure => azure(context, hits),
        Platform::Jenkins => jenkins(context, hits),
        Platform::Bitbucket => bitbucket(pipeline, hits),
        Platform::Harness => harness(pipeline, hits),
    }
}

fn hit(job: &Job, advice: &str, confidence: f64, fix: Option<Fix>) -> Hit {
    Hit {
        span: job.key_span,
        title: format!("Two runs may be in `{}` at once", job.title()),
        why: format!("{WHY} {advice}"),
        severity: None,
        confidence,
        fix,
        effect: None,
    }
}

/// Whether each run has a group of its own, so that nothing is excluded.
fn apart(group: &Concurrency) -> bool {
    ["run_id", "run_number", "github.sha", "run_attempt"]
        .iter()
        .any(|mark| group.group.contains(mark))
}

/// What keeps a job to one branch, or to pushes.
fn pinned(job: &Job) -> bool {
    job.condition.as_ref().is_some_and(|condition| {
        let text = condition.value.replace([' ', '"'], "");
        !text.contains("||")
            && ["github.ref=='refs/heads/", "github.ref_name=='"].iter().any(|m| text.contains(m))
    })
}

/// Whether a job runs for tags alone, or for a pull request alone.
fn no_branch(pipeline: &Pipeline, job: &Job) -> bool {
    let condition = job.condition.as_ref().map_or("", |at| at.value.as_str());
    let text = condition.replace([' ', '"'], "");
    if !text.contains("||")
        && [
            "refs/tags/",
            "event_name=='release'",
            "event_name=='pull_request'",
            "event_name=='pull_request_target'",
            "github.ref_type=='tag'",
        ]
        .iter()
        .any(|mark| text.contains(mark))
    {
        return true;
    }
    let to_branch = |kind: TriggerKind| {
        !matches!(kind, TriggerKind::Tag | TriggerKind::Change | TriggerKind::ChangeWithSecrets)
    };
    let mut kinds = pipeline.triggers.iter().map(|trigger| trigger.kind);
    // Of tags, by hand too.
    let tags = pipeline.triggers.iter().any(|trigger| trigger.kind == TriggerKind::Tag);
    let pushes = pipeline.triggers.iter().any(|trigger| trigger.kind == TriggerKind::Push);
    !kinds.any(to_branch) || (tags && !pushes)
}

fn github(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    if pipeline.triggers.is_empty() {
        return;
    }
    let around = pipeline.concurrency.as_ref().filter(|group| !apart(group));
    let mut cut = false;
    for (place, job) in deployments(pipeline) {
        if no_branch(pipeline, job) {
            continue;
        }
        let own = job.concurrency.as_ref();
        let cancels = |group: &&Concurrency| group.cancel.as_deref() == Some("true");
        let at: Option<(&Concurrency, Path)> = match (own.filter(cancels), around.filter(cancels)) {
            (Some(group), _) => Some((group, job.path.clone())),
            (None, Some(group)) => Some((group, Path::new())),
            (None, None) => None,
        };
        if let Some((group, mut path)) = at {
            let whole = path.is_empty();
            let told = whole && cut;
            if !at_once(job) && !told {
                cut |= whole;
                path.push(Seg::Key("concurrency".to_owned()));
                path.push(Seg::Key("cancel-in-progress".to_owned()));
                hits.push(cut_off(job, group, path, pipeline));
            }
            continue;
        }
        if own.is_some() || around.is_some() {
            continue;
        }
        hits.push(alone(context, place, job));
    }
}

fn cut_off(job: &Job, group: &Concurrency, path: Path, pipeline: &Pipeline) -> Hit {
    let changes = pipeline.has_trigger(TriggerKind::Change) && path.len() == 2;
    let value = match changes {
        true => Value::text("${{ github.event_name == 'pull_request' }}"),
        false => Value::Bool(false),
    };
    Hit {
        span: group.span,
        title: format!("A newer run cuts off `{}` half way", job.title()),
        why: "`cancel-in-progress: true` ends a deployment wherever it is, and what it leaves \
              behind is half of one version and half of another. Let runs that deploy come to \
              their end; the newest one waits."
            .to_owned(),
        severity: None,
        confidence: 0.8,
        fix: Some(Fix {
            title: "Let deployments come to their end".to_owned(),
            ops: vec![Op::Replace { at: path, value }],
            safe: false,
            proof: Vec::new(),
        }),
        effect: None,
    }
}

/// Words of deployments that depend on what one push changed: to leave one out loses it.
const BY_CHANGE: &[&str] = &[
    "paths-filter",
    "changed-files",
    "event.before",
    "HEAD^",
    "HEAD~",
    "affected",
    "head_commit",
    "commit_message",
    "event.commits",
    "git diff",
    "[HEAD",
    "lerna changed",
    "github.run_number",
    "inputs.",
    "client_payload",
    "workflow_run",
];

fn alone(context: &Context<'_>, place: usize, job: &Job) -> Hit {
    let pipeline = context.pipeline();
    let (group, known) = group(context, place, job);
    let text = context.file.text.as_str();
    let plain_triggers = pipeline.triggers.iter().all(|trigger| {
        matches!(trigger.kind, TriggerKind::Push | TriggerKind::Change | TriggerKind::Schedule)
            || trigger.name == "workflow_dispatch"
    });
    let publishes =
        words::job_does(job).any(|does| matches!(does, Does::Publish(_) | Does::PushImage(_)));
    let gated = job.environment.as_ref().is_some_and(|at| at.value != "github-pages") || job.manual;
    let newest = !BY_CHANGE.iter().any(|mark| text.contains(mark));
    let safe = known && plain_triggers && newest && !publishes && !gated && !job.shared;
    let fix = (!job.path.is_empty()).then(|| Fix {
        title: format!("Let runs of `{}` wait for each other", job.id),
        ops: vec![Op::Insert {
            at: job.path.clone(),
            key: "concurrency".to_owned(),
            value: Value::map([
                ("group", Value::text(group)),
                ("cancel-in-progress", Value::Bool(false)),
            ]),
            place: Place::After(vec![
                "environment",
                "timeout-minutes",
                "runs-on",
                "if",
                "needs",
                "name",
            ]),
        }],
        safe,
        proof: vec![
            "A deployment that runs is never cut off; of those that wait, the newest goes ahead."
                .to_owned(),
            "Each run deploys all of its branch's state, so that one left out is in the next."
                .to_owned(),
        ],
    });
    let advice = match gated {
        true => {
            "Put the job into a `concurrency` group with `cancel-in-progress: false`; a run that \
             waits for a reviewer of the environment may hold the group."
        }
        false => {
            "Put the job into a `concurrency` group with `cancel-in-progress: false`; of the runs \
             that wait, only the newest goes ahead."
        }
    };
    hit(job, advice, 0.85, fix)
}

/// The group's name, and whether all that tells deployments apart is in it.
fn group(context: &Context<'_>, place: usize, job: &Job) -> (String, bool) {
    let pipeline = context.pipeline();
    let mut known = true;
    let environment = job.environment.as_ref().map(|at| at.value.as_str());
    let lone = |wanted: &str| {
        !pipeline.jobs.iter().enumerate().any(|(other, job)| {
            other != place && job.environment.as_ref().is_some_and(|at| at.value == wanted)
        }) && !context.files.paths().iter().any(|path| {
            path.contains(".github/workflows/") && !path.ends_with(context.file.path.as_str())
        })
    };
    let mut group = match environment {
        Some(name) if !name.is_empty() && !name.contains("${{") && lone(name) => {
            format!("deploy-{}", name.to_ascii_lowercase().replace(' ', "-"))
        }
        _ => format!("${{{{ github.workflow }}}}-{}", job.id),
    };
    if let Some(name) = environment.filter(|name| name.contains("${{")) {
        let allowed = ["github.", "inputs.", "vars.", "needs.", "matrix.", "strategy."];
        known &= allowed.iter().any(|word| name.contains(word));
        if known {
            group = format!("{group}-{name}");
        }
    }
    if let Some(matrix) = &job.matrix {
        let simple = !matrix.axes.is_empty()
            && matrix.cells.is_some()
            && matrix.axes.iter().all(|(name, values)| {
                !["include", "exclude"].contains(&name.as_str())
                    && !values.is_empty()
                    && values.iter().all(|value| !value.contains(['{', '[', '\n']))
            });
        if simple {
            for (axis, _) in &matrix.axes {
                let value = format!("${{{{ matrix.{axis} }}}}");
                if !group.contains(&value) {
                    group.push_str(&format!("-{value}"));
                }
            }
        } else {
            group.push_str("-${{ strategy.job-index }}");
            known = false;
        }
    }
    let one_branch = {
        let branches: Vec<&String> =
            pipeline.triggers.iter().flat_map(|trigger| &trigger.branches).collect();
        let open = pipeline
            .triggers
            .iter()
            .any(|trigger| trigger.kind != TriggerKind::Push || trigger.branches.is_empty());
        !open && branches.len() == 1 && !branches.iter().any(|name| name.contains(['*', '!', '?']))
    };
    if !one_branch && !pinned(job) && !group.contains("github.ref") {
        group.push_str("-${{ github.ref }}");
    }
    (group, known)
}

fn gitlab(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    for (place, job) in deployments(pipeline) {
        if job.concurrency.is_some() {
            continue;
        }
        let environment = job.environment.as_ref().map(|at| at.value.as_str());
        let name = environment.filter(|name| !name.is_empty()).unwrap_or(&job.id);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_/${}. ".contains(c);
        let fits = name.chars().all(allowed) && !name.starts_with('/') && !name.ends_with('/');
        let lone = !pipeline.jobs.iter().enumerate().any(|(other, job)| {
            other != place
                && job.environment.as_ref().is_some_and(|at| Some(at.value.as_str()) == environment)
                && super::deployment::is_deployment(job)
        });
        // Of variables only those are sure to be known then that GitLab sets for all.
        let literal = name.replace("$CI_COMMIT_REF_SLUG", "").replace("$CI_COMMIT_REF_NAME", "");
        let safe = environment.is_some()
            && lone
            && !literal.contains('$')
            && job.matrix.is_none()
            && !heir(context.file.text.as_str(), job);
        let fix = (fits && !job.path.is_empty()).then(|| Fix {
            title: format!("Let runs of `{}` wait for each other", job.id),
            ops: vec![Op::Insert {
                at: job.path.clone(),
                key: "resource_group".to_owned(),
                value: Value::text(name),
                place: Place::Before(vec!["environment", "rules", "only", "script"]),
            }],
            safe,
            proof: vec![
                format!("Jobs of the group `{name}` wait for each other; none is left out."),
                "No other job of this file deploys to this environment.".to_owned(),
            ],
        });
        let advice = "Give the job a `resource_group`: its runs wait for each other then.";
        hits.push(hit(job, advice, if environment.is_some() { 0.9 } else { 0.75 }, fix));
    }
}

/// Whether other jobs take over what this one says.
fn heir(text: &str, job: &Job) -> bool {
    let head = text.get(job.key_span.start as usize..).and_then(|rest| rest.lines().next());
    let quoted = |line: &str| {
        line.split(|c: char| !(c.is_alphanumeric() || "-_.:/".contains(c)))
            .any(|word| word == job.id)
    };
    head.is_some_and(|line| line.contains('&'))
        || (text.contains("extends")
            && text.lines().map(str::trim_start).any(|line| {
                (line.starts_with("extends") || line.starts_with("- ")) && quoted(line)
            }))
        || text.contains("!reference") && text.contains(&format!("[{},", job.id))
}

fn azure(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let tree = &context.file.tree;
    let at = ["trigger", "batch"].map(|key| Seg::Key(key.to_owned()));
    let batch = order::node_at(tree, &at).and_then(|node| tree.text(node));
    if pipeline.concurrency.is_some() || batch.is_some_and(|text| text.eq_ignore_ascii_case("true"))
    {
        return;
    }
    let mut seen: Vec<Option<usize>> = Vec::new();
    for (_, job) in deployments(pipeline) {
        if job.concurrency.is_some() || job.environment.is_none() || seen.contains(&job.stage) {
            continue;
        }
        seen.push(job.stage);
        let stage = job.stage.and_then(|stage| pipeline.stages.get(stage));
        let at = match stage {
            Some(stage) if stage.span.file == 0 && !stage.path.is_empty() => {
                Some((stage.path.clone(), Place::Before(vec!["jobs"])))
            }
            None => Some((Path::new(), Place::Before(vec!["stages", "jobs", "steps"]))),
            Some(_) => None,
        };
        let fix = at.map(|(at, place)| Fix {
            title: "Let deployments wait for each other".to_owned(),
            ops: vec![Op::Insert {
                at,
                key: "lockBehavior".to_owned(),
                value: Value::text("sequential"),
                place,
            }],
            safe: false,
            proof: Vec::new(),
        });
        let advice = "Give the environment an exclusive lock check, and say \
                      `lockBehavior: sequential` here; without the check the key does nothing.";
        hits.push(hit(job, advice, 0.7, fix));
    }
}

fn jenkins(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    // Beside `options`, it may stand in `properties([…])` in front of the pipeline.
    if pipeline.concurrency.is_some() || context.file.text.contains("disableConcurrentBuilds") {
        return;
    }
    let Some((_, job)) = deployments(pipeline).find(|(_, job)| job.concurrency.is_none()) else {
        return;
    };
    let option = "disableConcurrentBuilds()";
    let ops = groovy::write::insert_option(&context.file.text, &Path::new(), option);
    let fix = ops.map(|ops| Fix {
        title: "Build one run of a branch at a time".to_owned(),
        ops,
        safe: false,
        proof: Vec::new(),
    });
    let place = environment_word(job.title()).unwrap_or_else(|| "deployment".to_owned());
    let advice = format!(
        "`options {{ disableConcurrentBuilds() }}` lets builds of a branch wait for each other; \
         with the Lockable Resources plugin, `options {{ lock(resource: '{place}') }}` at the \
         stage does it for this stage alone."
    );
    hits.push(hit(job, &advice, 0.75, fix));
}

fn bitbucket(pipeline: &Pipeline, hits: &mut Vec<Hit>) {
    let mut seen: Vec<Span> = Vec::new();
    for (_, job) in deployments(pipeline) {
        // One step may stand in several pipelines; a deployment waits by itself.
        if job.environment.is_some() || job.concurrency.is_some() || seen.contains(&job.key_span) {
            continue;
        }
        let entry = pipeline.entries.get(job.entry).map_or("", |entry| entry.name.as_str());
        if entry.starts_with("pull-requests") || entry.starts_with("tags") {
            continue;
        }
        seen.push(job.key_span);
        let name = entry.rsplit('.').next().unwrap_or(entry);
        let plain =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        let group = if plain { format!("deploy-{name}") } else { "deploy".to_owned() };
        let fix = (!job.shared && !job.path.is_empty()).then(|| Fix {
            title: "Let runs of this step wait for each other".to_owned(),
            ops: vec![Op::Insert {
                at: job.path.clone(),
                key: "concurrency-group".to_owned(),
                value: Value::text(group),
                place: Place::Before(vec!["script"]),
            }],
            safe: false,
            proof: Vec::new(),
        });
        let advice = "A step with `deployment` waits for others to the same environment by itself; \
                      else give it a `concurrency-group`.";
        hits.push(hit(job, advice, 0.75, fix));
    }
}

fn harness(pipeline: &Pipeline, hits: &mut Vec<Hit>) {
    for (_, job) in deployments(pipeline) {
        // A deployment stage locks its infrastructure unless it is told otherwise.
        if job.environment.is_some() || job.concurrency.is_some() {
            continue;
        }
        let advice = "A deployment stage locks its infrastructure by itself; in this stage, put a \
                      `Queue` step with a key of the target first.";
        // Pipelines may be kept apart in the project's settings, which no file shows.
        let told = hit(job, advice, 0.6, None);
        hits.push(Hit { severity: Some(Severity::Low), ..told });
    }
}

#[cfg(test)]
#[path = "concurrent_deploys/tests.rs"]
mod tests;
