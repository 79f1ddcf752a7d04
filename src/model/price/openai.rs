//! OpenAI's and Gemini's rows of the price table.
//!
//! Two things differ from Anthropic's. Writing to the cache costs nothing extra
//! before GPT-5.6 and at Gemini. Long prompts cost twice the input rates but only
//! one and a half times the output rate: here all is doubled, so that a cost is
//! never told too low.

use super::super::Limits;
use super::{LongPrompt, Price};

/// The day the table was put together.
pub const AS_OF: &str = "2026-11-21";

/// OpenAI's prices and, on the models' own pages, limits.
pub const OPENAI_SOURCE: &str = "https://developers.openai.com/api/docs/pricing";

/// Gemini's prices.
pub const GEMINI_SOURCE: &str = "https://ai.google.dev/gemini-api/docs/pricing";

struct Row {
    name: &'static str,
    price: Price,
    limits: Limits,
}

/// Input, cached input, output; cache writes as given.
const fn row(
    name: &'static str,
    [input, cache_write, cache_read, output]: [f64; 4],
    long_above: Option<u64>,
    limits: Limits,
) -> Row {
    let long_prompt = match long_above {
        Some(above) => Some(LongPrompt { above, factor: 2.0 }),
        None => None,
    };
    Row { name, price: Price { input, cache_write, cache_read, output, long_prompt }, limits }
}

const fn limits(context: u64, output: u32) -> Limits {
    Limits { context, output }
}

const LONG: Option<u64> = Some(272_000);
const GPT_MILLION: Limits = limits(1_050_000, 128_000);
const GPT_5: Limits = limits(400_000, 128_000);
const GPT_4_1: Limits = limits(1_047_576, 32_768);
const GPT_4O: Limits = limits(128_000, 16_384);
const O: Limits = limits(200_000, 100_000);
const GEMINI: Limits = limits(1_048_576, 65_536);
const GEMINI_LONG: Option<u64> = Some(200_000);

const GPT_5_6_SOL: [f64; 4] = [4.0, 5.0, 0.4, 20.0];
const GPT_5_1: [f64; 4] = [1.25, 1.25, 0.125, 10.0];
const GPT_5_2: [f64; 4] = [1.75, 1.75, 0.175, 14.0];
/// Until 2026-12-31; twice as much from then on.
const FLASH_3_8: [f64; 4] = [0.75, 0.75, 0.075, 3.75];

/// Input / cache write / cache read / output. A model whose price could not be
/// found is not here, and so has none.
static TABLE: [Row; 35] = [
    row("gpt-6.2-astra", [8.0, 10.0, 0.4, 40.0], LONG, GPT_MILLION),
    row("gpt-6.2-sol", [2.0, 2.5, 0.1, 10.0], LONG, GPT_MILLION),
    row("gpt-6.1-sol", [2.0, 2.5, 0.1, 10.0], LONG, GPT_MILLION),
    row("gpt-6-astra", [10.0, 12.5, 1.0, 50.0], LONG, GPT_MILLION),
    row("gpt-6-sol", [2.0, 2.5, 0.2, 10.0], LONG, GPT_MILLION),
    row("gpt-6-luna", [0.1, 0.125, 0.01, 0.5], LONG, GPT_MILLION),
    row("gpt-5.6", GPT_5_6_SOL, LONG, GPT_MILLION),
    row("gpt-5.6-sol", GPT_5_6_SOL, LONG, GPT_MILLION),
    row("gpt-5.6-terra", [2.0, 2.5, 0.2, 12.0], LONG, GPT_MILLION),
    row("gpt-5.6-luna", [0.2, 0.25, 0.02, 1.2], LONG, GPT_MILLION),
    row("gpt-5.5", [5.0, 5.0, 0.5, 30.0], LONG, GPT_MILLION),
    row("gpt-5.4", [2.5, 2.5, 0.25, 15.0], LONG, GPT_MILLION),
    row("gpt-5.4-mini", [0.75, 0.75, 0.075, 4.5], None, GPT_5),
    row("gpt-5.4-nano", [0.2, 0.2, 0.02, 1.25], None, GPT_5),
    row("gpt-5.3-codex", GPT_5_2, None, GPT_5),
    row("gpt-5.2", GPT_5_2, None, GPT_5),
    row("gpt-5.1", GPT_5_1, None, GPT_5),
    row("gpt-5", GPT_5_1, None, GPT_5),
    row("gpt-5-mini", [0.25, 0.25, 0.025, 2.0], None, GPT_5),
    row("gpt-5-nano", [0.05, 0.05, 0.005, 0.4], None, GPT_5),
    row("gpt-4.1", [2.0, 2.0, 0.5, 8.0], None, GPT_4_1),
    row("gpt-4.1-mini", [0.4, 0.4, 0.1, 1.6], None, GPT_4_1),
    row("gpt-4.1-nano", [0.1, 0.1, 0.025, 0.4], None, GPT_4_1),
    row("gpt-4o", [2.5, 2.5, 1.25, 10.0], None, GPT_4O),
    row("gpt-4o-mini", [0.15, 0.15, 0.075, 0.6], None, GPT_4O),
    row("o3", [2.0, 2.0, 0.5, 8.0], None, O),
    row("o4-mini", [1.1, 1.1, 0.275, 4.4], None, O),
    row("gemini-3.8-flash", FLASH_3_8, None, GEMINI),
    row("gemini-3.7-flash", FLASH_3_8, None, GEMINI),
    row("gemini-3.6-flash", FLASH_3_8, None, GEMINI),
    row("gemini-3.5-flash", [1.5, 1.5, 0.15, 9.0], None, GEMINI),
    row("gemini-3.5-flash-lite", [0.3, 0.3, 0.03, 2.5], None, GEMINI),
    row("gemini-3.1-pro-preview", [2.0, 2.0, 0.2, 12.0], GEMINI_LONG, GEMINI),
    row("gemini-3.1-flash-lite", [0.25, 0.25, 0.025, 1.5], None, GEMINI),
    row("gemini-2.5-pro", [1.25, 1.25, 0.125, 10.0], GEMINI_LONG, GEMINI),
];

/// The price of a model, also by a dated snapshot's name or behind a gateway's
/// prefix (`gpt-5.1-2025-11-13`, `openai/gpt-6.2-sol`); `None` if it is not in
/// the table.
pub fn price(model: &str) -> Option<Price> {
    find(model).map(|row| row.price)
}

/// The limits of a model; `None` if it is not in the table.
pub fn limits_of(model: &str) -> Option<Limits> {
    find(model).map(|row| row.limits)
}

fn find(model: &str) -> Option<&'static Row> {
    let name = model.rsplit('/').next().unwrap_or(model);
    TABLE.iter().find(|row| name.strip_prefix(row.name).is_some_and(is_snapshot_suffix))
}

/// Whether this only says which snapshot of a model is meant.
fn is_snapshot_suffix(rest: &str) -> bool {
    let dated = |date: &str| {
        date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    rest.is_empty() || rest == "-latest" || rest.strip_prefix('-').is_some_and(dated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::price::Tokens;

    #[test]
    fn models_are_found_by_snapshot_and_gateway_names() {
        let check = |model: &str, expect: Option<&str>| {
            assert_eq!(find(model).map(|row| row.name), expect, "{model}");
        };
        check("gpt-6.2-sol", Some("gpt-6.2-sol"));
        check("openai/gpt-6.2-sol", Some("gpt-6.2-sol"));
        check("gpt-5.1-2025-11-13", Some("gpt-5.1"));
        check("gpt-5-mini-2025-08-07", Some("gpt-5-mini"));
        check("models/gemini-3.8-flash", Some("gemini-3.8-flash"));
        check("gpt-4o-latest", Some("gpt-4o"));
        check("gpt-5-chat", None);
        check("gpt-6.3-sol", None);
        check("gpt-6", None);
        check("claude-sonnet-5-5", None);
        check("llama3:8b", None);
        check("", None);
    }

    #[test]
    fn every_row_can_be_found_and_is_sane() {
        for row in &TABLE {
            assert_eq!(find(row.name).map(|found| found.name), Some(row.name));
            let price = row.price;
            assert!(price.cache_read < price.input && price.input <= price.cache_write);
            assert!(price.output >= 4.0 * price.input, "{}", row.name);
            assert!(u64::from(row.limits.output) < row.limits.context);
        }
    }

    #[test]
    fn long_prompts_are_never_told_too_cheap() {
        let price = price("gpt-6.2-sol").unwrap();
        let cost = |input| price.cost(&Tokens { input, output: 1_000, ..Tokens::default() });
        assert!((cost(272_000) - (0.544 + 0.01)).abs() < 1e-9);
        // The published rates: input twice, output one and a half times.
        assert!(cost(300_000) >= 0.3 * 4.0 + 0.015);
    }
}
