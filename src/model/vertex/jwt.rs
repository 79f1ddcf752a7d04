//! A service account's assertion about itself: a JWT signed with RS256
//! (<https://developers.google.com/identity/protocols/oauth2/service-account>, RFC 7523).

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use crate::redact::Secret;

/// What is said of whom.
#[derive(Debug, Clone, Copy)]
pub struct Claims<'a> {
    /// The account's address.
    pub issuer: &'a str,
    /// Who is to believe it: the token endpoint.
    pub audience: &'a str,
    /// What for.
    pub scope: &'a str,
    /// Which of the account's keys.
    pub key_id: Option<&'a str>,
}

/// How long an assertion holds, in seconds: the most that Google takes.
const LIFE: u64 = 3_600;

/// The assertion, signed with a PEM key (PKCS#8, or PKCS#1 of older files).
///
/// # Errors
/// The key is none.
pub fn sign(claims: &Claims<'_>, pem: &Secret, now: SystemTime) -> anyhow::Result<String> {
    let key = key(pem)?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = claims.key_id {
        header["kid"] = json!(id);
    }
    let body = json!({"iss": claims.issuer, "aud": claims.audience, "scope": claims.scope,
                      "iat": now, "exp": now + LIFE});
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(body));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| anyhow!("cannot sign with the service account's key"))?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn key(pem: &Secret) -> anyhow::Result<KeyPair> {
    let unusable = "cannot use the service account's `private_key`: it is no RSA key";
    let key = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).context(unusable)?;
    let pair = match &key {
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(anyhow!(unusable)),
    };
    pair.map_err(|error| anyhow!("{unusable} ({error})"))
}
