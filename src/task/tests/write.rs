//! Asks the model for tests, round by round, and proves what it hands in.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;

use super::bench::Bench;
use super::changed::{ChangedFile, Function};
use super::copies::Copies;
use super::mutate::Live;
use super::nearby;
use super::project::{Checked, Group};
use super::prompt::{self, MOST_FUNCTIONS, Question};
use super::proposal::{self, Proposal};
use super::prove::{Judged, Prover};
use super::report::Gap;
use super::{Examined, Subject};
use crate::code::language::Language;
use crate::code::test_code;
use crate::diff::write as diff_write;
use crate::finding::Severity;
use crate::inputs::{Inputs, Task, TestKind};
use crate::model::SystemBlock;
use crate::runner::Files as _;
use crate::task::models;
use crate::task::review::prompt::Nonce;
use crate::task::review::{self};
use crate::task::talk::model::{self, Put};

/// How often the model may hand tests in.
const ROUNDS: usize = 3;
/// Most bytes of the change's diff that are shown.
const MOST_DIFF: usize = 30_000;
/// Most rejected tests that are handed back.
const MOST_BACK: usize = 10;
/// Largest source file that is looked into.
const LARGEST: u64 = 200_000;

/// What tests are written for.
pub struct Writing<'a> {
    /// What is looked at.
    pub checked: &'a Checked<'a>,
    /// The project.
    pub group: &'a Group,
    /// Where tests run.
    pub bench: &'a Bench<'a>,
    /// What is to be guarded.
    pub gap: &'a [Gap],
    /// Mutants that live.
    pub live: Vec<Live>,
    /// Tests that are there, as the runner prints them.
    pub names: Vec<String>,
    /// How one benchmark is run, where benchmarks are asked for.
    pub benchmark: Option<String>,
}

/// Ask and prove, at most three times.
///
/// # Errors
/// The time is over; what was judged until then stands in `judged`.
pub async fn rounds(
    writing: &mut Writing<'_>,
    copies: &mut Copies,
    judged: &mut Vec<Judged>,
    examined: &mut Examined,
) -> Result<()> {
    let Subject { inputs, deadline, scrubber, progress, .. } = *writing.checked.subject;
    let nonce = Nonce::new();
    let question = question(writing, &nonce);
    let mut feedback = String::new();
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for round in 1..=ROUNDS {
        progress.stage(format!("asking for tests, round {round} of {ROUNDS}"));
        let spent = examined.report.usage;
        let capped = Inputs {
            max_cost_usd: (inputs.max_cost_usd - spent.cost_usd).max(0.0),
            ..inputs.clone()
        };
        let client = review::client(inputs, deadline)?;
        let models = models::of(inputs, &client, Task::Tests)?;
        let got = model::put(Put {
            models: &models,
            inputs: &capped,
            deadline,
            system: vec![SystemBlock {
                text: Arc::from(prompt::instructions(&writing.bench.commands, inputs.testing.kind)),
                cache: true,
            }],
            text: format!("{question}{feedback}"),
            tool: proposal::tool(),
            tools: None,
            nonce: &nonce,
            validate: &proposal::parse,
        })
        .await;
        let Some(got) = got else { return Ok(()) };
        examined.report.usage += got.usage;
        let proposals = match got.answer {
            Ok(proposals) => proposals,
            Err(why) => {
                let why = scrubber.sanitize_line(&why);
                // What the first rounds gave is kept.
                match judged.is_empty() {
                    true => examined.failure = Some(why),
                    false => examined.report.notes.push(format!("The model stopped: {why}.")),
                }
                return Ok(());
            }
        };
        examined.report.model = got.model;
        if proposals.is_empty() {
            return Ok(());
        }
        let from = judged.len();
        prove(writing, copies, judged, &mut seen, proposals).await?;
        let new = &judged[from..];
        let rejected: Vec<(String, String, String)> = new
            .iter()
            .filter_map(|one| Some((one, one.feedback.clone()?)))
            .take(MOST_BACK)
            .map(|(one, why)| (one.proposal.name.clone(), one.proposal.code.clone(), why))
            .collect();
        if rejected.is_empty() {
            return Ok(());
        }
        let accepted: Vec<String> = judged
            .iter()
            .filter(|one| one.candidate.verdict.is_proven())
            .map(|one| one.proposal.name.clone())
            .collect();
        feedback = prompt::feedback(&rejected, &accepted, &writing.live, &nonce, scrubber);
    }
    Ok(())
}

/// Prove one after the other.
async fn prove(
    writing: &mut Writing<'_>,
    copies: &mut Copies,
    judged: &mut Vec<Judged>,
    seen: &mut BTreeSet<(String, String)>,
    proposals: Vec<Proposal>,
) -> Result<()> {
    let progress = writing.checked.subject.progress;
    let count = proposals.len();
    for (nth, proposal) in proposals.into_iter().enumerate() {
        progress.stage(format!("proving test {} of {count}: {}", nth + 1, proposal.name));
        let key = (proposal.path.clone(), proposal.code.clone());
        if !seen.insert(key) {
            tracing::info!("`{}` was handed in again", proposal.name);
            continue;
        }
        let twin = judged.iter().any(|one| {
            one.candidate.verdict.is_proven()
                && (one.proposal.name == proposal.name && one.proposal.path == proposal.path)
        });
        if twin {
            tracing::info!("`{}` is proven already", proposal.name);
            continue;
        }
        let mut prover = Prover {
            bench: writing.bench,
            copies,
            live: &writing.live,
            changed: &writing.group.changed,
            benchmark: writing.benchmark.as_deref(),
        };
        let one = prover.prove(&proposal).await?;
        tracing::info!(
            "`{}`: {}: {}",
            one.candidate.name,
            one.candidate.verdict.as_str(),
            one.candidate.reason
        );
        // A mutant that a test notices is no proof of the next one.
        writing.live.retain(|live| !one.kills.contains(&live.id));
        judged.push(one);
    }
    Ok(())
}

fn question(writing: &Writing<'_>, nonce: &Nonce) -> String {
    let Writing { checked, group, bench, gap, live, names, .. } = writing;
    let Subject { inputs, collected, scrubber, .. } = *checked.subject;
    let mut gap: Vec<Gap> = gap.to_vec();
    gap.truncate(MOST_FUNCTIONS);
    let functions: Vec<(&ChangedFile, &Function)> = gap
        .iter()
        .filter_map(|gap| {
            let file = group.changed.iter().find(|file| file.path == gap.path)?;
            let function = file.functions.iter().find(|function| function.name == gap.function)?;
            Some((file, function))
        })
        .collect();
    let languages: Vec<Language> = group.changed.iter().map(|file| file.language).collect();
    let paths = checked.found.tree.paths();
    let read = |path: &str| checked.checkout.read(path, LARGEST).ok();
    let sources = nearby::sources(paths, &languages, &read);
    let around = nearby::nearby(&sources, &functions);
    let tests: Vec<String> = sources
        .iter()
        .filter(|source| {
            Language::of_path(&source.path)
                .is_some_and(|language| test_code::is_test_file(language, &source.path))
        })
        .map(|source| source.path.clone())
        .collect();
    prompt::question(
        &Question {
            commands: &bench.commands,
            root: &bench.root,
            names,
            said: (&collected.title, &collected.body),
            gap: &gap,
            functions: &functions,
            live,
            diff: &diff_of(checked.subject, group),
            nearby: &around,
            findings: &security(checked.subject),
            test_files: &tests,
            prompt: inputs.prompt.as_deref(),
        },
        nonce,
        scrubber,
    )
}

/// The diff of the project's changed files, whole files until there is no more room.
fn diff_of(subject: &Subject<'_>, group: &Group) -> String {
    let mut text = Vec::new();
    for file in &subject.collected.change.files {
        let path = file.path().display();
        if !group.changed.iter().any(|changed| changed.path == path) {
            continue;
        }
        let mut one = Vec::new();
        diff_write::write_file(file, &mut one);
        if text.len() + one.len() <= MOST_DIFF {
            text.append(&mut one);
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Security findings of scanners on the change's lines, in words.
fn security(subject: &Subject<'_>) -> Vec<String> {
    let Subject { inputs, collected, local, .. } = *subject;
    if inputs.testing.kind != TestKind::Security {
        return Vec::new();
    }
    let root = local.and_then(crate::forge::local::Local::workdir);
    let root = root.unwrap_or(&subject.context.workspace);
    let Ok(checkout) = crate::checkout::Checkout::new(root) else { return Vec::new() };
    let mut notes = Vec::new();
    let reports = review::said::read_reports(Some(&checkout), local, inputs, &mut notes);
    let (findings, _) = review::said::said_by_reports(
        &collected.change,
        local,
        Some(&checkout),
        &reports,
        &mut notes,
    );
    findings
        .into_iter()
        .filter(|finding| finding.severity >= Severity::Low && finding.category != "tests")
        .map(|finding| {
            // A long message is the title's, too, cut short.
            let title = finding.title.trim_end_matches('…');
            let title = if finding.body.starts_with(title) { "" } else { &finding.title };
            let between = if title.is_empty() { "" } else { ": " };
            format!("{}:{}: {title}{between}{}", finding.path, finding.line, finding.body)
        })
        .collect()
}
