//! Who the job is to AWS: a bearer key, or keys that sign.
//!
//! First that is present: bearer key; keys in the environment; a mounted web
//! identity token and a role; the CI host's identity token and a role; the
//! container's credentials; last, where nothing else says anything, the
//! instance's own role
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use super::sigv4::{self, Keys, Scope, Unsigned};
use super::sts;
use crate::http::{self, Client, Credential, HeaderName, HeaderValue, Method, Request, Url};
use crate::inputs::{Aws, Cloud};
use crate::model::ModelError;
use crate::model::identity::{self, Cached, JobIdentity, Timed};
use crate::redact::Secret;

/// What a trust policy for GitHub's identity provider names as the audience.
const AUDIENCE: &str = "sts.amazonaws.com";

/// Hosts that hand out a container's credentials without TLS: ECS, EKS.
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// Where the keys come from.
#[derive(Debug, Clone)]
enum Source {
    Environment(Keys),
    Role(sts::Role),
    Container { url: Url, token: Option<Secret>, token_file: Option<PathBuf> },
    Instance { url: Url },
}

/// Proves to AWS who asks.
pub struct Credentials {
    client: Client,
    region: String,
    proof: Proof,
}

enum Proof {
    Bearer(Secret),
    Keys { source: Box<Source>, kept: Cached<Keys> },
}

impl Credentials {
    /// What the surroundings offer; nothing is asked yet.
    ///
    /// # Errors
    /// There is nothing, or what there is cannot be used.
    pub fn new(client: &Client, cloud: &Cloud, region: &str) -> anyhow::Result<Self> {
        let proof = match &cloud.aws.bearer_token {
            Some(token) => Proof::Bearer(token.clone()),
            None => {
                let source = Box::new(source(cloud, region)?);
                Proof::Keys { source, kept: Cached::default() }
            }
        };
        Ok(Credentials { client: client.clone(), region: region.to_owned(), proof })
    }

    /// Adds what proves who asks. Headers must not change after that.
    ///
    /// # Errors
    /// `Denied` if no credentials can be had, `Unavailable` if their source does not answer.
    pub async fn authorize(&self, request: Request) -> Result<Request, ModelError> {
        let keys = match &self.proof {
            Proof::Bearer(token) => {
                let credential = identity::bearer(token, &request.url)?;
                return Ok(request.with_credential(credential));
            }
            Proof::Keys { source, kept } => kept.get(|| self.keys(source)).await?,
        };
        let headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let unsigned = Unsigned {
            method: request.method.as_str(),
            url: &request.url,
            headers: &headers,
            body: &request.body,
        };
        let scope = Scope { region: &self.region, service: "bedrock" };
        let added = sigv4::sign(&unsigned, &keys, scope, SystemTime::now());
        let mut request = request;
        for (name, value) in added {
            if name == http::HeaderName::from_static("authorization") {
                let credential = Credential::header(name, &value, &request.url);
                request.credential = Some(credential.map_err(ModelError::Denied)?);
            } else {
                request.headers.insert(name, identity::sensitive(&value)?);
            }
        }
        Ok(request)
    }

    /// Whether another try could bring other credentials.
    pub fn can_renew(&self) -> bool {
        matches!(&self.proof, Proof::Keys { source, .. } if !is_environment(source))
    }

    /// Drops the keys: AWS does not take them.
    pub async fn forget(&self) {
        if let Proof::Keys { kept, .. } = &self.proof {
            kept.forget().await;
        }
    }

    /// What to set or allow, for whoever reads that access is denied.
    pub fn advice(&self) -> &'static str {
        match &self.proof {
            Proof::Bearer(_) => {
                "renew AWS_BEARER_TOKEN_BEDROCK, and enable the model for its account and region"
            }
            Proof::Keys { source, .. } if is_environment(source) => {
                "the keys in AWS_ACCESS_KEY_ID must hold and be allowed \
                 `bedrock:InvokeModelWithResponseStream`, and the model enabled in the region"
            }
            Proof::Keys { .. } => {
                "the role must be allowed `bedrock:InvokeModelWithResponseStream`, and the model \
                 enabled in the region"
            }
        }
    }

    async fn keys(&self, source: &Source) -> Result<Timed<Keys>, ModelError> {
        match source {
            Source::Environment(keys) => Ok(Timed::for_seconds(keys.clone(), None)),
            Source::Role(role) => role.assume(&self.client, AUDIENCE).await,
            Source::Container { url, token, token_file } => {
                container(&self.client, url, token.as_ref(), token_file.as_ref()).await
            }
            Source::Instance { url } => instance(url).await,
        }
    }
}

/// Keys that stay as they are.
fn is_environment(source: &Source) -> bool {
    matches!(source, Source::Environment(_))
}

fn source(cloud: &Cloud, region: &str) -> anyhow::Result<Source> {
    let aws = &cloud.aws;
    if let (Some(id), Some(secret)) = (&aws.access_key_id, &aws.secret_access_key) {
        return Ok(Source::Environment(Keys {
            access_key_id: id.clone(),
            secret_access_key: secret.clone(),
            session_token: aws.session_token.clone(),
        }));
    }
    let file = aws.web_identity_token_file.clone().map(JobIdentity::File);
    if let (Some(role), Some(job)) =
        (&aws.role_arn, file.or_else(|| JobIdentity::of_host(&cloud.oidc)))
    {
        return Ok(Source::Role(sts::Role::new(aws, role, job, region)?));
    }
    if let Some(url) = container_url(aws)? {
        let (token, token_file) = (aws.container_token.clone(), aws.container_token_file.clone());
        return Ok(Source::Container { url, token, token_file });
    }
    if aws.metadata_disabled || cloud.hosted_runner {
        return Err(anyhow!(
            "no credentials for Amazon Bedrock: set `aws_role_arn` and `permissions: id-token: \
             write`, or AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ));
    }
    let base = aws.metadata_endpoint.as_deref().unwrap_or("http://169.254.169.254");
    let url = Url::parse(base).context("cannot read AWS_EC2_METADATA_SERVICE_ENDPOINT")?;
    Ok(Source::Instance { url })
}

/// Where a container gets credentials from, if it is one; only from hosts that
/// the platform itself is reached at, or over https.
fn container_url(aws: &Aws) -> anyhow::Result<Option<Url>> {
    if let Some(path) = &aws.container_relative_uri {
        let text = format!("http://{}{path}", CONTAINER_HOSTS[0]);
        let url = Url::parse(&text).ok().filter(|url| url.host_str() == Some(CONTAINER_HOSTS[0]));
        let url = url.context("cannot read AWS_CONTAINER_CREDENTIALS_RELATIVE_URI as a path")?;
        return Ok(Some(url));
    }
    let Some(text) = &aws.container_full_uri else { return Ok(None) };
    let name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let url = Url::parse(text).with_context(|| format!("cannot read {name}"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let near = url.scheme() == "http" && CONTAINER_HOSTS.contains(&host);
    if !near {
        identity::safe_url(text, name)?;
    }
    Ok(Some(url))
}

/// Credentials as containers and instances get them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Handed {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

impl Handed {
    fn keys(self) -> Result<Timed<Keys>, ModelError> {
        let keys = Keys {
            access_key_id: self.access_key_id,
            secret_access_key: identity::keep(&self.secret_access_key),
            session_token: self.token.as_deref().map(identity::keep),
        };
        Timed::until(keys, self.expiration.as_deref()).map_err(ModelError::Denied)
    }
}

async fn container(
    client: &Client,
    url: &Url,
    token: Option<&Secret>,
    token_file: Option<&PathBuf>,
) -> Result<Timed<Keys>, ModelError> {
    let what = "get the container's AWS credentials";
    // EKS replaces the file while the container runs, so it is the one that counts.
    let token = match (token_file, token) {
        (Some(file), _) => {
            let name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
            Some(identity::read_token(file, name).map_err(ModelError::Denied)?)
        }
        (None, token) => token.cloned(),
    };
    let mut request = Request::get(url.clone());
    if let Some(token) = token {
        let name = HeaderName::from_static("authorization");
        let credential = Credential::header(name, token.expose(), url);
        request = request.with_credential(credential.map_err(ModelError::Denied)?);
    }
    let near = if url.scheme() == "https" { client.clone() } else { identity::nearby()? };
    let hint = "the task or pod needs a role";
    let response = identity::ask(&near, &request, what, hint).await?;
    identity::json::<Handed>(&response.body, what)?.keys()
}

/// The instance's role, by version 2 of its metadata service: a token first.
async fn instance(base: &Url) -> Result<Timed<Keys>, ModelError> {
    let what = "get AWS credentials (nothing in the environment names any, and no instance role \
                answers)";
    let hint = "set `aws_role_arn` and `permissions: id-token: write`, or \
                AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let client = identity::nearby()?;
    let ask = async |method: Method, path: &str, header: (&'static str, HeaderValue)| {
        let mut url = base.clone();
        url.set_path(path);
        let name = HeaderName::from_static(header.0);
        let request = Request::new(method, url).with_header(name, header.1);
        identity::ask(&client, &request, what, hint).await
    };
    // A service that does not answer is none: there is nothing to wait for.
    let none = |error: ModelError| {
        let (ModelError::Unavailable(error) | ModelError::Denied(error)) = error else {
            return error;
        };
        ModelError::Denied(error.context(hint))
    };
    let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", HeaderValue::from_static("21600"));
    let token = ask(Method::PUT, "/latest/api/token", lifetime).await.map_err(none)?;
    let token = identity::keep(String::from_utf8_lossy(&token.body).trim());
    let token = ("x-aws-ec2-metadata-token", identity::sensitive(token.expose())?);
    let folder = "/latest/meta-data/iam/security-credentials/";
    let roles = ask(Method::GET, folder, token.clone()).await.map_err(none)?;
    let roles = String::from_utf8_lossy(&roles.body).into_owned();
    let role = roles.lines().next().unwrap_or_default().trim();
    let answer = ask(Method::GET, &format!("{folder}{role}"), token).await.map_err(none)?;
    identity::json::<Handed>(&answer.body, what)?.keys()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_credentials_come_only_from_the_platform() {
        let check = |relative: Option<&str>, full: Option<&str>, expect: Option<&str>| {
            let aws = Aws {
                container_relative_uri: relative.map(str::to_owned),
                container_full_uri: full.map(str::to_owned),
                ..Aws::default()
            };
            let url = container_url(&aws).ok().flatten().map(|url| url.to_string());
            assert_eq!(url.as_deref(), expect, "{relative:?} {full:?}");
        };
        check(Some("/v2/x?id=1"), None, Some("http://169.254.170.2/v2/x?id=1"));
        check(Some("@evil.example/x"), None, None);
        check(Some(".evil.example/x"), None, None);
        check(Some(":80@evil.example/x"), None, None);
        check(
            None,
            Some("http://169.254.170.23/v1/credentials"),
            Some("http://169.254.170.23/v1/credentials"),
        );
        check(None, Some("http://[fd00:ec2::23]/v1/x"), Some("http://[fd00:ec2::23]/v1/x"));
        check(None, Some("http://127.0.0.1:8080/x"), Some("http://127.0.0.1:8080/x"));
        check(None, Some("https://creds.example/x"), Some("https://creds.example/x"));
        check(None, Some("http://creds.example/x"), None);
        check(None, Some("http://169.254.169.254/x"), None);
        check(None, Some("file:///etc/passwd"), None);
        check(None, None, None);
    }
}
