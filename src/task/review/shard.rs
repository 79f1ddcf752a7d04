//! A review in several jobs: each asks about some of the parts and leaves what
//! it learned in a file; one more puts the files together and publishes.
//!
//! All jobs look at the same change with the same configuration, so all divide it
//! alike; the digest of the division in each file holds them to that.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ask::Part;
use super::collect::Collected;
use crate::diff::Change;
use crate::diff::pack::Pack;
use crate::finding::Finding;
use crate::inputs::Shard;
use crate::model::converse::End;
use crate::report::{DropReason, Dropped};

/// The value of `schema` in a shard's file.
pub const SCHEMA: &str = "pipewright.review-shard/1";

/// Parts that one shard asks about where nobody says how many there are to be:
/// they are asked side by side, so fewer would save no time.
const PARTS_A_SHARD: usize = 8;

/// How many shards a change of so many parts is worth.
pub fn shards_for(parts: usize) -> usize {
    parts.div_ceil(PARTS_A_SHARD).clamp(1, Shard::MOST)
}

/// What one shard learned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShardFile {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Which.
    pub shard: Shard,
    /// The revision under review.
    pub head: String,
    /// What the change was divided into.
    pub division: String,
    /// Who was asked.
    pub model: String,
    /// Whether the prices of all models are known.
    pub prices_known: bool,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// The files of all shards, put together.
#[derive(Debug, Clone)]
pub struct Shards {
    /// Who was asked.
    pub model: String,
    prices_known: bool,
    parts: Vec<Part>,
    division: String,
}

/// A name for a division: equal for equal changes that were divided alike.
pub fn division(collected: &Collected, packs: &[Pack]) -> String {
    let mut hash = Sha256::new();
    for text in [&collected.base, &collected.head] {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    for file in &collected.change.files {
        hash.update(file.path().0.as_ref());
        hash.update([0]);
        if let Some(patch) = file.patch() {
            hash.update(&patch.text);
        }
    }
    for pack in packs {
        hash.update(format!("{pack:?}").as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Read the files of the shards.
///
/// # Errors
/// A file that cannot be read or is no shard's, files of different runs, one
/// shard twice.
pub fn read(files: &[impl AsRef<Path>]) -> anyhow::Result<Shards> {
    let mut all: BTreeMap<usize, ShardFile> = BTreeMap::new();
    for path in files {
        let path = path.as_ref();
        let shown = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let file: ShardFile = serde_json::from_slice(&bytes)
            .with_context(|| format!("cannot read {shown} as the file of a shard"))?;
        ensure!(file.schema == SCHEMA, "{shown} is no {SCHEMA} but {}", file.schema);
        if let Some(first) = all.values().next() {
            ensure!(
                (&file.division, &file.model, file.shard.of)
                    == (&first.division, &first.model, first.shard.of),
                "{shown} is from another run than the other files: run all shards again on the same revision"
            );
        }
        let number = file.shard.number;
        if all.insert(number, file).is_some() {
            bail!("{shown} is a second file of shard {number}: give each once");
        }
    }
    let first = all.values().next().context("there are no shards to merge: name their files")?;
    let (model, division) = (first.model.clone(), first.division.clone());
    let prices_known = all.values().all(|file| file.prices_known);
    let parts = all.into_values().flat_map(|file| file.parts).collect();
    Ok(Shards { model, prices_known, parts, division })
}

impl Shards {
    /// Whether they are about this division of the change.
    ///
    /// # Errors
    /// They are not: the change or its configuration is another by now.
    pub fn check(&self, division: &str) -> anyhow::Result<()> {
        ensure!(
            self.division == division,
            "the shards looked at another state of the change than this one: run them again"
        );
        Ok(())
    }

    /// The parts, and whether all prices are known. Parts that no file speaks of
    /// were not read.
    ///
    /// A file is outside bytes: a finding that stands on no line of the change is
    /// left out as if the model had claimed it there.
    pub(super) fn parts(self, change: &Change, packs: &[Pack]) -> (Vec<Part>, bool) {
        let mut parts = self.parts;
        parts.retain(|part| part.order.0 < packs.len());
        for part in &mut parts {
            let (stand, not) = part.findings.drain(..).partition(|found| stands(change, found));
            part.findings = stand;
            part.dropped.extend(Vec::into_iter(not).map(|finding: Finding| Dropped {
                reason: DropReason::NotInDiff,
                path: finding.path,
                line: finding.line,
                title: finding.title,
            }));
        }
        for (number, pack) in packs.iter().enumerate() {
            if !parts.iter().any(|part| part.order.0 == number) {
                let end = End::Unavailable(NO_FILE.to_owned());
                parts.push(Part::new((number, 0), pack.clone(), &self.model, end));
            }
        }
        (parts, self.prices_known)
    }
}

/// Why a part of a shard without a file was not read.
const NO_FILE: &str = "its shard left no file";

/// Whether a part is one of a shard that left no file.
pub(super) fn is_missing(part: &Part) -> bool {
    matches!(&part.end, End::Unavailable(why) if why == NO_FILE)
}

/// Whether a finding's first and last line are lines of the change.
fn stands(change: &Change, finding: &Finding) -> bool {
    change.file(&finding.path).is_some_and(|file| {
        let has = |number| {
            file.lines().any(|line| line.side() == finding.side && line.number() == number)
        };
        has(finding.line) && has(finding.end_line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_as_many_as_the_parts_are_worth() {
        for (parts, expect) in [(0, 1), (1, 1), (8, 1), (9, 2), (42, 6), (100_000, Shard::MOST)] {
            assert_eq!(shards_for(parts), expect, "{parts}");
        }
    }
}
