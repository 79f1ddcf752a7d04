//! Templates of lines, mined as they come: after Drain (He et al., "Drain: an online
//! log parsing approach with fixed depth tree", ICWS 2017), on masked words.

use std::collections::HashMap;

use super::clean::clean;
use super::mask::{MASK, words};
use super::record;

/// How lines are grouped, and how much memory that may take.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The share of words, masked ones left out, that must be equal for a line to
    /// join a template.
    pub similarity: f64,
    /// Different first words kept apart among lines of one length; further ones share
    /// a branch.
    pub children: usize,
    /// Templates kept. When full, what fits none joins the one for everything else.
    pub templates: usize,
    /// Words looked at; of longer lines the rest counts as one word.
    pub words: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { similarity: 0.5, children: 100, templates: 20_000, words: 128 }
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
}

/// Groups lines by template, in memory bounded by its settings whatever is written.
#[derive(Debug)]
pub struct Miner {
    settings: Settings,
    /// Words of templates, by number, and back.
    numbers: HashMap<Box<str>, Word>,
    texts: Vec<Box<str>>,
    groups: Vec<Group>,
    /// Groups by how many words they have and the first of them.
    leaves: HashMap<(u32, Word), Vec<u32>>,
    /// How many first words are kept apart, by number of words.
    branches: HashMap<u32, usize>,
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
            leaves: HashMap::new(),
            branches: HashMap::new(),
            rest: 0,
            rest_example: String::new(),
        }
    }

    /// Takes a line as it was written, and gives the template it joined.
    pub fn add(&mut self, line: &str) -> TemplateId {
        let line = clean(line);
        let record = record::read(&line);
        self.add_message(&record.message, &line)
    }

    /// Takes what a line says, apart from its head; `line` is kept as the example.
    pub fn add_message(&mut self, message: &str, line: &str) -> TemplateId {
        let mut words = words(message);
        words.truncate(self.settings.words);
        let numbers: Vec<Word> = words
            .iter()
            .map(|word| self.numbers.get(word.as_ref()).copied().unwrap_or(UNKNOWN))
            .collect();
        if let Some(index) = self.search(&numbers, &words) {
            self.join(index, &numbers);
            return TemplateId(index);
        }
        if self.groups.len() >= self.settings.templates {
            if self.rest == 0 {
                self.rest_example = line.to_owned();
            }
            self.rest += 1;
            return TemplateId::REST;
        }
        let numbers: Box<[Word]> = words.iter().map(|word| self.number(word)).collect();
        let index = self.groups.len() as u32;
        let length = numbers.len() as u32;
        let first = numbers.first().copied().unwrap_or(ANY);
        let mut key = (length, if self.is_masked(first) { ANY } else { first });
        if !self.leaves.contains_key(&key) {
            let branches = self.branches.entry(length).or_default();
            if *branches >= self.settings.children {
                key.1 = ANY;
            }
            *branches += 1;
        }
        self.leaves.entry(key).or_default().push(index);
        self.groups.push(Group { words: numbers, count: 1, example: line.into() });
        TemplateId(index)
    }

    /// All templates, in the order in which they were first seen, and last the one
    /// for everything else where it was needed.
    pub fn templates(&self) -> Vec<Template> {
        let groups = self.groups.iter().enumerate().map(|(index, group)| Template {
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
        self.groups.get(id.0 as usize).map_or_else(|| MASK.to_owned(), |group| self.text(group))
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

    fn is_masked(&self, word: Word) -> bool {
        self.texts.get(word as usize).is_some_and(|text| text.contains(MASK))
    }

    fn search(&self, numbers: &[Word], words: &[std::borrow::Cow<'_, str>]) -> Option<u32> {
        let length = numbers.len() as u32;
        let first = numbers.first().copied().unwrap_or(ANY);
        let masked = words.first().is_none_or(|word| word.contains(MASK));
        let keys = [(length, if masked { ANY } else { first }), (length, ANY)];
        let mut best: Option<(f64, u32)> = None;
        for key in &keys[..if keys[0] == keys[1] { 1 } else { 2 }] {
            for index in self.leaves.get(key).into_iter().flatten() {
                let Some(group) = self.groups.get(*index as usize) else { continue };
                let alike = alike(&group.words, numbers);
                if alike >= self.settings.similarity && best.is_none_or(|(most, _)| alike > most) {
                    best = Some((alike, *index));
                }
            }
            if best.is_some() {
                break;
            }
        }
        best.map(|(_, index)| index)
    }

    fn join(&mut self, index: u32, numbers: &[Word]) {
        let Some(group) = self.groups.get_mut(index as usize) else { return };
        group.count += 1;
        for (word, number) in group.words.iter_mut().zip(numbers) {
            if *word != *number {
                *word = ANY;
            }
        }
    }
}

/// The share of a template's words, those left out that change in both, that a line
/// has in the same place.
fn alike(template: &[Word], line: &[Word]) -> f64 {
    let (mut same, mut all) = (0_u32, 0_u32);
    for (a, b) in template.iter().zip(line) {
        if *a == ANY && *b == ANY {
            continue;
        }
        all += 1;
        same += u32::from(a == b);
    }
    if all == 0 { 1.0 } else { f64::from(same) / f64::from(all) }
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
        assert_eq!(miner.templates()[0].text, "connected to <*> after <*> ms");
        assert_eq!(miner.templates()[0].count, 2);
    }

    #[test]
    fn a_full_miner_counts_the_rest_together() {
        let mut miner = Miner::new(Settings { templates: 2, ..Settings::default() });
        miner.add("alpha one");
        miner.add("beta two three");
        assert_eq!(miner.add("gamma"), TemplateId::REST);
        assert_eq!(miner.add("alpha one"), TemplateId(0));
        assert_eq!(miner.templates().len(), 3);
    }
}
