//! Which files belong together: tests and the code they test, what defines a
//! name and what uses it, files of one folder.

use std::collections::HashMap;

use bstr::ByteSlice;

use super::super::{Change, FileDiff, LineKind};
use super::Unit;

/// A name used in more files than this ties none of them together.
const RARE: usize = 4;

/// Names shorter than this are likely to mean several things.
const NAME_LEN: usize = 5;

/// Words behind which a name is defined.
const DEFINERS: [&[u8]; 20] = [
    b"fn",
    b"func",
    b"function",
    b"fun",
    b"def",
    b"class",
    b"struct",
    b"enum",
    b"trait",
    b"interface",
    b"type",
    b"const",
    b"module",
    b"union",
    b"record",
    b"object",
    b"protocol",
    b"message",
    b"service",
    b"static",
];

/// Divides the units into packs of at most `budget` bytes (a unit that is
/// larger is alone), related ones together where they fit.
pub(super) fn group(change: &Change, units: &[Unit], budget: usize) -> Vec<Vec<usize>> {
    let mut clusters = Clusters::new(units, budget);
    let files: Vec<&FileDiff> = units.iter().map(|unit| &change.files[unit.packed.file]).collect();
    let paths: Vec<String> = files.iter().map(|file| file.path().display()).collect();
    for (a, b) in by_stem(&paths).into_iter().chain(by_name(&files)).chain(by_folder(&paths)) {
        clusters.join(a, b);
    }
    fill(clusters.members(), units, &paths, budget)
}

/// Best fit, the largest first: into the pack with the nearest folder, then
/// into the fullest.
fn fill(
    mut clusters: Vec<Vec<usize>>,
    units: &[Unit],
    paths: &[String],
    budget: usize,
) -> Vec<Vec<usize>> {
    let size = |cluster: &[usize]| cluster.iter().map(|unit| units[*unit].bytes).sum::<usize>();
    clusters.sort_by_cached_key(|cluster| (std::cmp::Reverse(size(cluster)), cluster[0]));
    let mut packs: Vec<(usize, Vec<usize>)> = Vec::new();
    for cluster in clusters {
        let bytes = size(&cluster);
        let near = |pack: &[usize]| shared_folders(&paths[pack[0]], &paths[cluster[0]]);
        let best = packs
            .iter_mut()
            .filter(|(used, _)| used + bytes <= budget)
            .max_by_key(|(used, pack)| (near(pack), *used));
        match best {
            Some((used, pack)) => {
                *used += bytes;
                pack.extend(cluster);
            }
            None => packs.push((bytes, cluster)),
        }
    }
    // In the order a person would read them; the pieces of a file ascend.
    let mut packs: Vec<Vec<usize>> = packs.into_iter().map(|(_, pack)| pack).collect();
    for pack in &mut packs {
        pack.sort_by_key(|unit| (&paths[*unit], *unit));
    }
    packs.sort_by_key(|pack| (&paths[pack[0]], pack[0]));
    packs
}

fn shared_folders(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}

/// Disjoint sets with a limit on their size.
struct Clusters {
    parent: Vec<usize>,
    bytes: Vec<usize>,
    budget: usize,
}

impl Clusters {
    fn new(units: &[Unit], budget: usize) -> Self {
        Clusters {
            parent: (0..units.len()).collect(),
            bytes: units.iter().map(|unit| unit.bytes).collect(),
            budget,
        }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b && self.bytes[a] + self.bytes[b] <= self.budget {
            self.parent[b] = a;
            self.bytes[a] += self.bytes[b];
        }
    }

    fn members(mut self) -> Vec<Vec<usize>> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.parent.len()];
        for at in 0..self.parent.len() {
            let root = self.root(at);
            members[root].push(at);
        }
        members.retain(|cluster| !cluster.is_empty());
        members
    }
}

/// What a file is about, by its name: `foo` of `foo.go`, `foo_test.go`,
/// `test_foo.py`, `FooTest.java`, `foo.spec.ts`, `foo/tests.rs`, `foo/mod.rs`.
fn stem(path: &str) -> String {
    let mut folders = path.rsplit('/');
    let name = folders.next().unwrap_or(path);
    let bare = name.split('.').find(|part| !part.is_empty()).unwrap_or(name);
    let snake = bare.replace('-', "_");
    let mut stem = snake.as_str();
    for end in ["_test", "_tests", "_spec", "_unittest", "Tests", "Test", "Spec", "IT"] {
        if let Some(rest) = stem.strip_suffix(end).filter(|rest| !rest.is_empty()) {
            stem = rest;
            break;
        }
    }
    let stem = stem.strip_prefix("test_").filter(|rest| !rest.is_empty()).unwrap_or(stem);
    let generic = ["mod", "index", "__init__", "main", "lib", "test", "tests", "spec", "types"];
    if generic.contains(&stem) {
        let folder = folders.find(|folder| !["src", "test", "tests", "__tests__"].contains(folder));
        return folder.unwrap_or(stem).to_lowercase();
    }
    stem.to_lowercase()
}

/// Pairs of files about the same thing.
fn by_stem(paths: &[String]) -> Vec<(usize, usize)> {
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, path) in paths.iter().enumerate() {
        groups.entry(stem(path)).or_default().push(at);
    }
    let mut pairs = Vec::new();
    let mut groups: Vec<Vec<usize>> = groups.into_values().filter(|g| g.len() > 1).collect();
    groups.sort_unstable();
    for mut group in groups {
        // Of many files with one name, those that lie closest go together first.
        group.sort_by(|a, b| paths[*a].cmp(&paths[*b]));
        let mut near: Vec<(usize, usize)> = group.windows(2).map(|w| (w[0], w[1])).collect();
        near.sort_by_key(|(a, b)| std::cmp::Reverse(shared_folders(&paths[*a], &paths[*b])));
        pairs.extend(near);
    }
    pairs
}

/// Neighbours in one folder.
fn by_folder(paths: &[String]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by(|a, b| paths[*a].cmp(&paths[*b]));
    let folder = |at: usize| paths[at].rsplit_once('/').map_or("", |(folder, _)| folder);
    order.windows(2).map(|w| (w[0], w[1])).filter(|(a, b)| folder(*a) == folder(*b)).collect()
}

/// Pairs of a file whose changed lines define a name and one whose use it,
/// the rarest names first.
fn by_name(files: &[&FileDiff]) -> Vec<(usize, usize)> {
    let mut defined: HashMap<&[u8], Use> = HashMap::new();
    let mut filter = vec![0u64; 1 << 10];
    for (at, file) in files.iter().enumerate() {
        for line in changed(file) {
            let Some(name) = defined_name(line) else { continue };
            let known = defined.entry(name).or_insert_with(|| Use { by: at, users: Vec::new() });
            if known.by != at {
                known.by = usize::MAX; // several define it: it says nothing
            }
            let bit = short_hash(name);
            filter[bit / 64] |= 1 << (bit % 64);
        }
    }
    for (at, file) in files.iter().enumerate() {
        for line in changed(file) {
            each_word(line, |name| {
                let bit = short_hash(name);
                if filter[bit / 64] & (1 << (bit % 64)) == 0 {
                    return;
                }
                if let Some(known) = defined.get_mut(name)
                    && known.by != at
                    && known.users.len() <= RARE
                    && known.users.last() != Some(&at)
                {
                    known.users.push(at);
                }
            });
        }
    }
    let mut pairs: Vec<(usize, usize, usize)> = defined
        .into_values()
        .filter(|known| known.by != usize::MAX && (1..=RARE).contains(&known.users.len()))
        .flat_map(|known| {
            let rank = known.users.len();
            known.users.into_iter().map(move |user| (rank, known.by, user))
        })
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.into_iter().map(|(_, by, user)| (by, user)).collect()
}

struct Use {
    by: usize,
    users: Vec<usize>,
}

fn changed(file: &FileDiff) -> impl Iterator<Item = &[u8]> {
    file.patch().into_iter().flat_map(|patch| {
        let lines = patch.lines.iter().filter(|line| line.kind != LineKind::Context);
        lines.map(|line| patch.text_of(line).as_bytes())
    })
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Which bytes are part of a word.
static WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_word(byte as u8);
        byte += 1;
    }
    table
};

/// Hands on the words of a line that are long enough to be told apart.
fn each_word<'l>(line: &'l [u8], mut hand: impl FnMut(&'l [u8])) {
    let mut rest = line;
    while let Some(start) = rest.iter().position(|byte| WORD[usize::from(*byte)]) {
        rest = &rest[start..];
        let len = rest.iter().position(|byte| !WORD[usize::from(*byte)]).unwrap_or(rest.len());
        if len >= NAME_LEN && !rest[0].is_ascii_digit() {
            hand(&rest[..len]);
        }
        rest = &rest[len..];
    }
}

/// A word's place in a table of bits: cheap, and only ever a first sieve.
fn short_hash(word: &[u8]) -> usize {
    let at = |i: usize| usize::from(word[i]);
    let (len, last) = (word.len(), word.len() - 1);
    let mixed = at(0) ^ (at(last) << 3) ^ (at(len / 2) << 6) ^ (at(len / 3) << 9) ^ (len << 5);
    (mixed ^ (at(1) << 8) ^ (at(last - 1) << 4)) & 0xffff
}

/// The name that a line defines: behind one of its first words.
fn defined_name(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_start();
    if !line.first()?.is_ascii_alphabetic() {
        return None;
    }
    let mut rest = line;
    for _ in 0..5 {
        let len = rest.iter().take_while(|byte| is_word(**byte)).count();
        let (word, behind) = rest.split_at(len);
        rest = behind.trim_ascii_start();
        if word.is_empty() {
            return None;
        }
        let definer = word.len() <= 9 && DEFINERS.contains(&word);
        // Go's receiver, `pub(crate)`.
        if rest.first() == Some(&b'(') && (definer || word == b"pub") {
            rest = rest[memchr::memchr(b')', rest)? + 1..].trim_ascii_start();
        }
        if definer {
            let len = rest.iter().take_while(|byte| is_word(**byte)).count();
            let name = &rest[..len];
            if !DEFINERS.contains(&name) {
                return (len >= NAME_LEN && !name[0].is_ascii_digit()).then_some(name);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_share_a_stem_with_their_code() {
        for (test, code) in [
            ("a/foo_test.go", "a/foo.go"),
            ("tests/test_foo.py", "src/foo.py"),
            ("src/test/java/x/FooTest.java", "src/main/java/x/Foo.java"),
            ("web/foo.spec.ts", "web/foo.ts"),
            ("web/__tests__/foo.test.tsx", "web/foo.tsx"),
            ("src/foo/tests.rs", "src/foo/mod.rs"),
            ("src/foo/tests.rs", "src/foo.rs"),
            ("foo-test.js", "foo.js"),
            ("foo.h", "foo.c"),
        ] {
            assert_eq!(stem(test), stem(code), "{test} {code}");
        }
        assert_ne!(stem("a/foo.go"), stem("a/bar.go"));
    }

    #[test]
    fn definitions_are_told_by_their_first_words() {
        for (line, name) in [
            ("func (s *Server) HandleIt(w int) {", Some("HandleIt")),
            ("    pub(crate) async fn handle_it<T>(", Some("handle_it")),
            ("export default class Handler {", Some("Handler")),
            ("def handle_it(self):", Some("handle_it")),
            ("pub const fn handle_it() {", Some("handle_it")),
            ("return handle_it()", None),
            ("fn f() {", None),
            ("", None),
        ] {
            let expect = name.map(str::as_bytes);
            assert_eq!(defined_name(line.as_bytes()), expect, "{line}");
        }
    }
}
