//! What is found on each platform, and what the fix writes.

use super::*;
use crate::pipeline::rule::testing::{count, finds, fixed};

fn github(step: &str) -> String {
    format!("on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n{step}")
}

#[test]
fn github_hands_values_over_as_variables() {
    let before = github(
        "      - name: x\n        run: |\n          echo \"${{ github.event.pull_request.title }}\"\n          git switch ${{ github.head_ref }}\n",
    );
    let after = github(
        "      - name: x\n        env:\n          PULL_REQUEST_TITLE: ${{ github.event.pull_request.title }}\n          HEAD_REF: ${{ github.head_ref }}\n        run: |\n          echo \"$PULL_REQUEST_TITLE\"\n          git switch \"$HEAD_REF\"\n",
    );
    assert_eq!(fixed(&RULE, Platform::GitHub, &before, true), after);
    let expect = ["${{ github.event.pull_request.title }}", "${{ github.head_ref }}"];
    finds(&RULE, Platform::GitHub, &before, &expect);
    finds(&RULE, Platform::GitHub, &after, &[]);
}

#[test]
fn github_leaves_what_a_variable_would_change() {
    for run in [
        "echo '${{ github.head_ref }}'",
        "echo ${{ github.event.issue.title }}",
        "bash -c \"echo ${{ github.head_ref }}\"",
        "echo $HEAD_REF ${{ github.head_ref }}",
    ] {
        let text = github(&format!("      - run: {run}\n"));
        assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), text, "{run}");
        assert_eq!(count(&RULE, Platform::GitHub, &text), 1, "{run}");
    }
    let windows =
        github("      - run: echo \"${{ github.head_ref }}\"\n").replace("ubuntu", "windows");
    assert_eq!(fixed(&RULE, Platform::GitHub, &windows, true), windows);
}

#[test]
fn what_nobody_chooses_is_left() {
    for run in [
        "echo ${{ github.sha }} ${{ github.event.number }}",
        "echo ${{ github.head_ref == 'a' }}",
        "echo ${{ github.head_ref != '' && '-' || '' }}",
        "echo ${{ contains(github.event.pull_request.title, 'x') }}",
        "echo ${{ inputs.name }}",
    ] {
        finds(&RULE, Platform::GitHub, &github(&format!("      - run: {run}\n")), &[]);
    }
}

#[test]
fn azure_uses_the_variables_that_are_there() {
    let text =
        "pool: {vmImage: ubuntu-latest}\nsteps:\n- bash: git checkout $(Build.SourceBranchName)\n";
    finds(&RULE, Platform::Azure, text, &["$(Build.SourceBranchName)"]);
    let expect = text.replace("$(Build.SourceBranchName)", "\"$BUILD_SOURCEBRANCHNAME\"");
    assert_eq!(fixed(&RULE, Platform::Azure, text, true), expect);
}

#[test]
fn jenkins_lets_the_shell_fill_in() {
    let text = "pipeline {\n  agent any\n  parameters {\n    string(name: 'WHO', defaultValue: '')\n    choice(name: 'KIND', choices: ['a', 'b'])\n  }\n  stages { stage('a') { steps {\n    sh \"hi ${params.WHO} ${params.KIND}\"\n    sh \"git switch ${env.CHANGE_BRANCH}\"\n  } } }\n}\n";
    finds(&RULE, Platform::Jenkins, text, &["${params.WHO}", "${env.CHANGE_BRANCH}"]);
    let expect =
        text.replace("\"git switch ${env.CHANGE_BRANCH}\"", "'git switch ${CHANGE_BRANCH}'");
    assert_eq!(fixed(&RULE, Platform::Jenkins, text, true), expect);
}

#[test]
fn harness_is_spoken_of() {
    let text = "pipeline:\n  identifier: a\n  name: a\n  stages:\n    - stage:\n        identifier: b\n        name: b\n        type: CI\n        spec:\n          execution:\n            steps:\n              - step:\n                  type: Run\n                  identifier: c\n                  name: c\n                  spec:\n                    command: echo <+codebase.commitMessage> <+codebase.commitSha>\n";
    finds(&RULE, Platform::Harness, text, &["<+codebase.commitMessage>"]);
}
