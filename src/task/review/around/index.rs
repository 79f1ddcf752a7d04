//! The checkout's source files, read once a run, with the names that they define.

use std::collections::{HashMap, HashSet};

use aho_corasick::{AhoCorasick, MatchKind};
use bytes::Bytes;

use super::{Sources, nearness, stands_alone};
use crate::checkout::Checkout;
use crate::code::enclosing::Outline;
use crate::code::language::Language;
use crate::diff::{Change, skip};

/// Files that are read.
const MOST_FILES: usize = 20_000;
/// Bytes that are kept of them together.
const MOST_BYTES: usize = 64 << 20;
/// Longer files are not read.
const MOST_FILE_BYTES: u64 = 1 << 20;
/// Names that a listing gives.
const MOST_LISTED: usize = 200_000;
/// Files read at a time, after which the bytes are counted.
const BATCH: usize = 512;
/// Mentions of one name that are looked at.
const MOST_MENTIONS: usize = 10_000;

/// Source files with the names that they define.
#[derive(Debug, Default)]
pub struct Index {
    files: Vec<Indexed>,
    /// By name: which files define it, once for each definition, in order.
    defined: HashMap<Box<str>, Vec<u32>>,
}

#[derive(Debug)]
struct Indexed {
    path: String,
    language: Language,
    text: Bytes,
}

impl Index {
    /// Reads a checkout's source files: those near the change first, at most
    /// 20,000 and 64 MiB. Generated, vendored and very long files are left out.
    pub fn of_checkout(checkout: &Checkout, change: &Change) -> Index {
        let listing = match checkout.list("", None, MOST_LISTED) {
            Ok(listing) => listing,
            Err(why) => {
                tracing::warn!("cannot list the checkout: {why}");
                return Index::default();
            }
        };
        let mut paths: Vec<String> = listing
            .files
            .into_iter()
            .filter(|path| Language::of_path(path).is_some() && skip::by_path(path).is_none())
            .collect();
        if paths.len() > BATCH {
            nearest_first(&mut paths, change);
        }
        paths.truncate(MOST_FILES);
        let read = |path: &String| {
            let text = checkout.read(path, MOST_FILE_BYTES).ok()?;
            Some((path.clone(), Bytes::from(text)))
        };
        let mut files = Vec::new();
        let mut bytes = 0;
        'all: for batch in paths.chunks(BATCH) {
            for (path, text) in parallel(batch, read).into_iter().flatten() {
                bytes += text.len();
                if bytes > MOST_BYTES {
                    break 'all;
                }
                files.push((path, text));
            }
        }
        Index::of_files(files)
    }

    /// An index over files at hand: path and text.
    pub fn of_files(files: Vec<(String, Bytes)>) -> Index {
        let mut files: Vec<Indexed> = files
            .into_iter()
            .filter_map(|(path, text)| {
                let language = Language::of_path(&path)?;
                let is_source = memchr::memchr(0, &text[..text.len().min(8000)]).is_none()
                    && !skip::is_generated(&text);
                is_source.then_some(Indexed { path, language, text })
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let names = parallel(&files, |file| names(&file.text));
        let mut defined: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (at, names) in (0..).zip(names) {
            for name in names {
                defined.entry(name.into()).or_default().push(at);
            }
        }
        Index { files, defined }
    }

    /// How many files it has.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

fn names(text: &[u8]) -> Vec<String> {
    Outline::new(text).definitions().iter().map(|one| one.name.clone()).collect()
}

fn nearest_first(paths: &mut [String], change: &Change) {
    let mut folders: HashSet<String> = HashSet::new();
    for file in &change.files {
        folders.insert(format!("{}/", super::folder(&file.path().display())));
    }
    let mut folders: Vec<String> = folders.into_iter().collect();
    folders.sort();
    folders.truncate(50);
    let near = |path: &String| {
        let near = folders.iter().map(|folder| nearness(path, folder));
        (near.fold(0.0, f64::max) * 1e6) as u64
    };
    paths.sort_by_cached_key(|path| (std::cmp::Reverse(near(path)), path.clone()));
}

/// Each item's outcome, in order, worked out on as many cores as there are, at most four.
pub(super) fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    if cores == 1 || items.len() < 4 {
        return items.iter().map(work).collect();
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let run = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                match items.get(at) {
                    Some(item) => done.push((at, work(item))),
                    None => return done,
                }
            }
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(run)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<(usize, R)>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// A file as it is after the change.
pub(super) struct File {
    pub path: String,
    pub language: Language,
    pub text: Bytes,
    pub is_test: bool,
}

/// The source files as they are after the change, whatever the checkout is at.
pub(super) struct Files<'i> {
    pub all: Vec<File>,
    /// For each file of the index, its place in `all`.
    places: Vec<Option<usize>>,
    /// Names defined by files that the index has not, or not as they are.
    fresh: HashMap<String, Vec<usize>>,
    index: &'i Index,
}

/// A name in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mention {
    /// Which of the names asked for.
    pub name: usize,
    /// In [`Files::all`].
    pub file: usize,
    /// The byte at which it begins.
    pub at: usize,
}

impl<'i> Files<'i> {
    pub(super) fn of(change: &Change, sources: &'i dyn Sources) -> Files<'i> {
        let index = sources.index();
        let mut changed: HashMap<String, Option<Bytes>> = HashMap::new();
        for file in &change.files {
            if let Some(path) = &file.old_path {
                changed.entry(path.display()).or_insert(None);
            }
            if let Some(path) = &file.new_path {
                let path = path.display();
                if Language::of_path(&path).is_some() {
                    changed.insert(path, sources.head(file));
                }
            }
        }
        let mut files = Files { all: Vec::new(), places: Vec::new(), fresh: HashMap::new(), index };
        for indexed in &index.files {
            let (path, language) = (&indexed.path, indexed.language);
            let text = match changed.remove(path) {
                None => Some(indexed.text.clone()),
                Some(head) => head.inspect(|head| {
                    if *head != indexed.text {
                        files.add_names(head);
                    }
                }),
            };
            files.places.push(text.is_some().then_some(files.all.len()));
            files.all.extend(text.map(|text| file(path.clone(), language, text)));
        }
        let mut rest: Vec<(String, Bytes)> =
            changed.into_iter().filter_map(|(path, head)| Some((path, head?))).collect();
        rest.sort();
        for (path, head) in rest {
            let Some(language) = Language::of_path(&path) else { continue };
            if skip::by_path(&path).is_none() && !skip::is_generated(&head) {
                files.add_names(&head);
                files.all.push(file(path, language, head));
            }
        }
        files
    }

    fn add_names(&mut self, text: &[u8]) {
        let place = self.all.len();
        for name in names(text) {
            self.fresh.entry(name).or_default().push(place);
        }
    }

    /// The files that define a name, once for each definition.
    pub(super) fn defining(&self, name: &str) -> Vec<usize> {
        let indexed = self.index.defined.get(name).into_iter().flatten();
        let mut found: Vec<usize> =
            indexed.filter_map(|at| self.places.get(*at as usize).copied().flatten()).collect();
        let fresh = self.fresh.get(name).map_or(&[][..], Vec::as_slice);
        // A file that is not as the index has it counts as it is.
        found.retain(|at| !fresh.contains(at));
        found.extend(fresh);
        found.sort_unstable();
        found
    }

    /// Every place where one of the names stands as a whole word, in files of a
    /// language that `wanted` takes for it.
    pub(super) fn mentions(
        &self,
        names: &[&str],
        wanted: impl Fn(usize, Language) -> bool + Sync,
    ) -> Vec<Mention> {
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(names);
        let Ok(finder) = finder else { return Vec::new() };
        let places: Vec<usize> = (0..self.all.len()).collect();
        let per_file = parallel(&places, |&file| {
            let File { text, language, .. } = &self.all[file];
            let mut found = Vec::new();
            for one in finder.find_iter(&text[..]) {
                let (start, end) = (one.start(), one.end());
                let whole = stands_alone(text, start, end);
                let name = one.pattern().as_usize();
                if whole && wanted(name, *language) {
                    found.push(Mention { name, file, at: start });
                }
            }
            found
        });
        let mut count = vec![0; names.len()];
        let mut all: Vec<Mention> = per_file.into_iter().flatten().collect();
        all.retain(|mention| {
            count[mention.name] += 1;
            count[mention.name] <= MOST_MENTIONS
        });
        all
    }
}

fn file(path: String, language: Language, text: Bytes) -> File {
    let is_test = language.is_test_path(&path);
    File { path, language, text, is_test }
}
