//! Executions as this Harness holds them, and how they look to who asks.

use serde_json::{Value, json};

/// When executions begin: 2026-01-01T10:00:00Z.
pub const START: i64 = 1_767_261_600_000;

/// An execution.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: String,
    pub pipeline: String,
    pub status: String,
    pub started: i64,
    pub mode: String,
    /// What it says as a whole.
    pub message: String,
    pub stages: Vec<Stage>,
}

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    pub name: String,
    pub kind: String,
    pub status: String,
    pub message: String,
    /// Whether it runs beside the stage before it.
    pub beside: bool,
    pub steps: Vec<Step>,
    /// What a mark as failed does: whether its rollback runs.
    pub rolls_back: bool,
    /// Looks until a mark that came takes effect.
    pub marked: Option<usize>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: String,
    pub kind: String,
    pub status: String,
    pub message: String,
    pub log: Option<String>,
    pub is_rollback: bool,
    pub is_marked: bool,
}

impl Run {
    pub fn new(id: &str, status: &str, stages: Vec<Stage>) -> Self {
        Run {
            id: id.to_owned(),
            pipeline: super::PIPELINE.to_owned(),
            status: status.to_owned(),
            started: START,
            mode: "NORMAL".to_owned(),
            message: String::new(),
            stages,
        }
    }

    pub fn stage(&mut self, name: &str) -> &mut Stage {
        self.stages.iter_mut().find(|stage| stage.name == name).expect("a stage of that name")
    }

    /// Everything that runs ends so.
    pub fn end(&mut self, status: &str) {
        self.status = status.to_owned();
        for stage in &mut self.stages {
            if stage.is_running() {
                stage.status = status.to_owned();
            }
            for step in &mut stage.steps {
                if is_running(&step.status) {
                    step.status = status.to_owned();
                }
            }
        }
    }
}

impl Stage {
    /// A deployment with these steps, which rolls back when marked.
    pub fn new(name: &str, status: &str, steps: Vec<Step>) -> Self {
        Stage {
            name: name.to_owned(),
            kind: "Deployment".to_owned(),
            status: status.to_owned(),
            message: String::new(),
            beside: false,
            steps,
            rolls_back: true,
            marked: None,
        }
    }

    pub fn beside(mut self) -> Self {
        self.beside = true;
        self
    }

    pub fn is_running(&self) -> bool {
        is_running(&self.status)
    }

    pub fn step(&mut self, name: &str) -> &mut Step {
        self.steps.iter_mut().find(|step| step.name == name).expect("a step of that name")
    }

    /// The id of its node.
    pub fn node(&self, run: &str) -> String {
        format!("{run}-{}-node", self.name)
    }

    /// Its running steps end as marked; its rollback, if any, begins.
    pub fn fail_by_mark(&mut self) {
        for step in &mut self.steps {
            if is_running(&step.status) {
                step.status = "Failed".to_owned();
                step.message = "User Initiated Failure".to_owned();
                step.is_marked = true;
            }
        }
        if self.rolls_back {
            let mut undo = Step::new("rollingRollback", "K8sRollingRollback", "Running");
            undo.is_rollback = true;
            self.steps.push(undo);
        } else {
            self.status = "Failed".to_owned();
        }
    }
}

impl Step {
    pub fn new(name: &str, kind: &str, status: &str) -> Self {
        Step {
            name: name.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            message: String::new(),
            log: None,
            is_rollback: false,
            is_marked: false,
        }
    }

    pub fn failed(mut self, message: &str, log: &str) -> Self {
        self.status = "Failed".to_owned();
        self.message = message.to_owned();
        self.log = Some(log.to_owned());
        self
    }
}

pub fn is_running(status: &str) -> bool {
    !matches!(
        status,
        "Success"
            | "Failed"
            | "Aborted"
            | "Expired"
            | "Errored"
            | "AbortedByFreeze"
            | "ApprovalRejected"
            | "IgnoreFailed"
            | "Skipped"
            | "Suspended"
            | "NotStarted"
    )
}

/// The summary of an execution.
pub fn summary(run: &Run) -> Value {
    let mut map = serde_json::Map::new();
    let mut groups: Vec<Vec<&Stage>> = Vec::new();
    for stage in &run.stages {
        match groups.last_mut() {
            Some(group) if stage.beside => group.push(stage),
            _ => groups.push(vec![stage]),
        }
    }
    let key = |group: &[&Stage]| match group {
        [one] => format!("setup-{}", one.name),
        group => format!("parallel-{}", group[0].name),
    };
    for (at, group) in groups.iter().enumerate() {
        let next: Vec<String> = groups.get(at + 1).map(|group| key(group)).into_iter().collect();
        for stage in group {
            let alone = group.len() == 1;
            let next = if alone { next.clone() } else { Vec::new() };
            map.insert(format!("setup-{}", stage.name), layout(run, stage, &next));
        }
        if group.len() > 1 {
            let children: Vec<String> =
                group.iter().map(|stage| format!("setup-{}", stage.name)).collect();
            let holder = json!({
                "nodeType": "parallel", "nodeGroup": "STAGE", "nodeIdentifier": "parallel",
                "name": "parallel", "nodeUuid": key(group), "status": group[0].status,
                "edgeLayoutList": { "currentNodeChildren": children, "nextIds": next },
            });
            map.insert(key(group), holder);
        }
    }
    let mut summary = json!({
        "pipelineIdentifier": run.pipeline, "planExecutionId": run.id, "name": "deploy prod",
        "status": run.status, "startTs": run.started, "executionMode": run.mode,
        "layoutNodeMap": map,
        "runSequence": 7, "modules": ["cd"], "canRetry": true,
        "moduleInfo": { "cd": { "serviceIdentifiers": ["checkout"] } },
    });
    if let Some(first) = groups.first() {
        summary["startingNodeId"] = json!(key(first));
    }
    if !is_running(&run.status) {
        summary["endTs"] = json!(run.started + 600_000);
    }
    if !run.message.is_empty() {
        summary["executionErrorInfo"] = json!({ "message": run.message });
    }
    summary
}

fn layout(run: &Run, stage: &Stage, next: &[String]) -> Value {
    json!({
        "nodeType": stage.kind, "nodeGroup": "STAGE", "nodeIdentifier": stage.name,
        "name": stage.name.to_uppercase(), "nodeUuid": format!("setup-{}", stage.name),
        "status": stage.status, "module": "cd", "startTs": run.started,
        "edgeLayoutList": { "currentNodeChildren": [], "nextIds": next },
        "failureInfo": { "message": stage.message },
        "moduleInfo": { "cd": {
            "serviceInfo": { "identifier": "checkout" },
            "infraExecutionSummary": {
                "identifier": "prod", "type": "Production", "infrastructureIdentifier": "k8s",
            },
        } },
    })
}

/// The graph, of all stages or of one.
pub fn graph(run: &Run, only: Option<&str>) -> Value {
    let (mut nodes, mut edges) = (serde_json::Map::new(), serde_json::Map::new());
    let node = |id: &str, name: &str, kind: &str, status: &str| {
        json!({
            "uuid": id, "setupId": format!("setup-{name}"), "name": name, "identifier": name,
            "stepType": kind, "status": status, "startTs": run.started,
        })
    };
    let root = format!("{}-root", run.id);
    nodes.insert(root.clone(), node(&root, "pipeline", "PIPELINE_SECTION", &run.status));
    let mut top = Vec::new();
    for stage in &run.stages {
        if stage.status == "NotStarted" || only.is_some_and(|only| only != stage.name) {
            continue;
        }
        let id = stage.node(&run.id);
        top.push(id.clone());
        nodes.insert(id.clone(), node(&id, &stage.name, "DEPLOYMENT_STAGE_STEP", &stage.status));
        let group = format!("{id}-execution");
        let undo = format!("{id}-rollback");
        nodes.insert(group.clone(), node(&group, "execution", "NG_EXECUTION", &stage.status));
        let mut children = vec![group.clone()];
        let mut chain = [Vec::new(), Vec::new()];
        for step in &stage.steps {
            let step_id = format!("{id}-{}", step.name);
            let place = if step.is_rollback { "rollbackSteps" } else { "steps" };
            let mut one = node(&step_id, &step.name, &step.kind, &step.status);
            one["baseFqn"] = json!(format!(
                "pipeline.stages.{}.spec.execution.{place}.{}",
                stage.name, step.name
            ));
            one["logBaseKey"] = json!(step.log);
            if !step.message.is_empty() {
                one["failureInfo"] = json!({
                    "message": step.message,
                    "failureTypeList": [if step.is_marked { "USER_MARKED_FAILURE" } else { "APPLICATION_ERROR" }],
                    "responseMessages": [],
                });
            }
            nodes.insert(step_id.clone(), one);
            chain[usize::from(step.is_rollback)].push(step_id);
        }
        for (parent, list) in [(&group, &chain[0]), (&undo, &chain[1])] {
            let first: Vec<&String> = list.first().into_iter().collect();
            edges.insert(parent.clone(), json!({ "children": first, "nextIds": [] }));
            for pair in list.windows(2) {
                edges.insert(pair[0].clone(), json!({ "children": [], "nextIds": [pair[1]] }));
            }
        }
        if !chain[1].is_empty() {
            nodes.insert(
                undo.clone(),
                node(&undo, "rollback", "ROLLBACK_OPTIONAL_CHILD_CHAIN", "Running"),
            );
            children.push(undo.clone());
        }
        edges.insert(id, json!({ "children": children, "nextIds": [] }));
    }
    edges.insert(root.clone(), json!({ "children": top, "nextIds": [] }));
    json!({ "rootNodeId": root, "nodeMap": nodes, "nodeAdjacencyListMap": edges })
}
