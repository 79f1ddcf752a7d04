//! Assertions of JavaScript and TypeScript: jest, vitest, chai, `node:assert`.

use std::ops::Range;

use tree_sitter::Node;

use super::{Assertion, Part, Shape, each, framed, new};
use crate::code::test_code::source::{Code, around, field, parts};

/// Calls a function, or takes a value, and waits for it.
const SETTLED: &str = "(async (value) => typeof value === \"function\" ? value() : value)(";
/// Calls a function that may fail.
const CALLED: (&str, &str) = ("void (() => { try { (", ")(); } catch (_) {} })()");

/// One word of a chain, and what it is called with.
struct Link<'t> {
    name: &'t str,
    given: Option<Vec<Node<'t>>>,
}

/// A chain of members and calls, from its root on.
fn links<'t>(code: &Code<'t>, node: Node<'t>) -> Option<Vec<Link<'t>>> {
    let mut links: Vec<Link<'t>> = Vec::new();
    let mut at = node;
    let mut given = None;
    for _ in 0..40 {
        match at.kind() {
            "call_expression" => {
                given = Some(field(at, "arguments").map(parts).unwrap_or_default());
                at = field(at, "function")?;
            }
            "member_expression" => {
                let name = code.str(field(at, "property")?);
                links.push(Link { name, given: given.take() });
                at = field(at, "object")?;
            }
            "non_null_expression" => at = *parts(at).first()?,
            _ => break,
        }
    }
    links.push(Link { name: code.str(at), given });
    links.reverse();
    Some(links)
}

pub(super) fn at(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    if !matches!(node.kind(), "call_expression" | "member_expression") {
        return None;
    }
    if let Some(up) = node.parent() {
        // Only the whole chain; a promise's own methods are no part of it.
        if up.kind() == "call_expression" && field(up, "function") == Some(node) {
            return None;
        }
        if up.kind() == "member_expression" {
            let name = field(up, "property").map(|name| code.str(name)).unwrap_or_default();
            if node.kind() != "call_expression" || !matches!(name, "then" | "catch" | "finally") {
                return None;
            }
        }
    }
    whole(code, node)
}

fn whole(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    let chain = links(code, node)?;
    let (first, last) = (chain.first()?, chain.last()?);
    if matches!(last.name, "then" | "catch" | "finally") {
        return None;
    }
    let bound = code.bindings.get(first.name).map(String::as_str).unwrap_or_default();
    let is_assert = bound == "assert"
        || bound == "assert/strict"
        || bound == "chai.assert"
        || bound == "vitest.assert"
        || first.name == "assert" && !super::is_defined(code, "assert");
    let of_assert = bound.strip_prefix("assert/strict.").or(bound.strip_prefix("assert."));
    if first.name == "expect" {
        return expect(node, &chain);
    }
    match (chain.as_slice(), of_assert) {
        ([only], Some(name)) => {
            let name = if name == "strict" { "ok" } else { name };
            return Some(assert(code, node, name, only.given.as_deref()?));
        }
        ([only], None) if is_assert => {
            return Some(assert(code, node, "ok", only.given.as_deref()?));
        }
        // `assert.strict.equal(…)`.
        ([_, .., last], _) if is_assert && chain.len() <= 3 => {
            return Some(assert(code, node, last.name, last.given.as_deref()?));
        }
        // `t.assert.equal(…)`, `sinon.assert.calledOnce(…)`.
        ([head, assert_word, last], _)
            if assert_word.name == "assert" && assert_word.given.is_none() =>
        {
            let mut one = assert(code, node, last.name, last.given.as_deref()?);
            if head.name == "sinon" {
                one.shape = Shape::Calls;
            }
            return Some(one);
        }
        _ => {}
    }
    if let Some(at) = chain.iter().position(|link| link.name == "should" && link.given.is_none())
        && at > 0
    {
        return should(node, &chain, at);
    }
    if first.name == "done" && last.name == "fail" && chain.len() == 2 {
        return Some(Assertion::new(node, Shape::Fails, Vec::new()).unclear("`done.fail`"));
    }
    let is_helper = chain.len() == 1
        && first.given.is_some()
        && (super::is_assert_name(first.name) || first.name.starts_with("expect"))
        && !first.name.starts_with("expectTypeOf")
        && !first.name.starts_with("assertType")
        && !super::is_defined(code, first.name);
    is_helper.then(|| {
        Assertion::new(node, Shape::Other, Vec::new())
            .unclear(format!("`{}` asserts, and its code is in another file", first.name))
    })
}

fn expect(node: Node<'_>, chain: &[Link<'_>]) -> Option<Assertion> {
    let (first, rest) = chain.split_first()?;
    let link = rest.first()?;
    let Some(looked) = first.given.as_deref() else {
        return match link.name {
            "assertions" | "hasAssertions" => {
                let one = Assertion::new(node, Shape::Other, Vec::new());
                Some(one.by(node, vec![new("void 0")]))
            }
            "fail" | "unreachable" => Some(ends(node, link.given.as_deref().unwrap_or_default())),
            "soft" if rest.len() > 1 => Some(matched(node, link.given.as_deref()?, &rest[1..])),
            "poll" => {
                Some(Assertion::new(node, Shape::Other, Vec::new()).unclear("`expect.poll` waits"))
            }
            // `expect.any(String)` and its kin are values.
            _ => None,
        };
    };
    Some(matched(node, looked, rest))
}

/// What follows `expect(x)`.
fn matched(node: Node<'_>, looked: &[Node<'_>], rest: &[Link<'_>]) -> Assertion {
    let has = |wanted: &[&str]| rest.iter().any(|link| wanted.contains(&link.name));
    let given = rest.iter().flat_map(|link| link.given.iter().flatten());
    let given: Vec<Range<usize>> = given.map(|node| node.byte_range()).collect();
    let last = rest.last().map(|link| link.name).unwrap_or_default();
    let rejects = has(&["rejects", "rejected", "rejectedWith"]);
    let throws = has(&["throw", "throws", "Throw"])
        || rest.iter().any(|link| link.name.starts_with("toThrow"));
    let shape = if rejects || throws { Shape::Raises } else { shape(last) };
    let Some(first) = looked.first().map(|node| node.byte_range()) else {
        return Assertion::new(node, shape, Vec::new()).unclear("`expect` is given nothing");
    };
    let mut operands = vec![first.clone()];
    if shape == Shape::Compare {
        operands.extend(given.iter().take(1).cloned());
    }
    let one = Assertion::new(node, shape, operands);
    let value = vec![Part::Old(first)];
    if rejects {
        return one.by(node, framed(SETTLED, value, ").catch(() => {})"));
    }
    if throws {
        return one.by(node, framed(CALLED.0, value, CALLED.1));
    }
    if has(&["resolves", "eventually", "fulfilled"]) {
        // A promise that fails is a crash, and what is compared is evaluated.
        let mut parts = framed(SETTLED, value, ", [");
        parts.extend(each(&given, "", ", "));
        parts.push(new("])"));
        return one.by(node, parts);
    }
    let mut parts = each(&super::bytes(looked), "", ", ");
    parts.extend(each(&given, "", ", "));
    one.by(node, framed("void [", parts, "]"))
}

fn shape(matcher: &str) -> Shape {
    match matcher {
        "toBeTruthy" | "true" | "ok" => Shape::Truth,
        "toBeFalsy" | "false" => Shape::Falsehood,
        "toBe"
        | "toEqual"
        | "toStrictEqual"
        | "equal"
        | "equals"
        | "eql"
        | "eq"
        | "deepEqual"
        | "toMatchObject"
        | "toBeCloseTo"
        | "toBeGreaterThan"
        | "toBeLessThan"
        | "toContain"
        | "include"
        | "toHaveLength"
        | "toBeGreaterThanOrEqual"
        | "toBeLessThanOrEqual"
        | "toMatch" => Shape::Compare,
        _ => {
            let calls =
                ["toHaveBeen", "called", "toHaveReturned", "toBeCalled", "toHaveLast", "toHaveNth"];
            match calls.iter().any(|lead| matcher.starts_with(lead)) {
                true => Shape::Calls,
                false => Shape::Other,
            }
        }
    }
}

/// Functions of `node:assert` and of chai's `assert`.
fn assert(code: &Code<'_>, node: Node<'_>, name: &str, given: &[Node<'_>]) -> Assertion {
    let shape = match name {
        "ok" | "isTrue" | "isOk" => Shape::Truth,
        "isFalse" | "isNotOk" | "notOk" => Shape::Falsehood,
        "equal" | "strictEqual" | "deepEqual" | "deepStrictEqual" | "notEqual"
        | "notStrictEqual" | "notDeepEqual" | "notDeepStrictEqual" | "match" | "doesNotMatch"
        | "include" | "lengthOf" => Shape::Compare,
        "throws" | "doesNotThrow" | "rejects" | "doesNotReject" | "Throws" => Shape::Raises,
        "fail" => return ends(node, given),
        _ => Shape::Other,
    };
    let wanted = match shape {
        Shape::Truth | Shape::Falsehood | Shape::Raises => 1,
        Shape::Compare => 2,
        _ => given.len(),
    };
    let mut operands = super::bytes(&given[..wanted.min(given.len())]);
    if let (Shape::Truth, [first, ..]) = (shape, given) {
        operands = sides(code, *first);
    }
    let one = Assertion::new(node, shape, operands);
    let value = |node: &Node<'_>| vec![Part::Old(node.byte_range())];
    match (name, given) {
        ("throws" | "doesNotThrow" | "Throws", [run, ..]) => {
            one.by(node, framed(CALLED.0, value(run), CALLED.1))
        }
        ("rejects" | "doesNotReject", [run, ..]) => {
            one.by(node, framed(SETTLED, value(run), ").catch(() => {})"))
        }
        _ => one.by(node, framed("void [", each(&super::bytes(given), "", ", "), "]")),
    }
}

/// The sides of a comparison, or the whole.
fn sides(code: &Code<'_>, node: Node<'_>) -> Vec<Range<usize>> {
    match (field(node, "left"), field(node, "right"), field(node, "operator")) {
        (Some(left), Some(right), Some(sign))
            if matches!(code.str(sign), "==" | "===" | "!=" | "!==" | "<" | ">" | "<=" | ">=") =>
        {
            vec![left.byte_range(), right.byte_range()]
        }
        _ => vec![node.byte_range()],
    }
}

/// `x.should.equal(y)`.
fn should(node: Node<'_>, chain: &[Link<'_>], at: usize) -> Option<Assertion> {
    // The object is whatever stands before `.should`.
    let mut object = node;
    for _ in at..chain.len() {
        while object.kind() == "call_expression" {
            object = field(object, "function")?;
        }
        object = field(object, "object")?;
    }
    let mut all = vec![object.byte_range()];
    let given = chain[at..].iter().flat_map(|link| link.given.iter().flatten());
    all.extend(given.map(|node| node.byte_range()));
    let last = chain.last().map(|link| link.name).unwrap_or_default();
    if chain[at..].iter().any(|link| matches!(link.name, "throw" | "throws")) {
        let one = Assertion::new(node, Shape::Raises, all.clone());
        return Some(one.by(node, framed(CALLED.0, vec![Part::Old(all[0].clone())], CALLED.1)));
    }
    let one = Assertion::new(node, shape(last), all.clone());
    Some(one.by(node, framed("void [", each(&all, "", ", "), "]")))
}

/// The end of the test at a statement.
fn ends(node: Node<'_>, given: &[Node<'_>]) -> Assertion {
    let one = Assertion::new(node, Shape::Fails, Vec::new());
    let holder = around(node).any(|up| {
        matches!(
            up.kind(),
            "arrow_function" | "function_expression" | "function_declaration" | "method_definition"
        )
    });
    match node.parent().filter(|up| up.kind() == "expression_statement" && holder) {
        Some(statement) => {
            let values = each(&super::bytes(given), "", ", ");
            one.by(statement, framed("{ void [", values, "]; return; }"))
        }
        None => one.unclear("a failure inside of an expression"),
    }
}
