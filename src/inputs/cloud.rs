//! The host's variables that say who the job is to a cloud. What they name is
//! read and exchanged by `model`.

use std::path::PathBuf;

use super::env::Env;
use super::resolve::Values;
use crate::redact::Secret;

/// Identities and addresses of the clouds through which models are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cloud {
    /// The job's own identity.
    pub oidc: Oidc,
    /// Amazon's.
    pub aws: Aws,
    /// Google's.
    pub google: Google,
    /// Anthropic's, where the job's identity stands for a key.
    pub federation: Federation,
    /// A GitHub-hosted machine: what its metadata service says is not the job's.
    pub hosted_runner: bool,
}

/// Identity tokens of the CI host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Oidc {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub request_url: Option<String>,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub request_token: Option<Secret>,
    /// The input `oidc_token`: a token for one audience.
    pub token: Option<Secret>,
}

/// By AWS's own names for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aws {
    /// The input `aws_region`: `AWS_REGION`, `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// The input `aws_bearer_token_bedrock`.
    pub bearer_token: Option<Secret>,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<String>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
    /// The input `aws_role_arn`: `AWS_ROLE_ARN`.
    pub role_arn: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`.
    pub role_session_name: Option<String>,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`.
    pub web_identity_token_file: Option<PathBuf>,
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
    pub container_relative_uri: Option<String>,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub container_full_uri: Option<String>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub container_token: Option<Secret>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
    pub container_token_file: Option<PathBuf>,
    /// `AWS_EC2_METADATA_DISABLED`.
    pub metadata_disabled: bool,
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub metadata_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_BEDROCK_RUNTIME`.
    pub bedrock_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_STS`.
    pub sts_endpoint: Option<String>,
}

/// By Google's own names for them, and Anthropic's for Vertex.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Google {
    /// The input `vertex_project`.
    pub project: Option<String>,
    /// The input `vertex_region`.
    pub region: String,
    /// `GOOGLE_OAUTH_ACCESS_TOKEN`, `CLOUDSDK_AUTH_ACCESS_TOKEN`.
    pub access_token: Option<Secret>,
    /// `GOOGLE_APPLICATION_CREDENTIALS`, `GOOGLE_GHA_CREDS_PATH`.
    pub credentials_file: Option<PathBuf>,
    /// The input `gcp_workload_identity_provider`.
    pub workload_identity_provider: Option<String>,
    /// The input `gcp_service_account`.
    pub service_account: Option<String>,
    /// `GCE_METADATA_HOST`.
    pub metadata_host: Option<String>,
    /// `ANTHROPIC_VERTEX_BASE_URL`.
    pub base_url: Option<String>,
}

/// By Anthropic's own names for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Federation {
    /// The input `anthropic_federation_rule_id`.
    pub rule_id: Option<String>,
    /// The input `anthropic_organization_id`.
    pub organization_id: Option<String>,
    /// The input `anthropic_service_account_id`.
    pub service_account_id: Option<String>,
    /// The input `anthropic_workspace_id`.
    pub workspace_id: Option<String>,
    /// The input `anthropic_oidc_audience`.
    pub audience: Option<String>,
    /// `ANTHROPIC_IDENTITY_TOKEN`.
    pub token: Option<Secret>,
    /// `ANTHROPIC_IDENTITY_TOKEN_FILE`.
    pub token_file: Option<PathBuf>,
}

impl Oidc {
    /// Whether the host says who the job is.
    pub fn is_given(&self) -> bool {
        self.token.is_some() || self.request_url.is_some() && self.request_token.is_some()
    }
}

impl Cloud {
    /// Whether the Claude API can be asked without a key.
    pub fn is_federated(&self) -> bool {
        let Federation { rule_id, organization_id, token, token_file, .. } = &self.federation;
        let identity = token.is_some() || token_file.is_some() || self.oidc.is_given();
        rule_id.is_some() && organization_id.is_some() && identity
    }

    /// Whether anything but a metadata service may say who the job is to AWS.
    pub fn names_aws(&self) -> bool {
        let aws = &self.aws;
        let identity = aws.web_identity_token_file.is_some() || self.oidc.is_given();
        aws.bearer_token.is_some()
            || aws.access_key_id.is_some() && aws.secret_access_key.is_some()
            || aws.role_arn.is_some() && identity
            || aws.container_relative_uri.is_some()
            || aws.container_full_uri.is_some()
    }

    /// The same for Google.
    pub fn names_google(&self) -> bool {
        let google = &self.google;
        google.access_token.is_some()
            || google.credentials_file.is_some()
            || google.workload_identity_provider.is_some() && self.oidc.is_given()
    }

    pub(super) fn read(env: &Env, values: &Values) -> Self {
        let text = |name: &str| env.get(name).map(str::to_owned);
        let secret = |name: &str| env.get(name).map(Secret::new);
        let path = |name: &str| env.get(name).map(|path| env.cwd.join(path));
        Cloud {
            oidc: Oidc {
                request_url: text("ACTIONS_ID_TOKEN_REQUEST_URL"),
                request_token: secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
                token: values.secret("oidc_token"),
            },
            aws: Aws {
                region: values.text("aws_region"),
                bearer_token: values.secret("aws_bearer_token_bedrock"),
                access_key_id: text("AWS_ACCESS_KEY_ID"),
                secret_access_key: secret("AWS_SECRET_ACCESS_KEY"),
                session_token: secret("AWS_SESSION_TOKEN"),
                role_arn: values.text("aws_role_arn"),
                role_session_name: text("AWS_ROLE_SESSION_NAME"),
                web_identity_token_file: path("AWS_WEB_IDENTITY_TOKEN_FILE"),
                container_relative_uri: text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
                container_full_uri: text("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
                container_token: secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
                container_token_file: path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
                metadata_disabled: env.is_on("AWS_EC2_METADATA_DISABLED"),
                metadata_endpoint: text("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
                bedrock_endpoint: text("AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
                sts_endpoint: text("AWS_ENDPOINT_URL_STS"),
            },
            google: Google {
                project: values.text("vertex_project"),
                region: values.text("vertex_region").unwrap_or_default(),
                access_token: secret("GOOGLE_OAUTH_ACCESS_TOKEN")
                    .or_else(|| secret("CLOUDSDK_AUTH_ACCESS_TOKEN")),
                credentials_file: path("GOOGLE_APPLICATION_CREDENTIALS")
                    .or_else(|| path("GOOGLE_GHA_CREDS_PATH")),
                workload_identity_provider: values.text("gcp_workload_identity_provider"),
                service_account: values.text("gcp_service_account"),
                metadata_host: text("GCE_METADATA_HOST"),
                base_url: text("ANTHROPIC_VERTEX_BASE_URL"),
            },
            federation: Federation {
                rule_id: values.text("anthropic_federation_rule_id"),
                organization_id: values.text("anthropic_organization_id"),
                service_account_id: values.text("anthropic_service_account_id"),
                workspace_id: values.text("anthropic_workspace_id"),
                audience: values.text("anthropic_oidc_audience"),
                token: secret("ANTHROPIC_IDENTITY_TOKEN"),
                token_file: path("ANTHROPIC_IDENTITY_TOKEN_FILE"),
            },
            hosted_runner: env.get("RUNNER_ENVIRONMENT") == Some("github-hosted"),
        }
    }
}
