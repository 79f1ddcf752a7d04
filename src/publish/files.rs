//! Writing results to files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::inputs::Inputs;

/// Where a run's result was written.
#[derive(Debug, Default)]
pub struct Written {
    /// The JSON.
    pub findings: Option<String>,
    /// The SARIF file.
    pub sarif: Option<String>,
    /// The Markdown.
    pub summary: Option<String>,
}

/// A run's result in each of its forms.
pub struct Results<'a> {
    /// The JSON.
    pub json: &'a str,
    /// Makes the SARIF file.
    pub sarif: &'a dyn Fn() -> anyhow::Result<String>,
    /// The Markdown.
    pub markdown: &'a str,
}

/// Writes the files that were asked for; in a job, all three by default, where later
/// steps can read them.
///
/// # Errors
/// One cannot be written.
pub fn write_results(inputs: &Inputs, results: &Results<'_>) -> anyhow::Result<Written> {
    let place = |asked: &Option<PathBuf>, name: &str| -> Option<PathBuf> {
        let temp = inputs.host.runner_temp.as_ref().filter(|temp| temp.is_dir());
        let default = || temp.map(|temp| temp.join("pipewright").join(name));
        asked.clone().or_else(|| inputs.host.output.as_ref().and_then(|_| default()))
    };
    let write = |path: &Path, text: &str| -> anyhow::Result<String> {
        write_atomic(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    };
    let mut written = Written::default();
    if let Some(path) = place(&inputs.findings_file, "findings.json") {
        written.findings = Some(write(&path, results.json)?);
    }
    if let Some(path) = place(&inputs.sarif_file, "findings.sarif") {
        written.sarif = Some(write(&path, &(results.sarif)()?)?);
    }
    if let Some(path) = place(&inputs.summary_file, "summary.md") {
        written.summary = Some(write(&path, results.markdown)?);
    }
    Ok(written)
}

/// Writes a file of our own: whoever looks sees the old one or the whole new one.
pub fn write_atomic(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    let mut name = path.file_name().context("cannot write to a path without a name")?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Adds to a file that the runner made and other steps share.
pub fn append(path: &Path, content: &str) -> anyhow::Result<()> {
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("cannot append to {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/report.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        append(&path, "\nthree").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\nthree");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        let error = write_atomic(&path.join("below"), b"x").unwrap_err();
        assert!(error.to_string().starts_with("cannot create the folder"), "{error}");
    }
}
