//! `true` for `false`, and another text where a text decides or is returned.

use super::negate_condition::is_negation;
use super::site::{Sink, Site, bare};
use crate::code::language::Language;

const OPERATOR: &str = "swap-literal";
/// What stands in for a text.
const OTHER_TEXT: &str = "xyzzy";

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    match site.kind() {
        "boolean_literal" | "boolean" | "true" | "false" => truth(site, sink),
        "string_literal" | "string" | "interpreted_string_literal" | "encapsed_string" => {
            text(site, sink);
        }
        _ => {}
    }
}

fn truth(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    // `true` in a type, and an endless loop's condition.
    if !site.node().is_named() || is_condition(site) {
        return;
    }
    let other = match site.text(site.node()) {
        "true" => "false",
        "false" => "true",
        "True" => "False",
        "False" => "True",
        "TRUE" => "FALSE",
        "FALSE" => "TRUE",
        _ => return,
    };
    let is_part = site.above().take(3).any(|step| {
        let kind = step.node.kind();
        kind.ends_with("_pattern") || kind.contains("case") || kind == "switch_label"
    });
    if is_part && !is_returned(site) {
        return;
    }
    let shown = site
        .up()
        .map(|up| up.node())
        .filter(|node| node.byte_range().len() <= 40)
        .unwrap_or(site.node());
    sink.became(OPERATOR, shown, site.node().byte_range(), other.to_owned());
}

fn is_condition(site: &Site<'_, '_>) -> bool {
    let is_condition = |site: &Site<'_, '_>| {
        site.field() == Some("condition")
            || site.parent_kind() == "for_statement" && site.field().is_none()
    };
    is_condition(site)
        || site.up().is_some_and(|up| up.kind() == "parenthesized_expression" && is_condition(&up))
}

/// Whether it is all that is given back.
fn is_returned(site: &Site<'_, '_>) -> bool {
    match site.parent_kind() {
        "return_statement" | "return_expression" | "return" => true,
        "expression_list" => {
            site.above().nth(1).is_some_and(|step| step.node.kind() == "return_statement")
        }
        _ => false,
    }
}

fn text(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let is_compared = match site.parent_kind() {
        "comparison_operator" => true,
        "binary_expression" | "binary" => site
            .parent()
            .and_then(|parent| parent.child_by_field_name("operator"))
            .is_some_and(|operator| matches!(operator.kind(), "==" | "!=" | "===" | "!==")),
        _ => false,
    };
    if !is_compared && !is_returned(site) && !is_equals(site) {
        return;
    }
    let source = site.text(site.node());
    // A raw, byte, formatted or long text has another beginning.
    let Some(quote) = source.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return };
    let Some(inside) = source.get(1..source.len().saturating_sub(1)) else { return };
    if !source.ends_with(quote) || source.len() < 2 || inside.starts_with(quote) {
        return;
    }
    let other = if inside.is_empty() { OTHER_TEXT } else { "" };
    let shown = if is_compared { site.parent().unwrap_or(site.node()) } else { site.node() };
    sink.became(OPERATOR, shown, site.node().byte_range(), format!("{quote}{other}{quote}"));
}

/// `"a".equals(x)` and `x.equals("a")`.
fn is_equals(site: &Site<'_, '_>) -> bool {
    if site.language() != Language::Java {
        return false;
    }
    let call = match site.field() {
        Some("object") => site.parent(),
        _ if site.parent_kind() == "argument_list" => site.above().nth(1).map(|step| step.node),
        _ => None,
    };
    call.and_then(|call| call.child_by_field_name("name"))
        .is_some_and(|name| matches!(site.text(name), "equals" | "equalsIgnoreCase"))
}

/// Whether an expression is true or false, as far as can be seen.
pub(super) fn is_truth(site: &Site<'_, '_>, node: tree_sitter::Node<'_>) -> bool {
    let node = bare(node);
    match node.kind() {
        "true" | "false" | "boolean" | "boolean_literal" | "comparison_operator" => true,
        "instanceof_expression" => true,
        "binary_expression" | "boolean_operator" | "binary" => {
            let operator = node.child_by_field_name("operator").map_or("", |one| one.kind());
            let sides = ["left", "right"].map(|side| node.child_by_field_name(side));
            match operator {
                "==" | "!=" | "===" | "!==" | "<" | "<=" | ">" | ">=" | "instanceof" => true,
                "in" => site.is_script(),
                "&&" | "||" | "and" | "or" => {
                    sides.into_iter().flatten().all(|side| is_truth(site, side))
                }
                _ => false,
            }
        }
        _ => is_negation(node),
    }
}
