//! Scanners' results on added lines.

use std::collections::HashMap;

use super::lines::{Span, Touched};
use super::{alike, fix, of_score};
use crate::diff::Status;
use crate::evidence::paths::Reported;
use crate::evidence::sarif::{Level, Log, Place, Region, Rule, Run, ScanResult, State};
use crate::evidence::text;
use crate::finding::{Finding, Severity, Side, Source};

/// The most characters of a title, and bytes of a message in a body.
const MOST_TITLE: usize = 120;
const MOST_BODY: usize = 4000;

/// One finding for every open result with a place on an added line.
pub(super) fn findings(touched: &Touched<'_>, log: &Log, findings: &mut Vec<Finding>) {
    for run in &log.runs {
        let open = || run.results.iter().filter(|result| result.state == State::Open);
        let mut paths: Vec<&str> = open()
            .flat_map(|result| result.places.iter().map(|place| place.path.as_str()))
            .chain(open().filter_map(|result| Some(result.fix.as_ref()?.path.as_str())))
            .collect();
        paths.sort_unstable();
        paths.dedup();
        let reported: Vec<_> =
            paths.iter().map(|path| Reported { path, ..Reported::default() }).collect();
        let files: HashMap<&str, usize> = paths
            .iter()
            .zip(touched.resolve_all(&reported))
            .filter_map(|(path, file)| Some((*path, file?)))
            .collect();
        if files.is_empty() {
            continue;
        }
        findings.extend(open().filter_map(|result| finding(touched, run, result, &files)));
    }
}

fn finding(
    touched: &Touched<'_>,
    run: &Run,
    result: &ScanResult,
    files: &HashMap<&str, usize>,
) -> Option<Finding> {
    let (file, mut span) = result.places.iter().find_map(|place| {
        let file = *files.get(place.path.as_str())?;
        Some((file, stands(touched, file, place)?))
    })?;
    let lines = touched.lines(file);
    let mut suggestion = None;
    if let Some(edit) = &result.fix
        && files.get(edit.path.as_str()) == Some(&file)
        && let Some((edited, text)) = fix::suggestion(lines, edit)
        && edited.first <= span.last
        && span.first <= edited.last
    {
        span = edited;
        suggestion = Some(text);
    }
    let none = Rule::default();
    let rule = result.rule.and_then(|index| run.rules.get(index)).unwrap_or(&none);
    let tool = slug(&run.tool);
    let name = if result.rule_id.is_empty() { "result" } else { &result.rule_id };
    let what = format!("{tool}/{name}");
    let title = [Some(&result.message), rule.short.as_ref(), rule.name.as_ref()]
        .into_iter()
        .flatten()
        .map(|text| text::first_line(text, MOST_TITLE))
        .find(|title| !title.is_empty())
        .unwrap_or_else(|| what.clone());
    Some(Finding {
        id: touched.fingerprint(file, span, &what),
        path: touched.path(file),
        side: Side::New,
        line: lines.lines[span.first].number,
        end_line: lines.lines[span.last].number,
        severity: severity(result, rule),
        category: if is_security(result, rule) { "security" } else { "scanner" }.to_owned(),
        confidence: confidence(result, rule),
        body: body(run, result, rule, &title),
        title,
        suggestion,
        source: Source::Rule(what),
    })
}

/// The lines that a result's place is about.
fn stands(touched: &Touched<'_>, file: usize, place: &Place) -> Option<Span> {
    match place.region {
        Some(Region { start, end, end_column, .. }) => {
            // A region that ends before a line's first column is not about that line.
            let end = if end_column == Some(1) && end > start { end - 1 } else { end };
            touched.place(file, start, end)
        }
        // About the file as a whole: only a new one is the change's.
        None if touched.file(file).status == Status::Added => touched.place(file, 1, 1),
        None => None,
    }
}

/// `Semgrep OSS` → `semgrep-oss`.
fn slug(tool: &str) -> String {
    let mut slug = String::with_capacity(tool.len());
    for c in tool.trim().chars() {
        if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') {
            slug.extend(c.to_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "sarif".to_owned() } else { slug.to_owned() }
}

/// A score, else a word of the tool's own, else the level.
///
/// Many linters call everything they find an error, line lengths included. An
/// error is taken for one that should block a merge only where the tool classes
/// the rule as security or vouches for its precision.
fn severity(result: &ScanResult, rule: &Rule) -> Severity {
    let word = |word: &str| match word {
        "critical" => Some(Severity::Critical),
        "high" => Some(Severity::High),
        "medium" | "moderate" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "info" | "informational" => Some(Severity::Info),
        _ => None,
    };
    // Trivy and its kin tag a rule with its severity, in capitals.
    let tag = || {
        let loud = |tag: &&String| tag.bytes().all(|byte| byte.is_ascii_uppercase());
        rule.tags.iter().filter(loud).find_map(|tag| word(&tag.to_ascii_lowercase()))
    };
    let level = || {
        let precise = matches!(rule.precision.as_deref(), Some("high" | "very-high"));
        let grave = precise || is_security(result, rule);
        match result.level {
            Level::Error if grave => Severity::High,
            Level::Warning if grave => Severity::Medium,
            Level::Error => Severity::Medium,
            Level::Warning | Level::Note => Severity::Low,
            Level::None => Severity::Info,
        }
    };
    let score = result.security_severity.or(rule.security_severity);
    score
        .and_then(of_score)
        .or_else(|| result.severity.as_deref().and_then(word))
        .or_else(tag)
        .unwrap_or_else(level)
}

fn is_security(result: &ScanResult, rule: &Rule) -> bool {
    let tagged = |tag: &String| {
        let tag = tag.to_ascii_lowercase();
        ["security", "vulnerability", "cwe-"].iter().any(|word| tag.contains(word))
    };
    result.security_severity.or(rule.security_severity).is_some() || rule.tags.iter().any(tagged)
}

fn confidence(result: &ScanResult, rule: &Rule) -> f64 {
    let word = result.confidence.as_deref().or(rule.precision.as_deref()).unwrap_or_default();
    match word {
        "very-high" => 0.95,
        "high" => 0.9,
        "medium" => 0.7,
        "low" => 0.5,
        _ => 0.8,
    }
}

fn body(run: &Run, result: &ScanResult, rule: &Rule, title: &str) -> String {
    let mut body = text::head(result.message.trim(), MOST_BODY).to_owned();
    if let Some(short) = &rule.short {
        let short = short.trim();
        // A template, or the same in other words, adds nothing.
        let adds = !short.contains('{') && !alike(short, title) && !body.contains(short);
        if !short.is_empty() && adds {
            if !body.is_empty() {
                body.push_str("\n\n");
            }
            body.push_str(text::head(short, MOST_BODY));
        }
    }
    if !body.is_empty() {
        body.push_str("\n\n");
    }
    let tool = if run.tool.trim().is_empty() { "a scanner" } else { run.tool.trim() };
    body.push_str("Reported by ");
    body.push_str(&text::first_line(tool, 80));
    if !result.rule_id.is_empty() {
        body.push_str(&format!(", rule `{}`", text::first_line(&result.rule_id, 120)));
        if let Some(name) = &rule.name {
            body.push_str(&format!(" ({})", text::first_line(name, 120)));
        }
    }
    match &rule.help_uri {
        Some(uri) => body.push_str(&format!(": {uri}")),
        None => body.push('.'),
    }
    body
}
