//! What a change does to the definitions that others may use: by the definitions
//! of both versions of each file. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::code::definitions::{Definition, Kind, definitions};
use crate::code::language::Language;
use crate::code::parse::{Parsed, parse};

/// What happened to a public definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is gone.
    Removed,
    /// Its signature is another one.
    Changed,
    /// It is new.
    Added,
}

impl What {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Removed => "removed",
            What::Changed => "changed",
            What::Added => "added",
        }
    }
}

/// A public definition that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Symbol {
    /// With its container's name, as its language joins them.
    pub name: String,
    /// Its own name.
    #[serde(skip)]
    pub own: String,
    /// The file.
    pub path: String,
    /// Its line in the head's file; of a removed one, in the base's.
    pub line: u32,
    /// What happened.
    pub change: What,
    /// Its signature before; empty if added.
    pub before: String,
    /// Its signature after; empty if removed.
    pub after: String,
}

/// A file of the change: its path, and its text on both sides.
pub struct Sides<'a> {
    /// The path at the head, or at the base where there is none.
    pub path: &'a str,
    /// The text before.
    pub base: Option<&'a [u8]>,
    /// The text after.
    pub head: Option<&'a [u8]>,
}

/// A signature, and where it stands.
struct Public {
    own: String,
    line: u32,
    signatures: BTreeSet<String>,
}

/// What changed, file by file, and every name that the head's files define.
/// A definition that only moved to another file did not change.
pub fn changed(files: &[Sides<'_>]) -> (Vec<Symbol>, BTreeSet<String>) {
    let mut symbols = Vec::new();
    let mut names = BTreeSet::new();
    for file in files {
        let Some(language) = Language::of_path(file.path) else { continue };
        let read = |text: Option<&[u8]>, names: Option<&mut BTreeSet<String>>| match text {
            Some(text) => public(file.path, language, text, names),
            None => BTreeMap::new(),
        };
        let before = read(file.base, None);
        let after = read(file.head, Some(&mut names));
        if language.is_test_path(file.path) {
            continue;
        }
        let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in all {
            let (old, new) = (before.get(name), after.get(name));
            let joined = |public: Option<&Public>| {
                let list = public.map(|p| p.signatures.iter().cloned().collect::<Vec<_>>());
                list.unwrap_or_default().join("; ")
            };
            let change = match (old, new) {
                (Some(old), Some(new)) if old.signatures == new.signatures => continue,
                (Some(_), Some(_)) => What::Changed,
                (Some(_), None) => What::Removed,
                (None, _) => What::Added,
            };
            let Some(here) = new.or(old) else { continue };
            symbols.push(Symbol {
                name: name.clone(),
                own: here.own.clone(),
                path: file.path.to_owned(),
                line: here.line,
                change,
                before: joined(old),
                after: joined(new),
            });
        }
    }
    let moved: BTreeSet<(String, String)> = symbols
        .iter()
        .filter(|gone| gone.change == What::Removed)
        .filter(|gone| {
            symbols.iter().any(|new| {
                new.change == What::Added && new.name == gone.name && new.after == gone.before
            })
        })
        .map(|gone| (gone.name.clone(), gone.before.clone()))
        .collect();
    symbols.retain(|symbol| {
        let signature = if symbol.before.is_empty() { &symbol.after } else { &symbol.before };
        symbol.change == What::Changed || !moved.contains(&(symbol.name.clone(), signature.clone()))
    });
    symbols.sort_by(|a, b| a.change.cmp(&b.change).then_with(|| a.name.cmp(&b.name)));
    (symbols, names)
}

fn public(
    path: &str,
    language: Language,
    text: &[u8],
    names: Option<&mut BTreeSet<String>>,
) -> BTreeMap<String, Public> {
    let Some(parsed) = parse(language, text) else { return BTreeMap::new() };
    let all = definitions(&parsed);
    if let Some(names) = names {
        names.extend(all.iter().map(|definition| definition.name.clone()));
    }
    let hidden: BTreeSet<&str> = all
        .iter()
        .filter(|d| matches!(d.kind, Kind::Type | Kind::Interface))
        .filter(|d| !is_public(path, &parsed, d))
        .map(|d| d.name.as_str())
        .collect();
    let mut public: BTreeMap<String, Public> = BTreeMap::new();
    for definition in &all {
        let skipped = definition.is_test || matches!(definition.kind, Kind::Impl | Kind::Module);
        let in_hidden = definition.container_name().is_some_and(|name| hidden.contains(name));
        if skipped || in_hidden || !is_public(path, &parsed, definition) {
            continue;
        }
        let signature = signature(&parsed, definition);
        let entry = public.entry(definition.qualified(language)).or_insert_with(|| Public {
            own: definition.name.clone(),
            line: definition.signature.start,
            signatures: BTreeSet::new(),
        });
        entry.signatures.insert(signature);
    }
    public
}

/// The signature in one line.
fn signature(parsed: &Parsed<'_>, definition: &Definition) -> String {
    let text = parsed.text().get(definition.signature_bytes.clone()).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let joined = words.join(" ");
    joined.trim_end_matches(['{', ':', '=', ' ']).to_owned()
}

/// Whether others may use a definition, by its language's way to say so.
fn is_public(path: &str, parsed: &Parsed<'_>, definition: &Definition) -> bool {
    let text = String::from_utf8_lossy(
        parsed.text().get(definition.signature_bytes.clone()).unwrap_or_default(),
    );
    let first_line = || {
        let wanted = definition.signature.start.saturating_sub(1) as usize;
        let line = parsed.text().split(|byte| *byte == b'\n').nth(wanted);
        String::from_utf8_lossy(line.unwrap_or_default()).trim_start().to_owned()
    };
    let name = &definition.name;
    let is_member = definition.container.is_some();
    let has = |word: &str| text.split(|c: char| !c.is_alphanumeric()).any(|w| w == word);
    match parsed.language() {
        // What a trait or an enum holds is as public as it is.
        Language::Rust => first_line().starts_with("pub "),
        Language::Go => name.starts_with(char::is_uppercase),
        Language::Python => {
            let hidden = |name: &str| name.starts_with('_') && !name.ends_with("__");
            let in_function =
                definition.container.as_deref().is_some_and(|c| c.split('.').any(hidden));
            !hidden(name) && !in_function
        }
        Language::Java => has("public"),
        Language::Php => !has("private") && !has("protected"),
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            if is_member {
                !has("private") && !has("protected") && !name.starts_with(['#', '_'])
            } else {
                first_line().starts_with("export ")
            }
        }
        Language::Ruby => !name.starts_with('_'),
        Language::C => path.ends_with(".h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, base: &str, head: &str) -> Vec<String> {
        let side = |text: &'static str| text.as_bytes();
        let (base, head) = (base.to_owned().leak(), head.to_owned().leak());
        let sides = Sides { path, base: Some(side(base)), head: Some(side(head)) };
        let (symbols, _) = changed(&[sides]);
        symbols.iter().map(|s| format!("{} {}", s.change.as_str(), s.name)).collect()
    }

    #[test]
    fn only_what_others_may_use_counts() {
        for (path, base, head, expect) in [
            (
                "a.rs",
                "pub fn a() {}\nfn b() {}\n",
                "pub fn a(x: u8) {}\nfn b(x: u8) {}\n",
                vec!["changed a"],
            ),
            ("a.rs", "pub fn a() {}\n", "pub(crate) fn a() {}\n", vec!["removed a"]),
            ("a.rs", "pub fn a() { 1 }\n", "pub fn a() { 2 }\n", vec![]),
            ("a.rs", "pub fn a(\n  x: u8) {}\n", "pub fn a( x: u8) {}\n", vec![]),
            ("a.py", "def a(x): pass\ndef _b(): pass\n", "def a(x, y): pass\n", vec!["changed a"]),
            (
                "a.py",
                "class A:\n    def go(self): pass\n",
                "class A:\n    def went(self): pass\n",
                vec!["removed A.go", "added A.went"],
            ),
            (
                "a.go",
                "package a\n\nfunc A() {}\nfunc b() {}\n",
                "package a\n\nfunc A(x int) {}\n",
                vec!["changed A"],
            ),
            (
                "a.ts",
                "export function a() {}\nfunction b() {}\n",
                "export function a(x: number) {}\n",
                vec!["changed a"],
            ),
            ("a_test.go", "package a\n\nfunc A() {}\n", "package a\n", vec![]),
            ("a.txt", "pub fn a() {}\n", "", vec![]),
        ] {
            assert_eq!(check(path, base, head), expect, "{path} {head}");
        }
    }

    #[test]
    fn what_only_moved_did_not_change() {
        let files = [
            Sides { path: "a.rs", base: Some(b"pub fn a() {}\n"), head: Some(b"") },
            Sides { path: "b.rs", base: None, head: Some(b"pub fn a() {}\n") },
        ];
        assert!(changed(&files).0.is_empty());
    }
}
