//! The rules for every attempt: whatever happens, no secret leaves, nothing but
//! the event's own change is written to, and what is posted does nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Faults;
use super::text::{acts, leaks, runner_orders, strings};
use super::{MARK, SECRETS, Seen};
use crate::support::server::{Request, decode};

/// Whether a request changes something.
pub fn is_write(request: &Request) -> bool {
    let query = || request.json()["query"].as_str().unwrap_or("mutation").trim().to_owned();
    match request.path() {
        "/graphql" => !query().starts_with("query"),
        _ => request.method != "GET",
    }
}

pub fn rules_for_all(seen: &Seen, faults: &mut Faults) {
    no_secret_leaves(seen, faults);
    nothing_else_is_touched(seen, faults);
    what_is_posted_does_nothing(seen, faults);
    nothing_hides_in_the_state(seen, faults);
    the_attacker_is_fenced(seen, faults);
    for line in runner_orders(&seen.stdout).into_iter().chain(runner_orders(&seen.stderr)) {
        faults.0.push(line);
    }
    for (what, text) in [("standard output", &seen.stdout), ("standard error", &seen.stderr)] {
        let hidden = text.chars().find(|c| super::text::is_hidden(*c));
        faults.unless(hidden.is_none(), format!("a hidden character in {what}: {hidden:?}"));
    }
    faults.unless(seen.violations.is_empty(), format!("the model's API: {:?}", seen.violations));
    faults.unless(seen.calls_elsewhere == 0, "a call to another host");
    faults.unless(!seen.workspace_changed, "the checkout was written to");
    faults.unless((0..=4).contains(&seen.code), format!("exit code {}", seen.code));
}

fn no_secret_leaves(seen: &Seen, faults: &mut Faults) {
    let mut look = |place: &str, text: &str| {
        for name in leaks(text) {
            faults.0.push(format!("{name} in {place}"));
        }
    };
    look("standard output", &seen.stdout);
    look("standard error", &seen.stderr);
    for (path, text) in &seen.files {
        look(path, text);
    }
    for request in &seen.sent {
        look("a target", &request.target);
        look("a body to GitHub", &String::from_utf8_lossy(&request.body));
        for text in strings(&request.json()) {
            look("a text to GitHub", &text);
        }
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "authorization") {
            look(&format!("the header {name}"), value);
        }
        let bearer = format!("Bearer {}", SECRETS[0].1);
        if request.header("authorization").is_some_and(|value| value != bearer) {
            look("an authorization", "DEPLOY_TOKEN");
        }
    }
    for request in &seen.asked {
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "x-api-key") {
            look(&format!("the header {name} to the model"), value);
        }
        let mut texts = strings(&request.body["system"]);
        let messages = request.body["messages"].as_array().cloned().unwrap_or_default();
        // What the model said itself goes back to it as it was.
        let told = messages.iter().filter(|message| message["role"] != "assistant");
        texts.extend(told.flat_map(strings));
        for text in texts {
            look("a text to the model", &text);
        }
    }
}

fn nothing_else_is_touched(seen: &Seen, faults: &mut Faults) {
    let state = seen.github.state();
    let pull = state.pulls[&7].clone();
    let ours = |value: &&(u64, Value)| value.1["user"]["login"] == state.login.as_str();
    let own: BTreeSet<String> =
        state.comments.iter().filter(ours).map(|(_, comment)| comment["id"].to_string()).collect();
    let own_threads: BTreeSet<String> = state
        .review_comments
        .iter()
        .filter(ours)
        .map(|(_, comment)| format!("PRRT_{}", comment["id"]))
        .collect();
    let checks: BTreeSet<String> =
        state.checks.iter().map(|check| check["id"].to_string()).collect();
    drop(state);
    let mut times = std::collections::BTreeMap::new();
    for request in &seen.sent {
        let path = request.path();
        let inside = path == "/graphql"
            || path.starts_with("/repos/acme/widgets/")
                && !path.split('/').any(|part| matches!(decode(part).as_str(), "." | ".."));
        faults.unless(inside, format!("a request elsewhere: {} {path}", request.method));
        if path == "/graphql" {
            let variables = &request.json()["variables"];
            for (name, expect) in [("owner", "acme"), ("name", "widgets")] {
                let given = variables[name].as_str().unwrap_or(expect);
                faults.unless(given == expect, format!("GraphQL asks for {given}"));
            }
            faults.unless(variables["number"].as_u64().unwrap_or(7) == 7, "another number");
        }
        if !is_write(request) {
            continue;
        }
        let body = request.json();
        let rest = path.strip_prefix("/repos/acme/widgets/").unwrap_or(path);
        let segments: Vec<&str> = rest.split('/').collect();
        let fields = |allowed: &[&str], value: &Value| -> bool {
            value.as_object().is_some_and(|f| f.keys().all(|k| allowed.contains(&k.as_str())))
        };
        let may = match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["pulls", "7", "reviews"]) => {
                let comments = body["comments"].as_array().cloned().unwrap_or_default();
                let places = ["path", "body", "line", "side", "start_line", "start_side"];
                body["event"] == "COMMENT"
                    && body["commit_id"] == pull.head.as_str()
                    && fields(&["event", "commit_id", "body", "comments"], &body)
                    && comments.iter().all(|comment| fields(&places, comment))
            }
            ("POST", ["issues", "7", "comments"]) => fields(&["body"], &body),
            ("PATCH", ["issues", "comments", id]) => own.contains(*id) && fields(&["body"], &body),
            // The mark that a comment was seen.
            ("POST", ["issues", "comments", _, "reactions"]) => body == json!({"content": "eyes"}),
            ("POST", ["check-runs"]) => body["head_sha"] == pull.head.as_str(),
            ("PATCH", ["check-runs", id]) => checks.contains(*id),
            ("POST", ["statuses", sha]) => *sha == pull.head,
            ("POST", ["", "graphql"]) => {
                body["query"].as_str().is_some_and(|q| q.contains("resolveReviewThread"))
                    && body["variables"]["thread"].as_str().is_some_and(|t| own_threads.contains(t))
            }
            _ => false,
        };
        faults.unless(may, format!("a write that is not allowed: {} {path}", request.method));
        *times.entry(format!("{} {path}", request.method)).or_insert(0) += 1;
    }
    for (call, times) in times {
        faults.unless(times == 1 || call.contains("graphql"), format!("{times} times {call}"));
    }
}

/// Every Markdown text that was posted, and the page of the step.
pub fn markdown(seen: &Seen) -> Vec<String> {
    let mut texts = Vec::new();
    for request in seen.sent.iter().filter(|request| is_write(request)) {
        let body = request.json();
        let mut take = |value: &Value| texts.extend(value.as_str().map(str::to_owned));
        take(&body["body"]);
        body["comments"].as_array().into_iter().flatten().for_each(|c| take(&c["body"]));
        take(&body["output"]["summary"]);
        take(&body["output"]["text"]);
    }
    let pages = seen.files.iter().filter(|(path, _)| path.ends_with("summary.md"));
    texts.extend(pages.map(|(_, text)| text.clone()).filter(|text| !text.is_empty()));
    texts
}

fn what_is_posted_does_nothing(seen: &Seen, faults: &mut Faults) {
    for text in markdown(seen) {
        faults.0.extend(acts(&text));
    }
    for request in seen.sent.iter().filter(|request| is_write(request)) {
        let body = request.json();
        let mut plain = vec![body["description"].clone(), body["output"]["title"].clone()];
        for note in body["output"]["annotations"].as_array().into_iter().flatten() {
            // Their paths are those of files.
            plain.extend([note["title"].clone(), note["message"].clone()]);
        }
        for text in plain.iter().flat_map(strings) {
            let hidden = text.chars().find(|c| super::text::is_hidden(*c));
            faults.unless(hidden.is_none(), format!("a hidden character in {text:?}"));
        }
    }
}

/// The state holds what the report says, and nothing else.
fn nothing_hides_in_the_state(seen: &Seen, faults: &mut Faults) {
    for text in markdown(seen) {
        let Some(state) = text
            .lines()
            .nth(1)
            .and_then(|line| line.strip_prefix("<!-- pipewright:state v1 ")?.strip_suffix(" -->"))
        else {
            continue;
        };
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.decode(state).unwrap_or_default();
        let state: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        faults.unless(state.is_object(), "a state that is none");
        for text in strings(&state) {
            for name in leaks(&text) {
                faults.0.push(format!("{name} in the state"));
            }
        }
        let known = [
            "v",
            "head",
            "model",
            "done",
            "read",
            "findings",
            "dismissed",
            "said",
            "earlier",
            "paused",
        ];
        let names = state.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
        let names = names.unwrap_or_default();
        faults.unless(names.iter().all(|n| known.contains(&n.as_str())), format!("{names:?}"));
        let ids = |value: &Value| -> BTreeSet<String> {
            let list = value.as_array().into_iter().flatten();
            list.filter_map(|finding| finding["id"].as_str().map(str::to_owned)).collect()
        };
        let (kept, said) = (ids(&state["findings"]), ids(&seen.report["findings"]));
        faults.unless(kept == said, "the state knows other findings than the report");
        // What is kept of the model's words is what the summary shows of them.
        let said = state["said"].as_str().unwrap_or_default();
        let shown = seen.report["summary"].as_str().unwrap_or_default();
        let start = said.strip_suffix(" … cut").unwrap_or(said);
        faults.unless(shown.starts_with(start), "the state says what the report does not");
        let read = state["read"].as_str().unwrap_or("?");
        let read = base64::engine::general_purpose::STANDARD.decode(read).unwrap_or(vec![0]);
        faults.unless(read.len().is_multiple_of(5), "digests that are none");
    }
}

/// What an attacker wrote stands between the marks of the run.
fn the_attacker_is_fenced(seen: &Seen, faults: &mut Faults) {
    for request in &seen.asked {
        let system = strings(&request.body["system"]).join("\n");
        let nonce = system.split("<data-").nth(1).and_then(|rest| rest.get(..16)).unwrap_or("?");
        let (open, close) = (format!("<data-{nonce} what="), format!("</data-{nonce}>\n"));
        let messages = request.body["messages"].as_array().cloned().unwrap_or_default();
        let told = messages.iter().filter(|message| message["role"] != "assistant");
        for text in told.flat_map(strings).chain([system.clone()]) {
            for (at, _) in text.match_indices(MARK) {
                let opened = text[..at].rfind(&open);
                let closed = text[..at].rfind(&close);
                let inside =
                    opened.is_some_and(|opened| closed.is_none_or(|closed| closed < opened));
                if !inside {
                    let around: String = text[..at].chars().rev().take(80).collect();
                    let around: String = around.chars().rev().collect();
                    faults.0.push(format!("an attacker's words outside the fence: …{around:?}"));
                    return;
                }
            }
        }
    }
}
