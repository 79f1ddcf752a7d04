//! Changes of what waits for what: a new order worked out on a graph, and the edits
//! that write it down on each platform.

use crate::pipeline::File;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, NeedKind, Path, Seg};
use crate::pipeline::independence::{Set, closure};
use crate::pipeline::platform::Platform;
use crate::pipeline::yaml::value::Value;
use crate::pipeline::yaml::{Id, Tree};

/// What a node waits for after a change, and what that makes it wait for in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// What it names.
    pub needs: Vec<usize>,
    /// All that it waits for.
    pub ancestors: Set,
}

/// Drops the edges of movable nodes that nothing requires. Every other node goes on
/// waiting for all that it waited for, by edges of its own where the way there is cut.
/// `None` where the graph has a cycle.
pub fn relax(
    needs: &[Vec<usize>],
    movable: impl Fn(usize) -> bool,
    required: impl Fn(usize, usize) -> bool,
) -> Option<Vec<Node>> {
    let before = closure(needs);
    if before.iter().enumerate().any(|(node, set)| set.has(node)) {
        return None;
    }
    let mut order: Vec<(usize, usize)> =
        before.iter().enumerate().map(|(node, set)| (set.iter().count(), node)).collect();
    order.sort_unstable();
    let mut after = vec![Node::default(); needs.len()];
    for (_, node) in &order {
        let (Some(all), Some(direct)) = (before.get(*node), needs.get(*node)) else { continue };
        let free = movable(*node);
        let mut must = Set::new(needs.len());
        all.iter().filter(|on| !free || required(*node, *on)).for_each(|on| must.add(on));
        let mut covered = Set::new(needs.len());
        let mut list = Vec::new();
        let take = |on: usize, covered: &mut Set, list: &mut Vec<usize>| {
            covered.add(on);
            if let Some(known) = after.get(on) {
                covered.join(&known.ancestors);
            }
            list.push(on);
        };
        for on in direct.iter().copied().filter(|on| must.has(*on)) {
            take(on, &mut covered, &mut list);
        }
        for (_, on) in order.iter().rev() {
            if must.has(*on) && !covered.has(*on) {
                take(*on, &mut covered, &mut list);
            }
        }
        if let Some(place) = after.get_mut(*node) {
            *place = Node { needs: list, ancestors: covered };
        }
    }
    Some(after)
}

/// The node that a path leads to.
pub fn node_at(tree: &Tree, path: &[Seg]) -> Option<Id> {
    let mut node = tree.root()?;
    for seg in path {
        node = tree.resolve(node);
        node = match seg {
            Seg::Key(key) => tree.get(node, key)?.value,
            Seg::Index(place) => *tree.items(node).get(*place)?,
        };
    }
    Some(node)
}

/// A path with one more key.
pub fn under(path: &Path, key: &str) -> Path {
    let mut path = path.clone();
    path.push(Seg::Key(key.to_owned()));
    path
}

/// The key that a platform's jobs name their needs with, and what it follows.
pub fn key(platform: Platform) -> Option<(&'static str, Place)> {
    match platform {
        Platform::GitHub => Some(("needs", Place::After(vec!["name"]))),
        Platform::GitLab => {
            Some(("needs", Place::After(vec!["stage", "extends", "image", "services", "tags"])))
        }
        Platform::Azure => {
            Some(("dependsOn", Place::After(vec!["displayName", "job", "deployment", "stage"])))
        }
        _ => None,
    }
}

/// The name by which other jobs of its stage or file know a job.
pub fn known_as(platform: Platform, job: &Job) -> String {
    match platform {
        Platform::Azure => job.id.rsplit('.').next().unwrap_or(&job.id).to_owned(),
        _ => job.id.clone(),
    }
}

/// Whether what a job says of itself stands in it and nowhere else, so that its own
/// keys can be edited. On GitHub, what is below one of its keys may have an anchor.
pub fn is_own(file: &File, job: &Job) -> bool {
    let merged = || {
        node_at(&file.tree, &job.path)
            .is_none_or(|node| file.tree.entries(node).iter().any(|entry| entry.merged))
    };
    !job.shared
        || (file.pipeline.platform == Platform::GitHub
            && is_plain(&file.tree, &job.path)
            && !merged())
}

/// Whether an alias stands on the way to a place, or at it.
pub fn is_borrowed(tree: &Tree, path: &[Seg]) -> bool {
    (1..=path.len()).any(|end| {
        path.get(..end).and_then(|part| node_at(tree, part)).is_some_and(|node| tree.is_alias(node))
    })
}

/// Whether no anchor and no alias stands on the way to a place, and none at it.
pub fn is_plain(tree: &Tree, path: &[Seg]) -> bool {
    (1..=path.len()).all(|end| {
        path.get(..end)
            .and_then(|part| node_at(tree, part))
            .is_some_and(|node| !tree.is_alias(node) && !tree.is_anchored(node))
    })
}

/// Writes down what a job or stage waits for: names, in place of those at `at`'s key.
/// `empty` says whether an empty list is written where nothing is left; else the key
/// goes. `None` where the list is not of plain names, or stands elsewhere.
pub fn write(file: &File, at: &Path, names: &[String], empty: bool) -> Option<Vec<Op>> {
    let (key, place) = key(file.pipeline.platform)?;
    let tree = &file.tree;
    let node = node_at(tree, at)?;
    if tree.is_alias(node) {
        return None;
    }
    let path = under(at, key);
    let list = |names: &[String]| Value::texts(names.iter().cloned());
    let Some(entry) = tree.get(node, key) else {
        if names.is_empty() && !empty {
            return Some(Vec::new());
        }
        return Some(vec![Op::Insert {
            at: at.clone(),
            key: key.to_owned(),
            value: list(names),
            place,
        }]);
    };
    let value = entry.value;
    if tree.has_hidden(value) || tree.is_alias(value) || tree.is_anchored(value) {
        return None;
    }
    if names.is_empty() {
        return Some(vec![if empty {
            Op::Replace { at: path, value: list(names) }
        } else {
            Op::Remove { at: path }
        }]);
    }
    if let Some(text) = tree.text(value) {
        let same = matches!(names, [only] if only == text);
        if same {
            return Some(Vec::new());
        }
        let value = match names {
            [only] => Value::text(only.clone()),
            _ => list(names),
        };
        return Some(vec![Op::Replace { at: path, value }]);
    }
    // Items keep what else they say (`optional`, `artifacts`).
    let items = tree.items(value);
    let mut written = Vec::new();
    for item in items {
        let inner = tree.get(*item, "job").map_or(*item, |entry| entry.value);
        written.push(tree.text(inner)?.to_owned());
    }
    let same = |a: &str, b: &str| match file.pipeline.platform {
        Platform::Azure => a.eq_ignore_ascii_case(b),
        _ => a == b,
    };
    let mut ops = Vec::new();
    for (index, old) in written.iter().enumerate() {
        if !names.iter().any(|name| same(name, old)) {
            let mut at = path.clone();
            at.push(Seg::Index(index));
            ops.push(Op::Remove { at });
        }
    }
    if ops.len() == written.len() && !written.is_empty() {
        return Some(vec![Op::Replace { at: path, value: list(names) }]);
    }
    for name in names.iter().filter(|name| !written.iter().any(|old| same(name, old))) {
        ops.push(Op::Push {
            at: path.clone(),
            index: items.len(),
            value: Value::text(name.clone()),
        });
    }
    Some(ops)
}

/// The explicit edges of each job.
pub fn written_needs(jobs: &[Job]) -> Vec<Vec<usize>> {
    let explicit = |job: &Job| {
        job.needs
            .iter()
            .filter(|need| need.kind == NeedKind::Explicit)
            .map(|need| need.job)
            .collect()
    };
    jobs.iter().map(explicit).collect()
}

/// One item of a list of steps or stages that run one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The list.
    pub list: Path,
    /// Which item of it.
    pub index: usize,
    /// Its jobs: several where it is a group.
    pub jobs: Vec<usize>,
    /// Whether it is a single step or stage, and no group.
    pub single: bool,
}

/// The lists of a Bitbucket, Harness or Jenkins pipeline, in order. Items of a list
/// that hold no job (variables) are no slots.
pub fn slots(file: &File) -> Vec<Vec<Slot>> {
    let platform = file.pipeline.platform;
    let mut lists: Vec<Vec<Slot>> = Vec::new();
    for (place, job) in file.pipeline.jobs.iter().enumerate() {
        let Some((list, index, single)) = split(platform, &job.path) else { continue };
        let slot = Slot { list, index, jobs: vec![place], single };
        match lists.iter_mut().find(|known| known.first().is_some_and(|one| one.list == slot.list))
        {
            Some(known) => match known.iter_mut().find(|one| one.index == slot.index) {
                Some(one) => {
                    one.jobs.push(place);
                    one.single = false;
                }
                None => known.push(slot),
            },
            None => lists.push(vec![slot]),
        }
    }
    lists
}

/// The list that a job's item stands in, which item, and whether the item is the job.
fn split(platform: Platform, path: &[Seg]) -> Option<(Path, usize, bool)> {
    let (list, rest) = match platform {
        // pipelines, default, 0, step; or a branch's list.
        Platform::Bitbucket => {
            let at = path.iter().position(|seg| matches!(seg, Seg::Index(_)))?;
            path.split_at(at)
        }
        // pipeline, stages, 0, stage
        Platform::Harness => {
            path.split_at(path.iter().position(|seg| matches!(seg, Seg::Index(_)))?)
        }
        // stages, 0
        Platform::Jenkins => {
            path.split_at(path.iter().position(|seg| matches!(seg, Seg::Index(_)))?)
        }
        _ => return None,
    };
    let Some(Seg::Index(index)) = rest.first() else { return None };
    let single = match platform {
        Platform::Jenkins => rest.len() == 1,
        _ => matches!(rest, [_, Seg::Key(key)] if key == "step" || key == "stage"),
    };
    Some((list.to_vec(), *index, single))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(after: Vec<Node>) -> Vec<Vec<usize>> {
        after.into_iter().map(|node| node.needs).collect()
    }

    #[test]
    fn what_follows_goes_on_waiting_for_all_it_waited_for() {
        // lint, unit, image, deploy in a chain; unit is free.
        let chain = [vec![], vec![0], vec![1], vec![2]];
        let after = relax(&chain, |job| job < 2, |_, _| false);
        assert_eq!(after.map(needs), Some(vec![vec![], vec![], vec![1, 0], vec![2]]));
    }

    #[test]
    fn what_is_required_is_waited_for_directly() {
        // test reads of build, not of lint between.
        let chain = [vec![], vec![0], vec![1]];
        let after = relax(&chain, |_| true, |job, on| job == 2 && on == 0);
        assert_eq!(after.map(needs), Some(vec![vec![], vec![], vec![0]]));
    }

    #[test]
    fn a_cycle_is_left_alone() {
        assert_eq!(relax(&[vec![1], vec![0]], |_| true, |_, _| false), None);
    }
}
