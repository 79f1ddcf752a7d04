//! Plain text out of a terminal's: no colours, no cursor, one kind of line end.

/// The most bytes kept of what one test says.
pub(super) const MOST_SAID: usize = 4 * 1024;

/// The most bytes kept of what a run says.
pub(super) const MOST_TOLD: usize = 6 * 1024;

/// A text without escape sequences (ECMA-48 CSI and OSC, and single escapes)
/// and other control characters, with line feeds for every kind of line end.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => {
                    // Parameters and intermediates, up to the final byte.
                    while let Some(&next) = chars.peek() {
                        if next == '\n' {
                            break;
                        }
                        chars.next();
                        if ('\u{40}'..='\u{7e}').contains(&next) {
                            break;
                        }
                    }
                }
                Some(']') => {
                    while let Some(&next) = chars.peek() {
                        if next == '\n' {
                            break;
                        }
                        chars.next();
                        if next == '\u{7}' || next == '\u{1b}' {
                            if next == '\u{1b}' && chars.peek() == Some(&'\\') {
                                chars.next();
                            }
                            break;
                        }
                    }
                }
                Some('\n') => out.push('\n'),
                _ => {}
            },
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\t' => out.push(c),
            // `go test` marks its own lines with SYN since 1.20.
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// At most `most` bytes of a text: three quarters of it from the start, the
/// rest from the end, cut between characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = text.trim_matches('\n').trim_end();
    if text.len() <= most {
        return text.to_owned();
    }
    const GAP: &str = "\n…\n";
    let room = most.saturating_sub(GAP.len());
    let mut head = room / 4 * 3;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - room / 4;
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    format!("{}{GAP}{}", &text[..head], &text[tail..])
}

/// The last `most` bytes of a text, from a line's start.
pub(super) fn tail(text: &str, most: usize) -> &str {
    let text = text.trim_end();
    if text.len() <= most {
        return text;
    }
    let mut start = text.len() - most;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].split_once('\n').map_or(&text[start..], |(_, rest)| rest)
}

/// The number at a text's start.
pub(super) fn number(text: &str) -> Option<usize> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..end].parse().ok()
}

/// The number before a word: 3 for `failed` in `3 failed, 1 passed`.
pub(super) fn count(text: &str, word: &str) -> Option<usize> {
    let mut before = None;
    for part in text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        if part == word {
            return before;
        }
        before = part.parse().ok();
    }
    None
}

/// The number behind a label: 3 for `Failures:` in `Tests run: 5, Failures: 3`.
pub(super) fn labelled(text: &str, label: &str) -> Option<usize> {
    let at = text.find(label)?;
    number(text[at + label.len()..].trim_start_matches([' ', '=', ':']))
}

/// How deep a line is indented, in spaces.
pub(super) fn indent(line: &str) -> usize {
    line.bytes().take_while(|&byte| byte == b' ').count()
}

/// The lines of a text that tell why something did not build: from the first
/// that `is_error` says is one, at most 6 kB.
pub(super) fn from_first(text: &str, is_error: impl Fn(&str) -> bool) -> String {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_error(line.trim_end()) {
            return cut(&text[at..], MOST_TOLD);
        }
        at += line.len();
    }
    cut(tail(text, MOST_TOLD), MOST_TOLD)
}
