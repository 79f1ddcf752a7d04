//! The Test Anything Protocol as Node writes it: subtests by indentation, and
//! a block of keys behind each result.
//! <https://node.js.org/api/test.html>, <https://testanything.org/tap-version-14-specification.html>

use super::text;

/// A result line.
#[derive(Debug, Default)]
pub(super) struct Point {
    /// The names around it and its own.
    pub(super) path: Vec<String>,
    pub(super) ok: bool,
    /// `SKIP` or `TODO`, with its reason.
    pub(super) directive: Option<String>,
    /// Its keys, only those at the block's own depth.
    pub(super) keys: Vec<(String, String)>,
    /// The whole block.
    pub(super) block: String,
    /// Comments since the last result, without `# `.
    pub(super) comments: String,
    /// How many results stood inside it.
    pub(super) inside: usize,
}

impl Point {
    pub(super) fn key(&self, name: &str) -> Option<&str> {
        self.keys.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All results, those inside others first.
pub(super) fn read(text: &str) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    // Names of open subtests, by depth.
    let mut open: Vec<(usize, String, usize)> = Vec::new();
    let mut comments = String::new();
    let mut block: Option<usize> = None;
    for line in text.lines() {
        let depth = text::indent(line);
        let rest = &line[depth..];
        if let Some(at) = block {
            if depth == at && rest == "..." {
                block = None;
            } else if let Some(point) = points.last_mut() {
                if point.block.len() < 2 * text::MOST_SAID {
                    point.block.push_str(line.get(at.min(depth)..).unwrap_or(rest));
                    point.block.push('\n');
                }
                if depth == at
                    && let Some((key, value)) = rest.split_once(": ")
                {
                    let value = value.trim().trim_matches('\'').trim_matches('"');
                    point.keys.push((key.to_owned(), value.to_owned()));
                }
            }
            continue;
        }
        if rest == "---" && !points.is_empty() {
            block = Some(depth);
        } else if let Some(name) = rest.strip_prefix("# Subtest: ") {
            open.retain(|(other, _, _)| *other < depth);
            open.push((depth, unescaped(name), points.len()));
        } else if let Some((ok, name, directive)) = point(rest) {
            let started = open
                .iter()
                .rfind(|(other, _, _)| *other == depth)
                .map_or(points.len(), |(_, _, started)| *started);
            let mut path: Vec<String> = open
                .iter()
                .filter(|(other, _, _)| *other < depth)
                .map(|(_, name, _)| name.clone())
                .collect();
            path.push(name);
            open.retain(|(other, _, _)| *other < depth);
            points.push(Point {
                path,
                ok,
                directive,
                comments: std::mem::take(&mut comments),
                inside: points.len() - started,
                ..Point::default()
            });
        } else if let Some(comment) = rest.strip_prefix("# ")
            && comments.len() < 2 * text::MOST_SAID
        {
            comments.push_str(comment);
            comments.push('\n');
        }
    }
    points
}

/// `not ok 1 - name # SKIP reason`
fn point(line: &str) -> Option<(bool, String, Option<String>)> {
    let (ok, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok ")?),
    };
    text::number(rest)?;
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.trim_start().strip_prefix("- ")?;
    let directive = [" # SKIP", " # TODO"].iter().find_map(|mark| rest.find(mark));
    let (name, directive) = match directive {
        Some(at) => (&rest[..at], Some(rest[at + 3..].trim().to_owned())),
        None => (rest, None),
    };
    Some((ok, unescaped(name), directive))
}

fn unescaped(name: &str) -> String {
    name.trim().replace("\\#", "#").replace("\\\\", "\\")
}
