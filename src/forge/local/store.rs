//! Objects of the repository, and those made of the working tree, which live
//! in memory and are never written.

use std::collections::HashMap;
use std::sync::Arc;

use gix::ObjectId;
use gix::objs::{Find, FindHeader, Kind};

/// Objects that are not in the repository.
#[derive(Debug, Default)]
pub(super) struct Extra(HashMap<ObjectId, Object>);

#[derive(Debug)]
enum Object {
    Whole(Kind, Vec<u8>),
    /// A file of this many bytes that was not read.
    Large(u64),
}

impl Extra {
    /// Keep an object; the same one twice is kept once.
    pub(super) fn insert(&mut self, kind: Kind, data: Vec<u8>) -> gix::Result<ObjectId> {
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, &data)?;
        self.0.entry(id).or_insert(Object::Whole(kind, data));
        Ok(id)
    }

    /// Keep the place of a file that is too large to be read, under an id that
    /// no object has.
    pub(super) fn insert_large(&mut self, path: &[u8], size: u64) -> gix::Result<ObjectId> {
        let mut name = format!("unread file of {size} bytes: ").into_bytes();
        name.extend_from_slice(path);
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Tag, &name)?;
        self.0.insert(id, Object::Large(size));
        Ok(id)
    }
}

/// A thread's view of the objects.
#[derive(Clone)]
pub(super) struct Objects {
    repo: gix::Repository,
    extra: Arc<Extra>,
}

/// A blob, as far as it can be had.
pub(super) enum Blob {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// More bytes than are looked at; this many.
    TooLarge(u64),
    /// Not in this clone.
    Absent,
}

impl Objects {
    pub(super) fn new(repo: gix::Repository, extra: Extra) -> Self {
        Objects { repo, extra: Arc::new(extra) }
    }

    /// What another thread needs to build its own view.
    pub(super) fn share(&self) -> Shared {
        Shared { repo: self.repo.clone().into_sync(), extra: Arc::clone(&self.extra) }
    }

    /// A blob's size in bytes; `None` if it is not in this clone.
    pub(super) fn size(&self, id: &gix::oid) -> anyhow::Result<Option<u64>> {
        match self.extra.0.get(id) {
            Some(Object::Whole(_, data)) => return Ok(Some(data.len() as u64)),
            Some(Object::Large(size)) => return Ok(Some(*size)),
            None => {}
        }
        Ok(self.repo.objects.try_header(id)?.map(|header| header.size))
    }

    /// A blob of at most `limit` bytes.
    pub(super) fn blob(&self, id: &gix::oid, limit: u64) -> anyhow::Result<Blob> {
        match self.size(id)? {
            None => return Ok(Blob::Absent),
            Some(size) if size > limit => return Ok(Blob::TooLarge(size)),
            Some(_) => {}
        }
        match self.extra.0.get(id) {
            Some(Object::Whole(_, data)) => return Ok(Blob::Bytes(data.clone())),
            Some(Object::Large(size)) => return Ok(Blob::TooLarge(*size)),
            None => {}
        }
        let mut buffer = Vec::new();
        let found = self.repo.objects.try_find(id, &mut buffer)?.is_some();
        Ok(if found { Blob::Bytes(buffer) } else { Blob::Absent })
    }
}

/// See [`Objects::share`].
pub(super) struct Shared {
    repo: gix::ThreadSafeRepository,
    extra: Arc<Extra>,
}

impl Shared {
    /// A view for the calling thread.
    pub(super) fn objects(&self) -> Objects {
        Objects { repo: self.repo.to_thread_local(), extra: Arc::clone(&self.extra) }
    }
}

impl Find for Objects {
    fn try_find<'a>(
        &self,
        id: &gix::oid,
        buffer: &'a mut Vec<u8>,
    ) -> gix::Result<Option<gix::objs::Data<'a>>> {
        if let Some(Object::Whole(kind, data)) = self.extra.0.get(id) {
            buffer.clear();
            buffer.extend_from_slice(data);
            return Ok(Some(gix::objs::Data { kind: *kind, object_hash: id.kind(), data: buffer }));
        }
        // Git knows the empty tree without storing it.
        if id == ObjectId::empty_tree(id.kind()) {
            buffer.clear();
            let kind = Kind::Tree;
            return Ok(Some(gix::objs::Data { kind, object_hash: id.kind(), data: buffer }));
        }
        self.repo.objects.try_find(id, buffer)
    }
}

/// How many threads are worth having.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(8))
}

/// A thread's result, with its panic passed on.
pub(super) fn join<T>(handle: std::thread::ScopedJoinHandle<'_, T>) -> T {
    match handle.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// `work` of every number below `count`, in order, over as many threads as are
/// worth it.
pub(super) fn parallel<T: Send>(
    objects: &Objects,
    count: usize,
    work: impl Fn(&Objects, usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    const WORTH_THREADS: usize = 32;
    if count < WORTH_THREADS || threads() == 1 {
        return (0..count).map(|index| work(objects, index)).collect();
    }
    // Small portions in turn: the files of a change differ widely in size.
    const PORTION: usize = 8;
    let next = std::sync::atomic::AtomicUsize::new(0);
    let shared = objects.share();
    let run = || -> anyhow::Result<Vec<(usize, T)>> {
        let objects = shared.objects();
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(PORTION, std::sync::atomic::Ordering::Relaxed);
            if start >= count {
                return Ok(done);
            }
            for index in start..(start + PORTION).min(count) {
                done.push((index, work(&objects, index)?));
            }
        }
    };
    let parts = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads()).map(|_| scope.spawn(run)).collect();
        let own = run();
        std::iter::once(own).chain(others.into_iter().map(join)).collect::<Vec<_>>()
    });
    let mut all: Vec<(usize, T)> = Vec::with_capacity(count);
    for part in parts {
        all.extend(part?);
    }
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, value)| value).collect())
}
