//! What the imported names of a file stand for.

use std::collections::HashMap;

use tree_sitter::Node;

use super::source::{field, parts, walk};
use crate::code::language::Language;

/// By the name that the file uses, the full name: a module's path, and behind a
/// `.` what is taken from it. Imports inside functions count too.
pub(super) fn bindings(language: Language, text: &[u8], root: Node<'_>) -> HashMap<String, String> {
    let mut found = HashMap::new();
    walk(root, &mut |node| {
        let mut bind = |name: &str, path: String| {
            if !name.is_empty() && !path.is_empty() {
                found.insert(name.to_owned(), path);
            }
        };
        let str = |node: Node<'_>| {
            std::str::from_utf8(text.get(node.byte_range()).unwrap_or_default()).unwrap_or_default()
        };
        match (language, node.kind()) {
            (Language::Python, "import_statement") => python(node, "", &str, &mut bind),
            (Language::Python, "import_from_statement") => {
                let module = field(node, "module_name").map(str).unwrap_or_default();
                python(node, module, &str, &mut bind);
            }
            (Language::Rust, "use_declaration") => {
                if let Some(tree) = field(node, "argument") {
                    rust(tree, "", &str, &mut bind);
                }
            }
            (Language::Go, "import_spec") => {
                let path = field(node, "path").map(str).unwrap_or_default();
                let path = path.trim_matches(['"', '`']);
                let name = match field(node, "name") {
                    Some(name) => str(name),
                    None => go_name(path),
                };
                bind(name, path.to_owned());
            }
            (Language::Java, "import_declaration") => {
                let path = parts(node).first().map(|node| str(*node)).unwrap_or_default();
                let has_star = parts(node).iter().any(|node| node.kind() == "asterisk");
                if !has_star {
                    bind(path.rsplit('.').next().unwrap_or_default(), path.to_owned());
                }
            }
            (Language::Php, "namespace_use_clause") => {
                let all = parts(node);
                let path = all.first().map(|node| str(*node)).unwrap_or_default();
                let path = path.trim_start_matches('\\').replace('\\', ".");
                let name = match field(node, "alias") {
                    Some(alias) => str(alias).to_owned(),
                    None => path.rsplit('.').next().unwrap_or_default().to_owned(),
                };
                bind(&name, path);
            }
            (_, "import_statement") if language.is_kin(Language::JavaScript) => {
                script(node, &str, &mut bind);
            }
            (_, "variable_declarator") if language.is_kin(Language::JavaScript) => {
                required(node, &str, &mut bind);
            }
            _ => {}
        }
        true
    });
    found
}

/// The name of a Go package by its path: `math/rand/v2` is `rand`.
fn go_name(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or_default();
    let is_version = last
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let name = if is_version { parts.next().unwrap_or(last) } else { last };
    // `gopkg.in/yaml.v3` is `yaml`, `go-cmp` is rarely a package's name.
    name.split('.').next().unwrap_or(name).trim_start_matches("go-")
}

type Str<'a, 't> = &'a dyn Fn(Node<'t>) -> &'a str;

fn python<'t>(node: Node<'t>, module: &str, str: Str<'_, 't>, bind: &mut dyn FnMut(&str, String)) {
    let mut cursor = node.walk();
    let join = |name: &str| match module {
        "" => name.to_owned(),
        _ if module.ends_with('.') => format!("{module}{name}"),
        _ => format!("{module}.{name}"),
    };
    for name in node.children_by_field_name("name", &mut cursor) {
        if name.kind() == "aliased_import" {
            let alias = field(name, "alias").map(str).unwrap_or_default();
            let path = field(name, "name").map(str).unwrap_or_default();
            bind(alias, join(path));
        } else if module.is_empty() {
            // `import a.b` binds `a`.
            let head = str(name).split('.').next().unwrap_or_default();
            bind(head, head.to_owned());
        } else {
            bind(str(name), join(str(name)));
        }
    }
}

fn rust<'t>(tree: Node<'t>, before: &str, str: Str<'_, 't>, bind: &mut dyn FnMut(&str, String)) {
    // Groups within groups: what is left to do, with the path before it.
    let mut left = vec![(tree, before.to_owned())];
    let join = |before: &str, path: &str| match (before, path.replace("::", ".")) {
        ("", path) => path,
        (before, path) => format!("{before}.{path}"),
    };
    while let Some((node, before)) = left.pop() {
        match node.kind() {
            "use_list" => left.extend(parts(node).into_iter().map(|node| (node, before.clone()))),
            "scoped_use_list" => {
                let path = field(node, "path").map(str).unwrap_or_default();
                if let Some(list) = field(node, "list") {
                    left.push((list, join(&before, path)));
                }
            }
            "use_as_clause" => {
                let path = field(node, "path").map(str).unwrap_or_default();
                let alias = field(node, "alias").map(str).unwrap_or_default();
                bind(alias, join(&before, path));
            }
            "use_wildcard" => {}
            "self" => bind(before.rsplit('.').next().unwrap_or_default(), before.clone()),
            _ => {
                let path = join(&before, str(node));
                bind(path.rsplit('.').next().unwrap_or_default(), path.clone());
            }
        }
    }
}

/// A script's module without quotes and Node's prefix.
fn module(text: &str) -> &str {
    let text = text.trim_matches(['"', '\'', '`']);
    text.strip_prefix("node:").unwrap_or(text)
}

fn script<'t>(node: Node<'t>, str: Str<'_, 't>, bind: &mut dyn FnMut(&str, String)) {
    let Some(source) = field(node, "source") else { return };
    let module = module(str(source));
    walk(node, &mut |part| match part.kind() {
        "import_specifier" => {
            let name = field(part, "name").map(str).unwrap_or_default();
            let alias = field(part, "alias").map_or(name, str);
            bind(alias, format!("{module}.{name}"));
            false
        }
        "identifier" => {
            bind(str(part), module.to_owned());
            false
        }
        _ => true,
    });
}

fn required<'t>(node: Node<'t>, str: Str<'_, 't>, bind: &mut dyn FnMut(&str, String)) {
    let (Some(name), Some(mut value)) = (field(node, "name"), field(node, "value")) else { return };
    // `require("x").y`, `await import("x")`.
    let mut member = "";
    if value.kind() == "member_expression" {
        member = field(value, "property").map(str).unwrap_or_default();
        let Some(object) = field(value, "object") else { return };
        value = object;
    }
    if value.kind() == "await_expression" {
        let Some(inner) = parts(value).first().copied() else { return };
        value = inner;
    }
    let function = field(value, "function").map(str).unwrap_or_default();
    if value.kind() != "call_expression" || !matches!(function, "require" | "import") {
        return;
    }
    let argument = field(value, "arguments").and_then(|node| parts(node).first().copied());
    let module = module(argument.map(str).unwrap_or_default());
    let path = if member.is_empty() { module.to_owned() } else { format!("{module}.{member}") };
    if name.kind() == "identifier" {
        bind(str(name), path);
        return;
    }
    for part in parts(name) {
        match part.kind() {
            "pair_pattern" => {
                let key = field(part, "key").map(str).unwrap_or_default();
                let value = field(part, "value").map(str).unwrap_or_default();
                bind(value, format!("{path}.{key}"));
            }
            _ => bind(str(part), format!("{path}.{}", str(part))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::parse::parse;

    #[test]
    fn an_import_binds_a_name_to_where_it_comes_from() {
        for (language, source, expect) in [
            (Language::Python, "import os.path, sys as s\n", &["os=os", "s=sys"][..]),
            (Language::Python, "from a.b import c, d as e\n", &["c=a.b.c", "e=a.b.d"]),
            (Language::Python, "def f():\n    from . import x\n", &["x=.x"]),
            (
                Language::Rust,
                "use std::{thread, time::{self, Duration as D, *}};",
                &["D=std.time.Duration", "thread=std.thread", "time=std.time"],
            ),
            (
                Language::Go,
                "package a\nimport (\n\tm \"math/rand\"\n\t\"math/rand/v2\"\n\t\"gopkg.in/yaml.v3\"\n)\n",
                &["m=math/rand", "rand=math/rand/v2", "yaml=gopkg.in/yaml.v3"],
            ),
            (
                Language::Java,
                "import java.util.Random;\nimport java.io.*;\nimport static a.B.c;\n",
                &["Random=java.util.Random", "c=a.B.c"],
            ),
            (
                Language::TypeScript,
                "import d, { a as b } from 'node:fs';\nimport * as n from \"x\";\n",
                &["b=fs.a", "d=fs", "n=x"],
            ),
            (
                Language::JavaScript,
                "const { q, r: s } = require('y'), z = require('z').p;",
                &["q=y.q", "s=y.r", "z=z.p"],
            ),
            (Language::Php, "<?php\nuse A\\B as C;\nuse D\\E;\n", &["C=A.B", "E=D.E"]),
        ] {
            let parsed = parse(language, source.as_bytes()).expect("it is short");
            let mut found: Vec<String> =
                bindings(language, source.as_bytes(), parsed.tree.root_node())
                    .into_iter()
                    .map(|(name, path)| format!("{name}={path}"))
                    .collect();
            found.sort();
            assert_eq!(found, expect, "{source}");
        }
    }
}
