//! The second job's part: no build, and the image that was pushed in its place.

use std::ops::Range;

use super::Build;
use super::share::{Cell, Reference, cells, is_plain, item_of, posix};
use crate::pipeline::File;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, Phase, Span, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::rule::order;
use crate::pipeline::words::shell::Command;
use crate::pipeline::words::{self, Does};
use crate::pipeline::yaml::value::Value;

/// Takes the build out of the second job and names the image that was pushed.
pub(super) fn consume(
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
                if file.pipeline.platform != Platform::GitHub
                    || at.span.file != 0
                    || !order::is_plain(&file.tree, &step.path)
                {
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
            // A string of a Jenkinsfile goes with its own line.
            kept |= !empty || cell.raw.is_some();
            if let Some((at, _)) = cell.raw {
                if empty {
                    ops.push(line_of(file, at)?);
                    continue;
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
        } else {
            let at = item_of(file, step).filter(|_| unnamed(file, step))?;
            ops.push(Op::Remove { at });
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

/// Whether nothing can speak of a step. Harness gives every step an identifier, which
/// expressions name.
fn unnamed(file: &File, step: &Step) -> bool {
    match &step.id {
        None => true,
        Some(id) => {
            file.pipeline.platform == Platform::Harness && {
                let named = |text: &str| text.contains(id.as_str());
                let text = &file.text;
                text.split("<+").skip(1).all(|rest| !rest.split('>').next().is_some_and(named))
            }
        }
    }
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

/// Takes out the line of a Jenkinsfile that holds one `sh` statement and no more.
fn line_of(file: &File, at: usize) -> Option<Op> {
    let text = &file.text;
    let start = text.get(..at)?.rfind('\n').map_or(0, |found| found + 1);
    let end = text.get(at..)?.find('\n').map_or(text.len(), |found| at + found + 1);
    let line = text.get(start..end)?;
    // What is said of the statement behind it goes with it.
    let close = line.rfind(['\'', '"'])?;
    let line = match line.rfind("//").filter(|at| *at > close) {
        Some(at) => line.get(..at)?.trim(),
        None => line.trim(),
    };
    let inner = line.strip_prefix("sh")?.trim_start().trim_start_matches('(').trim_end_matches(')');
    let alone = ["'", "\""].iter().any(|quote| {
        inner
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
            .is_some_and(|body| !body.is_empty() && !body.contains(quote))
    });
    alone.then(|| Op::Splice { span: Span::new(start..end), text: String::new() })
}
