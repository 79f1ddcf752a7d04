//! The job's summary page (`GITHUB_STEP_SUMMARY`).

use super::markdown::{self, Summary};

/// GitHub takes 1 MiB a step; other text of the step needs room, too.
const LIMIT: usize = 1_000_000;

/// The summary with every finding in full and no hidden markers.
pub fn render(summary: &Summary<'_>) -> String {
    let mut text = markdown::page(summary, LIMIT, true);
    text.push('\n');
    text
}
