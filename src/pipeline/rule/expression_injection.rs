//! Text that outsiders choose is pasted into a script.

mod github;
mod jenkins;
mod quotes;

use std::sync::LazyLock;

use regex::Regex;

use super::scripts::place;
use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Job, Os, Script, Span};
use crate::pipeline::platform::Platform;
use crate::pipeline::words;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "expression-injection",
    title: "Text that outsiders choose is pasted into a script",
    doc: "\
GitHub's `${{ }}`, Azure's `$(…)`, Harness' `<+…>` and Groovy's `\"${…}\"` are filled in before \
the shell reads the script. A title like `\"; curl … | sh; \"` or a branch of such a name then \
runs as code, with the job's token and secrets. A variable of the shell is only ever text.

**Fix.** The value is handed over as an environment variable and used as `\"$NAME\"`. It is safe \
in scripts of sh and bash where the value stands in double quotes, or alone and without blanks in \
it; elsewhere it is only spoken of. Inputs of calls and of runs by hand are only suggested: some \
hold what the shell is meant to read.

**Silent** on GitLab and Bitbucket, whose variables reach the shell as its own; on numbers, \
commits and other values that nobody chooses; on comparisons.",
    group: Group::Security,
    severity: Severity::High,
    fix: FixKind::Proven,
    platforms: &[Platform::GitHub, Platform::Azure, Platform::Jenkins, Platform::Harness],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    match context.pipeline().platform {
        Platform::GitHub => github::check(context, hits),
        Platform::Jenkins => jenkins::check(context, hits),
        Platform::Azure => azure(context, hits),
        _ => harness(context, hits),
    }
}

/// A finding of one value in one script.
fn hit(span: Span, value: &str, severity: Severity, who: &str, remedy: &str) -> Hit {
    Hit {
        span,
        title: format!("`{value}` is pasted into a script"),
        why: format!(
            "{who}, and it becomes part of the script before the shell reads it, so that it can \
             run commands with the job's token and secrets. {remedy}"
        ),
        severity: Some(severity),
        confidence: 0.9,
        fix: None,
        effect: None,
    }
}

/// Whether the script runs in sh or bash beyond doubt.
fn is_posix(platform: Platform, job: &Job, script: &Script) -> bool {
    let Some(options) = words::options(platform, job, script) else { return false };
    let named = script.shell.as_deref().unwrap_or_default();
    let named = named.starts_with("bash") || named.starts_with("sh");
    options.shell == words::shell::Shell::Posix
        && (named || matches!(job.runner.os, Some(Os::Linux | Os::MacOs)))
}

static MACRO: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\$\((Build\.SourceBranch(?:Name)?|Build\.SourceVersionMessage|System\.PullRequest\.SourceBranch)\)",
    )
    .ok()
});

fn azure(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for job in &context.pipeline().jobs {
        for step in &job.steps {
            let Some(script) = step.script.as_ref().filter(|script| script.span.file == 0) else {
                continue;
            };
            let found: Vec<_> =
                MACRO.iter().flat_map(|form| form.captures_iter(&script.text)).collect();
            let mut seen: Vec<String> = Vec::new();
            let posix = is_posix(Platform::Azure, job, script);
            let uses: Vec<quotes::Use> = found
                .iter()
                .filter_map(|one| {
                    let name = one.get(1)?.as_str().to_ascii_uppercase().replace('.', "_");
                    Some(quotes::Use { range: one.get(0)?.range(), name, blanks: false })
                })
                .collect();
            let message = |name: &str| name.to_ascii_lowercase().contains("message");
            let mut fix = quotes::rewrite(&script.text, &uses)
                .filter(|_| posix && !job.shared)
                .map(|changed| Fix {
                    title: "Use the shell's variables instead".to_owned(),
                    ops: vec![Op::Text {
                        at: script.path.clone(),
                        find: changed.find,
                        replace: changed.replace,
                    }],
                    safe: !uses.iter().any(|one| message(&one.name)),
                    proof: vec![
                        "The agent sets each of these values as a variable of the shell, too."
                            .to_owned(),
                    ],
                });
            for one in &found {
                let (Some(whole), Some(name)) = (one.get(0), one.get(1)) else { continue };
                let key = name.as_str().to_ascii_lowercase();
                if seen.contains(&key) {
                    continue;
                }
                seen.push(key);
                let outside = name.as_str().to_ascii_lowercase().starts_with("system.pullrequest");
                let (severity, who) = match (outside, message(name.as_str())) {
                    (true, _) => (Severity::High, "Whoever opens a pull request names its branch"),
                    (_, true) => (Severity::Medium, "Whoever commits writes this text"),
                    _ => (Severity::Low, "Whoever pushes a branch chooses its name"),
                };
                let variable = name.as_str().to_ascii_uppercase().replace('.', "_");
                let remedy = format!(
                    "The agent sets it as a variable as well: use `\"${variable}\"` in bash, \
                     `$env:{variable}` in PowerShell."
                );
                let span = place(context, script, whole.as_str());
                let mut hit = hit(span, whole.as_str(), severity, who, &remedy);
                hit.fix = fix.take();
                hits.push(hit);
            }
        }
    }
}

fn harness(context: &Context<'_>, hits: &mut Vec<Hit>) {
    static EXPRESSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"<\+(?:trigger\.(?:payload\.[\w.]*(?:title|body|message|ref|name|description)|sourceBranch|commitMessage|branch|prTitle)|codebase\.(?:branch|sourceBranch|commitMessage|prTitle|tag)|eventPayload\.[\w.]*(?:title|body|message|ref|name|description))>",
        )
        .ok()
    });
    for job in &context.pipeline().jobs {
        for step in &job.steps {
            let Some(script) = step.script.as_ref().filter(|script| script.span.file == 0) else {
                continue;
            };
            let mut seen: Vec<&str> = Vec::new();
            for found in EXPRESSION.iter().flat_map(|form| form.find_iter(&script.text)) {
                if seen.contains(&found.as_str()) {
                    continue;
                }
                seen.push(found.as_str());
                let branch = found.as_str().to_ascii_lowercase();
                let severity = match branch.contains("branch") || branch.contains("tag>") {
                    true => Severity::Medium,
                    false => Severity::High,
                };
                hits.push(hit(
                    place(context, script, found.as_str()),
                    found.as_str(),
                    severity,
                    "Whoever opens a change or pushes a branch chooses this text",
                    "Put it into the step's `envVariables`, and use that variable in double \
                     quotes.",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests;
