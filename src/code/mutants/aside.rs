//! What is left as it is: tests, messages, imports, types, and what only says
//! something to people.

use tree_sitter::Node;

use super::site::{Site, Step, is_comment, named};
use crate::code::language::Language;
use crate::code::parse::Parsed;

/// Notes an attribute for what comes after it, and tells whether the node is under
/// one that makes it a test.
pub(super) fn take_attribute(parsed: &Parsed<'_>, path: &mut [Step<'_>], node: Node<'_>) -> bool {
    if parsed.language != Language::Rust {
        return false;
    }
    let Some(parent) = path.last_mut() else { return false };
    match node.kind() {
        "attribute_item" => {
            let text = parsed.text.get(node.byte_range()).unwrap_or_default();
            parent.is_test_next |= is_test_attribute(&String::from_utf8_lossy(text));
            false
        }
        kind if !node.is_named() || is_comment(kind) => false,
        _ => std::mem::take(&mut parent.is_test_next),
    }
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test, unix))]`.
fn is_test_attribute(text: &str) -> bool {
    let inside = text.trim_start_matches(['#', '[', ' ']);
    let path: &str = inside.split(['(', ']', '=']).next().unwrap_or_default().trim();
    let last = path.rsplit("::").next().unwrap_or_default();
    match last {
        "test" | "rstest" | "test_case" | "case" | "bench" | "quickcheck" | "proptest"
        | "test_log" | "parameterized" | "wasm_bindgen_test" => true,
        "cfg" => {
            // `not(test)` is what is no test.
            !inside.contains("not(test")
                && inside
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '"')
                    .any(|word| word == "test")
        }
        _ => false,
    }
}

/// Whether nothing in the node is changed.
pub(super) fn is_aside(site: &Site<'_, '_>) -> bool {
    let node = site.node();
    if node.is_error() || node.is_missing() {
        return true;
    }
    if !node.is_named() {
        return false;
    }
    is_no_code(site) || is_message(site) || is_test(site) || is_form(site) || is_talk(site)
}

/// Types, imports, annotations, patterns of names.
fn is_no_code(site: &Site<'_, '_>) -> bool {
    let kind = site.kind();
    if is_comment(kind) {
        return true;
    }
    matches!(
        kind,
        "attribute_item"
            | "inner_attribute_item"
            | "use_declaration"
            | "extern_crate_declaration"
            | "macro_definition"
            | "type_item"
            | "type_arguments"
            | "type_parameters"
            | "where_clause"
            | "trait_bounds"
            | "token_tree"
            | "struct_item"
            | "enum_item"
            | "union_item"
            | "foreign_mod_item"
            | "unsafe_block"
            | "import_statement"
            | "import_from_statement"
            | "future_import_statement"
            | "assert_statement"
            | "decorator"
            | "type"
            | "type_alias_statement"
            | "import_declaration"
            | "package_clause"
            | "package_declaration"
            | "type_declaration"
            | "annotation"
            | "marker_annotation"
            | "modifiers"
            | "throws"
            | "type_annotation"
            | "interface_declaration"
            | "type_alias_declaration"
            | "enum_declaration"
            | "ambient_declaration"
            | "defer_statement"
            | "preproc_include"
            | "preproc_def"
            | "preproc_function_def"
            | "struct_specifier"
            | "enum_specifier"
            | "type_definition"
            | "namespace_use_declaration"
            | "attribute_list"
            | "array_declarator"
            | "parameter_list"
            | "dimensions"
            | "const_parameter"
            | "lifetime"
            | "visibility_modifier"
    ) && !(kind == "enum_declaration" && site.language() == Language::Java)
        || kind == "template_string" && is_tagged(site)
        || matches!(site.field(), Some("type" | "return_type" | "result" | "type_arguments"))
        || kind.ends_with("_type") && site.language() != Language::Python
        || kind == "modifier"
}

/// A tag reads its text in a language of its own.
fn is_tagged(site: &Site<'_, '_>) -> bool {
    site.parent_kind() == "call_expression"
}

/// Whether the node is what is said to people: what is logged, printed, thrown, or
/// only makes room.
fn is_message(site: &Site<'_, '_>) -> bool {
    let Some(parent) = site.parent() else { return false };
    match parent.kind() {
        "raise_statement" | "throw_statement" | "throw_expression" | "echo_statement" => true,
        _ => matches!(site.kind(), "arguments" | "argument_list") && is_message_call(site, parent),
    }
}

/// Whether a call only says something to people, or makes room.
pub(super) fn is_message_call(site: &Site<'_, '_>, call: Node<'_>) -> bool {
    let head = head(site, call);
    let parts: Vec<&str> =
        head.split(['.', ':', '>', '(', ')']).filter(|part| !part.is_empty()).collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    let before = parts.iter().rev().nth(1).copied().unwrap_or(first);
    if parts.len() > 1 && (is_log(first) || is_log(before)) {
        return true;
    }
    let makes = matches!(call.kind(), "new_expression" | "object_creation_expression")
        || site.language() == Language::Python;
    if makes && (last.ends_with("Error") || last.ends_with("Exception")) {
        return true;
    }
    let starts = |heads: &[&str]| heads.iter().any(|one| head.starts_with(one));
    match site.language() {
        Language::Go => {
            matches!(*last, "Errorf" | "New" | "Wrap" | "Wrapf")
                && !starts(&["sync."])
                && starts(&["errors.", "fmt.", "status.", "xerrors."])
                || starts(&["fmt.Print", "fmt.Fprint", "log."])
                || head == "panic"
        }
        Language::Java => {
            starts(&[
                "System.out",
                "System.err",
                "Objects.requireNonNull",
                "Preconditions.",
                "Assert.",
            ]) || matches!(*last, "printStackTrace")
                || head == "String.format"
        }
        Language::Python => {
            matches!(head.as_str(), "print" | "warn" | "pprint" | "sys.exit" | "sys.stderr.write")
        }
        Language::Ruby => {
            matches!(head.as_str(), "puts" | "p" | "pp" | "print" | "warn" | "printf" | "raise")
        }
        Language::Php => matches!(
            *last,
            "print_r"
                | "var_dump"
                | "error_log"
                | "trigger_error"
                | "sprintf"
                | "printf"
                | "define"
        ),
        Language::C => {
            last.ends_with("printf")
                || last.contains("assert")
                || matches!(*last, "perror" | "puts" | "fputs")
        }
        Language::Rust => matches!(
            *last,
            "with_capacity" | "expect" | "context" | "with_context" | "sleep" | "msg"
        ),
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            matches!(head.as_str(), "require" | "debug" | "invariant" | "warning" | "warn")
        }
    }
}

/// Whether a name is that of a logger.
fn is_log(name: &str) -> bool {
    let name = name.trim_start_matches(['_', '$', '@']).to_lowercase();
    matches!(
        name.as_str(),
        "log"
            | "logger"
            | "logging"
            | "console"
            | "slog"
            | "tracing"
            | "warnings"
            | "klog"
            | "glog"
            | "zap"
            | "logrus"
            | "syslog"
            | "log4js"
            | "winston"
    ) || name.ends_with("logger")
        || name.ends_with("_log")
}

/// What is called, without its arguments.
fn head(site: &Site<'_, '_>, call: Node<'_>) -> String {
    /// Longer chains are not of a logger.
    const MOST: usize = 120;
    let of = |field: &str| call.child_by_field_name(field).map(|one| site.text(one));
    let name = ["function", "name", "method", "constructor", "type"].iter().find_map(|one| of(one));
    // A PHP class has no field.
    let name = name.or_else(|| named(call).first().map(|one| site.text(*one))).unwrap_or_default();
    let object = ["object", "receiver", "scope"].iter().find_map(|one| of(one));
    let head = match object {
        Some(object) if object.len() < MOST => format!("{object}.{name}"),
        _ => name.get(..name.len().min(MOST)).unwrap_or_default().to_owned(),
    };
    head.replace("->", ".").replace('$', "")
}

/// Whether a branch decides only whether something is logged, or is never taken.
fn is_talk(site: &Site<'_, '_>) -> bool {
    if !matches!(site.kind(), "if_statement" | "if_expression" | "if" | "if_modifier") {
        return false;
    }
    let node = site.node();
    let Some(condition) = node.child_by_field_name("condition") else { return false };
    let written = site.text(condition).trim_start_matches('(');
    if ["0 and ", "False and ", "false && ", "0 && "].iter().any(|one| written.starts_with(one)) {
        return true;
    }
    let written = written.to_lowercase();
    // What is printed may be what the program is for.
    let is_aside =
        ["debug", "verbose", "trace", "quiet", "silent"].iter().any(|w| written.contains(w));
    let bodies: Vec<_> = ["consequence", "body", "alternative"]
        .iter()
        .filter_map(|field| node.child_by_field_name(field))
        .collect();
    !bodies.is_empty()
        && bodies.iter().all(|body| {
            says_only(site, *body)
                && (is_aside || !site.text(*body).to_lowercase().contains("print"))
        })
}

/// Whether there is nothing in a block but what is said to people.
pub(super) fn says_only(site: &Site<'_, '_>, block: Node<'_>) -> bool {
    let says = |node: Node<'_>| match node.kind() {
        "call_expression"
        | "method_invocation"
        | "call"
        | "function_call_expression"
        | "member_call_expression"
        | "scoped_call_expression" => {
            // Some end what is going on.
            let ends =
                ["raise", "panic", "exit", "require", "check", "assert", "fatal", "invariant"];
            let head = head(site, node).to_lowercase();
            site.language() != Language::Rust
                && is_message_call(site, node)
                && !ends.iter().any(|word| head.contains(word))
        }
        "macro_invocation" => {
            let name = node.child_by_field_name("macro").map_or("", |name| site.text(name));
            let last = name.rsplit("::").next().unwrap_or_default();
            matches!(
                last,
                "trace"
                    | "debug"
                    | "info"
                    | "warn"
                    | "error"
                    | "log"
                    | "event"
                    | "eprintln"
                    | "eprint"
                    | "println"
                    | "print"
                    | "dbg"
            )
        }
        _ => false,
    };
    let mut open = vec![block];
    let mut count = 0;
    while let Some(node) = open.pop() {
        match node.kind() {
            "block"
            | "statement_block"
            | "compound_statement"
            | "statement_list"
            | "then"
            | "else_clause"
            | "else"
            | "expression_statement" => open.extend(named(node)),
            _ if says(node) => count += 1,
            _ => return false,
        }
    }
    count > 0
}

fn is_test(site: &Site<'_, '_>) -> bool {
    let node = site.node();
    let name = || node.child_by_field_name("name").map_or("", |name| site.text(name));
    match (site.language(), site.kind()) {
        (Language::Python, "function_definition") => name().starts_with("test_"),
        (Language::Python, "class_definition") => {
            let supers = node.child_by_field_name("superclasses").map_or("", |one| site.text(one));
            name().starts_with("Test") && name().len() > 4 && !has_init(site, node)
                || supers.contains("TestCase")
        }
        (Language::Go, "function_declaration") => {
            let parameters =
                node.child_by_field_name("parameters").map_or("", |one| site.text(one));
            ["*testing.T", "*testing.B", "*testing.F", "*testing.M", "testing.TB"]
                .iter()
                .any(|one| parameters.contains(one))
        }
        (Language::Java, "method_declaration" | "class_declaration") => {
            let modifiers = node.named_child(0).filter(|one| one.kind() == "modifiers");
            let written = modifiers.map_or("", |one| site.text(one));
            written.split(|c: char| !c.is_alphanumeric() && c != '@').any(|word| {
                matches!(
                    word,
                    "@Test"
                        | "@ParameterizedTest"
                        | "@BeforeEach"
                        | "@AfterEach"
                        | "@Before"
                        | "@After"
                        | "@BeforeAll"
                        | "@AfterAll"
                        | "@RepeatedTest"
                        | "@TestFactory"
                        | "@Generated"
                        | "@Benchmark"
                )
            })
        }
        (_, "call_expression" | "call") => is_test_call(site, node),
        (Language::Php, "method_declaration") => name().starts_with("test"),
        (Language::Php, "class_declaration") => name().ends_with("Test"),
        (Language::Ruby, "class") => node
            .child_by_field_name("superclass")
            .is_some_and(|one| site.text(one).contains("Test")),
        (Language::Ruby, "method") => name().starts_with("test_"),
        _ => false,
    }
}

/// `describe("…", …)`, `it("…", …)`.
pub(super) fn is_test_call(site: &Site<'_, '_>, call: Node<'_>) -> bool {
    if !site.is_script() && site.language() != Language::Ruby {
        return false;
    }
    let head = head(site, call);
    let first = head.split('.').next().unwrap_or_default();
    if !matches!(first, "describe" | "it" | "test" | "suite" | "context" | "RSpec" | "specify") {
        return false;
    }
    let arguments = call.child_by_field_name("arguments");
    let told = arguments.and_then(|arguments| named(arguments).into_iter().next());
    first == "RSpec" || told.is_some_and(|one| one.kind().contains("string"))
}

/// A class that is made by others is no group of tests.
fn has_init(site: &Site<'_, '_>, class: Node<'_>) -> bool {
    site.text(class).contains("def __init__")
}

/// Code for people to look at, or without a sense that a test could hold it to.
fn is_form(site: &Site<'_, '_>) -> bool {
    let node = site.node();
    let name = |field: &str| node.child_by_field_name(field).map_or("", |one| site.text(one));
    match (site.language(), site.kind()) {
        (Language::Rust, "impl_item") => {
            let of = name("trait");
            let plain = of.split('<').next().unwrap_or_default();
            matches!(
                plain.rsplit("::").next().unwrap_or_default().trim(),
                "Debug" | "Hash" | "Drop"
            )
        }
        (Language::Rust, "function_item") => {
            let body =
                node.child_by_field_name("body").map_or(node.end_byte(), |one| one.start_byte());
            let head = site.slice(node.start_byte()..body);
            head.split_whitespace().any(|word| word == "unsafe")
        }
        (Language::Python, "function_definition") => {
            matches!(name("name"), "__repr__" | "__hash__" | "__del__" | "__dir__")
        }
        (Language::Python, "if_statement") => {
            matches!(name("condition"), "TYPE_CHECKING" | "typing.TYPE_CHECKING")
                || name("condition").starts_with("__name__")
        }
        (Language::Python, "assignment") => {
            let left = name("left");
            left.starts_with("__") && left.ends_with("__")
        }
        (Language::Java, "method_declaration") => name("name") == "hashCode",
        (Language::Go, "method_declaration") => name("name") == "GoString",
        (Language::Go, "const_declaration") => site.text(node).contains("iota"),
        (Language::Ruby, "method") => matches!(name("name"), "inspect" | "hash"),
        _ => false,
    }
}
