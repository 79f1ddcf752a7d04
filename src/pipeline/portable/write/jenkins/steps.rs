//! Steps of a Jenkins stage.

use super::super::super::{Action, Condition, Job, Login, Os, Part, Shell, Step, Text};
use super::super::context::{Context, Env, NO_SCRIPT, quoted};
use super::super::lower::{digest, image_for, is_handed_on, lower};
use super::code::{Code, shell_step, single};
use super::guard::guard;
use super::{expression, string};
use crate::pipeline::Platform;

pub(super) fn steps(cx: &Context<'_>, code: &mut Code, job: &Job, steps: &[&Step]) {
    for step in steps {
        let condition = step.condition.as_ref().and_then(|c| {
            let test = guard(cx, job, c);
            if test.is_none() && *c != Condition::Always {
                cx.lose(
                    format!("the condition of a step of job `{}`", job.id),
                    "Steps have no `when`, and Groovy cannot say it; the step runs always",
                    step.line,
                );
            }
            test
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

pub(super) fn one(cx: &Context<'_>, code: &mut Code, job: &Job, step: &Step) {
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

pub(super) fn script(cx: &Context<'_>, code: &mut Code, job: &Job, step: &Step) {
    let Some(lowered) = lower(&step.action, job) else {
        cx.lose_step(job, step, NO_SCRIPT);
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
        && is_handed_on(job, build)
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

/// Services run as containers beside the one of the steps.
pub(super) fn with_services(cx: &Context<'_>, code: &mut Code, job: &Job, steps: &[&Step]) {
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
