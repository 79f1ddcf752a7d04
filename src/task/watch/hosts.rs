//! Whoever deploys, as the command line and the inputs name it.

use anyhow::{Context as _, bail};

use crate::context::Context;
use crate::deploy::Deployer;
use crate::deploy::harness::{Harness, Place, Subject};
use crate::http::Client;
use crate::inputs::{HarnessServer, Inputs, Watch};

/// The deployer that is asked for.
///
/// # Errors
/// None is named, or more than one, or what it needs is not set.
pub fn of(
    inputs: &Inputs,
    context: &Context,
    asked: &Watch,
    client: &Client,
) -> anyhow::Result<Box<dyn Deployer>> {
    let _ = context;
    let server = &inputs.servers.harness;
    // An execution can only be one of Harness'; in a step of Harness it is the own one.
    let is_harness = asked.harness.is_some() || asked.execution.is_some();
    let named = [is_harness, asked.github_deployment.is_some(), asked.argo.is_some()];
    match named.iter().filter(|named| **named).count() {
        0 => bail!(
            "nothing to follow is named: give `--harness`, `--github-deployment` or `--argo`"
        ),
        1 => {}
        _ => bail!("name one to follow: `--harness`, `--github-deployment` or `--argo`"),
    }
    if is_harness {
        let subject = Subject {
            pipeline: asked.harness.clone().filter(|name| !name.is_empty()),
            execution: asked.execution.clone().filter(|id| !id.is_empty()),
            own: server.execution.clone(),
        };
        return Ok(Box::new(harness(server, client, subject)?));
    }
    bail!("this deployer is not known")
}

/// Harness, with what its variables say.
///
/// # Errors
/// One of them is missing: all that are, at once.
pub fn harness(
    server: &HarnessServer,
    client: &Client,
    subject: Subject,
) -> anyhow::Result<Harness> {
    let missing: Vec<&str> = [
        ("HARNESS_ACCOUNT_ID", server.account.is_none()),
        ("HARNESS_ORG_ID", server.organization.is_none()),
        ("HARNESS_PROJECT_ID", server.project.is_none()),
        ("HARNESS_API_KEY", server.key.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, is_missing)| is_missing.then_some(name))
    .collect();
    if !missing.is_empty() {
        bail!("Harness cannot be asked: {} {} not set", missing.join(", "), match missing.len() {
            1 => "is",
            _ => "are",
        });
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let place = Place {
        account: text(&server.account),
        organization: text(&server.organization),
        project: text(&server.project),
    };
    let key = server.key.as_ref().context("HARNESS_API_KEY is not set")?;
    Harness::new(client, &server.base_url, place, key, subject)
}
