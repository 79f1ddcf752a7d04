//! Which jobs are told to have no limit, and which limits are written.

use super::*;
use crate::pipeline::rule::testing::{finds, fixed, fixed_by, hits, hits_timed, time};
use crate::pipeline::{NoFiles, Outcome, read};

fn github(head: &str, job: &str, step: &str) -> String {
    format!(
        "{head}jobs:\n  work:\n    runs-on: ubuntu-latest\n{job}    steps:\n      - uses: actions/checkout@v4\n      - run: {step}\n"
    )
}

const PUSH: &str = "on: push\n";

#[test]
fn github_jobs_get_what_is_ample_for_their_kind() {
    for (step, minutes) in
        [("npm test", 60), ("npx eslint .", 30), ("cargo clippy", 30), ("cmake --build .", 120)]
    {
        let text = github(PUSH, "", step);
        finds(&RULE, Platform::GitHub, &text, &["work"]);
        let out = fixed(&RULE, Platform::GitHub, &text, true);
        let line = format!("-latest\n    timeout-minutes: {minutes}\n");
        assert_eq!(out, text.replace("-latest\n", &line));
        finds(&RULE, Platform::GitHub, &out, &[]);
    }
}

#[test]
fn what_is_not_known_or_delivers_is_only_suggested() {
    for step in ["./all.sh", "npm publish", "kubectl apply -f k8s", "npm test && ./slow.sh"] {
        let text = github(PUSH, "", step);
        finds(&RULE, Platform::GitHub, &text, &["work"]);
        assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), text, "{step}");
        let out = fixed(&RULE, Platform::GitHub, &text, false);
        assert_eq!(out, text.replace("-latest\n", "-latest\n    timeout-minutes: 60\n"));
    }
    let text = github(PUSH, "    environment: production\n", "npm test");
    assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), text);
}

#[test]
fn what_may_take_long_is_only_told() {
    for (job, step) in [
        ("", "cargo bench"),
        ("", "pip wheel . && python -m cibuildwheel"),
        ("    name: nightly soak\n", "make test"),
    ] {
        let text = github(PUSH, job, step);
        finds(&RULE, Platform::GitHub, &text, &["work"]);
        assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), text);
        assert_eq!(fixed(&RULE, Platform::GitHub, &text, false), text);
    }
    let own = github(PUSH, "", "make").replace("ubuntu-latest", "[self-hosted, linux]");
    finds(&RULE, Platform::GitHub, &own, &["work"]);
    assert_eq!(fixed(&RULE, Platform::GitHub, &own, true), own);
}

#[test]
fn limits_that_are_there_are_enough() {
    let called = "on: push\njobs:\n  work:\n    uses: ./.github/workflows/other.yml\n";
    let action =
        "name: a\nruns:\n  using: composite\n  steps:\n    - run: make\n      shell: bash\n";
    for text in [
        &*github(PUSH, "    timeout-minutes: 5\n", "make"),
        &*github(PUSH, "    timeout-minutes: ${{ vars.LIMIT }}\n", "make"),
        &*github(PUSH, "", "make\n        timeout-minutes: 5"),
        called,
        action,
    ] {
        if let Outcome::Read(_) = read(Platform::GitHub, "action.yml", text, &NoFiles) {
            finds(&RULE, Platform::GitHub, text, &[]);
        }
    }
    for (platform, text) in [
        (Platform::GitLab, "work:\n  script: [make]\n"),
        (Platform::Azure, "pool: {vmImage: ubuntu-latest}\nsteps:\n- script: make\n"),
        (Platform::Azure, "pool: {name: Own}\nsteps:\n- script: make\n"),
        (
            Platform::Bitbucket,
            "pipelines:\n  default:\n    - step:\n        max-time: 5\n        script: [make]\n",
        ),
    ] {
        finds(&RULE, platform, text, &[]);
    }
}

#[test]
fn other_platforms_are_told_where_nothing_ends_a_job_soon() {
    let text = "pipelines:\n  default:\n    - step:\n        name: work\n        script: [make]\n";
    finds(&RULE, Platform::Bitbucket, text, &["step"]);
    assert_eq!(fixed(&RULE, Platform::Bitbucket, text, true), text);
}

/// The text after the rule's safe fixes, where past runs of `work` took these minutes.
fn measured(platform: Platform, text: &str, minutes: &[f64]) -> String {
    let runs = minutes.iter().map(|minutes| vec![time("work", minutes * 60.0)]).collect();
    let (file, hits) = hits_timed(&RULE, platform, text, runs);
    fixed_by(&file, &hits, true)
}

#[test]
fn past_runs_set_the_limit_on_every_platform() {
    let runs = [11.0, 12.0, 10.0, 13.0, 12.0];
    for (platform, text, line) in [
        (Platform::GitHub, github(PUSH, "", "cargo bench"), "    timeout-minutes: 26\n"),
        (Platform::GitLab, "work:\n  script: [make]\n".to_owned(), "  timeout: 26 minutes\n"),
        (
            Platform::Bitbucket,
            "pipelines:\n  default:\n    - step:\n        name: work\n        script: [make]\n"
                .to_owned(),
            "        max-time: 26\n",
        ),
        (
            Platform::Azure,
            "jobs:\n- job: work\n  pool: {vmImage: ubuntu-latest}\n  steps:\n  - script: make\n"
                .to_owned(),
            "  timeoutInMinutes: 26\n",
        ),
        (Platform::Jenkins, JENKINS.to_owned(), "        timeout(time: 26, unit: 'MINUTES')\n"),
    ] {
        let out = measured(platform, &text, &runs);
        assert!(out.contains(line), "{out}");
        // Too few runs say nothing.
        if platform != Platform::GitHub {
            assert_eq!(measured(platform, &text, &runs[..4]), text);
        }
    }
    // Waiting for a stage's agent would count.
    let agents = JENKINS
        .replace("any\n", "none\n")
        .replace("            steps", "            agent any\n            steps");
    assert_eq!(measured(Platform::Jenkins, &agents, &runs), agents);
    // At least ten minutes.
    let out = measured(Platform::GitLab, "work:\n  script: [make]\n", &[0.5; 6]);
    assert!(out.contains("timeout: 10 minutes"), "{out}");
}

const JENKINS: &str = "pipeline {\n    agent any\n    stages {\n        stage('work') {\n            steps { sh 'make' }\n        }\n    }\n}\n";

#[test]
fn a_jenkins_pipeline_is_limited_as_a_whole() {
    finds(&RULE, Platform::Jenkins, JENKINS, &["'work'"]);
    assert_eq!(fixed(&RULE, Platform::Jenkins, JENKINS, true), JENKINS);
    let out = fixed(&RULE, Platform::Jenkins, JENKINS, false);
    let option = "any\n    options {\n        timeout(time: 60, unit: 'MINUTES')\n    }\n";
    assert_eq!(out, JENKINS.replace("any\n", option));
    finds(&RULE, Platform::Jenkins, &out, &[]);
    let steps = JENKINS.replace("sh 'make'", "timeout(5) { sh 'make' }");
    finds(&RULE, Platform::Jenkins, &steps, &[]);
}

#[test]
fn waiting_for_a_person_is_not_limited() {
    for ask in [
        "        stage('ask') {\n            steps { input 'Ship?' }\n        }\n",
        "        stage('ask') {\n            input { message 'Ship?' }\n            steps { sh 'make ship' }\n        }\n",
        "        stage('ask') {\n            steps { script { input message: 'Ship?' } }\n        }\n",
    ] {
        let text = JENKINS.replace("    stages {\n", &format!("    stages {{\n{ask}"));
        let (_, found) = hits(&RULE, Platform::Jenkins, &text, &NoFiles);
        assert_eq!(found.len(), 1, "{text}");
        assert!(found[0].fix.is_none(), "{found:?}");
        assert!(found[0].why.contains("A person is waited for"), "{found:?}");
    }
}
