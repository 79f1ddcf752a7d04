//! Conversions: what is carried, in which words, and what is listed.

mod real;

use super::*;
use crate::pipeline::read;

const ALL: [Platform; 6] = [
    Platform::GitHub,
    Platform::GitLab,
    Platform::Azure,
    Platform::Jenkins,
    Platform::Bitbucket,
    Platform::Harness,
];

const GITHUB: &str = "\
name: shop
on:
  push: {branches: [main]}
  pull_request:
  schedule: [{cron: '5 4 * * 1'}]
env: {MODE: fast}
jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: 12
    strategy: {matrix: {node: ['20', '22']}}
    services:
      db: {image: 'postgres:16', env: {POSTGRES_PASSWORD: example}, ports: ['5432:5432']}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with: {node-version: '${{ matrix.node }}', cache: npm}
      - run: npm ci && npm test -- --seed '${{ github.run_number }}'
      - uses: acme/sparkle@v3
        with: {glitter: gold}
  ship:
    needs: test
    if: github.ref == 'refs/heads/main' && github.event_name == 'push'
    environment: production
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: ./ship.sh \"${{ github.sha }}\"
        env: {SHIP_TOKEN: '${{ secrets.SHIP_TOKEN }}'}
";

const GITLAB: &str = "\
stages: [build, deploy]
build:
  stage: build
  image: golang:1.24
  script: [go build ./...]
  artifacts: {paths: [bin/], expire_in: 3 days}
deploy:
  stage: deploy
  environment: staging
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
      when: manual
  script: ['./deploy.sh \"$CI_COMMIT_SHA\" \"$DEPLOY_TOKEN\"']
";

const AZURE: &str = "\
trigger: {branches: {include: [main]}, tags: {include: ['v*']}}
pool: {vmImage: ubuntu-22.04}
variables: {mode: fast}
stages:
  - stage: Build
    jobs:
      - job: Compile
        timeoutInMinutes: 20
        steps:
          - task: UsePythonVersion@0
            inputs: {versionSpec: '3.12'}
          - script: make MODE=$(mode) REV=$(Build.SourceVersion)
          - publish: out
            artifact: drop
  - stage: Ship
    dependsOn: Build
    condition: and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))
    jobs:
      - job: Send
        steps:
          - task: FtpUpload@2
            inputs: {serverUrl: ftp.example.org}
";

const JENKINS: &str = "\
pipeline {
  agent any
  environment { TOKEN = credentials('shop-token') }
  stages {
    stage('Build') { steps { sh 'make build' } }
    stage('Test') { when { branch 'main' } steps { sh 'make test' } }
    stage('Ship') {
      input { message 'Ship it?' }
      steps { sh 'make ship REV=$GIT_COMMIT' }
    }
  }
  post { failure { sh 'make cry' } }
}
";

const BITBUCKET: &str = "\
image: node:22
pipelines:
  default:
    - step: {name: Test, caches: [node], script: [npm ci, npm test]}
  branches:
    main:
      - step: {name: Build, script: [npm run build], artifacts: [dist/**]}
      - step:
          name: Ship
          deployment: production
          trigger: manual
          script:
            - pipe: acme/ship:1.2.3
              variables: {KEY: $SHIP_KEY}
";

const HARNESS: &str = "\
pipeline:
  identifier: shop
  name: shop
  stages:
    - stage:
        identifier: build
        name: build
        type: CI
        spec:
          cloneCodebase: true
          platform: {os: Linux, arch: Amd64}
          runtime: {type: Cloud, spec: {}}
          execution:
            steps:
              - step:
                  identifier: make
                  name: make
                  type: Run
                  spec: {shell: Bash, command: 'make REV=<+codebase.commitSha> KEY=<+secrets.getValue(\"shop_key\")>'}
";

fn sources() -> Vec<(Platform, &'static str)> {
    vec![
        (Platform::GitHub, GITHUB),
        (Platform::GitLab, GITLAB),
        (Platform::Azure, AZURE),
        (Platform::Jenkins, JENKINS),
        (Platform::Bitbucket, BITBUCKET),
        (Platform::Harness, HARNESS),
    ]
}

fn converted(from: Platform, text: &str, to: Platform) -> Converted {
    match read(from, from.usual_path(), text, &NoFiles) {
        Outcome::Read(file) => convert(&file, to, &NoFiles),
        other => panic!("{from:?} is not read: {other:?}"),
    }
}

#[test]
fn every_pair_of_platforms_gives_a_sound_file_and_loses_nothing_in_silence() {
    for (from, text) in sources() {
        for to in ALL.into_iter().filter(|to| *to != from) {
            let made = converted(from, text, to);
            if let Err(wrong) = prove(&made.text, to) {
                panic!("{from:?} to {to:?}: {wrong:?}\n{}", made.text);
            }
            let silent: Vec<_> =
                made.not_carried.iter().filter(|one| one.why == account::SILENT).collect();
            assert!(silent.is_empty(), "{from:?} to {to:?}: {silent:?}\n{}", made.text);
        }
    }
}

#[test]
fn what_has_an_equal_is_said_in_the_targets_words() {
    let check = |from: Platform, to: Platform, has: &[&str]| {
        let text = sources().into_iter().find(|one| one.0 == from).map_or("", |one| one.1);
        let made = converted(from, text, to);
        for word in has {
            assert!(made.text.contains(word), "{from:?} to {to:?}: {word}\n{}", made.text);
        }
    };
    use Platform::{Azure, Bitbucket, GitHub, GitLab, Harness, Jenkins};
    check(
        GitHub,
        GitLab,
        &["$CI_COMMIT_SHA", "postgres:16", "environment:", "timeout: 12 minutes"],
    );
    check(GitHub, Azure, &["npm ci", "cron: 5 4 * * 1", "$(SHIP_TOKEN)"]);
    check(GitHub, Jenkins, &["values '20', '22'", "credentials('SHIP_TOKEN')"]);
    check(
        GitLab,
        GitHub,
        &["upload-artifact", "download-artifact", "secrets.DEPLOY_TOKEN", "$GITHUB_SHA"],
    );
    check(
        Azure,
        GitHub,
        &["python-version: '3.12'", "$GITHUB_SHA", "Not carried over: FtpUpload@2"],
    );
    check(Azure, Bitbucket, &["$BITBUCKET_COMMIT", "out"]);
    check(
        Jenkins,
        GitHub,
        &["Build", "make test", "failure()", "secrets.shop_token", "environment:"],
    );
    check(Bitbucket, GitHub, &["Not carried over: acme/ship@1.2.3", "node_modules"]);
    check(Harness, GitHub, &["secrets.shop_key", "$GITHUB_SHA"]);
}

#[test]
fn what_has_no_equal_is_listed_with_its_line() {
    let made = converted(Platform::GitHub, GITHUB, Platform::GitLab);
    let entry = made.not_carried.iter().find(|one| one.what.contains("acme/sparkle@v3"));
    assert_eq!(entry.and_then(|one| one.line), Some(19), "{:?}", made.not_carried);
    assert!(made.text.contains("glitter: gold"), "{}", made.text);
}

#[test]
fn references_in_single_quotes_are_taken_out_of_them() {
    let made = converted(Platform::GitHub, GITHUB, Platform::GitLab);
    assert!(made.text.contains("--seed ''\"$CI_PIPELINE_IID\"''"), "{}", made.text);
}

#[test]
fn a_release_under_a_condition_without_equal_waits_for_a_person() {
    let text = GITHUB.replace(
        "github.event_name == 'push'",
        "contains(github.event.head_commit.message, 'ship')",
    );
    let made = converted(Platform::GitHub, &text, Platform::GitLab);
    let told = made
        .not_carried
        .iter()
        .any(|one| one.what.contains("the condition of job `ship` as a whole"));
    assert!(told, "{:?}", made.not_carried);
}

#[test]
fn azure_takes_settings_of_tasks_typed_and_those_of_scripts_as_texts() {
    let text = GITHUB.replace(
        "      - uses: acme/sparkle@v3\n        with: {glitter: gold}\n",
        "      - uses: actions/upload-artifact@v4\n        continue-on-error: true\n        timeout-minutes: 3\n        with: {name: out, path: out}\n      - run: make tidy\n        continue-on-error: true\n",
    );
    let made = converted(Platform::GitHub, &text, Platform::Azure);
    let task = made.text.split("CopyFiles@2").nth(1).unwrap_or_default();
    let task = task.split("- ").next().unwrap_or_default();
    assert!(task.contains("continueOnError: true"), "{}", made.text);
    assert!(task.contains("timeoutInMinutes: 3"), "{}", made.text);
    let script = made.text.split("make tidy").nth(1).unwrap_or_default();
    assert!(script.contains("continueOnError: 'true'"), "{}", made.text);
}

#[test]
fn two_images_of_a_job_have_no_id_in_common() {
    let text = GITHUB.replace(
        "      - uses: acme/sparkle@v3\n        with: {glitter: gold}\n",
        "      - uses: docker/build-push-action@v6\n        with: {push: true, tags: 'ghcr.io/acme/a:1'}\n      - uses: docker/build-push-action@v6\n        with: {push: true, tags: 'ghcr.io/acme/b:1'}\n",
    );
    let Outcome::Read(file) = read(Platform::GitHub, "x.yml", &text, &NoFiles) else {
        panic!("it is read")
    };
    let portable = lift::lift(&file, Platform::GitHub, &NoFiles).portable;
    let github = portable::write(&portable, Platform::GitHub).text;
    assert_eq!(github.matches("id: build").count(), 1, "{github}");
    assert!(github.contains("ghcr.io/acme/b:1"), "{github}");
    let azure = converted(Platform::GitHub, &text, Platform::Azure).text;
    assert_eq!(azure.matches("name: build").count(), 1, "{azure}");
}

#[test]
fn a_job_that_always_runs_keeps_the_rest_of_its_condition_behind_jenkins_stages() {
    let text = GITHUB.replace(
        "github.ref == 'refs/heads/main' && github.event_name == 'push'",
        "always() && github.ref == 'refs/heads/main'",
    );
    let made = converted(Platform::GitHub, &text, Platform::Jenkins);
    let behind = made.text.split("post {").last().unwrap_or_default();
    assert!(behind.contains("if (env.BRANCH_NAME == 'main')"), "{}", made.text);
    assert!(behind.contains("./ship.sh"), "{}", made.text);
    let told = made.not_carried.iter().any(|one| one.what.contains("environment `production`"));
    assert!(told, "{:?}", made.not_carried);
}

#[test]
fn alternatives_that_cannot_be_said_leave_no_empty_test() {
    let text = GITHUB.replace(
        "github.ref == 'refs/heads/main' && github.event_name == 'push'",
        "(github.event_name == 'issues' && contains(github.event.issue.body, 'a')) || (github.event_name == 'issue_comment' && contains(github.event.comment.body, 'b'))",
    );
    for to in ALL.into_iter().filter(|to| *to != Platform::GitHub) {
        let made = converted(Platform::GitHub, &text.replace("environment: production", ""), to);
        let empty = ["if: ()", "if: '()'", "condition: or()", "if [ ]", "expression {  }", "if ()"];
        for one in empty {
            assert!(!made.text.contains(one), "{to:?}: {one}\n{}", made.text);
        }
    }
}
