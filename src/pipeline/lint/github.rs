//! GitHub workflows and composite actions.

use std::collections::{BTreeSet, HashMap};

use super::{Found, chain, circle, doubles, expression, keys};
use crate::pipeline::File;
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::Span;

/// Contexts and literals of expressions
/// (<https://docs.github.com/actions/reference/workflows-and-actions/contexts>).
const CONTEXTS: [&str; 17] = [
    "github", "env", "vars", "job", "jobs", "runner", "steps", "secrets", "strategy", "matrix",
    "needs", "inputs", "true", "false", "null", "nan", "infinity",
];

pub(super) fn problems(file: &File, root: &Node<'_>, found: &mut Found) {
    let mut look = Look { text: &file.text, found };
    if let Some(jobs) = root.get("jobs") {
        needs(&jobs, look.found);
        for field in jobs.fields() {
            look.job(field.key, &field.value);
        }
        for key in ["env", "concurrency", "defaults", "run-name"] {
            if let Some(node) = root.get(key) {
                look.names(&node, &Scope::default());
            }
        }
    } else if let Some(steps) = root.get("runs").and_then(|runs| runs.get("steps")) {
        let mut ids = Vec::new();
        look.step_ids("the action", &steps, &mut ids);
        look.names(&steps, &Scope { steps: Some(&ids), ..Scope::default() });
    }
}

/// Names of `needs` that are no jobs, and circles.
fn needs(jobs: &Node<'_>, found: &mut Found) {
    let known = keys(jobs);
    let folded: HashMap<String, &str> =
        known.iter().map(|name| (name.to_ascii_lowercase(), *name)).collect();
    let mut graph = Vec::new();
    for field in jobs.fields() {
        let mut edges = Vec::new();
        for need in field.value.get("needs").map(|node| node.one_or_many()).unwrap_or_default() {
            let Some(name) = need.filled().filter(|name| !name.contains("${{")) else { continue };
            let job = field.key;
            if name.eq_ignore_ascii_case(job) {
                let said = format!("the job `{job}` needs itself");
                found.at("self-need", need.span(), said.clone(), &said);
            } else if let Some(known) = folded.get(&name.to_ascii_lowercase()) {
                edges.push((*known).to_owned());
            } else {
                let said = format!("the job `{job}` needs `{name}`, which is no job here");
                found.unknown("unknown-need", need.span(), &said, name, known.iter().copied());
            }
        }
        graph.push((field.key.to_owned(), edges));
    }
    if let Some(names) = circle(&graph) {
        let field = names.first().and_then(|name| jobs.field(name));
        let span = field.map(|field| field.key_span).unwrap_or_default();
        let said = format!("jobs wait for each other in a circle: {}", chain(&names));
        found.at("need-cycle", span, said.clone(), &said);
    }
}

/// What names may stand for at a place; `None` where it is not known.
#[derive(Default, Clone, Copy)]
struct Scope<'a> {
    /// The job's name.
    job: &'a str,
    needs: Option<&'a [String]>,
    steps: Option<&'a [String]>,
    matrix: Option<&'a BTreeSet<String>>,
}

struct Look<'a, 'f> {
    text: &'a str,
    found: &'f mut Found,
}

impl Look<'_, '_> {
    fn job(&mut self, name: &str, job: &Node<'_>) {
        let needs = job.get("needs").map(|needs| needs.texts()).unwrap_or_default();
        let computed = needs.iter().any(|need| need.contains("${{"));
        let mut ids = Vec::new();
        if let Some(steps) = job.get("steps") {
            self.step_ids(&format!("the job `{name}`"), &steps, &mut ids);
        }
        let matrix = matrix_keys(job);
        let scope = Scope {
            job: name,
            needs: (!computed).then_some(&needs),
            steps: job.get("steps").is_some().then_some(&ids),
            matrix: matrix.as_ref(),
        };
        self.names(job, &scope);
    }

    fn step_ids(&mut self, owner: &str, steps: &Node<'_>, ids: &mut Vec<String>) {
        let mut all = Vec::new();
        collect_ids(steps, &mut all);
        for (id, span) in doubles(all.iter().copied(), true) {
            let said = format!("two steps of {owner} have the id `{id}`");
            self.found.at("duplicate-step-id", span, said.clone(), &said);
        }
        ids.extend(all.iter().map(|(id, _)| (*id).to_owned()));
    }

    /// Looks at the expressions of every scalar below.
    fn names(&mut self, node: &Node<'_>, scope: &Scope<'_>) {
        self.below(node, false, scope);
    }

    fn below(&mut self, node: &Node<'_>, condition: bool, scope: &Scope<'_>) {
        for field in node.fields() {
            self.below(&field.value, field.key == "if", scope);
        }
        for item in node.items() {
            self.below(&item, false, scope);
        }
        let Some(text) = node.filled().filter(|_| !node.is_map() && !node.is_seq()) else {
            return;
        };
        let (expressions, open) = expression::inside(text);
        if let Some(at) = open {
            let rest: String = text.get(at..).unwrap_or_default().chars().take(40).collect();
            let rest = rest.lines().next().unwrap_or_default();
            let said = format!("the expression `{rest}` is not closed with `}}}}`");
            self.found.at("open-expression", self.place(node, rest), said.clone(), &said);
        }
        if condition && expressions.is_empty() && open.is_none() {
            self.expression(node, text, scope);
        }
        for (_, code) in expressions {
            self.expression(node, code, scope);
        }
    }

    /// Where a part of a scalar's text stands, if it is written there as it reads.
    fn place(&self, node: &Node<'_>, part: &str) -> Span {
        let word = node.word();
        let source = self.text.get(word.range()).unwrap_or_default();
        match source.find(part) {
            Some(at) if !part.is_empty() => {
                let start = word.start as usize + at;
                Span::new(start..start + part.len())
            }
            _ => node.span(),
        }
    }

    fn expression(&mut self, node: &Node<'_>, code: &str, scope: &Scope<'_>) {
        for name in expression::names(code) {
            let lower = name.context.to_ascii_lowercase();
            let job = scope.job;
            let said = |known: &dyn Fn(&str) -> bool| {
                name.member.filter(|member| *member != "*" && !known(member))
            };
            let place = || self.place(node, code.get(name.at..).unwrap_or_default().trim_end());
            match lower.as_str() {
                "needs" => {
                    let Some(needs) = scope.needs else { continue };
                    let known = |member: &str| needs.iter().any(|n| n.eq_ignore_ascii_case(member));
                    let Some(member) = said(&known) else { continue };
                    let span = place();
                    let said = format!(
                        "the job `{job}` reads `needs.{member}` and does not need `{member}`: it is always empty"
                    );
                    self.found.at("unneeded-output", span, said.clone(), &said);
                }
                "steps" => {
                    let Some(ids) = scope.steps else { continue };
                    let known = |member: &str| ids.iter().any(|id| id.eq_ignore_ascii_case(member));
                    let Some(member) = said(&known) else { continue };
                    let span = place();
                    let said =
                        format!("`steps.{member}` is always empty: no step here has this id");
                    let ids = ids.iter().map(String::as_str);
                    self.found.unknown("unknown-step-id", span, &said, member, ids);
                }
                "matrix" => {
                    let Some(axes) = scope.matrix else { continue };
                    let known =
                        |member: &str| axes.iter().any(|axis| axis.eq_ignore_ascii_case(member));
                    let Some(member) = said(&known) else { continue };
                    let span = place();
                    let said = format!(
                        "`matrix.{member}` is always empty: the matrix of the job `{job}` has no such key"
                    );
                    let axes = axes.iter().map(String::as_str);
                    self.found.unknown("unknown-matrix-key", span, &said, member, axes);
                }
                _ if CONTEXTS.contains(&lower.as_str()) => {}
                _ => {
                    let span = place();
                    let said = format!("`{}` is no context of expressions", name.context);
                    let known = CONTEXTS.iter().copied();
                    self.found.unknown("unknown-context", span, &said, name.context, known);
                }
            }
        }
    }
}

fn collect_ids<'t>(steps: &Node<'t>, ids: &mut Vec<(&'t str, Span)>) {
    for step in steps.items() {
        if let Some(id) = step.get("id")
            && let Some(text) = id.filled()
        {
            ids.push((text, id.span()));
        }
        if let Some(group) = step.get("parallel") {
            collect_ids(&group, ids);
        }
    }
}

/// A job's matrix keys; empty where it has no matrix, `None` where they are computed.
fn matrix_keys(job: &Node<'_>) -> Option<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    let Some(strategy) = job.get("strategy") else { return Some(known) };
    if !strategy.is_map() {
        return None;
    }
    let Some(matrix) = strategy.get("matrix") else { return Some(known) };
    if !matrix.is_map() {
        return None;
    }
    for field in matrix.fields() {
        match field.key {
            "exclude" => {}
            "include" if !field.value.is_seq() => return None,
            "include" => {
                for item in field.value.items() {
                    if !item.is_map() {
                        return None;
                    }
                    known.extend(item.fields().map(|field| field.key.to_owned()));
                }
            }
            key => {
                known.insert(key.to_owned());
            }
        }
    }
    Some(known)
}
