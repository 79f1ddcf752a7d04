//! The pipeline files that a change touches, whole, with what lies beside them.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::checkout::{Checkout, is_credential};
use crate::diff::{FileDiff, Status as FileStatus};
use crate::forge::Forge;
use crate::forge::local::Local;
use crate::inputs::Inputs;
use crate::pipeline::check::check;
use crate::pipeline::optimize::optimize;
use crate::pipeline::prove::Gates;
use crate::pipeline::{self, Files, NoFiles, Outcome, Platform, platform};
use crate::task::pipeline::collect::{LARGEST_OTHER, Subject, Workspace, is_active};
use crate::task::pipeline::settings;
use crate::task::review::collect::{self, Collected};
use crate::task::review::contents::Contents;
use crate::task::review::shows_head;

/// Most files of a change that are looked at.
const MOST_FILES: usize = 40;
/// How often what the files ask for is fetched: an include may name another one.
const ROUNDS: usize = 4;
/// Most files that are fetched in a round.
const MOST_READS: usize = 40;

/// The files with what lies beside them.
pub struct Touched {
    /// The files, as the change leaves them.
    pub subjects: Vec<Subject>,
    /// What lies beside.
    pub beside: Beside,
    /// What the reader has to know.
    pub notes: Vec<String>,
}

/// What lies beside the files at the change's head.
pub enum Beside {
    /// The checkout, which is at the head.
    Checkout(Workspace),
    /// What the host gave.
    Host(Fetched),
    /// Unknown.
    Nothing,
}

impl Files for Beside {
    fn paths(&self) -> &[String] {
        match self {
            Beside::Checkout(workspace) => workspace.paths(),
            Beside::Host(fetched) => fetched.paths(),
            Beside::Nothing => NoFiles.paths(),
        }
    }

    fn read(&self, path: &str) -> Option<String> {
        match self {
            Beside::Checkout(workspace) => workspace.read(path),
            Beside::Host(fetched) => fetched.read(path),
            Beside::Nothing => None,
        }
    }
}

/// Files of a revision as the host has them. What was asked for and is not here yet
/// is remembered.
#[derive(Default)]
pub struct Fetched {
    paths: Vec<String>,
    texts: RefCell<HashMap<String, Option<String>>>,
    missed: RefCell<BTreeSet<String>>,
}

impl Files for Fetched {
    fn paths(&self) -> &[String] {
        &self.paths
    }

    fn read(&self, path: &str) -> Option<String> {
        if let Some(known) = self.texts.borrow().get(path) {
            return known.clone();
        }
        if self.exists(path) && !is_credential(path) {
            self.missed.borrow_mut().insert(path.to_owned());
        }
        None
    }
}

/// A touched file before it is read as a pipeline.
struct Source {
    path: String,
    platform: Option<Platform>,
    text: Result<String, String>,
}

/// Read the pipeline files that the change touches.
pub async fn gather(
    inputs: &Inputs,
    forge: Option<&dyn Forge>,
    local: Option<&Local>,
    root: &Path,
    collected: &Collected,
) -> Touched {
    let checkout = Checkout::new(root).ok();
    // The files themselves tell, and nothing that git or the host knows of the head.
    let at_head = checkout.is_some()
        && shows_head(&collected.change, &Contents::new(checkout.as_ref(), None, None));
    let contents = Contents::new(checkout.as_ref(), local, collected.head_commit.as_deref());
    let mut notes = collected.notes.clone();
    let possible: Vec<&FileDiff> =
        collected.change.files.iter().filter(|file| may_be_one(inputs, file)).collect();
    let taken = &possible[..possible.len().min(MOST_FILES)];
    if possible.len() > taken.len() {
        notes.push(format!("Only the first {MOST_FILES} pipeline files were looked at."));
    }
    if let (Some(forge), Some(head)) = (forge, collected.head_commit.as_deref()) {
        let missing: Vec<&FileDiff> =
            taken.iter().copied().filter(|file| contents.head(file).is_none()).collect();
        for (path, content) in collect::fetch_heads(forge, head, &missing).await {
            contents.insert(&path, content);
        }
    }
    let sources: Vec<Source> = taken
        .iter()
        .filter_map(|file| source(file.new_path.as_ref()?.to_str()?, contents.head(file)))
        .collect();
    if sources.is_empty() {
        return Touched { subjects: Vec::new(), beside: Beside::Nothing, notes };
    }
    let beside = if at_head {
        Beside::Checkout(Workspace::around(root))
    } else if let (Some(forge), Some(head)) = (forge, collected.head_commit.as_deref()) {
        Beside::Host(fetch(inputs, forge, head, &sources, &mut notes).await)
    } else {
        notes.push("What lies beside the pipeline files is unknown.".to_owned());
        Beside::Nothing
    };
    let subjects = sources.into_iter().map(|source| subject(source, &beside)).collect();
    Touched { subjects, beside, notes }
}

/// Whether the change leaves a file there that may be a pipeline, by its name.
fn may_be_one(inputs: &Inputs, file: &FileDiff) -> bool {
    let Some(path) = file.new_path.as_ref().and_then(|path| path.to_str()) else { return false };
    let odd = file.new_mode.is_some_and(|mode| mode.is_symlink() || mode.is_submodule());
    if odd || file.status == FileStatus::Deleted || !inputs.wants(path) {
        return false;
    }
    is_active(path) || (platform::by_path(path).is_none() && is_named_for_ci(path))
}

/// Whether a name that is no platform's own still says that it is for a CI system;
/// its content has to say whose. Any other YAML file has other readers.
fn is_named_for_ci(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    if !(lower.ends_with(".yml") || lower.ends_with(".yaml") || lower.ends_with(".groovy")) {
        return false;
    }
    lower.split(['/', '.', '-', '_']).any(|word| {
        matches!(word, "ci" | "pipeline" | "pipelines" | "azure" | "gitlab" | "jenkins" | "harness")
    })
}

/// What is known of a file; `None` where its content says that it is no pipeline.
fn source(path: &str, content: Option<Bytes>) -> Option<Source> {
    let by_path = platform::by_path(path);
    let text = match content {
        Some(content) => String::from_utf8(content.to_vec()).map_err(|_| "it is no UTF-8 text"),
        None => Err("its content could not be had"),
    };
    let platform = match (&text, by_path) {
        (_, Some(platform)) => Some(platform),
        (Ok(text), None) => Some(platform::by_content(text)?),
        (Err(_), None) => return None,
    };
    Some(Source { path: path.to_owned(), platform, text: text.map_err(str::to_owned) })
}

fn subject(source: Source, beside: &dyn Files) -> Subject {
    let Source { path, platform, text } = source;
    let place = PathBuf::from(&path);
    let (text, outcome) = match (text, platform) {
        (Ok(text), Some(platform)) => {
            let outcome = pipeline::read(platform, &path, &text, beside);
            (text, outcome)
        }
        (Ok(text), None) => (text, Outcome::Declined("nothing tells whose it is".to_owned())),
        (Err(why), _) => (String::new(), Outcome::Declined(why)),
    };
    Subject { path, place, platform, text, outcome }
}

/// What lies beside the files at a revision: all names, and the texts that the files
/// and the rules ask for, which only a look at them tells.
async fn fetch(
    inputs: &Inputs,
    forge: &dyn Forge,
    head: &str,
    sources: &[Source],
    notes: &mut Vec<String>,
) -> Fetched {
    let mut fetched = Fetched::default();
    match forge.list_files(head, "").await {
        Ok(mut list) => {
            if list.truncated {
                notes.push(
                    "The repository has more files than the host lists: not all lockfiles and \
                     includes were seen."
                        .to_owned(),
                );
            }
            list.files.sort();
            fetched.paths = list.files;
        }
        Err(why) => {
            tracing::warn!("cannot list the files at {head}: {why}");
            notes.push("The files beside the pipeline could not be listed.".to_owned());
        }
    }
    for source in sources {
        let text = source.text.as_ref().ok().cloned();
        fetched.texts.borrow_mut().insert(source.path.clone(), text);
    }
    let chosen = settings::chosen(inputs);
    for _ in 0..ROUNDS {
        for source in sources {
            let (Some(platform), Ok(text)) = (source.platform, &source.text) else { continue };
            if let Outcome::Read(file) = pipeline::read(platform, &source.path, text, &fetched) {
                check(&file, &chosen, &fetched, None);
                optimize(file, &chosen, &fetched, None, &Gates::usual());
            }
        }
        let missed = std::mem::take(&mut *fetched.missed.borrow_mut());
        let wanted: Vec<String> = missed.into_iter().take(MOST_READS).collect();
        if wanted.is_empty() {
            break;
        }
        let got = forge.texts(head, &wanted, None).await.unwrap_or_else(|why| {
            tracing::warn!("cannot read files at {head}: {why}");
            Vec::new()
        });
        let mut texts = fetched.texts.borrow_mut();
        for path in wanted {
            texts.insert(path, None);
        }
        let small = |text: &String| text.len() as u64 <= LARGEST_OTHER;
        texts.extend(
            got.into_iter().filter(|(_, text)| small(text)).map(|(path, text)| (path, Some(text))),
        );
    }
    fetched
}
