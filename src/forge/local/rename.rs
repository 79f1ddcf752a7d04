//! Renames and copies, found as git finds them: equal content first, then the
//! same file name, then the most similar pairs; from 50% of likeness on.
//!
//! Likeness is the share of bytes in equal pieces (lines, or 64 bytes of a
//! longer one): <https://git-scm.com/docs/gitdiffcore>.

use std::collections::HashMap;

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};

use super::MAX_FILE_BYTES;
use super::compare::Raw;
use super::store::{Blob, Objects, parallel};
use crate::diff::Status;
use crate::diff::complete::is_binary;

/// Likeness is counted in 60,000ths, as git does, so that ties fall alike.
const WHOLE: u64 = 60_000;
const ENOUGH: u64 = WHOLE / 2;
/// What a pair that shares a unique file name has to reach: half way up.
const ENOUGH_BY_NAME: u64 = ENOUGH + (WHOLE - ENOUGH) / 2;
/// Git's `diff.renameLimit`.
const LIMIT: usize = 1000;
/// How many candidates are kept for one new file.
const KEPT: usize = 4;

/// A file that a new one may have been made of.
struct Source {
    path: BString,
    mode: u32,
    id: ObjectId,
    /// How many new files were made of it; one more if it stays.
    used: usize,
}

struct Target {
    /// Where it stands in the list of changes.
    at: usize,
    source: Option<usize>,
}

/// Turn pairs of deleted and added files among `raw` into renames, and, if
/// `copies`, added files that resemble a changed one into copies. The order is
/// by path, the new one first. Returns false if there were too many files to
/// compare all by content.
pub(super) fn detect(objects: &Objects, raw: &mut Vec<Raw>, copies: bool) -> anyhow::Result<bool> {
    let mut sources: Vec<Source> = Vec::new();
    let mut targets: Vec<Target> = Vec::new();
    for (at, change) in raw.iter().enumerate() {
        match (change.old, change.new) {
            (Some((mode, id)), None) => {
                sources.push(Source { path: change.path.clone(), mode, id, used: 0 });
            }
            (Some((mode, id)), Some(_)) if copies => {
                sources.push(Source { path: change.path.clone(), mode, id, used: 1 });
            }
            (None, Some(_)) => targets.push(Target { at, source: None }),
            _ => {}
        }
    }
    if sources.is_empty() || targets.is_empty() {
        return Ok(true);
    }
    by_content(raw, &mut sources, &mut targets, copies);
    let complete = by_likeness(objects, raw, &mut sources, &mut targets, copies)?;
    record(raw, &mut sources, &targets);
    Ok(complete)
}

fn by_content(raw: &[Raw], sources: &mut [Source], targets: &mut [Target], copies: bool) {
    let mut by_id: HashMap<ObjectId, Vec<usize>> = HashMap::new();
    for (index, source) in sources.iter().enumerate() {
        by_id.entry(source.id).or_default().push(index);
    }
    for target in targets {
        let Some((mode, id)) = raw[target.at].new else { continue };
        let Some(alike) = by_id.get(&id) else { continue };
        let mut best: Option<(usize, usize)> = None;
        // Among very many equal files any will do.
        for &index in alike.iter().take(100) {
            let source = &sources[index];
            let both_regular = is_regular(source.mode) && is_regular(mode);
            if !both_regular && source.mode != mode || source.used > 0 && !copies {
                continue;
            }
            let score = usize::from(source.used == 0)
                + usize::from(same_name(&source.path, &raw[target.at].path));
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, index));
            }
            if score == 2 {
                break;
            }
        }
        if let Some((_, index)) = best {
            sources[index].used += 1;
            target.source = Some(index);
        }
    }
}

fn by_likeness(
    objects: &Objects,
    raw: &[Raw],
    sources: &mut [Source],
    targets: &mut [Target],
    copies: bool,
) -> anyhow::Result<bool> {
    let open_sources = |sources: &[Source]| -> Vec<usize> {
        (0..sources.len()).filter(|&index| copies || sources[index].used == 0).collect()
    };
    let open_targets = |targets: &[Target]| -> Vec<usize> {
        (0..targets.len()).filter(|&index| targets[index].source.is_none()).collect()
    };
    let mut rows = open_sources(sources);
    let mut columns = open_targets(targets);
    if rows.is_empty() || columns.is_empty() {
        return Ok(true);
    }
    let mut prints = Prints::new(objects, raw, sources, targets, &rows, &columns)?;
    if !copies {
        let pairs = unique_names(raw, sources, targets, &rows, &columns);
        prints.load(objects, pairs.iter().copied())?;
        for (source, target) in pairs {
            if prints.score(source, target) >= ENOUGH_BY_NAME {
                sources[source].used += 1;
                targets[target].source = Some(source);
            }
        }
        rows = open_sources(sources);
        columns = open_targets(targets);
        if rows.is_empty() || columns.is_empty() {
            return Ok(true);
        }
    }
    if rows.len() * columns.len() > LIMIT * LIMIT {
        return Ok(false);
    }
    prints.load(objects, columns.iter().flat_map(|&t| rows.iter().map(move |&s| (s, t))))?;
    let prints = &prints;
    let candidates = parallel(objects, columns.len(), |_, index| {
        let target = columns[index];
        let new_path = &raw[targets[target].at].path;
        // The weakest of few is replaced in its place, whatever it is: git's
        // order among equals depends on that.
        let mut best: Vec<Candidate> = Vec::with_capacity(KEPT);
        for &source in &rows {
            let score = prints.score(source, target);
            let named = same_name(&sources[source].path, new_path);
            let candidate = Candidate { source, target, score, named };
            if best.len() < KEPT {
                best.push(candidate);
            } else if let Some(weakest) = best.iter_mut().min_by_key(|other| other.rank())
                && candidate.rank() > weakest.rank()
            {
                *weakest = candidate;
            }
        }
        Ok(best)
    })?;
    let mut candidates: Vec<Candidate> = candidates.into_iter().flatten().collect();
    candidates.retain(|candidate| candidate.score >= ENOUGH);
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank()));
    for used_too in [false, true] {
        if used_too && !copies {
            break;
        }
        for candidate in &candidates {
            if targets[candidate.target].source.is_some()
                || !used_too && sources[candidate.source].used > 0
            {
                continue;
            }
            sources[candidate.source].used += 1;
            targets[candidate.target].source = Some(candidate.source);
        }
    }
    Ok(true)
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    source: usize,
    target: usize,
    score: u64,
    named: bool,
}

impl Candidate {
    fn rank(&self) -> (u64, bool) {
        (self.score, self.named)
    }
}

/// Pairs that share a file name which no other open file has.
fn unique_names(
    raw: &[Raw],
    sources: &[Source],
    targets: &[Target],
    rows: &[usize],
    columns: &[usize],
) -> Vec<(usize, usize)> {
    let mut names: HashMap<&BStr, Option<usize>> = HashMap::new();
    for &target in columns {
        let name = file_name(raw[targets[target].at].path.as_bstr());
        names.entry(name).and_modify(|only| *only = None).or_insert(Some(target));
    }
    let mut counts: HashMap<&BStr, usize> = HashMap::new();
    for &source in rows {
        *counts.entry(file_name(sources[source].path.as_bstr())).or_default() += 1;
    }
    rows.iter()
        .filter_map(|&source| {
            let name = file_name(sources[source].path.as_bstr());
            let target = (counts.get(name) == Some(&1)).then(|| names.get(name))??;
            target.map(|target| (source, target))
        })
        .collect()
}

fn file_name(path: &BStr) -> &BStr {
    path.rfind_byte(b'/').map_or(path, |slash| path[slash + 1..].as_bstr())
}

fn same_name(one: &BString, two: &BString) -> bool {
    file_name(one.as_bstr()) == file_name(two.as_bstr())
}

fn is_regular(mode: u32) -> bool {
    mode & 0o170000 == 0o100000
}

/// What files are made of, to compare them.
struct Prints {
    /// By source and target: id and size of those that can be compared.
    sources: Vec<Option<(ObjectId, u64)>>,
    targets: Vec<Option<(ObjectId, u64)>>,
    pieces: HashMap<ObjectId, Vec<(u32, u32)>>,
}

impl Prints {
    fn new(
        objects: &Objects,
        raw: &[Raw],
        sources: &[Source],
        targets: &[Target],
        rows: &[usize],
        columns: &[usize],
    ) -> anyhow::Result<Self> {
        let measure = |mode: u32, id: ObjectId| -> anyhow::Result<Option<(ObjectId, u64)>> {
            if !is_regular(mode) {
                return Ok(None);
            }
            let size = objects.size(&id)?.filter(|&size| size > 0 && size <= MAX_FILE_BYTES);
            Ok(size.map(|size| (id, size)))
        };
        let mut prints = Prints {
            sources: vec![None; sources.len()],
            targets: vec![None; targets.len()],
            pieces: HashMap::new(),
        };
        for &row in rows {
            prints.sources[row] = measure(sources[row].mode, sources[row].id)?;
        }
        for &column in columns {
            if let Some((mode, id)) = raw[targets[column].at].new {
                prints.targets[column] = measure(mode, id)?;
            }
        }
        Ok(prints)
    }

    /// The pair's ids and larger size, unless the sizes alone set them apart.
    fn pair(&self, source: usize, target: usize) -> Option<(ObjectId, ObjectId, u64)> {
        let ((one, a), (two, b)) = (self.sources[source]?, self.targets[target]?);
        let larger = a.max(b);
        (larger * (WHOLE - ENOUGH) >= a.abs_diff(b) * WHOLE).then_some((one, two, larger))
    }

    /// Take the pieces of all files in `pairs` that are worth comparing.
    fn load(
        &mut self,
        objects: &Objects,
        pairs: impl Iterator<Item = (usize, usize)>,
    ) -> anyhow::Result<()> {
        let mut wanted = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (source, target) in pairs {
            let Some((one, two, _)) = self.pair(source, target) else { continue };
            for id in [one, two] {
                if !self.pieces.contains_key(&id) && seen.insert(id) {
                    wanted.push(id);
                }
            }
        }
        let pieces = parallel(objects, wanted.len(), |objects, index| {
            Ok(match objects.blob(&wanted[index], MAX_FILE_BYTES)? {
                Blob::Bytes(data) => pieces(&data),
                Blob::TooLarge(_) | Blob::Absent => Vec::new(),
            })
        })?;
        self.pieces.extend(wanted.into_iter().zip(pieces));
        Ok(())
    }

    fn score(&self, source: usize, target: usize) -> u64 {
        let Some((one, two, larger)) = self.pair(source, target) else { return 0 };
        let (Some(one), Some(two)) = (self.pieces.get(&one), self.pieces.get(&two)) else {
            return 0;
        };
        common(one, two) * WHOLE / larger
    }
}

/// How many bytes lie in pieces that both have.
fn common(one: &[(u32, u32)], two: &[(u32, u32)]) -> u64 {
    let (mut a, mut b, mut bytes) = (0, 0, 0_u64);
    while let (Some(x), Some(y)) = (one.get(a), two.get(b)) {
        match x.0.cmp(&y.0) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                bytes += u64::from(x.1.min(y.1));
                a += 1;
                b += 1;
            }
        }
    }
    bytes
}

/// A file's pieces: a hash of each, and how many bytes have that hash,
/// ascending. In text, a carriage return before a line feed does not count.
///
/// The hash is git's, down to its 107,927 values: where unlike pieces fall
/// together there, they have to do so here, or scores differ by a little and
/// ties fall differently.
fn pieces(data: &[u8]) -> Vec<(u32, u32)> {
    const LONGEST: u32 = 64;
    const VALUES: u32 = 107_927;
    let text = !is_binary(data);
    let mut all: Vec<(u32, u32)> = Vec::with_capacity(data.len() / 32);
    let (mut high, mut low, mut len) = (0_u32, 0_u32, 0_u32);
    let hash = |high: u32, low: u32| high.wrapping_add(low.wrapping_mul(97)) % VALUES;
    for (at, &byte) in data.iter().enumerate() {
        if text && byte == b'\r' && data.get(at + 1) == Some(&b'\n') {
            continue;
        }
        (high, low) = ((high << 7) ^ (low >> 25), (low << 7) ^ (high >> 25));
        high = high.wrapping_add(u32::from(byte));
        len += 1;
        if len == LONGEST || byte == b'\n' {
            all.push((hash(high, low), len));
            (high, low, len) = (0, 0, 0);
        }
    }
    if len > 0 {
        all.push((hash(high, low), len));
    }
    all.sort_unstable();
    all.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    all
}

/// Write what was found into the list.
fn record(raw: &mut Vec<Raw>, sources: &mut [Source], targets: &[Target]) {
    let mut moved: std::collections::HashSet<BString> = std::collections::HashSet::new();
    for target in targets {
        let Some(index) = target.source else { continue };
        let source = &mut sources[index];
        // Of several files made of a deleted one, the last is the file itself.
        source.used -= 1;
        let change = &mut raw[target.at];
        change.old = Some((source.mode, source.id));
        change.old_path = Some(source.path.clone());
        change.status = if source.used > 0 { Status::Copied } else { Status::Renamed };
        if source.used == 0 {
            moved.insert(source.path.clone());
        }
    }
    raw.retain(|change| change.new.is_some() || !moved.contains(&change.path));
}
