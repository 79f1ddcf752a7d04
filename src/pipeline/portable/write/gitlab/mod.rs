//! GitLab CI/CD. Source: <https://docs.gitlab.com/ci/yaml/>.

mod rules;
mod steps;

use super::super::{Action, InputKind, Job, Os, Part, Rights, Secret, Size, Variable};
use super::cache::{self, Asked};
use super::context::{Context, upper};
use super::lower::image_for;
use super::stages::stages;
use super::yaml::{Map, Yaml, document};
use crate::pipeline::Platform;
use rules::{rules, rules_tests, triggers};
use steps::{commands, login_lines};

/// Words that cannot name a job.
const RESERVED: &[&str] = &[
    "image",
    "services",
    "stages",
    "types",
    "before_script",
    "after_script",
    "variables",
    "cache",
    "include",
    "true",
    "false",
    "nil",
    "default",
    "workflow",
    "spec",
    "pages",
];

fn job_name(id: &str) -> String {
    if RESERVED.contains(&id) { format!("{id}-job") } else { id.to_owned() }
}

/// The file.
pub fn write(cx: &Context<'_>) -> String {
    let portable = cx.portable;
    let mut top = Map::new();
    let mut workflow = Map::new();
    if !portable.name.is_empty() {
        workflow.set("name", portable.name.as_str());
    }
    if portable.cancel_superseded {
        let mut cancel = Map::new();
        cancel.set("on_new_commit", "interruptible");
        workflow.set("auto_cancel", cancel);
    }
    workflow.filled("rules", triggers(cx));
    top.set("workflow", workflow);
    let mut default = Map::new();
    default.set("interruptible", portable.cancel_superseded);
    top.set("default", default).apart();
    let mut variables = self::variables(cx, None, &portable.variables, &portable.secrets);
    for input in portable.inputs() {
        let mut map = Map::new();
        map.set("description", input.description.as_str());
        let default = input.default.clone().unwrap_or_default();
        let options: Option<Vec<String>> = match &input.kind {
            InputKind::Choice(options) => Some(options.clone()),
            InputKind::Bool => Some(vec!["true".to_owned(), "false".to_owned()]),
            InputKind::Text | InputKind::Number => None,
        };
        match options {
            Some(options) => {
                // The value has to be one of the options.
                let value = if options.contains(&default) {
                    default
                } else {
                    options.first().cloned().unwrap_or_default()
                };
                map.set("value", value).set("options", Yaml::flow(options));
            }
            None => {
                map.set("value", default);
            }
        }
        variables.set(upper(&input.name), map);
    }
    if !variables.is_empty() {
        top.set("variables", variables).apart();
    }
    let stages = stages(portable);
    top.set("stages", Yaml::flow(stages.iter().map(|(name, _)| name.clone()))).apart();
    for (index, job) in portable.jobs.iter().enumerate() {
        let stage = stages.iter().find(|(_, jobs)| jobs.contains(&index));
        let stage = stage.map_or("test", |(name, _)| name);
        top.set(job_name(&job.id), self::job(cx, job, stage)).apart();
        if let Some(title) = &job.title
            && *title != job.id
        {
            top.note(title.as_str());
        }
        if !job.on_failure.is_empty()
            && let Some(map) = failure_job(cx, job, stage)
        {
            top.set(format!("{}-rollback", job.id), map).apart();
            top.note("Runs when the job before it failed.");
        }
    }
    for foreign in &portable.foreign {
        cx.lose_foreign("", foreign);
    }
    if matches!(portable.rights, Rights::Only(_)) {
        cx.remark("The rights of the job token are set in the project's settings, not in the file");
    }
    document(&[], &top)
}

/// A reference in a value.
pub fn expression(cx: &Context<'_>, _: Option<&Job>, part: &Part) -> String {
    match part {
        Part::Literal(text) => text.clone(),
        Part::Commit => "$CI_COMMIT_SHA".to_owned(),
        Part::Branch => "$CI_COMMIT_REF_NAME".to_owned(),
        Part::Tag => "$CI_COMMIT_TAG".to_owned(),
        Part::ChangeNumber => "$CI_MERGE_REQUEST_IID".to_owned(),
        Part::Repository => "$CI_PROJECT_NAME".to_owned(),
        Part::RunNumber => "$CI_PIPELINE_IID".to_owned(),
        Part::Workspace => "$CI_PROJECT_DIR".to_owned(),
        Part::Variable(name) | Part::Secret(name) => format!("${{{name}}}"),
        Part::Matrix(name) | Part::Input(name) => format!("${{{}}}", upper(name)),
        Part::Output(job, name) => format!("${{{}}}", cx.output_variable(job, name)),
        Part::Image(job) => format!("${{{}}}", cx.image_variable(job)),
        Part::OutputFile => "outputs.env".to_owned(),
        Part::Foreign(Platform::GitLab, text) => text.clone(),
        Part::Foreign(from, text) => format!("${{{}}}", cx.foreign_variable(*from, text)),
    }
}

fn variables(
    cx: &Context<'_>,
    job: Option<&Job>,
    variables: &[Variable],
    secrets: &[Secret],
) -> Map {
    let mut map = Map::new();
    for variable in variables {
        map.set(&variable.name, cx.value(job, &variable.value));
    }
    for secret in secrets {
        if let Some(variable) = &secret.variable
            && *variable != secret.name
        {
            map.set(variable, format!("${}", secret.name));
        }
        cx.remark(format!(
            "The variable `{}` has to be set in the project, masked and protected",
            secret.name
        ));
    }
    map
}

fn job(cx: &Context<'_>, job: &Job, stage: &str) -> Map {
    let mut map = Map::new();
    map.set("stage", stage);
    let image = image_for(job);
    cx.remark_tools(job);
    let setups =
        job.steps.iter().filter(|step| matches!(step.action, Action::Setup { .. })).count();
    if setups > 1 {
        cx.lose(
            format!("all but the first set-up of job `{}`", job.id),
            "A job runs in one image; give it one that has all the tools",
            job.line,
        );
    }
    if let Some(image) = image {
        let text = cx.value(Some(job), &image);
        // Images of tools start the tool, not a shell.
        let tool = ["aquasec/trivy", "hashicorp/terraform", "gitleaks", "checkov"];
        if tool.iter().any(|name| text.contains(name)) {
            let mut both = Map::new();
            both.set("name", text).set("entrypoint", Yaml::Flow(vec![String::new()]));
            map.set("image", both);
        } else {
            map.set("image", text);
        }
    }
    map.filled("tags", tags(cx, job));
    let mut services = services(cx, job);
    let docker = job.steps.iter().any(|step| matches!(step.action, Action::BuildImage(_)));
    if docker && job.runner.labels.is_empty() {
        services.push("docker:28-dind".into());
    }
    map.filled("services", services);
    let needs: Vec<String> = job.needs.iter().map(|need| job_name(need)).collect();
    map.set("needs", Yaml::flow(needs));
    let mut variables = self::variables(cx, Some(job), &job.variables, &job.secrets);
    checkout(job, &mut variables);
    cache_variables(cx, job, &mut variables);
    for service in &job.services {
        for variable in &service.variables {
            if !variables.has(&variable.name) {
                variables.set(&variable.name, cx.value(Some(job), &variable.value));
            }
        }
    }
    if docker && job.runner.labels.is_empty() {
        variables.set("DOCKER_TLS_CERTDIR", "/certs");
    }
    map.filled("variables", variables);
    caches(cx, job, &mut map);
    if let Some(matrix) = &job.matrix {
        let mut axes = Map::new();
        for (axis, values) in &matrix.axes {
            axes.set(upper(axis), Yaml::flow(values.clone()));
        }
        let mut cells: Vec<Yaml> = Vec::new();
        if !axes.is_empty() {
            cells.push(axes.into());
        }
        for cell in &matrix.include {
            let mut map = Map::new();
            for (axis, value) in cell {
                map.set(upper(axis), value.as_str());
            }
            cells.push(map.into());
        }
        let mut parallel = Map::new();
        parallel.set("matrix", cells);
        map.set("parallel", parallel);
        if !matrix.exclude.is_empty() || matrix.max_parallel.is_some() {
            cx.lose(
                format!("the excluded cells or the most copies at a time of job `{}`", job.id),
                "`parallel: matrix` has neither",
                job.line,
            );
        }
    }
    map.maybe("timeout", job.timeout.map(|minutes| format!("{minutes} minutes")));
    if job.retries > 0 {
        map.set("retry", job.retries.min(2));
    }
    if job.soft_fail {
        map.set("allow_failure", true);
    }
    if let Some(environment) = &job.environment {
        let mut env = Map::new();
        env.set("name", environment.name.as_str());
        env.maybe("url", environment.url.as_ref().map(|url| cx.value(Some(job), url)));
        map.set("environment", env);
    }
    if let Some(lock) = &job.lock {
        map.set("resource_group", lock.as_str());
        map.note("One at a time, never cut off half way.");
        map.set("interruptible", false);
    }
    let rules = rules(cx, job);
    map.filled("rules", rules);
    if let Rights::Only(_) = job.rights {
        cx.remark("The rights of the job token are set in the project's settings, not in the file");
    }
    let mut lines = commands(cx, job, &job.steps);
    if lines.is_empty() {
        lines.push("echo \"Nothing to do\"".into());
    }
    if !job.outputs.is_empty() {
        for name in &job.outputs {
            lines.push(
                format!(
                    "echo \"{}=$(sed -n 's/^{name}=//p' outputs.env | tail -n 1)\" >> job.env",
                    cx.output_variable(&job.id, name)
                )
                .into(),
            );
        }
    }
    map.set("script", lines);
    map.filled("after_script", commands(cx, job, &job.always));
    map.filled("artifacts", artifacts(cx, job));
    coverage(job, &mut map);
    for foreign in &job.foreign {
        cx.lose_foreign(&job.id, foreign);
    }
    map
}

fn coverage(job: &Job, map: &mut Map) {
    let has = job.steps.iter().any(|step| matches!(step.action, Action::SaveCoverage { .. }));
    if has && let Some(Yaml::Map(artifacts)) = map.get_mut("artifacts") {
        artifacts.note("The report is shown beside the changed lines.");
    }
}

fn tags(cx: &Context<'_>, job: &Job) -> Yaml {
    let runner = &job.runner;
    if !runner.labels.is_empty() {
        return Yaml::flow(runner.labels.clone());
    }
    match (runner.os, runner.size) {
        (Os::Linux, Size::Usual) => Yaml::Flow(Vec::new()),
        (Os::Linux, size) => Yaml::flow([match size {
            Size::Large => "saas-linux-medium-amd64",
            Size::Huge => "saas-linux-large-amd64",
            Size::Small | Size::Usual => "saas-linux-small-amd64",
        }]),
        (Os::MacOs, _) => Yaml::flow(["saas-macos-medium-m1"]),
        (Os::Windows, _) => {
            cx.remark("Windows runners of GitLab are a beta; a runner of one's own needs its tag");
            Yaml::flow(["saas-windows-medium-amd64"])
        }
    }
}

fn services(cx: &Context<'_>, job: &Job) -> Vec<Yaml> {
    job.services
        .iter()
        .map(|service| {
            let mut map = Map::new();
            map.set("name", cx.value(Some(job), &service.image));
            if !service.name.is_empty() {
                map.set("alias", service.name.as_str());
            }
            map.into()
        })
        .collect()
}

fn checkout(job: &Job, variables: &mut Map) {
    let checkout = job.steps.iter().find_map(|step| match &step.action {
        Action::Checkout { depth, submodules, lfs } => Some((*depth, *submodules, *lfs)),
        _ => None,
    });
    match checkout {
        Some((depth, submodules, lfs)) => {
            variables.set("GIT_DEPTH", depth.unwrap_or(1).to_string());
            if submodules {
                variables.set("GIT_SUBMODULE_STRATEGY", "recursive");
            }
            if !lfs && depth == Some(0) {
                variables.set("GIT_LFS_SKIP_SMUDGE", "1");
            }
        }
        None => {
            variables.set("GIT_STRATEGY", "none");
        }
    }
}

fn cache_variables(cx: &Context<'_>, job: &Job, variables: &mut Map) {
    for (name, value) in cache::folders(cx, job, "$CI_PROJECT_DIR") {
        if !variables.has(name) {
            variables.set(name, value);
        }
    }
}

fn caches(cx: &Context<'_>, job: &Job, map: &mut Map) {
    let mut all: Vec<Yaml> = Vec::new();
    for step in &job.steps {
        let Some(Asked { name, files, paths }) =
            cache::asked(&step.action, |folder| format!("{folder}/"))
        else {
            continue;
        };
        if cache::withheld(cx, job) {
            continue;
        }
        if files.len() > 2 {
            cx.lose(
                format!("the key's files beyond two of the cache `{name}` in job `{}`", job.id),
                "`cache:key:files` takes two files",
                step.line,
            );
        }
        let mut cache = Map::new();
        if files.is_empty() {
            cache.set("key", name);
        } else {
            let mut key = Map::new();
            key.set("files", Yaml::flow(files.into_iter().take(2))).set("prefix", name);
            cache.set("key", key);
        }
        cache.set("paths", Yaml::flow(paths));
        all.push(cache.into());
    }
    if all.len() > 4 {
        all.truncate(4);
        cx.lose(
            format!("the caches beyond four of job `{}`", job.id),
            "A job has four at most",
            job.line,
        );
    }
    match all.len() {
        0 => {}
        1 => {
            map.maybe("cache", all.pop());
        }
        _ => {
            map.set("cache", all);
        }
    }
}

fn artifacts(cx: &Context<'_>, job: &Job) -> Map {
    let mut map = Map::new();
    let mut paths: Vec<String> = Vec::new();
    let mut days = None;
    let mut reports = Map::new();
    let mut always = false;
    for step in job.all_steps() {
        match &step.action {
            Action::SaveArtifact { paths: kept, days: kept_days, .. } => {
                always |= job.always.iter().any(|other| std::ptr::eq(other, step));
                paths.extend(kept.iter().cloned());
                days = days.max(Some(kept_days.unwrap_or(7)));
            }
            Action::SaveTestReport(report) => {
                always = true;
                reports.set("junit", Yaml::flow(report.paths.clone()));
            }
            Action::SaveCoverage { file, format } => {
                if matches!(format.as_str(), "cobertura" | "jacoco") {
                    let mut report = Map::new();
                    report.set("coverage_format", format.as_str()).set("path", file.as_str());
                    reports.set("coverage_report", report);
                } else {
                    paths.push(file.clone());
                    cx.lose(
                        format!("the coverage in the format {format} of job `{}`", job.id),
                        "GitLab shows cobertura and jacoco; the file is kept as an artifact",
                        step.line,
                    );
                }
            }
            _ => {}
        }
    }
    if job.pushed_image().is_some() || !job.outputs.is_empty() {
        reports.set("dotenv", "job.env");
    }
    if paths.is_empty() && reports.is_empty() {
        return map;
    }
    if always {
        map.set("when", "always");
    }
    let days = days.unwrap_or(7);
    map.set("expire_in", if days == 1 { "1 day".to_owned() } else { format!("{days} days") });
    map.filled("paths", Yaml::flow(paths));
    map.filled("reports", reports);
    map
}

/// The job that runs when this one failed.
fn failure_job(cx: &Context<'_>, job: &Job, stage: &str) -> Option<Map> {
    let lines = commands(cx, job, &job.on_failure);
    if lines.is_empty() {
        return None;
    }
    let mut map = Map::new();
    map.set("stage", stage);
    map.maybe("image", image_for(job).map(|image| cx.value(Some(job), &image)));
    map.filled("tags", tags(cx, job));
    // Of this job alone: when one before it failed there is nothing to take back.
    let mut needs = vec![job_name(&job.id)];
    for step in &job.on_failure {
        super::super::check::each_part_of(step, &mut |part| {
            if let Part::Image(other) | Part::Output(other, _) = part
                && *other != job.id
                && matches!(step.action, Action::Run { .. })
                && !needs.contains(&job_name(other))
            {
                needs.push(job_name(other));
            }
        });
    }
    map.set("needs", Yaml::flow(needs));
    map.filled("variables", variables(cx, Some(job), &job.variables, &job.secrets));
    map.maybe("timeout", job.timeout.map(|minutes| format!("{minutes} minutes")));
    if let Some(environment) = &job.environment {
        let mut env = Map::new();
        env.set("name", environment.name.as_str());
        map.set("environment", env);
    }
    map.maybe("resource_group", job.lock.clone());
    map.set("interruptible", false);
    let mut rules = Vec::new();
    let conditions = rules_tests(cx, job);
    if conditions.is_empty() {
        let mut rule = Map::new();
        rule.set("when", "on_failure");
        rules.push(Yaml::from(rule));
    }
    for test in conditions {
        let mut rule = Map::new();
        rule.set("if", test).set("when", "on_failure");
        rules.push(rule.into());
    }
    map.set("rules", rules);
    map.set("script", [&login_lines(cx, job)[..], &lines[..]].concat());
    Some(map)
}
