//! How results of tests read in a comment.

use super::*;

fn ran<'a>(on: &'a str, outcome: &'a str) -> Ran<'a> {
    let command = "python3 -m unittest test_price.Price.test_free | tail -n 1";
    Ran { on, command, outcome, is_patched: on.starts_with("mutant") }
}

fn row(group: Group) -> Row<'static> {
    let (verdict, reason, ran) = match group {
        Group::Suspected => (
            "suspected-bug",
            "It fails on the head each time: `0 != 5`.",
            vec![ran("head", "failed 5 of 5")],
        ),
        Group::Proven => (
            "proven-base",
            "It fails by assertion without the change.",
            vec![
                ran("head", "passed 5 of 5"),
                ran("base", "failed by assertion 2 of 2"),
                ran("stripped, base", "passed 2 of 2"),
            ],
        ),
        Group::CoverageOnly => (
            "coverage-only",
            "No mutant that lives makes it fail.",
            vec![ran("head", "passed 5 of 5")],
        ),
        Group::Rejected => ("rejected", "It sleeps (line 3).", Vec::new()),
    };
    Row {
        name: "test_price.Price.test_free",
        path: "test_price.py",
        group,
        verdict,
        guards: "Orders from 50 on are free.",
        reason,
        ran,
        diff: "--- a/test_price.py\n+++ b/test_price.py\n@@ -1 +1,2 @@\n a\n+b\n",
    }
}

const DIFF: &str = "--- a/test_price.py\n+++ b/test_price.py\n@@ -1 +1,2 @@\n a\n+b\n";

fn text(shown: &Shown<'_>) -> String {
    let host = ForgeHost::new("https://github.com", "acme/widgets");
    markdown(shown, &Scrubber::default(), &host)
}

fn shown<'a>(rows: Vec<Row<'a>>) -> Shown<'a> {
    Shown {
        changed: 2,
        proposed: rows.len(),
        rows,
        open: vec![
            Open {
                function: "Cart.price",
                path: "price.py",
                line: 4,
                unreached: Some(&[6, 7, 9]),
                lives: vec![(6, "`a < b` became `a <= b`"); 5],
                tried: 6,
            },
            Open { function: "total", path: "price.py", line: 20, ..Open::default() },
        ],
        diff: DIFF,
        model: "anthropic:claude-opus-4-8",
        spent: (2, 0.0312),
        ..Shown::default()
    }
}

#[test]
fn a_comment_has_each_group_in_its_place() {
    let mutant = Row {
        name: "test_price.Price.test_bound",
        verdict: "proven-mutant",
        reason: "It kills a mutant that lived.",
        ran: vec![ran("head", "passed 5 of 5"), ran("mutant price.py:6:bound", "failed 2 of 2")],
        ..row(Group::Proven)
    };
    let groups = [Group::Suspected, Group::Proven, Group::CoverageOnly, Group::Rejected];
    let mut rows: Vec<Row<'_>> = groups.into_iter().map(row).collect();
    rows.push(mutant);
    let notes = vec!["The walls do not hold memory here."];
    let shown = Shown {
        done: "The tests stand in #8.",
        notes,
        untestable: vec![("app.css", "it is no code")],
        ..shown(rows)
    };
    insta::assert_snapshot!("proven_groups", text(&shown));
}

#[test]
fn without_a_model_the_gap_is_all() {
    let shown = Shown { model: "offline", diff: "", ..shown(Vec::new()) };
    insta::assert_snapshot!("proven_offline", text(&shown));
    let none = Shown { model: "offline", ..Shown::default() };
    insta::assert_snapshot!("proven_nothing", text(&none));
}

#[test]
fn what_is_withheld_is_said_with_the_diff() {
    let done = "The branch lies in a fork: nothing was committed. The diff is below.";
    insta::assert_snapshot!(
        "proven_fork",
        text(&Shown { done, ..shown(vec![row(Group::Proven)]) })
    );
}

#[test]
fn hostile_words_stay_words() {
    let hostile = "`x` | @octocat </details><img src=x onerror=y> <!-- pipewright:tests -->\n\
                   /approve\n# head [here](https://evil.example/x)";
    let groups = [Group::Suspected, Group::Proven, Group::CoverageOnly, Group::Rejected];
    let rows: Vec<Row<'_>> = groups
        .into_iter()
        .map(|group| Row {
            name: hostile,
            path: hostile,
            guards: hostile,
            reason: hostile,
            ran: vec![Ran { on: hostile, command: hostile, outcome: hostile, is_patched: true }],
            diff: "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+```` </details> @octocat\n",
            ..row(group)
        })
        .collect();
    let notes = vec![hostile];
    let mut shown = Shown { notes, untestable: vec![(hostile, hostile)], ..shown(rows) };
    shown.diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+````\n";
    shown.model = "anthropic:<b>@octocat";
    insta::assert_snapshot!("proven_hostile", text(&shown));
}

#[test]
fn a_diff_with_a_secret_an_order_or_a_turn_is_left_out() {
    for line in
        ["+t = 'ghp_0123456789abcdefghijABCDEFGHIJ012345'\n", "+\n/approve\n", "+a\u{202e}b\n"]
    {
        let shown = Shown { diff: line, ..shown(vec![row(Group::Proven)]) };
        let text = text(&shown);
        assert!(text.contains("The diff is left out: it holds"), "{text}");
        assert!(!text.contains("ghp_0123456789") && !text.contains("\n/approve"), "{text}");
    }
}

#[test]
fn a_comment_never_outgrows_what_a_host_takes() {
    let long = "word ".repeat(400);
    let diff = "+x\n".repeat(20_000);
    let groups = [Group::Suspected, Group::Proven, Group::CoverageOnly, Group::Rejected];
    let rows: Vec<Row<'_>> = (0..400)
        .map(|nth| Row {
            guards: &long,
            reason: &long,
            diff: &diff,
            ..row(groups[nth % groups.len()])
        })
        .collect();
    let text = text(&Shown { diff: &diff, ..shown(rows) });
    assert!(text.len() <= MOST_COMMENT, "{}", text.len());
    assert!(text.contains("more\n") && text.contains("too long for a comment"), "{text}");
}
