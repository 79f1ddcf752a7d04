//! Edits of stages as wholes.

use std::ops::Range;

use super::{
    begins_line, ends_line, free_lines, indent, line_start, newline, next_line, splice, strings,
    unit,
};
use crate::pipeline::dialect::jenkins::model::{self, Inner, Model, Stage};
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Path, Seg};
use crate::pipeline::groovy::parse;

/// Puts stages that stand one after the other into a new stage, side by side, so that
/// the first failure ends them all. Their own names stay; the new one is named after
/// them. `None` where they are not such a run, where they lie in a `parallel` or
/// `matrix` or hold one (Jenkins nests neither), or share lines with other code.
pub fn parallelise(text: &str, paths: &[Path]) -> Option<Vec<Op>> {
    let tree = parse(text).ok()?;
    let model = model::find(text, &tree).ok()?;
    let (first, last) = (paths.first()?, paths.last()?);
    if paths.len() < 2
        || first
            .iter()
            .any(|seg| matches!(seg, Seg::Key(key) if key == "parallel" || key == "matrix"))
    {
        return None;
    }
    let (siblings, block) = siblings(&model, first)?;
    let start = place(first)?;
    for (count, path) in paths.iter().enumerate() {
        if path.split_last()?.1 != first.split_last()?.1 || place(path)? != start + count {
            return None;
        }
    }
    let run = siblings.get(start..=place(last)?)?;
    if run.iter().any(nests) {
        return None;
    }
    let mut names: Vec<&str> = Vec::new();
    all_names(&model.stages, &mut names);
    let mut name = run.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>().join(", ");
    while names.contains(&name.as_str()) {
        name.push_str(" in parallel");
    }
    let name = name.replace('\\', "\\\\").replace('\'', "\\'").replace(['\n', '\r'], " ");
    let (head, tail) = (run.first()?, run.last()?);
    if !begins_line(text, head.call.span.start) || !ends_line(text, tail.call.span.end) {
        return None;
    }
    let between = run.windows(2).all(|pair| match pair {
        [one, two] => ends_line(text, one.call.span.end) && begins_line(text, two.call.span.start),
        _ => true,
    });
    if !between {
        return None;
    }
    let range = lines_of(text, head).start..lines_of(text, tail).end;
    let outer = indent(text, head.call.span.start);
    let unit = unit(text, block);
    let newline = newline(text);
    let mut opening = format!(
        "{outer}stage('{name}') {{{newline}{outer}{unit}failFast true{newline}{outer}{unit}parallel {{{newline}"
    );
    let step = unit.repeat(2);
    let mut ops = Vec::new();
    for line in free_lines(text, range.clone(), &strings(text)) {
        if line == range.start {
            opening.push_str(&step);
        } else {
            ops.push(splice(line..line, step.clone()));
        }
    }
    ops.insert(0, splice(range.start..range.start, opening));
    let closed = text.get(..range.end).is_some_and(|head| head.ends_with('\n'));
    let gap = if closed { "" } else { newline };
    let closing = format!("{gap}{outer}{unit}}}{newline}{outer}}}{newline}");
    ops.push(splice(range.end..range.end, closing));
    Some(ops)
}

/// Moves a stage before another of the same list, with the comments right above it.
pub fn move_stage(text: &str, from: &Path, before: &Path) -> Option<Vec<Op>> {
    let tree = parse(text).ok()?;
    let model = model::find(text, &tree).ok()?;
    if from == before || from.split_last()?.1 != before.split_last()?.1 {
        return None;
    }
    let (siblings, _) = siblings(&model, from)?;
    let (moved, target) = (siblings.get(place(from)?)?, siblings.get(place(before)?)?);
    for stage in [moved, target] {
        if !begins_line(text, stage.call.span.start) || !ends_line(text, stage.call.span.end) {
            return None;
        }
    }
    let range = lines_of(text, moved);
    let at = lines_of(text, target).start;
    let lines = text.get(range.clone())?;
    if !lines.ends_with('\n') {
        return None;
    }
    let lines = lines.to_owned();
    Some(if at < range.start {
        vec![splice(at..at, lines), splice(range, "")]
    } else {
        vec![splice(range, ""), splice(at..at, lines)]
    })
}

/// A stage's lines, with those of comments right above it.
fn lines_of(text: &str, stage: &Stage<'_>) -> Range<usize> {
    let mut start = line_start(text, stage.call.span.start);
    while start > 0 {
        let above = line_start(text, start - 1);
        if !text.get(above..start).unwrap_or_default().trim_start().starts_with("//") {
            break;
        }
        start = above;
    }
    start..next_line(text, stage.call.span.end)
}

fn place(path: &[Seg]) -> Option<usize> {
    match path.last() {
        Some(Seg::Index(place)) => Some(*place),
        _ => None,
    }
}

/// The list that a stage stands in, and the block around it.
fn siblings<'m, 't>(
    model: &'m Model<'t>,
    path: &[Seg],
) -> Option<(&'m [Stage<'t>], &'t crate::pipeline::groovy::Block)> {
    fn below<'m, 't>(
        stages: &'m [Stage<'t>],
        path: &[Seg],
    ) -> Option<(&'m [Stage<'t>], Option<&'m Stage<'t>>)> {
        let found = stages.iter().find(|stage| path.starts_with(&stage.path))?;
        if found.path == path {
            return Some((stages, None));
        }
        let (list, around) = below(found.stages(), path)?;
        Some((list, around.or(Some(found))))
    }
    let (list, around) = below(&model.stages, path)?;
    let body = around.map_or(model.body, |stage| stage.body);
    // Two `stages` sections are one too many: which is meant cannot be told.
    let mut blocks = body.calls().filter(|call| call.name == "stages");
    let block = blocks.next()?.block.as_ref()?;
    blocks.next().is_none().then_some((list, block))
}

/// Whether it holds a `parallel` or `matrix`.
fn nests(stage: &Stage<'_>) -> bool {
    match &stage.inner {
        Inner::Steps => false,
        Inner::Parallel(_) | Inner::Matrix(..) => true,
        Inner::Sequence(stages) => stages.iter().any(nests),
    }
}

fn all_names<'m>(stages: &'m [Stage<'_>], names: &mut Vec<&'m str>) {
    for stage in stages {
        names.push(&stage.name);
        all_names(stage.stages(), names);
    }
}
