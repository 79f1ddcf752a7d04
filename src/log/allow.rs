//! Lines that are never news.

use regex::RegexSet;

/// Regular expressions of lines that are never news.
#[derive(Debug, Clone, Default)]
pub struct Allow(Option<RegexSet>);

impl Allow {
    /// Compiles them. Err: the first that is none, by its index, and why in a sentence.
    pub fn new<S: AsRef<str>>(expressions: &[S]) -> Result<Self, (usize, String)> {
        if expressions.is_empty() {
            return Ok(Allow(None));
        }
        for (index, expression) in expressions.iter().enumerate() {
            if let Err(why) = regex::Regex::new(expression.as_ref()) {
                return Err((index, why.to_string().lines().last().unwrap_or_default().to_owned()));
            }
        }
        match RegexSet::new(expressions.iter().map(AsRef::as_ref)) {
            Ok(set) => Ok(Allow(Some(set))),
            Err(why) => Err((0, why.to_string())),
        }
    }

    /// Whether a line is allowed.
    pub fn is_match(&self, line: &str) -> bool {
        self.0.as_ref().is_some_and(|set| set.is_match(line))
    }
}
