//! A check that fetches submodules or large files.

use std::cell::LazyCell;

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{self, Op};
use crate::pipeline::graph::{Job, Path, Pipeline, Seg, Span, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "full-submodules-or-lfs",
    title: "A job that only checks style or tells people fetches submodules or large files",
    doc: "\
Submodules are clones of their own, and every large file is fetched anew by every job, against a \
quota that is paid for. Builds and tests may need them; a check of style or a message does not.

**Fix.** Only suggested: the setting goes from the step that fetches the source on GitHub and \
Azure. The style of submodules may be meant to be checked too.

**Silent** where a job builds, tests, scans, packs or deploys, where a step is not known, and where \
the setting stands for all jobs.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub, Platform::GitLab, Platform::Azure, Platform::Bitbucket],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let file = context.file;
    let text = LazyCell::new(|| edit::Text::new(&file.text, &file.tree));
    for job in &file.pipeline.jobs {
        let inside = |span: Span| {
            span.file == 0
                && job.span.file == 0
                && job.span.range().start <= span.range().start
                && span.range().end <= job.span.range().end
        };
        let submodules = job.clone.submodules.as_ref().filter(|at| {
            let word = at.value.trim().to_ascii_lowercase();
            inside(at.span) && matches!(word.as_str(), "true" | "recursive" | "normal")
        });
        let lfs = job.clone.lfs.as_ref().filter(|at| at.value && inside(at.span));
        let (what, key, span) = match (submodules, lfs) {
            (Some(at), _) => ("submodules", "submodules", at.span),
            (None, Some(at)) => ("large files", "lfs", at.span),
            (None, None) => continue,
        };
        if !light(&file.pipeline, job) {
            continue;
        }
        let ops = written(job, key).map(|at| vec![Op::Remove { at }]).filter(|ops| text.takes(ops));
        hits.push(Hit {
            span,
            title: format!("Job `{}` fetches {what} and only checks style", job.title()),
            why: format!(
                "Fetching {what} takes time and quota in every run, and no step of this job builds \
                 or tests. Leave them out, unless they are what is checked."
            ),
            severity: None,
            confidence: 0.7,
            fix: ops.filter(|_| !job.shared).map(|ops| Fix {
                title: format!("Fetch `{}` without {what}", job.title()),
                ops,
                safe: false,
                proof: Vec::new(),
            }),
            effect: None,
        });
    }
}

/// Whether all that a job does is known, and is a check of style at most.
fn light(pipeline: &Pipeline, job: &Job) -> bool {
    let plain = |does: &Does| {
        matches!(
            does,
            Does::Checkout
                | Does::Setup(_)
                | Does::Install(_)
                | Does::Cache { .. }
                | Does::Lint
                | Does::Notify(_)
                | Does::Upload(_)
        )
    };
    let known = |step: &Step| {
        let reading = words::step(pipeline.platform, job, step);
        let scripted = step.script.as_ref().is_some_and(|script| script.text.contains("submodule"));
        reading.unknown.is_empty()
            && reading.named.is_empty()
            && reading.made.is_empty()
            && reading.outside.is_empty()
            && reading.does.iter().all(plain)
            && !scripted
    };
    let mut all = words::job_does(job);
    all.any(|does| *does == Does::Lint) && job.steps.iter().all(known)
}

/// Where the setting is written in the step that fetches the source.
fn written(job: &Job, key: &str) -> Option<Path> {
    let has = |step: &Step| {
        let used = step.uses.as_ref()?;
        let (name, _) = used.inputs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        let mut at = step.path.clone();
        if used.name.eq_ignore_ascii_case("checkout") {
            at.push(Seg::Key(name.clone()));
        } else if used.name.to_ascii_lowercase().ends_with("/checkout") {
            at.push(Seg::Key("with".to_owned()));
            if used.inputs.len() > 1 {
                at.push(Seg::Key(name.clone()));
            }
        } else {
            return None;
        }
        Some(at)
    };
    job.steps.iter().filter(|step| step.span.file == 0).find_map(has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing;

    const GITHUB: &str = "\
on: push
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          submodules: recursive
      - run: cargo fmt --check
";
    const AZURE: &str = "\
jobs:
- job: lint
  steps:
  - checkout: self
    lfs: true
  - script: npx eslint .
";

    #[test]
    fn checks_of_style_need_neither() {
        let out = testing::fixed(&RULE, Platform::GitHub, GITHUB, false);
        assert_eq!(out, GITHUB.replace("        with:\n          submodules: recursive\n", ""));
        let out = testing::fixed(&RULE, Platform::Azure, AZURE, false);
        assert_eq!(out, AZURE.replace("    lfs: true\n", ""));
        let gitlab = "lint:\n  variables: {GIT_SUBMODULE_STRATEGY: recursive}\n  script: [cargo fmt --check]\n";
        testing::finds(&RULE, Platform::GitLab, gitlab, &["recursive"]);
    }

    #[test]
    fn whatever_may_need_them_keeps_them() {
        let cases = [
            ("cargo fmt --check", "cargo fmt --check && cargo test"),
            ("cargo fmt --check", "cargo fmt --check && ./tool.sh"),
            ("cargo fmt --check", "cargo fmt --check && make docs"),
            ("cargo fmt --check", "git submodule status && cargo fmt --check"),
            ("cargo fmt --check", "echo done"),
            ("submodules: recursive", "submodules: false"),
        ];
        for (from, to) in cases {
            testing::finds(&RULE, Platform::GitHub, &GITHUB.replace(from, to), &[]);
        }
        testing::finds(&RULE, Platform::Azure, &AZURE.replace("lfs: true", "lfs: false"), &[]);
    }
}
