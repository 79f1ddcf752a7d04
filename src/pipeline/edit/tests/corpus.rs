//! All kinds of edits at all depths of real files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::pipeline::yaml::{Id, Tree};

fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("PIPEWRIGHT_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = root.join("data/pipelines");
    folder.is_dir().then_some(folder)
}

/// Collections and scalars with their paths.
fn nodes(tree: &Tree, id: Id, path: &mut Path, out: &mut Vec<(Path, Id)>) {
    out.push((path.clone(), id));
    if tree.is_alias(id) {
        return;
    }
    for entry in tree.entries(id).iter().filter(|entry| !entry.merged) {
        path.push(Seg::Key(entry.key.clone()));
        nodes(tree, entry.value, path, out);
        path.pop();
    }
    for (index, item) in tree.items(id).iter().enumerate() {
        path.push(Seg::Index(index));
        nodes(tree, *item, path, out);
        path.pop();
    }
}

/// What may be tried at a node.
fn tries(tree: &Tree, id: Id, at: &Path) -> Vec<(&'static str, Vec<Op>)> {
    let at = at.clone();
    let nested = || {
        Plain::map([
            ("first", Plain::text("a: b")),
            ("then", Plain::texts(["x", "${{ y }}"])),
            ("run", Plain::text("one\n  two\n\nthree\n")),
            (
                "long",
                Plain::Seq(vec![Plain::map([("k", Plain::Int(1)), ("l", Plain::text("on"))])]),
            ),
        ])
    };
    let scalar = tree.text(id).is_some();
    let mut all: Vec<(&'static str, Vec<Op>)> = Vec::new();
    let insert = |value: Plain, place: Place| {
        vec![Op::Insert { at: at.clone(), key: "zz-new".to_owned(), value, place }]
    };
    if !scalar && matches!(tree.value(id), yaml::Value::Map(_)) {
        all.push(("insert first", insert(Plain::Int(5), Place::First)));
        all.push(("insert first nested", insert(nested(), Place::First)));
        all.push(("insert last", insert(Plain::text("yes"), Place::Last)));
        all.push(("insert last nested", insert(nested(), Place::Last)));
        all.push((
            "insert after",
            insert(
                nested(),
                Place::After(vec!["name", "runs-on", "stage", "on", "image", "script"]),
            ),
        ));
        all.push((
            "insert before",
            insert(
                Plain::texts(["a"]),
                Place::Before(vec!["steps", "jobs", "script", "run", "stages"]),
            ),
        ));
    } else if !scalar {
        let count = tree.items(id).len();
        let push = |index: usize, value: Plain| vec![Op::Push { at: at.clone(), index, value }];
        all.push(("push first", push(0, nested())));
        all.push(("push first scalar", push(0, Plain::text("- x"))));
        all.push(("push middle", push(count / 2, nested())));
        all.push(("push last", push(count, nested())));
        all.push(("push last scalar", push(count, Plain::text("echo: 1"))));
        if count > 1 {
            let shift = |from, to| vec![Op::Move { at: at.clone(), from, to }];
            all.push(("move up", shift(count - 1, 0)));
            all.push(("move down", shift(0, count)));
        }
    } else if tree.is_null(id) && !tree.is_alias(id) {
        all.push(("insert at null", insert(nested(), Place::Last)));
    }
    if at.is_empty() {
        return all;
    }
    let replace = |value: Plain| vec![Op::Replace { at: at.clone(), value }];
    if scalar {
        all.push(("replace scalar", replace(Plain::text("it's 'a' \"new\" #1: x"))));
        all.push(("replace by number", replace(Plain::Int(7))));
        all.push(("replace by seq", replace(Plain::texts(["a", "b"]))));
        all.push(("replace by map", replace(nested())));
        all.push(("replace by lines", replace(Plain::text("a\n\n  b # c\nd"))));
        if let (Some(text), false) = (tree.text(id), tree.is_alias(id)) {
            let word: String = text.chars().take_while(|c| !c.is_whitespace()).collect();
            let once = text.matches(&word).count() == 1;
            if !word.is_empty() && once {
                let text = |replace: &str| {
                    vec![Op::Text {
                        at: at.clone(),
                        find: word.clone(),
                        replace: replace.to_owned(),
                    }]
                };
                all.push(("text", text("changed")));
                if !tree.is_null(id) {
                    all.push(("text odd", text("it's: \"x\" #y")));
                }
            }
        }
    } else {
        all.push(("replace collection", replace(nested())));
        all.push(("replace by scalar", replace(Plain::text("one"))));
    }
    all.push(("remove", vec![Op::Remove { at: at.clone() }]));
    all
}

fn variants(text: &str) -> Vec<String> {
    let lf = text.replace("\r\n", "\n");
    let crlf = lf.replace('\n', "\r\n");
    let bare = |text: &str| text.trim_end_matches(['\r', '\n']).to_owned();
    vec![text.to_owned(), crlf.clone(), bare(text), format!("\u{feff}{}", bare(&crlf))]
}

#[test]
fn edits_of_real_files_mean_what_they_say() {
    let Some(folder) = shared() else {
        eprintln!("SKIPPED: no real pipeline files here");
        return;
    };
    // All files with more nodes each take half a minute; one in nine is for every day.
    let most: Option<usize> =
        std::env::var("PIPEWRIGHT_EDITS").ok().and_then(|most| most.parse().ok());
    let (most, every) = most.map_or((3, 9), |most| (most, 1));
    let mut figures: BTreeMap<&str, (u32, BTreeMap<String, u32>)> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut files = 0;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| std::fs::read_dir(entry.ok()?.path()).ok())
        .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())))
        .filter(|path| path.extension().is_some_and(|ext| ext == "yml" || ext == "yaml"))
        .collect();
    paths.sort();
    for (number, file) in paths.iter().enumerate().step_by(every) {
        let original = std::fs::read_to_string(file).unwrap();
        for (variant, before) in variants(&original).iter().enumerate() {
            let Ok(tree) = yaml::parse(before) else { continue };
            let Some(root) = tree.root() else { continue };
            files += 1;
            assert_eq!(splice(before, &tree, &[]).as_ref(), Ok(before), "{}", file.display());
            let mut all = Vec::new();
            nodes(&tree, root, &mut Vec::new(), &mut all);
            let step = (all.len() / most).max(1);
            for (at, id) in all.iter().skip((number + variant) % step).step_by(step) {
                for (kind, ops) in tries(&tree, *id, at) {
                    let (count, refused) = figures.entry(kind).or_default();
                    *count += 1;
                    match splice(before, &tree, &ops) {
                        Err(why) => *refused.entry(why.reason.to_string()).or_default() += 1,
                        Ok(after) => {
                            if let Err(why) = verify(before, &tree, &ops, &after) {
                                *figures
                                    .entry("WRONG")
                                    .or_default()
                                    .1
                                    .entry(format!("{kind} {variant}"))
                                    .or_default() += 1;
                                wrong.push(format!("{} {variant} {kind}: {why}", file.display()));
                            }
                        }
                    }
                }
            }
        }
    }
    let (mut total, mut declined) = (0, 0);
    for (kind, (count, refused)) in &figures {
        let sum: u32 = refused.values().sum();
        if *kind == "WRONG" {
            println!("{refused:?}");
            continue;
        }
        total += count;
        declined += sum;
        let share = 100.0 * f64::from(sum) / f64::from(*count);
        println!("{kind}: {count} made, {sum} refused ({share:.1}%) {refused:?}");
    }
    println!("{files} texts, {total} edits, {declined} refused, {} wrong", wrong.len());
    for why in wrong.iter().step_by(wrong.len() / 12 + 1) {
        println!("{why}\n=====");
    }
    assert!(wrong.is_empty());
    assert!(f64::from(declined) < 0.06 * f64::from(total));
}
