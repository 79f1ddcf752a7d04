//! Which proxy a request goes through: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`
//! by the rules that curl and Go share. Loopback is never asked through a proxy.

use std::net::IpAddr;

use reqwest::Url;

/// The three settings, as their variables give them.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    except: Vec<Except>,
}

/// One entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Except {
    All,
    /// A host and what lies below it, or a port of it only.
    Domain(String, Option<u16>),
    /// An address and how many of its bits count.
    Network(IpAddr, u8, Option<u16>),
}

impl Proxies {
    /// Each as in its variable: a proxy as URL or `host:port`, exceptions as a
    /// list of `*`, hosts (with what lies below them), addresses and networks
    /// (`10.0.0.0/8`), each with a port or without. Fails on a proxy that is no
    /// URL; the message does not repeat it, for it may hold a password.
    pub fn new(
        http: Option<&str>,
        https: Option<&str>,
        except: Option<&str>,
    ) -> anyhow::Result<Self> {
        let parse = |name: &str, text: Option<&str>| -> anyhow::Result<Option<Url>> {
            let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
                return Ok(None);
            };
            let text =
                if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
            let url = Url::parse(&text)
                .ok()
                .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
            match url {
                Some(url) => Ok(Some(url)),
                None => anyhow::bail!("cannot use {name}: expected http://host:port"),
            }
        };
        let except = except.unwrap_or("");
        Ok(Proxies {
            http: parse("the http proxy", http)?,
            https: parse("the https proxy", https)?,
            except: except
                .split(|c: char| c == ',' || c.is_whitespace())
                .filter(|entry| !entry.is_empty())
                .map(entry)
                .collect(),
        })
    }

    /// The proxy for a URL, if it goes through one.
    fn choose(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "http" => self.http.as_ref(),
            "https" => self.https.as_ref(),
            _ => None,
        }?;
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches([']', '.']);
        let host = host.to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return None;
        }
        let port = url.port_or_known_default();
        let excepted = self.except.iter().any(|except| match except {
            Except::All => true,
            Except::Domain(domain, only) => {
                (only.is_none() || *only == port)
                    && host
                        .strip_suffix(domain.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Except::Network(network, bits, only) => {
                (only.is_none() || *only == port)
                    && address.is_some_and(|address| lies_in(address, *network, *bits))
            }
        });
        (!excepted).then_some(proxy)
    }

    pub(super) fn as_reqwest(&self) -> reqwest::Proxy {
        let proxies = self.clone();
        reqwest::Proxy::custom(move |url| proxies.choose(url).cloned())
    }
}

fn entry(text: &str) -> Except {
    let text = text.to_ascii_lowercase();
    if text == "*" {
        return Except::All;
    }
    if let Some((network, bits)) = text.split_once('/')
        && let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse())
    {
        return Except::Network(network, bits, None);
    }
    let whole = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Except::Network(address, whole(address), None);
    }
    let (host, port) = match text.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host, Some(port)),
        _ => (text.as_str(), None),
    };
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => Except::Network(address, whole(address), port),
        Err(_) => {
            let domain = host.trim_start_matches('*').trim_matches('.').to_owned();
            Except::Domain(domain, port)
        }
    }
}

fn lies_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let equal = |a: u128, b: u128, width: u32| {
        let low = width.saturating_sub(u32::from(bits));
        low >= 128 || (a ^ b) >> low == 0
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => equal(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => equal(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(except: &str, url: &str, proxied: bool) {
        let proxies =
            Proxies::new(Some("http://plain:1"), Some("tls.example:2"), Some(except)).unwrap();
        let url = Url::parse(url).unwrap();
        assert_eq!(proxies.choose(&url).is_some(), proxied, "{except} {url}");
    }

    #[test]
    fn exceptions_follow_the_usual_rules() {
        check("", "https://api.github.com/x", true);
        check("*", "https://api.github.com/x", false);
        check("github.com", "https://api.github.com/x", false);
        check(".github.com", "https://api.github.com/x", false);
        check("*.github.com", "https://api.github.com/x", false);
        check("GitHub.com", "https://github.com./", false);
        check("hub.com", "https://github.com/", true);
        check("other, github.com other2", "https://github.com/", false);
        check("github.com:443", "https://github.com/", false);
        check("github.com:8443", "https://github.com/", true);
        check("10.0.0.0/8", "http://10.200.3.4/", false);
        check("10.0.0.0/8", "http://11.0.0.1/", true);
        check("10.0.0.0/0", "http://11.0.0.1/", false);
        check("10.0.0.1", "http://10.0.0.1:99/", false);
        check("10.0.0.1:99", "http://10.0.0.1:98/", true);
        check("fd00::/8", "http://[fd12::1]/", false);
        check("[fd12::1]", "http://[fd12::1]/", false);
        check("fd12::1", "http://[fd12::2]/", true);
        check("::/0", "http://[fd12::2]/", false);
        check("10.0.0.0/99", "http://10.0.0.1/", true);
    }

    #[test]
    fn loopback_is_never_proxied() {
        for host in ["localhost", "127.0.0.1:8080", "127.8.8.8", "[::1]:9"] {
            check("", &format!("http://{host}/"), false);
        }
    }

    #[test]
    fn a_proxy_is_chosen_by_scheme_and_checked() {
        let proxies = Proxies::new(Some("http://u:p@plain:1"), None, None).unwrap();
        let choose = |url: &str| proxies.choose(&Url::parse(url).unwrap()).cloned();
        assert_eq!(choose("http://a.example/").unwrap().host_str(), Some("plain"));
        assert_eq!(choose("https://a.example/"), None);
        let error = Proxies::new(None, Some("socks5://u:secret@x"), None).err().unwrap();
        assert!(!format!("{error:#}").contains("secret"));
        assert!(Proxies::new(Some(""), Some(" "), None).unwrap().http.is_none());
    }
}
