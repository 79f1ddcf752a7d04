//! Workload identity federation: the job's own identity token is exchanged for
//! a short-lived token of the Claude API, so that no key needs to be stored
//! (<https://platform.claude.com/docs/en/manage-claude/wif-reference>).

use serde::{Deserialize, Serialize};

use super::super::ModelError;
use super::super::identity::{self, Cached, JobIdentity, Timed};
use crate::http::{Client, HeaderName, HeaderValue, Repeat, Request, Url};
use crate::redact::Secret;

/// What GitHub is asked to sign for, unless the issuer in the Console says otherwise.
pub const AUDIENCE: &str = "https://api.anthropic.com";

/// Goes with every API request that carries such a token.
pub(super) const API_BETA: HeaderValue = HeaderValue::from_static("oauth-2025-04-20");

/// Goes with the exchange.
const EXCHANGE_BETA: HeaderValue =
    HeaderValue::from_static("oauth-2025-04-20,oidc-federation-2026-04-01");

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Which rule of which organisation lets the job in. None of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `fdrl_…`.
    pub federation_rule_id: String,
    /// The organisation's UUID.
    pub organization_id: String,
    /// `svac_…`: whom the token stands for.
    pub service_account_id: Option<String>,
    /// `wrkspc_…` or `default`, where the rule allows several.
    pub workspace_id: Option<String>,
    /// What GitHub is asked to sign for.
    pub audience: String,
}

/// Tokens of the Claude API for this job, kept until shortly before they expire.
pub struct Federation {
    client: Client,
    url: Url,
    job: JobIdentity,
    rule: Rule,
    token: Cached<Secret>,
}

#[derive(Serialize)]
struct Exchange<'a> {
    grant_type: &'static str,
    assertion: &'a str,
    federation_rule_id: &'a str,
    organization_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
}

impl Federation {
    /// `base_url` is the API's: a token holds only where it was given.
    ///
    /// # Errors
    /// The address is not one that may see a secret.
    pub fn new(
        client: &Client,
        base_url: &Url,
        job: JobIdentity,
        rule: Rule,
    ) -> anyhow::Result<Self> {
        let mut url = identity::safe_url(base_url.as_str(), "`anthropic_base_url`")?;
        let prefix = url.path().trim_end_matches('/').trim_end_matches("/v1").to_owned();
        url.set_path(&format!("{prefix}/v1/oauth/token"));
        Ok(Federation { client: client.clone(), url, job, rule, token: Cached::default() })
    }

    /// A token that holds for a while yet.
    ///
    /// # Errors
    /// `Denied` if the host gives no identity or the rule does not let it in.
    pub async fn token(&self) -> Result<Secret, ModelError> {
        self.token.get(|| self.exchange()).await
    }

    /// Drops the token: the API does not take it.
    pub async fn forget(&self) {
        self.token.forget().await;
    }

    async fn exchange(&self) -> Result<Timed<Secret>, ModelError> {
        let what = "exchange the job's identity for a token of the Claude API";
        let assertion = self.job.token(&self.client, &self.rule.audience).await?;
        let body = Exchange {
            grant_type: GRANT,
            assertion: assertion.expose(),
            federation_rule_id: &self.rule.federation_rule_id,
            organization_id: &self.rule.organization_id,
            service_account_id: self.rule.service_account_id.as_deref(),
            workspace_id: self.rule.workspace_id.as_deref(),
        };
        // Strings only: it cannot fail, and an empty body would be refused.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let request = Request::post_json(self.url.clone(), body)
            .with_header(HeaderName::from_static("anthropic-beta"), EXCHANGE_BETA)
            .with_repeat(Repeat::Harmless);
        let hint = if self.rule.workspace_id.is_some() {
            "compare issuer, subject and audience of the federation rule with the job; the \
             Console's workload identity page lists the attempt"
        } else {
            "compare issuer, subject and audience of the federation rule with the job, and set \
             `anthropic_workspace_id` if the rule allows several workspaces; the Console's \
             workload identity page lists the attempt"
        };
        let response = identity::ask(&self.client, &request, what, hint).await?;
        let Answer { access_token, expires_in } = identity::json(&response.body, what)?;
        Ok(Timed::for_seconds(identity::keep(&access_token), expires_in))
    }
}
