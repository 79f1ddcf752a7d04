//! Secrets reach more steps than need them.

use std::sync::LazyLock;

use regex::Regex;

use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::Span;
use crate::pipeline::platform::Platform;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "widely-shared-secrets",
    title: "A secret reaches more jobs than need it",
    doc: "\
A secret in the `env` of a whole workflow is in the environment of every step of every job: each \
action and each dependency's install script can read it. `secrets: inherit` hands a called \
workflow all there are, also those that come later; `toJSON(secrets)` hands over all of them at \
once.

**Fix.** None is made. Set the variable in the step that uses it; name the secrets that a called \
workflow needs.

**Silent** where a workflow has one job of one step, on `GITHUB_TOKEN`, which every step can have \
anyhow, and on names of accounts and addresses.",
    group: Group::Security,
    severity: Severity::Medium,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub],
    check,
};

/// Whether a name is that of an account or a place, which many keep beside its secret.
fn is_address(name: &str) -> bool {
    const ENDS: &[&str] = &[
        "USER",
        "USERNAME",
        "EMAIL",
        "CHANNEL",
        "SERVER",
        "URL",
        "URI",
        "HOST",
        "ENDPOINT",
        "NAMESPACE",
        "REGION",
        "BUCKET",
        "PROJECT",
        "ORG",
        "ID",
        "NAME",
        "ARN",
        "DOMAIN",
    ];
    let name = name.to_ascii_uppercase();
    let last = name.rsplit('_').next().unwrap_or_default();
    // A hook's address is its secret, and a key's name may end so (`AWS_ACCESS_KEY_ID`).
    let secret = ["WEBHOOK", "KEY", "TOKEN", "DATABASE", "DB_", "SENTRY", "SLACK"];
    name.ends_with("PUB_KEY")
        || name.ends_with("PUBLIC_KEY")
        || (ENDS.contains(&last) && !secret.iter().any(|word| name.contains(word)))
        || last == "CHANNEL"
}

/// Whether a value only says if there is a secret: `${{ secrets.KEY != '' }}`.
fn only_asked(value: &str) -> bool {
    let compares = value.contains("!=") || value.contains("==");
    compares && !value.contains("&&") && !value.contains("||")
}

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    static SECRET: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\$\{\{[^}]*\bsecrets\.([A-Za-z_]\w*)").ok());
    static ALL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)\$\{\{[^}]*\btojson\(\s*secrets\s*\)").ok());
    let pipeline = context.pipeline();
    let tree = &context.file.tree;
    let steps: usize = pipeline.jobs.iter().map(|job| job.steps.len()).sum();
    for variable in pipeline.env.iter().filter(|_| steps > 1) {
        let name = SECRET.as_ref().and_then(|form| form.captures(&variable.value)?.get(1));
        let Some(name) = name.filter(|name| name.as_str() != "GITHUB_TOKEN") else { continue };
        if is_address(name.as_str()) || only_asked(&variable.value) {
            continue;
        }
        let jobs = match pipeline.jobs.len() {
            1 => format!("all {steps} steps"),
            jobs => format!("all {jobs} jobs"),
        };
        hits.push(Hit {
            span: variable.span,
            title: format!("The secret `{}` is in the environment of {jobs}", name.as_str()),
            why: "Each action and each script of a dependency that runs there can read it. Set \
                  the variable in the steps that use it."
                .to_owned(),
            severity: None,
            confidence: 0.9,
            fix: None,
            effect: None,
        });
    }
    let jobs = tree.root().and_then(|root| tree.get(root, "jobs"));
    for entry in jobs.map_or(&[][..], |jobs| tree.entries(jobs.value)) {
        let Some(secrets) = tree.get(entry.value, "secrets") else { continue };
        if tree.text(secrets.value) != Some("inherit") {
            continue;
        }
        hits.push(Hit {
            span: Span::new(tree.span(secrets.value)),
            title: format!("Job `{}` hands all secrets to the workflow it calls", entry.key),
            why: "The called workflow gets every secret there is, also those added later. Name \
                  those that it needs."
                .to_owned(),
            severity: Some(Severity::Low),
            confidence: 0.85,
            fix: None,
            effect: None,
        });
    }
    let text = context.file.text.as_str();
    for found in ALL.iter().flat_map(|form| form.find_iter(text)) {
        hits.push(Hit {
            span: Span::new(found.range()),
            title: "All secrets are handed over at once".to_owned(),
            why: "What reads this value has every secret of the repository, and its log masks \
                  none of them as part of the whole. Hand over the ones that are needed."
                .to_owned(),
            severity: Some(Severity::High),
            confidence: 0.9,
            fix: None,
            effect: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::finds;

    #[test]
    fn what_reaches_more_than_needed_is_found() {
        let text = "on: push\nenv:\n  A: ${{ secrets.KEY }}\n  B: ${{ secrets.GITHUB_TOKEN }}\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}, {run: y}]\n  b:\n    uses: o/r/.github/workflows/x.yml@v1\n    secrets: inherit\n";
        finds(&RULE, Platform::GitHub, text, &["${{ secrets.KEY }}", "inherit"]);
        let one = text.replace(", {run: y}", "").replace("    secrets: inherit\n", "");
        finds(&RULE, Platform::GitHub, &one, &[]);
    }

    #[test]
    fn accounts_addresses_and_questions_are_no_secrets() {
        for (value, secret) in [
            ("${{ secrets.REGISTRY_USERNAME }}", false),
            ("${{ secrets.API_SERVER }}", false),
            ("${{ secrets.SLACK_CHANNEL }}", false),
            ("${{ secrets.KEY != '' }}", false),
            ("${{ secrets.KEY != '' && secrets.KEY || 'x' }}", true),
            ("${{ secrets.AWS_ACCESS_KEY_ID }}", true),
            ("${{ secrets.SLACK_WEBHOOK_URL }}", true),
            ("${{ secrets.DATABASE_URL }}", true),
        ] {
            let text = format!(
                "on: push\nenv:\n  A: {value}\njobs:\n  a:\n    runs-on: x\n    steps: [{{run: x}}, {{run: y}}]\n"
            );
            let all = [value];
            finds(&RULE, Platform::GitHub, &text, if secret { &all } else { &[] });
        }
    }

    #[test]
    fn all_at_once_is_found() {
        let text = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: x\n        env: {A: '${{ toJSON(secrets) }}'}\n";
        finds(&RULE, Platform::GitHub, text, &["${{ toJSON(secrets)"]);
    }
}
