//! Linting, testing, scanning and building the source.

use super::super::stack::{Language, PartOf};
use super::super::wish::{Ask, SERVICES};
use super::{Plan, checkout, id, template};
use crate::pipeline::Platform;
use crate::pipeline::portable::{
    Action, Job, Matrix, Os, Service, Step, TestReport, Text, Variable,
};

/// Adds the jobs for each project.
pub fn add(plan: &mut Plan<'_>) {
    let parts = parts(plan);
    let several = parts.len() > 1;
    for part in &parts {
        for sentence in &part.assumed {
            plan.remark(sentence.clone());
        }
        let suffix = if !several {
            String::new()
        } else if part.folder.is_empty()
            || parts.iter().any(|other| other != part && other.folder == part.folder)
        {
            format!("-{}", id(part.language.setup().unwrap_or("cpp")))
        } else {
            format!("-{}", id(&part.folder))
        };
        lint(plan, part, &suffix);
        test(plan, part, &suffix);
        end_to_end(plan, part, &suffix);
        build(plan, part, &suffix);
    }
    scans(plan);
}

/// Those of the checkout that the wish is about, and those that it names alone.
fn parts(plan: &mut Plan<'_>) -> Vec<PartOf> {
    let named = &plan.wish.languages;
    let mut parts: Vec<PartOf> = plan
        .stack
        .parts
        .iter()
        .filter(|part| {
            named.is_empty() || named.iter().any(|(language, _)| *language == part.language)
        })
        .cloned()
        .collect();
    let mut remarks = Vec::new();
    for (language, _) in named {
        if !parts.iter().any(|part| part.language == *language) {
            if !plan.stack.empty {
                remarks.push(format!(
                    "The checkout shows no {} project; its usual commands were taken",
                    language.name()
                ));
            }
            parts.push(super::super::stack::project(*language));
        }
    }
    for remark in remarks {
        plan.remark(remark);
    }
    let source = [plan.wish.lint, plan.wish.test, plan.wish.build, plan.wish.coverage]
        .iter()
        .any(|ask| ask.yes());
    if parts.is_empty() && source {
        plan.remark("Neither the wish nor the checkout names a language: lint, test and build are run as targets of a Makefile");
        parts.push(PartOf::by_make());
    }
    parts
}

fn wanted(plan: &Plan<'_>, ask: Ask) -> bool {
    ask.yes() || (plan.open && !ask.no())
}

/// The first steps of a job that runs a project's commands.
fn prepared(plan: &Plan<'_>, part: &PartOf, version: &Text) -> Vec<Step> {
    let mut steps = vec![checkout()];
    if let Some(language) = part.language.setup().filter(|_| !part.by_make) {
        steps.push(Step::new(Action::Setup {
            language: language.to_owned(),
            version: version.clone(),
        }));
    }
    // Harness keeps what starts a pipeline elsewhere, and its caches apart.
    let releases =
        (plan.wish.publish.yes() || plan.wish.tag.is_some()) && plan.platform != Platform::Harness;
    // What is released must not be made of what other runs left in a cache.
    if let (Some(manager), Some(lockfile)) = (part.manager, &part.lockfile)
        && !plan.wish.cache.no()
        && !releases
    {
        let lockfiles = vec![lockfile.clone()];
        steps.push(Step::new(Action::CacheDependencies { manager, lockfiles, paths: Vec::new() }));
    }
    let pnpm = part.install.starts_with("pnpm") && plan.platform != Platform::GitHub;
    let enable = if pnpm || (part.install.starts_with("pnpm") && releases) {
        "corepack enable\n"
    } else {
        ""
    };
    if !part.install.is_empty() {
        steps.push(
            within(part, &format!("{enable}{}", part.install)).titled("Install dependencies"),
        );
    }
    steps
}

fn within(part: &PartOf, script: &str) -> Step {
    let mut step = Step::run(template(script));
    step.folder = (!part.folder.is_empty()).then(|| part.folder.clone());
    step
}

fn version(plan: &Plan<'_>, part: &PartOf) -> Text {
    let named = plan.wish.languages.iter().find(|(language, _)| *language == part.language);
    let newest = named.and_then(|(_, versions)| versions.last());
    let version = newest.cloned().or_else(|| part.version.clone());
    Text::literal(version.unwrap_or_else(|| part.language.usual_version().to_owned()))
}

fn at(part: &PartOf, path: &str) -> String {
    if part.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", part.folder) }
}

fn push_check(plan: &mut Plan<'_>, job: Job) {
    plan.checks.push(job.id.clone());
    plan.jobs.push(job);
}

fn lint(plan: &mut Plan<'_>, part: &PartOf, suffix: &str) {
    if !wanted(plan, plan.wish.lint) {
        return;
    }
    let Some(script) = &part.lint else {
        if plan.wish.lint.yes() {
            plan.remark(format!("No linter is set up for {} in the checkout, so there is no lint job; set one up and ask again", part.language.name()));
        }
        return;
    };
    let mut steps = prepared(plan, part, &version(plan, part));
    steps.push(within(part, script).titled("Lint"));
    let job = Job {
        title: Some(format!("Lint{}", words(suffix))),
        stage: Some("check".to_owned()),
        timeout: plan.minutes(10),
        steps,
        ..Job::new(format!("lint{suffix}"))
    };
    push_check(plan, job);
}

fn words(suffix: &str) -> String {
    suffix.replacen('-', " ", 1)
}

fn services(plan: &Plan<'_>) -> Vec<Service> {
    let mut names: Vec<&str> = plan.wish.services.clone();
    if names.is_empty() && !plan.wish.end_to_end.no() {
        names = plan.stack.services.iter().map(String::as_str).collect();
    }
    SERVICES
        .iter()
        .filter(|service| names.contains(&service.name))
        .map(|service| Service {
            name: service.name.to_owned(),
            image: Text::literal(service.image),
            variables: service
                .variables
                .iter()
                .map(|(name, value)| Variable::new(*name, *value))
                .collect(),
            ports: vec![service.port],
            ready: Some(service.ready.to_owned()),
        })
        .collect()
}

/// Variables by which tests find the services: under their names where jobs run in
/// containers on one network, else on the machine itself.
fn addresses(plan: &Plan<'_>, services: &[Service]) -> Vec<Variable> {
    services
        .iter()
        .filter_map(|service| {
            let known = SERVICES.iter().find(|known| known.name == service.name)?;
            let host = match plan.platform {
                Platform::GitLab | Platform::Jenkins | Platform::Harness => known.name,
                _ => "localhost",
            };
            let (name, address) = known.address;
            // The last `@` before the port is the host's place.
            let place = address.rfind("@:")?;
            let address = format!("{}{host}{}", &address[..place], &address[place + 1..]);
            Some(Variable::new(name, address))
        })
        .collect()
}

fn test(plan: &mut Plan<'_>, part: &PartOf, suffix: &str) {
    if !wanted(plan, plan.wish.test) {
        return;
    }
    let covered = part.coverage.clone().filter(|_| plan.wish.coverage.yes());
    if plan.wish.coverage.yes() && covered.is_none() {
        plan.remark(format!(
            "Nothing in the checkout measures coverage for {}: its tests run without",
            part.language.name()
        ));
    }
    let Some(script) = covered.as_ref().map(|(script, _)| script).or(part.test.as_ref()) else {
        plan.remark(format!(
            "The checkout shows no tests for {}, so there is no test job",
            part.language.name()
        ));
        return;
    };
    let versions = plan
        .wish
        .languages
        .iter()
        .find(|(language, _)| *language == part.language)
        .map_or(&[][..], |(_, versions)| versions.as_slice());
    let mut axes = Vec::new();
    let mut used = version(plan, part);
    if versions.len() > 1 {
        axes.push(("version".to_owned(), versions.to_vec()));
        used = template("{{matrix.version}}");
    }
    let matrix = (!axes.is_empty()).then(|| Matrix { axes, ..Matrix::default() });
    let services = services(plan);
    let mut steps = prepared(plan, part, &used);
    steps.push(within(part, script).titled("Test"));
    if let Some(report) = &part.report {
        steps.push(Step::new(Action::SaveTestReport(TestReport { paths: vec![at(part, report)] })));
    }
    if let Some((_, (file, format))) = &covered {
        steps.push(Step::new(Action::SaveCoverage {
            file: at(part, file),
            format: (*format).to_owned(),
        }));
    }
    let variables = addresses(plan, &services);
    let job = Job {
        title: Some(format!("Test{}", words(suffix))),
        stage: Some("check".to_owned()),
        timeout: plan.minutes(20),
        matrix,
        services,
        variables,
        steps,
        ..Job::new(format!("test{suffix}"))
    };
    let systems = plan.wish.systems.clone();
    if systems.len() < 2 && systems.first().is_none_or(|system| *system == Os::Linux) {
        push_check(plan, job);
        return;
    }
    for system in systems {
        let (name, title) = match system {
            Os::Linux => ("linux", "Linux"),
            Os::Windows => ("windows", "Windows"),
            Os::MacOs => ("macos", "macOS"),
        };
        let mut copy = job.clone();
        copy.id = format!("{}-{name}", job.id);
        copy.title = Some(format!("{} on {title}", job.title()));
        copy.runner.os = system;
        if system != Os::Linux && !copy.services.is_empty() {
            copy.services.clear();
            plan.remark(format!(
                "Services in containers run beside tests on Linux alone: `{}` has none",
                copy.id
            ));
        }
        push_check(plan, copy);
    }
}

fn end_to_end(plan: &mut Plan<'_>, part: &PartOf, suffix: &str) {
    if !plan.wish.end_to_end.yes() {
        return;
    }
    let Some(script) = &part.end_to_end else {
        // Where tests have their services, those of integration are among them.
        let within = plan.jobs.iter().any(|job| job.id.starts_with("test"));
        plan.remark(if within {
            format!("No command of its own for integration tests was found for {}; they run where the test job finds them", part.language.name())
        } else {
            format!("No command for integration tests was found for {}", part.language.name())
        });
        return;
    };
    let services = services(plan);
    let variables = addresses(plan, &services);
    let mut steps = prepared(plan, part, &version(plan, part));
    steps.push(within(part, script).titled("Test end to end"));
    let job = Job {
        title: Some(format!("End-to-end tests{}", words(suffix))),
        stage: Some("check".to_owned()),
        timeout: plan.minutes(30),
        services,
        variables,
        steps,
        ..Job::new(format!("end-to-end{suffix}"))
    };
    push_check(plan, job);
}

fn build(plan: &mut Plan<'_>, part: &PartOf, suffix: &str) {
    let image = plan.wish.image.yes();
    let mut asked = plan.wish.build.yes();
    // "Build and push an image" asks for the image; what it holds is built in it.
    asked &= !image || plan.wish.publish.yes();
    let files = super::deliver::wants_files(plan);
    if !(asked || files || plan.open && !plan.wish.build.no() && part.language != Language::Python)
        || (image && !asked && !files)
    {
        return;
    }
    let Some(script) = &part.build else { return };
    let mut steps = prepared(plan, part, &version(plan, part));
    steps.push(within(part, script).titled("Build"));
    if !part.output.is_empty() {
        steps.push(Step::new(Action::SaveArtifact {
            name: format!("build{suffix}"),
            paths: part.output.iter().map(|path| at(part, path)).collect(),
            days: None,
        }));
    }
    let job = Job {
        title: Some(format!("Build{}", words(suffix))),
        stage: Some("check".to_owned()),
        timeout: plan.minutes(20),
        steps,
        ..Job::new(format!("build{suffix}"))
    };
    push_check(plan, job);
}

fn scans(plan: &mut Plan<'_>) {
    let scan = |tool: &str| {
        let (path, severity) = (String::new(), "HIGH,CRITICAL".to_owned());
        Step::new(Action::ScanSource { tool: tool.to_owned(), path, severity })
    };
    if plan.wish.scan_source.yes() {
        let steps = vec![checkout(), scan("trivy").titled("Scan dependencies and configuration")];
        let job = Job {
            title: Some("Scan the source".to_owned()),
            stage: Some("check".to_owned()),
            timeout: plan.minutes(15),
            steps,
            ..Job::new("scan-source")
        };
        push_check(plan, job);
    }
    if plan.wish.scan_secrets.yes() {
        let full = Step::new(Action::Checkout { depth: Some(0), submodules: false, lfs: false });
        let steps = vec![full, scan("gitleaks").titled("Look for secrets")];
        let job = Job {
            title: Some("Look for secrets".to_owned()),
            stage: Some("check".to_owned()),
            timeout: plan.minutes(10),
            steps,
            ..Job::new("scan-secrets")
        };
        push_check(plan, job);
    }
    if plan.wish.sbom.yes() && !super::deliver::wants_image(plan) {
        let mut job = Job {
            title: Some("List what it is made of".to_owned()),
            stage: Some("check".to_owned()),
            timeout: plan.minutes(10),
            ..Job::new("sbom")
        };
        job.steps = vec![
            checkout(),
            Step::run("trivy fs --format cyclonedx --output sbom.cdx.json .")
                .titled("Write the SBOM"),
            Step::new(Action::SaveArtifact {
                name: "sbom".to_owned(),
                paths: vec!["sbom.cdx.json".to_owned()],
                days: Some(90),
            }),
        ];
        if plan.platform != Platform::GitHub && plan.platform != Platform::Azure {
            job.runner.image = Some(Text::literal("aquasec/trivy:0.58.1"));
        }
        push_check(plan, job);
    }
}
