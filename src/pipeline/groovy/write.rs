//! Edits of Jenkinsfiles, as splices that keep every byte they do not change: options
//! and directives put in, stages put into `parallel`, steps wrapped, strings rewritten.
//!
//! Places are the paths of the job graph ([`crate::pipeline::graph::Job::path`]); the
//! empty path is the pipeline itself. `None` means that the edit cannot be made
//! without a doubt: the place is no stage, or the code around it is written in a way
//! that is not understood.

mod stages;
mod strings;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::ops::Range;

pub use stages::{move_stage, parallelise};
pub use strings::{replace_literal, unquote_values};

use super::lex::{Kind, tokens};
use super::{Block, Call, Tree, parse};
use crate::pipeline::dialect::jenkins::model::{self, Model, Stage};
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Path, Seg, Span};

/// The line's end that a text uses.
fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Where a byte's line starts.
fn line_start(text: &str, at: usize) -> usize {
    let head = text.as_bytes().get(..at).unwrap_or_default();
    memchr::memrchr(b'\n', head).map_or(0, |found| found + 1)
}

/// Where the line behind a byte's line starts, or the end of the text.
fn next_line(text: &str, at: usize) -> usize {
    let tail = text.as_bytes().get(at..).unwrap_or_default();
    memchr::memchr(b'\n', tail).map_or(text.len(), |found| at + found + 1)
}

/// The blanks that a byte's line starts with.
fn indent(text: &str, at: usize) -> &str {
    let line = text.get(line_start(text, at)..).unwrap_or_default();
    let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(..blanks).unwrap_or_default()
}

/// Whether only blanks stand before a byte on its line.
fn begins_line(text: &str, at: usize) -> bool {
    text.get(line_start(text, at)..at).is_some_and(|head| head.trim().is_empty())
}

/// Whether only blanks or a comment stand behind a byte on its line.
fn ends_line(text: &str, at: usize) -> bool {
    let rest = text.get(at..next_line(text, at)).unwrap_or_default().trim();
    let one_line = rest.starts_with("/*") && rest.find("*/") == Some(rest.len().wrapping_sub(2));
    rest.is_empty() || rest.starts_with("//") || one_line
}

/// One step of indentation below this block.
fn unit(text: &str, block: &Block) -> String {
    let outer = indent(text, block.span.start);
    let first = block.statements.iter().map(|statement| statement.span().start);
    let first = first.filter(|at| begins_line(text, *at)).map(|at| indent(text, at)).next();
    match first.and_then(|inner| inner.strip_prefix(outer)) {
        Some(step) if !step.is_empty() => step.to_owned(),
        _ if outer.starts_with('\t') => "\t".to_owned(),
        _ => "    ".to_owned(),
    }
}

/// Lines, each below `outer`; their own steps of four blanks become `unit`.
fn indented(lines: &str, outer: &str, unit: &str, newline: &str) -> String {
    let mut out = String::new();
    for line in lines.lines() {
        let inner = line.trim_start_matches(' ');
        if !inner.is_empty() {
            let blanks = line.len() - inner.len();
            out.push_str(outer);
            out.push_str(&unit.repeat(blanks / 4));
            out.push_str(&" ".repeat(blanks % 4));
            out.push_str(inner);
        }
        out.push_str(newline);
    }
    out
}

fn splice(span: Range<usize>, text: impl Into<String>) -> Op {
    Op::Splice { span: Span::new(span), text: text.into() }
}

/// The strings of a text, those in strings' values left out.
fn strings(text: &str) -> Vec<Range<usize>> {
    let list = tokens(text).map(|tokens| tokens.list).unwrap_or_default();
    list.into_iter()
        .filter(|token| matches!(token.kind, Kind::Text(_)))
        .map(|token| token.span)
        .collect()
}

/// Starts of the lines of a range whose indentation may change: those that are not
/// empty and do not begin inside a string.
fn free_lines(text: &str, range: Range<usize>, strings: &[Range<usize>]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let next = next_line(text, at);
        let place = strings.partition_point(|string| string.end <= at);
        let inside = strings.get(place).is_some_and(|string| string.start < at);
        if !inside && !text.get(at..next).unwrap_or_default().trim().is_empty() {
            found.push(at);
        }
        at = next;
    }
    found
}

/// The block of the pipeline or of a stage.
fn body<'t>(model: &Model<'t>, at: &[Seg]) -> Option<&'t Block> {
    if at.is_empty() { Some(model.body) } else { stage(&model.stages, at).map(|stage| stage.body) }
}

fn stage<'m, 't>(stages: &'m [Stage<'t>], at: &[Seg]) -> Option<&'m Stage<'t>> {
    let around = stages.iter().find(|stage| at.starts_with(&stage.path))?;
    if around.path == at { Some(around) } else { stage(around.stages(), at) }
}

/// What the pipeline's or a stage's `options` hold: names with their places.
pub fn options(text: &str, at: &Path) -> Vec<(String, Span)> {
    let Ok(tree) = parse(text) else { return Vec::new() };
    let Ok(model) = model::find(text, &tree) else { return Vec::new() };
    let block =
        body(&model, at).and_then(|body| body.find("options")).and_then(|call| call.block.as_ref());
    let calls = block.into_iter().flat_map(Block::calls);
    calls.map(|call| (call.name.clone(), Span::new(call.span.clone()))).collect()
}

/// Puts an option into the `options` of the pipeline or a stage, which are made where
/// they are missing. `None` too where it is there already.
pub fn insert_option(text: &str, at: &Path, option: &str) -> Option<Vec<Op>> {
    let tree = parse(text).ok()?;
    let model = model::find(text, &tree).ok()?;
    let body = body(&model, at)?;
    let Some(call) = body.find("options") else {
        let lines: String = option.lines().map(|line| format!("    {line}\n")).collect();
        return insert_directive(text, at, &format!("options {{\n{lines}}}"));
    };
    let block = call.block.as_ref()?;
    let name = option.split(['(', ' ']).next().unwrap_or(option);
    if block.calls().any(|call| call.name == name) {
        return None;
    }
    append(text, block, option).map(|op| vec![op])
}

/// A new last statement of a block.
fn append(text: &str, block: &Block, lines: &str) -> Option<Op> {
    let inner = text.get(block.inner())?;
    let close = block.inner().end;
    let unit = unit(text, block);
    let outer = indent(text, block.span.start);
    let newline = newline(text);
    let end = block.inner().start + inner.trim_end().len();
    if !inner.contains('\n') {
        if lines.contains('\n') {
            return None;
        }
        let joint =
            if inner.trim().is_empty() || inner.trim_end().ends_with(';') { " " } else { "; " };
        let behind = if end == close { " " } else { "" };
        return Some(splice(end..end, format!("{joint}{lines}{behind}")));
    }
    let first = block.statements.first().map(|statement| statement.span().start);
    let inside = match first.filter(|at| begins_line(text, *at)) {
        Some(at) => indent(text, at).to_owned(),
        None => format!("{outer}{unit}"),
    };
    let new = indented(lines, &inside, &unit, newline);
    if begins_line(text, close) {
        let at = line_start(text, close);
        return Some(splice(at..at, new));
    }
    Some(splice(end..end, format!("{newline}{}", new.trim_end())))
}

/// Sections that others stand before.
const LAST: [&str; 6] = ["stages", "steps", "parallel", "matrix", "post", "failFast"];

/// Puts a directive (`agent { label 'x' }`, several lines with steps of four blanks
/// for indentation) into the pipeline or a stage: behind its `agent`, or else at its
/// beginning. `None` too where one of that name is there already.
pub fn insert_directive(text: &str, at: &Path, directive: &str) -> Option<Vec<Op>> {
    let tree = parse(text).ok()?;
    let model = model::find(text, &tree).ok()?;
    let body = body(&model, at)?;
    let name = directive.split([' ', '(', '{']).next().unwrap_or(directive);
    if body.find(name).is_some() {
        return None;
    }
    let newline = newline(text);
    let unit = unit(text, body);
    let outer = indent(text, body.span.start);
    let anchor = body.find("agent");
    // On one line: before the section that does the work.
    if !text.get(body.inner())?.contains('\n') {
        let before = body.calls().find(|call| LAST.contains(&call.name.as_str()))?;
        let start = before.span.start;
        return Some(vec![splice(start..start, format!("{}; ", on_one_line(directive)))]);
    }
    let (after, inside) = match anchor {
        Some(call) => (call.span.end, indent(text, call.span.start).to_owned()),
        None => {
            let first = body.statements.first().map(|statement| statement.span().start);
            let first =
                first.filter(|at| begins_line(text, *at)).map(|at| indent(text, at).to_owned());
            (body.span.start + 1, first.unwrap_or_else(|| format!("{outer}{unit}")))
        }
    };
    if let Some(call) = anchor
        && !begins_line(text, call.span.start)
    {
        return None;
    }
    if !ends_line(text, after) {
        // Something else stands on the line: `pipeline { agent any`.
        let next = body
            .calls()
            .find(|call| call.span.start >= after && LAST.contains(&call.name.as_str()))?;
        if !begins_line(text, next.span.start) {
            return None;
        }
        let at = line_start(text, next.span.start);
        return Some(vec![splice(
            at..at,
            indented(directive, indent(text, next.span.start), &unit, newline),
        )]);
    }
    let at = next_line(text, after);
    Some(vec![splice(at..at, indented(directive, &inside, &unit, newline))])
}

/// A directive's lines on one: statements between semicolons.
fn on_one_line(lines: &str) -> String {
    let mut out = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push_str(if out.ends_with('{') || line.starts_with('}') { " " } else { "; " });
        }
        out.push_str(line);
    }
    out
}

/// Wraps steps of stages in blocks: a Jenkinsfile that is looked at once, however many
/// of its stages are asked for.
pub struct Wrapper<'t> {
    text: &'t str,
    model: Model<'t>,
    strings: OnceCell<Vec<Range<usize>>>,
}

impl<'t> Wrapper<'t> {
    /// Of a text, with its tree. `None` where it has no declarative pipeline.
    pub fn new(text: &'t str, tree: &'t Tree) -> Option<Self> {
        Some(Wrapper { text, model: model::find(text, tree).ok()?, strings: OnceCell::new() })
    }

    /// Wraps all steps of a stage: `head` is what stands before the brace
    /// (`lock(resource: 'prod')`).
    pub fn wrap(&self, at: &Path, head: &str) -> Option<Vec<Op>> {
        let call: &Call = body(&self.model, at).filter(|_| !at.is_empty())?.find("steps")?;
        let block = call.block.as_ref()?;
        if block.statements.is_empty() {
            return None;
        }
        wrap_block(self.text, block, head, &|| self.strings.get_or_init(|| strings(self.text)))
    }
}

fn wrap_block<'s>(
    text: &str,
    block: &Block,
    head: &str,
    strings: &dyn Fn() -> &'s Vec<Range<usize>>,
) -> Option<Vec<Op>> {
    let inner = block.inner();
    let content = text.get(inner.clone())?;
    if !content.contains('\n') {
        let end = inner.start + content.trim_end().len();
        let start = inner.start + (content.len() - content.trim_start().len());
        let gap = if start == inner.start { " " } else { "" };
        return Some(vec![
            splice(start..start, format!("{gap}{head} {{ ")),
            splice(end..end, if end == inner.end { " } " } else { " }" }),
        ]);
    }
    if !ends_line(text, inner.start) || !begins_line(text, inner.end) {
        return None;
    }
    let unit = unit(text, block);
    let inside = format!("{}{unit}", indent(text, inner.end));
    let newline = newline(text);
    let (from, to) = (next_line(text, inner.start), line_start(text, inner.end));
    let mut ops = Vec::new();
    let mut opening = format!("{inside}{head} {{{newline}");
    for line in free_lines(text, from..to, strings()) {
        if line == from {
            opening.push_str(&unit);
        } else {
            ops.push(splice(line..line, unit.clone()));
        }
    }
    ops.insert(0, splice(from..from, opening));
    ops.push(splice(to..to, format!("{inside}}}{newline}")));
    Some(ops)
}
