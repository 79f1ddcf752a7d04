//! Which pipelines are told to go on for nothing, and how older runs are ended.

use super::*;
use crate::pipeline::Files;
use crate::pipeline::rule::testing::{finds, fixed, hits};

fn github(head: &str, job: &str) -> String {
    format!("{head}jobs:\n  work:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {job}\n")
}

const BOTH: &str = "on:\n  push:\n    branches: [main]\n  pull_request:\n";
const GROUP: &str = "concurrency:\n  group: ${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}\n  cancel-in-progress: ${{ github.event_name == 'pull_request' }}\n";

#[test]
fn runs_of_a_pull_request_share_a_group() {
    for (head, job) in [
        ("on: pull_request\n", "make"),
        ("on:\n  pull_request:\n    types: [opened, synchronize]\n", "make"),
        (BOTH, "make test"),
        ("on: [push, pull_request]\n", "make"),
    ] {
        let text = github(head, job);
        let out = fixed(&RULE, Platform::GitHub, &text, true);
        assert_eq!(out, text.replace("jobs:\n", &format!("{GROUP}jobs:\n")));
        finds(&RULE, Platform::GitHub, &out, &[]);
        assert_eq!(fixed(&RULE, Platform::GitHub, &text, false), text);
    }
}

#[test]
fn what_would_be_left_half_done_is_only_suggested() {
    for job in ["kubectl apply -f k8s/", "npm publish", "docker push a/b"] {
        let text = github("on: pull_request\n", job);
        assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), text);
        assert!(fixed(&RULE, Platform::GitHub, &text, false).contains("cancel-in-progress"));
    }
    // A run for a label may skip what it cancels.
    let text = github("on:\n  pull_request:\n    types: [synchronize, labeled]\n", "make");
    assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), text);
    assert!(fixed(&RULE, Platform::GitHub, &text, false).contains("cancel-in-progress"));
    // What no change ever starts leaves nothing half done.
    let text = github(BOTH, "npm publish")
        .replace("    steps", "    if: github.event_name == 'push'\n    steps");
    assert!(fixed(&RULE, Platform::GitHub, &text, true).contains("cancel-in-progress"));
    let either = text.replace("== 'push'", "== 'push' || true");
    assert_eq!(fixed(&RULE, Platform::GitHub, &either, true), either);
}

#[test]
fn workflows_of_one_name_would_cancel_each_other() {
    struct Other(Vec<String>, &'static str);
    impl Files for Other {
        fn paths(&self) -> &[String] {
            &self.0
        }
        fn read(&self, _: &str) -> Option<String> {
            Some(format!("name: {}\non: pull_request\n", self.1))
        }
    }
    let text = github("name: CI\non: pull_request\n", "make");
    for (name, safe) in [("Docs", true), ("CI", false), ("'CI' # too", false)] {
        let files = Other(vec![".github/workflows/other.yml".to_owned()], name);
        let (_, found) = hits(&RULE, Platform::GitHub, &text, &files);
        assert_eq!(found[0].fix.as_ref().map(|fix| fix.safe), Some(safe), "{name}");
    }
}

#[test]
fn github_is_silent_where_no_change_starts_it_or_a_group_is_there() {
    for text in [
        github("on: push\n", "make"),
        github("on:\n  schedule:\n    - cron: '0 0 * * *'\n", "make"),
        github("on:\n  pull_request:\n    types: [opened, labeled]\n", "make"),
        github("on:\n  pull_request:\n  workflow_call:\n", "make"),
        github("on: pull_request\nconcurrency: x\n", "make"),
        github("on: pull_request\n", "make").replace("    steps", "    concurrency: x\n    steps"),
    ] {
        finds(&RULE, Platform::GitHub, &text, &[]);
    }
}

const CHANGES: &str =
    "workflow:\n  rules:\n    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n";

#[test]
fn gitlab_jobs_may_be_interrupted_but_for_those_that_leave_traces() {
    let jobs = "test:\n  script: [make]\nship:\n  stage: deploy\n  script: [kubectl apply -f k8s/]\nask:\n  when: manual\n  script: [make]\n";
    let after = "test:\n  script: [make]\nship:\n  stage: deploy\n  interruptible: false\n  script: [kubectl apply -f k8s/]\nask:\n  when: manual\n  script: [make]\n  interruptible: false\ndefault:\n  interruptible: true\n";
    let text = format!("{CHANGES}{jobs}");
    let out = fixed(&RULE, Platform::GitLab, &text, true);
    assert_eq!(out, format!("{CHANGES}{after}"));
    finds(&RULE, Platform::GitLab, &out, &[]);
    // Pipelines of the main branch would be cut short.
    assert_eq!(fixed(&RULE, Platform::GitLab, jobs, true), jobs);
    assert_eq!(fixed(&RULE, Platform::GitLab, jobs, false), after);
    let own = format!("{CHANGES}default:\n  image: a\ntest:\n  script: [make]\n");
    let out = fixed(&RULE, Platform::GitLab, &own, true);
    assert_eq!(out, own.replace("image: a\n", "image: a\n  interruptible: true\n"));
    // What stands elsewhere would be interrupted too.
    let include =
        format!("{CHANGES}include: {{project: a/b, file: c.yml}}\ntest:\n  script: [make]\n");
    assert_eq!(fixed(&RULE, Platform::GitLab, &include, true), include);
    for text in [
        "test:\n  interruptible: true\n  script: [make]\n",
        "workflow:\n  auto_cancel: {on_new_commit: none}\ntest:\n  script: [make]\n",
    ] {
        finds(&RULE, Platform::GitLab, text, &[]);
    }
}

#[test]
fn others_are_only_told() {
    let azure = "pr:\n  autoCancel: false\n  branches: {include: [main]}\nsteps:\n- script: make\n";
    finds(&RULE, Platform::Azure, azure, &["false"]);
    assert_eq!(fixed(&RULE, Platform::Azure, azure, true), azure);
    assert_eq!(fixed(&RULE, Platform::Azure, azure, false), azure.replace("false", "true"));
    finds(&RULE, Platform::Azure, &azure.replace("false", "true"), &[]);
    finds(&RULE, Platform::Azure, "steps:\n- script: make\n", &[]);

    let jenkins = "pipeline {\n  agent any\n  stages {\n    stage('work') {\n      steps { sh 'make' }\n    }\n  }\n}\n";
    finds(&RULE, Platform::Jenkins, jenkins, &["'work'"]);
    let option = "any\n  options { disableConcurrentBuilds(abortPrevious: true) }\n";
    for text in [jenkins.replace("any\n", option), jenkins.replace("make", "kubectl apply -f k8s/")]
    {
        finds(&RULE, Platform::Jenkins, &text, &[]);
    }
}

#[test]
fn gitlab_jobs_that_sound_lasting_are_not_interrupted() {
    let rules = "workflow:\n  rules:\n    - if: $CI_PIPELINE_SOURCE == 'merge_request_event'\n";
    let test = "unit:\n  script: [make test]\n";
    let publish = "publish:\n  script: [\"curl --data $TAG $URL\"]\n";
    let text = format!("{rules}{test}{publish}");
    let out = fixed(&RULE, Platform::GitLab, &text, true);
    assert!(out.contains("$URL\"]\n  interruptible: false\n"), "{out}");
    finds(&RULE, Platform::GitLab, &format!("{rules}{publish}"), &[]);
}
