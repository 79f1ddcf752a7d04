//! Scripts of `package.json` and targets of a Makefile.

use serde_json::Value;

use super::super::super::Files;

/// A `package.json`.
pub struct Package(Value);

impl Package {
    /// The one in this folder (empty, or ending in `/`).
    pub fn read(files: &dyn Files, folder: &str) -> Option<Package> {
        let text = files.read(&format!("{folder}package.json"))?;
        serde_json::from_str(&text).ok().map(Package)
    }

    /// A script's text.
    pub fn script(&self, name: &str) -> Option<&str> {
        self.0.get("scripts")?.get(name)?.as_str()
    }

    /// Whether it depends on this, at run time or for development.
    pub fn depends(&self, name: &str) -> bool {
        ["dependencies", "devDependencies"]
            .iter()
            .any(|key| self.0.get(key).is_some_and(|all| all.get(name).is_some()))
    }

    /// Text at a key of a key (`engines`, `node`).
    pub fn text(&self, outer: &str, inner: &str) -> Option<&str> {
        self.0.get(outer)?.get(inner)?.as_str()
    }

    /// Text at a key.
    pub fn top(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }
}

/// Names of a Makefile's targets.
pub fn targets(files: &dyn Files, folder: &str) -> Vec<String> {
    let Some(text) = files.read(&format!("{folder}Makefile")) else { return Vec::new() };
    text.lines()
        .filter(|line| !line.starts_with(['\t', ' ', '#', '.']))
        .filter_map(|line| {
            let (names, rest) = line.split_once(':')?;
            (!rest.starts_with('=') && !names.contains('=')).then_some(names)
        })
        .flat_map(|names| names.split_whitespace().map(str::to_owned))
        .collect()
}
