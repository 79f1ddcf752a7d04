//! A line as text: no terminal colours, no carriage returns, no endless length.

use std::borrow::Cow;

/// What of a line is looked at, in bytes. The rest is left out, at a character's edge.
pub const LONGEST: usize = 8 * 1024;

/// A line without its end, without ANSI sequences (ECMA-48: CSI, OSC and two-byte
/// escapes) and other control characters, cut at [`LONGEST`]. Of a line that a
/// progress bar wrote over itself, the last state stays.
pub fn clean(line: &str) -> Cow<'_, str> {
    let line = line.trim_end_matches(['\n', '\r']);
    let line = &line[..edge(line, LONGEST)];
    if !line.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f) {
        return Cow::Borrowed(line);
    }
    let line = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    Cow::Owned(without_escapes(line))
}

/// The largest place up to `wanted` where a character ends.
pub fn edge(text: &str, wanted: usize) -> usize {
    if wanted >= text.len() {
        return text.len();
    }
    (0..=wanted).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn without_escapes(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => match chars.next() {
                Some('[') => {
                    // Parameters, then one final byte.
                    for c in chars.by_ref() {
                        if ('\x40'..='\x7e').contains(&c) {
                            break;
                        }
                    }
                }
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    // A string up to BEL or ST.
                    while let Some(c) = chars.next() {
                        if c == '\x07' || c == '\x1b' && chars.next_if_eq(&'\\').is_some() {
                            break;
                        }
                    }
                }
                Some('(' | ')' | '#' | '%' | ' ') => drop(chars.next()),
                _ => {}
            },
            '\t' => kept.push('\t'),
            c if c.is_control() => {}
            c => kept.push(c),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_ends_and_overwritten_states_are_taken_away() {
        for (line, expect) in [
            ("plain\r\n", "plain"),
            ("\x1b[31mERROR\x1b[0m it broke", "ERROR it broke"),
            ("\x1b[38;5;196mred\x1b[K", "red"),
            ("\x1b]8;;https://a.b\x07link\x1b]8;;\x07", "link"),
            ("\x1b]0;title\x1b\\text", "text"),
            ("10%\r50%\r100% done", "100% done"),
            ("a\tb", "a\tb"),
            ("nul\0 bell\x07", "nul bell"),
            ("\x1b[", ""),
            ("\x1b", ""),
            ("äöü", "äöü"),
        ] {
            assert_eq!(clean(line), expect, "{line:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_at_a_characters_edge() {
        let line = "ä".repeat(LONGEST);
        assert_eq!(clean(&line).len(), LONGEST);
        let line = format!("a{line}");
        assert_eq!(clean(&line).len(), LONGEST - 1);
    }
}
