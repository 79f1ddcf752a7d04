//! What changes from line to line without changing what is said: numbers, ids,
//! addresses, paths, times, versions, sizes. Each becomes `<*>`.

use std::borrow::Cow;

/// What stands for a part that changes.
pub const MASK: &str = "<*>";

/// A message's words, with what changes in them masked. A quoted text is one word, a
/// quantity and its unit are one, and several changing ones in a row are one.
pub fn words(message: &str) -> Vec<Cow<'_, str>> {
    let mut words: Vec<Cow<'_, str>> = Vec::with_capacity(24);
    let mut after_number = false;
    for word in split(message) {
        if after_number && is_unit(word) {
            continue;
        }
        let masked = mask(word);
        let number = is_masked(&masked);
        if number && after_number {
            continue;
        }
        after_number = number;
        words.push(masked);
    }
    words
}

/// Whether nothing of a masked word stays but brackets and punctuation.
fn is_masked(word: &str) -> bool {
    let punctuation = |c: char| !c.is_alphanumeric() && !matches!(c, '<' | '>' | '*' | '=');
    let core = word.trim_matches(punctuation);
    core == MASK || core == "<<*>"
}

fn is_unit(word: &str) -> bool {
    matches!(
        word.trim_matches(|c: char| !c.is_alphanumeric()),
        "B" | "kB"
            | "KB"
            | "MB"
            | "GB"
            | "TB"
            | "KiB"
            | "MiB"
            | "GiB"
            | "TiB"
            | "bytes"
            | "byte"
            | "ms"
            | "s"
            | "sec"
            | "secs"
            | "us"
            | "ns"
            | "min"
    )
}

/// Splits at white space, but not inside double quotes that close in the line.
pub fn split(message: &str) -> Split<'_> {
    Split { rest: message }
}

/// Words of a message, as they stand.
#[derive(Debug, Clone)]
pub struct Split<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let bytes = rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() && !bytes[end].is_ascii_whitespace() {
            if bytes[end] == b'"'
                && (end == 0 || b"=([{:,".contains(&bytes[end - 1]))
                && let Some(close) = memchr::memchr(b'"', &bytes[end + 1..])
                && close < 200
            {
                end += close + 1;
            }
            end += 1;
        }
        self.rest = &rest[end..];
        Some(&rest[..end])
    }
}

/// A word with its changing parts masked.
pub fn mask(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii_alphabetic()) && !is_hex_word(word) {
        return Cow::Borrowed(word);
    }
    let start = word.len() - word.trim_start_matches(is_opening).len();
    let core = word[start..].trim_end_matches(is_closing);
    let after = &word[start + core.len()..];
    if core.is_empty() {
        return Cow::Borrowed(word);
    }
    if is_whole(core) {
        return Cow::Owned(format!("{}{MASK}{after}", &word[..start]));
    }
    let masked = parts(word);
    if masked == word { Cow::Borrowed(word) } else { Cow::Owned(masked) }
}

fn is_opening(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '<' | '"' | '\'' | '`')
}

fn is_closing(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '>' | '"' | '\'' | '`' | ',' | ';' | ':' | '.' | '!' | '?')
}

/// Whether all of a word is one thing that changes.
fn is_whole(core: &str) -> bool {
    is_url(core) || is_email(core) || is_path(core) || is_uuid(core) || is_host_and_port(core)
}

fn is_url(core: &str) -> bool {
    core.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

fn is_email(core: &str) -> bool {
    core.split_once('@').is_some_and(|(name, host)| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+%".contains(&byte);
        !name.is_empty()
            && name.bytes().all(fits)
            && host.contains('.')
            && host.bytes().all(fits)
            && !host.starts_with('.')
    })
}

fn is_path(core: &str) -> bool {
    let bytes = core.as_bytes();
    let drive =
        matches!(bytes, [letter, b':', b'\\' | b'/', _, ..] if letter.is_ascii_alphabetic());
    let rooted = ["/", "./", "../", "~/", "\\\\"].iter().any(|root| core.starts_with(root));
    (drive || rooted) && core.len() > 1 && bytes.iter().any(u8::is_ascii_alphanumeric)
}

fn is_uuid(core: &str) -> bool {
    let mut lengths = core.split('-');
    core.len() == 36
        && [8, 4, 4, 4, 12].iter().all(|length| {
            lengths.next().is_some_and(|part| {
                part.len() == *length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        })
}

/// `db-1.internal:5432`, but not a place in code (`Main.java:12`).
fn is_host_and_port(core: &str) -> bool {
    core.rsplit_once(':').is_some_and(|(host, port)| {
        (2..=5).contains(&port.len())
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && host.contains('.')
            && !host.starts_with('.')
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            && !is_code_file(host)
    })
}

fn is_code_file(name: &str) -> bool {
    const ENDS: &[&str] = &[
        "java", "kt", "scala", "py", "rb", "go", "rs", "c", "cc", "cpp", "h", "hpp", "js", "ts",
        "jsx", "tsx", "mjs", "cs", "php", "swift", "ex", "exs", "erl", "clj", "groovy", "lua",
    ];
    name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}

/// Masks the runs of letters and digits that change, and what links two of them.
fn parts(word: &str) -> String {
    let mut masked = String::with_capacity(word.len());
    // Where the text after the last mask begins, to join masks over a link.
    let mut open: Option<usize> = None;
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        let end = rest.find(|c: char| c.is_alphanumeric() != is_run(c, rest)).unwrap_or(rest.len());
        let end = end.max(c.len_utf8());
        let run = &rest[..end];
        rest = &rest[end..];
        if !c.is_alphanumeric() {
            masked.push_str(run);
            continue;
        }
        let text = masked_run(run);
        if !text.contains(MASK) {
            masked.push_str(run);
            open = None;
            continue;
        }
        if let Some(at) = open
            && text.starts_with(MASK)
            && is_link(&masked[at..])
        {
            masked.truncate(at);
            masked.push_str(&text[MASK.len()..]);
        } else {
            // A sign belongs to its number.
            if text.starts_with(MASK)
                && masked.ends_with(['-', '+'])
                && masked[..masked.len() - 1].ends_with(['=', ':', '(', '[', ',', '_', '<'])
                || masked == "-"
                || masked == "+"
            {
                masked.pop();
            }
            masked.push_str(&text);
        }
        open = masked.ends_with(MASK).then_some(masked.len());
    }
    masked
}

fn is_run(_: char, rest: &str) -> bool {
    rest.chars().next().is_some_and(char::is_alphanumeric)
}

/// What may stand between two masked parts of one thing: `10.0.0.1:80`, `12:30:01,5`.
fn is_link(between: &str) -> bool {
    !between.is_empty()
        && between.len() <= 3
        && between.bytes().all(|byte| b".:-/,_#+".contains(&byte))
}

fn is_hex_word(word: &str) -> bool {
    word.len() >= 8
        && word.len().is_multiple_of(2)
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A run of letters and digits.
fn masked_run(run: &str) -> Cow<'_, str> {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return if is_hex_word(run) { Cow::Borrowed(MASK) } else { Cow::Borrowed(run) };
    }
    let bytes = run.as_bytes();
    let hex = bytes.iter().all(u8::is_ascii_hexdigit) && run.len() >= 4;
    let changes =
        bytes.windows(2).filter(|two| two[0].is_ascii_digit() != two[1].is_ascii_digit()).count();
    if digits == run.len() || hex || run.starts_with("0x") || run.starts_with("0X") || changes >= 3
    {
        return Cow::Borrowed(MASK);
    }
    // A quantity with its unit, or two quantities (`02T03`, `1024x768`).
    let begins = bytes[0].is_ascii_digit();
    if begins
        && (changes == 1 && run.len() - digits <= 5 || changes == 2 && run.len() - digits == 1)
    {
        return Cow::Borrowed(MASK);
    }
    let mut masked = String::with_capacity(run.len() + 2);
    let mut inside = false;
    for c in run.chars() {
        if c.is_ascii_digit() {
            if !inside {
                masked.push_str(MASK);
            }
            inside = true;
        } else {
            masked.push(c);
            inside = false;
        }
    }
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_masked() {
        for (word, expect) in [
            ("word", "word"),
            ("42", "<*>"),
            ("-1", "<*>"),
            ("12.5", "<*>"),
            ("10.0.0.1", "<*>"),
            ("10.0.0.1:8080", "<*>"),
            ("/10.0.0.1:8080", "<*>"),
            ("blk_-1608999687919862906", "blk_<*>"),
            ("[4242]:", "[<*>]:"),
            ("size=38,", "size=<*>,"),
            ("0x1f", "<*>"),
            ("deadbeef", "<*>"),
            ("550e8400-e29b-41d4-a716-446655440000", "<*>"),
            ("(550e8400-e29b-41d4-a716-446655440000)", "(<*>)"),
            ("2026-01-02T03:04:05.678Z", "<*>"),
            ("12:30:01,555", "<*>"),
            ("v1.8.0", "v<*>"),
            ("15ms", "<*>"),
            ("10MB", "<*>"),
            ("https://a.example/b?c=1", "<*>"),
            ("bob@example.org", "<*>"),
            ("/var/log/app.log", "<*>"),
            ("db-1.internal:5432", "<*>"),
            ("Main.java:12", "Main.java:<*>"),
            ("worker-7", "worker-<*>"),
            ("jk2_init()", "jk<*>_init()"),
            ("a1b2c3d4x5", "<*>"),
            ("=>", "=>"),
            ("naïve", "naïve"),
            ("", ""),
        ] {
            assert_eq!(mask(word), expect, "{word:?}");
        }
    }
}
