//! Whose policy holds: what a run may do to the world is not the change's to say, so the
//! policy of a spec that is under version control is read from the base revision.

use std::path::Path;

use crate::decide;
use crate::decide::spec::{Policy, Spec};
use crate::diff::RepoPath;
use crate::forge::local;
use crate::inputs::Inputs;

/// Puts the base's policy into the spec where the spec is a tracked file of a checkout
/// and a base is known; says so where that changes something.
///
/// The base is known in a job of a change, or where `base` names one. A spec that an
/// earlier step wrote is no part of the change and holds as it is.
pub fn from_base(
    inputs: &Inputs,
    path: &Path,
    base: Option<&str>,
    spec: &mut Spec,
) -> Option<String> {
    let base = inputs.base.as_deref().or(base)?;
    let local =
        local::open(path.parent().filter(|dir| dir.is_dir()).unwrap_or(Path::new("."))).ok()?;
    let root = local.workdir()?.to_owned();
    let full = path.canonicalize().ok()?;
    let name = full.strip_prefix(&root).ok()?.to_str()?.to_owned();
    let change = local.change(Some(base), None).ok()?;
    let at_base = local.file_at(&change.base, &RepoPath::from(name.as_str())).ok()?;
    let is_tracked = match &at_base {
        Some(_) => true,
        None => local.file_at("HEAD", &RepoPath::from(name.as_str())).ok()?.is_some(),
    };
    if !is_tracked {
        return None;
    }
    let short = change.base.get(..7).unwrap_or(&change.base);
    let (policy, whence) = match &at_base {
        Some(bytes) => match decide::read(&String::from_utf8_lossy(bytes)) {
            Ok(before) => (before.policy, format!("as {name} has it at {short}")),
            Err(_) => {
                (Policy::default(), format!("the default, since {name} at {short} is no spec"))
            }
        },
        None => (Policy::default(), format!("the default, since {name} is not there at {short}")),
    };
    let differs = policy != spec.policy;
    spec.policy = policy;
    differs.then(|| {
        format!("The policy is {whence}: a change does not choose what may be done with it.")
    })
}
