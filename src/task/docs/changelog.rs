//! The list of changes: whether what is coming names a definition, and a new entry in
//! its place. Keep a Changelog, or plain headings. Pure.

use std::ops::Range;

use crate::diff::Change;

/// Sections of Keep a Changelog: <https://keepachangelog.com/en/1.1.0/>.
pub const SECTIONS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/// The changelog among files: nearest to the root, then first by name.
pub fn find<'a>(paths: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let changelogs = paths.into_iter().filter(|path| super::mentions::is_changelog(path));
    changelogs.min_by_key(|path| (path.matches('/').count(), *path))
}

/// Whether what is not released yet, or what this change adds to the file, has a
/// line with this name.
pub fn has_entry(text: &str, path: &str, change: &Change, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let names = |line: &str| {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        line.match_indices(name).any(|(at, _)| {
            !line[..at].ends_with(part) && !line[at + name.len()..].starts_with(part)
        })
    };
    let coming = unreleased(&lines).is_some_and(|range| lines[range].iter().any(|l| names(l)));
    let added = || {
        change.file(path).is_some_and(|file| {
            file.lines().any(|line| {
                line.kind == crate::diff::LineKind::Added && names(&line.text.to_string())
            })
        })
    };
    coming || added()
}

/// The lines of what is not released, its heading left out.
fn unreleased(lines: &[&str]) -> Option<Range<usize>> {
    let is_heading = |line: &str| line.starts_with("## ");
    let at = lines
        .iter()
        .position(|line| is_heading(line) && line.to_ascii_lowercase().contains("unreleased"))?;
    let end = lines[at + 1..].iter().position(|line| is_heading(line));
    Some(at + 1..end.map_or(lines.len(), |end| at + 1 + end))
}

/// The text with an entry in a section of what is not released; `None` where the
/// file has no such part, or has the entry.
pub fn with_entry(text: &str, section: &str, entry: &str) -> Option<String> {
    let section = SECTIONS.iter().find(|known| known.eq_ignore_ascii_case(section.trim()))?;
    let entry = entry.split_whitespace().collect::<Vec<_>>().join(" ");
    let entry = entry.trim_start_matches(['-', '*', ' ']);
    let lines: Vec<&str> = text.lines().collect();
    let part = unreleased(&lines)?;
    if entry.is_empty() || lines[part.clone()].iter().any(|line| line.contains(entry)) {
        return None;
    }
    let mark = lines[part.clone()].iter().find_map(|line| line.get(..2).filter(|m| *m == "* "));
    let entry = format!("{}{entry}", mark.unwrap_or("- "));
    let mut out: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let heading = part.clone().find(|&at| lines[at].trim() == format!("### {section}"));
    match heading {
        Some(heading) => {
            let end = (heading + 1..part.end)
                .find(|&at| lines[at].starts_with("### "))
                .unwrap_or(part.end);
            let last = (heading..end).rev().find(|&at| !lines[at].trim().is_empty())?;
            let gap = last == heading;
            out.insert(last + 1, entry);
            if gap {
                out.insert(last + 1, String::new());
            }
        }
        None => {
            let last = (part.start..part.end).rev().find(|&at| !lines[at].trim().is_empty());
            let at = last.map_or(part.start, |last| last + 1);
            let new = [String::new(), format!("### {section}"), String::new(), entry];
            out.splice(at..at, new);
        }
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Some(out.join(end) + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_goes_into_its_section() {
        const LOG: &str =
            "# Changes\n\n## [Unreleased]\n\n### Added\n\n- One.\n\n## 1.0\n\n- `old`\n";
        for (section, expect) in [
            ("added", LOG.replace("- One.\n", "- One.\n- Two.\n")),
            ("Removed", LOG.replace("- One.\n", "- One.\n\n### Removed\n\n- Two.\n")),
        ] {
            let made = with_entry(LOG, section, "- Two.").unwrap();
            assert_eq!(made, expect);
            assert_eq!(with_entry(&made, section, "Two."), None, "once");
        }
        assert_eq!(with_entry("# Changes\n\n## 1.0\n", "Added", "x"), None);
        assert_eq!(with_entry(LOG, "Invented", "x"), None);
        let change = Change::default();
        assert!(has_entry("## Unreleased\n- `total`\n", "CHANGELOG.md", &change, "total"));
        assert!(!has_entry(LOG, "CHANGELOG.md", &change, "old"), "that was released");
    }
}
