//! Edits of Jenkinsfiles keep everything else.

use super::{
    Wrapper, insert_directive, insert_option, move_stage, parallelise, replace_literal,
    unquote_values,
};
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Path, Seg, Span};
use crate::pipeline::groovy::parse;

fn apply(text: &str, ops: Vec<Op>) -> String {
    let mut splices: Vec<_> = ops
        .into_iter()
        .filter_map(|op| match op {
            Op::Splice { span, text } => Some((span.range(), text)),
            _ => None,
        })
        .collect();
    splices.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::new();
    let mut at = 0;
    for (range, new) in splices {
        assert!(range.start >= at, "splices overlap");
        out.push_str(&text[at..range.start]);
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(&text[at..]);
    assert!(parse(&out).is_ok(), "{out}");
    out
}

/// Both with LF and with CRLF.
fn check(text: &str, edit: impl Fn(&str) -> Option<Vec<Op>>, expect: Option<&str>) {
    for ends in ["\n", "\r\n"] {
        let source = text.replace('\n', ends);
        let found = edit(&source).map(|ops| apply(&source, ops));
        let expect = expect.map(|expect| expect.replace('\n', ends));
        assert_eq!(found.as_deref(), expect.as_deref(), "{text}");
    }
}

fn path(places: &[(&str, usize)]) -> Path {
    places
        .iter()
        .flat_map(|(key, place)| [Seg::Key((*key).to_owned()), Seg::Index(*place)])
        .collect()
}

fn top(place: usize) -> Path {
    path(&[("stages", place)])
}

#[test]
fn options_are_put_in() {
    let new = "timeout(time: 30, unit: 'MINUTES')";
    let edit = |text: &str| insert_option(text, &Vec::new(), new);
    check(
        "pipeline {\n  agent any // here\n  options {\n    timestamps() // one\n  }\n  stages { }\n}\n",
        edit,
        Some(
            "pipeline {\n  agent any // here\n  options {\n    timestamps() // one\n    timeout(time: 30, unit: 'MINUTES')\n  }\n  stages { }\n}\n",
        ),
    );
    check(
        "pipeline {\n\tagent any\n\tstages { }\n}\n",
        edit,
        Some(
            "pipeline {\n\tagent any\n\toptions {\n\t\ttimeout(time: 30, unit: 'MINUTES')\n\t}\n\tstages { }\n}\n",
        ),
    );
    check(
        "pipeline { agent any; stages { } }",
        edit,
        Some("pipeline { agent any; options { timeout(time: 30, unit: 'MINUTES') }; stages { } }"),
    );
    check(
        "pipeline { agent any\n options { timestamps() }\n stages { } }",
        edit,
        Some(
            "pipeline { agent any\n options { timestamps(); timeout(time: 30, unit: 'MINUTES') }\n stages { } }",
        ),
    );
    check("pipeline { agent any\n options { timeout(5) }\n stages { } }", edit, None);
    let stage = |text: &str| insert_option(text, &top(0), "lock('prod')");
    check(
        "pipeline {\n    agent any\n    stages {\n        stage('A') {\n            // why\n            steps { sh 'x' }\n        }\n    }\n}\n",
        stage,
        Some(
            "pipeline {\n    agent any\n    stages {\n        stage('A') {\n            options {\n                lock('prod')\n            }\n            // why\n            steps { sh 'x' }\n        }\n    }\n}\n",
        ),
    );
    check(
        "pipeline {\n agent any\n stages {\n stage('A') { steps { sh 'x' } }\n}\n}\n",
        stage,
        Some(
            "pipeline {\n agent any\n stages {\n stage('A') { options { lock('prod') }; steps { sh 'x' } }\n}\n}\n",
        ),
    );
    check("node { }", stage, None);
}

#[test]
fn directives_are_put_in_once() {
    let edit = |text: &str| insert_directive(text, &top(0), "input {\n    message 'Go?'\n}");
    check(
        "pipeline {\n  agent none\n  stages {\n    stage('A') {\n      agent any\n      steps { sh 'x' }\n    }\n  }\n}",
        edit,
        Some(
            "pipeline {\n  agent none\n  stages {\n    stage('A') {\n      agent any\n      input {\n        message 'Go?'\n      }\n      steps { sh 'x' }\n    }\n  }\n}",
        ),
    );
    check(
        "pipeline { agent any\n stages { stage('A') { input { message 'x' }\n steps { sh 'x' } } } }",
        edit,
        None,
    );
}

#[test]
fn stages_are_put_side_by_side() {
    let text = "pipeline {\n  agent none\n  stages {\n    // lint\n    stage('A') {\n      agent any\n      steps {\n        sh '''\n          x\n        '''\n      }\n    }\n\n    stage('B') { agent any; steps { sh 'y' } } // b\n    stage('C') { agent any; steps { sh 'z' } }\n  }\n}\n";
    let expect = "pipeline {\n  agent none\n  stages {\n    stage('A, B') {\n      failFast true\n      parallel {\n        // lint\n        stage('A') {\n          agent any\n          steps {\n            sh '''\n          x\n        '''\n          }\n        }\n\n        stage('B') { agent any; steps { sh 'y' } } // b\n      }\n    }\n    stage('C') { agent any; steps { sh 'z' } }\n  }\n}\n";
    check(text, |text| parallelise(text, &[top(0), top(1)]), Some(expect));
    check(text, |text| parallelise(text, &[top(0), top(2)]), None);
    check(text, |text| parallelise(text, &[top(0)]), None);
    let nested = "pipeline {\n agent any\n stages {\n  stage('A') {\n   parallel {\n    stage('B') { steps { sh 'x' } }\n    stage('C') { steps { sh 'x' } }\n   }\n  }\n  stage('D') { steps { sh 'x' } }\n }\n}\n";
    check(nested, |text| parallelise(text, &[top(0), top(1)]), None);
    let inner = |place| path(&[("stages", 0), ("parallel", place)]);
    check(nested, |text| parallelise(text, &[inner(0), inner(1)]), None);
}

#[test]
fn stages_move_with_their_comments() {
    let text = "pipeline {\n agent any\n stages {\n  stage('A') { steps { sh 'x' } }\n  // b\n  stage('B') { steps { sh 'y' } }\n }\n}\n";
    let expect = "pipeline {\n agent any\n stages {\n  // b\n  stage('B') { steps { sh 'y' } }\n  stage('A') { steps { sh 'x' } }\n }\n}\n";
    check(text, |text| move_stage(text, &top(1), &top(0)), Some(expect));
    check(text, |text| move_stage(text, &top(1), &top(1)), None);
}

#[test]
fn steps_are_wrapped() {
    let edit = |text: &str| {
        let tree = parse(text).ok()?;
        Wrapper::new(text, &tree)?.wrap(&top(0), "lock('a')")
    };
    check(
        "pipeline {\n  agent any\n  stages {\n    stage('A') {\n      steps { // why\n        sh 'x'\n        sh '''\n  y\n'''\n      }\n    }\n  }\n}\n",
        edit,
        Some(
            "pipeline {\n  agent any\n  stages {\n    stage('A') {\n      steps { // why\n        lock('a') {\n          sh 'x'\n          sh '''\n  y\n'''\n        }\n      }\n    }\n  }\n}\n",
        ),
    );
    check(
        "pipeline { agent any\n stages { stage('A') { steps { sh 'x' } } } }",
        edit,
        Some("pipeline { agent any\n stages { stage('A') { steps { lock('a') { sh 'x' } } } } }"),
    );
}

#[test]
fn literals_are_replaced_in_their_quotes() {
    let check = |text: &str, new: &str, expect: Option<&str>| {
        let start = text.find(['\'', '"', '/']).unwrap_or(0);
        let op = replace_literal(text, Span::new(start..text.len()), new);
        assert_eq!(op.map(|op| apply(text, vec![op])).as_deref(), expect, "{text}");
    };
    check("sh 'a'", "it's \\ $x", Some("sh 'it\\'s \\\\ $x'"));
    check("sh \"a\"", "\"$x\"", Some("sh \"\\\"\\$x\\\"\""));
    check("sh '''a'''", "b\nc", Some("sh '''b\nc'''"));
    check("sh \"a ${x}\"", "b", None);
    check("x = /a/", "b", None);
}

#[test]
fn values_reach_the_shell_as_variables() {
    let check = |step: &str, expect: Option<&str>| {
        let text = format!(
            "pipeline {{\n agent any\n stages {{\n stage('A') {{\n steps {{\n {step}\n }}\n }}\n }}\n}}\n"
        );
        let list = super::tokens(&text).unwrap_or_default().list;
        let script = list
            .iter()
            .filter(|token| matches!(&token.kind, super::Kind::Text(text) if text.is_gstring()))
            .map(|token| token.span.clone())
            .next();
        let ops = script.and_then(|span| unquote_values(&text, Span::new(span)));
        let found = ops.map(|ops| apply(&text, ops));
        let expect = expect.map(|expect| text.replace(step, expect));
        assert_eq!(found, expect, "{step}");
    };
    check(r#"sh "a ${params.X} b""#, Some(r#"withEnv(["X=${params.X}"]) { sh 'a ${X} b' }"#));
    check(
        r#"sh "a \"${params.X}\" it's""#,
        Some(r#"withEnv(["X=${params.X}"]) { sh 'a "${X}" it\'s' }"#),
    );
    check(r#"sh "a ${env.CHANGE_TITLE} \$HOME""#, Some(r#"sh 'a ${CHANGE_TITLE} $HOME'"#));
    check(
        r#"sh(script: "a ${params.X}", returnStatus: true)"#,
        Some(r#"withEnv(["X=${params.X}"]) { sh(script: 'a ${X}', returnStatus: true) }"#),
    );
    check(
        r#"script { def y = sh(script: "a ${params.X}", returnStdout: true).trim() }"#,
        Some(
            r#"script { def y = withEnv(["X=${params.X}"]) { sh(script: 'a ${X}', returnStdout: true) }.trim() }"#,
        ),
    );
    check(r#"sh "a '${params.X}'""#, None);
    check(r#"sh "a ${x}""#, None);
    check(r#"sh "a ${params.X.trim()}""#, None);
    check(r#"bat "a ${params.X}""#, None);
    check("sh \"\"\"cat <<E\n${params.X}\nE\"\"\"", None);
}
