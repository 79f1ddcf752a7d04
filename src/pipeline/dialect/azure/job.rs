//! One job of an Azure pipeline.

use super::expression::{self, Dependency};
use super::value::Val;
use super::{Above, Link, Reader, names, runs_when, step};
use crate::pipeline::graph::{Access, At, Job, JobKind, Matrix, Os, Phase, Resource, Runner, Span};

impl Reader<'_> {
    /// A job, a deployment, or the job that a list of steps is. `span` is where the
    /// latter stands.
    pub(super) fn job(&mut self, node: &Val, span: Option<Span>, above: &Above) {
        let deployment = node.member("deployment");
        let named = deployment.or_else(|| node.member("job"));
        let word = named.and_then(|member| member.value.filled());
        let stage = self.stage_id(above).map(str::to_owned);
        let id = match (&stage, word) {
            (Some(stage), Some(word)) => format!("{stage}.{word}"),
            (None, Some(word)) => word.to_owned(),
            // An only job without a name is its stage.
            (Some(stage), None) if !self.ids.contains(stage) => stage.clone(),
            (Some(stage), None) => format!("{stage}.Job_{}", self.pipeline.jobs.len() + 1),
            (None, None) => format!("Job_{}", self.pipeline.jobs.len() + 1),
        };
        let mut job = Job::new(self.id(&id), span.unwrap_or(node.span), node.path());
        job.stage = above.stage;
        job.name = node.get("displayName").and_then(Val::at);
        job.key_span = match named {
            Some(named) if named.value.filled().is_some() => named.value.span,
            Some(named) => named.key_span,
            None => node.member("steps").map_or(job.span, |steps| steps.key_span),
        };
        job.needs_span = node.get("dependsOn").map(|node| node.span);
        // Of a file that is one job, its condition is none of the root.
        job.condition = runs_when(node, node.get("condition"));
        job.timeout = node.get("timeoutInMinutes").and_then(minutes);
        job.soft_fail = node.get("continueOnError").and_then(Val::bool) == Some(true);
        job.manual = above.manual;
        job.concurrency = above.concurrency.clone();
        job.shared = node.elsewhere();
        job.environment = node.get("environment").and_then(environment);
        job.matrix = node.get("strategy").and_then(matrix);
        if let Some(pool) = node.get("pool").or(above.pool.as_ref()) {
            job.runner = self.runner(pool, job.matrix.as_ref());
        } else {
            job.runner.os = Some(Os::Linux);
        }
        if span.is_none() {
            job.env = node.get("variables").map(|one| self.variables(one)).unwrap_or_default();
        }
        self.containers(&mut job, node);
        self.steps(&mut job, node);
        // A deployment fetches artifacts, and no source, unless it says otherwise.
        let server = job.runner.labels.first().is_some_and(|name| name == "server");
        let checks = |word: &str| {
            job.steps.iter().any(|step| step.uses.as_ref().is_some_and(|used| used.name == word))
        };
        job.clone.none |= server || (deployment.is_some() && !checks("checkout"));
        if deployment.is_some() && !checks("download") {
            let what = Resource::Artifact(String::new());
            job.reads.push(Access { what, span: job.key_span });
        }
        approvals(&mut job);
        status(&mut job);
        let mut reads = Vec::new();
        dependencies(node, &mut reads);
        self.push(
            job,
            Link {
                name: word.unwrap_or_default().to_ascii_lowercase(),
                depends: node.get("dependsOn").map(names),
                reads,
            },
        );
    }

    fn containers(&self, job: &mut Job, node: &Val) {
        let image = |name: &str| self.containers.get(name).cloned();
        job.image = node.get("container").and_then(|node| {
            let at = node.at().or_else(|| node.get("image").and_then(Val::at))?;
            Some(At { value: image(&at.value).unwrap_or(at.value), span: at.span })
        });
        for service in node.get("services").iter().flat_map(|node| node.members()) {
            let value = &service.value;
            let named = value.filled().or_else(|| value.get("image").and_then(Val::filled));
            if let Some(name) = named {
                job.services.push(image(name).unwrap_or_else(|| name.to_owned()));
            }
        }
    }

    /// Steps of a job, or of the hooks of a deployment.
    fn steps(&mut self, job: &mut Job, node: &Val) {
        let mut lists: Vec<(&Val, Phase)> = Vec::new();
        if let Some(steps) = node.get("steps") {
            lists.push((steps, Phase::Main));
        }
        let strategy = node.get("strategy");
        let kinds = ["runOnce", "rolling", "canary"].into_iter();
        for kind in kinds.filter_map(|kind| strategy.and_then(|node| node.get(kind))) {
            for name in ["preDeploy", "deploy", "routeTraffic", "postRouteTraffic"] {
                if let Some(steps) = kind.get(name).and_then(|node| node.get("steps")) {
                    lists.push((steps, Phase::Main));
                }
            }
            let on = kind.get("on");
            for (name, phase) in [("success", Phase::Main), ("failure", Phase::Failure)] {
                let node = on.and_then(|node| node.get(name));
                if let Some(steps) = node.and_then(|node| node.get("steps")) {
                    lists.push((steps, phase));
                }
            }
        }
        for (list, phase) in lists {
            let mut items = Vec::new();
            self.expand(list, "steps", &mut items);
            for item in items.iter().filter(|item| item.is_map()) {
                step::add(job, item, phase);
            }
        }
    }

    fn runner(&self, pool: &Val, matrix: Option<&Matrix>) -> Runner {
        let name = pool.at().or_else(|| pool.get("name").and_then(Val::at)).map(|at| at.value);
        let image = pool.get("vmImage").and_then(Val::filled).map(str::to_owned);
        let mut labels: Vec<String> = image.iter().cloned().collect();
        labels.extend(name.clone());
        let demands = pool.get("demands").map(Val::texts).unwrap_or_default();
        let hosted = image.is_some()
            || name.as_deref().is_none_or(|name| {
                let name = name.to_ascii_lowercase();
                name == "azure pipelines" || name.starts_with("hosted") || name == "server"
            });
        let said = pool.get("os").and_then(Val::filled);
        let words = said.or(image.as_deref());
        let words = words.into_iter().chain(demands.iter().map(String::as_str));
        let words = words.chain(name.as_deref().filter(|_| image.is_none()));
        let os = words.into_iter().find_map(|word| self.system(word, matrix));
        labels.extend(demands);
        Runner { labels, os, size: None, self_hosted: !hosted, span: Some(pool.span) }
    }

    /// The system that an image, a demand or a pool's name tells of; a variable is
    /// looked up in the matrix and the pipeline's variables.
    fn system(&self, word: &str, matrix: Option<&Matrix>) -> Option<Os> {
        let variable = ["$(", "$[variables."].iter().find_map(|open| word.strip_prefix(open));
        let Some(variable) = variable else { return os(word) };
        let name = variable.trim_end_matches([')', ']', ' ']);
        let axis = matrix.iter().flat_map(|matrix| &matrix.axes);
        if let Some((_, values)) =
            axis.into_iter().find(|(axis, _)| axis.eq_ignore_ascii_case(name))
        {
            let first = os(values.first()?)?;
            return values.iter().all(|value| os(value) == Some(first)).then_some(first);
        }
        let known = self.pipeline.env.iter().find(|one| one.name.eq_ignore_ascii_case(name));
        known.and_then(|one| os(&one.value))
    }
}

/// The system of an image of machines.
fn os(word: &str) -> Option<Os> {
    let word = word.to_ascii_lowercase();
    let has = |part: &str| word.contains(part);
    if has("windows") || word.starts_with("vs20") || has("win20") || has("agent.os -equals windows")
    {
        Some(Os::Windows)
    } else if has("macos") || word.starts_with("mac-") || has("darwin") {
        Some(Os::MacOs)
    } else if has("ubuntu") || has("linux") {
        Some(Os::Linux)
    } else {
        None
    }
}

fn minutes(node: &Val) -> Option<At<f64>> {
    let value = node.filled()?.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(At { value, span: node.span })
}

/// `name`, `name.resource`, or a mapping with both.
fn environment(node: &Val) -> Option<At<String>> {
    node.at().or_else(|| node.get("name").and_then(Val::at))
}

/// Copies: a mapping of cells with their variables, or a number of them.
fn matrix(strategy: &Val) -> Option<Matrix> {
    if let Some(parallel) = strategy.get("parallel") {
        let cells = parallel.filled().and_then(|text| text.parse().ok());
        return Some(Matrix { cells, axes: Vec::new(), fail_fast: None, span: parallel.span });
    }
    let matrix = strategy.get("matrix")?;
    let mut axes: Vec<(String, Vec<String>)> = Vec::new();
    for cell in matrix.members() {
        for variable in cell.value.members() {
            let value = variable.value.written();
            match axes.iter_mut().find(|(name, _)| *name == variable.key) {
                Some((_, values)) => values.push(value),
                None => axes.push((variable.key.clone(), vec![value])),
            }
        }
    }
    let known = matrix.members().iter().all(|cell| !cell.key.contains("${{"));
    let cells = (matrix.is_map() && known).then(|| matrix.members().len());
    Some(Matrix { cells, axes, fail_fast: None, span: matrix.span })
}

/// A job whose steps only wait for a person.
fn approvals(job: &mut Job) {
    let waits = |name: &str| {
        matches!(name.to_ascii_lowercase().as_str(), "manualvalidation" | "manualintervention")
    };
    let mut found =
        job.steps.iter().map(|step| step.uses.as_ref().is_some_and(|used| waits(&used.name)));
    if !job.steps.is_empty() && found.all(|waits| waits) {
        job.kind = JobKind::Approval;
        job.manual = true;
    }
}

/// A job that runs although another failed reads how that went.
fn status(job: &mut Job) {
    let Some(condition) = &job.condition else { return };
    let text = condition.value.to_ascii_lowercase();
    let words = ["failed()", "always()", "succeededorfailed()", "canceled()"];
    if words.iter().any(|word| text.contains(word)) {
        let what = Resource::Status(String::new());
        job.reads.push(Access { what, span: condition.span });
    }
}

/// Adds what the texts below a node read of other jobs.
pub(super) fn dependencies(node: &Val, found: &mut Vec<(Dependency, Span)>) {
    node.each_text(&mut |text, span| {
        found.extend(expression::dependencies(text).into_iter().map(|one| (one, span)));
    });
}
