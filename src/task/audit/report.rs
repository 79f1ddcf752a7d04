//! `pipewright audit report`: how often the decisions on deployments were right.
//!
//! What came later tells: a version that the next deployment of the service was built on
//! was good; one that was gone back from within a week was bad. What people know better
//! stands in a file of outcomes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::audit;
use crate::failure::Failure;
use crate::inputs::{Format, Inputs};
use crate::publish::wording;
use crate::redact::{Scrubber, break_commands};
use crate::task::pipeline::show;

/// Name and version of the JSON.
pub const SCHEMA: &str = "pipewright.audit-report/1";
/// Who goes back later than this goes back for another reason.
const GONE_BACK_MS: i64 = 7 * 24 * 3_600_000;
/// Most files that are read.
const MOST_FILES: usize = 100_000;
/// Largest record, and outcomes file, in bytes.
const LARGEST: u64 = 64 << 20;

/// A decision that a record holds.
#[derive(Debug, Clone, Serialize)]
struct Decided {
    service: String,
    deployment: Option<String>,
    version: Option<String>,
    #[serde(skip)]
    previous: Option<String>,
    /// When it was decided.
    #[serde(serialize_with = "as_text")]
    time: Timestamp,
    action: String,
    rule: String,
    clear_cut: bool,
    shadow: bool,
    outcome: Outcome,
    /// What tells the outcome.
    by: Option<&'static str>,
}

/// How a deployment came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Good,
    Bad,
    Unknown,
}

fn as_text<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(time)
}

/// Decisions of one kind, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Counts {
    decided: usize,
    good: usize,
    bad: usize,
    unknown: usize,
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        self.decided += 1;
        match outcome {
            Outcome::Good => self.good += 1,
            Outcome::Bad => self.bad += 1,
            Outcome::Unknown => self.unknown += 1,
        }
    }
}

/// What the records show.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    from: Option<String>,
    to: Option<String>,
    records: usize,
    /// Records that are broken or cut short: they do not count.
    broken: Vec<String>,
    by_action: BTreeMap<String, Counts>,
    by_rule: BTreeMap<String, Counts>,
    by_service: BTreeMap<String, Counts>,
    /// Of the decisions whose outcome is known, the share that was right: `proceed` on a
    /// good one, anything else on a bad one.
    right: Option<f64>,
    decisions: Vec<Decided>,
}

/// Read records and say what they show.
///
/// # Errors
/// There is nothing to read, or the outcomes cannot be read.
pub fn run(files: &[PathBuf], outcomes: Option<&Path>, inputs: &Inputs) -> Result<u8, Failure> {
    let report = report(files, outcomes).map_err(Failure::Inputs)?;
    let scrubber = Scrubber::new(&inputs.secrets);
    let text = match inputs.format {
        Format::Text | Format::Markdown | Format::Github => {
            let text = scrubber.scrub(&shown(&report)).into_owned();
            break_commands(&text).into_owned()
        }
        Format::Json | Format::Sarif | Format::Diff => {
            show::json(&report, &scrubber).map_err(Failure::Inputs)?
        }
    };
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(0)
}

fn report(files: &[PathBuf], outcomes: Option<&Path>) -> Result<Report> {
    let known = match outcomes {
        Some(path) => told(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => HashMap::new(),
    };
    let mut paths = Vec::new();
    for file in files {
        records(file, &mut paths).with_context(|| format!("cannot read {}", file.display()))?;
    }
    if paths.is_empty() {
        bail!(
            "there is no record (`*.jsonl`) there: name the files, or the folder that `record` names"
        );
    }
    let mut broken = Vec::new();
    let mut decisions = Vec::new();
    for path in &paths {
        match audit::verify(path) {
            Ok(verdict) if verdict.holds() => decisions.extend(decided(path)?),
            Ok(verdict) => broken.push(format!("{}: {verdict}", path.display())),
            Err(why) => broken.push(format!("{}: {why:#}", path.display())),
        }
    }
    decisions.sort_by_key(|one| one.time);
    judge(&mut decisions, &known);
    let mut report = Report {
        schema: SCHEMA,
        from: decisions.first().map(|one| one.time.to_string()),
        to: decisions.last().map(|one| one.time.to_string()),
        records: paths.len(),
        broken,
        by_action: BTreeMap::new(),
        by_rule: BTreeMap::new(),
        by_service: BTreeMap::new(),
        right: None,
        decisions: Vec::new(),
    };
    let (mut right, mut all) = (0usize, 0usize);
    for one in &decisions {
        report.by_action.entry(one.action.clone()).or_default().add(one.outcome);
        report.by_rule.entry(one.rule.clone()).or_default().add(one.outcome);
        report.by_service.entry(one.service.clone()).or_default().add(one.outcome);
        if one.outcome != Outcome::Unknown {
            all += 1;
            right += usize::from((one.action == "proceed") == (one.outcome == Outcome::Good));
        }
    }
    report.right = (all > 0).then(|| right as f64 / all as f64);
    report.decisions = decisions;
    Ok(report)
}

/// The records of a file or a folder, in the order of their names.
fn records(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let mut names: Vec<PathBuf> = std::fs::read_dir(path)?
        .take(MOST_FILES)
        .filter_map(|one| Some(one.ok()?.path()))
        .collect();
    names.sort();
    for name in names {
        let is_record = name.extension().is_some_and(|extension| extension == "jsonl");
        // Folders below, but no links, which may lead in circles.
        let is_folder = name.is_dir() && !name.is_symlink();
        if found.len() < MOST_FILES && (is_record || is_folder) {
            records(&name, found)?;
        }
    }
    Ok(())
}

/// The decision of a record of `verify`; nothing for other tasks.
fn decided(path: &Path) -> Result<Option<Decided>> {
    let file = std::fs::File::open(path)?;
    let mut identity = Value::Null;
    for line in BufReader::new(file.take(LARGEST)).lines() {
        let value: Value = serde_json::from_str(&line?)?;
        let details = &value["details"];
        match value["kind"].as_str() {
            Some("run") => identity = details.clone(),
            Some("decision") if identity["task"] == "verify" => {
                let text = |value: &Value| value.as_str().map(str::to_owned);
                return Ok(Some(Decided {
                    service: text(&identity["service"]).unwrap_or_default(),
                    deployment: text(&identity["deployment"]),
                    version: text(&identity["version"]),
                    previous: text(&identity["previous"]),
                    time: value["time"].as_str().unwrap_or_default().parse()?,
                    action: text(&details["action"]).unwrap_or_default(),
                    rule: text(&details["rule"]).unwrap_or_default(),
                    clear_cut: details["clear_cut"] == true,
                    shadow: identity["shadow"] == true,
                    outcome: Outcome::Unknown,
                    by: None,
                }));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// What people know: `deployment,good` a line.
fn told(path: &Path) -> Result<HashMap<String, Outcome>> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    let mut known = HashMap::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || (number == 1 && line == "deployment,outcome")
        {
            continue;
        }
        let outcome = match line.rsplit_once(',').map(|(name, word)| (name.trim(), word.trim())) {
            Some((name, "good")) => (name, Outcome::Good),
            Some((name, "bad")) => (name, Outcome::Bad),
            _ => return Err(anyhow!("line {number} is not `deployment,good` or `deployment,bad`")),
        };
        known.insert(outcome.0.to_owned(), outcome.1);
    }
    Ok(known)
}

/// Says of each decision how its deployment came out. They are in order of time.
fn judge(decisions: &mut [Decided], known: &HashMap<String, Outcome>) {
    for at in 0..decisions.len() {
        let one = &decisions[at];
        let named = one.version.as_ref().map(|version| format!("{}@{version}", one.service));
        let told = one.deployment.iter().chain(&named).find_map(|name| known.get(name));
        let (outcome, by) = match told {
            Some(outcome) => (*outcome, Some("told")),
            None => later(one, &decisions[at + 1..]),
        };
        decisions[at].outcome = outcome;
        decisions[at].by = by;
    }
}

/// What the next deployment of the same service shows.
fn later(one: &Decided, after: &[Decided]) -> (Outcome, Option<&'static str>) {
    let Some(version) = &one.version else { return (Outcome::Unknown, None) };
    let next = after
        .iter()
        .filter(|next| next.service == one.service)
        .find(|next| next.version.as_ref().is_some_and(|next| next != version));
    let Some(next) = next else { return (Outcome::Unknown, None) };
    let soon = next.time.as_millisecond() - one.time.as_millisecond() <= GONE_BACK_MS;
    if next.version == one.previous {
        return match soon {
            true => (Outcome::Bad, Some("the version before came back")),
            false => (Outcome::Unknown, None),
        };
    }
    match &next.previous {
        Some(previous) if previous == version => {
            (Outcome::Good, Some("the next version was built on it"))
        }
        // The next one replaced the version before: this one had been taken back.
        Some(previous) if Some(previous) == one.previous.as_ref() && soon => {
            (Outcome::Bad, Some("the next version replaced the one before it"))
        }
        _ => (Outcome::Unknown, None),
    }
}

fn shown(report: &Report) -> String {
    let mut out = String::new();
    let day = |time: &Option<String>| -> String {
        time.as_deref().unwrap_or("–").chars().take(10).collect()
    };
    let _ = writeln!(
        out,
        "{} in {}, {} to {}.",
        wording::plural(report.decisions.len(), "decision"),
        wording::plural(report.records, "record"),
        day(&report.from),
        day(&report.to)
    );
    let known = report.decisions.iter().filter(|one| one.outcome != Outcome::Unknown).count();
    let _ = match report.right {
        Some(share) => {
            writeln!(out, "Right: {:.1}% of the {known} whose outcome is known.", share * 100.0)
        }
        None => writeln!(
            out,
            "No outcome is known yet: later deployments of the services tell, or --outcomes."
        ),
    };
    for (title, rows) in
        [("action", &report.by_action), ("rule", &report.by_rule), ("service", &report.by_service)]
    {
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(
            out,
            "\n| {title} | decisions | came out well | came out badly | not known |\n|---|---|---|---|---|"
        );
        for (name, count) in rows {
            let name = name.replace('|', "\\|");
            let _ = writeln!(
                out,
                "| {name} | {} | {} | {} | {} |",
                count.decided, count.good, count.bad, count.unknown
            );
        }
    }
    let acts = |one: &&Decided| one.action == "rollback" && one.clear_cut;
    let would = report.decisions.iter().filter(acts).count();
    let wrong =
        report.decisions.iter().filter(acts).filter(|one| one.outcome == Outcome::Good).count();
    let _ = writeln!(
        out,
        "\nWith `autonomy: act` {} would have been carried out without a person; {wrong} of them \
         on a deployment that came out well.",
        wording::plural(would, "rollback")
    );
    for broken in &report.broken {
        let _ = writeln!(out, "Not counted: {broken}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(service: &str, version: &str, previous: &str, day: i64, action: &str) -> Decided {
        Decided {
            service: service.to_owned(),
            deployment: Some(format!("{service}-{day}")),
            version: Some(version.to_owned()),
            previous: Some(previous.to_owned()),
            time: Timestamp::from_millisecond(day * 86_400_000).expect("a time"),
            action: action.to_owned(),
            rule: "error_rate".to_owned(),
            clear_cut: action == "rollback",
            shadow: true,
            outcome: Outcome::Unknown,
            by: None,
        }
    }

    #[test]
    fn later_deployments_tell_how_one_came_out() {
        let mut decisions = vec![
            one("cart", "2", "1", 1, "proceed"),
            one("shop", "7", "6", 1, "rollback"),
            one("cart", "3", "2", 2, "proceed"),
            // 3 was taken back, and 4 replaced what was there before it.
            one("cart", "4", "2", 3, "investigate"),
            one("shop", "6", "7", 4, "proceed"),
            // Nobody goes back after weeks because of the deployment.
            one("cart", "2", "4", 30, "proceed"),
            one("bank", "1", "0", 31, "proceed"),
        ];
        judge(&mut decisions, &HashMap::from([("bank@1".to_owned(), Outcome::Bad)]));
        let came: Vec<Outcome> = decisions.iter().map(|one| one.outcome).collect();
        use Outcome::{Bad, Good, Unknown};
        assert_eq!(came, [Good, Bad, Bad, Unknown, Unknown, Unknown, Bad]);
    }

    #[test]
    fn outcomes_are_lines_of_name_and_word() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("outcomes.csv");
        std::fs::write(&path, "deployment,outcome\n# by hand\nd-1,good\nshop@7, bad\n")
            .expect("written");
        let known = told(&path).expect("read");
        assert_eq!(known["d-1"], Outcome::Good);
        assert_eq!(known["shop@7"], Outcome::Bad);
        std::fs::write(&path, "d-1;good\n").expect("written");
        assert!(told(&path).expect_err("no comma").to_string().contains("line 1"));
    }
}
