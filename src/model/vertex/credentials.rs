//! Access tokens of Google Cloud, by whatever says who the job is.
//!
//! First that is present: a token in the environment; a credential file; the CI
//! host's identity and a workload identity provider; last, where nothing else
//! says anything, the metadata service of the machine.

use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};

use super::file::{self, AuthorizedUser, External, File, Format, ServiceAccount, Subject};
use super::jwt;
use crate::http::{Client, HeaderName, Repeat, Request, Url};
use crate::inputs::Cloud;
use crate::model::ModelError;
use crate::model::identity::{self, JobIdentity, Timed};
use crate::redact::Secret;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Who exchanges tokens where no file says it.
#[derive(Debug, Clone)]
pub struct Issuers {
    /// Takes an identity from elsewhere.
    pub sts: String,
    /// Gives a service account's token: without a slash at the end.
    pub iam: String,
}

impl Default for Issuers {
    fn default() -> Self {
        Issuers {
            sts: "https://sts.googleapis.com/v1/token".to_owned(),
            iam: "https://iamcredentials.googleapis.com".to_owned(),
        }
    }
}

/// Where tokens come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Fixed(Secret),
    File(File),
    Job { job: JobIdentity, provider: String, account: Option<String> },
    Metadata { host: String },
}

/// What the surroundings offer, and the project that it belongs to.
pub(super) fn source(cloud: &Cloud) -> anyhow::Result<(Source, Option<String>)> {
    let google = &cloud.google;
    if let Some(token) = &google.access_token {
        return Ok((Source::Fixed(token.clone()), None));
    }
    if let Some(path) = &google.credentials_file {
        let (file, project) = file::read(path)?;
        return Ok((Source::File(file), project));
    }
    if let Some(provider) = &google.workload_identity_provider {
        let provider = provider.trim_start_matches("https:").trim_start_matches('/');
        let provider = provider.strip_prefix("iam.googleapis.com/").unwrap_or(provider).to_owned();
        let job = JobIdentity::of_host(&cloud.oidc).context(
            "no identity for `gcp_workload_identity_provider`: the job needs `permissions: \
             id-token: write`, or `oidc_token`",
        )?;
        let account = google.service_account.clone();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._@".contains(c);
        if account.as_ref().is_some_and(|account| !account.chars().all(plain)) {
            return Err(anyhow!("`gcp_service_account` is not an account's address"));
        }
        return Ok((Source::Job { job, provider, account }, None));
    }
    if cloud.hosted_runner {
        return Err(anyhow!(
            "no credentials for Vertex AI: set `gcp_workload_identity_provider` and `permissions: \
             id-token: write`, or GOOGLE_APPLICATION_CREDENTIALS"
        ));
    }
    let host = google.metadata_host.as_deref().unwrap_or("metadata.google.internal");
    Ok((Source::Metadata { host: host.to_owned() }, None))
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
}

impl Answer {
    fn timed(self) -> Timed<Secret> {
        Timed::for_seconds(identity::keep(&self.access_token), self.expires_in)
    }
}

/// A new token.
pub(super) async fn token(
    client: &Client,
    source: &Source,
    issuers: &Issuers,
) -> Result<Timed<Secret>, ModelError> {
    match source {
        Source::Fixed(token) => Ok(Timed::for_seconds(token.clone(), None)),
        Source::File(File::ServiceAccount(account)) => of_account(client, account).await,
        Source::File(File::AuthorizedUser(user)) => of_user(client, user).await,
        Source::File(File::External(external)) => of_external(client, external).await,
        Source::Job { job, provider, account } => {
            let external = of_job(job, provider, account.as_deref(), issuers);
            of_external(client, &external.map_err(ModelError::Denied)?).await
        }
        Source::Metadata { host } => of_metadata(host).await,
    }
}

async fn ask(
    client: &Client,
    request: &Request,
    what: &str,
    hint: &str,
) -> Result<Answer, ModelError> {
    let response = identity::ask(client, request, what, hint).await?;
    identity::json(&response.body, what)
}

async fn of_account(
    client: &Client,
    account: &ServiceAccount,
) -> Result<Timed<Secret>, ModelError> {
    let claims = jwt::Claims {
        issuer: &account.email,
        audience: account.token_url.as_str(),
        scope: SCOPE,
        key_id: account.key_id.as_deref(),
    };
    let assertion =
        jwt::sign(&claims, &account.key, SystemTime::now()).map_err(ModelError::Denied)?;
    let fields = [("grant_type", JWT_GRANT), ("assertion", &assertion)];
    let request = identity::form(account.token_url.clone(), &fields);
    let what = format!("get a token for {}", account.email);
    let hint = "its key may be revoked, or this machine's clock wrong";
    Ok(ask(client, &request, &what, hint).await?.timed())
}

async fn of_user(client: &Client, user: &AuthorizedUser) -> Result<Timed<Secret>, ModelError> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", &user.client_id),
        ("client_secret", user.client_secret.expose()),
        ("refresh_token", user.refresh_token.expose()),
    ];
    let request = identity::form(user.token_url.clone(), &fields);
    let hint = "log in again: `gcloud auth application-default login`";
    Ok(ask(client, &request, "renew the login at Google", hint).await?.timed())
}

/// The same as a file would say, for GitHub and GitLab directly.
fn of_job(
    job: &JobIdentity,
    provider: &str,
    account: Option<&str>,
    issuers: &Issuers,
) -> anyhow::Result<External> {
    let impersonation = account.map(|account| {
        let path = format!("v1/projects/-/serviceAccounts/{account}:generateAccessToken");
        identity::safe_url(&format!("{}/{path}", issuers.iam), "the address of IAM")
    });
    Ok(External {
        audience: format!("//iam.googleapis.com/{provider}"),
        subject_token_type: JWT.to_owned(),
        token_url: identity::safe_url(&issuers.sts, "the address of STS")?,
        impersonation_url: impersonation.transpose()?,
        impersonation_seconds: 3_600,
        subject: Subject::Job(job.clone()),
    })
}

async fn of_external(client: &Client, external: &External) -> Result<Timed<Secret>, ModelError> {
    let subject = subject(client, external).await?;
    let fields = [
        ("grant_type", EXCHANGE),
        ("audience", &external.audience),
        ("scope", SCOPE),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token", subject.expose()),
        ("subject_token_type", &external.subject_token_type),
    ];
    let request = identity::form(external.token_url.clone(), &fields);
    let what = "exchange the job's identity for a token of Google Cloud";
    let hint = "compare issuer, audience and attribute condition of the workload identity \
                provider with the job";
    let federated = ask(client, &request, what, hint).await?;
    let Some(url) = &external.impersonation_url else { return Ok(federated.timed()) };

    let what = "act as the service account";
    let token = identity::keep(&federated.access_token);
    let life = format!("{}s", external.impersonation_seconds);
    let body = json!({"scope": [SCOPE], "lifetime": life}).to_string();
    let request = Request::post_json(url.clone(), body)
        .with_credential(identity::bearer(&token, url)?)
        .with_repeat(Repeat::Harmless);
    let hint = "the pool's identity needs the role Workload Identity User on the account";
    let response = identity::ask(client, &request, what, hint).await?;
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Impersonated {
        access_token: String,
        expire_time: Option<String>,
    }
    let Impersonated { access_token, expire_time } = identity::json(&response.body, what)?;
    Timed::until(identity::keep(&access_token), expire_time.as_deref()).map_err(ModelError::Denied)
}

async fn subject(client: &Client, external: &External) -> Result<Secret, ModelError> {
    match &external.subject {
        Subject::Job(job) => {
            // What the pool takes where it names no audience of its own.
            let audience = format!("https:{}", external.audience);
            job.token(client, &audience).await
        }
        Subject::File(path, format) => {
            let bytes = identity::read_file(path, "the identity token file");
            let bytes = bytes.map_err(ModelError::Denied)?;
            extract(&bytes, format).map_err(ModelError::Denied)
        }
        Subject::Url(url, headers, format) => {
            let what = "get the identity token that the Google credential file names";
            let mut request = Request::get(url.clone());
            for (name, value) in headers {
                let name: HeaderName = name.parse().map_err(|_| {
                    ModelError::Denied(anyhow!("cannot {what}: a header's name is none"))
                })?;
                request.headers.insert(name, identity::sensitive(value.expose())?);
            }
            let response = identity::ask(client, &request, what, "the address refuses").await?;
            extract(&response.body, format).map_err(ModelError::Denied)
        }
    }
}

fn extract(bytes: &[u8], format: &Format) -> anyhow::Result<Secret> {
    let none = "the identity token is empty or not where the Google credential file says";
    let text = match format {
        Format::Text => std::str::from_utf8(bytes).unwrap_or_default().trim().to_owned(),
        Format::Json(field) => {
            let value: Value = serde_json::from_slice(bytes).map_err(|_| anyhow!(none))?;
            value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        }
    };
    if text.is_empty() {
        return Err(anyhow!(none));
    }
    Ok(identity::keep(&text))
}

const HINT: &str = "nothing in the environment names a credential of Google Cloud, and this \
                    machine has none: set `gcp_workload_identity_provider` and `permissions: \
                    id-token: write`, or GOOGLE_APPLICATION_CREDENTIALS";

async fn metadata(host: &str, path: &str) -> Result<Vec<u8>, ModelError> {
    let url = Url::parse(&format!("http://{host}/computeMetadata/v1/{path}"));
    let url = url.context("cannot read GCE_METADATA_HOST").map_err(ModelError::Denied)?;
    let flavour = HeaderName::from_static("metadata-flavor");
    let request = Request::get(url).with_header(flavour, identity::sensitive("Google")?);
    let what = "ask the machine's metadata service";
    let response = identity::ask(&identity::nearby()?, &request, what, HINT).await;
    // A service that does not answer is none: there is nothing to wait for.
    let response = response.map_err(|error| match error {
        ModelError::Unavailable(error) => ModelError::Denied(error.context(HINT)),
        other => other,
    })?;
    Ok(response.body.to_vec())
}

async fn of_metadata(host: &str) -> Result<Timed<Secret>, ModelError> {
    let body = metadata(host, "instance/service-accounts/default/token").await?;
    identity::json::<Answer>(&body, "read the machine's token").map(Answer::timed)
}

/// The project that the machine runs in.
pub(super) async fn metadata_project(host: &str) -> Result<String, ModelError> {
    let body = metadata(host, "project/project-id").await?;
    let project = String::from_utf8_lossy(&body).trim().to_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-:.".contains(c);
    if project.is_empty() || !project.chars().all(plain) {
        return Err(ModelError::Denied(anyhow!("set `vertex_project`: the machine names none")));
    }
    Ok(project)
}
