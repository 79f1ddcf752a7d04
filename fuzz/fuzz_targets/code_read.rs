//! Any bytes as source: parsed, its definitions and calls taken, within its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::code::calls::calls;
use pipewright::code::definitions::definitions;
use pipewright::code::language::Language;
use pipewright::code::parse::parse;

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses the language, so that each gets inputs of its own.
    let Some((&first, text)) = bytes.split_first() else { return };
    let language = Language::ALL[usize::from(first) % Language::ALL.len()];
    let Some(parsed) = parse(language, text) else { return };
    for one in definitions(&parsed) {
        assert!(1 <= one.lines.start && one.lines.start < one.lines.end);
        assert!(one.lines.start <= one.signature.start && one.signature.end <= one.lines.end);
        assert!(text.get(one.signature_bytes.clone()).is_some());
        parsed.is_name_at(one.name_at);
    }
    for call in calls(&parsed, 1..u32::MAX) {
        assert!(!call.name(text).is_empty());
        call.receiver(text);
    }
});
