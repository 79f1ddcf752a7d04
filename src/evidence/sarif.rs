//! SARIF 2.1.0 of any producer, by the OASIS standard; section numbers are its own.

mod raw;

use super::{Format, ReadError, text};

/// How many bases a location may stand on, one on another (3.14.14).
const MOST_BASES: usize = 8;

/// What a file says: one run per tool, mostly.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// In the file's order.
    pub runs: Vec<Run>,
}

/// One tool's run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// The driver's name, as it writes itself.
    pub tool: String,
    /// The driver's rules, then those of its extensions.
    pub rules: Vec<Rule>,
    /// All results, whatever their [`State`].
    pub results: Vec<ScanResult>,
}

/// What a tool says about one of its rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Its name, where that is more than the id.
    pub name: Option<String>,
    /// What it looks for, in one line.
    pub short: Option<String>,
    /// Where it is explained.
    pub help_uri: Option<String>,
    /// The level its results have unless they say otherwise.
    pub level: Option<Level>,
    /// Words that class it, results' own included: `security`, `external/cwe/cwe-79`, …
    pub tags: Vec<String>,
    /// A score from 0 to 10, as in CVSS (GitHub's `security-severity`).
    pub security_severity: Option<f64>,
    /// `very-high`, `high`, `medium` or `low`.
    pub precision: Option<String>,
}

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanResult {
    /// The rule's id; empty if the result has none.
    pub rule_id: String,
    /// The rule in [`Run::rules`], where it is described.
    pub rule: Option<usize>,
    /// Its own, the rule's, or `Warning`.
    pub level: Level,
    /// Whether it stands.
    pub state: State,
    /// What it says, with placeholders filled in and links reduced to their text.
    pub message: String,
    /// Where. A result with several places is one problem seen from several.
    pub places: Vec<Place>,
    /// Its own score, where it differs from the rule's.
    pub security_severity: Option<f64>,
    /// How sure the tool says it is of this result: `high`, `medium`, `low`.
    pub confidence: Option<String>,
    /// How bad the tool says this result is, in its own words.
    pub severity: Option<String>,
    /// `fingerprints` and `partialFingerprints` together, by name.
    pub fingerprints: Vec<(String, String)>,
    /// An edit of one place.
    pub fix: Option<Fix>,
}

/// How bad, by 3.27.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Does not apply.
    None,
    /// A minor problem or an opportunity.
    Note,
    /// A problem.
    Warning,
    /// A serious problem.
    Error,
}

/// Whether a result stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It does.
    Open,
    /// Its kind is not `fail` or `open` (3.27.9): it is no problem.
    NotAProblem,
    /// Somebody suppressed it, and nobody refused that (3.27.23).
    Suppressed,
    /// It was there before, unchanged, or is gone now (3.27.24).
    Old,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As the report spells it, without scheme, with its base where that is known.
    pub path: String,
    /// `None`: the file as a whole.
    pub region: Option<Region>,
}

/// Lines, from 1, with `start <= end`; columns from 1, the last one exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First line.
    pub start: u32,
    /// Last line.
    pub end: u32,
    /// First column; `None`: the line's beginning.
    pub start_column: Option<u32>,
    /// Behind the last column; `None`: the line's end.
    pub end_column: Option<u32>,
}

/// One replacement in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// As the report spells it.
    pub path: String,
    /// What is replaced.
    pub region: Region,
    /// By what.
    pub text: String,
    /// Whether columns count Unicode characters instead of UTF-16 units (3.14.17).
    pub columns_are_chars: bool,
}

/// Reads a log. A property of the wrong type is an error that names its line.
pub fn read(bytes: &[u8]) -> Result<Log, ReadError> {
    let text = text::decode(bytes);
    let log: raw::Log =
        serde_json::from_str(&text).map_err(|error| ReadError::json(Format::Sarif, &error))?;
    let bad = |what: String| ReadError { format: Format::Sarif, line: None, column: None, what };
    if let Some(version) = &log.version
        && !version.starts_with("2.")
    {
        return Err(bad(format!("version `{version}` is not 2.1.0")));
    }
    let runs = log.runs.ok_or_else(|| bad("it has no `runs`".to_owned()))?;
    Ok(Log { runs: runs.into_iter().map(run).collect() })
}

fn run(raw: raw::Run) -> Run {
    let tool = raw.tool.unwrap_or_default();
    let name = tool.driver.as_ref().and_then(|driver| driver.name.clone()).unwrap_or_default();
    let components: Vec<raw::Component> =
        tool.driver.into_iter().chain(tool.extensions.into_iter().flatten()).collect();
    // Where each component's rules start in the list of all.
    let mut starts = Vec::with_capacity(components.len());
    let mut raw_rules: Vec<&raw::Rule> = Vec::new();
    for component in &components {
        starts.push(raw_rules.len());
        raw_rules.extend(component.rules.iter().flatten());
    }
    let places = Places {
        artifacts: raw.artifacts.unwrap_or_default(),
        bases: raw.original_uri_base_ids.unwrap_or_default(),
    };
    let by_id: std::collections::HashMap<&str, usize> = raw_rules
        .iter()
        .enumerate()
        .rev()
        .filter_map(|(index, rule)| Some((rule.id.as_deref()?, index)))
        .collect();
    let chars = raw.column_kind.as_deref() == Some("unicodeCodePoints");
    let results = raw.results.unwrap_or_default();
    let results = results
        .into_iter()
        .map(|result| {
            let rule = find_rule(&result, &components, &starts, &raw_rules, &by_id);
            scan_result(result, rule, &raw_rules, &places, chars)
        })
        .collect();
    Run { tool: name, rules: raw_rules.into_iter().map(self::rule).collect(), results }
}

/// By 3.52: an index into a component's rules, or an id, which may name a
/// part of a rule (`CA1000/1`).
fn find_rule(
    result: &raw::RawResult,
    components: &[raw::Component],
    starts: &[usize],
    rules: &[&raw::Rule],
    by_id: &std::collections::HashMap<&str, usize>,
) -> Option<usize> {
    let reference = result.rule.as_ref();
    let component = match reference.and_then(|rule| rule.tool_component.as_ref()) {
        None => 0,
        // Index counts extensions; the driver is in front of them here.
        Some(raw::ComponentReference { index: Some(index), .. }) if *index >= 0 => {
            usize::try_from(*index).ok()?.checked_add(1)?
        }
        Some(wanted) => components
            .iter()
            .position(|c| {
                (wanted.guid.is_some() && c.guid == wanted.guid)
                    || (wanted.name.is_some() && c.name == wanted.name)
            })
            .unwrap_or(0),
    };
    let index = result.rule_index.or_else(|| reference?.index).filter(|&index| index >= 0);
    if let (Some(index), Some(start)) = (index, starts.get(component)) {
        let count = components[component].rules.as_ref().map_or(0, Vec::len);
        let index = usize::try_from(index).ok()?;
        if index < count {
            return Some(start + index);
        }
    }
    let mut id = result.rule_id.as_deref().or_else(|| reference?.id.as_deref())?;
    loop {
        if let Some(&index) = by_id.get(id) {
            return Some(index).filter(|&index| index < rules.len());
        }
        id = id.rsplit_once('/')?.0;
    }
}

fn scan_result(
    raw: raw::RawResult,
    rule: Option<usize>,
    rules: &[&raw::Rule],
    places: &Places,
    columns_are_chars: bool,
) -> ScanResult {
    let described = rule.map(|index| rules[index]);
    let state = state(&raw);
    let own_level = raw.level.as_deref().and_then(level);
    let rule_level = described
        .and_then(|rule| rule.default_configuration.as_ref()?.level.as_deref())
        .and_then(level);
    let message = raw.message.as_ref().map(|message| say(message, described)).unwrap_or_default();
    let mut fingerprints = Vec::new();
    for (name, value) in
        raw.fingerprints.iter().flatten().chain(raw.partial_fingerprints.iter().flatten())
    {
        if let Some(value) = value.as_str() {
            fingerprints.push((name.clone(), value.to_owned()));
        }
    }
    let property = |names: &[&str]| {
        let properties = raw.properties.as_ref()?;
        names.iter().find_map(|name| properties.get(*name))
    };
    let word = |names: &[&str]| Some(property(names)?.as_str()?.to_ascii_lowercase());
    ScanResult {
        rule_id: raw
            .rule_id
            .clone()
            .or_else(|| raw.rule.as_ref()?.id.clone())
            .or_else(|| described?.id.clone())
            .unwrap_or_default(),
        rule,
        level: own_level.or(rule_level).unwrap_or(Level::Warning),
        state,
        message,
        places: raw.locations.iter().flatten().filter_map(|l| places.place(l)).collect(),
        security_severity: property(&["security-severity"]).and_then(number),
        confidence: word(&["issue_confidence", "confidence", "precision"]),
        severity: word(&["issue_severity", "severity"]),
        fingerprints,
        fix: raw.fixes.as_deref().and_then(|fixes| places.fix(fixes, columns_are_chars)),
    }
}

fn state(raw: &raw::RawResult) -> State {
    let suppressions = raw.suppressions.as_deref().unwrap_or_default();
    let accepted = |s: &raw::Suppression| s.status.as_deref().is_none_or(|s| s == "accepted");
    if !suppressions.is_empty() && suppressions.iter().all(accepted) {
        State::Suppressed
    } else if raw.kind.as_deref().is_some_and(|kind| !matches!(kind, "fail" | "open")) {
        State::NotAProblem
    } else if matches!(raw.baseline_state.as_deref(), Some("absent" | "unchanged")) {
        State::Old
    } else {
        State::Open
    }
}

fn level(word: &str) -> Option<Level> {
    Some(match word {
        "none" => Level::None,
        "note" => Level::Note,
        "warning" => Level::Warning,
        "error" => Level::Error,
        _ => return None,
    })
}

/// Scores are written as numbers and as strings.
fn number(value: &serde_json::Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|n| n.is_finite())
}

fn rule(raw: &raw::Rule) -> Rule {
    let property = |name: &str| raw.properties.as_ref()?.get(name);
    let tags = property("tags").and_then(|tags| tags.as_array());
    Rule {
        id: raw.id.clone().unwrap_or_default(),
        name: raw.name.clone().filter(|name| Some(name) != raw.id.as_ref()),
        short: raw.short_description.as_ref().and_then(|short| short.text.clone()),
        help_uri: raw.help_uri.clone(),
        level: raw.default_configuration.as_ref().and_then(|c| level(c.level.as_deref()?)),
        tags: tags
            .into_iter()
            .flatten()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect(),
        security_severity: property("security-severity").and_then(number),
        precision: property("precision").and_then(|word| Some(word.as_str()?.to_owned())),
    }
}

/// A message's text by 3.11: given, or one of the rule's by id, with `{0}` filled in.
fn say(message: &raw::Message, rule: Option<&raw::Rule>) -> String {
    let by_id = || {
        let id = message.id.as_ref()?;
        let found = rule?.message_strings.as_ref()?.get(id)?;
        found.text.as_ref().or(found.markdown.as_ref())
    };
    let Some(text) = message.text.as_ref().or_else(by_id).or(message.markdown.as_ref()) else {
        return String::new();
    };
    let filled = match message.arguments.as_deref() {
        None | Some([]) => text.clone(),
        Some(arguments) => fill(text, arguments),
    };
    plain_links(&filled)
}

/// `{0}` becomes the first argument, `{{` a brace.
fn fill(text: &str, arguments: &[String]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = &rest[at..at + 1];
        rest = &rest[at + 1..];
        if let Some(next) = rest.strip_prefix(brace) {
            filled.push_str(brace);
            rest = next;
            continue;
        }
        let argument =
            rest.split_once('}').filter(|_| brace == "{").and_then(|(number, behind)| {
                Some((arguments.get(number.parse::<usize>().ok()?)?, behind))
            });
        match argument {
            Some((argument, behind)) => {
                filled.push_str(argument);
                rest = behind;
            }
            None => filled.push_str(brace),
        }
    }
    filled.push_str(rest);
    filled
}

/// `[text](1)` points at a related location, which nobody sees here.
fn plain_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        let (words, target) = (&rest[..at], &rest[at + 2..]);
        let digits = target.bytes().take_while(u8::is_ascii_digit).count();
        match words.rfind('[') {
            Some(open) if digits > 0 && target[digits..].starts_with(')') => {
                plain.push_str(&words[..open]);
                plain.push_str(&words[open + 1..]);
                rest = &target[digits + 1..];
            }
            _ => {
                plain.push_str(&rest[..at + 2]);
                rest = target;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// What locations refer to.
struct Places {
    artifacts: Vec<raw::Artifact>,
    bases: std::collections::BTreeMap<String, raw::ArtifactLocation>,
}

impl Places {
    fn place(&self, location: &raw::Location) -> Option<Place> {
        let physical = location.physical_location.as_ref()?;
        let path = self.path(physical.artifact_location.as_ref()?)?;
        let region = match &physical.region {
            None => None,
            // A region in bytes or characters alone names no line.
            Some(region) if region.start_line.is_none() => return None,
            Some(raw) => Some(region(raw)?),
        };
        Some(Place { path, region })
    }

    /// The one edit of one place that some fix consists of.
    fn fix(&self, fixes: &[raw::Fix], columns_are_chars: bool) -> Option<Fix> {
        fixes.iter().find_map(|fix| {
            let [change] = fix.artifact_changes.as_deref()? else { return None };
            let [replacement] = change.replacements.as_deref()? else { return None };
            Some(Fix {
                path: self.path(change.artifact_location.as_ref()?)?,
                region: region(replacement.deleted_region.as_ref()?)?,
                text: replacement
                    .inserted_content
                    .as_ref()
                    .map_or(Some(String::new()), |content| content.text.clone())?,
                columns_are_chars,
            })
        })
    }

    fn path(&self, location: &raw::ArtifactLocation) -> Option<String> {
        let mut location = location;
        if location.uri.is_none() {
            let index = usize::try_from(location.index?).ok()?;
            location = self.artifacts.get(index)?.location.as_ref()?;
        }
        let mut path = uri_path(location.uri.as_deref()?)?;
        let mut base = location.uri_base_id.as_deref();
        for _ in 0..MOST_BASES {
            let Some(next) = base.and_then(|id| self.bases.get(id)) else { break };
            if is_absolute(&path) {
                break;
            }
            if let Some(prefix) = next.uri.as_deref().and_then(uri_path) {
                path = format!("{}/{path}", prefix.trim_end_matches('/'));
            }
            base = next.uri_base_id.as_deref();
        }
        Some(path).filter(|path| !path.is_empty())
    }
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path.as_bytes().get(1) == Some(&b':')
}

fn region(raw: &raw::Region) -> Option<Region> {
    let from_one = |n: Option<i64>| n.filter(|&n| n > 0).and_then(|n| u32::try_from(n).ok());
    let start = from_one(raw.start_line)?;
    Some(Region {
        start,
        end: from_one(raw.end_line).map_or(start, |end| end.max(start)),
        start_column: from_one(raw.start_column),
        end_column: from_one(raw.end_column),
    })
}

/// The path of a relative or `file` URI; `None` for other schemes.
fn uri_path(uri: &str) -> Option<String> {
    let path = match uri.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
            match rest.strip_prefix("//") {
                // Behind two slashes stands a host, mostly an empty one.
                Some(rest) => &rest[rest.find('/')?..],
                None => rest,
            }
        }
        // One letter is a drive.
        Some((scheme, _))
            if scheme.len() > 1
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                // A file name with a colon has a dot more often than a scheme does.
                && !scheme.contains('.') =>
        {
            return None;
        }
        _ => uri,
    };
    Some(percent_decode(path))
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests;
