//! Which lines the tests reach: from reports that lie around or are named, else from one
//! run of the suite with coverage.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::bench::{Bench, Side};
use super::changed::ChangedFile;
use crate::checkout::Checkout;
use crate::evidence::coverage::CoverageReport;
use crate::evidence::paths::{Index, Reported};
use crate::evidence::{Evidence, detect};

/// Largest report that is read.
const LARGEST: u64 = 64 << 20;
/// Most reports that are read.
const MOST: usize = 200;

/// How often lines ran, by file of the change; files that no report knows are not in it.
#[derive(Debug, Default, Clone)]
pub struct Cover {
    files: BTreeMap<String, BTreeMap<u32, LineCover>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct LineCover {
    hits: u64,
    branches: u32,
    taken: u32,
}

impl Cover {
    /// Whether anything is known of a file.
    pub fn knows(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether a line can run, and no test runs it.
    pub fn is_unreached(&self, path: &str, line: u32) -> bool {
        self.files.get(path).and_then(|lines| lines.get(&line)).is_some_and(|line| line.hits == 0)
    }

    /// Whether a line branches, and some of its ways are never taken.
    pub fn is_half(&self, path: &str, line: u32) -> bool {
        self.files
            .get(path)
            .and_then(|lines| lines.get(&line))
            .is_some_and(|line| line.hits > 0 && line.branches > line.taken)
    }

    fn take(&mut self, report: &CoverageReport, index: &Index<'_>) {
        let reported: Vec<Reported<'_>> = report
            .files
            .iter()
            .map(|file| Reported {
                path: &file.path,
                sources: &report.sources,
                module: file.module.as_deref(),
            })
            .collect();
        for (file, path) in report.files.iter().zip(index.resolve_all(&reported)) {
            let Some(path) = path else { continue };
            let lines = self.files.entry(path.to_owned()).or_default();
            for line in &file.lines {
                let known = lines.entry(line.number).or_default();
                known.hits = known.hits.max(line.hits);
                known.branches = known.branches.max(line.branches);
                known.taken = known.taken.max(line.branches_hit);
            }
        }
    }
}

/// Read reports below a folder that match globs. Says what could not be read.
pub fn read(
    folder: &Path,
    globs: &[String],
    since: Option<std::time::SystemTime>,
    changed: &[ChangedFile],
    all: &[String],
    notes: &mut Vec<String>,
) -> Cover {
    let mut cover = Cover::default();
    let Ok(checkout) = Checkout::new(folder) else { return cover };
    let listing = match checkout.walk_reports(globs) {
        Ok(listing) => listing,
        Err(why) => {
            notes.push(format!("Coverage could not be looked for: {why}."));
            return cover;
        }
    };
    let names: std::collections::BTreeSet<&str> =
        changed.iter().filter_map(|file| file.path.rsplit('/').next()).collect();
    let root = checkout.root().to_str();
    let index = Index::new(all.iter().map(String::as_str), |name| names.contains(name), root);
    for path in listing.files.iter().take(MOST) {
        let fresh = since.is_none_or(|since| {
            let meta = std::fs::symlink_metadata(checkout.root().join(path));
            let time = meta.and_then(|meta| meta.modified());
            time.is_ok_and(|time| time + Duration::from_secs(1) >= since)
        });
        if !fresh {
            continue;
        }
        match checkout.read(path, LARGEST) {
            Ok(bytes) => match detect::read(path, &bytes) {
                Ok(Evidence::Coverage(report)) => cover.take(&report, &index),
                Ok(_) => {}
                Err(why) => notes.push(format!("The coverage report {path} was not read: {why}.")),
            },
            Err(why) => notes.push(format!("The coverage report {path} was not read: {why}.")),
        }
    }
    cover
}

/// Run the suite with coverage; nothing where the runner cannot, or it fails.
///
/// # Errors
/// The time is over.
pub async fn made(
    bench: &Bench<'_>,
    changed: &[ChangedFile],
    all: &[String],
    notes: &mut Vec<String>,
) -> Result<Cover> {
    let Some(coverage) = &bench.commands.coverage else { return Ok(Cover::default()) };
    let started = std::time::SystemTime::now();
    let time = bench.time_for_suite() * 2;
    let done = bench.run(Side::Head, &coverage.command, time).await?;
    let folder = bench.copy(Side::Head).join(&bench.root);
    let inside: Vec<String> = all
        .iter()
        .filter_map(|path| path.strip_prefix(&bench.root))
        .map(|path| path.trim_start_matches('/').to_owned())
        .collect();
    // Paths in the report are the project's; those of the change are the checkout's.
    let local: Vec<ChangedFile> = changed
        .iter()
        .map(|file| ChangedFile { path: bench.inside(&file.path).to_owned(), ..file.clone() })
        .collect();
    let mut unread = Vec::new();
    let cover = read(&folder, &coverage.reports, Some(started), &local, &inside, &mut unread);
    if cover.files.is_empty() {
        tracing::info!(whole = ?done.report.whole, "no coverage came of `{}`", coverage.command);
        notes.push(format!(
            "Which lines the tests reach is not known: `{}` left no report. Name one with \
             `coverage`.",
            coverage.command
        ));
        return Ok(cover);
    }
    notes.extend(unread);
    let files = cover
        .files
        .into_iter()
        .map(|(path, lines)| match bench.root.is_empty() {
            true => (path, lines),
            false => (format!("{}/{path}", bench.root), lines),
        })
        .collect();
    Ok(Cover { files })
}

/// Names under which coverage is looked for where none is named.
pub fn usual_names() -> Vec<String> {
    detect::USUAL_NAMES.iter().map(|glob| (*glob).to_owned()).collect()
}
