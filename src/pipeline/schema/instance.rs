//! A file's tree as the JSON that its schema is held against: what is only known when
//! the pipeline runs is null, which the loosened schemas take for anything.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::load;
use crate::pipeline::platform::Platform;
use crate::pipeline::yaml::{Entry, Id, Plain, Style, Tree, Value};

/// The document; `None` where it has no value.
pub(super) fn read(platform: Platform, tree: &Tree, root: Id) -> Option<Json> {
    let mut reader =
        Reader { platform, tree, names: names(platform), lines: None, conditional: false };
    let mut document = reader.value(root, &mut String::new());
    if document.is_null() {
        return None;
    }
    if platform == Platform::Azure {
        complete_azure(&mut document);
    }
    Some(document)
}

/// The line of every place of [`read`]'s document, by its JSON pointer; an entry's is
/// its key's.
pub(super) fn lines(platform: Platform, tree: &Tree, root: Id) -> HashMap<String, u32> {
    let lines = Some(HashMap::new());
    let mut reader = Reader { platform, tree, names: names(platform), lines, conditional: false };
    reader.value(root, &mut String::new());
    reader.lines.unwrap_or_default()
}

fn names(platform: Platform) -> Option<&'static HashMap<String, String>> {
    let schema = load::schema("azure-pipelines").filter(|_| platform == Platform::Azure)?;
    Some(&schema.names)
}

/// What is only allowed in templates: parameters as a mapping, and nothing to run.
fn complete_azure(document: &mut Json) {
    let Json::Object(map) = document else { return };
    if map.get("parameters").is_some_and(Json::is_object) {
        map.insert("parameters".into(), Json::Null);
    }
    let runs = ["stages", "jobs", "steps", "extends", "phases"];
    if map.contains_key("variables") && !runs.iter().any(|key| map.contains_key(*key)) {
        map.insert("steps".into(), Json::Null);
    }
}

struct Reader<'t> {
    platform: Platform,
    tree: &'t Tree,
    /// Azure: how the schema spells a key, by its lower case.
    names: Option<&'static HashMap<String, String>>,
    lines: Option<HashMap<String, u32>>,
    /// Whether a template key is above.
    conditional: bool,
}

/// Whether an item is there to stop the run with a message, as templates do under a
/// condition: `- 'This may not be used here': error`.
fn is_stop(entries: &[Entry]) -> bool {
    matches!(entries, [only] if only.key.contains(' ') && !only.key.starts_with("${{"))
}

impl<'t> Reader<'t> {
    fn mark(&mut self, pointer: &str, line: u32) {
        if let Some(lines) = &mut self.lines {
            lines.entry(pointer.to_owned()).or_insert(line);
        }
    }

    fn value(&mut self, id: Id, pointer: &mut String) -> Json {
        let tree = self.tree;
        self.mark(pointer, tree.lines(id).0);
        if self.platform == Platform::GitLab && tree.tag(id).is_some() {
            return Json::Null;
        }
        match tree.value(id) {
            Value::Scalar { text, plain } => self.scalar(id, text, *plain),
            Value::Seq(items) => {
                let mut out = Vec::with_capacity(items.len());
                self.items(items, pointer, &mut out);
                Json::Array(out)
            }
            Value::Map(entries) => self.mapping(entries, pointer),
        }
    }

    fn scalar(&self, id: Id, text: &str, plain: bool) -> Json {
        let computed = match self.platform {
            Platform::Azure => ["${{", "$(", "$["].iter().any(|open| text.contains(open)),
            Platform::Harness => text.contains("<+"),
            Platform::GitLab => text.contains("$[["),
            _ => false,
        };
        if computed {
            return Json::Null;
        }
        let value = if plain && self.tree.tag(id).is_none() {
            Plain::from_plain_scalar(text)
        } else {
            Plain::Text(text.to_owned())
        };
        match (self.platform, value) {
            // The service reads every scalar as text, and compares without case.
            (Platform::Azure, Plain::Null) => Json::Null,
            (Platform::Azure, _) => Json::String(text.to_ascii_lowercase()),
            (_, value) => value.to_json(),
        }
    }

    fn items(&mut self, items: &[Id], pointer: &mut String, out: &mut Vec<Json>) {
        let cut = pointer.len();
        for id in items {
            if self.conditional && is_stop(self.tree.entries(*id)) {
                continue;
            }
            if let Some(spliced) = self.template_item(*id) {
                let before = std::mem::replace(&mut self.conditional, true);
                for value in spliced {
                    match self.tree.value(value) {
                        Value::Seq(items) => self.items(items, pointer, out),
                        Value::Map(entries) if is_stop(entries) => {}
                        _ => self.item(value, pointer, out),
                    }
                }
                self.conditional = before;
            } else {
                self.item(*id, pointer, out);
            }
            pointer.truncate(cut);
        }
    }

    fn item(&mut self, id: Id, pointer: &mut String, out: &mut Vec<Json>) {
        let cut = pointer.len();
        // Writing to a string does not fail.
        let _ = write!(pointer, "/{}", out.len());
        let value = self.value(id, pointer);
        pointer.truncate(cut);
        out.push(value);
    }

    /// The values under an item's template keys (`- ${{ if … }}:`), where it has no
    /// other keys.
    fn template_item(&self, id: Id) -> Option<Vec<Id>> {
        let entries = self.tree.entries(id);
        let all = !entries.is_empty() && entries.iter().all(|entry| self.is_template(entry));
        all.then(|| entries.iter().map(|entry| entry.value).collect())
    }

    fn is_template(&self, entry: &Entry) -> bool {
        self.platform == Platform::Azure && entry.key.trim_start().starts_with("${{")
    }

    fn mapping(&mut self, entries: &'t [Entry], pointer: &mut String) -> Json {
        // `steps: { ${{ if … }}: [ … ] }` is the sequence itself.
        if let Some(first) = entries.first()
            && entries.iter().all(|entry| self.is_template(entry))
            && !matches!(self.tree.value(first.value), Value::Map(_))
        {
            return match self.tree.value(first.value) {
                Value::Seq(_) => self.value(first.value, pointer),
                _ => Json::Null,
            };
        }
        let mut map = Map::new();
        let mut open = false;
        self.entries(entries, pointer, &mut map, &mut open);
        if open && map.is_empty() { Json::Null } else { Json::Object(map) }
    }

    fn entries(
        &mut self,
        entries: &'t [Entry],
        pointer: &mut String,
        map: &mut Map<String, Json>,
        open: &mut bool,
    ) {
        let cut = pointer.len();
        for entry in entries {
            if self.is_template(entry) {
                // Of `if` and `else`, one is taken.
                let word = entry.key.trim_start().trim_start_matches("${{").trim_start();
                let other = word.starts_with("else");
                *open = true;
                if !other && let Value::Map(inner) = self.tree.value(entry.value) {
                    self.entries(inner, pointer, map, open);
                }
                continue;
            }
            let key = match self.names {
                Some(names) => {
                    names.get(&entry.key.to_ascii_lowercase()).unwrap_or(&entry.key).clone()
                }
                None => entry.key.clone(),
            };
            pointer.push('/');
            pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            self.mark(pointer, entry.line);
            let null =
                Style::Plain == self.tree.style(entry.value) && self.tree.is_null(entry.value);
            let value = if null && self.tree.tag(entry.value).is_none() {
                Json::Null
            } else {
                self.value(entry.value, pointer)
            };
            pointer.truncate(cut);
            // A key that a template has set counts once.
            map.entry(key).or_insert(value);
        }
    }
}
