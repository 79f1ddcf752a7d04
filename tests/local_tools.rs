//! What the model's tools answer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pipewright::checkout::Checkout;
use pipewright::model::converse::ToolHost as _;
use pipewright::task::review::tools::{BaseFiles, Tools, specs};
use serde_json::{Value, json};

#[derive(Default)]
struct Base {
    asked: AtomicUsize,
    paths: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl BaseFiles for Base {
    async fn base_file(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        // As from a host: others may ask meanwhile.
        tokio::task::yield_now().await;
        self.paths.lock().expect("lock").push(path.to_owned());
        match path {
            "old.rs" => Ok(Some(b"before\n".to_vec())),
            "broken" => anyhow::bail!("token=hunter2 was refused"),
            _ => Ok(None),
        }
    }
}

struct Fixture {
    _folder: tempfile::TempDir,
    base: &'static Base,
    tools: Tools<'static>,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().expect("folder");
    let write = |path: &str, content: &[u8]| {
        let full = folder.path().join(path);
        std::fs::create_dir_all(full.parent().expect("parent")).expect("folder");
        std::fs::write(full, content).expect("file");
    };
    write("src/a.rs", b"one\ntwo\r\nthree hunter2");
    write("empty", b"");
    write("bin", b"a\0b");
    write(".env", b"KEY=hunter2");
    let long: String = (1..=950).map(|n| format!("line {n}\n")).collect();
    write("long.txt", long.as_bytes());
    write("wide.txt", format!("{}\nnext\n", "é".repeat(5000)).as_bytes());
    let many: String = (0..300).map(|n| format!("match {n} {}\n", "y".repeat(150))).collect();
    write("many.txt", many.as_bytes());
    for n in 0..900 {
        write(&format!("files/{n:03}"), b"");
    }
    // Tools borrow their surroundings; a test's may live as long as the process.
    let base: &'static Base = Box::leak(Box::default());
    let checkout = Checkout::new(folder.path()).expect("checkout");
    let tools = Tools::new(checkout, base, &|text: &str| text.replace("hunter2", "***"));
    Fixture { _folder: folder, base, tools }
}

async fn text(fixture: &Fixture, name: &str, input: Value) -> String {
    let outcome = fixture.tools.call(name, &input).await;
    assert!(!outcome.is_error, "{name} {input}: {}", outcome.text);
    outcome.text
}

async fn error(fixture: &Fixture, name: &str, input: Value) -> String {
    let outcome = fixture.tools.call(name, &input).await;
    assert!(outcome.is_error, "{name} {input}: {}", outcome.text);
    outcome.text
}

#[tokio::test]
async fn files_are_read_with_line_numbers_and_without_secrets() {
    let f = fixture();
    assert_eq!(
        text(&f, "read_file", json!({ "path": "src/a.rs" })).await,
        "src/a.rs, lines 1-3 of 3\n    1  one\n    2  two\n    3  three ***\n"
    );
    assert_eq!(
        text(&f, "read_file", json!({ "path": "src/a.rs", "start_line": 2, "end_line": "2" }))
            .await,
        "src/a.rs, lines 2-2 of 3\n    2  two\n"
    );
    let beyond = json!({ "path": "src/a.rs", "start_line": 3, "end_line": 90 });
    assert!(text(&f, "read_file", beyond).await.starts_with("src/a.rs, lines 3-3 of 3\n"));
    assert_eq!(text(&f, "read_file", json!({ "path": "empty" })).await, "`empty` is empty");
    assert!(
        text(&f, "read_file", json!({ "path": "bin" })).await.contains("binary file of 3 bytes")
    );
}

#[tokio::test]
async fn long_answers_are_cut_and_say_how_to_go_on() {
    let f = fixture();
    let first = text(&f, "read_file", json!({ "path": "long.txt" })).await;
    assert!(first.starts_with("long.txt, lines 1-200 of 950\n    1  line 1\n"), "{first}");
    assert!(first.ends_with("… truncated: ask for lines 201-950 with start_line 201\n"), "{first}");
    let input = json!({ "path": "long.txt", "start_line": 901 });
    assert!(text(&f, "read_file", input).await.ends_with("  950  line 950\n"));
    let wide = text(&f, "read_file", json!({ "path": "wide.txt" })).await;
    assert!(wide.len() < 2000 && wide.contains("… line cut\n    2  next\n"), "{wide}");
    let found = text(&f, "search", json!({ "pattern": "match" })).await;
    assert!(found.len() < 18_000 && found.contains("… truncated"), "{}", found.len());
    let listed = text(&f, "list_files", json!({ "dir": "files" })).await;
    assert_eq!(listed.lines().count(), 401);
    assert!(listed.ends_with("see the rest\n"));
}

#[tokio::test]
async fn searches_and_lists_answer_in_lines() {
    let f = fixture();
    assert_eq!(
        text(&f, "search", json!({ "pattern": "t(wo|hree)", "glob": "*.rs" })).await,
        "src/a.rs:2: two\nsrc/a.rs:3: three ***\n"
    );
    assert_eq!(
        text(&f, "search", json!({ "pattern": "nowhere", "glob": "src/**" })).await,
        "no line matches in 1 files; hidden and ignored files are not searched"
    );
    assert_eq!(text(&f, "list_files", json!({ "glob": "*.rs" })).await, "src/a.rs\n");
    assert_eq!(
        text(&f, "list_files", json!({ "dir": "src", "glob": "*.md" })).await,
        "no files match"
    );
    assert!(text(&f, "list_files", Value::Null).await.starts_with("bin\nempty\n"));
}

#[tokio::test]
async fn the_base_is_asked_by_plain_paths_only() {
    let f = fixture();
    let input = json!({ "path": "./old.rs" });
    assert_eq!(text(&f, "show_base", input).await, "old.rs, lines 1-1 of 1\n    1  before\n");
    assert!(error(&f, "show_base", json!({ "path": "new.rs" })).await.contains("did not exist"));
    let broken = error(&f, "show_base", json!({ "path": "broken" })).await;
    assert!(!broken.contains("hunter2") && !broken.contains("token"), "{broken}");
    for path in ["../x", ".env", ".git/config", "/etc/passwd", "a\\b"] {
        error(&f, "show_base", json!({ "path": path })).await;
    }
    assert_eq!(*f.base.paths.lock().expect("lock"), ["old.rs", "new.rs", "broken"]);
}

#[tokio::test]
async fn a_call_made_twice_is_answered_from_memory() {
    let f = fixture();
    let input = json!({ "path": "old.rs" });
    let first = text(&f, "show_base", input.clone()).await;
    let second = text(&f, "show_base", json!({ "path": "old.rs", "end_line": null })).await;
    assert_eq!(second, first);
    assert_eq!(f.base.asked.load(Ordering::Relaxed), 1);
    error(&f, "read_file", json!({ "path": "none" })).await;
    assert!(!error(&f, "read_file", json!({ "path": "none" })).await.is_empty());
}

#[tokio::test]
async fn equal_calls_at_the_same_moment_are_answered_once() {
    let f = fixture();
    let input = json!({ "path": "old.rs" });
    let calls = (0..8).map(|_| f.tools.call("show_base", &input));
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(
        outcomes.iter().all(|outcome| outcome.text == "old.rs, lines 1-1 of 1\n    1  before\n")
    );
    assert_eq!(f.base.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn wrong_calls_are_told_what_is_expected() {
    let f = fixture();
    let cases = [
        (
            "bash",
            json!({ "command": "ls" }),
            "read_file, search, list_files, show_base and history",
        ),
        ("", json!({}), "there is no such tool"),
        ("read_file", json!({}), "`path` is missing; read_file takes {\"path\": string"),
        ("read_file", json!({ "path": "" }), "`path` is missing"),
        ("read_file", json!({ "path": 7 }), "`path` is not a string"),
        ("read_file", json!("src/a.rs"), "the input is not an object"),
        ("read_file", json!(["src/a.rs"]), "the input is not an object"),
        ("read_file", json!({ "path": "src/a.rs", "lines": 3 }), "there is no field `lines`"),
        ("read_file", json!({ "path": "src/a.rs", "start_line": 0 }), "`start_line` is not a line"),
        (
            "read_file",
            json!({ "path": "src/a.rs", "start_line": -1 }),
            "`start_line` is not a line",
        ),
        ("read_file", json!({ "path": "src/a.rs", "end_line": 1.5 }), "`end_line` is not a line"),
        ("read_file", json!({ "path": "a", "start_line": 3, "end_line": 2 }), "beyond end_line 2"),
        ("read_file", json!({ "path": "src/a.rs", "start_line": 4 }), "has only 3 lines"),
        ("read_file", json!({ "path": ".env" }), "may hold credentials"),
        ("read_file", json!({ "path": "../hunter2" }), "cannot read `../***`"),
        ("read_file", json!({ "path": "src" }), "list it instead"),
        ("search", json!({}), "`pattern` is missing"),
        ("search", json!({ "pattern": "(" }), "cannot use the pattern"),
        ("search", json!({ "pattern": "(?=x)" }), "look-around"),
        ("search", json!({ "pattern": "x", "glob": "[" }), "cannot use the glob"),
        ("list_files", json!({ "path": "src" }), "there is no field `path`"),
        ("list_files", json!({ "dir": ".." }), "plain relative paths"),
    ];
    for (name, input, expect) in cases {
        let text = error(&f, name, input.clone()).await;
        assert!(text.contains(expect), "{name} {input}: {text}");
    }
}

#[test]
fn the_tools_are_described_by_schemas_that_their_calls_keep() {
    let tools = specs();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["read_file", "search", "list_files", "show_base", "history"]);
    for tool in &tools {
        assert!(tool.description.len() > 40 && tool.description.len() < 500, "{}", tool.name);
        let validator = jsonschema::validator_for(&tool.input_schema).expect("a schema");
        assert!(!validator.is_valid(&json!({ "unknown": 1 })), "{}", tool.name);
    }
    let valid = |index: usize, input: Value| {
        let schema: &Value = &tools[index].input_schema;
        jsonschema::validator_for(schema).expect("a schema").is_valid(&input)
    };
    assert!(valid(0, json!({ "path": "a", "start_line": 1, "end_line": 2 })));
    assert!(!valid(0, json!({ "path": "a", "start_line": 0 })));
    assert!(valid(1, json!({ "pattern": "x", "glob": "*.rs" })) && !valid(1, json!({})));
    assert!(valid(2, json!({})) && valid(3, json!({ "path": "a" })));
}
