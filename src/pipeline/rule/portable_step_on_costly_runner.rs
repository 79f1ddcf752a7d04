//! A dear machine for what any machine can do.

use std::sync::LazyLock;

use regex::Regex;

use super::{Context, Fix, FixKind, Group, Hit, Rule, order};
use crate::finding::Severity;
use crate::pipeline::File;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Job, JobKind, Os, Seg};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "portable-step-on-costly-runner",
    title: "A check of style runs on macOS or Windows",
    doc: "\
On hosted machines a minute on macOS costs about ten times, on Windows twice as much as on Linux, \
and there are fewer of them to wait for. A check of style mostly gives the same result on each.

**Suggests** a Linux machine, with the edit on GitHub and Azure.

**Silent** for matrices over machines, for the project's own machines, and where anything but \
checks of style is done or a word of it belongs to the system (Swift, Xcode, PowerShell, .NET).",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub, Platform::GitLab, Platform::Azure, Platform::Harness],
    check,
};

static OF_THE_SYSTEM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)swift|xcode|xcrun|clang|pwsh|powershell|psscript|\.ps1|\.bat\b|dotnet|msbuild|nuget|brew|choco|winget|scoop|ktlint|gradle|flutter|dart|cargo|clippy|go vet|golangci|pod\b|fastlane|\\",
    )
    .expect("the pattern is fixed")
});

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let file = context.file;
    for job in &file.pipeline.jobs {
        let (os, dear) = match job.runner.os {
            Some(Os::MacOs) => ("macOS", "about ten times"),
            Some(Os::Windows) => ("Windows", "about twice"),
            _ => continue,
        };
        if job.kind != JobKind::Work
            || job.matrix.is_some()
            || job.runner.self_hosted
            || job.runner.labels.len() != 1
            || job.runner.labels.iter().any(|label| label.contains('$'))
            || !only_checks(file, job)
        {
            continue;
        }
        hits.push(Hit {
            span: job.runner.span.filter(|span| span.file == 0).unwrap_or(job.key_span),
            title: format!("`{}` only checks style, and runs on {os}", job.title()),
            why: format!(
                "A minute there costs {dear} as much as on Linux, and the check gives the same \
                 result on each. Run it on Linux unless it looks at what only {os} has."
            ),
            severity: None,
            confidence: 0.75,
            fix: linux(file, job),
            effect: None,
        });
    }
}

fn only_checks(file: &File, job: &Job) -> bool {
    let mut checks = false;
    for step in &job.steps {
        let reading = words::step(file.pipeline.platform, job, step);
        let text = step.script.as_ref().map_or("", |script| script.text.as_str());
        let shell = step.script.as_ref().and_then(|script| script.shell.as_deref()).unwrap_or("");
        let name = step.uses.as_ref().map_or("", |uses| uses.name.as_str());
        if !reading.unknown.is_empty()
            || !reading.outside.is_empty()
            || [text, shell, name].iter().any(|word| OF_THE_SYSTEM.is_match(word))
        {
            return false;
        }
        for does in &step.does {
            match does {
                Does::Lint => checks = true,
                Does::Checkout | Does::Setup(_) | Does::Install(_) | Does::Cache { .. } => {}
                _ => return false,
            }
        }
    }
    checks
}

fn linux(file: &File, job: &Job) -> Option<Fix> {
    if job.span.file != 0 || job.shared {
        return None;
    }
    let tree = &file.tree;
    let node = order::node_at(tree, &job.path)?;
    let at = match file.pipeline.platform {
        Platform::GitHub => {
            tree.text(tree.get(node, "runs-on")?.value)?;
            order::under(&job.path, "runs-on")
        }
        Platform::Azure => {
            let pool = tree.get(node, "pool")?.value;
            tree.get(pool, "vmImage")?;
            let mut at = order::under(&job.path, "pool");
            at.push(Seg::Key("vmImage".to_owned()));
            at
        }
        _ => return None,
    };
    Some(Fix {
        title: format!("Run `{}` on Linux", job.title()),
        ops: vec![Op::Replace { at, value: Value::text("ubuntu-latest") }],
        safe: false,
        proof: vec!["Its steps fetch the source, install and check style.".to_owned()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{finds, fixed};

    const TEXT: &str = "\
on: push
jobs:
  lint:
    runs-on: macos-latest # why
    steps:
      - uses: actions/checkout@v4
      - run: npm ci
      - run: npm run lint
";

    #[test]
    fn checks_of_style_move_to_linux() {
        let expect = TEXT.replace("macos", "ubuntu");
        assert_eq!(fixed(&RULE, Platform::GitHub, TEXT, false), expect);
        let azure = "trigger: [main]\njobs:\n- job: lint\n  pool:\n    vmImage: windows-latest\n  steps:\n  - script: npm ci\n  - script: npm run lint\n";
        let expect = azure.replace("windows-latest", "ubuntu-latest");
        assert_eq!(fixed(&RULE, Platform::Azure, azure, false), expect);
    }

    #[test]
    fn what_needs_the_system_stays() {
        for (from, to) in [
            ("npm run lint", "swiftlint"),
            ("npm run lint", "npm test"),
            ("npm run lint", "dotnet format"),
            ("npm run lint", "./check.sh"),
            ("macos-latest", "ubuntu-latest"),
            ("macos-latest", "[self-hosted, macos]"),
        ] {
            finds(&RULE, Platform::GitHub, &TEXT.replacen(from, to, 1), &[]);
        }
    }
}
