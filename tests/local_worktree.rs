//! What of a working tree is part of the change, and how it reads.

mod local_support;

use local_support::{change_in, git, rows, scratch};
use pipewright::diff::{Content, RepoPath};
use pipewright::forge::local::{self, WORKTREE};

#[test]
fn edits_staged_or_not_and_untracked_files_are_the_change() {
    let Some(repo) = scratch() else { return };
    repo.write(".gitignore", "*.log\nout/\n")
        .write("edited", "1\n2\n3\n")
        .write("staged", "1\n")
        .write("removed", "1\n2\n3\n4\n")
        .write("unstaged", "1\n")
        .write("same", "1\n")
        .commit("One");
    repo.write("staged", "2\n").write("added", "x\n");
    repo.git(&["add", "staged", "added"]);
    repo.git(&["rm", "-q", "--cached", "unstaged"]);
    repo.write("edited", "1\nnew\n3\n").write("staged", "3\n").remove("removed");
    repo.write("untracked/deep/file", "u\n").write("x.log", "no").write("out/x", "no");
    repo.write("same", "1\n");
    repo.write("announced", "soon\n");
    repo.git(&["add", "-N", "announced"]);
    assert_eq!(
        rows(&repo.change(None, None)),
        [
            "A added +1 -0",
            "A announced +1 -0",
            "M edited +1 -1",
            "D removed +0 -4",
            "M staged +1 -1",
            "A untracked/deep/file +1 -0",
        ]
    );
    let local = local::open(&repo.path()).expect("opens");
    assert!(local.is_dirty().expect("dirty"));
    let file = local.file_at(WORKTREE, &RepoPath::from("staged")).expect("file");
    assert_eq!(file.as_deref(), Some(&b"3\n"[..]));
    let file = local.file_at("HEAD", &RepoPath::from("staged")).expect("file");
    assert_eq!(file.as_deref(), Some(&b"1\n"[..]));
}

#[test]
fn reading_leaves_no_trace_in_the_repository() {
    let Some(repo) = scratch() else { return };
    repo.write("a", "1\n").commit("One");
    repo.write("a", "2\n").write("b", "3\n");
    let list = || {
        let mut all = Vec::new();
        let mut open = vec![repo.path()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("folder").map(|e| e.expect("entry")) {
                let found = entry.metadata().expect("metadata");
                if found.is_dir() {
                    open.push(entry.path());
                } else {
                    all.push((entry.path(), found.len(), found.modified().expect("time")));
                }
            }
        }
        all.sort();
        all
    };
    let before = list();
    assert_eq!(rows(&repo.change(None, None)).len(), 2);
    assert_eq!(list(), before);
}

#[test]
fn an_edit_in_the_same_second_and_of_the_same_size_is_seen() {
    let Some(repo) = scratch() else { return };
    for round in 0..20 {
        repo.write("a", format!("{round:02}\n")).commit("Round");
        repo.write("a", format!("{:02}\n", round + 50));
        assert_eq!(rows(&repo.change(Some("HEAD"), None)), ["M a +1 -1"], "round {round}");
    }
}

#[cfg(unix)]
#[test]
fn modes_links_and_kinds_are_told_apart() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let Some(repo) = scratch() else { return };
    repo.write("script", "#!/bin/sh\n")
        .write("becomes-link", "text\n")
        .write("folder/inside", "1\n");
    symlink("script", repo.path().join("link")).expect("link");
    symlink("script", repo.path().join("becomes-file")).expect("link");
    repo.commit("One");
    let script = repo.path().join("script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("mode");
    repo.remove("link").remove("becomes-link").remove("becomes-file");
    symlink("elsewhere", repo.path().join("link")).expect("link");
    symlink("script", repo.path().join("becomes-link")).expect("link");
    repo.write("becomes-file", "text\n");
    // A folder that became a link: what is behind it is not in the repository.
    let outside = repo.beside("outside");
    std::fs::create_dir(&outside).expect("folder");
    std::fs::write(outside.join("inside"), "2\n").expect("file");
    std::fs::remove_dir_all(repo.path().join("folder")).expect("removed");
    symlink(&outside, repo.path().join("folder")).expect("link");
    let change = repo.change(None, None);
    assert_eq!(
        rows(&change),
        [
            "D becomes-file +0 -1",
            "A becomes-file +1 -0",
            "D becomes-link +0 -1",
            "A becomes-link +1 -0",
            "A folder +1 -0",
            "D folder/inside +0 -1",
            "M link +1 -1",
            "M script 100644..100755",
        ]
    );
    let local = local::open(&repo.path()).expect("opens");
    let behind = local.file_at(WORKTREE, &RepoPath::from("folder/inside")).expect("answers");
    assert_eq!(behind, None);
    repo.git(&["config", "core.fileMode", "false"]);
    assert!(!rows(&repo.change(None, None)).iter().any(|row| row.contains("script")));
}

#[test]
fn renames_are_found_and_copies_where_configured() {
    let Some(repo) = scratch() else { return };
    let body = |seed: u32| (0..40).map(|n| format!("line {seed} {n}\n")).collect::<String>();
    repo.write("a/one.rs", body(1))
        .write("two.rs", body(2))
        .write("three.rs", body(3))
        .commit("One");
    std::fs::create_dir(repo.path().join("b")).expect("folder");
    std::fs::rename(repo.path().join("a/one.rs"), repo.path().join("b/uno.rs")).expect("moved");
    repo.remove("two.rs").write("zwei.rs", body(2) + "more\n");
    repo.write("three.rs", body(3) + "changed\n").write("drei.rs", body(3) + "copied\n");
    assert_eq!(
        rows(&repo.change(None, None)),
        [
            "R a/one.rs -> b/uno.rs",
            "A drei.rs +41 -0",
            "M three.rs +1 -0",
            "R two.rs -> zwei.rs +1 -0",
        ]
    );
    repo.git(&["config", "diff.renames", "copies"]);
    assert_eq!(
        rows(&repo.change(None, None)),
        [
            "R a/one.rs -> b/uno.rs",
            "C three.rs -> drei.rs +1 -0",
            "M three.rs +1 -0",
            "R two.rs -> zwei.rs +1 -0",
        ]
    );
}

#[test]
fn line_ends_are_compared_as_git_stores_them() {
    let Some(repo) = scratch() else { return };
    repo.write(".gitattributes", "*.txt text\n*.bat eol=crlf\n");
    repo.write("a.txt", "1\n2\n")
        .write("b.bat", "1\r\n2\r\n")
        .write("c.dat", "1\n2\n")
        .commit("One");
    repo.write("a.txt", "1\r\n2\r\n3\r\n").write("b.bat", "1\r\n2\r\nx\r\n");
    assert_eq!(rows(&repo.change(None, None)), ["M a.txt +1 -0", "M b.bat +1 -0"]);
    repo.write("c.dat", "1\r\n2\r\n");
    assert_eq!(rows(&repo.change(None, None)), ["M a.txt +1 -0", "M b.bat +1 -0", "M c.dat +2 -2"]);
    repo.git(&["config", "core.autocrlf", "true"]);
    assert_eq!(rows(&repo.change(None, None)), ["M a.txt +1 -0", "M b.bat +1 -0"]);
}

#[test]
fn no_program_of_the_configuration_is_run() {
    let Some(repo) = scratch() else { return };
    let marker = repo.beside("marker");
    let run = format!("touch {}", marker.display());
    repo.write(".gitattributes", "*.x filter=evil diff=evil\n*.bin filter=lfs\n");
    repo.write("a.x", "1\n").write("b.bin", "1\n").commit("One");
    for key in
        ["filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "filter.lfs.clean"]
    {
        repo.git(&["config", key, &run]);
    }
    for key in ["diff.evil.textconv", "diff.evil.command", "diff.external", "core.fsmonitor"] {
        repo.git(&["config", key, &run]);
    }
    repo.write(".git/hooks/post-index-change", format!("#!/bin/sh\n{run}\n"));
    std::fs::remove_file(&marker).ok();
    repo.write("a.x", "2\n").write("new.x", "3\n").write("b.bin", "a large file\n");
    let change = repo.change(None, None);
    assert!(!marker.exists(), "a program was run");
    assert_eq!(rows(&change), ["M b.bin +3 -1"]);
    assert_eq!(change.notes.len(), 2, "{:?}", change.notes);
    assert!(change.notes.iter().all(|note| note.contains("filter `evil`")), "{:?}", change.notes);
}

#[test]
fn large_file_pointers_are_made_without_the_program() {
    let Some(repo) = scratch() else { return };
    let pointer = "version https://git-lfs.github.com/spec/v1\n\
                   oid sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n\
                   size 3\n";
    repo.write("a.bin", pointer).write("b.bin", pointer).commit("One");
    repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n").commit("Track");
    // What a checkout with the program leaves on disk.
    repo.write("a.bin", "abc");
    assert!(rows(&repo.change(Some("HEAD"), None)).is_empty());
    repo.write("a.bin", "abcd");
    assert_eq!(rows(&repo.change(Some("HEAD"), None)), ["M a.bin +2 -2"]);
}

#[test]
fn submodules_show_their_commit() {
    let Some(repo) = scratch() else { return };
    let Some(inner) = scratch() else { return };
    let first = inner.write("x", "1\n").commit("Inner one");
    let url = inner.path().display().to_string();
    repo.write("a", "1\n").commit("One");
    repo.git(&["submodule", "add", "-q", &url, "sub"]);
    repo.commit("Add the submodule");
    let second = inner.write("x", "2\n").commit("Inner two");
    assert!(rows(&repo.change(Some("HEAD"), None)).is_empty());
    git(&repo.path().join("sub"), &["pull", "-q"]);
    let change = repo.change(Some("HEAD"), None);
    assert_eq!(rows(&change), ["M sub"]);
    assert_eq!(
        change.change.files[0].content,
        Content::Submodule { old: Some(first), new: Some(second) }
    );
    // A nested repository that is not a submodule is no part of this one.
    let nested = repo.path().join("nested");
    std::fs::create_dir(&nested).expect("folder");
    git(&nested, &["init", "-q"]);
    std::fs::write(nested.join("y"), "1\n").expect("file");
    assert_eq!(rows(&repo.change(Some("HEAD"), None)), ["M sub"]);
}

#[test]
fn sparse_checkouts_lose_nothing() {
    let Some(repo) = scratch() else { return };
    repo.write("in/a", "1\n").write("out/b", "1\n").write("out/deep/c", "1\n").write("top", "1\n");
    repo.commit("One");
    for index in ["--no-sparse-index", "--sparse-index"] {
        repo.git(&["sparse-checkout", "set", "--cone", index, "in"]);
        assert!(!repo.path().join("out").exists());
        assert!(rows(&repo.change(Some("HEAD"), None)).is_empty(), "{index}");
        repo.write("in/a", "2\n");
        assert_eq!(rows(&repo.change(Some("HEAD"), None)), ["M in/a +1 -1"], "{index}");
        repo.write("in/a", "1\n");
    }
}

#[test]
fn conflicts_are_reviewed_as_they_stand() {
    let Some(repo) = scratch() else { return };
    repo.write("a", "1\n").commit("One");
    repo.git(&["checkout", "-q", "-b", "other"]);
    repo.write("a", "2\n").commit("Two");
    repo.git(&["checkout", "-q", "main"]);
    repo.write("a", "3\n").commit("Three");
    let merge = std::process::Command::new("git")
        .arg("-C")
        .arg(repo.path())
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com", "merge", "-q", "other"])
        .output()
        .expect("git runs");
    assert!(!merge.status.success());
    let change = repo.change(Some("HEAD"), None);
    assert_eq!(rows(&change), ["M a +4 -0"]);
    assert!(change.notes[0].contains("merge conflicts"), "{:?}", change.notes);
}

#[test]
fn binary_large_and_empty_files_are_kept_apart() {
    let Some(repo) = scratch() else { return };
    repo.write("binary", b"\0\x01").write("large", vec![b'x'; 17 << 20]).commit("One");
    repo.write("binary", b"\0\x02\x03").write("empty", "");
    repo.write("large", vec![b'x'; (17 << 20) + 1]).write("large-too", vec![b'x'; 17 << 20]);
    let change = repo.change(None, None);
    assert_eq!(rows(&change), ["M binary", "A empty", "M large", "A large-too"]);
    let content = |index: usize| &change.change.files[index].content;
    assert_eq!(content(0), &Content::Binary { old_size: Some(2), new_size: Some(3) });
    assert_eq!(content(1), &Content::Text(pipewright::diff::Patch::default()));
    let size = Some(17 << 20);
    let longer = size.map(|size| size + 1);
    assert_eq!(content(2), &Content::Binary { old_size: size, new_size: longer });
    assert_eq!(content(3), &Content::Binary { old_size: None, new_size: size });
    assert!(change.notes[0].contains("large, large-too"), "{:?}", change.notes);
    // A file that was only touched is the same one.
    repo.write("large", vec![b'x'; 17 << 20]);
    assert_eq!(rows(&repo.change(None, None)), ["M binary", "A empty", "A large-too"]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_text_and_pipes_do_no_harm() {
    use std::os::unix::ffi::OsStrExt as _;
    let Some(repo) = scratch() else { return };
    repo.write("a", "1\n").write("replaced", "1\n").commit("One");
    let name = std::ffi::OsStr::from_bytes(b"n\xffme \"q\"\t.txt");
    std::fs::write(repo.path().join(name), "x\n").expect("file");
    repo.remove("replaced");
    for pipe in ["pipe", "replaced"] {
        let made = std::process::Command::new("mkfifo").arg(repo.path().join(pipe)).status();
        assert!(made.is_ok_and(|status| status.success()));
    }
    let change = repo.change(None, None);
    assert_eq!(change.change.files.len(), 2);
    assert_eq!(change.change.files[0].path().as_bstr(), b"n\xffme \"q\"\t.txt".as_slice());
    assert_eq!(rows(&change)[1], "D replaced +0 -1");
}

#[test]
fn files_folders_and_facts_are_read_at_revisions() {
    let Some(repo) = scratch() else { return };
    let sha = repo.write("a", "1\n").write("dir/b", "2\n").commit("One");
    repo.git(&["remote", "add", "origin", "https://user:secret@example.com/owner/name.git"]);
    let local = local::open(&repo.path()).expect("opens");
    assert_eq!(local.root_entries("HEAD").expect("entries"), ["a", "dir"]);
    let files = local.list_tree(&sha).expect("files");
    let files: Vec<_> = files.iter().map(|file| file.path.display()).collect();
    assert_eq!(files, ["a", "dir/b"]);
    assert_eq!(local.head_sha().expect("head"), Some(sha.clone()));
    assert_eq!(local.branch().as_deref(), Some("main"));
    assert_eq!(local.resolve("main").expect("resolves"), sha);
    assert!(local.has_commit(&sha));
    assert!(!local.has_commit(&"0".repeat(40)) && !local.has_commit("main"));
    assert!(!local.is_dirty().expect("clean"));
    for path in ["dir", "none", "dir/none", "a/b", "", "/a", "../a"] {
        assert_eq!(local.file_at("HEAD", &RepoPath::from(path)).expect("answers"), None, "{path}");
    }
    assert_eq!(local.repository_name().as_deref(), Some("owner/name"));
    let check = |url: &str, expect: Option<(&str, &str)>| {
        repo.git(&["remote", "set-url", "origin", url]);
        let remote = local::open(&repo.path()).expect("opens").remote();
        let remote = remote.as_ref().map(|(host, path)| (host.as_str(), path.as_str()));
        assert_eq!(remote, expect, "{url}");
    };
    check("git@github.com:owner/name.git", Some(("github.com", "owner/name")));
    check("ssh://git@host:22/group/sub/name", Some(("host", "group/sub/name")));
    check("https://github.com/owner/name/", Some(("github.com", "owner/name")));
    check("/some/folder", None);
    check("https://github.com/owner", None);
}

#[test]
fn a_clone_without_contents_says_what_is_missing() {
    let Some(origin) = scratch() else { return };
    origin.write("a", "1\n").commit("One");
    origin.write("a", "2\n").commit("Two");
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = origin.beside("clone");
    let url = format!("file://{}", origin.path().display());
    let target = clone.display().to_string();
    origin.git(&["clone", "-q", "--filter=blob:none", "--no-checkout", &url, &target]);
    let change = change_in(&clone, Some("HEAD~1"), Some("HEAD"));
    assert_eq!(change.change.files[0].content, Content::Missing { additions: 0, deletions: 0 });
    assert!(change.notes[0].contains("without all contents: a."), "{:?}", change.notes);
}

#[cfg(target_os = "linux")]
#[test]
fn a_checkout_of_another_user_is_read_all_the_same() {
    let Some(repo) = scratch() else { return };
    repo.write("a", "1\n").commit("One");
    repo.git(&["config", "core.autocrlf", "true"]);
    repo.write("a", "1\r\n").write("b", "2\r\n");
    let path = repo.path().display().to_string();
    let chown = std::process::Command::new("chown").args(["-R", "12345:12345", &path]).status();
    if !chown.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: only root can give a checkout to another user");
        return;
    }
    assert_eq!(rows(&repo.change(None, None)), ["A b +1 -0"], "its configuration counts");
}

#[test]
fn many_edited_files_are_read_side_by_side() {
    let Some(repo) = scratch() else { return };
    for n in 0..300 {
        repo.write(&format!("d{}/f{n}", n % 7), format!("{n}\n"));
    }
    repo.commit("One");
    for n in 0..300 {
        repo.write(&format!("d{}/f{n}", n % 7), format!("{}\n", n + n % 2));
    }
    let change = repo.change(None, None);
    assert_eq!(change.change.files.len(), 150);
    assert!(rows(&change).iter().all(|row| row.starts_with("M ") && row.ends_with(" +1 -1")));
    assert!(change.change.files.is_sorted_by_key(|file| file.path().clone()));
}
