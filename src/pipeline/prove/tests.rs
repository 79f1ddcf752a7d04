//! What is proven, and what is withheld and why.

use super::*;
use crate::pipeline::edit::Place;
use crate::pipeline::graph::{Path, Seg};
use crate::pipeline::{NoFiles, read};

fn file(platform: Platform, text: &str) -> Box<File> {
    match read(platform, platform.usual_path(), text, &NoFiles) {
        Outcome::Read(file) => file,
        other => panic!("{other:?}"),
    }
}

fn path(text: &str) -> Path {
    text.split('.')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().map_or_else(|_| Seg::Key(part.to_owned()), Seg::Index))
        .collect()
}

fn insert(at: &str, key: &str, value: impl Into<Plain>) -> Op {
    Op::Insert { at: path(at), key: key.to_owned(), value: value.into(), place: Place::Last }
}

fn replace(at: &str, value: impl Into<Plain>) -> Op {
    Op::Replace { at: path(at), value: value.into() }
}

fn remove(at: &str) -> Op {
    Op::Remove { at: path(at) }
}

const WORKFLOW: &str = "\
name: ci
on:
  push:
    branches: [main, dev]
  pull_request:
permissions:
  contents: read
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: npx eslint .
  test:
    needs: lint
    name: unit tests
    runs-on: ubuntu-latest
    timeout-minutes: 20
    strategy:
      matrix:
        node: [20, 22]
    steps:
      - uses: actions/checkout@v4
      - run: npm test # all
        env:
          NPM_TOKEN: ${{ secrets.NPM_TOKEN }}
  approve:
    needs: test
    runs-on: ubuntu-latest
    environment: production
    steps:
      - run: 'true'
  deploy:
    needs: [approve]
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: kubectl apply -f k8s
";

fn proven(ops: &[Op]) -> Result<Proven, Withheld> {
    prove(&file(Platform::GitHub, WORKFLOW), ops, &NoFiles, &Gates::usual())
}

#[track_caller]
fn holds(ops: &[Op]) {
    if let Err(withheld) = proven(ops) {
        panic!("{withheld:?}");
    }
}

#[track_caller]
fn withheld(ops: &[Op], check: Check, reason: &str) {
    match proven(ops) {
        Ok(proven) => panic!("was proven:\n{}", proven.after.text),
        Err(withheld) => assert_eq!((withheld.check, withheld.reason.as_str()), (check, reason)),
    }
}

#[test]
fn harmless_edits_are_proven_with_a_sentence_for_each_check() {
    let proven = proven(&[
        insert("jobs.lint", "timeout-minutes", Plain::Int(10)),
        insert("jobs.lint.steps.0", "with", Plain::map([("fetch-depth", Plain::Int(1))])),
    ])
    .unwrap();
    assert!(proven.after.text.contains("        with:\n          fetch-depth: 1\n"));
    assert_eq!(proven.proof.len(), 10);
    assert!(proven.proof.iter().all(|sentence| sentence.ends_with('.')));
    // What was put in stands where the line below it stood.
    let line = |text: &str, what: &str| text.lines().position(|line| line.contains(what)).unwrap();
    for what in ["name: ci", "npx eslint", "unit tests", "kubectl"] {
        let (old, new) = (line(WORKFLOW, what), line(&proven.after.text, what));
        assert_eq!(proven.origin[new] as usize, old, "{what}");
    }
}

#[test]
fn what_takes_nothing_away_is_proven() {
    holds(&[replace("on.push.branches", Plain::texts(["main"]))]);
    holds(&[replace("jobs.test.timeout-minutes", Plain::Int(10))]);
    holds(&[Op::Text {
        at: path("jobs.lint.steps.1.run"),
        find: "npx eslint".to_owned(),
        replace: "npx eslint --cache".to_owned(),
    }]);
    holds(&[insert("jobs.test.steps.1", "shell", "bash")]);
    holds(&[insert(
        "",
        "concurrency",
        Plain::map([
            ("group", Plain::text("${{ github.ref }}")),
            ("cancel-in-progress", "${{ github.event_name == 'pull_request' }}".into()),
        ]),
    )]);
    // Lint may run beside the tests where deploying waits for both.
    holds(&[
        remove("jobs.test.needs"),
        replace("jobs.approve.needs", Plain::texts(["test", "lint"])),
    ]);
}

#[test]
fn what_is_lost_or_loosened_is_withheld() {
    let lost = |ops: &[Op], reason: &str| withheld(ops, Check::Lost, reason);
    lost(&[remove("jobs.deploy")], "job `deploy` would be lost");
    lost(&[replace("jobs.test.name", "tests")], "job `unit tests`: its name would change");
    lost(&[remove("jobs.test.strategy")], "job `unit tests`: its copies would change");
    lost(
        &[replace("jobs.test.strategy.matrix.node", Plain::Seq(vec![Plain::Int(22)]))],
        "job `unit tests`: its copies would change",
    );
    lost(&[remove("jobs.deploy.if")], "job `deploy`: its condition would change");
    lost(&[remove("jobs.approve.environment")], "job `approve`: its environment would change");
    lost(
        &[insert("jobs.lint", "continue-on-error", true)],
        "job `lint`: its failure would be let pass",
    );
    lost(
        &[insert("jobs.lint.steps.1", "continue-on-error", true)],
        "job `lint`: a step: its failure would be let pass",
    );
    lost(
        &[replace("jobs.test.timeout-minutes", Plain::Int(30))],
        "job `unit tests`: its time limit would be wider",
    );
    lost(&[replace("permissions.contents", "write")], "job `lint`: its permissions would be wider");
    lost(
        &[insert("jobs.lint", "permissions", Plain::text("write-all"))],
        "job `lint`: its permissions would be wider",
    );
    lost(&[remove("permissions")], "job `lint`: its permissions would be wider");
    lost(
        &[remove("jobs.test.steps.1.env")],
        "job `unit tests`: a step: its variable `NPM_TOKEN` would be lost",
    );
    lost(
        &[insert("jobs.lint", "env", Plain::map([("T", "${{ secrets.NPM_TOKEN }}".into())]))],
        "job `lint`: `NPM_TOKEN` would come into its reach",
    );
    lost(&[remove("on.push.branches")], "`push` would set it off more often");
    lost(
        &[replace("on.push.branches", Plain::texts(["main", "next"]))],
        "`push` would set it off more often",
    );
    lost(
        &[insert("on", "workflow_dispatch", Plain::Null)],
        "`workflow_dispatch` would set it off, which did not",
    );
    lost(&[remove("on.pull_request")], "`pull_request` would not set it off any more");
    lost(
        &[insert(
            "",
            "concurrency",
            Plain::map([("group", Plain::text("x")), ("cancel-in-progress", Plain::Bool(true))]),
        )],
        "a delivery could be cancelled halfway",
    );
    lost(
        &[Op::Move { at: path("jobs.lint.steps"), from: 1, to: 0 }, remove("jobs.deploy.needs")],
        "job `deploy`: it would not wait for `lint` any more",
    );
    lost(&[remove("jobs.deploy.needs")], "job `deploy`: it would not wait for `lint` any more");
    lost(
        &[replace("jobs.deploy.needs", Plain::texts(["test"]))],
        "job `deploy`: it would not wait for `approve` any more",
    );
    lost(
        &[replace("jobs.approve.needs", Plain::texts(["lint"]))],
        "job `approve`: it would not wait for `unit tests` any more",
    );
}

#[test]
fn what_the_service_would_refuse_is_withheld() {
    let ops = [insert("jobs.lint", "timeout", Plain::Int(10))];
    assert_eq!(proven(&ops).unwrap_err().check, Check::Schema);
    let ops = [replace("jobs.approve.needs", Plain::texts(["test", "nobody"]))];
    assert_eq!(proven(&ops).unwrap_err().check, Check::Meaning);
    let ops = [insert("jobs.lint", "needs", Plain::texts(["deploy"]))];
    assert_eq!(proven(&ops).unwrap_err().check, Check::Meaning);
    let broken = proven(&[replace("jobs", "none")]).unwrap_err();
    assert_eq!(broken.check, Check::Reads);
    assert!(broken.reason.starts_with("the result is broken in line "), "{}", broken.reason);
    withheld(&[replace("name", "ci")], Check::Edit, "it changes nothing");
    withheld(&[remove("job")], Check::Edit, "`job`: there is no such place");
}

#[test]
fn an_edit_without_a_new_problem_passes_where_there_was_one() {
    let text = WORKFLOW.replace(
        "    runs-on: ubuntu-latest\n    environment",
        "    runs-on: ubuntu-latest\n    enviroment: x\n    environment",
    );
    let before = file(Platform::GitHub, &text);
    let ops = [insert("jobs.lint", "timeout-minutes", Plain::Int(10))];
    assert!(prove(&before, &ops, &NoFiles, &Gates::usual()).is_ok());
}

#[test]
fn gates_are_asked_once_before_and_once_after() {
    let new = |file: &File| {
        let twice = usize::from(file.text.contains("timeout-minutes: 10")) + 1;
        vec!["known".to_owned(); twice]
    };
    let none = |_: &File| Vec::new();
    let before = file(Platform::GitHub, WORKFLOW);
    let ops = [insert("jobs.lint", "timeout-minutes", Plain::Int(10))];
    for (gates, check) in [
        (Gates { schema: &new, semantic: &none }, Check::Schema),
        (Gates { schema: &none, semantic: &new }, Check::Meaning),
    ] {
        let withheld = prove(&before, &ops, &NoFiles, &gates).unwrap_err();
        assert_eq!(withheld.check, check);
        assert!(withheld.reason.ends_with("new problem: known"), "{}", withheld.reason);
    }
}

#[test]
fn a_line_that_no_op_names_may_not_change() {
    let before = file(Platform::GitHub, WORKFLOW);
    let ops = [insert("jobs.lint", "timeout-minutes", Plain::Int(10))];
    let good = proven(&ops).unwrap().after.text.clone();
    assert_eq!(untouched::check(&before, &good, &ops), Ok(0));
    let check = |after: String| {
        let reason = untouched::check(&before, &after, &ops).unwrap_err();
        assert!(reason.ends_with("would change, which the change does not name"), "{reason}");
    };
    check(good.replace("name: ci", "name:  ci"));
    check(good.replace("# all", "# some"));
    check(good.replace("k8s\n", "k8s # x\n"));
    check(good.replace("    environment", "\n    environment"));
    check(good.replace("      - run: npx eslint .\n", ""));
    check(good.replace("  lint:\n", "  lint: # x\n"));
    let more = untouched::check(&before, &format!("{good}# more\n"), &ops).unwrap_err();
    assert!(more.ends_with("which the change does not name"), "{more}");
}

#[test]
fn something_new_may_come_before_all_lines() {
    for mark in ["", "\u{feff}"] {
        let text = format!("{mark}{WORKFLOW}");
        let op = Op::Insert {
            at: Path::new(),
            key: "run-name".to_owned(),
            value: Plain::text("x"),
            place: Place::First,
        };
        let after = prove(&file(Platform::GitHub, &text), &[op], &NoFiles, &Gates::usual());
        assert_eq!(after.unwrap().after.text, format!("{mark}run-name: x\n{WORKFLOW}"));
    }
}

#[test]
fn line_ends_and_the_end_of_the_file_stay() {
    for (before, after, kept) in [
        ("a\r\nb\r\n", "a\r\nc\r\n", true),
        ("a\r\nb\r\n", "a\r\nc\n", false),
        ("a\nb\n", "a\r\nb\n", false),
        ("a\nb", "a\nb\n", false),
        ("\u{feff}a\n", "a\n", false),
        ("a\r\nb\n", "a\r\nc\nb\n", true),
    ] {
        assert_eq!(ends(before, after).is_ok(), kept, "{before:?} {after:?}");
    }
}

#[test]
fn secrets_are_known_by_their_forms() {
    let check = |source: &str, expect: &[&str]| {
        let mut names = std::collections::BTreeSet::new();
        secrets::named(source, &mut names);
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), expect, "{source}");
    };
    check("token: ${{ secrets.A_B }} ${{ secrets['c-d'] }}", &["A_B", "c-d"]);
    check("secrets: inherit", &["inherit"]);
    check("PASS = credentials('db')", &["db"]);
    check("withCredentials([string(credentialsId: 'x', variable: 'Y')])", &["x"]);
    check("value: <+secrets.getValue(\"org.key\")>", &["org.key"]);
    check("connectorRef: account.docker", &["account.docker"]);
    check("azureSubscription: 'my sub'", &["my sub"]);
    check(
        "echo $(ApiToken) $DEPLOY_TOKEN ${AWS_SECRET_ACCESS_KEY} $HOME",
        &["AWS_SECRET_ACCESS_KEY", "ApiToken", "DEPLOY_TOKEN"],
    );
    check("# token: ${{ secrets.A }}", &[]);
    check("run: echo secrets", &[]);
}

#[test]
fn a_jenkinsfile_is_proven_by_its_graph() {
    let text = "pipeline {\n  agent any\n  stages {\n    stage('build') { steps { sh 'make' } }\n    stage('deploy') {\n      input { message 'go?' }\n      steps { sh 'kubectl apply -f x' }\n    }\n  }\n}\n";
    let before = file(Platform::Jenkins, text);
    let put = |at: &str, old: &str, new: &str| {
        let start = text.find(at).unwrap();
        let span = crate::pipeline::graph::Span::new(start..start + old.len());
        [Op::Splice { span, text: new.to_owned() }]
    };
    let prove = |ops: &[Op]| prove(&before, ops, &NoFiles, &Gates::usual());
    let options = put("  stages", "", "  options { timeout(time: 1, unit: 'HOURS') }\n");
    assert!(prove(&options).is_ok());
    let input = put("      input", "      input { message 'go?' }\n", "");
    let lost = prove(&input).unwrap_err();
    assert_eq!(lost.check, Check::Lost, "{}", lost.reason);
    let broken = put("      steps { sh 'kubectl", "      steps {", "      steps ");
    assert_eq!(prove(&broken).unwrap_err().check, Check::Reads);
    let stage = put("    stage('build')", "    stage('build') { steps { sh 'make' } }\n", "");
    assert_eq!(prove(&stage).unwrap_err().check, Check::Lost);
}
