//! A change as a whole: what kind it is, how much work to review, what it could
//! break, and who should look. Facts alone; no model is asked.
//!
//! *Effort.* Points are changed lines of files that are reviewed, an added line
//! counting 1 and a removed one ½, both times ½ in tests and times ¼ in
//! documentation, settings and dependencies; plus 3 a file. Up to 20 points are
//! effort 1, up to 100 effort 2, up to 300 effort 3, up to 900 effort 4, more is 5.
//!
//! *Risk.* Each fact weighs 1 to 5 (see `facts`); they add up. From 2 on the
//! risk is medium, from 5 on high.
//!
//! *Kind.* Files of one sort alone decide (documentation, tests, …); else the
//! prefix of the title or of the commits (`fix:`), then the title's first word,
//! then the shape of the change. Where nothing tells there is no kind.

mod api;
mod area;

use std::collections::HashMap;

use self::area::{Area, Sort};
use super::owners::Owners;
use crate::diff::{Change, FileDiff, LineKind, Status};
use crate::finding::{Finding, Severity};
use crate::report::{Assessment, ChangeKind, Risk, TestEvidence};

/// Most owners that are named.
pub const MOST_OWNERS: usize = 5;
/// Most facts that are told.
const MOST_REASONS: usize = 3;

/// What is assessed.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The change.
    pub change: &'a Change,
    /// Why each file is not reviewed, as its reviewer has it; `None` if it is.
    /// Same length as the change's files.
    pub skips: &'a [Option<&'static str>],
    /// The title; empty where there is none. Untrusted text.
    pub title: &'a str,
    /// Messages of the commits. Untrusted text.
    pub commits: &'a [String],
    /// What was found.
    pub findings: &'a [Finding],
    /// What tests cover.
    pub tests: Option<&'a TestEvidence>,
    /// `CODEOWNERS` at the base revision.
    pub owners: Option<&'a Owners>,
    /// Those who changed the touched files most, best first: named where no
    /// `CODEOWNERS` names anybody. Untrusted text.
    pub authors: &'a [String],
}

/// Assess a change.
pub fn assess(subject: &Subject<'_>) -> Assessment {
    let files: Vec<Seen<'_>> = subject
        .change
        .files
        .iter()
        .enumerate()
        .map(|(at, diff)| Seen::new(diff, subject.skips.get(at).copied().flatten()))
        .collect();
    let effort = effort(&files);
    let mut facts = facts(subject, &files, effort);
    facts.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let sum: u32 = facts.iter().map(|(weight, _)| weight).sum();
    let risk = match sum {
        0..=1 => Risk::Low,
        2..=4 => Risk::Medium,
        _ => Risk::High,
    };
    let mut reasons: Vec<String> =
        facts.into_iter().take(MOST_REASONS).map(|(_, words)| words).collect();
    if reasons.is_empty() {
        reasons.push(harmless(&files));
    }
    Assessment { kind: kind(subject, &files), effort, risk, reasons, owners: owners(subject) }
}

/// A file as it is weighed.
struct Seen<'a> {
    diff: &'a FileDiff,
    path: String,
    sort: Sort,
    added: usize,
    removed: usize,
    reviewed: bool,
}

impl<'a> Seen<'a> {
    fn new(diff: &'a FileDiff, skip: Option<&'static str>) -> Self {
        let path = diff.path().display();
        let (mut added, mut removed) = (0, 0);
        match diff.patch() {
            Some(patch) => {
                for line in &patch.lines {
                    added += usize::from(line.kind == LineKind::Added);
                    removed += usize::from(line.kind == LineKind::Removed);
                }
            }
            None => added = diff.changed_lines(),
        }
        Seen { diff, sort: area::sort(&path, diff), path, added, removed, reviewed: skip.is_none() }
    }
}

fn effort(files: &[Seen<'_>]) -> u8 {
    let eighths = |file: &Seen<'_>| {
        let share = match file.sort {
            Sort::Code | Sort::Ci => 4,
            Sort::Tests => 2,
            Sort::Docs | Sort::Config | Sort::Dependencies => 1,
        };
        (2 * file.added + file.removed) * share + 8 * 3
    };
    let points = files.iter().filter(|file| file.reviewed).map(eighths).sum::<usize>() / 8;
    match points {
        0..=20 => 1,
        21..=100 => 2,
        101..=300 => 3,
        301..=900 => 4,
        _ => 5,
    }
}

/// Each fact with its weight.
fn facts(subject: &Subject<'_>, files: &[Seen<'_>], effort: u8) -> Vec<(u32, String)> {
    let mut facts = Vec::new();
    let mut add = |weight: u32, words: String| facts.push((weight, words));
    for (severity, weight) in [(Severity::Critical, 5), (Severity::High, 4), (Severity::Medium, 2)]
    {
        let count = subject.findings.iter().filter(|f| f.severity == severity).count();
        if count > 0 {
            add(weight, plural(count, &format!("{severity} finding")));
        }
    }
    // What is documented is no risk, and a test is its own.
    let counts = |file: &&Seen<'_>| !matches!(file.sort, Sort::Docs | Sort::Tests);
    for area in Area::ALL {
        let touched = || files.iter().filter(counts).filter(|f| area.holds(&f.path, f.diff));
        if let Some(first) = touched().next() {
            let more = match touched().count() - 1 {
                0 => String::new(),
                more => format!(" and {}", plural(more, "more file")),
            };
            add(area.weight(), format!("touches {} ({}{more})", area.words(), first.path));
        }
    }
    let code = files.iter().filter(|file| file.sort == Sort::Code && file.reviewed);
    let code: Vec<&FileDiff> = code.map(|file| file.diff).collect();
    let changed = code.iter().map(|diff| api::changed(diff)).sum::<usize>();
    if changed > 0 {
        add(2, format!("changes or removes {}", plural(changed, "public declaration")));
    }
    if let Some(diff) = code.iter().find(|diff| area::is_concurrent(diff)) {
        add(2, format!("touches locks or threads ({})", diff.path()));
    }
    let gone = files.iter().filter(|f| f.sort == Sort::Tests && f.diff.new_path.is_none()).count();
    let less: usize = files
        .iter()
        .filter(|file| file.sort == Sort::Tests && file.diff.new_path.is_some())
        .map(|file| file.removed.saturating_sub(file.added))
        .sum();
    if gone > 0 {
        add(2, format!("deletes {}", plural(gone, "test file")));
    } else if less >= 10 {
        add(1, format!("takes {} out of tests", plural(less, "line")));
    }
    if let Some(tests) = subject.tests {
        let uncovered = tests.lines.saturating_sub(tests.covered);
        if tests.failed > 0 {
            add(3, format!("{} failed", plural(tests.failed, "test")));
        }
        if uncovered > 0 {
            let weight = if uncovered >= 20 || 2 * uncovered > tests.lines { 2 } else { 1 };
            add(weight, format!("{} without a test", plural(uncovered, "new line")));
        }
    }
    if effort >= 4 {
        let lines: usize = files.iter().filter(|f| f.reviewed).map(|f| f.added + f.removed).sum();
        let count = files.iter().filter(|file| file.reviewed).count();
        let extent = format!("{} in {}", plural(lines, "changed line"), plural(count, "file"));
        add(u32::from(effort) - 3, extent);
    }
    facts
}

/// Why nothing speaks for a risk.
fn harmless(files: &[Seen<'_>]) -> String {
    let lines: usize = files.iter().map(|file| file.added + file.removed).sum();
    match uniform(files) {
        Some(Sort::Docs) => "only documentation".into(),
        Some(Sort::Tests) => "only tests".into(),
        _ => format!("{}, nothing sensitive touched", plural(lines, "changed line")),
    }
}

/// The sort of all files, if it is one.
fn uniform(files: &[Seen<'_>]) -> Option<Sort> {
    let first = files.first()?.sort;
    files.iter().all(|file| file.sort == first).then_some(first)
}

fn kind(subject: &Subject<'_>, files: &[Seen<'_>]) -> Option<ChangeKind> {
    match uniform(files) {
        Some(Sort::Docs) => return Some(ChangeKind::Docs),
        Some(Sort::Tests) => return Some(ChangeKind::Tests),
        Some(Sort::Ci) => return Some(ChangeKind::Ci),
        Some(Sort::Config) => return Some(ChangeKind::Config),
        Some(Sort::Dependencies) => return Some(ChangeKind::Dependencies),
        _ => {}
    }
    if let Some(kind) = prefix(subject.title) {
        return Some(kind);
    }
    let mut said = subject.commits.iter().filter_map(|message| prefix(message));
    if let Some(first) = said.next().filter(|first| said.all(|kind| kind == *first)) {
        return Some(first);
    }
    if let Some(kind) = first_word(subject.title) {
        return Some(kind);
    }
    let code = || files.iter().filter(|file| file.sort == Sort::Code);
    let (added, removed) = code().fold((0, 0), |(a, r), f| (a + f.added, r + f.removed));
    code().next()?;
    let new = code().any(|file| file.diff.old_path.is_none() && file.added >= 10);
    let moved = code().all(|file| {
        file.added == 0 && (file.removed > 0 || matches!(file.diff.status, Status::Renamed))
    });
    if new || added > 4 * removed.max(5) {
        Some(ChangeKind::Feature)
    } else if moved {
        Some(ChangeKind::Refactor)
    } else {
        None
    }
}

/// By <https://www.conventionalcommits.org>: `fix(parser)!: …`.
fn prefix(text: &str) -> Option<ChangeKind> {
    let (head, _) = text.lines().next()?.split_once(':')?;
    let head = head.trim().trim_end_matches('!');
    let (word, scope) = match head.split_once('(') {
        Some((word, scope)) => (word, scope.trim_end_matches(')')),
        None => (head, ""),
    };
    match (word.trim().to_ascii_lowercase().as_str(), scope) {
        ("build" | "chore" | "fix", "deps" | "deps-dev" | "dependencies") | ("deps", _) => {
            Some(ChangeKind::Dependencies)
        }
        ("feat" | "feature", _) => Some(ChangeKind::Feature),
        ("fix" | "bugfix" | "hotfix" | "revert", _) => Some(ChangeKind::Bugfix),
        ("refactor" | "perf" | "style" | "cleanup", _) => Some(ChangeKind::Refactor),
        ("docs" | "doc", _) => Some(ChangeKind::Docs),
        ("test" | "tests", _) => Some(ChangeKind::Tests),
        ("ci", _) => Some(ChangeKind::Ci),
        ("config" | "conf", _) => Some(ChangeKind::Config),
        _ => None,
    }
}

fn first_word(title: &str) -> Option<ChangeKind> {
    let word = title.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty())?;
    match word.to_ascii_lowercase().as_str() {
        "fix" | "fixes" | "fixed" | "hotfix" | "repair" | "correct" | "revert" => {
            Some(ChangeKind::Bugfix)
        }
        "add" | "adds" | "implement" | "introduce" | "support" | "allow" => {
            Some(ChangeKind::Feature)
        }
        "refactor" | "rename" | "move" | "extract" | "simplify" | "clean" | "cleanup"
        | "inline" => Some(ChangeKind::Refactor),
        "bump" | "upgrade" => Some(ChangeKind::Dependencies),
        "document" => Some(ChangeKind::Docs),
        _ => None,
    }
}

/// Owners of the touched paths: of the most specific rule first, then of most
/// changed lines; else who changed these files most.
fn owners(subject: &Subject<'_>) -> Vec<String> {
    let mut rank: HashMap<&str, (usize, usize)> = HashMap::new();
    for file in &subject.change.files {
        let Some(owners) = subject.owners else { break };
        for one in owners.of(&file.path().display()) {
            for owner in one.owners {
                let entry = rank.entry(owner).or_default();
                entry.0 = entry.0.max(one.specific);
                entry.1 += file.changed_lines();
            }
        }
    }
    let mut ranked: Vec<(&str, (usize, usize))> = rank.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let mut names: Vec<String> = ranked.into_iter().map(|(name, _)| name.to_owned()).collect();
    if names.is_empty() {
        names = subject.authors.to_vec();
    }
    names.truncate(MOST_OWNERS);
    names
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
