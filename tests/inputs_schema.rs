//! Keeps `schemas/pipewright.review-1.json` and the report that is written equal.

use std::path::Path;

use pipewright::finding::{Finding, Fingerprint, Severity, Side, Source, Suggestion};
use pipewright::report::{
    Coverage, DropReason, Dropped, FileCoverage, Report, SCHEMA, Skipped, TestEvidence, Usage,
};
use serde_json::{Value, json};

fn schema() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/pipewright.review-1.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Refuses every field that the schema does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") {
                fields.insert("additionalProperties".into(), Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn finding(severity: Severity, suggestion: Option<Suggestion>, source: Source) -> Finding {
    Finding {
        id: Fingerprint::new("a.rs", Side::New, "x", 0, "secrets"),
        path: "a.rs".into(),
        side: if suggestion.is_some() { Side::New } else { Side::Old },
        line: 3,
        end_line: 4,
        severity,
        category: "secret".into(),
        confidence: 0.75,
        title: "t".into(),
        body: "b".into(),
        suggestion,
        source,
    }
}

/// A report with every field and every word in it.
fn report() -> Report {
    use DropReason::*;
    let reasons =
        [NotInDiff, QuoteMismatch, Duplicate, Dismissed, LowConfidence, OverLimit, Refuted];
    let edit = Some(Suggestion { replacement: String::new() });
    Report {
        schema: SCHEMA.into(),
        model: "offline".into(),
        base: "b".into(),
        head: "worktree".into(),
        summary: "s".into(),
        findings: Severity::ALL
            .into_iter()
            .map(|severity| finding(severity, None, Source::Rule("secrets".into())))
            .chain([finding(Severity::High, edit, Source::Model("anthropic:x".into()))])
            .collect(),
        dropped: reasons
            .into_iter()
            .map(|reason| Dropped { reason, path: "a".into(), line: 0, title: "t".into() })
            .collect(),
        coverage: Coverage {
            skipped: vec![Skipped { path: "a".into(), reason: "binary".into() }],
            ..Coverage::default()
        },
        usage: Usage { cost_usd: 0.5, ..Usage::default() },
        tests: Some(TestEvidence {
            files: vec![FileCoverage {
                path: "a".into(),
                lines: 2,
                covered: 1,
                uncovered: vec![4],
            }],
            reports: vec!["lcov.info".into()],
            ..TestEvidence::default()
        }),
        notes: vec!["n".into()],
        assessment: Some(pipewright::report::Assessment {
            kind: None,
            effort: 2,
            risk: pipewright::report::Risk::Medium,
            reasons: vec!["r".into()],
            owners: vec!["o".into()],
        }),
    }
}

#[test]
fn the_schema_names_every_field_and_word() {
    let mut closed = schema();
    close(&mut closed);
    let validator = jsonschema::validator_for(&closed).unwrap();
    let full = serde_json::to_value(report()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&full)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut bare = report();
    (bare.findings, bare.dropped, bare.tests, bare.notes) = (vec![], vec![], None, vec![]);
    bare.assessment = None;
    assert!(validator.is_valid(&serde_json::to_value(bare).unwrap()));
}

#[test]
fn the_schema_refuses_what_a_report_never_says() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = serde_json::to_value(report()).unwrap();
    for (pointer, value) in [
        ("/schema", json!("pipewright.review/2")),
        ("/findings/0/line", json!(0)),
        ("/findings/0/severity", json!("blocker")),
        ("/findings/0/source", json!("someone")),
        ("/findings/0/confidence", json!(1.5)),
        ("/dropped/0/reason", json!("bored")),
        ("/coverage/files", json!(-1)),
        ("/usage", Value::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}

#[test]
fn the_documented_example_is_a_report() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/output.md");
    let text = std::fs::read_to_string(file).unwrap();
    let example = text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let value: Value = serde_json::from_str(example).unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(validator.is_valid(&value), "{:?}", validator.validate(&value));
    let report: Report = serde_json::from_value(value).unwrap();
    assert_eq!(report.findings.len(), 1);
}
