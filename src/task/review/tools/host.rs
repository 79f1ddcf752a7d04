//! Files from the host, where no checkout shows the change: so many calls a run
//! and no more, whatever the model asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::OnceCell;

use super::MAX_FILE_BYTES;
use crate::checkout::{self, is_credential};
use crate::diff::RepoPath;
use crate::forge::{FileList, Forge, ForgeError};

/// Calls of a run.
const MOST_CALLS: usize = 60;

/// What the model's tools may ask the host for.
pub struct HostFiles<'a> {
    forge: &'a dyn Forge,
    left: AtomicUsize,
    /// All files of the one revision that is listed; `None` if that failed.
    listing: OnceCell<Option<Arc<FileList>>>,
}

impl<'a> HostFiles<'a> {
    /// Nothing is asked yet.
    pub fn new(forge: &'a dyn Forge) -> Self {
        HostFiles { forge, left: AtomicUsize::new(MOST_CALLS), listing: OnceCell::new() }
    }

    fn take(&self) -> Result<(), String> {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.map(drop).map_err(|_| {
            "no more files are read in this run; answer with what you have seen".to_owned()
        })
    }

    /// A file at a revision; `None` if it is not there.
    ///
    /// # Errors
    /// The run's calls are used up, or the host would not say.
    pub async fn file(&self, revision: &str, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        self.take().map_err(anyhow::Error::msg)?;
        Ok(self.forge.file(revision, &RepoPath::from(path)).await?)
    }

    pub(super) async fn read(&self, revision: &str, path: &str) -> Result<Vec<u8>, String> {
        self.take()?;
        match self.forge.file(revision, &RepoPath::from(path)).await {
            Ok(Some(bytes)) if bytes.len() as u64 > MAX_FILE_BYTES => {
                Err(format!("cannot read `{path}`: {} bytes are too many", bytes.len()))
            }
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(format!("cannot read `{path}`: there is no such file")),
            Err(why) => {
                tracing::debug!("cannot read {path} at {revision}: {why}");
                Err(format!("cannot read `{path}`: the host did not answer"))
            }
        }
    }

    /// Files below `dir` that match `glob`, and whether there may be more.
    pub(super) async fn list(
        &self,
        revision: &str,
        dir: &str,
        glob: Option<&str>,
        most: usize,
    ) -> Result<(Vec<String>, bool), String> {
        let wanted = glob.map(checkout::globs).transpose().map_err(|error| error.to_string())?;
        let all = self.all(revision).await?;
        let inside = match dir {
            "" => String::new(),
            dir => format!("{dir}/"),
        };
        let mut listing = Arc::clone(&all);
        if all.truncated && !dir.is_empty() {
            self.take()?;
            listing = match self.forge.list_files(revision, dir).await {
                Ok(listing) => Arc::new(listing),
                Err(ForgeError::NotFound(_)) => Arc::default(),
                Err(why) => return Err(unlisted(&why)),
            };
        }
        let is_wanted = |path: &&String| {
            path.starts_with(&inside)
                && !is_credential(path)
                && wanted.as_ref().is_none_or(|wanted| wanted.is_match(path))
        };
        let mut found: Vec<String> =
            listing.files.iter().filter(is_wanted).take(most + 1).cloned().collect();
        let more = found.len() > most;
        found.truncate(most);
        Ok((found, more || listing.truncated))
    }

    async fn all(&self, revision: &str) -> Result<Arc<FileList>, String> {
        let list = || async {
            self.take().ok()?;
            match self.forge.list_files(revision, "").await {
                Ok(listing) => Some(Arc::new(listing)),
                Err(why) => {
                    tracing::debug!("{}", unlisted(&why));
                    None
                }
            }
        };
        let listing = self.listing.get_or_init(list).await.clone();
        listing.ok_or_else(|| "the files cannot be listed in this run".to_owned())
    }
}

fn unlisted(why: &ForgeError) -> String {
    format!("cannot list the files: {why}")
}
