//! Our part of a change request's description: a block between two hidden marks,
//! so that the author's own words are never touched. Pure.

const START: &str = "<!-- pipewright:description -->";
const STOP: &str = "<!-- /pipewright:description -->";

/// Longest description that GitHub takes, counted in bytes here.
pub const MAX_DESCRIPTION: usize = 65_536;

/// The description with `block` in the place of our last one, or behind the
/// author's words; `None` if it would be too long.
///
/// A mark that stands alone is nobody's: people delete halves of what they do not
/// see, and nothing between such a mark and another block is ours.
pub fn with_block(body: &str, block: &str) -> Option<String> {
    let block = format!("{START}\n{}\n{STOP}", without_marks(block).trim());
    let text = match find(body) {
        Some((start, end)) => format!("{}{block}{}", &body[..start], &body[end..]),
        None if body.trim().is_empty() => block,
        None => format!("{}\n\n{block}", body.trim_end()),
    };
    (text.len() <= MAX_DESCRIPTION).then_some(text)
}

/// The author's words: the description without our block.
pub fn without_block(body: &str) -> String {
    match find(body) {
        Some((start, end)) => format!("{}{}", &body[..start], &body[end..]).trim().to_owned(),
        None => body.trim().to_owned(),
    }
}

/// Where our block begins and ends: the shortest text between the two marks.
fn find(body: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let stop = from + body[from..].find(STOP)?;
        if let Some(start) = body[from..stop].rfind(START) {
            return Some((from + start, stop + STOP.len()));
        }
        from = stop + STOP.len();
    }
}

fn without_marks(text: &str) -> String {
    text.replace(START, "").replace(STOP, "")
}

/// Whether a title says nothing yet: it is empty, work in progress, or the
/// branch's name as the host makes a title of it.
pub fn is_bare_title(title: &str, branch: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let said = plain(title);
    let last = branch.rsplit('/').next().unwrap_or(branch);
    matches!(said.as_str(), "" | "wip" | "draft" | "update" | "changes" | "test")
        || said == plain(branch)
        || said == plain(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(text: &str) -> String {
        format!("{START}\n{text}\n{STOP}")
    }

    #[test]
    fn the_authors_words_stay() {
        for (body, expect) in [
            ("".to_owned(), block("new")),
            ("Mine.".to_owned(), format!("Mine.\n\n{}", block("new"))),
            (format!("A\n\n{}\n\nB", block("old")), format!("A\n\n{}\n\nB", block("new"))),
            // Halves of a block.
            (format!("A {START} B"), format!("A {START} B\n\n{}", block("new"))),
            (format!("A {STOP} B"), format!("A {STOP} B\n\n{}", block("new"))),
            (format!("A {START} B {}", block("old")), format!("A {START} B {}", block("new"))),
            (format!("A {STOP} B {} C", block("old")), format!("A {STOP} B {} C", block("new"))),
        ] {
            assert_eq!(with_block(&body, "new").as_deref(), Some(expect.as_str()), "{body}");
        }
        assert_eq!(with_block(&"x".repeat(MAX_DESCRIPTION), "new"), None);
        assert_eq!(without_block(&format!("A\n\n{}\n", block("old"))), "A");
    }

    #[test]
    fn titles_that_say_nothing_may_be_replaced() {
        for (title, branch, expect) in [
            ("", "x", true),
            ("WIP", "x", true),
            ("[wip]", "x", true),
            ("Fix login", "alice/fix-login", true),
            ("alice/fix login", "alice/fix-login", true),
            ("Fix the login", "alice/fix-login", false),
            ("WIP: fix the login", "x", false),
        ] {
            assert_eq!(is_bare_title(title, branch), expect, "{title}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn writing_twice_is_writing_once_and_loses_nothing(
            parts in prop::collection::vec(
                prop::sample::select(vec!["a", "\n", " ", "é", START, STOP, "<!--"]), 0..12),
            text in "[a-zé\n]{0,20}",
        ) {
            let body = parts.concat();
            let once = with_block(&body, &text).unwrap();
            prop_assert_eq!(with_block(&once, &text), Some(once.clone()));
            let outside = |body: &str| without_block(body).replace(char::is_whitespace, "");
            prop_assert_eq!(outside(&once), outside(&body));
        }
    }
}
