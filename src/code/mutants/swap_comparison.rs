//! `<` for `<=`, `==` for `!=`: the boundary and the opposite of a comparison.

use tree_sitter::Node;

use super::site::{Sink, Site, bare, is_same, operator_of};
use crate::code::language::Language;

const OPERATOR: &str = "swap-comparison";

/// What a comparison becomes: first its boundary, where it has one, then its
/// opposite.
pub(super) fn others(operator: &str) -> (Option<&'static str>, Option<&'static str>) {
    match operator {
        "<" => (Some("<="), Some(">=")),
        "<=" => (Some("<"), Some(">")),
        ">" => (Some(">="), Some("<=")),
        ">=" => (Some(">"), Some("<")),
        "==" => (None, Some("!=")),
        "!=" | "<>" => (None, Some("==")),
        "===" => (None, Some("!==")),
        "!==" => (None, Some("===")),
        "is" => (None, Some("is not")),
        "is not" => (None, Some("is")),
        "in" => (None, Some("not in")),
        "not in" => (None, Some("in")),
        "=~" => (None, Some("!~")),
        "!~" => (None, Some("=~")),
        _ => (None, None),
    }
}

/// Whether a node compares two things, once: its opposite is written with another
/// operator.
pub(super) fn has_opposite(node: Node<'_>, language: Language) -> bool {
    let operator = match node.kind() {
        "comparison_operator" if node.named_child_count() == 2 => {
            node.child_by_field_name("operators")
        }
        "binary_expression" | "binary" => operator_of(node),
        _ => None,
    };
    operator.is_some_and(|one| is_known(one.kind(), language) && others(one.kind()).1.is_some())
}

/// `in` has an opposite only in Python; `===` has none in Ruby.
fn is_known(operator: &str, language: Language) -> bool {
    match operator {
        "in" => language == Language::Python,
        "===" => language != Language::Ruby,
        _ => true,
    }
}

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    match site.kind() {
        "comparison_operator" => {
            let mut cursor = node.walk();
            let operators: Vec<_> = node.children_by_field_name("operators", &mut cursor).collect();
            for operator in operators {
                swap(site, sink, operator);
            }
        }
        "binary_expression" | "binary" => {
            if let Some(operator) = operator_of(node) {
                swap(site, sink, operator);
            }
        }
        _ => {}
    }
}

fn swap(site: &Site<'_, '_>, sink: &mut Sink<'_>, operator: Node<'_>) {
    let node = site.node();
    if !is_known(operator.kind(), site.language()) || is_always_so(site, operator) {
        return;
    }
    let (boundary, opposite) = others(operator.kind());
    let boundary = boundary.filter(|_| !is_choice(site));
    for other in [boundary, opposite].into_iter().flatten() {
        // `x as usize < y` would begin type arguments.
        let cast = node
            .child_by_field_name("left")
            .filter(|left| site.language() == Language::Rust && ends_in_cast(*left));
        match cast.filter(|_| other.starts_with('<')) {
            Some(left) => {
                let between = site.slice(left.end_byte()..operator.start_byte());
                let replacement = format!("({}){between}{other}", site.text(left));
                sink.became(OPERATOR, node, left.start_byte()..operator.end_byte(), replacement);
            }
            None => sink.became(OPERATOR, node, operator.byte_range(), other.to_owned()),
        }
    }
}

/// Whether the last thing in an expression is a type.
pub(super) fn ends_in_cast(node: Node<'_>) -> bool {
    let mut last = node;
    loop {
        if last.kind() == "type_cast_expression" {
            return true;
        }
        match last.child_by_field_name("right") {
            Some(right) => last = right,
            None => return false,
        }
    }
}

/// Whether no length could make a difference: `len(x) >= 0`.
fn is_always_so(site: &Site<'_, '_>, operator: Node<'_>) -> bool {
    let node = site.node();
    let (Some(left), Some(right)) =
        (node.named_child(0), node.named_child(node.named_child_count().saturating_sub(1) as u32))
    else {
        return false;
    };
    let left = site.text(left);
    let is_length = ["len(", "length", "size()", "count()", ".len()", ".size"]
        .iter()
        .any(|word| left.contains(word));
    is_length && site.text(right) == "0" && matches!(operator.kind(), "<" | ">=")
}

/// Whether the two that are compared are all that is chosen between, so that it
/// does not matter which of two equals is taken: `a < b ? a : b`, or
/// `if x > most { most = x }`.
fn is_choice(site: &Site<'_, '_>) -> bool {
    let node = site.node();
    let (Some(left), Some(right)) =
        (node.child_by_field_name("left"), node.child_by_field_name("right"))
    else {
        return false;
    };
    let Some(around) = site.above().find(|step| step.node.kind() != "parenthesized_expression")
    else {
        return false;
    };
    let around = around.node;
    let is_condition = around
        .child_by_field_name("condition")
        .is_some_and(|condition| bare(condition).id() == node.id());
    if !is_condition {
        return false;
    }
    let (left, right) = (site.text(left), site.text(right));
    let plain = |node: Node<'_>| {
        const OPEN: [char; 6] = ['{', ':', ' ', '\n', '\t', '\r'];
        const CLOSE: [char; 6] = ['}', ';', ' ', '\n', '\t', '\r'];
        let inside = site.text(node).trim_start_matches(OPEN).trim_end_matches(CLOSE);
        inside.trim_start_matches("else").trim_start_matches(OPEN).to_owned()
    };
    let then = around
        .child_by_field_name("consequence")
        .or_else(|| around.child_by_field_name("body"))
        .map(plain);
    let other = around.child_by_field_name("alternative").map(plain);
    let either = |one: &str, two: &str| {
        is_same(one, left) && is_same(two, right) || is_same(one, right) && is_same(two, left)
    };
    match (then, other) {
        (Some(then), Some(other)) => either(&then, &other),
        (Some(then), None) => {
            then.split_once('=').is_some_and(|(target, value)| either(target.trim(), value))
        }
        _ => false,
    }
}
