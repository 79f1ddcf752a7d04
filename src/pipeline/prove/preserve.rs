//! That an edit loses nothing: no job, name, step, condition, approval, environment,
//! secret or gate; and that nobody can do or see more than before.

use std::collections::{BTreeSet, HashMap};

use super::graph::{Ancestors, delivers, is_gate};
use super::secrets;
use crate::pipeline::File;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{
    Concurrency, Job, JobKind, Path, Permissions, Pipeline, Span, Step, Trigger,
};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{Does, ScanTarget};

/// What is compared of a file.
pub(super) struct Facts<'f> {
    pipeline: &'f Pipeline,
    ancestors: Ancestors,
    /// Secrets that each job names in its own source.
    own: Vec<BTreeSet<String>>,
    /// Secrets that are named outside of all jobs: every job may see them.
    outside: BTreeSet<String>,
}

impl<'f> Facts<'f> {
    pub(super) fn of(file: &'f File) -> Self {
        let pipeline = &file.pipeline;
        let text = file.text.as_str();
        let mut own = Vec::with_capacity(pipeline.jobs.len());
        let mut spans: Vec<Span> = Vec::new();
        for job in &pipeline.jobs {
            let mut names = BTreeSet::new();
            if job.span.file == 0 {
                secrets::named(text.get(job.span.range()).unwrap_or_default(), &mut names);
                spans.push(job.span);
            }
            own.push(names);
        }
        spans.sort_by_key(|span| (span.start, span.end));
        let mut outside = BTreeSet::new();
        let mut at = 0;
        for span in spans {
            let range = span.range();
            if range.start > at {
                secrets::named(text.get(at..range.start).unwrap_or_default(), &mut outside);
            }
            at = at.max(range.end);
        }
        secrets::named(text.get(at..).unwrap_or_default(), &mut outside);
        Facts { pipeline, ancestors: Ancestors::of(pipeline), own, outside }
    }
}

/// Compares; gives what held, a sentence each, or what did not.
pub(super) fn check(
    before: &Facts<'_>,
    after: &Facts<'_>,
    ops: &[Op],
) -> Result<Vec<String>, String> {
    let pairs = pairs(before.pipeline, after.pipeline)?;
    whole(before.pipeline, after.pipeline)?;
    let touched = Touched { ops };
    for (a, b) in pairs.iter().enumerate().map(|(a, b)| (a, *b)) {
        let (old, new) = (&before.pipeline.jobs[a], &after.pipeline.jobs[b]);
        job(before.pipeline, after.pipeline, old, new)
            .and_then(|()| steps(old, new, &touched))
            .and_then(|()| secret_scope(before, after, a, b))
            .and_then(|()| gates(before, after, &pairs, a))
            .map_err(|why| format!("job `{}`: {why}", old.title()))?;
    }
    let everywhere = |facts: &Facts<'_>| -> BTreeSet<String> {
        facts.own.iter().flatten().chain(&facts.outside).cloned().collect()
    };
    if let Some(lost) = everywhere(before).difference(&everywhere(after)).next() {
        return Err(format!("the reference to `{lost}` would be lost"));
    }
    Ok(vec![
        "Every job is there under its name, with its copies, conditions, environment and approvals."
            .to_owned(),
        "Every step is there; only those that the change names differ.".to_owned(),
        "No job waits for fewer gates, and none that delivers for fewer checks.".to_owned(),
        "Triggers, permissions, secrets in reach, time limits and tolerance of failures are no wider."
            .to_owned(),
    ])
}

/// For each job before, its place after.
fn pairs(before: &Pipeline, after: &Pipeline) -> Result<Vec<usize>, String> {
    let ids: HashMap<&str, usize> =
        after.jobs.iter().enumerate().map(|(at, job)| (job.id.as_str(), at)).collect();
    let mut taken = vec![false; after.jobs.len()];
    // Where a platform has no names, ids are made of places, which an edit may shift:
    // there, the same number of jobs in the same order with the same names.
    let in_order = before.jobs.len() == after.jobs.len()
        && before.jobs.iter().zip(&after.jobs).all(|(old, new)| {
            old.id == new.id
                || (name(old).is_some() && name(old) == name(new))
                || same_work(old, new)
        });
    // A Jenkins stage's id says where it stands, which changes when it moves.
    let titles = |pipeline: &Pipeline| {
        let mut titles: HashMap<String, (usize, usize)> = HashMap::new();
        for (at, job) in pipeline.jobs.iter().enumerate() {
            titles.entry(job.title().to_owned()).or_insert((at, 0)).1 += 1;
        }
        titles
    };
    let jenkins = before.platform == Platform::Jenkins && !in_order;
    let (old_titles, new_titles) = match jenkins {
        true => (titles(before), titles(after)),
        false => Default::default(),
    };
    let by_title = |job: &Job| match (old_titles.get(job.title()), new_titles.get(job.title())) {
        (Some((_, 1)), Some((place, 1))) => Some(*place),
        _ => None,
    };
    let mut pairs = Vec::with_capacity(before.jobs.len());
    for (at, job) in before.jobs.iter().enumerate() {
        let by_id = || ids.get(job.id.as_str()).copied();
        let place = if in_order { Some(at) } else { by_title(job).or_else(by_id) };
        match place {
            Some(place) if !taken[place] => {
                taken[place] = true;
                pairs.push(place);
            }
            _ => return Err(format!("job `{}` would be lost", job.title())),
        }
    }
    Ok(pairs)
}

fn name(job: &Job) -> Option<&str> {
    job.name.as_ref().map(|name| name.value.as_str())
}

fn same_work(old: &Job, new: &Job) -> bool {
    old.steps.len() == new.steps.len()
        && old.steps.iter().zip(&new.steps).all(|(old, new)| print(old) == print(new))
}

/// What is said of the whole pipeline.
fn whole(before: &Pipeline, after: &Pipeline) -> Result<(), String> {
    let name = |pipeline: &Pipeline| pipeline.name.as_ref().map(|name| name.value.clone());
    if name(before) != name(after) {
        return Err("the pipeline would have another name".to_owned());
    }
    let entries = |pipeline: &Pipeline| -> Vec<String> {
        pipeline.entries.iter().map(|entry| entry.name.clone()).collect()
    };
    if entries(before) != entries(after) {
        return Err("the pipeline would start otherwise".to_owned());
    }
    for stage in &before.stages {
        let Some(new) = after.stages.iter().find(|new| new.id == stage.id) else {
            return Err(format!("stage `{}` would be lost", stage.id));
        };
        let condition = |stage: &crate::pipeline::graph::Stage| {
            stage.condition.as_ref().map(|at| at.value.clone())
        };
        if condition(stage) != condition(new) {
            return Err(format!("the condition of stage `{}` would change", stage.id));
        }
    }
    for variable in &before.env {
        let kept = after.env.iter().any(|new| new.name == variable.name)
            || after.jobs.iter().any(|job| job.env.iter().any(|new| new.name == variable.name));
        if !kept {
            return Err(format!("the variable `{}` would be lost", variable.name));
        }
    }
    triggers(&before.triggers, &after.triggers)?;
    exclusion(
        before.concurrency.as_ref(),
        after.concurrency.as_ref(),
        before.jobs.iter().any(delivers),
    )?;
    let known: BTreeSet<&str> = before.unread.iter().map(|unread| unread.what.as_str()).collect();
    if let Some(new) = after.unread.iter().find(|new| !known.contains(new.what.as_str())) {
        return Err(format!("`{}` could not be followed any more", new.what));
    }
    Ok(())
}

fn triggers(before: &[Trigger], after: &[Trigger]) -> Result<(), String> {
    let mut left: Vec<&Trigger> = before.iter().collect();
    for new in after {
        let same = |old: &&Trigger| old.name == new.name && old.kind == new.kind;
        let near = |old: &&Trigger| old.name == new.name;
        let exact = |old: &&Trigger| same(old) && is_narrower(old, new);
        let Some(place) = left.iter().position(exact).or_else(|| left.iter().position(near)) else {
            return Err(format!("`{}` would set it off, which did not", new.name));
        };
        let old = left.remove(place);
        if !is_narrower(old, new) {
            return Err(format!("`{}` would set it off more often", new.name));
        }
    }
    match left.first() {
        Some(lost) => Err(format!("`{}` would not set it off any more", lost.name)),
        None => Ok(()),
    }
}

fn is_narrower(old: &Trigger, new: &Trigger) -> bool {
    let sets = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    let within = |old: &[String], new: &[String]| {
        let (a, b) = (sets(old), sets(new));
        let plain = !a.iter().chain(&b).any(|pattern| pattern.starts_with('!'));
        a == b || (plain && !a.is_empty() && !b.is_empty() && b.is_subset(&a))
    };
    let unbound = old.branches.is_empty() && old.tags.is_empty();
    let refs = unbound || (within(&old.branches, &new.branches) && within(&old.tags, &new.tags));
    let paths = !old.path_filter || (new.path_filter && within(&old.paths, &new.paths));
    refs && paths && sets(&old.cron) == sets(&new.cron)
}

fn exclusion(
    before: Option<&Concurrency>,
    after: Option<&Concurrency>,
    delivers: bool,
) -> Result<(), String> {
    let cancels = |of: Option<&Concurrency>| {
        of.and_then(|of| of.cancel.as_deref()).is_some_and(|cancel| cancel == "true")
    };
    match (before, after) {
        (Some(_), None) => Err("runs would not exclude each other any more".to_owned()),
        (Some(old), Some(new)) if old.group != new.group => {
            Err("runs would exclude each other by another group".to_owned())
        }
        _ if delivers && cancels(after) && !cancels(before) => {
            Err("a delivery could be cancelled halfway".to_owned())
        }
        _ => Ok(()),
    }
}

/// What is said of a job.
fn job(before: &Pipeline, after: &Pipeline, old: &Job, new: &Job) -> Result<(), String> {
    fn value<T: Clone>(at: &Option<crate::pipeline::graph::At<T>>) -> Option<T> {
        at.as_ref().map(|at| at.value.clone())
    }
    let differs = |what: &str| Err(format!("{what} would change"));
    // A Jenkins stage that comes to stand in another one keeps the name that people see.
    let renamed = match before.platform {
        Platform::Jenkins => old.title() != new.title(),
        _ => value(&old.name) != value(&new.name),
    };
    if renamed {
        return differs("its name");
    }
    if old.kind != new.kind || value(&old.calls) != value(&new.calls) {
        return differs("what it is");
    }
    if value(&old.condition) != value(&new.condition) {
        return differs("its condition");
    }
    if old.manual != new.manual {
        return differs("whether a person starts it");
    }
    if value(&old.environment) != value(&new.environment) {
        return differs("its environment");
    }
    let axes = |job: &Job| job.matrix.as_ref().map(|matrix| (matrix.cells, matrix.axes.clone()));
    if axes(old) != axes(new) {
        return differs("its copies");
    }
    if new.soft_fail && !old.soft_fail {
        return Err("its failure would be let pass".to_owned());
    }
    if let Some(limit) = &old.timeout
        && new.timeout.as_ref().is_none_or(|new| new.value > limit.value)
    {
        return Err("its time limit would be wider".to_owned());
    }
    let bare = |image: &str| {
        let image = image.split('@').next().unwrap_or_default();
        let name = image.rfind('/').map_or(0, |slash| slash + 1);
        image[name..].find(':').map_or(image, |colon| &image[..name + colon]).to_owned()
    };
    if value(&old.image).as_deref().map(bare) != value(&new.image).as_deref().map(bare) {
        return differs("its image");
    }
    for (what, value) in &old.outputs {
        if !new.outputs.iter().any(|(name, new)| name == what && new == value) {
            return Err(format!("its output `{what}` would be lost"));
        }
    }
    for variable in &old.env {
        let kept = new.env.iter().any(|new| new.name == variable.name)
            || after.env.iter().any(|new| new.name == variable.name && new.value == variable.value);
        if !kept {
            return Err(format!("its variable `{}` would be lost", variable.name));
        }
    }
    let actions =
        |job: &Job| -> Vec<String> { job.on_failure.iter().map(|at| at.value.clone()).collect() };
    if actions(old).iter().any(|action| !actions(new).contains(action)) {
        return Err("what is done when it fails would change".to_owned());
    }
    exclusion(old.concurrency.as_ref(), new.concurrency.as_ref(), delivers(old))?;
    permissions(rights(before, old), rights(after, new))
}

fn rights<'p>(pipeline: &'p Pipeline, job: &'p Job) -> &'p Permissions {
    match &job.permissions {
        Permissions::Unsaid => &pipeline.permissions,
        said => said,
    }
}

/// Fails where the token may do more. Where nothing is said, what the repository's
/// settings allow at most is taken: everything but an identity token.
fn permissions(old: &Permissions, new: &Permissions) -> Result<(), String> {
    let level = |access: &str| match access {
        "write" => 2,
        "read" => 1,
        _ => 0,
    };
    let most = |scope: &str| match old {
        Permissions::Unsaid => 2 * i32::from(scope != "id-token"),
        Permissions::ReadAll(_) => i32::from(scope != "id-token"),
        Permissions::WriteAll(_) => 2,
        Permissions::Scopes(scopes, _) => {
            scopes.iter().find(|(name, _)| name == scope).map_or(0, |(_, access)| level(access))
        }
    };
    let wider = match (old, new) {
        (Permissions::Unsaid, Permissions::Unsaid) => false,
        (_, Permissions::Unsaid) => true,
        (Permissions::Scopes(..), Permissions::ReadAll(_)) => true,
        (Permissions::WriteAll(_), Permissions::WriteAll(_)) => false,
        (_, Permissions::WriteAll(_)) => true,
        (_, Permissions::ReadAll(_)) => false,
        (_, Permissions::Scopes(scopes, _)) => {
            scopes.iter().any(|(scope, access)| level(access) > most(scope))
        }
    };
    if wider { Err("its permissions would be wider".to_owned()) } else { Ok(()) }
}

/// Which steps ops are about.
struct Touched<'o> {
    ops: &'o [Op],
}

impl Touched<'_> {
    /// Whether an op changes something at or below a path, or bytes of a span.
    fn within(&self, path: &Path, span: Span) -> bool {
        self.ops.iter().any(|op| match op {
            Op::Splice { span: bytes, .. } => bytes.start <= span.end && span.start <= bytes.end,
            _ => !path.is_empty() && op.path().starts_with(path),
        })
    }

    /// Whether an op replaces or removes a path or what is around it.
    fn named(&self, path: &Path, span: Span) -> bool {
        self.ops.iter().any(|op| match op {
            Op::Splice { span: bytes, .. } => bytes.start < span.end && span.start < bytes.end,
            Op::Replace { at, .. }
            | Op::Remove { at }
            | Op::Text { at, .. }
            | Op::Remark { at, .. } => {
                path.starts_with(at) || (!path.is_empty() && at.starts_with(path))
            }
            // A further command of a script, which is a list.
            Op::Push { at, .. } => !path.is_empty() && at == path,
            _ => false,
        })
    }

    /// Whether an op takes out a step, or what is around it. Of a job whose bytes are
    /// spliced, the op names the step alone, since a whole job is cut out to be moved.
    fn removed(&self, step: &Step, job: &Job) -> bool {
        self.ops.iter().any(|op| match op {
            Op::Remove { at } => step.path.starts_with(at),
            Op::Splice { span, text } => {
                let covers = span.start <= step.span.start && step.span.end <= span.end;
                let inside = job.span.start < span.start && span.end < job.span.end;
                text.is_empty() && covers && inside
            }
            _ => false,
        })
    }

    fn moves(&self, job: &Job) -> bool {
        self.ops.iter().any(|op| match op {
            Op::Move { at, .. } => at.starts_with(&job.path),
            Op::Splice { .. } => true,
            _ => false,
        })
    }
}

/// What makes a step what it is, wherever it stands.
fn print(step: &Step) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    if let Some(used) = &step.uses {
        let _ = write!(out, "{}@{:?}", used.name, used.version);
        for (name, at) in &used.inputs {
            let _ = write!(out, "|{name}={}", at.value);
        }
    }
    if let Some(script) = &step.script {
        let _ = write!(out, "|{:?}|{}", script.shell, script.text);
    }
    for variable in &step.env {
        let _ = write!(out, "|{}={}", variable.name, variable.value);
    }
    let condition = step.condition.as_ref().map(|at| at.value.as_str());
    let _ =
        write!(out, "|{:?}{:?}{condition:?}{}{:?}", step.id, step.name, step.soft_fail, step.phase);
    out
}

fn steps(old: &Job, new: &Job, touched: &Touched<'_>) -> Result<(), String> {
    // The ones that did not change, first.
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, step) in new.steps.iter().enumerate().rev() {
        places.entry(print(step)).or_default().push(at);
    }
    let mut found: Vec<Option<usize>> = Vec::with_capacity(old.steps.len());
    let mut taken = vec![false; new.steps.len()];
    for step in &old.steps {
        let place = places.get_mut(&print(step)).and_then(Vec::pop);
        if let Some(place) = place {
            taken[place] = true;
        }
        found.push(place);
    }
    if !found.iter().flatten().is_sorted() && !touched.moves(old) {
        return Err("its steps would run in another order".to_owned());
    }
    let mut next = 0;
    for (step, _) in old.steps.iter().zip(&found).filter(|(_, found)| found.is_none()) {
        let title = title(step);
        if touched.removed(step, old) {
            continue;
        }
        let uses = |step: &Step| step.uses.as_ref().map(|used| used.name.clone());
        let named = touched.named(&step.path, step.span);
        if !named && !touched.within(&step.path, step.span) {
            return Err(format!("{title} would be lost"));
        }
        let place = (next..new.steps.len()).find(|place| {
            !taken[*place]
                && (uses(&new.steps[*place]) == uses(step) || named)
                && new.steps[*place].script.is_some() == step.script.is_some()
        });
        let Some(place) = place else { return Err(format!("{title} would be lost")) };
        taken[place] = true;
        next = place + 1;
        changed(step, &new.steps[place], touched).map_err(|why| format!("{title}: {why}"))?;
    }
    Ok(())
}

fn title(step: &Step) -> String {
    let known = step.name.as_deref().or(step.id.as_deref());
    let used = step.uses.as_ref().map(|used| used.name.as_str());
    match known.or(used) {
        Some(name) => format!("step `{name}`"),
        None => "a step".to_owned(),
    }
}

/// A step that an op is about.
fn changed(old: &Step, new: &Step, touched: &Touched<'_>) -> Result<(), String> {
    let text = |step: &Step| step.script.as_ref().map(|script| script.text.clone());
    if let Some(script) = &old.script
        && text(old) != text(new)
        && !touched.named(&script.path, script.span)
    {
        return Err("its script would change".to_owned());
    }
    let condition = |step: &Step| step.condition.as_ref().map(|at| at.value.clone());
    if condition(old) != condition(new) {
        return Err("its condition would change".to_owned());
    }
    if new.soft_fail && !old.soft_fail {
        return Err("its failure would be let pass".to_owned());
    }
    // A step that had no id may get one: nothing could speak of it.
    if old.phase != new.phase || (old.id.is_some() && old.id != new.id) {
        return Err("it would run otherwise".to_owned());
    }
    if let (Some(was), Some(is)) = (&old.uses, &new.uses) {
        for (input, at) in &was.inputs {
            let kept = is.inputs.iter().any(|(name, new)| name == input && new.value == at.value);
            if !kept && !touched.named(&old.path, at.span) {
                return Err(format!("its input `{input}` would change"));
            }
        }
    }
    for variable in &old.env {
        if !new.env.iter().any(|new| new.name == variable.name) {
            return Err(format!("its variable `{}` would be lost", variable.name));
        }
    }
    Ok(())
}

fn secret_scope(before: &Facts<'_>, after: &Facts<'_>, a: usize, b: usize) -> Result<(), String> {
    let had = |name: &String| before.own[a].contains(name) || before.outside.contains(name);
    let has = |name: &String| after.own[b].contains(name) || after.outside.contains(name);
    if let Some(new) = after.own[b].iter().chain(&after.outside).find(|name| !had(name)) {
        return Err(format!("`{new}` would come into its reach"));
    }
    match before.own[a].iter().find(|name| !has(name)) {
        Some(lost) => Err(format!("its reference to `{lost}` would be lost")),
        None => Ok(()),
    }
}

/// Whatever had to pass before a job still has to. A job that only looks at what is
/// there, and changes nothing outside, may look earlier.
fn gates(before: &Facts<'_>, after: &Facts<'_>, pairs: &[usize], job: usize) -> Result<(), String> {
    if only_looks(&before.pipeline.jobs[job]) {
        return Ok(());
    }
    let strict = delivers(&before.pipeline.jobs[job]);
    for other in before.ancestors.each(job) {
        let above = &before.pipeline.jobs[other];
        let gating =
            is_gate(before.pipeline, above) || (strict && !above.soft_fail && checks(above));
        if gating && !after.ancestors.has(pairs[job], pairs[other]) {
            return Err(format!("it would not wait for `{}` any more", above.title()));
        }
    }
    Ok(())
}

/// Whether a job is a scan of source or of an image, and every step of it is known to
/// leave nothing outside.
fn only_looks(job: &Job) -> bool {
    let looks =
        |does: &Does| matches!(does, Does::Scan { target, .. } if *target != ScanTarget::Live);
    let does = || job.steps.iter().flat_map(|step| &step.does);
    job.kind == JobKind::Work
        && !job.manual
        && job.environment.is_none()
        && does().any(looks)
        && job.steps.iter().all(|step| !step.does.is_empty())
        && does().all(|does| {
            looks(does)
                || matches!(
                    does,
                    Does::Checkout
                        | Does::Setup(_)
                        | Does::Install(_)
                        | Does::Cache { .. }
                        | Does::Lint
                        | Does::Login(_)
                        | Does::PullImage(_)
                        | Does::Download(_)
                        | Does::Upload(_)
                        | Does::Notify(_)
                )
        })
}

/// Whether a job's failure says something about what is delivered: any but one that
/// only tells people.
fn checks(job: &Job) -> bool {
    let mut does = job.steps.iter().flat_map(|step| &step.does).peekable();
    does.peek().is_none() || does.any(|does| !matches!(does, Does::Notify(_) | Does::Checkout))
}
