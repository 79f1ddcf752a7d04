//! GitHub's expressions, as far as names in them go.
//!
//! Source: <https://docs.github.com/actions/reference/workflows-and-actions/expressions>.

/// What an expression names at its start: `needs.build.outputs.x`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// The context: `needs`.
    pub context: &'a str,
    /// What follows it, where that is written out: `build`.
    pub member: Option<&'a str>,
    /// Where the context starts, in bytes of the expression's text.
    pub at: usize,
}

/// The expressions in a text: the inside of each `${{ … }}` with its offset, and the
/// offset of one that is not closed.
pub(super) fn inside(text: &str) -> (Vec<(usize, &str)>, Option<usize>) {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find("${{")) {
        let start = from + open + 3;
        let Some(length) = text.get(start..).and_then(close) else {
            return (found, Some(from + open));
        };
        if let Some(code) = text.get(start..start + length) {
            found.push((start, code));
        }
        from = start + length + 2;
    }
    (found, None)
}

/// Where `}}` stands outside of quotes.
fn close(text: &str) -> Option<usize> {
    let mut quoted = false;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'}' if !quoted && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
    }
    // GitHub itself ends at the first pair of braces.
    text.find("}}")
}

/// Every name at the start of an operand; functions, literals and what stands in
/// quotes are left out.
pub(super) fn names(code: &str) -> Vec<Name<'_>> {
    let bytes = code.as_bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let mut found = Vec::new();
    let mut at = 0;
    let mut last = b' ';
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\'' {
            at += 1;
            while bytes.get(at).is_some_and(|byte| *byte != b'\'') {
                at += 1;
            }
            at += 1;
            last = b'\'';
            continue;
        }
        if !(byte.is_ascii_alphabetic() || byte == b'_') {
            if word(byte) || byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                // A number; its letters are no names.
                while bytes.get(at).is_some_and(|byte| word(*byte) || *byte == b'.') {
                    at += 1;
                }
                last = b'0';
                continue;
            }
            if !byte.is_ascii_whitespace() {
                last = byte;
            }
            at += 1;
            continue;
        }
        let start = at;
        while bytes.get(at).is_some_and(|byte| word(*byte)) {
            at += 1;
        }
        let member_of = last == b'.';
        last = b'a';
        let Some(context) = code.get(start..at) else { continue };
        let rest = code.get(at..).unwrap_or_default().trim_start();
        if member_of || rest.starts_with('(') {
            continue;
        }
        found.push(Name { context, member: member(rest), at: start });
    }
    found
}

/// `.name` or `['name']`.
fn member(rest: &str) -> Option<&str> {
    if let Some(rest) = rest.strip_prefix('.') {
        let rest = rest.trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'))
            .unwrap_or(rest.len());
        return rest.get(..end).filter(|name| !name.is_empty());
    }
    let rest = rest.strip_prefix('[')?.trim_start().strip_prefix('\'')?;
    let end = rest.find('\'')?;
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_words() {
        for (code, expected) in [
            ("needs.a.outputs.x", &[("needs", Some("a"))][..]),
            ("needs['a-b'].result == 'needs.c'", &[("needs", Some("a-b"))]),
            ("needs[matrix.x].y && always()", &[("needs", None), ("matrix", Some("x"))]),
            ("format('it''s {0}', github.ref)", &[("github", Some("ref"))]),
            ("needs.*.result", &[("needs", None)]),
            ("0x1F == 1e3 || !env . A", &[("env", Some("A"))]),
            ("steps.a.needs.b", &[("steps", Some("a"))]),
        ] {
            let found = names(code);
            let found: Vec<_> = found.iter().map(|name| (name.context, name.member)).collect();
            assert_eq!(found, expected, "{code}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
        #[test]
        fn no_text_panics(text in "[a-z0-9.'${}\\[\\]() é-]{0,80}") {
            let (found, open) = inside(&text);
            proptest::prop_assert!(open.is_none_or(|at| text.is_char_boundary(at)));
            for (at, code) in found {
                proptest::prop_assert_eq!(text.get(at..at + code.len()), Some(code));
                for name in names(code) {
                    let there = code.get(name.at..).unwrap_or_default();
                    proptest::prop_assert!(there.starts_with(name.context));
                }
            }
        }
    }

    #[test]
    fn expressions_end_where_their_braces_do() {
        for (text, expected, open) in [
            ("a ${{ b }} ${{c}}", &[" b ", "c"][..], None),
            ("${{ format('}}') }}", &[" format('}}') "], None),
            ("a ${{ b }", &[], Some(2)),
            ("it's ${{ a }}", &[" a "], None),
        ] {
            let (found, unclosed) = inside(text);
            let found: Vec<_> = found.into_iter().map(|(_, code)| code).collect();
            assert_eq!((found.as_slice(), unclosed), (expected, open), "{text}");
        }
    }
}
