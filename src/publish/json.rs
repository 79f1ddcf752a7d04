//! The report as JSON (`--format json`): `pipewright.review/1`, secrets masked.

use crate::finding::Source;
use crate::redact::Scrubber;
use crate::report::Report;

/// Indented, with a line feed at its end.
pub fn render(report: &Report, scrubber: &Scrubber) -> anyhow::Result<String> {
    let mut text = inert(serde_json::to_string_pretty(&scrubbed(report, scrubber))?);
    text.push('\n');
    Ok(text)
}

/// JSON with the same values, in which nothing acts on what prints it: what is
/// not seen is written as its number, and what a CI runner takes for a command
/// (`##[group]`, anywhere in a line) is broken up by one.
pub(crate) fn inert(json: String) -> String {
    let hidden = |c: char| (c.is_control() && c != '\n') || crate::redact::is_invisible(c);
    let mut text = if json.contains(hidden) {
        let mut shown = String::with_capacity(json.len());
        for c in json.chars() {
            if hidden(c) {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    shown += &format!("\\u{unit:04x}");
                }
            } else {
                shown.push(c);
            }
        }
        shown
    } else {
        json
    };
    for (order, broken) in [("##[", "#\\u0023["), ("##vso[", "#\\u0023vso[")] {
        if text.contains(order) {
            text = text.replace(order, broken);
        }
    }
    text
}

/// The report with every secret masked. Text is otherwise as it was said: JSON
/// is data, and whoever shows it has to escape it for the place where it is shown.
pub fn scrubbed(report: &Report, scrubber: &Scrubber) -> Report {
    let mut report = report.clone();
    let clean = |text: &mut String| {
        if let std::borrow::Cow::Owned(masked) = scrubber.scrub(text) {
            *text = masked;
        }
    };
    clean(&mut report.summary);
    clean(&mut report.model);
    report.notes.iter_mut().for_each(clean);
    for finding in &mut report.findings {
        clean(&mut finding.path);
        clean(&mut finding.category);
        match &mut finding.source {
            Source::Rule(name) | Source::Model(name) => clean(name),
        }
        clean(&mut finding.title);
        clean(&mut finding.body);
        // A masked replacement would write the mask into the file.
        if finding
            .suggestion
            .as_ref()
            .is_some_and(|s| scrubber.scrub(&s.replacement) != s.replacement)
        {
            finding.suggestion = None;
        }
    }
    for dropped in &mut report.dropped {
        clean(&mut dropped.path);
        clean(&mut dropped.title);
    }
    for skipped in &mut report.coverage.skipped {
        clean(&mut skipped.path);
        clean(&mut skipped.reason);
    }
    if let Some(assessment) = &mut report.assessment {
        assessment.reasons.iter_mut().chain(&mut assessment.owners).for_each(clean);
    }
    for file in report.tests.iter_mut().flat_map(|tests| &mut tests.files) {
        clean(&mut file.path);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_is_printed_acts_on_nothing_and_keeps_its_values() {
        let value =
            serde_json::json!({"a": "x\u{202e}y ##[group]z ##vso[q] \u{9b}\u{7f}\u{e0041}é"});
        let text = inert(serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains("##[") && !text.contains("##vso["), "{text}");
        assert!(!text.contains(|c: char| crate::redact::is_invisible(c)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
