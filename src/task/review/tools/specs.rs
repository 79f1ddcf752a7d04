//! The tools, as the model is told of them.

use serde_json::{Value, json};

use super::history::MAX_COMMITS;
use super::{MAX_HITS, MAX_LINES, MAX_NAMES};
use crate::model::Tool;

/// All tools.
pub fn specs() -> Vec<Tool> {
    let line = |text: &str| json!({ "type": "integer", "minimum": 1, "description": text });
    let text = |text: &str| json!({ "type": "string", "description": text });
    let object = |properties: Value, required: Value| {
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    };
    let path = "Path from the repository root, with slashes, such as `src/main.rs`.";
    let first = "First line, from 1. Default: 1.";
    let last = format!("Last line, inclusive. At most {MAX_LINES} lines are answered at once.");
    let glob = "Limits the files: `*.rs` matches names in any folder, `src/**/*.rs` whole paths.";
    let tool = |name: &str, description: String, input_schema: Value| Tool {
        name: name.to_owned(),
        description,
        input_schema,
    };
    vec![
        tool(
            "read_file",
            "Read a file of the repository as the change leaves it, with line numbers. Use it \
             to see code around the change or a definition that the change relies on. Ask for \
             the lines you need rather than whole files."
                .to_owned(),
            object(
                json!({ "path": text(path), "start_line": line(first), "end_line": line(&last) }),
                json!(["path"]),
            ),
        ),
        tool(
            "search",
            format!(
                "Find lines that match a regular expression (Rust `regex` syntax: no look-around, \
                 no back-references; `(?i)` ignores case) in the repository as the change leaves \
                 it. Use it to find callers, definitions and tests. Answers `path:line: text`, at \
                 most {MAX_HITS} lines; ignored, generated and binary files are left out."
            ),
            object(
                json!({
                    "pattern": text("The regular expression, matched line by line."),
                    "glob": text(glob),
                }),
                json!(["pattern"]),
            ),
        ),
        tool(
            "list_files",
            format!(
                "List files of the repository by path, at most {MAX_NAMES}; ignored files are \
                 left out. Use it to learn where something lies before reading it."
            ),
            object(
                json!({
                    "dir": text("Folder to list with all below it. Default: the whole repository."),
                    "glob": text(glob),
                }),
                json!([]),
            ),
        ),
        tool(
            "show_base",
            "Read a file as it was before the change, with line numbers. Use it to compare \
             behaviour before and after; for renamed files give the old path."
                .to_owned(),
            object(
                json!({ "path": text(path), "start_line": line(first), "end_line": line(&last) }),
                json!(["path"]),
            ),
        ),
        tool(
            "history",
            format!(
                "Find out why code is as it is. With `path` alone: the last {MAX_COMMITS} commits \
                 that touched the file, newest first. With lines: which commit each of them comes \
                 from, and what it says. Use it before you call something a mistake that may have \
                 been meant, or to learn what a line once mended."
            ),
            object(
                json!({
                    "path": text(path),
                    "start_line": line("First line, as `read_file` numbers them."),
                    "end_line": line("Last line, inclusive. Default: the first."),
                }),
                json!(["path"]),
            ),
        ),
    ]
}
