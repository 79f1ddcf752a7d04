//! A job's scripts as steps.

use super::value::{Item, Val};
use crate::pipeline::graph::{At, Phase, Script, Step, Use};

/// `before_script` and `script`, then what `run` and `release` do, and
/// `after_script`, which has its turn whatever happened.
pub(super) fn read(job: &Val) -> Vec<Step> {
    let mut steps = Vec::new();
    for (key, phase) in
        [("before_script", Phase::Main), ("script", Phase::Main), ("run", Phase::Main)]
    {
        let Some(value) = job.get(key) else { continue };
        if key == "run" {
            steps.extend(value.items().iter().map(run));
        } else {
            steps.extend(script(key, value, phase));
        }
    }
    for key in ["release", "pages"] {
        let Some(value) = job.get(key) else { continue };
        if value.bool() == Some(false) {
            continue;
        }
        let mut step = Step::new(value.span, value.path.clone());
        step.name = Some(key.to_owned());
        step.uses = Some(Use {
            name: key.to_owned(),
            version: None,
            inputs: inputs(value),
            span: value.span,
        });
        steps.push(step);
    }
    if let Some(value) = job.get("after_script") {
        steps.extend(script("after_script", value, Phase::Always));
    }
    steps
}

/// A job of the name `pages` publishes a site, once its scripts are done.
pub(super) fn pages(item: &Item, steps: &mut Vec<Step>) {
    let mut step = Step::new(item.key_span, item.value.path.clone());
    step.name = Some("pages".to_owned());
    step.uses = Some(Use {
        name: "pages".to_owned(),
        version: None,
        inputs: Vec::new(),
        span: item.key_span,
    });
    let place = steps.iter().position(|step| step.phase != Phase::Main).unwrap_or(steps.len());
    steps.insert(place, step);
}

fn script(name: &str, value: &Val, phase: Phase) -> Option<Step> {
    let lines = value.texts();
    if lines.is_empty() {
        return None;
    }
    let mut step = Step::new(value.span, value.path.clone());
    step.name = Some(name.to_owned());
    step.phase = phase;
    step.script = Some(Script {
        text: lines.join("\n"),
        shell: None,
        span: value.span,
        path: value.path.clone(),
    });
    Some(step)
}

/// One item of `run`: a script, or a step from elsewhere.
fn run(value: &Val) -> Step {
    let mut step = Step::new(value.span, value.path.clone());
    step.name = value.get("name").and_then(Val::filled).map(str::to_owned);
    step.script = value.get("script").and_then(|script| {
        Some(Script {
            text: script.filled()?.to_owned(),
            shell: None,
            span: script.span,
            path: script.path.clone(),
        })
    });
    step.uses = value.get("step").and_then(|uses| {
        let text = uses.filled()?;
        let (name, version) = match text.rsplit_once('@') {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => (text, None),
        };
        let inputs = value.get("inputs").map(inputs).unwrap_or_default();
        Some(Use { name: name.to_owned(), version, inputs, span: uses.word })
    });
    step
}

fn inputs(value: &Val) -> Vec<(String, At<String>)> {
    let entries = value.entries().iter();
    entries
        .map(|item| {
            let at = At { value: item.value.written(), span: item.value.span };
            (item.key.clone(), at)
        })
        .collect()
}
