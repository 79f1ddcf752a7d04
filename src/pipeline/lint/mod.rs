//! What the services refuse, or pass over without a word, though the schema takes it:
//! names that lead nowhere, circles, doubles, values that are not in their lists. A
//! file that was made with an included or generated part out of sight is given the
//! benefit of the doubt.

mod azure;
mod bitbucket;
mod expression;
mod github;
mod gitlab;
mod harness;
pub mod jenkins;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};

use super::File;
use super::dialect::walk::Node;
use super::graph::Span;
use super::platform::Platform;
use super::schema::nearest;

/// Something that the service would refuse or pass over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// What kind it is: `unknown-need`.
    pub slug: &'static str,
    /// Where it stands.
    pub span: Span,
    /// What is wrong, a sentence without its full stop.
    pub message: String,
    /// Tells it from others and is the same wherever it stands.
    pub key: String,
}

/// All of a file, by place.
pub fn problems(file: &File) -> Vec<Lint> {
    let mut found = Found::default();
    let platform = file.pipeline.platform;
    if platform == Platform::Jenkins {
        for (slug, span, message) in jenkins::problems(&file.text, &file.pipeline) {
            found.at(slug, span, message.clone(), &message);
        }
    } else if let Some(root) = Node::root(&file.tree) {
        duplicate_keys(&root, &mut found);
        match platform {
            Platform::GitHub => github::problems(file, &root, &mut found),
            Platform::GitLab => gitlab::problems(file, &root, &mut found),
            Platform::Azure => azure::problems(&root, &mut found),
            Platform::Bitbucket => bitbucket::problems(&root, &mut found),
            Platform::Harness => harness::problems(&root, &mut found),
            Platform::Jenkins => {}
        }
    }
    let mut found = found.0;
    found.sort_by(|a, b| (a.span.start, a.slug, &a.key).cmp(&(b.span.start, b.slug, &b.key)));
    found.dedup();
    found
}

/// What was found so far.
#[derive(Default)]
struct Found(Vec<Lint>);

impl Found {
    /// Notes one. `detail` makes its key: what is named, and where by name.
    fn at(&mut self, slug: &'static str, span: Span, message: String, detail: &str) {
        self.0.push(Lint { slug, span, message, key: format!("{slug}|{detail}") });
    }

    /// Notes that a name is none of those known.
    fn unknown<'a>(
        &mut self,
        slug: &'static str,
        span: Span,
        said: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        // Beyond these nobody reads hints, and each costs a look at all names.
        let hint = (self.0.len() < 200).then(|| nearest(name, known)).flatten();
        let hint = hint.filter(|near| *near != name);
        let hint = hint.map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
        self.at(slug, span, format!("{said}{hint}"), &format!("{said}|{name}"));
    }
}

/// Keys that stand twice in one mapping: the services refuse the file or take one of
/// them in silence.
fn duplicate_keys(root: &Node<'_>, found: &mut Found) {
    let mut todo = vec![root.clone()];
    let mut done = HashSet::new();
    while let Some(node) = todo.pop() {
        if !done.insert(node.resolved()) {
            continue;
        }
        let mut keys: HashSet<&str> = HashSet::new();
        for field in node.fields() {
            // A template's condition may be written as often as one likes.
            let template = field.key.starts_with("${{");
            if !field.merged && !template && !keys.insert(field.key) {
                let span = field.key_span;
                let said = format!("the key `{}` stands twice in the same mapping", field.key);
                found.at("duplicate-key", span, said.clone(), &said);
            }
            todo.push(field.value);
        }
        todo.extend(node.items());
    }
}

/// The nodes of a graph that stand on a circle, the first one met only: by the name of
/// each, the names it waits for. Edges to unknown names are passed over.
fn circle(nodes: &[(String, Vec<String>)]) -> Option<Vec<&str>> {
    let index: HashMap<&str, usize> =
        nodes.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
    // 0: not seen, 1: on the way, 2: done.
    let mut state = vec![0u8; nodes.len()];
    for start in 0..nodes.len() {
        if state[start] != 0 {
            continue;
        }
        let mut way: Vec<(usize, usize)> = vec![(start, 0)];
        state[start] = 1;
        while let Some((at, next)) = way.last_mut() {
            let Some(need) = nodes[*at].1.get(*next) else {
                state[*at] = 2;
                way.pop();
                continue;
            };
            *next += 1;
            let Some(&to) = index.get(need.as_str()) else { continue };
            match state[to] {
                0 => {
                    state[to] = 1;
                    way.push((to, 0));
                }
                1 => {
                    let from = way.iter().position(|(at, _)| *at == to).unwrap_or_default();
                    let names = way[from..].iter().map(|(at, _)| nodes[*at].0.as_str());
                    return Some(names.collect());
                }
                _ => {}
            }
        }
    }
    None
}

/// `` `a` → `b` → `a` ``
fn chain(circle: &[&str]) -> String {
    let names: Vec<String> =
        circle.iter().chain(circle.first()).map(|name| format!("`{name}`")).collect();
    names.join(" → ")
}

/// The names of fields, for suggestions.
fn keys<'t>(node: &Node<'t>) -> BTreeSet<&'t str> {
    node.fields().map(|field| field.key).collect()
}

/// Says which names stand more than once, the later ones.
fn doubles<'t>(
    fields: impl Iterator<Item = (&'t str, Span)>,
    ignore_case: bool,
) -> Vec<(&'t str, Span)> {
    let mut seen: HashSet<String> = HashSet::new();
    let fold = |name: &str| if ignore_case { name.to_ascii_lowercase() } else { name.to_owned() };
    fields.filter(|(name, _)| !seen.insert(fold(name))).collect()
}
