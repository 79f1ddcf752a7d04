//! Jenkins keeps every build, with its log and its artifacts, until the disk is full.

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Path, Span};
use crate::pipeline::groovy;
use crate::pipeline::platform::Platform;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "no-build-discarder",
    title: "Jenkins keeps every build for ever",
    doc: "\
Without a discarder, the controller keeps the log and the artifacts of every build. Its disk \
fills, and lists of builds get slow, until builds fail for want of space.

**Fix.** `buildDiscarder(logRotator(…))` in the pipeline's `options`. Only suggested: it deletes \
builds that are there, how long they have to be kept is the project's to know, and a limit may be \
set for the whole controller.

**Silent** where `buildDiscarder` or `logRotator` stands anywhere in the file.",
    group: Group::Performance,
    severity: Severity::Info,
    fix: FixKind::Suggest,
    platforms: &[Platform::Jenkins],
    check,
};

const OPTION: &str = "buildDiscarder(logRotator(numToKeepStr: '30', artifactNumToKeepStr: '5'))";

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let (pipeline, text) = (context.pipeline(), context.file.text.as_str());
    if pipeline.platform != Platform::Jenkins
        || pipeline.jobs.is_empty()
        || ["buildDiscarder", "logRotator", "LogRotator"].iter().any(|word| text.contains(word))
    {
        return;
    }
    let Some(entry) = pipeline.entries.first().map(|entry| entry.span).filter(|at| at.file == 0)
    else {
        return;
    };
    // The word that the block starts with.
    let word = text
        .get(entry.range())
        .map_or(0, |block| block.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(block.len()));
    let start = entry.start as usize;
    let fix = groovy::write::insert_option(text, &Path::new(), OPTION).map(|ops| Fix {
        title: "Keep 30 builds, and the artifacts of 5".to_owned(),
        ops,
        safe: false,
        proof: Vec::new(),
    });
    hits.push(Hit {
        span: Span::new(start..start + word),
        title: "Every build is kept for ever".to_owned(),
        why: format!(
            "Logs and artifacts fill the controller's disk until builds fail. Say \
             `options {{ {OPTION} }}`, with the numbers that the project needs."
        ),
        severity: None,
        confidence: 0.8,
        fix,
        effect: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{finds, fixed};

    const PLAIN: &str = "pipeline {\n    agent any\n    stages {\n        stage('a') {\n            steps { sh 'make' }\n        }\n    }\n}\n";

    #[test]
    fn a_pipeline_that_keeps_all_gets_an_option() {
        for (before, after) in [
            (
                PLAIN.to_owned(),
                PLAIN.replace("any\n", &format!("any\n    options {{\n        {OPTION}\n    }}\n")),
            ),
            (
                PLAIN.replace("any\n", "any\n    options {\n        timestamps()\n    }\n"),
                PLAIN.replace(
                    "any\n",
                    &format!(
                        "any\n    options {{\n        timestamps()\n        {OPTION}\n    }}\n"
                    ),
                ),
            ),
        ] {
            finds(&RULE, Platform::Jenkins, &before, &["pipeline"]);
            assert_eq!(fixed(&RULE, Platform::Jenkins, &before, true), before);
            let out = fixed(&RULE, Platform::Jenkins, &before, false);
            assert_eq!(out, after);
            finds(&RULE, Platform::Jenkins, &out, &[]);
        }
    }

    #[test]
    fn a_limit_anywhere_is_enough() {
        let text = format!("properties([buildDiscarder(logRotator(numToKeepStr: '3'))])\n{PLAIN}");
        finds(&RULE, Platform::Jenkins, &text, &[]);
    }
}
