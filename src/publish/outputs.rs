//! The step's outputs, in the form of a `GITHUB_OUTPUT` file.
//!
//! Format: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>,
//! "Multiline strings".

use crate::forge::Conclusion;

/// What later steps may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Outputs {
    /// How the check ends.
    pub conclusion: Conclusion,
    /// Findings published.
    pub findings_count: usize,
    /// The JSON report, where one was written.
    pub findings_file: Option<String>,
    /// The SARIF file, where one was written.
    pub sarif_file: Option<String>,
    /// The summary as Markdown, where it was written.
    pub summary_file: Option<String>,
    /// What the model cost, in US dollars.
    pub cost_usd: f64,
}

/// The text to append. Every output is there, empty where there is no value.
pub fn render(outputs: &Outputs) -> String {
    let file = |path: &Option<String>| path.clone().unwrap_or_default();
    let values = [
        ("conclusion", outputs.conclusion.as_str().to_owned()),
        ("findings_count", outputs.findings_count.to_string()),
        ("findings_file", file(&outputs.findings_file)),
        ("sarif_file", file(&outputs.sarif_file)),
        ("summary_file", file(&outputs.summary_file)),
        ("cost_usd", format!("{:.4}", outputs.cost_usd)),
    ];
    entries(&values)
}

/// Outputs of any names. Names are ours.
pub fn entries(values: &[(&str, String)]) -> String {
    values.iter().map(|(name, value)| entry(name, value)).collect()
}

/// Outputs as `NAME=value` lines, as Drone's and Harness' `DRONE_OUTPUT` takes them: a
/// value is one line.
/// <https://developer.harness.io/docs/continuous-integration/use-ci/run-step-settings/>
pub fn dotenv(values: &[(&str, String)]) -> String {
    let line = |text: &str| text.replace(['\r', '\n'], " ");
    values.iter().map(|(name, value)| format!("{name}={}\n", line(value))).collect()
}

/// `name<<end`, the value, `end`, where no line of the value is `end`.
fn entry(name: &str, value: &str) -> String {
    let end = (0..)
        .map(|number| format!("end_of_{name}_{number}"))
        .find(|end| !value.contains(end.as_str()))
        .unwrap_or_default();
    format!("{name}<<{end}\n{value}\n{end}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_own_entry() {
        let value = "a\nend_of_x_0\ny<<z";
        assert_eq!(entry("x", value), format!("x<<end_of_x_1\n{value}\nend_of_x_1\n"));
    }

    #[test]
    fn every_output_is_written() {
        let outputs = Outputs {
            conclusion: Conclusion::Failure,
            findings_count: 3,
            findings_file: Some("/tmp/findings.json".into()),
            sarif_file: None,
            summary_file: None,
            cost_usd: 0.01234,
        };
        insta::assert_snapshot!(render(&outputs), @r"
        conclusion<<end_of_conclusion_0
        failure
        end_of_conclusion_0
        findings_count<<end_of_findings_count_0
        3
        end_of_findings_count_0
        findings_file<<end_of_findings_file_0
        /tmp/findings.json
        end_of_findings_file_0
        sarif_file<<end_of_sarif_file_0

        end_of_sarif_file_0
        summary_file<<end_of_summary_file_0

        end_of_summary_file_0
        cost_usd<<end_of_cost_usd_0
        0.0123
        end_of_cost_usd_0
        ");
    }
}
