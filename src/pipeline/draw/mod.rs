//! Drawings of a job graph: Mermaid, DOT and SVG, with the critical path marked, and
//! a state before beside the one after.

mod dot;
mod layout;
mod mermaid;
mod scene;
mod svg;
#[cfg(test)]
mod tests;

use super::graph::Pipeline;
use super::timing::path::Times;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Drawing<'a> {
    /// The pipeline, or its state before.
    pub before: &'a Pipeline,
    /// Its state after; jobs are the same by their ids.
    pub after: Option<&'a Pipeline>,
    /// What the jobs of `before` take. Without it no times are written, and the
    /// critical path is the one of usual times.
    pub times: Option<&'a Times>,
    /// What the jobs of `after` take; without it, the same by the jobs' ids.
    pub times_after: Option<&'a Times>,
    /// Whether the times are estimates: they are marked with `≈`.
    pub estimated: bool,
    /// Graph or time axis; a time axis is for SVG alone.
    pub layout: Layout,
}

/// How an SVG is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Boxes and edges.
    #[default]
    Graph,
    /// Bars from each job's start to its end.
    Timeline,
}

impl<'a> Drawing<'a> {
    /// One pipeline, without times.
    pub fn of(pipeline: &'a Pipeline) -> Self {
        Drawing {
            before: pipeline,
            after: None,
            times: None,
            times_after: None,
            estimated: false,
            layout: Layout::Graph,
        }
    }

    /// A flowchart in Mermaid's language.
    pub fn mermaid(&self) -> String {
        mermaid::draw(&scene::panels(self))
    }

    /// A digraph in Graphviz' language.
    pub fn dot(&self) -> String {
        dot::draw(&scene::panels(self))
    }

    /// A picture that stands alone and reads on light and dark grounds.
    pub fn svg(&self) -> String {
        svg::draw(&scene::panels(self), self.layout)
    }
}

/// `45 s`, `2 min 05 s`, `1 h 03 min`.
pub fn duration(seconds: f64) -> String {
    let whole = if seconds.is_finite() { seconds.max(0.0).round() as u64 } else { 0 };
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 if whole.is_multiple_of(60) => format!("{} min", whole / 60),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}
