//! From the inputs to models that can be asked: the same for every task.

mod batch;
mod check;
pub mod show;

use std::sync::Arc;

use anyhow::Context as _;

use crate::http;
use crate::inputs::{Cloud, Inputs, ModelChoice, Provider, Task};
use crate::model::anthropic::federation::{self, Federation, Rule};
use crate::model::anthropic::{Anthropic, Key, Options};
use crate::model::bedrock::{self, Bedrock};
use crate::model::budget::Budget;
use crate::model::identity::JobIdentity;
use crate::model::openai::{self, OpenAi};
use crate::model::price::Book;
use crate::model::vertex::{self, Google, Vertex};
use crate::model::{Model, command};
use crate::redact::Secret;

/// The models of a task.
#[derive(Clone, Default)]
pub struct Models {
    /// Does what needs judgement; `None` offline.
    pub heavy: Option<Arc<dyn Model>>,
    /// Does what is short and plain, such as a vote; the heavy one where there is no other.
    pub light: Option<Arc<dyn Model>>,
    /// Asked in order where the one before could not answer.
    pub fallbacks: Vec<Arc<dyn Model>>,
    /// What is made up at random comes from here, where a run that asks the same
    /// has to ask it in the same words.
    pub seed: Option<Arc<str>>,
    /// The caps, where several reviews share them.
    pub budget: Option<Arc<Budget>>,
}

/// The models that a task asks.
///
/// # Errors
/// A key, an address or a program that a model needs is missing or wrong.
pub fn of(inputs: &Inputs, client: &http::Client, task: Task) -> anyhow::Result<Models> {
    let chosen = inputs.models_of(task);
    let heavy = build(inputs, client, &chosen.heavy.choice)?;
    let light = match chosen.light.choice == chosen.heavy.choice {
        true => heavy.clone(),
        false => build(inputs, client, &chosen.light.choice)?,
    };
    let fallbacks = chosen.fallbacks.iter().map(|picked| build(inputs, client, &picked.choice));
    Ok(Models {
        light,
        heavy,
        fallbacks: fallbacks.filter_map(Result::transpose).collect::<anyhow::Result<_>>()?,
        seed: inputs.batch.then(|| batch::seed(inputs)),
        budget: None,
    })
}

/// One model; `None` for `offline`.
///
/// # Errors
/// A key, an address or a program that the model needs is missing or wrong.
pub fn build(
    inputs: &Inputs,
    client: &http::Client,
    choice: &ModelChoice,
) -> anyhow::Result<Option<Arc<dyn Model>>> {
    let prices = Book::new(&inputs.tables.prices);
    batch::check(inputs, choice)?;
    match choice {
        ModelChoice::Offline => Ok(None),
        ModelChoice::Of(Provider::Anthropic, name) => {
            anthropic(inputs, client, &prices, name).map(Some)
        }
        ModelChoice::Of(
            provider @ (Provider::OpenAi | Provider::Azure | Provider::Gemini | Provider::Ollama),
            name,
        ) => {
            let options = openai_options(inputs, *provider, name)?;
            let model = OpenAi::new(client, options)?;
            Ok(Some(Arc::new(model.on_terms(&prices))))
        }
        ModelChoice::Of(Provider::Bedrock, name) => {
            let options = bedrock::Options::new(name);
            Ok(Some(Arc::new(Bedrock::new(client, &inputs.cloud, options)?)))
        }
        ModelChoice::Of(Provider::Vertex, name) => {
            let google = Arc::new(Google::new(client, &inputs.cloud)?);
            Ok(Some(Arc::new(Vertex::new(client, google, vertex::Options::new(name))?)))
        }
        ModelChoice::Command(line) => {
            let options = command::Options {
                line,
                surroundings: &inputs.surroundings,
                checkout: &inputs.host.workspace,
                prices: &prices,
                secrets: &inputs.secrets,
                timeout: None,
            };
            Ok(Some(Arc::new(command::Command::new(&options)?)))
        }
    }
}

/// How to ask a model behind OpenAI's protocol.
fn openai_options(
    inputs: &Inputs,
    provider: Provider,
    name: &str,
) -> anyhow::Result<openai::Options> {
    let url = |text: &str, input: &str| {
        http::Url::parse(text).with_context(|| format!("cannot read `{input}`"))
    };
    let exposed = |secret: &Option<Secret>| secret.as_ref().map(|key| key.expose().to_owned());
    match provider {
        Provider::Azure => {
            let endpoint = inputs.azure_openai_endpoint.as_deref().with_context(|| {
                format!("the model `azure:{name}` needs an address: set `AZURE_OPENAI_ENDPOINT`")
            })?;
            let endpoint = url(endpoint, "azure_openai_endpoint")?;
            let key = exposed(&inputs.azure_openai_api_key).map(openai::Key::ApiKey);
            let token = exposed(&inputs.azure_openai_ad_token).map(openai::Key::Bearer);
            let key = key.or(token).with_context(|| {
                format!("the model `azure:{name}` needs a key: set `AZURE_OPENAI_API_KEY`")
            })?;
            let version = inputs.azure_openai_api_version.as_deref();
            openai::Options::azure(name, &endpoint, version, key)
        }
        Provider::Gemini => {
            let base = url(&inputs.gemini_base_url, "gemini_base_url")?;
            openai::Options::gemini(name, &base, exposed(&inputs.gemini_api_key))
        }
        Provider::Ollama => {
            openai::Options::ollama(name, &openai::ollama_url(&inputs.ollama_host)?)
        }
        _ => {
            let base = url(&inputs.openai_base_url, "openai_base_url")?;
            openai::Options::openai(name, &base, exposed(&inputs.openai_api_key))
        }
    }
}

fn anthropic(
    inputs: &Inputs,
    client: &http::Client,
    prices: &Book,
    name: &str,
) -> anyhow::Result<Arc<dyn Model>> {
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
    let mut options = Options::new(name, base_url, key);
    options.price = prices.price("anthropic", name).0;
    options.limits = prices.limits("anthropic", name).0;
    let model = Anthropic::new(client, options)?;
    if !inputs.batch {
        return Ok(Arc::new(model));
    }
    let secrets = [&inputs.anthropic_api_key, &inputs.anthropic_auth_token];
    let secrets = secrets.map(|secret| secret.as_ref().map_or("", Secret::expose));
    let owner = [inputs.anthropic_base_url.as_str(), name, secrets[0], secrets[1]];
    Ok(batch::wrap(inputs, client, model, &owner))
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
