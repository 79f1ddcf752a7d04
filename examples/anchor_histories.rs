//! Measures anchoring on real histories.
//!
//!     cargo run --release --example anchor_histories -- REPOSITORY…
//!
//! Walks random commits of each repository, diffs them with their first parent
//! and asks for `LINES` random changed lines by their text and a wrong number,
//! then for as many mutated texts (a character changed, put in or taken out,
//! two words swapped).
//!
//! A number can only settle which of several equal lines is meant if it is
//! nearer to that one: where equal lines exist, it is wrong by less than half
//! the distance to the nearest. So lines that have an equal one at most two
//! lines away are asked for by their own number, and counted apart. A line of
//! punctuation alone (`}`) is looked for no farther than ten lines from its
//! number, and empty lines are not asked for: there is nothing to quote.
//!
//! A mutated text may by chance read like another line of the file, or like one
//! with a sign in front (`+x`): both are counted, and neither is wrong.

use std::process::ExitCode;

use anyhow::{Context, Result};
use bstr::ByteSlice;
use gix::object::tree::diff::ChangeDetached as TreeChange;
use pipewright::diff::anchor::{Claim, Index};
use pipewright::diff::complete::from_contents;
use pipewright::diff::{Change, FileDiff, LineKind, RepoPath, Status};
use pipewright::finding::Side;

/// Lines asked for in each repository, and mutated texts.
const LINES: usize = 10_000;

/// Lines taken from one commit at most, so that many commits are seen.
const PER_COMMIT: usize = 25;

fn main() -> Result<ExitCode> {
    let mut failed = false;
    for path in std::env::args_os().skip(1) {
        let counts = measure(path.as_ref())?;
        println!("{}: {counts:#?}", path.to_string_lossy());
        failed |= counts.misplaced > 0 || counts.wrong > 0 || counts.lines < LINES;
    }
    Ok(ExitCode::from(u8::from(failed)))
}

#[derive(Debug, Default)]
struct Counts {
    commits: usize,
    /// Commits whose objects are not all there.
    unreadable: usize,
    /// Changed lines asked for.
    lines: usize,
    /// Of them, with a wrong number.
    with_wrong_number: usize,
    /// Of them, anchored on their own line.
    anchored: usize,
    /// Of them, anywhere else or nowhere.
    misplaced: usize,
    /// Not asked for: an equal line has the same number.
    undecidable: usize,
    /// Mutated texts.
    mutated: usize,
    /// Of them, found nowhere.
    dropped: usize,
    /// Of them, on a line that reads just so.
    read_so: usize,
    /// Of them, on a line that reads so but for a copied sign or gutter.
    read_so_but_sign: usize,
    /// Of them, on a line that reads otherwise.
    wrong: usize,
}

/// A xorshift generator: the same lines every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

fn measure(path: &std::path::Path) -> Result<Counts> {
    let repository = gix::open(path).context("cannot open the repository")?;
    let head = repository.head_id().context("cannot read HEAD")?;
    let commits: Vec<_> = repository
        .rev_walk([head])
        .all()?
        .map(|info| info.map(|info| info.id))
        .collect::<Result<_, _>>()
        .context("cannot walk the history")?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut counts = Counts::default();
    let mut tries = 0;
    while counts.lines < LINES && tries < 20 * LINES {
        tries += 1;
        let id = commits[random.below(commits.len())];
        let commit = repository.find_commit(id)?;
        let Some(parent) = commit.parent_ids().next() else { continue };
        let old = parent.object()?.into_commit().tree()?;
        // A shallow or partial clone lacks some objects.
        let Ok(change) = diff(&repository, &old, &commit.tree()?) else {
            counts.unreadable += 1;
            continue;
        };
        if change.changed_lines() > 0 {
            counts.commits += 1;
            ask(&change, &mut random, &mut counts);
        }
    }
    Ok(counts)
}

fn diff(repository: &gix::Repository, old: &gix::Tree<'_>, new: &gix::Tree<'_>) -> Result<Change> {
    let mut change = Change::default();
    let blob =
        |id: gix::ObjectId| -> Result<Vec<u8>> { Ok(repository.find_object(id)?.data.clone()) };
    // Without renames: they are nothing to anchoring.
    let options = gix::diff::Options::default().with_rewrites(None);
    for entry in repository.diff_tree_to_tree(Some(old), Some(new), options)? {
        let (path, old, new) = match entry {
            TreeChange::Addition { location, entry_mode, id, .. } if entry_mode.is_blob() => {
                (location, None, Some(blob(id)?))
            }
            TreeChange::Deletion { location, entry_mode, id, .. } if entry_mode.is_blob() => {
                (location, Some(blob(id)?), None)
            }
            TreeChange::Modification { location, previous_id, id, entry_mode, .. }
                if entry_mode.is_blob() =>
            {
                (location, Some(blob(previous_id)?), Some(blob(id)?))
            }
            _ => continue,
        };
        let path = RepoPath::from(path.to_str_lossy().into_owned());
        change.files.push(FileDiff {
            status: match (&old, &new) {
                (None, _) => Status::Added,
                (_, None) => Status::Deleted,
                _ => Status::Modified,
            },
            content: from_contents(old.as_deref(), new.as_deref(), 3),
            old_path: old.is_some().then(|| path.clone()),
            new_path: new.is_some().then_some(path),
            old_mode: None,
            new_mode: None,
        });
    }
    Ok(change)
}

fn ask(change: &Change, random: &mut Random, counts: &mut Counts) {
    let index = Index::new(change);
    for _ in 0..PER_COMMIT {
        let file = &change.files[random.below(change.files.len())];
        let lines: Vec<_> = file.lines().collect();
        if lines.is_empty() || counts.lines >= LINES {
            continue;
        }
        let line = lines[random.below(lines.len())];
        let text = line.text.to_str_lossy();
        if line.kind == LineKind::Context || text.trim().is_empty() {
            continue;
        }
        let path = file.path().display();
        let nearest = lines
            .iter()
            .filter(|other| (other.side(), other.number()) != (line.side(), line.number()))
            .filter(|other| other.text.to_str_lossy().trim() == text.trim())
            .map(|other| other.number().abs_diff(line.number()))
            .min();
        if nearest == Some(0) {
            counts.undecidable += 1;
            continue;
        }
        let vague = !text.contains(char::is_alphanumeric);
        let room = nearest.map_or(5_000, |distance| (distance - 1) / 2);
        let room = if vague && nearest.is_some() { room.min(10) } else { room };
        let off = if room > 0 { 1 + random.below(room as usize) as u32 } else { 0 };
        let number = match random.below(2) {
            0 => line.number().saturating_sub(off),
            _ => line.number() + off,
        };
        counts.lines += 1;
        counts.with_wrong_number += usize::from(number != line.number());
        let claim = Claim { path: &path, line: number, end_line: None, quote: &text };
        match index.anchor(&claim) {
            Ok(anchor) if (anchor.side, anchor.line) == (line.side(), line.number()) => {
                counts.anchored += 1;
            }
            other => {
                counts.misplaced += 1;
                println!("{path}:{} {text:?} by {number}: {other:?}", line.number());
            }
        }
        // Some errors change nothing, as two equal words swapped: then another.
        let mut quotes = (0..20).map(|_| mutate(&text, random));
        let differs = |quote: &String| quote.trim() != text.trim() && !quote.trim().is_empty();
        let Some(quote) = quotes.find(differs) else { continue };
        counts.mutated += 1;
        match index.anchor(&Claim { quote: &quote, ..claim }) {
            Err(_) => counts.dropped += 1,
            Ok(anchor) => {
                let stands = file.lines().find(|other| {
                    let number = if anchor.side == Side::New { other.new } else { other.old };
                    number == Some(anchor.line)
                });
                let stands = stands.map(|line| line.text.to_str_lossy().trim().to_owned());
                let bare = quote.trim();
                let bare = bare.strip_prefix(['+', '-']).unwrap_or(bare).trim();
                match stands.as_deref() {
                    Some(stands) if stands == quote.trim() => counts.read_so += 1,
                    Some(stands) if stands == bare => counts.read_so_but_sign += 1,
                    stands => {
                        counts.wrong += 1;
                        println!("{path}: {quote:?} on {stands:?}");
                    }
                }
            }
        }
    }
}

/// One small error of the kinds that copying makes.
fn mutate(text: &str, random: &mut Random) -> String {
    const PUT: [char; 12] = ['a', 'e', '0', '_', ' ', '(', ';', '"', '+', '-', '`', '|'];
    let mut chars: Vec<char> = text.trim().chars().collect();
    let at = random.below(chars.len());
    let put = PUT[random.below(PUT.len())];
    match random.below(4) {
        0 => chars[at] = put,
        1 => chars.insert(at, put),
        2 => {
            chars.remove(at);
        }
        _ => {
            let mut words: Vec<&str> = text.split_whitespace().collect();
            let at = random.below(words.len().saturating_sub(1));
            if words.len() > 1 {
                words.swap(at, at + 1);
            }
            return words.join(" ");
        }
    }
    chars.into_iter().collect()
}
