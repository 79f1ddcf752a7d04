//! Tools that a plain machine does not have, run from their images.

use super::super::{Job, Part, Text};

/// Tool, its image, and whether the image starts it by itself.
const TOOLS: &[(&str, &str, bool)] = &[
    ("trivy", "aquasec/trivy:0.58.1", true),
    ("grype", "anchore/grype:v0.86.1", true),
    ("semgrep", "semgrep/semgrep:1.101.0", false),
    ("gitleaks", "zricethezav/gitleaks:v8.21.2", true),
    ("checkov", "bridgecrew/checkov:3.2.344", true),
    ("conftest", "openpolicyagent/conftest:v0.56.0", true),
    ("opa", "openpolicyagent/opa:1.0.0", true),
];

/// A script whose scanners are started from their images, for jobs that run on a plain
/// machine.
pub fn in_containers(script: &Text, job: &Job) -> Text {
    if job.runner.image.is_some() {
        return script.clone();
    }
    let mut out = Text::default();
    let mut at_start = true;
    for part in &script.0 {
        let Part::Literal(literal) = part else {
            out.push(part.clone());
            at_start = false;
            continue;
        };
        let lines: Vec<String> = literal
            .split('\n')
            .enumerate()
            .map(|(at, line)| if at > 0 || at_start { started(line) } else { line.to_owned() })
            .collect();
        out.push(Part::Literal(lines.join("\n")));
        at_start = false;
    }
    out
}

fn started(line: &str) -> String {
    let Some((tool, rest)) = line.split_once(' ') else { return line.to_owned() };
    match TOOLS.iter().find(|(name, ..)| *name == tool) {
        Some((name, image, by_itself)) => {
            let word = if *by_itself { String::new() } else { format!(" {name}") };
            // The registry's login is handed on, so that private images can be read.
            format!(
                "docker run --rm --volume \"$PWD:/src\" --workdir /src --volume \"$HOME/.docker:/root/.docker:ro\" {image}{word} {rest}"
            )
        }
        None => line.to_owned(),
    }
}
