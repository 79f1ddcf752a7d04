//! `task: pipeline` in a workflow: what the rules say of the pipeline files that a
//! change touches, as comments, suggestions and a table, or as a commit; without a
//! change, of all of them, as a change request.

pub mod deliver;
pub mod finish;
pub mod gather;
pub mod look;
mod whole;

use anyhow::{Context as _, anyhow};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use self::finish::Ended;
use self::look::Looked;
use crate::context::{self, Context, Decision, Event, Request, Requested};
use crate::failure::Failure;
use crate::forge::Forge;
use crate::forge::local::Local;
use crate::inputs::{Gathered, Inputs};
use crate::policy::{self, ActPermit, Grounds, Token};
use crate::publish::View;
use crate::publish::apply::Outcome;
use crate::redact::{ForgeHost, Scrubber};
use crate::task::deliver::{self as shared, Committed};
use crate::task::pipeline::propose;
use crate::task::review::{self, collect, finish as reviewed};
use crate::task::talk;

/// How often a branch that moves is followed.
const ATTEMPTS: usize = 3;

/// What an event is about.
enum Asked {
    /// A change request.
    Change(Request),
    /// The checkout as it is.
    Whole,
}

/// Do what the event asks for. Gives the exit code.
///
/// # Errors
/// As the exit codes say.
pub fn run(gathered: &Gathered, first: &Inputs) -> Result<u8, Failure> {
    let context = context::read(&first.host).map_err(Failure::Inputs)?;
    let asked = match context::request_of(&context, first) {
        Decision::Talk(asked) => return talk::run(gathered, first, &context, &asked),
        Decision::Review(request) => match &request.change {
            Requested::PullRequest { .. } => Asked::Change(request),
            Requested::Range { .. } | Requested::Checkout => Asked::Whole,
        },
        // A schedule or a first push names no change to review; it has a checkout.
        Decision::Nothing { why } => match &context.event {
            Event::Push(push) if !push.deleted && push.git_ref.starts_with("refs/heads/") => {
                Asked::Whole
            }
            Event::WorkflowDispatch { .. } | Event::Other { .. } => Asked::Whole,
            _ => return reviewed::nothing(first, &why),
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    // Connections are begun between the steps, too.
    let _entered = runtime.enter();
    match asked {
        Asked::Change(request) => on_change(gathered, first, &context, &request, &runtime),
        Asked::Whole => whole::run(gathered, first, &context, &runtime),
    }
}

fn on_change(
    gathered: &Gathered,
    first: &Inputs,
    context: &Context,
    request: &Request,
    runtime: &Runtime,
) -> Result<u8, Failure> {
    let start = Instant::now();
    let client = review::client(first, start + first.timeout).map_err(Failure::Inputs)?;
    let github = review::github(first, context, &client).map_err(Failure::Inputs)?;
    let forge = github.as_ref().map(|github| github as &dyn Forge);
    let local = collect::repository(&context.workspace);
    for attempt in 1..=ATTEMPTS {
        let once =
            Once { gathered, first, context, request, forge, local: local.as_ref(), runtime };
        if let Some(code) = once.run(attempt == ATTEMPTS)? {
            return Ok(code);
        }
        tracing::info!(attempt, "the branch moved meanwhile");
    }
    Err(Failure::Platform(anyhow!("the change's branch kept moving; run again when it rests")))
}

/// One look at the change as it is now.
struct Once<'a> {
    gathered: &'a Gathered,
    first: &'a Inputs,
    context: &'a Context,
    request: &'a Request,
    forge: Option<&'a dyn Forge>,
    local: Option<&'a Local>,
    runtime: &'a Runtime,
}

impl Once<'_> {
    /// `None`: the branch moved before the commit, and nothing was written. The `last`
    /// time it is told without the commit.
    fn run(&self, last: bool) -> Result<Option<u8>, Failure> {
        let Once { gathered, first, context, request, forge, local, runtime } = *self;
        let read = review::collect(first, context, request, forge, local);
        let collected = runtime.block_on(read)?;
        let inputs = review::configured(gathered, &collected.base, &collected.base_files)?;
        let scrubber = Scrubber::new(&inputs.secrets);
        let root = local.and_then(Local::workdir).unwrap_or(&context.workspace);
        let touched = runtime.block_on(gather::gather(&inputs, forge, local, root, &collected));
        let gather::Touched { subjects, beside, notes } = touched;
        let ruling = policy::rule(&Grounds {
            input: inputs.autonomy,
            base: inputs.tables.max_autonomy,
            token: if forge.is_some() { Token::Writes } else { Token::Absent },
            asker: None,
            asker_needs: None,
        });
        let number = collected.target.as_ref().and_then(|target| target.number);
        // On our own commit a model is not asked again: it would never be at an end.
        let ask = match (forge, number, ruling.act()) {
            (Some(forge), Some(number), Some(_)) if !propose::is_offline(&inputs) => {
                let before = runtime.block_on(deliver::commits_before(forge, number));
                !before.contains(&collected.head)
            }
            _ => true,
        };
        // A model has a runtime of its own.
        let mut looked = look::look(&inputs, subjects, &beside, Some(&collected.change), ask)?;
        looked.report.base.clone_from(&collected.base);
        looked.report.head.clone_from(&collected.head);
        looked.report.notes.extend(notes);
        let host = match &collected.target {
            Some(target) => ForgeHost::new(&inputs.host.server_url, &target.repository),
            None => ForgeHost::nowhere(),
        };
        let mut done = String::new();
        if let (Some(forge), Some(number), Some(permit)) = (forge, number, ruling.act()) {
            let acted = self.act(forge, &permit, number, &collected, &mut looked, &host);
            match runtime.block_on(acted)? {
                Some(said) => done = said,
                None if last => {
                    done = "Nothing was committed: the branch kept moving.".to_owned();
                }
                None => return Ok(None),
            }
        }
        let table = deliver::table(&looked, &done, &scrubber, &host);
        let mut outcome = Outcome::default();
        let view = View {
            report: &looked.report,
            change: &collected.change,
            scrubber: &scrubber,
            host: &host,
            fail_on: inputs.fail_on,
            incomplete: looked.failure.is_some(),
        };
        let permit = ruling.propose();
        let mut tried = false;
        if let (Some(forge), Some(target), Some(permit), Some(number)) =
            (forge, &collected.target, &permit, number)
        {
            tried = true;
            let delivered = async {
                let posted =
                    deliver::remarks(forge, permit, &inputs, &collected, &looked, view, target);
                let mut outcome = posted.await;
                if inputs.publish.summary {
                    let table = deliver::marked(&table, &looked);
                    let any = looked.says_something() || !done.is_empty();
                    let out = &mut outcome;
                    deliver::comment(forge, permit, number, &table, any, out, &scrubber).await;
                }
                outcome
            };
            outcome = runtime.block_on(delivered);
        }
        let ended = Ended {
            inputs: &inputs,
            context,
            looked: &looked,
            view,
            table: &table,
            is_invisible: !tried || outcome.could_post_nothing,
            outcome: &outcome,
            number,
            from_fork: collected.from_fork,
            ruling,
        };
        finish::finish(&ended).map(Some)
    }

    /// Commit what is proven; gives what is said of it, `None` if the branch moved.
    async fn act(
        &self,
        forge: &dyn Forge,
        permit: &ActPermit,
        number: u64,
        collected: &collect::Collected,
        looked: &mut Looked,
        host: &ForgeHost,
    ) -> Result<Option<String>, Failure> {
        if looked.files.is_empty() {
            let before = deliver::commits_before(forge, number).await;
            let links: Vec<String> =
                before.iter().take(10).map(|sha| shared::link(sha, host)).collect();
            return Ok(Some(match links.is_empty() {
                true => String::new(),
                false => format!("Committed to this branch: {}.", links.join(", ")),
            }));
        }
        Ok(match deliver::commit(forge, permit, collected, number, looked).await? {
            Committed::Done(sha) => {
                let mended = std::mem::take(&mut looked.mended);
                looked.report.findings.retain(|finding| !mended.contains(&finding.id));
                Some(format!("Committed to this branch: {}.", shared::link(&sha, host)))
            }
            Committed::Moved => None,
            Committed::Withheld(why) => Some(why),
        })
    }
}
