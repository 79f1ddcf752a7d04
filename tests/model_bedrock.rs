//! Bedrock's client against a Bedrock, a token service, container and instance
//! credentials and GitHub's issuer on loopback.

#[path = "support/anthropic.rs"]
mod anthropic;
#[path = "support/aws.rs"]
mod aws;
#[path = "support/cloud.rs"]
mod cloud;
mod local_support;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "a part is used")]
mod server;

use std::time::Duration;

use pipewright::model::bedrock::{Bedrock, Options};
use pipewright::model::{Content, Model, ModelError, Reply as Answer, Stop};
use pipewright::redact::Scrubber;
use serde_json::json;

use aws::{Act, Aws, CLAUDE, NOVA, PROFILE, STATIC, converse_events};
use cloud::{Keys, block_on, chunks, client, event, exception, finding, request, verify_sigv4};
use server::{Request, Wire};

fn ask(model: &Bedrock) -> Result<Answer, ModelError> {
    block_on(model.ask(&request()))
}

fn called(reply: &Answer) -> bool {
    let is_call = |content: &Content| matches!(content, Content::ToolUse { name, input, .. } if name == "report_findings" && input["summary"] == "A change.");
    reply.stop == Stop::ToolUse && reply.content.iter().any(is_call)
}

#[test]
fn claude_is_asked_in_its_own_form_and_answers_by_event_stream() {
    let aws = Aws::start();
    aws.act(Act::Frames(chunks(&finding())));
    let model = aws.signed(CLAUDE);
    let reply = ask(&model).unwrap();
    assert!(called(&reply), "{reply:?}");
    let usage = reply.usage;
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (1_110, 1_000, 20));
    // Sonnet 4.5: 10 at $3, 100 written at $3.75, 1,000 read at $0.30, 20 out at $15.
    assert!((usage.cost_usd - 0.001_005).abs() < 1e-9, "{}", usage.cost_usd);
    assert_eq!(model.name(), format!("bedrock:{CLAUDE}"));
    assert_eq!(model.limits().context, 200_000);
    let sent = &aws.asked()[0];
    assert_eq!(
        sent.path(),
        "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream"
    );
    let body = sent.json();
    assert!(body.get("stream").is_none());
    assert_eq!(body["system"][0]["cache_control"]["type"], "ephemeral");
    assert_eq!(body["messages"][2]["content"][0]["cache_control"]["type"], "ephemeral");
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "report_findings"}));
    assert_eq!(aws.state().wrong, [""; 0]);
}

#[test]
fn other_models_are_asked_through_converse() {
    let aws = Aws::start();
    aws.act(Act::Frames(converse_events()));
    let model = aws.signed(NOVA);
    let reply = ask(&model).unwrap();
    assert!(called(&reply), "{reply:?}");
    let reasoning = json!({"reasoningContent": {"reasoningText":
        {"text": "Hmm.", "signature": "c2ln"}}});
    assert_eq!(reply.content[0], Content::Opaque(reasoning.clone()));
    assert_eq!(reply.content[1], Content::Text { text: "Let me see. é".into(), cache: false });
    let usage = reply.usage;
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (1_110, 1_000, 20));
    let body = aws.asked()[0].json();
    let point = json!({"cachePoint": {"type": "default"}});
    assert_eq!(body["system"], json!([{"text": "Review the change."}, point]));
    assert_eq!(body["messages"][2]["content"][1], point);
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"tool": {"name": "report_findings"}}));

    // The next turn sends the model's own blocks back as they came.
    aws.act(Act::Frames(converse_events()));
    let mut next = request();
    next.messages[1].content.insert(0, reply.content[0].clone());
    block_on(model.ask(&next)).unwrap();
    assert_eq!(aws.asked()[1].json()["messages"][1]["content"][0], reasoning);
    assert_eq!(aws.state().wrong, [""; 0]);
}

#[test]
fn a_model_named_by_an_arn_is_asked_in_its_region_under_one_segment() {
    let aws = Aws::start();
    aws.act(Act::Refuse(
        400,
        "ValidationException",
        "You invoked an unsupported model or your request did not allow prompt caching.",
    ))
    .act(Act::Frames(converse_events()))
    .act(Act::Frames(converse_events()));
    aws.keys();
    // The region of the job is another one; the fake takes signatures for the ARN's only.
    let mut variables = STATIC.to_vec();
    variables.push(("PIPEWRIGHT_AWS_REGION", "us-east-2"));
    let model = aws.model(PROFILE, &variables);
    assert!(called(&ask(&model).unwrap()));
    assert!(called(&ask(&model).unwrap()));
    let asked = aws.asked();
    let path = "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fab12cd34ef56/converse-stream";
    assert!(asked.iter().all(|request| request.path() == path), "{}", asked[0].path());
    let points = |n: usize| asked[n].json().to_string().contains("cachePoint");
    // What was refused once is not tried again.
    assert_eq!((asked.len(), points(0), points(1), points(2)), (3, true, false, false));
}

#[test]
fn a_model_without_tools_in_streams_is_asked_for_a_reply_in_one_piece() {
    let aws = Aws::start();
    let whole = json!({"output": {"message": {"role": "assistant", "content": [
            {"text": "Let me see."},
            {"toolUse": {"toolUseId": "t_1", "name": "report_findings",
                         "input": {"summary": "A change.", "findings": []}}}]}},
        "stopReason": "tool_use", "metrics": {"latencyMs": 1},
        "usage": {"inputTokens": 10, "outputTokens": 20, "totalTokens": 30}});
    aws.act(Act::Refuse(
        400,
        "ValidationException",
        "This model doesn't support tool use in streaming mode.",
    ))
    .act(Act::Json(whole));
    let reply = ask(&aws.signed("meta.llama4-maverick-17b-instruct-v1:0")).unwrap();
    assert!(called(&reply), "{reply:?}");
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (10, 20));
    let asked = aws.asked();
    assert!(asked[1].path().ends_with("/converse"), "{}", asked[1].path());
    assert!(!asked[0].json().to_string().contains("cachePoint"));
}

#[test]
fn a_bearer_key_needs_no_signature() {
    let aws = Aws::start();
    aws.state().bearer = Some("bedrock-api-key-abcdef".into());
    aws.act(Act::Frames(chunks(&finding())));
    let model = aws.model(CLAUDE, &[("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-abcdef")]);
    assert!(called(&ask(&model).unwrap()));
    let wrong = aws.model(CLAUDE, &[("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-other")]);
    let error = ask(&wrong).unwrap_err();
    let ModelError::Denied(error) = &error else { panic!("{error:?}") };
    assert!(format!("{error:#}").contains("AWS_BEARER_TOKEN_BEDROCK"), "{error:#}");
}

#[test]
fn what_was_changed_after_signing_is_noticed() {
    let aws = Aws::start();
    aws.act(Act::Frames(chunks(&finding())));
    let keys = {
        let _ = ask(&aws.signed(CLAUDE)).unwrap();
        aws.state().keys.clone()
    };
    let sent = aws.asked().remove(0);
    let verify = |request: &Request| verify_sigv4(request, &keys, "eu-west-1/bedrock");
    assert_eq!(verify(&sent), Ok(()));
    let tampered: [fn(&mut Request); 6] = [
        |request| request.body[5] ^= 1,
        |request| request.target = request.target.replace("v1%3A0", "v1%3A1"),
        |request| request.target.push_str("?a=b"),
        |request| request.method = "PUT".into(),
        |request| set(request, "host", "elsewhere"),
        |request| set(request, "content-type", "text/plain"),
    ];
    for change in tampered {
        let mut request = sent.clone();
        change(&mut request);
        assert_eq!(verify(&request), Err("the signature does not match".to_owned()));
    }
    let other = vec![Keys { secret: "another".into(), ..keys[0].clone() }];
    assert!(verify_sigv4(&sent, &other, "eu-west-1/bedrock").is_err());
    assert!(verify_sigv4(&sent, &keys, "us-east-1/bedrock").is_err());
}

fn set(request: &mut Request, name: &str, value: &str) {
    for (_, have) in request.headers.iter_mut().filter(|(have, _)| have == name) {
        *have = value.to_owned();
    }
}

const ROLE: (&str, &str) = ("PIPEWRIGHT_AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/review");

fn github(aws: &Aws) -> Vec<(&'static str, String)> {
    let url = format!("{}/oidc?api-version=2.0", aws.server.url);
    vec![
        (ROLE.0, ROLE.1.to_owned()),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "github-request-token".to_owned()),
    ]
}

fn of(aws: &Aws, variables: &[(&'static str, String)]) -> Bedrock {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    aws.model(CLAUDE, &variables)
}

/// How often each path was asked for.
fn count(aws: &Aws, path: &str) -> usize {
    aws.state().log.iter().filter(|request| request.path() == path).count()
}

#[test]
fn githubs_identity_becomes_a_role_whose_keys_are_kept_and_renewed() {
    let aws = Aws::start();
    aws.acts(5, Act::Frames(chunks(&finding())));
    let model = of(&aws, &github(&aws));
    assert!(called(&ask(&model).unwrap()) && called(&ask(&model).unwrap()));
    assert_eq!((count(&aws, "/"), count(&aws, "/oidc")), (1, 1));
    let keys = aws.state().keys[0].clone();
    let scrubbed = Scrubber::new([]);
    for secret in [&keys.secret, keys.token.as_ref().unwrap()] {
        assert_eq!(scrubbed.scrub(&format!("a {secret} b")), "a *** b");
    }
    // Keys that AWS has taken back are replaced at once.
    aws.state().keys.clear();
    assert!(called(&ask(&model).unwrap()));
    assert_eq!((count(&aws, "/"), aws.asked().len()), (2, 4));
    // Keys that are about to expire are replaced before.
    aws.state().life = 2;
    aws.state().keys.clear();
    assert!(called(&ask(&model).unwrap()));
    std::thread::sleep(Duration::from_millis(2_100));
    assert!(called(&ask(&model).unwrap()));
    assert_eq!((count(&aws, "/"), aws.asked().len()), (4, 7));
}

#[test]
fn every_source_of_credentials_is_found() {
    let aws = Aws::start();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let token = cloud::identity_token("sts.amazonaws.com", 9);
    let identity = file("identity", &format!("{token}\n"));
    let container = file("container", "container-token");
    let url = aws.server.url.clone();
    let cases: Vec<(&str, Vec<(&'static str, String)>)> = vec![
        ("/", vec![("AWS_ROLE_ARN", ROLE.1.to_owned()), ("AWS_WEB_IDENTITY_TOKEN_FILE", identity)]),
        ("/", vec![("AWS_ROLE_ARN", ROLE.1.to_owned()), ("GITLAB_OIDC_TOKEN", token)]),
        (
            "/container",
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{url}/container")),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token".to_owned()),
            ],
        ),
        (
            "/container",
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{url}/container")),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", container),
            ],
        ),
        ("/latest/api/token", vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)]),
    ];
    for (path, variables) in cases {
        let before = count(&aws, path);
        aws.act(Act::Frames(chunks(&finding())));
        let reply = ask(&of(&aws, &variables));
        assert!(reply.as_ref().is_ok_and(called), "{variables:?}: {reply:?}");
        assert_eq!(count(&aws, path), before + 1, "{variables:?}");
    }
}

#[test]
fn a_role_that_does_not_trust_the_job_says_what_to_compare() {
    let aws = Aws::start();
    let mut variables = github(&aws);
    variables[0].1 = "arn:aws:iam::123456789012:role/other".to_owned();
    let error = ask(&of(&aws, &variables)).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ModelError::Denied(_)), "{text}");
    assert!(text.contains("trust policy") && text.contains("role/other"), "{text}");
    let mut variables = github(&aws);
    variables[2].1 = "stale".to_owned();
    let text = ask(&of(&aws, &variables)).unwrap_err().to_string();
    assert!(text.contains("id-token: write"), "{text}");
}

#[test]
fn without_credentials_the_error_names_the_ways_to_give_some() {
    let aws = Aws::start();
    let variables = aws.variables(&[("AWS_EC2_METADATA_DISABLED", "true")]);
    let made = Bedrock::new(&client(), &cloud::cloud(variables), Options::new(CLAUDE));
    let text = made.err().unwrap().to_string();
    assert!(text.contains("aws_role_arn") && text.contains("AWS_BEARER_TOKEN_BEDROCK"), "{text}");
    // Nobody listens where the metadata should be: said soon.
    let start = std::time::Instant::now();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let error =
        ask(&aws.model(CLAUDE, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)])).unwrap_err();
    assert!(matches!(error, ModelError::Denied(_)) && start.elapsed() < Duration::from_secs(4));
    assert!(error.to_string().contains("aws_role_arn"), "{error}");
    let no_region = Bedrock::new(
        &client(),
        &cloud::cloud(STATIC.map(|(name, value)| (name, value.to_owned()))),
        Options::new(CLAUDE),
    );
    assert!(no_region.err().unwrap().to_string().contains("AWS_REGION"));
}

#[test]
fn what_passes_is_tried_again() {
    let first: Vec<Vec<u8>> = chunks(&finding()).into_iter().take(4).collect();
    let with = |last: Vec<u8>| Act::Frames(first.iter().cloned().chain([last]).collect());
    let mut corrupt = chunks(&finding());
    corrupt[2][30] ^= 1;
    let half = chunks(&finding());
    let passing: Vec<(&str, Act)> = vec![
        ("429", Act::Refuse(429, "ThrottlingException", "Too many requests")),
        ("not ready", Act::Refuse(429, "ModelNotReadyException", "The model is not ready")),
        ("503", Act::Refuse(503, "ServiceUnavailableException", "")),
        ("500", Act::Refuse(500, "InternalServerException", "")),
        ("424", Act::Refuse(424, "ModelErrorException", "The model failed")),
        ("408", Act::Refuse(408, "ModelTimeoutException", "")),
        ("throttled within", with(exception("throttlingException", "slow down"))),
        ("failed within", with(exception("modelStreamErrorException", "oops"))),
        (
            "an error",
            with(cloud::frame(
                &[
                    (":message-type", "error"),
                    (":error-code", "InternalFailure"),
                    (":error-message", "x"),
                ],
                b"",
            )),
        ),
        (
            "overloaded",
            with(event(
                "chunk",
                &json!({"bytes": "eyJ0eXBlIjoiZXJyb3IiLCJlcnJvciI6eyJ0eXBlIjoib3ZlcmxvYWRlZF9lcnJvciIsIm1lc3NhZ2UiOiJ4In19"}),
            )),
        ),
        ("truncated", Act::Frames(first.clone())),
        ("corrupt", Act::Frames(corrupt)),
        ("broken off", Act::Broken(Wire::Half, half.clone())),
        ("silent", Act::Broken(Wire::HalfThenSilence(Duration::from_secs(2)), half)),
        ("nothing", Act::Broken(Wire::Nothing, Vec::new())),
    ];
    for (what, act) in passing {
        let aws = Aws::start();
        aws.act(act.clone()).act(Act::Frames(chunks(&finding())));
        let reply = ask(&aws.signed(CLAUDE));
        assert!(reply.as_ref().is_ok_and(called), "{what}: {reply:?}");
        assert_eq!(aws.asked().len(), 2, "{what}");
        let aws = Aws::start();
        aws.acts(9, act.clone());
        if what != "silent" {
            let error = ask(&aws.signed(CLAUDE)).unwrap_err();
            assert!(matches!(error, ModelError::Unavailable(_)), "{what}: {error:?}");
        }
    }
}

#[test]
fn what_does_not_pass_is_told_apart() {
    let check = |act: Act, kind: &str, says: &str| {
        let aws = Aws::start();
        aws.act(act);
        let error = ask(&aws.signed(CLAUDE)).unwrap_err();
        let found = match &error {
            ModelError::Denied(_) => "denied",
            ModelError::TooLong(_) => "too long",
            ModelError::Rejected(_) => "rejected",
            ModelError::Unavailable(_) => "unavailable",
            ModelError::Late(_) => "late",
        };
        assert_eq!((found, aws.asked().len()), (kind, 1), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    };
    let denied = "User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModelWithResponseStream";
    check(
        Act::Refuse(403, "AccessDeniedException", denied),
        "denied",
        "must hold and be allowed `bedrock:InvokeModelWithResponseStream`",
    );
    check(Act::Refuse(403, "ExpiredTokenException", "expired"), "denied", "AWS_ACCESS_KEY_ID");
    check(Act::Refuse(404, "ResourceNotFoundException", "no model"), "denied", "no model");
    check(
        Act::Refuse(400, "ValidationException", "Input is too long for requested model."),
        "too long",
        "too long",
    );
    check(Act::Refuse(400, "ValidationException", "messages: bad"), "rejected", "messages: bad");
    let within = vec![exception("validationException", "prompt is too long: 3 > 2")];
    check(Act::Frames(within), "too long", "prompt is too long");
}

#[test]
fn a_review_by_the_binary_with_a_bearer_key_and_with_a_signature() {
    let Some(checkout) = cloud::checkout() else { return };
    let aws = Aws::start();
    aws.state().bearer = Some("bedrock-api-key-abcdef".into());
    aws.keys();
    let bearer = [("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-abcdef")];
    let oidc = github(&aws);
    let oidc: Vec<(&'static str, &str)> = oidc.iter().map(|(n, v)| (*n, v.as_str())).collect();
    for more in [&bearer[..], &STATIC[..], &oidc[..]] {
        aws.acts(4, Act::Frames(chunks(&finding())));
        let variables: Vec<(String, String)> =
            aws.variables(more).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let model = format!("bedrock:{CLAUDE}");
        let output = cloud::review(&checkout.path(), &model, &variables);
        let secrets = [
            "bedrock-api-key-abcdef",
            "static/Secret+Key",
            "session-token-1",
            "github-request-token",
        ];
        cloud::assert_reviewed(&output, &model, &secrets);
        aws.state().acts.clear();
    }
    assert_eq!(aws.state().wrong, [""; 0]);
    assert_eq!(aws.state().issued, 1);
}
