//! Assertions of Python: `assert`, pytest, unittest, mocks, numpy and others.

use std::ops::Range;

use tree_sitter::Node;

use super::{Assertion, Part, Shape, each, framed, is_alone, is_defined, new};
use crate::code::test_code::source::{Code, around, field, parts};

/// A context that may be left by an exception, and gives anything that is asked
/// of it, as the exception's own context and cause.
const ANY_CONTEXT: &str = "__import__(\"unittest.mock\").mock.MagicMock(**{f\"__enter__.return_value.{one}.__{part}__\": \
    __import__(\"unittest.mock\").mock.MagicMock() for one in (\"exception\", \"value\") \
    for part in (\"context\", \"cause\", \"suppress_context\", \"traceback\")}, **{\"__exit__.return_value\": ";

/// Modules whose functions named `assert…` give nothing.
const LIBRARIES: &[&str] = &[
    "numpy.",
    "pandas.",
    "torch.",
    "nose.",
    "hamcrest.",
    "unittest.",
    "django.",
    "xarray.",
    "polars.",
    "asserts.",
    "assertpy.",
    "jax.",
    "tensorflow.",
    "scipy.",
    "sklearn.",
    "geopandas.",
    "dask.",
    "shapely.",
];

pub(super) fn at(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    match node.kind() {
        "assert_statement" => {
            let first = *parts(node).first()?;
            let operands = operands(code, first);
            let shape = if operands.len() > 1 { Shape::Compare } else { Shape::Truth };
            let one = Assertion::new(node, shape, operands);
            Some(one.by(node, framed("not (", vec![Part::Old(first.byte_range())], ")")))
        }
        "raise_statement" => {
            let raised = *parts(node).first()?;
            let is_assertion = code.str(raised).split('(').next() == Some("AssertionError");
            is_assertion.then(|| ends(node, node, Vec::new()))
        }
        "call" => call(code, node),
        _ => None,
    }
}

/// The two sides of a comparison, or the whole.
fn operands(code: &Code<'_>, node: Node<'_>) -> Vec<Range<usize>> {
    let mut inner = node;
    while inner.kind() == "parenthesized_expression" {
        let Some(one) = parts(inner).first().copied() else { break };
        inner = one;
    }
    let all = parts(inner);
    let operator = |node: Node<'_>| {
        field(node, "operators").map(|node| code.str(node)).unwrap_or_default().to_owned()
    };
    match (inner.kind(), all.as_slice()) {
        ("comparison_operator", [a, b]) if !matches!(operator(inner).as_str(), "in" | "not in") => {
            vec![a.byte_range(), b.byte_range()]
        }
        _ => vec![inner.byte_range()],
    }
}

/// The end of the test at a statement.
fn ends(node: Node<'_>, statement: Node<'_>, evaluated: Vec<Range<usize>>) -> Assertion {
    let one = Assertion::new(node, Shape::Fails, Vec::new());
    let holder = around(statement).find(|up| matches!(up.kind(), "function_definition" | "lambda"));
    if holder.is_none_or(|holder| holder.kind() == "lambda") {
        return one.unclear("a failure outside of a function");
    }
    let parts = match evaluated.is_empty() {
        true => vec![new("return")],
        false => framed("(", each(&evaluated, "", ", "), "); return"),
    };
    one.by(statement, parts)
}

/// What is given to a call: values by place, values by name, and what is spread.
struct Given<'t> {
    placed: Vec<Node<'t>>,
    named: Vec<(Node<'t>, Node<'t>)>,
    has_spread: bool,
}

fn given(node: Node<'_>) -> Option<Given<'_>> {
    let arguments = field(node, "arguments").filter(|node| node.kind() == "argument_list")?;
    let mut given = Given { placed: Vec::new(), named: Vec::new(), has_spread: false };
    for part in parts(arguments) {
        match part.kind() {
            "keyword_argument" => {
                given.named.push((field(part, "name")?, field(part, "value")?));
            }
            "dictionary_splat" => given.has_spread = true,
            _ => given.placed.push(part),
        }
    }
    Some(given)
}

impl Given<'_> {
    fn values(&self) -> Vec<Range<usize>> {
        let placed = self.placed.iter().map(|node| node.byte_range());
        placed.chain(self.named.iter().map(|(_, value)| value.byte_range())).collect()
    }
}

fn call(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    let function = field(node, "function")?;
    let (name, receiver) = match function.kind() {
        "identifier" => (code.str(function), None),
        "attribute" => (code.str(field(function, "attribute")?), field(function, "object")),
        _ => return None,
    };
    if let Some(one) = chain(code, node) {
        return Some(one);
    }
    // The root of such a chain.
    if is_root(name) && node.parent().is_some_and(|up| up.kind() == "attribute") {
        return None;
    }
    let bound = code.bindings.get(name).map(String::as_str).filter(|_| receiver.is_none());
    let real = bound.map_or(name, |path| path.rsplit('.').next().unwrap_or(name));
    let of = receiver.map(|node| code.str(node)).unwrap_or_default();
    let is_pytest = of == "pytest" || bound.is_some_and(|path| path.starts_with("pytest."));
    let is_self = matches!(of, "self" | "cls");
    if is_defined(code, name) && (receiver.is_none() || is_self) {
        return None;
    }
    let given = given(node)?;
    let contexts = match real {
        "raises" if is_pytest => 1,
        "warns" if is_pytest => 1,
        "deprecated_call" if is_pytest => 0,
        "assertRaises" | "assertWarns" | "assert_raises" | "assert_warns" | "failUnlessRaises" => 1,
        "assertRaisesRegex"
        | "assertRaisesRegexp"
        | "assertWarnsRegex"
        | "assertRaisesMessage"
        | "assert_raises_regex" => 2,
        "assertLogs" | "assertNoLogs" => 2,
        "assertNumQueries" => 1,
        "fail" if is_pytest || is_self => return Some(fails(node, &given)),
        "xfail" | "skip" | "exit" if is_pytest => return None,
        _ => return asserts(code, node, real, receiver, bound, &given),
    };
    Some(raises(code, node, real, contexts, &given))
}

fn fails(node: Node<'_>, given: &Given<'_>) -> Assertion {
    match node.parent().filter(|up| up.kind() == "expression_statement") {
        Some(statement) => ends(node, statement, given.values()),
        None => Assertion::new(node, Shape::Fails, Vec::new())
            .unclear("a failure inside of an expression"),
    }
}

/// `with raises(X):`, `raises(X, f, a)`.
fn raises(code: &Code<'_>, node: Node<'_>, name: &str, own: usize, given: &Given<'_>) -> Assertion {
    let only_looks = ["Log", "Warns", "warn", "deprecated_call", "NumQueries"];
    let swallows = !only_looks.iter().any(|word| name.contains(word));
    let shape = if swallows { Shape::Raises } else { Shape::Other };
    let one = Assertion::new(node, shape, vec![node.byte_range()]);
    if given.has_spread {
        return one.unclear(format!("`{name}` is given `**` values"));
    }
    let flag = if swallows { "True" } else { "False" };
    let close = format!("{ANY_CONTEXT}{flag}}}))[-1]");
    let (head, rest) = given.placed.split_at(own.min(given.placed.len()));
    if rest.is_empty() {
        let values = each(&given.values(), "", ", ");
        return one.by(node, framed("(", values, &close));
    }
    // Its own form: the function and what it is given.
    let statement = node.parent().filter(|up| up.kind() == "expression_statement");
    let Some(statement) = statement.filter(|one| is_alone(code, *one)) else {
        return one.unclear(format!("the value of `{name}` is used"));
    };
    let called = rest[0].byte_range();
    let mut parts = framed("with (", each(&super::bytes(head), "", ", "), &close);
    parts.extend(framed(": (", vec![Part::Old(called)], ")("));
    parts.extend(each(&super::bytes(&rest[1..]), "", ", "));
    for (name, value) in &given.named {
        parts.extend([
            new(format!("{}=", code.str(*name))),
            Part::Old(value.byte_range()),
            new(", "),
        ]);
    }
    parts.push(new(")"));
    one.by(statement, parts)
}

/// Functions and methods named `assert…`.
fn asserts(
    code: &Code<'_>,
    node: Node<'_>,
    name: &str,
    receiver: Option<Node<'_>>,
    bound: Option<&str>,
    given: &Given<'_>,
) -> Option<Assertion> {
    let is_mock = name.starts_with("assert_called")
        || name.starts_with("assert_not_called")
        || name.starts_with("assert_any_call")
        || name.starts_with("assert_has_calls")
        || name.starts_with("assert_awaited")
        || name.starts_with("assert_not_awaited");
    let operator = operator(name);
    if !(name.starts_with("assert") || name.starts_with("failUnless") || name.starts_with("failIf"))
    {
        return None;
    }
    let shape = match name {
        _ if is_mock => Shape::Calls,
        "assertTrue" | "assert_" | "failUnless" => Shape::Truth,
        "assertFalse" | "failIf" => Shape::Falsehood,
        _ if operator.is_some() || name.starts_with("assert_") && given.placed.len() >= 2 => {
            Shape::Compare
        }
        "assertAlmostEqual"
        | "assertListEqual"
        | "assertDictEqual"
        | "assertSequenceEqual"
        | "assertSetEqual"
        | "assertTupleEqual"
        | "assertMultiLineEqual"
        | "assertCountEqual" => Shape::Compare,
        _ => Shape::Other,
    };
    let operands = match shape {
        Shape::Truth | Shape::Falsehood => super::bytes(&given.placed[..given.placed.len().min(1)]),
        Shape::Compare => super::bytes(&given.placed[..given.placed.len().min(2)]),
        Shape::Calls => receiver.iter().map(|node| node.byte_range()).collect(),
        _ => given.values(),
    };
    let whole = node.parent().filter(|up| up.kind() == "await").unwrap_or(node);
    let one = Assertion::new(node, shape, operands);
    if given.has_spread {
        return Some(one.unclear(format!("`{name}` is given `**` values")));
    }
    if receiver.is_none()
        && !bound.is_some_and(|path| LIBRARIES.iter().any(|known| path.starts_with(known)))
    {
        return Some(one.unclear(format!("`{name}` asserts, and its code is in another file")));
    }
    let mut values: Vec<Part> = Vec::new();
    let mut rest = given.values();
    if let (Some(operator), [a, b, ..]) = (operator, given.placed.as_slice())
        && a.kind() != "list_splat"
        && b.kind() != "list_splat"
    {
        rest.drain(..2);
        values.extend(framed("(", vec![Part::Old(a.byte_range())], ")"));
        values.extend(framed(&format!(" {operator} ("), vec![Part::Old(b.byte_range())], "), "));
    } else if matches!(shape, Shape::Truth | Shape::Falsehood) && given.placed.len() == 1 {
        rest.drain(..1);
        values.extend(framed("not (", vec![Part::Old(given.placed[0].byte_range())], "), "));
    }
    // What the method is called on, unless that is the case itself.
    if let Some(receiver) = receiver.filter(|node| !code.str(*node).starts_with("super()")) {
        values.extend(each(&[receiver.byte_range()], "", ", "));
    }
    values.extend(each(&rest, "", ", "));
    Some(one.by(whole, framed("(", values, ")")))
}

/// What a method of unittest compares with.
fn operator(name: &str) -> Option<&'static str> {
    Some(match name {
        "assertEqual" | "assertEquals" | "assertNotEqual" | "failUnlessEqual" => "==",
        "assertGreater" => ">",
        "assertGreaterEqual" => ">=",
        "assertLess" => "<",
        "assertLessEqual" => "<=",
        "assertIn" | "assertNotIn" => "in",
        "assertIs" | "assertIsNot" => "is",
        _ => return None,
    })
}

/// Functions that begin a chain.
fn is_root(name: &str) -> bool {
    matches!(name, "assert_that" | "expect" | "assert_warn" | "soft_assertions")
}

/// `assert_that(x).is_equal_to(y)`, `expect(x).to.equal(y)`: the whole chain.
fn chain(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    let is_inner = node.parent().is_some_and(|up| {
        up.kind() == "attribute"
            && up.parent().is_some_and(|up| matches!(up.kind(), "call" | "attribute"))
    });
    let mut all: Vec<Range<usize>> = Vec::new();
    let mut at = node;
    let mut depth = 0;
    loop {
        let given = given(at)?;
        all.splice(0..0, given.values());
        let mut function = field(at, "function")?;
        while function.kind() == "attribute" {
            function = field(function, "object")?;
            depth += 1;
        }
        match function.kind() {
            "call" => at = function,
            "identifier" => {
                let name = code.str(function);
                let is_chain = is_root(name) && at != node && depth > 0 && !is_defined(code, name);
                if !is_chain || is_inner {
                    return None;
                }
                let one = Assertion::new(node, Shape::Other, all.clone());
                return Some(one.by(node, framed("(", each(&all, "", ", "), ")")));
            }
            _ => return None,
        }
    }
}
