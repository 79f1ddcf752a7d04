//! `pipewright models`: which model each task asks, why, and whether it answers.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use futures_util::future::join_all;
use serde::Serialize;

use super::check::{self, Check};
use crate::failure::Failure;
use crate::http;
use crate::inputs::{Format, Gathered, Inputs, ModelChoice, Picked, Task};
use crate::model::price::{self, Book, Known, Price};
use crate::model::{Limits, Model, Structure};
use crate::redact::Scrubber;
use crate::task::config::config_at_base;
use crate::task::review;

/// The value of `schema` in the JSON.
pub const SCHEMA: &str = "pipewright.models/1";

/// All of it, in the shape of `pipewright.models/1`.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    tasks: Vec<TaskRow>,
    models: Vec<ModelRow>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TaskRow {
    task: String,
    heavy: Pick,
    light: Pick,
    fallbacks: Vec<Pick>,
}

#[derive(Debug, Serialize)]
struct Pick {
    model: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct ModelRow {
    /// As in the picks.
    model: String,
    /// As in reports; null if it cannot be used.
    name: Option<String>,
    endpoint: Option<String>,
    price: Option<PriceRow>,
    context: Option<u64>,
    output: Option<u32>,
    limits_from: String,
    structure: Option<Structure>,
    tools: bool,
    caches: Option<bool>,
    /// Null unless it was asked.
    check: Option<Check>,
    /// Why it cannot be used.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct PriceRow {
    input: f64,
    cache_write: f64,
    cache_read: f64,
    output: f64,
    from: String,
}

/// Print it; with `check`, ask every model first. Exit code 4 if one does not answer.
pub fn run(gathered: &Gathered, inputs: &Inputs, check: bool) -> Result<u8, Failure> {
    let config = config_at_base(inputs);
    let inputs =
        gathered.resolve(config.as_ref()).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    let report = runtime.block_on(report(&inputs, check)).map_err(Failure::Inputs)?;
    let text = match inputs.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&report);
            json.context("cannot write the result").map_err(Failure::Inputs)? + "\n"
        }
        _ => text(&report),
    };
    let _ = anstream::stdout().write_all(text.as_bytes());
    let fails =
        |row: &ModelRow| row.problem.is_some() || row.check.as_ref().is_some_and(|c| !c.answers);
    let failing: Vec<&str> =
        report.models.iter().filter(|row| fails(row)).map(|row| row.model.as_str()).collect();
    if check && !failing.is_empty() {
        return Err(Failure::Model(anyhow!("{} cannot be asked", failing.join(", "))));
    }
    Ok(0)
}

async fn report(inputs: &Inputs, check: bool) -> anyhow::Result<Report> {
    let deadline = tokio::time::Instant::now() + inputs.timeout;
    let client = review::client(inputs, deadline)?;
    let mut tasks = Vec::new();
    let mut choices: Vec<ModelChoice> = Vec::new();
    for task in Task::ALL.iter().filter(|task| **task != Task::Auto) {
        let set = inputs.models_of(*task);
        for picked in [&set.heavy, &set.light].into_iter().chain(&set.fallbacks) {
            if !choices.contains(&picked.choice) {
                choices.push(picked.choice.clone());
            }
        }
        tasks.push(TaskRow {
            task: task.to_string(),
            heavy: pick(&set.heavy),
            light: pick(&set.light),
            fallbacks: set.fallbacks.iter().map(pick).collect(),
        });
    }
    let scrubber = Scrubber::new(&inputs.secrets);
    let rows = choices.iter().map(|choice| row(inputs, &client, choice, check, &scrubber));
    let models = join_all(rows).await.into_iter().flatten().collect();
    Ok(Report { schema: SCHEMA, tasks, models, warnings: inputs.warnings.clone() })
}

fn pick(picked: &Picked) -> Pick {
    Pick { model: picked.choice.to_string(), why: picked.why.clone() }
}

/// One model; `None` for `offline`.
async fn row(
    inputs: &Inputs,
    client: &http::Client,
    choice: &ModelChoice,
    check: bool,
    scrubber: &Scrubber,
) -> Option<ModelRow> {
    let mut row = ModelRow {
        model: scrubber.scrub(&choice.to_string()).into_owned(),
        name: None,
        endpoint: None,
        price: None,
        context: None,
        output: None,
        limits_from: String::new(),
        structure: None,
        tools: false,
        caches: None,
        check: None,
        problem: None,
    };
    let model: Arc<dyn Model> = match super::build(inputs, client, choice) {
        Ok(model) => model?,
        Err(error) => {
            row.problem = Some(scrubber.sanitize_line(&format!("{error:#}")));
            return Some(row);
        }
    };
    let name = model.name();
    let (provider, short) = name.split_once(':').unwrap_or(("", &name));
    let book = Book::new(&inputs.tables.prices);
    // A command's name may hold the model's: `claude:sonnet`.
    let named = short.rsplit_once(':').map_or(short, |(_, model)| model);
    let from = |look: &dyn Fn(&str) -> Known| match (look(short), look(named)) {
        (Known::No, known) | (known, _) => source(&known),
    };
    let about = model.about();
    let Limits { context, output } = model.limits();
    row.price = model.price().map(|price| {
        let Price { input, cache_write, cache_read, output, .. } = price;
        let from = from(&|name| book.price(provider, name).1);
        PriceRow { input, cache_write, cache_read, output, from }
    });
    (row.context, row.output) = (Some(context), Some(output));
    row.limits_from = from(&|name| book.limits(provider, name).1);
    row.endpoint = about.endpoint.map(|endpoint| scrubber.scrub(&endpoint).into_owned());
    (row.structure, row.caches) = (about.structure, about.caches);
    row.tools = model.calls_tools();
    if check {
        row.check = Some(check::check(model.as_ref(), inputs.timeout, scrubber).await);
    }
    row.name = Some(name);
    Some(row)
}

fn source(known: &Known) -> String {
    match known {
        Known::Rule(origin) => origin.clone(),
        Known::Table => format!("built-in list of {}", price::AS_OF),
        Known::No => "assumed".to_owned(),
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let picks = |row: &TaskRow| {
        let mut lines = vec![
            ("heavy", row.heavy.model.clone(), row.heavy.why.clone()),
            ("light", row.light.model.clone(), row.light.why.clone()),
        ];
        let more = row.fallbacks.iter();
        lines.extend(more.map(|pick| ("fallback", pick.model.clone(), pick.why.clone())));
        lines
    };
    let all = report.tasks.iter().flat_map(picks);
    let width = all.map(|(_, model, _)| model.chars().count()).max().unwrap_or(0).min(60);
    for row in &report.tasks {
        let _ = writeln!(text, "{}", row.task);
        for (role, model, why) in picks(row) {
            let _ = writeln!(text, "  {role:8}  {model:width$}  {why}");
        }
    }
    for row in &report.models {
        let _ = writeln!(text, "\n{}", row.model);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:8}  {value}");
        };
        if let Some(problem) = &row.problem {
            line("problem", problem);
            continue;
        }
        line("asked at", row.endpoint.as_deref().unwrap_or("-"));
        line("price", &price_text(row));
        if let (Some(context), Some(output)) = (row.context, row.output) {
            let room = format!("{context} tokens, {output} of them output");
            line("room", &format!("{room} ({})", row.limits_from));
        }
        line("answers", &abilities(row));
        if let Some(check) = &row.check {
            line("check", &check_text(check));
        }
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "\nwarning: {warning}");
    }
    text
}

fn price_text(row: &ModelRow) -> String {
    match &row.price {
        Some(PriceRow { input, cache_write, cache_read, output, from }) => format!(
            "${input} in, ${cache_write} written to the cache, ${cache_read} read from it, \
             ${output} out, per million tokens ({from})"
        ),
        None => "not known, but for what it reports itself: `max_cost_usd` holds only for that; \
                 a `[[price]]` says it"
            .to_owned(),
    }
}

fn abilities(row: &ModelRow) -> String {
    let structure = match row.structure {
        Some(Structure::StrictTool) => "by a tool that the provider holds to the schema",
        Some(Structure::Schema) => "in a schema that it is held to",
        Some(Structure::ForcedTool) => "by a tool that it has to call",
        Some(Structure::Instruction) => "as it is told to in words",
        None => "-",
    };
    let tools = if row.tools { "reads files by tools" } else { "has no tools" };
    let caches = match row.caches {
        Some(true) => "what requests share is cached",
        Some(false) => "nothing is cached",
        None => "caching is not known",
    };
    format!("{structure}; {tools}; {caches}")
}

fn check_text(check: &Check) -> String {
    match &check.problem {
        None => format!(
            "answered in {:.1} s: {} tokens in, {} out, ${:.4}",
            check.seconds, check.input_tokens, check.output_tokens, check.cost_usd
        ),
        Some(problem) => format!("FAILED after {:.1} s: {problem}", check.seconds),
    }
}
