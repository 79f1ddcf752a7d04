//! The function that a place is in: its body, and the type that it gives back.

use tree_sitter::Node;

use super::site::{Site, named};
use crate::code::language::Language;

/// Whether `return` inside of such a node leaves it.
pub(super) fn is_function(kind: &str) -> bool {
    matches!(
        kind,
        "function_item"
            | "closure_expression"
            | "async_block"
            | "gen_block"
            | "const_block"
            | "function_definition"
            | "function_declaration"
            | "method_declaration"
            | "func_literal"
            | "lambda"
            | "lambda_expression"
            | "method_definition"
            | "arrow_function"
            | "function_expression"
            | "generator_function"
            | "generator_function_declaration"
            | "constructor_declaration"
            | "compact_constructor_declaration"
            | "static_initializer"
            | "class_static_block"
            | "method"
            | "singleton_method"
            | "anonymous_function"
            | "block_argument"
            | "do_block"
    )
}

/// The nearest function around.
pub(super) fn around<'a>(site: &Site<'_, 'a>) -> Option<Node<'a>> {
    site.above().map(|step| step.node).find(|node| is_function(node.kind()))
}

/// What a function says that it gives back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Returns<'t> {
    /// Nothing is written, and the language wants nothing.
    Unknown,
    /// Nothing.
    Unit,
    /// One value of a type.
    One(&'t str),
    /// Go: several.
    Many(Vec<&'t str>),
    /// It cannot be told, or has no value that could be made.
    Other,
}

/// The type that a function gives back.
pub(super) fn returns<'a>(site: &Site<'_, 'a>, function: Node<'a>) -> Returns<'a> {
    let written = |field: &str| function.child_by_field_name(field).map(|node| site.text(node));
    match site.language() {
        Language::Rust => match (function.kind(), written("return_type")) {
            ("function_item", None) => Returns::Unit,
            ("function_item", Some("!")) => Returns::Other,
            ("function_item" | "closure_expression", Some(one)) => Returns::One(one),
            _ => Returns::Other,
        },
        Language::Go => match function.child_by_field_name("result") {
            None => Returns::Unit,
            Some(result) if result.kind() == "parameter_list" => go_results(site, result),
            Some(result) => Returns::One(site.text(result)),
        },
        Language::Java => match (function.kind(), written("type")) {
            ("method_declaration", Some("void")) => Returns::Unit,
            ("method_declaration", Some(one)) => Returns::One(one),
            _ => Returns::Other,
        },
        Language::Python => match (function.kind(), written("return_type")) {
            ("function_definition", Some("None")) => Returns::Unit,
            ("function_definition", Some(one)) => Returns::One(one),
            ("function_definition", None) => Returns::Unknown,
            _ => Returns::Other,
        },
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            if is_constructor(site, function) {
                return Returns::Other;
            }
            match written("return_type").map(|one| one.trim_start_matches(':').trim()) {
                Some("void" | "Promise<void>") => Returns::Unit,
                Some(one) => Returns::One(one),
                None => Returns::Unknown,
            }
        }
        Language::Php => match written("return_type") {
            _ if is_constructor(site, function) => Returns::Other,
            Some("void") => Returns::Unit,
            Some("never" | "static" | "self") => Returns::Other,
            Some(one) => Returns::One(one),
            None => Returns::Unknown,
        },
        Language::Ruby => match written("name") {
            Some("initialize") | None => Returns::Other,
            Some(_) => Returns::Unknown,
        },
        Language::C => c_result(site, function),
    }
}

fn is_constructor(site: &Site<'_, '_>, function: Node<'_>) -> bool {
    let name = function.child_by_field_name("name").map_or("", |name| site.text(name));
    matches!(name, "constructor" | "__construct" | "__destruct")
}

/// One for each name: `(a, b int)` are two.
fn go_results<'a>(site: &Site<'_, 'a>, result: Node<'a>) -> Returns<'a> {
    let mut types = Vec::new();
    for one in named(result) {
        let Some(written) = one.child_by_field_name("type") else { return Returns::Other };
        let mut cursor = one.walk();
        let names = one.children_by_field_name("name", &mut cursor).count();
        for _ in 0..names.max(1) {
            types.push(site.text(written));
        }
    }
    match types.as_slice() {
        [] => Returns::Unit,
        [one] => Returns::One(one),
        _ => Returns::Many(types),
    }
}

fn c_result<'a>(site: &Site<'_, 'a>, function: Node<'a>) -> Returns<'a> {
    let declarator = function.child_by_field_name("declarator");
    let written = function.child_by_field_name("type").map_or("", |one| site.text(one));
    match declarator.map(|one| one.kind()) {
        Some("pointer_declarator") => Returns::One("*"),
        Some("function_declarator") if written == "void" => Returns::Unit,
        Some("function_declarator") => Returns::One(written),
        _ => Returns::Other,
    }
}

/// Whether a function is `async`, and so gives its value wrapped.
pub(super) fn is_async(site: &Site<'_, '_>, function: Node<'_>) -> bool {
    let head =
        function.child_by_field_name("body").map_or(function.end_byte(), |body| body.start_byte());
    let head = site.slice(function.start_byte()..head);
    head.split(|c: char| !c.is_alphanumeric()).any(|word| word == "async")
}

/// Whether a Rust function is `const`, so that little can be called in it.
pub(super) fn is_const(site: &Site<'_, '_>, function: Node<'_>) -> bool {
    let name = function
        .child_by_field_name("name")
        .map_or(function.start_byte(), |name| name.start_byte());
    site.language() == Language::Rust
        && site.slice(function.start_byte()..name).split_whitespace().any(|word| word == "const")
}

/// Whether a function gives values one after another.
pub(super) fn is_generator(site: &Site<'_, '_>, function: Node<'_>) -> bool {
    match site.language() {
        Language::Python | Language::Php => {
            function.child_by_field_name("body").is_some_and(|body| {
                has_below(body, |node| matches!(node.kind(), "yield" | "yield_expression"))
            })
        }
        _ => {
            function.kind().starts_with("generator")
                || function.kind() == "method_definition" && site.text(function).starts_with('*')
        }
    }
}

/// Whether a function gives some value back in a `return` of its own.
pub(super) fn has_return_value(function: Node<'_>) -> bool {
    let is_return = |node: Node<'_>| {
        matches!(node.kind(), "return_statement" | "return") && node.named_child_count() > 0
    };
    function.child_by_field_name("body").is_some_and(|body| has_below(body, is_return))
}

/// Whether there is such a node in the function itself, not in one inside of it.
fn has_below(body: Node<'_>, is_such: impl Fn(Node<'_>) -> bool) -> bool {
    let mut cursor = body.walk();
    let mut depth = 0usize;
    loop {
        let here = cursor.node();
        if here.is_named() && is_such(here) {
            return true;
        }
        let enter = depth == 0 || !is_function(here.kind());
        if enter && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        loop {
            if depth == 0 {
                return false;
            }
            if cursor.goto_next_sibling() {
                break;
            }
            cursor.goto_parent();
            depth -= 1;
        }
    }
}
