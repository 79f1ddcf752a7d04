//! What a job's token has to be able to do, told from its actions and commands.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::pipeline::graph::{Job, Step, Use};
use crate::pipeline::rule::Context;
use crate::pipeline::words::{self, Does};

/// Rights by scope.
pub(super) type Scopes = BTreeMap<&'static str, &'static str>;

/// What a job needs.
pub(super) struct Need {
    /// What is known.
    pub(super) scopes: Scopes,
    /// The first step of which it is not known.
    pub(super) unknown: Option<String>,
}

/// Actions that need no more than to read the source: by their `action.yml` none has the
/// token, or it serves to read releases without a limit of rate. A `*` ends a start of a
/// name.
const READERS: &str = "actions/checkout actions/setup-* actions/cache actions/cache/* \
    actions/upload-artifact actions/download-artifact actions/upload-pages-artifact \
    docker/setup-qemu-action docker/setup-buildx-action docker/metadata-action docker/bake-action \
    docker/login-action docker/build-push-action dtolnay/rust-toolchain dtolnay/install \
    swatinem/rust-cache actions-rs/toolchain actions-rs/cargo actions-rust-lang/setup-rust-toolchain \
    taiki-e/install-action taiki-e/cache-cargo-install-action baptiste0928/cargo-install \
    astral-sh/setup-uv astral-sh/ruff-action pnpm/action-setup ruby/setup-ruby \
    shivammathur/setup-php oven-sh/setup-bun denoland/setup-deno erlef/setup-beam \
    gradle/wrapper-validation-action gradle/actions/wrapper-validation haskell-actions/setup \
    haskell/actions/setup msys2/setup-msys2 ilammy/msvc-dev-cmd microsoft/setup-msbuild \
    nuget/setup-nuget conda-incubator/setup-miniconda mamba-org/setup-micromamba pre-commit/action \
    psf/black crate-ci/typos codespell-project/actions-codespell julia-actions/setup-julia \
    julia-actions/julia-runtest \
    subosito/flutter-action hashicorp/setup-terraform azure/setup-helm azure/setup-kubectl \
    helm/kind-action cachix/install-nix-action jlumbroso/free-disk-space \
    hendrikmuhs/ccache-action golangci/golangci-lint-action ramsey/composer-install \
    coursier/setup-action sbt/setup-sbt arduino/setup-protoc bufbuild/buf-setup-action \
    lukka/get-cmake seanmiddleditch/gha-setup-ninja mozilla-actions/sccache-action \
    leafo/gh-actions-lua leafo/gh-actions-luarocks vmactions/* cross-platform-actions/action \
    browser-actions/setup-chrome egor-tensin/setup-mingw rui314/setup-mold \
    reviewdog/action-setup pypa/cibuildwheel";

/// Actions with what the permissions in their README say beside reading the source.
const WRITERS: &[(&str, &[(&str, &str)])] = &[
    ("github/codeql-action/*", &[("actions", "read"), ("security-events", "write")]),
    ("softprops/action-gh-release", &[("contents", "write")]),
    ("ncipollo/release-action", &[("contents", "write")]),
    ("stefanzweifel/git-auto-commit-action", &[("contents", "write")]),
    ("jamesives/github-pages-deploy-action", &[("contents", "write")]),
    ("actions/labeler", &[("pull-requests", "write")]),
    ("actions/stale", &[("actions", "write"), ("issues", "write"), ("pull-requests", "write")]),
    ("julia-actions/cache", &[("actions", "write")]),
    ("dorny/paths-filter", &[("pull-requests", "read")]),
    ("amannn/action-semantic-pull-request", &[("pull-requests", "read")]),
    ("peter-evans/create-pull-request", &[("contents", "write"), ("pull-requests", "write")]),
    ("actions/deploy-pages", &[("id-token", "write"), ("pages", "write")]),
    ("actions/configure-pages", &[("pages", "read")]),
    (
        "dessant/lock-threads",
        &[("discussions", "write"), ("issues", "write"), ("pull-requests", "write")],
    ),
    ("rustsec/audit-check", &[("checks", "write"), ("issues", "write")]),
    ("actions-rs/clippy-check", &[("checks", "write")]),
    ("actions-rs/audit-check", &[("checks", "write"), ("issues", "write")]),
];

/// Writers whose needs hang on settings or triggers, so that the set is a guess.
const UNSURE: &[&str] = &[
    "peter-evans/create-pull-request",
    "jamesives/github-pages-deploy-action",
    "actions/configure-pages",
    "actions/stale",
    "actions/labeler",
    "dessant/lock-threads",
    "actions-rs/audit-check",
    "actions-rs/clippy-check",
    "rustsec/audit-check",
];

/// Inputs of actions with which they need more than is listed.
const MORE: &[(&str, &[&str])] = &[
    ("softprops/action-gh-release", &["discussion_category_name", "repository"]),
    ("ncipollo/release-action", &["discussionCategory", "owner", "repo"]),
    ("amannn/action-semantic-pull-request", &["wip"]),
    ("github/codeql-action/*", &["packs", "registries", "config-file"]),
];

/// What a job's steps need; `None` for the call of a workflow.
pub(super) fn of(context: &Context<'_>, job: &Job) -> Option<Need> {
    if job.calls.is_some() {
        return None;
    }
    let mut need = Need { scopes: Scopes::from([("contents", "read")]), unknown: None };
    let note = |need: &mut Need, what: String| {
        if need.unknown.is_none() {
            need.unknown = Some(what);
        }
    };
    let pipeline = context.pipeline();
    let handed = pipeline.env.iter().chain(&job.env).any(|one| is_token(&one.value));
    if handed {
        note(&mut need, "who is handed the token by `env`".to_owned());
    }
    let keeps = keeps_credentials(job);
    for (nth, step) in job.steps.iter().enumerate() {
        if let Some(used) = &step.uses {
            match action(used, step) {
                Known(more, sure) => {
                    for (scope, right) in more {
                        let old = need.scopes.entry(*scope).or_insert(*right);
                        if *right == "write" {
                            *old = "write";
                        }
                    }
                    if !sure {
                        note(&mut need, format!("`{}`", used.name));
                    }
                }
                Local => {
                    let next = job.steps.get(nth + 1);
                    if next.is_none_or(|next| next.span.file == 0) {
                        note(&mut need, format!("`{}`", used.name));
                    }
                }
                Unknown => note(&mut need, format!("`{}`", used.name)),
            }
        }
        if let Some(what) = script(context, job, step, keeps) {
            note(&mut need, what);
        }
    }
    Some(need)
}

enum Action {
    Known(&'static [(&'static str, &'static str)], bool),
    Local,
    Unknown,
}
use Action::{Known, Local, Unknown};

fn is(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn action(used: &Use, step: &Step) -> Action {
    let name = used.name.to_ascii_lowercase();
    if name.starts_with("./") {
        return Local;
    }
    let on = |input: &str| used.input(input).is_some_and(|value| value != "false");
    let token = used.inputs.iter().any(|(_, at)| is_token(&at.value))
        || step.env.iter().any(|one| is_token(&one.value));
    match name.as_str() {
        "docker/login-action" | "docker/build-push-action" | "docker/bake-action" => {
            return match token {
                true => Known(&[("packages", "write")], false),
                false => Known(&[], true),
            };
        }
        // Another repository or run is read with another token.
        "actions/download-artifact" if on("run-id") => {
            return Known(&[("actions", "read")], false);
        }
        "golangci/golangci-lint-action" if on("only-new-issues") => {
            return Known(&[("pull-requests", "read")], true);
        }
        "codecov/codecov-action" => {
            return if on("use_oidc") {
                Known(&[("id-token", "write")], true)
            } else {
                Known(&[], true)
            };
        }
        "gradle/actions/setup-gradle" | "gradle/gradle-build-action" => {
            let graph =
                on("dependency-graph") && used.input("dependency-graph") != Some("disabled");
            let comment = on("add-job-summary-as-pr-comment");
            return if graph || comment { Unknown } else { Known(&[], true) };
        }
        _ => {}
    }
    if READERS.split_ascii_whitespace().any(|known| is(known, &name)) {
        // A token that is handed over may be wanted for more than reading; GitHub's own
        // actions and those that only avoid rate limits do not.
        let own = name.starts_with("actions/") || !token;
        return Known(&[], own);
    }
    let known = WRITERS.iter().find(|(known, _)| is(known, &name));
    let more_is_asked = || {
        MORE.iter().any(|(known, inputs)| is(known, &name) && inputs.iter().any(|input| on(input)))
    };
    match known {
        Some((_, more)) => Known(more, !UNSURE.contains(&name.as_str()) && !more_is_asked()),
        None => Unknown,
    }
}

/// Whether a value holds the token.
fn is_token(value: &str) -> bool {
    value.contains("github.token") || value.contains("GITHUB_TOKEN")
}

/// Whether a checkout leaves the token where `git` finds it.
fn keeps_credentials(job: &Job) -> bool {
    job.steps.iter().filter_map(|step| step.uses.as_ref()).any(|used| {
        used.name.eq_ignore_ascii_case("actions/checkout")
            && used.input("persist-credentials") != Some("false")
    })
}

/// What of a script might use the token.
fn script(context: &Context<'_>, job: &Job, step: &Step, keeps: bool) -> Option<String> {
    static PUSH: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\bgit\b[^\n;|&]*\bpush\b|\bgh\s|\bhub\s").ok());
    let script = step.script.as_ref()?;
    let title = || match &step.name {
        Some(name) => format!("step `{name}`"),
        None => {
            let first = script.text.lines().next().unwrap_or_default().trim();
            format!("`{}`", first.chars().take(50).collect::<String>())
        }
    };
    let token = is_token(&script.text) || step.env.iter().any(|one| is_token(&one.value));
    if token || PUSH.as_ref().is_none_or(|form| form.is_match(&script.text)) {
        return Some(title());
    }
    // Without the token, a script cannot use it.
    if !keeps {
        return None;
    }
    let Some(options) = words::options(context.pipeline().platform, job, script) else {
        return Some(title());
    };
    let reading = words::text(&script.text, options);
    let harmless = |does: &Does| {
        matches!(
            does,
            Does::Checkout
                | Does::Install(_)
                | Does::Cache { .. }
                | Does::Setup(_)
                | Does::Lint
                | Does::Test
                | Does::Build
                | Does::PullImage(_)
                | Does::Scan { .. }
                | Does::HealthCheck
                | Does::History
                | Does::Login(_)
        ) || matches!(does, Does::BuildImage(build) if !build.push)
    };
    let known = reading.unknown.is_empty()
        && reading.outside.is_empty()
        && reading.does.iter().all(harmless);
    (!known).then(title)
}
