//! From the inputs to models that can be asked: the same for every task.

mod check;
pub mod show;

use std::sync::Arc;

use anyhow::Context as _;

use crate::http;
use crate::inputs::{Inputs, ModelChoice, Provider, Task};
use crate::model::anthropic::{Anthropic, Key, Options};
use crate::model::price::Book;
use crate::model::{Model, command};

/// The models of a task.
#[derive(Clone, Default)]
pub struct Models {
    /// Does what needs judgement; `None` offline.
    pub heavy: Option<Arc<dyn Model>>,
    /// Does what is short and plain, such as a vote; the heavy one where there is no other.
    pub light: Option<Arc<dyn Model>>,
    /// Asked in order where the one before could not answer.
    pub fallbacks: Vec<Arc<dyn Model>>,
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
    match choice {
        ModelChoice::Offline => Ok(None),
        ModelChoice::Of(Provider::Anthropic, name) => {
            anthropic(inputs, client, &prices, name).map(Some)
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

fn anthropic(
    inputs: &Inputs,
    client: &http::Client,
    prices: &Book,
    name: &str,
) -> anyhow::Result<Arc<dyn Model>> {
    let key = match (&inputs.anthropic_api_key, &inputs.anthropic_auth_token) {
        (Some(key), _) => Key::ApiKey(key.expose().to_owned()),
        (None, Some(token)) => Key::AuthToken(token.expose().to_owned()),
        (None, None) => anyhow::bail!(
            "the model `anthropic:{name}` needs a key: set `ANTHROPIC_API_KEY`, or `model: offline`"
        ),
    };
    let base_url =
        http::Url::parse(&inputs.anthropic_base_url).context("cannot read `anthropic_base_url`")?;
    let mut options = Options::new(name, base_url, key);
    options.price = prices.price("anthropic", name).0;
    options.limits = prices.limits("anthropic", name).0;
    Ok(Arc::new(Anthropic::new(client, options)?))
}
