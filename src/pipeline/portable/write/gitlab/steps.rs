//! Commands of GitLab's jobs.

use super::super::super::{Action, Condition, Job, Login, Shell, Step};
use super::super::context::{Context, Env, NO_SCRIPT, quoted};
use super::super::lower::{digest, is_handed_on, lower};
use super::super::prepare::is_approval;
use super::super::yaml::Yaml;
use super::rules::shell_test;
use crate::pipeline::Platform;

/// In scripts every reference is a variable that is there by itself.
pub(super) fn script(cx: &Context<'_>, job: &Job, step: &Step, shell: Shell) -> Option<String> {
    let lowered = lower(&step.action, job)?;
    let mut env: Env = Vec::new();
    let mut text = cx.script(Some(job), &lowered.script, shell, &mut env);
    // The daemon beside the job is spoken to by TLS, which a builder takes from a context.
    text = text.replace(
        "docker buildx create --use\n",
        "docker context create builder\ndocker buildx create --use builder\n",
    );
    for (name, value) in &env {
        // Already a variable under this very name, or a file.
        if value == "outputs.env" {
            text = text
                .replace("$OUTPUT_FILE", "outputs.env")
                .replace("${OUTPUT_FILE}", "outputs.env");
        } else if value.trim_matches(['$', '{', '}']) != name {
            text = format!("{name}=\"{value}\"\n{text}");
        }
    }
    for variable in &step.variables {
        let value = cx.value(Some(job), &variable.value);
        text = format!("export {}=\"{}\"\n{text}", variable.name, value.replace('"', "\\\""));
    }
    if let Some(folder) = &step.folder {
        text = format!("(\ncd {}\n{text}\n)", quoted(folder));
    }
    if let Some(condition) = &step.condition
        && !matches!(condition, Condition::Always)
    {
        match shell_test(cx, job, condition) {
            Some(test) => text = format!("if {test}; then\n{text}\nfi"),
            None => cx.lose(
                format!("the condition of a step of job `{}`", job.id),
                "It cannot be asked in a script; the step runs always",
                step.line,
            ),
        }
    }
    if step.soft_fail {
        text = format!("{{\n{text}\n}} || echo \"Failed, and let pass\"");
    }
    Some(text)
}

pub(super) fn commands(cx: &Context<'_>, job: &Job, steps: &[Step]) -> Vec<Yaml> {
    let mut lines: Vec<Yaml> = Vec::new();
    for step in steps {
        match &step.action {
            Action::Checkout { .. }
            | Action::Setup { .. }
            | Action::CacheDependencies { .. }
            | Action::Cache { .. }
            | Action::SaveArtifact { .. }
            | Action::SaveTestReport(_)
            | Action::SaveCoverage { .. } => continue,
            Action::FetchArtifact { path, name } => {
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
            Action::Approval(_) if is_approval(job) => {
                lines.push("echo \"Approved\"".into());
                continue;
            }
            Action::Approval(approval) => {
                cx.lose(
                    format!("the approval `{}` within job `{}`", approval.message, job.id),
                    "A job cannot wait half way; split it, with `when: manual` on the second",
                    step.line,
                );
                continue;
            }
            Action::Login(Login::Registry { user, host, .. }) if user.is_empty() => {
                if !host.is_empty() {
                    cx.remark(format!("The login is to GitLab's own registry, not to `{host}`; check the image's name"));
                }
                lines.push("printf '%s' \"$CI_REGISTRY_PASSWORD\" | docker login \"$CI_REGISTRY\" --username \"$CI_REGISTRY_USER\" --password-stdin".into());
                continue;
            }
            Action::Login(Login::Aws { .. } | Login::Gcp { .. } | Login::Azure { .. }) => {
                cx.lose(
                    format!("the login to the cloud in job `{}`", job.id),
                    "Give the job `id_tokens` and exchange the token with the cloud's own tool",
                    step.line,
                );
                continue;
            }
            Action::Foreign(foreign) if foreign.platform == Platform::GitLab => {
                lines.push(Yaml::script(&foreign.text));
                continue;
            }
            Action::Foreign(foreign) => {
                cx.lose_foreign(&job.id, foreign);
                continue;
            }
            _ => {}
        }
        let shell = match &step.action {
            Action::Run { shell, .. } => *shell,
            _ => Shell::Usual,
        };
        if matches!(shell, Shell::Python | Shell::Cmd) {
            cx.lose(
                format!("the shell of a step of job `{}`", job.id),
                "A runner has one shell; call the interpreter in the script",
                step.line,
            );
        }
        match script(cx, job, step, shell) {
            Some(text) => {
                if let Some(title) = &step.title {
                    lines.push(format!("echo {}", quoted(title)).into());
                }
                push_lines(&mut lines, &text);
            }
            None => cx.lose_step(job, step, NO_SCRIPT),
        }
        if let Action::BuildImage(build) = &step.action
            && build.push
            && is_handed_on(job, build)
        {
            let reference = cx.script(Some(job), &digest(build), Shell::Sh, &mut Vec::new());
            lines.push(
                format!("echo \"{}={reference}\" >> job.env", cx.image_variable(&job.id)).into(),
            );
        }
    }
    lines
}

/// Simple commands one an item; what spans lines stays together.
pub(super) fn push_lines(lines: &mut Vec<Yaml>, text: &str) {
    let simple = text.lines().all(|line| {
        !line.ends_with('\\')
            && !line.starts_with([' ', '\t', '#'])
            && !line.is_empty()
            && ![
                "if ", "for ", "while ", "until ", "case ", "fi", "done", "esac", "(", ")", "{",
                "}",
            ]
            .iter()
            .any(|word| line.starts_with(word))
            && !line.contains("<<")
            && !line.ends_with(['(', '{', '|', '&'])
    });
    if simple {
        lines.extend(text.lines().map(Yaml::from));
    } else {
        lines.push(Yaml::script(text));
    }
}

/// Another job starts without the logins of this one.
pub(super) fn login_lines(cx: &Context<'_>, job: &Job) -> Vec<Yaml> {
    let logins: Vec<Step> =
        job.steps.iter().filter(|step| matches!(step.action, Action::Login(_))).cloned().collect();
    commands(cx, job, &logins)
}
