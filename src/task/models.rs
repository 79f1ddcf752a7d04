//! From the inputs to models that can be asked: the same for every task.

use std::sync::Arc;

use anyhow::Context as _;

use crate::http;
use crate::inputs::{Cloud, Inputs, ModelChoice, Provider};
use crate::model::Model;
use crate::model::anthropic::federation::{self, Federation, Rule};
use crate::model::anthropic::{Anthropic, Key, Options};
use crate::model::bedrock::{self, Bedrock};
use crate::model::identity::JobIdentity;
use crate::model::vertex::{self, Google, Vertex};

/// The models of a task.
#[derive(Clone, Default)]
pub struct Models {
    /// Does what needs judgement; `None` offline.
    pub heavy: Option<Arc<dyn Model>>,
    /// Does what is short and plain, such as a vote; the heavy one where none is named.
    pub light: Option<Arc<dyn Model>>,
    /// Asked in order where the one before could not answer.
    pub fallbacks: Vec<Arc<dyn Model>>,
}

/// The models that the inputs name.
///
/// # Errors
/// A key or an address that a model needs is missing or wrong.
pub fn of(inputs: &Inputs, client: &http::Client) -> anyhow::Result<Models> {
    let heavy = build(inputs, client, &inputs.model)?;
    let fallbacks = inputs.fallback_models.iter();
    let fallbacks = fallbacks.map(|choice| build(inputs, client, choice));
    Ok(Models {
        light: heavy.clone(),
        heavy,
        fallbacks: fallbacks.filter_map(Result::transpose).collect::<anyhow::Result<_>>()?,
    })
}

/// One model; `None` for `offline`.
///
/// # Errors
/// A key or an address that the model needs is missing or wrong.
pub fn build(
    inputs: &Inputs,
    client: &http::Client,
    choice: &ModelChoice,
) -> anyhow::Result<Option<Arc<dyn Model>>> {
    match choice {
        ModelChoice::Offline => Ok(None),
        ModelChoice::Of(Provider::Anthropic, name) => anthropic(inputs, client, name).map(Some),
        ModelChoice::Of(Provider::Bedrock, name) => {
            let options = bedrock::Options::new(name);
            Ok(Some(Arc::new(Bedrock::new(client, &inputs.cloud, options)?)))
        }
        ModelChoice::Of(Provider::Vertex, name) => {
            let google = Arc::new(Google::new(client, &inputs.cloud)?);
            Ok(Some(Arc::new(Vertex::new(client, google, vertex::Options::new(name))?)))
        }
    }
}

fn anthropic(inputs: &Inputs, client: &http::Client, name: &str) -> anyhow::Result<Arc<dyn Model>> {
    let base_url =
        http::Url::parse(&inputs.anthropic_base_url).context("cannot read `anthropic_base_url`")?;
    let key = match (&inputs.anthropic_api_key, &inputs.anthropic_auth_token) {
        (Some(key), _) => Key::ApiKey(key.expose().to_owned()),
        (None, Some(token)) => Key::AuthToken(token.expose().to_owned()),
        (None, None) => match federation(&inputs.cloud, client, &base_url)? {
            Some(federation) => Key::Federated(Arc::new(federation)),
            None => anyhow::bail!(
                "the model `anthropic:{name}` needs a key: set `ANTHROPIC_API_KEY`, or \
                 `anthropic_federation_rule_id` and `anthropic_organization_id` in a job with \
                 `permissions: id-token: write`, or `model: offline`"
            ),
        },
    };
    Ok(Arc::new(Anthropic::new(client, Options::new(name, base_url, key))?))
}

/// The job's own identity in place of a key, where the inputs name a rule for it.
fn federation(
    cloud: &Cloud,
    client: &http::Client,
    base_url: &http::Url,
) -> anyhow::Result<Option<Federation>> {
    let given = &cloud.federation;
    let (Some(rule_id), Some(organization_id)) = (&given.rule_id, &given.organization_id) else {
        return Ok(None);
    };
    // The most particular first, as Anthropic's own clients have it.
    let job = given.token_file.clone().map(JobIdentity::File);
    let job = job.or_else(|| given.token.clone().map(JobIdentity::Token));
    let Some(job) = job.or_else(|| JobIdentity::of_host(&cloud.oidc)) else { return Ok(None) };
    let rule = Rule {
        federation_rule_id: rule_id.clone(),
        organization_id: organization_id.clone(),
        service_account_id: given.service_account_id.clone(),
        workspace_id: given.workspace_id.clone(),
        audience: given.audience.clone().unwrap_or_else(|| federation::AUDIENCE.to_owned()),
    };
    Federation::new(client, base_url, job, rule).map(Some)
}
