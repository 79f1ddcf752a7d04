//! A file's past is what git itself tells of it, also where a clone is cut.

mod local_support;

use std::collections::HashMap;
use std::path::Path;

use local_support::{Scratch, git, scratch};
use pipewright::checkout::Checkout;
use pipewright::diff::RepoPath;
use pipewright::forge::local::{self, HistoryEnd};
use pipewright::model::converse::ToolHost as _;
use pipewright::task::review::tools::{BaseFiles, Tools};
use serde_json::json;

/// Edits on two branches, merges with and without a conflict, a mode change.
fn past() -> Option<Scratch> {
    let scratch = scratch()?;
    let mut lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
    let save = |lines: &[String], message: &str| {
        scratch.write("src/a.rs", lines.join("\n") + "\n");
        scratch.commit(message);
    };
    save(&lines, "Begin");
    scratch.write("other", "x\n").commit("Touch something else");
    lines[3] = "third, changed".into();
    lines.insert(10, "put in".into());
    save(&lines, "Change the third\n\nSince it was wrong.");
    scratch.git(&["checkout", "-q", "-b", "side"]);
    let mut side = lines.clone();
    side[30] = "by the side".into();
    side.remove(20);
    save(&side, "Side work");
    scratch.git(&["checkout", "-q", "main"]);
    lines[5] = "by main".into();
    lines.push("at the end".into());
    save(&lines, "Main work");
    scratch.git(&["merge", "-q", "--no-ff", "-m", "Merge side", "side"]);
    scratch.write("other", "y\n").commit("Touch something else again");
    Some(scratch)
}

/// Every line's commit by git's word, and by ours.
fn check(folder: &Path, path: &str) {
    let local = local::open(folder).expect("opens");
    let head = git(folder, &["rev-parse", "HEAD"]);
    let porcelain = git(folder, &["blame", "--porcelain", "-l", path]);
    let mut expect: HashMap<u32, String> = HashMap::new();
    for line in porcelain.lines() {
        let mut words = line.split(' ');
        let (Some(id), Some(_), Some(now)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            expect.insert(now.parse().expect("a number"), id.to_owned());
        }
    }
    let past = local.history(&head, &RepoPath::from(path), Some((1, 1_000_000)), 9).expect("read");
    let past = past.expect("the file");
    assert_eq!(past.end, HistoryEnd::Whole);
    let mut ours: HashMap<u32, String> = HashMap::new();
    for (first, last, from) in past.lines {
        let id = &past.commits[from.expect("a commit")].id;
        ours.extend((first..=last).map(|line| (line, id.clone())));
    }
    assert_eq!(ours, expect, "blame of {path}");

    let log = git(folder, &["log", "--format=%H", "--date-order", "--", path]);
    let past = local.history(&head, &RepoPath::from(path), None, 1_000).expect("read");
    let mut ours: Vec<String> =
        past.expect("the file").commits.into_iter().map(|touch| touch.id).collect();
    let mut expect: Vec<&str> = log.lines().collect();
    // Commits of the same second have no order.
    ours.sort();
    expect.sort_unstable();
    assert_eq!(ours, expect, "log of {path}");
}

#[test]
fn lines_and_commits_are_those_that_git_names() {
    let Some(scratch) = past() else { return };
    check(&scratch.path(), "src/a.rs");
    check(&scratch.path(), "other");
}

#[test]
fn a_clone_that_is_cut_says_so() {
    let Some(scratch) = past() else { return };
    let source = format!("file://{}", scratch.path().display());
    let head = scratch.git(&["rev-parse", "HEAD"]);
    for (depth, has_history, commits) in [("1", false, 0), ("2", true, 0), ("3", true, 1)] {
        let folder = scratch.beside(&format!("depth{depth}"));
        let to = folder.to_str().expect("a path");
        git(&scratch.path(), &["clone", "-q", "--depth", depth, &source, to]);
        let local = local::open(&folder).expect("opens");
        assert_eq!(local.has_history(&head), has_history, "{depth}");
        let path = RepoPath::from("src/a.rs");
        let past = local.history(&head, &path, None, 9).expect("read").expect("the file");
        assert_eq!((past.end, past.commits.len()), (HistoryEnd::Shallow, commits), "{depth}");
        let past = local.history(&head, &path, Some((1, 2)), 9).expect("read").expect("the file");
        assert_eq!((past.end, past.lines), (HistoryEnd::Shallow, vec![(1, 2, None)]), "{depth}");
    }
}

struct NoBase;

#[async_trait::async_trait]
impl BaseFiles for NoBase {
    async fn base_file(&self, _: &str) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

#[tokio::test]
async fn the_tool_answers_in_words_bounded_and_without_secrets() {
    let Some(scratch) = past() else { return };
    let local = local::open(&scratch.path()).expect("opens");
    let head = scratch.git(&["rev-parse", "HEAD"]);
    let short = |revision: &str| scratch.git(&["rev-parse", "--short=10", revision]);
    let scrub = |text: &str| text.replace("wrong", "***");
    let checkout = Checkout::new(scratch.path()).expect("checkout");
    let tools = Tools::new(checkout.clone(), &NoBase, &scrub).and_history(&local, &head);
    assert!(tools.specs().iter().any(|tool| tool.name == "history"));
    let lines = json!({ "path": "src/a.rs", "start_line": 4, "end_line": 5 });
    let text = tools.call("history", &lines).await.text;
    let (change, begin) = (short("HEAD~2~1"), short("HEAD~2~3"));
    assert!(text.starts_with(&format!("src/a.rs, as of commit {}\n", short("HEAD"))), "{text}");
    assert!(text.contains(&format!("lines 4-4: {change}\nlines 5-5: {begin}\n")), "{text}");
    assert!(text.contains(" A\n    Change the third\n    Since it was ***.\n"), "{text}");
    let whole = tools.call("history", &json!({ "path": "src/a.rs" })).await.text;
    assert!(whole.contains("Side work") && whole.contains("began here"), "{whole}");
    for (input, expect) in [
        (json!({ "path": "none" }), "there is no file"),
        (json!({ "path": "src/a.rs", "start_line": 900 }), "does not have these lines"),
        (json!({ "path": "../x" }), "plain relative paths"),
        (json!({ "path": ".env" }), "credentials"),
        (json!({}), "`path` is missing"),
    ] {
        let outcome = tools.call("history", &input).await;
        assert!(outcome.is_error && outcome.text.contains(expect), "{input}: {}", outcome.text);
    }
    let without = Tools::new(checkout, &NoBase, &scrub);
    assert!(without.specs().iter().all(|tool| tool.name != "history"));
    assert!(without.call("history", &lines).await.is_error);
}
