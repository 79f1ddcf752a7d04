//! A review of a small checkout, black box, by models behind OpenAI's protocol.

mod local_support;
mod support;

use serde_json::{Value, json};

use support::openai::{OpenAi, answer, answer_in_text, calls, failure, finding};

const BASE: &str = "def mean(items):\n    return sum(items) / max(len(items), 1)\n";
const HEAD: &str = "def mean(items):\n    return sum(items) / len(items)\n";

/// Run a review of a change with these variables.
fn review(model: &str, vars: &[(&str, &str)]) -> Option<(i32, Value, String)> {
    let scratch = local_support::scratch()?;
    scratch.write("mean.py", BASE).commit("base");
    scratch.write("mean.py", HEAD);
    let output = support::binary()
        .args(["review", "--base", "HEAD", "--model", model, "--format", "json"])
        .current_dir(scratch.path())
        .env("HOME", scratch.beside("home"))
        .envs(vars.iter().copied())
        .output()
        .expect("the binary starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| {
        panic!("standard output is no report: {why}\n{stderr}");
    });
    Some((output.status.code().unwrap_or(-1), report, stderr))
}

fn division() -> Value {
    json!([finding(
        "mean.py",
        2,
        "    return sum(items) / len(items)",
        "Divides by zero for an empty list"
    )])
}

fn has_it(report: &Value) {
    let findings = report["findings"].as_array().unwrap();
    let titles: Vec<_> =
        findings.iter().map(|finding| finding["title"].as_str().unwrap()).collect();
    assert!(titles.contains(&"Divides by zero for an empty list"), "{report:#}");
}

#[test]
fn a_review_goes_through_every_provider() {
    let server = OpenAi::start();
    // Refutation and the like are asked without the answer tool of a review.
    server.on("read_file", calls([("read_file", json!({"path": "mean.py"}))]));
    server.always("report_findings", answer(division()));
    server.always("", failure(400, "", "not this"));
    let url = server.url();
    let check = |model: &str, vars: &[(&str, &str)], key: (&str, Option<&str>)| {
        let before = server.requests().len();
        let Some((code, report, stderr)) = review(model, vars) else { return };
        assert!(matches!(code, 0 | 1), "{code}\n{stderr}");
        has_it(&report);
        assert_eq!(report["model"], model.replace("openai-compatible", "openai"));
        assert!(report["usage"]["input_tokens"].as_u64() > Some(0));
        let requests = server.requests();
        assert!(requests.len() > before, "{model}");
        assert_eq!(requests[before].header(key.0), key.1, "{model}");
        for secret in ["sk-secret-1234567", "az-secret-1234567", "gm-secret-1234567"] {
            assert!(!stderr.contains(secret) && !report.to_string().contains(secret));
        }
    };
    let base = ("OPENAI_BASE_URL", url.as_str());
    let key = ("OPENAI_API_KEY", "sk-secret-1234567");
    check("openai:gpt-4.1", &[base, key], ("authorization", Some("Bearer sk-secret-1234567")));
    check("openai-compatible:qwen3", &[base], ("authorization", None));
    let endpoint = ("AZURE_OPENAI_ENDPOINT", server.root());
    let key = ("AZURE_OPENAI_API_KEY", "az-secret-1234567");
    check("azure:gpt-4.1", &[endpoint, key], ("api-key", Some("az-secret-1234567")));
    let token = ("AZURE_OPENAI_AD_TOKEN", "az-secret-1234567");
    let version = ("OPENAI_API_VERSION", "2024-10-21");
    let bearer = ("authorization", Some("Bearer az-secret-1234567"));
    check("azure:gpt-4.1", &[endpoint, token, version], bearer);
    let base = ("GEMINI_BASE_URL", url.as_str());
    let key = ("GOOGLE_API_KEY", "gm-secret-1234567");
    let bearer = ("authorization", Some("Bearer gm-secret-1234567"));
    check("gemini:gemini-3.8-flash", &[base, key], bearer);
    let host = server.root().trim_start_matches("http://");
    check("ollama:llama3:8b", &[("OLLAMA_HOST", host)], ("authorization", None));
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn a_model_without_tools_reviews_all_the_same() {
    let server = OpenAi::start();
    server.always("\"tools\"", failure(400, "", "tinyllama does not support tools"));
    server.always("", answer_in_text(division()));
    let vars = [("OLLAMA_HOST", server.root())];
    let Some((_, report, stderr)) = review("ollama:tinyllama", &vars) else { return };
    has_it(&report);
    assert_eq!(server.violations(), [""; 0], "{stderr}");
}

#[test]
fn a_model_that_cannot_be_asked_is_said_in_one_line() {
    let Some(scratch) = local_support::scratch() else { return };
    scratch.write("mean.py", BASE).commit("base");
    let check = |model: &str, vars: &[(&str, &str)], expect: &str| {
        let output = support::binary()
            .args(["review", "--model", model])
            .current_dir(scratch.path())
            .envs(vars.iter().copied())
            .output()
            .expect("the binary starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{model}: {stderr}");
        assert!(stderr.contains(expect), "{model}: {stderr}");
    };
    check("openai:gpt-5", &[], "OPENAI_API_KEY");
    let official = [("OPENAI_BASE_URL", "https://api.openai.com/v1")];
    check("openai:gpt-5", &official, "OPENAI_API_KEY");
    check("gemini:x", &[], "GEMINI_API_KEY");
    check("azure:x", &[], "AZURE_OPENAI_ENDPOINT");
    check(
        "azure:x",
        &[("AZURE_OPENAI_ENDPOINT", "https://x.openai.azure.com")],
        "AZURE_OPENAI_API_KEY",
    );
    check("mistral:x", &[], "not a provider");
}
