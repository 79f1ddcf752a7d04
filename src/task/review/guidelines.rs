//! Guidelines that hold for a part of the repository: `AGENTS.md` and `CLAUDE.md`
//! in the folders of changed files, `.github/instructions/*.instructions.md` by
//! their globs, and what a `CLAUDE.md` imports. All from the base revision.
//!
//! The manners are those of the tools that the files are written for:
//! <https://agents.md>, <https://code.claude.com/docs/en/memory>,
//! <https://docs.github.com/copilot/how-tos/configure-custom-instructions>.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::background::spare;
use super::base::BaseFiles;
use super::discussion::{cut, one_line};
use crate::diff::{Change, RepoPath};
use crate::forge::Forge;
use crate::forge::local::Local;

/// Names that hold for the folder they lie in.
const IN_FOLDERS: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];
/// Holds instructions with globs.
const INSTRUCTIONS: &str = ".github/instructions";
/// Folders that are looked into: those with most changed files.
const MOST_FOLDERS: usize = 100;
/// Imports that are followed, in all.
const MOST_IMPORTS: usize = 10;
/// Bytes of one file that are kept.
const MOST_BYTES: usize = 16_000;

/// A guideline and what it holds for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guideline {
    /// Its file.
    pub path: String,
    /// For what: "files below src/api/", "files that match **/*.ts".
    pub holds_for: String,
    /// What it says.
    pub text: String,
}

impl Guideline {
    /// Every text put through `clean`; names kept to one line.
    pub fn cleaned(&self, clean: &dyn Fn(&str) -> String) -> Guideline {
        let line = |text: &str| one_line(&clean(text));
        Guideline {
            path: line(&self.path),
            holds_for: line(&self.holds_for),
            text: clean(&self.text),
        }
    }
}

/// Where files of the base revision come from: the checkout where it has the
/// revision, else the host. What cannot be read is told in the log.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    local: Option<&'a Local>,
    forge: Option<&'a dyn Forge>,
    revision: &'a str,
}

impl<'a> Source<'a> {
    /// Files as they are at `revision`.
    pub fn new(forge: Option<&'a dyn Forge>, local: Option<&'a Local>, revision: &'a str) -> Self {
        Source { local: local.filter(|local| local.has_commit(revision)), forge, revision }
    }

    /// Whether nothing is asked of the host.
    pub fn is_local(&self) -> bool {
        self.local.is_some()
    }

    async fn texts(&self, paths: &[String], folder: Option<&str>) -> Vec<(String, String)> {
        if paths.is_empty() && folder.is_none() {
            return Vec::new();
        }
        if let Some(local) = self.local {
            let below = folder.map(|folder| local.files_below(self.revision, folder));
            let below = below.transpose().unwrap_or_else(|why| {
                tracing::warn!("cannot list {INSTRUCTIONS} at {}: {why:#}", self.revision);
                None
            });
            let paths = paths.iter().cloned().chain(below.unwrap_or_default());
            let read = |path: String| {
                let text = text_at(local, self.revision, &path)?;
                Some((path, text))
            };
            return paths.filter_map(read).collect();
        }
        let Some(forge) = self.forge else { return Vec::new() };
        spare("the guidelines of folders", forge.texts(self.revision, paths, folder)).await
    }
}

fn text_at(local: &Local, revision: &str, path: &str) -> Option<String> {
    match local.file_at(revision, &RepoPath::from(path)) {
        Ok(bytes) => bytes.and_then(|bytes| String::from_utf8(bytes).ok()),
        Err(why) => {
            tracing::warn!("cannot read {path} at {revision}: {why:#}");
            None
        }
    }
}

/// Files that may hold for those of the change: one request, which need not wait
/// for the root's guidelines. `root` are the names in the root folder, where they
/// are known: folders that the base does not have are not asked for.
pub async fn find(
    source: &Source<'_>,
    change: &Change,
    root: Option<&[String]>,
) -> Vec<(String, String)> {
    let is_there = |path: &str| {
        let top = path.split('/').next().unwrap_or(path);
        root.is_none_or(|names| names.iter().any(|name| name == top))
    };
    let wanted: Vec<String> = in_folders(&paths(change)).filter(|path| is_there(path)).collect();
    source.texts(&wanted, Some(INSTRUCTIONS).filter(|folder| is_there(folder))).await
}

/// Those of `found` that hold, and what they and the root's import: a second
/// request only where there is something to import. In order of path.
pub async fn settle(
    source: &Source<'_>,
    mut found: Vec<(String, String)>,
    change: &Change,
    base: &BaseFiles,
) -> Vec<Guideline> {
    let files: Vec<(String, String)> = base.guidelines.iter().chain(&found).cloned().collect();
    let mut imported: BTreeMap<String, String> = BTreeMap::new();
    let more = follow(&files, &mut imported);
    found.extend(source.texts(&more, None).await);
    sort_out(found, base, &imported, &paths(change))
}

fn paths(change: &Change) -> Vec<String> {
    change.files.iter().map(|file| file.path().display()).collect()
}

/// What holds, and for what.
fn sort_out(
    found: Vec<(String, String)>,
    base: &BaseFiles,
    imported: &BTreeMap<String, String>,
    changed: &[String],
) -> Vec<Guideline> {
    let root: BTreeSet<&str> = base.guidelines.iter().map(|(_, text)| text.trim()).collect();
    let mut guidelines: Vec<Guideline> = Vec::new();
    let mut found = found;
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    for (path, text) in found {
        let importer = imported.get(&path).map(String::as_str);
        let (text, holds_for) = match importer {
            _ if is_link(&text) => continue,
            None if path.starts_with(INSTRUCTIONS) => {
                let Some((globs, text)) = instructions(&path, &text, changed) else { continue };
                (text, format!("files that match {globs}"))
            }
            importer => {
                let folder = folder_of(importer.unwrap_or(&path));
                let holds_for = match folder {
                    "" => "the whole repository".to_owned(),
                    folder => format!("files below {folder}/"),
                };
                (text, holds_for)
            }
        };
        let text = cut(text.trim(), MOST_BYTES);
        if text.is_empty() || root.contains(text.as_str()) {
            continue;
        }
        // `CLAUDE.md` is often a copy of `AGENTS.md`.
        if let Some(same) = guidelines.iter_mut().find(|known| known.text == text) {
            if !holds_for.starts_with(&same.holds_for) {
                same.holds_for = format!("{} and {holds_for}", same.holds_for);
            }
            continue;
        }
        guidelines.push(Guideline { path, holds_for, text });
    }
    guidelines
}

/// Where guidelines for these files may lie, the root left out.
fn in_folders(paths: &[String]) -> impl Iterator<Item = String> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for path in paths {
        let mut folder = folder_of(path);
        while !folder.is_empty() {
            *folders.entry(folder).or_default() += 1;
            folder = folder_of(folder);
        }
    }
    let mut folders: Vec<(&str, usize)> = folders.into_iter().collect();
    folders.sort_by_key(|&(folder, files)| (std::cmp::Reverse(files), folder));
    if folders.len() > MOST_FOLDERS {
        tracing::info!(
            "of {} folders, {MOST_FOLDERS} are looked into for guidelines",
            folders.len()
        );
        folders.truncate(MOST_FOLDERS);
    }
    let names = folders
        .into_iter()
        .flat_map(|(folder, _)| IN_FOLDERS.into_iter().map(move |name| format!("{folder}/{name}")));
    names.collect::<Vec<_>>().into_iter()
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Files that these import and that are not known yet; each is kept in `imported`
/// with its importer.
fn follow(files: &[(String, String)], imported: &mut BTreeMap<String, String>) -> Vec<String> {
    let known: BTreeSet<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    let mut more = Vec::new();
    for (path, text) in files {
        let imports = if is_link(text) {
            vec![text.trim().to_owned()]
        } else if path == "CLAUDE.md" || path.ends_with("/CLAUDE.md") {
            imports(text)
        } else {
            continue;
        };
        for import in imports {
            let Some(target) = resolve(folder_of(path), &import) else { continue };
            let is_new = !known.contains(target.as_str()) && !imported.contains_key(&target);
            if is_new && imported.len() < MOST_IMPORTS {
                imported.insert(target.clone(), path.clone());
                more.push(target);
            }
        }
    }
    more
}

/// Whether a text is a link's target: git and GraphQL give links so.
fn is_link(text: &str) -> bool {
    let target = text.trim_end_matches('\n');
    target.len() < 200
        && target.ends_with(".md")
        && !target.contains(char::is_whitespace)
        && !target.starts_with('@')
}

/// `@path` at the beginning of a word, outside code.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            fenced = !fenced;
        }
        let prose = line.split('`').step_by(2).filter(|_| !fenced);
        for word in prose.flat_map(str::split_whitespace) {
            let Some(path) = word.strip_prefix('@') else { continue };
            let path = path.trim_end_matches(['.', ',', ';', ':', ')']);
            // A person's name has no dot and no slash; an address has its at sign inside.
            if path.contains(['.', '/']) && !path.contains('@') {
                found.push(path.to_owned());
            }
        }
    }
    found
}

/// A path relative to a folder, as one from the root; `None` if it leads outside.
fn resolve(folder: &str, path: &str) -> Option<String> {
    if path.starts_with(['/', '~']) || path.contains(['\\', ':', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part if part.eq_ignore_ascii_case(".git") => return None,
            part => parts.push(part),
        }
    }
    let found = parts.join("/");
    (!found.is_empty() && !crate::checkout::is_credential(&found)).then_some(found)
}

/// The globs and the text of an instructions file that holds for a changed file.
/// Without `applyTo` it holds for none; `excludeAgent: code-review` leaves it out.
fn instructions(path: &str, text: &str, changed: &[String]) -> Option<(String, String)> {
    if !path.ends_with(".instructions.md") {
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rest = text.strip_prefix("---")?.trim_start_matches([' ', '\r']).strip_prefix('\n')?;
    let end = rest.find("\n---")?;
    let (matter, body) = rest.split_at(end);
    let body = body[4..].trim_start_matches('-').trim_start();
    let value = |key: &str| -> Option<String> {
        let line = matter
            .lines()
            .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned())
    };
    if value("excludeAgent").is_some_and(|agent| agent.contains("code-review")) {
        return None;
    }
    let globs = value("applyTo").filter(|globs| !globs.is_empty())?;
    let set = glob_set(&globs)?;
    changed.iter().any(|path| set.is_match(path)).then(|| (globs, body.to_owned()))
}

/// Globs separated by commas, those in braces aside.
fn glob_set(globs: &str) -> Option<GlobSet> {
    let mut depth = 0_u32;
    let parts = globs.split(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    let mut set = GlobSetBuilder::new();
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        // `**` alone stands for every file.
        set.add(GlobBuilder::new(part).literal_separator(true).build().ok()?);
    }
    set.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    fn paths(list: &[&str]) -> Vec<String> {
        list.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn folders_of_changed_files_are_looked_into() {
        let found: Vec<String> = in_folders(&paths(&["a/b/c.rs", "a/d.rs", "e.rs"])).collect();
        assert_eq!(found, ["a/AGENTS.md", "a/CLAUDE.md", "a/b/AGENTS.md", "a/b/CLAUDE.md"]);
        let many: Vec<String> = (0..900).map(|n| format!("d{n}/x")).collect();
        assert_eq!(in_folders(&many).count(), 2 * MOST_FOLDERS);
    }

    #[test]
    fn imports_stay_inside_the_repository() {
        for (folder, path, expect) in [
            ("", "AGENTS.md", Some("AGENTS.md")),
            ("a/b", "../docs/x.md", Some("a/docs/x.md")),
            ("a", "./x.md", Some("a/x.md")),
            ("a", "../../x.md", None),
            ("", "/etc/passwd", None),
            ("", "~/.claude/x.md", None),
            ("", ".git/config", None),
            ("", ".env", None),
            ("", "c:\\x", None),
        ] {
            assert_eq!(resolve(folder, path).as_deref(), expect, "{folder} {path}");
        }
        let text = "See @docs/a.md, (mail a@b.c) @octocat\n`@no.md`\n```\n@no.md\n```\n@b.md.";
        assert_eq!(imports(text), ["docs/a.md", "b.md"]);
    }

    #[test]
    fn one_level_of_imports_is_followed_and_links_are_imports() {
        let mut imported = BTreeMap::new();
        let files = texts(&[
            ("AGENTS.md", "@no.md"),
            ("CLAUDE.md", "@AGENTS.md @docs/style.md"),
            ("a/CLAUDE.md", "AGENTS.md\n"),
            ("b/AGENTS.md", "@not/followed.md here"),
        ]);
        let more = follow(&files, &mut imported);
        assert_eq!(more, ["docs/style.md", "a/AGENTS.md"]);
        assert!(is_link("../AGENTS.md") && !is_link("@AGENTS.md") && !is_link("See x.md"));
    }

    #[test]
    fn instructions_hold_by_their_globs() {
        let changed = paths(&["src/a.ts", "b.py"]);
        for (path, text, expect) in [
            ("x.instructions.md", "---\napplyTo: \"**/*.ts,**/*.tsx\"\n---\nT", Some("T")),
            ("x.instructions.md", "---\r\napplyTo: '**'\r\n---\r\nT", Some("T")),
            (
                "x.instructions.md",
                "---\ndescription: x\napplyTo: src/*.{js,ts}\n---\n\nT",
                Some("T"),
            ),
            ("x.instructions.md", "---\napplyTo: \"*.ts\"\n---\nT", None),
            (
                "x.instructions.md",
                "---\napplyTo: \"**\"\nexcludeAgent: \"code-review\"\n---\nT",
                None,
            ),
            ("x.instructions.md", "---\napplyTo: \"[\"\n---\nT", None),
            ("x.instructions.md", "no matter", None),
            ("x.instructions.md", "---\napplyTo: \"**\"", None),
            ("x.md", "---\napplyTo: \"**\"\n---\nT", None),
        ] {
            let found = instructions(path, text, &changed).map(|(_, text)| text);
            assert_eq!(found.as_deref(), expect, "{text:?}");
        }
    }

    #[test]
    fn copies_and_links_are_shown_once() {
        let base =
            BaseFiles { guidelines: texts(&[("AGENTS.md", "root")]), ..BaseFiles::default() };
        let found = texts(&[
            ("a/CLAUDE.md", "AGENTS.md"),
            ("a/AGENTS.md", "inner\n"),
            ("a/b/CLAUDE.md", "inner"),
            ("docs/x.md", "imported"),
            ("c/AGENTS.md", " root "),
            ("c/CLAUDE.md", ""),
            ("d/AGENTS.md", "inner"),
        ]);
        let imported = BTreeMap::from([("docs/x.md".to_owned(), "a/b/CLAUDE.md".to_owned())]);
        let shown: Vec<(String, String)> = sort_out(found, &base, &imported, &[])
            .into_iter()
            .map(|guideline| (guideline.path, guideline.holds_for))
            .collect();
        assert_eq!(
            shown,
            texts(&[
                ("a/AGENTS.md", "files below a/ and files below d/"),
                ("docs/x.md", "files below a/b/"),
            ])
        );
    }
}
