//! `pipeline`: what the rules say of the pipeline files that the change touches.

use std::fmt::Write as _;

use super::result::Reply;
use super::scene::Scene;
use crate::diff::FileDiff;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::publish::wording;
use crate::scan;
use crate::task::review::collect;
use crate::task::review::contents::Contents;

/// Most files that are fetched whole.
const MOST_FILES: usize = 20;
/// Most findings that are listed.
const MOST_FINDINGS: usize = 30;

/// Look at the change's pipeline files.
///
/// # Errors
/// The change could not be read.
pub async fn reply(scene: &Scene<'_>) -> Result<Reply, Failure> {
    let collected = scene.collect().await.map_err(Failure::Platform)?;
    let change = &collected.change;
    let files: Vec<&FileDiff> =
        change.files.iter().filter(|file| scan::needs_content(file)).collect();
    if files.is_empty() {
        return Ok(Reply::said("This change touches no pipeline file."));
    }
    let contents = Contents::new(None, scene.local, collected.head_commit.as_deref());
    let missing: Vec<&FileDiff> = files
        .iter()
        .copied()
        .filter(|file| file.new_path.is_some() && contents.head(file).is_none())
        .take(MOST_FILES)
        .collect();
    for (path, content) in collect::fetch_heads(scene.forge, &collected.head, &missing).await {
        contents.insert(&path, content);
    }
    let findings = scan::scan(&scan::Subject {
        change,
        old: &|file| contents.base(file),
        new: &|file| contents.head(file),
        exists: &|path| change.file(path).map(|file| file.new_path.is_some()),
        options: &scan::Options::default(),
    });
    let mut findings: Vec<&Finding> = findings
        .iter()
        .filter(|finding| files.iter().any(|file| file.path().display() == finding.path))
        .collect();
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.line.cmp(&b.line)));
    let names: Vec<String> =
        files.iter().take(MOST_FILES).map(|file| scene.code(&file.path().display())).collect();
    let mut text = format!(
        "{} looked at by rule: {}.\n",
        wording::plural(files.len(), "pipeline file"),
        names.join(", ")
    );
    if findings.is_empty() {
        text.push_str("\nThe rules have nothing to say about what the change does to them.");
    }
    for finding in findings.iter().take(MOST_FINDINGS) {
        let title = finding.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = write!(
            text,
            "\n- {} **{}** {}: {}",
            wording::badge(finding.severity),
            finding.severity,
            scene.code(&wording::place(finding)),
            scene.markdown(&title),
        );
    }
    if findings.len() > MOST_FINDINGS {
        let _ = write!(text, "\n- and {} more", findings.len() - MOST_FINDINGS);
    }
    Ok(Reply::said(text))
}
