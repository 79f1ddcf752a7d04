//! Rules of the client that need no server; those that do are in `tests/github_http.rs`.

use std::time::Duration;

use super::*;

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Error {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    Error::Status(Box::new(Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        url: Url::parse("https://api.example/x").unwrap(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }))
}

fn retry() -> Retry {
    Retry { first_wait: Duration::from_secs(1), ..Retry::default() }
}

/// The waits of a request that may only be repeated unprocessed, and of a harmless one.
#[track_caller]
fn check(error: Error, write: Option<u64>, read: Option<u64>) {
    let seconds = |repeat| retry().wait(repeat, &error, 1).map(|wait| wait.as_secs());
    assert_eq!(seconds(Repeat::OnlyUnprocessed), write, "write: {error}");
    assert_eq!(seconds(Repeat::Harmless), read, "read: {error}");
}

#[test]
fn rate_limits_are_waited_out_for_writes_too() {
    let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    check(answer(429, &[("retry-after", "7")], ""), Some(7), Some(7));
    check(answer(429, &[], ""), Some(60), Some(60));
    check(answer(403, &[], secondary), Some(60), Some(60));
    check(answer(403, &[("retry-after", "3")], secondary), Some(3), Some(3));
    check(answer(429, &[("retry-after-ms", "2500")], ""), Some(2), Some(2));
    let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
    check(
        answer(429, &[date, ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT")], ""),
        Some(30),
        Some(30),
    );
    let reset = [date, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1445412500")];
    check(answer(403, &reset, "API rate limit exceeded for 1.2.3.4"), Some(21), Some(21));
    let from_now = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "17")];
    check(answer(429, &from_now, ""), Some(18), Some(18));
    check(answer(429, &[("retry-after", "99999")], ""), None, None);
}

#[test]
fn language_models_say_in_their_own_words_how_long_to_wait() {
    let full = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "1m30.5s")];
    check(answer(429, &full, ""), Some(90), Some(90));
    let other = [("x-ratelimit-remaining-requests", "9"), ("x-ratelimit-reset-requests", "3s")];
    check(answer(429, &other, ""), Some(60), Some(60));
    let says = r#"{"error":{"message":"Rate limit reached. Please try again in 7.2s. Visit x"}}"#;
    check(answer(429, &[], says), Some(7), Some(7));
    let gemini = r#"{"error":{"details":[{"retryDelay": "34s"}]}}"#;
    check(answer(429, &[], gemini), Some(34), Some(34));
    for odd in ["try again in ", "try again in é", "try again in 1y", "\"retryDelay\": 3"] {
        check(answer(429, &[], odd), Some(60), Some(60));
    }
    let spent = r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#;
    check(answer(429, &[("retry-after", "1")], spent), None, None);
}

#[test]
fn what_may_have_been_processed_is_not_repeated() {
    check(answer(403, &[], r#"{"message":"Resource not accessible by integration"}"#), None, None);
    for status in [400, 401, 404, 409, 422, 501] {
        check(answer(status, &[], "rate limit"), None, None);
    }
    for status in [500, 502, 503, 504, 529] {
        let error = answer(status, &[], "");
        assert_eq!(retry().wait(Repeat::OnlyUnprocessed, &error, 1), None);
        assert!(retry().wait(Repeat::Harmless, &error, 1).is_some());
    }
    check(answer(503, &[("retry-after", "9")], ""), None, Some(9));
    assert_eq!(retry().wait(Repeat::OnlyUnprocessed, &Error::Broken(anyhow!("x")), 1), None);
    assert!(retry().wait(Repeat::Harmless, &Error::Broken(anyhow!("x")), 1).is_some());
    assert!(retry().wait(Repeat::OnlyUnprocessed, &Error::NotSent(anyhow!("x")), 1).is_some());
    assert_eq!(retry().wait(Repeat::Harmless, &Error::Refused(anyhow!("x")), 1), None);
}

#[test]
fn waits_grow_but_not_without_end() {
    let broken = Error::Broken(anyhow!("x"));
    for failures in 1..5 {
        let wait = retry().wait(Repeat::Harmless, &broken, failures).unwrap();
        let full = Duration::from_secs(1 << (failures - 1)).min(retry().longest_wait);
        assert!(wait >= full / 2 && wait <= full, "{failures}: {wait:?}");
    }
    assert_eq!(retry().wait(Repeat::Harmless, &broken, 5), None);
    let limit = answer(429, &[], "");
    assert_eq!(retry().wait(Repeat::Harmless, &limit, 3), Some(Duration::from_secs(240)));
}

#[test]
fn secrets_do_not_show() {
    let url = Url::parse("https://api.example/x?token=hunter2").unwrap();
    let credential = Credential::bearer("hunter2", &url).unwrap();
    let request = Request::get(url).with_credential(credential);
    assert!(!format!("{:?}", request.credential).contains("hunter2"));
    assert!(!request.name().contains("hunter2"));
    let url = Url::parse("https://api.example/").unwrap();
    let error = Credential::bearer("hunter\n2", &url).unwrap_err();
    assert!(!format!("{error:#}").contains("hunter"));
}

#[test]
fn a_credential_belongs_to_one_scheme_host_and_port() {
    let owner = Url::parse("https://api.example/api/v3").unwrap();
    let credential = Credential::bearer("t", &owner).unwrap();
    for (url, belongs) in [
        ("https://api.example/repos", true),
        ("https://api.example:443/repos", true),
        ("http://api.example/repos", false),
        ("https://api.example:8443/repos", false),
        ("https://api.example.evil.test/repos", false),
        ("https://evil.test/https://api.example/", false),
    ] {
        assert_eq!(credential.belongs_to(&Url::parse(url).unwrap()), belongs, "{url}");
    }
}

#[test]
fn a_broken_ca_bundle_is_an_error_and_an_empty_one_is_none() {
    assert!(tls(Some(b"")).is_ok());
    assert!(tls(Some(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")).is_err());
}
