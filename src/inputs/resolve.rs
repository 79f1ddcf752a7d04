//! From what was said to typed inputs, or to every error at once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::choice::{Chooser, ModelSet};
use super::cli::Command;
use super::cloud::Cloud;
use super::command_env::Surroundings;
use super::config::{self, ConfigText, Tables};
use super::deployment::Deployment;
use super::env::Env;
use super::gather::Gathered;
use super::host::Host;
use super::pipeline::PipelineAction;
use super::prices::{self, PriceRule};
use super::servers::Servers;
use super::show::Setting;
use super::table::{INPUTS, Kind};
use super::testing::Testing;
use super::values::{
    self, Autonomy, Color, Format, Globs, Labels, ModelChoice, Provider, Publish, Raw, Task, Value,
};
use super::{Errors, Inputs, Origin, Problem};
use crate::redact::Secret;

/// How long a run waits for batches where nobody says: most end within an hour, and
/// a job of GitHub's own runners is killed after six.
const BATCH_MINUTES: f64 = 340.0;

pub(super) fn resolve(gathered: &Gathered, config: Option<&ConfigText>) -> Result<Inputs, Errors> {
    let mut problems = gathered.problems.clone();
    let mut warnings = gathered.warnings.clone();
    let mut chosen: Chosen = HashMap::new();
    let mut take = |name: &'static str, kind: Kind, raw: &Raw, origin: &Origin| {
        match values::parse(kind, raw) {
            // The first is the strongest; weaker ones are only checked.
            Ok(value) => {
                chosen.entry(name).or_insert((value, origin.clone()));
            }
            Err(message) => problems.push(Problem { source: origin.to_string(), message }),
        }
    };
    for said in &gathered.said {
        take(said.input.name, said.input.kind, &said.raw, &said.origin);
    }
    let mut tables = Tables::default();
    if let Some(text) = config {
        let mut read = config::read(text);
        for (name, raw, origin) in &read.values {
            if let Some(input) = super::table::find(name) {
                take(name, input.kind, raw, origin);
            }
        }
        tables = std::mem::take(&mut read.tables);
        problems.append(&mut read.problems);
    }
    let host = Host::from_env(&gathered.env);
    let values = Values { chosen };
    let cloud = Cloud::read(&gathered.env, &values);
    let surroundings = Surroundings::new(&values, &gathered.env);
    let mut own_prices = prices(&values, &gathered.env, &host, &mut problems);
    own_prices.append(&mut tables.prices);
    tables.prices = own_prices;
    let mut chooser = Chooser {
        values: &values,
        tables: &tables,
        host: &host,
        surroundings: &surroundings,
        cloud: &cloud,
        problems: &mut problems,
        warnings: &mut warnings,
    };
    let task_models: Vec<(Task, ModelSet)> =
        Task::ALL.iter().map(|task| (*task, chooser.choose(*task))).collect();
    let general = chooser.choose(Task::Auto);
    let shards = values.whole("shards").and_then(|number| usize::try_from(number).ok());
    let shard = match values.text("shard").as_deref() {
        None => None,
        Some("auto") => {
            let told = super::shard::told(&gathered.env, shards);
            if told.is_none() {
                problems.push(Problem {
                    source: values.origin("shard"),
                    message: "no variable of a CI system tells this job's number; write `2/8`, or \
                              give `shards` where only the number is told"
                        .into(),
                });
            }
            told
        }
        // Checked when it was read.
        Some(text) => text.parse().ok(),
    };
    if !problems.is_empty() {
        return Err(Errors(problems));
    }
    let color = match values.word("color").unwrap_or(Color::Auto) {
        Color::Auto if gathered.env.get("NO_COLOR").is_some() && !values.is_said("color") => {
            Color::Never
        }
        color => color,
    };
    let log = match values.text("log") {
        Some(level) => level,
        None if gathered.env.get("RUNNER_DEBUG") == Some("1") => "debug".to_owned(),
        None if host.ci => "info".to_owned(),
        None => "warn".to_owned(),
    };
    let format = values.word("format").unwrap_or(match (&gathered.command, host.stdout_terminal) {
        (_, true) => Format::Text,
        (Command::Pipeline(pipeline), false) => match pipeline.action {
            PipelineAction::Check | PipelineAction::Rules { .. } => Format::Json,
            PipelineAction::Optimize { .. } => Format::Diff,
            // The result is a file.
            PipelineAction::Graph { .. }
            | PipelineAction::Generate { .. }
            | PipelineAction::Convert { .. } => Format::Text,
        },
        (_, false) => Format::Json,
    });
    let autonomy = values.word("autonomy").unwrap_or(match host.ci {
        true => Autonomy::Propose,
        false => Autonomy::Observe,
    });
    let is_sweep = matches!(gathered.command, Command::Sweep(_));
    let autonomy = match values.is_said("autonomy") {
        false if is_sweep => Autonomy::Observe,
        _ => autonomy,
    };
    let anthropic =
        |choice: &ModelChoice| matches!(choice, ModelChoice::Of(Provider::Anthropic, _));
    let batch = match values.is_said("batch") {
        true => values.text("batch").as_deref() == Some("on"),
        false => is_sweep && anthropic(&general.heavy.choice),
    };
    let minutes = match batch && !values.is_said("timeout_minutes") {
        true => BATCH_MINUTES,
        false => values.decimal("timeout_minutes"),
    };
    let published = values.list("publish");
    let publishes = |word: &str| published.iter().any(|published| published == word);
    let labelled = values.list("labels");
    let labels = |word: &str| labelled.iter().any(|labelled| labelled == word);
    let mut inputs = Inputs {
        command: gathered.command.clone(),
        task: values.word("task").unwrap_or(Task::Auto),
        base: values.text("base"),
        head: values.text("head"),
        number: values.whole("number"),
        include: values.globs("include"),
        ignore: values.globs("ignore"),
        reports: values.globs("reports"),
        model: general.heavy.choice,
        light_model: general.light.choice,
        fallback_models: general.fallbacks.into_iter().map(|picked| picked.choice).collect(),
        task_models,
        surroundings,
        prompt: values.text("prompt"),
        anthropic_api_key: values.secret("anthropic_api_key"),
        anthropic_auth_token: values.secret("anthropic_auth_token"),
        anthropic_base_url: values.text("anthropic_base_url").unwrap_or_default(),
        openai_api_key: values.secret("openai_api_key"),
        openai_base_url: values.text("openai_base_url").unwrap_or_default(),
        azure_openai_api_key: values.secret("azure_openai_api_key"),
        azure_openai_ad_token: values.secret("azure_openai_ad_token"),
        azure_openai_endpoint: values.text("azure_openai_endpoint"),
        azure_openai_api_version: values.text("azure_openai_api_version"),
        gemini_api_key: values.secret("gemini_api_key"),
        gemini_base_url: values.text("gemini_base_url").unwrap_or_default(),
        ollama_host: values.text("ollama_host").unwrap_or_default(),
        cloud,
        max_cost_usd: values.decimal("max_cost_usd"),
        max_tokens: values.whole("max_tokens"),
        timeout: Duration::from_secs_f64(minutes * 60.0),
        batch,
        fail_on: values.text("fail_on").and_then(|word| values::fail_on(&word)),
        max_findings: values.whole("max_findings").unwrap_or_default() as usize,
        shard,
        shards,
        shard_file: values.path("shard_file"),
        min_confidence: values.decimal("min_confidence"),
        publish: Publish {
            review: publishes("review"),
            summary: publishes("summary"),
            check: publishes("check"),
        },
        autonomy,
        labels: Labels { kind: labels("kind"), risk: labels("risk"), effort: labels("effort") },
        trigger_phrase: values.text("trigger_phrase").unwrap_or_default(),
        github_token: values.secret("github_token"),
        servers: Servers::read(&gathered.env, &values),
        history: values.path("history"),
        deployment: Deployment::read(&values, &gathered.env),
        testing: Testing::read(&values, values.globs("coverage"), &gathered.env),
        platform: values.text("platform").and_then(|word| word.parse().ok()),
        format,
        findings_file: values.path("findings_file"),
        sarif_file: values.path("sarif_file"),
        summary_file: values.path("summary_file"),
        record: values.path("record"),
        color,
        log,
        ca_file: values.path("ca_file"),
        tables,
        host,
        secrets: secrets(&values, &gathered.env),
        warnings,
        settings: Vec::new(),
    };
    inputs.settings = INPUTS.iter().map(|input| setting(input, &values, &inputs)).collect();
    Ok(inputs)
}

/// A row of `pipewright config`: computed defaults show what they came to.
fn setting(input: &super::Input, values: &Values, inputs: &Inputs) -> Setting {
    let (value, origin) = match values.chosen.get(input.name) {
        Some((value, origin)) => (Some(value.clone()), origin.clone()),
        None => (values.get(input.name), Origin::Default),
    };
    let text = match (input.name, value) {
        ("model", _) => Some(inputs.model.to_string()),
        ("light_model", _) => Some(inputs.light_model.to_string()),
        ("fallback_model", Some(_)) => Some(
            inputs.fallback_models.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        ),
        ("autonomy", _) => Some(inputs.autonomy.to_string()),
        ("batch", _) => Some(if inputs.batch { "on" } else { "off" }.to_owned()),
        ("timeout_minutes", _) => Some((inputs.timeout.as_secs_f64() / 60.0).to_string()),
        ("format", _) => Some(inputs.format.to_string()),
        ("color", _) => Some(inputs.color.to_string()),
        ("log", _) => Some(inputs.log.clone()),
        (_, Some(Value::Text(text))) => Some(text),
        (_, Some(Value::List(list))) => Some(list.join(",")),
        (_, Some(Value::Whole(number))) => Some(number.to_string()),
        (_, Some(Value::Decimal(number))) => Some(number.to_string()),
        (_, Some(Value::Secret(_))) => Some("***".to_owned()),
        (_, None) => None,
    };
    Setting { name: input.name, value: text, source: origin.to_string() }
}

/// The rules of the file that `prices` names. It is the run's: the checkout is
/// the change's, which must not set its own price.
fn prices(values: &Values, env: &Env, host: &Host, problems: &mut Vec<Problem>) -> Vec<PriceRule> {
    let Some(path) = values.path("prices") else { return Vec::new() };
    let source = values.origin("prices");
    let full = env.cwd.join(&path);
    let real = full.canonicalize().unwrap_or(full);
    let workspace = host.workspace.canonicalize().unwrap_or_else(|_| host.workspace.clone());
    let shown = values::brief(&path.display().to_string());
    if real.starts_with(&workspace) {
        let message = format!("{shown} lies in the checkout; use `[[price]]` in .pipewright.toml");
        problems.push(Problem { source, message });
        return Vec::new();
    }
    match std::fs::read_to_string(&real) {
        Ok(text) => {
            let (rules, wrong) = prices::read_file(&text, &shown);
            let wrong = wrong.into_iter().map(|(source, message)| Problem { source, message });
            problems.extend(wrong);
            rules
        }
        Err(error) => {
            problems.push(Problem { source, message: format!("cannot read {shown}: {error}") });
            Vec::new()
        }
    }
}

/// Shorter values are words, not secrets; scrubbing them would maim texts.
const SECRET_LENGTH: usize = 8;

/// Our secrets, and the values of all variables whose name says that they are one.
fn secrets(values: &Values, env: &Env) -> Vec<Secret> {
    let ours = values.chosen.values().filter_map(|(value, _)| match value {
        Value::Secret(secret) => Some(secret.clone()),
        _ => None,
    });
    let around = env
        .iter()
        .filter(|(name, value)| names_secret(name) && value.len() >= SECRET_LENGTH)
        // A path or an address is where a secret is, not what it is.
        .filter(|(_, value)| !value.starts_with('/') && !value.contains("://"))
        .map(|(_, value)| Secret::new(value.to_owned()));
    let passwords = env.iter().filter_map(|(_, value)| {
        let (_, rest) = value.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (user, _) = authority.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        (password.len() >= SECRET_LENGTH).then(|| Secret::new(password.to_owned()))
    });
    ours.chain(around).chain(passwords).collect()
}

fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // `INPUT_GITHUB-TOKEN` is one as well.
    name.split(['_', '-', ' ', '.']).any(|part| {
        matches!(
            part,
            "TOKEN"
                | "SECRET"
                | "SECRETS"
                | "PASSWORD"
                | "PASSWD"
                | "PASS"
                | "PAT"
                | "KEY"
                | "APIKEY"
                | "CREDENTIAL"
                | "CREDENTIALS"
        )
    })
}

pub(super) type Chosen = HashMap<&'static str, (Value, Origin)>;

/// What won, by name; the default of the table where nobody said anything.
pub(super) struct Values {
    pub(super) chosen: Chosen,
}

impl Values {
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        if let Some((value, _)) = self.chosen.get(name) {
            return Some(value.clone());
        }
        let input = super::table::find(name)?;
        if input.default.is_empty() {
            return None;
        }
        values::parse(input.kind, &Raw::Text(input.default.to_owned())).ok()
    }

    pub(super) fn is_said(&self, name: &str) -> bool {
        self.chosen.contains_key(name)
    }

    pub(super) fn origin(&self, name: &str) -> String {
        self.chosen.get(name).map_or(Origin::Default.to_string(), |(_, origin)| origin.to_string())
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::List(list)) => list,
            _ => Vec::new(),
        }
    }

    fn globs(&self, name: &str) -> Globs {
        // Built once already to check it, so it builds again.
        Globs::new(self.list(name)).unwrap_or_default()
    }

    fn whole(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Value::Whole(number)) => Some(number),
            _ => None,
        }
    }

    fn decimal(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Value::Decimal(number)) => number,
            _ => 0.0,
        }
    }

    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        match self.get(name) {
            Some(Value::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// The word of an input, if there is one.
    fn word<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).and_then(|text| text.parse().ok())
    }
}
