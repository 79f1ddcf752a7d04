//! Which changes a sweep reviews, and which it passes over.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::{Shared, Unread};
use crate::failure::Failure;
use crate::forge::github::listing::{Listed, Repository};
use crate::inputs::Sweep;
use crate::policy::Token;

/// A change to look at.
pub(super) struct Change {
    /// `owner/name`.
    pub repository: String,
    /// What the host's list says of it.
    pub listed: Listed,
    /// What the token may do there, as far as the host tells.
    pub token: Token,
    /// Why it is passed over.
    pub skip: Option<&'static str>,
}

/// All changes, and the repositories that have none to look at.
pub(super) async fn list(
    shared: &Shared<'_>,
    sweep: &Sweep,
) -> Result<(Vec<Change>, Vec<Unread>), Failure> {
    let mut unread: Vec<Unread> = Vec::new();
    let mut leave = |repository: &str, failed: bool, reason: String| {
        unread.push(Unread { repository: repository.to_owned(), failed, reason });
    };
    // By name, in lower case: those named may be the organisation's.
    let mut repositories: BTreeMap<String, Repository> = BTreeMap::new();
    let named = join_all(sweep.repositories.iter().map(async |name| {
        let github = shared.github(name)?;
        let _turn = shared.reading.acquire().await;
        Ok::<_, Failure>((name, github.repository().await))
    }));
    for read in named.await {
        match read? {
            (_, Ok(read)) => {
                repositories.insert(read.full_name.to_lowercase(), read);
            }
            (name, Err(why)) => leave(name, true, format!("cannot read it: {why}")),
        }
    }
    if let Some(owner) = &sweep.organization {
        let github = shared.github(&format!("{owner}/-"))?;
        let read = github.repositories_of(owner).await.map_err(|why| {
            let error = anyhow::Error::new(why);
            Failure::Platform(error.context(format!("cannot list the repositories of {owner}")))
        })?;
        for one in read {
            // A fork's changes are its origin's to review, unless somebody names it.
            if one.fork && !repositories.contains_key(&one.full_name.to_lowercase()) {
                leave(&one.full_name, false, "it is a fork".to_owned());
                continue;
            }
            repositories.entry(one.full_name.to_lowercase()).or_insert(one);
        }
    }
    let mut open = Vec::new();
    for one in repositories.into_values() {
        let may_read = one.permissions.is_none_or(|may| may.pull);
        let why = match () {
            () if one.archived => "it is archived",
            () if one.disabled => "it is disabled",
            () if !may_read => "the token may not read it",
            () => {
                open.push(one);
                continue;
            }
        };
        leave(&one.full_name, false, why.to_owned());
    }
    let pulls = join_all(open.iter().map(async |one| {
        let github = shared.github(&one.full_name)?;
        let _turn = shared.reading.acquire().await;
        Ok::<_, Failure>((one, github.pulls(sweep.state, sweep.limit).await))
    }));
    let mut changes = Vec::new();
    for read in pulls.await {
        let (one, listed) = read?;
        let listed = match listed {
            Ok(listed) => listed,
            Err(why) => {
                leave(&one.full_name, true, format!("cannot list its pull requests: {why}"));
                continue;
            }
        };
        let may_write = one.permissions.is_none_or(|may| may.push || may.triage);
        let token = if may_write { Token::Writes } else { Token::ReadOnly };
        changes.extend(listed.into_iter().map(|listed| Change {
            repository: one.full_name.clone(),
            skip: listed.draft.then_some("it is a draft"),
            listed,
            token,
        }));
    }
    changes.sort_by(|a, b| b.listed.updated_at.cmp(&a.listed.updated_at));
    let oldest = sweep.since.map(|since| Timestamp::now().as_second() - since.as_secs() as i64);
    let mut taken = 0;
    for change in &mut changes {
        let updated = change.listed.updated_at.parse::<Timestamp>().map(Timestamp::as_second);
        let is_old = oldest.zip(updated.ok()).is_some_and(|(oldest, updated)| updated < oldest);
        change.skip = change.skip.or(is_old.then_some("it was not updated since"));
        if change.skip.is_none() {
            taken += 1;
            change.skip = (taken > sweep.limit).then_some("it is beyond the limit");
        }
    }
    Ok((changes, unread))
}
