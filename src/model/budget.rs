//! The caps of a run, shared by all its conversations.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::price::Price;
use super::{Content, Request};
use crate::report::Usage;

/// What a run may spend.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Caps {
    /// US dollars. Cannot be held for a model whose price is not known.
    pub max_cost_usd: Option<f64>,
    /// Tokens, input and output together.
    pub max_tokens: Option<u64>,
    /// When nothing more may be asked.
    pub deadline: Option<Instant>,
}

/// A cap that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cap {
    /// [`Caps::max_cost_usd`].
    Cost,
    /// [`Caps::max_tokens`].
    Tokens,
    /// [`Caps::deadline`].
    Time,
}

impl Cap {
    /// The input that sets it.
    pub fn input(self) -> &'static str {
        match self {
            Cap::Cost => "max_cost_usd",
            Cap::Tokens => "max_tokens",
            Cap::Time => "timeout_minutes",
        }
    }
}

/// Fewest output tokens worth asking for: enough for a few findings.
const LEAST_OUTPUT: u32 = 1_024;

/// Answers that have to be known before the next ones are expected to be alike,
/// and the fewest output tokens that are granted then.
const ENOUGH_ANSWERED: u32 = 4;
const LEAST_USUAL: u32 = 2_048;
/// Where there is room for no more than so many long answers, it is shared out.
const CROWD: u64 = 8;

/// What is left of the caps. Every request reserves the most it can cost before
/// it is sent and settles with what it did cost; so requests side by side
/// overshoot a cap by no more than the error of the estimate of their input.
///
/// A request that would not fit beside those under way waits for them; one that
/// would not fit alone gets fewer output tokens, or is refused. Where many wait
/// and answers so far were short, each is granted a multiple of the longest of
/// them and no more: the cap still holds, and more of them run side by side.
#[derive(Debug)]
pub struct Budget {
    caps: Caps,
    start: Instant,
    state: Mutex<State>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    spent: Usage,
    under_way: u32,
    reserved_usd: f64,
    reserved_tokens: u64,
    caching: bool,
    /// Requests that were answered, and the longest of their answers in tokens.
    answered: u32,
    longest: u64,
}

impl State {
    /// As many output tokens as a request needs, by those before it.
    fn usual_output(&self) -> Option<u32> {
        let usual = u32::try_from(self.longest.saturating_mul(4)).unwrap_or(u32::MAX);
        (self.answered >= ENOUGH_ANSWERED).then_some(usual.max(LEAST_USUAL))
    }
}

/// What a request will need.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// Input tokens, estimated.
    pub input: u64,
    /// Of them, those an earlier request has put into the provider's cache. They
    /// are taken for cheap only once the provider was seen to cache.
    pub cached: u64,
    /// Most output tokens wanted.
    pub output: u32,
    /// What they cost; `None` if unknown.
    pub price: Option<Price>,
    /// The share of the caps that may be used up when this request is over, from
    /// 0 to 1: what comes later in a run has to be left some.
    pub share: f64,
}

impl Need {
    fn input_usd(&self, price: &Price, caching: bool) -> f64 {
        let cached = if caching { self.cached.min(self.input) } else { 0 };
        price.most_for_input(self.input - cached) + price.cached_input(cached)
    }
}

/// Leave to send one request. Dropping it without settling gives all back.
#[derive(Debug)]
pub struct Permit<'a> {
    budget: &'a Budget,
    output: u32,
    usd: f64,
    tokens: u64,
    /// Input tokens that were expected to come from the cache.
    cached: u64,
}

impl Budget {
    /// Nothing spent yet.
    pub fn new(caps: Caps) -> Self {
        Budget { caps, start: Instant::now(), state: Mutex::default(), settled: Notify::new() }
    }

    /// The caps.
    pub fn caps(&self) -> Caps {
        self.caps
    }

    /// When what may use `share` of the time has to be over.
    pub fn deadline(&self, share: f64) -> Option<Instant> {
        let deadline = self.caps.deadline?;
        let whole = deadline.saturating_duration_since(self.start);
        Some(self.start + whole.mul_f64(share.clamp(0.0, 1.0)))
    }

    /// All that was settled so far.
    pub fn spent(&self) -> Usage {
        self.lock().spent
    }

    /// Leave to send a request, or the cap that forbids it. Waits for requests
    /// under way where their settling may make room.
    pub async fn reserve(&self, need: Need) -> Result<Permit<'_>, Cap> {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            // From here on a settling is not missed.
            settled.as_mut().enable();
            match self.try_reserve(need) {
                Ok(permit) => return Ok(permit),
                Err(Refusal::Final(cap)) => return Err(cap),
                Err(Refusal::NotNow) => {}
            }
            match self.deadline(need.share) {
                Some(deadline) => {
                    if tokio::time::timeout_at(deadline, settled).await.is_err() {
                        return Err(Cap::Time);
                    }
                }
                None => settled.await,
            }
        }
    }

    fn try_reserve(&self, need: Need) -> Result<Permit<'_>, Refusal> {
        if self.deadline(need.share).is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Refusal::Final(Cap::Time));
        }
        let mut state = self.lock();
        // A model without a known price may still report what each reply cost.
        if self.caps.max_cost_usd.is_some_and(|max| {
            need.price.is_none() && state.spent.cost_usd > 0.0 && state.spent.cost_usd >= max
        }) {
            return Err(Refusal::Final(Cap::Cost));
        }
        // Output tokens for which there is room, and the cap that leaves no more.
        let mut room = (u64::MAX, None);
        let mut limit = |most: u64, by: Cap| {
            if most < room.0 {
                room = (most, Some(by));
            }
        };
        if let Some(max) = self.caps.max_tokens {
            let used = state.spent.input_tokens + state.spent.output_tokens;
            // The cast saturates, and tokens are far below 2^53.
            let max = (max as f64 * need.share) as u64;
            let left = max.saturating_sub(used).saturating_sub(state.reserved_tokens);
            limit(left.saturating_sub(need.input), Cap::Tokens);
        }
        if let (Some(max), Some(price)) = (self.caps.max_cost_usd, need.price) {
            let left = max * need.share - state.spent.cost_usd - state.reserved_usd;
            let left = left - need.input_usd(&price, state.caching);
            // The cast saturates: below nothing is nothing.
            limit((left / price.per_output_token(need.input)) as u64, Cap::Cost);
        }
        let wanted = u64::from(need.output);
        let usual = state.usual_output().map(|usual| usual.min(need.output));
        let output = match (room, usual) {
            ((room, _), Some(usual)) if room < CROWD * wanted && u64::from(usual) <= room => usual,
            ((room, _), _) if room >= wanted => need.output,
            _ if state.under_way > 0 => return Err(Refusal::NotNow),
            ((room, Some(cap)), _) if room < u64::from(LEAST_OUTPUT.min(need.output)) => {
                return Err(Refusal::Final(cap));
            }
            // It is less than what is wanted.
            ((room, _), _) => u32::try_from(room).unwrap_or(need.output),
        };
        let usd = need.price.map_or(0.0, |price| {
            need.input_usd(&price, state.caching)
                + price.per_output_token(need.input) * f64::from(output)
        });
        let tokens = need.input + u64::from(output);
        state.under_way += 1;
        state.reserved_usd += usd;
        state.reserved_tokens += tokens;
        Ok(Permit { budget: self, output, usd, tokens, cached: need.cached.min(need.input) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Plain numbers: a panic elsewhere cannot have left them half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Refusal {
    NotNow,
    Final(Cap),
}

impl Permit<'_> {
    /// Most output tokens to ask for.
    pub fn output(&self) -> u32 {
        self.output
    }

    /// The request is over and used so much.
    pub fn settle(self, used: &Usage) {
        let mut state = self.budget.lock();
        state.spent += *used;
        state.answered += 1;
        state.longest = state.longest.max(used.output_tokens);
        // What was written to the cache may be gone from it: then the next ones are
        // taken for dear again, until one shows otherwise.
        let read = used.cached_tokens * 2 > used.input_tokens;
        state.caching = read || state.caching && self.cached == 0;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.under_way -= 1;
        state.reserved_tokens -= self.tokens;
        state.reserved_usd -= self.usd;
        if state.under_way == 0 {
            // Sums of fractions leave crumbs.
            state.reserved_usd = 0.0;
        }
        drop(state);
        self.budget.settled.notify_waiters();
    }
}

/// About how many tokens a text of so many bytes has, rather too many than too
/// few: with the tokenizer of the newer models source code has about 3 bytes a
/// token, dense code less.
pub fn tokens_of_bytes(bytes: usize) -> u64 {
    (bytes as u64).saturating_mul(2).div_ceil(5)
}

/// About how many input tokens a request has.
pub fn input_tokens(request: &Request) -> u64 {
    let tools = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + json_bytes(&tool.input_schema));
    let bytes = request.system.iter().map(|block| block.text.len()).sum::<usize>()
        + request
            .messages
            .iter()
            .flat_map(|message| &message.content)
            .map(content_bytes)
            .sum::<usize>()
        + tools.sum::<usize>();
    tokens_of_bytes(bytes)
}

/// How many bytes a piece takes, about.
pub(crate) fn content_bytes(content: &Content) -> usize {
    match content {
        Content::Text { text, .. } | Content::ToolResult { text, .. } => text.len() + 64,
        Content::ToolUse { input, .. } => json_bytes(input) + 96,
        Content::Opaque(value) => json_bytes(value),
    }
}

fn json_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| json_bytes(item) + 1).sum::<usize>() + 2,
        Value::Object(map) => {
            map.iter().map(|(key, value)| key.len() + json_bytes(value) + 4).sum::<usize>() + 2
        }
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::price::price;
    use std::time::Duration;

    const THOUSAND: Usage = Usage {
        requests: 1,
        input_tokens: 500,
        cached_tokens: 0,
        output_tokens: 500,
        cost_usd: 0.006,
    };

    fn need(input: u64, output: u32) -> Need {
        Need { input, cached: 0, output, price: price("claude-sonnet-5-5"), share: 1.0 }
    }

    fn capped(max_cost_usd: Option<f64>, max_tokens: Option<u64>) -> Budget {
        Budget::new(Caps { max_cost_usd, max_tokens, deadline: None })
    }

    #[tokio::test]
    async fn without_caps_all_is_granted() {
        let budget = Budget::new(Caps::default());
        let permit = budget.reserve(need(u64::MAX / 4, 64_000)).await.unwrap();
        assert_eq!(permit.output(), 64_000);
    }

    #[tokio::test]
    async fn a_request_gets_the_output_that_the_cap_leaves() {
        // 10,000 input tokens reserve $0.025; $0.02 buy 2,000 output tokens.
        let budget = capped(Some(0.045), None);
        let permit = budget.reserve(need(10_000, 8_000)).await.unwrap();
        assert!((1_999..=2_000).contains(&permit.output()));
        drop(permit);
        let tokens = capped(None, Some(12_000));
        assert_eq!(tokens.reserve(need(10_000, 8_000)).await.unwrap().output(), 2_000);
    }

    #[tokio::test]
    async fn what_cannot_fit_is_refused_by_the_cap_it_breaks() {
        let check = async |cost, tokens, expect| {
            let refusal = capped(cost, tokens).reserve(need(10_000, 8_000)).await.err();
            assert_eq!(refusal, expect, "{cost:?} {tokens:?}");
        };
        check(Some(0.03), None, Some(Cap::Cost)).await;
        check(Some(0.0), None, Some(Cap::Cost)).await;
        check(None, Some(10_500), Some(Cap::Tokens)).await;
        check(Some(1.0), Some(100), Some(Cap::Tokens)).await;
        check(Some(0.2), Some(100_000), None).await;
    }

    #[tokio::test]
    async fn a_cost_cap_does_not_hold_for_an_unknown_price() {
        let free = Need { price: None, ..need(10_000, 8_000) };
        assert!(capped(Some(0.0), None).reserve(free).await.is_ok());
    }

    #[tokio::test]
    async fn a_request_waits_for_those_under_way() {
        let budget = capped(None, Some(10_000));
        let first = budget.reserve(need(500, 8_000)).await.unwrap();
        let second = budget.reserve(need(500, 8_000));
        tokio::pin!(second);
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, second.as_mut()).await.is_err());
        first.settle(&THOUSAND);
        let second = tokio::time::timeout(soon, second).await.unwrap().unwrap();
        assert_eq!(second.output(), 8_000);
        assert_eq!(budget.spent(), THOUSAND);
    }

    #[tokio::test]
    async fn where_many_wait_each_gets_what_was_usual_so_far() {
        let budget = capped(None, Some(20_000));
        let small = Usage { input_tokens: 100, output_tokens: 300, ..THOUSAND };
        for _ in 0..4 {
            budget.reserve(need(100, 1_000)).await.unwrap().settle(&small);
        }
        // 18,400 are left: two of 8,500, or seven of 500 and 2,048.
        let mut held = Vec::new();
        while let Ok(Ok(permit)) =
            tokio::time::timeout(Duration::from_millis(20), budget.reserve(need(500, 8_000))).await
        {
            held.push(permit);
        }
        assert_eq!(held.iter().map(Permit::output).min(), Some(LEAST_USUAL));
        assert!(held.len() > 2, "{}", held.len());
        let most: u64 = held.iter().map(|permit| 500 + u64::from(permit.output())).sum();
        assert!(most <= 18_400, "{most}");
    }

    #[tokio::test]
    async fn a_share_leaves_the_rest_to_what_comes_later() {
        let budget = capped(Some(0.10), None);
        // $0.025 of input and $0.08 of output do not fit into half of $0.10.
        let half = Need { share: 0.5, ..need(10_000, 8_000) };
        assert!(budget.reserve(half).await.unwrap().output() <= 2_500);
        assert!(budget.reserve(need(10_000, 8_000)).await.unwrap().output() > 7_000);
        let budget = Budget::new(Caps {
            deadline: Some(Instant::now() + Duration::from_secs(60)),
            ..Caps::default()
        });
        assert!(budget.deadline(0.5) < budget.deadline(1.0));
    }

    #[tokio::test]
    async fn cached_input_is_cheap_once_the_provider_was_seen_to_cache() {
        let budget = capped(Some(0.10), None);
        let cached = Need { cached: 40_000, ..need(40_000, 8_000) };
        assert_eq!(budget.reserve(cached).await.err(), Some(Cap::Cost));
        let settle = async |need: Need, cached_tokens: u64| {
            let permit = budget.reserve(need).await.unwrap();
            permit.settle(&Usage { input_tokens: 100, cached_tokens, ..Usage::default() });
        };
        settle(need(100, 100), 90).await;
        assert!(budget.reserve(cached).await.is_ok());
        // One that expected nothing says nothing.
        settle(need(100, 100), 0).await;
        assert!(budget.reserve(cached).await.is_ok());
        settle(Need { cached: 90, ..need(100, 100) }, 0).await;
        assert_eq!(budget.reserve(cached).await.err(), Some(Cap::Cost), "it is gone");
    }

    #[tokio::test]
    async fn many_at_once_never_overshoot() {
        let budget = capped(None, Some(20_000));
        let one = async || match budget.reserve(need(500, 4_000)).await {
            Ok(permit) => {
                tokio::task::yield_now().await;
                permit.settle(&THOUSAND);
                true
            }
            Err(cap) => {
                assert_eq!(cap, Cap::Tokens);
                false
            }
        };
        let done = futures_util::future::join_all((0..40).map(|_| one())).await;
        let spent = budget.spent();
        assert!(spent.input_tokens + spent.output_tokens <= 20_000);
        // Each used 1,000 of 20,000 and needs 1,524 free to be let in.
        assert_eq!(done.iter().filter(|done| **done).count(), 19);
    }

    #[tokio::test]
    async fn nothing_is_granted_past_the_deadline() {
        let deadline = Some(Instant::now() + Duration::from_millis(30));
        let budget = Budget::new(Caps { deadline, max_tokens: Some(5_000), ..Caps::default() });
        let held = budget.reserve(need(500, 4_000)).await.unwrap();
        // Waits for the one under way until time is up.
        assert_eq!(budget.reserve(need(500, 4_000)).await.err(), Some(Cap::Time));
        drop(held);
        assert_eq!(budget.reserve(need(500, 4_000)).await.err(), Some(Cap::Time));
    }
}
