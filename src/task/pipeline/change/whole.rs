//! Without a change request: all pipeline files of the checkout, and a change request
//! with what is proven.

use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::deliver;
use super::finish::{self, Ended};
use super::look;
use crate::context::{Context, Event};
use crate::diff::RepoPath;
use crate::failure::Failure;
use crate::forge::Forge;
use crate::inputs::{CONFIG_FILE, ConfigText, Gathered, Inputs};
use crate::policy::{self, Grounds, Token};
use crate::publish::View;
use crate::publish::apply::Outcome;
use crate::redact::{ForgeHost, Scrubber};
use crate::task::deliver::Proposed;
use crate::task::pipeline::{check, collect};
use crate::task::review;

/// Look at the checkout. Gives the exit code.
///
/// # Errors
/// As the exit codes say.
pub fn run(
    gathered: &Gathered,
    first: &Inputs,
    context: &Context,
    runtime: &Runtime,
) -> Result<u8, Failure> {
    let start = Instant::now();
    let client = review::client(first, start + first.timeout).map_err(Failure::Inputs)?;
    let github = review::github(first, context, &client).map_err(Failure::Inputs)?;
    let forge = github.as_ref().map(|github| github as &dyn Forge);
    let default = forge.and_then(|forge| match runtime.block_on(forge.default_branch()) {
        Ok(branch) => Some(branch),
        Err(error) => {
            tracing::warn!(%error, "the default branch is unknown");
            None
        }
    });
    let config = match (forge, &default) {
        (Some(forge), Some(default)) => runtime.block_on(config_at(forge, default))?,
        _ => crate::task::config::config_at_base(first),
    };
    let inputs = gathered
        .resolve(config.as_ref())
        .map_err(|errors| Failure::Inputs(anyhow::anyhow!("{errors}")))?;
    let scrubber = Scrubber::new(&inputs.secrets);
    let (subjects, workspace) = collect::subjects(&inputs, &[]).map_err(Failure::Inputs)?;
    let change = check::as_change(&subjects);
    let mut looked = look::look(&inputs, subjects, &workspace, None, true)?;
    if let Some(sha) = &inputs.host.sha {
        looked.report.head.clone_from(sha);
    }
    let host = match &context.repository {
        Some(repository) => ForgeHost::new(&inputs.host.server_url, repository),
        None => ForgeHost::nowhere(),
    };
    let ruling = policy::rule(&Grounds {
        input: inputs.autonomy,
        base: inputs.tables.max_autonomy,
        token: if forge.is_some() { Token::Writes } else { Token::Absent },
        asker: None,
        asker_needs: None,
    });
    let onto = branch(context, &inputs, default.as_deref());
    let mut outcome = Outcome::default();
    let mut done = String::new();
    if let (Some(forge), Some(onto), false) = (forge, &onto, looked.files.is_empty()) {
        match ruling.propose() {
            Some(permit) => {
                let is_default = default.as_ref() == Some(onto);
                let shown = (&scrubber, &host);
                let proposing = deliver::propose(forge, &permit, onto, is_default, &looked, shown);
                match runtime.block_on(proposing)? {
                    Proposed::Open(number) => {
                        outcome.posted.push(format!("change request #{number}"));
                        done = format!("The changes stand in #{number}.");
                    }
                    Proposed::Withheld(why) => looked.report.notes.push(why),
                }
            }
            None => {
                let limit = ruling.limited_by();
                let note = format!("Nothing was proposed: {limit} allows no more.");
                looked.report.notes.push(note);
            }
        }
    }
    let table = deliver::table(&looked, &done, &scrubber, &host);
    let view = View {
        report: &looked.report,
        change: &change,
        scrubber: &scrubber,
        host: &host,
        fail_on: inputs.fail_on,
        incomplete: looked.failure.is_some(),
    };
    finish::finish(&Ended {
        inputs: &inputs,
        context,
        looked: &looked,
        view,
        table: &table,
        outcome: &outcome,
        number: None,
        from_fork: false,
        is_invisible: true,
        ruling,
    })
}

/// The branch that a proposal would go onto: the one that was checked out, if it is one
/// of people's.
fn branch(context: &Context, inputs: &Inputs, default: Option<&str>) -> Option<String> {
    let reference = match &context.event {
        Event::Push(push) => Some(push.git_ref.as_str()),
        Event::WorkflowDispatch { .. } | Event::Other { .. } => inputs.host.git_ref.as_deref(),
        // A merge queue's branch is nobody's, and by hand nothing is proposed.
        _ => return None,
    };
    let named = match reference {
        Some(reference) => reference.strip_prefix("refs/heads/")?,
        None => default?,
    };
    (!deliver::is_ours(named) && !named.is_empty()).then(|| named.to_owned())
}

/// The configuration on the default branch.
async fn config_at(forge: &dyn Forge, branch: &str) -> Result<Option<ConfigText>, Failure> {
    use anyhow::Context as _;
    let read = forge.file(branch, &RepoPath::from(CONFIG_FILE)).await;
    let text = read
        .with_context(|| format!("cannot read {CONFIG_FILE} of {branch}"))
        .map_err(Failure::Platform)?
        .map(String::from_utf8)
        .transpose()
        .with_context(|| format!("cannot read {CONFIG_FILE} of {branch}"))
        .map_err(Failure::Inputs)?;
    Ok(text.map(|text| ConfigText { text, origin: format!("{CONFIG_FILE} at {branch}") }))
}
