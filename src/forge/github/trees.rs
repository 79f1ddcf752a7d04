//! Which files differ between two revisions, by their git trees.
//!
//! Two calls as a rule. Where GitHub cuts a tree short (100,000 entries or
//! 7 MB), the walk goes folder by folder, only into folders that differ.

use std::collections::BTreeMap;

use anyhow::anyhow;
use futures_util::future::try_join;

use super::api::{Api, encode};
use super::files::encode_path;
use super::wire;
use crate::diff::{Mode, RepoPath};
use crate::forge::{FileList, ForgeError, Result};

/// A file in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its git mode.
    pub mode: Mode,
    /// Its blob, or a submodule's commit, in hexadecimal.
    pub sha: String,
}

/// A path that differs: at least one side is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Relative to the repository.
    pub path: String,
    /// Before.
    pub old: Option<Entry>,
    /// After.
    pub new: Option<Entry>,
}

type Listing = BTreeMap<String, (bool, Entry)>;

/// A folder to compare: its path with a slash at the end, and its tree or
/// commit on each side.
struct Folder {
    prefix: String,
    old: Option<String>,
    new: Option<String>,
}

/// All paths that differ, in order.
pub(super) async fn differences(api: &Api, old: &str, new: &str) -> Result<Vec<Difference>> {
    let root =
        Folder { prefix: String::new(), old: Some(old.to_owned()), new: Some(new.to_owned()) };
    let mut folders = vec![root];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let whole = try_join(
            listing(api, folder.old.as_deref(), true),
            listing(api, folder.new.as_deref(), true),
        );
        let (old, new) = match whole.await? {
            (Some(old), Some(new)) => (old, new),
            _ => {
                let flat = try_join(
                    listing(api, folder.old.as_deref(), false),
                    listing(api, folder.new.as_deref(), false),
                );
                match flat.await? {
                    (Some(old), Some(new)) => (old, new),
                    _ => {
                        return Err(ForgeError::Unreachable(anyhow!(
                            "GitHub does not list all files of `{}`",
                            folder.prefix
                        )));
                    }
                }
            }
        };
        pair(&folder.prefix, old, new, &mut found, &mut folders);
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Put what differs into `found`, and folders that do into `folders`.
fn pair(
    prefix: &str,
    mut old: Listing,
    new: Listing,
    found: &mut Vec<Difference>,
    folders: &mut Vec<Folder>,
) {
    let mut put = |name: String, old: Option<(bool, Entry)>, new: Option<(bool, Entry)>| {
        let path = format!("{prefix}{name}");
        let split = |side: Option<(bool, Entry)>| match side {
            Some((true, entry)) => (Some(entry.sha), None),
            Some((false, entry)) => (None, Some(entry)),
            None => (None, None),
        };
        let (old_folder, old) = split(old);
        let (new_folder, new) = split(new);
        if old_folder.is_some() || new_folder.is_some() {
            folders.push(Folder { prefix: format!("{path}/"), old: old_folder, new: new_folder });
        }
        if old.is_some() || new.is_some() {
            found.push(Difference { path, old, new });
        }
    };
    for (name, entry) in new {
        match old.remove(&name) {
            Some(before) if before == entry => {}
            before => put(name, before, Some(entry)),
        }
    }
    for (name, entry) in old {
        put(name, Some(entry), None);
    }
}

/// A tree's entries by name, and whether each is a folder; `None` if cut short.
/// Recursively there are no folders: their files stand for them.
async fn listing(api: &Api, tree: Option<&str>, recursive: bool) -> Result<Option<Listing>> {
    let Some(tree) = tree else {
        return Ok(Some(Listing::new()));
    };
    let query = if recursive { "?recursive=1" } else { "" };
    let path = api.path(&format!("git/trees/{}{query}", encode(tree.as_bytes())));
    let answer: wire::Tree = api.get(&path).await?;
    if answer.truncated {
        return Ok(None);
    }
    let entries = answer.tree.into_iter().filter(|entry| !recursive || entry.kind != "tree");
    Ok(Some(
        entries
            .map(|entry| {
                let mode = Mode(octal(&entry.mode));
                (entry.path, (entry.kind == "tree", Entry { mode, sha: entry.sha }))
            })
            .collect(),
    ))
}

/// See [`crate::forge::Forge::list_files`]. One call for the whole repository;
/// for a folder one more to find it, which also answers where the whole is cut.
pub(super) async fn files(api: &Api, revision: &str, dir: &str) -> Result<FileList> {
    let (tree, prefix) = match dir.trim_matches('/') {
        "" => (revision.to_owned(), String::new()),
        dir => {
            let Some(tree) = folder(api, revision, dir).await? else {
                return Err(ForgeError::NotFound(anyhow!("there is no folder `{dir}`")));
            };
            (tree, format!("{dir}/"))
        }
    };
    let path = api.path(&format!("git/trees/{}?recursive=1", encode(tree.as_bytes())));
    let answer: wire::Tree = api.get(&path).await?;
    let is_file =
        |entry: &wire::TreeEntry| entry.kind == "blob" && !Mode(octal(&entry.mode)).is_symlink();
    let entries = answer.tree.into_iter().filter(is_file);
    let mut files: Vec<String> = entries.map(|entry| prefix.clone() + &entry.path).collect();
    files.sort_unstable();
    Ok(FileList { files, truncated: answer.truncated })
}

/// A folder's tree, by the listing of the folder it lies in.
async fn folder(api: &Api, revision: &str, dir: &str) -> Result<Option<String>> {
    let revision = encode(revision.as_bytes());
    let Some((parent, name)) = dir.rsplit_once('/') else {
        let root: wire::Tree = api.get(&api.path(&format!("git/trees/{revision}"))).await?;
        let found = root.tree.into_iter().find(|e| e.kind == "tree" && e.path == dir);
        return Ok(found.map(|entry| entry.sha));
    };
    let parent = encode_path(&RepoPath::from(parent))?;
    let path = api.path(&format!("contents/{parent}?ref={revision}"));
    let answer: serde_json::Value = match api.get(&path).await {
        Err(ForgeError::NotFound(_)) => return Ok(None),
        answer => answer?,
    };
    // A file in the place of the folder comes as one object.
    let entries: Vec<wire::ContentEntry> = serde_json::from_value(answer).unwrap_or_default();
    let found = entries.into_iter().find(|entry| entry.kind == "dir" && entry.name == name);
    Ok(found.map(|entry| entry.sha))
}

fn octal(digits: &str) -> u32 {
    u32::from_str_radix(digits, 8).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(entries: &[(&str, &str, &str)]) -> Listing {
        entries
            .iter()
            .map(|(name, mode, sha)| {
                let mode = u32::from_str_radix(mode, 8).unwrap();
                let entry = Entry { mode: Mode(mode), sha: (*sha).to_owned() };
                ((*name).to_owned(), (mode == 0o40000, entry))
            })
            .collect()
    }

    #[test]
    fn equal_entries_are_passed_over_and_folders_are_walked() {
        let old = listing(&[
            ("same", "100644", "1"),
            ("mode", "100644", "2"),
            ("gone", "100644", "3"),
            ("dir", "40000", "4"),
            ("same-dir", "40000", "5"),
            ("was-dir", "40000", "6"),
        ]);
        let new = listing(&[
            ("same", "100644", "1"),
            ("mode", "100755", "2"),
            ("made", "120000", "7"),
            ("dir", "40000", "8"),
            ("same-dir", "40000", "5"),
            ("was-dir", "100644", "9"),
        ]);
        let (mut found, mut folders) = (Vec::new(), Vec::new());
        pair("x/", old, new, &mut found, &mut folders);
        let mut paths: Vec<&str> = found.iter().map(|d| d.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["x/gone", "x/made", "x/mode", "x/was-dir"]);
        let walked: Vec<_> = folders
            .iter()
            .map(|f| (f.prefix.as_str(), f.old.as_deref(), f.new.as_deref()))
            .collect();
        assert_eq!(walked, [("x/dir/", Some("4"), Some("8")), ("x/was-dir/", Some("6"), None)]);
    }
}
