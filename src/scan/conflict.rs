//! Rule `conflict-markers`: what a merge left behind.

use crate::finding::{Severity, Side};
use crate::scan::{Hit, Rule, Scope};

pub(super) const RULE: Rule = Rule {
    id: "conflict-markers",
    title: "Merge conflict marker",
    severity: Severity::High,
    category: "correctness",
    help: "Finds `<<<<<<<`, `|||||||`, `=======` and `>>>>>>>` lines that a change adds. \
A lone `=======` is also a heading underline, so it counts only next to one of the others.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for file in &scope.files {
        let mut markers: Vec<(u32, u8)> = Vec::new();
        for (number, text) in &file.added {
            markers.extend(marker(text).map(|marker| (*number, marker)));
        }
        // One finding for a conflict: on its first line.
        let whole = markers.iter().any(|(_, marker)| *marker == b'<')
            && markers.iter().any(|(_, marker)| *marker == b'>');
        let first_of_each = markers.iter().filter(|(_, marker)| match marker {
            b'<' => true,
            b'>' => !whole,
            _ => false,
        });
        for (line, marker) in first_of_each {
            if !whole && file.docs {
                continue;
            }
            hits.push(
                Hit::on_line(
                    file.index,
                    Side::New,
                    *line,
                    Severity::High,
                    "Merge conflict marker left in the file".to_owned(),
                )
                .confidence(if whole { 1.0 } else { 0.8 })
                .variant((*marker as char).to_string())
                .body(
                    "This line is git's mark for an unresolved conflict. Keep the side that is \
meant (or both), and delete the marker lines.",
                ),
            );
        }
    }
}

/// The marker's character, if the line is one: seven of it at the start, then
/// the end or a space (`=` takes nothing behind it).
fn marker(line: &[u8]) -> Option<u8> {
    let (head, rest) = line.split_at_checked(7)?;
    let first = *head.first()?;
    if !matches!(first, b'<' | b'>' | b'=' | b'|') || head.iter().any(|byte| *byte != first) {
        return None;
    }
    let rest = rest.strip_suffix(b"\r").unwrap_or(rest);
    match (first, rest) {
        (b'=', []) => Some(first),
        (b'<' | b'>', [b' ', next, ..]) if *next != b' ' => Some(first),
        (b'|', [] | [b' ', ..]) => Some(first),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{added, found};

    #[track_caller]
    fn check(path: &str, text: &str, lines: &[u32]) {
        let found: Vec<u32> =
            found("conflict-markers", &added(path, text)).iter().map(|f| f.line).collect();
        assert_eq!(found, lines, "{text}");
    }

    #[test]
    fn conflicts_are_found_once_each() {
        check("a.rs", "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\n", &[2]);
        check("a.rs", "b\n=======\nc\n>>>>>>> topic\n", &[4]);
        check("a.md", "<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\n", &[1]);
    }

    #[test]
    fn underlines_and_other_runs_are_left_alone() {
        check("a.md", "Title\n=======\n", &[]);
        check("a.rst", "=======\nTitle\n=======\n", &[]);
        check("a.md", ">>>>>>> quoted mail\n", &[]);
        check("a.txt", "<<<<<<<<<<\n<<<<<<<x\n||||||| |\n", &[]);
    }
}
