//! The suggestions that our findings carry: in their comments, or in the state of the
//! last review where they were not posted. What they would replace is read from the
//! revision that they were made for.

use super::Wanted;
use crate::diff::RepoPath;
use crate::finding::{Fingerprint, Side};
use crate::forge::ReviewComment;
use crate::publish::inline;
use crate::task::edit::Edit;
use crate::task::review::collect::Collected;
use crate::task::review::state::{self, Known};
use crate::task::talk::evidence;
use crate::task::talk::scene::Scene;

/// Most findings that are looked at.
const MOST_FINDINGS: usize = 50;

/// What the finding of the thread carries.
pub async fn here(scene: &Scene<'_>, collected: &Collected) -> Option<Wanted> {
    let (_, comment, known) = evidence::finding(scene, collected)?;
    from_comment(scene, comment, known).await
}

/// What all our open findings carry, the worst first.
pub async fn all(scene: &Scene<'_>, collected: &Collected) -> Vec<Wanted> {
    let before = &collected.before;
    let state = before.state.as_ref();
    let known: Vec<&Known> = state.iter().flat_map(|state| &state.findings).collect();
    let is_dismissed = |id: &Fingerprint| state.is_some_and(|state| state.dismissed.contains(id));
    let mut open: Vec<(&Fingerprint, Option<&ReviewComment>, Option<&Known>)> = Vec::new();
    for (id, (comment, thread)) in &before.posted {
        let resolved = thread.as_ref().is_some_and(|thread| thread.resolved);
        if !resolved && comment.thumbs_down == 0 && !is_dismissed(id) {
            open.push((id, Some(comment), known.iter().find(|k| k.id == *id).copied()));
        }
    }
    for known in known.iter().filter(|known| known.suggestion.is_some()) {
        if !before.posted.contains_key(&known.id) && !is_dismissed(&known.id) {
            open.push((&known.id, None, Some(known)));
        }
    }
    open.sort_by(|(a, _, one), (b, _, other)| {
        let rank = |known: &Option<&Known>| known.map(|known| known.severity);
        rank(other).cmp(&rank(one)).then_with(|| a.0.cmp(&b.0))
    });
    let mut wanted = Vec::new();
    for (_, comment, known) in open.into_iter().take(MOST_FINDINGS) {
        let one = match (comment, known) {
            (Some(comment), known) => from_comment(scene, comment, known).await,
            (None, Some(known)) => from_state(scene, collected, known).await,
            (None, None) => None,
        };
        wanted.extend(one);
    }
    wanted
}

async fn from_comment(
    scene: &Scene<'_>,
    comment: &ReviewComment,
    known: Option<&Known>,
) -> Option<Wanted> {
    if comment.side != Side::New {
        return None;
    }
    let replacement = inline::suggestion(&comment.body)?;
    let made = match scene.forge.line_comment(comment.id).await {
        Ok(made) => made,
        Err(error) => {
            tracing::warn!(%error, "a finding's comment could not be read");
            return None;
        }
    };
    let end = made.original_line?;
    let start = made.original_start_line.unwrap_or(end);
    let quote = lines(scene, made.original_commit.as_deref()?, &comment.path, start, end).await?;
    let line = comment.line.map_or(0, |now| now.saturating_sub(end.saturating_sub(start)));
    let title = known.map_or_else(|| title_of(&comment.body), |known| known.title.clone());
    Some(Wanted {
        title,
        on: Some(comment.path.clone()),
        edits: vec![Edit { path: comment.path.clone(), line, quote, replacement, exact: true }],
    })
}

async fn from_state(scene: &Scene<'_>, collected: &Collected, known: &Known) -> Option<Wanted> {
    let state = collected.before.state.as_ref()?;
    let suggestion = known.suggestion.as_ref().filter(|_| known.side == Side::New)?;
    let quote = lines(scene, &state.head, &known.path, known.line, known.end_line).await?;
    Some(Wanted {
        title: known.title.clone(),
        on: Some(known.path.clone()),
        edits: vec![Edit {
            path: known.path.clone(),
            line: state::locate(&collected.change, known).unwrap_or(0),
            quote,
            replacement: suggestion.replacement.clone(),
            exact: true,
        }],
    })
}

/// Lines of a file at a revision.
async fn lines(
    scene: &Scene<'_>,
    revision: &str,
    path: &str,
    start: u32,
    end: u32,
) -> Option<String> {
    let content = scene.forge.file(revision, &RepoPath::from(path)).await;
    let content = content
        .inspect_err(|error| tracing::info!(%error, path, "what was quoted cannot be read"))
        .ok()??;
    let text = String::from_utf8(content).ok()?;
    let all: Vec<&str> = text.lines().collect();
    let lines = all.get((start as usize).checked_sub(1)?..end as usize)?;
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The title as our comment shows it: its first line is `badge **severity** · **title**`.
fn title_of(body: &str) -> String {
    let first = body.lines().next().unwrap_or_default();
    let title = first.split_once(" · ").map_or(first, |(_, title)| title);
    title.trim_matches('*').replace("\\*", "*")
}
