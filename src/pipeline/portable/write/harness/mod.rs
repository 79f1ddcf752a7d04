//! Harness. Source: <https://developer.harness.io/docs/platform/pipelines/harness-yaml-quickstart>.

mod deploy;
mod steps;

mod condition;

use super::super::{
    Action, DeployKind, InputKind, Job, Matrix, Os, Part, Portable, Rights, Size, Step, Trigger,
};
use super::cache::{asked, withheld};
use super::context::{Context, identifier, upper};
use super::prepare::is_approval;
use super::stages::label;
use super::yaml::{Map, Yaml, document};
use crate::pipeline::Platform;
use condition::{source, test, when};

/// What kind of stage a job becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Scripts and images, with the source.
    Ci,
    /// Kubernetes or Helm, with a rollback.
    Deployment,
    /// Infrastructure.
    Custom,
    /// A person.
    Approval,
}

fn kind(job: &Job) -> Kind {
    if is_approval(job) {
        return Kind::Approval;
    }
    let mut kind = Kind::Ci;
    for step in &job.steps {
        match &step.action {
            Action::Deploy(deploy) => match &deploy.kind {
                DeployKind::Kubernetes { .. }
                | DeployKind::Kustomize { .. }
                | DeployKind::Helm { .. } => {
                    return Kind::Deployment;
                }
                DeployKind::Terraform(_) => kind = Kind::Custom,
                DeployKind::Script { .. } | DeployKind::Unknown => {}
            },
            Action::TerraformPlan(_) | Action::TerraformApply(_) => kind = Kind::Custom,
            _ => {}
        }
    }
    kind
}

fn id(text: &str) -> String {
    identifier(text)
}

/// Names take letters, digits, spaces, `-`, `_` and `.`.
fn name(text: &str) -> String {
    let mut out: String =
        text.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.') {
                    c
                } else {
                    ' '
                }
            })
            .collect();
    while out.contains("  ") {
        out = out.replace("  ", " ");
    }
    let out = out.trim().trim_start_matches(['-', '.']).trim_start();
    let out: String = out.chars().take(120).collect();
    if out.is_empty() { "step".to_owned() } else { out.trim_end().to_owned() }
}

/// Steps that need the source go into a CI stage before: other stages run where it is not.
pub fn split(portable: &mut Portable) {
    let mut at = 0;
    while at < portable.jobs.len() {
        let job = &mut portable.jobs[at];
        at += 1;
        if !matches!(kind(job), Kind::Deployment | Kind::Custom) {
            continue;
        }
        let acts = |step: &Step| {
            matches!(
                step.action,
                Action::Deploy(_) | Action::TerraformPlan(_) | Action::TerraformApply(_)
            )
        };
        let checks = |step: &Step| {
            matches!(step.action, Action::ScanSource { .. } | Action::ScanImage { .. })
        };
        let first = job.steps.iter().position(acts).unwrap_or(job.steps.len());
        if !job.steps[..first].iter().any(checks) {
            continue;
        }
        let mut before = Job {
            title: Some(format!("{} checks", job.title())),
            id: format!("{}_checks", job.id),
            line: job.line,
            needs: job.needs.clone(),
            stage: job.stage.clone(),
            condition: job.condition.clone(),
            timeout: job.timeout,
            variables: job.variables.clone(),
            secrets: job.secrets.clone(),
            ..Job::default()
        };
        let mut rest = Vec::new();
        for (index, step) in std::mem::take(&mut job.steps).into_iter().enumerate() {
            if index < first && checks(&step) {
                before.steps.push(step);
            } else {
                if index < first && matches!(step.action, Action::Checkout { .. }) {
                    before.steps.push(step.clone());
                }
                rest.push(step);
            }
        }
        job.steps = rest;
        job.needs.push(before.id.clone());
        portable.jobs.insert(at - 1, before);
        at += 1;
    }
}

/// The file.
pub fn write(cx: &Context<'_>) -> String {
    let portable = cx.portable;
    let title = if portable.name.is_empty() { "pipeline" } else { &portable.name };
    let mut pipeline = Map::new();
    pipeline.set("name", name(title)).set("identifier", id(title));
    pipeline.set("projectIdentifier", "project").set("orgIdentifier", "default");
    cx.remark("`projectIdentifier` and `orgIdentifier` have to be those of the project");
    pipeline.set("tags", Map::new());
    if portable.jobs.iter().any(|job| kind(job) == Kind::Ci) {
        let mut codebase = Map::new();
        codebase.set("connectorRef", "<+input>").set("repoName", "<+input>");
        codebase.set("build", "<+input>").set("depth", 1u32);
        let mut ci = Map::new();
        ci.set("codebase", codebase);
        let mut properties = Map::new();
        properties.set("ci", ci);
        pipeline.set("properties", properties);
    }
    triggers(cx);
    let variables = variables(cx);
    if !variables.is_empty() {
        pipeline.set("variables", variables);
    }
    let mut stages = Vec::new();
    for level in portable.levels().unwrap_or_default() {
        let mut group = Vec::new();
        for job in level.iter().filter_map(|at| portable.jobs.get(*at)) {
            group.push((approval_before(cx, job), stage(cx, job)));
        }
        // The approvals of a level stand before it: each is asked before any starts.
        for (approval, _) in &group {
            stages.extend(approval.clone().map(|map| wrap("stage", map)));
        }
        let group: Vec<Yaml> = group.into_iter().map(|(_, stage)| wrap("stage", stage)).collect();
        if group.len() == 1 {
            stages.extend(group);
        } else if !group.is_empty() {
            stages.push(wrap("parallel", group));
        }
    }
    pipeline.set("stages", stages);
    for foreign in &portable.foreign {
        cx.lose_foreign("", foreign);
    }
    if matches!(portable.rights, Rights::Only(_)) {
        cx.remark("Steps have no token with rights of its own; they have those of their connectors and secrets");
    }
    let mut top = Map::new();
    top.set("pipeline", pipeline);
    document(&[], &top)
}

fn wrap(key: &str, value: impl Into<Yaml>) -> Yaml {
    let mut map = Map::new();
    map.set(key, value);
    map.into()
}

/// A reference in a value.
pub fn expression(cx: &Context<'_>, job: Option<&Job>, part: &Part) -> String {
    match part {
        Part::Literal(text) => text.clone(),
        Part::Commit => source(cx, "commitSha"),
        Part::Branch => source(cx, "branch"),
        Part::Tag => source(cx, "tag"),
        Part::ChangeNumber => source(cx, "prNumber"),
        Part::Repository => "<+pipeline.properties.ci.codebase.repoName>".to_owned(),
        Part::RunNumber => "<+pipeline.sequenceId>".to_owned(),
        Part::Workspace => "/harness".to_owned(),
        Part::Variable(name) => {
            let variables = job.map_or(&[][..], |job| &job.variables);
            match variables.iter().find(|variable| variable.name == *name) {
                Some(variable) if !variable.value.references().any(|other| other == part) => {
                    cx.value(None, &variable.value)
                }
                _ => format!("<+pipeline.variables.{}>", id(name)),
            }
        }
        Part::Secret(name) => format!("<+secrets.getValue(\"{}\")>", id(name)),
        Part::Matrix(name) => format!("<+matrix.{}>", id(name)),
        Part::Input(name) => format!("<+pipeline.variables.{}>", id(name)),
        Part::Output(other, name) => {
            let step = cx
                .portable
                .job(other)
                .and_then(|job| steps::output_step(job, name))
                .unwrap_or_default();
            if job.is_some_and(|job| job.id == *other) {
                format!("<+execution.steps.{step}.output.outputVariables.{}>", upper(name))
            } else {
                format!(
                    "<+pipeline.stages.{}.spec.execution.steps.{step}.output.outputVariables.{}>",
                    id(other),
                    upper(name)
                )
            }
        }
        Part::Image(other) => {
            // Every build is tagged with its commit, which names it here.
            let build = cx.portable.job(other).and_then(Job::pushed_image);
            build
                .and_then(|build| build.references().into_iter().next())
                .map(|reference| cx.value(None, &reference))
                .unwrap_or_default()
        }
        Part::OutputFile => "outputs.env".to_owned(),
        Part::Foreign(Platform::Harness, text) => text.clone(),
        Part::Foreign(from, text) => {
            format!("<+pipeline.variables.{}>", cx.foreign_variable(*from, text))
        }
    }
}

fn triggers(cx: &Context<'_>) {
    for trigger in &cx.portable.triggers {
        let what = match trigger {
            Trigger::Push(filter) => {
                format!("the trigger on pushes{}", of(&filter.branches, &filter.paths))
            }
            Trigger::Change(filter) => {
                format!("the trigger on changes{}", of(&filter.branches, &filter.paths))
            }
            Trigger::Tag(tags) => format!("the trigger on tags{}", of(tags, &[])),
            Trigger::Schedule { cron, .. } => format!("the schedule `{cron}`"),
            Trigger::Manual { .. } => continue,
            Trigger::Foreign(foreign) => {
                cx.lose_foreign("", foreign);
                continue;
            }
        };
        cx.lose(what, "Harness keeps triggers beside the pipeline: add one under Triggers", None);
    }
    if cx.portable.cancel_superseded {
        cx.lose(
            "that a newer run replaces the older one",
            "Switch on Auto-abort Previous Execution at the trigger",
            None,
        );
    }
}

fn of(names: &[String], paths: &[String]) -> String {
    let mut text = String::new();
    if !names.is_empty() {
        text.push_str(&format!(" of {}", names.join(", ")));
    }
    if !paths.is_empty() {
        text.push_str(&format!(" at {}", paths.join(", ")));
    }
    text
}

fn variables(cx: &Context<'_>) -> Vec<Yaml> {
    let mut out: Vec<Yaml> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str, kind: &str, value: Yaml, description: &str, required: bool| {
        if names.iter().any(|known| known == name) {
            return;
        }
        names.push(name.to_owned());
        let mut map = Map::new();
        map.set("name", name).set("type", kind);
        if !description.is_empty() {
            map.set("description", description);
        }
        map.set("required", required).set("value", value);
        out.push(map.into());
    };
    for variable in &cx.portable.variables {
        add(&id(&variable.name), "String", cx.value(None, &variable.value).into(), "", false);
    }
    for input in cx.portable.inputs() {
        let default = input.default.clone();
        let options = match &input.kind {
            InputKind::Choice(options) => Some(options.clone()),
            InputKind::Bool => Some(vec!["true".to_owned(), "false".to_owned()]),
            InputKind::Text | InputKind::Number => None,
        };
        let mut value = String::from("<+input>");
        if let Some(default) = &default
            && !default.contains(['(', ')', ','])
            && !default.is_empty()
        {
            value.push_str(&format!(".default({default})"));
        }
        if let Some(options) = options
            && !options.iter().any(|option| option.contains(['(', ')', ',']))
        {
            value.push_str(&format!(".allowedValues({})", options.join(",")));
        }
        add(&id(&input.name), "String", value.into(), &input.description, input.required);
    }
    // What is read and given nowhere is asked for.
    for job in &cx.portable.jobs {
        super::super::check::each_part(job, &mut |part| {
            if let Part::Variable(name) = part
                && !cx.defines(Some(job), name)
            {
                add(&id(name), "String", "<+input>".into(), "", false);
            }
        });
    }
    out
}

/// An approval of its own before a stage that cannot ask itself.
fn approval_before(cx: &Context<'_>, job: &Job) -> Option<Map> {
    let approval = job.environment.as_ref()?.approval.as_ref()?;
    if kind(job) == Kind::Deployment {
        return None;
    }
    let mut map = Map::new();
    let title = format!("Approve {}", job.title());
    map.set("name", name(&title)).set("identifier", format!("approve_{}", id(&job.id)));
    map.set("type", "Approval");
    map.set(
        "spec",
        execution(vec![wrap("step", deploy::approval(cx, approval, "approve"))], Vec::new()),
    );
    map.set("failureStrategies", failure("Abort"));
    map.maybe("when", job.condition.as_ref().and_then(|c| when(cx, job, c)));
    Some(map)
}

fn execution(steps: Vec<Yaml>, rollback: Vec<Yaml>) -> Map {
    let mut inner = Map::new();
    inner.set("steps", steps).filled("rollbackSteps", rollback);
    let mut map = Map::new();
    map.set("execution", inner);
    map
}

fn failure(action: &str) -> Yaml {
    let on = |error: &str| {
        let mut kind = Map::new();
        kind.set("type", action);
        let mut on = Map::new();
        on.set("errors", Yaml::flow([error])).set("action", kind);
        wrap("onFailure", on)
    };
    vec![on("AllErrors"), on("UserMarkedFailure")].into()
}

fn stage(cx: &Context<'_>, job: &Job) -> Map {
    let kind = kind(job);
    let mut map = Map::new();
    map.set("name", name(job.title())).set("identifier", id(&job.id));
    if label(job) != job.id {
        let mut tags = Map::new();
        tags.set(label(job), "");
        map.set("tags", tags);
    }
    map.set(
        "type",
        match kind {
            Kind::Ci => "CI",
            Kind::Deployment => "Deployment",
            Kind::Custom => "Custom",
            Kind::Approval => "Approval",
        },
    );
    map.maybe(
        "timeout",
        job.timeout.filter(|_| kind != Kind::Approval).map(|m| stage_minutes(job, m)),
    );
    map.set(
        "spec",
        match kind {
            Kind::Ci => ci(cx, job),
            Kind::Deployment => deploy::deployment(cx, job),
            Kind::Custom => deploy::custom(cx, job),
            Kind::Approval => {
                let approval = job.steps.iter().find_map(|step| match &step.action {
                    Action::Approval(approval) => Some(approval.clone()),
                    _ => None,
                });
                let approval = approval.unwrap_or_default();
                execution(
                    vec![wrap("step", deploy::approval(cx, &approval, "approve"))],
                    Vec::new(),
                )
            }
        },
    );
    match kind {
        Kind::Deployment => {
            map.set("failureStrategies", failure("StageRollback"));
        }
        Kind::Custom => {
            let action = if deploy::rolls_back(job) { "StageRollback" } else { "Abort" };
            map.set("failureStrategies", failure(action));
        }
        Kind::Approval => {
            map.set("failureStrategies", failure("Abort"));
        }
        Kind::Ci => {
            if job.soft_fail {
                map.set("failureStrategies", failure("Ignore"));
            } else if job.retries > 0 {
                map.set("failureStrategies", retry(job.retries));
            }
        }
    }
    if kind != Kind::Ci && (job.soft_fail || job.retries > 0) {
        cx.lose(
            format!("the retries, or that the failure is let pass, of job `{}`", job.id),
            "The stage's failure strategy takes the deployment back",
            job.line,
        );
    }
    map.maybe("when", job.condition.as_ref().and_then(|c| when(cx, job, c)));
    map.maybe("strategy", job.matrix.as_ref().map(|matrix| strategy(cx, job, matrix)));
    for foreign in &job.foreign {
        cx.lose_foreign(&job.id, foreign);
    }
    map
}

/// A stage that waits for a person has to last as long.
fn stage_minutes(job: &Job, minutes: u32) -> String {
    let approval = job.environment.as_ref().and_then(|environment| environment.approval.as_ref());
    match approval {
        Some(approval) if kind(job) == Kind::Deployment => {
            format!("{}m", minutes + approval.hours.unwrap_or(24) * 60)
        }
        _ => format!("{minutes}m"),
    }
}

fn retry(count: u32) -> Yaml {
    let mut last = Map::new();
    last.set("type", "MarkAsFailure");
    let mut spec = Map::new();
    spec.set("retryCount", count).set("retryIntervals", Yaml::flow(["10s"]));
    spec.set("onRetryFailure", wrap("action", last));
    let mut action = Map::new();
    action.set("type", "Retry").set("spec", spec);
    let mut on = Map::new();
    on.set("errors", Yaml::flow(["AllErrors"])).set("action", action);
    vec![wrap("onFailure", on)].into()
}

fn strategy(cx: &Context<'_>, job: &Job, matrix: &Matrix) -> Map {
    let mut axes = Map::new();
    for (axis, values) in &matrix.axes {
        axes.set(id(axis), Yaml::flow(values.clone()));
    }
    let exclude = matrix.exclude.iter().map(|cell| {
        let mut map = Map::new();
        for (axis, value) in cell {
            map.set(id(axis), value.as_str());
        }
        map
    });
    axes.filled("exclude", Yaml::list(exclude));
    axes.maybe("maxConcurrency", matrix.max_parallel);
    if !matrix.include.is_empty() {
        cx.lose(
            format!("the added cells of the matrix of job `{}`", job.id),
            "Harness has axes and exclusions alone",
            job.line,
        );
    }
    let mut map = Map::new();
    map.set("matrix", axes);
    map
}

fn ci(cx: &Context<'_>, job: &Job) -> Map {
    let mut spec = Map::new();
    let checks_out = job.steps.iter().any(|step| matches!(step.action, Action::Checkout { .. }));
    spec.set("cloneCodebase", checks_out);
    for step in &job.steps {
        if let Action::Checkout { depth, submodules, lfs } = &step.action
            && (depth.is_some_and(|depth| depth != 1) || *submodules || *lfs)
        {
            cx.lose(
                format!("the depth, submodules or large files of the checkout of job `{}`", job.id),
                "The clone is set up for the whole pipeline under `properties.ci.codebase`",
                step.line,
            );
        }
    }
    let mut paths: Vec<String> = Vec::new();
    let mut key: Vec<String> = Vec::new();
    for step in &job.steps {
        let Some(asked) = asked(&step.action, |folder| format!("/harness/{folder}")) else {
            continue;
        };
        key.push(asked.name);
        key.extend(asked.files.iter().map(|file| format!("{{{{ checksum \"{file}\" }}}}")));
        paths.extend(asked.paths);
    }
    if !paths.is_empty() && !withheld(cx, job) {
        let mut caching = Map::new();
        caching.set("enabled", true).set("key", key.join("-")).set("paths", Yaml::flow(paths));
        spec.set("caching", caching);
    }
    if let Some(environment) = &job.environment {
        cx.lose(
            format!("the environment `{}` of job `{}`", environment.name, job.id),
            "Environments are for deployment stages there; this one runs scripts",
            job.line,
        );
    }
    cx.remark_tools(job);
    let runner = &job.runner;
    let mut platform = Map::new();
    let (os, arch) = match runner.os {
        Os::Linux => ("Linux", "Amd64"),
        Os::Windows => ("Windows", "Amd64"),
        Os::MacOs => ("MacOS", "Arm64"),
    };
    platform.set("os", os).set("arch", arch);
    spec.set("platform", platform);
    let mut cloud = Map::new();
    match runner.size {
        Size::Usual => {}
        Size::Small => {
            cloud.set("size", "small");
        }
        Size::Large => {
            cloud.set("size", "medium");
        }
        Size::Huge => {
            cloud.set("size", "large");
        }
    }
    if !runner.labels.is_empty() || runner.version.is_some() {
        cx.lose(
            format!("the runner of job `{}`", job.id),
            "It runs on Harness Cloud; give the stage an infrastructure of one's own where it must not",
            job.line,
        );
    }
    let mut runtime = Map::new();
    runtime.set("type", "Cloud").set("spec", cloud);
    spec.set("runtime", runtime);
    if let Some(lock) = &job.lock {
        cx.lose(
            format!("the lock `{lock}` of job `{}`", job.id),
            "The step Queue is for Custom and Deployment stages; move the deployment into one",
            job.line,
        );
    }
    let mut inner = Map::new();
    inner.set("steps", steps::ci(cx, job));
    spec.set("execution", inner);
    spec
}
