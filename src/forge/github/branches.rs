//! Branches of the repository: what stands on one, a commit that GitHub makes and
//! signs, a branch and a pull request of our own. Each may be sent again without
//! being done twice.

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, encode, forge_error};
use super::writes::post;
use crate::forge::{Applied, Branch, BranchCommit, FileContent, ForgeError, Result};

/// Newest commits of a branch that are read.
const HISTORY: &str = "query($owner: String!, $name: String!, $branch: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $branch) {
      target {
        oid
        ... on Commit {
          history(first: 50) { nodes { oid url message parents(first: 1) { nodes { oid } } } }
        }
      }
    }
  }
}";

/// See [`crate::forge::Forge::branch`].
/// <https://docs.github.com/graphql/reference/objects#ref>
pub(super) async fn branch(api: &Api, branch: &str) -> Result<Option<Branch>> {
    let (owner, name) = api.owner_and_name();
    let variables =
        json!({ "owner": owner, "name": name, "branch": format!("refs/heads/{branch}") });
    let answer: Answer = api.graphql(HISTORY, variables, false).await?;
    let Some(target) = answer.repository.and_then(|r| r.branch).and_then(|r| r.target) else {
        return Ok(None);
    };
    let nodes = target.history.map(|history| history.nodes).unwrap_or_default();
    let commits = nodes.into_iter().flatten().map(|node| BranchCommit {
        sha: node.oid,
        url: node.url,
        message: node.message,
        parent: node.parents.nodes.into_iter().flatten().next().map(|parent| parent.oid),
    });
    Ok(Some(Branch { head: target.oid, commits: commits.collect() }))
}

#[derive(Deserialize)]
struct Answer {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(rename = "ref")]
    branch: Option<Ref>,
}

#[derive(Deserialize)]
struct Ref {
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    oid: String,
    history: Option<Nodes<Node>>,
}

#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Vec<Option<T>>,
}

#[derive(Deserialize)]
struct Node {
    oid: String,
    url: String,
    message: String,
    parents: Nodes<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    oid: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Committed {
    create_commit_on_branch: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    commit: Option<Made>,
}

#[derive(Deserialize)]
struct Made {
    oid: String,
    url: String,
}

/// One commit on top of `parent`, made and signed by GitHub. Sent again after it was
/// done, GitHub refuses it, since the branch has moved: a look tells then whether it
/// was ours that moved it.
/// <https://docs.github.com/graphql/reference/mutations#createcommitonbranch>
pub(super) async fn commit(
    api: &Api,
    branch_name: &str,
    parent: &str,
    (headline, body): (&str, &str),
    files: &[FileContent],
) -> Result<Applied> {
    let query = "mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid url } }
}";
    let additions: Vec<Value> = files
        .iter()
        .map(|file| json!({ "path": file.path, "contents": STANDARD.encode(&file.content) }))
        .collect();
    let (owner, name) = api.owner_and_name();
    let input = json!({
        "branch": { "repositoryNameWithOwner": format!("{owner}/{name}"), "branchName": branch_name },
        "expectedHeadOid": parent,
        "message": { "headline": headline, "body": body },
        "fileChanges": { "additions": additions },
    });
    let refused = match api.graphql::<Committed>(query, json!({ "input": input }), true).await {
        Ok(answer) => {
            let made = answer.create_commit_on_branch.and_then(|payload| payload.commit);
            let made = made.ok_or_else(|| {
                ForgeError::Unreachable(anyhow!("GitHub does not say which commit it made"))
            })?;
            return Ok(Applied::Committed { sha: made.oid, url: made.url });
        }
        Err(ForgeError::Rejected(error)) if is_stale(&error) => error,
        Err(error) => return Err(error),
    };
    tracing::info!("{refused:#}");
    let message = format!("{headline}\n\n{body}");
    let now = branch(api, branch_name).await?;
    let ours = now.into_iter().flat_map(|now| now.commits).find(|commit| {
        commit.parent.as_deref() == Some(parent)
            && super::writes::same_text(&commit.message, &message)
    });
    Ok(ours
        .map_or(Applied::Moved, |commit| Applied::Committed { sha: commit.sha, url: commit.url }))
}

/// `Expected branch to point to "…" but it did not. Pull and try again.`
fn is_stale(error: &anyhow::Error) -> bool {
    error.to_string().contains("Expected branch to point to")
}

#[derive(Deserialize)]
struct GitRef {
    object: GitObject,
}

#[derive(Deserialize)]
struct GitObject {
    sha: String,
}

/// A branch at a revision; [`Applied::Moved`] if there is one elsewhere.
/// <https://docs.github.com/rest/git/refs#create-a-reference>
pub(super) async fn create(api: &Api, branch: &str, at: &str) -> Result<Applied> {
    // A branch has no number: these say where a look finds it.
    const THERE: u64 = 1;
    const ELSEWHERE: u64 = 2;
    let look = || -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(async move {
            let path = format!("git/ref/heads/{}", encode(branch.as_bytes()).replace("%2F", "/"));
            match api.get::<GitRef>(&api.path(&path)).await {
                Ok(found) if found.object.sha == at => Ok(Some(THERE)),
                Ok(_) => Ok(Some(ELSEWHERE)),
                Err(ForgeError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
    };
    let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": at });
    let there = match post(api, &api.path("git/refs"), &body, look).await {
        Ok(there) => there,
        // 422: there is one already.
        Err(ForgeError::Rejected(error)) => match look().await? {
            Some(there) => there,
            None => return Err(ForgeError::Rejected(error)),
        },
        Err(error) => return Err(error),
    };
    Ok(if there == ELSEWHERE { Applied::Moved } else { Applied::Done { id: None } })
}

#[derive(Deserialize)]
struct Listed {
    number: u64,
}

/// See [`crate::forge::Forge::open_change`].
/// <https://docs.github.com/rest/pulls/pulls#list-pull-requests>
pub(super) async fn open_change(api: &Api, branch: &str) -> Result<Option<u64>> {
    let (owner, _) = api.owner_and_name();
    let head = format!("{}:{}", encode(owner.as_bytes()), encode(branch.as_bytes()));
    let path = api.path(&format!("pulls?state=open&head={head}&per_page=1"));
    let listed: Vec<Listed> = api.get(&path).await?;
    Ok(listed.first().map(|pull| pull.number))
}

#[derive(Deserialize)]
struct Opened {
    number: u64,
}

/// A pull request; the one that is open from the same branch, if there is one.
/// <https://docs.github.com/rest/pulls/pulls#create-a-pull-request>
pub(super) async fn open(
    api: &Api,
    from: &str,
    onto: &str,
    title: &str,
    body: &str,
) -> Result<Applied> {
    let path = api.path("pulls");
    let content = json!({ "title": title, "head": from, "base": onto, "body": body });
    let mut failures = 0;
    loop {
        let sent: std::result::Result<Opened, crate::http::Error> = api
            .write(crate::http::Method::POST, &path, &content, crate::http::Repeat::OnlyUnprocessed)
            .await;
        let error = match sent {
            Ok(opened) => return Ok(Applied::Done { id: Some(opened.number) }),
            Err(error) => error,
        };
        let unknown = super::writes::outcome_unknown(&error);
        let error = forge_error(error, true);
        // 422 also says that there is one already.
        if !unknown && !matches!(error, ForgeError::Rejected(_)) {
            return Err(error);
        }
        failures += 1;
        let again = unknown && api.back_off(failures).await;
        match open_change(api, from).await {
            Ok(Some(number)) => return Ok(Applied::Done { id: Some(number) }),
            Ok(None) if again => tracing::info!(%error, "did not arrive, sending again"),
            Ok(None) => return Err(error),
            Err(unseen) => {
                let error = anyhow!("{error}; whether it arrived is unknown: {unseen}");
                return Err(ForgeError::Unreachable(error));
            }
        }
    }
}
