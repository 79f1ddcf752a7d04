//! Carrying out a plan on a forge, degrading where the host or the token refuses.

use crate::finding::Fingerprint;
use crate::forge::{Applied, Forge, ForgeError, InlineComment, Operation};

use super::inline;
use super::markdown::Unplaced;
use super::plan::{Delivery, PlanInput, status, summary_operation};

/// What came of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was posted, in words and in order: `a review with 3 comments`.
    pub posted: Vec<String>,
    /// What the host or the token refused, and why. Publishing degraded around it.
    pub refused: Vec<(String, String)>,
    /// What failed for another reason: the host could not be reached. A run with
    /// any of these has to end in an error; the next one completes it.
    pub failed: Vec<(String, String)>,
    /// Something was to be shown, and nothing on the host shows it, neither from
    /// this run nor from an earlier one: the caller must show it elsewhere.
    pub could_post_nothing: bool,
}

/// Carries out what [`plan`](super::plan::plan) made of the same input.
///
/// - A review that is denied, or comments of it that are refused: listed in the summary.
/// - A check that is denied: a commit status; if that is denied too, a line in the summary.
/// - Anything else that fails: reported, and the rest is still tried.
///
/// Safe to drop at any point: the next run does what is missing.
pub async fn apply(
    forge: &dyn Forge,
    input: &PlanInput<'_>,
    operations: Vec<Operation>,
) -> Outcome {
    let mut run = Run {
        forge,
        input,
        outcome: Outcome::default(),
        delivery: Delivery::default(),
        visible: false,
    };
    let anything = !operations.is_empty();
    let mut planned = None;
    for operation in operations {
        match operation {
            // Last, when it is known what it has to say.
            Operation::CreateComment { .. } | Operation::UpdateComment { .. } => {
                planned = Some(operation);
            }
            Operation::PostReview { head, body, comments } => {
                run.review(head, body, comments).await
            }
            Operation::CreateCheck { .. } | Operation::UpdateCheck { .. } => {
                run.check(operation).await
            }
            other => {
                run.attempt(&other).await;
            }
        }
    }
    let as_planned = run.delivery == Delivery::default();
    let summary = if as_planned { planned } else { summary_operation(input, &run.delivery) };
    if let Some(summary) = summary {
        run.visible |= run.attempt(&summary).await.is_some();
    }
    let earlier = input.existing.summary.is_some()
        || input.existing.check.as_ref().is_some_and(|check| check.completed);
    let mut outcome = run.outcome;
    outcome.could_post_nothing = anything && !run.visible && !earlier;
    outcome
}

struct Run<'a> {
    forge: &'a dyn Forge,
    input: &'a PlanInput<'a>,
    outcome: Outcome,
    delivery: Delivery,
    /// Whether findings can be seen on the host.
    visible: bool,
}

impl Run<'_> {
    /// Carries out one operation and books what came of it; `None` if it failed.
    async fn attempt(&mut self, operation: &Operation) -> Option<Applied> {
        match self.forge.apply(self.input.target.number, operation).await {
            Ok(applied) => {
                tracing::debug!(operation = name(operation), "posted");
                self.outcome.posted.push(words(operation, &applied));
                Some(applied)
            }
            Err(error) => {
                self.book(operation, &error);
                None
            }
        }
    }

    fn book(&mut self, operation: &Operation, error: &ForgeError) {
        let what = name(operation).to_owned();
        let why = self.input.view.scrubber.sanitize_line(&error.to_string());
        tracing::warn!(operation = what, %why, "cannot post");
        self.delivery.unfinished = true;
        match error {
            ForgeError::Denied(_) | ForgeError::Rejected(_) => {
                self.outcome.refused.push((what, why))
            }
            ForgeError::NotFound(_) | ForgeError::Unreachable(_) => {
                self.outcome.failed.push((what, why))
            }
        }
    }

    async fn review(&mut self, head: String, body: String, comments: Vec<InlineComment>) {
        let ids: Vec<Fingerprint> =
            comments.iter().filter_map(|comment| inline::finding_id(&comment.body)).collect();
        let operation = Operation::PostReview { head, body, comments };
        match self.forge.apply(self.input.target.number, &operation).await {
            Ok(applied) => {
                if let Applied::Partly { refused } = &applied {
                    let refused = refused.iter().filter_map(|&at| ids.get(at).cloned());
                    self.delivery.unplaced.extend(refused.map(|id| (id, Unplaced::Refused)));
                }
                self.visible = true;
                self.outcome.posted.push(words(&operation, &applied));
            }
            Err(error) => {
                self.book(&operation, &error);
                let why = match error {
                    ForgeError::Denied(_) => Unplaced::Denied,
                    ForgeError::Rejected(_) => Unplaced::NotTaken,
                    // The next run posts them; until then they stand in the summary.
                    ForgeError::NotFound(_) | ForgeError::Unreachable(_) => Unplaced::NoReview,
                };
                self.delivery.unplaced.extend(ids.into_iter().map(|id| (id, why)));
            }
        }
    }

    async fn check(&mut self, operation: Operation) {
        let error = match self.forge.apply(self.input.target.number, &operation).await {
            Ok(applied) => {
                self.visible = true;
                self.outcome.posted.push(words(&operation, &applied));
                return;
            }
            Err(error) => error,
        };
        self.book(&operation, &error);
        if !matches!(error, ForgeError::Denied(_) | ForgeError::Rejected(_)) {
            return;
        }
        if self.input.capabilities.statuses {
            // A run that finds its summary in place set the status before it.
            let done = self.input.existing.summary.is_some()
                && summary_operation(self.input, &self.delivery).is_none();
            if done || self.attempt(&status(self.input)).await.is_some() {
                return;
            }
        }
        let verdict = self.input.view.conclusion().as_str();
        self.delivery.notes.push(format!(
            "The token may set neither a check nor a status here. The check would be: {verdict}."
        ));
    }
}

fn name(operation: &Operation) -> &'static str {
    match operation {
        Operation::PostReview { .. } => "review",
        Operation::CreateComment { .. } | Operation::UpdateComment { .. } => "summary comment",
        Operation::CreateCheck { .. } | Operation::UpdateCheck { .. } => "check",
        Operation::SetStatus { .. } => "commit status",
        Operation::ResolveThread { .. } => "thread",
        Operation::Reply { .. } | Operation::UpdateReply { .. } => "reply",
        Operation::DeleteComment { .. } => "withdrawal",
        Operation::React { .. } => "reaction",
        Operation::UpdateDescription { .. } => "description",
        Operation::AddLabels { .. } => "labels",
        Operation::RemoveLabel { .. } => "label",
        Operation::ProposeChange { .. } => "change request",
        Operation::Commit { .. } => "commit",
        Operation::CreateBranch { .. } => "branch",
        Operation::OpenChange { .. } => "change request",
    }
}

fn words(operation: &Operation, applied: &Applied) -> String {
    match operation {
        Operation::PostReview { comments, .. } => {
            let refused = match applied {
                Applied::Partly { refused } => refused.len(),
                Applied::Done { .. } | Applied::Committed { .. } | Applied::Moved => 0,
            };
            let taken = comments.len().saturating_sub(refused);
            format!("a review with {}", super::wording::plural(taken, "comment"))
        }
        Operation::CreateComment { .. } => "the summary comment".to_owned(),
        Operation::UpdateComment { .. } => "the summary comment, updated".to_owned(),
        Operation::CreateCheck { .. } => "a check".to_owned(),
        Operation::UpdateCheck { .. } => "the check, updated".to_owned(),
        Operation::SetStatus { .. } => "a commit status".to_owned(),
        Operation::ResolveThread { .. } => "a resolved thread".to_owned(),
        Operation::Reply { .. } => "a reply".to_owned(),
        Operation::UpdateReply { .. } => "a reply, updated".to_owned(),
        Operation::DeleteComment { .. } => "a comment, taken back".to_owned(),
        Operation::React { .. } => "a reaction".to_owned(),
        Operation::UpdateDescription { .. } => "the description".to_owned(),
        Operation::RemoveLabel { .. } => "a label, taken off".to_owned(),
        Operation::ProposeChange { .. } => "a change request".to_owned(),
        Operation::AddLabels { labels } => super::wording::plural(labels.len(), "label"),
        Operation::Commit { .. } => "a commit".to_owned(),
        Operation::CreateBranch { .. } => "a branch".to_owned(),
        Operation::OpenChange { .. } => "a change request".to_owned(),
    }
}
