//! Assertions that hold whatever the code does.

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;

use super::Scene;
use crate::code::test_code::assertions::{Assertion, Shape};
use crate::code::test_code::source::{Code, Reading, around, field, leaves, nodes_in, parts};
use crate::code::test_code::{Fault, FaultKind};

pub(super) fn find(code: &Code<'_>, scene: &Scene<'_>, found: &mut Vec<Fault>) {
    let here = &scene.ranges[0];
    let constants = constants(code, scene);
    for one in scene.assertions.iter().filter(|one| here.contains(&one.range.start)) {
        if let Some(what) = holds(code, one, &constants) {
            let why = format!(
                "{what}, whatever the code does; compare what the code gives with what it should."
            );
            found.push(Fault { kind: FaultKind::Tautology, line: one.line, why });
        }
    }
}

/// Why an assertion always holds.
fn holds(code: &Code<'_>, one: &Assertion, constants: &[String]) -> Option<String> {
    let text = |range: &Range<usize>| -> String {
        code.at(range.clone()).chars().filter(|c| !c.is_whitespace()).collect()
    };
    let shown = || {
        code.at(one.range.clone())
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(60)
            .collect::<String>()
    };
    match one.shape {
        Shape::Raises => return raises_itself(code, one),
        Shape::Fails | Shape::Calls => return None,
        _ => {}
    }
    let mut operands = one.operands.clone();
    let mut operator = String::new();
    if let (Shape::Truth, [only]) = (one.shape, operands.as_slice()) {
        if always_true(code, only) {
            return Some(format!("`{}` always holds", shown()));
        }
        if let Some((left, sign, right)) = split(code, only) {
            operator = sign;
            operands = vec![left, right];
        }
    }
    if let [a, b] = operands.as_slice()
        && operator.is_empty()
    {
        operator = code.at(a.end.min(b.start)..b.start).trim().to_owned();
    }
    // What always fails is a way to say that nothing should come here.
    let texts: Vec<String> = operands.iter().map(&text).collect();
    let lower: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    let always_fails = match (one.shape, lower.as_slice()) {
        (Shape::Truth, [only]) => only == "false",
        (Shape::Falsehood, [only]) => only == "true",
        (_, [a, b]) => a != b && [a, b].iter().all(|one| matches!(one.as_str(), "true" | "false")),
        _ => false,
    };
    if operands.is_empty() || always_fails {
        return None;
    }
    if operands.iter().all(|range| is_constant(code, range, constants)) {
        return Some(format!("`{}` compares constants of the test itself", shown()));
    }
    if let ([a, b, ..], Shape::Truth | Shape::Compare) = (operands.as_slice(), one.shape) {
        let (a, b) = (text(a), text(b));
        let has_call = a.contains('(');
        if a == b && !has_call {
            return Some(format!("`{}` compares a value with itself", shown()));
        }
        let is_size = |text: &str| {
            ["len(", ".len()", ".length", ".size()", ".count()", ".size"]
                .iter()
                .any(|word| text.contains(word))
        };
        let whole = code.at(one.range.clone());
        let at_least = operator == ">="
            || whole.contains("GreaterEqual(")
            || whole.contains("GreaterThanOrEqual(");
        if at_least && b == "0" && is_size(&a) {
            return Some(format!("`{}`: no size is less than 0", shown()));
        }
    }
    None
}

/// `x or True`, a tuple, `!false`.
fn always_true(code: &Code<'_>, range: &Range<usize>) -> bool {
    let all = leaves(code.root, range);
    let mut depth = 0i32;
    let texts: Vec<&str> = all.iter().map(|leaf| code.str(*leaf)).collect();
    let is_true = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| texts.get(at)).copied().unwrap_or("or");
        let behind = texts.get(at + 1).copied().unwrap_or("or");
        let joins = |text: &str| matches!(text, "or" | "||");
        matches!(texts[at], "True" | "true")
            && (joins(before) || at == 0)
            && (joins(behind) || at + 1 == texts.len())
            && texts.len() > 1
    };
    for (at, text) in texts.iter().enumerate() {
        match *text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ if depth == 0 && is_true(at) => return true,
            _ => {}
        }
    }
    let node = code.root.descendant_for_byte_range(range.start, range.end);
    node.is_some_and(|node| {
        node.kind() == "tuple" && node.byte_range() == *range && !parts(node).is_empty()
    })
}

/// The sides of a comparison, by its outermost sign.
fn split(code: &Code<'_>, range: &Range<usize>) -> Option<(Range<usize>, String, Range<usize>)> {
    let mut depth = 0i32;
    let mut found = None;
    for leaf in leaves(code.root, range) {
        match code.str(leaf) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "&&" | "||" | "and" | "or" if depth == 0 => return None,
            sign @ ("==" | "===" | "!=" | "!==" | ">=" | "<=" | "is") if depth == 0 => {
                if found.is_some() {
                    return None;
                }
                found = Some((
                    range.start..leaf.start_byte(),
                    sign.to_owned(),
                    leaf.end_byte()..range.end,
                ));
            }
            _ => {}
        }
    }
    found.filter(|(left, _, right)| !left.is_empty() && !right.is_empty())
}

/// Whether nothing but literals, and names of constants, stands in a range.
fn is_constant(code: &Code<'_>, range: &Range<usize>, constants: &[String]) -> bool {
    const MAKERS: &[&str] = &[
        "Some",
        "Ok",
        "Err",
        "None",
        "vec",
        "String",
        "from",
        "to_string",
        "to_owned",
        "into",
        "List",
        "of",
        "Arrays",
        "asList",
        "undefined",
        "NaN",
        "is",
        "equalTo",
        "Object",
        "Integer",
        "Boolean",
        "int",
        "str",
        "list",
        "dict",
        "set",
        "string",
        "float64",
        "eq",
        "eql",
    ];
    let all = leaves(code.root, range);
    let mut has_value = false;
    for leaf in &all {
        let text = code.str(*leaf);
        let is_name =
            text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$' || c == '@');
        let kind = leaf.kind();
        let is_word = is_name
            && (kind.ends_with("identifier")
                || matches!(kind, "constant" | "name" | "self" | "this"));
        if is_word {
            if constants.iter().any(|name| name == text) {
                has_value = true;
            } else if !MAKERS.contains(&text) {
                return false;
            } else if matches!(text, "None" | "undefined" | "NaN") {
                has_value = true;
            }
        } else if !matches!(text, "(" | ")" | "," | "." | "::" | "!" | "&") {
            // `super().x`, `yield`, `await`: more than a value.
            if matches!(
                kind,
                "super" | "yield" | "await" | "lambda" | "metavariable" | "instance_variable"
            ) || text.starts_with('|')
            {
                return false;
            }
            has_value = true;
        }
    }
    has_value
}

/// Names that a test gives a literal once, and then only asserts on.
fn constants(code: &Code<'_>, scene: &Scene<'_>) -> Vec<String> {
    let here = &scene.ranges[0];
    let mut given: HashMap<&str, (usize, bool)> = HashMap::new();
    let wanted = |node: Node<'_>| {
        matches!(
            node.kind(),
            "assignment"
                | "let_declaration"
                | "short_var_declaration"
                | "variable_declarator"
                | "var_spec"
                | "const_spec"
                | "assignment_expression"
        )
    };
    for node in nodes_in(code.root, here, &wanted) {
        let name = ["left", "pattern", "name"].iter().find_map(|name| field(node, name));
        let value = ["right", "value"].iter().find_map(|name| field(node, name));
        let (Some(name), Some(value)) = (name, value) else { continue };
        let is_literal = is_constant(code, &value.byte_range(), &[]);
        let entry = given.entry(code.str(name).trim_start_matches('$')).or_insert((0, true));
        entry.0 += 1;
        entry.1 &= is_literal;
    }
    let Some(reading) = scene.readings.first() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, (times, is_literal)) in given {
        if times != 1
            || !is_literal
            || name.is_empty()
            || !name.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            continue;
        }
        let uses = reading.leaves.iter().filter(|leaf| code.str(**leaf) == name);
        let asserted = |at: usize| {
            scene.assertions.iter().any(|one| one.operands.iter().any(|range| range.contains(&at)))
        };
        if uses.filter(|leaf| !asserted(leaf.start_byte())).count() == 1 {
            found.push(name.to_owned());
        }
    }
    found
}

/// What must fail does so by a `throw` of the test itself.
fn raises_itself(code: &Code<'_>, one: &Assertion) -> Option<String> {
    let run = one.operands.first()?.clone();
    // Python's `with raises(X):` is followed by what is run.
    let node = code.root.descendant_for_byte_range(run.start, run.end)?;
    let with =
        around(node).find(|up| matches!(up.kind(), "with_statement" | "function_definition"));
    let body = match with.filter(|with| with.kind() == "with_statement") {
        Some(with) => {
            let body = field(with, "body")?;
            if body.byte_range().contains(&run.start) {
                return None;
            }
            body.byte_range()
        }
        None => run,
    };
    let text = code.at(body.clone());
    let throws = ["raise ", "throw ", "panic!("].iter().any(|word| text.contains(word));
    if !throws || scene_calls(code, &body) {
        return None;
    }
    Some("the test raises what it expects".to_owned())
}

/// Whether anything is called but what makes the failure.
fn scene_calls(code: &Code<'_>, range: &Range<usize>) -> bool {
    let reading = Reading::of(code, range);
    reading.chains.iter().any(|chain| {
        let before = reading.before(chain).map(|leaf| code.str(leaf)).unwrap_or_default();
        let is_failure = matches!(before, "new" | "raise" | "throw")
            || matches!(chain.path.as_str(), "panic" | "raise" | "RaiseError");
        !is_failure && reading.is_called(code, chain)
    })
}
