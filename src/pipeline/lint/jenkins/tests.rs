//! What Jenkins refuses is told, and what it takes is not.

use super::problems;
use crate::pipeline::Platform;
use crate::pipeline::graph::Pipeline;

#[test]
fn what_jenkins_refuses_is_named() {
    let check = |text: &str, expect: &[&str]| {
        let found = problems(text, &Pipeline::new(Platform::Jenkins));
        let slugs: Vec<&str> = found.iter().map(|(slug, ..)| *slug).collect();
        assert_eq!(slugs, expect, "{text}\n{found:?}");
    };
    let stage = "stage('A') { steps { sh 'x' } }";
    let body = |more: &str, stages: &str| {
        format!("pipeline {{ agent any\n {more}\n stages {{ {stages} }} }}")
    };
    let inside = |more: &str| body("", &format!("stage('A') {{ {more}\n steps {{ sh 'x' }} }}"));
    check(&body("", stage), &[]);
    check(&format!("pipeline {{ stages {{ {stage} }} }}"), &["missing-section"]);
    check("pipeline { agent any }", &["missing-section"]);
    check(&body("", ""), &["empty-stages"]);
    check(&body("", "stage('A') { }"), &["empty-stage"]);
    check(&body("", "stage('A') { steps { } }"), &["empty-steps"]);
    check(&body("", "stage('A') { sh 'x' }"), &["empty-stage", "unknown-section"]);
    check(&body("", "stage { steps { sh 'x' } }"), &["stage-without-name"]);
    check(&body("", &format!("{stage}\n{stage}")), &["duplicate-stage"]);
    check(&body("", &format!("stage('P') {{ parallel {{ {stage} }} }}\n{stage}")), &[]);
    check(
        &body("", &format!("stage('P') {{ agent any\n parallel {{ {stage} }} }}")),
        &["misplaced-section"],
    );
    check(
        &body("", &format!("stage('P') {{ steps {{ sh 'x' }}\n parallel {{ {stage} }} }}")),
        &["ambiguous-stage"],
    );
    check(
        &body(
            "",
            &format!("stage('P') {{ parallel {{ stage('Q') {{ parallel {{ {stage} }} }} }} }}"),
        ),
        &["nested-parallel"],
    );
    check(&inside("failFast true"), &["fail-fast-without-parallel"]);
    check(&inside("post { allways { sh 'x' } }"), &["unknown-post-condition"]);
    check(&inside("post { always { sh 'x' }\n cleanup { deleteDir() } }"), &[]);
    check(
        &inside("options { buildDiscarder(logRotator(numToKeepStr: '5')) }"),
        &["invalid-option"],
    );
    check(&inside("options { timeout(5); retry(2) }"), &[]);
    check(&inside("when { }"), &["empty-section"]);
    check(&inside("when { not { branch 'a'; branch 'b' } }"), &["invalid-condition"]);
    check(&inside("when { anyOf { branch 'a'; tag 'b' }\n beforeAgent true }"), &[]);
    check(&inside("input { ok 'x' }"), &["input-without-message"]);
    check(&inside("agent { }"), &["invalid-agent"]);
    check(&inside("agent linux"), &["invalid-agent"]);
    check(&inside("environment { A = 'a'; A = 'b' }"), &["duplicate-variable"]);
    check(&body("timeout(5)", stage), &["unknown-section"]);
    check(&body("def x = 1", stage), &["unknown-section"]);
    check(&body("options { sh 'x' }", stage), &["invalid-option"]);
    check(&body("options { timestamps(); timestamps() }", stage), &["duplicate-entry"]);
    check(&body("tools { maven }", stage), &["invalid-entry"]);
    check(&body("", "stage('A') { steps { def x = 1 } }"), &["not-a-step"]);
    check(&body("", "stage('A') { steps { if (x) { sh 'y' } } }"), &["not-a-step"]);
    check(&body("", "stage('A') { steps { timeout(5) { docker.build('x') } } }"), &["not-a-step"]);
    check(&body("", "stage('A') { steps { script { docker.build('x') } } }"), &[]);
    check(
        &body(
            "",
            "stage('A') { matrix { axes { axis { name 'X'; values '1', '1' } }\n stages { stage('B') { steps { sh 'x' } } } } }",
        ),
        &["duplicate-entry"],
    );
    check(
        &body("", "stage('A') { matrix { stages { stage('B') { steps { sh 'x' } } } } }"),
        &["missing-section"],
    );
    check("node { sh 'x' }", &[]);
}
