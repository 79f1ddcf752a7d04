//! The same pipeline on another platform: from the job graph to portable words, from
//! these to a file, and an account of what is not in it.
//!
//! What is carried follows the reference of GitHub Actions Importer
//! (<https://docs.github.com/en/actions/tutorials/migrate-to-github-actions/automated-migrations>),
//! in all directions.

pub mod account;
pub mod lift;
pub mod rewrite;
#[cfg(test)]
mod tests;
pub mod variables;

use super::portable::{self, NotCarried, Portable};
use super::{File, Files, NoFiles, Outcome, Platform};

/// A file on another platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The file.
    pub text: String,
    /// What it does not do, by place in the file it was converted from.
    pub not_carried: Vec<NotCarried>,
    /// What a person has to set up for it, a sentence each.
    pub remarks: Vec<String>,
}

/// Writes a file's pipeline for another platform. What the written file does not do is
/// listed; it is read back and held against the source, so that nothing is lost in
/// silence.
pub fn convert(file: &File, to: Platform, files: &dyn Files) -> Converted {
    let lift::Lifted { portable, lost, remarks, ids } = lift::lift(file, to, files);
    let written = portable::write(&portable, to);
    let mut not_carried = lost;
    not_carried.extend(written.not_carried);
    for entry in &mut not_carried {
        if entry.line.is_none() {
            entry.line = line_of(&portable, entry);
        }
    }
    let mut all_remarks = remarks;
    all_remarks.extend(written.remarks);
    let missing =
        account::missing(file, &portable, &ids, &written.text, to, &not_carried, &all_remarks);
    not_carried.extend(missing);
    let mut seen = std::collections::HashSet::new();
    not_carried.retain(|entry| seen.insert(entry.clone()));
    not_carried.sort_by_key(|entry| entry.line.unwrap_or(u32::MAX));
    let mut seen = std::collections::HashSet::new();
    all_remarks.retain(|remark| seen.insert(remark.clone()));
    Converted { text: written.text, not_carried, remarks: all_remarks }
}

/// The line of the job that an entry names.
fn line_of(portable: &Portable, entry: &NotCarried) -> Option<u32> {
    let job = portable.jobs.iter().find(|job| entry.what.contains(&format!("`{}`", job.id)))?;
    job.line
}

/// Whether the written file is read by its dialect without a complaint of the schema or
/// of the checks of meaning; else what they say.
///
/// # Errors
/// What is wrong, a sentence each.
pub fn prove(text: &str, to: Platform) -> Result<Box<File>, Vec<String>> {
    let path = to.usual_path();
    let file = match super::read(to, path, text, &NoFiles) {
        Outcome::Read(file) => file,
        Outcome::Declined(why) => return Err(vec![format!("It is not read: {why}")]),
        Outcome::Invalid { line, why } => {
            return Err(vec![format!("It is broken in line {line}: {why}")]);
        }
    };
    let mut wrong: Vec<String> = super::schema::problems(to, path, &file.tree)
        .into_iter()
        .map(|problem| format!("Line {}: {}", problem.line, problem.message))
        .collect();
    let lints = super::lint::problems(&file);
    wrong.extend(lints.iter().map(|lint| format!("{}: {}", lint.slug, lint.message)));
    if wrong.is_empty() { Ok(file) } else { Err(wrong) }
}
