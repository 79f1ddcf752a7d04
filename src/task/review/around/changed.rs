//! What a pack changes: functions, types and constants, and the calls on its
//! added lines.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bstr::ByteSlice as _;
use bytes::Bytes;

use super::excerpt::{changed_lines, excerpt};
use super::index::parallel;
use super::{Sources, folder, stem};
use crate::code::calls::calls;
use crate::code::definitions::{Definition, Kind, definitions};
use crate::code::language::Language;
use crate::code::parse::{parse, parse_around};
use crate::diff::pack::{Pack, PackedFile};
use crate::diff::{Change, FileDiff, LineKind};

/// Symbols of one pack that are followed, the most telling first.
const MOST_SYMBOLS: usize = 80;
/// Calls of one pack that are followed.
const MOST_CALLS: usize = 400;
/// A base version of more lines is not shown again.
const MOST_BEFORE: u32 = 80;

/// How a definition changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum How {
    /// It is no longer there under its name.
    Removed,
    /// How it is called or what it gives.
    Signature,
    /// What a type holds, or what a constant is.
    Contents,
    /// What a function does.
    Body,
}

/// From where a definition can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    File,
    Folder,
    Everywhere,
}

/// A changed definition.
#[derive(Debug, Clone)]
pub(super) struct Symbol {
    /// What it is called by: of a constructor, the type's name.
    pub name: String,
    pub container: Option<String>,
    pub qualified: String,
    pub kind: Kind,
    pub how: How,
    pub path: String,
    pub language: Language,
    /// What other files may put before its name: a Go package, a module's file.
    pub package: String,
    pub reach: Reach,
    pub is_in_test: bool,
    /// In the head; of what is removed, none.
    pub lines: Option<Range<u32>>,
    pub before: Option<Before>,
}

/// A definition as it was.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub path: String,
    pub text: String,
    pub first_line: u32,
    pub last_line: u32,
}

/// A call on an added line.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub name: String,
    /// The last word of what it is called on; empty if that is no name.
    pub receiver: Option<String>,
    pub path: String,
    pub language: Language,
    /// The definition that it stands in, as text, and that one's container.
    pub within: Bytes,
    pub within_type: Option<String>,
    pub is_in_test: bool,
}

/// What a pack changes and calls.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub symbols: Vec<Symbol>,
    pub calls: Vec<Outgoing>,
}

pub(super) fn read(pack: &Pack, change: &Change, sources: &dyn Sources) -> Changed {
    let of_file = |packed: &PackedFile| {
        let file = change.files.get(packed.file)?;
        let language = Language::of_path(file.path().to_str()?)?;
        Some(read_file(file, packed, language, sources))
    };
    let mut all = Changed::default();
    for one in parallel(&pack.files, of_file).into_iter().flatten() {
        all.symbols.extend(one.symbols);
        all.calls.extend(one.calls);
    }
    all.symbols.sort_by(|a, b| {
        (a.is_in_test, a.how, &a.path, &a.qualified).cmp(&(
            b.is_in_test,
            b.how,
            &b.path,
            &b.qualified,
        ))
    });
    all.symbols.dedup_by(|a, b| (&a.path, &a.qualified, a.how) == (&b.path, &b.qualified, b.how));
    all.symbols.truncate(MOST_SYMBOLS);
    let mut seen = HashSet::new();
    all.calls.retain(|call| {
        seen.insert((call.name.clone(), call.receiver.clone(), folder(&call.path).to_owned()))
    });
    all.calls.truncate(MOST_CALLS);
    all
}

/// What names a definition on both sides: its qualified name, and which of
/// several with that name it is.
type Key = (String, usize);

/// Definitions by what names them.
fn keyed(all: &[Definition], language: Language) -> Vec<(Key, &Definition)> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    all.iter()
        .filter(|one| !matches!(one.kind, Kind::Impl | Kind::Module))
        .map(|one| {
            let name = one.qualified(language);
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            ((name, *count), one)
        })
        .collect()
}

fn read_file(
    file: &FileDiff,
    packed: &PackedFile,
    language: Language,
    sources: &dyn Sources,
) -> Changed {
    let mut found = Changed::default();
    let path = file.path().display();
    let new_lines = changed_lines(file, language, &packed.parts, false);
    let old_lines = changed_lines(file, language, &packed.parts, true);
    let has_removed = old_lines.iter().any(|(_, kind)| *kind == LineKind::Removed);
    let base = file.old_path.as_ref().filter(|_| has_removed).and_then(|_| sources.base(file));
    let numbers = |lines: &[(u32, LineKind)]| lines.iter().map(|line| line.0).collect::<Vec<_>>();
    let old = base.as_deref().and_then(|text| parse_around(language, text, numbers(&old_lines)));
    let old = old.as_ref().map(definitions).unwrap_or_default();
    let old = keyed(&old, language);
    let head = file.new_path.as_ref().and_then(|_| sources.head(file));
    let parsed = head.as_deref().and_then(|text| parse_around(language, text, numbers(&new_lines)));
    let new = parsed.as_ref().map(definitions).unwrap_or_default();
    let keyed_new = keyed(&new, language);
    let by_key: HashMap<&Key, &Definition> = old.iter().map(|(key, one)| (key, *one)).collect();
    let context = Context {
        path: &path,
        old_path: file.old_path.as_ref().map_or_else(|| path.clone(), |path| path.display()),
        language,
        head: head.as_deref().unwrap_or_default(),
        base: base.as_deref().unwrap_or_default(),
        old_lines: &old_lines,
    };

    let mut changed: HashSet<usize> = HashSet::new();
    for (line, _) in &new_lines {
        changed.extend(innermost(&keyed_new, *line));
    }
    let mut changed: Vec<usize> = changed.into_iter().collect();
    changed.sort_unstable();
    for at in changed {
        let (key, one) = &keyed_new[at];
        if one.is_test {
            continue;
        }
        let before = by_key.get(key).copied();
        if let Some(how) = context.how(one, before, &new_lines, has_removed && base.is_some()) {
            found.symbols.push(context.symbol(one, before, how));
        }
    }
    // Without the whole of the head, everything would look removed.
    if head.is_some() && parsed.is_some() || file.new_path.is_none() {
        let here: HashSet<&Key> = keyed_new.iter().map(|(key, _)| key).collect();
        let is_removed = |line: u32| old_lines.contains(&(line, LineKind::Removed));
        let gone = old.iter().filter(|(key, one)| {
            !here.contains(key) && key.1 == 1 && !one.is_test && is_removed(one.signature.start)
        });
        // Of a long file only a part was read: it may stand elsewhere.
        let mut rest = None;
        for (_, one) in gone {
            let rest: &HashSet<String> = rest.get_or_insert_with(|| {
                let text = head.as_deref().unwrap_or_default();
                let all = parse(language, text).as_ref().map(definitions).unwrap_or_default();
                all.iter().map(|one| one.qualified(language)).collect()
            });
            if !rest.contains(&one.qualified(language)) {
                found.symbols.push(context.symbol(one, Some(one), How::Removed));
            }
        }
    }

    if let (Some(parsed), Some(head)) = (&parsed, &head) {
        let added: HashSet<u32> = new_lines
            .iter()
            .filter(|(_, kind)| *kind == LineKind::Added)
            .map(|(line, _)| *line)
            .collect();
        let (first, last) = (added.iter().min(), added.iter().max());
        let range = first.zip(last).map_or(0..0, |(first, last)| *first..last + 1);
        if !range.is_empty() {
            let lines = crate::code::Lines::new(head);
            for call in calls(parsed, range) {
                if !added.contains(&call.line) {
                    continue;
                }
                let around = innermost(&keyed_new, call.line).map(|at| keyed_new[at].1);
                let bytes = around.and_then(|one| {
                    let start = lines.span(one.signature.start as usize - 1)?.start;
                    let end = lines.span(one.lines.end as usize - 2)?.end;
                    (start < end).then(|| head.slice(start..end))
                });
                found.calls.push(Outgoing {
                    name: call.name(head).to_str_lossy().into_owned(),
                    receiver: call.receiver(head).map(str::to_owned),
                    path: path.clone(),
                    language,
                    within: bytes.unwrap_or_default(),
                    within_type: around.and_then(Definition::container_name).map(str::to_owned),
                    is_in_test: language.is_test_path(&path)
                        || around.is_some_and(|one| one.is_test),
                });
            }
        }
    }
    found
}

/// The innermost definition that a line belongs to.
fn innermost(all: &[(Key, &Definition)], line: u32) -> Option<usize> {
    (0..all.len())
        .filter(|at| all[*at].1.lines.contains(&line))
        .min_by_key(|at| (all[*at].1.lines.len(), std::cmp::Reverse(*at)))
}

/// One file of a pack.
struct Context<'a> {
    path: &'a str,
    old_path: String,
    language: Language,
    head: &'a [u8],
    base: &'a [u8],
    old_lines: &'a [(u32, LineKind)],
}

impl Context<'_> {
    /// How a definition of the head changed; `None` if it is new, or if only
    /// what is said about it is.
    fn how(
        &self,
        one: &Definition,
        before: Option<&Definition>,
        new_lines: &[(u32, LineKind)],
        has_base: bool,
    ) -> Option<How> {
        let inside = |range: &Range<u32>, kind: Option<LineKind>| {
            new_lines
                .iter()
                .any(|(line, is)| range.contains(line) && kind.is_none_or(|kind| kind == *is))
        };
        let code = one.signature.start..one.lines.end;
        if !inside(&code, None) {
            return None;
        }
        let same = match before {
            Some(before) => {
                let old = self.base.get(before.signature_bytes.clone()).unwrap_or_default();
                let new = self.head.get(one.signature_bytes.clone()).unwrap_or_default();
                words(old) == words(new)
            }
            // Lines were taken away, but not from a definition of this name.
            None if has_base => return None,
            // All that changed was added: to what was there, unless its first line is new.
            None if inside(
                &(one.signature.start..one.signature.start + 1),
                Some(LineKind::Added),
            ) =>
            {
                return None;
            }
            None => !inside(&one.signature, None),
        };
        Some(match (one.kind, same) {
            (Kind::Function | Kind::Method, true) => How::Body,
            (Kind::Function | Kind::Method, false) => How::Signature,
            _ => How::Contents,
        })
    }

    fn symbol(&self, one: &Definition, before: Option<&Definition>, how: How) -> Symbol {
        let side = if how == How::Removed { self.base } else { self.head };
        let signature = side.get(one.signature_bytes.clone()).unwrap_or_default();
        let container = one.container_name().map(str::to_owned);
        let is_constructor = match (&container, one.name.as_str()) {
            (Some(_), "__init__" | "__new__" | "constructor" | "__construct" | "initialize") => {
                true
            }
            (Some(container), name) => container == name,
            (None, _) => false,
        };
        let name = match &container {
            Some(container) if is_constructor => container.clone(),
            _ => one.name.trim_start_matches('#').to_owned(),
        };
        Symbol {
            name,
            qualified: one.qualified(self.language),
            container: if is_constructor { None } else { container },
            kind: if is_constructor { Kind::Function } else { one.kind },
            how,
            path: self.path.to_owned(),
            language: self.language,
            package: package(self.language, self.path, side),
            reach: reach(self.language, one, signature),
            is_in_test: self.language.is_test_path(self.path),
            lines: (how != How::Removed).then(|| one.lines.clone()),
            before: before.filter(|_| how != How::Removed).and_then(|old| self.before(old)),
        }
    }

    /// The old text, where the diff shows it in bits: much of it is gone, in
    /// several places.
    fn before(&self, old: &Definition) -> Option<Before> {
        let code = old.signature.start..old.lines.end;
        let len = code.end - code.start;
        let removed: Vec<u32> = self
            .old_lines
            .iter()
            .filter(|(line, kind)| *kind == LineKind::Removed && code.contains(line))
            .map(|(line, _)| *line)
            .collect();
        let runs = removed.windows(2).filter(|pair| pair[1] > pair[0] + 1).count() + 1;
        if !(8..=MOST_BEFORE).contains(&len) || removed.len() * 5 < len as usize * 2 || runs < 3 {
            return None;
        }
        let (lines, text) = excerpt(self.base, vec![code])?;
        let (first_line, last_line) = (lines.start, lines.end - 1);
        Some(Before { path: self.old_path.clone(), text, first_line, last_line })
    }
}

/// A text without its white space, which a formatter moves.
fn words(text: &[u8]) -> Vec<u8> {
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b"{").unwrap_or(text);
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace() && *byte != b',').collect()
}

/// What other files put before the names of this one.
pub(super) fn package(language: Language, path: &str, text: &[u8]) -> String {
    if language == Language::Go {
        let clause = text.lines().find_map(|line| line.strip_prefix(b"package "));
        if let Some(name) = clause.and_then(|rest| rest.fields().next()) {
            return name.to_str_lossy().into_owned();
        }
    }
    match stem(path) {
        "mod" | "lib" | "main" | "__init__" | "index" => {
            folder(path).rsplit('/').next().unwrap_or_default().to_owned()
        }
        stem => stem.to_owned(),
    }
}

/// From where a definition can be used, by what its signature says.
fn reach(language: Language, one: &Definition, signature: &[u8]) -> Reach {
    let has = |word: &[u8]| signature.fields().any(|field| field == word);
    let is_method = one.kind == Kind::Method;
    match language {
        Language::Go if one.name.starts_with(|c: char| c.is_uppercase()) => Reach::Everywhere,
        Language::Go => Reach::Folder,
        Language::Rust if signature.contains_str("pub") || is_method => Reach::Everywhere,
        Language::Rust => Reach::Folder,
        Language::C if has(b"static") => Reach::File,
        Language::Java | Language::Php if has(b"private") => Reach::File,
        Language::TypeScript | Language::Tsx if has(b"private") => Reach::File,
        Language::JavaScript if one.name.starts_with('#') => Reach::File,
        _ => Reach::Everywhere,
    }
}
