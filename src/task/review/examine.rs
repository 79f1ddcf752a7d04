//! From the evidence to the report: rules, reports, the model, the proof.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use bytes::Bytes;

use super::ask::{self, Asked, Question};
use super::collect::Collected;
use super::contents::Contents;
use super::prompt::{self, Nonce, Overview};
use super::prove::{self, Bars};
use super::resume::{self, Before, Resumed};
use super::state::{self, HunkDigest, Known, State};
use super::tools::Tools;
use crate::checkout::Checkout;
use crate::diff::pack::{self, Pack};
use crate::diff::skip::{self, Attributes};
use crate::diff::{Change, Content, FileDiff, LineKind, RepoPath};
use crate::evidence::{self, Evidence, detect};
use crate::finding::{Finding, Fingerprint};
use crate::forge::local::Local;
use crate::inputs::Inputs;
use crate::model::Model;
use crate::model::budget::{Budget, Caps};
use crate::model::converse::ToolHost;
use crate::publish::frame::Index;
use crate::publish::paused;
use crate::publish::walkthrough;
use crate::redact::Scrubber;
use crate::report::{Coverage, Report, SCHEMA, Skipped, TestEvidence};
use crate::scan;
use crate::task::models::Models;
use crate::task::progress::Progress;

/// Changes of more changed lines are shown without the definitions around their
/// hunks: the money that the cap allows goes to the change itself first.
const MOST_SURROUNDED: usize = 20_000;
/// Reports larger than this are not read.
const MOST_REPORT_BYTES: u64 = 64 << 20;
/// Skipped by `include`, `ignore` or a `[[path]]` rule.
const IGNORED: &str = "ignored by configuration";
/// Skipped since neither the host nor the checkout gave its diff.
const UNREADABLE: &str = "its diff could not be read";
/// No more report files than this are read.
const MOST_REPORTS: usize = 500;

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
    /// Whom to ask, if anyone.
    pub models: &'a Models,
    /// The working tree, if there is one.
    pub checkout: Option<&'a Checkout>,
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

/// Look at everything, ask, prove, and say what holds.
pub async fn examine(subject: &Subject<'_>) -> Examined {
    let Subject { collected, inputs, models, checkout, local, contents, progress, .. } = *subject;
    let model = models.heavy.as_deref();
    let change = &collected.change;
    let model_name = model.map_or_else(|| "offline".to_owned(), Model::name);
    let mut notes = collected.notes.clone();
    let paused = collected.before.state.as_ref().is_some_and(|state| state.paused);
    if paused {
        notes.push(paused::NOTE.to_owned());
    }

    progress.stage("checking the change against rules and reports");
    let resumed = resume::resume(change, &collected.before, &collected.own, &model_name);
    let skips = select(change, inputs, collected);
    // Rules and reports on one core, the division of the change on the other.
    let ((mut ruled, tests), packs) = std::thread::scope(|scope| {
        let plain = scope.spawn(|| {
            let mut ruled = rules(change, contents, local, collected.head_commit.as_deref());
            let reports = read_reports(checkout, local, inputs, &mut notes);
            let (reported, tests) = said_by_reports(change, local, checkout, &reports, &mut notes);
            ruled.extend(reported);
            ruled.retain(|finding| inputs.wants(&finding.path));
            (ruled, tests)
        });
        let packs = model.map(|_| divide(change, &skips, &resumed, contents)).unwrap_or_default();
        (plain.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), packs)
    });
    let mut asked = Asked::default();
    if let Some(model) = model {
        asked = put(subject, model, packs, &ruled, &resumed).await;
    }
    notes.append(&mut asked.notes);

    let heads = |file: &FileDiff| contents.head(file);
    let mut proven = Vec::new();
    let mut dropped = Vec::new();
    for (model, claims) in std::mem::take(&mut asked.claims) {
        let (more, not) = prove::anchor_claims(change, &heads, &model, claims);
        proven.extend(more);
        dropped.extend(not);
    }
    // A pass that tries to refute what is proven so far belongs here.
    let read_now = read_whole(change, &asked);
    let (adopted, standing) = prove::stand(proven, &resumed, |finding| {
        resume::digest_at(change, finding).is_some_and(|digest| read_now.contains(&digest))
    });
    ruled.extend(adopted);
    let bars = Bars {
        min_confidence: inputs.min_confidence,
        max_findings: inputs.max_findings,
        standing: &standing,
        dismissed: &resumed.dismissed,
    };
    let (findings, more_dropped) = prove::settle(ruled, &bars);
    dropped.extend(more_dropped);

    let incomplete = asked.capped || asked.failure.is_some() || !asked.unread.is_empty();
    let coverage = coverage(change, &skips, &asked, &resumed, model.is_some());
    // Where nothing was asked, what was said before of the change still holds.
    let said = match summary(&asked.summaries) {
        said if said.is_empty() => {
            let before = collected.before.state.as_ref();
            before.filter(|state| state.model == model_name).map(|state| state.summary.clone())
        }
        said => Some(subject.scrubber.scrub(&said).into_owned()),
    };
    let said = said.unwrap_or_default();
    let state = State {
        head: collected.head.clone(),
        model: model_name.clone(),
        complete: !incomplete,
        summary: said.clone(),
        read: remembered(change, &resumed, &read_now),
        findings: remember(collected, &findings, inputs, subject.scrubber),
        dismissed: resumed.dismissed.iter().map(|known| known.id.clone()).collect(),
        earlier: earlier(collected),
        paused,
    };
    let gone = gone(&collected.before, &findings, &resumed);
    let report = Report {
        schema: SCHEMA.to_owned(),
        model: model_name,
        base: collected.base.clone(),
        head: collected.head.clone(),
        summary: match model {
            None => "No model was asked: rules and reports alone looked at this change.".to_owned(),
            Some(_) => said,
        },
        findings,
        dropped,
        coverage,
        usage: asked.usage,
        tests,
        notes,
    };
    Examined { report, state, gone, incomplete, failure: asked.failure }
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

/// What our own rules say. `head` is the commit under review, where there is one.
fn rules(
    change: &Change,
    contents: &Contents<'_>,
    local: Option<&Local>,
    head: Option<&str>,
) -> Vec<Finding> {
    let new = |file: &FileDiff| contents.head(file);
    let old = |file: &FileDiff| contents.base(file);
    let exists = |path: &str| {
        if let Some(file) = change.file(path) {
            return Some(file.new_path.is_some());
        }
        // Only what git tracks counts: an ignored lock file is nobody's.
        let local = local.filter(|local| head.is_some_and(|head| local.has_commit(head)))?;
        local.file_at(head?, &RepoPath::from(path)).ok().map(|content| content.is_some())
    };
    let options = scan::Options::default();
    scan::scan(&scan::Subject { change, old: &old, new: &new, exists: &exists, options: &options })
}

/// Read the reports that are named, or those that lie around under usual names.
/// A usual name that git tracks is no report of this run but somebody's fixture.
fn read_reports(
    checkout: Option<&Checkout>,
    local: Option<&Local>,
    inputs: &Inputs,
    notes: &mut Vec<String>,
) -> Vec<(String, Evidence)> {
    let Some(checkout) = checkout else { return Vec::new() };
    let named = !inputs.reports.is_empty();
    let globs: Vec<String> = if named {
        inputs.reports.patterns.clone()
    } else {
        detect::USUAL_NAMES.iter().map(|glob| (*glob).to_owned()).collect()
    };
    let listing = match checkout.walk_reports(&globs) {
        Ok(listing) => listing,
        Err(why) => {
            notes.push(format!("Reports could not be looked for: {why}."));
            return Vec::new();
        }
    };
    if named && listing.files.is_empty() {
        notes.push(format!("No report matches `reports` ({}).", globs.join(", ")));
    }
    if listing.truncated || listing.files.len() > MOST_REPORTS {
        notes.push(format!("There are too many reports: {MOST_REPORTS} were read."));
    }
    let tracked = |path: &str| {
        let head = |local: &Local| local.file_at("HEAD", &RepoPath::from(path));
        !named && local.is_some_and(|local| matches!(head(local), Ok(Some(_))))
    };
    let mut reports = Vec::new();
    for path in listing.files.into_iter().filter(|path| !tracked(path)).take(MOST_REPORTS) {
        let bytes = match checkout.read(&path, MOST_REPORT_BYTES) {
            Ok(bytes) => bytes,
            Err(why) => {
                notes.push(format!("The report `{path}` could not be read: {why}."));
                continue;
            }
        };
        match detect::read(&path, &bytes) {
            Ok(Evidence::Unknown) if named => {
                notes.push(format!("The report `{path}` is of no format that is read."));
            }
            Ok(Evidence::Unknown) => {}
            Ok(evidence) => reports.push((path, evidence)),
            // A file that only looks like a report by its name is nobody's concern.
            Err(why) if named => notes.push(format!("The report `{path}`: {why}.")),
            Err(why) => tracing::warn!("the report {path}: {why}"),
        }
    }
    reports
}

/// What the reports say about the change's lines.
fn said_by_reports(
    change: &Change,
    local: Option<&Local>,
    checkout: Option<&Checkout>,
    reports: &[(String, Evidence)],
    notes: &mut Vec<String>,
) -> (Vec<Finding>, Option<TestEvidence>) {
    if reports.is_empty() {
        return (Vec::new(), None);
    }
    let tree = local.and_then(|local| local.list_tree("HEAD").ok()).unwrap_or_default();
    let files: Vec<String> = tree.iter().map(|file| file.path.display()).collect();
    let root = checkout.and_then(|checkout| checkout.root().to_str());
    let options = evidence::change::Options { files: &files, root, ..Default::default() };
    notes.extend(evidence::change::stale(change, reports, &options));
    let findings = evidence::change::findings(change, reports, &options);
    (findings, evidence::change::test_evidence(change, reports, &options))
}

/// Why each file is not put before the model; `None` if it is.
fn select(change: &Change, inputs: &Inputs, collected: &Collected) -> Vec<Option<&'static str>> {
    let text = collected.base_files.attributes.as_deref().unwrap_or_default();
    let attributes = Attributes::parse(text);
    let why = |file: &FileDiff| -> Option<&'static str> {
        if !inputs.wants(&file.path().display()) {
            return Some(IGNORED);
        }
        if matches!(file.content, Content::Missing { .. }) {
            return Some(UNREADABLE);
        }
        skip::reason(file, &attributes)
    };
    change.files.iter().map(why).collect()
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

/// Ask the model about the parts.
async fn put(
    subject: &Subject<'_>,
    model: &dyn Model,
    packs: Vec<Pack>,
    ruled: &[Finding],
    resumed: &Resumed,
) -> Asked {
    let Subject { collected, inputs, contents, progress, .. } = *subject;
    if packs.is_empty() {
        return Asked::default();
    }
    let change = &collected.change;
    let nonce = Nonce::new();
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
    let overview = Overview {
        title: &clean(&collected.title),
        body: &clean(&collected.body),
        commits: &commits,
        files: scrub(files),
        prompt: inputs.prompt.as_deref(),
        instructions: inputs.tables.instructions.as_deref(),
        paths: &inputs.tables.paths,
        guidelines: &guidelines,
        parts: packs.len(),
    };
    let system = prompt::system(&nonce, &overview);
    let mut known: Vec<Finding> = ruled.iter().chain(&resumed.standing).cloned().collect();
    for finding in &mut known {
        finding.title = clean(&finding.title);
    }
    let caps = Caps {
        max_cost_usd: Some(inputs.max_cost_usd),
        max_tokens: inputs.max_tokens,
        deadline: Some(subject.deadline),
    };
    let budget = Budget::new(caps);
    let heads = surroundings(change, contents);
    let render = |pack: &Pack| scrub(pack.render(change, &heads));
    let shown = |done: usize, known_of: usize| {
        progress.stage(format!("asking the model: {done} of {known_of} parts read"));
    };
    shown(0, packs.len());
    let question = |model, packs| Question {
        model,
        change,
        packs,
        system: &system,
        nonce: &nonce,
        known: &known,
        tools: subject.tools.map(|tools| tools as &dyn ToolHost),
        budget: &budget,
        render: &render,
        progress: &shown,
    };
    let mut asked = ask::ask(question(model, packs)).await;
    let mut asked_last = model;
    for fallback in &subject.models.fallbacks {
        let failed = asked.take_failed();
        if !failed.is_empty() {
            let why = asked.failure.take().unwrap_or_default();
            let (before, next) = (asked_last.name(), fallback.name());
            tracing::warn!("{before} could not answer ({why}); asking {next}");
            asked
                .notes
                .push(format!("{before} could not answer everything; {next} read the rest.",));
            asked.add(ask::ask(question(fallback.as_ref(), failed)).await);
            asked_last = fallback.as_ref();
        }
    }
    if model.price().is_none() {
        let name = model.name();
        asked.notes.push(format!(
            "The price of {name} is not known: its cost is not counted, and `max_cost_usd` could not be held."
        ));
    }
    asked
}

/// Gives files' contents for the sake of what surrounds their hunks.
fn surroundings<'a>(
    change: &Change,
    contents: &'a Contents<'_>,
) -> impl Fn(&FileDiff) -> Option<Bytes> + 'a {
    let affordable = change.changed_lines() <= MOST_SURROUNDED;
    move |file| if affordable { contents.head(file) } else { None }
}

/// The hunks of which the model has now read every line.
fn read_whole(change: &Change, asked: &Asked) -> HashSet<HunkDigest> {
    let mut lines: HashMap<(usize, usize), u32> = HashMap::new();
    for packed in asked.read.iter().flat_map(|pack| &pack.files) {
        for part in &packed.parts {
            *lines.entry((packed.file, part.hunk)).or_default() +=
                changed(change, packed.file, part);
        }
    }
    lines
        .into_iter()
        .filter(|&((file, hunk), read)| {
            let file = &change.files[file];
            let all = file.patch().map_or(0, |patch| {
                patch.numbered_hunk(hunk).filter(|line| line.kind != LineKind::Context).count()
            });
            read as usize >= all
        })
        .map(|((file, hunk), _)| state::hunk_digest(&change.files[file], hunk))
        .collect()
}

/// Changed lines of a part.
fn changed(change: &Change, file: usize, part: &pack::Part) -> u32 {
    let lines = change.files[file]
        .patch()
        .map_or(&[][..], |patch| &patch.lines[part.lines.start as usize..part.lines.end as usize]);
    let changed = lines.iter().filter(|line| line.kind != LineKind::Context);
    u32::try_from(changed.count()).unwrap_or(u32::MAX)
}

/// What the next run need not put before the model: what was read now, and what
/// was read before and is still part of the change.
fn remembered(
    change: &Change,
    resumed: &Resumed,
    read_now: &HashSet<HunkDigest>,
) -> HashSet<HunkDigest> {
    let mut whole = Vec::new();
    let mut hunks = HashSet::new();
    if read_now.is_empty() && resumed.read.is_empty() {
        return hunks;
    }
    for file in &change.files {
        let digests = state::hunk_digests(file);
        let before = resumed.read.contains(&state::file_digest(file));
        let is_read = |digest: &HunkDigest| {
            before || read_now.contains(digest) || resumed.read.contains(digest)
        };
        if digests.is_empty() {
            continue;
        }
        if digests.iter().all(is_read) {
            whole.push(file);
        } else {
            hunks.extend(digests.into_iter().filter(is_read));
        }
    }
    state::digests(&whole, hunks)
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

/// How much was looked at. Without a model, the rules' look counts.
fn coverage(
    change: &Change,
    skips: &[Option<&'static str>],
    asked: &Asked,
    resumed: &Resumed,
    by_model: bool,
) -> Coverage {
    let mut coverage = Coverage {
        files: change.files.len(),
        lines: change.changed_lines(),
        ..Coverage::default()
    };
    let mut read: HashMap<usize, usize> = HashMap::new();
    for packed in asked.read.iter().flat_map(|pack| &pack.files) {
        for part in &packed.parts {
            *read.entry(packed.file).or_default() += changed(change, packed.file, part) as usize;
        }
    }
    let mut why: HashMap<usize, &str> = HashMap::new();
    for (pack, reason) in &asked.unread {
        for packed in &pack.files {
            why.entry(packed.file).or_insert(reason);
        }
    }
    for (at, file) in change.files.iter().enumerate() {
        let lines = file.changed_lines();
        let skip =
            skips[at].filter(|&reason| by_model || reason == IGNORED || reason == UNREADABLE);
        if let Some(reason) = skip {
            coverage.skipped.push(Skipped { path: file.path().display(), reason: reason.into() });
            continue;
        }
        let reviewed = if by_model {
            read.get(&at).copied().unwrap_or(0) + read_before(file, resumed)
        } else {
            lines
        };
        let reviewed = reviewed.min(lines);
        coverage.lines_reviewed += reviewed;
        if reviewed == lines {
            coverage.files_reviewed += 1;
        } else {
            let reason = why.get(&at).copied().unwrap_or("not read by the model");
            coverage.skipped.push(Skipped { path: file.path().display(), reason: reason.into() });
        }
    }
    coverage
}

/// Changed lines of a file that an earlier run put before the model.
fn read_before(file: &FileDiff, resumed: &Resumed) -> usize {
    let Some(patch) = file.patch().filter(|_| !resumed.read.is_empty()) else { return 0 };
    let unread: HashSet<usize> = resume::unread(file, &resumed.read).into_iter().collect();
    patch
        .numbered()
        .filter(|line| line.kind != LineKind::Context && !unread.contains(&line.hunk))
        .count()
}
