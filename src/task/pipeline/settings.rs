//! How the rules are set for a run.

use crate::inputs::{Inputs, RuleMode};
use crate::pipeline::check::{Chosen, all};

/// The rules that run, by `[pipeline.rules]` and `[pipeline.severity]`.
pub fn chosen(inputs: &Inputs) -> Vec<Chosen> {
    let table = &inputs.tables.pipeline;
    let mut chosen = all();
    chosen.retain(|chosen| table.rules.get(chosen.rule.slug) != Some(&RuleMode::Off));
    for chosen in &mut chosen {
        if table.rules.get(chosen.rule.slug) == Some(&RuleMode::Suggest) {
            chosen.fix = false;
        }
        chosen.severity = table.severity.get(chosen.rule.slug).copied();
    }
    chosen
}
