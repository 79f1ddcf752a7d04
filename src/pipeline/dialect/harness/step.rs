//! Steps of a Harness stage, groups and parallel ones laid out in order.

use super::super::walk::{Field, Node};
use super::stage::{condition, passes, status};
use crate::pipeline::graph::{Access, At, Job, Phase, Resource, Script, Step, Use, Variable};

/// Where scripts stand, by the keys below a step's `spec`.
const SCRIPTS: [&[&str]; 3] = [&["command"], &["script"], &["source", "spec", "script"]];

/// Adds the steps of a list. `around` is the condition of the group they stand in.
pub(super) fn list<'t>(
    list: &Node<'t>,
    phase: Phase,
    around: Option<&At<String>>,
    steps: &mut Vec<Step>,
    unread: &mut Vec<Node<'t>>,
) {
    for item in list.items() {
        for field in item.fields() {
            match field.key {
                "step" => steps.push(step(&field, &item, phase, around, unread)),
                "parallel" => self::list(&field.value, phase, around, steps, unread),
                "stepGroup" => group(&field, &item, phase, around, steps, unread),
                _ => {}
            }
        }
    }
}

fn group<'t>(
    field: &Field<'t>,
    item: &Node<'t>,
    phase: Phase,
    around: Option<&At<String>>,
    steps: &mut Vec<Step>,
    unread: &mut Vec<Node<'t>>,
) {
    let node = &field.value;
    let own = condition(node, "stageStatus");
    let around = own.as_ref().or(around);
    let phase = turn(node, phase);
    if node.field("template").is_some() {
        steps.push(step(field, item, phase, around, unread));
        return;
    }
    let from = steps.len();
    for (key, phase) in [("steps", phase), ("rollbackSteps", Phase::Failure)] {
        if let Some(inner) = node.get(key) {
            list(&inner, phase, around, steps, unread);
        }
    }
    if passes(node) {
        for step in steps.iter_mut().skip(from) {
            step.soft_fail = true;
        }
    }
}

/// When a step has its turn, by the state it asks for.
fn turn(node: &Node<'_>, phase: Phase) -> Phase {
    match (phase, status(node, "stageStatus")) {
        (Phase::Main, Some("Failure")) => Phase::Failure,
        (Phase::Main, Some("All")) => Phase::Always,
        (phase, _) => phase,
    }
}

fn step<'t>(
    field: &Field<'t>,
    item: &Node<'t>,
    phase: Phase,
    around: Option<&At<String>>,
    unread: &mut Vec<Node<'t>>,
) -> Step {
    let node = &field.value;
    let text = |key: &str| node.get(key).and_then(|node| node.filled().map(str::to_owned));
    let span = if item.span().end > item.span().start { item.span() } else { field.span() };
    let mut step = Step::new(span, node.path());
    step.id = text("identifier");
    step.name = text("name");
    step.phase = turn(node, phase);
    step.condition = condition(node, "stageStatus").or_else(|| around.cloned());
    step.soft_fail = passes(node);
    if let Some(template) = node.get("template") {
        let named = template.get("templateRef").unwrap_or_else(|| template.clone());
        let mut inputs = Vec::new();
        for field in template.get("templateInputs").iter().flat_map(Node::fields) {
            flatten(&field.value, field.key.to_owned(), &mut inputs);
        }
        step.uses = Some(Use {
            name: named.written(),
            version: template.get("versionLabel").and_then(|node| node.filled().map(str::to_owned)),
            inputs,
            span: named.span(),
        });
        unread.push(template);
        return step;
    }
    let spec = node.get("spec");
    if let Some(kind) = node.get("type") {
        let mut inputs = Vec::new();
        // Scripts and variables have places of their own.
        let own = ["command", "script", "source", "envVariables", "environmentVariables"];
        for field in spec.iter().flat_map(Node::fields).filter(|one| !own.contains(&one.key)) {
            flatten(&field.value, field.key.to_owned(), &mut inputs);
        }
        let name = kind.filled().unwrap_or_default().to_owned();
        step.uses = Some(Use { name, version: None, inputs, span: kind.span() });
    }
    if let Some(spec) = &spec {
        step.script = script(spec);
        step.env = environment(spec);
    }
    step
}

fn script(spec: &Node<'_>) -> Option<Script> {
    let found = SCRIPTS.iter().find_map(|keys| {
        let mut node = spec.clone();
        for key in *keys {
            node = node.get(key)?;
        }
        node.filled().is_some().then_some(node)
    })?;
    let shell = spec.get("shell").and_then(|node| node.filled().map(str::to_ascii_lowercase));
    Some(Script {
        text: found.text().unwrap_or_default().to_owned(),
        shell,
        span: found.span(),
        path: found.path(),
    })
}

/// Variables of a step: a mapping, or a list of names with values.
fn environment(spec: &Node<'_>) -> Vec<Variable> {
    let mut found = Vec::new();
    for section in ["envVariables", "environmentVariables"].into_iter().filter_map(|k| spec.get(k))
    {
        for field in section.fields() {
            let (value, span) = (field.value.written(), field.value.span());
            found.push(Variable { name: field.key.to_owned(), value, span });
        }
        for item in section.items() {
            let Some(name) = item.get("name").and_then(|node| node.filled()) else { continue };
            let value = item.get("value").unwrap_or_else(|| item.clone());
            let (value, span) = (value.text().unwrap_or_default().to_owned(), value.span());
            found.push(Variable { name: name.to_owned(), value, span });
        }
    }
    found
}

/// Inputs with their keys joined by dots; of a list of words, one a line.
fn flatten(node: &Node<'_>, key: String, inputs: &mut Vec<(String, At<String>)>) {
    if let Some(text) = node.text() {
        inputs.push((key, At { value: text.to_owned(), span: node.span() }));
    } else if node.is_seq() {
        let words: Option<Vec<&str>> = node.items().map(|item| item.text()).collect();
        match words {
            Some(words) => inputs.push((key, At { value: words.join("\n"), span: node.span() })),
            None => {
                for (index, item) in node.items().enumerate() {
                    flatten(&item, format!("{key}.{index}"), inputs);
                }
            }
        }
    } else {
        for field in node.fields() {
            flatten(&field.value, format!("{key}.{}", field.key), inputs);
        }
    }
}

/// What the steps leave for other stages: output variables, and caches by their key.
pub(super) fn handed_on(job: &mut Job, stage: &Node<'_>) {
    let mut writes: Vec<Access> = Vec::new();
    let mut reads: Vec<Access> = Vec::new();
    for step in &job.steps {
        let Some(used) = &step.uses else { continue };
        let id = step.id.as_deref().unwrap_or_default();
        for (key, at) in &used.inputs {
            let variable = key
                .strip_prefix("outputVariables.")
                .filter(|rest| rest.ends_with(".name"))
                .map(|_| at.value.as_str());
            for name in variable.into_iter() {
                let what = Resource::Output(job.id.clone(), format!("{id}.{name}"));
                writes.push(Access { what, span: at.span });
            }
            if key == "outputVariables" {
                for name in at.value.lines() {
                    let what = Resource::Output(job.id.clone(), format!("{id}.{name}"));
                    writes.push(Access { what, span: at.span });
                }
            }
            if key == "key" && used.name.starts_with("SaveCache") {
                let what = Resource::Cache(at.value.clone());
                writes.push(Access { what, span: at.span });
            }
            if key == "key" && used.name.starts_with("RestoreCache") {
                let what = Resource::Cache(at.value.clone());
                reads.push(Access { what, span: at.span });
            }
        }
    }
    // What a called pipeline hands on: `outputs: [{name, value}]`.
    let outputs = stage.get("spec").and_then(|spec| spec.get("outputs"));
    for item in outputs.iter().flat_map(Node::items) {
        let Some(name) = item.get("name").and_then(|node| node.at()) else { continue };
        let value = item.get("value").map(|node| node.written()).unwrap_or_default();
        let what = Resource::Output(job.id.clone(), name.value.clone());
        writes.push(Access { what, span: name.span });
        job.outputs.push((name.value, value));
    }
    job.writes.extend(writes);
    job.reads.extend(reads);
}
