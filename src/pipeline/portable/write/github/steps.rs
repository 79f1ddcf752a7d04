//! Steps of GitHub Actions.

use super::super::super::pins::pin;
use super::super::super::{Action, ImageBuild, Job, Login, Shell, Step, Text, Variable};
use super::super::context::{Context, Env, NO_SCRIPT};
use super::super::lower::{is_handed_on, is_repeated, lower, writer, writer_of};
use super::super::tools::in_containers;
use super::super::yaml::{Map, Yaml};
use super::condition;
use super::setup::{cache, cache_step, no_cache, setup};
use crate::pipeline::Platform;

/// The id of the step that writes an output.
pub fn output_step(job: &Job, name: &str) -> Option<String> {
    writer_of(job, name).map(output_id)
}

fn output_id(writer: usize) -> String {
    if writer == 1 { "outputs".to_owned() } else { format!("outputs-{writer}") }
}

/// All steps of a job, those for failure and for the end behind the main ones.
pub fn steps(cx: &Context<'_>, job: &Job) -> Yaml {
    let mut out = Vec::new();
    let phases =
        [(&job.steps, None), (&job.on_failure, Some("failure()")), (&job.always, Some("always()"))];
    if needs_terraform(job) {
        let mut with = Map::new();
        with.set("terraform_wrapper", false);
        out.push(uses("Set up Terraform", "hashicorp/setup-terraform", with));
    }
    for (steps, phase) in phases {
        for step in steps {
            for mut map in one(cx, job, step) {
                let own = step.condition.as_ref().and_then(|c| condition(cx, job, c));
                let when = match (phase, own) {
                    (None, own) => own,
                    (Some(phase), None) => Some(phase.to_owned()),
                    (Some(phase), Some(own)) => Some(format!("{phase} && ({own})")),
                };
                if let Some(when) = when
                    && !map.has("if")
                {
                    map.set("if", format!("${{{{ {when} }}}}"));
                }
                if step.soft_fail {
                    map.set("continue-on-error", true);
                }
                map.maybe("timeout-minutes", step.timeout);
                out.push(map);
            }
        }
    }
    if out.is_empty() {
        let mut map = Map::new();
        map.set("run", "echo \"Nothing to do\"");
        out.push(map);
    }
    Yaml::list(out)
}

fn needs_terraform(job: &Job) -> bool {
    let mut needed = false;
    for step in &job.steps {
        match &step.action {
            Action::Setup { language, .. } if language == "terraform" => return false,
            Action::TerraformPlan(_) | Action::TerraformApply(_) => needed = true,
            Action::Deploy(deploy) => {
                needed |= matches!(deploy.kind, super::super::super::DeployKind::Terraform(_));
            }
            _ => {}
        }
    }
    needed && job.runner.image.is_none()
}

/// A step that uses an action, pinned where its commit is known.
pub(super) fn uses(title: &str, action: &str, with: Map) -> Map {
    let mut map = Map::new();
    map.set("name", title);
    let value = match pin(action) {
        Some(pin) => Yaml::noted(format!("{action}@{}", pin.commit), pin.version),
        None => Yaml::from(action),
    };
    map.set("uses", value);
    map.filled("with", with);
    map
}

fn retitled(mut maps: Vec<Map>, title: Option<&String>) -> Vec<Map> {
    if let (Some(title), Some(last)) = (title, maps.last_mut())
        && let Some(name) = last.get_mut("name")
    {
        *name = Yaml::Text(title.clone());
    }
    maps
}

fn one(cx: &Context<'_>, job: &Job, step: &Step) -> Vec<Map> {
    let text = |text: &Text| cx.value(Some(job), text);
    let maps = match &step.action {
        Action::Checkout { depth, submodules, lfs } => {
            let mut with = Map::new();
            with.maybe("fetch-depth", depth.filter(|depth| *depth != 1));
            if *submodules {
                with.set("submodules", "recursive");
            }
            if *lfs {
                with.set("lfs", true);
            }
            let pushes = job.steps.iter().any(|step| match &step.action {
                Action::Run { script, .. } => script.render(|_| String::new()).contains("git push"),
                _ => false,
            });
            if !pushes {
                with.set("persist-credentials", false);
            }
            vec![uses("Check out", "actions/checkout", with)]
        }
        Action::Setup { language, version } => setup(cx, job, language, &text(version)),
        Action::CacheDependencies { manager, lockfiles, paths } => {
            cache_step(cx, job, *manager, lockfiles, paths)
        }
        Action::Cache { name, files, paths } => {
            if no_cache(cx, job) {
                Vec::new()
            } else {
                vec![cache(name, files, paths)]
            }
        }
        Action::SaveArtifact { name, paths, days } => {
            let mut with = Map::new();
            with.set("name", artifact_name(job, name));
            with.set("path", Yaml::script(&paths.join("\n")));
            with.set("if-no-files-found", "error");
            with.set("retention-days", days.unwrap_or(7));
            vec![uses("Keep the files", "actions/upload-artifact", with)]
        }
        Action::FetchArtifact { name, path } => {
            let mut with = Map::new();
            let of_matrix = cx.portable.jobs.iter().any(|other| {
                other.matrix.is_some()
                    && other.steps.iter().any(|step| {
                        matches!(&step.action, Action::SaveArtifact { name: saved, .. } if saved == name)
                    })
            });
            if of_matrix {
                with.set("pattern", format!("{name}-*"));
                with.set("merge-multiple", true);
            } else if !name.is_empty() {
                with.set("name", name.as_str());
            }
            with.maybe("path", path.clone());
            vec![uses("Fetch the files", "actions/download-artifact", with)]
        }
        Action::SaveTestReport(report) => {
            let mut with = Map::new();
            with.set("name", artifact_name(job, &format!("test-results-{}", job.id)));
            with.set("path", Yaml::script(&report.paths.join("\n")));
            with.set("retention-days", 7u32);
            let mut map = uses("Keep the test results", "actions/upload-artifact", with);
            map.set("if", "${{ !cancelled() }}");
            vec![map]
        }
        Action::SaveCoverage { file, .. } => {
            let mut with = Map::new();
            with.set("name", artifact_name(job, &format!("coverage-{}", job.id)));
            with.set("path", file.as_str()).set("retention-days", 7u32);
            vec![uses("Keep the coverage", "actions/upload-artifact", with)]
        }
        Action::BuildImage(build) => image(cx, job, step, build),
        Action::ScanImage { tool, image, severity } if tool == "trivy" => {
            let mut with = Map::new();
            with.set("image-ref", text(image));
            with.set("severity", severity.as_str()).set("exit-code", "1");
            vec![uses("Scan the image", "aquasecurity/trivy-action", with)]
        }
        Action::ScanSource { tool, path, severity } if tool == "trivy" => {
            let mut with = Map::new();
            with.set("scan-type", "fs");
            with.set("scan-ref", if path.is_empty() { "." } else { path });
            with.set("severity", severity.as_str()).set("exit-code", "1");
            vec![uses("Scan the source", "aquasecurity/trivy-action", with)]
        }
        Action::Login(login) => self::login(cx, job, step, login),
        Action::Approval(approval) => {
            if super::is_approval(job) {
                let mut map = Map::new();
                map.set("name", "Approved");
                map.set("run", "echo \"Approved\"");
                vec![map]
            } else {
                cx.lose(
                    format!("the approval `{}` within job `{}`", approval.message, job.id),
                    "GitHub asks for approval before a job, not within; split the job",
                    step.line,
                );
                Vec::new()
            }
        }
        Action::Foreign(foreign) if foreign.platform == Platform::GitHub => {
            let mut map = Map::new();
            map.set("uses", foreign.text.trim());
            vec![map]
        }
        Action::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            Vec::new()
        }
        action => script(cx, job, step, action),
    };
    retitled(maps, step.title.as_ref())
}

fn script(cx: &Context<'_>, job: &Job, step: &Step, action: &Action) -> Vec<Map> {
    let Some(lowered) = lower(action, job) else {
        cx.lose_step(job, step, NO_SCRIPT);
        return Vec::new();
    };
    let shell = match action {
        Action::Run { shell, .. } => *shell,
        _ => Shell::Usual,
    };
    let windows = job.runner.os == super::super::super::Os::Windows;
    let speaks = match shell {
        Shell::Usual if windows && matches!(action, Action::Run { .. }) => Shell::Pwsh,
        shell => shell,
    };
    let mut env: Env = Vec::new();
    let script = match action {
        Action::Run { .. } => lowered.script,
        _ => in_containers(&lowered.script, job),
    };
    let body = cx.script(Some(job), &script, speaks, &mut env);
    let mut map = Map::new();
    if !matches!(action, Action::Run { .. }) || step.title.is_some() {
        map.set("name", lowered.title);
    }
    map.maybe("id", writer(job, step).map(output_id));
    map.maybe("working-directory", step.folder.clone());
    map.maybe("shell", shell_word(shell));
    map.filled("env", step_env(cx, job, &step.variables, env));
    map.set("run", Yaml::script(&body));
    vec![map]
}

fn step_env(cx: &Context<'_>, job: &Job, variables: &[Variable], env: Env) -> Map {
    let mut map = Map::new();
    for variable in variables {
        map.set(&variable.name, cx.value(Some(job), &variable.value));
    }
    for (name, value) in env {
        if !map.has(&name) {
            map.set(name, value);
        }
    }
    map
}

fn shell_word(shell: Shell) -> Option<&'static str> {
    Some(match shell {
        Shell::Usual => return None,
        Shell::Sh => "sh",
        Shell::Bash => "bash",
        Shell::Pwsh => "pwsh",
        Shell::PowerShell => "powershell",
        Shell::Cmd => "cmd",
        Shell::Python => "python",
    })
}

fn artifact_name(job: &Job, name: &str) -> String {
    if job.matrix.is_some() {
        format!("{name}-${{{{ strategy.job-index }}}}")
    } else {
        name.to_owned()
    }
}

fn image(cx: &Context<'_>, job: &Job, step: &Step, build: &ImageBuild) -> Vec<Map> {
    let text = |text: &Text| cx.value(Some(job), text);
    let mut maps = Vec::new();
    // One set-up does for all builds of the job.
    let before = || {
        let earlier = job.all_steps().take_while(|one| !std::ptr::eq(*one, step));
        earlier.filter_map(|one| match &one.action {
            Action::BuildImage(build) => Some(build),
            _ => None,
        })
    };
    if !build.platforms.is_empty() && before().all(|other| other.platforms.is_empty()) {
        maps.push(uses("Set up QEMU", "docker/setup-qemu-action", Map::new()));
    }
    if before().next().is_none() {
        maps.push(uses("Set up Buildx", "docker/setup-buildx-action", Map::new()));
    }
    let mut with = Map::new();
    with.set("context", if build.context.is_empty() { "." } else { &build.context });
    with.maybe("file", build.file.clone());
    with.maybe("target", build.target.clone());
    if !build.args.is_empty() {
        let args: Vec<String> =
            build.args.iter().map(|arg| format!("{}={}", arg.name, text(&arg.value))).collect();
        with.set("build-args", Yaml::script(&args.join("\n")));
    }
    if !build.platforms.is_empty() {
        with.set("platforms", build.platforms.join(","));
    }
    let tags: Vec<String> = build.references().iter().map(text).collect();
    with.set("tags", Yaml::script(&tags.join("\n")));
    with.set("push", build.push);
    if build.cache && !no_cache(cx, job) {
        with.set("cache-from", "type=gha").set("cache-to", "type=gha,mode=max");
    }
    let mut map = Map::new();
    let mut made = uses("Build the image", "docker/build-push-action", with);
    map.set("name", "Build the image");
    if is_handed_on(job, build) && !is_repeated(job, step) {
        map.set("id", "build");
    }
    for key in ["uses", "with"] {
        if let Some(value) = made.get_mut(key) {
            map.set(key, value.clone());
        }
    }
    maps.push(map);
    maps
}

fn login(cx: &Context<'_>, job: &Job, step: &Step, login: &Login) -> Vec<Map> {
    let text = |text: &Text| cx.value(Some(job), text);
    let mut with = Map::new();
    match login {
        Login::Registry { host, user, password } => {
            if !host.is_empty() {
                with.set("registry", host.as_str());
            }
            if user.is_empty() {
                with.set("username", "${{ github.actor }}");
                with.set("password", "${{ secrets.GITHUB_TOKEN }}");
            } else {
                with.set("username", format!("${{{{ secrets.{user} }}}}"));
                with.set("password", format!("${{{{ secrets.{password} }}}}"));
                cx.remark(format!(
                    "The secrets `{user}` and `{password}` have to be set in the repository"
                ));
            }
            vec![uses("Log in to the registry", "docker/login-action", with)]
        }
        Login::Aws { role, region } => {
            with.set("role-to-assume", text(role)).set("aws-region", region.as_str());
            vec![uses("Log in to AWS", "aws-actions/configure-aws-credentials", with)]
        }
        Login::Gcp { provider, account } => {
            with.set("workload_identity_provider", text(provider));
            with.set("service_account", text(account));
            vec![uses("Log in to Google Cloud", "google-github-actions/auth", with)]
        }
        Login::Azure { .. } => {
            for (key, secret) in [
                ("client-id", "AZURE_CLIENT_ID"),
                ("tenant-id", "AZURE_TENANT_ID"),
                ("subscription-id", "AZURE_SUBSCRIPTION_ID"),
            ] {
                with.set(key, format!("${{{{ secrets.{secret} }}}}"));
            }
            cx.remark("The secrets `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and `AZURE_SUBSCRIPTION_ID` have to be set, with a federated credential for this repository");
            vec![uses("Log in to Azure", "azure/login", with)]
        }
        Login::Kubernetes { .. } => script(cx, job, step, &step.action),
    }
}
