//! Jenkins, declarative. Source: <https://www.jenkins.io/doc/book/pipeline/syntax/>.

use super::super::{
    Action, Approval, Condition, Input, InputKind, Job, Login, Matrix, Os, Part, Rights, Secret,
    Shell, Step, Text, Trigger, Variable,
};
use super::cells::cells;
use super::context::{Context, Env, quoted, upper};
use super::lower::{cache_plan, digest, image_for, lower};
use super::prepare::{is_approval, releases};
use crate::pipeline::Platform;

/// Lines of Groovy, indented by blocks.
#[derive(Default)]
struct Code {
    text: String,
    depth: usize,
}

impl Code {
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.text.push('\n');
        } else {
            self.text.push_str(&format!("{:1$}{line}\n", "", self.depth * 4));
        }
    }

    /// A line with text of several lines in it, which is kept as it is.
    fn open(&mut self, head: &str) {
        self.open_with(head, "");
    }

    /// A block whose first line goes on behind the brace (a closure's parameters).
    fn open_with(&mut self, head: &str, tail: &str) {
        let space = if tail.is_empty() { "" } else { " " };
        self.line(&format!("{head} {{{space}{tail}"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.line("}");
    }

    fn block(&mut self, head: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.open(head);
        for line in lines {
            self.line(line);
        }
        self.close();
    }
}

/// The Jenkinsfile.
pub fn write(cx: &Context<'_>) -> String {
    let portable = cx.portable;
    let mut code = Code::default();
    if !portable.name.is_empty() {
        code.line(&format!("// {}", portable.name.replace('\n', " ")));
    }
    code.open("pipeline");
    code.line("agent none");
    let mut options = vec![
        "buildDiscarder(logRotator(numToKeepStr: '30', artifactNumToKeepStr: '5'))".to_owned(),
    ];
    if portable.cancel_superseded {
        options.push("disableConcurrentBuilds(abortPrevious: true)".to_owned());
        if portable.jobs.iter().any(|job| job.lock.is_some()) {
            cx.remark("`abortPrevious` also stops a deployment that is under way; take it out of the default branch's builds if that must not be");
        }
    }
    code.block("options", &options);
    triggers(cx, &mut code);
    let parameters: Vec<String> = portable.inputs().map(parameter).collect();
    code.block("parameters", &parameters);
    let mut env = environment(cx, None, &portable.variables, &portable.secrets);
    secrets_read(cx, &mut env);
    code.block("environment", &env);
    code.open("stages");
    let late = |job: &Job| job.condition.as_ref().is_some_and(|c| state_of(c).is_some());
    for level in portable.levels().unwrap_or_default() {
        let jobs: Vec<&Job> =
            level.iter().filter_map(|at| portable.jobs.get(*at)).filter(|job| !late(job)).collect();
        self::level(cx, &mut code, &jobs);
    }
    code.close();
    post(cx, &mut code, portable.jobs.iter().filter(|job| late(job)));
    code.close();
    for foreign in &portable.foreign {
        cx.lose_foreign("", foreign);
    }
    if matches!(portable.rights, Rights::Only(_)) {
        cx.remark(
            "Jenkins has no token for the run: rights are those of the credentials it is given",
        );
    }
    code.text
}

/// A reference inside a Groovy string.
pub fn expression(cx: &Context<'_>, _: Option<&Job>, part: &Part) -> String {
    let env = |name: &str| format!("${{env.{name}}}");
    match part {
        Part::Literal(text) => text.clone(),
        Part::Commit => env("GIT_COMMIT"),
        Part::Branch => env("BRANCH_NAME"),
        Part::Tag => env("TAG_NAME"),
        Part::ChangeNumber => env("CHANGE_ID"),
        Part::Repository => "${env.GIT_URL.tokenize('/').last().replace('.git', '')}".to_owned(),
        Part::RunNumber => env("BUILD_NUMBER"),
        Part::Workspace => env("WORKSPACE"),
        Part::Variable(name) => env(name),
        Part::Secret(name) => env(&super::context::identifier(name)),
        Part::Matrix(name) => env(&upper(name)),
        Part::Input(name) => format!("${{params.{}}}", upper(name)),
        Part::Output(job, name) => env(&cx.output_variable(job, name)),
        Part::Image(job) => env(&cx.image_variable(job)),
        Part::OutputFile => "outputs.env".to_owned(),
        Part::Foreign(Platform::Jenkins, text) => text.clone(),
        Part::Foreign(from, text) => env(&cx.foreign_variable(*from, text)),
    }
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

/// A Groovy string: single quotes where nothing is filled in.
fn string(cx: &Context<'_>, job: Option<&Job>, text: &Text) -> String {
    if let Some(text) = text.as_literal() {
        return single(text);
    }
    let mut out = String::new();
    for part in &text.0 {
        match part {
            Part::Literal(literal) => out.push_str(
                &literal
                    .replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace('$', "\\$")
                    .replace('\n', "\\n"),
            ),
            part => out.push_str(&expression(cx, job, part)),
        }
    }
    format!("\"{out}\"")
}

fn triggers(cx: &Context<'_>, code: &mut Code) {
    let mut lines = Vec::new();
    let mut events = Vec::new();
    for trigger in &cx.portable.triggers {
        match trigger {
            Trigger::Schedule { cron, branches } => {
                lines.push(cron.clone());
                if !branches.is_empty() {
                    cx.lose(
                        format!("the schedule's branches {}", branches.join(", ")),
                        "A schedule runs on every branch that has it in its Jenkinsfile",
                        None,
                    );
                }
            }
            Trigger::Manual { .. } => {}
            Trigger::Foreign(foreign) => cx.lose_foreign("", foreign),
            Trigger::Push(filter) => {
                events.push(format!("pushes to {}", named(&filter.branches, "all branches")));
                lose_paths(cx, &filter.paths, &filter.not_paths);
            }
            Trigger::Change(filter) => {
                events.push(format!("changes against {}", named(&filter.branches, "all branches")));
                lose_paths(cx, &filter.paths, &filter.not_paths);
            }
            Trigger::Tag(tags) => events.push(format!("tags {}", named(tags, "of any name"))),
        }
    }
    if !events.is_empty() {
        cx.lose(
            format!("the events that start it: {}", events.join("; ")),
            "Jenkins keeps them in the multibranch project: set its branch sources and filters so",
            None,
        );
    }
    if !lines.is_empty() {
        let all = std::iter::once("TZ=UTC").chain(lines.iter().map(String::as_str));
        code.block("triggers", &[format!("cron({})", single(&all.collect::<Vec<_>>().join("\n")))]);
    }
}

fn lose_paths(cx: &Context<'_>, paths: &[String], not: &[String]) {
    if !paths.is_empty() || !not.is_empty() {
        cx.lose(
            format!("the paths {}", [paths, not].concat().join(", ")),
            "A multibranch project starts for every path; give stages a `changeset` where they need not run",
            None,
        );
    }
}

fn named(items: &[String], none: &str) -> String {
    if items.is_empty() { none.to_owned() } else { items.join(", ") }
}

fn parameter(input: &Input) -> String {
    let name = single(&upper(&input.name));
    let description = single(&input.description);
    let default = input.default.clone().unwrap_or_default();
    match &input.kind {
        InputKind::Text | InputKind::Number => {
            format!(
                "string(name: {name}, defaultValue: {}, description: {description})",
                single(&default)
            )
        }
        InputKind::Bool => {
            let default = default == "true";
            format!(
                "booleanParam(name: {name}, defaultValue: {default}, description: {description})"
            )
        }
        InputKind::Choice(options) => {
            // The first one is the default.
            let mut options = options.clone();
            options.sort_by_key(|option| *option != default);
            let options: Vec<String> = options.iter().map(|option| single(option)).collect();
            format!(
                "choice(name: {name}, choices: [{}], description: {description})",
                options.join(", ")
            )
        }
    }
}

fn environment(
    cx: &Context<'_>,
    job: Option<&Job>,
    variables: &[Variable],
    secrets: &[Secret],
) -> Vec<String> {
    let mut lines: Vec<String> = variables
        .iter()
        .map(|variable| format!("{} = {}", variable.name, string(cx, job, &variable.value)))
        .collect();
    for secret in secrets {
        lines.push(format!("{} = credentials({})", secret.variable(), single(&secret.name)));
        cx.remark(format!(
            "The credential `{}` (secret text) has to be set in Jenkins",
            secret.name
        ));
    }
    lines
}

/// Secrets that scripts read by reference, without the job saying so.
fn secrets_read(cx: &Context<'_>, env: &mut Vec<String>) {
    let declared: Vec<&str> = cx
        .portable
        .jobs
        .iter()
        .flat_map(|job| &job.secrets)
        .chain(&cx.portable.secrets)
        .map(|secret| secret.name.as_str())
        .collect();
    let mut add = |name: &str| {
        let line = format!("{} = credentials({})", super::context::identifier(name), single(name));
        if !declared.contains(&name) && !env.contains(&line) && !name.is_empty() {
            env.push(line);
            cx.remark(format!("The credential `{name}` (secret text) has to be set in Jenkins"));
        }
    };
    for job in &cx.portable.jobs {
        for step in job.all_steps() {
            match lower(&step.action, job) {
                Some(lowered) => {
                    for part in lowered.script.references() {
                        if let Part::Secret(name) = part {
                            add(name);
                        }
                    }
                }
                None => super::super::check::each_part_of(step, &mut |part| {
                    if let Part::Secret(name) = part {
                        add(name);
                    }
                }),
            }
        }
    }
}

fn level(cx: &Context<'_>, code: &mut Code, jobs: &[&Job]) {
    match jobs {
        [] => {}
        [job] => match &job.matrix {
            Some(matrix) if matrix.include.is_empty() && !matrix.axes.is_empty() => {
                matrix_stage(cx, code, job, matrix);
            }
            Some(matrix) => {
                code.open(&format!("stage({})", single(job.title())));
                unrolled(cx, code, job, matrix, true);
                code.close();
            }
            None => stage(cx, code, job, job.title(), &[]),
        },
        jobs => {
            let titles: Vec<&str> = jobs.iter().map(|job| job.title()).collect();
            let labels: Vec<String> = jobs.iter().map(|job| super::stages::label(job)).collect();
            let same = labels.windows(2).all(|pair| pair[0] == pair[1]);
            let taken = |name: &str| cx.portable.jobs.iter().any(|job| job.title() == name);
            let name = match labels.first() {
                Some(label) if same && !taken(label) => label.clone(),
                _ => titles.join(", "),
            };
            code.open(&format!("stage({})", single(&name)));
            code.line("failFast true");
            code.open("parallel");
            for job in jobs {
                match &job.matrix {
                    Some(matrix) => unrolled(cx, code, job, matrix, false),
                    None => stage(cx, code, job, job.title(), &[]),
                }
            }
            code.close();
            code.close();
        }
    }
}

fn matrix_stage(cx: &Context<'_>, code: &mut Code, job: &Job, matrix: &Matrix) {
    code.open(&format!("stage({})", single(job.title())));
    if matrix.fail_fast {
        code.line("failFast true");
    }
    code.open("matrix");
    code.open("axes");
    for (axis, values) in &matrix.axes {
        let values: Vec<String> = values.iter().map(|value| single(value)).collect();
        code.block(
            "axis",
            &[format!("name {}", single(&upper(axis))), format!("values {}", values.join(", "))],
        );
    }
    code.close();
    if !matrix.exclude.is_empty() {
        code.open("excludes");
        for cell in &matrix.exclude {
            code.open("exclude");
            for (axis, value) in cell {
                code.block(
                    "axis",
                    &[
                        format!("name {}", single(&upper(axis))),
                        format!("values {}", single(value)),
                    ],
                );
            }
            code.close();
        }
        code.close();
    }
    code.open("stages");
    stage(cx, code, job, &format!("{} cell", job.title()), &[]);
    code.close();
    code.close();
    code.close();
}

/// A stage for each cell: a parallel stage cannot hold a matrix.
fn unrolled(cx: &Context<'_>, code: &mut Code, job: &Job, matrix: &Matrix, alone: bool) {
    if alone {
        code.open("parallel");
    }
    for (name, cell) in cells(matrix) {
        stage(cx, code, job, &format!("{} {name}", job.title()), &cell);
    }
    if alone {
        code.close();
    }
}

/// Whether the stage checks the source out: where it says so, or needs the commit's id.
fn fetches(job: &Job) -> bool {
    let mut needed = false;
    for step in job.all_steps() {
        needed |= matches!(step.action, Action::Checkout { .. });
        if let Some(lowered) = lower(&step.action, job) {
            needed |= lowered.script.references().any(|part| *part == Part::Commit);
        }
    }
    needed
}

fn agent(cx: &Context<'_>, job: &Job, cell: &[(String, String)]) -> String {
    let runner = &job.runner;
    cx.remark_tools(job);
    let docker = job.steps.iter().any(|step| matches!(step.action, Action::BuildImage(_)));
    let label = match runner.labels.iter().find(|label| *label != "self-hosted") {
        Some(label) => label.clone(),
        None => match runner.os {
            Os::Linux if docker || !job.services.is_empty() => "docker".to_owned(),
            Os::Linux => "linux".to_owned(),
            Os::Windows => "windows".to_owned(),
            Os::MacOs => "macos".to_owned(),
        },
    };
    cx.remark(format!("An agent with the label `{label}` has to exist"));
    let image = image_for(job).filter(|_| !docker && job.services.is_empty());
    match image {
        Some(image) if runner.os == Os::Linux => {
            // The cell's variables are not there yet when the agent is chosen.
            let mut known = Text::default();
            for part in &image.0 {
                let value = cell
                    .iter()
                    .find(|(axis, _)| matches!(part, Part::Matrix(name) if name == axis));
                known.push(match value {
                    Some((_, value)) => Part::Literal(value.clone()),
                    None => part.clone(),
                });
            }
            let text = string(cx, Some(job), &known);
            let tool = ["aquasec/trivy", "hashicorp/terraform", "gitleaks", "checkov"];
            let args = if tool.iter().any(|name| text.contains(name)) {
                "; args '--entrypoint='"
            } else {
                ""
            };
            format!("agent {{ docker {{ image {text}; label {}{args} }} }}", single(&label))
        }
        _ => format!("agent {{ label {} }}", single(&label)),
    }
}

fn stage(cx: &Context<'_>, code: &mut Code, job: &Job, title: &str, cell: &[(String, String)]) {
    code.open(&format!("stage({})", single(title)));
    let approval = job.environment.as_ref().and_then(|environment| environment.approval.as_ref());
    if let Some(condition) = &job.condition {
        let mut lines = vec!["beforeAgent true".to_owned()];
        if approval.is_some() || is_approval(job) {
            lines.push("beforeInput true".to_owned());
        }
        if job.lock.is_some() {
            lines.push("beforeOptions true".to_owned());
        }
        let tests = match condition {
            Condition::All(all) => all.iter().filter_map(|c| when(cx, job, c)).collect(),
            condition => when(cx, job, condition).into_iter().collect::<Vec<_>>(),
        };
        if !tests.is_empty() {
            lines.extend(tests);
            code.block("when", &lines);
        }
    }
    if is_approval(job) {
        if let Some(Action::Approval(approval)) = job.steps.first().map(|step| &step.action) {
            let hours = approval.hours.unwrap_or(24);
            code.block("options", &[format!("timeout(time: {hours}, unit: 'HOURS')")]);
            code.block("input", &input(approval));
        }
        code.block("steps", &["echo 'Approved'".to_owned()]);
        code.close();
        return;
    }
    code.line(&agent(cx, job, cell));
    let mut options = Vec::new();
    if !fetches(job) {
        options.push("skipDefaultCheckout()".to_owned());
    }
    if let Some(lock) = &job.lock {
        options.push(format!("lock(resource: {})", single(lock)));
    }
    if job.retries > 0 {
        options.push(format!("retry({})", job.retries + 1));
    }
    if approval.is_none()
        && let Some(minutes) = job.timeout
    {
        options.push(format!("timeout(time: {minutes}, unit: 'MINUTES')"));
    }
    code.block("options", &options);
    if let Some(approval) = approval {
        code.block("input", &input(approval));
    }
    let mut env: Vec<String> =
        cell.iter().map(|(axis, value)| format!("{} = {}", upper(axis), single(value))).collect();
    env.extend(environment(cx, Some(job), &job.variables, &job.secrets));
    let mut caches = Vec::new();
    for step in &job.steps {
        let (file, folder) = match &step.action {
            Action::CacheDependencies { manager, lockfiles, paths } => {
                let plan = cache_plan(*manager);
                let file = lockfiles.first().cloned().unwrap_or_else(|| plan.lockfile.to_owned());
                let folder = paths.first().cloned().unwrap_or_else(|| plan.folder.to_owned());
                if !releases(cx.portable) && paths.is_empty() {
                    let value =
                        plan.value.replace('@', &format!("${{env.WORKSPACE}}/{}", plan.folder));
                    env.push(format!("{} = \"{value}\"", plan.variable));
                }
                (file, folder)
            }
            Action::Cache { files, paths, .. } => (
                files.first().cloned().unwrap_or_default(),
                paths.first().cloned().unwrap_or_default(),
            ),
            _ => continue,
        };
        if releases(cx.portable) {
            cx.lose(
                format!("the cache of job `{}`", job.id),
                "This pipeline makes releases, and a release must not read a cache that a change may have written",
                job.line,
            );
            continue;
        }
        caches.push(format!(
            "arbitraryFileCache(path: {}, cacheValidityDecidingFile: {})",
            single(&folder),
            single(&file)
        ));
    }
    env.dedup();
    code.block("environment", &env);
    code.open("steps");
    let before = code.text.len();
    let mut wrappers: Vec<String> = Vec::new();
    if approval.is_some()
        && let Some(minutes) = job.timeout
    {
        wrappers.push(format!("timeout(time: {minutes}, unit: 'MINUTES')"));
    }
    if job.soft_fail {
        wrappers.push("catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE')".to_owned());
    }
    for wrapper in &wrappers {
        code.open(wrapper);
    }
    let (main, cached): (Vec<&Step>, Vec<&Step>) =
        job.steps.iter().partition(|step| matches!(step.action, Action::Checkout { .. }));
    self::steps(cx, code, job, &main);
    if !caches.is_empty() {
        cx.remark("Caches need the plugin Job Cacher");
        code.open(&format!("cache(maxCacheSize: 1000, caches: [{}])", caches.join(", ")));
    }
    with_services(cx, code, job, &cached);
    if !caches.is_empty() {
        code.close();
    }
    for _ in &wrappers {
        code.close();
    }
    if code.text.len() == before {
        code.line("echo 'Nothing to do'");
    }
    code.close();
    stage_post(cx, code, job);
    code.close();
    for foreign in &job.foreign {
        cx.lose_foreign(&job.id, foreign);
    }
}

fn input(approval: &Approval) -> Vec<String> {
    let message = if approval.message.is_empty() { "Go on?" } else { &approval.message };
    let mut lines = vec![format!("message {}", single(message))];
    if !approval.approvers.is_empty() {
        lines.push(format!("submitter {}", single(&approval.approvers.join(","))));
    }
    lines
}

/// Services run as containers beside the one of the steps.
fn with_services(cx: &Context<'_>, code: &mut Code, job: &Job, steps: &[&Step]) {
    let Some(image) = image_for(job).filter(|_| !job.services.is_empty()) else {
        if !job.services.is_empty() {
            cx.lose(
                format!("the services of job `{}`", job.id),
                "They need a container for the steps to be linked to; give the job an image",
                job.line,
            );
        }
        self::steps(cx, code, job, steps);
        return;
    };
    code.open("script");
    let mut links = String::new();
    for (at, service) in job.services.iter().enumerate() {
        let args: Vec<String> = service
            .variables
            .iter()
            .map(|variable| {
                let value = variable.value.render(|part| match part {
                    Part::Variable(name) | Part::Secret(name) => format!("\\${name}"),
                    part => expression(cx, Some(job), part),
                });
                format!("--env {}={}", variable.name, quoted(&value))
            })
            .collect();
        code.open_with(
            &format!(
                "docker.image({}).withRun({})",
                string(cx, Some(job), &service.image),
                single(&args.join(" "))
            ),
            &format!("service{at} ->"),
        );
        links.push_str(&format!("--link ${{service{at}.id}}:{} ", service.name));
    }
    code.open(&format!(
        "docker.image({}).inside(\"{}\")",
        string(cx, Some(job), &image),
        links.trim_end()
    ));
    self::steps(cx, code, job, steps);
    code.close();
    for _ in &job.services {
        code.close();
    }
    code.close();
}

fn stage_post(cx: &Context<'_>, code: &mut Code, job: &Job) {
    let mut always = Code { text: String::new(), depth: code.depth + 2 };
    for step in &job.steps {
        match &step.action {
            Action::SaveTestReport(report) => always.line(&format!(
                "junit testResults: {}, allowEmptyResults: true",
                single(&report.paths.join(", "))
            )),
            Action::SaveCoverage { file, format } => {
                cx.remark("The coverage needs the plugin Coverage");
                always.line(&format!(
                    "recordCoverage(tools: [[parser: {}, pattern: {}]])",
                    single(&format.to_ascii_uppercase()),
                    single(file)
                ));
            }
            _ => {}
        }
    }
    steps(cx, &mut always, job, &job.always.iter().collect::<Vec<_>>());
    let mut failure = Code { text: String::new(), depth: code.depth + 2 };
    steps(cx, &mut failure, job, &job.on_failure.iter().collect::<Vec<_>>());
    if always.text.is_empty() && failure.text.is_empty() {
        return;
    }
    code.open("post");
    for (name, inner) in [("always", always), ("failure", failure)] {
        if !inner.text.is_empty() {
            code.open(name);
            code.text.push_str(&inner.text);
            code.close();
        }
    }
    code.close();
}

/// What a condition says of what came before.
fn state_of(condition: &Condition) -> Option<&'static str> {
    match condition {
        Condition::Always => Some("always"),
        Condition::OnFailure => Some("failure"),
        Condition::All(all) => all.iter().find_map(state_of),
        _ => None,
    }
}

/// Jobs that run whatever came before stand behind all stages.
fn post<'j>(cx: &Context<'_>, code: &mut Code, jobs: impl Iterator<Item = &'j Job>) {
    let mut blocks: Vec<(&str, Code)> = Vec::new();
    for job in jobs {
        let state = job.condition.as_ref().and_then(state_of).unwrap_or("always");
        let mut inner = Code { text: String::new(), depth: code.depth + 2 };
        let label = agent(cx, job, &[]);
        let label = label.split("label ").nth(1).unwrap_or("'linux'");
        let label = label.split([';', ' ']).next().unwrap_or("'linux'").to_owned();
        inner.open(&format!("node({label})"));
        steps(cx, &mut inner, job, &job.steps.iter().chain(&job.always).collect::<Vec<_>>());
        inner.close();
        for step in &job.on_failure {
            cx.lose(
                format!("the step `{}` on failure of job `{}`", super::describe(step), job.id),
                "Behind the stages nothing follows a failure",
                step.line.or(job.line),
            );
        }
        if let Some(Condition::All(_)) = &job.condition {
            cx.lose(
                format!("a part of the condition of job `{}`", job.id),
                "Behind the stages a Jenkinsfile asks for the result alone",
                job.line,
            );
        }
        match blocks.iter_mut().find(|(known, _)| *known == state) {
            Some((_, block)) => block.text.push_str(&inner.text),
            None => blocks.push((state, inner)),
        }
    }
    if blocks.is_empty() {
        return;
    }
    code.open("post");
    for (state, inner) in blocks {
        code.open(state);
        code.text.push_str(&inner.text);
        code.close();
    }
    code.close();
}

fn when(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
    let all = |inner: &[Condition], word: &str| {
        let texts: Vec<String> = inner.iter().filter_map(|inner| when(cx, job, inner)).collect();
        match texts.len() {
            0 => None,
            1 => texts.into_iter().next(),
            _ => Some(format!("{word} {{ {} }}", texts.join("; "))),
        }
    };
    Some(match condition {
        Condition::Branch(glob) => format!("branch {}", single(glob)),
        Condition::DefaultBranch => format!("branch {}", single(cx.portable.branch())),
        Condition::Tag(glob) if glob.is_empty() || glob == "*" => "buildingTag()".to_owned(),
        Condition::Tag(glob) => format!("tag {}", single(glob)),
        Condition::Change => "changeRequest()".to_owned(),
        Condition::Push => "not { changeRequest() }".to_owned(),
        Condition::Schedule => "triggeredBy 'TimerTrigger'".to_owned(),
        Condition::Manual => "triggeredBy cause: 'UserIdCause'".to_owned(),
        Condition::Paths(paths) => {
            let texts: Vec<String> =
                paths.iter().map(|path| format!("changeset {}", single(path))).collect();
            match texts.as_slice() {
                [one] => one.clone(),
                _ => format!("anyOf {{ {} }}", texts.join("; ")),
            }
        }
        Condition::Equals(part, value) => {
            let left = match part {
                Part::Input(name) => format!("params.{}.toString()", upper(name)),
                part => expression(cx, Some(job), part)
                    .trim_start_matches("${")
                    .trim_end_matches('}')
                    .to_owned(),
            };
            format!("expression {{ {left} == {} }}", single(value))
        }
        Condition::Not(inner) => format!("not {{ {} }}", when(cx, job, inner)?),
        Condition::All(inner) => all(inner, "allOf")?,
        Condition::Any(inner) => all(inner, "anyOf")?,
        Condition::Foreign(foreign) if foreign.platform == Platform::Jenkins => {
            foreign.text.clone()
        }
        Condition::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            return None;
        }
        Condition::Always | Condition::OnFailure => return None,
    })
}

/// A shell step; the script is kept from Groovy's own reading.
fn shell_step(code: &mut Code, word: &str, script: &str) {
    let script = script.trim_end_matches('\n');
    if script.contains('\n') {
        let body = script.replace('\\', "\\\\").replace("'''", "\\'\\'\\'");
        code.line(&format!("{word} '''"));
        for line in body.lines() {
            code.text.push_str(&format!("{:1$}{line}\n", "", (code.depth + 1) * 4));
        }
        code.line("'''.stripIndent()");
    } else {
        code.line(&format!("{word} {}", single(script)));
    }
}

fn steps(cx: &Context<'_>, code: &mut Code, job: &Job, steps: &[&Step]) {
    for step in steps {
        let condition = step.condition.as_ref().and_then(|c| {
            let text = when(cx, job, c);
            match c {
                Condition::Branch(name) => Some(format!("env.BRANCH_NAME == {}", single(name))),
                Condition::DefaultBranch => {
                    Some(format!("env.BRANCH_NAME == {}", single(cx.portable.branch())))
                }
                Condition::Change => Some("env.CHANGE_ID".to_owned()),
                Condition::Tag(_) => Some("env.TAG_NAME".to_owned()),
                Condition::Equals(..) => text.and_then(|text| {
                    Some(text.strip_prefix("expression { ")?.strip_suffix(" }")?.to_owned())
                }),
                Condition::Always => None,
                _ => {
                    cx.lose(
                        format!("the condition of a step of job `{}`", job.id),
                        "Steps have no `when`; the step runs always",
                        step.line,
                    );
                    None
                }
            }
        });
        let mut wrappers = Vec::new();
        if let Some(condition) = condition {
            wrappers.push("script".to_owned());
            wrappers.push(format!("if ({condition})"));
        }
        if let Some(folder) = &step.folder {
            wrappers.push(format!("dir({})", single(folder)));
        }
        if let Some(minutes) = step.timeout {
            wrappers.push(format!("timeout(time: {minutes}, unit: 'MINUTES')"));
        }
        if step.soft_fail {
            wrappers.push("catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE')".to_owned());
        }
        if !step.variables.is_empty() {
            let all: Vec<String> = step
                .variables
                .iter()
                .map(|variable| {
                    let pair =
                        Text::literal(format!("{}=", variable.name)).then(variable.value.clone());
                    string(cx, Some(job), &pair)
                })
                .collect();
            wrappers.push(format!("withEnv([{}])", all.join(", ")));
        }
        let mut inner = Code { text: String::new(), depth: code.depth + wrappers.len() };
        one(cx, &mut inner, job, step);
        if inner.text.is_empty() {
            continue;
        }
        for wrapper in &wrappers {
            code.open(wrapper);
        }
        code.text.push_str(&inner.text);
        for _ in &wrappers {
            code.close();
        }
    }
}

fn one(cx: &Context<'_>, code: &mut Code, job: &Job, step: &Step) {
    match &step.action {
        // A stage with an agent of its own checks out by itself, and knows the commit.
        Action::Checkout { depth, submodules, lfs } => {
            if depth.is_some() || *submodules || *lfs {
                cx.lose(
                    format!(
                        "the depth, submodules or large files of the checkout of job `{}`",
                        job.id
                    ),
                    "`checkout scm` fetches as the project is set up; set it there",
                    step.line,
                );
            }
        }
        Action::Setup { language, .. } => {
            if job.runner.os != Os::Linux
                || job.steps.iter().any(|step| matches!(step.action, Action::BuildImage(_)))
            {
                cx.lose(
                    format!("the set-up of {language} in job `{}`", job.id),
                    "This job runs on the machine itself, which has to have it",
                    step.line,
                );
            }
        }
        Action::CacheDependencies { .. }
        | Action::Cache { .. }
        | Action::SaveTestReport(_)
        | Action::SaveCoverage { .. } => {}
        Action::SaveArtifact { name, paths, .. } => {
            let globs: Vec<String> = paths
                .iter()
                .map(|path| {
                    let path = path.trim_end_matches('/');
                    if path.contains('*') { path.to_owned() } else { format!("{path}, {path}/**") }
                })
                .collect();
            let globs = single(&globs.join(", "));
            code.line(&format!("archiveArtifacts artifacts: {globs}"));
            code.line(&format!("stash name: {}, includes: {globs}", single(name)));
        }
        Action::FetchArtifact { name, path } => {
            let names: Vec<String> = if name.is_empty() {
                cx.portable
                    .jobs
                    .iter()
                    .flat_map(|job| &job.steps)
                    .filter_map(|step| match &step.action {
                        Action::SaveArtifact { name, .. } => Some(name.clone()),
                        _ => None,
                    })
                    .collect()
            } else {
                vec![name.clone()]
            };
            for name in names {
                match path {
                    Some(path) if !name.starts_with("tfplan") => {
                        code.block(
                            &format!("dir({})", single(path)),
                            &[format!("unstash {}", single(&name))],
                        );
                    }
                    _ => code.line(&format!("unstash {}", single(&name))),
                }
            }
        }
        Action::Approval(approval) => {
            let message = if approval.message.is_empty() { "Go on?" } else { &approval.message };
            let by = if approval.approvers.is_empty() {
                String::new()
            } else {
                format!(", submitter: {}", single(&approval.approvers.join(",")))
            };
            code.line(&format!("input message: {}{by}", single(message)));
        }
        Action::Notify { channel, target, message } if channel == "email" => {
            code.line(&format!(
                "mail to: {}, subject: {}, body: \"${{env.BUILD_URL}}\"",
                single(target),
                string(cx, Some(job), message)
            ));
        }
        Action::Login(Login::Registry { user, .. }) if user.is_empty() => {
            cx.lose(
                format!("the login to the registry in job `{}`", job.id),
                "Jenkins has no registry of its own; give the user and the password as credentials",
                step.line,
            );
        }
        Action::Login(Login::Aws { .. } | Login::Gcp { .. } | Login::Azure { .. }) => {
            cx.lose(
                format!("the login to the cloud in job `{}`", job.id),
                "Wrap the steps in `withCredentials` or `withAWS`, by the plugin that is installed",
                step.line,
            );
        }
        Action::Foreign(foreign) if foreign.platform == Platform::Jenkins => {
            for line in foreign.text.trim().lines() {
                code.line(line.trim_end());
            }
        }
        Action::Foreign(foreign) => cx.lose_foreign(&job.id, foreign),
        _ => script(cx, code, job, step),
    }
}

fn script(cx: &Context<'_>, code: &mut Code, job: &Job, step: &Step) {
    let Some(lowered) = lower(&step.action, job) else {
        cx.lose(
            format!("the step `{}` of job `{}`", super::describe(step), job.id),
            "There is no way known here to do it in a script",
            step.line,
        );
        return;
    };
    let shell = match &step.action {
        Action::Run { shell, .. } => *shell,
        _ => Shell::Sh,
    };
    let (word, speaks) = match shell {
        Shell::Usual if job.runner.os == Os::Windows => ("powershell", Shell::PowerShell),
        Shell::Usual | Shell::Sh | Shell::Bash | Shell::Python => ("sh", shell),
        Shell::Pwsh => ("pwsh", shell),
        Shell::PowerShell => ("powershell", shell),
        Shell::Cmd => ("bat", shell),
    };
    let mut env: Env = Vec::new();
    let mut body = cx.script(Some(job), &lowered.script, speaks, &mut env);
    body = body.replace("${OUTPUT_FILE}", "outputs.env").replace("$OUTPUT_FILE", "outputs.env");
    match shell {
        Shell::Bash => body = format!("#!/usr/bin/env bash\nset -eo pipefail\n{body}"),
        Shell::Python => body = format!("#!/usr/bin/env python3\n{body}"),
        _ => {}
    }
    let given: Vec<String> = env
        .iter()
        .filter(|(name, value)| {
            *value != format!("${{env.{name}}}")
                && *value != format!("${{params.{name}}}")
                && value != "outputs.env"
        })
        .map(|(name, value)| format!("\"{name}={value}\""))
        .collect();
    if !given.is_empty() {
        code.open(&format!("withEnv([{}])", given.join(", ")));
    }
    if shell == Shell::Bash || shell == Shell::Python {
        // The interpreter's line has to be the first.
        let text = body.replace('\\', "\\\\").replace("'''", "\\'\\'\\'");
        let text = text.trim_end_matches('\n');
        // A quote at the end would run together with those that close the string.
        let text = match text.strip_suffix('\'') {
            Some(head) => format!("{head}\\'"),
            None => text.to_owned(),
        };
        code.line(&format!("sh '''{text}'''"));
    } else {
        shell_step(code, word, &body);
    }
    if !given.is_empty() {
        code.close();
    }
    let mut set = Vec::new();
    if let Action::BuildImage(build) = &step.action
        && build.push
    {
        let reference = cx.script(Some(job), &digest(build), Shell::Sh, &mut Vec::new());
        set.push((cx.image_variable(&job.id), format!("echo \"{reference}\"")));
    }
    if lowered.script.references().any(|part| *part == Part::OutputFile) {
        for name in &job.outputs {
            set.push((
                cx.output_variable(&job.id, name),
                format!("sed -n 's/^{name}=//p' outputs.env | tail -n 1"),
            ));
        }
    }
    if !set.is_empty() {
        code.open("script");
        for (name, command) in set {
            code.line(&format!(
                "env.{name} = sh(script: {}, returnStdout: true).trim()",
                single(&command)
            ));
        }
        code.close();
    }
}
