//! Another value given back where a function ends.

use tree_sitter::Node;

use super::functions::{Returns, around, is_async, is_const, is_function, is_generator, returns};
use super::negate_condition::{is_negation, negated};
use super::site::{Sink, Site, bare, is_same, named};
use super::swap_comparison::has_opposite;
use super::swap_literal::is_truth;
use super::values::{Place, values};
use crate::code::language::Language;

const OPERATOR: &str = "replace-return";
/// How many of a type's values stand in for one.
const MOST_VALUES: usize = 2;

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    match site.kind() {
        "return_statement" | "return_expression" | "return" if node.is_named() => {
            let Some(function) = around(site) else { return };
            if is_generator(site, function) {
                return;
            }
            match site.language() {
                Language::Go => go(site, sink, function),
                _ => {
                    let Some(value) = named(node).pop() else { return };
                    replace(site, sink, function, value);
                }
            }
        }
        "function_item" if site.language() == Language::Rust => {
            let Some(body) = node.child_by_field_name("body") else { return };
            for value in tails(body) {
                replace(site, sink, node, value);
            }
        }
        "arrow_function" => {
            let Some(body) = node.child_by_field_name("body") else { return };
            let is_block = matches!(body.kind(), "statement_block" | "compound_statement");
            if !is_block {
                replace(site, sink, node, body);
            }
        }
        _ => {}
    }
}

/// What may be said in a function.
pub(super) fn place(site: &Site<'_, '_>, function: Node<'_>) -> Place {
    Place { is_const: is_const(site, function), is_async: is_async(site, function) }
}

fn replace(site: &Site<'_, '_>, sink: &mut Sink<'_>, function: Node<'_>, value: Node<'_>) {
    let source = site.text(value);
    let never = ["panic!", "unreachable!", "todo!", "unimplemented!"];
    if source.is_empty() || never.iter().any(|one| source.starts_with(one)) {
        return;
    }
    let of_function = returns(site, function);
    let mut others = match of_function {
        Returns::One(written) => values(site.language(), written, place(site, function)),
        Returns::Unknown => unwritten(site, value),
        _ => return,
    };
    others.retain(|other| !is_same(other, source));
    if is_truth(site, value) {
        let inner = bare(value);
        // `not x` for what is no comparison: that is turned around elsewhere.
        let is_plain = !has_opposite(inner, site.language()) && !is_negation(inner);
        if site.language() == Language::Python && is_plain && inner.named_child_count() > 0 {
            others.push(negated(site.language(), inner, site.text(inner)));
        }
    }
    // A literal is already changed as such.
    if matches!(bare(value).kind(), "true" | "false" | "boolean" | "boolean_literal")
        && others.iter().any(|other| matches!(other.to_lowercase().as_str(), "true" | "false"))
    {
        return;
    }
    // Instead of an error, any value will do.
    let most = if source.starts_with("Err(") { 1 } else { MOST_VALUES + 1 };
    for other in others.into_iter().take(most) {
        if site.language() == Language::Java {
            java(site, sink, value, &other);
        } else {
            sink.replace(OPERATOR, value, other);
        }
    }
}

/// Values for a function that does not say what it gives back.
fn unwritten(site: &Site<'_, '_>, value: Node<'_>) -> Vec<String> {
    let language = site.language();
    let is_truth = is_truth(site, value);
    let words: &[&str] = match (language, is_truth) {
        (Language::Python, true) => &["True", "False"],
        (_, true) => &["true", "false"],
        (Language::Python, false) => &["None"],
        (Language::JavaScript, false) => &["undefined"],
        (Language::TypeScript | Language::Tsx, false) => &["undefined as any"],
        (Language::Ruby, false) => &["nil"],
        (Language::Php, false) => &["null"],
        _ => &[],
    };
    let is_none = matches!(site.text(value), "None" | "undefined" | "null" | "nil" | "void 0");
    // `this` and markup are given back for the sake of form.
    let is_form = value.kind().starts_with("jsx") || site.text(value) == "this";
    match is_none || is_form {
        true => Vec::new(),
        false => words.iter().map(|word| (*word).to_owned()).collect(),
    }
}

/// What is thrown or used in the old value stays so for the compiler.
fn java(site: &Site<'_, '_>, sink: &mut Sink<'_>, value: Node<'_>, other: &str) {
    let needs_old = site
        .above()
        .take_while(|step| !is_function(step.node.kind()))
        .any(|step| step.node.kind().starts_with("try"));
    if !needs_old {
        sink.replace(OPERATOR, value, other.to_owned());
        return;
    }
    let node = site.node();
    let replacement = format!("{{ if (true) return {other}; {} }}", site.text(node));
    let (before, after) = (super::site::shown(site.text(value)), other);
    let change = format!("`return {before}` became `return {after}`");
    sink.add(OPERATOR, node, node.byte_range(), replacement, change);
}

/// One value after the other is given another. The old ones stay: what is only used
/// there would else be unused.
fn go(site: &Site<'_, '_>, sink: &mut Sink<'_>, function: Node<'_>) {
    let node = site.node();
    let types = match returns(site, function) {
        Returns::One(written) => vec![written],
        Returns::Many(types) => types,
        _ => return,
    };
    let Some(list) = named(node).pop() else { return };
    let old = named(list);
    if old.len() != types.len() {
        return;
    }
    for (at, written) in types.iter().enumerate() {
        let others = values(Language::Go, written, Place::default());
        let now = site.text(old[at]);
        let is_literal = matches!(now, "true" | "false");
        let is_zero = matches!(now, "nil" | "\"\"" | "0") || now.ends_with("{}");
        for other in others.into_iter().take(MOST_VALUES) {
            let is_as_before = is_same(&other, now)
                || is_literal
                || is_zero && (other == "nil" || other.starts_with("*new("));
            if is_as_before {
                continue;
            }
            let parts: Vec<&str> = old
                .iter()
                .enumerate()
                .map(|(place, one)| if place == at { other.as_str() } else { site.text(*one) })
                .collect();
            let new = format!("return {}", parts.join(", "));
            let replacement = format!("if true {{ {new} }}; {}", site.text(node));
            let before = super::site::shown(site.text(node));
            let change = format!("`{before}` became `{}`", super::site::shown(&new));
            sink.add(OPERATOR, node, node.byte_range(), replacement, change);
        }
    }
}

/// The expressions whose value a Rust block has.
fn tails(block: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut open = vec![block];
    while let Some(node) = open.pop() {
        match node.kind() {
            "block" => open.extend(named(node).pop()),
            "expression_statement" => {
                // Without a semicolon it is the block's value.
                let inner = named(node).pop();
                let is_value = inner.is_some_and(|one| one.end_byte() == node.end_byte());
                open.extend(inner.filter(|_| is_value));
            }
            "if_expression" => {
                open.extend(node.child_by_field_name("consequence"));
                open.extend(node.child_by_field_name("alternative"));
            }
            "else_clause" => open.extend(named(node).pop()),
            "match_expression" => {
                let arms = node.child_by_field_name("body").map(named).unwrap_or_default();
                open.extend(arms.iter().filter_map(|arm| arm.child_by_field_name("value")));
            }
            "unsafe_block"
            | "return_expression"
            | "loop_expression"
            | "while_expression"
            | "for_expression"
            | "let_declaration"
            | "empty_statement"
            | "break_expression"
            | "continue_expression"
            | "unit_expression" => {}
            kind if kind.ends_with("_item") || kind.ends_with("_declaration") => {}
            _ => found.push(node),
        }
    }
    found
}

/// Whether the function's value is all that its body is made of.
pub(super) fn is_one_value(body: Node<'_>) -> bool {
    let all = match named(body).as_slice() {
        [one] if one.kind() == "statement_list" => named(*one),
        _ => named(body),
    };
    match all.as_slice() {
        [] => true,
        [one] => {
            let kind = one.kind();
            let is_value = matches!(
                kind,
                "return_statement"
                    | "return"
                    | "throw_statement"
                    | "raise_statement"
                    | "pass_statement"
                    | "macro_invocation"
            );
            let is_expression = kind == "expression_statement"
                && named(*one).first().is_some_and(|inner| {
                    matches!(
                        inner.kind(),
                        "return_expression" | "string" | "ellipsis" | "macro_invocation"
                    )
                });
            let is_tail =
                body.kind() == "block" && tails(body).iter().any(|tail| tail.id() == one.id());
            is_value || is_expression || is_tail
        }
        _ => false,
    }
}
