//! Shell scripts inside pipeline files, with the lines they stand on.

use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Platform, ascii};
use crate::pipeline::yaml::Value;

/// A piece of script.
pub(super) struct Script<'d> {
    /// The key it stands under: `run`, `script`, `bash`, …
    pub key: &'d str,
    /// Its source lines; the first may hold the key.
    pub lines: Vec<(u32, &'d str)>,
    /// Whether it is one unquoted line.
    pub plain: bool,
}

impl<'d> Script<'d> {
    /// Its lines with continuations joined, each with its first line's number.
    pub fn commands(&self) -> Vec<(u32, String)> {
        let mut joined: Vec<(u32, String)> = Vec::new();
        let mut open = false;
        for (number, line) in &self.lines {
            let text = line.trim_end();
            let (text, continues) = match text.strip_suffix('\\') {
                Some(text) => (text, true),
                None => (text, text.ends_with('|')),
            };
            match joined.last_mut().filter(|_| open) {
                Some((_, before)) => {
                    before.push(' ');
                    before.push_str(text.trim_start());
                }
                None => joined.push((*number, text.to_owned())),
            }
            open = continues;
        }
        joined.retain(|(_, text)| !text.trim_start().trim_start_matches("- ").starts_with('#'));
        joined
    }
}

/// The keys whose scalars, or lists of scalars, are scripts.
fn keys(platform: Platform) -> &'static [&'static str] {
    match platform {
        Platform::Workflow | Platform::Action => &["run"],
        Platform::GitLab => &["script", "before_script", "after_script"],
        Platform::Azure => &["script", "bash", "pwsh", "powershell", "inlineScript"],
        Platform::Bitbucket => &["script", "after-script"],
        Platform::Harness => &["command", "script", "preExecution", "postExecution"],
        Platform::Jenkins => &[],
    }
}

/// Every script of a document.
pub(super) fn scripts(doc: &Doc) -> Vec<Script<'_>> {
    if doc.platform == Platform::Jenkins {
        let lines = doc.lines.iter().map(|(number, line)| (*number, line.as_str())).collect();
        return vec![Script { key: "sh", lines, plain: false }];
    }
    let Some(tree) = &doc.tree else { return loose(doc) };
    let mut found = Vec::new();
    tree.each_entry(&mut |entry| {
        if !keys(doc.platform).contains(&entry.key.as_str()) {
            return;
        }
        let mut add = |id| {
            let Value::Scalar { plain, .. } = tree.value(id) else { return };
            let (first, last) = tree.lines(id);
            let lines: Vec<_> = doc
                .span((first, last))
                .iter()
                .map(|(number, line)| (*number, line.as_str()))
                .collect();
            let plain = *plain && lines.len() == 1;
            found.push(Script { key: &entry.key, lines, plain });
        };
        match tree.value(entry.value) {
            Value::Scalar { .. } => add(entry.value),
            Value::Seq(items) => items.iter().for_each(|id| add(*id)),
            Value::Map(_) => {}
        }
    });
    found
}

/// Without a tree: only lines that hold the key and the script both.
fn loose(doc: &Doc) -> Vec<Script<'_>> {
    static KEY: LazyLock<Regex> = LazyLock::new(|| {
        ascii(r"^\s*(?:- )?(run|script|bash|pwsh|powershell|command):\s+[^|>\s].*$")
    });
    let wanted = keys(doc.platform);
    doc.lines
        .iter()
        .filter_map(|(number, line)| {
            let key = KEY.captures(line)?.get(1)?.as_str();
            let script = Script { key, lines: vec![(*number, line)], plain: false };
            wanted.contains(&key).then_some(script)
        })
        .collect()
}

/// The first of these expressions in a line.
pub(super) fn expressions(line: &str) -> impl Iterator<Item = regex::Match<'_>> {
    static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| ascii(r"\$\{\{(.*?)\}\}"));
    EXPRESSION.find_iter(line)
}
