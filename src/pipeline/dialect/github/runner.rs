//! Where a job runs: labels, and what their names tell.

use std::sync::LazyLock;

use regex::Regex;

use super::matrix;
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::{Os, Runner};

static LITERAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:&&|\|\|)\s*'([^']+)'").expect("the pattern is fixed"));
static FROM_JSON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\$\{\{\s*fromJSON\('([^']*)'\)\s*\}\}$").expect("the pattern is fixed")
});
/// Sizes as GitHub's larger runners and those of other hosts are named by custom.
static SIZE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        (?: ^|[-_=/,] ) (
            \d+ [-_]? (?: cores? | v?cpus? ) \b
          | x*large | \d*x[ls] | small | medium | slim | \d+x-?large
          | \d+x
        ) (?: $|[-_/,] )
      | ^ (?: depot | ubicloud-standard ) - .*? ( \d+ ) (?: -arm )? $",
    )
    .expect("the pattern is fixed")
});
/// Hosts of runners that are not the user's own machines.
const HOSTS: [&str; 9] = [
    "blacksmith",
    "buildjet",
    "depot",
    "namespace",
    "nscloud",
    "ubicloud",
    "warp",
    "runs-on",
    "cirun",
];

/// Reads `runs-on`: a label, a list, a mapping with `group` and `labels`, or an
/// expression. Labels from a matrix are its values; of another expression they are
/// the expression and the literals it may come to.
pub(super) fn read(node: &Node<'_>, axes: Option<&Node<'_>>) -> Runner {
    let mut labels: Vec<String> = Vec::new();
    let mut of_one_machine = true;
    if node.is_map() {
        for key in ["group", "labels"] {
            labels.extend(node.get(key).map(|value| value.texts()).unwrap_or_default());
        }
    } else {
        for one in node.one_or_many() {
            let Some(text) = one.filled() else { continue };
            if !text.contains("${{") {
                labels.push(text.to_owned());
                continue;
            }
            of_one_machine = false;
            labels.extend(expression(text, axes));
        }
    }
    let own = labels.iter().any(|label| label.eq_ignore_ascii_case("self-hosted"));
    let known: Vec<&String> = labels.iter().filter(|label| !label.contains("${{")).collect();
    let unknown = !node.is_map()
        && of_one_machine
        && !known.is_empty()
        && !known.iter().any(|label| is_hosted(label));
    Runner {
        os: os(&known, of_one_machine),
        size: size_of(&known, of_one_machine),
        self_hosted: own || unknown,
        labels,
        span: Some(node.span()),
    }
}

fn expression(text: &str, axes: Option<&Node<'_>>) -> Vec<String> {
    if let Some(values) = matrix::expand(text, axes) {
        // A matrix may hold whole lists of labels, written as JSON.
        return values.iter().flat_map(|value| json_labels(value)).collect();
    }
    if let Some(json) = FROM_JSON.captures(text.trim()).and_then(|found| found.get(1)) {
        return json_labels(json.as_str());
    }
    let mut labels = Vec::new();
    let literals: Vec<String> = LITERAL
        .captures_iter(text)
        .filter_map(|found| Some(found.get(1)?.as_str().to_owned()))
        .collect();
    // `matrix.x == 'a' && 'b' || 'c'` is one of the literals for sure.
    let closed = literals.len() >= 2 && !text.contains("inputs.") && !text.contains("vars.");
    if !closed {
        labels.push(text.to_owned());
    }
    labels.extend(literals);
    labels
}

/// A label, or a list of them in JSON.
fn json_labels(text: &str) -> Vec<String> {
    serde_json::from_str::<Vec<String>>(text).unwrap_or_else(|_| vec![text.to_owned()])
}

/// The operating system that all labels agree on. Of one machine's labels it is
/// enough that one tells.
fn os(labels: &[&String], of_one_machine: bool) -> Option<Os> {
    let mut told = labels.iter().map(|label| os_of(label));
    if of_one_machine {
        return told.flatten().next();
    }
    let first = told.next()??;
    told.all(|one| one == Some(first) || one.is_none()).then_some(first)
}

fn os_of(label: &str) -> Option<Os> {
    let label = label.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| label.contains(word));
    if has(&["ubuntu", "linux", "debian", "fedora", "centos", "rhel"]) {
        Some(Os::Linux)
    } else if has(&["macos", "osx", "mac-", "darwin"]) || label == "mac" {
        Some(Os::MacOs)
    } else if has(&["windows", "win-", "win20", "win1"]) || label == "win" {
        Some(Os::Windows)
    } else {
        None
    }
}

/// Whether a label is, by its name, that of a runner someone hosts.
fn is_hosted(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    let image = ["ubuntu-", "windows-", "macos-"].iter().any(|start| label.starts_with(start));
    image
        || HOSTS.iter().any(|host| label.starts_with(host))
        || (os_of(&label).is_some() && size(&label).is_some())
}

/// The size that is written: of one machine's labels by any, of several machines by
/// all alike.
fn size_of(labels: &[&String], of_one_machine: bool) -> Option<String> {
    let mut told = labels.iter().map(|label| size(label));
    if of_one_machine {
        return told.flatten().next();
    }
    let first = told.next()??;
    told.all(|one| one.as_ref() == Some(&first)).then_some(first)
}

fn size(label: &str) -> Option<String> {
    let found = SIZE.captures(label)?;
    let size = found.get(1).or_else(|| found.get(2))?;
    Some(size.as_str().to_owned())
}
