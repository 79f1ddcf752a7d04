//! A model's answers: no text makes a reader panic, and what is salvaged of a
//! cut answer is a prefix of the whole one's elements.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::model::findings::parse_findings;
use pipewright::model::salvage::{complete_part, in_prose};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some((cut, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let found = in_prose(text, |value| parse_findings(value).ok());
    for finding in found.iter().flat_map(|answer| &answer.findings) {
        assert!(finding.end_line.is_none_or(|end| end >= finding.line));
        assert!((0.0..=1.0).contains(&finding.confidence));
        assert!(!finding.path.is_empty() && !finding.title.contains('\n'));
        assert!(finding.replacement.as_deref() != Some(""));
    }
    let Ok(whole) = serde_json::from_str::<Value>(text) else {
        let _ = complete_part(text);
        return;
    };
    let _ = parse_findings(&whole);
    let mut at = text.len() * usize::from(*cut) / 256;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let Some(part) = complete_part(&text[..at]) else { return };
    match (&part, &whole) {
        (Value::Array(part), Value::Array(whole)) => assert!(whole.starts_with(part)),
        // A key told twice is known only once it was told again.
        (Value::Object(part), Value::Object(_)) => {
            for (key, value) in part {
                assert!(whole.get(key).is_some(), "{key}: {value}");
            }
        }
        // A container of another kind can only come from inside a string.
        (_, Value::Array(_) | Value::Object(_)) => panic!("{part:?} of {whole:?}"),
        _ => {}
    }
});
