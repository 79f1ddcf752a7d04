//! Who should look at a change: `CODEOWNERS` at the base revision, else those
//! who changed its files most.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::collect::Collected;
use crate::diff::FileDiff;
use crate::forge::local::Local;
use crate::scan::owners::{FILES, Owners};

/// Most files whose past is looked at: those with the most changed lines.
const MOST_FILES: usize = 5;
/// Most commits of each.
const MOST_COMMITS: usize = 20;
/// No further file is begun after this.
const MOST_TIME: Duration = Duration::from_millis(150);
/// Most authors.
const MOST_AUTHORS: usize = 3;

/// The owners' file that counts, if there is one.
pub fn owners(collected: &Collected) -> Option<Owners> {
    let files = &collected.base_files.owners;
    let first = FILES.iter().find_map(|name| files.iter().find(|(known, _)| known == name));
    first.map(|(_, text)| Owners::parse(text))
}

/// Who changed the touched files most before this change, best first; none where
/// the checkout has no past to tell. Names are untrusted text.
pub fn authors(collected: &Collected, local: Option<&Local>) -> Vec<String> {
    let base = collected.base.as_str();
    let Some(local) = local.filter(|local| local.has_history(base)) else { return Vec::new() };
    let mut files: Vec<&FileDiff> =
        collected.change.files.iter().filter(|file| file.old_path.is_some()).collect();
    files.sort_by_key(|file| std::cmp::Reverse(file.changed_lines()));
    let start = Instant::now();
    let mut commits: HashMap<String, usize> = HashMap::new();
    for path in files.iter().take(MOST_FILES).filter_map(|file| file.old_path.as_ref()) {
        if start.elapsed() > MOST_TIME {
            break;
        }
        let Ok(Some(history)) = local.history(base, path, None, MOST_COMMITS) else { continue };
        for touch in history.commits {
            *commits.entry(touch.author).or_default() += 1;
        }
    }
    let is_person = |name: &str| !name.trim().is_empty() && !name.ends_with("[bot]");
    let mut ranked: Vec<(String, usize)> =
        commits.into_iter().filter(|(name, _)| is_person(name)).collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranked.truncate(MOST_AUTHORS);
    ranked.into_iter().map(|(name, _)| name).collect()
}
