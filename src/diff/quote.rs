//! The forms in which a line may be quoted: as it stands, in backticks or a
//! fence, with its sign, or with the gutter that `pack` prints.

use super::LineKind;

/// One line of a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QuotedLine<'q> {
    pub text: &'q str,
    /// What its sign says.
    pub kind: Option<LineKind>,
    /// What its gutter says.
    pub number: Option<u32>,
}

/// A quote's lines in one of its possible readings.
pub(super) type Form<'q> = Vec<QuotedLine<'q>>;

/// Every reading of a quote, the most literal first.
pub(super) fn forms(quote: &str) -> impl Iterator<Item = Form<'_>> {
    // Lazily: nearly every quote is found in its first form.
    // What is empty once a mark is taken off quotes nothing.
    let says = |form: &Form<'_>| form.iter().any(|line| !trim(line.text).is_empty());
    let bare = unfenced(quote).filter(|text| !trim(text).is_empty());
    [Some(quote), bare].into_iter().flatten().flat_map(move |text| {
        (0..3).filter_map(move |reading| match reading {
            0 => Some(lines(text)),
            1 => without_gutter(lines(text)).filter(says),
            _ => without_sign(lines(text)).filter(says),
        })
    })
}

/// A text without white space around it, and without a byte order mark.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// The lines of a quote, without the empty ones around them.
fn lines(quote: &str) -> Form<'_> {
    let plain = |text| QuotedLine { text, kind: None, number: None };
    let mut lines: Form<'_> = quote
        .split('\n')
        .map(|line| plain(line.strip_suffix('\r').unwrap_or(line)))
        .skip_while(|line| trim(line.text).is_empty())
        .collect();
    while lines.last().is_some_and(|line| trim(line.text).is_empty()) {
        lines.pop();
    }
    if lines.is_empty() {
        lines.push(plain(if quote.contains('\n') { "" } else { quote }));
    }
    lines
}

/// What stands inside a code fence or equally many backticks on both sides.
pub(super) fn unfenced(text: &str) -> Option<&str> {
    let text = text.trim();
    let ticks = text.bytes().take_while(|byte| *byte == b'`').count();
    let inner = text.get(ticks..text.len().checked_sub(ticks)?)?;
    if ticks == 0 || inner.is_empty() || !text.ends_with(&text[..ticks]) {
        return None;
    }
    if ticks < 3 {
        return Some(inner);
    }
    match inner.split_once('\n') {
        // Behind an opening fence stands the language.
        Some((language, code)) if !language.trim().contains(char::is_whitespace) => {
            let code = code.strip_suffix(['\n']).unwrap_or(code);
            Some(code.strip_suffix('\r').unwrap_or(code))
        }
        _ => Some(inner),
    }
}

/// The gutter of a line as `pack` prints it, `12 |+`: number, sign, text.
fn gutter(line: &str) -> Option<(u32, LineKind, &str)> {
    let line = line.trim_start();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let number = line[..digits].parse().ok()?;
    let rest = line[digits..].trim_start_matches(' ').strip_prefix('|')?;
    let (kind, text) = match rest.as_bytes().first() {
        Some(b'+') => (LineKind::Added, &rest[1..]),
        Some(b'-') => (LineKind::Removed, &rest[1..]),
        Some(b' ') => (LineKind::Context, &rest[1..]),
        None => (LineKind::Context, rest),
        Some(_) => return None,
    };
    Some((number, kind, text))
}

/// The lines without their gutters, if every line has one.
fn without_gutter(lines: Form<'_>) -> Option<Form<'_>> {
    lines
        .iter()
        .map(|line| {
            gutter(line.text).map(|(number, kind, text)| QuotedLine {
                text,
                kind: Some(kind),
                number: Some(number),
            })
        })
        .collect()
}

/// The lines without their signs, if every line has one and not all are spaces.
fn without_sign(lines: Form<'_>) -> Option<Form<'_>> {
    let lines: Form<'_> = lines
        .iter()
        .map(|line| {
            let (kind, text) = match line.text.as_bytes().first() {
                Some(b'+') => (LineKind::Added, &line.text[1..]),
                Some(b'-') => (LineKind::Removed, &line.text[1..]),
                Some(b' ') => (LineKind::Context, &line.text[1..]),
                None => (LineKind::Context, line.text),
                Some(_) => return None,
            };
            Some(QuotedLine { text, kind: Some(kind), number: None })
        })
        .collect::<Option<_>>()?;
    lines.iter().any(|line| line.kind != Some(LineKind::Context)).then_some(lines)
}

/// A text without the gutter on each of its lines; as it is if not all have one.
pub(super) fn strip_gutters(text: &str) -> Option<String> {
    let lines: Option<Vec<&str>> =
        text.split('\n').map(|line| gutter(line).map(|(_, _, text)| text)).collect();
    lines.map(|lines| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(quote: &str) -> Vec<Vec<(&str, Option<LineKind>)>> {
        forms(quote).map(|form| form.iter().map(|line| (line.text, line.kind)).collect()).collect()
    }

    #[test]
    fn a_quote_is_read_most_literally_first() {
        use LineKind::*;
        assert_eq!(texts("x = 1"), [vec![("x = 1", None)]]);
        assert_eq!(texts("+x"), [vec![("+x", None)], vec![("x", Some(Added))]]);
        assert_eq!(texts("\n-x\r\n"), [vec![("-x", None)], vec![("x", Some(Removed))]]);
        assert_eq!(
            texts("  12 |+x\n13 |"),
            [
                vec![("  12 |+x", None), ("13 |", None)],
                vec![("x", Some(Added)), ("", Some(Context))]
            ]
        );
        assert_eq!(texts("`x`"), [vec![("`x`", None)], vec![("x", None)]]);
        assert_eq!(
            texts("```rust\n+a\n b\n```"),
            [
                vec![("```rust", None), ("+a", None), (" b", None), ("```", None)],
                vec![("+a", None), (" b", None)],
                vec![("a", Some(Added)), ("b", Some(Context))]
            ]
        );
        assert_eq!(texts(""), [vec![("", None)]]);
        assert_eq!(texts(" \n \n"), [vec![("", None)]]);
    }

    #[test]
    fn fences_are_taken_off_only_in_pairs() {
        for (text, expect) in [
            ("`a`", Some("a")),
            ("``", None),
            ("`a", None),
            ("a", None),
            ("```\na\n```", Some("a")),
            ("```go\na\r\n\n```\n", Some("a\r\n")),
            ("```a b```", Some("a b")),
            ("``a`", None),
        ] {
            assert_eq!(unfenced(text), expect, "{text:?}");
        }
    }

    #[test]
    fn only_our_gutter_is_one() {
        assert_eq!(gutter("12 |+x"), Some((12, LineKind::Added, "x")));
        assert_eq!(gutter("  7| y"), Some((7, LineKind::Context, "y")));
        for line in ["12 :x", "|+x", "12 |x", "x", "99999999999 |+x", ""] {
            assert_eq!(gutter(line), None, "{line}");
        }
    }
}
