//! `[[price]]`: what the user says a model costs and holds.

use globset::{GlobBuilder, GlobMatcher};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What some models cost and hold, in place of the built-in table. US dollars per
/// million tokens, sizes in tokens.
#[derive(Debug, Clone)]
pub struct PriceRule {
    /// Which models, as it was written: a name or a pattern.
    pub model: String,
    matcher: GlobMatcher,
    /// Input, not cached.
    pub input: f64,
    /// Input written to the provider's cache.
    pub cache_write: f64,
    /// Input read from the provider's cache.
    pub cache_read: f64,
    /// Output.
    pub output: f64,
    /// Input and output together.
    pub context: Option<u64>,
    /// Longest output.
    pub output_limit: Option<u32>,
    /// The file and the line.
    pub origin: String,
}

impl PartialEq for PriceRule {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |rule: &Self| [rule.input, rule.cache_write, rule.cache_read, rule.output];
        self.model == other.model
            && numbers(self) == numbers(other)
            && (self.context, self.output_limit) == (other.context, other.output_limit)
            && self.origin == other.origin
    }
}

impl PriceRule {
    /// Whether it is about a model: by its name alone, or with the provider's and
    /// a colon in front.
    pub fn is_about(&self, provider: &str, name: &str) -> bool {
        self.matcher.is_match(name) || self.matcher.is_match(format!("{provider}:{name}"))
    }
}

/// The keys of a `[[price]]`.
pub(super) const KEYS: &[&str] =
    &["model", "input", "cache_write", "cache_read", "output", "context", "output_limit"];

/// Dollars per million tokens beyond which a number is a slip of the pen.
const DEAREST: f64 = 1e6;
/// Tokens, likewise.
const LARGEST: u64 = 1_000_000_000;

/// One `[[price]]` at `at`; what is wrong goes to `problem`, with its place.
pub(super) fn read(
    table: &DeTable<'_>,
    at: usize,
    origin: String,
    problem: &mut dyn FnMut(usize, String),
) -> Option<PriceRule> {
    let mut model = None;
    let mut dollars = [None; 4];
    let mut sizes = [None; 2];
    let mut wrong = false;
    for (key, value) in table {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        let outcome = match name {
            "model" => match value.get_ref().as_str().map(|text| (text, pattern(text))) {
                Some((text, Ok(matcher))) => {
                    model = Some((text.to_owned(), matcher));
                    Ok(())
                }
                Some((_, Err(message))) => Err(message),
                None => Err("`model` takes a name or a pattern".to_owned()),
            },
            "input" => dollar(name, value).map(|number| dollars[0] = Some(number)),
            "cache_write" => dollar(name, value).map(|number| dollars[1] = Some(number)),
            "cache_read" => dollar(name, value).map(|number| dollars[2] = Some(number)),
            "output" => dollar(name, value).map(|number| dollars[3] = Some(number)),
            "context" => tokens(name, value).map(|number| sizes[0] = Some(number)),
            "output_limit" => tokens(name, value).map(|number| sizes[1] = Some(number)),
            _ => Err(super::config::unknown(name, KEYS.iter().copied())),
        };
        if let Err(message) = outcome {
            wrong = true;
            problem(at, message);
        }
    }
    if wrong {
        return None;
    }
    let (Some((model, matcher)), Some(input), Some(output)) = (model, dollars[0], dollars[3])
    else {
        problem(at, "`[[price]]` needs `model`, `input` and `output`".to_owned());
        return None;
    };
    Some(PriceRule {
        model,
        matcher,
        input,
        // Without a word on caching, cached input costs what input costs.
        cache_write: dollars[1].unwrap_or(input),
        cache_read: dollars[2].unwrap_or(input),
        output,
        context: sizes[0],
        output_limit: sizes[1].map(|size| u32::try_from(size).unwrap_or(u32::MAX)),
        origin,
    })
}

/// All `[[price]]` of a file that holds nothing else.
pub(super) fn read_file(text: &str, file: &str) -> (Vec<PriceRule>, Vec<(String, String)>) {
    let line_of = |at: usize| {
        let line = 1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        format!("{file}, line {line}")
    };
    let mut problems = Vec::new();
    let mut note = |at: usize, message: String| problems.push((line_of(at), message));
    let mut rules = Vec::new();
    match DeTable::parse(text) {
        Ok(root) => {
            for (key, value) in root.get_ref() {
                match (key.get_ref().as_ref(), value.get_ref()) {
                    ("price", DeValue::Array(array)) => {
                        for item in array.iter() {
                            let at = item.span().start;
                            match item.get_ref() {
                                DeValue::Table(table) => {
                                    rules.extend(read(table, at, line_of(at), &mut note));
                                }
                                _ => note(at, "`price` is an array of tables: `[[price]]`".into()),
                            }
                        }
                    }
                    (name, _) => {
                        note(key.span().start, super::config::unknown(name, ["price"].into_iter()));
                    }
                }
            }
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            note(at, format!("is not TOML: {}", error.message().replace('\n', " ")));
        }
    }
    (rules, problems)
}

fn pattern(text: &str) -> Result<GlobMatcher, String> {
    if text.is_empty() {
        return Err("`model` is empty".to_owned());
    }
    let glob = GlobBuilder::new(text).literal_separator(false).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| format!("`{text}` is not a pattern: {}", error.kind()))
}

fn number(value: &Spanned<DeValue<'_>>) -> Option<f64> {
    let text = match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => return None,
    };
    text.replace('_', "").parse().ok()
}

fn dollar(name: &str, value: &Spanned<DeValue<'_>>) -> Result<f64, String> {
    let number = number(value).filter(|number| (0.0..=DEAREST).contains(number));
    number.ok_or_else(|| format!("`{name}` takes US dollars per million tokens, from 0"))
}

fn tokens(name: &str, value: &Spanned<DeValue<'_>>) -> Result<u64, String> {
    let number = number(value).filter(|number| (1.0..=LARGEST as f64).contains(number));
    // In range, so the cast only drops a fraction.
    number.map(|number| number as u64).ok_or_else(|| format!("`{name}` takes a number of tokens"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_and_matched() {
        let text = "[[price]]\nmodel = \"claude-*\"\ninput = 1\noutput = 5.5\ncontext = 1_000\n\
                    [[price]]\nmodel = \"openai:org/x\"\ninput = 2\ncache_read = 0.2\noutput = 8\n";
        let (rules, problems) = read_file(text, "p.toml");
        assert!(problems.is_empty(), "{problems:?}");
        let first = &rules[0];
        assert_eq!([first.input, first.cache_write, first.cache_read], [1.0, 1.0, 1.0]);
        assert_eq!((first.context, first.output_limit), (Some(1_000), None));
        assert_eq!(rules[1].origin, "p.toml, line 6");
        let check = |rule: usize, provider: &str, name: &str, expect: bool| {
            assert_eq!(rules[rule].is_about(provider, name), expect, "{provider}:{name}");
        };
        check(0, "anthropic", "claude-x", true);
        check(0, "vertex", "claude-x", true);
        check(0, "command", "claude", false);
        check(1, "openai", "org/x", true);
        check(1, "azure", "org/x", false);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let check = |text: &str, expect: &str| {
            let (rules, problems) = read_file(text, "p.toml");
            let said: Vec<String> =
                problems.iter().map(|(at, message)| format!("{at}: {message}")).collect();
            assert!(rules.is_empty() && said.join("; ").contains(expect), "{text}: {said:?}");
        };
        check("[[price]]\ninput = 1\n", "p.toml, line 1: `[[price]]` needs");
        check(
            "[[price]]\nmodel = \"x\"\ninput = -1\noutput = 1",
            "line 3: `input` takes US dollars",
        );
        check("[[price]]\nmodel = \"x\"\ninput = nan\noutput = 1", "`input` takes");
        check("[[price]]\nmodel = \"[\"\ninput = 1\noutput = 1", "is not a pattern");
        check("[[price]]\nmodle = \"x\"", "did you mean `model`?");
        check("prices = 1", "did you mean `price`?");
        check("[[price]]\nmodel = \"x\"\ninput = 1\noutput = 1\ncontext = 0", "`context` takes");
        check("= 1", "is not TOML");
    }
}
