//! Rule `ci-gate-weakened`: a check that no longer holds anything back.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Pipeline, Platform, Problem, ascii, github, script, widened};
use crate::finding::{Severity, Side};
use crate::pipeline::yaml::{Entry, Tree};
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-gate-weakened",
    title: "Gate weakened",
    severity: Severity::Medium,
    category: "ci",
    help: "Finds tests and scans that may now fail unseen (`continue-on-error`, `allow_failure`, \
`continueOnError`, `|| true`, `exit-code: 0`, `soft_fail`, `if: false`), test or scan tools that no \
pipeline file of the change runs any more, and approvals and protected environments that are taken \
away.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    widened(scope, hits, softened);
    removed_tools(scope, hits);
    for pipeline in &scope.pipelines {
        removed_approvals(pipeline, hits);
    }
}

/// A tool that tests, lints or scans, by kind.
static TOOLS: LazyLock<[(&str, Regex); 3]> = LazyLock::new(|| {
    let tools = |pattern: &str| ascii(pattern);
    [
        (
            "test",
            tools(
                r"\b(?:cargo (?:nextest|test|llvm-cov)|go test|pytest|tox|nox|jest|vitest|mocha|karma|cypress|playwright test|(?:npm|yarn|pnpm|bun)(?: run)? test\w*|rspec|phpunit|mvn\b.*\b(?:test|verify)|gradlew?\b.*\b(?:test|check)|dotnet test|ctest|make (?:test|check)\w*|mix test|rake test|swift test|flutter test|bazel test|unittest)\b",
            ),
        ),
        (
            "lint",
            tools(
                r"\b(?:cargo (?:clippy|fmt)|golangci-lint|go vet|staticcheck|eslint|biome|prettier|tsc|mypy|pyright|ruff|flake8|pylint|black --check|rubocop|shellcheck|hadolint|actionlint|(?:npm|yarn|pnpm|bun)(?: run)? (?:lint|typecheck)\w*|make lint|clang-tidy|ktlint|detekt|checkstyle)\b",
            ),
        ),
        (
            "scan",
            tools(
                r"\b(?:codeql-action/analyze|trivy(?:-action)?|snyk|semgrep|gitleaks|trufflehog|grype|bandit|gosec|brakeman|checkov|tfsec|zizmor|cargo (?:audit|deny)|cargo-deny-action|npm audit|yarn audit|pip-audit|govulncheck|osv-scanner|dependency-review-action|sonar(?:qube|cloud)?[\w-]*|dependency-check|scorecard-action|anchore|clair|kics)\b",
            ),
        ),
    ]
});

/// Names of jobs and steps that hold something back.
static GATE: LazyLock<Regex> = LazyLock::new(|| {
    ascii(
        r"(?i)\b(?:unit|integration|e2e|smoke)?[-_ ]?(?:tests?|lint\w*|scan\w*|audit\w*|security|sast|dast|codeql|coverage|type-?check\w*|clippy|verify|checks?|compliance|vulnerabilit\w*)\b",
    )
});

fn tool(text: &str) -> Option<(&'static str, &str)> {
    TOOLS.iter().find_map(|(kind, tools)| Some((*kind, tools.find(text)?.as_str())))
}

/// Whether a part of a file is a gate, by its name or by what it runs.
fn is_gate(doc: &Doc, name: &str, lines: (u32, u32)) -> bool {
    GATE.is_match(&name.replace('_', "-"))
        || doc
            .span(lines)
            .iter()
            .any(|(_, line)| !line.trim_start().starts_with('#') && tool(line).is_some())
}

/// Gates whose failure no longer counts.
fn softened(doc: &Doc) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(tree) = &doc.tree {
        match doc.platform {
            Platform::Workflow | Platform::Action => {
                for job in github::jobs(tree) {
                    flag(doc, tree, job, "continue-on-error", &job.key, &mut found);
                }
                for (job, step) in github::steps(tree) {
                    let whole = Entry {
                        key: job.to_owned(),
                        key_span: tree.span(step),
                        line: tree.lines(step).0,
                        value: step,
                        merged: false,
                    };
                    let name = tree.get(step, "name").and_then(|name| tree.text(name.value));
                    flag(
                        doc,
                        tree,
                        &whole,
                        "continue-on-error",
                        name.unwrap_or_default(),
                        &mut found,
                    );
                }
            }
            Platform::GitLab => {
                for job in tree.root().map_or(&[][..], |root| tree.entries(root)) {
                    flag(doc, tree, job, "allow_failure", &job.key, &mut found);
                }
            }
            Platform::Azure => tree.each_entry(&mut |entry| {
                for item in tree.items(entry.value) {
                    let name = ["displayName", "task", "job"]
                        .iter()
                        .find_map(|key| tree.get(*item, key).and_then(|e| tree.text(e.value)));
                    let whole = Entry {
                        key: String::new(),
                        key_span: tree.span(*item),
                        line: tree.lines(*item).0,
                        value: *item,
                        merged: false,
                    };
                    flag(
                        doc,
                        tree,
                        &whole,
                        "continueOnError",
                        name.unwrap_or_default(),
                        &mut found,
                    );
                }
            }),
            _ => {}
        }
        tree.each_entry(&mut |entry| {
            let value = tree.text(entry.value).unwrap_or_default();
            let soft = matches!(
                (entry.key.as_str(), value),
                ("exit-code", "0")
                    | ("soft_fail" | "soft-fail", "true")
                    | ("failBuild" | "fail-build", "false")
            );
            if soft {
                found.push(soft_problem(
                    format!("{} {value}", entry.key),
                    entry.line,
                    &format!("{}: {value}", entry.key),
                ));
            }
        });
    }
    for script in script::scripts(doc) {
        for (number, command) in script.commands() {
            let Some((_, tool)) = tool(&command) else { continue };
            let soft = [" || true", " || exit 0", " || :", " --exit-zero", "|| echo"]
                .iter()
                .find(|soft| command.contains(**soft));
            if let Some(soft) = soft {
                found.push(soft_problem(format!("{tool}{soft}"), number, soft.trim()));
            }
        }
    }
    found
}

/// A key on a gate that says its failure does not count, or a gate switched off.
fn flag(doc: &Doc, tree: &Tree, part: &Entry, key: &str, name: &str, found: &mut Vec<Problem>) {
    let lines = tree.lines(part.value);
    if let Some(entry) = tree.get(part.value, key)
        && tree.text(entry.value) == Some("true")
        && is_gate(doc, name, lines)
    {
        found.push(soft_problem(
            format!("{key} {} {name}", part.key),
            entry.line,
            &format!("{key}: true"),
        ));
    }
    if let Some(entry) = tree.get(part.value, "if")
        && matches!(tree.text(entry.value), Some("false" | "${{ false }}"))
        && is_gate(doc, name, lines)
    {
        found.push(
            Problem::new(
                format!("off {} {name}", part.key),
                entry.line,
                Severity::Medium,
                "Check switched off",
            )
            .confidence(0.8)
            .body("It never runs, and a skipped check counts as passed. Mend it or remove it."),
        );
    }
}

fn soft_problem(key: String, line: u32, what: &str) -> Problem {
    Problem::new(key, line, Severity::Medium, format!("A check may now fail unseen (`{what}`)"))
        .confidence(0.75)
        .body(
            "The pipeline stays green when this check fails, so nobody will look. Mend or narrow \
the check instead; if it has to be soft for a while, say until when.",
        )
}

/// Tools that the change's pipeline files ran and none of them runs any more.
fn removed_tools(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    let used = |doc: &Doc| -> Vec<(&'static str, String, u32)> {
        let one = |(number, line): &(u32, String)| {
            let text = line.trim_start();
            let (kind, name) = tool(text).filter(|_| !text.starts_with('#'))?;
            Some((kind, name.to_owned(), *number))
        };
        doc.lines.iter().filter_map(one).collect()
    };
    let whole = |pipeline: &&Pipeline| !pipeline.partial;
    let pipelines = || scope.pipelines.iter().filter(whole);
    let after: BTreeSet<(&str, String)> = pipelines()
        .filter_map(|pipeline| pipeline.new.as_ref())
        .flat_map(&used)
        .map(|(kind, name, _)| (kind, name))
        .collect();
    let before: BTreeSet<(&str, String)> = pipelines()
        .filter_map(|pipeline| pipeline.old.as_ref())
        .flat_map(&used)
        .map(|(kind, name, _)| (kind, name))
        .collect();
    let mut said = BTreeSet::new();
    for pipeline in pipelines() {
        let Some(old) = &pipeline.old else { continue };
        if pipeline.new.is_none() {
            hits.extend(deleted(pipeline, used(old), &after));
            continue;
        }
        // A reusable workflow that this change starts to call may run them.
        let calls = |doc: &Doc| {
            doc.tree.as_ref().map_or(0, |tree| {
                github::jobs(tree)
                    .iter()
                    .filter(|job| tree.get(job.value, "uses").is_some())
                    .count()
            })
        };
        if pipeline.new.as_ref().is_some_and(|new| calls(new) > calls(old)) {
            continue;
        }
        for (kind, name, line) in used(old) {
            // Another tool of the kind, new in this change, has taken its place.
            let replaced = after.iter().any(|new| new.0 == kind && !before.contains(new));
            if after.contains(&(kind, name.clone())) || replaced || !said.insert(name.clone()) {
                continue;
            }
            let mut problem = Problem::new(
                format!("gone {name}"),
                line,
                Severity::Medium,
                format!("`{name}` no longer runs"),
            )
            .confidence(0.65)
            .body(format!(
                "No pipeline file of this change runs this {kind} any more, and no other takes its \
place. If it moved into a script or another workflow, say so in the change's description."
            ));
            problem.lines = vec![(Side::Old, line)];
            // Only where the line itself goes: else it was taken out of use elsewhere.
            let goes = pipeline.touches((Side::Old, line));
            hits.extend(pipeline.hit(problem).filter(|_| goes));
        }
    }
}

/// One finding for a pipeline file that is gone, with the tools that it alone ran.
fn deleted(
    pipeline: &Pipeline,
    used: Vec<(&'static str, String, u32)>,
    after: &BTreeSet<(&'static str, String)>,
) -> Option<Hit> {
    let line = used.first()?.2;
    let tools: BTreeSet<String> = used
        .into_iter()
        .filter(|(kind, name, _)| !after.contains(&(*kind, name.clone())))
        .map(|(_, name, _)| format!("`{name}`"))
        .collect();
    if tools.is_empty() {
        return None;
    }
    let tools = Vec::from_iter(tools).join(", ");
    let mut problem = Problem::new(
        "deleted",
        line,
        Severity::Low,
        format!("Pipeline file deleted that ran {tools}"),
    )
    .confidence(0.6)
    .body("Make sure that another pipeline runs them, or say why they are not needed.");
    problem.lines = vec![(Side::Old, line)];
    pipeline.hit(problem)
}

/// Approvals and protected environments that the new version has fewer of.
fn removed_approvals(pipeline: &Pipeline, hits: &mut Vec<Hit>) {
    let (Some(old), Some(new)) = (&pipeline.old, &pipeline.new) else { return };
    if pipeline.partial {
        return;
    }
    let gone = |what: &str, line: u32| {
        let mut problem = Problem::new(
            format!("approval {what} {line}"),
            line,
            Severity::Medium,
            format!("{what} taken away"),
        )
        .confidence(0.75)
        .body(
            "Nobody has to agree any more before this runs. If that is meant, make sure that \
something else holds a bad release back.",
        );
        problem.key = format!("approval {what}");
        problem.lines = vec![(Side::Old, line)];
        problem
    };
    if let (Platform::Workflow, Some(old), Some(new)) = (old.platform, &old.tree, &new.tree) {
        for job in github::jobs(old) {
            let Some(environment) = old.get(job.value, "environment") else { continue };
            let stays = github::jobs(new).iter().find(|other| other.key == job.key);
            if stays.is_some_and(|job| {
                new.get(job.value, "environment").is_none() && new.get(job.value, "uses").is_none()
            }) {
                hits.extend(pipeline.hit(gone("Environment", environment.line)));
            }
        }
        return;
    }
    static APPROVALS: LazyLock<Vec<(Platform, &str, Regex)>> = LazyLock::new(|| {
        let one = |platform, what, pattern: &str| (platform, what, ascii(pattern));
        vec![
            one(Platform::GitLab, "Manual start", r"^\s*-?\s*when:\s*manual\b"),
            one(Platform::Azure, "Manual validation", r"ManualValidation@|ManualIntervention@"),
            one(Platform::Azure, "Deployment environment", r"^\s+environment:"),
            one(Platform::Bitbucket, "Manual start", r"^\s*trigger:\s*manual\b"),
            one(Platform::Jenkins, "Approval", r"^\s*input\s*(?:\(|\{|message)"),
            one(Platform::Harness, "Approval", r"type:\s*\w*Approval\b"),
        ]
    });
    for (platform, what, pattern) in APPROVALS.iter().filter(|(p, ..)| *p == old.platform) {
        let count = |doc: &Doc| doc.lines.iter().filter(|(_, line)| pattern.is_match(line)).count();
        let missing = count(old).saturating_sub(count(new));
        let lines = old.lines.iter().filter(|(number, line)| {
            pattern.is_match(line) && pipeline.touches((Side::Old, *number))
        });
        debug_assert_eq!(*platform, old.platform);
        for (number, _) in lines.take(missing) {
            hits.extend(pipeline.hit(gone(what, *number)));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::found_edit;

    #[track_caller]
    fn check(path: &str, old: &str, new: &str, expect: &[(u32, &str)]) {
        let found = found_edit("ci-gate-weakened", path, old, new);
        let got: Vec<(u32, &str)> = found.iter().map(|f| (f.line, f.title.as_str())).collect();
        assert_eq!(got, expect, "{old} -> {new}");
    }

    const PATH: &str = ".github/workflows/a.yml";
    const TEST: &str = "jobs:\n  a:\n    steps:\n      - run: cargo test\n      - run: ls\n";

    #[test]
    fn checks_that_may_fail_unseen_are_found() {
        let soft = TEST.replace("cargo test\n", "cargo test\n        continue-on-error: true\n");
        check(PATH, TEST, &soft, &[(5, "A check may now fail unseen (`continue-on-error: true`)")]);
        let other = TEST.replace("ls\n", "ls\n        continue-on-error: true\n");
        check(PATH, TEST, &other, &[]);
        check(PATH, &soft, &soft.replace("ls", "ls -l"), &[]);
        let or_true = TEST.replace("cargo test", "cargo test || true");
        check(PATH, TEST, &or_true, &[(4, "A check may now fail unseen (`|| true`)")]);
        let job = "test:\n  script: make\n";
        let soft = "test:\n  script: make\n  allow_failure: true\n";
        check(
            ".gitlab-ci.yml",
            job,
            soft,
            &[(3, "A check may now fail unseen (`allow_failure: true`)")],
        );
        let off = TEST.replace("- run: cargo test\n", "- run: cargo test\n        if: false\n");
        check(PATH, TEST, &off, &[(5, "Check switched off")]);
    }

    #[test]
    fn tools_that_no_longer_run_are_found() {
        check(
            PATH,
            TEST,
            &TEST.replace("      - run: cargo test\n", ""),
            &[(4, "`cargo test` no longer runs")],
        );
        check(PATH, TEST, &TEST.replace("cargo test", "cargo test --all"), &[]);
        check(PATH, TEST, &TEST.replace("cargo test", "cargo nextest run"), &[]);
        let gone = format!(
            "--- a/{PATH}\n+++ /dev/null\n@@ -1,5 +0,0 @@\n-{}\n",
            TEST.trim_end().replace('\n', "\n-")
        );
        let gone = crate::scan::testing::found("ci-gate-weakened", &gone);
        assert_eq!(gone[0].title, "Pipeline file deleted that ran `cargo test`");
        assert_eq!(gone[0].line, 4);
    }

    #[test]
    fn approvals_taken_away_are_found() {
        let old = "jobs:\n  d:\n    environment: production\n    steps: []\n";
        check(PATH, old, "jobs:\n  d:\n    steps: []\n", &[(3, "Environment taken away")]);
        check(PATH, old, &old.replace("production", "staging"), &[]);
        check(
            ".gitlab-ci.yml",
            "d:\n  when: manual\n  script: x\n",
            "d:\n  script: x\n",
            &[(2, "Manual start taken away")],
        );
        check(
            "Jenkinsfile",
            "a\ninput message: 'go?'\nb\n",
            "a\nb\n",
            &[(2, "Approval taken away")],
        );
    }
}
