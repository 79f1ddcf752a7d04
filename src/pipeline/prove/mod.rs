//! The proof of an edit, before anybody sees it: the text is made by splicing, the
//! tree by hand, and both have to mean the same; no line changes that no op names;
//! the file reads as before, has no new problem, and has lost nothing.

mod graph;
mod preserve;
pub mod rewrite;
mod secrets;
#[cfg(test)]
mod splices;
#[cfg(test)]
mod tests;
mod untouched;

use std::collections::HashMap;

use super::edit::{self, Op, Spliced, Text};
use super::platform::Platform;
use super::yaml::{Plain, Tree};
use super::{File, Files, Outcome, dialect, lint, schema};

/// Problems of a file, each as a key that stays the same where it only moves.
pub type Problems<'g> = &'g dyn Fn(&File) -> Vec<String>;

/// Whose problems an edit may not add to.
#[derive(Clone, Copy)]
pub struct Gates<'g> {
    /// What the platform's schema says.
    pub schema: Problems<'g>,
    /// What the checks of meaning say.
    pub semantic: Problems<'g>,
}

impl Gates<'static> {
    /// The platform's schema and the checks of meaning.
    pub fn usual() -> Self {
        fn shape(file: &File) -> Vec<String> {
            let problems = schema::problems(file.pipeline.platform, &file.path, &file.tree);
            problems.into_iter().map(|problem| problem.key).collect()
        }
        fn meaning(file: &File) -> Vec<String> {
            lint::problems(file).into_iter().map(|lint| lint.key).collect()
        }
        Gates { schema: &shape, semantic: &meaning }
    }
}

/// A file after an edit that was proven.
#[derive(Debug)]
pub struct Proven {
    /// The file.
    pub after: Box<File>,
    /// For each of its lines, the line it was, or before which it was put; from 0.
    pub origin: Vec<u32>,
    /// What was checked and held, a sentence each.
    pub proof: Vec<String>,
}

/// An edit that is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Which check failed.
    pub check: Check,
    /// Why, a sentence without its full stop.
    pub reason: String,
}

/// The checks, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// The edit can be made.
    Edit,
    /// The result is a pipeline of its platform.
    Reads,
    /// It means what it has to.
    Tree,
    /// No other line changed.
    Lines,
    /// Line ends, the final line end and the byte order mark are as before.
    Ends,
    /// The schema has nothing new to say.
    Schema,
    /// The checks of meaning have nothing new to say.
    Meaning,
    /// Nothing is lost.
    Lost,
}

/// Makes ops on a file and proves the result.
///
/// # Errors
/// The first check that failed.
pub fn prove(
    before: &File,
    ops: &[Op],
    files: &dyn Files,
    gates: &Gates<'_>,
) -> Result<Proven, Withheld> {
    Baseline::new(before, gates).prove(ops, files, gates)
}

/// What is known of a file before edits, to prove several against it.
pub struct Baseline<'f> {
    file: &'f File,
    text: Text<'f>,
    /// Trees of all documents, and which is the main one.
    documents: (Vec<Plain>, usize),
    schema: HashMap<String, usize>,
    semantic: HashMap<String, usize>,
    facts: preserve::Facts<'f>,
}

impl<'f> Baseline<'f> {
    /// Looks at a file.
    pub fn new(file: &'f File, gates: &Gates<'_>) -> Self {
        Baseline {
            file,
            text: Text::new(&file.text, &file.tree),
            documents: documents(&file.tree),
            schema: count((gates.schema)(file)),
            semantic: count((gates.semantic)(file)),
            facts: preserve::Facts::of(file),
        }
    }

    /// Which stretches of the text ops would replace; an empty one is an insertion.
    ///
    /// # Errors
    /// The edit cannot be made.
    pub fn stretches(&self, ops: &[Op]) -> Result<Vec<std::ops::Range<usize>>, Withheld> {
        self.text.stretches(ops).map_err(|refused| failed(Check::Edit, refused.to_string()))
    }

    /// Makes ops and proves the result.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn prove(
        &self,
        ops: &[Op],
        files: &dyn Files,
        gates: &Gates<'_>,
    ) -> Result<Proven, Withheld> {
        let before = self.file;
        let platform = before.pipeline.platform;
        let Spliced { text, origin } =
            self.text.splice(ops).map_err(|refused| failed(Check::Edit, refused.to_string()))?;
        let mut proof = Vec::new();
        let after = self.reads(&text, files)?;
        if platform != Platform::Jenkins {
            self.same_tree(ops, &after.tree)?;
            proof.push("The result parses to exactly the tree that the change means.".to_owned());
        }
        let changed = untouched::check(before, &after.text, ops)
            .map_err(|reason| failed(Check::Lines, reason))?;
        proof.push(format!("All lines but {changed} are as they were, in the same order."));
        self.holds(&after, ops, gates, &mut proof)?;
        Ok(Proven { after, origin, proof })
    }

    /// Proves a text that was made of the file by other means than ops: it reads, adds no
    /// problem, and nothing is lost, not even by a change of a script.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn prove_text(
        &self,
        text: &str,
        files: &dyn Files,
        gates: &Gates<'_>,
    ) -> Result<(Box<File>, Vec<String>), Withheld> {
        let after = self.reads(text, files)?;
        let mut proof = Vec::new();
        self.holds(&after, &[], gates, &mut proof)?;
        Ok((after, proof))
    }

    /// The text as a pipeline of the same platform.
    fn reads(&self, text: &str, files: &dyn Files) -> Result<Box<File>, Withheld> {
        let before = self.file;
        if text == before.text {
            return Err(failed(Check::Edit, "it changes nothing".to_owned()));
        }
        match dialect::read(before.pipeline.platform, &before.path, text, files) {
            Outcome::Read(file) => Ok(file),
            Outcome::Declined(why) => {
                Err(failed(Check::Reads, format!("the result is not read: {why}")))
            }
            Outcome::Invalid { line, why } => {
                Err(failed(Check::Reads, format!("the result is broken in line {line}: {why}")))
            }
        }
    }

    /// What holds of a result however it was made.
    fn holds(
        &self,
        after: &File,
        ops: &[Op],
        gates: &Gates<'_>,
        proof: &mut Vec<String>,
    ) -> Result<(), Withheld> {
        let before = self.file;
        let platform = before.pipeline.platform;
        ends(&before.text, &after.text).map_err(|reason| failed(Check::Ends, reason))?;
        proof.push("Line ends, the end of the file and its encoding are as they were.".to_owned());
        proof.push(format!(
            "{} reads the result as a pipeline.",
            "The reader for ".to_owned() + platform.name()
        ));
        if let Some(new) = more(&self.schema, (gates.schema)(after)) {
            return Err(failed(Check::Schema, format!("the schema finds a new problem: {new}")));
        }
        proof.push("The schema finds no problem that was not there before.".to_owned());
        if let Some(new) = more(&self.semantic, (gates.semantic)(after)) {
            return Err(failed(Check::Meaning, format!("there is a new problem: {new}")));
        }
        proof.push("The checks of meaning find no problem that was not there before.".to_owned());
        let facts = preserve::Facts::of(after);
        let kept = preserve::check(&self.facts, &facts, ops);
        proof.extend(kept.map_err(|reason| failed(Check::Lost, reason))?);
        Ok(())
    }

    fn same_tree(&self, ops: &[Op], after: &Tree) -> Result<(), Withheld> {
        let wrong = |why: &str| failed(Check::Tree, why.to_owned());
        let (before, main) = &self.documents;
        let Some(root) = before.get(*main) else { return Err(wrong("the file is empty")) };
        let intended =
            edit::intend(root, ops).map_err(|refused| failed(Check::Tree, refused.to_string()))?;
        let (documents, now) = documents(after);
        if documents.len() != before.len()
            || now != *main
            || after.documents() != self.file.tree.documents()
        {
            return Err(wrong("the documents of the file are not the same"));
        }
        for (at, (a, b)) in documents.iter().zip(before).enumerate() {
            let expected = if at == *main { &intended } else { b };
            if !edit::same(a, expected) {
                return Err(wrong("the result does not mean what the change says"));
            }
        }
        Ok(())
    }
}

fn failed(check: Check, reason: String) -> Withheld {
    Withheld { check, reason }
}

fn documents(tree: &Tree) -> (Vec<Plain>, usize) {
    let main = tree.root().and_then(|root| tree.roots().iter().position(|id| *id == root));
    (tree.roots().iter().map(|id| tree.plain(*id)).collect(), main.unwrap_or(0))
}

fn count(keys: Vec<String>) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// A key that is there more often than before.
fn more(before: &HashMap<String, usize>, after: Vec<String>) -> Option<String> {
    let after = count(after);
    let mut new: Vec<String> = after
        .into_iter()
        .filter(|(key, count)| before.get(key).copied().unwrap_or(0) < *count)
        .map(|(key, _)| key)
        .collect();
    new.sort();
    new.into_iter().next()
}

fn ends(before: &str, after: &str) -> Result<(), String> {
    let crlf = |text: &str| text.matches("\r\n").count();
    let lf = |text: &str| memchr::memchr_iter(b'\n', text.as_bytes()).count();
    let (returns, lines) = (crlf(before), lf(before));
    let kept = if lines > 0 && returns == lines {
        crlf(after) == lf(after)
    } else {
        returns > 0 || crlf(after) == 0
    };
    if !kept {
        return Err("line ends would be mixed".to_owned());
    }
    if before.ends_with('\n') != after.ends_with('\n') {
        return Err("the line end at the end of the file would change".to_owned());
    }
    if before.starts_with('\u{feff}') != after.starts_with('\u{feff}') {
        return Err("the byte order mark would change".to_owned());
    }
    Ok(())
}
