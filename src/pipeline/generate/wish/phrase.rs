//! Phrases that are looked for, and words that say nothing by themselves.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

/// What a phrase is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The platform, or words for the file itself.
    Platform,
    /// What is done without being asked for.
    ByDefault,
    /// Approval by a person.
    Approval,
    /// By hand.
    Manual,
    /// Pull and merge requests.
    Change,
    /// Any push.
    PushAny,
    /// A push to a branch, in the group `branch`.
    Push,
    /// Tags, by the glob in the group `glob`.
    Tag,
    /// Coverage.
    Coverage,
    /// Results of tests.
    Reports,
    /// A search for secrets.
    ScanSecrets,
    /// A scan of an image.
    ScanImage,
    /// A scan of the source.
    ScanSource,
    /// A list of parts.
    Sbom,
    /// Infrastructure.
    Terraform,
    /// A plan of it.
    Plan,
    /// Applying it.
    Apply,
    /// Policies; the tool is told by the words.
    Policy,
    /// Rolling back.
    Rollback,
    /// Blue and green.
    BlueGreen,
    /// Canaries.
    Canary,
    /// One after another.
    Rolling,
    /// Health.
    Health,
    /// Telling people.
    Notify,
    /// Slack.
    Slack,
    /// Teams.
    Teams,
    /// Mail.
    Email,
    /// A web hook.
    Webhook,
    /// A registry of images.
    Registry(&'static str),
    /// Where a package goes.
    PublishTo(&'static str),
    /// A release on the platform.
    Release,
    /// What is deployed to.
    Target(&'static str),
    /// An architecture of images.
    Architecture(&'static str),
    /// Building an image.
    Image,
    /// Publishing.
    Publish,
    /// Tests against running services.
    EndToEnd,
    /// Linting.
    Lint,
    /// Tests.
    Test,
    /// Deploying.
    Deploy,
    /// Building.
    Build,
    /// Caching.
    Cache,
    /// Cancelling old runs.
    Cancel,
    /// An operating system.
    System(&'static str),
    /// A language.
    Language(&'static str),
    /// A service beside the tests.
    Service(&'static str),
    /// A cloud without anything in it.
    Cloud,
    /// Understood and not written; the sentence for people.
    Unsupported(&'static str),
}

use Topic::{
    Apply, Approval, Architecture, BlueGreen, Build, ByDefault, Cache, Canary, Cancel, Change,
    Cloud, Coverage, Deploy, Email, EndToEnd, Health, Image, Language, Lint, Manual, Notify, Plan,
    Platform, Policy, Publish, PublishTo, Push, PushAny, Registry, Release, Reports, Rollback,
    Rolling, Sbom, ScanImage, ScanSecrets, ScanSource, Service, Slack, System, Tag, Target, Teams,
    Terraform, Test, Unsupported, Webhook,
};

/// In the order they are looked for: what is more special comes first, and takes its
/// words from what is more general.
const PHRASES: &[(Topic, &str)] = &[
    (Registry("github"), r"ghcr(?:\.io)?|github(?:'s)? (?:container )?(?:registry|packages)"),
    (Registry("gitlab"), r"gitlab(?:'s)? (?:container )?registry"),
    (Registry("ecr"), r"(?:amazon |aws )?ecr|elastic container registry"),
    (Registry("acr"), r"acr|azure container registry"),
    (Registry("google"), r"(?:google )?artifact registry|gcr(?:\.io)?|google container registry"),
    (Registry("dockerhub"), r"docker ?hub"),
    (
        Unsupported(
            "Performance tests are not written: add them as a job after the deployment to a test environment",
        ),
        r"(?:load|performance|stress) tests?(?:ing)?|k6|jmeter|gatling",
    ),
    (
        Unsupported(
            "Scans of the running application (DAST) are not written: add them as a job after the deployment to a test environment",
        ),
        r"dast|dynamic (?:application )?(?:security )?(?:scan\w*|test\w*)|zap(?: scan)?|penetration tests?",
    ),
    (
        Unsupported(
            "Signing and provenance are not written: sign the image by its digest in the job that builds it",
        ),
        r"cosign|sigstore|sign(?:ed|s|ing)?(?: (?:the|our|all))?(?: (?:container|docker))? (?:images?|artifacts?)|provenance|slsa|attest\w*",
    ),
    (
        Unsupported(
            "SonarQube is not written: add its scan to the test job, with full history in the checkout",
        ),
        r"sonar(?:qube|cloud)?",
    ),
    (
        Unsupported("Preview environments for each change are not written"),
        r"(?:preview|review|ephemeral) (?:environments?|apps?|deployments?|deploys?)",
    ),
    (
        Unsupported(
            "Changes of a database are not written: add them as a step before the deployment, so that both versions of the application can work with them",
        ),
        r"(?:database |db |schema )migrations?|migrate (?:the )?(?:database|db)|flyway|liquibase",
    ),
    (
        Unsupported("Pulumi, CloudFormation, Bicep and Ansible are not written, only Terraform"),
        r"pulumi|cloudformation|bicep|ansible|cdk",
    ),
    (
        Approval,
        r"(?:manual(?:ly)? )?(?:approv(?:al|als|e|ed|es|ing)|sign(?:s|ed)?[- ]?off)|manual (?:gate|step|confirmation|check)|(?:human|approval|release) gate|gated?|confirm(?:s|ed|ation)?|manual intervention|someone (?:says|clicks|presses)",
    ),
    (
        Manual,
        r"manual(?:ly)?(?: (?:run|runs|trigger\w*|start\w*|dispatch))?|by hand|on[- ]demand|workflow_dispatch|(?:triggered|started) by (?:a )?(?:person|user|hand)",
    ),
    (Change, r"(?:pull|merge)[- ]?requests?|prs?|mrs?|code reviews?"),
    (
        Push,
        r"(?:(?:push(?:es|ed|ing)?|merg(?:e|es|ed|ing)|commits?|land(?:s|ed)?|changes?) (?:in)?(?:to|on|in|reach(?:es)?) |(?:on|from|to|for|of|and|or) )(?:the |our )?(?P<branch>main|master|trunk|develop|default branch|release/\*+|release branch(?:es)?)(?: branch)?",
    ),
    (
        PushAny,
        r"(?:every|each|any|all|on) (?:push(?:es)?|commits?)|any branch|(?:all|every) branch(?:es)?",
    ),
    (
        Tag,
        r"(?:(?:git|version|release|semver|new) )*tags?(?: (?:like|such as|matching|named|starting with))?(?: `?(?P<glob>v[\d.*]+|v\*\S*|[\w-]+\*))?|tagged(?: (?:release|commit|version)s?)?|v\* tags?",
    ),
    (Coverage, r"(?:code |test )?coverage(?: (?:report|results?))?s?"),
    (Reports, r"(?:test|junit) (?:results?|reports?)|junit"),
    (
        ScanSecrets,
        r"secrets?[- ](?:scan\w*|detect\w*|leaks?)|gitleaks|trufflehog|(?:leaked|committed|hard-?coded) (?:secrets?|credentials?)|scan\w* (?:for )?secrets?",
    ),
    (
        ScanImage,
        r"scan(?:s|ned|ning)?(?: (?:the|our|it|all|that|this|each))*(?: (?:docker|container))? (?:images?|containers?)|(?:docker |container )?image[- ]scan\w*|container[- ]scan\w*|trivy|grype|scan(?:s|ned|ning)? it",
    ),
    (
        ScanSource,
        r"sast|static (?:application )?security(?: (?:test\w*|scan\w*|analysis))?|semgrep|codeql|security[- ](?:scan\w*|checks?|tests?|analysis)|(?:dependency|dependencies|package) (?:scan\w*|audit\w*|checks?)|(?:scan|check|audit)\w* (?:the |our )?(?:dependenc(?:y|ies)|source|code)(?: for vulnerabilit(?:y|ies))?|vulnerabilit(?:y|ies)(?: scan\w*)?|cves?|snyk|npm audit",
    ),
    (Sbom, r"sboms?|software bills? of materials|cyclonedx|spdx|syft"),
    (
        Policy,
        r"conftest|opa|open policy agent|checkov|tfsec|rego|polic(?:y|ies)(?:[- ]checks?)?(?: as code)?",
    ),
    (Plan, r"(?:terraform |tofu )?plans?(?:ned)?"),
    (Apply, r"(?:terraform |tofu )?appl(?:y|ies|ied|ying)"),
    (Terraform, r"terraform|open ?tofu|tofu|infrastructure(?: as code)?|iac|infra"),
    (
        Rollback,
        r"(?:automatic(?:ally)? )?roll(?:s|ed|ing)?[- ]?back(?:s)?|roll it back|revert(?:s|ed)?|undo",
    ),
    (BlueGreen, r"blue[-/ ]?(?:and[- ])?green"),
    (Canary, r"canar(?:y|ies)"),
    (Rolling, r"rolling(?:[- ](?:update|deploy\w*|strategy|release))?s?"),
    (Health, r"health(?:y|[- ]?checks?)?|smoke[- ]?tests?|readiness|probes?|is (?:really )?up"),
    (Slack, r"slack"),
    (Teams, r"(?:microsoft |ms )teams|teams(?: channel| message| notification)?"),
    (Email, r"e-?mails?|mails?"),
    (Webhook, r"web ?hooks?"),
    (
        Notify,
        r"notif(?:y|ies|ied|ications?)|alert(?:s|ed)?|inform(?:s|ed)?|ping(?:s|ed)?|tell(?:s)?|message(?:s|d)?|post(?:s|ed)?",
    ),
    (PublishTo("npm"), r"(?:on|to|the) npm(?:js)?(?: registry)?|npm (?:registry|package|publish)"),
    (PublishTo("pypi"), r"pypi|python package index"),
    (PublishTo("crates"), r"crates\.io"),
    (
        PublishTo("maven"),
        r"maven central|(?:maven|nexus|artifactory) (?:repo\w*|registry)|nexus|artifactory",
    ),
    (PublishTo("nuget"), r"nuget(?:\.org| feed| package)?"),
    (PublishTo("gems"), r"ruby ?gems(?:\.org)?"),
    (
        Release,
        r"(?:github|gitlab) releases?|release notes|changelogs?|(?:create|cut|make|draft)s? (?:a |the )?releases?",
    ),
    (Target("argocd"), r"argo ?-?cd|gitops"),
    (Target("ecs"), r"(?:amazon |aws )?ecs|fargate"),
    (Target("lambda"), r"(?:aws )?lambda(?: function)?s?"),
    (Target("cloudrun"), r"(?:google )?cloud ?run"),
    (Target("webapp"), r"(?:azure )?(?:app service|web ?apps?)"),
    (Target("s3"), r"s3(?: bucket)?|cloudfront|static (?:web ?)?site"),
    (Target("ssh"), r"ssh|(?:a |our |the )?vms?"),
    (Target("helm"), r"helm(?: charts?| upgrade)?"),
    (Target("kustomize"), r"kustomiz(?:e|ation)"),
    (Target("kubernetes"), r"kubernetes|k8s|kubectl|eks|aks|gke|clusters?|openshift"),
    (Architecture("linux/arm64"), r"arm64|arm|aarch64|multi-?arch(?:itecture)?"),
    (Architecture("linux/amd64"), r"amd64|x86[-_]64"),
    (
        Image,
        r"(?:(?:docker|container|oci) )*images?|docker(?:file|ize|ized|ise)?|containers?|containeri[sz]ed?|(?:build(?:s)?|push(?:es)?) (?:a |the )?(?:docker|container)(?: image)?",
    ),
    (ScanSource, r"scan(?:s|ned|ning)?"),
    (
        EndToEnd,
        r"(?:integration|acceptance|e2e|end[- ]to[- ]end|browser|ui)(?:[- ]tests?)?|playwright|cypress",
    ),
    (
        Lint,
        r"lint(?:s|er|ers|ed|ing)?(?: checks?)?|static analysis|(?:code )?(?:format(?:ting)?|style)(?: checks?)?|type[- ]?checks?|eslint|ruff|clippy|golangci(?:-lint)?|rubocop|checkstyle|flake8|mypy|phpstan|go vet",
    ),
    (
        Test,
        r"(?:(?:unit|all|the|our)[- ])*(?:tests?(?:ed|ing)?(?: suite)?|specs)|pytest|jest|vitest|rspec|phpunit|junit5?",
    ),
    (
        Publish,
        r"publish(?:es|ed|ing)?|release(?:s|d)? (?:the |our |a )?(?:package|crate|gem|library|jar)|upload(?:s)? (?:the |our )?(?:package|crate|gem)",
    ),
    (
        Deploy,
        r"(?:re)?deploy(?:s|ed|ing|ments?)?|roll(?:s|ed)?[- ]?(?:it )?out|rollouts?|ship(?:s|ped|ping)?|promot(?:e|es|ed|ion|ing)|deliver(?:s|ed|y)?|go(?:es)? live|cd|release(?:s|d)?(?: it)? to",
    ),
    (
        Build,
        r"builds?|built|building|compil(?:e|es|ed|ing|ation)|bundl(?:e|es|ed|ing)|assembl(?:e|es)|packag(?:e|es|ed|ing)|artifacts?|binar(?:y|ies)",
    ),
    (Cache, r"cach(?:e|es|ed|ing)"),
    (
        Cancel,
        r"cancel(?:s|led|ed|ling)?(?: (?:superseded|outdated|old|older|stale|previous|running|in[- ]progress))*|superseded|concurren(?:t|cy)(?: group)?",
    ),
    (System("linux"), r"linux|ubuntu"),
    (System("windows"), r"windows"),
    (System("macos"), r"mac ?os|mac|osx"),
    (Service("postgres"), r"postgres(?:ql)?|postgis|pg"),
    (Service("mysql"), r"mysql|mariadb"),
    (Service("redis"), r"redis|valkey"),
    (Service("mongo"), r"mongo(?:db)?"),
    (Service("rabbitmq"), r"rabbit ?mq"),
    (
        Language("node"),
        r"node(?:\.?js)?|javascript|typescript|react|next\.?js|nest\.?js|express(?:\.js)?|vue|angular|svelte|npm|yarn|pnpm|js|ts",
    ),
    (Language("python"), r"python|django|flask|fastapi|poetry|uv"),
    (
        Language("go"),
        r"golang|go (?:services?|apps?|modules?|projects?|apis?|library|code|microservices?|backend|cli)|in go",
    ),
    (Language("rust"), r"rust|cargo"),
    (Language("dotnet"), r"(?:asp)?\.net(?: core)?|dotnet|c#|csharp"),
    (Language("java"), r"java|kotlin|spring(?:[- ]boot)?|maven|gradle|jdk|jvm"),
    (Language("ruby"), r"ruby|rails"),
    (Language("php"), r"php|laravel|symfony"),
    (Language("cpp"), r"c\+\+|cpp|cmake"),
    (
        Platform,
        r"(?:github actions|gitlab(?: ci(?:/cd)?)?|azure (?:pipelines|devops)|jenkins(?:file)?|bitbucket(?: pipelines)?|harness|github|ci/cd|ci|cicd|pipelines?|workflows?)",
    ),
    (Platform, r"jobs?|stages?|steps?|yaml|file"),
    (
        ByDefault,
        r"least[- ]privileges?|(?:minimal |least )?permissions?|pinn?(?:s|ed|ing)?(?: (?:actions|versions?|by (?:digest|sha|commit)))?|digests?|sha|lock(?:s|ed)?|fail(?:s)? fast|oidc|one at a time",
    ),
    (Cloud, r"aws|amazon|azure|gcp|google cloud|google"),
];

/// Compiled, in order.
pub static COMPILED: LazyLock<Vec<(Topic, Regex)>> = LazyLock::new(|| {
    PHRASES
        .iter()
        .filter_map(|(topic, pattern)| {
            // `.net` and `c++` begin or end with what is no part of a word.
            let pattern = format!(r"(?:^|[^a-z0-9_@/.-])(?P<all>{pattern})(?:$|[^a-z0-9_@/-])");
            Regex::new(&pattern).ok().map(|regex| (*topic, regex))
        })
        .collect()
});

/// Words that say nothing by themselves.
const COMMON: &str = "a able about across add added additionally after again against all allow allowed along already \
also always an and any anything app application applications applied apps are as at automatic automatically backend \
ask asks asked asking based be because been before behind being below best better between both but by can check checked checking checks \
client code come comes company complete configure could create creates current customer customers default \
different do does doing don done down dont during each either else ensure env environment environments even every \
everything existing fail failed failing fails failure failures fast file files finally finished first folder follow \
followed following for fresh from frontend full further generate get gets give given go goes good have having help hence \
here how i if immediately in include including instead internal into is it its itself just keep kept least let \
like live ll machine main make makes making maximum me microservice minutes minute more most must my named need \
needed needs never new next no none nor not nothing of off ok okay on once one only onto optional or order other \
others our out over own pass passed passes passing path people per percent percents please possible practice practices prefer preferably \
private production project proper public put queue quick quickly rather ready really repo repository roll monorepo platform dependency dependencies deploys app's push pushed pushes pushing require required requires \
rest results result right run running runs s safe safely same second secure separate server service services set setup shall \
should show simple single site so some someone something standard start started starting starts state still stop such \
succeed succeeded succeeds success successful sure system t take takes target team than that the their them then there \
these they thing things this those three through till time to together too tool tools traffic trigger triggered triggers \
twice two under until up update updates upon us use used uses using usual validate value values verify version \
versions via wait waits want wanted was way we web well were what whatever when whenever where whether which while who \
whole whose will with within without work working works would write yes you your api website deployment branch branches \
it's don't doesn't let's we're i'd we'd we'll i'll can't shouldn't mustn't isn't won't everyone nobody anyone anywhere \
parallel parallelise parallelize environment-specific ends end begins finish green red broken breaks break went wrong step steps";

static COMMON_WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| COMMON.split_whitespace().collect());

/// Whether a word says nothing by itself.
pub fn is_common(word: &str) -> bool {
    COMMON_WORDS.contains(word)
}

/// Whether some phrase takes this word as it is.
pub fn is_term(word: &str) -> bool {
    COMPILED.iter().any(|(_, regex)| {
        regex
            .captures(word)
            .is_some_and(|found| found.name("all").is_some_and(|all| all.as_str() == word))
    })
}
