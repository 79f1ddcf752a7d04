//! Pairs of which the second has no news.

use super::{LESS, MORE, OK, check, classes, told};
use crate::log::{Allow, Lengths};

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
            &["400 2026-01-02T03:04:05Z INFO up", "9 2026-01-02T03:04:05Z ERROR bad"],
            &["400 2026-01-03T13:14:15.123Z INFO up", "9 2026-01-03T13:14:15.123Z ERROR bad"],
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
            &[OK, "1800 DEBUG cache hit {n}", "40 ERROR no route to {ip}"],
            &[OK, "40 ERROR no route to {ip}"],
            &[],
        ),
        (
            "log level turned up",
            &[OK, "40 ERROR no route to {ip}"],
            &[OK, "1800 DEBUG cache hit {n}", "40 ERROR no route to {ip}"],
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
