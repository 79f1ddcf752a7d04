//! The edits' way to people: one change request from a branch of its own, onto the
//! change's branch; run again, the same one.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use bytes::Bytes;

use super::propose::{self, Held, Known, Proposed};
use crate::diff::RepoPath;
use crate::forge::{Applied, ChangeRequest, Forge, ForgeError, Operation};
use crate::policy::ProposePermit;
use crate::redact::Scrubber;

/// How often a branch that moves is followed.
const ATTEMPTS: usize = 3;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// It stands in this change request.
    Open(u64),
    /// It could not be offered; why, in words.
    Withheld(String),
}

/// What is offered.
pub struct Offer<'a> {
    /// The change that the documents follow.
    pub request: &'a ChangeRequest,
    /// Its head as it was read.
    pub head: &'a str,
    /// What the model proposes.
    pub proposed: &'a Proposed,
    /// What it may name.
    pub known: &'a Known<'a>,
    /// Documents at the head.
    pub documents: &'a BTreeMap<String, Bytes>,
    /// The change request's text, fit to be posted.
    pub body: &'a str,
}

/// Offer the edits. On a branch that is there already only what it lacks is
/// committed, on top of what people did there.
///
/// # Errors
/// The host could not be reached.
pub async fn deliver(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    offer: &Offer<'_>,
    scrubber: &Scrubber,
) -> Result<Delivered> {
    match tried(forge, offer, scrubber).await {
        Ok(delivered) => Ok(delivered),
        Err(ForgeError::Denied(why)) => {
            tracing::warn!("the documents' branch was refused: {why:#}");
            let why = "The token may not open a change request for these edits: it takes \
                       `contents: write` and `pull-requests: write`.";
            Ok(Delivered::Withheld(why.to_owned()))
        }
        Err(ForgeError::Rejected(why)) => {
            tracing::warn!("the documents' branch was not taken: {why:#}");
            let why = "The host takes no change request for these edits: a rule may forbid it.";
            Ok(Delivered::Withheld(why.to_owned()))
        }
        Err(error) => Err(error).context("cannot offer the documents' edits"),
    }
}

async fn tried(
    forge: &dyn Forge,
    offer: &Offer<'_>,
    scrubber: &Scrubber,
) -> std::result::Result<Delivered, ForgeError> {
    let Offer { request, head, .. } = *offer;
    let number = Some(request.number);
    let mut branch = format!("pipewright/docs-{}", request.number);
    let open = forge.open_change(&branch).await?;
    if open.is_none()
        && let Some(there) = forge.branch(&branch).await?
        && there.head != head
        && !there.commits.iter().any(|commit| commit.sha == head)
    {
        // What is left of one that was merged or closed, on an older head.
        branch = format!("{branch}-{}", head.get(..7).unwrap_or(head));
    }
    for _ in 0..ATTEMPTS {
        let there = forge.branch(&branch).await?;
        let (parent, held) = match &there {
            Some(there) => {
                let documents = documents_at(forge, offer, &there.head).await?;
                let held = propose::prove(offer.proposed, &documents, offer.known, scrubber);
                (there.head.clone(), held)
            }
            None => {
                let create =
                    Operation::CreateBranch { branch: branch.clone(), at: head.to_owned() };
                if forge.apply(number, &create).await? == Applied::Moved {
                    continue;
                }
                let held = propose::prove(offer.proposed, offer.documents, offer.known, scrubber);
                (head.to_owned(), held)
            }
        };
        if !held.files.is_empty()
            && forge.apply(number, &commit(&branch, parent, held, request.number)).await?
                == Applied::Moved
        {
            continue;
        }
        let title = format!("Bring the documentation up to date with #{}", request.number);
        let open = Operation::OpenChange {
            from: branch.clone(),
            onto: request.head_ref.clone(),
            title,
            body: offer.body.to_owned(),
        };
        if let Some(open) = forge.open_change(&branch).await? {
            return Ok(Delivered::Open(open));
        }
        return Ok(match forge.apply(number, &open).await? {
            Applied::Done { id: Some(id) } => Delivered::Open(id),
            _ => Delivered::Withheld("The host does not say which change request it made.".into()),
        });
    }
    Ok(Delivered::Withheld("The documents' branch kept moving; run again when it rests.".into()))
}

fn commit(branch: &str, parent: String, held: Held, number: u64) -> Operation {
    Operation::Commit {
        branch: branch.to_owned(),
        parent,
        headline: "Bring the documentation up to date".to_owned(),
        body: format!("It follows what pull request {number} does to the public interface."),
        files: held.files,
    }
}

/// The documents that the proposal touches, as a branch has them.
async fn documents_at(
    forge: &dyn Forge,
    offer: &Offer<'_>,
    revision: &str,
) -> std::result::Result<BTreeMap<String, Bytes>, ForgeError> {
    let mut documents = BTreeMap::new();
    let changelog = super::changelog::find(offer.documents.keys().map(String::as_str));
    for path in offer.documents.keys() {
        let edited = offer.proposed.edits.iter().any(|edit| edit.path == *path);
        let entered = offer.proposed.entry.is_some() && changelog == Some(path.as_str());
        if (edited || entered)
            && let Some(content) = forge.file(revision, &RepoPath::from(path.as_str())).await?
        {
            documents.insert(path.clone(), Bytes::from(content));
        }
    }
    Ok(documents)
}
