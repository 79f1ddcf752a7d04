//! Any JSON over HTTP, with a path to the points.

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

use crate::deploy::ask::{self, Api};
use crate::deploy::variables::{Language, Variables, substitute, uses};
use crate::http::{Method, Repeat, Url};

/// An address that is made anew for each question.
pub(super) struct Address {
    pub(super) api: Api,
    /// The address, with variables.
    pub(super) url: String,
    /// What is posted there, with variables; a GET where `None`.
    pub(super) body: Option<String>,
}

impl Address {
    /// Whether the query is part of the question, and no filter of the answer.
    pub(super) fn takes_query(&self) -> bool {
        uses(&self.url, "query") || self.body.as_ref().is_some_and(|body| uses(body, "query"))
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// A variable has no value, the server could not be reached or refused, or the
    /// answer is no JSON.
    pub(super) async fn get(&self, names: &Variables, what: &str) -> anyhow::Result<Value> {
        let missing =
            |name: String| anyhow!("the address names `${name}`, which the spec does not give");
        let text = substitute(&self.url, names, Language::Address).map_err(missing)?;
        let url = Url::parse(&text).map_err(|_| anyhow!("cannot use `{text}` as an address"))?;
        if url.origin() != self.api.url("", &[]).origin() {
            bail!("`{text}` leads to another host than the one that was looked at");
        }
        let answer = match &self.body {
            None => self.api.get_url(url).await,
            Some(body) => {
                let body = substitute(body, names, Language::JsonText).map_err(missing)?;
                let body: Value =
                    serde_json::from_str(&body).context("`body` of the source is no JSON")?;
                self.api.send_json(Method::POST, url, &body, Repeat::OnlyUnprocessed).await
            }
        };
        let answer = answer.map_err(|error| self.api.explain(&error, what))?;
        ask::json(&answer, self.api.product)
    }
}
