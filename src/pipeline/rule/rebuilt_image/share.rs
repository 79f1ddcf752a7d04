//! How one job hands the image it pushed to another: the steps in words, and the
//! edit where both jobs' commands are plain.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::Build;
use crate::pipeline::File;
use crate::pipeline::access;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, NeedKind, Os, Path, Phase, Seg, Span, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::rule::{Fix, order};
use crate::pipeline::words::shell::{Command, Options, Shell, Word};
use crate::pipeline::words::{self, Does};
use crate::pipeline::yaml::value::Value;

/// What to do, with the jobs' names filled in.
pub(super) fn advice(platform: Platform, a: &str, b: &str, waited: bool, pushed: bool) -> String {
    if !pushed {
        return format!(
            "Build it once in `{a}`, push it there under the commit's name, and let `{b}` use or \
             retag that image."
        );
    }
    if !waited {
        return format!(
            "Build it once and give it all its tags there: let one of `{a}` and `{b}` wait for the \
             other and use the digest it pushed."
        );
    }
    match platform {
        Platform::GitHub => format!(
            "Give `{a}` a job output with the digest, and use `needs.{a}.outputs.ref` in `{b}` in \
             place of the build."
        ),
        Platform::GitLab => format!(
            "Let `{a}` write `IMAGE=<name>@<digest>` into a dotenv report, and use `$IMAGE` in \
             `{b}` in place of the build."
        ),
        Platform::Azure => format!(
            "Let `{a}` set an output variable with the digest, and read it in `{b}` by \
             `dependencies` or `stageDependencies` in place of the build."
        ),
        Platform::Jenkins => format!(
            "Set `env.IMAGE` in `{a}` from the pushed image's `RepoDigests`, and use `$IMAGE` in \
             `{b}` in place of the build."
        ),
        Platform::Bitbucket => format!(
            "Let `{a}` write the digest to `image.txt`, keep that as an artifact, and read it in \
             `{b}` in place of the build."
        ),
        Platform::Harness => format!(
            "Tag the image in `{a}` by `<+codebase.commitSha>`, and use that tag in `{b}` in place \
             of the build."
        ),
    }
}

/// Whether something is called `IMAGE` already.
static TAKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^A-Za-z0-9_])IMAGE(?:[^A-Za-z0-9_]|$)").expect("the pattern is fixed")
});

/// A piece of script as it is written: one scalar, or one string of a Jenkinsfile.
struct Cell {
    path: Path,
    text: String,
    /// Whether it is an item of a list of commands.
    item: bool,
    /// Jenkins: where its text begins in the file, and whether Groovy fills it in.
    raw: Option<(usize, bool)>,
}

/// The edit; `None` where a command is not plain enough.
pub(super) fn fix(file: &File, first: Build<'_>, again: Build<'_>) -> Option<Fix> {
    let jobs = &file.pipeline.jobs;
    let (one, other) = (jobs.get(first.job)?, jobs.get(again.job)?);
    let yaml = file.pipeline.platform != Platform::Jenkins;
    let local = |job: &Job| {
        !job.shared || matches!(file.pipeline.platform, Platform::GitLab | Platform::Bitbucket)
    };
    if !local(one)
        || !local(other)
        || one.matrix.is_some()
        || again.pushed
        || (yaml && one.path.is_empty())
    {
        return None;
    }
    let pushes_more = words::job_does(other).any(|does| matches!(does, Does::PushImage(_)));
    if pushes_more || one.runner.os == Some(Os::Windows) || other.runner.os == Some(Os::Windows) {
        return None;
    }
    let [name] = again.image.tags.as_slice() else { return None };
    let variable = if TAKEN.is_match(&file.text) { "IMAGE_REF" } else { "IMAGE" };
    let (mut ops, reference) = produce(file, first, one, other, variable)?;
    ops.extend(consume(file, again, other, name, &reference)?);
    let (a, b) = (one.title(), other.title());
    Some(Fix {
        title: format!("Use the image that `{a}` pushed in `{b}`"),
        ops,
        safe: false,
        proof: vec![
            format!("Both builds have the same folder, Dockerfile, stage, arguments and machine."),
            format!("`{b}` waits for `{a}`, and must be able to fetch from the registry."),
        ],
    })
}

/// How the second job names the image.
struct Reference {
    /// In a shell's command, outside quotes.
    shell: String,
    /// Inside Groovy's double quotes.
    groovy: String,
    /// In an input of a ready-made step; `None` where there is no such form.
    input: Option<String>,
    /// The variable to set at each step that uses it, and its value.
    env: Option<(&'static str, String)>,
    /// What else the second job needs.
    ops: Vec<Op>,
}

fn cells(file: &File, job: &Job, step: &Step) -> Option<Vec<Cell>> {
    let script = step.script.as_ref()?;
    if script.span.file != 0 {
        return None;
    }
    if file.pipeline.platform == Platform::Jenkins {
        let written = file.text.get(script.span.range())?;
        let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|q| written.starts_with(q))?;
        let inner = written.strip_prefix(quote)?.strip_suffix(quote)?;
        if inner != script.text || inner.contains('\\') {
            return None;
        }
        let at = script.span.range().start + quote.len();
        let raw = Some((at, quote.starts_with('"')));
        return Some(vec![Cell { path: Path::new(), text: inner.to_owned(), item: false, raw }]);
    }
    if !script.path.starts_with(&job.path) {
        return None;
    }
    let tree = &file.tree;
    let node = order::node_at(tree, &script.path)?;
    if tree.has_hidden(node) || tree.is_alias(node) || tree.is_anchored(node) {
        return None;
    }
    if let Some(text) = tree.text(node) {
        let item = matches!(script.path.last(), Some(Seg::Index(_)));
        let whole = text.trim() == script.text.trim();
        let cell = Cell { path: script.path.clone(), text: text.to_owned(), item, raw: None };
        return whole.then(|| vec![cell]);
    }
    let mut found = Vec::new();
    for (index, item) in tree.items(node).iter().enumerate() {
        let mut path = script.path.clone();
        path.push(Seg::Index(index));
        // Pipes stand among Bitbucket's commands.
        let Some(text) = tree.text(*item) else { continue };
        found.push(Cell { path, text: text.to_owned(), item: true, raw: None });
    }
    Some(found)
}

fn posix(file: &File, job: &Job, step: &Step) -> Option<Options> {
    let options = words::options(file.pipeline.platform, job, step.script.as_ref()?)?;
    (options.shell == Shell::Posix).then_some(options)
}

/// Whether a command stands by itself and its words are where they are said to be.
fn is_plain(text: &str, command: &Command) -> bool {
    let in_place = |word: &Word| {
        text.get(word.span.clone()).is_some_and(|raw| raw.trim_matches(['"', '\'']) == word.text)
    };
    !command.nested
        && !command.condition
        && !command.tolerated
        && !command.piped
        && command.redirects.is_empty()
        && command.assigns.is_empty()
        && command.words.iter().all(in_place)
}

/// Hands on what the first job pushed.
fn produce(
    file: &File,
    build: Build<'_>,
    job: &Job,
    other: &Job,
    variable: &'static str,
) -> Option<(Vec<Op>, Reference)> {
    let platform = file.pipeline.platform;
    let [tag] = build.image.tags.as_slice() else { return None };
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
    if tag.contains("secrets.") || tag.contains('\n') {
        return None;
    }
    if platform == Platform::GitHub && step.uses.is_some() {
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
                let Some(found) = pushed(&cell.text, &command, tag, build.image.push) else {
                    continue;
                };
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
            text = format!(
                "{}\necho \"##vso[task.setvariable variable=image;isOutput=true]{value}\"\n",
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
    let direct = |need: &crate::pipeline::graph::Need| need.job == place;
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
            if job
                .writes
                .iter()
                .any(|access| matches!(access.what, crate::pipeline::graph::Resource::Artifact(_)))
            {
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

/// Takes the build out of the second job and names the image that was pushed.
fn consume(
    file: &File,
    build: Build<'_>,
    job: &Job,
    name: &str,
    reference: &Reference,
) -> Option<Vec<Op>> {
    let mut ops = reference.ops.clone();
    let mut uses = 0;
    let mut built = false;
    for (place, step) in job.steps.iter().enumerate().skip(build.step) {
        if step.phase == Phase::Failure {
            continue;
        }
        if let Some(used) = &step.uses {
            for (key, at) in used.inputs.iter().filter(|(_, at)| at.value == name) {
                let value = reference.input.clone()?;
                if file.pipeline.platform != Platform::GitHub || at.span.file != 0 {
                    return None;
                }
                let path = order::under(&order::under(&step.path, "with"), key);
                ops.push(Op::Replace { at: path, value: Value::text(value) });
                uses += 1;
            }
        }
        if step.script.is_none() {
            continue;
        }
        let options = posix(file, job, step)?;
        let mut kept = false;
        let mut named = false;
        let mut mine = Vec::new();
        for cell in cells(file, job, step)? {
            let commands = words::commands(&cell.text, options);
            let mut edits: Vec<(Range<usize>, String)> = Vec::new();
            for command in &commands {
                let text = cell.text.get(command.span.clone())?;
                let builds = !built
                    && place == build.step
                    && words::text(text, options).does.iter().any(
                        |does| matches!(does, Does::BuildImage(image) if image == build.image),
                    );
                if builds {
                    if !is_plain(&cell.text, command) {
                        return None;
                    }
                    built = true;
                    edits.push((whole(&cell.text, command.span.clone()), String::new()));
                    continue;
                }
                let found = uses_of(&cell, command, name, reference)?;
                named |= !found.is_empty();
                uses += found.len();
                edits.extend(found);
            }
            edits.sort_by_key(|(range, _)| (range.start, range.end));
            edits.dedup();
            let apart = edits.windows(2).all(|pair| match pair {
                [(a, _), (b, _)] => a.end <= b.start,
                _ => true,
            });
            if !apart {
                return None;
            }
            let mut text = cell.text.clone();
            for (range, new) in edits.iter().rev() {
                text.replace_range(range.clone(), new);
            }
            let empty = text.trim().is_empty();
            kept |= !empty;
            if let Some((at, _)) = cell.raw {
                if empty {
                    return None;
                }
                ops.extend(edits.into_iter().map(|(range, text)| Op::Splice {
                    span: Span::new(at + range.start..at + range.end),
                    text,
                }));
            } else if empty && cell.item {
                mine.push(Op::Remove { at: cell.path });
            } else if text != cell.text && !empty {
                mine.push(Op::Replace { at: cell.path, value: Value::text(text) });
            }
        }
        if kept {
            ops.append(&mut mine);
            if let (true, Some((variable, value))) = (named, &reference.env) {
                ops.push(step_env(file, step, variable, value)?);
            }
        } else if step.id.is_none() && matches!(step.path.last(), Some(Seg::Index(_))) {
            ops.push(Op::Remove { at: step.path.clone() });
        } else {
            return None;
        }
    }
    (built && uses > 0).then_some(ops)
}

fn step_env(file: &File, step: &Step, variable: &str, value: &str) -> Option<Op> {
    let node = order::node_at(&file.tree, &step.path)?;
    let value = Value::text(value);
    Some(if file.tree.get(node, "env").is_some() {
        Op::Insert {
            at: order::under(&step.path, "env"),
            key: variable.to_owned(),
            value,
            place: Place::Last,
        }
    } else {
        Op::Insert {
            at: step.path.clone(),
            key: "env".to_owned(),
            value: Value::map([(variable, value)]),
            place: Place::After(vec!["run"]),
        }
    })
}

/// A command with what joins it to the next one, or to the one before where it is the
/// last.
fn whole(text: &str, span: Range<usize>) -> Range<usize> {
    let rest = text.get(span.end..).unwrap_or("");
    let blank = |part: &str| part.len() - part.trim_start_matches([' ', '\t']).len();
    let after = rest.get(blank(rest)..).unwrap_or("");
    let at = span.end + blank(rest);
    for joint in ["&&", ";", "\r\n", "\n"] {
        if let Some(next) = after.strip_prefix(joint) {
            let mut more = joint.len();
            if joint != "\n" && joint != "\r\n" {
                more += next.len() - next.trim_start().len();
                return span.start..at + more;
            }
            // The whole line, indentation and all.
            let start =
                text.get(..span.start).map_or(0, |head| head.trim_end_matches([' ', '\t']).len());
            return start..at + more;
        }
    }
    let head = text.get(..span.start).unwrap_or("").trim_end();
    let start = ["&&", ";"].iter().find_map(|joint| head.strip_suffix(joint)).unwrap_or(head);
    start.trim_end().len()..span.end
}

/// Where a command names the image; `None` where it is named in a way that cannot be
/// told from something else, or needs the image to lie on the machine.
fn uses_of(
    cell: &Cell,
    command: &Command,
    name: &str,
    reference: &Reference,
) -> Option<Vec<(Range<usize>, String)>> {
    let latest = format!("{name}:latest");
    let mut found = Vec::new();
    let groovy = cell.raw.is_some_and(|(_, groovy)| groovy);
    let (bare, inside) = if groovy {
        (reference.groovy.clone(), reference.groovy.clone())
    } else {
        (reference.shell.clone(), reference.shell.trim_matches('"').to_owned())
    };
    for (index, word) in command.words.iter().enumerate().skip(1) {
        let (at, text) = match word.text.split_once('=') {
            Some((key, value)) if key.starts_with("--") => (key.len() + 1, value),
            _ => (0, word.text.as_str()),
        };
        if text != name && text != latest {
            continue;
        }
        let raw = cell.text.get(word.span.clone())?;
        let plain = raw == word.text;
        let flag = command.words.get(index - 1).map_or("", |word| word.text.as_str());
        // `--name app`, `-n app`: something else by the same name.
        let other = at == 0 && flag.starts_with('-') && !flag.contains("image") && flag != "-t";
        if other {
            continue;
        }
        match (at, plain) {
            (0, _) => found.push((word.span.clone(), bare.clone())),
            (at, true) => {
                let start = word.span.start + at;
                found.push((start..word.span.end, bare.clone()));
            }
            (at, false) if raw.starts_with('"') && raw.ends_with('"') => {
                let start = word.span.start + 1 + at;
                found.push((start..word.span.end - 1, inside.clone()));
            }
            _ => return None,
        }
    }
    let program = command.program();
    let second = command.words.get(1).map_or("", |word| word.text.as_str());
    let on_machine = matches!(program, "docker" | "podman" | "kind" | "minikube" | "k3d")
        && !matches!(second, "run" | "pull" | "scout");
    // One use may be of the image, two are of two things by one name.
    let many = found.len() > 1 && !name.contains('/');
    let unsure = matches!(program, "helm" | "kubectl") && !name.contains('/') && !found.is_empty();
    (found.is_empty() || !(on_machine || many || unsure)).then_some(found)
}
