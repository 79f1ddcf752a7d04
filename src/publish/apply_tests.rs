//! Plans carried out on a forge in memory: killed anywhere, refused anywhere, run again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use anyhow::anyhow;
use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::apply::{Outcome, apply};
use super::existing::Existing;
use super::fixtures::{self, Fixture, HEAD};
use super::markdown::{self, StatePayload};
use super::plan::{PlanInput, Selection, StateOf, plan};
use super::{annotations, inline};
use crate::diff::{Change, RepoPath};
use crate::finding::{Fingerprint, Severity, Side};
use crate::forge::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Denied,
    Rejected,
    Unreachable,
    /// The process dies before the host sees the request.
    DiesBefore,
    /// The host does it, the process dies before it hears so.
    DiesAfter,
}

#[derive(Default)]
struct Host {
    state: Mutex<State>,
    /// What happens to operations of a kind, and to the nth operation.
    faults: BTreeMap<&'static str, Fault>,
    nth: Option<(usize, Fault)>,
    /// Comments on these lines are not taken.
    refused_lines: Vec<u32>,
}

#[derive(Default)]
struct State {
    made: u64,
    calls: Vec<&'static str>,
    comments: Vec<Comment>,
    review_comments: Vec<ReviewComment>,
    threads: Vec<Thread>,
    checks: Vec<(Check, CheckContent)>,
    statuses: Vec<(bool, String)>,
}

const CAPABLE: Capabilities =
    Capabilities { reviews: true, checks: true, statuses: true, resolve_threads: true };
const OWN: &str = "github-actions[bot]";

fn kind(operation: &Operation) -> &'static str {
    match operation {
        Operation::PostReview { .. } => "review",
        Operation::CreateComment { .. } => "create comment",
        Operation::UpdateComment { .. } => "update comment",
        Operation::CreateCheck { .. } => "create check",
        Operation::UpdateCheck { .. } => "update check",
        Operation::SetStatus { .. } => "status",
        Operation::ResolveThread { .. } => "resolve",
        // A plan has none of these.
        Operation::Reply { .. }
        | Operation::UpdateReply { .. }
        | Operation::DeleteComment { .. }
        | Operation::React { .. }
        | Operation::UpdateDescription { .. }
        | Operation::AddLabels { .. }
        | Operation::RemoveLabel { .. }
        | Operation::ProposeChange { .. }
        | Operation::Commit { .. }
        | Operation::CreateBranch { .. }
        | Operation::OpenChange { .. } => "conversation",
    }
}

impl Host {
    fn existing(&self) -> Existing {
        let state = self.state.lock().unwrap();
        let checks: Vec<Check> = state.checks.iter().map(|(check, _)| check.clone()).collect();
        Existing::collect(OWN, &state.comments, &state.review_comments, &state.threads, &checks)
    }

    fn carry_out(&self, operation: &Operation) -> Applied {
        let mut guard = self.state.lock().unwrap();
        let state = &mut *guard;
        state.made += 1;
        let id = state.made * 100;
        match operation {
            Operation::PostReview { comments, .. } => {
                assert!(!comments.is_empty(), "an empty review");
                let mut refused = Vec::new();
                for (at, comment) in comments.iter().enumerate() {
                    if self.refused_lines.contains(&comment.line) {
                        refused.push(at);
                        continue;
                    }
                    let id = id + at as u64;
                    state.review_comments.push(ReviewComment {
                        id,
                        in_reply_to: None,
                        author: OWN.into(),
                        author_is_bot: true,
                        body: comment.body.clone(),
                        path: comment.path.clone(),
                        line: Some(comment.line),
                        side: comment.side,
                        thumbs_down: 0,
                    });
                    state.threads.push(Thread {
                        id: format!("T{id}"),
                        first_comment: id,
                        resolved: false,
                        resolved_by: None,
                        outdated: false,
                    });
                }
                if !refused.is_empty() {
                    return Applied::Partly { refused };
                }
            }
            Operation::CreateComment { body } => state.comments.push(Comment {
                id,
                author: OWN.into(),
                author_is_bot: true,
                body: body.clone(),
            }),
            Operation::UpdateComment { id, body } => {
                state.comments.iter_mut().find(|c| c.id == *id).unwrap().body = body.clone();
            }
            Operation::CreateCheck { check, .. } => {
                let external_id = check.external_id.clone();
                let made = Check { id, external_id, completed: true };
                state.checks.insert(0, (made, check.clone()));
            }
            Operation::UpdateCheck { id, check } => {
                let there = state.checks.iter_mut().find(|(c, _)| c.id == *id).unwrap();
                there.0.external_id = check.external_id.clone();
                there.1 = check.clone();
            }
            Operation::SetStatus { success, description, .. } => {
                state.statuses.push((*success, description.clone()));
            }
            Operation::ResolveThread { thread } => {
                let thread = state.threads.iter_mut().find(|t| t.id == *thread).unwrap();
                assert!(!thread.resolved, "resolved twice");
                thread.resolved = true;
                thread.resolved_by = Some("github-actions".into());
            }
            other => panic!("no plan has a {other:?}"),
        }
        Applied::Done { id: Some(id) }
    }

    /// What people see, without the host's numbers.
    fn seen(&self) -> String {
        let state = self.state.lock().unwrap();
        let remarks: Vec<_> = state
            .review_comments
            .iter()
            .zip(&state.threads)
            .map(|(c, t)| (inline::finding_id(&c.body), &c.path, c.line, t.resolved))
            .collect();
        let checks: Vec<_> = state.checks.iter().map(|(_, content)| content).collect();
        let bodies: Vec<_> = state.comments.iter().map(|c| &c.body).collect();
        format!("{remarks:#?} {checks:#?} {bodies:#?} {:?}", state.statuses)
    }
}

#[async_trait]
impl Forge for Host {
    fn capabilities(&self) -> Capabilities {
        CAPABLE
    }

    async fn apply(&self, _: Option<u64>, operation: &Operation) -> Result<Applied> {
        let at = {
            let mut state = self.state.lock().unwrap();
            state.calls.push(kind(operation));
            state.calls.len() - 1
        };
        let nth = self.nth.filter(|(n, _)| *n == at).map(|(_, fault)| fault);
        match nth.or(self.faults.get(kind(operation)).copied()) {
            None => Ok(self.carry_out(operation)),
            Some(Fault::Denied) => Err(ForgeError::Denied(anyhow!("403 Resource not accessible"))),
            Some(Fault::Rejected) => Err(ForgeError::Rejected(anyhow!("422 Unprocessable"))),
            Some(Fault::Unreachable) => Err(ForgeError::Unreachable(anyhow!("connection reset"))),
            Some(Fault::DiesBefore) => std::future::pending().await,
            Some(Fault::DiesAfter) => {
                self.carry_out(operation);
                std::future::pending().await
            }
        }
    }

    async fn change_request(&self, _: u64) -> Result<ChangeRequest> {
        Err(ForgeError::NotFound(anyhow!("not in this test")))
    }
    async fn diff(&self, _: u64, _: Option<usize>) -> Result<Change> {
        Err(ForgeError::NotFound(anyhow!("not in this test")))
    }
    async fn compare(&self, _: &str, _: &str) -> Result<(String, Change)> {
        Err(ForgeError::NotFound(anyhow!("not in this test")))
    }
    async fn file(&self, _: &str, _: &RepoPath) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
    async fn root_entries(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn comments(&self, _: u64) -> Result<Vec<Comment>> {
        Ok(Vec::new())
    }
    async fn comment(&self, _: u64) -> Result<Comment> {
        Err(ForgeError::NotFound(anyhow!("not in this test")))
    }
    async fn review_comments(&self, _: u64) -> Result<Vec<ReviewComment>> {
        Ok(Vec::new())
    }
    async fn threads(&self, _: u64) -> Result<Vec<Thread>> {
        Ok(Vec::new())
    }
    async fn checks(&self, _: &str) -> Result<Vec<Check>> {
        Ok(Vec::new())
    }
    async fn own_login(&self) -> Result<String> {
        Ok(OWN.into())
    }
    async fn permission(&self, _: &str) -> Result<Permission> {
        Ok(Permission::Write)
    }
}

/// A run's input; the rest of [`PlanInput`] is made from it.
struct Job {
    fixture: Fixture,
    target: Target,
    state: Box<StateOf<'static>>,
    gone: Vec<Fingerprint>,
    missing: BTreeSet<String>,
    max_inline: usize,
    capabilities: Capabilities,
    publish: Selection,
}

/// A state that tells what became of publishing.
fn state(name: &'static str) -> Box<StateOf<'static>> {
    Box::new(move |unplaced, delivered| {
        let ids: Vec<&str> = unplaced.keys().map(|id| id.0.as_str()).collect();
        StatePayload::encode(format!("{name} {} {delivered}", ids.join(" ")).as_bytes())
    })
}

/// The state in the summary on the host.
fn state_of(host: &Host) -> String {
    let bytes = markdown::summary_state(&summary_of(host)).and_then(StatePayload::decode);
    String::from_utf8(bytes.unwrap()).unwrap()
}

impl Job {
    fn new(fixture: Fixture) -> Self {
        Job {
            fixture,
            target: Target {
                repository: "octo/shop".into(),
                number: Some(7),
                head: HEAD.into(),
                base: "0".repeat(40),
            },
            state: state("after this run"),
            gone: Vec::new(),
            missing: BTreeSet::new(),
            max_inline: 25,
            capabilities: CAPABLE,
            publish: Selection::ALL,
        }
    }

    fn plan(&self, existing: &Existing) -> Vec<Operation> {
        plan(&self.input(existing))
    }

    fn input<'a>(&'a self, existing: &'a Existing) -> PlanInput<'a> {
        PlanInput {
            view: self.fixture.view(),
            target: &self.target,
            capabilities: self.capabilities,
            publish: self.publish,
            existing,
            state: &*self.state,
            gone: &self.gone,
            missing_patches: &self.missing,
            max_inline: self.max_inline,
            progress: None,
            permalink: None,
        }
    }

    /// One run; `None` if it died.
    fn run(&self, host: &Host) -> Option<Outcome> {
        let existing = host.existing();
        let operations = self.plan(&existing);
        apply(host, &self.input(&existing), operations).now_or_never()
    }
}

/// Two findings of an earlier head stand, one of them gone now; this head has four others.
fn second_push(host: &Host) -> Job {
    let mut earlier = Job::new(fixtures::many(2));
    earlier.state = state("earlier");
    assert!(earlier.run(host).is_some());
    host.state.lock().unwrap().calls.clear();
    let mut job = Job::new(fixtures::full());
    job.gone = vec![Fingerprint(format!("{:016x}", 2)), Fingerprint("f".repeat(16))];
    // Another id than the earlier run's second finding.
    job.fixture.report.findings[1].id = Fingerprint(format!("{:016x}", 9));
    job
}

fn calls(host: &Host) -> Vec<&'static str> {
    host.state.lock().unwrap().calls.clone()
}

#[test]
fn the_summary_comes_last_and_a_rerun_does_nothing() {
    let host = Host::default();
    let job = second_push(&host);
    let outcome = job.run(&host).unwrap();
    assert_eq!(calls(&host), ["review", "resolve", "update check", "update comment"]);
    assert_eq!(outcome.refused, []);
    assert_eq!(outcome.failed, []);
    assert!(!outcome.could_post_nothing);
    let seen = host.seen();
    let again = job.run(&host).unwrap();
    assert_eq!(again, Outcome::default());
    assert_eq!(host.seen(), seen);
    assert_eq!(calls(&host).len(), 4);
}

#[test]
fn a_run_killed_anywhere_is_completed_by_the_next_one() {
    for refused_lines in [vec![], vec![42]] {
        let whole = Host { refused_lines: refused_lines.clone(), ..Host::default() };
        let job = second_push(&whole);
        job.run(&whole).unwrap();
        let expect = whole.seen();
        let count = calls(&whole).len();
        assert!(count >= 4);
        for nth in 0..count {
            for fault in [Fault::DiesBefore, Fault::DiesAfter] {
                let mut host = Host { refused_lines: refused_lines.clone(), ..Host::default() };
                let job = second_push(&host);
                host.nth = Some((nth, fault));
                assert_eq!(job.run(&host), None, "killed at {nth}");
                host.nth = None;
                assert!(job.run(&host).is_some());
                assert_eq!(host.seen(), expect, "{fault:?} at operation {nth}");
                let before = calls(&host).len();
                assert_eq!(job.run(&host).unwrap(), Outcome::default());
                assert_eq!(calls(&host).len(), before, "a third run does nothing");
            }
        }
    }
}

#[test]
fn an_operation_that_fails_does_not_stop_the_others_and_the_next_run_makes_up_for_it() {
    let whole = Host::default();
    second_push(&whole).run(&whole).unwrap();
    for nth in 0..4 {
        let mut host = Host::default();
        let job = second_push(&host);
        host.nth = Some((nth, Fault::Unreachable));
        let outcome = job.run(&host).unwrap();
        assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
        assert_eq!(calls(&host).len(), 4);
        host.nth = None;
        assert_eq!(job.run(&host).unwrap().failed, []);
        assert_eq!(host.seen(), whole.seen(), "operation {nth}");
    }
}

fn summary_of(host: &Host) -> String {
    host.state.lock().unwrap().comments[0].body.clone()
}

#[test]
fn a_denied_check_becomes_a_status_and_then_a_line() {
    let job = Job::new(fixtures::one());
    let mut host = Host::default();
    host.faults.insert("create check", Fault::Denied);
    let outcome = job.run(&host).unwrap();
    assert_eq!(calls(&host), ["review", "create check", "status", "create comment"]);
    assert_eq!(outcome.refused.len(), 1);
    assert!(!outcome.could_post_nothing);
    assert!(!host.state.lock().unwrap().statuses[0].0);
    assert!(!summary_of(&host).contains("neither a check"));
    let seen = host.seen();
    job.run(&host).unwrap();
    assert_eq!(host.seen(), seen);

    let mut host = Host::default();
    host.faults.extend([("create check", Fault::Denied), ("status", Fault::Denied)]);
    job.run(&host).unwrap();
    assert!(summary_of(&host).contains("neither a check nor a status"));
    let seen = host.seen();
    job.run(&host).unwrap();
    assert_eq!(host.seen(), seen);
}

#[test]
fn comments_that_are_not_taken_stand_in_the_summary() {
    let job = Job::new(fixtures::one());
    for (fault, words) in [
        (Fault::Denied, "may not comment on lines"),
        (Fault::Rejected, "did not take these"),
        (Fault::Unreachable, "In detail"),
    ] {
        let mut host = Host::default();
        host.faults.insert("review", fault);
        job.run(&host).unwrap();
        let summary = summary_of(&host);
        assert!(summary.contains(words) && summary.contains("Take the element"), "{summary}");
        assert_eq!(state_of(&host), "after this run 0000000000000001 false");
        // The next run tries again.
        host.faults.clear();
        assert_eq!(job.run(&host).unwrap().failed, []);
        assert_eq!(host.state.lock().unwrap().review_comments.len(), 1);
        assert_eq!(state_of(&host), "after this run  true");
    }
    // One of several.
    let host = Host { refused_lines: vec![40], ..Host::default() };
    let job = Job::new(fixtures::full());
    job.run(&host).unwrap();
    let refused = markdown::refused_before(&summary_of(&host), HEAD);
    assert_eq!(refused, [Fingerprint(format!("{:016x}", 1))]);
    // Not offered again on this head, but on the next one.
    assert_eq!(job.run(&host).unwrap(), Outcome::default());
    let mut next = Job::new(fixtures::full());
    next.target.head = "1".repeat(40);
    let existing = host.existing();
    assert!(
        matches!(&next.plan(&existing)[0], Operation::PostReview { comments, .. } if comments.len() == 1)
    );
}

#[test]
fn a_token_that_may_post_nothing_is_told() {
    let job = Job::new(fixtures::full());
    let mut host = Host::default();
    for kind in ["review", "create check", "status", "create comment"] {
        host.faults.insert(kind, Fault::Denied);
    }
    let outcome = job.run(&host).unwrap();
    assert!(outcome.could_post_nothing);
    assert_eq!(outcome.posted, Vec::<String>::new());
    assert_eq!(outcome.refused.len(), 4);
    assert_eq!(host.seen(), Host::default().seen());
    // Even with a green status alone, nobody could read the findings.
    host.faults.remove("status");
    assert!(job.run(&host).unwrap().could_post_nothing);
}

#[test]
fn plans_keep_to_what_is_asked_and_possible() {
    let kinds = |job: &Job| -> Vec<&'static str> {
        job.plan(&Existing::default()).iter().map(kind).collect()
    };
    let mut job = Job::new(fixtures::full());
    assert_eq!(kinds(&job), ["review", "create check", "create comment"]);
    job.publish = Selection { review: false, summary: true, check: false };
    assert_eq!(kinds(&job), ["create comment"]);
    job.publish = Selection::ALL;
    job.capabilities = Capabilities { checks: false, reviews: false, ..CAPABLE };
    assert_eq!(kinds(&job), ["status", "create comment"]);
    job.capabilities = CAPABLE;
    job.target.number = None;
    assert_eq!(kinds(&job), ["create check"]);
    // No findings, no review.
    assert_eq!(kinds(&Job::new(fixtures::empty())), ["create check", "create comment"]);
}

#[test]
fn only_lines_that_the_host_shows_get_a_comment() {
    let inline = |job: &Job| -> Vec<(String, u32)> {
        let existing = Existing::default();
        match &job.plan(&existing)[0] {
            Operation::PostReview { comments, .. } => {
                comments.iter().map(|c| (c.path.clone(), c.line)).collect()
            }
            _ => Vec::new(),
        }
    };
    let mut job = Job::new(fixtures::full());
    let auth = |line| ("src/auth.rs".to_owned(), line);
    // The last one only informs: that asks for no answer.
    assert_eq!(inline(&job), [auth(42), auth(40)]);
    for finding in &mut job.fixture.report.findings {
        finding.severity = finding.severity.max(Severity::Low);
    }
    assert_eq!(inline(&job), [auth(42), auth(40), ("docs/old.md".to_owned(), 2)]);
    job.max_inline = 1;
    assert_eq!(inline(&job), [auth(42)]);
    job.missing.insert("src/auth.rs".into());
    assert_eq!(inline(&job), [("docs/old.md".to_owned(), 2)]);
    for finding in &mut job.fixture.report.findings {
        (finding.side, finding.line, finding.end_line) = (Side::Old, 2, 3);
    }
    assert_eq!(inline(&job), []);
}

#[test]
fn a_finding_that_comes_back_is_said_again_unless_a_person_closed_it() {
    let host = Host::default();
    let job = Job::new(fixtures::one());
    job.run(&host).unwrap();
    let mut later = Job::new(fixtures::empty());
    later.gone = vec![Fingerprint(format!("{:016x}", 1))];
    later.run(&host).unwrap();
    assert!(host.state.lock().unwrap().threads[0].resolved);
    job.run(&host).unwrap();
    assert_eq!(host.state.lock().unwrap().review_comments.len(), 2);
    let mut state = host.state.lock().unwrap();
    state.threads[1].resolved = true;
    state.threads[1].resolved_by = Some("alice".into());
    drop(state);
    job.run(&host).unwrap();
    assert_eq!(host.state.lock().unwrap().review_comments.len(), 2);
}

#[test]
fn the_conclusion_follows_fail_on() {
    let mut fixture = fixtures::one();
    let cases = [
        (Some(Severity::High), false, Conclusion::Failure),
        (Some(Severity::High), true, Conclusion::Failure),
        (Some(Severity::Critical), false, Conclusion::Success),
        (Some(Severity::Critical), true, Conclusion::Neutral),
        (None, false, Conclusion::Success),
    ];
    for (fail_on, incomplete, expect) in cases {
        fixture.fail_on = fail_on;
        fixture.incomplete = incomplete;
        assert_eq!(fixture.view().conclusion(), expect);
    }
    assert_eq!(annotations::annotations(&fixture.view()).len(), 1);
}
