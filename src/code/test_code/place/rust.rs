//! Where tests go in Rust: test modules, and what may never change beside them.

use std::ops::Range;

use tree_sitter::Node;

use super::Spot;
use super::imports::top;
use super::text::{dedented, indent_at, line_start, unit};
use crate::code::language::Language;
use crate::code::parse::parse;
use crate::code::test_code::items::split_name;
use crate::code::test_code::source::{Code, field, line_of, parts};
use crate::code::test_code::{Placement, Proposed, is_test_file};

/// A module that is only there in tests.
struct Module<'t> {
    name: &'t str,
    node: Node<'t>,
    body: Option<Node<'t>>,
    /// Its first line, with its attributes.
    first: u32,
}

/// The outermost test modules of a file.
fn modules<'t>(code: &Code<'t>) -> Vec<Module<'t>> {
    let mut found = Vec::new();
    for node in parts(code.root) {
        if node.kind() != "mod_item" {
            continue;
        }
        let mut is_test = false;
        let mut first = line_of(node);
        let mut above = node.prev_named_sibling();
        while let Some(one) = above {
            match one.kind() {
                "attribute_item" => {
                    is_test |= is_test_cfg(code.str(one));
                    first = line_of(one);
                }
                "line_comment" | "block_comment" => {}
                _ => break,
            }
            above = one.prev_named_sibling();
        }
        if is_test {
            let name = field(node, "name").map(|name| code.str(name)).unwrap_or_default();
            found.push(Module { name, node, body: field(node, "body"), first });
        }
    }
    found
}

/// Whether an attribute leaves its item out where no tests are built.
fn is_test_cfg(attribute: &str) -> bool {
    let plain: String = attribute.chars().filter(|c| !c.is_whitespace()).collect();
    plain == "#[cfg(test)]" || plain.starts_with("#[cfg(all(test,") && !plain.contains("any(")
}

/// The body of the test module that holds a place.
pub(super) fn module_around<'t>(code: &Code<'t>, at: usize) -> Option<Node<'t>> {
    let bodies = modules(code).into_iter().filter_map(|module| module.body);
    bodies.into_iter().find(|body| body.start_byte() < at && at < body.end_byte())
}

/// Code that is a whole test module, without the module's frame, where it goes
/// into a module.
pub(super) fn unwrapped(old: &Code<'_>, block: String, placement: Placement) -> String {
    if old.language != Language::Rust || placement == Placement::NewFile {
        return block;
    }
    let Some(parsed) = parse(Language::Rust, block.as_bytes()) else { return block };
    let code = Code::new(&parsed);
    let mut items = top(&code);
    items.retain(|node| node.kind() != "attribute_item" || !is_test_cfg(code.str(*node)));
    let inner = match (items.as_slice(), modules(&code).as_slice()) {
        ([_], [module]) => module.body.filter(|_| {
            placement == Placement::Module || modules(old).iter().any(|one| one.name == module.name)
        }),
        _ => None,
    };
    match inner {
        Some(body) => {
            let inner = code.at(body.start_byte() + 1..body.end_byte() - 1).to_owned();
            dedented(Language::Rust, &inner)
        }
        None => block,
    }
}

/// Where code goes.
pub(super) fn spot(old: &Code<'_>, proposed: &Proposed<'_>) -> Result<Spot, String> {
    let all = modules(old);
    let (_, containers) = split_name(Language::Rust, proposed.name);
    let stated = containers.last().copied();
    let chosen = all
        .iter()
        .find(|module| stated == Some(module.name) && module.body.is_some())
        .or(all.iter().rev().find(|module| module.body.is_some()));
    let is_test = is_test_file(Language::Rust, proposed.path);
    let named = chosen.filter(|module| stated == Some(module.name));
    match (proposed.placement, chosen) {
        (Placement::Append, _) if is_test && named.is_none() => Ok(at_end(old)),
        (_, Some(module)) => inside(old, module),
        (Placement::Append, None) => Err(format!(
            "`{}` holds no test module; use the placement `module`, which makes one.",
            proposed.path
        )),
        _ => match all.first() {
            Some(module) => Err(format!(
                "The tests of `{}` stand in a file of their own, that of `mod {};`: append there.",
                proposed.path, module.name
            )),
            None => made(old, stated),
        },
    }
}

fn at_end(old: &Code<'_>) -> Spot {
    let at = old.text.len();
    Spot { at, indent: String::new(), before: String::new(), behind: String::new(), gap: 1 }
}

fn inside(old: &Code<'_>, module: &Module<'_>) -> Result<Spot, String> {
    let Some(body) = module.body else { return Err("The test module has no body.".to_owned()) };
    let brace = body.end_byte().saturating_sub(1);
    let start = line_start(old.text, brace);
    let is_alone = old.at(start..brace).trim().is_empty() && start > body.start_byte();
    let at = if is_alone { start } else { brace };
    let own = indent_at(old.text, module.node.start_byte());
    let step = unit(old.text).unwrap_or_else(|| "    ".to_owned());
    let first = parts(body).first().map(|node| indent_at(old.text, node.start_byte()));
    let indent = first.filter(|first| first.len() > own.len()).unwrap_or(own + &step);
    Ok(Spot { at, indent, before: String::new(), behind: String::new(), gap: 1 })
}

/// A module at the end of the file.
fn made(old: &Code<'_>, stated: Option<&str>) -> Result<Spot, String> {
    let name =
        stated.filter(|name| name.ends_with("tests") || name.ends_with("test")).unwrap_or("tests");
    let taken = |node: &Node<'_>| {
        node.kind() == "mod_item" && field(*node, "name").is_some_and(|one| old.str(one) == name)
    };
    if parts(old.root).iter().any(taken) {
        return Err(format!(
            "`mod {name}` exists and is no `#[cfg(test)]` module; name the test's module otherwise, as in `unit_tests::name`."
        ));
    }
    let step = unit(old.text).unwrap_or_else(|| "    ".to_owned());
    Ok(Spot {
        at: old.text.len(),
        before: format!("#[cfg(test)]\nmod {name} {{\n{step}use super::*;\n\n"),
        behind: "}\n".to_owned(),
        indent: step,
        gap: 1,
    })
}

/// In a source file, what is new stands in a test module.
pub(super) fn only_tests(
    new: &Code<'_>,
    lines: &[Range<u32>],
    proposed: &Proposed<'_>,
) -> Result<(), String> {
    if new.language != Language::Rust || is_test_file(Language::Rust, proposed.path) {
        return Ok(());
    }
    let all = modules(new);
    let holds = |range: &Range<u32>| {
        all.iter().any(|module| {
            let end = u32::try_from(module.node.end_position().row).unwrap_or(u32::MAX - 2) + 2;
            module.first <= range.start && range.end <= end
        })
    };
    match lines.iter().all(holds) {
        true => Ok(()),
        false => {
            Err("The code would reach out of the test module; give only whole test functions."
                .to_owned())
        }
    }
}
