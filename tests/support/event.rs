//! The events that set off jobs, and the variables that a runner gives them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::github::GitHub;
use super::routes::pull_json;

fn repository(github: &GitHub) -> Value {
    let name = github.repository();
    let (owner, short) = name.split_once('/').unwrap_or((&name, ""));
    json!({
        "id": 1, "name": short, "full_name": name, "private": false, "default_branch": "main",
        "owner": { "login": owner, "id": 2, "type": "Organization" },
        "html_url": format!("https://github.com/{name}"),
    })
}

fn user(login: &str) -> Value {
    json!({ "login": login, "id": 3, "type": "User" })
}

/// `pull_request` and `pull_request_target`.
pub fn pull_request(github: &GitHub, number: u64, action: &str) -> Value {
    let pull = github.state().pulls[&number].clone();
    let shown = pull_json(&mut github.state(), &pull);
    json!({
        "action": action, "number": number, "pull_request": shown,
        "repository": repository(github), "sender": user(&pull.author),
    })
}

/// `issue_comment`, created on a pull request.
pub fn issue_comment(github: &GitHub, number: u64, login: &str, body: &str) -> Value {
    let id = github.comment(number, login, body);
    let pull = github.state().pulls[&number].clone();
    json!({
        "action": "created",
        "issue": {
            "number": number, "title": pull.title, "body": pull.body,
            "state": if pull.open { "open" } else { "closed" },
            "user": user(&pull.author),
            "pull_request": { "url": format!("{}/repos/{}/pulls/{number}", github.api_url(), github.repository()) },
        },
        "comment": { "id": id, "body": body, "user": user(login), "author_association": "NONE" },
        "repository": repository(github), "sender": user(login),
    })
}

/// `pull_request_review_comment`, of a comment that is there.
pub fn line_comment(github: &GitHub, number: u64, id: u64) -> Value {
    let pull = github.state().pulls[&number].clone();
    let shown = pull_json(&mut github.state(), &pull);
    let comment = github.review_comments(number).into_iter().find(|c| c["id"] == id);
    let comment = comment.expect("the comment is there");
    json!({
        "action": "created", "pull_request": shown, "repository": repository(github),
        "sender": comment["user"], "comment": comment,
    })
}

/// `pull_request_review`, submitted with this text.
pub fn review(github: &GitHub, number: u64, login: &str, body: &str) -> Value {
    let pull = github.state().pulls[&number].clone();
    let shown = pull_json(&mut github.state(), &pull);
    let mut state = github.state();
    let id = state.id();
    let review = json!({
        "id": id, "user": state.user(login), "body": body, "state": "COMMENTED",
        "commit_id": pull.head,
    });
    state.reviews.push((number, review.clone()));
    drop(state);
    json!({
        "action": "submitted", "pull_request": shown, "repository": repository(github),
        "sender": user(login), "review": review,
    })
}

/// `workflow_dispatch`.
pub fn workflow_dispatch(github: &GitHub, inputs: Value) -> Value {
    json!({
        "inputs": inputs, "ref": "refs/heads/main", "workflow": ".github/workflows/review.yml",
        "repository": repository(github), "sender": user("alice"),
    })
}

/// `merge_group`, between two revisions.
pub fn merge_group(github: &GitHub, base: &str, head: &str) -> Value {
    json!({
        "action": "checks_requested",
        "merge_group": {
            "head_sha": head, "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-x",
            "base_sha": base, "base_ref": "refs/heads/main",
            "head_commit": { "id": head, "tree_id": head, "message": "Merge" },
        },
        "repository": repository(github), "sender": user("alice"),
    })
}

/// `push`, between two revisions.
pub fn push(github: &GitHub, before: &str, after: &str) -> Value {
    json!({
        "ref": "refs/heads/main", "before": before, "after": after, "created": false,
        "deleted": false, "forced": false, "commits": [], "head_commit": { "id": after },
        "pusher": { "name": "alice", "email": "alice@example.test" },
        "repository": repository(github), "sender": user("alice"),
    })
}

/// A job's folder and variables, as a runner makes them.
pub struct Job {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Job {
    /// A job that `event` set off, on the in-memory GitHub. `GITHUB_SHA` is
    /// what the event's revision is; the workspace is empty.
    pub fn new(github: &GitHub, name: &str, event: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the job");
        let root = folder.path().to_owned();
        for part in ["workspace", "temp"] {
            std::fs::create_dir(root.join(part)).expect("a folder of the job");
        }
        for part in ["output", "summary.md", "env", "path"] {
            std::fs::write(root.join(part), "").expect("a file of the job");
        }
        std::fs::write(root.join("event.json"), event.to_string()).expect("the event's file");
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let sha = ["/pull_request/head/sha", "/merge_group/head_sha", "/after"]
            .iter()
            .find_map(|pointer| text(pointer))
            .unwrap_or("0000000000000000000000000000000000000000");
        let reference = match event["number"].as_u64() {
            Some(number) if name == "pull_request" => format!("refs/pull/{number}/merge"),
            _ => text("/merge_group/head_ref").or(text("/ref")).unwrap_or("refs/heads/main").into(),
        };
        let actor = text("/sender/login").unwrap_or("alice");
        let repository = github.repository();
        let owner = repository.split('/').next().unwrap_or("").to_owned();
        let file = |name: &str| root.join(name).display().to_string();
        let variables = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_API_URL", github.api_url()),
            ("GITHUB_GRAPHQL_URL", github.graphql_url()),
            ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
            ("GITHUB_REPOSITORY", repository.clone()),
            ("GITHUB_REPOSITORY_OWNER", owner),
            ("GITHUB_EVENT_NAME", name.to_owned()),
            ("GITHUB_EVENT_PATH", file("event.json")),
            ("GITHUB_WORKSPACE", file("workspace")),
            ("GITHUB_OUTPUT", file("output")),
            ("GITHUB_STEP_SUMMARY", file("summary.md")),
            ("GITHUB_ENV", file("env")),
            ("GITHUB_PATH", file("path")),
            ("GITHUB_SHA", sha.to_owned()),
            ("GITHUB_REF", reference),
            ("GITHUB_ACTOR", actor.to_owned()),
            ("GITHUB_TRIGGERING_ACTOR", actor.to_owned()),
            ("GITHUB_RUN_ID", "42".to_owned()),
            ("GITHUB_RUN_NUMBER", "1".to_owned()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_WORKFLOW", "review".to_owned()),
            ("GITHUB_JOB", "review".to_owned()),
            ("GITHUB_TOKEN", github.state().token.clone()),
            ("RUNNER_TEMP", file("temp")),
            ("RUNNER_OS", "Linux".to_owned()),
            ("HOME", root.display().to_string()),
        ];
        let variables = variables.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        Job { folder, variables }
    }

    /// Set a variable; an empty value unsets it.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(key, _)| key != name);
        if !value.is_empty() {
            self.variables.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The binary, as the job's step would run it: in the workspace.
    pub fn command(&self) -> Command {
        let mut command = super::binary();
        command.current_dir(self.workspace());
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    /// `GITHUB_WORKSPACE`.
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// What the job wrote to `GITHUB_STEP_SUMMARY`.
    pub fn summary(&self) -> String {
        read(&self.folder.path().join("summary.md"))
    }

    /// What the job wrote to `GITHUB_OUTPUT`, undone: names and values.
    pub fn outputs(&self) -> Vec<(String, String)> {
        let text = read(&self.folder.path().join("output"));
        let mut lines = text.lines();
        let mut out = Vec::new();
        while let Some(line) = lines.next() {
            if let Some((name, end)) = line.split_once("<<") {
                let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
                out.push((name.to_owned(), value.join("\n")));
            } else if let Some((name, value)) = line.split_once('=') {
                out.push((name.to_owned(), value.to_owned()));
            }
        }
        out
    }

    /// `RUNNER_TEMP`.
    pub fn temp(&self) -> PathBuf {
        self.folder.path().join("temp")
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
