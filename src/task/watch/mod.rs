//! `watch`: follow a deployment, say what failed and why, decide, and act.

mod act;
mod alerts;
mod approval;
mod basis;
mod follow;
mod hosts;
mod post;
mod record;
mod tell;

use anyhow::{Context as _, anyhow};
use tokio::time::Instant;

use self::act::Acted;
use self::follow::Followed;
use crate::context::{self, Context, Event};
use crate::decide::Action;
use crate::deploy::trouble::{self, Trouble};
use crate::deploy::{Deployer, Execution};
use crate::failure::Failure;
use crate::forge::Forge;
use crate::forge::github::GitHub;
use crate::http::Client;
use crate::inputs::{Gathered, Inputs, Watch};
use crate::policy::{self, Grounds, Ruling, Token};
use crate::redact::Scrubber;
use crate::task::progress::Progress;
use crate::task::review;
use crate::task::verify::{self, Judged, Question};

/// Name and version of the JSON.
pub const SCHEMA: &str = "pipewright.watch/1";

/// Follow a deployment. Gives the exit code: 0 it is well, 1 it failed, 10 roll back,
/// 20 a person has to look.
///
/// # Errors
/// The inputs or the spec are wrong, or the platform could not be reached.
pub fn run(gathered: &Gathered, first: &Inputs, asked: &Watch) -> Result<u8, Failure> {
    let context = context::read(&first.host).map_err(Failure::Inputs)?;
    let config = crate::task::config::config_at_base(first);
    let inputs =
        gathered.resolve(config.as_ref()).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    runtime.block_on(watched(&inputs, &context, asked))
}

/// What a run has at hand.
struct Room<'a> {
    inputs: &'a Inputs,
    context: &'a Context,
    client: &'a Client,
    scrubber: &'a Scrubber,
    progress: &'a Progress,
    /// When following ends; waiting for an approval has a time of its own.
    deadline: Instant,
    deployer: &'a dyn Deployer,
    /// The spec with the folder that it stands in.
    case: Option<&'a basis::Case>,
    forge: Option<&'a dyn Forge>,
    /// The change request to write to.
    number: Option<u64>,
    /// What may be done to the deployment, and who may be told.
    ruling: Ruling,
    record: &'a crate::audit::Record,
}

impl Room<'_> {
    /// What a decision needs beside its spec.
    fn question<'q>(&'q self, case: &'q basis::Case) -> Question<'q> {
        Question {
            inputs: self.inputs,
            client: self.client,
            folder: &case.folder,
            scrubber: self.scrubber,
            progress: self.progress,
            deadline: self.deadline,
            is_change: is_change(self.context),
        }
    }

    /// Whether this very run is a step of the execution, which then cannot end before it.
    fn is_own(&self, execution: &Execution) -> bool {
        self.inputs.servers.harness.execution.as_deref() == Some(&execution.id)
    }

    fn note(&self, kind: &str, details: serde_json::Value) {
        self.record.add(jiff::Timestamp::now(), kind, details);
    }
}

fn is_change(context: &Context) -> bool {
    matches!(
        context.event,
        Event::PullRequest(_) | Event::PullRequestTarget(_) | Event::MergeGroup { .. }
    )
}

/// What a run came to.
struct Watched {
    execution: Execution,
    end: follow::End,
    polls: u32,
    troubles: Vec<Trouble>,
    judged: Option<Judged>,
    acted: Option<Acted>,
    notes: Vec<String>,
}

impl Watched {
    /// The exit code. A platform's trouble never means: roll back.
    fn exit(&self, shadow: bool) -> u8 {
        let failed = self.execution.status.is_bad();
        match &self.judged {
            Some(_) if shadow => u8::from(failed),
            Some(judged) => match (judged.decision.action, &self.acted) {
                // A person has said no to it.
                (Action::Rollback, Some(acted)) if acted.state == act::State::Rejected => 20,
                (Action::Proceed, _) if failed => 1,
                (Action::Proceed, _) if self.end == follow::End::OutOfTime => 20,
                (action, _) => verify::tell::exit(action),
            },
            None if failed => 1,
            None if self.end == follow::End::OutOfTime => 20,
            None => 0,
        }
    }
}

async fn watched(inputs: &Inputs, context: &Context, asked: &Watch) -> Result<u8, Failure> {
    let deadline = Instant::now() + inputs.timeout;
    let mut progress = Progress::new(inputs.host.stderr_terminal);
    let scrubber = Scrubber::new(&inputs.secrets);
    let case = match &inputs.deployment.spec {
        Some(path) => Some(basis::load(inputs, context, path).map_err(Failure::Inputs)?),
        None => None,
    };
    let last = deadline + inputs.deployment.approval_wait;
    let client = review::client(inputs, last).map_err(Failure::Inputs)?;
    let deployer = hosts::of(inputs, context, asked, &client, last).map_err(Failure::Inputs)?;
    let github: Option<GitHub> =
        review::github(inputs, context, &client).map_err(Failure::Inputs)?;
    let channels = alerts::channels(inputs).map_err(Failure::Inputs)?;
    let ruling = policy::rule(&Grounds {
        input: inputs.autonomy,
        base: inputs.tables.max_autonomy,
        token: Token::Writes,
        asker: None,
        asker_needs: None,
    });
    let record = record::begin(inputs, context, deployer.host(), asked, &scrubber);
    let room = Room {
        inputs,
        context,
        client: &client,
        scrubber: &scrubber,
        progress: &progress,
        deadline,
        deployer: deployer.as_ref(),
        case: case.as_ref(),
        forge: github.as_ref().map(|github| github as &dyn Forge),
        number: number(inputs, context),
        ruling,
        record: &record,
    };
    let mut watched = seen(&room).await?;
    let exit = watched.exit(inputs.deployment.shadow);
    post::post(&room, &mut watched).await;
    alerts::send(&room, &channels, &mut watched).await;
    record::end(&record, &watched, exit);
    progress.finish();
    tell::tell(inputs, context, deployer.host(), &watched, exit, &scrubber)
        .map_err(Failure::Inputs)?;
    Ok(exit)
}

/// Follow, look into what failed, decide and act.
async fn seen(room: &Room<'_>) -> Result<Watched, Failure> {
    let Followed { execution, end, polls } = follow::follow(room).await?;
    let mut watched = Watched {
        execution,
        end,
        polls,
        troubles: Vec::new(),
        judged: None,
        acted: None,
        notes: room.case.map(|case| case.notes.clone()).unwrap_or_default(),
    };
    room.progress.stage("looking into what failed");
    watched.troubles = trouble::find(room.deployer, &watched.execution).await;
    if let Some(case) = room.case {
        let judged = basis::judged(room, case, &watched.execution).await?;
        record::decision(room, &judged);
        watched.judged = Some(judged);
        act::act(room, &mut watched).await;
    }
    Ok(watched)
}

/// The change request that the run belongs to.
fn number(inputs: &Inputs, context: &Context) -> Option<u64> {
    match &context.event {
        Event::PullRequest(pull) | Event::PullRequestTarget(pull) => Some(pull.number),
        Event::Comment(comment) if comment.on_pull_request => Some(comment.number),
        Event::WorkflowDispatch { number, .. } => inputs.number.or(*number),
        _ => inputs.number,
    }
}
