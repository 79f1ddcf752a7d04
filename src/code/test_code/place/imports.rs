//! Imports: told apart from other code, and put where a file has them.

use std::collections::HashMap;

use bstr::ByteSlice as _;
use tree_sitter::Node;

use super::text::{Insertion, line_end, line_start};
use super::{Spot, rust};
use crate::code::language::Language;
use crate::code::parse::parse;
use crate::code::test_code::bindings::bindings;
use crate::code::test_code::source::{Code, field, is_comment, is_import, parts};
use crate::code::test_code::{Placement, Proposed};

/// The class that is put around methods so that they can be parsed.
const FRAME: &str = "class Wrapped__ {";

/// Code as it is parsed by itself: what is put before it adds no line.
pub(super) fn wrapped(language: Language, code: &str) -> String {
    let mark = match language {
        Language::Php if !code.trim_start().starts_with("<?php") => "<?php ",
        Language::Java => "",
        _ => return code.to_owned(),
    };
    let plain = format!("{mark}{code}\n");
    let is_plain = parse(language, plain.as_bytes()).is_some_and(|parsed| parsed.errors() == 0);
    if is_plain { plain } else { format!("{mark}{FRAME} {code}\n}}") }
}

/// Whether code was found to be the members of a class.
pub(super) fn is_framed(wrapped: &str) -> bool {
    wrapped.strip_prefix("<?php ").unwrap_or(wrapped).starts_with(FRAME)
}

/// The outermost parts of code.
pub(super) fn top<'t>(code: &Code<'t>) -> Vec<Node<'t>> {
    let is_frame =
        |node: &Node<'t>| node.kind() == "class_declaration" && code.str(*node).starts_with(FRAME);
    let all = parts(code.root).into_iter().filter(|node| node.kind() != "php_tag");
    all.flat_map(|node| match field(node, "body").filter(|_| is_frame(&node)) {
        Some(body) => parts(body),
        None => vec![node],
    })
    .collect()
}

/// Whether a part of a file only imports.
fn imports(code: &Code<'_>, node: Node<'_>) -> bool {
    let kind = node.kind();
    match code.language {
        Language::Ruby => {
            kind == "call"
                && field(node, "receiver").is_none()
                && field(node, "method")
                    .is_some_and(|name| matches!(code.str(name), "require" | "require_relative"))
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            kind == "import_statement"
                || matches!(kind, "lexical_declaration" | "variable_declaration")
                    && parts(node).iter().all(|one| {
                        let value = field(*one, "value").map(|value| code.str(value));
                        value.is_some_and(|value| value.starts_with("require("))
                    })
        }
        _ => is_import(kind) && !matches!(kind, "package_declaration" | "package_clause"),
    }
}

/// Gives a new file its package line, where the language wants one.
pub(super) fn frame(
    block: &mut String,
    proposed: &Proposed<'_>,
    language: Language,
) -> Result<(), String> {
    let hint = proposed.imports.iter().map(|line| line.trim()).find(|line| is_package(line));
    let has = |word: &str| block.lines().any(|line| line.trim_start().starts_with(word));
    match language {
        Language::Go if !has("package ") => match hint {
            Some(hint) => *block = format!("{hint}\n\n{block}"),
            None => {
                return Err(
                    "A new Go file needs its `package` line as the first of the code.".to_owned()
                );
            }
        },
        Language::Java if !has("package ") => {
            if let Some(hint) = hint {
                *block = format!("{};\n\n{block}", hint.trim_end_matches(';'));
            } else if let Some(package) = java_package(proposed.path) {
                return Err(format!(
                    "A new Java file needs its package: begin the code with `package {package};`."
                ));
            }
        }
        Language::Php if !has("<?php") => *block = format!("<?php\n\n{block}"),
        _ => {}
    }
    Ok(())
}

fn is_package(line: &str) -> bool {
    line.starts_with("package ")
}

/// The package of a Java file below `src/test/java`.
fn java_package(path: &str) -> Option<String> {
    let (_, inner) = path.split_once("/java/")?;
    let (folders, _) = inner.rsplit_once('/')?;
    Some(folders.replace('/', "."))
}

/// Splits code that goes into a file into its imports and the rest.
pub(super) fn hoisted(old: &Code<'_>, block: &str) -> Result<(Vec<String>, String), String> {
    let block = block.trim_start().strip_prefix("<?php").map_or(block, str::trim_start);
    let source = wrapped(old.language, block);
    let offset = source.find(block).unwrap_or(0);
    let Some(parsed) = parse(old.language, source.as_bytes()) else {
        return Err("The code is too long; propose one short test.".to_owned());
    };
    let code = Code::new(&parsed);
    let mut moved = Vec::new();
    let mut rest = String::new();
    let mut done = offset;
    for node in top(&code) {
        let is_frame = matches!(
            node.kind(),
            "package_clause" | "package_declaration" | "namespace_definition"
        );
        if is_frame && old.language != Language::Php {
            let stated = code.str(node).trim_end_matches(';').trim();
            let theirs = top(old).into_iter().find(|one| one.kind() == node.kind());
            let theirs =
                theirs.map(|one| old.str(one).trim_end_matches(';').trim()).unwrap_or_default();
            if stated != theirs {
                return Err(format!(
                    "The file says `{theirs}`, the code `{stated}`; leave the line out."
                ));
            }
        } else if imports(&code, node) {
            let has_attribute = code.root.child(0).is_some_and(|_| {
                node.prev_sibling().is_some_and(|one| one.kind() == "attribute_item")
            });
            if has_attribute {
                continue;
            }
            moved.push(code.str(node).to_owned());
        } else {
            continue;
        }
        rest.push_str(code.at(done..node.start_byte()));
        done = line_end(source.as_bytes(), node.end_byte()).min(offset + block.len());
        // What stands behind it on its line stays.
        if !code.at(node.end_byte()..done).trim_matches([';', ' ', '\n', '\t']).is_empty() {
            done = node.end_byte();
        }
    }
    rest.push_str(code.at(done..offset + block.len()));
    let start = rest.len() - rest.trim_start_matches('\n').len();
    Ok((moved, rest[start..].trim_end().to_owned()))
}

/// Every wanted import as a statement of its own, each once.
pub(super) fn wanted(
    language: Language,
    moved: Vec<String>,
    proposed: &Proposed<'_>,
) -> Result<Vec<String>, String> {
    let mut all: Vec<String> = Vec::new();
    let given = proposed.imports.iter().filter(|line| !is_package(line.trim())).cloned();
    for text in moved.into_iter().chain(given) {
        let text = text.replace("\r\n", "\n");
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let source = statement(language, text);
        let parsed = parse(language, source.as_bytes());
        let refused = || {
            format!("`{}` is no import; `imports` holds one import statement each.", shown(text))
        };
        let Some(parsed) = parsed.filter(|parsed| parsed.errors() == 0) else {
            return Err(refused());
        };
        let code = Code::new(&parsed);
        let nodes = top(&code);
        if nodes.is_empty()
            || !nodes.iter().all(|node| imports(&code, *node) || is_own(&code, *node))
        {
            return Err(refused());
        }
        for node in nodes {
            let found = match language {
                Language::Go => go_specs(&code, node),
                _ => vec![code.str(node).to_owned()],
            };
            for mut one in found {
                if matches!(language, Language::Rust | Language::Java | Language::Php)
                    && !one.ends_with(';')
                {
                    one.push(';');
                }
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
    }
    Ok(all)
}

/// An empty statement left by a second `;`.
fn is_own(code: &Code<'_>, node: Node<'_>) -> bool {
    matches!(node.kind(), "empty_statement") || code.str(node) == ";"
}

fn shown(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(80).collect()
}

/// An import line, perhaps given without its frame, as a statement.
fn statement(language: Language, text: &str) -> String {
    let ends = |text: &str| if text.ends_with(';') { text.to_owned() } else { format!("{text};") };
    match language {
        Language::Rust if text.starts_with("use ") || text.starts_with("extern ") => ends(text),
        Language::Rust if !text.contains(' ') && text.contains("::") => {
            ends(&format!("use {text}"))
        }
        Language::Go if text.starts_with("import") => text.to_owned(),
        Language::Go if text.ends_with(['"', '`']) => format!("import {text}"),
        Language::Java if text.starts_with("import ") => ends(text),
        Language::Java if !text.contains(' ') && text.contains('.') => {
            ends(&format!("import {text}"))
        }
        Language::Php if text.starts_with("use ") => format!("<?php {}", ends(text)),
        Language::Php if text.contains('\\') && !text.contains(' ') => {
            format!("<?php {}", ends(&format!("use {text}")))
        }
        Language::Php => format!("<?php {text}"),
        _ => text.to_owned(),
    }
}

fn go_specs(code: &Code<'_>, node: Node<'_>) -> Vec<String> {
    let mut found = Vec::new();
    crate::code::test_code::source::walk(node, &mut |part| {
        if part.kind() == "import_spec" {
            found.push(code.str(part).to_owned());
        }
        part.kind() != "import_spec"
    });
    found
}

/// The bindings of one import.
fn bound(language: Language, import: &str) -> HashMap<String, String> {
    let source = match language {
        Language::Go => format!("import {import}"),
        Language::Php => format!("<?php {import}"),
        _ => import.to_owned(),
    };
    parse(language, source.as_bytes())
        .map(|parsed| bindings(language, source.as_bytes(), parsed.tree.root_node()))
        .unwrap_or_default()
}

fn squeezed(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    text.trim_end_matches(';').replace('\'', "\"")
}

/// Where the imports that are not there yet go.
pub(super) fn insertions(
    old: &Code<'_>,
    wanted: &[String],
    spot: &mut Spot,
    proposed: &Proposed<'_>,
) -> Result<Vec<Insertion>, String> {
    let module = match (old.language, proposed.placement) {
        (Language::Rust, Placement::NewFile) => None,
        (Language::Rust, _) => rust::module_around(old, spot.at),
        _ => None,
    };
    let scope = module.unwrap_or(old.root);
    let here = parts(scope).into_iter().filter(|node| imports(old, *node)).collect::<Vec<_>>();
    let mut theirs = bindings(old.language, old.text, scope);
    let is_glob = here.iter().any(|node| squeezed(old.str(*node)) == "usesuper::*");
    if module.is_some() && is_glob {
        for (name, path) in bindings(old.language, old.text, old.root) {
            theirs.entry(name).or_insert(path);
        }
    }
    let texts: Vec<String> = match old.language {
        Language::Go => {
            here.iter().flat_map(|node| go_specs(old, *node)).map(|one| squeezed(&one)).collect()
        }
        _ => here.iter().map(|node| squeezed(old.str(*node))).collect(),
    };
    let mut missing = Vec::new();
    for import in wanted {
        if texts.contains(&squeezed(import)) || is_new_glob(spot, import) {
            continue;
        }
        let binds = bound(old.language, import);
        let clash = binds.iter().find(|(name, path)| {
            theirs
                .get(*name)
                .is_some_and(|theirs| theirs != *path && !(is_glob && module.is_some()))
        });
        if let Some((name, _)) = clash {
            return Err(format!(
                "`{name}` is imported from elsewhere in this file; import it under another name."
            ));
        }
        if !binds.is_empty() && binds.iter().all(|(name, path)| theirs.get(name) == Some(path)) {
            // `import a.b` is more than `import a`.
            let is_whole = old.language != Language::Python || !import.starts_with("import ");
            if is_whole || binds.keys().any(|name| import.ends_with(name.as_str())) {
                continue;
            }
        }
        missing.push(import.clone());
    }
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    if !spot.before.is_empty() && module.is_none() && old.language == Language::Rust {
        // A module that is being made takes them in.
        let unit = spot.indent.clone();
        let lines: String = missing.iter().map(|one| format!("{unit}{one}\n")).collect();
        let behind = spot.before.trim_end_matches('\n').len() + 1;
        spot.before.insert_str(behind, &lines);
        return Ok(Vec::new());
    }
    Ok(missing
        .iter()
        .map(|import| one(old, scope, &here, import, module.is_some(), spot))
        .collect())
}

/// `use super::*` of a module that is being made.
fn is_new_glob(spot: &Spot, import: &str) -> bool {
    squeezed(import) == "usesuper::*" && spot.before.contains("use super::*;")
}

/// Where one import goes: among those that begin alike, in their order.
fn one(
    old: &Code<'_>,
    scope: Node<'_>,
    here: &[Node<'_>],
    import: &str,
    is_inner: bool,
    spot: &Spot,
) -> Insertion {
    let indent = if is_inner { spot.indent.as_str() } else { "" };
    let is_future = import.starts_with("from __future__");
    if old.language == Language::Go
        && let Some(at) = go_block(old, here, import)
    {
        return Insertion { at, text: format!("\t{import}\n") };
    }
    let text = match old.language {
        Language::Go => format!("import {import}"),
        _ => import.to_owned(),
    };
    let fits = |node: &&Node<'_>| {
        // Several on a line, or `from __future__`, are no place to sort in.
        let before = old.at(line_start(old.text, node.start_byte())..node.start_byte());
        let alone = before.trim_matches('\u{feff}').trim().is_empty();
        alone && (is_future || node.kind() != "future_import_statement")
    };
    let others: Vec<Node<'_>> = here.iter().filter(fits).copied().collect();
    if others.is_empty() || is_future {
        let at = head_end(old, scope, here, is_future);
        return Insertion { at, text: framed(old, at, indent, &text, is_future) };
    }
    // Groups stand without an empty line between.
    let mut groups: Vec<Vec<Node<'_>>> = Vec::new();
    for node in others {
        match groups.last_mut() {
            Some(group)
                if group.last().is_some_and(|last| {
                    node.start_position().row <= last.end_position().row + 1
                }) =>
            {
                group.push(node);
            }
            _ => groups.push(vec![node]),
        }
    }
    let shared = |node: &Node<'_>| {
        old.str(*node).bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count()
    };
    let best = groups.iter().rev().max_by_key(|group| {
        // The first of equals is taken from behind.
        group.iter().map(shared).max().unwrap_or(0)
    });
    let group = best.map(Vec::as_slice).unwrap_or_default();
    let is_sorted = group.windows(2).all(|pair| old.str(pair[0]) <= old.str(pair[1]));
    let next = group.iter().find(|node| is_sorted && old.str(**node) > text.as_str());
    let at = match (next, group.last()) {
        (Some(next), _) => line_start(old.text, next.start_byte()).max(bom(old.text)),
        (None, Some(last)) => line_end(old.text, last.end_byte().saturating_sub(1)),
        (None, None) => 0,
    };
    let lead = if at > 0 && old.text.get(at - 1) != Some(&b'\n') { "\n" } else { "" };
    Insertion { at, text: format!("{lead}{indent}{text}\n") }
}

/// The length of a byte order mark.
fn bom(text: &[u8]) -> usize {
    if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

/// Where a spec goes in a block of imports.
fn go_block(old: &Code<'_>, here: &[Node<'_>], import: &str) -> Option<usize> {
    let list =
        here.iter().flat_map(|node| parts(*node)).find(|node| node.kind() == "import_spec_list")?;
    let specs = parts(list);
    let key = |text: &str| text.rsplit(' ').next().unwrap_or(text).to_owned();
    let path = key(import);
    // Standard packages have no dot in their first word.
    let is_far = |path: &str| path.split('/').next().is_some_and(|first| first.contains('.'));
    let alike: Vec<&Node<'_>> =
        specs.iter().filter(|spec| is_far(&key(old.str(**spec))) == is_far(&path)).collect();
    let next = alike.iter().find(|spec| key(old.str(***spec)) > path);
    if let Some(next) = next {
        return Some(line_start(old.text, next.start_byte()));
    }
    let last = alike.last().copied().or(specs.last())?;
    let end = line_end(old.text, last.end_byte());
    // A block on one line is not a place for lines.
    (end <= list.end_byte() && list.start_position().row < last.start_position().row).then_some(end)
}

/// The end of what stands before a file's first import: shebang, docstring,
/// directives, a package line, and of what else must come first.
fn head_end(old: &Code<'_>, scope: Node<'_>, here: &[Node<'_>], is_future: bool) -> usize {
    if !is_future && let Some(last) = here.last() {
        return line_end(old.text, last.end_byte().saturating_sub(1));
    }
    let mut at = bom(old.text);
    if scope.kind() == "declaration_list" {
        at = line_end(old.text, scope.start_byte());
    }
    let mut cursor = scope.walk();
    for node in scope.children(&mut cursor) {
        let is_first = node.start_byte() <= at + 3 || at <= 3;
        let is_head = match node.kind() {
            "package_clause"
            | "package_declaration"
            | "hash_bang_line"
            | "shebang"
            | "php_tag"
            | "inner_attribute_item"
            | "namespace_definition" => field(node, "body").is_none(),
            "comment" | "line_comment" | "block_comment" => {
                let text = old.str(node);
                is_first
                    && (text.starts_with("#!")
                        || text.contains("coding:")
                        || text.contains("opyright"))
                    || text.starts_with("//!")
                    || text.starts_with("//go:build")
                    || text.starts_with("# frozen_string_literal")
            }
            "expression_statement" => {
                let inner = parts(node).first().copied();
                inner.is_some_and(|inner| {
                    inner.kind() == "string" || inner.kind() == "concatenated_string"
                }) && parts(scope).first() == Some(&node)
            }
            "declare_statement" => true,
            _ => false,
        };
        if is_head {
            at = line_end(old.text, node.end_byte().saturating_sub(1).max(node.start_byte()));
        } else if !is_comment(node) && node.is_named() {
            break;
        }
    }
    at
}

/// An import that stands alone, with empty lines around it where code follows.
fn framed(old: &Code<'_>, at: usize, indent: &str, text: &str, is_future: bool) -> String {
    let before = old.text.get(..at).unwrap_or_default();
    let behind = old.text.get(at..).unwrap_or_default();
    let is_top = before.trim_ascii().is_empty() || before == b"\xef\xbb\xbf";
    let opens = before.trim_ascii_end().ends_with(b"{");
    let lead = if !before.is_empty() && !before.ends_with(b"\n") && !is_top { "\n" } else { "" };
    let gap = if is_top || opens || before.ends_with_str("\n\n") || is_future { "" } else { "\n" };
    let follows = !behind.trim_ascii().is_empty() && !behind.trim_ascii_start().starts_with(b"}");
    let is_free = behind.starts_with(b"\n") || behind.starts_with(b"\r\n");
    let tail = if follows && !is_free { "\n" } else { "" };
    format!("{lead}{gap}{indent}{text}\n{tail}")
}
