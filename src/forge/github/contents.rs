//! Files at a revision.

use ::http::header::CONTENT_TYPE;
use anyhow::anyhow;
use bytes::Bytes;

use super::api::{Api, RAW, encode};
use super::files::encode_path;
use super::wire;
use crate::diff::RepoPath;
use crate::forge::{ForgeError, Result};
use crate::http::HeaderMap;

/// See [`crate::forge::Forge::file`]. Folders and submodules are no files. A
/// link that leads to a file of the repository reads as that file, another as
/// its target's name: GitHub's own rule.
pub(super) async fn file(api: &Api, revision: &str, path: &RepoPath) -> Result<Option<Vec<u8>>> {
    let encoded = match encode_path(path) {
        Ok(encoded) => encoded,
        Err(ForgeError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let reference = encode(revision.as_bytes());
    let url = api.path(&format!("contents/{encoded}?ref={reference}"));
    match api.get_as(&url, RAW).await {
        Ok((headers, body)) if is_json(&headers) => Ok(described(&body)),
        Ok((_, body)) => Ok(Some(body.to_vec())),
        Err(ForgeError::NotFound(_)) => Ok(None),
        Err(ForgeError::Denied(error)) if too_large(&error) => {
            large_file(api, &reference, &encoded).await
        }
        Err(error) => Err(error),
    }
}

/// A file comes as `application/vnd.github.raw…`, everything else as plain JSON.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"))
}

fn described(body: &Bytes) -> Option<Vec<u8>> {
    let entry: wire::ContentEntry = serde_json::from_slice(body).ok()?;
    (entry.kind == "symlink").then_some(entry.target?.into_bytes())
}

fn too_large(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}").to_ascii_lowercase();
    text.contains("too large") || text.contains("too_large") || text.contains("larger than")
}

/// A file that the contents endpoint refuses for its size, as a blob.
async fn large_file(api: &Api, reference: &str, encoded: &str) -> Result<Option<Vec<u8>>> {
    let (folder, name) = encoded.rsplit_once('/').unwrap_or(("", encoded));
    let slash = if folder.is_empty() { "" } else { "/" };
    let url = api.path(&format!("contents{slash}{folder}?ref={reference}"));
    let entries: Vec<wire::ContentEntry> = api.get(&url).await?;
    let Some(entry) = entries.into_iter().find(|entry| encode(entry.name.as_bytes()) == name)
    else {
        return Err(ForgeError::Rejected(anyhow!("GitHub does not hand out `{encoded}`")));
    };
    let blob = api.path(&format!("git/blobs/{}", encode(entry.sha.as_bytes())));
    match api.get_as(&blob, RAW).await {
        Ok((_, body)) => Ok(Some(body.to_vec())),
        Err(ForgeError::Denied(error)) if too_large(&error) => Err(ForgeError::Rejected(error)),
        Err(error) => Err(error),
    }
}

/// See [`crate::forge::Forge::root_entries`].
pub(super) async fn root_entries(api: &Api, revision: &str) -> Result<Vec<String>> {
    let path = api.path(&format!("git/trees/{}", encode(revision.as_bytes())));
    let tree: wire::Tree = api.get(&path).await?;
    Ok(tree.tree.into_iter().map(|entry| entry.path).collect())
}
