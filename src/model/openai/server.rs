//! Whose server, where it is, and what proves who asks.

use std::time::Duration;

use anyhow::{Context, anyhow};

use super::dialect::{Api, Dialect};
use crate::http::{Retry, Url};

/// Where OpenAI's API is, unless `OPENAI_BASE_URL` says otherwise.
pub const OPENAI_URL: &str = "https://api.openai.com/v1";

/// Where Gemini's OpenAI-compatible API is
/// (<https://ai.google.dev/gemini-api/docs/openai>).
pub const GEMINI_URL: &str = "https://generativelanguage.googleapis.com/v1beta/openai";

/// What proves who asks.
#[derive(Clone)]
pub enum Key {
    /// Nothing: a server of one's own.
    None,
    /// Sent as `authorization: Bearer`.
    Bearer(String),
    /// Sent as `api-key` (Azure).
    ApiKey(String),
}

/// How to ask. The constructors give what fits real use.
#[derive(Clone)]
pub struct Options {
    /// The provider's word, for reports.
    pub provider: &'static str,
    /// The model's name, as the server knows it (on Azure, the deployment's).
    pub model: String,
    /// Where chat completions are.
    pub chat_url: Url,
    /// Where `/responses` is, if the server may have it.
    pub responses_url: Option<Url>,
    /// Sent to their host and nowhere else.
    pub key: Key,
    /// How to ask first.
    pub dialect: Dialect,
    /// Longest silence, before the first event and between events. A model may
    /// think for long before it says anything.
    pub stall_timeout: Duration,
    /// Longest time for one reply.
    pub timeout: Duration,
    /// Most times a reply is asked for that breaks off after it began.
    pub attempts: u32,
    /// When the network layer tries again.
    pub retry: Retry,
}

impl Options {
    fn new(
        provider: &'static str,
        model: &str,
        base: &Url,
        key: Key,
        dialect: Dialect,
    ) -> anyhow::Result<Self> {
        Ok(Options {
            provider,
            model: model.to_owned(),
            chat_url: below(base, "chat/completions")?,
            responses_url: Some(below(base, "responses")?),
            key,
            dialect,
            stall_timeout: Duration::from_secs(5 * 60),
            timeout: Duration::from_secs(20 * 60),
            attempts: 3,
            // A rate limit counts by the minute and nearly always says how long.
            retry: Retry {
                limit_wait: Duration::from_secs(5),
                longest_limit_wait: Duration::from_secs(10 * 60),
                ..Retry::default()
            },
        })
    }

    /// OpenAI, or any server that speaks its protocol: `base` ends in `/v1`.
    ///
    /// # Errors
    /// `base` names no host, or OpenAI's own and there is no key.
    pub fn openai(model: &str, base: &Url, key: Option<String>) -> anyhow::Result<Self> {
        let official = base
            .host_str()
            .is_some_and(|host| host == "openai.com" || host.ends_with(".openai.com"));
        if official && key.is_none() {
            return Err(anyhow!("the model `openai:{model}` needs a key: set `OPENAI_API_KEY`"));
        }
        let dialect = if official { Dialect::openai(model) } else { Dialect::compatible() };
        let base = with_version(base);
        Options::new("openai", model, &base, key.map_or(Key::None, Key::Bearer), dialect)
    }

    /// Azure OpenAI: `model` is a deployment. Without a version the v1 interface
    /// is asked, which has none; with one, the deployment's own address
    /// (<https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>).
    ///
    /// # Errors
    /// `endpoint` names no host.
    pub fn azure(
        model: &str,
        endpoint: &Url,
        version: Option<&str>,
        key: Key,
    ) -> anyhow::Result<Self> {
        let mut root = endpoint.clone();
        let path = root.path().trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path);
        let path = path.strip_suffix("/openai").unwrap_or(path).to_owned();
        root.set_path(&path);
        let dialect = Dialect::openai(model);
        let version = version.filter(|version| !matches!(*version, "v1" | "preview" | "latest"));
        let Some(version) = version else {
            return Options::new("azure", model, &below(&root, "openai/v1")?, key, dialect);
        };
        let mut deployment = below(&root, "openai/deployments")?;
        deployment
            .path_segments_mut()
            .map_err(|()| anyhow!("cannot use {endpoint} as Azure's endpoint"))?
            .push(model);
        let dialect = Dialect { api: Api::Chat, only_api: true, ..dialect };
        let mut options = Options::new("azure", model, &deployment, key, dialect)?;
        options.chat_url.query_pairs_mut().append_pair("api-version", version);
        options.responses_url = None;
        Ok(options)
    }

    /// Gemini through its OpenAI-compatible interface.
    ///
    /// # Errors
    /// `base` names no host, or Google's own and there is no key.
    pub fn gemini(model: &str, base: &Url, key: Option<String>) -> anyhow::Result<Self> {
        let dialect = Dialect { only_api: true, ..Dialect::compatible() };
        if key.is_none() && base.host_str().is_some_and(|host| host.ends_with(".googleapis.com")) {
            return Err(anyhow!("the model `gemini:{model}` needs a key: set `GEMINI_API_KEY`"));
        }
        let key = key.map_or(Key::None, Key::Bearer);
        let mut options = Options::new("gemini", model, base, key, dialect)?;
        options.responses_url = None;
        Ok(options)
    }

    /// Ollama at `host`, by its root address.
    ///
    /// # Errors
    /// `host` names no host.
    pub fn ollama(model: &str, host: &Url) -> anyhow::Result<Self> {
        let dialect = Dialect { only_api: true, ..Dialect::compatible() };
        let base = with_version(host);
        let mut options = Options::new("ollama", model, &base, Key::None, dialect)?;
        options.responses_url = None;
        // A model that is not loaded yet and a long prompt on a small machine.
        options.stall_timeout = Duration::from_secs(15 * 60);
        Ok(options)
    }
}

/// The address that `OLLAMA_HOST` means: `host`, `host:port` or a whole address,
/// as the `ollama` program reads it. Where the server listens on every address,
/// it is asked on this machine.
///
/// # Errors
/// It is none of these.
pub fn ollama_url(host: &str) -> anyhow::Result<Url> {
    const PORT: u16 = 11434;
    let bare = !host.contains("://");
    let host = host.trim();
    let text = if bare { format!("http://{host}") } else { host.to_owned() };
    let mut url = Url::parse(&text).context("cannot read `ollama_host`")?;
    // A bare host without a port: a colon after the last bracket is a port's.
    let tail = host.rsplit(']').next().unwrap_or(host).trim_end_matches('/');
    if bare && !tail.contains(':') {
        let _ = url.set_port(Some(PORT));
    }
    if matches!(url.host_str(), Some("0.0.0.0" | "[::]")) {
        url.set_host(Some("127.0.0.1")).context("cannot read `ollama_host`")?;
    }
    Ok(url)
}

/// The address with `/v1` where it has no path: servers are often named by host
/// and port alone.
fn with_version(base: &Url) -> Url {
    let mut url = base.clone();
    if url.path().trim_end_matches('/').is_empty() {
        url.set_path("/v1");
    }
    url
}

/// The address of something below another.
fn below(base: &Url, path: &str) -> anyhow::Result<Url> {
    let mut url = base.clone();
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(anyhow!("cannot use {base} as the model's base URL: it names no host"));
    }
    let prefix = url.path().trim_end_matches('/');
    let prefix = prefix.strip_suffix("/chat/completions").unwrap_or(prefix);
    let path = format!("{prefix}/{path}");
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

pub(super) use crate::http::is_loopback;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_where_each_server_has_them() {
        let url = |text: &str| Url::parse(text).unwrap();
        let key = || Key::ApiKey("k".to_owned());
        let check = |options: anyhow::Result<Options>, chat: &str, responses: Option<&str>| {
            let options = options.unwrap();
            let has = options.responses_url.as_ref().map(Url::as_str);
            assert_eq!((options.chat_url.as_str(), has), (chat, responses));
        };
        check(
            Options::openai("m", &url(OPENAI_URL), Some("k".into())),
            "https://api.openai.com/v1/chat/completions",
            Some("https://api.openai.com/v1/responses"),
        );
        check(
            Options::openai("m", &url("http://127.0.0.1:8000"), None),
            "http://127.0.0.1:8000/v1/chat/completions",
            Some("http://127.0.0.1:8000/v1/responses"),
        );
        check(
            Options::openai("m", &url("https://gateway.example/llm/v1/chat/completions"), None),
            "https://gateway.example/llm/v1/chat/completions",
            Some("https://gateway.example/llm/v1/responses"),
        );
        check(
            Options::azure("d", &url("https://r.openai.azure.com"), None, key()),
            "https://r.openai.azure.com/openai/v1/chat/completions",
            Some("https://r.openai.azure.com/openai/v1/responses"),
        );
        check(
            Options::azure("d", &url("https://r.openai.azure.com/openai/v1/"), Some("v1"), key()),
            "https://r.openai.azure.com/openai/v1/chat/completions",
            Some("https://r.openai.azure.com/openai/v1/responses"),
        );
        check(
            Options::azure("d/e", &url("https://r.openai.azure.com/"), Some("2024-10-21"), key()),
            "https://r.openai.azure.com/openai/deployments/d%2Fe/chat/completions?api-version=2024-10-21",
            None,
        );
        check(
            Options::gemini("m", &url(GEMINI_URL), Some("k".into())),
            "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
            None,
        );
        check(
            Options::ollama("m", &ollama_url("0.0.0.0").unwrap()),
            "http://127.0.0.1:11434/v1/chat/completions",
            None,
        );
        assert!(Options::openai("m", &url(OPENAI_URL), None).is_err());
        assert!(Options::openai("m", &url("file:///x"), None).is_err());
    }

    #[test]
    fn ollama_hosts_are_read_as_ollama_reads_them() {
        let check = |host: &str, expect: &str| {
            assert_eq!(ollama_url(host).unwrap().as_str(), expect, "{host}");
        };
        check("127.0.0.1:11434", "http://127.0.0.1:11434/");
        check("gpu.example", "http://gpu.example:11434/");
        check("gpu.example:80", "http://gpu.example/");
        check("[::1]", "http://[::1]:11434/");
        check("0.0.0.0:9", "http://127.0.0.1:9/");
        check("https://gpu.example", "https://gpu.example/");
        check("http://gpu.example:11434/", "http://gpu.example:11434/");
        assert!(ollama_url("http://").is_err());
    }
}
