//! Jobs that run whatever came before: they stand behind all stages.

use super::super::super::{Action, Condition, Job};
use super::super::context::Context;
use super::super::lower::image_for;
use super::code::{Code, single};
use super::guard::guard;
use super::steps::steps;
use super::{agent, environment_pairs, reports};

/// What a condition says of what came before.
pub(super) fn state_of(condition: &Condition) -> Option<&'static str> {
    match condition {
        Condition::Always => Some("always"),
        Condition::OnFailure => Some("failure"),
        Condition::All(all) => all.iter().find_map(state_of),
        _ => None,
    }
}

fn state(job: &Job) -> Option<&'static str> {
    job.condition.as_ref().and_then(state_of)
}

/// Which jobs stand behind the stages: those that ask for a state, but for those that
/// always run and that a stage waits for, which stay a stage.
pub(super) fn late(cx: &Context<'_>) -> Vec<String> {
    let jobs = &cx.portable.jobs;
    let mut late: Vec<&Job> = jobs.iter().filter(|job| state(job).is_some()).collect();
    loop {
        let early = |job: &Job| !late.iter().any(|one| one.id == job.id);
        let stays = late.iter().position(|one| {
            state(one) == Some("always")
                && jobs.iter().any(|job| early(job) && job.needs.contains(&one.id))
        });
        let Some(at) = stays else { break };
        let job = late.remove(at);
        cx.lose(
            format!("that job `{}` runs even when something before it failed", job.id),
            "Stages wait for it, and a stage runs only when all before it succeeded",
            job.line,
        );
    }
    late.iter().map(|job| job.id.clone()).collect()
}

/// The jobs behind the stages, in their order.
pub(super) fn post<'j>(
    cx: &Context<'_>,
    code: &mut Code,
    jobs: impl Iterator<Item = &'j Job>,
    late: &[String],
) {
    let mut blocks: Vec<(&str, Code)> = Vec::new();
    for job in jobs {
        for waiting in cx.portable.jobs.iter().filter(|other| other.needs.contains(&job.id)) {
            if !late.contains(&waiting.id) || state(waiting) != state(job) {
                cx.lose(
                    format!("that job `{}` waits for `{}`", waiting.id, job.id),
                    "That one runs behind all stages, by the result of the run",
                    waiting.line,
                );
            }
        }
        let state = state(job).unwrap_or("always");
        let mut inner = Code { text: String::new(), depth: code.depth + 2 };
        one(cx, &mut inner, job);
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

fn one(cx: &Context<'_>, code: &mut Code, job: &Job) {
    let label = agent(cx, job, &[]);
    let label = label.split("label ").nth(1).unwrap_or("'linux'");
    let label = label.split([';', ' ']).next().unwrap_or("'linux'").to_owned();
    let depth = code.depth;
    code.line(&format!("// {}", job.title().replace('\n', " ")));
    if let Some(test) = asked(cx, job) {
        code.open("script");
        code.open(&format!("if ({test})"));
    }
    let approval = job.environment.as_ref().and_then(|environment| environment.approval.as_ref());
    if let Some(approval) = approval {
        let message = if approval.message.is_empty() { "Go on?" } else { &approval.message };
        code.line(&format!("input message: {}", single(message)));
    }
    code.open(&format!("node({label})"));
    if let Some(lock) = &job.lock {
        code.open(&format!("lock(resource: {})", single(lock)));
    }
    if job.retries > 0 {
        code.open(&format!("retry({})", job.retries + 1));
    }
    if let Some(minutes) = job.timeout {
        code.open(&format!("timeout(time: {minutes}, unit: 'MINUTES')"));
    }
    if job.soft_fail {
        code.open("catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE')");
    }
    let (variables, credentials) = environment_pairs(cx, job);
    if !credentials.is_empty() {
        code.open(&format!("withCredentials([{}])", credentials.join(", ")));
    }
    if !variables.is_empty() {
        code.open(&format!("withEnv([{}])", variables.join(", ")));
    }
    if super::fetches(job) {
        code.line("checkout scm");
    }
    steps(cx, code, job, &job.steps.iter().chain(&job.always).collect::<Vec<_>>());
    reports(cx, code, &job.steps);
    reports(cx, code, &job.always);
    while code.depth > depth {
        code.close();
    }
    left_out(cx, job);
}

/// What the condition asks beside the state.
fn asked(cx: &Context<'_>, job: &Job) -> Option<String> {
    let mut tests = Vec::new();
    let all = match job.condition.as_ref()? {
        Condition::All(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    for one in all.iter().filter(|one| !matches!(one, Condition::Always | Condition::OnFailure)) {
        match guard(cx, job, one) {
            Some(test) => tests.push(test),
            None => cx.lose(
                format!("a part of the condition of job `{}`", job.id),
                "Behind the stages a Jenkinsfile asks in Groovy, and this cannot be said in it",
                job.line,
            ),
        }
    }
    (!tests.is_empty()).then(|| tests.join(" && "))
}

fn left_out(cx: &Context<'_>, job: &Job) {
    let lose = |what: &str, why: &str| {
        cx.lose(format!("{what} of job `{}`", job.id), why, job.line);
    };
    for step in &job.on_failure {
        cx.lose(
            format!("the step `{}` on failure of job `{}`", super::super::describe(step), job.id),
            "Behind the stages nothing follows a failure",
            step.line.or(job.line),
        );
    }
    let has = |wanted: fn(&Action) -> bool| job.steps.iter().any(|step| wanted(&step.action));
    if has(|action| matches!(action, Action::Cache { .. } | Action::CacheDependencies { .. })) {
        lose("the cache", "Behind the stages none is restored; move the job into a stage");
    }
    if job.matrix.is_some() {
        lose("the matrix", "Behind the stages it runs once; move the job into a stage");
    }
    if !job.services.is_empty() {
        lose("the services", "Behind the stages nothing runs beside a step");
    }
    if job.runner.image.is_some() && image_for(job).is_some() {
        lose("the image", "Behind the stages the steps run on the machine itself");
    }
}
