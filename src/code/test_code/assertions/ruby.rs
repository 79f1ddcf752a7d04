//! Assertions of Ruby: RSpec, minitest.

use tree_sitter::Node;

use super::{Assertion, Part, Shape, each, framed, new};
use crate::code::test_code::source::{Code, field, parts};

/// Whatever is raised in between is forgotten.
const RESCUED: (&str, &str) = ("begin; ", "; rescue Exception; nil; end");

pub(super) fn at(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    if node.kind() != "call" {
        return None;
    }
    let name = code.str(field(node, "method")?);
    let given = field(node, "arguments").map(parts).unwrap_or_default();
    let receiver = field(node, "receiver");
    match name {
        "to" | "not_to" | "to_not" => expectation(code, node, receiver?, &given),
        _ if name.starts_with("must_") || name.starts_with("wont_") => {
            let mut all = vec![receiver?.byte_range()];
            all.extend(super::bytes(&given));
            let one = Assertion::new(node, Shape::Other, all.clone());
            if name.contains("raise") {
                return Some(one.unclear(format!("`{name}`")));
            }
            Some(one.by(node, framed("[", each(&all, "", ", "), "]")))
        }
        _ if receiver.is_none() && is_assertion(name) && !super::is_defined(code, name) => {
            Some(asserts(node, name, &given))
        }
        _ => None,
    }
}

fn is_assertion(name: &str) -> bool {
    matches!(name, "assert" | "refute" | "flunk")
        || name.starts_with("assert_")
        || name.starts_with("refute_")
}

/// `expect(x).to eq(y)`, `expect { … }.to raise_error`.
fn expectation(
    code: &Code<'_>,
    node: Node<'_>,
    receiver: Node<'_>,
    given: &[Node<'_>],
) -> Option<Assertion> {
    let root = field(receiver, "method").unwrap_or(receiver);
    let matcher = given.first().map(|node| code.str(*node)).unwrap_or_default();
    match code.str(root) {
        "is_expected" => {
            let one = Assertion::new(node, Shape::Other, vec![receiver.byte_range()]);
            Some(one.by(node, framed("[subject, ", each(&super::bytes(given), "", ", "), "]")))
        }
        "expect" => {
            if let Some(block) = field(receiver, "block") {
                let body = field(block, "body")?;
                let one = Assertion::new(node, Shape::Raises, vec![body.byte_range()]);
                let inner = vec![Part::Old(body.byte_range())];
                let (open, close) = match matcher.contains("raise") {
                    true => RESCUED,
                    false => ("begin; ", "; end"),
                };
                return Some(one.by(node, framed(open, inner, close)));
            }
            let looked = field(receiver, "arguments").map(parts).unwrap_or_default();
            Some(looks(node, &looked, given, matcher))
        }
        _ => None,
    }
}

/// `expect(x).to` a matcher.
fn looks(node: Node<'_>, looked: &[Node<'_>], given: &[Node<'_>], matcher: &str) -> Assertion {
    let mut operands = super::bytes(looked);
    if matcher.starts_with("receive") {
        return Assertion::new(node, Shape::Calls, operands).unclear("`expect(…).to receive`");
    }
    if matcher.starts_with("have_received") {
        let one = Assertion::new(node, Shape::Calls, operands.clone());
        return one.by(node, framed("[", each(&operands, "", ", "), "]"));
    }
    let mut all = operands.clone();
    all.extend(super::bytes(given));
    let compares = ["eq", "eql", "be ", "equal"].iter().any(|word| matcher.starts_with(word));
    let value = given.first().and_then(|node| field(*node, "arguments")).map(parts);
    let shape = match value.filter(|_| compares) {
        Some(value) => {
            operands.extend(super::bytes(&value));
            Shape::Compare
        }
        None => Shape::Other,
    };
    Assertion::new(node, shape, operands).by(node, framed("[", each(&all, "", ", "), "]"))
}

fn asserts(node: Node<'_>, name: &str, given: &[Node<'_>]) -> Assertion {
    let shape = match name {
        "assert" => Shape::Truth,
        "refute" => Shape::Falsehood,
        "assert_equal" | "refute_equal" | "assert_same" | "assert_in_delta" | "assert_match" => {
            Shape::Compare
        }
        "flunk" => Shape::Fails,
        "assert_raises" | "assert_raise" | "assert_nothing_raised" | "assert_throws" => {
            Shape::Raises
        }
        _ => Shape::Other,
    };
    let wanted = match shape {
        Shape::Truth | Shape::Falsehood => 1,
        Shape::Compare => 2,
        _ => given.len(),
    };
    let one = Assertion::new(node, shape, super::bytes(&given[..wanted.min(given.len())]));
    match shape {
        Shape::Raises => {
            let statement = node.parent().is_some_and(|up| {
                matches!(up.kind(), "body_statement" | "block_body" | "then" | "do" | "program")
            });
            let body = field(node, "block").and_then(|block| field(block, "body"));
            match body.filter(|_| statement) {
                Some(body) => {
                    let inner = vec![Part::Old(body.byte_range())];
                    one.by(node, framed(RESCUED.0, inner, RESCUED.1))
                }
                None => one.unclear(format!("the value of `{name}` is used")),
            }
        }
        Shape::Fails => one.by(node, vec![new("return")]),
        _ if field(node, "block").is_some() => one.unclear(format!("`{name}` runs a block")),
        _ => one.by(node, framed("[", each(&super::bytes(given), "", ", "), "]")),
    }
}
