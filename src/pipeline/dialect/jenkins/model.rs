//! The declarative pipeline of a Groovy tree: its sections and the nesting of its
//! stages (<https://www.jenkins.io/doc/book/pipeline/syntax/>).

use crate::pipeline::graph::{Path, Seg};
use crate::pipeline::groovy::tree::{CONTROL, Tree};
use crate::pipeline::groovy::{Block, Call, Statement, line_of};

/// A declarative pipeline.
#[derive(Debug)]
pub struct Model<'t> {
    /// `pipeline { … }`.
    pub call: &'t Call,
    /// Its block.
    pub body: &'t Block,
    /// Its stages.
    pub stages: Vec<Stage<'t>>,
}

/// A stage.
#[derive(Debug)]
pub struct Stage<'t> {
    /// `stage('…') { … }`.
    pub call: &'t Call,
    /// Its name.
    pub name: String,
    /// Its block.
    pub body: &'t Block,
    /// The path to it: `stages`, its place, `parallel`, its place there, …
    pub path: Path,
    /// What it holds.
    pub inner: Inner<'t>,
}

/// What a stage holds.
#[derive(Debug)]
pub enum Inner<'t> {
    /// Steps, or nothing at all.
    Steps,
    /// `stages { … }`.
    Sequence(Vec<Stage<'t>>),
    /// `parallel { … }`.
    Parallel(Vec<Stage<'t>>),
    /// `matrix { … }`: its block and its stages.
    Matrix(&'t Block, Vec<Stage<'t>>),
}

impl<'t> Stage<'t> {
    /// The stages in it.
    pub fn stages(&self) -> &[Stage<'t>] {
        match &self.inner {
            Inner::Steps => &[],
            Inner::Sequence(stages) | Inner::Parallel(stages) | Inner::Matrix(_, stages) => stages,
        }
    }

    /// A section or directive of it.
    pub fn section(&self, name: &str) -> Option<&'t Call> {
        self.body.find(name)
    }
}

/// Sections of a pipeline that tell a declarative one.
const SECTIONS: [&str; 10] = [
    "agent",
    "stages",
    "environment",
    "options",
    "post",
    "tools",
    "triggers",
    "parameters",
    "libraries",
    "stage",
];

/// Steps of the Job DSL plugin that make a job.
const JOB_DSL: [&str; 14] = [
    "job",
    "pipelineJob",
    "freeStyleJob",
    "multibranchPipelineJob",
    "mavenJob",
    "matrixJob",
    "organizationFolder",
    "folder",
    "listView",
    "multiJob",
    "workflowJob",
    "buildFlowJob",
    "nestedView",
    "ivyJob",
];

/// Finds the pipeline of a file.
///
/// # Errors
/// It has none, or is of another kind: why, as the end of a sentence.
pub fn find<'t>(text: &str, tree: &'t Tree) -> Result<Model<'t>, String> {
    let mut found: Vec<&Call> = Vec::new();
    collect(&tree.statements, &mut found);
    if found.len() > 1 {
        return Err(format!(
            "it holds {} `pipeline` blocks, of which one is chosen when it runs",
            found.len()
        ));
    }
    let Some(call) = found.first().copied() else { return Err(other_kind(text, tree)) };
    let Some(body) = &call.block else { return Err(other_kind(text, tree)) };
    if !body.calls().any(|call| SECTIONS.contains(&call.name.as_str())) {
        return Err(if body.statements.is_empty() {
            "its `pipeline` block is empty".to_owned()
        } else {
            "its `pipeline` block is made by code".to_owned()
        });
    }
    let mut stages = Vec::new();
    for section in body.calls().filter(|call| call.name == "stages") {
        if let Some(block) = &section.block {
            read_stages(block, &vec![Seg::Key("stages".to_owned())], &mut stages);
        }
    }
    Ok(Model { call, body, stages })
}

/// `pipeline { … }` at the top, in a method's body, or in a condition there.
fn collect<'t>(statements: &'t [Statement], found: &mut Vec<&'t Call>) {
    for statement in statements {
        match statement {
            Statement::Call(call) if call.name == "pipeline" && call.block.is_some() => {
                found.push(call);
            }
            Statement::Call(call) if CONTROL.contains(&call.name.as_str()) => {
                if let Some(block) = &call.block {
                    collect(&block.statements, found);
                }
            }
            Statement::Method(method) => collect(&method.body.statements, found),
            Statement::Other { children, .. } => collect(children, found),
            Statement::Block(block) => collect(&block.statements, found),
            Statement::Call(_) | Statement::Assign(_) => {}
        }
    }
}

/// Stages of a block, with their paths: places count on from those there.
fn read_stages<'t>(block: &'t Block, at: &Path, stages: &mut Vec<Stage<'t>>) {
    for call in block.calls().filter(|call| call.name == "stage") {
        let Some(body) = &call.block else { continue };
        let mut path = at.clone();
        path.push(Seg::Index(stages.len()));
        let name = match call.arg("name") {
            Some(value) => value.text().map_or_else(
                || value.texts().iter().map(|text| text.value.as_str()).collect::<String>(),
                str::to_owned,
            ),
            None => String::new(),
        };
        let inner = read_inner(body, &path);
        stages.push(Stage { call, name, body, path, inner });
    }
}

fn read_inner<'t>(body: &'t Block, path: &Path) -> Inner<'t> {
    let below = |key: &[&str]| {
        let mut below = path.clone();
        below.extend(key.iter().map(|key| Seg::Key((*key).to_owned())));
        below
    };
    for section in body.calls() {
        let Some(block) = &section.block else { continue };
        let mut stages = Vec::new();
        match section.name.as_str() {
            "stages" => {
                read_stages(block, &below(&["stages"]), &mut stages);
                return Inner::Sequence(stages);
            }
            "parallel" => {
                read_stages(block, &below(&["parallel"]), &mut stages);
                return Inner::Parallel(stages);
            }
            "matrix" => {
                if let Some(list) = block.find("stages").and_then(|call| call.block.as_ref()) {
                    read_stages(list, &below(&["matrix", "stages"]), &mut stages);
                }
                return Inner::Matrix(block, stages);
            }
            _ => {}
        }
    }
    Inner::Steps
}

/// What a file without a `pipeline` block is.
fn other_kind(text: &str, tree: &Tree) -> String {
    let mut names: Vec<(&str, usize, bool)> = Vec::new();
    name_all(&tree.statements, &mut names, 0);
    let seen = |wanted: &dyn Fn(&str, bool) -> bool| {
        names.iter().find(|(name, _, block)| wanted(name, *block)).copied()
    };
    if let Some((name, at, _)) = seen(&|name, block| block && JOB_DSL.contains(&name)) {
        let line = line_of(text, at);
        return format!(
            "it is a Job DSL script (`{name}` in line {line}), which makes jobs and is no pipeline"
        );
    }
    if let Some((name, at, _)) = seen(&|name, block| {
        block && matches!(name, "node" | "podTemplate" | "stage" | "docker.image")
    }) {
        let line = line_of(text, at);
        return format!(
            "it is a scripted pipeline (`{name}` in line {line}); only declarative pipelines are read"
        );
    }
    if let Some((name, at, _)) =
        seen(&|name, _| matches!(name, "node" | "stage" | "sh" | "bat" | "checkout" | "parallel"))
    {
        let line = line_of(text, at);
        return format!(
            "it is a scripted pipeline (`{name}` in line {line}); only declarative pipelines are read"
        );
    }
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return "it is empty".to_owned();
    }
    let library = tree.statements.iter().filter_map(Statement::call).find(|call| {
        !CONTROL.contains(&call.name.as_str())
            && !matches!(
                call.name.as_str(),
                "_" | "properties" | "library" | "echo" | "import" | "pipeline"
            )
            && (call.parens.is_some() || call.block.is_some() || !call.args.is_empty())
    });
    if let Some(call) = library {
        let (name, line) = (&call.name, line_of(text, call.name_span.start));
        return format!("its stages stand in a shared library (`{name}` in line {line})");
    }
    "it is Groovy without a `pipeline` block".to_owned()
}

fn name_all<'t>(
    statements: &'t [Statement],
    names: &mut Vec<(&'t str, usize, bool)>,
    depth: usize,
) {
    if depth > 8 {
        return;
    }
    for statement in statements {
        match statement {
            Statement::Call(call) => {
                names.push((&call.name, call.name_span.start, call.block.is_some()));
                for inner in call
                    .block
                    .iter()
                    .chain(call.chain.iter().filter_map(|call| call.block.as_ref()))
                {
                    name_all(&inner.statements, names, depth + 1);
                }
            }
            Statement::Other { children, .. } => name_all(children, names, depth + 1),
            Statement::Block(block) => name_all(&block.statements, names, depth + 1),
            Statement::Method(method) => name_all(&method.body.statements, names, depth + 1),
            Statement::Assign(_) => {}
        }
    }
}
