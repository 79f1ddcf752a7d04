//! What the rules say of the files: findings on the change's own lines, with fixes
//! that one click applies, and all proven changes together.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::anchor::Index;
use crate::diff::apply::{self, splice};
use crate::diff::{Change, LineKind};
use crate::failure::Failure;
use crate::finding::{Finding, Fingerprint, Side, Source, Suggestion};
use crate::inputs::Inputs;
use crate::pipeline::Files;
use crate::pipeline::check::check;
use crate::pipeline::prove::{Baseline, Gates};
use crate::report::{Coverage, Report, SCHEMA};
use crate::task::pipeline::check as checked;
use crate::task::pipeline::collect::Subject;
use crate::task::pipeline::history::{self, Known};
use crate::task::pipeline::optimize::{self, Made};
use crate::task::pipeline::report::{CheckedFile, OPTIMIZE, OptimizeReport};
use crate::task::pipeline::{propose, settings, show};

/// Longest stretch, in lines, of which any line may be the one that was edited; of a
/// longer one, a whole job say, its first line has to be.
const SHORT: u32 = 3;
/// Most lines that a suggestion replaces.
const MOST_LINES: usize = 40;
/// Most fixes of a file that are tried alone.
const MOST_ALONE: usize = 40;

/// What was seen.
pub struct Looked {
    /// Findings to be told, worst first, and what a report has beside them.
    pub report: Report,
    /// Every finding that holds, on whatever line.
    pub holding: BTreeSet<Fingerprint>,
    /// Findings whose fix is among the proven changes.
    pub mended: BTreeSet<Fingerprint>,
    /// What the platform would refuse: file, line, what is wrong.
    pub problems: Vec<(String, u32, String)>,
    /// Proven changes, suggestions, and what was withheld.
    pub result: OptimizeReport,
    /// The files that change: path in the repository, text before, text after.
    pub files: Vec<(String, String, String)>,
    /// The files' states.
    pub states: Vec<CheckedFile>,
    /// Why the model did not answer.
    pub failure: Option<String>,
}

impl Looked {
    /// Whether there is anything to tell.
    pub fn says_something(&self) -> bool {
        let told = |file: &crate::task::pipeline::report::OptimizedFile| {
            !(file.changes.is_empty() && file.suggestions.is_empty() && file.withheld.is_empty())
        };
        !self.report.findings.is_empty()
            || !self.problems.is_empty()
            || self.result.files.iter().any(told)
    }

    /// What the diff does, in a name that lasts: other files or other rules are another
    /// proposal, other lines are not.
    pub fn digest(&self) -> String {
        use sha2::{Digest as _, Sha256};
        let mut names: Vec<String> = self
            .result
            .files
            .iter()
            .flat_map(|file| {
                file.changes.iter().map(|change| match change.rule.starts_with("model:") {
                    // A model says the same in other words each time.
                    true => format!("{}\0model\0", file.path),
                    false => format!("{}\0{}\0{}\0", file.path, change.rule, change.title),
                })
            })
            .collect();
        names.sort();
        names.dedup();
        let hash = Sha256::digest(names.concat());
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Look at the files. With `change`, only findings on its lines are told; without,
/// all of them. `ask`: a model may be asked, where one is set.
///
/// # Errors
/// The times of past runs cannot be read, or a model is not set up.
pub fn look(
    inputs: &Inputs,
    subjects: Vec<Subject>,
    files: &dyn Files,
    change: Option<&Change>,
    ask: bool,
) -> Result<Looked, Failure> {
    let read: Vec<&crate::pipeline::File> = subjects.iter().filter_map(Subject::file).collect();
    let known = history::load(inputs, &read)?;
    let states = checked::states(&subjects);
    let all = checked::examine(inputs, &subjects, files, &known);
    let holding = all.iter().map(|finding| finding.id.clone()).collect();
    let problems = all
        .iter()
        .filter(|finding| finding.category == "validity")
        .map(|finding| (finding.path.clone(), finding.line, finding.title.clone()))
        .collect();
    let alone = match change {
        Some(_) => fixes_alone(inputs, &subjects, files, &known),
        None => BTreeMap::new(),
    };
    let texts: BTreeMap<String, String> =
        subjects.iter().map(|subject| (subject.path.clone(), subject.text.clone())).collect();
    let mut made = optimize::examine(inputs, subjects, files, &known).map_err(Failure::Inputs)?;
    let said = match ask && !propose::is_offline(inputs) {
        true => optimize::asked(inputs, &mut made, files, &known)?,
        false => optimize::Said { model: "offline".to_owned(), ..optimize::Said::default() },
    };
    let mended = all
        .iter()
        .filter(|finding| is_mended(finding, &made))
        .map(|finding| finding.id.clone())
        .collect();
    let findings = match change {
        Some(change) => on_change(all, change, &texts, &alone),
        None => all,
    };
    let mut notes = show::notes(&states);
    notes.extend(said.failure.iter().map(|why| format!("{why}; the rules answered alone.")));
    let changed = made
        .iter()
        .filter_map(|made| {
            let after = made.after.as_ref()?;
            Some((after.path.clone(), made.text.clone(), after.text.clone()))
        })
        .collect();
    let result = OptimizeReport {
        schema: OPTIMIZE,
        model: said.model.clone(),
        files: made.into_iter().map(|made| made.report).collect(),
        notes: notes.clone(),
        usage: said.usage,
    };
    let report = Report {
        schema: SCHEMA.to_owned(),
        model: said.model,
        base: String::new(),
        head: String::new(),
        summary: String::new(),
        findings,
        dropped: Vec::new(),
        coverage: Coverage {
            files: states.len(),
            files_reviewed: result.files.len(),
            ..Coverage::default()
        },
        usage: said.usage,
        tests: None,
        notes,
        assessment: None,
    };
    let failure = said.failure;
    Ok(Looked { report, holding, mended, problems, result, files: changed, states, failure })
}

/// Whether the proven changes mend the finding.
fn is_mended(finding: &Finding, made: &[Made]) -> bool {
    let Source::Rule(rule) = &finding.source else { return false };
    made.iter().filter(|made| made.report.path == finding.path).any(|made| {
        made.report.changes.iter().any(|change| {
            change.rule == *rule && change.line == finding.line && change.title == finding.title
        })
    })
}

/// Which finding a fix belongs to: file, rule, line and title.
type Named = (String, String, u32, String);

/// The text after each safe fix alone, where that holds by itself: a click applies one
/// and not the others.
fn fixes_alone(
    inputs: &Inputs,
    subjects: &[Subject],
    files: &dyn Files,
    known: &Known,
) -> BTreeMap<Named, String> {
    let chosen = settings::chosen(inputs);
    let gates = Gates::usual();
    let mut fixes = BTreeMap::new();
    for subject in subjects {
        let Some(file) = subject.file() else { continue };
        let baseline = Baseline::new(file, &gates);
        let found = check(file, &chosen, files, known.of(file));
        let safe = found.into_iter().filter_map(|found| {
            let fix = found.hit.fix.filter(|fix| fix.safe && !fix.ops.is_empty())?;
            Some((found.rule.slug, found.line, found.hit.title, fix.ops))
        });
        for (rule, line, title, ops) in safe.take(MOST_ALONE) {
            match baseline.prove(&ops, files, &gates) {
                Ok(proven) => {
                    let name = (subject.path.clone(), rule.to_owned(), line, title);
                    fixes.insert(name, proven.after.text);
                }
                Err(why) => {
                    tracing::debug!(rule, line, "no suggestion: {}", why.reason);
                }
            }
        }
    }
    fixes
}

/// The findings on lines that the change adds or edits, each with its fix where one
/// block within the diff makes it.
fn on_change(
    all: Vec<Finding>,
    change: &Change,
    texts: &BTreeMap<String, String>,
    alone: &BTreeMap<Named, String>,
) -> Vec<Finding> {
    let index = Index::new(change);
    let mut kept = Vec::new();
    for mut finding in all {
        let at = change.files.iter().position(|file| {
            file.new_path.as_ref().and_then(|path| path.to_str()) == Some(finding.path.as_str())
        });
        let Some(at) = at else { continue };
        let file = &change.files[at];
        let touched = |line: u32| {
            file.lines().any(|one| one.kind == LineKind::Added && one.new == Some(line))
        };
        let span = finding.line..=finding.end_line;
        let first = match finding.end_line - finding.line < SHORT {
            true => span.clone().find(|line| touched(*line)),
            false => Some(finding.line).filter(|line| touched(*line)),
        };
        let Some(first) = first else { continue };
        let rule = match &finding.source {
            Source::Rule(rule) => rule.clone(),
            Source::Model(_) => continue,
        };
        let name = (finding.path.clone(), rule, finding.line, finding.title.clone());
        // A name in it may hold line ends, and then marks of Markdown begin a line.
        finding.body = finding.body.split_whitespace().collect::<Vec<_>>().join(" ");
        let offered = alone.get(&name).zip(texts.get(&finding.path)).and_then(|(after, before)| {
            blocks(before, after).into_iter().find_map(|(line, end_line, text)| {
                let anchor = index.at(at, Side::New, line, end_line)?;
                if (anchor.line, anchor.end_line) != (line, end_line) {
                    return None;
                }
                let made =
                    apply::replacement(file, &anchor, &text, Some(before.as_bytes())).ok()?;
                let result = splice(before.as_bytes(), line, end_line, &made.replacement)?;
                (result == after.as_bytes()).then_some((line, end_line, made))
            })
        });
        match offered {
            Some((line, end_line, Suggestion { replacement })) => {
                (finding.line, finding.end_line) = (line, end_line);
                finding.suggestion = Some(Suggestion { replacement });
            }
            None => {
                let Some(anchor) = index.at(at, Side::New, first, finding.end_line) else {
                    continue;
                };
                (finding.line, finding.end_line) = (anchor.line, anchor.end_line);
            }
        }
        kept.push(finding);
    }
    kept
}

/// The one block of lines that differs, as `line..=end_line` and what takes their
/// place. Lines that are only added take a neighbour with them: the one above, or the
/// one below.
fn blocks(before: &str, after: &str) -> Vec<(u32, u32, String)> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let most = old.len().min(new.len());
    let head = (0..most).take_while(|at| old[*at] == new[*at]).count();
    let tail = (0..most - head)
        .take_while(|at| old[old.len() - 1 - at] == new[new.len() - 1 - at])
        .count();
    let (mut ranges, end) = (Vec::new(), old.len() - tail);
    if head < end {
        ranges.push((head, end));
    } else {
        ranges.extend(head.checked_sub(1).map(|above| (above, end)));
        ranges.extend((end < old.len()).then_some((head, end + 1)));
    }
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    ranges
        .into_iter()
        .filter(|(from, to)| to - from <= MOST_LINES)
        .map(|(from, to)| {
            let text = new[from..new.len() - (old.len() - to)].concat();
            let text = text.strip_suffix('\n').unwrap_or(&text).replace("\r\n", "\n");
            let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
            (number(from) + 1, number(to), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_differs_with_a_neighbour_where_nothing_is_replaced() {
        for (before, after, expect) in [
            ("a\nb\nc\n", "a\nx\nc\n", vec![(2, 2, "x")]),
            ("a\nb\nc\n", "a\nc\n", vec![(2, 2, "")]),
            ("a\nc\n", "a\nb\nc\n", vec![(1, 1, "a\nb"), (2, 2, "b\nc")]),
            ("b\n", "a\nb\n", vec![(1, 1, "a\nb")]),
            ("a\n", "a\nb\n", vec![(1, 1, "a\nb")]),
            ("a\r\nb\r\n", "a\r\nx\r\nb\r\n", vec![(1, 1, "a\nx"), (2, 2, "x\nb")]),
            ("a\nb\nc\nd\n", "x\nb\nc\ny\n", vec![(1, 4, "x\nb\nc\ny")]),
        ] {
            let expect: Vec<_> =
                expect.into_iter().map(|(a, b, text)| (a, b, text.to_owned())).collect();
            let blocks = blocks(before, after);
            assert_eq!(blocks, expect, "{before:?}");
            for (line, end, text) in blocks {
                let made = splice(before.as_bytes(), line, end, &text).unwrap();
                assert_eq!(made, after.as_bytes(), "{before:?}");
            }
        }
    }
}
