//! GitHub Actions. Source: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>.

mod condition;
mod setup;
mod steps;

use super::super::{
    Access, Action, Filter, Input, InputKind, Job, Login, Os, Part, Rights, Secret, Service, Size,
    Text, Trigger, Variable,
};
use super::context::Context;
use super::prepare::is_approval;
use super::yaml::{Map, Yaml, document};
use crate::pipeline::Platform;
use condition::condition;

/// The workflow file.
pub fn write(cx: &Context<'_>) -> String {
    let portable = cx.portable;
    let mut top = Map::new();
    top.set("name", if portable.name.is_empty() { "CI" } else { &portable.name });
    top.set("on", triggers(cx)).apart();
    top.set("permissions", default_rights(&portable.rights));
    top.note("The least that the jobs need; a job that needs more says so.").apart();
    if portable.cancel_superseded {
        let mut group = Map::new();
        group.set("group", "${{ github.workflow }}-${{ github.ref }}");
        group.set("cancel-in-progress", "${{ github.event_name == 'pull_request' }}");
        top.set("concurrency", group);
        top.note("A newer push to a pull request replaces the run of the older one.").apart();
    }
    let env = environment(cx, None, &portable.variables, &portable.secrets);
    if !env.is_empty() {
        top.set("env", env).apart();
    }
    let mut jobs = Map::new();
    for job in &portable.jobs {
        jobs.set(&job.id, self::job(cx, job)).apart();
    }
    top.set("jobs", jobs).apart();
    for foreign in &portable.foreign {
        if foreign.platform == Platform::GitHub {
            cx.remark(format!("Put back at the top of the file: {}", foreign.text.trim()));
        }
        cx.lose_foreign("", foreign);
    }
    document(&[], &top)
}

/// A reference in a value.
pub fn expression(cx: &Context<'_>, job: Option<&Job>, part: &Part) -> String {
    match part {
        Part::Variable(name) if cx.defines(job, name) => {
            let known = job.and_then(|job| job.variables.iter().find(|v| v.name == *name));
            let known = known.or_else(|| cx.portable.variables.iter().find(|v| v.name == *name));
            match known.and_then(|variable| variable.value.as_literal()) {
                Some(value) => value.to_owned(),
                None => format!("${{{{ env.{name} }}}}"),
            }
        }
        part => match bare(cx, job, part) {
            Ok(bare) => format!("${{{{ {bare} }}}}"),
            Err(text) => text,
        },
    }
}

/// A reference inside `${{ }}`, or text that is no expression.
fn bare(cx: &Context<'_>, job: Option<&Job>, part: &Part) -> Result<String, String> {
    Ok(match part {
        Part::Literal(text) => return Err(text.clone()),
        Part::Commit => "github.sha".to_owned(),
        Part::Branch => "github.head_ref || github.ref_name".to_owned(),
        Part::Tag => "github.ref_name".to_owned(),
        Part::ChangeNumber => "github.event.pull_request.number".to_owned(),
        Part::Repository => "github.event.repository.name".to_owned(),
        Part::RunNumber => "github.run_number".to_owned(),
        Part::Workspace => "github.workspace".to_owned(),
        Part::Variable(name) if cx.defines(job, name) => format!("env.{name}"),
        Part::Variable(name) => format!("vars.{name}"),
        Part::Secret(name) => format!("secrets.{name}"),
        Part::Matrix(name) => format!("matrix.{name}"),
        Part::Input(name) => format!("inputs.{name}"),
        Part::Output(other, name) if job.is_some_and(|job| job.id == *other) => {
            let id = job.and_then(|job| steps::output_step(job, name)).unwrap_or_default();
            format!("steps.{id}.outputs.{name}")
        }
        Part::Output(other, name) => format!("needs.{other}.outputs.{name}"),
        Part::Image(other) if job.is_some_and(|job| job.id == *other) => {
            let image = job.and_then(Job::pushed_image).map(|build| cx.value(job, &build.image));
            let image = image.unwrap_or_default();
            return Err(format!("{image}@${{{{ steps.build.outputs.digest }}}}"));
        }
        Part::Image(other) => format!("needs.{other}.outputs.image"),
        Part::OutputFile => return Err("$GITHUB_OUTPUT".to_owned()),
        Part::Foreign(Platform::GitHub, text) => return Err(text.clone()),
        Part::Foreign(from, text) => format!("vars.{}", cx.foreign_variable(*from, text)),
    })
}

fn triggers(cx: &Context<'_>) -> Map {
    let mut on = Map::new();
    let tags: Vec<String> = cx
        .portable
        .triggers
        .iter()
        .filter_map(|trigger| match trigger {
            Trigger::Tag(tags) if tags.is_empty() => Some(vec!["**".to_owned()]),
            Trigger::Tag(tags) => Some(tags.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let mut crons = Vec::new();
    for trigger in &cx.portable.triggers {
        match trigger {
            Trigger::Push(filter) if !on.has("push") => {
                let mut map = self::filter(filter);
                // Without branches a list of tags would leave no branch at all.
                if !tags.is_empty() && !map.has("branches") && !map.has("branches-ignore") {
                    map.set("branches", Yaml::flow(["**"]));
                }
                map.filled("tags", Yaml::flow(tags.clone()));
                on.set("push", empty_or(map));
            }
            Trigger::Change(filter) if !on.has("pull_request") => {
                on.set("pull_request", empty_or(self::filter(filter)));
            }
            Trigger::Push(_) => {
                cx.lose("a second push trigger", "There is one `push` per file", None)
            }
            Trigger::Change(_) => {
                cx.lose("a second change trigger", "There is one `pull_request` per file", None);
            }
            Trigger::Schedule { cron, branches } => {
                let mut entry = Map::new();
                entry.set("cron", cron.as_str());
                crons.push(Yaml::from(entry));
                if branches.iter().any(|branch| branch != cx.portable.branch()) {
                    cx.lose(
                        format!("the schedule's branches {}", branches.join(", ")),
                        "GitHub runs a schedule on the default branch alone",
                        None,
                    );
                }
            }
            Trigger::Manual { inputs } if !on.has("workflow_dispatch") => {
                let mut map = Map::new();
                let mut all = Map::new();
                for input in inputs {
                    all.set(&input.name, self::input(input));
                }
                map.filled("inputs", all);
                on.set("workflow_dispatch", empty_or(map));
            }
            Trigger::Tag(_) | Trigger::Manual { .. } => {}
            Trigger::Foreign(foreign) => cx.lose_foreign("", foreign),
        }
    }
    if !tags.is_empty() && !on.has("push") {
        let mut map = Map::new();
        map.set("tags", Yaml::flow(tags));
        on.set("push", map);
    }
    on.filled("schedule", crons);
    if on.is_empty() {
        on.set("workflow_dispatch", Yaml::Raw(String::new()));
    }
    on
}

fn empty_or(map: Map) -> Yaml {
    if map.is_empty() { Yaml::Raw(String::new()) } else { map.into() }
}

fn filter(filter: &Filter) -> Map {
    let mut map = Map::new();
    let negate = |items: &[String]| items.iter().map(|item| format!("!{item}")).collect::<Vec<_>>();
    for (key, yes, no) in [
        ("branches", &filter.branches, &filter.not_branches),
        ("paths", &filter.paths, &filter.not_paths),
    ] {
        if yes.is_empty() {
            map.filled(&format!("{key}-ignore"), Yaml::flow(no.clone()));
        } else {
            map.set(key, Yaml::flow(yes.iter().cloned().chain(negate(no))));
        }
    }
    map
}

fn input(input: &Input) -> Map {
    let mut map = Map::new();
    map.set("description", input.description.as_str());
    let kind = match &input.kind {
        InputKind::Text => "string",
        InputKind::Bool => "boolean",
        InputKind::Number => "number",
        InputKind::Choice(_) => "choice",
    };
    map.set("type", kind);
    if let InputKind::Choice(options) = &input.kind {
        map.set("options", Yaml::flow(options.clone()));
    }
    if let Some(default) = &input.default {
        let raw = matches!(input.kind, InputKind::Bool) && matches!(&**default, "true" | "false")
            || matches!(input.kind, InputKind::Number) && default.parse::<i64>().is_ok();
        let value = if raw { Yaml::Raw(default.clone()) } else { default.as_str().into() };
        map.set("default", value);
    }
    if input.required {
        map.set("required", true);
    }
    map
}

fn scopes(rights: &[(String, Access)]) -> Yaml {
    let mut map = Map::new();
    for (scope, access) in rights {
        let access = match access {
            Access::None => "none",
            Access::Read => "read",
            Access::Write => "write",
        };
        map.set(scope, access);
    }
    map.into()
}

fn default_rights(rights: &Rights) -> Yaml {
    match rights {
        Rights::Only(rights) => scopes(rights),
        Rights::Least | Rights::All => scopes(&[("contents".to_owned(), Access::Read)]),
    }
}

/// What a job needs beyond reading the source; `None` where the default is enough.
fn job_rights(cx: &Context<'_>, job: &Job) -> Option<Yaml> {
    if let Rights::Only(rights) = &job.rights {
        return Some(scopes(rights));
    }
    if matches!(cx.portable.rights, Rights::Only(_)) {
        return None;
    }
    let mut more: Vec<(String, Access)> = Vec::new();
    let mut add = |scope: &str, access| {
        if !more.iter().any(|(known, _)| known == scope) {
            more.push((scope.to_owned(), access));
        }
    };
    for step in job.all_steps() {
        match &step.action {
            Action::BuildImage(build)
                if build.push && cx.value(Some(job), &build.image).starts_with("ghcr.io/") =>
            {
                add("packages", Access::Write);
            }
            Action::ScanImage { image, .. }
                if image.references().any(|part| matches!(part, Part::Image(_))) =>
            {
                let ghcr = cx
                    .portable
                    .jobs
                    .iter()
                    .filter_map(Job::pushed_image)
                    .any(|build| cx.value(None, &build.image).starts_with("ghcr.io/"));
                if ghcr {
                    add("packages", Access::Read);
                }
            }
            Action::Login(Login::Aws { .. } | Login::Gcp { .. } | Login::Azure { .. }) => {
                add("id-token", Access::Write);
            }
            Action::Run { script, .. } => {
                let text = script.render(|_| String::new());
                if text.contains("gh release") {
                    add("contents", Access::Write);
                }
                if text.contains("git push") {
                    add("contents", Access::Write);
                }
            }
            _ => {}
        }
    }
    if more.is_empty() {
        return None;
    }
    if !more.iter().any(|(scope, _)| scope == "contents") {
        more.insert(0, ("contents".to_owned(), Access::Read));
    }
    Some(scopes(&more))
}

fn environment(
    cx: &Context<'_>,
    job: Option<&Job>,
    variables: &[Variable],
    secrets: &[Secret],
) -> Map {
    let mut env = Map::new();
    for variable in variables {
        let mut seen = vec![(job.is_some(), variable.name.as_str())];
        let value = expanded(cx, job, &variable.value, &mut seen);
        env.set(&variable.name, cx.value(job, &value));
    }
    for secret in secrets {
        env.set(secret.variable(), format!("${{{{ secrets.{} }}}}", secret.name));
        cx.remark(format!("The secret `{}` has to be set in the repository", secret.name));
    }
    env
}

/// Text with the values of the file's variables instead of their names: `env` is not
/// there where a job or the workflow says what it holds
/// (<https://docs.github.com/actions/reference/workflows-and-actions/contexts#context-availability>).
/// `seen` are the variables above, each with whether it is the job's own.
fn expanded<'c>(
    cx: &'c Context<'_>,
    job: Option<&'c Job>,
    text: &Text,
    seen: &mut Vec<(bool, &'c str)>,
) -> Text {
    let mut out = Text::default();
    for part in &text.0 {
        let Part::Variable(name) = part else {
            out.push(part.clone());
            continue;
        };
        let own = job.map_or(&[][..], |job| &job.variables).iter().map(|one| (true, one));
        let mut known = own.chain(cx.portable.variables.iter().map(|one| (false, one)));
        let found = known.find(|(own, variable)| {
            variable.name == *name && !seen.contains(&(*own, variable.name.as_str()))
        });
        match found {
            Some((own, variable)) => {
                seen.push((own, &variable.name));
                for part in expanded(cx, job, &variable.value, seen).0 {
                    out.push(part);
                }
                seen.pop();
            }
            None => {
                let set = format!("${{{{ vars.{name} }}}}");
                out.push(Part::Foreign(Platform::GitHub, set));
            }
        }
    }
    out
}

/// An image, where `env` is not there.
fn image_text(cx: &Context<'_>, job: &Job, image: &Text) -> String {
    cx.value(Some(job), &expanded(cx, Some(job), image, &mut Vec::new()))
}

fn job(cx: &Context<'_>, job: &Job) -> Map {
    let mut map = Map::new();
    map.maybe("name", job.title.clone());
    if !job.needs.is_empty() {
        map.set("needs", Yaml::flow(job.needs.clone()));
    }
    if let Some(condition) = &job.condition
        && let Some(text) = condition::condition(cx, job, condition)
    {
        map.set("if", text);
    }
    map.set("runs-on", runs_on(cx, job));
    map.maybe("container", job.runner.image.as_ref().map(|image| image_text(cx, job, image)));
    map.maybe("timeout-minutes", job.timeout);
    map.maybe("permissions", job_rights(cx, job));
    if let Some(environment) = &job.environment {
        if let Some(url) = &environment.url {
            let mut both = Map::new();
            both.set("name", environment.name.as_str());
            both.set("url", cx.value(Some(job), url));
            map.set("environment", both);
        } else {
            map.set("environment", environment.name.as_str());
        }
        if environment.approval.is_some() {
            map.note("Waits for the required reviewers of this environment.");
            reviewers(cx, &environment.name);
        }
    } else if is_approval(job) {
        map.set("environment", job.id.as_str());
        map.note("Waits for the required reviewers of this environment.");
        reviewers(cx, &job.id);
    }
    if let Some(lock) = &job.lock {
        let mut group = Map::new();
        group.set("group", lock.as_str()).set("cancel-in-progress", false);
        map.set("concurrency", group).note("One at a time, never cut off half way.");
    }
    if job.soft_fail {
        map.set("continue-on-error", true);
    }
    if let Some(matrix) = &job.matrix {
        let mut strategy = Map::new();
        strategy.set("fail-fast", matrix.fail_fast);
        strategy.maybe("max-parallel", matrix.max_parallel);
        let mut axes = Map::new();
        for (axis, values) in &matrix.axes {
            axes.set(axis, Yaml::flow(values.clone()));
        }
        for (key, cells) in [("include", &matrix.include), ("exclude", &matrix.exclude)] {
            let cells = cells.iter().map(|cell| {
                let mut map = Map::new();
                for (axis, value) in cell {
                    map.set(axis, value.as_str());
                }
                map
            });
            axes.filled(key, Yaml::list(cells));
        }
        strategy.set("matrix", axes);
        map.set("strategy", strategy);
    }
    if job.retries > 0 {
        cx.lose(
            format!("the {} retries of job `{}`", job.retries, job.id),
            "GitHub has no retries; a failed job is run again by hand or from a script",
            job.line,
        );
    }
    map.filled("services", services(cx, job));
    map.filled("env", environment(cx, Some(job), &job.variables, &job.secrets));
    map.filled("outputs", outputs(cx, job));
    map.set("steps", steps::steps(cx, job));
    for foreign in &job.foreign {
        cx.lose_foreign(&job.id, foreign);
    }
    map
}

fn reviewers(cx: &Context<'_>, environment: &str) {
    cx.remark(format!(
        "Give the environment `{environment}` required reviewers in the repository's settings: the approval stands there, not in the file"
    ));
}

fn runs_on(cx: &Context<'_>, job: &Job) -> Yaml {
    let runner = &job.runner;
    if !runner.labels.is_empty() {
        return Yaml::flow(runner.labels.clone());
    }
    if runner.size != Size::Usual {
        cx.lose(
            format!("the runner's size of job `{}`", job.id),
            "Larger runners are defined by the organization under names of its own; put its name at `runs-on`",
            job.line,
        );
    }
    let name = match runner.os {
        Os::Linux => "ubuntu",
        Os::Windows => "windows",
        Os::MacOs => "macos",
    };
    format!("{name}-{}", runner.version.as_deref().unwrap_or("latest")).into()
}

fn services(cx: &Context<'_>, job: &Job) -> Map {
    let mut all = Map::new();
    for Service { name, image, variables, ports, ready } in &job.services {
        let mut map = Map::new();
        map.set("image", image_text(cx, job, image));
        map.filled("env", environment(cx, Some(job), variables, &[]));
        let ports: Vec<String> = ports.iter().map(|port| format!("{port}:{port}")).collect();
        map.filled("ports", Yaml::flow(ports));
        if let Some(ready) = ready {
            map.set(
                "options",
                format!(
                    "--health-cmd \"{}\" --health-interval 5s --health-timeout 5s --health-retries 20",
                    ready.replace('"', "\\\"")
                ),
            );
        }
        all.set(name, map);
    }
    all
}

fn outputs(cx: &Context<'_>, job: &Job) -> Map {
    let mut map = Map::new();
    if job.pushed_image().is_some() {
        map.set("image", cx.expression(Some(job), &Part::Image(job.id.clone())));
        map.note("By digest: what is scanned and deployed is what was built.");
    }
    for name in &job.outputs {
        map.set(name, cx.expression(Some(job), &Part::Output(job.id.clone(), name.clone())));
    }
    map
}
