//! Taking a mapping apart, with every problem noted by its path.

use serde_json::Value;

use super::{Problem, words};

/// What is wrong, and what is only odd.
#[derive(Debug, Default)]
pub struct Notes {
    /// What stops it.
    pub problems: Vec<Problem>,
    /// What does not.
    pub remarks: Vec<String>,
}

impl Notes {
    /// Notes a problem.
    pub fn problem(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), why: why.into() });
    }
}

/// The entries of a mapping that have not been taken yet.
#[derive(Debug)]
pub struct Fields<'n> {
    path: String,
    entries: Vec<(String, Value)>,
    known: Vec<&'static str>,
    /// Where problems go.
    pub notes: &'n mut Notes,
}

impl<'n> Fields<'n> {
    /// The entries at a path.
    pub fn new(path: &str, entries: Vec<(String, Value)>, notes: &'n mut Notes) -> Self {
        Fields { path: path.to_owned(), entries, known: Vec::new(), notes }
    }

    /// The entries of a value that should be a mapping; null is an empty one.
    pub fn of(path: &str, value: Value, notes: &'n mut Notes) -> Self {
        let entries = match value {
            Value::Object(map) => map.into_iter().collect(),
            Value::Null => Vec::new(),
            other => {
                notes.problem(path, format!("must be a mapping, not {}", kind(&other)));
                Vec::new()
            }
        };
        Fields::new(path, entries, notes)
    }

    /// The path of a key.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Takes a key's value; null is as good as missing.
    pub fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        let index = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.swap_remove(index).1).filter(|value| !value.is_null())
    }

    /// Whether a key is there, be it empty.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// Whether all values that are left are nothing.
    pub fn bare(&self) -> bool {
        self.entries.iter().all(|(_, value)| value.is_null())
    }

    /// Says that a key belongs here that is read elsewhere.
    pub fn known(&mut self, key: &'static str) {
        self.known.push(key);
    }

    /// Notes a problem at a key.
    pub fn wrong(&mut self, key: &str, why: impl Into<String>) {
        let path = self.path(key);
        self.notes.problem(path, why);
    }

    /// A text; a number or a truth value is read as its text (versions such as `1.8`).
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            other => {
                self.wrong(key, format!("must be a text, not {}", kind(&other)));
                None
            }
        }
    }

    /// A text that is not blank.
    pub fn name(&mut self, key: &'static str) -> Option<String> {
        self.text(key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A truth value.
    pub fn truth(&mut self, key: &'static str) -> Option<bool> {
        match self.take(key)? {
            Value::Bool(truth) => Some(truth),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            other => {
                self.wrong(key, format!("must be true or false, not {}", kind(&other)));
                None
            }
        }
    }

    /// A number; `5%` is 0.05.
    pub fn number(&mut self, key: &'static str) -> Option<f64> {
        let value = self.take(key)?;
        let number = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => match text.trim().strip_suffix('%') {
                Some(percent) => percent.trim().parse::<f64>().ok().map(|number| number / 100.0),
                None => text.trim().parse().ok(),
            },
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.wrong(key, format!("must be a number, not {}", shown(&value)));
        }
        number
    }

    /// A number within bounds.
    pub fn within(&mut self, key: &'static str, low: f64, high: f64) -> Option<f64> {
        let number = self.number(key)?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        let bounds = if high.is_finite() {
            format!("from {low} to {high}")
        } else {
            format!("of at least {low}")
        };
        self.wrong(key, format!("must be a number {bounds}, not {number}"));
        None
    }

    /// A whole number that is not negative.
    pub fn count(&mut self, key: &'static str, low: f64) -> Option<u64> {
        let number = self.within(key, low, 1e15)?;
        if number.fract() == 0.0 {
            return Some(number as u64);
        }
        self.wrong(key, format!("must be a whole number, not {number}"));
        None
    }

    /// A duration in milliseconds.
    pub fn duration(&mut self, key: &'static str) -> Option<i64> {
        let value = self.take(key)?;
        let duration = match &value {
            Value::Number(number) => number.as_f64().and_then(words::from_seconds),
            Value::String(text) => words::duration(text),
            _ => None,
        };
        if duration.is_none() {
            let why = "must be a duration such as `5m`, `1h30m` or `90s`, or seconds";
            self.wrong(key, format!("{why}, not {}", shown(&value)));
        }
        duration
    }

    /// A time in milliseconds since 1970.
    pub fn time(&mut self, key: &'static str) -> Option<i64> {
        let value = self.take(key)?;
        let time = match &value {
            Value::Number(number) => number.as_f64().and_then(words::epoch),
            Value::String(text) => words::time(text),
            _ => None,
        };
        if time.is_none() {
            let why = "must be a time such as `2026-01-01T10:00:00Z`, or seconds since 1970";
            self.wrong(key, format!("{why}, not {}", shown(&value)));
        }
        time
    }

    /// One of these words, `_`, `-` and case alike.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let plain = |text: &str| text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        if let Some((_, value)) = words.iter().find(|(word, _)| plain(word) == plain(&text)) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let meant = match words::nearest(&text, &names) {
            Some(name) => format!("; did you mean `{name}`?"),
            None => String::new(),
        };
        self.wrong(key, format!("must be one of {}, not `{}`{meant}", names.join(", "), cut(&text)));
        None
    }

    /// The items of a list; one text alone is a list of one.
    pub fn list(&mut self, key: &'static str) -> Vec<Value> {
        match self.take(key) {
            Some(Value::Array(items)) => items,
            Some(text @ Value::String(_)) => vec![text],
            Some(other) => {
                self.wrong(key, format!("must be a list, not {}", kind(&other)));
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// The texts of a list.
    pub fn texts(&mut self, key: &'static str) -> Vec<String> {
        let mut texts = Vec::new();
        for (index, item) in self.list(key).into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                Value::Number(number) => texts.push(number.to_string()),
                Value::Bool(truth) => texts.push(truth.to_string()),
                Value::Null => {}
                other => {
                    let why = format!("must be a text, not {}", kind(&other));
                    self.wrong(&format!("{key}[{index}]"), why);
                }
            }
        }
        texts
    }

    /// What is left: a slip of a known key stops it, another key is remarked upon.
    pub fn finish(mut self) {
        for (key, _) in std::mem::take(&mut self.entries) {
            self.unknown(&key);
        }
    }

    /// What is left, slips of known keys noted.
    pub fn rest(mut self) -> Vec<(String, Value)> {
        let mut rest = Vec::new();
        for (key, value) in std::mem::take(&mut self.entries) {
            match words::nearest(&key, &self.known) {
                Some(_) => self.unknown(&key),
                None => rest.push((key, value)),
            }
        }
        rest
    }

    fn unknown(&mut self, key: &str) {
        let path = self.path(key);
        match words::nearest(key, &self.known) {
            Some(name) => {
                self.notes.problem(path, format!("is no key here; did you mean `{name}`?"));
            }
            None => self.notes.remarks.push(format!("`{}` is not known and was left out.", cut(&path))),
        }
    }
}

/// What a value is, in a word.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// A value for a message.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", cut(text)),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => kind(other).to_owned(),
    }
}

/// The first part of a text that may be long.
pub fn cut(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
