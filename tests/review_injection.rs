//! Attempts to make a review do what it must not: give away secrets, write
//! elsewhere, follow the change's own configuration, post what acts on readers.
//!
//! Black box: the binary as a job starts it, with secrets around it. Each
//! attempt is held to the rules of `injection/checks.rs` over everything that
//! left the process, and to what it names itself. `ATTEMPT=words` runs those
//! that have the words in their names, and shows what they wrote.

mod injection;
mod support;

use injection::text::{acts, leaks, runner_orders};
use injection::{all, answers, askers, comments, config, files, texts, tools};

#[test]
fn what_people_write_about_a_change_is_data() {
    all("titles, descriptions, branches", texts::ATTEMPTS);
}

#[test]
fn what_a_change_holds_is_data() {
    all("files, code, reports", files::ATTEMPTS);
}

#[test]
fn configuration_and_guidelines_come_from_the_base() {
    all("configuration of the head", config::ATTEMPTS);
}

#[test]
fn comments_of_others_do_not_count_as_ours() {
    all("comments, marks, threads", comments::ATTEMPTS);
}

#[test]
fn those_who_may_not_ask_are_not_heard() {
    all("askers", askers::ATTEMPTS);
}

#[test]
fn the_tools_read_nothing_but_the_checkout() {
    all("tool calls", tools::ATTEMPTS);
}

#[test]
fn a_hostile_answer_does_nothing_but_propose() {
    all("answers", answers::ATTEMPTS);
}

#[test]
fn the_attempts_are_many() {
    let tables = [
        texts::ATTEMPTS,
        files::ATTEMPTS,
        config::ATTEMPTS,
        comments::ATTEMPTS,
        askers::ATTEMPTS,
        tools::ATTEMPTS,
        answers::ATTEMPTS,
    ];
    let mut names: Vec<&str> = tables.iter().flat_map(|t| t.iter()).map(|a| a.name).collect();
    let count = names.len();
    eprintln!("{count} attempts");
    names.sort_unstable();
    names.dedup();
    assert!(names.len() == count && count >= 40, "{count} attempts");
}

/// By hand in a checkout, the head is what a stranger's branch brought.
#[test]
fn a_review_by_hand_takes_its_configuration_from_the_base() {
    for config in ["ignore = [\"**\"]\nfail_on = \"none\"\n", "= no TOML ["] {
        let folder = tempfile::tempdir().expect("a folder");
        let git = |args: &[&str]| {
            let ids = ["-c", "user.name=a", "-c", "user.email=a@example.test"];
            let mut command = std::process::Command::new("git");
            command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
            let ran = command.current_dir(folder.path()).args(ids).args(args).output();
            assert!(ran.is_ok_and(|output| output.status.success()), "git {args:?}");
        };
        let write = |path: &str, text: &str| {
            std::fs::write(folder.path().join(path), text).expect("a file");
        };
        git(&["init", "-q", "-b", "main"]);
        write("README", "x\n");
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "Start"]);
        git(&["checkout", "-q", "-b", "theirs"]);
        write(".pipewright.toml", config);
        write(".gitattributes", "* linguist-generated -diff\n");
        write("key.py", "KEY = \"AKIAQ3EGRIVBW7SLKDPA\"\n");
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "Change"]);
        let mut command = support::binary();
        command.current_dir(folder.path()).env("HOME", folder.path());
        let output = command.args(["review", "--format", "json"]).output().expect("it starts");
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        assert_eq!(output.status.code(), Some(1), "{config:?}: {stdout}{stderr}");
        assert!(stdout.contains("key.py") && !stdout.contains("AKIAQ3"), "{config:?}: {stdout}");
    }
}

/// The nets above catch something.
#[test]
fn the_rules_see_what_they_are_for() {
    for text in [
        "<b>",
        "x <!-- y -->",
        "![x](y)",
        "[x](https://evil.test)",
        "https://evil.test",
        "www.x.y",
        "@octocat",
        "evil/other#1",
        "see #12",
        "/approve\n",
        "```\n/approve\n```",
        "@pipewright review",
        "a\u{202e}b",
        "&#64;x",
        "```\nopen",
        "[x]: y",
        "`a` <img>",
        "<!-- pipewright:finding 00 -->\nx",
        "https://github.com/acme/widgets/pull/8",
    ] {
        assert!(!acts(text).is_empty(), "{text:?}");
    }
    for text in [
        "plain",
        "`<b> @x https://y`",
        "```\n<b> @x\n```",
        "\\`",
        "a &lt;b",
        "[a](https://github.com/acme/widgets/blob/abc/a.rs#L1)",
        "x\n<!-- pipewright:finding 0123456789abcdef -->",
    ] {
        assert_eq!(acts(text), Vec::<String>::new(), "{text:?}");
    }
    for text in ["::set-output name=x::y", "  ::add-mask::x", "a ##[group]b", "##vso[x]"] {
        assert!(!runner_orders(text).is_empty(), "{text:?}");
    }
    for text in [
        "x correct-horse-battery-staple-9 y",
        "correct-\u{200b}horse-battery-staple-9",
        "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZS05",
        "636f72726563742d686f7273652d626174746572792d737461706c652d39",
        "p4ss%2Bw%2Frd%3Dwith%26%3Cspecials%3E%229",
    ] {
        assert_eq!(leaks(text).len(), 1, "{text:?}");
    }
}
