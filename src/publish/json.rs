//! The report as JSON (`--format json`): `pipewright.review/1`, secrets masked.

use crate::finding::Source;
use crate::redact::Scrubber;
use crate::report::Report;

/// Indented, with a line feed at its end.
pub fn render(report: &Report, scrubber: &Scrubber) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(&scrubbed(report, scrubber))?;
    text.push('\n');
    Ok(text)
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
    for file in report.tests.iter_mut().flat_map(|tests| &mut tests.files) {
        clean(&mut file.path);
    }
    report
}
