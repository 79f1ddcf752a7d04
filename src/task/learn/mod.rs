//! Learn from what people put aside: a remark that is dismissed again and again
//! becomes a proposed line of the configuration.

mod edit;
mod gather;
mod group;
mod show;

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use sha2::{Digest as _, Sha256};

use self::group::Row;
use super::review;
use crate::context::{self, Context};
use crate::diff::RepoPath;
use crate::failure::Failure;
use crate::forge::github::{Access, GitHub};
use crate::forge::{Applied, Forge, ForgeError, Operation};
use crate::http;
use crate::inputs::{CONFIG_FILE, ConfigText, Format, Gathered, Inputs};
use crate::policy::{self, Grounds, ProposePermit, Token};
use crate::redact::Scrubber;

/// Most pull requests that are read.
const MOST_REQUESTS: usize = 100;
/// The branch of the proposal.
const BRANCH: &str = "pipewright/learn";
/// The proposal's title.
const TITLE: &str = "Stop reporting what was put aside again and again";

/// What was learned.
struct Learned {
    requests: usize,
    rows: Vec<Row>,
    /// The configuration as it is; empty where there is none.
    before: Option<String>,
    /// As it is proposed; `None` if nothing is.
    after: Option<String>,
    notes: Vec<String>,
}

/// Read, print, and where the run may, propose. Gives the exit code.
pub fn run(gathered: &Gathered, first: &Inputs, since: Option<&str>) -> Result<u8, Failure> {
    if let Some(day) = since
        && day.parse::<jiff::civil::Date>().is_err()
    {
        return Err(Failure::Inputs(anyhow!("`--since {day}` is not a day, as in 2026-01-31")));
    }
    let context = context::read(&first.host).map_err(Failure::Inputs)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    runtime.block_on(learn(gathered, first, &context, since))
}

async fn learn(
    gathered: &Gathered,
    first: &Inputs,
    context: &Context,
    since: Option<&str>,
) -> Result<u8, Failure> {
    let deadline = tokio::time::Instant::now() + first.timeout;
    let client = review::client(first, deadline).map_err(Failure::Inputs)?;
    let (forge, repository) = github(first, context, client).map_err(Failure::Inputs)?;
    let forge: &dyn Forge = &forge;
    let base = forge.default_branch().await;
    let base = base.context("cannot tell the default branch").map_err(Failure::Platform)?;
    let config = RepoPath::from(CONFIG_FILE);
    let (own, before, past) = futures_util::future::join3(
        forge.own_login(),
        forge.file(&base, &config),
        forge.past_requests(since, MOST_REQUESTS),
    )
    .await;
    let own = own.context("cannot tell our own account").map_err(Failure::Platform)?;
    let before = before
        .with_context(|| format!("cannot read {CONFIG_FILE} of {base}"))
        .map_err(Failure::Platform)?
        .map(String::from_utf8)
        .transpose()
        .with_context(|| format!("cannot read {CONFIG_FILE} of {base}"))
        .map_err(Failure::Inputs)?;
    let past = past.context("cannot read past pull requests").map_err(Failure::Platform)?;
    let text =
        before.clone().map(|text| ConfigText { text, origin: format!("{CONFIG_FILE} at {base}") });
    let inputs =
        gathered.resolve(text.as_ref()).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    let scrubber = Scrubber::new(&inputs.secrets);

    let remarks = gather::remarks(&own, &past, &scrubber);
    let rows = group::rows(&remarks, &inputs.tables);
    let proposals = group::proposals(&rows);
    let after = match proposals.is_empty() {
        true => None,
        false => {
            let text = edit::apply(before.as_deref().unwrap_or_default(), &proposals);
            Some(text.map_err(Failure::Inputs)?)
        }
    };
    let mut learned = Learned { requests: past.len(), rows, before, after, notes: Vec::new() };

    let grounds = Grounds {
        input: inputs.autonomy,
        base: inputs.tables.max_autonomy,
        token: Token::Writes,
        asker: None,
        asker_needs: None,
    };
    let ruling = policy::rule(&grounds);
    let mut failed = None;
    if let Some(after) = &learned.after {
        match ruling.propose() {
            Some(permit) => {
                let url = format!("{}/{repository}", inputs.host.server_url);
                let body = show::body(&learned, &scrubber, &url, &digest(&learned));
                match propose(forge, &permit, &base, after, body).await {
                    Ok(Some(number)) => learned.notes.push(format!("Proposed in #{number}.")),
                    Ok(None) => learned
                        .notes
                        .push("People closed this proposal before; it is not made again.".into()),
                    Err(why) => {
                        let words = scrubber.sanitize_line(&why.to_string());
                        learned.notes.push(format!(
                            "Could not propose it: {words}; the job needs `contents: write` and \
                             `pull-requests: write`, and the repository has to allow GitHub \
                             Actions to create pull requests."
                        ));
                        if !matches!(why, ForgeError::Denied(_) | ForgeError::Rejected(_)) {
                            failed = Some(anyhow::Error::new(why));
                        }
                    }
                }
            }
            None => {
                let limit = ruling.limited_by();
                learned.notes.push(format!("Nothing was proposed: {limit} allows no more."));
            }
        }
    }
    let text = match inputs.format {
        Format::Json => show::json(&learned, &scrubber).map_err(Failure::Inputs)?,
        Format::Diff => show::diff(&learned),
        _ => show::text(&learned, &scrubber),
    };
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = anstream::stdout().write_all(text.as_bytes());
    if inputs.format == Format::Diff {
        for note in &learned.notes {
            tracing::warn!("{note}");
        }
    }
    match failed {
        Some(why) => Err(Failure::Platform(why.context("cannot propose what was learned"))),
        None => Ok(0),
    }
}

/// The host, in a job or by hand: a token and `GITHUB_REPOSITORY` are enough.
fn github(
    inputs: &Inputs,
    context: &Context,
    client: http::Client,
) -> anyhow::Result<(GitHub, String)> {
    let token = inputs
        .github_token
        .as_ref()
        .context("cannot read past pull requests without a token: set `github_token`")?;
    let repository = context
        .repository
        .clone()
        .context("no repository is named: set `GITHUB_REPOSITORY` to `owner/name`")?;
    let access = Access {
        api_url: &inputs.host.api_url,
        graphql_url: Some(&inputs.host.graphql_url),
        token: token.expose(),
        repository: &repository,
    };
    Ok((GitHub::new(client, access)?, repository))
}

/// Open the change request, or bring it up to date; `None` if people said no before.
async fn propose(
    forge: &dyn Forge,
    _permit: &ProposePermit,
    base: &str,
    after: &str,
    body: String,
) -> Result<Option<u64>, ForgeError> {
    let operation = Operation::ProposeChange {
        branch: BRANCH.to_owned(),
        base: base.to_owned(),
        files: vec![(CONFIG_FILE.to_owned(), after.as_bytes().to_vec())],
        title: TITLE.to_owned(),
        body,
    };
    match forge.apply(None, &operation).await? {
        Applied::Done { id } => Ok(id),
        Applied::Partly { .. } | Applied::Committed { .. } | Applied::Moved => Ok(None),
    }
}

/// What is proposed, in short: another digest is another proposal.
fn digest(learned: &Learned) -> String {
    let mut hash = Sha256::new();
    for row in learned.rows.iter().filter(|row| row.proposal.is_some()) {
        hash.update(format!("{:?}\0", row.proposal));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
