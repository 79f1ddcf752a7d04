//! Event payloads are JSON of strangers' making: whatever stands in them, they
//! are read or refused with a reason.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::context;

const EVENTS: [&str; 8] = [
    "pull_request",
    "pull_request_target",
    "issue_comment",
    "pull_request_review_comment",
    "workflow_dispatch",
    "merge_group",
    "push",
    "schedule",
];

fuzz_target!(|data: &[u8]| {
    let Ok(payload) = serde_json::from_slice(data) else { return };
    for event in EVENTS {
        if let Err(why) = context::parse(event, &payload) {
            assert!(!why.to_string().is_empty());
        }
    }
});
