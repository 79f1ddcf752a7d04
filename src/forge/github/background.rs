//! What is known of a pull request beside its diff: its commits, the issues that
//! it closes or mentions, what reviews say, its threads. One GraphQL request for
//! all: <https://docs.github.com/graphql/reference/objects#pullrequest>.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use super::{talk, wire};
use crate::forge::{Background, Commit, ForgeError, Issue, Result, ReviewBody};

/// Most issues that are read.
const MOST_ISSUES: usize = 5;
/// Most pages of commits: GitHub lists no more than 250.
const MOST_COMMIT_PAGES: usize = 3;

/// `%ID%` as in the query for threads alone; `%MENTIONED%` stands for issues.
const QUERY: &str = "query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    nameWithOwner
    pullRequest(number: $number) {
      commits(last: 100) {
        nodes { commit { oid message parents(first: 2) { totalCount } } }
      }
      closingIssuesReferences(first: 5) {
        nodes { repository { nameWithOwner } %ISSUE% }
      }
      reviews(last: 50) {
        nodes { author { __typename login } state body }
      }
      reviewThreads(first: 100) {
        nodes {
          id
          isResolved
          isOutdated
          resolvedBy { login }
          comments(first: 1) { nodes { %ID% } }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
    %MENTIONED%
  }
}";

/// What is asked of an issue.
const ISSUE: &str = "number title body state labels(first: 10) { nodes { name } }";

/// See [`crate::forge::Forge::background`].
pub(super) async fn background(api: &Api, number: u64, mentioned: &[u64]) -> Result<Background> {
    match background_by(api, number, mentioned, "fullDatabaseId").await {
        Err(ForgeError::Rejected(error)) if error.to_string().contains("fullDatabaseId") => {
            background_by(api, number, mentioned, "databaseId").await
        }
        other => other,
    }
}

async fn background_by(api: &Api, number: u64, mentioned: &[u64], id: &str) -> Result<Background> {
    // GraphQL's numbers have 32 bits; a larger one is no issue's.
    let mentioned = mentioned.iter().filter(|&&n| n != number && i32::try_from(n).is_ok());
    let mut aliases = String::new();
    for issue in mentioned.take(MOST_ISSUES) {
        let _ = write!(aliases, "issue{issue}: issue(number: {issue}) {{ {ISSUE} }} ");
    }
    let query =
        QUERY.replace("%ID%", id).replace("%ISSUE%", ISSUE).replace("%MENTIONED%", &aliases);
    let (owner, name) = api.owner_and_name();
    let variables = json!({ "owner": owner, "name": name, "number": number });
    let answer: Answer = api.graphql_partly(&query, variables).await?;
    let repository = answer.repository.unwrap_or_default();
    let pull = repository.pull_request.unwrap_or_default();
    let commits = pull.commits.map(|list| list.nodes.into_iter().flatten().map(commit).collect());
    let reviews =
        pull.reviews.map(|list| list.nodes.into_iter().flatten().filter_map(review).collect());
    let threads = pull.review_threads.and_then(talk::all_threads);
    let closes = pull.closing_issues_references.map(|list| {
        let own = |node: &IssueNode| {
            node.repository.as_ref().is_none_or(|r| r.name_with_owner == repository.name_with_owner)
        };
        list.nodes.into_iter().flatten().filter(own).collect::<Vec<_>>()
    });
    let named = repository.more.into_values();
    let named = named.filter_map(|value| serde_json::from_value::<IssueNode>(value).ok());
    let known = closes.is_some() || !aliases.is_empty();
    let mut issues: Vec<Issue> = Vec::new();
    for node in closes.unwrap_or_default().into_iter().chain(named) {
        if issues.iter().all(|known| known.number != node.number) {
            issues.push(issue(node));
        }
    }
    issues.truncate(MOST_ISSUES);
    Ok(Background { commits, issues: known.then_some(issues), reviews, threads })
}

fn commit(node: CommitNode) -> Commit {
    let CommitOf { oid, message, parents } = node.commit;
    Commit { sha: oid, message, is_merge: parents.total_count > 1 }
}

fn review(node: ReviewNode) -> Option<ReviewBody> {
    if node.body.trim().is_empty() {
        return None;
    }
    let (author, kind) = match node.author {
        Some(actor) => (actor.login, actor.kind),
        None => ("ghost".to_owned(), String::new()),
    };
    Some(ReviewBody {
        author_is_bot: kind == "Bot" || author.ends_with("[bot]"),
        author,
        asks_for_changes: node.state == "CHANGES_REQUESTED",
        body: node.body,
    })
}

fn issue(node: IssueNode) -> Issue {
    let labels = node.labels.map(|list| list.nodes).unwrap_or_default();
    Issue {
        number: node.number,
        title: node.title,
        body: node.body,
        open: node.state == "OPEN",
        labels: labels.into_iter().flatten().map(|label| label.name).collect(),
    }
}

/// See [`crate::forge::Forge::commits`].
/// <https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request>
pub(super) async fn commits(api: &Api, number: u64) -> Result<Vec<Commit>> {
    let path = api.path(&format!("pulls/{number}/commits"));
    let convert = |listed: ListedCommit| Commit {
        sha: listed.sha,
        message: listed.commit.message,
        is_merge: listed.parents.len() > 1,
    };
    api.pages(&path, None, MOST_COMMIT_PAGES, convert).await
}

#[derive(Deserialize)]
struct ListedCommit {
    sha: String,
    commit: ListedMessage,
    #[serde(default)]
    parents: Vec<Value>,
}

#[derive(Deserialize)]
struct ListedMessage {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Answer {
    repository: Option<Repository>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    #[serde(default)]
    name_with_owner: String,
    pull_request: Option<Pull>,
    /// The issues that were asked for by number.
    #[serde(flatten)]
    more: std::collections::BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pull {
    commits: Option<List<CommitNode>>,
    closing_issues_references: Option<List<IssueNode>>,
    reviews: Option<List<ReviewNode>>,
    review_threads: Option<wire::Threads>,
}

#[derive(Deserialize)]
struct List<T> {
    nodes: Vec<Option<T>>,
}

#[derive(Deserialize)]
struct CommitNode {
    commit: CommitOf,
}

#[derive(Deserialize)]
struct CommitOf {
    oid: String,
    #[serde(default)]
    message: String,
    parents: Count,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    total_count: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedRepository {
    name_with_owner: String,
}

#[derive(Deserialize)]
struct IssueNode {
    repository: Option<NamedRepository>,
    number: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    state: String,
    labels: Option<List<Label>>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct ReviewNode {
    author: Option<Actor>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "__typename", default)]
    kind: String,
    login: String,
}
