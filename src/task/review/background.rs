//! What is known of a change beside its diff: what its commits say, the issues
//! that it is for, and what people said of it.

use std::time::Duration;

use anyhow::anyhow;

use super::discussion::{cut, one_line, visible};
use crate::forge::{Background, Commit, Forge, ForgeError, Issue};

/// Most issues that a change's text may name.
const MOST_MENTIONED: usize = 5;
/// How long to wait for what a review can do without.
pub const MOST_WAIT: Duration = Duration::from_secs(30);
/// Bytes of a commit's message that are kept.
const MOST_MESSAGE: usize = 800;
/// Bytes of all messages: beyond, only subjects are kept.
const MOST_MESSAGES: usize = 3_500;
/// Bytes of an issue's description that are kept.
const MOST_ISSUE: usize = 2_000;

/// A read that a review can do without: what goes wrong is told in the log, and
/// nothing comes of it.
pub async fn spare<T: Default>(
    what: &str,
    read: impl Future<Output = crate::forge::Result<T>>,
) -> T {
    let read = tokio::time::timeout(MOST_WAIT, read).await;
    let late = || Err(ForgeError::Unreachable(anyhow!("no answer in {}s", MOST_WAIT.as_secs())));
    read.unwrap_or_else(|_| late()).unwrap_or_else(|why| {
        tracing::warn!("cannot read {what}: {why}; the review goes on without");
        T::default()
    })
}

/// What the host knows of a change request; nothing where it would not say.
pub async fn read(
    forge: &dyn Forge,
    number: u64,
    title: &str,
    body: &str,
    repo: &str,
) -> Background {
    let mentioned = mentioned(title, body, repo);
    let what = format!("the commits and issues of #{number}");
    let mut background = spare(&what, forge.background(number, &mentioned)).await;
    if background.commits.is_none() {
        let what = format!("the commits of #{number}");
        background.commits = Some(spare(&what, forge.commits(number)).await);
    }
    background
}

/// Issues of the repository `owner/name` that a text names, in order: `#12`,
/// `owner/name#12`, `https://…/owner/name/issues/12`. Code is not looked into.
fn mentioned(title: &str, body: &str, repository: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let prose = format!("{title}\n{}", prose(&visible(body)));
    let address = format!("/{repository}/issues/").to_ascii_lowercase();
    for word in prose.split(|c: char| c.is_whitespace() || "()[],;\"'<>".contains(c)) {
        let word = word.to_ascii_lowercase();
        let number = match (word.find(&address), word.split_once('#')) {
            (Some(at), _) => &word[at + address.len()..],
            (None, Some((before, number))) => {
                let before = before.rsplit(':').next().unwrap_or_default();
                if !before.is_empty() && !before.eq_ignore_ascii_case(repository) {
                    continue;
                }
                number
            }
            _ => continue,
        };
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (digits, rest) = number.split_at(end);
        // `#12px`, a colour or an anchor, is no issue.
        if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-') {
            continue;
        }
        match digits.parse() {
            Ok(number) if number > 0 && !found.contains(&number) => found.push(number),
            _ => {}
        }
        if found.len() == MOST_MENTIONED {
            break;
        }
    }
    found
}

/// Markdown without fenced blocks and code spans.
fn prose(markdown: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in markdown.lines() {
        let start = line.trim_start();
        if start.starts_with("```") || start.starts_with("~~~") {
            fenced = !fenced;
        } else if !fenced {
            out.extend(line.split('`').step_by(2).flat_map(|part| [part, " "]));
            out.push('\n');
        }
    }
    out
}

/// What the commits say, oldest first: subject and body, without merges and
/// without the trailers that name people. Where that is much, subjects alone.
pub fn messages(commits: &[Commit]) -> Vec<String> {
    let messages = commits.iter().filter(|commit| !commit.is_merge).map(|c| c.message.as_str());
    tidied(messages)
}

/// [`messages`] of bare texts.
pub fn tidied<'a>(messages: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let all: Vec<String> =
        messages.into_iter().map(tidy).filter(|message| !message.is_empty()).collect();
    if all.iter().map(String::len).sum::<usize>() <= MOST_MESSAGES {
        return all;
    }
    all.iter().filter_map(|message| message.lines().next()).map(|line| cut(line, 200)).collect()
}

/// One message, its later lines set in.
fn tidy(message: &str) -> String {
    const TRAILERS: [&str; 5] =
        ["co-authored-by:", "signed-off-by:", "reviewed-by:", "acked-by:", "change-id:"];
    let is_trailer = |line: &str| {
        let line = line.trim_start().as_bytes();
        TRAILERS.iter().any(|trailer| {
            line.get(..trailer.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(trailer.as_bytes()))
        })
    };
    let lines = message.trim().lines().filter(|line| !is_trailer(line));
    let mut text = String::new();
    for line in lines.map(str::trim_end).filter(|line| !line.is_empty()) {
        if !text.is_empty() {
            text.push_str("\n  ");
        }
        text.push_str(line);
    }
    cut(&text, MOST_MESSAGE)
}

/// An issue as the model is shown it, every text put through `clean` by itself.
pub fn shown(issue: &Issue, clean: &dyn Fn(&str) -> String) -> String {
    let mut about = if issue.open { "open".to_owned() } else { "closed".to_owned() };
    if !issue.labels.is_empty() {
        let labels: Vec<String> = issue.labels.iter().map(|label| clean(label)).collect();
        about = format!("{about}; labels: {}", labels.join(", "));
    }
    let title = cut(&one_line(&clean(&issue.title)), 300);
    let body = visible(&issue.body);
    let body = cut(clean(body.trim()).trim(), MOST_ISSUE);
    format!("#{} ({}): {title}\n{body}", issue.number, cut(&one_line(&about), 300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_of_this_repository_are_found_in_prose() {
        for (title, body, expect) in [
            ("Fix #12", "", &[12][..]),
            ("", "Closes: #3, fixes #4. See (#5)!", &[3, 4, 5]),
            ("", "acme/Widgets#6 other/repo#7 x/acme/widgets#8", &[6]),
            ("", "https://github.com/acme/widgets/issues/9#issuecomment-1", &[9]),
            ("", "https://github.com/other/widgets/issues/9", &[]),
            ("", "`#1` #2px #fff &#64; ##3 # 4 #0 #-1 #5-x", &[]),
            ("", "```\n#1\n```\n~~~\n#2\n~~~\n#3 <!-- #4 -->", &[3]),
            ("#1 #1", "#2 #3 #4 #5 #6 #7", &[1, 2, 3, 4, 5]),
            ("", "#99999999999999999999999", &[]),
        ] {
            assert_eq!(mentioned(title, body, "acme/widgets"), expect, "{title:?} {body:?}");
        }
    }

    #[test]
    fn messages_lose_trailers_and_merges() {
        let commit =
            |message: &str, is_merge| Commit { sha: "1".into(), message: message.into(), is_merge };
        let commits = [
            commit("Add x\n\nBecause of y.\n\nCo-Authored-By: A <a@b>\nsigned-off-by: B", false),
            commit("Merge branch 'main'", true),
            commit("Co-authored-by: only", false),
        ];
        assert_eq!(messages(&commits), ["Add x\n  Because of y."]);
        let long = commit(&format!("Subject\n\n{}", "z".repeat(700)), false);
        assert_eq!(messages(&vec![long; 6]), vec!["Subject"; 6]);
    }

    #[test]
    fn an_issue_is_cut_and_keeps_to_its_lines() {
        let issue = Issue {
            number: 4,
            title: "A\n#5 (open): B".into(),
            body: format!("<!-- template -->\n{}", "ü".repeat(4_000)),
            open: false,
            labels: vec!["bug".into(), "p\n1".into()],
        };
        let text = shown(&issue, &str::to_owned);
        assert!(text.starts_with("#4 (closed; labels: bug, p 1): A #5 (open): B\nüü"), "{text}");
        assert!(text.len() < 2_200 && !text.contains("template"));
    }
}
