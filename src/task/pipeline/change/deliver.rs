//! The way to people: comments on lines, one comment with the table, a commit on the
//! change's branch, or a change request of our own.

use std::collections::BTreeSet;

use super::look::Looked;
use crate::diff::Content;
use crate::failure::Failure;
use crate::finding::Fingerprint;
use crate::forge::{FileContent, Forge, Target};
use crate::inputs::Inputs;
use crate::pipeline::rule::RULES;
use crate::policy::{ActPermit, ProposePermit};
use crate::publish::apply::{self, Outcome};
use crate::publish::markdown::StatePayload;
use crate::publish::plan::{self, PlanInput, Selection};
use crate::publish::{View, inline, pipeline as shown};
use crate::redact::{ForgeHost, Scrubber};
use crate::task::deliver::{self as shared, Committed, Proposed, Standing};
use crate::task::pipeline::optimize;
use crate::task::review::collect::Collected;

/// The first line of our comment.
const MARKER: &str = "<!-- pipewright:pipeline -->";
/// Begins the comment's last line where a model was asked.
const MODEL_AT: &str = "<!-- pipewright:pipeline-at ";
/// The last line of our commits.
const TRAILER: &str = "Pipewright-Task: pipeline";
/// Begins the last line of our change request, which tells one proposal from another.
const PROPOSAL: &str = "<!-- pipewright:pipelines ";
/// The branch of our change request.
const BRANCH: &str = "pipewright/pipelines";
/// What the change request and its commit are called.
const TITLE: &str = "Apply proven fixes to the pipeline files";

/// The table as a comment has it, with what became of its changes.
pub fn table(looked: &Looked, done: &str, scrubber: &Scrubber, host: &ForgeHost) -> String {
    let files = optimize::shown(&looked.result);
    let problems: Vec<(&str, u32, &str)> = looked
        .problems
        .iter()
        .map(|(path, line, what)| (path.as_str(), *line, what.as_str()))
        .collect();
    // A file that was not read stands with its reason already.
    let unread: Vec<String> = crate::task::pipeline::show::notes(&looked.states);
    let notes: Vec<String> =
        looked.report.notes.iter().filter(|note| !unread.contains(note)).cloned().collect();
    let beside = shown::Beside { problems: &problems, done, notes: &notes };
    shown::comment(&files, &beside, scrubber, host)
}

/// The table with the head that a model has looked at, where one has.
pub fn marked(table: &str, looked: &Looked) -> String {
    let report = &looked.report;
    if report.model == "offline" || looked.failure.is_some() {
        return table.to_owned();
    }
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_:./".contains(*c);
    let model: String = report.model.chars().filter(plain).collect::<String>().replace("--", "-");
    format!("{}\n\n{MODEL_AT}{} {model} -->", table.trim_end(), report.head)
}

/// Comments on the change's lines, each once; threads whose finding is gone are
/// resolved.
pub async fn remarks(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    inputs: &Inputs,
    collected: &Collected,
    looked: &Looked,
    view: View<'_>,
    target: &Target,
) -> Outcome {
    let missing: BTreeSet<String> = collected
        .change
        .files
        .iter()
        .filter(|file| matches!(file.content, Content::Missing { .. }))
        .map(|file| file.path().display())
        .chain(collected.unlisted.iter().cloned())
        .collect();
    let gone: Vec<Fingerprint> = collected
        .before
        .posted
        .iter()
        .filter(|(id, (comment, _))| {
            let rule = inline::rule(&comment.body);
            let ours = rule.is_some_and(|rule| RULES.iter().any(|known| known.slug == rule));
            // Of a file that could not be read this time, nothing is known.
            let read = looked.states.iter().any(|state| {
                state.path == comment.path
                    && state.status == crate::task::pipeline::report::Status::Read
            });
            ours && read && !looked.holding.contains(*id)
        })
        .map(|(id, _)| id.clone())
        .collect();
    let state = |_: &_, _| StatePayload::default();
    let input = PlanInput {
        view,
        target,
        capabilities: forge.capabilities(),
        publish: Selection { review: inputs.publish.review, summary: false, check: false },
        existing: &collected.before.existing,
        state: &state,
        gone: &gone,
        missing_patches: &missing,
        max_inline: inputs.max_findings,
        progress: None,
        permalink: None,
    };
    let operations = plan::plan(&input);
    apply::apply(forge, &input, operations).await
}

/// The comment with the table, in place; none where there is nothing to say and none
/// is there. What came of it is booked like the rest.
pub async fn comment(
    forge: &dyn Forge,
    permit: &ProposePermit,
    number: u64,
    text: &str,
    any: bool,
    outcome: &mut Outcome,
    scrubber: &Scrubber,
) {
    let text = format!("### Pipeline files\n\n{}", text.trim_end());
    // A model says the same in other words each time: that is no reason to write again.
    let last = |text: &str| text.lines().last().map(str::to_owned);
    let by_model = last(&text).filter(|line| line.starts_with(MODEL_AT));
    let same = |there: &str| by_model.is_some() && by_model == last(there);
    let said = Standing { marker: MARKER, what: "the table", text: &text, any, same: &same };
    shared::comment(forge, permit, number, &said, outcome, scrubber).await;
}

/// Commit the proven changes to the change's branch, on the head that they were proven
/// on or not at all.
///
/// # Errors
/// The host could not be reached.
pub async fn commit(
    forge: &dyn Forge,
    permit: &ActPermit,
    collected: &Collected,
    number: u64,
    looked: &Looked,
) -> Result<Committed, Failure> {
    let files = looked.files.iter().map(|(path, _, after)| FileContent {
        path: path.clone(),
        content: after.clone().into_bytes(),
    });
    let commit = shared::Commit {
        head: &collected.head,
        headline: TITLE,
        body: message(looked),
        files: files.collect(),
        denied: "Nothing was committed: the token may not. It takes `contents: write`, and for \
                 files in `.github/workflows` a token of an app that has `workflows: write`.",
        rejected: "Nothing was committed: the host does not take it. A rule of the branch may \
                   forbid it, or the token may not change workflows.",
    };
    shared::commit(forge, permit, number, commit).await
}

/// The commit's message below its first line: which rules, and our mark.
fn message(looked: &Looked) -> String {
    let mut rules: Vec<&str> = looked
        .result
        .files
        .iter()
        .flat_map(|file| file.changes.iter().map(|change| change.rule.as_str()))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_:. ".contains(*c);
    let rules: String = rules.join(" ").chars().filter(plain).collect();
    format!("Rules: {rules}.\n\n{TRAILER}")
}

/// Names of our commits on the change's branch, newest first; none where they are
/// unknown.
pub async fn commits_before(forge: &dyn Forge, number: u64) -> Vec<String> {
    shared::commits_before(forge, number, TRAILER).await
}

/// A change request with the proven changes onto `onto`; run again, the same one.
///
/// # Errors
/// The host could not be reached.
pub async fn propose(
    forge: &dyn Forge,
    permit: &ProposePermit,
    onto: &str,
    is_default: bool,
    looked: &Looked,
    (scrubber, host): (&Scrubber, &ForgeHost),
) -> Result<Proposed, Failure> {
    let branch = if is_default { BRANCH.to_owned() } else { branch_for(onto) };
    let table = table(looked, "", scrubber, host);
    let bytes = |text: &str| text.as_bytes().to_vec();
    let files = looked
        .files
        .iter()
        .map(|(path, before, after)| (path.clone(), Some(bytes(before)), bytes(after)));
    let proposal = shared::Proposal {
        branch: &branch,
        onto,
        at: Some(onto),
        title: TITLE,
        body: format!("{}\n\n{PROPOSAL}{} -->", table.trim_end(), looked.digest()),
        files: files.collect(),
        denied: "The token may not open a change request: it takes `contents: write` and \
                 `pull-requests: write`, the repository has to allow GitHub Actions to create \
                 pull requests, and files in `.github/workflows` take a token of an app that \
                 has `workflows: write`.",
        rejected: "The host takes no change request with these changes: a rule may forbid it.",
    };
    shared::propose(forge, permit, proposal).await
}

/// The branch for changes onto a branch that is not the default one.
fn branch_for(onto: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let name: String = onto.chars().take(60).map(plain).collect();
    let hash = Sha256::digest(onto);
    let short: String = hash.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    format!("{BRANCH}-{}-{short}", name.trim_matches('-'))
}

/// Whether a branch is one that we propose from.
pub fn is_ours(branch: &str) -> bool {
    branch == BRANCH || branch.starts_with("pipewright/pipelines-")
}
