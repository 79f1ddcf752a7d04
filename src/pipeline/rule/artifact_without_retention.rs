//! Artifacts that only later jobs of the run take, and that are kept for months.

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::File;
use crate::pipeline::edit::{self, Op, Place};
use crate::pipeline::graph::{Job, Path, Pipeline, Resource, Seg, Span};
use crate::pipeline::independence::{Set, closure};
use crate::pipeline::platform::Platform;
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "artifact-without-retention",
    title: "What is handed from job to job is kept for months",
    doc: "\
An artifact that one job leaves and another takes has done its service when the run is over. \
Where nothing is said GitHub keeps it for 90 days and GitLab for 30, and the project pays for the \
space.

**Fix.** Only suggested: `retention-days: 7` on GitHub, `expire_in: 1 week` on GitLab. A week leaves \
time to run failed jobs again; whoever fetches older ones by hand needs more.

**Silent** where a time is said, where no other job of the file takes the artifact (it is then \
there for people), where it is kept after failures too, and for pages, which expire with the next deployment. The other platforms set \
the time in the project, not in the file.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub, Platform::GitLab],
    check,
};

/// An artifact without a time.
struct Kept {
    job: usize,
    /// Its name, as people know it.
    name: String,
    span: Span,
    op: Op,
}

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let file = context.file;
    let pipeline = &file.pipeline;
    let needs: Vec<Vec<usize>> =
        pipeline.jobs.iter().map(|job| job.needs.iter().map(|need| need.job).collect()).collect();
    let behind = closure(&needs);
    let found: Vec<Kept> = match pipeline.platform {
        Platform::GitHub => on_github(pipeline, &behind),
        _ => on_gitlab(file, &behind),
    };
    // One finding for the whole file: each says the same.
    let [first, rest @ ..] = found.as_slice() else { return };
    let Some(job) = pipeline.jobs.get(first.job) else { return };
    let (days, key, time) = match pipeline.platform {
        Platform::GitHub => ("90 days", "retention-days", "7 days"),
        _ => ("30 days", "expire_in", "a week"),
    };
    let more = match rest.len() {
        0 => String::new(),
        1 => ", and so is one more".to_owned(),
        count => format!(", and so are {count} more"),
    };
    // A fix in a shared list of steps is made once.
    let mut ops: Vec<Op> = Vec::new();
    for kept in &found {
        if !ops.contains(&kept.op) {
            ops.push(kept.op.clone());
        }
    }
    let fits = edit::splice(&file.text, &file.tree, &ops).is_ok();
    hits.push(Hit {
        span: first.span,
        title: format!(
            "Artifact `{}` of job `{}` is handed to later jobs and kept for {days}{more}",
            first.name,
            job.title()
        ),
        why: format!(
            "Jobs behind it fetch it within minutes, and nothing says when it goes, so that the \
             platform's own {days} hold and its space is paid for. Set `{key}` to {time}, unless \
             somebody fetches it by hand later."
        ),
        severity: None,
        confidence: 0.75,
        fix: fits.then(|| Fix {
            title: format!("Keep what is handed on for {time}"),
            ops,
            safe: false,
            proof: Vec::new(),
        }),
        effect: None,
    });
}

/// Whether a job behind it takes it by name or with all others.
fn taken(pipeline: &Pipeline, behind: &[Set], job: usize, name: &str) -> bool {
    let waits = |place: usize| behind.get(place).is_some_and(|set| set.has(job));
    pipeline.jobs.iter().enumerate().any(|(place, other)| waits(place) && takes(other, name))
}

fn takes(job: &Job, name: &str) -> bool {
    job.reads.iter().any(|access| match &access.what {
        Resource::Artifact(read) => read == name || read.is_empty(),
        _ => false,
    })
}

/// Whether a condition looks at failures: what is kept then is for people.
fn asks_status(condition: &str) -> bool {
    ["failure()", "always()", "cancelled()"].iter().any(|word| condition.contains(word))
}

fn on_github(pipeline: &Pipeline, behind: &[Set]) -> Vec<Kept> {
    let mut found = Vec::new();
    for (place, job) in pipeline.jobs.iter().enumerate() {
        for step in job.steps.iter().filter(|step| step.span.file == 0) {
            let Some(used) = &step.uses else { continue };
            let first =
                used.version.as_deref().is_some_and(|at| at == "v1" || at.starts_with("v1."));
            if !used.name.eq_ignore_ascii_case("actions/upload-artifact")
                || first
                || used.inputs.is_empty()
                || step.condition.as_ref().is_some_and(|at| asks_status(&at.value))
                || used.input("retention-days").is_some()
            {
                continue;
            }
            let name = used.input("name").unwrap_or("artifact");
            if !taken(pipeline, behind, place, name) {
                continue;
            }
            let mut at = step.path.clone();
            at.push(Seg::Key("with".to_owned()));
            let op = Op::Insert {
                at,
                key: "retention-days".to_owned(),
                value: Value::Int(7),
                place: Place::Last,
            };
            found.push(Kept { job: place, name: name.to_owned(), span: used.span, op });
        }
    }
    found
}

fn on_gitlab(file: &File, behind: &[Set]) -> Vec<Kept> {
    let pipeline = &file.pipeline;
    let mut found = Vec::new();
    for (place, job) in pipeline.jobs.iter().enumerate() {
        if job.shared || job.path.is_empty() || job.key_span.file != 0 || job.id == "pages" {
            continue;
        }
        let name = format!("job:{}", job.id);
        let Some(left) = job
            .writes
            .iter()
            .find(|access| access.what == Resource::Artifact(name.clone()))
            .filter(|access| access.span.file == 0 && access.span != Span::default())
        else {
            continue;
        };
        let Some(op) = expiry(file, &job.path).filter(|_| taken(pipeline, behind, place, &name))
        else {
            continue;
        };
        found.push(Kept { job: place, name: job.id.clone(), span: left.span, op });
    }
    found
}

/// The time that a GitLab job's own artifacts lack; `None` where they have one or
/// come from elsewhere.
fn expiry(file: &File, job: &Path) -> Option<Op> {
    let tree = &file.tree;
    let at = super::order::under(job, "artifacts");
    let node = super::order::node_at(tree, &at)?;
    let plain = !tree.is_alias(node) && tree.get(node, "<<").is_none();
    if !plain || tree.entries(node).is_empty() || tree.get(node, "expire_in").is_some() {
        return None;
    }
    Some(Op::Insert {
        at,
        key: "expire_in".to_owned(),
        value: Value::text("1 week".to_owned()),
        place: Place::Last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing;

    const GITHUB: &str = "\
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/upload-artifact@v4
        with:
          name: dist
          path: dist
  test:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v4
        with: {name: dist}
";

    const GITLAB: &str = "\
stages: [build, test]
build:
  stage: build
  script: [make]
  artifacts:
    paths: [dist]
test:
  stage: test
  script: [make test]
";

    #[test]
    fn what_only_jobs_take_is_kept_for_a_week() {
        let out = testing::fixed(&RULE, Platform::GitHub, GITHUB, false);
        let expect = GITHUB.replace(
            "          path: dist\n",
            "          path: dist\n          retention-days: 7\n",
        );
        assert_eq!(out, expect);
        let out = testing::fixed(&RULE, Platform::GitLab, GITLAB, false);
        let expect =
            GITLAB.replace("    paths: [dist]\n", "    paths: [dist]\n    expire_in: 1 week\n");
        assert_eq!(out, expect);
    }

    #[test]
    fn times_that_are_said_and_artifacts_for_people_are_left_alone() {
        let cases = [
            (
                Platform::GitHub,
                GITHUB,
                "path: dist\n",
                "path: dist\n          retention-days: 90\n",
            ),
            (Platform::GitHub, GITHUB, "with: {name: dist}", "with: {name: other}"),
            (Platform::GitHub, GITHUB, "    needs: build\n", ""),
            (Platform::GitHub, GITHUB, "path: dist\n", "path: dist\n        if: always()\n"),
            (Platform::GitHub, GITHUB, "with: {name: dist}", "with: {name: dist, run-id: 1}"),
            (Platform::GitLab, GITLAB, "paths: [dist]\n", "paths: [dist]\n    expire_in: never\n"),
            (
                Platform::GitLab,
                GITLAB,
                "  script: [make test]",
                "  dependencies: []\n  script: [make test]",
            ),
            (Platform::GitLab, GITLAB, "  stage: build\n", "  stage: test\n"),
            (Platform::GitLab, GITLAB, "paths: [dist]", "reports: {junit: a.xml}"),
        ];
        for (platform, text, from, to) in cases {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            testing::finds(&RULE, platform, &changed, &[]);
        }
        testing::finds(&RULE, Platform::GitHub, GITHUB, &["actions/upload-artifact@v4"]);
    }

    #[test]
    fn many_artifacts_are_one_finding() {
        let more = GITHUB.replace(
            "      - uses: actions/upload",
            "      - uses: actions/upload-artifact@v4\n        with: {name: dist, path: a}\n      - uses: actions/upload",
        );
        testing::finds(&RULE, Platform::GitHub, &more, &["actions/upload-artifact@v4"]);
        let out = testing::fixed(&RULE, Platform::GitHub, &more, false);
        assert_eq!(out.matches("retention-days: 7").count(), 2, "{out}");
    }
}
