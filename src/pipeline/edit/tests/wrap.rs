//! Items that go deeper.

use super::{made, path, push};
use crate::pipeline::edit::Op;
use crate::pipeline::yaml::Plain;

fn wrap(at: &str, from: usize, to: usize) -> Op {
    Op::Wrap { at: path(at), from, to, keys: vec!["parallel"], beside: Vec::new() }
}

#[test]
fn items_go_deeper_with_their_comments_and_block_scalars() {
    let cases = [
        (
            "a:\n- x: 1\n# two\n- y: |\n    b\n\n     c\n- z\n",
            "a:\n- parallel:\n  - x: 1\n  # two\n  - y: |\n      b\n\n       c\n- z\n",
        ),
        (
            "a:\n  - x # one\n\n  - &t y: 'q'\n    z: \"p\n      r\"\n  - *t\n",
            "a:\n  - parallel:\n      - x # one\n\n      - &t y: 'q'\n        z: \"p\n          r\"\n  - *t\n",
        ),
    ];
    for (before, after) in cases {
        assert_eq!(made(before, &[wrap("a", 0, 2)]).as_deref(), Ok(after), "{before}");
        let (before, after) = (before.replace('\n', "\r\n"), after.replace('\n', "\r\n"));
        assert_eq!(made(&before, &[wrap("a", 0, 2)]).as_deref(), Ok(after.as_str()));
    }
}

#[test]
fn entries_stand_beside_the_new_list() {
    let op = Op::Wrap {
        at: path("a"),
        from: 1,
        to: 2,
        keys: vec!["parallel", "steps"],
        beside: vec![("fail-fast", Plain::Bool(true))],
    };
    let after = "a:\n  - x\n  - parallel:\n      fail-fast: true\n      steps:\n        - y: 1";
    assert_eq!(made("a:\n  - x\n  - y: 1", &[op]).as_deref(), Ok(after));
}

#[test]
fn what_cannot_be_wrapped_is_refused() {
    assert!(made("a: [x, y]\n", &[wrap("a", 0, 2)]).is_err());
    assert!(made("a:\n- x\n", &[wrap("a", 0, 2)]).is_err());
    assert!(made("a:\n- x\n", &[wrap("a", 1, 1)]).is_err());
    assert!(made("a:\n- - x\n  - y\n", &[wrap("a[0]", 0, 2)]).is_err());
    assert!(made("a:\n- x\n- y\n", &[wrap("a", 0, 1), wrap("a", 0, 2)]).is_err());
    assert!(made("a:\n- x\n- y\n", &[wrap("a", 0, 1), push("a", 2, "z")]).is_err());
}
