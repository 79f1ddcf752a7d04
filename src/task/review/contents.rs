//! Whole files on both sides of a change, as far as they can be had without
//! asking the host: from the working tree where it agrees with the diff, from
//! git's objects, or from what was fetched on purpose.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;

use crate::checkout::Checkout;
use crate::diff::{FileDiff, LineKind, apply};
use crate::forge::local::Local;

/// Larger files are not looked into.
const MOST_BYTES: u64 = 4 << 20;

/// Whole files of a change.
pub struct Contents<'a> {
    checkout: Option<&'a Checkout>,
    /// With the revision of the head, if its commit is there.
    repository: Option<(&'a Local, Option<&'a str>)>,
    heads: Mutex<HashMap<String, Option<Bytes>>>,
}

impl<'a> Contents<'a> {
    /// `head` is the revision under review, if git's objects are to be asked for it.
    pub fn new(
        checkout: Option<&'a Checkout>,
        repository: Option<&'a Local>,
        head: Option<&'a str>,
    ) -> Self {
        let repository = repository
            .map(|repository| (repository, head.filter(|head| repository.has_commit(head))));
        Contents { checkout, repository, heads: Mutex::default() }
    }

    /// Put in what was fetched from the host.
    pub fn insert(&self, path: &str, head: Option<Bytes>) {
        if let Ok(mut heads) = self.heads.lock() {
            heads.insert(path.to_owned(), head);
        }
    }

    /// The file after the change; `None` if deleted, too large or not at hand.
    pub fn head(&self, file: &FileDiff) -> Option<Bytes> {
        let path = file.new_path.as_ref()?.to_str()?;
        if let Some(known) = self.heads.lock().ok()?.get(path) {
            return known.clone();
        }
        let found = self.find(file, path);
        self.insert(path, found.clone());
        found
    }

    fn find(&self, file: &FileDiff, path: &str) -> Option<Bytes> {
        if let Some(content) =
            self.checkout.and_then(|checkout| checkout.read(path, MOST_BYTES).ok())
        {
            let content = Bytes::from(content);
            // The working tree may be at another revision (a merge commit, the
            // default branch): its file counts only if the diff fits it.
            if agrees(file, &content) {
                return Some(content);
            }
        }
        let (repository, head) = self.repository?;
        let content = repository.file_at(head?, file.new_path.as_ref()?).ok()??;
        let content = Bytes::from(content);
        (content.len() as u64 <= MOST_BYTES && agrees(file, &content)).then_some(content)
    }

    /// The file before the change, rebuilt from the file after it.
    pub fn base(&self, file: &FileDiff) -> Option<Bytes> {
        file.old_path.as_ref()?;
        if file.new_path.is_none() {
            // Deleted: the diff has the whole of it.
            return apply::unapply(file, b"").ok().map(Bytes::from);
        }
        let head = self.head(file)?;
        apply::unapply(file, &head).ok().map(Bytes::from)
    }
}

/// Whether every line that the diff shows of the new side stands in `content`
/// under its number.
fn agrees(file: &FileDiff, content: &[u8]) -> bool {
    let Some(patch) = file.patch() else { return false };
    let mut rest = content;
    let mut at = 1;
    for line in patch.numbered().filter(|line| line.kind != LineKind::Removed) {
        let number = line.number();
        while at < number {
            match memchr::memchr(b'\n', rest) {
                Some(end) => rest = &rest[end + 1..],
                None => return false,
            }
            at += 1;
        }
        let end = memchr::memchr(b'\n', rest);
        if rest[..end.unwrap_or(rest.len())] != *line.text {
            return false;
        }
    }
    true
}
