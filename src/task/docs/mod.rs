//! `docs`: which public definitions a change alters, which documents still speak of
//! them as they were, and, with a model, edits that bring those up to date.

pub mod api;
pub mod changelog;
pub mod deliver;
pub mod mentions;
pub mod propose;
pub mod report;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::Bytes;
use tokio::time::Instant;

pub use self::run::{reply, run};

use self::api::{Sides, What};
use self::propose::{Held, Known, Proposed};
use self::report::{Edited, Entry, Report, Row};
use crate::checkout::Checkout;
use crate::code::language::Language;
use crate::failure::Failure;
use crate::forge::Forge;
use crate::forge::local::Local;
use crate::http;
use crate::inputs::{Inputs, Task};
use crate::redact::Scrubber;
use crate::report::Usage;
use crate::task::models;
use crate::task::review::collect::{self, Collected};
use crate::task::review::contents::Contents;
use crate::task::review::prompt::Nonce;
use crate::task::talk::model::{self, Put};
use crate::task::talk::prompt::{self, bounded};

/// Most files of the change whose whole text is fetched.
const MOST_FETCHED: usize = 100;
/// Most documents that are read, and the bytes of one.
const MOST_DOCUMENTS: usize = 400;
const MOST_DOCUMENT: u64 = 1 << 20;
/// Most names that a listing gives.
const MOST_NAMES: usize = 100_000;
/// Most bytes of documents that are put before the model.
const MOST_SHOWN: usize = 60_000;
/// Lines around a mention that are put before the model.
const AROUND: usize = 6;

/// What the work rests on.
pub struct Subject<'a> {
    /// What the program was told.
    pub inputs: &'a Inputs,
    /// The network.
    pub client: &'a http::Client,
    /// The host, if there is one.
    pub forge: Option<&'a dyn Forge>,
    /// The checkout's repository.
    pub local: Option<&'a Local>,
    /// The checkout.
    pub checkout: Option<&'a Checkout>,
    /// The change.
    pub collected: &'a Collected,
    /// When everything has to be over.
    pub deadline: Instant,
    /// Knows this run's secrets.
    pub scrubber: &'a Scrubber,
}

/// What was found, and what is needed to offer it.
pub struct Examined {
    /// For people and programs.
    pub report: Report,
    /// What the model proposes; empty offline.
    pub proposed: Proposed,
    /// What of it holds on the head.
    pub held: Held,
    /// Documents at the head.
    pub documents: BTreeMap<String, Bytes>,
    /// Names that the head's changed files define.
    pub names: BTreeSet<String>,
    /// The diff as text, for names.
    pub diff: String,
    /// Why the model could not answer, if it was asked and could not.
    pub failure: Option<String>,
}

/// Find what changed and who speaks of it; with a model, ask for edits.
///
/// # Errors
/// The model is not set up.
pub async fn examine(subject: &Subject<'_>) -> Result<Examined, Failure> {
    let Subject { collected, inputs, scrubber, .. } = *subject;
    let change = &collected.change;
    let contents = Contents::new(subject.checkout, subject.local, collected.head_commit.as_deref());
    // Before anything is fetched: what came from the host says nothing of the checkout.
    let shown = subject.checkout.filter(|_| crate::task::review::shows_head(change, &contents));
    let source: Vec<_> = change
        .files
        .iter()
        .filter(|file| file.patch().is_some() && inputs.wants(&file.path().display()))
        .filter(|file| Language::of_path(&file.path().display()).is_some())
        .collect();
    if let (Some(forge), Some(head)) = (subject.forge, collected.head_commit.as_deref()) {
        let missing: Vec<_> = source
            .iter()
            .copied()
            .filter(|file| file.new_path.is_some() && contents.head(file).is_none())
            .take(MOST_FETCHED)
            .collect();
        for (path, content) in collect::fetch_heads(forge, head, &missing).await {
            contents.insert(&path, content);
        }
    }
    let texts: Vec<(String, Option<Bytes>, Option<Bytes>)> = source
        .iter()
        // Half of a file's story would be a wrong one.
        .filter(|file| file.new_path.is_none() || contents.head(file).is_some())
        .map(|file| (file.path().display(), contents.base(file), contents.head(file)))
        .collect();
    let sides: Vec<Sides<'_>> = texts
        .iter()
        .map(|(path, base, head)| Sides { path, base: base.as_deref(), head: head.as_deref() })
        .collect();
    let (symbols, names) = api::changed(&sides);
    let mut notes = Vec::new();
    let documents = documents(subject, shown, &mut notes).await;
    // Comments in the files of the change speak of definitions, too.
    let mut read: Vec<(String, String)> = documents
        .iter()
        .map(|(path, text)| (path.clone(), String::from_utf8_lossy(text).into_owned()))
        .collect();
    read.extend(texts.iter().filter_map(|(path, _, head)| {
        Some((path.clone(), String::from_utf8_lossy(head.as_ref()?).into_owned()))
    }));
    let mentioned = mentions::mentions(&symbols, &read);
    let changelog = changelog::find(documents.keys().map(String::as_str)).map(str::to_owned);
    let log = changelog.as_ref().and_then(|path| documents.get(path));
    let log = log.map(|text| String::from_utf8_lossy(text).into_owned());
    let rows: Vec<Row> = symbols
        .into_iter()
        .zip(mentioned)
        .map(|(symbol, mut mentions)| {
            for mention in &mut mentions {
                mention.text = scrubber.scrub(&mention.text).into_owned();
            }
            let entry = match (&changelog, &log) {
                (Some(path), Some(text)) => {
                    match changelog::has_entry(text, path, change, &symbol.own) {
                        true => Entry::Present,
                        false => Entry::Missing,
                    }
                }
                _ => Entry::None,
            };
            Row { symbol, mentions, changelog: entry }
        })
        .collect();
    let mut examined = Examined {
        report: Report {
            schema: report::SCHEMA,
            model: "offline".to_owned(),
            base: collected.base.clone(),
            head: collected.head.clone(),
            changelog,
            symbols: rows,
            edits: Vec::new(),
            dropped: Vec::new(),
            diff: String::new(),
            notes,
            usage: Usage::default(),
        },
        proposed: Proposed::default(),
        held: Held::default(),
        documents,
        names,
        diff: added(collected),
        failure: None,
    };
    ask(subject, &mut examined).await?;
    Ok(examined)
}

impl Examined {
    /// What a proposal may name, given the texts of [`Examined::texts`].
    pub fn known<'a>(&'a self, texts: &'a [&'a str]) -> Known<'a> {
        Known { names: &self.names, texts }
    }

    /// Texts whose names are there: the diff's new side, the documents.
    pub fn texts(&self) -> Vec<&str> {
        let documents = self.documents.values().filter_map(|text| std::str::from_utf8(text).ok());
        std::iter::once(self.diff.as_str()).chain(documents).collect()
    }
}

/// The lines that the change shows of the new side.
fn added(collected: &Collected) -> String {
    let mut text = String::new();
    for file in &collected.change.files {
        for line in file.lines().filter(|line| line.new.is_some()) {
            let _ = writeln!(text, "{}", line.text);
        }
    }
    text
}

/// The documents at the head, by path.
async fn documents(
    subject: &Subject<'_>,
    shown: Option<&Checkout>,
    notes: &mut Vec<String>,
) -> BTreeMap<String, Bytes> {
    let wanted = |path: &String| mentions::is_document(path) && subject.inputs.wants(path);
    if let Some(checkout) = shown {
        let listed = match checkout.list("", None, MOST_NAMES) {
            Ok(listed) => listed.files,
            Err(error) => {
                notes.push(format!("The documents could not be listed: {error}."));
                return BTreeMap::new();
            }
        };
        let read = listed.into_iter().filter(wanted).take(MOST_DOCUMENTS);
        return read
            .filter_map(|path| {
                let text = checkout.read(&path, MOST_DOCUMENT).ok()?;
                Some((path, Bytes::from(text)))
            })
            .collect();
    }
    let (Some(forge), Some(head)) = (subject.forge, subject.collected.head_commit.as_deref())
    else {
        notes.push("The documents could not be read: no checkout shows the head.".to_owned());
        return BTreeMap::new();
    };
    let listed = match forge.list_files(head, "").await {
        Ok(listed) => listed.files,
        Err(error) => {
            tracing::warn!(%error, "the documents could not be listed");
            notes.push("The documents could not be listed.".to_owned());
            return BTreeMap::new();
        }
    };
    let paths: Vec<String> = listed.into_iter().filter(wanted).take(MOST_DOCUMENTS).collect();
    match forge.texts(head, &paths, None).await {
        Ok(texts) => texts.into_iter().map(|(path, text)| (path, Bytes::from(text))).collect(),
        Err(error) => {
            tracing::warn!(%error, "the documents could not be read");
            notes.push("The documents could not be read.".to_owned());
            BTreeMap::new()
        }
    }
}

/// Ask the model for edits, and keep what holds.
async fn ask(subject: &Subject<'_>, examined: &mut Examined) -> Result<(), Failure> {
    let Subject { inputs, collected, scrubber, .. } = *subject;
    let wanting = |row: &Row| {
        row.changelog == Entry::Missing
            || (row.symbol.change != What::Added && !row.mentions.is_empty())
    };
    let models = models::of(inputs, subject.client, Task::Docs).map_err(Failure::Inputs)?;
    if models.heavy.is_none() || !examined.report.symbols.iter().any(wanting) {
        return Ok(());
    }
    let clean = |text: &str| scrubber.scrub(text).into_owned();
    let nonce = Nonce::new();
    let instructions = inputs.tables.instructions.as_deref();
    let system = prompt::system(&nonce, prompt::Task::Docs, collected, instructions, &clean);
    let text = put_together(examined, &nonce, &clean);
    let got = model::put(Put {
        models: &models,
        inputs,
        deadline: subject.deadline,
        system,
        text,
        tool: propose::tool(),
        tools: None,
        nonce: &nonce,
        validate: &propose::parse,
    })
    .await;
    let Some(got) = got else { return Ok(()) };
    examined.report.model = got.model;
    examined.report.usage = got.usage;
    match got.answer {
        Ok(proposed) => examined.proposed = proposed,
        Err(why) => {
            examined.failure = Some(scrubber.sanitize_line(&why));
            return Ok(());
        }
    }
    let texts = examined.texts();
    let held =
        propose::prove(&examined.proposed, &examined.documents, &examined.known(&texts), scrubber);
    let report = &mut examined.report;
    report.dropped.clone_from(&held.dropped);
    report.edits = held
        .edits
        .iter()
        .map(|edit| Edited {
            path: edit.path.clone(),
            line: edit.line,
            end_line: edit.end_line,
            before: clean(&edit.before),
            after: edit.after.clone(),
        })
        .collect();
    for file in &held.files {
        let before = examined.documents.get(&file.path).map(Bytes::as_ref).unwrap_or_default();
        report.diff += &report::diff(&file.path, before, &file.content);
    }
    report.diff = clean(&report.diff);
    examined.held = held;
    Ok(())
}

/// The table, and the places in the documents, fenced.
fn put_together(examined: &Examined, nonce: &Nonce, clean: &dyn Fn(&str) -> String) -> String {
    let mut table = String::new();
    for row in &examined.report.symbols {
        let Row { symbol, changelog, .. } = row;
        let _ = writeln!(
            table,
            "{} {} ({}:{})\n  before: {}\n  after: {}\n  changelog: {changelog:?}",
            symbol.change.as_str(),
            symbol.name,
            symbol.path,
            symbol.line,
            symbol.before,
            symbol.after
        );
    }
    let mut text = "What the change does to public definitions:\n".to_owned();
    text += &nonce.fence("definitions", &bounded(&clean(&table), MOST_SHOWN / 2));
    let mut lines: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for mention in examined.report.symbols.iter().flat_map(|row| &row.mentions) {
        let at = mention.line as usize;
        let around = at.saturating_sub(AROUND).max(1)..=at + AROUND;
        lines.entry(mention.path.as_str()).or_default().extend(around);
    }
    if let Some(log) = &examined.report.changelog {
        lines.entry(log.as_str()).or_default().extend(1..=40);
    }
    let mut left = MOST_SHOWN;
    for (path, wanted) in lines {
        let Some(document) = examined.documents.get(path) else { continue };
        let document = String::from_utf8_lossy(document);
        let mut shown = String::new();
        for (at, line) in document.lines().enumerate() {
            if wanted.contains(&(at + 1)) {
                let _ = writeln!(shown, "{:>5} : {line}", at + 1);
            }
        }
        let shown = bounded(&clean(&shown), left);
        left = left.saturating_sub(shown.len());
        let _ = write!(text, "\n{}", nonce.fence(&format!("document {path}"), &shown));
        if left == 0 {
            break;
        }
    }
    text.push_str("\nBring them up to date with `propose_docs`.");
    text
}
