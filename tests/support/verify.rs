//! Specs of verifications for tests, and what fills them.

use pipewright::decide::spec::{
    Class, Deployment, Direction, Kind, Signal, Source, Spec, Strategy, Windows,
};
use pipewright::deploy::Server;
use pipewright::deploy::metrics::{Settings, fill};
use pipewright::http::{Client, Config, Retry, Url};
use serde_json::Value;

/// When the new version began: 2026-01-01T10:00:00Z.
pub const START: i64 = 1_767_261_600_000;
/// In milliseconds.
pub const MINUTE: i64 = 60_000;

/// A client that tries once.
pub fn client() -> Client {
    let retry = Retry { attempts: 1, ..Retry::default() };
    Client::new(Config { retry, ..Config::default() }).unwrap()
}

/// A required signal with a source.
pub fn signal(name: &str, kind: Kind, source: Source) -> Signal {
    Signal {
        name: name.to_owned(),
        kind,
        class: Class::Reliability,
        direction: Direction::Lower,
        unit: None,
        limit: None,
        critical: false,
        required: true,
        series: Default::default(),
        source: Some(source),
    }
}

/// A source; an empty query is none.
pub fn source(kind: &str, query: &str, options: Value) -> Source {
    let options = options.as_object().cloned().unwrap_or_default().into_iter().collect();
    let query = Some(query.to_owned()).filter(|query| !query.is_empty());
    Source { kind: kind.to_owned(), query, total: None, options }
}

/// A deployment of 1.8.0 after 1.7.3, 30 minutes against 60.
pub fn spec(strategy: Option<Strategy>, signals: Vec<Signal>) -> Spec {
    Spec {
        service: "checkout".to_owned(),
        deployment: Deployment {
            version: Some("1.8.0".to_owned()),
            previous: Some("1.7.3".to_owned()),
            started_at: Some(START),
            strategy,
            ..Deployment::default()
        },
        windows: Windows { warmup: 0, canary: Some(30 * MINUTE), baseline: Some(60 * MINUTE) },
        signals,
        ..Spec::default()
    }
}

/// A Prometheus at this address; it is an hour and a half later.
pub fn settings(url: &str) -> Settings {
    Settings {
        prometheus: Server { url: Some(Url::parse(url).unwrap()), ..Server::default() },
        now: Some(START + 90 * MINUTE),
        ..Settings::default()
    }
}

/// Fill a spec; the remarks, or the error with its chain.
pub fn run(spec: &mut Spec, settings: &Settings) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fill(spec, &client(), settings)).map_err(|error| format!("{error:#}"))
}
