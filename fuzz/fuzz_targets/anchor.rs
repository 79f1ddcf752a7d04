//! An anchor's lines stand in the diff, on one side of one hunk, and its quote
//! is their text; a plan loses no line, and renders at the length it says.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pipewright::diff::anchor::{Claim, Index};
use pipewright::diff::apply::replacement;
use pipewright::diff::pack::pack;
use pipewright::diff::parse::parse;
use pipewright::diff::{Content, FileDiff};
use pipewright::finding::Side;

fuzz_target!(|data: &[u8]| {
    let Some(([line, span, budget], rest)) = data.split_first_chunk() else { return };
    let mut parts = rest.splitn(2, |byte| *byte == 0xff);
    let quote = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let diff = Bytes::copy_from_slice(parts.next().unwrap_or_default());
    let Ok(change) = parse(diff) else { return };
    let index = Index::new(&change);
    let none = |_: &FileDiff| None;
    for file in &change.files {
        let path = file.path().display();
        let line = u32::from(*line);
        let end_line = Some(line + u32::from(*span));
        let first = file.lines().next().map(|line| line.text.to_string());
        for quote in [Some(quote.as_ref()), first.as_deref()].into_iter().flatten() {
            let claim = Claim { path: &path, line, end_line, quote };
            let Ok(anchor) = index.anchor(&claim) else { continue };
            let stands: Vec<String> = change.files[anchor.file]
                .patch()
                .expect("an anchor is on lines")
                .numbered_hunk(anchor.hunk)
                .filter(|stands| {
                    let number = if anchor.side == Side::New { stands.new } else { stands.old };
                    number.is_some_and(|number| (anchor.line..=anchor.end_line).contains(&number))
                })
                .map(|line| {
                    String::from_utf8_lossy(line.text.strip_suffix(b"\r").unwrap_or(line.text))
                        .into_owned()
                })
                .collect();
            assert_eq!(stands.join("\n"), anchor.quote);
            assert_eq!(stands.len() as u32, anchor.end_line - anchor.line + 1);
            let again = index.at(anchor.file, anchor.side, anchor.line, anchor.end_line);
            assert_eq!(
                again.map(|again| (again.quote, again.nth)),
                Some((anchor.quote.clone(), anchor.nth))
            );
            let _ = replacement(&change.files[anchor.file], &anchor, quote, None);
        }
    }
    let plan = pack(&change, &[], &|_, _| true, &none, 40 + usize::from(*budget) * 4);
    let mut lines = 0;
    for pack in &plan.packs {
        assert_eq!(pack.render(&change, &none).len(), pack.bytes);
        lines += pack.changed_lines(&change);
    }
    let skipped = |file: &&FileDiff| matches!(file.content, Content::Text(_));
    assert_eq!(
        lines,
        change.files.iter().filter(skipped).map(FileDiff::changed_lines).sum::<usize>()
    );
});
