//! Hunks from two versions.

use bytes::BytesMut;
use similar::{Algorithm, DiffOp, TextDiff};

use crate::diff::{Content, Hunk, Line, LineKind, Patch};

/// The difference of two texts with `context` equal lines around each change.
pub(super) fn from_contents(old: Option<&[u8]>, new: Option<&[u8]>, context: u32) -> Content {
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let split = |text: &'_ [u8]| -> Vec<std::ops::Range<usize>> {
        let mut start = 0;
        let mut lines: Vec<_> = memchr::memchr_iter(b'\n', text)
            .map(|end| {
                let line = start..end + 1;
                start = end + 1;
                line
            })
            .collect();
        if start < text.len() {
            lines.push(start..text.len());
        }
        lines
    };
    let (old_lines, new_lines) = (split(old), split(new));
    let a: Vec<&[u8]> = old_lines.iter().map(|line| &old[line.clone()]).collect();
    let b: Vec<&[u8]> = new_lines.iter().map(|line| &new[line.clone()]).collect();
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).diff_slices(&a, &b);
    let mut text = BytesMut::new();
    let mut patch = Patch::default();
    for group in diff.grouped_ops(context as usize) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let start = patch.lines.len() as u32;
        let mut push = |kind, line: &[u8]| {
            let newline = line.ends_with(b"\n");
            let bare = if newline { &line[..line.len() - 1] } else { line };
            let at = text.len() as u32;
            text.extend_from_slice(bare);
            patch.lines.push(Line { kind, newline, start: at, len: bare.len() as u32 });
        };
        for op in &group {
            if let DiffOp::Equal { new_index, len, .. } = op {
                b[*new_index..new_index + len].iter().for_each(|l| push(LineKind::Context, l));
                continue;
            }
            a[op.old_range()].iter().for_each(|l| push(LineKind::Removed, l));
            b[op.new_range()].iter().for_each(|l| push(LineKind::Added, l));
        }
        let count = |from: usize, to: usize| (to - from) as u32;
        let old_lines = count(first.old_range().start, last.old_range().end);
        let new_lines = count(first.new_range().start, last.new_range().end);
        patch.hunks.push(Hunk {
            old_start: first.old_range().start as u32 + u32::from(old_lines > 0),
            old_lines,
            new_start: first.new_range().start as u32 + u32::from(new_lines > 0),
            new_lines,
            section: 0..0,
            lines: start..patch.lines.len() as u32,
        });
    }
    patch.text = text.freeze();
    Content::Text(patch)
}
