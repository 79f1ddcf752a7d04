//! Rule `ci-unpinned-action`: code from elsewhere that can change under a name.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Platform, Problem, ascii, widened};
use crate::finding::Severity;
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-unpinned-action",
    title: "Unpinned action",
    severity: Severity::Medium,
    category: "ci",
    help: "Finds actions and reusable workflows that a change starts to use by a tag or branch \
instead of a full commit, `docker://` images without a digest, and their like elsewhere: \
GitLab's `include` of a remote file or of a project without `ref`, Azure's repository resources \
on a branch, Bitbucket pipes of third parties, Jenkins libraries without a version. GitHub's own \
actions count less; where a file already follows tags, so does everything, and one more of \
GitHub's own is not reported. Moving the same \
action from one tag to another is not reported, taking its pin away is.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    let start = hits.len();
    widened(scope, hits, find);
    // The same action twice in a file is one thing to do.
    let mut seen = HashSet::new();
    let mut at = 0;
    hits.retain(|hit| {
        at += 1;
        at <= start || seen.insert((hit.file, hit.variant.clone()))
    });
    // Where tags are the house's custom, one more of them is worth less.
    let custom: Vec<usize> = scope
        .pipelines
        .iter()
        .filter(|pipeline| pipeline.old.as_ref().is_some_and(|old| !find(old).is_empty()))
        .map(|pipeline| pipeline.index)
        .collect();
    let mut at = 0;
    hits.retain_mut(|hit| {
        at += 1;
        if at <= start || !custom.contains(&hit.file) {
            return true;
        }
        hit.confidence = 0.7;
        let mild = hit.severity == Severity::Info;
        hit.severity = hit.severity.min(Severity::Low);
        !mild
    });
}

fn find(doc: &Doc) -> Vec<Problem> {
    match doc.platform {
        Platform::Workflow | Platform::Action => github(doc),
        Platform::GitLab => gitlab(doc),
        Platform::Azure => azure(doc),
        Platform::Bitbucket => bitbucket(doc),
        Platform::Jenkins => jenkins(doc),
        Platform::Harness => Vec::new(),
    }
}

fn github(doc: &Doc) -> Vec<Problem> {
    static USES: LazyLock<Regex> =
        LazyLock::new(|| ascii(r#"^\s*(?:- )?uses:\s*["']?([^\s"'#]+)"#));
    let mut found = Vec::new();
    match &doc.tree {
        Some(tree) => tree.each_entry(&mut |entry| {
            if entry.key == "uses"
                && let Some(text) = tree.text(entry.value)
            {
                found.extend(uses(text, entry.line));
            }
        }),
        None => {
            for (number, line) in &doc.lines {
                let text = USES.captures(line).and_then(|found| found.get(1));
                found.extend(text.and_then(|text| uses(text.as_str(), *number)));
            }
        }
    }
    found
}

fn uses(text: &str, line: u32) -> Option<Problem> {
    if text.starts_with("./") || text.starts_with("../") || text.contains("${{") {
        return None;
    }
    if let Some(image) = text.strip_prefix("docker://") {
        return (!image.contains("@sha256:")).then(|| {
            Problem::new(
                format!("docker {}", name_of(image)),
                line,
                Severity::Low,
                format!("Image without a digest: {text}"),
            )
            .body("A tag can be pushed anew. Add the digest: `docker://image@sha256:…`.")
        });
    }
    let (name, version) = text.split_once('@')?;
    let full = matches!(version.len(), 40 | 64) && version.bytes().all(|b| b.is_ascii_hexdigit());
    if full || !name.contains('/') {
        return None;
    }
    let first_party = ["actions/", "github/"].iter().any(|owner| name.starts_with(owner));
    let branch = matches!(version, "main" | "master" | "develop" | "dev" | "trunk" | "HEAD");
    let (severity, kind) = match (first_party, branch) {
        (_, true) => (Severity::Medium, "branch"),
        (true, false) => (Severity::Info, "tag"),
        (false, false) => (Severity::Medium, "tag"),
    };
    // A branch is a step down from a tag, so it is a problem of its own.
    let key = if branch { format!("{name}@branch") } else { name.to_owned() };
    Some(Problem::new(key, line, severity, format!("Action follows a {kind}: {text}")).body(
        format!(
            "Whoever controls `{name}`, or takes it over, can move this {kind} to other code, \
which then runs with this job's token and secrets. Pin the full commit and keep the version as a \
comment: `{name}@<commit> # {version}`."
        ),
    ))
}

/// An image without its tag.
fn name_of(image: &str) -> &str {
    let end = image.rfind('/').map_or(0, |at| at);
    image[end..].find(':').map_or(image, |at| &image[..end + at])
}

fn gitlab(doc: &Doc) -> Vec<Problem> {
    let Some(tree) = &doc.tree else { return Vec::new() };
    let Some(include) = tree.at(&["include"]) else { return Vec::new() };
    let mut items = tree.items(include.value).to_vec();
    if items.is_empty() {
        items.push(include.value);
    }
    let mut found = Vec::new();
    for item in items {
        let of = |key: &str| {
            let entry = tree.get(item, key)?;
            Some((tree.text(entry.value)?, entry.line))
        };
        let plain = tree.text(item).filter(|text| text.contains("://"));
        let remote = plain.map(|text| (text, tree.lines(item).0)).or_else(|| of("remote"));
        if let Some((text, line)) = remote
            && of("integrity").is_none()
        {
            found.push(
                Problem::new(text, line, Severity::Medium, "Remote include without a checksum")
                    .body(
                        "Whoever serves this file decides what the pipeline runs. Add \
`integrity: sha256-…`, or copy the file.",
                    ),
            );
        }
        if let Some((text, line)) = of("project")
            && of("ref").is_none()
        {
            found.push(
                Problem::new(text, line, Severity::Low, "Included project without a `ref`")
                    .body("The default branch's newest file runs. Name a tag or commit in `ref`."),
            );
        }
        if let Some((text, line)) = of("component")
            && let Some((name, version)) = text.rsplit_once('@')
            && matches!(version, "~latest" | "main" | "master")
        {
            found.push(
                Problem::new(name, line, Severity::Low, format!("Component follows `{version}`"))
                    .body("Name a release or a commit: a new one is then a change to review."),
            );
        }
    }
    found
}

fn azure(doc: &Doc) -> Vec<Problem> {
    let Some(tree) = &doc.tree else { return Vec::new() };
    let Some(list) = tree.at(&["resources", "repositories"]) else { return Vec::new() };
    let mut found = Vec::new();
    for item in tree.items(list.value) {
        let of = |key: &str| tree.get(*item, key).and_then(|entry| tree.text(entry.value));
        let at = of("ref");
        let moving = at.is_none_or(|at| !at.starts_with("refs/tags/"));
        if moving && of("type").is_some_and(|kind| kind != "git") {
            let name = of("name").unwrap_or_default();
            let line = tree.get(*item, "ref").map_or(tree.lines(*item).0, |entry| entry.line);
            found.push(
                Problem::new(
                    name,
                    line,
                    Severity::Low,
                    "Templates follow a branch of another host",
                )
                .body("Name a tag: `ref: refs/tags/…`. A branch brings in code unreviewed."),
            );
        }
    }
    found
}

fn bitbucket(doc: &Doc) -> Vec<Problem> {
    static PIPE: LazyLock<Regex> = LazyLock::new(|| {
        ascii(r#"^\s*-?\s*pipe:\s*["']?([\w.-]+/[\w./-]+|docker://[^\s"':]+)(?::([^\s"'#]+))?"#)
    });
    let pipe = |(number, line): &(u32, String)| {
        let found = PIPE.captures(line)?;
        let name = found.get(1)?.as_str();
        let version = found.get(2).map(|version| version.as_str());
        let trusted = name.starts_with("atlassian/") && version.is_some();
        let pinned = version.is_some_and(|version| version.contains("sha256"));
        (!trusted && !pinned).then(|| {
            Problem::new(name, *number, Severity::Low, format!("Pipe that can change: {name}"))
                .body("Its owner can push another image under this version. Pin its digest.")
        })
    };
    doc.lines.iter().filter_map(pipe).collect()
}

fn jenkins(doc: &Doc) -> Vec<Problem> {
    static LIBRARY: LazyLock<Regex> =
        LazyLock::new(|| ascii(r#"@Library\(\[?\s*['"]([\w./-]+)(?:@([\w./-]+))?['"]"#));
    let library = |(number, line): &(u32, String)| {
        let found = LIBRARY.captures(line)?;
        let version = found.get(2).map(|version| version.as_str());
        version.is_none_or(|version| matches!(version, "main" | "master")).then(|| {
            Problem::new(&found[1], *number, Severity::Low, "Shared library follows a branch")
                .confidence(0.7)
                .body("Name a tag or commit: `@Library('name@v1.2')`.")
        })
    };
    doc.lines.iter().filter_map(library).collect()
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{found, found_edit};

    const WORKFLOW: &str = ".github/workflows/a.yml";

    fn steps(uses: &[&str]) -> String {
        let mut text = "on: push\njobs:\n  a:\n    steps:\n".to_owned();
        uses.iter().for_each(|uses| text.push_str(&format!("      - uses: {uses}\n")));
        text
    }

    #[track_caller]
    fn check(old: &[&str], new: &[&str], expect: &[(u32, &str)]) {
        let found = found_edit("ci-unpinned-action", WORKFLOW, &steps(old), &steps(new));
        let got: Vec<(u32, &str)> = found.iter().map(|f| (f.line, f.severity.as_str())).collect();
        assert_eq!(got, expect, "{old:?} -> {new:?}");
    }

    const SHA: &str = "a/b@0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn what_can_move_is_found_by_who_moves_it() {
        check(
            &[],
            &["a/b@v1", "actions/checkout@v4", "a/c@main", SHA, "./x"],
            &[(5, "medium"), (6, "info"), (7, "medium")],
        );
        check(&[], &["docker://alpine:3", "docker://alpine@sha256:aa"], &[(5, "low")]);
    }

    #[test]
    fn only_what_the_change_brings_is_reported() {
        check(&["a/b@v1"], &["a/b@v2"], &[]);
        check(&["a/b@v1"], &["a/b@v1", "a/b@v1"], &[(6, "low")]);
        check(&[SHA], &["a/b@v1"], &[(5, "medium")]);
        check(&["a/b@v1"], &["x/y@v1", "a/b@v1"], &[(5, "low")]);
        check(&["a/b@v1"], &["a/b@main"], &[(5, "low")]);
    }

    #[test]
    fn hunks_alone_are_enough() {
        let diff = "--- a/.github/workflows/a.yml\n+++ b/.github/workflows/a.yml\n@@ -9,2 +9,3 @@\n-      - uses: a/b@v1\n+      - uses: a/b@v2\n+      - uses: c/d@v1\n       x\n";
        assert_eq!(found("ci-unpinned-action", diff).len(), 1);
    }

    #[test]
    fn other_platforms_have_their_like() {
        let count = |path: &str, text: &str| found_edit("ci-unpinned-action", path, "", text).len();
        assert_eq!(count(".gitlab-ci.yml", "include:\n  - remote: https://a.b/c.yml\n"), 1);
        assert_eq!(count(".gitlab-ci.yml", "include:\n  - project: a/b\n    file: c.yml\n"), 1);
        assert_eq!(count(".gitlab-ci.yml", "include:\n  - local: c.yml\n"), 0);
        assert_eq!(
            count(
                "azure-pipelines.yml",
                "resources:\n  repositories:\n  - repository: t\n    type: github\n    name: a/b\n"
            ),
            1
        );
        assert_eq!(
            count("bitbucket-pipelines.yml", "a:\n  - pipe: x/y:1.0\n  - pipe: atlassian/z:1\n"),
            1
        );
        assert_eq!(count("Jenkinsfile", "@Library('x') _\n@Library('y@v1') _\n"), 1);
    }
}
