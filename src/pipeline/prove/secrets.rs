//! Which secrets a job names, by the words of its source.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

/// Forms in which the platforms' files name a secret, a credential or a connection;
/// the first group is its name.
static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let forms = [
        // GitHub, <https://docs.github.com/en/actions/reference/workflows-and-actions/contexts>
        r"\bsecrets\s*\.\s*([A-Za-z_][\w-]*)",
        r#"\bsecrets\s*\[\s*['"]([^'"]+)['"]\s*\]"#,
        r"\bsecrets:\s*(inherit)\b",
        // Harness
        r#"\bsecrets\.getValue\(\s*["']([^"']+)["']"#,
        r"\b(?:connectorRef|connectorIdentifier):\s*(\S+)",
        // Jenkins
        r#"\bcredentials\(\s*['"]([^'"]+)['"]"#,
        r#"\bcredentialsId\s*[:=]\s*['"]([^'"]+)['"]"#,
        // Azure
        r"(?i)\b(?:azureSubscription|azureResourceManagerConnection|serviceConnection|containerRegistry|dockerRegistryServiceConnection|kubernetesServiceConnection|connectedServiceName\w*)\s*:\s*(\S[^\r\n]*)",
        r"(?i)\$\(([\w.-]*(?:token|secret|passw|passphrase|credential|api_?key|private_?key|access_?key)[\w.-]*)\)",
        // Masked variables of any platform, by their names
        r"\$\{?([A-Z0-9_]*(?:TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)[A-Z0-9_]*)",
        r"%([A-Z0-9_]*(?:TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)[A-Z0-9_]*)%",
    ];
    forms.iter().filter_map(|form| Regex::new(form).ok()).collect()
});

/// The secrets that a stretch of source names, comments aside.
pub(super) fn named(source: &str, into: &mut BTreeSet<String>) {
    for line in source.lines() {
        let code = line.trim_start();
        if code.starts_with('#') || code.starts_with("//") || !may_name(code) {
            continue;
        }
        for form in FORMS.iter() {
            let names = form.captures_iter(code).filter_map(|found| found.get(1));
            let names = names.map(|name| name.as_str().trim_matches(['\'', '"', ' ']));
            // A function of Harness' and no secret.
            into.extend(names.filter(|name| *name != "getValue").map(str::to_owned));
        }
    }
}

/// Whether it is worth to look closer.
fn may_name(line: &str) -> bool {
    line.contains('$')
        || line.contains('%')
        || line.contains("secrets")
        || line.contains("redentials")
        || line.contains("onnect")
        || line.contains("ubscription")
        || line.contains("ontainerRegistry")
}
