//! What the platform would refuse: by its schema, and by what its schema misses.

use crate::finding::Severity;
use crate::pipeline::check::Lines;
use crate::pipeline::{File, lint, schema};

/// The name under which the schema's problems are told.
const SCHEMA: &str = "invalid-schema";

/// Something that the platform would refuse, or pass over without a word.
pub struct Problem {
    /// Its name in JSON and in remarks.
    pub slug: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// First and last line.
    pub lines: (u32, u32),
    /// What is wrong, in one line.
    pub message: String,
}

/// All of a file, in order. A place of which both speak is told of once.
pub fn problems(file: &File, lines: &Lines) -> Vec<Problem> {
    let ignores = crate::pipeline::ignore::read(&file.text);
    let platform = file.pipeline.platform;
    let mut problems: Vec<Problem> = lint::problems(file)
        .into_iter()
        .filter(|lint| lint.span.file == 0)
        .map(|lint| Problem {
            slug: lint.slug,
            severity: Severity::High,
            lines: lines.span(&lint.span.range()),
            message: lint.message,
        })
        .collect();
    for problem in schema::problems(platform, &file.path, &file.tree) {
        if problems.iter().any(|known| known.lines.0 == problem.line) {
            continue;
        }
        problems.push(Problem {
            slug: SCHEMA,
            // A published schema is at times stricter than the service.
            severity: Severity::Medium,
            lines: (problem.line, problem.line),
            message: problem.message,
        });
    }
    problems.retain(|problem| !ignores.covers(problem.slug, problem.lines.0));
    for problem in &mut problems {
        // A sentence of its own begins with a capital, unless a name begins it.
        if let Some(first) = problem.message.chars().next().filter(char::is_ascii_lowercase) {
            problem.message.replace_range(..1, &first.to_ascii_uppercase().to_string());
        }
    }
    problems.sort_by_key(|problem| problem.lines);
    problems
}
