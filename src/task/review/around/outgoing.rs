//! The definitions behind the calls on added lines.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::changed::{Changed, Outgoing, package};
use super::excerpt::{Shown, excerpt, head_of};
use super::index::{File, Files, parallel};
use super::uses::TypeName;
use super::{Kind, Piece, folder, nearness};
use crate::code::definitions::{self, Definition, definitions};
use crate::code::enclosing::Outline;
use crate::code::language::Language;
use crate::code::parse::parse_around;

/// A name that more files define is followed only where its call tells which.
const FEW: usize = 2;
/// Files in which one call's definition is looked for.
const MOST_FILES: usize = 6;
/// Files that are read by grammar for all calls of a pack together.
const MOST_READ: usize = 80;
/// A definition of so many lines is shown whole.
const WHOLE: u32 = 26;
/// Lines shown of a longer one.
const HEAD: u32 = 14;

/// A file that may define what is called.
struct Candidate {
    call: usize,
    /// How much speaks for it, by its place alone.
    score: f64,
    /// The call's receiver names the file's package or module, or it is near
    /// enough to be called without one.
    sure: bool,
    /// How many files define the name.
    among: usize,
}

pub(super) fn pieces(changed: &Changed, files: &Files<'_>, shown: &Shown) -> Vec<Piece> {
    let mut wanted: BTreeMap<usize, Vec<Candidate>> = BTreeMap::new();
    for (call, outgoing) in changed.calls.iter().enumerate() {
        for (file, candidate) in candidates(call, outgoing, files) {
            // The nearest of each call come first: later ones only where read anyway.
            if wanted.len() < MOST_READ || wanted.contains_key(&file) {
                wanted.entry(file).or_default().push(candidate);
            }
        }
    }
    let wanted: Vec<(usize, Vec<Candidate>)> = wanted.into_iter().collect();
    let found = parallel(&wanted, |(file, candidates)| {
        resolve(&files.all[*file], candidates, &changed.calls, shown)
    });
    let mut best: HashMap<usize, Vec<Resolved>> = HashMap::new();
    for one in found.into_iter().flatten() {
        best.entry(one.call).or_default().push(one);
    }
    let mut pieces = Vec::new();
    for call in 0..changed.calls.len() {
        let Some(mut found) = best.remove(&call) else { continue };
        found.sort_by(|a, b| {
            b.score.total_cmp(&a.score).then_with(|| {
                (&a.piece.path, a.piece.first_line).cmp(&(&b.piece.path, b.piece.first_line))
            })
        });
        // Equally likely ones tell that none is known.
        let tied = found.iter().filter(|one| one.score >= found[0].score - 1e-9).count();
        if tied <= FEW && !found[0].is_shown {
            pieces.push(found.swap_remove(0).piece);
        }
    }
    pieces
}

fn candidates(call: usize, outgoing: &Outgoing, files: &Files<'_>) -> Vec<(usize, Candidate)> {
    let mut defining = files.defining(&outgoing.name);
    defining.dedup();
    defining.retain(|at| {
        let file = &files.all[*at];
        file.language.is_kin(outgoing.language) && (outgoing.is_in_test || !file.is_test)
    });
    let among = defining.len();
    let mut found: Vec<(usize, Candidate)> = Vec::new();
    for at in defining {
        let file = &files.all[at];
        let near = nearness(&file.path, &outgoing.path);
        let same_folder = folder(&file.path) == folder(&outgoing.path);
        let same_file = file.path == outgoing.path;
        let module = || package(file.language, &file.path, &file.text);
        let sure = match outgoing.receiver.as_deref() {
            None if outgoing.language == Language::Go => {
                if !same_folder {
                    continue;
                }
                true
            }
            None => same_file,
            Some("self" | "this" | "Self" | "cls" | "super") => same_file,
            // A package's function; within the package it is called without.
            Some(receiver) => !receiver.is_empty() && receiver == module() && !same_file,
        };
        let score = near + f64::from(u8::from(sure)) + 0.2 * f64::from(u8::from(same_file));
        found.push((at, Candidate { call, score, sure, among }));
    }
    found.sort_by(|(a, one), (b, two)| two.score.total_cmp(&one.score).then(a.cmp(b)));
    found.truncate(MOST_FILES);
    found
}

struct Resolved {
    call: usize,
    score: f64,
    is_shown: bool,
    piece: Piece,
}

fn resolve(
    file: &File,
    candidates: &[Candidate],
    calls: &[Outgoing],
    shown: &Shown,
) -> Vec<Resolved> {
    let names: HashSet<&str> =
        candidates.iter().map(|candidate| calls[candidate.call].name.as_str()).collect();
    let outline = Outline::new(&file.text);
    let named = outline.definitions().iter().filter(|one| names.contains(one.name.as_str()));
    let lines = named.map(|one| one.header_line);
    let Some(parsed) = parse_around(file.language, &file.text, lines) else {
        return Vec::new();
    };
    let all = definitions(&parsed);
    let mut found = Vec::new();
    for candidate in candidates {
        let outgoing = &calls[candidate.call];
        let named = all.iter().filter(|one| one.name == outgoing.name && !one.is_test);
        for one in named {
            let Some(more) = fit(one, candidate, outgoing, file) else { continue };
            let head = std::iter::once(head_of(one, WHOLE, HEAD)).collect();
            let Some((lines, text)) = excerpt(&file.text, head) else { continue };
            let is_shown =
                shown.has(&file.path, one.signature.start) || shown.has_most(&file.path, &lines);
            let own = if outgoing.is_in_test { 0.4 } else { 1.0 };
            let bodiless = if one.has_body { 1.0 } else { 0.8 };
            found.push(Resolved {
                call: candidate.call,
                score: candidate.score + more,
                is_shown,
                piece: Piece {
                    kind: Kind::Definition,
                    path: file.path.clone(),
                    first_line: lines.start,
                    last_line: lines.end - 1,
                    text,
                    about: one.qualified(file.language),
                    signature: false,
                    value: 6.0 * own * bodiless,
                },
            });
        }
    }
    found
}

/// How well a definition fits a call; `None` if it does not.
fn fit(one: &Definition, candidate: &Candidate, outgoing: &Outgoing, file: &File) -> Option<f64> {
    use definitions::Kind as Is;
    let is_type = matches!(one.kind, Is::Type | Is::Interface);
    let few = candidate.among <= FEW;
    let body = if one.has_body { 0.1 } else { 0.0 };
    match outgoing.receiver.as_deref() {
        None => {
            if one.kind == Is::Method {
                let implicit = matches!(file.language, Language::Java | Language::Ruby);
                let own = one.container_name() == outgoing.within_type.as_deref();
                return (implicit && own).then_some(1.0);
            }
            if !one.is_callable() && !is_type {
                return None;
            }
            (candidate.sure || few).then_some(body)
        }
        Some("self" | "this" | "Self" | "cls" | "super") => {
            let own =
                one.kind == Is::Method && one.container_name() == outgoing.within_type.as_deref();
            own.then_some(1.0 + body)
        }
        Some(receiver) => {
            if one.kind != Is::Method {
                // `package.Function` or `module::function`.
                let of_package = candidate.sure && (one.is_callable() || is_type);
                return of_package.then_some(0.5 + body);
            }
            let container = one.container_name().unwrap_or_default();
            if receiver == container {
                return Some(1.5 + body);
            }
            if outgoing.language != Language::Go && receiver.starts_with(|c: char| c.is_uppercase())
            {
                return None;
            }
            let module = package(file.language, &file.path, &file.text);
            let type_name = TypeName {
                name: container,
                language: file.language,
                package: (folder(&file.path) != folder(&outgoing.path)).then_some(&module),
            };
            if container != one.name && type_name.is_of(receiver, &outgoing.within) {
                return Some(1.0 + body);
            }
            // A name that only one thing has, and that says something: two words.
            let inner = one.name.get(1..).unwrap_or_default();
            let telling = one.name.len() >= 8
                && candidate.among == 1
                && inner.contains(|c: char| c.is_uppercase() || c == '_');
            telling.then_some(body)
        }
    }
}
