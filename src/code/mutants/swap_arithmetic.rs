//! `+` for `-`, `*` for `/`, `<<` for `>>`, also where they assign.

use tree_sitter::Node;

use super::site::{Sink, Site, bare, operator_of};
use super::swap_comparison::ends_in_cast;
use crate::code::language::Language;

const OPERATOR: &str = "swap-arithmetic";

fn other(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "+" => "-",
        "-" => "+",
        "*" => "/",
        "/" | "//" | "%" | "**" => "*",
        "<<" => ">>",
        ">>" | ">>>" => "<<",
        "&" => "|",
        "|" | "^" | "&^" => "&",
        "+=" => "-=",
        "-=" => "+=",
        "*=" => "/=",
        "/=" | "//=" | "%=" | "**=" => "*=",
        "<<=" => ">>=",
        ">>=" | ">>>=" => "<<=",
        "&=" => "|=",
        "|=" | "^=" | "&^=" => "&=",
        "++" => "--",
        "--" => "++",
        _ => return None,
    })
}

pub(super) fn at(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    let node = site.node();
    match site.kind() {
        "binary_expression"
        | "binary_operator"
        | "binary"
        | "compound_assignment_expr"
        | "augmented_assignment"
        | "augmented_assignment_expression"
        | "operator_assignment"
        | "assignment_statement"
        | "assignment_expression" => {}
        "update_expression" | "inc_statement" | "dec_statement" => {
            step(site, sink);
            return;
        }
        _ => return,
    }
    let Some(operator) = operator_of(node) else { return };
    let Some(other) = other(operator.kind()) else { return };
    let (Some(left), Some(right)) =
        (node.child_by_field_name("left"), node.child_by_field_name("right"))
    else {
        return;
    };
    let sign = operator.kind().trim_end_matches('=');
    if is_text(site, left) || is_text(site, right) || is_neutral(sign, site.text(right)) {
        return;
    }
    // `0 - x` is the same as `-x`; `0 + x` becomes it.
    if site.text(left) == "0" && matches!(sign, "*" | "/" | "%" | "<<" | ">>" | "&") {
        return;
    }
    if site.language() == Language::Rust && other == "<<" && ends_in_cast(left) {
        let between = site.slice(left.end_byte()..operator.start_byte());
        let replacement = format!("({}){between}{other}", site.text(left));
        sink.became(OPERATOR, node, left.start_byte()..operator.end_byte(), replacement);
        return;
    }
    sink.became(OPERATOR, node, operator.byte_range(), other.to_owned());
}

/// `i++` and `i--`, but for the step of a loop: it would only never end.
fn step(site: &Site<'_, '_>, sink: &mut Sink<'_>) {
    if matches!(site.field(), Some("update" | "increment")) {
        return;
    }
    let node = site.node();
    let mut cursor = node.walk();
    let token = node.children(&mut cursor).find(|child| matches!(child.kind(), "++" | "--"));
    if let Some((token, other)) = token.and_then(|token| Some((token, other(token.kind())?))) {
        sink.became(OPERATOR, node, token.byte_range(), other.to_owned());
    }
}

/// Whether the operand makes no difference to begin with, or would be a fault in
/// any case: `x + 0`, `x * 1`, `x * 0`.
fn is_neutral(sign: &str, right: &str) -> bool {
    match sign {
        "+" | "-" | "<<" | ">>" | ">>>" | "|" | "^" | "&^" => right == "0",
        "*" | "/" | "//" | "**" => matches!(right, "1" | "0" | "1.0"),
        _ => false,
    }
}

/// Whether an operand is a text, as far as can be seen: `"a" + b`.
fn is_text(site: &Site<'_, '_>, node: Node<'_>) -> bool {
    let node = bare(node);
    match node.kind() {
        // `a + &b` joins texts or lists; numbers are seldom borrowed for it.
        "reference_expression" => {
            node.child_by_field_name("value").is_some_and(|value| !is_text_kind(value.kind()))
        }
        "binary_expression" | "binary_operator" | "binary" => ["left", "right"]
            .iter()
            .filter_map(|side| node.child_by_field_name(side))
            .any(|side| is_text(site, side)),
        "call_expression" | "method_invocation" | "call" => {
            let source = site.text(node);
            let head = source.split('(').next().unwrap_or_default();
            let name = head.rsplit(['.', ':', ' ']).next().unwrap_or_default();
            matches!(
                name,
                "toString"
                    | "to_string"
                    | "String"
                    | "str"
                    | "join"
                    | "format"
                    | "Sprintf"
                    | "repr"
                    | "Sprint"
                    | "getName"
                    | "trim"
                    | "strip"
                    | "replace"
                    | "substring"
                    | "toUpperCase"
                    | "toLowerCase"
                    | "upper"
                    | "lower"
                    | "repeat"
                    | "Repeat"
                    | "Itoa"
                    | "to_s"
                    | "to_owned"
                    | "string"
                    | "list"
                    | "tuple"
                    | "stringify"
                    | "Join"
                    | "padStart"
                    | "padEnd"
                    | "valueOf"
                    | "Quote"
            )
        }
        kind if is_text_kind(kind) => true,
        "identifier" | "expression_list" | "variable_name" => is_text_name(site, site.text(node)),
        _ => false,
    }
}

fn is_text_kind(kind: &str) -> bool {
    kind.contains("string")
        || matches!(kind, "list" | "array" | "tuple" | "dictionary" | "heredoc_body")
}

/// How far back a name's declaration is looked for.
const MOST_BACK: usize = 8_000;

/// Whether the nearest declaration before says that a name is a text.
fn is_text_name(site: &Site<'_, '_>, name: &str) -> bool {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_$".contains(&b)) {
        return false;
    }
    let end = site.node().start_byte();
    let before = site.parsed.text.get(end.saturating_sub(MOST_BACK)..end).unwrap_or_default();
    let forms: &[(&str, &str)] = match site.language() {
        Language::Java => &[("String ", "")],
        Language::Go => &[("", " string"), ("", " := \""), ("", " := `"), ("", " := fmt.S")],
        Language::Python => &[("", ": str"), ("", " = \""), ("", " = '"), ("", " = f\"")],
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            &[("", ": string"), ("", " = \""), ("", " = '"), ("", " = `")]
        }
        Language::Ruby => &[("", " = \""), ("", " = '")],
        Language::Rust => &[("", ": String"), ("", " = String::"), ("", " = format!")],
        Language::Php | Language::C => &[],
    };
    forms.iter().any(|(head, tail)| {
        let form = format!("{head}{name}{tail}");
        let glued = |at: usize| {
            head.is_empty()
                && at
                    .checked_sub(1)
                    .and_then(|at| before.get(at))
                    .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        };
        memchr::memmem::find_iter(before, form.as_bytes()).any(|at| !glued(at))
    })
}
