//! A role, assumed with an identity token
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).

use anyhow::anyhow;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::region::{self, dns_suffix};
use super::sigv4::Keys;
use crate::http::{Client, Url};
use crate::inputs::Aws;
use crate::model::ModelError;
use crate::model::identity::{self, JobIdentity, Timed};

/// Who is to become what, and where to ask for it.
#[derive(Debug, Clone)]
pub struct Role {
    url: Url,
    arn: String,
    session_name: String,
    job: JobIdentity,
}

impl Role {
    /// Asks the region's own endpoint, which is the one that private networks reach.
    ///
    /// # Errors
    /// The address cannot be used for secrets.
    pub fn new(aws: &Aws, arn: &str, job: JobIdentity, region: &str) -> anyhow::Result<Self> {
        let url = match &aws.sts_endpoint {
            Some(text) => identity::safe_url(text, "AWS_ENDPOINT_URL_STS")?,
            None => {
                region::check(region)?;
                Url::parse(&format!("https://sts.{region}.{}/", dns_suffix(region)))?
            }
        };
        let session_name = aws.role_session_name.clone().unwrap_or_else(|| "pipewright".to_owned());
        Ok(Role { url, arn: arn.to_owned(), session_name, job })
    }

    /// Keys for an hour, or for what the role allows.
    ///
    /// # Errors
    /// `Denied` if there is no identity token or the role does not trust it.
    pub async fn assume(&self, client: &Client, audience: &str) -> Result<Timed<Keys>, ModelError> {
        let what = format!("assume {}", self.arn);
        let token = self.job.token(client, audience).await?;
        let request = identity::form(
            self.url.clone(),
            &[
                ("Action", "AssumeRoleWithWebIdentity"),
                ("Version", "2011-06-15"),
                ("RoleArn", &self.arn),
                ("RoleSessionName", &self.session_name),
                ("WebIdentityToken", token.expose()),
            ],
        );
        let hint = "its trust policy must name the host's identity provider, `sts.amazonaws.com` \
                    as the audience and this job as the subject";
        let response = identity::ask(client, &request, &what, hint).await?;
        read(&response.body, &what)
    }
}

fn read(body: &[u8], what: &str) -> Result<Timed<Keys>, ModelError> {
    let fields = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"];
    let [Some(id), Some(secret), Some(token), end] = texts(body, fields) else {
        return Err(ModelError::Denied(anyhow!("cannot {what}: the answer is not as documented")));
    };
    let keys = Keys {
        access_key_id: id,
        secret_access_key: identity::keep(&secret),
        session_token: Some(identity::keep(&token)),
    };
    Timed::until(keys, end.as_deref()).map_err(ModelError::Denied)
}

/// The text of the first element of each name, anywhere in an XML document.
fn texts<const N: usize>(body: &[u8], names: [&str; N]) -> [Option<String>; N] {
    let mut found = [const { None }; N];
    let Ok(text) = std::str::from_utf8(body) else { return found };
    let mut reader = Reader::from_str(text);
    let mut open: Option<usize> = None;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let name = start.local_name();
                open = names.iter().position(|wanted| *wanted == name.as_ref());
            }
            Ok(Event::Text(text)) => {
                if let Some(slot) = open.and_then(|at| found.get_mut(at)).filter(|s| s.is_none()) {
                    *slot = Some(text.trim().to_owned());
                }
            }
            Ok(Event::End(_)) => open = None,
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_are_read_or_refused() {
        let answer = |inner: &str| {
            format!(
                "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <AssumeRoleWithWebIdentityResult><Credentials>{inner}</Credentials>\
                 <AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>\
                 </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
            )
        };
        let whole = answer(
            "<SessionToken> fwoGZ/+=\n</SessionToken><SecretAccessKey>wJalr/x</SecretAccessKey>\
             <Expiration>2030-01-01T00:00:00Z</Expiration><AccessKeyId>ASIA1</AccessKeyId>",
        );
        let read = |text: &str| super::read(text.as_bytes(), "assume");
        let timed = read(&whole).unwrap();
        assert_eq!(timed.value.access_key_id, "ASIA1");
        assert_eq!(timed.value.secret_access_key.expose(), "wJalr/x");
        assert_eq!(timed.value.session_token.unwrap().expose(), "fwoGZ/+=");
        assert!(timed.until.is_some());
        assert!(read(&answer("<AccessKeyId>A</AccessKeyId>")).is_err());
        assert!(read("<a").is_err());
        assert!(read("{}").is_err());
        assert!(read("").is_err());
    }
}
