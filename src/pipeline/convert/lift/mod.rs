//! From the job graph of one platform to portable words.

pub mod condition;
mod detail;
mod group;
mod job;
mod runner;
mod step;
mod trigger;
mod uses;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::pipeline::check::Lines;
use crate::pipeline::graph::{Pipeline, Span};
use crate::pipeline::portable::write::context::identifier;
use crate::pipeline::portable::{NotCarried, Part, Portable, Text};
use crate::pipeline::{File, Files, Platform};

/// The state of one conversion.
pub struct Lift<'a> {
    /// What is converted.
    pub file: &'a File,
    /// For whom.
    pub to: Platform,
    /// What lies beside it.
    pub files: &'a dyn Files,
    lines: Lines,
    lost: RefCell<Vec<NotCarried>>,
    remarks: RefCell<Vec<String>>,
    /// Portable ids of the graph's jobs.
    ids: Vec<String>,
    /// Inputs of manual triggers.
    inputs: BTreeSet<String>,
    /// Outputs of jobs beside those the graph has, by the graph's job.
    outputs: RefCell<HashMap<usize, BTreeSet<String>>>,
    elsewhere: RefCell<BTreeMap<String, ()>>,
    matrix: HashMap<usize, Vec<String>>,
}

/// What came of a lift.
pub struct Lifted {
    /// The portable pipeline.
    pub portable: Portable,
    /// What is lost on the way to it.
    pub lost: Vec<NotCarried>,
    /// What a person has to set up.
    pub remarks: Vec<String>,
    /// Portable ids of the graph's jobs, by their places.
    pub ids: Vec<String>,
}

/// The portable pipeline of a file.
pub fn lift(file: &File, to: Platform, files: &dyn Files) -> Lifted {
    let pipeline = &file.pipeline;
    let groups = group::groups(pipeline);
    let mut lift = Lift {
        file,
        to,
        files,
        lines: Lines::new(&file.text),
        lost: RefCell::default(),
        remarks: RefCell::default(),
        ids: group::ids(pipeline, &groups),
        inputs: BTreeSet::new(),
        outputs: RefCell::default(),
        elsewhere: RefCell::default(),
        matrix: HashMap::new(),
    };
    let inputs = trigger::inputs(&lift);
    lift.inputs = inputs.iter().map(|input| input.name.clone()).collect();
    for (at, job) in pipeline.jobs.iter().enumerate() {
        if let Some(matrix) = &job.matrix {
            lift.matrix.insert(at, matrix.axes.iter().map(|axis| axis.0.clone()).collect());
        }
    }
    let portable = job::pipeline(&lift, &groups, inputs);
    for name in lift.elsewhere.borrow().keys() {
        lift.remark(format!("The variable `{name}` has to be set on the platform"));
    }
    Lifted {
        portable,
        lost: lift.lost.into_inner(),
        remarks: lift.remarks.into_inner(),
        ids: lift.ids,
    }
}

impl Lift<'_> {
    /// Whose file it is.
    pub fn from(&self) -> Platform {
        self.file.pipeline.platform
    }

    /// Its graph.
    pub fn pipeline(&self) -> &Pipeline {
        &self.file.pipeline
    }

    /// The line of a place in the file itself, from 1.
    pub fn line(&self, span: Span) -> Option<u32> {
        (span.file == 0).then(|| self.lines.of(span.start as usize))
    }

    /// Reports what is not carried.
    pub fn lose(&self, what: impl Into<String>, why: impl Into<String>, line: Option<u32>) {
        let entry = NotCarried { what: what.into(), why: why.into(), line };
        let mut lost = self.lost.borrow_mut();
        if !lost.contains(&entry) {
            lost.push(entry);
        }
    }

    /// Says what a person has to set up.
    pub fn remark(&self, text: impl Into<String>) {
        let text = text.into();
        let mut remarks = self.remarks.borrow_mut();
        if !remarks.contains(&text) {
            remarks.push(text);
        }
    }

    /// The portable id of a job of the graph.
    pub fn id(&self, job: usize) -> &str {
        self.ids.get(job).map_or("", String::as_str)
    }

    /// Whether a variable is given in the file.
    pub fn defined(&self, job: Option<usize>, name: &str) -> bool {
        let name = identifier(name);
        let has = |list: &[crate::pipeline::graph::Variable]| {
            list.iter().any(|variable| identifier(&variable.name) == name)
        };
        has(&self.pipeline().env)
            || job
                .and_then(|job| self.pipeline().jobs.get(job))
                .is_some_and(|job| has(&job.env) || job.steps.iter().any(|step| has(&step.env)))
    }

    /// A variable that the target does not know by itself.
    pub fn unknown_variable(&self, job: Option<usize>, name: &str) {
        let line =
            job.and_then(|job| self.pipeline().jobs.get(job)).and_then(|job| self.line(job.span));
        self.lose(
            format!("the predefined variable `{name}`"),
            format!(
                "{} has no such variable; it has to be set, or the script changed",
                self.to.name()
            ),
            line,
        );
    }

    /// A variable that is set outside the file.
    pub fn set_elsewhere(&self, name: &str) {
        self.elsewhere.borrow_mut().insert(identifier(name), ());
    }

    /// Whether the job's matrix has this axis.
    pub fn axis(&self, job: Option<usize>, name: &str) -> bool {
        let axes = job.and_then(|job| self.matrix.get(&job));
        axes.is_some_and(|axes| axes.iter().any(|axis| axis == name))
    }

    /// Whether steps of the job stand in no shell of their own.
    pub fn grouped(&self) -> bool {
        false
    }

    /// Whether a person asks for this when a run is started.
    pub fn input(&self, name: &str) -> bool {
        self.inputs.contains(name)
    }

    /// Whether the job waits for a person.
    pub fn is_manual(&self, job: usize) -> bool {
        self.pipeline().jobs.get(job).is_some_and(|job| job.manual)
    }

    /// An output by its name alone, of a job that comes before.
    pub fn output(&self, job: Option<usize>, name: &str) -> Option<Text> {
        let _ = (job, name);
        None
    }

    /// An output of the job with this id.
    pub fn output_of(&self, other: &str, name: &str) -> Option<Text> {
        let at = self.pipeline().job(other)?;
        let (_, value) = self.pipeline().jobs.get(at)?.outputs.iter().find(|(n, _)| n == name)?;
        self.inner_output(at, value).map(|inner| Part::Output(self.id(at).to_owned(), inner).into())
    }

    /// The name that a script writes for an output like `${{ steps.x.outputs.y }}`.
    fn inner_output(&self, job: usize, value: &str) -> Option<String> {
        let code = value.trim().strip_prefix("${{")?.strip_suffix("}}")?.trim();
        let parts: Vec<&str> = code.split('.').collect();
        let ["steps", step, "outputs", name] = parts.as_slice() else { return None };
        self.writes_output(job, step).then(|| (*name).to_owned())
    }

    /// Whether a step of this id writes outputs in a script.
    fn writes_output(&self, job: usize, step: &str) -> bool {
        let Some(job) = self.pipeline().jobs.get(job) else { return false };
        job.steps.iter().any(|one| {
            one.id.as_deref() == Some(step)
                && one.script.as_ref().is_some_and(|s| s.text.contains("GITHUB_OUTPUT"))
        })
    }

    /// An output of a step of the same job.
    pub fn step_output(&self, job: Option<usize>, step: &str, name: &str) -> Option<Text> {
        let at = job?;
        if !self.writes_output(at, step) {
            return None;
        }
        self.outputs.borrow_mut().entry(at).or_default().insert(name.to_owned());
        Some(Part::Output(self.id(at).to_owned(), name.to_owned()).into())
    }

    /// Outputs that the job hands on.
    fn outputs_of(&self, job: usize) -> Vec<String> {
        let mut names: BTreeSet<String> =
            self.outputs.borrow().get(&job).cloned().unwrap_or_default();
        if let Some(graph) = self.pipeline().jobs.get(job) {
            for (name, value) in &graph.outputs {
                match self.inner_output(job, value) {
                    Some(inner) => {
                        names.insert(inner);
                    }
                    None => self.lose(
                        format!("the output `{name}` of job `{}`", graph.id),
                        "It comes from an action or an expression that has no equal here",
                        self.line(graph.span),
                    ),
                }
            }
        }
        names.into_iter().collect()
    }

    /// The job's operating system, as GitHub names it.
    pub fn os(&self, job: Option<usize>) -> String {
        use crate::pipeline::graph::Os;
        let job = job.and_then(|job| self.pipeline().jobs.get(job));
        match job.and_then(|job| job.runner.os) {
            Some(Os::Windows) => "Windows",
            Some(Os::MacOs) => "macOS",
            _ => "Linux",
        }
        .to_owned()
    }
}
