//! Tests that catch their own failure, or never wait for it.

use std::ops::Range;

use tree_sitter::Node;

use super::{Scene, shown};
use crate::code::language::Language;
use crate::code::test_code::source::{Code, around, field, line_of, nodes_in, parts, walk};
use crate::code::test_code::{Fault, FaultKind};

pub(super) fn find(code: &Code<'_>, scene: &Scene<'_>, found: &mut Vec<Fault>) {
    let mut add = |node: Node<'_>, what: String| {
        let why = format!("{what}; let the failure reach the runner.");
        found.push(Fault { kind: FaultKind::SwallowsFailure, line: line_of(node), why });
    };
    for range in &scene.ranges {
        let wanted = |node: Node<'_>| {
            matches!(
                node.kind(),
                "try_statement"
                    | "try_with_resources_statement"
                    | "with_statement"
                    | "call_expression"
                    | "call"
                    | "method_invocation"
                    | "body_statement"
                    | "begin"
            )
        };
        for node in nodes_in(code.root, range, &wanted) {
            match (code.language, node.kind()) {
                (_, "try_statement" | "try_with_resources_statement") => {
                    tries(code, scene, node, &mut add)
                }
                (Language::Python, "with_statement") => suppressed(code, scene, node, &mut add),
                (Language::Go, "call_expression") => recovers(code, scene, node, &mut add),
                (Language::Rust, "call_expression") => unwinds(code, scene, node, &mut add),
                (Language::Ruby, "body_statement" | "begin") => {
                    rescues(code, scene, node, &mut add)
                }
                (_, "call_expression") if code.is_script() => floats(code, scene, node, &mut add),
                _ => {}
            }
        }
    }
}

type Add<'a> = &'a mut dyn FnMut(Node<'_>, String);

/// Whether a range asserts, by itself or by a helper of the file.
fn asserts(code: &Code<'_>, scene: &Scene<'_>, range: &Range<usize>) -> bool {
    if scene.asserts_in(range) {
        return true;
    }
    let readings = scene.readings.iter().filter(|reading| {
        reading.leaves.first().is_some_and(|leaf| leaf.start_byte() <= range.start)
            && reading.leaves.last().is_some_and(|leaf| leaf.end_byte() >= range.end)
    });
    readings.flat_map(|reading| reading.chains.iter()).any(|chain| {
        let last = chain.path.rsplit('.').next().unwrap_or_default();
        range.contains(&chain.at)
            && code.definitions.iter().any(|one| {
                one.name == last
                    && one.is_callable()
                    && !one.is_test
                    && !range.contains(&one.name_at)
                    && scene.asserts_in(&code.bytes_of(&one.lines))
            })
    })
}

/// Whether what handles a failure fails again, or looks at it.
fn fails_again(code: &Code<'_>, scene: &Scene<'_>, handler: Node<'_>) -> bool {
    let mut fails = false;
    walk(handler, &mut |node| {
        fails |= matches!(node.kind(), "raise_statement" | "throw_statement" | "throw_expression");
        !fails
    });
    let text = code.str(handler);
    let told =
        ["done(", "reject(", ".fail(", "raise ", "raise\n"].iter().any(|word| text.contains(word));
    fails || told || asserts(code, scene, &handler.byte_range())
}

/// Whether a handler's types take in the failure of an assertion.
fn is_broad(code: &Code<'_>, handler: Node<'_>) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect()
    };
    let has =
        |text: &str, known: &[&str]| words(text).iter().any(|word| known.contains(&word.as_str()));
    match code.language {
        Language::Python => match field(handler, "value") {
            None => parts(handler).first().is_none_or(|first| first.kind() == "block"),
            Some(value) => {
                let head = code.str(value).split(" as ").next().unwrap_or_default();
                has(head, &["AssertionError", "Exception", "BaseException", "failureException"])
                    && !head.contains("fail.Exception")
                    || head.contains("fail.Exception")
            }
        },
        Language::Java => {
            let kind = parts(handler).first().map(|one| code.str(*one)).unwrap_or_default();
            has(kind, &["Throwable", "Error", "AssertionError", "AssertionFailedError"])
        }
        Language::Php => {
            let kind = field(handler, "type").map(|one| code.str(one)).unwrap_or_default();
            has(
                kind,
                &["Throwable", "Exception", "AssertionFailedError", "ExpectationFailedException"],
            )
        }
        _ => true,
    }
}

fn tries(code: &Code<'_>, scene: &Scene<'_>, node: Node<'_>, add: Add<'_>) {
    let Some(body) = field(node, "body") else { return };
    if !asserts(code, scene, &body.byte_range()) {
        return;
    }
    for handler in parts(node) {
        match handler.kind() {
            "except_clause" | "except_group_clause" | "catch_clause"
                if is_broad(code, handler) && !fails_again(code, scene, handler) =>
            {
                add(handler, format!("`{}` catches the test's own failure", shown(code, handler)));
            }
            "finally_clause" => {
                let returns = nodes_in(handler, &handler.byte_range(), &|part| {
                    part.kind() == "return_statement"
                });
                if !returns.is_empty() {
                    add(handler, "`return` in `finally` drops the test's own failure".to_owned());
                }
            }
            _ => {}
        }
    }
}

/// `with contextlib.suppress(Exception):`.
fn suppressed(code: &Code<'_>, scene: &Scene<'_>, node: Node<'_>, add: Add<'_>) {
    let Some(body) = field(node, "body") else { return };
    let head = code.at(node.start_byte()..body.start_byte());
    let broad =
        ["(Exception", "(BaseException", "AssertionError", ", Exception", ", BaseException"];
    let takes_in = head.contains("suppress(") && broad.iter().any(|word| head.contains(word));
    // `pytest.raises(AssertionError)` around assertions of the test itself.
    let raises = head.contains("raises(AssertionError") || head.contains("Raises(AssertionError");
    if (takes_in || raises) && scene.asserts_in(&body.byte_range()) {
        add(node, format!("`{}` catches the test's own failure", shown(code, node)));
    }
}

/// `recover()` that nothing looks at.
fn recovers(code: &Code<'_>, scene: &Scene<'_>, node: Node<'_>, add: Add<'_>) {
    if field(node, "function").map(|function| code.str(function)) != Some("recover") {
        return;
    }
    let holder =
        around(node).find(|up| matches!(up.kind(), "func_literal" | "function_declaration"));
    if let Some(holder) = holder.filter(|holder| !asserts(code, scene, &holder.byte_range())) {
        // What hands the panic on is looked at elsewhere.
        let up = node.parent();
        let is_bare = up.is_some_and(|up| up.kind() == "expression_statement")
            || code.at(0..node.start_byte()).trim_end().ends_with("_ =");
        let body = around(node).find(|up| up.kind() == "if_statement").map(|one| code.str(one));
        let does = |text: &str| {
            let body = text.split_once('{').map(|(_, body)| body).unwrap_or_default();
            ["=", "<-", "panic(", "return"].iter().any(|word| body.contains(word))
        };
        let is_named = code.str(holder).contains("recover();");
        let hands_on = !is_bare && (!is_named || body.is_some_and(does));
        if !hands_on {
            add(node, "`recover()` drops a panic that nothing looks at".to_owned());
        }
    }
}

/// `catch_unwind` whose result is dropped, threads that are not joined.
fn unwinds(code: &Code<'_>, scene: &Scene<'_>, node: Node<'_>, add: Add<'_>) {
    let Some(function) = field(node, "function") else { return };
    let name = code.str(function).rsplit("::").next().unwrap_or_default();
    let is_spawn = name == "spawn" && code.str(function).contains("::");
    if name != "catch_unwind" && !is_spawn {
        return;
    }
    let has_assertion = asserts(code, scene, &node.byte_range());
    // What the result goes to: nothing, `_`, `.ok()`, `.is_err()` as a statement.
    let mut outer = node;
    let mut up = node.parent();
    while let Some(one) = up.filter(|up| {
        matches!(up.kind(), "field_expression" | "call_expression" | "await_expression")
    }) {
        outer = one;
        up = one.parent();
    }
    let chained = code.at(node.end_byte()..outer.end_byte());
    let is_dropped = match up {
        Some(up) if up.kind() == "expression_statement" => true,
        Some(up) if up.kind() == "let_declaration" => {
            field(up, "pattern").is_some_and(|pattern| code.str(pattern).starts_with('_'))
        }
        _ => false,
    };
    let looks = [".unwrap()", ".expect(", ".unwrap_err()", ".join()", "?"]
        .iter()
        .any(|word| chained.contains(word));
    if has_assertion && is_dropped && !looks {
        add(node, format!("what `{name}` gives is dropped, and with it the test's own failure"));
    }
}

/// `rescue Exception` around assertions.
fn rescues(code: &Code<'_>, scene: &Scene<'_>, node: Node<'_>, add: Add<'_>) {
    let handlers: Vec<Node<'_>> =
        parts(node).into_iter().filter(|part| part.kind() == "rescue").collect();
    let Some(first) = handlers.first() else { return };
    if !asserts(code, scene, &(node.start_byte()..first.start_byte())) {
        return;
    }
    for handler in handlers {
        let kinds = field(handler, "exceptions").map(|kinds| code.str(kinds)).unwrap_or_default();
        let broad =
            ["Exception", "Minitest::Assertion", "ExpectationNotMetError", "AssertionFailedError"];
        let takes_in = kinds.split([',', ' ']).any(|kind| {
            broad.iter().any(|word| kind.trim().ends_with(word) && !kind.ends_with("::Exception"))
        });
        if takes_in && !fails_again(code, scene, handler) {
            add(handler, format!("`{}` catches the test's own failure", shown(code, handler)));
        }
    }
}

/// Promises whose failure nobody waits for.
fn floats(code: &Code<'_>, scene: &Scene<'_>, node: Node<'_>, add: Add<'_>) {
    let Some(function) = field(node, "function").filter(|one| one.kind() == "member_expression")
    else {
        return;
    };
    let name = field(function, "property").map(|name| code.str(name)).unwrap_or_default();
    let Some(object) = field(function, "object") else { return };
    let given = field(node, "arguments").map(parts).unwrap_or_default();
    if name == "catch" && asserts(code, scene, &object.byte_range()) {
        let handles = given.first().is_some_and(|handler| fails_again(code, scene, *handler));
        let is_named =
            given.first().is_some_and(|handler| matches!(code.str(*handler), "done" | "reject"));
        if !handles && !is_named {
            add(node, "`.catch` drops the test's own failure".to_owned());
        }
        return;
    }
    let is_statement = node.parent().is_some_and(|up| up.kind() == "expression_statement");
    let chain = code.str(function);
    let is_promise =
        chain.starts_with("expect(") && (chain.contains(".resolves") || chain.contains(".rejects"));
    let chained = matches!(name, "then" | "finally")
        && given.iter().any(|one| asserts(code, scene, &one.byte_range()));
    let async_each = matches!(name, "forEach")
        && given.first().is_some_and(|one| {
            code.str(*one).starts_with("async") && asserts(code, scene, &one.byte_range())
        });
    let has_done = code.at(scene.ranges[0].clone()).contains("done(");
    if is_statement && (is_promise || (chained && !has_done) || async_each) {
        add(node, format!("nobody waits for `{}`; write `await` before it", shown(code, node)));
    }
}
