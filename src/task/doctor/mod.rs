//! `doctor`: what a run needs before it is needed. At Harness: what the key is really
//! allowed, beside what the autonomy takes.

mod rights;

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use tokio::time::Instant;

use self::rights::Right;
use crate::deploy::harness::{Harness, Subject};
use crate::failure::Failure;
use crate::inputs::{Autonomy, Format, Gathered, Inputs};
use crate::redact::{Scrubber, break_commands};
use crate::task::config::config_at_base;
use crate::task::pipeline::show;
use crate::task::review;

/// Name and version of the JSON.
pub const SCHEMA: &str = "pipewright.doctor/1";

/// All of it, in the shape of `pipewright.doctor/1`.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    platform: &'static str,
    autonomy: &'static str,
    account: String,
    organization: String,
    project: String,
    /// Whether nothing that is needed is missing.
    ok: bool,
    rights: Vec<Right>,
    /// What cannot be asked for and has to be looked at, a sentence each.
    notes: Vec<&'static str>,
}

/// Compare what the key may with what the autonomy needs. Gives the exit code: 0, or 1
/// where something is missing.
///
/// # Errors
/// The inputs are wrong, or Harness cannot be asked.
pub fn run(gathered: &Gathered, first: &Inputs, harness: bool) -> Result<u8, Failure> {
    let config = config_at_base(first);
    let inputs =
        gathered.resolve(config.as_ref()).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    // Without being told, whatever has a key.
    if !harness && inputs.servers.harness.key.is_none() {
        return Err(Failure::Inputs(anyhow!(
            "there is nothing to check: write `pipewright doctor --harness`, with HARNESS_API_KEY"
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    let report = runtime.block_on(examine(&inputs))?;
    print(&inputs, &report).map_err(Failure::Inputs)?;
    Ok(u8::from(!report.ok))
}

async fn examine(inputs: &Inputs) -> Result<Report, Failure> {
    let deadline = Instant::now() + inputs.timeout;
    let client = review::client(inputs, deadline).map_err(Failure::Inputs)?;
    let server = &inputs.servers.harness;
    let harness = Harness::of(server, &client, Subject::default()).map_err(Failure::Inputs)?;
    let held = harness.rights(&rights::wanted()).await.map_err(Failure::Platform)?;
    let rights = rights::compare(&held, inputs.autonomy);
    let mut notes = Vec::new();
    if inputs.autonomy >= Autonomy::Act {
        notes.push(
            "Taking back a running stage also takes the account's setting `Allow users to mark a \
             running Step as failure`, which the key cannot look up.",
        );
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    Ok(Report {
        schema: SCHEMA,
        platform: "harness",
        autonomy: inputs.autonomy.as_str(),
        account: text(&server.account),
        organization: text(&server.organization),
        project: text(&server.project),
        ok: !rights.iter().any(Right::is_missing),
        rights,
        notes,
    })
}

fn print(inputs: &Inputs, report: &Report) -> anyhow::Result<()> {
    let scrubber = Scrubber::new(&inputs.secrets);
    let text = match inputs.format {
        Format::Json | Format::Sarif | Format::Diff => show::json(report, &scrubber)?,
        Format::Text | Format::Markdown | Format::Github => {
            break_commands(&scrubber.sanitize_plain(&words(report))).into_owned()
        }
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(())
}

/// For a person.
fn words(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Harness, {}/{}/{}, with autonomy `{}`:",
        report.account, report.organization, report.project, report.autonomy
    );
    let mut list = |title: &str, pick: fn(&Right) -> bool| {
        let picked: Vec<&Right> = report.rights.iter().filter(|right| pick(right)).collect();
        if picked.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n{title}");
        for right in picked {
            let _ = writeln!(out, "  {} (`{}`): {}", right.name, right.permission, right.why);
        }
    };
    list("Missing: give the key's role", Right::is_missing);
    list("More than is needed: take from the key's role", Right::is_excess);
    list("As it should be:", |right| right.held && right.needed);
    for note in &report.notes {
        let _ = writeln!(out, "\n{note}");
    }
    let is_exact = report.ok && !report.rights.iter().any(Right::is_excess);
    if is_exact {
        let _ =
            writeln!(out, "\nThe key may what it needs to and nothing else that was looked for.");
    }
    out
}
