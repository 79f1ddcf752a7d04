//! The scripts of a file, and places in them.

use super::Context;
use crate::pipeline::graph::{Job, Script, Span, Step};

/// Every script that stands in the file itself, once.
pub(super) fn each<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (&'a Job, &'a Step, &'a Script)> {
    // A script behind an anchor is the same for all jobs that use it.
    let mut seen = std::collections::HashSet::new();
    context
        .pipeline()
        .jobs
        .iter()
        .flat_map(|job| job.steps.iter().map(move |step| (job, step)))
        .filter_map(|(job, step)| Some((job, step, step.script.as_ref()?)))
        .filter(move |(_, _, script)| {
            script.span.file == 0 && seen.insert((script.span, script.text.as_str()))
        })
}

/// The place of a piece of a script in the file: its first line, where that stands
/// there as it is; else the script.
pub(super) fn place(context: &Context<'_>, script: &Script, piece: &str) -> Span {
    let text = context.file.text.as_str();
    let source = text.get(script.span.range()).unwrap_or_default();
    let piece = piece.lines().next().unwrap_or_default().trim();
    match source.find(piece).filter(|_| script.span.file == 0 && !piece.is_empty()) {
        Some(at) => {
            let start = script.span.range().start + at;
            Span::new(start..start + piece.len())
        }
        None => script.span,
    }
}
