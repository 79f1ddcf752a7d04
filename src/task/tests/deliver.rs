//! The way to people: one comment with what was proven and how, and the proven tests as
//! a commit on the change's branch or as a change request onto it. Nothing else is ever
//! committed.

use anyhow::Context as _;

use super::Examined;
use super::gaps::is_open;
use super::report::{Candidate, Report, Verdict};
use crate::failure::Failure;
use crate::forge::{ChangeRequest, FileContent, Forge};
use crate::inputs::Inputs;
use crate::policy::{ActPermit, ProposePermit, Ruling};
use crate::publish::apply::Outcome;
use crate::publish::proven::{self, Group, Open, Ran, Row, Shown};
use crate::redact::{ForgeHost, Scrubber};
use crate::task::deliver::{self as shared, Committed, Proposed, Standing};
use crate::task::review::collect::Collected;

/// The first line of our comment.
const MARKER: &str = "<!-- pipewright:tests -->";
/// The last line of our commits.
const TRAILER: &str = "Pipewright-Task: tests";
/// Begins the last line of our change request: the change that it is for.
const PROPOSAL: &str = "<!-- pipewright:tests-of ";
/// Begins the branches of our change requests.
const BRANCH: &str = "pipewright/tests-";
/// The first line of our commits.
const HEADLINE: &str = "Add tests that are proven to guard the change";
/// Most names in a commit's message.
const MOST_NAMES: usize = 40;

/// What was done.
#[derive(Debug, Default)]
pub struct Delivered {
    /// What was posted, refused and what failed.
    pub outcome: Outcome,
    /// The same for people, as Markdown of ours; may be empty.
    pub done: String,
    /// The commit on the change's branch.
    pub commit: Option<String>,
    /// The change request with the tests.
    pub change: Option<u64>,
    /// Why proven tests were not handed over.
    pub withheld: Option<String>,
    /// Whether it was tried to post anything.
    pub tried: bool,
}

impl Delivered {
    /// The host did not answer; what was proven is told all the same.
    pub fn failed(failure: &Failure, scrubber: &Scrubber) -> Delivered {
        let mut delivered = Delivered::withheld("The proven tests could not be handed over.");
        let why = scrubber.sanitize_line(&failure.to_string());
        delivered.outcome.failed.push(("the proven tests".to_owned(), why));
        delivered
    }

    fn withheld(why: impl Into<String>) -> Delivered {
        let why = why.into();
        let done = format!("{why} The diff of the proven tests stands below.");
        Delivered { done, withheld: Some(why), ..Delivered::default() }
    }
}

/// A change on a host, and what may be done about it.
pub struct Place<'a> {
    /// The host.
    pub forge: &'a dyn Forge,
    /// The change request as it is now.
    pub request: &'a ChangeRequest,
    /// What this run may do.
    pub ruling: Ruling,
    /// What the program was told.
    pub inputs: &'a Inputs,
    /// The change as it was read.
    pub collected: &'a Collected,
    /// Knows this run's secrets.
    pub scrubber: &'a Scrubber,
    /// Where links may lead.
    pub host: &'a ForgeHost,
}

/// Why a model is not asked for tests of this change: they are there.
pub async fn is_done(
    forge: &dyn Forge,
    request: &ChangeRequest,
    ruling: &Ruling,
) -> Option<String> {
    if request.head_ref.starts_with(BRANCH) && !request.from_fork {
        return Some("This change adds tests of ours; no model was asked for more.".to_owned());
    }
    ruling.act()?;
    let before = shared::commits_before(forge, request.number, TRAILER).await;
    before.contains(&request.head).then(|| {
        "The change's head is our own commit of proven tests; no model was asked again.".to_owned()
    })
}

/// Hand over what is proven, as far as the run may.
///
/// # Errors
/// The host could not be reached.
pub async fn hand_over(place: &Place<'_>, examined: &Examined) -> Result<Delivered, Failure> {
    let Some(permit) = place.ruling.propose() else { return Ok(Delivered::default()) };
    if examined.files.is_empty() {
        return earlier(place).await;
    }
    if place.collected.from_fork || place.request.from_fork {
        return Ok(Delivered::withheld(
            "The branch lies in a fork: nothing is committed there, and no change request opened.",
        ));
    }
    if let Some(why) = unfit(&examined.report.diff, place.scrubber) {
        return Ok(Delivered::withheld(format!("Nothing was committed: {why}.")));
    }
    let number = place.request.number;
    let now = place
        .forge
        .change_request(number)
        .await
        .with_context(|| format!("cannot read #{number}"))
        .map_err(Failure::Platform)?;
    if !now.open {
        return Ok(Delivered::withheld(format!("#{number} is closed: nothing was committed.")));
    }
    if now.head != place.collected.head {
        return Ok(moved());
    }
    let differs = shared::differs(place.forge, &place.collected.head, &examined.files)
        .await
        .with_context(|| format!("cannot read files of #{number}"))
        .map_err(Failure::Platform)?;
    if let Some(path) = differs {
        let path = crate::publish::wording::code(&place.scrubber.sanitize_line(&path));
        return Ok(Delivered::withheld(format!(
            "Nothing was committed: {path} reads otherwise on the branch than in this checkout. \
             Check out the change's head (`ref: ${{{{ github.event.pull_request.head.sha }}}}`)."
        )));
    }
    match place.ruling.act() {
        Some(permit) => commit(place, &permit, examined).await,
        None => propose(place, &permit, &now, examined).await,
    }
}

fn moved() -> Delivered {
    Delivered::withheld(
        "The branch moved while tests were being proven: nothing was committed. The run for its \
         new head looks again.",
    )
}

/// What runs before this one left.
async fn earlier(place: &Place<'_>) -> Result<Delivered, Failure> {
    let mut delivered = Delivered::default();
    if place.request.from_fork {
        return Ok(delivered);
    }
    let branch = branch(place.request.number);
    if place.ruling.act().is_some() {
        let before = shared::commits_before(place.forge, place.request.number, TRAILER).await;
        let links: Vec<String> =
            before.iter().take(10).map(|sha| shared::link(sha, place.host)).collect();
        if !links.is_empty() {
            delivered.done = format!("Committed to this branch: {}.", links.join(", "));
            return Ok(delivered);
        }
    }
    match place.forge.open_change(&branch).await {
        Ok(Some(number)) => {
            delivered.done = format!("Proven tests of an earlier run stand in #{number}.");
            delivered.change = Some(number);
        }
        Ok(None) => {}
        Err(error) => tracing::info!(%error, "an earlier change request is unknown"),
    }
    Ok(delivered)
}

fn branch(number: u64) -> String {
    format!("{BRANCH}{number}")
}

/// Why added lines may not be handed on as they are.
fn unfit(diff: &str, scrubber: &Scrubber) -> Option<&'static str> {
    let added: Vec<&str> = diff
        .lines()
        .filter(|line| line.starts_with('+') && !line.starts_with("+++ "))
        .map(|line| &line[1..])
        .collect();
    let added = added.join("\n");
    if scrubber.scrub(&added) != added {
        return Some("a test holds what reads like a secret");
    }
    added
        .contains(proven::is_turning)
        .then_some("a test holds characters that make code read otherwise than it runs")
}

async fn commit(
    place: &Place<'_>,
    permit: &ActPermit,
    examined: &Examined,
) -> Result<Delivered, Failure> {
    let files = examined
        .files
        .iter()
        .map(|(path, _, after)| FileContent { path: path.clone(), content: after.clone() });
    let commit = shared::Commit {
        head: &place.collected.head,
        headline: HEADLINE,
        body: message(&examined.report.candidates),
        files: files.collect(),
        denied: "Nothing was committed: the token may not. It takes `contents: write`.",
        rejected: "Nothing was committed: the host does not take it. A rule of the branch may \
                   forbid it.",
    };
    let number = place.request.number;
    Ok(match shared::commit(place.forge, permit, number, commit).await? {
        Committed::Done(sha) => {
            let mut delivered = Delivered {
                done: format!(
                    "The proven tests are committed to this branch: {}.",
                    shared::link(&sha, place.host)
                ),
                ..Delivered::default()
            };
            delivered.outcome.posted.push(format!("commit {sha}"));
            delivered.commit = Some(sha);
            delivered
        }
        Committed::Moved => moved(),
        Committed::Withheld(why) => Delivered::withheld(why),
    })
}

/// The commit's message below its first line: which tests, and our mark.
fn message(candidates: &[Candidate]) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_:./[] ".contains(*c);
    let mut text = String::new();
    let proven: Vec<&Candidate> = candidates.iter().filter(|one| one.verdict.is_proven()).collect();
    for one in proven.iter().take(MOST_NAMES) {
        let name: String = one.name.chars().filter(plain).take(150).collect();
        text += &format!("- {name} ({})\n", one.verdict.as_str());
    }
    if proven.len() > MOST_NAMES {
        text += &format!("- and {} more\n", proven.len() - MOST_NAMES);
    }
    format!("{text}\n{TRAILER}")
}

async fn propose(
    place: &Place<'_>,
    permit: &ProposePermit,
    now: &ChangeRequest,
    examined: &Examined,
) -> Result<Delivered, Failure> {
    let number = place.request.number;
    let branch = branch(number);
    let mut shown = shown(&examined.report, "");
    shown.rows.retain(|row| row.group == Group::Proven);
    // The change request is the diff.
    shown.diff = "";
    let table = proven::markdown(&shown, place.scrubber, place.host);
    let title = format!("Add proven tests for #{number}");
    let proposal = shared::Proposal {
        branch: &branch,
        onto: &now.head_ref,
        at: None,
        title: &title,
        body: format!(
            "Tests for what #{number} changes. Each was shown to fail, by its assertions, where \
             the change is taken away or broken.\n\n{}\n\n{PROPOSAL}{number} -->",
            table.trim_end()
        ),
        files: examined.files.clone(),
        denied: "The token may not open a change request with the tests: it takes `contents: \
                 write` and `pull-requests: write`, and the repository has to allow GitHub \
                 Actions to create pull requests.",
        rejected: "The host takes no change request with the tests: a rule may forbid it.",
    };
    Ok(match shared::propose(place.forge, permit, proposal).await? {
        Proposed::Open(change) => {
            let mut delivered = Delivered {
                done: format!("The proven tests stand in #{change}, onto this branch."),
                change: Some(change),
                ..Delivered::default()
            };
            delivered.outcome.posted.push(format!("change request #{change}"));
            delivered
        }
        Proposed::Withheld(why) => Delivered::withheld(why),
    })
}

/// The comment, in place. What a model said before is not wiped out by a run in which
/// it did not answer.
pub async fn comment(place: &Place<'_>, examined: &Examined, delivered: &mut Delivered) {
    let Some(permit) = place.ruling.propose().filter(|_| place.inputs.publish.summary) else {
        return;
    };
    let report = &examined.report;
    let text = proven::markdown(&shown(report, &delivered.done), place.scrubber, place.host);
    let any = !report.candidates.is_empty()
        || report.gap.iter().any(is_open)
        || !delivered.done.is_empty();
    let unanswered = examined.failure.is_some() && report.candidates.is_empty();
    let same = |_: &str| unanswered;
    let said =
        Standing { marker: MARKER, what: "the table of tests", text: &text, any, same: &same };
    delivered.tried = true;
    let (forge, number) = (place.forge, place.request.number);
    shared::comment(forge, &permit, number, &said, &mut delivered.outcome, place.scrubber).await;
}

/// The report as people read it.
pub fn shown<'a>(report: &'a Report, done: &'a str) -> Shown<'a> {
    let mut rows: Vec<Row<'_>> = report.candidates.iter().map(row).collect();
    rows.sort_by_key(|row| row.group);
    let open = report.gap.iter().filter(|gap| is_open(gap)).map(|gap| Open {
        function: &gap.function,
        path: &gap.path,
        line: gap.lines[0],
        unreached: gap.coverage.then_some(gap.uncovered.as_slice()),
        lives: gap.mutants.survived.iter().map(|one| (one.line, one.change.as_str())).collect(),
        tried: gap.mutants.tried,
    });
    Shown {
        changed: report.gap.len(),
        proposed: report.candidates.len(),
        rows,
        open: open.collect(),
        untestable: report
            .untestable
            .iter()
            .map(|one| (one.path.as_str(), one.reason.as_str()))
            .collect(),
        diff: &report.diff,
        done,
        notes: report
            .notes
            .iter()
            .map(String::as_str)
            // What was done says it already.
            .filter(|note| !done.contains(note))
            .collect(),
        model: &report.model,
        spent: (report.usage.requests, report.usage.cost_usd),
    }
}

fn row(one: &Candidate) -> Row<'_> {
    let ran = one.evidence.iter().map(|evidence| Ran {
        on: &evidence.on,
        command: &evidence.command,
        outcome: &evidence.outcome,
        is_patched: evidence.patch.is_some(),
    });
    Row {
        name: &one.name,
        path: &one.path,
        group: match one.verdict {
            Verdict::ProvenBase | Verdict::ProvenMutant => Group::Proven,
            Verdict::CoverageOnly => Group::CoverageOnly,
            Verdict::SuspectedBug => Group::Suspected,
            Verdict::Rejected => Group::Rejected,
        },
        verdict: one.verdict.as_str(),
        guards: &one.guards,
        reason: &one.reason,
        ran: ran.collect(),
        diff: &one.diff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_are_looked_at_and_no_others() {
        let scrubber = Scrubber::default();
        for (diff, fit) in [
            ("--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n a\n+b\n", true),
            (" t = 'ghp_0123456789abcdefghijABCDEFGHIJ012345'\n+b\n", true),
            ("+t = 'ghp_0123456789abcdefghijABCDEFGHIJ012345'\n", false),
            ("+a\u{202e}b\n", false),
            ("+'👨\u{200d}👩'\n", true),
        ] {
            assert_eq!(unfit(diff, &scrubber).is_none(), fit, "{diff:?}");
        }
    }

    #[test]
    fn a_message_names_what_is_proven_and_ends_in_our_mark() {
        let one = |name: &str, verdict| Candidate {
            name: name.to_owned(),
            path: String::new(),
            verdict,
            reason: String::new(),
            guards: String::new(),
            evidence: Vec::new(),
            diff: String::new(),
        };
        let message = message(&[
            one("a::b\nCo-authored-by: x <y@z>", Verdict::ProvenBase),
            one("c", Verdict::SuspectedBug),
            one("d", Verdict::ProvenMutant),
        ]);
        assert_eq!(
            message,
            "- a::bCo-authored-by: x yz (proven-base)\n- d (proven-mutant)\n\n\
             Pipewright-Task: tests"
        );
    }
}
