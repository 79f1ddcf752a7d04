//! AWS Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use std::fmt::Write as _;
use std::time::SystemTime;

use ring::{digest, hmac};

use crate::http::{HeaderName, Url};
use crate::redact::Secret;

/// What signs a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Names the secret; not secret itself.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: Secret,
    /// Goes with temporary ones.
    pub session_token: Option<Secret>,
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// In upper case.
    pub method: &'a str,
    /// Where to, as it is sent: with a path that is percent-encoded once.
    pub url: &'a Url,
    /// Headers to sign beside `host`, the date and the session token; names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// For which region and service a signature holds.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `us-east-1`.
    pub region: &'a str,
    /// `bedrock`.
    pub service: &'a str,
}

/// Name of the header that carries the signature's time.
pub const DATE: &str = "x-amz-date";
/// Name of the header that carries the session token.
pub const TOKEN: &str = "x-amz-security-token";

/// The headers to add, `authorization` the last.
///
/// Path segments are encoded once more than they are sent, as every service but
/// S3 wants it: `:` in a model's id is sent as `%3A` and signed as `%253A`.
pub fn sign(
    request: &Unsigned<'_>,
    keys: &Keys,
    scope: Scope<'_>,
    time: SystemTime,
) -> Vec<(HeaderName, String)> {
    let time = time_text(time);
    let day = &time[..8];
    let mut headers: Vec<(&str, &str)> = request.headers.to_vec();
    let host = host(request.url);
    headers.push(("host", &host));
    headers.push((DATE, &time));
    if let Some(token) = &keys.session_token {
        headers.push((TOKEN, token.expose()));
    }
    headers.sort_unstable();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let mut canonical = String::new();
    let _ = writeln!(canonical, "{}\n{}", request.method, canonical_path(request.url));
    let _ = writeln!(canonical, "{}", canonical_query(request.url));
    for (name, value) in &headers {
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let _ = write!(canonical, "\n{names}\n{}", hash(request.body));

    let Scope { region, service } = scope;
    let credential = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{credential}\n{}", hash(canonical.as_bytes()));
    let secret = format!("AWS4{}", keys.secret_access_key.expose());
    let key = [day, region, service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part.as_bytes()));
    let signature = hex(&mac(&key, text.as_bytes()));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{credential}, SignedHeaders={names}, Signature={signature}",
        keys.access_key_id
    );
    let mut added = vec![(HeaderName::from_static(DATE), time)];
    let token = keys.session_token.as_ref().map(|token| token.expose().to_owned());
    added.extend(token.map(|token| (HeaderName::from_static(TOKEN), token)));
    added.push((HeaderName::from_static("authorization"), authorization));
    added
}

/// `20150830T123600Z`.
fn time_text(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// As the client sends it: with the port where it is not the scheme's own.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn canonical_path(url: &Url) -> String {
    url.path().split('/').map(encode).collect::<Vec<_>>().join("/")
}

fn canonical_query(url: &Url) -> String {
    let mut pairs: Vec<(String, String)> =
        url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Percent-encoding of everything but RFC 3986's unreserved characters.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    /// The keys and the time that AWS's published examples use: 2015-08-30T12:36:00Z.
    fn signature(
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
        service: &str,
        token: Option<&str>,
    ) -> String {
        let keys = Keys {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: token.map(Secret::new),
        };
        let time = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let url: Url = url.parse().unwrap();
        let request = Unsigned { method, url: &url, headers, body: body.as_bytes() };
        let scope = Scope { region: "us-east-1", service };
        let added = sign(&request, &keys, scope, time);
        assert_eq!(added[0].1, "20150830T123600Z");
        added.last().unwrap().1.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn signatures_are_those_that_aws_publishes() {
        let check =
            |method: &str, url: &str, headers: &[(&str, &str)], body: &str, expect: &str| {
                assert_eq!(signature(method, url, headers, body, "service", None), expect, "{url}");
            };
        let root = "https://example.amazonaws.com/";
        check(
            "GET",
            root,
            &[],
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
        check(
            "POST",
            root,
            &[],
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        );
        check(
            "GET",
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        );
        let form = [("content-type", "application/x-www-form-urlencoded")];
        check(
            "POST",
            root,
            &form,
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        );
        let url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08";
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        assert_eq!(
            signature("GET", url, &headers, "", "iam", None),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    /// Figures by botocore 1.44.5, which the path's double encoding must match.
    #[test]
    fn model_names_are_signed_as_amazon_s_own_client_does() {
        let check = |model: &str, token: Option<&str>, expect: &str| {
            let url = format!(
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/{}/invoke-with-response-stream",
                encode(model)
            );
            let headers = [("content-type", "application/json")];
            let signed = signature("POST", &url, &headers, "{\"a\":\"é\"}", "bedrock", token);
            assert_eq!(signed, expect, "{model}");
        };
        check(
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            None,
            "55b8d581f4aad48826dc1fd61622d5d8b907e8abf91a5753a43c5841195e8fee",
        );
        check(
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd34ef56",
            Some("a-session-token/with+signs=="),
            "4e3e2116e0d3583ca7441127ce1521231545aeb6b3d42c174f8415ed42dcfcfa",
        );
    }
}
