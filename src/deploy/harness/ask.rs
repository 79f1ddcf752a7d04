//! Requests to Harness: where the key may go, who is meant, how fast, and what an error
//! says. <https://developer.harness.io/docs/platform/automation/api/api-quickstart>.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::super::ask::{is_loopback, segment};
use super::wrong;
use crate::http::{
    Bytes, Client, Credential, Error, HeaderName, HeaderValue, Method, Repeat, Request, Response,
    Retry, Url,
};
use crate::redact::Secret;

/// Requests a minute: the account's limit of 400, with room for what others of it ask.
/// <https://developer.harness.io/docs/platform/rate-limits>.
const A_MINUTE: usize = 380;
const MINUTE: Duration = Duration::from_secs(60);
/// Most bytes of an answer: the graph of a large execution.
const MAX_ANSWER: usize = 64 << 20;

/// Account, organisation and project, which are named on every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The account's identifier.
    pub account: String,
    /// The organisation's identifier.
    pub organization: String,
    /// The project's identifier.
    pub project: String,
}

/// What is asked: a path below the server's address and its query.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: Vec<(&'a str, &'a str)>,
    pub(super) body: Option<Value>,
    pub(super) repeat: Repeat,
    /// What it is, for messages: `the execution x`.
    pub(super) what: &'a str,
    /// Which right it takes.
    pub(super) right: &'a str,
}

impl<'a> Call<'a> {
    pub(super) fn get(path: &'a str, what: &'a str) -> Self {
        let (method, right) = (Method::GET, "View on Pipelines");
        Call { method, path, query: Vec::new(), body: None, repeat: Repeat::Harmless, what, right }
    }

    /// A POST that only asks.
    pub(super) fn ask(path: &'a str, what: &'a str, body: Option<Value>) -> Self {
        Call { method: Method::POST, body, ..Call::get(path, what) }
    }

    pub(super) fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }
}

/// Harness' API with the key for it.
pub(super) struct Api {
    client: Client,
    base: Url,
    credential: Credential,
    pub(super) place: Place,
    pace: Mutex<Pace>,
}

#[derive(Deserialize)]
struct Envelope {
    status: Option<String>,
    #[serde(default)]
    data: Value,
}

impl Api {
    /// # Errors
    /// The address is none, or one on the way to which the key could be read.
    pub(super) fn new(
        client: &Client,
        address: &str,
        place: Place,
        key: &Secret,
    ) -> anyhow::Result<Self> {
        let parsed = Url::parse(address.trim()).ok().filter(Url::has_host);
        let Some(mut base) = parsed else {
            bail!("cannot use `{address}` as the address of Harness (HARNESS_BASE_URL)");
        };
        if base.scheme() != "https" && !(base.scheme() == "http" && is_loopback(&base)) {
            bail!(
                "no key is sent to {}://{}: Harness has to be asked over https",
                base.scheme(),
                base.host_str().unwrap_or_default()
            );
        }
        // Both addresses are in use; what follows is written for the one without.
        let path = base.path().trim_end_matches('/').trim_end_matches("/gateway").to_owned();
        base.set_path(&path);
        let name = HeaderName::from_static("x-api-key");
        let credential = Credential::header(name, key.expose(), &base)?;
        let pace = Mutex::new(Pace::default());
        Ok(Api { client: client.clone(), base, credential, place, pace })
    }

    /// Whether Harness is on this machine, as in tests.
    pub(super) fn is_local(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The address of a page.
    pub(super) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// The three names on a query.
    pub(super) fn named<'a>(&'a self, call: Call<'a>) -> Call<'a> {
        call.with("accountIdentifier", &self.place.account)
            .with("orgIdentifier", &self.place.organization)
            .with("projectIdentifier", &self.place.project)
    }

    /// `data` of the answer to a call that names account, organisation and project.
    pub(super) async fn data<T: DeserializeOwned>(&self, call: Call<'_>) -> anyhow::Result<T> {
        let call = self.named(call);
        let answer = self.send(&call, &[]).await?;
        let envelope: Envelope = parse(&answer, call.what)?;
        // Some errors come with status 200.
        if let Some(status) = envelope.status
            && !status.eq_ignore_ascii_case("SUCCESS")
        {
            bail!("cannot get {} from Harness: {}", call.what, wrong::line(&answer));
        }
        serde_json::from_value(envelope.data)
            .map_err(|error| anyhow!("cannot read {} as Harness sends it: {error}", call.what))
    }

    /// A value that is not wrapped.
    pub(super) async fn bare<T: DeserializeOwned>(
        &self,
        call: Call<'_>,
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<T> {
        let answer = self.send(&call, headers).await?;
        parse(&answer, call.what)
    }

    /// Send a call; in its time, again after a refusal for its rate, and for what is
    /// harmless after other failures.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<Response> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request =
            Request::new(call.method.clone(), url).with_credential(self.credential.clone());
        request.repeat = call.repeat;
        request.max_bytes = Some(MAX_ANSWER);
        request.headers.insert("accept", HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| anyhow!("cannot send `{value}` as the header {name}"))?;
            request.headers.insert(*name, value);
        }
        if let Some(body) = &call.body {
            request.headers.insert("content-type", HeaderValue::from_static("application/json"));
            request.body = Bytes::from(body.to_string());
        }
        loop {
            let wait = self.pace.lock().await.take(Instant::now());
            match wait {
                None => break,
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
        let client = self.client.with_retry(retry());
        client.send(&request).await.map_err(|error| wrong::explain(&error, call.what, call.right))
    }

    /// GET of an address that Harness handed out, without the key.
    pub(super) async fn fetch(&self, link: &Url, max: usize) -> Result<Response, Error> {
        let mut request = Request::get(link.clone());
        request.max_bytes = Some(max);
        self.client.with_retry(retry()).send(&request).await
    }
}

fn parse<T: DeserializeOwned>(answer: &Response, what: &str) -> anyhow::Result<T> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        // A proxy's log-in page comes with status 200.
        if answer.body.trim_ascii_start().starts_with(b"<") {
            return anyhow!(
                "cannot get {what} from Harness: a page came in place of an answer ({}); is \
                 there a proxy in between?",
                answer.message()
            );
        }
        anyhow!("cannot read {what} as Harness sends it: {error}")
    })
}

/// Harness says 429 without saying for how long: two to four seconds at first, twice as
/// long each time, so that jobs that were refused together do not come back together.
fn retry() -> Retry {
    let bits = RandomState::new().build_hasher().finish();
    let chance = (bits >> 11) as f64 / (1u64 << 53) as f64;
    Retry {
        attempts: 6,
        limit_wait: Duration::from_secs(2).mul_f64(1.0 + chance),
        longest_limit_wait: Duration::from_secs(180),
        ..Retry::default()
    }
}

/// When the last requests went out.
#[derive(Default)]
struct Pace(VecDeque<Instant>);

impl Pace {
    /// Notes a request as sent now; else how long until it may be.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        while self.0.front().is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE) {
            self.0.pop_front();
        }
        match self.0.front() {
            Some(oldest) if self.0.len() >= A_MINUTE => {
                Some(MINUTE.saturating_sub(now.saturating_duration_since(*oldest)))
            }
            _ => {
                self.0.push_back(now);
                None
            }
        }
    }
}

/// One part of a path.
pub(super) fn part(text: &str) -> String {
    segment(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_minutes_share_goes_out() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut now = start;
        let mut sent = Vec::new();
        for _ in 0..1000 {
            while let Some(wait) = pace.take(now) {
                assert!(wait <= MINUTE);
                now += wait;
            }
            sent.push(now);
            now += Duration::from_millis(10);
        }
        for (index, at) in sent.iter().enumerate() {
            let within = sent[index..].iter().filter(|later| **later - *at < MINUTE).count();
            assert!(within <= A_MINUTE, "{within} within a minute");
        }
        assert!(sent[999] - start >= MINUTE * 2 && sent[999] - start < MINUTE * 3);
    }

    #[test]
    fn refusals_for_the_rate_spread() {
        let waits: Vec<Duration> = (0..50).map(|_| retry().limit_wait).collect();
        assert!(waits.iter().all(|wait| (2..=4).contains(&wait.as_secs())));
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }
}
