//! Times of past runs, in every form that is read.

use super::*;
use crate::pipeline::Platform;
use crate::pipeline::graph::{At, Job, JobKind, Need, NeedKind, Span, Stage};

/// `name queue+seconds` of each run's jobs, `!` behind what failed.
fn shown(history: &History) -> Vec<String> {
    let job = |job: &JobTime| {
        let mark = if job.succeeded { "" } else { "!" };
        format!("{} {}+{}{mark}", job.name, job.queue, job.seconds)
    };
    let run = |run: &Run| run.jobs.iter().map(job).collect::<Vec<_>>().join(", ");
    history.runs.iter().map(run).collect()
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    assert_eq!(shown(&read(text.as_bytes()).unwrap()), expect);
}

#[track_caller]
fn refused(text: &str, says: &str) {
    let error = format!("{:#}", read(text.as_bytes()).unwrap_err());
    assert!(error.contains(says), "{error}");
}

#[test]
fn our_own_shape_is_read_and_written() {
    let text = r#"{"schema":"pipewright.history/1","runs":[
        {"jobs":[{"name":"build","seconds":60,"queue":5,"steps":[{"name":"npm ci","seconds":20}]}]},
        {"jobs":[{"name":"build","seconds":70.5,"succeeded":false}]}]}"#;
    check(text, &["build 5+60", "build 0+70.5!"]);
    let history = read(text.as_bytes()).unwrap();
    let again = read(write(&history).as_bytes()).unwrap();
    assert_eq!(shown(&history), shown(&again));
    assert_eq!(again.runs[0].jobs[0].steps, [("npm ci".to_owned(), 20.0)]);
    refused(r#"{"schema":"pipewright.history/2","runs":[]}"#, "expected `pipewright.history/1`");
    refused(
        r#"{"schema":"pipewright.history/1","runs":[{"jobs":[{"seconds":1}]}]}"#,
        "missing field `name`",
    );
}

const GITHUB: &str = r#"{"total_count":4,"jobs":[
  {"run_id":11,"name":"build","conclusion":"success","created_at":"2026-01-01T10:00:00Z",
   "started_at":"2026-01-01T10:00:07Z","completed_at":"2026-01-01T10:01:07Z",
   "steps":[{"name":"Run npm ci","started_at":"2026-01-01T10:00:10Z","completed_at":"2026-01-01T10:00:40Z"}]},
  {"run_id":11,"name":"test (18, ubuntu-latest)","conclusion":"failure","created_at":"2026-01-01T10:00:00Z",
   "started_at":"2026-01-01T10:01:10Z","completed_at":"2026-01-01T10:03:10Z","steps":[]},
  {"run_id":11,"name":"deploy","conclusion":"skipped","created_at":"2026-01-01T10:00:00Z",
   "started_at":"2026-01-01T10:03:10Z","completed_at":"2026-01-01T10:03:10Z","steps":[]},
  {"run_id":10,"name":"build","conclusion":"success","created_at":"2025-12-31T10:00:00Z",
   "started_at":"2025-12-31T10:00:02Z","completed_at":"2025-12-31T10:00:52Z","steps":[]}]}"#;

#[test]
fn answers_of_github_are_read_oldest_first() {
    check(GITHUB, &["build 2+50", "build 7+60, test (18, ubuntu-latest) 70+120!"]);
    // As lines, as a list of answers, as a bare list.
    let one = GITHUB.replace('\n', "");
    check(
        &format!("{one}\n{one}\n"),
        &[
            "build 2+50, build 2+50",
            "build 7+60, test (18, ubuntu-latest) 70+120!, build 7+60, test (18, ubuntu-latest) 70+120!",
        ],
    );
    check(&format!("[{one}]"), &["build 2+50", "build 7+60, test (18, ubuntu-latest) 70+120!"]);
    check(
        r#"{"databaseId":5,"jobs":[{"name":"a","conclusion":"success","startedAt":"2026-01-01T10:00:00Z","completedAt":"2026-01-01T10:00:09Z"}]}"#,
        &["a 0+9"],
    );
    // A second attempt is a run of its own.
    check(
        r#"[{"run_id":1,"run_attempt":1,"name":"a","conclusion":"failure","started_at":"2026-01-01T10:00:00Z","completed_at":"2026-01-01T10:00:09Z"},
            {"run_id":1,"run_attempt":2,"name":"a","conclusion":"success","started_at":"2026-01-01T11:00:00Z","completed_at":"2026-01-01T11:00:08Z"}]"#,
        &["a 0+9!", "a 0+8"],
    );
}

#[test]
fn waiting_counts_from_the_end_of_what_a_job_needed() {
    let pipeline = graph(&[("build", &[]), ("test", &[0])]);
    let history = read_for(GITHUB.as_bytes(), Some(&pipeline)).unwrap();
    assert_eq!(shown(&history)[1], "build 7+60, test (18, ubuntu-latest) 3+120!");
}

#[test]
fn a_called_workflow_takes_from_its_first_start_to_its_last_end() {
    check(
        r#"[{"run_id":1,"name":"call / a","conclusion":"success","created_at":"2026-01-01T10:00:00Z","started_at":"2026-01-01T10:00:05Z","completed_at":"2026-01-01T10:01:05Z"},
            {"run_id":1,"name":"call / b","conclusion":"success","created_at":"2026-01-01T10:01:05Z","started_at":"2026-01-01T10:01:15Z","completed_at":"2026-01-01T10:02:05Z"}]"#,
        &["call / a 5+60, call / b 10+50, call 5+120"],
    );
}

#[test]
fn other_hosts_are_told_apart() {
    // GitLab.
    check(
        r#"[{"id":7,"name":"rspec 1/2","stage":"test","status":"success","duration":61.5,"queued_duration":0.25,"started_at":"2026-01-01T10:00:00Z","finished_at":"2026-01-01T10:01:01Z","pipeline":{"id":3}},
            {"id":8,"name":"deploy","stage":"deploy","status":"manual","duration":null,"queued_duration":null,"started_at":null,"pipeline":{"id":3}},
            {"id":9,"name":"lint","stage":"test","status":"failed","duration":4,"queued_duration":1,"started_at":"2026-01-01T10:00:00Z","pipeline":{"id":3}}]"#,
        &["rspec 1/2 0.25+61.5, lint 1+4!"],
    );
    // Azure Pipelines.
    check(
        r#"{"records":[
            {"id":"s","type":"Stage","name":"Build it","identifier":"Build","parentId":null,"result":"succeeded"},
            {"id":"p","type":"Phase","name":"Linux","refName":"Linux","parentId":"s"},
            {"id":"j","type":"Job","name":"Linux py310","parentId":"p","startTime":"2026-01-01T10:00:10Z","finishTime":"2026-01-01T10:01:10Z","result":"succeeded"},
            {"id":"t","type":"Task","name":"npm ci","parentId":"j","startTime":"2026-01-01T10:00:12Z","finishTime":"2026-01-01T10:00:32Z"},
            {"id":"k","type":"Job","name":"Skipped","parentId":"p","startTime":null,"finishTime":null,"result":"skipped"}]}"#,
        &["Build.Linux (py310) 0+60"],
    );
    // Jenkins.
    check(
        r#"{"id":"42","name":"42","status":"SUCCESS","stages":[
            {"id":"1","name":"Build","status":"SUCCESS","startTimeMillis":1700000000000,"durationMillis":61000,"pauseDurationMillis":1000},
            {"id":"2","name":"Deploy","status":"NOT_EXECUTED","startTimeMillis":0,"durationMillis":0,"pauseDurationMillis":0}]}"#,
        &["Build 0+60"],
    );
    // Bitbucket.
    check(
        r#"{"pagelen":10,"values":[{"type":"pipeline_step","name":"Test","state":{"name":"COMPLETED","result":{"name":"FAILED"}},"started_on":"2026-01-01T10:00:00Z","completed_on":"2026-01-01T10:00:30Z","build_seconds_used":60,"pipeline":{"uuid":"{a}"}}]}"#,
        &["Test 0+30!"],
    );
    // Harness.
    check(
        r#"{"status":"SUCCESS","data":{"pipelineExecutionSummary":{"planExecutionId":"x","layoutNodeMap":{
            "a":{"nodeIdentifier":"build","name":"Build","nodeType":"CI","status":"Success","startTs":1700000000000,"endTs":1700000090000},
            "b":{"nodeIdentifier":"par","nodeType":"parallel","status":"Success","startTs":1700000000000,"endTs":1700000090000},
            "c":{"nodeIdentifier":"ship","nodeType":"Deployment","status":"Skipped","startTs":1,"endTs":2}}}}}"#,
        &["build 0+90"],
    );
}

#[test]
fn tables_are_read() {
    check("run,job,seconds\n1,a,5\n1,b,6\n2,a,7\n", &["a 0+5, b 0+6", "a 0+7"]);
    check("job;run;queue;duration\r\n\"x; y\"\"z\";1;2;3\r\n", &["x; y\"z 2+3"]);
    check("run\tjob\tseconds\tconclusion\n1\ta\t5\tfailure\n1\tb\t5\tskipped\n", &["a 0+5!"]);
    refused("run,job,seconds\n1,a,soon\n", "line 2 of the history: `soon` is no number of seconds");
    refused("run,job,seconds\n", "no rows");
    refused("hello\n", "first line is `hello`");
}

#[test]
fn what_is_no_history_is_refused_with_what_was_expected() {
    refused("", "empty");
    refused("{", "not valid JSON");
    refused("{\"a\":1}", "expected a `pipewright.history/1` object");
    refused("[1,2]", "expected a `pipewright.history/1` object");
    refused("{\"jobs\":[]}", "no job that ran to its end");
    assert!(read(&[0xff, 0xfe, 0x00]).is_err());
    // Deep nesting is an error, not a crash.
    refused(&"[".repeat(5_000), "not valid JSON");
}

fn graph(jobs: &[(&str, &[usize])]) -> Pipeline {
    let mut pipeline = Pipeline::new(Platform::GitHub);
    for (id, needs) in jobs {
        let mut job = Job::new(*id, Span::default(), Vec::new());
        let need = |job: &usize| Need {
            job: *job,
            kind: NeedKind::Explicit,
            span: None,
            optional: false,
            artifacts: false,
        };
        job.needs = needs.iter().map(need).collect();
        pipeline.jobs.push(job);
    }
    pipeline
}

#[test]
fn names_of_hosts_find_their_jobs() {
    let mut pipeline = graph(&[
        ("build", &[]),
        ("test", &[]),
        ("unit", &[]),
        ("call", &[]),
        ("Deploy.web", &[]),
        ("rspec", &[]),
        ("test-all", &[]),
    ]);
    let named = |value: &str| Some(At { value: value.to_owned(), span: Span::default() });
    pipeline.jobs[0].name = named("Build it");
    pipeline.jobs[2].name = named("Unit on ${{ matrix.os }} with ${{ matrix.node }}");
    pipeline.jobs[3].kind = JobKind::Call;
    pipeline.stages.push(Stage {
        id: "Deploy".into(),
        needs: Vec::new(),
        explicit: None,
        condition: None,
        span: Span::default(),
        path: Vec::new(),
    });
    pipeline.jobs[4].stage = Some(0);
    pipeline.jobs[4].name = named("Web app");
    let index = names::Index::new(&pipeline);
    for (name, expect) in [
        ("build", Some("build")),
        ("Build it", Some("build")),
        ("build it", Some("build")),
        ("test (18, ubuntu-latest)", Some("test")),
        ("test: [18, a]", Some("test")),
        ("Unit on linux with 18", Some("unit")),
        ("Unit on linux", None),
        ("call / inner", Some("call/")),
        ("call (a) / inner (b)", Some("call/")),
        ("call / x / y", Some("call/")),
        ("test / inner", None),
        ("rspec 1/3", Some("rspec")),
        ("rspec: [a] 1/3", Some("rspec")),
        ("web", Some("Deploy.web")),
        ("Deploy web", Some("Deploy.web")),
        ("Deploy Web app", Some("Deploy.web")),
        ("Test All", Some("test-all")),
        ("unknown", None),
        ("", None),
        ("()", None),
    ] {
        let found = index.find(name);
        let shown = found
            .first()
            .map(|of| format!("{}{}", pipeline.jobs[of.job].id, if of.inner { "/" } else { "" }));
        assert_eq!(shown.as_deref(), expect, "{name}");
    }
}

#[test]
fn copies_are_gathered_and_the_unknown_is_named() {
    let pipeline = graph(&[("build", &[]), ("test", &[0]), ("never", &[])]);
    let history =
        read(b"run,job,seconds\n1,build,5\n1,test (1),6\n1,test (2),9\n1,other,3\n2,other,4\n")
            .unwrap();
    let matched = match_jobs(&pipeline, &history);
    assert_eq!(matched.runs.len(), 1);
    assert_eq!(matched.runs[0].iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!(matched.unmatched.into_iter().collect::<Vec<_>>(), ["other"]);
    assert_eq!(matched.unseen, [2]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(150))]
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80),
        text in "[{}\\[\\],:\"a-z0-9 /()$<+>\n]{0,80}",
    ) {
        let _ = read(&bytes);
        let _ = read(text.as_bytes());
        let pipeline = graph(&[("build", &[]), ("${{ a }} b", &[0])]);
        let _ = names::Index::new(&pipeline).find(&text);
    }
}
