//! What is read from GitHub beside a change: commits, issues, reviews, threads,
//! many files at once, listings.

mod support;

use pipewright::forge::{Background, Forge, ForgeError};
use support::client::forge;
use support::github::{Fault, GitHub, On};

fn world() -> GitHub {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("a/AGENTS.md", "A\n").base("a/bin", b"a\0b").base("top", "x\n");
        pull.base("i/x.md", "X\n").base("i/y/z.md", "Z\n").base("i/y/deep/no.md", "NO\n");
        pull.head("new", "n\n").head(".env", "K=1\n").head("a/link", "top");
        pull.mode("a/link", 0o120000);
        pull.submodule("lib", None, Some(&"b".repeat(40)));
        pull.closes = vec![3, 1];
    });
    for number in 1..=9 {
        github.issue(number, &format!("Issue {number}"), "", &["bug"]);
    }
    github
}

fn numbers(background: &Background) -> Vec<u64> {
    background.issues.iter().flatten().map(|issue| issue.number).collect()
}

#[tokio::test]
async fn everything_comes_in_one_request() {
    let github = world();
    github.review_body(7, "ann", "CHANGES_REQUESTED", "No.");
    github.review_body(7, "me[bot]", "COMMENTED", "Yes.");
    github.review_body(7, "ann", "APPROVED", "");
    let first = github.remark(7, "ann", "Why?", None);
    github.resolve(first, "bob");
    let found = forge(&github).background(7, &[2, 3, 7, 404, u64::MAX]).await.unwrap();
    assert_eq!(github.calls(), ["POST /graphql"]);
    assert_eq!(numbers(&found), [3, 1, 2], "closing ones first, each once");
    let reviews = found.reviews.unwrap();
    let said: Vec<_> =
        reviews.iter().map(|r| (r.author.as_str(), r.author_is_bot, r.asks_for_changes)).collect();
    assert_eq!(said, [("ann", false, true), ("me", true, false)]);
    let threads = found.threads.unwrap();
    assert_eq!((threads[0].first_comment, threads[0].resolved), (first, true));
    assert_eq!(found.commits.unwrap()[0].message, "Change things");
}

#[tokio::test]
async fn what_is_much_is_bounded_and_said_to_be_so() {
    let github = world();
    github.pull(7, |pull| {
        pull.closes = (1..=9).collect();
        pull.messages = (0..300).map(|n| (format!("Commit {n}"), 1 + n % 2)).collect();
    });
    for n in 0..101 {
        github.remark(7, "ann", &format!("{n}"), None);
    }
    let forge = forge(&github);
    let found = forge.background(7, &[8, 9]).await.unwrap();
    assert_eq!(numbers(&found).len(), 5);
    assert_eq!(found.threads, None, "not all threads are there");
    let commits = found.commits.unwrap();
    assert_eq!((commits.len(), commits[99].message.as_str()), (100, "Commit 299"));
    let listed = forge.commits(7).await.unwrap();
    assert_eq!((listed.len(), listed[1].is_merge), (250, true));
}

#[tokio::test]
async fn an_older_server_is_asked_in_its_own_words() {
    let github = world();
    github.state().full_ids = false;
    let first = github.remark(7, "ann", "Why?", None);
    let found = forge(&github).background(7, &[]).await.unwrap();
    assert_eq!(found.threads.unwrap()[0].first_comment, first);
    assert_eq!(github.calls().len(), 2);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let github = world();
    let check = async |body: &'static str, expect: fn(&ForgeError) -> bool| {
        github.heal().fault(On::every("POST", "graphql"), Fault::Status(200, &[], body));
        let error = forge(&github).background(7, &[]).await.unwrap_err();
        assert!(expect(&error), "{body}: {error:?}");
    };
    let refused =
        r#"{"data":null,"errors":[{"message":"Resource not accessible by integration"}]}"#;
    check(refused, |e| matches!(e, ForgeError::Denied(_))).await;
    check(r#"{"errors":[{"message":"Something"}]}"#, |e| matches!(e, ForgeError::Rejected(_)))
        .await;
    check(r#"{"data":{"repository":7}}"#, |e| matches!(e, ForgeError::Unreachable(_))).await;
    let partly = r#"{"data":{"repository":{"pullRequest":{"commits":{"nodes":[null]},"closingIssuesReferences":null}}},
        "errors":[{"message":"Resource not accessible by integration"}]}"#;
    github.heal().fault(On::every("POST", "graphql"), Fault::Status(200, &[], partly));
    let found = forge(&github).background(7, &[]).await.unwrap();
    assert_eq!((found.commits, found.issues), (Some(Vec::new()), None));
}

#[tokio::test]
async fn many_texts_come_in_one_request() {
    let github = world();
    let base = github.state().pulls[&7].base.clone();
    let paths: Vec<String> =
        ["a/AGENTS.md", "a/bin", "a", "none", "x\"y) { z", "top"].map(str::to_owned).to_vec();
    let mut found = forge(&github).texts(&base, &paths, Some("i")).await.unwrap();
    found.sort();
    let expect = [("a/AGENTS.md", "A\n"), ("i/x.md", "X\n"), ("i/y/z.md", "Z\n"), ("top", "x\n")];
    assert_eq!(found, expect.map(|(path, text)| (path.to_owned(), text.to_owned())));
    assert_eq!(github.calls().len(), 1);
    let many: Vec<String> = (0..450).map(|n| format!("none{n}")).collect();
    assert!(forge(&github).texts(&base, &many, None).await.unwrap().is_empty());
    assert_eq!(github.calls().len(), 4);
}

#[tokio::test]
async fn files_are_listed_without_links_and_submodules() {
    let github = world();
    let head = github.state().pulls[&7].head.clone();
    let forge = forge(&github);
    let all = forge.list_files(&head, "").await.unwrap();
    let expect =
        [".env", "a/AGENTS.md", "a/bin", "i/x.md", "i/y/deep/no.md", "i/y/z.md", "new", "top"];
    assert_eq!((all.files, all.truncated), (expect.map(str::to_owned).to_vec(), false));
    github.state().tree_limit = 4;
    assert!(forge.list_files(&head, "").await.unwrap().truncated);
    let below = forge.list_files(&head, "i/y").await.unwrap();
    assert_eq!(below.files, ["i/y/deep/no.md", "i/y/z.md"]);
    assert!(!below.truncated);
    for none in ["none", "top", "i/none"] {
        let error = forge.list_files(&head, none).await.unwrap_err();
        assert!(matches!(error, ForgeError::NotFound(_)), "{none}: {error:?}");
    }
}
