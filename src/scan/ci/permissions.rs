//! Rule `ci-permissions`: what the job's token may do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Pipeline, Platform, Problem, ascii, github, widened};
use crate::finding::{Severity, Side};
use crate::pipeline::yaml::{Id, Tree};
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-permissions",
    title: "Token permissions widened",
    severity: Severity::High,
    category: "ci",
    help: "Compares what each job's `GITHUB_TOKEN` may do before and after: new `write` scopes, \
`write-all`, and a `permissions` block that is taken away, so that the repository's default \
applies again. A new workflow is told to name its permissions. Moving a scope from the workflow \
to the job that needs it widens nothing.",
    check,
};

/// What a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Grant {
    /// The repository's default: not told by the file.
    Default,
    /// Everything.
    WriteAll,
    /// These scopes, with the lines that grant them; others read or nothing.
    Writes(BTreeMap<String, u32>),
}

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for pipeline in &scope.pipelines {
        let Some(new) = pipeline.new.as_ref().filter(|new| new.platform == Platform::Workflow)
        else {
            continue;
        };
        let (Some(tree), false) = (&new.tree, pipeline.partial) else { continue };
        let old = match &pipeline.old {
            Some(old) => old.tree.as_ref(),
            None => None,
        };
        match old {
            Some(old) => compare(pipeline, old, tree, hits),
            None if pipeline.fresh => fresh(pipeline, tree, hits),
            None => {}
        }
    }
    widened(scope, hits, lines_only);
}

/// Without trees: lines that grant beyond doubt.
fn lines_only(doc: &Doc) -> Vec<Problem> {
    static GRANT: LazyLock<Regex> = LazyLock::new(|| {
        ascii(
            r"^\s+(actions|attestations|checks|contents|deployments|discussions|id-token|issues|packages|pages|pull-requests|repository-projects|security-events|statuses):\s*write\s*(?:#.*)?$|^\s*permissions:\s*(write-all)\b",
        )
    });
    if doc.platform != Platform::Workflow || doc.tree.is_some() || doc.broken.is_some() {
        return Vec::new();
    }
    let grant = |(number, line): &(u32, String)| {
        let found = GRANT.captures(line)?;
        Some(match found.get(1) {
            Some(name) => write(name.as_str(), *number, "", true).confidence(0.7),
            None => write_all(*number),
        })
    };
    doc.lines.iter().filter_map(grant).collect()
}

/// What a `permissions` value grants.
fn grant(tree: &Tree, id: Id) -> Grant {
    match tree.text(id) {
        Some("write-all") => Grant::WriteAll,
        Some(_) => Grant::Writes(BTreeMap::new()),
        None => Grant::Writes(
            tree.entries(id)
                .iter()
                .filter(|entry| tree.text(entry.value) == Some("write"))
                .map(|entry| (entry.key.clone(), entry.line))
                .collect(),
        ),
    }
}

/// The workflow's own grant, with its line.
fn top(tree: &Tree) -> (Grant, Option<u32>) {
    match tree.at(&["permissions"]) {
        Some(entry) => (grant(tree, entry.value), Some(entry.line)),
        None => (Grant::Default, None),
    }
}

/// A job's grant: its own, else the workflow's.
fn of_job(tree: &Tree, job: Id) -> (Grant, Option<u32>) {
    match tree.get(job, "permissions") {
        Some(entry) => (grant(tree, entry.value), Some(entry.line)),
        None => top(tree),
    }
}

fn compare(pipeline: &Pipeline, old: &Tree, new: &Tree, hits: &mut Vec<Hit>) {
    let old_jobs: BTreeMap<&str, Grant> =
        github::jobs(old).iter().map(|job| (job.key.as_str(), of_job(old, job.value).0)).collect();
    let new_ids: BTreeSet<&str> = github::jobs(new).iter().map(|job| job.key.as_str()).collect();
    // A job with a new id may be an old one renamed: it may do what those could.
    let gone = old_jobs.iter().filter(|(id, _)| !new_ids.contains(*id)).map(|(_, grant)| grant);
    let inherited = gone.fold(top(old).0, union);
    let mut said: BTreeSet<(String, u32)> = BTreeSet::new();
    for job in github::jobs(new) {
        let before = old_jobs.get(job.key.as_str()).unwrap_or(&inherited);
        let (after, line) = of_job(new, job.value);
        let known = old_jobs.contains_key(job.key.as_str());
        let problems = match (before, after) {
            (Grant::WriteAll, _) => Vec::new(),
            (_, Grant::WriteAll) => vec![write_all(line.unwrap_or(job.line))],
            (Grant::Writes(_), Grant::Default) if known => vec![removed(old, &job.key)],
            (_, Grant::Default) => Vec::new(),
            (Grant::Default, Grant::Writes(writes)) => writes
                .iter()
                // The default may have allowed it: naming it is no worse.
                .filter(|(name, _)| *name == "id-token")
                .map(|(name, line)| write(name, *line, &job.key, known))
                .collect(),
            (Grant::Writes(before), Grant::Writes(after)) => after
                .iter()
                .filter(|(name, _)| !before.contains_key(*name))
                .map(|(name, line)| write(name, *line, &job.key, known))
                .collect(),
        };
        for problem in problems {
            let at = problem.lines.first().map_or(0, |(_, line)| *line);
            if said.insert((problem.key.clone(), at)) {
                hits.extend(pipeline.hit(problem));
            }
        }
    }
}

fn union(one: Grant, other: &Grant) -> Grant {
    match (one, other) {
        (Grant::WriteAll, _) | (_, Grant::WriteAll) => Grant::WriteAll,
        (Grant::Writes(mut one), Grant::Writes(other)) => {
            one.extend(other.iter().map(|(name, line)| (name.clone(), *line)));
            Grant::Writes(one)
        }
        (Grant::Default, other) => other.clone(),
        (one, Grant::Default) => one,
    }
}

fn fresh(pipeline: &Pipeline, tree: &Tree, hits: &mut Vec<Hit>) {
    let jobs = github::jobs(tree);
    let (grant, line) = top(tree);
    let own = jobs.iter().filter(|job| tree.get(job.value, "permissions").is_some()).count();
    let calls = jobs.iter().filter(|job| tree.get(job.value, "uses").is_some()).count();
    match (grant, line) {
        (Grant::WriteAll, Some(line)) => hits.extend(pipeline.hit(write_all(line))),
        (Grant::Writes(writes), _) if jobs.len() - own > 1 => {
            for (name, line) in writes {
                let mut problem = write(&name, line, "", true);
                problem.severity = Severity::Low;
                problem.body.push_str(&format!(
                    " Here every one of {} jobs gets it: grant it to the one that needs it.",
                    jobs.len() - own
                ));
                hits.extend(pipeline.hit(problem));
            }
        }
        (Grant::Default, _) if own + calls < jobs.len() => {
            let at = tree.at(&["jobs"]).map_or(1, |jobs| jobs.line);
            let problem =
                Problem::new("missing", at, Severity::Low, "Workflow names no permissions")
                    .confidence(0.7)
                    .body(
                        "Its token gets the repository's default, which may be write access to \
everything. Name the least: `permissions: {contents: read}` at the top, and more only on the job \
that needs it.",
                    )
                    .fix(Some("permissions:\n  contents: read\n\njobs:".to_owned()).filter(|_| {
                        pipeline.new.as_ref().is_some_and(|doc| doc.line(at).trim_end() == "jobs:")
                    }));
            hits.extend(pipeline.hit(problem));
        }
        _ => {}
    }
    for job in jobs {
        let Some(entry) = tree.get(job.value, "permissions") else { continue };
        if tree.text(entry.value) == Some("write-all") {
            hits.extend(pipeline.hit(write_all(entry.line)));
        }
    }
}

fn write_all(line: u32) -> Problem {
    Problem::new("write-all", line, Severity::High, "Token may write everything").body(
        "`write-all` lets any step, and any action it uses, push code, publish packages and change \
releases. Name only the scopes that the job needs.",
    )
}

fn write(name: &str, line: u32, job: &str, known: bool) -> Problem {
    let (severity, what) = match name {
        "contents" => (Severity::Medium, "push commits and tags and change releases"),
        "actions" => (Severity::Medium, "start, cancel and re-run workflows and change caches"),
        "packages" => (Severity::Medium, "publish and delete packages"),
        "id-token" => {
            (Severity::Medium, "sign in to clouds and registries that trust this repository")
        }
        "deployments" => (Severity::Low, "create deployments"),
        "pages" => (Severity::Low, "publish the site"),
        "checks" | "statuses" => (Severity::Low, "set the checks that a merge may rest on"),
        "security-events" => (Severity::Low, "upload and dismiss code scanning alerts"),
        "attestations" => (Severity::Low, "attest where builds come from"),
        _ => (Severity::Low, "write there"),
    };
    let severity = if known { severity } else { Severity::Low };
    let whose = if job.is_empty() { String::new() } else { format!(" of job `{job}`") };
    Problem::new(name, line, severity, format!("New token permission `{name}: write`"))
        .confidence(if known { 0.9 } else { 0.7 })
        .body(format!(
            "The token{whose} may now {what}. So may every action the job uses. Make sure that a \
step needs it, and that it is granted to that job alone."
        ))
}

fn removed(old: &Tree, job: &str) -> Problem {
    let own = github::jobs(old)
        .iter()
        .find(|entry| entry.key == job)
        .and_then(|entry| old.get(entry.value, "permissions"));
    let line = own.or_else(|| old.at(&["permissions"])).map_or(1, |entry| entry.line);
    let mut problem =
        Problem::new("removed", line, Severity::Medium, "Permissions block taken away").body(
            "Without it the token gets the repository's default, which may be write access to \
everything. Keep the block.",
        );
    problem.lines = vec![(Side::Old, line)];
    problem
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{found, found_edit};

    #[track_caller]
    fn check(old: &str, new: &str, expect: &[(u32, &str)]) {
        let found = found_edit("ci-permissions", ".github/workflows/a.yml", old, new);
        let got: Vec<(u32, &str)> = found.iter().map(|f| (f.line, f.title.as_str())).collect();
        assert_eq!(got, expect, "{old} -> {new}");
    }

    const JOBS: &str = "jobs:\n  a:\n    steps: []\n  b:\n    steps: []\n";

    #[test]
    fn new_write_scopes_are_found_once() {
        let read = format!("permissions:\n  contents: read\n{JOBS}");
        let write = format!("permissions:\n  contents: write\n{JOBS}");
        check(&read, &write, &[(2, "New token permission `contents: write`")]);
        check(&write, &read, &[]);
        check(
            &read,
            &format!("permissions: write-all\n{JOBS}"),
            &[(1, "Token may write everything")],
        );
        check(&read, JOBS, &[(1, "Permissions block taken away")]);
    }

    #[test]
    fn narrowing_is_not_reported() {
        let top = format!("permissions:\n  contents: write\n{JOBS}");
        let own = "permissions: {}\njobs:\n  a:\n    permissions:\n      contents: write\n    steps: []\n  b:\n    steps: []\n";
        check(&top, own, &[]);
        check(JOBS, &top, &[]);
        let renamed = top.replace("  b:", "  c:");
        check(&top, &renamed, &[]);
    }

    #[test]
    fn a_new_workflow_names_its_permissions() {
        let missing = "Workflow names no permissions";
        check("", &format!("on: push\n{JOBS}"), &[(2, missing)]);
        check("", &format!("on: push\npermissions: {{}}\n{JOBS}"), &[]);
        let wide = format!("on: push\npermissions:\n  contents: write\n{JOBS}");
        check("", &wide, &[(3, "New token permission `contents: write`")]);
        let found = found_edit("ci-permissions", ".github/workflows/a.yml", "", JOBS);
        assert!(found[0].suggestion.as_ref().unwrap().replacement.ends_with("\njobs:"));
    }

    #[test]
    fn a_hunk_alone_is_enough_for_the_clear_cases() {
        let diff = "--- a/.github/workflows/a.yml\n+++ b/.github/workflows/a.yml\n@@ -3,2 +3,2 @@\n permissions:\n-  contents: read\n+  contents: write\n";
        assert_eq!(found("ci-permissions", diff).len(), 1);
    }
}
