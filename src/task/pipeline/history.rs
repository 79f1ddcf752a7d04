//! Times of past runs, from a file or from the CI server.

use anyhow::{Context as _, Result, ensure};

use crate::inputs::Inputs;
use crate::pipeline::File;
use crate::pipeline::timing::History;
use crate::pipeline::timing::history;

/// Largest file of times, in bytes.
const LARGEST: u64 = 256 << 20;

/// What is known of past runs.
#[derive(Debug, Default)]
pub struct Known {
    /// Of every file that was asked for: one file of times speaks of one pipeline.
    all: Option<History>,
}

impl Known {
    /// The times that speak of this file.
    pub fn of(&self, _file: &File) -> Option<&History> {
        self.all.as_ref()
    }
}

/// Read what `history` names.
///
/// # Errors
/// The file is not there, or of no form that is read.
pub fn load(inputs: &Inputs, files: &[&File]) -> Result<Known> {
    let Some(path) = &inputs.history else { return Ok(Known::default()) };
    let shown = path.display();
    let place = inputs.host.workspace.join(path);
    let meta = std::fs::metadata(&place).with_context(|| format!("cannot read {shown}"))?;
    ensure!(meta.len() <= LARGEST, "cannot read {shown}: {} bytes are too many", meta.len());
    let bytes = std::fs::read(&place).with_context(|| format!("cannot read {shown}"))?;
    // Hosts that tell only when jobs began need the graph to tell what they waited for.
    let pipeline = match files {
        [one] => Some(&one.pipeline),
        _ => None,
    };
    let all = history::read_for(&bytes, pipeline)
        .with_context(|| format!("cannot read the times in {shown}"))?;
    Ok(Known { all: Some(all) })
}
