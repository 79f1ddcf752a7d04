//! The steps of a job, and of the local composite actions that they use.

use std::collections::HashMap;
use std::rc::Rc;

use super::{artifact, job, variables, within};
use crate::pipeline::dialect::Source;
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::{At, Checkout, Job, Phase, Pipeline, Script, Step, Unread, Use};
use crate::pipeline::yaml::{self, Tree};

/// How deep composite actions may use each other. The service allows 10.
const DEEPEST: usize = 10;
/// Most steps of actions that are read into one pipeline.
const MOST_INLINED: usize = 20_000;

/// Local actions, each parsed once for all that use it.
#[derive(Default)]
pub(super) struct Actions {
    /// By the path of their file; `None` is broken.
    trees: HashMap<String, Option<Rc<Tree>>>,
    /// Steps read from them so far.
    inlined: usize,
}

/// Reads `steps` below a job or an action's `runs`; `shell` is the default.
pub(super) fn read_all(
    source: &Source<'_>,
    node: &Node<'_>,
    shell: Option<&str>,
    job: &mut Job,
    actions: &mut Actions,
    pipeline: &mut Pipeline,
) {
    let mut steps = Vec::new();
    if let Some(list) = node.get("steps") {
        for item in list.items() {
            let step = read(&item, shell);
            let local = step.uses.as_ref().filter(|uses| uses.name.starts_with("./")).cloned();
            steps.push(step);
            if let Some(local) = local {
                let mut trail = Vec::new();
                follow(source, &local, &mut trail, actions, &mut steps, pipeline);
            }
        }
    }
    job.clone = checkout(&steps);
    for step in &steps {
        if let Some(uses) = &step.uses {
            artifact::note(uses, job);
        }
    }
    job.steps = steps;
}

fn read(node: &Node<'_>, shell: Option<&str>) -> Step {
    let mut step = Step::new(node.span(), node.path());
    let text = |key: &str| node.get(key).and_then(|value| value.filled().map(str::to_owned));
    step.id = text("id");
    step.name = text("name");
    step.condition = node.get("if").and_then(|condition| condition.at());
    step.soft_fail = node.get("continue-on-error").is_some_and(|soft| job::is_soft(&soft));
    step.env = variables(node);
    step.phase = step.condition.as_ref().map_or(Phase::Main, |condition| phase(&condition.value));
    step.uses = node.get("uses").and_then(|uses| use_of(&uses, node.get("with").as_ref()));
    step.script = node.get("run").and_then(|run| {
        Some(Script {
            text: run.text()?.to_owned(),
            shell: text("shell").or_else(|| shell.map(str::to_owned)),
            span: run.span(),
            path: run.path(),
        })
    });
    step
}

/// When a step runs, by the status functions of its condition. `!cancelled()` and
/// `success() || failure()` keep a step in its turn: it only outlives failures.
fn phase(condition: &str) -> Phase {
    let code: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
    let has = |function: &str| {
        code.match_indices(function)
            .any(|(at, _)| !code.get(..at).unwrap_or_default().ends_with('!'))
    };
    if has("always()") || has("cancelled()") {
        Phase::Always
    } else if has("failure()") && !has("success()") {
        Phase::Failure
    } else {
        Phase::Main
    }
}

/// `owner/repo/path@ref`, `./path`, or `docker://image:tag`.
fn use_of(uses: &Node<'_>, with: Option<&Node<'_>>) -> Option<Use> {
    let text = uses.filled()?.trim();
    let image = text.strip_prefix("docker://");
    let tag = || {
        let last = text.rfind('/').unwrap_or(0);
        text.get(last..)?.find(':').map(|at| last + at)
    };
    let cut = text.rfind('@').or_else(|| image.and_then(|_| tag()));
    let (name, version) = match cut {
        Some(at) if !text.starts_with("./") => (text.get(..at)?, text.get(at + 1..)),
        _ => (text, None),
    };
    let inputs = with.map(|with| {
        with.fields()
            .map(|field| {
                let at = At { value: field.value.written(), span: field.value.span() };
                (field.key.to_owned(), at)
            })
            .collect()
    });
    Some(Use {
        name: name.to_owned(),
        version: version.filter(|version| !version.is_empty()).map(str::to_owned),
        inputs: inputs.unwrap_or_default(),
        span: uses.word(),
    })
}

/// How the job's own source is fetched: by its first checkout that is of no other
/// repository.
fn checkout(steps: &[Step]) -> Checkout {
    let all: Vec<&Use> = steps
        .iter()
        .filter_map(|step| step.uses.as_ref())
        .filter(|uses| uses.name.eq_ignore_ascii_case("actions/checkout"))
        .collect();
    let own = all.iter().find(|uses| uses.input("repository").is_none()).or(all.first());
    let Some(uses) = own else {
        let other = steps.iter().any(|step| {
            let named = step.uses.as_ref().is_some_and(|uses| uses.name.contains("checkout"));
            let git = |text: &str| text.contains("git clone") || text.contains("git fetch");
            named || step.script.as_ref().is_some_and(|script| git(&script.text))
        });
        return Checkout { none: !other, ..Checkout::default() };
    };
    let input = |name: &str| {
        let found = uses.inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, at)| at.clone())
    };
    Checkout {
        depth: input("fetch-depth")
            .and_then(|at| Some(At { value: at.value.trim().parse().ok()?, span: at.span })),
        submodules: input("submodules"),
        lfs: input("lfs").map(|at| At { value: at.value == "true", span: at.span }),
        none: false,
    }
}

/// Reads the steps of a local composite action behind the step that uses it, with
/// their places in the action's own file.
fn follow(
    source: &Source<'_>,
    uses: &Use,
    trail: &mut Vec<String>,
    actions: &mut Actions,
    steps: &mut Vec<Step>,
    pipeline: &mut Pipeline,
) {
    let unread = |why| Unread { what: uses.name.clone(), why, span: uses.span };
    let folder = uses.name.trim_start_matches("./").trim_end_matches('/');
    let inside = |name: &str| {
        if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
    };
    let file = ["action.yml", "action.yaml"].map(inside);
    let Some(path) = file.iter().find(|path| source.files.exists(path)) else {
        if !source.files.exists(&inside("Dockerfile")) {
            pipeline.unread.push(unread("missing"));
        }
        return;
    };
    if trail.contains(path) || trail.len() >= DEEPEST {
        pipeline.unread.push(unread("cyclic"));
        return;
    }
    let tree = match actions.trees.get(path) {
        Some(known) => known.clone(),
        None => {
            let text = source.files.read(path);
            let tree = text.and_then(|text| yaml::parse(&text).ok()).map(Rc::new);
            actions.trees.insert(path.clone(), tree.clone());
            tree
        }
    };
    let Some(tree) = tree else {
        pipeline.unread.push(unread("broken"));
        return;
    };
    let Some(list) =
        Node::root(&tree).and_then(|root| root.get("runs")).and_then(|runs| runs.get("steps"))
    else {
        return;
    };
    let Some(place) = include(pipeline, path) else { return };
    trail.push(path.clone());
    for item in list.items() {
        if actions.inlined >= MOST_INLINED {
            break;
        }
        actions.inlined += 1;
        let step = moved(read(&item, None), place);
        let local = step.uses.as_ref().filter(|uses| uses.name.starts_with("./")).cloned();
        steps.push(step);
        if let Some(local) = local {
            follow(source, &local, trail, actions, steps, pipeline);
        }
    }
    trail.pop();
}

/// The file's place among those that were read in, from 1.
fn include(pipeline: &mut Pipeline, path: &str) -> Option<u16> {
    let known = pipeline.included.iter().position(|known| known == path);
    let place = known.unwrap_or_else(|| {
        pipeline.included.push(path.to_owned());
        pipeline.included.len() - 1
    });
    u16::try_from(place + 1).ok()
}

/// The same step with all its places in that file.
fn moved(mut step: Step, file: u16) -> Step {
    step.span = within(step.span, file);
    if let Some(condition) = &mut step.condition {
        condition.span = within(condition.span, file);
    }
    if let Some(script) = &mut step.script {
        script.span = within(script.span, file);
    }
    for variable in &mut step.env {
        variable.span = within(variable.span, file);
    }
    if let Some(uses) = &mut step.uses {
        uses.span = within(uses.span, file);
        for (_, at) in &mut uses.inputs {
            at.span = within(at.span, file);
        }
    }
    step
}
