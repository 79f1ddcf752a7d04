//! Steps of Azure Pipelines.

use super::super::super::{Action, Job, Login, Part, Shell, Step, Text};
use super::super::cache::{Asked, asked, withheld};
use super::super::context::{Context, Env, NO_SCRIPT};
use super::super::lower::{self, digest, is_handed_on, is_repeated, lower, writer};
use super::super::tools::in_containers;
use super::super::yaml::{Map, Yaml};
use crate::pipeline::Platform;

/// Steps; `when` is the state they wait for.
pub fn steps(cx: &Context<'_>, job: &Job, steps: &[Step], when: Option<&str>) -> Yaml {
    let mut out = Vec::new();
    let main = std::ptr::eq(steps, job.steps.as_slice());
    let checks_out = steps.iter().any(|step| matches!(step.action, Action::Checkout { .. }));
    if main && !checks_out && !steps.is_empty() {
        let mut map = Map::new();
        map.set("checkout", "none");
        out.push(map);
    }
    let sets_up = steps.iter().any(
        |step| matches!(&step.action, Action::Setup { language, .. } if language == "terraform"),
    );
    if main && !sets_up && lower::tools(job).contains(&"terraform") {
        out.push(terraform(""));
    }
    for step in steps {
        for mut map in one(cx, job, step) {
            let own = step.condition.as_ref().and_then(|c| super::test(cx, job, c));
            let condition = match (when, own) {
                (None, None) => None,
                (Some(when), None) => Some(when.to_owned()),
                (when, Some(own)) => Some(format!("and({}, {own})", when.unwrap_or("succeeded()"))),
            };
            if !map.has("condition") {
                map.maybe("condition", condition);
            }
            if step.soft_fail {
                map.set("continueOnError", true);
            }
            map.maybe("timeoutInMinutes", step.timeout);
            // What the scripts do is what fails now and then.
            if job.retries > 0 && (map.has("script") || map.has("bash") || map.has("pwsh")) {
                map.set("retryCountOnTaskFailure", job.retries.min(10));
            }
            out.push(map);
        }
    }
    if out.iter().all(|map| map.has("checkout")) {
        let mut map = Map::new();
        map.set("script", "echo \"Nothing to do\"");
        out.push(map);
    }
    Yaml::list(out)
}

fn task(name: &str, title: &str, inputs: Map) -> Map {
    let mut map = Map::new();
    map.set("task", name).set("displayName", title).filled("inputs", inputs);
    map
}

fn one(cx: &Context<'_>, job: &Job, step: &Step) -> Vec<Map> {
    let text = |text: &Text| cx.value(Some(job), text);
    let mut maps = match &step.action {
        Action::Checkout { depth, submodules, lfs } => {
            let mut map = Map::new();
            map.set("checkout", "self").set("fetchDepth", depth.unwrap_or(1));
            if *submodules {
                map.set("submodules", "recursive");
            }
            if *lfs {
                map.set("lfs", true);
            }
            vec![map]
        }
        Action::Setup { language, version } => setup(cx, job, language, &text(version)),
        action @ Action::CacheDependencies { .. } => {
            let asked = asked(action, |folder| format!("$(Pipeline.Workspace)/{folder}"));
            asked.map_or_else(Vec::new, |Asked { name, files, paths }| {
                let path = paths.first().map_or("", String::as_str);
                cache(cx, job, &name, &files, path)
            })
        }
        Action::Cache { name, files, paths } => {
            let mut maps = Vec::new();
            for (at, path) in paths.iter().enumerate() {
                let name = if at == 0 { name.clone() } else { format!("{name}-{}", at + 1) };
                maps.extend(cache(cx, job, &name, files, path));
            }
            maps
        }
        Action::SaveArtifact { name, paths, days } => {
            if days.is_some() {
                cx.remark("How long artifacts are kept is set for the project, not in the file");
            }
            let name = artifact_name(job, name);
            let folder = format!("$(Build.ArtifactStagingDirectory)/{name}");
            let globs: Vec<String> = paths
                .iter()
                .map(|path| {
                    let path = path.trim_end_matches('/');
                    if path.contains('*') { path.to_owned() } else { format!("{path}\n{path}/**") }
                })
                .collect();
            let mut inputs = Map::new();
            inputs.set("Contents", Yaml::script(&globs.join("\n")));
            inputs.set("TargetFolder", folder.as_str());
            let mut publish = Map::new();
            publish.set("publish", folder).set("artifact", name);
            publish.set("displayName", "Keep the files");
            vec![task("CopyFiles@2", "Collect the files", inputs), publish]
        }
        Action::FetchArtifact { name, path } => {
            let mut inputs = Map::new();
            if !name.is_empty() {
                inputs.set("artifactName", name.as_str());
            }
            let target = match path {
                // The plan's folder is kept in the artifact.
                Some(path) if !name.starts_with("tfplan") => {
                    format!("$(Build.SourcesDirectory)/{path}")
                }
                _ => "$(Build.SourcesDirectory)".to_owned(),
            };
            inputs.set("targetPath", target);
            vec![task("DownloadPipelineArtifact@2", "Fetch the files", inputs)]
        }
        Action::SaveTestReport(report) => {
            let mut inputs = Map::new();
            inputs.set("testResultsFormat", "JUnit");
            inputs.set("testResultsFiles", Yaml::script(&report.paths.join("\n")));
            inputs.set("failTaskOnFailedTests", false);
            let mut map = task("PublishTestResults@2", "Show the test results", inputs);
            map.set("condition", "succeededOrFailed()");
            vec![map]
        }
        Action::SaveCoverage { file, format } => {
            let tool = match format.as_str() {
                "cobertura" => "Cobertura",
                "jacoco" => "JaCoCo",
                _ => {
                    cx.lose(
                        format!("the coverage in the format {format} of job `{}`", job.id),
                        "Azure shows Cobertura and JaCoCo; let the tests write one of them",
                        step.line,
                    );
                    return Vec::new();
                }
            };
            let mut inputs = Map::new();
            inputs.set("codeCoverageTool", tool).set("summaryFileLocation", file.as_str());
            vec![task("PublishCodeCoverageResults@1", "Show the coverage", inputs)]
        }
        Action::Login(Login::Registry { user, host, .. }) if user.is_empty() => {
            let mut inputs = Map::new();
            let connection = if host.is_empty() { "docker-hub" } else { host };
            inputs.set("command", "login").set("containerRegistry", connection);
            cx.remark(format!(
                "The service connection `{connection}` to the registry has to exist"
            ));
            vec![task("Docker@2", "Log in to the registry", inputs)]
        }
        Action::Login(Login::Aws { .. } | Login::Gcp { .. } | Login::Azure { .. }) => {
            cx.lose(
                format!("the login to the cloud in job `{}`", job.id),
                "Azure logs in by a service connection: run what needs it in AzureCLI@2, AWSShellScript@1 or the like",
                step.line,
            );
            Vec::new()
        }
        Action::Approval(approval) => {
            cx.lose(
                format!("the approval `{}` within job `{}`", approval.message, job.id),
                "ManualValidation needs a job without a machine; split the job",
                step.line,
            );
            Vec::new()
        }
        Action::Foreign(foreign) if foreign.platform == Platform::Azure => {
            let mut map = Map::new();
            map.set("task", foreign.text.trim());
            vec![map]
        }
        Action::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            Vec::new()
        }
        _ => script(cx, job, step),
    };
    if let (Some(title), Some(last)) = (&step.title, maps.last_mut()) {
        match last.get_mut("displayName") {
            Some(name) => *name = Yaml::Text(title.clone()),
            None => {
                last.set("displayName", title.as_str());
            }
        }
    }
    maps
}

/// The name of the step that writes outputs; no two steps may have the same.
pub fn output_name(writer: usize) -> String {
    if writer == 1 { "outputs".to_owned() } else { format!("outputs_{writer}") }
}

fn artifact_name(job: &Job, name: &str) -> String {
    if job.matrix.is_some() {
        format!("{name}-$(System.JobPositionInPhase)")
    } else {
        name.to_owned()
    }
}

fn cache(cx: &Context<'_>, job: &Job, name: &str, files: &[String], path: &str) -> Vec<Map> {
    if withheld(cx, job) {
        return Vec::new();
    }
    let mut inputs = Map::new();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    inputs.set("key", format!("{name} | \"$(Agent.OS)\" | {}", files.join(" | ")));
    inputs.set("restoreKeys", format!("{name} | \"$(Agent.OS)\""));
    inputs.set("path", path);
    vec![task("Cache@2", "Restore the cache", inputs)]
}

fn setup(cx: &Context<'_>, job: &Job, language: &str, version: &str) -> Vec<Map> {
    let given =
        |usual: &str| if version.is_empty() { usual.to_owned() } else { version.to_owned() };
    let mut inputs = Map::new();
    let (name, title) = match language {
        "node" => {
            inputs.set("versionSpec", given("22.x"));
            ("NodeTool@0", "Set up Node.js")
        }
        "python" => {
            inputs.set("versionSpec", given("3.x"));
            ("UsePythonVersion@0", "Set up Python")
        }
        "go" => {
            inputs.set("version", given("1.24"));
            ("GoTool@0", "Set up Go")
        }
        "java" => {
            inputs.set("versionSpec", given("21")).set("jdkArchitectureOption", "x64");
            inputs.set("jdkSourceOption", "PreInstalled");
            ("JavaToolInstaller@0", "Set up Java")
        }
        "dotnet" => {
            inputs.set("packageType", "sdk").set("version", given("9.0.x"));
            ("UseDotNet@2", "Set up .NET")
        }
        "ruby" => {
            inputs.set("versionSpec", given(">= 3.3"));
            ("UseRubyVersion@0", "Set up Ruby")
        }
        "helm" => {
            inputs.set("helmVersionToInstall", given("latest"));
            ("HelmInstaller@1", "Set up Helm")
        }
        "kubectl" => {
            inputs.set("kubectlVersion", given("latest"));
            ("KubectlInstaller@0", "Set up kubectl")
        }
        "terraform" => {
            return vec![terraform(version)];
        }
        "rust" => {
            let mut map = Map::new();
            let version = given("stable");
            map.set(
                "script",
                Yaml::script(&format!(
                    "rustup toolchain install {version} --profile minimal --component clippy,rustfmt\nrustup default {version}"
                )),
            );
            map.set("displayName", "Set up Rust");
            return vec![map];
        }
        "php" => {
            let mut map = Map::new();
            let version = given("8.3");
            map.set("script", format!("sudo update-alternatives --set php /usr/bin/php{version}"));
            map.set("displayName", "Set up PHP");
            return vec![map];
        }
        other => {
            cx.lose(
                format!("the set-up of {other} in job `{}`", job.id),
                "No task for it is known here; install it in a step",
                job.line,
            );
            return Vec::new();
        }
    };
    vec![task(name, title, inputs)]
}

/// Terraform as its makers release it, checked against their sums: Microsoft's agents
/// have none, and the task for it is part of an extension.
fn terraform(version: &str) -> Map {
    let version = if version.split('.').count() == 3 { version } else { "1.10.5" };
    let mut map = Map::new();
    map.set(
        "bash",
        Yaml::script(&format!(
            "set -e\ncd \"$AGENT_TEMPDIRECTORY\"\nfrom=https://releases.hashicorp.com/terraform/{version}\n\
             curl --fail --silent --show-error --remote-name-all \\\n  \
             \"$from/terraform_{version}_linux_amd64.zip\" \"$from/terraform_{version}_SHA256SUMS\"\n\
             sha256sum --check --ignore-missing terraform_{version}_SHA256SUMS\n\
             unzip -o terraform_{version}_linux_amd64.zip terraform\n\
             echo \"##vso[task.prependpath]$AGENT_TEMPDIRECTORY\""
        )),
    );
    map.set("displayName", "Set up Terraform");
    map
}

fn script(cx: &Context<'_>, job: &Job, step: &Step) -> Vec<Map> {
    let Some(lowered) = lower(&step.action, job) else {
        cx.lose_step(job, step, NO_SCRIPT);
        return Vec::new();
    };
    let own = matches!(step.action, Action::Run { .. });
    let shell = match &step.action {
        Action::Run { shell, .. } => *shell,
        _ => Shell::Bash,
    };
    let windows = job.runner.os == super::super::super::Os::Windows;
    let (key, speaks) = match shell {
        Shell::Usual if windows => ("script", Shell::Cmd),
        Shell::Usual | Shell::Sh => ("script", Shell::Sh),
        Shell::Bash => ("bash", Shell::Bash),
        Shell::Pwsh => ("pwsh", Shell::Pwsh),
        Shell::PowerShell => ("powershell", Shell::PowerShell),
        Shell::Cmd => ("script", Shell::Cmd),
        Shell::Python => ("script", Shell::Python),
    };
    if shell == Shell::Python {
        cx.lose(
            format!("the shell of a step of job `{}`", job.id),
            "Run it with PythonScript@0, or call the interpreter in the script",
            step.line,
        );
    }
    let lowered_text =
        if own { lowered.script.clone() } else { in_containers(&lowered.script, job) };
    let mut env: Env = Vec::new();
    let mut body = cx.script(Some(job), &lowered_text, speaks, &mut env);
    let mut name = None;
    if let Action::BuildImage(build) = &step.action
        && build.push
        && is_handed_on(job, build)
        && !is_repeated(job, step)
    {
        let reference = cx.script(Some(job), &digest(build), Shell::Bash, &mut env);
        let variable = cx.image_variable(&job.id);
        body.push_str(&format!(
            "\necho \"##vso[task.setvariable variable={variable};isOutput=true]{reference}\""
        ));
        name = Some("build".to_owned());
    }
    if let Some(writer) = writer(job, step) {
        body.push_str(
            "\nwhile IFS='=' read -r name value; do\n  echo \"##vso[task.setvariable variable=$name;isOutput=true]$value\"\ndone < \"$OUTPUT_FILE\"",
        );
        name = Some(output_name(writer));
    }
    let several = body.contains('\n');
    if several && matches!(speaks, Shell::Sh | Shell::Bash) && !body.starts_with("set -") {
        // A script goes on after a failed line unless it is told not to.
        body = format!("set -e\n{body}");
    }
    let mut map = Map::new();
    map.set(key, Yaml::script(&body));
    map.maybe("name", name);
    if !own {
        map.set("displayName", lowered.title);
    }
    map.maybe("workingDirectory", step.folder.clone());
    let mut all = Map::new();
    for variable in &step.variables {
        all.set(&variable.name, cx.value(Some(job), &variable.value));
    }
    for (name, value) in env {
        let by_itself = value == format!("$({name})")
            && !lowered_text
                .references()
                .any(|part| matches!(part, Part::Secret(secret) if *secret == name));
        if !by_itself && !all.has(&name) {
            all.set(name, value);
        }
    }
    for secret in job.secrets.iter().chain(&cx.portable.secrets) {
        if !all.has(secret.variable()) {
            // Secrets reach a script only where they are mapped.
            all.set(secret.variable(), format!("$({})", secret.name));
        }
        cx.remark(format!("The secret variable `{}` has to be set in the pipeline", secret.name));
    }
    for variable in job.variables.iter().chain(&cx.portable.variables) {
        // Variables are handed to scripts in capitals.
        let capitals = variable.name.to_ascii_uppercase();
        if variable.name != capitals && body.contains(&variable.name) && !all.has(&variable.name) {
            all.set(&variable.name, format!("$({})", variable.name));
        }
    }
    map.filled("env", all);
    vec![map]
}
