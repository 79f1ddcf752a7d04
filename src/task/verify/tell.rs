//! What the person and the job read of a decision, and the exit code.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Judged, SCHEMA, record};
use crate::context::Context;
use crate::decide::Action;
use crate::failure::Failure;
use crate::inputs::{Format, Inputs};
use crate::publish::{annotations, files, outputs, terminal, verify as words};
use crate::redact::{ForgeHost, Scrubber, break_commands};
use crate::task::pipeline::show;

/// The exit code of an action.
pub fn exit(action: Action) -> u8 {
    match action {
        Action::Proceed => 0,
        Action::Rollback => 10,
        Action::Investigate => 20,
    }
}

/// Write the result where it was asked for, the outputs and the record. Gives the exit
/// code.
///
/// # Errors
/// A file cannot be written.
pub fn tell(
    inputs: &Inputs,
    context: &Context,
    judged: &Judged,
    scrubber: &Scrubber,
) -> Result<u8, Failure> {
    let code = if inputs.deployment.shadow { 0 } else { exit(judged.decision.action) };
    written(inputs, context, judged, scrubber).map_err(Failure::Inputs)?;
    match record::write(inputs, context, judged, code, scrubber) {
        Ok(Some(hash)) => tracing::info!("the record ends with {hash}"),
        Ok(None) => {}
        Err(why) => tracing::warn!("no record of this run: {why:#}"),
    }
    Ok(code)
}

/// The result as JSON (`pipewright.verify/1`), secrets masked.
///
/// # Errors
/// It cannot be written.
pub fn as_json(judged: &Judged, shadow: bool, scrubber: &Scrubber) -> Result<String> {
    let mut whole = serde_json::Map::new();
    whole.insert("schema".into(), SCHEMA.into());
    whole.insert("service".into(), judged.spec.service.clone().into());
    whole.insert("version".into(), judged.spec.deployment.version.clone().into());
    whole.insert("shadow".into(), shadow.into());
    if let Value::Object(decision) = serde_json::to_value(&judged.decision)? {
        whole.extend(decision);
    }
    whole.insert("asked".into(), judged.model.clone().into());
    whole.insert("usage".into(), serde_json::to_value(judged.usage)?);
    whole.insert("notes".into(), judged.notes.clone().into());
    show::json(&whole, scrubber)
}

fn written(inputs: &Inputs, context: &Context, judged: &Judged, scrubber: &Scrubber) -> Result<()> {
    let host = match &context.repository {
        Some(repository) => ForgeHost::new(&inputs.host.server_url, repository),
        None => ForgeHost::nowhere(),
    };
    let shadow = inputs.deployment.shadow;
    let (spec, decision) = (&judged.spec, &judged.decision);
    let view = words::Judged { spec, decision, shadow, notes: &judged.notes };
    let data = as_json(judged, shadow, scrubber)?;
    let markdown = words::markdown(&view, scrubber, &host);
    if let Some(path) = &inputs.deployment.plot {
        let picture = words::plot::svg(spec, decision, scrubber);
        files::write_atomic(path, picture.as_bytes())
            .with_context(|| format!("cannot write the picture {}", path.display()))?;
    }
    let named = [(&inputs.findings_file, &data), (&inputs.summary_file, &markdown)];
    for (path, text) in named {
        if let Some(path) = path {
            files::write_atomic(path, text.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &markdown).context("cannot write the step summary")?;
    }
    let values = [
        ("action", action_word(decision.action).to_owned()),
        ("rule", decision.rule.to_owned()),
        ("reason", scrubber.sanitize_line(&decision.reason)),
        ("confidence", format!("{:.3}", decision.confidence)),
        ("clear_cut", decision.clear_cut.to_string()),
    ];
    if let Some(file) = &inputs.host.output {
        files::append(file, &outputs::entries(&values)).context("cannot write the outputs")?;
    }
    if let Some(file) = &inputs.deployment.drone_output {
        files::append(file, &outputs::dotenv(&values)).context("cannot write DRONE_OUTPUT")?;
    }
    let text = match inputs.format {
        // The last two were refused before anything was asked.
        Format::Json | Format::Sarif | Format::Diff => data,
        Format::Markdown => break_commands(&markdown).into_owned(),
        Format::Github => annotation(judged, scrubber),
        Format::Text => {
            let options = terminal::Options { color: inputs.color_stdout(), width: show::width() };
            words::terminal(&view, options, scrubber)
        }
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    if inputs.host.github_actions && inputs.format != Format::Github {
        let _ = std::io::stderr().write_all(annotation(judged, scrubber).as_bytes());
    }
    Ok(())
}

/// The action as in the JSON.
pub fn action_word(action: Action) -> &'static str {
    match action {
        Action::Proceed => "proceed",
        Action::Investigate => "investigate",
        Action::Rollback => "rollback",
    }
}

/// As GitHub's annotation; nothing for `proceed`.
fn annotation(judged: &Judged, scrubber: &Scrubber) -> String {
    let text = format!(
        "{}: {}. {}",
        words::subject(&judged.spec),
        words::action(judged.decision.action),
        judged.decision.reason
    );
    let text = scrubber.sanitize_line(&text);
    match judged.decision.action {
        Action::Proceed => String::new(),
        Action::Investigate => annotations::warning_command(&text) + "\n",
        Action::Rollback => annotations::error_command(&text) + "\n",
    }
}
