//! A small YAML renderer with comments, for files that are written from nothing.
//!
//! Whatever YAML 1.1 or 1.2 would read as something else than text is quoted, so that
//! every service and tool reads the same value.

use std::fmt::Write as _;

/// A value to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// A number, `true`, or a word that must stand without quotes.
    Raw(String),
    /// Text.
    Text(String),
    /// Items, one a line.
    Seq(Vec<Yaml>),
    /// Short items on one line.
    Flow(Vec<String>),
    /// Entries.
    Map(Map),
    /// A scalar or a short list with a comment behind it.
    Noted(Box<Yaml>, String),
    /// A value with an anchor that others repeat.
    Anchored(String, Box<Yaml>),
    /// An anchor's value again.
    Alias(String),
}

/// Entries in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map(Vec<Entry>);

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    key: String,
    value: Yaml,
    comment: Option<String>,
    blank: bool,
}

impl Map {
    /// No entries.
    pub fn new() -> Self {
        Map::default()
    }

    /// Adds an entry.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Yaml>) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        self.0.push(Entry { key, value, comment: None, blank: false });
        self
    }

    /// Adds an entry where there is a value.
    pub fn maybe(&mut self, key: &str, value: Option<impl Into<Yaml>>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Adds a mapping or list where it is not empty.
    pub fn filled(&mut self, key: &str, value: impl Into<Yaml>) -> &mut Self {
        let value = value.into();
        if !value.is_empty() {
            self.set(key, value);
        }
        self
    }

    /// Puts a comment above the last entry.
    pub fn note(&mut self, comment: impl Into<String>) -> &mut Self {
        if let Some(last) = self.0.last_mut() {
            last.comment = Some(comment.into());
        }
        self
    }

    /// Puts an empty line above the last entry.
    pub fn apart(&mut self) -> &mut Self {
        if let Some(last) = self.0.last_mut() {
            last.blank = true;
        }
        self
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is an entry with this key.
    pub fn has(&self, key: &str) -> bool {
        self.0.iter().any(|entry| entry.key == key)
    }

    /// Makes texts of numbers and `true`, but below these keys, and below those of the
    /// second list in mappings that have `typed`'s key: for schemas that know texts
    /// alone nearly everywhere.
    pub fn texts_only(&mut self, but: &[&str], typed: (&str, &[&str])) {
        let own = if self.has(typed.0) { typed.1 } else { &[] };
        for entry in &mut self.0 {
            let key = entry.key.as_str();
            if !but.contains(&key) && !own.contains(&key) {
                entry.value.texts_only(but, typed);
            }
        }
    }

    /// The keys in order.
    pub fn keys(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.key.clone()).collect()
    }

    /// The value of this key.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Yaml> {
        self.0.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
    }
}

impl Yaml {
    fn texts_only(&mut self, but: &[&str], typed: (&str, &[&str])) {
        match self {
            Yaml::Raw(text) if !text.is_empty() => *self = Yaml::Text(std::mem::take(text)),
            Yaml::Map(map) => map.texts_only(but, typed),
            Yaml::Seq(items) => items.iter_mut().for_each(|item| item.texts_only(but, typed)),
            Yaml::Noted(inner, _) | Yaml::Anchored(_, inner) => inner.texts_only(but, typed),
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Yaml::Seq(items) => items.is_empty(),
            Yaml::Flow(items) => items.is_empty(),
            Yaml::Map(map) => map.is_empty(),
            _ => false,
        }
    }

    /// A script: several lines become a block.
    pub fn script(text: &str) -> Yaml {
        let text = text.trim_end_matches('\n');
        if text.contains('\n') { Yaml::Text(format!("{text}\n")) } else { Yaml::Text(text.into()) }
    }

    /// Items one a line.
    pub fn list<T: Into<Yaml>>(items: impl IntoIterator<Item = T>) -> Yaml {
        Yaml::Seq(items.into_iter().map(Into::into).collect())
    }

    /// Short items on one line, longer ones one a line.
    pub fn flow<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Yaml {
        let items: Vec<String> = items.into_iter().map(Into::into).collect();
        let width: usize = items.iter().map(|item| item.chars().count() + 2).sum();
        if width > 72 || items.iter().any(|item| item.contains('\n')) {
            Yaml::list(items)
        } else {
            Yaml::Flow(items)
        }
    }

    /// With a comment behind it.
    pub fn noted(value: impl Into<Yaml>, comment: impl Into<String>) -> Yaml {
        Yaml::Noted(Box::new(value.into()), comment.into())
    }
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Yaml::Text(text.to_owned())
    }
}

impl From<String> for Yaml {
    fn from(text: String) -> Self {
        Yaml::Text(text)
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Yaml::Map(map)
    }
}

impl From<Vec<Yaml>> for Yaml {
    fn from(items: Vec<Yaml>) -> Self {
        Yaml::Seq(items)
    }
}

impl From<bool> for Yaml {
    fn from(value: bool) -> Self {
        Yaml::Raw(value.to_string())
    }
}

impl From<u32> for Yaml {
    fn from(value: u32) -> Self {
        Yaml::Raw(value.to_string())
    }
}

/// The whole document, with a comment of some lines at its head.
pub fn document(head: &[String], map: &Map) -> String {
    let mut out = String::new();
    for line in head {
        comment(&mut out, 0, line);
    }
    entries(&mut out, map, 0);
    out
}

fn comment(out: &mut String, indent: usize, text: &str) {
    for line in text.lines() {
        let line = line.trim_end();
        let space = if line.is_empty() { "" } else { " " };
        let _ = writeln!(out, "{:indent$}#{space}{line}", "");
    }
}

fn entries(out: &mut String, map: &Map, indent: usize) {
    for (at, entry) in map.0.iter().enumerate() {
        // Behind `- ` the first key stands on the line that has begun.
        let begun = !out.is_empty() && !out.ends_with('\n');
        if !begun {
            if entry.blank && (at > 0 || indent == 0) && !out.is_empty() && !out.ends_with("\n\n") {
                out.push('\n');
            }
            if let Some(text) = &entry.comment {
                comment(out, indent, text);
            }
            let _ = write!(out, "{:indent$}", "");
        }
        out.push_str(&key(&entry.key));
        out.push(':');
        value(out, &entry.value, indent, false);
    }
}

/// Writes a value behind a colon or a dash, with the line's end.
fn value(out: &mut String, node: &Yaml, indent: usize, item: bool) {
    match node {
        Yaml::Raw(text) if text.is_empty() => out.push('\n'),
        Yaml::Raw(text) => {
            let _ = writeln!(out, " {text}");
        }
        Yaml::Alias(name) => {
            let _ = writeln!(out, " *{name}");
        }
        Yaml::Anchored(name, inner) => {
            let _ = write!(out, " &{name}");
            value(out, inner, indent, false);
        }
        Yaml::Text(text) => scalar(out, text, indent),
        Yaml::Flow(items) => {
            let items: Vec<String> = items.iter().map(|item| inline(item, true)).collect();
            let _ = writeln!(out, " [{}]", items.join(", "));
        }
        Yaml::Noted(inner, text) => {
            let from = out.len();
            value(out, inner, indent, item);
            let one_line = out[from..].matches('\n').count() == 1;
            if one_line {
                out.pop();
                let _ = writeln!(out, " # {}", text.replace('\n', " "));
            }
        }
        Yaml::Seq(items) if items.is_empty() => out.push_str(" []\n"),
        Yaml::Map(map) if map.is_empty() => out.push_str(" {}\n"),
        Yaml::Seq(items) => {
            out.push('\n');
            for (at, node) in items.iter().enumerate() {
                comment_of(out, node, indent + 2, at > 0);
                let _ = write!(out, "{:1$}-", "", indent + 2);
                value(out, node, indent + 2, true);
            }
        }
        Yaml::Map(map) if item => {
            out.push(' ');
            entries(out, map, indent + 2);
        }
        Yaml::Map(map) => {
            out.push('\n');
            entries(out, map, indent + 2);
        }
    }
}

/// The comment of an item's first entry stands above its dash.
fn comment_of(out: &mut String, node: &Yaml, indent: usize, apart: bool) {
    if let Yaml::Map(map) = node
        && let Some(first) = map.0.first()
    {
        if first.blank && apart && !out.ends_with("\n\n") {
            out.push('\n');
        }
        if let Some(text) = &first.comment {
            comment(out, indent, text);
        }
    }
}

fn key(text: &str) -> String {
    // GitHub's own documentation writes `on` bare, and so does everybody.
    if text == "on" { text.to_owned() } else { inline(text, false) }
}

fn scalar(out: &mut String, text: &str, indent: usize) {
    let block = text.contains('\n')
        && !text.chars().any(|c| c != '\n' && c != '\t' && (c.is_control() || is_odd(c)))
        && text.lines().any(|line| !line.trim().is_empty());
    if !block {
        let _ = writeln!(out, " {}", inline(text, false));
        return;
    }
    let first = text.split('\n').find(|line| !line.is_empty()).unwrap_or_default();
    let hint = if first.starts_with([' ', '\t']) { "2" } else { "" };
    let chomp = if !text.ends_with('\n') {
        "-"
    } else if text.ends_with("\n\n") {
        "+"
    } else {
        ""
    };
    let _ = writeln!(out, " |{hint}{chomp}");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if line.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "{:1$}{line}", "", indent + 2);
        }
    }
}

/// A scalar on one line.
pub fn inline(text: &str, flow: bool) -> String {
    if is_plain(text, flow) {
        text.to_owned()
    } else if text.chars().any(|c| c.is_control() || is_odd(c)) {
        double(text)
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Characters that YAML reads as line ends or does not allow as they are.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn double(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_odd(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn is_plain(text: &str, flow: bool) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second = text.chars().nth(1);
    let opens = match first {
        '-' | '?' | ':' => second.is_none_or(|c| c.is_whitespace() || ",[]{}".contains(c)),
        c => ",[]{}#&*!|>'\"%@`=".contains(c) || c.is_whitespace(),
    };
    // `[a -]` is read as the beginning of an entry by some.
    let closes =
        text.ends_with(|c: char| c.is_whitespace() || c == ':') || (flow && text.ends_with(" -"));
    let inner = text.contains(": ")
        || text.contains(":\t")
        || text.contains(" #")
        || text.contains("\t#")
        || text.chars().any(|c| c.is_control() || is_odd(c))
        || text.starts_with("---")
        || text.starts_with("...");
    let brackets = flow && text.contains([',', '[', ']', '{', '}', ':']);
    !(opens || closes || inner || brackets || is_special(text))
}

/// Whether YAML 1.1 or 1.2 reads a bare word as something else than text.
fn is_special(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "<<" | "="
    ) {
        return true;
    }
    let digits = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    let begins = digits.starts_with(|c: char| c.is_ascii_digit())
        || digits.strip_prefix('.').is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit()) || matches!(rest, "inf" | "nan")
        });
    // Numbers of any base, with `_`, exponents, sexagesimals, dates and times.
    begins
        && digits.bytes().all(|b| {
            b.is_ascii_hexdigit()
                || matches!(
                    b,
                    b'.' | b'_'
                        | b':'
                        | b'-'
                        | b'+'
                        | b'x'
                        | b'o'
                        | b't'
                        | b'z'
                        | b' '
                        | b'i'
                        | b'n'
                )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::yaml;
    use proptest::prelude::*;

    #[test]
    fn what_yaml_would_misread_is_quoted() {
        let check = |text: &str, expect: &str| assert_eq!(inline(text, false), expect);
        check("npm ci", "npm ci");
        check("on", "'on'");
        check("3.10", "'3.10'");
        check("1:30", "'1:30'");
        check("0o17", "'0o17'");
        check("1e3", "'1e3'");
        check("2024-01-01", "'2024-01-01'");
        check("22.04-lts", "22.04-lts");
        check("", "''");
        check("a: b", "'a: b'");
        check("it's", "it's");
        check("'x'", "'''x'''");
        check("${{ a }}", "${{ a }}");
        check("*", "'*'");
        check("a\tb", "\"a\\tb\"");
        assert_eq!(inline("a,b", true), "'a,b'");
        assert_eq!(inline("a -", true), "'a -'");
    }

    #[test]
    fn comments_blank_lines_and_blocks_stand_where_they_belong() {
        let mut step = Map::new();
        step.set("name", "x").note("why").set("run", "a\nb\n");
        let mut map = Map::new();
        map.set("on", Yaml::flow(["push"]));
        map.set("jobs", vec![Yaml::from(step), Yaml::noted("y@1", "v1")]).apart();
        assert_eq!(
            document(&["Head.".to_owned()], &map),
            "# Head.\non: [push]\n\njobs:\n  # why\n  - name: x\n    run: |\n      a\n      b\n  - y@1 # v1\n"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn any_text_is_read_back_as_it_was(
            text in "[a-z0-9 :#'\"\\-\\[\\]{}&*!|>%@`,\n\t\\\\$.~é\u{2028}]{0,30}",
            item in any::<bool>(),
        ) {
            let mut map = Map::new();
            if item {
                map.set("k", vec![Yaml::Text(text.clone())]);
            } else {
                map.set("k", text.clone());
            }
            map.set("z", Yaml::Flow(vec![text.replace('\n', " ")]));
            let out = document(&[], &map);
            let tree = yaml::parse(&out).map_err(|e| TestCaseError::fail(format!("{e:?}\n{out}")))?;
            let mut id = tree.at(&["k"]).unwrap().value;
            if item {
                id = tree.items(id)[0];
            }
            prop_assert_eq!(tree.plain(id), crate::pipeline::yaml::Plain::Text(text.clone()), "{}", out);
            let flow = tree.items(tree.at(&["z"]).unwrap().value);
            prop_assert_eq!(tree.plain(flow[0]), crate::pipeline::yaml::Plain::Text(text.replace('\n', " ")), "{}", out);
        }
    }
}
