//! A push to a change runs everything twice.

use std::sync::LazyLock;

use regex::Regex;

use super::{Context, Fix, FixKind, Group, Hit, Rule, order};
use crate::finding::Severity;
use crate::pipeline::File;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, Path, Seg, TriggerKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::Effect;
use crate::pipeline::words;
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "double-run",
    title: "A push to a change starts the same work twice",
    doc: "\
A push to a branch with an open pull request sets off two runs of one commit where the workflow \
listens to pushes of all branches and to pull requests. On GitLab a job whose rules fit both a \
merge request and a branch runs in two pipelines.

**Suggests** to listen to pushes of the default branch alone, with the edit where the file names \
that branch; on GitLab `workflow:rules` that leave the branch's pipeline out while a merge request \
is open. It is never made unread: whoever counts on a run before there is a pull request, on tags \
or on a maintenance branch would miss it.

**Silent** where pushes are confined to branches or tags, where the two events have other paths, \
where jobs choose by event, and where something skips doubles.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub, Platform::GitLab],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    match context.pipeline().platform {
        Platform::GitHub => hits.extend(github(context.file)),
        Platform::GitLab => hits.extend(gitlab(context.file)),
        _ => {}
    }
}

/// Conditions that choose one of the two events.
static BY_EVENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)github\.event_name|github\.event\.pull_request|github\.head_ref|github\.base_ref|github\.ref\b|github\.ref_name|github\.ref_type|github\.event\.number",
    )
    .expect("the pattern is fixed")
});
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?:refs/heads/|github\.ref_name\s*==\s*'|default_branch:\s*)(main|master|develop|trunk)\b"#,
    )
    .expect("the pattern is fixed")
});

fn github(file: &File) -> Option<Hit> {
    let pipeline = &file.pipeline;
    let push = pipeline.triggers.iter().find(|t| t.name == "push")?;
    let change = pipeline.triggers.iter().find(|t| t.name == "pull_request")?;
    if push.kind != TriggerKind::Push || !push.branches.is_empty() || !push.tags.is_empty() {
        return None;
    }
    let paths = |of: &[String]| {
        let mut sorted = of.to_vec();
        sorted.sort();
        sorted
    };
    if paths(&push.paths) != paths(&change.paths) || push.span.file != 0 {
        return None;
    }
    let skips =
        ["head.repo.full_name", "skip-duplicate", "skip-duplicate-actions", "head.repo.fork"];
    if skips.iter().any(|word| file.text.contains(word)) {
        return None;
    }
    // Work that is done in both runs, and takes time.
    let both = |job: &&Job| job.condition.as_ref().is_none_or(|at| !BY_EVENT.is_match(&at.value));
    let root = file.tree.root()?;
    let only = |key: &str| {
        let on = file.tree.get(root, "on")?;
        let body = file.tree.get(on.value, "pull_request")?.value;
        Some(file.tree.get(body, key)?.value)
    };
    // Other kinds of the event than pushes to the change.
    if let Some(types) = only("types")
        && !file.tree.strings(types).iter().any(|(kind, _)| *kind == "synchronize")
    {
        return None;
    }
    let works = |job: &&Job| job.calls.is_some() || words::job_does(job).next().is_some();
    let job = pipeline.jobs.iter().filter(works).find(both)?;
    // One group by the branch ends one of the two.
    if pipeline.concurrency.as_ref().is_some_and(|group| {
        group.cancel.is_some()
            && group.group.contains("head_ref")
            && group.group.contains("ref_name")
    }) {
        return None;
    }
    let branch = default_branch(file, &change.branches);
    let listed = match branch {
        Some(branch) => format!("`{branch}`"),
        None => "the default branch".to_owned(),
    };
    Some(Hit {
        span: push.span,
        title: "A push to a pull request's branch starts two runs".to_owned(),
        why: format!(
            "`{}` runs once for the push and once for the pull request, on the same commit. \
             Listen to pushes of {listed} alone, and of other branches and tags that are built \
             without a pull request.",
            job.title()
        ),
        severity: None,
        confidence: 0.85,
        fix: branch.and_then(|branch| confine(file, branch)),
        effect: Some(Effect::FewerRuns),
    })
}

/// The default branch, where the file names one and no other.
fn default_branch<'f>(file: &'f File, targets: &'f [String]) -> Option<&'f str> {
    let usual = |name: &&str| ["main", "master", "develop", "trunk"].contains(name);
    let mut names: Vec<&str> = NAMED
        .captures_iter(&file.text)
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .chain(targets.iter().map(String::as_str).filter(usual))
        .collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [only] => Some(*only),
        // `master` beside `develop`: both are built without a pull request.
        _ => None,
    }
}

fn confine(file: &File, branch: &str) -> Option<Fix> {
    let tree = &file.tree;
    let root = tree.root()?;
    // A workflow that acts on tags would lose them.
    if ["refs/tags", "ref_type", "github.ref_name"].iter().any(|word| file.text.contains(word)) {
        return None;
    }
    let on = tree.get(root, "on")?.value;
    if tree.is_alias(on) || tree.is_anchored(on) {
        return None;
    }
    let at = vec![Seg::Key("on".to_owned())];
    let branches = Value::texts([branch]);
    let ops = if !tree.entries(on).is_empty() {
        tree.get(on, "push")?;
        vec![Op::Insert {
            at: order::under(&at, "push"),
            key: "branches".to_owned(),
            value: branches,
            place: Place::First,
        }]
    } else {
        let events: Vec<String> =
            tree.items(on).iter().filter_map(|item| tree.text(*item)).map(str::to_owned).collect();
        if events.len() != tree.items(on).len() || events.is_empty() {
            return None;
        }
        let value = Value::map(events.into_iter().map(|event| {
            let body = match event.as_str() {
                "push" => Value::map([("branches", branches.clone())]),
                _ => Value::Null,
            };
            (event, body)
        }));
        vec![Op::Replace { at, value }]
    };
    Some(Fix {
        title: format!("Listen to pushes of `{branch}` alone"),
        ops,
        safe: false,
        proof: vec![format!(
            "Pull requests go on running; pushes of other branches without one, and tags, do not."
        )],
    })
}

/// A job whose rules fit both kinds of pipeline, where nothing decides between them.
fn gitlab(file: &File) -> Option<Hit> {
    let tree = &file.tree;
    let root = tree.root()?;
    if tree.get(root, "workflow").is_some()
        || tree.get(root, "include").is_some()
        || !file.pipeline.unread.is_empty()
        || !file.pipeline.included.is_empty()
    {
        return None;
    }
    for job in file.pipeline.jobs.iter().filter(|job| job.key_span.file == 0) {
        let Some((change, branch)) = events(file, &job.path) else { continue };
        if !(change && branch) || job.manual {
            continue;
        }
        let rule = |text: &str| Value::map([("if", Value::text(text))]);
        let never = Value::map([
            ("if", Value::text("$CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS")),
            ("when", Value::text("never")),
        ]);
        let rules = Value::Seq(vec![
            rule("$CI_PIPELINE_SOURCE == \"merge_request_event\""),
            never,
            rule("$CI_COMMIT_BRANCH"),
            rule("$CI_COMMIT_TAG"),
        ]);
        return Some(Hit {
            span: job.key_span,
            title: format!("`{}` runs in two pipelines of one push", job.id),
            why: "Its rules fit the pipeline of the merge request and that of the branch, and \
                  nothing decides between them. `workflow:rules` can leave the branch's pipeline \
                  out while a merge request is open."
                .to_owned(),
            severity: None,
            confidence: 0.8,
            fix: Some(Fix {
                title: "Leave the branch's pipeline out while a merge request is open".to_owned(),
                ops: vec![Op::Insert {
                    at: Path::new(),
                    key: "workflow".to_owned(),
                    value: Value::map([("rules", rules)]),
                    place: Place::Before(vec!["default", "stages", "variables", "image"]),
                }],
                safe: false,
                proof: vec![
                    "Merge requests, branches without one and tags keep a pipeline.".to_owned(),
                ],
            }),
            effect: Some(Effect::FewerRuns),
        });
    }
    None
}

/// Whether a job's rules let it run for merge requests, and for pushes of any branch;
/// `None` where it has none of its own.
fn events(file: &File, path: &Path) -> Option<(bool, bool)> {
    let tree = &file.tree;
    let node = order::node_at(tree, path)?;
    let rules = tree.resolve(tree.get(node, "rules")?.value);
    let (mut change, mut branch) = (None, None);
    for item in tree.items(rules) {
        let item = tree.resolve(*item);
        let runs = tree.get(item, "when").and_then(|entry| tree.text(entry.value)) != Some("never")
            && tree.get(item, "when").and_then(|entry| tree.text(entry.value)) != Some("manual");
        // What is not written as entries (`!reference`) says nothing here.
        if tree.entries(item).is_empty() {
            return None;
        }
        let condition = tree.get(item, "if").and_then(|entry| tree.text(entry.value));
        match condition {
            None => {
                change.get_or_insert(runs);
                branch.get_or_insert(runs);
            }
            Some(text) => {
                let of_change = text.contains("merge_request_event")
                    || text.contains("CI_MERGE_REQUEST_IID")
                    || text.contains("CI_MERGE_REQUEST_ID");
                let plain = text.trim();
                if of_change && !text.contains("!=") {
                    // Further terms confine it; what forbids must be plain.
                    if runs || !text.contains("&&") {
                        change.get_or_insert(runs);
                    }
                } else if plain == "$CI_COMMIT_BRANCH"
                    || text.contains("== \"push\"") && !text.contains("&&")
                {
                    branch.get_or_insert(runs);
                } else if text.contains("CI_OPEN_MERGE_REQUESTS") && !runs {
                    branch.get_or_insert(false);
                }
            }
        }
    }
    // A rule about files alone is no evidence that both were thought of.
    Some((change.unwrap_or(false), branch.unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{finds, fixed};

    const REST: &str =
        "jobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm test\n";

    #[test]
    fn pushes_are_confined_to_the_branch_that_the_file_names() {
        let deploy = "  deploy:\n    if: github.ref == 'refs/heads/main'\n    runs-on: ubuntu-latest\n    steps:\n      - run: ./deploy.sh\n";
        let cases = [
            (
                "on:\n  push:\n  pull_request:\n",
                "on:\n  push:\n    branches: [main]\n  pull_request:\n",
            ),
            ("on: [push, pull_request]\n", "on:\n  push:\n    branches: [main]\n  pull_request:\n"),
            (
                "on:\n  push:\n    paths: [src/**]\n  pull_request:\n    paths: [src/**]\n",
                "on:\n  push:\n    branches: [main]\n    paths: [src/**]\n  pull_request:\n    paths: [src/**]\n",
            ),
        ];
        for (before, after) in cases {
            let out = fixed(&RULE, Platform::GitHub, &format!("{before}{REST}{deploy}"), false);
            assert_eq!(out, format!("{after}{REST}{deploy}"));
        }
    }

    #[test]
    fn it_is_silent_where_one_run_is_enough() {
        for (on, found) in [
            ("on: [push, pull_request]\n", true),
            ("on: push\n", false),
            ("on:\n  push:\n    branches: [main]\n  pull_request:\n", false),
            ("on:\n  push:\n    tags: ['v*']\n  pull_request:\n", false),
            ("on:\n  push:\n    branches-ignore: [wip]\n  pull_request:\n", false),
            ("on:\n  push:\n    paths: [a]\n  pull_request:\n", false),
            ("on:\n  push:\n  pull_request:\n    types: [labeled]\n", false),
        ] {
            let expect: &[&str] = if found { &["push"] } else { &[] };
            finds(&RULE, Platform::GitHub, &format!("{on}{REST}"), expect);
        }
        let guarded =
            REST.replace("    runs-on", "    if: github.event_name == 'push'\n    runs-on");
        finds(&RULE, Platform::GitHub, &format!("on: [push, pull_request]\n{guarded}"), &[]);
    }

    #[test]
    fn gitlab_s_jobs_of_two_pipelines_are_found() {
        let job = |rules: &str| format!("test:\n  script: [npm test]\n  rules:\n{rules}");
        for (rules, found) in [
            (
                "    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n    - if: $CI_COMMIT_BRANCH\n",
                true,
            ),
            (
                "    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n    - when: on_success\n",
                true,
            ),
            ("    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n", false),
            (
                "    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n",
                false,
            ),
            (
                "    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n      when: never\n    - when: always\n",
                false,
            ),
            (
                "    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n    - if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS\n      when: never\n    - if: $CI_COMMIT_BRANCH\n",
                false,
            ),
        ] {
            let expect: &[&str] = if found { &["test"] } else { &[] };
            finds(&RULE, Platform::GitLab, &job(rules), expect);
        }
        let once = format!(
            "workflow:\n  rules:\n    - if: $CI_COMMIT_BRANCH\n{}",
            job("    - when: always\n")
        );
        finds(&RULE, Platform::GitLab, &once, &[]);
    }
}
