//! The same packages of the system, installed over and over.

use std::collections::BTreeMap;

use super::{Context, FixKind, Group, Hit, Rule, scripts};
use crate::finding::Severity;
use crate::pipeline::graph::{JobKind, Span};
use crate::pipeline::platform::Platform;
use crate::pipeline::words;
use crate::pipeline::words::table::Parts;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "repeated-setup",
    title: "Jobs install the same packages of the system again and again",
    doc: "\
`apt-get install` and its kin fetch an index and unpack packages, which takes from ten seconds to \
minutes, each time, and fails when a mirror does. Where three jobs or more install the same \
packages, an image that has them pays that once.

**Suggests** an image with the packages built in, as the image of these jobs.

**Silent** where fewer than three jobs install the same in the same image, where it is one small package of Alpine, \
and for what a language's own package manager installs, which a cache serves.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &Platform::ALL,
    check,
};

/// Jobs from which on an image is worth keeping.
const FEWEST: usize = 3;

/// Managers of a system's packages, with their word for installing.
const MANAGERS: [(&str, &str); 7] = [
    ("apt-get", "install"),
    ("apt", "install"),
    ("apk", "add"),
    ("yum", "install"),
    ("dnf", "install"),
    ("microdnf", "install"),
    ("zypper", "install"),
];

/// A manager, the image it works in, and the packages.
type Set<'a> = (&'static str, Option<&'a str>, Vec<String>);

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    // What is installed in which image, with the jobs that do and the first place.
    let mut sets: BTreeMap<Set<'_>, (Vec<usize>, Span)> = BTreeMap::new();
    for (place, job) in pipeline.jobs.iter().enumerate() {
        if job.kind != JobKind::Work {
            continue;
        }
        for script in job.steps.iter().filter_map(|step| step.script.as_ref()) {
            let Some(options) = words::options(pipeline.platform, job, script) else { continue };
            if !MANAGERS.iter().any(|(program, _)| script.text.contains(program)) {
                continue;
            }
            for command in words::commands(&script.text, options) {
                let parts = Parts::of(&command);
                let Some((first, packages)) = parts.plain.split_first() else { continue };
                let known = MANAGERS.iter().find(|(program, _)| *program == parts.program);
                // What runs in another container is no setup of the job.
                let Some((program, _)) =
                    known.filter(|(_, verb)| verb == first && command.image.is_none())
                else {
                    continue;
                };
                // A variable may stand for another package in each job, a path for a
                // file that the job made.
                let named = packages.iter().filter(|one| !one.contains(['$', '/', '*', '<', '%']));
                let mut packages: Vec<String> = named.map(|one| (*one).to_owned()).collect();
                packages.sort();
                packages.dedup();
                if packages.is_empty() || (*program == "apk" && packages.len() < 3) {
                    continue;
                }
                let piece = script.text.get(command.span.clone()).unwrap_or_default();
                let span = scripts::place(context, script, piece);
                let program = if *program == "apt" { "apt-get" } else { *program };
                let image = job.image.as_ref().map(|image| image.value.as_str());
                let (jobs, _) =
                    sets.entry((program, image, packages)).or_insert((Vec::new(), span));
                if jobs.last() != Some(&place) {
                    jobs.push(place);
                }
            }
        }
    }
    // One finding for each manager: that of the most jobs.
    let mut most: BTreeMap<&str, (Vec<String>, Vec<usize>, Span)> = BTreeMap::new();
    for ((program, _, packages), (jobs, span)) in sets {
        if jobs.len() < FEWEST || span.file != 0 {
            continue;
        }
        let size = (jobs.len(), packages.len());
        if most.get(program).is_none_or(|(known, of, _)| size > (of.len(), known.len())) {
            most.insert(program, (packages, jobs, span));
        }
    }
    for (program, (packages, jobs, span)) in most {
        let names: Vec<String> = jobs
            .iter()
            .take(3)
            .filter_map(|job| pipeline.jobs.get(*job))
            .map(|job| format!("`{}`", job.title()))
            .collect();
        let more = match jobs.len().saturating_sub(names.len()) {
            0 => String::new(),
            1 => " and one more".to_owned(),
            count => format!(" and {count} more"),
        };
        let what = match packages.as_slice() {
            [one] => format!("`{one}`"),
            [one, two] => format!("`{one}` and `{two}`"),
            [one, rest @ ..] => format!("`{one}` and {} more packages", rest.len()),
            [] => continue,
        };
        hits.push(Hit {
            span,
            title: format!(
                "{} jobs each install {what} with {program}: {}{more}",
                jobs.len(),
                names.join(", ")
            ),
            why: format!(
                "Every run fetches and unpacks the same packages {} times, and fails when a mirror \
                 does. Build an image that has them, and run these jobs in it.",
                jobs.len()
            ),
            severity: None,
            confidence: 0.75,
            fix: None,
            effect: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing;

    fn jobs(platform: Platform, commands: &[&str]) -> String {
        let mut text = String::from(match platform {
            Platform::GitHub => "on: push\njobs:\n",
            _ => "stages: [test]\n",
        });
        for (place, command) in commands.iter().enumerate() {
            text.push_str(&match platform {
                Platform::GitHub => format!(
                    "  j{place}:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          {command}\n          make\n"
                ),
                _ => format!("j{place}:\n  script:\n    - {command}\n    - make\n"),
            });
        }
        text
    }

    #[test]
    fn images_that_differ_are_not_one() {
        let text = |image: &str| {
            ["a", "b", image]
                .map(|image| {
                    format!(
                        "j{image}:\n  image: {}\n  script: [apt-get install -y x]\n",
                        image.len()
                    )
                })
                .concat()
        };
        testing::finds(&RULE, Platform::GitLab, &text("c"), &["apt-get install -y x"]);
        testing::finds(&RULE, Platform::GitLab, &text("other"), &[]);
    }

    #[test]
    fn the_same_packages_in_three_jobs_are_found() {
        let cases: [(&[&str], &[&str]); 8] = [
            (
                &["sudo apt-get install -y b a", "apt install a b", "apt-get -y install a b"],
                &["sudo apt-get install -y b a"],
            ),
            (&["apt-get install a", "apt-get install a", "apt-get install b"], &[]),
            (&["apt-get update", "apt-get update", "apt-get update"], &[]),
            (&["apk add git", "apk add git", "apk add git"], &[]),
            (&["apk add a b c", "apk add a b c", "apk add a b c"], &["apk add a b c"]),
            (&["npm ci", "npm ci", "npm ci"], &[]),
            (&["apt-get install $A", "apt-get install $A", "apt-get install $A"], &[]),
            (&["apt install ./a.deb", "apt install ./a.deb", "apt install ./a.deb"], &[]),
        ];
        for (commands, expect) in cases {
            for platform in [Platform::GitHub, Platform::GitLab] {
                testing::finds(&RULE, platform, &jobs(platform, commands), expect);
            }
        }
    }
}
