//! Assertions of PHP: PHPUnit.

use tree_sitter::Node;

use super::{Assertion, Edit, Part, Shape, each, framed, new};
use crate::code::test_code::source::{Code, field, parts};

pub(super) fn at(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    let calls = ["member_call_expression", "scoped_call_expression", "function_call_expression"];
    if !calls.contains(&node.kind()) {
        return None;
    }
    let name = code.str(field(node, "name").or_else(|| field(node, "function"))?);
    let of = field(node, "object").or_else(|| field(node, "scope"));
    let of = of.map(|node| code.str(node)).unwrap_or_default();
    let is_case = matches!(of, "$this" | "self" | "static" | "parent")
        || of.ends_with("Assert")
        || of.ends_with("TestCase");
    let is_function = of.is_empty() && name.starts_with("assert");
    if !is_case && !is_function || super::is_defined(code, name) {
        return None;
    }
    let given: Vec<Node<'_>> = field(node, "arguments").map(parts).unwrap_or_default();
    let values: Vec<Node<'_>> =
        given.iter().filter_map(|node| parts(*node).last().copied()).collect();
    let evaluated = framed("[", each(&super::bytes(&values), "", ", "), "]");
    let statement = node.parent().filter(|up| up.kind() == "expression_statement");
    let shape = shape(name)?;
    let wanted = match shape {
        Shape::Truth | Shape::Falsehood => 1,
        Shape::Compare => 2,
        _ => values.len(),
    };
    let one = Assertion::new(node, shape, super::bytes(&values[..wanted.min(values.len())]));
    let Some(statement) = statement else {
        return Some(one.unclear(format!("the value of `{name}` is used")));
    };
    if given.iter().any(|node| code.str(*node).starts_with("...")) {
        return Some(one.unclear(format!("`{name}` is given `...` values")));
    }
    Some(match shape {
        Shape::Fails => one.by(statement, vec![new("return;")]),
        Shape::Raises if name == "expectException" => throws(one, statement, evaluated),
        _ => one.by(node, evaluated),
    })
}

fn shape(name: &str) -> Option<Shape> {
    Some(match name {
        "assertTrue" => Shape::Truth,
        "assertFalse" => Shape::Falsehood,
        "assertSame" | "assertEquals" | "assertNotSame" | "assertNotEquals"
        | "assertGreaterThan" | "assertLessThan" | "assertCount" | "assertContains" => {
            Shape::Compare
        }
        "fail" => Shape::Fails,
        _ if name.starts_with("expectException") => Shape::Raises,
        _ if name.starts_with("assert") => Shape::Other,
        _ => return None,
    })
}

/// `$this->expectException(X::class);`: the rest of the body may throw or not.
fn throws(mut one: Assertion, statement: Node<'_>, mut evaluated: Vec<Part>) -> Assertion {
    let body = statement.parent().filter(|up| {
        up.kind() == "compound_statement"
            && up.parent().is_some_and(|up| up.kind() == "method_declaration")
    });
    let Some(body) = body else { return one.unclear("`expectException` inside of a block") };
    evaluated.push(new("; try {"));
    let end = body.end_byte().saturating_sub(1);
    let close = vec![new("} catch (\\Throwable $anyThrown) { } ")];
    one.strip = Ok(vec![
        Edit { range: statement.byte_range(), parts: evaluated },
        Edit { range: end..end, parts: close },
    ]);
    one
}
