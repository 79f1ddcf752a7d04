//! Tree objects from a flat list of files.

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice as _};

use super::super::store::Extra;
use super::TREE;

/// A file of a tree. A folder that a sparse index keeps whole has mode
/// [`TREE`] and a path that ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub path: BString,
    pub mode: u32,
    pub id: ObjectId,
}

/// The id of the tree that holds `leaves`, which are sorted by path and unique.
pub(super) fn write(leaves: &[Leaf], extra: &mut Extra) -> anyhow::Result<ObjectId> {
    folder(leaves, 0, extra)
}

/// The tree of `leaves`, which all share their first `skip` bytes.
fn folder(leaves: &[Leaf], skip: usize, extra: &mut Extra) -> anyhow::Result<ObjectId> {
    let mut data = Vec::new();
    let mut at = 0;
    while at < leaves.len() {
        let leaf = &leaves[at];
        let rest = &leaf.path[skip..];
        let (name, mode, id, taken) = match rest.find_byte(b'/') {
            None => (rest, leaf.mode, leaf.id, 1),
            Some(end) if end + 1 == rest.len() => (&rest[..end], TREE, leaf.id, 1),
            Some(end) => {
                let prefix = &rest[..=end];
                let inside = leaves[at..]
                    .iter()
                    .take_while(|other| other.path[skip..].starts_with(prefix))
                    .count();
                let id = folder(&leaves[at..at + inside], skip + end + 1, extra)?;
                (&rest[..end], TREE, id, inside)
            }
        };
        data.extend_from_slice(format!("{mode:o} ").as_bytes());
        data.extend_from_slice(name);
        data.push(0);
        data.extend_from_slice(id.as_bytes());
        at += taken;
    }
    Ok(extra.insert(gix::objs::Kind::Tree, data)?)
}
