//! The types of the inputs, and how their text is read.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::nearest::nearest;
use super::shard::Shard;
use super::table::Kind;
use crate::finding::Severity;
use crate::redact::Secret;

/// Defines an enum whose variants are words of an input.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text { $($word => Ok($name::$variant),)+ _ => Err(format!("`{text}` is none of the words")) }
            }
        }
    };
}

words! {
    /// What to do.
    Task {
        /// By the event.
        Auto = "auto",
        /// Review a change.
        Review = "review",
        /// Say how a review is best divided into jobs.
        Plan = "plan",
        /// Put together what the jobs of a review learned, and publish it.
        Merge = "merge",
        /// Say which documents a change makes wrong, and bring them up to date.
        Docs = "docs",
        /// Check and improve the pipeline files that a change touches.
        Pipeline = "pipeline",
        /// Write tests for a change, and prove them.
        Tests = "tests",
        /// Judge a deployment.
        Verify = "verify",
    }
}

words! {
    /// Who is asked before a rollback that is not clear-cut.
    Approval {
        /// Nobody: it stays a recommendation.
        None = "none",
        /// An approval step of the Harness pipeline.
        Harness = "harness",
        /// The reviewers of a GitHub environment.
        Environment = "environment",
        /// Somebody who may, by a comment.
        Comment = "comment",
    }
}

words! {
    /// What `tests` writes.
    TestKind {
        /// Tests of what a change does.
        Unit = "unit",
        /// Realistic test data.
        Data = "data",
        /// Tests that try to exploit a security finding.
        Security = "security",
        /// A benchmark of a changed hot path.
        Benchmark = "benchmark",
    }
}

words! {
    /// What a run may do to the world, least first.
    Autonomy {
        /// Read, and write its own log, step summary, outputs and files.
        Observe = "observe",
        /// Also comment, review, set checks, open a change request from a branch of its own.
        Propose = "propose",
        /// Also notify people, ask for approval.
        Alert = "alert",
        /// Also commit to the change's branch, interrupt or roll back an execution.
        Act = "act",
    }
}

words! {
    /// What a person may do in a repository, least first.
    Access {
        /// Nothing.
        None = "none",
        /// Read.
        Read = "read",
        /// Manage issues and change requests.
        Triage = "triage",
        /// Push.
        Write = "write",
        /// Everything.
        Admin = "admin",
    }
}

words! {
    /// Form of the result on standard output.
    Format {
        /// For a person at a terminal.
        Text = "text",
        /// `pipewright.<task>/1`.
        Json = "json",
        /// As in the summary comment.
        Markdown = "markdown",
        /// SARIF 2.1.0.
        Sarif = "sarif",
        /// GitHub's workflow commands.
        Github = "github",
        /// A unified diff, where a task makes one.
        Diff = "diff",
    }
}

words! {
    /// Whether text is coloured.
    Color {
        /// At a terminal.
        Auto = "auto",
        /// Everywhere.
        Always = "always",
        /// Nowhere.
        Never = "never",
    }
}

/// What is written to the change request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish {
    /// A review with comments on lines.
    pub review: bool,
    /// The summary comment.
    pub summary: bool,
    /// A check, or a commit status in its place.
    pub check: bool,
}

/// Labels that are set on the change request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Labels {
    /// What the change is: `kind: bugfix`.
    pub kind: bool,
    /// What it could break: `risk: high`.
    pub risk: bool,
    /// How much work to review: `effort: 3`.
    pub effort: bool,
}

impl Labels {
    /// Whether any is.
    pub fn any(self) -> bool {
        self.kind || self.risk || self.effort
    }
}

words! {
    /// Whose model, and so which protocol.
    Provider {
        /// Anthropic's Messages API.
        Anthropic = "anthropic",
        /// OpenAI's API, or a server that speaks its protocol.
        OpenAi = "openai",
        /// Azure OpenAI; the name is a deployment's.
        Azure = "azure",
        /// Gemini's API.
        Gemini = "gemini",
        /// Ollama.
        Ollama = "ollama",
        /// Amazon Bedrock: a model's id, an inference profile's or an ARN.
        Bedrock = "bedrock",
        /// Google's Vertex AI: `claude-…`.
        Vertex = "vertex",
    }
}

/// Which model to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChoice {
    /// None: rules and reports answer alone.
    Offline,
    /// A provider's, with the model's name there.
    Of(Provider, String),
    /// A program, as its command line: split like a shell's words, run without a shell.
    Command(String),
}

impl fmt::Display for ModelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelChoice::Offline => f.write_str("offline"),
            ModelChoice::Of(provider, name) => write!(f, "{provider}:{name}"),
            ModelChoice::Command(line) => write!(f, "command:{line}"),
        }
    }
}

impl FromStr for ModelChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "offline" {
            return Ok(ModelChoice::Offline);
        }
        if let Some(line) = text.strip_prefix("command:") {
            let words = split_words(line)?;
            return match words.first() {
                Some(_) => Ok(ModelChoice::Command(line.trim().to_owned())),
                None => Err("`command:` names no program, as in `command:claude`".into()),
            };
        }
        let split = text.split_once(':').map(|(word, name)| (provider(word), word, name));
        let (provider, name) = match split {
            Some((Ok(provider), _, name)) => (provider, name),
            Some((Err(_), word, _)) => {
                let words = Provider::ALL.iter().map(|word| word.as_str());
                let near = nearest(word, words.clone()).unwrap_or("anthropic");
                let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
                return Err(format!(
                    "`{word}` is not a provider of this version: write `{near}:NAME` or \
                     `command:LINE`; the \
                     providers are {}",
                    words.join(", ")
                ));
            }
            None if text.starts_with("claude-") => (Provider::Anthropic, text),
            None if text.starts_with("gpt-") => (Provider::OpenAi, text),
            None if text.starts_with("gemini-") => (Provider::Gemini, text),
            None => {
                return Err(match nearest(text, ["offline", "claude", "anthropic"]) {
                    Some("offline") => format!("`{text}` is not a model; did you mean `offline`?"),
                    _ => format!(
                        "`{text}` does not say whose model it is: write `claude-…`, \
                         `PROVIDER:NAME`, `command:LINE` or `offline`"
                    ),
                });
            }
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_graphic()) {
            return Err(format!("`{text}` does not name a model"));
        }
        Ok(ModelChoice::Of(provider, name.to_owned()))
    }
}

/// A command line's words, split as a POSIX shell splits them; nothing is expanded.
///
/// # Errors
/// A quote is left open, or a NUL is among them.
pub fn split_words(line: &str) -> Result<Vec<String>, String> {
    if line.contains('\0') {
        return Err("a command cannot hold a NUL".into());
    }
    shlex::split(line)
        .ok_or_else(|| format!("`{}` is not a command line: a quote is left open", brief(line)))
}

/// The provider of a word. Any server of OpenAI's protocol is asked in the same way.
fn provider(word: &str) -> Result<Provider, String> {
    if word == "openai-compatible" { Ok(Provider::OpenAi) } else { word.parse() }
}

/// File patterns over repository paths, with slashes.
///
/// A pattern without a slash matches at any depth, a leading slash binds it to
/// the root; a match on a folder covers all below it. `*` stops at slashes,
/// `**` does not.
#[derive(Debug, Clone, Default)]
pub struct Globs {
    /// As they were written.
    pub patterns: Vec<String>,
    set: GlobSet,
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Globs {
    /// Reads patterns; the error names the one that is wrong.
    pub fn new(patterns: Vec<String>) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            if pattern.starts_with('!') {
                return Err(format!("`{pattern}`: patterns cannot be negated; use `include`"));
            }
            let body = pattern.trim_end_matches('/').trim_start_matches("./");
            let body = match body.strip_prefix('/') {
                Some(rooted) => rooted.to_owned(),
                None if body.contains('/') => body.to_owned(),
                None => format!("**/{body}"),
            };
            for glob in [format!("{body}/**"), body] {
                let built = GlobBuilder::new(&glob)
                    .literal_separator(true)
                    .backslash_escape(true)
                    .build()
                    .map_err(|error| format!("`{pattern}` is not a pattern: {}", error.kind()))?;
                set.add(built);
            }
        }
        let set = set.build().map_err(|error| format!("the patterns do not fit: {error}"))?;
        Ok(Globs { patterns, set })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a repository path, or a folder above it, matches one of them.
    pub fn is_match(&self, path: &str) -> bool {
        !self.patterns.is_empty() && self.set.is_match(path)
    }
}

/// A value as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    /// One text, which holds a list's elements between commas or new lines.
    Text(String),
    /// A TOML array.
    List(Vec<String>),
}

/// A value that its input takes.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
    Whole(u64),
    Decimal(f64),
    Secret(Secret),
}

/// Reads a value; the error is a sentence about the value alone and never
/// repeats a secret.
pub(super) fn parse(kind: Kind, raw: &Raw) -> Result<Value, String> {
    if kind.is_list() {
        let list = match raw {
            Raw::Text(text) => text
                .split([',', '\n'])
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            Raw::List(list) => list.clone(),
        };
        return parse_list(kind, list);
    }
    let Raw::Text(text) = raw else {
        return Err("takes one value, not a list".into());
    };
    match kind {
        Kind::Text => {
            if text.contains('\0') {
                Err("holds a NUL".into())
            } else {
                Ok(Value::Text(text.clone()))
            }
        }
        Kind::Revision => {
            if text.starts_with('-') || text.chars().any(|c| c.is_control() || c == ' ') {
                Err(format!("`{}` is not a revision", text.escape_debug()))
            } else {
                Ok(Value::Text(text.clone()))
            }
        }
        Kind::Path => {
            if text.contains(['\0', '\n']) {
                Err(format!("`{}` is not a path", text.escape_debug()))
            } else {
                Ok(Value::Text(text.clone()))
            }
        }
        Kind::Url => url(text).map(Value::Text),
        Kind::Model => text.parse::<ModelChoice>().map(|_| Value::Text(text.clone())),
        Kind::Shard if text == "auto" => Ok(Value::Text(text.clone())),
        Kind::Shard => text.parse::<Shard>().map(|shard| Value::Text(shard.to_string())),
        Kind::Choice(words) => word(text, words).map(|word| Value::Text(word.to_owned())),
        Kind::Whole(min, max) => match text.parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(Value::Whole(number)),
            _ => Err(format!("`{}` is not {}", brief(text), kind.describe())),
        },
        Kind::Decimal(min, max) => match text.parse::<f64>() {
            // A range holds neither NaN nor an infinity.
            Ok(number) if (min..=max).contains(&number) => Ok(Value::Decimal(number)),
            _ => Err(format!("`{}` is not {}", brief(text), kind.describe())),
        },
        Kind::Secret => {
            if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
                Err("holds white space or control characters, so it is not a key".into())
            } else {
                Ok(Value::Secret(Secret::new(text.clone())))
            }
        }
        Kind::Globs | Kind::Choices(_) | Kind::Models | Kind::Names => Err("takes a list".into()),
    }
}

fn parse_list(kind: Kind, list: Vec<String>) -> Result<Value, String> {
    match kind {
        Kind::Choices(_) if matches!(list.as_slice(), [only] if only == "none") => {
            Ok(Value::List(Vec::new()))
        }
        Kind::Choices(words) => {
            let list = list
                .iter()
                .map(|text| word(text, words).map(str::to_owned))
                .collect::<Result<_, _>>()?;
            Ok(Value::List(list))
        }
        Kind::Models => {
            for text in &list {
                text.parse::<ModelChoice>()?;
            }
            Ok(Value::List(list))
        }
        Kind::Names => {
            for name in &list {
                super::command_env::check_name(name)?;
            }
            Ok(Value::List(list))
        }
        _ => Globs::new(list).map(|globs| Value::List(globs.patterns)),
    }
}

/// The word that is meant, in any case.
fn word(text: &str, words: &'static [&'static str]) -> Result<&'static str, String> {
    if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(word);
    }
    let text = brief(text);
    Err(match nearest(&text, words.iter().copied()) {
        Some(near) => format!("`{text}` is not a value; did you mean `{near}`?"),
        None => format!("`{text}` is not a value; it takes {}", Kind::Choice(words).describe()),
    })
}

/// An address without user, query, fragment and final slash.
fn url(text: &str) -> Result<String, String> {
    // Not repeated: what stands before an `@` may be a password.
    if text.contains('@') {
        return Err("an address with a user or password is refused".into());
    }
    let wrong = || format!("`{}` is not an address like `https://host/path`", brief(text));
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    let scheme = uri.scheme_str().ok_or_else(wrong)?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    if !matches!(scheme, "http" | "https") || uri.query().is_some() || text.contains('#') {
        return Err(wrong());
    }
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}{port}{}", uri.path().trim_end_matches('/')))
}

/// At most 60 characters on one line, for messages.
pub(super) fn brief(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect::<String>().escape_debug().to_string();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

/// Turns the words of `fail_on` into a limit; `none` is none.
pub(super) fn fail_on(word: &str) -> Option<Severity> {
    word.parse().ok()
}
