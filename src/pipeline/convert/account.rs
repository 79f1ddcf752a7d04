//! An account: what the source's graph has and neither the written file nor the list of
//! what is not carried does. The written file is read back for it.

mod places;

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::pipeline::check::Lines;
use crate::pipeline::graph::{self, Permissions, Pipeline, Span, TriggerKind};
use crate::pipeline::portable::write::context::identifier;
use crate::pipeline::portable::write::prepare::releases;
use crate::pipeline::portable::{Action, NotCarried, Portable, Trigger};
use crate::pipeline::{File, NoFiles, Outcome, Platform};
pub(super) use places::{ancestors, is, places};

/// Why, for what is in neither.
pub const SILENT: &str = "It was lost without a known reason";

static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)\$\{\{.*?\}\}|\$\[\[.*?\]\]|\$\([\w.\-]+\)|\$\[.*?\]|<\+(?:[^<>]|<\+[^<>]*>)*>|\$\{[^}]*\}|\$(?:env:)?\w+|%\w+%")
        .expect("the pattern is fixed")
});
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9_]{4,}").expect("the pattern is fixed"));
static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"['"]([^'"$]{3,})['"]"#).expect("the pattern is fixed"));
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"secrets\.getValue\(["'](?:\w+\.)*(\w+)["']\)|secrets\.([A-Za-z_]\w*)|credentials\(["']([\w.\-]+)["']\)|credentialsId:\s*["']([\w.\-]+)["']"#)
        .expect("the pattern is fixed")
});

struct Account<'a> {
    source: &'a File,
    lines: Lines,
    text: &'a str,
    lower: String,
    lost: &'a [NotCarried],
    remarks: &'a [String],
    found: Vec<NotCarried>,
}

/// What is in neither.
pub fn missing(
    source: &File,
    portable: &Portable,
    ids: &[String],
    text: &str,
    to: Platform,
    lost: &[NotCarried],
    remarks: &[String],
) -> Vec<NotCarried> {
    let target = match crate::pipeline::read(to, to.usual_path(), text, &NoFiles) {
        Outcome::Read(file) => file,
        Outcome::Declined(why) | Outcome::Invalid { why, .. } => {
            return vec![NotCarried {
                what: "the written file".to_owned(),
                why: format!("It cannot be read back: {why}"),
                line: None,
            }];
        }
    };
    let mut account = Account {
        source,
        lines: Lines::new(&source.text),
        text,
        lower: squeezed(text),
        lost,
        remarks,
        found: Vec::new(),
    };
    account.triggers(&target.pipeline, portable, to);
    account.jobs(&target.pipeline, portable, ids, to);
    account.needs(&target.pipeline, ids);
    account.secrets();
    account.found
}

/// Letters and digits alone, small.
fn squeezed(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Account<'_> {
    fn covered(&self, span: Span, words: &[&str]) -> bool {
        let (first, last) = self.lines.span(&span.range());
        self.lost.iter().any(|entry| {
            entry.line.is_some_and(|line| span.file == 0 && first <= line && line <= last)
                || words.iter().any(|word| !word.is_empty() && entry.what.contains(word))
        })
    }

    /// Whether an entry speaks of the job and of this kind of thing.
    fn told(&self, job: &str, words: &[&str]) -> bool {
        self.lost.iter().any(|entry| {
            entry.what.contains(job) && words.iter().any(|word| entry.what.contains(word))
        })
    }

    fn miss(&mut self, what: String, span: Span) {
        let line = (span.file == 0).then(|| self.lines.of(span.start as usize));
        let entry = NotCarried { what, why: SILENT.to_owned(), line };
        if !self.found.contains(&entry) {
            self.found.push(entry);
        }
    }

    fn reason(&mut self, what: String, why: &str, span: Span) {
        let line = (span.file == 0).then(|| self.lines.of(span.start as usize));
        self.found.push(NotCarried { what, why: why.to_owned(), line });
    }

    fn has(&self, word: &str) -> bool {
        let word = squeezed(word);
        word.is_empty() || self.lower.contains(&word)
    }

    fn triggers(&mut self, target: &Pipeline, portable: &Portable, to: Platform) {
        let source = self.source;
        for trigger in &source.pipeline.triggers {
            if self.covered(trigger.span, &[]) && trigger.span != Span::default() {
                continue;
            }
            let words: &[&str] = match trigger.kind {
                TriggerKind::Push => &["push", "branch"],
                TriggerKind::Tag => &["tag"],
                TriggerKind::Change | TriggerKind::ChangeWithSecrets => {
                    &["change", "pull", "merge"]
                }
                TriggerKind::Schedule => &["schedule", "cron"],
                TriggerKind::Manual => &["manual", "hand", "person"],
                TriggerKind::Pipeline | TriggerKind::Other => &["trigger"],
            };
            // Runs by hand or by API need no word on most platforms; others look at
            // branches and changes by themselves.
            let all = |one: &graph::Trigger| {
                one.kind == TriggerKind::Push && (one.branches.is_empty() || !one.tags.is_empty())
            };
            let tags = trigger.kind == TriggerKind::Tag && target.triggers.iter().any(all);
            let kept =
                tags || target.has_trigger(trigger.kind)
                    || trigger.kind == TriggerKind::ChangeWithSecrets
                        && target.has_trigger(TriggerKind::Change)
                    || trigger.kind == TriggerKind::Manual
                        && portable.inputs().all(|input| self.has(&input.name))
                    || self.remarks.iter().any(|one| {
                        words.iter().any(|word| one.to_ascii_lowercase().contains(word))
                    })
                    || self.lost.iter().any(|one| words.iter().any(|word| one.what.contains(word)));
            if !kept {
                let what = format!("the trigger `{}`", trigger.name);
                let lifted = portable.triggers.iter().any(|one| {
                    matches!(
                        (one, trigger.kind),
                        (Trigger::Push(_), TriggerKind::Push)
                            | (Trigger::Tag(_), TriggerKind::Tag)
                            | (Trigger::Change(_), TriggerKind::Change)
                    )
                });
                if lifted && to == Platform::Bitbucket {
                    self.reason(what, "No job of the pipeline runs for it", trigger.span);
                } else {
                    self.miss(what, trigger.span);
                }
            }
            for cron in &trigger.cron {
                if trigger.kind == TriggerKind::Schedule
                    && !cron.contains('H')
                    && !cron.starts_with('@')
                    && !self.has(cron)
                    && !self.lost.iter().any(|one| one.what.contains("schedule"))
                    && !self.remarks.iter().any(|one| one.contains(cron.as_str()))
                {
                    self.miss(format!("the schedule `{cron}`"), trigger.span);
                }
            }
        }
    }

    fn jobs(&mut self, target: &Pipeline, portable: &Portable, ids: &[String], to: Platform) {
        let source = self.source;
        let calm = releases(portable);
        for (at, job) in source.pipeline.jobs.iter().enumerate() {
            let id = ids.get(at).map_or("", String::as_str);
            // A job that is listed as a whole needs no list of its parts.
            let whole = format!("job `{id}`");
            if self
                .lost
                .iter()
                .any(|one| one.what.strip_prefix("the ").unwrap_or(&one.what) == whole)
            {
                continue;
            }
            let there = places(target, id, job).next().is_some() || self.has(job.title());
            if !there && !self.told(id, &["job"]) && !self.covered(job.key_span, &[]) {
                self.miss(format!("the job `{}`", job.id), job.span);
                continue;
            }
            let lifted = portable.job(id);
            self.job(job, id, target, to);
            let lifted_lines: HashSet<u32> = lifted
                .iter()
                .flat_map(|job| job.all_steps())
                .filter_map(|step| step.line)
                .collect();
            for step in &job.steps {
                self.step(step, id, &lifted_lines);
            }
            let Some(lifted) = lifted else { continue };
            for step in lifted.all_steps() {
                let span = job.span;
                let listed = self.lost.iter().any(|one| {
                    one.line.is_some()
                        && one.line == step.line
                        && one.what.starts_with("the step `")
                        && one.what.contains(id)
                });
                if listed {
                    continue;
                }
                match &step.action {
                    Action::Cache { name, paths, .. } => {
                        let there = paths.iter().all(|path| self.has(path.trim_start_matches('~')));
                        if !there && !self.told(id, &["cache"]) {
                            let what = format!("the cache `{name}` of job `{id}`");
                            if calm {
                                self.reason(what, "A pipeline that makes releases reads no cache that a change may have written", span);
                            } else {
                                self.miss(what, span);
                            }
                        }
                    }
                    Action::CacheDependencies { manager, .. } => {
                        let word = format!("{manager:?}").to_ascii_lowercase();
                        if calm {
                            self.reason(
                                format!("the cache of {word} of job `{id}`"),
                                "A pipeline that makes releases reads no cache that a change may have written",
                                span,
                            );
                        } else if !self.has("cach") && !self.told(id, &["cache"]) {
                            self.miss(format!("the cache of {word} of job `{id}`"), span);
                        }
                    }
                    Action::SaveArtifact { name, paths, .. }
                        if !paths.iter().all(|path| self.has(path.trim_start_matches('~')))
                            && !self.told(id, &["artifact", "files"]) =>
                    {
                        let what = format!("the artifact `{name}` of job `{id}`");
                        if to == Platform::Harness {
                            let why = "Harness keeps files with a step that uploads them to a store of one's own; add one";
                            self.reason(what, why, span);
                        } else {
                            self.miss(what, span);
                        }
                    }
                    Action::SaveTestReport(report)
                        if !report.paths.iter().all(|path| self.has(path))
                            && !self.told(id, &["test", "report"]) =>
                    {
                        let what = format!("the test results of job `{id}`");
                        if to == Platform::Bitbucket {
                            let why = "Bitbucket finds reports by itself, in folders called `test-results`, `test-reports` and the like";
                            self.reason(what, why, span);
                        } else {
                            self.miss(what, span);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn job(&mut self, job: &graph::Job, id: &str, target: &Pipeline, to: Platform) {
        if let Some(condition) = &job.condition
            && !self.covered(condition.span, &[])
            && !self.told(id, &["condition", "filter"])
            && !self.words_of_condition(&condition.value)
        {
            self.miss(
                format!("the condition `{}` of job `{}`", short(&condition.value), job.id),
                condition.span,
            );
        }
        if let Some(environment) = &job.environment {
            let plain = REFERENCE.replace_all(&environment.value, "");
            // The name alone may stand in a script by chance: the job has to have it.
            if !self.has(&plain) && !self.told(id, &["environment"]) {
                let what = format!("the environment `{}` of job `{}`", environment.value, job.id);
                if to == Platform::Harness {
                    let why = "Environments are for deployment stages there; this one runs scripts";
                    self.reason(what, why, environment.span);
                } else {
                    self.miss(what, environment.span);
                }
            }
        }
        if job.manual {
            let waits =
                target.jobs.iter().any(|job| job.manual || job.kind == graph::JobKind::Approval)
                    || self
                        .remarks
                        .iter()
                        .any(|one| one.contains("reviewers") || one.contains("approv"))
                    || self.told(id, &["approval", "person"]);
            if !waits {
                self.miss(format!("the approval of job `{}`", job.id), job.span);
            }
        }
        for service in &job.services {
            let docker = service == "docker" || service.contains("dind");
            let plain = REFERENCE.replace_all(service, "");
            if !docker && !self.has(&plain) && !self.told(id, &["service"]) {
                self.miss(format!("the service `{service}` of job `{}`", job.id), job.span);
            }
        }
        if let Some(image) = &job.image {
            let plain = REFERENCE.replace_all(&image.value, " ").into_owned();
            let there = plain.split_ascii_whitespace().all(|part| self.has(part));
            if !there && !self.told(id, &["image", "container"]) {
                self.miss(format!("the image `{}` of job `{}`", image.value, job.id), image.span);
            }
        }
        if let Some(timeout) = &job.timeout {
            let minutes = timeout.value.ceil().max(1.0);
            let there = places(target, id, job)
                .any(|one| one.timeout.as_ref().is_some_and(|t| t.value >= minutes))
                || self.text.contains(&format!("{minutes}"))
                || self.told(id, &["limit", "time"])
                || self.covered(timeout.span, &[]);
            if !there {
                self.miss(format!("the time limit of job `{}`", job.id), timeout.span);
            }
        }
        if let Some(matrix) = &job.matrix {
            for (axis, values) in &matrix.axes {
                for value in values {
                    let plain = REFERENCE.replace_all(value, " ");
                    let there = plain.split_ascii_whitespace().all(|part| self.has(part));
                    if !there
                        && !self.told(id, &["matrix", "copies", "cell"])
                        && !self.covered(matrix.span, &[])
                    {
                        self.miss(
                            format!(
                                "the value `{value}` of `{axis}` in the matrix of job `{}`",
                                job.id
                            ),
                            matrix.span,
                        );
                    }
                }
            }
        }
        if let Permissions::Scopes(scopes, span) = &job.permissions {
            for (scope, access) in scopes {
                if to != Platform::GitHub && !self.covered(*span, &[scope.as_str()])
                    || to == Platform::GitHub && !self.has(scope)
                {
                    self.miss(format!("the right `{scope}: {access}` of job `{}`", job.id), *span);
                }
            }
        }
    }

    fn words_of_condition(&self, text: &str) -> bool {
        QUOTED.captures_iter(text).filter_map(|found| found.get(1)).all(|word| {
            let word = word.as_str();
            let word = word.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/");
            let known = [
                "push",
                "pull",
                "merge",
                "schedule",
                "workflow_dispatch",
                "web",
                "true",
                "false",
                "manual",
                "succe",
                "failure",
                "on_success",
                "always",
                "never",
                "refs/",
                "PullRequest",
                "Individual",
                "release",
                "skipped",
                "paths",
                "changesets",
                "includePaths",
                "refs",
                "branches",
                "tags",
                "name",
                "if",
                "web",
                "when",
                "variables",
                "tag",
                "PR",
                "pushes",
                "api",
                "triggers",
                "changes",
                "cancel",
                "Trigger",
                "UserId",
                "BatchedCI",
            ];
            known.iter().any(|known| word.starts_with(known))
                || WORD.find_iter(word).all(|part| self.has(part.as_str()))
        })
    }

    fn step(&mut self, step: &graph::Step, id: &str, lifted: &HashSet<u32>) {
        if let Some(script) = &step.script {
            if self.covered(step.span, &[]) && step.uses.is_none() && step.span == script.span {
                // Parts of it are listed; the rest is looked for all the same.
            }
            let plain = REFERENCE.replace_all(&script.text, " ");
            let lost: Vec<&str> = WORD
                .find_iter(&plain)
                .map(|word| word.as_str())
                .filter(|word| !self.has(word))
                .collect();
            if let Some(word) = lost.first()
                && !self.covered(step.span, &[])
            {
                self.miss(format!("`{word}` in a script of job `{id}`"), step.span);
            }
        } else if let Some(used) = &step.uses {
            let line = (step.span.file == 0).then(|| self.lines.of(step.span.start as usize));
            let there = line.is_none_or(|line| lifted.contains(&line));
            let name = used.name.to_ascii_lowercase();
            if !there
                && !NOTHING.contains(&name.as_str())
                && !self.covered(step.span, &[used.name.as_str()])
            {
                self.miss(format!("the step `{}` of job `{id}`", used.name), step.span);
            }
        }
        if let Some(condition) = &step.condition
            && !self.covered(condition.span, &[])
            && !self.covered(step.span, &[])
            && !self.told(id, &["condition", "filter"])
            && !self.words_of_condition(&condition.value)
        {
            self.miss(
                format!("the condition `{}` of a step of job `{id}`", short(&condition.value)),
                condition.span,
            );
        }
    }

    fn needs(&mut self, target: &Pipeline, ids: &[String]) {
        let source = self.source;
        let before = ancestors(target);
        for (at, job) in source.pipeline.jobs.iter().enumerate() {
            for need in &job.needs {
                let Some(other) = source.pipeline.jobs.get(need.job) else { continue };
                let (id, of) = (ids.get(at), ids.get(need.job));
                let (Some(id), Some(of)) = (id, of) else { continue };
                if id == of {
                    continue;
                }
                let mut known = false;
                let mut kept = false;
                for (place, one) in target.jobs.iter().enumerate() {
                    if !is(one, id, job) {
                        continue;
                    }
                    known = true;
                    let first = before.get(place);
                    kept |= target.jobs.iter().enumerate().any(|(earlier, one)| {
                        is(one, of, other)
                            && (earlier == place || first.is_some_and(|set| set.contains(&earlier)))
                    });
                }
                if known && !kept && !self.told(id, &["order", "wait", "need", "together"]) {
                    self.miss(
                        format!("that `{}` waits for `{}`", job.id, other.id),
                        need.span.unwrap_or(job.key_span),
                    );
                }
            }
        }
    }

    fn secrets(&mut self) {
        let source = self.source;
        for found in SECRET.captures_iter(&source.text) {
            let Some(name) = (1..=4).find_map(|at| found.get(at)) else { continue };
            let own = matches!(name.as_str(), "GITHUB_TOKEN");
            let line = source
                .text
                .get(..name.start())
                .map_or("", |text| text.rsplit('\n').next().unwrap_or(""));
            let comment = line.trim_start().starts_with(['#', '/']) || line.contains(" # ");
            let said = self.remarks.iter().any(|one| one.contains(&identifier(name.as_str())))
                || self.lost.iter().any(|one| one.what.contains(name.as_str()))
                || self.covered(Span::new(name.range()), &[]);
            let at = name.start() as u32;
            let inside = source.pipeline.jobs.iter().any(|job| {
                let apart = || job.steps.iter().map(|step| step.span).chain([job.span]);
                apart().any(|span| span.file == 0 && span.start <= at && at < span.end)
            });
            let what = format!("the secret `{}`", name.as_str());
            if own || comment || self.has(&identifier(name.as_str())) || said {
                continue;
            }
            if !inside
                && !source.pipeline.jobs.is_empty()
                && source.pipeline.platform == Platform::Jenkins
            {
                let why = "It stands in a part of the file that belongs to no stage that runs";
                self.reason(what, why, Span::new(name.range()));
            } else {
                self.miss(what, Span::new(name.range()));
            }
        }
    }
}

/// Steps that nothing has to be done for elsewhere, or whose inner steps are told apart.
const NOTHING: &[&str] = &[
    "docker/setup-qemu-action",
    "docker/setup-buildx-action",
    "actions/cache/save",
    "checkout",
    "deletedir",
    "cleanws",
    "timestamps",
    "ansicolor",
    "wrap",
    "withenv",
    "withcredentials",
    "catcherror",
    "warnerror",
    "node",
    "stage",
    "milestone",
    "barrier",
    "queue",
    "resourceconstraint",
    "download",
    "tools",
];

fn short(text: &str) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().take(100).collect()
}
