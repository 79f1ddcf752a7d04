//! From bytes to text: byte order marks, UTF-16, Latin-1, and places in a text.

use std::borrow::Cow;

/// The text of a report. Never fails: bytes that are in no known encoding
/// become U+FFFD, since a report of raw test output holds anything.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) if declares_latin1(bytes) => {
                bytes.iter().map(|&byte| char::from(byte)).collect()
            }
            Err(_) => String::from_utf8_lossy(bytes),
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'_, str> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn declares_latin1(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(200)];
    let Some(end) = memchr::memmem::find(head, b"?>") else { return false };
    let declaration = head[..end].to_ascii_lowercase();
    [&b"iso-8859-1"[..], b"windows-1252", b"latin1", b"latin-1"]
        .iter()
        .any(|name| memchr::memmem::find(&declaration, name).is_some())
}

/// Line and column, from 1, of a byte offset.
pub(super) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    (line, column)
}

/// The first `most` bytes of a text, cut between characters.
pub(super) fn head(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The first line of a text that says something, at most `most` characters.
pub(super) fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(most) {
        None => line.to_owned(),
        Some(_) => {
            let cut: String = line.chars().take(most.saturating_sub(1)).collect();
            format!("{}…", cut.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_becomes_text() {
        let utf16 = |order: fn(u16) -> [u8; 2]| {
            "\u{feff}<é>".encode_utf16().flat_map(order).collect::<Vec<u8>>()
        };
        for (bytes, text) in [
            (b"plain".to_vec(), "plain"),
            (b"\xEF\xBB\xBF<a>".to_vec(), "<a>"),
            (utf16(u16::to_le_bytes), "<é>"),
            (utf16(u16::to_be_bytes), "<é>"),
            (utf16(u16::to_le_bytes)[2..].to_vec(), "<é>"),
            (b"<?xml encoding='ISO-8859-1'?>\xE9".to_vec(), "<?xml encoding='ISO-8859-1'?>\u{e9}"),
            (b"a\xFFb".to_vec(), "a\u{fffd}b"),
        ] {
            assert_eq!(decode(&bytes), text);
        }
    }

    #[test]
    fn places_count_from_one_in_characters() {
        for (offset, place) in [(0, (1, 1)), (2, (1, 2)), (3, (2, 1)), (99, (2, 3))] {
            assert_eq!(line_column("é\nab", offset), place, "{offset}");
        }
    }

    #[test]
    fn first_lines_are_cut_to_length() {
        for (text, line) in [("\n  a b \nc", "a b"), ("abcdef", "abcd…"), ("", "")] {
            assert_eq!(first_line(text, 5), line);
        }
    }
}
