//! Rule `invisible-characters`: text that reads otherwise than it runs.

use bstr::ByteSlice;

use crate::finding::{Severity, Side};
use crate::scan::scope::File;
use crate::scan::{Hit, Rule, Scope};

pub(super) const RULE: Rule = Rule {
    id: "invisible-characters",
    title: "Invisible or misleading characters",
    severity: Severity::High,
    category: "security",
    help: "Finds characters in added lines that a reader does not see: bidirectional controls \
(U+202A to U+202E, U+2066 to U+2069; [Trojan Source](https://trojansource.codes)), zero-width \
characters, Unicode tags and runs of variation selectors, which can carry hidden text; and words \
of Latin letters with a look-alike from another script among them. Joiners inside emoji and \
inside scripts that need them are left alone.",
    check,
};

/// What a character is to this rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Lookalike,
    ZeroWidth,
    Hidden,
    Bidi,
}

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for file in &scope.files {
        if file.extension() == "svg" || file.name().contains(".min.") {
            continue;
        }
        for (number, line) in &file.added {
            if line.is_ascii() {
                continue;
            }
            let number = *number;
            let text = line.to_str_lossy();
            let mut seen = inspect(&text, number == 1);
            if is_prose(file) {
                // Test data is made of such characters on purpose.
                seen.retain(|(_, kind)| {
                    *kind == Kind::Hidden || *kind != Kind::Lookalike && !file.test
                });
            }
            if let Some((_, worst)) = seen.iter().max_by_key(|(_, kind)| *kind) {
                let whole = line.to_str().is_ok();
                hits.push(hit(file, number, &text, &seen, *worst, whole));
            }
        }
    }
}

fn hit(
    file: &File<'_>,
    line: u32,
    text: &str,
    seen: &[(usize, Kind)],
    worst: Kind,
    whole: bool,
) -> Hit {
    let prose = is_prose(file);
    let (severity, confidence, title, why) = match worst {
        Kind::Bidi => (
            if prose || file.test { Severity::Low } else { Severity::High },
            if prose && text.chars().any(is_right_to_left) { 0.4 } else { 0.95 },
            "Bidirectional control character",
            "It changes the order in which the line is shown, so that the code a reviewer reads \
is not the code that runs.",
        ),
        Kind::Hidden => (
            if file.test { Severity::Low } else { Severity::High },
            0.9,
            "Hidden text in invisible characters",
            "These characters are never shown but are read by programs and language models: they \
can carry instructions or data past a reviewer.",
        ),
        Kind::ZeroWidth => (
            Severity::Low,
            0.9,
            "Zero-width character",
            "It is not shown, but makes this text differ from what it looks like: names stop \
matching, searches fail.",
        ),
        Kind::Lookalike => (
            Severity::Low,
            0.8,
            "Look-alike letter from another script",
            "The word looks Latin but is another name to the compiler and to search.",
        ),
    };
    let mut list: Vec<String> = Vec::new();
    for (at, _) in seen.iter().filter(|(_, kind)| *kind == worst) {
        let Some(char) = text[*at..].chars().next() else { continue };
        let column = text[..*at].chars().count() + 1;
        list.push(format!("U+{:04X} at column {column}", u32::from(char)));
        if list.len() == 5 {
            list.push("…".to_owned());
            break;
        }
    }
    let body = format!(
        "{why}\n\nFound: {}. Delete it, or write it as an escape if it is meant.",
        list.join(", ")
    );
    let clean = (whole && worst != Kind::Lookalike).then(|| {
        let mut clean = String::with_capacity(text.len());
        let drop: std::collections::HashSet<usize> =
            seen.iter().filter(|(_, kind)| *kind != Kind::Lookalike).map(|(at, _)| *at).collect();
        clean.extend(text.char_indices().filter(|(at, _)| !drop.contains(at)).map(|(_, c)| c));
        clean.trim_end_matches('\r').to_owned()
    });
    Hit::on_line(file.index, Side::New, line, severity, title.to_owned())
        .confidence(confidence)
        .body(body)
        .replacement(clean)
}

/// Text for people, where right-to-left marks and mixed scripts have their uses.
fn is_prose(file: &File<'_>) -> bool {
    file.docs
        || matches!(
            file.extension(),
            "po" | "pot"
                | "json"
                | "html"
                | "xml"
                | "strings"
                | "arb"
                | "xliff"
                | "properties"
                | "resx"
                | "csv"
                | "tsv"
                | "srt"
                | "vtt"
                | "tex"
                | "ftl"
                | "xlf"
                | "txt"
        )
}

/// The characters to report, by their byte offset.
fn inspect(text: &str, first_line: bool) -> Vec<(usize, Kind)> {
    let mut seen = Vec::new();
    let mut before: Option<char> = None;
    let mut selectors: Vec<usize> = Vec::new();
    let mut flag = false;
    let mut rest = text.char_indices().peekable();
    while let Some((at, char)) = rest.next() {
        let next = rest.peek().map(|(_, char)| *char);
        match char {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => seen.push((at, Kind::Bidi)),
            '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{180e}' => seen.push((at, Kind::ZeroWidth)),
            '\u{feff}' if at > 0 || !first_line => seen.push((at, Kind::ZeroWidth)),
            '\u{200c}' | '\u{200d}'
                if before.is_none_or(|c| c.is_ascii()) && next.is_none_or(|c| c.is_ascii()) =>
            {
                seen.push((at, Kind::ZeroWidth));
            }
            // A flag of a region is a black flag and tags.
            '\u{e0000}'..='\u{e007f}' if !flag => seen.push((at, Kind::Hidden)),
            _ => {}
        }
        match char {
            '\u{1f3f4}' => flag = true,
            '\u{e0020}'..='\u{e007f}' => {}
            _ => flag = false,
        }
        if matches!(char, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}') {
            selectors.push(at);
        } else {
            if selectors.len() > 2 {
                seen.extend(selectors.iter().map(|at| (*at, Kind::Hidden)));
            }
            selectors.clear();
        }
        before = Some(char);
    }
    if selectors.len() > 2 {
        seen.extend(selectors.iter().map(|at| (*at, Kind::Hidden)));
    }
    lookalikes(text, &mut seen);
    seen
}

/// Letters of Cyrillic or Greek that cannot be told from Latin ones.
const LOOKALIKES: &str = "аеорсухіјѕԁһԛԝАВЕКМНОРСТХІЅЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧο";

/// Adds letters that pass for Latin in words that are otherwise ASCII.
fn lookalikes(text: &str, seen: &mut Vec<(usize, Kind)>) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut start = 0;
    while let Some(from) = text[start..].find(is_word).map(|at| start + at) {
        let end = text[from..].find(|c| !is_word(c)).map_or(text.len(), |at| from + at);
        start = end;
        let word = &text[from..end];
        if word.is_ascii() || !word.contains(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        if word.chars().filter(|c| !c.is_ascii()).all(|c| LOOKALIKES.contains(c)) {
            let found = word.char_indices().filter(|(_, c)| !c.is_ascii());
            seen.extend(found.map(|(at, _)| (from + at, Kind::Lookalike)));
        }
    }
}

fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;
    use crate::scan::testing::{added, found};

    #[track_caller]
    fn check(path: &str, line: &str, expect: Option<(Severity, &str)>) {
        let found = found("invisible-characters", &added(path, line));
        let got = found.first().map(|f| (f.severity, f.title.as_str()));
        assert_eq!(got, expect, "{path}: {line:?}");
    }

    #[test]
    fn what_a_reader_does_not_see_is_found() {
        let bidi = "Bidirectional control character";
        check("a.rs", "let a = \"\u{202e}x\";", Some((Severity::High, bidi)));
        check("a.md", "text \u{2067}x", Some((Severity::Low, bidi)));
        check("a.rs", "let a\u{200b}b = 1;", Some((Severity::Low, "Zero-width character")));
        check("a.rs", "x\u{200d}y", Some((Severity::Low, "Zero-width character")));
        let hidden = "Hidden text in invisible characters";
        check("a.md", "hi\u{e0069}\u{e0067}", Some((Severity::High, hidden)));
        check("a.js", "x\u{e0100}\u{e0101}\u{e0102}", Some((Severity::High, hidden)));
        check(
            "a.rs",
            "fn p\u{430}ssword() {}",
            Some((Severity::Low, "Look-alike letter from another script")),
        );
    }

    #[test]
    fn ordinary_text_of_the_world_is_left_alone() {
        for line in [
            "// naïve café, größe, 日本語, العربية, עברית",
            "// привет HTTPшный мир",
            "let Δx = 1; let μs = 2;",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} family",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f} flag",
            "❤\u{fe0f} ok",
            "می\u{200c}خواهم",
        ] {
            check("a.rs", line, None);
        }
        check("tests/a.json", "\"a\u{202e}\u{200b}\"", None);
        check("a.rs", "\u{feff}// mark at the start", None);
    }

    #[test]
    fn the_fix_takes_the_characters_out() {
        let found = found("invisible-characters", &added("a.rs", "  a\u{202e}b\u{200b}c"));
        assert_eq!(found[0].suggestion.as_ref().unwrap().replacement, "  abc");
    }
}
