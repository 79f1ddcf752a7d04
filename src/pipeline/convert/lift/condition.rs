//! Conditions: of each dialect what is said of branches, tags, changes, results and
//! variables. What is not known stays a word of its platform.

mod groovy;
mod parse;
mod rules;

use super::Lift;
use crate::pipeline::Platform;
use crate::pipeline::graph::{At, Span};
use crate::pipeline::portable::{Condition, Foreign, Part, Text};

use crate::pipeline::convert::rewrite::{Place, rewrite};
use crate::pipeline::convert::variables::{self, Role};
use parse::Node;

/// A condition, or that it always holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Holds {
    /// It always holds.
    Always,
    /// When this does.
    When(Condition),
}

impl Holds {
    /// As the portable pipeline says it.
    pub fn condition(self) -> Option<Condition> {
        match self {
            Holds::Always => None,
            Holds::When(condition) => Some(condition),
        }
    }

    fn not(self, lift: &Lift<'_>, text: &str, span: Span) -> Holds {
        match self {
            Holds::When(Condition::Not(inner)) => Holds::When(*inner),
            Holds::When(inner) => Holds::When(Condition::Not(Box::new(inner))),
            Holds::Always => Holds::When(foreign(lift, &format!("!({text})"), span)),
        }
    }
}

/// All of them.
pub fn all(list: Vec<Holds>) -> Holds {
    let mut out: Vec<Condition> = Vec::new();
    for one in list {
        match one {
            Holds::Always => {}
            Holds::When(Condition::All(inner)) => out.extend(inner),
            Holds::When(condition) => out.push(condition),
        }
    }
    out.dedup();
    match out.len() {
        0 => Holds::Always,
        1 => out.pop().map_or(Holds::Always, Holds::When),
        _ => Holds::When(Condition::All(out)),
    }
}

/// One of them; of none, it never holds and is said to always do.
pub fn any(list: Vec<Holds>) -> Holds {
    let mut out: Vec<Condition> = Vec::new();
    for one in list {
        match one {
            Holds::Always => return Holds::Always,
            Holds::When(Condition::Any(inner)) => out.extend(inner),
            Holds::When(condition) => out.push(condition),
        }
    }
    out.dedup();
    match out.len() {
        0 => Holds::Always,
        1 => out.pop().map_or(Holds::Always, Holds::When),
        _ => Holds::When(Condition::Any(out)),
    }
}

/// A condition of a job or step, as its dialect says it.
pub fn lift(lift: &Lift<'_>, job: Option<usize>, at: &At<String>) -> Holds {
    let text = at.value.trim();
    match lift.from() {
        Platform::GitHub => {
            let text = text.strip_prefix("${{").and_then(|t| t.strip_suffix("}}")).unwrap_or(text);
            expression(lift, job, text.trim(), at.span)
        }
        Platform::Azure | Platform::Harness => expression(lift, job, text, at.span),
        Platform::GitLab => rules::read(lift, job, text, at.span),
        Platform::Jenkins => groovy::read(lift, job, text, at.span),
        Platform::Bitbucket => changesets(lift, text, at.span),
    }
}

/// An expression of the dialect.
fn expression(lift: &Lift<'_>, job: Option<usize>, text: &str, span: Span) -> Holds {
    match parse::parse(text) {
        Some(node) => of(lift, job, &node, span),
        None => Holds::When(foreign(lift, text, span)),
    }
}

fn of(lift: &Lift<'_>, job: Option<usize>, node: &Node, span: Span) -> Holds {
    let each = |nodes: &[Node]| nodes.iter().map(|one| of(lift, job, one, span)).collect();
    match node {
        Node::And(nodes) => all(each(nodes)),
        Node::Or(nodes) => any(each(nodes)),
        Node::Not(inner) => match &**inner {
            Node::Call(name, _) if name.eq_ignore_ascii_case("cancelled") => {
                Holds::When(Condition::Always)
            }
            inner => of(lift, job, inner, span).not(lift, &inner.written(), span),
        },
        Node::Call(name, args) => call(lift, job, name, args, node, span),
        Node::Equal(left, right, same) => {
            let (left, right) =
                if matches!(**left, Node::Text(_)) { (right, left) } else { (left, right) };
            let holds = equal(lift, job, left, right, span)
                .unwrap_or_else(|| Holds::When(foreign(lift, &node.written(), span)));
            match (same, &holds) {
                (true, _) | (false, Holds::When(Condition::Foreign(_))) => holds,
                (false, Holds::Always) => Holds::When(foreign(lift, &node.written(), span)),
                (false, _) => holds.not(lift, &node.written(), span),
            }
        }
        Node::Matches(left, pattern, same) => {
            let kind = match &**left {
                Node::Name(name) => variables::role(lift.from(), name),
                _ => None,
            };
            let globs = globs(pattern);
            let holds = match (kind, globs) {
                (Some(Role::Tag), Some(globs)) => {
                    any(globs.into_iter().map(|g| Holds::When(Condition::Tag(g))).collect())
                }
                (Some(Role::Branch | Role::RefName), Some(globs)) => {
                    any(globs.into_iter().map(|g| Holds::When(Condition::Branch(g))).collect())
                }
                _ => return Holds::When(foreign(lift, &node.written(), span)),
            };
            if *same { holds } else { holds.not(lift, &node.written(), span) }
        }
        Node::Name(name) => truth(lift, job, name, span),
        Node::Text(text) => match text.as_str() {
            "true" => Holds::Always,
            _ => Holds::When(foreign(lift, text, span)),
        },
    }
}

/// A name that stands for itself: a tag is there, an input is true.
fn truth(lift: &Lift<'_>, job: Option<usize>, name: &str, span: Span) -> Holds {
    match variables::role(lift.from(), name) {
        Some(Role::Tag) => return Holds::When(Condition::Tag("*".to_owned())),
        Some(Role::Branch) if lift.from() == Platform::GitLab => {
            return Holds::When(Condition::Push);
        }
        Some(Role::Change | Role::Source | Role::Target) => {
            return Holds::When(Condition::Change);
        }
        _ => {}
    }
    match name {
        "true" => return Holds::Always,
        "CI_MERGE_REQUEST_ID" => return Holds::When(Condition::Change),
        _ => {}
    }
    match part(lift, job, name) {
        Some(part @ (Part::Input(_) | Part::Output(..) | Part::Matrix(_))) => {
            Holds::When(Condition::Equals(part, "true".to_owned()))
        }
        _ => Holds::When(foreign(lift, name, span)),
    }
}

fn call(
    lift: &Lift<'_>,
    job: Option<usize>,
    name: &str,
    args: &[Node],
    node: &Node,
    span: Span,
) -> Holds {
    let each = |nodes: &[Node]| nodes.iter().map(|one| of(lift, job, one, span)).collect();
    let unknown = || Holds::When(foreign(lift, &node.written(), span));
    match (name.to_ascii_lowercase().as_str(), args) {
        ("success" | "succeeded", []) => Holds::Always,
        ("always" | "succeededorfailed", []) => Holds::When(Condition::Always),
        ("failure" | "failed", []) => Holds::When(Condition::OnFailure),
        ("and", args) => all(each(args)),
        ("or", args) => {
            let each: Vec<Holds> = each(args);
            let success = each.contains(&Holds::Always);
            if success && each.iter().any(|one| *one != Holds::Always) {
                let said: Vec<String> = args.iter().map(Node::written).collect();
                lift.lose(
                    format!("a part of the condition `or({})`", said.join(", ")),
                    "What it allows beside success is left out: it runs when all before it succeeded",
                    lift.line(span),
                );
            }
            any(each)
        }
        ("not", [one]) => match one {
            Node::Call(name, _) if name.eq_ignore_ascii_case("canceled") => {
                Holds::When(Condition::Always)
            }
            one => of(lift, job, one, span).not(lift, &one.written(), span),
        },
        ("eq" | "ne", [left, right]) => of(
            lift,
            job,
            &Node::Equal(
                Box::new(left.clone()),
                Box::new(right.clone()),
                name.eq_ignore_ascii_case("eq"),
            ),
            span,
        ),
        ("in", [left, rest @ ..]) => any(rest
            .iter()
            .map(|right| {
                let one = Node::Equal(Box::new(left.clone()), Box::new(right.clone()), true);
                of(lift, job, &one, span)
            })
            .collect()),
        ("startswith", [Node::Name(left), Node::Text(start)]) => {
            let start = start.as_str();
            match variables::role(lift.from(), left) {
                Some(Role::Ref) => {
                    if let Some(tag) = start.strip_prefix("refs/tags/") {
                        Holds::When(Condition::Tag(format!("{tag}*")))
                    } else if let Some(branch) = start.strip_prefix("refs/heads/") {
                        Holds::When(match branch {
                            "" => Condition::Not(Box::new(Condition::Tag("*".to_owned()))),
                            branch => Condition::Branch(format!("{branch}**")),
                        })
                    } else if start.starts_with("refs/pull") {
                        Holds::When(Condition::Change)
                    } else {
                        unknown()
                    }
                }
                Some(Role::Branch | Role::RefName) => {
                    Holds::When(Condition::Branch(format!("{start}**")))
                }
                Some(Role::Tag) => Holds::When(Condition::Tag(format!("{start}*"))),
                _ => unknown(),
            }
        }
        _ => unknown(),
    }
}

fn equal(
    lift: &Lift<'_>,
    job: Option<usize>,
    left: &Node,
    right: &Node,
    span: Span,
) -> Option<Holds> {
    let Node::Name(name) = left else { return None };
    let role = variables::role(lift.from(), name);
    if let Node::Name(other) = right {
        let other = variables::role(lift.from(), other);
        let default = other == Some(Role::DefaultBranch)
            && matches!(role, Some(Role::Branch | Role::RefName));
        if default {
            return Some(Holds::When(Condition::DefaultBranch));
        }
        if matches!(right, Node::Name(word) if word == "null") {
            return match truth(lift, job, name, span) {
                Holds::When(Condition::Foreign(_)) | Holds::Always => None,
                holds => Some(holds.not(lift, name, span)),
            };
        }
    }
    let value = match right {
        Node::Text(text) => text.as_str(),
        Node::Name(word) if matches!(word.as_str(), "true" | "false") => word,
        _ => return None,
    };
    let made = match role {
        Some(Role::Ref) => {
            if let Some(branch) = value.strip_prefix("refs/heads/") {
                Condition::Branch(branch.to_owned())
            } else {
                Condition::Tag(value.strip_prefix("refs/tags/")?.to_owned())
            }
        }
        Some(Role::Branch | Role::RefName) => {
            Condition::Branch(value.trim_start_matches("refs/heads/").to_owned())
        }
        Some(Role::Tag) if value.is_empty() => {
            Condition::Not(Box::new(Condition::Tag("*".to_owned())))
        }
        Some(Role::Tag) => Condition::Tag(value.to_owned()),
        Some(Role::Event) => event(value)?,
        Some(Role::FullRepository | Role::Owner | Role::Repository) => {
            // It holds wherever the pipeline belongs.
            lift.lose(
                format!("the condition that the repository is `{value}`"),
                "It is taken to hold where the file lies now",
                lift.line(span),
            );
            return Some(Holds::Always);
        }
        Some(_) => return None,
        // A job's result: what is not success is a failure before.
        None if name.starts_with("needs.") && name.ends_with(".result")
            || name.ends_with("currentResult")
            || name == "agent.jobstatus"
            || name.ends_with("currentStatus") =>
        {
            match value.to_ascii_lowercase().as_str() {
                "success" | "succeeded" => {
                    return Some(Holds::When(Condition::Not(Box::new(Condition::OnFailure))));
                }
                "failure" | "failed" => Condition::OnFailure,
                _ => return None,
            }
        }
        None if name.eq_ignore_ascii_case("github.ref_type") => match value {
            "tag" => Condition::Tag("*".to_owned()),
            _ => Condition::Not(Box::new(Condition::Tag("*".to_owned()))),
        },
        None => match part(lift, job, name)? {
            part @ (Part::Input(_) | Part::Output(..) | Part::Matrix(_) | Part::Variable(_)) => {
                Condition::Equals(part, value.to_owned())
            }
            _ => return None,
        },
    };
    Some(Holds::When(made))
}

/// Words for what set a run off.
fn event(word: &str) -> Option<Condition> {
    Some(match word.to_ascii_lowercase().as_str() {
        "push" | "individualci" | "batchedci" => Condition::Push,
        "pull_request" | "merge_request_event" | "pullrequest" | "pr" => Condition::Change,
        "schedule" | "scheduled" | "scheduler_cron" | "cron" => Condition::Schedule,
        "workflow_dispatch" | "web" | "manual" => Condition::Manual,
        "release" | "tag" => Condition::Tag("*".to_owned()),
        _ => return None,
    })
}

/// The reference that a name stands for.
fn part(lift: &Lift<'_>, job: Option<usize>, name: &str) -> Option<Part> {
    if lift.from() == Platform::Azure && lift.defined(job, name) && !lift.axis(job, name) {
        return Some(Part::Variable(crate::pipeline::portable::write::context::identifier(name)));
    }
    let written = match lift.from() {
        Platform::GitHub => format!("${{{{ {name} }}}}"),
        Platform::Azure if name.contains('.') || name.contains('[') => format!("$[ {name} ]"),
        Platform::Azure => format!("$({name})"),
        Platform::Harness => format!("<+{name}>"),
        Platform::Jenkins => format!("${{{name}}}"),
        Platform::GitLab if name.starts_with("inputs.") => format!("$[[ {name} ]]"),
        Platform::GitLab | Platform::Bitbucket => {
            return lift.defined(job, name).then(|| Part::Variable(name.to_owned())).or_else(
                || {
                    if variables::is_predefined(lift.from(), name) {
                        return None;
                    }
                    lift.set_elsewhere(name);
                    Some(Part::Variable(name.to_owned()))
                },
            );
        }
    };
    let text: Text = rewrite(lift, job, &written, Place::Value);
    match text.0.as_slice() {
        [part @ (Part::Foreign(..) | Part::Literal(_))] => {
            let _ = part;
            None
        }
        [part] => Some(part.clone()),
        _ => None,
    }
}

/// A condition that is kept as it is.
pub fn foreign(lift: &Lift<'_>, text: &str, span: Span) -> Condition {
    let short: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = short.chars().take(120).collect();
    Condition::Foreign(Foreign {
        platform: lift.from(),
        what: format!("the condition `{short}`"),
        text: text.to_owned(),
        line: lift.line(span),
    })
}

/// Whether a part of it stays a word of its platform.
pub fn has_foreign(condition: &Condition) -> bool {
    match condition {
        Condition::Foreign(_) => true,
        Condition::Not(inner) => has_foreign(inner),
        Condition::All(inner) | Condition::Any(inner) => inner.iter().any(has_foreign),
        _ => false,
    }
}

/// Bitbucket's `condition`: changed files, as the graph writes it.
fn changesets(lift: &Lift<'_>, text: &str, span: Span) -> Holds {
    let paths = serde_json::from_str::<serde_json::Value>(text).ok().and_then(|value| {
        let list = value.get("changesets")?.get("includePaths")?.as_array()?.clone();
        Some(list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect::<Vec<_>>())
    });
    match paths {
        Some(paths) if !paths.is_empty() => Holds::When(Condition::Paths(paths)),
        _ => Holds::When(foreign(lift, text, span)),
    }
}

/// A simple pattern's globs: `^v\d+\.\d+$`, `^(main|develop)$`, `^release/`.
fn globs(pattern: &str) -> Option<Vec<String>> {
    let inner = pattern.trim().trim_start_matches('/');
    let inner = inner.strip_suffix("/i").or_else(|| inner.strip_suffix('/')).unwrap_or(inner);
    if let Some(group) = inner.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$"))
        && !group.contains(['(', ')'])
    {
        return group.split('|').map(|one| glob(&format!("^{one}$"))).collect();
    }
    if !inner.contains(['(', ')']) {
        return inner.split('|').map(glob).collect();
    }
    glob(inner).map(|one| vec![one])
}

fn glob(pattern: &str) -> Option<String> {
    let start = pattern.starts_with('^');
    let end = pattern.ends_with('$') && !pattern.ends_with("\\$");
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').filter(|_| end).unwrap_or(inner);
    let mut inner = inner.to_owned();
    for any in ["[0-9]+", "[0-9]*", "\\d+", "\\d*", "\\w+", "\\S+", ".+", ".*", "[0-9]", "\\d"] {
        inner = inner.replace(any, "\u{1}");
    }
    let inner = inner.replace("\\.", ".\u{2}").replace("\\/", "/").replace("\\-", "-");
    let mut out = String::from(if start { "" } else { "**" });
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1}' => out.push('*'),
            '.' if chars.peek() == Some(&'\u{2}') => {
                chars.next();
                out.push('.');
            }
            c if c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_') => out.push(c),
            _ => return None,
        }
    }
    if !end && !out.ends_with("**") {
        out.push_str(if out.ends_with('*') { "*" } else { "**" });
    }
    Some(out)
}
