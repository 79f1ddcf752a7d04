//! The model's read-only tools: files and lines of the checkout, files as they
//! were before the change, and who touched what. Where no checkout shows the
//! change, files come from the host, and what it cannot answer is not offered.
//!
//! What the model sends is parsed into a `Call` first; every answer is
//! bounded, numbered by line and scrubbed before it leaves. A call that was
//! made before, or that is being answered, is answered once.

mod call;
mod history;
mod host;
mod specs;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::OnceCell;

use self::call::{Call, Span};
pub use self::host::HostFiles;
pub use self::specs::specs;
use crate::checkout::Checkout;
use crate::forge::local::Local;
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
    files: Files<'a>,
    base: &'a dyn BaseFiles,
    /// The repository, and the commit whose history is told.
    history: Option<(Local, String)>,
    scrub: Scrub<'a>,
    answered: Mutex<HashMap<Call, Arc<OnceCell<ToolOutcome>>>>,
}

/// Where files as the change leaves them come from.
enum Files<'a> {
    Checkout(Checkout),
    /// With the revision.
    Host(&'a HostFiles<'a>, String),
}

impl<'a> Tools<'a> {
    /// Tools over `checkout`, with files before the change from `base`; every
    /// answer passes through `scrub`.
    pub fn new(checkout: Checkout, base: &'a dyn BaseFiles, scrub: Scrub<'a>) -> Self {
        Tools::with(Files::Checkout(checkout), base, scrub)
    }

    /// Tools over the files of `head`, a revision on the host: without `search`.
    pub fn on_host(
        host: &'a HostFiles<'a>,
        head: &str,
        base: &'a dyn BaseFiles,
        scrub: Scrub<'a>,
    ) -> Self {
        Tools::with(Files::Host(host, head.to_owned()), base, scrub)
    }

    /// Tools over the checkout, given where it shows the change, else over the
    /// host's files of `head`; `None` if there is neither.
    pub fn on_either(
        shown: Option<&Checkout>,
        host: Option<&'a HostFiles<'a>>,
        head: Option<&str>,
        base: &'a dyn BaseFiles,
        scrub: Scrub<'a>,
    ) -> Option<Self> {
        match (shown, host, head) {
            (Some(checkout), ..) => Some(Tools::new(checkout.clone(), base, scrub)),
            (None, Some(host), Some(head)) => Some(Tools::on_host(host, head, base, scrub)),
            (None, ..) => None,
        }
    }

    fn with(files: Files<'a>, base: &'a dyn BaseFiles, scrub: Scrub<'a>) -> Self {
        Tools { files, base, history: None, scrub, answered: Mutex::default() }
    }

    /// Also tell the history behind `commit` (in full), as far as this clone has it.
    /// A clone of a single commit has none.
    pub fn and_history(mut self, local: &Local, commit: &str) -> Self {
        self.history = local.has_history(commit).then(|| (local.clone(), commit.to_owned()));
        self
    }

    fn is_offered(&self, name: &str) -> bool {
        match name {
            "search" => matches!(self.files, Files::Checkout(_)),
            "history" => self.history.is_some(),
            _ => true,
        }
    }

    fn finish(&self, answer: Result<String, String>) -> ToolOutcome {
        let (text, is_error) = match answer {
            Ok(text) => (text, false),
            Err(text) => (text, true),
        };
        ToolOutcome { text: (self.scrub)(&text), is_error }
    }

    async fn answer(&self, call: &Call) -> Result<String, String> {
        match (call, &self.files) {
            (Call::ReadFile { path, span }, Files::Checkout(checkout)) => {
                let bytes = checkout.read(path, MAX_FILE_BYTES);
                numbered(path, &bytes.map_err(|refused| refused.to_string())?, *span)
            }
            (Call::ReadFile { path, span }, Files::Host(host, head)) => {
                let path = Checkout::plain_path(path).map_err(|refused| refused.to_string())?;
                numbered(&path, &host.read(head, &path).await?, *span)
            }
            (Call::ShowBase { path, span }, _) => {
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
            (Call::Search { pattern, glob }, Files::Checkout(checkout)) => {
                let (checkout, pattern, glob) = (checkout.clone(), pattern.clone(), glob.clone());
                blocking(move || search(&checkout, &pattern, glob.as_deref())).await
            }
            (Call::Search { .. }, Files::Host(..)) => {
                Err("nothing can be searched in this run; read the files you need".to_owned())
            }
            (Call::ListFiles { dir, glob }, Files::Checkout(checkout)) => {
                let (checkout, dir, glob) = (checkout.clone(), dir.clone(), glob.clone());
                blocking(move || {
                    let found = checkout.list(&dir, glob.as_deref(), MAX_NAMES);
                    let found = found.map_err(|error| error.to_string())?;
                    Ok(listed(&found.files, found.truncated))
                })
                .await
            }
            (Call::ListFiles { dir, glob }, Files::Host(host, head)) => {
                let dir = Checkout::plain_path(dir).map_err(|refused| refused.to_string())?;
                let (files, truncated) = host.list(head, &dir, glob.as_deref(), MAX_NAMES).await?;
                Ok(listed(&files, truncated))
            }
            (Call::History { path, span }, _) => {
                let path = Checkout::plain_path(path).map_err(|refused| refused.to_string())?;
                let Some((local, commit)) = self.history.clone() else {
                    return Err("this run has no history to tell".to_owned());
                };
                let span = *span;
                blocking(move || history::answer(&local, &commit, &path, span)).await
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
        let cell = {
            let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answered.entry(call.clone()).or_default())
        };
        // Of those who ask at the same moment, one finds out and the others wait.
        cell.get_or_init(|| async { self.finish(self.answer(&call).await) }).await.clone()
    }

    fn specs(&self) -> Vec<Tool> {
        let mut specs = specs();
        specs.retain(|tool| self.is_offered(&tool.name));
        specs
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
        return Ok(format!(
            "no line matches in {} files{end}; hidden and ignored files are not searched",
            found.files
        ));
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

fn listed(files: &[String], truncated: bool) -> String {
    if files.is_empty() {
        let end = if truncated { ", but not all were listed" } else { "" };
        return format!("no files match{end}");
    }
    let mut text = String::new();
    let mut cut = truncated;
    for file in files {
        if text.len() > MAX_BYTES {
            cut = true;
            break;
        }
        let _ = writeln!(text, "{file}");
    }
    if cut {
        text.push_str("… truncated: narrow the folder or the glob to see the rest\n");
    }
    text
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
