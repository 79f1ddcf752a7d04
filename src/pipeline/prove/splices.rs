//! What a proof lets through of a Jenkinsfile, whose edits are spliced by bytes.

use super::{Check, Gates, prove};
use crate::pipeline::edit::Op;
use crate::pipeline::graph::Span;
use crate::pipeline::{File, NoFiles, Outcome, Platform, read};

const TEXT: &str = "\
pipeline {
    agent any
    stages {
        stage('Lint') {
            steps {
                sh 'npm run lint'
            }
        }
        stage('Unit') {
            steps {
                sh 'npm ci'
                sh 'npm test'
            }
        }
    }
}
";

fn file() -> File {
    match read(Platform::Jenkins, "Jenkinsfile", TEXT, &NoFiles) {
        Outcome::Read(file) => *file,
        other => panic!("{other:?}"),
    }
}

/// Puts a text in place of another, which stands in the file once.
fn swap(old: &str, new: &str) -> Op {
    let at = TEXT.find(old).expect("it is there");
    Op::Splice { span: Span::new(at..at + old.len()), text: new.to_owned() }
}

const UNIT: &str = "        stage('Unit') {
            steps {
                sh 'npm ci'
                sh 'npm test'
            }
        }
";

fn lost(ops: &[Op]) -> bool {
    match prove(&file(), ops, &NoFiles, &Gates::usual()) {
        Ok(_) => false,
        Err(withheld) => {
            assert_eq!(withheld.check, Check::Lost, "{withheld:?}");
            true
        }
    }
}

#[test]
fn a_step_may_be_cut_out_by_name_and_a_stage_may_not() {
    assert!(!lost(&[swap("                sh 'npm ci'\n", "")]));
    assert!(lost(&[swap(UNIT, "")]));
}

#[test]
fn a_stage_that_moves_takes_all_its_steps_along() {
    let before = "        stage('Lint') {\n";
    let moved = |unit: &str| [swap(before, &format!("{unit}{before}")), swap(UNIT, "")];
    assert!(!lost(&moved(UNIT)));
    assert!(lost(&moved(&UNIT.replace("                sh 'npm ci'\n", ""))));
}
