//! What the renderers make of each fixture, kept as snapshots.

use std::collections::BTreeMap;

use super::fixtures::{self, Fixture, HEAD};
use super::markdown::{self, Progress, StatePayload, Summary, Unplaced};
use super::terminal::Options;
use super::*;
use crate::finding::Fingerprint;

fn text(fixture: &Fixture, width: usize) -> String {
    terminal::render(&fixture.view(), Options { color: false, width })
}

fn permalink(path: &str, side: Side, line: u32, end_line: u32) -> Option<String> {
    (side == Side::New)
        .then(|| github_permalink("https://github.com/octo/shop", HEAD, path, line, end_line))
}

fn summary(
    fixture: &Fixture,
    progress: Option<Progress>,
    unplaced: &[(usize, Unplaced)],
) -> String {
    let unplaced: BTreeMap<_, _> =
        unplaced.iter().map(|&(n, why)| (Fingerprint(format!("{n:016x}")), why)).collect();
    let state = StatePayload::encode(b"state");
    let text = markdown::summary(&Summary {
        view: fixture.view(),
        permalink: Some(&permalink),
        state: &state,
        progress,
        unplaced: &unplaced,
        notes: &[],
    });
    assert_eq!(markdown::summary_state(&text), Some(state.as_str()));
    assert!(text.len() <= markdown::MAX_COMMENT);
    text
}

#[test]
fn terminal_shows_each_kind_of_review() {
    insta::assert_snapshot!("terminal_empty", text(&fixtures::empty(), 80));
    insta::assert_snapshot!("terminal_one", text(&fixtures::one(), 80));
    insta::assert_snapshot!("terminal_full", text(&fixtures::full(), 100));
    insta::assert_snapshot!("terminal_narrow", text(&fixtures::full(), 40));
    insta::assert_snapshot!("terminal_hostile", text(&fixtures::hostile(), 100));
}

#[test]
fn terminal_colours_are_only_colours() {
    let fixture = fixtures::full();
    let plain = text(&fixture, 100);
    let colored = terminal::render(&fixture.view(), Options { color: true, width: 100 });
    assert!(colored.contains("\u{1b}[") && !plain.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
}

#[test]
fn terminal_lines_keep_to_the_width() {
    for width in [40, 60, 100] {
        for line in text(&fixtures::full(), width).lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn summaries_show_each_kind_of_review() {
    insta::assert_snapshot!("summary_empty", summary(&fixtures::empty(), None, &[]));
    insta::assert_snapshot!("summary_one", summary(&fixtures::one(), None, &[]));
    let progress = Some(Progress { new: 2, open: 1, resolved: 3 });
    let unplaced = [(4, Unplaced::NoLine), (1, Unplaced::Refused)];
    insta::assert_snapshot!("summary_full", summary(&fixtures::full(), progress, &unplaced));
    insta::assert_snapshot!(
        "summary_hostile",
        summary(&fixtures::hostile(), None, &[(1, Unplaced::Denied)])
    );
}

#[test]
fn summaries_shrink_to_what_a_comment_takes_and_keep_the_state() {
    let mut fixture = fixtures::many(600);
    fixture.report.summary = "word ".repeat(4000);
    fixture.report.notes = vec!["note ".repeat(200); 60];
    let skip = |n| crate::report::Skipped { path: format!("{n}/x"), reason: format!("reason {n}") };
    fixture.report.coverage.skipped = (0..1000).map(skip).collect();
    let all: BTreeMap<_, _> =
        fixture.report.findings.iter().map(|f| (f.id.clone(), Unplaced::NoLine)).collect();
    for size in [0, 30_000, 36_000] {
        let state = StatePayload::encode(&vec![7; size]);
        let text = markdown::summary(&Summary {
            view: fixture.view(),
            permalink: Some(&permalink),
            state: &state,
            progress: None,
            unplaced: &all,
            notes: &[],
        });
        assert!(text.len() <= markdown::MAX_COMMENT, "{} bytes", text.len());
        let kept = markdown::summary_state(&text).and_then(StatePayload::decode);
        assert_eq!(kept.unwrap_or_default(), vec![7; size]);
        assert!(text.contains("### ✗ 120 critical"), "{}", &text[..300.min(text.len())]);
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }
}

#[test]
fn markers_are_read_only_where_they_are_written() {
    let good = "<!-- pipewright:summary -->\r\n<!-- pipewright:state v1 QUJD -->\r\n<!-- pipewright:refused abc 11 22 -->\n\ntext";
    assert!(markdown::is_summary(good));
    assert_eq!(markdown::summary_state(good), Some("QUJD"));
    assert_eq!(markdown::refused_before(good, "abc").len(), 2);
    assert_eq!(markdown::refused_before(good, "ab").len(), 0);
    assert_eq!(markdown::refused_before(good, "abd").len(), 0);
    for bad in [
        "",
        "x\n<!-- pipewright:summary -->\n<!-- pipewright:state v1 QUJD -->",
        "> <!-- pipewright:summary -->\n<!-- pipewright:state v1 QUJD -->",
        "<!-- pipewright:summary -->\n\n<!-- pipewright:state v1 QUJD -->",
        "<!-- pipewright:summary -->\n<!-- pipewright:state v1  -->",
        "<!-- pipewright:summary -->\n<!-- pipewright:state v2 QUJD -->",
    ] {
        assert_eq!(markdown::summary_state(bad), None, "{bad}");
    }
}

#[test]
fn the_step_summary_has_every_finding_in_full_and_no_markers() {
    let fixture = fixtures::full();
    let state = StatePayload::default();
    let page = step_summary::render(&Summary {
        view: fixture.view(),
        permalink: Some(&permalink),
        state: &state,
        progress: None,
        unplaced: &BTreeMap::new(),
        notes: &[],
    });
    assert!(!page.contains("<!--"));
    assert_eq!(page.matches("Take the element with").count(), 2);
    insta::assert_snapshot!(page);
}

#[test]
fn sarif_has_what_readers_require() {
    let text = sarif::render(&fixtures::full().view()).unwrap();
    insta::assert_snapshot!("sarif_full", text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
    }
    let hostile = sarif::render(&fixtures::hostile().view()).unwrap();
    for bad in ["hunter2", "](https://evil"] {
        assert!(!hostile.contains(bad), "{bad} in {hostile}");
    }
}

#[test]
fn json_masks_secrets_and_keeps_the_order_of_fields() {
    let fixture = fixtures::hostile();
    let text = json::render(&fixture.report, &fixtures::SCRUBBER).unwrap();
    assert!(text.starts_with("{\n  \"schema\": \"pipewright.review/1\",\n  \"model\""));
    assert!(!text.contains("hunter2-correct-horse"));
    let read: crate::report::Report = serde_json::from_str(&text).unwrap();
    assert_eq!(read.findings[0].suggestion, None);
    assert!(read.summary.contains("\u{202e}"), "JSON is data: nothing else is changed");
}

#[test]
fn no_output_lets_a_secret_or_a_hidden_character_through() {
    let fixture = fixtures::hostile();
    let view = fixture.view();
    let outputs = [
        text(&fixture, 100),
        summary(&fixture, None, &[(1, Unplaced::Denied)]),
        inline::body(&view, &fixture.report.findings[0]),
        annotations::workflow_commands(&view),
        annotations::annotations(&view)
            .iter()
            .map(|a| format!("{} {}", a.title, a.message))
            .collect(),
        sarif::render(&view).unwrap(),
    ];
    for output in outputs {
        assert!(!output.contains("hunter2-correct"), "{output}");
        assert!(!output.chars().any(crate::redact::is_invisible), "{output}");
        assert!(!output.contains('\u{1b}'), "{output}");
    }
    for log in [text(&fixture, 100), annotations::workflow_commands(&view)] {
        assert!(!log.contains("##[error"), "{log}");
    }
}
