//! Which models a task asks: what was named, else what the keys given allow.

use super::Origin;
use super::Problem;
use super::cloud::Cloud;
use super::command_env::Surroundings;
use super::config::Tables;
use super::host::Host;
use super::resolve::Values;
use super::table::DEFAULT_MODEL;
use super::values::{ModelChoice, Provider, Task, Value};

/// A provider, and what is asked of it where a key for it is given and no model
/// is named.
pub struct ProviderRow {
    /// Whose models.
    pub provider: Provider,
    /// Inputs that hold its keys: where one is given, the provider is chosen.
    pub keys: &'static [&'static str],
    /// What has to be given before it can be asked: one input of each group, else
    /// the variable to set. A gateway that is named may hold the key.
    pub needs: &'static [(&'static [&'static str], &'static str)],
    /// The input that names its address.
    pub address: Option<&'static str>,
    /// For what needs judgement; `None` where a name means something only to the
    /// account, such as a deployment's.
    pub heavy: Option<&'static str>,
    /// For what is short and plain, served to the same key.
    pub light: Option<&'static str>,
}

/// Every provider. Where keys of several are given and no model is named, the
/// first one is asked.
pub static PROVIDERS: &[ProviderRow] = &[
    ProviderRow {
        provider: Provider::Anthropic,
        keys: &["anthropic_api_key", "anthropic_auth_token"],
        needs: &[(
            &["anthropic_api_key", "anthropic_auth_token", "anthropic_base_url"],
            "ANTHROPIC_API_KEY",
        )],
        address: Some("anthropic_base_url"),
        heavy: Some(DEFAULT_MODEL),
        light: Some("claude-haiku-5-5"),
    },
    ProviderRow {
        provider: Provider::OpenAi,
        keys: &["openai_api_key"],
        needs: &[(&["openai_api_key", "openai_base_url"], "OPENAI_API_KEY")],
        address: Some("openai_base_url"),
        heavy: Some(DEFAULT_OPENAI),
        light: None,
    },
    ProviderRow {
        provider: Provider::Azure,
        keys: &["azure_openai_api_key", "azure_openai_ad_token"],
        needs: &[
            (&["azure_openai_endpoint"], "AZURE_OPENAI_ENDPOINT"),
            (&["azure_openai_api_key", "azure_openai_ad_token"], "AZURE_OPENAI_API_KEY"),
        ],
        address: Some("azure_openai_endpoint"),
        heavy: None,
        light: None,
    },
    ProviderRow {
        provider: Provider::Gemini,
        keys: &["gemini_api_key"],
        needs: &[(&["gemini_api_key", "gemini_base_url"], "GEMINI_API_KEY")],
        address: Some("gemini_base_url"),
        heavy: Some(DEFAULT_GEMINI),
        light: None,
    },
    ProviderRow {
        provider: Provider::Ollama,
        keys: &[],
        needs: &[],
        address: Some("ollama_host"),
        heavy: None,
        light: None,
    },
    ProviderRow {
        provider: Provider::Bedrock,
        keys: &[],
        needs: &[],
        address: None,
        heavy: None,
        light: None,
    },
    ProviderRow {
        provider: Provider::Vertex,
        keys: &[],
        needs: &[],
        address: None,
        heavy: None,
        light: None,
    },
];

/// Asked where only an OpenAI key is given.
const DEFAULT_OPENAI: &str = "gpt-6.2-sol";
/// Asked where only a Gemini key is given.
const DEFAULT_GEMINI: &str = "gemini-3.8-flash";

/// A model and why it is the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// Which.
    pub choice: ModelChoice,
    /// A flag, a variable, a file and its line, or the reason of a default.
    pub why: String,
}

/// The models of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSet {
    /// For what needs judgement.
    pub heavy: Picked,
    /// For what is short and plain.
    pub light: Picked,
    /// Asked in order where the one before could not answer.
    pub fallbacks: Vec<Picked>,
}

/// What `.pipewright.toml` says of a task's models, in the table of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskModels {
    /// `model`.
    pub heavy: Option<(ModelChoice, Origin)>,
    /// `light_model`.
    pub light: Option<(ModelChoice, Origin)>,
    /// `fallback_model`.
    pub fallbacks: Option<(Vec<ModelChoice>, Origin)>,
}

/// Chooses, and notes what cannot be asked.
pub(super) struct Chooser<'a> {
    pub values: &'a Values,
    pub tables: &'a Tables,
    pub host: &'a Host,
    pub surroundings: &'a Surroundings,
    pub cloud: &'a Cloud,
    pub problems: &'a mut Vec<Problem>,
    pub warnings: &'a mut Vec<String>,
}

impl Chooser<'_> {
    /// The models of a task; of [`Task::Auto`], those of tasks without a table.
    pub fn choose(&mut self, task: Task) -> ModelSet {
        let own = self.tables.models.get(&task).cloned().unwrap_or_default();
        let heavy = self.heavy(own.heavy);
        self.warn_of_plain_text(&heavy.choice);
        let light = self.light(own.light, &heavy);
        let fallbacks = match heavy.choice {
            ModelChoice::Offline => Vec::new(),
            _ => self.fallbacks(own.fallbacks),
        };
        ModelSet { heavy, light, fallbacks }
    }

    fn heavy(&mut self, own: Option<(ModelChoice, Origin)>) -> Picked {
        if let Some((choice, why)) = self.said("model", own) {
            let instead = "so rules and reports answer alone";
            return match self.can_ask(&choice, &why, instead) {
                Ok(()) => Picked { choice, why },
                Err(missing) => Picked {
                    choice: ModelChoice::Offline,
                    why: format!("{missing} for `{choice}` ({why})"),
                },
            };
        }
        for row in PROVIDERS {
            let key = row.keys.iter().find(|key| self.values.is_said(key));
            if let (Some(key), Some(name)) = (key, row.heavy) {
                let why = format!("default: {} is given", self.values.origin(key));
                return Picked { choice: of(row, name), why };
            }
        }
        if self.cloud.is_federated() {
            let choice = ModelChoice::Of(Provider::Anthropic, DEFAULT_MODEL.to_owned());
            return Picked { choice, why: "default: a federation rule is given".to_owned() };
        }
        Picked { choice: ModelChoice::Offline, why: "default: no key is given".to_owned() }
    }

    fn light(&mut self, own: Option<(ModelChoice, Origin)>, heavy: &Picked) -> Picked {
        if heavy.choice == ModelChoice::Offline {
            return heavy.clone();
        }
        if let Some((choice, why)) = self.said("light_model", own)
            && self.can_ask(&choice, &why, "so the heavy model does its work").is_ok()
        {
            return Picked { choice, why };
        }
        let small = row_of(&heavy.choice).and_then(|row| Some((row, row.light?)));
        match small {
            Some((row, name)) if self.serves_all(row) => Picked {
                choice: of(row, name),
                why: format!("default: the small model of {}, for the same key", row.provider),
            },
            _ => Picked {
                choice: heavy.choice.clone(),
                why: "default: the heavy model, as no light one is named".to_owned(),
            },
        }
    }

    fn fallbacks(&mut self, own: Option<(Vec<ModelChoice>, Origin)>) -> Vec<Picked> {
        let stronger = self.is_stronger_than_the_file("fallback_model");
        let (choices, why) = match own.filter(|_| !stronger) {
            Some((choices, origin)) => (choices, origin.to_string()),
            None => {
                let Some(Value::List(names)) = self.values.get("fallback_model") else {
                    return Vec::new();
                };
                let choices = names.iter().filter_map(|name| name.parse().ok()).collect();
                (choices, self.values.origin("fallback_model"))
            }
        };
        let mut picked = Vec::new();
        for choice in choices {
            if choice != ModelChoice::Offline
                && self.can_ask(&choice, &why, "so it is no fallback").is_ok()
            {
                picked.push(Picked { choice, why: why.clone() });
            }
        }
        picked
    }

    /// What was said of a model. A task's table is about less than a key of the
    /// file and wins over it; flags and variables win over both.
    fn said(
        &self,
        name: &str,
        own: Option<(ModelChoice, Origin)>,
    ) -> Option<(ModelChoice, String)> {
        if let Some((choice, origin)) = own.filter(|_| !self.is_stronger_than_the_file(name)) {
            return Some((choice, origin.to_string()));
        }
        if !self.values.is_said(name) {
            return None;
        }
        let choice = self.values.text(name)?.parse().ok()?;
        Some((choice, self.values.origin(name)))
    }

    fn is_stronger_than_the_file(&self, name: &str) -> bool {
        let origin = self.values.chosen.get(name).map(|(_, origin)| origin);
        origin.is_some_and(|origin| !matches!(origin, Origin::Config { .. }))
    }

    /// Whether the keys given allow a model; the error says what is missing. In a
    /// CI job that is a warning: a fork's pull request gets no secrets, and is to
    /// be reviewed all the same.
    fn can_ask(&mut self, choice: &ModelChoice, why: &str, instead: &str) -> Result<(), String> {
        let (name, missing, remedy) = match choice {
            ModelChoice::Offline => return Ok(()),
            ModelChoice::Of(Provider::Anthropic, _) if self.cloud.is_federated() => return Ok(()),
            // What else could be asked there is the machine's identity, not the job's.
            ModelChoice::Of(Provider::Bedrock, name)
                if self.cloud.hosted_runner && !self.cloud.names_aws() =>
            {
                (name.as_str(), "no credentials", String::new())
            }
            ModelChoice::Of(Provider::Vertex, name)
                if self.cloud.hosted_runner && !self.cloud.names_google() =>
            {
                (name.as_str(), "no credentials", String::new())
            }
            ModelChoice::Of(_, name) => {
                let needs = row_of(choice).map_or(&[][..], |row| row.needs);
                let given = |inputs: &[&str]| inputs.iter().any(|input| self.values.is_said(input));
                let missing = needs.iter().find(|(inputs, _)| !given(inputs));
                let Some((_, variable)) = missing else { return Ok(()) };
                (name.as_str(), "no key", format!("needs a key: set {variable}"))
            }
            // At a person's own machine the program may know a login of its own.
            ModelChoice::Command(line) => {
                if !self.host.ci || self.surroundings.can_log_in(line) {
                    return Ok(());
                }
                (line.as_str(), "no key", String::new())
            }
        };
        if self.host.ci {
            let warning = format!("{missing} for `{name}` ({why}), {instead}");
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        } else {
            let problem = Problem { source: why.to_owned(), message: format!("`{name}` {remedy}") };
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        Err(missing.to_owned())
    }

    /// Whether the provider itself answers, which has all its models; what a
    /// gateway has, nobody here knows.
    fn serves_all(&self, row: &ProviderRow) -> bool {
        let Some(address) = row.address else { return true };
        let usual = super::table::find(address).map(|input| input.default);
        self.values.text(address).as_deref() == usual
            && (row.keys.iter().any(|key| self.values.is_said(key))
                || row.provider == Provider::Anthropic && self.cloud.is_federated())
    }

    fn warn_of_plain_text(&mut self, choice: &ModelChoice) {
        let address = row_of(choice).and_then(|row| self.values.text(row.address?));
        let plain = address.filter(|url| {
            url.strip_prefix("http://").is_some_and(|rest| {
                let host = rest.split(['/', ':']).next().unwrap_or_default();
                !(host == "localhost" || host.starts_with("127.") || rest.starts_with("[::1]"))
            })
        });
        let Some(url) = plain else { return };
        let warning = format!("{url} is not encrypted: the change and the key go there in clear");
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

fn of(row: &ProviderRow, name: &str) -> ModelChoice {
    ModelChoice::Of(row.provider, name.to_owned())
}

fn row_of(choice: &ModelChoice) -> Option<&'static ProviderRow> {
    let ModelChoice::Of(provider, _) = choice else { return None };
    PROVIDERS.iter().find(|row| row.provider == *provider)
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigText, Env, Errors, Inputs};
    use super::*;

    const KEY: (&str, &str) = ("ANTHROPIC_API_KEY", "sk-ant-12345678");
    const CI: (&str, &str) = ("CI", "true");

    fn resolve(args: &[&str], vars: &[(&str, &str)], toml: &str) -> Result<Inputs, Errors> {
        let env = Env::from_vars(vars.iter().copied());
        let config = ConfigText { text: toml.into(), origin: ".pipewright.toml".into() };
        Inputs::gather(args.iter().map(Into::into), env).resolve(Some(&config))
    }

    /// Heavy, light and fallbacks of a review, each with its reason.
    fn chosen(args: &[&str], vars: &[(&str, &str)], toml: &str) -> Vec<String> {
        let set = resolve(args, vars, toml).unwrap().models_of(Task::Review);
        let all = [&set.heavy, &set.light].into_iter().chain(&set.fallbacks);
        all.map(|picked| format!("{} <- {}", picked.choice, picked.why)).collect()
    }

    #[test]
    fn each_task_has_its_models_and_the_strongest_word_wins() {
        let small = "anthropic:claude-haiku-5-5 <- default: the small model of anthropic, for the \
                     same key";
        let heavy = "<- default: the heavy model, as no light one is named";
        let check = |args: &[&str], vars: &[(&str, &str)], toml: &str, expect: &[&str]| {
            assert_eq!(chosen(args, vars, toml), expect, "{args:?} {vars:?} {toml}");
        };
        let none = "offline <- default: no key is given";
        check(&[], &[], "", &[none, none]);
        let sonnet = "anthropic:claude-sonnet-5-5 <- default: ANTHROPIC_API_KEY is given";
        check(&[], &[KEY], "", &[sonnet, small]);
        // A gateway need not have the small one.
        let gate = ("ANTHROPIC_BASE_URL", "https://gate.way");
        check(&[], &[KEY, gate], "", &[sonnet, &format!("anthropic:claude-sonnet-5-5 {heavy}")]);
        let same = ("ANTHROPIC_BASE_URL", "https://api.anthropic.com/");
        check(&[], &[KEY, same], "", &[sonnet, small]);
        let toml = "model = \"claude-opus-5-5\"\nlight_model = \"claude-haiku-4-5\"\n\
                    [review]\nmodel = \"claude-opus-5\"\nfallback_model = [\"claude-sonnet-5\"]\n";
        check(
            &[],
            &[KEY],
            toml,
            &[
                "anthropic:claude-opus-5 <- .pipewright.toml, line 4",
                "anthropic:claude-haiku-4-5 <- .pipewright.toml, line 2",
                "anthropic:claude-sonnet-5 <- .pipewright.toml, line 5",
            ],
        );
        check(
            &["--model", "claude-x", "--fallback-model", "command:claude --a b"],
            &[KEY],
            toml,
            &[
                "anthropic:claude-x <- --model",
                "anthropic:claude-haiku-4-5 <- .pipewright.toml, line 2",
                "command:claude --a b <- --fallback-model",
            ],
        );
        let command = "command:ask --x";
        check(
            &["--model", command],
            &[],
            "",
            &["command:ask --x <- --model", &format!("command:ask --x {heavy}")],
        );
        check(
            &["--model", command, "--light-model", "offline"],
            &[],
            "",
            &["command:ask --x <- --model", "offline <- --light-model"],
        );
        let general = resolve(&[], &[KEY], toml).unwrap();
        assert_eq!(general.model.to_string(), "anthropic:claude-opus-5-5");
    }

    #[test]
    fn what_cannot_be_asked_is_a_problem_and_in_ci_a_warning() {
        let check = |args: &[&str], toml: &str, expect: &str, models: &[&str]| {
            let errors = resolve(args, &[], toml).err().map(|errors| errors.to_string());
            assert!(errors.unwrap_or_default().contains(expect), "{args:?} {toml}");
            let inputs = resolve(args, &[CI], toml).unwrap();
            assert_eq!(inputs.warnings.len(), 1, "{:?}", inputs.warnings);
            let set = inputs.models_of(Task::Review);
            let all = [&set.heavy, &set.light].into_iter().chain(&set.fallbacks);
            let all: Vec<String> = all.map(|picked| picked.choice.to_string()).collect();
            assert_eq!(all, models, "{args:?} {toml}");
        };
        let offline = ["offline", "offline"];
        check(&["--model", "claude-x"], "", "needs a key: set ANTHROPIC_API_KEY", &offline);
        check(&[], "[review]\nmodel = \"claude-x\"", "line 2: `claude-x` needs a key", &offline);
        let ask = ["command:ask", "command:ask"];
        check(&["--model", "command:ask", "--light-model", "claude-x"], "", "needs a key", &ask);
        check(&["--model", "command:ask", "--fallback-model", "claude-x"], "", "needs a key", &ask);
    }

    #[test]
    fn claude_without_a_login_is_left_out_in_ci() {
        let model = |vars: &[(&str, &str)]| {
            let inputs = resolve(&["--model", "command:claude"], vars, "").unwrap();
            (inputs.model, inputs.warnings.len())
        };
        let claude = ModelChoice::Command("claude".into());
        assert_eq!(model(&[]), (claude.clone(), 0));
        assert_eq!(model(&[CI]), (ModelChoice::Offline, 1));
        assert_eq!(model(&[CI, KEY]), (claude.clone(), 0));
        assert_eq!(model(&[CI, ("CLAUDE_CODE_OAUTH_TOKEN", "sk-x")]), (claude.clone(), 0));
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".claude")).unwrap();
        std::fs::write(home.path().join(".claude/.credentials.json"), "{}").unwrap();
        assert_eq!(model(&[CI, ("HOME", home.path().to_str().unwrap())]), (claude, 0));
    }

    #[test]
    fn wrong_models_and_prices_are_told_with_their_place() {
        let check = |args: &[&str], toml: &str, expect: &str| {
            let errors = resolve(args, &[KEY], toml).unwrap_err().to_string();
            assert!(errors.contains(expect), "{errors}");
        };
        check(&["--model", "command:"], "", "names no program");
        check(&["--model", "command:a 'b"], "", "a quote is left open");
        check(&["--command-env", "GITHUB_TOKEN"], "", "is the host's own");
        check(&[], "command_env = [\"X\"]", "`command_env` cannot be set here");
        check(&[], "[review]\nlight_modle = \"x\"", "did you mean `light_model`?");
        check(&[], "[review]\nmodel = \"gpt\"", "line 2: `gpt` does not say whose model it is");
        check(&[], "review = 1", "`review` is a table");
        check(&[], "[revew]\n", "did you mean `review`?");
        check(&[], "[[price]]\nmodel = \"x\"", "line 1: `[[price]]` needs");
        check(&[], "[price]\nmodel = \"x\"", "array of tables");
        check(&["--prices", "/no/such/file"], "", "--prices: cannot read /no/such/file");
    }

    #[test]
    fn a_file_of_prices_comes_before_the_configuration_and_not_from_the_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prices.toml");
        std::fs::write(&file, "[[price]]\nmodel = \"x\"\ninput = 1\noutput = 2\n").unwrap();
        let path = file.to_str().unwrap();
        let toml = "[[price]]\nmodel = \"x\"\ninput = 3\noutput = 4\n";
        let inputs = resolve(&["--prices", path], &[], toml).unwrap();
        let prices: Vec<f64> = inputs.tables.prices.iter().map(|rule| rule.input).collect();
        assert_eq!(prices, [1.0, 3.0]);
        let workspace = folder.path().to_str().unwrap();
        let vars = [("GITHUB_ACTIONS", "true"), ("GITHUB_WORKSPACE", workspace)];
        let errors = resolve(&["--prices", path], &vars, toml).unwrap_err().to_string();
        assert!(errors.contains("lies in the checkout"), "{errors}");
    }
}
