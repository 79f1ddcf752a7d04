//! The one table of inputs: flags, action inputs, variables, keys of
//! `.pipewright.toml`, `--help`, `action.yml` and `docs/inputs.md` all come from it.

mod kind;

pub use kind::{Group, Input, Kind};
use kind::{input, secret};

/// Words of [`super::Task`].
pub const TASKS: &[&str] =
    &["auto", "review", "plan", "merge", "docs", "pipeline", "tests", "verify"];
/// Words of `fail_on`: `none`, and those of [`crate::finding::Severity`].
pub const FAIL_ON: &[&str] = &["none", "info", "low", "medium", "high", "critical"];
/// Words of [`super::Autonomy`], least first.
pub const AUTONOMY: &[&str] = &["observe", "propose", "alert", "act"];
/// Words of [`super::Publish`], which may also be `none`.
pub const PUBLISH: &[&str] = &["review", "summary", "check"];
/// Words of [`super::Labels`], which may also be `none`.
pub const LABELS: &[&str] = &["kind", "risk", "effort"];
/// Words of [`super::Format`].
pub const FORMATS: &[&str] = &["text", "json", "markdown", "sarif", "github", "diff"];
/// Words of [`crate::pipeline::Platform`].
pub const PLATFORMS: &[&str] = &["github", "gitlab", "azure", "jenkins", "bitbucket", "harness"];
/// Words of [`super::TestKind`].
pub const TEST_KINDS: &[&str] = &["unit", "data", "security", "benchmark"];
/// Words of [`super::Approval`].
pub const APPROVALS: &[&str] = &["none", "harness", "environment", "comment"];
/// Words of `network`.
pub const NETWORKS: &[&str] = &["none", "host"];
/// Words of [`super::Color`].
pub const COLORS: &[&str] = &["auto", "always", "never"];
/// Log levels, least first.
pub const LOG_LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// The model that is asked where a key for Anthropic is given and no model is named.
pub const DEFAULT_MODEL: &str = "claude-sonnet-5-5";

/// Every input, in the order they are shown.
pub static INPUTS: &[Input] = &[
    // Change
    input(
        "task",
        Group::Change,
        Kind::Choice(TASKS),
        "What to do when no command is given. `auto` decides by the event that started the run.",
    )
    .default("auto"),
    input(
        "base",
        Group::Change,
        Kind::Revision,
        "Revision the change starts from. Its merge base with the head is what the change is \
         compared with.",
    )
    .note("the event's base; in a checkout, the default branch")
    .not_in_config(),
    input(
        "head",
        Group::Change,
        Kind::Revision,
        "Revision under review. Without it, uncommitted work in the checkout is part of the \
         change.",
    )
    .note("the event's head; in a checkout, the working tree")
    .not_in_config(),
    input(
        "number",
        Group::Change,
        Kind::Whole(1, u64::MAX),
        "Pull request to review where the event names none. For `workflow_dispatch` and \
         `schedule`.",
    )
    .not_in_config(),
    input(
        "include",
        Group::Change,
        Kind::Globs,
        "Only files that match one of these patterns are reviewed. A pattern without a slash \
         matches at any depth; a folder's name stands for all below it.",
    )
    .note("all files"),
    input(
        "ignore",
        Group::Change,
        Kind::Globs,
        "Files that match one of these patterns are not reviewed. They are listed as skipped.",
    ),
    input(
        "reports",
        Group::Change,
        Kind::Globs,
        "SARIF, JUnit and coverage files to read from the checkout. Findings, failed tests and \
         uncovered lines are kept where they touch the change.",
    )
    .note("the usual names"),
    input(
        "history",
        Group::Change,
        Kind::Path,
        "Times of past runs, for savings of pipeline changes: the CI server's own answers or our \
         JSON, see docs/pipeline-history.md. `server` asks the CI server.",
    )
    .note("documented estimates; in CI, `server`")
    .not_in_config(),
    input(
        "platform",
        Group::Change,
        Kind::Choice(PLATFORMS),
        "Whose pipeline files are meant: what `pipeline generate` writes, and what other files \
         are read as where their names and contents do not tell.",
    )
    .note("by name and content")
    .not_in_config(),
    // Tests
    input(
        "command",
        Group::Tests,
        Kind::Text,
        "Command that runs the test suite, for `tests`. It is run by `sh -c` in the project's \
         folder, in a copy of the checkout.",
    )
    .note("by the project's files"),
    input(
        "one",
        Group::Tests,
        Kind::Text,
        "Command that runs one test: `{name}` stands for its name as the runner prints it, \
         `{path}` for its file.",
    )
    .note("by `command`, or the project's files"),
    input(
        "setup",
        Group::Tests,
        Kind::Text,
        "Command that is run once in each copy before any test, such as `npm ci`. It may use the \
         network; generated code never runs in it.",
    ),
    input(
        "coverage",
        Group::Tests,
        Kind::Globs,
        "Coverage reports of the head that tell which lines its tests reach. `none` neither reads \
         nor makes any.",
    )
    .note("what `reports` finds, else the suite is run once with coverage where its runner can"),
    input(
        "kind",
        Group::Tests,
        Kind::Choice(TEST_KINDS),
        "What `tests` writes: unit tests, realistic test data, tests that try to exploit a security \
         finding, or a benchmark of what the change makes slower or faster.",
    )
    .default("unit"),
    input(
        "test_timeout",
        Group::Tests,
        Kind::Whole(1, 3_600),
        "Longest time for one test, in seconds. The suite gets ten times as long as it needs \
         without us, and no less than this.",
    )
    .default("60"),
    input(
        "mutants",
        Group::Tests,
        Kind::Whole(0, 10_000),
        "Most mutants of the changed lines that are tried on the suite that is there.",
    )
    .default("60"),
    input(
        "network",
        Group::Tests,
        Kind::Choice(NETWORKS),
        "What tests may reach: nothing but themselves, or all that the job can.",
    )
    .default("none"),
    input(
        "test_env",
        Group::Tests,
        Kind::Names,
        "Variables that tests get to see, besides `PATH`, the language and the places of \
         toolchains. Tokens of the host are never handed on.",
    ),
    // Deployment
    input(
        "spec",
        Group::Deployment,
        Kind::Path,
        "What a deployment is judged by, for `task: verify`, `watch` and `serve` (a folder there: \
         one spec a service).",
    )
    .not_in_config(),
    input(
        "plot",
        Group::Deployment,
        Kind::Path,
        "Draw canary against baseline for each signal into this file, as SVG.",
    )
    .not_in_config(),
    input(
        "shadow",
        Group::Deployment,
        Kind::Choice(&["off", "on"]),
        "Whether `verify` only writes down what it would have done. The exit code is then 0 \
         whatever it decided; `audit report` shows later how often it would have been right.",
    )
    .default("off"),
    input(
        "approval",
        Group::Deployment,
        Kind::Choice(APPROVALS),
        "Who is asked before a rollback that the spec's `act_on` does not name: an approval step \
         of the Harness pipeline, the reviewers of a GitHub environment, or somebody with write \
         permission by a comment. With `none` it stays a recommendation.",
    )
    .default("none"),
    input(
        "approval_minutes",
        Group::Deployment,
        Kind::Whole(1, 1_440),
        "How long to wait for an answer. None means no.",
    )
    .default("30"),
    input(
        "prometheus_url",
        Group::Deployment,
        Kind::Url,
        "Prometheus, or a server that speaks its interface.",
    )
    .variables(&["PROMETHEUS_URL"]),
    secret(
        "prometheus_token",
        Group::Deployment,
        &["PROMETHEUS_TOKEN"],
        "Bearer token for it, or `user:password`.",
    ),
    input(
        "metrics_tenant",
        Group::Deployment,
        Kind::Text,
        "Tenant (`X-Scope-OrgID`) of Mimir, Cortex, Thanos and Loki.",
    ),
    input(
        "datadog_site",
        Group::Deployment,
        Kind::Text,
        "Datadog's site, as in `datadoghq.eu`.",
    )
    .variables(&["DD_SITE"])
    .default("datadoghq.com"),
    secret("datadog_api_key", Group::Deployment, &["DD_API_KEY"], "API key for Datadog."),
    secret("datadog_app_key", Group::Deployment, &["DD_APP_KEY"], "Application key for Datadog."),
    input(
        "metrics_url",
        Group::Deployment,
        Kind::Url,
        "Host of metrics as JSON (`source: json`) that wants a token. Others are asked without.",
    ),
    secret("metrics_token", Group::Deployment, &["METRICS_TOKEN"], "Bearer token for that host."),
    input("loki_url", Group::Deployment, Kind::Url, "Loki.").variables(&["LOKI_ADDR"]),
    secret(
        "loki_token",
        Group::Deployment,
        &["LOKI_BEARER_TOKEN"],
        "Bearer token for it, or `user:password`.",
    ),
    input(
        "kubernetes_url",
        Group::Deployment,
        Kind::Url,
        "The Kubernetes API, for logs of pods and Argo Rollouts.",
    )
    .note("in a pod, its own cluster's"),
    secret(
        "kubernetes_token",
        Group::Deployment,
        &["KUBERNETES_TOKEN"],
        "Bearer token for it; in a pod, its own account's.",
    ),
    secret(
        "slack_webhook_url",
        Group::Deployment,
        &["SLACK_WEBHOOK_URL"],
        "Slack's incoming webhook, to tell people from `autonomy: alert` on.",
    ),
    secret(
        "slack_token",
        Group::Deployment,
        &["SLACK_BOT_TOKEN"],
        "Token of a Slack app instead, which keeps one message up to date.",
    ),
    input("slack_channel", Group::Deployment, Kind::Text, "Channel for that token.")
        .variables(&["SLACK_CHANNEL"]),
    input("slack_url", Group::Deployment, Kind::Url, "Address of Slack's API.")
        .not_in_config()
        .not_in_action()
        .default("https://slack.com/api"),
    secret(
        "teams_webhook_url",
        Group::Deployment,
        &["TEAMS_WEBHOOK_URL"],
        "Webhook of a Teams workflow.",
    ),
    secret(
        "pagerduty_routing_key",
        Group::Deployment,
        &["PAGERDUTY_ROUTING_KEY"],
        "Integration key of PagerDuty's Events API v2.",
    ),
    input("pagerduty_url", Group::Deployment, Kind::Url, "Address of PagerDuty's Events API.")
        .not_in_config()
        .not_in_action()
        .default("https://events.pagerduty.com"),
    secret(
        "alert_url",
        Group::Deployment,
        &["ALERT_URL"],
        "Any other address that is told, as JSON.",
    ),
    secret(
        "alert_secret",
        Group::Deployment,
        &["ALERT_SECRET"],
        "What messages to it are signed with (HMAC-SHA256 in `X-Pipewright-Signature-256`).",
    ),
    input("listen", Group::Deployment, Kind::Text, "Where `serve` listens.")
        .not_in_config()
        .not_in_action()
        .default("127.0.0.1:8080"),
    secret(
        "webhook_secret",
        Group::Deployment,
        &["WEBHOOK_SECRET"],
        "What callers of `serve` sign with, or send as bearer token.",
    )
    .not_in_action(),
    // Model
    input(
        "model",
        Group::Model,
        Kind::Model,
        "Model to ask. `offline` asks none: rules and reports answer alone. `command:claude` asks \
         an installed Claude Code; `command:LINE` any program, which reads the prompt from \
         standard input and writes its answer to standard output.",
    )
    .note("`claude-sonnet-5-5` where a key is given, else `offline`"),
    input(
        "light_model",
        Group::Model,
        Kind::Model,
        "Model for what is short and plain, such as a vote on a finding.",
    )
    .note("the small model of the same provider where the same key serves it, else `model`"),
    input(
        "fallback_model",
        Group::Model,
        Kind::Models,
        "Models to ask, in order, when the first one is overloaded, refuses, or is asked too much.",
    ),
    input(
        "command_env",
        Group::Model,
        Kind::Names,
        "Variables that a model which is a command gets to see, besides `PATH`, the language, \
         proxies and certificate authorities. Tokens of the host are never handed on.",
    )
    .note(
        "`ANTHROPIC_API_KEY`, `ANTHROPIC_AUTH_TOKEN`, `ANTHROPIC_BASE_URL` and \
         `CLAUDE_CODE_OAUTH_TOKEN` for `claude`, none for others",
    )
    .not_in_config(),
    input(
        "prices",
        Group::Model,
        Kind::Path,
        "TOML file of `[[price]]` tables, which win over the built-in prices and over those in \
         `.pipewright.toml`. Never inside the checkout.",
    )
    .not_in_config(),
    input(
        "prompt",
        Group::Model,
        Kind::Text,
        "Instructions of yours for the model, on top of ours. What they cannot change: the form \
         of the answer, the proof of every finding, and what the run may write.",
    ),
    secret(
        "anthropic_api_key",
        Group::Model,
        &["ANTHROPIC_API_KEY"],
        "Key for the Anthropic API. Without a key nothing leaves the host.",
    ),
    secret(
        "anthropic_auth_token",
        Group::Model,
        &["ANTHROPIC_AUTH_TOKEN"],
        "Bearer token for a gateway that speaks the Anthropic API. Used instead of a key.",
    ),
    input(
        "anthropic_base_url",
        Group::Model,
        Kind::Url,
        "Address of the Anthropic API or of a gateway that speaks it.",
    )
    .default("https://api.anthropic.com")
    .not_in_config()
    .variables(&["ANTHROPIC_BASE_URL"]),
    secret(
        "openai_api_key",
        Group::Model,
        &["OPENAI_API_KEY"],
        "Key for the OpenAI API, or for a server that speaks it. A server of your own may need \
         none.",
    ),
    input(
        "openai_base_url",
        Group::Model,
        Kind::Url,
        "Address of the OpenAI API or of a server that speaks it, such as vLLM or llama.cpp, with \
         `/v1`.",
    )
    .default("https://api.openai.com/v1")
    .not_in_config()
    .variables(&["OPENAI_BASE_URL"]),
    secret(
        "azure_openai_api_key",
        Group::Model,
        &["AZURE_OPENAI_API_KEY"],
        "Key for Azure OpenAI.",
    ),
    secret(
        "azure_openai_ad_token",
        Group::Model,
        &["AZURE_OPENAI_AD_TOKEN"],
        "Token from Entra for Azure OpenAI. Used instead of a key.",
    ),
    input(
        "azure_openai_endpoint",
        Group::Model,
        Kind::Url,
        "Address of the Azure OpenAI resource, as in `https://NAME.openai.azure.com`.",
    )
    .not_in_config()
    .variables(&["AZURE_OPENAI_ENDPOINT"]),
    input(
        "azure_openai_api_version",
        Group::Model,
        Kind::Text,
        "Dated version of the Azure OpenAI interface. Without one the v1 interface is asked, which \
         has no dates.",
    )
    .note("the v1 interface")
    .not_in_config()
    .variables(&["OPENAI_API_VERSION"]),
    secret(
        "gemini_api_key",
        Group::Model,
        &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        "Key for the Gemini API.",
    ),
    input(
        "gemini_base_url",
        Group::Model,
        Kind::Url,
        "Address of Gemini's OpenAI-compatible interface, or of a gateway to it.",
    )
    .default("https://generativelanguage.googleapis.com/v1beta/openai")
    .not_in_config()
    .variables(&["GEMINI_BASE_URL"]),
    input(
        "ollama_host",
        Group::Model,
        Kind::Text,
        "Where Ollama listens: a host, a host and port, or an address.",
    )
    .default("http://127.0.0.1:11434")
    .not_in_config()
    .variables(&["OLLAMA_HOST"]),
    input(
        "anthropic_federation_rule_id",
        Group::Model,
        Kind::Text,
        "Federation rule (`fdrl_…`) that lets the job in without a key. With \
         `anthropic_organization_id`, the job's identity token is exchanged for a short-lived \
         token; in GitHub Actions that takes `permissions: id-token: write`.",
    )
    .not_in_config()
    .variables(&["ANTHROPIC_FEDERATION_RULE_ID"]),
    input(
        "anthropic_organization_id",
        Group::Model,
        Kind::Text,
        "Anthropic organisation that the federation rule belongs to.",
    )
    .not_in_config()
    .variables(&["ANTHROPIC_ORGANIZATION_ID"]),
    input(
        "anthropic_service_account_id",
        Group::Model,
        Kind::Text,
        "Service account (`svac_…`) that the short-lived token stands for.",
    )
    .not_in_config()
    .variables(&["ANTHROPIC_SERVICE_ACCOUNT_ID"]),
    input(
        "anthropic_workspace_id",
        Group::Model,
        Kind::Text,
        "Workspace (`wrkspc_…` or `default`) of the short-lived token. Needed where the \
         federation rule allows several.",
    )
    .not_in_config()
    .variables(&["ANTHROPIC_WORKSPACE_ID"]),
    input(
        "anthropic_oidc_audience",
        Group::Model,
        Kind::Text,
        "Audience that GitHub is asked to sign the job's identity token for.",
    )
    .default("https://api.anthropic.com")
    .not_in_config(),
    secret(
        "oidc_token",
        Group::Model,
        &["GITLAB_OIDC_TOKEN", "BITBUCKET_STEP_OIDC_TOKEN"],
        "The job's identity token, where the host hands one over in a variable. For GitLab's \
         `id_tokens`; its audience must be the one that Anthropic, AWS or Google expects.",
    ),
    input(
        "aws_region",
        Group::Model,
        Kind::Text,
        "Region of Amazon Bedrock. A model that is named by an ARN is asked in the ARN's region.",
    )
    .not_in_config()
    .variables(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
    secret(
        "aws_bearer_token_bedrock",
        Group::Model,
        &["AWS_BEARER_TOKEN_BEDROCK"],
        "API key of Amazon Bedrock. Without it requests are signed with the job's credentials.",
    ),
    input(
        "aws_role_arn",
        Group::Model,
        Kind::Text,
        "Role to assume with the job's identity token. In GitHub Actions that takes \
         `permissions: id-token: write` and a trust policy for `sts.amazonaws.com`.",
    )
    .not_in_config()
    .variables(&["AWS_ROLE_ARN"]),
    input(
        "vertex_project",
        Group::Model,
        Kind::Text,
        "Google Cloud project in which Vertex AI is asked.",
    )
    .note("the credential's own")
    .not_in_config()
    .variables(&["ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_CLOUD_PROJECT"]),
    input("vertex_region", Group::Model, Kind::Text, "Region of Vertex AI.")
        .default("global")
        .not_in_config()
        .variables(&["CLOUD_ML_REGION"]),
    input(
        "gcp_workload_identity_provider",
        Group::Model,
        Kind::Text,
        "Workload identity provider that takes the job's identity token. As \
         `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.",
    )
    .not_in_config(),
    input(
        "gcp_service_account",
        Group::Model,
        Kind::Text,
        "Service account to act as after the exchange. Without it the pool's own identity is used.",
    )
    .not_in_config(),
    input(
        "max_cost_usd",
        Group::Model,
        Kind::Decimal(0.0, 10_000.0),
        "Most that one run may spend, in US dollars. Reaching it publishes what is proven so far \
         and says so.",
    )
    .default("5"),
    input(
        "max_tokens",
        Group::Model,
        Kind::Whole(1, u64::MAX),
        "Most tokens that one run may use, input and output together. Reaching it publishes what \
         is proven so far and says so.",
    )
    .note("no limit"),
    input(
        "timeout_minutes",
        Group::Model,
        Kind::Decimal(0.01, 1440.0),
        "Longest time that one run may take, in minutes. Reaching it publishes what is proven so \
         far and says so.",
    )
    .default("20")
    .note("`20`; `340` with `batch`"),
    input(
        "batch",
        Group::Model,
        Kind::Choice(&["off", "on"]),
        "Whether the model is asked through its provider's batch interface, at half the price. \
         Answers then take minutes to hours, at most a day, so it suits a schedule, not a push; \
         `timeout_minutes` is how long to wait. With Anthropic's models.",
    )
    .not_in_config()
    .default("off")
    .note("`off`; `on` in a sweep"),
    // Sharing
    input(
        "shard",
        Group::Change,
        Kind::Shard,
        "Which part of the review this job does, where several share it: `2/8`, or `auto` for what \
         the CI system says. It posts nothing; `pipewright merge` does.",
    )
    .not_in_config(),
    input(
        "shards",
        Group::Change,
        Kind::Whole(1, 256),
        "Into how many jobs `review --plan` divides the review.",
    )
    .note("as many as the change is worth")
    .not_in_config(),
    input(
        "shard_file",
        Group::Change,
        Kind::Path,
        "Where a shard leaves what it learned, for `pipewright merge`.",
    )
    .note("`pipewright-shard-2-of-8.json`")
    .not_in_config(),
    // Findings
    input(
        "fail_on",
        Group::Findings,
        Kind::Choice(FAIL_ON),
        "Severity from which a finding fails the check and makes the exit code 1. `none` never \
         fails.",
    )
    .default("high"),
    input(
        "max_findings",
        Group::Findings,
        Kind::Whole(0, 10_000),
        "Most findings that are published, worst first. The rest is counted.",
    )
    .default("25"),
    input(
        "min_confidence",
        Group::Findings,
        Kind::Decimal(0.0, 1.0),
        "Findings below this confidence are dropped and counted. From 0 to 1; rules that cannot \
         be wrong say 1.",
    )
    .default("0.5"),
    // Publishing
    input(
        "publish",
        Group::Publishing,
        Kind::Choices(PUBLISH),
        "What is written to the pull request. A review with comments on lines, one summary \
         comment that is kept up to date, a check with a conclusion.",
    )
    .default("review,summary,check"),
    input(
        "labels",
        Group::Publishing,
        Kind::Choices(LABELS),
        "Labels that are set on the pull request, such as `kind: bugfix`, `risk: high`, \
         `effort: 3`. Labels of these names that no longer hold are taken off; no others are \
         touched.",
    )
    .note("none"),
    input(
        "autonomy",
        Group::Publishing,
        Kind::Choice(AUTONOMY),
        "The most this run may do. `observe` writes nothing to the host, `propose` comments and \
         sets checks; `alert` and `act` allow what no task of this version does.",
    )
    .note("`propose` in CI, `observe` elsewhere"),
    input(
        "trigger_phrase",
        Group::Publishing,
        Kind::Text,
        "What a comment has to begin a line with to ask for a review. As in `@pipewright review`.",
    )
    .default("@pipewright"),
    secret(
        "github_token",
        Group::Publishing,
        &["GITHUB_TOKEN"],
        "Token for the GitHub API. In a workflow the job's own token is the default; its \
         `permissions` decide what can be posted.",
    )
    .action_default("${{ github.token }}"),
    // Connection
    secret(
        "gitlab_token",
        Group::Connection,
        &["GITLAB_TOKEN"],
        "Token for the GitLab API, for times of past runs: a project's with `read_api`.",
    )
    .not_in_action(),
    secret(
        "azure_devops_token",
        Group::Connection,
        &["SYSTEM_ACCESSTOKEN"],
        "Token for the Azure DevOps API, for times of past runs. In a job map \
         `$(System.AccessToken)` to its variable.",
    )
    .not_in_action(),
    input(
        "jenkins_user",
        Group::Connection,
        Kind::Text,
        "Whose `jenkins_token` it is.",
    )
    .not_in_config()
    .not_in_action()
    .variables(&["JENKINS_USER"]),
    secret(
        "jenkins_token",
        Group::Connection,
        &["JENKINS_API_TOKEN"],
        "API token for Jenkins, for times of past runs.",
    )
    .not_in_action(),
    secret(
        "bitbucket_token",
        Group::Connection,
        &["BITBUCKET_TOKEN", "BITBUCKET_ACCESS_TOKEN"],
        "Access token for the Bitbucket API with `pipeline`, for times of past runs.",
    )
    .not_in_action(),
    secret(
        "harness_api_key",
        Group::Connection,
        &["HARNESS_API_KEY", "HARNESS_API_TOKEN"],
        "API key for Harness, for times of past runs.",
    )
    .not_in_action(),
    // Output
    input(
        "format",
        Group::Output,
        Kind::Choice(FORMATS),
        "Form of the result on standard output. `github` prints workflow commands, which GitHub \
         shows as annotations; `diff` is for `learn`, `docs` and `pipeline optimize`, which propose one.",
    )
    .note("`text` at a terminal, `json` in a pipe; a diff, a file or a drawing where that is the result")
    .not_in_config(),
    input("findings_file", Group::Output, Kind::Path, "Write the result as JSON to this file.")
        .not_in_config(),
    input(
        "sarif_file",
        Group::Output,
        Kind::Path,
        "Write the findings as SARIF 2.1.0 to this file. GitHub code scanning takes it.",
    )
    .not_in_config(),
    input(
        "summary_file",
        Group::Output,
        Kind::Path,
        "Write the summary as Markdown to this file. It also goes to the job's step summary.",
    )
    .not_in_config(),
    input(
        "record",
        Group::Output,
        Kind::Path,
        "Write the run's record to this file, or into this folder. Never inside the checkout.",
    )
    .note("a file under `RUNNER_TEMP`, else under the user's state folder")
    .not_in_config(),
    input(
        "color",
        Group::Output,
        Kind::Choice(COLORS),
        "Whether text is coloured. `NO_COLOR` means `never`.",
    )
    .default("auto")
    .not_in_action()
    .not_in_config(),
    input(
        "log",
        Group::Output,
        Kind::Choice(LOG_LEVELS),
        "How much goes to standard error. `RUNNER_DEBUG=1` means `debug`.",
    )
    .note("`info` in CI, `warn` elsewhere")
    .not_in_config(),
    // Connection
    input(
        "ca_file",
        Group::Connection,
        Kind::Path,
        "PEM file of certificate authorities to trust besides the built-in ones. For a proxy or \
         a GitHub Enterprise Server with a certificate of your own.",
    )
    .not_in_config(),
];

/// The input of this name.
pub fn find(name: &str) -> Option<&'static Input> {
    INPUTS.iter().find(|input| input.name == name)
}

/// What the action hands to later steps: name and meaning.
pub static OUTPUTS: &[(&str, &str)] = &[
    (
        "conclusion",
        "`success`, `failure` (a finding at or above `fail_on`) or `neutral` (incomplete).",
    ),
    ("findings_count", "How many findings were published."),
    ("findings_file", "The result as JSON: the path given as `findings_file`, if any."),
    ("sarif_file", "The findings as SARIF 2.1.0: the path given as `sarif_file`, if any."),
    ("summary_file", "The summary as Markdown: the path given as `summary_file`, if any."),
    ("cost_usd", "What the model cost, in US dollars, by the price table."),
];

/// Variables of the host that are read but are no inputs: name and use.
pub static HOST_VARIABLES: &[(&str, &str)] = &[
    ("CI", "says that this is a CI job, whatever the host"),
    ("GITHUB_ACTIONS", "says that this is a GitHub Actions job"),
    ("GITHUB_EVENT_NAME", "which event started the run"),
    ("GITHUB_EVENT_PATH", "its payload"),
    ("GITHUB_REPOSITORY", "the repository that is written to"),
    ("GITHUB_SHA", "the commit that started the run"),
    ("GITHUB_REF", "its branch or tag"),
    ("GITHUB_WORKSPACE", "the checkout"),
    ("GITHUB_ACTOR", "who started the run"),
    ("GITHUB_TRIGGERING_ACTOR", "who started it again"),
    ("GITHUB_RUN_ID", "with the next two, the run's address"),
    ("GITHUB_RUN_ATTEMPT", "which attempt"),
    ("GITHUB_SERVER_URL", "the host people see; default `https://github.com`"),
    ("GITHUB_API_URL", "its API; default `https://api.github.com`"),
    ("GITHUB_GRAPHQL_URL", "its GraphQL API; default by `GITHUB_API_URL`"),
    ("GITHUB_OUTPUT", "where outputs are written"),
    ("GITHUB_STEP_SUMMARY", "where the step summary is written"),
    ("RUNNER_TEMP", "where the record is written"),
    ("RUNNER_DEBUG", "`1` makes `log` be `debug`"),
    ("XDG_STATE_HOME", "the user's state folder, for the record"),
    ("HOME", "with `.local/state`, the same"),
    ("HTTPS_PROXY", "proxy for `https` addresses; also in lower case"),
    ("HTTP_PROXY", "proxy for `http` addresses; also in lower case"),
    ("ALL_PROXY", "proxy for both where they name none; also in lower case"),
    ("NO_PROXY", "hosts that are asked directly; also in lower case"),
    ("NO_COLOR", "set: no colour"),
    ("RUNNER_ENVIRONMENT", "`github-hosted`: the machine's own cloud identity is not asked for"),
    ("ACTIONS_ID_TOKEN_REQUEST_URL", "with the next, where GitHub signs the job's identity"),
    ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "there with `permissions: id-token: write`"),
    ("ANTHROPIC_IDENTITY_TOKEN", "an identity token for `anthropic_federation_rule_id`"),
    ("ANTHROPIC_IDENTITY_TOKEN_FILE", "a file that holds one and is kept up to date"),
    ("AWS_ACCESS_KEY_ID", "with the next two, credentials of AWS"),
    ("AWS_SECRET_ACCESS_KEY", "see above"),
    ("AWS_SESSION_TOKEN", "see above; only for temporary ones"),
    (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "an identity token for `aws_role_arn`, as Kubernetes mounts it",
    ),
    ("AWS_ROLE_SESSION_NAME", "what the session is called; default `pipewright`"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "where a container on ECS gets its credentials"),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "the same with a host: https, loopback, ECS or EKS only",
    ),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "what that place asks for; also with `_FILE`"),
    ("AWS_EC2_METADATA_DISABLED", "`true`: the instance's own role is not asked for"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "the instance's metadata service"),
    ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "Bedrock's address; default by region"),
    ("AWS_ENDPOINT_URL_STS", "the token service's address; default by region"),
    ("GOOGLE_OAUTH_ACCESS_TOKEN", "an access token of Google Cloud"),
    ("CLOUDSDK_AUTH_ACCESS_TOKEN", "the same, by gcloud's name"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "a credential file of Google Cloud"),
    ("GOOGLE_GHA_CREDS_PATH", "the same, by the name of Google's action"),
    ("GCE_METADATA_HOST", "the metadata service of Google Cloud"),
    ("ANTHROPIC_VERTEX_BASE_URL", "Vertex AI's address with `/v1`; default by region"),
];
