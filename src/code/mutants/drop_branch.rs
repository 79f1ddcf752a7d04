//! `else` branches and the arms of a `match` that are never taken.

use tree_sitter::Node;

use super::aside::says_only;
use super::drop_statement::is_noticed_target;
use super::site::{Sink, Site, first_named, named, shown};
use crate::code::language::Language;

const ELSE: &str = "drop-else";
const ARM: &str = "drop-match-arm";

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    match site.kind() {
        "else_clause" | "else" => otherwise(site, sink),
        "if_statement" => {
            // Where the grammar has no node for it.
            if !matches!(site.language(), Language::Go | Language::Java) {
                return;
            }
            let Some(other) = site.node().child_by_field_name("alternative") else { return };
            let mut cursor = site.node().walk();
            let token = site.node().children(&mut cursor).find(|one| one.kind() == "else");
            let is_plain = other.kind() != "if_statement" && !says_only(site, other);
            if let Some(token) = token.filter(|_| is_plain) {
                put(site, sink, other, token.end_byte());
            }
        }
        "match_arm" => rust_arm(site, sink),
        "case_clause" => python_case(site, sink),
        _ => {}
    }
}

fn otherwise(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    if !node.is_named() {
        return;
    }
    let parent = site.parent_kind();
    let is_of_if = matches!(parent, "if_statement" | "if_expression" | "if" | "elsif" | "unless");
    let Some(body) = named(node).into_iter().next() else { return };
    if !is_of_if || matches!(body.kind(), "if_statement" | "if_expression") {
        return;
    }
    let is_value = match site.language() {
        // As a value, it must have both ways.
        Language::Rust => site
            .above()
            .find(|step| !matches!(step.node.kind(), "if_expression" | "else_clause"))
            .is_none_or(|step| step.node.kind() != "expression_statement"),
        Language::Ruby => parent == "unless",
        _ => false,
    };
    let is_idle =
        matches!(site.text(body).trim_matches([' ', ';', '{', '}', '\n']), "continue" | "pass");
    if is_value || is_idle || says_only(site, body) {
        return;
    }
    let Some(token) = node.child(0).filter(|token| token.kind() == "else") else { return };
    match site.language() {
        Language::Python => {
            sink.add(
                ELSE,
                node,
                token.byte_range(),
                "elif False".to_owned(),
                change(site, site.text(body)),
            );
        }
        Language::Ruby => {
            sink.add(
                ELSE,
                node,
                token.byte_range(),
                "elsif false then".to_owned(),
                change(site, site.text(body)),
            );
        }
        _ => put(site, sink, body, token.end_byte()),
    }
}

fn change(site: &Site<'_, '_>, body: &str) -> String {
    let line = site.node().start_position().row + 1;
    let body = shown(body.trim_matches(|c: char| matches!(c, '{' | '}') || c.is_whitespace()));
    match body.is_empty() {
        true => format!("the `else` of line {line} was left out"),
        false => format!("`else` with `{body}` was left out"),
    }
}

/// Puts a condition that never holds behind `else`.
fn put(site: &Site<'_, '_>, sink: &mut Sink<'_>, body: Node<'_>, at: usize) {
    // Behind a branch that leaves the function, or has a value, there may be nothing.
    let last = named(body).pop().map(|last| match last.kind() {
        "statement_list" => named(last).pop().unwrap_or(last),
        _ => last,
    });
    let leaves = |node: Node<'_>| {
        let source = site.text(node);
        ["return", "throw", "break", "continue", "panic", "goto"]
            .iter()
            .any(|word| source.starts_with(word))
    };
    let is_checked =
        matches!(site.language(), Language::Go | Language::Java | Language::Rust | Language::C);
    let last = last.unwrap_or(body);
    if is_checked && (leaves(body) || leaves(last)) {
        return;
    }
    let is_rust_value = site.language() == Language::Rust
        && last.kind() != "let_declaration"
        && !site.text(last).ends_with(';');
    if is_rust_value || is_first_value(site, last) {
        return;
    }
    let condition = match site.language() {
        Language::Rust | Language::Go => " if false",
        Language::C => " if (0)",
        _ => " if (false)",
    };
    sink.add(ELSE, body, at..at, condition.to_owned(), change(site, site.text(body)));
}

/// Whether the branch gives a name the value that it has not had so far.
fn is_first_value(site: &Site<'_, '_>, last: Node<'_>) -> bool {
    let inner = first_named(last).unwrap_or(last);
    matches!(inner.kind(), "assignment_expression")
        && matches!(site.language(), Language::Rust | Language::Java)
        && !is_noticed_target(site, inner)
}

fn rust_arm(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    let Some(pattern) = node.child_by_field_name("pattern") else { return };
    let Some(block) = site.parent().filter(|block| block.kind() == "match_block") else { return };
    let is_wild =
        |arm: Node<'_>| arm.child_by_field_name("pattern").is_some_and(|one| site.text(one) == "_");
    let has_guard = pattern.child_by_field_name("condition").is_some();
    if has_guard || is_wild(node) || !named(block).into_iter().any(is_wild) {
        return;
    }
    // The same as what happens otherwise.
    let value =
        |arm: Node<'_>| arm.child_by_field_name("value").map_or("", |value| site.text(value));
    if named(block).into_iter().any(|arm| is_wild(arm) && value(arm) == value(node)) {
        return;
    }
    let at = pattern.end_byte();
    let change = format!("the arm `{}` was left out", shown(site.text(pattern)));
    sink.add(ARM, pattern, at..at, " if false".to_owned(), change);
}

fn python_case(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    let patterns: Vec<_> =
        named(node).into_iter().filter(|one| one.kind() == "case_pattern").collect();
    let Some(last) = patterns.last() else { return };
    if node.child_by_field_name("guard").is_some() || site.text(*last) == "_" {
        return;
    }
    let at = last.end_byte();
    let change = format!("the case `{}` was left out", shown(site.text(*last)));
    sink.add(ARM, *last, at..at, " if False".to_owned(), change);
}
