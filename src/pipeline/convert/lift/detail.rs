//! What the graph leaves in the file's tree: services' variables, inputs, step limits.

use super::Lift;
use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::{Path, Seg};

impl<'a> Lift<'a> {
    /// The file's top node.
    pub fn root(&self) -> Option<Node<'a>> {
        Node::root(&self.file.tree)
    }

    /// The node that a path leads to.
    pub fn node(&self, path: &Path) -> Option<Node<'a>> {
        let mut node = self.root()?;
        for seg in path {
            node = match seg {
                Seg::Key(key) => node.get(key)?,
                Seg::Index(index) => node.items().nth(*index)?,
            };
        }
        Some(node)
    }
}
