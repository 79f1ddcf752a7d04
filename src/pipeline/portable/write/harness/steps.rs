//! Steps of a CI stage.

use super::super::super::{Action, Condition, Job, Login, Part, Shell, Step};
use super::super::cache;
use super::super::context::{Context, Env, NO_SCRIPT, upper};
use super::super::lower::{image_for, lower, writer, writer_of};
use super::super::prepare::releases;
use super::super::yaml::{Map, Yaml};
use super::{id, name, wrap};
use crate::pipeline::Platform;

/// The connector that Harness gives every account for public images.
const IMAGES: &str = "account.harnessImage";

/// The identifier of the step that writes an output.
pub fn output_step(job: &Job, name: &str) -> Option<String> {
    writer_of(job, name).map(output_id)
}

fn output_id(writer: usize) -> String {
    if writer == 1 { "outputs".to_owned() } else { format!("outputs_{writer}") }
}

/// Gives each step an identifier of its own.
pub struct Names(Vec<String>);

impl Names {
    /// None given yet.
    pub fn new() -> Self {
        Names(Vec::new())
    }

    /// An identifier that no step has.
    pub fn give(&mut self, wanted: &str) -> String {
        let wanted: String = id(wanted).chars().take(100).collect();
        let mut given = wanted.clone();
        let mut count = 2;
        while self.0.contains(&given) {
            given = format!("{wanted}_{count}");
            count += 1;
        }
        self.0.push(given.clone());
        given
    }
}

/// The head of a step: type, name, identifier.
pub fn head(kind: &str, title: &str, identifier: String) -> Map {
    let mut map = Map::new();
    map.set("type", kind).set("name", name(title)).set("identifier", identifier);
    map
}

/// All steps of a job.
pub fn ci(cx: &Context<'_>, job: &Job) -> Yaml {
    let mut names = Names::new();
    let mut out: Vec<Map> = Vec::new();
    for service in &job.services {
        let mut map = head("Background", &service.name, names.give(&service.name));
        let mut spec = Map::new();
        spec.set("connectorRef", IMAGES).set("image", cx.value(Some(job), &service.image));
        spec.set("shell", "Sh");
        let mut env = Map::new();
        for variable in &service.variables {
            env.set(&variable.name, cx.value(Some(job), &variable.value));
        }
        spec.filled("envVariables", env);
        let mut ports = Map::new();
        for port in &service.ports {
            ports.set(port.to_string(), port.to_string());
        }
        spec.filled("portBindings", ports);
        map.set("spec", spec);
        out.push(map);
    }
    let phases = [(&job.steps, "Success"), (&job.on_failure, "Failure"), (&job.always, "All")];
    for (steps, status) in phases {
        for step in steps {
            if let Action::SaveTestReport(report) = &step.action {
                let mut paths = Map::new();
                paths.set("paths", Yaml::flow(report.paths.clone()));
                let mut reports = Map::new();
                reports.set("type", "JUnit").set("spec", paths);
                match out.iter_mut().rev().find_map(run_spec) {
                    Some(spec) if !spec.has("reports") => {
                        spec.set("reports", reports);
                    }
                    _ => cx.lose(
                        format!("the test results of job `{}`", job.id),
                        "They belong to the step that runs the tests, and there is none",
                        step.line,
                    ),
                }
                continue;
            }
            let Some(mut map) = one(cx, job, step, &mut names) else { continue };
            let test = step.condition.as_ref().and_then(|c| super::test(cx, job, c));
            let status = match step.condition {
                Some(Condition::Always) => "All",
                Some(Condition::OnFailure) => "Failure",
                _ => status,
            };
            if status != "Success" || test.is_some() {
                let mut when = Map::new();
                when.set("stageStatus", status).maybe("condition", test);
                map.set("when", when);
            }
            if step.soft_fail {
                map.set("failureStrategies", super::failure("Ignore"));
            }
            out.push(map);
        }
    }
    if out.is_empty() {
        let mut map = head("Run", "nothing", names.give("nothing"));
        let mut spec = Map::new();
        spec.set("shell", "Sh").set("command", "echo \"Nothing to do\"");
        map.set("spec", spec);
        out.push(map);
    }
    Yaml::list(out.into_iter().map(|map| wrap("step", map)))
}

fn run_spec(map: &mut Map) -> Option<&mut Map> {
    match map.get_mut("spec") {
        Some(Yaml::Map(spec)) if spec.has("command") => Some(spec),
        _ => None,
    }
}

fn one(cx: &Context<'_>, job: &Job, step: &Step, names: &mut Names) -> Option<Map> {
    match &step.action {
        Action::Checkout { .. }
        | Action::Setup { .. }
        | Action::CacheDependencies { .. }
        | Action::Cache { .. } => None,
        Action::SaveArtifact { name, .. } | Action::FetchArtifact { name, .. } => {
            let verb = if matches!(step.action, Action::SaveArtifact { .. }) {
                "keeping"
            } else {
                "fetching"
            };
            let what = if name.is_empty() { "all artifacts" } else { name };
            cx.lose(
                format!("{verb} the artifact `{what}` in job `{}`", job.id),
                "Stages share no files: add an upload step with a connector to a store (S3UploadArtifacts, GCSUploadArtifacts) and fetch from there",
                step.line,
            );
            None
        }
        Action::SaveCoverage { .. } => {
            cx.lose_step(job, step, "Harness shows no coverage; upload the report in a step");
            None
        }
        Action::Approval(_) => {
            cx.lose_step(
                job,
                step,
                "A CI stage cannot wait; split the job, with an Approval stage between",
            );
            None
        }
        Action::BuildImage(build) if build.push => {
            let image = cx.value(Some(job), &build.image);
            let (connector, repo) = registry(&image);
            cx.remark(format!("The connector `{connector}` to the registry has to exist"));
            let title = step.title.as_deref().unwrap_or("Build the image");
            let mut map = head("BuildAndPushDockerRegistry", title, names.give("build"));
            let mut spec = Map::new();
            spec.set("connectorRef", connector).set("repo", repo);
            let mut tags: Vec<String> = build
                .references()
                .iter()
                .map(|text| cx.value(Some(job), text))
                .filter_map(|text| Some(text.strip_prefix(&image)?.strip_prefix(':')?.to_owned()))
                .collect();
            let commit = super::expression(cx, Some(job), &Part::Commit);
            if tags.is_empty() {
                tags.push(commit);
            }
            spec.set("tags", Yaml::list(tags));
            spec.set("caching", build.cache && !releases(cx.portable));
            spec.maybe("dockerfile", build.file.clone());
            if !build.context.is_empty() {
                spec.set("context", build.context.as_str());
            }
            spec.maybe("target", build.target.clone());
            let mut args = Map::new();
            for arg in &build.args {
                args.set(&arg.name, cx.value(Some(job), &arg.value));
            }
            spec.filled("buildArgs", args);
            if !build.platforms.is_empty() {
                cx.lose(
                    format!(
                        "the platforms {} of the image of job `{}`",
                        build.platforms.join(", "),
                        job.id
                    ),
                    "The step builds for the machine it runs on; build each in a stage of its own",
                    step.line,
                );
            }
            map.set("spec", spec);
            Some(map)
        }
        Action::Login(Login::Registry { host, user, password }) => {
            let host = if host.is_empty() { "docker.io" } else { host };
            cx.remark(if user.is_empty() {
                format!("The login to `{host}` is the connector of the steps that need it")
            } else {
                format!(
                    "The login to `{host}` is the connector of the steps that need it; it takes the secrets `{user}` and `{password}`"
                )
            });
            None
        }
        Action::Login(Login::Aws { .. } | Login::Gcp { .. } | Login::Azure { .. }) => {
            cx.lose_step(
                job,
                step,
                "Give the step a connector to the cloud, or take the token from an OIDC plugin",
            );
            None
        }
        Action::Foreign(foreign) if foreign.platform == Platform::Harness => {
            cx.remark(format!("Put back into job `{}`: {}", job.id, foreign.text.trim()));
            cx.lose_foreign(&job.id, foreign);
            None
        }
        Action::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            None
        }
        _ => run(cx, job, step, names),
    }
}

/// The connector for an image's registry, and the repository in it.
fn registry(image: &str) -> (String, String) {
    match image.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) => {
            let connector = id(host.split('.').next().unwrap_or(host)).to_ascii_lowercase();
            // Only Docker Hub is left out of the name.
            if host == "docker.io" {
                ("dockerhub".to_owned(), rest.to_owned())
            } else {
                (connector, image.to_owned())
            }
        }
        _ => ("dockerhub".to_owned(), image.to_owned()),
    }
}

/// The variables of a job that a script sees.
pub fn env(cx: &Context<'_>, job: &Job, step: &Step, given: Env) -> Map {
    let mut map = Map::new();
    let variables = cx.portable.variables.iter().chain(&job.variables).chain(&step.variables);
    for variable in variables {
        if map.has(&variable.name) {
            if let Some(value) = map.get_mut(&variable.name) {
                *value = cx.value(Some(job), &variable.value).into();
            }
        } else {
            map.set(&variable.name, cx.value(Some(job), &variable.value));
        }
    }
    for secret in cx.portable.secrets.iter().chain(&job.secrets) {
        if !map.has(secret.variable()) {
            map.set(secret.variable(), format!("<+secrets.getValue(\"{}\")>", id(&secret.name)));
        }
        cx.remark(format!("The secret `{}` has to exist in the project", id(&secret.name)));
    }
    for (name, value) in given {
        if name != "OUTPUT_FILE" && !map.has(&name) {
            map.set(name, value);
        }
    }
    map
}

fn run(cx: &Context<'_>, job: &Job, step: &Step, names: &mut Names) -> Option<Map> {
    let Some(lowered) = lower(&step.action, job) else {
        cx.lose_step(job, step, NO_SCRIPT);
        return None;
    };
    let shell = match &step.action {
        Action::Run { shell, .. } => *shell,
        _ => Shell::Sh,
    };
    let (word, speaks) = match shell {
        Shell::Usual if job.runner.os == super::Os::Windows => ("Powershell", Shell::PowerShell),
        Shell::Usual | Shell::Sh => ("Sh", Shell::Sh),
        Shell::Bash => ("Bash", Shell::Bash),
        Shell::Pwsh => ("Pwsh", Shell::Pwsh),
        Shell::PowerShell => ("Powershell", Shell::PowerShell),
        Shell::Python => ("Python", Shell::Python),
        Shell::Cmd => {
            cx.lose_step(job, step, "Harness runs no `cmd` scripts");
            return None;
        }
    };
    let mut given: Env = Vec::new();
    let mut text = cx.script(Some(job), &lowered.script, speaks, &mut given);
    text = text.replace("${OUTPUT_FILE}", "outputs.env").replace("$OUTPUT_FILE", "outputs.env");
    let writer = writer(job, step);
    if writer.is_some() {
        for output in &job.outputs {
            text.push_str(&format!(
                "\nexport {}=\"$(sed -n 's/^{output}=//p' outputs.env | tail -n 1)\"",
                upper(output)
            ));
        }
    }
    if let Some(folder) = &step.folder {
        text = format!("cd {}\n{text}", super::super::context::quoted(folder));
    }
    let title = match (&step.title, &step.action) {
        (Some(title), _) => title.clone(),
        (None, Action::Run { .. }) => {
            text.lines().next().unwrap_or("Run").chars().take(40).collect()
        }
        (None, _) => lowered.title,
    };
    let identifier = names.give(&writer.map_or_else(|| title.clone(), output_id));
    let mut map = head("Run", &title, identifier);
    map.maybe("timeout", step.timeout.or(job.timeout).map(|minutes| format!("{minutes}m")));
    let mut spec = Map::new();
    let docker = matches!(step.action, Action::BuildImage(_));
    if !docker && let Some(image) = image_for(job) {
        spec.set("connectorRef", IMAGES).set("image", cx.value(Some(job), &image));
    }
    spec.set("shell", word).set("command", Yaml::script(&text));
    let mut env = env(cx, job, step, given);
    for (name, value) in cache::folders(cx, job, "/harness") {
        if !env.has(name) {
            env.set(name, value);
        }
    }
    spec.filled("envVariables", env);
    if writer.is_some() {
        let all = job.outputs.iter().map(|output| {
            let mut map = Map::new();
            map.set("name", upper(output));
            map
        });
        spec.filled("outputVariables", Yaml::list(all));
    }
    map.set("spec", spec);
    Some(map)
}
