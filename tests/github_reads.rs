//! What is read from GitHub: changes of every size, files, conversations.

mod support;

use pipewright::diff::{Content, FileDiff, RepoPath, Status};
use pipewright::finding::Side;
use pipewright::forge::{
    Applied, CheckContent, Conclusion, Forge, ForgeError, InlineComment, Operation, Permission,
};
use support::client::forge;
use support::github::GitHub;

fn text(lines: usize) -> String {
    (1..=lines).map(|n| format!("line {n}\n")).collect()
}

/// A pull request of `count` small files in folders.
fn many(github: &GitHub, number: u64, count: usize) {
    github.pull(number, |pull| {
        for n in 0..count {
            pull.head(&format!("src/d{}/f{n}.rs", n % 17), format!("fn f{n}() {{}}\n"));
        }
    });
}

#[tokio::test]
async fn every_kind_of_file_is_read() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("edit.rs", text(20)).head("edit.rs", text(20).replace("line 9\n", "LINE 9\n"));
        pull.head("new.rs", "a\nb\n");
        pull.head("no-newline.txt", "a\nb");
        pull.head("empty.txt", "");
        pull.base("gone.rs", "x\n").remove("gone.rs");
        pull.base("old.rs", text(3)).rename("old.rs", "moved.rs");
        pull.base("was.rs", text(9)).rename("was.rs", "is.rs");
        pull.head("is.rs", text(9).replace("line 4", "four"));
        pull.head("new.bin", b"a\0b");
        pull.base("logo.png", b"\0a").head("logo.png", b"\0b");
        pull.base("blob", b"\0a").head("blob", b"\0b");
        pull.base("run.sh", "echo\n").mode("run.sh", 0o100755);
        pull.submodule("lib", Some(&"a".repeat(40)), Some(&"b".repeat(40)));
        pull.head("big.txt", text(20_001));
        pull.head("ünï cödé#?.txt", "x\n");
        pull.head("win.txt", "a\r\nb\r\n");
    });
    let change = forge(&github).diff(7, Some(15)).await.unwrap();
    assert_eq!(change.files.len(), 15);
    let file = |path: &str| -> &FileDiff { change.file(path).unwrap_or_else(|| panic!("{path}")) };
    let lines = |path: &str| file(path).changed_lines();

    assert_eq!((file("edit.rs").status, lines("edit.rs")), (Status::Modified, 2));
    assert_eq!((file("new.rs").status, lines("new.rs")), (Status::Added, 2));
    assert_eq!(file("new.rs").old_path, None);
    assert!(!file("no-newline.txt").patch().unwrap().lines[1].newline);
    assert_eq!(file("empty.txt").content, Content::Text(Default::default()));
    assert_eq!((file("gone.rs").status, file("gone.rs").new_path.clone()), (Status::Deleted, None));
    assert_eq!(file("moved.rs").status, Status::Renamed);
    assert_eq!(file("moved.rs").old_path, Some(RepoPath::from("old.rs")));
    assert_eq!(lines("moved.rs"), 0);
    assert_eq!(file("moved.rs").content, Content::Text(Default::default()));
    assert_eq!((file("is.rs").status, lines("is.rs")), (Status::Renamed, 2));
    let binary = Content::Binary { old_size: None, new_size: None };
    assert_eq!(file("new.bin").content, binary);
    assert_eq!(file("logo.png").content, binary);
    let unknown = Content::Missing { additions: 0, deletions: 0 };
    assert_eq!(file("blob").content, unknown);
    assert_eq!(file("run.sh").content, unknown);
    let submodule = Content::Submodule { old: Some("a".repeat(40)), new: Some("b".repeat(40)) };
    assert_eq!(file("lib").content, submodule);
    assert_eq!(file("big.txt").content, Content::Missing { additions: 20_001, deletions: 0 });
    assert_eq!(lines("ünï cödé#?.txt"), 1);
    let patch = file("win.txt").patch().unwrap();
    assert_eq!(patch.text_of(&patch.lines[0]), "a\r");
    assert_eq!(github.calls(), ["GET /pulls/7/files?per_page=100&page=1"]);
}

#[tokio::test]
async fn pages_are_asked_side_by_side_when_the_count_is_known() {
    let github = GitHub::start();
    many(&github, 7, 687);
    github.state().latency = std::time::Duration::from_millis(30);
    let start = std::time::Instant::now();
    let change = forge(&github).diff(7, Some(687)).await.unwrap();
    assert_eq!(change.files.len(), 687);
    assert_eq!(github.calls().len(), 7);
    assert!(github.connections() > 1, "one connection for all pages");
    assert!(start.elapsed().as_millis() > 29);
}

#[tokio::test]
async fn pages_are_found_when_the_count_is_not_known() {
    let github = GitHub::start();
    many(&github, 7, 687);
    let change = forge(&github).diff(7, None).await.unwrap();
    assert_eq!((change.files.len(), github.calls().len()), (687, 7));
}

#[tokio::test]
async fn a_count_that_is_out_of_date_is_looked_up_again() {
    // Each: files there, files expected, calls.
    for (there, expected, calls) in [(687, 250, 8), (250, 687, 8), (100, 101, 3), (0, 3, 2)] {
        let github = GitHub::start();
        many(&github, 7, there);
        let change = forge(&github).diff(7, Some(expected)).await.unwrap();
        assert_eq!(change.files.len(), there);
        assert_eq!(github.calls().len(), calls, "{there} {expected}: {:?}", github.calls());
    }
}

#[tokio::test]
async fn files_beyond_the_list_come_from_the_trees() {
    let github = GitHub::start();
    github.pull(7, |pull| {
        for n in 0..3196 {
            pull.head(&format!("a/d{}/f{n:04}.rs", n % 17), format!("fn f{n}() {{}}\n"));
        }
        pull.base("z/gone.rs", "x\n").remove("z/gone.rs");
        pull.base("z/edit.rs", "x\n").head("z/edit.rs", "y\n");
        pull.base("z/run.sh", "x\n").mode("z/run.sh", 0o100755);
        pull.submodule("z/lib", None, Some(&"b".repeat(40)));
        pull.base("z/same.rs", "x\n");
    });
    let change = forge(&github).diff(7, Some(3200)).await.unwrap();
    assert_eq!(change.files.len(), 3200);
    let file = |path: &str| change.file(path).unwrap();
    assert_eq!(file("z/gone.rs").status, Status::Deleted);
    assert_eq!(file("z/edit.rs").content, Content::Missing { additions: 0, deletions: 0 });
    assert_eq!(file("z/run.sh").content, Content::Text(Default::default()));
    assert!(file("z/run.sh").new_mode.unwrap().is_executable());
    assert!(!file("z/run.sh").old_mode.unwrap().is_executable());
    assert!(matches!(file("z/lib").content, Content::Submodule { old: None, new: Some(_) }));
    assert!(change.file("z/same.rs").is_none());
    assert!(file("a/d0/f0000.rs").patch().is_some());
    assert!(file("a/d0/f0000.rs").new_mode.is_some(), "trees tell modes");
    // 30 pages, the pull request, the comparison, two trees.
    assert_eq!(github.calls().len(), 34, "{:?}", github.calls());
}

#[tokio::test]
async fn trees_that_are_cut_short_are_walked_folder_by_folder() {
    let github = GitHub::start();
    github.state().tree_limit = 60;
    let pull = github.pull(7, |pull| {
        for n in 0..400 {
            pull.base(&format!("same/d{}/f{n}.rs", n % 9), "x\n");
        }
        for n in 0..400 {
            pull.head(&format!("new/d{}/f{n}.rs", n % 9), format!("{n}\n"));
        }
        pull.base("root.rs", "x\n").head("root.rs", "y\n");
    });
    let (base, change) = forge(&github).compare(&pull.base, &pull.head).await.unwrap();
    assert_eq!((base, change.files.len()), (pull.base, 401));
    let calls = github.calls();
    assert!(calls.len() < 20, "only folders that differ are walked: {calls:?}");
}

#[tokio::test]
async fn a_comparison_beyond_300_files_is_completed() {
    let github = GitHub::start();
    for (count, calls) in [(299, 1), (300, 3), (301, 3), (687, 3)] {
        let pull = github.pull(7, |pull| {
            for n in 0..count {
                pull.head(&format!("f{n}.rs"), format!("{n}\n"));
            }
        });
        github.forget_requests();
        let (_, change) = forge(&github).compare(&pull.base, &pull.head).await.unwrap();
        assert_eq!(change.files.len(), count);
        assert_eq!(github.calls().len(), calls, "{:?}", github.calls());
    }
}

#[tokio::test]
async fn files_are_read_at_a_revision() {
    let github = GitHub::start();
    let large = "x".repeat(2 << 20);
    let pull = github.pull(7, |pull| {
        pull.head("dir/a b#?ü.txt", "hello");
        pull.head("large", &large);
        pull.head("empty", "");
        pull.head("link", "large").mode("link", 0o120000);
        pull.head("outside", "/etc/passwd").mode("outside", 0o120000);
        pull.submodule("lib", None, Some(&"b".repeat(40)));
    });
    let forge = forge(&github);
    let read = async |path: &str| forge.file(&pull.head, &RepoPath::from(path)).await.unwrap();
    assert_eq!(read("dir/a b#?ü.txt").await.as_deref(), Some(&b"hello"[..]));
    assert_eq!(read("large").await.map(|data| data.len()), Some(2 << 20));
    assert_eq!(read("empty").await.as_deref(), Some(&b""[..]));
    assert_eq!(read("outside").await.as_deref(), Some(&b"/etc/passwd"[..]));
    for none in ["missing", "dir", "lib"] {
        assert_eq!(read(none).await, None, "{none}");
    }
    let asked = github.calls().len();
    for hostile in ["../../user", "a/../b", "", "/etc/passwd", "a//b", "."] {
        assert_eq!(read(hostile).await, None, "{hostile}");
    }
    assert_eq!(github.calls().len(), asked, "no request for a path that is none");
    let mut root = forge.root_entries(&pull.head).await.unwrap();
    root.sort();
    assert_eq!(root, ["dir", "empty", "large", "lib", "link", "outside"]);
}

#[tokio::test]
async fn a_file_too_large_for_the_contents_comes_as_a_blob() {
    use support::github::{Fault, On};
    let github = GitHub::start();
    let pull = github.pull(7, |pull| {
        pull.head("dir/big", "the content");
    });
    let too_large = r#"{"message":"This API returns blobs up to 100 MB in size.","errors":[{"resource":"Blob","field":"data","code":"too_large"}]}"#;
    github.fault(On::next("GET", "contents/dir/big"), Fault::Status(403, &[], too_large));
    let data = forge(&github).file(&pull.head, &RepoPath::from("dir/big")).await.unwrap();
    assert_eq!(data.as_deref(), Some(&b"the content"[..]));
    github.fault(On::next("GET", "contents/dir/big"), Fault::Status(403, &[], too_large));
    github.fault(On::next("GET", "git/blobs"), Fault::Status(403, &[], too_large));
    let refused = forge(&github).file(&pull.head, &RepoPath::from("dir/big")).await;
    assert!(matches!(refused, Err(ForgeError::Rejected(_))), "{refused:?}");
}

#[tokio::test]
async fn the_pull_request_is_read() {
    let github = GitHub::start();
    let pull = github.pull(7, |pull| {
        pull.title = "Title <!-- x -->".into();
        pull.draft = true;
        pull.fork = true;
        pull.head("a", "b\n");
    });
    let read = forge(&github).change_request(7).await.unwrap();
    assert_eq!(read.title, "Title <!-- x -->");
    assert_eq!((read.base, read.head), (pull.base, pull.head));
    assert!(read.draft && read.from_fork && read.open);
    assert_eq!((read.changed_files, read.commits), (1, 1));
    assert!(matches!(forge(&github).change_request(8).await, Err(ForgeError::NotFound(_))));
}

fn inline(path: &str, side: Side, lines: (u32, u32), body: &str) -> InlineComment {
    InlineComment { path: path.into(), side, start_line: lines.0, line: lines.1, body: body.into() }
}

#[tokio::test]
async fn conversations_and_threads_are_read() {
    let github = GitHub::start();
    let pull = github.pull(7, |pull| {
        let new: String = (0..150).map(|n| format!("line {n}\n")).collect();
        pull.base("a.rs", "old\n").head("a.rs", new);
    });
    for n in 0..250 {
        github.comment(7, "alice", &format!("comment {n}"));
    }
    let forge = forge(&github);
    let comments = forge.comments(7).await.unwrap();
    assert_eq!(comments.len(), 250);
    assert_eq!(comments[249].body, "comment 249");
    assert!(!comments[0].author_is_bot);
    assert_eq!(forge.comment(comments[3].id).await.unwrap(), comments[3]);

    let mut inlines: Vec<InlineComment> =
        (1..=119).map(|n| inline("a.rs", Side::New, (n, n), &format!("on {n}"))).collect();
    inlines.push(inline("a.rs", Side::Old, (1, 1), "on old"));
    let review =
        Operation::PostReview { head: pull.head.clone(), body: "b".into(), comments: inlines };
    let Applied::Done { id: Some(_) } = forge.apply(Some(7), &review).await.unwrap() else {
        panic!("the review is posted whole")
    };
    let there = forge.review_comments(7).await.unwrap();
    assert_eq!(there.len(), 120);
    assert!(there.iter().all(|comment| comment.author_is_bot));
    assert_eq!((there[119].side, there[119].line), (Side::Old, Some(1)));
    github.thumbs_down(there[5].id, 2);
    github.resolve(there[6].id, "bob");
    github.push(7, |pull| {
        pull.head("a.rs", "line 0\n");
    });
    let there = forge.review_comments(7).await.unwrap();
    assert_eq!((there[5].thumbs_down, there[6].thumbs_down), (2, 0));
    assert_eq!((there[0].line, there[1].line), (Some(1), None));

    let threads = forge.threads(7).await.unwrap();
    assert_eq!(threads.len(), 120);
    assert_eq!(threads[6].resolved_by.as_deref(), Some("bob"));
    assert!(threads[6].resolved && !threads[5].resolved);
    assert!(!threads[0].outdated && threads[1].outdated);
    assert_eq!(threads[119].first_comment, there[119].id);
    assert!(threads[0].first_comment > u64::from(u32::MAX));

    let resolve = Operation::ResolveThread { thread: threads[0].id.clone() };
    forge.apply(Some(7), &resolve).await.unwrap();
    assert!(forge.threads(7).await.unwrap()[0].resolved);
    github.state().full_ids = false;
    assert_eq!(forge.threads(7).await.unwrap().len(), 120);
}

#[tokio::test]
async fn checks_are_found_again_newest_first() {
    let github = GitHub::start();
    let pull = github.pull(7, |pull| {
        pull.head("a", "b\n");
    });
    let forge = forge(&github);
    for id in ["one", "two"] {
        let check = CheckContent {
            external_id: id.into(),
            conclusion: Conclusion::Success,
            title: "t".into(),
            summary: "s".into(),
            annotations: Vec::new(),
        };
        forge
            .apply(None, &Operation::CreateCheck { head: pull.head.clone(), check })
            .await
            .unwrap();
    }
    let checks = forge.checks(&pull.head).await.unwrap();
    let ids: Vec<&str> = checks.iter().map(|check| check.external_id.as_str()).collect();
    assert_eq!(ids, ["two", "one"]);
    assert!(checks[0].completed);
    assert!(forge.checks("0000").await.unwrap().is_empty());
}

#[tokio::test]
async fn our_own_login_is_found_for_every_kind_of_token() {
    use support::github::{Fault, On};
    let github = GitHub::start();
    let forge = forge(&github);
    assert_eq!(forge.own_login().await.unwrap(), "github-actions[bot]");
    let refusal = r#"{"message":"Resource not accessible"}"#;
    github.fault(On::next("POST", "graphql"), Fault::Status(403, &[], refusal));
    assert_eq!(forge.own_login().await.unwrap(), "github-actions[bot]");
    github.state().actions_token = false;
    github.state().login = "robot".into();
    assert_eq!(forge.own_login().await.unwrap(), "robot");
    github.fault(On::next("POST", "graphql"), Fault::Status(403, &[], refusal));
    assert_eq!(forge.own_login().await.unwrap(), "robot");
    github.state().token = "another".into();
    let error = forge.own_login().await.unwrap_err();
    assert!(matches!(&error, ForgeError::Denied(_)), "{error}");
    assert!(error.to_string().contains("Bad credentials"), "{error}");
}

#[tokio::test]
async fn permissions_are_read_by_role() {
    let github = GitHub::start();
    let forge = forge(&github);
    for (login, permission, role, expect) in [
        ("admin", "admin", "admin", Permission::Admin),
        ("maintainer", "write", "maintain", Permission::Write),
        ("writer", "write", "write", Permission::Write),
        ("triager", "read", "triage", Permission::Triage),
        ("reader", "read", "read", Permission::Read),
        ("nobody", "none", "none", Permission::None),
        ("custom", "write", "security-engineer", Permission::Write),
    ] {
        github.permission(login, permission, role);
        assert_eq!(forge.permission(login).await.unwrap(), expect, "{login}");
    }
    assert_eq!(forge.permission("stranger[bot]").await.unwrap(), Permission::None);
    assert_eq!(forge.permission("a/../b").await.unwrap(), Permission::None);
}

#[tokio::test]
async fn a_server_of_ones_own_has_its_api_below_a_prefix() {
    let github = GitHub::start_enterprise();
    github.pull(7, |pull| {
        pull.head("a", "b\n");
    });
    let forge = forge(&github);
    assert_eq!(forge.diff(7, None).await.unwrap().files.len(), 1);
    assert_eq!(forge.own_login().await.unwrap(), "github-actions[bot]");
    assert!(forge.threads(7).await.unwrap().is_empty());
}
