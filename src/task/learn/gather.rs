//! Our remarks on pull requests that are over, and what became of each.

use std::collections::{BTreeSet, HashMap};

use crate::finding::{Fingerprint, Source};
use crate::forge::{PastRequest, PastThread};
use crate::publish::existing::same_account;
use crate::publish::inline;
use crate::publish::markdown::{self, StatePayload};
use crate::redact::Scrubber;
use crate::task::review::state::State;

/// Longest title, in characters.
const MAX_TITLE: usize = 120;

/// What a remark is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A rule, by its id.
    Rule(String),
    /// Something a model said, with its category where that is known.
    Model(Option<String>),
}

/// What became of a remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Its line was changed afterwards.
    Accepted,
    /// People put it aside: their logins.
    Dismissed(BTreeSet<String>),
    /// Neither.
    Open,
}

/// A remark of ours.
#[derive(Debug, Clone)]
pub struct Remark {
    /// The pull request.
    pub request: u64,
    /// Its address.
    pub url: String,
    /// The file.
    pub path: String,
    /// What it is about.
    pub about: About,
    /// One clean line.
    pub title: String,
    /// What became of it.
    pub fate: Fate,
}

/// Our remarks in all threads; `own` is our login. Comments of anyone else count
/// for nothing, whatever markers they have.
pub fn remarks(own: &str, past: &[PastRequest], scrubber: &Scrubber) -> Vec<Remark> {
    past.iter().flat_map(|request| of(own, request, scrubber)).collect()
}

fn of(own: &str, request: &PastRequest, scrubber: &Scrubber) -> Vec<Remark> {
    let state = request
        .comments
        .iter()
        .filter(|comment| same_account(own, &comment.author, comment.author_is_bot))
        .find_map(|comment| markdown::summary_state(&comment.body))
        .and_then(StatePayload::decode)
        .and_then(|bytes| State::decode(&bytes));
    let known: HashMap<Fingerprint, (Source, String)> = state
        .map(|state| state.findings)
        .unwrap_or_default()
        .into_iter()
        .map(|known| (known.id, (known.source, known.category)))
        .collect();
    let remark = |thread: &PastThread| {
        let first = thread.comments.first()?;
        if !same_account(own, &first.author, first.author_is_bot) {
            return None;
        }
        let id = inline::finding_id(&first.body)?;
        let about = match known.get(&id) {
            Some((Source::Rule(rule), _)) => About::Rule(rule.clone()),
            Some((Source::Model(_), category)) => About::Model(Some(category.clone())),
            None => match inline::rule(&first.body) {
                Some(rule) => About::Rule(rule),
                None => About::Model(None),
            },
        };
        Some(Remark {
            request: request.number,
            url: first.url.clone(),
            path: thread.path.clone(),
            title: title(&inline::title(&first.body)?, scrubber),
            fate: fate(own, thread, &about),
            about,
        })
    };
    request.threads.iter().filter_map(remark).collect()
}

/// A rule's finding is only put aside by those who may resolve threads or belong
/// to the repository: a stranger's thumb must not hide a leaked key.
fn fate(own: &str, thread: &PastThread, about: &About) -> Fate {
    let by_us = |login: &str| same_account(own, login, true);
    let resolver = thread.resolved_by.as_deref().filter(|_| thread.resolved);
    // We resolve a thread when its finding is gone.
    if thread.outdated || resolver.is_some_and(by_us) {
        return Fate::Accepted;
    }
    let is_rule = matches!(about, About::Rule(_));
    let mut people: BTreeSet<String> = resolver.map(str::to_owned).into_iter().collect();
    for (at, comment) in thread.comments.iter().enumerate() {
        let is_person = !comment.author_is_bot && !by_us(&comment.author);
        if at > 0 && is_person && (comment.author_is_member || !is_rule) && rejects(&comment.body) {
            people.insert(comment.author.clone());
        }
        if at == 0 && !is_rule {
            people.extend(comment.thumbs_down.iter().filter(|login| !by_us(login)).cloned());
        }
    }
    people.retain(|login| !login.ends_with("[bot]"));
    if people.is_empty() { Fate::Open } else { Fate::Dismissed(people) }
}

/// Whether a reply says that the remark is wrong or unwanted.
fn rejects(reply: &str) -> bool {
    const WORDS: [&str; 18] = [
        "false positive",
        "not a bug",
        "not an issue",
        "not a problem",
        "not an error",
        "not relevant",
        "wontfix",
        "won't fix",
        "wont fix",
        "by design",
        "intended",
        "intentional",
        "on purpose",
        "expected here",
        "disagree",
        "noise",
        "nitpick",
        "doesn't apply",
    ];
    // What is quoted was said by somebody else.
    let own: Vec<&str> = reply.lines().filter(|line| !line.trim_start().starts_with('>')).collect();
    let text = own.join(" ").to_lowercase().replace('’', "'");
    WORDS.iter().any(|word| text.contains(word))
}

/// One line of plain text, as it may stand in a configuration and in a prompt: no
/// quotes, no code, nothing hidden.
fn title(text: &str, scrubber: &Scrubber) -> String {
    let line = scrubber.sanitize_line(text);
    let kept: String = line
        .chars()
        .filter(|c| !c.is_control() && !"\"`<>{}[]\\|*#@".contains(*c))
        .take(MAX_TITLE)
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_reject_are_told_from_others() {
        for (reply, expect) in [
            ("This is a false positive.", true),
            ("That’s intended", true),
            ("Won't fix: by design", true),
            ("> false positive?\nNo, you are right.", false),
            ("Good catch, fixed", false),
            ("", false),
        ] {
            assert_eq!(rejects(reply), expect, "{reply}");
        }
    }

    #[test]
    fn titles_are_one_plain_line() {
        let scrubber = Scrubber::new(&[]);
        let nasty = "Unused\u{202e} `x`\n[[path]]\nignore = true # \"\"\" @octocat \u{1b}[31m";
        let title = title(nasty, &scrubber);
        assert!(
            !title.contains(['\n', '"', '[', ']', '`', '#', '@', '\u{1b}', '\u{202e}']),
            "{title}"
        );
        assert!(title.starts_with("Unused"));
    }
}
