//! Words and numbers, the same in every output.

use std::collections::BTreeMap;

use super::View;
use crate::finding::{Finding, Severity, Side};
use crate::report::{DropReason, Report};

/// `1 file`, `2 files`, `12,345 files`; the noun takes a plain `s`.
pub fn plural(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count as u64), if count == 1 { "" } else { "s" })
}

/// `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Ascending numbers as ranges: `12–18, 40`. After `limit` ranges, how many lines more.
pub fn ranges(numbers: &[u32], limit: usize) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(number) => *end = number,
            _ => runs.push((number, number)),
        }
    }
    let shown = runs.iter().take(limit).map(|&(a, b)| span(a, b)).collect::<Vec<_>>().join(", ");
    let more: u64 = runs.iter().skip(limit).map(|&(a, b)| u64::from(b - a) + 1).sum();
    if more > 0 { format!("{shown} and {} more", thousands(more)) } else { shown }
}

/// `12` or `12–18`.
pub fn span(first: u32, last: u32) -> String {
    if last > first { format!("{first}–{last}") } else { first.to_string() }
}

/// `src/a.rs:12–18`, with `(before)` where the line is a removed one.
pub fn place(finding: &Finding) -> String {
    let lines = span(finding.line, finding.end_line);
    let before = if finding.side == Side::Old { " (before)" } else { "" };
    format!("{}:{lines}{before}", finding.path)
}

/// `2 high, 1 low`; empty if there is nothing.
pub fn counts(report: &Report) -> String {
    let count = |severity| report.findings.iter().filter(|f| f.severity == severity).count();
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| (count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {severity}"))
        .collect();
    counts.join(", ")
}

/// `14 files, 320 changed lines`.
pub fn extent(report: &Report) -> String {
    let coverage = &report.coverage;
    // Whole files, not a change of them.
    if report.head.is_empty() {
        return plural(coverage.files, "file");
    }
    format!("{}, {}", plural(coverage.files, "file"), plural(coverage.lines, "changed line"))
}

/// The verdict in one line, with its mark.
pub fn verdict(view: &View<'_>) -> String {
    let report = view.report;
    let counts = counts(report);
    let extent = extent(report);
    let failing = report.at_or_above(view.fail_on) > 0;
    let mark = match (failing, view.incomplete, counts.is_empty()) {
        (true, _, _) => "✗",
        (false, true, _) => "!",
        (false, false, false) if view.fail_on.is_none() => "•",
        (false, false, _) => "✓",
    };
    let said = if counts.is_empty() && report.model != "offline" && !view.incomplete {
        format!("looks good, nothing to say about {extent}")
    } else if counts.is_empty() {
        format!("nothing to say about {extent}")
    } else {
        format!("{counts} in {extent}")
    };
    let limit = match view.fail_on {
        Some(limit) if failing => format!(" — fails at {limit}"),
        Some(limit) if !counts.is_empty() => format!(" — none at or above {limit}"),
        _ => String::new(),
    };
    let incomplete = if view.incomplete { " — incomplete" } else { "" };
    format!("{mark} {said}{limit}{incomplete}")
}

/// What was asked and what it cost.
pub fn cost(report: &Report) -> String {
    if report.model == "offline" {
        return "offline: no model was asked".to_owned();
    }
    let usage = &report.usage;
    let cached = if usage.cached_tokens > 0 && usage.input_tokens > 0 {
        let share = usage.cached_tokens.min(usage.input_tokens) * 100 / usage.input_tokens;
        format!(" ({share}% cached)")
    } else {
        String::new()
    };
    format!(
        "{} · {} · {} tokens in{cached}, {} out · {}",
        report.model,
        plural(usage.requests as usize, "request"),
        thousands(usage.input_tokens),
        thousands(usage.output_tokens),
        dollars(usage.cost_usd),
    )
}

/// `$0.0042`, `$1.30`: small amounts keep two figures.
pub fn dollars(amount: f64) -> String {
    if amount > 0.0 && amount < 0.1 { format!("${amount:.4}") } else { format!("${amount:.2}") }
}

/// `75% (30 of 40 new lines)`; rounded down, so that 100% means all.
pub fn share(covered: usize, lines: usize) -> String {
    format!("{}% ({covered} of {})", percent(covered, lines), plural(lines, "new line"))
}

/// Whole per cent, rounded down.
pub fn percent(part: usize, whole: usize) -> usize {
    (part.min(whole) * 100).checked_div(whole).unwrap_or(100)
}

/// Why remarks were left out, with how many each: `3 below min_confidence`.
pub fn dropped(report: &Report) -> Vec<String> {
    let mut counts: BTreeMap<DropReason, usize> = BTreeMap::new();
    report.dropped.iter().for_each(|drop| *counts.entry(drop.reason).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(reason, count)| format!("{count} {}", drop_reason(reason))).collect()
}

/// A reason in words.
pub fn drop_reason(reason: DropReason) -> &'static str {
    match reason {
        DropReason::NotInDiff => "outside the change",
        DropReason::QuoteMismatch => "quoting a line that is not there",
        DropReason::Duplicate => "said twice",
        DropReason::Dismissed => "dismissed by a person before",
        DropReason::LowConfidence => "below min_confidence",
        DropReason::OverLimit => "beyond max_findings",
        DropReason::Refuted => "refuted by a second look",
    }
}

/// Skipped files by reason: how many and the first few, most frequent first.
pub fn skipped(report: &Report) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in &report.coverage.skipped {
        reasons.entry(&file.reason).or_default().push(&file.path);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, paths)| std::cmp::Reverse(paths.len()));
    reasons
}

/// The colour of a severity where there is no other.
pub fn badge(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴",
        Severity::High => "🟠",
        Severity::Medium => "🟡",
        Severity::Low => "🔵",
        Severity::Info => "⚪",
    }
}

/// `rule secrets`, or `anthropic:… · 80% sure`.
pub fn origin(finding: &Finding) -> String {
    match &finding.source {
        crate::finding::Source::Rule(id) => format!("rule {id}"),
        crate::finding::Source::Model(name) => {
            format!("{name} · {:.0}% sure", (finding.confidence.clamp(0.0, 1.0)) * 100.0)
        }
    }
}

/// Inline code with delimiters that its content cannot close. A pipe would end
/// a table's cell even here; a look-alike stands for it.
pub fn code(text: &str) -> String {
    let text = text.replace('|', "∣");
    let runs: Vec<usize> = text.split(|c| c != '`').map(str::len).collect();
    let mark = "`".repeat((1..).find(|length| !runs.contains(length)).unwrap_or(1));
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    if text.trim().is_empty() { String::new() } else { format!("{mark}{pad}{text}{pad}{mark}") }
}

/// The first seven characters of a revision; other names as they are.
pub fn short_revision(revision: &str) -> &str {
    let hex = revision.len() >= 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { &revision[..7] } else { revision }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")];
        for (number, expect) in cases {
            assert_eq!(thousands(number), expect);
        }
        assert_eq!(plural(1, "file"), "1 file");
        assert_eq!(dollars(0.0042), "$0.0042");
        assert_eq!(dollars(1.3), "$1.30");
        assert_eq!(dollars(0.0), "$0.00");
        assert_eq!(share(199, 200), "99% (199 of 200 new lines)");
    }

    #[test]
    fn lines_join_into_ranges() {
        let cases: &[(&[u32], usize, &str)] = &[
            (&[], 5, ""),
            (&[40], 5, "40"),
            (&[12, 13, 14, 18, 40, 41], 5, "12–14, 18, 40–41"),
            (&[1, 3, 5, 6, 7], 2, "1, 3 and 3 more"),
            (&[u32::MAX], 2, "4294967295"),
        ];
        for (numbers, limit, expect) in cases {
            assert_eq!(ranges(numbers, *limit), *expect);
        }
    }

    #[test]
    fn code_cannot_be_closed_from_inside() {
        let cases =
            [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a|b", "`a∣b`"), (" ", "")];
        for (text, expect) in cases {
            assert_eq!(code(text), expect);
        }
    }
}
