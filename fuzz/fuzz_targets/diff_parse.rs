//! Any text is read or refused; what is read holds the invariants, and reads
//! the same once written.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pipewright::diff::parse::{parse, parse_hunks};
use pipewright::diff::write::{write, write_hunks};
use pipewright::diff::{Change, Content, check_invariants};

fuzz_target!(|data: &[u8]| {
    let text = Bytes::copy_from_slice(data);
    if let Ok(change) = parse(text.clone()) {
        check_invariants(&change);
        let again = parse(Bytes::from(write(&change))).expect("what is written can be read");
        assert_eq!(lines(&again), lines(&change));
        let names = |change: &Change| -> Vec<_> {
            let files = change.files.iter();
            files.map(|file| (file.old_path.clone(), file.new_path.clone(), file.status)).collect()
        };
        assert_eq!(names(&again), names(&change));
    }
    if let Ok(patch) = parse_hunks(text) {
        let mut out = Vec::new();
        write_hunks(&patch, &mut out);
        let again = parse_hunks(Bytes::from(out)).expect("what is written can be read");
        assert_eq!(again.numbered().count(), patch.numbered().count());
        assert!(again.numbered().zip(patch.numbered()).all(|(a, b)| a == b));
    }
});

/// Every line with its numbers; of submodules, the commits.
fn lines(change: &Change) -> Vec<String> {
    let mut all = Vec::new();
    for file in &change.files {
        match &file.content {
            Content::Text(_) => all.extend(file.lines().map(|line| format!("{line:?}"))),
            Content::Binary { .. } => all.push("binary".to_owned()),
            // Only the mode says that it is one, and `index` is not there to tell it.
            Content::Submodule { old: None, new: None } => {}
            other => all.push(format!("{other:?}")),
        }
    }
    all
}
