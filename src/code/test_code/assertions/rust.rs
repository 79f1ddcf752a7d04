//! Assertions of Rust: macros, `#[should_panic]`.

use std::ops::Range;

use tree_sitter::Node;

use super::{Assertion, Edit, Part, Shape, each, framed, new};
use crate::code::test_code::source::{Code, around, field, parts, tokens};

pub(super) fn at(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    match node.kind() {
        "macro_invocation" => {
            let name = code.str(field(node, "macro")?);
            let tree = parts(node).into_iter().find(|part| part.kind() == "token_tree")?;
            let whole =
                node.parent().filter(|up| up.kind() == "expression_statement").unwrap_or(node);
            assertion(code, node, whole.byte_range(), name, tree)
        }
        // In another macro's tokens.
        "identifier" if node.parent().is_some_and(|up| up.kind() == "token_tree") => {
            let mark = node.next_sibling().filter(|mark| code.str(*mark) == "!")?;
            let tree = mark.next_sibling().filter(|tree| tree.kind() == "token_tree")?;
            assertion(code, node, node.start_byte()..tree.end_byte(), code.str(node), tree)
        }
        "attribute_item" => should_panic(code, node),
        "call_expression" => method(code, node),
        _ => None,
    }
}

/// The operands between a macro's parentheses.
fn operands(code: &Code<'_>, tree: Node<'_>) -> Vec<Range<usize>> {
    let inner = tree.start_byte() + 1..tree.end_byte().saturating_sub(1);
    let mut found = Vec::new();
    let mut start = inner.start;
    let (mut angles, mut turbofish) = (0i32, false);
    for token in tokens(tree) {
        match code.str(token) {
            "<" if turbofish || angles > 0 => angles += 1,
            ">" if angles > 0 => angles -= 1,
            ">>" if angles > 0 => angles = (angles - 2).max(0),
            "," if angles == 0 => {
                found.push(start..token.start_byte());
                start = token.end_byte();
            }
            _ => {}
        }
        turbofish = code.str(token) == "::";
    }
    found.push(start..inner.end);
    let trimmed = found.into_iter().map(|range| {
        let text = code.at(range.clone());
        let lead = text.len() - text.trim_start().len();
        range.start + lead..range.start + lead + text.trim().len()
    });
    trimmed.filter(|range| !range.is_empty()).collect()
}

fn assertion(
    code: &Code<'_>,
    node: Node<'_>,
    range: Range<usize>,
    name: &str,
    tree: Node<'_>,
) -> Option<Assertion> {
    let name = name.rsplit("::").next().unwrap_or(name);
    let mut all = operands(code, tree);
    let plain = ["debug_", "prop_", "soft_"]
        .iter()
        .find_map(|lead| name.strip_prefix(lead))
        .unwrap_or(name);
    let made = |shape, operands: Vec<Range<usize>>, parts: Vec<Part>| {
        let mut one = Assertion::new(node, shape, operands);
        one.range = range.clone();
        one.strip = Ok(vec![Edit { range: range.clone(), parts }]);
        Some(one)
    };
    match (plain, all.len()) {
        ("assert", 1..) => {
            let said = said(code, &all[1..]);
            all.truncate(1);
            let mut parts = framed("{ let _ = !(", vec![Part::Old(all[0].clone())], "); ");
            parts.extend(said.into_iter().chain([new("}")]));
            made(Shape::Truth, all, parts)
        }
        ("assert_eq" | "assert_ne" | "assert_str_eq", 2..) => {
            let said = said(code, &all[2..]);
            all.truncate(2);
            // As the macro does: types are told by the comparison.
            let inner = vec![Part::Old(all[0].clone()), new("), &("), Part::Old(all[1].clone())];
            let open = ")) { (left, right) => { let _ = *left == *right; ";
            let mut parts = framed("match (&(", inner, open);
            parts.extend(said.into_iter().chain([new("} }")]));
            made(Shape::Compare, all, parts)
        }
        ("assert_matches", 2..) => {
            all.truncate(2);
            let inner = vec![Part::Old(all[0].start..all[1].end)];
            made(
                Shape::Other,
                vec![all[0].clone()],
                framed("{ let _ = ::core::matches!(", inner, "); }"),
            )
        }
        ("panic", _) => panics(code, node, range, all),
        (other, 1..) if is_assertion(other) && !is_own(code, name) => {
            let values: Vec<Range<usize>> =
                all.iter().filter_map(|range| value(code, range)).collect();
            let parts = framed("{ let _ = (", each(&values, "&(", "), "), "); }");
            let shape = if values.len() == 1 { Shape::Truth } else { Shape::Other };
            made(shape, values, parts)
        }
        _ => None,
    }
}

fn is_assertion(name: &str) -> bool {
    name.starts_with("assert_")
        || matches!(name, "expect_that" | "expect_eq" | "expect_true" | "verify_that" | "check")
}

fn is_own(code: &Code<'_>, name: &str) -> bool {
    code.definitions.iter().any(|one| one.name == name)
}

/// The value in an operand such as `x`, `epsilon = x`, `@"inline"`.
fn value(code: &Code<'_>, range: &Range<usize>) -> Option<Range<usize>> {
    let text = code.at(range.clone());
    if text.starts_with('@') {
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let rest = text.trim_start_matches(is_word).trim_start();
    match rest.strip_prefix('=') {
        Some(value) if !value.starts_with(['=', '>']) && rest.len() < text.len() => {
            Some(range.end - value.trim_start().len()..range.end)
        }
        // `a => b` of settings, `|x| …`.
        _ if text.contains("=>") => None,
        _ => Some(range.clone()),
    }
}

/// A message, so that what it names stays used; it is never made.
fn said(code: &Code<'_>, all: &[Range<usize>]) -> Vec<Part> {
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return Vec::new() };
    let text = code.at(first.clone());
    if !(text.starts_with('"') && (all.len() > 1 || text.contains('{'))) {
        return Vec::new();
    }
    let inner = vec![Part::Old(first.start..last.end)];
    framed("if false { let _ = ::core::format_args!(", inner, "); } ")
}

/// `panic!` in a test that gives nothing is its end. Elsewhere it is a crash.
fn panics(
    code: &Code<'_>,
    node: Node<'_>,
    range: Range<usize>,
    all: Vec<Range<usize>>,
) -> Option<Assertion> {
    let holder = around(node).find(|up| {
        matches!(
            up.kind(),
            "function_item"
                | "closure_expression"
                | "async_block"
                | "token_tree"
                | "macro_definition"
        )
    })?;
    if holder.kind() != "function_item" {
        return None;
    }
    let end = match field(holder, "return_type").map(|node| code.str(node)) {
        None | Some("()") => "return",
        Some(kind) if kind.contains("Result") && (kind.contains("()") || !kind.contains('<')) => {
            "return ::core::result::Result::Ok(())"
        }
        Some(_) => return None,
    };
    let is_statement = range.len() > node.byte_range().len();
    let close = format!("{end}{}}}", if is_statement { "; " } else { " " });
    let parts = framed("{ ", said(code, &all), &close);
    let mut one = Assertion::new(node, Shape::Fails, Vec::new());
    one.strip = Ok(vec![Edit { range: range.clone(), parts }]);
    one.range = range;
    Some(one)
}

/// `#[should_panic]`: the body may panic or not.
fn should_panic(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    let attribute = parts(node).into_iter().next()?;
    let name = parts(attribute).first().map(|name| code.str(*name))?;
    if name != "should_panic" {
        return None;
    }
    let mut next = node.next_named_sibling();
    while let Some(one) = next.filter(|one| one.kind() != "function_item") {
        if !matches!(one.kind(), "attribute_item" | "line_comment" | "block_comment") {
            return None;
        }
        next = one.next_named_sibling();
    }
    let function = next?;
    let body = field(function, "body")?;
    let mut one = Assertion::new(node, Shape::Raises, vec![body.byte_range()]);
    let head = code.at(function.start_byte()..body.start_byte());
    if head.split_whitespace().any(|word| word == "async") {
        return Some(one.unclear("`#[should_panic]` on an `async` test"));
    }
    let open = "{ let _ = ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(move || -> () ";
    one.strip = Ok(vec![
        Edit { range: node.byte_range(), parts: Vec::new() },
        Edit {
            range: body.byte_range(),
            parts: framed(open, vec![Part::Old(body.byte_range())], ")); }"),
        },
    ]);
    Some(one)
}

/// `mock.assert()`, `page.assert_title("x")`.
fn method(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    let function = field(node, "function")?;
    let arguments = field(node, "arguments")?;
    let operands: Vec<Range<usize>> =
        parts(arguments).iter().map(|part| part.byte_range()).collect();
    match function.kind() {
        "field_expression" => {
            let name = code.str(field(function, "field")?);
            let is_assertion = name == "assert" || name.starts_with("assert_");
            if !is_assertion || is_own(code, name) {
                return None;
            }
            let receiver = field(function, "value")?.byte_range();
            let shape = if name.contains("hit") || name.contains("call") {
                Shape::Calls
            } else {
                Shape::Other
            };
            let all: Vec<Range<usize>> = std::iter::once(receiver).chain(operands).collect();
            let one = Assertion::new(node, shape, all.clone());
            let up = node.parent().filter(|up| up.kind() == "expression_statement");
            Some(match up {
                Some(up) => one.by(up, framed("{ let _ = (", each(&all, "&(", "), "), "); }")),
                None => one.unclear(format!("the value of `{name}` is used")),
            })
        }
        // A helper of another file.
        "identifier" | "scoped_identifier" => {
            let name = code.str(function).rsplit("::").next().unwrap_or_default();
            let is_other = (name == "assert" || name.starts_with("assert_")) && !is_own(code, name);
            is_other.then(|| {
                Assertion::new(node, Shape::Other, operands)
                    .unclear(format!("`{name}` asserts, and its code is in another file"))
            })
        }
        _ => None,
    }
}
