//! File names in patch headers: git's quoting, prefixes, and the pair behind `diff --git`.

use bytes::Bytes;

use super::RepoPath;

/// The prefixes git puts before names by itself: the default, then those of
/// `diff.mnemonicPrefix`, each also the other way round for `diff -R`.
const KNOWN_PREFIXES: [(&[u8], &[u8]); 10] = [
    (b"a/", b"b/"),
    (b"i/", b"w/"),
    (b"c/", b"i/"),
    (b"c/", b"w/"),
    (b"o/", b"w/"),
    (b"1/", b"2/"),
    (b"b/", b"a/"),
    (b"w/", b"i/"),
    (b"i/", b"c/"),
    (b"w/", b"c/"),
];

/// Reads a C-style quoted string at the start of `text`; gives its bytes and
/// how many bytes of `text` it took. `None` if it is not one.
pub(super) fn unquote(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut rest = text.strip_prefix(b"\"")?.iter().copied().enumerate();
    let mut name = Vec::new();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'"' => return Some((name, at + 2)),
            b'\\' => {
                let (_, escape) = rest.next()?;
                name.push(match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    b'"' | b'\\' => escape,
                    b'0'..=b'3' => {
                        let mut value = escape - b'0';
                        for _ in 0..2 {
                            let (_, digit) = rest.next()?;
                            if !(b'0'..=b'7').contains(&digit) {
                                return None;
                            }
                            value = value * 8 + (digit - b'0');
                        }
                        value
                    }
                    _ => return None,
                });
            }
            _ => name.push(byte),
        }
    }
    None
}

/// Writes a name as git does with `core.quotePath`: quoted only if it has to be.
pub(super) fn write_quoted(prefix: &str, name: &[u8], out: &mut Vec<u8>) {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if name.iter().all(|&byte| plain(byte)) {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(name);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(prefix.as_bytes());
    for &byte in name {
        let escape = match byte {
            7 => b'a',
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            11 => b'v',
            12 => b'f',
            b'\r' => b'r',
            b'"' | b'\\' => byte,
            _ if plain(byte) => {
                out.push(byte);
                continue;
            }
            _ => {
                let digit = |shift: u8| b'0' + ((byte >> shift) & 7);
                out.extend_from_slice(&[b'\\', digit(6), digit(3), digit(0)]);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escape]);
    }
    out.push(b'"');
}

/// A name that has a header line to itself (`rename from …`), without prefix.
/// `line` is where it stands in `text`, so that a plain one shares its bytes.
pub(super) fn whole(text: &Bytes, start: usize, end: usize) -> Option<RepoPath> {
    let line = &text[start..end];
    let name = match line.first()? {
        b'"' => Bytes::from(unquote(line)?.0),
        _ => text.slice(start..end),
    };
    (!name.is_empty()).then_some(RepoPath(name))
}

/// A name behind `--- ` or `+++ `: the name as it stands, prefix and all, and
/// whether it says that there is no file on that side.
pub(super) struct Marked {
    pub name: Bytes,
    pub absent: bool,
}

/// Reads what stands behind `--- ` or `+++ `. An unquoted name ends at a tab,
/// behind which there may be a time stamp; the epoch says "no file".
pub(super) fn marked(text: &Bytes, start: usize, end: usize) -> Option<Marked> {
    let line = &text[start..end];
    let (name, rest) = if line.first() == Some(&b'"') {
        let (name, taken) = unquote(line)?;
        (Bytes::from(name), &line[taken..])
    } else {
        let cut = memchr::memchr(b'\t', line).unwrap_or(line.len());
        (text.slice(start..start + cut), &line[cut..])
    };
    if name.is_empty() {
        return None;
    }
    let stamp = rest.trim_ascii();
    let epoch = [&b"1970-01-01 "[..], b"1969-12-31 "].iter().any(|day| stamp.starts_with(day))
        && stamp.windows(6).any(|w| w[0] == b':' && w[3..] == *b":00");
    Some(Marked { absent: name[..] == *b"/dev/null" || epoch, name })
}

/// What the line `diff --git <old> <new>` says.
#[derive(Debug, Default)]
pub(super) struct Pair {
    /// The name, where both sides have the same one behind their prefixes.
    pub same: Option<RepoPath>,
    /// The prefixes in front of it, where known.
    pub prefixes: Option<(Bytes, Bytes)>,
}

/// Reads what stands behind `diff --git `. The two names are told apart by
/// being equal behind their prefixes, as git does: for a rename they are not,
/// and the lines `rename from` and `rename to` say them.
pub(super) fn pair(text: &Bytes, start: usize, end: usize) -> Pair {
    let line = &text[start..end];
    if line.contains(&b'"') {
        let halves = if line.first() == Some(&b'"') {
            unquote(line).and_then(|(old, taken)| {
                let rest = line[taken..].strip_prefix(b" ")?;
                Some((old, name_to_end(rest)?))
            })
        } else {
            memchr::memmem::find(line, b" \"")
                .and_then(|space| Some((line[..space].to_vec(), name_to_end(&line[space + 1..])?)))
        };
        return match halves {
            Some((old, new)) => same_behind_prefixes(&Bytes::from(old), &Bytes::from(new)),
            None => Pair::default(),
        };
    }
    // Equally long halves cover the default, mnemonic and missing prefixes.
    let middle = line.len() / 2;
    if line.len() % 2 == 1 && line[middle] == b' ' {
        let found = same_behind_prefixes(
            &text.slice(start..start + middle),
            &text.slice(start + middle + 1..end),
        );
        if found.same.is_some() {
            return found;
        }
    }
    let mut found = Pair::default();
    for space in memchr::memchr_iter(b' ', line) {
        let halves = (text.slice(start..start + space), text.slice(start + space + 1..end));
        let here = same_behind_prefixes(&halves.0, &halves.1);
        let len = |pair: &Pair| pair.same.as_ref().map_or(0, |path| path.0.len());
        if len(&here) > len(&found) {
            found = here;
        }
    }
    found
}

fn name_to_end(text: &[u8]) -> Option<Vec<u8>> {
    if text.first() == Some(&b'"') {
        let (name, taken) = unquote(text)?;
        return (taken == text.len()).then_some(name);
    }
    Some(text.to_vec())
}

/// The name that both sides share behind known prefixes, none, or, last,
/// behind the shortest prefixes that end in a slash.
pub(super) fn same_behind_prefixes(old: &Bytes, new: &Bytes) -> Pair {
    let cut = |old_prefix: usize, new_prefix: usize| Pair {
        same: Some(RepoPath(new.slice(new_prefix..))),
        prefixes: Some((old.slice(..old_prefix), new.slice(..new_prefix))),
    };
    for (old_prefix, new_prefix) in KNOWN_PREFIXES {
        if let (Some(a), Some(b)) = (old.strip_prefix(old_prefix), new.strip_prefix(new_prefix))
            && a == b
            && !a.is_empty()
        {
            return cut(old_prefix.len(), new_prefix.len());
        }
    }
    if old == new && !old.is_empty() {
        return cut(0, 0);
    }
    let shared = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    // The shared end has to start right behind a slash on both sides.
    let tail = &new[new.len() - shared..];
    let starts = |name: &Bytes, len: usize| {
        name.len() == len || name.get(name.len() - len - 1) == Some(&b'/')
    };
    let mut len = shared;
    loop {
        if len == 0 {
            return Pair::default();
        }
        if starts(old, len) && starts(new, len) {
            return cut(old.len() - len, new.len() - len);
        }
        let from = shared - len;
        match memchr::memchr(b'/', &tail[from..]) {
            Some(slash) if from + slash + 1 < shared => len = shared - (from + slash + 1),
            _ => return Pair::default(),
        }
    }
}

/// The name behind `--- ` or `+++ ` without the `usual` prefix, where it has it.
pub(super) fn without_prefix(name: &Bytes, usual: &[u8]) -> RepoPath {
    let len = if name.starts_with(usual) { usual.len() } else { 0 };
    RepoPath(if len < name.len() { name.slice(len..) } else { name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_round_trips() {
        for name in [
            &b"plain"[..],
            b"with space",
            b"tab\t\"quote\\",
            "na\u{ef}ve".as_bytes(),
            b"\xff\x00\x07\n\r\x0b\x0c\x08",
        ] {
            let mut out = Vec::new();
            write_quoted("a/", name, &mut out);
            let read = match out.first() {
                Some(b'"') => {
                    let (read, taken) = unquote(&out).expect("it is quoted");
                    assert_eq!(taken, out.len());
                    read
                }
                _ => out.clone(),
            };
            assert_eq!(read, [b"a/", name].concat());
        }
    }

    #[test]
    fn broken_quotes_are_refused() {
        for text in ["", "x", "\"", "\"abc", "\"\\", "\"\\9\"", "\"\\12\"", "\"\\400\""] {
            assert!(unquote(text.as_bytes()).is_none(), "{text:?}");
        }
    }

    #[test]
    fn the_pair_is_told_apart_by_equal_names() {
        fn check(line: &str, expect: Option<&str>) {
            let text = Bytes::copy_from_slice(line.as_bytes());
            let found = pair(&text, 0, text.len());
            assert_eq!(found.same.as_ref().and_then(RepoPath::to_str), expect, "{line:?}");
        }
        check("a/x b/x", Some("x"));
        check("a/x y/z b/x y/z", Some("x y/z"));
        check("a/a b/a b/a b/a", Some("a b/a"));
        check("x x", Some("x"));
        check("a/x a/x", Some("a/x"));
        check("i/x w/x", Some("x"));
        check("old/src/x new/src/x", Some("src/x"));
        check("left/x y right/x y", Some("x y"));
        check(r#""a/\303\244" "b/\303\244""#, Some("ä"));
        check(r#"a/x "b/x""#, Some("x"));
        check(r#""a/x" b/x"#, Some("x"));
        check("a/one b/two", None);
        check("", None);
        check(" ", None);
    }
}
