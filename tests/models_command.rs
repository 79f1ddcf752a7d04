//! `pipewright models`: which model each task asks, and whether it answers.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use support::anthropic::{Act, Anthropic, calls, failure};
use support::binary;

const KEY: &str = "sk-ant-very-secret-12345";

fn models(folder: &Path, args: &[&str], vars: &[(&str, &str)]) -> Output {
    let mut command = binary();
    command.current_dir(folder).arg("models").args(args).envs(vars.iter().copied());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The result, held to its schema, with every field named there.
fn report(output: &Output) -> Value {
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/pipewright.models-1.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{json:#}");
    json
}

/// Refuses every field that the schema does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") {
                fields.insert("additionalProperties".into(), Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn nothing_is_asked_without_check() {
    let folder = tempfile::tempdir().unwrap();
    let output = models(folder.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json = report(&output);
    let offline = json!({"model": "offline", "why": "default: no key is given"});
    assert_eq!(json["tasks"][0]["heavy"], offline);
    assert_eq!(json["models"], json!([]));
    let output = models(folder.path(), &["--check"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));

    let output = models(folder.path(), &[], &[("ANTHROPIC_API_KEY", KEY)]);
    let json = report(&output);
    let names: Vec<&Value> =
        json["models"].as_array().unwrap().iter().map(|model| &model["name"]).collect();
    assert_eq!(names, ["anthropic:claude-sonnet-5-5", "anthropic:claude-haiku-5-5"]);
    let heavy = &json["models"][0];
    assert_eq!(heavy["endpoint"], "https://api.anthropic.com/v1/messages");
    assert_eq!((&heavy["price"]["input"], &heavy["context"]), (&json!(2.0), &json!(1_000_000)));
    assert!(heavy["price"]["from"].as_str().unwrap().starts_with("built-in list of 20"));
    assert_eq!((&heavy["structure"], &heavy["tools"]), (&json!("strict-tool"), &json!(true)));
    assert_eq!(heavy["check"], Value::Null);
    assert!(!text(&output.stdout).contains(KEY));
}

#[test]
fn models_are_asked_and_what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Anthropic::start();
    let ready = || calls([("report_ready", json!({"ready": true}))]);
    server.on("claude-opus-5-5", ready());
    server.on("claude-haiku-5-5", failure(401, &[]));
    let prose = json!({"type": "text", "text": "Hello."});
    server.on("claude-sonnet-5-5", Act::Message(vec![prose], "end_turn"));
    let vars = [("ANTHROPIC_API_KEY", KEY), ("ANTHROPIC_BASE_URL", server.url())];
    let args = ["--model", "claude-opus-5-5", "--check"];
    let output = models(folder.path(), &args, &vars);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json = report(&output);
    assert_eq!(json["models"].as_array().map(Vec::len), Some(1), "asked once: {json:#}");
    let check = &json["models"][0]["check"];
    assert_eq!((&check["answers"], &check["problem"]), (&json!(true), &Value::Null));
    assert!(check["input_tokens"].as_u64() > Some(0) && check["cost_usd"].as_f64() > Some(0.0));

    server.on("claude-opus-5-5", ready());
    let args = [
        "--model",
        "claude-opus-5-5",
        "--light-model",
        "claude-haiku-5-5",
        "--fallback-model",
        "claude-sonnet-5-5,command:no-such-program",
        "--check",
        "--format",
        "text",
    ];
    let output = models(folder.path(), &args, &vars);
    let (shown, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{shown}{errors}");
    for expect in [
        "heavy     anthropic:claude-opus-5-5",
        "--light-model",
        "answered in",
        "FAILED after",
        "it answered, but not in the form it was asked for",
        "cannot find the model's command `no-such-program`",
    ] {
        assert!(shown.contains(expect), "{expect}:\n{shown}");
    }
    assert!(errors.contains("cannot be asked") && !errors.contains("claude-opus-5-5"), "{errors}");
    assert!(!shown.contains(KEY) && !errors.contains(KEY));
    assert!(server.violations().is_empty(), "{:?}", server.violations());
}

#[test]
fn a_command_and_its_price_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (bin, work) = (folder.path().join("bin"), folder.path().join("work"));
    std::fs::create_dir(&bin).unwrap();
    std::fs::create_dir(&work).unwrap();
    let script = bin.join("ask");
    std::fs::write(&script, "#!/bin/sh\ncat > /dev/null\necho '{\"ready\": true}'\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let prices = folder.path().join("prices.toml");
    std::fs::write(
        &prices,
        "[[price]]\nmodel = \"command:ask\"\ninput = 3\noutput = 9\ncontext = 50_000\n",
    )
    .unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let args = ["--model", "command:ask --n 1", "--prices", prices.to_str().unwrap(), "--check"];
    let output = models(&work, &args, &[("PATH", &path)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let model = &report(&output)["models"][0];
    assert_eq!(model["name"], "command:ask");
    assert_eq!(model["endpoint"], format!("{} --n 1", script.display()));
    assert_eq!((&model["price"]["input"], &model["context"]), (&json!(3.0), &json!(50_000)));
    assert!(model["price"]["from"].as_str().unwrap().ends_with("prices.toml, line 1"), "{model}");
    assert_eq!((&model["tools"], &model["structure"]), (&json!(false), &json!("instruction")));
    assert_eq!(model["check"]["answers"], true);
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let output = models(folder.path(), &["--help"], &[]);
    let help = text(&output.stdout);
    for expect in ["--check", "command:claude", "[review] model", "Exit codes", "--light-model"] {
        assert!(help.contains(expect), "{expect}: {help}");
    }
}
