//! Where tests go in Python.

use tree_sitter::Node;

use super::Spot;
use super::imports::top;
use super::text::{indent_at, line_end, line_start};
use crate::code::language::Language;
use crate::code::parse::parse;
use crate::code::test_code::Proposed;
use crate::code::test_code::items::split_name;
use crate::code::test_code::source::{Code, field, parts};

/// What a decorated definition defines, or the node itself.
pub(super) fn bare(node: Node<'_>) -> Node<'_> {
    match node.kind() {
        "decorated_definition" => field(node, "definition").unwrap_or(node),
        _ => node,
    }
}

/// Whether code is methods without their class.
pub(super) fn has_methods(code: &Code<'_>) -> bool {
    top(code).into_iter().map(bare).any(|node| {
        let first = field(node, "parameters").and_then(|node| parts(node).first().copied());
        node.kind() == "function_definition" && first.is_some_and(|one| code.str(one) == "self")
    })
}

/// Where code goes.
pub(super) fn spot(old: &Code<'_>, block: &str, proposed: &Proposed<'_>) -> Result<Spot, String> {
    let Some(parsed) = parse(Language::Python, block.as_bytes()) else {
        return Err("The code is too long; propose one short test.".to_owned());
    };
    let code = Code::new(&parsed);
    if !has_methods(&code) {
        return Ok(at_end(old));
    }
    if top(&code).into_iter().any(|node| bare(node).kind() != "function_definition") {
        return Err("Methods of a class and other code are mixed; give either the methods, or a whole class.".to_owned());
    }
    let (_, containers) = split_name(Language::Python, proposed.name);
    let classes: Vec<Node<'_>> = parts(old.root)
        .into_iter()
        .map(bare)
        .filter(|node| node.kind() == "class_definition")
        .collect();
    let name = |node: &Node<'_>| field(*node, "name").map(|node| old.str(node)).unwrap_or_default();
    let named = classes.iter().find(|node| containers.last() == Some(&name(node)));
    let tests: Vec<&Node<'_>> = classes
        .iter()
        .filter(|node| field(**node, "body").is_some_and(|body| old.str(body).contains("def test")))
        .collect();
    let class = match (named, tests.as_slice()) {
        (Some(class), _) => class,
        (None, [only]) if containers.len() < 2 => *only,
        _ => {
            return Err(format!(
                "`{}` is a method, and the file has no class of that name; name it as `module.Class.test`, or give the whole class.",
                proposed.name
            ));
        }
    };
    let Some(body) = field(*class, "body") else { return Err("The class has no body.".to_owned()) };
    let inside = parts(body).first().map(|node| indent_at(old.text, node.start_byte()));
    let own = indent_at(old.text, class.start_byte());
    let indent = inside.filter(|inside| inside.len() > own.len());
    let Some(indent) = indent else {
        return Err("The class stands on one line; give a whole class of another name.".to_owned());
    };
    let end = class.end_byte();
    let ended = old.text.get(end.wrapping_sub(1)) == Some(&b'\n');
    let at = if ended { end } else { line_end(old.text, end) };
    Ok(Spot { at, indent, before: String::new(), behind: String::new(), gap: 1 })
}

/// The end of the file, or the place before `if __name__ == "__main__"` there.
fn at_end(old: &Code<'_>) -> Spot {
    let last = top(old).last().copied();
    let guard = last.filter(|node| {
        node.kind() == "if_statement"
            && field(*node, "condition").is_some_and(|node| old.str(node).contains("__name__"))
    });
    let (at, behind) = match guard {
        Some(guard) => (line_start(old.text, guard.start_byte()), "\n\n".to_owned()),
        None => (old.text.len(), String::new()),
    };
    Spot { at, indent: String::new(), before: String::new(), behind, gap: 2 }
}
