//! Files of the working tree as git would store them: line ends, `ident` and
//! encodings by attribute and configuration. Filter programs are never run;
//! Git LFS needs none, as its pointers are made of a hash and a size.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use gix::bstr::{BStr, ByteSlice as _};
use gix::objs::Find as _;
use gix::{ObjectId, Repository};
use sha2::{Digest as _, Sha256};

use super::super::MAX_FILE_BYTES;
use super::{Candidate, FILE, LINK, mode_on_disk, on_disk};

/// What a file of the working tree turned out to be.
pub(super) enum Cleaned {
    /// Not there any more.
    Gone,
    /// What the index has.
    Same { mode: u32, id: ObjectId },
    /// Something else.
    New { mode: u32, data: Vec<u8> },
    /// Something else, too large to be looked at.
    Large { mode: u32, size: u64 },
    /// Only a program could tell.
    Filtered { filter: String },
    /// The system would not let it be read.
    Unreadable { error: std::io::Error },
}

pub(super) struct Cleaner<'a> {
    repo: &'a Repository,
    workdir: &'a Path,
    index: &'a gix::index::File,
    pipeline: gix::filter::plumbing::Pipeline,
    attributes: gix::worktree::Stack,
    filter: gix::attrs::search::Outcome,
    capabilities: gix::fs::Capabilities,
}

impl<'a> Cleaner<'a> {
    pub(super) fn new(
        repo: &'a Repository,
        workdir: &'a Path,
        index: &'a gix::index::File,
    ) -> anyhow::Result<Self> {
        let attributes = repo.attributes_only(
            index,
            gix::worktree::stack::state::attributes::Source::WorktreeThenIdMapping,
        )?;
        let filter = attributes.selected_attribute_matches(["filter"]);
        let attributes = attributes.detach();
        let mut pipeline = gix::filter::Pipeline::new(repo, attributes.clone())?.into_parts().0;
        let options = pipeline.options_mut();
        // This is what keeps programs from being run.
        options.drivers.clear();
        options.crlf_roundtrip_check = gix::filter::plumbing::pipeline::CrlfRoundTripCheck::Skip;
        let capabilities = repo.filesystem_options()?;
        Ok(Cleaner { repo, workdir, index, pipeline, attributes, filter, capabilities })
    }

    pub(super) fn read(&mut self, candidate: &Candidate) -> anyhow::Result<Cleaned> {
        let path = candidate.path.as_bstr();
        let full = on_disk(self.workdir, path)?;
        let Ok(found) = gix::index::fs::Metadata::from_path_no_follow(&full) else {
            return Ok(Cleaned::Gone);
        };
        let indexed = candidate.tracked.map_or(FILE, |(mode, _)| mode);
        let mode = mode_on_disk(&found, indexed, self.capabilities);
        if found.is_symlink() {
            return Ok(match std::fs::read_link(&full) {
                Ok(target) => {
                    let target = gix::path::into_bstr(target)?;
                    self.settle(candidate, mode, target.to_vec())?
                }
                Err(error) => Cleaned::Unreadable { error },
            });
        }
        if !found.is_file() {
            return Ok(Cleaned::Gone);
        }
        let filter = if mode == LINK { None } else { self.filter_of(path)? };
        let lfs = filter.as_deref() == Some("lfs");
        if let Some(filter) = filter.filter(|_| !lfs)
            && self.is_configured(&filter)
        {
            return Ok(Cleaned::Filtered { filter });
        }
        if lfs {
            return match lfs_pointer(&full) {
                Ok(data) => self.settle(candidate, mode, data),
                Err(error) => Ok(Cleaned::Unreadable { error }),
            };
        }
        if found.len() > MAX_FILE_BYTES {
            return self.large(candidate, mode, &full, found.len());
        }
        let mut raw = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
        let opened =
            File::open(&full).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut raw));
        if let Err(error) = opened {
            return Ok(Cleaned::Unreadable { error });
        }
        let data = if mode == LINK { raw } else { self.normalise(path, raw)? };
        self.settle(candidate, mode, data)
    }

    fn settle(&self, candidate: &Candidate, mode: u32, data: Vec<u8>) -> anyhow::Result<Cleaned> {
        if let Some((_, id)) = candidate.tracked {
            let hash =
                gix::objs::compute_hash(self.repo.object_hash(), gix::objs::Kind::Blob, &data)?;
            if hash == id {
                return Ok(Cleaned::Same { mode, id });
            }
        }
        Ok(Cleaned::New { mode, data })
    }

    /// A large file is the same one or another one; more is not said of it.
    fn large(
        &self,
        candidate: &Candidate,
        mode: u32,
        full: &Path,
        size: u64,
    ) -> anyhow::Result<Cleaned> {
        if let Some((_, id)) = candidate.tracked
            && self.repo.try_find_header(id)?.is_some_and(|header| header.size() == size)
        {
            let mut file = match File::open(full) {
                Ok(file) => file,
                Err(error) => return Ok(Cleaned::Unreadable { error }),
            };
            let hash = gix::objs::compute_stream_hash(
                self.repo.object_hash(),
                gix::objs::Kind::Blob,
                &mut file,
                size,
                &mut gix::progress::Discard,
                &false.into(),
            );
            if hash.is_ok_and(|hash| hash == id) {
                return Ok(Cleaned::Same { mode, id });
            }
        }
        Ok(Cleaned::Large { mode, size })
    }

    /// The value of the attribute `filter`.
    fn filter_of(&mut self, path: &BStr) -> anyhow::Result<Option<String>> {
        let platform = self
            .attributes
            .at_entry(path, None, &self.repo.objects)
            .with_context(|| format!("cannot read the attributes of {path}"))?;
        self.filter.reset();
        platform.matching_attributes(&mut self.filter);
        let value = self.filter.iter_selected().find_map(|found| {
            found.assignment.state.as_bstr().map(|value| value.to_str_lossy().into_owned())
        });
        Ok(value)
    }

    /// Whether git would start a program for this filter.
    fn is_configured(&self, filter: &str) -> bool {
        let config = self.repo.config_snapshot();
        ["clean", "process"]
            .into_iter()
            .any(|key| config.string(format!("filter.{filter}.{key}").as_str()).is_some())
    }

    fn normalise(&mut self, path: &BStr, raw: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        use gix::filter::plumbing::pipeline::convert::ToGitOutcome;
        let relative = gix::path::from_bstr(path)?;
        let objects = &self.repo.objects;
        let index = self.index;
        let platform = self.attributes.at_entry(path, None, objects)?;
        let outcome = self.pipeline.convert_to_git(
            raw.as_slice(),
            &relative,
            &mut |_, attributes| {
                platform.matching_attributes(attributes);
            },
            &mut |buffer| {
                let Some(entry) = index.entry_by_path(path) else { return Ok(None) };
                Ok(objects.try_find(&entry.id, buffer)?.map(|_| ()))
            },
        );
        Ok(match outcome {
            Ok(ToGitOutcome::Buffer(clean)) => clean.to_vec(),
            // A file whose encoding is not the declared one is taken as it is.
            Ok(ToGitOutcome::Unchanged(_)) | Err(_) => raw,
            Ok(ToGitOutcome::Process(_)) => raw,
        })
    }
}

/// What `git lfs clean` makes of a file, by
/// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>; a file that is
/// a pointer already, or empty, stays as it is.
fn lfs_pointer(path: &Path) -> std::io::Result<Vec<u8>> {
    const VERSION: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0_u64;
    loop {
        let read = file.read(&mut buffer)?;
        let is_whole = size == 0 && read < 1024;
        if is_whole && (read == 0 || buffer.starts_with(VERSION)) {
            buffer.truncate(read);
            return Ok(buffer);
        }
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
    let id: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut pointer = VERSION.to_vec();
    pointer.extend_from_slice(format!("oid sha256:{id}\nsize {size}\n").as_bytes());
    Ok(pointer)
}
