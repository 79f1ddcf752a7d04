//! `.pipewright.toml`: the keys of the table, and tables for what belongs to one
//! task or path. Read from the base revision, so a change cannot widen its own limits.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::choice::TaskModels;
use super::nearest::nearest;
use super::pipeline::{PipelineTable, RuleMode};
use super::prices::{self, PriceRule};
use super::table::{INPUTS, Kind, find};
use super::values::{self, Access, Autonomy, Globs, ModelChoice, Raw, Task, Value, brief};
use super::{Origin, Problem};
use crate::finding::Severity;
use crate::pipeline;

/// The file's name, in the root of the repository.
pub const CONFIG_FILE: &str = ".pipewright.toml";

/// The text of `.pipewright.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigText {
    /// All of it.
    pub text: String,
    /// Where it came from, for messages: `.pipewright.toml at 1a2b3c4`.
    pub origin: String,
}

/// What `.pipewright.toml` says beyond the inputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables {
    /// `[review] instructions`: what reviewers of this repository look for.
    pub instructions: Option<String>,
    /// `[[path]]`, in order.
    pub paths: Vec<PathRule>,
    /// What each task's table says of its models: `[review] model` and the like.
    pub models: BTreeMap<Task, TaskModels>,
    /// `[pipeline]`: how the rules for pipeline files are set.
    pub pipeline: PipelineTable,
    /// `[[price]]`, in order; those of the file that `prices` names come first.
    pub prices: Vec<PriceRule>,
    /// `[policy] autonomy`: the most any run may do.
    pub max_autonomy: Option<Autonomy>,
    /// `[policy] asker`: the least permission from which a comment's author may
    /// ask for a run; writing is the default.
    pub asker: Option<Access>,
}

/// What holds for some paths: `[[path]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct PathRule {
    /// Which: `glob`.
    pub globs: Globs,
    /// What reviewers look for there.
    pub instructions: Option<String>,
    /// Whether they are not reviewed.
    pub ignore: bool,
    /// Rules whose findings there are not reported: our ids, or a scanner's as
    /// `<tool>/<rule>`.
    pub ignore_rules: Vec<String>,
}

impl Tables {
    /// The rules for a path, in the file's order.
    pub fn rules_for<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a PathRule> {
        self.paths.iter().filter(move |rule| rule.globs.is_match(path))
    }
}

/// A read file: values of inputs with their lines, tables, and all that is wrong.
pub(super) struct Read {
    pub values: Vec<(&'static str, Raw, Origin)>,
    pub tables: Tables,
    pub problems: Vec<Problem>,
}

pub(super) fn read(config: &ConfigText) -> Read {
    let mut reader = Reader {
        config,
        read: Read { values: Vec::new(), tables: Tables::default(), problems: Vec::new() },
    };
    // A byte order mark is what some editors leave; TOML has none.
    let text = config.text.strip_prefix('\u{feff}').unwrap_or(&config.text);
    match DeTable::parse(text) {
        Ok(table) => reader.root(table.get_ref()),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            reader.problem(at, format!("is not TOML: {message}"));
        }
    }
    reader.read
}

const REVIEW: &[&str] = &["instructions"];
const PIPELINE: &[&str] = &["rules", "severity"];
/// Keys of every task's table.
const MODELS: &[&str] = &["model", "light_model", "fallback_model"];
const PATH: &[&str] = &["glob", "ignore", "ignore_rules", "instructions"];
const POLICY: &[&str] = &["asker", "autonomy"];
const TABLES: &[&str] = &["path", "policy", "price"];
const ASKERS: &[&str] = &["read", "triage", "write", "admin"];

struct Reader<'a> {
    config: &'a ConfigText,
    read: Read,
}

impl Reader<'_> {
    fn origin(&self, at: usize) -> Origin {
        // A mark that was stripped shifts offsets by three bytes, but no line.
        let before = self.config.text.as_bytes().iter().take(at);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        Origin::Config { file: self.config.origin.clone(), line }
    }

    fn problem(&mut self, at: usize, message: String) {
        let source = self.origin(at);
        self.read.problems.push(Problem { source: source.to_string(), message });
    }

    fn root(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            match (name, value.get_ref()) {
                (_, DeValue::Table(table)) if task(name).is_some() => {
                    self.task(task(name).unwrap_or(Task::Review), table);
                }
                ("policy", DeValue::Table(table)) => self.policy(table),
                ("path", DeValue::Array(array))
                    if array.iter().all(|item| item.get_ref().is_table()) =>
                {
                    for item in array.iter() {
                        if let DeValue::Table(table) = item.get_ref() {
                            self.path(table, item.span().start);
                        }
                    }
                }
                ("path", _) => self.problem(at, "`path` is an array of tables: `[[path]]`".into()),
                ("price", DeValue::Array(array))
                    if array.iter().all(|item| item.get_ref().is_table()) =>
                {
                    for item in array.iter() {
                        if let DeValue::Table(table) = item.get_ref() {
                            self.price(table, item.span().start);
                        }
                    }
                }
                ("price", _) => {
                    self.problem(at, "`price` is an array of tables: `[[price]]`".into());
                }
                _ if name == "policy" || task(name).is_some() => {
                    self.problem(at, format!("`{name}` is a table: `[{name}]`"));
                }
                _ => self.input(name, at, value),
            }
        }
    }

    fn input(&mut self, name: &str, at: usize, value: &Spanned<DeValue<'_>>) {
        let Some(input) = find(name) else {
            let keys = INPUTS.iter().filter(|input| input.config).map(|input| input.name);
            let tables = TABLES.iter().copied().chain(tasks().map(Task::as_str));
            let message = unknown(name, keys.chain(tables));
            return self.problem(at, message);
        };
        if !input.config {
            let why = match input.kind {
                super::Kind::Secret => "a secret never stands in a file of the repository",
                _ => "it belongs to the run, not to the repository",
            };
            return self.problem(at, format!("`{name}` cannot be set here: {why}"));
        }
        match raw(value.get_ref()) {
            Some(raw) if !is_empty(&raw) => {
                let origin = self.origin(at);
                self.read.values.push((input.name, raw, origin));
            }
            Some(_) => {}
            None => self.problem(at, format!("`{name}` takes {}", input.kind.describe())),
        }
    }

    /// The table of a task: its models, and what belongs to it alone.
    fn task(&mut self, task: Task, table: &DeTable<'_>) {
        let own = match task {
            Task::Review => REVIEW,
            Task::Pipeline => PIPELINE,
            _ => &[],
        };
        let mut models = TaskModels::default();
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            match name {
                "instructions" if own.contains(&name) => {
                    self.read.tables.instructions = self.text(key, value);
                }
                "rules" | "severity" if own.contains(&name) => self.pipeline(name, at, value),
                "model" => models.heavy = self.model(at, value).map(|m| (m, self.origin(at))),
                "light_model" => {
                    models.light = self.model(at, value).map(|m| (m, self.origin(at)));
                }
                "fallback_model" => {
                    let list = self.models(at, value);
                    models.fallbacks = list.map(|list| (list, self.origin(at)));
                }
                _ => {
                    let keys = own.iter().chain(MODELS).copied();
                    self.problem(at, unknown(name, keys));
                }
            }
        }
        self.read.tables.models.insert(task, models);
    }

    /// `rules` or `severity` of `[pipeline]`: a word for each rule.
    fn pipeline(&mut self, name: &str, at: usize, value: &Spanned<DeValue<'_>>) {
        let DeValue::Table(table) = value.get_ref() else {
            return self.problem(at, format!("`{name}` is a table: `[pipeline.{name}]`"));
        };
        for (key, value) in table {
            let (rule, at) = (key.get_ref().as_ref(), key.span().start);
            if pipeline::rule::find(rule).is_none() {
                let rules = pipeline::rule::RULES.iter().map(|rule| rule.slug);
                self.problem(at, unknown(rule, rules));
                continue;
            }
            let word = value.get_ref().as_str().unwrap_or_default();
            if name == "rules" {
                match RuleMode::of(word) {
                    Some(mode) => {
                        self.read.tables.pipeline.rules.insert(rule.to_owned(), mode);
                    }
                    None => self.problem(at, unknown_value(word, RuleMode::WORDS)),
                }
            } else {
                match word.parse() {
                    Ok(severity) => {
                        self.read.tables.pipeline.severity.insert(rule.to_owned(), severity);
                    }
                    Err(_) => {
                        let words = Severity::ALL.map(Severity::as_str);
                        self.problem(at, unknown_value(word, &words));
                    }
                }
            }
        }
    }

    fn model(&mut self, at: usize, value: &Spanned<DeValue<'_>>) -> Option<ModelChoice> {
        let text = value.get_ref().as_str().map(str::trim);
        match text.ok_or_else(|| "takes a model".to_owned()).and_then(str::parse) {
            Ok(choice) => Some(choice),
            Err(message) => {
                self.problem(at, message);
                None
            }
        }
    }

    fn models(&mut self, at: usize, value: &Spanned<DeValue<'_>>) -> Option<Vec<ModelChoice>> {
        let list = raw(value.get_ref()).ok_or_else(|| "takes models".to_owned());
        match list.and_then(|raw| values::parse(Kind::Models, &raw)) {
            Ok(Value::List(names)) => {
                Some(names.iter().filter_map(|name| name.parse().ok()).collect())
            }
            Ok(_) => None,
            Err(message) => {
                self.problem(at, message);
                None
            }
        }
    }

    fn price(&mut self, table: &DeTable<'_>, at: usize) {
        let origin = self.origin(at).to_string();
        let mut problems = Vec::new();
        let rule = prices::read(table, at, origin, &mut |at, message| problems.push((at, message)));
        self.read.tables.prices.extend(rule);
        for (at, message) in problems {
            self.problem(at, message);
        }
    }

    fn policy(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            let at = key.span().start;
            match key.get_ref().as_ref() {
                "autonomy" => {
                    let text = self.text(key, value);
                    let known = text.as_deref().and_then(|text| text.parse().ok());
                    if let (Some(text), None) = (&text, known) {
                        self.problem(at, unknown_value(text, super::table::AUTONOMY));
                    }
                    self.read.tables.max_autonomy = known;
                }
                "asker" => {
                    let text = self.text(key, value);
                    let known = text
                        .as_deref()
                        .filter(|text| ASKERS.contains(text))
                        .and_then(|text| text.parse().ok());
                    if let (Some(text), None) = (&text, known) {
                        self.problem(at, unknown_value(text, ASKERS));
                    }
                    self.read.tables.asker = known;
                }
                name => self.problem(at, unknown(name, POLICY.iter().copied())),
            }
        }
    }

    fn path(&mut self, table: &DeTable<'_>, at: usize) {
        let mut rule = PathRule {
            globs: Globs::default(),
            instructions: None,
            ignore: false,
            ignore_rules: Vec::new(),
        };
        let mut has_glob = false;
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("glob", value) => {
                    has_glob = true;
                    let globs = match raw(value) {
                        Some(Raw::Text(text)) if !text.is_empty() => Globs::new(vec![text]),
                        Some(Raw::List(list)) if !list.is_empty() => Globs::new(list),
                        _ => Err("`glob` takes a pattern or a list of them".into()),
                    };
                    match globs {
                        Ok(globs) => rule.globs = globs,
                        Err(message) => self.problem(key.span().start, message),
                    }
                }
                ("ignore", DeValue::Boolean(ignore)) => rule.ignore = *ignore,
                ("ignore", _) => {
                    self.problem(key.span().start, "`ignore` takes `true` or `false`".into());
                }
                ("ignore_rules", value) => match raw(value) {
                    Some(Raw::List(rules)) => rule.ignore_rules = rules,
                    Some(Raw::Text(one)) => rule.ignore_rules = vec![one],
                    None => self.problem(
                        key.span().start,
                        "`ignore_rules` takes a rule or a list of them".into(),
                    ),
                },
                ("instructions", _) => rule.instructions = self.text(key, value),
                (name, _) => self.problem(key.span().start, unknown(name, PATH.iter().copied())),
            }
        }
        if !has_glob {
            self.problem(at, "`[[path]]` needs a `glob`".into());
        }
        self.read.tables.paths.push(rule);
    }

    /// A text that is not empty.
    fn text(
        &mut self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<String> {
        match value.get_ref().as_str() {
            Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            None => {
                self.problem(key.span().start, format!("`{}` takes text", key.get_ref()));
                None
            }
        }
    }
}

/// A scalar or a list of texts; a table or a date is neither.
fn raw(value: &DeValue<'_>) -> Option<Raw> {
    match value {
        DeValue::String(text) => Some(Raw::Text(text.trim().to_owned())),
        // Underscores between digits are TOML's; a hexadecimal number stays an error.
        DeValue::Integer(number) if number.radix() == 10 => {
            Some(Raw::Text(number.as_str().replace('_', "")))
        }
        DeValue::Float(number) => Some(Raw::Text(number.as_str().replace('_', ""))),
        DeValue::Array(array) => array
            .iter()
            .map(|item| item.get_ref().as_str().map(|text| text.trim().to_owned()))
            .collect::<Option<Vec<_>>>()
            .map(Raw::List),
        _ => None,
    }
}

/// Tasks that have a table of their own: all that can be named.
fn tasks() -> impl Iterator<Item = Task> {
    Task::ALL.iter().copied().filter(|task| *task != Task::Auto)
}

fn task(name: &str) -> Option<Task> {
    tasks().find(|task| task.as_str() == name)
}

fn is_empty(raw: &Raw) -> bool {
    matches!(raw, Raw::Text(text) if text.is_empty())
}

pub(super) fn unknown<'a>(name: &str, keys: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, keys) {
        Some(near) => format!("`{}` is not a key; did you mean `{near}`?", brief(name)),
        None => format!("`{}` is not a key", brief(name)),
    }
}

fn unknown_value(text: &str, words: &[&str]) -> String {
    match nearest(text, words.iter().copied()) {
        Some(near) => format!("`{}` is not a value; did you mean `{near}`?", brief(text)),
        None => format!("`{}` is not a value; it takes {}", brief(text), words.join(", ")),
    }
}
