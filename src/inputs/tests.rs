//! What is said where, what wins, and what is refused.

use proptest::prelude::*;

use super::*;

fn env(vars: &[(&str, &str)]) -> Env {
    Env::from_vars(vars.iter().copied())
}

fn gathered(args: &[&str], vars: &[(&str, &str)]) -> Gathered {
    Inputs::gather(args.iter().map(OsString::from), env(vars))
}

fn config(text: &str) -> ConfigText {
    ConfigText { text: text.into(), origin: ".pipewright.toml".into() }
}

fn resolved(args: &[&str], vars: &[(&str, &str)], toml: &str) -> Inputs {
    gathered(args, vars).resolve(Some(&config(toml))).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(args: &[&str], vars: &[(&str, &str)], toml: &str) -> Vec<String> {
    match gathered(args, vars).resolve(Some(&config(toml))) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
    }
}

fn source_of(inputs: &Inputs, name: &str) -> String {
    inputs.settings.iter().find(|s| s.name == name).map(|s| s.source.clone()).unwrap_or_default()
}

#[test]
fn the_strongest_spelling_wins() {
    let args = ["--max-findings", "1"];
    let vars = [
        ("INPUT_MAX_FINDINGS", "2"),
        ("PLUGIN_MAX_FINDINGS", "3"),
        ("PIPEWRIGHT_MAX_FINDINGS", "4"),
    ];
    let toml = "# limits\nmax_findings = 5\n";
    let check = |args: &[&str], vars: &[(&str, &str)], toml: &str, value: usize, source: &str| {
        let inputs = resolved(args, vars, toml);
        assert_eq!(
            (inputs.max_findings, source_of(&inputs, "max_findings").as_str()),
            (value, source)
        );
    };
    check(&args, &vars, toml, 1, "--max-findings");
    check(&[], &vars, toml, 2, "INPUT_MAX_FINDINGS");
    check(&[], &vars[1..], toml, 3, "PLUGIN_MAX_FINDINGS");
    check(&[], &vars[2..], toml, 4, "PIPEWRIGHT_MAX_FINDINGS");
    check(&[], &[], toml, 5, ".pipewright.toml, line 2");
    check(&[], &[], "", 25, "default");
    // Empty is unset.
    check(
        &["--max-findings", " "],
        &[("INPUT_MAX_FINDINGS", ""), vars[1]],
        toml,
        3,
        "PLUGIN_MAX_FINDINGS",
    );
    // As GitHub spells a name with a dash or a space.
    check(&[], &[("INPUT_MAX-FINDINGS", "7")], "", 7, "INPUT_MAX-FINDINGS");
}

#[test]
fn defaults_are_the_documented_ones() {
    let inputs = resolved(&[], &[], "");
    assert_eq!(inputs.command, Command::Auto);
    assert_eq!(inputs.task, Task::Auto);
    assert_eq!(inputs.model, ModelChoice::Offline);
    assert_eq!(inputs.fail_on, Some(Severity::High));
    assert_eq!(inputs.max_findings, 25);
    assert_eq!(inputs.min_confidence, 0.5);
    assert_eq!(inputs.max_cost_usd, 5.0);
    assert_eq!(inputs.max_tokens, None);
    assert_eq!(inputs.timeout, Duration::from_secs(20 * 60));
    assert_eq!(inputs.trigger_phrase, "@pipewright");
    assert_eq!(inputs.publish, Publish { review: true, summary: true, check: true });
    assert_eq!(inputs.autonomy, Autonomy::Observe);
    assert_eq!(inputs.format, Format::Json);
    assert_eq!(inputs.color, Color::Auto);
    assert_eq!(inputs.log, "warn");
    assert_eq!(inputs.anthropic_base_url, "https://api.anthropic.com");
    assert!(inputs.secrets.is_empty() && inputs.warnings.is_empty());
    let ci = resolved(&[], &[("GITHUB_ACTIONS", "true")], "");
    assert_eq!((ci.autonomy, ci.log.as_str()), (Autonomy::Propose, "info"));
    let mut terminal = gathered(&[], &[]);
    terminal.env.stdout_terminal = true;
    assert_eq!(terminal.resolve(None).unwrap().format, Format::Text);
}

#[test]
fn every_word_and_default_of_the_table_is_read() {
    for input in INPUTS {
        let words: &[&str] = match input.kind {
            Kind::Choice(words) | Kind::Choices(words) => words,
            _ => &[],
        };
        for word in words.iter().copied().chain(Some(input.default).filter(|d| !d.is_empty())) {
            let variable = format!("PIPEWRIGHT_{}", input.upper());
            let inputs = resolved(&[], &[(&variable, word)], "");
            let shown = inputs.settings.iter().find(|s| s.name == input.name).unwrap();
            assert_eq!(shown.value.as_deref(), Some(word), "{}", input.name);
        }
    }
    for (words, all) in [
        (table::TASKS, Task::ALL.iter().map(|w| w.as_str()).collect::<Vec<_>>()),
        (table::AUTONOMY, Autonomy::ALL.iter().map(|w| w.as_str()).collect()),
        (table::FORMATS, Format::ALL.iter().map(|w| w.as_str()).collect()),
        (table::COLORS, Color::ALL.iter().map(|w| w.as_str()).collect()),
    ] {
        assert_eq!(words, all);
    }
}

#[test]
fn all_errors_are_shown_at_once_with_source_and_nearest_word() {
    let found = errors(
        &["--modle", "x", "--fail-on", "hihg", "--baze=y", "review", "--min-confidence", "2"],
        &[
            ("INPUT_MAX_FINDNGS", "3"),
            ("PIPEWRIGHT_NONSENSE_XYZ", "1"),
            ("PIPEWRIGHT_MAX_TOKENS", "many"),
            ("INPUT_PUBLISH", "review,sumary"),
        ],
        "fial_on = \"low\"\nignore = [\"a[\"]\n\n[revew]\nx = 1\n[policy]\nautonomy = \"acts\"\n",
    );
    let expect = [
        "command line: unexpected argument '--modle' found; a similar argument exists: '--model'",
        "command line: unexpected argument '--baze' found; a similar argument exists: '--base'",
        "--fail-on: `hihg` is not a value; did you mean `high`?",
        "--min-confidence: `2` is not a number from 0 to 1",
        "INPUT_MAX_FINDNGS: is not an input; did you mean `max_findings`?",
        "PIPEWRIGHT_NONSENSE_XYZ: is not an input; `pipewright config` lists them",
        "PIPEWRIGHT_MAX_TOKENS: `many` is not a whole number from 1",
        "INPUT_PUBLISH: `sumary` is not a value; did you mean `summary`?",
        ".pipewright.toml, line 1: `fial_on` is not a key; did you mean `fail_on`?",
        ".pipewright.toml, line 2: `a[` is not a pattern",
        ".pipewright.toml, line 4: `revew` is not a key; did you mean `review`?",
        ".pipewright.toml, line 7: `acts` is not a value; did you mean `act`?",
    ];
    for line in expect {
        assert!(found.iter().any(|found| found.starts_with(line)), "{line}\nin {found:#?}");
    }
    assert_eq!(found.len(), expect.len(), "{found:#?}");
}

#[test]
fn wrong_values_are_refused_wherever_they_stand() {
    for (args, toml, expect) in [
        (&["--max-finding", "1"][..], "", "unexpected argument '--max-finding'"),
        (&["revew"], "", "revew"),
        (&["audit", "verify"], "", "required arguments were not provided: <FILE>"),
        (&["--base", "-x"], "", "command line"),
        (&["--base=--output"], "", "is not a revision"),
        (&["--model", "llama-4"], "", "does not say whose model it is"),
        (&["--model", "gpt-5"], "", "needs a key: set OPENAI_API_KEY"),
        (&["--model", "azure:x"], "", "set AZURE_OPENAI_ENDPOINT"),
        (&["--model", "gemini-3.8-flash"], "", "set GEMINI_API_KEY"),
        (&["--model", "mistral:large"], "", "is not a provider of this version"),
        (&["--model", "ofline"], "", "did you mean `offline`?"),
        (&["--model", "anthropic:"], "", "does not name a model"),
        (&["--model", "claude-x"], "", "needs a key: set ANTHROPIC_API_KEY"),
        (&["--anthropic-base-url", "ftp://x"], "", "is not an address"),
        (&["--anthropic-base-url", "https://user:secret@x"], "", "password is refused"),
        (&["--max-cost-usd", "NaN"], "", "is not a number"),
        (&["--ignore", "!x"], "", "cannot be negated"),
        (&["--github-token", "ghp_abc"], "", "a secret is never a flag"),
        (&["--anthropic-api-key=sk"], "", "set ANTHROPIC_API_KEY, or ANTHROPIC_API_KEY_FILE"),
        (&[], "github_token = \"x\"", "a secret never stands in a file of the repository"),
        (&[], "base = \"x\"", "it belongs to the run"),
        (&[], "max_findings = true", "takes a whole number"),
        (&[], "max_findings = 0x10", "takes a whole number"),
        (&[], "fail_on = [\"high\"]", "takes one value, not a list"),
        (&[], "review = 3", "`review` is a table"),
        (&[], "path = 3", "`path` is an array of tables"),
        (&[], "[[path]]\nignore = true", "needs a `glob`"),
        (&[], "[[path]]\nglob = \"x\"\nignore = 1", "takes `true` or `false`"),
        (&[], "[policy]\nasker = \"none\"", "`none` is not a value"),
        (&[], "a = ", "line 1: is not TOML"),
    ] {
        let found = errors(args, &[], toml);
        assert!(found.iter().any(|found| found.contains(expect)), "{expect}\nin {found:#?}");
        assert!(found.iter().all(|line| !line.contains('\n')), "{found:#?}");
    }
    // The value given to a secret's flag is not repeated.
    assert!(!errors(&["--github-token", "ghp_abc"], &[], "").concat().contains("ghp_abc"));
}

#[test]
fn commands_are_told_apart() {
    for (args, expect) in [
        (&[][..], Command::Auto),
        (&["review"], Command::Review),
        (&["--max-findings", "3", "review"], Command::Review),
        (&["config", "--format", "text"], Command::Config),
        (&["audit", "verify", "x.jsonl"], Command::AuditVerify { file: "x.jsonl".into() }),
    ] {
        assert_eq!(gathered(args, &[]).command, expect);
    }
    let inputs = resolved(&["--max-findings", "3", "review"], &[], "");
    assert_eq!(inputs.max_findings, 3);
    let inputs = resolved(&["--max-findings", "3", "review", "--max-findings", "4"], &[], "");
    assert_eq!(inputs.max_findings, 4);
    for (args, expect) in [
        (&["--help"][..], "Exit codes"),
        (&["review", "--help"], "--max-findings"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["audit"], "verify"),
    ] {
        match gathered(args, &[]).command {
            Command::Print(text) => {
                assert!(text.contains(expect), "{text}");
                assert!(!text.contains("github-token"), "secrets are no flags: {text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn lists_are_split_at_commas_and_new_lines() {
    for (vars, toml) in [
        (&[("INPUT_IGNORE", "docs/, *.md\n\n/x ")][..], ""),
        (&[], "ignore = [\"docs/\", \"*.md\", \"/x\"]"),
        (&[], "ignore = \"docs/,*.md,/x\""),
    ] {
        let inputs = resolved(&[], vars, toml);
        assert_eq!(inputs.ignore.patterns, ["docs/", "*.md", "/x"]);
    }
    let inputs = resolved(&["--ignore", "a,b", "--ignore", "c"], &[], "");
    assert_eq!(inputs.ignore.patterns, ["a", "b", "c"]);
    let none = Publish { review: false, summary: false, check: false };
    assert_eq!(resolved(&["--publish", "none"], &[], "").publish, none);
}

#[test]
fn patterns_match_like_people_expect() {
    for (pattern, path, expect) in [
        ("*.md", "README.md", true),
        ("*.md", "docs/a/b.md", true),
        ("docs/", "docs/a/b.rs", true),
        ("docs", "docs/a.rs", true),
        ("docs", "src/docs/a.rs", true),
        ("/docs", "src/docs/a.rs", false),
        ("/Makefile", "Makefile", true),
        ("src/*.rs", "src/a.rs", true),
        ("src/*.rs", "src/a/b.rs", false),
        ("src/**/*.rs", "src/a/b.rs", true),
        ("./src", "src/a.rs", true),
        ("a?c", "abc", true),
        ("x", "y", false),
    ] {
        let globs = Globs::new(vec![pattern.into()]).unwrap();
        assert_eq!(globs.is_match(path), expect, "{pattern} on {path}");
    }
    assert!(!Globs::default().is_match("x"));
}

#[test]
fn paths_are_wanted_by_include_ignore_and_tables() {
    let toml = "include = \"src/\"\nignore = \"*.snap\"\n[[path]]\nglob = \"src/gen\"\nignore = true\n\
                [[path]]\nglob = \"*.rs\"\ninstructions = \"Mind panics.\"\n";
    let inputs = resolved(&[], &[], toml);
    for (path, expect) in
        [("src/a.rs", true), ("b.rs", false), ("src/a.snap", false), ("src/gen/a.rs", false)]
    {
        assert_eq!(inputs.wants(path), expect, "{path}");
    }
    let rules: Vec<_> = inputs.tables.rules_for("src/a.rs").collect();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].instructions.as_deref(), Some("Mind panics."));
}

#[test]
fn a_key_chooses_the_model() {
    let key = ("ANTHROPIC_API_KEY", "sk-ant-12345678");
    let named = ("INPUT_MODEL", "claude-haiku-4-5");
    let ci = ("CI", "true");
    let offline = ModelChoice::Offline;
    let by_name = |name: &str| ModelChoice::Of(Provider::Anthropic, name.into());
    for (args, vars, expect, warnings) in [
        (&[][..], &[key][..], by_name(table::DEFAULT_MODEL), 0),
        (&["--model", "offline"], &[key], offline.clone(), 0),
        (&[], &[key, named], by_name("claude-haiku-4-5"), 0),
        (&["--model", "anthropic:my-model"], &[key], by_name("my-model"), 0),
        // A fork's pull request has no secrets.
        (&[], &[named, ci], offline, 1),
        // A gateway may hold the key.
        (&["--anthropic-base-url", "http://127.0.0.1:9"], &[named], by_name("claude-haiku-4-5"), 0),
        (&["--anthropic-base-url", "http://gate.way"], &[named], by_name("claude-haiku-4-5"), 1),
    ] {
        let inputs = resolved(args, vars, "");
        assert_eq!(inputs.model, expect, "{args:?} {vars:?}");
        assert_eq!(inputs.warnings.len(), warnings, "{:?}", inputs.warnings);
    }
}

#[test]
fn secrets_come_from_variables_and_files_and_are_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "sk-from-file-123\n").unwrap();
    let file = file.to_str().unwrap();
    for (vars, expect, source) in [
        (&[("ANTHROPIC_API_KEY", "sk-variable-1")][..], "sk-variable-1", "ANTHROPIC_API_KEY"),
        (&[("ANTHROPIC_API_KEY_FILE", file)], "sk-from-file-123", "ANTHROPIC_API_KEY_FILE"),
        (
            &[("INPUT_ANTHROPIC_API_KEY_FILE", file)],
            "sk-from-file-123",
            "INPUT_ANTHROPIC_API_KEY_FILE",
        ),
        (
            &[("INPUT_ANTHROPIC_API_KEY_FILE", file), ("ANTHROPIC_API_KEY", "sk-weaker-12")],
            "sk-from-file-123",
            "INPUT_ANTHROPIC_API_KEY_FILE",
        ),
    ] {
        let inputs = resolved(&[], vars, "");
        assert_eq!(inputs.anthropic_api_key.as_ref().map(|s| s.expose()), Some(expect));
        assert!(source_of(&inputs, "anthropic_api_key").starts_with(source));
        assert!(inputs.secrets.iter().any(|secret| secret.expose() == expect));
        assert!(!format!("{inputs:?}{}", show(&inputs)).contains(expect));
        assert!(!format!("{:?}", gathered(&[], vars)).contains(expect));
    }
    let found = errors(&[], &[("GITHUB_TOKEN_FILE", "/no/such/file")], "");
    assert!(found[0].starts_with("GITHUB_TOKEN_FILE: cannot read /no/such/file"), "{found:?}");
    let found = errors(&[], &[("GITHUB_TOKEN", "two words-secret")], "");
    assert!(!found.is_empty() && !found.concat().contains("two words"), "{found:?}");
}

#[test]
fn secrets_around_the_process_are_known() {
    let inputs = resolved(
        &[],
        &[
            ("MISTRAL_API_KEY", "sk-mistral-12345"),
            ("INPUT_NPM-TOKEN", "npm_123456789"),
            ("HTTPS_PROXY", "http://me:hunter2-hunter2@proxy:3128"),
            ("SSH_KEY_PATH", "/home/me/.ssh/id"),
            ("MONKEY", "not-a-secret-value"),
            ("SHORT_TOKEN", "abc"),
        ],
        "",
    );
    let mut found: Vec<&str> = inputs.secrets.iter().map(|secret| secret.expose()).collect();
    found.sort_unstable();
    assert_eq!(found, ["hunter2-hunter2", "npm_123456789", "sk-mistral-12345"]);
    assert!(!format!("{inputs:?}").contains("hunter2"));
}

#[test]
fn strangers_with_the_hosts_prefix_only_warn() {
    let inputs = resolved(&[], &[("INPUT_WHO-TO-GREET", "x"), ("PLUGIN_REPO_URL_THING", "y")], "");
    assert_eq!(inputs.warnings.len(), 2, "{:?}", inputs.warnings);
}

#[test]
fn the_hosts_variables_are_read() {
    let inputs = resolved(
        &[],
        &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_API_URL", "https://ghe.example/api/v3/"),
            ("GITHUB_SERVER_URL", "https://ghe.example"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_WORKSPACE", "/github/workspace"),
            ("https_proxy", "http://proxy:1"),
            ("HOME", "/home/me"),
            ("NO_COLOR", "1"),
            ("RUNNER_DEBUG", "1"),
        ],
        "",
    );
    let host = &inputs.host;
    assert_eq!(host.api_url, "https://ghe.example/api/v3");
    assert_eq!(host.graphql_url, "https://ghe.example/api/graphql");
    assert_eq!(
        host.run_url().as_deref(),
        Some("https://ghe.example/o/r/actions/runs/7/attempts/2")
    );
    assert_eq!(host.workspace, PathBuf::from("/github/workspace"));
    assert_eq!(host.proxy.https.as_deref(), Some("http://proxy:1"));
    assert_eq!(host.state_home, Some(PathBuf::from("/home/me/.local/state")));
    assert_eq!((inputs.color, inputs.log.as_str()), (Color::Never, "debug"));
    let plain = resolved(&[], &[], "");
    assert_eq!(plain.host.graphql_url, "https://api.github.com/graphql");
    assert_eq!(plain.host.run_url(), None);
}

#[test]
fn config_is_shown_as_a_table_and_as_json() {
    let inputs = resolved(&["--format", "text", "--max-findings", "3"], &[], "");
    let text = show(&inputs);
    assert_eq!(text.lines().count(), INPUTS.len());
    assert!(
        text.lines()
            .any(|line| { line.split_whitespace().eq(["max_findings", "3", "--max-findings"]) })
    );
    let inputs = resolved(&["--format", "json"], &[("GITHUB_TOKEN", "ghs_12345678")], "");
    let json: serde_json::Value = serde_json::from_str(&show(&inputs)).unwrap();
    assert_eq!(json["schema"], "pipewright.config/1");
    let token = json["inputs"].as_array().unwrap().iter().find(|i| i["name"] == "github_token");
    assert_eq!(token.unwrap()["value"], "***");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_configuration_makes_it_panic(text in "\\PC{0,200}") {
        let _ = gathered(&[], &[]).resolve(Some(&config(&text)));
    }

    #[test]
    fn no_value_makes_it_panic(index in 0..INPUTS.len(), value in "\\PC{0,60}") {
        let variable = format!("PIPEWRIGHT_{}", INPUTS[index].upper());
        let toml = format!("{} = {value}", INPUTS[index].name);
        let _ = gathered(&[], &[(&variable, &value)]).resolve(Some(&config(&toml)));
        let flag = format!("--{}", INPUTS[index].long());
        let _ = gathered(&[&flag, &value], &[]).resolve(None);
    }

    #[test]
    fn nothing_on_the_command_line_makes_it_panic(args in prop::collection::vec("\\PC{0,20}", 0..4)) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let _ = gathered(&args, &[]);
    }
}

#[test]
fn a_cloud_without_credentials_on_a_hosted_machine_is_asked_nothing() {
    let check = |model: &str, more: &[(&str, &str)], expect: &str| {
        let always = [("CI", "true"), ("PIPEWRIGHT_MODEL", model)];
        let env = Env::from_vars(always.into_iter().chain(more.iter().copied()));
        let inputs = Inputs::gather([], env).resolve(None).unwrap();
        assert_eq!(inputs.model.to_string(), expect, "{model} {more:?}");
        assert_eq!(inputs.warnings.is_empty(), expect != "offline", "{:?}", inputs.warnings);
    };
    let hosted = ("RUNNER_ENVIRONMENT", "github-hosted");
    let oidc =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", "https://x"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")];
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    check("bedrock:x", &[hosted], "offline");
    check("bedrock:x", &[hosted, role], "offline");
    check("bedrock:x", &[hosted, role, oidc[0], oidc[1]], "bedrock:x");
    check("bedrock:x", &[hosted, ("AWS_BEARER_TOKEN_BEDROCK", "k")], "bedrock:x");
    check("bedrock:x", &[], "bedrock:x");
    check("vertex:claude-x", &[hosted, oidc[0], oidc[1]], "offline");
    check("vertex:claude-x", &[hosted, ("GOOGLE_GHA_CREDS_PATH", "/x")], "vertex:claude-x");
    check("vertex:claude-x", &[], "vertex:claude-x");
    // A rule needs an identity, and an identity a rule.
    let rule = [("ANTHROPIC_FEDERATION_RULE_ID", "fdrl_1"), ("ANTHROPIC_ORGANIZATION_ID", "o")];
    check("claude-x", &[rule[0], rule[1]], "offline");
    check("claude-x", &[oidc[0], oidc[1]], "offline");
    check("claude-x", &[rule[0], rule[1], oidc[0], oidc[1]], "anthropic:claude-x");
}

#[test]
fn rules_for_pipeline_files_are_set_by_name() {
    let toml = "[pipeline.rules]\nmissing-timeout = \"off\"\n[pipeline.severity]\nunpinned-dependency = \"high\"\n";
    let table = resolved(&[], &[], toml).tables.pipeline;
    assert_eq!(table.rules.get("missing-timeout"), Some(&super::RuleMode::Off));
    assert_eq!(table.severity.get("unpinned-dependency"), Some(&crate::finding::Severity::High));
    for (toml, words) in [
        ("[pipeline.rules]\nmissing-timeuot = \"off\"\n", "did you mean `missing-timeout`"),
        ("[pipeline.rules]\nmissing-timeout = \"of\"\n", "did you mean `off`"),
        ("[pipeline.severity]\nmissing-timeout = \"hihg\"\n", "did you mean `high`"),
    ] {
        let errors = errors(&[], &[], toml);
        assert!(errors.len() == 1 && errors[0].contains(words), "{errors:?}");
    }
}
