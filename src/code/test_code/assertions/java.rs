//! Assertions of Java: JUnit 4 and 5, Hamcrest, AssertJ, Truth, Mockito.

use std::ops::Range;

use tree_sitter::Node;

use super::{Assertion, Edit, Part, Shape, framed, new};
use crate::code::test_code::source::{Code, around, field, nodes_in, parts};

/// Evaluates whatever it is given, and changes nothing.
const ANY: &str = "java.util.Arrays.asList(";
const CAUGHT: &str = " catch (Throwable anyThrown) { }";

pub(super) fn at(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    match node.kind() {
        "method_invocation" => invocation(code, node),
        "assert_statement" => {
            let first = *parts(node).first()?;
            let one = Assertion::new(node, Shape::Truth, operands(code, first));
            Some(one.by(node, framed("if (", vec![Part::Old(first.byte_range())], ") { }")))
        }
        "throw_statement" => {
            let thrown = *parts(node).first()?;
            let kind = field(thrown, "type").map(|node| code.str(node)).unwrap_or_default();
            let is_failure = matches!(kind, "AssertionError" | "AssertionFailedError");
            is_failure.then(|| ends(code, node, node, &[]))
        }
        "element_value_pair" => expected(code, node),
        _ => None,
    }
}

fn operands(code: &Code<'_>, node: Node<'_>) -> Vec<Range<usize>> {
    let sides = (field(node, "left"), field(node, "right"), field(node, "operator"));
    match sides {
        (Some(left), Some(right), Some(sign))
            if matches!(code.str(sign), "==" | "!=" | "<" | ">" | "<=" | ">=") =>
        {
            vec![left.byte_range(), right.byte_range()]
        }
        _ => vec![node.byte_range()],
    }
}

/// Values that a call is given, without functions.
fn values(nodes: &[Node<'_>]) -> Vec<Range<usize>> {
    let plain = nodes.iter().filter(|node| !is_function(**node));
    plain.map(|node| node.byte_range()).collect()
}

fn is_function(node: Node<'_>) -> bool {
    matches!(node.kind(), "lambda_expression" | "method_reference")
}

fn evaluated(ranges: &[Range<usize>]) -> Vec<Part> {
    let mut inner = Vec::new();
    for (at, range) in ranges.iter().enumerate() {
        let lead = if at == 0 { "(Object) (" } else { ", (Object) (" };
        inner.extend([new(lead), Part::Old(range.clone()), new(")")]);
    }
    framed(ANY, inner, ")")
}

/// The calls of a chain from its root on: `assertThat(x).isEqualTo(y)`.
fn chain(node: Node<'_>) -> Vec<Node<'_>> {
    let mut all = vec![node];
    let mut at = node;
    while let Some(object) = field(at, "object").filter(|one| one.kind() == "method_invocation") {
        all.push(object);
        at = object;
    }
    all.reverse();
    all
}

fn given(call: Node<'_>) -> Vec<Node<'_>> {
    field(call, "arguments").map(parts).unwrap_or_default()
}

fn invocation(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    // Only the whole chain.
    let up = node.parent();
    if up.is_some_and(|up| up.kind() == "method_invocation" && field(up, "object") == Some(node)) {
        return None;
    }
    let calls = chain(node);
    let root = *calls.first()?;
    let name = code.str(field(root, "name")?);
    let of = field(root, "object").map(|object| code.str(object)).unwrap_or_default();
    let last_of = of.rsplit('.').next().unwrap_or_default();
    let one = |shape, operands| Assertion::new(node, shape, operands);
    if name == "expect" && !of.is_empty() && is_in(code, "ExpectedException") {
        return Some(one(Shape::Raises, Vec::new()).unclear("an `ExpectedException` rule"));
    }
    let is_library = of.is_empty()
        || last_of.starts_with("Assert")
        || last_of.contains("Matcher")
        || matches!(
            last_of,
            "BDDAssertions"
                | "Truth"
                | "Mockito"
                | "BDDMockito"
                | "softly"
                | "softAssertions"
                | "this"
        );
    if !is_library || of.is_empty() && super::is_defined(code, name) {
        return None;
    }
    let given = given(root);
    match name {
        "assertThrows" | "assertThrowsExactly" | "assertDoesNotThrow" | "expectThrows" => {
            let is_run =
                |node: &&Node<'_>| !matches!(node.kind(), "class_literal" | "string_literal");
            let run = given.iter().find(is_run)?.byte_range();
            Some(thrown(code, node, name, one(Shape::Raises, vec![run.clone()]), run))
        }
        "assertAll" => {
            // It runs what it is given; the assertions stand in there.
            let mut one = one(Shape::Other, Vec::new());
            one.strip = Ok(Vec::new());
            one.range = node.start_byte()..node.start_byte();
            Some(one)
        }
        "assertTimeout" | "assertTimeoutPreemptively" => {
            Some(one(Shape::Other, Vec::new()).unclear(format!("`{name}` runs what it is given")))
        }
        "fail" if of.is_empty() || last_of.starts_with("Assert") => Some(match place(node) {
            Place::Statement(statement) => ends(code, node, statement, &values(&given)),
            _ => one(Shape::Fails, Vec::new()).unclear("`fail` inside of an expression"),
        }),
        "assertThatThrownBy" | "assertThatCode" | "thenThrownBy" | "thenCode" => {
            Some(by_chain(node, &calls))
        }
        _ if name.starts_with("assertThat") && calls.iter().any(|call| is_run_by(code, *call)) => {
            Some(by_chain(node, &calls))
        }
        "verify"
        | "verifyNoInteractions"
        | "verifyNoMoreInteractions"
        | "verifyZeroInteractions" => {
            let mocks = if name == "verify" { &given[..given.len().min(1)] } else { &given[..] };
            let one = one(Shape::Calls, values(mocks));
            if code.str(node).contains(".capture()") {
                return Some(one.unclear("`verify` captures what is looked at later"));
            }
            Some(void(node, name, one, &values(mocks)))
        }
        "assertInstanceOf" if matches!(place(node), Place::None) => Some(
            one(Shape::Other, values(&given)).unclear("the value of `assertInstanceOf` is used"),
        ),
        _ if super::is_assert_name(name) => {
            let all: Vec<Range<usize>> =
                calls.iter().flat_map(|call| values(&self::given(*call))).collect();
            let shape = shape(name, calls.len(), all.len());
            let one = one(shape, looked_at(code, shape, &given, &all));
            let is_bound =
                code.bindings.get(name).is_some_and(|path| path.to_lowercase().contains("assert"));
            if of.is_empty() && !is_known(name) && !is_bound {
                return Some(
                    one.unclear(format!("`{name}` asserts, and its code is in another file")),
                );
            }
            Some(void(node, name, one, &all))
        }
        _ => None,
    }
}

/// Taken out where nothing is made of its value.
fn void(node: Node<'_>, name: &str, one: Assertion, values: &[Range<usize>]) -> Assertion {
    match place(node) {
        Place::None => one.unclear(format!("the value of `{name}` is used")),
        _ => one.by(node, evaluated(values)),
    }
}

fn is_in(code: &Code<'_>, word: &str) -> bool {
    code.at(0..code.text.len()).contains(word)
}

fn shape(name: &str, calls: usize, values: usize) -> Shape {
    match name {
        "assertTrue" => Shape::Truth,
        "assertFalse" => Shape::Falsehood,
        "assertEquals"
        | "assertNotEquals"
        | "assertSame"
        | "assertNotSame"
        | "assertArrayEquals"
        | "assertIterableEquals"
        | "assertLinesMatch" => Shape::Compare,
        "assertThat" if calls == 2 && values == 2 => Shape::Compare,
        _ => Shape::Other,
    }
}

fn is_known(name: &str) -> bool {
    shape(name, 0, 0) != Shape::Other
        || matches!(
            name,
            "assertNull"
                | "assertNotNull"
                | "assertInstanceOf"
                | "assertThat"
                | "assertWithMessage"
                | "assertThatList"
                | "assertThatObject"
        )
}

/// What is compared, without a message: JUnit 4 has it first, JUnit 5 last.
fn looked_at(
    code: &Code<'_>,
    shape: Shape,
    given: &[Node<'_>],
    all: &[Range<usize>],
) -> Vec<Range<usize>> {
    let wanted = match shape {
        Shape::Truth | Shape::Falsehood => 1,
        Shape::Compare => 2,
        _ => return all.to_vec(),
    };
    if given.len() < wanted {
        return all.to_vec();
    }
    let has_message = given.len() > wanted && given[0].kind() == "string_literal";
    let first = usize::from(has_message && !is_in(code, "org.junit.jupiter"));
    match shape {
        Shape::Truth => operands(code, given[first]),
        _ => super::bytes(&given[first..first + wanted]),
    }
}

/// Where an assertion stands.
#[derive(Clone, Copy)]
enum Place<'t> {
    Statement(Node<'t>),
    Lambda,
    None,
}

fn place(node: Node<'_>) -> Place<'_> {
    match node.parent() {
        Some(up) if up.kind() == "expression_statement" => Place::Statement(up),
        Some(up) if up.kind() == "lambda_expression" && field(up, "body") == Some(node) => {
            Place::Lambda
        }
        _ => Place::None,
    }
}

/// Runs what must fail, by the type that the assertion takes it as.
fn tried(code: &Code<'_>, run: Range<usize>, caught: &str) -> Vec<Part> {
    let (kind, method) = match is_in(code, "org.junit.jupiter") {
        true => ("org.junit.jupiter.api.function.Executable", "execute"),
        false => ("org.junit.function.ThrowingRunnable", "run"),
    };
    framed(
        &format!("try {{ (({kind}) ("),
        vec![Part::Old(run)],
        &format!(")).{method}(); }}{caught}"),
    )
}

fn thrown(
    code: &Code<'_>,
    node: Node<'_>,
    name: &str,
    one: Assertion,
    run: Range<usize>,
) -> Assertion {
    match place(node) {
        Place::Statement(statement) => one.by(statement, tried(code, run, CAUGHT)),
        Place::Lambda => one.by(node, framed("{ ", tried(code, run, CAUGHT), " }")),
        Place::None => kept(code, node, name, one, run),
    }
}

/// `X e = assertThrows(X.class, …); assertEquals("m", e.getMessage());`: where
/// nothing is thrown, what looks at it is left out.
fn kept(
    code: &Code<'_>,
    node: Node<'_>,
    name: &str,
    one: Assertion,
    run: Range<usize>,
) -> Assertion {
    let unclear = |one: Assertion| one.unclear(format!("the value of `{name}` is used"));
    let declarator = node.parent().filter(|up| up.kind() == "variable_declarator");
    let declaration = declarator
        .and_then(|up| up.parent())
        .filter(|up| up.kind() == "local_variable_declaration" && name.starts_with("assertThrows"));
    let (Some(declarator), Some(declaration)) = (declarator, declaration) else {
        return unclear(one);
    };
    let block = declaration.parent().filter(|up| up.kind() == "block");
    let class = given(node).first().and_then(|node| code.str(*node).strip_suffix(".class"));
    let variable = field(declarator, "name").map(|node| code.str(node));
    let (Some(block), Some(class), Some(variable)) = (block, class, variable) else {
        return unclear(one);
    };
    // Every later statement that uses it must be an assertion itself.
    let mut guards = Vec::new();
    let later = parts(block).into_iter().filter(|one| one.start_byte() >= declaration.end_byte());
    for statement in later {
        let is_use = |part: Node<'_>| part.kind() == "identifier" && code.str(part) == variable;
        let uses = nodes_in(statement, &statement.byte_range(), &is_use);
        if uses.is_empty() {
            continue;
        }
        let inner = parts(statement).first().copied();
        let root = inner.map(chain).and_then(|all| field(*all.first()?, "name"));
        let asserts = root.is_some_and(|root| code.str(root).starts_with("assert"));
        let is_captured = |part: &Node<'_>| {
            around(*part).take_while(|up| up.id() != statement.id()).any(is_function)
        };
        if statement.kind() != "expression_statement" || !asserts || uses.iter().any(is_captured) {
            return unclear(one);
        }
        guards.push(statement.start_byte());
    }
    let caught = format!(
        " catch (Throwable anyThrown) {{ if (anyThrown instanceof {class}) {{ {variable} = ({class}) anyThrown; }} }}"
    );
    let parts = framed(&format!("{class} {variable} = null; "), tried(code, run, &caught), "");
    let mut one = one.by(declaration, parts);
    if let Ok(edits) = &mut one.strip {
        edits.extend(guards.into_iter().map(|at| Edit {
            range: at..at,
            parts: vec![new(format!("if ({variable} != null) "))],
        }));
    }
    one
}

fn is_run_by(code: &Code<'_>, call: Node<'_>) -> bool {
    field(call, "name").is_some_and(|name| code.str(name) == "isThrownBy")
}

/// AssertJ's ways to run what must fail.
fn by_chain(node: Node<'_>, calls: &[Node<'_>]) -> Assertion {
    let run = calls.iter().flat_map(|call| given(*call)).find(|node| is_function(*node));
    let operands: Vec<Range<usize>> = run.iter().map(|run| run.byte_range()).collect();
    let one = Assertion::new(node, Shape::Raises, operands);
    let Some(run) = run else { return one.unclear("what is run is not written there") };
    let inner = framed(
        "try { ((org.assertj.core.api.ThrowableAssert.ThrowingCallable) (",
        vec![Part::Old(run.byte_range())],
        &format!(")).call(); }}{CAUGHT}"),
    );
    match place(node) {
        Place::Statement(statement) => one.by(statement, inner),
        Place::Lambda => one.by(node, framed("{ ", inner, " }")),
        Place::None => one.unclear("the value of the assertion is used"),
    }
}

/// The end of the test at a statement.
fn ends(code: &Code<'_>, node: Node<'_>, statement: Node<'_>, given: &[Range<usize>]) -> Assertion {
    let one = Assertion::new(node, Shape::Fails, Vec::new());
    let holder = around(statement)
        .find(|up| matches!(up.kind(), "method_declaration" | "lambda_expression"));
    let is_void =
        holder.is_some_and(|up| field(up, "type").is_some_and(|kind| code.str(kind) == "void"));
    if !is_void {
        return one.unclear("a failure in a function that gives a value");
    }
    let mut inner = Vec::new();
    if !given.is_empty() {
        inner = evaluated(given);
        inner.push(new("; "));
    }
    one.by(statement, framed("{ ", inner, "if (true) { return; } }"))
}

/// `@Test(expected = X.class)`: the body may throw or not.
fn expected(code: &Code<'_>, node: Node<'_>) -> Option<Assertion> {
    let key = field(node, "key").map(|node| code.str(node))?;
    let annotation = around(node).find(|up| up.kind() == "annotation")?;
    let name = field(annotation, "name").map(|node| code.str(node))?;
    if !matches!(key, "expected" | "expectedExceptions") || !name.ends_with("Test") {
        return None;
    }
    let method = around(annotation).find(|up| up.kind() == "method_declaration")?;
    let body = field(method, "body")?;
    let mut one = Assertion::new(node, Shape::Raises, vec![body.byte_range()]);
    let value = field(node, "value")?;
    if key != "expected" {
        return Some(one.unclear("`expectedExceptions`"));
    }
    let caught = framed("{ try ", vec![Part::Old(body.byte_range())], &format!("{CAUGHT} }}"));
    one.strip = Ok(vec![
        Edit { range: value.byte_range(), parts: vec![new("org.junit.Test.None.class")] },
        Edit { range: body.byte_range(), parts: caught },
    ]);
    Some(one)
}
