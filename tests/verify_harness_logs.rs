//! `verify` with logs of two executions at Harness, black box.

mod support;

use serde_json::Value;

use crate::support::harness::run::{Run, Stage, Step};
use crate::support::harness::{Harness, zipped};

/// An execution whose smoke test wrote a log.
fn run(id: &str, key: &str) -> Run {
    let mut step = Step::new("smoke", "ShellScript", "Success");
    step.log = Some(key.to_owned());
    Run::new(id, "Success", vec![Stage::new("deploy_eu", "Success", vec![step])])
}

fn log(error: Option<&str>) -> Vec<u8> {
    let mut lines = Vec::new();
    for number in 0..40 {
        lines.push(("INFO", format!("order {number} taken")));
        lines.extend(error.map(|error| ("ERROR", error.to_owned())));
    }
    let lines: Vec<(&str, &str)> = lines.iter().map(|(level, text)| (*level, &**text)).collect();
    zipped(&lines)
}

#[test]
fn errors_that_only_the_later_execution_writes_are_news() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("spec.yaml");
    let text = "service: shop\ndeployment: {version: '2', previous: '1'}\nlogs:\n  source: harness\n  \
                execution: run-2\n  baseline_execution: run-1\n  steps: [smoke]\n";
    std::fs::write(&spec, text).unwrap();
    let error = "cannot charge the card: gateway said no";
    for (before, after, code) in
        [(None, Some(error), 20), (Some(error), Some(error), 0), (None, None, 0)]
    {
        let server = Harness::start(run("run-2", "log-2"), "");
        server.state().runs.push(run("run-1", "log-1"));
        server.state().logs.insert("log-1".to_owned(), (1, log(before)));
        server.state().logs.insert("log-2".to_owned(), (0, log(after)));
        let mut command = support::binary();
        command.envs(server.variables()).args(["verify", "--format", "json"]).arg(&spec);
        let output = command.output().expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert_eq!(output.status.code(), Some(code), "{before:?} {after:?}: {said}{value:#}");
        assert_eq!(value["logs"]["new"], u64::from(code == 20), "{value:#}");
        server.assert_clean();
    }
}

#[test]
fn a_key_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("spec.yaml");
    std::fs::write(&spec, "service: shop\ndeployment: {version: '2', previous: '1'}\nlogs: {source: harness, execution: run-2}\n").unwrap();
    let output = support::binary().arg("verify").arg(&spec).output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("HARNESS_API_KEY"), "{said}");
}
