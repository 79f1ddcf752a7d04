//! An execution's detail (version 2) as stages and steps.
//! <https://apidocs.harness.io/pipeline-execution-details/getexecutiondetailv2>.
//!
//! The layout map holds the stages; the execution graph holds nodes, of which those
//! without children are steps. Fields that nobody needs, or that are new, are passed over.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;
use serde_json::Value;

use crate::deploy::{Execution, Stage, Status, Step, Target};

/// `data` of the answer.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Detail {
    pub(super) pipeline_execution_summary: Summary,
    pub(super) execution_graph: Option<Graph>,
}

/// An execution without its steps, as lists of them hold it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Summary {
    pub(super) pipeline_identifier: Option<String>,
    pub(super) plan_execution_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) start_ts: Option<i64>,
    pub(super) end_ts: Option<i64>,
    /// `NORMAL`, `POST_EXECUTION_ROLLBACK`, `PIPELINE_ROLLBACK`.
    pub(super) execution_mode: Option<String>,
    execution_error_info: Option<Message>,
    failure_info: Option<Failure>,
    starting_node_id: Option<String>,
    layout_node_map: BTreeMap<String, Layout>,
    module_info: Value,
}

impl Summary {
    /// Whether it takes back what another execution deployed.
    pub(super) fn is_rollback(&self) -> bool {
        self.execution_mode.as_deref().is_some_and(|mode| mode.contains("ROLLBACK"))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Failure {
    message: Option<String>,
    failure_type_list: Option<Vec<String>>,
    response_messages: Option<Vec<Message>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Layout {
    node_type: Option<String>,
    node_group: Option<String>,
    node_identifier: Option<String>,
    name: Option<String>,
    node_uuid: Option<String>,
    node_execution_id: Option<String>,
    status: Option<String>,
    start_ts: Option<i64>,
    end_ts: Option<i64>,
    edge_layout_list: Option<Edges>,
    failure_info: Option<Message>,
    #[serde(rename = "failureInfoDTO")]
    failure_info_dto: Option<Failure>,
    module_info: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Edges {
    current_node_children: Option<Vec<String>>,
    next_ids: Option<Vec<String>>,
}

/// The nodes of an execution.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Graph {
    root_node_id: Option<String>,
    node_map: BTreeMap<String, Node>,
    node_adjacency_list_map: BTreeMap<String, Adjacent>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Adjacent {
    children: Option<Vec<String>>,
    next_ids: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Node {
    uuid: Option<String>,
    setup_id: Option<String>,
    name: Option<String>,
    identifier: Option<String>,
    base_fqn: Option<String>,
    start_ts: Option<i64>,
    end_ts: Option<i64>,
    step_type: Option<String>,
    status: Option<String>,
    failure_info: Option<Failure>,
    log_base_key: Option<String>,
    interrupt_histories: Option<Vec<Interrupt>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Interrupt {
    interrupt_type: Option<String>,
}

impl Graph {
    /// Adds the nodes of another part of the graph.
    pub(super) fn add(&mut self, other: Graph) {
        self.node_map.extend(other.node_map);
        for (id, adjacent) in other.node_adjacency_list_map {
            let own = self.node_adjacency_list_map.entry(id).or_default();
            let lists =
                [(&mut own.children, adjacent.children), (&mut own.next_ids, adjacent.next_ids)];
            for (list, more) in lists {
                let list = list.get_or_insert_default();
                for id in more.into_iter().flatten() {
                    if !list.contains(&id) {
                        list.push(id);
                    }
                }
            }
        }
        if self.root_node_id.is_none() {
            self.root_node_id = other.root_node_id;
        }
    }
}

/// Nodes that only hold others. Without children yet, they are no steps.
const CONTAINERS: &[&str] = &[
    "PIPELINE_SECTION",
    "STAGES_STEP",
    "NG_SECTION",
    "NG_SECTION_WITH_ROLLBACK_INFO",
    "NG_EXECUTION",
    "NG_FORK",
    "FORK",
    "STEP_GROUP",
    "STRATEGY",
    "ROLLBACK_OPTIONAL_CHILD_CHAIN",
    "DEPLOYMENT_STAGE_STEP",
    "APPROVAL_STAGE",
    "CUSTOM_STAGE",
    "IntegrationStageStepPMS",
];

/// The node under which rollback steps stand.
const ROLLBACK: &str = "ROLLBACK_OPTIONAL_CHILD_CHAIN";

/// The detail as an execution; `page` makes its address of its pipeline and id.
pub(super) fn read(detail: &Detail, page: impl Fn(&str, &str) -> String) -> Execution {
    let summary = &detail.pipeline_execution_summary;
    let id = summary.plan_execution_id.clone().unwrap_or_default();
    let pipeline = summary.pipeline_identifier.clone().unwrap_or_default();
    let empty = Graph::default();
    let graph = detail.execution_graph.as_ref().unwrap_or(&empty);
    let stages = stages(summary, graph);
    let steps = steps(&stages, graph);
    let whole = [
        summary.execution_error_info.as_ref().and_then(|error| error.message.clone()),
        summary.failure_info.as_ref().and_then(words),
    ];
    Execution {
        url: Some(page(&pipeline, &id)),
        name: summary.name.clone().filter(|name| !name.is_empty()).unwrap_or(pipeline),
        id,
        status: status(summary.status.as_ref()),
        started_at: summary.start_ts,
        ended_at: summary.end_ts,
        message: whole.into_iter().flatten().find(|text| !text.trim().is_empty()),
        commit: commit(&summary.module_info),
        is_rollback: summary.is_rollback(),
        stages: stages.into_iter().map(|(_, stage)| stage).collect(),
        steps,
    }
}

fn status(text: Option<&String>) -> Status {
    text.map_or(Status::NotStarted, |text| Status::read(text))
}

/// Keys of stages that run or failed and of which the graph has no step.
pub(super) fn lacking(detail: &Detail, execution: &Execution) -> Vec<String> {
    let empty = Graph::default();
    let graph = detail.execution_graph.as_ref().unwrap_or(&empty);
    stages(&detail.pipeline_execution_summary, graph)
        .into_iter()
        .filter(|(_, stage)| stage.status.is_under_way() || stage.status.is_bad())
        .filter(|(_, stage)| execution.steps.iter().all(|step| step.stage != stage.identifier))
        .map(|(key, _)| key)
        .collect()
}

/// The commit of the build in the same pipeline: `ciExecutionInfoDTO` of the module `ci`.
fn commit(modules: &Value) -> Option<String> {
    let info = &modules["ci"]["ciExecutionInfoDTO"];
    let commits = [&info["branch"]["commits"][0]["id"], &info["pullRequest"]["commits"][0]["id"]];
    let sha = commits.into_iter().find_map(Value::as_str)?;
    let is_sha = sha.len() >= 7 && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_sha.then(|| sha.to_owned())
}

/// Everything that a failure says, each part once.
fn words(failure: &Failure) -> Option<String> {
    let more = failure.response_messages.iter().flatten().filter_map(|one| one.message.as_ref());
    let mut parts: Vec<&str> = Vec::new();
    for text in failure.message.iter().chain(more) {
        let text = text.trim();
        if !text.is_empty() && !parts.iter().any(|part| part.contains(text)) {
            parts.push(text);
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Stages in order, each with its key in the layout map.
fn stages(summary: &Summary, graph: &Graph) -> Vec<(String, Stage)> {
    let map = &summary.layout_node_map;
    let mut order: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue: VecDeque<&str> = summary.starting_node_id.as_deref().into_iter().collect();
    let mut rest: Vec<(&String, &Layout)> = map.iter().collect();
    rest.sort_by_key(|(_, layout)| layout.start_ts.unwrap_or(i64::MAX));
    let mut rest = rest.into_iter();
    loop {
        let next = queue.pop_front().or_else(|| rest.next().map(|(key, _)| key.as_str()));
        let Some(key) = next else { break };
        let Some(layout) = map.get(key) else { continue };
        if !seen.insert(key) {
            continue;
        }
        order.push(key);
        if let Some(edges) = &layout.edge_layout_list {
            for id in edges.current_node_children.iter().chain(&edges.next_ids).flatten() {
                queue.push_back(id);
            }
        }
    }
    let by_setup: BTreeMap<&str, &str> = graph
        .node_map
        .iter()
        .filter_map(|(key, node)| Some((node.setup_id.as_deref()?, key.as_str())))
        .collect();
    order
        .into_iter()
        .filter_map(|key| {
            let layout = map.get(key)?;
            let edges = layout.edge_layout_list.as_ref();
            let holds_others = edges
                .and_then(|edges| edges.current_node_children.as_ref())
                .is_some_and(|children| !children.is_empty());
            if holds_others || layout.node_group.as_deref().is_some_and(|group| group != "STAGE") {
                return None;
            }
            let setup = layout.node_uuid.as_deref().unwrap_or(key);
            let node = layout
                .node_execution_id
                .as_deref()
                .or_else(|| by_setup.get(setup).copied())
                .or_else(|| graph.node_map.contains_key(key).then_some(key));
            let said = layout.failure_info_dto.as_ref().and_then(words);
            let also = layout.failure_info.as_ref().and_then(|one| one.message.clone());
            let stage = Stage {
                id: node.unwrap_or_default().to_owned(),
                identifier: layout.node_identifier.clone().unwrap_or_default(),
                name: layout.name.clone().unwrap_or_default(),
                kind: layout.node_type.clone().unwrap_or_default(),
                status: status(layout.status.as_ref()),
                started_at: layout.start_ts,
                ended_at: layout.end_ts,
                message: said.or(also).filter(|text| !text.trim().is_empty()),
                target: target(&layout.module_info["cd"]),
            };
            Some((key.to_owned(), stage))
        })
        .collect()
}

fn target(cd: &Value) -> Target {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let infrastructure = &cd["infraExecutionSummary"];
    Target {
        service: text(&cd["serviceInfo"]["identifier"]),
        environment: text(&infrastructure["identifier"]),
        environment_kind: text(&infrastructure["type"]),
        infrastructure: text(&infrastructure["infrastructureIdentifier"]),
    }
}

/// The steps in the order in which the graph leads to them.
fn steps(stages: &[(String, Stage)], graph: &Graph) -> Vec<Step> {
    // A stage is known by its node, and by the node's id in the plan.
    let mut of_node: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, stage) in stages {
        for id in [key.as_str(), stage.id.as_str()] {
            of_node.insert(id, &stage.identifier);
        }
    }
    let empty = Adjacent::default();
    let adjacent = |id: &str| graph.node_adjacency_list_map.get(id).unwrap_or(&empty);
    let mut queue: VecDeque<(&str, &str, bool)> = VecDeque::new();
    let mut rest = graph.node_map.keys();
    queue.extend(graph.root_node_id.as_deref().map(|id| (id, "", false)));
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    loop {
        let next = queue.pop_front().or_else(|| rest.next().map(|id| (id.as_str(), "", false)));
        let Some((id, stage, in_rollback)) = next else { break };
        if !seen.insert(id) {
            continue;
        }
        let Some(node) = graph.node_map.get(id) else { continue };
        let ids = [Some(id), node.uuid.as_deref(), node.setup_id.as_deref()];
        let own = ids.into_iter().flatten().find_map(|id| of_node.get(id).copied());
        let fqn = node.base_fqn.as_deref().unwrap_or("");
        let own = own.or(Some(stage).filter(|stage| !stage.is_empty())).unwrap_or(of_fqn(fqn));
        let kind = node.step_type.as_deref().unwrap_or("");
        let rolls_back = in_rollback || kind == ROLLBACK || fqn.contains("rollbackSteps");
        let list = adjacent(id);
        let children = list.children.as_deref().unwrap_or(&[]);
        queue.extend(children.iter().map(|child| (child.as_str(), own, rolls_back)));
        let nexts = list.next_ids.as_deref().unwrap_or(&[]);
        queue.extend(nexts.iter().map(|next| (next.as_str(), stage, in_rollback)));
        if children.is_empty() && !CONTAINERS.contains(&kind) {
            found.push(step(id, node, own, rolls_back));
        }
    }
    let place = |step: &Step| {
        stages.iter().position(|(_, stage)| stage.identifier == step.stage).unwrap_or(usize::MAX)
    };
    found.sort_by_cached_key(|step| (place(step), step.started_at.unwrap_or(i64::MAX)));
    found
}

/// The stage in `pipeline.stages.deploy.spec.execution.steps.x`.
fn of_fqn(fqn: &str) -> &str {
    let mut parts = fqn.split('.');
    match (parts.next(), parts.next()) {
        (Some("pipeline"), Some("stages")) => parts.next().unwrap_or(""),
        _ => "",
    }
}

fn step(id: &str, node: &Node, stage: &str, is_rollback: bool) -> Step {
    let bare = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let marks = node.interrupt_histories.iter().flatten();
    let kinds = node.failure_info.iter().filter_map(|one| one.failure_type_list.as_ref()).flatten();
    let is_marked_failed = marks
        .filter_map(|one| one.interrupt_type.as_deref())
        .chain(kinds.map(String::as_str))
        .any(|kind| {
            let kind = bare(kind);
            kind.starts_with("usermarkedfail") || kind.starts_with("usermarkedfailure")
        });
    Step {
        id: node.uuid.clone().unwrap_or_else(|| id.to_owned()),
        identifier: node.identifier.clone().unwrap_or_default(),
        name: node.name.clone().unwrap_or_default(),
        stage: stage.to_owned(),
        kind: node.step_type.clone().unwrap_or_default(),
        status: status(node.status.as_ref()),
        started_at: node.start_ts,
        ended_at: node.end_ts,
        message: node.failure_info.as_ref().and_then(words),
        log_key: node.log_base_key.clone().filter(|key| !key.is_empty()),
        is_rollback,
        is_marked_failed,
    }
}
