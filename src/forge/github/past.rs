//! What became of review comments on pull requests that are over.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use crate::forge::{Comment, PastComment, PastRequest, PastThread, Result};

/// Pull requests of one GraphQL request: with what hangs on each, far below the
/// 500,000 nodes that GitHub allows.
const BATCH: usize = 5;
/// Requests at the same time.
const SIDE_BY_SIDE: usize = 4;

/// <https://docs.github.com/graphql/reference/objects#pullrequestreviewthread>
const PULL: &str = "{
      number
      comments(first: 30) { nodes { author { __typename login } body } }
      reviewThreads(first: 60) {
        nodes {
          path
          isResolved
          isOutdated
          resolvedBy { login }
          comments(first: 12) {
            nodes {
              url
              body
              authorAssociation
              author { __typename login }
              reactions(first: 10, content: THUMBS_DOWN) { nodes { user { login } } }
            }
          }
        }
      }
    }";

#[derive(Deserialize)]
struct Listed {
    number: u64,
    #[serde(default)]
    updated_at: String,
}

/// See [`crate::forge::Forge::past_requests`].
pub(super) async fn past_requests(
    api: &Api,
    since: Option<&str>,
    most: usize,
) -> Result<Vec<PastRequest>> {
    let path = api.path("pulls?state=closed&sort=updated&direction=desc");
    let listed: Vec<Listed> = api.pages(&path, None, most.div_ceil(100).max(1), |one| one).await?;
    let numbers: Vec<u64> = listed
        .into_iter()
        .filter(|one| since.is_none_or(|since| one.updated_at.as_str() >= since))
        .map(|one| one.number)
        .take(most)
        .collect();
    let mut answers = stream::iter(numbers.chunks(BATCH).map(<[u64]>::to_vec))
        .map(|batch| async move { read(api, &batch).await })
        .buffered(SIDE_BY_SIDE);
    let mut all = Vec::new();
    while let Some(answer) = answers.next().await {
        all.extend(answer?);
    }
    Ok(all)
}

async fn read(api: &Api, numbers: &[u64]) -> Result<Vec<PastRequest>> {
    let fields: String =
        numbers.iter().map(|n| format!("    p{n}: pullRequest(number: {n}) {PULL}\n")).collect();
    let query = format!(
        "query($owner: String!, $name: String!) {{\n  repository(owner: $owner, name: $name) {{\n{fields}  }}\n}}"
    );
    let (owner, name) = api.owner_and_name();
    let variables = json!({ "owner": owner, "name": name });
    let answer: Answer = api.graphql_partly(&query, variables).await?;
    let pulls = answer.repository.unwrap_or_default().into_values();
    let pulls = pulls.filter_map(|value| serde_json::from_value::<Pull>(value).ok());
    let mut pulls: Vec<PastRequest> = pulls.map(request).collect();
    pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
    Ok(pulls)
}

fn request(pull: Pull) -> PastRequest {
    let nodes = |list: Option<List<Said>>| list.map(|l| l.nodes).unwrap_or_default();
    let comments = nodes(pull.comments).into_iter().flatten().map(|said| {
        let (author, author_is_bot) = who(said.author);
        Comment { id: 0, author, author_is_bot, body: said.body }
    });
    let threads = pull.review_threads.map(|list| list.nodes).unwrap_or_default();
    let threads = threads.into_iter().flatten().map(|thread| PastThread {
        path: thread.path,
        resolved: thread.is_resolved,
        resolved_by: thread.resolved_by.map(|user| user.login),
        outdated: thread.is_outdated,
        comments: nodes(thread.comments).into_iter().flatten().map(comment).collect(),
    });
    PastRequest { number: pull.number, comments: comments.collect(), threads: threads.collect() }
}

fn comment(said: Said) -> PastComment {
    let (author, author_is_bot) = who(said.author);
    let reactions = said.reactions.map(|list| list.nodes).unwrap_or_default();
    PastComment {
        author,
        author_is_bot,
        author_is_member: matches!(
            said.author_association.as_str(),
            "OWNER" | "MEMBER" | "COLLABORATOR"
        ),
        body: said.body,
        url: said.url,
        thumbs_down: reactions
            .into_iter()
            .flatten()
            .filter_map(|reaction| Some(reaction.user?.login))
            .collect(),
    }
}

fn who(author: Option<Actor>) -> (String, bool) {
    match author {
        Some(actor) => {
            let is_bot = actor.kind == "Bot" || actor.login.ends_with("[bot]");
            (actor.login, is_bot)
        }
        None => ("ghost".to_owned(), false),
    }
}

#[derive(Deserialize)]
struct Answer {
    repository: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pull {
    number: u64,
    comments: Option<List<Said>>,
    review_threads: Option<List<Thread>>,
}

#[derive(Deserialize)]
struct List<T> {
    nodes: Vec<Option<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thread {
    #[serde(default)]
    path: String,
    is_resolved: bool,
    is_outdated: bool,
    resolved_by: Option<User>,
    comments: Option<List<Said>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    author: Option<Actor>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    author_association: String,
    reactions: Option<List<Reaction>>,
}

#[derive(Deserialize)]
struct Reaction {
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "__typename", default)]
    kind: String,
    login: String,
}
