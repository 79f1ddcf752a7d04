//! What the rule finds on each platform, and what its fix writes.

use super::*;
use crate::pipeline::NoFiles;
use crate::pipeline::rule::testing::{self, edited, finds};

/// The text after the fix of the one finding.
#[track_caller]
fn fixed(platform: Platform, text: &str) -> String {
    let (file, hits) = testing::hits(&RULE, platform, text, &NoFiles);
    let [Hit { fix: Some(fix), .. }] = hits.as_slice() else { panic!("{hits:?}\n{text}") };
    edited(&file, &fix.ops)
}

#[track_caller]
fn check_fix(platform: Platform, before: &str, after: &str) {
    assert_eq!(fixed(platform, before), after, "{before}");
}

#[track_caller]
fn silent(platform: Platform, text: &str) {
    finds(&RULE, platform, text, &[]);
}

const GITHUB: &str = "\
on: push
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: npm ci && npm run lint
  unit:
    needs: lint # cheap first
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: mvn -B verify
  image:
    needs: unit
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t ghcr.io/a/b . && docker push ghcr.io/a/b
";

#[test]
fn github_narrows_needs_and_keeps_what_publishes_waiting() {
    let expect = GITHUB
        .replace("    needs: lint # cheap first\n", "")
        .replace("    needs: unit\n", "    needs: [lint, unit]\n");
    check_fix(Platform::GitHub, GITHUB, &expect);
}

#[test]
fn line_ends_of_windows_stay() {
    let text = GITHUB.replace('\n', "\r\n");
    let out = fixed(Platform::GitHub, &text);
    assert_eq!(out.lines().count(), out.matches("\r\n").count(), "{out:?}");
}

#[test]
fn what_ties_jobs_keeps_the_edge() {
    let with = |from: &str, to: &str| {
        let text = GITHUB.replace(from, to);
        assert_ne!(text, GITHUB, "{from}");
        silent(Platform::GitHub, &text);
    };
    let unit = "      - run: mvn -B verify\n";
    with(
        unit,
        "      - uses: actions/download-artifact@v4\n      - run: mvn -B verify\n      - run: ./unknown.sh\n",
    );
    with(unit, "      - run: echo ok\n");
    with(unit, "      - run: mvn -B verify\n      - run: ./deploy.sh\n");
    with(unit, "      - run: mvn -B verify\n      - uses: someone/unknown@v1\n");
    with(unit, "      - run: mvn -B verify\n      - run: gh run download\n");
    with("needs: lint # cheap first", "needs: lint\n    if: always()");
    with("needs: lint # cheap first", "needs: lint\n    environment: staging");
    with("needs: lint # cheap first", "needs: lint\n    permissions: {contents: write}");
    with("  lint:\n", "  lint:\n    if: github.event_name == 'push'\n");
    with("npm ci && npm run lint", "npm ci && npm run lint && npm publish");
    with("npm ci && npm run lint", "make configure-everything");
    with("needs: lint # cheap first", "needs: lint\n    env: {A: '${{ needs.lint.outputs.a }}'}");
}

#[test]
fn artifacts_of_jobs_farther_up_keep_an_edge_of_their_own() {
    let text = "\
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: npm ci && npm run build
      - uses: actions/upload-artifact@v4
        with: {name: dist, path: dist}
  lint:
    needs: [build]
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: npm ci && npm run lint
  unit:
    needs: [lint]
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/download-artifact@v4
        with: {name: dist}
      - run: npm ci && npm test
";
    let expect =
        text.replace("    needs: [build]\n", "").replace("needs: [lint]", "needs: [build]");
    check_fix(Platform::GitHub, text, &expect);
}

#[test]
fn a_dear_job_behind_a_cheap_check_is_only_spoken_of() {
    let text = GITHUB.replace(
        "    needs: lint # cheap first\n",
        "    needs: lint\n    strategy: {matrix: {os: [a, b, c], v: [1, 2]}}\n",
    );
    let (_, hits) = testing::hits(&RULE, Platform::GitHub, &text, &NoFiles);
    assert_eq!(hits.len(), 1);
    assert!(hits[0].fix.as_ref().is_some_and(|fix| !fix.safe), "{hits:?}");
}

#[test]
fn gitlab_needs_nothing() {
    let text = "\
stages: [check, test, deploy]
lint:
  stage: check
  script: [npm ci, npm run lint]
unit:
  stage: test
  script:
    - mvn -B verify
deploy:
  stage: deploy
  environment: production
  script: [./deploy.sh]
";
    let expect = text.replace("  stage: test\n", "  stage: test\n  needs: []\n");
    check_fix(Platform::GitLab, text, &expect);
    silent(
        Platform::GitLab,
        &text.replace(
            "[npm ci, npm run lint]",
            "[npm ci, npm run lint]\n  artifacts: {paths: [node_modules]}",
        ),
    );
    // Who deploys by `needs` has to name what it waited for.
    let text = text.replace("  environment", "  needs: [unit]\n  environment");
    let expect = text
        .replace("  stage: test\n", "  stage: test\n  needs: []\n")
        .replace("needs: [unit]", "needs: [unit, lint]");
    let out = fixed(Platform::GitLab, &text);
    assert!(out == expect || out == expect.replace("[unit, lint]", "[lint, unit]"), "{out}");
}

#[test]
fn azure_depends_on_nothing_at_jobs_and_stages() {
    let jobs = "\
stages:
- stage: test
  jobs:
  - job: lint
    steps:
    - script: npm ci && npm run lint
  - job: unit
    dependsOn: lint
    steps:
    - script: mvn -B verify
";
    check_fix(Platform::Azure, jobs, &jobs.replace("dependsOn: lint", "dependsOn: []"));
    let stages = "\
stages:
- stage: lint
  jobs:
  - job: lint
    steps:
    - script: npm ci && npm run lint
- stage: unit
  jobs:
  - job: unit
    steps:
    - script: mvn -B verify
- stage: deploy
  jobs:
  - deployment: prod
    environment: production
    strategy:
      runOnce:
        deploy:
          steps:
          - script: ./deploy.sh
";
    let expect = stages
        .replace("- stage: unit\n", "- stage: unit\n  dependsOn: []\n")
        .replace("- stage: deploy\n", "- stage: deploy\n  dependsOn: [lint, unit]\n");
    let block = expect
        .replace("[lint, unit]", "\n  - lint\n  - unit")
        .replace("dependsOn: \n", "dependsOn:\n");
    let out = fixed(Platform::Azure, stages);
    assert!(out == expect || out == block, "{out}");
}

#[test]
fn bitbucket_puts_steps_side_by_side() {
    let text = "\
pipelines:
  default:
    - step:
        name: lint
        script:
          - npm ci
          - npm run lint
    - step:
        name: unit
        script:
          - mvn -B verify
    - step:
        name: deploy
        deployment: production
        script:
          - ./deploy.sh
";
    let expect = "\
pipelines:
  default:
    - parallel:
        fail-fast: true
        steps:
          - step:
              name: lint
              script:
                - npm ci
                - npm run lint
          - step:
              name: unit
              script:
                - mvn -B verify
    - step:
        name: deploy
        deployment: production
        script:
          - ./deploy.sh
";
    check_fix(Platform::Bitbucket, text, expect);
    silent(
        Platform::Bitbucket,
        &text.replace(
            "          - npm run lint\n",
            "          - npm run lint\n        artifacts: [dist/**]\n",
        ),
    );
    // Comments, anchors and line ends go along.
    let noted = |text: &str| {
        text.replace("script:\n", "script: &a # how\n")
            .replacen("&a", "&b", 1)
            .replace('\n', "\r\n")
    };
    check_fix(Platform::Bitbucket, &noted(text), &noted(expect));
}

#[test]
fn harness_puts_stages_side_by_side() {
    let stage = |id: &str, command: &str| {
        format!(
            "    - stage:
        name: {id}
        identifier: {id}
        type: CI
        spec:
          cloneCodebase: true
          execution:
            steps:
              - step:
                  type: Run
                  name: {id}
                  identifier: {id}
                  spec:
                    shell: Sh
                    command: {command}
"
        )
    };
    let text = format!(
        "pipeline:\n  name: a\n  identifier: a\n  stages:\n{}{}",
        stage("lint", "npm ci && npm run lint"),
        stage("unit", "mvn -B verify")
    );
    let out = fixed(Platform::Harness, &text);
    assert!(out.contains("    - parallel:\n        - stage:\n            name: lint\n"), "{out}");
    silent(Platform::Harness, &out);
    let (after, _) = testing::hits(&RULE, Platform::Harness, &out, &NoFiles);
    assert_eq!(after.pipeline.jobs[1].needs, []);
}

#[test]
fn jenkins_puts_stages_with_agents_of_their_own_side_by_side() {
    let text = "\
pipeline {
    agent none
    stages {
        stage('Lint') {
            agent { label 'small' }
            steps { sh 'npm ci && npm run lint' }
        }
        stage('Unit') {
            agent { label 'big' }
            steps { sh 'mvn -B verify' }
        }
    }
}
";
    let out = fixed(Platform::Jenkins, text);
    assert!(out.contains("failFast true") && out.contains("parallel {"), "{out}");
    silent(Platform::Jenkins, &out);
    // One agent for all is one workspace for all.
    let shared = text
        .replace("agent none", "agent any")
        .replace("            agent { label 'small' }\n", "")
        .replace("            agent { label 'big' }\n", "");
    silent(Platform::Jenkins, &shared);
}
