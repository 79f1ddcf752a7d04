//! Documents that mention a definition, by line. Pure.

use aho_corasick::AhoCorasick;
use serde::Serialize;

use super::api::Symbol;

/// A line of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// The document.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// Its text, shortened.
    pub text: String,
}

/// Most mentions of one definition that are kept.
const MOST: usize = 20;

/// Whether a file is documentation: text by its ending, or an OpenAPI description.
pub fn is_document(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    match end {
        "md" | "markdown" | "mdx" | "rst" | "adoc" | "asciidoc" => true,
        "txt" | "" => is_changelog(path) || stem == "readme" || lower.starts_with("docs/"),
        "yaml" | "yml" | "json" => stem.starts_with("openapi") || stem.starts_with("swagger"),
        _ => is_changelog(path),
    }
}

/// Whether a file lists what changed, by its name.
pub fn is_changelog(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    matches!(stem, "changelog" | "changes" | "history" | "news" | "release-notes" | "releases")
        && matches!(
            name.rsplit_once('.').map_or("", |(_, end)| end),
            "" | "md" | "rst" | "adoc" | "txt"
        )
}

/// The mentions of each symbol, in the order of `symbols`. Names that are also plain
/// words count only where they are written as code.
pub fn mentions(symbols: &[Symbol], documents: &[(String, String)]) -> Vec<Vec<Mention>> {
    let mut found: Vec<Vec<Mention>> = vec![Vec::new(); symbols.len()];
    let names: Vec<&str> = symbols.iter().map(|symbol| symbol.own.as_str()).collect();
    let Ok(searcher) = AhoCorasick::new(&names) else { return found };
    for (path, text) in documents {
        // History stays as it was written.
        if is_changelog(path) {
            continue;
        }
        let source = !is_document(path);
        let mut fenced = false;
        for (at, line) in text.lines().enumerate() {
            let trimmed = line.trim_start();
            if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
                fenced = !fenced;
            }
            if source && !is_comment(trimmed) {
                continue;
            }
            for hit in searcher.find_overlapping_iter(line) {
                let which = hit.pattern().as_usize();
                let name = names[which];
                let (start, end) = (hit.start(), hit.end());
                if !is_word(line, start, end) {
                    continue;
                }
                if !is_distinctive(name) && !fenced && !is_code(line, start, end) {
                    continue;
                }
                let line_number = u32::try_from(at + 1).unwrap_or(u32::MAX);
                let list = &mut found[which];
                let again = list.last().is_some_and(|m| m.path == *path && m.line == line_number);
                if !again && list.len() < MOST {
                    list.push(Mention {
                        path: path.clone(),
                        line: line_number,
                        text: crate::redact::shorten(line.trim(), 200).into_owned(),
                    });
                }
            }
        }
    }
    found
}

/// Whether a line of source is a comment that documents.
fn is_comment(line: &str) -> bool {
    ["///", "//!", "/**", "* ", "#:"].iter().any(|start| line.starts_with(start))
}

fn is_word(line: &str, start: usize, end: usize) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    !line[..start].ends_with(part) && !line[end..].starts_with(part)
}

/// Whether no sentence would hold the name but for what it names.
fn is_distinctive(name: &str) -> bool {
    let inner = name.char_indices().skip(1).any(|(_, c)| c.is_uppercase() || c.is_ascii_digit());
    name.trim_matches('_').contains('_') || (inner && name.chars().any(char::is_lowercase))
}

/// Whether a name in a sentence is written as code.
fn is_code(line: &str, start: usize, end: usize) -> bool {
    let (before, after) = (&line[..start], &line[end..]);
    let in_ticks = before.matches('`').count() % 2 == 1;
    in_ticks || after.starts_with('(') || before.ends_with("::") || before.ends_with("->")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::docs::api::What;

    fn symbol(name: &str) -> Symbol {
        Symbol {
            name: name.into(),
            own: name.into(),
            path: "a.rs".into(),
            line: 1,
            change: What::Changed,
            before: String::new(),
            after: String::new(),
        }
    }

    #[test]
    fn a_plain_word_counts_only_as_code() {
        for (name, path, text, expect) in [
            ("total", "README.md", "The total is `total`.\nA total.\ntotal(x)", vec![1, 3]),
            ("total", "README.md", "```\ntotal x\n```\ntotal", vec![2]),
            ("to_total", "README.md", "Use to_total, not into_total.", vec![1]),
            ("to_total", "README.md", "into_total and to_totals", vec![]),
            ("ReadFile", "docs/a.rst", "ReadFile reads.", vec![1]),
            ("to_total", "CHANGELOG.md", "- to_total", vec![]),
            ("to_total", "src/a.rs", "let x = to_total();\n/// See to_total.", vec![2]),
        ] {
            let found = mentions(&[symbol(name)], &[(path.into(), text.into())]);
            let lines: Vec<u32> = found[0].iter().map(|m| m.line).collect();
            assert_eq!(lines, expect, "{name} in {text:?}");
        }
    }

    #[test]
    fn documents_are_known_by_their_names() {
        for (path, expect) in [
            ("README.md", true),
            ("docs/a/b.rst", true),
            ("CHANGELOG", true),
            ("docs/notes.txt", true),
            ("src/data.txt", false),
            ("api/openapi.yaml", true),
            (".github/workflows/ci.yml", false),
            ("src/history.rs", false),
            ("src/main.rs", false),
        ] {
            assert_eq!(is_document(path), expect, "{path}");
        }
    }
}
