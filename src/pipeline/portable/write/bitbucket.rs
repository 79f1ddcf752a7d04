//! Bitbucket Pipelines. Source: <https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference/>.

use super::super::{
    Action, Condition, InputKind, Job, Login, Os, Part, Rights, Shell, Size, Step, Trigger,
};
use super::cells::cells;
use super::context::{Context, Env, identifier, quoted, upper};
use super::lower::{cache_plan, digest, image_for, lower};
use super::prepare::{is_approval, releases};
use super::stages::{Event, holds};
use super::yaml::{Map, Yaml, document};
use crate::pipeline::Platform;

/// The file that carries a job's image and outputs to later steps.
fn hand_over(job: &str) -> String {
    format!(".pipeline/{job}.env")
}

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

/// The entries that the triggers ask for: section, name and event.
fn entries<'a>(cx: &Context<'a>) -> Vec<(&'static str, String, Event<'a>)> {
    let portable = cx.portable;
    let mut out: Vec<(&'static str, String, Event<'a>)> = Vec::new();
    for trigger in &portable.triggers {
        match trigger {
            Trigger::Push(filter) => {
                if filter.branches.is_empty() {
                    // A branch of its own wins over the default entry.
                    out.push(("branches", portable.branch().to_owned(), Event::Default));
                    out.push(("default", String::new(), Event::OtherBranch));
                }
                for branch in &filter.branches {
                    let event = if branch == portable.branch() {
                        Event::Default
                    } else {
                        Event::Branch(branch)
                    };
                    out.push(("branches", branch.clone(), event));
                }
                if !filter.not_branches.is_empty() {
                    cx.lose(
                        format!("the excluded branches {}", filter.not_branches.join(", ")),
                        "Bitbucket lists the branches it is for; name them under `branches`",
                        None,
                    );
                }
                lose_paths(cx, &filter.paths, &filter.not_paths);
            }
            Trigger::Change(filter) => {
                out.push(("pull-requests", "**".to_owned(), Event::Change));
                if !filter.branches.is_empty() {
                    cx.lose(
                        format!("that changes are against {}", filter.branches.join(", ")),
                        "`pull-requests` goes by the source branch, not by the target",
                        None,
                    );
                }
                lose_paths(cx, &filter.paths, &filter.not_paths);
            }
            Trigger::Tag(tags) if tags.is_empty() => {
                out.push(("tags", "*".to_owned(), Event::Tag("*")));
            }
            Trigger::Tag(tags) => {
                for tag in tags {
                    out.push(("tags", tag.clone(), Event::Tag(tag)));
                }
            }
            Trigger::Schedule { cron, .. } => {
                out.push(("custom", "scheduled".to_owned(), Event::Schedule));
                cx.lose(
                    format!("the schedule `{cron}`"),
                    "Bitbucket keeps schedules in the repository's settings: add one for the custom pipeline `scheduled`",
                    None,
                );
            }
            Trigger::Manual { .. } => out.push(("custom", "run".to_owned(), Event::Manual)),
            Trigger::Foreign(foreign) => cx.lose_foreign("", foreign),
        }
    }
    out.sort_by_key(|(section, ..)| {
        ["default", "branches", "pull-requests", "tags", "custom"].iter().position(|s| s == section)
    });
    out
}

fn lose_paths(cx: &Context<'_>, paths: &[String], not: &[String]) {
    if !paths.is_empty() || !not.is_empty() {
        cx.lose(
            format!("the paths {} of a trigger", [paths, not].concat().join(", ")),
            "Bitbucket filters paths for steps: give them `condition: changesets`",
            None,
        );
    }
}

fn define_caches(cx: &Context<'_>, job: &Job, caches: &mut Map) {
    if releases(cx.portable) {
        return;
    }
    for step in &job.steps {
        let (name, files, path) = match &step.action {
            Action::CacheDependencies { manager, lockfiles, paths } => {
                let plan = cache_plan(*manager);
                let files = if lockfiles.is_empty() {
                    vec![plan.lockfile.to_owned()]
                } else {
                    lockfiles.clone()
                };
                let path = paths.first().cloned().unwrap_or_else(|| plan.folder.to_owned());
                (cache_name(plan.name, lockfiles), files, path)
            }
            Action::Cache { name, files, paths } => {
                let Some(path) = paths.first() else { continue };
                if paths.len() > 1 {
                    cx.lose(
                        format!("all but the first folder of the cache `{name}`"),
                        "A cache has one folder; define one for each",
                        step.line,
                    );
                }
                (name.clone(), files.clone(), path.clone())
            }
            _ => continue,
        };
        if caches.has(&name) {
            continue;
        }
        let mut map = Map::new();
        if !files.is_empty() {
            let mut key = Map::new();
            key.set("files", Yaml::flow(files));
            map.set("key", key);
        }
        map.set("path", path);
        caches.set(name, map);
    }
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
        let name = match &step.action {
            Action::CacheDependencies { manager, lockfiles, .. } => {
                cache_name(cache_plan(*manager).name, lockfiles)
            }
            Action::Cache { name, .. } => name.clone(),
            _ => continue,
        };
        if releases(cx.portable) {
            cx.lose(
                format!("the cache of job `{}`", job.id),
                "This pipeline makes releases, and a release must not read a cache that a change may have written",
                job.line,
            );
        } else if !caches.contains(&name) {
            caches.push(name);
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

/// Paths of a condition; what cannot be decided by the event is reported.
fn paths_of(
    cx: &Context<'_>,
    job: &Job,
    condition: &Condition,
    event: Event<'_>,
) -> Option<Vec<String>> {
    match condition {
        Condition::Paths(paths) => Some(paths.clone()),
        Condition::All(all) => {
            let found: Vec<Vec<String>> =
                all.iter().filter_map(|inner| paths_of(cx, job, inner, event)).collect();
            found.into_iter().next()
        }
        Condition::OnFailure => {
            cx.lose(
                format!("that job `{}` runs on failure", job.id),
                "A step runs only when those before it succeeded; put the commands into an after-script",
                job.line,
            );
            None
        }
        Condition::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            None
        }
        condition if holds(condition, event, cx.portable.branch()).is_none() => {
            if !test_possible(condition) {
                cx.lose(
                    format!("a part of the condition of job `{}`", job.id),
                    "Bitbucket decides by branch, tag and path alone; the step runs always",
                    job.line,
                );
            }
            None
        }
        _ => None,
    }
}

fn test_possible(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Equals(Part::Input(_) | Part::Variable(_) | Part::Output(..), _)
            | Condition::DefaultBranch
            | Condition::Branch(_)
            | Condition::Tag(_)
    )
}

/// What a step has to set before its commands: variables, the cell, what others hand on.
fn prologue(
    cx: &Context<'_>,
    job: &Job,
    cell: Option<(&String, &Vec<(String, String)>)>,
) -> Vec<Yaml> {
    let mut lines: Vec<Yaml> = Vec::new();
    let mut read: Vec<String> = Vec::new();
    super::super::check::each_part(job, &mut |part| {
        if let Part::Image(other) | Part::Output(other, _) = part
            && *other != job.id
            && !read.contains(other)
        {
            read.push(other.clone());
        }
    });
    for other in read {
        lines.push(format!(". {}", hand_over(&other)).into());
    }
    let guard = job.condition.as_ref().and_then(|c| self::guard(cx, job, c));
    if let Some(test) = guard {
        lines.push(format!("if ! {test}; then echo \"Not asked for\"; exit 0; fi").into());
    }
    for (axis, value) in cell.map(|(_, cell)| cell.as_slice()).unwrap_or_default() {
        lines.push(format!("export {}={}", upper(axis), quoted(value)).into());
    }
    for variable in cx.portable.variables.iter().chain(&job.variables) {
        let value = cx.value(Some(job), &variable.value).replace('"', "\\\"");
        lines.push(format!("export {}=\"{value}\"", variable.name).into());
    }
    for secret in cx.portable.secrets.iter().chain(&job.secrets) {
        if secret.variable() != secret.name {
            lines.push(format!("export {}=\"${}\"", secret.variable(), secret.name).into());
        }
        cx.remark(format!(
            "The secured variable `{}` has to be set in the repository",
            secret.name
        ));
    }
    for step in &job.steps {
        if let Action::CacheDependencies { manager, paths, .. } = &step.action
            && paths.is_empty()
            && !releases(cx.portable)
        {
            let plan = cache_plan(*manager);
            let value = plan.value.replace('@', &format!("$BITBUCKET_CLONE_DIR/{}", plan.folder));
            lines.push(format!("export {}=\"{value}\"", plan.variable).into());
        }
    }
    lines
}

/// A test that the step itself can make.
fn guard(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
    match condition {
        Condition::Equals(part, value) => {
            Some(format!("[ \"{}\" = {} ]", cx.expression(Some(job), part), quoted(value)))
        }
        Condition::Not(inner) => match &**inner {
            Condition::Equals(part, value) => {
                Some(format!("[ \"{}\" != {} ]", cx.expression(Some(job), part), quoted(value)))
            }
            _ => None,
        },
        Condition::All(all) => {
            let tests: Vec<String> = all.iter().filter_map(|c| guard(cx, job, c)).collect();
            (!tests.is_empty()).then(|| format!("{{ {}; }}", tests.join(" && ")))
        }
        _ => None,
    }
}

/// The Docker service has one builder: layers come from the cache `docker`, and it
/// builds for its own platform.
fn plain_build(cx: &Context<'_>, job: &Job, step: &Step) -> Option<Action> {
    let Action::BuildImage(build) = &step.action else { return None };
    if !build.platforms.is_empty() {
        cx.lose(
            format!(
                "the platforms {} of the image of job `{}`",
                build.platforms.join(", "),
                job.id
            ),
            "The Docker service builds for its own platform; build each on a runner of its own",
            step.line,
        );
    }
    let build = super::super::ImageBuild { cache: false, platforms: Vec::new(), ..build.clone() };
    Some(Action::BuildImage(build))
}

fn commands(cx: &Context<'_>, job: &Job, steps: &[Step]) -> Vec<Yaml> {
    let mut lines: Vec<Yaml> = Vec::new();
    for step in steps {
        match &step.action {
            Action::Checkout { submodules, .. } => {
                if *submodules {
                    lines.push("git submodule update --init --recursive".into());
                }
                continue;
            }
            Action::Setup { .. }
            | Action::CacheDependencies { .. }
            | Action::Cache { .. }
            | Action::SaveArtifact { .. }
            | Action::SaveTestReport(_)
            | Action::SaveCoverage { .. } => continue,
            Action::FetchArtifact { name, path } => {
                if let Some(path) = path
                    && !name.starts_with("tfplan")
                {
                    cx.remark(format!(
                        "The artifact `{name}` of job `{}` lies where it was kept, not in `{path}`",
                        job.id
                    ));
                }
                continue;
            }
            Action::Approval(_) if is_approval(job) => continue,
            Action::Approval(approval) => {
                cx.lose(
                    format!("the approval `{}` within job `{}`", approval.message, job.id),
                    "A step cannot wait half way; split it, with `trigger: manual` on the second",
                    step.line,
                );
                continue;
            }
            Action::Login(Login::Registry { user, .. }) if user.is_empty() => {
                cx.lose(
                    format!("the login to the registry in job `{}`", job.id),
                    "Bitbucket has no registry of its own; give the user and the password as secured variables",
                    step.line,
                );
                continue;
            }
            Action::Login(Login::Aws { .. } | Login::Gcp { .. } | Login::Azure { .. }) => {
                cx.lose(
                    format!("the login to the cloud in job `{}`", job.id),
                    "Set `oidc: true` at the step and hand the token to the cloud's own tool or pipe",
                    step.line,
                );
                continue;
            }
            Action::Foreign(foreign) if foreign.platform == Platform::Bitbucket => {
                lines.push(Yaml::script(&foreign.text));
                continue;
            }
            Action::Foreign(foreign) => {
                cx.lose_foreign(&job.id, foreign);
                continue;
            }
            _ => {}
        }
        let plain = plain_build(cx, job, step);
        let Some(lowered) = lower(plain.as_ref().unwrap_or(&step.action), job) else {
            cx.lose(
                format!("the step `{}` of job `{}`", super::describe(step), job.id),
                "There is no way known here to do it in a script",
                step.line,
            );
            continue;
        };
        let shell = match &step.action {
            Action::Run { shell, .. } => *shell,
            _ => Shell::Sh,
        };
        if matches!(shell, Shell::Python | Shell::Cmd) {
            cx.lose(
                format!("the shell of a step of job `{}`", job.id),
                "A step has one shell; call the interpreter in the script",
                step.line,
            );
        }
        let mut env: Env = Vec::new();
        let mut text = cx.script(Some(job), &lowered.script, shell, &mut env);
        text = text.replace("${OUTPUT_FILE}", "outputs.env").replace("$OUTPUT_FILE", "outputs.env");
        for (name, value) in &env {
            if value != "outputs.env" && value.trim_matches(['$', '{', '}']) != name {
                text = format!("{name}=\"{value}\"\n{text}");
            }
        }
        for variable in &step.variables {
            let value = cx.value(Some(job), &variable.value).replace('"', "\\\"");
            text = format!("export {}=\"{value}\"\n{text}", variable.name);
        }
        if let Some(folder) = &step.folder {
            text = format!("(\nset -e\ncd {}\n{text}\n)", quoted(folder));
        }
        if let Some(condition) = &step.condition {
            match guard(cx, job, condition) {
                Some(test) => text = format!("if {test}; then\n{text}\nfi"),
                None if *condition == Condition::Always => {}
                None => cx.lose(
                    format!("the condition of a step of job `{}`", job.id),
                    "It cannot be asked in the script; the step runs always",
                    step.line,
                ),
            }
        }
        if step.soft_fail {
            text = format!("{{\n{text}\n}} || echo \"Failed, and let pass\"");
        }
        // Several lines in one item share a shell: it stops at the first failure.
        if text.contains('\n') && !text.starts_with('(') {
            text = format!("set -e\n{text}");
        }
        lines.push(Yaml::script(&text));
        if let Action::BuildImage(build) = plain.as_ref().unwrap_or(&step.action)
            && build.push
        {
            let reference = cx.script(Some(job), &digest(build), Shell::Sh, &mut Vec::new());
            lines.push("mkdir -p .pipeline".into());
            lines.push(
                format!(
                    "echo \"export {}={reference}\" >> {}",
                    cx.image_variable(&job.id),
                    hand_over(&job.id)
                )
                .into(),
            );
        }
    }
    lines
}
