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

const fn scanner(
    pattern: &'static str,
    tool: &'static str,
    target: ScanTarget,
    gates: bool,
    on: &'static str,
    off: &'static str,
) -> Scanner {
    Scanner { pattern, tool, target, gates, on, off }
}

const EXIT: &str = "--exit-code";

/// First fitting row wins.
const SCANNERS: &[Scanner] = &[
    scanner("trivy image|i", "trivy", Image, false, EXIT, ""),
    scanner(
        "trivy fs|filesystem|repo|repository|config|conf|rootfs|sbom|vm",
        "trivy",
        Source,
        false,
        EXIT,
        "",
    ),
    scanner("trivy k8s|kubernetes|aws", "trivy", Live, false, EXIT, ""),
    scanner(
        "trivy ? !--download-db-only|--version|--clear-cache|--reset",
        "trivy",
        Image,
        false,
        EXIT,
        "",
    ),
    scanner("grype", "grype", Image, false, "--fail-on -f", ""),
    scanner("snyk container test", "snyk", Image, true, "", ""),
    scanner("snyk container monitor", "snyk", Image, false, "", ""),
    scanner("snyk monitor", "snyk", Source, false, "", ""),
    scanner("snyk test|code|iac|woof", "snyk", Source, true, "", ""),
    scanner("semgrep|opengrep ci", "semgrep", Source, true, "", "--suppress-errors --dry-run"),
    scanner("semgrep|opengrep !--version|--validate", "semgrep", Source, false, "--error", ""),
    scanner("codeql database analyze", "codeql", Source, false, "", ""),
    scanner(
        "gitleaks detect|git|dir|directory|protect|stdin|?",
        "gitleaks",
        Source,
        true,
        EXIT,
        "--exit-code=0",
    ),
    scanner("trufflehog|trufflehog3", "trufflehog", Source, false, "--fail", ""),
    scanner("checkov !--version|-v", "checkov", Source, true, "--hard-fail-on", "--soft-fail -s"),
    scanner("tfsec", "tfsec", Source, true, "", "--soft-fail -s"),
    scanner("terrascan scan", "terrascan", Source, true, "", ""),
    scanner("kics scan", "kics", Source, true, "", "--ignore-on-exit=all"),
    scanner("bandit", "bandit", Source, true, "", "--exit-zero"),
    scanner("gosec", "gosec", Source, true, "", "-no-fail --no-fail"),
    scanner("brakeman", "brakeman", Source, true, "", "--no-exit-on-warn"),
    scanner("npm|yarn|pnpm|bun audit !--fix", "npm-audit", Source, true, "", ""),
    scanner("yarn npm audit", "npm-audit", Source, true, "", ""),
    scanner(
        "audit-ci|better-npm-audit|auditjs|retire|npm-audit-resolver",
        "npm-audit",
        Source,
        true,
        "",
        "",
    ),
    scanner("pip-audit", "pip-audit", Source, true, "", ""),
    scanner("safety check|scan", "safety", Source, true, "", "--continue-on-error"),
    scanner(
        "cargo|cargo-audit|cargo-deny audit|deny|geiger|crev|check",
        "cargo-audit",
        Source,
        true,
        "",
        "",
    ),
    scanner("bundle|bundler audit", "bundler-audit", Source, true, "", ""),
    scanner("bundle-audit|bundler-audit", "bundler-audit", Source, true, "", ""),
    scanner("composer audit", "composer-audit", Source, true, "", ""),
    scanner("dotnet list|package ~package +--vulnerable", "dotnet", Source, false, "", ""),
    scanner("govulncheck|nancy", "govulncheck", Source, true, "", ""),
    scanner("osv-scanner", "osv-scanner", Source, true, "", ""),
    scanner("mix sobelow|deps.audit|hex.audit", "sobelow", Source, true, "", ""),
    scanner(
        "dependency-check|dependency-check.sh",
        "dependency-check",
        Source,
        false,
        "--failOnCVSS",
        "",
    ),
    scanner(
        "mvn|mvnw ~dependency-check:*|org.owasp:dependency-check*|dependency-check-maven:*|aggregate",
        "dependency-check",
        Source,
        false,
        "-DfailBuildOnCVSS",
        "",
    ),
    scanner("gradle|gradlew ~dependencyCheck*", "dependency-check", Source, false, "", ""),
    scanner(
        "mvn|mvnw ~sonar:sonar|sonar|org.sonarsource*",
        "sonar",
        Source,
        false,
        "-Dsonar.qualitygate.wait",
        "-Dsonar.qualitygate.wait=false",
    ),
    scanner(
        "gradle|gradlew ~sonar|sonarqube|sonarQube",
        "sonar",
        Source,
        false,
        "-Dsonar.qualitygate.wait",
        "-Dsonar.qualitygate.wait=false",
    ),
    scanner(
        "sonar-scanner|sonar|sonarqube-scanner|sonar-scanner-npm",
        "sonar",
        Source,
        false,
        "-Dsonar.qualitygate.wait",
        "-Dsonar.qualitygate.wait=false",
    ),
    scanner("dotnet sonarscanner end", "sonar", Source, false, "", ""),
    scanner("dotnet-sonarscanner end", "sonar", Source, false, "", ""),
    scanner("anchorectl image", "anchore", Image, false, "--fail-based-on-results -f", ""),
    scanner("anchore-cli evaluate|image", "anchore", Image, true, "", ""),
    scanner("inline_scan|inline_scan.sh", "anchore", Image, false, "-f", ""),
    scanner("clair-scanner|clairctl|klar|clair", "clair", Image, true, "", ""),
    scanner("dockle", "dockle", Image, false, EXIT, ""),
    scanner(
        "docker|docker-scout scout|cves ~cves|quickview|recommendations|?",
        "docker-scout",
        Image,
        false,
        "--exit-code -e",
        "",
    ),
    scanner("docker scan", "docker-scan", Image, true, "", ""),
    scanner("twistcli images scan", "twistcli", Image, true, "", ""),
    scanner("twistcli", "twistcli", Source, true, "", ""),
    scanner("wizcli docker", "wiz", Image, true, "", ""),
    scanner("wizcli dir|iac", "wiz", Source, true, "", ""),
    scanner("lw-scanner|lacework", "lacework", Image, false, "--fail-on-violation-exit-code", ""),
    scanner("horusec start", "horusec", Source, false, "-e --return-error", ""),
    scanner("njsscan|mobsfscan|nodejsscan", "njsscan", Source, true, "", ""),
    scanner(
        "detect-secrets|detect-secrets-hook|ggshield|talisman|whispers|secretscanner|noseyparker|git-secrets|kingfisher",
        "secrets",
        Source,
        true,
        "",
        "--exit-zero",
    ),
    scanner("cx|checkmarx scan", "checkmarx", Source, false, "--threshold", ""),
    scanner("fossa test", "fossa", Source, true, "", ""),
    scanner("fossa analyze", "fossa", Source, false, "", ""),
    scanner("mend|whitesource|ws|wss-unified-agent", "mend", Source, false, "", ""),
    scanner("veracode|pipeline-scan", "veracode", Source, true, "", ""),
    scanner("sourceanalyzer|scancentral|fcli", "fortify", Source, false, "", ""),
    scanner(
        "kubesec|kubeaudit|kubescape|polaris",
        "kubescape",
        Source,
        false,
        "--compliance-threshold --set-exit-code-on-danger",
        "",
    ),
    scanner(
        "zap-baseline|zap-baseline.py|zap-full-scan.py|zap-api-scan.py|zap.sh|zap-cli|zap",
        "zap",
        Live,
        true,
        "",
        "-I",
    ),
    scanner("nuclei !-update-templates|-ut|-version", "nuclei", Live, false, "", ""),
    scanner("nikto|nikto.pl", "nikto", Live, false, "", ""),
    scanner(
        "dastardly|arachni|wapiti|w3af|sqlmap|skipfish|stackhawk|hawk|testssl.sh|testssl|sslyze|sslscan|nmap|kube-bench|kube-hunter|prowler|scout|schemathesis-dast|dalfox|httpx-scan|wpscan|burp",
        "dast",
        Live,
        false,
        "",
        "",
    ),
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
