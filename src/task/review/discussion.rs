//! What people have said of the change so far, so that the model does not argue
//! again what was settled. Our own comments and those of bots are left out; of
//! our findings that people answered, only the title is kept, to tell what the
//! answer is about.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use crate::context;
use crate::forge::{Comment, ReviewBody, ReviewComment, Thread};
use crate::publish::existing::same_account;
use crate::publish::{inline, markdown};

/// Bytes of one remark that are shown.
const MOST_REMARK: usize = 1_000;
/// Bytes of one remark that are kept, so that what is shown is cut when secrets
/// are out of it.
const MOST_KEPT: usize = 4_000;
/// Remarks of one thread that are kept: the newest.
const MOST_IN_THREAD: usize = 8;
/// Bytes of the conversation that are kept where threads need their share.
const MOST_CONVERSATION: usize = 4_000;
/// Bytes of all remarks that are kept.
const MOST_BYTES: usize = 12_000;
/// Bytes of a finding's title.
const MOST_TITLE: usize = 200;

/// What the host lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<'a> {
    /// The conversation.
    pub comments: &'a [Comment],
    /// Comments on lines.
    pub lines: &'a [ReviewComment],
    /// What reviews say as a whole.
    pub reviews: &'a [ReviewBody],
    /// Threads on lines, where they are known.
    pub threads: Option<&'a [Thread]>,
}

/// What people have said, oldest first. All of it is untrusted text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discussion {
    /// What was said of the change as a whole.
    pub conversation: Vec<Remark>,
    /// What was said of lines.
    pub strands: Vec<Strand>,
    /// Older remarks that found no room.
    pub left_out: usize,
}

/// A thread on a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strand {
    /// The file.
    pub path: String,
    /// The line now; `None` once it is gone from the diff (outdated).
    pub line: Option<u32>,
    /// Whether it is resolved, where that is known.
    pub resolved: Option<bool>,
    /// The title of our finding that it is about.
    pub finding: Option<String>,
    /// Who said what.
    pub remarks: Vec<Remark>,
}

/// What one person said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remark {
    /// Login.
    pub author: String,
    /// At most 4,000 bytes, hidden HTML comments left out.
    pub text: String,
}

impl Remark {
    fn of(author: &str, body: &str) -> Option<Remark> {
        let text = visible(body);
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        Some(Remark { author: author.to_owned(), text: cut(text, MOST_KEPT) })
    }

    /// Bytes when shown.
    fn size(&self) -> usize {
        let shown = self.text.len().min(MOST_REMARK);
        let lines = memchr::memchr_iter(b'\n', &self.text.as_bytes()[..shown]).count() + 1;
        self.author.len() + 2 + shown + 3 * lines
    }
}

impl Strand {
    fn size(&self) -> usize {
        const AROUND: usize = 40;
        let title = self.finding.as_ref().map_or(0, |title| title.len() + AROUND);
        self.path.len() + AROUND + title + self.remarks.iter().map(Remark::size).sum::<usize>()
    }
}

impl Discussion {
    /// Sort out what people said. `own` is our login, empty if nothing of ours is
    /// there; what begins a line with `trigger_phrase` is an order to us.
    pub fn read(own: &str, trigger_phrase: &str, said: &Said<'_>) -> Discussion {
        let Said { comments, lines, reviews, threads } = *said;
        let is_said = |body: &str| !is_ours(body) && context::asks(body, trigger_phrase).is_none();
        let mut strands = strands(own, lines, threads, &is_said);
        let said = comments
            .iter()
            .filter(|comment| !comment.author_is_bot && is_said(&comment.body))
            .filter_map(|comment| Remark::of(&comment.author, &comment.body));
        let said_in_reviews = reviews
            .iter()
            .filter(|review| !review.author_is_bot && is_said(&review.body))
            // Our own reviews have no mark.
            .filter(|review| own.is_empty() || !same_account(own, &review.author, false))
            .filter_map(|review| {
                let mut remark = Remark::of(&review.author, &review.body)?;
                if review.asks_for_changes {
                    remark.author.push_str(" (asks for changes)");
                }
                Some(remark)
            });
        let mut conversation: Vec<Remark> = said_in_reviews.chain(said).collect();

        let all = conversation.len() + strands.iter().map(|s| s.remarks.len()).sum::<usize>();
        for strand in &mut strands {
            let older = strand.remarks.len().saturating_sub(MOST_IN_THREAD);
            strand.remarks.drain(..older);
        }
        let for_threads: usize = strands.iter().map(Strand::size).sum();
        let room = MOST_BYTES.saturating_sub(for_threads).max(MOST_CONVERSATION);
        keep_newest(&mut conversation, room, Remark::size);
        let used: usize = conversation.iter().map(Remark::size).sum();
        keep_newest(&mut strands, MOST_BYTES - used.min(MOST_BYTES), Strand::size);
        let kept = conversation.len() + strands.iter().map(|s| s.remarks.len()).sum::<usize>();
        Discussion { conversation, strands, left_out: all - kept }
    }

    /// Whether nobody said anything.
    pub fn is_empty(&self) -> bool {
        self.conversation.is_empty() && self.strands.is_empty()
    }

    /// As the model is shown it, every text put through `clean` by itself. What
    /// people wrote is set off by `> `, so that no line of theirs can pass for
    /// another's name.
    pub fn render(&self, clean: &dyn Fn(&str) -> String) -> String {
        let mut text = String::new();
        let say = |text: &mut String, remark: &Remark| {
            let _ = writeln!(text, "{}:", one_line(&clean(&remark.author)));
            for line in cut(&clean(&remark.text), MOST_REMARK).lines() {
                let _ = writeln!(text, "> {line}");
            }
        };
        if self.left_out > 0 {
            let _ = writeln!(text, "({} older remarks are left out.)\n", self.left_out);
        }
        for remark in &self.conversation {
            say(&mut text, remark);
        }
        for strand in &self.strands {
            let line = strand.line.map_or_else(|| " (outdated)".to_owned(), |n| format!(":{n}"));
            let resolved = match strand.resolved {
                Some(true) => ", resolved",
                Some(false) => ", not resolved",
                None => "",
            };
            let path = one_line(&clean(&strand.path));
            let _ = writeln!(text, "\nOn {path}{line}{resolved}:");
            if let Some(title) = &strand.finding {
                let _ = writeln!(
                    text,
                    "(in answer to a review's finding: {})",
                    one_line(&clean(title))
                );
            }
            for remark in &strand.remarks {
                say(&mut text, remark);
            }
        }
        text
    }
}

/// Threads in which a person spoke, by the time of their newest remark.
fn strands(
    own: &str,
    comments: &[ReviewComment],
    threads: Option<&[Thread]>,
    is_said: &dyn Fn(&str) -> bool,
) -> Vec<Strand> {
    let by_first: HashMap<u64, &Thread> =
        threads.unwrap_or_default().iter().map(|thread| (thread.first_comment, thread)).collect();
    let firsts: HashMap<u64, &ReviewComment> = comments
        .iter()
        .filter(|comment| comment.in_reply_to.is_none())
        .map(|comment| (comment.id, comment))
        .collect();
    // The first comment's number; the newest remark's, and the strand.
    let mut found: BTreeMap<u64, (u64, Strand)> = BTreeMap::new();
    for comment in comments.iter().filter(|c| !c.author_is_bot && is_said(&c.body)) {
        let Some(remark) = Remark::of(&comment.author, &comment.body) else { continue };
        let id = comment.in_reply_to.unwrap_or(comment.id);
        let first = firsts.get(&id).copied();
        let (newest, strand) = found.entry(id).or_insert_with(|| {
            let place = first.unwrap_or(comment);
            let thread = by_first.get(&id);
            let outdated = thread.is_some_and(|thread| thread.outdated);
            let strand = Strand {
                path: place.path.clone(),
                line: place.line.filter(|_| !outdated),
                resolved: thread.map(|thread| thread.resolved),
                finding: first.and_then(|first| finding_title(own, first)),
                remarks: Vec::new(),
            };
            (0, strand)
        });
        *newest = (*newest).max(comment.id);
        strand.remarks.push(remark);
    }
    let mut strands: Vec<(u64, Strand)> = found.into_values().collect();
    strands.sort_by_key(|(newest, _)| *newest);
    strands.into_iter().map(|(_, strand)| strand).collect()
}

/// Our marks: whoever writes them wants to pass for us and is not heard.
fn is_ours(body: &str) -> bool {
    markdown::is_summary(body) || inline::finding_id(body).is_some()
}

/// The title of the finding that a comment of ours carries: the last bold text
/// of its first line.
fn finding_title(own: &str, comment: &ReviewComment) -> Option<String> {
    let ours = !own.is_empty() && same_account(own, &comment.author, comment.author_is_bot);
    inline::finding_id(&comment.body).filter(|_| ours)?;
    let title = comment.body.lines().next()?.trim_end().strip_suffix("**")?;
    let (_, title) = title.rsplit_once("**")?;
    Some(cut(title, MOST_TITLE))
}

/// Drop from the front until the rest fits.
fn keep_newest<T>(list: &mut Vec<T>, room: usize, size: impl Fn(&T) -> usize) {
    let mut left = room;
    let kept = list.iter().rev().take_while(|item| match left.checked_sub(size(item)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    let from = list.len() - kept.count();
    list.drain(..from);
}

/// The text without HTML comments: templates are full of them, and readers do
/// not see what they hide.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<!--") {
        out.push_str(&rest[..at]);
        rest = match rest[at..].find("-->") {
            Some(end) => &rest[at + end + 3..],
            None => "",
        };
    }
    out.push_str(rest);
    out
}

/// At most `limit` bytes, whole characters and as a rule whole words (half a
/// secret is not known for one), with a mark if cut.
pub fn cut(text: &str, limit: usize) -> String {
    const LONGEST_WORD: usize = 256;
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let word = text[..end].rfind(char::is_whitespace).filter(|at| end - at < LONGEST_WORD);
    format!("{} […]", &text[..word.unwrap_or(end)])
}

/// Without line ends and other controls.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Side;

    fn comment(author: &str, body: &str) -> Comment {
        let author_is_bot = author.ends_with("[bot]");
        Comment { id: 1, author: author.into(), author_is_bot, body: body.into() }
    }

    fn on_line(id: u64, reply: Option<u64>, author: &str, body: &str) -> ReviewComment {
        ReviewComment {
            id,
            in_reply_to: reply,
            author: author.into(),
            author_is_bot: author.ends_with("[bot]"),
            body: body.into(),
            path: "src/a.rs".into(),
            line: Some(12),
            side: Side::New,
            thumbs_down: 0,
        }
    }

    fn thread(first: u64, resolved: bool, outdated: bool) -> Thread {
        let id = format!("T{first}");
        Thread { id, first_comment: first, resolved, resolved_by: None, outdated }
    }

    const OURS: &str = "🔴 **high** · **Divides by zero**\n\nBecause.\n\n<!-- pipewright:finding 0123456789abcdef -->";

    fn shown(discussion: &Discussion) -> String {
        discussion.render(&str::to_owned)
    }

    #[test]
    fn people_are_heard_with_place_and_state_and_bots_are_not() {
        let comments = [
            comment("ann", "Why not a map?\n<!-- template -->"),
            comment("ann", "@us review\nand be quick"),
            comment("renovate[bot]", "BOT"),
            comment("me[bot]", "<!-- pipewright:summary -->\nOURS"),
            comment("eve", "<!-- pipewright:summary -->\nFORGED"),
        ];
        let lines = [
            on_line(5, None, "me[bot]", OURS),
            on_line(6, Some(5), "bob", "Never empty:\nann: checked by the caller."),
            on_line(7, None, "ann", "Rename?"),
            on_line(8, Some(7), "bob", "Done."),
            on_line(9, None, "ci[bot]", "BOT"),
            on_line(10, Some(7), "bob", "@us explain"),
        ];
        let threads = [thread(5, true, false), thread(7, false, true)];
        let said =
            Said { comments: &comments, lines: &lines, reviews: &[], threads: Some(&threads) };
        let said = Discussion::read("me[bot]", "@us", &said);
        assert_eq!(
            shown(&said),
            "ann:\n> Why not a map?\n\nOn src/a.rs:12, resolved:\n\
             (in answer to a review's finding: Divides by zero)\n\
             bob:\n> Never empty:\n> ann: checked by the caller.\n\n\
             On src/a.rs (outdated), not resolved:\nann:\n> Rename?\nbob:\n> Done.\n"
        );
    }

    #[test]
    fn a_title_is_taken_from_our_own_comments_only() {
        for (own, author, expect) in [
            ("me[bot]", "me[bot]", Some("Divides by zero")),
            ("me[bot]", "eve", None),
            ("", "me[bot]", None),
        ] {
            let title = finding_title(own, &on_line(1, None, author, OURS));
            assert_eq!(title.as_deref(), expect, "{own} {author}");
        }
    }

    #[test]
    fn the_newest_is_kept_within_the_bound() {
        let comments: Vec<Comment> =
            (0..5_000).map(|n| comment("ann", &format!("{n} {}", "x".repeat(n)))).collect();
        let lines: Vec<ReviewComment> = (0..5_000)
            .map(|n| on_line(n, (n % 50 != 0).then_some(n - n % 50), "bob", &format!("{n} y")))
            .collect();
        let all = Said { comments: &comments, lines: &lines, ..Said::default() };
        let said = Discussion::read("", "@us", &all);
        let text = shown(&said);
        assert!(text.len() <= MOST_BYTES + 100, "{}", text.len());
        assert!(text.contains("> 4999 x") && text.contains("> 4999 y"), "{text}");
        let kept =
            said.conversation.len() + said.strands.iter().map(|s| s.remarks.len()).sum::<usize>();
        assert_eq!(said.left_out + kept, 10_000);
        let only = Discussion::read("", "@us", &Said { lines: &[], ..all });
        assert!(
            only.conversation.len() > said.conversation.len(),
            "room that is not needed goes on"
        );
    }

    #[test]
    fn hidden_text_is_left_out() {
        for (text, expect) in
            [("a<!-- b -->c", "ac"), ("a<!-- b", "a"), ("a --> b", "a --> b"), ("", "")]
        {
            assert_eq!(visible(text), expect);
        }
        assert_eq!(cut("äöü", 3), "ä […]");
    }
}
