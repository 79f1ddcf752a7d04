//! Bitbucket Pipelines (`bitbucket-pipelines.yml`): each pipeline of the file is an
//! entry, its steps are jobs, one after the other but for parallel groups.
//!
//! Source: <https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference/>.

mod step;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use super::walk::{Field, Node};
use super::{Refusal, Source};
use crate::pipeline::Platform;
use crate::pipeline::graph::{
    At, Checkout, Concurrency, Entry, Job, JobKind, Need, NeedKind, Pipeline, Stage, Trigger,
    TriggerKind, Unread, Variable,
};
use crate::pipeline::yaml::Tree;

/// What the file says for all of its steps.
#[derive(Default)]
struct Defaults {
    image: Option<At<String>>,
    timeout: Option<At<f64>>,
    size: Option<At<String>>,
    docker: bool,
    /// Services by name with their image, where they have one.
    services: HashMap<String, Option<String>>,
}

/// A pipeline file that is being read.
struct Reader<'t> {
    tree: &'t Tree,
    pipeline: Pipeline,
    defaults: Defaults,
    ids: HashSet<String>,
    /// How often a name was asked for: most share none, but all may share one.
    copies: HashMap<String, usize>,
}

/// How far the reading of one entry has come.
struct Line {
    entry: usize,
    /// Jobs that the next group waits for.
    last: Vec<usize>,
    /// The stage before.
    stage: Option<usize>,
    /// Steps so far.
    steps: usize,
    /// Variables a person may set before the start.
    env: Vec<Variable>,
}

/// What the stage around a step says for it.
#[derive(Default, Clone)]
struct Around {
    stage: Option<usize>,
    environment: Option<At<String>>,
    manual: bool,
    concurrency: Option<Concurrency>,
    shared: bool,
}

/// Reads a `bitbucket-pipelines.yml`.
///
/// # Errors
/// It has no pipelines.
pub fn read(source: &Source<'_>) -> Result<Pipeline, Refusal> {
    let declined = |why: &str| Refusal::Declined(why.to_owned());
    let root = Node::root(source.tree).ok_or_else(|| declined("it is empty"))?;
    if !root.is_map() {
        return Err(declined("it is no mapping"));
    }
    let exported = root.get("definitions").and_then(|node| node.get("pipelines"));
    let pipelines = root.get("pipelines").filter(Node::is_map);
    if pipelines.is_none() && exported.is_none() {
        return Err(declined("it has no `pipelines`"));
    }
    let mut reader = Reader {
        tree: source.tree,
        pipeline: Pipeline::new(Platform::Bitbucket),
        defaults: Defaults::of(&root),
        ids: HashSet::new(),
        copies: HashMap::new(),
    };
    if let Some(clone) = root.get("clone") {
        reader.pipeline.clone = checkout(&clone);
    }
    for field in pipelines.iter().flat_map(Node::fields) {
        let kind = match field.key {
            "default" => {
                reader.entry("default".to_owned(), &field, TriggerKind::Push, None);
                continue;
            }
            "branches" | "bookmarks" => TriggerKind::Push,
            "tags" => TriggerKind::Tag,
            "pull-requests" => TriggerKind::Change,
            "custom" => TriggerKind::Manual,
            _ => continue,
        };
        for inner in field.value.fields() {
            let name = format!("{}.{}", field.key, inner.key);
            reader.entry(name, &inner, kind, Some((field.key, inner.key)));
        }
    }
    for field in exported.iter().flat_map(Node::fields) {
        let name = format!("definitions.{}", field.key);
        reader.entry(name, &field, TriggerKind::Pipeline, None);
    }
    reader.events(&root);
    if reader.pipeline.entries.is_empty() {
        return Err(declined("its `pipelines` are empty"));
    }
    Ok(reader.pipeline)
}

impl Defaults {
    fn of(root: &Node<'_>) -> Self {
        let options = root.get("options");
        let option = |key: &str| options.as_ref().and_then(|node| node.get(key));
        let mut defaults = Defaults {
            image: root.get("image").and_then(|node| image(&node)),
            timeout: option("max-time").and_then(|node| step::minutes(&node)),
            size: option("size").and_then(|node| node.at()),
            docker: option("docker").and_then(|node| node.bool()) == Some(true),
            services: HashMap::new(),
        };
        let services = root.get("definitions").and_then(|node| node.get("services"));
        for service in services.iter().flat_map(Node::fields) {
            let image = service.value.get("image").and_then(|node| image(&node));
            defaults.services.insert(service.key.to_owned(), image.map(|at| at.value));
        }
        defaults
    }
}

/// An image by name, or by a mapping with its name.
fn image(node: &Node<'_>) -> Option<At<String>> {
    node.at().or_else(|| node.get("name").and_then(|name| name.at()))
}

/// The `clone` section.
fn checkout(node: &Node<'_>) -> Checkout {
    let depth = node.get("depth").and_then(|depth| {
        let value = match depth.filled()? {
            "full" => 0,
            text => text.parse().ok()?,
        };
        Some(At { value, span: depth.span() })
    });
    let lfs =
        node.get("lfs").and_then(|lfs| lfs.bool().map(|value| At { value, span: lfs.span() }));
    let none = node.get("enabled").and_then(|enabled| enabled.bool()) == Some(false);
    Checkout { depth, lfs, none, submodules: None }
}

impl Reader<'_> {
    /// One pipeline: its trigger and its steps.
    fn entry(
        &mut self,
        name: String,
        field: &Field<'_>,
        kind: TriggerKind,
        at: Option<(&str, &str)>,
    ) {
        let entry = self.pipeline.entries.len();
        let span = field.span();
        let (word, pattern) = at.unwrap_or((name.as_str(), ""));
        let list = |yes: bool| if yes { vec![pattern.to_owned()] } else { Vec::new() };
        self.pipeline.triggers.push(Trigger {
            kind,
            name: word.to_owned(),
            branches: list(
                matches!(kind, TriggerKind::Push | TriggerKind::Change) && !pattern.is_empty(),
            ),
            tags: list(kind == TriggerKind::Tag),
            paths: Vec::new(),
            path_filter: false,
            cron: Vec::new(),
            span,
        });
        self.pipeline.entries.push(Entry { name: name.clone(), span });
        if let Some(import) = field.value.get("import") {
            self.import(entry, &name, field, &import);
            return;
        }
        let mut line = Line { entry, last: Vec::new(), stage: None, steps: 0, env: Vec::new() };
        for item in field.value.items() {
            self.item(&item, &mut line, &Around::default());
        }
    }

    /// A pipeline that stands in another repository.
    fn import(&mut self, entry: usize, name: &str, field: &Field<'_>, import: &Node<'_>) {
        let mut job = Job::new(self.id(name, "import"), field.span(), field.value.path());
        job.entry = entry;
        job.key_span = field.key_span;
        job.kind = JobKind::Call;
        job.calls = import.at();
        self.pipeline.jobs.push(job);
        self.pipeline.unread.push(Unread {
            what: import.written(),
            why: "remote",
            span: import.span(),
        });
    }

    /// A step, a parallel group, a stage or variables.
    fn item(&mut self, item: &Node<'_>, line: &mut Line, around: &Around) {
        for field in item.fields() {
            match field.key {
                "step" => {
                    let job = self.step(&field, item, line, around);
                    line.last = vec![job];
                }
                "parallel" => self.parallel(&field.value, line, around),
                "stage" => self.stage(&field, line),
                "variables" => line.env.extend(field.value.items().filter_map(|variable| {
                    let value = variable.get("default");
                    Some(Variable {
                        name: variable.get("name")?.filled()?.to_owned(),
                        value: value.as_ref().and_then(Node::text).unwrap_or_default().to_owned(),
                        span: value.map_or(variable.span(), |node| node.span()),
                    })
                })),
                _ => {}
            }
        }
    }

    /// Steps side by side: all wait for what was before, what follows waits for all.
    fn parallel(&mut self, group: &Node<'_>, line: &mut Line, around: &Around) {
        let list = group.get("steps").unwrap_or_else(|| group.clone());
        let around =
            Around { shared: around.shared || self.tree.is_alias(group.id()), ..around.clone() };
        let mut done = Vec::new();
        for item in list.items() {
            for field in item.fields().filter(|field| field.key == "step") {
                done.push(self.step(&field, &item, line, &around));
            }
        }
        if !done.is_empty() {
            line.last = done;
        }
    }

    fn stage(&mut self, field: &Field<'_>, line: &mut Line) {
        let node = &field.value;
        let index = self.pipeline.stages.len();
        let name = node.get("name").and_then(|name| name.filled().map(str::to_owned));
        self.pipeline.stages.push(Stage {
            id: name.unwrap_or_else(|| format!("stage {}", index + 1)),
            needs: line.stage.into_iter().collect(),
            explicit: None,
            condition: step::condition(node),
            span: field.span(),
            path: node.path(),
        });
        line.stage = Some(index);
        let manual = node.get("trigger").and_then(|node| node.filled()) == Some("manual");
        let mut around = Around {
            stage: Some(index),
            environment: step::environment(node),
            manual,
            concurrency: step::concurrency(node),
            shared: self.tree.is_alias(node.id()),
        };
        for item in node.get("steps").iter().flat_map(Node::items) {
            self.item(&item, line, &around);
            // The person starts the stage, not each of its steps.
            around.manual = false;
        }
    }

    fn step(
        &mut self,
        field: &Field<'_>,
        item: &Node<'_>,
        line: &mut Line,
        around: &Around,
    ) -> usize {
        let node = &field.value;
        let entry = self.pipeline.entries.get(line.entry);
        let entry = entry.map_or("", |entry| entry.name.as_str()).to_owned();
        line.steps += 1;
        let name = node.get("name").and_then(|name| name.at());
        let word = name.as_ref().map_or_else(|| line.steps.to_string(), |name| name.value.clone());
        let id = self.id(&entry, &word);
        let mut job = step::job(id, field, item, &self.defaults);
        job.name = name;
        job.entry = line.entry;
        job.stage = around.stage;
        job.shared |= around.shared;
        job.manual |= around.manual;
        job.environment = job.environment.or_else(|| around.environment.clone());
        job.concurrency = job.concurrency.or_else(|| around.concurrency.clone());
        job.env.extend(line.env.iter().cloned());
        let takes = step::takes_artifacts(node);
        job.needs = (line.last.iter())
            .map(|job| Need {
                job: *job,
                kind: NeedKind::Sequence,
                span: None,
                optional: false,
                artifacts: takes,
            })
            .collect();
        if !job.needs.is_empty() {
            step::read_artifacts(&mut job, node, takes);
        }
        self.pipeline.jobs.push(job);
        self.pipeline.jobs.len() - 1
    }

    /// An id that no other job has.
    fn id(&mut self, entry: &str, word: &str) -> String {
        let plain = format!("{entry}/{word}");
        let copies = self.copies.entry(plain.clone()).or_insert(1);
        let mut id = plain.clone();
        while !self.ids.insert(id.clone()) {
            *copies += 1;
            id = format!("{plain} {copies}");
        }
        id
    }

    /// The `triggers` section: events that start custom pipelines.
    fn events(&mut self, root: &Node<'_>) {
        for event in root.get("triggers").iter().flat_map(Node::fields) {
            let kind = match event.key {
                "repository-push" => TriggerKind::Push,
                key if key.starts_with("pullrequest") => TriggerKind::Change,
                _ => TriggerKind::Other,
            };
            self.pipeline.triggers.push(Trigger {
                kind,
                name: event.key.to_owned(),
                branches: Vec::new(),
                tags: Vec::new(),
                paths: Vec::new(),
                path_filter: false,
                cron: Vec::new(),
                span: event.span(),
            });
        }
    }
}
