//! `&&` for `||`, and a negation taken away.

use super::negate_condition::is_negation;
use super::site::{Sink, Site, named, operator_of};
use crate::code::language::Language;

const SWAP: &str = "swap-logical";
const REMOVE: &str = "remove-negation";

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    match site.kind() {
        "binary_expression" | "boolean_operator" | "binary" => {
            let Some(operator) = operator_of(node) else { return };
            let other = match operator.kind() {
                "&&" => "||",
                "||" => "&&",
                "and" => "or",
                "or" => "and",
                _ => return,
            };
            if binds(site) {
                return;
            }
            // JavaScript reads no `a ?? b || c`.
            sink.became(SWAP, node, operator.byte_range(), other.to_owned());
        }
        "not_operator" | "unary_expression" | "unary_op_expression" | "unary" => {
            let Some(operand) = named(node).pop() else { return };
            let is_minus = operator_of(node)
                .or_else(|| node.child(0))
                .is_some_and(|one| one.kind() == "-" && !is_number(operand.kind()));
            if !is_negation(node) && !is_minus {
                return;
            }
            // `!=` and the like are made of nothing else, but `not(x)` is.
            let source = site.text(operand);
            let glued = site.parsed.text.get(node.start_byte().wrapping_sub(1));
            let is_glued = glued.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            if source.is_empty() || is_glued {
                return;
            }
            sink.replace(REMOVE, node, source.to_owned());
        }
        _ => {}
    }
}

/// Whether the right side needs a name that the left one only has where it holds:
/// `x instanceof A a && a.b()`.
fn binds(site: &Site<'_, '_>) -> bool {
    let left = site.node().child_by_field_name("left").map_or("", |left| site.text(left));
    match site.language() {
        Language::Java => left.contains("instanceof"),
        // A chain of conditions that bind knows no other operator.
        Language::Rust => {
            let around = site.above().find(|step| step.node.kind() != "binary_expression");
            around.is_some_and(|step| step.node.kind() == "let_chain")
        }
        _ => false,
    }
}

fn is_number(kind: &str) -> bool {
    matches!(kind, "integer" | "float" | "number") || kind.ends_with("_literal")
}
