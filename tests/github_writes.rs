//! What is written to GitHub: whole, once, and refused where GitHub refuses.

mod support;

use pipewright::finding::{Severity, Side};
use pipewright::forge::{
    Annotation, Applied, CheckContent, Conclusion, Forge, ForgeError, InlineComment, Operation,
};
use support::client::{forge, forge_noting};
use support::github::{Fault, GitHub, On};
use support::world::Pull;

/// A pull request whose file `a.rs` changes in two places: lines 2 and 52.
fn two_hunks(github: &GitHub) -> Pull {
    let old: String = (1..=60).map(|n| format!("line {n}\n")).collect();
    let new = old.replace("line 2\n", "LINE 2\n").replace("line 52\n", "LINE 52\n");
    github.pull(7, |pull| {
        pull.base("a.rs", &old).head("a.rs", &new);
    })
}

fn on(side: Side, start_line: u32, line: u32) -> InlineComment {
    let path = "a.rs".into();
    InlineComment { path, side, start_line, line, body: format!("{side:?} {start_line}-{line}") }
}

fn review(pull: &Pull, comments: Vec<InlineComment>) -> Operation {
    Operation::PostReview { head: pull.head.clone(), body: "The review.".into(), comments }
}

fn check_content(annotations: usize) -> CheckContent {
    CheckContent {
        external_id: "pipewright:1".into(),
        conclusion: Conclusion::Failure,
        title: "T".repeat(300),
        summary: "S".repeat(70_000),
        annotations: (0..annotations)
            .map(|n| Annotation {
                path: "a.rs".into(),
                start_line: n as u32 / 3 + 1,
                end_line: n as u32 / 3 + 1,
                severity: Severity::ALL[n % 5],
                title: "t".repeat(300),
                message: format!("message {}", n / 2),
            })
            .collect(),
    }
}

#[tokio::test]
async fn a_review_is_one_call() {
    let github = GitHub::start();
    let pull = two_hunks(&github);
    let comments = vec![on(Side::New, 2, 2), on(Side::Old, 2, 2), on(Side::New, 50, 53)];
    let applied = forge(&github).apply(Some(7), &review(&pull, comments)).await.unwrap();
    assert!(matches!(applied, Applied::Done { id: Some(_) }));
    assert_eq!(github.calls(), ["POST /pulls/7/reviews"]);
    let reviews = github.reviews(7);
    assert_eq!((reviews.len(), reviews[0]["body"].as_str()), (1, Some("The review.")));
    let there = github.review_comments(7);
    let lines: Vec<_> = there.iter().map(|c| (c["side"].as_str(), c["line"].as_u64())).collect();
    assert_eq!(
        lines,
        [(Some("RIGHT"), Some(2)), (Some("LEFT"), Some(2)), (Some("RIGHT"), Some(53))]
    );
    assert_eq!(there[2]["start_line"], 50);
    assert!(there[0]["start_line"].is_null());
}

#[tokio::test]
async fn refused_comments_are_found_and_the_others_posted_once() {
    // Each: indices of comments that stand outside the diff, out of eight.
    for bad in [vec![3], vec![0], vec![7], vec![0, 7], vec![2, 3, 4], (0..8).collect()] {
        let github = GitHub::start();
        let pull = two_hunks(&github);
        let mut comments: Vec<InlineComment> =
            [1, 2, 3, 4, 5, 49, 50, 51].into_iter().map(|line| on(Side::New, line, line)).collect();
        for (nth, &index) in bad.iter().enumerate() {
            comments[index] = match nth % 3 {
                0 => on(Side::New, 30, 30),
                1 => on(Side::New, 2, 50),
                _ => InlineComment { path: "none.rs".into(), ..on(Side::New, 2, 2) },
            };
        }
        let applied =
            forge(&github).apply(Some(7), &review(&pull, comments.clone())).await.unwrap();
        assert_eq!(applied, Applied::Partly { refused: bad.clone() });
        let mut there: Vec<String> = github
            .review_comments(7)
            .iter()
            .map(|c| c["body"].as_str().unwrap_or("").to_owned())
            .collect();
        let mut good: Vec<String> = (0..8)
            .filter(|index| !bad.contains(index))
            .map(|index| comments[index].body.clone())
            .collect();
        there.sort();
        good.sort();
        assert_eq!(there, good, "{bad:?}");
        let texts: Vec<_> = github.reviews(7).iter().map(|r| r["body"].clone()).collect();
        assert_eq!(texts.iter().filter(|text| *text == "The review.").count(), 1, "{texts:?}");
    }
}

#[tokio::test]
async fn a_review_that_is_refused_as_a_whole_is_not_taken_apart() {
    let github = GitHub::start();
    let pull = two_hunks(&github);
    let comments = vec![on(Side::New, 2, 2), on(Side::New, 3, 3)];
    let head = "f".repeat(40);
    let operation = Operation::PostReview { head, body: "b".into(), comments: comments.clone() };
    let error = forge(&github).apply(Some(7), &operation).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Rejected(_)), "{error}");
    assert!(error.to_string().contains("No commit found for SHA"), "{error}");
    assert_eq!(github.calls().len(), 1);
    let error = forge(&github).apply(None, &review(&pull, comments)).await.unwrap_err();
    assert!(matches!(error, ForgeError::Rejected(_)));
}

#[tokio::test]
async fn a_long_review_is_cut() {
    let github = GitHub::start();
    let pull = github.pull(7, |pull| {
        pull.head("a.rs", "x\n".repeat(200));
    });
    let comments: Vec<_> = (1..=130).map(|line| on(Side::New, line, line)).collect();
    let applied = forge(&github).apply(Some(7), &review(&pull, comments)).await.unwrap();
    assert!(matches!(applied, Applied::Done { .. }));
    assert_eq!((github.calls().len(), github.review_comments(7).len()), (3, 130));
    let texts = github.reviews(7).iter().filter(|r| r["body"] == "The review.").count();
    assert_eq!(texts, 1);
}

#[tokio::test]
async fn comments_are_created_and_updated() {
    let github = GitHub::start();
    two_hunks(&github);
    let forge = forge(&github);
    let create = Operation::CreateComment { body: "one".into() };
    let Applied::Done { id: Some(id) } = forge.apply(Some(7), &create).await.unwrap() else {
        panic!("a comment has a number")
    };
    let update = Operation::UpdateComment { id, body: "two".into() };
    assert_eq!(forge.apply(Some(7), &update).await.unwrap(), Applied::Done { id: Some(id) });
    let there = github.comments(7);
    assert_eq!((there.len(), there[0]["body"].as_str()), (1, Some("two")));
    let gone = Operation::UpdateComment { id: 1, body: "two".into() };
    assert!(matches!(forge.apply(Some(7), &gone).await, Err(ForgeError::Denied(_))));
}

#[tokio::test]
async fn annotations_go_in_batches_and_the_last_concludes() {
    for (count, calls) in [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2), (120, 3)] {
        let github = GitHub::start();
        let pull = two_hunks(&github);
        let check = check_content(count);
        let operation = Operation::CreateCheck { head: pull.head.clone(), check };
        forge(&github).apply(Some(7), &operation).await.unwrap();
        assert_eq!(github.calls().len(), calls, "{count}: {:?}", github.calls());
        let there = github.checks();
        assert_eq!(there.len(), 1);
        assert_eq!(there[0]["annotations"].as_array().map_or(0, Vec::len), count);
        assert_eq!(
            (&there[0]["status"], &there[0]["conclusion"]),
            (&"completed".into(), &"failure".into())
        );
        assert!(there[0]["output"]["title"].as_str().unwrap().chars().count() <= 255);
    }
}

#[tokio::test]
async fn a_check_left_behind_is_completed_without_repeating_annotations() {
    for (count, at) in [(120, 1), (120, 2), (51, 1)] {
        let github = GitHub::start();
        let pull = two_hunks(&github);
        let check = check_content(count);
        let forge = forge(&github);
        // As if the run had been killed before its request number `at`.
        github
            .fault(On { nth: Some(at), times: 1, ..On::default() }, Fault::Status(401, &[], "{}"));
        let create = Operation::CreateCheck { head: pull.head.clone(), check: check.clone() };
        forge.apply(Some(7), &create).await.unwrap_err();
        let left = forge.checks(&pull.head).await.unwrap();
        assert!(!left[0].completed);
        let update = Operation::UpdateCheck { id: left[0].id, check: check.clone() };
        forge.apply(Some(7), &update).await.unwrap();
        forge.apply(Some(7), &update).await.unwrap();
        let there = github.checks();
        assert_eq!(there.len(), 1);
        assert_eq!(there[0]["annotations"].as_array().unwrap().len(), count);
        assert_eq!(there[0]["status"], "completed");
    }
}

#[tokio::test]
async fn statuses_are_cut_to_what_github_takes() {
    let github = GitHub::start();
    let pull = two_hunks(&github);
    let description = "é".repeat(200);
    let status = Operation::SetStatus { head: pull.head.clone(), success: false, description };
    forge(&github).apply(None, &status).await.unwrap();
    let there = github.statuses();
    assert_eq!(there[0]["state"], "failure");
    assert_eq!(there[0]["context"], "pipewright");
}

/// Every operation, on a pull request with one thread to resolve.
fn every_operation(pull: &Pull, comment: u64, check: u64, thread: &str) -> Vec<Operation> {
    vec![
        review(pull, vec![on(Side::New, 2, 2), on(Side::New, 3, 3)]),
        Operation::CreateComment { body: "one".into() },
        Operation::UpdateComment { id: comment, body: "two".into() },
        Operation::CreateCheck { head: pull.head.clone(), check: check_content(60) },
        Operation::UpdateCheck { id: check, check: check_content(60) },
        Operation::SetStatus { head: pull.head.clone(), success: true, description: "d".into() },
        Operation::ResolveThread { thread: thread.to_owned() },
    ]
}

#[tokio::test]
async fn a_token_that_may_not_write_is_told_apart() {
    let github = GitHub::start();
    let pull = two_hunks(&github);
    github.token_can_write(false);
    for operation in every_operation(&pull, 1, 1, "x") {
        let error = forge(&github).apply(Some(7), &operation).await.unwrap_err();
        assert!(matches!(&error, ForgeError::Denied(_)), "{operation:?}: {error}");
        assert!(error.to_string().contains("Resource not accessible by integration"), "{error}");
        assert!(!error.to_string().contains("ghs_test"));
    }
}

/// What stands on the pull request, without numbers.
fn posted(github: &GitHub) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    all.extend(github.reviews(7).iter().map(|r| format!("review {}", text(&r["body"]))));
    all.extend(github.review_comments(7).iter().map(|c| format!("inline {}", text(&c["body"]))));
    all.extend(github.comments(7).iter().map(|c| format!("comment {}", text(&c["body"]))));
    all.extend(github.checks().iter().map(|c| {
        let count = c["annotations"].as_array().map_or(0, Vec::len);
        format!("check {} {} {count}", c["status"], c["conclusion"])
    }));
    all.extend(github.threads().iter().map(|t| format!("thread {}", t["isResolved"])));
    let states: std::collections::BTreeSet<String> =
        github.statuses().iter().map(|s| format!("status {}", s["state"])).collect();
    all.extend(states);
    all.sort();
    all
}

/// The operation as the next run plans it: a check that is there is completed.
async fn again(forge: &impl Forge, operation: Operation) -> Operation {
    let Operation::CreateCheck { head, check } = &operation else { return operation };
    let there = forge.checks(head).await.unwrap();
    match there.iter().find(|there| there.external_id == check.external_id) {
        Some(there) => Operation::UpdateCheck { id: there.id, check: check.clone() },
        None => operation,
    }
}

/// How long an answer is kept back where a server stalls.
const LONG: std::time::Duration = std::time::Duration::from_millis(1500);

/// Carry every operation out one after the other, with a fault at the `nth`
/// request; gives what is posted, whether all went well, and the requests made.
async fn with_fault(fault: Option<(usize, Fault)>) -> (Vec<String>, bool, usize) {
    let github = GitHub::start();
    github.trust_answers();
    let pull = two_hunks(&github);
    let (mut config, _) = support::client::config();
    // Only where an answer is kept back on purpose: elsewhere a slow machine
    // would add requests of its own, and the `nth` would be another one.
    if matches!(fault, Some((_, Fault::Stall(_) | Fault::StallAfter(_) | Fault::StallHalfway(_)))) {
        config.stall_timeout = LONG / 3;
    }
    let forge = support::client::forge_with(&github, config);
    let comment = Operation::CreateComment { body: "zero".into() };
    let Ok(Applied::Done { id: Some(comment) }) = forge.apply(Some(7), &comment).await else {
        panic!("no fault yet")
    };
    let first = review(&pull, vec![on(Side::New, 4, 4)]);
    forge.apply(Some(7), &first).await.unwrap();
    let create = Operation::CreateCheck {
        head: pull.head.clone(),
        check: CheckContent { external_id: "left".into(), ..check_content(0) },
    };
    let Ok(Applied::Done { id: Some(check) }) = forge.apply(Some(7), &create).await else {
        panic!("no fault yet")
    };
    let thread = forge.threads(7).await.unwrap()[0].id.clone();
    github.forget_requests();
    if let Some((nth, fault)) = fault {
        github.fault(On::nth(nth), fault);
    }
    let mut well = true;
    for operation in every_operation(&pull, comment, check, &thread) {
        let applied = forge.apply(Some(7), &operation).await;
        well &= matches!(applied, Ok(Applied::Done { .. }));
        // What was refused for a reason that does not pass is tried once more,
        // as the next run would.
        if let Err(ForgeError::Denied(_) | ForgeError::Rejected(_)) = applied {
            let operation = again(&forge, operation).await;
            forge.apply(Some(7), &operation).await.unwrap();
        }
    }
    (posted(&github), well, github.calls().len())
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_whatever_breaks_at_any_request() {
    let (expect, well, requests) = with_fault(None).await;
    assert!(well);
    assert!(requests >= 9, "{requests}");
    let secondary = r#"{"message":"You have exceeded a secondary rate limit. Please wait."}"#;
    let passing = [
        Fault::Status(429, &[("retry-after", "1")], "{}"),
        Fault::Status(429, &[], "{}"),
        Fault::Status(403, &[], secondary),
        Fault::Status(403, &[("retry-after", "30")], secondary),
        Fault::Status(500, &[], r#"{"message":"Server Error"}"#),
        Fault::Html502,
        Fault::Html502After,
        Fault::Reset,
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Stall(LONG),
        Fault::StallAfter(LONG),
        Fault::StallHalfway(LONG),
    ];
    let mut runs = Vec::new();
    for nth in 0..requests {
        for fault in &passing {
            runs.push((nth, fault.clone(), true));
        }
        for status in [401, 404] {
            runs.push((nth, Fault::Status(status, &[], r#"{"message":"No"}"#), false));
        }
    }
    let runs = runs.into_iter().map(|(nth, fault, passes)| {
        let expect = expect.clone();
        async move {
            let (posted, well, _) = with_fault(Some((nth, fault.clone()))).await;
            assert_eq!(well, passes, "request {nth}: {fault:?}");
            assert_eq!(posted, expect, "request {nth}: {fault:?}");
        }
    });
    futures_util::StreamExt::collect::<Vec<()>>(futures_util::StreamExt::buffer_unordered(
        futures_util::stream::iter(runs),
        16,
    ))
    .await;
}

#[tokio::test]
async fn a_secondary_limit_is_waited_out_for_a_minute_or_as_asked() {
    let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    let github = GitHub::start();
    two_hunks(&github);
    let (forge, waits) = forge_noting(&github);
    let twice = On { times: 2, ..On::next("POST", "/comments") };
    github.fault(twice, Fault::Status(403, &[], secondary));
    forge.apply(Some(7), &Operation::CreateComment { body: "x".into() }).await.unwrap();
    let seconds: Vec<u64> = waits.lock().unwrap().iter().map(|wait| wait.as_secs()).collect();
    assert_eq!(seconds, [60, 120]);
    assert_eq!(github.comments(7).len(), 1);
}

#[tokio::test]
async fn a_write_whose_outcome_stays_unknown_is_an_error_that_says_so() {
    let github = GitHub::start();
    two_hunks(&github);
    github.fault(On::every("POST", "/comments"), Fault::ResetAfter);
    github.fault(On::every("GET", "/comments"), Fault::Html502);
    let operation = Operation::CreateComment { body: "x".into() };
    let error = forge(&github).apply(Some(7), &operation).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("whether it arrived is unknown"), "{error}");
    assert_eq!(github.comments(7).len(), 1);
    github.heal();
    github.fault(On::every("POST", "/comments"), Fault::Html502);
    let operation = Operation::CreateComment { body: "y".into() };
    let error = forge(&github).apply(Some(7), &operation).await.unwrap_err();
    assert!(error.to_string().contains("502"), "{error}");
    assert!(
        error.to_string().contains("Bad Gateway") && !error.to_string().contains('<'),
        "{error}"
    );
    assert_eq!(github.comments(7).len(), 1);
}
