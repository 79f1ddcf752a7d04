//! Edits of pipeline files, said in terms of the tree: what a fix changes. The same
//! edit is made to the text, by splicing, and to the tree, by hand; the proof
//! compares both.

mod block;
mod flow;
mod lines;
mod plan;
pub mod render;
mod replace;
mod scalar;
pub mod splice;
pub mod tree;

use std::fmt;

use super::graph::{Path, Seg, Span};
use crate::pipeline::yaml::value::Value;

pub use splice::{Spliced, Text, splice};
pub(in crate::pipeline) use tree::slot;
pub use tree::{intend, same};

#[cfg(test)]
mod tests;

/// One change of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// A new entry of the mapping at `at`. A null there becomes a mapping.
    Insert {
        /// The mapping.
        at: Path,
        /// The key; it must not be there.
        key: String,
        /// The value.
        value: Value,
        /// Among the entries.
        place: Place,
    },
    /// A new item of the sequence at `at`.
    Push {
        /// The sequence.
        at: Path,
        /// Before which item; the number of items means at the end.
        index: usize,
        /// The item.
        value: Value,
    },
    /// Another value at `at`, in the style of what stood there where that can be.
    Replace {
        /// The value.
        at: Path,
        /// What takes its place.
        value: Value,
    },
    /// The entry or item at `at` goes, with its own lines and the comments inside.
    Remove {
        /// The entry or item.
        at: Path,
    },
    /// The item at `from` of the sequence moves before the item at `to`, with its
    /// comments, byte for byte but for indentation.
    Move {
        /// The sequence.
        at: Path,
        /// Which item.
        from: usize,
        /// Before which of the items as they stand now.
        to: usize,
    },
    /// Items of the sequence become the items of a new one, with their comments, byte
    /// for byte but for indentation; the new one stands in one item in their place.
    /// No other op may be at work in a sequence whose items are wrapped, nor in them.
    Wrap {
        /// The sequence.
        at: Path,
        /// First item.
        from: usize,
        /// Behind the last item.
        to: usize,
        /// The keys, outer first, of the mappings that the new sequence stands in;
        /// at least one.
        keys: Vec<&'static str>,
        /// Entries before the last key, in its mapping.
        beside: Vec<(&'static str, Value)>,
    },
    /// Part of a scalar's text changes, its style and lines stay: `find` stands
    /// exactly once in its source.
    Text {
        /// The scalar.
        at: Path,
        /// What stands there.
        find: String,
        /// What takes its place.
        replace: String,
    },
    /// As `Text`, with a comment behind it where the line ends there.
    Remark {
        /// The scalar.
        at: Path,
        /// What stands there.
        find: String,
        /// What takes its place.
        replace: String,
        /// The comment, without its `#`; one line.
        remark: String,
    },
    /// Bytes of a file that is no YAML (Jenkins).
    Splice {
        /// What goes.
        span: Span,
        /// What comes.
        text: String,
    },
}

/// Where a new entry stands in its mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
    /// Behind the first of these keys that is there; else at the end.
    After(Vec<&'static str>),
    /// Before the first of these keys that is there; else at the end.
    Before(Vec<&'static str>),
}

/// Why an edit is not made. Nothing of its call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// Where: the path that the op names.
    pub at: Path,
}

/// Why an edit is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The path leads nowhere, or an index is out of range.
    Missing,
    /// There is a node, but not of the kind that the op wants.
    Kind,
    /// The key is there already.
    Exists,
    /// A mapping holds a key of the path twice.
    Twice,
    /// An alias stands on the way: what would change is elsewhere.
    Alias,
    /// The entry came in through a merge key: it stands elsewhere.
    Merged,
    /// An anchor here is used elsewhere: more would change than is said.
    Shared,
    /// Two ops want the same bytes.
    Overlap,
    /// The text does not stand there exactly once.
    Ambiguous,
    /// It is written in a form that is not edited; which.
    Form(&'static str),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Missing => "there is no such place",
            Reason::Kind => "what stands there is of another kind",
            Reason::Exists => "the key is there already",
            Reason::Twice => "a key of the path stands there twice",
            Reason::Alias => "an alias stands there",
            Reason::Merged => "it comes from a merge key",
            Reason::Shared => "an anchor there is used elsewhere",
            Reason::Overlap => "two changes want the same place",
            Reason::Ambiguous => "the text does not stand there exactly once",
            Reason::Form(what) => what,
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", display(&self.at), self.reason)
    }
}

impl std::error::Error for Refused {}

impl Reason {
    /// With the place it is about.
    pub(super) fn at(self, path: &[Seg]) -> Refused {
        Refused { reason: self, at: path.to_vec() }
    }
}

/// A path as people write it: `jobs.test.steps[2].run`.
pub fn display(path: &[Seg]) -> String {
    let mut out = String::new();
    for seg in path {
        match seg {
            Seg::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Seg::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

impl Op {
    /// The node that the op names: of `Insert`, `Push`, `Move` and `Wrap` the collection; of
    /// `Splice` nothing.
    pub fn path(&self) -> &[Seg] {
        match self {
            Op::Insert { at, .. }
            | Op::Push { at, .. }
            | Op::Replace { at, .. }
            | Op::Remove { at }
            | Op::Move { at, .. }
            | Op::Wrap { at, .. }
            | Op::Text { at, .. }
            | Op::Remark { at, .. } => at,
            Op::Splice { .. } => &[],
        }
    }
}
