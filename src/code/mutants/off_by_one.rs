//! One more or one less: of a number, of a range's end, of a slice's bounds.

use tree_sitter::Node;

use super::site::{Sink, Site, bare, operator_of};
use crate::code::language::Language;

const OPERATOR: &str = "off-by-one";

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    match site.kind() {
        "integer_literal"
        | "integer"
        | "int_literal"
        | "decimal_integer_literal"
        | "number"
        | "number_literal" => number(site, sink),
        "range_expression" | "range_pattern" | "range" => range(site, sink),
        "slice_expression" => {
            for (field, shift) in [("start", "+"), ("end", "-")] {
                if let Some(bound) = site.node().child_by_field_name(field) {
                    shifted(site, sink, bound, shift);
                }
            }
        }
        "slice" => python_slice(site, sink),
        _ => {}
    }
}

fn number(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if is_place(site) {
        return;
    }
    let source = site.text(site.node());
    let digits = source.bytes().take_while(|b| b.is_ascii_digit() || *b == b'_').count();
    let (written, suffix) = source.split_at(digits);
    // `0x1f`, `1.5`, `017`: masks, fractions and modes are something else.
    let is_plain = suffix.bytes().all(|b| b.is_ascii_alphanumeric())
        && !suffix.starts_with(['x', 'X', 'b', 'B', 'o', 'O', 'e', 'E'])
        && (written == "0" || !written.starts_with('0'));
    let Ok(value) = written.replace('_', "").parse::<u64>() else { return };
    if !is_plain || value >= 1 << 62 {
        return;
    }
    let is_limit = value > 100 && (value + 1).is_power_of_two();
    let can_be_less = value > 0 && !(value == 1 && is_divisor(site));
    // Where the boundary itself is moved, one of both would be the same again.
    let moved = match site.parent().and_then(operator_of).map(|one| one.kind()) {
        Some("<" | ">=") if site.field() == Some("right") => 1,
        Some("<=" | ">") if site.field() == Some("right") => -1,
        _ => 0,
    };
    let more = (!is_limit && !is_shift(site) && moved != 1).then_some(value + 1);
    let is_bound = is_bound(site) && moved != -1;
    let less = (can_be_less && (is_bound || more.is_none())).then(|| value - 1);
    for other in [more, less].into_iter().flatten() {
        let replacement = format!("{other}{suffix}");
        sink.became(OPERATOR, context(site), site.node().byte_range(), replacement);
    }
}

/// What the number is shown in: the expression around, if it is short.
fn context<'a>(site: &Site<'_, 'a>) -> Node<'a> {
    let is_short = |node: &Node<'_>| {
        node.byte_range().len() <= 40 && node.start_position().row == node.end_position().row
    };
    let is_between = |kind: &str| {
        matches!(kind, "arguments" | "argument_list" | "argument" | "expression_list" | "slice")
            || kind.starts_with("unary")
    };
    let around = site.above().map(|step| step.node).find(|node| !is_between(node.kind()));
    let is_whole = |node: &Node<'_>| {
        !matches!(node.kind(), "match_arm" | "match_pattern" | "then" | "else" | "statement_list")
            && !node.kind().contains("block")
    };
    around.filter(is_short).filter(is_whole).unwrap_or(site.node())
}

/// Whether the number is not counted with: a length that is part of a type, a case
/// that another one may have, a field.
fn is_place(site: &Site<'_, '_>) -> bool {
    let parent = site.parent_kind();
    if matches!(site.field(), Some("length" | "field" | "size")) {
        return true;
    }
    if matches!(site.field(), Some("value" | "pattern"))
        && (parent.contains("case") || parent == "match_pattern" || parent == "enum_variant")
    {
        return true;
    }
    // Whether two literals under one condition are the same is known when it is built.
    let is_capacity = site.language() == Language::Go
        && parent == "argument_list"
        && site
            .up()
            .and_then(|up| up.parent())
            .is_some_and(|call| site.text(call).starts_with("make("));
    is_capacity
        || site.above().take(4).any(|step| {
            let kind = step.node.kind();
            kind.ends_with("_pattern")
                || matches!(
                    kind,
                    "match_pattern"
                        | "expression_case"
                        | "switch_label"
                        | "case_pattern"
                        | "enum_assignment"
                        | "enumerator"
                        | "enum_constant"
                        | "pattern"
                )
                || kind == "expression_list"
                    && step.field == Some("value")
                    && site.language() == Language::Go
                    && site.above().any(|one| one.node.kind() == "expression_case")
                    && !site.above().take(3).any(|one| one.node.kind() == "binary_expression")
        })
}

/// Whether it says where something begins or ends.
fn is_bound(site: &Site<'_, '_>) -> bool {
    site.above().take(3).any(|step| {
        matches!(
            step.node.kind(),
            "index_expression"
                | "subscript"
                | "subscript_expression"
                | "array_access"
                | "slice"
                | "element_reference"
                | "slice_expression"
                | "range_expression"
                | "range"
        )
    }) || is_operand(site, &["<", ">="])
}

fn is_operand(site: &Site<'_, '_>, operators: &[&str]) -> bool {
    site.field() == Some("right")
        && site.parent().and_then(operator_of).is_some_and(|one| operators.contains(&one.kind()))
}

fn is_divisor(site: &Site<'_, '_>) -> bool {
    is_operand(site, &["/", "%", "//", "/=", "%=", "//="])
}

fn is_shift(site: &Site<'_, '_>) -> bool {
    is_operand(site, &["<<", ">>", ">>>", "<<=", ">>="])
}

/// `..` and `..=` where both are of use: what is counted through or cut out.
fn range(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    let mut cursor = node.walk();
    let token = node.children(&mut cursor).find(|one| matches!(one.kind(), ".." | "..=" | "..."));
    let Some(token) = token else { return };
    let last = node.child(node.child_count().saturating_sub(1) as u32);
    if last.is_none_or(|last| last.id() == token.id()) {
        return;
    }
    let other = match (site.language(), token.kind()) {
        (Language::Rust, "..") => "..=",
        (Language::Rust | Language::Ruby, "..=" | "...") => "..",
        (Language::Ruby, "..") => "...",
        _ => return,
    };
    // Elsewhere its type may be written.
    let parent = site.up().map(|up| match up.kind() {
        "parenthesized_expression" => up.parent_kind(),
        kind => kind,
    });
    let is_of_use = matches!(
        parent,
        Some(
            "for_expression"
                | "index_expression"
                | "arguments"
                | "match_pattern"
                | "field_expression"
                | "element_reference"
                | "for"
                | "in"
                | "call"
                | "parenthesized_statements"
                | "argument_list"
                | "or_pattern"
        )
    );
    // What is called may want a range of this very type.
    if parent == Some("arguments") && site.parent_kind() == "arguments" {
        if let Some(end) = last.filter(|end| other == "..=" && !end.kind().contains("literal")) {
            let source = site.text(end);
            let simple = end.kind().contains("identifier") || end.kind() == "call_expression";
            let more = if simple { format!("{source} + 1") } else { format!("({source}) + 1") };
            sink.became(OPERATOR, node, end.byte_range(), more);
        }
        return;
    }
    let is_first = node.child(0).is_some_and(|first| first.id() == token.id());
    if is_of_use && !(site.kind() == "range_pattern" && is_first) {
        sink.became(OPERATOR, node, token.byte_range(), other.to_owned());
    }
}

fn python_slice(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    let mut cursor = node.walk();
    let mut colons = 0;
    for child in node.children(&mut cursor) {
        match child.kind() {
            ":" => colons += 1,
            _ if child.is_named() && colons == 0 => shifted(site, sink, child, "+"),
            _ if child.is_named() && colons == 1 => shifted(site, sink, child, "-"),
            _ => {}
        }
    }
}

/// Moves a bound that is no number of its own, or ends in one.
fn shifted(site: &Site<'_, '_>, sink: &mut Sink<'_>, bound: Node<'_>, shift: &str) {
    let has_number = |node: Node<'_>| matches!(node.kind(), "int_literal" | "integer");
    let inner = bare(bound);
    let is_counted = has_number(inner)
        || inner.child_by_field_name("right").is_some_and(has_number)
        || inner.child_by_field_name("argument").is_some_and(has_number);
    if is_counted
        || !matches!(
            bound.kind(),
            "identifier"
                | "call_expression"
                | "call"
                | "selector_expression"
                | "attribute"
                | "binary_expression"
                | "binary_operator"
        )
    {
        return;
    }
    let source = site.text(bound);
    if source.is_empty() {
        return;
    }
    let replacement = format!("{source}{shift}1");
    let node = site.node();
    let shown = if node.kind() == "slice" { site.parent().unwrap_or(node) } else { node };
    sink.became(OPERATOR, shown, bound.byte_range(), replacement);
}
