//! What the person and the job read of a watch.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{SCHEMA, Watched, follow};
use crate::context::Context;
use crate::inputs::{Format, Inputs};
use crate::publish::watch as words;
use crate::publish::{annotations, files, outputs, terminal, verify as verdict};
use crate::redact::{ForgeHost, Scrubber, break_commands};
use crate::task::pipeline::show;
use crate::task::verify::tell as verify;

/// What people are shown.
pub fn view<'a>(host: &'a str, watched: &'a Watched, shadow: bool) -> words::Watched<'a> {
    words::Watched {
        host,
        execution: &watched.execution,
        gave_up: watched.end == follow::End::OutOfTime,
        troubles: &watched.troubles,
        judged: watched.judged.as_ref().map(|judged| verdict::Judged {
            spec: &judged.spec,
            decision: &judged.decision,
            shadow,
            notes: &judged.notes,
        }),
        acted: watched.acted.as_ref().map(|acted| acted.said.as_str()),
        notes: &watched.notes,
    }
}

/// `succeeded`, `failed`, `rolled-back`, `waiting` or `running`.
fn outcome(watched: &Watched) -> &'static str {
    let execution = &watched.execution;
    let waits = execution.status.waits_for_a_person();
    if super::basis::is_taken_back(execution) {
        "rolled-back"
    } else if execution.status.is_good() {
        "succeeded"
    } else if execution.status.is_bad() {
        "failed"
    } else if waits {
        "waiting"
    } else {
        "running"
    }
}

/// The result as JSON (`pipewright.watch/1`), secrets masked.
///
/// # Errors
/// It cannot be written.
fn as_json(host: &str, watched: &Watched, inputs: &Inputs, scrubber: &Scrubber) -> Result<String> {
    let shadow = inputs.deployment.shadow;
    let decision: Value = match &watched.judged {
        Some(judged) => serde_json::from_str(&verify::as_json(judged, shadow, scrubber)?)?,
        None => Value::Null,
    };
    let whole = json!({
        "schema": SCHEMA,
        "host": host,
        "execution": watched.execution,
        "outcome": outcome(watched),
        "ended": watched.execution.status.is_final(),
        "polls": watched.polls,
        "failures": watched.troubles,
        "decision": decision,
        "action": watched.acted,
        "notes": watched.notes,
    });
    show::json(&whole, scrubber)
}

/// Write the result where it was asked for, and the outputs.
///
/// # Errors
/// A file cannot be written.
pub fn tell(
    inputs: &Inputs,
    context: &Context,
    host: &str,
    watched: &Watched,
    exit: u8,
    scrubber: &Scrubber,
) -> Result<()> {
    let place = match &context.repository {
        Some(repository) => ForgeHost::new(&inputs.host.server_url, repository),
        None => ForgeHost::nowhere(),
    };
    let view = view(host, watched, inputs.deployment.shadow);
    let data = as_json(host, watched, inputs, scrubber)?;
    let markdown = words::markdown(&view, scrubber, &place);
    if let (Some(path), Some(judged)) = (&inputs.deployment.plot, &watched.judged) {
        let picture = verdict::plot::svg(&judged.spec, &judged.decision, scrubber);
        files::write_atomic(path, picture.as_bytes())
            .with_context(|| format!("cannot write the picture {}", path.display()))?;
    }
    for (path, text) in [(&inputs.findings_file, &data), (&inputs.summary_file, &markdown)] {
        if let Some(path) = path {
            files::write_atomic(path, text.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    if let Some(file) = &inputs.host.step_summary {
        files::append(file, &markdown).context("cannot write the step summary")?;
    }
    let mut values = vec![
        ("outcome", outcome(watched).to_owned()),
        ("execution", scrubber.sanitize_line(&watched.execution.id)),
    ];
    if let Some(judged) = &watched.judged {
        let decision = &judged.decision;
        values.push(("action", verify::action_word(decision.action).to_owned()));
        values.push(("rule", decision.rule.to_owned()));
        values.push(("reason", scrubber.sanitize_line(&decision.reason)));
        values.push(("confidence", format!("{:.3}", decision.confidence)));
        values.push(("clear_cut", decision.clear_cut.to_string()));
    }
    if let Some(file) = &inputs.host.output {
        files::append(file, &outputs::entries(&values)).context("cannot write the outputs")?;
    }
    if let Some(file) = &inputs.deployment.drone_output {
        files::append(file, &outputs::dotenv(&values)).context("cannot write DRONE_OUTPUT")?;
    }
    let annotation = annotation(&view, watched, exit, scrubber);
    let text = match inputs.format {
        Format::Json | Format::Sarif | Format::Diff => data,
        Format::Markdown => break_commands(&markdown).into_owned(),
        Format::Github => annotation.clone(),
        Format::Text => {
            let options = terminal::Options { color: inputs.color_stdout(), width: show::width() };
            words::terminal(&view, options, scrubber)
        }
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    if inputs.host.github_actions && inputs.format != Format::Github {
        let _ = std::io::stderr().write_all(annotation.as_bytes());
    }
    Ok(())
}

/// As GitHub's annotation; nothing where all is well.
fn annotation(
    view: &words::Watched<'_>,
    watched: &Watched,
    exit: u8,
    scrubber: &Scrubber,
) -> String {
    let mut text = words::headline(view);
    for trouble in watched.troubles.iter().take(3) {
        text += &format!(". {}: {} {}", trouble.step, trouble.what, trouble.advice);
    }
    if let Some(judged) = &watched.judged {
        text += &format!(". {}", judged.decision.reason);
    }
    if let Some(acted) = &watched.acted {
        text += &format!(" {}", acted.said);
    }
    let text = scrubber.sanitize_line(&text);
    match exit {
        0 => String::new(),
        20 => annotations::warning_command(&text) + "\n",
        _ => annotations::error_command(&text) + "\n",
    }
}
