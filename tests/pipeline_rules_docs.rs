//! Keeps `docs/pipeline-rules.md` equal to what the rules say of themselves.
//! `UPDATE_DOCS=1` writes the file.

use std::path::Path;

use pipewright::pipeline::rule::{RULES, docs};

#[test]
fn docs_are_up_to_date() {
    let path = "docs/pipeline-rules.md";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let expect = docs::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &expect).unwrap();
    }
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        text == expect,
        "{path} is out of date: run `UPDATE_DOCS=1 cargo test --test pipeline_rules_docs`"
    );
}

#[test]
fn every_rule_has_a_section() {
    let text = docs::markdown();
    for rule in RULES {
        let heading = format!("\n### {}\n", rule.slug);
        assert_eq!(text.matches(&heading).count(), 1, "{}", rule.slug);
        assert!(!rule.doc.trim().is_empty(), "{}", rule.slug);
    }
}
