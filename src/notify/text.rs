//! Makes texts fit to be told: masked, short, and without what a chat acts on.

use std::sync::LazyLock;

use regex::Regex;

use super::Alert;
use crate::http::Url;
use crate::redact::Scrubber;

/// Most characters of a title.
const TITLE: usize = 300;
/// Most characters of a text.
const TEXT: usize = 6_000;
/// Most characters of a fact's value.
const FACT: usize = 500;
/// Most facts.
const FACTS: usize = 10;
/// Most characters of a key: PagerDuty takes 255.
const KEY: usize = 255;

/// What mentions everybody in some chat, and what begins Slack's own sequences.
static MENTIONS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)@(here|channel|everyone|all|team|group)\b|<([!@#])|</?at\b")
        .expect("the pattern is constant")
});

/// What a chat makes a link of.
static ADDRESSES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(https?|ftp|file|slack|msteams|mailto|javascript|data):(/{0,2})")
        .expect("the pattern is constant")
});

/// The alert with texts that can be sent.
pub(super) fn clean(alert: &Alert, scrubber: &Scrubber) -> Alert {
    let line = |text: &str, most: usize| cut(&defuse(&scrubber.sanitize_line(text)), most);
    let facts = alert.facts.iter().take(FACTS);
    Alert {
        key: key(&line(&alert.key, usize::MAX)),
        title: line(&alert.title, TITLE),
        text: cut(&defuse(&scrubber.sanitize_plain(&alert.text)), TEXT),
        facts: facts.map(|(name, value)| (line(name, 80), line(value, FACT))).collect(),
        link: alert.link.as_deref().and_then(|link| address(link, scrubber)),
        source: line(&alert.source, 120),
        ..alert.clone()
    }
}

/// A key as long as it may be: of a longer one the rest is a digest.
fn key(text: &str) -> String {
    if text.chars().count() <= KEY {
        return text.to_owned();
    }
    let start: String = text.chars().take(KEY - 18).collect();
    format!("{start}-{}", &super::digest(&[text])[..16])
}

/// An address that can be put behind a button: of the web, without a name or password,
/// and with no secret in it.
fn address(text: &str, scrubber: &Scrubber) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none();
    let text = url.to_string();
    // What ends Slack's own form of a link.
    let closed = !text.contains(['|', '>', '<', '`', '"']);
    (plain && closed && text.len() <= 2_000 && scrubber.scrub(&text) == text).then_some(text)
}

/// Takes the meaning from mentions and addresses; everything else stays as it is.
fn defuse(text: &str) -> String {
    let text = MENTIONS.replace_all(text, |found: &regex::Captures<'_>| {
        let whole = &found[0];
        let (first, rest) = whole.split_at(1);
        format!("{first} {rest}")
    });
    ADDRESSES.replace_all(&text, "$1[:]$2").into_owned()
}

/// At most so many characters, with a sign that more was there.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_mentioned_and_nothing_is_linked() {
        for (text, expect) in [
            ("<!channel> <@U123> <#C1|x> @here", "< !channel> < @U123> < #C1|x> @ here"),
            ("Vec<T> a@b.example x < y", "Vec<T> a@b.example x < y"),
            ("<at>Ann</at> @Everyone", "< at>Ann< /at> @ Everyone"),
            ("see https://evil.test/x?y", "see https[:]//evil.test/x?y"),
            ("mailto:a@b javascript:x", "mailto[:]a@b javascript[:]x"),
            ("metadata:1 at 10:00", "metadata:1 at 10:00"),
        ] {
            assert_eq!(defuse(text), expect);
        }
    }

    #[test]
    fn long_texts_are_cut_at_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("", 0), "");
        assert_eq!(key("a/b"), "a/b");
        let (long, other) = (key(&"ä".repeat(400)), key(&"ä".repeat(401)));
        assert!(long != other && long.chars().count() <= KEY);
    }

    #[test]
    fn only_plain_addresses_become_links() {
        let scrubber = Scrubber::default();
        for (text, kept) in [
            ("https://ci.example/run/1?a=b#c", true),
            ("http://127.0.0.1:8080/", true),
            ("javascript:alert(1)", false),
            ("https://user:pw@ci.example/", false),
            ("https://ci.example/|x>", false),
            ("https://ci.example/?t=ghp_0123456789abcdefghijABCDEFGHIJ", false),
            ("no address", false),
        ] {
            assert_eq!(address(text, &scrubber).is_some(), kept, "{text}");
        }
    }
}
