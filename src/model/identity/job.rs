//! The job's own identity: an OIDC token that the CI host signs.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use super::{ask, bearer, json, keep, read_token, safe_url};
use crate::http::{Client, Request};
use crate::inputs::Oidc;
use crate::model::ModelError;
use crate::redact::Secret;

/// Where a job gets a token that says who it is.
#[derive(Debug, Clone)]
pub enum JobIdentity {
    /// GitHub Actions signs one for the audience that is asked for
    /// (<https://docs.github.com/en/actions/reference/security/oidc>).
    GitHub {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        token: Secret,
    },
    /// A file that the platform keeps up to date.
    File(PathBuf),
    /// A token for one audience, in a variable: GitLab's `id_tokens`.
    Token(Secret),
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

impl JobIdentity {
    /// What the host offers: a token that it handed over, else GitHub's.
    pub fn of_host(oidc: &Oidc) -> Option<Self> {
        if let Some(token) = &oidc.token {
            return Some(JobIdentity::Token(token.clone()));
        }
        let (url, token) = (oidc.request_url.clone()?, oidc.request_token.clone()?);
        Some(JobIdentity::GitHub { url, token })
    }

    /// A token for `audience`; one that is fixed is given as it is.
    ///
    /// # Errors
    /// `Denied` if the host does not give one, `Unavailable` if it does not answer.
    pub async fn token(&self, client: &Client, audience: &str) -> Result<Secret, ModelError> {
        match self {
            JobIdentity::Token(token) => Ok(token.clone()),
            JobIdentity::File(path) => {
                read_token(path, "the identity token file").map_err(ModelError::Denied)
            }
            JobIdentity::GitHub { url, token } => {
                let what = "get an identity token from GitHub";
                let mut url = safe_url(url, "ACTIONS_ID_TOKEN_REQUEST_URL")
                    .context(what)
                    .map_err(ModelError::Denied)?;
                url.query_pairs_mut().append_pair("audience", audience);
                let credential = bearer(token, &url)?;
                let request = Request::get(url).with_credential(credential);
                let hint = "the job needs `permissions: id-token: write`";
                let response = ask(client, &request, what, hint).await?;
                let Answer { value } = json(&response.body, what)?;
                if value.is_empty() {
                    return Err(ModelError::Denied(anyhow!("cannot {what}: it is empty")));
                }
                Ok(keep(&value))
            }
        }
    }
}
