//! Whoever deploys, as the command line and the inputs name it.

use anyhow::{Context as _, bail};
use tokio::time::Instant;

use crate::context::Context;
use crate::deploy::argo::Argo;
use crate::deploy::github::GitHub;
use crate::deploy::harness::{Harness, Subject};
use crate::deploy::{Auth, Deployer, Server};
use crate::http::{Client, Url};
use crate::inputs::{Inputs, Watch};
use crate::task::review;

/// The deployer that is asked for; nothing is asked yet.
///
/// # Errors
/// None is named, or more than one, or what it needs is not set.
pub fn of(
    inputs: &Inputs,
    context: &Context,
    asked: &Watch,
    client: &Client,
    deadline: Instant,
) -> anyhow::Result<Box<dyn Deployer>> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (pipeline, execution) = (given(&asked.harness), given(&asked.execution));
    // An execution's id can only be one of Harness'.
    let is_harness = pipeline.is_some() || execution.is_some();
    let (place, rollout) = (given(&asked.github_deployment), given(&asked.argo));
    match (is_harness, place, rollout) {
        (true, None, None) => {
            let own = inputs.servers.harness.execution.clone();
            let subject = Subject { pipeline, execution, own };
            Ok(Box::new(Harness::of(&inputs.servers.harness, client, subject)?))
        }
        (false, Some(place), None) => Ok(Box::new(github(inputs, context, client, place)?)),
        (false, None, Some(rollout)) => {
            let (server, trusting) = cluster(inputs, deadline)?;
            Ok(Box::new(Argo::new(trusting.as_ref().unwrap_or(client), &server, &rollout)?))
        }
        (false, None, None) => bail!(
            "nothing to follow is named: give `--harness PIPELINE`, `--github-deployment \
             ENVIRONMENT` or `--argo NAMESPACE/NAME`"
        ),
        _ => bail!("name one to follow: `--harness`, `--github-deployment` or `--argo`"),
    }
}

/// Deployments of the repository: by their number, or the latest to an environment.
fn github(
    inputs: &Inputs,
    context: &Context,
    client: &Client,
    place: String,
) -> anyhow::Result<GitHub> {
    let repository = context
        .repository
        .as_deref()
        .context("no repository is known: set `GITHUB_REPOSITORY` to `owner/name`")?;
    let (environment, deployment) = match place.parse::<u64>() {
        Ok(number) => (None, Some(number)),
        Err(_) => (Some(place), None),
    };
    let token = inputs.github_token.as_ref();
    let url = &inputs.host.api_url;
    GitHub::new(client, url, repository, token, environment, deployment, None)
}

/// The cluster's API, with a client that trusts its authority where it has one of its own.
fn cluster(inputs: &Inputs, deadline: Instant) -> anyhow::Result<(Server, Option<Client>)> {
    let telemetry = &inputs.deployment.telemetry;
    let url = telemetry.kubernetes_url.as_deref().context(
        "there is no address of the cluster: give `kubernetes_url`, or run in one of its pods",
    )?;
    let url = Url::parse(url).with_context(|| format!("kubernetes_url: `{url}` is no address"))?;
    let auth = telemetry.kubernetes_token.clone().map_or(Auth::None, Auth::Bearer);
    let trusting = match &telemetry.kubernetes_ca {
        Some(file) if file.is_file() => {
            let authority = std::fs::read(file)
                .with_context(|| format!("cannot read the authority {}", file.display()))?;
            Some(review::client_trusting(inputs, deadline, Some(authority))?)
        }
        _ => None,
    };
    Ok((Server { url: Some(url), auth, tenant: None }, trusting))
}
