//! Models asked in batches: who can be, and where it is kept what was sent.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use sha2::{Digest, Sha256};

use crate::audit::{self, Places};
use crate::http;
use crate::inputs::{Inputs, ModelChoice, Provider};
use crate::model::Model;
use crate::model::anthropic::Anthropic;
use crate::model::batch::{Ledger, Pace};

/// Whether a model can be asked as the inputs say.
///
/// # Errors
/// It has no batch interface that this program speaks.
pub(super) fn check(inputs: &Inputs, choice: &ModelChoice) -> anyhow::Result<()> {
    let has = matches!(choice, ModelChoice::Offline | ModelChoice::Of(Provider::Anthropic, _));
    if inputs.batch && !has {
        bail!(
            "the model `{choice}` cannot be asked in batches: name one of Anthropic's, or set \
             `batch: off`"
        );
    }
    Ok(())
}

/// A model asked in batches. `owner` tells accounts apart: who asks, and where.
pub(super) fn wrap(
    inputs: &Inputs,
    client: &http::Client,
    model: Anthropic,
    owner: &[&str],
) -> Arc<dyn Model> {
    let ledger = match folder(inputs) {
        Some(folder) => Ledger::open(&folder, &digest(owner)),
        None => Ledger::none(),
    };
    Arc::new(model.in_batches(client, Pace::default(), ledger))
}

/// What a run makes up at random comes from here, so that one that takes it up
/// asks in the same words.
pub(super) fn seed(inputs: &Inputs) -> Arc<str> {
    let ledger = folder(inputs).map(|folder| Ledger::open(&folder, "seed"));
    ledger.unwrap_or_else(Ledger::none).seed().into()
}

/// Beside the record, which is never in the checkout.
fn folder(inputs: &Inputs) -> Option<PathBuf> {
    match audit::place(&Places::of(inputs), "batches") {
        Ok(file) => file.parent().map(PathBuf::from),
        Err(why) => {
            tracing::warn!("what is sent in batches is not kept for a later run: {why:#}");
            None
        }
    }
}

fn digest(parts: &[&str]) -> String {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| {
        hash.chain_update((part.len() as u64).to_le_bytes()).chain_update(part)
    });
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
