//! The text of a pack. Measured and written by the same code, so that a pack's
//! size is known before it is rendered.

use std::ops::Range;

use bstr::ByteSlice;

use super::super::{FileDiff, LineKind, NumberedLine, RepoPath, Status};
use super::{Excerpt, PackedFile, Part, lines_of};

/// Where rendered text goes.
pub(super) trait Sink {
    fn text(&mut self, text: &str);

    /// Bytes that are not UTF-8 become U+FFFD.
    fn bytes(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text),
            Err(_) => self.text(&bytes.to_str_lossy()),
        }
    }

    fn number(&mut self, number: u32) {
        let mut digits = [0; 10];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes(&digits[at..]);
    }
}

impl Sink for String {
    fn text(&mut self, text: &str) {
        self.push_str(text);
    }
}

/// Counts bytes.
#[derive(Default)]
pub(super) struct Count(pub usize);

impl Sink for Count {
    fn text(&mut self, text: &str) {
        self.0 += text.len();
    }
}

/// A file's header and its parts.
pub(super) fn file(file: &FileDiff, packed: &PackedFile, head: Option<&[u8]>, out: &mut impl Sink) {
    title(file, packed.partial, out);
    for one in &packed.parts {
        part(file, one, head, out);
    }
}

fn title(file: &FileDiff, partial: bool, out: &mut impl Sink) {
    out.text("=== ");
    path(file.path(), out);
    out.text(match file.status {
        Status::Added => " (added",
        Status::Deleted => " (deleted",
        Status::Modified => " (modified",
        Status::Renamed => " (renamed from ",
        Status::Copied => " (copied from ",
    });
    if let (Status::Renamed | Status::Copied, Some(old)) = (file.status, &file.old_path) {
        path(old, out);
    }
    if let (Some(old), Some(new)) = (file.old_mode, file.new_mode)
        && old != new
    {
        out.text(&format!(", mode {:o} to {:o}", old.0, new.0));
    } else if let (None, Some(new)) = (file.old_mode, file.new_mode)
        && (new.is_executable() || new.is_symlink())
    {
        out.text(&format!(", mode {:o}", new.0));
    }
    if let Some(change) = line_ends(file) {
        out.text(change);
    }
    out.text(if partial { "; a part of its diff)\n" } else { ")\n" });
}

/// A path on one line, whatever it holds.
fn path(path: &RepoPath, out: &mut impl Sink) {
    let path = path.0.to_str_lossy();
    if !path.contains(char::is_control) {
        return out.text(&path);
    }
    for c in path.chars() {
        match c.is_control() {
            true => out.text(&c.escape_default().to_string()),
            false => out.text(c.encode_utf8(&mut [0; 4])),
        }
    }
}

/// What the lines as rendered do not show: that their ends differ.
fn line_ends(file: &FileDiff) -> Option<&'static str> {
    let patch = file.patch()?;
    // Of removed and of added lines: whether any ends in a line feed alone, and in both.
    let mut seen = [[false; 2]; 2];
    for line in &patch.lines {
        let side = match line.kind {
            LineKind::Context => continue,
            LineKind::Removed => 0,
            LineKind::Added => 1,
        };
        let cr = line.len > 0 && patch.text[(line.start + line.len - 1) as usize] == b'\r';
        seen[side][usize::from(cr)] = true;
    }
    match seen {
        [[true, false], [false, true]] => Some(", line ends LF to CRLF"),
        [[false, true], [true, false]] => Some(", line ends CRLF to LF"),
        _ => None,
    }
}

/// One part: its `@@` line, its lines, and what is shown around them.
pub(super) fn part(file: &FileDiff, part: &Part, head: Option<&[u8]>, out: &mut impl Sink) {
    let Some(patch) = file.patch() else { return };
    let hunk = &patch.hunks[part.hunk];
    hunk_header(file, part, out);
    for above in &part.above {
        excerpt(above, head, out);
    }
    let from = (part.lines.start - hunk.lines.start) as usize;
    let numbered = patch.numbered_hunk(part.hunk).skip(from).take(part.lines.len());
    // Checked at once, the text is cut by its lines' ends without looking again.
    let lines = lines_of(patch, &part.lines);
    let span = lines.first().zip(lines.last()).map(|(first, last)| {
        (first.start as usize, &patch.text[first.start as usize..(last.start + last.len) as usize])
    });
    match span.map(|(start, span)| (start, std::str::from_utf8(span))) {
        Some((start, Ok(span))) => {
            for (numbered, at) in numbered.zip(lines) {
                let from = at.start as usize - start;
                line_as(&numbered, span.get(from..from + at.len as usize).unwrap_or(""), out);
            }
        }
        _ => numbered.for_each(|numbered| line(&numbered, out)),
    }
    if let Some(below) = &part.below {
        excerpt(below, head, out);
    }
}

fn hunk_header(file: &FileDiff, part: &Part, out: &mut impl Sink) {
    let Some(patch) = file.patch() else { return };
    let hunk = &patch.hunks[part.hunk];
    let count = |range: Range<u32>, not: LineKind| {
        lines_of(patch, &range).iter().filter(|line| line.kind != not).count() as u32
    };
    let (old_before, new_before) = hunk.before();
    let above = hunk.lines.start..part.lines.start;
    let sides = [
        ("@@ -", old_before + count(above.clone(), LineKind::Added), LineKind::Added),
        (" +", new_before + count(above, LineKind::Removed), LineKind::Removed),
    ];
    for (sign, before, not) in sides {
        let lines = count(part.lines.clone(), not);
        out.text(sign);
        out.number(before + u32::from(lines > 0));
        out.text(",");
        out.number(lines);
    }
    out.text(" @@");
    let section = patch.section_of(hunk);
    if !section.is_empty() {
        out.text(" ");
        out.bytes(section);
    }
    out.text("\n");
}

/// A line of the diff: number, ` |`, sign, text.
pub(super) fn line(line: &NumberedLine<'_>, out: &mut impl Sink) {
    line_as(line, &line.text.to_str_lossy(), out);
}

fn line_as(line: &NumberedLine<'_>, text: &str, out: &mut impl Sink) {
    out.number(line.number());
    out.text(match line.kind {
        LineKind::Context => " | ",
        LineKind::Added => " |+",
        LineKind::Removed => " |-",
    });
    out.text(text.strip_suffix('\r').unwrap_or(text));
    out.text("\n");
    if !line.newline {
        out.text("\\ No newline at end of file\n");
    }
}

/// Lines around the diff: number, ` :`, a space, text.
pub(super) fn excerpt(excerpt: &Excerpt, head: Option<&[u8]>, out: &mut impl Sink) {
    let Some(text) = head.and_then(|head| head.get(excerpt.bytes.clone())) else { return };
    for (number, line) in excerpt.lines.clone().zip(text.split(|byte| *byte == b'\n')) {
        out.number(number);
        out.text(" : ");
        out.bytes(line.strip_suffix(b"\r").unwrap_or(line));
        out.text("\n");
    }
}
