//! What is released is built from a cache that other runs write.

use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Phase, Step, TriggerKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::Does;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "poisonable-cache",
    title: "A release is built from a cache that other runs write",
    doc: "\
Every run of the default branch may write the repository's caches, and no release checks what it \
restores. Whoever gets code into one such run (by a taken-over dependency, or by a change under \
`pull_request_target`) can leave something in the cache that the next release ships.

It looks at jobs that publish a package or a release, started by a tag, a release, or a push, and \
restore a cache before.

**Fix.** None is made: leave the cache out of the job that publishes, or build anew there.

**Silent** where a cache is switched off, and on jobs that publish nothing.",
    group: Group::Security,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let started = pipeline.triggers.iter().any(|trigger| {
        matches!(trigger.kind, TriggerKind::Tag | TriggerKind::Push | TriggerKind::Manual)
    });
    if !started {
        return;
    }
    for job in &pipeline.jobs {
        let publishes = |step: &Step| {
            step.phase == Phase::Main
                && step.does.iter().any(|does| matches!(does, Does::Publish(what) if ships(what)))
        };
        let Some(at) = job.steps.iter().position(publishes) else { continue };
        let cached = job.steps.iter().take(at).find(|step| step.span.file == 0 && restores(step));
        let Some(used) = cached.and_then(|step| step.uses.as_ref()) else { continue };
        hits.push(Hit {
            span: used.span,
            title: format!("Job `{}` publishes what it builds from a shared cache", job.id),
            why: format!(
                "What `{}` restores was written by another run, and nothing checks it, so that \
                 one run that was taken over reaches the next release. Leave the cache out of \
                 the job that publishes.",
                used.name
            ),
            severity: None,
            confidence: 0.7,
            fix: None,
            effect: None,
        });
    }
}

/// Whether it goes to users: pages, commits and files of the project's own do not.
fn ships(what: &str) -> bool {
    !["git", "pages", "provenance", "signature", "http", "artifacts", "storage", "gcs", "s3"]
        .contains(&what)
}

/// Whether a step restores a cache that other runs may have written.
fn restores(step: &Step) -> bool {
    let Some(used) = &step.uses else { return false };
    let input =
        |name: &str| used.input(name).filter(|value| !value.is_empty() && *value != "false");
    let name = used.name.to_ascii_lowercase();
    match name.as_str() {
        "actions/cache" | "actions/cache/restore" => input("lookup-only").is_none(),
        "actions-rust-lang/setup-rust-toolchain" | "moonrepo/setup-rust" => {
            used.input("cache").is_none_or(|value| value != "false")
        }
        "swatinem/rust-cache" => used.input("lookup-only").is_none_or(|value| value == "false"),
        // Caches by itself from its fourth version on.
        "actions/setup-go" => {
            let major = used.version.as_deref().unwrap_or_default().trim_start_matches('v');
            let major: u32 = major.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            match used.input("cache") {
                Some(value) => value != "false",
                None => (4..1000).contains(&major),
            }
        }
        "astral-sh/setup-uv" => input("enable-cache").is_some(),
        "ruby/setup-ruby" => input("bundler-cache").is_some(),
        _ if name.starts_with("actions/setup-") => input("cache").is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{count, finds};

    #[test]
    fn caches_in_front_of_a_release_are_found() {
        let text = |step: &str, run: &str| {
            format!(
                "on: {{push: {{tags: ['v*']}}}}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - {step}\n      - run: {run}\n"
            )
        };
        let go = "uses: actions/setup-go@v5";
        for (step, run, expect) in [
            ("uses: actions/cache@v4", "npm publish", true),
            ("{uses: actions/setup-node@v4, with: {cache: npm}}", "npm publish", true),
            ("uses: actions/setup-node@v4", "npm publish", false),
            ("uses: actions/cache@v4", "npm test", false),
            (go, "npm publish", true),
            ("{uses: actions/setup-go@v5, with: {cache: false}}", "npm publish", false),
        ] {
            let text = text(step, run);
            let expect = usize::from(expect);
            assert_eq!(count(&RULE, Platform::GitHub, &text), expect, "{step} {run}");
        }
        finds(&RULE, Platform::GitHub, &text(go, "npm publish"), &["actions/setup-go@v5"]);
    }
}
