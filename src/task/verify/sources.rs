//! The servers of metrics and logs, as the inputs name them.

use std::path::Path;

use anyhow::Context as _;

use crate::deploy::metrics::Settings;
use crate::deploy::{Auth, Server};
use crate::http::{HeaderName, Url};
use crate::inputs::Inputs;
use crate::redact::Secret;

/// Where metrics come from. `folder` is the spec's own.
///
/// # Errors
/// An address is none.
pub fn metrics(inputs: &Inputs, folder: &Path) -> anyhow::Result<Settings> {
    let telemetry = &inputs.deployment.telemetry;
    let datadog = telemetry.datadog_site.as_deref().map(|site| match site.contains("://") {
        true => site.to_owned(),
        false => format!("https://api.{}", site.trim_start_matches("api.")),
    });
    let keys = match (&telemetry.datadog_api_key, &telemetry.datadog_app_key) {
        (Some(api), Some(app)) => Auth::Headers(vec![
            (HeaderName::from_static("dd-api-key"), api.clone()),
            (HeaderName::from_static("dd-application-key"), app.clone()),
        ]),
        _ => Auth::None,
    };
    Ok(Settings {
        prometheus: Server {
            url: url("prometheus_url", telemetry.prometheus_url.as_deref())?,
            auth: token(telemetry.prometheus_token.as_ref()),
            tenant: telemetry.tenant.clone(),
        },
        datadog: Server { url: url("datadog_site", datadog.as_deref())?, auth: keys, tenant: None },
        json: Server {
            url: url("metrics_url", telemetry.metrics_url.as_deref())?,
            auth: token(telemetry.metrics_token.as_ref()),
            tenant: None,
        },
        folder: folder.to_owned(),
        now: None,
    })
}

/// An address of the inputs.
pub(super) fn url(name: &str, text: Option<&str>) -> anyhow::Result<Option<Url>> {
    text.map(|text| Url::parse(text).with_context(|| format!("{name}: `{text}` is no address")))
        .transpose()
}

/// `user:password`, or a bearer token.
pub(super) fn token(secret: Option<&Secret>) -> Auth {
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
