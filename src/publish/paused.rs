//! Whether automatic reviews of a change request are paused, as its summary
//! comment shows it. The switch itself is part of the state in that comment.

use super::markdown::{self, StatePayload};

/// What the summary says while they are.
pub const NOTE: &str = "Automatic reviews of this pull request are paused until someone with \
                        write access asks to `resume`; a review can still be asked for.";

/// The start of [`NOTE`]'s line in a summary.
const LINE: &str = "> Automatic reviews of this pull request are paused";

/// A summary of ours with another state, which says that reviews are paused or
/// no longer does; `None` if it is no summary of ours.
pub fn with_state(summary: &str, state: &StatePayload, paused: bool) -> Option<String> {
    let text = markdown::with_state(summary, state)?;
    let (head, page) = text.split_once("\n\n").unwrap_or((&text, ""));
    let kept: Vec<&str> = page.lines().filter(|line| !line.starts_with(LINE)).collect();
    let page = kept.join("\n");
    let page = page.trim_start_matches('\n');
    Some(if paused { format!("{head}\n\n> {NOTE}\n\n{page}") } else { format!("{head}\n\n{page}") })
}

/// A summary for a change request that has none yet.
pub fn first_summary(state: &StatePayload) -> String {
    let bare = markdown::bare_summary(state);
    format!("{bare}\n\n> {NOTE}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_shown_once_and_leaves_no_trace() {
        let (one, two) = (StatePayload::encode(b"one"), StatePayload::encode(b"two"));
        let summary = format!(
            "<!-- pipewright:summary -->\n<!-- pipewright:state v1 {} -->\n<!-- pipewright:refused a b -->\n\n### ✓ nothing\n\n> a note  \n\nfoot",
            one.as_str()
        );
        let paused = with_state(&summary, &two, true).unwrap();
        assert_eq!(markdown::summary_state(&paused), Some(two.as_str()));
        assert_eq!(markdown::refused_before(&paused, "a").len(), 1);
        assert_eq!(paused.matches(NOTE).count(), 1);
        assert_eq!(with_state(&paused, &two, true), Some(paused.clone()));
        assert_eq!(with_state(&paused, &one, false), Some(summary));
        assert_eq!(with_state("hello", &one, true), None);
        let first = first_summary(&one);
        assert_eq!(markdown::summary_state(&first), Some(one.as_str()));
        assert!(!with_state(&first, &one, false).unwrap().contains("paused"));
    }
}
