//! The report as SARIF 2.1.0.
//!
//! Specification: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>;
//! what GitHub reads of it:
//! <https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support>.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{View, frame};
use crate::finding::{Finding, Severity, Side, Source};
use crate::redact::shorten;

/// Indented, with a line feed at its end.
pub fn render(view: &View<'_>) -> anyhow::Result<String> {
    let mut text = super::json::inert(serde_json::to_string_pretty(&log(view))?);
    text.push('\n');
    Ok(text)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    version_control_provenance: Vec<Provenance>,
    invocations: [Invocation; 1],
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    name: String,
    short_description: Text,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    tags: Vec<String>,
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    repository_uri: String,
    revision_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Message {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Fix>,
    properties: Properties,
}

#[derive(Serialize)]
struct Properties {
    severity: Severity,
    category: String,
    confidence: f64,
    side: Side,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
    end_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix {
    description: Text,
    artifact_changes: [ArtifactChange; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange {
    artifact_location: Artifact,
    replacements: [Replacement; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: Region,
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted_content: Option<Text>,
}

fn log(view: &View<'_>) -> Log {
    let findings = view.worst_first();
    let rules = rules(view, &findings);
    let results = findings
        .iter()
        .map(|finding| {
            let id = rule_id(view, finding);
            let index = rules.iter().position(|rule| rule.id == id).unwrap_or_default();
            result(view, finding, id, index)
        })
        .collect();
    let provenance = view.host.repository_url().filter(|_| is_revision(&view.report.head));
    let notes = view.report.notes.iter().map(|note| Notification {
        level: "note",
        message: Text { text: unlinked(&view.scrubber.sanitize_line(note)) },
    });
    Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "Pipewright",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules,
                },
            },
            column_kind: "unicodeCodePoints",
            version_control_provenance: provenance
                .map(|url| Provenance {
                    repository_uri: url.to_owned(),
                    revision_id: view.report.head.clone(),
                })
                .into_iter()
                .collect(),
            invocations: [Invocation {
                execution_successful: !view.incomplete,
                tool_execution_notifications: notes.collect(),
            }],
            results,
        }],
    }
}

fn is_revision(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn rule_id(view: &View<'_>, finding: &Finding) -> String {
    let id = match &finding.source {
        Source::Rule(id) => id.clone(),
        // A model has no rules; its categories come closest.
        Source::Model(_) => format!("model/{}", finding.category),
    };
    word(view, &id)
}

/// Even plain messages may hold links (section 3.11.6); ours do not.
fn unlinked(text: &str) -> String {
    text.replace("](", "] (")
}

/// An identifier as tools write them; whatever else is in it becomes `_`.
fn word(view: &View<'_>, text: &str) -> String {
    let keep = |c: char| c.is_alphanumeric() || "._/:+-".contains(c);
    view.scrubber.scrub(text).chars().take(200).map(|c| if keep(c) { c } else { '_' }).collect()
}

/// One entry a rule; its level is that of its worst finding.
fn rules(view: &View<'_>, findings: &[&Finding]) -> Vec<Rule> {
    let mut rules: BTreeMap<String, &Finding> = BTreeMap::new();
    for finding in findings {
        // Worst first: the first one of a rule is its worst.
        rules.entry(rule_id(view, finding)).or_insert(finding);
    }
    rules
        .into_iter()
        .map(|(id, finding)| {
            let category = word(view, &finding.category);
            let security = matches!(category.as_str(), "security" | "secret" | "secrets" | "ci");
            let mut tags = vec![category.clone()];
            if security && category != "security" {
                tags.push("security".to_owned());
            }
            let description = match &finding.source {
                Source::Rule(_) => unlinked(&view.scrubber.sanitize_line(&finding.title)),
                Source::Model(_) => format!("What a language model says about {category}"),
            };
            Rule {
                name: id.clone(),
                id,
                short_description: Text { text: shorten(&description, 1000).into_owned() },
                default_configuration: Configuration { level: level(finding.severity) },
                properties: RuleProperties {
                    tags,
                    security_severity: security.then(|| security_severity(finding.severity)),
                },
            }
        })
        .collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// In the middle of the range GitHub gives each word.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

fn result(view: &View<'_>, finding: &Finding, rule_id: String, rule_index: usize) -> Outcome {
    let title = view.scrubber.sanitize_line(&finding.title);
    let body = view.scrubber.sanitize_plain(finding.body.trim());
    let text = if body.is_empty() { title } else { format!("{title}\n\n{body}") };
    let region = (finding.side == Side::New).then_some(Region {
        start_line: finding.line,
        start_column: None,
        end_line: finding.end_line,
        end_column: None,
    });
    Outcome {
        rule_id,
        rule_index,
        level: level(finding.severity),
        message: Message {
            text: unlinked(&text),
            markdown: format!(
                "**{}**\n\n{}",
                view.markdown_line(&finding.title),
                view.markdown(&finding.body)
            ),
        },
        locations: [Location {
            physical_location: PhysicalLocation { artifact_location: artifact(finding), region },
        }],
        partial_fingerprints: [("pipewright/v1", finding.id.to_string())].into(),
        fixes: fix(view, finding).into_iter().collect(),
        properties: Properties {
            severity: finding.severity,
            category: word(view, &finding.category),
            confidence: finding.confidence,
            side: finding.side,
        },
    }
}

/// A path as a relative URI reference.
fn artifact(finding: &Finding) -> Artifact {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/_.-~".contains(&b);
    let uri = finding.path.bytes().fold(String::new(), |mut uri, byte| {
        if plain(byte) {
            uri.push(byte as char)
        } else {
            uri += &format!("%{byte:02X}")
        }
        uri
    });
    Artifact { uri, uri_base_id: "%SRCROOT%" }
}

fn fix(view: &View<'_>, finding: &Finding) -> Option<Fix> {
    let text = frame::replacement(view, &finding.suggestion.as_ref()?.replacement)?;
    if finding.side == Side::Old {
        return None;
    }
    // No text deletes the lines with the feed that ends them.
    let deleted_region = Region {
        start_line: finding.line,
        start_column: Some(1),
        end_line: if text.is_empty() {
            finding.end_line.saturating_add(1)
        } else {
            finding.end_line
        },
        end_column: text.is_empty().then_some(1),
    };
    let inserted_content = (!text.is_empty()).then_some(Text { text });
    Some(Fix {
        description: Text { text: "Suggested change".to_owned() },
        artifact_changes: [ArtifactChange {
            artifact_location: artifact(finding),
            replacements: [Replacement { deleted_region, inserted_content }],
        }],
    })
}
