//! One change of a sweep: the ordinary review, and a row of what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use super::list::Change;
use super::{Counts, Row, Shared, Status};
use crate::context::{Context, Event, Host, Request, Requested};
use crate::failure::Failure;
use crate::finding::{Finding, Severity};
use crate::forge::Forge;
use crate::inputs::ModelChoice;
use crate::model::Model;
use crate::policy::{self, Grounds};
use crate::redact::Scrubber;
use crate::report::Usage;
use crate::task::models::Models;
use crate::task::review::collect::{self, Asked};
use crate::task::review::{self, Run, examine, finish};

/// Review a change. What goes wrong is in the row: the others go on.
pub(super) async fn review(shared: &Shared<'_>, change: Change) -> Row {
    let scrubber = Scrubber::new(&shared.first.secrets);
    let mut row = Row {
        repository: change.repository.clone(),
        number: change.listed.number,
        title: scrubber.sanitize_line(&change.listed.title),
        head: change.listed.head.clone(),
        status: Status::Skipped,
        reason: None,
        counts: Counts::default(),
        worst: None,
        findings: Vec::new(),
        posted: false,
        usage: Usage::default(),
        notes: Vec::new(),
        code: 0,
    };
    if let Some(why) = change.skip {
        row.reason = Some(why.to_owned());
        return row;
    }
    if let Err(failure) = fill(shared, &change, &mut row).await {
        row.status = Status::Failed;
        row.code = failure.exit_code();
        row.reason = Some(scrubber.sanitize_line(&failure.to_string()));
    }
    row
}

async fn fill(shared: &Shared<'_>, change: &Change, row: &mut Row) -> Result<(), Failure> {
    let Shared { gathered, first, client, deadline, .. } = shared;
    let github = shared.github(&change.repository)?;
    let forge: &dyn Forge = &github;
    let asks = first.model != ModelChoice::Offline;
    let asked = asks.then_some(Asked { trigger_phrase: &first.trigger_phrase });
    let number = change.listed.number;
    let collected = {
        let _turn = shared.reading.acquire().await;
        let read =
            collect::from_pull_request(forge, &change.repository, number, None, None, asked).await;
        read.map_err(Failure::Platform)?
    };
    row.head.clone_from(&collected.head);
    let inputs = review::configured(gathered, &collected.base, &collected.base_files)?;
    // All ask the sweep's model; a repository may only keep out of it.
    let models = match inputs.model {
        ModelChoice::Offline => Models::default(),
        _ => shared.models.clone(),
    };
    let name = models.heavy.as_deref().map(Model::name);
    let name = name.unwrap_or_else(|| examine::OFFLINE.to_owned());
    let before = &collected.before;
    let skip = match () {
        () if before.is_complete(&collected.head, &name) => Some("its head was reviewed before"),
        () if before.state.as_ref().is_some_and(|state| state.paused) => {
            Some("automatic reviews of it are paused")
        }
        () => None,
    };
    if let Some(why) = skip {
        row.reason = Some(why.to_owned());
        return Ok(());
    }
    let ruling = policy::rule(&Grounds {
        input: inputs.autonomy,
        base: inputs.tables.max_autonomy,
        token: change.token,
        asker: None,
        asker_needs: None,
    });
    let context = Context {
        host: Host::GitHub,
        event: Event::None,
        repository: Some(change.repository.clone()),
        actor: first.host.actor.clone(),
        run_url: first.host.run_url(),
        // The checkout that a sweep starts in is no change's.
        workspace: PathBuf::new(),
    };
    let request = Request {
        change: Requested::PullRequest { number, known: None },
        asked_by: None,
        full: false,
    };
    let run = Run {
        inputs: &inputs,
        context: &context,
        request: &request,
        forge: Some(forge),
        local: None,
        client,
        ruling,
        deadline: *deadline,
    };
    let scrubber = Arc::new(Scrubber::new(&inputs.secrets));
    let ask = async |subject: examine::Subject<'_>| {
        let prepared = examine::prepare(&subject, &name);
        examine::examine(&subject, &models, prepared).await
    };
    let mut examined = run.on_subject(&collected, &scrubber, &shared.progress, ask).await;
    let (posted, end) = finish::deliver(&run, &collected, &mut examined, &scrubber).await;
    let report = crate::publish::json::scrubbed(&examined.report, &scrubber);
    row.status = if examined.incomplete { Status::Incomplete } else { Status::Reviewed };
    row.posted = posted;
    row.counts = counts(&report.findings);
    row.worst = report.worst();
    row.usage = report.usage;
    row.findings = report.findings;
    row.notes = report.notes;
    row.code = end?;
    Ok(())
}

fn counts(findings: &[Finding]) -> Counts {
    let mut counts = Counts::default();
    for finding in findings {
        *match finding.severity {
            Severity::Critical => &mut counts.critical,
            Severity::High => &mut counts.high,
            Severity::Medium => &mut counts.medium,
            Severity::Low => &mut counts.low,
            Severity::Info => &mut counts.info,
        } += 1;
    }
    counts
}
