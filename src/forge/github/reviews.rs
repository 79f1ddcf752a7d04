//! Posts a review: one call with all its comments, as a rule.
//!
//! GitHub takes a review whole or not at all. Where it refuses one for a line
//! that it does not find in the diff, halves are tried until the comments at
//! fault stand alone; a refused review leaves nothing behind, so nothing is
//! posted twice.

use futures_util::future::BoxFuture;
use octocrab::models::pulls::ReviewAction;
use serde::Serialize;

use super::api::Api;
use super::wire;
use super::writes::{post as post_once, same_text};
use crate::finding::Side;
use crate::forge::{Applied, ForgeError, InlineComment, Result};
use crate::http;

/// Most comments of one review; beyond, GitHub runs into its own timeout.
const MOST_COMMENTS: usize = 60;

/// Most bytes of comments of one review.
const MOST_BYTES: usize = 60_000;

/// <https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request>
#[derive(Serialize)]
struct Body<'a> {
    commit_id: &'a str,
    event: ReviewAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comments: Vec<BodyComment<'a>>,
}

#[derive(Serialize)]
struct BodyComment<'a> {
    path: &'a str,
    body: &'a str,
    line: u32,
    side: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_side: Option<&'static str>,
}

impl<'a> From<&'a InlineComment> for BodyComment<'a> {
    fn from(comment: &'a InlineComment) -> Self {
        let side = match comment.side {
            Side::New => "RIGHT",
            Side::Old => "LEFT",
        };
        let several = comment.start_line < comment.line;
        BodyComment {
            path: &comment.path,
            body: &comment.body,
            line: comment.line,
            side,
            start_line: several.then_some(comment.start_line),
            start_side: several.then_some(side),
        }
    }
}

/// The review's text goes with the first comments that GitHub takes.
pub(super) async fn post(
    api: &Api,
    number: u64,
    head: &str,
    body: &str,
    comments: &[InlineComment],
) -> Result<Applied> {
    let mut groups = groups(comments);
    groups.reverse();
    let mut text = (!body.trim().is_empty()).then_some(body);
    let mut refused = Vec::new();
    let mut made = None;
    while let Some(mut group) = groups.pop() {
        let some: Vec<&InlineComment> = group.iter().map(|&index| &comments[index]).collect();
        match post_group(api, number, head, text, &some).await {
            Ok(id) => {
                made = made.or(Some(id));
                text = None;
            }
            Err(ForgeError::Rejected(error)) if is_about_places(&error) => {
                if let [index] = group[..] {
                    tracing::warn!(path = comments[index].path, line = comments[index].line, %error, "GitHub refuses a comment");
                    refused.push(index);
                    continue;
                }
                let right = group.split_off(group.len() / 2);
                groups.push(right);
                groups.push(group);
            }
            Err(error) => return Err(error),
        }
    }
    if text.is_some() {
        made = Some(post_group(api, number, head, text, &[]).await?);
    }
    refused.sort_unstable();
    if refused.is_empty() {
        Ok(Applied::Done { id: made })
    } else {
        Ok(Applied::Partly { refused })
    }
}

/// Indices in order, as many as one review may hold.
fn groups(comments: &[InlineComment]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, comment) in comments.iter().enumerate() {
        let size = comment.body.len() + comment.path.len();
        match groups.last_mut() {
            Some(group) if group.len() < MOST_COMMENTS && bytes + size <= MOST_BYTES => {
                group.push(index);
                bytes += size;
            }
            _ => {
                groups.push(vec![index]);
                bytes = size;
            }
        }
    }
    groups
}

async fn post_group(
    api: &Api,
    number: u64,
    head: &str,
    text: Option<&str>,
    comments: &[&InlineComment],
) -> Result<u64> {
    let path = api.path(&format!("pulls/{number}/reviews"));
    let body = Body {
        commit_id: head,
        event: ReviewAction::Comment,
        body: text,
        comments: comments.iter().map(|comment| BodyComment::from(*comment)).collect(),
    };
    let look = || -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(find(api, number, head, text, comments))
    };
    post_once(api, &path, &body, look).await
}

/// The number of the review, if it is there: one that holds all of these
/// comments, or, without comments, one of this text; on the same revision.
async fn find(
    api: &Api,
    number: u64,
    head: &str,
    text: Option<&str>,
    comments: &[&InlineComment],
) -> Result<Option<u64>> {
    if comments.is_empty() {
        let path = api.path(&format!("pulls/{number}/reviews"));
        let reviews: Vec<wire::Review> = api.pages(&path, None, 100, |review| review).await?;
        let same = |review: &wire::Review| {
            let body = review.body.as_deref().unwrap_or("");
            review.commit_id.as_deref() == Some(head) && same_text(body, text.unwrap_or(""))
        };
        return Ok(reviews.into_iter().rev().find(same).map(|review| review.id));
    }
    let path = api.path(&format!("pulls/{number}/comments"));
    let there: Vec<wire::ReviewComment> = api.pages(&path, None, 100, |comment| comment).await?;
    let review_of = |comment: &InlineComment| {
        let same = there.iter().rev().find(|t| {
            let body = t.body.as_deref().unwrap_or("");
            t.path == comment.path
                && t.original_commit_id.as_deref().is_none_or(|commit| commit == head)
                && same_text(body, &comment.body)
        });
        same.map(|t| t.pull_request_review_id.unwrap_or(0))
    };
    let reviews: Option<Vec<u64>> = comments.iter().map(|comment| review_of(comment)).collect();
    Ok(reviews.and_then(|reviews| reviews.into_iter().max()))
}

/// Whether a refusal is about where comments stand, or does not say: then the
/// other comments may do. A closed change or an unknown commit is final.
fn is_about_places(error: &anyhow::Error) -> bool {
    let Some(http::Error::Status(response)) = error.downcast_ref::<http::Error>() else {
        return false;
    };
    let message = response.message().to_ascii_lowercase();
    let silent = matches!(message.as_str(), "" | "unprocessable entity" | "validation failed");
    silent
        || ["line", "path", "hunk", "position", "diff", "thread", "side"]
            .iter()
            .any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(line: u32, bytes: usize) -> InlineComment {
        InlineComment {
            path: "a".into(),
            side: Side::New,
            start_line: 1,
            line,
            body: "x".repeat(bytes),
        }
    }

    #[test]
    fn reviews_are_cut_by_count_and_by_size() {
        let sizes = |comments: &[InlineComment]| -> Vec<usize> {
            groups(comments).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(&[]), [0usize; 0]);
        assert_eq!(sizes(&vec![comment(1, 10); 60]), [60]);
        assert_eq!(sizes(&vec![comment(1, 10); 61]), [60, 1]);
        assert_eq!(sizes(&vec![comment(1, 25_000); 5]), [2, 2, 1]);
        assert_eq!(sizes(&vec![comment(1, 70_000); 2]), [1, 1]);
    }

    #[test]
    fn a_single_line_has_no_start() {
        let one = serde_json::to_value(BodyComment::from(&comment(1, 1))).unwrap();
        assert_eq!(one, serde_json::json!({"path":"a","body":"x","line":1,"side":"RIGHT"}));
        let two = serde_json::to_value(BodyComment::from(&comment(2, 1))).unwrap();
        assert_eq!(two["start_line"], 1);
        assert_eq!(two["start_side"], "RIGHT");
    }
}
