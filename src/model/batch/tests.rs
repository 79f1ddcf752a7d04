//! Names of requests.

use super::*;

#[test]
fn a_request_is_named_by_what_it_asks_not_by_how_much_may_be_answered() {
    let check = |one: &str, other: &str, same: bool| {
        assert_eq!(digest(one.as_bytes()) == digest(other.as_bytes()), same, "{one} {other}");
        assert_eq!(digest(one.as_bytes()).len(), DIGEST_DIGITS);
    };
    check(r#"{"model":"m","max_tokens":10,"x":1}"#, r#"{"model":"m","max_tokens":99,"x":1}"#, true);
    check(r#"{"model":"m","max_tokens": 10}"#, r#"{"model":"m","max_tokens":10}"#, true);
    check(
        r#"{"model":"m","max_tokens":10,"x":1}"#,
        r#"{"model":"m","max_tokens":10,"x":2}"#,
        false,
    );
    check(r#"{"model":"m","max_tokens":10}"#, r#"{"model":"n","max_tokens":10}"#, false);
    check("", "{}", false);
    // In a text it is a text.
    let long = format!(r#"{{"model":"m","max_tokens":1,"x":"{}\"max_tokens\":"#, "x".repeat(300));
    check(&format!("{long}1"), &format!("{long}2"), false);
}
