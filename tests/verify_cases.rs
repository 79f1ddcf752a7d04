//! `verify SPEC`, black box: every file under `tests/fixtures/verify` and what
//! `cases.csv` there says has to come out; and that a model, whatever it or a log line
//! says, never makes a decision bolder.
//!
//! A row of `cases.csv` names the file, the action (several, split by `|`, where the
//! specification leaves it open; `error` is exit code 2), the rule where the
//! specification names it, further values of the result (`also`), words that the reason
//! or the error has to hold (`says`), the sentence that all this rests on, and the
//! numbers behind it.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use support::anthropic::{Act, Anthropic, calls, failure};
use support::binary;

/// How long a run may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/verify")
}

/// What a run left.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the binary in a folder, in an environment with nothing in it.
fn run(folder: &Path, args: &[&str], vars: &[(&str, &str)]) -> Ran {
    let out = tempfile::tempdir().unwrap();
    let (stdout, stderr) = (out.path().join("stdout"), out.path().join("stderr"));
    let mut command = binary();
    command.current_dir(folder).arg("verify").args(args).env("HOME", out.path());
    command.envs(vars.iter().copied());
    command.stdout(Stdio::from(File::create(&stdout).unwrap()));
    command.stderr(Stdio::from(File::create(&stderr).unwrap()));
    let mut child = command.spawn().expect("the binary starts");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Ran {
        code: status.and_then(|status| status.code()),
        stdout: text(&stdout),
        stderr: text(&stderr),
    }
}

/// A row of the index.
#[derive(Debug, Clone)]
struct Case {
    file: String,
    actions: Vec<String>,
    rule: String,
    also: Vec<String>,
    says: Vec<String>,
    rests_on: String,
    numbers: String,
}

fn index() -> Vec<Case> {
    let text = fs::read_to_string(fixtures().join("cases.csv")).unwrap();
    let mut rows = text.lines().map(fields);
    let head = ["case", "action", "rule", "also", "says", "rests_on", "numbers"];
    assert_eq!(rows.next().unwrap(), head);
    let split = |text: &str, by: char| -> Vec<String> {
        text.split(by).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    rows.map(|row| {
        let [file, action, rule, also, says, rests_on, numbers] =
            <[String; 7]>::try_from(row).unwrap_or_else(|row| panic!("{row:?}"));
        Case {
            file,
            actions: split(&action, '|'),
            rule,
            also: split(&also, ';'),
            says: split(&says, ';'),
            rests_on,
            numbers,
        }
    })
    .collect()
}

/// A line's fields: split by commas, some within double quotes.
fn fields(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                all.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(String::new()),
            _ => all.last_mut().unwrap().push(c),
        }
    }
    assert!(!quoted, "{line}");
    all
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// The schema of the result, as soon as there is one.
fn schema() -> Option<jsonschema::Validator> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/pipewright.verify-1.json");
    let text = fs::read_to_string(file).ok()?;
    Some(jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap())
}

fn exit_code(action: &str) -> i32 {
    match action {
        "proceed" => 0,
        "investigate" => 20,
        "rollback" => 10,
        "error" => 2,
        _ => panic!("no action is called {action}"),
    }
}

/// What an exit code says.
fn action_of(code: Option<i32>) -> &'static str {
    match code {
        Some(0) => "proceed",
        Some(20) => "investigate",
        Some(10) => "rollback",
        Some(2) => "error",
        Some(_) => "another exit code",
        None => "a signal, or it hung",
    }
}

/// Whether a value of the result is as the index says: `clear_cut=false`,
/// `signals.orders=worse`, `logs.new>=1`.
fn holds(result: &Value, wish: &str) -> bool {
    if let Some((path, least)) = wish.split_once(">=") {
        let least: f64 = least.parse().unwrap();
        return at(result, path).and_then(|value| value.as_f64()).is_some_and(|have| have >= least);
    }
    let (path, wanted) = wish.split_once('=').unwrap_or_else(|| panic!("{wish}"));
    at(result, path).is_some_and(|have| match have {
        Value::String(text) => text == wanted,
        other => {
            let text = other.to_string();
            text == wanted
        }
    })
}

fn at<'a>(result: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(name) = path.strip_prefix("signals.") {
        let signals = result["signals"].as_array()?;
        return signals.iter().find(|one| one["name"] == name).map(|one| &one["verdict"]);
    }
    path.split('.').try_fold(result, |value, key| value.get(key))
}

/// What is wrong with a result, whatever was decided.
fn unsound(result: &Value, code: Option<i32>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |fine: bool, what: &str| {
        if !fine {
            wrong.push(what.to_owned());
        }
    };
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let share = |value: &Value| value.as_f64().is_some_and(|value| (0.0..=1.0).contains(&value));
    must(result["schema"] == "pipewright.verify/1", "`schema` is another");
    must(result["action"] == action_of(code), "the exit code is another action's");
    must(text(&result["reason"]), "there is no reason");
    must(text(&result["rule"]), "there is no rule");
    must(share(&result["confidence"]), "`confidence` is no share");
    must(result["evidence"].as_array().is_some_and(|all| !all.is_empty()), "there is no evidence");
    must(result["attribution"].is_object(), "there is no attribution");
    must(result["data_quality"].is_object(), "there is no `data_quality`");
    must(result["model"]["changed_action"] == false, "the model changed something unasked");
    for signal in result["signals"].as_array().into_iter().flatten() {
        let known = ["better", "same", "worse", "no-data", "insufficient"];
        let verdict = signal["verdict"].as_str().unwrap_or_default();
        must(known.contains(&verdict), "a verdict has another name");
        must(text(&signal["name"]) && text(&signal["why"]), "a signal has no name or no why");
        must(signal["p"].is_null() || share(&signal["p"]), "a p is no share");
        if let Some([low, high]) = signal["interval"].as_array().map(Vec::as_slice) {
            must(low.as_f64() <= high.as_f64(), "an interval is turned round");
        }
        if ["better", "worse"].contains(&verdict) {
            must(
                signal["effect"].is_number() || signal["test"].is_string(),
                "a verdict on nothing",
            );
        }
    }
    wrong
}

/// Runs the cases of a group, and says all that is wrong at once.
fn group(name: &str) {
    let cases: Vec<Case> = index()
        .into_iter()
        .filter(|case| case.file.split_once('/').is_some_and(|(group, _)| group == name))
        .collect();
    assert!(cases.len() >= 5, "{} cases in {name}", cases.len());
    // Outside of any repository, where a policy would be read from its base revision.
    let folder = tempfile::tempdir().unwrap();
    copy(&fixtures().join(name), folder.path());
    let schema = schema();
    let mut failures = Vec::new();
    for case in &cases {
        let wrong = check(folder.path(), case, schema.as_ref());
        if !wrong.is_empty() {
            failures.push(format!(
                "{}\n    rests on: {}\n    numbers: {}\n    {}",
                case.file,
                case.rests_on,
                case.numbers,
                wrong.join("\n    ")
            ));
        }
    }
    let (bad, all) = (failures.len(), cases.len());
    assert!(failures.is_empty(), "{bad} of {all} are wrong:\n\n{}\n", failures.join("\n"));
}

fn check(folder: &Path, case: &Case, schema: Option<&jsonschema::Validator>) -> Vec<String> {
    let file = case.file.split_once('/').unwrap().1;
    let args = [file, "--format", "json"];
    let ran = run(folder, &args, &[]);
    let mut wrong = Vec::new();
    let have = action_of(ran.code);
    if !case.actions.iter().any(|action| Some(exit_code(action)) == ran.code) {
        let said = reason(&ran);
        wrong.push(format!("{have} ({:?}) instead of {:?}: {said}", ran.code, case.actions));
    }
    if ran.stderr.contains("panicked") {
        wrong.push("it panicked".to_owned());
    }
    let again = run(folder, &args, &[]);
    if again.code != ran.code || again.stdout != ran.stdout {
        wrong.push("run twice, it says something else".to_owned());
    }
    if have == "error" {
        if !ran.stdout.is_empty() {
            wrong.push("an error wrote to standard output".to_owned());
        }
        if ran.stderr.trim().is_empty() {
            wrong.push("an error without a word".to_owned());
        }
        if case.actions.contains(&"error".to_owned()) {
            for word in case.says.iter().filter(|word| !ran.stderr.contains(*word)) {
                wrong.push(format!("the error does not say `{word}`: {}", ran.stderr.trim()));
            }
        }
        return wrong;
    }
    let result: Value = match serde_json::from_str(&ran.stdout) {
        Ok(result) => result,
        Err(error) => {
            wrong.push(format!("standard output is no JSON: {error}"));
            return wrong;
        }
    };
    wrong.extend(unsound(&result, ran.code));
    if let Some(schema) = schema {
        wrong.extend(schema.iter_errors(&result).map(|error| format!("schema: {error}")));
    }
    if !case.actions.iter().any(|action| action == have) {
        return wrong;
    }
    if !case.rule.is_empty() && result["rule"] != case.rule.as_str() {
        wrong.push(format!("the rule is {} instead of {}", result["rule"], case.rule));
    }
    for wish in case.also.iter().filter(|wish| !holds(&result, wish)) {
        let path = wish.split(['=', '>']).next().unwrap();
        let have = at(&result, path).cloned().unwrap_or(Value::Null);
        wrong.push(format!("not `{wish}` but {have}"));
    }
    if !case.says.is_empty() && case.actions != ["error"] {
        let told: String = ["reason", "attribution", "data_quality", "logs", "evidence"]
            .iter()
            .map(|key| result[*key].to_string())
            .collect();
        for word in case.says.iter().filter(|word| !told.contains(*word)) {
            wrong.push(format!("nothing says `{word}`: {}", reason(&ran)));
        }
    }
    wrong
}

/// Why it decided so, for whoever reads a failure.
fn reason(ran: &Ran) -> String {
    match serde_json::from_str::<Value>(&ran.stdout) {
        Ok(result) => format!("[{}] {}", result["rule"], result["reason"]),
        Err(_) => ran.stderr.lines().last().unwrap_or_default().to_owned(),
    }
}

macro_rules! groups {
    ($($test:ident: $name:literal,)*) => {
        const GROUPS: &[&str] = &[$($name),*];
        $(#[test] fn $test() { group($name); })*
    };
}

groups! {
    what_a_spec_may_look_like: "example",
    points_may_be_unordered_null_or_missing: "data",
    wrong_files_are_told_by_the_key: "bad",
    instances_are_evidence_by_themselves: "health",
    data_that_cannot_decide_does_not: "gate",
    ratios_are_told_apart: "ratio",
    values_are_told_apart: "gauge",
    the_time_before_is_a_baseline_too: "before",
    trouble_is_put_down_to_whose_it_is: "whose",
    the_policy_says_what_may_act: "policy",
    rules_are_gone_through_in_order: "order",
    new_errors_are_news: "logs",
    complaints_about_another_judge_are_heard: "complaints",
    without_a_model_the_hostile_ones_are_plain: "hostile",
}

#[test]
fn every_file_is_in_the_index_and_every_row_has_its_file() {
    let listed: Vec<String> = index().into_iter().map(|case| case.file).collect();
    let set: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(set.len(), listed.len(), "a file is listed twice");
    let mut there = BTreeSet::new();
    for name in GROUPS {
        for entry in fs::read_dir(fixtures().join(name)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let spec = file.ends_with(".yaml") || file.ends_with(".json");
            if spec && file != "hostile.json" {
                there.insert(format!("{name}/{file}"));
            }
        }
    }
    assert_eq!(there.iter().collect::<BTreeSet<_>>(), set);
    // An index that allows everything would test nothing.
    let all = index();
    let open = all.iter().filter(|case| case.actions.len() > 1).count();
    assert!(open * 10 < all.len(), "{open} of {} are left open", all.len());
    for action in ["proceed", "investigate", "rollback", "error"] {
        let strict = all.iter().filter(|case| case.actions == [action]).count();
        assert!(strict >= 60, "{strict} cases of {action}");
    }
    for case in &all {
        assert!(!case.rests_on.is_empty(), "{case:?}");
        for action in &case.actions {
            exit_code(action);
        }
    }
}

#[test]
fn each_format_ends_with_the_same_code_and_a_plot_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixtures().join("ratio"), folder.path());
    copy(&fixtures().join("gauge"), folder.path());
    let cases = [
        ("above-the-limit.yaml", 10, "error_rate"),
        ("worse-under-the-limit.yaml", 20, "error_rate"),
        ("same-busy.yaml", 0, "error_rate"),
        ("leak-that-reaches-the-limit.yaml", 10, "memory_mb"),
        ("orders-by-weight-same.yaml", 0, "orders"),
    ];
    for (file, code, signal) in cases {
        for format in ["json", "text", "markdown"] {
            let ran = run(folder.path(), &[file, "--format", format], &[]);
            assert_eq!(ran.code, Some(code), "{file} {format}: {}", ran.stderr);
            assert!(ran.stdout.contains(signal), "{file} {format}: {}", ran.stdout);
            assert!(!ran.stdout.contains('\u{1b}'), "{file} {format}: {}", ran.stdout);
        }
        let ran = run(folder.path(), &[file, "--format", "json", "--plot", "out.svg"], &[]);
        assert_eq!(ran.code, Some(code), "{file}: {}", ran.stderr);
        let plot = fs::read_to_string(folder.path().join("out.svg")).unwrap();
        assert!(plot.contains("<svg") && plot.trim_end().ends_with("</svg>"), "{file}");
        assert!(plot.contains(signal), "{file}: the signal is not named");
        assert!(!plot.contains("NaN") && !plot.contains("<script"), "{file}");
        fs::remove_file(folder.path().join("out.svg")).unwrap();
    }
}

#[test]
fn a_wrong_call_is_an_error_and_no_decision() {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixtures().join("ratio"), folder.path());
    fs::create_dir(folder.path().join("folder")).unwrap();
    let calls: &[(&[&str], &str)] = &[
        (&[], ""),
        (&["is-not-there.yaml"], "is-not-there.yaml"),
        (&["folder"], "folder"),
        (&["same.yaml", "--format", "sarif"], "sarif"),
        (&["same.yaml", "--format", "diff"], "diff"),
        (&["same.yaml", "--plot", "same.yaml/out.svg"], "out.svg"),
    ];
    for (args, word) in calls {
        let ran = run(folder.path(), args, &[]);
        assert_eq!(ran.code, Some(2), "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
    }
}

/// The model as a hostile case has it.
fn model(case: &Value) -> Anthropic {
    let server = Anthropic::start();
    match case["model"].as_str() {
        Some("text") => {
            let text = json!({"type": "text", "text": "I would rather not say."});
            server.always("", Act::Message(vec![text], "end_turn"));
        }
        Some("down") => {
            server.always("", failure(401, &[]));
        }
        Some(other) => panic!("no model is called {other}"),
        None => {
            let mut answer = case["answer"].clone();
            if let (Some(times), Some(text)) =
                (case["repeat"].as_u64(), case["answer"]["explanation"].as_str())
            {
                answer["explanation"] = Value::from(text.repeat(times as usize));
            }
            server.always("", calls([("explain_decision", answer)]));
        }
    }
    server
}

fn lines(case: &Value, key: &str) -> Vec<Value> {
    case[key].as_array().cloned().unwrap_or_default()
}

#[test]
fn no_model_and_no_log_line_makes_a_decision_bolder() {
    let text = fs::read_to_string(fixtures().join("hostile/hostile.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 30, "{}", cases.len());
    let weight: BTreeMap<&str, u8> =
        [("proceed", 0), ("investigate", 1), ("rollback", 2)].into_iter().collect();
    let mut failures = Vec::new();
    for case in &cases {
        let mut wrong = Vec::new();
        let folder = tempfile::tempdir().unwrap();
        let file = fixtures().join("hostile").join(case["spec"].as_str().unwrap());
        let mut spec: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let logs = &mut spec["logs"];
        for side in ["canary", "baseline"] {
            logs[side].as_array_mut().unwrap().extend(lines(case, "both_lines"));
        }
        logs["canary"].as_array_mut().unwrap().extend(lines(case, "canary_lines"));
        fs::write(folder.path().join("spec.json"), spec.to_string()).unwrap();
        let args = ["spec.json", "--format", "json"];
        let alone = run(folder.path(), &args, &[]);
        let server = model(case);
        let vars = [("ANTHROPIC_API_KEY", "key-for-tests"), ("ANTHROPIC_BASE_URL", server.url())];
        let ran = run(folder.path(), &args, &vars);
        let (before, after) = (action_of(alone.code), action_of(ran.code));
        let allowed: Vec<String> = serde_json::from_value(case["action"].clone()).unwrap();
        if !allowed.iter().any(|action| action == after) {
            wrong.push(format!("{after} instead of {allowed:?}: {}", reason(&ran)));
        }
        if server.requests().is_empty() {
            wrong.push("the model was not asked, so this shows nothing".to_owned());
        }
        match (weight.get(before), weight.get(after)) {
            (Some(0), Some(2)) => wrong.push("it made a rollback of nothing".to_owned()),
            (Some(1), Some(0 | 2)) => wrong.push(format!("investigate became {after}")),
            (Some(2), Some(0)) => wrong.push("it hid a rollback".to_owned()),
            (Some(_), Some(_)) => {}
            _ => wrong.push(format!("without a model: {before}; with one: {after}")),
        }
        for key in ["clear_cut", "rule"] {
            let wanted = case.get(key);
            let result: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
            if wanted.is_some_and(|wanted| result[key] != *wanted) {
                wrong.push(format!("`{key}` is {} instead of {}", result[key], case[key]));
            }
        }
        if let (Ok(alone), Ok(result)) = (
            serde_json::from_str::<Value>(&alone.stdout),
            serde_json::from_str::<Value>(&ran.stdout),
        ) {
            // The arithmetic is not the model's.
            for key in ["signals", "logs", "data_quality"] {
                if alone[key] != result[key] {
                    wrong.push(format!("`{key}` differs with a model"));
                }
            }
            if result["model"]["changed_action"] != (before != after) {
                wrong.push("`changed_action` does not say what happened".to_owned());
            }
        }
        for format in ["json", "text", "markdown"] {
            if case["never_printed"].is_null() {
                break;
            }
            let ran = run(folder.path(), &["spec.json", "--format", format], &vars);
            for never in lines(case, "never_printed") {
                if ran.stdout.contains(never.as_str().unwrap()) {
                    wrong.push(format!("{never} is printed as {format}"));
                }
            }
        }
        if !wrong.is_empty() {
            let (name, why) = (&case["name"], &case["why"]);
            failures.push(format!("{name} ({why})\n    {}", wrong.join("\n    ")));
        }
    }
    let (bad, all) = (failures.len(), cases.len());
    assert!(failures.is_empty(), "{bad} of {all} are wrong:\n\n{}\n", failures.join("\n"));
}
