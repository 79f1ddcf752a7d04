//! From the evidence to the report: rules, reports, the model, the proof.

use std::collections::HashSet;
use std::fmt::Write as _;

use bytes::Bytes;

use super::around::{self, CheckoutSources};
use super::ask::{self, Asked, Question};
use super::background;
use super::collect::Collected;
use super::contents::Contents;
use super::coverage;
use super::guidelines::Guideline;
use super::owners;
use super::prompt::{self, Nonce, Overview};
use super::prove::{self, Bars};
use super::resume::{self, Before, Resumed};
use super::said;
use super::select::select;
use super::shard::{self, Shards};
use super::state::{Known, State};
use super::tools::Tools;
use crate::checkout::Checkout;
use crate::diff::pack::{self, Pack};
use crate::diff::{Change, FileDiff};
use crate::finding::{Finding, Fingerprint};
use crate::forge::local::Local;
use crate::inputs::Inputs;
use crate::model::budget::{Budget, Caps};
use crate::model::converse::ToolHost;
use crate::publish::frame::Index;
use crate::publish::paused;
use crate::publish::walkthrough;
use crate::redact::Scrubber;
use crate::report::{Report, SCHEMA, TestEvidence};
use crate::scan::assess;
use crate::task::models::Models;
use crate::task::progress::Progress;

/// Changes of more changed lines are shown without the definitions around their
/// hunks: the money that the cap allows goes to the change itself first.
const MOST_SURROUNDED: usize = 20_000;

/// What came of a review, before it is published.
pub struct Examined {
    /// The result.
    pub report: Report,
    /// What the next run has to know.
    pub state: State,
    /// Findings of earlier runs that hold no longer.
    pub gone: Vec<Fingerprint>,
    /// Whether a cap or a failure left something out.
    pub incomplete: bool,
    /// Why the model could not answer, if it could not.
    pub failure: Option<String>,
}

/// Everything that is looked at.
pub struct Subject<'a> {
    /// The evidence.
    pub collected: &'a Collected,
    /// What the program was told.
    pub inputs: &'a Inputs,
    /// The working tree, if there is one.
    pub checkout: Option<&'a Checkout>,
    /// The same, if it shows the change.
    pub shown: Option<&'a Checkout>,
    /// The checkout's repository.
    pub local: Option<&'a Local>,
    /// Whole files.
    pub contents: &'a Contents<'a>,
    /// Reads files for the model.
    pub tools: Option<&'a Tools<'a>>,
    /// When everything has to be over.
    pub deadline: tokio::time::Instant,
    /// Knows this run's secrets.
    pub scrubber: &'a Scrubber,
    /// Shows what is done.
    pub progress: &'a Progress,
}

/// The name of no model.
pub const OFFLINE: &str = "offline";

/// What is known before anyone is asked.
pub struct Prepared {
    resumed: Resumed,
    skips: Vec<Option<&'static str>>,
    ruled: Vec<Finding>,
    tests: Option<TestEvidence>,
    notes: Vec<String>,
    /// The parts of the change that the model has yet to read.
    pub packs: Vec<Pack>,
}

/// Look at everything that plain code can look at, and divide the rest. `model`
/// is the name of who will be asked.
pub fn prepare(subject: &Subject<'_>, model: &str) -> Prepared {
    let Subject { collected, inputs, checkout, local, contents, progress, .. } = *subject;
    let change = &collected.change;
    let mut notes = collected.notes.clone();
    if is_paused(collected) {
        notes.push(paused::NOTE.to_owned());
    }
    progress.stage("checking the change against rules and reports");
    let resumed = resume::resume(change, &collected.before, &collected.own, model);
    let skips = select(change, inputs, collected);
    // Rules and reports on one core, the division of the change on the other.
    let ((ruled, tests), packs) = std::thread::scope(|scope| {
        let plain = scope.spawn(|| {
            let mut ruled = said::rules(change, contents, local, collected.head_commit.as_deref());
            let reports = said::read_reports(checkout, local, inputs, &mut notes);
            let (reported, tests) =
                said::said_by_reports(change, local, checkout, &reports, &mut notes);
            ruled.extend(reported);
            ruled.retain(|finding| inputs.wants(&finding.path) && !inputs.ignores(finding));
            (ruled, tests)
        });
        let asked = model != OFFLINE;
        let packs = if asked { divide(change, &skips, &resumed, contents) } else { Vec::new() };
        (plain.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), packs)
    });
    Prepared { resumed, skips, ruled, tests, notes, packs }
}

/// Ask, where there is somebody to ask, and say what holds.
pub async fn examine(subject: &Subject<'_>, models: &Models, prepared: Prepared) -> Examined {
    let Some(model) = models.heavy.as_deref() else {
        return conclude(subject, prepared, OFFLINE, Asked::default());
    };
    let all: Vec<usize> = (0..prepared.packs.len()).collect();
    let said = put(subject, models, &prepared, &all).await;
    let name = model.name();
    let mut asked = ask::gather(&name, said.parts, said.prices_known);
    if model.is_batched() && asked.usage.requests > 0 {
        asked.notes.push(format!("{name} was asked in batches, at half the price."));
    }
    conclude(subject, prepared, &name, asked)
}

/// Say what holds of what the shards of this run learned.
pub fn merge(subject: &Subject<'_>, prepared: Prepared, shards: Shards) -> Examined {
    let name = shards.model.clone();
    let (parts, prices_known) = shards.parts(&subject.collected.change, &prepared.packs);
    let missing = parts.iter().filter(|part| shard::is_missing(part)).count();
    let mut asked = ask::gather(&name, parts, prices_known);
    if missing > 0 {
        asked.notes.push(format!(
            "{missing} of {} parts were not read: their shards left no file.",
            prepared.packs.len()
        ));
    }
    conclude(subject, prepared, &name, asked)
}

/// What holds of all that was said.
fn conclude(subject: &Subject<'_>, prepared: Prepared, model: &str, mut asked: Asked) -> Examined {
    let is_asked = model != OFFLINE;
    let Subject { collected, inputs, .. } = *subject;
    let change = &collected.change;
    let Prepared { resumed, skips, mut ruled, tests, mut notes, .. } = prepared;
    notes.append(&mut asked.notes);
    let proven = std::mem::take(&mut asked.findings);
    let mut dropped = std::mem::take(&mut asked.dropped);
    let read_now = coverage::read_whole(change, &asked);
    let (adopted, standing) = prove::stand(proven, &resumed, |finding| {
        resume::digest_at(change, finding).is_some_and(|digest| read_now.contains(&digest))
    });
    ruled.extend(adopted);
    let (findings, more_dropped) = prove::settle(ruled, &bars(inputs, &resumed, &standing));
    dropped.extend(more_dropped);

    let owners = owners::owners(collected);
    let authors = match &owners {
        Some(_) => Vec::new(),
        None => owners::authors(collected, subject.local),
    };
    let assessment = assess::assess(&assess::Subject {
        change,
        skips: &skips,
        title: &collected.title,
        commits: &collected.commits,
        findings: &findings,
        tests: tests.as_ref(),
        owners: owners.as_ref(),
        authors: &authors,
    });
    let incomplete = asked.capped || asked.failure.is_some() || !asked.unread.is_empty();
    let coverage = coverage::coverage(change, &skips, &asked, &resumed, is_asked);
    // Where nothing was asked, what was said before of the change still holds.
    let said = match summary(&asked.summaries) {
        said if said.is_empty() => {
            let before = collected.before.state.as_ref();
            before.filter(|state| state.model == model).map(|state| state.summary.clone())
        }
        said => Some(subject.scrubber.scrub(&said).into_owned()),
    };
    let said = said.unwrap_or_default();
    let state = State {
        head: collected.head.clone(),
        model: model.to_owned(),
        complete: !incomplete,
        summary: said.clone(),
        read: coverage::remembered(change, &resumed, &read_now),
        findings: remember(collected, &findings, inputs, subject.scrubber),
        dismissed: resumed.dismissed.iter().map(|known| known.id.clone()).collect(),
        earlier: earlier(collected),
        paused: is_paused(collected),
    };
    let gone = gone(&collected.before, &findings, &resumed);
    let report = Report {
        schema: SCHEMA.to_owned(),
        model: model.to_owned(),
        base: collected.base.clone(),
        head: collected.head.clone(),
        summary: if is_asked {
            said
        } else {
            "No model was asked: rules and reports alone looked at this change.".to_owned()
        },
        findings,
        dropped,
        coverage,
        usage: asked.usage,
        tests,
        notes,
        assessment: Some(assessment),
    };
    Examined { report, state, gone, incomplete, failure: asked.failure }
}

/// Whether a person paused automatic reviews of this change.
fn is_paused(collected: &Collected) -> bool {
    collected.before.state.as_ref().is_some_and(|state| state.paused)
}

/// What findings are held to.
fn bars<'a>(inputs: &Inputs, resumed: &'a Resumed, standing: &'a [Finding]) -> Bars<'a> {
    Bars {
        min_confidence: inputs.min_confidence,
        max_findings: inputs.max_findings,
        standing,
        dismissed: &resumed.dismissed,
    }
}

/// The parts of the change that the model has yet to read.
fn divide(
    change: &Change,
    skips: &[Option<&'static str>],
    resumed: &Resumed,
    contents: &Contents<'_>,
) -> Vec<Pack> {
    let unread: Vec<HashSet<usize>> = change
        .files
        .iter()
        .map(|file| resume::unread(file, &resumed.read).into_iter().collect())
        .collect();
    let wanted = |file: usize, hunk: usize| unread[file].contains(&hunk);
    let heads = surroundings(change, contents);
    pack::pack(change, skips, &wanted, &heads, pack::DEFAULT_BUDGET).packs
}

/// What the parts do, in the model's words.
fn summary(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.trim().to_owned(),
        parts => {
            let mut text = String::new();
            for part in parts {
                let line = part.split_whitespace().collect::<Vec<_>>().join(" ");
                let _ = writeln!(text, "- {line}");
            }
            text
        }
    }
}

/// The findings that stood at the head reviewed before this one.
fn earlier(collected: &Collected) -> Option<Vec<Fingerprint>> {
    let before = collected.before.state.as_ref()?;
    // A pause alone reviewed nothing.
    if before.head.is_empty() {
        return None;
    }
    if before.head == collected.head {
        return before.earlier.clone();
    }
    Some(before.findings.iter().map(|known| known.id.clone()).collect())
}

/// Findings of earlier runs, still open on the host, that nobody says any more.
fn gone(before: &Before, findings: &[Finding], resumed: &Resumed) -> Vec<Fingerprint> {
    let holds: HashSet<&Fingerprint> = findings
        .iter()
        .map(|finding| &finding.id)
        .chain(resumed.dismissed.iter().map(|known| &known.id))
        .collect();
    let mut gone: Vec<Fingerprint> =
        before.posted.keys().filter(|id| !holds.contains(id)).cloned().collect();
    gone.sort();
    gone
}

/// How many bytes of the code around a part are shown: more would cost more than
/// the part itself, fewer than some functions would help nobody.
fn room(pack: &Pack) -> usize {
    (pack.bytes / 2).clamp(12_000, 32_000)
}

/// What the models said.
pub struct Said {
    /// The parts that were asked about.
    pub parts: Vec<ask::Part>,
    /// Whether the prices of all models are known.
    pub prices_known: bool,
}

/// Ask the models about some of the parts, by their numbers.
pub async fn put(
    subject: &Subject<'_>,
    models: &Models,
    prepared: &Prepared,
    numbers: &[usize],
) -> Said {
    let Subject { collected, inputs, contents, progress, .. } = *subject;
    let Prepared { resumed, ruled, packs, .. } = prepared;
    let prices_known = models.heavy.as_ref().is_some_and(|model| model.price().is_some());
    if numbers.is_empty() {
        return Said { parts: Vec::new(), prices_known: true };
    }
    let change = &collected.change;
    let words = [collected.base.as_str(), collected.head.as_str()];
    let nonce = models.seed.as_ref().map_or_else(Nonce::new, |seed| Nonce::seeded(seed, &words));
    let scrub = |text: String| subject.scrubber.scrub(&text).into_owned();
    let clean = |text: &str| subject.scrubber.scrub(text).into_owned();
    let mut files = String::new();
    for file in &change.files {
        let (added, removed) = walkthrough::lines_of(file);
        let _ = writeln!(files, "{} +{added} -{removed}", file.path());
    }
    // Each text by itself: a mask must not reach over the end of a fence.
    let commits: Vec<String> = collected.commits.iter().map(|text| clean(text)).collect();
    let guidelines = &collected.base_files.guidelines;
    let guidelines: Vec<(String, String)> =
        guidelines.iter().map(|(name, text)| (name.clone(), clean(text))).collect();
    let issues: Vec<String> =
        collected.issues.iter().map(|issue| background::shown(issue, &clean)).collect();
    let discussion = collected.discussion.render(&clean);
    let nested: Vec<Guideline> = collected.nested.iter().map(|g| g.cleaned(&clean)).collect();
    let overview = Overview {
        title: &clean(&collected.title),
        body: &clean(&collected.body),
        commits: &commits,
        issues: &issues,
        discussion: &discussion,
        files: scrub(files),
        prompt: inputs.prompt.as_deref(),
        instructions: inputs.tables.instructions.as_deref(),
        paths: &inputs.tables.paths,
        guidelines: &guidelines,
        nested: &nested,
        parts: packs.len(),
    };
    let system = prompt::system(&nonce, &overview);
    let mut known: Vec<Finding> = ruled.iter().chain(&resumed.standing).cloned().collect();
    for finding in &mut known {
        finding.title = clean(&finding.title);
    }
    // A shard has its share of the caps, so that all together hold them.
    let shards = inputs.shard.map_or(1, |shard| shard.of);
    let caps = Caps {
        max_cost_usd: Some(inputs.max_cost_usd / shards as f64),
        max_tokens: inputs.max_tokens.map(|most| most / shards as u64),
        deadline: Some(subject.deadline),
    };
    let own = Budget::new(caps);
    let budget = models.budget.as_deref().unwrap_or(&own);
    let heads = surroundings(change, contents);
    let render = |pack: &Pack| scrub(pack.render(change, &heads));
    let shown = |what: &str, done: usize, of: usize| {
        progress.stage(format!("asking the model: {done} of {of} {what}"));
    };
    let sources = CheckoutSources::new(change, contents, subject.shown);
    let affordable = change.changed_lines() <= around::MOST_CHANGED_LINES;
    let around = |pack: &Pack| match subject.shown {
        Some(_) if affordable => scrub(around::around(pack, change, &sources, room(pack)).render()),
        _ => String::new(),
    };
    let whole = |file: &FileDiff| contents.head(file);
    let bars = bars(inputs, resumed, &resumed.standing);
    let question = Question {
        models,
        change,
        system: &system,
        nonce: &nonce,
        known: &known,
        tools: subject.tools.map(|tools| tools as &dyn ToolHost),
        budget,
        render: &render,
        around: &around,
        scrub: &clean,
        heads: &whole,
        is_settled: &|finding: &Finding| prove::is_settled(finding, &bars),
        total: packs.len(),
        progress: &shown,
    };
    let wanted = numbers.iter().filter_map(|at| Some((*at, packs.get(*at)?.clone())));
    let parts = ask::ask(&question, wanted.collect()).await;
    Said { parts, prices_known }
}

/// Gives files' contents for the sake of what surrounds their hunks.
fn surroundings<'a>(
    change: &Change,
    contents: &'a Contents<'_>,
) -> impl Fn(&FileDiff) -> Option<Bytes> + 'a {
    let affordable = change.changed_lines() <= MOST_SURROUNDED;
    move |file| if affordable { contents.head(file) } else { None }
}

/// The findings, as the next run has to know them.
fn remember(
    collected: &Collected,
    findings: &[Finding],
    inputs: &Inputs,
    scrubber: &Scrubber,
) -> Vec<Known> {
    let clean = |text: &str| scrubber.scrub(text).into_owned();
    let index = Index::new(&collected.change);
    findings
        .iter()
        .map(|finding| {
            let inline = inputs.publish.review && index.hunk(finding).is_some();
            Known::of(finding, inline, &clean)
        })
        .collect()
}
