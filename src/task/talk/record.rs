//! The record of an answer: who asked for what, what was said and written.

use jiff::Timestamp;
use serde_json::json;

use super::deliver::Posted;
use super::result::Reply;
use super::scene::Scene;
use crate::audit::{self, Places, Record};

/// Write the record. A run never fails for want of one.
pub fn write(scene: &Scene<'_>, reply: &Reply, posted: &Posted) {
    if let Err(why) = try_write(scene, reply, posted) {
        tracing::warn!("no record of this run: {why:#}");
    }
}

fn try_write(scene: &Scene<'_>, reply: &Reply, posted: &Posted) -> anyhow::Result<()> {
    let host = &scene.inputs.host;
    let now = Timestamp::now();
    let name = match (&host.run_id, &host.run_attempt) {
        (Some(id), Some(attempt)) => format!("{id}-{attempt}-{}", now.as_millisecond()),
        _ => format!("{}-{}", now.as_millisecond(), std::process::id()),
    };
    let path = audit::place(&Places::of(scene.inputs), &name)?;
    let scrubber = scene.scrubber.clone();
    let scrub = Box::new(move |text: &str| scrubber.scrub(text).into_owned());
    let identity = json!({
        "program": concat!("pipewright ", env!("CARGO_PKG_VERSION")),
        "task": scene.talk.asked.command.name(),
        "repository": scene.repository,
        "change": scene.request.number,
        "base": scene.request.base,
        "head": scene.request.head,
        "actor": scene.talk.comment.author,
        "access": scene.access.as_str(),
        "comment": scene.question.id,
        "run": scene.context.run_url,
        "model": reply.model,
        "autonomy": scene.ruling.level().as_str(),
        "limited_by": scene.ruling.limited_by().to_string(),
    });
    let record = Record::create(&path, identity, now, scrub)?;
    record.add(now, "asked", json!({ "words": scene.talk.asked.words }));
    record.add(now, "answer", json!({ "text": reply.text, "ended": format!("{:?}", reply.ended) }));
    let published = match posted {
        Posted::Done(how) => {
            json!({ "posted": reply.done.iter().chain([how]).collect::<Vec<_>>() })
        }
        Posted::Withheld(why) => json!({ "posted": reply.done, "withheld": why }),
    };
    record.add(now, "published", published);
    if let Some(hash) = record.end(Timestamp::now(), json!({ "usage": reply.usage })) {
        tracing::info!("record {} ends with {hash}", path.display());
    }
    Ok(())
}
