//! `pipewright config`: every input's value and where it came from.

use serde::Serialize;

use super::{Format, Inputs};

/// An input, its value and its source. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The input.
    pub name: &'static str,
    /// Its value as text; lists by commas. `None` if it has none.
    pub value: Option<String>,
    /// A flag, a variable, a file and its line, or `default`.
    pub source: String,
}

/// The text of `pipewright config`: JSON for [`Format::Json`], else a table.
/// Ends with a line feed.
pub fn show(inputs: &Inputs) -> String {
    if inputs.format == Format::Json {
        let value = serde_json::json!({
            "schema": "pipewright.config/1",
            "inputs": inputs.settings,
            "warnings": inputs.warnings,
        });
        return format!("{value:#}\n");
    }
    // Long values would push the sources out of sight.
    let shown = |setting: &Setting| match &setting.value {
        Some(value) => super::values::brief(value),
        None => "-".to_owned(),
    };
    let width = |of: &dyn Fn(&Setting) -> usize| inputs.settings.iter().map(of).max().unwrap_or(0);
    let names = width(&|setting| setting.name.len());
    let values = width(&|setting| shown(setting).chars().count());
    let mut text = String::new();
    for setting in &inputs.settings {
        let value = shown(setting);
        text.push_str(&format!("{:names$}  {value:values$}  {}\n", setting.name, setting.source));
    }
    text
}
