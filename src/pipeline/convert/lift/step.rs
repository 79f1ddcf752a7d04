//! Steps: scripts, caches, artifacts, and what stays in place as a comment.

use super::condition::{self, Holds};
use super::{Lift, job as jobs, uses};
use crate::pipeline::Platform;
use crate::pipeline::convert::rewrite::{Place, rewrite};
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::{self, At, Phase, Resource};
use crate::pipeline::portable::{Action, Condition, Job, Part, Shell, Step, TestReport, Variable};

/// Adds the steps of a job of the graph. `merged` is the stage they were, where several
/// became one job: its title, condition and variables go to its steps.
pub fn steps(
    lift: &Lift<'_>,
    at: usize,
    graph: &graph::Job,
    merged: Option<&graph::Job>,
    job: &mut Job,
) {
    let around: Option<Condition> = merged.and_then(|stage| {
        let own = stage.condition.as_ref()?;
        condition::lift(lift, Some(at), own).condition()
    });
    let variables = merged.map(|stage| jobs::variables(lift, Some(at), &stage.env));
    let explicit = matches!(lift.from(), Platform::GitHub);
    if !explicit
        && job.steps.is_empty()
        && !checks_out(graph)
        && !graph.clone.none
        && !lift.pipeline().clone.none
        && graph.kind == graph::JobKind::Work
    {
        job.steps.push(checkout(lift, graph));
    }
    restore(lift, at, graph, job);
    for step in &graph.steps {
        let made = one(lift, at, graph, step, job);
        for mut made in made {
            made.line = made.line.or_else(|| lift.line(step.span));
            if made.title.is_none() {
                made.title = title(lift, at, step);
            }
            if let Some(stage) = merged {
                let own = made.title.take();
                made.title = Some(match own {
                    Some(own) => format!("{}: {own}", stage.title()),
                    None => stage.title().to_owned(),
                });
            }
            if let Some((variables, secrets)) = &variables
                && matches!(made.action, Action::Run { .. })
            {
                made.variables.extend(variables.iter().cloned());
                for secret in secrets {
                    if !job.secrets.contains(secret) {
                        job.secrets.push(secret.clone());
                    }
                }
            }
            if let Some(soft) = step.soft_fail.then_some(true) {
                made.soft_fail |= soft;
            }
            let own = step.condition.as_ref().map(|own| condition::lift(lift, Some(at), own));
            let own = own.map(|holds| without_phase(holds, step.phase));
            let parts = [own, around.clone().map(Holds::When)];
            made.condition = condition::all(parts.into_iter().flatten().collect()).condition();
            withhold(lift, step, &mut made);
            detail(lift, step, &mut made);
            if let Action::SaveTestReport(more) = &made.action {
                let mut known =
                    job.steps.iter_mut().chain(&mut job.on_failure).chain(&mut job.always);
                let known = known.find_map(|step| match &mut step.action {
                    Action::SaveTestReport(report) => Some(report),
                    _ => None,
                });
                if let Some(report) = known
                    && lift.to == Platform::GitLab
                {
                    report.paths.extend(more.paths.iter().cloned());
                    continue;
                }
            }
            match step.phase {
                Phase::Main => job.steps.push(made),
                Phase::Failure => job.on_failure.push(made),
                Phase::Always => job.always.push(made),
            }
        }
    }
    keep(lift, at, graph, job);
}

/// A step that puts something out must not run more often than it did: where its
/// condition is not all carried, it stands as a comment.
fn withhold(lift: &Lift<'_>, step: &graph::Step, made: &mut Step) {
    use crate::pipeline::words::Does;
    let outward = step.does.iter().any(|does| {
        matches!(does, Does::Deploy(_) | Does::Publish(_) | Does::PushImage(_) | Does::Rollback)
    });
    let Some(condition) = &made.condition else { return };
    if !outward || !condition::has_foreign(condition) {
        return;
    }
    let said = step.condition.as_ref().map_or("", |at| at.value.as_str());
    let line = lift.line(step.span);
    lift.lose(
        format!(
            "the step `{}` under the condition `{said}`",
            step.name.as_deref().unwrap_or("without a name")
        ),
        "It puts something out and its condition has no equal; it stands in the file as a comment",
        line,
    );
    let body = match (&step.script, &step.uses) {
        (Some(script), _) => script.text.clone(),
        (None, Some(used)) => used.name.clone(),
        _ => String::new(),
    };
    let at = At { value: body, span: step.span };
    let inputs = vec![
        ("if".to_owned(), At { value: said.to_owned(), span: step.span }),
        ("run".to_owned(), at),
    ];
    let title = made.title.clone();
    *made = placeholder(lift, "a step under a condition", &inputs, title.as_deref(), line);
}

/// A step of a phase needs not say it again.
fn without_phase(holds: Holds, phase: Phase) -> Holds {
    let Holds::When(condition) = holds else { return holds };
    let said = |one: &Condition| match phase {
        Phase::Main => false,
        Phase::Failure => matches!(one, Condition::OnFailure | Condition::Always),
        Phase::Always => matches!(one, Condition::Always),
    };
    match condition {
        one if said(&one) => Holds::Always,
        Condition::All(list) => {
            condition::all(list.into_iter().filter(|one| !said(one)).map(Holds::When).collect())
        }
        one => Holds::When(one),
    }
}

fn title(lift: &Lift<'_>, at: usize, step: &graph::Step) -> Option<String> {
    let name = step.name.as_deref()?;
    if matches!(name, "script" | "before_script" | "after_script" | "run") {
        return None;
    }
    let text = rewrite(lift, Some(at), name, Place::Value);
    text.as_literal().map(str::to_owned)
}

/// Step limits and folders, which the graph leaves in the tree.
fn detail(lift: &Lift<'_>, step: &graph::Step, made: &mut Step) {
    if step.span.file != 0 {
        return;
    }
    let Some(node) = lift.node(&step.path) else { return };
    let text = |key: &str| node.get(key).and_then(|node| node.filled().map(str::to_owned));
    match lift.from() {
        Platform::GitHub => {
            made.timeout = text("timeout-minutes").and_then(|text| text.parse().ok());
            made.folder = text("working-directory").filter(|text| !text.contains("${{"));
        }
        Platform::Azure => {
            made.timeout =
                text("timeoutInMinutes").and_then(|text| text.parse().ok()).filter(|n| *n > 0);
            made.folder = text("workingDirectory")
                .or_else(|| {
                    node.get("inputs")
                        .and_then(|node| node.get("workingDirectory")?.filled().map(str::to_owned))
                })
                .map(|text| {
                    text.replace("$(Build.SourcesDirectory)/", "")
                        .replace("$(System.DefaultWorkingDirectory)/", "")
                })
                .filter(|text| !text.contains("$(") && !text.contains("${{"));
        }
        _ => {}
    }
}

fn checks_out(job: &graph::Job) -> bool {
    job.steps.iter().any(|step| {
        step.does.contains(&crate::pipeline::words::Does::Checkout) && step.uses.is_some()
    })
}

/// A fetch of the source as the job asks for it.
pub fn checkout(lift: &Lift<'_>, job: &graph::Job) -> Step {
    let top = &lift.pipeline().clone;
    let depth = job.clone.depth.as_ref().or(top.depth.as_ref());
    let submodules = job.clone.submodules.as_ref().or(top.submodules.as_ref());
    let lfs = job.clone.lfs.as_ref().or(top.lfs.as_ref());
    Step::new(Action::Checkout {
        depth: depth.map(|at| u32::try_from(at.value).unwrap_or(0)),
        submodules: submodules
            .is_some_and(|at| !matches!(at.value.as_str(), "false" | "none" | "")),
        lfs: lfs.is_some_and(|at| at.value),
    })
}

fn shell(lift: &Lift<'_>, step: &graph::Step, script: &graph::Script) -> Shell {
    let word = script.shell.as_deref().unwrap_or("").split_ascii_whitespace().next().unwrap_or("");
    match word.to_ascii_lowercase().as_str() {
        "bash" => Shell::Bash,
        "sh" => Shell::Sh,
        "pwsh" => Shell::Pwsh,
        "powershell" => Shell::PowerShell,
        "cmd" | "bat" => Shell::Cmd,
        word if word.starts_with("python") => Shell::Python,
        "" => Shell::Usual,
        other => {
            lift.lose(
                format!("the shell `{other}`"),
                "The script is read by the runner's own shell; call the program in it",
                lift.line(step.span),
            );
            Shell::Usual
        }
    }
}

fn one(
    lift: &Lift<'_>,
    at: usize,
    graph: &graph::Job,
    step: &graph::Step,
    job: &mut Job,
) -> Vec<Step> {
    let (variables, secrets) = jobs::variables(lift, Some(at), &step.env);
    let mut made = if let Some(script) = &step.script {
        let shell = shell(lift, step, script);
        let place = match shell {
            Shell::Usual | Shell::Sh | Shell::Bash => Place::Shell,
            _ => Place::Script,
        };
        let text = unindented(&script.text);
        let text = rewrite(lift, Some(at), &text, place);
        vec![Step::new(Action::Run { script: text, shell })]
    } else if let Some(used) = &step.uses {
        match uses::lift(lift, at, graph, step, used, job) {
            Some(made) => made,
            None => unknown(lift, at, step, used),
        }
    } else {
        Vec::new()
    };
    for made in &mut made {
        if matches!(made.action, Action::Run { .. }) {
            made.variables.extend(variables.iter().cloned());
        }
    }
    for secret in secrets {
        match job.secrets.iter().find(|known| known.variable() == secret.variable()) {
            None => job.secrets.push(secret),
            Some(known) if known.name == secret.name => {}
            // Another step reads another secret under this name.
            Some(_) => {
                for made in made.iter_mut().filter(|one| matches!(one.action, Action::Run { .. })) {
                    made.variables.push(Variable {
                        name: secret.variable().to_owned(),
                        value: Part::Secret(secret.name.clone()).into(),
                    });
                }
                lift.remark(format!(
                    "The secret `{}` has to be set on the platform; a step of job `{}` reads it as `{}`",
                    secret.name,
                    job.id,
                    secret.variable()
                ));
            }
        }
    }
    made
}

/// Lines without what all of them begin with, and without empty ones around.
fn unindented(text: &str) -> String {
    let text = text.trim_matches('\n').trim_end();
    let indent = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> =
        text.lines().map(|line| line.get(indent..).unwrap_or("").trim_end()).collect();
    lines.join("\n")
}

/// What has no equal: its words stand where it stood, and the run fails there.
fn unknown(lift: &Lift<'_>, at: usize, step: &graph::Step, used: &graph::Use) -> Vec<Step> {
    let name = match &used.version {
        Some(version) => format!("{}@{version}", used.name),
        None => used.name.clone(),
    };
    let line = lift.line(step.span);
    lift.lose(
        format!("`{name}` in job `{}`", lift.id(at)),
        "It has no equal known here; its words stand in the file as a comment, and the step fails until it is replaced",
        line,
    );
    let title = step.name.clone().filter(|name| !name.contains("${{") && !name.contains("$("));
    vec![placeholder(lift, &name, &used.inputs, title.as_deref(), line)]
}

/// A step that shows what stood here and fails.
pub fn placeholder(
    lift: &Lift<'_>,
    name: &str,
    inputs: &[(String, At<String>)],
    title: Option<&str>,
    line: Option<u32>,
) -> Step {
    let clean = |text: &str| {
        let text =
            text.replace("${{", "{{").replace("$(", "(").replace("<+", "<").replace("$[", "[");
        text.replace(['`', '\\'], "'").replace("'''", "'").replace("\"\"\"", "\"")
    };
    let mut script = format!("# Not carried over from {}: {}\n", lift.from().name(), clean(name));
    for (key, value) in inputs {
        for (at, text) in value.value.lines().enumerate() {
            let head = if at == 0 { format!("{}: ", clean(key)) } else { "  ".to_owned() };
            script.push_str(format!("#   {head}{}", clean(text)).trim_end());
            script.push('\n');
        }
    }
    let word: String = clean(name)
        .chars()
        .filter(|c| *c != '"' && *c != '\'' && !c.is_control() && *c != '$' && *c != '!')
        .collect();
    script.push_str(&format!("echo \"Not carried over: {word}\"\nexit 1"));
    let mut step = Step::run(script);
    step.line = line;
    step.title = title.map(clean);
    step
}

/// Caches that a job names beside its steps, and what jobs before left: that is there by
/// itself on some platforms, and fetched elsewhere.
fn restore(lift: &Lift<'_>, at: usize, graph: &graph::Job, job: &mut Job) {
    caches(lift, at, graph, job);
    fetch(lift, graph, job);
}

fn caches(lift: &Lift<'_>, at: usize, graph: &graph::Job, job: &mut Job) {
    let node = lift.node(&graph.path);
    match lift.from() {
        Platform::GitLab => {
            let of_job = node.and_then(|node| node.get("cache"));
            let top = lift.root();
            let cache = of_job
                .or_else(|| top.as_ref()?.get("default")?.get("cache"))
                .or_else(|| top.as_ref()?.get("cache"));
            let Some(cache) = cache else { return };
            if !graph
                .reads
                .iter()
                .chain(&graph.writes)
                .any(|one| matches!(one.what, Resource::Cache(_)))
            {
                return;
            }
            let items: Vec<Node<'_>> =
                if cache.is_seq() { cache.items().collect() } else { vec![cache] };
            for item in items {
                let paths = item.get("paths").map(|list| list.texts()).unwrap_or_default();
                let files = item
                    .get("key")
                    .and_then(|key| key.get("files"))
                    .map(|list| list.texts())
                    .unwrap_or_default();
                let name = item.get("key").and_then(|key| key.filled().map(str::to_owned));
                push_cache(
                    lift,
                    at,
                    name.as_deref().unwrap_or("cache"),
                    files,
                    paths,
                    lift.line(item.span()),
                    job,
                );
            }
        }
        Platform::Bitbucket => {
            let root = lift.root();
            let own = root.as_ref().and_then(|root| root.get("definitions")?.get("caches"));
            for access in &graph.reads {
                let Resource::Cache(name) = &access.what else { continue };
                let line = lift.line(access.span);
                let defined = own.as_ref().and_then(|own| own.get(name));
                let (paths, files) = match &defined {
                    Some(node) => {
                        let path = node
                            .filled()
                            .map(|path| vec![path.to_owned()])
                            .or_else(|| Some(vec![node.get("path")?.filled()?.to_owned()]));
                        let files = node
                            .get("key")
                            .and_then(|key| key.get("files"))
                            .map(|list| list.texts());
                        (path.unwrap_or_default(), files.unwrap_or_default())
                    }
                    None => (bitbucket_cache(name), Vec::new()),
                };
                if name == "docker" {
                    lift.lose(
                        format!("the cache of image layers of job `{}`", job.id),
                        "Keep layers with the build (`--cache-from`) instead",
                        line,
                    );
                    continue;
                }
                push_cache(lift, at, name, files, paths, line, job);
            }
        }
        Platform::Harness => {
            for access in &graph.reads {
                let Resource::Cache(key) = &access.what else { continue };
                let caching = node.as_ref().and_then(|node| node.get("spec")?.get("caching"));
                let paths =
                    caching.and_then(|node| Some(node.get("paths")?.texts())).unwrap_or_default();
                if paths.is_empty() {
                    lift.lose(
                        format!("Cache Intelligence of job `{}`", job.id),
                        "Which folders it keeps is found out when it runs; name them",
                        lift.line(access.span),
                    );
                } else {
                    let name = if key == "automatic" { "cache" } else { key };
                    push_cache(lift, at, name, Vec::new(), paths, lift.line(access.span), job);
                }
            }
        }
        _ => {}
    }
}

fn push_cache(
    lift: &Lift<'_>,
    at: usize,
    key: &str,
    files: Vec<String>,
    paths: Vec<String>,
    line: Option<u32>,
    job: &mut Job,
) {
    let paths: Vec<String> =
        paths.iter().filter_map(|path| rewritten_path(lift, at, path)).collect();
    if paths.is_empty() {
        lift.lose(
            format!("the cache `{key}` of job `{}`", job.id),
            "Its paths are not known",
            line,
        );
        return;
    }
    let mut step = Step::new(Action::Cache { name: name_of(key), files, paths });
    step.line = line;
    job.steps.push(step);
}

/// A path relative to the checkout; `None` where it is computed.
pub fn rewritten_path(lift: &Lift<'_>, at: usize, path: &str) -> Option<String> {
    let text = rewrite(lift, Some(at), path.trim(), Place::Value);
    let out = text.render(|part| match part {
        crate::pipeline::portable::Part::Workspace => ".".to_owned(),
        crate::pipeline::portable::Part::Variable(name) => {
            let pipeline = lift.pipeline();
            let own = pipeline.jobs.get(at).map(|job| job.env.as_slice()).unwrap_or_default();
            let found = own.iter().chain(&pipeline.env).find(|v| v.name == *name);
            found.map_or("\u{0}".to_owned(), |v| v.value.clone())
        }
        _ => "\u{0}".to_owned(),
    });
    let out = out.trim_start_matches("./").trim_start_matches("$CI_PROJECT_DIR/").to_owned();
    let out = if out.is_empty() { ".".to_owned() } else { out };
    (!out.contains('\u{0}') && !out.contains("$(") && !out.contains("${{")).then_some(out)
}

/// A fixed name of a cache's or an artifact's key.
pub fn name_of(key: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0u32;
    for c in key.chars() {
        match c {
            '{' | '(' => depth += 1,
            '}' | ')' => depth = depth.saturating_sub(1),
            '$' => {}
            c if depth == 0 && (c.is_ascii_alphanumeric() || c == '-' || c == '_') => plain.push(c),
            _ if depth == 0 && !plain.ends_with('-') => plain.push('-'),
            _ => {}
        }
    }
    let plain: String = plain.trim_matches(['-', '_']).chars().take(50).collect();
    if plain.is_empty() { "cache".to_owned() } else { plain }
}

/// Source: <https://support.atlassian.com/bitbucket-cloud/docs/cache-dependencies/>.
fn bitbucket_cache(name: &str) -> Vec<String> {
    let path = match name {
        "composer" => "~/.composer/cache",
        "dotnetcore" => "~/.nuget/packages",
        "gradle" => "~/.gradle/caches",
        "ivy2" => "~/.ivy2/cache",
        "maven" => "~/.m2/repository",
        "node" => "node_modules",
        "pip" => "~/.cache/pip",
        "sbt" => "~/.sbt",
        _ => return Vec::new(),
    };
    vec![path.to_owned()]
}

/// The artifact of a job without a name of its own.
fn own_artifact(id: &str) -> String {
    format!("{id}-files")
}

fn fetch(lift: &Lift<'_>, graph: &graph::Job, job: &mut Job) {
    if !matches!(lift.from(), Platform::GitLab | Platform::Bitbucket) {
        return;
    }
    let pipeline = lift.pipeline();
    let mut todo: Vec<usize> =
        graph.needs.iter().filter(|need| need.artifacts).map(|need| need.job).collect();
    let mut seen = std::collections::BTreeSet::new();
    let explicit = graph.needs_span.is_some();
    while let Some(at) = todo.pop() {
        if !seen.insert(at) {
            continue;
        }
        if let Some(other) = pipeline.jobs.get(at)
            && !explicit
        {
            todo.extend(other.needs.iter().map(|need| need.job));
        }
    }
    for at in seen {
        let Some(other) = pipeline.jobs.get(at) else { continue };
        let leaves = other.writes.iter().any(|one| matches!(one.what, Resource::Artifact(_)));
        let id = lift.id(at).to_owned();
        if leaves && id != job.id && !paths_of(lift, at, other).0.is_empty() {
            if !job.needs.contains(&id) {
                job.needs.push(id.clone());
            }
            job.steps
                .push(Step::new(Action::FetchArtifact { name: own_artifact(&id), path: None }));
        }
    }
}

/// What a job leaves for others, and its reports of tests.
fn paths_of(
    lift: &Lift<'_>,
    at: usize,
    graph: &graph::Job,
) -> (Vec<String>, Vec<String>, Option<u32>) {
    let node = lift.node(&graph.path);
    let mut paths = Vec::new();
    let mut reports = Vec::new();
    let mut days = None;
    match lift.from() {
        Platform::GitLab => {
            let top = lift.root();
            let artifacts = node
                .and_then(|node| node.get("artifacts"))
                .or_else(|| top.as_ref()?.get("default")?.get("artifacts"));
            if let Some(artifacts) = artifacts {
                paths = artifacts.get("paths").map(|list| list.texts()).unwrap_or_default();
                let junit = artifacts.get("reports").and_then(|node| node.get("junit"));
                reports = junit.map(|list| list.texts()).unwrap_or_default();
                days = artifacts.get("expire_in").and_then(|node| {
                    let text = node.filled()?;
                    let number: u32 = text
                        .split_ascii_whitespace()
                        .next()?
                        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
                        .parse()
                        .ok()?;
                    Some(
                        match () {
                            () if text.contains("week") => number * 7,
                            () if text.contains("month") => number * 30,
                            () if text.contains("year") => number * 365,
                            () if text.contains("hour")
                                || text.contains("hr")
                                || text.contains("min") =>
                            {
                                1
                            }
                            () => number,
                        }
                        .clamp(1, 90),
                    )
                });
            }
        }
        Platform::Bitbucket => {
            for one in &graph.writes {
                if let Resource::Workspace(path) = &one.what
                    && !path.is_empty()
                {
                    paths.push(path.clone());
                }
            }
        }
        _ => {}
    }
    let plain = |list: Vec<String>| {
        list.iter().filter_map(|path| rewritten_path(lift, at, path)).collect::<Vec<_>>()
    };
    (plain(paths), plain(reports), days)
}

fn keep(lift: &Lift<'_>, at: usize, graph: &graph::Job, job: &mut Job) {
    let (paths, reports, days) = paths_of(lift, at, graph);
    let writes = graph.writes.iter().find(|one| matches!(one.what, Resource::Artifact(_)));
    if !paths.is_empty() {
        let mut step = Step::new(Action::SaveArtifact { name: own_artifact(&job.id), paths, days });
        step.line = writes.and_then(|one| lift.line(one.span));
        job.steps.push(step);
    } else if let Some(one) = writes
        && matches!(lift.from(), Platform::GitLab | Platform::Bitbucket)
    {
        lift.lose(
            format!("the artifacts of job `{}`", job.id),
            "Their paths are known only when it runs",
            lift.line(one.span),
        );
    }
    if !reports.is_empty() {
        job.always.push(Step::new(Action::SaveTestReport(TestReport { paths: reports })));
    }
    if let Some(one) = graph.writes.iter().find(|one| matches!(one.what, Resource::Dotenv(_))) {
        lift.lose(
            format!("the variables that job `{}` hands on in a file (dotenv)", job.id),
            "Name them as outputs",
            lift.line(one.span),
        );
    }
}
