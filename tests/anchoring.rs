//! Every place that people found worth a remark in real changes is found again
//! by the text of its lines.

use std::path::PathBuf;

use bytes::Bytes;
use pipewright::diff::anchor::{Claim, Index};
use pipewright::diff::parse::parse;
use pipewright::diff::{Change, FileDiff, LineKind};
use pipewright::finding::Side;
use serde_json::Value;

/// The folder of shared data; it lies beside the repository.
fn shared() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("PIPEWRIGHT_SHARED").map_or_else(beside, PathBuf::from)
}

/// The file's lines on a side with their numbers and texts.
fn lines(file: &FileDiff, side: Side) -> Vec<(u32, String)> {
    file.lines()
        .filter_map(|line| {
            let number = if side == Side::New { line.new } else { line.old };
            let text = line.text.to_string();
            Some((number?, text.strip_suffix('\r').unwrap_or(&text).to_owned()))
        })
        .collect()
}

fn changed(file: &FileDiff, side: Side, number: u32) -> bool {
    file.lines().any(|line| {
        line.kind != LineKind::Context && line.side() == side && line.number() == number
    })
}

/// How far a number may be off and still tell this line from those that read
/// alike: less than half the way to the nearest of them.
fn room(file: &FileDiff, number: u32, text: &str) -> u32 {
    let alike = [Side::New, Side::Old].into_iter().flat_map(|side| lines(file, side));
    let nearest = alike
        .filter(|(other, reads)| reads.trim() == text.trim() && *other != number)
        .map(|(other, _)| other.abs_diff(number))
        .min();
    nearest.map_or(500, |distance| (distance - 1) / 2)
}

#[test]
fn golden_places_anchor_on_exactly_their_lines() {
    let folder = shared().join("data/changes");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: {} is not there", folder.display());
        return;
    };
    let (mut places, mut tried, mut blank) = (0, 0, 0);
    let mut wrong = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let truth: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let diff = std::fs::read(path.with_extension("diff")).unwrap();
        let change: Change = parse(Bytes::from(diff)).unwrap();
        let index = Index::new(&change);
        for golden in truth["golden"].as_array().unwrap() {
            if golden["in_hunk"] != true {
                continue;
            }
            places += 1;
            let number = |key: &str| golden[key].as_u64().unwrap() as u32;
            let name = golden["path"].as_str().unwrap();
            let side = if golden["side"] == "left" { Side::Old } else { Side::New };
            let file = change.file(name).unwrap();
            let (from, to) = (number("from_line"), number("to_line"));
            let all = lines(file, side);
            for (line, text) in all.iter().filter(|(line, _)| (from..=to).contains(line)) {
                blank += usize::from(text.trim().is_empty());
                // Context is found by a near number; blank lines only by their own.
                let far = match text.trim() {
                    "" => 0,
                    _ if changed(file, side, *line) => 500,
                    _ => 10,
                };
                let far = room(file, *line, text).min(far);
                for hint in [*line, line + far, line.saturating_sub(far), line + far.min(3)] {
                    let claim = Claim { path: name, line: hint, end_line: None, quote: text };
                    tried += 1;
                    match index.anchor(&claim) {
                        Ok(found)
                            if (found.line, found.side, found.exact) == (*line, side, true) => {}
                        other => wrong.push(format!("{name}:{line} {text:?} by {hint}: {other:?}")),
                    }
                }
            }
            // The whole place, quoted as it stands.
            let span = all.iter().filter(|(line, _)| (from..=to).contains(line));
            let (numbers, texts): (Vec<u32>, Vec<&str>) =
                span.map(|(line, text)| (*line, text.trim_end())).unzip();
            if numbers.len() > 1 && numbers.len() as u32 == to - from + 1 {
                tried += 1;
                let quote = texts.join("\n");
                let claim = Claim { path: name, line: from, end_line: Some(to), quote: &quote };
                let full =
                    !texts[0].is_empty() && texts.last().is_some_and(|text| !text.is_empty());
                match index.anchor(&claim) {
                    Ok(found) if (found.line, found.end_line) == (from, to) => {}
                    _ if !full => {}
                    other => wrong.push(format!("{name}:{from}-{to}: {other:?}")),
                }
            }
        }
    }
    println!("{places} places, {tried} claims, {blank} blank lines, {} wrong", wrong.len());
    assert!(places > 0, "there are golden places");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
