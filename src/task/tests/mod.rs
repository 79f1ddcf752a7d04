//! `tests`: what a change adds or alters and no test guards, and tests for it, each of
//! them proven.

pub mod asked;
pub mod bench;
pub mod benchmark;
pub mod changed;
pub mod copies;
pub mod cover;
pub mod deliver;
pub mod gaps;
pub mod kills;
pub mod manifest;
pub mod mutate;
pub mod nearby;
pub mod probe;
pub mod project;
pub mod prompt;
pub mod proposal;
pub mod prove;
pub mod record;
pub mod report;
pub mod surroundings;
pub mod tell;
pub mod together;
pub mod write;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use tokio::time::Instant;

use self::copies::{Copies, Sides};
use self::deliver::{Delivered, Place};
use self::project::{Checked, Found};
use self::report::{Report, SCHEMA};
use self::tell::Ended;
use crate::checkout::Checkout;
use crate::context::{self, Context, Decision, Request};
use crate::diff::FileDiff;
use crate::failure::Failure;
use crate::finding::Finding;
use crate::forge::Forge;
use crate::forge::local::Local;
use crate::inputs::{Gathered, Inputs, ModelChoice, Task};
use crate::policy::{self, Grounds, Token};
use crate::redact::{ForgeHost, Scrubber};
use crate::sandbox;
use crate::task::progress::Progress;
use crate::task::review::collect::{self, Collected};
use crate::task::review::contents::Contents;
use crate::task::review::{self, finish};
use crate::task::talk;

/// Most files of a checkout that are looked at for projects and tests.
const MOST_FILES: usize = 100_000;

/// Look at the change that the event or the command line names. Gives the exit code.
///
/// # Errors
/// As the exit codes say.
pub fn run(gathered: &Gathered, first: &Inputs) -> Result<u8, Failure> {
    let context = context::read(&first.host).map_err(Failure::Inputs)?;
    let request = match context::request_of(&context, first) {
        Decision::Review(request) => request,
        Decision::Talk(asked) => return talk::run(gathered, first, &context, &asked),
        Decision::Nothing { why } => return finish::nothing(first, &why),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    runtime.block_on(look(gathered, first, &context, &request))
}

/// All that was found out.
pub struct Examined {
    /// What the JSON says.
    pub report: Report,
    /// The gaps as findings.
    pub findings: Vec<Finding>,
    /// Files with the accepted tests: path, text before, text after.
    pub files: Vec<(String, Option<Vec<u8>>, Vec<u8>)>,
    /// Why the model gave no answer.
    pub failure: Option<String>,
}

async fn look(
    gathered: &Gathered,
    first: &Inputs,
    context: &Context,
    request: &Request,
) -> Result<u8, Failure> {
    let start = Instant::now();
    let mut progress = Progress::new(first.host.stderr_terminal);
    let client = review::client(first, start + first.timeout).map_err(Failure::Inputs)?;
    let github = review::github(first, context, &client).map_err(Failure::Inputs)?;
    let forge = github.as_ref().map(|github| github as &dyn Forge);
    let local = collect::repository(&context.workspace);
    progress.stage("reading the change");
    let collected = review::collect(first, context, request, forge, local.as_ref()).await?;
    let inputs = review::configured(gathered, &collected.base, &collected.base_files)?;
    let scrubber = Scrubber::new(&inputs.secrets);
    let ruling = policy::rule(&Grounds {
        input: inputs.autonomy,
        base: inputs.tables.max_autonomy,
        token: if forge.is_some() { Token::Writes } else { Token::Absent },
        asker: None,
        asker_needs: None,
    });
    let number = collected.target.as_ref().and_then(|target| target.number);
    let request = match (forge, number) {
        (Some(forge), Some(number)) => {
            let read = forge.change_request(number).await;
            let read = read.with_context(|| format!("cannot read #{number}"));
            Some((forge, read.map_err(Failure::Platform)?))
        }
        _ => None,
    };
    let is_done = match &request {
        Some((forge, request)) => deliver::is_done(*forge, request, &ruling).await,
        None => None,
    };
    let mut examined = examine(&Subject {
        inputs: &inputs,
        context,
        local: local.as_ref(),
        collected: &collected,
        deadline: start + inputs.timeout,
        scrubber: &scrubber,
        progress: &progress,
        ask: is_done.is_none(),
    })
    .await?;
    let mut delivered = Delivered::default();
    match (&request, is_done) {
        // The comment with the proofs stands as it is.
        (Some(_), Some(why)) => examined.report.notes.push(why),
        (Some((forge, request)), None) => {
            progress.stage("handing the tests over");
            let target = collected.target.as_ref();
            let host = target.map_or_else(ForgeHost::nowhere, |target| {
                ForgeHost::new(&inputs.host.server_url, &target.repository)
            });
            let place = Place {
                forge: *forge,
                request,
                ruling,
                inputs: &inputs,
                collected: &collected,
                scrubber: &scrubber,
                host: &host,
            };
            // What was proven is told, even if the host does not answer any more.
            delivered = match deliver::hand_over(&place, &examined).await {
                Ok(delivered) => delivered,
                Err(failure) => Delivered::failed(&failure, &scrubber),
            };
            examined.report.notes.extend(delivered.withheld.clone());
            deliver::comment(&place, &examined, &mut delivered).await;
        }
        (None, _) => {}
    }
    progress.finish();
    tell::tell(&Ended {
        inputs: &inputs,
        context,
        collected: &collected,
        examined: &examined,
        delivered: &delivered,
        ruling,
        scrubber: &scrubber,
    })
}

/// What is looked at.
pub struct Subject<'a> {
    /// What the program was told, the base's configuration included.
    pub inputs: &'a Inputs,
    /// Which job.
    pub context: &'a Context,
    /// The checkout's repository.
    pub local: Option<&'a Local>,
    /// The change.
    pub collected: &'a Collected,
    /// When everything has to be over.
    pub deadline: Instant,
    /// Knows this run's secrets.
    pub scrubber: &'a Scrubber,
    /// What a person sees meanwhile.
    pub progress: &'a Progress,
    /// Whether a model may be asked, if there is one.
    pub ask: bool,
}

impl Subject<'_> {
    /// Whether no model is asked.
    pub fn is_offline(&self) -> bool {
        !self.ask || self.inputs.models_of(Task::Tests).heavy.choice == ModelChoice::Offline
    }
}

/// Find the gap, ask for tests and prove them.
///
/// # Errors
/// The suite does not run, or a copy cannot be made.
pub async fn examine(subject: &Subject<'_>) -> Result<Examined, Failure> {
    let Subject { inputs, local, collected, .. } = *subject;
    let root = local.and_then(Local::workdir).unwrap_or(&subject.context.workspace);
    let checkout = Checkout::new(root).map_err(Failure::Inputs)?;
    let contents = Contents::new(Some(&checkout), local, collected.head_commit.as_deref());
    let head = |file: &FileDiff| -> Option<Bytes> { contents.head(file) };
    let base = |file: &FileDiff| -> Option<Bytes> { contents.base(file) };
    let mut report = Report {
        schema: SCHEMA,
        model: "offline".to_owned(),
        base: collected.base.clone(),
        head: collected.head.clone(),
        kind: inputs.testing.kind.as_str(),
        notes: collected.notes.clone(),
        ..Report::default()
    };
    let changed = changed::changed(&collected.change, &inputs.include, &inputs.ignore, &head);
    report.untestable = changed.untestable;
    let done = |report: Report| {
        Ok(Examined { report, findings: Vec::new(), files: Vec::new(), failure: None })
    };
    if changed.files.is_empty() {
        report.notes.push("The change alters no function that a test could guard.".to_owned());
        return done(report);
    }
    let listing = checkout.list("", None, MOST_FILES);
    let listing =
        listing.map_err(|why| Failure::Inputs(anyhow!("cannot list the checkout: {why}")))?;
    let found = Found::look(inputs, &checkout, listing.files, &changed.files);
    for path in &found.homeless {
        let reason = "no project with tests was found around it: name a `command`".to_owned();
        report.untestable.push(report::Untestable { path: path.clone(), reason });
    }
    if found.groups.is_empty() {
        return Err(Failure::Inputs(anyhow!(
            "no project with tests was found: say how the suite is run, as in `--command \"make \
             test\"`"
        )));
    }
    let walls = sandbox::walls(&sandbox::Options::default()).await.map_err(Failure::Inputs)?;
    report.notes.extend(walls.notes.iter().cloned());
    subject.progress.stage("copying the checkout");
    let sides = Sides { head: &head, base: &base };
    let scratch = tempfile::Builder::new()
        .prefix("pipewright-tests-")
        .tempdir_in(&inputs.testing.temp)
        .with_context(|| format!("cannot make a folder in {}", inputs.testing.temp.display()))
        .map_err(Failure::Inputs)?;
    let made = Copies::make(checkout.root(), scratch.path(), &walls, &collected.change, &sides);
    let mut copies = made.map_err(Failure::Inputs)?;
    report.notes.extend(copies.notes().iter().cloned());
    let mut examined = Examined { report, findings: Vec::new(), files: Vec::new(), failure: None };
    for group in &found.groups {
        let checked = Checked {
            subject,
            checkout: &checkout,
            found: &found,
            scratch: scratch.path(),
            walls: &walls,
        };
        project::project(&checked, group, &mut copies, &mut examined).await?;
    }
    let text = |path: &str| {
        let text = copies.text(bench::Side::Head, path)?;
        Some(String::from_utf8_lossy(&text).into_owned())
    };
    examined.findings = gaps::findings(&examined.report.gap, &text);
    let mut diff = String::new();
    for (path, before, after) in &examined.files {
        let one = crate::diff::between::between(path, before.as_deref(), Some(after));
        diff += &one.map_err(Failure::Inputs)?;
    }
    examined.report.diff = diff;
    Ok(examined)
}
