//! The servers of metrics and logs, as the inputs name them.

use anyhow::Context as _;

use super::Question;
use crate::deploy::metrics::{self, datadog};
use crate::deploy::{Auth, Server, logs};
use crate::http::Url;
use crate::redact::Secret;
use crate::task::review;

/// Where metrics come from.
///
/// # Errors
/// An address is none.
pub fn of_metrics(question: &Question<'_>) -> anyhow::Result<metrics::Settings> {
    let telemetry = &question.inputs.deployment.telemetry;
    let keys = telemetry.datadog_api_key.clone().zip(telemetry.datadog_app_key.clone());
    let datadog = match (telemetry.datadog_site.as_deref(), keys) {
        // An address instead of a site: a proxy's.
        (Some(site), keys) if site.contains("://") => Server {
            url: url("datadog_site", Some(site))?,
            auth: keys.map_or(Auth::None, |(api, app)| datadog::keys(api, app)),
            tenant: None,
        },
        (Some(site), Some((api, app))) => datadog::server(site, api, app)?,
        _ => Server::default(),
    };
    Ok(metrics::Settings {
        prometheus: Server {
            url: url("prometheus_url", telemetry.prometheus_url.as_deref())?,
            auth: token(telemetry.prometheus_token.as_ref()),
            tenant: telemetry.tenant.clone(),
        },
        datadog,
        json: Server {
            url: url("metrics_url", telemetry.metrics_url.as_deref())?,
            auth: token(telemetry.metrics_token.as_ref()),
            tenant: None,
        },
        folder: question.folder.to_owned(),
        within: question.within(),
        now: None,
    })
}

/// Where logs come from.
///
/// # Errors
/// An address is none, or the cluster's certificates cannot be read.
pub fn of_logs(question: &Question<'_>) -> anyhow::Result<logs::Settings> {
    let telemetry = &question.inputs.deployment.telemetry;
    let kubernetes_client = match &telemetry.kubernetes_ca {
        // In a container without an account the file is not there.
        Some(file) if file.is_file() => {
            let authority = std::fs::read(file)
                .with_context(|| format!("cannot read the authority {}", file.display()))?;
            Some(review::client_trusting(question.inputs, question.deadline, Some(authority))?)
        }
        _ => None,
    };
    Ok(logs::Settings {
        loki: Server {
            url: url("loki_url", telemetry.loki_url.as_deref())?,
            auth: token(telemetry.loki_token.as_ref()),
            tenant: telemetry.tenant.clone(),
        },
        kubernetes: Server {
            url: url("kubernetes_url", telemetry.kubernetes_url.as_deref())?,
            auth: telemetry.kubernetes_token.clone().map_or(Auth::None, Auth::Bearer),
            tenant: None,
        },
        kubernetes_client,
        ..logs::Settings::default()
    })
}

/// An address of the inputs.
fn url(name: &str, text: Option<&str>) -> anyhow::Result<Option<Url>> {
    text.map(|text| Url::parse(text).with_context(|| format!("{name}: `{text}` is no address")))
        .transpose()
}

/// `user:password`, or a bearer token.
fn token(secret: Option<&Secret>) -> Auth {
    match secret {
        None => Auth::None,
        Some(secret) => match secret.expose().split_once(':') {
            Some((user, password)) => {
                Auth::Basic { user: user.to_owned(), password: Secret::new(password) }
            }
            None => Auth::Bearer(secret.clone()),
        },
    }
}
