//! Bitbucket Pipelines. Source: <https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference/>.

mod events;
mod steps;

use super::super::{Action, InputKind, Job, Login, Os, Part, Rights, Size, Step};
use super::cache::{Asked, asked, withheld};
use super::cells::cells;
use super::context::{Context, identifier, quoted, upper};
use super::lower::image_for;
use super::prepare::{is_approval, releases};
use super::stages::{Event, holds};
use super::yaml::{Map, Yaml, document};
use crate::pipeline::Platform;
use events::{entries, paths_of};
use steps::{commands, hand_over, prologue};

/// The file.
pub fn write(cx: &Context<'_>) -> String {
    let portable = cx.portable;
    let mut top = Map::new();
    let mut clone = Map::new();
    clone.set("depth", 1u32);
    top.set("clone", clone);
    let mut definitions = Map::new();
    let mut caches = Map::new();
    let mut services = Map::new();
    for job in &portable.jobs {
        define_caches(cx, job, &mut caches);
        for service in &job.services {
            let mut map = Map::new();
            map.set("image", cx.value(Some(job), &service.image));
            let mut env = Map::new();
            for variable in &service.variables {
                env.set(&variable.name, cx.value(Some(job), &variable.value));
            }
            map.filled("variables", env);
            if !services.has(&service.name) {
                services.set(&service.name, map);
            }
        }
    }
    definitions.filled("caches", caches);
    definitions.filled("services", services);
    if !definitions.is_empty() {
        top.set("definitions", definitions).apart();
    }
    let mut pipelines = Map::new();
    let mut written: Vec<String> = Vec::new();
    for (section, name, event) in entries(cx) {
        let items = items(cx, event, &mut written);
        if items.is_empty() {
            continue;
        }
        let mut list = Vec::new();
        if section == "custom" {
            let variables: Vec<Map> = portable
                .inputs()
                .map(|input| {
                    let mut map = Map::new();
                    map.set("name", upper(&input.name));
                    map.maybe("default", input.default.clone());
                    let allowed = match &input.kind {
                        InputKind::Choice(options) => options.clone(),
                        InputKind::Bool => vec!["true".to_owned(), "false".to_owned()],
                        InputKind::Text | InputKind::Number => Vec::new(),
                    };
                    map.filled("allowed-values", Yaml::flow(allowed));
                    if !input.description.is_empty() {
                        map.set("description", input.description.as_str());
                    }
                    map
                })
                .collect();
            if !variables.is_empty() && event == Event::Manual {
                let mut map = Map::new();
                map.set("variables", Yaml::list(variables));
                list.push(Yaml::from(map));
            }
        }
        list.extend(items);
        if section == "default" {
            pipelines.set(section, list).apart();
            continue;
        }
        if !pipelines.has(section) {
            pipelines.set(section, Map::new()).apart();
        }
        if let Some(Yaml::Map(map)) = pipelines.get_mut(section)
            && !map.has(&name)
        {
            map.set(name, list);
        }
    }
    if pipelines.is_empty() {
        let items = items(cx, Event::Manual, &mut written);
        let mut custom = Map::new();
        custom.set("run", items);
        pipelines.set("custom", custom);
    }
    top.set("pipelines", pipelines).apart();
    for job in &portable.jobs {
        if !written.contains(&job.id) {
            cx.lose(
                format!("job `{}`", job.id),
                "No event that starts the pipeline meets its condition",
                job.line,
            );
        }
    }
    for foreign in &portable.foreign {
        cx.lose_foreign("", foreign);
    }
    if portable.cancel_superseded {
        cx.lose(
            "that a newer run replaces the older one",
            "Bitbucket has no such setting; stop the older run by hand",
            None,
        );
    }
    if matches!(portable.rights, Rights::Only(_)) {
        cx.remark("Steps have no token with rights of its own; they have those of the variables they read");
    }
    document(&[], &top)
}

/// A reference in a value.
pub fn expression(cx: &Context<'_>, _: Option<&Job>, part: &Part) -> String {
    match part {
        Part::Literal(text) => text.clone(),
        Part::Commit => "$BITBUCKET_COMMIT".to_owned(),
        Part::Branch => "$BITBUCKET_BRANCH".to_owned(),
        Part::Tag => "$BITBUCKET_TAG".to_owned(),
        Part::ChangeNumber => "$BITBUCKET_PR_ID".to_owned(),
        Part::Repository => "$BITBUCKET_REPO_SLUG".to_owned(),
        Part::RunNumber => "$BITBUCKET_BUILD_NUMBER".to_owned(),
        Part::Workspace => "$BITBUCKET_CLONE_DIR".to_owned(),
        Part::Variable(name) | Part::Secret(name) => format!("${{{name}}}"),
        Part::Matrix(name) | Part::Input(name) => format!("${{{}}}", upper(name)),
        Part::Output(job, name) => format!("${{{}}}", cx.output_variable(job, name)),
        Part::Image(job) => format!("${{{}}}", cx.image_variable(job)),
        Part::OutputFile => "outputs.env".to_owned(),
        Part::Foreign(Platform::Bitbucket, text) => text.clone(),
        Part::Foreign(from, text) => format!("${{{}}}", cx.foreign_variable(*from, text)),
    }
}

fn define_caches(cx: &Context<'_>, job: &Job, caches: &mut Map) {
    if releases(cx.portable) {
        return;
    }
    for step in &job.steps {
        for folder in excluded(step) {
            cx.lose(
                format!("that the cache of job `{}` leaves out `{folder}`", job.id),
                "A cache has a folder; what is in it is kept",
                step.line.or(job.line),
            );
        }
        for (name, files, path) in defined(step) {
            let mut map = Map::new();
            if !files.is_empty() {
                let mut key = Map::new();
                key.set("files", Yaml::flow(files));
                map.set("key", key);
            }
            map.set("path", path);
            let map = Yaml::Map(map);
            match caches.get_mut(&name) {
                Some(known) if *known == map => {}
                Some(_) => cx.lose(
                    format!("the files or the folder of the cache `{name}` of job `{}`", job.id),
                    "The cache of another job has this name; the first one's are taken",
                    step.line.or(job.line),
                ),
                None => {
                    caches.set(name, map);
                }
            }
        }
    }
}

/// The caches of a step, one to a folder: name, files of the key, folder.
fn defined(step: &Step) -> Vec<(String, Vec<String>, String)> {
    let Some(Asked { mut name, files, paths }) = asked(&step.action, str::to_owned) else {
        return Vec::new();
    };
    if let Action::CacheDependencies { lockfiles, .. } = &step.action {
        name = cache_name(&name, lockfiles);
    }
    let kept = paths.into_iter().filter(|path| !path.starts_with('!')).enumerate();
    kept.map(|(at, path)| {
        let name = if at == 0 { name.clone() } else { format!("{name}-{}", at + 1) };
        (name, files.clone(), path)
    })
    .collect()
}

/// What a cache leaves out of its folders.
fn excluded(step: &Step) -> Vec<&str> {
    let paths: &[String] = match &step.action {
        Action::CacheDependencies { paths, .. } | Action::Cache { paths, .. } => paths,
        _ => &[],
    };
    paths.iter().filter_map(|path| path.strip_prefix('!')).collect()
}

/// Names of the platform's own caches are not taken: those have no key.
fn cache_name(manager: &str, lockfiles: &[String]) -> String {
    match lockfiles.first().and_then(|file| file.rsplit_once('/')) {
        Some((folder, _)) => format!("{manager}-{}", identifier(folder).replace('_', "-")),
        None => format!("{manager}-packages"),
    }
}

fn items(cx: &Context<'_>, event: Event<'_>, written: &mut Vec<String>) -> Vec<Yaml> {
    let portable = cx.portable;
    let mut out = Vec::new();
    let runs = |job: &Job| {
        job.condition.as_ref().is_none_or(|c| holds(c, event, portable.branch()) != Some(false))
    };
    // What needs a job that does not run at this event does not run either.
    let mut skipped: Vec<&str> = Vec::new();
    for level in portable.levels().unwrap_or_default() {
        let mut steps: Vec<(Map, bool)> = Vec::new();
        for job in level.iter().filter_map(|at| portable.jobs.get(*at)) {
            if !runs(job) || job.needs.iter().any(|need| skipped.contains(&need.as_str())) {
                skipped.push(&job.id);
                continue;
            }
            if !written.contains(&job.id) {
                written.push(job.id.clone());
            }
            let manual = is_approval(job)
                || job.environment.as_ref().is_some_and(|env| env.approval.is_some());
            match &job.matrix {
                Some(matrix) => {
                    for (name, cell) in cells(matrix) {
                        steps.push((step(cx, job, event, Some((&name, &cell))), manual));
                    }
                }
                None => steps.push((step(cx, job, event, None), manual)),
            }
        }
        let (manual, automatic): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|(_, manual)| *manual);
        let automatic: Vec<Yaml> =
            automatic.into_iter().map(|(map, _)| wrap("step", map)).collect();
        match automatic.len() {
            0 => {}
            1 => out.extend(automatic),
            _ => {
                let mut group = Map::new();
                group.set("fail-fast", true).set("steps", automatic);
                out.push(wrap("parallel", group));
            }
        }
        for (mut map, _) in manual {
            // A step in a parallel group cannot wait, nor can the first one.
            if out.is_empty() {
                // The first step of a pipeline cannot wait.
                let mut clone = Map::new();
                clone.set("enabled", false);
                let mut start = Map::new();
                start.set("name", "Start").set("clone", clone);
                start.set("script", Yaml::list(["echo Started"]));
                out.push(wrap("step", start));
            }
            map.set("trigger", "manual");
            out.push(wrap("step", map));
        }
    }
    out
}

fn wrap(key: &str, map: Map) -> Yaml {
    let mut outer = Map::new();
    outer.set(key, map);
    outer.into()
}

fn step(
    cx: &Context<'_>,
    job: &Job,
    event: Event<'_>,
    cell: Option<(&String, &Vec<(String, String)>)>,
) -> Map {
    let mut map = Map::new();
    let title = match cell {
        Some((name, _)) => format!("{} {name}", job.title()),
        None => job.title().to_owned(),
    };
    map.set("name", title);
    cx.remark_tools(job);
    if let Some(image) = image_for(job) {
        let text = image.render(|part| match part {
            Part::Matrix(axis) => cell
                .and_then(|(_, cell)| cell.iter().find(|(name, _)| name == axis))
                .map(|(_, value)| value.clone())
                .unwrap_or_default(),
            part => expression(cx, Some(job), part),
        });
        map.set("image", text);
    }
    let runner = &job.runner;
    if !runner.labels.is_empty() {
        let labels: Vec<&str> = runner.labels.iter().map(String::as_str).collect();
        map.set("runs-on", Yaml::flow(labels));
    } else if runner.os != Os::Linux {
        let label = if runner.os == Os::Windows { "windows" } else { "macos" };
        map.set("runs-on", Yaml::flow(["self.hosted", label]));
        cx.remark(format!("Bitbucket hosts Linux alone: a runner of one's own with the label `{label}` has to exist"));
    } else {
        match runner.size {
            Size::Small | Size::Usual => {}
            Size::Large => {
                map.set("size", "2x");
            }
            Size::Huge => {
                map.set("size", "4x");
            }
        }
    }
    map.maybe("max-time", job.timeout);
    if let Some(environment) = &job.environment {
        map.set("deployment", environment.name.as_str());
        cx.remark(format!(
            "The deployment environment `{}` has to exist in the repository's settings",
            environment.name
        ));
        if environment.url.is_some() {
            cx.lose(
                format!("the address of the environment `{}`", environment.name),
                "Bitbucket's environments have no address in the file",
                job.line,
            );
        }
        if environment.approval.as_ref().is_some_and(|approval| !approval.approvers.is_empty()) {
            cx.remark(format!(
                "Who may start the step is set at the environment `{}`",
                environment.name
            ));
        }
    }
    if let Some(lock) = &job.lock {
        map.set("concurrency-group", lock.chars().take(50).collect::<String>());
        map.note("One at a time, never cut off half way.");
    }
    for (there, what, why) in [
        (
            job.soft_fail,
            "that its failure is let pass",
            "End the script's commands with `|| true` where that is meant",
        ),
        (job.retries > 0, "the retries", "Bitbucket has none; a failed step is run again by hand"),
    ] {
        if there {
            cx.lose(format!("{what}, of job `{}`", job.id), why, job.line);
        }
    }
    clone(job, &mut map);
    let paths = job.condition.as_ref().and_then(|c| paths_of(cx, job, c, event));
    if let Some(paths) = paths {
        let mut sets = Map::new();
        sets.set("includePaths", Yaml::flow(paths));
        let mut condition = Map::new();
        condition.set("changesets", sets);
        map.set("condition", condition);
    }
    let mut caches = Vec::new();
    for step in &job.steps {
        if asked(&step.action, str::to_owned).is_some() && !withheld(cx, job) {
            for (name, _, _) in defined(step) {
                if !caches.contains(&name) {
                    caches.push(name);
                }
            }
        }
    }
    let docker = job.steps.iter().any(|step| {
        matches!(step.action, Action::BuildImage(_) | Action::Login(Login::Registry { .. }))
    });
    if docker && !releases(cx.portable) {
        caches.push("docker".to_owned());
    }
    map.filled("caches", Yaml::flow(caches));
    let mut services: Vec<String> =
        job.services.iter().map(|service| service.name.clone()).collect();
    if docker {
        services.push("docker".to_owned());
    }
    map.filled("services", Yaml::flow(services));
    let mut lines = prologue(cx, job, cell);
    lines.extend(commands(cx, job, &job.steps));
    if lines.is_empty() {
        lines.push(
            format!("echo {}", quoted(if is_approval(job) { "Approved" } else { "Nothing to do" }))
                .into(),
        );
    }
    if !job.outputs.is_empty() {
        lines.push("mkdir -p .pipeline".into());
        for name in &job.outputs {
            lines.push(
                format!(
                    "echo \"export {}='$(sed -n 's/^{name}=//p' outputs.env | tail -n 1)'\" >> {}",
                    cx.output_variable(&job.id, name),
                    hand_over(&job.id)
                )
                .into(),
            );
        }
    }
    map.set("script", lines);
    let mut after = Vec::new();
    let failure = commands(cx, job, &job.on_failure);
    if !failure.is_empty() {
        let mut text = String::from("if [ \"$BITBUCKET_EXIT_CODE\" -ne 0 ]; then\n");
        for line in prologue(cx, job, cell).iter().chain(&failure) {
            if let Yaml::Text(line) = line {
                for line in line.trim_end_matches('\n').lines() {
                    text.push_str(&format!("  {line}\n"));
                }
            }
        }
        text.push_str("fi");
        after.push(Yaml::script(&text));
    }
    if !job.always.is_empty() {
        if after.is_empty() {
            after.extend(prologue(cx, job, cell));
        }
        after.extend(commands(cx, job, &job.always));
    }
    map.filled("after-script", after);
    let mut artifacts: Vec<String> = Vec::new();
    for step in job.all_steps() {
        if let Action::SaveArtifact { paths, .. } = &step.action {
            for path in paths {
                let path = path.trim_end_matches('/');
                artifacts.push(path.to_owned());
                if !path.contains('*') && !path.ends_with("tfplan") {
                    // A folder is told from a file only when it runs.
                    artifacts.push(format!("{path}/**"));
                }
            }
        }
        if let Action::SaveTestReport(report) = &step.action
            && !report.paths.iter().all(|path| {
                path.contains("test-results")
                    || path.contains("test-reports")
                    || path.contains("surefire-reports")
            })
        {
            cx.remark(format!(
                "Bitbucket finds test results in folders of the name `test-results` or `test-reports` alone: let job `{}` write {} there",
                job.id,
                report.paths.join(", ")
            ));
        }
        if let Action::SaveCoverage { file, .. } = &step.action {
            artifacts.push(file.clone());
        }
    }
    if job.pushed_image().is_some() || !job.outputs.is_empty() {
        artifacts.push(hand_over(&job.id));
    }
    map.filled("artifacts", Yaml::flow(artifacts));
    if matches!(job.rights, Rights::Only(_)) {
        cx.remark("Steps have no token with rights of its own; they have those of the variables they read");
    }
    for foreign in &job.foreign {
        cx.lose_foreign(&job.id, foreign);
    }
    map
}

fn clone(job: &Job, map: &mut Map) {
    let checkout = job.steps.iter().find_map(|step| match &step.action {
        Action::Checkout { depth, lfs, .. } => Some((*depth, *lfs)),
        _ => None,
    });
    let mut clone = Map::new();
    match checkout {
        Some((depth, lfs)) => {
            match depth {
                Some(0) => {
                    clone.set("depth", "full");
                }
                Some(depth) if depth > 1 => {
                    clone.set("depth", depth);
                }
                _ => {}
            }
            if lfs {
                clone.set("lfs", true);
            }
        }
        None => {
            clone.set("enabled", false);
        }
    }
    map.filled("clone", clone);
}
