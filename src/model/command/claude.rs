//! Claude Code's command line: its flags and variables, and its result
//! (<https://code.claude.com/docs/en/cli-reference> and
//! <https://code.claude.com/docs/en/headless>, tried with 2.1.329).
//!
//! - `--tools ""` leaves it no tool of its own; `--json-schema` adds one that it
//!   answers with, and holds the answer to the schema.
//! - With a key or a token for the API, `--bare` keeps its own prompt, settings,
//!   memory and hooks out. An OAuth token or a login is not read there; then
//!   `--safe-mode` and `--restricted` do most of the same.
//! - Outside `--bare` it reads files that the prompt names (`@path`), which the
//!   text of a change could: two variables and `--restricted` switch that off.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{anyhow, bail};
use serde_json::Value;

use super::super::{Content, ModelError, Reply, Stop, Tool};
use super::answer::{self, Said};
use crate::redact::Secret;

/// Flags that would give the model tools, or somebody's settings a say.
const REFUSED: &[&str] = &[
    "--add-dir",
    "--agent",
    "--agents",
    "--allow-dangerously-skip-permissions",
    "--allowedTools",
    "--allowed-tools",
    "--chrome",
    "--continue",
    "--dangerously-skip-permissions",
    "--file",
    "--ide",
    "--mcp-config",
    "--permission-mode",
    "--permission-prompt-tool",
    "--plugin-dir",
    "--plugin-url",
    "--resume",
    "--settings",
    "--system-prompt",
    "--system-prompt-file",
    "--tools",
    "-c",
    "-r",
];

/// Most turns of its own: answers that do not fit are asked for again up to five times.
const MOST_TURNS: &str = "8";

/// Whether these arguments leave the model without tools.
///
/// # Errors
/// One does not.
pub fn check(arguments: &[String]) -> anyhow::Result<()> {
    for word in arguments {
        let flag = word.split('=').next().unwrap_or_default();
        if REFUSED.contains(&flag) {
            bail!(
                "cannot use `{flag}` with the model's command `claude`: Pipewright asks it without \
                 tools and with its own instructions; leave the flag out"
            );
        }
    }
    Ok(())
}

/// Whether there is something to log in with among its variables; else its login
/// lies in the user's home folder.
pub fn has_login(variables: &[(String, Secret)]) -> bool {
    has_key(variables) || variables.iter().any(|(name, _)| name == "CLAUDE_CODE_OAUTH_TOKEN")
}

fn has_key(variables: &[(String, Secret)]) -> bool {
    let keys = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"];
    variables.iter().any(|(name, _)| keys.contains(&name.as_str()))
}

/// What is added to the user's arguments, unless they say it themselves.
pub fn arguments(
    given: &[String],
    variables: &[(String, Secret)],
    tool: Option<&Tool>,
    system: &Path,
) -> Vec<OsString> {
    let has = |flags: &[&str]| {
        given.iter().any(|word| flags.contains(&word.split('=').next().unwrap_or_default()))
    };
    let mut added: Vec<OsString> = Vec::new();
    let mut add = |flags: &[&str], value: Option<OsString>| {
        if !has(flags) {
            added.push(flags[0].into());
            added.extend(value);
        }
    };
    add(&["--print", "-p"], None);
    add(&["--output-format"], Some("json".into()));
    if has_key(variables) {
        add(&["--bare"], None);
    } else {
        add(&["--safe-mode"], None);
        add(&["--restricted"], None);
    }
    add(&["--tools"], Some("".into()));
    add(&["--strict-mcp-config"], None);
    add(&["--disable-slash-commands"], None);
    add(&["--no-session-persistence"], None);
    add(&["--max-turns"], Some(MOST_TURNS.into()));
    add(&["--system-prompt-file"], Some(system.into()));
    if let Some(tool) = tool {
        add(&["--json-schema"], Some(tool.input_schema.to_string().into()));
    }
    added
}

/// What is added to its variables.
pub fn variables(max_tokens: u32) -> [(&'static str, String); 6] {
    let on = || "1".to_owned();
    [
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", on()),
        ("CLAUDE_CODE_DISABLE_ATTACHMENTS", on()),
        ("CLAUDE_CODE_DISABLE_FILE_MENTIONS", on()),
        ("DISABLE_AUTOUPDATER", on()),
        // Its ten retries wait for minutes; a fallback may answer at once.
        ("CLAUDE_CODE_MAX_RETRIES", "3".to_owned()),
        ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", max_tokens.max(1).to_string()),
    ]
}

/// The result object in its output, if there is one, as a reply or a failure.
/// `words` makes its text fit for a message.
pub fn read(said: &Said<'_>, words: &dyn Fn(&str) -> String) -> Option<Result<Reply, ModelError>> {
    let is_result = |value: &&Value| value["type"] == "result";
    let values = answer::values(said.text);
    let result = values.iter().rev().find_map(|value| match value {
        Value::Array(events) => events.iter().rev().find(is_result),
        other => Some(other).filter(is_result),
    })?;
    let mut reply = Reply {
        content: Vec::new(),
        stop: Stop::EndTurn,
        usage: answer::usage(said, std::slice::from_ref(result)),
    };
    let tool = super::answer_tool(said.request);
    let text = result["result"].as_str().unwrap_or_default();
    let stop = result["stop_reason"].as_str().unwrap_or_default();
    if let (Some(tool), structured @ Value::Object(_)) = (tool, &result["structured_output"]) {
        reply.content.push(answer::tool_use(tool, structured.clone()));
        reply.stop = Stop::ToolUse;
        return Some(Ok(reply));
    }
    if result["is_error"] != true {
        if let Some(input) = tool.and_then(|tool| answer::find_in_text(text, tool)) {
            reply.content.extend(tool.map(|tool| answer::tool_use(tool, input)));
            reply.stop = Stop::ToolUse;
            return Some(Ok(reply));
        }
        reply.stop = match stop {
            "refusal" => Stop::Refusal,
            "max_tokens" => Stop::MaxTokens,
            "model_context_window_exceeded" => Stop::ContextOverflow,
            _ => Stop::EndTurn,
        };
        reply.content.push(Content::Text { text: text.to_owned(), cache: false });
        return Some(Ok(reply));
    }
    let errors: Vec<&str> =
        result["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let told = if text.is_empty() { errors.join("; ") } else { text.to_owned() };
    let subtype = result["subtype"].as_str().unwrap_or_default();
    if subtype.starts_with("error_max_") {
        // It was billed, and may do better when asked again.
        reply.stop = if stop == "max_tokens" { Stop::MaxTokens } else { Stop::EndTurn };
        reply.content.push(Content::Text { text: told, cache: false });
        return Some(Ok(reply));
    }
    let error = || anyhow!("the model's command `claude` reports: {}", words(&told));
    let lower = told.to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    Some(Err(match result["api_error_status"].as_u64() {
        _ if says(&["prompt is too long", "context window", "context limit"]) => {
            ModelError::TooLong(error())
        }
        None if says(&["safeguards flagged", "usage policy", "unable to respond"]) => {
            reply.stop = Stop::Refusal;
            return Some(Ok(reply));
        }
        None if says(&["not logged in", "/login", "log in", "oauth token", "api key"]) => {
            ModelError::Denied(error().context(
                "`claude` is not logged in: set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN",
            ))
        }
        _ if says(&["credit balance", "usage limit", "billing"]) => ModelError::Denied(error()),
        Some(401..=404) => ModelError::Denied(error()),
        Some(413) => ModelError::TooLong(error()),
        Some(400 | 422) => ModelError::Rejected(error()),
        _ => ModelError::Unavailable(error()),
    }))
}
