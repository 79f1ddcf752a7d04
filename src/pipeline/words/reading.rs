//! From a step to what it does, and what of it could not be told.

use std::sync::LazyLock;

use super::names::{self, Meaning};
use super::shell::{self, Command, Options, Shell};
use super::table::{Kind, Parts, Table, value};
use super::{Does, Manager, commands as rows, delivery, image, ready, scan, wrap};
use crate::pipeline::graph::{Job, Os, Script, Step};
use crate::pipeline::platform::Platform;

/// What a step's words tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// What it does, in order, nothing twice.
    pub does: Vec<Does>,
    /// Commands and ready-made steps of which nothing is known.
    pub unknown: Vec<String>,
    /// Local scripts and tasks of which only the name is known: `make lint`.
    pub named: Vec<String>,
    /// Those of them that build by a script or recipe of their own, which may leave
    /// more than its name says.
    pub made: Vec<String>,
    /// Commands that change something outside which no [`Does`] names.
    pub outside: Vec<String>,
    /// Commands that fetch something which another job may have left outside.
    pub fetches: Vec<String>,
    /// Whether a cluster or a cloud is started on the runner itself.
    pub sandbox: bool,
}

impl Reading {
    fn add(&mut self, does: Does) {
        if !self.does.contains(&does) {
            self.does.push(does);
        }
    }
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::new(&[rows::PLAIN, rows::INSTALL, rows::QUALITY, delivery::DELIVERY]));

/// How a job's script is to be read; `None` where it is no shell's.
///
/// Defaults: GitHub and Azure run `cmd` or PowerShell on Windows; GitHub's `bash` and
/// GitLab's shells set `pipefail`.
pub fn options(platform: Platform, job: &Job, script: &Script) -> Option<Options> {
    if super::is_program(script) {
        return None;
    }
    let named = script.shell.as_deref().unwrap_or("").trim();
    let first = named.split_ascii_whitespace().next().unwrap_or("");
    let windows = job.runner.os == Some(Os::Windows);
    let shell = match shell::base_name(first).to_ascii_lowercase().as_str() {
        "" if windows && platform == Platform::GitHub => Shell::PowerShell,
        "" if windows && platform == Platform::Azure => Shell::Cmd,
        "cmd" | "bat" | "batch" => Shell::Cmd,
        "script" if windows => Shell::Cmd,
        "pwsh" | "powershell" => Shell::PowerShell,
        _ => Shell::Posix,
    };
    let pipefail = platform == Platform::GitLab
        || (platform == Platform::GitHub && named == "bash")
        || named.contains("pipefail");
    Some(Options { shell, macros: platform == Platform::Azure, pipefail })
}

/// The commands that a script comes to, wrappers taken off.
pub fn commands(text: &str, options: Options) -> Vec<Command> {
    let found = shell::scan(text, options);
    found.into_iter().flat_map(|command| wrap::unwrap(command, text, options)).collect()
}

/// What a script does.
pub fn text(text: &str, options: Options) -> Reading {
    let mut reading = Reading::default();
    let found = commands(text, options);
    let defined = functions(text, options);
    for command in &found {
        if let Some(first) = command.words.first()
            && defined.iter().any(|name| *name == first.text)
        {
            // Its body was read where it is defined.
            continue;
        }
        read(command, &mut reading);
    }
    reading
}

/// Names of the functions that a script defines.
fn functions(text: &str, options: Options) -> Vec<&str> {
    if options.shell != Shell::Posix || !text.contains('{') {
        return Vec::new();
    }
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let head = line.strip_prefix("function ").unwrap_or(line);
            let (name, rest) = head
                .split_once("()")
                .or_else(|| line.strip_prefix("function ").and_then(|rest| rest.split_once(' ')))?;
            let name = name.trim();
            let plain =
                name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':'));
            (plain && !name.is_empty() && rest.trim_start().starts_with(['{', '('])
                || rest.trim().is_empty() && plain && !name.is_empty())
            .then_some(name)
        })
        .collect()
}

/// What a step of a job does.
pub fn step(platform: Platform, job: &Job, step: &Step) -> Reading {
    let mut reading = Reading::default();
    if let Some(used) = &step.uses {
        match ready::does(platform, step, used) {
            Some(known) => {
                reading.sandbox |= known.sandbox;
                for does in known.does {
                    reading.add(does);
                }
            }
            // What runs a script is told by the script.
            None if step.script.is_some() => {}
            None => reading.unknown.push(used.name.clone()),
        }
    }
    if let Some(script) = &step.script {
        match options(platform, job, script) {
            Some(options) => {
                let inner = text(&script.text, options);
                for does in inner.does {
                    reading.add(does);
                }
                reading.unknown.extend(inner.unknown);
                reading.named.extend(inner.named);
                reading.made.extend(inner.made);
                reading.outside.extend(inner.outside);
                reading.fetches.extend(inner.fetches);
                reading.sandbox |= inner.sandbox;
            }
            None => reading.unknown.push("a program".to_owned()),
        }
    }
    if step.soft_fail {
        for does in &mut reading.does {
            if let Does::Scan { gating, .. } = does {
                *gating = false;
            }
        }
    }
    reading
}

/// Images that the scanners of a script look at, as written.
pub fn scanned_images(text: &str, options: Options) -> Vec<String> {
    commands(text, options).iter().filter_map(scan::image).collect()
}

fn read(command: &Command, reading: &mut Reading) {
    let parts = Parts::of(command);
    if parts.program.is_empty() {
        return;
    }
    if parts.has("--help")
        || (parts.plain.is_empty() && (parts.has("--version") || parts.has("-version")))
    {
        return;
    }
    let mut known = false;
    if let Some(does) = image::does(command) {
        known = true;
        for does in does {
            reading.add(does);
        }
    }
    if let Some(does) = scan::does(command) {
        known = true;
        reading.add(does);
    }
    if let Some(kinds) = TABLE.look(&parts) {
        known = true;
        for kind in kinds {
            kind_of(kind, command, reading);
        }
    }
    if known {
        if matches!(parts.program, "curl" | "wget" | "http" | "https") {
            transfer(command, &parts, reading);
        }
        return;
    }
    if special(command, &parts, reading)
        || task(command, &parts, reading)
        || local(command, &parts, reading)
    {
        return;
    }
    let first = command.words.first().map_or("", |word| word.text.as_str());
    let second = parts.plain.first().copied().unwrap_or("");
    let label = format!("{first} {second}");
    let line: String = label.lines().next().unwrap_or("").chars().take(60).collect();
    reading.unknown.push(line.trim().to_owned());
}

fn kind_of(kind: Kind, command: &Command, reading: &mut Reading) {
    let owned = str::to_owned;
    let does = match kind {
        Kind::Plain => return,
        Kind::Fetch => {
            let program = command.program();
            let open =
                ["curl", "wget", "git", "iwr", "Invoke-WebRequest", "aria2c", "ansible-galaxy"];
            if !open.contains(&program) {
                reading.fetches.push(command.texts().take(3).collect::<Vec<_>>().join(" "));
            }
            return;
        }
        Kind::Sandbox => {
            reading.sandbox = true;
            return;
        }
        Kind::Outside => {
            reading.outside.push(command.texts().take(2).collect::<Vec<_>>().join(" "));
            return;
        }
        Kind::Install(manager) => Does::Install(manager),
        Kind::Setup(what) => Does::Setup(owned(what)),
        Kind::Lint => Does::Lint,
        Kind::Test => Does::Test,
        Kind::Build => Does::Build,
        Kind::Checkout => Does::Checkout,
        Kind::Deploy(tool) => Does::Deploy(owned(tool)),
        Kind::Publish(what) => Does::Publish(owned(what)),
        Kind::Health => Does::HealthCheck,
        Kind::Rollback => Does::Rollback,
        Kind::Plan(tool) => Does::Plan(owned(tool)),
        Kind::Notify(what) => Does::Notify(owned(what)),
        Kind::Login(what) => Does::Login(owned(what)),
        Kind::History => Does::History,
    };
    reading.add(does);
}

/// `curl` and `wget`: health checks, hooks and uploads told from downloads.
fn transfer(command: &Command, parts: &Parts<'_>, reading: &mut Reading) {
    let url = command
        .texts()
        .skip(1)
        .find(|word| {
            word.contains("://")
                || word.starts_with(['$', '<']) && word.to_ascii_lowercase().contains("url")
        })
        .unwrap_or("");
    let lower = url.to_ascii_lowercase();
    let method = value(command, "-X").or(value(command, "--request")).unwrap_or("");
    let sends = matches!(method, "POST" | "PUT" | "PATCH" | "DELETE")
        || ["-d", "--data", "--data-raw", "--data-binary", "-F", "--form", "--json", "--post-data"]
            .iter()
            .any(|flag| parts.has(flag))
        || parts
            .flags
            .iter()
            .any(|flag| matches!(*flag, "-XPOST" | "-XPUT" | "-XPATCH" | "-XDELETE"));
    let uploads = parts.has("-T") || parts.has("--upload-file");
    let local = ["localhost", "127.0.0.1", "0.0.0.0"].iter().any(|host| lower.contains(host));
    let hook = ["hooks.slack", "discord", "webhook.office", "telegram", "webhook", "slack"];
    if local {
        return;
    }
    if uploads {
        reading.add(Does::Publish("http".to_owned()));
    } else if sends && hook.iter().any(|part| lower.contains(part)) && !lower.contains("deploy") {
        reading.add(Does::Notify("webhook".to_owned()));
    } else if sends
        && lower
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| word == "deploy" || word == "deployments")
    {
        reading.add(Does::Deploy("hook".to_owned()));
    } else if sends {
        reading.outside.push(format!("{} {url}", parts.program));
    } else {
        let words = [
            "health",
            "healthz",
            "healthcheck",
            "ready",
            "readyz",
            "live",
            "livez",
            "ping",
            "status",
            "smoke",
        ];
        let path = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let asks =
            path.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| words.contains(&word));
        let fails = parts.flags.iter().any(|flag| {
            flag.starts_with("--fail") || (!flag.starts_with("--") && flag.contains('f'))
        });
        let keeps = parts.has("-o")
            || parts.has("-O")
            || parts.has("--output")
            || command.piped
            || parts
                .flags
                .iter()
                .any(|flag| !flag.starts_with("--") && (flag.contains('O') || flag.ends_with('o')));
        let null = value(command, "-o").or(value(command, "--output")) == Some("/dev/null");
        if path.split(['/', '?']).any(|part| part == "artifacts") {
            // Both hosts' interfaces give out what jobs left.
            reading.fetches.push(format!("{} {url}", parts.program));
        }
        if asks || (fails && parts.has("--retry") && (!keeps || null) && !command.nested) {
            reading.add(Does::HealthCheck);
        }
    }
}

/// Programs whose arguments say where something goes.
fn special(command: &Command, parts: &Parts<'_>, reading: &mut Reading) -> bool {
    let last = parts.plain.last().copied().unwrap_or("");
    match (parts.program, parts.plain.first().copied().unwrap_or("")) {
        ("aws", "s3") => {
            let verb = parts.plain.get(1).copied().unwrap_or("");
            let to = parts.plain.get(3).copied().unwrap_or("");
            match verb {
                "sync"
                    if !to.starts_with("s3://")
                        && parts.plain.get(2).is_some_and(|from| from.starts_with("s3://")) =>
                {
                    reading.fetches.push("aws s3".to_owned());
                }
                "sync" => reading.add(Does::Deploy("s3".to_owned())),
                "cp" | "mv" if to.starts_with("s3://") => {
                    reading.add(Does::Publish("s3".to_owned()))
                }
                "rm" | "mb" | "rb" | "website" => reading.outside.push("aws s3".to_owned()),
                "cp" | "mv" | "ls" | "presign" => reading.fetches.push("aws s3".to_owned()),
                _ => return false,
            }
            true
        }
        ("aws", _) => {
            reading.outside.push(format!("aws {}", parts.plain.first().unwrap_or(&"")));
            true
        }
        ("ssh" | "sshpass" | "autossh", host) => {
            let host = if parts.program == "sshpass" { "$" } else { host };
            let only = command.texts().skip_while(|word| *word != host).nth(1);
            let idle = matches!(only, Some("exit" | "true" | "ls" | "echo" | "hostname"));
            if remote(host) && !idle && !parts.has("-V") {
                reading.add(Does::Deploy(parts.program.to_owned()));
            }
            true
        }
        ("rsync" | "scp", _) => {
            if last.split_once(':').is_some_and(|(host, _)| remote(host)) {
                reading.add(Does::Deploy(parts.program.to_owned()));
            }
            true
        }
        (
            "python" | "python3" | "node" | "ruby" | "perl" | "Rscript" | "julia" | "lua"
            | "ts-node" | "tsx" | "deno" | "bun",
            file,
        ) if is_file(file) => {
            by_name(file, command, reading);
            true
        }
        ("python" | "python3" | "node" | "ruby" | "perl" | "php" | "java" | "lua" | "deno", _)
            if parts.plain.is_empty()
                && parts
                    .flags
                    .iter()
                    .all(|flag| matches!(*flag, "-v" | "-V" | "--version" | "-version")) =>
        {
            true
        }
        _ => false,
    }
}

/// Whether a host is one elsewhere: no machine of the runner's own, no forge.
fn remote(host: &str) -> bool {
    let name = host.rsplit('@').next().unwrap_or(host);
    let elsewhere = host.contains(['@', '.', '$', '<', '{']);
    elsewhere
        && !host.starts_with("git@")
        && !matches!(name, "localhost" | "127.0.0.1" | "::1" | ".")
}

fn is_file(word: &str) -> bool {
    let ends = [".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".R", ".jl", ".lua", ".sh"];
    ends.iter().any(|end| word.ends_with(end))
}

/// `npm run lint`, `make test`: told by the task's name.
fn task(command: &Command, parts: &Parts<'_>, reading: &mut Reading) -> bool {
    let plain = &parts.plain;
    let first = plain.first().copied().unwrap_or("");
    let from = |at: usize| plain.get(at..).unwrap_or(&[]).to_vec();
    let tasks: Vec<&str> = match parts.program {
        "npm" => match first {
            "run" | "run-script" | "rum" | "urn" => from(1).into_iter().take(1).collect(),
            "test" | "t" | "tst" | "start" | "stop" => vec![first],
            "it" | "install-test" | "install-ci-test" | "cit" => {
                reading.add(Does::Install(Manager::Npm));
                vec!["test"]
            }
            _ => return false,
        },
        "yarn" | "pnpm" | "bun" | "composer" => match first {
            "run" | "run-script" | "-r" => from(1).into_iter().take(1).collect(),
            "workspace" => from(2).into_iter().filter(|word| *word != "run").take(1).collect(),
            "" if parts.program == "yarn" => {
                reading.add(Does::Install(Manager::Yarn));
                return true;
            }
            "" => return false,
            // The program of a package, or a script: the former is known by its name.
            other => {
                let mut inner = command.clone();
                let at = inner.words.iter().position(|word| word.text == other).unwrap_or(0);
                if at > 0 {
                    inner.words.drain(..at);
                    let mut tried = Reading::default();
                    let parts = Parts::of(&inner);
                    if let Some(kinds) =
                        TABLE.look(&parts).filter(|kinds| !kinds.contains(&Kind::Plain))
                    {
                        for kind in kinds {
                            kind_of(kind, &inner, &mut tried);
                        }
                    }
                    if !tried.does.is_empty() {
                        for does in tried.does {
                            reading.add(does);
                        }
                        return true;
                    }
                }
                vec![other]
            }
        },
        "make" | "gmake" | "mingw32-make" | "just" | "task" | "go-task" | "rake" | "invoke"
        | "inv" | "mage" | "ant" | "gulp" | "grunt" | "poe" | "doit" | "wireit" | "npm-run"
        | "nps" | "phing" | "robo" | "fastlane" | "ninja" => {
            let targets: Vec<&str> = plain
                .iter()
                .copied()
                .filter(|word| !word.contains('=') && !word.bytes().all(|b| b.is_ascii_digit()))
                .collect();
            if targets.is_empty() {
                reading.add(Does::Build);
                return true;
            }
            targets
        }
        "turbo" | "lerna" | "nx" | "moon" | "rush" | "wsrun" | "ng" | "lage" | "preconstruct" => {
            match first {
                "run" | "run-many" | "exec" | "affected" => {
                    let mut tasks: Vec<&str> = from(1);
                    for flag in ["-t", "--target", "--targets", "--target="] {
                        tasks.extend(
                            super::table::values(command, flag)
                                .into_iter()
                                .flat_map(|list| list.split(',')),
                        );
                    }
                    tasks
                }
                "" => return false,
                other => vec![other],
            }
        }
        "cargo" => match first {
            "make" | "xtask" | "x" | "local-nt" => from(1).into_iter().take(1).collect(),
            _ => return false,
        },
        "deno" if first == "task" => from(1).into_iter().take(1).collect(),
        "gradle" | "gradlew" | "mvn" | "mvnw" | "sbt" | "bundle" | "docker-compose" => {
            let manager = match parts.program {
                "mvn" | "mvnw" => Some(Manager::Maven),
                "gradle" | "gradlew" => Some(Manager::Gradle),
                _ => None,
            };
            let Some(manager) = manager else { return false };
            reading.add(Does::Install(manager));
            plain.clone()
        }
        "earthly" | "dagger" => {
            plain.iter().map(|word| word.rsplit('+').next().unwrap_or(word)).collect()
        }
        _ => return false,
    };
    if tasks.is_empty() {
        return false;
    }
    let mut known = false;
    let label = format!("{} {}", parts.program, tasks.join(" "));
    let scripts = [
        "npm", "yarn", "pnpm", "bun", "composer", "turbo", "nx", "lerna", "gradle", "gradlew",
        "mvn", "mvnw", "ng", "cargo", "ant", "ninja",
    ];
    for task in tasks {
        let last = task.rsplit('/').next().unwrap_or(task);
        if let Some(meaning) = names::meaning(last) {
            known = true;
            if meaning == Meaning::Build && !scripts.contains(&parts.program) {
                reading.made.push(label.clone());
            }
            said(meaning, parts.program, command, reading);
        }
    }
    if known {
        reading.named.push(label);
    } else {
        reading.unknown.push(label);
    }
    true
}

fn said(meaning: Meaning, by: &str, command: &Command, reading: &mut Reading) {
    if let Some(mut does) = names::does(meaning, by) {
        if let Does::Scan { gating, .. } = &mut does {
            *gating = !command.tolerated && !command.condition;
        }
        reading.add(does);
    }
}

/// `./deploy.sh`, `scripts/test.py`.
fn local(command: &Command, _: &Parts<'_>, reading: &mut Reading) -> bool {
    let Some(first) = command.words.first() else { return false };
    let path = first.text.as_str();
    let scripted = [".sh", ".bash", ".ps1", ".py", ".bat", ".cmd", ".js", ".rb", ".pl"]
        .iter()
        .any(|end| path.ends_with(end));
    let relative = path.starts_with("./")
        || path.starts_with("../")
        || path.starts_with(".\\")
        || (path.contains('/')
            && !path.starts_with(['/', '$', '~', '<', '-'])
            && !path.contains("://"));
    if !scripted && !relative {
        return false;
    }
    by_name(path, command, reading);
    true
}

fn by_name(path: &str, command: &Command, reading: &mut Reading) {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    // `./ci.sh deploy`: the first argument may be the task.
    let argument = command.texts().skip_while(|word| *word != path).nth(1);
    let argument = argument.filter(|word| {
        word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':'))
            && !word.starts_with('-')
    });
    match names::meaning(stem).or_else(|| argument.and_then(names::meaning)) {
        Some(meaning) => {
            said(meaning, path, command, reading);
            if meaning == Meaning::Build {
                reading.made.push(path.to_owned());
            }
            reading.named.push(path.to_owned());
        }
        None => reading.unknown.push(path.to_owned()),
    }
}
