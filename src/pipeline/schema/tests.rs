//! What is said of small files.

use super::*;
use crate::pipeline::yaml::parse;

fn said(platform: Platform, path: &str, text: &str) -> Vec<String> {
    let tree = parse(text).unwrap();
    let found = problems(platform, path, &tree);
    found.into_iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect()
}

#[track_caller]
fn check(platform: Platform, text: &str, expected: &[&str]) {
    assert_eq!(said(platform, "a.yml", text), expected, "{text}");
}

const JOB: &str = "on: push\njobs:\n  a:\n    runs-on: x\n";

#[test]
fn github_says_what_is_wrong_in_words() {
    for (rest, expected) in [
        ("    steps:\n      - run: x\n", &[][..]),
        (
            "    timeout-minutes: ten\n    steps:\n      - run: x\n",
            &["5: `timeout-minutes` must be a number, not text"],
        ),
        ("    timeout-minutes: ${{ inputs.t }}\n    steps:\n      - run: x\n", &[]),
        (
            "    steps:\n      - run: x\n        nmae: y\n      - uses: a@v1\n        wiht: {}\n",
            &[
                "7: item 1 of `steps` takes no key `nmae`; did you mean `name`",
                "9: item 2 of `steps` takes no key `wiht`; did you mean `with`",
            ],
        ),
        (
            "    permissions:\n      contents: writ\n    steps:\n      - run: x\n",
            &[
                "6: `contents` must be one of `read`, `write`, `none`, not `writ`; did you mean `write`",
            ],
        ),
        ("    strategy:\n      fail-fast: false\n    steps:\n      - run: true\n", &[]),
        ("    env:\n      A:\n      B: 1\n      C: true\n    steps:\n      - run: x\n", &[]),
    ] {
        check(Platform::GitHub, &format!("{JOB}{rest}"), expected);
    }
    check(Platform::GitHub, "on: [push]\n", &["1: the file lacks `jobs`"]);
}

#[test]
fn actions_have_their_own_schema() {
    let text = "name: a\ndescription: b\nruns:\n  using: composite\n  steps:\n    - run: x\n      shell: bash\n";
    check(Platform::GitHub, text, &[]);
    let broken = said(Platform::GitHub, "x/action.yml", "name: a\nruns:\n  using: node20\n");
    assert_eq!(broken, ["1: the file lacks `description`", "2: `runs` lacks `main`"]);
}

#[test]
fn gitlab_takes_what_its_service_takes() {
    for (text, expected) in [
        ("a:\n  script: x\n", &[][..]),
        (
            "variables:\n  A:\na:\n  variables:\n  script:\n    - !reference [.b, script]\n.b:\n  script: [y]\n",
            &[],
        ),
        ("a:\n  coverage: '/(?i)total.*? (\\d++)%/'\n  script: x\n", &[]),
        (
            "spec:\n  inputs:\n    t:\n---\na:\n  timeout: $[[ inputs.t ]]\n  parallel: $[[ inputs.t ]]\n  script: x\n",
            &[],
        ),
        ("include:\n  - component: h/p/c@1\n    inputs: {a: 1}\na:\n  extends: .c\n", &[]),
        ("a:\n  scrpt: x\n  script: x\n", &["2: `a` takes no key `scrpt`; did you mean `script`"]),
        (
            "a:\n  script: x\n  when: allways\n",
            &[
                "3: `when` must be one of `on_success`, `on_failure`, `always`, `never`, `manual`, `delayed`, not `allways`; did you mean `always`",
            ],
        ),
    ] {
        check(Platform::GitLab, text, expected);
    }
}

#[test]
fn azure_is_read_without_case_and_with_templates_spliced() {
    for (text, expected) in [
        ("steps:\n- script: x\n  timeoutInMinutes: 5\n  ContinueOnError: True\n", &[][..]),
        (
            "pool:\n  VmImage: ubuntu-latest\nSteps:\n- task: docker@2\n  inputs:\n    Command: buildAndPush\n",
            &[],
        ),
        (
            "steps:\n- ${{ if eq(parameters.a, true) }}:\n  - script: x\n- ${{ else }}:\n  - bash: y\n",
            &[],
        ),
        (
            "parameters:\n  a: b\nsteps:\n- ${{ parameters.s }}\n- ${{ each s in parameters.x }}:\n  - ${{ each p in s }}:\n      ${{ p.key }}: ${{ p.value }}\n",
            &[],
        ),
        ("variables:\n- name: a\n  value: 1\n", &[]),
        (
            "jobs:\n- job: a\n  pool:\n    ${{ if parameters.a }}:\n      name: x\n    ${{ else }}:\n      vmImage: y\n  steps:\n  - task: Own@1\n    inputs: {any: x}\n",
            &[],
        ),
        (
            "steps:\n- scirpt: x\n",
            &["2: item 1 of `steps` takes no key `scirpt`; did you mean `script`"],
        ),
        (
            "steps:\n- task: Cache@2\n  inputs:\n    key: a\n    pth: b\n",
            &["5: the task `Cache@2` has no input `pth`; did you mean `path`"],
        ),
        (
            "steps:\n- script: x\n  displayNam: y\n",
            &["3: item 1 of `steps` takes no key `displayNam`; did you mean `displayName`"],
        ),
        (
            "jobs:\n- job: a\n  steps:\n  - script: x\n  dependson2: y\n",
            &["5: item 1 of `jobs` takes no key `dependson2`; did you mean `dependsOn`"],
        ),
    ] {
        check(Platform::Azure, text, expected);
    }
}

#[test]
fn bitbucket_and_harness() {
    check(Platform::Bitbucket, "pipelines:\n  default:\n    - step:\n        script: [x]\n", &[]);
    check(
        Platform::Bitbucket,
        "pipelines:\n  default:\n    - step:\n        script: [x]\n        max-time: long\n",
        &["5: `max-time` must be a whole number, not text"],
    );
    check(Platform::Harness, "template:\n  name: x\n", &[]);
    let run = |kind: &str, spec: &str| {
        format!(
            "pipeline:\n  name: p\n  identifier: p\n  stages:\n    - stage:\n        name: b\n        identifier: b\n        type: CI\n        spec:\n          cloneCodebase: <+input>\n          execution:\n            steps:\n              - step:\n                  type: {kind}\n                  name: r\n                  identifier: r\n                  timeout: <+input>\n                  spec:\n{spec}"
        )
    };
    check(Platform::Harness, &run("Run", "                    command: x\n"), &[]);
    check(
        Platform::Harness,
        &run("Run", "                    shell: Fish\n"),
        &["19: `shell` must be one of `Sh`, `Bash`, `Powershell`, `Pwsh`, `Python`, not `Fish`"],
    );
    check(
        Platform::Harness,
        &run("Rnu", "                    command: x\n"),
        &["14: `Rnu` is none of the types that may stand here; did you mean `Run`"],
    );
}

#[test]
fn keys_do_not_change_where_items_move() {
    let keys = |text: &str| -> Vec<String> {
        let tree = parse(text).unwrap();
        problems(Platform::Bitbucket, "", &tree).into_iter().map(|found| found.key).collect()
    };
    let one =
        keys("pipelines:\n  default:\n    - step:\n        script: [x]\n        max-time: a\n");
    let two = keys(
        "pipelines:\n  default:\n    - parallel:\n        steps:\n          - step:\n              script: [y]\n          - step:\n              script: [x]\n              max-time: a\n",
    );
    assert_eq!(one.len(), 1);
    assert_eq!(one, two);
}
