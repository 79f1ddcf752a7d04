//! Where tests go in Java, PHP, Ruby and Go.

use tree_sitter::Node;

use super::Spot;
use super::imports::{is_framed, top, wrapped};
use super::text::{indent_at, line_start, unit};
use crate::code::language::Language;
use crate::code::parse::parse;
use crate::code::test_code::Proposed;
use crate::code::test_code::items::split_name;
use crate::code::test_code::source::{Code, field, nodes_in, parts};

/// Where code goes.
pub(super) fn spot(old: &Code<'_>, block: &str, proposed: &Proposed<'_>) -> Result<Spot, String> {
    let source = wrapped(old.language, block);
    let Some(parsed) = parse(old.language, source.as_bytes()) else {
        return Err("The code is too long; propose one short test.".to_owned());
    };
    let code = Code::new(&parsed);
    match old.language {
        Language::Java => java(old, &code, proposed),
        Language::Php if is_framed(&source) => class(old, proposed),
        Language::Ruby => Ok(ruby(old, &code)),
        _ => Ok(at_end(old)),
    }
}

fn at_end(old: &Code<'_>) -> Spot {
    let at = old.text.len();
    Spot { at, indent: String::new(), before: String::new(), behind: String::new(), gap: 1 }
}

fn java(old: &Code<'_>, code: &Code<'_>, proposed: &Proposed<'_>) -> Result<Spot, String> {
    for node in top(code) {
        let is_class = node.kind().ends_with("_declaration") && field(node, "body").is_some();
        let is_type = is_class && node.kind() != "method_declaration";
        let modifiers =
            parts(node).first().filter(|one| one.kind() == "modifiers").map(|one| code.str(*one));
        let is_member = modifiers.is_some_and(|text| {
            text.contains("@Nested")
                || text.split_whitespace().any(|word| matches!(word, "static" | "private"))
        });
        let is_inner =
            is_member || matches!(node.kind(), "record_declaration" | "enum_declaration");
        if is_type && !is_inner {
            return Err(
                "A whole class is for a new file; give only the test's method, or use `new-file`."
                    .to_owned(),
            );
        }
    }
    class(old, proposed)
}

/// The end of a class: the one that the name says, or the first with tests.
fn class(old: &Code<'_>, proposed: &Proposed<'_>) -> Result<Spot, String> {
    let (_, containers) = split_name(old.language, proposed.name);
    let is_class =
        |node: Node<'_>| matches!(node.kind(), "class_declaration" | "record_declaration");
    let classes = nodes_in(old.root, &(0..old.text.len()), &is_class);
    let name =
        |node: &&Node<'_>| field(**node, "name").map(|node| old.str(node)).unwrap_or_default();
    let has_tests = |node: &&Node<'_>| {
        let text = old.str(**node);
        text.contains("@Test") || text.contains("test") || text.contains("#[Test")
    };
    let is_top = |node: &&Node<'_>| {
        node.parent()
            .is_some_and(|parent| matches!(parent.kind(), "program" | "compound_statement"))
    };
    let stated = containers.last().copied();
    let chosen = classes
        .iter()
        .find(|node| stated == Some(name(node)))
        .or_else(|| classes.iter().filter(is_top).find(has_tests))
        .or_else(|| classes.iter().find(is_top));
    let Some(body) = chosen.and_then(|node| field(*node, "body")) else {
        return Err(format!(
            "`{}` holds no class to put a method into; use a new file.",
            proposed.path
        ));
    };
    Ok(inside(old, body, 1))
}

/// The end of a body, before what closes it (of so many bytes).
fn inside(old: &Code<'_>, body: Node<'_>, closes: usize) -> Spot {
    let brace = body.end_byte().saturating_sub(closes);
    let start = line_start(old.text, brace);
    let is_alone = old.at(start..brace).trim().is_empty() && start > body.start_byte();
    let own = indent_at(old.text, brace);
    let step = unit(old.text).unwrap_or_else(|| match old.language {
        Language::Ruby => "  ".to_owned(),
        _ => "    ".to_owned(),
    });
    Spot { at: if is_alone { start } else { brace }, indent: own + &step, ..at_end(old) }
}

/// Bare examples and methods go into the outermost group or class.
fn ruby(old: &Code<'_>, code: &Code<'_>) -> Spot {
    let word = |code: &Code<'_>, node: Node<'_>| {
        field(node, "method").map(|node| code.str(node).to_owned()).unwrap_or_default()
    };
    let is_whole = top(code).into_iter().any(|node| {
        matches!(node.kind(), "class" | "module")
            || matches!(word(code, node).as_str(), "describe" | "context")
    });
    if is_whole {
        return at_end(old);
    }
    let outer = top(old).into_iter().find_map(|node| match node.kind() {
        "class" => Some(node),
        "call" if matches!(word(old, node).as_str(), "describe" | "context") => {
            field(node, "block")
        }
        _ => None,
    });
    match outer {
        Some(outer) if old.str(outer).ends_with("end") => inside(old, outer, 3),
        Some(outer) if old.str(outer).ends_with('}') => inside(old, outer, 1),
        _ => at_end(old),
    }
}
