//! What belongs to a question: the line with what is around it, the finding that
//! stands there, the discussion so far, and as much of the change as fits.

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;
use futures_util::future::join_all;

use super::prompt::bounded;
use super::scene::Scene;
use crate::code::enclosing;
use crate::diff::RepoPath;
use crate::diff::pack;
use crate::diff::skip::{self, Attributes};
use crate::finding::{Fingerprint, Side};
use crate::forge::{LineComment, ReviewComment};
use crate::publish::existing::same_account;
use crate::publish::inline;
use crate::task::review::collect::Collected;
use crate::task::review::contents::Contents;
use crate::task::review::state::Known;

/// Most bytes of the change that are shown with a question.
const MOST_CHANGE: usize = 100_000;
/// Most bytes of the diff of the file that the question stands on.
const MOST_OF_FILE: usize = 30_000;
/// Most lines of a definition that are shown.
const MOST_LINES: usize = 160;
/// Most lines of a comment's own piece of diff.
const MOST_HUNK: usize = 60;
/// Most comments of a discussion that are shown, and their bytes.
const MOST_COMMENTS: usize = 20;
const MOST_TALK: usize = 12_000;
/// Most files that are fetched to prove an answer.
const MOST_FILES: usize = 20;
/// Larger files are not looked into.
const MOST_FILE: usize = 4 << 20;

/// The line that was asked about, as text.
pub fn line(scene: &Scene<'_>, line: &LineComment, head: Option<&[u8]>) -> String {
    let remark = &line.comment;
    let side = match remark.side {
        Side::New => "as the change leaves it",
        Side::Old => "as it was before: the change removes this line",
    };
    let mut text = String::new();
    match (remark.line, line.original_line) {
        (Some(number), _) => {
            let _ = writeln!(text, "The comment stands on {}:{number} ({side}).", remark.path);
        }
        (None, Some(number)) => {
            let _ = writeln!(
                text,
                "The comment stands on {}:{number} of an earlier revision. The change was pushed \
                 to since and no longer has this line (outdated): below is the diff as it was. Say \
                 so if it matters.",
                remark.path
            );
        }
        (None, None) => {
            let _ = writeln!(text, "The comment stands on the file {}.", remark.path);
        }
    }
    let hunk: Vec<&str> = line.diff_hunk.lines().collect();
    if !hunk.is_empty() {
        let from = hunk.len().saturating_sub(MOST_HUNK);
        let _ = writeln!(
            text,
            "\nThe diff up to that line, as it was then:\n{}",
            hunk[from..].join("\n")
        );
    }
    if let (Some(number), Some(head), Side::New) = (remark.line, head, remark.side) {
        let shown = definition(head, number);
        if !shown.is_empty() {
            let _ = writeln!(text, "\nWhat it belongs to, in the file as it is now:\n{shown}");
        }
    }
    scene.scrubber.scrub(&text).into_owned()
}

/// The definition that holds a line, or the lines around it, numbered.
fn definition(head: &[u8], line: u32) -> String {
    if head.contains(&0) {
        return String::new();
    }
    let around = 20;
    let (start, end) = enclosing::enclosing(head, line)
        .map_or((line.saturating_sub(around), line + around), |found| (found.start, found.end));
    let half = u32::try_from(MOST_LINES / 2).unwrap_or(u32::MAX);
    let start = start.max(line.saturating_sub(half)).max(1);
    let end = end.min(line.saturating_add(half));
    let mut text = String::new();
    for (at, content) in head.split(|&byte| byte == b'\n').enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        if number >= start && number <= end {
            let content = String::from_utf8_lossy(content);
            let content = crate::redact::shorten(content.trim_end_matches('\r'), 500).into_owned();
            let _ = writeln!(text, "{number:>5} : {content}");
        }
    }
    text
}

/// The comments of the thread, oldest first.
pub fn thread<'a>(scene: &'a Scene<'_>) -> Vec<&'a ReviewComment> {
    let Some(root) = scene.thread() else { return Vec::new() };
    scene.remarks.iter().filter(|c| c.id == root || c.in_reply_to == Some(root)).collect()
}

/// The finding of ours that the thread is about, as remembered, and its comment.
pub fn finding<'a>(
    scene: &'a Scene<'_>,
    collected: &'a Collected,
) -> Option<(Fingerprint, &'a ReviewComment, Option<&'a Known>)> {
    let first = thread(scene).into_iter().find(|comment| comment.in_reply_to.is_none())?;
    if !same_account(scene.own, &first.author, first.author_is_bot) {
        return None;
    }
    let id = inline::finding_id(&first.body)?;
    let known = collected.before.state.iter().flat_map(|state| &state.findings);
    let known = known.into_iter().find(|known| known.id == id);
    Some((id, first, known))
}

/// What was said so far, without the question itself: the thread, or the last
/// comments of the conversation.
pub fn discussion(scene: &Scene<'_>) -> String {
    let said: Vec<(&str, &str)> = if scene.line.is_some() {
        let thread = thread(scene).into_iter().filter(|c| c.id < scene.question.id);
        thread.map(|c| (c.author.as_str(), c.body.as_str())).collect()
    } else {
        let before = scene.comments.iter().filter(|c| c.id < scene.question.id);
        let before = before.filter(|c| !crate::publish::markdown::is_summary(&c.body));
        before.map(|c| (c.author.as_str(), c.body.as_str())).collect()
    };
    let mut text = String::new();
    for (author, body) in &said[said.len().saturating_sub(MOST_COMMENTS)..] {
        let _ = writeln!(text, "{author}: {}\n", bounded(&visible(body), 2_000));
    }
    let text = scene.scrubber.scrub(text.trim()).into_owned();
    // The newest count most.
    let from = (text.len().saturating_sub(MOST_TALK)..=text.len())
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    text[from..].to_owned()
}

/// A comment as people see it: without hidden marks.
pub fn visible(body: &str) -> String {
    let lines = body.lines().filter(|line| !line.trim_start().starts_with("<!-- pipewright:"));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The change as the model sees it, as much as fits; the commented file's part is
/// always among it. The second says what is not shown.
pub fn change(
    scene: &Scene<'_>,
    collected: &Collected,
    contents: &Contents<'_>,
) -> (String, Option<String>) {
    let change = &collected.change;
    let attributes = collected.base_files.attributes.as_deref().unwrap_or_default();
    let attributes = Attributes::parse(attributes);
    let path = scene.line.as_ref().map(|line| line.comment.path.as_str());
    let skips: Vec<Option<&'static str>> = change
        .files
        .iter()
        .map(|file| {
            let name = file.path().display();
            if !scene.inputs.wants(&name) {
                return Some("ignored by configuration");
            }
            skip::reason(file, &attributes).filter(|_| path != Some(name.as_str()))
        })
        .collect();
    let heads = |file: &crate::diff::FileDiff| contents.head(file);
    let packs = pack::pack(change, &skips, &|_, _| true, &heads, MOST_CHANGE).packs;
    let asked = |file: usize| path.is_some_and(|path| change.files[file].path().display() == path);
    let mut text = String::new();
    let Some(first) = packs.first() else { return (text, None) };
    let held = first.files.iter().any(|packed| asked(packed.file));
    if !held && let Some(other) = packs.iter().map(|p| p.only(asked)).find(|p| !p.files.is_empty())
    {
        text = bounded(&other.render(change, &heads), MOST_OF_FILE);
        text.push('\n');
    }
    text.push_str(&first.render(change, &heads));
    let left = packs.len() > 1;
    let note = left.then(|| {
        "Only a part of the change is shown here; the list of changed files is whole.".to_owned()
    });
    (scene.scrubber.scrub(&text).into_owned(), note)
}

/// A file of the head: of the checkout where it agrees with the change, else of
/// the host.
pub async fn head(
    scene: &Scene<'_>,
    collected: &Collected,
    contents: &Contents<'_>,
    path: &str,
) -> Option<Bytes> {
    if let Some(file) = collected.change.file(path)
        && let Some(content) = contents.head(file)
    {
        return Some(content);
    }
    match scene.forge.file(&collected.head, &RepoPath::from(path)).await {
        Ok(content) => content.filter(|content| content.len() <= MOST_FILE).map(Bytes::from),
        Err(error) => {
            tracing::debug!(%error, path, "a file of the head could not be read");
            None
        }
    }
}

/// Files of the head by path, as far as they can be had.
pub async fn heads(
    scene: &Scene<'_>,
    collected: &Collected,
    contents: &Contents<'_>,
    paths: impl IntoIterator<Item = String>,
) -> HashMap<String, Option<Bytes>> {
    let plain = |path: &String| crate::checkout::Checkout::plain_path(path).is_ok();
    let reads = paths.into_iter().filter(plain).take(MOST_FILES).map(|path| async move {
        let content = head(scene, collected, contents, &path).await;
        (path, content)
    });
    join_all(reads).await.into_iter().collect()
}
