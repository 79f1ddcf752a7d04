//! What tokens cost and how many fit: a dated table.

pub mod openai;

use super::Limits;
use crate::inputs::PriceRule;

/// The model used when a key is set and none is named.
pub const DEFAULT_MODEL: &str = "claude-sonnet-5-5";

/// The day the table was compared with [`SOURCE`].
pub const AS_OF: &str = "2026-11-20";

/// Where the prices come from; limits are on the models' own pages next to it.
pub const SOURCE: &str = "https://platform.claude.com/docs/en/about-claude/pricing";

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Input, not cached.
    pub input: f64,
    /// Written to the provider's cache (for five minutes).
    pub cache_write: f64,
    /// Read from the provider's cache.
    pub cache_read: f64,
    /// Output, thinking included.
    pub output: f64,
    /// Dearer rates for long prompts, where there are any.
    pub long_prompt: Option<LongPrompt>,
}

/// Above so many input tokens, every token of the request costs a multiple.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongPrompt {
    /// Longest prompt at the plain rates, cached tokens included.
    pub above: u64,
    /// What the plain rates are multiplied with beyond it.
    pub factor: f64,
}

/// The tokens of one request, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Input, neither read from the cache nor written to it.
    pub input: u64,
    /// Input written to the cache.
    pub cache_write: u64,
    /// Input read from the cache.
    pub cache_read: u64,
    /// Output.
    pub output: u64,
}

impl Tokens {
    /// All input, cached or not.
    pub fn prompt(&self) -> u64 {
        self.input.saturating_add(self.cache_write).saturating_add(self.cache_read)
    }
}

impl Price {
    /// What one request cost, in US dollars.
    pub fn cost(&self, tokens: &Tokens) -> f64 {
        let per_million = tokens.input as f64 * self.input
            + tokens.cache_write as f64 * self.cache_write
            + tokens.cache_read as f64 * self.cache_read
            + tokens.output as f64 * self.output;
        per_million * self.factor(tokens.prompt()) / 1e6
    }

    /// The most `input` tokens can cost: none of them read from the cache, all written to it.
    pub fn most_for_input(&self, input: u64) -> f64 {
        input as f64 * self.input.max(self.cache_write) * self.factor(input) / 1e6
    }

    /// What `input` tokens cost that are read from the cache.
    pub fn cached_input(&self, input: u64) -> f64 {
        input as f64 * self.cache_read * self.factor(input) / 1e6
    }

    /// US dollars per output token behind a prompt of `input` tokens.
    pub fn per_output_token(&self, input: u64) -> f64 {
        self.output * self.factor(input) / 1e6
    }

    /// The same at another rate: batches cost half.
    pub fn times(&self, factor: f64) -> Price {
        Price {
            input: self.input * factor,
            cache_write: self.cache_write * factor,
            cache_read: self.cache_read * factor,
            output: self.output * factor,
            long_prompt: self.long_prompt,
        }
    }

    fn factor(&self, prompt: u64) -> f64 {
        self.long_prompt.filter(|long| prompt > long.above).map_or(1.0, |long| long.factor)
    }
}

/// A row of the table.
struct Row {
    name: &'static str,
    price: Price,
    limits: Limits,
}

const fn row(
    name: &'static str,
    [input, cache_write, cache_read, output]: [f64; 4],
    context: u64,
    longest_output: u32,
) -> Row {
    Row {
        name,
        price: Price { input, cache_write, cache_read, output, long_prompt: None },
        limits: Limits { context, output: longest_output },
    }
}

const FABLE_5_2: [f64; 4] = [8.0, 10.0, 0.2, 40.0];
const FABLE_5_1: [f64; 4] = [10.0, 12.5, 0.25, 50.0];
const FABLE_5: [f64; 4] = [10.0, 12.5, 1.0, 50.0];
const OPUS_4_5: [f64; 4] = [5.0, 6.25, 0.5, 25.0];
const OPUS_4: [f64; 4] = [15.0, 18.75, 1.5, 75.0];
const SONNET_4: [f64; 4] = [3.0, 3.75, 0.3, 15.0];
const MILLION: u64 = 1_000_000;

/// Anthropic's models, input / cache write / cache read / output.
static TABLE: [Row; 21] = [
    row("claude-fable-5-2", FABLE_5_2, MILLION, 128_000),
    row("claude-mythos-5-2", FABLE_5_2, MILLION, 128_000),
    row("claude-fable-5-1", FABLE_5_1, MILLION, 128_000),
    row("claude-mythos-5-1", FABLE_5_1, MILLION, 128_000),
    row("claude-fable-5", FABLE_5, MILLION, 128_000),
    row("claude-mythos-5", FABLE_5, MILLION, 128_000),
    row("claude-opus-5-5", [4.0, 5.0, 0.2, 20.0], MILLION, 128_000),
    row("claude-opus-5", OPUS_4_5, MILLION, 128_000),
    row("claude-opus-4-8", OPUS_4_5, MILLION, 128_000),
    row("claude-opus-4-7", OPUS_4_5, MILLION, 128_000),
    row("claude-opus-4-6", OPUS_4_5, MILLION, 128_000),
    row("claude-opus-4-5", OPUS_4_5, 200_000, 64_000),
    row("claude-opus-4-1", OPUS_4, 200_000, 32_000),
    row("claude-opus-4", OPUS_4, 200_000, 32_000),
    // Cache reads were halved on 2026-10-07.
    row("claude-sonnet-5-5", [2.0, 2.5, 0.1, 10.0], MILLION, 128_000),
    row("claude-sonnet-5", [2.0, 2.5, 0.2, 10.0], MILLION, 128_000),
    row("claude-sonnet-4-6", SONNET_4, MILLION, 64_000),
    row("claude-sonnet-4-5", SONNET_4, 200_000, 64_000),
    row("claude-sonnet-4", SONNET_4, 200_000, 64_000),
    Row {
        name: "claude-haiku-5-5",
        price: Price {
            input: 0.1,
            cache_write: 0.125,
            cache_read: 0.01,
            output: 0.5,
            long_prompt: Some(LongPrompt { above: 100_000, factor: 5.0 }),
        },
        limits: Limits { context: MILLION, output: 128_000 },
    },
    row("claude-haiku-4-5", [1.0, 1.25, 0.1, 5.0], 200_000, 64_000),
];

/// What a model not in the table is taken to hold: the smallest that is current.
pub const UNKNOWN_LIMITS: Limits = Limits { context: 200_000, output: 32_000 };

/// The price of a model, also by a dated snapshot's or another platform's name
/// for it (`claude-haiku-4-5-20251001`, `us.anthropic.claude-opus-4-5-20251101-v1:0`);
/// `None` if it is not in the table.
pub fn price(model: &str) -> Option<Price> {
    find(model).map(|row| row.price).or_else(|| openai::price(model))
}

/// The limits of a model; [`UNKNOWN_LIMITS`] if it is not in the table.
pub fn limits(model: &str) -> Limits {
    let row = find(model).map(|row| row.limits);
    row.or_else(|| openai::limits_of(model)).unwrap_or(UNKNOWN_LIMITS)
}

/// The name without date and platform, if it is in the table.
pub fn family(model: &str) -> Option<&'static str> {
    find(model).map(|row| row.name)
}

/// What models cost and hold: the user's own rules before the table.
#[derive(Debug, Clone, Default)]
pub struct Book {
    rules: Vec<PriceRule>,
}

/// Where a price or a size comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A `[[price]]`: the file and the line.
    Rule(String),
    /// The built-in table, as of [`AS_OF`].
    Table,
    /// Nobody says.
    No,
}

impl Book {
    /// These rules first, the first that is about a model before others.
    pub fn new(rules: &[PriceRule]) -> Self {
        Book { rules: rules.to_vec() }
    }

    /// The price of a provider's model, and who says so.
    pub fn price(&self, provider: &str, model: &str) -> (Option<Price>, Known) {
        match (self.rule(provider, model), price(model)) {
            (Some(rule), _) => {
                let PriceRule { input, cache_write, cache_read, output, .. } = *rule;
                let price = Price { input, cache_write, cache_read, output, long_prompt: None };
                (Some(price), Known::Rule(rule.origin.clone()))
            }
            (None, Some(price)) => (Some(price), Known::Table),
            (None, None) => (None, Known::No),
        }
    }

    /// The limits of a provider's model, and who says so; [`UNKNOWN_LIMITS`] where nobody does.
    pub fn limits(&self, provider: &str, model: &str) -> (Limits, Known) {
        let mut limits = limits(model);
        let listed = find(model).is_some() || openai::limits_of(model).is_some();
        let mut known = if listed { Known::Table } else { Known::No };
        if let Some(rule) = self.rule(provider, model) {
            if rule.context.is_some() || rule.output_limit.is_some() {
                known = Known::Rule(rule.origin.clone());
            }
            limits.context = rule.context.unwrap_or(limits.context);
            limits.output = rule.output_limit.unwrap_or(limits.output);
        }
        // An answer has to fit beside at least as much of a question.
        let half = u32::try_from(limits.context / 2).unwrap_or(u32::MAX).max(1);
        limits.output = limits.output.min(half);
        (limits, known)
    }

    fn rule(&self, provider: &str, model: &str) -> Option<&PriceRule> {
        self.rules.iter().find(|rule| rule.is_about(provider, model))
    }
}

fn find(model: &str) -> Option<&'static Row> {
    let name = &model[model.rfind("claude-")?..];
    TABLE.iter().find(|row| name.strip_prefix(row.name).is_some_and(is_snapshot_suffix))
}

/// Whether this only says which snapshot of a model is meant, or on which platform.
fn is_snapshot_suffix(rest: &str) -> bool {
    let dated = |date: &str| date.len() >= 8 && date.bytes().take(8).all(|b| b.is_ascii_digit());
    rest.is_empty()
        || rest.starts_with(['@', '[', ':'])
        || rest.starts_with("-latest")
        || rest.starts_with("-v")
        || rest.strip_prefix('-').is_some_and(dated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_by_snapshot_and_platform_names() {
        let check =
            |model: &str, expect: Option<&str>| assert_eq!(family(model), expect, "{model}");
        check("claude-sonnet-5-5", Some("claude-sonnet-5-5"));
        check("claude-sonnet-5", Some("claude-sonnet-5"));
        check("claude-sonnet-5-20260630", Some("claude-sonnet-5"));
        check("claude-sonnet-4-20250514", Some("claude-sonnet-4"));
        check("claude-opus-4-5-20251101", Some("claude-opus-4-5"));
        check("claude-haiku-4-5@20251001", Some("claude-haiku-4-5"));
        check("us.anthropic.claude-opus-4-6-v1", Some("claude-opus-4-6"));
        check("anthropic.claude-haiku-4-5-20251001-v1:0", Some("claude-haiku-4-5"));
        check("anthropic/claude-opus-5-5", Some("claude-opus-5-5"));
        check("claude-sonnet-5-5[1m]", Some("claude-sonnet-5-5"));
        check("claude-sonnet-5-6", None);
        check("claude-sonnet-55", None);
        check("claude-opus-6", None);
        check("gpt-6", None);
        check("", None);
        check("claude-é", None);
    }

    #[test]
    fn every_row_can_be_found_and_is_sane() {
        for row in &TABLE {
            assert_eq!(family(row.name), Some(row.name));
            let price = row.price;
            assert!(price.cache_read < price.input && price.input < price.cache_write);
            assert!((price.cache_write / price.input - 1.25).abs() < 1e-9, "{}", row.name);
            assert!((price.output / price.input - 5.0).abs() < 1e-9, "{}", row.name);
            assert!(u64::from(row.limits.output) < row.limits.context);
        }
        assert!(price(DEFAULT_MODEL).is_some());
        assert_eq!(limits("someone-elses"), UNKNOWN_LIMITS);
    }

    #[test]
    fn cost_counts_each_kind_of_token_once() {
        let price = price("claude-sonnet-5-5").unwrap();
        let check = |input, cache_write, cache_read, output, expect: f64| {
            let cost = price.cost(&Tokens { input, cache_write, cache_read, output });
            assert!((cost - expect).abs() < 1e-9, "{cost} is not {expect}");
        };
        check(0, 0, 0, 0, 0.0);
        check(1_000_000, 0, 0, 0, 2.0);
        check(0, 1_000_000, 0, 0, 2.5);
        check(0, 0, 1_000_000, 0, 0.1);
        check(0, 0, 0, 1_000_000, 10.0);
        check(1_000, 2_000, 3_000, 4_000, 0.002 + 0.005 + 0.0003 + 0.04);
    }

    #[test]
    fn long_prompts_cost_their_multiple_on_every_token() {
        let price = price("claude-haiku-5-5").unwrap();
        let cost = |input, cache_read| {
            price.cost(&Tokens { input, cache_read, output: 1_000, ..Tokens::default() })
        };
        assert!((cost(100_000, 0) - 0.0105).abs() < 1e-9);
        assert!((cost(100_001, 0) - 0.0525005).abs() < 1e-9);
        assert!((cost(1, 100_000) - (0.0000005 + 0.005 + 0.0025)).abs() < 1e-9);
    }

    #[test]
    fn the_most_is_never_below_the_cost() {
        for row in &TABLE {
            for prompt in [0, 10, 99_999, 100_001, 900_000] {
                let most =
                    row.price.most_for_input(prompt) + row.price.per_output_token(prompt) * 5_000.0;
                for written in [0, prompt] {
                    let tokens = Tokens {
                        input: prompt - written,
                        cache_write: written,
                        cache_read: 0,
                        output: 5_000,
                    };
                    assert!(row.price.cost(&tokens) <= most + 1e-12);
                }
            }
        }
    }
}
