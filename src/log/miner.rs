//! Templates of lines, mined as they come, in one pass.
//!
//! As in Drain (He et al., "Drain: an online log parsing approach with fixed depth
//! tree", ICWS 2017) a line is compared only with templates of as many words that begin
//! or end alike. Unlike there, a word that differs keeps two templates apart
//! (`VM Paused`, `VM Resumed`; `connection refused`, `connection reset`) until its place
//! has shown so many different words that it must be one that changes; then the
//! templates become one, and earlier names of them lead to it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::clean::clean;
use super::mask::{MASK, Words};
use super::record;

/// How lines are grouped, and how much memory that may take.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many different words in the same place make it one that changes.
    pub values: usize,
    /// The same, for words that look like names (`com.example.Job`, `user=alice`).
    pub names: usize,
    /// The share of words that must be equal for two templates to be told apart by the
    /// others' place only.
    pub similarity: f64,
    /// Templates kept; a quarter of them only for lines of trouble. When full, what fits
    /// none is counted together as [`TemplateId::REST`].
    pub templates: usize,
    /// Words looked at; what follows in longer lines is left out.
    pub words: usize,
    /// Templates that a new line is compared with, at most.
    pub compared: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            values: 6,
            names: 4,
            similarity: 0.5,
            templates: 20_000,
            words: 128,
            compared: 512,
        }
    }
}

/// A template, by the order in which it was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub u32);

impl TemplateId {
    /// What fitted nowhere when there was no room left.
    pub const REST: TemplateId = TemplateId(u32::MAX);
}

/// What lines have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its name within its miner.
    pub id: TemplateId,
    /// Its words, `<*>` where lines differ.
    pub text: String,
    /// Lines that joined it.
    pub count: u64,
    /// The first of them.
    pub example: String,
}

/// A word by number; 0 stands for one that changes.
type Word = u32;
const ANY: Word = 0;
/// A word that no template has.
const UNKNOWN: Word = u32::MAX;

#[derive(Debug)]
struct Group {
    words: Box<[Word]>,
    count: u64,
    example: Box<str>,
    /// The group that this one has become part of.
    into: Option<u32>,
}

/// Groups lines by template, in memory bounded by its settings whatever is written.
#[derive(Debug)]
pub struct Miner {
    settings: Settings,
    /// Words of templates, by number, and back.
    numbers: HashMap<Box<str>, Word>,
    texts: Vec<Box<str>>,
    groups: Vec<Group>,
    live: usize,
    /// Groups by how many words they have, and the first or last of them.
    leaves: HashMap<(u32, bool, Word), Vec<u32>>,
    /// Where lines went before, by the hash of their words; emptied when full.
    seen: HashMap<u64, u32>,
    hasher: RandomState,
    words: Words,
    rest: u64,
    rest_example: String,
}

impl Miner {
    /// A miner that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Miner {
            settings,
            numbers: HashMap::from([(MASK.into(), ANY)]),
            texts: vec![MASK.into()],
            groups: Vec::new(),
            live: 0,
            leaves: HashMap::new(),
            seen: HashMap::new(),
            hasher: RandomState::new(),
            words: Words::default(),
            rest: 0,
            rest_example: String::new(),
        }
    }

    /// Takes a line as it was written, and gives the template it joined. Ask
    /// [`Miner::resolve`] for what that template has become since.
    pub fn add(&mut self, line: &str) -> TemplateId {
        let line = clean(line);
        let record = record::read(&line);
        self.add_message(&record.message, &line, false)
    }

    /// Takes what a line says, apart from its head; `line` is kept as the example.
    /// Room is kept for lines of trouble.
    pub fn add_message(&mut self, message: &str, line: &str, trouble: bool) -> TemplateId {
        let mut words = std::mem::take(&mut self.words);
        words.fill(message);
        words.truncate(self.settings.words);
        let id = self.add_words(&words, line, trouble);
        self.words = words;
        id
    }

    fn add_words(&mut self, words: &Words, line: &str, trouble: bool) -> TemplateId {
        let hash = self.hasher.hash_one(words.text());
        if let Some(index) = self.seen.get(&hash).copied() {
            let index = self.root(index);
            if let Some(group) = self.groups.get_mut(index as usize) {
                group.count += 1;
            }
            return TemplateId(index);
        }
        let numbers: Vec<Word> =
            words.iter().map(|word| self.numbers.get(word).copied().unwrap_or(UNKNOWN)).collect();
        let candidates = self.candidates(&numbers);
        if let Some(index) = candidates.iter().copied().find(|index| self.fits(*index, &numbers)) {
            if let Some(group) = self.groups.get_mut(index as usize) {
                group.count += 1;
            }
            self.remember(hash, index);
            return TemplateId(index);
        }
        let room = self.settings.templates - if trouble { 0 } else { self.settings.templates / 4 };
        if self.live >= room || self.groups.len() >= 4 * self.settings.templates {
            if self.rest == 0 {
                self.rest_example = line.to_owned();
            }
            self.rest += 1;
            return TemplateId::REST;
        }
        let numbers: Box<[Word]> = words.iter().map(|word| self.number(word)).collect();
        let index = self.groups.len() as u32;
        for key in keys(&numbers) {
            self.leaves.entry(key).or_default().push(index);
        }
        self.groups.push(Group { words: numbers, count: 1, example: line.into(), into: None });
        self.live += 1;
        self.remember(hash, index);
        TemplateId(self.merge(index, &candidates))
    }

    /// What a template has become: itself, or the one that took it up.
    pub fn resolve(&self, id: TemplateId) -> TemplateId {
        if id == TemplateId::REST { id } else { TemplateId(self.root(id.0)) }
    }

    /// All templates, in the order in which they were first seen, and last the one
    /// for everything else where it was needed.
    pub fn templates(&self) -> Vec<Template> {
        let groups = self.groups.iter().enumerate().filter(|(_, group)| group.into.is_none());
        let groups = groups.map(|(index, group)| Template {
            id: TemplateId(index as u32),
            text: self.text(group),
            count: group.count,
            example: group.example.to_string(),
        });
        let rest = (self.rest > 0).then(|| Template {
            id: TemplateId::REST,
            text: MASK.to_owned(),
            count: self.rest,
            example: self.rest_example.clone(),
        });
        groups.chain(rest).collect()
    }

    /// A template's text.
    pub fn template(&self, id: TemplateId) -> String {
        let group = self.groups.get(self.resolve(id).0 as usize);
        group.map_or_else(|| MASK.to_owned(), |group| self.text(group))
    }

    /// Templates that differ from this one in one word.
    pub fn siblings(&self, id: TemplateId) -> Vec<TemplateId> {
        let Some(group) = self.groups.get(id.0 as usize) else { return Vec::new() };
        let mut found = self.candidates(&group.words);
        found.retain(|index| {
            self.groups.get(*index as usize).is_some_and(|other| {
                other.words.iter().zip(group.words.iter()).filter(|(a, b)| a != b).count() == 1
            })
        });
        found.into_iter().map(TemplateId).collect()
    }

    fn text(&self, group: &Group) -> String {
        let words: Vec<&str> = group
            .words
            .iter()
            .map(|word| self.texts.get(*word as usize).map_or(MASK, |text| text.as_ref()))
            .collect();
        words.join(" ")
    }

    fn number(&mut self, word: &str) -> Word {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.texts.len() as Word;
        self.numbers.insert(word.into(), number);
        self.texts.push(word.into());
        number
    }

    fn remember(&mut self, hash: u64, index: u32) {
        if self.seen.len() >= 4 * self.settings.templates {
            self.seen.clear();
        }
        self.seen.insert(hash, index);
    }

    fn root(&self, mut index: u32) -> u32 {
        while let Some(into) = self.groups.get(index as usize).and_then(|group| group.into) {
            index = into;
        }
        index
    }

    /// Groups that a line may belong to, or become one with.
    fn candidates(&self, numbers: &[Word]) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        let [first, last] = keys(numbers);
        for key in [first, (first.0, first.1, ANY), last, (last.0, last.1, ANY)] {
            let Some(leaf) = self.leaves.get(&key) else { continue };
            found.extend(leaf.iter().rev().take(self.settings.compared));
        }
        found.sort_unstable();
        found.dedup();
        found.retain(|index| {
            self.groups.get(*index as usize).is_some_and(|group| group.into.is_none())
        });
        found
    }

    fn fits(&self, index: u32, numbers: &[Word]) -> bool {
        self.groups.get(index as usize).is_some_and(|group| {
            group.words.len() == numbers.len()
                && group.words.iter().zip(numbers).all(|(a, b)| *a == ANY || a == b)
        })
    }

    /// Makes one of the groups that differ from this one in the same places only, if
    /// they are many. Gives the group it belongs to then.
    fn merge(&mut self, index: u32, candidates: &[u32]) -> u32 {
        let Some(group) = self.groups.get(index as usize) else { return index };
        let mut by_places: HashMap<Vec<u16>, Vec<u32>> = HashMap::new();
        for other in candidates {
            let Some(one) = self.groups.get(*other as usize) else { continue };
            let places: Vec<u16> = (0..)
                .zip(group.words.iter().zip(one.words.iter()))
                .filter(|(_, (a, b))| a != b)
                .map(|(place, _)| place)
                .collect();
            let same = group.words.len() - places.len();
            if same as f64 >= self.settings.similarity * group.words.len() as f64 && same > 0 {
                by_places.entry(places).or_default().push(*other);
            }
        }
        let enough = |places: &[u16], others: &[u32]| {
            let names = places.iter().all(|place| {
                self.is_name(group.words[usize::from(*place)])
                    && others.iter().all(|other| {
                        self.groups
                            .get(*other as usize)
                            .is_some_and(|other| self.is_name(other.words[usize::from(*place)]))
                    })
            });
            let wanted = match (names, places.contains(&0)) {
                (true, _) => self.settings.names,
                (false, false) => self.settings.values,
                // The first word mostly says what happened.
                (false, true) => self.settings.values * 4,
            };
            let open = others.iter().any(|other| {
                self.groups.get(*other as usize).is_some_and(|other| {
                    places.iter().all(|place| other.words[usize::from(*place)] == ANY)
                })
            });
            open || others.len() + 1 >= wanted
        };
        let best = by_places
            .iter()
            .filter(|(places, others)| enough(places, others))
            .max_by_key(|(places, others)| (others.len(), std::cmp::Reverse(places.as_slice())));
        let Some((places, others)) = best.map(|(places, others)| (places.clone(), others.clone()))
        else {
            return index;
        };
        let into = others.iter().copied().min().unwrap_or(index).min(index);
        let mut words = self.groups[into as usize].words.clone();
        for place in &places {
            words[usize::from(*place)] = ANY;
        }
        // Groups that fit what has come about join it too.
        let joining: Vec<u32> = candidates
            .iter()
            .chain([&index])
            .copied()
            .filter(|other| {
                *other != into
                    && self.groups.get(*other as usize).is_some_and(|group| {
                        words.iter().zip(group.words.iter()).all(|(a, b)| *a == ANY || a == b)
                    })
            })
            .collect();
        let mut count = 0;
        for other in joining {
            let Some(group) = self.groups.get_mut(other as usize) else { continue };
            count += group.count;
            group.into = Some(into);
            group.words = Box::default();
            group.example = Box::default();
            self.live -= 1;
        }
        let old = keys(&self.groups[into as usize].words);
        for (new, old) in keys(&words).into_iter().zip(old) {
            if new != old {
                self.leaves.entry(new).or_default().push(into);
            }
        }
        for key in old {
            if let Some(leaf) = self.leaves.get_mut(&key) {
                let groups = &self.groups;
                leaf.retain(|index| {
                    groups.get(*index as usize).is_some_and(|group| group.into.is_none())
                });
            }
        }
        let group = &mut self.groups[into as usize];
        group.words = words;
        group.count += count;
        into
    }

    /// Whether a word looks like a name that somebody gave, not like a word of a
    /// language.
    fn is_name(&self, word: Word) -> bool {
        word == ANY
            || self.texts.get(word as usize).is_some_and(|text| {
                let core = text.trim_matches(|c: char| !c.is_alphanumeric());
                let constant = core.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
                text.contains(MASK)
                    || !constant && core.bytes().any(|byte| !byte.is_ascii_alphabetic())
            })
    }
}

/// Where groups of these words are found: by the first and the last of them.
fn keys(words: &[Word]) -> [(u32, bool, Word); 2] {
    let length = words.len() as u32;
    let (first, last) = (words.first().copied(), words.last().copied());
    [(length, false, first.unwrap_or(ANY)), (length, true, last.unwrap_or(ANY))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_say_the_same_share_a_template() {
        let mut miner = Miner::new(Settings::default());
        let a = miner.add("connected to 10.0.0.1:80 after 12 ms");
        let b = miner.add("connected to 10.0.0.2:80 after 3 ms");
        let c = miner.add("disk full on /dev/sda1");
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(miner.templates()[0].count, 2);
    }

    #[test]
    fn a_full_miner_counts_the_rest_together() {
        let mut miner = Miner::new(Settings { templates: 2, ..Settings::default() });
        miner.add_message("alpha one", "", true);
        miner.add_message("beta two three", "", true);
        assert_eq!(miner.add_message("gamma", "", true), TemplateId::REST);
        assert_eq!(miner.add_message("alpha one", "", true), TemplateId(0));
        assert_eq!(miner.templates().len(), 3);
    }
}
