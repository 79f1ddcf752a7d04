//! GETs of JSON from a CI server.
//!
//! A token goes over https or to this machine itself, and to no other host
//! ([`Credential`] holds that on redirects too).

use anyhow::{Context as _, anyhow, bail};
use serde::de::DeserializeOwned;

use crate::http::{
    Bytes, Client, Credential, Error, HeaderMap, HeaderName, HeaderValue, Method, Request,
    StatusCode, Url,
};
pub(super) use crate::http::{is_loopback, segment};

/// A server's API with the token for it.
pub(super) struct Api {
    client: Client,
    base: Url,
    credential: Credential,
    headers: HeaderMap,
    /// The product's name, for messages.
    pub(super) host: &'static str,
}

/// An answer of success.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// Its body as a value.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // Hosts that want a log-in may answer with a page and status 200.
        serde_json::from_slice(&self.body)
            .context("the answer is not the JSON that was expected")
            .map_err(Error::Refused)
    }

    /// A header that holds a number.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.headers.get(name)?.to_str().ok()?.trim().parse().ok()
    }
}

impl Api {
    /// `secret` makes the header that says who asks.
    ///
    /// # Errors
    /// The address is none, or one that a token would be readable on the way to.
    pub(super) fn new(
        client: Client,
        host: &'static str,
        base: &str,
        secret: impl FnOnce(&Url) -> anyhow::Result<Credential>,
    ) -> anyhow::Result<Self> {
        let parsed = Url::parse(base.trim()).ok().filter(Url::has_host);
        let Some(base) = parsed else { bail!("cannot use `{base}` as the address of {host}") };
        if base.scheme() != "https" && !(base.scheme() == "http" && is_loopback(&base)) {
            bail!(
                "no token is sent to {}://{}: {host} has to be asked over https",
                base.scheme(),
                base.host_str().unwrap_or_default()
            );
        }
        let credential = secret(&base)?;
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("accept"),
            HeaderValue::from_static("application/json"),
        )]);
        Ok(Api { client, base, credential, headers, host })
    }

    /// The same with another header on each request.
    pub(super) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Request {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(method, url).with_credential(self.credential.clone());
        request.headers = self.headers.clone();
        request
    }

    /// GET; `path` begins with a slash and its parts are encoded.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Error> {
        let answer = self.client.send(&self.request(Method::GET, path, query)).await?;
        Ok(Answer { headers: answer.headers, body: answer.body })
    }

    /// GET of a value.
    pub(super) async fn value<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        self.get(path, query).await?.parse()
    }

    /// POST of JSON that only asks.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &'static str,
    ) -> Result<T, Error> {
        let mut request = self.request(Method::POST, path, query);
        let json = HeaderValue::from_static("application/json");
        request.headers.insert("content-type", json);
        request.body = Bytes::from_static(body.as_bytes());
        let answer = self.client.send(&request).await?;
        Answer { headers: answer.headers, body: answer.body }.parse()
    }

    /// An error in a sentence that says what was asked for, and what to do.
    pub(super) fn explain(&self, error: Error, what: &str, rights: &str) -> anyhow::Error {
        let host = self.host;
        let way_out = "; or give `--history FILE`";
        let Error::Status(answer) = &error else {
            return anyhow!("cannot get {what} from {host}: {error}{way_out}");
        };
        let why = match answer.status {
            _ if answer.is_rate_limit() => "too many requests: run again later".to_owned(),
            StatusCode::UNAUTHORIZED => format!("the token is not accepted; it needs {rights}"),
            StatusCode::FORBIDDEN => format!("the token may not; it needs {rights}"),
            StatusCode::NOT_FOUND => {
                format!("there is none, or the token may not see it; it needs {rights}")
            }
            _ => "the server failed".to_owned(),
        };
        let mut said = answer.message();
        if !said.is_empty() {
            said = format!(": {said}");
        }
        anyhow!("cannot get {what} from {host} ({}{said}): {why}{way_out}", answer.status.as_u16())
    }
}
