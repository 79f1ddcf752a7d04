//! The examples of `docs/verify`: each keeps to its tool's own form, and everything of
//! ours in it exists. `fixtures/plug_in/kinds.json` holds the part of Argo Rollouts'
//! and Flagger's resources that the examples use, closed: an unknown field is an error,
//! because the cluster would drop it silently.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pipewright::inputs::{INPUTS, command};
use pipewright::pipeline::yaml::{self, Plain};
use regex::Regex;
use serde_json::{Map, Value, json};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(docs().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every example, as its path below `docs/verify`.
fn examples() -> Vec<String> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(docs()).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            found.push(path.strip_prefix(docs()).unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    assert!(found.len() >= 14, "{found:?}");
    found
}

fn plain(value: Plain) -> Value {
    match value {
        Plain::Null => Value::Null,
        Plain::Bool(value) => value.into(),
        Plain::Int(value) => value.into(),
        Plain::Float(text) => text.parse::<f64>().map(Value::from).unwrap_or_default(),
        Plain::Text(text) => text.into(),
        Plain::Seq(items) => items.into_iter().map(plain).collect(),
        Plain::Map(entries) => entries
            .into_iter()
            .map(|(key, value)| (key, plain(value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

fn documents(path: &str) -> Vec<Value> {
    let text = read(path);
    if path.ends_with(".json") {
        return vec![serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}"))];
    }
    let tree = yaml::parse(&text).unwrap_or_else(|why| panic!("{path}: {why:?}"));
    tree.roots().iter().map(|root| plain(tree.plain(*root))).collect()
}

/// Whether a name is an input, or one of its variables.
fn is_input(name: &str) -> bool {
    let name = name.strip_suffix("_FILE").unwrap_or(name);
    INPUTS.iter().any(|input| {
        input.name == name
            || name
                .strip_prefix("PIPEWRIGHT_")
                .is_some_and(|rest| rest == input.name.to_uppercase())
            || input.variables.contains(&name)
    })
}

#[test]
fn every_example_is_on_the_page_and_every_link_leads_somewhere() {
    let pages = ["plug-in.md", "serve.md"].map(read).concat();
    for path in examples() {
        assert!(pages.contains(&format!("({path})")), "{path} is on no page");
    }
    let links = Regex::new(r"\]\(([^)#\s]+)(#[^)]*)?\)").unwrap();
    for link in links.captures_iter(&pages) {
        let target = &link[1];
        assert!(target.starts_with("https://") || docs().join(target).exists(), "{target}");
    }
}

#[test]
fn resources_of_argo_and_flagger_have_only_fields_that_there_are() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plug_in/kinds.json");
    let kinds: Value = serde_json::from_str(&std::fs::read_to_string(fixture).unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    for path in examples() {
        if !path.starts_with("argo-rollouts/") && !path.starts_with("flagger/") {
            continue;
        }
        for document in documents(&path) {
            let kind = document["kind"].as_str().unwrap().to_owned();
            let schema = jsonschema::validator_for(&kinds[&kind]).unwrap();
            let wrong: Vec<String> = schema
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{path}: {wrong:#?}");
            seen.insert(kind.clone());
            // The check itself sees what is wrong.
            let mut broken = document.clone();
            broken["spec"]["unheardOf"] = json!(1);
            assert!(!schema.is_valid(&broken), "{kind} takes anything");
        }
    }
    assert_eq!(seen, ["AnalysisTemplate", "Canary", "Rollout"].map(String::from).into());
}

#[test]
fn no_error_of_ours_can_abort_a_rollout() {
    let web = &documents("argo-rollouts/web.yaml")[0]["spec"]["metrics"][0];
    assert_eq!(web["successCondition"], r#"result == "proceed""#);
    assert_eq!(web["failureCondition"], r#"result == "rollback""#);
    assert_eq!(web["provider"]["web"]["jsonPath"], "{$.answer}");
    assert!(web["consecutiveErrorLimit"].as_i64().unwrap() > 10_000);
    let job =
        &documents("argo-rollouts/job.yaml")[0]["spec"]["metrics"][0]["provider"]["job"]["spec"];
    assert!(job.get("activeDeadlineSeconds").is_none());
    assert_eq!(job["template"]["spec"]["restartPolicy"], "Never");
    // What the Job's controller does with a code: the first rule that matches.
    let rules = job["podFailurePolicy"]["rules"].as_array().unwrap();
    let action = |code: i64| {
        rules.iter().find_map(|rule| {
            let values = rule.get("onExitCodes")?.get("values")?.as_array()?;
            let is_in = values.contains(&code.into());
            let wants_in = rule["onExitCodes"]["operator"] == "In";
            (is_in == wants_in).then(|| rule["action"].as_str().unwrap())
        })
    };
    for (code, expect) in [
        (10, "FailJob"),
        (20, "Ignore"),
        (2, "Ignore"),
        (3, "Ignore"),
        (4, "Ignore"),
        (137, "Ignore"),
    ] {
        assert_eq!(action(code), Some(expect), "{code}");
    }
    let canary = &documents("flagger/canary.yaml")[0];
    for hook in canary["spec"]["analysis"]["webhooks"].as_array().unwrap() {
        let kind = hook["type"].as_str().unwrap();
        let path = hook["url"].as_str().unwrap().rsplit_once(":8080").unwrap().1;
        match kind {
            "rollback" => assert_eq!(path, "/flagger/rollback"),
            kind => {
                assert!(
                    kind.starts_with("confirm-"),
                    "a failed `{kind}` hook counts as a failed check"
                );
                assert_eq!(path, "/flagger/confirm");
            }
        }
    }
}

#[test]
fn pipelines_pass_our_own_check() {
    let cases = [
        ("github", "github/deploy.yml"),
        ("azure", "azure/azure-pipelines.yml"),
        ("gitlab", "gitlab/.gitlab-ci.yml"),
        ("jenkins", "jenkins/Jenkinsfile"),
        ("harness", "harness/run.yaml"),
        ("harness", "harness/plugin.yaml"),
    ];
    let home = tempfile::tempdir().unwrap();
    for (platform, path) in cases {
        let file = home.path().join(Path::new(path).file_name().unwrap());
        std::fs::copy(docs().join(path), &file).unwrap();
        let mut command = support::binary();
        command.args(["pipeline", "check", "--format", "json", "--platform", platform]).arg(&file);
        let output = command.current_dir(home.path()).env("HOME", home.path()).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["files"][0]["status"], "read", "{path}: {report}");
        let serious: Vec<&Value> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| !["info", "low"].contains(&finding["severity"].as_str().unwrap()))
            .collect();
        assert!(serious.is_empty(), "{path}: {serious:#?}");
    }
}

#[test]
fn harness_takes_its_pipelines() {
    let shared = std::env::var_os("PIPEWRIGHT_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let Ok(text) = std::fs::read_to_string(shared.join("specs/harness/v0_pipeline.json")) else {
        eprintln!("SKIPPED: Harness' schema is not at {}", shared.display());
        return;
    };
    let schema = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    for path in ["harness/run.yaml", "harness/plugin.yaml"] {
        let document = &documents(path)[0];
        let wrong: Vec<String> =
            schema.iter_errors(document).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{path}: {wrong:#?}");
        assert!(!schema.is_valid(&json!({"pipeline": {"name": 1}})));
        let text = read(path);
        assert!(text.contains("rollbackSteps:") && text.contains("StageRollback"), "{path}");
    }
}

#[test]
fn inputs_commands_flags_and_outputs_of_the_examples_exist() {
    let ours = Regex::new(r"\b((?:PIPEWRIGHT|PROMETHEUS)_[A-Z_]+)\b").unwrap();
    let called = Regex::new(r"pipewright ([a-z]+)((?: [^ \n'|>&]+)*)").unwrap();
    let commands: BTreeSet<String> =
        command().get_subcommands().map(|one| one.get_name().to_owned()).collect();
    let mut variables = 0;
    let mut calls = 0;
    let outputs = Regex::new(r"steps\.verify\.outputs\.([a-z_]+)").unwrap();
    for path in examples() {
        let text = read(&path);
        for found in ours.captures_iter(&text) {
            assert!(is_input(&found[1]), "{path}: {} is no variable of ours", &found[1]);
            variables += 1;
        }
        let code = text.lines().filter(|line| !line.trim_start().starts_with(['#', '/']));
        for line in code {
            let Some(found) = called.captures(line) else { continue };
            // A sentence for people, or a key and its value.
            if !line.contains(" verify ") && !line.contains(" serve ") {
                continue;
            }
            assert!(commands.contains(&found[1]), "{path}: {line}");
            for flag in found[2].split(' ').filter_map(|word| word.strip_prefix("--")) {
                assert!(is_input(&flag.replace('-', "_")), "{path}: --{flag}");
            }
            calls += 1;
        }
        for found in outputs.captures_iter(&text) {
            let known = ["action", "rule", "reason", "confidence", "clear_cut"];
            assert!(known.contains(&&found[1]), "{path}: {}", &found[1]);
        }
    }
    assert!(variables >= 10 && calls >= 5, "{variables} variables, {calls} calls");
    // Settings of plugins.
    for (path, pointer) in [
        ("drone/.drone.yml", "/steps/1/settings"),
        (
            "harness/plugin.yaml",
            "/pipeline/stages/0/stage/spec/execution/steps/1/stepGroup/steps/0/step/spec/settings",
        ),
    ] {
        let document = &documents(path)[0];
        let settings = document.pointer(pointer).and_then(Value::as_object);
        for name in settings.unwrap_or_else(|| panic!("{path}")).keys() {
            assert!(is_input(name), "{path}: {name}");
        }
    }
}

#[test]
fn addresses_of_serve_are_those_of_its_page() {
    let page = read("serve.md");
    let mut addresses = 0;
    let url = Regex::new(r"svc\.cluster\.local:8080(/[a-z/]+)").unwrap();
    for path in examples() {
        for found in url.captures_iter(&read(&path)) {
            assert!(page.contains(&format!("{}`", &found[1])), "{path}: {}", &found[1]);
            addresses += 1;
        }
    }
    assert!(addresses >= 5);
    let check = &documents("azure/check.json")[0];
    for (mode, path) in [("synchronous", "azure"), ("callback", "azure/callback")] {
        let suffix = check[mode]["urlSuffix"].as_str().unwrap();
        assert_eq!(suffix.split('?').next(), Some(path));
    }
    assert!(page.contains(check["synchronous"]["successCriteria"].as_str().unwrap()));
    let template = &documents("spinnaker/orca-local.yml")[0]["webhook"]["preconfigured"][0];
    let payload: Value = serde_json::from_str(template["payload"].as_str().unwrap()).unwrap();
    let names: Vec<&String> = payload.as_object().unwrap().keys().collect();
    assert!(names.iter().all(|name| page.contains(&format!("`{name}`"))), "{names:?}");
    let pipeline = &documents("spinnaker/pipeline.json")[0];
    assert_eq!(pipeline["stages"][0]["type"], template["type"]);
}
