//! How a change is assessed, as one line, and as labels.

use super::View;
use crate::forge::Operation;
use crate::inputs::Labels;
use crate::report::{Assessment, ChangeKind, Risk};

/// A line of Markdown; empty if nothing was assessed. Owners are code, which
/// notifies nobody.
pub fn line(view: &View<'_>) -> String {
    let Some(assessment) = &view.report.assessment else { return String::new() };
    let reasons: Vec<String> = assessment
        .reasons
        .iter()
        .map(|reason| view.markdown_line(&view.short(reason, 160)))
        .collect();
    let mut parts = vec![
        format!("**Risk: {}** ({})", assessment.risk.as_str(), reasons.join("; ")),
        format!("**Effort:** {} of 5", assessment.effort),
    ];
    if let Some(kind) = assessment.kind {
        parts.push(format!("**Kind:** {}", kind.as_str()));
    }
    let owners: Vec<String> = owners(view, assessment);
    if !owners.is_empty() {
        parts.push(format!("**Knows it:** {}", owners.join(", ")));
    }
    parts.join(" · ")
}

fn owners(view: &View<'_>, assessment: &Assessment) -> Vec<String> {
    let names = assessment.owners.iter().map(|name| view.code(&view.short(name, 80)));
    names.filter(|name| !name.is_empty()).collect()
}

/// The same as plain text, for a terminal.
pub fn plain(view: &View<'_>) -> Option<String> {
    let assessment = view.report.assessment.as_ref()?;
    let clean = |text: &String| view.scrubber.sanitize_line(&view.short(text, 160));
    let reasons: Vec<String> = assessment.reasons.iter().map(clean).collect();
    let mut text = format!(
        "risk {} ({}) · effort {} of 5",
        assessment.risk.as_str(),
        reasons.join("; "),
        assessment.effort
    );
    if let Some(kind) = assessment.kind {
        text += &format!(" · {}", kind.as_str());
    }
    let owners: Vec<String> = assessment.owners.iter().map(clean).collect();
    if !owners.is_empty() {
        text += &format!(" · known to {}", owners.join(", "));
    }
    Some(text)
}

/// What makes the labels on a change request those of the assessment. Only labels
/// that this function itself could have made are taken off: the names of a family
/// that is asked for, letter by letter. All others are people's.
pub fn labels(assessment: &Assessment, asked: Labels, there: &[String]) -> Vec<Operation> {
    let mut wanted: Vec<String> = Vec::new();
    let mut ours: Vec<String> = Vec::new();
    if asked.kind {
        wanted.extend(assessment.kind.map(|kind| format!("kind: {}", kind.as_str())));
        ours.extend(ChangeKind::ALL.iter().map(|kind| format!("kind: {}", kind.as_str())));
    }
    if asked.risk {
        wanted.push(format!("risk: {}", assessment.risk.as_str()));
        ours.extend(Risk::ALL.iter().map(|risk| format!("risk: {}", risk.as_str())));
    }
    if asked.effort {
        wanted.push(format!("effort: {}", assessment.effort));
        ours.extend((1..=5).map(|effort| format!("effort: {effort}")));
    }
    let stale = there.iter().filter(|label| ours.contains(label) && !wanted.contains(label));
    let mut operations: Vec<Operation> =
        stale.map(|label| Operation::RemoveLabel { label: label.clone() }).collect();
    let labels: Vec<String> =
        wanted.iter().filter(|label| !there.contains(label)).cloned().collect();
    if !labels.is_empty() {
        operations.push(Operation::AddLabels { labels });
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures;

    fn assessment() -> Assessment {
        Assessment {
            kind: Some(ChangeKind::Bugfix),
            effort: 3,
            risk: Risk::High,
            reasons: vec![
                "touches authentication or permissions (src/auth.rs)".into(),
                "10 new lines without a test".into(),
            ],
            owners: vec!["octo/identity".into(), "ann".into()],
        }
    }

    #[test]
    fn the_line_says_why_and_notifies_nobody() {
        let mut fixture = fixtures::one();
        assert_eq!(line(&fixture.view()), "");
        fixture.report.assessment = Some(assessment());
        insta::assert_snapshot!("assessment_line", line(&fixture.view()));
        insta::assert_snapshot!("assessment_plain", plain(&fixture.view()).unwrap_or_default());
        let mut hostile = assessment();
        hostile.reasons =
            vec!["touches CI (<img src=x> @octocat\n# x hunter2-correct-horse)".into()];
        hostile.owners = vec!["a` @octocat `b".into(), " ".into()];
        fixture.report.assessment = Some(hostile);
        let line = line(&fixture.view());
        assert!(
            !line.contains('\n') && !line.contains("<img") && !line.contains("hunter2"),
            "{line}"
        );
        assert!(line.ends_with("**Knows it:** ``a` @octocat `b``"), "{line}");
    }

    #[test]
    fn labels_of_people_stay() {
        let all = Labels { kind: true, risk: true, effort: true };
        let check = |asked, there: &[&str], removed: &[&str], added: &[&str]| {
            let there: Vec<String> = there.iter().map(|label| (*label).to_owned()).collect();
            let mut expect: Vec<Operation> = removed
                .iter()
                .map(|label| Operation::RemoveLabel { label: (*label).to_owned() })
                .collect();
            if !added.is_empty() {
                let labels = added.iter().map(|label| (*label).to_owned()).collect();
                expect.push(Operation::AddLabels { labels });
            }
            assert_eq!(labels(&assessment(), asked, &there), expect, "{there:?}");
        };
        check(all, &[], &[], &["kind: bugfix", "risk: high", "effort: 3"]);
        check(all, &["kind: bugfix", "risk: high", "effort: 3"], &[], &[]);
        check(
            all,
            &["bug", "risk: low", "risk: accepted", "Risk: low", "effort: 12", "effort: 2"],
            &["risk: low", "effort: 2"],
            &["kind: bugfix", "risk: high", "effort: 3"],
        );
        let risk = Labels { risk: true, ..Labels::default() };
        check(risk, &["kind: feature", "effort: 1"], &[], &["risk: high"]);
        check(Labels::default(), &["risk: low"], &[], &[]);
    }
}
