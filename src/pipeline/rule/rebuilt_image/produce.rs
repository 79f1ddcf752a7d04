//! The first job's part: it tells the digest of what it pushed.

use super::Build;
use super::share::{Cell, Reference, cells, is_plain, posix};
use crate::pipeline::File;
use crate::pipeline::access;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, Need, NeedKind, Path, Phase, Resource, Seg, Span, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::rule::order;
use crate::pipeline::words;
use crate::pipeline::words::shell::Command;
use crate::pipeline::yaml::value::Value;

/// Hands on what the first job pushed.
pub(super) fn produce(
    file: &File,
    build: Build<'_>,
    job: &Job,
    other: &Job,
    variable: &'static str,
) -> Option<(Vec<Op>, Reference)> {
    let platform = file.pipeline.platform;
    let tags = &build.image.tags;
    let tag = tags.first()?;
    let step = job.steps.get(build.step)?;
    if step.condition.is_some() || step.soft_fail {
        return None;
    }
    if platform == Platform::Harness {
        let commit = ["commitSha", "commitHash", "sequenceId", "executionId", "trigger.commit"];
        if !commit.iter().any(|word| tag.contains(word)) {
            return None;
        }
        let plain = Reference {
            shell: tag.clone(),
            groovy: tag.clone(),
            input: Some(tag.clone()),
            env: None,
            ops: Vec::new(),
        };
        return Some((Vec::new(), plain));
    }
    if tags.iter().any(|tag| tag.contains("secrets.") || tag.contains('\n')) {
        return None;
    }
    if platform == Platform::GitHub && step.uses.is_some() {
        if !order::is_plain(&file.tree, &step.path) {
            return None;
        }
        return by_action(file, job, step, other, tag, variable);
    }
    // The step that pushes, and where in it.
    for step in job.steps.iter().skip(build.step) {
        if step.phase != Phase::Main || step.script.is_none() {
            continue;
        }
        let options = posix(file, job, step)?;
        for cell in cells(file, job, step)? {
            for command in words::commands(&cell.text, options) {
                let found =
                    tags.iter().find_map(|tag| pushed(&cell.text, &command, tag, build.image.push));
                let Some(found) = found else { continue };
                if step.condition.is_some() || step.soft_fail {
                    return None;
                }
                return hand_on(file, job, step, other, &cell, found, variable);
            }
        }
    }
    None
}

/// What tells the digest of what a command pushes: an edit of it, and a command that
/// prints the reference.
struct Pushed {
    edit: Option<(usize, &'static str)>,
    prints: String,
    reference: String,
}

fn pushed(text: &str, command: &Command, tag: &str, at_once: bool) -> Option<Pushed> {
    let words: Vec<&str> = command.texts().collect();
    match words.as_slice() {
        ["docker" | "podman", "push", reference] if *reference == tag => {
            let raw = text.get(command.words.get(2)?.span.clone())?;
            is_plain(text, command).then(|| Pushed {
                edit: None,
                prints: format!("docker inspect --format '{{{{index .RepoDigests 0}}}}' {raw}"),
                reference: raw.to_owned(),
            })
        }
        ["docker", "buildx", "build", rest @ ..] if at_once && rest.contains(&"--push") => {
            if !is_plain(text, command) || rest.iter().any(|word| word.starts_with("--metadata")) {
                return None;
            }
            let flag = command.words.iter().find(|word| word.text == "--push")?;
            let named = access::image_name(tag);
            (rest.contains(&tag)).then(|| Pushed {
                edit: Some((flag.span.end, " --metadata-file meta.json")),
                prints: "jq -r '.\"containerimage.digest\"' meta.json".to_owned(),
                reference: named,
            })
        }
        _ => None,
    }
}

fn in_shell(variable: &'static str) -> Reference {
    Reference {
        shell: format!("\"${variable}\""),
        groovy: format!("${{env.{variable}}}"),
        input: None,
        env: None,
        ops: Vec::new(),
    }
}

fn hand_on(
    file: &File,
    job: &Job,
    step: &Step,
    other: &Job,
    cell: &Cell,
    found: Pushed,
    variable: &'static str,
) -> Option<(Vec<Op>, Reference)> {
    let platform = file.pipeline.platform;
    let value = match found.edit {
        None => format!("$({})", found.prints),
        Some(_) => format!("{}@$({})", found.reference, found.prints),
    };
    let mut text = cell.text.clone();
    if let Some((at, flag)) = found.edit {
        text.insert_str(at, flag);
    }
    let mut ops = Vec::new();
    match platform {
        Platform::GitHub => {
            let id = identify(job, step, "id", "push", &mut ops)?;
            text = format!("{}\necho \"ref={value}\" >> \"$GITHUB_OUTPUT\"\n", text.trim_end());
            ops.push(Op::Replace { at: cell.path.clone(), value: Value::text(text) });
            let output = format!("${{{{ steps.{id}.outputs.ref }}}}");
            let reference = github_output(file, job, other, output, variable, &mut ops)?;
            Some((ops, reference))
        }
        Platform::Azure => {
            let name = identify(job, step, "name", "push", &mut ops)?;
            // Its shell goes on after an error, and the last command says how it ended.
            let strict = if text.contains("set -e") { "" } else { "set -e\n" };
            text = format!(
                "{strict}{}\necho \"##vso[task.setvariable variable=image;isOutput=true]{value}\"\n",
                text.trim_end()
            );
            ops.push(Op::Replace { at: cell.path.clone(), value: Value::text(text) });
            let reference = azure_variable(file, job, other, &name)?;
            Some((ops, reference))
        }
        Platform::GitLab | Platform::Bitbucket => {
            let (line, target) = if platform == Platform::GitLab {
                (format!("echo \"{variable}={value}\" > image.env"), "image.env")
            } else if found.edit.is_none() {
                (format!("{} > image.txt", found.prints), "image.txt")
            } else {
                (format!("echo \"{value}\" > image.txt"), "image.txt")
            };
            if !cell.item {
                text = format!("{}\n{line}\n", text.trim_end());
            }
            if text != cell.text {
                ops.push(Op::Replace { at: cell.path.clone(), value: Value::text(text) });
            }
            if cell.item {
                let (last, list) = cell.path.split_last()?;
                let Seg::Index(index) = last else { return None };
                let at = list.to_vec();
                ops.push(Op::Push { at, index: index + 1, value: Value::text(line) });
            }
            keep(file, job, target, &mut ops)?;
            if platform == Platform::Bitbucket {
                if file.text.get(other.span.range())?.contains("download:") {
                    return None;
                }
                let shell = "\"$(cat image.txt)\"".to_owned();
                return Some((ops, Reference { shell, ..in_shell(variable) }));
            }
            let mut reference = in_shell(variable);
            reference.ops = dotenv_comes(file, job, other)?;
            Some((ops, reference))
        }
        Platform::Jenkins => {
            let (at, groovy) = cell.raw?;
            let end = step.script.as_ref()?.span.range().end;
            if let Some((place, flag)) = found.edit {
                let place = at + place;
                ops.push(Op::Splice { span: Span::new(place..place), text: flag.to_owned() });
            }
            let inspect = value.strip_prefix("$(").and_then(|v| v.strip_suffix(')'));
            let call = match (inspect, groovy) {
                (Some(inspect), true) if !inspect.contains('"') => format!("\"{inspect}\""),
                (Some(inspect), false) => {
                    let swapped = inspect.replace('\'', "\"");
                    if found.reference.contains('"') || found.reference.contains('\'') {
                        return None;
                    }
                    format!("'{swapped}'")
                }
                _ => return None,
            };
            let set = format!("env.{variable} = sh(script: {call}, returnStdout: true).trim()");
            ops.push(below(&file.text, end, &set)?);
            Some((ops, in_shell(variable)))
        }
        Platform::Harness => None,
    }
}

/// A `script` block on the lines below the statement that a string ends.
fn below(text: &str, end: usize, statement: &str) -> Option<Op> {
    let rest = text.get(end..)?;
    let closed = rest.strip_prefix(')').map_or(end, |_| end + 1);
    let line_end = text.get(closed..)?.find('\n').map_or(text.len(), |at| closed + at);
    let tail = text.get(closed..line_end)?.trim();
    let start = text.get(..end)?.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..end)?;
    if !tail.is_empty() {
        // `steps { sh '…' }` on one line.
        return tail.starts_with('}').then(|| Op::Splice {
            span: Span::new(closed..closed),
            text: format!("; script {{ {statement} }}"),
        });
    }
    let head = line.trim_start();
    // A long string begins on an earlier line, whose blanks are not known here.
    if !head.starts_with("sh") {
        return None;
    }
    let blanks = line.get(..line.len() - head.len())?;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let unit = if blanks.contains('\t') { "\t" } else { "    " };
    Some(Op::Splice {
        span: Span::new(closed..closed),
        text: format!(
            "{newline}{blanks}script {{{newline}{blanks}{unit}{statement}{newline}{blanks}}}"
        ),
    })
}

/// The step's id (GitHub) or name (Azure), a new one where it has none.
fn identify(
    job: &Job,
    step: &Step,
    key: &'static str,
    new: &str,
    ops: &mut Vec<Op>,
) -> Option<String> {
    if let Some(id) = &step.id {
        return Some(id.clone());
    }
    let taken = job.steps.iter().any(|step| step.id.as_deref() == Some(new));
    let id = if taken { format!("{new}_image") } else { new.to_owned() };
    ops.push(Op::Insert {
        at: step.path.clone(),
        key: key.to_owned(),
        value: Value::text(id.clone()),
        place: match key {
            "id" => Place::After(vec!["name", "uses", "run"]),
            _ => Place::After(vec!["displayName", "bash", "script"]),
        },
    });
    Some(id)
}

/// The job's output, and how the other job reads it.
fn github_output(
    file: &File,
    job: &Job,
    other: &Job,
    output: String,
    variable: &'static str,
    ops: &mut Vec<Op>,
) -> Option<Reference> {
    let name = if job.outputs.iter().any(|(name, _)| name == "ref") { "image_ref" } else { "ref" };
    let node = order::node_at(&file.tree, &job.path)?;
    ops.push(if file.tree.get(node, "outputs").is_some() {
        Op::Insert {
            at: order::under(&job.path, "outputs"),
            key: name.to_owned(),
            value: Value::text(output),
            place: Place::Last,
        }
    } else {
        Op::Insert {
            at: job.path.clone(),
            key: "outputs".to_owned(),
            value: Value::map([(name, Value::text(output))]),
            place: Place::Before(vec!["env", "defaults", "steps"]),
        }
    });
    let text = format!("${{{{ needs.{}.outputs.{name} }}}}", job.id);
    let mut reference = in_shell(variable);
    reference.input = Some(text.clone());
    reference.env = Some((variable, text));
    let place = file.pipeline.job(&job.id)?;
    let direct = |need: &Need| need.job == place;
    if !other.needs.iter().any(direct) {
        let mut names: Vec<String> = other
            .needs
            .iter()
            .filter_map(|need| file.pipeline.jobs.get(need.job))
            .map(|job| job.id.clone())
            .collect();
        names.push(job.id.clone());
        reference.ops = order::write(file, &other.path, &names, false)?;
    }
    Some(reference)
}

fn by_action(
    file: &File,
    job: &Job,
    step: &Step,
    other: &Job,
    tag: &str,
    variable: &'static str,
) -> Option<(Vec<Op>, Reference)> {
    let uses = step.uses.as_ref()?;
    let certain = uses.input("push").is_some_and(|push| push.trim() == "true");
    let digest =
        matches!(uses.name.as_str(), "docker/build-push-action" | "depot/build-push-action");
    // Tags that another step makes carry no name that is known here.
    if !certain || !digest || tag.contains("steps.") {
        return None;
    }
    let mut ops = Vec::new();
    let id = identify(job, step, "id", "build", &mut ops)?;
    let output = format!("{}@${{{{ steps.{id}.outputs.digest }}}}", access::image_name(tag));
    let reference = github_output(file, job, other, output, variable, &mut ops)?;
    Some((ops, reference))
}

fn azure_variable(file: &File, job: &Job, other: &Job, step: &str) -> Option<Reference> {
    let pipeline = &file.pipeline;
    let name_of = |job: &Job| job.id.rsplit('.').next().unwrap_or(&job.id).to_owned();
    let node = order::node_at(&file.tree, &job.path)?;
    // Only a job with a name can be asked; deployments put another name before it.
    file.tree.get(node, "job")?;
    let from = name_of(job);
    let value = if job.stage == other.stage {
        let direct = other.needs.iter().any(|need| {
            need.kind == NeedKind::Explicit
                && pipeline.jobs.get(need.job).is_some_and(|on| on.id == job.id)
        });
        direct.then(|| format!("$[ dependencies.{from}.outputs['{step}.image'] ]"))?
    } else {
        let (stage, later) = (job.stage?, other.stage?);
        if !pipeline.stages.get(later)?.needs.contains(&stage) {
            return None;
        }
        let stage = pipeline.stages.get(stage)?;
        let node = order::node_at(&file.tree, &stage.path)?;
        file.tree.get(node, "stage")?;
        format!("$[ stageDependencies.{}.{from}.outputs['{step}.image'] ]", stage.id)
    };
    let node = order::node_at(&file.tree, &other.path)?;
    let op = match file.tree.get(node, "variables").map(|entry| entry.value) {
        None => Op::Insert {
            at: other.path.clone(),
            key: "variables".to_owned(),
            value: Value::map([("image", Value::text(value))]),
            place: Place::Before(vec!["steps", "strategy"]),
        },
        Some(list) if file.tree.items(list).is_empty() => Op::Insert {
            at: order::under(&other.path, "variables"),
            key: "image".to_owned(),
            value: Value::text(value),
            place: Place::Last,
        },
        Some(list) => Op::Push {
            at: order::under(&other.path, "variables"),
            index: file.tree.items(list).len(),
            value: Value::map([("name", Value::text("image")), ("value", Value::text(value))]),
        },
    };
    Some(Reference {
        shell: "$(image)".to_owned(),
        groovy: String::new(),
        input: Some("$(image)".to_owned()),
        env: None,
        ops: vec![op],
    })
}

/// Keeps the file with the reference: a dotenv report, or an artifact.
fn keep(file: &File, job: &Job, target: &str, ops: &mut Vec<Op>) -> Option<()> {
    let tree = &file.tree;
    let node = order::node_at(tree, &job.path)?;
    let at = order::under(&job.path, "artifacts");
    let known = tree.get(node, "artifacts").map(|entry| entry.value);
    if known.is_some_and(|node| tree.is_alias(node) || tree.has_hidden(node)) {
        return None;
    }
    let report = || Value::map([("dotenv", Value::text(target))]);
    let insert = |at: &Path, key: &str, value: Value| Op::Insert {
        at: at.clone(),
        key: key.to_owned(),
        value,
        place: Place::After(vec!["script", "paths"]),
    };
    ops.push(match (file.pipeline.platform, known) {
        (Platform::GitLab, None) => {
            // What is inherited would be replaced.
            if job.writes.iter().any(|access| matches!(access.what, Resource::Artifact(_))) {
                return None;
            }
            insert(&job.path, "artifacts", Value::map([("reports", report())]))
        }
        (Platform::GitLab, Some(node)) => {
            if tree.get(node, "reports").is_some() {
                return None;
            }
            insert(&at, "reports", report())
        }
        (_, None) => insert(&job.path, "artifacts", Value::texts([target])),
        (_, Some(node)) if tree.entries(node).is_empty() => {
            let index = tree.items(node).len();
            Op::Push { at, index, value: Value::text(target) }
        }
        (_, Some(node)) => {
            let paths = tree.get(node, "paths")?.value;
            let index = tree.items(paths).len();
            Op::Push { at: order::under(&at, "paths"), index, value: Value::text(target) }
        }
    });
    Some(())
}

/// What lets the other job have the report: nothing, or a name in its `needs`.
fn dotenv_comes(file: &File, job: &Job, other: &Job) -> Option<Vec<Op>> {
    let tree = &file.tree;
    let node = order::node_at(tree, &other.path)?;
    if tree.get(node, "dependencies").is_some() {
        return None;
    }
    let place = file.pipeline.job(&job.id)?;
    if other.needs_span.is_none() {
        return Some(Vec::new());
    }
    if other.needs.iter().any(|need| need.job == place) {
        let fetched = other.needs.iter().any(|need| need.job == place && need.artifacts);
        return fetched.then(Vec::new);
    }
    let needs = tree.get(node, "needs")?.value;
    let index = tree.items(needs).len();
    let at = order::under(&other.path, "needs");
    Some(vec![Op::Push { at, index, value: Value::text(job.id.clone()) }])
}
