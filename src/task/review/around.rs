//! What a reviewer would open beside the diff, by plain code: callers of what
//! changed, tests that touch it, definitions behind the calls that were added,
//! interfaces that it stands for, what it was before, and what still refers to
//! what is gone.
//!
//! Names are found in one pass over the checkout, weighed by what stands next
//! to them (package, receiver, reach), and confirmed by grammar. No types are
//! inferred: where a name could mean several things, it is left out.

mod changed;
mod excerpt;
mod index;
mod outgoing;
mod uses;

use std::fmt::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;

use self::changed::{Before, Symbol};
use self::excerpt::Shown;
pub use self::index::Index;
use super::contents::Contents;
use crate::checkout::Checkout;
use crate::code::language::Language;
use crate::diff::pack::Pack;
use crate::diff::{Change, FileDiff};

/// Changes of more changed lines are shown without.
pub const MOST_CHANGED_LINES: usize = 20_000;
/// What a piece costs beside its bytes: so that small ones do not always win.
const OVERHEAD: f64 = 400.0;
/// How much less the next piece of the same kind about the same is worth.
const REPEATED: f64 = 0.6;

/// The repository's files.
pub trait Sources: Sync {
    /// A file of the change as it is after it.
    fn head(&self, file: &FileDiff) -> Option<Bytes>;
    /// A file of the change as it was before it.
    fn base(&self, file: &FileDiff) -> Option<Bytes>;
    /// All source files as they are after the change.
    fn index(&self) -> &Index;
}

/// What a piece is to the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Refers to what the change removes or renames.
    Dangling,
    /// Calls or uses what changed.
    Caller,
    /// Defines what an added line calls.
    Definition,
    /// Declares a changed method, or is the trait that it implements.
    Interface,
    /// Tests what changed.
    Test,
    /// A changed function as it was.
    Base,
}

/// A piece of the repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// What it is to the change.
    pub kind: Kind,
    /// Its file; at the base for [`Kind::Base`].
    pub path: String,
    /// Its first line, from 1.
    pub first_line: u32,
    /// Its last line.
    pub last_line: u32,
    /// Its lines, each as number, ` : `, text; a line `…` where some are left out.
    pub text: String,
    /// The names of what it is about.
    pub about: String,
    /// Whether the signature of what it is about changes.
    pub signature: bool,
    /// How much it is worth, beside others; no unit.
    pub value: f64,
}

impl Piece {
    fn header(&self) -> String {
        let Piece { path, first_line, last_line, about, .. } = self;
        let change = if self.signature { ", whose signature changes" } else { "" };
        let what = match self.kind {
            Kind::Dangling => format!("still refers to {about}, which this change removes"),
            Kind::Caller => format!("uses {about}{change}"),
            Kind::Definition => format!("definition of {about}"),
            Kind::Interface => format!("declares {about}{change}"),
            Kind::Test => format!("tests {about}{change}"),
            Kind::Base => format!("{about} before this change"),
        };
        format!("{path}:{first_line}-{last_line} ({what})")
    }

    fn bytes(&self) -> usize {
        self.path.len() + self.about.len() + self.text.len() + 72
    }
}

/// What was chosen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Around {
    /// In the order in which they are shown: by what they are about, then by place.
    pub pieces: Vec<Piece>,
    /// Pieces for which there was no room.
    pub left_out: usize,
}

impl Around {
    /// The text for the model: per piece a line `path:first-last (what it is)`,
    /// its lines as the surroundings in a pack are shown, and an empty line.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            let _ = write!(text, "{}\n{}\n", piece.header(), piece.text);
        }
        text.truncate(text.trim_end_matches('\n').len() + usize::from(!text.is_empty()));
        text
    }
}

/// Gathers what belongs beside a pack, at most `budget` bytes of it as rendered.
/// Equal input gives equal output. Empty for a change of more than
/// [`MOST_CHANGED_LINES`].
pub fn around(pack: &Pack, change: &Change, sources: &dyn Sources, budget: usize) -> Around {
    if budget == 0 || change.changed_lines() > MOST_CHANGED_LINES {
        return Around::default();
    }
    let shown = Shown::of(pack, change);
    let changed = changed::read(pack, change, sources);
    if changed.symbols.is_empty() && changed.calls.is_empty() {
        return Around::default();
    }
    let files = index::Files::of(change, sources);
    let mut pieces = uses::pieces(&changed.symbols, &files, &shown);
    pieces.extend(outgoing::pieces(&changed, &files, &shown));
    pieces.extend(changed.symbols.iter().filter_map(before));
    choose(pieces, budget)
}

/// The old text of what was rewritten or removed.
fn before(symbol: &Symbol) -> Option<Piece> {
    let Before { path, text, first_line, last_line } = symbol.before.clone()?;
    let (kind, about) = (Kind::Base, symbol.qualified.clone());
    Some(Piece { kind, path, first_line, last_line, text, about, signature: false, value: 1.5 })
}

/// Takes the best for their length until the budget is spent.
fn choose(mut pieces: Vec<Piece>, budget: usize) -> Around {
    // The worth of those about the same decreases, the best first.
    pieces.sort_by(|a, b| {
        (a.kind, &a.about)
            .cmp(&(b.kind, &b.about))
            .then(b.value.total_cmp(&a.value))
            .then_with(|| (&a.path, a.first_line).cmp(&(&b.path, b.first_line)))
    });
    let mut weight = 1.0;
    for at in 0..pieces.len() {
        let again = at > 0
            && (pieces[at].kind, &pieces[at].about) == (pieces[at - 1].kind, &pieces[at - 1].about);
        weight = if again { weight * REPEATED } else { 1.0 };
        pieces[at].value *= weight;
    }
    let worth = |piece: &Piece| piece.value / (piece.bytes() as f64 + OVERHEAD);
    pieces.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then_with(|| place(a).cmp(&place(b))));
    let mut chosen: Vec<Piece> = Vec::new();
    let mut left_out = 0;
    let mut left = budget;
    for piece in pieces {
        let same = chosen.iter_mut().find(|other| overlaps(other, &piece));
        if let Some(other) = same {
            let known = other.about.split(", ").any(|name| name == piece.about);
            let inside = piece.first_line >= other.first_line && piece.last_line <= other.last_line;
            if inside && other.kind == piece.kind && !known && left > piece.about.len() + 2 {
                left -= piece.about.len() + 2;
                other.signature |= piece.signature;
                other.about.push_str(", ");
                other.about.push_str(&piece.about);
            }
            continue;
        }
        if piece.bytes() > left {
            left_out += 1;
            continue;
        }
        left -= piece.bytes();
        chosen.push(piece);
    }
    chosen.sort_by(|a, b| place(a).cmp(&place(b)));
    Around { pieces: chosen, left_out }
}

fn place(piece: &Piece) -> (Kind, &str, u32, &str) {
    (piece.kind, &piece.path, piece.first_line, &piece.about)
}

/// Whether two pieces show the same lines. What was before is another text.
fn overlaps(a: &Piece, b: &Piece) -> bool {
    a.path == b.path
        && (a.kind == Kind::Base) == (b.kind == Kind::Base)
        && a.first_line <= b.last_line
        && b.first_line <= a.last_line
}

/// A run's files: whole files of the change, and the checkout's, which are read
/// when first asked for, once.
pub struct CheckoutSources<'a> {
    change: &'a Change,
    contents: &'a Contents<'a>,
    checkout: Option<&'a Checkout>,
    index: OnceLock<Index>,
}

impl<'a> CheckoutSources<'a> {
    /// `checkout` is the working tree under review.
    pub fn new(
        change: &'a Change,
        contents: &'a Contents<'a>,
        checkout: Option<&'a Checkout>,
    ) -> Self {
        CheckoutSources { change, contents, checkout, index: OnceLock::new() }
    }
}

impl Sources for CheckoutSources<'_> {
    fn head(&self, file: &FileDiff) -> Option<Bytes> {
        self.contents.head(file)
    }

    fn base(&self, file: &FileDiff) -> Option<Bytes> {
        self.contents.base(file)
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| match self.checkout {
            Some(checkout) => Index::of_checkout(checkout, self.change),
            None => Index::default(),
        })
    }
}

/// How near two files are: 1 in one folder, less the fewer folders they share.
fn nearness(a: &str, b: &str) -> f64 {
    let folders = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let (a, b) = (folders(a), folders(b));
    if a == b {
        return 1.0;
    }
    let shared = a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count();
    let deepest = a.split('/').count().max(b.split('/').count());
    0.3 + 0.5 * shared as f64 / (deepest as f64 + 1.0)
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A file's name without its endings.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether a line begins as a comment.
fn is_comment(line: &[u8], language: Language) -> bool {
    let hash = matches!(language, Language::Python | Language::Ruby | Language::Php);
    line.starts_with(b"//")
        || line.starts_with(b"/*")
        || line.starts_with(b"* ")
        || hash && line.starts_with(b"#")
}

/// Whether no word goes on before or behind a range of a text.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| is_word(*byte));
    !is_word(before) && !is_word(text.get(end))
}

#[cfg(test)]
mod tests;
