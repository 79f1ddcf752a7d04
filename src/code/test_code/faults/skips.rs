//! Tests that may not run, or that keep others from running.

use tree_sitter::Node;

use super::{Scene, shown};
use crate::code::language::Language;
use crate::code::test_code::source::{Code, around, field, line_of, nodes_in, parts};
use crate::code::test_code::{Fault, FaultKind};

/// Names that leave a test out, by how they end.
fn names(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python => &[
            "pytest.mark.skip",
            "pytest.mark.skipif",
            "pytest.mark.xfail",
            "pytest.skip",
            "pytest.xfail",
            "pytest.importorskip",
            "unittest.skip",
            "unittest.skipIf",
            "unittest.skipUnless",
            "unittest.SkipTest",
            "unittest.expectedFailure",
            "self.skipTest",
        ],
        Language::Go => &["t.Skip", "t.Skipf", "t.SkipNow", "b.Skip", "tb.Skip", "testing.Short"],
        Language::Java => &[
            "assumeTrue",
            "assumeFalse",
            "assumeThat",
            "assumingThat",
            "assumeNotNull",
            "assumeNoException",
        ],
        Language::JavaScript | Language::TypeScript | Language::Tsx => &[
            "it.skip",
            "test.skip",
            "describe.skip",
            "suite.skip",
            "it.only",
            "test.only",
            "describe.only",
            "suite.only",
            "it.todo",
            "test.todo",
            "it.failing",
            "test.failing",
            "it.fails",
            "test.fails",
            "it.skipIf",
            "test.skipIf",
            "it.runIf",
            "test.runIf",
            "describe.skipIf",
            "describe.runIf",
            "describe.todo",
            "xit",
            "xtest",
            "xdescribe",
            "xcontext",
            "fit",
            "fdescribe",
            "fcontext",
            "t.skip",
            "t.todo",
            "ctx.skip",
            "context.skip",
            "this.skip",
            "test.fixme",
            "it.each.skip",
            "it.concurrent.skip",
            "it.concurrent.only",
            "test.concurrent.skip",
            "test.concurrent.only",
        ],
        Language::Ruby => &[
            "skip",
            "pending",
            "xit",
            "xdescribe",
            "xcontext",
            "xspecify",
            "fit",
            "fdescribe",
            "fcontext",
        ],
        Language::Php => &["markTestSkipped", "markTestIncomplete"],
        Language::Rust | Language::C => &[],
    }
}

pub(super) fn find(code: &Code<'_>, scene: &Scene<'_>, found: &mut Vec<Fault>) {
    let names = names(code.language);
    let mut add = |line: u32, what: &str| {
        let why = format!("`{what}` leaves tests out; a test must run.");
        found.push(Fault { kind: FaultKind::Skip, line, why });
    };
    for reading in &scene.readings {
        for chain in &reading.chains {
            let mut path = chain.path.as_str();
            if code.is_script() {
                // From `node:test`, `vitest` and `@jest/globals` by name.
                let libraries = [
                    "vitest.",
                    "@jest/globals.",
                    "test.",
                    "mocha.",
                    "bun:test.",
                    "@playwright/test.",
                ];
                let real = libraries
                    .iter()
                    .filter(|_| chain.is_bound)
                    .find_map(|lead| path.strip_prefix(lead));
                path = real.unwrap_or(path);
            }
            let is_skip = names.iter().any(|name| match code.language {
                Language::Java | Language::Php => path.rsplit('.').next() == Some(name),
                _ => path == *name,
            });
            let is_own = code.definitions.iter().any(|one| one.name == chain.path);
            let must_call = code.language != Language::Python && code.language != Language::Ruby;
            // Ruby's `fit` and `skip` are calls without parentheses too.
            let only_shortens = path == "testing.Short" && !leaves_out(code, chain.at);
            if is_skip && !is_own && !only_shortens && (!must_call || is_used(code, reading, chain))
            {
                add(code.line_at(chain.at), &chain.path);
            }
        }
    }
    for range in &scene.ranges {
        let marks = nodes_in(code.root, range, &|node| {
            matches!(
                node.kind(),
                "attribute_item"
                    | "marker_annotation"
                    | "annotation"
                    | "pair"
                    | "assignment"
                    | "attribute"
            )
        });
        for node in marks {
            if let Some(what) = mark(code, node) {
                add(line_of(node), &what);
            }
        }
    }
    outside(code, scene, &mut add);
}

/// Whether the `if` that a place is the condition of ends the test.
fn leaves_out(code: &Code<'_>, at: usize) -> bool {
    let node = code.root.descendant_for_byte_range(at, at + 1);
    let holder = node.and_then(|node| around(node).find(|up| up.kind() == "if_statement"));
    let text = holder.map(|holder| code.str(holder)).unwrap_or_default();
    text.contains("return") || text.contains(".Skip")
}

fn is_used(
    code: &Code<'_>,
    reading: &crate::code::test_code::source::Reading<'_>,
    chain: &crate::code::test_code::source::Chain,
) -> bool {
    let next = reading.next(chain).map(|leaf| code.str(leaf)).unwrap_or_default();
    matches!(next, "(" | "`" | ".")
}

/// An annotation, attribute or option that leaves a test out.
fn mark(code: &Code<'_>, node: Node<'_>) -> Option<String> {
    let text = code.str(node);
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let is_skip = match (code.language, node.kind()) {
        (Language::Rust, "attribute_item") => {
            // Never there where tests are built.
            let is_cfg = plain.starts_with("#[cfg(any())") || plain.starts_with("#[cfg(not(test)");
            plain == "#[ignore]"
                || plain.starts_with("#[ignore=")
                || plain.starts_with("#[cfg_attr(") && plain.contains(",ignore")
                || is_cfg
        }
        (Language::Java, "marker_annotation" | "annotation") => {
            let name = field(node, "name").map(|name| code.str(name)).unwrap_or_default();
            name == "Ignore" || name.starts_with("Disabled") || name.starts_with("Enabled")
        }
        (Language::JavaScript | Language::TypeScript | Language::Tsx, "pair") => {
            let key = field(node, "key").map(|key| code.str(key)).unwrap_or_default();
            let value = field(node, "value").map(|value| code.str(value)).unwrap_or_default();
            let is_option = around(node).nth(1).is_some_and(|up| {
                up.kind() == "arguments"
                    && up.parent().is_some_and(|call| {
                        crate::code::test_code::items::block(code, call).is_some()
                    })
            });
            is_option && matches!(key, "skip" | "todo" | "only") && value != "false"
        }
        (Language::Ruby, "pair") => {
            plain.starts_with("skip:")
                || plain.starts_with("focus:true")
                || plain.starts_with("pending:")
        }
        (Language::Python, "assignment") => plain.starts_with("__test__=False"),
        (Language::Php, "attribute") => plain.starts_with("Requires"),
        _ => false,
    };
    is_skip.then(|| shown(code, node))
}

/// What stands around a test and leaves it out: a group, a class.
fn outside(code: &Code<'_>, scene: &Scene<'_>, add: &mut dyn FnMut(u32, &str)) {
    let range = &scene.ranges[0];
    let text = code.at(range.clone());
    let at = range.start + text.len() - text.trim_start().len();
    let Some(node) = code.root.descendant_for_byte_range(at, at + 1) else { return };
    for up in around(node).filter(|up| up.start_byte() < range.start) {
        if code.is_script() && up.kind() == "call_expression" {
            let function =
                field(up, "function").map(|function| code.str(function)).unwrap_or_default();
            if names(code.language).contains(&function) {
                add(line_of(up), function);
            }
        }
        let decorators = match (code.language, up.kind()) {
            (Language::Python, "decorated_definition") => parts(up),
            (Language::Java, "class_declaration") => parts(up)
                .into_iter()
                .filter(|part| part.kind() == "modifiers")
                .flat_map(parts)
                .collect(),
            _ => Vec::new(),
        };
        for one in decorators {
            let plain = code.str(one);
            let is_skip = match code.language {
                Language::Python => {
                    one.kind() == "decorator"
                        && ["skip", "xfail", "expectedFailure"]
                            .iter()
                            .any(|word| plain.contains(word))
                }
                _ => mark(code, one).is_some(),
            };
            if is_skip {
                add(line_of(one), &shown(code, one));
            }
        }
    }
}
