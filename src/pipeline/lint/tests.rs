//! What is said of small files.

use super::*;
use crate::pipeline::graph::Pipeline;
use crate::pipeline::yaml::parse;
use crate::pipeline::{NoFiles, Outcome, dialect};

fn said(platform: Platform, path: &str, text: &str) -> Vec<String> {
    let file = match dialect::read(platform, path, text, &NoFiles) {
        Outcome::Read(file) => *file,
        // These checks need the graph of GitLab alone.
        _ => File {
            path: path.to_owned(),
            text: text.to_owned(),
            tree: parse(text).unwrap(),
            pipeline: Pipeline::new(platform),
        },
    };
    let found = problems(&file);
    for lint in &found {
        assert!(text.get(lint.span.range()).is_some(), "{lint:?}");
    }
    let line = |lint: &Lint| text[..lint.span.range().start].matches('\n').count() + 1;
    found.iter().map(|lint| format!("{} {}", line(lint), lint.slug)).collect()
}

#[track_caller]
fn check(platform: Platform, text: &str, expected: &[&str]) {
    assert_eq!(said(platform, ".gitlab-ci.yml", text), expected, "{text}");
}

#[test]
fn github_names_lead_somewhere() {
    let head = "on: push\njobs:\n";
    let job = |name: &str, rest: &str| {
        format!("  {name}:\n    runs-on: x\n{rest}    steps:\n      - run: x\n")
    };
    for (jobs, expected) in [
        (job("a", "") + &job("b", "    needs: a\n"), &[][..]),
        (job("a", "") + &job("b", "    needs: [a, A]\n"), &[]),
        (job("a", "    needs: [b, a]\n"), &["5 unknown-need", "5 self-need"]),
        (job("a", "    needs: b\n") + &job("b", "    needs: a\n"), &["3 need-cycle"]),
        (job("a", "") + &job("a", ""), &["7 duplicate-key"]),
        (job("a", "") + &job("b", "    if: needs.a.result == 'success'\n"), &["9 unneeded-output"]),
        (job("a", "") + &job("b", "    needs: a\n    if: \"!failure() && needs.a.result\"\n"), &[]),
        (job("a", "    env:\n      A: ${{ matrix.x }}\n"), &["6 unknown-matrix-key"]),
        (
            job(
                "a",
                "    strategy:\n      matrix:\n        x: [1]\n        include:\n          - y: 2\n    env:\n      A: ${{ matrix.x }}${{ matrix.y }}${{ matrix.z }}\n",
            ),
            &["11 unknown-matrix-key"],
        ),
        (
            job(
                "a",
                "    strategy:\n      matrix: ${{ fromJSON(vars.M) }}\n    env:\n      A: ${{ matrix.z }}\n",
            ),
            &[],
        ),
        (job("a", "    if: ${{ github.ref == 'x' }\n"), &["5 open-expression"]),
        (job("a", "    if: githb.ref == 'needs.z'\n"), &["5 unknown-context"]),
        (
            job("a", "    env:\n      A: it's ${{ env.B }} and ${{ nope }}\n"),
            &["6 unknown-context"],
        ),
    ] {
        check(Platform::GitHub, &format!("{head}{jobs}"), expected);
    }
}

#[test]
fn github_step_ids_are_one_of_a_kind() {
    let text = "on: push\njobs:\n  a:\n    runs-on: x\n    outputs:\n      o: ${{ steps.s.outputs.o }}${{ steps.t.outputs.o }}\n    steps:\n      - id: s\n        run: x\n      - id: S\n        run: x\n";
    check(Platform::GitHub, text, &["6 unknown-step-id", "10 duplicate-step-id"]);
    let action = "name: a\ndescription: b\nruns:\n  using: composite\n  steps:\n    - id: s\n      shell: sh\n      run: echo ${{ steps.s.outputs.x }} ${{ steps.u.outputs.x }} ${{ inputs.x }}\n";
    check(Platform::GitHub, action, &["8 unknown-step-id"]);
}

#[test]
fn gitlab_names_lead_somewhere() {
    for (text, expected) in [
        ("a:\n  script: x\nb:\n  needs: [a]\n  stage: deploy\n  script: x\n", &[][..]),
        ("a:\n  script: x\n  needs: [c]\n", &["3 unknown-need"]),
        (
            "a:\n  script: x\n  needs:\n    - job: c\n      optional: true\n    - pipeline: $P\n      job: z\n",
            &[],
        ),
        (
            "include:\n  - project: x\n    file: y\na:\n  stage: other\n  extends: .z\n  needs: [c]\n",
            &[],
        ),
        ("a:\n  script: x\n  needs: [a]\n", &["3 self-need"]),
        ("a:\n  script: x\n  needs: [b]\nb:\n  script: x\n  needs: [a]\n", &["1 need-cycle"]),
        (
            "stages: [one, two]\na:\n  stage: one\n  script: x\n  needs: [b]\nb:\n  stage: two\n  script: x\n",
            &["5 need-of-later-stage"],
        ),
        (
            "stages: [one]\na:\n  stage: two\n  script: x\nb:\n  stage: .post\n  script: x\n",
            &["3 unknown-stage"],
        ),
        ("a:\n  stage: package\n  script: x\n", &["2 unknown-stage"]),
        ("a:\n  extends: .b\n  script: x\n", &["2 unknown-extends"]),
        (
            ".b:\n  extends: .c\n.c:\n  extends: .b\na:\n  extends: .b\n  script: x\n",
            &["4 extends-cycle"],
        ),
        ("a:\n  script:\n    - !reference [.b, script]\n", &["3 unknown-reference"]),
        (".b:\n  script: [x]\na:\n  script:\n    - !reference [.b, script]\n", &[]),
        ("a:\n  script: x\n  dependencies: [b]\n", &["3 unknown-dependency"]),
        ("a:\n  image: x\n  stage: test\n", &["1 empty-job"]),
        (".a:\n  image: x\nb:\n  trigger: g/p\n", &[]),
        ("cache:\n  script: x\na:\n  script: x\n", &["1 reserved-job-name"]),
        (
            "a:\n  script: x\n  parallel: 2\nb:\n  stage: deploy\n  needs: ['a: [x]']\n  script: x\n",
            &[],
        ),
    ] {
        check(Platform::GitLab, text, expected);
    }
    let many: String = (0..51).map(|at| format!("j{at}, ")).collect();
    let jobs: String = (0..51).map(|at| format!("j{at}:\n  script: x\n")).collect();
    let text = format!("{jobs}z:\n  script: x\n  stage: deploy\n  needs: [{many}]\n");
    check(Platform::GitLab, &text, &["106 too-many-needs"]);
}

#[test]
fn azure_names_lead_somewhere() {
    let job = |name: &str, rest: &str| format!("- job: {name}\n{rest}  steps:\n  - script: x\n");
    for (jobs, expected) in [
        (job("a", "") + &job("b", "  dependsOn: A\n"), &[][..]),
        (job("a", "") + &job("b", "  dependsOn: [a, c]\n"), &["6 unknown-need"]),
        (job("a", "  dependsOn: c\n") + "- template: t.yml\n", &[]),
        (job("a", "  dependsOn: ${{ parameters.d }}\n"), &[]),
        (job("a", "  dependsOn: a\n"), &["3 self-need"]),
        (job("a", "  dependsOn: b\n") + &job("b", "  dependsOn: a\n"), &["2 need-cycle"]),
        (job("a", "") + &job("A", ""), &["5 duplicate-name"]),
        (job("1-a", ""), &["2 bad-name"]),
        (job("a", "  condition: and(succeeded(), eq(1, 2)\n"), &["3 unbalanced-condition"]),
        (job("a", "  condition: eq(variables['x'], '(')\n"), &[]),
    ] {
        check(Platform::Azure, &format!("jobs:\n{jobs}"), expected);
    }
    let stages = |needs: &str| {
        format!(
            "stages:\n- stage: a\n  jobs:\n  - job: x\n    steps:\n    - script: x\n- stage: b\n  jobs: []\n- stage: c\n{needs}  jobs:\n  - job: y\n    variables:\n      v: $[ stageDependencies.a.x.outputs['s.v'] ]\n    steps:\n    - script: x\n"
        )
    };
    check(Platform::Azure, &stages(""), &["13 unneeded-output"]);
    check(Platform::Azure, &stages("  dependsOn: [a, b]\n"), &[]);
    check(Platform::Azure, &stages("  dependsOn: [A, d]\n"), &["10 unknown-need"]);
}

#[test]
fn bitbucket_steps_have_keys_that_are_known() {
    for (items, expected) in [
        ("    - step:\n        script: [x]\n        caches: [node, own]\n", &[][..]),
        ("    - step:\n        scrpt: [x]\n", &["8 empty-step", "8 unknown-step-key"]),
        ("    - step:\n        script: [x]\n        caches: [nod]\n", &["9 unknown-cache"]),
        (
            "    - step:\n        script: [x]\n        services: [docker, db, redis]\n",
            &["9 unknown-service"],
        ),
        ("    - parallel:\n        - step:\n            script: [x]\n", &["8 single-parallel"]),
        (
            "    - parallel:\n        steps:\n          - step:\n              script: [x]\n          - parallel:\n              - step:\n                  script: [x]\n",
            &["12 nested-parallel"],
        ),
        ("    - step:\n        script: [x]\n        trigger: manual\n", &["8 manual-first-step"]),
        (
            "    - step:\n        script: [x]\n    - step:\n        script: [x]\n        trigger: manual\n",
            &[],
        ),
        (
            "    - step:\n        deployment: p\n        script: [x]\n    - step:\n        deployment: p\n        script: [x]\n",
            &["11 duplicate-deployment"],
        ),
    ] {
        let head = "definitions:\n  caches: {own: x}\n  services:\n    db: {image: x}\npipelines:\n  default:\n";
        check(Platform::Bitbucket, &format!("{head}{items}"), expected);
    }
    check(Platform::Bitbucket, "pipelines:\n  branch:\n    main: []\n", &["2 unknown-section"]);
    let steps = "    - step: {script: [x]}\n".repeat(101);
    check(Platform::Bitbucket, &format!("pipelines:\n  default:\n{steps}"), &["3 too-many-steps"]);
}

#[test]
fn harness_holds_what_its_schema_leaves_open() {
    let step = |id: &str| {
        format!(
            "              - step: {{type: Run, name: r, identifier: {id}, spec: {{command: x}}}}\n"
        )
    };
    let file = |head: &str, stage: &str, steps: &str| {
        format!(
            "pipeline:\n{head}  stages:\n    - stage:\n        name: s\n        identifier: s\n{stage}        spec:\n          execution:\n            steps:\n{steps}"
        )
    };
    let named = "  name: p\n  identifier: p\n";
    let ci = "        type: CI\n";
    for (text, expected) in [
        (file(named, ci, &step("r")), &[][..]),
        (file("  name: p\n", ci, &step("r")), &["1 missing-identifier"]),
        (file(named, ci, &step("r-1")), &["12 bad-identifier"]),
        (file(named, ci, &(step("r") + &step("r"))), &["13 duplicate-identifier"]),
        (
            file(named, "        type: Deployment\n", &step("r")),
            &["6 missing-failure-strategy", "6 missing-rollback"],
        ),
        (
            file(
                named,
                "        type: CI\n        failureStrategies:\n          - onFailure:\n              errors: [AllErrors, Any]\n              action:\n                type: Retry\n                spec:\n                  onRetryFailure:\n                    action: {type: Abrot}\n",
                &step("r"),
            ),
            &["11 unknown-failure-error", "16 unknown-failure-action"],
        ),
        (
            "pipeline:\n  name: p\n  identifier: <+input>\n  stages: []\n".to_owned(),
            &["1 empty-pipeline"],
        ),
    ] {
        check(Platform::Harness, &text, expected);
    }
}

#[test]
fn a_hint_names_the_nearest() {
    let tree = "on: push\njobs:\n  build:\n    runs-on: x\n    steps:\n      - run: x\n  test:\n    needs: biuld\n    runs-on: x\n    steps:\n      - run: x\n";
    let Outcome::Read(file) = dialect::read(Platform::GitHub, "a.yml", tree, &NoFiles) else {
        panic!("it is a workflow");
    };
    let found = problems(&file);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "the job `test` needs `biuld`, which is no job here; did you mean `build`"
    );
}

/// No check may speak of a valid file: every real one was read by hand, and what is
/// still said of them is true.
#[test]
fn real_files_are_left_in_peace() {
    let shared = std::env::var("PIPEWRIGHT_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let Ok(index) = std::fs::read_to_string(format!("{shared}/data/pipelines/index.csv")) else {
        eprintln!("SKIPPED: no pipelines in {shared}/data/pipelines");
        return;
    };
    let mut spoken = Vec::new();
    for line in index.lines().skip(1) {
        let mut fields = line.split(',');
        let (platform, file, kind) = (fields.next(), fields.next(), fields.next());
        let (Some(Ok(platform)), Some(file)) = (platform.map(str::parse::<Platform>), file) else {
            panic!("{line}");
        };
        // Jenkins has its own.
        if kind == Some("testdata") || platform == Platform::Jenkins {
            continue;
        }
        let text = std::fs::read_to_string(format!("{shared}/data/pipelines/{file}")).unwrap();
        if parse(&text).is_ok() {
            spoken.extend(said(platform, file, &text).into_iter().map(|it| format!("{file} {it}")));
        }
    }
    assert_eq!(spoken, Vec::<String>::new());
}
