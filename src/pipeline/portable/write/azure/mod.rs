//! Azure Pipelines. Source: <https://learn.microsoft.com/azure/devops/pipelines/yaml-schema/>.

mod steps;
mod trigger;

mod condition;

use super::super::{Action, Approval, Job, Os, Part, Rights, Size, Variable};
use super::cache;
use super::cells::cells;
use super::context::{Context, identifier, upper};
use super::lower::writer_of;
use super::prepare::is_approval;
use super::stages::stages;
use super::yaml::{Map, Yaml, document};
use crate::pipeline::Platform;
use condition::{test, whole_condition};
use trigger::{parameters, triggers};

/// Where each job stands: the stage's name, where stages are used.
struct Places {
    stages: Vec<(String, Vec<usize>)>,
    staged: bool,
}

impl Places {
    fn stage(&self, job: usize) -> Option<&str> {
        let found = self.stages.iter().find(|(_, jobs)| jobs.contains(&job));
        found.map(|(name, _)| name.as_str()).filter(|_| self.staged)
    }
}

fn id(text: &str) -> String {
    identifier(text)
}

/// The file.
pub fn write(cx: &Context<'_>) -> String {
    let portable = cx.portable;
    let staged = portable.jobs.iter().any(|job| job.environment.is_some() || job.lock.is_some());
    let stages: Vec<(String, Vec<usize>)> =
        stages(portable).into_iter().map(|(name, jobs)| (id(&name), jobs)).collect();
    let places = Places { stages, staged };
    let mut top = Map::new();
    if !portable.name.is_empty() {
        top.set(
            "name",
            format!(
                "{} $(Date:yyyyMMdd)$(Rev:.r)",
                portable.name.replace([':', '/', '"', '<', '>', '|', '?', '@', '*'], "-")
            ),
        );
    }
    parameters(cx, &mut top);
    triggers(cx, &mut top);
    resources(cx, &mut top);
    let variables = variables(cx, None, &portable.variables);
    if !variables.is_empty() {
        top.set("variables", variables).apart();
    }
    if places.staged {
        let stages: Vec<Map> =
            places.stages.iter().map(|(name, jobs)| stage(cx, &places, name, jobs)).collect();
        top.set("stages", Yaml::list(stages)).apart();
    } else {
        let all: Vec<usize> = (0..portable.jobs.len()).collect();
        top.set("jobs", Yaml::list(jobs(cx, &places, &all))).apart();
    }
    for foreign in &portable.foreign {
        cx.lose_foreign("", foreign);
    }
    if matches!(portable.rights, Rights::Only(_))
        || portable.jobs.iter().any(|job| matches!(job.rights, Rights::Only(_)))
    {
        cx.remark("The rights of the job token are set in the project's settings, not in the file");
    }
    // The service reads both; its schema takes texts alone but for inputs of tasks and
    // for these settings, which it takes as texts at scripts and typed at tasks.
    let typed = ["continueOnError", "timeoutInMinutes", "retryCountOnTaskFailure"];
    top.texts_only(&["inputs"], ("task", &typed));
    document(&[], &top)
}

/// A reference in a value.
pub fn expression(cx: &Context<'_>, job: Option<&Job>, part: &Part) -> String {
    let own = |other: &str| job.is_some_and(|job| job.id == other);
    match part {
        Part::Literal(text) => text.clone(),
        Part::Commit => "$(Build.SourceVersion)".to_owned(),
        Part::Branch | Part::Tag => "$(Build.SourceBranchName)".to_owned(),
        Part::ChangeNumber => "$(System.PullRequest.PullRequestId)".to_owned(),
        Part::Repository => "$(Build.Repository.Name)".to_owned(),
        Part::RunNumber => "$(Build.BuildId)".to_owned(),
        Part::Workspace => "$(Build.SourcesDirectory)".to_owned(),
        Part::Variable(name) | Part::Secret(name) => format!("$({name})"),
        Part::Matrix(name) => format!("$({})", upper(name)),
        Part::Input(name) => format!("${{{{ parameters.{} }}}}", id(name)),
        Part::Output(other, name) if own(other) => {
            let step = job.map_or_else(String::new, |job| output_step(job, name));
            format!("$({step}.{})", id(name))
        }
        Part::Output(other, name) => format!("$({})", cx.output_variable(other, name)),
        Part::Image(other) if own(other) => format!("$(build.{})", cx.image_variable(other)),
        Part::Image(other) => format!("$({})", cx.image_variable(other)),
        Part::OutputFile => "$(Agent.TempDirectory)/outputs.env".to_owned(),
        Part::Foreign(Platform::Azure, text) => text.clone(),
        Part::Foreign(from, text) => format!("$({})", cx.foreign_variable(*from, text)),
    }
}

/// The name of the job's step that writes an output.
fn output_step(job: &Job, name: &str) -> String {
    steps::output_name(writer_of(job, name).unwrap_or(1))
}

fn resources(cx: &Context<'_>, top: &mut Map) {
    let mut all: Vec<Yaml> = Vec::new();
    for job in &cx.portable.jobs {
        for service in &job.services {
            let mut map = Map::new();
            map.set("container", service_id(job, &service.name));
            map.set("image", cx.value(Some(job), &service.image));
            map.filled("env", variables(cx, Some(job), &service.variables));
            let ports = service.ports.iter().map(|port| format!("{port}:{port}"));
            map.filled("ports", Yaml::flow(ports));
            if let Some(ready) = &service.ready {
                map.set(
                    "options",
                    format!("--health-cmd \"{}\" --health-interval 5s", ready.replace('"', "\\\"")),
                );
            }
            all.push(map.into());
        }
    }
    if !all.is_empty() {
        let mut map = Map::new();
        map.set("containers", all);
        top.set("resources", map).apart();
    }
}

fn service_id(job: &Job, name: &str) -> String {
    format!("{}_{}", id(&job.id), id(name))
}

fn variables(cx: &Context<'_>, job: Option<&Job>, variables: &[Variable]) -> Map {
    let mut map = Map::new();
    for variable in variables {
        map.set(&variable.name, cx.value(job, &variable.value));
    }
    map
}

fn stage(cx: &Context<'_>, places: &Places, name: &str, members: &[usize]) -> Map {
    let portable = cx.portable;
    let mut map = Map::new();
    map.set("stage", name).apart();
    let mut depends: Vec<String> = Vec::new();
    for job in members.iter().filter_map(|at| portable.jobs.get(*at)) {
        for (at, other) in portable.jobs.iter().enumerate() {
            if job.needs.contains(&other.id)
                && let Some(stage) = places.stage(at)
                && stage != name
                && !depends.iter().any(|known| known == stage)
            {
                depends.push(stage.to_owned());
            }
        }
    }
    // Without it a stage waits for the one above.
    if depends.is_empty() {
        map.set("dependsOn", Yaml::Flow(Vec::new()));
    } else {
        map.set("dependsOn", Yaml::flow(depends));
    }
    let all: Vec<&Job> = members.iter().filter_map(|at| portable.jobs.get(*at)).collect();
    // One condition for all of its jobs stands at the stage, so that it is skipped whole.
    if let Some(text) = stage_condition(cx, &all) {
        map.set("condition", text);
    }
    if all.iter().any(|job| job.lock.is_some()) {
        map.set("lockBehavior", "sequential").note("One at a time, never cut off half way.");
        cx.remark(
            "Add an exclusive lock check to the environments, so that `lockBehavior` takes effect",
        );
    }
    map.set("jobs", Yaml::list(jobs(cx, places, members)));
    map
}

fn stage_condition(cx: &Context<'_>, jobs: &[&Job]) -> Option<String> {
    let (first, rest) = jobs.split_first()?;
    let condition = first.condition.as_ref()?;
    let same = rest.iter().all(|job| job.condition.as_ref() == Some(condition));
    same.then(|| whole_condition(cx, first, condition)).flatten()
}

fn jobs(cx: &Context<'_>, places: &Places, members: &[usize]) -> Vec<Map> {
    let mut out = Vec::new();
    let all: Vec<&Job> = members.iter().filter_map(|at| cx.portable.jobs.get(*at)).collect();
    let at_stage = places.staged && stage_condition(cx, &all).is_some();
    for index in members {
        let Some(job) = cx.portable.jobs.get(*index) else { continue };
        let stage = places.stage(*index);
        let mut needs: Vec<String> = Vec::new();
        for (at, other) in cx.portable.jobs.iter().enumerate() {
            if job.needs.contains(&other.id) && places.stage(at) == stage {
                needs.push(id(&other.id));
            }
        }
        if let Some(approval) = job.environment.as_ref().and_then(|env| env.approval.as_ref()) {
            let mut map = Map::new();
            let name = format!("approve_{}", id(&job.id));
            map.set("job", name.as_str());
            validation(&mut map, approval, &needs);
            if !at_stage && let Some(condition) = &job.condition {
                map.maybe("condition", whole_condition(cx, job, condition));
            }
            out.push(map);
            needs.push(name);
        }
        out.push(self::job(cx, places, *index, job, &needs, at_stage));
    }
    out
}

/// A job without a machine that waits for a person.
fn validation(map: &mut Map, approval: &Approval, needs: &[String]) {
    let hours = approval.hours.unwrap_or(24);
    map.set("displayName", "Approve");
    map.filled("dependsOn", Yaml::flow(needs.iter().cloned()));
    map.set("pool", "server");
    map.set("timeoutInMinutes", hours * 60);
    let mut inputs = Map::new();
    inputs.set("notifyUsers", Yaml::script(&approval.approvers.join("\n")));
    let message = if approval.message.is_empty() { "Go on?" } else { &approval.message };
    inputs.set("instructions", message).set("onTimeout", "reject");
    let mut step = Map::new();
    step.set("task", "ManualValidation@1").set("inputs", inputs);
    map.set("steps", Yaml::list([step]));
}

fn job(
    cx: &Context<'_>,
    places: &Places,
    index: usize,
    job: &Job,
    needs: &[String],
    at_stage: bool,
) -> Map {
    let mut map = Map::new();
    if is_approval(job) {
        map.set("job", id(&job.id));
        if let Some(Action::Approval(approval)) = job.steps.first().map(|step| &step.action) {
            validation(&mut map, approval, needs);
        }
        return map;
    }
    let deployment = job.environment.is_some();
    map.set(if deployment { "deployment" } else { "job" }, id(&job.id));
    map.maybe("displayName", job.title.clone());
    if needs.is_empty() {
        if !places.staged {
            map.set("dependsOn", Yaml::Flow(Vec::new()));
        }
    } else {
        map.set("dependsOn", Yaml::flow(needs.iter().cloned()));
    }
    if !at_stage && let Some(condition) = &job.condition {
        map.maybe("condition", whole_condition(cx, job, condition));
    }
    map.set("pool", pool(cx, job));
    map.maybe("container", job.runner.image.as_ref().map(|image| cx.value(Some(job), image)));
    map.maybe("timeoutInMinutes", job.timeout);
    if job.soft_fail {
        map.set("continueOnError", true);
    }
    let mut services = Map::new();
    for service in &job.services {
        services.set(&service.name, service_id(job, &service.name));
    }
    map.filled("services", services);
    let mut env = variables(cx, Some(job), &job.variables);
    for (name, value) in cache::folders(cx, job, "$(Pipeline.Workspace)") {
        if !env.has(name) {
            env.set(name, value);
        }
    }
    handed_on(cx, places, index, job, &mut env);
    map.filled("variables", env);
    if let Some(environment) = &job.environment {
        map.set("environment", environment.name.as_str());
        cx.remark(format!("The environment `{}` has to exist in the project", environment.name));
        if environment.url.is_some() {
            cx.lose(
                format!("the address of the environment `{}`", environment.name),
                "Azure's environments have no address",
                job.line,
            );
        }
    }
    if let Some(matrix) = &job.matrix {
        if deployment {
            cx.lose(
                format!("the matrix of job `{}`", job.id),
                "A deployment job has one strategy; make a job of each cell",
                job.line,
            );
        } else {
            let mut strategy = Map::new();
            let mut legs = Map::new();
            for (name, cell) in cells(matrix) {
                let mut leg = Map::new();
                for (axis, value) in cell {
                    leg.set(upper(&axis), value);
                }
                let name = if name.starts_with(|c: char| c.is_ascii_digit()) {
                    format!("v{name}")
                } else {
                    name
                };
                legs.set(name, leg);
            }
            strategy.set("matrix", legs).maybe("maxParallel", matrix.max_parallel);
            map.set("strategy", strategy);
            if matrix.fail_fast {
                cx.lose(
                    format!("that a failed copy of job `{}` stops the others", job.id),
                    "Azure lets all copies end",
                    job.line,
                );
            }
        }
    }
    let mut all = match steps::steps(cx, job, &job.steps, None) {
        Yaml::Seq(items) => items,
        _ => Vec::new(),
    };
    // Not `on: failure` of a deployment: that is a job of its own, on a machine without the
    // logins and files of this one.
    // <https://learn.microsoft.com/azure/devops/pipelines/process/deployment-jobs>
    for (steps, when) in [(&job.on_failure, "failed()"), (&job.always, "always()")] {
        if !steps.is_empty()
            && let Yaml::Seq(items) = steps::steps(cx, job, steps, Some(when))
        {
            all.extend(items);
        }
    }
    if deployment {
        let mut deploy = Map::new();
        deploy.set("steps", all);
        let mut once = Map::new();
        once.set("deploy", deploy);
        let mut strategy = Map::new();
        strategy.set("runOnce", once);
        map.set("strategy", strategy);
    } else {
        map.set("steps", all);
    }
    for foreign in &job.foreign {
        cx.lose_foreign(&job.id, foreign);
    }
    map
}

/// What other jobs hand on becomes variables of this one.
fn handed_on(cx: &Context<'_>, places: &Places, index: usize, job: &Job, env: &mut Map) {
    super::super::check::each_part(job, &mut |part| {
        let (other, variable, step, name) = match part {
            Part::Image(other) => {
                let variable = cx.image_variable(other);
                (other, variable.clone(), "build".to_owned(), variable)
            }
            Part::Output(other, name) => {
                let step =
                    cx.portable.job(other).map_or_else(String::new, |job| output_step(job, name));
                (other, cx.output_variable(other, name), step, id(name))
            }
            _ => return,
        };
        if *other == job.id || env.has(&variable) {
            return;
        }
        let Some(at) = cx.portable.jobs.iter().position(|job| job.id == *other) else { return };
        let theirs = id(other);
        let key = if cx.portable.jobs[at].environment.is_some() {
            format!("{theirs}.{step}.{name}")
        } else {
            format!("{step}.{name}")
        };
        let from = match places.stage(at) {
            Some(stage) if places.stage(index) != Some(stage) => {
                format!("stageDependencies.{stage}.{theirs}")
            }
            _ => format!("dependencies.{theirs}"),
        };
        env.set(variable, format!("$[ {from}.outputs['{key}'] ]"));
    });
}

fn pool(cx: &Context<'_>, job: &Job) -> Map {
    let runner = &job.runner;
    let mut map = Map::new();
    if runner.labels.is_empty() {
        if runner.size != Size::Usual {
            cx.lose(
                format!("the runner's size of job `{}`", job.id),
                "Microsoft's agents have one size; use a pool of one's own",
                job.line,
            );
        }
        let version = runner.version.as_deref().unwrap_or("latest");
        let name = match runner.os {
            Os::Linux => "ubuntu",
            Os::Windows => "windows",
            Os::MacOs => "macOS",
        };
        map.set("vmImage", format!("{name}-{version}"));
    } else {
        let pool = runner.labels.iter().find(|label| *label != "self-hosted");
        map.set("name", pool.map_or("Default", String::as_str));
        cx.remark("The pools of one's own machines have to exist under the names in the file");
    }
    map
}
