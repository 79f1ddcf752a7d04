//! A job under attack: the binary with secrets around it, an in-memory GitHub,
//! a scripted model, and a net for everything that leaves the process.

pub mod answers;
pub mod askers;
pub mod checks;
pub mod comments;
pub mod config;
pub mod files;
pub mod text;
pub mod texts;
pub mod tools;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::anthropic::{Act, Anthropic, Logged, answer, finding};
use crate::support::event::{self, Job};
use crate::support::github::GitHub;
use crate::support::server::Request;
use crate::support::world::Pull;

/// What no one outside the process may see, by the variable that holds it.
pub const SECRETS: [(&str, &str); 7] = [
    ("GITHUB_TOKEN", "ghs_16C7e42F292c6912E7710c838347Ae178B4a"),
    ("ANTHROPIC_API_KEY", "sk-ant-api03-Zr8KkQx1nV0pLm5TtYw2AbCdEfGh"),
    ("DEPLOY_TOKEN", "correct-horse-battery-staple-9"),
    ("SIGNING_SECRET", "p4ss+w/rd=with&<specials>\"9"),
    ("DATABASE_PASSWORD", "Tr0ub4dor&3-and-more"),
    ("NPM_AUTH_TOKEN", "npm_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    ("ACTIONS_RUNTIME_TOKEN", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"),
];

/// Stands in every text that an attacker writes.
pub const MARK: &str = "INJECTED";

pub const BASE: &str = "fn total(items: &[u32]) -> u32 {\n    items.iter().sum()\n}\n";
pub const HEAD: &str = "fn total(items: &[u32]) -> u32 {\n    let first = items[0];\n    first + items.iter().sum::<u32>()\n}\n\nfn mean(items: &[u32]) -> u32 {\n    total(items) / items.len() as u32\n}\n";
/// A line of [`HEAD`] that findings stand on.
pub const QUOTE: &str = "    total(items) / items.len() as u32";

/// The finding that an honest model makes.
pub fn honest() -> Value {
    finding("src/total.rs", 7, QUOTE, "Divides by zero when empty")
}

/// A finding on [`QUOTE`] with these words.
pub fn says(title: &str, body: &str) -> Value {
    let mut finding = honest();
    finding["title"] = json!(title);
    finding["body"] = json!(body);
    finding
}

/// One way to attack, and what has to come of it beyond the rules for all.
pub struct Attempt {
    pub name: &'static str,
    pub arrange: fn(&mut Scene),
    pub expect: fn(&Seen, &mut Faults),
}

/// What was wrong.
#[derive(Default)]
pub struct Faults(pub Vec<String>);

impl Faults {
    pub fn unless(&mut self, holds: bool, wrong: impl Into<String>) {
        if !holds {
            self.0.push(wrong.into());
        }
    }
}

/// The job before it runs.
pub struct Scene {
    pub github: GitHub,
    pub model: Anthropic,
    /// Takes calls for any host but loopback, and whoever is sent to it.
    pub elsewhere: Elsewhere,
    /// The model's answers, in their order; the honest one if there are none.
    pub answers: Vec<Act>,
    /// Name and payload; an opened pull request if nothing else is set.
    pub event: Option<(&'static str, Value)>,
    /// Beside the secrets.
    pub variables: Vec<(String, String)>,
    /// Files of the checkout; a path that ends in `@` is a link to the content.
    pub workspace: Vec<(String, String)>,
    /// Whether the checkout is a git repository, as `actions/checkout` leaves it.
    pub git: bool,
}

/// A listener that only counts.
pub struct Elsewhere {
    pub url: String,
    calls: Arc<AtomicUsize>,
}

impl Elsewhere {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = connection.read(&mut [0; 1024]);
            }
        });
        Elsewhere { url, calls }
    }
}

impl Scene {
    pub fn new() -> Self {
        let github = GitHub::start();
        github.trust_answers();
        github.state().token = SECRETS[0].1.to_owned();
        github.pull(7, |pull| {
            pull.base("src/total.rs", BASE).head("src/total.rs", HEAD);
        });
        Scene {
            github,
            model: Anthropic::start(),
            elsewhere: Elsewhere::start(),
            answers: Vec::new(),
            event: None,
            variables: Vec::new(),
            workspace: Vec::new(),
            git: false,
        }
    }

    pub fn pull(&mut self, describe: impl FnOnce(&mut Pull)) {
        self.github.pull(7, describe);
    }

    /// The model answers with these findings.
    pub fn answer(&mut self, findings: Value) {
        self.answers.push(answer(findings));
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A file of the head, in the pull request and in the checkout.
    pub fn head(&mut self, path: &str, text: &str) {
        self.pull(|pull| {
            pull.head(path, text);
        });
        self.workspace.push((path.to_owned(), text.to_owned()));
    }

    /// The checkout shows the change.
    pub fn check_out(&mut self) {
        self.git = true;
        self.workspace.push(("src/total.rs".into(), HEAD.into()));
    }

    /// Somebody writes a comment that asks for a review.
    pub fn asked_by(&mut self, login: &str, body: &str) -> &mut Value {
        let event = event::issue_comment(&self.github, 7, login, body);
        &mut self.event.insert(("issue_comment", event)).1
    }

    /// Run the job to its end.
    pub fn run(self) -> Seen {
        let Scene { github, model, elsewhere, answers, event, variables, workspace, git } = self;
        let answers = if answers.is_empty() { vec![answer(json!([honest()]))] } else { answers };
        for act in answers {
            model.on("", act);
        }
        let (name, payload) =
            event.unwrap_or_else(|| ("pull_request", event::pull_request(&github, 7, "opened")));
        let mut job = Job::new(&github, name, &payload);
        for (name, value) in SECRETS {
            job = job.set(name, value);
        }
        job = job.set("ANTHROPIC_BASE_URL", model.url());
        for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
            job = job.set(name, &elsewhere.url);
        }
        job = job.set("NO_PROXY", "127.0.0.1");
        for (name, value) in &variables {
            job = job.set(name, value);
        }
        fill(&job.workspace(), &workspace, git);
        let before = listing(&job.workspace());
        let output = job.command().output().expect("the binary starts");
        let folder = job.temp().parent().expect("the job's folder").to_owned();
        let mut files = listing(&folder);
        files.retain(|path, _| !path.starts_with("workspace/") && path != "event.json");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let workspace_changed = listing(&job.workspace()) != before;
        Seen {
            code: output.status.code().unwrap_or(-1),
            report: files
                .get("temp/pipewright/findings.json")
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
            stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            sent: github.requests(),
            asked: model.requests(),
            violations: model.violations(),
            files,
            workspace_changed,
            calls_elsewhere: elsewhere.calls.load(Ordering::SeqCst),
            github,
        }
    }
}

/// Everything that left the process.
pub struct Seen {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The report, as it was written to its file; null if there is none.
    pub report: Value,
    /// Requests to GitHub.
    pub sent: Vec<Request>,
    /// Requests to the model.
    pub asked: Vec<Logged>,
    pub violations: Vec<String>,
    /// Files written, without the checkout's and the event.
    pub files: BTreeMap<String, String>,
    pub workspace_changed: bool,
    pub calls_elsewhere: usize,
    pub github: GitHub,
}

impl Seen {
    /// `METHOD path` of all writes, the repository left out.
    pub fn writes(&self) -> Vec<String> {
        let writes = self.sent.iter().filter(|request| checks::is_write(request));
        writes
            .map(|r| format!("{} {}", r.method, r.target.replacen("/repos/acme/widgets", "", 1)))
            .collect()
    }

    /// The system prompts of all requests to the model.
    pub fn system(&self) -> String {
        self.asked.iter().map(|request| text::strings(&request.body["system"]).join("\n")).collect()
    }

    /// What the model was told through its tools.
    pub fn tool_results(&self) -> Vec<String> {
        let Some(last) = self.asked.last() else { return Vec::new() };
        let messages = last.body["messages"].as_array().cloned().unwrap_or_default();
        let blocks = messages.iter().filter_map(|message| message["content"].as_array()).flatten();
        blocks
            .filter(|block| block["type"] == "tool_result")
            .map(|block| text::strings(&block["content"]).join("\n"))
            .collect()
    }

    /// Titles of the published findings.
    pub fn titles(&self) -> Vec<&str> {
        let findings = self.report["findings"].as_array().map_or(&[][..], Vec::as_slice);
        findings.iter().filter_map(|finding| finding["title"].as_str()).collect()
    }
}

/// Lay out a checkout.
fn fill(root: &Path, files: &[(String, String)], git: bool) {
    for (path, content) in files {
        let (path, link) = path.strip_suffix('@').map_or((path.as_str(), false), |p| (p, true));
        let full = root.join(path);
        std::fs::create_dir_all(full.parent().expect("a folder")).expect("a folder");
        if link {
            std::os::unix::fs::symlink(content, &full).expect("a link");
        } else {
            std::fs::write(&full, content).expect("a file");
        }
    }
    if git {
        let run = |args: &[&str]| {
            let mut command = Command::new("git");
            command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
            let ids = ["-c", "user.name=a", "-c", "user.email=a@example.test"];
            let ran = command.current_dir(root).args(ids).args(args).output();
            assert!(ran.is_ok_and(|output| output.status.success()), "git {args:?}");
        };
        run(&["init", "-q", "-b", "main"]);
        run(&["add", "-A", "-f"]);
        run(&["commit", "-q", "--allow-empty", "-m", "Merge"]);
        let config = root.join(".git/config");
        let mut text = std::fs::read_to_string(&config).expect("git's configuration");
        // As `actions/checkout` keeps the token.
        text += &format!(
            "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic {}\n",
            text::base64(format!("x-access-token:{}", SECRETS[0].1).as_bytes())
        );
        std::fs::write(&config, text).expect("git's configuration");
    }
}

/// Every file below a folder with its content; of links, where they lead.
fn listing(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let kind = entry.file_type().expect("a kind");
            if kind.is_symlink() {
                let to = std::fs::read_link(&path).unwrap_or_default();
                files.insert(name, format!("-> {}", to.display()));
            } else if kind.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap_or_default();
                files.insert(name, String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    files
}

/// Carry out all attempts, two at a time, and tell what was wrong with each.
pub fn all(kind: &str, attempts: &[Attempt]) {
    let next = AtomicUsize::new(0);
    let wrong: Mutex<Vec<String>> = Mutex::default();
    let only = std::env::var("ATTEMPT").ok();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(attempt) = attempts.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if only.as_ref().is_some_and(|only| !attempt.name.contains(only.as_str())) {
                        continue;
                    }
                    let mut scene = Scene::new();
                    (attempt.arrange)(&mut scene);
                    let seen = scene.run();
                    let mut faults = Faults::default();
                    checks::rules_for_all(&seen, &mut faults);
                    (attempt.expect)(&seen, &mut faults);
                    if only.is_some() {
                        eprintln!("{}\n{}\n{:#?}", seen.stdout, seen.stderr, seen.files);
                    }
                    if !faults.0.is_empty() {
                        faults.0.dedup();
                        let text = format!("\n## {}\n- {}", attempt.name, faults.0.join("\n- "));
                        wrong.lock().expect("no panic").push(text);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    eprintln!("{kind}: {} attempts, {} got through", attempts.len(), wrong.len());
    assert!(wrong.is_empty(), "{kind}: {}", wrong.join("\n"));
}
