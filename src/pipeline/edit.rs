//! Edits of pipeline files, said in terms of the tree: what a fix changes. The same
//! edit is made to the text, by splicing, and to the tree, by hand; the proof
//! compares both.

use super::graph::{Path, Span};
use crate::pipeline::yaml::value::Value;

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
