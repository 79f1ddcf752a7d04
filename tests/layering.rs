//! Holds the house: a room imports only from floors below its own, each file
//! says what it is for, and only `inputs` reads the environment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Rooms by floor, the lowest first. On a floor, a room may also import from
/// those to its left: they share words (a secret, a level of autonomy), and the
/// order keeps them free of circles.
const FLOORS: &[&[&str]] = &[
    &["failure", "finding", "report", "code", "diff", "pipeline", "log", "stats", "evidence"],
    &["scan", "decide", "runner"],
    &["redact", "inputs", "context", "policy", "audit", "http", "checkout", "sandbox"],
    &["forge", "ci", "deploy", "notify", "model"],
    &["publish"],
    &["task"],
    &["lib", "main"],
];

/// On these floors rooms are pure and know nothing of each other but what a
/// finding and a diff are.
const SHARED_BELOW: &[&str] = &["finding", "report", "diff"];

/// Further neighbours that may know each other: a hunk is shown to a model with
/// the definitions around it.
const NEIGHBOURS: &[(&str, &str)] = &[("diff", "code")];

/// A room's floor and its place there.
fn place(room: &str) -> Option<(usize, usize)> {
    FLOORS.iter().enumerate().find_map(|(floor, rooms)| {
        rooms.iter().position(|name| *name == room).map(|index| (floor, index))
    })
}

/// Whether a room may import from another.
fn may(room: &str, other: &str) -> bool {
    let (Some(from), Some(to)) = (place(room), place(other)) else { return false };
    room == other
        || to.0 < from.0
        || match from.0 {
            0 | 1 => {
                to.0 == from.0
                    && to.1 < from.1
                    && (SHARED_BELOW.contains(&other) || NEIGHBOURS.contains(&(room, other)))
            }
            2 => to.0 == 2 && to.1 < from.1,
            _ => false,
        }
}

/// A line's code, without comments and texts. Texts over several lines are not
/// known as such, which at worst accuses a line that somebody then looks at.
fn code(line: &str) -> String {
    let mut kept = String::new();
    let mut chars = line.chars().peekable();
    let mut inside = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if inside => drop(chars.next()),
            // A quote as a character is not the start of a text.
            '"' if !inside && kept.ends_with('\'') && chars.peek() == Some(&'\'') => {}
            '"' => inside = !inside,
            '/' if !inside && chars.peek() == Some(&'/') => break,
            c if !inside => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// The rooms that a file's text imports from: after `crate::`, in groups too,
/// and after as many `super::` as lead to the crate's root.
fn imports(text: &str, depth: usize) -> BTreeSet<String> {
    let code = text.lines().map(code).collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    // Inside a `mod tests` one more `super` leads up.
    let up: Vec<String> = (depth..=depth + 1).map(|depth| "super::".repeat(depth)).collect();
    let roots = std::iter::once("crate::").chain(up.iter().map(String::as_str));
    for root in roots {
        for (at, _) in code.match_indices(root) {
            // `super::super::x` also matches at its second `super`.
            if root != "crate::" && code[..at].ends_with("super::") {
                continue;
            }
            let rest = &code[at + root.len()..];
            if root != "crate::" && rest.starts_with("super::") {
                continue;
            }
            match rest.strip_prefix('{') {
                Some(group) => rooms.extend(heads(group)),
                None => rooms.extend(word(rest)),
            }
        }
    }
    // Only names of rooms: with one `super` too many or too few, other names turn up.
    rooms.retain(|name| place(name).is_some() || root_only(&code, name));
    rooms
}

/// Whether a name can only mean a room: it stands right behind `crate::`.
fn root_only(code: &str, name: &str) -> bool {
    code.contains(&format!("crate::{name}::"))
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    Some(text[..end].to_owned()).filter(|word| !word.is_empty())
}

/// The first words of a group's members, nested groups left out.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut fresh, mut found) = (0usize, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if depth == 0 && fresh && !c.is_whitespace() => {
                fresh = false;
                found.extend(word(&group[at..]));
            }
            _ => {}
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every file below `src`: its room, how deep its module lies, its path, its text.
fn files() -> Vec<(String, usize, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    assert!(found.len() > 10, "too few files in {}", src.display());
    found
        .into_iter()
        .map(|path| {
            let inner = path.strip_prefix(&src).unwrap().to_owned();
            let parts: Vec<String> = inner
                .with_extension("")
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            let is_root = matches!(parts[0].as_str(), "lib" | "main") && parts.len() == 1;
            let is_mod = parts.last().is_some_and(|name| name == "mod");
            let depth = if is_root { 0 } else { parts.len() - usize::from(is_mod) };
            let text = std::fs::read_to_string(&path).unwrap();
            (parts[0].clone(), depth, inner, text)
        })
        .collect()
}

#[test]
fn rooms_import_only_from_below() {
    let mut wrong = Vec::new();
    for (room, depth, path, text) in files() {
        if place(&room).is_none() {
            wrong.push(format!("{}: `{room}` has no floor", path.display()));
        } else if depth > 0 {
            for other in imports(&text, depth).iter().filter(|other| !may(&room, other)) {
                wrong.push(format!("{}: `{room}` may not import `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    for (_, _, path, text) in files() {
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 12, "{}: {first:?}", path.display());
    }
}

#[test]
fn only_the_inputs_read_the_environment() {
    for (room, _, path, text) in files() {
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests")
            || path.components().any(|part| part.as_os_str() == "tests");
        if matches!(room.as_str(), "inputs" | "main") || is_test {
            continue;
        }
        // Tests at a file's end may.
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let reads = ["std::env", "env::var", "env::args", "env::current_dir", "env::temp_dir"];
            let found = reads.iter().find(|read| code(line).contains(**read));
            assert!(found.is_none(), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

#[test]
fn the_checks_would_notice() {
    for (text, depth, expect) in [
        ("use crate::diff::Change;", 1, &["diff"][..]),
        ("use crate::{diff::{A, b}, forge, model::x};", 1, &["diff", "forge", "model"]),
        ("use super::forge::X;", 1, &["forge"]),
        ("use super::super::forge::X;", 2, &["forge"]),
        ("use super::super::forge::X;", 1, &["forge"]),
        ("let x = crate::task::run();", 1, &["task"]),
        ("use crate::nowhere::X;", 1, &["nowhere"]),
        ("// crate::task is above", 1, &[]),
        ("let x = \"crate::task::run\\\" crate::publish::x\";", 1, &[]),
        ("let x = '\"'; crate::task::run(); // \"", 1, &["task"]),
        ("use super::lines;", 1, &[]),
    ] {
        let found: Vec<String> = imports(text, depth).into_iter().collect();
        assert_eq!(found, expect, "{text}");
    }
    for (room, other, expect) in [
        ("scan", "diff", true),
        ("diff", "scan", false),
        ("diff", "finding", true),
        ("evidence", "diff", true),
        ("evidence", "code", false),
        ("diff", "code", true),
        ("code", "diff", false),
        ("inputs", "redact", true),
        ("redact", "inputs", false),
        ("forge", "http", true),
        ("forge", "model", false),
        ("model", "forge", false),
        ("publish", "forge", true),
        ("task", "publish", true),
        ("publish", "task", false),
        ("scan", "nowhere", false),
    ] {
        assert_eq!(may(room, other), expect, "{room} {other}");
    }
}
