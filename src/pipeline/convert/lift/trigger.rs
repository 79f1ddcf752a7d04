//! Triggers.

use super::Lift;
use super::group::entry;
use crate::pipeline::Platform;
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::{self, TriggerKind};
use crate::pipeline::groovy;
use crate::pipeline::portable::{Filter, Foreign, Input, InputKind, Trigger};

/// The triggers of a file.
pub fn triggers(lift: &Lift<'_>, inputs: Vec<Input>) -> Vec<Trigger> {
    let mut found: Vec<Trigger> = Vec::new();
    let mut push: Option<Filter> = None;
    let mut change: Option<Filter> = None;
    let mut tags: Option<Vec<String>> = None;
    let mut manual = !inputs.is_empty();
    let pipeline = lift.pipeline();
    for one in &pipeline.triggers {
        match one.kind {
            TriggerKind::Push => {
                if one.name == "pollSCM" {
                    lift.remark("What `pollSCM` looked for by the clock sets the pipeline off by itself here");
                }
                join(lift, &mut push, filter(lift, one), "push", one);
                if !one.tags.is_empty() {
                    tags.get_or_insert_default().extend(one.tags.iter().map(|tag| lift.glob(tag)));
                }
                // GitHub's `push` without any filter is for tags, too.
                if lift.from() == Platform::GitHub
                    && one.branches.is_empty()
                    && one.tags.is_empty()
                    && !one.path_filter
                {
                    tags.get_or_insert_default();
                }
            }
            TriggerKind::Tag => {
                if one.name == "release" {
                    lift.remark("A release set the pipeline off; a tag does here");
                }
                tags.get_or_insert_default().extend(one.tags.iter().map(|tag| lift.glob(tag)));
            }
            TriggerKind::Change | TriggerKind::ChangeWithSecrets => {
                let mut filter = filter(lift, one);
                if lift.from() == Platform::Bitbucket {
                    // Bitbucket names the branch that a change comes from.
                    if one.branches.iter().any(|branch| branch != "**" && branch != "*") {
                        lift.lose(
                            format!("that changes come from {}", one.branches.join(", ")),
                            "A change is told by the branch it goes into; jobs run for all changes",
                            lift.line(one.span),
                        );
                    }
                    filter.branches.clear();
                }
                if one.kind == TriggerKind::ChangeWithSecrets {
                    lift.lose(
                        "the base's rights for changes (`pull_request_target`)",
                        "A change runs with its own rights here",
                        lift.line(one.span),
                    );
                }
                join(lift, &mut change, filter, "change", one);
            }
            TriggerKind::Schedule => {
                if one.cron.is_empty() {
                    lift.lose(
                        "the time of a schedule, which stands in the settings",
                        "It is put to 02:17 UTC each day; write its own",
                        lift.line(one.span),
                    );
                    let cron = "17 2 * * *".to_owned();
                    found.push(Trigger::Schedule { cron, branches: Vec::new() });
                }
                for cron in &one.cron {
                    for cron in crons(lift, cron, one) {
                        found.push(Trigger::Schedule { cron, branches: one.branches.clone() });
                    }
                }
            }
            TriggerKind::Manual => manual = true,
            TriggerKind::Pipeline | TriggerKind::Other => {
                if lift.from() == Platform::GitHub && one.name == "workflow_call" {
                    manual = true;
                }
                found.push(Trigger::Foreign(Foreign {
                    platform: lift.from(),
                    what: format!("the trigger `{}`", one.name),
                    text: lift.file.text.get(one.span.range()).unwrap_or_default().to_owned(),
                    line: lift.line(one.span),
                }));
            }
        }
    }
    if pipeline.triggers.is_empty() && lift.from() == Platform::Jenkins {
        // A multibranch job builds what is pushed and what is proposed.
        push.get_or_insert_default();
        lift.remark("The Jenkinsfile names no trigger; pushes set the pipeline off here");
    }
    if pipeline.triggers.iter().all(|one| matches!(one.kind, TriggerKind::Schedule))
        && lift.from() == Platform::Jenkins
    {
        push.get_or_insert_default();
    }
    if lift.from() == Platform::Harness && push.is_none() && change.is_none() {
        manual = true;
        lift.remark("Harness keeps triggers beside the pipeline; add those that set it off");
    }
    if let Some(tags) = tags {
        let all = tags.iter().any(|tag| tag == "**") || tags.is_empty();
        found.insert(0, Trigger::Tag(if all { Vec::new() } else { tags }));
    }
    if let Some(filter) = change {
        found.insert(0, Trigger::Change(filter));
    }
    if let Some(filter) = push {
        found.insert(0, Trigger::Push(filter));
    }
    if manual {
        found.push(Trigger::Manual { inputs });
    }
    found
}

/// Two triggers of one kind become one; what confines but one of them goes.
fn join(
    lift: &Lift<'_>,
    into: &mut Option<Filter>,
    more: Filter,
    kind: &str,
    one: &graph::Trigger,
) {
    let Some(known) = into else {
        *into = Some(more);
        return;
    };
    if *known == more {
        return;
    }
    let list = |a: &mut Vec<String>, b: Vec<String>| {
        if a.is_empty() || b.is_empty() {
            a.clear();
        } else {
            a.extend(b.into_iter().filter(|b| !a.contains(b)).collect::<Vec<_>>());
        }
    };
    if known.paths != more.paths || known.not_paths != more.not_paths {
        lift.lose(
            format!("that a {kind} is confined to paths on some branches alone"),
            "There is one such trigger per file; it is for all of them",
            lift.line(one.span),
        );
    }
    list(&mut known.branches, more.branches);
    list(&mut known.paths, more.paths);
    known.not_paths.clear();
    known.not_branches.retain(|branch| more.not_branches.contains(branch));
}

fn filter(lift: &Lift<'_>, one: &graph::Trigger) -> Filter {
    let mut filter = Filter::default();
    for branch in &one.branches {
        match branch.strip_prefix('!') {
            Some(no) => filter.not_branches.push(lift.glob(no)),
            None => filter.branches.push(lift.glob(branch)),
        }
    }
    if filter
        .branches
        .iter()
        .any(|branch| branch == "**" || branch == "*" && lift.from() != Platform::GitHub)
    {
        filter.branches.clear();
    }
    for path in &one.paths {
        match path.strip_prefix('!') {
            Some(no) => filter.not_paths.push(folder(lift, no)),
            None => filter.paths.push(folder(lift, path)),
        }
    }
    if lift.from() == Platform::Azure {
        excluded(lift, one, &mut filter);
    }
    filter
}

/// Azure's `exclude` of branches, which the graph leaves in the tree.
fn excluded(lift: &Lift<'_>, one: &graph::Trigger, filter: &mut Filter) {
    let Some(root) = lift.root() else { return };
    let key = if one.name == "pr" { "pr" } else { "trigger" };
    let list = root.get(key).and_then(|node| node.get("branches")?.get("exclude"));
    for branch in list.iter().flat_map(Node::texts) {
        filter.not_branches.push(lift.glob(&branch));
    }
}

fn folder(lift: &Lift<'_>, path: &str) -> String {
    // Azure's paths name folders as well as files.
    let path = path.trim_start_matches('/');
    if lift.from() == Platform::Azure && !path.contains('*') && !path.contains('.') {
        return format!("{}/**", path.trim_end_matches('/'));
    }
    path.to_owned()
}

impl Lift<'_> {
    /// A glob of branches or tags as portable pipelines read it.
    pub fn glob(&self, text: &str) -> String {
        let text = text.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/");
        if self.from() == Platform::GitHub && self.to != Platform::GitHub && text.contains('[') {
            let plain = text.replace("[0-9]+", "*").replace("[0-9]", "*");
            if !plain.contains(['[', '+', '?']) {
                return plain;
            }
        }
        if self.from() == Platform::Azure && text.ends_with("/*") {
            return format!("{text}*");
        }
        if self.from() == Platform::GitLab && text.starts_with('$') {
            return "main".to_owned();
        }
        text.to_owned()
    }
}

/// Five fields; Jenkins' `H` and words become fixed minutes.
fn crons(lift: &Lift<'_>, text: &str, one: &graph::Trigger) -> Vec<String> {
    let mut found = Vec::new();
    for line in
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(zone) = line.strip_prefix("TZ=") {
            lift.lose(
                format!("the time zone `{zone}` of a schedule"),
                "Schedules are read in UTC",
                lift.line(one.span),
            );
            continue;
        }
        let cron = match line {
            "@hourly" => "17 * * * *".to_owned(),
            "@daily" | "@midnight" => "17 2 * * *".to_owned(),
            "@weekly" => "17 2 * * 0".to_owned(),
            "@monthly" => "17 2 1 * *".to_owned(),
            "@yearly" | "@annually" => "17 2 1 1 *".to_owned(),
            line => fields(line),
        };
        if cron.split_ascii_whitespace().count() == 5 && !cron.contains(['$', '%', 'H']) {
            found.push(cron);
        } else {
            lift.lose(
                format!("the schedule `{line}`"),
                "Its time is no plain cron expression",
                lift.line(one.span),
            );
        }
    }
    found
}

fn fields(line: &str) -> String {
    let fixed = ["17", "2", "1", "1", "0"];
    let fields: Vec<String> = line
        .split_ascii_whitespace()
        .enumerate()
        .map(|(at, field)| {
            let fixed = fixed.get(at).copied().unwrap_or("0");
            if field == "H" {
                fixed.to_owned()
            } else if let Some(step) = field.strip_prefix("H/") {
                format!("*/{step}")
            } else if let Some(range) =
                field.strip_prefix("H(").and_then(|rest| rest.strip_suffix(')'))
            {
                range.split('-').next().unwrap_or(fixed).to_owned()
            } else {
                field.to_owned()
            }
        })
        .collect();
    fields.join(" ")
}

/// What a person is asked when they start a run.
pub fn inputs(lift: &Lift<'_>) -> Vec<Input> {
    let mut found: Vec<Input> = match lift.from() {
        Platform::GitHub => github(lift),
        Platform::Azure => azure(lift),
        Platform::Jenkins => jenkins(lift),
        Platform::GitLab => gitlab(lift),
        Platform::Bitbucket => bitbucket(lift),
        Platform::Harness => Vec::new(),
    };
    let mut seen = std::collections::HashSet::new();
    found.retain(|input| !input.name.is_empty() && seen.insert(input.name.clone()));
    found
}

fn word(node: &Node<'_>, key: &str) -> Option<String> {
    node.get(key).and_then(|node| node.filled().map(str::to_owned))
}

fn kind(word: &str, options: Vec<String>) -> InputKind {
    match word.to_ascii_lowercase().as_str() {
        "boolean" | "booleanparam" => InputKind::Bool,
        "number" => InputKind::Number,
        _ if !options.is_empty() => InputKind::Choice(options),
        _ => InputKind::Text,
    }
}

fn github(lift: &Lift<'_>) -> Vec<Input> {
    let on = lift.root().and_then(|root| root.get("on").or_else(|| root.get("true")));
    let events = ["workflow_dispatch", "workflow_call"];
    let lists = events.iter().filter_map(|event| on.as_ref()?.get(event)?.get("inputs"));
    let fields: Vec<_> = lists.flat_map(|list| list.fields().collect::<Vec<_>>()).collect();
    fields
        .iter()
        .map(|field| {
            let node = &field.value;
            let options = node.get("options").map(|list| list.texts()).unwrap_or_default();
            Input {
                name: field.key.to_owned(),
                description: word(node, "description").unwrap_or_default(),
                kind: kind(&word(node, "type").unwrap_or_default(), options),
                default: word(node, "default"),
                required: node.get("required").and_then(|node| node.bool()) == Some(true),
            }
        })
        .collect()
}

fn azure(lift: &Lift<'_>) -> Vec<Input> {
    let list = lift.root().and_then(|root| root.get("parameters"));
    list.iter()
        .flat_map(Node::items)
        .filter_map(|node| {
            let options = node.get("values").map(|list| list.texts()).unwrap_or_default();
            let name = word(&node, "name")?;
            let kind_word = word(&node, "type").unwrap_or_default();
            if matches!(kind_word.as_str(), "object" | "stepList" | "jobList" | "stageList") {
                lift.lose(
                    format!("the parameter `{name}` of the type {kind_word}"),
                    "A person can be asked for text, numbers, choices and yes or no alone",
                    lift.line(node.span()),
                );
                return None;
            }
            Some(Input {
                description: word(&node, "displayName").unwrap_or_default(),
                kind: kind(&kind_word, options),
                default: word(&node, "default"),
                required: false,
                name,
            })
        })
        .collect()
}

fn gitlab(lift: &Lift<'_>) -> Vec<Input> {
    let variables = lift.root().and_then(|root| root.get("variables"));
    let asked = variables
        .iter()
        .flat_map(Node::fields)
        .filter(|field| field.value.get("description").is_some());
    asked
        .map(|field| {
            let options = field.value.get("options").map(|list| list.texts()).unwrap_or_default();
            Input {
                name: field.key.to_owned(),
                description: word(&field.value, "description").unwrap_or_default(),
                kind: kind("", options),
                default: word(&field.value, "value"),
                required: false,
            }
        })
        .collect()
}

fn bitbucket(lift: &Lift<'_>) -> Vec<Input> {
    let customs =
        lift.pipeline().entries.iter().filter(|one| entry(&one.name).0 == TriggerKind::Manual);
    let names: Vec<String> = customs.map(|one| entry(&one.name).1.to_owned()).collect();
    let mut found = Vec::new();
    let pipelines = lift.root().and_then(|root| root.get("pipelines")?.get("custom"));
    for custom in pipelines.iter().flat_map(Node::fields) {
        for variable in custom.value.items().filter_map(|item| item.get("variables")) {
            for node in variable.items() {
                let options =
                    node.get("allowed-values").map(|list| list.texts()).unwrap_or_default();
                found.push(Input {
                    name: word(&node, "name").unwrap_or_default(),
                    description: word(&node, "description").unwrap_or_default(),
                    kind: kind("", options),
                    default: word(&node, "default"),
                    required: false,
                });
            }
        }
    }
    if names.len() > 1 {
        found.push(Input {
            name: "pipeline".to_owned(),
            description: "Which pipeline to run".to_owned(),
            default: names.first().cloned(),
            kind: InputKind::Choice(names),
            required: true,
        });
    }
    found
}

fn jenkins(lift: &Lift<'_>) -> Vec<Input> {
    let Ok(tree) = groovy::parse(&lift.file.text) else { return Vec::new() };
    let mut found = Vec::new();
    groovy::each_call(&tree.statements, &mut |call| {
        let text = |key: &str| call.named(key).and_then(|value| value.text()).map(str::to_owned);
        let named = ["string", "booleanParam", "choice", "text", "password"];
        if !named.contains(&call.name.as_str()) {
            return;
        }
        let Some(name) = text("name") else { return };
        let written = |key: &str| {
            let value = call.named(key)?;
            let raw = lift.file.text.get(value.span())?;
            Some(value.text().map_or(raw.to_owned(), str::to_owned))
        };
        let options: Vec<String> = match call.named("choices") {
            Some(groovy::Value::List(items, _)) => {
                items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
            }
            Some(value) => value.text().unwrap_or_default().lines().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        if call.name == "password" {
            lift.remark(format!("The password `{name}` has to be a secret"));
            return;
        }
        found.push(Input {
            name,
            description: text("description").unwrap_or_default(),
            default: written("defaultValue").filter(|text| !text.is_empty()),
            kind: kind(&call.name, options),
            required: false,
        });
    });
    found
}
