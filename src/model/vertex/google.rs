//! Google Cloud for one job: project, region and a credential, shared by all
//! models that are reached there.

use anyhow::{Context as _, anyhow};

use super::credentials::{self, Issuers, Source};
use crate::http::{Client, Url};
use crate::inputs::Cloud;
use crate::model::ModelError;
use crate::model::identity::{self, Cached};
use crate::redact::Secret;

/// Where Vertex AI is for this job, and who asks.
pub struct Google {
    client: Client,
    /// Ends in `/v1`, without a slash.
    base: Url,
    project: Option<String>,
    region: String,
    source: Source,
    issuers: Issuers,
    token: Cached<Secret>,
}

impl Google {
    /// What the surroundings offer; nothing is asked yet.
    ///
    /// # Errors
    /// There is nothing, what there is cannot be used, or no project is named.
    pub fn new(client: &Client, cloud: &Cloud) -> anyhow::Result<Self> {
        Google::with_issuers(client, cloud, Issuers::default())
    }

    /// The same with other issuers of tokens than Google's.
    ///
    /// # Errors
    /// As [`Google::new`].
    pub fn with_issuers(client: &Client, cloud: &Cloud, issuers: Issuers) -> anyhow::Result<Self> {
        let google = &cloud.google;
        let region = google.region.clone();
        let base = base(&region, google.base_url.as_deref())?;
        let (source, own_project) = credentials::source(cloud)?;
        let project = google.project.clone().or(own_project);
        if let Some(project) = &project {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-:.".contains(c);
            if project.is_empty() || !project.chars().all(plain) {
                return Err(anyhow!("`{}` is not a project", project.escape_debug()));
            }
        } else if !matches!(source, Source::Metadata { .. }) {
            return Err(anyhow!("no project for Vertex AI: set `vertex_project`"));
        }
        let token = Cached::default();
        Ok(Google { client: client.clone(), base, project, region, source, issuers, token })
    }

    /// An access token that holds for a while yet.
    ///
    /// # Errors
    /// `Denied` if none is given, `Unavailable` if nobody answers.
    pub async fn token(&self) -> Result<Secret, ModelError> {
        self.token.get(|| credentials::token(&self.client, &self.source, &self.issuers)).await
    }

    /// Drops the token: Google does not take it.
    pub async fn forget(&self) {
        self.token.forget().await;
    }

    /// An address in the project and region.
    ///
    /// # Errors
    /// The project is the machine's own, and its metadata service does not say which.
    pub async fn url(&self, path: &str) -> Result<Url, ModelError> {
        let project = match (&self.project, &self.source) {
            (Some(project), _) => project.clone(),
            (None, Source::Metadata { host }) => credentials::metadata_project(host).await?,
            (None, _) => return Err(ModelError::Denied(anyhow!("set `vertex_project`"))),
        };
        let prefix = self.base.path().trim_end_matches('/');
        let mut url = self.base.clone();
        let region = &self.region;
        url.set_path(&format!("{prefix}/projects/{project}/locations/{region}/{path}"));
        Ok(url)
    }

    /// Where Google's own models are asked as if they were OpenAI's: `/chat/completions`
    /// is to be added, [`Google::token`] is the bearer, the model is `google/gemini-…`
    /// (<https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/openai>).
    ///
    /// # Errors
    /// As [`Google::url`].
    pub async fn openai_base_url(&self) -> Result<Url, ModelError> {
        self.url("endpoints/openapi").await
    }
}

/// Vertex AI in a region, unless ANTHROPIC_VERTEX_BASE_URL names another place.
fn base(region: &str, given: Option<&str>) -> anyhow::Result<Url> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || region.len() > 40 || !region.chars().all(plain) {
        return Err(anyhow!("`{}` is not a region of Vertex AI", region.escape_debug()));
    }
    if let Some(text) = given {
        return identity::safe_url(text, "ANTHROPIC_VERTEX_BASE_URL");
    }
    let host = match region {
        "global" => "aiplatform.googleapis.com".to_owned(),
        // Several regions under one name.
        "us" | "eu" => format!("aiplatform.{region}.rep.googleapis.com"),
        _ => format!("{region}-aiplatform.googleapis.com"),
    };
    Url::parse(&format!("https://{host}/v1")).context("cannot make Vertex AI's address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_region() {
        let check = |region: &str, given: Option<&str>, expect: Option<&str>| {
            let url = base(region, given).ok().map(|url| url.to_string());
            assert_eq!(url.as_deref(), expect, "{region} {given:?}");
        };
        check("global", None, Some("https://aiplatform.googleapis.com/v1"));
        check("us", None, Some("https://aiplatform.us.rep.googleapis.com/v1"));
        check("europe-west1", None, Some("https://europe-west1-aiplatform.googleapis.com/v1"));
        check("evil.example/", None, None);
        check("", None, None);
        check("global", Some("http://evil.example"), None);
        check("global", Some("https://gateway.example/v1"), Some("https://gateway.example/v1"));
    }
}
