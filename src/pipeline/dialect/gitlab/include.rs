//! `include`: local files are read and laid below the file that names them.

use globset::GlobBuilder;

use super::input;
use super::value::{self, MOST_MERGED, Val, merge};
use crate::pipeline::dialect::Source;
use crate::pipeline::graph::{Pipeline, Span, Unread};
use crate::pipeline::yaml;

/// Most files that are read in; the service's own limit.
const MOST_FILES: usize = 150;

/// The configuration with all local includes below it. What stands in the file wins
/// over what it includes, and a later include over an earlier one.
pub(super) fn expand(source: &Source<'_>, root: Val, pipeline: &mut Pipeline) -> Val {
    let mut trail = vec![source.path.trim_start_matches("./").to_owned()];
    let mut count = 0;
    one(source, root, &mut trail, &mut count, pipeline)
}

fn one(
    source: &Source<'_>,
    root: Val,
    trail: &mut Vec<String>,
    count: &mut usize,
    pipeline: &mut Pipeline,
) -> Val {
    let Some(include) = root.get("include").cloned() else { return root };
    let mut below: Option<Val> = None;
    for part in include.flat() {
        for (path, span) in files(source, part, pipeline) {
            let unread = |why| Unread { what: path.clone(), why, span };
            if trail.contains(&path) || *count >= MOST_FILES {
                pipeline.unread.push(unread("cyclic"));
                continue;
            }
            *count += 1;
            let Some(text) = source.files.read(&path) else {
                pipeline.unread.push(unread("missing"));
                continue;
            };
            let Ok(tree) = yaml::parse(&text) else {
                pipeline.unread.push(unread("broken"));
                continue;
            };
            let known = pipeline.included.iter().position(|known| *known == path);
            let place = known.unwrap_or_else(|| {
                pipeline.included.push(path.clone());
                pipeline.included.len() - 1
            });
            let Ok(file) = u16::try_from(place + 1) else { continue };
            let Some(val) = value::load(&tree, file).filter(Val::is_map) else { continue };
            let given = part.get("inputs").map(Val::entries).unwrap_or_default();
            let val = input::fill(&tree, given, val);
            trail.push(path);
            let val = one(source, val, trail, count, pipeline);
            trail.pop();
            below = Some(match below {
                Some(below) => merge(&below, &val, &mut { MOST_MERGED }),
                None => val,
            });
        }
    }
    match below {
        Some(below) => merge(&below, &root, &mut { MOST_MERGED }),
        None => root,
    }
}

/// The local files that one item of `include` names; what is not local is noted.
fn files(source: &Source<'_>, part: &Val, pipeline: &mut Pipeline) -> Vec<(String, Span)> {
    let mut unread = |what: String, why, span| {
        pipeline.unread.push(Unread { what, why, span });
    };
    let local = match part.filled() {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            unread(url.to_owned(), "remote", part.word);
            return Vec::new();
        }
        Some(_) => Some(part),
        None => part.get("local"),
    };
    let Some(local) = local else {
        for key in ["remote", "template", "component", "project", "artifact"] {
            let Some(value) = part.get(key) else { continue };
            let named = value.written();
            let inside = if key == "project" { part.get("file") } else { None };
            match inside.map(Val::texts) {
                Some(files) if !files.is_empty() => {
                    let version = part.get("ref").and_then(Val::filled);
                    let version = version.map(|name| format!("@{name}")).unwrap_or_default();
                    for file in files {
                        let file = file.trim_start_matches('/');
                        unread(format!("{named}/{file}{version}"), "remote", value.word);
                    }
                }
                _ => unread(named, "remote", value.word),
            }
            break;
        }
        return Vec::new();
    };
    let Some(name) = local.filled() else { return Vec::new() };
    let path = name.trim_start_matches("./").trim_start_matches('/');
    let span = local.word;
    if path.contains('$') {
        unread(name.to_owned(), "computed", span);
        return Vec::new();
    }
    if !path.contains('*') {
        if source.files.exists(path) {
            return vec![(path.to_owned(), span)];
        }
        unread(name.to_owned(), "missing", span);
        return Vec::new();
    }
    let glob = GlobBuilder::new(path).literal_separator(true).build();
    let found: Vec<(String, Span)> = match glob {
        Ok(glob) => {
            let matcher = glob.compile_matcher();
            let paths = source.files.paths().iter().filter(|path| matcher.is_match(path));
            let yaml = paths.filter(|path| path.ends_with(".yml") || path.ends_with(".yaml"));
            yaml.map(|path| (path.clone(), span)).collect()
        }
        Err(_) => Vec::new(),
    };
    if found.is_empty() {
        unread(name.to_owned(), "missing", span);
    }
    found
}
