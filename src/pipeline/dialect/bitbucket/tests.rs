//! Tests of the reader of Bitbucket pipelines.

use super::*;
use crate::pipeline::NoFiles;
use crate::pipeline::graph::{Os, Phase, Resource};
use crate::pipeline::yaml;

fn pipeline(text: &str) -> Result<Pipeline, Refusal> {
    let tree = yaml::parse(text).unwrap();
    read(&Source { path: "bitbucket-pipelines.yml", text, tree: &tree, files: &NoFiles })
}

/// Each job with the places of those it waits for.
fn edges(text: &str) -> Vec<String> {
    let pipeline = pipeline(text).unwrap();
    let line = |job: &Job| {
        let needs: Vec<String> = job.needs.iter().map(|need| need.job.to_string()).collect();
        format!("{}<-{}", job.id, needs.join(","))
    };
    pipeline.jobs.iter().map(line).collect()
}

fn only(step: &str) -> Job {
    let text = format!("pipelines:\n  default:\n    - step:\n        script: [a]\n{step}");
    pipeline(&text).unwrap().jobs.remove(0)
}

#[test]
fn steps_follow_each_other_and_groups_stand_side_by_side() {
    let check = |text: &str, expect: &[&str]| assert_eq!(edges(text), expect, "{text}");
    check(
        "pipelines:\n  default:\n  - step: {name: a, script: [x]}\n  - parallel:\n    - step: {name: b, script: [x]}\n    - step: {script: [x]}\n  - step: {name: a, script: [x]}\n",
        &["default/a<-", "default/b<-0", "default/3<-0", "default/a 2<-1,2"],
    );
    check(
        "pipelines:\n  branches:\n    main:\n    - stage:\n        name: s\n        steps:\n        - step: {name: a, script: [x]}\n        - step: {name: b, script: [x]}\n    - parallel:\n        fail-fast: true\n        steps:\n        - step: {name: c, script: [x]}\n  custom:\n    go:\n    - variables: [{name: V, default: one}]\n    - step: {name: a, script: [x]}\n",
        &["branches.main/a<-", "branches.main/b<-0", "branches.main/c<-1", "custom.go/a<-"],
    );
}

#[test]
fn entries_have_triggers_of_their_kind() {
    let text = "pipelines:\n  default: [step: {script: [x]}]\n  branches: {main: [step: {script: [x]}]}\n  tags: {'v*': [step: {script: [x]}]}\n  pull-requests: {'**': [step: {script: [x]}]}\n  custom: {by-hand: {import: 'shared:main:build'}}\n";
    let pipeline = pipeline(text).unwrap();
    let names: Vec<&str> = pipeline.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(
        names,
        ["default", "branches.main", "tags.v*", "pull-requests.**", "custom.by-hand"]
    );
    let kinds: Vec<TriggerKind> = pipeline.triggers.iter().map(|one| one.kind).collect();
    use TriggerKind::{Change, Manual, Push, Tag};
    assert_eq!(kinds, [Push, Push, Tag, Change, Manual]);
    assert_eq!(pipeline.triggers[1].branches, ["main"]);
    assert_eq!(pipeline.triggers[2].tags, ["v*"]);
    assert_eq!(pipeline.unread[0].what, "shared:main:build");
    assert_eq!(pipeline.jobs[4].kind, JobKind::Call);
}

#[test]
fn a_step_says_where_it_runs_and_what_it_keeps() {
    let job = only(
        "        name: Ship\n        image: {name: node:22, username: u}\n        size: 4x\n        max-time: 15\n        trigger: manual\n        deployment: production\n        oidc: true\n        caches: [node]\n        services: [docker]\n        artifacts: [dist/**]\n        condition: {changesets: {includePaths: [src/**]}}\n        concurrency-group: ship\n        clone: {depth: full, lfs: true}\n",
    );
    assert_eq!(job.title(), "Ship");
    assert_eq!(job.image.map(|at| at.value).as_deref(), Some("node:22"));
    assert_eq!(job.runner.size.as_deref(), Some("4x"));
    assert_eq!(job.timeout.map(|at| at.value), Some(15.0));
    assert!(job.manual);
    assert_eq!(job.environment.map(|at| at.value).as_deref(), Some("production"));
    assert_eq!(job.services, ["docker"]);
    assert!(job.condition.unwrap().value.contains("src/**"));
    assert_eq!(job.concurrency.unwrap().group, "ship");
    assert_eq!(job.clone.depth.map(|at| at.value), Some(0));
    let whats: Vec<Resource> = job.writes.into_iter().map(|access| access.what).collect();
    let text = |word: &str| word.to_owned();
    assert_eq!(
        whats,
        [
            Resource::Cache(text("node")),
            Resource::Artifact(text("dist/**")),
            Resource::Workspace(text("dist/**"))
        ]
    );
}

#[test]
fn a_runner_of_ones_own_is_told_by_its_labels() {
    let job = only("        runs-on: [self.hosted, windows]\n");
    assert_eq!((job.runner.os, job.runner.self_hosted), (Some(Os::Windows), true));
    let job = only("");
    assert_eq!((job.runner.os, job.runner.self_hosted), (Some(Os::Linux), false));
}

#[test]
fn commands_and_pipes_are_steps() {
    let text = "pipelines:\n  default:\n  - step:\n      script:\n      - make\n      - pipe: atlassian/aws-s3-deploy:1.1.0\n        variables: {S3_BUCKET: b}\n      - pipe: docker://host:5000/tool\n      after-script: [one, two]\n";
    let job = pipeline(text).unwrap().jobs.remove(0);
    let uses: Vec<(String, Option<String>)> = job
        .steps
        .iter()
        .filter_map(|step| step.uses.clone())
        .map(|u| (u.name, u.version))
        .collect();
    assert_eq!(
        uses,
        [
            ("atlassian/aws-s3-deploy".to_owned(), Some("1.1.0".to_owned())),
            ("host:5000/tool".to_owned(), None)
        ]
    );
    assert_eq!(job.steps[1].uses.as_ref().unwrap().input("s3_bucket"), Some("b"));
    let last = job.steps.last().unwrap();
    assert_eq!(
        (last.phase, last.script.as_ref().unwrap().text.as_str()),
        (Phase::Always, "one\ntwo")
    );
}

#[test]
fn later_steps_fetch_artifacts_unless_they_say_no() {
    let text = "pipelines:\n  default:\n  - step: {script: [x], artifacts: {paths: [a], download: false}}\n  - step: {script: [x], artifacts: {download: false}}\n  - step: {script: [x]}\n";
    let jobs = pipeline(text).unwrap().jobs;
    let takes: Vec<bool> =
        jobs.iter().map(|job| job.needs.iter().any(|need| need.artifacts)).collect();
    assert_eq!(takes, [false, false, true]);
    assert_eq!(jobs[2].reads[0].what, Resource::Artifact(String::new()));
    assert!(jobs[1].reads.is_empty());
}

#[test]
fn what_comes_from_an_anchor_is_shared() {
    let text = "definitions:\n  steps:\n  - step: &build {name: build, script: [make]}\npipelines:\n  default:\n  - step: *build\n  - step:\n      <<: *build\n      name: again\n  - step: {script: [x]}\n";
    let jobs = pipeline(text).unwrap().jobs;
    let shared: Vec<bool> = jobs.iter().map(|job| job.shared).collect();
    assert_eq!(shared, [true, true, false]);
    assert_eq!(jobs[1].id, "default/again");
}

#[test]
fn what_is_no_pipeline_is_declined() {
    let check = |text: &str, why: &str| {
        assert_eq!(pipeline(text).unwrap_err(), Refusal::Declined(why.to_owned()), "{text}");
    };
    check("", "it is empty");
    check("- a\n", "it is no mapping");
    check("image: x\n", "it has no `pipelines`");
    check("pipelines: {}\n", "its `pipelines` are empty");
}
