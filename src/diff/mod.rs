//! Unified diffs: the types. Parsing, anchoring, applying, completing and
//! packing each have a file of their own.
//!
//! Invariants, held by every constructor in this room:
//! - a [`FileDiff`] has a path on at least one side;
//! - a [`Line`]'s span lies inside its file's `text`;
//! - a hunk's `old_lines` is its count of context and removed lines, its
//!   `new_lines` that of context and added lines;
//! - hunks of a file ascend and do not overlap, on both sides.

pub mod anchor;
pub mod apply;
pub mod between;
pub mod complete;
mod name;
pub mod pack;
pub mod parse;
mod quote;
pub mod skip;
pub mod write;

use std::fmt;
use std::ops::Range;

use bstr::{BStr, ByteSlice};
use bytes::Bytes;

use crate::finding::Side;

/// A change: what differs between two revisions, file by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// In the order the source gives them.
    pub files: Vec<FileDiff>,
}

impl Change {
    /// The file with this path, by its new name first, then by its old one.
    pub fn file(&self, path: &str) -> Option<&FileDiff> {
        let named = |p: &Option<RepoPath>| p.as_ref().is_some_and(|p| p.0 == path.as_bytes());
        self.files
            .iter()
            .find(|file| named(&file.new_path))
            .or_else(|| self.files.iter().find(|file| named(&file.old_path)))
    }

    /// Added and removed lines over all files.
    pub fn changed_lines(&self) -> usize {
        self.files.iter().map(FileDiff::changed_lines).sum()
    }
}

/// A path inside the repository: bytes as git has them, with slashes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(pub Bytes);

impl RepoPath {
    /// For people and JSON: bytes that are not UTF-8 become U+FFFD.
    pub fn display(&self) -> String {
        self.0.to_str_lossy().into_owned()
    }

    /// The path as text, where it is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        self.0.to_str().ok()
    }

    /// The bytes.
    pub fn as_bstr(&self) -> &BStr {
        self.0.as_bstr()
    }
}

impl From<&str> for RepoPath {
    fn from(path: &str) -> Self {
        RepoPath(Bytes::copy_from_slice(path.as_bytes()))
    }
}

impl From<String> for RepoPath {
    fn from(path: String) -> Self {
        RepoPath(Bytes::from(path))
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_bstr(), f)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_bstr(), f)
    }
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or mode differs.
    Modified,
    /// It has another name, and perhaps other content.
    Renamed,
    /// It was made from another file, which stays.
    Copied,
}

/// A git file mode: `0o100644`, `0o100755`, `0o120000` (link), `0o160000` (submodule).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mode(pub u32);

impl Mode {
    /// Whether the file may be executed.
    pub fn is_executable(self) -> bool {
        self.0 & 0o170000 == 0o100000 && self.0 & 0o111 != 0
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(self) -> bool {
        self.0 & 0o170000 == 0o120000
    }

    /// Whether it is a submodule.
    pub fn is_submodule(self) -> bool {
        self.0 == 0o160000
    }
}

/// One file's part of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Its name before; `None` if added.
    pub old_path: Option<RepoPath>,
    /// Its name after; `None` if deleted.
    pub new_path: Option<RepoPath>,
    /// What happened.
    pub status: Status,
    /// Its mode before, where known.
    pub old_mode: Option<Mode>,
    /// Its mode after, where known.
    pub new_mode: Option<Mode>,
    /// What differs inside.
    pub content: Content,
}

/// What differs inside a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Lines. No hunks: only the name or the mode differs, or the file is empty.
    Text(Patch),
    /// Bytes that are not text. Sizes where known.
    Binary {
        /// Size before, in bytes.
        old_size: Option<u64>,
        /// Size after, in bytes.
        new_size: Option<u64>,
    },
    /// A submodule's commit.
    Submodule {
        /// Commit before, in hexadecimal.
        old: Option<String>,
        /// Commit after, in hexadecimal.
        new: Option<String>,
    },
    /// The source left the patch out; it has to be completed from contents.
    Missing {
        /// Added lines, by the source's count.
        additions: u32,
        /// Removed lines, by the source's count.
        deletions: u32,
    },
}

/// Hunks over a shared text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    /// What the lines' spans point into.
    pub text: Bytes,
    /// All lines of all hunks, in order.
    pub lines: Vec<Line>,
    /// In ascending order.
    pub hunks: Vec<Hunk>,
}

/// A run of changed lines with their context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// First line before, from 1; 0 where there was none.
    pub old_start: u32,
    /// Lines before.
    pub old_lines: u32,
    /// First line after, from 1; 0 where there is none.
    pub new_start: u32,
    /// Lines after.
    pub new_lines: u32,
    /// What stands behind the second `@@`: usually the enclosing definition.
    pub section: Range<u32>,
    /// Its lines in [`Patch::lines`].
    pub lines: Range<u32>,
}

/// Whether a line is on both sides or on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// On both sides.
    Context,
    /// Only after.
    Added,
    /// Only before.
    Removed,
}

/// One line of a hunk, without its sign and its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Which sides it is on.
    pub kind: LineKind,
    /// Whether a line feed ends it; false only for a file's last line.
    pub newline: bool,
    /// Where its text starts in [`Patch::text`].
    pub start: u32,
    /// How many bytes; a carriage return at the end is part of them.
    pub len: u32,
}

/// A line with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedLine<'a> {
    /// Which sides it is on.
    pub kind: LineKind,
    /// Its number before, unless added.
    pub old: Option<u32>,
    /// Its number after, unless removed.
    pub new: Option<u32>,
    /// Its text, without sign and line feed.
    pub text: &'a BStr,
    /// Which hunk of the file, from 0.
    pub hunk: usize,
    /// Whether a line feed ends it.
    pub newline: bool,
}

impl NumberedLine<'_> {
    /// The side a comment on this line stands on: the old one only for removed lines.
    pub fn side(&self) -> Side {
        if self.kind == LineKind::Removed { Side::Old } else { Side::New }
    }

    /// Its number on its own [`side`](Self::side).
    pub fn number(&self) -> u32 {
        self.new.or(self.old).unwrap_or(0)
    }
}

impl Hunk {
    /// How many of the file's lines stand before the hunk, on the old side and
    /// on the new one. A side without lines names the line it stands behind.
    pub fn before(&self) -> (u32, u32) {
        let before =
            |start: u32, lines: u32| if lines == 0 { start } else { start.saturating_sub(1) };
        (before(self.old_start, self.old_lines), before(self.new_start, self.new_lines))
    }
}

impl FileDiff {
    /// The name people use now: the new one, or the old one of a deleted file.
    pub fn path(&self) -> &RepoPath {
        self.new_path
            .as_ref()
            .or(self.old_path.as_ref())
            .expect("a file diff has a path on at least one side")
    }

    /// The patch, if the file's difference is one of lines.
    pub fn patch(&self) -> Option<&Patch> {
        match &self.content {
            Content::Text(patch) => Some(patch),
            _ => None,
        }
    }

    /// Every line of every hunk with its numbers.
    pub fn lines(&self) -> impl Iterator<Item = NumberedLine<'_>> + '_ {
        self.patch().into_iter().flat_map(Patch::numbered)
    }

    /// Added and removed lines; the source's count where the patch is missing.
    pub fn changed_lines(&self) -> usize {
        match &self.content {
            Content::Text(patch) => {
                patch.lines.iter().filter(|line| line.kind != LineKind::Context).count()
            }
            Content::Missing { additions, deletions } => *additions as usize + *deletions as usize,
            _ => 0,
        }
    }
}

impl Patch {
    /// A line's text.
    pub fn text_of(&self, line: &Line) -> &BStr {
        self.text[line.start as usize..(line.start + line.len) as usize].as_bstr()
    }

    /// What stands behind a hunk's second `@@`.
    pub fn section_of(&self, hunk: &Hunk) -> &BStr {
        self.text[hunk.section.start as usize..hunk.section.end as usize].as_bstr()
    }

    /// The submodule's commits, if the lines are those git shows for one. A
    /// source that does not give modes (an API's file list) tells one by this.
    pub fn submodule(&self) -> Option<Content> {
        self.submodule_with(40)
    }

    /// [`submodule`](Self::submodule) with ids of at least so many digits.
    fn submodule_with(&self, digits: usize) -> Option<Content> {
        let mut sides = [None, None];
        if self.lines.is_empty() || self.lines.len() > 2 {
            return None;
        }
        for line in &self.lines {
            let side = match line.kind {
                LineKind::Removed => 0,
                LineKind::Added => 1,
                LineKind::Context => return None,
            };
            let id = self.text_of(line).strip_prefix(b"Subproject commit ")?.trim_ascii_end();
            let id = id.strip_suffix(b"-dirty").unwrap_or(id);
            if sides[side].is_some() || id.len() < digits || !id.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            sides[side] = Some(id.to_str().ok()?.to_owned());
        }
        let [old, new] = sides;
        Some(Content::Submodule { old, new })
    }

    /// Every line of every hunk with its numbers.
    pub fn numbered(&self) -> impl Iterator<Item = NumberedLine<'_>> + '_ {
        (0..self.hunks.len()).flat_map(move |index| self.numbered_hunk(index))
    }

    /// The lines of the hunk at `index` with their numbers.
    pub fn numbered_hunk(&self, index: usize) -> impl Iterator<Item = NumberedLine<'_>> + '_ {
        let hunk = &self.hunks[index];
        let mut old = hunk.old_start;
        let mut new = hunk.new_start;
        self.lines[hunk.lines.start as usize..hunk.lines.end as usize].iter().map(move |line| {
            let on_old = line.kind != LineKind::Added;
            let on_new = line.kind != LineKind::Removed;
            let numbered = NumberedLine {
                kind: line.kind,
                old: on_old.then_some(old),
                new: on_new.then_some(new),
                text: self.text_of(line),
                hunk: index,
                newline: line.newline,
            };
            old += u32::from(on_old);
            new += u32::from(on_new);
            numbered
        })
    }
}

/// Panics where the invariants above do not hold; for tests and fuzzing.
#[doc(hidden)]
pub fn check_invariants(change: &Change) {
    for file in &change.files {
        assert!(!file.path().0.is_empty(), "a path is not empty");
        let Some(patch) = file.patch() else { continue };
        let (mut old_end, mut new_end, mut next) = (0, 0, 0);
        for hunk in &patch.hunks {
            let (old, new) = hunk.before();
            assert!(old >= old_end && new >= new_end, "hunks ascend");
            (old_end, new_end) = (old + hunk.old_lines, new + hunk.new_lines);
            assert_eq!(hunk.lines.start, next, "every line is in a hunk");
            next = hunk.lines.end;
            let lines = &patch.lines[hunk.lines.start as usize..hunk.lines.end as usize];
            let count = |not: LineKind| lines.iter().filter(|line| line.kind != not).count();
            assert_eq!(count(LineKind::Added), hunk.old_lines as usize, "old lines are counted");
            assert_eq!(count(LineKind::Removed), hunk.new_lines as usize, "new lines are counted");
            patch.section_of(hunk);
        }
        assert_eq!(next as usize, patch.lines.len(), "every line is in a hunk");
        assert!(
            patch.lines.iter().all(|line| memchr::memchr(b'\n', patch.text_of(line)).is_none())
        );
    }
}
