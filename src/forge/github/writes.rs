//! Carries out one [`Operation`].
//!
//! A POST that broke after it was sent may have arrived: it is sent again only
//! after a look has shown that it did not ([`post`]).

use anyhow::anyhow;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::json;

use super::api::{Api, encode, forge_error};
use super::{CHECK_NAME, branches, checks, converse, propose, reviews, talk, wire};
use crate::forge::{Applied, ForgeError, Operation, Result};
use crate::http::{self, Method, Repeat};

/// Most characters of a commit status's description.
const MOST_DESCRIPTION: usize = 140;

pub(super) async fn apply(
    api: &Api,
    number: Option<u64>,
    operation: &Operation,
) -> Result<Applied> {
    carry_out(api, number, operation).await.map_err(|error| match error {
        // A look on the way to a write: to a token that may not write, GitHub
        // hides some things.
        ForgeError::NotFound(error) => ForgeError::Denied(error),
        other => other,
    })
}

async fn carry_out(api: &Api, number: Option<u64>, operation: &Operation) -> Result<Applied> {
    let request = || {
        number.ok_or_else(|| {
            ForgeError::Rejected(anyhow!("cannot comment: there is no pull request"))
        })
    };
    match operation {
        Operation::PostReview { head, body, comments } => {
            reviews::post(api, request()?, head, body, comments).await
        }
        Operation::CreateComment { body } => create_comment(api, request()?, body).await,
        Operation::UpdateComment { id, body } => {
            let path = api.path(&format!("issues/comments/{id}"));
            repeated(api, Method::PATCH, &path, &json!({ "body": body })).await
        }
        Operation::CreateCheck { head, check } => checks::create(api, head, check).await,
        Operation::UpdateCheck { id, check } => checks::update(api, *id, check).await,
        Operation::SetStatus { head, success, description } => {
            let path = api.path(&format!("statuses/{}", encode(head.as_bytes())));
            let body = json!({
                "state": if *success { "success" } else { "failure" },
                "context": CHECK_NAME,
                "description": cut(description, MOST_DESCRIPTION),
            });
            repeated(api, Method::POST, &path, &body).await
        }
        Operation::ResolveThread { thread } => {
            let query = "mutation($thread: ID!) {
  resolveReviewThread(input: { threadId: $thread }) { thread { id isResolved } }
}";
            let _: serde_json::Value =
                api.graphql(query, json!({ "thread": thread }), true).await?;
            Ok(Applied::Done { id: None })
        }
        Operation::Reply { to, body } => converse::reply(api, request()?, *to, body).await,
        Operation::UpdateReply { id, body } => {
            let path = api.path(&format!("pulls/comments/{id}"));
            repeated(api, Method::PATCH, &path, &json!({ "body": body })).await
        }
        Operation::DeleteComment { comment } => converse::delete(api, *comment).await,
        Operation::React { comment, kind } => converse::react(api, *comment, *kind).await,
        Operation::UpdateDescription { title, body } => {
            converse::describe(api, request()?, title.as_deref(), body.as_deref()).await
        }
        Operation::RemoveLabel { label } => converse::unlabel(api, request()?, label).await,
        Operation::ProposeChange { branch, base, files, title, body } => {
            propose::propose(api, branch, base, files, title, body).await
        }
        Operation::AddLabels { labels } => converse::label(api, request()?, labels).await,
        Operation::Commit { branch, parent, headline, body, files } => {
            branches::commit(api, branch, parent, (headline, body), files).await
        }
        Operation::CreateBranch { branch, at } => branches::create(api, branch, at).await,
        Operation::OpenChange { from, onto, title, body } => {
            branches::open(api, from, onto, title, body).await
        }
    }
}

/// A write that leaves the same behind however often it is sent.
pub(super) async fn repeated(
    api: &Api,
    method: Method,
    path: &str,
    body: &impl Serialize,
) -> Result<Applied> {
    let made: wire::Made = api
        .write(method, path, body, Repeat::Harmless)
        .await
        .map_err(|error| forge_error(error, true))?;
    Ok(Applied::Done { id: made.id })
}

async fn create_comment(api: &Api, number: u64, body: &str) -> Result<Applied> {
    let path = api.path(&format!("issues/{number}/comments"));
    let look = || -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(async move {
            let comments = talk::comments(api, number).await?;
            Ok(comments.into_iter().rev().find(|c| same_text(&c.body, body)).map(|c| c.id))
        })
    };
    let id = post(api, &path, &json!({ "body": body }), look).await?;
    Ok(Applied::Done { id: Some(id) })
}

/// POST, until it is done once: where the outcome is unknown, `look` tells
/// whether what was posted is there, and gives its number.
pub(super) async fn post<'a>(
    api: &'a Api,
    path: &str,
    body: &impl Serialize,
    look: impl Fn() -> BoxFuture<'a, Result<Option<u64>>>,
) -> Result<u64> {
    let mut failures = 0;
    loop {
        let sent: std::result::Result<wire::Made, http::Error> =
            api.write(Method::POST, path, body, Repeat::OnlyUnprocessed).await;
        let error = match sent {
            Ok(made) => return Ok(made.id.unwrap_or(0)),
            Err(error) if outcome_unknown(&error) => error,
            Err(error) => return Err(forge_error(error, true)),
        };
        failures += 1;
        let again = api.back_off(failures).await;
        match look().await {
            Ok(Some(id)) => {
                tracing::info!(path, %error, "arrived in spite of the failure");
                return Ok(id);
            }
            Ok(None) if again => tracing::info!(path, %error, "did not arrive, sending again"),
            Ok(None) => return Err(forge_error(error, true)),
            Err(unseen) => {
                let error = anyhow!("{error}; whether it arrived is unknown: {unseen}");
                return Err(ForgeError::Unreachable(error));
            }
        }
    }
}

/// Whether a write that failed may have been done all the same.
pub(super) fn outcome_unknown(error: &http::Error) -> bool {
    match error {
        http::Error::Broken(_) | http::Error::TooLarge(_) => true,
        http::Error::Status(response) => response.status.is_server_error(),
        _ => false,
    }
}

/// Whether GitHub gave back what was sent: it may change line ends and strip
/// space at the end.
pub(super) fn same_text(a: &str, b: &str) -> bool {
    let lines = |text: &str| {
        text.trim_end().split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect()
    };
    let (a, b): (Vec<String>, Vec<String>) = (lines(a), lines(b));
    a == b
}

/// At most `most` characters, the last one an ellipsis if some were cut.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_whatever_their_line_ends() {
        assert!(same_text("a\r\nb\n", "a\nb"));
        assert!(!same_text("a\nb", "a b"));
        assert!(!same_text("a", "ab"));
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
