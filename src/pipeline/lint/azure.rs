//! Azure Pipelines. Names are compared without case; where a template or an expression
//! stands among siblings, names that lead nowhere are taken to lead there.

use std::collections::HashSet;

use super::{Found, chain, circle, doubles};
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::Span;

pub(super) fn problems(root: &Node<'_>, found: &mut Found) {
    if let Some(stages) = get(root, "stages") {
        let group = Group::read(&stages, &["stage"]);
        group.check("stage", found);
        for (at, stage) in group.nodes.iter().enumerate() {
            if let Some(jobs) = get(&stage.node, "jobs") {
                self::jobs(&jobs, found);
                if !group.open {
                    upstream(&group, at, &jobs, found);
                }
            }
        }
    }
    if let Some(jobs) = get(root, "jobs") {
        self::jobs(&jobs, found);
    }
    conditions(root, found);
}

fn jobs(jobs: &Node<'_>, found: &mut Found) {
    Group::read(jobs, &["job", "deployment"]).check("job", found);
}

fn get<'t>(node: &Node<'t>, key: &str) -> Option<Node<'t>> {
    node.fields().find(|field| field.key.eq_ignore_ascii_case(key)).map(|field| field.value)
}

/// Whether a text is only known when the pipeline runs.
fn computed(text: &str) -> bool {
    text.contains("${{") || text.contains("$(") || text.contains("$[")
}

/// A stage or a job.
struct Named<'t> {
    node: Node<'t>,
    name: Option<(&'t str, Span)>,
    /// What it waits for, where that is written.
    needs: Option<Vec<(&'t str, Span)>>,
}

/// Siblings that may wait for each other.
struct Group<'t> {
    nodes: Vec<Named<'t>>,
    /// Whether some of them are not known.
    open: bool,
}

impl<'t> Group<'t> {
    fn read(list: &Node<'t>, keys: &[&str]) -> Self {
        let mut group = Group { nodes: Vec::new(), open: !list.is_seq() };
        for item in list.items() {
            let name = keys.iter().find_map(|key| get(&item, key));
            let template = item.fields().any(|field| field.key.starts_with("${{"));
            let Some(name) = name.filter(|_| !template) else {
                group.open = true;
                continue;
            };
            let text = name.filled().filter(|text| !computed(text));
            group.open |= name.filled().is_some_and(computed);
            let needs = get(&item, "dependsOn").map(|needs| {
                needs
                    .one_or_many()
                    .iter()
                    .filter_map(|need| Some((need.filled()?, need.span())))
                    .collect()
            });
            group.nodes.push(Named {
                node: item,
                name: text.map(|text| (text, name.span())),
                needs,
            });
        }
        group
    }

    fn check(&self, kind: &str, found: &mut Found) {
        let names = || self.nodes.iter().filter_map(|node| node.name);
        for (name, span) in doubles(names(), true) {
            let said = format!("two {kind}s have the name `{name}`");
            found.at("duplicate-name", span, said.clone(), &said);
        }
        for (name, span) in names() {
            let mut bytes = name.bytes();
            let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
            if !first || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                let said = format!(
                    "the {kind} name `{name}` may only have letters, digits and underscores, and no digit in front"
                );
                found.at("bad-name", span, said.clone(), &said);
            }
        }
        let known: HashSet<String> = names().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let mut graph = Vec::new();
        for node in &self.nodes {
            let own = node.name.map_or("", |(name, _)| name);
            let mut edges = Vec::new();
            for (need, span) in node.needs.iter().flatten() {
                if computed(need) {
                    continue;
                }
                if need.eq_ignore_ascii_case(own) {
                    let said = format!("the {kind} `{own}` depends on itself");
                    found.at("self-need", *span, said.clone(), &said);
                } else if known.contains(&need.to_ascii_lowercase()) {
                    edges.push(need.to_ascii_lowercase());
                } else if !self.open {
                    let said =
                        format!("the {kind} `{own}` depends on `{need}`, which is no {kind} here");
                    let known = names().map(|(name, _)| name);
                    found.unknown("unknown-need", *span, &said, need, known);
                }
            }
            if !own.is_empty() {
                graph.push((own.to_ascii_lowercase(), edges));
            }
        }
        if let Some(circle) = circle(&graph) {
            let first = circle.first().copied().unwrap_or_default();
            let span = names().find(|(name, _)| name.eq_ignore_ascii_case(first));
            let said = format!("{kind}s wait for each other in a circle: {}", chain(&circle));
            found.at(
                "need-cycle",
                span.map(|(_, span)| span).unwrap_or_default(),
                said.clone(),
                &said,
            );
        }
    }
}

/// Stages whose outputs are read and that are not depended on: the value is empty.
fn upstream(group: &Group<'_>, at: usize, jobs: &Node<'_>, found: &mut Found) {
    let Some(stage) = group.nodes.get(at) else { return };
    let own = stage.name.map_or("", |(name, _)| name);
    let before = at.checked_sub(1).and_then(|at| group.nodes.get(at)).and_then(|node| node.name);
    let needs: Vec<&str> = match &stage.needs {
        Some(needs) => needs.iter().map(|(name, _)| *name).collect(),
        None => before.iter().map(|(name, _)| *name).collect(),
    };
    if needs.iter().any(|need| computed(need)) {
        return;
    }
    each_scalar(jobs, None, &mut |node, text, _| {
        for rest in text.split("stageDependencies.").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if !name.is_empty() && !needs.iter().any(|need| need.eq_ignore_ascii_case(name)) {
                let said = format!(
                    "the stage `{own}` reads outputs of the stage `{name}` and does not depend on it: they are empty"
                );
                found.at("unneeded-output", node.span(), said.clone(), &said);
            }
        }
    });
}

/// Conditions whose brackets or quotes do not close.
fn conditions(root: &Node<'_>, found: &mut Found) {
    each_scalar(root, None, &mut |node, text, key| {
        if key.is_some_and(|key| key.eq_ignore_ascii_case("condition")) && !balanced(text) {
            let said = format!("the brackets or quotes of the condition `{text}` do not close");
            found.at("unbalanced-condition", node.span(), said.clone(), &said);
        }
    });
}

fn balanced(text: &str) -> bool {
    let (mut depth, mut quoted) = (0i32, false);
    for byte in text.bytes() {
        match byte {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && !quoted
}

/// Calls `visit` with every scalar below, its text and the key it stands under.
fn each_scalar<'t>(
    node: &Node<'t>,
    key: Option<&str>,
    visit: &mut dyn FnMut(&Node<'t>, &str, Option<&str>),
) {
    if node.is_map() {
        for field in node.fields() {
            // Inputs of tasks and templates mean what these say.
            if !matches!(field.key, "inputs" | "parameters") {
                each_scalar(&field.value, Some(field.key), visit);
            }
        }
    } else if node.is_seq() {
        for item in node.items() {
            each_scalar(&item, key, visit);
        }
    } else if let Some(text) = node.filled() {
        visit(node, text, key);
    }
}
