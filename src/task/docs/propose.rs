//! What the model proposes for the documents, and what of it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use bytes::Bytes;
use regex::Regex;
use serde_json::{Value, json};

use super::changelog;
use super::mentions::is_document;
use super::report::Dropped;
use crate::forge::FileContent;
use crate::model::Tool;
use crate::redact::Scrubber;
use crate::task::edit::{self, Edit, Placed, Refusal};

/// The name of the answer tool.
pub const PROPOSE_DOCS: &str = "propose_docs";

/// What is proposed; not proven.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposed {
    /// Edits of documents.
    pub edits: Vec<Edit>,
    /// Section and entry for the list of changes.
    pub entry: Option<(String, String)>,
}

/// Read an answer.
///
/// # Errors
/// It is no object: in words that tell a model what to mend.
pub fn parse(value: &Value) -> Result<Proposed, String> {
    if !value.get("edits").is_some_and(Value::is_array) {
        return Err("`edits` is missing: an empty list says that nothing is to be done".to_owned());
    }
    let entry = value.get("changelog").and_then(|log| {
        let text = |key: &str| Some(log.get(key)?.as_str()?.trim().to_owned());
        Some((text("section")?, text("entry")?)).filter(|(_, entry)| !entry.is_empty())
    });
    Ok(Proposed { edits: edit::parse_edits(value), entry })
}

/// What holds of a proposal on given files.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// Edits, with their places.
    pub edits: Vec<Placed>,
    /// Files as they are left.
    pub files: Vec<FileContent>,
    /// What does not hold.
    pub dropped: Vec<Dropped>,
}

/// What names may be written.
pub struct Known<'a> {
    /// Names that the head's changed files define.
    pub names: &'a BTreeSet<String>,
    /// Texts that may be quoted from: the diff, the documents.
    pub texts: &'a [&'a str],
}

/// Hold a proposal against documents as they are: `documents` are all that may be
/// edited. Edits stand alone: one that does not hold leaves the others.
pub fn prove(
    proposed: &Proposed,
    documents: &BTreeMap<String, Bytes>,
    known: &Known<'_>,
    scrubber: &Scrubber,
) -> Held {
    let mut held = Held::default();
    let mut kept: Vec<Edit> = Vec::new();
    let allowed = |path: &str| match is_document(path) && !steers(path) {
        true => Ok(()),
        false => Err(Refusal::Forbidden("only documentation may be edited")),
    };
    for one in &proposed.edits {
        let drop = |reason: String| Dropped { path: one.path.clone(), reason };
        if let Some(name) = invented(&one.replacement, &one.quote, known) {
            held.dropped.push(drop(format!("it names `{name}`, which is not there")));
            continue;
        }
        let with: Vec<Edit> = kept.iter().chain([one]).cloned().collect();
        match edit::together(&with, documents, &allowed, scrubber) {
            Ok(proven) => {
                (held.edits, held.files) = (proven.edits, proven.files);
                kept = with;
            }
            Err((_, why)) => held.dropped.push(drop(why.to_string())),
        }
    }
    if let Some((section, entry)) = &proposed.entry {
        let path = changelog::find(documents.keys().map(String::as_str)).map(str::to_owned);
        let why = match path {
            None => Some("there is no list of changes".to_owned()),
            Some(path) => enter(&mut held, documents, &path, (section, entry), known, scrubber),
        };
        if let Some(reason) = why {
            held.dropped.push(Dropped { path: "changelog".to_owned(), reason });
        }
    }
    held
}

/// Put the entry in; else why not.
fn enter(
    held: &mut Held,
    documents: &BTreeMap<String, Bytes>,
    path: &str,
    (section, entry): (&str, &str),
    known: &Known<'_>,
    scrubber: &Scrubber,
) -> Option<String> {
    if let Some(name) = invented(entry, "", known) {
        return Some(format!("it names `{name}`, which is not there"));
    }
    if entry.len() > 1_000 || edit::is_withheld(entry, scrubber) {
        return Some("it is too long or holds a secret".to_owned());
    }
    let edited = held.files.iter().position(|file| file.path == path);
    let before: &[u8] = match edited {
        Some(at) => &held.files[at].content,
        None => documents.get(path)?,
    };
    let text = String::from_utf8_lossy(before);
    let Some(after) = changelog::with_entry(&text, section, entry) else {
        return Some("the list of changes has no place for it, or has it".to_owned());
    };
    let content = after.into_bytes();
    match edited {
        Some(at) => held.files[at].content = content,
        None => held.files.push(FileContent { path: path.to_owned(), content }),
    }
    None
}

/// Whether a document tells tools or reviewers what to do.
fn steers(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    path.to_ascii_lowercase().starts_with(".github/")
        || matches!(name.as_str(), "agents.md" | "claude.md" | "review.md" | "gemini.md")
}

/// A piece in backticks.
static TICKED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("`([^`\n]{1,200})`").ok());

/// The first name in backticks that looks like code and stands nowhere.
fn invented(text: &str, before: &str, known: &Known<'_>) -> Option<String> {
    let ticked = TICKED.as_ref()?;
    let part = |c: char| c.is_alphanumeric() || c == '_';
    for found in ticked.captures_iter(text) {
        let code = &found[1];
        if code.contains(char::is_whitespace) && !code.contains('(') {
            continue;
        }
        let name = code.split('(').next().unwrap_or(code);
        let last = name.rsplit(|c| !part(c)).find(|word| !word.is_empty()).unwrap_or_default();
        let inner = last.chars().skip(1).any(char::is_uppercase);
        let looks_like_code = code.contains('(')
            || name.contains("::")
            || last.contains('_')
            || inner
            || name == last;
        if last.is_empty() || !looks_like_code || known.names.contains(last) {
            continue;
        }
        let stands = |text: &str| {
            text.match_indices(last).any(|(at, _)| {
                !text[..at].ends_with(part) && !text[at + last.len()..].starts_with(part)
            })
        };
        if !stands(before) && !known.texts.iter().any(|text| stands(text)) {
            return Some(last.to_owned());
        }
    }
    None
}

/// The answer tool.
pub fn tool() -> Tool {
    let text = |description: &str| json!({"type": "string", "description": description});
    Tool {
        name: PROPOSE_DOCS.to_owned(),
        description: "Propose the edits. Call it exactly once.".to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "edits": {
                    "type": "array",
                    "description": "Edits of documents that the change makes wrong; none if none is.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "path": text("The document, from the repository root."),
                            "line": {"type": "integer", "description": "The first line's number."},
                            "quote": text("The whole lines to replace, copied character by character."),
                            "replacement": text("What takes their place."),
                            "about": text("The definition that this is about."),
                        },
                        "required": ["path", "line", "quote", "replacement", "about"],
                        "additionalProperties": false,
                    },
                },
                "changelog": {
                    "type": "object",
                    "description": "An entry for the list of changes, where it lacks one.",
                    "properties": {
                        "section": {"type": "string", "enum": changelog::SECTIONS},
                        "entry": text("One sentence, without a bullet."),
                    },
                    "required": ["section", "entry"],
                    "additionalProperties": false,
                },
            },
            "required": ["edits"],
            "additionalProperties": false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_documentation_and_names_what_is_there_holds() {
        let names = ["total".to_owned(), "mean".to_owned()].into();
        let known = Known { names: &names, texts: &["+fn old_mean() {}", "Use `Config`."] };
        let documents: BTreeMap<String, Bytes> = [
            ("README.md", "Call `old_mean(items)`.\n"),
            ("AGENTS.md", "Call `old_mean(items)`.\n"),
            ("src/a.rs", "// Call `old_mean(items)`.\n"),
            ("CHANGELOG.md", "## [Unreleased]\n"),
        ]
        .into_iter()
        .map(|(path, text)| (path.to_owned(), Bytes::from(text)))
        .collect();
        for (path, replacement, why) in [
            ("README.md", "Call `mean(items)` with a `Config`.", None),
            ("README.md", "Call `median(items)`.", Some("`median`")),
            ("README.md", "Call `stats::mean_of`.", Some("`mean_of`")),
            ("AGENTS.md", "Call `mean`.", Some("only documentation")),
            ("src/a.rs", "// Call `mean`.", Some("only documentation")),
            ("docs/none.md", "Call `mean`.", Some("cannot be read")),
        ] {
            let quote = if path == "src/a.rs" {
                "// Call `old_mean(items)`."
            } else {
                "Call `old_mean(items)`."
            };
            let value = json!({"edits": [{"path": path, "line": 1, "quote": quote, "replacement": replacement}],
                "changelog": {"section": "Changed", "entry": "`mean` takes items."}});
            let held = prove(&parse(&value).unwrap(), &documents, &known, &Scrubber::default());
            assert_eq!(held.edits.len(), usize::from(why.is_none()), "{replacement}");
            let said = held.dropped.first().map(|dropped| dropped.reason.clone());
            match why {
                Some(why) => assert!(said.unwrap().contains(why), "{replacement}"),
                None => assert_eq!(said, None),
            }
            assert!(held.files.iter().any(|file| file.path == "CHANGELOG.md"));
        }
        assert!(parse(&json!({})).is_err());
    }
}
