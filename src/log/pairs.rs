//! Pairs of logs, and what of the second is news.

use super::compare::{Classes, Comparison, Lengths};
use super::{Allow, Settings, Severity};

/// Lines out of entries `COUNT [FROM-TO%] TEXT`, spread evenly over that part of the
/// log. `{n}` is a number, `{id}` hex, `{uuid}`, `{ip}`, `{name}` a word never twice.
fn write(entries: &[&str], salt: u64) -> Vec<String> {
    let mut lines: Vec<(f64, String)> = Vec::new();
    for (nth, entry) in entries.iter().enumerate() {
        let (count, mut text) = entry.split_once(' ').expect("a count and a text");
        let count: u64 = count.parse().expect("a count");
        let (mut from, mut to) = (0.0, 100.0);
        if let Some((range, rest)) = text.split_once("% ")
            && let Some((a, b)) = range.split_once('-')
            && let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>())
        {
            (from, to, text) = (a, b, rest);
        }
        for at in 0..count {
            let place = from + (to - from) * (at as f64 + 0.5) / count as f64 + nth as f64 * 1e-6;
            let random = (at + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add((salt + nth as u64).wrapping_mul(0xd1b5_4a32_d192_ed03));
            let id = format!("{:016x}", random ^ (random >> 29));
            let name: String =
                id.chars().map(|c| char::from(b'g' + c.to_digit(16).unwrap_or(0) as u8)).collect();
            let text = text
                .replace("{n}", &(random % 9973).to_string())
                .replace("{id}", &id)
                .replace(
                    "{uuid}",
                    &format!(
                        "{}-{}-4{}-a{}-{}abcd",
                        &id[..8],
                        &id[8..12],
                        &id[1..4],
                        &id[4..7],
                        &id[..8]
                    ),
                )
                .replace("{ip}", &format!("10.{}.{}.{}", random % 251, random % 241, random % 239))
                .replace("{name}", &name);
            lines.push((place, text));
        }
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    lines.iter().flat_map(|(_, text)| text.lines().map(str::to_owned)).collect()
}

fn classes(baseline: &[&str], canary: &[&str], allow: &[&str], lengths: Lengths) -> Classes {
    let allow = Allow::new(allow).expect("expressions");
    let mut comparison = Comparison::new(Settings::default(), allow);
    write(baseline, 1).iter().for_each(|line| comparison.baseline(line, None));
    write(canary, 77).iter().for_each(|line| comparison.canary(line, None));
    comparison.finish(lengths)
}

/// What there is to tell, as `new error again: TEMPLATE`; what is no trouble is left out.
fn told(classes: &Classes) -> Vec<String> {
    let mut told = Vec::new();
    for (class, list) in [("new", &classes.new), ("rising", &classes.rising)] {
        for one in list.iter().filter(|one| one.severity > Severity::Other) {
            let severity = if one.severity == Severity::Error { "error" } else { "warning" };
            let often = if one.stable { "again" } else { "once" };
            told.push(format!("{class} {severity} {often}: {}", one.template));
        }
    }
    told
}

/// A baseline, a new version's log, and the beginning of each thing to tell with a part
/// of its template.
type Pair = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const OK: &str = "2000 INFO served request {n} in {n} ms";
const MORE: &str = "6000 INFO served request {n} in {n} ms";
const LESS: &str = "200 INFO served request {n} in {n} ms";

fn check(pairs: &[Pair]) {
    for (what, baseline, canary, expect) in pairs {
        let classes = classes(baseline, canary, &[], Lengths::default());
        let told = told(&classes);
        assert_eq!(told.len(), expect.len(), "{what}: {told:#?}");
        for (begin, part) in *expect {
            assert!(
                told.iter().any(|told| told.starts_with(begin) && told.contains(part)),
                "{what}: no {begin} with {part} in {told:#?}"
            );
        }
    }
}

#[test]
fn what_both_write_is_no_news() {
    check(&[
        ("the same", &[OK], &[OK], &[]),
        ("more traffic", &[OK], &[MORE], &[]),
        ("less traffic", &[OK], &[LESS], &[]),
        (
            "known errors at the same rate",
            &[OK, "40 ERROR no route to {ip}"],
            &[OK, "40 ERROR no route to {ip}"],
            &[],
        ),
        (
            "known errors, more traffic",
            &[OK, "40 ERROR no route to {ip}"],
            &[MORE, "120 ERROR no route to {ip}"],
            &[],
        ),
        (
            "known errors, a tenth of the traffic",
            &[OK, "40 ERROR no route to {ip}"],
            &[LESS, "4 ERROR no route to {ip}"],
            &[],
        ),
        ("errors that went away", &[OK, "40 ERROR no route to {ip}"], &[OK], &[]),
        (
            "small counts that differ",
            &[OK, "1 ERROR no route to {ip}"],
            &[OK, "4 ERROR no route to {ip}"],
            &[],
        ),
        (
            "seven after three",
            &[OK, "3 ERROR no route to {ip}"],
            &[OK, "7 ERROR no route to {ip}"],
            &[],
        ),
        (
            "half as many again",
            &[OK, "100 ERROR no route to {ip}"],
            &[OK, "150 ERROR no route to {ip}"],
            &[],
        ),
        ("other ids", &[OK, "9 ERROR order {uuid} lost"], &[OK, "9 ERROR order {uuid} lost"], &[]),
        (
            "other hex ids",
            &[OK, "9 ERROR span {id} dropped"],
            &[OK, "9 ERROR span {id} dropped"],
            &[],
        ),
        (
            "another version",
            &[OK, "9 ERROR checkout 1.7.3 cannot reach cart"],
            &[OK, "9 ERROR checkout 1.8.0 cannot reach cart"],
            &[],
        ),
        (
            "a pre-release",
            &[OK, "9 ERROR checkout v1.7.3 failed"],
            &[OK, "9 ERROR checkout v1.8.0-rc.1+5c1f failed"],
            &[],
        ),
        (
            "a version in a name",
            &[OK, "9 ERROR checkout-1.7.3.jar is slow"],
            &[OK, "9 ERROR checkout-1.8.0.jar is slow"],
            &[],
        ),
        (
            "another pod",
            &[OK, "9 ERROR checkout-7d9f8b6c5-bcdfg cannot reach cart"],
            &[OK, "9 ERROR checkout-5c4d9f7b8-xzvwq cannot reach cart"],
            &[],
        ),
        (
            "other times",
            &["2000 2026-01-02T03:04:05Z INFO up", "9 2026-01-02T03:04:05Z ERROR bad"],
            &["2000 2026-01-03T13:14:15.123Z INFO up", "9 2026-01-03T13:14:15.123Z ERROR bad"],
            &[],
        ),
        ("colours", &[OK, "9 ERROR bad luck"], &[OK, "9 \x1b[31mERROR\x1b[0m bad luck"], &[]),
        (
            "users never seen",
            &[OK, "40 ERROR login of {name} refused by policy"],
            &[OK, "40 ERROR login of {name} refused by policy"],
            &[],
        ),
        (
            "one more user",
            &[OK, "3 ERROR login of {name} refused by policy"],
            &[OK, "1 ERROR login of {name} refused by policy"],
            &[],
        ),
        (
            "paths",
            &[OK, "9 ERROR cannot open /var/{id}/a.txt"],
            &[OK, "9 ERROR cannot open /srv/{id}/b.txt"],
            &[],
        ),
        (
            "sizes and durations",
            &[OK, "9 WARN body of 12 KB took 3ms"],
            &[OK, "9 WARN body of 1.2 MB took 4.5s"],
            &[],
        ),
        (
            "addresses",
            &[OK, "9 WARN mail to a@example.org bounced"],
            &[OK, "9 WARN mail to b@example.net bounced"],
            &[],
        ),
        (
            "links",
            &[OK, "9 ERROR GET https://a.example/x gave up"],
            &[OK, "9 ERROR GET https://b.example/y?z=1 gave up"],
            &[],
        ),
        (
            "log level turned down",
            &[OK, "9000 DEBUG cache hit {n}", "40 ERROR no route to {ip}"],
            &[OK, "40 ERROR no route to {ip}"],
            &[],
        ),
        (
            "log level turned up",
            &[OK, "40 ERROR no route to {ip}"],
            &[OK, "9000 DEBUG cache hit {n}", "40 ERROR no route to {ip}"],
            &[],
        ),
    ]);
}

#[test]
fn a_start_is_no_news() {
    check(&[
        (
            "start-up lines",
            &[OK],
            &[
                "1 0-1% INFO Starting checkout 1.8.0 on host-1",
                "1 0-1% INFO Tomcat initialized with port 8080",
                "9 0-1% INFO Mapped {name} onto handler",
                "1 0-1% INFO Started in 3.2 seconds",
                OK,
            ],
            &[],
        ),
        (
            "a banner",
            &[OK],
            &[
                "1 0-1%   .   ____          _\n /\\\\ / ___'_ __ _ _(_)_ __\n  '  |____| .__|_| |_|_| |_",
                OK,
            ],
            &[],
        ),
        (
            "a warning when starting",
            &[OK],
            &["1 0-1% WARN option `cache.size` is deprecated", OK],
            &[],
        ),
        (
            "several processes start",
            &[OK],
            &["1 0-1% INFO Listening on port 8080", "1 50-51% INFO Listening on port 8080", OK],
            &[],
        ),
        (
            "the old one shuts down",
            &[OK],
            &[OK, "1 99-100% INFO Shutting down, draining {n} connections"],
            &[],
        ),
        ("new lines of no trouble", &[OK], &[OK, "500 INFO cart priced with rule {n}"], &[]),
        (
            "an error when starting",
            &[OK],
            &["1 0-1% ERROR cannot reach db, trying again", OK],
            &[("new error once", "cannot reach db")],
        ),
    ]);
}

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
            &[OK],
            &[OK, "30 50-51% ERROR cannot price cart {n}"],
            &[("new error once", "cannot price cart")],
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
            &["2000 served {n}"],
            &["2000 served {n}", "20 java.lang.IllegalStateException: no price for {n}"],
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
            &["2000 10.0.0.1 - - \"GET /cart/{n} HTTP/1.1\" 200 {n}"],
            &[
                "2000 10.0.0.1 - - \"GET /cart/{n} HTTP/1.1\" 200 {n}",
                "40 10.0.0.1 - - \"GET /cart/{n} HTTP/1.1\" 503 {n}",
            ],
            &[("new error again", "\"GET <*>")],
        ),
        (
            "JSON",
            &[r#"2000 {"level":"info","msg":"served {n}","id":"{id}"}"#],
            &[
                r#"2000 {"level":"info","msg":"served {n}","id":"{id}"}"#,
                r#"20 {"level":"error","msg":"cannot price {n}","id":"{id}"}"#,
            ],
            &[("new error again", "cannot price <*>")],
        ),
        (
            "JSON with the error apart",
            &[
                r#"2000 {"level":"info","msg":"ok"}"#,
                r#"20 {"level":"error","msg":"call failed","error":"timeout"}"#,
            ],
            &[
                r#"2000 {"level":"info","msg":"ok"}"#,
                r#"20 {"level":"error","msg":"call failed","error":"no such column"}"#,
            ],
            &[("new error again", "no such column")],
        ),
        (
            "JSON with a status",
            &[r#"2000 {"msg":"served","status":200}"#],
            &[r#"2000 {"msg":"served","status":200}"#, r#"20 {"msg":"served","status":500}"#],
            &[("new error again", "served server error")],
        ),
        (
            "logfmt",
            &["2000 level=info msg=\"served {n}\""],
            &[
                "2000 level=info msg=\"served {n}\"",
                "20 level=error msg=\"cannot price {n}\" err=\"no rule\"",
            ],
            &[("new error again", "no rule")],
        ),
        (
            "klog",
            &["2000 I0102 03:04:05.000000 1 a.go:1] ok {n}"],
            &[
                "2000 I0102 03:04:05.000000 1 a.go:1] ok {n}",
                "20 E0102 03:04:05.000000 1 a.go:2] lost lease {n}",
            ],
            &[("new error again", "lost lease")],
        ),
        (
            "containers' prefixes",
            &["2000 2026-01-02T03:04:05Z stdout F ok {n}"],
            &[
                "2000 2026-01-02T03:04:05Z stdout F ok {n}",
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
            &[OK, "9000 DEBUG cache hit {n}", "120 ERROR no route to {ip}"],
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

#[test]
fn what_is_allowed_is_not_told() {
    for (what, canary, allow, told_count, allowed) in [
        ("by a word", &["20 ERROR cannot price {n}"][..], &["cannot price"][..], 0, 1),
        ("by an expression", &["20 ERROR cannot price {n}"], &[r"^ERROR cannot \w+ \d+$"], 0, 1),
        ("another error", &["20 ERROR cannot price {n}"], &["no route"], 1, 0),
        ("one of two", &["20 ERROR cannot price {n}", "20 ERROR no route"], &["no route"], 1, 1),
        (
            "with its trace",
            &["20 ERROR broke\nCaused by: a.BException: x\n\tat a.B.c(D.java:1)"],
            &["broke"],
            0,
            2,
        ),
        (
            "some lines of a template",
            &["20 ERROR shard 7 lost {n}", "20 ERROR shard 8 lost {n}"],
            &["shard 7 "],
            1,
            0,
        ),
        ("all levels", &["20 WARN odd", "20 ERROR odder"], &["."], 0, 2),
    ] {
        let canary: Vec<&str> = std::iter::once(OK).chain(canary.iter().copied()).collect();
        let classes = classes(&[OK], &canary, allow, Lengths::default());
        let allowed = if what == "all levels" { allowed + 1 } else { allowed };
        assert_eq!(
            (told(&classes).len(), classes.allowed),
            (told_count, allowed),
            "{what}: {classes:#?}"
        );
    }
}

#[test]
fn an_expression_that_is_none_is_named() {
    assert_eq!(Allow::new(&["a", "(b"]).map_err(|(index, _)| index).err(), Some(1));
}
