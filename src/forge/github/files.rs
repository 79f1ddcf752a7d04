//! The change: a pull request's files, or what lies between two revisions.
//!
//! GitHub cuts both: a pull request's list ends at 3,000 files, a comparison's
//! at 300, and large files come without patch. What the list leaves out is
//! found by comparing the git trees of both revisions, so no file is lost.

use std::collections::HashSet;

use bytes::Bytes;

use super::api::{Api, encode};
use super::trees::{self, Difference};
use super::wire;
use crate::diff::parse::parse_hunks;
use crate::diff::{Change, Content, FileDiff, Mode, Patch, RepoPath, Status};
use crate::forge::{ForgeError, Result};

/// Where a pull request's list of files ends.
const MOST_FILES: usize = 3000;

/// Where a comparison's list of files ends.
const MOST_COMPARED: usize = 300;

/// The blob of an empty file, in repositories of either hash.
const EMPTY_BLOBS: [&str; 2] = [
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
];

/// See [`crate::forge::Forge::diff`].
pub(super) async fn diff(api: &Api, number: u64, expected: Option<usize>) -> Result<Change> {
    let mut files = list(api, number, expected).await?;
    if files.len() < MOST_FILES && expected.is_none_or(|expected| expected == files.len()) {
        return Ok(Change { files });
    }
    // The list is cut, or the change was another when it was counted.
    let pull: wire::Pull = api.get(&api.path(&format!("pulls/{number}"))).await?;
    if pull.changed_files == files.len() {
        return Ok(Change { files });
    }
    if pull.changed_files < MOST_FILES && expected != Some(pull.changed_files) {
        files = list(api, number, Some(pull.changed_files)).await?;
        if pull.changed_files == files.len() {
            return Ok(Change { files });
        }
    }
    let comparison = comparison(api, &pull.base.sha, &pull.head.sha).await?;
    let merge_base = comparison.merge_base_commit.sha;
    let differences = trees::differences(api, &merge_base, &pull.head.sha).await?;
    Ok(complete(files, differences))
}

async fn list(api: &Api, number: u64, expected: Option<usize>) -> Result<Vec<FileDiff>> {
    let path = api.path(&format!("pulls/{number}/files"));
    let mut files = api.pages(&path, expected, MOST_FILES / super::api::PAGE, file).await?;
    // A push while the pages come may shift a file onto the next one.
    let mut seen = HashSet::with_capacity(files.len());
    files.retain(|file| seen.insert(file.path().clone()));
    Ok(files)
}

/// See [`crate::forge::Forge::compare`].
pub(super) async fn compare(api: &Api, base: &str, head: &str) -> Result<(String, Change)> {
    let comparison = comparison(api, base, head).await?;
    let merge_base = comparison.merge_base_commit.sha;
    let cut = comparison.files.len() >= MOST_COMPARED;
    let files: Vec<FileDiff> = comparison.files.into_iter().map(file).collect();
    if !cut {
        return Ok((merge_base, Change { files }));
    }
    let differences = trees::differences(api, &merge_base, head).await?;
    Ok((merge_base, complete(files, differences)))
}

/// Pages of a comparison page only its commits: all files come with the first.
async fn comparison(api: &Api, base: &str, head: &str) -> Result<wire::Comparison> {
    let (base, head) = (encode(base.as_bytes()), encode(head.as_bytes()));
    api.get(&api.path(&format!("compare/{base}...{head}?per_page=1&page=1"))).await
}

/// One listed file. GitHub does not say modes here.
fn file(listed: wire::File) -> FileDiff {
    let status = match listed.status.as_str() {
        "added" => Status::Added,
        "removed" => Status::Deleted,
        "renamed" => Status::Renamed,
        "copied" => Status::Copied,
        _ => Status::Modified,
    };
    let content = content(status, &listed);
    let name = RepoPath::from(listed.filename);
    let (old_path, new_path) = match status {
        Status::Added => (None, Some(name)),
        Status::Deleted => (Some(name), None),
        Status::Modified => (Some(name.clone()), Some(name)),
        Status::Renamed | Status::Copied => {
            let before = listed.previous_filename.map_or_else(|| name.clone(), RepoPath::from);
            (Some(before), Some(name))
        }
    };
    FileDiff { old_path, new_path, status, old_mode: None, new_mode: None, content }
}

fn content(status: Status, listed: &wire::File) -> Content {
    let missing = Content::Missing { additions: listed.additions, deletions: listed.deletions };
    match &listed.patch {
        Some(text) => {
            if let Some(submodule) = submodule(text, listed.sha.as_deref()) {
                return submodule;
            }
            match patch(text.clone(), listed) {
                Some(patch) => Content::Text(patch),
                None => missing,
            }
        }
        None if listed.additions + listed.deletions > 0 => missing,
        // No patch and no lines: binary, empty, or only the name differs.
        None => match status {
            Status::Renamed | Status::Copied => Content::Text(Patch::default()),
            Status::Added | Status::Deleted => {
                let sha = listed.sha.as_deref().unwrap_or("");
                if EMPTY_BLOBS.contains(&sha) {
                    Content::Text(Patch::default())
                } else {
                    Content::Binary { old_size: None, new_size: None }
                }
            }
            Status::Modified if looks_binary(&listed.filename) => {
                Content::Binary { old_size: None, new_size: None }
            }
            // Binary, or only the mode differs: the contents will tell.
            Status::Modified => missing,
        },
    }
}

/// The patch, unless it does not hold the lines that GitHub counts.
fn patch(text: String, listed: &wire::File) -> Option<Patch> {
    let patch = match parse_hunks(Bytes::from(text)) {
        Ok(patch) => patch,
        Err(error) => {
            tracing::warn!(path = listed.filename, %error, "GitHub's patch does not parse");
            return None;
        }
    };
    let count = |kind| patch.lines.iter().filter(|line| line.kind == kind).count();
    let whole = count(crate::diff::LineKind::Added) == listed.additions as usize
        && count(crate::diff::LineKind::Removed) == listed.deletions as usize;
    if !whole {
        tracing::warn!(path = listed.filename, "GitHub's patch is cut");
    }
    whole.then_some(patch)
}

/// A submodule shows as a patch of one line a side; its `sha` is a commit that
/// the line names, which no blob's could be.
fn submodule(text: &str, sha: Option<&str>) -> Option<Content> {
    if text.len() > 400 || !text.contains("Subproject commit ") {
        return None;
    }
    let mut old = None;
    let mut new = None;
    for line in text.lines().filter(|line| !line.starts_with("@@") && !line.starts_with('\\')) {
        let commit = |line: &str| {
            let commit = line.strip_prefix("Subproject commit ")?.trim();
            commit.bytes().all(|b| b.is_ascii_hexdigit()).then(|| commit.to_owned())
        };
        match line.split_at_checked(1)? {
            ("-", rest) => old = Some(commit(rest)?),
            ("+", rest) => new = Some(commit(rest)?),
            _ => return None,
        }
    }
    let named = new.as_deref().or(old.as_deref())?;
    (sha? == named).then_some(Content::Submodule { old, new })
}

/// By name: formats that are never text.
fn looks_binary(name: &str) -> bool {
    const BINARY: [&str; 40] = [
        "7z", "a", "avif", "bin", "bmp", "bz2", "class", "dll", "dylib", "eot", "exe", "gif", "gz",
        "ico", "jar", "jpeg", "jpg", "mov", "mp3", "mp4", "o", "ogg", "otf", "pdf", "png", "psd",
        "pyc", "so", "tar", "tgz", "tiff", "ttf", "wasm", "wav", "webm", "webp", "woff", "woff2",
        "xz", "zip",
    ];
    name.rsplit_once('.')
        .is_some_and(|(_, end)| BINARY.binary_search(&end.to_ascii_lowercase().as_str()).is_ok())
}

/// Add the files that the list leaves out, and say modes where trees know them.
fn complete(mut files: Vec<FileDiff>, differences: Vec<Difference>) -> Change {
    let mut seen: HashSet<RepoPath> = HashSet::new();
    let by_path: std::collections::HashMap<&str, &Difference> =
        differences.iter().map(|d| (d.path.as_str(), d)).collect();
    let of = |path: &Option<RepoPath>| {
        path.as_ref().and_then(RepoPath::to_str).and_then(|path| by_path.get(path).copied())
    };
    for file in &mut files {
        let old = of(&file.old_path).and_then(|d| d.old.as_ref());
        let new = of(&file.new_path).and_then(|d| d.new.as_ref());
        file.old_mode = old.map(|entry| entry.mode);
        file.new_mode = new.map(|entry| entry.mode);
        if let (Some(old), Some(new)) = (old, new)
            && old.sha == new.sha
        {
            file.content = Content::Text(Patch::default());
        }
        seen.extend(file.new_path.clone());
        if file.status != Status::Copied {
            seen.extend(file.old_path.clone());
        }
    }
    let unseen: Vec<Difference> = differences
        .iter()
        .filter(|difference| !seen.contains(&RepoPath::from(difference.path.as_str())))
        .cloned()
        .collect();
    files.extend(unseen.into_iter().map(from_trees));
    Change { files }
}

fn from_trees(difference: Difference) -> FileDiff {
    let status = match (&difference.old, &difference.new) {
        (None, _) => Status::Added,
        (_, None) => Status::Deleted,
        _ => Status::Modified,
    };
    let submodule = |mode: Option<Mode>| mode.is_none_or(Mode::is_submodule);
    let (old_mode, new_mode) =
        (difference.old.as_ref().map(|e| e.mode), difference.new.as_ref().map(|e| e.mode));
    let old_sha = difference.old.map(|entry| entry.sha);
    let new_sha = difference.new.map(|entry| entry.sha);
    let empty = |sha: &Option<String>| sha.as_deref().is_none_or(|sha| EMPTY_BLOBS.contains(&sha));
    let content = if submodule(old_mode) && submodule(new_mode) {
        Content::Submodule { old: old_sha, new: new_sha }
    } else if old_sha == new_sha || empty(&old_sha) && empty(&new_sha) {
        Content::Text(Patch::default())
    } else {
        Content::Missing { additions: 0, deletions: 0 }
    };
    let path = RepoPath::from(difference.path);
    FileDiff {
        old_path: (status != Status::Added).then(|| path.clone()),
        new_path: (status != Status::Deleted).then_some(path),
        status,
        old_mode,
        new_mode,
        content,
    }
}

/// For [`super::contents`]: a path that may be asked for, segment by segment.
pub(super) fn encode_path(path: &RepoPath) -> Result<String> {
    let mut out = String::new();
    for segment in path.0.split(|byte| *byte == b'/') {
        if segment.is_empty() || segment == b"." || segment == b".." {
            let error = anyhow::anyhow!("`{path}` is not a path of a file");
            return Err(ForgeError::NotFound(error));
        }
        if !out.is_empty() {
            out.push('/');
        }
        out.push_str(&encode(segment));
    }
    Ok(out)
}
