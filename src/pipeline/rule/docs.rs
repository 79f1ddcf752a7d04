//! The rules as a page of documentation.

use std::fmt::Write;

use super::{FixKind, Group, RULES, Rule};
use crate::pipeline::platform::Platform;

/// All rules in Markdown, by what they are about: what `docs/pipeline-rules.md` holds.
pub fn markdown() -> String {
    let mut out = String::from(
        "<!-- Made from src/pipeline/rule/; `UPDATE_DOCS=1 cargo test --test pipeline_rules_docs` writes it. -->\n\n\
         # Rules for pipelines\n\n\
         A fix that is *made* has been proven to lose nothing and can be merged unread. What is \
         *suggested* needs somebody who knows the project.\n\n\
         | rule | what is wrong | severity | fix |\n|---|---|---|---|\n",
    );
    for rule in RULES {
        // Writing to a text does not fail.
        let _ = writeln!(
            out,
            "| [`{slug}`](#{slug}) | {} | {} | {} |",
            rule.title,
            rule.severity,
            fix(rule.fix),
            slug = rule.slug,
        );
    }
    for group in [Group::Performance, Group::Security, Group::Delivery] {
        let mut rules = RULES.iter().filter(|rule| rule.group == group).peekable();
        if rules.peek().is_some() {
            let _ = write!(out, "\n## {}\n", heading(group));
        }
        for rule in rules {
            section(&mut out, rule);
        }
    }
    out
}

fn section(out: &mut String, rule: &Rule) {
    let platforms: Vec<&str> = match rule.platforms.len() {
        count if count == Platform::ALL.len() => vec!["all platforms"],
        _ => rule.platforms.iter().map(|platform| platform.name()).collect(),
    };
    let _ = write!(
        out,
        "\n### {}\n\n{}. On {}.\n\n{}\n",
        rule.slug,
        rule.title,
        platforms.join(", "),
        rule.doc.trim(),
    );
}

fn heading(group: Group) -> &'static str {
    match group {
        Group::Performance => "Time and money",
        Group::Security => "Security",
        Group::Delivery => "Delivery",
    }
}

fn fix(kind: FixKind) -> &'static str {
    match kind {
        FixKind::Safe => "made",
        FixKind::Proven => "made where proven, else suggested",
        FixKind::Suggest => "suggested",
    }
}
