//! Whether marking a stage as failed rolls it back: what the pipeline's file says.
//!
//! Facts, with their sources:
//! - Marking a stage as failed ends its running steps with the failure type
//!   `UserMarkedFailure`, and the failure strategy of each decides
//!   (<https://developer.harness.io/docs/platform/pipelines/mark-as-failed>). A strategy of
//!   the step stands above that of its step group, and that above the stage's
//!   (<https://developer.harness.io/docs/continuous-delivery/x-platform-cd-features/executions/step-failure-strategy-settings>).
//! - `AllErrors` covers `UserMarkedFailure` (`NGFailureType` of harness-core); in early
//!   releases it did not. A strategy that names the type stands above `AllErrors` of the
//!   same level.
//! - Without running steps in it, marking a stage only ends the execution as failed
//!   (`UserMarkedFailAllInterruptHandler` of harness-core): nothing is rolled back.
//! - `AbortAll` and `Abort` never roll back.

use serde_json::Value;

/// What marking a stage as failed does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// It rolls the stage back, or the whole pipeline.
    RollsBack {
        /// What should be known of it.
        note: Option<String>,
    },
    /// It does not.
    Not {
        /// Why, and what to do.
        why: String,
    },
    /// The strategies are an input of the execution.
    Input,
}

/// What to add to a pipeline so that it can be rolled back.
const ADD: &str = "add to the stage `failureStrategies: [{onFailure: {errors: \
                   [UserMarkedFailure], action: {type: StageRollback}}}]`";

/// The effect of marking `stage` as failed while `running` steps run in it, by the
/// pipeline's file as Harness shows it.
pub(super) fn effect(file: &Value, stage: &str, running: &[&str]) -> Effect {
    let not = |why: String| Effect::Not { why };
    let pipeline = &file["pipeline"];
    let Some((at, found)) = find(&pipeline["stages"], stage) else {
        return not(match pipeline.get("template") {
            Some(template) => format!(
                "the pipeline comes from the template `{}`, which Harness does not show \
                 resolved: its failure strategies are not known",
                template["templateRef"].as_str().unwrap_or("?")
            ),
            None => format!("the pipeline's file has no stage `{stage}` any more"),
        });
    };
    // A template that Harness has not put in place.
    let found = match found.get("template") {
        Some(template) if found.get("failureStrategies").is_none() => {
            let inputs = &template["templateInputs"];
            if inputs.get("failureStrategies").is_none() {
                return not(format!(
                    "the stage `{stage}` comes from the template `{}`, which Harness does not \
                     show resolved: its failure strategies are not known",
                    template["templateRef"].as_str().unwrap_or("?")
                ));
            }
            inputs
        }
        _ => found,
    };
    if running.is_empty() {
        return not(format!(
            "no step of the stage `{stage}` runs now: marking it as failed would end the \
             execution without rolling back"
        ));
    }
    if found["failureStrategies"].as_str().is_some_and(|text| text.contains("<+")) {
        return Effect::Input;
    }
    let of_stage = action(&found["failureStrategies"]);
    let mut note = None;
    let mut whole_pipeline = false;
    for step in running {
        let mut levels = Vec::new();
        path(&found["spec"]["execution"], step, &mut levels);
        // The innermost level with a say.
        let own = levels
            .iter()
            .rev()
            .find_map(|level| action(&level["failureStrategies"]).map(|found| (found, "step")))
            .or_else(|| of_stage.map(|found| (found, "stage")));
        let Some(((kind, is_named), level)) = own else {
            return not(format!(
                "the stage `{stage}` has no failure strategy for UserMarkedFailure or AllErrors: \
                 marking it as failed would only stop it; {ADD}"
            ));
        };
        match kind {
            "StageRollback" => {}
            "PipelineRollback" => whole_pipeline = true,
            other => {
                let whose = match level {
                    "step" => format!("of its running step `{step}` (or the group around it)"),
                    _ => "of the stage".to_owned(),
                };
                return not(format!(
                    "the failure strategy {whose} in `{stage}` answers a mark as failed with \
                     `{other}`, which does not roll back; {ADD}"
                ));
            }
        }
        if !is_named {
            note = Some(
                "the strategy covers it by AllErrors, which early self-managed releases of \
                 Harness do not apply to a mark as failed"
                    .to_owned(),
            );
        }
    }
    let before = match whole_pipeline {
        true => flat(&pipeline["stages"]).into_iter().take(at + 1).any(has_rollback_steps),
        false => has_rollback_steps(found),
    };
    if !before {
        return not(format!(
            "the stage `{stage}` has no `rollbackSteps`: its rollback would change nothing"
        ));
    }
    Effect::RollsBack { note }
}

/// The strategies of a stage among the inputs of an execution.
pub(super) fn put_in(file: &mut Value, inputs: &Value, stage: &str) -> bool {
    let given = find(&inputs["pipeline"]["stages"], stage)
        .and_then(|(_, stage)| stage.get("failureStrategies"))
        .filter(|given| given.is_array())
        .cloned();
    let Some(given) = given else { return false };
    let Some(stages) = file["pipeline"]["stages"].as_array_mut() else { return false };
    for item in stages {
        let parallel = item.get_mut("parallel").and_then(Value::as_array_mut).into_iter().flatten();
        for entry in parallel {
            if entry["stage"]["identifier"] == stage {
                entry["stage"]["failureStrategies"] = given;
                return true;
            }
        }
        if item["stage"]["identifier"] == stage {
            item["stage"]["failureStrategies"] = given;
            return true;
        }
    }
    false
}

/// All stages, those side by side too.
fn flat(stages: &Value) -> Vec<&Value> {
    let mut all = Vec::new();
    for item in stages.as_array().into_iter().flatten() {
        match item["parallel"].as_array() {
            Some(parallel) => all.extend(parallel.iter().map(|entry| &entry["stage"])),
            None => all.push(&item["stage"]),
        }
    }
    all
}

/// A stage and its place. Those of a matrix carry an index: `deploy_0`.
fn find<'a>(stages: &'a Value, identifier: &str) -> Option<(usize, &'a Value)> {
    let all = flat(stages);
    let exact = all.iter().position(|stage| stage["identifier"] == identifier);
    let at = exact.or_else(|| {
        all.iter().position(|stage| {
            stage.get("strategy").is_some()
                && stage["identifier"].as_str().is_some_and(|name| {
                    identifier.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'))
                })
        })
    })?;
    Some((at, all[at]))
}

/// What stands around a step, from the outermost group to the step itself.
fn path<'a>(node: &'a Value, step: &str, levels: &mut Vec<&'a Value>) -> bool {
    for list in ["steps", "parallel"] {
        for item in node[list].as_array().into_iter().flatten() {
            if item["parallel"].is_array() && path(item, step, levels) {
                return true;
            }
            for kind in ["step", "stepGroup"] {
                let Some(inner) = item.get(kind) else { continue };
                levels.push(inner);
                if inner["identifier"] == step || path(inner, step, levels) {
                    return true;
                }
                levels.pop();
            }
        }
    }
    false
}

/// What strategies answer a mark as failed with, and whether they name it.
fn action(strategies: &Value) -> Option<(&str, bool)> {
    let mut by_all = None;
    for strategy in strategies.as_array().into_iter().flatten() {
        let on = &strategy["onFailure"];
        let kind = on["action"]["type"].as_str().unwrap_or("?");
        let names =
            |wanted: &str| {
                on["errors"].as_array().into_iter().flatten().any(|error| {
                    error.as_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted))
                })
            };
        if names("UserMarkedFailure") {
            return Some((kind, true));
        }
        if names("AllErrors") && by_all.is_none() {
            by_all = Some((kind, false));
        }
    }
    by_all
}

fn has_rollback_steps(stage: &Value) -> bool {
    fn any(node: &Value) -> bool {
        if node["rollbackSteps"].as_array().is_some_and(|steps| !steps.is_empty()) {
            return true;
        }
        ["steps", "parallel"].iter().any(|list| {
            node[list]
                .as_array()
                .into_iter()
                .flatten()
                .any(|item| any(&item["stepGroup"]) || item["parallel"].is_array() && any(item))
        })
    }
    any(&stage["spec"]["execution"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn strategy(error: &str, action: &str) -> Value {
        json!({"onFailure": {"errors": [error], "action": {"type": action}}})
    }

    fn file(strategies: Value, step: Value) -> Value {
        json!({"pipeline": {"stages": [
            {"stage": {"identifier": "build", "spec": {}}},
            {"parallel": [{"stage": {
                "identifier": "deploy",
                "failureStrategies": strategies,
                "spec": {"execution": {
                    "steps": [
                        {"stepGroup": {"identifier": "g", "steps": [
                            {"parallel": [{"step": {"identifier": "canary", "failureStrategies": step}}]},
                        ]}},
                        {"step": {"identifier": "rolling"}},
                    ],
                    "rollbackSteps": [{"step": {"identifier": "undo"}}],
                }},
            }}]},
        ]}})
    }

    #[test]
    fn strategies_decide_by_level_and_name() {
        let rolls = strategy("UserMarkedFailure", "StageRollback");
        let all = strategy("AllErrors", "StageRollback");
        let none = json!([]);
        for (strategies, step, running, expect) in [
            (json!([rolls]), none.clone(), "canary", ""),
            (json!([all]), none.clone(), "canary", "note"),
            (json!([strategy("AllErrors", "PipelineRollback")]), none.clone(), "rolling", "note"),
            (json!([strategy("alleRRors", "StageRollback")]), none.clone(), "canary", "note"),
            // The one that names it stands above.
            (json!([strategy("AllErrors", "Ignore"), rolls]), none.clone(), "canary", ""),
            (
                json!([all, strategy("UserMarkedFailure", "Ignore")]),
                none.clone(),
                "canary",
                "with `Ignore`",
            ),
            (json!([strategy("Timeout", "StageRollback")]), none.clone(), "canary", "no failure"),
            (json!([]), none.clone(), "canary", "has no failure strategy"),
            (Value::Null, none.clone(), "canary", "has no failure strategy"),
            (json!([strategy("AllErrors", "Abort")]), none.clone(), "canary", "with `Abort`"),
            (json!([strategy("AllErrors", "Retry")]), none.clone(), "canary", "with `Retry`"),
            (json!([{"onFailure": {"errors": ["AllErrors"]}}]), none.clone(), "canary", "`?`"),
            // The step's own stands above the stage's, for that step.
            (json!([rolls]), json!([strategy("AllErrors", "Ignore")]), "canary", "step `canary`"),
            (json!([rolls]), json!([strategy("AllErrors", "Ignore")]), "rolling", ""),
            (json!([rolls]), json!([strategy("Timeout", "Ignore")]), "canary", ""),
            (none.clone(), json!([rolls]), "canary", ""),
            (json!([rolls]), none.clone(), "", "no step"),
            (json!("<+input>"), none.clone(), "canary", "input"),
        ] {
            let file = file(strategies.clone(), step.clone());
            let running: Vec<&str> =
                Some(running).filter(|one| !one.is_empty()).into_iter().collect();
            let got = match effect(&file, "deploy", &running) {
                Effect::RollsBack { note } => note.map_or(String::new(), |_| "note".to_owned()),
                Effect::Not { why } => why,
                Effect::Input => "input".to_owned(),
            };
            assert!(
                if expect.is_empty() { got.is_empty() } else { got.contains(expect) },
                "{strategies} {step}: {got:?}, expected {expect:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let check = |file: Value, stage: &str, part: &str| match effect(&file, stage, &["x"]) {
            Effect::Not { why } => assert!(why.contains(part), "{why}"),
            other => panic!("{other:?}"),
        };
        check(json!({}), "deploy", "no stage `deploy`");
        check(
            json!({"pipeline": {"template": {"templateRef": "golden"}}}),
            "deploy",
            "template `golden`",
        );
        let stage = json!({"identifier": "deploy", "template": {"templateRef": "account.k8s"}});
        check(
            json!({"pipeline": {"stages": [{"stage": stage}]}}),
            "deploy",
            "template `account.k8s`",
        );
        let stage = json!({
            "identifier": "deploy",
            "failureStrategies": [strategy("AllErrors", "StageRollback")],
            "spec": {"execution": {"steps": []}},
        });
        check(json!({"pipeline": {"stages": [{"stage": stage}]}}), "deploy", "no `rollbackSteps`");
    }

    #[test]
    fn stages_of_a_matrix_are_found_and_inputs_put_in() {
        let mut whole = file(json!("<+input>"), json!([]));
        let given = file(json!([strategy("UserMarkedFailure", "StageRollback")]), json!([]));
        assert_eq!(effect(&whole, "deploy", &["canary"]), Effect::Input);
        assert!(put_in(&mut whole, &given, "deploy"));
        assert_eq!(effect(&whole, "deploy", &["canary"]), Effect::RollsBack { note: None });
        assert!(!put_in(&mut whole, &json!({}), "deploy"));
        let entry = &mut whole["pipeline"]["stages"][1]["parallel"][0]["stage"];
        entry["strategy"] = json!({"matrix": {"region": ["a", "b"]}});
        assert_eq!(effect(&whole, "deploy_1", &["canary"]), Effect::RollsBack { note: None });
        assert!(matches!(effect(&whole, "deployment", &["canary"]), Effect::Not { .. }));
    }
}
