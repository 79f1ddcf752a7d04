//! `pipeline`: what the rules say of the pipeline files that the change touches.

use std::fmt::Write as _;

use super::result::Reply;
use super::scene::Scene;
use crate::diff::FileDiff;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::forge::local::Local;
use crate::publish::wording;
use crate::scan;
use crate::task::pipeline::change::{deliver, gather, look};
use crate::task::review::collect::{self, Collected};
use crate::task::review::contents::Contents;

/// Most files that are fetched whole.
const MOST_FILES: usize = 20;
/// Most findings that are listed.
const MOST_FINDINGS: usize = 30;

/// Look at the change's pipeline files: the table of `task: pipeline`, then what the
/// review's own rules say of the same files.
///
/// # Errors
/// The change could not be read.
pub async fn reply(scene: &Scene<'_>) -> Result<Reply, Failure> {
    let collected = scene.collect().await.map_err(Failure::Platform)?;
    let root = scene.local.and_then(Local::workdir).unwrap_or(&scene.context.workspace);
    let forge = Some(scene.forge);
    let touched = gather::gather(scene.inputs, forge, scene.local, root, &collected).await;
    let scanned = scanned(scene, &collected).await;
    if touched.subjects.is_empty() {
        return Ok(Reply::said(match scanned.is_empty() {
            true => "This change touches no pipeline file.".to_owned(),
            false => scanned,
        }));
    }
    // No model: what it takes to wait for one is `task: pipeline`'s.
    let change = Some(&collected.change);
    let mut looked = look::look(scene.inputs, touched.subjects, &touched.beside, change, false)?;
    looked.report.notes.extend(touched.notes);
    let table = deliver::table(&looked, "", &scene.scrubber, &scene.host);
    Ok(Reply::said(format!("{table}{scanned}")))
}

/// What the review's rules say of pipeline files; empty where they say nothing.
async fn scanned(scene: &Scene<'_>, collected: &Collected) -> String {
    let change = &collected.change;
    let files: Vec<&FileDiff> =
        change.files.iter().filter(|file| scan::needs_content(file)).collect();
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
    let mut text = String::new();
    if !findings.is_empty() {
        text.push_str("\n**What the review's rules say of these files**\n");
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
    text
}
