//! What code does when its file is only loaded, and to tests beside it.

use tree_sitter::Node;

use super::imports::{top, wrapped};
use super::python;
use crate::code::language::Language;
use crate::code::parse::parse;
use crate::code::test_code::items::{Block, block as block_of};
use crate::code::test_code::source::{Code, field, nodes_in, parts};
use crate::code::test_code::{Placement, Proposed};

/// Functions that only make a value.
const PURE: &[&str] = &[
    "Path",
    "PurePath",
    "re.compile",
    "Decimal",
    "Fraction",
    "namedtuple",
    "frozenset",
    "tuple",
    "dict",
    "list",
    "set",
    "range",
    "bytes",
    "bytearray",
    "str",
    "int",
    "float",
    "bool",
    "len",
    "sorted",
    "date",
    "datetime",
    "timedelta",
    "timezone",
    "object",
    "TypeVar",
    "NewType",
    "pytest.param",
    "sys.version_info",
    "os.path.join",
    "os.path.dirname",
    "os.path.abspath",
    "UUID",
    "dedent",
    "b64decode",
    "fromhex",
    "Counter",
    "OrderedDict",
    "defaultdict",
    "resolve",
    "join",
    "encode",
    "decode",
    "strip",
    "split",
    "format",
    "partial",
    "with_name",
    "joinpath",
    "st",
    "array",
    "zeros",
    "ones",
    "approx",
    "raises",
    "getLogger",
];

/// Refuses code that changes something before a test runs, or for other tests.
pub(super) fn check(old: &Code<'_>, block: &str, proposed: &Proposed<'_>) -> Result<(), String> {
    let source = wrapped(old.language, block);
    let Some(parsed) = parse(old.language, source.as_bytes()) else {
        return Err("The code is too long; propose one short test.".to_owned());
    };
    if parsed.errors() > 0 {
        return Err(super::broken(&parsed, std::slice::from_ref(&(0..source.len()))));
    }
    let code = Code::new(&parsed);
    let is_new_file = proposed.placement == Placement::NewFile;
    match code.language {
        Language::Python => {
            let nodes = top(&code);
            for node in nodes {
                python_statement(&code, node, is_new_file)?;
            }
            if !is_new_file {
                python_neighbours(&code)?;
            }
            Ok(())
        }
        Language::Rust => rust(&code, is_new_file),
        Language::Go => go(&code),
        Language::Java | Language::Php => java(&code, is_new_file),
        Language::JavaScript | Language::TypeScript | Language::Tsx => script(&code, is_new_file),
        Language::Ruby => ruby(&code, is_new_file),
        Language::C => Ok(()),
    }
}

fn shown(code: &Code<'_>, node: Node<'_>) -> String {
    code.str(node).lines().next().unwrap_or_default().chars().take(80).collect()
}

fn at_load(code: &Code<'_>, node: Node<'_>) -> String {
    format!("`{}` runs when the file is loaded; put it into the test.", shown(code, node))
}

/// The first call in a node that is not one of `known`, outside of functions.
fn call_in<'t>(code: &Code<'t>, node: Node<'t>, known: &[&str]) -> Option<Node<'t>> {
    let mut found = None;
    crate::code::test_code::source::walk(node, &mut |part| {
        let kind = part.kind();
        if matches!(kind, "lambda" | "arrow_function" | "function_expression" | "func_literal") {
            return false;
        }
        if matches!(
            kind,
            "call" | "call_expression" | "new_expression" | "await" | "await_expression"
        ) {
            let name = field(part, "function").or_else(|| field(part, "constructor"));
            let name = name.map(|name| code.str(name)).unwrap_or_default();
            let last = name.rsplit('.').next().unwrap_or_default();
            if !known.contains(&name) && !known.contains(&last) && found.is_none() {
                found = Some(part);
            }
        }
        true
    });
    found
}

fn python_statement(code: &Code<'_>, node: Node<'_>, is_new_file: bool) -> Result<(), String> {
    let definition = python::bare(node);
    match definition.kind() {
        "function_definition"
        | "import_statement"
        | "import_from_statement"
        | "comment"
        | "future_import_statement"
        | "pass_statement"
        | "type_alias_statement" => Ok(()),
        "class_definition" => {
            let body = field(definition, "body").map(parts).unwrap_or_default();
            body.into_iter().try_for_each(|node| python_statement(code, node, true))
        }
        "if_statement" => {
            let condition = field(node, "condition").map(|node| code.str(node)).unwrap_or_default();
            let is_guard = condition.contains("TYPE_CHECKING")
                || is_new_file && condition.contains("__name__");
            if is_guard { Ok(()) } else { Err(at_load(code, node)) }
        }
        "expression_statement" => {
            let Some(inner) = parts(node).first().copied() else { return Ok(()) };
            match inner.kind() {
                "string" | "concatenated_string" | "ellipsis" => Ok(()),
                "assignment" => {
                    let left = field(inner, "left");
                    let name = left.map(|left| code.str(left)).unwrap_or_default();
                    let is_plain = left.is_some_and(|left| {
                        matches!(left.kind(), "identifier" | "pattern_list" | "tuple_pattern")
                    });
                    if name == "pytestmark" && !is_new_file {
                        return Err(
                            "`pytestmark` marks every test of the file; mark the test itself."
                                .to_owned(),
                        );
                    }
                    let right = field(inner, "right");
                    let is_mark =
                        right.is_some_and(|right| code.str(right).contains("pytest.mark."));
                    let call = right.and_then(|right| call_in(code, right, PURE));
                    if !is_plain || call.is_some() && !is_mark {
                        return Err(at_load(code, node));
                    }
                    Ok(())
                }
                _ => Err(at_load(code, node)),
            }
        }
        _ => Err(at_load(code, node)),
    }
}

/// Fixtures and methods that run for tests beside.
fn python_neighbours(code: &Code<'_>) -> Result<(), String> {
    const HOOKS: &[&str] = &[
        "setUp",
        "tearDown",
        "setUpClass",
        "tearDownClass",
        "setup_method",
        "teardown_method",
        "setup_class",
        "teardown_class",
        "setUpModule",
        "tearDownModule",
        "setup_module",
        "teardown_module",
        "setup_function",
        "teardown_function",
        "asyncSetUp",
        "asyncTearDown",
        "load_tests",
        "pytest_collection_modifyitems",
    ];
    for node in top(code) {
        let definition = python::bare(node);
        let name = field(definition, "name").map(|node| code.str(node)).unwrap_or_default();
        if definition.kind() == "function_definition"
            && (HOOKS.contains(&name) || name.starts_with("pytest_") || is_autouse(code, node))
        {
            return Err(format!(
                "`{name}` would run for other tests too; do its work in the test, or in a class of its own."
            ));
        }
    }
    Ok(())
}

fn is_autouse(code: &Code<'_>, node: Node<'_>) -> bool {
    let decorators = parts(node).into_iter().filter(|part| part.kind() == "decorator");
    decorators.into_iter().any(|one| {
        let plain: String = code.str(one).chars().filter(|c| !c.is_whitespace()).collect();
        plain.contains("autouse=True")
            || plain.contains("scope=\"session\"")
            || plain.contains("scope='session'")
    })
}

fn rust(code: &Code<'_>, is_new_file: bool) -> Result<(), String> {
    for node in top(code) {
        let text = code.str(node);
        let refused = match node.kind() {
            "inner_attribute_item" => !is_new_file,
            "attribute_item" => [
                "no_mangle",
                "ctor",
                "global_allocator",
                "export_name",
                "link_section",
                "panic_handler",
                "macro_export",
            ]
            .iter()
            .any(|word| text.contains(word)),
            "mod_item" => field(node, "body").is_none() && !is_new_file,
            "function_item"
            | "use_declaration"
            | "const_item"
            | "static_item"
            | "struct_item"
            | "enum_item"
            | "impl_item"
            | "trait_item"
            | "type_item"
            | "macro_definition"
            | "line_comment"
            | "block_comment"
            | "extern_crate_declaration"
            | "union_item" => false,
            // `proptest! { … }`, `thread_local! { … }`.
            "macro_invocation" | "expression_statement" | "empty_statement" => {
                text.contains("include!")
            }
            _ => true,
        };
        if refused {
            return Err(format!(
                "`{}` does not belong into a test; give test functions and their helpers only.",
                shown(code, node)
            ));
        }
    }
    Ok(())
}

fn go(code: &Code<'_>) -> Result<(), String> {
    const KNOWN: &[&str] = &[
        "regexp.MustCompile",
        "errors.New",
        "fmt.Errorf",
        "time.Date",
        "strings.Repeat",
        "make",
        "new",
        "len",
        "append",
        "flag.Bool",
        "flag.String",
        "byte",
        "string",
    ];
    for node in top(code) {
        match node.kind() {
            "function_declaration" => {
                let name = field(node, "name").map(|node| code.str(node)).unwrap_or_default();
                if matches!(name, "init" | "TestMain" | "main") {
                    return Err(format!(
                        "`func {name}` runs for the whole package; do its work in the test."
                    ));
                }
            }
            "var_declaration" => {
                if let Some(call) = call_in(code, node, KNOWN) {
                    return Err(at_load(code, call));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn java(code: &Code<'_>, is_new_file: bool) -> Result<(), String> {
    let refuse = |what: &str| {
        Err(format!("`{what}` would run for other tests too; do its work in the test."))
    };
    if is_new_file {
        return Ok(());
    }
    for node in top(code) {
        if node.kind() == "static_initializer" || node.kind() == "block" {
            return Err(at_load(code, node));
        }
        if node.kind() == "method_declaration" {
            let head = parts(node).first().map(|one| code.str(*one)).unwrap_or_default();
            let hooks = [
                "@BeforeEach",
                "@BeforeAll",
                "@AfterEach",
                "@AfterAll",
                "@Before",
                "@After",
                "@BeforeClass",
                "@AfterClass",
            ];
            let words: Vec<&str> = head.split(|c: char| !c.is_alphanumeric() && c != '@').collect();
            if let Some(hook) = hooks.iter().find(|hook| words.contains(hook)) {
                return refuse(hook);
            }
            let name = field(node, "name").map(|node| code.str(node)).unwrap_or_default();
            if matches!(name, "setUp" | "tearDown" | "setUpBeforeClass" | "tearDownAfterClass") {
                return refuse(name);
            }
        }
    }
    Ok(())
}

fn script(code: &Code<'_>, is_new_file: bool) -> Result<(), String> {
    for node in top(code) {
        match node.kind() {
            "function_declaration"
            | "generator_function_declaration"
            | "class_declaration"
            | "interface_declaration"
            | "type_alias_declaration"
            | "enum_declaration"
            | "import_statement"
            | "empty_statement"
            | "comment"
            | "hash_bang_line"
            | "ambient_declaration" => {}
            "lexical_declaration" | "variable_declaration" => {
                const KNOWN: &[&str] = &[
                    "require",
                    "Map",
                    "Set",
                    "Date",
                    "RegExp",
                    "Symbol",
                    "freeze",
                    "from",
                    "fn",
                    "parse",
                    "stringify",
                    "join",
                    "repeat",
                    "createRequire",
                    "fileURLToPath",
                    "dirname",
                    "URL",
                    "Array",
                    "Object",
                    "fill",
                    "map",
                    "resolve",
                    "BigInt",
                    "Number",
                    "String",
                    "hoisted",
                    "mocked",
                    "promisify",
                    "import",
                ];
                if let Some(call) = call_in(code, node, KNOWN) {
                    return Err(at_load(code, call));
                }
            }
            "expression_statement" => {
                let Some(inner) = parts(node).first().copied() else { continue };
                match block_of(code, inner) {
                    Some(Block::Test | Block::Group) => continue,
                    Some(Block::Hook) if is_new_file => continue,
                    Some(Block::Hook) => {
                        return Err(format!(
                            "`{}` would run for other tests too; put it into a `describe` of its own.",
                            shown(code, inner)
                        ));
                    }
                    None => {}
                }
                let text = code.str(inner);
                let is_directive = inner.kind() == "string";
                let is_mock = ["jest.mock(", "vi.mock(", "jest.unmock(", "vi.unmock("]
                    .iter()
                    .any(|word| text.starts_with(word));
                if is_directive || is_mock && is_new_file {
                    continue;
                }
                if is_mock {
                    return Err(format!(
                        "`{}` changes the module for every test of the file; use a new file.",
                        shown(code, inner)
                    ));
                }
                return Err(at_load(code, node));
            }
            "export_statement" => {
                return Err("A test exports nothing; leave `export` out.".to_owned());
            }
            _ => return Err(at_load(code, node)),
        }
    }
    Ok(())
}

fn ruby(code: &Code<'_>, is_new_file: bool) -> Result<(), String> {
    for node in top(code) {
        let method = field(node, "method").map(|node| code.str(node)).unwrap_or_default();
        let is_fine = match node.kind() {
            "method" | "class" | "module" | "comment" | "singleton_method" => true,
            "assignment" => {
                nodes_in(node, &node.byte_range(), &|part| part.kind() == "call").is_empty()
            }
            "call" => {
                let tests = [
                    "describe", "context", "it", "specify", "test", "xit", "let", "subject", "let!",
                ];
                let first = ["require", "require_relative"];
                tests.contains(&method) || is_new_file && first.contains(&method)
            }
            _ => false,
        };
        if !is_fine {
            return Err(at_load(code, node));
        }
    }
    Ok(())
}
