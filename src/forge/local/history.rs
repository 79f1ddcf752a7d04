//! Which commits touched a file, and which one each of its lines comes from.
//!
//! The walk follows git's history simplification: where a parent has the same
//! file, only that parent is followed. Blame passes every line that a parent has
//! on to that parent. Both are bounded in commits and in time and end where a
//! clone is cut, and say so: a blame that must be whole would have to read all
//! of a repository's history first.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::{Duration, Instant};

use gix::bstr::ByteSlice as _;
use gix::{ObjectId, Repository};

use super::{Local, store};
use crate::diff::{Content, RepoPath, complete};

/// Commits that are looked at before the walk gives up.
const MOST_COMMITS: usize = 50_000;
/// Time that a walk takes at most.
const MOST_TIME: Duration = Duration::from_secs(2);
/// Files larger than this have their lines not followed.
const MOST_BYTES: u64 = 2 << 20;
/// Bytes of a message that are kept.
const MOST_MESSAGE: usize = 2_000;

/// What is known of a file's past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Commits that touched the file (or the lines asked for), newest first.
    pub commits: Vec<Touch>,
    /// With lines asked for: first and last line, and the index in `commits` of
    /// the one that they come from; `None` where that lies beyond what was read.
    pub lines: Vec<(u32, u32, Option<usize>)>,
    /// Why there may be more than is told.
    pub end: HistoryEnd,
}

/// Where the past ends for us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HistoryEnd {
    /// Where the file began.
    #[default]
    Whole,
    /// As many commits as were asked for; there may be more.
    Enough,
    /// Where the clone is cut: older commits were not fetched.
    Shallow,
    /// The walk took too long.
    Bounded,
}

/// A commit that touched a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Its name, in full.
    pub id: String,
    /// Day of the commit, as `2026-01-31`, where its committer was.
    pub date: String,
    /// Name of the author. Untrusted text.
    pub author: String,
    /// Message, at most 2,000 bytes. Untrusted text.
    pub message: String,
}

/// A commit to look at, newest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    seconds: i64,
    id: ObjectId,
}

struct Walk<'a> {
    repo: &'a Repository,
    path: &'a RepoPath,
    boundary: HashSet<ObjectId>,
    deadline: Instant,
    looked_at: usize,
    end: HistoryEnd,
}

impl Local {
    /// Whether the history behind `revision` holds more than that one commit.
    pub fn has_history(&self, revision: &str) -> bool {
        let repo = self.repository();
        let Ok(id) = ObjectId::from_hex(revision.as_bytes()) else { return false };
        let Ok(commit) = repo.find_commit(id) else { return false };
        let mut parents = commit.parent_ids();
        parents.next().is_some_and(|parent| {
            !boundary(&repo).contains(&id) && repo.has_object(parent.detach())
        })
    }

    /// The last `most` commits that touched `path` as `revision` (a commit's full
    /// name) has it. With `lines` (from 1, both inclusive), where each of them
    /// comes from. `None`: there is no such file.
    ///
    /// # Errors
    /// The revision is not in this clone.
    pub fn history(
        &self,
        revision: &str,
        path: &RepoPath,
        lines: Option<(u32, u32)>,
        most: usize,
    ) -> anyhow::Result<Option<History>> {
        let repo = self.repository();
        let start = ObjectId::from_hex(revision.as_bytes())?;
        let mut walk = Walk {
            boundary: boundary(&repo),
            repo: &repo,
            path,
            deadline: Instant::now() + MOST_TIME,
            looked_at: 0,
            end: HistoryEnd::Whole,
        };
        let Some(blob) = walk.blob(start)? else { return Ok(None) };
        let history = match lines {
            None => walk.log(start, most),
            Some(lines) => walk.blame(start, blob, lines),
        };
        Ok(Some(history))
    }
}

fn boundary(repo: &Repository) -> HashSet<ObjectId> {
    let commits = repo.shallow_commits().ok().flatten();
    commits.map(|commits| commits.iter().copied().collect()).unwrap_or_default()
}

impl Walk<'_> {
    /// The file at a commit, if it is one.
    fn blob(&self, commit: ObjectId) -> anyhow::Result<Option<ObjectId>> {
        let tree = self.repo.find_commit(commit)?.tree()?;
        let parts = self.path.as_bstr().split(|&byte| byte == b'/');
        let entry = tree.lookup_entry(parts)?;
        Ok(entry.filter(|entry| entry.mode().is_blob_or_symlink()).map(|entry| entry.object_id()))
    }

    fn next(&self, id: ObjectId) -> Option<Next> {
        let commit = self.repo.find_commit(id).ok()?;
        Some(Next { seconds: commit.time().map_or(0, |time| time.seconds), id })
    }

    /// The parents that have the file; `None` if some were not fetched.
    fn parents(&self, id: ObjectId) -> Option<Vec<(ObjectId, ObjectId)>> {
        let commit = self.repo.find_commit(id).ok()?;
        let mut found = Vec::new();
        for parent in commit.parent_ids().map(gix::Id::detach) {
            if self.boundary.contains(&id) {
                return None;
            }
            if let Some(blob) = self.blob(parent).ok()? {
                found.push((parent, blob));
            }
        }
        Some(found)
    }

    /// Whether there is room for another commit.
    fn goes_on(&mut self) -> bool {
        self.looked_at += 1;
        let out_of_time = self.looked_at.is_multiple_of(64) && Instant::now() > self.deadline;
        if self.looked_at > MOST_COMMITS || out_of_time {
            self.end = HistoryEnd::Bounded;
            return false;
        }
        true
    }

    fn log(&mut self, start: ObjectId, most: usize) -> History {
        let mut commits = Vec::new();
        let mut seen = HashSet::from([start]);
        let mut queue: BinaryHeap<Next> = self.next(start).into_iter().collect();
        while let Some(Next { id, .. }) = queue.pop() {
            if !self.goes_on() {
                break;
            }
            let Ok(Some(own)) = self.blob(id) else { continue };
            let Some(parents) = self.parents(id) else {
                // Whether this one touched the file is not known.
                self.end = HistoryEnd::Shallow;
                continue;
            };
            let follow = match parents.iter().find(|(_, blob)| *blob == own) {
                Some(same) => std::slice::from_ref(same),
                None => {
                    if commits.len() == most {
                        self.end = HistoryEnd::Enough;
                        break;
                    }
                    commits.extend(self.touch(id));
                    &parents[..]
                }
            };
            for (parent, _) in follow {
                if seen.insert(*parent) {
                    queue.extend(self.next(*parent));
                }
            }
        }
        History { commits, lines: Vec::new(), end: self.end }
    }

    fn blame(&mut self, start: ObjectId, blob: ObjectId, (first, last): (u32, u32)) -> History {
        let total = self.text(blob).map_or(0, |text| line_count(&text));
        // By commit: lines there, with the lines that they are now.
        let mut waiting: HashMap<ObjectId, Vec<(u32, u32)>> = HashMap::new();
        waiting.insert(start, (first..=last.min(total)).map(|line| (line, line)).collect());
        let mut queue: BinaryHeap<Next> = self.next(start).into_iter().collect();
        let mut commits = Vec::new();
        let mut origin: HashMap<u32, usize> = HashMap::new();
        while let Some(Next { id, .. }) = queue.pop() {
            let Some(mut lines) = waiting.remove(&id) else { continue };
            if !self.goes_on() || Instant::now() > self.deadline {
                self.end = HistoryEnd::Bounded;
                break;
            }
            let Ok(Some(own)) = self.blob(id) else { continue };
            let Some(parents) = self.parents(id) else {
                self.end = HistoryEnd::Shallow;
                continue;
            };
            let same = parents.iter().find(|(_, blob)| *blob == own);
            for (parent, blob) in same.map_or(&parents[..], std::slice::from_ref) {
                let passed = if *blob == own {
                    std::mem::take(&mut lines)
                } else {
                    self.pass(*blob, own, &mut lines)
                };
                if !passed.is_empty() {
                    waiting.entry(*parent).or_default().extend(passed);
                    queue.extend(self.next(*parent));
                }
            }
            if let Some(touch) = self.touch(id).filter(|_| !lines.is_empty()) {
                origin.extend(lines.iter().map(|&(_, now)| (now, commits.len())));
                commits.push(touch);
            }
        }
        let mut lines: Vec<(u32, u32, Option<usize>)> = Vec::new();
        for line in first..=last.min(total) {
            let from = origin.get(&line).copied();
            match lines.last_mut() {
                Some((_, end, before)) if *before == from => *end = line,
                _ => lines.push((line, line, from)),
            }
        }
        History { commits, lines, end: self.end }
    }

    /// Takes out of `lines` those that the old version has, by their numbers there.
    fn pass(&self, old: ObjectId, new: ObjectId, lines: &mut Vec<(u32, u32)>) -> Vec<(u32, u32)> {
        let (Some(old), Some(new)) = (self.text(old), self.text(new)) else { return Vec::new() };
        let Content::Text(patch) =
            complete::from_contents_by(Some(&old), Some(&new), 0, self.deadline)
        else {
            return Vec::new();
        };
        let mut passed = Vec::new();
        lines.retain(|&(line, now)| {
            let mut shift = 0_i64;
            for hunk in &patch.hunks {
                // A hunk without new lines names the line it stands behind.
                let begins = hunk.new_start + u32::from(hunk.new_lines == 0);
                if line < begins {
                    break;
                }
                if line < begins + hunk.new_lines {
                    return true;
                }
                shift += i64::from(hunk.old_lines) - i64::from(hunk.new_lines);
            }
            match u32::try_from(i64::from(line) + shift) {
                Ok(before) => {
                    passed.push((before, now));
                    false
                }
                Err(_) => true,
            }
        });
        passed
    }

    fn text(&self, blob: ObjectId) -> Option<Vec<u8>> {
        let objects = store::Objects::new(self.repo.clone(), store::Extra::default());
        match objects.blob(&blob, MOST_BYTES) {
            Ok(store::Blob::Bytes(data)) => Some(data),
            _ => None,
        }
    }

    fn touch(&self, id: ObjectId) -> Option<Touch> {
        let commit = self.repo.find_commit(id).ok()?;
        let date = commit.time().map_or_else(
            |_| "unknown".to_owned(),
            |time| time.format_or_unix(gix::date::time::format::SHORT),
        );
        let author = commit.author().map(|author| author.name.to_str_lossy().into_owned());
        let message = commit.message_raw_sloppy().to_str_lossy();
        let message = super::range::clip(message.trim(), MOST_MESSAGE).to_owned();
        Some(Touch { id: id.to_string(), date, author: author.unwrap_or_default(), message })
    }
}

fn line_count(text: &[u8]) -> u32 {
    let ends = memchr::memchr_iter(b'\n', text).count();
    let open = !text.is_empty() && !text.ends_with(b"\n");
    u32::try_from(ends + usize::from(open)).unwrap_or(u32::MAX)
}
