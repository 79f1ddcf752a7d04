//! When a request is tried again, and how long to wait before.
//!
//! Rate limits follow GitHub's "Best practices for using the REST API":
//! `retry-after` first, then `x-ratelimit-reset` once nothing remains, else at
//! least a minute, longer each time. Other hosts say the same in other words.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::header::{DATE, RETRY_AFTER};
use ::http::{HeaderMap, StatusCode};

use super::{Error, Repeat, Response};

/// When to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Most attempts, the first included.
    pub attempts: u32,
    /// Longest wait after the first failure; it doubles with each.
    pub first_wait: Duration,
    /// Longest wait after any failure that is no rate limit.
    pub longest_wait: Duration,
    /// Wait after a rate limit that does not say how long; it doubles with each.
    pub limit_wait: Duration,
    /// Longest wait for a rate limit: beyond, the refusal is final.
    pub longest_limit_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempts: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(20),
            limit_wait: Duration::from_secs(60),
            longest_limit_wait: Duration::from_secs(3700),
        }
    }
}

impl Retry {
    /// How long to wait before the next attempt; `None`: do not try again.
    pub(super) fn wait(&self, repeat: Repeat, error: &Error, failures: u32) -> Option<Duration> {
        if failures >= self.attempts {
            return None;
        }
        let harmless = repeat == Repeat::Harmless;
        match error {
            Error::Status(response) if is_rate_limit(response) => {
                if is_spent(response) {
                    return None;
                }
                let doubled = self.limit_wait.saturating_mul(1 << (failures - 1).min(16));
                let asked = asked_wait(&response.headers).or_else(|| told_wait(&response.body));
                let wait = asked.unwrap_or(doubled);
                (wait <= self.longest_limit_wait).then_some(wait)
            }
            Error::Status(response) if harmless && is_passing(response.status) => {
                let wait = self.backoff(failures);
                Some(retry_after(&response.headers).map_or(wait, |asked| asked.max(wait)))
                    .filter(|wait| *wait <= self.longest_limit_wait)
            }
            Error::NotSent(_) => Some(self.backoff(failures)),
            Error::Broken(_) if harmless => Some(self.backoff(failures)),
            _ => None,
        }
    }

    /// Exponential, with half of it left to chance.
    fn backoff(&self, failures: u32) -> Duration {
        let full =
            self.first_wait.saturating_mul(1 << (failures - 1).min(16)).min(self.longest_wait);
        full / 2 + (full / 2).mul_f64(chance())
    }
}

/// From 0 to 1, different each time: every `RandomState` has other keys.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// Statuses that pass by themselves: the host's own failures and overload.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || status == StatusCode::REQUEST_TIMEOUT
}

/// Whether a host refused because of too many requests. A 403 counts only if
/// the host says why: a token that may not do something gets 403 as well.
pub(super) fn is_rate_limit(response: &Response) -> bool {
    match response.status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            response.headers.contains_key(RETRY_AFTER) || {
                let text = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
                text.contains("rate limit") || text.contains("abuse detection")
            }
        }
        _ => false,
    }
}

/// Whether a 429 stands for an empty account, where waiting does not help: the
/// error codes of OpenAI
/// (<https://developers.openai.com/api/docs/guides/error-codes>).
fn is_spent(response: &Response) -> bool {
    let codes: [&[u8]; 2] = [b"\"insufficient_quota\"", b"\"billing_hard_limit_reached\""];
    codes.iter().any(|code| memchr::memmem::find(&response.body, code).is_some())
}

/// How long the host asks to wait, by any of its headers.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<u64>().ok();
    let reset = || {
        if number("x-ratelimit-remaining")? > 0 {
            return None;
        }
        // A point in time (GitHub), or seconds from now (Datadog).
        let reset = number("x-ratelimit-reset")?;
        let wait = if reset > 1_000_000_000 { reset.saturating_sub(now(headers)) } else { reset };
        // One more second, for clocks that count whole ones.
        Some(Duration::from_secs(wait + 1))
    };
    // OpenAI counts requests and tokens apart, and says how long until each is full.
    let reset_of = |what: &str| {
        let left = number(&format!("x-ratelimit-remaining-{what}"))?;
        let wait = text(&format!("x-ratelimit-reset-{what}")).and_then(duration);
        wait.filter(|_| left == 0)
    };
    retry_after(headers).or_else(reset).or_else(|| reset_of("requests").max(reset_of("tokens")))
}

/// How long the host asks to wait, by its words: OpenAI's "try again in 1.2s",
/// Gemini's `"retryDelay": "34s"`.
fn told_wait(body: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(body).ok()?;
    ["try again in ", "\"retryDelay\""].iter().find_map(|words| {
        let rest = &text[text.find(words)? + words.len()..];
        let rest = rest.trim_start_matches([' ', ':', '"']);
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
        duration(rest[..end.unwrap_or(rest.len())].trim_end_matches('.'))
    })
}

/// A time as Go writes it: `6m0s`, `1.2s`, `250ms`. At most a day.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(unit);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let factor = match &tail[..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = &tail[end..];
    }
    (!text.is_empty() && seconds <= 86_400.0).then(|| Duration::from_secs_f64(seconds))
}

/// `retry-after`, in seconds or as a date; `retry-after-ms` in milliseconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str| text.parse::<f64>().ok().filter(|s| (0.0..1e9).contains(s));
    if let Some(ms) = text("retry-after-ms").and_then(seconds) {
        return Some(Duration::from_secs_f64(ms / 1000.0));
    }
    let value = text(RETRY_AFTER.as_str())?;
    seconds(value)
        .map(Duration::from_secs_f64)
        .or_else(|| Some(Duration::from_secs(epoch(value)?.saturating_sub(now(headers)))))
}

/// Seconds since 1970 by the host's clock, else by ours.
fn now(headers: &HeaderMap) -> u64 {
    headers.get(DATE).and_then(|date| epoch(date.to_str().ok()?)).unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    })
}

fn epoch(date: &str) -> Option<u64> {
    let zoned = jiff::fmt::rfc2822::parse(date).ok()?;
    zoned.timestamp().as_second().try_into().ok()
}
