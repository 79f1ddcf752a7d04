//! What the rule finds on each platform, and what its fix writes.

use super::*;
use crate::pipeline::NoFiles;
use crate::pipeline::rule::testing::{self, edited, finds};

fn hits(platform: Platform, text: &str) -> (File, Vec<Hit>) {
    testing::hits(&RULE, platform, text, &NoFiles)
}

#[track_caller]
fn check_fix(platform: Platform, before: &str, after: &str) {
    let (file, found) = hits(platform, before);
    let fix = found.iter().find_map(|hit| hit.fix.as_ref());
    let fix = fix.unwrap_or_else(|| panic!("no fix: {found:?}"));
    assert!(fix.safe, "{fix:?}");
    assert_eq!(edited(&file, &fix.ops), after);
    // Nothing is left to say.
    silent(platform, after);
}

#[track_caller]
fn silent(platform: Platform, text: &str) {
    finds(&RULE, platform, text, &[]);
}

#[track_caller]
fn unmended(platform: Platform, text: &str) {
    let (_, hits) = hits(platform, text);
    assert!(!hits.is_empty() && hits.iter().all(|hit| hit.fix.is_none()), "{hits:?}\n{text}");
}

const GITHUB: &str = "\
on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - run: docker build -t ghcr.io/a/b:${{ github.sha }} . && docker push ghcr.io/a/b:${{ github.sha }}
  deploy:
    needs: image # the digest
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy.sh ghcr.io/a/b:${{ github.sha }}
  scan:
    needs: deploy
    runs-on: ubuntu-latest
    steps:
      - uses: aquasecurity/trivy-action@0.28.0
        with: {image-ref: 'ghcr.io/a/b:${{ github.sha }}'}
  tell:
    needs: scan
    runs-on: ubuntu-latest
    steps:
      - run: echo done
";

#[test]
fn github_scans_what_the_image_job_leaves_and_deploys_behind_it() {
    let expect = GITHUB
        .replace("needs: image # the digest", "needs: [image, scan] # the digest")
        .replace("needs: deploy\n", "needs: image\n")
        .replace("needs: scan\n", "needs: [scan, deploy]\n");
    check_fix(Platform::GitHub, GITHUB, &expect);
}

#[test]
fn what_has_to_follow_is_left() {
    let live = "      - run: zap-baseline.py -t https://a.example\n";
    let scan = "      - uses: aquasecurity/trivy-action@0.28.0\n        with: {image-ref: 'ghcr.io/a/b:${{ github.sha }}'}\n";
    silent(Platform::GitHub, &GITHUB.replace(scan, live));
    silent(
        Platform::GitHub,
        &GITHUB.replace(scan, "      - run: curl -f https://a.example/health\n"),
    );
    silent(Platform::GitHub, &GITHUB.replace("./deploy.sh", "echo ./deploy.sh"));
    // A trial environment first, production behind the scan.
    let text = GITHUB.replace("  deploy:\n", "  deploy:\n    environment: staging\n").replace(
        "  tell:\n    needs: scan\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo done\n",
        "  production:\n    needs: scan\n    runs-on: ubuntu-latest\n    environment: production\n    steps:\n      - run: ./deploy.sh prod\n",
    );
    silent(Platform::GitHub, &text);
}

#[test]
fn what_is_tied_to_the_deployment_is_not_moved() {
    let with = |from: &str, to: &str| {
        let text = GITHUB.replace(from, to);
        assert_ne!(text, GITHUB, "{from}");
        unmended(Platform::GitHub, &text);
    };
    with("    needs: deploy\n", "    needs: deploy\n    if: always()\n");
    with("    needs: deploy\n", "    needs: deploy\n    if: github.ref == 'x'\n");
    with(
        "    needs: deploy\n",
        "    needs: deploy\n    env: {A: '${{ needs.deploy.outputs.image }}'}\n",
    );
    with("      - uses: aqua", "      - uses: someone/unknown@v1\n      - uses: aqua");
    with("./deploy.sh ghcr", "docker push ghcr.io/a/b && ./deploy.sh ghcr");
}

#[test]
fn a_job_that_decides_about_a_deployment_is_none() {
    let text = "on: push\njobs:\n  deploy-gate:\n    runs-on: ubuntu-latest\n    steps:\n      - run: ./enabled.sh\n  scan:\n    needs: deploy-gate\n    runs-on: ubuntu-latest\n    steps:\n      - run: trivy fs --exit-code 1 .\n";
    silent(Platform::GitHub, text);
    let (_, hits) = hits(Platform::GitHub, &text.replace("-gate", ""));
    assert_eq!(hits.len(), 1);
}

#[test]
fn gitlab_moves_the_stage() {
    let text = "\
stages:
  - image
  - deploy
  - scan # late
build:
  stage: image
  script: docker build -t $CI_REGISTRY_IMAGE . && docker push $CI_REGISTRY_IMAGE
deploy:
  stage: deploy
  environment: production
  script: ./deploy.sh
scan:
  stage: scan
  script: trivy image --exit-code 1 $CI_REGISTRY_IMAGE
";
    let expect = text.replace("  - deploy\n  - scan # late\n", "  - scan # late\n  - deploy\n");
    check_fix(Platform::GitLab, text, &expect);
    let named = text
        .replace("  environment", "  needs: [build]\n  environment")
        .replace("  stage: scan\n", "  stage: scan\n  needs: [deploy]\n");
    let expect = expect
        .replace("  environment", "  needs: [build, scan]\n  environment")
        .replace("  stage: scan\n", "  stage: scan\n  needs: [build]\n");
    check_fix(Platform::GitLab, &named, &expect);
}

#[test]
fn azure_turns_stages_round() {
    let text = "\
stages:
- stage: image
  jobs:
  - job: build
    steps:
    - script: docker build -t a.example/app . && docker push a.example/app
- stage: deploy
  jobs:
  - deployment: prod
    environment: production
    strategy:
      runOnce:
        deploy:
          steps:
          - script: ./deploy.sh
- stage: scan
  jobs:
  - job: trivy
    steps:
    - script: trivy image --exit-code 1 a.example/app
";
    let expect = text
        .replace("- stage: deploy\n", "- stage: deploy\n  dependsOn: [image, scan]\n")
        .replace("- stage: scan\n", "- stage: scan\n  dependsOn: [image]\n");
    check_fix(Platform::Azure, text, &expect);
}

#[test]
fn bitbucket_and_harness_move_the_item() {
    let text = "\
pipelines:
  default:
    - step:
        name: deploy
        deployment: production
        script: [./deploy.sh]
    # looks at the source
    - step:
        name: scan
        script: [snyk test]
";
    let expect = "\
pipelines:
  default:
    # looks at the source
    - step:
        name: scan
        script: [snyk test]
    - step:
        name: deploy
        deployment: production
        script: [./deploy.sh]
";
    check_fix(Platform::Bitbucket, text, expect);
    let stage = |id: &str, kind: &str, step: &str, command: &str| {
        format!(
            "    - stage:\n        name: {id}\n        identifier: {id}\n        type: {kind}\n        spec:\n          execution:\n            steps:\n              - step:\n                  type: {step}\n                  name: {id}\n                  identifier: {id}\n                  spec: {{shell: Sh, command: {command}}}\n"
        )
    };
    let head = "pipeline:\n  name: a\n  identifier: a\n  stages:\n";
    let deploy = stage("deploy", "CI", "Run", "./deploy.sh");
    let scan = stage("scan", "CI", "Run", "snyk test");
    check_fix(
        Platform::Harness,
        &format!("{head}{deploy}{scan}"),
        &format!("{head}{scan}{deploy}"),
    );
}

#[test]
fn jenkins_moves_the_stage() {
    let stage = |name: &str, command: &str| {
        format!(
            "        stage('{name}') {{\n            agent {{ label '{name}' }}\n            steps {{ sh '{command}' }}\n        }}\n"
        )
    };
    let (deploy, scan) = (stage("Deploy", "./deploy.sh"), stage("Scan", "snyk test"));
    let text = |a: &str, b: &str| {
        format!("pipeline {{\n    agent none\n    stages {{\n{a}{b}    }}\n}}\n")
    };
    check_fix(Platform::Jenkins, &text(&deploy, &scan), &text(&scan, &deploy));
}
