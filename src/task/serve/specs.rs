//! The specs that requests are judged by: one file, or a folder with one a service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use super::answer::Refusal;
use crate::task::verify;

/// Endings of files in a folder that are specs.
const ENDINGS: &[&str] = &["yaml", "yml", "json"];

/// Which specs there are. Files are read again for each request, so that a change in
/// one is seen; a new file in the folder is seen after a restart.
#[derive(Debug)]
pub enum Specs {
    /// For whatever service is asked for.
    One(PathBuf),
    /// By service.
    Named(BTreeMap<String, PathBuf>),
}

impl Specs {
    /// What lies at a path. Every spec is read once, to learn early of a wrong one.
    ///
    /// # Errors
    /// There is none, one is wrong, or two are for one service.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            service_of(path)?;
            return Ok(Specs::One(path.to_owned()));
        }
        let mut named = BTreeMap::new();
        let shown = path.display();
        let entries = std::fs::read_dir(path)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .with_context(|| format!("cannot read the folder {shown}"))?;
        for entry in entries {
            let file = entry.path();
            // `..data` and its like are how Kubernetes swaps a mounted folder.
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let ending = file.extension().and_then(|ending| ending.to_str());
            if hidden || !ending.is_some_and(|ending| ENDINGS.contains(&ending)) || file.is_dir() {
                continue;
            }
            let service = service_of(&file)?;
            if let Some(other) = named.insert(service.clone(), file.clone()) {
                bail!(
                    "{} and {} are both for the service `{service}`",
                    other.display(),
                    file.display()
                );
            }
        }
        if named.is_empty() {
            bail!("the folder {shown} holds no spec (*.yaml, *.yml, *.json)");
        }
        Ok(Specs::Named(named))
    }

    /// Whether services have specs of their own.
    pub fn are_named(&self) -> bool {
        matches!(self, Specs::Named(_))
    }

    /// The file for a service.
    ///
    /// # Errors
    /// There is none, or it is not said which of several is meant.
    pub fn find(&self, service: Option<&str>) -> Result<&Path, Refusal> {
        match (self, service) {
            (Specs::One(path), _) => Ok(path),
            (Specs::Named(named), Some(service)) => {
                named.get(service).map(PathBuf::as_path).ok_or_else(|| {
                    Refusal::unknown(format!("there is no spec for the service `{service}`"))
                })
            }
            (Specs::Named(named), None) if named.len() == 1 => {
                named.values().next().map(PathBuf::as_path).ok_or_else(|| Refusal::wrong("no spec"))
            }
            (Specs::Named(_), None) => {
                Err(Refusal::wrong("say which service is meant: there are several specs"))
            }
        }
    }
}

fn service_of(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the spec {shown}"))?;
    let spec = verify::read(&text).map_err(|why| anyhow!("cannot use the spec {shown}: {why}"))?;
    Ok(spec.service)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "schema: pipewright.verify/1\nservice: NAME\nsignals: []\n";

    #[test]
    fn a_folder_holds_one_spec_a_service() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, service: &str| {
            std::fs::write(folder.path().join(file), SPEC.replace("NAME", service)).unwrap();
        };
        assert!(Specs::open(folder.path()).is_err(), "an empty folder");
        write("cart.yaml", "cart");
        std::fs::write(folder.path().join("README.md"), "no spec").unwrap();
        std::fs::write(folder.path().join(".hidden.yaml"), "no: [spec").unwrap();
        let one = Specs::open(folder.path()).unwrap();
        assert!(one.find(None).is_ok(), "there is only one");
        assert!(one.find(Some("other")).is_err());
        write("b.json", "checkout");
        let two = Specs::open(folder.path()).unwrap();
        assert!(two.find(None).is_err(), "which one?");
        assert!(two.find(Some("checkout")).unwrap().ends_with("b.json"));
        write("c.yml", "cart");
        let error = Specs::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("both for the service `cart`"), "{error}");
        std::fs::write(folder.path().join("c.yml"), "service: [").unwrap();
        assert!(Specs::open(folder.path()).is_err(), "a wrong spec is found at once");
    }
}
