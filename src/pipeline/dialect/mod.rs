//! One folder a dialect: from a file's tree to the job graph.

pub mod azure;
pub mod bitbucket;
pub mod github;
pub mod gitlab;
pub mod harness;
pub mod jenkins;
#[cfg(test)]
mod tests;
pub mod walk;

use super::graph::Pipeline;
use super::platform::Platform;
use super::yaml::{self, Tree};
use super::{File, Files, Outcome, access, words};

/// What a dialect reads.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Relative to the checkout, with `/`.
    pub path: &'a str,
    /// The file's text.
    pub text: &'a str,
    /// Its tree; empty for Jenkins.
    pub tree: &'a Tree,
    /// What else lies in the checkout.
    pub files: &'a dyn Files,
}

/// Why a file has no graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is no pipeline, or one of a kind that is not read; why, as a sentence's
    /// end: `it is a scripted pipeline`.
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
    let tree = if platform == Platform::Jenkins {
        Tree::default()
    } else {
        match yaml::parse(text) {
            Ok(tree) => tree,
            Err(broken) => return Outcome::Invalid { line: broken.line, why: broken.why },
        }
    };
    match graph(platform, &Source { path, text, tree: &tree, files }) {
        Ok(pipeline) => Outcome::Read(Box::new(File {
            path: path.to_owned(),
            text: text.to_owned(),
            tree,
            pipeline,
        })),
        Err(Refusal::Declined(why)) => Outcome::Declined(why),
        Err(Refusal::Invalid { line, why }) => Outcome::Invalid { line, why },
    }
}

fn graph(platform: Platform, source: &Source<'_>) -> Result<Pipeline, Refusal> {
    let mut pipeline = match platform {
        Platform::GitHub => github::read(source),
        Platform::GitLab => gitlab::read(source),
        Platform::Azure => azure::read(source),
        Platform::Jenkins => jenkins::read(source),
        Platform::Bitbucket => bitbucket::read(source),
        Platform::Harness => harness::read(source),
    }?;
    words::fill(&mut pipeline);
    access::infer(&mut pipeline);
    Ok(pipeline)
}
