//! What the model is told of a file's past.

use std::fmt::Write as _;

use super::{MAX_BYTES, MAX_LINES, Span};
use crate::diff::RepoPath;
use crate::forge::local::{History, HistoryEnd, Local, Touch};
use crate::task::review::discussion::{cut, one_line};

/// Commits in one answer.
pub(super) const MAX_COMMITS: usize = 15;
/// Bytes of a message in an answer.
const MAX_MESSAGE: usize = 600;

/// The past of `path` as `commit` has it.
pub(super) fn answer(
    local: &Local,
    commit: &str,
    path: &str,
    span: Span,
) -> Result<String, String> {
    let at = commit.get(..10).unwrap_or(commit);
    let number = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
    let lines = (span != Span::default()).then(|| {
        let first = span.start.unwrap_or(1);
        let last = span.end.unwrap_or(first).min(first.saturating_add(MAX_LINES - 1));
        (number(first), number(last))
    });
    let history = local.history(commit, &RepoPath::from(path), lines, MAX_COMMITS);
    match history {
        Ok(Some(history)) if lines.is_some() && history.lines.is_empty() => {
            Err(format!("`{path}` does not have these lines"))
        }
        Ok(Some(history)) => Ok(told(path, at, &history)),
        Ok(None) => Err(format!("there is no file `{path}` at commit {at}")),
        Err(error) => {
            tracing::debug!("cannot tell the history of {path}: {error:#}");
            Err(format!("the history of `{path}` could not be read"))
        }
    }
}

fn told(path: &str, at: &str, history: &History) -> String {
    let mut text = format!("{path}, as of commit {at}\n");
    for &(first, last, from) in &history.lines {
        let from = match from.and_then(|at| history.commits.get(at)) {
            Some(touch) => short(touch),
            None => "an older commit that was not read",
        };
        let _ = writeln!(text, "lines {first}-{last}: {from}");
    }
    if !history.lines.is_empty() {
        text.push('\n');
    }
    let mut cut_off = false;
    for touch in &history.commits {
        if text.len() > MAX_BYTES {
            cut_off = true;
            break;
        }
        let _ = writeln!(text, "{} {} {}", short(touch), touch.date, one_line(&touch.author));
        for line in cut(&touch.message, MAX_MESSAGE).lines().filter(|line| !line.trim().is_empty())
        {
            let _ = writeln!(text, "    {line}");
        }
    }
    text.push_str(match history.end {
        _ if cut_off => "… truncated: ask for fewer lines\n",
        HistoryEnd::Whole if history.lines.is_empty() => "That is all: the file began here.\n",
        HistoryEnd::Whole => "",
        HistoryEnd::Enough => "… older commits are not shown\n",
        HistoryEnd::Shallow => "… history is cut here: older commits were not fetched\n",
        HistoryEnd::Bounded => "… older history was not looked at\n",
    });
    text
}

fn short(touch: &Touch) -> &str {
    touch.id.get(..10).unwrap_or(&touch.id)
}
