//! A change request from a branch of our own: branch, commit, pull request. Each
//! step looks first at what is there, so that running again does nothing twice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{BoxFuture, try_join_all};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, encode, forge_error};
use super::contents;
use super::writes::{post, repeated, same_text};
use crate::diff::RepoPath;
use crate::forge::{Applied, ForgeError, Result};
use crate::http::{Method, Repeat};

/// See [`crate::forge::Operation::ProposeChange`]. Gives the pull request's number;
/// `None` if there is nothing to propose, or if people closed the same proposal
/// before: one whose body ends in the same line.
pub(super) async fn propose(
    api: &Api,
    branch: &str,
    base: &str,
    files: &[(String, Vec<u8>)],
    title: &str,
    body: &str,
) -> Result<Applied> {
    let nothing = Applied::Done { id: None };
    let all = pulls(api, branch, base).await?;
    let open = all.iter().find(|pull| pull.state == "open");
    let last = |text: &str| text.trim_end().lines().last().unwrap_or_default().to_owned();
    let refused = |pull: &&Listed| {
        pull.merged_at.is_none() && last(pull.body.as_deref().unwrap_or("")) == last(body)
    };
    if open.is_none() && all.iter().any(|pull| refused(&pull)) {
        tracing::info!(branch, "people closed this proposal before");
        return Ok(nothing);
    }
    let base_tip = tip(api, base)
        .await?
        .ok_or_else(|| ForgeError::NotFound(anyhow::anyhow!("GitHub knows no branch `{base}`")))?;
    let there = tip(api, branch).await?;
    let head = match (&there, open) {
        (Some(tip), Some(_)) => tip.clone(),
        _ => {
            if holds(api, &base_tip, files).await? {
                return Ok(nothing);
            }
            start(api, branch, &base_tip, there.as_deref()).await?;
            base_tip
        }
    };
    if !holds(api, &head, files).await? {
        commit(api, branch, &head, files, title).await?;
    }
    if let Some(open) = open {
        let same = open.title == title && same_text(open.body.as_deref().unwrap_or(""), body);
        if !same {
            let path = api.path(&format!("pulls/{}", open.number));
            repeated(api, Method::PATCH, &path, &json!({ "title": title, "body": body })).await?;
        }
        return Ok(Applied::Done { id: Some(open.number) });
    }
    let look = || -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(async move {
            let pulls = pulls(api, branch, base).await?;
            Ok(pulls.into_iter().find(|pull| pull.state == "open").map(|pull| pull.number))
        })
    };
    let opened = json!({ "title": title, "head": branch, "base": base, "body": body });
    post(api, &api.path("pulls"), &opened, look).await?;
    let number = look().await?;
    Ok(Applied::Done { id: number })
}

#[derive(Deserialize)]
struct Listed {
    number: u64,
    state: String,
    #[serde(default)]
    title: String,
    body: Option<String>,
    merged_at: Option<String>,
}

/// Pull requests from the branch, newest first.
/// <https://docs.github.com/rest/pulls/pulls#list-pull-requests>
async fn pulls(api: &Api, branch: &str, base: &str) -> Result<Vec<Listed>> {
    let (owner, _) = api.owner_and_name();
    let head = encode(format!("{owner}:{branch}").as_bytes());
    let base = encode(base.as_bytes());
    api.get(&api.path(&format!("pulls?state=all&head={head}&base={base}&per_page=20"))).await
}

#[derive(Deserialize)]
struct Reference {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

/// The commit a branch stands at; `None` if there is no such branch.
/// <https://docs.github.com/rest/git/refs#get-a-reference>
async fn tip(api: &Api, branch: &str) -> Result<Option<String>> {
    let name: Vec<String> = branch.split('/').map(|part| encode(part.as_bytes())).collect();
    let path = api.path(&format!("git/ref/heads/{}", name.join("/")));
    match api.get::<Reference>(&path).await {
        Ok(reference) => Ok(Some(reference.object.sha)),
        Err(ForgeError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Make the branch at `at`, or set what is left of an earlier proposal back to it.
/// <https://docs.github.com/rest/git/refs#create-a-reference>
async fn start(api: &Api, branch: &str, at: &str, there: Option<&str>) -> Result<()> {
    if there == Some(at) {
        return Ok(());
    }
    let made: std::result::Result<Value, _> = match there {
        Some(_) => {
            let path = api.path(&format!("git/refs/heads/{branch}"));
            let body = json!({ "sha": at, "force": true });
            api.write(Method::PATCH, &path, &body, Repeat::Harmless).await
        }
        None => {
            let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": at });
            api.write(Method::POST, &api.path("git/refs"), &body, Repeat::Harmless).await
        }
    };
    match made.map_err(|error| forge_error(error, true)) {
        Ok(_) => Ok(()),
        // Sent twice, made once.
        Err(ForgeError::Rejected(_)) if tip(api, branch).await?.as_deref() == Some(at) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a revision has these files as they are to be.
async fn holds(api: &Api, revision: &str, files: &[(String, Vec<u8>)]) -> Result<bool> {
    let reads = files.iter().map(|(path, content)| async move {
        let there = contents::file(api, revision, &RepoPath::from(path.as_str())).await?;
        Ok::<_, ForgeError>(there.as_deref() == Some(content.as_slice()))
    });
    Ok(try_join_all(reads).await?.into_iter().all(|same| same))
}

/// A commit that GitHub signs in the name of the token's account.
/// <https://docs.github.com/graphql/reference/mutations#createcommitonbranch>
const COMMIT: &str = "mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}";

async fn commit(
    api: &Api,
    branch: &str,
    head: &str,
    files: &[(String, Vec<u8>)],
    title: &str,
) -> Result<()> {
    let (owner, name) = api.owner_and_name();
    let additions: Vec<Value> = files
        .iter()
        .map(|(path, content)| json!({ "path": path, "contents": STANDARD.encode(content) }))
        .collect();
    let input = json!({
        "branch": { "repositoryNameWithOwner": format!("{owner}/{name}"), "branchName": branch },
        "message": { "headline": title },
        "expectedHeadOid": head,
        "fileChanges": { "additions": additions },
    });
    match api.graphql::<Value>(COMMIT, json!({ "input": input }), true).await {
        Ok(_) => Ok(()),
        // A commit that was sent twice finds the branch moved by the first.
        Err(error) => match tip(api, branch).await? {
            Some(now) if now != head && holds(api, &now, files).await? => Ok(()),
            _ => Err(error),
        },
    }
}
