//! What is read from the base revision and never from the change: configuration,
//! guidelines, attributes.

use anyhow::{Context as _, Result};
use futures_util::future::join_all;

use crate::diff::RepoPath;
use crate::forge::Forge;
use crate::forge::local::Local;
use crate::scan::owners;

/// The configuration file.
pub const CONFIG: &str = ".pipewright.toml";
/// Guidelines, in the order they are shown. All that exist are.
pub const GUIDELINES: [&str; 4] =
    ["REVIEW.md", "AGENTS.md", "CLAUDE.md", ".github/copilot-instructions.md"];
/// Says which files are generated or vendored.
pub const ATTRIBUTES: &str = ".gitattributes";

/// Files of the base revision that steer a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseFiles {
    /// Text of [`CONFIG`].
    pub config: Option<String>,
    /// Name and text of each of [`GUIDELINES`].
    pub guidelines: Vec<(String, String)>,
    /// Text of [`ATTRIBUTES`].
    pub attributes: Option<String>,
    /// Name and text of each `CODEOWNERS` that is there, of [`owners::FILES`].
    pub owners: Vec<(String, String)>,
}

impl BaseFiles {
    fn insert(&mut self, name: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        match name {
            CONFIG => self.config = Some(text),
            ATTRIBUTES => self.attributes = Some(text),
            _ if owners::FILES.contains(&name) => self.owners.push((name.to_owned(), text)),
            _ => self.guidelines.push((name.to_owned(), text)),
        }
    }
}

fn wanted() -> impl Iterator<Item = &'static str> {
    [CONFIG, ATTRIBUTES].into_iter().chain(GUIDELINES).chain(owners::FILES)
}

/// From a checkout that has the revision.
pub fn from_repository(repository: &Local, revision: &str) -> Result<BaseFiles> {
    let mut files = BaseFiles::default();
    for name in wanted() {
        let content = repository
            .file_at(revision, &RepoPath::from(name))
            .with_context(|| format!("cannot read {name} at {revision}"))?;
        if let Some(bytes) = content {
            files.insert(name, &bytes);
        }
    }
    Ok(files)
}

/// The names in the root folder, asked for once.
pub type Root = tokio::sync::OnceCell<Vec<String>>;

/// Fill `root`, or wait for who does.
pub async fn listed<'a>(forge: &dyn Forge, revision: &str, root: &'a Root) -> Result<&'a [String]> {
    let list = || async {
        let listed = forge.root_entries(revision).await;
        listed.with_context(|| format!("cannot list the files of the base revision {revision}"))
    };
    Ok(root.get_or_try_init(list).await?)
}

/// From the host: one listing, then only what exists.
pub async fn from_forge(forge: &dyn Forge, revision: &str, root: &Root) -> Result<BaseFiles> {
    let entries = listed(forge, revision, root).await?;
    let root = |name: &str| name.split('/').next().unwrap_or(name).to_owned();
    let names: Vec<&str> = wanted().filter(|name| entries.contains(&root(name))).collect();
    let reads = names.iter().map(|name| async move {
        let content = forge
            .file(revision, &RepoPath::from(*name))
            .await
            .with_context(|| format!("cannot read {name} at {revision}"))?;
        // A listed file that is not there would be silence about what it says. Only
        // of folders it is not known what they hold.
        anyhow::ensure!(
            content.is_some() || name.contains('/'),
            "cannot read {name} at {revision}: the host lists it, but does not hand it out"
        );
        anyhow::Ok((*name, content))
    });
    let mut files = BaseFiles::default();
    for read in join_all(reads).await {
        if let (name, Some(bytes)) = read? {
            files.insert(name, &bytes);
        }
    }
    Ok(files)
}
