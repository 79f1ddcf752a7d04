//! A workflow of one folder runs for changes of all others.

use super::{Context, FixKind, Group, Hit, Rule, order};
use crate::finding::Severity;
use crate::pipeline::File;
use crate::pipeline::graph::{Job, TriggerKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "pull-request-path-filter",
    title: "A change anywhere sets off the work of one folder",
    doc: "\
In a repository of several projects, a workflow that works in one folder alone has nothing to say \
of a change to another.

**Suggests** `paths` at the pull request's trigger. It is never an edit: where a check is required, \
a workflow that is skipped by its paths leaves the pull request waiting for ever, so that the check \
must be made optional, or a job within must decide by the changed files.

**Silent** where a filter stands there, where any job works elsewhere, where the folder is one of \
tools or tests for the whole repository, and where the checkout shows \
no other project.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub],
    check,
};

/// Files that stand at the head of a project.
const HEADS: &[&str] = &[
    "package.json",
    "pyproject.toml",
    "setup.py",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "composer.json",
];

/// Folders of a repository's own tools, which look at the rest of it.
const TOOLS: &[&str] = &[
    ".ci",
    ".github",
    ".gitlab",
    "bin",
    "build",
    "ci",
    "dev",
    "devtools",
    "e2e",
    "hack",
    "infra",
    "integration",
    "script",
    "scripts",
    "test",
    "tests",
    "tool",
    "tooling",
    "tools",
    "util",
    "utils",
];

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let file = context.file;
    let pipeline = &file.pipeline;
    let Some(trigger) = pipeline.triggers.iter().find(|t| t.kind == TriggerKind::Change) else {
        return;
    };
    let chooses = ["paths-filter", "changed-files", "path-filter", "nx affected", "turbo"];
    if trigger.path_filter || chooses.iter().any(|word| file.text.contains(word)) {
        return;
    }
    let mut folder: Option<String> = None;
    for job in pipeline.jobs.iter().filter(|job| !job.steps.is_empty()) {
        let Some(own) = works_in(file, job) else { return };
        if folder.as_ref().is_some_and(|known| *known != own) {
            return;
        }
        folder = Some(own);
    }
    let Some(folder) = folder else { return };
    // What lies there is for the whole repository.
    let first = folder.split('/').next().unwrap_or_default();
    if TOOLS.contains(&first.to_ascii_lowercase().as_str()) {
        return;
    }
    if pipeline.jobs.iter().any(|job| job.calls.is_some()) {
        return;
    }
    let inside = format!("{folder}/");
    let other = context.files.paths().iter().find(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        HEADS.contains(&name)
            && path.matches('/').count() <= 2
            && path.contains('/')
            && !path.starts_with(&inside)
            && !path.contains("node_modules")
            && !inside.starts_with(path.trim_end_matches(name))
    });
    let Some(other) = other else { return };
    hits.push(Hit {
        span: trigger.span,
        title: format!("A change outside `{folder}` sets off work in `{folder}` alone"),
        why: format!(
            "All jobs work in `{folder}`, and the repository has other projects (`{other}`). \
             `paths: ['{folder}/**']` and the workflow's own file spare those runs; a required \
             check that is skipped so never reports, so make it optional or decide within a job."
        ),
        severity: None,
        confidence: 0.7,
        fix: None,
        effect: None,
    });
}

/// The one folder that a job's scripts work in.
fn works_in(file: &File, job: &Job) -> Option<String> {
    let tree = &file.tree;
    let text = |path: &[crate::pipeline::graph::Seg], keys: &[&str]| {
        let mut node = order::node_at(tree, path)?;
        for key in keys {
            node = tree.resolve(tree.get(node, key)?.value);
        }
        tree.text(node).map(str::to_owned)
    };
    let key = "working-directory";
    let usual =
        text(&job.path, &["defaults", "run", key]).or_else(|| text(&[], &["defaults", "run", key]));
    let mut folder: Option<String> = None;
    for step in &job.steps {
        let neutral = step.does.iter().all(|does| {
            matches!(
                does,
                Does::Checkout
                    | Does::Setup(_)
                    | Does::Cache { .. }
                    | Does::Upload(_)
                    | Does::Notify(_)
            )
        });
        if step.script.is_none() {
            // What a ready-made step looks at is not known.
            if !neutral || step.does.is_empty() {
                return None;
            }
            continue;
        }
        let place = text(&step.path, &[key]).or_else(|| usual.clone())?;
        let place = place.trim_start_matches("./").trim_end_matches('/').to_owned();
        let plain = !place.is_empty() && place != "." && !place.contains(['$', '{', '*']);
        if !plain || folder.as_ref().is_some_and(|known| *known != place) {
            return None;
        }
        let up = step.script.as_ref().is_some_and(|script| script.text.contains("../"));
        if up {
            return None;
        }
        folder = Some(place);
    }
    folder.filter(|_| words::job_does(job).next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{Paths, hits};
    use crate::pipeline::{Files, NoFiles};

    const TEXT: &str = "\
on: pull_request
jobs:
  web:
    runs-on: ubuntu-latest
    defaults:
      run:
        working-directory: web
    steps:
      - uses: actions/checkout@v4
      - run: npm ci
      - run: npm test
";

    #[test]
    fn work_of_one_folder_is_found_where_there_are_others() {
        let several = Paths::of(&["api/go.mod", "web/package.json"]);
        let one = Paths::of(&["README.md", "web/package.json"]);
        let count =
            |text: &str, files: &dyn Files| hits(&RULE, Platform::GitHub, text, files).1.len();
        assert_eq!(count(TEXT, &several), 1);
        assert_eq!(count(TEXT, &one), 0);
        assert_eq!(count(TEXT, &NoFiles), 0);
        for (from, to) in [
            ("on: pull_request", "on:\n  pull_request:\n    paths: [web/**]"),
            ("- run: npm test", "- run: npm test\n        working-directory: api"),
            ("npm test", "../check.sh"),
            ("working-directory: web", "working-directory: ./scripts/validate"),
            ("- run: npm ci", "- uses: someone/unknown@v1"),
        ] {
            let text = TEXT.replacen(from, to, 1);
            assert_ne!(text, TEXT);
            assert_eq!(count(&text, &several), 0, "{text}");
        }
    }
}
