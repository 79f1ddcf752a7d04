//! Tests that only look at what their own mocks give.

use std::collections::HashSet;

use tree_sitter::Node;

use super::Scene;
use crate::code::language::Language;
use crate::code::test_code::assertions::{Assertion, Shape};
use crate::code::test_code::source::{Chain, Code, Reading, field, line_of, nodes_in};
use crate::code::test_code::{Fault, FaultKind};

pub(super) fn find(code: &Code<'_>, scene: &Scene<'_>, test: &str, found: &mut Vec<Fault>) {
    let mocks = mocks(code, scene);
    if mocks.is_empty() || scene.assertions.is_empty() {
        return;
    }
    let on_mocks: Vec<Option<bool>> = scene
        .assertions
        .iter()
        .filter(|one| super::counts(one))
        .map(|one| on_mock(code, one, &mocks))
        .collect();
    if on_mocks.is_empty() || on_mocks.iter().any(Option::is_none) {
        return;
    }
    let looks_at_calls = on_mocks.contains(&Some(true));
    if looks_at_calls && calls_product(code, scene, &mocks) {
        return;
    }
    let line = scene.assertions.iter().map(|one| one.line).min().unwrap_or(1);
    let why = format!(
        "`{test}` asserts only what its own mocks give; assert on what the code under test does."
    );
    found.push(Fault { kind: FaultKind::MockOnly, line, why });
}

/// Whether a dotted name makes a mock.
fn makes(language: Language, path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or_default();
    match language {
        Language::Python => {
            matches!(
                last,
                "Mock"
                    | "MagicMock"
                    | "AsyncMock"
                    | "NonCallableMock"
                    | "PropertyMock"
                    | "create_autospec"
                    | "mock_open"
            ) || path.starts_with("mocker.")
                || path.starts_with("unittest.mock.patch")
                || path == "patch"
                || path.starts_with("mock.patch")
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let path = path
                .strip_prefix("vitest.")
                .or(path.strip_prefix("@jest/globals."))
                .unwrap_or(path);
            matches!(
                path,
                "jest.fn"
                    | "vi.fn"
                    | "jest.spyOn"
                    | "vi.spyOn"
                    | "jest.mocked"
                    | "vi.mocked"
                    | "sinon.stub"
                    | "sinon.spy"
                    | "sinon.fake"
                    | "sinon.mock"
                    | "sinon.createStubInstance"
                    | "mock.fn"
                    | "mock.method"
                    | "t.mock.fn"
                    | "t.mock.method"
                    | "test.mock.fn"
                    | "jest.createMockFromModule"
            )
        }
        Language::Java => matches!(last, "mock" | "spy") && !path.starts_with("()"),
        Language::Rust => {
            path.split('.').any(|part| part.starts_with("Mock") && part.len() > 4) && last == "new"
        }
        Language::Go => {
            last.starts_with("NewMock") || last.starts_with("Mock") || last.starts_with("NewFake")
        }
        Language::Ruby => {
            matches!(path, "double" | "instance_double" | "class_double" | "spy" | "instance_spy")
        }
        Language::Php => {
            matches!(last, "createMock" | "createStub" | "getMockBuilder" | "prophesize")
                || path == "Mockery.mock"
        }
        Language::C => false,
    }
}

/// The names of a test's mocks.
fn mocks<'t>(code: &Code<'t>, scene: &Scene<'t>) -> HashSet<&'t str> {
    let mut found = HashSet::new();
    let wanted = |node: Node<'_>| {
        matches!(
            node.kind(),
            "assignment"
                | "let_declaration"
                | "short_var_declaration"
                | "variable_declarator"
                | "assignment_expression"
                | "as_pattern"
                | "field_declaration"
                | "parameters"
        )
    };
    let whole = 0..code.text.len();
    // Fields and hooks outside of the test make mocks too.
    for node in nodes_in(code.root, &whole, &wanted) {
        let inside = scene.ranges.iter().any(|range| range.contains(&node.start_byte()));
        let text = code.str(node);
        match node.kind() {
            "field_declaration" => {
                if ["@Mock", "@Spy"].iter().any(|mark| text.contains(mark)) {
                    let name = field(node, "declarator").and_then(|one| field(one, "name"));
                    found.extend(name.map(|name| code.str(name)));
                }
            }
            "parameters" if inside && code.language == Language::Python => {
                let above = node.parent().and_then(|up| up.parent());
                let patched = above.is_some_and(|up| {
                    up.kind() == "decorated_definition"
                        && code.at(up.start_byte()..node.start_byte()).contains("patch")
                });
                let names = text.trim_matches(['(', ')']).split(',').map(str::trim);
                let kept = names.filter(|name| patched && name.contains("mock"));
                found.extend(kept.filter_map(|name| name.split([':', '=']).next()));
            }
            "as_pattern" => {
                let reading = Reading::of(code, &node.byte_range());
                if let (Some(first), Some(last)) = (reading.chains.first(), reading.leaves.last())
                    && makes(code.language, &first.path)
                {
                    found.insert(code.str(*last));
                }
            }
            "parameters" => {}
            _ => {
                let name = ["left", "pattern", "name"].iter().find_map(|name| field(node, name));
                let value = ["right", "value"].iter().find_map(|name| field(node, name));
                let (Some(name), Some(value)) = (name, value) else { continue };
                let reading = Reading::of(code, &value.byte_range());
                if reading.chains.first().is_some_and(|first| makes(code.language, &first.path)) {
                    found.insert(code.str(name).trim_start_matches('$').trim_start_matches("mut "));
                }
            }
        }
    }
    found
}

/// `None` if an assertion looks at more than mocks; else whether it looks at what
/// they were called with.
fn on_mock(code: &Code<'_>, one: &Assertion, mocks: &HashSet<&str>) -> Option<bool> {
    const RECORDS: &[&str] = &[
        "called",
        "call_count",
        "call_args",
        "call_args_list",
        "mock_calls",
        "method_calls",
        "await_count",
        "calls",
        "callCount",
        "calledOnce",
        "lastCall",
        "results",
        "not_called",
        "called_once",
    ];
    if one.operands.is_empty() {
        return None;
    }
    let mut records = one.shape == Shape::Calls;
    let mut has_mock = false;
    for range in &one.operands {
        let reading = Reading::of(code, range);
        for chain in &reading.chains {
            if chain.path.starts_with("()") {
                continue;
            }
            let is_mock = is_mock(chain, mocks);
            has_mock |= is_mock;
            if is_mock {
                records |= chain.path.split('.').any(|part| RECORDS.contains(&part));
            } else if records {
                // What it was called with may be anything.
            } else if !is_plain(code, &chain.path) {
                return None;
            }
        }
    }
    has_mock.then_some(records)
}

fn is_mock(chain: &Chain, mocks: &HashSet<&str>) -> bool {
    let mut lead = chain.path.split('.');
    let head = lead.next().unwrap_or_default();
    let own = matches!(head, "self" | "this")
        && mocks
            .iter()
            .any(|name| chain.path == *name || chain.path.starts_with(&format!("{name}.")));
    mocks.contains(head)
        || own
        || lead
            .next()
            .is_some_and(|second| matches!(head, "self" | "this") && mocks.contains(second))
}

fn is_plain(code: &Code<'_>, path: &str) -> bool {
    let plain = [
        "None",
        "undefined",
        "NaN",
        "nil",
        "null",
        "len",
        "str",
        "int",
        "list",
        "dict",
        "expect",
        "anything",
        "is",
        "equalTo",
        "Some",
        "Ok",
        "Err",
        "assertThat",
    ];
    let _ = code;
    plain.contains(&path.split('.').next().unwrap_or_default())
}

/// Whether anything is called that is neither a mock nor of the test's tools.
fn calls_product(code: &Code<'_>, scene: &Scene<'_>, mocks: &HashSet<&str>) -> bool {
    const TOOLS: &[&str] = &[
        "expect",
        "assert",
        "describe",
        "it",
        "test",
        "context",
        "beforeEach",
        "afterEach",
        "pytest",
        "jest",
        "vi",
        "sinon",
        "mock",
        "when",
        "verify",
        "any",
        "anyString",
        "anyInt",
        "eq",
        "times",
        "never",
        "given",
        "doReturn",
        "doThrow",
        "lenient",
        "Mockito",
        "unittest",
        "mocker",
        "monkeypatch",
        "patch",
        "call",
        "super",
        "allow",
        "receive",
        "have_received",
        "double",
        "len",
        "str",
        "int",
        "list",
        "dict",
        "set",
        "range",
        "isinstance",
        "print",
        "Object",
        "Array",
        "JSON",
        "t",
        "Assertions",
        "Assert",
        "console",
        "Promise",
        "String",
        "Number",
        "require",
        "vitest",
        "@jest",
        "spy",
        "instance_double",
    ];
    scene
        .readings
        .iter()
        .take(1)
        .any(|reading| {
            reading.chains.iter().any(|chain| {
                let head = chain.path.split(['.', '/']).next().unwrap_or_default();
                let last = chain.path.rsplit('.').next().unwrap_or_default();
                let in_assertion =
                    chain.path.starts_with("self.assert") || last.starts_with("assert");
                let is_own = code.definitions.iter().any(|one| one.name == last && one.is_test);
                !chain.path.starts_with("()")
                    && !TOOLS.contains(&head)
                    && !in_assertion
                    && !is_own
                    && !is_mock(chain, mocks)
                    && !makes(code.language, &chain.path)
                    && reading.is_called(code, chain)
            })
        })
        .then(|| line_of(code.root))
        .is_some()
}
