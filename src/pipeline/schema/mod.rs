//! What a platform's published schema says against a file. The schemas are laxer or
//! stricter than the services (see `data/NOTICE.md` and `load`, where they are
//! loosened): what counts for an edit is that it adds no problem, by [`Problem::key`].

mod azure;
mod instance;
mod load;
mod message;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub(in crate::pipeline) use message::nearest;

use super::platform::Platform;
use super::yaml::{Id, Tree};
use load::Schema;

/// Something that the schema says against a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Tells it from others and is the same where only items around it moved: the
    /// keyword, the names on the way to it without item numbers, and what it names.
    pub key: String,
    /// Where it stands, from 1.
    pub line: u32,
    /// What is wrong, a sentence without its full stop:
    /// `` `timeout-minutes` must be a number, not text ``.
    pub message: String,
}

/// What the schema says against a parsed file, by line. Empty where there is no
/// schema: Jenkins, and Harness files that are no pipeline (templates, input sets,
/// triggers).
pub fn problems(platform: Platform, path: &str, tree: &Tree) -> Vec<Problem> {
    let Some(root) = tree.root() else {
        return Vec::new();
    };
    let Some(schema) = schema_for(platform, path, tree, root) else {
        return Vec::new();
    };
    let Some(document) = instance::read(platform, tree, root) else {
        return Vec::new();
    };
    let mut found: Vec<Problem> = Vec::new();
    if !schema.validator.is_valid(&document) {
        let lines = instance::lines(platform, tree, root);
        let told = Told { lines: &lines, platform };
        for error in schema.validator.iter_errors(&document) {
            found.extend(message::of(schema, &error).into_iter().map(|said| told.problem(said)));
        }
    }
    if platform == Platform::Azure {
        azure::tasks(tree, root, &mut found);
    }
    found.sort_by(|a, b| (a.line, &a.message, &a.key).cmp(&(b.line, &b.message, &b.key)));
    // A schema may ask the same twice (`allOf` beside `properties`).
    found.dedup_by(|a, b| (a.line, &a.message) == (b.line, &b.message));
    found
}

/// What messages are made from.
struct Told<'a> {
    lines: &'a HashMap<String, u32>,
    platform: Platform,
}

impl Told<'_> {
    fn problem(&self, said: message::Said) -> Problem {
        let line = self.line(&said.pointer);
        let names = stable(self.platform, &said.pointer);
        Problem {
            key: format!("{}|{names}|{}", said.keyword, said.detail),
            line,
            message: said.message,
        }
    }

    /// The line of a pointer, or of the nearest place above it.
    fn line(&self, pointer: &str) -> u32 {
        let mut at = pointer;
        loop {
            if let Some(line) = self.lines.get(at) {
                return *line;
            }
            match at.rfind('/') {
                Some(cut) => at = &at[..cut],
                None => break,
            }
        }
        1
    }
}

/// A pointer without what an edit around it shifts: numbers of items, and the groups
/// that steps and stages are wrapped in to run side by side.
fn stable(platform: Platform, pointer: &str) -> String {
    let grouping = matches!(platform, Platform::Bitbucket | Platform::Harness);
    let kept = pointer.split('/').filter(|part| {
        let number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let group = grouping && matches!(*part, "parallel" | "steps");
        !(number || group)
    });
    kept.collect::<Vec<_>>().join("/")
}

fn schema_for(platform: Platform, path: &str, tree: &Tree, root: Id) -> Option<&'static Schema> {
    match platform {
        Platform::GitHub => {
            let name = path.rsplit('/').next().unwrap_or(path);
            let named = matches!(name, "action.yml" | "action.yaml");
            let action = tree.get(root, "runs").is_some() && tree.get(root, "jobs").is_none();
            load::schema(if named || action { "github-action" } else { "github-workflow" })
        }
        Platform::GitLab => load::schema("gitlab-ci"),
        Platform::Azure => load::schema("azure-pipelines"),
        Platform::Bitbucket => load::schema("bitbucket-pipelines"),
        Platform::Harness if tree.get(root, "pipeline").is_some() => {
            load::schema("harness-pipeline")
        }
        Platform::Harness | Platform::Jenkins => None,
    }
}
