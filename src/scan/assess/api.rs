//! Public declarations that a change alters or takes away, by the text of its
//! lines: no file's contents are needed, and none are parsed.

use std::collections::HashSet;

use bstr::ByteSlice as _;

use crate::diff::{FileDiff, LineKind};

/// How many public declarations of the old version are not in the new one as
/// they were: their line was removed and was not added again.
pub(super) fn changed(diff: &FileDiff) -> usize {
    let path = diff.path().display();
    let Some(is_public) = by_extension(&path) else { return 0 };
    let side = |kind: LineKind| {
        let lines = diff.lines().filter(move |line| line.kind == kind);
        lines.filter_map(|line| line.text.to_str().ok()).filter(|text| is_public(text))
    };
    let mut removed = side(LineKind::Removed).peekable();
    if removed.peek().is_none() {
        return 0;
    }
    let added: HashSet<&str> = side(LineKind::Added).map(str::trim).collect();
    removed.filter(|line| !added.contains(line.trim())).count()
}

type IsPublic = fn(&str) -> bool;

/// What a public declaration begins with, by the language.
fn by_extension(path: &str) -> Option<IsPublic> {
    let extension = path.rsplit_once('.')?.1;
    Some(match extension {
        "rs" => |line| {
            let rest = line.trim_start().strip_prefix("pub ");
            rest.is_some_and(|rest| {
                begins(
                    rest,
                    &[
                        "fn", "struct", "enum", "trait", "type", "const", "static", "async",
                        "unsafe", "mod", "use", "union",
                    ],
                )
            })
        },
        "go" => |line| {
            let name = match line.strip_prefix("func (") {
                Some(method) => method.split_once(") ").map(|(_, name)| name),
                None => ["func ", "type ", "var ", "const "]
                    .iter()
                    .find_map(|word| line.strip_prefix(word)),
            };
            name.and_then(|name| name.chars().next()).is_some_and(char::is_uppercase)
        },
        "py" => |line| {
            let name = ["def ", "async def ", "class "].iter().find_map(|w| line.strip_prefix(w));
            name.is_some_and(|name| !name.starts_with('_'))
        },
        "js" | "mjs" | "jsx" | "ts" | "tsx" | "mts" | "cts" => {
            |line| begins(line, &["export", "module.exports", "exports"])
        }
        "java" | "cs" | "php" | "kt" | "scala" | "swift" => {
            |line| begins(line.trim_start(), &["public", "open"])
        }
        _ => return None,
    })
}

/// Whether a line begins with one of the words.
fn begins(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        line.strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}
