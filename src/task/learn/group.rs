//! From remarks to rows, and from rows to what is proposed.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::{About, Fate, Remark};
use crate::inputs::Tables;
use crate::task::review::prove::alike;

/// From this many dismissals on …
const DISMISSALS: usize = 3;
/// … in this many pull requests …
const REQUESTS: usize = 2;
/// … by this many people, a remark is proposed to be dropped.
const PEOPLE: usize = 2;
/// Most remarks of one kind whose addresses are kept.
const MOST_URLS: usize = 10;

/// What is proposed for the files of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposal {
    /// `ignore_rules`.
    Rule {
        /// Where.
        glob: String,
        /// Which.
        id: String,
    },
    /// A line of `instructions`.
    Remark {
        /// Where.
        glob: String,
        /// The line.
        line: String,
    },
}

/// Remarks of one kind.
#[derive(Debug, Clone)]
pub struct Row {
    /// What they are about.
    pub about: About,
    /// The first one's title.
    pub title: String,
    /// The folder that holds all of them, as a pattern.
    pub glob: String,
    /// How many were put aside.
    pub dismissed: usize,
    /// After how many the line was changed.
    pub accepted: usize,
    /// In which pull requests they were put aside.
    pub requests: BTreeSet<u64>,
    /// By whom.
    pub people: BTreeSet<String>,
    /// Addresses of those put aside.
    pub urls: Vec<String>,
    /// What is proposed.
    pub proposal: Option<Proposal>,
    /// Why nothing is.
    pub why_not: Option<String>,
}

/// Rows with at least one dismissal, most dismissed first.
pub fn rows(remarks: &[Remark], tables: &Tables) -> Vec<Row> {
    let mut rules: BTreeMap<&str, Vec<&Remark>> = BTreeMap::new();
    let mut said: Vec<Vec<&Remark>> = Vec::new();
    for remark in remarks {
        match &remark.about {
            About::Rule(id) => rules.entry(id).or_default().push(remark),
            About::Model(category) => {
                let same = |first: &Remark| {
                    let About::Model(other) = &first.about else { return false };
                    let one = category.is_none() || other.is_none() || category == other;
                    one && folder(&first.path) == folder(&remark.path)
                        && alike(&first.title, &remark.title)
                };
                match said.iter_mut().find(|group| same(group[0])) {
                    Some(group) => group.push(remark),
                    None => said.push(vec![remark]),
                }
            }
        }
    }
    let mut rows: Vec<Row> =
        rules.into_values().chain(said).filter_map(|group| row(&group, tables)).collect();
    rows.sort_by(|a, b| b.dismissed.cmp(&a.dismissed).then_with(|| a.title.cmp(&b.title)));
    rows
}

/// What all rows propose.
pub fn proposals(rows: &[Row]) -> Vec<Proposal> {
    rows.iter().filter_map(|row| row.proposal.clone()).collect()
}

fn row(group: &[&Remark], tables: &Tables) -> Option<Row> {
    let first = group.first()?;
    let mut row = Row {
        about: first.about.clone(),
        title: first.title.clone(),
        glob: String::new(),
        dismissed: 0,
        accepted: 0,
        requests: BTreeSet::new(),
        people: BTreeSet::new(),
        urls: Vec::new(),
        proposal: None,
        why_not: None,
    };
    let mut paths: Vec<&str> = Vec::new();
    for remark in group {
        match &remark.fate {
            Fate::Accepted => row.accepted += 1,
            Fate::Dismissed(people) => {
                row.dismissed += 1;
                row.requests.insert(remark.request);
                row.people.extend(people.iter().cloned());
                paths.push(&remark.path);
                if row.urls.len() < MOST_URLS {
                    row.urls.push(remark.url.clone());
                }
            }
            Fate::Open => {}
        }
    }
    if row.dismissed == 0 {
        return None;
    }
    row.glob = glob(&paths);
    let proposal = match &row.about {
        About::Rule(id) => Proposal::Rule { glob: row.glob.clone(), id: id.clone() },
        About::Model(_) => {
            let line = format!("Do not report: {}.", row.title.trim_end_matches('.'));
            Proposal::Remark { glob: row.glob.clone(), line }
        }
    };
    row.why_not = why_not(&row, &proposal, tables);
    if row.why_not.is_none() {
        row.proposal = Some(proposal);
    }
    Some(row)
}

fn why_not(row: &Row, proposal: &Proposal, tables: &Tables) -> Option<String> {
    if is_known(proposal, tables) {
        return Some("is in .pipewright.toml".into());
    }
    if matches!(&row.about, About::Rule(id) if id == "secrets") {
        return Some("a secret is put aside one by one".into());
    }
    if row.title.chars().filter(|c| c.is_alphanumeric()).count() < 8
        && matches!(row.about, About::Model(_))
    {
        return Some("its title says too little".into());
    }
    if row.accepted > 0 {
        return Some(format!("{} led to a change", row.accepted));
    }
    if row.dismissed < DISMISSALS {
        return Some(format!("{} of {DISMISSALS} dismissals", row.dismissed));
    }
    if row.requests.len() < REQUESTS {
        return Some("one pull request only".into());
    }
    (row.people.len() < PEOPLE).then(|| "one person only".into())
}

/// Whether the configuration says so already, for all of the files.
fn is_known(proposal: &Proposal, tables: &Tables) -> bool {
    let (Proposal::Rule { glob, .. } | Proposal::Remark { glob, .. }) = proposal;
    // A file that no pattern below the folder would name.
    let inside = glob.strip_suffix("**").map(|folder| format!("{folder}x/x")).unwrap_or_default();
    tables.paths.iter().filter(|rule| rule.globs.is_match(&inside)).any(|rule| match proposal {
        Proposal::Rule { id, .. } => rule.ignore || rule.ignore_rules.contains(id),
        Proposal::Remark { line, .. } => {
            rule.ignore || rule.instructions.as_deref().is_some_and(|text| text.contains(line))
        }
    })
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The deepest folder that holds all paths, as a pattern. Parts of a name that a
/// pattern or a reader could take for something else are left out, with what is
/// below them.
fn glob(paths: &[&str]) -> String {
    let plain = |part: &&str| {
        part.chars().all(|c| c.is_alphanumeric() || "-_.+@ ".contains(c)) && *part != ".."
    };
    let parts = |path: &str| -> Vec<String> {
        folder(path)
            .split('/')
            .take_while(plain)
            .filter(|p| !p.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut common = paths.first().map(|path| parts(path)).unwrap_or_default();
    for path in paths {
        let here = parts(path);
        let same = common.iter().zip(&here).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    if common.is_empty() { "**".to_owned() } else { format!("{}/**", common.join("/")) }
}
