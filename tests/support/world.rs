//! What the in-memory GitHub knows: revisions, pull requests, conversations.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use similar::TextDiff;

/// A file of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAt {
    pub mode: u32,
    pub data: Arc<[u8]>,
}

impl FileAt {
    /// Its git blob, or the commit that a submodule's data names.
    pub fn sha(&self) -> String {
        if self.mode == 0o160000 {
            return String::from_utf8_lossy(&self.data).into_owned();
        }
        git_sha(gix::objs::Kind::Blob, &self.data)
    }
}

pub type Files = BTreeMap<String, FileAt>;

pub fn git_sha(kind: gix::objs::Kind, data: &[u8]) -> String {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, data).expect("SHA-1").to_string()
}

/// A pull request, and how a test describes one.
#[derive(Clone, Debug)]
pub struct Pull {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub author: String,
    pub base_ref: String,
    pub head_ref: String,
    pub fork: bool,
    pub draft: bool,
    pub open: bool,
    /// Commits, by the host's count.
    pub commits: usize,
    /// Messages of the commits, and how many parents each has.
    pub messages: Vec<(String, usize)>,
    /// Numbers of the issues that it closes.
    pub closes: Vec<u64>,
    /// Revisions, set when the description is complete.
    pub base: String,
    pub head: String,
    pub base_files: Files,
    pub head_files: Files,
    /// New names by old ones.
    pub(super) renames: HashMap<String, String>,
}

impl Pull {
    pub(super) fn new(number: u64) -> Self {
        Pull {
            number,
            title: "Change things".into(),
            body: "Because.".into(),
            author: "alice".into(),
            base_ref: "main".into(),
            head_ref: "feature".into(),
            fork: false,
            draft: false,
            open: true,
            commits: 1,
            messages: vec![("Change things".into(), 1)],
            closes: Vec::new(),
            base: String::new(),
            head: String::new(),
            base_files: Files::new(),
            head_files: Files::new(),
            renames: HashMap::new(),
        }
    }

    /// A file that stands on the base, and on the head unless changed there.
    pub fn base(&mut self, path: &str, data: impl AsRef<[u8]>) -> &mut Self {
        let file = FileAt { mode: 0o100644, data: data.as_ref().into() };
        self.base_files.insert(path.to_owned(), file.clone());
        self.head_files.insert(path.to_owned(), file);
        self
    }

    /// A file as the head has it.
    pub fn head(&mut self, path: &str, data: impl AsRef<[u8]>) -> &mut Self {
        let mode = self.head_files.get(path).map_or(0o100644, |file| file.mode);
        self.head_files.insert(path.to_owned(), FileAt { mode, data: data.as_ref().into() });
        self
    }

    /// A file's mode on the head.
    pub fn mode(&mut self, path: &str, mode: u32) -> &mut Self {
        self.head_files.get_mut(path).expect("the file is on the head").mode = mode;
        self
    }

    /// The head does not have this file.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.head_files.remove(path);
        self
    }

    /// The head has this file under another name.
    pub fn rename(&mut self, old: &str, new: &str) -> &mut Self {
        let file = self.head_files.remove(old).expect("the file is on the head");
        self.head_files.insert(new.to_owned(), file);
        self.renames.insert(old.to_owned(), new.to_owned());
        self
    }

    /// A submodule's commits.
    pub fn submodule(&mut self, path: &str, old: Option<&str>, new: Option<&str>) -> &mut Self {
        let file = |sha: &str| FileAt { mode: 0o160000, data: sha.as_bytes().into() };
        if let Some(old) = old {
            self.base_files.insert(path.to_owned(), file(old));
        }
        match new {
            Some(new) => self.head_files.insert(path.to_owned(), file(new)),
            None => self.head_files.remove(path),
        };
        self
    }
}

/// What may be said of a revision's tree.
#[derive(Default)]
pub struct Trees {
    /// Entries of a tree by its name: path, mode, kind, name of the object.
    pub trees: HashMap<String, Vec<(String, u32, String)>>,
}

impl Trees {
    /// Take the folder of `files` below `prefix` in, and give its name.
    pub fn add(&mut self, files: &Files, prefix: &str) -> String {
        let mut entries: Vec<(String, u32, String)> = Vec::new();
        let mut last_folder = String::new();
        for (path, file) in files.range(prefix.to_owned()..) {
            let Some(rest) = path.strip_prefix(prefix) else { break };
            match rest.split_once('/') {
                None => entries.push((rest.to_owned(), file.mode, file.sha())),
                Some((folder, _)) if folder != last_folder => {
                    last_folder = folder.to_owned();
                    let sha = self.add(files, &format!("{prefix}{folder}/"));
                    entries.push((folder.to_owned(), 0o40000, sha));
                }
                Some(_) => {}
            }
        }
        let slash = |e: &(String, u32, String)| {
            if e.1 == 0o40000 { format!("{}/", e.0) } else { e.0.clone() }
        };
        entries.sort_by_key(slash);
        let mut data = Vec::new();
        for (name, mode, sha) in &entries {
            data.extend_from_slice(format!("{mode:o} {name}\0").as_bytes());
            data.extend(
                (0..sha.len() / 2)
                    .map(|at| u8::from_str_radix(&sha[at * 2..at * 2 + 2], 16).unwrap_or(0)),
            );
        }
        let sha = git_sha(gix::objs::Kind::Tree, &data);
        self.trees.insert(sha.clone(), entries);
        sha
    }

    /// Entries of a tree, with everything below if `recursive`.
    pub fn list(&self, sha: &str, prefix: &str, recursive: bool) -> Option<Vec<Value>> {
        let mut out = Vec::new();
        for (name, mode, object) in self.trees.get(sha)? {
            let path = format!("{prefix}{name}");
            let kind = match mode {
                0o40000 => "tree",
                0o160000 => "commit",
                _ => "blob",
            };
            out.push(
                json!({ "path": path, "mode": format!("{mode:06o}"), "type": kind, "sha": object }),
            );
            if recursive && kind == "tree" {
                out.extend(self.list(object, &format!("{path}/"), true)?);
            }
        }
        Some(out)
    }
}

/// GitHub's limits on one patch.
pub const MOST_PATCH_LINES: usize = 20_000;
pub const MOST_PATCH_BYTES: usize = 500_000;

/// The files that differ, as GitHub lists them.
pub fn list(base: &Files, head: &Files, renames: &HashMap<String, String>) -> Vec<Value> {
    let mut out: BTreeMap<String, Value> = BTreeMap::new();
    let renamed: HashMap<&str, &str> = renames
        .iter()
        .filter(|(old, new)| base.contains_key(*old) && head.contains_key(*new))
        .map(|(old, new)| (new.as_str(), old.as_str()))
        .collect();
    for (path, new) in head {
        match renamed.get(path.as_str()) {
            Some(before) => {
                let mut entry = entry(path, "renamed", base.get(*before), Some(new));
                entry["previous_filename"] = json!(before);
                out.insert(path.clone(), entry);
            }
            None => match base.get(path) {
                None => drop(out.insert(path.clone(), entry(path, "added", None, Some(new)))),
                Some(old) if old == new => {}
                old => drop(out.insert(path.clone(), entry(path, "modified", old, Some(new)))),
            },
        }
    }
    for (path, old) in base {
        if !head.contains_key(path) && !renamed.values().any(|before| before == path) {
            out.insert(path.clone(), entry(path, "removed", Some(old), None));
        }
    }
    out.into_values().collect()
}

fn entry(path: &str, status: &str, old: Option<&FileAt>, new: Option<&FileAt>) -> Value {
    let sha = new.or(old).map(FileAt::sha);
    let (patch, additions, deletions) = patch(old, new);
    let mut entry = json!({
        "filename": path, "status": status, "sha": sha,
        "additions": additions, "deletions": deletions, "changes": additions + deletions,
    });
    if let Some(patch) = patch {
        entry["patch"] = json!(patch);
    }
    entry
}

fn patch(old: Option<&FileAt>, new: Option<&FileAt>) -> (Option<String>, usize, usize) {
    let text = |file: Option<&FileAt>| -> Option<String> {
        let Some(file) = file else { return Some(String::new()) };
        let text = String::from_utf8(file.data.to_vec()).ok()?;
        Some(if file.mode == 0o160000 { format!("Subproject commit {text}\n") } else { text })
    };
    let (Some(old), Some(new)) = (text(old), text(new)) else { return (None, 0, 0) };
    if old == new || old.contains('\0') || new.contains('\0') {
        return (None, 0, 0);
    }
    let diff = TextDiff::from_lines(&old, &new);
    let whole = diff.unified_diff().context_radius(3).to_string();
    let counted = |sign: char| whole.lines().filter(|line| line.starts_with(sign)).count();
    let (additions, deletions) = (counted('+'), counted('-'));
    let short = whole.len() <= MOST_PATCH_BYTES && additions + deletions <= MOST_PATCH_LINES;
    (short.then(|| whole.trim_end_matches('\n').to_owned()), additions, deletions)
}

/// A line that comments may stand on: hunk, side, number, text.
pub struct Place {
    pub hunk: usize,
    pub side: &'static str,
    pub line: u64,
    pub text: String,
}

/// Every such line of a patch.
pub fn places(patch: &str) -> Vec<Place> {
    let mut out = Vec::new();
    let (mut old, mut new, mut hunk) = (0, 0, 0);
    for line in patch.split('\n') {
        if let Some(header) = line.strip_prefix("@@ -") {
            let mut starts = header.split([' ', ',', '+']).filter_map(|n| n.parse::<u64>().ok());
            old = starts.next().unwrap_or(0);
            let after = header.split_once('+').map_or("", |(_, after)| after);
            new = after.split([' ', ',']).next().and_then(|n| n.parse().ok()).unwrap_or(0);
            hunk += 1;
            continue;
        }
        let (sign, text) = line.split_at_checked(1).unwrap_or((" ", ""));
        let mut put = |side, number: &mut u64| {
            out.push(Place { hunk, side, line: *number, text: text.to_owned() });
            *number += 1;
        };
        match sign {
            "+" => put("RIGHT", &mut new),
            "-" => put("LEFT", &mut old),
            "\\" => {}
            _ => {
                put("LEFT", &mut old);
                put("RIGHT", &mut new);
            }
        }
    }
    out
}
