//! `pipeline …`, black box: what is printed for people and programs, that diffs apply,
//! that nothing is written unasked, and that errors say what to do.

#[path = "support/stage.rs"]
mod stage;

use std::fs;
use std::process::Command;

use serde_json::Value;
use stage::{Stage, fixture, said};

fn seed(name: &str) -> String {
    fs::read_to_string(fixture(name)).unwrap()
}

const WORKFLOW: &str = ".github/workflows/ci.yml";

fn github() -> Stage {
    Stage::new(&[(WORKFLOW, &seed("github.yml")), ("package-lock.json", "{}"), ("pom.xml", "<x/>")])
}

#[test]
fn without_a_file_every_pipeline_file_of_the_checkout_is_checked() {
    let stage = Stage::new(&[
        (WORKFLOW, &seed("github.yml")),
        ("Jenkinsfile", &seed("Jenkinsfile")),
        ("bitbucket-pipelines.yml", &seed("bitbucket.yml")),
        ("docs/example.yml", "on: push\njobs: {}\n"),
        ("test/fixtures/Jenkinsfile", "node { sh 'x' }"),
    ]);
    let report = stage.json(&["check"], "pipewright.pipeline-check-1.json");
    let files: Vec<(&str, &str, &str)> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let text = |key: &str| file[key].as_str().unwrap();
            (text("path"), text("platform"), text("status"))
        })
        .collect();
    assert_eq!(
        files,
        [
            (WORKFLOW, "github", "read"),
            ("Jenkinsfile", "jenkins", "read"),
            ("bitbucket-pipelines.yml", "bitbucket", "read"),
        ]
    );
    assert!(!report["findings"].as_array().unwrap().is_empty());
    assert_eq!(report["model"], "offline");
}

#[test]
fn a_diff_applies_by_git_and_patch_and_leaves_the_file_alone_until_asked() {
    let stage = github();
    let before = stage.read(WORKFLOW);
    let output = stage.run(&["optimize"]);
    assert!(output.status.success(), "{}", said(&output));
    let diff = String::from_utf8(output.stdout).unwrap();
    assert!(diff.starts_with(&format!("diff --git a/{WORKFLOW} b/{WORKFLOW}\n")), "{diff}");
    assert_eq!(stage.read(WORKFLOW), before, "nothing is written unasked");
    fs::remove_dir_all(stage.path(".git")).unwrap();
    fs::write(stage.path("x.diff"), &diff).unwrap();
    let apply = |program: &str, args: &[&str]| {
        Command::new(program).args(args).current_dir(stage.0.path()).output()
    };
    let mut made = Vec::new();
    for (program, args) in
        [("git", &["apply", "x.diff"][..]), ("patch", &["-F0", "-p1", "-s", "-i", "x.diff"])]
    {
        let Ok(output) = apply(program, args) else {
            eprintln!("SKIPPED: there is no `{program}` here");
            continue;
        };
        assert!(output.status.success(), "{program}: {}", said(&output));
        made.push(stage.read(WORKFLOW));
        fs::write(stage.path(WORKFLOW), &before).unwrap();
    }
    fs::create_dir_all(stage.path(".git")).unwrap();
    let output = stage.run(&["optimize", "--apply"]);
    assert!(output.status.success(), "{}", said(&output));
    let applied = stage.read(WORKFLOW);
    assert_ne!(applied, before);
    assert!(made.iter().all(|text| *text == applied));
    // What is good stays as it is.
    let again = stage.run(&["optimize"]);
    assert!(again.status.success());
    assert_eq!(String::from_utf8_lossy(&again.stdout), "");
}

#[test]
fn line_ends_and_a_missing_last_one_are_kept() {
    let text = seed("github.yml");
    for variant in
        [text.replace('\n', "\r\n"), text.trim_end().to_owned(), format!("\u{feff}{text}")]
    {
        let stage = Stage::new(&[(WORKFLOW, &variant), ("package-lock.json", "{}")]);
        let output = stage.run(&["optimize", "--apply"]);
        assert!(output.status.success(), "{}", said(&output));
        let after = stage.read(WORKFLOW);
        assert_ne!(after, variant);
        assert_eq!(after.contains('\r'), variant.contains('\r'));
        let crlf = after.matches("\r\n").count();
        let expected = if variant.contains('\r') { after.matches('\n').count() } else { 0 };
        assert_eq!(crlf, expected, "no line end is mixed in");
        assert_eq!(after.ends_with('\n'), variant.ends_with('\n'));
        assert_eq!(after.starts_with('\u{feff}'), variant.starts_with('\u{feff}'));
    }
}

#[test]
fn changes_carry_their_rule_their_saving_and_their_proof() {
    let stage = github();
    let report = stage.json(&["optimize"], "pipewright.pipeline-optimize-1.json");
    let file = &report["files"][0];
    let change = file["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["rule"] == "sequential-independent-jobs")
        .expect("the two jobs are independent");
    assert_eq!(change["saving"]["basis"], "estimate");
    let wall: Vec<f64> = change["saving"]["wall_seconds"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    assert!(wall[0] <= wall[1] && wall[1] <= wall[2] && wall[2] > 0.0, "{wall:?}");
    assert!(change["proof"].as_array().unwrap().len() >= 5, "{change:#}");
    assert!(file["diff"].as_str().unwrap().contains("+    needs: [lint, unit]"), "{file:#}");
}

#[test]
fn times_of_past_runs_make_savings_from_history() {
    let stage = github();
    let jobs =
        [("Lint", 60.0), ("Unit tests", 300.0), ("image", 120.0), ("deploy", 60.0), ("scan", 30.0)];
    let runs: Vec<Value> = (0..12)
        .map(|run| {
            let jobs: Vec<Value> = jobs
                .iter()
                .map(|(name, seconds)| {
                    serde_json::json!({"name": name, "queue": 5.0, "seconds": seconds + f64::from(run), "succeeded": true})
                })
                .collect();
            serde_json::json!({"jobs": jobs})
        })
        .collect();
    let history = serde_json::json!({"schema": "pipewright.history/1", "runs": runs});
    fs::write(stage.path("jobs.json"), history.to_string()).unwrap();
    let report =
        stage.json(&["optimize", "--history", "jobs.json"], "pipewright.pipeline-optimize-1.json");
    let changes = report["files"][0]["changes"].as_array().unwrap();
    let parallel =
        changes.iter().find(|change| change["rule"] == "sequential-independent-jobs").unwrap();
    assert_eq!(parallel["saving"]["basis"], "history");
    // Lint's minute and its queue are hidden behind the tests.
    let middle = parallel["saving"]["wall_seconds"][1].as_f64().unwrap();
    assert!((50.0..90.0).contains(&middle), "{middle}");
    let limit = changes.iter().find(|change| change["rule"] == "missing-timeout").unwrap();
    assert!(limit["proof"][0].as_str().unwrap().contains("95th"), "{limit:#}");
}

#[test]
fn a_remark_puts_a_rule_aside_for_its_line() {
    let text = seed("github.yml")
        .replace("  lint:\n", "  lint: # pipewright: ignore[missing-timeout] short\n");
    let stage = Stage::new(&[(WORKFLOW, &text)]);
    let report = stage.json(&["check"], "pipewright.pipeline-check-1.json");
    let timeouts: Vec<u64> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["source"] == "rule:missing-timeout")
        .filter_map(|finding| finding["line"].as_u64())
        .collect();
    assert_eq!(timeouts.len(), 4, "{timeouts:?}");
}

#[test]
fn check_speaks_every_form_and_fails_where_it_is_told_to() {
    let stage = github();
    let text = stage.run(&["check", "--format", "text", "--color", "never"]);
    let shown = said(&text);
    assert!(shown.contains("missing-timeout") && shown.contains("> "), "{shown}");
    let sarif: Value =
        serde_json::from_slice(&stage.run(&["check", "--format", "sarif"]).stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());
    let commands = said(&stage.run(&["check", "--format", "github"]));
    assert!(commands.contains("::notice file=.github/workflows/ci.yml,line="), "{commands}");
    assert_eq!(stage.run(&["check", "--fail-on", "info"]).status.code(), Some(1));
    assert_eq!(stage.run(&["check", "--fail-on", "none"]).status.code(), Some(0));
}

#[test]
fn a_graph_is_drawn_with_its_critical_path() {
    let stage = github();
    let mermaid = said(&stage.run(&["graph"]));
    assert!(mermaid.starts_with("flowchart"), "{mermaid}");
    let dot = said(&stage.run(&["graph", "--as", "dot"]));
    assert!(dot.contains("digraph"), "{dot}");
    let svg = stage.run(&["graph", "--as", "svg", "--after", WORKFLOW]);
    let svg = String::from_utf8(svg.stdout).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    let report = stage.json(&["graph"], "pipewright.pipeline-graph-1.json");
    let path: Vec<&str> = report["files"][0]["critical_paths"][0]["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(path, ["lint", "unit", "image", "deploy", "scan"]);
}

#[test]
fn a_file_is_generated_and_converted_for_every_platform() {
    let platforms = ["github", "gitlab", "azure", "jenkins", "bitbucket", "harness"];
    let stage = Stage::new(&[
        ("package.json", "{\"scripts\": {\"test\": \"jest\", \"lint\": \"eslint .\"}}"),
        ("package-lock.json", "{}"),
        ("Dockerfile", "FROM node:22\n"),
        ("source.yml", &seed("github.yml")),
    ]);
    for platform in platforms {
        let wish = "test on pull requests, build the image, deploy to staging, then production after approval";
        let made = stage
            .json(&["generate", "--platform", platform, wish], "pipewright.pipeline-file-1.json");
        let content = made["content"].as_str().unwrap();
        assert!(content.contains("npm ci"), "{platform}: {content}");
        let name = format!("generated.{platform}");
        fs::write(stage.path(&name), content).unwrap();
        let report = stage.json(
            &["check", "--platform", platform, "--fail-on", "none", &name],
            "pipewright.pipeline-check-1.json",
        );
        assert_eq!(report["files"][0]["status"], "read", "{platform}");
        let broken: Vec<&Value> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["category"] == "validity")
            .collect();
        assert!(broken.is_empty(), "{platform}: {broken:#?}");
        if platform == "github" {
            continue;
        }
        let made = stage.json(
            &["convert", "--platform", "github", "--to", platform, "source.yml"],
            "pipewright.pipeline-file-1.json",
        );
        assert!(
            made["content"].as_str().unwrap().contains("mvn -B verify"),
            "{platform}: {made:#}"
        );
    }
}

#[test]
fn errors_say_what_is_wrong_and_what_to_do() {
    let stage = Stage::new(&[("notes.txt", "hello\n"), ("broken.gitlab-ci.yml", "a: [1\nb: 2\n")]);
    for (args, code, words) in [
        (&["check", "nowhere.yml"][..], 2, "cannot read nowhere.yml"),
        (&["check"], 2, "broken"),
        (&["generate", "test it"], 2, "--platform"),
        (&["convert", "--to", "gitlab", "notes.txt"], 2, "--platform"),
        (&["rules", "missing-timeuot"], 2, "did you mean `missing-timeout`"),
        (&["optimize", "--history", "none.json"], 2, "none.json"),
        (&["optimize", "--format", "sarif"], 2, "pipeline check"),
    ] {
        let output = stage.run(args);
        if args == ["check"] {
            // A broken file is a finding, not an error of ours.
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            continue;
        }
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
    let empty = Stage::new(&[]);
    let output = empty.run(&["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("no pipeline file"), "{}", said(&output));
}

#[test]
fn every_rule_is_explained() {
    let stage = Stage::new(&[]);
    let list = said(&stage.run(&["rules"]));
    let slugs: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(slugs.len() >= 20, "{list}");
    for slug in slugs {
        let page = stage.run(&["rules", slug]);
        assert!(page.status.success());
        assert!(said(&page).starts_with(&format!("# {slug}\n")), "{}", said(&page));
    }
}
