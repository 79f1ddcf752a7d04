//! Tokens stay where they belong, and parts of paths stay parts.

use super::ask::{is_loopback, segment};
use crate::http::Url;

#[test]
fn tokens_go_to_https_or_to_this_machine() {
    for (url, expect) in [
        ("http://127.0.0.1:80/", true),
        ("http://127.8.0.1/", true),
        ("http://[::1]:8080/x", true),
        ("http://localhost:8080", true),
        ("http://localhost.evil.test/", false),
        ("http://127.0.0.1.evil.test/", false),
        ("http://10.0.0.1/", false),
        ("http://jenkins.internal/", false),
    ] {
        assert_eq!(is_loopback(&Url::parse(url).unwrap()), expect, "{url}");
    }
}

#[test]
fn the_identifier_of_a_harness_pipeline_is_its_own() {
    for (text, expect) in [
        ("pipeline:\n  name: Shop\n  identifier: shop\n", Some("shop")),
        (
            "# x\npipeline:\n    stages:\n        identifier: s\n    identifier: \"a b\" # y\n",
            Some("a b"),
        ),
        ("pipeline:\n  stages:\n    - stage:\n        identifier: s\n", None),
        ("template:\n  identifier: x\n", None),
        ("pipeline:\nidentifier: x\n", None),
    ] {
        assert_eq!(super::harness::identifier(text), expect, "{text}");
    }
}

#[test]
fn parts_of_paths_lead_nowhere_else() {
    for (text, expect) in [
        ("ci.yml", "ci.yml"),
        ("a/b", "a%2Fb"),
        ("..", "_"),
        ("a b?c#d%", "a%20b%3Fc%23d%25"),
        ("{é}", "%7B%C3%A9%7D"),
    ] {
        assert_eq!(segment(text), expect, "{text}");
    }
}
