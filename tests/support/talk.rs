//! The in-memory GitHub's part of a conversation: single comments, replies,
//! reactions, the description, labels.

use serde_json::{Value, json};

use super::github::{GitHub, State};
use super::routes::{full, not_found, pull_json, unprocessable};
use super::server::{Reply, Request};
use super::world::places;

/// Answer what belongs to conversations.
pub fn route(state: &mut State, request: &Request, path: &str, segments: &[&str]) -> Reply {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    match (request.method.as_str(), segments) {
        ("GET", ["pulls", "comments", id]) => {
            match state.review_comments.iter().find(|(_, c)| c["id"] == number(id)) {
                Some((_, comment)) => full(request, path, 200, shown(comment)),
                None => not_found(),
            }
        }
        ("PATCH", ["pulls", "comments", id]) => {
            let body = request.json();
            match state.review_comments.iter_mut().find(|(_, c)| c["id"] == number(id)) {
                Some((_, comment)) => {
                    comment["body"] = body["body"].clone();
                    let comment = shown(comment);
                    full(request, path, 200, comment)
                }
                None => not_found(),
            }
        }
        ("DELETE", ["pulls" | "issues", "comments", id]) => {
            let count = |state: &State| state.comments.len() + state.review_comments.len();
            let before = count(state);
            remove(state, number(id));
            if count(state) == before {
                not_found()
            } else {
                Reply::new(204, "text/plain", Vec::new())
            }
        }
        ("GET", ["pulls", n, "reviews", id]) => {
            let there =
                state.reviews.iter().find(|(on, r)| *on == number(n) && r["id"] == number(id));
            match there {
                Some((_, review)) => full(request, path, 200, review.clone()),
                None => not_found(),
            }
        }
        ("POST", ["pulls", n, "comments", id, "replies"]) => {
            let first = state.review_comments.iter().find(|(_, c)| c["id"] == number(id)).cloned();
            let Some((_, first)) = first else { return not_found() };
            if !first["in_reply_to_id"].is_null() {
                return unprocessable("Replies to replies are not supported");
            }
            let body = request.json();
            if body["body"].as_str().is_none_or(|body| body.is_empty() || body.len() > 65_536) {
                return unprocessable("body is too long (maximum is 65536 characters)");
            }
            let login = state.login.clone();
            let made = reply(state, number(n), &login, &first, &body["body"]);
            full(request, path, 201, shown(&made))
        }
        ("POST", ["pulls" | "issues", "comments", id, "reactions"]) => {
            let id = number(id);
            let mut all = state.comments.iter().chain(&state.review_comments);
            if !all.any(|(_, c)| c["id"] == id) {
                return not_found();
            }
            let content = request.json()["content"].as_str().unwrap_or("").to_owned();
            let there = state.reactions.contains(&(id, content.clone()));
            if !there {
                state.reactions.push((id, content.clone()));
            }
            let made =
                json!({ "id": state.id(), "user": state.user(&state.login), "content": content });
            full(request, path, if there { 200 } else { 201 }, made)
        }
        ("PATCH", ["pulls", n]) => {
            let body = request.json();
            let Some(pull) = state.pulls.get_mut(&number(n)) else { return not_found() };
            if let Some(title) = body["title"].as_str() {
                pull.title = title.to_owned();
            }
            if let Some(text) = body["body"].as_str() {
                pull.body = text.to_owned();
            }
            let pull = pull.clone();
            let shown = pull_json(state, &pull);
            full(request, path, 200, shown)
        }
        ("POST", ["issues", n, "labels"]) => {
            let body = request.json();
            let names = body["labels"].as_array().cloned().unwrap_or_default();
            let labels = state.labels.entry(number(n)).or_default();
            for name in names.iter().filter_map(Value::as_str) {
                if !labels.iter().any(|label| label == name) {
                    labels.push(name.to_owned());
                }
            }
            let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
            full(request, path, 200, json!(labels))
        }
        _ => super::past::route(state, request, path, segments),
    }
}

/// GitHub says `"line": null` of a comment whose line is gone; its description
/// knows only numbers there.
fn shown(comment: &Value) -> Value {
    let mut comment = comment.clone();
    if let Some(fields) = comment.as_object_mut() {
        fields.retain(|name, value| !(name == "line" && value.is_null()));
    }
    comment
}

fn remove(state: &mut State, id: u64) {
    state.comments.retain(|(_, comment)| comment["id"] != id);
    state.review_comments.retain(|(_, comment)| comment["id"] != id);
}

fn reply(state: &mut State, number: u64, login: &str, first: &Value, body: &Value) -> Value {
    let mut made = first.clone();
    made["id"] = json!(state.id());
    made["user"] = state.user(login);
    made["in_reply_to_id"] = first["id"].clone();
    made["body"] = body.clone();
    state.review_comments.push((number, made.clone()));
    made
}

impl GitHub {
    /// A comment on a line by a person (or a bot); gives its number.
    pub fn line_comment(
        &self,
        number: u64,
        login: &str,
        path: &str,
        side: &str,
        line: u64,
        body: &str,
    ) -> u64 {
        let mut state = self.state();
        let pull = state.pulls[&number].clone();
        let files = state.files(&pull.base, &pull.head);
        let file = files.iter().find(|file| file["filename"] == path).expect("a changed file");
        let patch = file["patch"].as_str().unwrap_or("");
        let place = places(patch).into_iter().find(|p| p.side == side && p.line == line);
        let place = place.expect("a line of the diff");
        let id = state.id();
        let made = json!({
            "id": id, "pull_request_review_id": null, "user": state.user(login), "body": body,
            "path": path, "commit_id": pull.head, "original_commit_id": pull.head, "line": line,
            "original_line": line, "side": side, "diff_hunk": patch, "_text": place.text,
        });
        state.review_comments.push((number, made));
        id
    }

    /// A reply by a person in the thread that a comment on a line starts.
    pub fn reply(&self, number: u64, login: &str, to: u64, body: &str) -> u64 {
        let first = self.review_comments(number).into_iter().find(|c| c["id"] == to);
        let first = first.expect("the comment is there");
        let made = reply(&mut self.state(), number, login, &first, &json!(body));
        made["id"].as_u64().unwrap_or(0)
    }

    /// Somebody edits a comment.
    pub fn edit(&self, id: u64, body: &str) {
        let mut state = self.state();
        let state = &mut *state;
        for (_, comment) in state.comments.iter_mut().chain(&mut state.review_comments) {
            if comment["id"] == id {
                comment["body"] = json!(body);
            }
        }
    }

    /// Somebody deletes a comment.
    pub fn remove_comment(&self, id: u64) {
        remove(&mut self.state(), id);
    }

    /// Reactions so far: comment and content.
    pub fn reactions(&self) -> Vec<(u64, String)> {
        self.state().reactions.clone()
    }
}
