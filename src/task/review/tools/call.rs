//! What the model sent, parsed.

use serde_json::{Map, Value};

/// A call that can be answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Call {
    ReadFile { path: String, span: Span },
    ShowBase { path: String, span: Span },
    Search { pattern: String, glob: Option<String> },
    ListFiles { dir: String, glob: Option<String> },
    History { path: String, span: Span },
}

/// Lines from 1, both inclusive; `start` is not beyond `end`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub start: Option<usize>,
    pub end: Option<usize>,
}

const READ: &str = "{\"path\": string, \"start_line\"?: integer, \"end_line\"?: integer}";
const SEARCH: &str = "{\"pattern\": string, \"glob\"?: string}";
const LIST: &str = "{\"dir\"?: string, \"glob\"?: string}";

impl Call {
    /// The error says what is expected.
    pub(super) fn parse(name: &str, input: &Value) -> Result<Call, String> {
        let shape = match name {
            "read_file" | "show_base" | "history" => READ,
            "search" => SEARCH,
            "list_files" => LIST,
            _ => {
                return Err("there is no such tool; the tools are read_file, search, list_files, \
                            show_base and history"
                    .to_owned());
            }
        };
        let expected = |why: String| format!("{why}; {name} takes {shape}");
        let no_input = Map::new();
        let fields = match input {
            Value::Object(fields) => fields,
            Value::Null => &no_input,
            _ => return Err(expected("the input is not an object".to_owned())),
        };
        if let Some(unknown) =
            fields.keys().find(|key| !shape.contains(&format!("\"{key}\"")) || key.contains('"'))
        {
            let unknown: String = unknown.chars().take(40).collect();
            return Err(expected(format!("there is no field `{unknown}`")));
        }
        let text = |key: &str| text(fields, key).map_err(&expected);
        let required =
            |key: &str| text(key)?.ok_or_else(|| expected(format!("the field `{key}` is missing")));
        let span = || -> Result<Span, String> {
            let start = line(fields, "start_line").map_err(&expected)?;
            let end = line(fields, "end_line").map_err(&expected)?;
            if let (Some(start), Some(end)) = (start, end)
                && start > end
            {
                return Err(expected(format!("start_line {start} is beyond end_line {end}")));
            }
            Ok(Span { start, end })
        };
        Ok(match name {
            "read_file" => Call::ReadFile { path: required("path")?, span: span()? },
            "show_base" => Call::ShowBase { path: required("path")?, span: span()? },
            "history" => Call::History { path: required("path")?, span: span()? },
            "search" => Call::Search { pattern: required("pattern")?, glob: text("glob")? },
            _ => Call::ListFiles { dir: text("dir")?.unwrap_or_default(), glob: text("glob")? },
        })
    }
}

/// An absent, null or empty text is none.
fn text(fields: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("the field `{key}` is not a string")),
    }
}

/// A line number; models also send them as text.
fn line(fields: &Map<String, Value>, key: &str) -> Result<Option<usize>, String> {
    let number = match fields.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match number.and_then(|number| usize::try_from(number).ok()) {
        Some(number) if (1..=u32::MAX as usize).contains(&number) => Ok(Some(number)),
        _ => Err(format!("the field `{key}` is not a line number from 1")),
    }
}
