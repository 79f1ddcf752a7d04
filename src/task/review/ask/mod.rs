//! Put the change before the model, within the caps, in three steps:
//!
//! 1. every part is read once, for correctness (`read.rs`);
//! 2. the lenses that a part calls for look at it again, as far as the money
//!    goes (`closer.rs`): its text is in the provider's cache by then;
//! 3. what was claimed is put on its line, and each claim is tried to be
//!    refuted by itself (`judge.rs`).
//!
//! Coverage comes before depth, and each step leaves something to the next.
//! Parts never look at each other, so that some of them can be asked elsewhere.

mod closer;
mod gather;
mod judge;
mod read;
mod talk;

use serde::{Deserialize, Serialize};

use super::lens::Lens;
use super::prompt::Nonce;
use super::prove::Heads;
use crate::diff::Change;
use crate::diff::pack::Pack;
use crate::finding::Finding;
use crate::model::budget::Budget;
use crate::model::converse::{End, ToolHost};
use crate::model::findings::RawFinding;
use crate::model::{Model, SystemBlock};
use crate::report::{Dropped, Usage};
use crate::task::models::Models;

pub use gather::{Asked, gather};

/// Requests under way at one time: so many that a large change is read in a
/// few rounds. A provider that finds them too many says so, and they wait.
const SIDE_BY_SIDE: usize = 96;

/// The shares of the caps that may be used up when each step is over.
const READ_SHARE: f64 = 0.85;
const CLOSER_SHARE: f64 = 0.85;
/// A second look takes as long as a closer one, and is worth more.
const CLOSER_TIME: f64 = 0.65;
const JUDGE_SHARE: f64 = 1.0;

/// What is asked, and of whom.
pub struct Question<'a> {
    /// Whom.
    pub models: &'a Models,
    /// The change.
    pub change: &'a Change,
    /// Shared by all parts.
    pub system: &'a [SystemBlock],
    /// Fences outside text.
    pub nonce: &'a Nonce,
    /// What plain code has already said.
    pub known: &'a [Finding],
    /// Reads files for the model.
    pub tools: Option<&'a dyn ToolHost>,
    /// The run's caps.
    pub budget: &'a Budget,
    /// Renders a part as the model sees it.
    pub render: &'a (dyn Fn(&Pack) -> String + Send + Sync),
    /// What a reviewer would open beside a part; may be empty.
    pub around: &'a (dyn Fn(&Pack) -> String + Send + Sync),
    /// Takes secrets out of a text.
    pub scrub: &'a dyn Fn(&str) -> String,
    /// Files at the head.
    pub heads: Heads<'a>,
    /// Findings that need no second look: they will not be published.
    pub is_settled: &'a dyn Fn(&Finding) -> bool,
    /// Into how many parts the change was divided.
    pub total: usize,
    /// Called with what is being done, how much of it is done, and of how much.
    pub progress: &'a dyn Fn(&str, usize, usize),
}

/// A part of the change and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// Which part from 0, and which of its halves.
    pub order: (usize, usize),
    /// What was shown.
    pub pack: Pack,
    /// Whether it was too long for one answer and its halves were shown as well.
    pub halved: bool,
    /// The text that all requests about it begin with.
    #[serde(skip)]
    ground: String,
    /// Who was asked, by name.
    pub model: String,
    /// How the first reading ended.
    pub end: End,
    /// What the part does, in the model's words.
    pub summaries: Vec<String>,
    /// How many findings could not be read.
    pub rejected: usize,
    /// Claims, not yet on their lines.
    #[serde(skip)]
    claims: Vec<RawFinding>,
    /// Findings that stand on their lines and were not refuted.
    pub findings: Vec<Finding>,
    /// What did not hold.
    pub dropped: Vec<Dropped>,
    /// Lenses that were to look at it and did not, for the sake of a cap.
    pub left_out: Vec<Vec<Lens>>,
    /// Findings that no second look could be had of.
    pub unjudged: usize,
    /// Tokens and cost.
    pub usage: Usage,
}

impl Part {
    /// Whether it was read to its end.
    pub fn is_read(&self) -> bool {
        self.end == End::Answered
    }
}

/// Ask about the parts, each with its number.
pub async fn ask(question: &Question<'_>, packs: Vec<(usize, Pack)>) -> Vec<Part> {
    let mut parts = read::read(question, packs).await;
    closer::look(question, &mut parts).await;
    judge::judge(question, &mut parts).await;
    parts.sort_by_key(|part| part.order);
    parts
}

impl Question<'_> {
    /// How many requests may be under way at one time.
    fn side_by_side(&self) -> usize {
        self.models.heavy.as_ref().and_then(|model| model.side_by_side()).unwrap_or(SIDE_BY_SIDE)
    }

    /// The model of this name among those of the run.
    fn model(&self, name: &str) -> Option<&dyn Model> {
        let all = self.models.heavy.iter().chain(&self.models.fallbacks);
        all.map(AsRef::as_ref).find(|model| model.name() == name)
    }
}

/// Whether asking on would give the same: a cap, a key that may not, a provider
/// that is down after all retries.
fn ends_the_run(end: &End) -> bool {
    matches!(end, End::CapReached(_) | End::Denied(_) | End::Unavailable(_))
}
