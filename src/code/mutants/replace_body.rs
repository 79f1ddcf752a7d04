//! A function that comes back at once, with a value of its type.

use tree_sitter::Node;

use super::functions::{Returns, has_return_value, is_generator, returns};
use super::replace_return::{is_one_value, place};
use super::site::{Sink, Site, named};
use super::values::values;
use crate::code::language::Language;

const OPERATOR: &str = "replace-body";
const MOST_VALUES: usize = 2;

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let function = site.node();
    let is_named = matches!(
        site.kind(),
        "function_item"
            | "function_definition"
            | "function_declaration"
            | "method_declaration"
            | "method_definition"
            | "method"
            | "singleton_method"
            | "generator_function_declaration"
    );
    let Some(body) = function.child_by_field_name("body").filter(|_| is_named) else { return };
    if is_one_value(body) {
        return;
    }
    let language = site.language();
    let gives = has_return_value(function);
    let others = match returns(site, function) {
        _ if is_generator(site, function) => vec![String::new()],
        Returns::Unit => vec![String::new()],
        Returns::One(written) => {
            values(language, written, place(site, function)).into_iter().take(MOST_VALUES).collect()
        }
        Returns::Many(types) => {
            let first = |written: &&str| {
                values(language, written, place(site, function)).into_iter().next()
            };
            let all: Option<Vec<String>> = types.iter().map(first).collect();
            all.map(|all| vec![all.join(", ")]).unwrap_or_default()
        }
        Returns::Unknown if !gives && language != Language::Ruby => vec![String::new()],
        Returns::Unknown => match language {
            Language::Python => vec!["None".to_owned()],
            Language::Ruby => vec!["nil".to_owned()],
            Language::Php => vec!["null".to_owned()],
            Language::TypeScript | Language::Tsx => vec!["undefined as any".to_owned()],
            Language::JavaScript => vec!["undefined".to_owned()],
            _ => Vec::new(),
        },
        Returns::Other => Vec::new(),
    };
    let name = name(site, function);
    for other in others {
        let back = match other.is_empty() {
            true => "return".to_owned(),
            false => format!("return {other}"),
        };
        let Some((at, replacement)) = early(site, body, &back) else { return };
        let change = match other.is_empty() {
            true => format!("`{name}` returns at once"),
            false => format!("`{name}` returns `{other}` at once"),
        };
        let rows = function.start_position().row..function.end_position().row + 1;
        sink.add_within(OPERATOR, rows, at..at, replacement, change);
    }
}

fn name<'a>(site: &Site<'_, 'a>, function: Node<'a>) -> &'a str {
    let mut node = function;
    while let Some(inner) =
        node.child_by_field_name("name").or_else(|| node.child_by_field_name("declarator"))
    {
        if inner.id() == node.id() {
            break;
        }
        node = inner;
    }
    site.text(node)
}

/// Where the early `return` stands, and how it is written so that all that comes
/// after still counts as reached.
fn early(site: &Site<'_, '_>, body: Node<'_>, back: &str) -> Option<(usize, String)> {
    let written = match site.language() {
        Language::Rust => format!(" if true {{ {back}; }}"),
        Language::Go => format!(" if true {{ {back} }};"),
        Language::C => format!(" if (1) {{ {back}; }}"),
        Language::Python | Language::Ruby => return first_line(site, body, back),
        _ => format!(" if (true) {{ {back}; }}"),
    };
    let open = body.child(0).filter(|token| token.kind() == "{")?;
    // Inner attributes and directives come first.
    let skips = |kind: &str| kind == "inner_attribute_item";
    let directive = |node: Node<'_>| {
        site.is_script()
            && node.kind() == "expression_statement"
            && named(node).first().is_some_and(|one| one.kind() == "string")
    };
    let last =
        named(body).into_iter().take_while(|one| skips(one.kind()) || directive(*one)).last();
    Some((last.unwrap_or(open).end_byte(), written))
}

/// Before the first statement that is no docstring, as deep as it.
fn first_line(site: &Site<'_, '_>, body: Node<'_>, back: &str) -> Option<(usize, String)> {
    let is_doc = |node: &Node<'_>| {
        node.kind() == "expression_statement"
            && named(*node).first().is_some_and(|one| one.kind() == "string")
    };
    let first = named(body).into_iter().find(|node| !is_doc(node))?;
    let at = first.start_byte();
    let line = site.parsed.text.get(..at)?.rsplit(|byte| *byte == b'\n').next()?;
    let indent = std::str::from_utf8(line).ok()?;
    let is_blank = indent.chars().all(|c| matches!(c, ' ' | '\t'));
    is_blank.then(|| (at, format!("{back}\n{indent}")))
}
