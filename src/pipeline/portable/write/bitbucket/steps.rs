//! Commands of Bitbucket's steps.

use super::super::super::{Action, Condition, ImageBuild, Job, Login, Part, Shell, Step, check};
use super::super::cache;
use super::super::context::{Context, Env, NO_SCRIPT, quoted, upper};
use super::super::lower::{digest, is_handed_on, lower};
use super::super::prepare::is_approval;
use super::super::yaml::Yaml;
use crate::pipeline::Platform;

/// The file that carries a job's image and outputs to later steps.
pub(super) fn hand_over(job: &str) -> String {
    format!(".pipeline/{job}.env")
}

/// What a step has to set before its commands: variables, the cell, what others hand on.
pub(super) fn prologue(
    cx: &Context<'_>,
    job: &Job,
    cell: Option<(&String, &Vec<(String, String)>)>,
) -> Vec<Yaml> {
    let mut lines: Vec<Yaml> = Vec::new();
    let mut read: Vec<String> = Vec::new();
    check::each_part(job, &mut |part| {
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
    for (name, value) in cache::folders(cx, job, "$BITBUCKET_CLONE_DIR") {
        lines.push(format!("export {name}=\"{value}\"").into());
    }
    lines
}

/// A test that the step itself can make.
pub(super) fn guard(cx: &Context<'_>, job: &Job, condition: &Condition) -> Option<String> {
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
pub(super) fn plain_build(cx: &Context<'_>, job: &Job, step: &Step) -> Option<Action> {
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
    let build = ImageBuild { cache: false, platforms: Vec::new(), ..build.clone() };
    Some(Action::BuildImage(build))
}

pub(super) fn commands(cx: &Context<'_>, job: &Job, steps: &[Step]) -> Vec<Yaml> {
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
            cx.lose_step(job, step, NO_SCRIPT);
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
        if let (Action::BuildImage(own), Action::BuildImage(build)) =
            (&step.action, plain.as_ref().unwrap_or(&step.action))
            && build.push
            && is_handed_on(job, own)
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
