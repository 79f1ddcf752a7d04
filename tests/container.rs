//! The image, started as GitHub's runner starts a container action: its mounts,
//! its variables, its event. Needs an image and podman or docker; name the image
//! in `PIPEWRIGHT_IMAGE`.

mod support;

use std::process::Command;

use serde_json::{Value, json};

use support::anthropic::{Anthropic, finding};
use support::event;
use support::github::GitHub;

/// The program that runs containers, if the image is named.
fn engine() -> Option<(String, String)> {
    let Ok(image) = std::env::var("PIPEWRIGHT_IMAGE") else {
        eprintln!("SKIPPED: the container run needs an image: set PIPEWRIGHT_IMAGE");
        return None;
    };
    let engine = std::env::var("PIPEWRIGHT_CONTAINER_ENGINE").unwrap_or_else(|_| "podman".into());
    Some((engine, image))
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    outputs: String,
    summary: String,
}

fn run(engine: &str, image: &str, github: &GitHub, model: &Anthropic, extra: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["workspace", "workflow", "home", "file_commands"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    let event = event::pull_request(github, 7, "opened");
    std::fs::write(at("workflow").join("event.json"), event.to_string()).unwrap();
    for name in ["output", "summary"] {
        std::fs::write(at("file_commands").join(name), "").unwrap();
    }
    let mount = |name: &str| format!("{}:/github/{name}", at(name).display());
    let mut command = Command::new(engine);
    command.args(["run", "--rm", "--network", "host", "--workdir", "/github/workspace"]);
    command.args(extra);
    for name in ["workspace", "workflow", "home", "file_commands"] {
        command.args(["-v", &mount(name)]);
    }
    let token = github.state().token.clone();
    for (name, value) in [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("HOME", "/github/home"),
        ("GITHUB_WORKSPACE", "/github/workspace"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_PATH", "/github/workflow/event.json"),
        ("GITHUB_OUTPUT", "/github/file_commands/output"),
        ("GITHUB_STEP_SUMMARY", "/github/file_commands/summary"),
        ("GITHUB_API_URL", &github.api_url()),
        ("GITHUB_GRAPHQL_URL", &github.graphql_url()),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", &github.repository()),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("RUNNER_TEMP", "/github/runner_temp"),
        ("INPUT_GITHUB_TOKEN", &token),
        ("INPUT_ANTHROPIC_API_KEY", "sk-test-key-0123456789"),
        ("INPUT_ANTHROPIC_BASE_URL", model.url()),
        ("INPUT_SARIF_FILE", "pipewright.sarif"),
        // The runner sets every input of the action, those without a value to nothing.
        ("INPUT_FAIL_ON", ""),
        ("INPUT_MODEL", ""),
    ] {
        command.args(["-e", &format!("{name}={value}")]);
    }
    let output = command.arg(image).output().expect("the container engine starts");
    let read =
        |name: &str| std::fs::read_to_string(at("file_commands").join(name)).unwrap_or_default();
    assert!(
        at("workspace").join("pipewright.sarif").is_file(),
        "the SARIF file is in the workspace"
    );
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        outputs: read("output"),
        summary: read("summary"),
    }
}

#[test]
fn the_image_reviews_a_pull_request_as_the_runner_starts_it() {
    let Some((engine, image)) = engine() else { return };
    let hardened = ["--read-only", "--cap-drop", "ALL", "-m", "256m"];
    for extra in [&[][..], &hardened[..]] {
        let github = GitHub::start();
        github.pull(7, |pull| {
            pull.base("src/total.rs", "fn a() {}\n").head("src/total.rs", "fn a() { b(0) }\n");
        });
        let model = Anthropic::start();
        model.answer(json!([finding("src/total.rs", 1, "fn a() { b(0) }", "Divides by zero")]));
        let ran = run(&engine, &image, &github, &model, extra);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["findings"][0]["title"], "Divides by zero");
        assert_eq!(github.review_comments(7).len(), 1);
        assert_eq!(github.comments(7).len(), 1);
        assert_eq!(github.checks()[0]["conclusion"], "failure");
        assert!(ran.outputs.contains("pipewright.sarif"), "{}", ran.outputs);
        assert!(ran.summary.contains("Divides by zero"), "{}", ran.summary);
    }
}
