//! What the in-memory GitHub answers to each request.

use serde_json::{Value, json};

use super::contract;
use super::github::State;
use super::graphql;
use super::server::{Reply, Request, decode};
use super::world::{Files, Pull, git_sha, places};

const DOCS: &str = "https://docs.github.com/rest";

fn error(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "message": message, "documentation_url": DOCS, "status": status.to_string() }),
    )
}

pub(super) fn not_found() -> Reply {
    error(404, "Not Found")
}

pub(super) fn unprocessable(words: &str) -> Reply {
    Reply::json(
        422,
        &json!({ "message": "Unprocessable Entity", "errors": [words], "documentation_url": DOCS }),
    )
}

/// An answer with the fields that GitHub always sends.
pub(super) fn full(request: &Request, path: &str, status: u16, mut body: Value) -> Reply {
    contract::fill(&request.method, path, status, &mut body);
    Reply::json(status, &body)
}

/// A page of a list, with links to the others.
fn page(state: &State, request: &Request, path: &str, items: &[Value]) -> Reply {
    let number = |name: &str, default: usize| {
        request.query(name).and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let size = number("per_page", 30).clamp(1, 100);
    let at = number("page", 1).max(1);
    let last = items.len().div_ceil(size).max(1);
    let start = ((at - 1) * size).min(items.len());
    let body: Vec<Value> = items[start..(start + size).min(items.len())].to_vec();
    let reply = full(request, path, 200, Value::Array(body));
    let link = |page: usize, rel: &str| {
        format!("<{}{path}?per_page={size}&page={page}>; rel=\"{rel}\"", state.url)
    };
    let mut links = Vec::new();
    if at > 1 {
        links.extend([link(at - 1, "prev"), link(1, "first")]);
    }
    if at < last {
        links.extend([link(at + 1, "next"), link(last, "last")]);
    }
    if links.is_empty() { reply } else { reply.with("link", &links.join(", ")) }
}

/// Answer one request; `path` is without the API's prefix.
pub fn route(state: &mut State, request: &Request, path: &str) -> Reply {
    if let Some((_, status, to)) =
        state.redirects.iter().find(|(piece, _, _)| request.target.contains(piece.as_str()))
    {
        return Reply::new(*status, "text/html", b"moved".to_vec()).with("location", to);
    }
    if request.header("authorization") != Some(format!("Bearer {}", state.token).as_str()) {
        return error(401, "Bad credentials");
    }
    if path == "/graphql" {
        return query(state, request);
    }
    if path == "/user" {
        if state.actions_token {
            return error(403, "Resource not accessible by integration");
        }
        let user = state.user(&state.login);
        return full(request, path, 200, user);
    }
    let rest = path
        .strip_prefix("/repos/")
        .and_then(|rest| rest.strip_prefix(state.repository.as_str()))
        .and_then(|rest| if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') });
    let Some(rest) = rest else { return not_found() };
    if request.method != "GET"
        && (!state.can_write || state.denied.iter().any(|piece| path.contains(piece.as_str())))
    {
        return error(403, "Resource not accessible by integration");
    }
    let segments: Vec<&str> = rest.split('/').collect();
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["pulls", n]) => match state.pulls.get(&number(n)).cloned() {
            Some(pull) => {
                let body = pull_json(state, &pull);
                full(request, path, 200, body)
            }
            None => not_found(),
        },
        ("GET", ["pulls", n, "files"]) => match state.pulls.get(&number(n)).cloned() {
            Some(pull) => {
                let files = state.files(&pull.base, &pull.head);
                page(state, request, path, &files[..files.len().min(3000)])
            }
            None => not_found(),
        },
        ("GET", ["pulls", n, "commits"]) => match state.pulls.get(&number(n)).cloned() {
            Some(pull) => {
                let of = |(message, parents): &(String, usize)| {
                    let sha = git_sha(gix::objs::Kind::Commit, message.as_bytes());
                    let parent = json!({ "sha": sha, "url": "https://example.test/" });
                    json!({
                        "sha": sha, "commit": { "message": message },
                        "parents": vec![parent; *parents],
                    })
                };
                let list: Vec<Value> = pull.messages.iter().map(of).take(250).collect();
                page(state, request, path, &list)
            }
            None => not_found(),
        },
        ("GET", ["pulls", n, "comments"]) => {
            let list = of(&state.review_comments, number(n));
            page(state, request, path, &list)
        }
        ("GET", ["pulls", n, "reviews"]) => {
            let list = of(&state.reviews, number(n));
            page(state, request, path, &list)
        }
        ("POST", ["pulls", n, "reviews"]) => review(state, request, path, number(n)),
        ("GET", ["issues", n, "comments"]) if *n != "comments" => {
            let list = of(&state.comments, number(n));
            page(state, request, path, &list)
        }
        ("POST", ["issues", n, "comments"]) => comment(state, request, path, number(n)),
        ("GET", ["issues", "comments", id]) => {
            match state.comments.iter().find(|(_, c)| c["id"] == number(id)) {
                Some((_, comment)) => full(request, path, 200, comment.clone()),
                None => not_found(),
            }
        }
        ("PATCH", ["issues", "comments", id]) => {
            let body = request.json();
            match state.comments.iter_mut().find(|(_, c)| c["id"] == number(id)) {
                Some((_, comment)) => {
                    comment["body"] = body["body"].clone();
                    full(request, path, 200, comment.clone())
                }
                None => not_found(),
            }
        }
        // No workflow of the fake ever ran.
        ("GET", ["actions", "workflows", _, "runs"]) => {
            full(request, path, 200, json!({"total_count": 0, "workflow_runs": []}))
        }
        ("GET", ["compare", basehead @ ..]) => compare(state, request, path, &basehead.join("/")),
        ("GET", ["contents", file @ ..]) => contents(state, request, &file.join("/")),
        ("GET", ["git", "trees", tree]) => tree_of(state, request, path, &decode(tree)),
        ("GET", ["git", "blobs", sha]) => {
            let found = state
                .commits
                .values()
                .flat_map(|files| files.values())
                .find(|file| file.sha() == *sha)
                .map(|file| file.data.to_vec());
            match found {
                Some(data) => Reply::new(200, "application/vnd.github.raw; charset=utf-8", data),
                None => not_found(),
            }
        }
        ("GET", ["commits", sha, "check-runs"]) => {
            let name = request.query("check_name");
            let mut runs: Vec<Value> = state
                .checks
                .iter()
                .filter(|c| c["head_sha"] == decode(sha).as_str())
                .filter(|c| name.as_ref().is_none_or(|name| c["name"] == name.as_str()))
                .cloned()
                .collect();
            runs.reverse();
            if request.query("filter").as_deref() != Some("all") {
                runs.truncate(1);
            }
            full(request, path, 200, json!({ "total_count": runs.len(), "check_runs": runs }))
        }
        ("POST", ["check-runs"]) => check(state, request, path, None),
        ("PATCH", ["check-runs", id]) => check(state, request, path, Some(number(id))),
        ("GET", ["check-runs", id, "annotations"]) => {
            let list = state.annotations.get(&number(id)).cloned().unwrap_or_default();
            page(state, request, path, &list)
        }
        ("POST", ["statuses", sha]) => {
            let mut body = request.json();
            if body["description"].as_str().is_some_and(|text| text.chars().count() > 140) {
                return unprocessable("description is too long (maximum is 140 characters)");
            }
            body["id"] = json!(state.id());
            body["sha"] = json!(sha);
            state.statuses.push(body.clone());
            full(request, path, 201, body)
        }
        ("GET", ["collaborators", login, "permission"]) => {
            let login = decode(login);
            match state.permissions.get(&login).cloned() {
                Some((permission, role)) => {
                    let user = state.user(&login);
                    let body = json!({ "permission": permission, "role_name": role, "user": user });
                    full(request, path, 200, body)
                }
                None => error(404, &format!("{login} is not a user")),
            }
        }
        ("GET" | "POST", ["git", "ref" | "refs", ..]) | ("POST", ["pulls"]) => {
            super::branches::route(state, request, path, &segments)
        }
        _ => super::talk::route(state, request, path, &segments),
    }
}

fn of(list: &[(u64, Value)], number: u64) -> Vec<Value> {
    list.iter().filter(|(on, _)| *on == number).map(|(_, value)| value.clone()).collect()
}

/// A file or a folder, as GraphQL shows it.
fn object(files: &Files, path: &str) -> Value {
    if let Some(file) = files.get(path) {
        let text = std::str::from_utf8(&file.data).ok().filter(|text| !text.contains('\0'));
        return json!({ "text": text, "isBinary": text.is_none() });
    }
    let folder = format!("{path}/");
    let mut names: Vec<&str> = Vec::new();
    for (path, _) in files.range(folder.clone()..) {
        let Some(rest) = path.strip_prefix(&folder) else { break };
        let name = rest.split('/').next().unwrap_or(rest);
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Value::Null;
    }
    let entry =
        |name: &&str| json!({ "name": name, "object": object(files, &format!("{folder}{name}")) });
    json!({ "entries": names.iter().map(entry).collect::<Vec<_>>() })
}

/// A pull request, as GraphQL shows it.
fn pull_graph(state: &State, pull: &Pull, after: &Value) -> Value {
    let all: Vec<Value> = state
        .threads
        .iter()
        .filter(|thread| thread["_number"] == pull.number)
        .map(|thread| {
            let mut thread = thread.clone();
            let id = &thread["_first"];
            let mut first = json!({ "fullDatabaseId": id.to_string(), "databaseId": null });
            if !state.full_ids {
                first = json!({ "databaseId": id });
            }
            thread["comments"] = json!({ "nodes": [first] });
            thread
        })
        .collect();
    let start: usize = after.as_str().and_then(|after| after.parse().ok()).unwrap_or(0);
    let end = (start + 100).min(all.len());
    let commits: Vec<Value> = pull
        .messages
        .iter()
        .map(|(message, parents)| {
            let sha = git_sha(gix::objs::Kind::Commit, message.as_bytes());
            json!({ "commit": { "oid": sha, "message": message, "parents": { "totalCount": parents } } })
        })
        .collect();
    let reviews: Vec<Value> = of(&state.reviews, pull.number)
        .into_iter()
        .map(|review| {
            // GraphQL gives an app's login without the brackets.
            let login = review["user"]["login"].as_str().unwrap_or("").trim_end_matches("[bot]");
            let author = json!({ "login": login, "__typename": review["user"]["type"] });
            json!({ "author": author, "state": review["state"], "body": review["body"] })
        })
        .collect();
    let closes: Vec<&Value> = pull.closes.iter().filter_map(|n| state.issues.get(n)).collect();
    json!({
        "commits": { "nodes": commits[commits.len().saturating_sub(100)..] },
        "closingIssuesReferences": { "nodes": closes },
        "reviews": { "nodes": reviews },
        "reviewThreads": {
            "nodes": all[start.min(end)..end],
            "pageInfo": { "hasNextPage": end < all.len(), "endCursor": end.to_string() },
        },
    })
}

/// A pull request as the API and events show it.
pub fn pull_json(state: &mut State, pull: &Pull) -> Value {
    let files = state.files(&pull.base, &pull.head);
    let sum = |key: &str| files.iter().filter_map(|f| f[key].as_u64()).sum::<u64>();
    let head_repository =
        if pull.fork { "mallory/widgets".to_owned() } else { state.repository.clone() };
    let repo = |name: &str| {
        let (owner, short) = name.split_once('/').unwrap_or((name, ""));
        json!({
            "id": 1, "name": short, "full_name": name, "default_branch": "main",
            "fork": name != state.repository, "owner": { "login": owner, "id": 2, "type": "Organization" },
        })
    };
    json!({
        "id": pull.number + 1_000_000,
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "state": if pull.open { "open" } else { "closed" },
        "draft": pull.draft,
        "user": state.user(&pull.author),
        "base": { "ref": pull.base_ref, "sha": pull.base, "label": "acme:main", "repo": repo(&state.repository) },
        "head": { "ref": pull.head_ref, "sha": pull.head, "label": "acme:feature", "repo": repo(&head_repository) },
        "commits": pull.commits,
        "changed_files": files.len(),
        "additions": sum("additions"),
        "deletions": sum("deletions"),
    })
}

fn review(state: &mut State, request: &Request, path: &str, number: u64) -> Reply {
    let Some(pull) = state.pulls.get(&number).cloned() else { return not_found() };
    let body = request.json();
    let commit = body["commit_id"].as_str().unwrap_or(&pull.head).to_owned();
    if !state.commits.contains_key(&commit) {
        return unprocessable("No commit found for SHA");
    }
    let comments = body["comments"].as_array().cloned().unwrap_or_default();
    if comments.is_empty() && body["body"].as_str().is_none_or(str::is_empty) {
        return unprocessable("Review cannot be empty");
    }
    let files = state.files(&pull.base, &commit);
    let mut texts = Vec::new();
    for comment in &comments {
        let Some(file) = files.iter().find(|file| file["filename"] == comment["path"]) else {
            return unprocessable("Path could not be resolved");
        };
        let all = places(file["patch"].as_str().unwrap_or(""));
        let find = |line: &Value, side: &Value| {
            let side = side.as_str().unwrap_or("RIGHT");
            all.iter().find(|p| p.side == side && Some(p.line) == line.as_u64())
        };
        let Some(end) = find(&comment["line"], &comment["side"]) else {
            return unprocessable("Line could not be resolved");
        };
        if !comment["start_line"].is_null() {
            let start = find(&comment["start_line"], &comment["start_side"]);
            let Some(start) = start else {
                return unprocessable("Start line could not be resolved");
            };
            if start.hunk != end.hunk {
                return unprocessable("start_line must be part of the same hunk as the line.");
            }
            if comment["start_line"].as_u64() >= comment["line"].as_u64() {
                return unprocessable("start_line must precede the end line.");
            }
        }
        if comment["body"].as_str().is_none_or(|body| body.is_empty() || body.len() > 65_536) {
            return unprocessable("body is too long (maximum is 65536 characters)");
        }
        texts.push(end.text.clone());
    }
    let id = state.id();
    let user = state.user(&state.login);
    let review = json!({
        "id": id, "user": user, "body": body["body"].as_str().unwrap_or(""),
        "state": "COMMENTED", "commit_id": commit,
    });
    state.reviews.push((number, review.clone()));
    for (comment, text) in comments.into_iter().zip(texts) {
        let first = state.id();
        let made = json!({
            "id": first, "pull_request_review_id": id, "user": state.user(&state.login),
            "body": comment["body"], "path": comment["path"], "commit_id": commit,
            "original_commit_id": commit, "line": comment["line"], "original_line": comment["line"],
            "original_start_line": comment["start_line"],
            "side": comment["side"].as_str().unwrap_or("RIGHT"), "start_line": comment["start_line"],
            "start_side": comment["start_side"], "diff_hunk": "@@", "_text": text,
            "reactions": { "url": "https://example.test/", "total_count": 0, "+1": 0, "-1": 0, "laugh": 0,
                "confused": 0, "heart": 0, "hooray": 0, "eyes": 0, "rocket": 0 },
        });
        state.review_comments.push((number, made));
        state.threads.push(json!({
            "id": format!("PRRT_{first}"), "isResolved": false, "isOutdated": false,
            "resolvedBy": null, "_first": first, "_number": number,
        }));
    }
    full(request, path, 200, review)
}

fn comment(state: &mut State, request: &Request, path: &str, number: u64) -> Reply {
    if !state.pulls.contains_key(&number) {
        return not_found();
    }
    let body = request.json();
    if body["body"].as_str().is_none_or(|body| body.is_empty() || body.len() > 65_536) {
        return unprocessable("body is too long (maximum is 65536 characters)");
    }
    let id = state.id();
    let user = state.user(&state.login);
    let made = json!({ "id": id, "user": user, "body": body["body"] });
    state.comments.push((number, made.clone()));
    full(request, path, 201, made)
}

fn compare(state: &mut State, request: &Request, path: &str, basehead: &str) -> Reply {
    let basehead = decode(basehead);
    let Some((base, head)) = basehead.split_once("...") else { return not_found() };
    if !state.commits.contains_key(base) || !state.commits.contains_key(head) {
        return not_found();
    }
    let files = state.files(base, head);
    let first = request.query("page").is_none_or(|page| page == "1");
    let listed = if first { &files[..files.len().min(300)] } else { &[] };
    let commit = json!({ "sha": base });
    let body = json!({
        "base_commit": commit, "merge_base_commit": commit, "status": "ahead", "ahead_by": 1,
        "behind_by": 0, "total_commits": 1, "commits": [], "files": listed,
    });
    full(request, path, 200, body)
}

fn contents(state: &mut State, request: &Request, file: &str) -> Reply {
    let raw = request.header("accept").is_some_and(|accept| accept.contains("raw"));
    let Some(files) = request
        .query("ref")
        .map(|name| state.branches.get(&name).cloned().unwrap_or(name))
        .and_then(|revision| state.commits.get(&revision))
        .cloned()
    else {
        return error(404, "No commit found for the ref");
    };
    let file: Vec<String> = file.split('/').filter(|s| !s.is_empty()).map(decode).collect();
    let file = file.join("/");
    let entry = |kind: &str, path: &str, sha: String, size: usize| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let url = format!("https://api.github.test/contents/{path}");
        json!({
            "type": kind, "name": name, "path": path, "sha": sha, "size": size,
            "url": url, "git_url": url, "html_url": url, "download_url": url,
            "_links": { "self": url, "git": url, "html": url },
        })
    };
    let with = |mut entry: Value, more: Value| {
        if let (Some(entry), Some(more)) = (entry.as_object_mut(), more.as_object()) {
            entry.extend(more.clone());
        }
        Reply::json(200, &entry)
    };
    match files.get(&file) {
        Some(found) if found.mode == 0o160000 => with(
            entry("submodule", &file, found.sha(), 0),
            json!({ "submodule_git_url": "https://x.test" }),
        ),
        Some(found) if found.mode == 0o120000 => {
            let target = String::from_utf8_lossy(&found.data).into_owned();
            match files.get(&target) {
                Some(there) => Reply::new(200, RAW, there.data.to_vec()),
                None => with(
                    entry("symlink", &file, found.sha(), found.data.len()),
                    json!({ "target": target }),
                ),
            }
        }
        Some(found) if raw => Reply::new(200, RAW, found.data.to_vec()),
        Some(found) => with(
            entry("file", &file, found.sha(), found.data.len()),
            json!({ "encoding": "base64", "content": "" }),
        ),
        None => {
            let folder = if file.is_empty() { String::new() } else { format!("{file}/") };
            let mut folders: Vec<String> = Vec::new();
            let mut entries: Vec<Value> = Vec::new();
            for (path, found) in files.iter() {
                let Some(rest) = path.strip_prefix(&folder) else { continue };
                match rest.split_once('/') {
                    None => entries.push(entry("file", path, found.sha(), found.data.len())),
                    Some((name, _)) => folders.push(format!("{folder}{name}")),
                }
            }
            folders.dedup();
            for path in folders {
                let sha = state.trees.add(&files, &format!("{path}/"));
                entries.push(entry("dir", &path, sha, 0));
            }
            if entries.is_empty() { not_found() } else { Reply::json(200, &json!(entries)) }
        }
    }
}

const RAW: &str = "application/vnd.github.raw+json; charset=utf-8";

fn tree_of(state: &mut State, request: &Request, path: &str, name: &str) -> Reply {
    let sha = match state.commits.get(name).cloned() {
        Some(files) => state.trees.add(&files, ""),
        None => name.to_owned(),
    };
    let recursive = request.query("recursive").is_some();
    let Some(mut entries) = state.trees.list(&sha, "", recursive) else { return not_found() };
    let truncated = recursive && entries.len() > state.tree_limit;
    if truncated {
        entries.truncate(state.tree_limit);
    }
    full(request, path, 200, json!({ "sha": sha, "tree": entries, "truncated": truncated }))
}

fn check(state: &mut State, request: &Request, path: &str, id: Option<u64>) -> Reply {
    let body = request.json();
    let annotations = body["output"]["annotations"].as_array().cloned().unwrap_or_default();
    if annotations.len() > 50 {
        return unprocessable("No more than 50 annotations can be submitted per request");
    }
    let head = body["head_sha"].as_str().unwrap_or("");
    if id.is_none() && !state.commits.contains_key(head) {
        return unprocessable(&format!("No commit found for SHA: {head}"));
    }
    let position = match id {
        Some(id) => match state.checks.iter().position(|check| check["id"] == id) {
            Some(position) => position,
            None => return not_found(),
        },
        None => {
            let id = state.id();
            state.checks.push(json!({
                "id": id, "name": body["name"], "head_sha": head, "status": "queued",
                "conclusion": null, "external_id": "", "pull_requests": [],
                "output": { "title": null, "summary": null, "text": null, "annotations_count": 0, "annotations_url": "x" },
            }));
            state.checks.len() - 1
        }
    };
    let check = &mut state.checks[position];
    for key in ["external_id", "status", "conclusion"] {
        if !body[key].is_null() {
            check[key] = body[key].clone();
        }
    }
    if !body["conclusion"].is_null() {
        check["status"] = json!("completed");
    }
    for key in ["title", "summary"] {
        if !body["output"][key].is_null() {
            check["output"][key] = body["output"][key].clone();
        }
    }
    let number = check["id"].as_u64().unwrap_or(0);
    let list = state.annotations.entry(number).or_default();
    list.extend(annotations);
    check["output"]["annotations_count"] = json!(list.len());
    let made = check.clone();
    full(request, path, if id.is_some() { 200 } else { 201 }, made)
}

fn query(state: &mut State, request: &Request) -> Reply {
    let asked = request.json();
    let variables = &asked["variables"];
    let refuse = |kind: &str, message: &str| {
        Reply::json(
            200,
            &json!({ "data": null, "errors": [{ "type": kind, "message": message, "path": ["x"] }] }),
        )
    };
    let text = asked["query"].as_str().unwrap_or("");
    if !state.full_ids && text.contains("fullDatabaseId") {
        let message = "Field 'fullDatabaseId' doesn't exist on type 'PullRequestReviewComment'";
        return Reply::json(200, &json!({ "errors": [{ "message": message }] }));
    }
    let roots = graphql::roots(&asked);
    let data = match roots.first().map(String::as_str) {
        Some("viewer") => json!({ "viewer": state.user(&state.login) }),
        Some("repository") => {
            let name = format!(
                "{}/{}",
                variables["owner"].as_str().unwrap_or(""),
                variables["name"].as_str().unwrap_or("")
            );
            let number = variables["number"].as_u64();
            let known = number.is_none_or(|number| state.pulls.contains_key(&number));
            if name != state.repository || !known {
                return refuse("NOT_FOUND", "Could not resolve to a Repository or PullRequest");
            }
            let mut repository = json!({ "nameWithOwner": name });
            if let Some(pull) = number.and_then(|number| state.pulls.get(&number)) {
                repository["pullRequest"] = pull_graph(state, pull, &variables["after"]);
            }
            if let Some(branch) = variables["branch"].as_str() {
                repository["ref"] = super::branches::shown(state, branch);
            }
            let mut errors = Vec::new();
            for (alias, field, argument) in graphql::aliases(&asked) {
                repository[&alias] = match field.as_str() {
                    "issue" => match argument.as_u64().and_then(|n| state.issues.get(&n)) {
                        Some(issue) => issue.clone(),
                        None => {
                            let message = "Could not resolve to an Issue with that number";
                            errors.push(json!({ "type": "NOT_FOUND", "message": message, "path": ["repository", alias] }));
                            Value::Null
                        }
                    },
                    "pullRequest" => {
                        argument.as_u64().map_or(Value::Null, |n| super::past::past_graph(state, n))
                    }
                    _ => {
                        let (revision, path) =
                            argument.as_str().and_then(|e| e.split_once(':')).unwrap_or_default();
                        state.commits.get(revision).map_or(Value::Null, |files| object(files, path))
                    }
                };
            }
            let data = graphql::project(&asked, &json!({ "repository": repository }));
            let mut answer = json!({ "data": data });
            if !errors.is_empty() {
                answer["errors"] = Value::Array(errors);
            }
            return Reply::json(200, &answer);
        }
        Some("createCommitOnBranch") => {
            if !state.can_write
                || !state.can_commit
                || state.denied.iter().any(|piece| piece == "graphql")
            {
                return refuse("FORBIDDEN", "Resource not accessible by integration");
            }
            match super::branches::commit(state, &variables["input"]) {
                Ok(made) => made,
                Err((kind, message)) => return refuse(kind, &message),
            }
        }
        Some("resolveReviewThread") => {
            if !state.can_write || state.denied.iter().any(|piece| piece == "graphql") {
                return refuse("FORBIDDEN", "Resource not accessible by integration");
            }
            let login = state.user(&state.login);
            let thread =
                state.threads.iter_mut().find(|thread| thread["id"] == variables["thread"]);
            let Some(thread) = thread else {
                return refuse("NOT_FOUND", "Could not resolve to a node with the global id");
            };
            thread["isResolved"] = json!(true);
            thread["resolvedBy"] = login;
            json!({ "resolveReviewThread": { "thread": thread } })
        }
        _ => return refuse("UNSUPPORTED", "this fake does not know that field"),
    };
    Reply::json(200, &json!({ "data": graphql::project(&asked, &data) }))
}
