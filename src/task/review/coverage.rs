//! How much of a change was looked at, now and before.

use std::collections::{HashMap, HashSet};

use super::ask::Asked;
use super::resume::{self, Resumed};
use super::select::{IGNORED, UNREADABLE};
use super::state::{self, HunkDigest};
use crate::diff::pack;
use crate::diff::{Change, FileDiff, LineKind};
use crate::report::{Coverage, Skipped};

/// The hunks of which the model has now read every line.
pub fn read_whole(change: &Change, asked: &Asked) -> HashSet<HunkDigest> {
    let mut lines: HashMap<(usize, usize), u32> = HashMap::new();
    for packed in asked.read.iter().flat_map(|pack| &pack.files) {
        for part in &packed.parts {
            *lines.entry((packed.file, part.hunk)).or_default() +=
                changed(change, packed.file, part);
        }
    }
    lines
        .into_iter()
        .filter(|&((file, hunk), read)| {
            let file = &change.files[file];
            let all = file.patch().map_or(0, |patch| {
                patch.numbered_hunk(hunk).filter(|line| line.kind != LineKind::Context).count()
            });
            read as usize >= all
        })
        .map(|((file, hunk), _)| state::hunk_digest(&change.files[file], hunk))
        .collect()
}

/// Changed lines of a part.
fn changed(change: &Change, file: usize, part: &pack::Part) -> u32 {
    let lines = change.files[file]
        .patch()
        .map_or(&[][..], |patch| &patch.lines[part.lines.start as usize..part.lines.end as usize]);
    let changed = lines.iter().filter(|line| line.kind != LineKind::Context);
    u32::try_from(changed.count()).unwrap_or(u32::MAX)
}

/// What the next run need not put before the model: what was read now, and what
/// was read before and is still part of the change.
pub fn remembered(
    change: &Change,
    resumed: &Resumed,
    read_now: &HashSet<HunkDigest>,
) -> HashSet<HunkDigest> {
    let mut whole = Vec::new();
    let mut hunks = HashSet::new();
    if read_now.is_empty() && resumed.read.is_empty() {
        return hunks;
    }
    for file in &change.files {
        let digests = state::hunk_digests(file);
        let before = resumed.read.contains(&state::file_digest(file));
        let is_read = |digest: &HunkDigest| {
            before || read_now.contains(digest) || resumed.read.contains(digest)
        };
        if digests.is_empty() {
            continue;
        }
        if digests.iter().all(is_read) {
            whole.push(file);
        } else {
            hunks.extend(digests.into_iter().filter(is_read));
        }
    }
    state::digests(&whole, hunks)
}

/// How much was looked at. Without a model, the rules' look counts.
pub fn coverage(
    change: &Change,
    skips: &[Option<&'static str>],
    asked: &Asked,
    resumed: &Resumed,
    by_model: bool,
) -> Coverage {
    let mut coverage = Coverage {
        files: change.files.len(),
        lines: change.changed_lines(),
        ..Coverage::default()
    };
    let mut read: HashMap<usize, usize> = HashMap::new();
    for packed in asked.read.iter().flat_map(|pack| &pack.files) {
        for part in &packed.parts {
            *read.entry(packed.file).or_default() += changed(change, packed.file, part) as usize;
        }
    }
    let mut why: HashMap<usize, &str> = HashMap::new();
    for (pack, reason) in &asked.unread {
        for packed in &pack.files {
            why.entry(packed.file).or_insert(reason);
        }
    }
    for (at, file) in change.files.iter().enumerate() {
        let lines = file.changed_lines();
        let skip =
            skips[at].filter(|&reason| by_model || reason == IGNORED || reason == UNREADABLE);
        if let Some(reason) = skip {
            coverage.skipped.push(Skipped { path: file.path().display(), reason: reason.into() });
            continue;
        }
        let reviewed = if by_model {
            read.get(&at).copied().unwrap_or(0) + read_before(file, resumed)
        } else {
            lines
        };
        let reviewed = reviewed.min(lines);
        coverage.lines_reviewed += reviewed;
        if reviewed == lines {
            coverage.files_reviewed += 1;
        } else {
            let reason = why.get(&at).copied().unwrap_or("not read by the model");
            coverage.skipped.push(Skipped { path: file.path().display(), reason: reason.into() });
        }
    }
    coverage
}

/// Changed lines of a file that an earlier run put before the model.
fn read_before(file: &FileDiff, resumed: &Resumed) -> usize {
    let Some(patch) = file.patch().filter(|_| !resumed.read.is_empty()) else { return 0 };
    let unread: HashSet<usize> = resume::unread(file, &resumed.read).into_iter().collect();
    patch
        .numbered()
        .filter(|line| line.kind != LineKind::Context && !unread.contains(&line.hunk))
        .count()
}
