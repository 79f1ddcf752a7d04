//! The embedded schemas, loosened to what the services take, compiled when first used.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::OnceLock;

use jsonschema::{Draft, Validator};
use serde_json::Value as Json;

/// A schema that is ready to use.
pub(super) struct Schema {
    pub validator: Validator,
    /// Every name of a property, spelled as in the schema, by its lower case.
    pub names: HashMap<String, String>,
}

/// How a schema differs from what its service takes.
#[derive(Clone, Copy, PartialEq)]
enum Loosen {
    /// It is taken as it stands.
    Not,
    /// Where text is asked for, any scalar passes: GitHub turns it into text.
    Scalars,
    /// Null passes for anything. GitLab takes a null for a key that is not there; of
    /// the others, whatever is computed when the pipeline runs is read as null. So of
    /// several branches more than one may match.
    Null,
    /// The same, and text is compared without case.
    NullAndCase,
}

struct Source {
    name: &'static str,
    gzip: &'static [u8],
    loosen: Loosen,
    compiled: OnceLock<Option<Schema>>,
}

macro_rules! source {
    ($name:literal, $loosen:expr) => {
        Source {
            name: $name,
            gzip: include_bytes!(concat!("data/", $name, ".json.gz")),
            loosen: $loosen,
            compiled: OnceLock::new(),
        }
    };
}

static SOURCES: [Source; 6] = [
    source!("github-workflow", Loosen::Scalars),
    source!("github-action", Loosen::Scalars),
    source!("gitlab-ci", Loosen::Null),
    source!("azure-pipelines", Loosen::NullAndCase),
    source!("bitbucket-pipelines", Loosen::Not),
    source!("harness-pipeline", Loosen::Null),
];

/// A schema by its name. `None` where there is none, or where it does not compile,
/// which a test rules out.
pub(super) fn schema(name: &str) -> Option<&'static Schema> {
    let source = SOURCES.iter().find(|source| source.name == name)?;
    source.compiled.get_or_init(|| compile(source)).as_ref()
}

/// Unpacks embedded JSON.
pub(super) fn unpack(gzip: &[u8]) -> Option<Json> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(gzip).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn compile(source: &Source) -> Option<Schema> {
    let mut schema = unpack(source.gzip)?;
    let mut names = HashMap::new();
    collect_names(&schema, &mut names);
    match source.loosen {
        Loosen::Not => {}
        Loosen::Scalars => scalars(&mut schema),
        Loosen::Null => loosen(&mut schema, false),
        Loosen::NullAndCase => loosen(&mut schema, true),
    }
    let validator = jsonschema::options()
        .with_draft(Draft::Draft7)
        .should_validate_formats(false)
        .build(&schema)
        .map_err(|error| tracing::warn!(schema = source.name, %error, "a schema is broken"))
        .ok()?;
    Some(Schema { validator, names })
}

fn collect_names(schema: &Json, names: &mut HashMap<String, String>) {
    match schema {
        Json::Object(map) => {
            if let Some(Json::Object(properties)) = map.get("properties") {
                for key in properties.keys() {
                    names.entry(key.to_ascii_lowercase()).or_insert_with(|| key.clone());
                }
            }
            map.values().for_each(|value| collect_names(value, names));
        }
        Json::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}

/// Whether a schema asks for text of any form.
fn any_text(schema: &Json) -> bool {
    let text = schema.get("type").and_then(Json::as_str) == Some("string");
    text && ["pattern", "enum", "const"].iter().all(|key| schema.get(*key).is_none())
}

/// Lets any scalar pass where text of any form is asked for. Then more than one of
/// several branches may match.
fn scalars(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(scalars),
        Json::Object(map) => {
            let texts = matches!(map.get("oneOf"), Some(Json::Array(branches))
                if branches.iter().any(any_text));
            if texts
                && !map.contains_key("anyOf")
                && let Some(branches) = map.remove("oneOf")
            {
                map.insert("anyOf".into(), branches);
            }
            map.values_mut().for_each(scalars);
            if any_text(schema)
                && let Json::Object(map) = schema
            {
                let mut kinds = vec!["string", "number", "boolean"];
                if !map.contains_key("minLength") {
                    kinds.push("null");
                }
                map.insert("type".into(), serde_json::json!(kinds));
            }
        }
        _ => {}
    }
}

/// Lets null pass everywhere, and text in any case where `case` is set. Conditions
/// (`if`) stay: null must not set them off.
fn loosen(schema: &mut Json, case: bool) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(|item| loosen(item, case)),
        Json::Object(map) => {
            // Whether the keys are names and not keywords, a keyword's value is told
            // by its shape.
            if let Some(Json::String(kind)) = map.get("type").cloned()
                && kind != "null"
            {
                map.insert("type".into(), serde_json::json!([kind, "null"]));
            } else if let Some(Json::Array(kinds)) = map.get_mut("type") {
                let null = Json::String("null".to_owned());
                if !kinds.contains(&null) {
                    kinds.push(null);
                }
            }
            if let Some(Json::Array(values)) = map.get_mut("enum") {
                if case {
                    for value in values.iter_mut() {
                        if let Json::String(text) = value {
                            *text = text.to_ascii_lowercase();
                        }
                    }
                }
                values.push(Json::Null);
            }
            if let Some(value @ (Json::String(_) | Json::Bool(_) | Json::Number(_))) =
                map.get("const").cloned()
            {
                map.remove("const");
                map.insert("enum".into(), Json::Array(vec![value, Json::Null]));
            }
            if case && let Some(Json::String(pattern)) = map.get_mut("pattern") {
                *pattern = pattern.to_ascii_lowercase();
            }
            if let Some(Json::Array(_)) = map.get("oneOf")
                && !map.contains_key("anyOf")
                && let Some(branches) = map.remove("oneOf")
            {
                map.insert("anyOf".into(), branches);
            }
            for (key, value) in map.iter_mut() {
                let condition = matches!(key.as_str(), "if" | "not") && value.is_object();
                let list = matches!(key.as_str(), "enum" | "type" | "required");
                // A property may be named like a keyword: then it is a schema.
                if !condition && (!list || value.is_object()) {
                    loosen(value, case);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles() {
        for source in &SOURCES {
            assert!(schema(source.name).is_some(), "{}", source.name);
        }
        assert!(schema("other").is_none());
    }

    #[test]
    fn what_is_embedded_stays_small() {
        let size: usize = SOURCES.iter().map(|source| source.gzip.len()).sum();
        assert!(size < 150_000, "{size}");
    }
}
