//! The in-memory GitHub's branches: what stands on one, commits through the API,
//! branches and pull requests that are made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::github::{GitHub, State};
use super::routes::{full, not_found, pull_json, unprocessable};
use super::server::{Reply, Request, decode};
use super::world::{FileAt, Pull};

/// A branch's tip.
pub fn tip(state: &State, branch: &str) -> Option<String> {
    let pulls = state.pulls.values();
    let pull = pulls.filter(|pull| !pull.fork).find(|pull| pull.head_ref == branch);
    pull.map(|pull| pull.head.clone()).or_else(|| state.branches.get(branch).cloned())
}

/// A branch, as GraphQL shows it.
pub fn shown(state: &State, name: &str) -> Value {
    let Some(branch) = name.strip_prefix("refs/heads/") else { return Value::Null };
    let Some(tip) = tip(state, branch) else { return Value::Null };
    let url = |sha: &str| format!("https://github.com/{}/commit/{sha}", state.repository);
    let mut nodes = Vec::new();
    let mut at = tip.clone();
    while let Some((sha, parent, message)) = state.made.iter().rev().find(|made| made.0 == at) {
        nodes.push(json!({
            "oid": sha, "url": url(sha), "message": message,
            "parents": { "nodes": [{ "oid": parent }] },
        }));
        at = parent.clone();
        if nodes.len() == 50 {
            break;
        }
    }
    nodes.push(json!({
        "oid": at, "url": url(&at), "message": "Change things", "parents": { "nodes": [] },
    }));
    json!({ "target": { "oid": tip, "history": { "nodes": nodes } } })
}

/// `createCommitOnBranch`.
pub fn commit(state: &mut State, input: &Value) -> Result<Value, (&'static str, String)> {
    let invalid = |message: &str| ("UNPROCESSABLE", message.to_owned());
    let branch = &input["branch"];
    if branch["repositoryNameWithOwner"] != state.repository.as_str() {
        return Err(("NOT_FOUND", "Could not resolve to a Repository".to_owned()));
    }
    let name = branch["branchName"].as_str().unwrap_or("").to_owned();
    let Some(tip) = tip(state, &name) else {
        return Err(("NOT_FOUND", "Could not resolve to a Ref".to_owned()));
    };
    if input["expectedHeadOid"] != tip.as_str() {
        let message =
            format!("Expected branch to point to \"{tip}\" but it did not. Pull and try again.");
        return Err(("STALE_DATA", message));
    }
    let mut files = (*state.commits[&tip]).clone();
    for addition in input["fileChanges"]["additions"].as_array().into_iter().flatten() {
        let path = addition["path"].as_str().unwrap_or("");
        if path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(invalid("A path is invalid"));
        }
        let contents = addition["contents"].as_str().and_then(|text| STANDARD.decode(text).ok());
        let Some(data) = contents else { return Err(invalid("contents are not base64")) };
        let mode = files.get(path).map_or(0o100644, |file| file.mode);
        files.insert(path.to_owned(), FileAt { mode, data: data.into() });
    }
    let headline = input["message"]["headline"].as_str().unwrap_or("");
    if headline.is_empty() {
        return Err(invalid("a commit needs a headline"));
    }
    let body = input["message"]["body"].as_str().unwrap_or("");
    let sha = state.commit(&files);
    let message = format!("{headline}\n\n{body}");
    state.made.push((sha.clone(), tip, message.clone()));
    move_to(state, &name, &sha);
    for pull in state.pulls.values_mut().filter(|pull| !pull.fork && pull.head_ref == name) {
        pull.messages.push((message.clone(), 1));
    }
    let url = format!("https://github.com/{}/commit/{sha}", state.repository);
    Ok(json!({ "createCommitOnBranch": { "commit": { "oid": sha, "url": url } } }))
}

pub fn move_to(state: &mut State, branch: &str, sha: &str) {
    let files = state.commits[sha].clone();
    let mut moved = Vec::new();
    for pull in state.pulls.values_mut().filter(|p| !p.fork && p.head_ref == branch) {
        pull.head = sha.to_owned();
        pull.head_files = (*files).clone();
        pull.commits += 1;
        moved.push(pull.number);
    }
    if moved.is_empty() {
        state.branches.insert(branch.to_owned(), sha.to_owned());
    }
}

/// Answer what belongs to branches and to making pull requests.
pub fn route(state: &mut State, request: &Request, path: &str, segments: &[&str]) -> Reply {
    match (request.method.as_str(), segments) {
        ("GET", ["git", "ref", "heads", name @ ..]) => {
            let name = decode(&name.join("/"));
            match tip(state, &name) {
                Some(sha) => full(request, path, 200, git_ref(&name, &sha)),
                None => not_found(),
            }
        }
        ("POST", ["git", "refs"]) => {
            if !state.can_commit {
                let body = json!({ "message": "Resource not accessible by integration" });
                return Reply::json(403, &body);
            }
            let body = request.json();
            let name = body["ref"].as_str().and_then(|name| name.strip_prefix("refs/heads/"));
            let Some(name) = name else { return unprocessable("Reference name is invalid") };
            let sha = body["sha"].as_str().unwrap_or("");
            if tip(state, name).is_some() {
                return unprocessable("Reference already exists");
            }
            if !state.commits.contains_key(sha) {
                return unprocessable("Object does not exist");
            }
            state.branches.insert(name.to_owned(), sha.to_owned());
            full(request, path, 201, git_ref(name, sha))
        }
        ("POST", ["pulls"]) => {
            let body = request.json();
            let head = body["head"].as_str().unwrap_or("").to_owned();
            let base = body["base"].as_str().unwrap_or("").to_owned();
            if state.pulls.values().any(|p| p.open && !p.fork && p.head_ref == head) {
                return unprocessable("A pull request already exists for acme:head.");
            }
            let Some(sha) = tip(state, &head) else { return unprocessable("head is invalid") };
            let onto = tip(state, &base).or_else(|| {
                state.pulls.values().find(|p| p.base_ref == base).map(|p| p.base.clone())
            });
            let Some(onto) = onto else { return unprocessable("base is invalid") };
            let number = state.pulls.keys().max().unwrap_or(&0) + 1;
            let mut pull = Pull::new(number);
            pull.title = body["title"].as_str().unwrap_or("").to_owned();
            pull.body = body["body"].as_str().unwrap_or("").to_owned();
            pull.author = state.login.clone();
            pull.head_ref = head.clone();
            pull.base_ref = base;
            pull.head_files = (*state.commits[&sha]).clone();
            pull.base_files = (*state.commits[&onto]).clone();
            (pull.head, pull.base) = (sha, onto);
            state.branches.remove(&head);
            state.pulls.insert(number, pull.clone());
            let shown = pull_json(state, &pull);
            full(request, path, 201, shown)
        }
        _ => not_found(),
    }
}

fn git_ref(name: &str, sha: &str) -> Value {
    let url = "https://api.github.test/git";
    json!({
        "ref": format!("refs/heads/{name}"), "node_id": "R", "url": url,
        "object": { "type": "commit", "sha": sha, "url": url },
    })
}

impl GitHub {
    /// Messages of the commits made through the API, oldest first.
    pub fn commits_made(&self) -> Vec<String> {
        self.state().made.iter().map(|(_, _, message)| message.clone()).collect()
    }

    /// A file on a pull request's head.
    pub fn at_head(&self, number: u64, path: &str) -> String {
        let state = self.state();
        let files = &state.commits[&state.pulls[&number].head];
        files
            .get(path)
            .map_or_else(String::new, |file| String::from_utf8_lossy(&file.data).into_owned())
    }

    /// Whether the token has `contents: write`.
    pub fn token_can_commit(&self, can: bool) -> &Self {
        self.state().can_commit = can;
        self
    }
}
