//! What the rules, the schema and the checks of meaning say of one file.

use super::ignore;
use super::rule::{Context, FixKind, Group, Hit, RULES, Rule};
use super::timing::History;
use super::{File, Files};
use crate::finding::Severity;

/// A rule as it is set for a run.
#[derive(Debug, Clone, Copy)]
pub struct Chosen {
    /// The rule.
    pub rule: &'static Rule,
    /// Whether its safe fixes may be made.
    pub fix: bool,
    /// How bad its findings are, where that is set.
    pub severity: Option<Severity>,
}

/// All rules as they are without any setting.
pub fn all() -> Vec<Chosen> {
    RULES
        .iter()
        .map(|rule| Chosen { rule, fix: rule.fix != FixKind::Suggest, severity: None })
        .collect()
}

/// Something that a rule found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose finding it is.
    pub rule: &'static Rule,
    /// How bad it is, by the setting, the finding or the rule.
    pub severity: Severity,
    /// What it is about.
    pub group: Group,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// What was found; its fix is marked unsafe where fixes are switched off.
    pub hit: Hit,
}

/// Starts of a text's lines, in bytes.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Of this text.
    pub fn new(text: &str) -> Self {
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Lines(std::iter::once(0).chain(breaks).collect())
    }

    /// The line that a byte stands on, from 1.
    pub fn of(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= byte)).unwrap_or(u32::MAX)
    }

    /// First and last line of a range of bytes.
    pub fn span(&self, range: &std::ops::Range<usize>) -> (u32, u32) {
        let first = self.of(range.start);
        (first, self.of(range.end.saturating_sub(1).max(range.start)).max(first))
    }
}

/// Runs the rules over a file. What stands in an included file, and what a remark
/// puts aside, is left out. By place, then by rule.
pub fn check(
    file: &File,
    chosen: &[Chosen],
    files: &dyn Files,
    history: Option<&History>,
) -> Vec<Found> {
    let context = Context { file, files, history };
    let lines = Lines::new(&file.text);
    let ignores = ignore::read(&file.text);
    let mut found = Vec::new();
    let mut hits = Vec::new();
    for chosen in chosen {
        let rule = chosen.rule;
        if !rule.platforms.contains(&file.pipeline.platform) {
            continue;
        }
        (rule.check)(&context, &mut hits);
        for mut hit in hits.drain(..).filter(|hit| hit.span.file == 0) {
            let (line, end_line) = lines.span(&hit.span.range());
            if ignores.covers(rule.slug, line) {
                continue;
            }
            if let Some(fix) = &mut hit.fix {
                fix.safe &= chosen.fix && rule.fix != FixKind::Suggest;
            }
            found.push(Found {
                rule,
                severity: chosen.severity.or(hit.severity).unwrap_or(rule.severity),
                group: rule.group,
                line,
                end_line,
                hit,
            });
        }
    }
    found.sort_by(|a, b| {
        (a.line, a.rule.slug, &a.hit.title).cmp(&(b.line, b.rule.slug, &b.hit.title))
    });
    found.dedup_by(|a, b| {
        (a.line, a.rule.slug, &a.hit.title) == (b.line, b.rule.slug, &b.hit.title)
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_know_their_lines() {
        let lines = Lines::new("a\nbc\n\nd");
        for (range, expected) in
            [(0..1, (1, 1)), (0..2, (1, 1)), (2..6, (2, 3)), (6..7, (4, 4)), (7..7, (4, 4))]
        {
            assert_eq!(lines.span(&range), expected, "{range:?}");
        }
    }
}
