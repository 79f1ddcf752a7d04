//! Ops sorted by the node they are about, so that both the tree and the text meet
//! all ops of a collection at once.

use std::collections::BTreeMap;

use super::{Op, Reason, Refused};
use crate::pipeline::graph::Seg;

/// What happens at a node and below it.
///
/// Invariant: a node that is replaced, removed or rewritten has no other op at it
/// or below it.
#[derive(Debug, Default)]
pub(super) struct Plan<'o> {
    /// The node itself changes: `Replace`, `Text` or `Remove`.
    pub own: Option<&'o Op>,
    /// Children that come or move, in order of the call.
    pub inner: Vec<&'o Op>,
    /// Nodes below, in an order that is always the same.
    pub below: BTreeMap<&'o Seg, Plan<'o>>,
}

impl<'o> Plan<'o> {
    /// Sorts ops.
    pub(super) fn of(ops: &'o [Op]) -> Result<Self, Refused> {
        let mut root = Plan::default();
        for op in ops {
            let mut plan = &mut root;
            for seg in op.path() {
                plan = plan.below.entry(seg).or_default();
            }
            match op {
                Op::Splice { .. } => {
                    return Err(Reason::Form("bytes of a YAML file are not spliced").at(&[]));
                }
                Op::Insert { .. } | Op::Push { .. } | Op::Move { .. } | Op::Wrap { .. } => {
                    plan.inner.push(op);
                }
                Op::Replace { .. } | Op::Remove { .. } | Op::Text { .. } | Op::Remark { .. } => {
                    if plan.own.replace(op).is_some() {
                        return Err(Reason::Overlap.at(op.path()));
                    }
                }
            }
        }
        root.settle()?;
        Ok(root)
    }

    fn settle(&self) -> Result<(), Refused> {
        if let Some(op) = self.own
            && (!self.inner.is_empty() || !self.below.is_empty())
        {
            return Err(Reason::Overlap.at(op.path()));
        }
        self.wraps()?;
        for (nth, op) in self.inner.iter().enumerate() {
            if let Op::Insert { at, key, .. } = op {
                let before = &self.inner[..nth];
                if before
                    .iter()
                    .any(|op| matches!(op, Op::Insert { key: other, .. } if other == key))
                {
                    return Err(Reason::Exists.at(at));
                }
            }
            let Op::Move { at, from, .. } = op else { continue };
            let again = self.inner[..nth]
                .iter()
                .any(|other| matches!(other, Op::Move { from: other, .. } if other == from));
            if again || self.below.contains_key(&Seg::Index(*from)) {
                return Err(Reason::Overlap.at(at));
            }
        }
        self.below.values().try_for_each(Plan::settle)
    }

    /// Wrapped items are alone in their sequence with others that are.
    fn wraps(&self) -> Result<(), Refused> {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        let mut others = !self.below.is_empty();
        for op in &self.inner {
            match op {
                Op::Wrap { at, from, to, keys, .. } => {
                    if from >= to || keys.is_empty() {
                        return Err(Reason::Missing.at(at));
                    }
                    if ranges.iter().any(|(first, end)| from < end && first < to) {
                        return Err(Reason::Overlap.at(at));
                    }
                    ranges.push((*from, *to));
                }
                _ => others = true,
            }
        }
        match self.inner.first() {
            Some(op) if others && !ranges.is_empty() => Err(Reason::Overlap.at(op.path())),
            _ => Ok(()),
        }
    }

    /// Whether nothing happens here.
    pub(super) fn is_empty(&self) -> bool {
        self.own.is_none() && self.inner.is_empty() && self.below.is_empty()
    }

    /// Whether the node goes.
    pub(super) fn removes(&self) -> bool {
        matches!(self.own, Some(Op::Remove { .. }))
    }

    /// What happens to the child under this key.
    pub(super) fn key(&self, key: &str) -> Option<&Plan<'o>> {
        if self.below.is_empty() {
            return None;
        }
        self.below.get(&Seg::Key(key.to_owned()))
    }

    /// What happens to this item.
    pub(super) fn item(&self, index: usize) -> Option<&Plan<'o>> {
        if self.below.is_empty() {
            return None;
        }
        self.below.get(&Seg::Index(index))
    }
}
