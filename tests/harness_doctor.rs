//! `pipewright doctor --harness`, black box: what the key lacks and what it has too much
//! of, by autonomy.

mod support;

use std::process::Output;

use serde_json::Value;

use crate::support::harness::run::Run;
use crate::support::harness::{Harness, page, refuse};

fn doctor(server: &Harness, args: &[&str]) -> Output {
    let mut command = support::binary();
    command.envs(server.variables()).args(["doctor", "--harness"]).args(args);
    command.output().expect("the binary starts")
}

fn names(value: &Value, held: bool, needed: bool) -> Vec<&str> {
    value["rights"]
        .as_array()
        .expect("a list of rights")
        .iter()
        .filter(|right| right["held"] == held && right["needed"] == needed)
        .filter_map(|right| right["permission"].as_str())
        .collect()
}

#[test]
fn what_is_missing_and_what_is_too_much_is_named() {
    let server = Harness::start(Run::new("run-1", "Running", Vec::new()), "");
    for (rights, autonomy, code, missing, excess) in [
        (&["core_pipeline_view"][..], "propose", 0, &[][..], &[][..]),
        (&[], "observe", 1, &["core_pipeline_view"], &[]),
        (
            &["core_pipeline_view", "core_pipeline_execute", "core_pipeline_edit"],
            "act",
            1,
            &["core_environment_rollback"],
            &["core_pipeline_edit"],
        ),
        (
            &["core_pipeline_view", "core_pipeline_execute", "core_environment_rollback"],
            "alert",
            0,
            &[],
            &["core_pipeline_execute", "core_environment_rollback"],
        ),
    ] {
        server.state().rights = rights.to_vec();
        let output = doctor(&server, &["--autonomy", autonomy, "--format", "json"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{rights:?} {autonomy}: {said}");
        let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let schema: Value =
            serde_json::from_str(include_str!("../schemas/pipewright.doctor-1.json")).unwrap();
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(names(&value, false, true), missing, "{autonomy}");
        assert_eq!(names(&value, true, false), excess, "{autonomy}");
    }
    server.assert_clean();
}

#[test]
fn a_person_reads_it_too() {
    let server = Harness::start(Run::new("run-1", "Running", Vec::new()), "");
    server.state().rights = vec!["core_pipeline_view", "core_pipeline_edit"];
    let output = doctor(&server, &["--autonomy", "act", "--format", "text"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "Harness, acc/default/proj, with autonomy `act`:",
        "Missing: give the key's role\n  Execute on Pipelines (`core_pipeline_execute`)",
        "More than is needed: take from the key's role\n  Create/Edit on Pipelines",
        "As it should be:\n  View on Pipelines",
        "Allow users to mark a running Step as failure",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_cannot_be_asked_is_no_finding() {
    let server = Harness::start(Run::new("run-1", "Running", Vec::new()), "");
    server.fault("/authz/api/acl", refuse(401, "INVALID_TOKEN", "Token is not valid"));
    let output = doctor(&server, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("INVALID_TOKEN: Token is not valid (correlation corr-1)"), "{said}");
    server.fault("/authz/api/acl", page(403, "Blocked"));
    assert_eq!(doctor(&server, &[]).status.code(), Some(3));

    let mut command = support::binary();
    let output = command.args(["doctor", "--harness"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains(
            "HARNESS_ACCOUNT_ID, HARNESS_ORG_ID, HARNESS_PROJECT_ID, HARNESS_API_KEY are not set"
        ),
        "{said}"
    );
}
