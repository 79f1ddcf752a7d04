//! A job that fetches the whole history and does not look at it.

use std::cell::LazyCell;

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{self, Op};
use crate::pipeline::graph::{Job, Seg, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "full-history-clone",
    title: "A job fetches the whole history for nothing",
    doc: "\
A depth of 0 fetches every commit there ever was. Tools that describe a version, write a \
changelog, blame lines, or compare with another branch need it; compilers and tests do not.

**Fix.** Only suggested: the setting goes, and the platform's own depth holds. A build script may \
read the history where no file shows it.

**Silent** where any step reads the history, scans the source, publishes, deploys or runs a \
script of the project or a tool that is not known, and where nothing is known of what the job \
does.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub, Platform::GitLab, Platform::Azure],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let text = LazyCell::new(|| edit::Text::new(&context.file.text, &context.file.tree));
    for job in &pipeline.jobs {
        let Some(depth) = job.clone.depth.as_ref().filter(|depth| depth.value == 0) else {
            continue;
        };
        let inside = job.span.range().start <= depth.span.range().start
            && depth.span.range().end <= job.span.range().end;
        if depth.span.file != 0 || job.span.file != 0 || !inside || needed(pipeline.platform, job) {
            continue;
        }
        let ops = remove(job).filter(|ops| text.takes(ops));
        hits.push(Hit {
            span: depth.span,
            title: format!("Job `{}` fetches the whole history, and no step reads it", job.title()),
            why: "Every commit there ever was is fetched, and none of the commands looks at more \
                  than the last one. Leave the depth to the platform, unless a build script reads \
                  the history."
                .to_owned(),
            severity: None,
            confidence: 0.75,
            fix: ops.map(|ops| Fix {
                title: format!("Fetch only the last commit in `{}`", job.title()),
                ops,
                safe: false,
                proof: Vec::new(),
            }),
            effect: None,
        });
    }
}

/// Whether a step reads the history, or may.
fn needed(platform: Platform, job: &Job) -> bool {
    let opaque = |step: &Step| {
        let reading = words::step(platform, job, step);
        !reading.unknown.is_empty() || !reading.named.is_empty()
    };
    let reads = |does: &Does| {
        matches!(
            does,
            Does::History
                | Does::Scan { .. }
                | Does::Publish(_)
                | Does::PushImage(_)
                | Does::Deploy(_)
                | Does::BuildImage(_)
        )
    };
    let words = [
        "git ",
        "commit",
        "sonar",
        "version",
        "changelog",
        "release",
        "coverage",
        "codecov",
        "pre-commit",
        // These look at what changed since another commit.
        "super-linter",
        "megalinter",
        "reviewdog",
        "danger",
        "affected",
        "changed",
        "--since",
        "new-from",
        "diff",
    ];
    let says = |step: &Step| {
        let script = step.script.as_ref().map_or("", |script| script.text.as_str());
        let used = step.uses.as_ref().map_or("", |used| used.name.as_str());
        words.iter().any(|word| script.contains(word) || used.to_ascii_lowercase().contains(word))
    };
    let works = job
        .steps
        .iter()
        .any(|step| step.does.iter().any(|does| matches!(does, Does::Test | Does::Lint)));
    !works
        || words::job_does(job).any(reads)
        || job.steps.iter().any(|step| opaque(step) || says(step))
}

/// The setting of the step that fetches the source, taken away.
fn remove(job: &Job) -> Option<Vec<Op>> {
    let depths = |step: &Step| {
        step.uses.as_ref().and_then(|used| {
            used.inputs.iter().find(|(key, _)| key == "fetch-depth").map(|_| used.inputs.len())
        })
    };
    let (step, inputs) = job.steps.iter().find_map(|step| Some((step, depths(step)?)))?;
    let mut at = step.path.clone();
    at.push(Seg::Key("with".to_owned()));
    if inputs > 1 {
        at.push(Seg::Key("fetch-depth".to_owned()));
    }
    Some(vec![Op::Remove { at }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::NoFiles;
    use crate::pipeline::rule::testing::{edited, hits};

    #[test]
    fn history_is_fetched_where_it_is_read() {
        for (run, expect) in [
            ("go test ./...", 1),
            ("cargo test", 1),
            ("git describe && cargo test", 0),
            ("./build.sh && cargo test", 0),
            ("npm test", 0),
            ("cargo test && cargo publish", 0),
            ("golangci-lint run --new-from-rev=HEAD~1", 0),
            ("cargo test && danger ci", 0),
            ("echo", 0),
        ] {
            let text = format!(
                "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          fetch-depth: 0\n      - run: {run}\n"
            );
            let (file, hits) = hits(&RULE, Platform::GitHub, &text, &NoFiles);
            assert_eq!(hits.len(), expect, "{run}: {hits:?}");
            if let Some(hit) = hits.first() {
                let fix = hit.fix.as_ref().unwrap();
                assert!(!fix.safe);
                let after = edited(&file, &fix.ops);
                assert_eq!(after, text.replace("        with:\n          fetch-depth: 0\n", ""));
            }
        }
    }
}
