//! The in-memory GitHub's part of looking back: pull requests that are over,
//! branches, commits through GraphQL, labels.

use serde_json::{Value, json};

use super::github::{GitHub, State};
use super::routes::{full, not_found, pull_json};
use super::server::{Reply, Request, decode};
use super::world::Pull;

/// Answer what belongs to branches, lists of pull requests and labels.
pub fn route(state: &mut State, request: &Request, path: &str, segments: &[&str]) -> Reply {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    match (request.method.as_str(), segments) {
        ("GET", [""]) => full(
            request,
            path.trim_end_matches('/'),
            200,
            json!({ "id": 1, "full_name": state.repository, "default_branch": "main" }),
        ),
        ("PATCH", ["git", "refs", "heads", branch @ ..]) => {
            let branch = decode(&branch.join("/"));
            let sha = request.json()["sha"].as_str().unwrap_or("").to_owned();
            super::branches::move_to(state, &branch, &sha);
            full(request, path, 200, reference(&branch, &sha))
        }
        ("GET", ["pulls"]) => {
            let wanted = request.query("state").unwrap_or_else(|| "open".into());
            let head = request.query("head");
            let head = head.as_deref().and_then(|head| head.split_once(':')).map(|(_, name)| name);
            let mut pulls: Vec<Pull> = state.pulls.values().cloned().collect();
            pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
            let fits = |pull: &Pull| {
                let of_state = match wanted.as_str() {
                    "all" => true,
                    word => pull.open == (word == "open"),
                };
                of_state && head.is_none_or(|head| pull.head_ref == head)
            };
            let list: Vec<Value> = pulls
                .into_iter()
                .filter(fits)
                .map(|pull| {
                    let mut shown = pull_json(state, &pull);
                    shown["merged_at"] = Value::Null;
                    shown["updated_at"] = json!(format!("2026-01-{:02}T00:00:00Z", pull.number));
                    shown
                })
                .collect();
            full(request, path, 200, Value::Array(list))
        }
        ("GET", ["issues", n, "labels"]) => {
            let labels = state.labels.get(&number(n)).cloned().unwrap_or_default();
            let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
            full(request, path, 200, json!(labels))
        }
        ("DELETE", ["issues", n, "labels", name]) => {
            let name = decode(name);
            let labels = state.labels.entry(number(n)).or_default();
            labels.retain(|label| *label != name);
            let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
            full(request, path, 200, json!(labels))
        }
        _ => not_found(),
    }
}

fn reference(branch: &str, sha: &str) -> Value {
    json!({
        "ref": format!("refs/heads/{branch}"),
        "object": { "type": "commit", "sha": sha, "url": "https://example.test/" },
    })
}

/// A pull request that is over, as GraphQL shows it.
pub fn past_graph(state: &State, number: u64) -> Value {
    let actor = |user: &Value| {
        let login = user["login"].as_str().unwrap_or("").trim_end_matches("[bot]");
        json!({ "login": login, "__typename": user["type"] })
    };
    let comments: Vec<Value> = state
        .comments
        .iter()
        .filter(|(on, _)| *on == number)
        .map(|(_, c)| json!({ "author": actor(&c["user"]), "body": c["body"] }))
        .collect();
    let threads: Vec<Value> = state
        .threads
        .iter()
        .filter(|thread| thread["_number"] == number)
        .map(|thread| {
            let mut shown = thread.clone();
            let of = |c: &&(u64, Value)| {
                c.1["id"] == thread["_first"] || c.1["in_reply_to_id"] == thread["_first"]
            };
            let said: Vec<Value> = state
                .review_comments
                .iter()
                .filter(of)
                .map(|(_, c)| {
                    shown["path"] = c["path"].clone();
                    let down = c["_down"].as_array().cloned().unwrap_or_default();
                    let down: Vec<Value> =
                        down.iter().map(|who| json!({ "user": { "login": who } })).collect();
                    json!({
                        "author": actor(&c["user"]), "body": c["body"],
                        "url": format!("https://github.com/{}/pull/{number}#discussion_r{}", state.repository, c["id"]),
                        "authorAssociation": c["_association"].as_str().unwrap_or("NONE"),
                        "reactions": { "nodes": down },
                    })
                })
                .collect();
            shown["comments"] = json!({ "nodes": said });
            shown
        })
        .collect();
    json!({
        "number": number,
        "comments": { "nodes": comments },
        "reviewThreads": { "nodes": threads },
    })
}

impl GitHub {
    /// What the default branch holds.
    pub fn main(&self, files: &[(&str, &str)]) {
        let sha = self.commit(files);
        self.state().branches.insert("main".into(), sha);
    }

    /// The pull request is over.
    pub fn close(&self, number: u64) {
        if let Some(pull) = self.state().pulls.get_mut(&number) {
            pull.open = false;
        }
    }

    /// Say of a comment on a line who gave it a thumb down, or what its author is
    /// to the repository (`MEMBER`).
    pub fn mark(&self, id: u64, field: &str, value: Value) {
        for (_, comment) in &mut self.state().review_comments {
            if comment["id"] == id {
                comment[field] = value.clone();
            }
        }
    }

    /// The text of a file on a branch.
    pub fn text_on(&self, branch: &str, path: &str) -> Option<String> {
        let state = self.state();
        let file = state.commits.get(&super::branches::tip(&state, branch)?)?.get(path)?;
        Some(String::from_utf8_lossy(&file.data).into_owned())
    }
}
