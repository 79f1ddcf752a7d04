//! What changed functions lack, the riskiest first, and as findings.

use std::collections::BTreeMap;

use super::changed::{ChangedFile, Function};
use super::cover::Cover;
use super::mutate::Tried;
use super::report::{Gap, Mutants};
use crate::finding::{Finding, Fingerprint, Severity, Side, Source};

/// The rule's name for lines that no test reaches.
const UNREACHED: &str = "tests/unreached";
/// The rule's name for mutants that live.
const SURVIVED: &str = "tests/survived";
/// Most mutants that a finding names.
const MOST_NAMED: usize = 5;

/// A gap for each changed function that lacks something, or of which nothing is known.
pub fn gaps(changed: &[ChangedFile], cover: &Cover, tried: &Tried) -> Vec<Gap> {
    let counts: BTreeMap<&(String, String), &Mutants> =
        tried.counts.iter().map(|(name, counts)| (name, counts)).collect();
    let mut gaps: Vec<(usize, Gap)> = Vec::new();
    for file in changed {
        for function in &file.functions {
            let lines = |is: &dyn Fn(u32) -> bool| {
                function.changed.iter().copied().filter(|line| is(*line)).collect::<Vec<u32>>()
            };
            let key = (file.path.clone(), function.name.clone());
            let gap = Gap {
                path: file.path.clone(),
                function: function.name.clone(),
                lines: [function.lines.start, function.lines.end.saturating_sub(1)],
                uncovered: lines(&|line| cover.is_unreached(&file.path, line)),
                coverage: cover.knows(&file.path),
                half_covered: lines(&|line| cover.is_half(&file.path, line)),
                mutants: counts.get(&key).map(|counts| (*counts).clone()).unwrap_or_default(),
            };
            gaps.push((risk(function, &gap), gap));
        }
    }
    gaps.sort_by(|(a_risk, a), (b_risk, b)| {
        b_risk.cmp(a_risk).then_with(|| (&a.path, a.lines).cmp(&(&b.path, b.lines)))
    });
    gaps.into_iter().map(|(_, gap)| gap).collect()
}

/// What is changed and not looked at weighs most; then what nobody would notice.
fn risk(function: &Function, gap: &Gap) -> usize {
    let unknown = usize::from(!gap.coverage && gap.mutants.tried == 0);
    gap.mutants.survived.len() * 3
        + gap.uncovered.len() * 2
        + gap.half_covered.len()
        + unknown * function.changed.len()
}

/// Whether a function lacks something that is known.
pub fn is_open(gap: &Gap) -> bool {
    !gap.uncovered.is_empty() || !gap.mutants.survived.is_empty() || !gap.half_covered.is_empty()
}

/// The gaps as findings on the change's lines.
pub fn findings(gaps: &[Gap], text: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for gap in gaps {
        let whole = text(&gap.path).unwrap_or_default();
        let quote = |line: u32| whole.lines().nth(line.saturating_sub(1) as usize).unwrap_or("");
        let name = &gap.function;
        if let (Some(first), Some(_)) = (gap.uncovered.first(), gap.uncovered.last()) {
            let end = run_end(&gap.uncovered);
            findings.push(Finding {
                id: Fingerprint::new(&gap.path, Side::New, quote(*first), 0, UNREACHED),
                path: gap.path.clone(),
                side: Side::New,
                line: *first,
                end_line: end,
                severity: Severity::Medium,
                category: "tests".to_owned(),
                confidence: 0.95,
                title: format!(
                    "No test reaches {} of `{name}`",
                    match gap.uncovered.len() {
                        1 => "a changed line".to_owned(),
                        count => format!("{count} changed lines"),
                    }
                ),
                body: format!("By the coverage report: {}.", ranges(&gap.uncovered)),
                suggestion: None,
                source: Source::Rule(UNREACHED.to_owned()),
            });
        }
        let reached: Vec<_> =
            gap.mutants.survived.iter().filter(|one| !gap.uncovered.contains(&one.line)).collect();
        if let Some(first) = reached.first() {
            let named: Vec<String> = reached
                .iter()
                .take(MOST_NAMED)
                .map(|one| format!("- line {}: {}", one.line, one.change))
                .collect();
            let more = reached.len().saturating_sub(MOST_NAMED);
            let more = if more > 0 { format!("\n- and {more} more") } else { String::new() };
            findings.push(Finding {
                id: Fingerprint::new(&gap.path, Side::New, quote(first.line), 0, SURVIVED),
                path: gap.path.clone(),
                side: Side::New,
                line: first.line,
                end_line: first.line,
                severity: Severity::Low,
                category: "tests".to_owned(),
                confidence: 0.85,
                title: format!(
                    "No test notices when `{name}` does something else ({} of {} changes)",
                    gap.mutants.survived.len(),
                    gap.mutants.tried
                ),
                body: format!(
                    "With each of these made to the changed lines, the suite still passes:\n\n{}{more}",
                    named.join("\n")
                ),
                suggestion: None,
                source: Source::Rule(SURVIVED.to_owned()),
            });
        }
    }
    findings
}

/// The end of the first run of lines.
fn run_end(lines: &[u32]) -> u32 {
    let mut end = lines.first().copied().unwrap_or(1);
    for line in lines.iter().skip(1) {
        if *line != end + 1 {
            break;
        }
        end = *line;
    }
    end
}

/// `line 3, lines 7-9`.
pub fn ranges(lines: &[u32]) -> String {
    let mut told: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match told.last_mut() {
            Some((_, end)) if *end + 1 == *line => *end = *line,
            _ => told.push((*line, *line)),
        }
    }
    let told = told.into_iter().map(|(from, to)| match from == to {
        true => format!("line {from}"),
        false => format!("lines {from}-{to}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_in_ranges() {
        assert_eq!(ranges(&[3, 7, 8, 9, 11]), "line 3, lines 7-9, line 11");
        assert_eq!(ranges(&[]), "");
        assert_eq!(run_end(&[3, 4, 6]), 4);
    }
}
