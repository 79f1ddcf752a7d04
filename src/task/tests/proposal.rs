//! What the model proposes: the tool it answers with, and how its answer is read.

use serde_json::{Value, json};

use crate::code::test_code::Placement;
use crate::model::Tool;

/// The answer tool.
pub const TOOL: &str = "propose_tests";
/// Most tests of one answer.
const MOST: usize = 40;
/// Longest code of one test, in bytes.
const LONGEST: usize = 20_000;

/// A proposed test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its file, from the checkout's root.
    pub path: String,
    /// As the runner prints it.
    pub name: String,
    /// The test itself.
    pub code: String,
    /// Lines it needs where imports stand.
    pub imports: Vec<String>,
    /// Where in the file.
    pub placement: Placement,
    /// What it guards, in the model's words.
    pub guards: String,
}

/// The answer tool with its schema.
pub fn tool() -> Tool {
    let text = |said: &str| json!({"type": "string", "description": said});
    Tool {
        name: TOOL.to_owned(),
        description: "Hand in tests. Call it once.".to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "tests": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "path": text("The test file, from the root of the checkout."),
                            "name": text("The test's name, just as the runner prints it."),
                            "code": text("The test itself, indented as it has to stand; nothing that is there already."),
                            "imports": {
                                "type": "array", "items": {"type": "string"},
                                "description": "Whole import lines that the file lacks.",
                            },
                            "placement": {
                                "type": "string",
                                "enum": ["append", "new-file", "module"],
                                "description": "`append`: to the test file that is there; `new-file`: a file that is not; `module`: inside the source file's own test module (Rust).",
                            },
                            "guards": text("What breaks if this fails, in one sentence."),
                        },
                        "required": ["path", "name", "code", "placement", "guards"],
                        "additionalProperties": false,
                    },
                },
            },
            "required": ["tests"],
            "additionalProperties": false,
        }),
    }
}

/// Read an answer.
///
/// # Errors
/// It is none: in words that tell a model what to mend.
pub fn parse(value: &Value) -> Result<Vec<Proposal>, String> {
    let Some(tests) = value.get("tests").and_then(Value::as_array) else {
        return Err(
            "`tests` is missing: an empty list says that there is nothing to test".to_owned()
        );
    };
    let mut read = Vec::new();
    for (nth, one) in tests.iter().take(MOST).enumerate() {
        let text = |key: &str| {
            let text = one.get(key).and_then(Value::as_str).unwrap_or_default();
            if text.trim().is_empty() {
                Err(format!("test {}: `{key}` is empty", nth + 1))
            } else {
                Ok(text)
            }
        };
        let code = text("code")?;
        if code.len() > LONGEST {
            return Err(format!("test {}: its code is longer than {LONGEST} bytes", nth + 1));
        }
        let placement = match one.get("placement").and_then(Value::as_str) {
            Some("new-file") => Placement::NewFile,
            Some("module") => Placement::Module,
            Some("append") | None => Placement::Append,
            Some(other) => {
                return Err(format!(
                    "test {}: `placement` is `append`, `new-file` or `module`, not `{other}`",
                    nth + 1
                ));
            }
        };
        let imports = one.get("imports").and_then(Value::as_array).map(Vec::as_slice);
        let imports = imports.unwrap_or_default().iter().filter_map(Value::as_str);
        read.push(Proposal {
            path: text("path")?.trim().to_owned(),
            name: text("name")?.trim().to_owned(),
            code: code.to_owned(),
            imports: imports.map(str::to_owned).collect(),
            placement,
            guards: one.get("guards").and_then(Value::as_str).unwrap_or_default().trim().to_owned(),
        });
    }
    Ok(read)
}
