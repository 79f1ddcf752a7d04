//! Jenkins: declarative pipelines. Leaf stages are jobs; `post` sections beyond a
//! leaf's own are jobs too, named as Jenkins names them, so that what waits for what
//! is whole.

mod flow;
mod jobs;
pub mod model;
mod sections;
mod steps;
#[cfg(test)]
mod tests;

use super::{Refusal, Source};
use crate::pipeline::graph::{Job, Pipeline, Seg};
use crate::pipeline::groovy;

/// The name of a job that stands for a `post` section of a pipeline, or, behind its
/// stage's name, of a stage that has stages; as Jenkins shows it.
pub const POST: &str = "Declarative: Post Actions";

/// Whether a job stands for such a `post` section: it is no stage, and no directive
/// can be put into it.
pub fn is_post(job: &Job) -> bool {
    matches!(job.path.last(), Some(Seg::Key(key)) if key == "post")
}

/// Reads a file.
///
/// # Errors
/// It is a scripted pipeline, a Job DSL script, a call of a shared library or another
/// kind of Groovy; or its brackets, strings or comments do not close.
pub fn read(source: &Source<'_>) -> Result<Pipeline, Refusal> {
    if source.text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return Err(Refusal::Declined("it is XML, no Jenkinsfile".to_owned()));
    }
    let tree = groovy::parse(source.text)
        .map_err(|broken| Refusal::Invalid { line: broken.line, why: broken.why })?;
    let model = model::find(source.text, &tree).map_err(Refusal::Declined)?;
    Ok(jobs::pipeline(source.text, &tree, &model))
}
