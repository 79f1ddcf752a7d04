//! The shape of a change: which of its files refer to each other, as a Mermaid graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diff::{Change, LineKind};

/// Fewer nodes need no picture, more make none.
const NODES: std::ops::RangeInclusive<usize> = 3..=15;
const MIN_EDGES: usize = 2;
const MAX_LABEL: usize = 60;

/// A Mermaid graph of the changed files that name one another in imports, by
/// folder where there are too many; `None` if there is no shape worth drawing.
/// Labels hold letters, digits and `_./-` only, whatever the files are called.
pub fn mermaid(change: &Change) -> Option<String> {
    let paths: Vec<String> = change.files.iter().map(|file| file.path().display()).collect();
    let by_file = references(change, &paths);
    let named = |edges: &BTreeSet<(usize, usize)>, name: &dyn Fn(usize) -> String| {
        let edges: BTreeSet<(String, String)> =
            edges.iter().map(|&(a, b)| (name(a), name(b))).filter(|(a, b)| a != b).collect();
        draw(&edges)
    };
    named(&by_file, &|at| paths[at].clone()).or_else(|| {
        let folder =
            |at: usize| paths[at].rsplit_once('/').map_or("./", |(folder, _)| folder).to_owned();
        named(&by_file, &folder)
    })
}

/// Pairs of files of which the first imports the second, by the hunks' lines.
fn references(change: &Change, paths: &[String]) -> BTreeSet<(usize, usize)> {
    let mut files: HashMap<&str, Option<usize>> = HashMap::new();
    for (at, path) in paths.iter().enumerate() {
        if let Some(name) = module_name(path) {
            // A name that two files have tells nothing.
            files.entry(name).and_modify(|known| *known = None).or_insert(Some(at));
        }
    }
    let mut edges = BTreeSet::new();
    for (at, file) in change.files.iter().enumerate() {
        let Some(patch) = file.patch().filter(|_| is_code(&paths[at])) else { continue };
        let calls = |name: &[u8]| memchr::memmem::find(&patch.text, name).is_some();
        let imports_by_call = calls(b"require(") || calls(b"import(");
        for line in patch.lines.iter().filter(|line| line.kind != LineKind::Removed) {
            let text = patch.text_of(line);
            if !is_import(text, imports_by_call) {
                continue;
            }
            let Ok(text) = std::str::from_utf8(text) else { continue };
            let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
            for target in words.filter_map(|word| files.get(word).copied().flatten()) {
                if target != at {
                    edges.insert((at, target));
                }
            }
        }
    }
    edges
}

/// What other files call this one: its stem, or its folder for `mod.rs` and the like.
fn module_name(path: &str) -> Option<&str> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, _) = file.rsplit_once('.').filter(|_| is_code(path))?;
    let shared = ["mod", "index", "__init__", "main", "lib"];
    let name = if shared.contains(&stem) { folder.rsplit('/').next()? } else { stem };
    (name.len() >= 3).then_some(name)
}

fn is_code(path: &str) -> bool {
    let code = [
        "rs", "py", "js", "jsx", "ts", "tsx", "mjs", "cjs", "go", "java", "kt", "rb", "php", "c",
        "cc", "cpp", "h", "hpp", "cs", "swift", "scala", "vue", "svelte", "ex", "exs", "lua", "sh",
    ];
    path.rsplit_once('.').is_some_and(|(_, extension)| code.contains(&extension))
}

/// Tells by the first word; `by_call` looks for `require(` and `import(` as well.
fn is_import(line: &[u8], by_call: bool) -> bool {
    const STARTS: [&str; 15] = [
        "use ",
        "pub use ",
        "mod ",
        "pub mod ",
        "pub(crate) use ",
        "pub(crate) mod ",
        "import ",
        "import{",
        "from ",
        "export ",
        "#include",
        "require",
        "source ",
        "alias ",
        "using ",
    ];
    let line = line.trim_ascii_start();
    let Some(first) = line.first() else { return false };
    let called = |name: &[u8]| memchr::memmem::find(line, name).is_some();
    (b"upmife#rsa".contains(first) && STARTS.iter().any(|s| line.starts_with(s.as_bytes())))
        || (by_call && line.len() < 300 && (called(b"require(") || called(b"import(")))
}

fn draw(edges: &BTreeSet<(String, String)>) -> Option<String> {
    let nodes: BTreeSet<&String> = edges.iter().flat_map(|(a, b)| [a, b]).collect();
    if !NODES.contains(&nodes.len()) || edges.len() < MIN_EDGES {
        return None;
    }
    let ids: BTreeMap<&String, usize> =
        nodes.iter().enumerate().map(|(id, name)| (*name, id)).collect();
    let mut graph = String::from("graph LR\n");
    for (name, id) in &ids {
        graph += &format!("  n{id}[\"{}\"]\n", label(name));
    }
    for (from, to) in edges {
        graph += &format!("  n{} --> n{}\n", ids[from], ids[to]);
    }
    Some(graph)
}

fn label(path: &str) -> String {
    let safe: Vec<char> = path
        .chars()
        .map(|c| if c.is_alphanumeric() || "_./-".contains(c) { c } else { '_' })
        .collect();
    let start = safe.len().saturating_sub(MAX_LABEL);
    let lead = if start > 0 { "…" } else { "" };
    format!("{lead}{}", safe[start..].iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures::change_of;

    fn check(files: &[(&str, &[&str])], expect: Option<&str>) {
        let change = change_of(files);
        assert_eq!(mermaid(&change).as_deref(), expect);
    }

    #[test]
    fn files_that_import_each_other_are_drawn() {
        check(
            &[
                ("src/main.rs", &["use crate::server;", "use crate::config::Config;"]),
                ("src/server.rs", &["use super::config;"]),
                ("src/config.rs", &["pub struct Config;"]),
                ("README.md", &["use server"]),
            ],
            Some(
                "graph LR\n  n0[\"src/config.rs\"]\n  n1[\"src/main.rs\"]\n  \
                 n2[\"src/server.rs\"]\n  n1 --> n0\n  n1 --> n2\n  n2 --> n0\n",
            ),
        );
    }

    #[test]
    fn a_change_without_a_shape_is_not_drawn() {
        check(&[], None);
        check(&[("a.rs", &["use b;"]), ("bbb.rs", &["x"])], None);
        check(&[("one.rs", &["use two;"]), ("two.rs", &["use one;"])], None);
        let twins: &[(&str, &[&str])] = &[
            ("a/util.rs", &[]),
            ("b/util.rs", &[]),
            ("abc.rs", &["use util;"]),
            ("cde.rs", &["use util;"]),
        ];
        check(twins, None);
    }

    #[test]
    fn labels_cannot_leave_their_quotes() {
        assert_eq!(label("a\"]; click x \"http://e\" <b>"), "a____click_x__http_//e___b_");
        assert_eq!(label(&"x".repeat(100)).chars().count(), MAX_LABEL + 1);
    }
}
