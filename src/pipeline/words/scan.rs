//! Scanners: what they look at, and whether what they find fails the job. Where to
//! look exit codes up: each tool's command-line reference.

use super::shell::Command;
use super::table::{Parts, fits, values};
use super::{Does, ScanTarget};
use ScanTarget::{Image, Live, Source};

/// A way to call a scanner.
struct Scanner {
    /// See [`super::table`].
    pattern: &'static str,
    tool: &'static str,
    target: ScanTarget,
    /// Whether it fails on what it finds if nothing else is said.
    gates: bool,
    /// Flags that make it fail: `--exit-code` (with a value that is not 0), `--error`.
    on: &'static str,
    /// Flags that let it pass.
    off: &'static str,
}

/// One that lets everything pass, whatever its flags.
const fn scanner(pattern: &'static str, tool: &'static str, target: ScanTarget) -> Scanner {
    Scanner { pattern, tool, target, gates: false, on: "", off: "" }
}

impl Scanner {
    const fn gates(self) -> Scanner {
        Scanner { gates: true, ..self }
    }

    const fn on(self, on: &'static str) -> Scanner {
        Scanner { on, ..self }
    }

    const fn off(self, off: &'static str) -> Scanner {
        Scanner { off, ..self }
    }
}

const EXIT: &str = "--exit-code";
const WAIT: &str = "-Dsonar.qualitygate.wait";
const NO_WAIT: &str = "-Dsonar.qualitygate.wait=false";

// Patterns that are longer than a line.
const DEPENDENCY_CHECK: &str = "mvn|mvnw ~dependency-check:*|org.owasp:dependency-check*|\
    dependency-check-maven:*|aggregate";
const SECRETS: &str = "detect-secrets|detect-secrets-hook|ggshield|talisman|whispers|\
    secretscanner|noseyparker|git-secrets|kingfisher";
const DAST: &str = "dastardly|arachni|wapiti|w3af|sqlmap|skipfish|stackhawk|hawk|testssl.sh|\
    testssl|sslyze|sslscan|nmap|kube-bench|kube-hunter|prowler|scout|schemathesis-dast|dalfox|\
    httpx-scan|wpscan|burp";

/// First fitting row wins.
const SCANNERS: &[Scanner] = &[
    scanner("trivy image|i", "trivy", Image).on(EXIT),
    scanner("trivy fs|filesystem|repo|repository|config|conf|rootfs|sbom|vm", "trivy", Source)
        .on(EXIT),
    scanner("trivy k8s|kubernetes|aws", "trivy", Live).on(EXIT),
    scanner("trivy ? !--download-db-only|--version|--clear-cache|--reset", "trivy", Image).on(EXIT),
    scanner("grype", "grype", Image).on("--fail-on -f"),
    scanner("snyk container test", "snyk", Image).gates(),
    scanner("snyk container monitor", "snyk", Image),
    scanner("snyk monitor", "snyk", Source),
    scanner("snyk test|code|iac|woof", "snyk", Source).gates(),
    scanner("semgrep|opengrep ci", "semgrep", Source).gates().off("--suppress-errors --dry-run"),
    scanner("semgrep|opengrep !--version|--validate", "semgrep", Source).on("--error"),
    scanner("codeql database analyze", "codeql", Source),
    scanner("gitleaks detect|git|dir|directory|protect|stdin|?", "gitleaks", Source)
        .gates()
        .on(EXIT)
        .off("--exit-code=0"),
    scanner("trufflehog|trufflehog3", "trufflehog", Source).on("--fail"),
    scanner("checkov !--version|-v", "checkov", Source)
        .gates()
        .on("--hard-fail-on")
        .off("--soft-fail -s"),
    scanner("tfsec", "tfsec", Source).gates().off("--soft-fail -s"),
    scanner("terrascan scan", "terrascan", Source).gates(),
    scanner("kics scan", "kics", Source).gates().off("--ignore-on-exit=all"),
    scanner("bandit", "bandit", Source).gates().off("--exit-zero"),
    scanner("gosec", "gosec", Source).gates().off("-no-fail --no-fail"),
    scanner("brakeman", "brakeman", Source).gates().off("--no-exit-on-warn"),
    scanner("npm|yarn|pnpm|bun audit !--fix", "npm-audit", Source).gates(),
    scanner("yarn npm audit", "npm-audit", Source).gates(),
    scanner("audit-ci|better-npm-audit|auditjs|retire|npm-audit-resolver", "npm-audit", Source)
        .gates(),
    scanner("pip-audit", "pip-audit", Source).gates(),
    scanner("safety check|scan", "safety", Source).gates().off("--continue-on-error"),
    scanner("cargo|cargo-audit|cargo-deny audit|deny|geiger|crev|check", "cargo-audit", Source)
        .gates(),
    scanner("bundle|bundler audit", "bundler-audit", Source).gates(),
    scanner("bundle-audit|bundler-audit", "bundler-audit", Source).gates(),
    scanner("composer audit", "composer-audit", Source).gates(),
    scanner("dotnet list|package ~package +--vulnerable", "dotnet", Source),
    scanner("govulncheck|nancy", "govulncheck", Source).gates(),
    scanner("osv-scanner", "osv-scanner", Source).gates(),
    scanner("mix sobelow|deps.audit|hex.audit", "sobelow", Source).gates(),
    scanner("dependency-check|dependency-check.sh", "dependency-check", Source).on("--failOnCVSS"),
    scanner(DEPENDENCY_CHECK, "dependency-check", Source).on("-DfailBuildOnCVSS"),
    scanner("gradle|gradlew ~dependencyCheck*", "dependency-check", Source),
    scanner("mvn|mvnw ~sonar:sonar|sonar|org.sonarsource*", "sonar", Source).on(WAIT).off(NO_WAIT),
    scanner("gradle|gradlew ~sonar|sonarqube|sonarQube", "sonar", Source).on(WAIT).off(NO_WAIT),
    scanner("sonar-scanner|sonar|sonarqube-scanner|sonar-scanner-npm", "sonar", Source)
        .on(WAIT)
        .off(NO_WAIT),
    scanner("dotnet sonarscanner end", "sonar", Source),
    scanner("dotnet-sonarscanner end", "sonar", Source),
    scanner("anchorectl image", "anchore", Image).on("--fail-based-on-results -f"),
    scanner("anchore-cli evaluate|image", "anchore", Image).gates(),
    scanner("inline_scan|inline_scan.sh", "anchore", Image).on("-f"),
    scanner("clair-scanner|clairctl|klar|clair", "clair", Image).gates(),
    scanner("dockle", "dockle", Image).on(EXIT),
    scanner(
        "docker|docker-scout scout|cves ~cves|quickview|recommendations|?",
        "docker-scout",
        Image,
    )
    .on("--exit-code -e"),
    scanner("docker scan", "docker-scan", Image).gates(),
    scanner("twistcli images scan", "twistcli", Image).gates(),
    scanner("twistcli", "twistcli", Source).gates(),
    scanner("wizcli docker", "wiz", Image).gates(),
    scanner("wizcli dir|iac", "wiz", Source).gates(),
    scanner("lw-scanner|lacework", "lacework", Image).on("--fail-on-violation-exit-code"),
    scanner("horusec start", "horusec", Source).on("-e --return-error"),
    scanner("njsscan|mobsfscan|nodejsscan", "njsscan", Source).gates(),
    scanner(SECRETS, "secrets", Source).gates().off("--exit-zero"),
    scanner("cx|checkmarx scan", "checkmarx", Source).on("--threshold"),
    scanner("fossa test", "fossa", Source).gates(),
    scanner("fossa analyze", "fossa", Source),
    scanner("mend|whitesource|ws|wss-unified-agent", "mend", Source),
    scanner("veracode|pipeline-scan", "veracode", Source).gates(),
    scanner("sourceanalyzer|scancentral|fcli", "fortify", Source),
    scanner("kubesec|kubeaudit|kubescape|polaris", "kubescape", Source)
        .on("--compliance-threshold --set-exit-code-on-danger"),
    scanner(
        "zap-baseline|zap-baseline.py|zap-full-scan.py|zap-api-scan.py|zap.sh|zap-cli|zap",
        "zap",
        Live,
    )
    .gates()
    .off("-I"),
    scanner("nuclei !-update-templates|-ut|-version", "nuclei", Live),
    scanner("nikto|nikto.pl", "nikto", Live),
    scanner(DAST, "dast", Live),
];

/// What scanner a command is, if it is one.
pub fn does(command: &Command) -> Option<Does> {
    let parts = Parts::of(command);
    // `cargo deny check` and the like are told from `cargo check`.
    let found = SCANNERS.iter().find(|row| fits(row.pattern, &parts))?;
    if parts.program == "cargo" && parts.plain.first() == Some(&"check") {
        return None;
    }
    if matches!(parts.program, "mvn" | "mvnw")
        && found.tool == "dependency-check"
        && !parts.plain.iter().any(|word| word.contains("dependency-check"))
    {
        return None;
    }
    let present = |flags: &str| {
        flags.split_ascii_whitespace().any(|flag| match flag.contains('=') {
            true => parts.flags.contains(&flag) || spaced(command, flag),
            false => parts.has(flag),
        })
    };
    let said = |flags: &str| {
        flags.split_ascii_whitespace().any(|flag| {
            parts.has(flag)
                && (flag != EXIT || values(command, flag).last().is_none_or(|value| *value != "0"))
        })
    };
    let mut gating = (found.gates || said(found.on)) && !present(found.off);
    if found.on == EXIT && values(command, EXIT).last() == Some(&"0") {
        gating = false;
    }
    gating &= !command.tolerated && !command.condition && !(command.nested);
    let mut target = found.target;
    if found.tool == "grype" {
        let what = parts.plain.first().copied().unwrap_or("");
        let source =
            ["dir:", "sbom:", "file:", ".", "/"].iter().any(|start| what.starts_with(start));
        if source || what.is_empty() || what.ends_with(".json") {
            target = Source;
        }
    }
    Some(Does::Scan { tool: name(found.tool, parts.program), target, gating })
}

/// `--flag value` for a `--flag=value`.
fn spaced(command: &Command, flag: &str) -> bool {
    flag.split_once('=').is_some_and(|(name, wanted)| values(command, name).contains(&wanted))
}

fn name(tool: &str, program: &str) -> String {
    if matches!(tool, "dast" | "secrets") { program.to_owned() } else { tool.to_owned() }
}

/// The image that a scanning command looks at.
pub fn image(command: &Command) -> Option<String> {
    let parts = Parts::of(command);
    match does(command)? {
        Does::Scan { target: Image, .. } => {
            let at = match parts.plain.first().copied() {
                Some("image" | "i") => 1,
                Some("container" | "images" | "docker" | "scout" | "evaluate") => 2,
                Some("scan") => 1,
                _ => 0,
            };
            parts.plain.get(at).map(|&word| word.to_owned()).filter(|word| !word.is_empty())
        }
        _ => None,
    }
}
