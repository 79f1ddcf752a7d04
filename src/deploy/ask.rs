//! Requests to the servers of a deployment, and where their secrets may go.
//!
//! An address comes from the inputs or from a spec; a secret comes from the inputs
//! alone and belongs to the address that stands beside it there. A spec that names
//! another host is asked without it.

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;

use crate::http::{
    Bytes, Client, Credential, Error, HeaderMap, HeaderName, HeaderValue, Method, Repeat, Request,
    Response, StatusCode, Url,
};
pub(super) use crate::http::{is_loopback, segment};
use crate::redact::Secret;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 64 << 20;

/// A server as the inputs name it.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Where it is.
    pub url: Option<Url>,
    /// Who asks. Goes to the host of `url` and to no other.
    pub auth: Auth,
    /// Which tenant's data (`X-Scope-OrgID` of Mimir and Loki).
    pub tenant: Option<String>,
}

/// Who asks.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Nobody in particular.
    #[default]
    None,
    /// `authorization: Bearer …`.
    Bearer(Secret),
    /// `authorization: Basic …`.
    Basic {
        /// The user's name.
        user: String,
        /// The password or token.
        password: Secret,
    },
    /// Headers of any names, all of them secret.
    Headers(Vec<(HeaderName, Secret)>),
}

impl Auth {
    fn is_none(&self) -> bool {
        matches!(self, Auth::None)
    }

    fn credential(&self, owner: &Url) -> anyhow::Result<Option<Credential>> {
        Ok(Some(match self {
            Auth::None => return Ok(None),
            Auth::Bearer(token) => Credential::bearer(token.expose().trim(), owner)?,
            Auth::Basic { user, password } => {
                let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
                let name = HeaderName::from_static("authorization");
                Credential::header(name, &format!("Basic {pair}"), owner)?
            }
            Auth::Headers(headers) => {
                let mut made: Option<Credential> = None;
                for (name, secret) in headers {
                    made = Some(match made {
                        None => Credential::header(name.clone(), secret.expose(), owner)?,
                        Some(first) => first.and(name.clone(), secret.expose())?,
                    });
                }
                return Ok(made);
            }
        }))
    }
}

/// A server's API.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    base: Url,
    credential: Option<Credential>,
    headers: HeaderMap,
    /// The product's name, for messages.
    pub(super) product: &'static str,
    /// What has to be said of the address, if anything.
    pub(super) remark: Option<String>,
}

impl Api {
    /// At the address that the spec gives, else at that of the inputs.
    ///
    /// # Errors
    /// There is no address, it is none, or one that the secret would be readable on
    /// the way to.
    pub(super) fn new(
        client: &Client,
        product: &'static str,
        server: &Server,
        of_spec: Option<&str>,
    ) -> anyhow::Result<Self> {
        let given = of_spec.map(|url| parse(url, product)).transpose()?;
        if let Some(url) = &given {
            if !url.username().is_empty() || url.password().is_some() {
                bail!(
                    "the address of {product} holds a name or a password: secrets come by inputs"
                );
            }
            if server.url.as_ref().is_none_or(|known| known.origin() != url.origin()) {
                refuse_metadata(url, product)?;
            }
        }
        let Some(base) = given.or_else(|| server.url.clone()) else {
            bail!(
                "there is no address for {product}: give `url` in the signal's source, or the input"
            );
        };
        let mut api = Api {
            client: client.clone(),
            credential: None,
            headers: HeaderMap::from_iter([(
                HeaderName::from_static("accept"),
                HeaderValue::from_static("application/json"),
            )]),
            product,
            remark: None,
            base,
        };
        let owned = server.url.as_ref().is_some_and(|url| url.origin() == api.base.origin());
        if !server.auth.is_none() && !owned {
            api.remark = Some(format!(
                "{} was asked without the secret of the inputs: that belongs to {}",
                host(&api.base),
                server.url.as_ref().map_or("no address".to_owned(), host)
            ));
        } else if !server.auth.is_none() {
            if api.base.scheme() != "https" && !is_loopback(&api.base) {
                bail!(
                    "no secret is sent to {}://{}: {product} has to be asked over https",
                    api.base.scheme(),
                    host(&api.base)
                );
            }
            api.credential = server.auth.credential(&api.base)?;
        }
        // A name and a password in the address of the inputs.
        let user = api.base.username().to_owned();
        if !user.is_empty() {
            let password = Secret::new(api.base.password().unwrap_or_default());
            let _ = api.base.set_username("").and_then(|()| api.base.set_password(None));
            if api.credential.is_none() {
                if api.base.scheme() != "https" && !is_loopback(&api.base) {
                    bail!(
                        "no password is sent to {}: it has to be asked over https",
                        host(&api.base)
                    );
                }
                api.credential = Auth::Basic { user, password }.credential(&api.base)?;
            }
        }
        if let Some(tenant) = server.tenant.as_ref().filter(|_| owned || server.url.is_none()) {
            api.set_header("x-scope-orgid", tenant)?;
        }
        Ok(api)
    }

    /// Another header on each request.
    pub(super) fn set_header(&mut self, name: &'static str, value: &str) -> anyhow::Result<()> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| anyhow!("{}: `{name}` cannot be sent: {value:?}", self.product))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(())
    }

    /// The address of a path below the server's.
    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// A request with who asks.
    pub(super) fn request(&self, method: Method, url: Url) -> Request {
        let mut request = Request::new(method, url);
        request.headers = self.headers.clone();
        request.credential = self.credential.clone();
        request.max_bytes = Some(MAX_ANSWER);
        request
    }

    /// GET of a path below the server's; its parts are encoded.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, Error> {
        self.client.send(&self.request(Method::GET, self.url(path, query))).await
    }

    /// GET of an address of this server, or of another one, then without the secret.
    pub(super) async fn get_url(&self, url: Url) -> Result<Response, Error> {
        self.client.send(&self.request(Method::GET, url)).await
    }

    /// POST of a form that only asks.
    pub(super) async fn ask_form(
        &self,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Response, Error> {
        // The encoding of forms is that of queries.
        let body = self.url("", form).query().unwrap_or_default().to_owned();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = self.request(Method::POST, self.url(path, &[]));
        request.headers.insert("content-type", kind);
        request.body = Bytes::from(body);
        self.client.send(&request.with_repeat(Repeat::Harmless)).await
    }

    /// Any request with a JSON body.
    pub(super) async fn send_json(
        &self,
        method: Method,
        url: Url,
        body: &serde_json::Value,
        repeat: Repeat,
    ) -> Result<Response, Error> {
        self.send_as("application/json", method, url, body, repeat).await
    }

    /// The same with another type of JSON (`application/merge-patch+json`).
    pub(super) async fn send_as(
        &self,
        kind: &'static str,
        method: Method,
        url: Url,
        body: &serde_json::Value,
        repeat: Repeat,
    ) -> Result<Response, Error> {
        let mut request = self.request(method, url);
        request.headers.insert("content-type", HeaderValue::from_static(kind));
        request.body = Bytes::from(body.to_string());
        self.client.send(&request.with_repeat(repeat)).await
    }

    /// An error with what was asked for and what to do before it; the error itself stays
    /// in the chain, which tells a platform's refusal from a mistake in a spec.
    pub(super) fn explain(&self, error: Error, what: &str) -> anyhow::Error {
        let product = self.product;
        let why = match &error {
            Error::Status(answer) => match answer.status {
                _ if answer.is_rate_limit() => ", too many requests: run again later",
                StatusCode::UNAUTHORIZED if self.credential.is_none() => {
                    ", it wants to know who asks"
                }
                StatusCode::UNAUTHORIZED => ", the secret is not accepted",
                StatusCode::FORBIDDEN => ", it may not be read with this secret",
                StatusCode::NOT_FOUND => ", there is no such page: look at the address",
                status if status.is_client_error() => ", it does not take the question",
                _ => ", the server failed",
            },
            _ => "",
        };
        anyhow::Error::new(error).context(format!("cannot get {what} from {product}{why}"))
    }
}

/// The body as a value.
///
/// # Errors
/// It is something else: a page to log in, say.
pub(super) fn json<T: DeserializeOwned>(answer: &Response, product: &str) -> anyhow::Result<T> {
    serde_json::from_slice(&answer.body)
        .with_context(|| format!("the answer of {product} is not the JSON that was expected"))
        .map_err(|error| anyhow::Error::new(Error::Refused(error)))
}

fn parse(text: &str, product: &str) -> anyhow::Result<Url> {
    Url::parse(text.trim())
        .ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| anyhow!("cannot use `{text}` as the address of {product}"))
}

/// Addresses that hand out a machine's credentials are no place for measurements.
fn refuse_metadata(url: &Url, product: &str) -> anyhow::Result<()> {
    let name = host(url);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let is_metadata = match bare.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_link_local() || bare == "100.100.100.200",
        Ok(std::net::IpAddr::V6(ip)) => {
            ip.is_unicast_link_local()
                || ip.segments()[..2] == [0xfd00, 0x0ec2]
                || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_link_local())
        }
        Err(_) => matches!(bare, "metadata.google.internal" | "metadata" | "instance-data"),
    };
    if is_metadata {
        bail!("{name} is where a machine's credentials are, not {product}: it is not asked");
    }
    Ok(())
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}
