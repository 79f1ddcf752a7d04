//! What the rule finds on each platform, and what its fix writes.

use super::*;
use crate::pipeline::rule::testing::{Paths, finds, fixed, hits};
use crate::pipeline::{File, NoFiles};

fn github(head: &str, job: &str) -> String {
    format!(
        "{head}jobs:\n  deploy:\n    runs-on: ubuntu-latest\n{job}    steps:\n      - uses: actions/checkout@v4\n      - run: kubectl apply -f k8s/\n"
    )
}

const MAIN: &str = "on:\n  push:\n    branches: [main]\n";

#[test]
fn a_github_job_gets_a_group_that_holds_what_tells_deployments_apart() {
    for (head, job, safe, group) in [
        (MAIN, "", true, "${{ github.workflow }}-deploy"),
        ("on: push\n", "", true, "${{ github.workflow }}-deploy-${{ github.ref }}"),
        (
            "on: push\n",
            "    if: github.ref == 'refs/heads/main'\n",
            true,
            "${{ github.workflow }}-deploy",
        ),
        (MAIN, "    environment: Production EU\n", false, "deploy-production-eu"),
        (
            MAIN,
            "    strategy:\n      matrix:\n        region: [eu, us]\n",
            true,
            "${{ github.workflow }}-deploy-${{ matrix.region }}",
        ),
        (
            MAIN,
            "    strategy:\n      matrix: ${{ fromJSON(needs.plan.outputs.cells) }}\n",
            false,
            "${{ github.workflow }}-deploy-${{ strategy.job-index }}",
        ),
        (
            "on:\n  workflow_dispatch:\n    inputs:\n      where:\n        type: string\n",
            "    environment: ${{ inputs.where }}\n",
            false,
            "${{ github.workflow }}-deploy-${{ inputs.where }}-${{ github.ref }}",
        ),
        (
            MAIN,
            "    if: contains(github.event.head_commit.message, 'deploy')\n",
            false,
            "${{ github.workflow }}-deploy",
        ),
    ] {
        let text = github(head, job);
        let out = fixed(&RULE, Platform::GitHub, &text, safe);
        let lines =
            format!("    concurrency:\n      group: {group}\n      cancel-in-progress: false\n");
        assert!(out.contains(&lines), "{out}");
        assert_eq!(fixed(&RULE, Platform::GitHub, &text, !safe), text);
        // Nothing is left to say.
        finds(&RULE, Platform::GitHub, &out, &[]);
    }
}

#[test]
fn other_workflows_keep_their_own_groups() {
    let text = github(MAIN, "    environment: production\n");
    let files = Paths::of(&[".github/workflows/ci.yml", ".github/workflows/web.yml"]);
    let (_, found) = hits(&RULE, Platform::GitHub, &text, &files);
    let ops = format!("{:?}", found[0].fix);
    assert!(ops.contains("${{ github.workflow }}-deploy"), "{ops}");
}

#[test]
fn what_waits_or_is_no_deployment_of_a_branch_is_left() {
    let group = "concurrency:\n  group: ${{ github.workflow }}-${{ github.ref }}\n";
    for (head, job) in [
        (MAIN, "    concurrency: deploy\n"),
        (&*format!("{MAIN}{group}"), ""),
        ("on:\n  push:\n    tags: ['v*']\n", ""),
        ("on:\n  release:\n    types: [published]\n", ""),
        ("on: pull_request\n", ""),
        ("on: push\n", "    if: startsWith(github.ref, 'refs/tags/')\n"),
        (MAIN, "    uses: ./.github/workflows/deploy.yml\n"),
    ] {
        let mut text = github(head, job);
        if job.contains("uses:") {
            text = format!("{head}jobs:\n  deploy:\n{job}");
        }
        finds(&RULE, Platform::GitHub, &text, &[]);
    }
    finds(
        &RULE,
        Platform::GitHub,
        &github(MAIN, "")
            .replace("kubectl apply -f k8s/", "kubectl apply --dry-run=client -f k8s/"),
        &[],
    );
    // A placeholder.
    let text = "pipeline {\n  agent any\n  stages {\n    stage('Deploy') {\n      steps { echo 'Deploying' }\n    }\n  }\n}\n";
    finds(&RULE, Platform::Jenkins, text, &[]);
}

#[test]
fn a_deployment_that_is_cut_off_is_spoken_of() {
    let text = github(
        "on:\n  push:\n    branches: [main]\n  pull_request:\nconcurrency:\n  group: ${{ github.workflow }}-${{ github.ref }}\n  cancel-in-progress: true\n",
        "    if: github.event_name == 'push'\n",
    );
    let out = fixed(&RULE, Platform::GitHub, &text, false);
    assert!(
        out.contains("  cancel-in-progress: ${{ github.event_name == 'pull_request' }}\n"),
        "{out}"
    );
    assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), text);
    let own = github(MAIN, "    concurrency:\n      group: x\n      cancel-in-progress: true\n");
    let out = fixed(&RULE, Platform::GitHub, &own, false);
    assert!(out.contains("      cancel-in-progress: false\n"), "{out}");
    // What is put in place at once leaves nothing half done.
    let site = own.replace("run: kubectl apply -f k8s/", "uses: actions/deploy-pages@v4");
    finds(&RULE, Platform::GitHub, &site, &[]);
}

#[test]
fn gitlab_jobs_of_one_environment_wait_for_each_other() {
    let text = "deploy:\n  stage: deploy\n  environment:\n    name: production\n  script: [kubectl apply -f k8s/]\n";
    let out = fixed(&RULE, Platform::GitLab, text, true);
    assert_eq!(out, text.replace("  environment:", "  resource_group: production\n  environment:"));
    finds(&RULE, Platform::GitLab, &out, &[]);
    for text in [
        // Two jobs to one place, one that others take over, and no environment.
        "a:\n  environment: p\n  script: [kubectl apply -f a/]\nb:\n  environment: p\n  script: [kubectl apply -f b/]\n",
        "a:\n  environment: p\n  script: [kubectl apply -f a/]\nb:\n  extends: a\n  environment: q\n  script: [ls]\n",
        "a:\n  script: [kubectl apply -f a/]\n",
        "a:\n  environment: r/$REGION\n  parallel:\n    matrix:\n      - REGION: [eu, us]\n  script: [kubectl apply -f a/]\n",
    ] {
        assert_eq!(fixed(&RULE, Platform::GitLab, text, true), text);
        assert_ne!(fixed(&RULE, Platform::GitLab, text, false), text);
    }
    for text in [
        "a:\n  environment: p\n  resource_group: p\n  script: [kubectl apply -f a/]\n",
        "a:\n  environment: {name: p, action: stop}\n  script: [kubectl delete -f a/]\n",
        "a:\n  environment: pypi\n  script: [twine upload dist/*]\n",
    ] {
        finds(&RULE, Platform::GitLab, text, &[]);
    }
}

#[test]
fn others_are_only_told() {
    let azure = "trigger: [main]\nstages:\n- stage: ship\n  jobs:\n  - deployment: web\n    environment: production\n    strategy:\n      runOnce:\n        deploy:\n          steps:\n          - script: kubectl apply -f k8s/\n";
    let out = fixed(&RULE, Platform::Azure, azure, false);
    assert_eq!(out, azure.replace("  jobs:", "  lockBehavior: sequential\n  jobs:"));
    finds(&RULE, Platform::Azure, &out, &[]);
    let batched =
        azure.replace("trigger: [main]", "trigger: {batch: true, branches: {include: [main]}}");
    finds(&RULE, Platform::Azure, &batched, &[]);

    let jenkins = "pipeline {\n    agent any\n    stages {\n        stage('Ship') {\n            steps {\n                sh 'kubectl apply -f k8s/'\n            }\n        }\n    }\n}\n";
    let out = fixed(&RULE, Platform::Jenkins, jenkins, false);
    assert!(out.contains("        disableConcurrentBuilds()\n"), "{out}");
    finds(&RULE, Platform::Jenkins, &out, &[]);

    let bitbucket = "pipelines:\n  branches:\n    main:\n      - step:\n          name: ship\n          script: [kubectl apply -f k8s/]\n";
    let out = fixed(&RULE, Platform::Bitbucket, bitbucket, false);
    assert_eq!(
        out,
        bitbucket.replace(
            "          script",
            "          concurrency-group: deploy-main\n          script"
        )
    );
    finds(&RULE, Platform::Bitbucket, &out, &[]);
    let deployment =
        bitbucket.replace("          script", "          deployment: production\n          script");
    finds(&RULE, Platform::Bitbucket, &deployment, &[]);
    for text in [azure, jenkins, bitbucket] {
        let platform = match text.get(..3) {
            Some("tri") => Platform::Azure,
            Some("pip") if text.starts_with("pipeline {") => Platform::Jenkins,
            _ => Platform::Bitbucket,
        };
        assert_eq!(fixed(&RULE, platform, text, true), text);
    }
}

#[test]
fn every_fix_is_proven() {
    use crate::pipeline::prove::{Baseline, Gates};
    let gates = Gates::usual();
    let check = |platform, text: &str| {
        let (file, found): (File, _) = hits(&RULE, platform, text, &NoFiles);
        let fix = found[0].fix.as_ref().unwrap_or_else(|| panic!("{found:?}"));
        let proven = Baseline::new(&file, &gates).prove(&fix.ops, &NoFiles, &gates);
        proven.unwrap_or_else(|withheld| panic!("{withheld:?}"));
    };
    check(Platform::GitHub, &github(MAIN, ""));
    check(
        Platform::GitLab,
        "deploy:\n  environment: production\n  script: [kubectl apply -f k8s/]\n",
    );
}
