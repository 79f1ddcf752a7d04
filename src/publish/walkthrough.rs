//! What a change touches, told without a model.

use std::collections::BTreeMap;

use super::{View, wording};
use crate::diff::{Change, Content, FileDiff, LineKind, Status};

/// A folder of the change, at a depth that tells its parts apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// With a slash at its end; `./` for the root.
    pub folder: String,
    /// Changed files.
    pub files: usize,
    /// Added lines.
    pub added: usize,
    /// Removed lines.
    pub removed: usize,
}

/// Added and removed lines of a file.
pub fn lines_of(file: &FileDiff) -> (usize, usize) {
    match &file.content {
        Content::Text(patch) => {
            patch.lines.iter().fold((0, 0), |(added, removed), line| match line.kind {
                LineKind::Added => (added + 1, removed),
                LineKind::Removed => (added, removed + 1),
                LineKind::Context => (added, removed),
            })
        }
        Content::Missing { additions, deletions } => (*additions as usize, *deletions as usize),
        _ => (0, 0),
    }
}

/// The folders just below what all files have in common, most changed first.
pub fn areas(change: &Change) -> Vec<Area> {
    let paths: Vec<String> = change.files.iter().map(|file| file.path().display()).collect();
    let common = common_folder(&paths);
    let mut areas: BTreeMap<String, Area> = BTreeMap::new();
    for (file, path) in change.files.iter().zip(&paths) {
        let rest = &path[common.len()..];
        let folder = match rest.split_once('/') {
            Some((first, _)) => format!("{common}{first}/"),
            None if common.is_empty() => "./".to_owned(),
            None => common.to_owned(),
        };
        let (added, removed) = lines_of(file);
        let area =
            areas.entry(folder.clone()).or_insert(Area { folder, files: 0, added: 0, removed: 0 });
        area.files += 1;
        area.added += added;
        area.removed += removed;
    }
    let mut areas: Vec<Area> = areas.into_values().collect();
    areas.sort_by_key(|area| std::cmp::Reverse(area.added + area.removed));
    areas
}

fn common_folder(paths: &[String]) -> &str {
    let Some(first) = paths.first() else { return "" };
    let mut common = first.rfind('/').map_or("", |at| &first[..=at]);
    for path in paths {
        while !path.starts_with(common) {
            common = common[..common.len() - 1].rfind('/').map_or("", |at| &first[..=at]);
        }
    }
    common
}

/// One sentence: `14 files: 3 added, 1 renamed; +300 −20.`
pub fn sentence(change: &Change) -> String {
    let count = |status| change.files.iter().filter(|file| file.status == status).count();
    let kinds = [
        (count(Status::Added), "added"),
        (count(Status::Deleted), "deleted"),
        (count(Status::Renamed), "renamed"),
        (count(Status::Copied), "copied"),
        (count(Status::Modified), "modified"),
    ];
    let kinds: Vec<String> =
        kinds.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let lines = change.files.iter().map(lines_of).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let files = wording::plural(change.files.len(), "file");
    if kinds.is_empty() {
        return format!("{files} changed.");
    }
    format!("{files}: {}; {}.", kinds.join(", "), plus_minus(lines.0, lines.1))
}

/// `+300 −20`.
pub fn plus_minus(added: usize, removed: usize) -> String {
    format!("+{} −{}", wording::thousands(added as u64), wording::thousands(removed as u64))
}

/// The areas as a Markdown table of at most `rows`; empty if there is only one.
pub fn table(view: &View<'_>, rows: usize) -> String {
    let areas = areas(view.change);
    if areas.len() < 2 || rows == 0 {
        return String::new();
    }
    let mut table = String::from("| Area | Files | Lines |\n|---|--:|--:|\n");
    for area in areas.iter().take(rows) {
        let lines = plus_minus(area.added, area.removed);
        table += &format!("| {} | {} | {lines} |\n", view.code(&area.folder), area.files);
    }
    if areas.len() > rows {
        table += &format!("| and {} more | | |\n", areas.len() - rows);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str], expect: &[&str]) {
        let files = paths.iter().map(|&path| FileDiff {
            old_path: None,
            new_path: Some(path.into()),
            status: Status::Added,
            old_mode: None,
            new_mode: None,
            content: Content::Missing { additions: 1, deletions: 0 },
        });
        let mut folders: Vec<String> =
            areas(&Change { files: files.collect() }).into_iter().map(|area| area.folder).collect();
        folders.sort();
        assert_eq!(folders, expect);
    }

    #[test]
    fn areas_are_the_folders_that_tell_files_apart() {
        check(&[], &[]);
        check(&["a"], &["./"]);
        check(&["src/a", "tests/b", "README"], &["./", "src/", "tests/"]);
        check(&["src/x/a", "src/y/b", "src/c"], &["src/", "src/x/", "src/y/"]);
        check(&["src/x/a", "srcx/b"], &["src/", "srcx/"]);
        check(&["é/a", "è/b"], &["è/", "é/"]);
    }
}
