//! Failing runs of real CI jobs against passing runs of the same job, and bytes that
//! nobody foresaw.

use std::fs::File;
use std::path::PathBuf;

use proptest::prelude::*;

use crate::log::mask::Words;
use crate::log::{Allow, Comparison, Lengths, Miner, Settings, record};

fn shared() -> PathBuf {
    std::env::var_os("PIPEWRIGHT_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// Whether a template is what a line's masked words are one of.
fn fits(template: &str, line: &str) -> bool {
    let mut words = Words::default();
    words.fill(&record::read(line).message);
    let template: Vec<&str> = template.split(' ').collect();
    let words: Vec<&str> = words.iter().flat_map(|word| word.split(' ')).collect();
    template.len() == words.len() && template.iter().zip(&words).all(|(a, b)| *a == "<*>" || a == b)
}

/// The index's rows: name, and the line that tells what failed.
fn rows(index: &str) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for line in index.lines().skip(1).filter(|line| line.starts_with("cidiff")) {
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                c => field.push(c),
            }
        }
        if let (Some(name), Some(text)) = (fields.first(), fields.get(11)) {
            rows.push((name.trim_end_matches(".log").to_owned(), text.clone()));
        }
    }
    rows
}

#[test]
fn what_failed_is_among_what_is_new() {
    let folder = shared().join("data/logs");
    let Ok(index) = std::fs::read_to_string(folder.join("index.csv")) else {
        eprintln!("SKIPPED: no logs of failing and passing runs in {}", folder.display());
        return;
    };
    let rows = rows(&index);
    assert!(rows.len() >= 15, "{}", rows.len());
    let (mut missed, mut news, mut lines) = (Vec::new(), 0, 0);
    for (name, text) in &rows {
        let mut comparison = Comparison::new(Settings::default(), Allow::default());
        let passing =
            File::open(folder.join(format!("{name}.pass.log.gz"))).expect("a passing run");
        let failing = File::open(folder.join(format!("{name}.log"))).expect("a failing run");
        comparison.read_baseline(passing).expect("readable");
        comparison.read_canary(failing).expect("readable");
        let classes = comparison.finish(Lengths::default());
        let found = classes
            .new
            .iter()
            .chain(&classes.rising)
            .any(|one| one.line.contains(text.as_str()) || fits(&one.template, text));
        if std::env::var_os("SHOW").is_some() {
            let bad = classes.new.iter().filter(|one| one.severity > crate::log::Severity::Other);
            eprintln!(
                "{name}: {} of {} lines new, {} of trouble; {}",
                classes.new.len(),
                classes.canary_lines,
                bad.count(),
                if found { "found" } else { "MISSED" }
            );
        }
        if !found {
            missed.push((name, text));
        }
        news += classes.new.len();
        lines += classes.canary_lines;
    }
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(news < 25 * rows.len(), "{news} templates are new in {lines} lines");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_panic(canary: Vec<u8>, baseline: Vec<u8>) {
        let mut comparison = Comparison::new(Settings::default(), Allow::default());
        let _ = comparison.read_canary(canary.as_slice());
        let _ = comparison.read_baseline(baseline.as_slice());
        let classes = comparison.finish(Lengths::default());
        prop_assert!(classes.new.len() as u64 <= classes.canary_lines);
    }

    #[test]
    fn no_line_panics_and_the_same_line_is_the_same(line in "[ -~äß\u{1b}\t\"=\\[\\]{}<*>:./0-9a-fA-F-]{0,120}") {
        let mut miner = Miner::new(Settings::default());
        let first = miner.add(&line);
        let again = miner.add(&line);
        prop_assert_eq!(miner.resolve(first), miner.resolve(again));
        prop_assert_eq!(miner.templates().len(), 1);
    }

    #[test]
    fn templates_are_never_more_than_their_cap(lines in prop::collection::vec("[a-d]{1,2}( [a-d]{1,2}){0,4}", 0..300)) {
        let mut miner = Miner::new(Settings { templates: 8, ..Settings::default() });
        for line in &lines {
            miner.add(line);
        }
        let templates = miner.templates();
        prop_assert!(templates.len() <= 9, "{}", templates.len());
        prop_assert_eq!(templates.iter().map(|one| one.count).sum::<u64>(), lines.len() as u64);
    }

    #[test]
    fn what_both_write_alike_is_never_news(lines in prop::collection::vec("(INFO|ERROR|WARN) [a-d]{1,2}( [a-d0-9]{1,2}){0,4}", 1..200)) {
        let classes = crate::log::compare(&lines, &lines, Allow::default(), Lengths::default());
        prop_assert!(classes.new.is_empty() && classes.rising.is_empty(), "{:?}", classes);
    }
}
