//! Pipelines in which the five main patterns were planted, on every platform: all are
//! found, the edits are what a maintainer would write, and they are the same whatever
//! the file's line ends.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::{Optimized, optimize};
use crate::pipeline::check::{self, Chosen};
use crate::pipeline::prove::{Gates, prove};
use crate::pipeline::timing::History;
use crate::pipeline::timing::history;
use crate::pipeline::{Files, Outcome, Platform, read};

const PATTERNS: [&str; 5] = [
    "sequential-independent-jobs",
    "missing-dependency-cache",
    "oversized-runner",
    "scan-after-deploy",
    "rebuilt-image",
];

/// Each folder of fixtures, its pipeline file, and parts of that file that are right as
/// they are: they stay, whatever changes around them.
const SEEDS: &[(&str, Platform, &str, &[&str])] = &[
    (
        "github-poetry",
        Platform::GitHub,
        ".github/workflows/ci.yml",
        &[
            "    types:   # the composite action keeps the packages\n        runs-on: ubuntu-latest\n        timeout-minutes: 10\n        steps:\n            - uses: actions/checkout@v4\n            - uses: ./.github/actions/python\n",
            "        name: Probe\n        needs: deploy\n",
        ],
    ),
    (
        "github-go",
        Platform::GitHub,
        ".github/workflows/ci.yml",
        &[
            "    - run: docker build --target test -t router-test .   # another stage of the Dockerfile\n",
            "      with: {name: generated, path: internal/gen}\n\n  \"unit\":\n    \"needs\": [\"codegen\"]\n",
        ],
    ),
    ("github-dotnet", Platform::GitHub, ".github/workflows/ci.yml", &["      - &checkout\n"]),
    (
        "gitlab-poetry",
        Platform::GitLab,
        ".gitlab-ci.yml",
        &["    <<: *docker\n    stage: package\n"],
    ),
    (
        "gitlab-go",
        Platform::GitLab,
        ".gitlab-ci.yml",
        &[
            "  cache: {key: gen, paths: [.go/]}\n  script: [\"make generate\"]\n",
            "  \"needs\": [\"deploy\"]\n  \"script\":\n  - zap-baseline.py",
        ],
    ),
    (
        "gitlab-gradle",
        Platform::GitLab,
        ".gitlab-ci.yml",
        &["    npm ci\n    if true; then\n    \tnpx eslint .\n    fi\n"],
    ),
    (
        "azure-dotnet",
        Platform::Azure,
        "azure-pipelines.yml",
        &["  - template: eng/restore.yml\n  - script: dotnet format --verify-no-changes\n"],
    ),
    (
        "azure-gradle",
        Platform::Azure,
        "azure-pipelines.yml",
        &["    - stage: Audit\n      dependsOn: Production\n"],
    ),
    (
        "azure-poetry",
        Platform::Azure,
        "azure-pipelines.yml",
        &["      condition: succeededOrFailed()\n"],
    ),
    (
        "jenkins-gradle",
        Platform::Jenkins,
        "Jenkinsfile",
        &["'''\n\t\t\t\t\tnpm ci\n\t\t\t\t\tnpx eslint .\n\t\t\t\t'''\n"],
    ),
    (
        "jenkins-go",
        Platform::Jenkins,
        "Jenkinsfile",
        &["    stage(\"ZAP\") {\n      agent { label \"docker\" }\n"],
    ),
    ("jenkins-poetry", Platform::Jenkins, "Jenkinsfile", &["label: 'Packages'"]),
    (
        "bitbucket-poetry",
        Platform::Bitbucket,
        "bitbucket-pipelines.yml",
        &["export IMAGE=acme/billing:$BITBUCKET_COMMIT\n"],
    ),
    (
        "bitbucket-gradle",
        Platform::Bitbucket,
        "bitbucket-pipelines.yml",
        &["    '**':\n    - parallel:\n      - step: *unit\n"],
    ),
    (
        "bitbucket-node",
        Platform::Bitbucket,
        "bitbucket-pipelines.yml",
        &["    - step:\n        name: Smoke\n        max-time: 5\n", "caches: [node]\n"],
    ),
    ("harness-go", Platform::Harness, "harness.yaml", &["go mod download # all\n"]),
    (
        "harness-gradle",
        Platform::Harness,
        "harness.yaml",
        &["          condition: <+codebase.branch> == \"main\"\n"],
    ),
    ("harness-poetry", Platform::Harness, "harness.yaml", &["- step: *packages\n"]),
];

struct Checkout {
    paths: Vec<String>,
    texts: BTreeMap<String, String>,
}

impl Files for Checkout {
    fn paths(&self) -> &[String] {
        &self.paths
    }

    fn read(&self, path: &str) -> Option<String> {
        self.texts.get(path).cloned()
    }
}

/// The fixtures, seen from this file, in whatever crate it is built.
fn checkout(seed: &str) -> Checkout {
    let root: PathBuf = Path::new(file!())
        .parent()
        .expect("a folder")
        .join("../../../tests/fixtures/pipelines/seeds")
        .join(seed);
    let mut texts = BTreeMap::new();
    let mut todo = vec![root.clone()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|why| panic!("{folder:?}: {why}")) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let name =
                path.strip_prefix(&root).expect("below").to_string_lossy().replace('\\', "/");
            texts.insert(name, std::fs::read_to_string(&path).expect("text"));
        }
    }
    Checkout { paths: texts.keys().cloned().collect(), texts }
}

fn patterns() -> Vec<Chosen> {
    let mut chosen = check::all();
    chosen.retain(|one| PATTERNS.contains(&one.rule.slug));
    chosen
}

fn made(
    files: &Checkout,
    platform: Platform,
    path: &str,
    text: &str,
    history: Option<&History>,
) -> Optimized {
    let file = match read(platform, path, text, files) {
        Outcome::Read(file) => file,
        other => panic!("{other:?}"),
    };
    optimize(file, &patterns(), files, history, &Gates::usual())
}

/// Rule, line and title of all that was said.
fn said(made: &Optimized) -> Vec<(&'static str, u32, String, bool)> {
    let changes = made.changes.iter().map(|one| (one.rule.slug, one.line, one.title.clone(), true));
    let rest =
        made.suggestions.iter().map(|one| (one.rule.slug, one.line, one.title.clone(), false));
    changes.chain(rest).collect()
}

fn diff(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(2).to_string()
}

#[test]
fn all_patterns_are_found_in_every_seed_and_what_is_right_stays() {
    for (seed, platform, path, right) in SEEDS {
        let files = checkout(seed);
        let text = &files.texts[*path];
        let made = made(&files, *platform, path, text, None);
        assert_eq!(made.withheld, [], "{seed}");
        let said = said(&made);
        for pattern in PATTERNS {
            assert!(said.iter().any(|one| one.0 == pattern), "{seed}: {pattern}\n{said:#?}");
        }
        for part in *right {
            assert!(made.after.text.contains(part), "{seed}: {part}\n{}", made.after.text);
        }
        let safe: Vec<&str> = made.changes.iter().map(|one| one.rule.slug).collect();
        assert!(!safe.contains(&"oversized-runner") && !safe.contains(&"rebuilt-image"), "{seed}");
    }
}

#[test]
fn the_edits_are_what_a_maintainer_would_write() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    let _bound = settings.bind_to_scope();
    for (seed, platform, path, _) in SEEDS {
        let files = checkout(seed);
        let text = &files.texts[*path];
        let made = made(&files, *platform, path, text, None);
        let mut out = String::new();
        for (rule, line, title, changed) in said(&made) {
            let how = if changed { "made" } else { "suggested" };
            let _ = writeln!(out, "{how}: {line}: {rule}: {title}");
        }
        let _ = write!(out, "\nWhat is made\n{}", diff(text, &made.after.text));
        for one in &made.suggestions {
            let Some((title, ops)) = one.fix.as_ref().filter(|fix| !fix.1.is_empty()) else {
                continue;
            };
            let proven = prove(&made.after, ops, &files, &Gates::usual())
                .unwrap_or_else(|why| panic!("{seed}: {}: {why:?}", one.title));
            let _ = write!(out, "\n{title}\n{}", diff(&made.after.text, &proven.after.text));
        }
        insta::assert_snapshot!(*seed, out);
    }
}

#[test]
fn line_ends_change_neither_what_is_found_nor_what_is_done() {
    for (seed, platform, path, _) in SEEDS {
        let files = checkout(seed);
        let text = &files.texts[*path];
        let plain = made(&files, *platform, path, text, None);
        let expect = said(&plain);
        let windows = text.replace('\n', "\r\n");
        let variants: [(&str, String, String); 4] = [
            ("CRLF", windows.clone(), plain.after.text.replace('\n', "\r\n")),
            ("a mark", format!("\u{feff}{text}"), format!("\u{feff}{}", plain.after.text)),
            ("no end", text.trim_end().to_owned(), plain.after.text.trim_end().to_owned()),
            (
                "CRLF, no end",
                windows.trim_end().to_owned(),
                plain.after.text.replace('\n', "\r\n").trim_end().to_owned(),
            ),
        ];
        for (name, before, after) in variants {
            let made = made(&files, *platform, path, &before, None);
            assert_eq!(made.withheld, [], "{seed}, {name}");
            assert_eq!(said(&made), expect, "{seed}, {name}");
            let same = made.after.text.trim_end() == after.trim_end();
            assert!(same, "{seed}, {name}\n{}", diff(&after, &made.after.text));
            let ended = before.ends_with('\n');
            assert_eq!(made.after.text.ends_with('\n'), ended, "{seed}, {name}");
        }
    }
}

#[test]
fn nothing_is_left_to_do_a_second_time() {
    for (seed, platform, path, _) in SEEDS {
        let files = checkout(seed);
        let once = made(&files, *platform, path, &files.texts[*path], None);
        let again = made(&files, *platform, path, &once.after.text, None);
        assert_eq!(again.after.text, once.after.text, "{seed}");
        assert!(again.changes.is_empty() && again.withheld.is_empty(), "{seed}");
    }
}

#[test]
fn timings_say_which_machine_is_too_large() {
    let run = |lint: u32, unit: u32| {
        format!(
            r#"{{"jobs": [{{"name": "style", "seconds": {lint}}}, {{"name": "Tests", "seconds": {unit}}}, {{"name": "types", "seconds": 60}}, {{"name": "Image", "seconds": 200}}]}}"#
        )
    };
    let title = "`Style (ruff)` runs on a large machine (`ubuntu-latest-32-cores`)";
    let (seed, platform, path, _) = SEEDS[0];
    let files = checkout(seed);
    // A short check beside long tests, and tests that wait for a long check.
    for (lint, unit, spoken) in [(12, 600, true), (600, 12, false)] {
        let runs: Vec<String> = (0..8).map(|more| run(lint + more, unit + more)).collect();
        let json = format!(r#"{{"schema": "pipewright.history/1", "runs": [{}]}}"#, runs.join(","));
        let history = history::read(json.as_bytes()).expect("a history");
        let made = made(&files, platform, path, &files.texts[path], Some(&history));
        let found = made.suggestions.iter().find(|one| one.title == title).expect("the machine");
        assert_eq!(found.why.contains("no longer"), spoken, "{}", found.why);
    }
}
