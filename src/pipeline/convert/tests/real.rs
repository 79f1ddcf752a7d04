//! Conversions of real files: each gives a sound file, and of the graph's jobs, edges,
//! triggers, environments, approvals, conditions, secrets, artifacts and caches each is in the
//! target's graph or in the list.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::pipeline::graph::{Job, JobKind, Pipeline, Resource, TriggerKind};

/// Real files of a platform: name and text. Empty where they are not at hand.
fn files(platform: Platform) -> Vec<(String, String)> {
    let shared = std::env::var_os("PIPEWRIGHT_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("data/pipelines").join(platform.as_str());
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: no pipelines in {}", folder.display());
        return Vec::new();
    };
    let mut files: Vec<(String, String)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, std::fs::read_to_string(path).ok()?))
        })
        .collect();
    files.sort();
    files
}

fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// How many of a kind the source has, the target's graph has, and the list names.
#[derive(Default)]
struct Count {
    source: usize,
    carried: usize,
    listed: usize,
    lost: Vec<String>,
}

struct Held<'a> {
    source: &'a File,
    target: &'a Pipeline,
    made: &'a Converted,
    to: Platform,
    lines: crate::pipeline::check::Lines,
    counts: BTreeMap<&'static str, Count>,
}

impl Held<'_> {
    fn hold(&mut self, kind: &'static str, what: String, carried: bool, listed: bool) {
        let count = self.counts.entry(kind).or_default();
        count.source += 1;
        if carried {
            count.carried += 1;
        } else if listed {
            count.listed += 1;
        } else {
            count.lost.push(what);
        }
    }

    /// Whether an entry (or a remark) speaks of the job and has one of the words.
    fn told(&self, job: &str, words: &[&str]) -> bool {
        let job = plain(job);
        let told =
            |text: &str| plain(text).contains(&job) && words.iter().any(|word| text.contains(word));
        self.made.not_carried.iter().any(|one| told(&one.what))
            || self.made.remarks.iter().any(|one| told(one))
    }

    fn lines(&self, span: crate::pipeline::graph::Span) -> (u32, u32) {
        self.lines.span(&span.range())
    }

    /// Whether an entry stands in these lines.
    fn within(&self, span: crate::pipeline::graph::Span) -> bool {
        let (first, last) = self.lines(span);
        span.file != 0
            || self
                .made
                .not_carried
                .iter()
                .any(|one| one.line.is_some_and(|line| first <= line && line <= last))
    }

    fn whole(&self, id: &str) -> bool {
        let whole = format!("job `{id}`");
        self.made.not_carried.iter().any(|one| one.what.trim_start_matches("the ") == whole)
    }

    fn job(&mut self, job: &Job, id: &str) {
        let target = self.target;
        let places: Vec<&Job> = account::places(target, id, job).collect();
        let behind = self.to == Platform::Jenkins
            && self.made.text.contains(&format!("// {}", job.title().replace('\n', " ")));
        let gone = self.whole(id);
        self.hold("jobs", job.id.clone(), !places.is_empty() || behind, gone);
        if gone {
            return;
        }
        if let Some(environment) = &job.environment {
            let wanted = plain(&environment.value);
            let has = |one: &&Job| {
                one.environment.as_ref().is_some_and(|there| plain(&there.value) == wanted)
            };
            let carried = places.iter().any(has);
            let listed = self.told(id, &["environment"]);
            self.hold("environments", environment.value.clone(), carried, listed);
        }
        // What follows success says nothing that the order does not, and of Jenkins' `post`
        // the steps tell when they have their turn.
        let usual = |text: &str| matches!(text, "succeeded()" | "success()" | "post");
        if let Some(condition) = job.condition.as_ref().filter(|one| !usual(&one.value)) {
            // Bitbucket asks by the event, which is a list of its own.
            let asks = |one: &Job| {
                one.condition.is_some()
                    || one.manual
                    || one.steps.iter().any(|step| step.condition.is_some())
            };
            let carried = places.iter().any(|one| asks(one))
                || self.to == Platform::Bitbucket && !places.is_empty()
                || behind;
            let listed = self.told(id, &["condition", "filter", "runs even"])
                || self.within(condition.span)
                || target.jobs.iter().any(|one| one.manual || one.kind == JobKind::Approval);
            self.hold("conditions", format!("{} of {}", condition.value, job.id), carried, listed);
        }
        if job.manual {
            let waits = |one: &Job| one.manual || one.kind == JobKind::Approval;
            let carried = target.jobs.iter().any(waits) || self.made.text.contains("input");
            let asked = self.made.remarks.iter().any(|one| one.contains("reviewers"));
            let listed = asked || self.told(id, &["approval", "person"]);
            self.hold("approvals", job.id.clone(), carried, listed);
        }
        let writes = |job: &Job| {
            job.writes.iter().filter(|one| matches!(one.what, Resource::Artifact(_))).count()
        };
        if writes(job) > 0 {
            let carried = places.iter().any(|one| writes(one) > 0) || behind;
            let listed = self.told(id, &["artifact", "files", "upload", "publish"])
                || job.steps.iter().any(|step| step.uses.is_some() && self.within(step.span))
                || self.within(job.span) && self.told(id, &["call"]);
            self.hold("artifacts", job.id.clone(), carried, listed);
        }
        let caches = |job: &Job| {
            let all = job.reads.iter().chain(&job.writes);
            all.filter(|one| matches!(one.what, Resource::Cache(_))).count()
        };
        if caches(job) > 0 {
            // A Jenkinsfile keeps them with a step of a plugin, which is no cache of its graph.
            let plugin = self.to == Platform::Jenkins && self.made.text.contains("FileCache(");
            let carried = places.iter().any(|one| caches(one) > 0) || plugin;
            let listed = self.told(id, &["cache"])
                || job
                    .reads
                    .iter()
                    .chain(&job.writes)
                    .any(|one| matches!(one.what, Resource::Cache(_)) && self.within(one.span));
            self.hold("caches", job.id.clone(), carried, listed);
        }
    }

    fn edges(&mut self, ids: &[String]) {
        let source = self.source;
        for (at, job) in source.pipeline.jobs.iter().enumerate() {
            for need in &job.needs {
                let Some(other) = source.pipeline.jobs.get(need.job) else { continue };
                let (Some(id), Some(of)) = (ids.get(at), ids.get(need.job)) else { continue };
                if id == of || self.whole(id) || self.whole(of) {
                    continue;
                }
                let before = account::ancestors(self.target);
                let of_places = |place: usize| {
                    self.target.jobs.iter().enumerate().any(|(earlier, one)| {
                        account::is(one, of, other)
                            && (earlier == place
                                || before.get(place).is_some_and(|set| set.contains(&earlier)))
                    })
                };
                let mine: Vec<usize> = (0..self.target.jobs.len())
                    .filter(|place| account::is(&self.target.jobs[*place], id, job))
                    .collect();
                // What stands behind the stages comes after all of them.
                let behind = mine.is_empty() && self.to == Platform::Jenkins;
                let carried = behind || mine.iter().any(|place| of_places(*place));
                let listed = self.told(id, &["order", "wait", "need", "together", "behind"]);
                let what = format!("{} waits for {}", job.id, other.id);
                self.hold("edges", what, carried, listed);
            }
        }
    }

    fn secrets(&mut self) {
        let source = self.source;
        if source.pipeline.platform != Platform::GitHub {
            return;
        }
        static NAME: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
            regex::Regex::new(r"(?m)^[^#\n]*\$\{\{[^}\n]*\bsecrets\.([A-Za-z_]\w*)")
                .expect("the pattern is fixed")
        });
        let names = NAME.captures_iter(&source.text).filter_map(|found| found.get(1));
        for name in names.filter(|name| name.as_str() != "GITHUB_TOKEN") {
            let text = name.as_str();
            let mut all =
                self.made.not_carried.iter().map(|one| &one.what).chain(&self.made.remarks);
            let listed = all.any(|one| plain(one).contains(&plain(text)))
                || self.within(crate::pipeline::graph::Span::new(name.range()));
            let carried = plain(&self.made.text).contains(&plain(text));
            self.hold("secrets", text.to_owned(), carried, listed);
        }
    }

    fn triggers(&mut self) {
        let source = self.source;
        for trigger in &source.pipeline.triggers {
            let kind = match trigger.kind {
                TriggerKind::ChangeWithSecrets => TriggerKind::Change,
                kind => kind,
            };
            let words: &[&str] = match kind {
                TriggerKind::Push => &["push", "branch"],
                TriggerKind::Tag => &["tag", "push"],
                TriggerKind::Change | TriggerKind::ChangeWithSecrets => {
                    &["change", "pull", "merge"]
                }
                TriggerKind::Schedule => &["schedule", "cron"],
                // Every platform starts a run by hand.
                TriggerKind::Manual => &[""],
                TriggerKind::Pipeline | TriggerKind::Other => &["trigger"],
            };
            let carried = self.target.has_trigger(kind);
            let all = self.made.not_carried.iter().map(|one| &one.what).chain(&self.made.remarks);
            let mut all = all.map(|text| text.to_ascii_lowercase());
            let listed = all.any(|text| words.iter().any(|word| text.contains(word)))
                || trigger.kind == TriggerKind::Manual
                || trigger.span.end > 0 && self.within(trigger.span)
                || kind == TriggerKind::Tag && self.target.has_trigger(TriggerKind::Push);
            self.hold("triggers", trigger.name.clone(), carried, listed);
        }
    }
}

/// Converts all real files of a platform and holds each against its source.
fn check(from: Platform) {
    let mut wrong = Vec::new();
    let mut sum: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (at, (name, text)) in files(from).into_iter().enumerate() {
        let Outcome::Read(file) = read(from, from.usual_path(), &text, &NoFiles) else { continue };
        // All targets of a file take long where nothing is optimized: they take turns.
        let all = std::env::var_os("PIPEWRIGHT_ALL_TARGETS").is_some();
        let targets: Vec<Platform> = ALL.into_iter().filter(|to| *to != from).collect();
        for to in targets.iter().enumerate().filter(|one| all || one.0 == at % 5).map(|one| *one.1)
        {
            let made = convert(&file, to, &NoFiles);
            let pair = format!("{from:?} {name} to {to:?}");
            let target = match prove(&made.text, to) {
                Ok(target) => target,
                Err(why) => {
                    wrong.push(format!("{pair}: {why:?}"));
                    continue;
                }
            };
            let silent = made.not_carried.iter().filter(|one| one.why == account::SILENT);
            wrong.extend(silent.map(|one| format!("{pair}: silent: {}", one.what)));
            let ids = lift::lift(&file, to, &NoFiles).ids;
            let mut held = Held {
                source: &file,
                target: &target.pipeline,
                made: &made,
                to,
                lines: crate::pipeline::check::Lines::new(&file.text),
                counts: BTreeMap::new(),
            };
            for (job, id) in file.pipeline.jobs.iter().zip(&ids) {
                held.job(job, id);
            }
            held.edges(&ids);
            held.triggers();
            held.secrets();
            for (kind, count) in held.counts {
                let total = sum.entry(kind).or_default();
                total[0] += count.source;
                total[1] += count.carried;
                total[2] += count.listed;
                wrong.extend(count.lost.iter().map(|one| format!("{pair}: {kind}: {one}")));
            }
        }
    }
    println!("{from:?}: in the source, carried, listed: {sum:?}");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn github_files_lose_nothing_in_silence() {
    check(Platform::GitHub);
}

#[test]
fn gitlab_files_lose_nothing_in_silence() {
    check(Platform::GitLab);
}

#[test]
fn azure_files_lose_nothing_in_silence() {
    check(Platform::Azure);
}

#[test]
fn jenkins_files_lose_nothing_in_silence() {
    check(Platform::Jenkins);
}

#[test]
fn bitbucket_files_lose_nothing_in_silence() {
    check(Platform::Bitbucket);
}

#[test]
fn harness_files_lose_nothing_in_silence() {
    check(Platform::Harness);
}
