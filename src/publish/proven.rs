//! New tests as people read them: what is suspected, what is proven and by what, what is
//! only shown, and what no test guards.

mod page;

use self::page::Page;
use crate::redact::{ForgeHost, Scrubber};

/// Longest comment, in bytes: a host takes 65,536 characters, of which the marker
/// needs some.
const MOST_COMMENT: usize = 62_000;

/// What became of a test, in the order in which people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// It fails on the change: a person has to look.
    Suspected,
    /// It is shown to guard something.
    Proven,
    /// It holds, and guards nothing that could be shown.
    CoverageOnly,
    /// It does not hold.
    Rejected,
}

/// One thing that was run. Texts are untrusted.
#[derive(Debug, Clone, Default)]
pub struct Ran<'a> {
    /// `head`, `base`, `mutant …`, `stripped …`.
    pub on: &'a str,
    /// For a shell.
    pub command: &'a str,
    /// What it came to.
    pub outcome: &'a str,
    /// Whether a patch has to be applied first.
    pub is_patched: bool,
}

/// A test. Texts are untrusted.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// As the runner prints it.
    pub name: &'a str,
    /// Its file.
    pub path: &'a str,
    /// Where it belongs.
    pub group: Group,
    /// `proven-base`, …
    pub verdict: &'a str,
    /// What it guards, in the model's words.
    pub guards: &'a str,
    /// Why the verdict.
    pub reason: &'a str,
    /// What was run.
    pub ran: Vec<Ran<'a>>,
    /// A unified diff of this test alone; may be empty.
    pub diff: &'a str,
}

/// A function that lacks something. Texts are untrusted.
#[derive(Debug, Clone, Default)]
pub struct Open<'a> {
    /// Its name.
    pub function: &'a str,
    /// Its file.
    pub path: &'a str,
    /// Its first line.
    pub line: u32,
    /// Changed lines that no test reaches; `None` where coverage is not known.
    pub unreached: Option<&'a [u32]>,
    /// Small changes of the code that no test notices: line, and which.
    pub lives: Vec<(u32, &'a str)>,
    /// How many such changes were tried.
    pub tried: usize,
}

/// All that is shown. Texts are untrusted but for `done`.
#[derive(Debug, Clone, Default)]
pub struct Shown<'a> {
    /// How many functions changed.
    pub changed: usize,
    /// How many tests were proposed.
    pub proposed: usize,
    /// Those that are shown, group by group.
    pub rows: Vec<Row<'a>>,
    /// Functions that lack something, the riskiest first.
    pub open: Vec<Open<'a>>,
    /// Changed files that no test can be written for, and why.
    pub untestable: Vec<(&'a str, &'a str)>,
    /// A unified diff of the accepted tests.
    pub diff: &'a str,
    /// What was done with them, as Markdown of ours; may be empty.
    pub done: &'a str,
    /// What the reader has to know, one sentence each.
    pub notes: Vec<&'a str>,
    /// `offline`, or the model's name.
    pub model: &'a str,
    /// What it took: requests and dollars.
    pub spent: (u64, f64),
}

/// How much is shown at most.
#[derive(Clone, Copy)]
struct Most {
    rows: usize,
    open: usize,
    /// Bytes of the accepted diff.
    diff: usize,
    /// Bytes of one further test.
    one: usize,
    commands: bool,
}

/// As Markdown below a heading, in as much as a comment takes.
pub fn markdown(shown: &Shown<'_>, scrubber: &Scrubber, host: &ForgeHost) -> String {
    let full = Most { rows: 60, open: 30, diff: 30_000, one: 4_000, commands: true };
    let steps = [
        full,
        Most { one: 0, ..full },
        Most { one: 0, commands: false, ..full },
        Most { one: 0, commands: false, diff: 0, ..full },
        Most { rows: 20, open: 10, diff: 0, one: 0, commands: false },
        Most { rows: 5, open: 3, diff: 0, one: 0, commands: false },
        Most { rows: 1, open: 1, diff: 0, one: 0, commands: false },
    ];
    let mut text = String::new();
    for most in steps {
        text = Page { shown, most, scrubber, host }.render();
        if text.len() <= MOST_COMMENT {
            break;
        }
    }
    text
}

/// Characters that turn the direction of what follows: with them, code reads otherwise
/// than it runs. <https://trojansource.codes>
pub fn is_turning(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
