//! A diff made of two contents leads from the one to the other and back, also
//! once written and read; and so does one that is read, wherever it applies.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pipewright::diff::apply::{apply, unapply};
use pipewright::diff::complete::from_contents;
use pipewright::diff::parse::{parse, parse_hunks};
use pipewright::diff::write::write_hunks;
use pipewright::diff::{Change, Content, FileDiff, Status, check_invariants};

fuzz_target!(|data: &[u8]| {
    let Some((&head, rest)) = data.split_first() else { return };
    let mut parts = rest.splitn(2, |byte| *byte == 0xff);
    let old = parts.next().unwrap_or_default();
    let new = parts.next().unwrap_or_default();
    let mut file = FileDiff {
        old_path: Some("x".into()),
        new_path: Some("x".into()),
        status: Status::Modified,
        old_mode: None,
        new_mode: None,
        content: from_contents(Some(old), Some(new), u32::from(head % 5)),
    };
    let Content::Text(patch) = &file.content else { return };
    let mut text = Vec::new();
    write_hunks(patch, &mut text);
    check_invariants(&Change { files: vec![file.clone()] });
    assert_eq!(apply(&file, old).expect("it applies"), new);
    assert_eq!(unapply(&file, new).expect("it applies backwards"), old);
    file.content = Content::Text(parse_hunks(Bytes::from(text)).expect("it can be read"));
    assert_eq!(apply(&file, old).expect("it applies"), new);

    // A diff and a content that need not fit together.
    if let Ok(change) = parse(Bytes::copy_from_slice(new)) {
        for file in &change.files {
            if let Ok(after) = apply(file, old) {
                assert_eq!(unapply(file, &after).expect("it applies backwards"), old);
            }
        }
    }
});
