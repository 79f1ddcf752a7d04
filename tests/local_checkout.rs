//! Attempts to read what must not be read, and what can be read.

#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use pipewright::checkout::{Checkout, Reason, SearchError, is_credential};
use proptest::strategy::Strategy as _;

/// A checkout with a secret outside and traps inside.
fn trapped() -> (tempfile::TempDir, Checkout) {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("work");
    let write = |path: &str, content: &[u8]| {
        let full = root.join(path);
        std::fs::create_dir_all(full.parent().expect("parent")).expect("folder");
        std::fs::write(full, content).expect("file");
    };
    write("src/main.rs", b"fn main() {}\nlet token = SECRET;\n");
    write("src/lib.rs", b"pub fn token() {}\n");
    write("README.md", b"read me\n");
    write("huge.txt", &vec![b'x'; 3 << 20]);
    for secret in [
        ".git/config",
        ".env",
        "config/.env.production",
        "deploy/prod.env",
        "certs/server.pem",
        "certs/server.key",
        ".ssh/id_rsa",
        "id_ed25519",
        ".npmrc",
        ".netrc",
        ".docker/config.json",
        ".git-credentials",
        ".aws/credentials",
        ".kube/config",
        "gha-creds-0123.json",
        "git-credentials-1-2.config",
        "infra/terraform.tfstate",
        "sub/.git",
        ".GIT/config",
        "git~1/config",
    ] {
        write(secret, b"SECRET\n");
    }
    std::fs::write(folder.path().join("outside.txt"), "SECRET\n").expect("file");
    std::fs::create_dir(folder.path().join("work2")).expect("folder");
    std::fs::write(folder.path().join("work2/x"), "SECRET\n").expect("file");
    symlink("../outside.txt", root.join("link")).expect("link");
    symlink("/etc/passwd", root.join("absolute-link")).expect("link");
    symlink("..", root.join("up")).expect("link");
    symlink(".git", root.join("innocent")).expect("link");
    symlink("src", root.join("inside-link")).expect("link");
    symlink("loop", root.join("loop")).expect("link");
    symlink(".env", root.join("notes.txt")).expect("link");
    for pipe in ["pipe", "logs.txt"] {
        let made = std::process::Command::new("mkfifo").arg(root.join(pipe)).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    }
    let _listener = std::os::unix::net::UnixListener::bind(root.join("socket")).expect("socket");
    let checkout = Checkout::new(&root).expect("checkout");
    (folder, checkout)
}

#[test]
fn no_attempt_to_leave_the_checkout_or_to_read_credentials_succeeds() {
    let (folder, checkout) = trapped();
    let inside = |path: &str| folder.path().join("work").join(path).display().to_string();
    let absolute = inside("README.md");
    let own_environment = format!("/proc/{}/environ", std::process::id());
    let long = "a/".repeat(4000);
    use Reason::*;
    let cases: &[(&str, Option<Reason>)] = &[
        // Climbing.
        ("../outside.txt", Some(Outside)),
        ("src/../../outside.txt", Some(Outside)),
        ("src/../README.md", Some(Outside)),
        ("./../outside.txt", Some(Outside)),
        ("src//..//../outside.txt", Some(Outside)),
        ("..", Some(Outside)),
        ("../work2/x", Some(Outside)),
        (".../x", Some(Outside)),
        (".. /outside.txt", Some(Outside)),
        ("..\u{200b}/outside.txt", Some(Outside)),
        // Absolute, and what other systems take for it.
        ("/etc/passwd", Some(Outside)),
        ("//etc/passwd", Some(Outside)),
        (&absolute, Some(Outside)),
        ("/proc/self/environ", Some(Outside)),
        (&own_environment, Some(Outside)),
        ("/dev/stdin", Some(Outside)),
        ("~/.ssh/id_rsa", Some(Outside)),
        ("C:/Windows/win.ini", Some(Outside)),
        ("C:\\Windows\\win.ini", Some(Outside)),
        ("..\\outside.txt", Some(Outside)),
        ("src\\..\\..\\outside.txt", Some(Outside)),
        ("\\\\server\\share", Some(Outside)),
        ("file:///etc/passwd", None),
        // Encodings that somebody might undo.
        ("%2e%2e/outside.txt", None),
        ("..%2foutside.txt", None),
        ("%2e%2e%2foutside.txt", None),
        ("..%c0%afoutside.txt", None),
        ("\u{ff0e}\u{ff0e}/outside.txt", None),
        ("\u{2024}\u{2024}/outside.txt", None),
        ("src/main.rs\0.txt", Some(Outside)),
        ("\0", Some(Outside)),
        ("src/main.rs\n", Some(Outside)),
        ("\u{1b}[2Jx", Some(Outside)),
        // Links.
        ("link", Some(Link)),
        ("absolute-link", Some(Link)),
        ("up/outside.txt", Some(Link)),
        ("up/work/README.md", Some(Link)),
        ("innocent/config", Some(Link)),
        ("inside-link/main.rs", Some(Link)),
        ("loop", Some(Link)),
        ("notes.txt", Some(Link)),
        // Git's folder.
        (".git/config", Some(GitFolder)),
        (".git", Some(GitFolder)),
        (".git/", Some(GitFolder)),
        ("./.git/config", Some(GitFolder)),
        (".GIT/config", Some(GitFolder)),
        (".Git/config", Some(GitFolder)),
        (".git./config", Some(GitFolder)),
        (".git /config", Some(GitFolder)),
        (".g\u{200c}it/config", Some(GitFolder)),
        (".git::$INDEX_ALLOCATION/config", Some(GitFolder)),
        ("git~1/config", Some(GitFolder)),
        ("GIT~2/config", Some(GitFolder)),
        ("sub/.git", Some(GitFolder)),
        ("src/.git/config", Some(GitFolder)),
        // Credentials.
        (".env", Some(Credentials)),
        (".ENV", Some(Credentials)),
        ("config/.env.production", Some(Credentials)),
        ("deploy/prod.env", Some(Credentials)),
        ("certs/server.pem", Some(Credentials)),
        ("certs/SERVER.KEY", Some(Credentials)),
        (".ssh/id_rsa", Some(Credentials)),
        ("id_ed25519", Some(Credentials)),
        (".npmrc", Some(Credentials)),
        (".netrc", Some(Credentials)),
        (".docker/config.json", Some(Credentials)),
        (".git-credentials", Some(Credentials)),
        (".aws/credentials", Some(Credentials)),
        (".kube/config", Some(Credentials)),
        ("gha-creds-0123.json", Some(Credentials)),
        ("git-credentials-1-2.config", Some(Credentials)),
        ("infra/terraform.tfstate", Some(Credentials)),
        (".env.", Some(Credentials)),
        // What is no file, or too much of one.
        ("pipe", Some(Special)),
        ("socket", Some(Special)),
        ("src", Some(Folder)),
        ("", Some(Folder)),
        (".", Some(Folder)),
        ("README.md/x", Some(NotFound)),
        ("none", Some(NotFound)),
        ("huge.txt", Some(TooLarge { size: 3 << 20 })),
        (&long, Some(Outside)),
    ];
    for (path, expect) in cases {
        let started = Instant::now();
        let refused = checkout.read(path, 1 << 20).expect_err(path);
        if let Some(expect) = expect {
            assert_eq!(refused.reason, *expect, "{path:?}");
        }
        assert!(!refused.to_string().contains(char::is_control), "{path:?}");
        assert!(started.elapsed() < Duration::from_secs(1), "{path:?} took too long");
    }
}

#[test]
fn ordinary_files_are_read_by_any_plain_spelling() {
    let (_folder, checkout) = trapped();
    for path in ["README.md", "./README.md", ".//README.md"] {
        assert_eq!(checkout.read(path, 100).as_deref(), Ok(&b"read me\n"[..]), "{path}");
    }
    assert_eq!(checkout.read("README.md", 8).map(|bytes| bytes.len()), Ok(8));
    assert!(checkout.read("README.md", 7).is_err());
    assert_eq!(checkout.read("huge.txt", 3 << 20).map(|bytes| bytes.len()), Ok(3 << 20));
}

#[test]
fn credentials_are_told_by_name_and_templates_are_not() {
    let yes = [
        ".env.local",
        "app/.env-prod",
        "a/b/TLS.PFX",
        "x.p12",
        ".m2/settings.xml",
        ".cargo/credentials.toml",
        "home/.azure/tokens",
        ".config/gcloud/access_tokens.db",
        "k.keystore",
        ".pypirc",
    ];
    let no = [
        ".env.example",
        ".env.sample",
        ".env.production.template",
        ".environment",
        "env.rs",
        "src/key.rs",
        "keys.md",
        "config.json",
        "docker/config.json",
        "id_rsa.pub",
        "pem.go",
        ".github/workflows/ci.yml",
        "settings.xml",
        "monkey",
        "",
    ];
    for path in yes {
        assert!(is_credential(path), "{path}");
    }
    for path in no {
        assert!(!is_credential(path), "{path}");
    }
}

#[test]
fn lists_and_searches_see_neither_secrets_nor_traps() {
    let (_folder, checkout) = trapped();
    let listing = checkout.list("", None, 1000).expect("lists");
    assert_eq!(listing.files, ["README.md", "huge.txt", "src/lib.rs", "src/main.rs"]);
    assert!(!listing.truncated);
    let found = checkout.search("SECRET", None, 100).expect("searches");
    let places: Vec<_> = found.hits.iter().map(|hit| (hit.path.as_str(), hit.line)).collect();
    assert_eq!(places, [("src/main.rs", 2)]);
    for dir in ["..", "up", ".git", "inside-link", "/", "README.md", "none", ".ssh"] {
        let error = checkout.list(dir, None, 10).expect_err(dir);
        assert!(matches!(error, SearchError::Refused(_)), "{dir}: {error:?}");
    }
    for glob in ["../**", "/etc/*", "**/.git/**", ".env*", "up/**"] {
        let listing = checkout.list("", Some(glob), 10).expect(glob);
        assert!(listing.files.is_empty(), "{glob}: {listing:?}");
        let reports = checkout.walk_reports(&[glob.to_owned()]).expect(glob);
        assert!(reports.files.is_empty(), "{glob}: {reports:?}");
    }
    for path in ["../outside.txt", "link", "pipe", "/etc/passwd", ".git/config"] {
        let reports = checkout.walk_reports(&[path.to_owned()]).expect(path);
        assert!(reports.files.is_empty(), "{path}: {reports:?}");
    }
}

fn project() -> (tempfile::TempDir, Checkout) {
    let folder = tempfile::tempdir().expect("folder");
    for (path, content) in [
        (".gitignore", "*.log\n/generated/\n!keep.log\n"),
        ("src/.gitignore", "local.rs\n"),
        ("src/a.rs", "fn one() {}\nfn two() { one() }\n"),
        ("src/local.rs", "fn one() {}\n"),
        ("src/deep/b.rs", "ONE();\r\none();\r\n"),
        ("src-extra/c.rs", "one\n"),
        ("generated/d.rs", "one\n"),
        ("x.log", "one\n"),
        ("keep.log", "one\n"),
        ("node_modules/p/index.js", "one\n"),
        ("Cargo.toml", "[package]\n"),
        ("target/site/jacoco/jacoco.xml", "<one/>\n"),
        ("target/debug/deps/coverage.xml", "<one/>\n"),
        ("target/CACHEDIR.TAG", ""),
        ("cache/CACHEDIR.TAG", ""),
        ("cache/e.rs", "one\n"),
        ("generated/coverage.xml", "<coverage/>\n"),
        ("lib/target/f.rs", "one\n"),
        ("binary.bin", "one\0\n"),
    ] {
        let full = folder.path().join(path);
        std::fs::create_dir_all(full.parent().expect("parent")).expect("folder");
        std::fs::write(full, content).expect("file");
    }
    let checkout = Checkout::new(folder.path()).expect("checkout");
    (folder, checkout)
}

#[test]
fn lists_leave_out_what_is_ignored_installed_or_built() {
    let (_folder, checkout) = project();
    let list = |dir: &str, glob: Option<&str>| checkout.list(dir, glob, 100).expect("lists").files;
    assert_eq!(
        list("", None),
        [
            ".gitignore",
            "Cargo.toml",
            "binary.bin",
            "keep.log",
            "lib/target/f.rs",
            "src-extra/c.rs",
            "src/.gitignore",
            "src/a.rs",
            "src/deep/b.rs",
        ]
    );
    assert_eq!(list("src", None), ["src/.gitignore", "src/a.rs", "src/deep/b.rs"]);
    assert_eq!(list("src/", Some("*.rs")), ["src/a.rs", "src/deep/b.rs"]);
    assert_eq!(list("", Some("src/*.rs")), ["src/a.rs"]);
    assert_eq!(list("", Some("src/**")), ["src/.gitignore", "src/a.rs", "src/deep/b.rs"]);
    assert_eq!(list("", Some("*.{rs,toml}")).len(), 5);
    let two = checkout.list("", None, 2).expect("lists");
    assert_eq!((two.files.len(), two.truncated), (2, true));
    assert!(matches!(checkout.list("", Some("[z-a]"), 1), Err(SearchError::Glob(_))));
}

#[test]
fn searches_match_line_by_line_within_bounds() {
    let (_folder, checkout) = project();
    let places = |pattern: &str, glob: Option<&str>| -> Vec<String> {
        let found = checkout.search(pattern, glob, 100).expect("searches");
        found.hits.iter().map(|hit| format!("{}:{}: {}", hit.path, hit.line, hit.text)).collect()
    };
    assert_eq!(
        places(r"\bone\(\)", None),
        ["src/a.rs:1: fn one() {}", "src/a.rs:2: fn two() { one() }", "src/deep/b.rs:2: one();"]
    );
    assert_eq!(places("^one\\(\\);$", None), ["src/deep/b.rs:2: one();"]);
    assert_eq!(places("(?i)one", Some("deep/**")), Vec::<String>::new());
    assert_eq!(places("(?i)one", Some("**/deep/*")).len(), 2);
    assert!(places(r"\}\s+fn", None).is_empty(), "no match goes beyond a line");
    let one = checkout.search("one", None, 1).expect("searches");
    assert_eq!((one.hits.len(), one.truncated), (1, true));
    for wrong in ["(", "", "a{1000}{1000}{1000}", &"x".repeat(2000)] {
        assert!(matches!(checkout.search(wrong, None, 1), Err(SearchError::Pattern(_))));
    }
    let started = Instant::now();
    checkout.search("(a|a)*(a|aa)+$|(.*)*x", None, 10).expect("searches");
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn reports_are_found_where_git_does_not_look() {
    let (_folder, checkout) = project();
    let globs = ["**/jacoco.xml", "coverage.xml", "Cargo.toml"].map(String::from);
    let reports = checkout.walk_reports(&globs).expect("walks");
    assert_eq!(
        reports.files,
        ["Cargo.toml", "target/site/jacoco/jacoco.xml"],
        "a plain path is that path only"
    );
    let reports = checkout.walk_reports(&["**/coverage.xml".to_owned()]).expect("walks");
    assert_eq!(reports.files, ["generated/coverage.xml"]);
    assert!(matches!(checkout.walk_reports(&["[".to_owned()]), Err(SearchError::Glob(_))));
}

#[test]
fn a_pipe_in_place_of_an_ignore_file_does_not_stop_a_walk() {
    let (folder, checkout) = project();
    let ignore = folder.path().join("src/.gitignore");
    std::fs::remove_file(&ignore).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(&ignore).status();
    assert!(made.is_ok_and(|status| status.success()));
    let listing = checkout.list("", Some("*.rs"), 100).expect("lists");
    assert_eq!(listing.files, ["lib/target/f.rs", "src-extra/c.rs"]);
    assert!(listing.truncated);
}

#[test]
fn a_checkout_is_a_folder() {
    assert!(Checkout::new(Path::new("/dev/null")).is_err());
    assert!(Checkout::new(Path::new("/nonexistent")).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_answered_stays_below_the_root(
        parts in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::sample::select(vec![
                    "..", ".", "", "/", "\\", ".git", ".GIT", "git~1", "..\u{200b}", "a", "~", "C:",
                    ".env", "\0", "%2e%2e", "src", " ", "::$DATA", ". .",
                ]).prop_map(str::to_owned),
                ".{0,6}",
            ],
            0..6,
        ),
        separator in proptest::sample::select(vec!["/", "//", "", "\\"]),
    ) {
        let asked = parts.join(separator);
        if let Ok(path) = Checkout::plain_path(&asked) {
            let root = Path::new("/root");
            let plain = root.join(&path);
            proptest::prop_assert!(plain.starts_with(root), "{asked:?}");
            for part in plain.components().skip(2) {
                let std::path::Component::Normal(name) = part else {
                    panic!("{asked:?} has {part:?}")
                };
                let name = name.to_string_lossy().to_lowercase();
                proptest::prop_assert!(name != ".git" && name != ".env", "{asked:?}");
                proptest::prop_assert!(!name.contains(['\\', '\0']), "{asked:?}");
            }
        }
    }
}
