//! Callers and tests of what changed, what declares it, and what still refers
//! to what is gone.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use bstr::ByteSlice as _;

use super::changed::{How, Reach, Symbol};
use super::excerpt::{Shown, excerpt, trimmed};
use super::index::{File, Files, Mention, parallel};
use super::{Kind, Piece, folder, is_comment, is_word, nearness, stands_alone};
use crate::code::Lines;
use crate::code::calls::calls_in;
use crate::code::definitions::{self, Definition, definitions};
use crate::code::language::Language;
use crate::code::parse::parse_around;

/// Callers shown of a function whose signature changed, or that is gone.
const MOST_CALLERS: usize = 6;
/// Callers shown of a function that only does something else.
const MOST_CALLERS_OF_BODY: usize = 3;
/// Tests shown of one symbol.
const MOST_TESTS: usize = 2;
/// Mentions of one symbol that are looked at by grammar, in tests and elsewhere.
const MOST_CONFIRMED: usize = 16;
/// A test among more uses than this tells little, unless its name says that it
/// is about the symbol.
const MANY_TESTS: usize = 8;
/// What is worth less is not shown, whatever room there is.
const LEAST_VALUE: f64 = 0.8;
/// A name that is mentioned more often, before a parenthesis, is taken for one
/// of many things unless what it is called on tells.
const COMMON: usize = 60;

/// A mention, by what stands next to it.
struct Likely {
    symbol: usize,
    file: usize,
    at: usize,
    score: f64,
    /// What it is called on tells that it is meant.
    sure: bool,
    /// The name means several things.
    ambiguous: bool,
    /// It looks like a declaration, and counts only as one.
    declares: bool,
    receiver: Option<String>,
}

pub(super) fn pieces(symbols: &[Symbol], files: &Files<'_>, shown: &Shown) -> Vec<Piece> {
    let mut names: Vec<&str> = symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    // What a runtime calls has no callers.
    names.retain(|name| name.len() > 1 && !matches!(*name, "main" | "init"));
    let by_name: Vec<Vec<usize>> = names
        .iter()
        .map(|name| (0..symbols.len()).filter(|at| symbols[*at].name == *name).collect())
        .collect();
    let kin = |name: usize, language: Language| {
        by_name[name].iter().any(|symbol| symbols[*symbol].language.is_kin(language))
    };
    let mentions = files.mentions(&names, kin);
    let mut called = vec![0; names.len()];
    for mention in &mentions {
        let text = &files.all[mention.file].text;
        called[mention.name] +=
            usize::from(text.get(mention.at + names[mention.name].len()) == Some(&b'('));
    }
    let mut likely: Vec<Vec<Likely>> = (0..symbols.len()).map(|_| Vec::new()).collect();
    for (name, symbols_of_name) in by_name.iter().enumerate() {
        let defined = files.defining(names[name]);
        for &symbol in symbols_of_name {
            let subject = Subject {
                symbol: &symbols[symbol],
                others: defined.len()
                    - usize::from(symbols[symbol].how != How::Removed).min(defined.len()),
                is_common: called[name] > COMMON,
            };
            // Where another of that name took its place, nothing dangles.
            if symbols[symbol].how == How::Removed && subject.is_replaced(&defined, files) {
                continue;
            }
            likely[symbol] = mentions
                .iter()
                .filter(|mention| mention.name == name)
                .filter_map(|mention| subject.weigh(symbol, mention, files))
                .collect();
        }
    }
    for list in &mut likely {
        list.sort_by(|a, b| b.score.total_cmp(&a.score).then((a.file, a.at).cmp(&(b.file, b.at))));
        // Tests do not crowd out what is no test.
        let mut left = [MOST_CONFIRMED; 2];
        list.retain(|one| {
            let left = &mut left[usize::from(files.all[one.file].is_test)];
            *left = left.saturating_sub(1);
            *left > 0
        });
    }
    let mut by_file: BTreeMap<usize, Vec<Likely>> = BTreeMap::new();
    for one in likely.into_iter().flatten() {
        by_file.entry(one.file).or_default().push(one);
    }
    let by_file: Vec<(usize, Vec<Likely>)> = by_file.into_iter().collect();
    let confirmed =
        parallel(&by_file, |(file, likely)| confirm(&files.all[*file], likely, symbols, shown));
    settle(confirmed.into_iter().flatten().collect(), symbols)
}

/// A symbol with what is known of its name.
struct Subject<'s> {
    symbol: &'s Symbol,
    /// Definitions of the same name elsewhere.
    others: usize,
    is_common: bool,
}

impl Subject<'_> {
    fn is_replaced(&self, defined: &[usize], files: &Files<'_>) -> bool {
        let symbol = self.symbol;
        let near = |at: &usize| folder(&files.all[*at].path) == folder(&symbol.path);
        match symbol.language {
            // A package is a folder: another definition there, unless of another type.
            Language::Go if symbol.container.is_none() => defined.iter().any(near),
            _ => defined.iter().any(|at| near(at) && symbol.container.is_none()),
        }
    }

    /// How likely a mention means the symbol, by the text next to it; `None` if
    /// it does not.
    fn weigh(&self, index: usize, mention: &Mention, files: &Files<'_>) -> Option<Likely> {
        let symbol = self.symbol;
        let File { path, language, text, is_test } = &files.all[mention.file];
        let same_file = *path == symbol.path;
        let same_folder = folder(path) == folder(&symbol.path);
        match symbol.reach {
            Reach::File if !same_file => return None,
            Reach::Folder if symbol.language == Language::Go && !same_folder => return None,
            Reach::Folder if !path.starts_with(folder(&symbol.path)) => return None,
            _ => {}
        }
        // A symbol of the tests concerns no one but tests.
        if symbol.is_in_test && !is_test {
            return None;
        }
        let line_start = text[..mention.at].rfind_byte(b'\n').map_or(0, |at| at + 1);
        let lead = &text[line_start..mention.at];
        let start = lead.trim_ascii_start();
        let is_import = ["import ", "from ", "use ", "pub use ", "export {"]
            .iter()
            .any(|word| start.starts_with_str(word));
        if is_comment(start, *language) || is_import && symbol.how != How::Removed {
            return None;
        }
        let (separator, receiver) = before(lead);
        let after = text[mention.at + symbol.name.len()..].iter().copied();
        let next = after.take(80).find(|byte| !byte.is_ascii_whitespace());
        let is_called = matches!(next, Some(b'(' | b'{' | b'[' | b'<' | b':' | b'!' | b'?' | b'`'));
        let (mut sure, mut declares) = (false, false);
        let starts_upper = receiver.starts_with(|c: char| c.is_uppercase());
        let is_self = matches!(receiver, "self" | "this" | "Self" | "cls" | "super");
        match (symbol.kind, separator) {
            (definitions::Kind::Method, "") => {
                let implicit = matches!(language, Language::Java | Language::Ruby);
                if !(implicit && same_file) {
                    declares = matches!(next, Some(b'(' | b'<'))
                        && symbol.how <= How::Signature
                        && may_declare(lead);
                    if !declares {
                        return None;
                    }
                }
            }
            (definitions::Kind::Method, _) => {
                let container = symbol.container.as_deref().unwrap_or_default();
                if is_self {
                    if !same_file && !same_folder {
                        return None;
                    }
                } else if *language == Language::Go && !same_folder {
                    // What it is called on has to come from the package.
                    let Symbol { package, .. } = symbol;
                    let known = match self.others > 0 || self.is_common {
                        true => {
                            [format!("{package}.{container}"), format!("{package}.New{container}")]
                                .iter()
                                .any(|name| text.contains_str(name))
                        }
                        false => text.contains_str(format!("{package}.")),
                    };
                    if !known {
                        return None;
                    }
                } else if receiver == container {
                    sure = true;
                } else if starts_upper && *language != Language::Go {
                    return None;
                }
            }
            (_, "") => {
                // A bare name from another Go package is another name.
                if *language == Language::Go && !same_folder {
                    return None;
                }
                sure = same_file || same_folder && *language == Language::Go;
            }
            (_, separator) => match language {
                Language::Go => {
                    if same_folder || receiver != symbol.package {
                        return None;
                    }
                    sure = true;
                }
                Language::Rust | Language::C if separator != "::" => return None,
                Language::Rust => {
                    sure = receiver == symbol.package;
                    if !sure && starts_upper {
                        return None;
                    }
                }
                _ if is_self => return None,
                _ => sure = receiver == symbol.package,
            },
        }
        // A file's own constant is a common word: others name the file they take it of.
        if symbol.kind == definitions::Kind::Constant
            && !sure
            && !matches!(language, Language::C)
            && !text.contains_str(&symbol.package)
        {
            return None;
        }
        if !sure && !declares && self.others > 0 && !same_file && !self.knows(text, same_folder) {
            return None;
        }
        let mut score = nearness(path, &symbol.path) + f64::from(u8::from(sure)) * 0.3;
        if same_file {
            score += 0.2;
        }
        if declares || !is_called && symbol.how != How::Removed {
            score *= 0.5;
        }
        let receiver = (!separator.is_empty()).then(|| receiver.to_owned());
        let (file, at) = (mention.file, mention.at);
        let ambiguous = self.others > 0 || self.is_common;
        Some(Likely { symbol: index, file, at, score, sure, ambiguous, declares, receiver })
    }

    /// Whether a file shows that it knows the symbol's type or module.
    fn knows(&self, text: &[u8], same_folder: bool) -> bool {
        match &self.symbol.container {
            Some(container) => text.contains_str(container),
            None => same_folder || text.contains_str(&self.symbol.package),
        }
    }
}

/// The separator and the word before it, at the end of a line's lead: `::` and
/// `b` of `a::b::`.
fn before(lead: &[u8]) -> (&'static str, &str) {
    let trimmed = lead.trim_ascii_end();
    let separator = ["::", "->", "?.", "."].into_iter().find(|end| trimmed.ends_with_str(end));
    let Some(separator) = separator else { return ("", "") };
    let rest = trimmed[..trimmed.len() - separator.len()].trim_ascii_end();
    let rest = rest.strip_suffix(b"!").unwrap_or(rest);
    let start = rest.iter().rposition(|byte| !is_word(*byte)).map_or(0, |at| at + 1);
    (separator, rest[start..].to_str().unwrap_or_default())
}

/// Whether a line begins as that of a method without a body does: with its name,
/// or with keywords and a type.
fn may_declare(lead: &[u8]) -> bool {
    let lead = lead.trim_ascii();
    lead.iter()
        .all(|byte| is_word(*byte) || matches!(byte, b' ' | b'<' | b'>' | b'[' | b']' | b','))
        && !["return", "await", "new", "yield", "throw", "defer", "go", "else", "case", "in"]
            .iter()
            .any(|word| lead.ends_with_str(word))
}

/// A use that the grammar confirms.
struct Use {
    symbol: usize,
    kind: Kind,
    score: f64,
    /// A test whose name has the symbol's.
    by_name: bool,
    /// The pack has it. An interface then takes the place of those further away.
    is_shown: bool,
    path: String,
    lines: Range<u32>,
    text: String,
}

/// Where a definition uses a symbol: the lines, the best score, and whether its
/// name has the symbol's.
type Places = (Vec<u32>, f64, bool);

/// Reads a file by grammar and keeps the mentions that are uses.
fn confirm(file: &File, likely: &[Likely], symbols: &[Symbol], shown: &Shown) -> Vec<Use> {
    let lines = Lines::new(&file.text);
    let line_of = |at: usize| {
        let feeds = memchr::memchr_iter(b'\n', &file.text[..at]).count();
        u32::try_from(feeds).unwrap_or(u32::MAX - 2) + 1
    };
    let places = likely.iter().map(|one| line_of(one.at));
    let Some(parsed) = parse_around(file.language, &file.text, places) else {
        return Vec::new();
    };
    let definitions = definitions(&parsed);
    // By symbol and enclosing definition: the lines of its uses.
    let mut found: BTreeMap<(usize, Kind, Option<usize>), Places> = BTreeMap::new();
    let mut uses = Vec::new();
    for one in likely {
        let symbol = &symbols[one.symbol];
        let line = line_of(one.at);
        if !parsed.is_name_at(one.at) {
            continue;
        }
        if let Some(own) = definitions.iter().find(|definition| definition.name_at == one.at) {
            uses.extend(declares(file, own, &definitions, one, symbol, shown));
            continue;
        }
        if one.declares {
            continue;
        }
        let within = |definition: &&(usize, &Definition)| definition.1.lines.contains(&line);
        let holders = definitions.iter().enumerate().filter(|(_, definition)| {
            definition.is_callable() || definition.kind == definitions::Kind::Constant
        });
        let holders: Vec<(usize, &Definition)> = holders.collect();
        // The outermost function of several within each other says most.
        let holder = holders.iter().filter(within).min_by_key(|(_, one)| one.lines.start);
        let is_call =
            || calls_in(&parsed, one.at..one.at + 1).iter().any(|call| call.name.start == one.at);
        if symbol.lines.as_ref().is_some_and(|own| file.path == symbol.path && own.contains(&line))
        {
            continue;
        }
        if shown.has(&file.path, line) {
            continue;
        }
        let must_call = symbol.how != How::Removed
            && !(symbol.how == How::Contents && symbol.kind == definitions::Kind::Constant);
        if must_call && !is_call() {
            continue;
        }
        if !one.sure && !fits(one, symbol, holder.map(|(_, one)| *one), &lines, file) {
            continue;
        }
        let in_test_module = holder.is_some_and(|(_, holder)| {
            file.language == Language::Rust
                && holder.container.as_deref().is_some_and(|name| name.starts_with("tests"))
        });
        let is_test = file.is_test || holder.is_some_and(|(_, one)| one.is_test) || in_test_module;
        let kind = match (symbol.how, is_test) {
            (How::Removed, _) => Kind::Dangling,
            (_, true) => Kind::Test,
            (_, false) => Kind::Caller,
        };
        // What a test builds its world of, it does not test.
        if kind == Kind::Test && symbol.how == How::Contents {
            continue;
        }
        let plain = |name: &str| name.to_ascii_lowercase().replace(['_', ' '], "");
        let by_name = holder
            .filter(|_| kind == Kind::Test)
            .is_some_and(|(_, holder)| plain(&holder.name).contains(&plain(&symbol.name)));
        let score = one.score + f64::from(u8::from(by_name));
        let entry = found
            .entry((one.symbol, kind, holder.map(|(at, _)| *at)))
            .or_insert_with(|| (Vec::new(), score, by_name));
        entry.0.push(line);
        entry.1 = entry.1.max(score);
    }
    for ((symbol, kind, holder), (mut at, score, by_name)) in found {
        at.sort_unstable();
        at.dedup();
        at.truncate(3);
        let ranges = match holder.map(|at| &definitions[at]) {
            Some(holder) if kind == Kind::Test => trimmed(holder, &at, 24, 5, 6),
            Some(holder) => trimmed(holder, &at, 14, 4, 5),
            None => at.iter().map(|line| line.saturating_sub(2)..line + 3).collect(),
        };
        if let Some((lines, text)) = excerpt(&file.text, ranges) {
            let path = file.path.clone();
            let is_shown = false;
            uses.push(Use { symbol, kind, score, by_name, is_shown, path, lines, text });
        }
    }
    uses
}

/// An interface or trait that declares a changed method.
fn declares(
    file: &File,
    own: &Definition,
    all: &[Definition],
    one: &Likely,
    symbol: &Symbol,
    shown: &Shown,
) -> Option<Use> {
    if own.has_body
        || own.kind != definitions::Kind::Method
        || symbol.kind != definitions::Kind::Method
        || symbol.how == How::Body
    {
        return None;
    }
    let holder = all.iter().find(|holder| {
        holder.kind == definitions::Kind::Interface
            && Some(holder.name.as_str()) == own.container_name()
            && holder.lines.contains(&own.signature.start)
    })?;
    let header = holder.signature.start..holder.signature.start + 1;
    let (lines, text) = excerpt(&file.text, vec![header, own.lines.clone()])?;
    let (kind, path) = (Kind::Interface, file.path.clone());
    let (symbol, score) = (one.symbol, one.score);
    let is_shown = shown.has(&file.path, own.signature.start);
    Some(Use { symbol, kind, score, by_name: false, is_shown, path, lines, text })
}

/// Whether what a method is called on may be of its type: by its name, or by
/// what the function around says of it.
fn fits(
    one: &Likely,
    symbol: &Symbol,
    holder: Option<&Definition>,
    lines: &Lines<'_>,
    file: &File,
) -> bool {
    let Some(container) = &symbol.container else { return true };
    let Some(receiver) = &one.receiver else { return true };
    if matches!(receiver.as_str(), "self" | "this" | "Self" | "cls" | "super") {
        return holder.and_then(Definition::container_name) == Some(container);
    }
    // A Go method's own receiver is of the type that stands beside it.
    let own = holder.filter(|_| file.language == Language::Go).and_then(|holder| {
        let signature = file.text.get(holder.signature_bytes.clone())?;
        signature.strip_prefix(b"func (")?.fields().next()
    });
    if own == Some(receiver.as_bytes()) {
        return holder.and_then(Definition::container_name) == Some(container);
    }
    if !one.ambiguous {
        return true;
    }
    let text = holder.and_then(|holder| {
        let start = lines.span(holder.signature.start as usize - 1)?.start;
        let end = lines.span((holder.lines.end as usize).checked_sub(2)?)?.end;
        file.text.get(start..end)
    });
    let name = TypeName {
        name: container,
        language: file.language,
        package: (folder(&file.path) != folder(&symbol.path)).then_some(&symbol.package),
    };
    name.is_of(receiver, text.unwrap_or_default())
}

/// A type, as another file has to name it.
pub(super) struct TypeName<'a> {
    pub name: &'a str,
    pub language: Language,
    /// Its package, where that is another one than the file's.
    pub package: Option<&'a str>,
}

impl TypeName<'_> {
    /// Whether a name may be of the type: it reads like it, or a line of the
    /// function names both.
    pub(super) fn is_of(&self, receiver: &str, within: &[u8]) -> bool {
        if receiver.is_empty() {
            return false;
        }
        let plain = |name: &str| name.to_ascii_lowercase().replace('_', "");
        let (short, long) = (plain(receiver), plain(self.name));
        short == long
            || short.len() >= 3 && long.ends_with(&short)
            || within.lines().any(|line| has_word(line, receiver) && self.is_named(line))
    }

    /// Whether a line names the type, also as the end of a word: `NewHead(`.
    fn is_named(&self, line: &[u8]) -> bool {
        let is_go = self.language == Language::Go;
        let named = line.find_iter(self.name).any(|at| {
            let start = line[..at].iter().rposition(|byte| !is_word(*byte)).map_or(0, |at| at + 1);
            let ends = !line.get(at + self.name.len()).is_some_and(|byte| is_word(*byte));
            // Go puts the package before what is not its own, and only there.
            let lead = line[..start].strip_suffix(b".");
            let placed = match (is_go, self.package) {
                (false, _) => true,
                (true, None) => lead.is_none(),
                (true, Some(package)) => lead.is_some_and(|lead| lead.ends_with_str(package)),
            };
            ends && placed
        });
        let made = || format!("new{}", self.name.to_ascii_lowercase());
        named
            || self.name.starts_with(|c: char| c.is_lowercase())
                && line.to_ascii_lowercase().contains_str(made())
    }
}

fn has_word(line: &[u8], word: &str) -> bool {
    line.find_iter(word).any(|at| stands_alone(line, at, at + word.len()))
}

/// Of the uses of each symbol, the best, each with its worth.
fn settle(mut uses: Vec<Use>, symbols: &[Symbol]) -> Vec<Piece> {
    uses.sort_by(|a, b| {
        (a.symbol, a.kind)
            .cmp(&(b.symbol, b.kind))
            .then(b.score.total_cmp(&a.score))
            .then_with(|| (&a.path, a.lines.start).cmp(&(&b.path, b.lines.start)))
    });
    let mut tests: HashMap<usize, usize> = HashMap::new();
    for one in uses.iter().filter(|one| one.kind == Kind::Test) {
        *tests.entry(one.symbol).or_default() += 1;
    }
    let mut count: HashMap<(usize, Kind), usize> = HashMap::new();
    let mut pieces = Vec::new();
    let mut nearest: HashMap<usize, f64> = HashMap::new();
    for one in uses {
        let symbol = &symbols[one.symbol];
        if one.kind == Kind::Interface
            && (*nearest.entry(one.symbol).or_insert(one.score) > one.score || one.is_shown)
        {
            continue;
        }
        let many = count.entry((one.symbol, one.kind)).or_default();
        *many += 1;
        let most = match (one.kind, symbol.how) {
            (Kind::Test, _) => MOST_TESTS,
            (Kind::Interface, _) => 2,
            (_, How::Removed | How::Signature) => MOST_CALLERS,
            _ => MOST_CALLERS_OF_BODY,
        };
        if *many > most {
            continue;
        }
        let worth = match (one.kind, symbol.how) {
            (Kind::Dangling, _) => 10.0,
            (Kind::Caller, How::Signature) => 8.0,
            (Kind::Interface, How::Signature) => 6.0,
            (Kind::Caller, How::Contents) => 3.0,
            (Kind::Caller, _) => 4.0,
            (Kind::Test, How::Signature) => 3.0,
            (Kind::Test, _) => 2.5,
            _ => 3.0,
        };
        let mut own = if symbol.is_in_test { 0.3 } else { 1.0 };
        if one.kind == Kind::Test && !one.by_name && tests[&one.symbol] > MANY_TESTS {
            own *= 0.3;
        }
        let value = worth * own * (0.5 + one.score / 2.0);
        if value < LEAST_VALUE {
            continue;
        }
        pieces.push(Piece {
            kind: one.kind,
            path: one.path,
            first_line: one.lines.start,
            last_line: one.lines.end - 1,
            text: one.text,
            about: symbol.qualified.clone(),
            signature: symbol.how == How::Signature,
            value,
        });
    }
    pieces
}
