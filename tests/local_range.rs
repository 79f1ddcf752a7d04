//! Where a change starts and ends, without being told and when told.

mod local_support;

use local_support::{change_in, git, rows, scratch};
use pipewright::forge::local::{self, LocalError, WORKTREE};

fn error_of(folder: &std::path::Path, base: Option<&str>, head: Option<&str>) -> LocalError {
    let error = local::open(folder).and_then(|repo| repo.change(base, head)).expect_err("fails");
    error.downcast_ref::<LocalError>().unwrap_or_else(|| panic!("{error:#}")).clone()
}

/// `main` with a file, and a clone of it.
fn cloned(depth: Option<&str>) -> Option<(local_support::Scratch, std::path::PathBuf)> {
    let origin = scratch()?;
    for number in 1..4 {
        origin.write("a.txt", format!("{number}\n")).commit(&format!("Commit {number}"));
    }
    let clone = origin.beside("clone");
    let url = format!("file://{}", origin.path().display());
    let target = clone.display().to_string();
    let mut args = vec!["clone", "-q"];
    if let Some(depth) = depth {
        args.extend(["--depth", depth]);
    }
    args.extend([url.as_str(), target.as_str()]);
    origin.git(&args);
    Some((origin, clone))
}

#[test]
fn a_branch_is_compared_with_where_it_left_the_default_branch() {
    let Some((_origin, clone)) = cloned(None) else { return };
    let base = git(&clone, &["rev-parse", "HEAD"]);
    git(&clone, &["checkout", "-q", "-b", "topic"]);
    for number in 1..3 {
        std::fs::write(clone.join(format!("b{number}.txt")), "x\n").expect("file");
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", &format!("Add {number}\n\nBecause.")]);
    }
    // The default branch has moved on meanwhile.
    git(&clone, &["commit-tree", "-m", "x", "HEAD^{tree}"]);
    let change = change_in(&clone, None, None);
    assert_eq!(rows(&change), ["A b1.txt +1 -0", "A b2.txt +1 -0"]);
    assert_eq!((change.base.as_str(), change.base_ref.as_str()), (base.as_str(), "origin/main"));
    assert_eq!(change.head, git(&clone, &["rev-parse", "HEAD"]));
    assert_eq!(change.messages, ["Add 1\n\nBecause.", "Add 2\n\nBecause."]);
    assert_eq!(change.title, "topic");
    assert!(change.notes.is_empty(), "{:?}", change.notes);

    std::fs::write(clone.join("c.txt"), "new\n").expect("file");
    std::fs::write(clone.join("a.txt"), "edited\n").expect("file");
    let change = change_in(&clone, None, None);
    assert_eq!(
        rows(&change),
        ["M a.txt +1 -1", "A b1.txt +1 -0", "A b2.txt +1 -0", "A c.txt +1 -0"]
    );
    assert_eq!(change.head, WORKTREE);
    let change = change_in(&clone, None, Some("topic"));
    assert_eq!(rows(&change), ["A b1.txt +1 -0", "A b2.txt +1 -0"], "a head leaves edits out");
    let change = change_in(&clone, Some("topic~1"), Some("HEAD"));
    assert_eq!(rows(&change), ["A b2.txt +1 -0"]);
    assert_eq!(change.title, "Add 2");
}

#[test]
fn on_the_default_branch_unpushed_work_then_edits_then_the_last_commit_is_the_change() {
    let Some((_origin, clone)) = cloned(None) else { return };
    let change = change_in(&clone, None, None);
    assert_eq!(rows(&change), ["M a.txt +1 -1"]);
    assert_eq!(change.base_ref, "HEAD~1");
    assert_eq!(change.title, "Commit 3");
    assert!(change.notes[0].contains("origin/main"), "{:?}", change.notes);

    std::fs::write(clone.join("b.txt"), "edit\n").expect("file");
    let change = change_in(&clone, None, None);
    assert_eq!(rows(&change), ["A b.txt +1 -0"]);
    assert_eq!((change.base_ref.as_str(), change.head.as_str()), ("HEAD", WORKTREE));
    assert_eq!(change.title, "Uncommitted changes");

    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-q", "-m", "Unpushed"]);
    let change = change_in(&clone, None, None);
    assert_eq!(rows(&change), ["A b.txt +1 -0"]);
    assert_eq!((change.base_ref.as_str(), change.title.as_str()), ("origin/main", "Unpushed"));
}

#[test]
fn without_any_remote_the_usual_branch_or_the_last_commit_is_the_base() {
    let Some(repo) = scratch() else { return };
    repo.write("a", "1\n").commit("One");
    repo.write("a", "2\n").commit("Two");
    assert_eq!(rows(&repo.change(None, None)), ["M a +1 -1"]);
    repo.git(&["checkout", "-q", "--detach"]);
    repo.write("b", "1\n").commit("Three");
    let change = repo.change(None, None);
    assert_eq!((rows(&change), change.base_ref), (vec!["A b +1 -0".to_owned()], "main".to_owned()));
    repo.git(&["branch", "-m", "main", "strange"]);
    repo.git(&["checkout", "-q", "strange"]);
    let change = repo.change(None, None);
    assert_eq!(change.base_ref, "HEAD~1");
    assert!(change.notes[0].contains("no default branch"), "{:?}", change.notes);
    repo.git(&["config", "init.defaultBranch", "strange"]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    repo.write("c", "1\n").commit("Four");
    assert_eq!(repo.change(None, None).base_ref, "strange");
}

#[test]
fn a_first_commit_and_none_at_all_are_all_new() {
    let Some(repo) = scratch() else { return };
    let change = repo.change(None, None);
    assert!(rows(&change).is_empty());
    repo.write("a", "1\n").write("dir/b", "2\n");
    repo.git(&["add", "a"]);
    let change = repo.change(None, None);
    assert_eq!(rows(&change), ["A a +1 -0", "A dir/b +1 -0"]);
    assert_eq!((change.head.as_str(), change.head_commit), (WORKTREE, None));
    assert!(change.notes[0].contains("no commit yet"), "{:?}", change.notes);

    let sha = repo.commit("First");
    let change = repo.change(None, None);
    assert_eq!(rows(&change), ["A a +1 -0", "A dir/b +1 -0"]);
    assert_eq!(change.head, sha);
    assert_eq!(change.base, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    assert!(change.notes[0].contains("first commit"), "{:?}", change.notes);
    assert_eq!(change.messages, ["First"]);
}

#[test]
fn a_shallow_clone_says_what_to_do() {
    let Some((origin, clone)) = cloned(Some("1")) else { return };
    let error = error_of(&clone, None, None);
    assert!(matches!(error, LocalError::Shallow { .. }), "{error:?}");
    let text = error.to_string();
    for part in ["git fetch --unshallow", "--base", "fetch-depth: 0"] {
        assert!(text.contains(part), "{text}");
    }
    let sha = origin.git(&["rev-parse", "HEAD~1"]);
    for base in ["HEAD~1", "HEAD^", sha.as_str()] {
        let error = error_of(&clone, Some(base), None);
        assert!(matches!(error, LocalError::Shallow { .. }), "{base}: {error:?}");
    }
    assert!(matches!(error_of(&clone, Some("nope"), None), LocalError::UnknownRevision { .. }));

    // Edits need no history.
    std::fs::write(clone.join("b.txt"), "edit\n").expect("file");
    assert_eq!(rows(&change_in(&clone, None, None)), ["A b.txt +1 -0"]);

    // A branch whose start lies beyond what was fetched.
    git(&clone, &["checkout", "-q", "-b", "topic"]);
    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-q", "-m", "Topic"]);
    origin.write("a.txt", "4\n").commit("Commit 4");
    origin.write("a.txt", "5\n").commit("Commit 5");
    git(&clone, &["fetch", "-q", "--depth", "1", "origin", "main"]);
    git(&clone, &["update-ref", "refs/remotes/origin/main", "FETCH_HEAD"]);
    let error = error_of(&clone, None, None);
    assert!(error.to_string().contains("origin/main"), "{error}");
    // Named by hand, it is compared directly, and the notes say so.
    let change = change_in(&clone, Some("origin/main"), None);
    assert_eq!(rows(&change), ["M a.txt +1 -1", "A b.txt +1 -0"]);
    assert!(change.notes[0].contains("too shallow"), "{:?}", change.notes);
}

#[test]
fn unknown_revisions_come_with_names_that_were_perhaps_meant() {
    let Some((_origin, clone)) = cloned(None) else { return };
    git(&clone, &["branch", "release/1.0"]);
    match error_of(&clone, Some("relase/1.0"), None) {
        LocalError::UnknownRevision { nearest, .. } => assert_eq!(nearest, ["release/1.0"]),
        other => panic!("{other:?}"),
    }
    for odd in ["", "-x", "main..HEAD", "a b", "HEAD:a.txt", "@{u}~99", ":/x", "\0"] {
        let error = error_of(&clone, Some(odd), None);
        assert!(matches!(error, LocalError::UnknownRevision { .. }), "{odd}: {error:?}");
    }
    // Only the remote has it, as in a CI checkout.
    git(&clone, &["update-ref", "refs/remotes/origin/next", "HEAD~1"]);
    assert_eq!(change_in(&clone, Some("next"), None).base_ref, "origin/next");
}

#[test]
fn unrelated_histories_are_compared_directly() {
    let Some(repo) = scratch() else { return };
    repo.write("a", "1\n").commit("One");
    repo.git(&["checkout", "-q", "--orphan", "other"]);
    repo.write("a", "2\n").commit("Other");
    let change = repo.change(None, None);
    assert_eq!(rows(&change), ["M a +1 -1"]);
    assert!(change.notes[0].contains("no common ancestor"), "{:?}", change.notes);
}

#[test]
fn bare_repositories_and_no_repository_are_answered_clearly() {
    let Some((origin, _)) = cloned(None) else { return };
    let bare = origin.beside("bare.git");
    origin.git(&["clone", "-q", "--bare", ".", &bare.display().to_string()]);
    let change = change_in(&bare, None, None);
    assert_eq!(rows(&change), ["M a.txt +1 -1"]);
    assert!(change.notes[0].contains("bare"), "{:?}", change.notes);
    assert_eq!(rows(&change_in(&bare, Some("HEAD~2"), Some("main"))), ["M a.txt +1 -1"]);

    let empty = origin.beside("empty.git");
    std::fs::create_dir(&empty).expect("folder");
    git(&empty, &["init", "-q", "--bare"]);
    assert_eq!(error_of(&empty, None, None), LocalError::Bare);

    assert!(local::open(&origin.beside("nowhere")).is_err());
    let outside = tempfile::tempdir().expect("folder");
    let error = error_of(outside.path(), None, None);
    assert!(matches!(error, LocalError::NoRepository { .. }), "{error:?}");
}

#[test]
fn linked_worktrees_and_subfolders_are_checkouts_too() {
    let Some(repo) = scratch() else { return };
    repo.write("src/a", "1\n").commit("One");
    let linked = repo.beside("linked");
    repo.git(&["worktree", "add", "-q", "-b", "topic", &linked.display().to_string()]);
    std::fs::write(linked.join("src/b"), "2\n").expect("file");
    let change = change_in(&linked.join("src"), None, None);
    assert_eq!(rows(&change), ["A src/b +1 -0"]);
    assert!(rows(&repo.change(Some("HEAD"), None)).is_empty(), "the main one is untouched");
}

#[test]
fn a_working_tree_named_by_configuration_must_hold_the_folder() {
    let Some(repo) = scratch() else { return };
    repo.write("a", "1\n").commit("One");
    let other = repo.beside("other");
    std::fs::create_dir(&other).expect("folder");
    std::fs::write(other.join("private"), "x\n").expect("file");
    repo.git(&["config", "core.worktree", &other.display().to_string()]);
    let error = local::open(&repo.path()).expect_err("refused");
    assert!(error.to_string().contains("configuration names it"), "{error:#}");
}
