//! Pairs of logs, and what of the second is news.

mod news;
mod quiet;

use crate::log::compare::{Classes, Comparison, Lengths};
use crate::log::{Allow, Settings, Severity};

/// Lines out of entries `COUNT [FROM-TO%] TEXT`, spread evenly over that part of the
/// log. `{n}` is a number, `{id}` hex, `{uuid}`, `{ip}`, `{name}` a word never twice,
/// `{at}` the time within an hour.
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
            let second = (place * 36.0) as u64;
            let at = format!(
                "2026-01-02T{:02}:{:02}:{:02}Z",
                second / 3600,
                second / 60 % 60,
                second % 60
            );
            let text = text
                .replace("{at}", &at)
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

const OK: &str = "400 INFO served request {n} in {n} ms";
const MORE: &str = "1200 INFO served request {n} in {n} ms";
const LESS: &str = "40 INFO served request {n} in {n} ms";

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
