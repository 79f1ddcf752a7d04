//! What a conversation writes: replies, reactions, the description, labels.
//! Each may be sent again without being done twice.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::api::{Api, encode, forge_error};
use super::talk;
use super::writes::{post, repeated, same_text};
use crate::forge::{Applied, CommentRef, Reaction, Result};
use crate::http::{Method, Repeat};

/// <https://docs.github.com/rest/pulls/comments#create-a-reply-for-a-review-comment>
pub(super) async fn reply(api: &Api, number: u64, to: u64, body: &str) -> Result<Applied> {
    let path = api.path(&format!("pulls/{number}/comments/{to}/replies"));
    let look = || -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(async move {
            let comments = talk::review_comments(api, number).await?;
            let mut there = comments.into_iter().rev();
            let same = there.find(|c| c.in_reply_to == Some(to) && same_text(&c.body, body));
            Ok(same.map(|comment| comment.id))
        })
    };
    let id = post(api, &path, &json!({ "body": body }), look).await?;
    Ok(Applied::Done { id: Some(id) })
}

/// A comment's own path.
fn path_of(api: &Api, comment: CommentRef) -> String {
    api.path(&match comment {
        CommentRef::Conversation(id) => format!("issues/comments/{id}"),
        CommentRef::Line(id) => format!("pulls/comments/{id}"),
    })
}

pub(super) async fn delete(api: &Api, comment: CommentRef) -> Result<Applied> {
    api.delete(&path_of(api, comment)).await.map_err(|error| forge_error(error, true))?;
    Ok(Applied::Done { id: None })
}

/// GitHub keeps one reaction of a kind an account, however often it is sent.
/// <https://docs.github.com/rest/reactions/reactions>
pub(super) async fn react(api: &Api, comment: CommentRef, kind: Reaction) -> Result<Applied> {
    let content = match kind {
        Reaction::Eyes => "eyes",
        Reaction::ThumbsUp => "+1",
        Reaction::Confused => "confused",
    };
    let path = format!("{}/reactions", path_of(api, comment));
    repeated(api, Method::POST, &path, &json!({ "content": content })).await
}

/// <https://docs.github.com/rest/pulls/pulls#update-a-pull-request>
pub(super) async fn describe(
    api: &Api,
    number: u64,
    title: Option<&str>,
    body: Option<&str>,
) -> Result<Applied> {
    let mut fields = serde_json::Map::new();
    for (name, text) in [("title", title), ("body", body)] {
        fields.extend(text.map(|text| (name.to_owned(), json!(text))));
    }
    if fields.is_empty() {
        return Ok(Applied::Done { id: None });
    }
    repeated(api, Method::PATCH, &api.path(&format!("pulls/{number}")), &fields).await
}

#[derive(Deserialize)]
struct Label {
    #[serde(default)]
    name: String,
}

/// <https://docs.github.com/rest/issues/labels#list-labels-for-an-issue>
pub(super) async fn labels(api: &Api, number: u64) -> Result<Vec<String>> {
    let path = api.path(&format!("issues/{number}/labels"));
    api.pages(&path, None, 2, |label: Label| label.name).await
}

/// What is off already is off.
/// <https://docs.github.com/rest/issues/labels#remove-a-label-from-an-issue>
pub(super) async fn unlabel(api: &Api, number: u64, label: &str) -> Result<Applied> {
    let path = api.path(&format!("issues/{number}/labels/{}", encode(label.as_bytes())));
    api.delete(&path).await.map_err(|error| forge_error(error, true))?;
    Ok(Applied::Done { id: None })
}

/// <https://docs.github.com/rest/issues/labels#add-labels-to-an-issue>
pub(super) async fn label(api: &Api, number: u64, labels: &[String]) -> Result<Applied> {
    if labels.is_empty() {
        return Ok(Applied::Done { id: None });
    }
    let path = api.path(&format!("issues/{number}/labels"));
    // The answer is a list of all labels that are there now.
    let _: Vec<Label> = api
        .write(Method::POST, &path, &json!({ "labels": labels }), Repeat::Harmless)
        .await
        .map_err(|error| forge_error(error, true))?;
    Ok(Applied::Done { id: None })
}
