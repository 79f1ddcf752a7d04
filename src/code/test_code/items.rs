//! The tests of a file.

use std::ops::Range;

use tree_sitter::Node;

use super::TestItem;
use super::source::{Code, around, field, leaves, line_of, parts, walk};
use crate::code::definitions::{Definition, Kind};
use crate::code::language::Language;
use crate::code::parse::parse;

/// A test as its file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its own name.
    pub own: String,
    /// The names of what it stands in, outermost first.
    pub containers: Vec<String>,
    pub lines: Range<u32>,
}

/// The tests of a file, in order: names as runners print them, and lines.
pub fn tests_in(language: Language, path: &str, text: &[u8]) -> Vec<TestItem> {
    let Some(parsed) = parse(language, text) else { return Vec::new() };
    let code = Code::new(&parsed);
    let separator = if code.is_script() { " > " } else { language.separator() };
    items(&code)
        .into_iter()
        .map(|item| {
            let container = (!item.containers.is_empty()).then(|| item.containers.join(separator));
            TestItem { name: printed(&code, path, &item), container, lines: item.lines }
        })
        .collect()
}

/// Its name as its language's usual runner prints it.
fn printed(code: &Code<'_>, path: &str, item: &Item) -> String {
    let mut all = Vec::new();
    let separator = match code.language {
        Language::Rust => {
            all.extend(rust_modules(path));
            "::"
        }
        Language::Python => {
            all.push(path.to_owned());
            "::"
        }
        Language::Java => {
            all.extend(package(code));
            "."
        }
        Language::Php => {
            let space = package(code).map(|space| format!("{space}\\")).unwrap_or_default();
            return format!("{space}{}::{}", item.containers.join("\\"), item.own);
        }
        Language::Ruby if item.own.starts_with("test_") => "#",
        Language::Ruby => " ",
        Language::JavaScript | Language::TypeScript | Language::Tsx => " > ",
        Language::Go => return item.own.clone(),
        Language::C => "::",
    };
    all.extend(item.containers.iter().cloned());
    all.push(item.own.clone());
    all.join(separator)
}

/// The module that a file below `src` is.
fn rust_modules(path: &str) -> Vec<String> {
    let Some((_, inner)) =
        path.split_once("src/").filter(|(before, _)| before.is_empty() || before.ends_with('/'))
    else {
        return Vec::new();
    };
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    if parts.first().is_some_and(|first| first == "bin") {
        parts.clear();
    }
    parts
}

/// A Java file's package, a PHP file's namespace.
pub(super) fn package(code: &Code<'_>) -> Option<String> {
    let mut found = None;
    walk(code.root, &mut |node| {
        match node.kind() {
            "package_declaration" => {
                found = found.take().or(parts(node).last().map(|node| code.str(*node).to_owned()));
            }
            "namespace_definition" => {
                found = found.take().or(field(node, "name").map(|node| code.str(node).to_owned()));
            }
            _ => {}
        }
        node.kind() == "program"
    });
    found
}

/// The tests of a file, in order.
pub(super) fn items(code: &Code<'_>) -> Vec<Item> {
    let mut found = if code.is_script() { script(code) } else { defined(code) };
    match code.language {
        Language::Rust => found.extend(in_macros(code)),
        Language::Php => found.extend(pest(code)),
        _ => {}
    }
    found.sort_by_key(|item| item.lines.start);
    found
}

fn defined(code: &Code<'_>) -> Vec<Item> {
    let mut found = Vec::new();
    // The functions around, by their ends: what stands in one is no test.
    let mut functions: Vec<u32> = Vec::new();
    // Ruby's groups are containers whose names have words in them.
    let mut groups: Vec<(u32, &Definition)> = Vec::new();
    for one in &code.definitions {
        functions.retain(|end| *end > one.lines.start);
        groups.retain(|(end, _)| *end > one.lines.start);
        let is_inner = !functions.is_empty() && code.language != Language::Ruby;
        if one.is_callable() && code.language != Language::Ruby {
            functions.push(one.lines.end);
        }
        let is_holder = matches!(one.kind, Kind::Module | Kind::Type | Kind::Impl);
        if is_holder {
            groups.push((one.lines.end, one));
        }
        if is_inner || !is_test(code, one, groups.last().map(|(_, group)| *group)) {
            continue;
        }
        let mut containers: Vec<String> =
            groups.iter().map(|(_, group)| group.name.clone()).collect();
        if code.language == Language::Go {
            containers.clear();
        }
        // A group's own first line may begin as an annotation does.
        let behind = groups.last().map_or(0, |(_, group)| group.signature.end);
        let start = one.lines.start.max(behind.min(one.signature.start));
        found.push(Item { own: one.name.clone(), containers, lines: start..one.lines.end });
    }
    found
}

fn is_test(code: &Code<'_>, one: &Definition, group: Option<&Definition>) -> bool {
    if !one.is_callable() {
        return false;
    }
    match code.language {
        Language::Python => match group {
            None => one.name.starts_with("test"),
            Some(group) => {
                let is_case = group.name.starts_with("Test")
                    || group.name.ends_with("Test")
                    || group.name.ends_with("Tests")
                    || group.name.ends_with("TestCase")
                    || group.supers.iter().any(|name| name.contains("Test"));
                one.name.starts_with("test") && is_case
            }
        },
        Language::Java => {
            let old = group.is_some_and(|group| group.supers.iter().any(|name| name == "TestCase"))
                && one.name.starts_with("test");
            one.is_test && one.has_body || old
        }
        Language::Php => one.is_test && one.has_body,
        Language::Ruby => {
            let in_case = group.is_some_and(|group| {
                group.name.contains("Test") || group.supers.iter().any(|name| name.contains("Test"))
            });
            one.is_test || one.name.starts_with("test_") && in_case
        }
        Language::Go => {
            let is_example = one.name.starts_with("Example")
                && code.at(code.bytes_of(&one.lines)).to_ascii_lowercase().contains("output:");
            one.is_test && one.kind == Kind::Function || is_example
        }
        _ => one.is_test,
    }
}

/// What a call defines by its name in a script: `it("…")`, `test.each(…)("…")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    Test,
    Group,
    Hook,
}

/// The first name of a call's function, and whether it is one that defines tests.
pub(super) fn block(code: &Code<'_>, call: Node<'_>) -> Option<Block> {
    if call.kind() != "call_expression" {
        return None;
    }
    let mut function = field(call, "function")?;
    let mut members = Vec::new();
    for _ in 0..8 {
        match function.kind() {
            "member_expression" => {
                members.push(code.str(field(function, "property")?));
                function = field(function, "object")?;
            }
            // `it.each(…)("…")`, `` it.each`…`("…") ``.
            "call_expression" => {
                members.push("()");
                function = field(function, "function")?;
            }
            _ => break,
        }
    }
    // `it.each(…)` itself defines nothing yet.
    if matches!(members.first(), Some(&"each" | &"for" | &"skipIf" | &"runIf")) {
        return None;
    }
    match code.str(function) {
        "it" | "test" | "specify" | "xit" | "fit" | "xtest" | "bench" => match members.last() {
            Some(&"describe" | &"suite") => Some(Block::Group),
            Some(&("before" | "after" | "beforeEach" | "afterEach" | "beforeAll" | "afterAll")) => {
                Some(Block::Hook)
            }
            Some(&"step" | &"use" | &"extend" | &"info" | &"setTimeout") => None,
            _ => Some(Block::Test),
        },
        "describe" | "context" | "suite" | "xdescribe" | "fdescribe" => Some(Block::Group),
        "before" | "after" | "beforeEach" | "afterEach" | "beforeAll" | "afterAll" | "setup"
        | "teardown" => Some(Block::Hook),
        _ => None,
    }
}

/// The title of a call that defines a test or a group.
pub(super) fn title(code: &Code<'_>, call: Node<'_>) -> Option<String> {
    let first = *parts(field(call, "arguments")?).first()?;
    let text = code.str(first);
    let quoted = matches!(first.kind(), "string" | "template_string");
    let text = if quoted { text.get(1..text.len() - 1)? } else { text };
    let text = match first.kind() {
        "string" => unescaped(text),
        _ => text.to_owned(),
    };
    (text.len() <= 400 && !text.contains('\n')).then_some(text)
}

/// Quotes that are written with a backslash.
fn unescaped(text: &str) -> String {
    text.replace("\\'", "'").replace("\\\"", "\"").replace("\\\\", "\\")
}

fn script(code: &Code<'_>) -> Vec<Item> {
    let mut found = Vec::new();
    let mut groups: Vec<(usize, String)> = Vec::new();
    walk(code.root, &mut |node| {
        let Some(block) = block(code, node) else { return true };
        let Some(title) = title(code, node) else { return true };
        groups.retain(|(end, _)| *end > node.start_byte());
        match block {
            Block::Group => groups.push((node.end_byte(), title)),
            Block::Test => found.push(Item {
                own: title,
                containers: groups.iter().map(|(_, title)| title.clone()).collect(),
                lines: statement_lines(node),
            }),
            Block::Hook => {}
        }
        true
    });
    found
}

/// The lines of the statement that a call is.
fn statement_lines(call: Node<'_>) -> Range<u32> {
    let whole = call.parent().filter(|node| node.kind() == "expression_statement").unwrap_or(call);
    let last = u32::try_from(whole.end_position().row).unwrap_or(u32::MAX - 2) + 1;
    line_of(whole)..last + 1
}

/// Tests inside a macro's braces, as of `proptest!`.
fn in_macros(code: &Code<'_>) -> Vec<Item> {
    let mut found = Vec::new();
    walk(code.root, &mut |node| {
        if node.kind() != "macro_invocation" {
            return node.kind() != "token_tree";
        }
        let all = leaves(node, &node.byte_range());
        let text = |at: usize| all.get(at).map(|leaf| code.str(*leaf)).unwrap_or_default();
        for at in 0..all.len() {
            if text(at) != "fn"
                || !(text(at.wrapping_sub(1)) == "]" || text(at.wrapping_sub(1)) == "pub")
            {
                continue;
            }
            let mark = (at.saturating_sub(40)..at).rev().find(|at| text(*at) == "#");
            let Some(mark) = mark.filter(|mark| text(mark + 2) == "test") else { continue };
            let (Some(name), Some(first)) = (all.get(at + 1), all.get(mark)) else { continue };
            let siblings = name.parent().map(tokens_behind(name.end_byte())).unwrap_or_default();
            let Some(body) = siblings.into_iter().find(|node| code.str(*node).starts_with('{'))
            else {
                continue;
            };
            let containers = around(node)
                .filter(|node| node.kind() == "mod_item")
                .filter_map(|node| field(node, "name"))
                .map(|node| code.str(node).to_owned());
            let mut containers: Vec<String> = containers.collect();
            containers.reverse();
            let last = u32::try_from(body.end_position().row).unwrap_or(u32::MAX - 2) + 1;
            found.push(Item {
                own: code.str(*name).to_owned(),
                containers,
                lines: line_of(*first)..last + 1,
            });
        }
        false
    });
    found
}

fn tokens_behind<'t>(at: usize) -> impl Fn(Node<'t>) -> Vec<Node<'t>> {
    move |node| {
        super::source::tokens(node).into_iter().filter(|node| node.start_byte() >= at).collect()
    }
}

/// Tests of PHP that are calls: `it('…', function () {…})`.
fn pest(code: &Code<'_>) -> Vec<Item> {
    let mut found = Vec::new();
    walk(code.root, &mut |node| {
        let is_call = node.kind() == "function_call_expression";
        let function = field(node, "function").map(|node| code.str(node)).unwrap_or_default();
        if is_call && matches!(function, "it" | "test") {
            let first = field(node, "arguments").and_then(|node| parts(node).first().copied());
            let title = first.map(|node| code.str(node)).unwrap_or_default();
            if title.starts_with(['\'', '"']) {
                let own = title.trim_matches(['\'', '"']).to_owned();
                found.push(Item { own, containers: Vec::new(), lines: statement_lines(node) });
            }
        }
        true
    });
    found
}

/// Whether a name as a runner prints it is that of a test.
pub(super) fn is_named(code: &Code<'_>, item: &Item, name: &str) -> bool {
    let name = name.trim();
    let own = item.own.as_str();
    if name == own {
        return true;
    }
    if code.is_script() || code.language == Language::Ruby && !own.starts_with("test_") {
        let squeezed = |text: &str| -> String {
            let plain = text.replace(" > ", " ").replace(" › ", " ").replace('#', " ");
            plain.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let (name, own) = (squeezed(name), squeezed(own));
        return name == own
            || name.strip_suffix(&own).is_some_and(|before| {
                let before = before.trim_end();
                let containers = squeezed(&item.containers.join(" "));
                before.is_empty() || before.ends_with(&containers) || containers.ends_with(before)
            });
    }
    let (name_own, containers) = split_name(code.language, name);
    name_own == own && {
        // What the name says of containers must not contradict.
        let stated = containers.last().copied();
        match (stated, item.containers.last()) {
            (Some(stated), Some(container)) if needs_container(code.language) => {
                stated == container || stated.ends_with(&format!("${container}"))
            }
            _ => true,
        }
    }
}

fn needs_container(language: Language) -> bool {
    matches!(language, Language::Python | Language::Java | Language::Php)
}

/// A printed name's last word, and what stands before it.
pub(super) fn split_name(language: Language, name: &str) -> (&str, Vec<&str>) {
    let name = name.trim();
    // `test_x[1-2]`, `adds(int)[1]`, `adds()`, `TestX/sub`.
    let name = match language {
        Language::Python | Language::Java => name.split(['[', '(']).next().unwrap_or(name),
        Language::Go => name.split('/').next().unwrap_or(name),
        Language::Php => name.split(" with data").next().unwrap_or(name),
        _ => name,
    };
    let separators: &[char] = match language {
        Language::Rust => &[':', ' ', '$'],
        Language::Python => &[':', '.', '/'],
        Language::Java => &['.', '#', '>', ' ', '$'],
        Language::Php => &[':', '\\'],
        Language::Ruby => &['#', ':'],
        _ => &[' '],
    };
    let mut all: Vec<&str> = name.split(separators).filter(|part| !part.is_empty()).collect();
    let own = all.pop().unwrap_or_default();
    (own, all)
}

#[cfg(test)]
mod tests;
