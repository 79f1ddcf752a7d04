//! Pipeline files: read by dialect into one job graph, checked by rules, edited with
//! proof, drawn, written and converted. Pure.

pub mod access;
pub mod check;
pub mod convert;
pub mod dialect;
pub mod draw;
pub mod edit;
pub mod generate;
pub mod graph;
pub mod groovy;
pub mod ignore;
pub mod independence;
pub mod lint;
pub mod optimize;
pub mod platform;
pub mod portable;
pub mod prove;
pub mod rule;
pub mod schema;
pub mod timing;
pub mod words;
pub mod yaml;

use graph::Pipeline;
pub use platform::Platform;

/// What lies in the checkout beside a pipeline file.
pub trait Files {
    /// Every path of the checkout, relative with `/`, sorted.
    fn paths(&self) -> &[String];

    /// A file's text; `None` where it is not there, no text, or too large.
    fn read(&self, path: &str) -> Option<String>;

    /// Whether there is a file with this path.
    fn exists(&self, path: &str) -> bool {
        self.paths().binary_search_by(|known| known.as_str().cmp(path)).is_ok()
    }
}

/// A checkout of nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn paths(&self) -> &[String] {
        &[]
    }

    fn read(&self, _: &str) -> Option<String> {
        None
    }
}

/// A pipeline file that was read.
#[derive(Debug)]
pub struct File {
    /// Relative to the checkout, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its tree; an empty one for Jenkins.
    pub tree: yaml::Tree,
    /// Its graph.
    pub pipeline: Pipeline,
}

/// What came of reading a file.
#[derive(Debug)]
pub enum Outcome {
    /// It was read.
    Read(Box<File>),
    /// It is no pipeline, or one of a kind that is not read; why.
    Declined(String),
    /// It is broken.
    Invalid {
        /// Where, from 1.
        line: u32,
        /// What is wrong.
        why: String,
    },
}

/// Reads a file as this platform's pipeline.
pub fn read(platform: Platform, path: &str, text: &str, files: &dyn Files) -> Outcome {
    dialect::read(platform, path, text, files)
}
