//! The network client against servers that misbehave.

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pipewright::forge::{Forge, ForgeError};
use pipewright::http::{
    Bytes, Client, Config, Credential, Error, Proxies, Repeat, Request, StatusCode, Url,
};
use support::client::{config, forge, forge_noting};
use support::github::{Fault, GitHub, On};
use support::server::{self, Reply, Server, Wire};

type Log = Arc<Mutex<Vec<server::Request>>>;

/// A server that notes what it is asked and answers `reply`'s.
fn serve(
    reply: impl Fn(&server::Request, usize) -> Reply + Send + Sync + 'static,
) -> (Server, Log) {
    let log = Log::default();
    let noted = log.clone();
    let server = Server::start(move |request| {
        let mut log = noted.lock().unwrap();
        log.push(request.clone());
        reply(&request, log.len())
    });
    (server, log)
}

fn text(status: u16, body: &str) -> Reply {
    Reply::new(status, "text/plain", body.into())
}

fn url(server: &Server, path: &str) -> Url {
    Url::parse(&format!("{}{path}", server.url)).unwrap()
}

fn client() -> Client {
    Client::new(Config { stall_timeout: Duration::from_millis(200), ..config().0 }).unwrap()
}

fn with_token(url: Url) -> Request {
    let credential = Credential::bearer("hunter2", &url).unwrap();
    Request::get(url).with_credential(credential)
}

#[tokio::test]
async fn a_token_stays_with_its_host_on_redirects() {
    let (other, other_log) = serve(|_, _| text(200, "other"));
    let target = format!("{}/there", other.url);
    let (server, log) = serve(move |request, _| match request.path() {
        "/away" => text(302, "").with("location", &target),
        "/home" => text(301, "").with("location", "/here"),
        _ => text(200, "home"),
    });
    let answer = client().send(&with_token(url(&server, "/away"))).await.unwrap();
    assert_eq!(answer.body, "other");
    assert_eq!(other_log.lock().unwrap()[0].header("authorization"), None);
    let answer = client().send(&with_token(url(&server, "/home"))).await.unwrap();
    assert_eq!((&answer.body[..], answer.url.path()), (&b"home"[..], "/here"));
    assert!(
        log.lock().unwrap().iter().all(|r| r.header("authorization") == Some("Bearer hunter2"))
    );
}

#[tokio::test]
async fn a_write_is_not_redirected_to_another_host_and_keeps_its_method() {
    let (other, other_log) = serve(|_, _| text(200, "other"));
    let target = format!("{}/there", other.url);
    let (server, log) = serve(move |request, _| match request.path() {
        "/away" => text(307, "").with("location", &target),
        "/home" => text(301, "").with("location", "/here"),
        _ => text(200, "done"),
    });
    let post = |path| Request::post_json(url(&server, path), "{\"a\":1}");
    let error = client().send(&post("/away")).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert!(other_log.lock().unwrap().is_empty());
    client().send(&post("/home")).await.unwrap();
    let log = log.lock().unwrap();
    let last = log.last().unwrap();
    assert_eq!((last.method.as_str(), &last.body[..]), ("POST", &b"{\"a\":1}"[..]));
}

#[tokio::test]
async fn redirects_end() {
    let (server, log) = serve(|_, _| text(302, "").with("location", "/again"));
    let error = client().send(&Request::get(url(&server, "/"))).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert_eq!(log.lock().unwrap().len(), 6);
    let (server, _) = serve(|_, _| text(302, "").with("location", "http://["));
    let error = client().send(&Request::get(url(&server, "/"))).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

#[tokio::test]
async fn a_repository_that_moved_is_followed_without_giving_the_token_away() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.head("a", "b\n");
    });
    let (other, other_log) = serve(|_, _| Reply::json(200, &serde_json::json!([])));
    github.redirect("pulls/7/files", 301, &format!("{}/elsewhere", other.url));
    assert!(forge(&github).diff(7, None).await.unwrap().files.is_empty());
    assert_eq!(other_log.lock().unwrap()[0].header("authorization"), None);
}

#[tokio::test]
async fn what_breaks_is_tried_again_if_that_does_no_harm() {
    let long = Duration::from_millis(350);
    for wire in [Wire::Nothing, Wire::Half, Wire::Silence(long), Wire::HalfThenSilence(long)] {
        let (server, log) = serve(move |_, nth| {
            let wire = if nth < 3 { wire } else { Wire::Whole };
            Reply { wire, ..text(200, "the whole answer") }
        });
        let answer = client().send(&Request::get(url(&server, "/"))).await;
        assert_eq!(answer.unwrap().body, "the whole answer", "{wire:?}");
        assert_eq!(log.lock().unwrap().len(), 3);
        log.lock().unwrap().clear();
        let error = client().send(&Request::post_json(url(&server, "/"), "{}")).await.unwrap_err();
        assert!(matches!(error, Error::Broken(_)), "{wire:?}: {error}");
        assert_eq!(log.lock().unwrap().len(), 1, "{wire:?}");
        let post = Request::post_json(url(&server, "/"), "{}").with_repeat(Repeat::Harmless);
        assert!(client().send(&post).await.is_ok());
    }
}

#[tokio::test]
async fn attempts_are_counted_and_waits_grow() {
    let (server, log) = serve(|_, _| text(503, "<h1>busy</h1>"));
    let (config, waits) = config();
    let client = Client::new(config).unwrap();
    let error = client.send(&Request::get(url(&server, "/x?secret=1"))).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{}/x: 503 Service Unavailable: busy", server.url));
    assert_eq!(log.lock().unwrap().len(), 5);
    let waits = waits.lock().unwrap();
    assert_eq!(waits.len(), 4);
    assert!(waits[3] > waits[0]);
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_has_not_seen_the_request() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (config, waits) = config();
    let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let error = Client::new(config).unwrap().send(&Request::post_json(url, "{}")).await;
    assert!(matches!(error, Err(Error::NotSent(_))), "{error:?}");
    assert_eq!(waits.lock().unwrap().len(), 4, "a write that was not sent is tried again");
}

#[tokio::test]
async fn nothing_goes_on_past_the_deadline() {
    let (server, log) = serve(|_, _| text(429, "").with("retry-after", "3600"));
    let soon = tokio::time::Instant::now() + Duration::from_secs(60);
    let bound = client().until(soon);
    let error = bound.send(&Request::get(url(&server, "/"))).await.unwrap_err();
    assert!(matches!(&error, Error::Status(answer) if answer.is_rate_limit()), "{error}");
    assert_eq!(log.lock().unwrap().len(), 1);
    assert!(!client().until(tokio::time::Instant::now()).back_off(1).await);
    let over = client().until(tokio::time::Instant::now());
    let error = over.send(&Request::get(url(&server, "/"))).await.unwrap_err();
    assert!(matches!(error, Error::Deadline(_)), "{error}");
    assert_eq!(log.lock().unwrap().len(), 1);
    let (slow, _) =
        serve(|_, _| Reply { wire: Wire::Silence(Duration::from_secs(2)), ..Reply::default() });
    let start = Instant::now();
    let soon = tokio::time::Instant::now() + Duration::from_millis(100);
    assert!(client().until(soon).send(&Request::get(url(&slow, "/"))).await.is_err());
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn an_answer_may_not_be_larger_than_said() {
    let (server, _) = serve(|_, _| Reply { wire: Wire::Chunked, ..text(200, &"x".repeat(5000)) });
    let mut request = Request::get(url(&server, "/"));
    assert_eq!(client().send(&request).await.unwrap().body.len(), 5000);
    request.max_bytes = Some(4999);
    assert!(matches!(client().send(&request).await, Err(Error::TooLarge(_))));
}

#[tokio::test]
async fn answers_are_streamed_as_they_come() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .unwrap();
        wait.recv().unwrap();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").unwrap();
        let _ = wait.recv();
    });
    let mut answer = client().send_streaming(&Request::get(url)).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.chunk().await.unwrap(), Some(Bytes::from_static(b"first")));
    go_on.send(()).unwrap();
    assert_eq!(answer.chunk().await.unwrap(), Some(Bytes::from_static(b"second")));
    assert_eq!(answer.chunk().await.unwrap(), None);

    let long = Duration::from_secs(1);
    let (server, _) =
        serve(move |_, _| Reply { wire: Wire::HalfThenSilence(long), ..text(200, "0123456789") });
    let request = Request::get(Url::parse(&server.url).unwrap());
    let mut answer = client().send_streaming(&request).await.unwrap();
    assert_eq!(answer.chunk().await.unwrap(), Some(Bytes::from_static(b"01234")));
    let error = answer.chunk().await.unwrap_err();
    assert!(matches!(&error, Error::Broken(_)), "{error}");
    assert!(error.to_string().contains("nothing came for"), "{error}");
}

#[tokio::test]
async fn connections_are_kept() {
    let (server, _) = serve(|_, _| text(200, "x"));
    let client = client();
    for _ in 0..5 {
        client.send(&Request::get(url(&server, "/"))).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn proxies_are_used_as_configured() {
    let (proxy, log) = serve(|_, _| text(200, "by proxy"));
    let (direct, _) = serve(|_, _| text(200, "direct"));
    let with = |except: Option<&str>| {
        let address = proxy.url.replace("http://", "http://user:pass@");
        let proxies = Proxies::new(Some(&address), Some(&proxy.url), except).unwrap();
        let retry = pipewright::http::Retry { attempts: 1, ..Default::default() };
        Client::new(Config { proxies, retry, ..config().0 }).unwrap()
    };
    let outside = Request::get(Url::parse("http://forge.example.test/x").unwrap());
    assert_eq!(with(None).send(&outside).await.unwrap().body, "by proxy");
    let asked = log.lock().unwrap()[0].clone();
    assert_eq!(asked.target, "http://forge.example.test/x");
    assert_eq!(asked.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
    let error = with(Some("other.test, .example.test")).send(&outside).await;
    assert!(matches!(error, Err(Error::NotSent(_))), "{error:?}");
    let inside = Request::get(url(&direct, "/"));
    assert_eq!(with(None).send(&inside).await.unwrap().body, "direct");
    let tls = Request::get(Url::parse("https://forge.example.test/x").unwrap());
    with(None).send(&tls).await.unwrap_err();
    let asked = log.lock().unwrap().last().unwrap().clone();
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str()),
        ("CONNECT", "forge.example.test:443")
    );
}

/// One answer over TLS, by a certificate of `tests/fixtures/tls`; gives the
/// protocol that was agreed on.
fn serve_tls(answer: String) -> (Url, std::sync::mpsc::Receiver<Option<Vec<u8>>>) {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
    let certificate = CertificateDer::from(include_bytes!("fixtures/tls/server.der").to_vec());
    let key = include_bytes!("fixtures/tls/server.key.der").to_vec();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key)))
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (agreed, protocol) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream);
            let mut head = [0; 4096];
            if tls.read(&mut head).is_ok_and(|n| n > 0) {
                let _ = agreed.send(tls.conn.alpn_protocol().map(<[u8]>::to_vec));
                let _ = tls.write_all(answer.as_bytes());
                let _ = tls.flush();
            }
        }
    });
    (Url::parse(&format!("https://localhost:{port}/")).unwrap(), protocol)
}

#[tokio::test]
async fn certificates_are_trusted_by_the_bundle_only() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure";
    let (url, protocol) = serve_tls(answer.to_owned());
    let error = client().send(&Request::get(url.clone())).await.unwrap_err();
    assert!(matches!(&error, Error::NotSent(_)), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    let ca_bundle = Some(include_bytes!("fixtures/tls/ca.pem").to_vec());
    let trusting = Client::new(Config { ca_bundle, ..config().0 }).unwrap();
    assert_eq!(trusting.send(&Request::get(url)).await.unwrap().body, "secure");
    assert_eq!(protocol.recv().unwrap().as_deref(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn https_never_leads_to_http() {
    let (clear, log) = serve(|_, _| text(200, "in the clear"));
    let answer = format!("HTTP/1.1 302 F\r\nlocation: {}/\r\ncontent-length: 0\r\n\r\n", clear.url);
    let (url, _) = serve_tls(answer);
    let ca_bundle = Some(include_bytes!("fixtures/tls/ca.pem").to_vec());
    let client = Client::new(Config { ca_bundle, ..config().0 }).unwrap();
    let error = client.send(&Request::get(url)).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(_)), "{error}");
    assert!(log.lock().unwrap().is_empty());
}

#[tokio::test]
async fn reads_survive_every_fault() {
    let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    let long = Duration::from_millis(350);
    for fault in [
        Fault::Status(429, &[("retry-after", "2")], ""),
        Fault::Status(429, &[], ""),
        Fault::Status(403, &[], secondary),
        Fault::Status(
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")],
            r#"{"message":"API rate limit exceeded"}"#,
        ),
        Fault::Status(500, &[], ""),
        Fault::Html502,
        Fault::Reset,
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Stall(long),
        Fault::StallHalfway(long),
    ] {
        let github = GitHub::start();
        github.pull(7, |pull| {
            for n in 0..250 {
                pull.head(&format!("f{n}.rs"), "x\n");
            }
        });
        for nth in 0..3 {
            github.fault(On::nth(nth), fault.clone());
        }
        let config = Config { stall_timeout: Duration::from_millis(150), ..config().0 };
        let forge = support::client::forge_with(&github, config);
        let change = forge.diff(7, Some(250)).await;
        assert_eq!(change.map(|c| c.files.len()).ok(), Some(250), "{fault:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_an_error_with_githubs_words() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.head("a", "b\n");
    });
    let (forge, waits) = forge_noting(&github);
    let words = r#"{"message":"Resource not accessible by integration"}"#;
    for status in [401, 403, 404, 422] {
        github.fault(On::next("GET", "pulls/7"), Fault::Status(status, &[], words));
        let error = forge.change_request(7).await.unwrap_err();
        let kind = match &error {
            ForgeError::Denied(_) => vec![401, 403],
            ForgeError::NotFound(_) => vec![404],
            ForgeError::Rejected(_) => vec![422],
            ForgeError::Unreachable(_) => vec![],
        };
        assert!(kind.contains(&status), "{status}: {error:?}");
        assert!(error.to_string().contains("Resource not accessible by integration"), "{error}");
        assert!(!error.to_string().contains("ghs_test"), "{error}");
    }
    assert!(waits.lock().unwrap().is_empty());
    github.fault(On::every("GET", "pulls/7"), Fault::Reset);
    assert!(matches!(forge.change_request(7).await, Err(ForgeError::Unreachable(_))));
}
