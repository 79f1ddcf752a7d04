//! From what was said to typed inputs, or to every error at once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::cloud::Cloud;
use super::config::{self, ConfigText, Tables};
use super::env::Env;
use super::gather::Gathered;
use super::host::Host;
use super::show::Setting;
use super::table::{DEFAULT_MODEL, INPUTS, Kind};
use super::values::{
    self, Autonomy, Color, Format, Globs, ModelChoice, Provider, Publish, Raw, Task, Value,
};
use super::{Errors, Inputs, Origin, Problem};
use crate::redact::Secret;

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
    let (model, fallback_models) = models(&values, &host, &cloud, &mut problems, &mut warnings);
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
    let format = values.word("format").unwrap_or(match host.stdout_terminal {
        true => Format::Text,
        false => Format::Json,
    });
    let autonomy = values.word("autonomy").unwrap_or(match host.ci {
        true => Autonomy::Propose,
        false => Autonomy::Observe,
    });
    let published = values.list("publish");
    let publishes = |word: &str| published.iter().any(|published| published == word);
    let mut inputs = Inputs {
        command: gathered.command.clone(),
        task: values.word("task").unwrap_or(Task::Auto),
        base: values.text("base"),
        head: values.text("head"),
        number: values.whole("number"),
        include: values.globs("include"),
        ignore: values.globs("ignore"),
        reports: values.globs("reports"),
        model,
        fallback_models,
        prompt: values.text("prompt"),
        anthropic_api_key: values.secret("anthropic_api_key"),
        anthropic_auth_token: values.secret("anthropic_auth_token"),
        anthropic_base_url: values.text("anthropic_base_url").unwrap_or_default(),
        cloud,
        max_cost_usd: values.decimal("max_cost_usd"),
        max_tokens: values.whole("max_tokens"),
        timeout: Duration::from_secs_f64(values.decimal("timeout_minutes") * 60.0),
        fail_on: values.text("fail_on").and_then(|word| values::fail_on(&word)),
        max_findings: values.whole("max_findings").unwrap_or_default() as usize,
        min_confidence: values.decimal("min_confidence"),
        publish: Publish {
            review: publishes("review"),
            summary: publishes("summary"),
            check: publishes("check"),
        },
        autonomy,
        trigger_phrase: values.text("trigger_phrase").unwrap_or_default(),
        github_token: values.secret("github_token"),
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
        ("fallback_model", Some(_)) => Some(
            inputs.fallback_models.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        ),
        ("autonomy", _) => Some(inputs.autonomy.to_string()),
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

/// The model and its stand-in, as far as the keys given allow.
fn models(
    values: &Values,
    host: &Host,
    cloud: &Cloud,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) -> (ModelChoice, Vec<ModelChoice>) {
    let choice = |name: &str| values.text(name).and_then(|text| text.parse::<ModelChoice>().ok());
    let has_key = ["anthropic_api_key", "anthropic_auth_token"]
        .iter()
        .any(|name| values.chosen.contains_key(name))
        || cloud.is_federated();
    // A gateway of one's own may hold the key itself.
    let can_ask = has_key || values.is_said("anthropic_base_url");
    let model = match choice("model") {
        Some(ModelChoice::Of(Provider::Anthropic, name)) if !can_ask => {
            let source = values.origin("model");
            if host.ci {
                // A fork's pull request gets no secrets, and is to be reviewed all the same.
                warnings.push(format!(
                    "no key for `{name}` ({source}), so rules and reports answer alone"
                ));
            } else {
                problems.push(Problem {
                    source,
                    message: format!("`{name}` needs a key: set ANTHROPIC_API_KEY"),
                });
            }
            ModelChoice::Offline
        }
        // What else could be asked there is the machine's identity, not the job's.
        Some(ModelChoice::Of(provider, name))
            if cloud.hosted_runner
                && match provider {
                    Provider::Bedrock => !cloud.names_aws(),
                    Provider::Vertex => !cloud.names_google(),
                    Provider::Anthropic => false,
                } =>
        {
            warnings.push(format!(
                "no credentials for `{provider}:{name}` ({}), so rules and reports answer alone",
                values.origin("model")
            ));
            ModelChoice::Offline
        }
        Some(model) => model,
        None if has_key => ModelChoice::Of(Provider::Anthropic, DEFAULT_MODEL.to_owned()),
        None => ModelChoice::Offline,
    };
    let plain = values.text("anthropic_base_url").filter(|url| {
        url.strip_prefix("http://").is_some_and(|rest| {
            let host = rest.split(['/', ':']).next().unwrap_or_default();
            !(host == "localhost" || host.starts_with("127.") || rest.starts_with("[::1]"))
        })
    });
    if let (Some(url), ModelChoice::Of(Provider::Anthropic, _)) = (plain, &model) {
        warnings.push(format!("{url} is not encrypted: the change and the key go there in clear"));
    }
    let fallbacks = match values.chosen.get("fallback_model") {
        Some((Value::List(names), _)) if model != ModelChoice::Offline => {
            names.iter().filter_map(|name| name.parse().ok()).collect()
        }
        _ => Vec::new(),
    };
    (model, fallbacks)
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

type Chosen = HashMap<&'static str, (Value, Origin)>;

/// What won, by name; the default of the table where nobody said anything.
pub(super) struct Values {
    chosen: Chosen,
}

impl Values {
    fn get(&self, name: &str) -> Option<Value> {
        if let Some((value, _)) = self.chosen.get(name) {
            return Some(value.clone());
        }
        let input = super::table::find(name)?;
        if input.default.is_empty() {
            return None;
        }
        values::parse(input.kind, &Raw::Text(input.default.to_owned())).ok()
    }

    fn is_said(&self, name: &str) -> bool {
        self.chosen.contains_key(name)
    }

    fn origin(&self, name: &str) -> String {
        self.chosen.get(name).map_or(Origin::Default.to_string(), |(_, origin)| origin.to_string())
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    fn list(&self, name: &str) -> Vec<String> {
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
