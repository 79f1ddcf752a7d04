//! The model's read-only tools: files and lines of the checkout, and files as
//! they were before the change.
//!
//! What the model sends is parsed into a `Call` first; every answer is
//! bounded, numbered by line and scrubbed before it leaves. A call that was
//! made before is answered from memory.

mod call;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use self::call::{Call, Span};
use crate::checkout::Checkout;
use crate::model::Tool;
use crate::model::converse::{ToolHost, ToolOutcome};

/// Lines of a file in one answer.
const MAX_LINES: usize = 200;
/// Bytes of one answer.
const MAX_BYTES: usize = 16 << 10;
/// A line longer than this many bytes is cut.
const MAX_LINE_BYTES: usize = 500;
/// Files larger than this are not read.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// Matching lines in one answer.
const MAX_HITS: usize = 100;
/// Names in one answer.
const MAX_NAMES: usize = 400;

/// Files as they were before the change: from the checkout's history or from
/// the code host.
#[async_trait]
pub trait BaseFiles: Send + Sync {
    /// The file at the base revision, by its old path; `None` if it was not there.
    ///
    /// # Errors
    /// It could not be asked for.
    async fn base_file(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>>;
}

/// Takes secrets out of a text.
pub type Scrub<'a> = &'a (dyn Fn(&str) -> String + Send + Sync);

/// Answers the model's calls.
pub struct Tools<'a> {
    checkout: Checkout,
    base: &'a dyn BaseFiles,
    scrub: Scrub<'a>,
    answered: Mutex<HashMap<Call, ToolOutcome>>,
}

/// The tools, as the model is told of them.
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
    ]
}

impl<'a> Tools<'a> {
    /// Tools over `checkout`, with files before the change from `base`; every
    /// answer passes through `scrub`.
    pub fn new(checkout: Checkout, base: &'a dyn BaseFiles, scrub: Scrub<'a>) -> Self {
        Tools { checkout, base, scrub, answered: Mutex::new(HashMap::new()) }
    }

    fn finish(&self, answer: Result<String, String>) -> ToolOutcome {
        let (text, is_error) = match answer {
            Ok(text) => (text, false),
            Err(text) => (text, true),
        };
        ToolOutcome { text: (self.scrub)(&text), is_error }
    }

    async fn answer(&self, call: &Call) -> Result<String, String> {
        match call {
            Call::ReadFile { path, span } => {
                let bytes = self
                    .checkout
                    .read(path, MAX_FILE_BYTES)
                    .map_err(|refused| refused.to_string())?;
                numbered(path, &bytes, *span)
            }
            Call::ShowBase { path, span } => {
                let path = Checkout::plain_path(path).map_err(|refused| refused.to_string())?;
                match self.base.base_file(&path).await {
                    Ok(Some(bytes)) => numbered(&path, &bytes, *span),
                    Ok(None) => Err(format!("`{path}` did not exist before the change")),
                    Err(error) => {
                        tracing::debug!("cannot read {path} at the base: {error:#}");
                        Err(format!("`{path}` could not be read at the base revision"))
                    }
                }
            }
            Call::Search { pattern, glob } => {
                let (checkout, pattern, glob) =
                    (self.checkout.clone(), pattern.clone(), glob.clone());
                blocking(move || search(&checkout, &pattern, glob.as_deref())).await
            }
            Call::ListFiles { dir, glob } => {
                let (checkout, dir, glob) = (self.checkout.clone(), dir.clone(), glob.clone());
                blocking(move || list(&checkout, &dir, glob.as_deref())).await
            }
        }
    }
}

#[async_trait]
impl ToolHost for Tools<'_> {
    /// Never fails: what is wrong is told to the model.
    async fn call(&self, name: &str, input: &Value) -> ToolOutcome {
        let call = match Call::parse(name, input) {
            Ok(call) => call,
            Err(expected) => return self.finish(Err(expected)),
        };
        let before =
            self.answered.lock().unwrap_or_else(PoisonError::into_inner).get(&call).cloned();
        if let Some(outcome) = before {
            let text =
                format!("(You asked this before; the answer is the same.)\n{}", outcome.text);
            return ToolOutcome { text, ..outcome };
        }
        let outcome = self.finish(self.answer(&call).await);
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).insert(call, outcome.clone());
        outcome
    }
}

/// A walk over many files is no work for the threads that wait on the network.
async fn blocking(
    work: impl FnOnce() -> Result<String, String> + Send + 'static,
) -> Result<String, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!("a tool call failed: {error}");
            Err("the tool failed; go on without it".to_owned())
        }
    }
}

fn search(checkout: &Checkout, pattern: &str, glob: Option<&str>) -> Result<String, String> {
    let found = checkout.search(pattern, glob, MAX_HITS).map_err(|error| error.to_string())?;
    if found.hits.is_empty() {
        let end = if found.truncated { " before the search was stopped" } else { "" };
        return Ok(format!("no line matches in {} files{end}", found.files));
    }
    let mut text = String::new();
    let mut cut = found.truncated;
    for hit in &found.hits {
        if text.len() > MAX_BYTES {
            cut = true;
            break;
        }
        let _ = writeln!(text, "{}:{}: {}", hit.path, hit.line, hit.text);
    }
    if cut {
        text.push_str("… truncated: narrow the pattern or the glob to see the rest\n");
    }
    Ok(text)
}

fn list(checkout: &Checkout, dir: &str, glob: Option<&str>) -> Result<String, String> {
    let found = checkout.list(dir, glob, MAX_NAMES).map_err(|error| error.to_string())?;
    if found.files.is_empty() {
        return Ok("no files match".to_owned());
    }
    let mut text = String::new();
    let mut cut = found.truncated;
    for file in &found.files {
        if text.len() > MAX_BYTES {
            cut = true;
            break;
        }
        let _ = writeln!(text, "{file}");
    }
    if cut {
        text.push_str("… truncated: narrow the folder or the glob to see the rest\n");
    }
    Ok(text)
}

/// The lines of `span`, each with its number, as far as one answer holds.
fn numbered(path: &str, bytes: &[u8], span: Span) -> Result<String, String> {
    if memchr::memchr(0, &bytes[..bytes.len().min(8000)]).is_some() {
        return Ok(format!("`{path}` is a binary file of {} bytes", bytes.len()));
    }
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let total = if bytes.is_empty() { 0 } else { memchr::memchr_iter(b'\n', body).count() + 1 };
    if total == 0 {
        return Ok(format!("`{path}` is empty"));
    }
    let first = span.start.unwrap_or(1);
    if first > total {
        return Err(format!("`{path}` has only {total} lines"));
    }
    let last = span.end.unwrap_or(total).min(total);
    let mut text = String::new();
    let mut shown = first - 1;
    for line in body.split(|&byte| byte == b'\n').skip(first - 1).take(last + 1 - first) {
        if shown + 1 - first >= MAX_LINES || text.len() > MAX_BYTES {
            break;
        }
        shown += 1;
        let cut = line.len() > MAX_LINE_BYTES;
        let line = String::from_utf8_lossy(&line[..line.len().min(MAX_LINE_BYTES)]);
        let line = line.trim_end_matches('\r');
        let _ = writeln!(text, "{shown:>5}  {line}{}", if cut { " … line cut" } else { "" });
    }
    let mut answer = format!("{path}, lines {first}-{shown} of {total}\n{text}");
    if shown < last {
        let _ = writeln!(
            answer,
            "… truncated: ask for lines {}-{last} with start_line {}",
            shown + 1,
            shown + 1
        );
    }
    Ok(answer)
}
