//! Events as GitHub sends them, as it might, and as it never would.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::inputs::Env;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const ZERO: &str = "0000000000000000000000000000000000000000";

fn inputs(vars: &[(&str, &str)]) -> Inputs {
    Inputs::gather([], Env::from_vars(vars.iter().copied())).resolve(None).unwrap()
}

fn decide(name: &str, payload: &Value, vars: &[(&str, &str)]) -> Decision {
    let event = parse(name, payload).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let inputs = inputs(vars);
    request_of(&of(&inputs.host, event, Some(payload)), &inputs)
}

/// `review #2 asked by x`, `review a..b`, or why nothing.
fn told(decision: Decision) -> String {
    match decision {
        Decision::Nothing { why } => format!("nothing: {why}"),
        Decision::Talk(Talk { asked, comment }) => {
            format!("{} #{} by {}", asked.command.name(), comment.number, comment.author)
        }
        Decision::Review(request) => {
            let asked = request.asked_by.map(|a| format!(" by {}", a.login)).unwrap_or_default();
            match request.change {
                Requested::PullRequest { number, .. } => format!("review #{number}{asked}"),
                Requested::Range { base, head } => format!("review {base}..{head}{asked}"),
                Requested::Checkout => format!("review checkout{asked}"),
            }
        }
    }
}

fn pull_request() -> Value {
    json!({
        "action": "opened",
        "pull_request": {
            "number": 2, "state": "open", "draft": false, "title": "t", "body": null,
            "user": {"login": "ann"}, "changed_files": 3, "commits": 1,
            "head": {"sha": A, "ref": "topic", "repo": {"full_name": "fork/r"}},
            "base": {"sha": B, "ref": "main", "repo": {"full_name": "o/r"}}
        },
        "sender": {"login": "ann"}
    })
}

fn comment(body: &str) -> Value {
    json!({
        "action": "created",
        "issue": {"number": 2, "state": "open", "pull_request": {"url": "u"}},
        "comment": {
            "id": 7, "body": body, "author_association": "MEMBER",
            "user": {"login": "ann", "type": "User"}
        }
    })
}

fn push() -> Value {
    json!({
        "ref": "refs/heads/topic", "before": A, "after": B, "created": false,
        "deleted": false, "forced": false, "repository": {"default_branch": "main"}
    })
}

/// The payload with one value set, or taken out where it is `null`.
fn with(mut payload: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = payload.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(key);
    } else {
        parent.insert(key.to_owned(), value);
    }
    payload
}

#[test]
fn every_sample_event_is_decided() {
    let shared = std::env::var("PIPEWRIGHT_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let path = std::path::Path::new(&shared).join("specs/webhook-samples.json");
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("SKIPPED: {} is not there", path.display());
        return;
    };
    let samples: Value = serde_json::from_slice(&text).unwrap();
    let samples = samples["samples"].as_object().unwrap();
    let mut reviewed = 0;
    for (name, payload) in samples {
        let event = name.split('.').next().unwrap();
        let told = told(decide(event, payload, &[]));
        let expect = match name.as_str() {
            "pull_request.closed" => "nothing: #2 is closed",
            "pull_request.converted_to_draft" => "nothing: #2 was made a draft",
            "merge_group.checks_requested" => {
                "review 380387fbc80638b734a49e1be1c4dfec1c01b33c..\
                 2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d"
            }
            "push" => "nothing: refs/tags/simple-tag was deleted",
            "workflow_dispatch" => "nothing: the dispatch names no pull request",
            "issue_comment.created" => "nothing: #1 is an issue",
            name if name.starts_with("issue_comment.") => "nothing: ",
            "pull_request_review.submitted" | "pull_request_review_comment.created" => {
                "nothing: the comment does not begin a line"
            }
            name if name.starts_with("pull_request_review_thread.") => "nothing: the event",
            name if name.starts_with("pull_request_review") => "nothing: the comment was",
            name if name.starts_with("pull_request.") => "review #2",
            _ => "nothing: the event",
        };
        assert!(told.starts_with(expect), "{name}: {told}");
        reviewed += usize::from(told.starts_with("review"));
    }
    assert_eq!((samples.len(), reviewed), (36, 13));
}

#[test]
fn pull_requests_are_read_whole() {
    let Event::PullRequest(change) = parse("pull_request", &pull_request()).unwrap() else {
        panic!("not a pull request")
    };
    assert!(change.from_fork && change.open && !change.draft);
    assert_eq!((change.head.sha.as_str(), change.base.sha.as_str()), (A, B));
    assert_eq!((change.changed_files, change.commits), (Some(3), Some(1)));
    assert_eq!(change.body, "");
    for (pointer, value, fork) in [
        ("/pull_request/head/repo", json!({"full_name": "o/r"}), false),
        ("/pull_request/head/repo", Value::Null, true),
    ] {
        let payload = with(pull_request(), pointer, value);
        let Event::PullRequestTarget(change) = parse("pull_request_target", &payload).unwrap()
        else {
            panic!("not a pull request")
        };
        assert_eq!(change.from_fork, fork);
    }
}

#[test]
fn events_ask_for_what_they_mean() {
    let pr = |pointer: &str, value: Value| ("pull_request", with(pull_request(), pointer, value));
    let push = |pointer: &str, value: Value| ("push", with(push(), pointer, value));
    let group = |action: &str| {
        ("merge_group", json!({"action": action, "merge_group": {"base_sha": A, "head_sha": B}}))
    };
    let dispatch = |inputs: Value| ("workflow_dispatch", json!({ "inputs": inputs }));
    let number = [("INPUT_NUMBER", "5")];
    let range = [("INPUT_BASE", "v1"), ("INPUT_HEAD", "v2")];
    for ((name, payload), vars, expect) in [
        (pr("/action", json!("synchronize")), &[][..], "review #2"),
        (pr("/pull_request/draft", json!(true)), &[], "review #2"),
        (pr("/action", json!("closed")), &[], "nothing: #2 was closed"),
        (pr("/pull_request/state", json!("closed")), &[], "nothing: #2 is closed"),
        (push("/forced", json!(true)), &[], &format!("review {A}..{B}")),
        (push("/before", json!(ZERO)), &[], &format!("review main..{B}")),
        (push("/after", json!(ZERO)), &[], "nothing: refs/heads/topic was deleted"),
        (push("/after", json!(A)), &[], "nothing: the push changed nothing"),
        (push("/ref", json!("refs/tags/v1")), &[], "nothing: the tag v1 was pushed"),
        (
            ("push", with(push("/before", json!(ZERO)).1, "/ref", json!("refs/heads/main"))),
            &[],
            "nothing: the first push",
        ),
        (group("checks_requested"), &[], &format!("review {A}..{B}")),
        (group("destroyed"), &[], "nothing: the merge group was only destroyed"),
        (dispatch(json!({"number": "12"})), &[], "review #12"),
        (dispatch(json!({"pull_request": "#12"})), &[], "review #12"),
        (dispatch(json!({"number": ""})), &[], "nothing: the dispatch names no"),
        (dispatch(Value::Null), &number, "review #5"),
        (dispatch(Value::Null), &range, "review v1..v2"),
        (("schedule", json!({"schedule": "0 0 * * *"})), &[], "nothing: the event `schedule`"),
        (("schedule", json!({})), &number, "review #5"),
    ] {
        let told = told(decide(name, &payload, vars));
        assert!(told.starts_with(expect), "{name} {payload}: {told}");
    }
}

#[test]
fn comments_ask_by_people_on_open_pull_requests() {
    let ask = || comment("@pipewright review");
    let on_line = json!({
        "action": "created", "pull_request": {"number": 3, "state": "open"},
        "comment": {"id": 1, "body": "@pipewright review", "user": {"login": "ann"}}
    });
    let in_review = json!({
        "action": "submitted", "pull_request": {"number": 3, "state": "open"},
        "review": {"id": 1, "body": "@pipewright review", "user": {"login": "ann"}}
    });
    let app = json!({"id": 1});
    for (name, payload, expect) in [
        ("issue_comment", ask(), "review #2 by ann"),
        ("pull_request_review_comment", on_line, "review #3 by ann"),
        ("pull_request_review", in_review, "review #3 by ann"),
        ("issue_comment", comment("nice"), "nothing: the comment does not begin"),
        ("issue_comment", comment("@pipewright fly away"), "unknown #2 by ann"),
        ("issue_comment", comment("@pipewright ask why"), "ask #2 by ann"),
        (
            "issue_comment",
            comment("@pipewright approve 0a1b2c3d4e"),
            "nothing: the comment answers a question of `watch`",
        ),
        ("issue_comment", comment("@pipewright approve"), "unknown #2 by ann"),
        (
            "issue_comment",
            comment("@pipewright help\n<!-- pipewright:answer=1 v1 -->"),
            "nothing: the comment carries a mark of ours",
        ),
        (
            "issue_comment",
            with(comment("@pipewright ask why"), "/issue/state", json!("closed")),
            "ask #2 by ann",
        ),
        (
            "issue_comment",
            with(ask(), "/action", json!("edited")),
            "nothing: the comment was edited",
        ),
        ("issue_comment", with(ask(), "/action", json!("deleted")), "nothing: the comment was"),
        ("issue_comment", with(ask(), "/issue/state", json!("closed")), "nothing: #2 is closed"),
        (
            "issue_comment",
            with(ask(), "/issue/pull_request", Value::Null),
            "nothing: #2 is an issue",
        ),
        (
            "issue_comment",
            with(ask(), "/comment/user/type", json!("Bot")),
            "nothing: the comment is by a bot",
        ),
        (
            "issue_comment",
            with(ask(), "/comment/user/login", json!("x[bot]")),
            "nothing: the comment is by a bot",
        ),
        (
            "issue_comment",
            with(ask(), "/comment/performed_via_github_app", app),
            "nothing: the comment is by a bot",
        ),
    ] {
        let told = told(decide(name, &payload, &[]));
        assert!(told.starts_with(expect), "{payload}: {told}");
    }
}

#[test]
fn line_comments_say_where_they_stand() {
    let payload = json!({
        "action": "created", "pull_request": {"number": 3, "state": "open"},
        "comment": {
            "id": 9, "body": "@pipewright", "user": {"login": "ann"}, "path": "src/a.rs",
            "line": null, "original_line": 4, "side": "LEFT", "commit_id": A,
            "in_reply_to_id": 5, "diff_hunk": "@@ -1 +1 @@\n-x"
        }
    });
    let Event::Comment(comment) = parse("pull_request_review_comment", &payload).unwrap() else {
        panic!("not a comment")
    };
    let CommentPlace::Line(place) = comment.at else { panic!("not on a line") };
    let expect = LinePlace {
        path: "src/a.rs".into(),
        line: None,
        original_line: Some(4),
        side: crate::finding::Side::Old,
        commit: Some(A.into()),
        in_reply_to: Some(5),
        diff_hunk: "@@ -1 +1 @@\n-x".into(),
    };
    assert_eq!(*place, expect);
}

#[test]
fn phrases_count_at_the_start_of_a_line_of_ones_own() {
    for (body, expect) in [
        ("@pipewright review", Some("review")),
        ("thanks!\r\n  @Pipewright  Review, please", Some("review please")),
        ("@pipewright", Some("")),
        ("@pipewright: review", Some("review")),
        ("please @pipewright review", None),
        ("@pipewright-bot review", None),
        ("@pipewrights review", None),
        ("> @pipewright review", None),
        ("    @pipewright review", None),
        ("\t@pipewright review", None),
        ("`@pipewright review`", None),
        ("```\n@pipewright review\n```", None),
        ("```sh\n@pipewright review\n", None),
        ("~~~\n```\n@pipewright review\n~~~", None),
        ("````\n```\n@pipewright review\n````", None),
        ("```\nx\n```\n@pipewright review", Some("review")),
        ("``` x ``` y\n@pipewright review", Some("review")),
        ("<!--\n@pipewright review\n-->", None),
        ("<!-- x -->\n@pipewright review", Some("review")),
        ("@pipewrigh", None),
        ("@pipewrigé review", None),
        ("", None),
    ] {
        assert_eq!(asks(body, "@pipewright").map(|w| w.join(" ")).as_deref(), expect, "{body:?}");
    }
    assert_eq!(asks("anything", " "), None);
    assert_eq!(asks(&"é".repeat(LONG), "@pipewright"), None);
}

/// Longer than what is read, and cut inside a character.
const LONG: usize = 200_001;

#[test]
fn a_missing_field_is_named() {
    for (name, payload, pointer, expect) in [
        (
            "pull_request",
            pull_request(),
            "/pull_request/head/sha",
            "`pull_request.head.sha` is missing",
        ),
        (
            "pull_request",
            pull_request(),
            "/pull_request/number",
            "`pull_request.number` is missing",
        ),
        ("issue_comment", comment(""), "/comment/id", "`comment.id` is missing"),
        ("push", push(), "/after", "`after` is missing"),
    ] {
        let error = parse(name, &with(payload, pointer, Value::Null)).unwrap_err();
        assert_eq!(error.to_string(), expect);
    }
    for (pointer, value, expect) in [
        ("/pull_request/number", json!("2"), "`pull_request.number` is not a number"),
        ("/pull_request/head/sha", json!("../../x"), "`pull_request.head.sha` is not a commit"),
        ("/pull_request/state", json!(1), "`pull_request.state` is not text"),
    ] {
        let error = parse("pull_request", &with(pull_request(), pointer, value)).unwrap_err();
        assert_eq!(error.to_string(), expect);
    }
    let wrong = json!({"inputs": {"number": "x"}});
    let error = parse("workflow_dispatch", &wrong).unwrap_err();
    assert_eq!(error.to_string(), "`inputs.number` is not a pull request's number");
}

#[test]
fn the_event_file_is_read_and_its_errors_name_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("event.json");
    let path = file.to_str().unwrap();
    let vars = |name: &'static str| {
        let vars = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", name),
            ("GITHUB_EVENT_PATH", path),
            ("GITHUB_REPOSITORY", "o/r"),
        ];
        inputs(&vars).host
    };
    let error = format!("{:#}", read(&vars("push")).unwrap_err());
    assert!(error.starts_with("cannot read the event /"), "{error}");
    std::fs::write(&file, "{").unwrap();
    assert!(format!("{:#}", read(&vars("push")).unwrap_err()).contains("it is not JSON"));
    std::fs::write(&file, "{}").unwrap();
    let error = format!("{:#}", read(&vars("push")).unwrap_err());
    assert_eq!(error, "cannot read the event `push`: `after` is missing");
    std::fs::write(&file, pull_request().to_string()).unwrap();
    let context = read(&vars("pull_request")).unwrap();
    assert_eq!((context.host, context.actor.as_deref()), (Host::GitHub, Some("ann")));
    assert_eq!(context.repository.as_deref(), Some("o/r"));
    let local = read(&inputs(&[]).host).unwrap();
    assert_eq!((local.host, local.event), (Host::Local, Event::None));
    let error = format!("{:#}", read(&inputs(&[("GITHUB_ACTIONS", "1")]).host).unwrap_err());
    assert_eq!(error, "GITHUB_EVENT_NAME is not set");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(Value::from(A)),
    ];
    let key = prop::sample::select(vec![
        "action",
        "pull_request",
        "issue",
        "comment",
        "head",
        "base",
        "sha",
        "ref",
        "repo",
        "number",
        "state",
        "user",
        "login",
        "inputs",
        "before",
        "after",
        "merge_group",
        "x",
    ]);
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_payload_makes_it_panic(payload in any_json(), event in 0usize..8) {
        let name = [
            "pull_request", "pull_request_target", "issue_comment", "pull_request_review",
            "workflow_dispatch", "merge_group", "push", "else",
        ][event];
        if let Ok(event) = parse(name, &payload) {
            let inputs = inputs(&[]);
            let _ = request_of(&of(&inputs.host, event, Some(&payload)), &inputs);
        }
    }

    #[test]
    fn no_comment_makes_it_panic(body in "(@pipe|wright|[`~> \\t\\n]|<!--|-->|é|\\PC){0,40}") {
        let _ = asks(&body, "@pipewright");
    }

    #[test]
    fn a_quoted_comment_never_asks(body in "(@pipewright review|[`~> ]|x|<!--|-->){0,12}") {
        let quoted: String = body.lines().map(|line| format!("> {line}\n")).collect();
        prop_assert_eq!(asks(&quoted, "@pipewright"), None);
    }
}
