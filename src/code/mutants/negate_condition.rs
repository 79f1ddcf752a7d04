//! `if (x)` becomes `if (!x)`: the other way is taken.

use tree_sitter::Node;

use super::site::{Sink, Site, bare, operator_of};
use super::swap_comparison::has_opposite;
use crate::code::language::Language;

const OPERATOR: &str = "negate-condition";

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if !is_condition(site) {
        return;
    }
    let condition = bare(site.node());
    // A comparison is turned around, and a negation taken away, elsewhere.
    if has_opposite(condition, site.language()) || is_negation(condition) || is_fixed(condition) {
        return;
    }
    let source = site.text(condition);
    if source.is_empty() || matches!(condition.kind(), "let_condition" | "let_chain") {
        return;
    }
    let negated = negated(site.language(), condition, source);
    sink.replace(OPERATOR, condition, negated);
}

/// Whether the node decides between ways.
fn is_condition(site: &Site<'_, '_>) -> bool {
    let node = site.node();
    if !node.is_named() || node.kind() == "empty_statement" {
        return false;
    }
    let parent = site.parent_kind();
    match site.field() {
        Some("condition") => !matches!(
            parent,
            // What is switched over.
            "switch_expression" | "switch_statement" | "match_expression"
        ),
        Some(_) => false,
        None => match parent {
            // `a if b else c`: the second.
            "conditional_expression" if site.language() == Language::Python => {
                site.parent().and_then(|parent| parent.named_child(1)).map(|one| one.id())
                    == Some(node.id())
            }
            "if_clause" => true,
            "let_chain" => !matches!(node.kind(), "let_condition" | "let_chain"),
            "for_statement" => {
                site.language() == Language::Go
                    && !matches!(node.kind(), "for_clause" | "range_clause" | "block" | "comment")
            }
            _ => false,
        },
    }
}

/// Whether a node is `!x` or `not x`.
pub(super) fn is_negation(node: Node<'_>) -> bool {
    match node.kind() {
        "not_operator" => true,
        "unary_expression" | "unary_op_expression" | "unary" => {
            let operator = operator_of(node).or_else(|| node.child(0));
            operator.is_some_and(|one| matches!(one.kind(), "!" | "not"))
        }
        _ => false,
    }
}

/// Whether a condition always has the same outcome, as that of an endless loop.
fn is_fixed(condition: Node<'_>) -> bool {
    let kind = condition.kind();
    matches!(kind, "true" | "false" | "boolean" | "boolean_literal" | "nil" | "null" | "none")
        || kind.contains("integer")
        || kind.contains("number")
        || kind.contains("int_literal")
}

/// The opposite of a condition.
pub(super) fn negated(language: Language, node: Node<'_>, source: &str) -> String {
    let is_simple = matches!(
        node.kind(),
        "identifier"
            | "call_expression"
            | "call"
            | "method_invocation"
            | "function_call_expression"
            | "member_call_expression"
            | "scoped_call_expression"
            | "field_expression"
            | "field_access"
            | "member_expression"
            | "selector_expression"
            | "member_access_expression"
            | "attribute"
            | "subscript"
            | "subscript_expression"
            | "index_expression"
            | "macro_invocation"
            | "variable_name"
            | "instance_variable"
            | "parenthesized_expression"
    );
    // `!a b` would be another call.
    let is_simple = is_simple && (language != Language::Ruby || source.ends_with([')', ']', '?']));
    match (language, is_simple) {
        (Language::Python, true) => format!("not {source}"),
        (Language::Python, false) => format!("not ({source})"),
        (_, true) => format!("!{source}"),
        (_, false) => format!("!({source})"),
    }
}
