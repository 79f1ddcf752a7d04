//! `pipeline`: check, optimise, draw, generate and convert pipeline files.

pub mod change;
pub mod check;
pub mod collect;
pub mod diff;
pub mod graph;
pub mod history;
pub mod optimize;
pub mod propose;
pub mod report;
pub mod settings;
pub mod show;
pub mod validity;
pub mod write;

use std::io::Write as _;

use anyhow::anyhow;

use self::history::Known;
use crate::failure::Failure;
use crate::inputs::{Gathered, Inputs, PipelineAction, PipelineCommand};
use crate::pipeline::{File, rule};

/// Do what was asked for on the command line. Gives the exit code.
///
/// # Errors
/// As the exit codes say.
pub fn run(gathered: &Gathered, first: &Inputs, command: &PipelineCommand) -> Result<u8, Failure> {
    let config = crate::task::config::config_at_base(first);
    let inputs = &gathered
        .resolve(config.as_ref())
        .map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    if let PipelineAction::Rules { rule } = &command.action {
        return rules(rule.as_deref());
    }
    if let PipelineAction::Generate { wish } = &command.action {
        return write::from_wish(inputs, wish);
    }
    let (subjects, workspace) =
        collect::subjects(inputs, &command.files).map_err(Failure::Inputs)?;
    let read: Vec<&File> = subjects.iter().filter_map(collect::Subject::file).collect();
    let known = match command.action {
        // It says nothing of times.
        PipelineAction::Convert { .. } => Known::default(),
        _ => history::load(inputs, &read)?,
    };
    match &command.action {
        PipelineAction::Check => check::run(inputs, &subjects, &workspace, &known),
        PipelineAction::Graph { drawing, timeline, after } => {
            let wanted = graph::Wanted { drawing: *drawing, timeline: *timeline, after: *after };
            graph::run(inputs, &subjects, wanted, &known, &|file| {
                optimize::after(inputs, file, &workspace, &known)
            })
        }
        PipelineAction::Optimize { apply } => {
            optimize::run(inputs, subjects, &workspace, &known, *apply)
        }
        PipelineAction::Convert { to } => write::converted(inputs, &subjects, &workspace, *to),
        // Done above: they need no files.
        PipelineAction::Generate { .. } | PipelineAction::Rules { .. } => Ok(0),
    }
}

/// List the rules, or explain one.
fn rules(named: Option<&str>) -> Result<u8, Failure> {
    let text = match named {
        Some(name) => match rule::find(name) {
            Some(rule) => format!("# {}\n\n{}\n\n{}\n", rule.slug, rule.title, rule.doc.trim()),
            None => {
                let near = crate::inputs::nearest(name, rule::RULES.iter().map(|rule| rule.slug));
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(Failure::Inputs(anyhow!("there is no rule `{name}`{near}")));
            }
        },
        None => {
            rule::RULES.iter().map(|rule| format!("{:<34} {}\n", rule.slug, rule.title)).collect()
        }
    };
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(0)
}
