//! Answers to comments: the hidden mark by which a later run knows them again,
//! and how they are laid out.

use super::existing::same_account;
use super::markdown::MAX_COMMENT;
use super::wording;
use crate::forge::{Comment, CommentRef, ReviewComment};
use crate::redact::{ForgeHost, Scrubber, shorten};

const MARKER: &str = "<!-- pipewright:answer=";
const END: &str = " -->";

/// Longest piece of the question that an answer repeats, in characters.
const MOST_QUOTED: usize = 160;

/// What is answered: the comment's number and its kind, since kinds are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    /// The host's number for the comment.
    pub id: u64,
    /// Where it stands.
    pub kind: Kind,
}

/// Where a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// In the conversation.
    Conversation,
    /// On a line of the change.
    Line,
    /// In the text of a review.
    Review,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Conversation => "conversation",
            Kind::Line => "line",
            Kind::Review => "review",
        }
    }

    /// Where the comment's page shows it, as GitHub names it.
    fn fragment(self) -> &'static str {
        match self {
            Kind::Conversation => "issuecomment-",
            Kind::Line => "discussion_r",
            Kind::Review => "pullrequestreview-",
        }
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// With what was asked for.
    Done,
    /// Without: the next run for the same comment tries again.
    Failed,
    /// The asker may not ask.
    Refused,
}

impl Ended {
    fn word(self) -> &'static str {
        match self {
            Ended::Done => "done",
            Ended::Failed => "failed",
            Ended::Refused => "refused",
        }
    }
}

/// The first line of an answer.
fn marker(question: Question, ended: Ended) -> String {
    format!("{MARKER}{} on={} ended={}{END}", question.id, question.kind.word(), ended.word())
}

/// What a comment of ours answers, by its first line and nothing else.
pub fn answered(body: &str) -> Option<(Question, Ended)> {
    let line = body.lines().next()?.trim_end();
    let mut words = line.strip_prefix(MARKER)?.strip_suffix(END)?.split(' ');
    let id = words.next()?.parse().ok()?;
    let kind = words.next()?.strip_prefix("on=")?;
    let ended = words.next()?.strip_prefix("ended=")?;
    let kind =
        [Kind::Conversation, Kind::Line, Kind::Review].into_iter().find(|k| k.word() == kind);
    let ended =
        [Ended::Done, Ended::Failed, Ended::Refused].into_iter().find(|e| e.word() == ended);
    Some((Question { id, kind: kind? }, ended?))
}

/// An answer that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The answer's own comment.
    pub comment: CommentRef,
    /// What it answers.
    pub question: Question,
    /// How it ended.
    pub ended: Ended,
}

/// Our answers in the conversation, oldest first. Marks in comments of anyone
/// else count for nothing.
pub fn in_conversation(own: &str, comments: &[Comment]) -> Vec<Standing> {
    let ours = comments.iter().filter(|c| same_account(own, &c.author, c.author_is_bot));
    let standing = ours.filter_map(|comment| {
        let (question, ended) = answered(&comment.body)?;
        Some(Standing { comment: CommentRef::Conversation(comment.id), question, ended })
    });
    sorted(standing.collect())
}

/// Our answers on lines, oldest first.
pub fn on_lines(own: &str, comments: &[ReviewComment]) -> Vec<Standing> {
    let ours = comments.iter().filter(|c| same_account(own, &c.author, c.author_is_bot));
    let standing = ours.filter_map(|comment| {
        let (question, ended) = answered(&comment.body)?;
        Some(Standing { comment: CommentRef::Line(comment.id), question, ended })
    });
    sorted(standing.collect())
}

fn sorted(mut standing: Vec<Standing>) -> Vec<Standing> {
    standing.sort_by_key(|answer| match answer.comment {
        CommentRef::Conversation(id) | CommentRef::Line(id) => id,
    });
    standing
}

/// What an answer is made of.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// What it answers.
    pub question: Question,
    /// The asker's comment. Untrusted text.
    pub asked: &'a str,
    /// The change request's page.
    pub page: &'a str,
    /// Fit to be posted.
    pub text: &'a str,
    /// One line below it, fit to be posted; empty for none.
    pub foot: &'a str,
    /// How it ended.
    pub ended: Ended,
}

/// The comment: at most [`MAX_COMMENT`] bytes. In the conversation it begins with
/// the line that asked, linked; in a thread that line stands right above.
pub fn body(answer: &Answer<'_>, scrubber: &Scrubber, host: &ForgeHost) -> String {
    let mut head = marker(answer.question, answer.ended);
    head.push('\n');
    if answer.question.kind != Kind::Line {
        let line = answer.asked.lines().map(str::trim).find(|line| !line.is_empty());
        let line = shorten(line.unwrap_or_default(), MOST_QUOTED);
        let quoted = wording::code(&scrubber.sanitize_line(&line));
        let url =
            format!("{}#{}{}", answer.page, answer.question.kind.fragment(), answer.question.id);
        head += &match host.repository_url() {
            Some(_) => format!("> {quoted} [↑]({url})\n\n"),
            None => format!("> {quoted}\n\n"),
        };
    }
    let foot = if answer.foot.is_empty() {
        String::new()
    } else {
        format!("\n\n<sub>{}</sub>", answer.foot)
    };
    let room = MAX_COMMENT.saturating_sub(head.len() + foot.len());
    let text = answer.text.trim();
    if text.len() <= room {
        return format!("{head}{text}{foot}");
    }
    format!("{head}{}{foot}", shorten(text, room / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Question = Question { id: 7, kind: Kind::Conversation };

    fn show(text: &str, question: Question, ended: Ended) -> String {
        let answer = Answer {
            question,
            asked: "\n@pipewright ask `why`? @octocat\nmore",
            page: "https://github.com/acme/widgets/pull/7",
            text,
            foot: "offline",
            ended,
        };
        let host = ForgeHost::new("https://github.com", "acme/widgets");
        body(&answer, &Scrubber::default(), &host)
    }

    #[test]
    fn an_answer_is_known_again_by_its_first_line_and_its_account() {
        let text = show("Because.", ASKED, Ended::Done);
        assert_eq!(answered(&text), Some((ASKED, Ended::Done)));
        for other in
            ["", "x", &format!("x\n{text}"), &format!("> {text}"), "<!-- pipewright:answer=x -->"]
        {
            assert_eq!(answered(other), None, "{other}");
        }
        let comment = |id, author: &str, author_is_bot| Comment {
            id,
            author: author.into(),
            author_is_bot,
            body: text.clone(),
        };
        let comments =
            [comment(9, "bot[bot]", true), comment(1, "eve", false), comment(8, "bot[bot]", true)];
        let ids: Vec<CommentRef> =
            in_conversation("bot[bot]", &comments).iter().map(|a| a.comment).collect();
        assert_eq!(ids, [CommentRef::Conversation(8), CommentRef::Conversation(9)]);
    }

    #[test]
    fn the_question_is_repeated_as_code_and_linked_only_where_it_is_not_right_above() {
        let text = show("Because.", ASKED, Ended::Done);
        let link = "> ``@pipewright ask `why`? @octocat`` [↑](https://github.com/acme/widgets/pull/7#issuecomment-7)";
        assert_eq!(text.lines().nth(1), Some(link));
        let line = show("Because.", Question { kind: Kind::Line, ..ASKED }, Ended::Failed);
        assert_eq!(line.lines().nth(1), Some("Because."));
    }

    #[test]
    fn a_long_answer_keeps_its_mark_and_fits() {
        let text = show(&"é".repeat(60_000), ASKED, Ended::Done);
        assert!(text.len() <= MAX_COMMENT && answered(&text).is_some());
    }
}
