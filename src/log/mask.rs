//! What changes from line to line without changing what is said: numbers, ids,
//! addresses, paths, times, versions, sizes. Each becomes `<*>`.

use std::borrow::Cow;

use super::whole::{DIGIT, EQUALS, Kinds, QUOTE, is_whole};

/// What stands for a part that changes.
pub const MASK: &str = "<*>";

/// A message's words, with what changes in them masked, in memory that is used again.
#[derive(Debug, Default)]
pub struct Words {
    /// Each word, and a NUL.
    text: String,
    starts: Vec<u32>,
}

impl Words {
    /// Reads a message. A quoted text is one word, a quantity and its unit are one, and
    /// several changing ones in a row are one.
    pub fn fill(&mut self, message: &str) {
        self.text.clear();
        self.starts.clear();
        let mut after_number = false;
        for word in split(message) {
            if after_number && (is_unit(word) || is_zone(word) || is_empty_pair(word)) {
                continue;
            }
            let start = self.text.len();
            mask_into(word, &mut self.text);
            let masked = &self.text[start..];
            if !masked.contains(MASK) {
                after_number = false;
                self.push(start);
                continue;
            }
            let number = is_masked(masked);
            let mut start = start;
            if number {
                // A date as people write it: `Mon Jun 20 03:40:59 2005`.
                let mut dated = false;
                while let Some(last) = self.last()
                    && is_month_or_day(last)
                {
                    let from = self.starts.pop().unwrap_or_default() as usize;
                    self.text.replace_range(from..start, "");
                    start = from;
                    dated = true;
                }
                after_number &= !dated;
                after_number |= dated && self.last().is_some_and(is_masked);
            }
            let listed = self.last().is_some_and(|last| *last == self.text[start..]);
            if number && after_number || listed {
                self.text.truncate(start);
                continue;
            }
            after_number = number;
            self.push(start);
        }
    }

    fn push(&mut self, start: usize) {
        self.text.push('\0');
        self.starts.push(start as u32);
    }

    fn last(&self) -> Option<&str> {
        // The word under way stands behind the last one's NUL.
        let rest = self.text.get(*self.starts.last()? as usize..)?;
        rest.split('\0').next()
    }

    /// Leaves out what follows the first words.
    pub fn truncate(&mut self, words: usize) {
        if let Some(start) = self.starts.get(words) {
            self.text.truncate(*start as usize);
            self.starts.truncate(words);
        }
    }

    /// All words, a NUL behind each.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The words.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let words = self.starts.len();
        self.text.split('\0').take(words)
    }
}

fn is_month_or_day(word: &str) -> bool {
    const NAMES: &[&str] = &[
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon",
        "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
    ];
    word.len() <= 5 && NAMES.contains(&word.trim_matches(|c: char| !c.is_ascii_alphabetic()))
}

/// A time zone by its name, which stands after a time.
fn is_zone(word: &str) -> bool {
    matches!(
        word.trim_matches(|c: char| !c.is_ascii_alphabetic()),
        "UTC"
            | "GMT"
            | "Z"
            | "CET"
            | "CEST"
            | "EST"
            | "EDT"
            | "CST"
            | "CDT"
            | "MST"
            | "MDT"
            | "PST"
            | "PDT"
            | "BST"
            | "IST"
            | "JST"
            | "AM"
            | "PM"
    )
}

fn is_empty_pair(word: &str) -> bool {
    matches!(word, "()" | "[]" | "{}")
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
        let space = self.rest.bytes().take_while(u8::is_ascii_whitespace).count();
        let rest = &self.rest[space..];
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
pub fn mask(word: &str) -> String {
    let mut masked = String::new();
    mask_into(word, &mut masked);
    masked
}

fn mask_into(word: &str, out: &mut String) {
    let kinds = Kinds::of(word);
    if kinds.are_letters() && !is_hex_word(word) {
        return out.push_str(word);
    }
    if kinds.has(QUOTE) && word.contains(char::is_whitespace) {
        // A quoted text.
        for (at, word) in word.split_whitespace().enumerate() {
            if at > 0 {
                out.push(' ');
            }
            mask_into(word, out);
        }
        return;
    }
    // What stands before `=` names what follows.
    if kinds.has(EQUALS)
        && let Some((name, value)) = word.split_once('=')
        && !name.is_empty()
        && !value.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-.".contains(&byte))
    {
        out.push_str(name);
        out.push('=');
        return mask_into(value, out);
    }
    let start = word.len() - word.trim_start_matches(is_opening).len();
    let core = word[start..].trim_end_matches(is_closing);
    if core.is_empty() {
        return out.push_str(word);
    }
    if is_whole(core, kinds) {
        out.push_str(&word[..start]);
        out.push_str(MASK);
        out.push_str(&word[start + core.len()..]);
    } else if kinds.has(DIGIT) || core.len() >= 8 {
        parts(word, out);
    } else {
        out.push_str(word);
    }
}

fn is_opening(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '<' | '"' | '\'' | '`')
}

fn is_closing(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '>' | '"' | '\'' | '`' | ',' | ';' | ':' | '.' | '!' | '?')
}

/// Masks the runs of letters and digits that change, and what links two of them.
fn parts(word: &str, masked: &mut String) {
    let begin = masked.len();
    // Where the text after the last mask begins, to join masks over a link.
    let mut open: Option<usize> = None;
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        let is_run = c.is_alphanumeric();
        let ascii = rest
            .bytes()
            .position(|byte| byte.is_ascii_alphanumeric() != is_run || !byte.is_ascii())
            .unwrap_or(rest.len());
        let end = if rest.as_bytes().get(ascii).is_some_and(|byte| !byte.is_ascii()) {
            rest.find(|c: char| c.is_alphanumeric() != is_run).unwrap_or(rest.len())
        } else {
            ascii
        };
        let run = &rest[..end];
        rest = &rest[end..];
        if !is_run {
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
            let before = &masked[begin..];
            let signed = before == "-"
                || before == "+"
                || before
                    .strip_suffix(['-', '+'])
                    .is_some_and(|before| before.ends_with(['=', ':', '(', '[', ',', '_', '<']));
            if signed && text.starts_with(MASK) {
                masked.pop();
            }
            masked.push_str(&text);
        }
        open = masked.ends_with(MASK).then_some(masked.len());
    }
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
    if digits == run.len() {
        return Cow::Borrowed(MASK);
    }
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
    fn dates_quantities_and_lists_are_one_word() {
        for (message, expect) in [
            ("at Mon Jun 20 03:40:59 2005", "at <*>"),
            ("at Tue Aug 09 10:08:23 PDT 2005 done", "at <*> done"),
            ("free 5.2 KB of 10 KB", "free <*> of <*>"),
            ("sent 1190 bytes (1.16 KB)", "sent <*>"),
            ("speeds ( 1 2 3 )", "speeds ( <*> )"),
            ("nodes an14 an15 an16", "nodes an<*>"),
            ("tag=\"View Lock\" x", "tag=\"View Lock\" x"),
            ("on May be", "on May be"),
            ("say \"unclosed text", "say \"unclosed text"),
            ("  ", ""),
        ] {
            let mut words = Words::default();
            words.fill(message);
            assert_eq!(words.iter().collect::<Vec<_>>().join(" "), expect, "{message}");
        }
    }

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
            ("blk_-1608999687919862906", "<*>"),
            ("[4242]:", "[<*>]:"),
            ("size=38,", "size=<*>,"),
            ("0x1f", "<*>"),
            ("deadbeef", "<*>"),
            ("550e8400-e29b-41d4-a716-446655440000", "<*>"),
            ("(550e8400-e29b-41d4-a716-446655440000)", "(<*>)"),
            ("2026-01-02T03:04:05.678Z", "<*>"),
            ("12:30:01,555", "<*>"),
            ("v1.8.0", "<*>"),
            ("15ms", "<*>"),
            ("10MB", "<*>"),
            ("https://a.example/b?c=1", "<*>"),
            ("bob@example.org", "<*>"),
            ("/var/log/app.log", "<*>"),
            ("db-1.internal:5432", "<*>"),
            ("Main.java:12", "Main.java:<*>"),
            ("worker-7", "<*>"),
            ("v1.8.0-rc.1+5c1f", "<*>"),
            ("[checkout-1.8.0-beta]", "[<*>]"),
            ("checkout-7d9f8b6c5-bcdfg", "<*>"),
            ("V1StGXR8Z5jdHi6BmyT2", "<*>"),
            ("ThreadPoolTaskExecutor2", "ThreadPoolTaskExecutor<*>"),
            ("host8.topspot.net", "<*>"),
            ("5c:50:15:36:bc:03", "<*>"),
            ("fe80::1", "<*>"),
            ("rhost=ec2-52-80.compute.example.com", "rhost=<*>"),
            ("org.apache.log4j.Logger", "org.apache.log<*>j.Logger"),
            ("\"GET /a/1 HTTP/1.1\"", "\"GET <*> HTTP/<*>\""),
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
