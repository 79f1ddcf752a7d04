//! Jobs, and what stands above them.

use super::condition::{self, Holds, all};
use super::group::entry;
use super::{Lift, runner, step, trigger};
use crate::pipeline::Platform;
use crate::pipeline::convert::rewrite::{Place, SECRET, rewrite};
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::{self, JobKind, Permissions, TriggerKind};
use crate::pipeline::portable::write::context::identifier;
use crate::pipeline::portable::{
    Access, Action, Approval, Condition, Environment, Input, Job, Matrix, Part, Portable, Rights,
    Secret, Service, Step, Text, Trigger, Variable,
};
use crate::pipeline::words;

/// The whole pipeline.
pub fn pipeline(lift: &Lift<'_>, groups: &[Vec<usize>], inputs: Vec<Input>) -> Portable {
    let graph = lift.pipeline();
    let mut portable = Portable {
        name: graph.name.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        rights: rights(lift, &graph.permissions),
        cancel_superseded: graph.auto_cancel.as_ref().is_some_and(|at| at.value)
            || graph
                .concurrency
                .as_ref()
                .is_some_and(|c| c.cancel.as_deref().is_some_and(|cancel| cancel != "false")),
        ..Portable::default()
    };
    if portable.name.contains("${{") || portable.name.contains("$(") {
        portable.name.clear();
    }
    if let Some(concurrency) = &graph.concurrency
        && !portable.cancel_superseded
    {
        lift.lose(
            format!("that runs of the group `{}` wait for each other", concurrency.group),
            "Locks are for jobs; those that deploy have one of their own",
            lift.line(concurrency.span),
        );
    }
    portable.default_branch = default_branch(lift);
    let (variables, secrets) = self::variables(lift, None, &graph.env);
    portable.variables = variables;
    portable.variables.retain(|variable| !inputs.iter().any(|input| input.name == variable.name));
    portable.secrets = secrets;
    for input in &inputs {
        // Scripts read answers as variables everywhere but on GitHub and Azure.
        let by_itself =
            matches!(lift.to, Platform::GitLab | Platform::Jenkins | Platform::Bitbucket);
        let read =
            matches!(lift.from(), Platform::Jenkins | Platform::GitLab | Platform::Bitbucket);
        if read && !by_itself {
            portable.variables.push(Variable {
                name: input.name.clone(),
                value: Part::Input(input.name.clone()).into(),
            });
        }
    }
    for unread in &graph.unread {
        lift.lose(
            format!("`{}`", unread.what.chars().take(120).collect::<String>()),
            match unread.why {
                "remote" => "It lies in another repository; convert it there, and call it or take its jobs in",
                "missing" => "It is not in the checkout",
                "computed" => "Its name is known only when it runs",
                "cyclic" => "It includes itself",
                _ => "It cannot be read",
            },
            lift.line(unread.span),
        );
    }
    portable.triggers = trigger::triggers(lift, inputs);
    let mut approvals = Vec::new();
    for group in groups {
        let Some(first) = group.first().copied() else { continue };
        let job = self::job(lift, group, &mut portable);
        if let Some(approval) = approve(lift, first, &job, group) {
            approvals.push((job.id.clone(), approval));
        }
        portable.jobs.push(job);
    }
    if portable.jobs.is_empty() {
        let what = "a pipeline whose jobs all stand in other files";
        lift.lose(what, "None of them could be read here", None);
        let mut job = Job::new("not-carried");
        job.steps.push(step::placeholder(lift, what, &[], None, None));
        portable.jobs.push(job);
    }
    distinct(lift, &mut portable);
    let kept = portable.jobs.iter().flat_map(|job| &job.secrets).chain(&portable.secrets);
    for secret in kept {
        if secret.name == secret.variable() {
            lift.remark(format!("The secret `{}` has to be set on the platform", secret.name));
        } else {
            lift.remark(format!(
                "The secret `{}` has to be set on the platform; scripts read it as `{}`",
                secret.name,
                secret.variable()
            ));
        }
    }
    for (id, approval) in approvals {
        place(&mut portable, &id, approval);
    }
    portable
}

/// Titles that are not the same, and on Bitbucket one job to an environment.
fn distinct(lift: &Lift<'_>, portable: &mut Portable) {
    let mut titles = std::collections::HashSet::new();
    let mut environments = std::collections::HashSet::new();
    for job in &mut portable.jobs {
        if !titles.insert(job.title().to_owned()) {
            job.title = None;
            titles.insert(job.id.clone());
        }
        if lift.to == Platform::Bitbucket
            && let Some(environment) = &job.environment
            && !environments.insert(environment.name.clone())
        {
            lift.lose(
                format!("the environment `{}` of job `{}`", environment.name, job.id),
                "Another job of the pipeline deploys to it, and Bitbucket lets but one",
                job.line,
            );
            job.environment = None;
        }
    }
}

/// Puts a job that waits for a person before another.
fn place(portable: &mut Portable, id: &str, approval: Approval) {
    let Some(at) = portable.jobs.iter().position(|job| job.id == id) else { return };
    let mut name = format!("approve-{id}");
    while portable.job(&name).is_some() {
        name.push('-');
        name.push('2');
    }
    let Some(job) = portable.jobs.get_mut(at) else { return };
    let waiting = Job {
        id: name.clone(),
        line: job.line,
        needs: std::mem::replace(&mut job.needs, vec![name]),
        stage: job.stage.clone(),
        condition: job.condition.clone(),
        soft_fail: false,
        steps: vec![Step::new(Action::Approval(approval))],
        ..Job::default()
    };
    // What is fetched from jobs before is still waited for.
    if let Some(job) = portable.jobs.get_mut(at) {
        job.needs.extend(waiting.needs.iter().cloned());
    }
    portable.jobs.insert(at, waiting);
}

fn default_branch(lift: &Lift<'_>) -> String {
    let mut names = lift.pipeline().triggers.iter().flat_map(|trigger| &trigger.branches);
    let known = names.find(|name| matches!(name.as_str(), "main" | "master" | "trunk"));
    known.cloned().unwrap_or_else(|| "main".to_owned())
}

fn rights(lift: &Lift<'_>, permissions: &Permissions) -> Rights {
    match permissions {
        Permissions::Unsaid => Rights::Least,
        Permissions::ReadAll(_) => Rights::Least,
        Permissions::WriteAll(span) => {
            if lift.to != Platform::GitHub {
                lift.lose(
                    "the right to write all",
                    "The platform has no rights for jobs' tokens in the file",
                    lift.line(*span),
                );
            }
            Rights::All
        }
        Permissions::Scopes(scopes, span) => {
            let access = |word: &str| match word {
                "write" => Access::Write,
                "read" => Access::Read,
                _ => Access::None,
            };
            for (scope, word) in scopes.iter().filter(|_| lift.to != Platform::GitHub) {
                lift.lose(
                    format!("the right `{scope}: {word}`"),
                    "The platform has no rights for jobs' tokens in the file",
                    lift.line(*span),
                );
            }
            let mut rights: Vec<(String, Access)> =
                scopes.iter().map(|(s, w)| (s.clone(), access(w))).collect();
            if lift.from() != Platform::GitHub && !scopes.is_empty() {
                // Others name what is asked for beside the checkout.
                rights.insert(0, ("contents".to_owned(), Access::Read));
            }
            if lift.to == Platform::GitHub { Rights::Only(rights) } else { Rights::Least }
        }
    }
}

/// Variables, and those among them that hold nothing but a secret.
pub fn variables(
    lift: &Lift<'_>,
    job: Option<usize>,
    list: &[graph::Variable],
) -> (Vec<Variable>, Vec<Secret>) {
    let mut variables: Vec<Variable> = Vec::new();
    let mut secrets: Vec<Secret> = Vec::new();
    for one in list {
        let name = identifier(&one.name);
        if name.is_empty() || one.name.starts_with("GIT_DEPTH") || one.name == "GIT_STRATEGY" {
            continue;
        }
        let value = if let Some(id) = credential(&one.value) {
            Part::Secret(identifier(&id)).into()
        } else {
            rewrite(lift, job, &one.value, Place::Value)
        };
        match value.0.as_slice() {
            [Part::Secret(secret)] => {
                let variable = (*secret != name).then(|| name.clone());
                secrets.retain(|known| known.variable() != name);
                secrets.push(Secret { name: secret.clone(), variable });
            }
            // A variable that is filled with itself is set elsewhere.
            [Part::Variable(same)] if *same == name => {}
            // An axis is a variable of its own name on these.
            [Part::Matrix(axis)]
                if *axis == name && !matches!(lift.to, Platform::GitHub | Platform::Harness) => {}
            _ => {
                let before = variables.iter().find(|known| known.name == name);
                let value = match before {
                    // A later line may say `$(X) -more` of what an earlier one gave to X.
                    Some(before) => with(&value, &name, &before.value),
                    None => value,
                };
                variables.retain(|known| known.name != name);
                variables.push(Variable { name, value });
            }
        }
    }
    (variables, secrets)
}

/// Text in which a variable's name is replaced by what it held.
fn with(text: &Text, name: &str, held: &Text) -> Text {
    let mut out = Text::default();
    for part in &text.0 {
        let parts = match part {
            Part::Variable(read) if read == name => held.0.as_slice(),
            part => std::slice::from_ref(part),
        };
        parts.iter().for_each(|part| out.push(part.clone()));
    }
    out
}

/// Jenkins' `credentials('id')`, and what bindings give.
fn credential(value: &str) -> Option<String> {
    let inner = value.trim().strip_prefix("credentials(")?.strip_suffix(')')?;
    Some(inner.trim().trim_matches(['\'', '"']).to_owned())
}

fn job(lift: &Lift<'_>, group: &[usize], portable: &mut Portable) -> Job {
    let graph = lift.pipeline();
    let jobs: Vec<(usize, &graph::Job)> =
        group.iter().filter_map(|at| Some((*at, graph.jobs.get(*at)?))).collect();
    let Some(&(at, first)) = jobs.first() else { return Job::default() };
    let merged = jobs.len() > 1;
    let mut job = Job::new(lift.id(at));
    job.line = lift.line(first.span);
    let title = first.name.as_ref().map_or(first.id.as_str(), |name| name.value.as_str());
    let title = rewrite(lift, Some(at), title, Place::Value).as_literal().map(str::to_owned);
    if !merged && lift.from() != Platform::Bitbucket && lift.from() != Platform::Azure {
        job.title = title.filter(|title| *title != job.id && !title.is_empty());
    } else if !merged {
        let own = first.name.as_ref().map(|name| name.value.clone());
        job.title =
            own.filter(|title| !title.contains("$(") && !title.contains("${{") && *title != job.id);
    }
    for need in &first.needs {
        let id = lift.id(need.job).to_owned();
        if !id.is_empty() && id != job.id && !job.needs.contains(&id) {
            job.needs.push(id);
        }
    }
    job.stage = first.stage.and_then(|stage| graph.stages.get(stage)).map(|stage| stage.id.clone());
    job.runner = runner::lift(lift, at, first);
    windows_by_scripts(lift, &jobs, &mut job);
    job.services = services(lift, at, first);
    job.soft_fail = first.soft_fail;
    job.rights = match &first.permissions {
        Permissions::Unsaid => Rights::Least,
        permissions => rights(lift, permissions),
    };
    let minutes: Vec<f64> =
        jobs.iter().filter_map(|(_, job)| Some(job.timeout.as_ref()?.value)).collect();
    if minutes.len() == jobs.len() {
        let sum: f64 = minutes.iter().sum();
        job.timeout = Some(sum.ceil().clamp(1.0, 43_200.0) as u32);
    } else {
        for (_, one) in jobs.iter().filter(|_| merged) {
            if let Some(timeout) = &one.timeout {
                lift.lose(
                    format!("the time limit of `{}`", one.title()),
                    "It is one of several stages of a job, which has one limit",
                    lift.line(timeout.span),
                );
            }
        }
    }
    job.lock =
        first.concurrency.as_ref().filter(|c| c.cancel.as_deref() != Some("true")).map(|c| {
            let text = rewrite(lift, Some(at), &c.group, Place::Value);
            match text.as_literal() {
                Some(group) => group.to_owned(),
                None => {
                    lift.lose(
                        format!(
                            "the computed group `{}` that job `{}` belongs to",
                            c.group, job.id
                        ),
                        "The job has a lock of its own",
                        lift.line(c.span),
                    );
                    format!("lock-{}", job.id)
                }
            }
        });
    if let Some(c) = first.concurrency.as_ref().filter(|c| c.cancel.as_deref() == Some("true")) {
        lift.lose(
            format!("that a newer run cancels job `{}`", job.id),
            "It is said for the whole pipeline here",
            lift.line(c.span),
        );
    }
    let (variables, secrets) = variables(lift, Some(at), &first.env);
    job.variables = variables;
    job.secrets = secrets;
    environment(lift, at, first, &mut job);
    matrix(lift, at, first, &mut job);
    let mut holds = Vec::new();
    if !merged && let Some(condition) = &first.condition {
        holds.push(condition::lift(lift, Some(at), condition));
    } else if first.condition.is_none() && lift.from() == Platform::GitLab {
        holds.push(gitlab_default(lift));
    }
    holds.extend(stage_condition(lift, first));
    holds.extend(entry_condition(lift, first));
    job.condition = all(holds).condition();
    harden(lift, at, first, &mut job, portable);
    for (at, one) in &jobs {
        let own = merged.then_some(*one);
        step::steps(lift, *at, one, own, &mut job);
    }
    job.outputs = lift.outputs_of(at);
    secrets_of_scripts(lift, at, &mut job, portable);
    for action in &first.on_failure {
        if !matches!(action.value.as_str(), "Ignore" | "MarkAsSuccess" | "StageRollback" | "Abort")
        {
            lift.lose(
                format!("the failure action {} of job `{}`", action.value, job.id),
                "A step for failures does the rest; this action has no equal",
                lift.line(action.span),
            );
        }
    }
    if first.kind == JobKind::Call {
        call(lift, first, &mut job);
    }
    job
}

/// Jenkins' labels tell little of machines; `bat` tells Windows.
fn windows_by_scripts(lift: &Lift<'_>, jobs: &[(usize, &graph::Job)], job: &mut Job) {
    if lift.from() != Platform::Jenkins || jobs.iter().any(|(_, one)| one.runner.os.is_some()) {
        return;
    }
    let scripts = || jobs.iter().flat_map(|(_, job)| &job.steps).filter_map(|s| s.script.as_ref());
    let windows = |script: &graph::Script| {
        matches!(script.shell.as_deref(), Some("bat" | "cmd" | "powershell"))
    };
    let mixed = scripts().any(|script| script.shell.is_none());
    if scripts().any(windows) && !mixed {
        job.runner.os = crate::pipeline::portable::Os::Windows;
    }
}

/// A job without rules runs for branches and tags, not for merge requests.
fn gitlab_default(lift: &Lift<'_>) -> Holds {
    let workflow = lift.root().and_then(|root| root.get("workflow")?.get("rules")).is_some();
    if !workflow && lift.pipeline().has_trigger(TriggerKind::Change) {
        return Holds::When(Condition::Not(Box::new(Condition::Change)));
    }
    Holds::Always
}

fn stage_condition(lift: &Lift<'_>, job: &graph::Job) -> Option<Holds> {
    let stage = lift.pipeline().stages.get(job.stage?)?;
    let condition = stage.condition.as_ref()?;
    Some(condition::lift(lift, None, condition))
}

/// Bitbucket's pipelines apart become jobs apart, by what sets them off.
fn entry_condition(lift: &Lift<'_>, job: &graph::Job) -> Option<Holds> {
    let entries = &lift.pipeline().entries;
    if lift.from() != Platform::Bitbucket {
        return None;
    }
    let own = entries.get(job.entry)?;
    let (kind, pattern) = entry(&own.name);
    Some(match kind {
        TriggerKind::Push if pattern.is_empty() => {
            let others = entries.iter().map(|one| entry(&one.name));
            let not: Vec<Holds> = others
                .filter_map(|(kind, pattern)| match kind {
                    TriggerKind::Push if !pattern.is_empty() => {
                        Some(braces(pattern).into_iter().map(Condition::Branch).collect::<Vec<_>>())
                    }
                    TriggerKind::Tag => Some(vec![Condition::Tag(pattern.to_owned())]),
                    TriggerKind::Change => Some(vec![Condition::Change]),
                    TriggerKind::Manual => Some(vec![Condition::Manual]),
                    _ => None,
                })
                .flatten()
                .map(|condition| Holds::When(Condition::Not(Box::new(condition))))
                .collect();
            all(not)
        }
        TriggerKind::Push => condition::any(
            braces(pattern).into_iter().map(|b| Holds::When(Condition::Branch(b))).collect(),
        ),
        TriggerKind::Tag => condition::any(
            braces(pattern).into_iter().map(|b| Holds::When(Condition::Tag(b))).collect(),
        ),
        TriggerKind::Change => Holds::When(Condition::Change),
        TriggerKind::Manual => {
            let mut parts = vec![Holds::When(Condition::Manual)];
            if lift.input("pipeline") {
                parts.push(Holds::When(Condition::Equals(
                    Part::Input("pipeline".to_owned()),
                    pattern.to_owned(),
                )));
            }
            all(parts)
        }
        _ => Holds::Always,
    })
}

/// `{main,develop}` as two patterns.
pub fn braces(pattern: &str) -> Vec<String> {
    let Some((head, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let Some((inner, tail)) = rest.split_once('}') else { return vec![pattern.to_owned()] };
    inner.split(',').map(|one| format!("{head}{}{tail}", one.trim())).collect()
}

/// A job that puts something out and whose condition is not all carried is left to a
/// person: it must not run more often than it did.
fn harden(lift: &Lift<'_>, at: usize, graph: &graph::Job, job: &mut Job, portable: &mut Portable) {
    let Some(condition) = &job.condition else { return };
    if !condition::has_foreign(condition) || !(words::is_deploy(graph) || words::is_release(graph))
    {
        return;
    }
    let _ = at;
    lift.lose(
        format!("the condition of job `{}` as a whole", job.id),
        "It puts something out, so that it runs only when a person starts the pipeline, until its condition is written anew",
        lift.line(graph.condition.as_ref().map_or(graph.span, |condition| condition.span)),
    );
    let known = job.condition.take();
    job.condition = Some(match known {
        Some(known) => Condition::All(vec![Condition::Manual, known]),
        None => Condition::Manual,
    });
    if !portable.triggers.iter().any(|trigger| matches!(trigger, Trigger::Manual { .. })) {
        portable.triggers.push(Trigger::Manual { inputs: Vec::new() });
    }
}

fn environment(lift: &Lift<'_>, at: usize, graph: &graph::Job, job: &mut Job) {
    let Some(named) = &graph.environment else { return };
    let text = rewrite(lift, Some(at), &named.value, Place::Value);
    let name = match text.as_literal() {
        Some(name) => name.to_owned(),
        None => {
            lift.lose(
                format!("the computed environment `{}` of job `{}`", named.value, job.id),
                "An environment is named by a fixed word here",
                lift.line(named.span),
            );
            let name = text.render(|part| match part {
                Part::Matrix(name) | Part::Input(name) | Part::Variable(name) => name.clone(),
                Part::Branch => "branch".to_owned(),
                _ => String::new(),
            });
            let kept = identifier(&name).to_ascii_lowercase();
            if kept.len() < 2 { job.id.clone() } else { kept }
        }
    };
    if name.is_empty() {
        return;
    }
    let node = lift.node(&graph.path).and_then(|node| node.get("environment")?.get("url"));
    let url = node.and_then(|node| node.filled().map(str::to_owned));
    job.environment = Some(Environment {
        name,
        url: url.map(|url| rewrite(lift, Some(at), &url, Place::Value)),
        approval: None,
    });
}

/// Who has to say yes before the job, where it is no job of its own.
fn approve(lift: &Lift<'_>, at: usize, job: &Job, group: &[usize]) -> Option<Approval> {
    let graph = lift.pipeline().jobs.get(at)?;
    let manual = group.iter().any(|at| lift.is_manual(*at));
    let own = job.steps.iter().any(|step| matches!(step.action, Action::Approval(_)));
    if !manual || own {
        return None;
    }
    Some(Approval { message: format!("Go on with {}?", graph.title()), ..Approval::default() })
}

fn matrix(lift: &Lift<'_>, at: usize, graph: &graph::Job, job: &mut Job) {
    let Some(own) = &graph.matrix else { return };
    let line = lift.line(own.span);
    let mut matrix = Matrix {
        fail_fast: own.fail_fast.unwrap_or(lift.from() == Platform::GitHub),
        ..Matrix::default()
    };
    if own.axes.is_empty() {
        match own.cells {
            Some(cells) if (2..=50).contains(&cells) => {
                let values = (1..=cells).map(|cell| cell.to_string()).collect();
                matrix.axes.push(("copy".to_owned(), values));
                lift.lose(
                    format!("the numbers of the {cells} copies of job `{}`", job.id),
                    "Each copy sees its own as the matrix value `copy`",
                    line,
                );
            }
            _ => {
                lift.lose(
                    format!("the computed copies of job `{}`", job.id),
                    "How many there are is known only when it runs",
                    line,
                );
                return;
            }
        }
    }
    for (axis, values) in &own.axes {
        let plain: Vec<String> = values
            .iter()
            .filter(|value| !value.contains("${{") && !value.contains("<+"))
            .cloned()
            .collect();
        if plain.len() != values.len() || values.is_empty() {
            lift.lose(
                format!("the computed values of `{axis}` in the matrix of job `{}`", job.id),
                "Values are written out here",
                line,
            );
        }
        if !plain.is_empty() {
            matrix.axes.push((axis_name(lift, axis), plain));
        }
    }
    let node = lift.node(&graph.path).and_then(|node| node.get("strategy"));
    let parallel =
        node.as_ref().and_then(|node| node.get("max-parallel").or_else(|| node.get("maxParallel")));
    matrix.max_parallel = parallel.and_then(|node| node.filled()?.parse().ok());
    let axes = node.and_then(|node| node.get("matrix"));
    if let Some(axes) = axes {
        let cells = |key: &str| -> Vec<Vec<(String, String)>> {
            let list = axes.get(key);
            let cells = list.iter().flat_map(Node::items);
            cells
                .map(|cell| cell.fields().map(|f| (f.key.to_owned(), f.value.written())).collect())
                .collect()
        };
        if lift.from() == Platform::GitHub {
            matrix.include = cells("include");
            matrix.exclude = cells("exclude");
        }
        if lift.from() == Platform::Azure {
            azure_cells(lift, &axes, &mut matrix);
        }
    }
    if matrix.include.iter().flatten().any(|(_, value)| value.contains("${{")) {
        matrix.include.clear();
        lift.lose(
            format!("computed cells of the matrix of job `{}`", job.id),
            "Values are written out here",
            line,
        );
    }
    let _ = at;
    if !matrix.axes.is_empty() || !matrix.include.is_empty() {
        job.matrix = Some(matrix);
    }
}

/// Azure's variables have dots in their names, which axes have not.
fn axis_name(lift: &Lift<'_>, name: &str) -> String {
    if lift.from() == Platform::Azure { identifier(name) } else { name.to_owned() }
}

/// Azure names each cell and gives its variables; so they are cells here.
fn azure_cells(lift: &Lift<'_>, axes: &Node<'_>, matrix: &mut Matrix) {
    let cells: Vec<Vec<(String, String)>> = axes
        .fields()
        .filter(|field| field.value.is_map())
        .map(|field| {
            field.value.fields().map(|f| (axis_name(lift, f.key), f.value.written())).collect()
        })
        .collect();
    if !cells.is_empty() {
        matrix.axes.clear();
        matrix.include = cells;
    }
}

fn services(lift: &Lift<'_>, at: usize, graph: &graph::Job) -> Vec<Service> {
    let mut found: Vec<Service> = Vec::new();
    let node = lift.node(&graph.path).and_then(|node| node.get("services"));
    for (place, image) in graph.services.iter().enumerate() {
        if image.contains("dind") || image == "docker" {
            if !matches!(lift.to, Platform::GitHub | Platform::Azure) {
                lift.remark(format!("Job `{}` runs images; its runner has to let it", lift.id(at)));
            }
            continue;
        }
        let text = rewrite(lift, Some(at), image, Place::Value);
        let base =
            image.rsplit('/').next().unwrap_or(image).split([':', '@']).next().unwrap_or("service");
        let base = identifier(base).to_ascii_lowercase().replace('_', "-");
        let mut service = Service { name: base, image: text, ..Service::default() };
        if let Some(node) = &node
            && lift.from() == Platform::GitHub
        {
            let mut named = node.fields().filter(|field| {
                let own = field.value.filled().map(str::to_owned);
                let own = own.or_else(|| word(&field.value, "image"));
                own.as_deref() == Some(image)
            });
            if let Some(field) = named.next() {
                service.name = field.key.to_owned();
                for one in field.value.get("env").iter().flat_map(Node::fields) {
                    let value = rewrite(lift, Some(at), &one.value.written(), Place::Value);
                    service.variables.push(Variable { name: one.key.to_owned(), value });
                }
                for port in field.value.get("ports").iter().flat_map(Node::texts) {
                    let last = port.rsplit(':').next().unwrap_or(&port);
                    service.ports.extend(last.trim_end_matches("/tcp").parse::<u16>());
                }
                service.ready = word(&field.value, "options").and_then(|options| ready(&options));
            }
        } else if let Some(node) = &node
            && lift.from() == Platform::GitLab
            && let Some(item) = node.items().nth(place)
        {
            if let Some(alias) = word(&item, "alias") {
                service.name = alias.split([',', ' ']).next().unwrap_or_default().to_owned();
            }
            for one in item.get("variables").iter().flat_map(Node::fields) {
                let value = rewrite(lift, Some(at), &one.value.written(), Place::Value);
                service.variables.push(Variable { name: one.key.to_owned(), value });
            }
        }
        if lift.from() == Platform::Bitbucket {
            bitbucket_service(lift, at, image, &mut service);
        }
        if lift.from() == Platform::GitLab {
            // All variables of a job reach its services there.
            let (own, _) = variables(lift, Some(at), &graph.env);
            let (top, _) = variables(lift, None, &lift.pipeline().env);
            let word = service.name.split('-').next().unwrap_or_default().to_ascii_uppercase();
            let fits = |name: &str| !word.is_empty() && name.starts_with(&word);
            let more = own.into_iter().chain(top).filter(|v| fits(&v.name));
            for variable in more {
                if !service.variables.iter().any(|known| known.name == variable.name) {
                    service.variables.push(variable);
                }
            }
        }
        while found.iter().any(|known| known.name == service.name) {
            service.name.push_str("-2");
        }
        found.push(service);
    }
    found
}

fn bitbucket_service(lift: &Lift<'_>, at: usize, image: &str, service: &mut Service) {
    let Some(list) = lift.root().and_then(|root| root.get("definitions")?.get("services")) else {
        return;
    };
    for field in list.fields() {
        let own = field.value.get("image");
        let own =
            own.and_then(|node| node.filled().map(str::to_owned).or_else(|| word(&node, "name")));
        if own.as_deref() != Some(image) {
            continue;
        }
        service.name = field.key.to_owned();
        for one in field.value.get("variables").iter().flat_map(Node::fields) {
            let value = rewrite(lift, Some(at), &one.value.written(), Place::Value);
            service.variables.push(Variable { name: one.key.to_owned(), value });
        }
    }
}

fn word(node: &Node<'_>, key: &str) -> Option<String> {
    node.get(key).and_then(|node| node.filled().map(str::to_owned))
}

/// `--health-cmd` of Docker's options.
fn ready(options: &str) -> Option<String> {
    let words = shlex::split(options)?;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(rest) = word.strip_prefix("--health-cmd") {
            return match rest.strip_prefix('=') {
                Some(command) => Some(command.to_owned()),
                None => words.next().cloned(),
            };
        }
    }
    None
}

/// Secrets that scripts read as variables without the file saying so: GitLab's,
/// Bitbucket's and Jenkins' come from the settings by themselves.
fn secrets_of_scripts(lift: &Lift<'_>, at: usize, job: &mut Job, portable: &Portable) {
    static NAME: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        regex::Regex::new(r"\$\{?([A-Z][A-Z0-9_]{2,})\b").expect("the pattern is fixed")
    });
    if !matches!(
        lift.from(),
        Platform::GitLab | Platform::Bitbucket | Platform::Azure | Platform::Jenkins
    ) {
        return;
    }
    let mut names: Vec<String> = Vec::new();
    let mut assigned: Vec<String> = Vec::new();
    for step in job.all_steps() {
        let Action::Run { script, .. } = &step.action else { continue };
        let text = script.render(|_| String::new());
        for found in NAME.captures_iter(&text) {
            let Some(name) = found.get(1).map(|name| name.as_str().to_owned()) else { continue };
            let set = text.contains(&format!("{name}="))
                || text.contains(&format!("read {name}"))
                || text.contains(&format!("in {name}"));
            if set {
                assigned.push(name);
            } else if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let usual = [
        "PATH",
        "HOME",
        "PWD",
        "USER",
        "SHELL",
        "LANG",
        "TMPDIR",
        "HOSTNAME",
        "OSTYPE",
        "IFS",
        "UID",
        "EUID",
        "RANDOM",
        "BASH_SOURCE",
        "PIPESTATUS",
        "SECONDS",
        "LINENO",
        "GOPATH",
        "JAVA_HOME",
    ];
    for name in names {
        let known = assigned.contains(&name)
            || usual.contains(&name.as_str())
            || lift.defined(Some(at), &name)
            || lift.axis(Some(at), &name)
            || portable.secrets.iter().any(|secret| secret.variable() == name)
            || portable.variables.iter().any(|variable| variable.name == name)
            || crate::pipeline::convert::variables::is_predefined(lift.from(), &name)
            || crate::pipeline::convert::variables::is_predefined(lift.to, &name);
        if known {
            continue;
        }
        if SECRET.is_match(&name) {
            job.secrets.push(Secret::new(name));
        } else {
            lift.set_elsewhere(&name);
            if lift.to == Platform::GitHub {
                let value: Text =
                    Part::Foreign(Platform::GitHub, format!("${{{{ vars.{name} }}}}")).into();
                job.variables.push(Variable { name, value });
            }
        }
    }
}

/// A call of another pipeline, which is no job elsewhere.
fn call(lift: &Lift<'_>, graph: &graph::Job, job: &mut Job) {
    let what = graph.calls.as_ref().map_or("another pipeline", |at| at.value.as_str());
    lift.lose(
        format!("the call of `{what}` in job `{}`", job.id),
        "Its jobs stand in another file; convert that one, too, and take its jobs in here",
        graph.calls.as_ref().map_or(lift.line(graph.span), |at| lift.line(at.span)),
    );
    job.steps =
        vec![step::placeholder(lift, &format!("call of {what}"), &[], Some(what), job.line)];
}
