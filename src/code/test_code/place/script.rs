//! Where tests go in JavaScript and TypeScript.

use std::collections::HashSet;

use tree_sitter::Node;

use super::Spot;
use super::imports::top;
use super::text::{indent_at, line_start, unit};
use crate::code::parse::parse;
use crate::code::test_code::Proposed;
use crate::code::test_code::items::{Block, block as block_of, title};
use crate::code::test_code::source::{Code, field, parts, walk};

/// The call that a statement is, if it defines a group or a test.
fn call<'t>(code: &Code<'t>, node: Node<'t>, wanted: Block) -> Option<Node<'t>> {
    let inner = parts(node).first().copied().filter(|_| node.kind() == "expression_statement")?;
    (block_of(code, inner) == Some(wanted)).then_some(inner)
}

/// The body of the function that a call is given.
pub(super) fn body<'t>(call: Node<'t>) -> Option<Node<'t>> {
    let all = parts(field(call, "arguments")?);
    let function = all.into_iter().rev().find(|node| {
        matches!(node.kind(), "arrow_function" | "function_expression" | "function")
    })?;
    field(function, "body").filter(|body| body.kind() == "statement_block")
}

/// Where code goes: the end of the file, or of its outermost group if the code
/// needs what stands in it or is named with it.
pub(super) fn spot(old: &Code<'_>, block: &str, proposed: &Proposed<'_>) -> Spot {
    let end = Spot {
        at: old.text.len(),
        indent: String::new(),
        before: String::new(),
        behind: String::new(),
        gap: 1,
    };
    let Some(parsed) = parse(old.language, block.as_bytes()) else { return end };
    let code = Code::new(&parsed);
    let nodes = top(&code);
    let has_group = nodes.iter().any(|node| call(&code, *node, Block::Group).is_some());
    let groups: Vec<Node<'_>> =
        top(old).into_iter().filter_map(|node| call(old, node, Block::Group)).collect();
    if has_group {
        return end;
    }
    let own = declared(&code, &nodes);
    let used = used(&code);
    let needs = |group: &Node<'_>| {
        let Some(body) = body(*group) else { return false };
        let theirs = declared(old, &parts(body));
        theirs.iter().any(|name| used.contains(name) && !own.contains(name))
    };
    let is_named = |group: &Node<'_>| {
        let title = title(old, *group).unwrap_or_default();
        let name = proposed.name.trim();
        name.strip_prefix(title.as_str()).is_some_and(|rest| {
            !title.is_empty() && (rest.starts_with(' ') || rest.starts_with(" >"))
        })
    };
    let chosen =
        groups.iter().find(|group| needs(group)).or(groups.iter().find(|group| is_named(group)));
    let Some(body) = chosen.and_then(|group| body(*group)) else { return end };
    let brace = body.end_byte().saturating_sub(1);
    let start = line_start(old.text, brace);
    let is_alone = old.at(start..brace).trim().is_empty() && start > body.start_byte();
    let first = parts(body).first().map(|node| indent_at(old.text, node.start_byte()));
    let step = unit(old.text).unwrap_or_else(|| "  ".to_owned());
    let own = indent_at(old.text, brace);
    let indent = first.filter(|first| first.len() > own.len()).unwrap_or(own + &step);
    Spot { at: if is_alone { start } else { brace }, indent, ..end }
}

/// The names that statements declare.
pub(super) fn declared(code: &Code<'_>, nodes: &[Node<'_>]) -> HashSet<String> {
    let mut found = HashSet::new();
    for node in nodes {
        let node = match node.kind() {
            "export_statement" => field(*node, "declaration").unwrap_or(*node),
            _ => *node,
        };
        match node.kind() {
            "lexical_declaration" | "variable_declaration" => {
                for one in parts(node) {
                    let Some(name) = field(one, "name") else { continue };
                    walk(name, &mut |part| {
                        if part.kind() == "identifier"
                            || part.kind() == "shorthand_property_identifier_pattern"
                        {
                            found.insert(code.str(part).to_owned());
                        }
                        true
                    });
                }
            }
            kind if kind.ends_with("_declaration") => {
                if let Some(name) = field(node, "name") {
                    found.insert(code.str(name).to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

/// The names that code uses.
fn used(code: &Code<'_>) -> HashSet<String> {
    let mut found = HashSet::new();
    walk(code.root, &mut |node| {
        if matches!(node.kind(), "identifier" | "shorthand_property_identifier") {
            found.insert(code.str(node).to_owned());
        }
        true
    });
    found
}
