//! An in-memory GitHub: the part of its API that the program uses, with its
//! limits and refusals, every request held against GitHub's own description.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use super::contract;
use super::routes::route;
use super::server::{Reply, Request, Server, Wire};
use super::world::{Files, Pull, Trees, git_sha, list, places};

/// How a request fails.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Refused with a status, headers and a body; not processed.
    Status(u16, &'static [(&'static str, &'static str)], &'static str),
    /// 502 with a page of HTML; not processed.
    Html502,
    /// 502 with a page of HTML; processed all the same.
    Html502After,
    /// The connection is closed; not processed.
    Reset,
    /// The connection is closed; processed.
    ResetAfter,
    /// Half of the answer; processed.
    Truncate,
    /// Silence; not processed.
    Stall(Duration),
    /// Silence; processed.
    StallAfter(Duration),
    /// Half of the answer, then silence; processed.
    StallHalfway(Duration),
}

/// Which requests fail.
#[derive(Clone, Debug, Default)]
pub struct On {
    /// Counted over all requests, from 0.
    pub nth: Option<usize>,
    /// Method.
    pub method: Option<&'static str>,
    /// A piece of path and query.
    pub contains: Option<String>,
    /// The end of path and query.
    pub ends: Option<String>,
    /// A piece of the body.
    pub holds: Option<&'static str>,
    /// How often, 0 for always.
    pub times: usize,
}

impl On {
    /// The request with this number, counted over all from 0.
    pub fn nth(nth: usize) -> Self {
        On { nth: Some(nth), times: 1, ..On::default() }
    }

    /// The next request with this method and this piece in path or query.
    pub fn next(method: &'static str, contains: &str) -> Self {
        On { method: Some(method), contains: Some(contains.into()), times: 1, ..On::default() }
    }

    /// Every such request.
    pub fn every(method: &'static str, contains: &str) -> Self {
        On { times: 0, ..On::next(method, contains) }
    }

    /// The next request that [`GitHub::calls`] shows so.
    pub fn call(call: &str) -> Self {
        let (method, target) = call.split_once(' ').expect("a method and a target");
        let method = ["GET", "POST", "PATCH", "PUT", "DELETE"].into_iter().find(|m| *m == method);
        On { method, ends: Some(target.to_owned()), times: 1, ..On::default() }
    }

    fn fits(&self, nth: usize, request: &Request) -> bool {
        self.nth.is_none_or(|n| n == nth)
            && self.holds.is_none_or(|piece| String::from_utf8_lossy(&request.body).contains(piece))
            && self.ends.as_ref().is_none_or(|end| request.target.ends_with(end.as_str()))
            && self.method.is_none_or(|method| method == request.method)
            && self.contains.as_ref().is_none_or(|piece| request.target.contains(piece.as_str()))
    }
}

/// GitHub says `"line": null` of a comment whose line is gone; its description
/// knows only numbers there.
fn without_gone_lines(body: &mut Value) {
    for comment in body.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        comment.retain(|name, value| !(name == "line" && value.is_null()));
    }
}

/// Where a hook stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The request has come and is not processed.
    Before,
    /// It is processed and not answered.
    After,
}

type Hook = Box<dyn FnMut() + Send>;

pub struct State {
    pub url: String,
    pub repository: String,
    pub token: String,
    pub login: String,
    /// Whether the token is a job's own (`GITHUB_TOKEN`).
    pub actions_token: bool,
    pub can_write: bool,
    /// Pieces of paths whose writes are refused with 403.
    pub denied: Vec<String>,
    pub pulls: HashMap<u64, Pull>,
    pub commits: HashMap<String, Arc<Files>>,
    pub trees: Trees,
    /// Most entries of a recursive tree.
    pub tree_limit: usize,
    /// Whether GraphQL knows `fullDatabaseId`.
    pub full_ids: bool,
    /// Listed files by base and head.
    pub listed: HashMap<(String, String), Arc<Vec<Value>>>,
    pub issues: HashMap<u64, Value>,
    pub comments: Vec<(u64, Value)>,
    pub reviews: Vec<(u64, Value)>,
    pub review_comments: Vec<(u64, Value)>,
    pub threads: Vec<Value>,
    pub checks: Vec<Value>,
    pub annotations: HashMap<u64, Vec<Value>>,
    pub statuses: Vec<Value>,
    pub permissions: HashMap<String, (String, String)>,
    /// Comment and content.
    pub reactions: Vec<(u64, String)>,
    pub labels: HashMap<u64, Vec<String>>,
    /// Branches that are no pull request's: their tips.
    pub branches: HashMap<String, String>,
    /// Commits made through the API, newest last: name, parent, message.
    pub made: Vec<(String, String, String)>,
    /// Whether the token may write contents.
    pub can_commit: bool,
    before_commit: Option<(usize, Hook)>,
    pub redirects: Vec<(String, u16, String)>,
    pub latency: Duration,
    check_answers: bool,
    last_id: u64,
    faults: Vec<(On, Fault)>,
    hooks: Vec<(usize, Phase, Hook)>,
    log: Vec<Request>,
    violations: Vec<String>,
}

impl State {
    pub fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn commit(&mut self, files: &Files) -> String {
        let mut data = Vec::new();
        for (path, file) in files {
            data.extend_from_slice(format!("{path}\0{:o}\0{}\n", file.mode, file.sha()).as_bytes());
        }
        let sha = git_sha(gix::objs::Kind::Commit, &data);
        self.commits.insert(sha.clone(), Arc::new(files.clone()));
        sha
    }

    /// The listed files between two revisions.
    pub fn files(&mut self, base: &str, head: &str) -> Arc<Vec<Value>> {
        let key = (base.to_owned(), head.to_owned());
        if let Some(listed) = self.listed.get(&key) {
            return listed.clone();
        }
        let empty = Arc::default();
        let (old, new) = (
            self.commits.get(base).unwrap_or(&empty).clone(),
            self.commits.get(head).unwrap_or(&empty).clone(),
        );
        let renames = self.pulls.values().flat_map(|pull| pull.renames.clone()).collect();
        let listed = Arc::new(list(&old, &new, &renames));
        self.listed.insert(key, listed.clone());
        listed
    }

    pub fn user(&self, login: &str) -> Value {
        let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
        json!({ "login": login, "id": 1, "type": kind })
    }
}

/// The server with its state.
pub struct GitHub {
    server: Server,
    state: Arc<Mutex<State>>,
    prefix: &'static str,
}

impl GitHub {
    /// github.com: the API at the root.
    pub fn start() -> Self {
        GitHub::start_at("")
    }

    /// A server of one's own: the API below `/api/v3`.
    pub fn start_enterprise() -> Self {
        GitHub::start_at("/api/v3")
    }

    fn start_at(prefix: &'static str) -> Self {
        let state = Arc::new(Mutex::new(State {
            url: String::new(),
            repository: "acme/widgets".into(),
            token: "ghs_test".into(),
            login: "github-actions[bot]".into(),
            actions_token: true,
            can_write: true,
            denied: Vec::new(),
            pulls: HashMap::new(),
            commits: HashMap::new(),
            trees: Trees::default(),
            tree_limit: 100_000,
            full_ids: true,
            listed: HashMap::new(),
            issues: HashMap::new(),
            comments: Vec::new(),
            reviews: Vec::new(),
            review_comments: Vec::new(),
            threads: Vec::new(),
            checks: Vec::new(),
            annotations: HashMap::new(),
            statuses: Vec::new(),
            permissions: HashMap::new(),
            reactions: Vec::new(),
            labels: HashMap::new(),
            branches: HashMap::new(),
            made: Vec::new(),
            can_commit: true,
            before_commit: None,
            redirects: Vec::new(),
            latency: Duration::ZERO,
            check_answers: true,
            // Beyond what 32 bits hold, as on github.com.
            last_id: 5_000_000_000,
            faults: Vec::new(),
            hooks: Vec::new(),
            log: Vec::new(),
            violations: Vec::new(),
        }));
        let shared = state.clone();
        let server = Server::start(move |request| answer(&shared, prefix, request));
        lock(&state).url = format!("{}{prefix}", server.url);
        GitHub { server, state, prefix }
    }

    /// Another server with the same revisions, pull requests and conversations,
    /// without faults and without a log.
    pub fn copy(&self) -> Self {
        let other = GitHub::start_at(self.prefix);
        let mut to = other.state();
        let from = self.state();
        to.pulls = from.pulls.clone();
        to.commits = from.commits.clone();
        to.listed = from.listed.clone();
        to.issues = from.issues.clone();
        to.comments = from.comments.clone();
        to.reviews = from.reviews.clone();
        to.review_comments = from.review_comments.clone();
        to.threads = from.threads.clone();
        to.checks = from.checks.clone();
        to.annotations = from.annotations.clone();
        to.statuses = from.statuses.clone();
        to.permissions = from.permissions.clone();
        to.reactions = from.reactions.clone();
        to.labels = from.labels.clone();
        to.branches = from.branches.clone();
        to.made = from.made.clone();
        to.can_commit = from.can_commit;
        to.check_answers = from.check_answers;
        to.last_id = from.last_id;
        drop(to);
        other
    }

    /// `GITHUB_API_URL`.
    pub fn api_url(&self) -> String {
        format!("{}{}", self.server.url, self.prefix)
    }

    /// `GITHUB_GRAPHQL_URL`.
    pub fn graphql_url(&self) -> String {
        format!("{}{}/graphql", self.server.url, self.prefix.trim_end_matches("/v3"))
    }

    /// The server's root.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// `owner/name`.
    pub fn repository(&self) -> String {
        self.state().repository.clone()
    }

    /// Everything, to look at or change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Open a pull request, or describe an open one anew.
    pub fn pull(&self, number: u64, describe: impl FnOnce(&mut Pull)) -> Pull {
        let mut state = self.state();
        let mut pull = state.pulls.remove(&number).unwrap_or_else(|| Pull::new(number));
        describe(&mut pull);
        pull.base = state.commit(&pull.base_files);
        pull.head = state.commit(&pull.head_files);
        state.pulls.insert(number, pull.clone());
        pull
    }

    /// Push to a pull request: what `describe` changes on top of its head.
    /// Comments move with their lines, or become outdated.
    pub fn push(&self, number: u64, describe: impl FnOnce(&mut Pull)) -> Pull {
        let pull = self.pull(number, |pull| {
            pull.commits += 1;
            describe(pull);
        });
        let mut state = self.state();
        let listed = state.files(&pull.base, &pull.head);
        let mut outdated = Vec::new();
        for (_, comment) in state.review_comments.iter_mut().filter(|(on, _)| *on == number) {
            let patch = listed
                .iter()
                .find(|file| file["filename"] == comment["path"])
                .and_then(|file| file["patch"].as_str())
                .unwrap_or("");
            let place = places(patch).into_iter().find(|place| {
                comment["side"] == place.side && comment["_text"] == place.text.as_str()
            });
            comment["line"] = json!(place.as_ref().map(|place| place.line));
            if place.is_none() {
                outdated.push(comment["id"].clone());
            }
        }
        for thread in &mut state.threads {
            if outdated.contains(&thread["_first"]) {
                thread["isOutdated"] = json!(true);
            }
        }
        pull
    }

    /// A revision of its own, such as a merge queue's; gives its name.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        let mut pull = Pull::new(0);
        for (path, text) in files {
            pull.base(path, text);
        }
        self.state().commit(&pull.base_files)
    }

    /// Whether the token may write at all.
    pub fn token_can_write(&self, can: bool) -> &Self {
        self.state().can_write = can;
        self
    }

    /// Refuse writes to paths with this piece (`check-runs`, `/reviews`).
    pub fn deny(&self, piece: &str) -> &Self {
        self.state().denied.push(piece.to_owned());
        self
    }

    /// What a person may do: `permission` and `role_name` of the API.
    pub fn permission(&self, login: &str, permission: &str, role: &str) -> &Self {
        self.state().permissions.insert(login.to_owned(), (permission.to_owned(), role.to_owned()));
        self
    }

    /// Let requests fail. The first rule that fits counts.
    pub fn fault(&self, on: On, fault: Fault) -> &Self {
        self.state().faults.push((on, fault));
        self
    }

    /// Forget all faults.
    pub fn heal(&self) -> &Self {
        self.state().faults.clear();
        self
    }

    /// Answer paths that hold `piece` with a redirect.
    pub fn redirect(&self, piece: &str, status: u16, to: &str) -> &Self {
        self.state().redirects.push((piece.to_owned(), status, to.to_owned()));
        self
    }

    /// Call `hook` at the request with this number, counted over all from 0,
    /// and then close the connection without an answer.
    pub fn at(&self, nth: usize, phase: Phase, hook: impl FnMut() + Send + 'static) -> &Self {
        self.state().hooks.push((nth, phase, Box::new(hook)));
        self
    }

    /// Call `hook` before each of the next `times` commits through the API, and let
    /// whoever it tells do something for a moment.
    pub fn before_commits(&self, times: usize, hook: impl FnMut() + Send + 'static) -> &Self {
        let mut state = self.state();
        state.before_commit = Some((times, Box::new(hook)));
        drop(state);
        self
    }

    /// Do not hold this fake's own answers against GitHub's description: for
    /// tests of many requests, which take half the time then.
    pub fn trust_answers(&self) -> &Self {
        self.state().check_answers = false;
        self
    }

    /// A comment by a person.
    pub fn comment(&self, number: u64, login: &str, body: &str) -> u64 {
        let mut state = self.state();
        let id = state.id();
        let user = state.user(login);
        state.comments.push((number, json!({ "id": id, "user": user, "body": body })));
        id
    }

    /// A comment on line 7 of `src/total.rs` by a person, or an answer to one.
    pub fn remark(&self, number: u64, login: &str, body: &str, reply_to: Option<u64>) -> u64 {
        let mut state = self.state();
        let id = state.id();
        let user = state.user(login);
        let head = state.pulls[&number].head.clone();
        let reactions: Value =
            ["+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket"]
                .into_iter()
                .map(|name| (name.to_owned(), json!(0)))
                .chain([
                    ("url".to_owned(), json!("https://example.test/")),
                    ("total_count".to_owned(), json!(0)),
                ])
                .collect();
        let mut made = json!({
            "id": id, "pull_request_review_id": 1, "user": user, "body": body,
            "path": "src/total.rs", "commit_id": head, "original_commit_id": head, "line": 7,
            "original_line": 7, "side": "RIGHT", "diff_hunk": "@@", "reactions": reactions,
        });
        match reply_to {
            Some(first) => made["in_reply_to_id"] = json!(first),
            None => state.threads.push(json!({
                "id": format!("PRRT_{id}"), "isResolved": false, "isOutdated": false,
                "resolvedBy": null, "_first": id, "_number": number,
            })),
        }
        state.review_comments.push((number, made));
        id
    }

    /// An issue.
    pub fn issue(&self, number: u64, title: &str, body: &str, labels: &[&str]) {
        let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
        let issue = json!({
            "number": number, "title": title, "body": body, "state": "OPEN",
            "labels": { "nodes": labels }, "repository": { "nameWithOwner": self.repository() },
        });
        self.state().issues.insert(number, issue);
    }

    /// What a review says beside its comments on lines.
    pub fn review_body(&self, number: u64, login: &str, state: &str, body: &str) {
        let mut world = self.state();
        let (id, user) = (world.id(), world.user(login));
        let commit = world.pulls[&number].head.clone();
        let review =
            json!({ "id": id, "user": user, "body": body, "state": state, "commit_id": commit });
        world.reviews.push((number, review));
    }

    /// Thumbs down on a review comment.
    pub fn thumbs_down(&self, id: u64, count: u64) {
        for (_, comment) in &mut self.state().review_comments {
            if comment["id"] == id {
                comment["reactions"]["-1"] = json!(count);
            }
        }
    }

    /// A person resolves the thread that a review comment starts.
    pub fn resolve(&self, first_comment: u64, login: &str) {
        let mut state = self.state();
        let user = state.user(login);
        for thread in &mut state.threads {
            if thread["_first"] == first_comment {
                thread["isResolved"] = json!(true);
                thread["resolvedBy"] = user.clone();
            }
        }
    }

    /// Requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state().log.clone()
    }

    /// `METHOD path?query` of the requests so far, without the repository.
    pub fn calls(&self) -> Vec<String> {
        let state = self.state();
        let repository = format!("{}/repos/{}", self.prefix, state.repository);
        state
            .log
            .iter()
            .map(|r| format!("{} {}", r.method, r.target.replacen(&repository, "", 1)))
            .collect()
    }

    /// Forget the requests so far.
    pub fn forget_requests(&self) {
        self.state().log.clear();
    }

    /// Connections opened so far.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// The conversation.
    pub fn comments(&self, number: u64) -> Vec<Value> {
        of(&self.state().comments, number)
    }

    /// Reviews.
    pub fn reviews(&self, number: u64) -> Vec<Value> {
        of(&self.state().reviews, number)
    }

    /// Comments on lines.
    pub fn review_comments(&self, number: u64) -> Vec<Value> {
        of(&self.state().review_comments, number)
    }

    /// Threads, of all pull requests.
    pub fn threads(&self) -> Vec<Value> {
        self.state().threads.clone()
    }

    /// Check runs, each with its `annotations`.
    pub fn checks(&self) -> Vec<Value> {
        let state = self.state();
        let with = |check: &Value| {
            let mut check = check.clone();
            let id = check["id"].as_u64().unwrap_or(0);
            check["annotations"] = json!(state.annotations.get(&id));
            check
        };
        state.checks.iter().map(with).collect()
    }

    /// Commit statuses.
    pub fn statuses(&self) -> Vec<Value> {
        self.state().statuses.clone()
    }

    /// What was wrong with requests so far, by GitHub's description.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        let violations = self.violations();
        if !std::thread::panicking() {
            assert!(violations.is_empty(), "requests that GitHub would refuse: {violations:#?}");
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn of(list: &[(u64, Value)], number: u64) -> Vec<Value> {
    list.iter().filter(|(on, _)| *on == number).map(|(_, value)| value.clone()).collect()
}

const HTML: &str = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>";

/// Lets somebody else act right before a commit is made.
fn hold_commit(shared: &Mutex<State>, request: &Request) {
    const COMMIT: &[u8] = b"createCommitOnBranch";
    if !request.body.windows(COMMIT.len()).any(|piece| piece == COMMIT) {
        return;
    }
    let revisions = |state: &State| state.commits.len();
    let before = {
        let mut state = lock(shared);
        let Some((left, hook)) = &mut state.before_commit else { return };
        let Some(rest) = left.checked_sub(1) else { return };
        *left = rest;
        hook();
        revisions(&state)
    };
    for _ in 0..2_000 {
        if revisions(&lock(shared)) != before {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn answer(shared: &Mutex<State>, prefix: &str, request: Request) -> Reply {
    hold_commit(shared, &request);
    let mut state = lock(shared);
    let nth = state.log.len();
    state.log.push(request.clone());
    let latency = state.latency;
    let path = match prefix {
        "" => request.path(),
        _ if request.path() == "/api/graphql" => "/graphql",
        _ => request.path().strip_prefix(prefix).unwrap_or("/outside-the-api"),
    }
    .to_owned();
    let wrong = contract::check_request(&request, &path);
    state
        .violations
        .extend(wrong.into_iter().map(|w| format!("{} {}: {w}", request.method, request.target)));
    if hook(&mut state, nth, Phase::Before) {
        return Reply { wire: Wire::Nothing, ..Reply::default() };
    }
    let fault = take_fault(&mut state, nth, &request);
    let html = || Reply::new(502, "text/html", HTML.into());
    match &fault {
        Some(Fault::Status(status, headers, body)) => {
            let reply = Reply::new(*status, "application/json", (*body).into());
            return headers.iter().fold(reply, |reply, (name, value)| reply.with(name, value));
        }
        Some(Fault::Html502) => return html(),
        Some(Fault::Reset) => return Reply { wire: Wire::Nothing, ..Reply::default() },
        Some(Fault::Stall(time)) => {
            return Reply { wire: Wire::Silence(*time), ..Reply::default() };
        }
        _ => {}
    }
    let mut reply = route(&mut state, &request, &path);
    if state.check_answers
        && let Ok(mut body) = serde_json::from_slice(&reply.body)
    {
        without_gone_lines(&mut body);
        let wrong = contract::check_answer(&request.method, &path, reply.status, &body);
        state.violations.extend(wrong.into_iter().map(|w| format!("our answer: {w}")));
    }
    match fault {
        Some(Fault::Html502After) => reply = html(),
        Some(Fault::ResetAfter) => reply.wire = Wire::Nothing,
        Some(Fault::Truncate) => reply.wire = Wire::Half,
        Some(Fault::StallAfter(time)) => reply.wire = Wire::Silence(time),
        Some(Fault::StallHalfway(time)) => reply.wire = Wire::HalfThenSilence(time),
        _ => {}
    }
    if hook(&mut state, nth, Phase::After) {
        reply.wire = Wire::Nothing;
    }
    drop(state);
    std::thread::sleep(latency);
    reply.with("x-github-request-id", &format!("TEST:{nth}"))
}

fn hook(state: &mut State, nth: usize, phase: Phase) -> bool {
    let mut hit = false;
    for (at, when, hook) in &mut state.hooks {
        if *at == nth && *when == phase {
            hook();
            hit = true;
        }
    }
    hit
}

fn take_fault(state: &mut State, nth: usize, request: &Request) -> Option<Fault> {
    let index = state.faults.iter().position(|(on, _)| on.fits(nth, request))?;
    let fault = state.faults[index].1.clone();
    match state.faults[index].0.times {
        0 => {}
        1 => drop(state.faults.remove(index)),
        _ => state.faults[index].0.times -= 1,
    }
    Some(fault)
}
