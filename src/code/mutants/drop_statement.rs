//! Statements taken out: calls, assignments, early exits; and a loop ended where it
//! would have gone on.

use tree_sitter::Node;

use super::aside::{is_message_call, is_test_call};
use super::functions::{around, is_function};
use super::site::{Sink, Site, first_named, named, shown};
use crate::code::language::Language;

const OPERATOR: &str = "drop-statement";

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    match site.kind() {
        "expression_statement" => {
            let Some(inner) = first_named(site.node()) else { return };
            match inner.kind() {
                "return_expression" | "throw_expression" => exit(site, sink),
                "break_expression" | "continue_expression" => turn(site, sink, inner),
                _ if is_dropped(site, inner) => drop(site, sink),
                _ => {}
            }
        }
        "assignment_statement"
        | "inc_statement"
        | "dec_statement"
        | "send_statement"
        | "go_statement"
        | "delete_statement"
            if is_statement(site) && is_dropped(site, site.node()) =>
        {
            drop(site, sink);
        }
        "return_expression" if site.parent_kind() == "block" => exit(site, sink),
        "return_statement" | "raise_statement" | "throw_statement" => exit(site, sink),
        "break_expression" | "continue_expression" if site.parent_kind() == "block" => {
            turn(site, sink, site.node());
        }
        "break_statement" | "continue_statement" => turn(site, sink, site.node()),
        "call_expression" | "macro_invocation" | "await_expression"
            if is_unit_tail(site) && is_dropped(site, site.node()) =>
        {
            drop(site, sink);
        }
        // Every expression is a statement.
        "call" | "assignment" | "operator_assignment"
            if site.language() == Language::Ruby
                && matches!(site.parent_kind(), "body_statement" | "then" | "else" | "do")
                && site.parent().and_then(|parent| named(parent).pop()).map(|one| one.id())
                    != Some(site.node().id())
                && is_dropped(site, site.node()) =>
        {
            if is_exit_call(site, site.node()) {
                exit(site, sink)
            } else {
                drop(site, sink)
            }
        }
        "call" if site.language() == Language::Ruby && is_exit_call(site, site.node()) => {
            exit(site, sink);
        }
        _ => {}
    }
}

/// In Go, assignments also stand in the heads of statements.
fn is_statement(site: &Site<'_, '_>) -> bool {
    !matches!(site.field(), Some("initializer" | "update" | "communication"))
        && site.parent_kind() != "for_clause"
}

fn is_exit_call(site: &Site<'_, '_>, node: Node<'_>) -> bool {
    node.child_by_field_name("method").is_some_and(|name| site.text(name) == "raise")
        && site.field() != Some("receiver")
}

/// The last call of a Rust function that returns nothing.
fn is_unit_tail(site: &Site<'_, '_>) -> bool {
    if site.language() != Language::Rust || site.parent_kind() != "block" {
        return false;
    }
    let mut above = site.above();
    let block = above.next().map(|step| step.node);
    let function = above.next().map(|step| step.node);
    let is_last =
        block.and_then(|block| named(block).pop()).is_some_and(|one| one.id() == site.node().id());
    is_last
        && function.is_some_and(|one| {
            one.kind() == "function_item" && one.child_by_field_name("return_type").is_none()
        })
}

/// Calls that nobody can notice the lack of, or that the language needs.
const UNNOTICED: &[&str] = &[
    "close",
    "Close",
    "reserve",
    "reserve_exact",
    "shrink_to_fit",
    "drop",
    "lock",
    "unlock",
    "Lock",
    "Unlock",
    "RLock",
    "RUnlock",
    "gc",
    "free",
    "super",
    "exit",
    "Exit",
    "_exit",
    "abort",
    "setdefaultencoding",
    "sleep",
    "Sleep",
    "yield_now",
    "Gosched",
    "spin_loop",
    "flush",
    "panic",
    "Helper",
    "die",
    "private",
    "public",
    "protected",
    "require",
    "require_relative",
    "include",
    "extend",
    "attr_reader",
    "attr_accessor",
    "attr_writer",
    "module_function",
    "private_constant",
    "private_class_method",
    "define",
    "ini_set",
    "error_reporting",
    "freeze",
    "parent",
    "__init__",
];

/// Whether a statement that is this may be taken out.
fn is_dropped(site: &Site<'_, '_>, inner: Node<'_>) -> bool {
    match inner.kind() {
        "call_expression"
        | "method_invocation"
        | "call"
        | "function_call_expression"
        | "member_call_expression"
        | "scoped_call_expression" => {
            let source = site.text(inner);
            let head = source.split('(').next().unwrap_or_default();
            let last = inner
                .child_by_field_name("function")
                .or_else(|| inner.child_by_field_name("name"))
                .or_else(|| inner.child_by_field_name("method"))
                .map_or(head, |name| site.text(name));
            let name = last.rsplit(['.', ':', '>']).next().unwrap_or_default().trim();
            !UNNOTICED.contains(&name)
                && !source.starts_with("super")
                && !is_message_call(site, inner)
                && !is_test_call(site, inner)
        }
        "try_expression" | "await_expression" | "await" => first_named(inner)
            .is_some_and(|one| matches!(one.kind(), "macro_invocation") || is_dropped(site, one)),
        "macro_invocation" => {
            let name = inner.child_by_field_name("macro").map_or("", |name| site.text(name));
            matches!(name, "write" | "writeln")
        }
        "assignment_expression" | "assignment" => is_noticed_target(site, inner),
        "assignment_statement" => {
            inner.child_by_field_name("left").is_none_or(|left| site.text(left) != "_")
        }
        "compound_assignment_expr"
        | "augmented_assignment"
        | "update_expression"
        | "augmented_assignment_expression"
        | "operator_assignment"
        | "inc_statement"
        | "dec_statement"
        | "send_statement"
        | "go_statement" => true,
        // A name that is forgotten is seldom missed.
        "delete_statement" => {
            first_named(inner).is_some_and(|one| matches!(one.kind(), "subscript" | "attribute"))
        }
        "unary_expression" => site.text(inner).starts_with("delete "),
        _ => false,
    }
}

/// How far a function's text is read for a name.
const MOST_READ: usize = 20_000;

/// Whether an assignment is no declaration, nor the first value that a name gets.
pub(super) fn is_noticed_target(site: &Site<'_, '_>, inner: Node<'_>) -> bool {
    let Some(left) = inner.child_by_field_name("left") else { return false };
    let name = site.text(left);
    if name == "_" || name.starts_with("__") {
        return false;
    }
    let function = around(site);
    let is_constructor = function.is_some_and(|function| {
        matches!(function.kind(), "constructor_declaration" | "compact_constructor_declaration")
    });
    if site.language() == Language::Java && is_constructor {
        // A final field must be given one.
        return false;
    }
    if !matches!(left.kind(), "identifier" | "variable_name") {
        return match site.language() {
            Language::Python => matches!(left.kind(), "attribute" | "subscript"),
            Language::Ruby => left.kind() != "constant",
            _ => true,
        };
    }
    let start = function.map_or(0, |function| function.start_byte());
    let end = inner.start_byte();
    let before = site.parsed.text.get(start.max(end.saturating_sub(MOST_READ))..end);
    let before = before.unwrap_or_default();
    let is_part = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    let mut seen = memchr::memmem::find_iter(before, name.as_bytes()).filter(|at| {
        !is_part(at.checked_sub(1).and_then(|at| before.get(at)))
            && !before.get(at + name.len()).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
    });
    match site.language() {
        // Outside of functions, it is what others import.
        Language::Python | Language::Ruby | Language::Php => {
            function.is_some() && seen.any(|at| is_bound(before, at, name.len()))
        }
        // `let x;` has no value yet.
        Language::Rust | Language::Java | Language::C => seen.next().is_none_or(|at| {
            let rest = before.get(at + name.len()..).unwrap_or_default();
            let rest = rest.split(|b| matches!(b, b';' | b'=' | b'\n')).next();
            let ends = rest.and_then(|rest| before.get(at + name.len() + rest.len()));
            ends != Some(&b';')
        }),
        _ => true,
    }
}

/// Whether what stands behind a name tells that it is given a value there, or is a
/// parameter; words in a text are followed by others.
fn is_bound(before: &[u8], at: usize, length: usize) -> bool {
    let rest = before.get(at + length..).unwrap_or_default();
    let rest = rest.trim_ascii_start();
    rest.starts_with(b"in ") || rest.first().is_none_or(|byte| b"=,:)]|&+-*/".contains(byte))
}

fn drop(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let source = site.text(site.node());
    // In Ruby, the text of `<<~EOS` stands behind the statement.
    let is_here = ["<<~", "<<-", "<<E", "<<'", "<<\""].iter().any(|mark| source.contains(mark));
    if is_here && site.language() == Language::Ruby {
        return;
    }
    // What is in a switch's arm is its value.
    if source.is_empty() || matches!(site.parent_kind(), "switch_rule" | "lambda_expression") {
        return;
    }
    let change = format!("`{}` was left out", shown(source));
    sink.add(OPERATOR, site.node(), site.node().byte_range(), site.never(source), change);
}

/// An early exit from a function is not taken.
fn exit(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let Some(branch) = early(site) else { return };
    let source = site.text(site.node());
    if source.is_empty() || is_last_of_unit(site, branch) {
        return;
    }
    let change = format!("`{}` was left out", shown(source));
    let never = match site.language() {
        Language::Php
        | Language::C
        | Language::JavaScript
        | Language::TypeScript
        | Language::Tsx => ";".to_owned(),
        _ => site.never(source),
    };
    sink.add(OPERATOR, site.node(), site.node().byte_range(), never, change);
}

/// The `if` without `else` whose last statement the exit is.
fn early<'w, 'a>(site: &'w Site<'w, 'a>) -> Option<&'w super::site::Step<'a>> {
    if matches!(site.parent_kind(), "if_modifier" | "unless_modifier") {
        return site.above().next();
    }
    for step in site.above() {
        match step.node.kind() {
            "block"
            | "statement_block"
            | "compound_statement"
            | "statement_list"
            | "then"
            | "expression_statement" => {}
            "if_statement" | "if_expression" | "if" | "unless" => {
                let has_other = step.node.child_by_field_name("alternative").is_some();
                let is_free = matches!(
                    site.language(),
                    Language::Python | Language::JavaScript | Language::TypeScript | Language::Tsx
                );
                return (!has_other || is_free).then_some(step);
            }
            "elif_clause" | "except_clause" if site.language() == Language::Python => {
                return Some(step);
            }
            "catch_clause" if site.is_script() => return Some(step),
            _ => return None,
        }
    }
    None
}

/// Whether the exit gives nothing back and nothing would come after it.
fn is_last_of_unit(site: &Site<'_, '_>, branch: &super::site::Step<'_>) -> bool {
    let node = site.node();
    let gives = node.kind() != "raise_statement"
        && node.kind() != "throw_statement"
        && !site.text(node).trim_end_matches(';').trim().ends_with("return");
    if gives || !site.text(node).starts_with("return") {
        return false;
    }
    // From the branch outwards, whatever is last in its block.
    let mut inner = branch.node;
    for step in site.above().skip_while(|step| step.node.id() != branch.node.id()).skip(1) {
        if is_function(step.node.kind()) {
            return true;
        }
        let is_last = named(step.node).pop().is_some_and(|last| last.id() == inner.id());
        if !is_last || step.node.kind().contains("for") || step.node.kind().contains("while") {
            return false;
        }
        inner = step.node;
    }
    false
}

/// `break` for `continue` and the other way round, where a loop knows both.
fn turn(site: &Site<'_, '_>, sink: &mut Sink<'_>, inner: Node<'_>) {
    let source = site.text(inner);
    let (word, other) = match inner.kind() {
        "break_expression" | "break_statement" => ("break", "continue"),
        _ => ("continue", "break"),
    };
    let Some(rest) = source.strip_prefix(word) else { return };
    // A label may be that of another kind of loop, or of a block.
    if !rest.trim_end_matches(';').trim().is_empty() {
        return;
    }
    for step in site.above() {
        let kind = step.node.kind();
        match kind {
            "for_expression"
            | "while_expression"
            | "for_statement"
            | "while_statement"
            | "do_statement"
            | "for_in_statement"
            | "enhanced_for_statement"
            | "foreach_statement" => break,
            // Where `break` means something else, or has a value.
            "loop_expression" | "case_statement" => return,
            _ if kind.contains("switch") || kind.contains("select") || is_function(kind) => return,
            _ => {}
        }
    }
    let bytes = inner.start_byte()..inner.start_byte() + word.len();
    sink.became(OPERATOR, inner, bytes, other.to_owned());
}
