//! Jenkins, declarative. Source: <https://www.jenkins.io/doc/book/pipeline/syntax/>.

mod code;
mod guard;
mod head;
mod post;
mod steps;

use super::super::{
    Action, Approval, Condition, Job, Matrix, Os, Part, Rights, Secret, Step, Text, Variable,
};
use super::cache;
use super::cells::cells;
use super::context::{Context, upper};
use super::lower::{image_for, lower};
use super::prepare::is_approval;
use crate::pipeline::Platform;
use code::{Code, single};
use head::{parameter, secrets_read, triggers};
use steps::{steps, with_services};

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
    let behind = post::late(cx);
    let late = |job: &Job| behind.contains(&job.id);
    for level in portable.levels().unwrap_or_default() {
        let jobs: Vec<&Job> =
            level.iter().filter_map(|at| portable.jobs.get(*at)).filter(|job| !late(job)).collect();
        self::level(cx, &mut code, &jobs);
    }
    code.close();
    post::post(cx, &mut code, portable.jobs.iter().filter(|job| late(job)), &behind);
    code.close();
    for job in &portable.jobs {
        if let Some(environment) = &job.environment {
            cx.lose(
                format!("the environment `{}` of job `{}`", environment.name, job.id),
                "Jenkins has no environments; its lock and its approval, where it has them, are kept",
                job.line,
            );
        }
    }
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

/// The same for `withEnv` and `withCredentials`, where there is no `environment`.
fn environment_pairs(cx: &Context<'_>, job: &Job) -> (Vec<String>, Vec<String>) {
    let pair = |variable: &Variable| {
        let pair = Text::literal(format!("{}=", variable.name)).then(variable.value.clone());
        string(cx, Some(job), &pair)
    };
    let variables = job.variables.iter().map(pair).collect();
    let bind = |secret: &Secret| {
        cx.remark(format!(
            "The credential `{}` (secret text) has to be set in Jenkins",
            secret.name
        ));
        let (id, variable) = (single(&secret.name), single(secret.variable()));
        format!("string(credentialsId: {id}, variable: {variable})")
    };
    (variables, job.secrets.iter().map(bind).collect())
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
        cx.remark("Locks need the plugin Lockable Resources");
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
    let folders = cache::folders(cx, job, "${env.WORKSPACE}");
    env.extend(folders.into_iter().map(|(name, value)| format!("{name} = \"{value}\"")));
    env.dedup();
    let mut caches = Vec::new();
    for step in &job.steps {
        let Some(asked) = cache::asked(&step.action, str::to_owned) else { continue };
        if cache::withheld(cx, job) {
            continue;
        }
        if asked.files.len() > 1 {
            cx.lose(
                format!("all but the first file of the key of a cache of job `{}`", job.id),
                "One file decides whether a cache is still good",
                step.line.or(job.line),
            );
        }
        let file = asked.files.first().cloned().unwrap_or_default();
        for folder in &asked.paths {
            match folder.strip_prefix('!') {
                Some(_) => cx.lose(
                    format!("that the cache of job `{}` leaves out `{folder}`", job.id),
                    "A cache has a folder; what is in it is kept",
                    step.line.or(job.line),
                ),
                None => caches.push(format!(
                    "arbitraryFileCache(path: {}, cacheValidityDecidingFile: {})",
                    single(folder),
                    single(&file)
                )),
            }
        }
    }
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

/// What shows the results of these steps, behind whatever they did.
fn reports(cx: &Context<'_>, code: &mut Code, steps: &[Step]) {
    for step in steps {
        match &step.action {
            Action::SaveTestReport(report) => code.line(&format!(
                "junit testResults: {}, allowEmptyResults: true",
                single(&report.paths.join(", "))
            )),
            Action::SaveCoverage { file, format } => {
                cx.remark("The coverage needs the plugin Coverage");
                code.line(&format!(
                    "recordCoverage(tools: [[parser: {}, pattern: {}]])",
                    single(&format.to_ascii_uppercase()),
                    single(file)
                ));
            }
            _ => {}
        }
    }
}

fn stage_post(cx: &Context<'_>, code: &mut Code, job: &Job) {
    let mut always = Code { text: String::new(), depth: code.depth + 2 };
    reports(cx, &mut always, &job.steps);
    // `cleanup` comes last, as what is done at the end has to.
    let mut end = Code { text: String::new(), depth: code.depth + 2 };
    steps(cx, &mut end, job, &job.always.iter().collect::<Vec<_>>());
    reports(cx, &mut end, &job.always);
    let mut failure = Code { text: String::new(), depth: code.depth + 2 };
    steps(cx, &mut failure, job, &job.on_failure.iter().collect::<Vec<_>>());
    reports(cx, &mut failure, &job.on_failure);
    if always.text.is_empty() && failure.text.is_empty() && end.text.is_empty() {
        return;
    }
    code.open("post");
    for (name, inner) in [("always", always), ("failure", failure), ("cleanup", end)] {
        if !inner.text.is_empty() {
            code.open(name);
            code.text.push_str(&inner.text);
            code.close();
        }
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
