//! Assertions of Go: the testing package, testify and its kin, gomega.

use std::ops::Range;

use tree_sitter::Node;

use super::{Assertion, Part, Shape, framed, new};
use crate::code::test_code::source::{Code, around, field, parts};

/// A function in place of one that asserts.
const ANY: &str = "func(...interface{}) bool { return true }";

pub(super) fn at(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    if node.kind() == "selector_expression" {
        return value(code, node);
    }
    if node.kind() != "call_expression" {
        return None;
    }
    let function = field(node, "function")?;
    if function.kind() != "selector_expression" {
        let name = code.str(function);
        // gomega and others, imported by a dot.
        let is_other = super::is_assert_name(name)
            && function.kind() == "identifier"
            && !super::is_defined(code, name);
        return is_other.then(|| {
            Assertion::new(node, Shape::Other, Vec::new())
                .unclear(format!("`{name}` asserts, and its code is in another file"))
        });
    }
    let operand = field(function, "operand")?;
    let name = code.str(field(function, "field")?);
    let arguments = field(node, "arguments")?;
    let given = parts(arguments);
    let statement = node.parent().filter(|up| up.kind() == "expression_statement");
    let is_testing = is_testing(code, operand);
    match name {
        "Error" | "Errorf" | "Fail" if is_testing => {
            let one = Assertion::new(node, Shape::Fails, super::bytes(&given));
            Some(one.by(function, vec![new(ANY)]))
        }
        "Fatal" | "Fatalf" | "FailNow" if is_testing => {
            let one = Assertion::new(node, Shape::Fails, super::bytes(&given));
            Some(match statement {
                Some(statement) => {
                    let Some(end) = end(code, node) else {
                        return Some(one.unclear(format!(
                            "`{name}` ends a function whose results are unknown"
                        )));
                    };
                    let inner = vec![new(ANY), Part::Old(arguments.byte_range())];
                    one.by(statement, framed("{ ", inner, &format!("; {end} }}")))
                }
                None => one.by(function, vec![new(ANY)]),
            })
        }
        _ if is_library(code, operand) => Some(library(code, node, operand, name, &given)),
        "To" | "ToNot" | "NotTo" | "Should" | "ShouldNot" => gomega(code, node, operand, &given),
        _ => None,
    }
}

/// A function that asserts, given away instead of called.
fn value(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    let name = code.str(field(node, "field")?);
    let is_called = node
        .parent()
        .is_some_and(|up| up.kind() == "call_expression" && field(up, "function") == Some(node));
    let fails = matches!(name, "Error" | "Errorf" | "Fail" | "Fatal" | "Fatalf" | "FailNow");
    let is_value = !is_called && fails && is_testing(code, field(node, "operand")?);
    is_value.then(|| {
        Assertion::new(node, Shape::Other, Vec::new())
            .unclear(format!("`{name}` is given away as a value"))
    })
}

/// Whether a name is that of a test's own parameter.
fn is_testing(code: &Code<'_>, operand: Node<'_>) -> bool {
    if operand.kind() != "identifier" {
        // `s.T().Fatal()` of suites.
        return code.str(operand).ends_with(".T()");
    }
    let name = code.str(operand);
    if code.bindings.contains_key(name) {
        return false;
    }
    let holders = around(operand).filter(|up| {
        matches!(up.kind(), "function_declaration" | "func_literal" | "method_declaration")
    });
    holders.into_iter().any(|holder| {
        let given = field(holder, "parameters").map(parts).unwrap_or_default();
        given.into_iter().any(|one| {
            let kind = field(one, "type").map(|node| code.str(node)).unwrap_or_default();
            let is_test =
                kind.contains("testing.") || kind.ends_with("TestingT") || kind.ends_with("TB");
            is_test
                && parts(one)
                    .iter()
                    .any(|part| part.kind() == "identifier" && code.str(*part) == name)
        })
    }) || matches!(name, "t" | "tb")
}

/// Packages of assertions, and values made by them.
fn is_library(code: &Code<'_>, operand: Node<'_>) -> bool {
    let name = code.str(operand);
    match code.bindings.get(name) {
        Some(path) => is_library_path(path),
        // `assert := assert.New(t)`, `is := is.New(t)`, suites' `s.Require()`.
        None => {
            matches!(name, "assert" | "require" | "is" | "must" | "qt" | "c" | "r" | "a")
                && code.bindings.values().any(|path| is_library_path(path))
                && is_made(code, operand, name)
                || name.ends_with(".Require()")
                || name.ends_with(".Assert()")
        }
    }
}

fn is_library_path(path: &str) -> bool {
    matches!(
        path.trim_end_matches("/v2").trim_end_matches("/v3").rsplit('/').next(),
        Some("assert" | "require" | "is" | "must" | "quicktest" | "qt" | "td" | "test")
    ) && path.contains('.')
}

/// Whether a local name is made by `x.New(t)`.
fn is_made(code: &Code<'_>, operand: Node<'_>, name: &str) -> bool {
    let Some(holder) = around(operand).filter(|up| up.kind() == "function_declaration").last()
    else {
        return false;
    };
    let text = code.str(holder);
    [":= ", ":="].iter().any(|sign| {
        text.split(&format!("{name} {}", sign)).skip(1).any(|rest| {
            let call = rest.trim_start().split('(').next().unwrap_or_default();
            call.ends_with(".New") || call.ends_with(".NewRequire")
        })
    })
}

fn library(
    code: &Code<'_>,
    node: Node<'_>,
    operand: Node<'_>,
    name: &str,
    given: &[Node<'_>],
) -> Assertion {
    let text = code.str(operand);
    // A local value may have the package's name.
    let is_package = code.bindings.contains_key(text) && !is_made(code, operand, text);
    // `assert.New(t)` makes, and is no assertion.
    if matches!(name, "New" | "ObjectsAreEqual" | "Equals" | "DeepEquals" | "Helper") {
        let mut one = Assertion::new(node, Shape::Other, Vec::new());
        one.strip = Ok(Vec::new());
        one.range = node.start_byte()..node.start_byte();
        return one;
    }
    let operands: Vec<Range<usize>> =
        super::bytes(if is_package { given.get(1..).unwrap_or_default() } else { given });
    let shape = match name.trim_end_matches('f') {
        "True" => Shape::Truth,
        "False" => Shape::Falsehood,
        "Equal" | "NotEqual" | "EqualValues" | "Exactly" | "Same" | "JSONEq" | "Greater"
        | "Less" | "DeepEqual" => Shape::Compare,
        "Panics" | "PanicsWithValue" | "PanicsWithError" | "NotPanics" => Shape::Raises,
        "Fail" | "FailNow" => Shape::Fails,
        "AssertCalled" | "AssertExpectations" | "AssertNumberOfCalls" => Shape::Calls,
        _ => Shape::Other,
    };
    let first = operands.first().cloned();
    let operands = match shape {
        Shape::Truth | Shape::Falsehood => operands.into_iter().take(1).collect(),
        Shape::Compare => operands.into_iter().take(2).collect(),
        _ => operands,
    };
    let one = Assertion::new(node, shape, operands);
    if shape == Shape::Raises {
        let Some(run) =
            first.filter(|_| name.starts_with("Panics") || name.starts_with("NotPanics"))
        else {
            return one.unclear(format!("`{name}` is given nothing to run"));
        };
        let run = match name.trim_end_matches('f') {
            "Panics" | "NotPanics" => run,
            _ => match one.operands.get(1) {
                Some(second) => second.clone(),
                None => return one.unclear(format!("`{name}` is given nothing to run")),
            },
        };
        let inner = vec![Part::Old(run)];
        return one.by(
            node,
            framed(
                "func() bool { defer func() { _ = recover() }(); (",
                inner,
                ")(); return true }()",
            ),
        );
    }
    if matches!(
        name.trim_end_matches('f'),
        "Eventually" | "Never" | "Condition" | "EventuallyWithT"
    ) {
        return one.unclear(format!("`{name}` runs what it is given"));
    }
    let mut parts = vec![new(ANY), new("(")];
    if !is_package {
        parts.extend([Part::Old(operand.byte_range()), new(", ")]);
    }
    let arguments = field(node, "arguments").map(|node| node.byte_range()).unwrap_or_default();
    parts.extend([Part::Old(arguments.start + 1..arguments.end.saturating_sub(1)), new(")")]);
    one.by(node, parts)
}

/// `Expect(x).To(Equal(y))`, `g.Expect(x).Should(…)`.
fn gomega(
    code: &Code<'_>,
    node: Node<'_>,
    operand: Node<'_>,
    given: &[Node<'_>],
) -> Option<Assertion> {
    let function = field(operand, "function").filter(|_| operand.kind() == "call_expression")?;
    let name = code.str(function).rsplit('.').next().unwrap_or_default();
    let mut values = field(operand, "arguments").map(parts).unwrap_or_default();
    values.extend(given);
    let one = Assertion::new(node, Shape::Other, super::bytes(&values));
    match name {
        "Expect" | "Ω" | "ExpectWithOffset" => {
            let inner = super::each(&super::bytes(&values), "", ", ");
            Some(one.by(node, framed(&format!("{ANY}("), inner, ")")))
        }
        "Eventually" | "Consistently" => Some(one.unclear(format!("`{name}` waits"))),
        _ => None,
    }
}

/// What ends the function around a node without a failure.
fn end(code: &Code<'_>, node: Node<'_>) -> Option<String> {
    let holder = around(node).find(|up| {
        matches!(up.kind(), "function_declaration" | "func_literal" | "method_declaration")
    })?;
    let Some(result) = field(holder, "result") else { return Some("return".to_owned()) };
    if result.kind() != "parameter_list" {
        return Some(format!("return *new({})", code.str(result)));
    }
    let mut values = Vec::new();
    for one in parts(result) {
        if field(one, "name").is_some() {
            return Some("return".to_owned());
        }
        values.push(format!("*new({})", code.str(field(one, "type")?)));
    }
    Some(format!("return {}", values.join(", ")))
}

/// Imports stay used: Go refuses those that are not.
pub(super) fn tail(code: &Code<'_>, removed: &[Range<usize>]) -> String {
    let mut left: std::collections::BTreeMap<&str, (bool, String)> = Default::default();
    crate::code::test_code::source::walk(code.root, &mut |node| {
        if node.kind() == "selector_expression"
            && let (Some(operand), Some(name)) = (field(node, "operand"), field(node, "field"))
            && code.bindings.contains_key(code.str(operand))
        {
            let is_removed = removed
                .iter()
                .any(|range| range.start <= node.start_byte() && node.end_byte() <= range.end);
            let entry = left.entry(code.str(operand)).or_default();
            entry.0 |= !is_removed;
            entry.1 = code.str(name).to_owned();
        }
        true
    });
    let lines = left.iter().filter(|(package, (is_used, _))| {
        !is_used && code.bindings.get(**package).is_some_and(|path| is_library_path(path))
    });
    lines.map(|(package, (_, name))| format!("\nvar _ = {package}.{name}\n")).collect()
}
