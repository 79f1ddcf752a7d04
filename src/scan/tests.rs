//! Tests of how rules run and how their findings stand on the diff.

use proptest::prelude::*;

use super::testing::{added, change, found};
use super::*;

#[test]
fn rules_have_their_own_ids_and_explain_themselves() {
    let ids: HashSet<&str> = rules().iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), rules().len());
    for rule in rules() {
        assert!(rule.help.len() > 80 && !rule.title.is_empty(), "{}", rule.id);
    }
}

#[test]
fn a_disabled_rule_does_not_run() {
    let change = change(&added("a.rs", "// TODO: x\n"));
    let run = |disabled: Vec<String>| {
        let options = Options { disabled, ..Options::default() };
        scan(&Subject {
            change: &change,
            old: &|_| None,
            new: &|_| None,
            exists: &|_| None,
            options: &options,
        })
        .len()
    };
    assert_eq!(run(vec![]), 1);
    assert_eq!(run(vec!["todo-without-ticket".into()]), 0);
}

#[test]
fn equal_lines_have_their_own_fingerprints() {
    let found = found("todo-without-ticket", &added("a.rs", "// TODO: x\nfn a() {}\n// TODO: x\n"));
    assert_eq!(found.len(), 2);
    assert_ne!(found[0].id, found[1].id);
}

#[test]
fn a_fingerprint_survives_lines_above() {
    let one = found("todo-without-ticket", &added("a.rs", "// TODO: x\n"));
    let two = found("todo-without-ticket", &added("a.rs", "use b;\n\n  // TODO: x\n"));
    assert_eq!(one[0].id, two[0].id);
}

#[test]
fn many_of_a_kind_are_counted_not_listed() {
    let text: String = (0..12).map(|i| format!("// TODO: x{i}\n")).collect();
    let found = found("todo-without-ticket", &added("a.rs", &text));
    assert_eq!(found.len(), 5);
    assert!(found[4].body.ends_with("The same in 7 more places in this file."));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn no_text_panics_and_every_finding_stands_on_an_added_line(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "on: [pull_request_target, push]", "jobs:", "  a:", "    steps:",
                "      - uses: a/b@v1", "      - run: curl x | sh ${{ github.head_ref }}",
                "        env: *x", "permissions: write-all", "&x", "  <<: *x", "\t- \u{202e}é",
                "sh \"\"\"${params.X}", "password = \"q8Z!r2LmW9x\"", "<<<<<<< a", ">>>>>>> b",
                "// TODO: x", "debugger;", "  continue-on-error: true", "\"", "'", "",
            ]),
            1..24,
        ),
        noise in "\\PC{0,40}",
        path in prop::sample::select(vec![
            ".github/workflows/a.yml", "action.yml", ".gitlab-ci.yml", "azure-pipelines.yml",
            "Jenkinsfile", "bitbucket-pipelines.yml", ".harness/a.yaml", "src/a.ts", "Cargo.toml",
        ]),
    ) {
        let text = format!("{}\n{noise}\n", lines.join("\n"));
        let change = change(&added(path, &text));
        let options = Options::default();
        let subject = Subject {
            change: &change,
            old: &|_| None,
            new: &|_| None,
            exists: &|_| None,
            options: &options,
        };
        let count = change.files[0].changed_lines() as u32;
        for finding in scan(&subject) {
            prop_assert!(finding.line >= 1 && finding.end_line <= count);
            prop_assert!(!finding.title.is_empty() && !finding.title.contains('\n'));
        }
    }
}

#[test]
fn many_findings_take_no_more_than_their_share() {
    let lines = |line: &str| format!("{line}\n").repeat(20_000);
    let workflow = format!("jobs:\n  a:\n    steps:\n{}", lines("      - uses: a/b@v1"));
    for (path, text) in [
        ("a.rs", lines("// TODO: x")),
        ("a.js", lines("debugger;")),
        (".github/workflows/a.yml", workflow),
    ] {
        let start = std::time::Instant::now();
        found("none", &added(path, &text));
        // Quadratic work would take minutes here.
        assert!(start.elapsed().as_secs() < 20, "{path}: {:?}", start.elapsed());
    }
}
