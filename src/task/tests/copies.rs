//! The head and the base as copies of the checkout: tests run there and nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bytes::Bytes;

use super::bench::Side;
use super::manifest::Manifest;
use crate::diff::{Change, FileDiff};
use crate::sandbox::{self, Copy, Shown, Walls};

/// One side.
#[derive(Debug)]
struct One {
    /// Thrown away with it.
    copy: Copy,
    manifest: Manifest,
    /// Files that read otherwise than in the checkout; `None` for those that are not there.
    texts: BTreeMap<String, Option<Bytes>>,
}

/// Both sides.
#[derive(Debug)]
pub struct Copies {
    origin: PathBuf,
    head: One,
    base: One,
}

/// A changed file's texts.
pub struct Sides<'a> {
    /// After the change.
    pub head: &'a dyn Fn(&FileDiff) -> Option<Bytes>,
    /// Before it.
    pub base: &'a dyn Fn(&FileDiff) -> Option<Bytes>,
}

impl Copies {
    /// Copy the checkout at `origin` twice below `temp`, and make the files of the
    /// change read as on each side.
    ///
    /// # Errors
    /// There is no room, or a changed file's text is not at hand.
    pub fn make(
        origin: &Path,
        temp: &Path,
        walls: &Walls,
        change: &Change,
        sides: &Sides<'_>,
    ) -> Result<Copies> {
        let (mut head, mut base) = (BTreeMap::new(), BTreeMap::new());
        for file in &change.files {
            let (old, new) = (path_of(file.old_path.as_ref()), path_of(file.new_path.as_ref()));
            if file.patch().is_none() || mode_is_special(file) {
                // Bytes that are no text, a submodule: the same on both sides.
                continue;
            }
            if let Some(new) = &new {
                let text = (sides.head)(file);
                let text = text.with_context(|| {
                    format!(
                        "cannot read {new} as the change has it: check out the change's head, \
                         with its history (`fetch-depth: 0`)"
                    )
                })?;
                head.insert(new.clone(), Some(text));
                if old.as_ref() != Some(new) {
                    base.insert(new.clone(), None);
                }
            }
            if let Some(old) = &old {
                let text = (sides.base)(file);
                let text = text.with_context(|| format!("cannot read {old} as it was before"))?;
                base.insert(old.clone(), Some(text));
                if new.as_ref() != Some(old) {
                    head.entry(old.clone()).or_insert(None);
                }
            }
        }
        let one = |texts: BTreeMap<String, Option<Bytes>>| -> Result<One> {
            let copy = sandbox::copy_of(origin, temp, walls)?;
            for (path, text) in &texts {
                lay(copy.path(), path, text.as_deref())?;
            }
            let manifest = Manifest::of(copy.path());
            Ok(One { copy, manifest, texts })
        };
        Ok(Copies { origin: origin.to_path_buf(), head: one(head)?, base: one(base)? })
    }

    fn side(&self, side: Side) -> &One {
        match side {
            Side::Head => &self.head,
            Side::Base => &self.base,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut One {
        match side {
            Side::Head => &mut self.head,
            Side::Base => &mut self.base,
        }
    }

    /// Where a side's copy lies.
    pub fn path(&self, side: Side) -> PathBuf {
        self.side(side).copy.path().to_path_buf()
    }

    /// What runs on a side see elsewhere than where it lies.
    pub fn shown(&self, side: Side) -> Vec<Shown> {
        self.side(side).copy.shown().to_vec()
    }

    /// What of the checkout the copies lack, in sentences.
    pub fn notes(&self) -> &[String] {
        self.head.copy.notes()
    }

    /// What a side's file reads, from where no test could write.
    pub fn text(&self, side: Side, path: &str) -> Option<Vec<u8>> {
        text(&self.origin, &self.side(side).texts, path)
    }

    /// What a copy holds now is as it has to be: after a setup, and after builds.
    pub fn remember(&mut self) {
        for side in [Side::Head, Side::Base] {
            let one = self.side_mut(side);
            one.manifest = Manifest::of(one.copy.path());
        }
    }

    /// The suite has run on the head once more: what it wrote anew, and the checkout does
    /// not have, is nobody's to be put back.
    pub fn remember_steady(&mut self) {
        let rewritten = self.head.manifest.altered(&[]);
        self.remember();
        for path in rewritten {
            if text(&self.origin, &self.head.texts, &path).is_none() {
                self.head.manifest.forget(&path);
            }
        }
    }

    /// Files that a run altered, but for `known`; they are put back, and what is new is
    /// taken away.
    ///
    /// # Errors
    /// One cannot be put back.
    pub fn altered(&mut self, side: Side, known: &[&str]) -> Result<Vec<String>> {
        let origin = self.origin.clone();
        let one = self.side_mut(side);
        let altered = one.manifest.altered(known);
        if !altered.is_empty() {
            let texts = one.texts.clone();
            one.manifest.restore(&altered, &|path| text(&origin, &texts, path))?;
        }
        Ok(altered)
    }

    /// A file was written by us.
    pub fn renew(&mut self, side: Side, path: &str) {
        self.side_mut(side).manifest.renew(path);
    }

    /// Keep a text on a side from now on.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&mut self, side: Side, path: &str, text: &[u8]) -> Result<()> {
        let one = self.side_mut(side);
        lay(one.copy.path(), path, Some(text))?;
        one.texts.insert(path.to_owned(), Some(Bytes::copy_from_slice(text)));
        one.manifest.renew(path);
        Ok(())
    }
}

fn text(origin: &Path, texts: &BTreeMap<String, Option<Bytes>>, path: &str) -> Option<Vec<u8>> {
    match texts.get(path) {
        Some(text) => text.as_ref().map(|text| text.to_vec()),
        None => {
            let whole = origin.join(path);
            let meta = std::fs::symlink_metadata(&whole).ok()?;
            if meta.is_file() { std::fs::read(whole).ok() } else { None }
        }
    }
}

fn path_of(path: Option<&crate::diff::RepoPath>) -> Option<String> {
    path.and_then(|path| path.to_str()).map(str::to_owned)
}

fn mode_is_special(file: &FileDiff) -> bool {
    let special = |mode: Option<crate::diff::Mode>| {
        mode.is_some_and(|mode| mode.is_symlink() || mode.is_submodule())
    };
    special(file.old_mode) || special(file.new_mode)
}

/// Write a file in a fresh copy, or take it away.
fn lay(copy: &Path, path: &str, text: Option<&[u8]>) -> Result<()> {
    let whole = copy.join(path);
    match text {
        Some(text) => {
            if std::fs::read(&whole).is_ok_and(|there| there == text) {
                return Ok(());
            }
            if let Some(folder) = whole.parent() {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder of {path}"))?;
            }
            std::fs::write(&whole, text).with_context(|| format!("cannot write {path} in a copy"))
        }
        None => match std::fs::remove_file(&whole) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot take {path} out of a copy"))
            }
            _ => Ok(()),
        },
    }
}
