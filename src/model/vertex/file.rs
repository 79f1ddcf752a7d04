//! Credential files of Google Cloud (<https://google.aip.dev/auth/4110>).
//!
//! A file may come from somewhere else and point anywhere: secrets go only to
//! the hosts that it names over https (or on this machine), and what would run
//! a program is refused.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use serde_json::Value;

use crate::http::Url;
use crate::model::identity::{self, safe_url};
use crate::redact::Secret;

/// A file, checked.
#[derive(Debug, Clone)]
pub enum File {
    /// The account's own key.
    ServiceAccount(ServiceAccount),
    /// A person who is logged in.
    AuthorizedUser(AuthorizedUser),
    /// An identity from elsewhere that is exchanged.
    External(Box<External>),
}

/// `service_account`.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Its address.
    pub email: String,
    /// PEM.
    pub key: Secret,
    /// Which of its keys.
    pub key_id: Option<String>,
    /// Where it is exchanged for a token.
    pub token_url: Url,
}

/// `authorized_user`.
#[derive(Debug, Clone)]
pub struct AuthorizedUser {
    /// The program that the person logged in to.
    pub client_id: String,
    /// Its secret, which is none.
    pub client_secret: Secret,
    /// What stands for the login.
    pub refresh_token: Secret,
    /// Where it is exchanged.
    pub token_url: Url,
}

/// `external_account`: workload identity federation.
#[derive(Debug, Clone)]
pub struct External {
    /// The provider's full name.
    pub audience: String,
    /// What kind of token is exchanged.
    pub subject_token_type: String,
    /// Where.
    pub token_url: Url,
    /// Where the result is exchanged for a service account's token.
    pub impersonation_url: Option<Url>,
    /// For how long, in seconds.
    pub impersonation_seconds: u64,
    /// Where the token to exchange comes from.
    pub subject: Subject,
}

/// Where an identity token comes from.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A file that is kept up to date.
    File(PathBuf, Format),
    /// An address that is asked with these headers.
    Url(Url, Vec<(String, Secret)>, Format),
    /// The CI host, directly.
    Job(identity::JobIdentity),
}

/// How a token is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// As it is.
    Text,
    /// In this field.
    Json(String),
}

#[derive(Deserialize)]
struct Raw {
    r#type: String,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    project_id: Option<String>,
    quota_project_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    audience: Option<String>,
    subject_token_type: Option<String>,
    token_url: Option<String>,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<RawImpersonation>,
    credential_source: Option<RawSource>,
}

#[derive(Deserialize)]
struct RawImpersonation {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct RawSource {
    file: Option<String>,
    url: Option<String>,
    headers: Option<serde_json::Map<String, Value>>,
    format: Option<RawFormat>,
    executable: Option<Value>,
    environment_id: Option<String>,
    certificate: Option<Value>,
}

#[derive(Deserialize)]
struct RawFormat {
    r#type: Option<String>,
    subject_token_field_name: Option<String>,
}

const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// Reads a file: what it holds, and the project it belongs to.
///
/// # Errors
/// It cannot be read, is of a kind that is not taken, or points where secrets may not go.
pub fn read(path: &Path) -> anyhow::Result<(File, Option<String>)> {
    let bytes = identity::read_file(path, "the Google credential file")?;
    let folder = path.parent().unwrap_or(Path::new("."));
    parse(&bytes, folder).with_context(|| format!("cannot use {}", path.display()))
}

fn parse(bytes: &[u8], folder: &Path) -> anyhow::Result<(File, Option<String>)> {
    // The error of a parser would repeat what it read.
    let raw: Raw =
        serde_json::from_slice(bytes).map_err(|_| anyhow!("it is no credential file"))?;
    let project = raw.project_id.clone().or_else(|| raw.quota_project_id.clone());
    let token_url = |text: Option<&str>| safe_url(text.unwrap_or(TOKEN_URL), "`token_uri`");
    let file = match raw.r#type.as_str() {
        "service_account" => File::ServiceAccount(ServiceAccount {
            token_url: token_url(raw.token_uri.as_deref())?,
            email: raw.client_email.context("it has no `client_email`")?,
            key: identity::keep(&raw.private_key.context("it has no `private_key`")?),
            key_id: raw.private_key_id,
        }),
        "authorized_user" => File::AuthorizedUser(AuthorizedUser {
            token_url: token_url(raw.token_uri.as_deref())?,
            client_id: raw.client_id.context("it has no `client_id`")?,
            client_secret: identity::keep(&raw.client_secret.context("it has no `client_secret`")?),
            refresh_token: identity::keep(&raw.refresh_token.context("it has no `refresh_token`")?),
        }),
        "external_account" => File::External(Box::new(external(raw, folder)?)),
        other => {
            let kinds = "`service_account`, `authorized_user` and `external_account` are taken";
            return Err(anyhow!("its type is `{}`; {kinds}", other.escape_debug()));
        }
    };
    Ok((file, project))
}

fn external(raw: Raw, folder: &Path) -> anyhow::Result<External> {
    let source = raw.credential_source.context("it has no `credential_source`")?;
    if source.executable.is_some() {
        return Err(anyhow!("it names a program to run, which is refused"));
    }
    if source.environment_id.is_some() || source.certificate.is_some() {
        return Err(anyhow!("of its sources only `file` and `url` are taken"));
    }
    let format = match source.format {
        Some(RawFormat { r#type: Some(kind), subject_token_field_name }) if kind == "json" => {
            let field = subject_token_field_name.context("it has no `subject_token_field_name`")?;
            Format::Json(field)
        }
        _ => Format::Text,
    };
    let subject = match (source.file, source.url) {
        (Some(file), None) => Subject::File(folder.join(file), format),
        (None, Some(url)) => {
            let url = source_url(&url)?;
            let headers = source.headers.unwrap_or_default();
            let headers = headers.into_iter().filter_map(|(name, value)| {
                let value = value.as_str()?;
                // What is no secret (`Accept: application/json`) must stay readable.
                let lower = name.to_ascii_lowercase();
                let marks = ["auth", "token", "key", "secret", "cookie"];
                let is_secret = marks.iter().any(|mark| lower.contains(mark));
                let value = if is_secret { identity::keep(value) } else { Secret::new(value) };
                Some((name, value))
            });
            Subject::Url(url, headers.collect(), format)
        }
        _ => return Err(anyhow!("its source is neither one `file` nor one `url`")),
    };
    let impersonation = raw.service_account_impersonation_url.as_deref();
    let impersonation =
        impersonation.map(|url| safe_url(url, "`service_account_impersonation_url`"));
    let token_url = raw.token_url.context("it has no `token_url`")?;
    Ok(External {
        audience: raw.audience.context("it has no `audience`")?,
        subject_token_type: raw.subject_token_type.context("it has no `subject_token_type`")?,
        token_url: safe_url(&token_url, "`token_url`")?,
        impersonation_url: impersonation.transpose()?,
        impersonation_seconds: raw
            .service_account_impersonation
            .and_then(|options| options.token_lifetime_seconds)
            .unwrap_or(3_600),
        subject,
    })
}

/// Also the metadata services of clouds, which have no TLS: what Azure's and
/// Google's documentation puts into such files.
fn source_url(text: &str) -> anyhow::Result<Url> {
    let near = ["169.254.169.254", "metadata.google.internal"];
    match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.host_str().is_some_and(|h| near.contains(&h)) => {
            Ok(url)
        }
        _ => safe_url(text, "`credential_source.url`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn external(change: impl FnOnce(&mut Value)) -> Result<File, String> {
        let mut file = json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"file": "token.txt"},
        });
        change(&mut file);
        let parsed = parse(file.to_string().as_bytes(), Path::new("/creds"));
        parsed.map(|(file, _)| file).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn files_that_point_where_secrets_may_not_go_are_refused() {
        let check = |change: fn(&mut Value), expect: &str| {
            let error = external(change).unwrap_err();
            assert!(error.contains(expect), "{error}");
        };
        check(|f| f["token_url"] = json!("http://sts.example/token"), "https");
        check(|f| f["token_url"] = json!("file:///x"), "https");
        check(|f| f["service_account_impersonation_url"] = json!("http://iam.example"), "https");
        check(|f| f["credential_source"] = json!({"url": "http://evil.example/"}), "https");
        check(|f| f["credential_source"] = json!({"url": "gopher://x"}), "https");
        check(
            |f| f["credential_source"] = json!({"executable": {"command": "/bin/sh -c x"}}),
            "a program to run",
        );
        check(
            |f| f["credential_source"] = json!({"file": "a", "executable": {"command": "x"}}),
            "a program to run",
        );
        check(|f| f["credential_source"] = json!({"environment_id": "aws1"}), "only `file`");
        check(|f| f["credential_source"] = json!({}), "neither");
        check(|f| f["credential_source"] = json!({"file": "a", "url": "https://b"}), "neither");
        check(|f| f["type"] = json!("gdch_service_account"), "are taken");
        check(
            |f| {
                f["credential_source"] = json!({"file": "a", "format": {"type": "json"}});
            },
            "subject_token_field_name",
        );
    }

    #[test]
    fn sources_are_read() {
        let subject = |change: fn(&mut Value)| match external(change).unwrap() {
            File::External(external) => external.subject,
            other => panic!("{other:?}"),
        };
        let Subject::File(path, Format::Text) = subject(|_| ()) else { panic!("a file") };
        assert_eq!(path, Path::new("/creds/token.txt"));
        let Subject::Url(url, headers, format) = subject(|f| {
            f["credential_source"] = json!({
                "url": "http://169.254.169.254/metadata/identity/oauth2/token?resource=x",
                "headers": {"Metadata": "True"},
                "format": {"type": "json", "subject_token_field_name": "access_token"},
            });
        }) else {
            panic!("an address")
        };
        assert_eq!(url.host_str(), Some("169.254.169.254"));
        assert_eq!((headers.len(), format), (1, Format::Json("access_token".into())));
    }

    #[test]
    fn errors_do_not_repeat_the_file() {
        for text in ["{\"type\": \"s3cret", "[\"s3cret\"]", "{\"type\": 5, \"x\": \"s3cret\"}"] {
            let error = parse(text.as_bytes(), Path::new("/")).unwrap_err();
            assert!(!format!("{error:#}").contains("s3cret"), "{error:#}");
        }
    }
}
