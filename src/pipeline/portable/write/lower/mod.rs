//! Steps as shell scripts, for platforms that have no words of their own for them.

mod tools;
mod writers;

use super::super::{
    Action, Deploy, DeployKind, ImageBuild, Job, Login, Part, Strategy, Terraform, Text,
};
use super::context::quoted;
pub use tools::{CachePlan, cache_plan, image_for, tools};
pub use writers::{is_handed_on, is_repeated, writer, writer_of};

/// What a script is called and what it says.
pub struct Lowered {
    /// A title for people.
    pub title: String,
    /// For a POSIX shell.
    pub script: Text,
}

/// The script of a step, where it can be one. `digest` is the script's end after a
/// pushed image, given its reference's file: platforms hand it on in their own ways.
pub fn lower(action: &Action, job: &Job) -> Option<Lowered> {
    let made = |title: &str, script: Text| Some(Lowered { title: title.to_owned(), script });
    match action {
        Action::Run { script, .. } => made("Run", script.clone()),
        Action::BuildImage(build) => made("Build the image", build_image(build)),
        Action::ScanImage { tool, image, severity } => {
            let script = match tool.as_str() {
                "trivy" => Text::literal(format!(
                    "trivy image --exit-code 1 --severity {} \"",
                    quoted(severity)
                )),
                "grype" => Text::literal(format!("grype --fail-on {} \"", lowest(severity))),
                _ => return None,
            };
            made("Scan the image", script.then(image.clone()).then("\""))
        }
        Action::ScanSource { tool, path, severity } => {
            let path = quoted(if path.is_empty() { "." } else { path });
            let script = match tool.as_str() {
                "trivy" => {
                    format!("trivy fs --exit-code 1 --severity {} {path}", quoted(severity))
                }
                "semgrep" => format!("semgrep scan --error --config auto {path}"),
                "gitleaks" => format!("gitleaks detect --redact --source {path}"),
                "checkov" => format!("checkov --directory {path}"),
                _ => return None,
            };
            made("Scan the source", Text::literal(script))
        }
        Action::Deploy(deploy) => made("Deploy", deploy_script(deploy, job)?),
        Action::Rollback(deploy) => made("Roll back", rollback_script(deploy, job)?),
        Action::HealthCheck { command, attempts, seconds } => {
            made("Check the health", health(command, *attempts, *seconds))
        }
        Action::Notify { channel, target, message } => notify(channel, target, message)
            .map(|script| Lowered { title: "Tell the team".to_owned(), script }),
        Action::Login(Login::Registry { host, user, password }) if !user.is_empty() => made(
            "Log in to the registry",
            Text::literal("printf '%s' \"")
                .then(Part::Secret(password.clone()))
                .then(format!("\" | docker login {}--username \"", host_word(host)))
                .then(Part::Secret(user.clone()))
                .then("\" --password-stdin"),
        ),
        Action::Login(Login::Kubernetes { kubeconfig }) => made(
            "Set up the access to the cluster",
            Text::literal("mkdir -p \"$HOME/.kube\"\n(umask 077 && printf '%s\\n' \"")
                .then(Part::Secret(kubeconfig.clone()))
                .then("\" > \"$HOME/.kube/config\")"),
        ),
        Action::TerraformPlan(terraform) => made("Plan", plan(terraform)),
        Action::TerraformApply(terraform) => made("Apply", apply(terraform)),
        Action::PolicyCheck { tool, policies, terraform } => {
            made("Check the policies", policy(tool, policies, terraform)?)
        }
        _ => None,
    }
}

fn host_word(host: &str) -> String {
    if host.is_empty() { String::new() } else { format!("{} ", quoted(host)) }
}

fn lowest(severity: &str) -> &'static str {
    let has = |word: &str| severity.to_ascii_uppercase().contains(word);
    match () {
        () if has("LOW") => "low",
        () if has("MEDIUM") => "medium",
        () if has("HIGH") => "high",
        () => "critical",
    }
}

/// `docker build` and `docker push`, by buildx where layers are kept.
fn build_image(build: &ImageBuild) -> Text {
    let buildx = build.cache || !build.platforms.is_empty();
    let mut script = Text::literal(if buildx {
        // Only a builder of its own can keep layers elsewhere or build for others.
        "docker buildx create --use\ndocker buildx build"
    } else {
        "docker build"
    });
    let add = |script: &mut Text, more: Text| {
        let so_far = std::mem::take(script);
        *script = so_far.then(" \\\n  ").then(more);
    };
    if let Some(file) = &build.file {
        add(&mut script, Text::literal(format!("--file {}", quoted(file))));
    }
    if let Some(target) = &build.target {
        add(&mut script, Text::literal(format!("--target {}", quoted(target))));
    }
    for arg in &build.args {
        let text = Text::literal(format!("--build-arg \"{}=", arg.name));
        add(&mut script, text.then(arg.value.clone()).then("\""));
    }
    if !build.platforms.is_empty() {
        add(&mut script, format!("--platform {}", build.platforms.join(",")).into());
    }
    if build.cache && build.push {
        for (flag, tail) in [("--cache-from", ""), ("--cache-to", ",mode=max")] {
            let text = Text::literal(format!("{flag} \"type=registry,ref="));
            add(&mut script, text.then(build.image.clone()).then(format!(":cache{tail}\"")));
        }
    }
    for reference in build.references() {
        add(&mut script, Text::literal("--tag \"").then(reference).then("\""));
    }
    if build.push && buildx {
        add(&mut script, Text::literal("--push --metadata-file meta.json"));
    } else if buildx {
        add(&mut script, Text::literal("--load"));
    }
    let context = if build.context.is_empty() { "." } else { &build.context };
    add(&mut script, Text::literal(quoted(context)));
    if build.push && !buildx {
        for reference in build.references() {
            script = script.then("\ndocker push \"").then(reference).then("\"");
        }
    }
    script
}

/// A shell word that prints the pushed image's reference by digest; after the script
/// of [`lower`].
pub fn digest(build: &ImageBuild) -> Text {
    if build.cache || !build.platforms.is_empty() {
        // buildx leaves nothing in the local store; its metadata has the digest.
        build
            .image
            .clone()
            .then("@$(sed -n 's/.*\"containerimage.digest\": *\"\\([^\"]*\\)\".*/\\1/p' meta.json)")
    } else {
        let first = build.references().into_iter().next().unwrap_or_default();
        Text::literal("$(docker inspect --format '{{index .RepoDigests 0}}' \"")
            .then(first)
            .then("\")")
    }
}

fn namespace(deploy: &Deploy, job: &Job) -> String {
    let environment = job.environment.as_ref().map(|environment| environment.name.as_str());
    let name = if deploy.namespace.is_empty() {
        environment.unwrap_or("default")
    } else {
        &deploy.namespace
    };
    quoted(name)
}

fn image_of(deploy: &Deploy) -> Option<Text> {
    deploy.image.clone().map(|image| Text::literal("\"*=").then(image).then("\""))
}

/// Lines that apply the manifests.
fn apply_lines(kind: &DeployKind, ns: &str) -> String {
    match kind {
        DeployKind::Kubernetes { manifests } => manifests
            .iter()
            .map(|path| format!("kubectl --namespace {ns} apply --filename {}\n", quoted(path)))
            .collect(),
        DeployKind::Kustomize { folder } => {
            format!("kubectl --namespace {ns} apply --kustomize {}\n", quoted(folder))
        }
        _ => String::new(),
    }
}

const REVISION: &str = "'{.metadata.annotations.deployment\\.kubernetes\\.io/revision}'";

fn deploy_script(deploy: &Deploy, job: &Job) -> Option<Text> {
    let ns = namespace(deploy, job);
    let app = quoted(if deploy.app.is_empty() { "app" } else { &deploy.app });
    match &deploy.kind {
        DeployKind::Kubernetes { .. } | DeployKind::Kustomize { .. } => {
            Some(kubernetes(deploy, &ns, &app))
        }
        DeployKind::Helm { chart, values } => Some(helm(deploy, &ns, &app, chart, values)),
        DeployKind::Terraform(terraform) => Some(plan(terraform).then("\n").then(apply(terraform))),
        DeployKind::Script { deploy: script, .. } => Some(script.clone()),
        DeployKind::Unknown => None,
    }
}

fn kubernetes(deploy: &Deploy, ns: &str, app: &str) -> Text {
    let kubectl = format!("kubectl --namespace {ns}");
    let apply = apply_lines(&deploy.kind, ns);
    let image = image_of(deploy);
    let set = |name: &str| match &image {
        Some(image) => {
            Text::literal(format!("{kubectl} set image {name} ")).then(image.clone()).then("\n")
        }
        None => Text::default(),
    };
    let remember = format!(
        "# Remember what runs now, so that a rollback knows where to go.\n\
         if {kubectl} get deployment/{app} > /dev/null 2>&1; then\n  \
         {kubectl} annotate --overwrite deployment/{app} \"deploying-run={{{{run}}}}\" \\\n    \
         \"previous-revision=$({kubectl} get deployment/{app} --output jsonpath={REVISION})\"\nfi\n"
    );
    let wait = |name: &str| format!("{kubectl} rollout status {name} --timeout=300s\n");
    let text = match &deploy.strategy {
        Strategy::Rolling => Text::template(&(remember + &apply))
            .then(set(&format!("deployment/{app}")))
            .then(wait(&format!("deployment/{app}"))),
        Strategy::BlueGreen => Text::template(&format!(
            "live=$({kubectl} get service {app} --output jsonpath='{{.spec.selector.color}}')\n\
             if [ \"$live\" = blue ]; then next=green; else next=blue; fi\n\
             {kubectl} annotate --overwrite service {app} \"deploying-run={{{{run}}}}\" \"previous-color=$live\"\n{apply}"
        ))
        .then(set(&format!("\"deployment/{app}-$next\"")))
        .then(wait(&format!("\"deployment/{app}-$next\"")))
        .then(switch(&kubectl, app, "$next")),
        Strategy::Canary { percents, seconds } => {
            let percents: Vec<String> = percents.iter().map(u8::to_string).collect();
            Text::template(&format!(
                "{remember}total=$({kubectl} get deployment/{app} --output jsonpath='{{.spec.replicas}}')\n"
            ))
            .then(set(&format!("deployment/{app}-canary")))
            .then(format!(
                "for percent in {}; do\n  {kubectl} scale deployment/{app}-canary --replicas=$(( (total * percent + 99) / 100 ))\n  \
                 {kubectl} rollout status deployment/{app}-canary --timeout=300s\n  sleep {seconds}\ndone\n{apply}",
                percents.join(" ")
            ))
            .then(set(&format!("deployment/{app}")))
            .then(wait(&format!("deployment/{app}")))
            .then(format!("{kubectl} scale deployment/{app}-canary --replicas=0\n"))
        }
    };
    trimmed(text)
}

fn switch(kubectl: &str, app: &str, color: &str) -> String {
    format!(
        "{kubectl} patch service {app} --patch \"{{\\\"spec\\\":{{\\\"selector\\\":{{\\\"color\\\":\\\"{color}\\\"}}}}}}\"\n"
    )
}

fn helm(deploy: &Deploy, ns: &str, app: &str, chart: &str, values: &[String]) -> Text {
    let upgrade = |release: &str, more: &str| {
        let mut text = Text::literal(format!(
            "helm upgrade --install {release} {} \\\n  --namespace {ns} --create-namespace",
            quoted(chart)
        ));
        for file in values {
            text = text.then(format!(" \\\n  --values {}", quoted(file)));
        }
        if let Some(image) = &deploy.image {
            // Name and tag are the parts before and behind the last colon: a digest's, too.
            text = Text::literal("image=\"").then(image.clone()).then("\"\n").then(text);
            text = text.then(
                " \\\n  --set-string \"image.repository=${image%:*}\" \\\n  --set-string \"image.tag=${image##*:}\"",
            );
        }
        text.then(more.to_owned())
            .then(" \\\n  --description \"")
            .then(Part::Commit)
            .then("\" --wait --timeout 5m\n")
    };
    let kubectl = format!("kubectl --namespace {ns}");
    trimmed(match &deploy.strategy {
        Strategy::Rolling => upgrade(app, ""),
        Strategy::BlueGreen => Text::template(&format!(
            "live=$({kubectl} get service {app} --output jsonpath='{{.spec.selector.color}}')\n\
             if [ \"$live\" = blue ]; then next=green; else next=blue; fi\n\
             {kubectl} annotate --overwrite service {app} \"deploying-run={{{{run}}}}\" \"previous-color=$live\"\n"
        ))
        .then(upgrade(&format!("\"{app}-$next\""), " \\\n  --set-string \"color=$next\""))
        .then(switch(&kubectl, app, "$next")),
        Strategy::Canary { percents, seconds } => {
            let percents: Vec<String> = percents.iter().map(u8::to_string).collect();
            Text::literal(format!("for percent in {}; do\n", percents.join(" ")))
                .then(indented(&upgrade(
                    &format!("{app}-canary"),
                    " \\\n  --set \"canary.weight=$percent\"",
                )))
                .then(format!("  sleep {seconds}\ndone\n"))
                .then(upgrade(app, ""))
                .then(format!("helm uninstall {app}-canary --namespace {ns} --wait\n"))
        }
    })
}

fn rollback_script(deploy: &Deploy, job: &Job) -> Option<Text> {
    let ns = namespace(deploy, job);
    let app = quoted(if deploy.app.is_empty() { "app" } else { &deploy.app });
    let kubectl = format!("kubectl --namespace {ns}");
    // What failed before this run changed anything leaves the marks of an older run.
    let marks = |what: &str, mark: &str| {
        format!(
            "run=$({kubectl} get {what} --output jsonpath='{{.metadata.annotations.deploying-run}}')\n\
             previous=$({kubectl} get {what} --output jsonpath='{{.metadata.annotations.{mark}}}')\n\
             if [ \"$run\" = \"{{{{run}}}}\" ] && [ -n \"$previous\" ]; then\n"
        )
    };
    let back = format!(
        "{}  {}fi",
        marks(&format!("service {app}"), "previous-color"),
        switch(&kubectl, &app, "$previous")
    );
    match (&deploy.kind, &deploy.strategy) {
        (DeployKind::Script { rollback, .. }, _) => {
            (!rollback.is_empty()).then(|| rollback.clone())
        }
        (DeployKind::Terraform(_) | DeployKind::Unknown, _) => None,
        (_, Strategy::BlueGreen) => Some(Text::template(&back)),
        (DeployKind::Helm { .. }, strategy) => {
            let canary = matches!(strategy, Strategy::Canary { .. });
            let gone =
                format!("helm uninstall {app}-canary --namespace {ns} --ignore-not-found --wait\n");
            Some(
                Text::literal(if canary { gone } else { String::new() })
                    .then(format!(
                        "# Only a release of this commit, or one that failed, is taken back.\n\
                         if helm history {app} --namespace {ns} --max 1 | grep -Eq \"failed|"
                    ))
                    .then(Part::Commit)
                    .then(format!(
                        "\"; then\n  helm rollback {app} --namespace {ns} --wait --timeout 5m\nfi"
                    )),
            )
        }
        (_, strategy) => {
            let mut text = String::new();
            if matches!(strategy, Strategy::Canary { .. }) {
                text = format!("{kubectl} scale deployment/{app}-canary --replicas=0\n");
            }
            text.push_str(&marks(&format!("deployment/{app}"), "previous-revision"));
            text.push_str(&format!(
                "  {kubectl} rollout undo deployment/{app} --to-revision=\"$previous\"\n  \
                 {kubectl} rollout status deployment/{app} --timeout=300s\nfi"
            ));
            Some(Text::template(&text))
        }
    }
}

fn health(command: &Text, attempts: u32, seconds: u32) -> Text {
    Text::literal("attempt=1\nuntil ").then(command.clone()).then(format!(
        "; do\n  if [ \"$attempt\" -ge {} ]; then\n    echo \"Not healthy after $attempt attempts\" >&2\n    exit 1\n  fi\n  \
         attempt=$((attempt + 1))\n  sleep {seconds}\ndone",
        attempts.max(1)
    ))
}

fn notify(channel: &str, target: &str, message: &Text) -> Option<Text> {
    matches!(channel, "slack" | "teams" | "webhook").then(|| {
        Text::literal("curl --fail --silent --show-error --header 'Content-Type: application/json' \\\n  --data \"{\\\"text\\\": \\\"")
            .then(message.clone())
            .then("\\\"}\" \"")
            .then(Part::Secret(target.to_owned()))
            .then("\"")
    })
}

fn chdir(terraform: &Terraform) -> String {
    if terraform.folder.is_empty() {
        "terraform".to_owned()
    } else {
        format!("terraform -chdir={}", quoted(&terraform.folder))
    }
}

/// `terraform init`, and the workspace.
fn init(terraform: &Terraform) -> String {
    let tool = chdir(terraform);
    let backend: String = terraform
        .backend
        .iter()
        .map(|setting| format!(" -backend-config={}", quoted(setting)))
        .collect();
    let mut text = format!("{tool} init -input=false -lockfile=readonly{backend}\n");
    if !terraform.workspace.is_empty() {
        let name = quoted(&terraform.workspace);
        text.push_str(&format!("{tool} workspace select -or-create {name}\n"));
    }
    text
}

fn plan(terraform: &Terraform) -> Text {
    let tool = chdir(terraform);
    let files: String =
        terraform.var_files.iter().map(|file| format!(" -var-file={}", quoted(file))).collect();
    Text::literal(format!(
        "{}{tool} validate\n{tool} plan -input=false -lock-timeout=5m{files} -out=tfplan",
        init(terraform)
    ))
}

fn apply(terraform: &Terraform) -> Text {
    let tool = chdir(terraform);
    Text::literal(format!("{}{tool} apply -input=false -lock-timeout=5m tfplan", init(terraform)))
}

fn policy(tool: &str, policies: &str, terraform: &Terraform) -> Option<Text> {
    let show = format!("{} show -json tfplan > tfplan.json\n", chdir(terraform));
    let folder = quoted(if policies.is_empty() { "policy" } else { policies });
    Some(Text::literal(match tool {
        "conftest" => format!("{show}conftest test --policy {folder} tfplan.json"),
        "checkov" => format!("{show}checkov --file tfplan.json"),
        "opa" => format!(
            "{show}opa exec --decision terraform/deny --bundle {folder} --fail-non-empty tfplan.json"
        ),
        _ => return None,
    }))
}

/// Where the plan lies, relative to the checkout.
pub fn plan_path(terraform: &Terraform) -> String {
    if terraform.folder.is_empty() {
        "tfplan".to_owned()
    } else {
        format!("{}/tfplan", terraform.folder.trim_end_matches('/'))
    }
}

fn indented(text: &Text) -> Text {
    let mut out = Text::literal("  ");
    for (at, part) in text.0.iter().enumerate() {
        match part {
            Part::Literal(literal) => {
                let last = at + 1 == text.0.len();
                let body = if last { literal.trim_end_matches('\n') } else { literal };
                let tail = if last { "\n" } else { "" };
                out.push(Part::Literal(format!("{}{tail}", body.replace('\n', "\n  "))));
            }
            part => out.push(part.clone()),
        }
    }
    out
}

fn trimmed(mut text: Text) -> Text {
    if let Some(Part::Literal(last)) = text.0.last_mut() {
        last.truncate(last.trim_end_matches('\n').len());
    }
    text
}
