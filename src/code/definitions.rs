//! What a file defines: functions, methods, types, constants, and its tests.

use std::collections::HashMap;
use std::ops::Range;

use bstr::ByteSlice as _;
use tree_sitter::{Node, QueryCursor, StreamingIterator as _};

use super::language::Language;
use super::parse::Parsed;

/// States that a query keeps at once; beyond, matches are lost.
const MATCH_LIMIT: u32 = 512;
/// Longest name that is taken for one, in bytes.
const MOST_NAME: usize = 200;

/// What is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A function, a macro, a test.
    Function,
    /// A function of a type.
    Method,
    /// A class, struct, enum, alias.
    Type,
    /// An interface or a trait.
    Interface,
    /// An `impl` block, which adds to a type.
    Impl,
    /// A constant or variable of a file.
    Constant,
    /// A module, namespace or group of tests.
    Module,
}

/// A definition. Lines count from 1; ranges do not hold their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its own name; of an `impl`, that of the type; of a test in words, the words.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The names of what it stands in, outermost first, joined as the language
    /// does (`Outer.Inner`, `a::B`); a Go method's receiver type.
    pub container: Option<String>,
    /// All of its lines, with comments and attributes right above.
    pub lines: Range<u32>,
    /// The lines from its first word to where its body begins.
    pub signature: Range<u32>,
    /// The bytes from its first word to where its body begins.
    pub signature_bytes: Range<usize>,
    /// Where its name stands.
    pub name_at: usize,
    /// Whether it has a body of its own.
    pub has_body: bool,
    /// Whether it is a test, by its language's convention.
    pub is_test: bool,
    /// Names of the types that it extends or implements.
    pub supers: Vec<String>,
}

impl Definition {
    /// Its name behind that of its container.
    pub fn qualified(&self, language: Language) -> String {
        match &self.container {
            Some(container) => format!("{container}{}{}", language.separator(), self.name),
            None => self.name.clone(),
        }
    }

    /// The last part of its container's name.
    pub fn container_name(&self) -> Option<&str> {
        self.container.as_deref()?.rsplit(['.', ':']).next()
    }

    /// Whether it can be called.
    pub fn is_callable(&self) -> bool {
        matches!(self.kind, Kind::Function | Kind::Method)
    }
}

/// What was captured of one definition.
struct Found<'t> {
    node: Node<'t>,
    pattern: usize,
    kind: Kind,
    is_test: bool,
    body: Option<Node<'t>>,
    receiver: Option<Node<'t>>,
    supers: Vec<Node<'t>>,
}

/// The definitions of a file, in the order of their first lines.
pub fn definitions(parsed: &Parsed<'_>) -> Vec<Definition> {
    let Some(reader) = parsed.language.reader() else { return Vec::new() };
    let query = &reader.definitions;
    let captures = query.capture_names();
    let mut cursor = QueryCursor::new();
    cursor.set_match_limit(MATCH_LIMIT);
    let mut found: HashMap<(usize, usize), Found<'_>> = HashMap::new();
    let mut matches = cursor.matches(query, parsed.tree.root_node(), parsed.text);
    while let Some(one) = matches.next() {
        let (mut whole, mut name, mut body, mut receiver) = (None, None, None, None);
        let mut supers = Vec::new();
        for capture in one.captures {
            match captures[capture.index as usize] {
                "name" => name = Some(capture.node),
                "body" => body = Some(capture.node),
                "receiver" => receiver = Some(capture.node),
                "super" => supers.push(capture.node),
                other => {
                    if let Some(kind) = kind_of(other) {
                        whole = Some((capture.node, kind, other == "test"));
                    }
                }
            }
        }
        let (Some((node, kind, is_test)), Some(name)) = (whole, name) else { continue };
        let new = Found { node, pattern: one.pattern_index, kind, is_test, body, receiver, supers };
        // Several patterns may tell of one definition: a decorated function, a
        // part that may be missing.
        found
            .entry((name.start_byte(), name.end_byte()))
            .and_modify(|old| old.merge(&new))
            .or_insert(new);
    }
    let mut all: Vec<((usize, usize), Found<'_>)> = found.into_iter().collect();
    all.sort_by_key(|(name, found)| {
        (found.node.start_byte(), std::cmp::Reverse(found.node.end_byte()), *name)
    });
    nest(parsed, all)
}

impl<'t> Found<'t> {
    /// Adds what another pattern tells; the first pattern says what it is, the
    /// widest how far it reaches.
    fn merge(&mut self, other: &Found<'t>) {
        if other.pattern < self.pattern {
            (self.pattern, self.kind, self.is_test) = (other.pattern, other.kind, other.is_test);
        }
        if other.node.byte_range().len() > self.node.byte_range().len() {
            self.node = other.node;
        }
        self.body = self.body.or(other.body);
        self.receiver = self.receiver.or(other.receiver);
        for node in &other.supers {
            if !self.supers.contains(node) {
                self.supers.push(*node);
            }
        }
    }
}

fn kind_of(capture: &str) -> Option<Kind> {
    Some(match capture {
        "function" | "test" => Kind::Function,
        "type" => Kind::Type,
        "interface" => Kind::Interface,
        "impl" => Kind::Impl,
        "constant" => Kind::Constant,
        "module" | "group" => Kind::Module,
        _ => return None,
    })
}

/// A definition around those that follow: its end, name and kind.
struct Around {
    end: usize,
    name: String,
    kind: Kind,
}

fn nest(parsed: &Parsed<'_>, all: Vec<((usize, usize), Found<'_>)>) -> Vec<Definition> {
    let starts = super::Lines::new(parsed.text);
    let mut open: Vec<Around> = Vec::new();
    let mut made = Vec::with_capacity(all.len());
    for ((name_at, name_end), found) in all {
        let range = found.node.byte_range();
        while open.last().is_some_and(|around| around.end <= range.start) {
            open.pop();
        }
        let text = parsed.text.get(name_at..name_end).unwrap_or_default();
        let name = name(text, found.kind, found.is_test);
        if name.is_empty() || name.len() > MOST_NAME {
            continue;
        }
        let holders = open.iter().filter(|around| around.kind != Kind::Function);
        let mut container: Vec<&str> = holders.map(|around| around.name.as_str()).collect();
        let receiver = found.receiver.map(|node| base_name(&parsed.text[node.byte_range()]));
        container.extend(receiver.as_deref());
        // A function inside a function belongs to nobody's type.
        let owner = match &receiver {
            Some(_) => Some(Kind::Type),
            None => open.last().map(|around| around.kind),
        };
        let is_member = matches!(owner, Some(Kind::Type | Kind::Interface | Kind::Impl));
        let kind = match found.kind {
            Kind::Function if is_member => Kind::Method,
            kind => kind,
        };
        let container =
            (!container.is_empty()).then(|| container.join(parsed.language.separator()));
        let definition = define(parsed, &starts, &found, kind, name.clone(), name_at, container);
        open.push(Around { end: range.end, name, kind: found.kind });
        made.push(definition);
    }
    made
}

fn define(
    parsed: &Parsed<'_>,
    starts: &super::Lines<'_>,
    found: &Found<'_>,
    kind: Kind,
    name: String,
    name_at: usize,
    container: Option<String>,
) -> Definition {
    let range = found.node.byte_range();
    let first = line(found.node.start_position().row);
    let last = last_line(&found.node).max(first);
    let (signature_end, signature_last) = match found.body {
        Some(body) => {
            let on_line = line(body.start_position().row);
            // A body on lines of its own, as in Python, leaves its line out.
            let own = parsed.text[range.start..body.start_byte()]
                .rsplit(|byte| *byte == b'\n')
                .next()
                .is_some_and(|lead| lead.trim_ascii().is_empty());
            (body.start_byte(), if own && on_line > first { on_line - 1 } else { on_line })
        }
        None if matches!(kind, Kind::Function | Kind::Method) && !found.is_test => {
            (range.end, last)
        }
        None => {
            let text = &parsed.text[range.clone()];
            let end = text.find_byte(b'\n').map_or(range.end, |at| range.start + at);
            (end, first)
        }
    };
    let lead = lead(parsed.language, starts, first);
    let above = starts.span(lead as usize - 1).map_or(range.start, |span| span.start);
    let preamble = parsed.text.get(above.min(range.start)..signature_end).unwrap_or_default();
    let is_test =
        found.is_test || is_test(parsed.language, kind, &name, container.as_deref(), preamble);
    let mut supers: Vec<String> = Vec::new();
    for node in &found.supers {
        for word in type_names(&parsed.text[node.byte_range()]) {
            if !supers.contains(&word) {
                supers.push(word);
            }
        }
    }
    Definition {
        name,
        kind,
        container,
        lines: lead..last + 1,
        signature: first..signature_last + 1,
        signature_bytes: range.start..signature_end,
        name_at,
        has_body: found.body.is_some(),
        is_test,
        supers,
    }
}

fn line(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX - 2).saturating_add(1)
}

/// A node that ends with its line feed ends on the line before.
fn last_line(node: &Node<'_>) -> u32 {
    let end = node.end_position();
    if end.column == 0 && end.row > 0 { line(end.row - 1) } else { line(end.row) }
}

/// The first line of the comments and attributes right above a line.
fn lead(language: Language, lines: &super::Lines<'_>, first: u32) -> u32 {
    const MOST: u32 = 60;
    let hashes = matches!(language, Language::Python | Language::Ruby | Language::Php);
    let mut lead = first;
    while lead > 1 && first - lead < MOST {
        let above = lines.get(lead as usize - 2).unwrap_or_default().trim_ascii();
        let is_lead = above.starts_with(b"//")
            || above.starts_with(b"/*")
            || above.starts_with(b"*")
            || above.starts_with(b"#[")
            || (hashes && above.starts_with(b"#"))
            || (language != Language::Ruby && is_annotation(above));
        if !is_lead {
            break;
        }
        lead -= 1;
    }
    lead
}

/// Whether a line is an annotation or decorator, or begins one: `@Nested class A {` and
/// `@Inject B b;` are declarations with one in front.
fn is_annotation(line: &[u8]) -> bool {
    let starts = line.starts_with(b"@") && line.get(1).is_some_and(u8::is_ascii_alphabetic);
    let declares = match line.split_last() {
        Some((b'{', before)) => {
            !before.trim_ascii_end().ends_with(b"(")
                && !before.trim_ascii_end().ends_with(b"=")
                && !before.trim_ascii_end().ends_with(b",")
        }
        Some((b';' | b'}', _)) => true,
        _ => false,
    };
    starts && !declares
}

fn name(text: &[u8], kind: Kind, is_test: bool) -> String {
    if kind == Kind::Impl {
        return base_name(text);
    }
    let text = text.to_str_lossy();
    let text = text.trim();
    let quoted = is_test || kind == Kind::Module;
    let quote = text.chars().next().filter(|c| quoted && matches!(c, '"' | '\'' | '`'));
    let text = quote.and_then(|c| text.strip_prefix(c)?.strip_suffix(c)).unwrap_or(text);
    // `class Admin::User` is a `User`.
    let text = if quoted { text } else { text.rsplit("::").next().unwrap_or(text) };
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The type that a text such as `(h *Head[T])`, `&'a mut a::Foo<T>` names.
fn base_name(text: &[u8]) -> String {
    let text = text.to_str_lossy();
    let text = text.trim_matches(['(', ')', ' ']);
    let text = text.split(['<', '[']).next().unwrap_or(text);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.rsplit(|c| !is_word(c)).find(|word| !word.is_empty()).unwrap_or_default().to_owned()
}

/// The types named in a text such as `extends a.B<C> implements D, E`.
fn type_names(text: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0u32;
    let mut word = String::new();
    // Ruby writes `< Base`.
    let text = text.trim_start_with(|c| c == '<' || c.is_whitespace());
    for c in text.to_str_lossy().chars().chain([' ']) {
        match c {
            c if (c.is_alphanumeric() || c == '_') && depth == 0 => word.push(c),
            '.' | ':' | '\\' => word.clear(),
            _ => {
                if !matches!(word.as_str(), "" | "extends" | "implements" | "metaclass") {
                    names.push(std::mem::take(&mut word));
                }
                word.clear();
                match c {
                    '<' | '[' => depth += 1,
                    '>' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }
    names
}

/// Whether a function is a test. `preamble` is the text from the attributes
/// above it to its body.
fn is_test(
    language: Language,
    kind: Kind,
    name: &str,
    container: Option<&str>,
    preamble: &[u8],
) -> bool {
    if !matches!(kind, Kind::Function | Kind::Method) {
        return false;
    }
    let has = |text: &str| preamble.contains_str(text);
    match language {
        Language::Go => {
            let rest =
                ["Test", "Benchmark", "Fuzz"].iter().find_map(|word| name.strip_prefix(word));
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()))
                && has("testing.")
        }
        Language::Rust => {
            ["#[test]", "::test]", "::test(", "#[rstest", "#[test_case", "#[proptest"]
                .iter()
                .any(|attribute| has(attribute))
        }
        Language::Python => name.starts_with("test_") || name == "test",
        Language::Java => {
            ["@Test", "@ParameterizedTest", "@RepeatedTest"].iter().any(|mark| has(mark))
        }
        Language::Php => {
            kind == Kind::Method && (name.starts_with("test") || has("@test") || has("#[Test"))
        }
        Language::Ruby => {
            name.starts_with("test_") && container.is_some_and(|name| name.contains("Test"))
        }
        Language::C | Language::JavaScript | Language::TypeScript | Language::Tsx => false,
    }
}

#[cfg(test)]
mod tests;
