//! Telling chat and on-call, from the level `alert` on: one message a deployment.

use std::path::PathBuf;

use super::act::State as Done;
use super::{Room, Watched};
use crate::audit::{self, Places};
use crate::decide::Action;
use crate::inputs::Inputs;
use crate::notify::{self, Alert, Channel, Sent, Severity, State};
use crate::publish::files;
use crate::publish::watch as words;
use crate::task::watch::tell;

/// Most bytes of what was kept.
const LARGEST: u64 = 1 << 20;

/// Where people are told.
///
/// # Errors
/// An address or a key is none.
pub fn channels(inputs: &Inputs) -> anyhow::Result<Vec<Channel>> {
    notify::channels(&inputs.deployment.alerts)
}

/// Tell people of what failed or has to be decided; that it is well only where they were
/// told before that it is not.
pub async fn send(room: &Room<'_>, channels: &[Channel], watched: &mut Watched) {
    let Some(permit) = room.ruling.alert() else { return };
    if channels.is_empty() || room.inputs.deployment.shadow {
        return;
    }
    let alert = alert(room, watched);
    let file = kept(room.inputs, &alert.key);
    let before = file.as_ref().map(read).unwrap_or_default();
    // Of what went well from the start nobody is told.
    if alert.state == State::Resolved && before.is_empty() {
        return;
    }
    room.progress.stage("telling people");
    let told = notify::send(&permit, room.client, channels, &alert, &before, room.scrubber).await;
    let mut keep: Vec<Sent> = Vec::new();
    for one in told {
        match one.outcome {
            Ok((sent, is_new)) => {
                room.note("told", serde_json::json!({"service": one.service, "new": is_new}));
                keep.push(sent);
            }
            Err(error) => {
                watched.notes.push(format!("{} was not told: {error:#}", one.service));
            }
        }
    }
    let Some(file) = file else { return };
    let kept = serde_json::to_vec(&keep).map_err(anyhow::Error::from).and_then(|bytes| {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        files::write_atomic(&file, &bytes)
    });
    if let Err(error) = kept {
        tracing::warn!("what people were told is not kept: {error:#}");
    }
}

/// Where is kept what was told: beside the records.
fn kept(inputs: &Inputs, key: &str) -> Option<PathBuf> {
    // `record` may name a file, which is the record's alone.
    let places = Places { record: None, ..Places::of(inputs) };
    let place = audit::place(&places, &format!("told-{key}")).ok()?;
    Some(place.with_extension("json"))
}

fn read(file: &PathBuf) -> Vec<Sent> {
    use std::io::Read as _;
    let mut text = String::new();
    let Ok(open) = std::fs::File::open(file) else { return Vec::new() };
    if open.take(LARGEST).read_to_string(&mut text).is_err() {
        return Vec::new();
    }
    serde_json::from_str(&text).unwrap_or_default()
}

fn alert(room: &Room<'_>, watched: &Watched) -> Alert {
    let host = room.deployer.host();
    let execution = &watched.execution;
    let decision = watched.judged.as_ref().map(|judged| &judged.decision);
    let (state, severity) = match (decision.map(|decision| decision.action), &watched.acted) {
        (Some(Action::Rollback), Some(acted)) if acted.state == Done::Done => {
            (State::Open, Severity::Warning)
        }
        (Some(Action::Rollback), _) => (State::Open, Severity::Critical),
        (Some(Action::Investigate), _) => (State::Open, Severity::Warning),
        _ if execution.status.is_bad() => (State::Open, Severity::Error),
        _ if !execution.status.is_final() => (State::Open, Severity::Warning),
        _ => (State::Resolved, Severity::Info),
    };
    let view = tell::view(host, watched, false);
    let mut text: Vec<String> = Vec::new();
    text.extend(decision.map(|decision| decision.reason.clone()));
    text.extend(watched.acted.iter().map(|acted| acted.said.clone()));
    for trouble in watched.troubles.iter().take(3) {
        text.push(format!("{}: {} {}", trouble.step, trouble.what, trouble.advice));
    }
    let mut facts = vec![
        ("Execution".to_owned(), execution.id.clone()),
        ("Status".to_owned(), execution.status.to_string()),
    ];
    if let Some(judged) = &watched.judged {
        facts.push((
            "Decision".to_owned(),
            crate::publish::verify::action(judged.decision.action).to_owned(),
        ));
        facts.push(("Rule".to_owned(), judged.decision.rule.to_owned()));
        facts.extend(judged.spec.deployment.version.clone().map(|one| ("Version".to_owned(), one)));
    }
    Alert {
        key: key(host, watched),
        state,
        severity,
        title: words::headline(&view),
        text: text.join("\n"),
        facts,
        link: execution.url.clone().or_else(|| room.context.run_url.clone()),
        source: watched
            .judged
            .as_ref()
            .map(|judged| judged.spec.service.clone())
            .filter(|service| !service.is_empty())
            .unwrap_or_else(|| execution.name.clone()),
        at: execution.ended_at.or(execution.started_at).unwrap_or_default(),
    }
}

/// One incident a version of a pipeline's: what takes it back is another execution.
fn key(host: &str, watched: &Watched) -> String {
    let version = watched.judged.as_ref().and_then(|judged| judged.spec.deployment.version.clone());
    let version = version.unwrap_or_else(|| watched.execution.id.clone());
    format!("pipewright/{host}/{}/{version}", watched.execution.name)
}
