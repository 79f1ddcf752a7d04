//! From the inputs to models that can be asked: the same for every task.

use std::sync::Arc;

use anyhow::Context as _;

use crate::http;
use crate::inputs::{Inputs, ModelChoice, Provider};
use crate::model::Model;
use crate::model::anthropic::{Anthropic, Key, Options};

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
    }
}

fn anthropic(inputs: &Inputs, client: &http::Client, name: &str) -> anyhow::Result<Arc<dyn Model>> {
    let key = match (&inputs.anthropic_api_key, &inputs.anthropic_auth_token) {
        (Some(key), _) => Key::ApiKey(key.expose().to_owned()),
        (None, Some(token)) => Key::AuthToken(token.expose().to_owned()),
        (None, None) => anyhow::bail!(
            "the model `anthropic:{name}` needs a key: set `ANTHROPIC_API_KEY`, or `model: offline`"
        ),
    };
    let base_url =
        http::Url::parse(&inputs.anthropic_base_url).context("cannot read `anthropic_base_url`")?;
    Ok(Arc::new(Anthropic::new(client, Options::new(name, base_url, key))?))
}
