//! One step of an Azure job.

use super::expression;
use super::runs_when;
use super::value::Val;
use crate::pipeline::graph::{Access, At, Job, Phase, Resource, Script, Step, Use, Variable};

/// Keys whose value is a script, with the shell it runs in.
const SCRIPTS: [(&str, Option<&str>); 4] = [
    ("script", None),
    ("bash", Some("bash")),
    ("pwsh", Some("pwsh")),
    ("powershell", Some("powershell")),
];

/// Keys that are short for a task.
const SHORT: [&str; 8] = [
    "checkout",
    "publish",
    "download",
    "downloadBuild",
    "getPackage",
    "upload",
    "reviewApp",
    "template",
];

/// Keys of every step.
const COMMON: [&str; 10] = [
    "name",
    "displayName",
    "condition",
    "continueOnError",
    "enabled",
    "env",
    "target",
    "timeoutInMinutes",
    "retryCountOnTaskFailure",
    "inputs",
];

/// Adds a step to its job, with what it fetches, reads and leaves.
pub(super) fn add(job: &mut Job, node: &Val, phase: Phase) {
    let mut step = Step::new(node.span, node.path());
    step.id = node.get("name").and_then(Val::filled).map(str::to_owned);
    step.name = node.get("displayName").and_then(Val::filled).map(str::to_owned);
    step.soft_fail = node.get("continueOnError").and_then(Val::bool) == Some(true);
    step.condition = runs_when(node, node.get("condition"));
    if let Some(enabled) = node.get("enabled").filter(|node| node.bool() == Some(false)) {
        step.condition = Some(At { value: "false".to_owned(), span: enabled.span });
    }
    step.phase = turn(phase, node.get("condition").and_then(Val::filled));
    for member in node.get("env").iter().flat_map(|node| node.members()) {
        let (name, value) = (member.key.clone(), member.value.written());
        step.env.push(Variable { name, value, span: member.value.span });
    }
    let inputs = |skip: &str| {
        let own = node.members().iter().filter(|member| {
            !member.key.eq_ignore_ascii_case(skip)
                && !COMMON.iter().any(|key| member.key.eq_ignore_ascii_case(key))
        });
        let own = own.map(input);
        own.collect::<Vec<_>>()
    };
    if let Some((member, shell)) =
        SCRIPTS.iter().find_map(|(key, shell)| Some((node.member(key)?, *shell)))
    {
        step.script = script(&member.value, shell);
    } else if let Some(task) = node.get("task") {
        step.uses = Some(task_use(task, node));
        step.script = inline(task, node);
    } else if let Some(member) = SHORT.iter().find_map(|key| node.member(key)) {
        let key = SHORT.iter().find(|key| member.key.eq_ignore_ascii_case(key));
        let name = if member.key.eq_ignore_ascii_case("template") {
            member.value.written()
        } else {
            (*key.unwrap_or(&"step")).to_owned()
        };
        let mut all = vec![input(member)];
        all.extend(inputs(&member.key));
        if let Some(given) = node.get("parameters") {
            all.extend(given.members().iter().map(input));
        }
        let (name, version) = match name.split_once('@') {
            Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
            None => (name, None),
        };
        step.uses = Some(Use { name, version, inputs: all, span: member.value.span });
    }
    checkout(job, &step, node);
    handed_on(job, &step);
    job.steps.push(step);
}

fn input(member: &super::value::Member) -> (String, At<String>) {
    (member.key.clone(), At { value: member.value.written(), span: member.value.span })
}

/// When a step has its turn, by its condition.
fn turn(phase: Phase, condition: Option<&str>) -> Phase {
    let Some(condition) = condition.filter(|_| phase == Phase::Main) else { return phase };
    let text = condition.to_ascii_lowercase().replace("succeededorfailed()", "always()");
    if text.contains("always()") {
        Phase::Always
    } else if text.contains("failed()") && !text.contains("not(failed())") {
        Phase::Failure
    } else {
        Phase::Main
    }
}

fn script(value: &Val, shell: Option<&str>) -> Option<Script> {
    Some(Script {
        text: value.text()?.to_owned(),
        shell: shell.map(str::to_owned),
        span: value.span,
        path: value.path(),
    })
}

/// `Name@Version`, with its inputs.
fn task_use(task: &Val, node: &Val) -> Use {
    let text = task.written();
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
        None => (text, None),
    };
    let inputs = node.get("inputs").map(|one| one.members().iter().map(input).collect());
    Use { name, version, inputs: inputs.unwrap_or_default(), span: task.span }
}

/// The script that stands in a task's inputs.
fn inline(task: &Val, node: &Val) -> Option<Script> {
    let name = task.filled()?.split('@').next()?.to_ascii_lowercase();
    let inputs = node.get("inputs")?;
    let is = |key: &str, word: &str| {
        inputs.get(key).and_then(Val::filled).is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    let shell = match name.as_str() {
        "bash" => Some("bash"),
        "powershell" if is("pwsh", "true") => Some("pwsh"),
        "powershell" | "azurepowershell" => Some("powershell"),
        "azurecli" if is("scriptType", "pscore") => Some("pwsh"),
        "azurecli" if is("scriptType", "ps") => Some("powershell"),
        "azurecli" => Some("bash"),
        "pythonscript" => Some("python"),
        "cmdline" | "shellscript" => None,
        _ => return None,
    };
    let value = ["script", "inlineScript", "inline"].iter().find_map(|key| inputs.get(key))?;
    script(value, shell)
}

/// What a `checkout` step says of how the source is fetched.
fn checkout(job: &mut Job, step: &Step, node: &Val) {
    let Some(repository) = node.get("checkout").filter(|_| step.uses.is_some()) else { return };
    let word = repository.filled().unwrap_or_default();
    if word.eq_ignore_ascii_case("none") {
        job.clone.none = true;
    }
    if !word.eq_ignore_ascii_case("self") {
        return;
    }
    job.clone.depth = node
        .get("fetchDepth")
        .and_then(|depth| Some(At { value: depth.filled()?.parse().ok()?, span: depth.span }));
    job.clone.submodules = node.get("submodules").and_then(Val::at);
    job.clone.lfs =
        node.get("lfs").and_then(|lfs| lfs.bool().map(|value| At { value, span: lfs.span }));
}

/// Artifacts and output variables.
fn handed_on(job: &mut Job, step: &Step) {
    if let Some(script) = &step.script {
        let id = step.id.as_deref().unwrap_or_default();
        for name in expression::outputs(&script.text) {
            let what = Resource::Output(job.id.clone(), format!("{id}.{name}"));
            job.writes.push(Access { what, span: script.span });
        }
        for name in expression::artifacts(&script.text) {
            job.writes.push(Access { what: Resource::Artifact(name), span: script.span });
        }
        if script.text.to_ascii_lowercase().contains("##vso[build.updatebuildnumber") {
            // Every job after it sees the new number.
            let what = Resource::Dotenv("Build.BuildNumber".to_owned());
            job.writes.push(Access { what, span: script.span });
        }
    }
    let Some(used) = &step.uses else { return };
    let named = |keys: &[&str]| keys.iter().find_map(|key| used.input(key)).map(str::to_owned);
    let artifact = |name: Option<String>| Access {
        what: Resource::Artifact(name.unwrap_or_default()),
        span: step.span,
    };
    let keys = ["artifact", "artifactName"];
    match used.name.to_ascii_lowercase().as_str() {
        "publish" | "upload" | "publishpipelineartifact" => job.writes.push(artifact(named(&keys))),
        "publishbuildartifacts" => {
            let name = named(&keys).or_else(|| Some("drop".to_owned()));
            job.writes.push(artifact(name));
        }
        "download" => {
            let from = used.input("download").unwrap_or_default();
            if from.eq_ignore_ascii_case("current") {
                job.reads.push(artifact(named(&keys)));
            }
        }
        "downloadbuild" if used.input("downloadBuild") == Some("current") => {
            job.reads.push(artifact(named(&keys)));
        }
        "downloadpipelineartifact" | "downloadbuildartifacts" => {
            let from = named(&["buildType", "source"]).unwrap_or_default();
            if !from.to_ascii_lowercase().starts_with("specific") {
                job.reads.push(artifact(named(&keys)));
            }
        }
        _ => {}
    }
}
