//! Rounds of fixes, made up so that they fail, overlap and build on each other.

use super::*;
use crate::pipeline::edit::Place;
use crate::pipeline::graph::{Seg, Span};
use crate::pipeline::platform::Platform;
use crate::pipeline::rule::{Context, Fix, FixKind, Group, Hit};
use crate::pipeline::yaml::Plain;
use crate::pipeline::{NoFiles, Outcome, read};

const fn rule(slug: &'static str, check: fn(&Context<'_>, &mut Vec<Hit>)) -> Rule {
    Rule {
        slug,
        title: "a test",
        doc: "",
        group: Group::Performance,
        severity: Severity::Low,
        fix: FixKind::Safe,
        platforms: &[Platform::GitHub],
        check,
    }
}

static TIMEOUT: Rule = rule("timeout", |context, hits| {
    for job in context.pipeline().jobs.iter().filter(|job| job.timeout.is_none()) {
        let value = Plain::Int(30);
        hits.push(hit(job.key_span, &job.id, vec![put(&job.path, "timeout-minutes", value)], true));
    }
});
/// Wants what the schema does not know, of some jobs.
static BAD: Rule = rule("bad", |context, hits| {
    for job in context.pipeline().jobs.iter().filter(|job| job.id.ends_with('3')) {
        if context.file.text.matches("nonsense").count() < 10 {
            let ops = vec![put(&job.path, "nonsense", Plain::Int(1))];
            hits.push(hit(job.key_span, &job.id, ops, true));
        }
    }
});
/// Wants the same bytes as another fix of its own.
static TWICE: Rule = rule("twice", |context, hits| {
    let found = context.file.text.find("make a");
    for (find, replace) in [("make a", "make b"), ("make a && x", "make c && x")] {
        if let (Some(at), Some(job)) = (found, context.pipeline().jobs.first()) {
            let Some(script) = &job.steps[0].script else { continue };
            let op = Op::Text {
                at: script.path.clone(),
                find: find.to_owned(),
                replace: replace.to_owned(),
            };
            hits.push(hit(Span::new(at..at + 1), find, vec![op], true));
        }
    }
});
/// Finds something only behind another fix.
static NEXT: Rule = rule("next", |context, hits| {
    for job in &context.pipeline().jobs {
        if job.timeout.as_ref().is_some_and(|limit| limit.value == 30.0) {
            let mut at = job.path.clone();
            at.push(Seg::Key("timeout-minutes".to_owned()));
            let op = Op::Replace { at, value: Plain::Int(20) };
            hits.push(hit(job.key_span, &job.id, vec![op], true));
        }
    }
});
static ADVICE: Rule = rule("advice", |context, hits| {
    for job in &context.pipeline().jobs {
        let ops = vec![put(&job.path, "name", Plain::text("other"))];
        hits.push(hit(job.key_span, &job.id, ops, false));
    }
});

fn put(at: &[Seg], key: &str, value: Plain) -> Op {
    Op::Insert { at: at.to_vec(), key: key.to_owned(), value, place: Place::First }
}

fn hit(span: Span, title: &str, ops: Vec<Op>, safe: bool) -> Hit {
    let fix =
        Fix { title: "do it".to_owned(), ops, safe, proof: vec!["The rule says so.".to_owned()] };
    Hit {
        span,
        title: title.to_owned(),
        why: "why".to_owned(),
        severity: None,
        confidence: 1.0,
        fix: Some(fix),
        effect: None,
    }
}

fn chosen(rules: &[&'static Rule]) -> Vec<Chosen> {
    rules.iter().map(|rule| Chosen { rule, fix: true, severity: None }).collect()
}

fn workflow(jobs: usize) -> String {
    let mut text = "on: push\n\n# all\njobs:\n".to_owned();
    for job in 0..jobs {
        text.push_str(&format!(
            "  j{job}:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make a && x\n"
        ));
    }
    text
}

fn run(text: &str, rules: &[&'static Rule]) -> Optimized {
    let path = Platform::GitHub.usual_path();
    let Outcome::Read(file) = read(Platform::GitHub, path, text, &NoFiles) else {
        panic!("not read")
    };
    optimize(file, &chosen(rules), &NoFiles, None, &Gates::usual())
}

#[test]
fn all_safe_fixes_are_made_with_their_lines_in_the_original() {
    let out = run(&workflow(3), &[&TIMEOUT]);
    assert_eq!(out.after.text.matches("    timeout-minutes: 30\n    runs-on").count(), 3);
    assert_eq!(out.changes.iter().map(|change| change.line).collect::<Vec<_>>(), [5, 9, 13]);
    assert!(out.withheld.is_empty() && out.suggestions.is_empty());
    let proof = &out.changes[0].proof;
    assert_eq!(proof[0], "The rule says so.");
    assert!(proof.len() > 5);
}

#[test]
fn what_fails_is_withheld_and_the_rest_is_made() {
    let out = run(&workflow(14), &[&TIMEOUT, &BAD]);
    assert_eq!(out.changes.len(), 14);
    let held: Vec<_> = out.withheld.iter().map(|held| (held.rule, held.line, held.check)).collect();
    assert_eq!(held, [("bad", 17, Check::Schema), ("bad", 57, Check::Schema)]);
    assert!(!out.after.text.contains("nonsense"));
    // What was withheld is not offered again.
    assert!(out.suggestions.is_empty());
}

#[test]
fn fixes_that_overlap_take_turns() {
    let out = run(&workflow(1), &[&TWICE]);
    assert_eq!((out.changes.len(), out.withheld.len()), (1, 0));
    assert!(out.after.text.contains("make b && x"));
}

#[test]
fn a_fix_may_build_on_another_and_lines_stay_those_of_the_original() {
    let out = run(&workflow(2), &[&TIMEOUT, &NEXT]);
    assert_eq!(out.after.text.matches("timeout-minutes: 20").count(), 2);
    let lines: Vec<_> = out.changes.iter().map(|change| (change.line, change.rule.slug)).collect();
    assert_eq!(lines, [(5, "next"), (5, "timeout"), (9, "next"), (9, "timeout")]);
}

#[test]
fn unsafe_fixes_are_suggestions_at_the_lines_of_the_original() {
    let out = run(&workflow(2), &[&TIMEOUT, &ADVICE]);
    assert_eq!(out.suggestions.iter().map(|one| one.line).collect::<Vec<_>>(), [5, 9]);
    assert!(out.suggestions.iter().all(|one| one.fix.is_some()));
    assert!(!out.after.text.contains("other"));
}

#[test]
fn the_result_has_no_further_fixes() {
    let rules: &[&'static Rule] = &[&TIMEOUT, &BAD, &TWICE, &NEXT];
    let first = run(&workflow(5), rules);
    let second = run(&first.after.text, rules);
    assert!(second.changes.is_empty());
    assert_eq!(second.after.text, first.after.text);
}

#[test]
fn a_file_without_findings_stays_as_it_is() {
    let text = workflow(1);
    assert_eq!(run(&text, &[]).after.text, text);
}

#[test]
fn many_failing_fixes_end() {
    static ALL_BAD: Rule = rule("all-bad", |context, hits| {
        for job in &context.pipeline().jobs {
            let ops = vec![put(&job.path, "nonsense", Plain::Int(1))];
            hits.push(hit(job.key_span, &job.id, ops, true));
        }
    });
    let out = run(&workflow(80), &[&ALL_BAD]);
    assert_eq!((out.changes.len(), out.withheld.len()), (0, 80));
}

#[test]
fn stretches_touch_where_they_share_bytes() {
    let taken = [2..2, 4..6, 8..8];
    for (new, expect) in [
        (2..2, false),
        (1..3, true),
        (0..2, false),
        (4..4, false),
        (5..5, true),
        (5..9, true),
        (6..8, false),
        (4..6, true),
    ] {
        assert_eq!(touches(&taken, &new), expect, "{new:?}");
    }
}
