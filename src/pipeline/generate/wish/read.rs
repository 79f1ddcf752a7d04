//! Reading: phrases are found one kind after another, each with whether it is negated.

mod note;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use self::note::note;
use super::phrase::{COMPILED, Topic, is_common, is_term};
use super::{Ask, DeployWhen, Registry, Wish, clock, typo};
use crate::pipeline::generate::stack::{Language, rank};
use crate::pipeline::portable::Strategy;

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

pattern!(URL, r#"https?://[^\s,;"'`)]*[^\s,;"'`).]"#);
pattern!(MAIL, r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+");
pattern!(CHANNEL, r"#[\w-]+(?: channel)?");
pattern!(IMAGE, r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:/[\w.-]+)+");
pattern!(HEALTH_PATH, r"(?:^|\s|`)(/[\w/-]*(?:health|ready|status|ping|live)[\w/-]*)");
pattern!(PERCENT, r"(\d{1,3})\s*(?:%|percent\b)");
pattern!(SHARES, r"(?:\d{1,2}\s*(?:,|then|and|/|->|→|to)\s*)+(?:\d{1,2})\s*(?:%|percent\b)");
pattern!(
    WAIT,
    r"(\d+)[- ](?:min(?:ute)?s?)\s+(?:between|apart|each|pauses?|per step|in between)|(?:wait(?:ing)?|pause|every|each for|interval of)\s+(?:for\s+)?(\d+)\s*(?:min(?:ute)?s?)"
);
pattern!(
    TIMEOUT,
    r"(?:time ?-?outs?(?: (?:of|after|is|at|set to|:))*|(?:at most|no (?:longer|more) than|max(?:imum)?(?: of)?|within|limit(?:ed)? (?:to|of))) (\d+) ?-?(m|min|mins|minutes?|h|hours?)\b|(\d+)[- ]?(m|min|mins|minutes?|h|hours?)[- ]time ?-?outs?"
);
pattern!(
    VERSIONS,
    r"\b(node(?:\.?js)?|python|go(?:lang)?|java|jdk|rust|php|ruby|\.net|dotnet)(?: versions?)?,? (v?\d+(?:\.\d+)*(?:\.x)?\+?(?:(?:,? and |,? or |, ?|/| & | )v?\d+(?:\.\d+)*(?:\.x)?)*)"
);
pattern!(
    ENVIRONMENT,
    r"\b(dev(?:elopment)?|testing|qa|uat|acceptance|stag(?:e|ing)|pre-?prod(?:uction)?|prod(?:uction)?|sandbox|demo|live)\b|\b(?:the |an? )?([a-z][a-z0-9-]*) env(?:ironment)?\b|\benv(?:ironment)? (?:named|called) ([a-z][a-z0-9-]*)|\bto (test)\b"
);
pattern!(
    APPROVERS,
    r"approv\w*\s+(?:from|by|of)\s+(?:the\s+)?(@?[\w./-]+(?:\s+(?:and\s+)?@[\w./-]+)*)(?:\s+(?:team|group|leads?))?|(@[\w/-]+)\s+(?:(?:has to|have to|must|should|can|may)\s+)?(?:approves?|signs? off)"
);
pattern!(
    PATHS,
    r"(?:changes? (?:in|to|under|below)|files? (?:in|under|below)|touch(?:es|ing)?|paths?)\s+(?:the\s+)?`?([\w.-]+/[\w./*-]*|\*\*?[\w./*-]+)`?"
);
pattern!(
    BRANCH,
    r"branch(?:es)?(?: (?:named|called|like))? `?([\w-]+(?:/[\w*-]+)?)`?|`([\w-]+(?:/[\w*-]+)?)` branch"
);
pattern!(NUMBER, r"v?(\d+(?:\.\d+)*(?:\.x)?)");
pattern!(
    ON_FAILURE,
    r"\b(?:fail(?:s|ed|ure|ures|ing)?|breaks?|broken|red|goes wrong|went wrong|errors?)\b"
);
pattern!(
    ON_SUCCESS,
    r"\b(?:succe\w+|when(?:ever)? (?:it is |it's )?(?:deployed|done|finished|released|live)|after (?:each |every |a |the )?(?:deploy\w*|release)|(?:each|every) (?:deploy\w*|release)|both|result|outcome|green)\b"
);

fn hits(pattern: &LazyLock<Option<Regex>>, text: &str) -> Vec<(Range<usize>, Vec<Option<String>>)> {
    let Some(regex) = pattern.as_ref() else { return Vec::new() };
    regex
        .captures_iter(text)
        .filter_map(|found| {
            let groups = found.iter().skip(1).map(|g| g.map(|g| g.as_str().to_owned())).collect();
            Some((found.get(0)?.range(), groups))
        })
        .collect()
}

/// Text with what was understood of it.
struct Reader {
    text: String,
    taken: Vec<bool>,
}

impl Reader {
    fn take(&mut self, range: Range<usize>) {
        for at in range {
            if let Some(byte) = self.taken.get_mut(at) {
                *byte = true;
            }
        }
    }

    fn is_taken(&self, range: &Range<usize>) -> bool {
        range.clone().any(|at| self.taken.get(at).copied().unwrap_or(true))
    }

    /// The sentence around a place.
    fn sentence(&self, at: usize) -> Range<usize> {
        let ends = |text: &str| {
            text.char_indices()
                .filter(|(at, c)| {
                    matches!(c, '\n' | ';')
                        || (*c == '.'
                            && text.get(at + 1..).is_none_or(|rest| {
                                rest.is_empty() || rest.starts_with(char::is_whitespace)
                            }))
                })
                .map(|(at, _)| at)
                .collect::<Vec<_>>()
        };
        let all = ends(&self.text);
        let start = all.iter().rev().find(|end| **end < at).map_or(0, |end| end + 1);
        let end = all.iter().find(|end| **end >= at).copied().unwrap_or(self.text.len());
        start..end
    }

    /// The clause around a place: a part of a sentence between commas and `then`.
    fn clause(&self, at: usize) -> Range<usize> {
        let sentence = self.sentence(at);
        let text = self.text.get(sentence.clone()).unwrap_or_default();
        let mut start = sentence.start;
        let mut end = sentence.end;
        for mark in [",", " then ", " but "] {
            for (found, _) in text.match_indices(mark) {
                let place = sentence.start + found;
                if place < at {
                    start = start.max(place + mark.len());
                } else {
                    end = end.min(place);
                }
            }
        }
        start..end.max(start)
    }

    fn of(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// Whether the words before a place say no: `no`, `without`, `do not`, `skip`, with
    /// nothing between but what leads to it. A list behind it goes on with `or`, `nor`
    /// and `and`.
    fn negated(&self, at: usize) -> bool {
        let sentence = self.sentence(at);
        let before = self.of(sentence.start..at);
        let cut =
            [" but ", ":", " then ", ", with "].iter().filter_map(|mark| before.rfind(mark)).max();
        let before = &before[cut.unwrap_or(0)..];
        let mut listed = false;
        for word in before.split_whitespace().rev().take(9) {
            let comma = word.ends_with(',');
            let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'');
            match word {
                "no" | "without" | "not" | "don't" | "dont" | "never" | "skip" | "skips"
                | "except" | "omit" | "nor" | "neither" | "exclude" | "excluding" | "doesn't"
                | "needn't" | "shouldn't" => return word != "nor" || !comma,
                "or" | "and" => listed = true,
                "a" | "an" | "the" | "any" | "need" | "needs" | "use" | "want" | "run" | "do"
                | "for" | "of" | "please" | "add" | "include" | "build" | "building" | "set"
                | "up" | "kind" | "manual" | "automatic" | "docker" | "container" | "need_to"
                | "to" | "yet" | "separate" => {
                    if comma {
                        return false;
                    }
                }
                _ if listed || comma => {
                    // One word of a list.
                    listed = false;
                }
                _ => return false,
            }
        }
        false
    }
}

/// Reads a wish.
pub fn read(wish: &str) -> Wish {
    let lower = wish.to_lowercase().replace(['’', '‘'], "'").replace(['“', '”', '"'], " ");
    let (text, corrected) = typo::correct(&lower);
    let mut reader = Reader { taken: vec![false; text.len()], text };
    let mut wish = Wish { corrected, ..Wish::default() };
    addresses(&mut reader, &mut wish);
    numbers(&mut reader, &mut wish);
    triggers_in_detail(&mut reader, &mut wish);
    approvals(&mut reader, &mut wish);
    let mut confined = Vec::new();
    for (topic, regex) in COMPILED.iter() {
        let mut from = 0;
        // Neighbours share the sign between them, so the search goes on at its end.
        while let Some(found) = regex.captures_at(&reader.text, from) {
            let Some(all) = found.name("all") else { break };
            let range = all.range();
            from = range.end.max(from + 1);
            if !reader.is_taken(&range) {
                let group = |name: &str| found.name(name).map(|g| g.as_str().to_owned());
                let said = Said {
                    topic: *topic,
                    words: all.as_str().to_owned(),
                    detail: group("branch").or_else(|| group("glob")),
                    range: range.clone(),
                };
                note(&reader, &mut wish, &said, &mut confined);
                reader.take(range);
            }
            if from >= reader.text.len() || !reader.text.is_char_boundary(from) {
                break;
            }
        }
    }
    environments(&mut reader, &mut wish);
    settle(&mut wish, &confined);
    rest(&reader, &mut wish);
    wish
}

struct Said {
    topic: Topic,
    words: String,
    detail: Option<String>,
    range: Range<usize>,
}

fn addresses(reader: &mut Reader, wish: &mut Wish) {
    for (range, _) in hits(&URL, &reader.text.clone()) {
        wish.health_urls.push(reader.of(range.clone()).to_owned());
        reader.take(range);
    }
    for (range, _) in hits(&MAIL, &reader.text.clone()) {
        if !reader.is_taken(&range) {
            wish.notify.channels.push(("email".to_owned(), reader.of(range.clone()).to_owned()));
            reader.take(range);
        }
    }
    for (range, _) in hits(&CHANNEL, &reader.text.clone()) {
        reader.take(range);
    }
    for (range, _) in hits(&IMAGE, &reader.text.clone()) {
        if !reader.is_taken(&range) {
            wish.registry = Some(Registry::Other(reader.of(range.clone()).to_owned()));
            wish.image = Ask::Yes;
            reader.take(range);
        }
    }
    for (range, groups) in hits(&HEALTH_PATH, &reader.text.clone()) {
        if let Some(Some(path)) = groups.into_iter().next()
            && !reader.is_taken(&range)
        {
            wish.health_urls.push(path);
            wish.health = Ask::Yes;
            reader.take(range);
        }
    }
    if !wish.health_urls.is_empty() {
        wish.health = Ask::Yes;
    }
}

fn numbers(reader: &mut Reader, wish: &mut Wish) {
    for time in clock::times(&reader.text.clone()) {
        if !reader.is_taken(&time.range) && !reader.negated(time.range.start) {
            wish.schedules.push(time.cron);
            reader.take(time.range);
        }
    }
    for (range, groups) in hits(&TIMEOUT, &reader.text.clone()) {
        let groups: Vec<String> = groups.into_iter().flatten().collect();
        if let [number, unit] = groups.as_slice()
            && let Ok(number) = number.parse::<u32>()
        {
            let minutes = if unit.starts_with('h') { number.saturating_mul(60) } else { number };
            wish.timeout = Some(minutes.clamp(1, 4320));
            reader.take(range);
        }
    }
    for (range, groups) in hits(&VERSIONS, &reader.text.clone()) {
        let mut groups = groups.into_iter().flatten();
        let (Some(name), Some(list)) = (groups.next(), groups.next()) else { continue };
        let Some(language) = language(name.trim_end_matches(".js").trim_end_matches("js")) else {
            continue;
        };
        let mut versions: Vec<String> = hits(&NUMBER, &list)
            .into_iter()
            .filter_map(|(_, g)| g.into_iter().flatten().next())
            .collect();
        if language == Language::Dotnet {
            versions.iter_mut().for_each(|version| {
                if !version.contains('.') {
                    version.push_str(".0");
                }
                if !version.ends_with(".x") && version.matches('.').count() < 2 {
                    version.push_str(".x");
                }
            });
        }
        add_language(wish, language, versions);
        reader.take(range);
    }
    let canary = reader.text.contains("canar");
    let mut percents: Vec<u8> = Vec::new();
    for (range, _) in hits(&SHARES, &reader.text.clone()) {
        if canary {
            percents.extend(
                hits(&NUMBER, reader.of(range.clone()))
                    .into_iter()
                    .filter_map(|(_, g)| g.into_iter().flatten().next()?.parse::<u8>().ok()),
            );
            reader.take(range);
        }
    }
    for (range, groups) in hits(&PERCENT, &reader.text.clone()) {
        if canary && !reader.is_taken(&range) {
            percents.extend(
                groups.into_iter().flatten().filter_map(|number| number.parse::<u8>().ok()),
            );
            reader.take(range);
        }
    }
    if canary {
        let mut seconds = 300;
        for (range, groups) in hits(&WAIT, &reader.text.clone()) {
            if let Some(minutes) = groups.into_iter().flatten().find_map(|n| n.parse::<u32>().ok())
            {
                seconds = minutes.clamp(1, 240) * 60;
                reader.take(range);
            }
        }
        percents.retain(|percent| (1..=99).contains(percent));
        percents.sort_unstable();
        percents.dedup();
        if percents.is_empty() {
            percents = vec![10, 50];
        }
        wish.strategy = Some(Strategy::Canary { percents, seconds });
    }
}

fn triggers_in_detail(reader: &mut Reader, wish: &mut Wish) {
    for (range, groups) in hits(&PATHS, &reader.text.clone()) {
        if let Some(path) = groups.into_iter().flatten().next()
            && !reader.is_taken(&range)
        {
            let path = path.trim_end_matches('.').to_owned();
            wish.paths.push(if path.contains('*') {
                path
            } else {
                format!("{}/**", path.trim_end_matches('/'))
            });
            reader.take(range);
        }
    }
    for (range, groups) in hits(&BRANCH, &reader.text.clone()) {
        if let Some(branch) = groups.into_iter().flatten().next()
            && !is_common(&branch)
            && !is_term(&branch)
            && !reader.is_taken(&range)
        {
            wish.push.push(branch);
            reader.take(range);
        }
    }
}

fn approvals(reader: &mut Reader, wish: &mut Wish) {
    for (range, groups) in hits(&APPROVERS, &reader.text.clone()) {
        let Some(who) = groups.into_iter().flatten().next() else { continue };
        let names = who.split_whitespace().filter(|name| *name != "and");
        let names: Vec<String> = names
            .map(|name| name.trim_start_matches('@').trim_end_matches('.').to_owned())
            .filter(|name| !is_common(name))
            .collect();
        if names.is_empty() {
            continue;
        }
        wish.approvers.extend(names);
        let negated = reader.negated(range.start);
        wish.approval.set(negated);
        approved(reader, wish, &range);
        reader.take(range);
    }
}

/// Which environments an approval is for: those of its clause.
fn approved(reader: &Reader, wish: &mut Wish, range: &Range<usize>) {
    let clause = reader.clause(range.start);
    let clause = reader.of(clause).to_owned();
    for (_, groups) in hits(&ENVIRONMENT, &clause) {
        let name = groups.into_iter().flatten().next().and_then(|name| environment(&name));
        if let Some(name) = name
            && !wish.approval_for.contains(&name)
        {
            wish.approval_for.push(name);
        }
    }
}

fn language(word: &str) -> Option<Language> {
    Some(match word.trim_end_matches('.') {
        "node" => Language::Node,
        "python" => Language::Python,
        "go" | "golang" => Language::Go,
        "rust" => Language::Rust,
        "java" | "jdk" => Language::Java,
        ".net" | "dotnet" => Language::Dotnet,
        "ruby" => Language::Ruby,
        "php" => Language::Php,
        "cpp" => Language::Cpp,
        _ => return None,
    })
}

fn add_language(wish: &mut Wish, language: Language, versions: Vec<String>) {
    match wish.languages.iter_mut().find(|(known, _)| *known == language) {
        Some((_, known)) => versions.into_iter().for_each(|version| {
            if !known.contains(&version) {
                known.push(version);
            }
        }),
        None => wish.languages.push((language, versions)),
    }
}

/// The usual name of an environment; `None` where the word is none.
fn environment(word: &str) -> Option<String> {
    Some(match word {
        "dev" | "development" => "dev".to_owned(),
        "stage" | "staging" => "staging".to_owned(),
        "prod" | "production" | "live" => "production".to_owned(),
        "preprod" | "pre-prod" | "preproduction" | "pre-production" => "preprod".to_owned(),
        "testing" => "test".to_owned(),
        "acceptance" => "uat".to_owned(),
        word if is_common(word) => return None,
        word => word.to_owned(),
    })
}

fn environments(reader: &mut Reader, wish: &mut Wish) {
    for (range, groups) in hits(&ENVIRONMENT, &reader.text.clone()) {
        let Some(name) = groups.into_iter().flatten().next() else { continue };
        // "Each stage of the pipeline" is no place.
        if name == "stage" && !reader.of(range.start.saturating_sub(3)..range.start).contains("to ")
        {
            continue;
        }
        let negated = reader.negated(range.start);
        if let Some(name) = environment(&name) {
            if !negated && !wish.environments.contains(&name) {
                wish.environments.push(name);
            }
            reader.take(range);
        }
    }
    wish.environments.sort_by_key(|name| rank(name));
}

/// What follows from one wish for another.
fn settle(wish: &mut Wish, confined: &[DeployWhen]) {
    if let Some(when) = confined.last() {
        wish.deploy_when = when.clone();
        // A tag as well as a branch: both trigger, and the tag is the narrower.
        if confined.contains(&DeployWhen::Tag) {
            wish.deploy_when = DeployWhen::Tag;
        }
    }
    let somewhere = !wish.environments.is_empty() && !wish.terraform.yes();
    if wish.deploy == Ask::Unsaid && (somewhere || wish.target.is_some()) {
        wish.deploy = Ask::Yes;
    }
    if wish.policy.is_some() && wish.apply.yes() {
        wish.terraform.set(false);
    }
    if wish.apply.yes() && !wish.terraform.no() && wish.target.is_none() {
        wish.terraform.set(false);
    }
    if !wish.notify.failure && !wish.notify.success && !wish.notify.channels.is_empty() {
        wish.notify.failure = true;
        wish.notify.success = wish.deploy.yes() || wish.publish.yes();
    }
    if wish.coverage.yes() {
        wish.test.set(false);
    }
    if wish.scan_image.yes() && wish.image == Ask::Unsaid {
        wish.image = Ask::Yes;
    }
}

/// What was not understood, by stretches of words.
fn rest(reader: &Reader, wish: &mut Wish) {
    let mut stretch: Vec<&str> = Vec::new();
    let mut at = 0;
    let mut found: Vec<String> = Vec::new();
    let flush = |stretch: &mut Vec<&str>, found: &mut Vec<String>| {
        let words: Vec<&str> = std::mem::take(stretch);
        let strange =
            words.iter().any(|word| !is_common(word) && word.chars().any(char::is_alphabetic));
        if strange {
            let mut words = words.as_slice();
            while let [first, others @ ..] = words
                && is_common(first)
            {
                words = others;
            }
            while let [others @ .., last] = words
                && is_common(last)
            {
                words = others;
            }
            found.push(words.join(" "));
        }
    };
    for piece in reader.text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
    {
        let range = at..at + piece.len();
        at = range.end;
        let word =
            piece.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '+' | '#'));
        let start = range.start + piece.find(word).unwrap_or(0);
        let taken =
            (start..start + word.len()).any(|at| reader.taken.get(at).copied().unwrap_or(false));
        if taken || word.is_empty() {
            flush(&mut stretch, &mut found);
        } else {
            stretch.push(word);
            if piece.ends_with([',', ';', '\n']) || piece.trim_end().ends_with('.') {
                flush(&mut stretch, &mut found);
            }
        }
    }
    flush(&mut stretch, &mut found);
    found.dedup();
    wish.not_understood = found;
}
