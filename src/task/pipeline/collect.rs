//! Which pipeline files are meant, and what lies beside them.

use std::cell::OnceCell;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::checkout::Checkout;
use crate::inputs::Inputs;
use crate::pipeline::{self, File, Files, Outcome, Platform, platform};

/// Largest pipeline file, in bytes.
const LARGEST: u64 = 4 << 20;
/// Largest other file that a rule may read.
pub const LARGEST_OTHER: u64 = 1 << 20;
/// Most names that a listing gives.
const MOST_NAMES: usize = 100_000;

/// The checkout around the files, listed when first asked for.
pub struct Workspace {
    checkout: Option<Checkout>,
    paths: OnceCell<Vec<String>>,
}

impl Workspace {
    /// The repository that holds `folder`, else `folder` itself.
    pub fn around(folder: &Path) -> Self {
        let top = folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(folder);
        Workspace { checkout: Checkout::new(top).ok(), paths: OnceCell::new() }
    }

    /// Its top folder.
    pub fn root(&self) -> Option<&Path> {
        self.checkout.as_ref().map(Checkout::root)
    }
}

impl Files for Workspace {
    fn paths(&self) -> &[String] {
        self.paths.get_or_init(|| {
            let listed = self.checkout.as_ref().map(|checkout| checkout.list("", None, MOST_NAMES));
            match listed {
                Some(Ok(listing)) => listing.files,
                Some(Err(error)) => {
                    tracing::warn!(%error, "the checkout could not be listed");
                    Vec::new()
                }
                None => Vec::new(),
            }
        })
    }

    fn read(&self, path: &str) -> Option<String> {
        let bytes = self.checkout.as_ref()?.read(path, LARGEST_OTHER).ok()?;
        String::from_utf8(bytes).ok()
    }
}

/// A file that was asked for, or found.
pub struct Subject {
    /// As it is shown and as diffs name it: relative to the working directory, with
    /// `/`, where it lies below that.
    pub path: String,
    /// Where it lies.
    pub place: PathBuf,
    /// Whose it is; `None` where nothing tells.
    pub platform: Option<Platform>,
    /// Its bytes as text; empty where it is no text.
    pub text: String,
    /// What came of reading it.
    pub outcome: Outcome,
}

impl Subject {
    /// The file as it was read; `None` where it was not.
    pub fn file(&self) -> Option<&File> {
        match &self.outcome {
            Outcome::Read(file) => Some(file),
            _ => None,
        }
    }
}

/// The files named, or every pipeline file of the checkout.
///
/// # Errors
/// A named file is not there or cannot be read; none was named and none is there.
pub fn subjects(inputs: &Inputs, named: &[PathBuf]) -> Result<(Vec<Subject>, Workspace)> {
    let here = &inputs.host.workspace;
    let first = named.first().map(|path| here.join(path));
    let start = first.as_deref().and_then(Path::parent).unwrap_or(here);
    let start = start.canonicalize().unwrap_or_else(|_| start.to_path_buf());
    let workspace = Workspace::around(&start);
    let mut subjects = Vec::new();
    for path in named {
        let place = here.join(path);
        let meta =
            std::fs::metadata(&place).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(meta.is_file(), "cannot read {}: it is no file", path.display());
        ensure!(
            meta.len() <= LARGEST,
            "cannot read {}: {} bytes are more than a pipeline file has",
            path.display(),
            meta.len()
        );
        let bytes =
            std::fs::read(&place).with_context(|| format!("cannot read {}", path.display()))?;
        subjects.push(subject(inputs, &workspace, shown(path), place, bytes));
    }
    if named.is_empty() {
        let root = workspace.root().unwrap_or(here).to_path_buf();
        let found: Vec<String> =
            workspace.paths().iter().filter(|path| is_active(path)).cloned().collect();
        let below = here.canonicalize().ok();
        for path in found {
            let place = root.join(&path);
            // Named from where the user stands, as diffs are.
            let near = below.as_ref().and_then(|below| place.strip_prefix(below).ok());
            let shown = near.map_or_else(|| path.clone(), slashes);
            if !inputs.wants(&path) {
                continue;
            }
            match workspace.checkout.as_ref().map(|checkout| checkout.read(&path, LARGEST)) {
                Some(Ok(bytes)) => {
                    subjects.push(subject(inputs, &workspace, shown, place, bytes));
                }
                Some(Err(error)) => tracing::warn!("{error}"),
                None => {}
            }
        }
        ensure!(
            !subjects.is_empty(),
            "no pipeline file in {}: name one, or run this where `.github/workflows`, \
             `.gitlab-ci.yml`, `azure-pipelines.yml`, `Jenkinsfile`, `bitbucket-pipelines.yml` or \
             `.harness` is",
            root.display()
        );
    }
    Ok((subjects, workspace))
}

fn subject(
    inputs: &Inputs,
    workspace: &Workspace,
    path: String,
    place: PathBuf,
    bytes: Vec<u8>,
) -> Subject {
    let Ok(text) = String::from_utf8(bytes) else {
        let outcome = Outcome::Invalid { line: 1, why: "it is no UTF-8 text".to_owned() };
        return Subject { path, place, platform: inputs.platform, text: String::new(), outcome };
    };
    // Rules and includes count from the top of the checkout.
    let inside = workspace
        .root()
        .and_then(|root| Some(slashes(place.canonicalize().ok()?.strip_prefix(root).ok()?)))
        .unwrap_or_else(|| path.clone());
    let by_name = platform::by_path(&inside).or_else(|| platform::by_path(&path));
    let platform = inputs.platform.or(by_name).or_else(|| platform::by_content(&text));
    let outcome = match platform {
        Some(platform) => pipeline::read(platform, &inside, &text, workspace),
        None => Outcome::Declined(
            "neither its name nor its content tells whose pipeline it is; --platform does"
                .to_owned(),
        ),
    };
    Subject { path, place, platform, text, outcome }
}

/// Whether a platform would read the file where it lies.
pub fn is_active(path: &str) -> bool {
    let sample = path.split('/').any(|part| {
        matches!(part, "testdata" | "fixtures" | "test-fixtures" | "node_modules" | "vendor")
    });
    match platform::by_path(path) {
        Some(Platform::GitHub) => path.starts_with(".github/workflows/"),
        Some(_) => !sample,
        None => false,
    }
}

/// A path as it was named, tidied: `./a/b` is `a/b`.
fn shown(path: &Path) -> String {
    slashes(path).trim_start_matches("./").to_owned()
}

fn slashes(path: &Path) -> String {
    let mut text = String::new();
    for part in path.components() {
        match part {
            Component::RootDir => text.push('/'),
            Component::CurDir => {}
            part => {
                if !text.is_empty() && !text.ends_with('/') {
                    text.push('/');
                }
                text.push_str(&part.as_os_str().to_string_lossy());
            }
        }
    }
    text
}
