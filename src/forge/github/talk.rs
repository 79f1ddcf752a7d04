//! What is said and known already: the change request, its comments, threads
//! and checks, and who may do what.

use serde_json::json;

use super::CHECK_NAME;
use super::api::{Api, encode};
use super::wire;
use crate::finding::Side;
use crate::forge::{
    ChangeRequest, Check, Comment, ForgeError, LineComment, Permission, Result, ReviewComment,
    Thread,
};
use crate::http::{self, StatusCode};

/// Most pages of any conversation: 10,000 comments.
const MOST_PAGES: usize = 100;

pub(super) async fn change_request(api: &Api, number: u64) -> Result<ChangeRequest> {
    let pull: wire::Pull = api.get(&api.path(&format!("pulls/{number}"))).await?;
    let name = |branch: &wire::Branch| branch.repo.as_ref().map(|repo| repo.full_name.clone());
    let from_fork = match (name(&pull.base), name(&pull.head)) {
        (Some(base), Some(head)) => !base.eq_ignore_ascii_case(&head),
        _ => true,
    };
    Ok(ChangeRequest {
        number: pull.number,
        title: pull.title,
        body: pull.body.unwrap_or_default(),
        author: wire::author(pull.user).0,
        base: pull.base.sha,
        base_ref: pull.base.name,
        head: pull.head.sha,
        head_ref: pull.head.name,
        from_fork,
        open: pull.state == "open",
        draft: pull.draft,
        changed_files: pull.changed_files,
        commits: pull.commits,
    })
}

fn comment_of(comment: wire::IssueComment) -> Comment {
    let (author, author_is_bot) = wire::author(comment.user);
    Comment { id: comment.id, author, author_is_bot, body: comment.body.unwrap_or_default() }
}

pub(super) async fn comments(api: &Api, number: u64) -> Result<Vec<Comment>> {
    let path = api.path(&format!("issues/{number}/comments"));
    api.pages(&path, None, MOST_PAGES, comment_of).await
}

pub(super) async fn comment(api: &Api, id: u64) -> Result<Comment> {
    Ok(comment_of(api.get(&api.path(&format!("issues/comments/{id}"))).await?))
}

pub(super) async fn review_comments(api: &Api, number: u64) -> Result<Vec<ReviewComment>> {
    let path = api.path(&format!("pulls/{number}/comments"));
    api.pages(&path, None, MOST_PAGES, review_comment_of).await
}

fn review_comment_of(comment: wire::ReviewComment) -> ReviewComment {
    let (author, author_is_bot) = wire::author(comment.user);
    let left = comment.side.as_deref() == Some("LEFT");
    ReviewComment {
        id: comment.id,
        in_reply_to: comment.in_reply_to_id,
        author,
        author_is_bot,
        body: comment.body.unwrap_or_default(),
        path: comment.path,
        line: comment.line,
        side: if left { Side::Old } else { Side::New },
        thumbs_down: comment.reactions.map_or(0, |reactions| reactions.thumbs_down),
    }
}

pub(super) async fn line_comment(api: &Api, id: u64) -> Result<LineComment> {
    let mut comment: wire::ReviewComment =
        api.get(&api.path(&format!("pulls/comments/{id}"))).await?;
    Ok(LineComment {
        original_start_line: comment.original_start_line,
        original_line: comment.original_line,
        original_commit: comment.original_commit_id.take(),
        diff_hunk: comment.diff_hunk.take().unwrap_or_default(),
        comment: review_comment_of(comment),
    })
}

pub(super) async fn review_text(api: &Api, number: u64, id: u64) -> Result<Comment> {
    Ok(comment_of(api.get(&api.path(&format!("pulls/{number}/reviews/{id}"))).await?))
}

/// `%ID%` stands for the field that holds the first comment's number:
/// `fullDatabaseId`, or `databaseId` on servers that do not know it yet.
const THREADS: &str = "query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
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
  }
}";

pub(super) async fn threads(api: &Api, number: u64) -> Result<Vec<Thread>> {
    match threads_by(api, number, "fullDatabaseId").await {
        Err(ForgeError::Rejected(error)) if error.to_string().contains("fullDatabaseId") => {
            threads_by(api, number, "databaseId").await
        }
        other => other,
    }
}

async fn threads_by(api: &Api, number: u64, id: &str) -> Result<Vec<Thread>> {
    let query = THREADS.replace("%ID%", id);
    let (owner, name) = api.owner_and_name();
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let variables = json!({ "owner": owner, "name": name, "number": number, "after": after });
        let answer: wire::ThreadsAnswer = api.graphql(&query, variables, false).await?;
        let pull = answer.repository.and_then(|repository| repository.pull_request);
        let Some(pull) = pull else {
            let error = anyhow::anyhow!("GitHub knows no pull request {number} in {owner}/{name}");
            return Err(ForgeError::NotFound(error));
        };
        all.extend(pull.review_threads.nodes.into_iter().flatten().filter_map(thread_of));
        let page = pull.review_threads.page_info;
        if !page.has_next_page || page.end_cursor.is_none() || page.end_cursor == after {
            return Ok(all);
        }
        after = page.end_cursor;
    }
}

fn thread_of(thread: wire::Thread) -> Option<Thread> {
    let first = thread.comments.nodes.into_iter().flatten().next();
    // A thread without comments is being deleted.
    let first_comment = first.and_then(|c| c.full_database_id.or(c.database_id))?;
    Some(Thread {
        id: thread.id,
        first_comment,
        resolved: thread.is_resolved,
        resolved_by: thread.resolved_by.map(|user| user.login),
        outdated: thread.is_outdated,
    })
}

/// The threads of a page, if it is the only one.
pub(super) fn all_threads(page: wire::Threads) -> Option<Vec<Thread>> {
    let whole = !page.page_info.has_next_page;
    whole.then(|| page.nodes.into_iter().flatten().filter_map(thread_of).collect())
}

pub(super) async fn checks(api: &Api, head: &str) -> Result<Vec<Check>> {
    let head = encode(head.as_bytes());
    let path = format!("commits/{head}/check-runs?check_name={CHECK_NAME}&filter=all&per_page=100");
    let runs: wire::CheckRuns = api.get(&api.path(&path)).await?;
    let mut checks: Vec<Check> = runs
        .check_runs
        .into_iter()
        .map(|run| Check {
            id: run.id,
            external_id: run.external_id.unwrap_or_default(),
            completed: run.status == "completed",
        })
        .collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.id));
    Ok(checks)
}

/// The token of a job answers as `github-actions[bot]` to GraphQL's `viewer`
/// and is refused by `GET /user`; other tokens answer to both.
pub(super) async fn own_login(api: &Api) -> Result<String> {
    let viewer: Result<wire::Viewer> =
        api.graphql("query { viewer { login } }", json!({}), false).await;
    match viewer {
        Ok(answer) => return Ok(answer.viewer.login),
        Err(error @ ForgeError::Unreachable(_)) => return Err(error),
        Err(error) => tracing::debug!(%error, "GraphQL does not say who we are"),
    }
    match api.get::<wire::User>("/user").await {
        Ok(user) => Ok(user.login),
        Err(ForgeError::Denied(error)) => {
            // A token that is not valid at all gets 401, a job's gets 403.
            let refused = error.downcast_ref::<http::Error>();
            match refused {
                Some(http::Error::Status(answer)) if answer.status == StatusCode::FORBIDDEN => {
                    Ok("github-actions[bot]".to_owned())
                }
                _ => Err(ForgeError::Denied(error)),
            }
        }
        Err(error) => Err(error),
    }
}

/// <https://docs.github.com/rest/repos/repos#get-a-repository>
pub(super) async fn default_branch(api: &Api) -> Result<String> {
    let repository: wire::Described = api.get(api.path("").trim_end_matches('/')).await?;
    Ok(repository.default_branch)
}

pub(super) async fn permission(api: &Api, login: &str) -> Result<Permission> {
    let path = api.path(&format!("collaborators/{}/permission", encode(login.as_bytes())));
    let answer: wire::Permission = match api.get(&path).await {
        Ok(answer) => answer,
        Err(ForgeError::NotFound(_)) => return Ok(Permission::None),
        Err(error) => return Err(error),
    };
    // A role made by the organization has a name of its own; `permission` then
    // says what it amounts to.
    let known = |word: &str| match word {
        "admin" => Some(Permission::Admin),
        "maintain" | "write" => Some(Permission::Write),
        "triage" => Some(Permission::Triage),
        "read" => Some(Permission::Read),
        "none" => Some(Permission::None),
        _ => None,
    };
    Ok(known(&answer.role_name).or_else(|| known(&answer.permission)).unwrap_or(Permission::None))
}
