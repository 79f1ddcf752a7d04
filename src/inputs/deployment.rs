//! What deployments are judged by, who is told and who is asked; and the commands
//! `verify`, `watch`, `serve` and `doctor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::cli::Command;
use super::env::Env;
use super::resolve::Values;
use super::values::{Approval, Value};
use crate::redact::Secret;

/// What `verify`, `watch` and `serve` were told.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// What a deployment is judged by.
    pub spec: Option<PathBuf>,
    /// Where the picture of the signals goes.
    pub plot: Option<PathBuf>,
    /// Whether only to write down what would have been done.
    pub shadow: bool,
    /// Who is asked before a rollback that is not clear-cut.
    pub approval: Approval,
    /// How long to wait for an answer.
    pub approval_wait: Duration,
    /// Where metrics and logs are.
    pub telemetry: Telemetry,
    /// Who is told.
    pub alerts: Alerts,
    /// `DRONE_OUTPUT`: where a step of Drone or Harness leaves its output variables.
    pub drone_output: Option<PathBuf>,
    /// Where `serve` listens: `127.0.0.1:8080`.
    pub listen: String,
    /// What callers of `serve` sign with.
    pub webhook_secret: Option<Secret>,
}

/// Where metrics and logs are, and what opens them. A secret is sent to its own
/// address only, whatever a spec says.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// Prometheus, or a server that speaks its interface.
    pub prometheus_url: Option<String>,
    /// Bearer token for it; `user:password` for basic authentication.
    pub prometheus_token: Option<Secret>,
    /// `X-Scope-OrgID`, of Mimir, Cortex, Thanos and Loki.
    pub tenant: Option<String>,
    /// `datadoghq.com`, `datadoghq.eu` …, or an address.
    pub datadog_site: Option<String>,
    /// API key for Datadog.
    pub datadog_api_key: Option<Secret>,
    /// Application key for Datadog.
    pub datadog_app_key: Option<Secret>,
    /// Where signals of the source `json` are, if with a token.
    pub metrics_url: Option<String>,
    /// Bearer token for that host.
    pub metrics_token: Option<Secret>,
    /// Loki.
    pub loki_url: Option<String>,
    /// Bearer token for it; `user:password` for basic authentication.
    pub loki_token: Option<Secret>,
    /// The Kubernetes API.
    pub kubernetes_url: Option<String>,
    /// Bearer token for it.
    pub kubernetes_token: Option<Secret>,
    /// The certificates of its authority, as a file.
    pub kubernetes_ca: Option<PathBuf>,
}

/// Who is told, from the level `alert` on.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    /// Slack's incoming webhook.
    pub slack_webhook_url: Option<Secret>,
    /// Token of a Slack app, which can also mend its message.
    pub slack_token: Option<Secret>,
    /// Its channel.
    pub slack_channel: Option<String>,
    /// Teams' webhook of a workflow.
    pub teams_webhook_url: Option<Secret>,
    /// PagerDuty's key for events.
    pub pagerduty_routing_key: Option<Secret>,
    /// PagerDuty's address for events; for the tests of those who have a proxy of their own.
    pub pagerduty_url: String,
    /// Slack's API.
    pub slack_url: String,
    /// Any other place.
    pub alert_url: Option<Secret>,
    /// What a message to it is signed with.
    pub alert_secret: Option<Secret>,
}

/// Where a pod finds its own account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

impl Deployment {
    pub(super) fn read(values: &Values, env: &Env) -> Self {
        let minutes = match values.get("approval_minutes") {
            Some(Value::Whole(minutes)) => minutes,
            _ => 30,
        };
        let address =
            |name: &str| values.text(name).map(|url| url.trim_end_matches('/').to_owned());
        // In a pod the cluster's API is known without being said.
        let in_cluster = env.get("KUBERNETES_SERVICE_HOST").map(|host| {
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            format!("https://{host}:{}", env.get("KUBERNETES_SERVICE_PORT").unwrap_or("443"))
        });
        let given = address("kubernetes_url");
        let is_own = given.is_none() && in_cluster.is_some();
        let token = values.secret("kubernetes_token").or_else(|| {
            let text = std::fs::read_to_string(format!("{ACCOUNT}/token")).ok();
            text.filter(|_| is_own).map(|text| Secret::new(text.trim()))
        });
        Deployment {
            spec: values.path("spec"),
            plot: values.path("plot"),
            shadow: values.text("shadow").as_deref() == Some("on"),
            approval: values
                .text("approval")
                .and_then(|word| word.parse().ok())
                .unwrap_or(Approval::None),
            approval_wait: Duration::from_secs(60 * minutes),
            telemetry: Telemetry {
                prometheus_url: address("prometheus_url"),
                prometheus_token: values.secret("prometheus_token"),
                tenant: values.text("metrics_tenant"),
                datadog_site: values.text("datadog_site"),
                datadog_api_key: values.secret("datadog_api_key"),
                datadog_app_key: values.secret("datadog_app_key"),
                metrics_url: address("metrics_url"),
                metrics_token: values.secret("metrics_token"),
                loki_url: address("loki_url"),
                loki_token: values.secret("loki_token"),
                kubernetes_url: given.or(in_cluster),
                kubernetes_token: token,
                kubernetes_ca: is_own.then(|| PathBuf::from(format!("{ACCOUNT}/ca.crt"))),
            },
            alerts: Alerts {
                slack_webhook_url: values.secret("slack_webhook_url"),
                slack_token: values.secret("slack_token"),
                slack_channel: values.text("slack_channel"),
                teams_webhook_url: values.secret("teams_webhook_url"),
                pagerduty_routing_key: values.secret("pagerduty_routing_key"),
                pagerduty_url: address("pagerduty_url").unwrap_or_default(),
                slack_url: address("slack_url").unwrap_or_default(),
                alert_url: values.secret("alert_url"),
                alert_secret: values.secret("alert_secret"),
            },
            drone_output: env.get("DRONE_OUTPUT").map(PathBuf::from),
            listen: values.text("listen").unwrap_or_default(),
            webhook_secret: values.secret("webhook_secret"),
        }
    }
}

/// Which execution `watch` follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// A pipeline of Harness, by its identifier.
    pub harness: Option<String>,
    /// One execution of it, by its id; the latest where unsaid.
    pub execution: Option<String>,
    /// An environment of the GitHub repository, or the number of a deployment there.
    pub github_deployment: Option<String>,
    /// An Argo Rollout: `namespace/name`.
    pub argo: Option<String>,
}

const VERIFY: &str = "\
Weighs metrics, logs, health and dependencies of a fresh deployment, and decides:
proceed, investigate or roll back.

The decision is arithmetic over what the spec names or holds, and can be replayed. The
rules are gone through in order: health, what the data lacks, a test for each signal,
whose trouble it is, what is clear-cut, the logs. With a model the decision is also
explained; the model may make it more careful, never bolder.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  pipewright verify spec.yaml                    a person reads it
  pipewright verify spec.yaml --format json      for a script; see docs/output.md
  pipewright verify spec.yaml --plot out.svg     with a picture of the signals
  pipewright verify spec.yaml --shadow on        only write down what it would have done
  pipewright audit report records/               how often it would have been right

docs/verify.md explains the spec, the rules, and how to plug the command into Harness,
Argo Rollouts, Flagger, GitHub, GitLab, Azure, Jenkins and Spinnaker.

Exit codes: 0 proceed (and always with --shadow on), 10 roll back, 20 investigate,
2 the spec or an input is wrong, 3 a source of metrics or logs could not be reached.
Nothing but 10 ever means: roll back.";

const WATCH: &str = "\
Follows an execution while it runs, says what failed, why, and what to do; with a spec
(--spec) it then decides as `verify` does, and with `--autonomy act` a clear-cut
decision is carried out by one call that does nothing twice.

EXECUTION is an execution's id at Harness, with HARNESS_ACCOUNT_ID, HARNESS_ORG_ID,
HARNESS_PROJECT_ID and HARNESS_API_KEY set.";

const WATCH_EXAMPLES: &str = "\
Examples:
  pipewright watch --harness deploy_prod                      its latest execution
  pipewright watch --harness deploy_prod --execution ID
  pipewright watch --harness deploy_prod --spec verify.yaml --autonomy act
  pipewright watch --github-deployment production
  pipewright watch --argo shop/checkout

Exit codes: 0 done, and proceed if there is a spec; 1 it failed; 10 roll back;
20 investigate; 2 wrong inputs; 3 the platform could not be reached or refused.";

const SERVE: &str = "\
Answers what asks over HTTP whether a deployment may go on: Argo Rollouts' `web` metric,
Flagger's webhooks, GitHub's deployment protection rules, Azure's gates, and anything
that can post JSON. Each answer is a `verify` of the spec given by --spec.

Requests are checked by signature or token (`webhook_secret`), bounded in size and
number, and finished before it stops on SIGTERM.";

const SERVE_EXAMPLES: &str = "\
Examples:
  PIPEWRIGHT_WEBHOOK_SECRET=… pipewright serve --spec spec.yaml
  PIPEWRIGHT_WEBHOOK_SECRET=… pipewright serve --spec specs/ --listen 0.0.0.0:8080

Exit codes: 0 stopped, 2 wrong inputs or the address is taken.";

const DOCTOR: &str = "\
Checks what a run would need before it is needed: keys, addresses, and what the keys are
really allowed. It names what is missing, and what is more than the autonomy needs.";

/// The definitions of the commands of this room; `inputs` adds the flags that all take.
pub(super) fn commands(inputs: &dyn Fn(clap::Command) -> clap::Command) -> [clap::Command; 4] {
    let plain = |name: &'static str, about: &'static str| {
        inputs(clap::Command::new(name).about(about)).after_help("`--help` explains each of them.")
    };
    let file = Arg::new("file")
        .value_name("SPEC")
        .value_parser(value_parser!(PathBuf))
        .help("What the deployment is judged by, YAML or JSON; `-` reads standard input");
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    [
        plain("verify", "Judge a deployment: proceed, investigate or roll back")
            .long_about(VERIFY)
            .after_long_help(VERIFY_EXAMPLES)
            .arg(file),
        plain("watch", "Follow a deployment, say what failed, and decide")
            .long_about(WATCH)
            .after_long_help(WATCH_EXAMPLES)
            .arg(Arg::new("id").value_name("EXECUTION").help("An execution's id at Harness"))
            .arg(option("harness", "PIPELINE", "A pipeline of Harness, by its identifier"))
            .arg(option("execution", "ID", "One execution of it; without, the latest"))
            .arg(option(
                "github-deployment",
                "ENVIRONMENT",
                "The latest deployment to an environment of this GitHub repository, or one by its number",
            ))
            .arg(option("argo", "NAMESPACE/NAME", "An Argo Rollout")),
        plain("serve", "Answer webhooks that ask whether a deployment may go on")
            .long_about(SERVE)
            .after_long_help(SERVE_EXAMPLES),
        plain("doctor", "Check keys, addresses and permissions before they are needed")
            .long_about(DOCTOR)
            .arg(
                Arg::new("doctor_harness")
                    .long("harness")
                    .action(ArgAction::SetTrue)
                    .help("Ask Harness what its key is allowed"),
            ),
    ]
}

/// What was asked for by one of those commands.
pub(super) fn read(name: &str, matches: &ArgMatches) -> Option<Command> {
    let text = |name: &str| matches.get_one::<String>(name).map(|text| text.trim().to_owned());
    Some(match name {
        "verify" => Command::Verify { spec: matches.get_one::<PathBuf>("file").cloned() },
        "watch" => Command::Watch(Watch {
            harness: text("harness"),
            execution: text("execution").or_else(|| text("id")),
            github_deployment: text("github-deployment"),
            argo: text("argo"),
        }),
        "serve" => Command::Serve,
        "doctor" => Command::Doctor { harness: matches.get_flag("doctor_harness") },
        _ => return None,
    })
}
