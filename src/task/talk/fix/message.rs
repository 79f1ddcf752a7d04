//! The message of a commit: what it mends, who asked, and the trailer by which a
//! later run knows it again. Pure.

use crate::redact::shorten;

/// How the trailer with the comment's number begins.
const TRAILER: &str = "Pipewright-Fix: ";
/// Longest first line, in characters.
const LONGEST: usize = 72;
/// Most findings that are named.
const MOST_NAMED: usize = 20;

/// First line and rest. Titles are untrusted text.
pub fn message(titles: &[String], asker: &str, comment: u64) -> (String, String) {
    let titles: Vec<String> = titles.iter().map(|title| plain(title)).collect();
    let (headline, mut body) = match &titles[..] {
        [only] if !only.is_empty() => {
            (shorten(&format!("Fix {}", lowered(only)), LONGEST).into_owned(), String::new())
        }
        [_] => ("Fix a finding of the review".to_owned(), String::new()),
        many => {
            let list: Vec<String> =
                many.iter().take(MOST_NAMED).map(|title| format!("- {title}\n")).collect();
            (format!("Fix {} findings of the review", many.len()), list.concat() + "\n")
        }
    };
    // A login holds no line feed; were there one, it would be a trailer of its own.
    let asker: String = asker.chars().filter(|c| !c.is_control()).collect();
    body += &format!("Requested-by: {asker}\n{TRAILER}{comment}");
    (headline, body)
}

/// Whether a commit's message says that it was made for the comment.
pub fn is_for(message: &str, comment: u64) -> bool {
    let wanted = format!("{TRAILER}{comment}");
    message.trim_end().lines().last().is_some_and(|last| last.trim_end() == wanted)
}

/// One line in which hosts find nothing to act on: no issue to close, nobody to call,
/// no order to skip checks.
fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '#' | '@' | '[' | ']' | '*' | '<' | '>'))
        .collect();
    let text = text.replace("://", ": ").replace("GH-", "GH ").replace("gh-", "gh ");
    let text: Vec<&str> = text.split_whitespace().collect();
    let text = text.join(" ");
    shorten(text.trim_end_matches('.'), 200).into_owned()
}

/// A sentence's beginning as it stands inside one; a name stays as it is.
fn lowered(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let mut letters = first.chars();
    let starts = letters.next().is_some_and(char::is_uppercase);
    if starts && first.chars().count() > 1 && letters.all(char::is_lowercase) {
        let mut chars = text.chars();
        return chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect());
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_imperative_and_order_nothing() {
        for (title, headline) in [
            ("Division by zero", "Fix division by zero"),
            ("API leaks a token.", "Fix API leaks a token"),
            ("`mean` panics", "Fix `mean` panics"),
            ("fixes #12\n\nCo-authored-by: x <x@y>", "Fix fixes 12 Co-authored-by: x xy"),
            ("[skip ci] @octocat closes GH-3", "Fix skip ci octocat closes GH 3"),
            ("", "Fix a finding of the review"),
        ] {
            let (head, body) = message(&[title.to_owned()], "bob", 7);
            assert_eq!(head, headline);
            assert_eq!(body, "Requested-by: bob\nPipewright-Fix: 7");
        }
        let (head, body) = message(&["One".into(), "Two".into()], "bob", 7);
        assert_eq!(head, "Fix 2 findings of the review");
        assert_eq!(body, "- One\n- Two\n\nRequested-by: bob\nPipewright-Fix: 7");
    }

    #[test]
    fn a_commit_is_known_by_its_last_line() {
        let (head, body) = message(&["One".into()], "bob", 7);
        assert!(is_for(&format!("{head}\n\n{body}\n"), 7));
        for other in ["", "Pipewright-Fix: 71", "Pipewright-Fix: 7\nx", "x Pipewright-Fix: 7"] {
            assert!(!is_for(other, 7), "{other}");
        }
    }
}
