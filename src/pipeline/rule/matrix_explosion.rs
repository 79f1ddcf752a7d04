//! A matrix with very many cells for every change.

use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Job, TriggerKind};
use crate::pipeline::platform::Platform;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "matrix-explosion",
    title: "A change sets off very many copies of one job",
    doc: "\
Each further axis of a matrix multiplies the jobs. Runners are few: what does not start at once \
waits, and holds up everybody's other runs. Most cells of a large matrix fail or pass together.

**Suggests** to run a few telling cells on changes and the whole on the main branch or by night.

**Silent** at up to 20 cells, for cells listed one by one, where the number is computed, and where no change sets it off.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[
        Platform::GitHub,
        Platform::GitLab,
        Platform::Azure,
        Platform::Jenkins,
        Platform::Harness,
    ],
    check,
};

/// Cells that are taken as usual.
const USUAL: usize = 20;

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let github = pipeline.platform == Platform::GitHub;
    if github && !pipeline.has_trigger(TriggerKind::Change) {
        return;
    }
    let kept = |job: &Job| {
        job.condition.as_ref().is_some_and(|at| {
            ["schedule", "workflow_dispatch", "refs/tags", "CI_COMMIT_TAG", "'push'", "refs/heads"]
                .iter()
                .any(|word| at.value.contains(word))
        })
    };
    for job in &pipeline.jobs {
        let Some(matrix) = &job.matrix else { continue };
        let Some(cells) = matrix.cells.filter(|cells| *cells > USUAL) else { continue };
        if kept(job) || job.manual {
            continue;
        }
        let axes: Vec<String> = matrix
            .axes
            .iter()
            .filter(|(_, values)| values.len() > 1)
            .map(|(name, values)| format!("{} of `{name}`", values.len()))
            .collect();
        // Cells that are listed one by one were chosen one by one.
        if axes.len() == 1 {
            continue;
        }
        let product =
            if axes.is_empty() { String::new() } else { format!(" ({})", axes.join(", ")) };
        hits.push(Hit {
            span: matrix.span,
            title: format!("`{}` runs {cells} times for every change", job.title()),
            why: format!(
                "Its axes multiply{product}, and copies that find no free runner wait. Run the \
                 lowest and the newest versions on changes, and the whole on the main branch or by \
                 night."
            ),
            severity: None,
            confidence: 0.75,
            fix: None,
            effect: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::count;

    #[test]
    fn many_cells_on_changes_are_found() {
        let text = |on: &str, versions: usize, condition: &str| {
            let list: Vec<String> = (0..versions).map(|n| n.to_string()).collect();
            format!(
                "on: {on}\njobs:\n  test:\n{condition}    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n        version: [{}]\n        os: [a, b, c]\n    steps:\n      - run: npm test\n",
                list.join(", ")
            )
        };
        for (on, versions, condition, expect) in [
            ("pull_request", 7, "", 1),
            ("pull_request", 6, "", 0),
            ("schedule", 7, "", 0),
            ("pull_request", 7, "    if: github.event_name == 'schedule'\n", 0),
        ] {
            let text = text(on, versions, condition);
            assert_eq!(count(&RULE, Platform::GitHub, &text), expect, "{text}");
        }
    }
}
