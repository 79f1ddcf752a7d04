//! A review in several jobs gives what one job gives, byte for byte.

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};

use support::anthropic::{Anthropic, answer, failure, finding, verdict};
use support::event::{self, Job};
use support::github::GitHub;

const FILES: usize = 12;

/// Twelve files of 45 kB: several parts.
fn world() -> GitHub {
    let github = GitHub::start();
    github.pull(7, |pull| {
        for file in 0..FILES {
            let mut text = format!("package p{file}\n");
            for line in 0..700 {
                text.push_str(&format!(
                    "func F{line}of{file}(v int) error {{ mu.Lock(); return store({line}, v) }}\n"
                ));
            }
            pull.head(&format!("pkg/p{file:02}.go"), &text);
        }
    });
    github
}

fn model() -> Anthropic {
    let model = Anthropic::start();
    model.uncached();
    for file in 0..FILES {
        let path = format!("pkg/p{file:02}.go");
        let quote = |line: usize| {
            format!("func F{line}of{file}(v int) error {{ mu.Lock(); return store({line}, v) }}")
        };
        let titles = ["Never unlocks", "Stores twice", "Ignores the sign"];
        let found: Vec<Value> = titles
            .iter()
            .enumerate()
            .map(|(nth, title)| finding(&path, 0, &quote(100 * (nth + 1)), title))
            .collect();
        // A part holds several files; the first of them that it names decides.
        model.always(&format!("=== {path}"), answer(json!(found)));
    }
    for _ in 0..200 {
        model.judge("Stores twice", verdict("refuted", 0.1));
    }
    model
}

struct Ran {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
    job: Job,
}

fn run(github: &GitHub, model: &Anthropic, args: &[&str], more: &[(&str, &str)]) -> Ran {
    let event = event::pull_request(github, 7, "opened");
    let mut job = Job::new(github, "pull_request", &event)
        .set("ANTHROPIC_API_KEY", "sk-test-key-0123456789")
        .set("ANTHROPIC_BASE_URL", model.url())
        .set("PIPEWRIGHT_MAX_COST_USD", "500");
    for (name, value) in more {
        job = job.set(name, value);
    }
    let output = job.command().args(args).output().expect("the binary starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        job,
    }
}

fn shards(
    github: &GitHub,
    model: &Anthropic,
    folder: &tempfile::TempDir,
    of: usize,
) -> Vec<PathBuf> {
    (1..=of)
        .map(|number| {
            let path = folder.path().join(format!("shard-{number}.json"));
            let shard = format!("{number}/{of}");
            let file = path.to_string_lossy().into_owned();
            let ran =
                run(github, model, &["review", "--shard", &shard, "--shard-file", &file], &[]);
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            path
        })
        .collect()
}

fn merge(github: &GitHub, model: &Anthropic, files: &[PathBuf], more: &[(&str, &str)]) -> Ran {
    let mut args = vec!["merge".to_owned()];
    args.extend(files.iter().map(|file| file.to_string_lossy().into_owned()));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    run(github, model, &args, more)
}

#[test]
fn sharded_and_whole_give_the_same_bytes_and_the_same_posts() {
    let (one, other) = (world(), world());
    let model = model();
    let whole = run(&one, &model, &["review"], &[]);
    let report: Value = serde_json::from_slice(&whole.stdout).expect(&whole.stderr);
    assert!(report["findings"].as_array().is_some_and(|found| found.len() > 4), "{report}");
    assert!(report["dropped"].to_string().contains("refuted"));
    for of in [1, 3, 4] {
        let other = if of == 3 { &other } else { &world() };
        let folder = tempfile::tempdir().expect("a folder");
        let files = shards(other, &model, &folder, of);
        // GraphQL only reads here: no thread is there to be resolved.
        let reads = |call: &String| call.starts_with("GET") || call.contains("graphql");
        assert!(other.calls().iter().all(reads), "shards post nothing: {:?}", other.calls());
        let merged = merge(other, &model, &files, &[]);
        assert_eq!(merged.code, whole.code, "{}", merged.stderr);
        let merged = String::from_utf8_lossy(&merged.stdout).into_owned();
        assert_eq!(merged, String::from_utf8_lossy(&whole.stdout), "in {of} shards");
        assert_eq!(other.comments(7)[0]["body"], one.comments(7)[0]["body"], "in {of} shards");
        assert_eq!(other.review_comments(7).len(), one.review_comments(7).len());
    }
    assert_eq!(model.violations(), Vec::<String>::new());
}

#[test]
fn merging_needs_no_key() {
    let github = world();
    let model = model();
    let folder = tempfile::tempdir().expect("a folder");
    let files = shards(&github, &model, &folder, 2);
    let asked = model.requests().len();
    let merged = merge(&github, &model, &files, &[("ANTHROPIC_API_KEY", "")]);
    assert_eq!(merged.code, 1, "{}", merged.stderr);
    assert_eq!(model.requests().len(), asked);
    let report: Value = serde_json::from_slice(&merged.stdout).expect("a report");
    assert_eq!(report["model"], "anthropic:claude-sonnet-5-5");
}

#[test]
fn a_shard_that_left_no_file_is_told_and_the_rest_is_posted() {
    let github = world();
    let model = model();
    let folder = tempfile::tempdir().expect("a folder");
    let files = shards(&github, &model, &folder, 3);
    let merged = merge(&github, &model, &files[..2], &[]);
    let report: Value = serde_json::from_slice(&merged.stdout).expect("a report");
    assert_eq!(merged.code, 1, "what was found still fails: {}", merged.stderr);
    let notes = report["notes"].to_string();
    assert!(notes.contains("parts were not read: their shards left no file"), "{notes}");
    assert!(report["coverage"]["skipped"].as_array().is_some_and(|skipped| !skipped.is_empty()));
    assert!(report["findings"].as_array().is_some_and(|found| !found.is_empty()));
    assert_eq!(github.comments(7).len(), 1);
}

#[test]
fn files_of_another_run_are_refused() {
    let (github, other) = (world(), GitHub::start());
    other.pull(7, |pull| {
        pull.head("a.go", "package a\n\nfunc A() {}\n");
    });
    let model = model();
    model.always("", answer(json!([])));
    let folder = tempfile::tempdir().expect("a folder");
    let files = shards(&github, &model, &folder, 2);
    let check = |github: &GitHub, files: &[PathBuf], expect: &str| {
        let merged = merge(github, &model, files, &[]);
        assert_eq!(merged.code, 2, "{}", merged.stderr);
        assert!(merged.stderr.contains(expect), "{}", merged.stderr);
    };
    check(&other, &files, "another state of the change");
    check(&github, &[files[0].clone(), files[0].clone()], "a second file of shard 1");
    let broken = folder.path().join("broken.json");
    std::fs::write(&broken, "{}").expect("written");
    check(&github, &[broken], "as the file of a shard");
    check(&github, &[], "name the files");
}

#[test]
fn the_plan_says_how_many_jobs_the_change_is_worth() {
    let github = world();
    let model = Anthropic::start();
    let ran = run(&github, &model, &["review", "--plan"], &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan: Value = serde_json::from_slice(&ran.stdout).expect("a plan");
    assert_eq!(plan["schema"], "pipewright.review-plan/1");
    assert_eq!(plan["shards"], 1);
    assert!(plan["parts"].as_u64().is_some_and(|parts| parts > 2), "{plan}");
    let ran = run(&github, &model, &["review", "--plan", "--shards", "3"], &[]);
    let outputs = ran.job.outputs();
    let matrix = r#"{"shard":["1/3","2/3","3/3"]}"#;
    assert!(outputs.contains(&("matrix".into(), matrix.into())), "{outputs:?}");
    assert_eq!(model.requests().len(), 0);
}

#[test]
fn shards_hold_the_caps_together() {
    let github = world();
    let model = Anthropic::start();
    model.uncached().always("", answer(json!([])));
    let folder = tempfile::tempdir().expect("a folder");
    let files: Vec<PathBuf> = (1..=3)
        .map(|number| {
            let path = folder.path().join(format!("{number}.json"));
            let shard = format!("{number}/3");
            let file = path.to_string_lossy().into_owned();
            let cap = [("PIPEWRIGHT_MAX_TOKENS", "180000")];
            run(&github, &model, &["review", "--shard", &shard, "--shard-file", &file], &cap);
            path
        })
        .collect();
    let merged = merge(&github, &model, &files, &[]);
    let report: Value = serde_json::from_slice(&merged.stdout).expect("a report");
    let used = report["usage"]["input_tokens"].as_u64().unwrap_or_default()
        + report["usage"]["output_tokens"].as_u64().unwrap_or_default();
    assert!(used > 30_000 && used <= 180_000, "{used}");
    assert!(report["notes"].to_string().contains("max_tokens"), "{}", report["notes"]);
}

#[test]
fn a_shard_whose_model_fails_leaves_that_to_the_merge() {
    let github = world();
    let model = Anthropic::start();
    model.always("", failure(401, &[]));
    let folder = tempfile::tempdir().expect("a folder");
    let files = shards(&github, &model, &folder, 2);
    let merged = merge(&github, &model, &files, &[]);
    assert_eq!(merged.code, 4, "{}", merged.stderr);
    assert_eq!(github.comments(7).len(), 1, "what rules say is posted");
}
