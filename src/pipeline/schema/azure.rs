//! Azure's tasks: the inputs of those that the schema knows. Others come from
//! extensions and take what they take.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::message::nearest;
use super::{Problem, load};
use crate::pipeline::yaml::{Id, Tree, Value};

/// A task's inputs by their lower case, as they are spelled.
type Inputs = HashMap<String, String>;

/// Every known task, by its lower case.
static TASKS: LazyLock<HashMap<String, Inputs>> = LazyLock::new(|| {
    let json = load::unpack(include_bytes!("data/azure-tasks.json.gz"));
    let mut tasks = HashMap::new();
    let Some(Json::Object(all)) = json else { return tasks };
    for (task, inputs) in all {
        let mut known = Inputs::new();
        for name in inputs.as_array().into_iter().flatten().filter_map(Json::as_str) {
            known.insert(name.to_ascii_lowercase(), name.to_owned());
        }
        tasks.insert(task.to_ascii_lowercase(), known);
    }
    tasks
});

/// Inputs of known tasks whose names look like slips.
pub(super) fn tasks(tree: &Tree, root: Id, found: &mut Vec<Problem>) {
    let mut todo = vec![root];
    let mut seen = std::collections::HashSet::new();
    while let Some(id) = todo.pop() {
        let id = tree.resolve(id);
        if !seen.insert(id) {
            continue;
        }
        match tree.value(id) {
            Value::Scalar { .. } => {}
            Value::Seq(items) => todo.extend(items),
            Value::Map(entries) => {
                step(tree, id, found);
                todo.extend(entries.iter().map(|entry| entry.value));
            }
        }
    }
}

fn step(tree: &Tree, id: Id, found: &mut Vec<Problem>) {
    let field =
        |name: &str| tree.entries(id).iter().find(|entry| entry.key.eq_ignore_ascii_case(name));
    let Some(task) = field("task").and_then(|entry| tree.text(entry.value)) else { return };
    let Some(known) = TASKS.get(&task.to_ascii_lowercase()) else { return };
    let Some(inputs) = field("inputs") else { return };
    for input in tree.entries(inputs.value) {
        if input.key.starts_with("${{") {
            continue;
        }
        if known.contains_key(&input.key.to_ascii_lowercase()) {
            continue;
        }
        // The service passes over inputs that it does not know, and the table may be
        // older than the task: only what looks like a slip is said.
        if let Some(near) = nearest(&input.key, known.values().map(String::as_str)) {
            found.push(Problem {
                key: format!("input|{task}|{}", input.key),
                line: input.line,
                message: format!(
                    "the task `{task}` has no input `{}`; did you mean `{near}`",
                    input.key
                ),
            });
        }
    }
}
