//! Values of a written type, as source: what a function could give back instead.

use crate::code::language::Language;

/// How deep types in types are looked into.
const MOST_DEPTH: usize = 4;

/// What may be said where a value stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// In a Rust `const fn`.
    pub is_const: bool,
    /// In an `async` function, whose value is wrapped.
    pub is_async: bool,
}

/// Values of a type, the plainest first; none where none is known.
pub(super) fn values(language: Language, written: &str, place: Place) -> Vec<String> {
    let written = written.trim();
    match language {
        Language::Rust => rust(written, place, 0),
        Language::Go => go(written),
        Language::Java => java(written),
        Language::Python => python(written, 0),
        Language::JavaScript | Language::TypeScript | Language::Tsx => script(written, place, 0),
        Language::Php => php(written),
        Language::C => c(written),
        Language::Ruby => Vec::new(),
    }
}

fn all(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// `a::B<C, D>` is `a::B` with `C` and `D`. Nothing of what is not closed.
fn generic(written: &str, open: char, close: char) -> (&str, Vec<&str>) {
    let Some((head, rest)) = written.split_once(open) else { return (written, Vec::new()) };
    let Some(inside) = rest.trim_end().strip_suffix(close) else {
        return (head.trim(), Vec::new());
    };
    (head.trim(), split(inside, ','))
}

/// The parts between separators that are in no brackets.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut before) = (0i32, 0, ' ');
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '<' | '{' => depth += 1,
            // No arrow's head.
            '>' if matches!(before, '-' | '=') => {}
            ')' | ']' | '>' | '}' => depth -= 1,
            _ if c == separator && depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
        before = c;
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn rust(written: &str, place: Place, depth: usize) -> Vec<String> {
    if depth > MOST_DEPTH {
        return Vec::new();
    }
    let inner = |written: &str| rust(written, place, depth + 1);
    if let Some(rest) = written.strip_prefix('&') {
        let mut rest = rest.trim_start();
        if rest.starts_with('\'') {
            rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
        }
        return match rest {
            "str" => all(&["\"\"", "\"xyzzy\""]),
            "bool" => all(&["&true", "&false"]),
            _ if rest.starts_with('[') && !rest.contains(';') => all(&["&[]"]),
            _ => match rest.strip_prefix("mut ") {
                Some(rest) if rest.starts_with('[') && !rest.contains(';') => all(&["&mut []"]),
                _ => Vec::new(),
            },
        };
    }
    if written == "()" {
        return all(&["()"]);
    }
    if let Some(parts) = written.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let parts: Option<Vec<String>> =
            split(parts, ',').into_iter().map(|part| inner(part).into_iter().next()).collect();
        return parts.map(|parts| vec![format!("({})", parts.join(", "))]).unwrap_or_default();
    }
    let (path, arguments) = generic(written, '<', '>');
    let name = path.rsplit("::").next().unwrap_or_default();
    let is_qualified = path.contains("::");
    let wrapped = |with: &str, written: &str| {
        inner(written).into_iter().map(|value| format!("{with}({value})")).collect::<Vec<_>>()
    };
    match (name, arguments.as_slice()) {
        ("bool", []) => all(&["true", "false"]),
        (
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128"
            | "isize",
            [],
        ) => all(&["0", "1"]),
        ("f32" | "f64", []) => all(&["0.0", "1.0"]),
        ("char", []) => all(&["'\\0'"]),
        ("String", []) if place.is_const => vec![format!("{path}::new()")],
        ("String", []) => vec![format!("{path}::new()"), format!("{path}::from(\"xyzzy\")")],
        ("Ordering", []) => vec![format!("{path}::Equal"), format!("{path}::Less")],
        ("PathBuf", []) => vec![format!("{path}::new()")],
        ("Option", [one]) => {
            let mut values = all(&["None"]);
            values.extend(wrapped("Some", one));
            values
        }
        ("Result", [one, ..]) => wrapped("Ok", one),
        // `fmt::Result`.
        ("Result", []) if path.ends_with("fmt::Result") => all(&["Ok(())"]),
        ("Vec", [_]) => vec![format!("{path}::new()")],
        ("HashMap" | "HashSet" | "BTreeMap" | "BTreeSet" | "VecDeque" | "BinaryHeap", [_, ..])
            if !place.is_const =>
        {
            vec![format!("{path}::default()")]
        }
        ("Cow", [.., "str"]) => vec![format!("{path}::Borrowed(\"\")")],
        ("Box" | "Rc" | "Arc", [one]) if !place.is_const && !one.starts_with("dyn ") => {
            wrapped(&format!("{path}::new"), one)
        }
        ("Duration", []) if !is_qualified || path.contains("time") => vec![format!("{path}::ZERO")],
        _ => Vec::new(),
    }
}

fn go(written: &str) -> Vec<String> {
    match written {
        "bool" => all(&["true", "false"]),
        "string" => all(&["\"\"", "\"xyzzy\""]),
        "int" | "int8" | "int16" | "int32" | "int64" | "uint" | "uint8" | "uint16" | "uint32"
        | "uint64" | "uintptr" | "byte" | "rune" | "float32" | "float64" => all(&["0", "1"]),
        "error" | "any" => all(&["nil"]),
        _ if ["*", "[]", "map[", "func(", "chan ", "<-chan ", "interface{", "interface {"]
            .iter()
            .any(|head| written.starts_with(head)) =>
        {
            all(&["nil"])
        }
        // The zero value of whatever it is.
        _ => vec![format!("*new({written})")],
    }
}

fn java(written: &str) -> Vec<String> {
    if written.ends_with("]") {
        return all(&["null"]);
    }
    let (path, _) = generic(written, '<', '>');
    match path.rsplit('.').next().unwrap_or_default() {
        "boolean" | "Boolean" => all(&["true", "false"]),
        "int" | "short" | "byte" | "char" | "Integer" => all(&["0", "1"]),
        "long" | "Long" => all(&["0L", "1L"]),
        "double" | "Double" => all(&["0.0", "1.0"]),
        "float" | "Float" => all(&["0.0f", "1.0f"]),
        "String" => all(&["\"\"", "\"xyzzy\""]),
        "CharSequence" => all(&["\"\""]),
        "Optional" => all(&["java.util.Optional.empty()"]),
        "List" | "Collection" | "Iterable" => all(&["java.util.Collections.emptyList()"]),
        "Set" => all(&["java.util.Collections.emptySet()"]),
        "Map" => all(&["java.util.Collections.emptyMap()"]),
        "Stream" => all(&["java.util.stream.Stream.empty()"]),
        _ => all(&["null"]),
    }
}

fn python(written: &str, depth: usize) -> Vec<String> {
    // An annotation may be in quotes.
    let written = written.trim_matches(|c| matches!(c, '"' | '\''));
    if depth > MOST_DEPTH {
        return Vec::new();
    }
    let either = split(written, '|');
    if either.len() > 1 && either.contains(&"None") {
        return all(&["None"]);
    }
    let (name, arguments) = generic(written, '[', ']');
    match name.rsplit('.').next().unwrap_or_default() {
        "bool" => all(&["True", "False"]),
        "int" => all(&["0", "1"]),
        "float" => all(&["0.0", "1.0"]),
        "str" => all(&["\"\"", "\"xyzzy\""]),
        "bytes" => all(&["b\"\""]),
        "list" | "List" | "Sequence" | "Iterable" => all(&["[]"]),
        "dict" | "Dict" | "Mapping" => all(&["{}"]),
        "set" | "Set" => all(&["set()"]),
        "tuple" | "Tuple" if arguments.is_empty() || arguments.contains(&"...") => all(&["()"]),
        "Annotated" | "Final" => {
            arguments.first().map_or_else(Vec::new, |one| python(one, depth + 1))
        }
        _ => all(&["None"]),
    }
}

fn script(written: &str, place: Place, depth: usize) -> Vec<String> {
    if depth > MOST_DEPTH {
        return Vec::new();
    }
    let either = split(written, '|');
    if either.len() > 1 {
        return ["undefined", "null"]
            .iter()
            .find(|none| either.contains(none))
            .map_or_else(Vec::new, |none| all(&[none]));
    }
    if written.ends_with("[]") {
        return all(&["[]"]);
    }
    let (name, arguments) = generic(written, '<', '>');
    match (name, arguments.as_slice()) {
        ("boolean", []) => all(&["true", "false"]),
        ("number", []) => all(&["0", "1"]),
        ("string", []) => all(&["\"\"", "\"xyzzy\""]),
        ("Array" | "ReadonlyArray", [_]) => all(&["[]"]),
        ("Map" | "Set", [_, ..]) => vec![format!("new {name}()")],
        ("Promise", [one]) if place.is_async => script(one, place, depth + 1),
        _ if written.contains(" is ") || written.starts_with("asserts ") => {
            if written.contains(" is ") && !written.starts_with("asserts ") {
                all(&["true", "false"])
            } else {
                Vec::new()
            }
        }
        // Of a type of their own, or none that is known.
        ("this" | "never", _) => Vec::new(),
        _ => all(&["undefined as any"]),
    }
}

fn php(written: &str) -> Vec<String> {
    if written.starts_with('?') || split(written, '|').contains(&"null") {
        return all(&["null"]);
    }
    match written.to_ascii_lowercase().as_str() {
        "bool" => all(&["true", "false"]),
        "int" => all(&["0", "1"]),
        "float" => all(&["0.0", "1.0"]),
        "string" => all(&["''", "'xyzzy'"]),
        "array" | "iterable" => all(&["[]"]),
        "mixed" => all(&["null"]),
        _ => Vec::new(),
    }
}

fn c(written: &str) -> Vec<String> {
    match written {
        "*" => all(&["0"]),
        "bool" | "_Bool" | "int" | "char" | "short" | "long" | "unsigned" | "unsigned int"
        | "unsigned char" | "unsigned long" | "long long" | "size_t" | "ssize_t" | "double"
        | "float" => all(&["0", "1"]),
        _ if written.ends_with("_t")
            && (written.starts_with("int") || written.starts_with("uint")) =>
        {
            all(&["0", "1"])
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_written_type() {
        let check = |language, written: &str, expect: &[&str]| {
            assert_eq!(
                values(language, written, Place::default()),
                expect,
                "{language:?} {written}"
            );
        };
        let rust = Language::Rust;
        check(rust, "bool", &["true", "false"]);
        check(rust, "&'static str", &["\"\"", "\"xyzzy\""]);
        check(rust, "Option<Box<dyn Fn(u8) -> u8>>", &["None"]);
        check(rust, "io::Result<(usize, Vec<u8>)>", &["Ok((0, Vec::new()))"]);
        check(rust, "Result<Option<bool>, E>", &["Ok(None)", "Ok(Some(true))", "Ok(Some(false))"]);
        check(rust, "std::collections::HashMap<K, V>", &["std::collections::HashMap::default()"]);
        check(rust, "&[u8]", &["&[]"]);
        check(rust, "&[u8; 3]", &[]);
        check(rust, "Foo<u8>", &[]);
        check(rust, "impl Iterator<Item = u8>", &[]);
        check(rust, "Result<", &[]);
        check(Language::Go, "pkg.Name", &["*new(pkg.Name)"]);
        check(Language::Go, "map[string]int", &["nil"]);
        check(Language::Java, "java.util.List<A>", &["java.util.Collections.emptyList()"]);
        check(Language::Java, "int[]", &["null"]);
        check(Language::Python, "dict[str, int]", &["{}"]);
        check(Language::Python, "int | None", &["None"]);
        check(Language::Python, "tuple[int, ...]", &["()"]);
        check(Language::TypeScript, "string | undefined", &["undefined"]);
        check(Language::TypeScript, "x is string", &["true", "false"]);
        check(Language::TypeScript, "Promise<number>", &["undefined as any"]);
        check(Language::Php, "?int", &["null"]);
        check(Language::C, "uint32_t", &["0", "1"]);
        check(Language::C, "struct a", &[]);
    }
}
