//! Programs as models: what they are given, what they see, what is left of them.

mod local_support;
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use pipewright::inputs::{Env, Inputs};
use pipewright::model::command::{Command, Options};
use pipewright::model::findings::report_findings_tool;
use pipewright::model::price::Book;
use pipewright::model::{
    Content, Message, Model, ModelError, Reply, Request, Role, SystemBlock, ToolChoice,
};
use serde_json::{Value, json};

use local_support::scratch;
use support::binary;

const SECRET: &str = "sk-very-secret-123456";

/// A folder for scripts, and one that stands for the checkout.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bin", "checkout", "temp", "out"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Place { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A shell script; `$OUT` is a folder to leave things in.
    fn script(&self, name: &str, body: &str) -> PathBuf {
        let file = self.path(name);
        let out = self.path("out");
        std::fs::write(&file, format!("#!/bin/sh\nOUT={}\n{body}\n", out.display())).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    fn out(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("out").join(name)).unwrap_or_default()
    }

    fn inputs(&self, args: &[&str], vars: &[(&str, &str)]) -> Inputs {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let temp = self.path("temp").display().to_string();
        let mut all = vec![("PATH", path.as_str()), ("TMPDIR", &temp), ("HOME", "/home/me")];
        all.extend(vars);
        let env = Env::from_vars(all);
        Inputs::gather(args.iter().map(Into::into), env).resolve(None).unwrap()
    }

    fn model(&self, inputs: &Inputs, line: &str, timeout: u64) -> anyhow::Result<Command> {
        Command::new(&Options {
            line,
            surroundings: &inputs.surroundings,
            checkout: &self.path("checkout"),
            prices: &Book::default(),
            secrets: &inputs.secrets,
            timeout: Some(Duration::from_millis(timeout)),
        })
    }
}

fn request() -> Request {
    Request {
        system: vec![SystemBlock { text: "Review the change.".into(), cache: true }],
        messages: vec![Message {
            role: Role::User,
            content: vec![Content::Text { text: "+ let x = 1;".into(), cache: false }],
        }],
        tools: vec![report_findings_tool()],
        tool_choice: ToolChoice::Any,
        max_tokens: 1_000,
    }
}

fn input(reply: &Reply) -> &Value {
    match &reply.content[..] {
        [Content::ToolUse { name, input, .. }] if name == "report_findings" => input,
        other => panic!("{other:?}"),
    }
}

const ANSWER: &str = r#"echo '{"summary": "s", "findings": []}'"#;

#[tokio::test]
async fn a_program_gets_the_prompt_and_few_variables_in_an_empty_folder() {
    let place = Place::new();
    let body = format!(
        "cat > $OUT/prompt; env > $OUT/env; ls -A > $OUT/ls; pwd > $OUT/pwd; ls -A $HOME >> $OUT/ls; touch left $HOME/left $TMPDIR/left\n{ANSWER}"
    );
    place.script("bin/ask", &body);
    let vars = [
        ("LANG", "C.UTF-8"),
        ("HTTPS_PROXY", "http://proxy:1"),
        ("SSL_CERT_FILE", "/ca.pem"),
        ("GITHUB_TOKEN", SECRET),
        ("ANTHROPIC_API_KEY", SECRET),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("MY_KEY", SECRET),
    ];
    let names = |place: &Place| {
        let env = place.out("env");
        let mut names: Vec<String> = env
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
            // The shell's own.
            .filter(|name| !matches!(name.as_str(), "PWD" | "SHLVL" | "_" | "OLDPWD"))
            .collect();
        names.sort();
        names.join(" ")
    };
    let inputs = place.inputs(&[], &vars);
    let model = place.model(&inputs, "ask", 10_000).unwrap();
    assert_eq!((model.name().as_str(), model.calls_tools()), ("command:ask", false));
    let reply = model.ask(&request()).await.unwrap();
    assert_eq!(input(&reply), &json!({"summary": "s", "findings": []}));
    assert_eq!(names(&place), "HOME HTTPS_PROXY LANG NO_COLOR PATH SSL_CERT_FILE TMPDIR");
    assert!(!place.out("env").contains(SECRET) && !place.out("env").contains("/home/me"));
    assert_eq!(place.out("ls"), "");
    assert!(!place.out("pwd").contains("checkout"));
    let prompt = place.out("prompt");
    for expect in ["Review the change.", "+ let x = 1;", "one JSON object", "\"findings\""] {
        assert!(prompt.contains(expect), "{prompt}");
    }
    // Nothing is left behind.
    assert_eq!(std::fs::read_dir(place.path("temp")).unwrap().count(), 0);

    let inputs = place.inputs(&["--command-env", "MY_KEY,NOT_SET"], &vars);
    place.model(&inputs, "ask", 10_000).unwrap().ask(&request()).await.unwrap();
    assert_eq!(names(&place), "HOME HTTPS_PROXY LANG MY_KEY NO_COLOR PATH SSL_CERT_FILE TMPDIR");
}

#[tokio::test]
async fn no_shell_reads_the_line() {
    let place = Place::new();
    place.script("bin/ask", &format!("for word; do echo \"$word\" >> $OUT/words; done\n{ANSWER}"));
    let inputs = place.inputs(&[], &[]);
    let line =
        format!("ask --a 'b c' \"$(touch {0}/x)\" ; > {0}/y | `id` *", place.path("out").display());
    place.model(&inputs, &line, 10_000).unwrap().ask(&request()).await.unwrap();
    assert!(place.out("words").starts_with("--a\nb c\n$(touch"), "{}", place.out("words"));
    for name in ["x", "y"] {
        assert!(!place.path("out").join(name).exists(), "{name}");
    }
}

#[test]
fn only_programs_from_outside_the_checkout_are_run() {
    let place = Place::new();
    let inside = place.script("checkout/ask", ANSWER);
    let outside = place.script("bin/ask", ANSWER);
    std::os::unix::fs::symlink(&inside, place.path("bin/link")).unwrap();
    std::fs::write(place.path("bin/plain"), "no program").unwrap();
    let inputs = place.inputs(&[], &[]);
    let check = |line: &str, expect: Option<&str>| {
        let error = place.model(&inputs, line, 1).err().map(|error| format!("{error:#}"));
        match (expect, error) {
            (None, None) => {}
            (Some(expect), Some(error)) if error.contains(expect) => {}
            (expect, error) => panic!("{line}: {error:?} is not {expect:?}"),
        }
    };
    check("ask --x", None);
    check(outside.to_str().unwrap(), None);
    check(inside.to_str().unwrap(), Some("lies in the checkout"));
    check("link", Some("lies in the checkout"));
    check("./ask", Some("name a program on PATH or a whole path"));
    check("tools/ask", Some("what lies in the checkout is the change's"));
    check("no-such-program", Some("cannot find the model's command `no-such-program`: install it"));
    check("plain", Some("cannot find"));
    check("/no/such/claude", Some("npm install -g @anthropic-ai/claude-code"));
    check("ask 'open", Some("a quote is left open"));
    check("", Some("names no program"));
}

#[tokio::test]
async fn a_program_that_fails_is_told_of_without_secrets() {
    let place = Place::new();
    let inputs = place.inputs(&["--command-env", "MY_KEY"], &[("MY_KEY", SECRET)]);
    let fail = async |body: &str, timeout: u64| {
        place.script("bin/ask", body);
        let start = Instant::now();
        let error =
            place.model(&inputs, "ask", timeout).unwrap().ask(&request()).await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(8), "{body}");
        let kind = match &error {
            ModelError::Denied(_) => "denied",
            ModelError::TooLong(_) => "too long",
            ModelError::Rejected(_) => "rejected",
            ModelError::Unavailable(_) => "unavailable",
            ModelError::Late(_) => "late",
        };
        let text = error.to_string();
        assert!(!text.contains(SECRET) && !text.contains('\n'), "{text}");
        format!("{kind}: {text}")
    };
    let check = |found: String, expect: &[&str]| {
        for expect in expect {
            assert!(found.contains(expect), "{found}: {expect}");
        }
    };
    let said = fail("echo \"bad key $MY_KEY\" >&2; echo again >&2; exit 3", 9_000).await;
    check(said, &["unavailable", "exit status: 3", "bad key", "***", "again", "run it by hand"]);
    check(fail("exit 0", 9_000).await, &["unavailable", "wrote nothing to standard output"]);
    check(fail("sleep 60", 300).await, &["unavailable", "did not answer within"]);
    check(fail("cat /dev/zero", 9_000).await, &["rejected", "more than 16 MB"]);
    check(fail("kill -9 $$", 9_000).await, &["unavailable", "signal: 9"]);
    // Not a program after all.
    place.script("bin/ask", "");
    std::fs::write(place.path("bin/ask"), "\u{7f}ELF nonsense").unwrap();
    let error = place.model(&inputs, "ask", 1_000).unwrap().ask(&request()).await.unwrap_err();
    assert!(matches!(error, ModelError::Denied(_)), "{error}");
    // A program that does not read what it is given may answer all the same.
    place.script("bin/ask", &format!("exec <&-\n{ANSWER}"));
    let mut long = request();
    long.messages[0].content = vec![Content::Text { text: "x".repeat(1 << 20), cache: false }];
    let reply = place.model(&inputs, "ask", 9_000).unwrap().ask(&long).await.unwrap();
    assert_eq!(input(&reply)["summary"], "s");
}

/// Whether a process that a script noted is still there.
fn lives(place: &Place, name: &str) -> bool {
    let pid = place.out(name);
    assert!(!pid.trim().is_empty(), "the script did not come so far");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // A zombie is gone.
    !stat.is_empty() && !stat.contains(") Z ")
}

async fn wait_for(what: impl Fn() -> bool) -> bool {
    for _ in 0..200 {
        if what() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    false
}

const SPAWNS: &str = "sleep 300 & echo $! > $OUT/child; (sleep 300 & echo $! > $OUT/grandchild); \
                      echo $$ > $OUT/self";

#[tokio::test]
async fn nothing_of_a_program_outlives_it() {
    let place = Place::new();
    let inputs = place.inputs(&[], &[]);
    let gone = async || {
        wait_for(|| !["child", "grandchild", "self"].iter().any(|name| lives(&place, name))).await
    };
    // Its time is over.
    place.script("bin/ask", &format!("{SPAWNS}; wait"));
    place.model(&inputs, "ask", 600).unwrap().ask(&request()).await.unwrap_err();
    assert!(gone().await, "after its time");
    // Nobody waits for it any more.
    let _ = std::fs::remove_dir_all(place.path("out"));
    std::fs::create_dir(place.path("out")).unwrap();
    let model = place.model(&inputs, "ask", 60_000).unwrap();
    let asked = tokio::time::timeout(Duration::from_millis(600), async {
        model.ask(&request()).await.map(drop)
    });
    assert!(asked.await.is_err());
    assert!(gone().await, "after it was dropped");
    // It is done, and leaves others that hold its output open.
    place.script("bin/ask", &format!("{SPAWNS}\n{ANSWER}"));
    let start = Instant::now();
    place.model(&inputs, "ask", 60_000).unwrap().ask(&request()).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(gone().await, "after its end");
    assert_eq!(std::fs::read_dir(place.path("temp")).unwrap().count(), 0);
}

#[tokio::test]
async fn claude_is_asked_in_its_own_way() {
    let place = Place::new();
    let result = json!({"type": "result", "subtype": "success", "is_error": false,
        "structured_output": {"summary": "s", "findings": []}, "total_cost_usd": 0.125,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 90, "output_tokens": 7}});
    place.script(
        "bin/claude",
        &format!(
            "for word; do echo \"$word\" >> $OUT/words; [ -f \"$word\" ] && cat \"$word\" > $OUT/system; done\n\
             cat > $OUT/prompt; env > $OUT/env\necho '{result}'"
        ),
    );
    // As an input of the action gives the key.
    let vars = [("INPUT_ANTHROPIC_API_KEY", SECRET), ("GITHUB_TOKEN", "ghs_1234567890")];
    let inputs = place.inputs(&["--model", "command:claude --model claude-sonnet-5-5"], &vars);
    let model = place.model(&inputs, "claude --model claude-sonnet-5-5", 9_000).unwrap();
    assert_eq!(model.name(), "command:claude:claude-sonnet-5-5");
    assert_eq!(model.price().map(|price| price.input), Some(2.0));
    assert_eq!(model.limits().context, 1_000_000);
    let reply = model.ask(&request()).await.unwrap();
    assert_eq!(input(&reply)["summary"], "s");
    let usage = reply.usage;
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.cost_usd), (95, 90, 0.125));
    assert_eq!(place.out("system").trim(), "Review the change.");
    assert!(!place.out("prompt").contains("Review the change."));
    let (words, env) = (place.out("words"), place.out("env"));
    for expect in ["--print", "--bare", "--tools\n\n", "--strict-mcp-config", "--json-schema"] {
        assert!(words.contains(expect), "{words}");
    }
    assert!(env.contains(&format!("ANTHROPIC_API_KEY={SECRET}")), "{env}");
    assert!(env.contains("CLAUDE_CODE_MAX_OUTPUT_TOKENS=1000") && !env.contains("ghs_"), "{env}");
    // A key that nobody else is given, and a home that holds a login only where it is needed.
    assert!(!env.contains("HOME=/home/me"), "{env}");
    let inputs = place.inputs(&[], &[]);
    place.model(&inputs, "claude", 9_000).unwrap().ask(&request()).await.unwrap();
    assert!(place.out("env").contains("HOME=/home/me"));
    assert!(place.out("words").contains("--safe-mode"));
    let error = place.model(&inputs, "claude --tools Bash", 9_000).err().unwrap().to_string();
    assert!(error.contains("without tools"), "{error}");
}

fn review(place: &Place, repository: &Path, args: &[&str]) -> std::process::Command {
    let mut command = binary();
    let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
    command.current_dir(repository).args(["review", "--format", "json"]).args(args);
    command.env("PATH", path).env("TMPDIR", place.path("temp"));
    command.env("HOME", place.path("out")).env("XDG_STATE_HOME", place.path("out"));
    command
}

#[test]
fn a_whole_review_by_a_command() {
    let Some(repository) = scratch() else { return };
    repository.write("src/a.rs", "fn a() {}\n").commit("one");
    repository.git(&["checkout", "-q", "-b", "topic"]);
    repository.write("src/a.rs", "fn a() {}\nfn half(n: u32) -> u32 { n / 0 }\n").commit("two");
    let place = Place::new();
    let answer = json!({"summary": "It divides.", "findings": [{"path": "src/a.rs", "line": 2,
        "quote": "fn half(n: u32) -> u32 { n / 0 }", "severity": "high", "category": "correctness",
        "confidence": 0.9, "title": "Divides by zero", "body": "Any call panics."}]});
    std::fs::write(place.path("out/answer"), answer.to_string()).unwrap();
    place.script(
        "bin/ask",
        "cat > $OUT/prompt\nprintf 'Thinking…\n```json\n'; cat $OUT/answer; printf '\n```\n'",
    );
    let output = review(&place, &repository.path(), &["--model", "command:ask"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["model"], "command:ask");
    let titles: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().map(|finding| &finding["title"]).collect();
    assert_eq!(titles, ["Divides by zero"], "{report:#}");
    assert_eq!(report["findings"][0]["source"], "model:command:ask");
    assert!(report["usage"]["input_tokens"].as_u64() > Some(100), "{report:#}");
    assert!(report["notes"].to_string().contains("price of command:ask is not known"));
    let prompt = place.out("prompt");
    assert!(!prompt.contains("read_file"), "a command is offered no reading tools: {prompt}");
    // One that is not there ends the run before anything is asked.
    let output = review(&place, &repository.path(), &["--model", "command:gone"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("cannot find the model's command `gone`"), "{errors}");
    // One that fails is the model's failure.
    place.script("bin/ask", "echo no >&2; exit 7");
    let output = review(&place, &repository.path(), &["--model", "command:ask"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_signal_ends_the_program_too() {
    let Some(repository) = scratch() else { return };
    repository.write("a.rs", "fn a() {}\n").commit("one");
    repository.git(&["checkout", "-q", "-b", "topic"]);
    repository.write("a.rs", "fn b() {}\n").commit("two");
    let place = Place::new();
    place.script("bin/ask", &format!("{SPAWNS}; wait"));
    let mut child = review(&place, &repository.path(), &["--model", "command:ask"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(wait_for(|| !place.out("self").is_empty()).await, "the program did not start");
    let pid = child.id().to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    let gone = || !["child", "grandchild", "self"].iter().any(|name| lives(&place, name));
    assert!(wait_for(gone).await, "something outlives a signal");
}
