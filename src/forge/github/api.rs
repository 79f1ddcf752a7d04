//! The way to GitHub: octocrab over this program's own network client, so that
//! one set of rules for retries, redirects and secrets holds everywhere.

use std::convert::Infallible;
use std::task::{Context as TaskContext, Poll};

use ::http::header::{ACCEPT, CONTENT_LENGTH, LINK, USER_AGENT};
use ::http::uri::PathAndQuery;
use anyhow::{Context, anyhow};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http_body_util::{BodyExt, Full};
use octocrab::{AuthState, GraphqlResponse, OctoBody, Octocrab, OctocrabBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::forge::{ForgeError, Result};
use crate::http::{
    self, Bytes, Client, Credential, HeaderMap, HeaderName, HeaderValue, Method, Repeat,
    StatusCode, Url,
};

/// The version of the REST API that this room is written for.
const API_VERSION: &str = "2022-11-28";

/// Most items of one page.
pub(super) const PAGE: usize = 100;

/// Most pages asked for at the same time.
const SIDE_BY_SIDE: usize = 10;

/// Requests to one repository.
pub(super) struct Api {
    crab: Octocrab,
    client: Client,
    /// `owner/name`, checked to be two plain segments.
    repository: String,
}

/// A page of a list, and the number of the last page as far as GitHub tells.
struct Page<T> {
    items: Vec<T>,
    last: usize,
}

impl Api {
    /// `api` is the REST address (`https://api.github.com`, or
    /// `https://host/api/v3` on a server of one's own), `graphql` the GraphQL
    /// address; without one it is taken from `api`.
    pub(super) fn new(
        client: Client,
        api: &str,
        graphql: Option<&str>,
        token: &str,
        repository: &str,
    ) -> anyhow::Result<Self> {
        let rest = address(api)?;
        let graphql = match graphql {
            Some(given) => address(given)?,
            None => graphql_of(&rest),
        };
        check_repository(repository)?;
        let secret = |owner: &Url| -> anyhow::Result<Option<Credential>> {
            let token = token.trim();
            (!token.is_empty()).then(|| Credential::bearer(token, owner)).transpose()
        };
        let transport = Transport {
            client: client.clone(),
            credential: secret(&rest)?,
            graphql_credential: secret(&graphql)?,
            rest,
            graphql,
        };
        let built: std::result::Result<Octocrab, Infallible> =
            OctocrabBuilder::new_empty().with_service(transport).with_auth(AuthState::None).build();
        let Ok(crab) = built;
        Ok(Api { crab, client, repository: repository.to_owned() })
    }

    /// `/repos/<owner>/<name>/<rest>`.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/repos/{}/{rest}", self.repository)
    }

    /// Owner and name.
    pub(super) fn owner_and_name(&self) -> (&str, &str) {
        self.repository.split_once('/').unwrap_or((&self.repository, ""))
    }

    /// Wait as after a failed attempt; false if it is not worth another.
    pub(super) async fn back_off(&self, failures: u32) -> bool {
        self.client.back_off(failures).await
    }

    /// One request through octocrab.
    async fn call(
        &self,
        method: Method,
        path: &str,
        accept: &'static str,
        body: Option<Bytes>,
        repeat: Option<Repeat>,
    ) -> std::result::Result<(HeaderMap, Bytes), http::Error> {
        let refused = |error: anyhow::Error| http::Error::Refused(error);
        let target: PathAndQuery = path
            .parse()
            .with_context(|| format!("cannot ask GitHub for `{path}`"))
            .map_err(refused)?;
        let mut request = ::http::Request::builder()
            .method(method)
            .uri(::http::Uri::from(target))
            .header(ACCEPT, accept);
        if let Some(repeat) = repeat {
            request = request.extension(repeat);
        }
        if body.is_some() {
            request = request.header(::http::header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(OctoBody::empty, |body| OctoBody::new(Full::new(body)));
        let request = request
            .body(body)
            .with_context(|| format!("cannot ask GitHub for `{path}`"))
            .map_err(refused)?;
        let response = self.crab.execute(request).await.map_err(inner_error)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(inner_error)?.to_bytes();
        Ok((parts.headers, body))
    }

    /// GET of JSON.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let (_, body) = self.get_as(path, JSON).await?;
        parse(path, &body)
    }

    /// GET of a media type.
    pub(super) async fn get_as(
        &self,
        path: &str,
        accept: &'static str,
    ) -> Result<(HeaderMap, Bytes)> {
        self.call(Method::GET, path, accept, None, None)
            .await
            .map_err(|error| forge_error(error, false))
    }

    async fn page<T: DeserializeOwned>(&self, path: &str, number: usize) -> Result<Page<T>> {
        let path = paged(path, number);
        let (headers, body) = self.get_as(&path, JSON).await?;
        Ok(Page { items: parse(&path, &body)?, last: last_page(&headers).unwrap_or(number) })
    }

    /// All pages of a list, in order, each put through `convert` as it comes.
    /// With `expected` items known, as many pages as they fill are asked for at
    /// once; what turns out to lie beyond follows, up to `most` pages.
    pub(super) async fn pages<T: DeserializeOwned, U>(
        &self,
        path: &str,
        expected: Option<usize>,
        most: usize,
        convert: impl Fn(T) -> U,
    ) -> Result<Vec<U>> {
        let guess = expected.map_or(1, |items| items.div_ceil(PAGE)).clamp(1, most);
        let mut all = Vec::with_capacity(expected.unwrap_or(0));
        let mut next = 1;
        let mut last = guess;
        while next <= last {
            let mut answers = stream::iter(next..=last)
                .map(|number| self.page::<T>(path, number))
                .buffered(SIDE_BY_SIDE);
            next = last + 1;
            while let Some(page) = answers.next().await {
                let page = page?;
                last = last.max(page.last).min(most);
                all.extend(page.items.into_iter().map(&convert));
            }
        }
        Ok(all)
    }

    /// A write with a JSON body. What it leaves behind comes back as JSON.
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        repeat: Repeat,
    ) -> std::result::Result<T, http::Error> {
        let body = serde_json::to_vec(body)
            .context("cannot write a request to GitHub")
            .map_err(http::Error::Refused)?;
        let (_, body) = self.call(method, path, JSON, Some(body.into()), Some(repeat)).await?;
        // It was done: an answer that cannot be read changes nothing about that.
        serde_json::from_slice(&body)
            .with_context(|| format!("cannot read GitHub's answer to {path}"))
            .map_err(http::Error::Broken)
    }

    async fn ask_graphql<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: serde_json::Value,
        write: bool,
    ) -> Result<GraphqlResponse<T>> {
        let body = serde_json::json!({ "query": query, "variables": variables });
        self.write(Method::POST, "/graphql", &body, Repeat::Harmless)
            .await
            .map_err(|error| forge_error(error, write))
    }

    /// A GraphQL query of several things: what was answered, though not all was.
    /// A field that was refused is null.
    pub(super) async fn graphql_partly<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: serde_json::Value,
    ) -> Result<T> {
        // Errors come without `data`, or with one that does not have its shape.
        let answer = self.ask_graphql::<serde_json::Value>(query, variables, false).await?;
        let (data, errors) = match answer {
            GraphqlResponse::Ok(answer) => (Some(answer.data), Vec::new()),
            GraphqlResponse::Err(answer) => (answer.data, answer.errors),
        };
        let words: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        let words = words.join("; ");
        let refused = || anyhow!("GitHub refused a GraphQL request: {words}");
        let Some(data) = data.filter(|data| !data.is_null()) else {
            return Err(graphql_error(refused(), false));
        };
        if !words.is_empty() {
            tracing::info!("GitHub did not answer all of a GraphQL request: {words}");
        }
        serde_json::from_value(data)
            .with_context(|| format!("cannot read GitHub's answer to a GraphQL request ({words})"))
            .map_err(ForgeError::Unreachable)
    }

    /// DELETE; what is gone already is gone.
    pub(super) async fn delete(&self, path: &str) -> std::result::Result<(), http::Error> {
        match self.call(Method::DELETE, path, JSON, None, Some(Repeat::Harmless)).await {
            Ok(_) => Ok(()),
            Err(http::Error::Status(answer)) if answer.status == StatusCode::NOT_FOUND => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A GraphQL query, or a mutation that does no harm twice.
    pub(super) async fn graphql<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: serde_json::Value,
        write: bool,
    ) -> Result<T> {
        match self.ask_graphql(query, variables, write).await? {
            GraphqlResponse::Ok(answer) => Ok(answer.data),
            GraphqlResponse::Err(answer) => {
                let errors = answer.errors;
                let words: Vec<&str> = errors.iter().map(|e| e.message.as_str()).collect();
                let error = anyhow!("GitHub refused a GraphQL request: {}", words.join("; "));
                Err(graphql_error(error, write))
            }
        }
    }
}

/// The media type of everything but file contents.
pub(super) const JSON: &str = "application/vnd.github+json";

/// The media type of file contents.
pub(super) const RAW: &str = "application/vnd.github.raw+json";

fn address(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| anyhow!("cannot use `{text}` as GitHub's address: expected https://…"))
}

/// `https://host/api/graphql` beside `https://host/api/v3`, else `/graphql`.
fn graphql_of(rest: &Url) -> Url {
    let mut url = rest.clone();
    let path = rest.path().trim_end_matches('/');
    let path = path.strip_suffix("/v3").unwrap_or(path).to_owned();
    url.set_path(&format!("{path}/graphql"));
    url
}

fn check_repository(repository: &str) -> anyhow::Result<()> {
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match repository.split_once('/') {
        Some((owner, name)) if plain(owner) && plain(name) => Ok(()),
        _ => Err(anyhow!("`{repository}` is not a repository: expected owner/name")),
    }
}

/// Percent-encode one segment of a path or a value of a query.
pub(super) fn encode(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn paged(path: &str, number: usize) -> String {
    let join = if path.contains('?') { '&' } else { '?' };
    format!("{path}{join}per_page={PAGE}&page={number}")
}

/// The number of the last page, by `Link: <…page=7>; rel="last"`.
fn last_page(headers: &HeaderMap) -> Option<usize> {
    let links = headers.get(LINK)?.to_str().ok()?;
    let last = links.split(',').find(|link| link.contains("rel=\"last\""))?;
    let url = last.split_once('<')?.1.split_once('>')?.0;
    let query = url.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix("page="))?.parse().ok()
}

fn parse<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T> {
    serde_json::from_slice(body)
        .with_context(|| format!("cannot read GitHub's answer to {path}"))
        .map_err(ForgeError::Unreachable)
}

/// The network client's own error out of octocrab's.
fn inner_error(error: octocrab::Error) -> http::Error {
    match error {
        octocrab::Error::Service { source, .. } => match source.downcast::<http::Error>() {
            Ok(error) => *error,
            Err(source) => http::Error::Broken(anyhow::Error::from_boxed(source)),
        },
        other => http::Error::Broken(anyhow::Error::new(other)),
    }
}

/// What a failure means to the caller. A read of something that is not there
/// is told apart from a write that the token may not do, though both are 404.
pub(super) fn forge_error(error: http::Error, write: bool) -> ForgeError {
    let http::Error::Status(response) = &error else {
        return ForgeError::Unreachable(anyhow::Error::new(error));
    };
    let limited = response.is_rate_limit();
    let status = response.status;
    let error = anyhow::Error::new(error);
    match status {
        _ if limited => ForgeError::Unreachable(error),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ForgeError::Denied(error),
        StatusCode::NOT_FOUND | StatusCode::GONE if write => ForgeError::Denied(error),
        StatusCode::NOT_FOUND | StatusCode::GONE => ForgeError::NotFound(error),
        status if status.is_client_error() => ForgeError::Rejected(error),
        _ => ForgeError::Unreachable(error),
    }
}

/// GraphQL says what went wrong only in words.
fn graphql_error(error: anyhow::Error, write: bool) -> ForgeError {
    let text = error.to_string().to_ascii_lowercase();
    if text.contains("rate limit") {
        ForgeError::Unreachable(error)
    } else if text.contains("not accessible") || text.contains("permission") {
        ForgeError::Denied(error)
    } else if text.contains("could not resolve to") {
        if write { ForgeError::Denied(error) } else { ForgeError::NotFound(error) }
    } else {
        ForgeError::Rejected(error)
    }
}

/// Carries octocrab's requests over the network client.
#[derive(Clone)]
struct Transport {
    client: Client,
    credential: Option<Credential>,
    graphql_credential: Option<Credential>,
    rest: Url,
    graphql: Url,
}

impl Transport {
    /// Where octocrab's relative address leads.
    fn resolve(&self, uri: &::http::Uri) -> (Url, Option<&Credential>) {
        if uri.path() == "/graphql" {
            return (self.graphql.clone(), self.graphql_credential.as_ref());
        }
        let mut url = self.rest.clone();
        url.set_path(&format!("{}{}", self.rest.path().trim_end_matches('/'), uri.path()));
        url.set_query(uri.query());
        (url, self.credential.as_ref())
    }
}

impl tower::Service<::http::Request<OctoBody>> for Transport {
    type Response = ::http::Response<Full<Bytes>>;
    type Error = http::Error;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut TaskContext<'_>,
    ) -> Poll<std::result::Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ::http::Request<OctoBody>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let (url, credential) = self.resolve(&parts.uri);
        let mut request = http::Request::new(parts.method, url);
        request.credential = credential.cloned();
        request.headers = parts.headers;
        request.headers.remove(USER_AGENT);
        request.headers.remove(CONTENT_LENGTH);
        request.headers.insert(
            HeaderName::from_static("x-github-api-version"),
            HeaderValue::from_static(API_VERSION),
        );
        if let Some(repeat) = parts.extensions.get::<Repeat>() {
            request.repeat = *repeat;
        }
        let client = self.client.clone();
        Box::pin(async move {
            request.body = body
                .collect()
                .await
                .map_err(|error| http::Error::Refused(anyhow::Error::new(error)))?
                .to_bytes();
            let answer = client.send(&request).await?;
            let mut response = ::http::Response::new(Full::new(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphql_lies_beside_the_rest_address() {
        for (rest, graphql) in [
            ("https://api.github.com", "https://api.github.com/graphql"),
            ("https://api.github.com/", "https://api.github.com/graphql"),
            ("https://ghe.example/api/v3", "https://ghe.example/api/graphql"),
            ("https://ghe.example/api/v3/", "https://ghe.example/api/graphql"),
        ] {
            assert_eq!(graphql_of(&address(rest).unwrap()).as_str(), graphql);
        }
        assert!(address("ftp://x").is_err());
        assert!(address("api.github.com").is_err());
    }

    #[test]
    fn only_plain_names_are_repositories() {
        for good in ["a/b", "acme/prom.js", "o-1/_x"] {
            assert!(check_repository(good).is_ok(), "{good}");
        }
        for bad in ["a", "a/", "/b", "a/b/c", "a/..", "../b", "a/b?x", "a/b%2f", "a b/c", ""] {
            assert!(check_repository(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_last_page_is_read_from_the_link_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(last_page(&headers), None);
        let link = "<https://x/y?per_page=100&page=2>; rel=\"next\", <https://x/y?per_page=100&page=7>; rel=\"last\"";
        headers.insert(LINK, HeaderValue::from_static(link));
        assert_eq!(last_page(&headers), Some(7));
        headers.insert(LINK, HeaderValue::from_static("<x>; rel=\"last\""));
        assert_eq!(last_page(&headers), None);
    }

    #[test]
    fn segments_are_encoded_byte_by_byte() {
        assert_eq!(encode("a b/ü?#%".as_bytes()), "a%20b%2F%C3%BC%3F%23%25");
        assert_eq!(encode(b"\xff"), "%FF");
    }
}
