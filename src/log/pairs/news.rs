//! Pairs of which the second has news.

use super::{LESS, OK, check};

#[test]
fn what_only_the_new_version_writes_is_new() {
    check(&[
        (
            "an error again and again",
            &[OK],
            &[OK, "20 ERROR cannot price cart {n}"],
            &[("new error again", "cannot price cart <*>")],
        ),
        (
            "in a tenth of the traffic",
            &[OK],
            &[LESS, "5 ERROR cannot price cart {n}"],
            &[("new error again", "cannot price cart <*>")],
        ),
        (
            "an error once",
            &[OK],
            &[OK, "1 40-60% ERROR cannot price cart {n}"],
            &[("new error once", "cannot price cart")],
        ),
        (
            "a burst",
            &["400 {at} INFO served request {n}"],
            &["400 {at} INFO served request {n}", "30 50-51% {at} ERROR cannot price cart {n}"],
            &[("new error once", "cannot price cart")],
        ),
        (
            "as many without times",
            &[OK],
            &[OK, "30 99-100% ERROR cannot price cart {n}"],
            &[("new error again", "cannot price cart")],
        ),
        (
            "from the last third on",
            &[OK],
            &[OK, "12 66-100% ERROR cannot price cart {n}"],
            &[("new error again", "cannot price cart")],
        ),
        (
            "a warning",
            &[OK],
            &[OK, "20 WARN retrying payment {n}"],
            &[("new warning again", "retrying payment")],
        ),
        (
            "beside known errors",
            &[OK, "40 ERROR no route to {ip}"],
            &[OK, "40 ERROR no route to {ip}", "20 ERROR cannot price cart {n}"],
            &[("new error again", "cannot price")],
        ),
        (
            "one other word in a known error",
            &[OK, "40 ERROR call to cart failed: refused"],
            &[OK, "40 ERROR call to cart failed: reset"],
            &[("new error again", "reset")],
        ),
        (
            "another callee in a known error",
            &[OK, "40 ERROR call to cart failed: refused"],
            &[OK, "20 ERROR call to stock failed: refused"],
            &[("new error again", "stock")],
        ),
        (
            "a known line at a worse level",
            &[OK, "40 INFO cart {n} is empty"],
            &[OK, "40 ERROR cart {n} is empty"],
            &[("new error again", "cart <*> is empty")],
        ),
        (
            "without a level",
            &["400 served {n}"],
            &["400 served {n}", "20 java.lang.IllegalStateException: no price for {n}"],
            &[("new error again", "no price for")],
        ),
        (
            "a panic",
            &[OK],
            &[
                OK,
                "5 thread 'worker-{n}' panicked at src/price.rs:{n}:9:\nno price\nnote: run with `RUST_BACKTRACE=1`",
            ],
            &[("new error again", "panicked at")],
        ),
        (
            "Go's panic",
            &[OK],
            &[
                OK,
                "5 panic: runtime error: index out of range [{n}]\n\ngoroutine {n} [running]:\nmain.price(0xc000, 0x1)\n\t/src/main.go:{n} +0x1d\nexit status",
            ],
            &[("new error again", "panic: runtime error")],
        ),
        (
            "answers of the kind 5xx",
            &["400 10.0.0.1 - - \"GET /cart/{n} HTTP/1.1\" 200 {n}"],
            &[
                "400 10.0.0.1 - - \"GET /cart/{n} HTTP/1.1\" 200 {n}",
                "40 10.0.0.1 - - \"GET /cart/{n} HTTP/1.1\" 503 {n}",
            ],
            &[("new error again", "\"GET <*>")],
        ),
        (
            "JSON",
            &[r#"400 {"level":"info","msg":"served {n}","id":"{id}"}"#],
            &[
                r#"400 {"level":"info","msg":"served {n}","id":"{id}"}"#,
                r#"20 {"level":"error","msg":"cannot price {n}","id":"{id}"}"#,
            ],
            &[("new error again", "cannot price <*>")],
        ),
        (
            "JSON with the error apart",
            &[
                r#"400 {"level":"info","msg":"ok"}"#,
                r#"20 {"level":"error","msg":"call failed","error":"timeout"}"#,
            ],
            &[
                r#"400 {"level":"info","msg":"ok"}"#,
                r#"20 {"level":"error","msg":"call failed","error":"no such column"}"#,
            ],
            &[("new error again", "no such column")],
        ),
        (
            "JSON with a status",
            &[r#"400 {"msg":"served","status":200}"#],
            &[r#"400 {"msg":"served","status":200}"#, r#"20 {"msg":"served","status":500}"#],
            &[("new error again", "served server error")],
        ),
        (
            "logfmt",
            &["400 level=info msg=\"served {n}\""],
            &[
                "400 level=info msg=\"served {n}\"",
                "20 level=error msg=\"cannot price {n}\" err=\"no rule\"",
            ],
            &[("new error again", "no rule")],
        ),
        (
            "klog",
            &["400 I0102 03:04:05.000000 1 a.go:1] ok {n}"],
            &[
                "400 I0102 03:04:05.000000 1 a.go:1] ok {n}",
                "20 E0102 03:04:05.000000 1 a.go:2] lost lease {n}",
            ],
            &[("new error again", "lost lease")],
        ),
        (
            "containers' prefixes",
            &["400 2026-01-02T03:04:05Z stdout F ok {n}"],
            &[
                "400 2026-01-02T03:04:05Z stdout F ok {n}",
                "20 2026-01-02T03:04:05Z stderr F ERROR lost {n}",
            ],
            &[("new error again", "lost <*>")],
        ),
        (
            "names among new errors",
            &[OK],
            &[OK, "40 ERROR no price for {name} in any list"],
            &[("new error again", "no price for <*>")],
        ),
    ]);
}

#[test]
fn far_more_often_is_rising() {
    check(&[
        (
            "three times as often",
            &[OK, "40 ERROR no route to {ip}"],
            &[OK, "120 ERROR no route to {ip}"],
            &[("rising error again", "no route to <*>")],
        ),
        (
            "as many in a tenth of the traffic",
            &[OK, "40 ERROR no route to {ip}"],
            &[LESS, "40 ERROR no route to {ip}"],
            &[("rising error again", "no route to")],
        ),
        (
            "ten times a warning",
            &[OK, "10 WARN slow query {n} ms"],
            &[OK, "100 WARN slow query {n} ms"],
            &[("rising warning again", "slow query")],
        ),
        (
            "beside a new debug line",
            &[OK, "40 ERROR no route to {ip}"],
            &[OK, "1800 DEBUG cache hit {n}", "120 ERROR no route to {ip}"],
            &[("rising error again", "no route")],
        ),
        (
            "after one",
            &[OK, "1 ERROR no route to {ip}"],
            &[OK, "60 ERROR no route to {ip}"],
            &[("rising error again", "no route")],
        ),
    ]);
}

#[test]
fn stack_traces_belong_to_their_first_line() {
    const JAVA: &str = "20 ERROR order {n} failed\njava.lang.IllegalStateException: no price for {n}\n\tat shop.Cart.price(Cart.java:{n})\n\tat shop.Cart.all(Cart.java:{n})\n\t... 12 more";
    const OTHER_LINES: &str = "20 ERROR order {n} failed\njava.lang.IllegalStateException: no price for {n}\n\tat shop.Price.of(Price.java:{n})\n\tat shop.Base.run(Base.java:{n})\n\t... 31 more";
    const OTHER_CAUSE: &str = "20 ERROR order {n} failed\njava.lang.IllegalStateException: no price for {n}\n\tat shop.Cart.price(Cart.java:{n})\nCaused by: java.sql.SQLException: no such column\n\tat org.Db.q(Db.java:{n})";
    const PYTHON: &str = "20 ERROR:root:order {n} failed\nTraceback (most recent call last):\n  File \"/app/cart.py\", line {n}, in price\n    return table[{n}]\nKeyError: {n}";
    const PYTHON_LINES: &str = "20 ERROR:root:order {n} failed\nTraceback (most recent call last):\n  File \"/app/prices.py\", line {n}, in of\n    raise missing\nKeyError: {n}";
    const PYTHON_OTHER: &str = "20 ERROR:root:order {n} failed\nTraceback (most recent call last):\n  File \"/app/cart.py\", line {n}, in price\n    return table[{n}]\nValueError: negative price {n}";
    const NODE: &str = "20 TypeError: x is undefined\n    at price (/app/a.js:{n}:7)\n    at async run (/app/b.js:{n}:1)\n  code: 'E_X'";
    check(&[
        ("other line numbers", &[OK, JAVA], &[OK, JAVA], &[]),
        ("other frames", &[OK, JAVA], &[OK, OTHER_LINES], &[]),
        (
            "another cause",
            &[OK, JAVA],
            &[OK, OTHER_CAUSE],
            &[("new error again", "no such column")],
        ),
        ("Python, other frames", &[OK, PYTHON], &[OK, PYTHON_LINES], &[]),
        (
            "Python, another exception",
            &[OK, PYTHON],
            &[OK, PYTHON_OTHER],
            &[("new error again", "negative price")],
        ),
        (
            "a new trace is one thing to tell",
            &[OK],
            &[OK, NODE],
            &[("new error again", "TypeError: x is undefined")],
        ),
        (
            "frames as lines of JSON",
            &[OK],
            &[OK, "20 {\"log\":\"ERROR broke\\n\"}\n{\"log\":\"\\tat a.B.c(D.java:{n})\\n\"}"],
            &[("new error again", "ERROR broke")],
        ),
        (
            "frames with times",
            &[OK],
            &[
                OK,
                "20 2026-01-02T03:04:05Z ERROR broke\n2026-01-02T03:04:05Z     at a.B.c(D.java:{n})",
            ],
            &[("new error again", "ERROR broke")],
        ),
    ]);
}
