//! Decisions on specs as they are written, by table.

mod build;
mod gates;
mod properties;
mod signals;

use super::{Action, Decision, ModelOpinion, decide, read, restrain};
use build::{Made, ratio};

const PROCEED: Action = Action::Proceed;
const INVESTIGATE: Action = Action::Investigate;
const ROLLBACK: Action = Action::Rollback;

/// Decides on a spec as it is written.
#[track_caller]
fn decided(text: &str) -> Decision {
    match read(text) {
        Ok(spec) => decide(&spec, None),
        Err(problems) => panic!("{problems:#?}"),
    }
}

/// Holds that a spec leads to an action by a rule.
#[track_caller]
fn check(name: &str, made: &Made, action: Action, rule: &str) -> Decision {
    let decision = decided(&made.text());
    assert_eq!((decision.action, decision.rule), (action, rule), "{name}: {decision:#?}");
    assert!((0.0..=1.0).contains(&decision.confidence), "{name}");
    assert!(!decision.reason.is_empty(), "{name}");
    decision
}

#[test]
fn a_model_makes_a_decision_more_careful_and_never_bolder() {
    let bad = ratio("error_rate", "limit: 0.05", 0.2, 0.01);
    let good = ratio("error_rate", "limit: 0.05", 0.01, 0.01);
    let slow = build::gauge("latency", "limit: 300, critical: true", 400.0, 200.0);
    for (signal, opinion, expect) in [
        (&good, Some(PROCEED), PROCEED),
        (&good, None, PROCEED),
        (&good, Some(INVESTIGATE), INVESTIGATE),
        (&good, Some(ROLLBACK), INVESTIGATE),
        (&bad, Some(PROCEED), ROLLBACK),
        (&bad, Some(INVESTIGATE), ROLLBACK),
        (&slow, None, ROLLBACK),
        (&slow, Some(INVESTIGATE), INVESTIGATE),
        (&slow, Some(ROLLBACK), ROLLBACK),
    ] {
        let before = decided(&Made::new().with(signal.clone()).text());
        let was = before.action;
        let said = "As the logs say.".to_owned();
        let after = restrain(before, ModelOpinion { action: opinion, said });
        assert_eq!(after.action, expect, "{was:?} with {opinion:?}");
        assert_eq!(after.model.changed_action, was != expect);
        assert!(!after.clear_cut || after.action == ROLLBACK);
        assert_eq!(after.model.said.as_deref(), Some("As the logs say."));
    }
}

#[test]
fn the_same_spec_gives_the_same_bytes() {
    let text = Made::new().with(ratio("error_rate", "limit: 0.05", 0.2, 0.01)).text();
    let bytes = || serde_json::to_string(&decided(&text)).expect("JSON");
    assert_eq!(bytes(), bytes());
}
