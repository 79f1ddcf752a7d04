//! Tests of how rules run and how their findings stand on the diff.

use super::testing::{added, change, found};
use super::*;

#[test]
fn rules_have_their_own_ids_and_explain_themselves() {
    let ids: HashSet<&str> = rules().iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), rules().len());
    for rule in rules() {
        assert!(rule.help.len() > 80 && !rule.title.is_empty(), "{}", rule.id);
    }
}

#[test]
fn a_disabled_rule_does_not_run() {
    let change = change(&added("a.rs", "// TODO: x\n"));
    let run = |disabled: Vec<String>| {
        let options = Options { disabled, ..Options::default() };
        scan(&Subject {
            change: &change,
            old: &|_| None,
            new: &|_| None,
            exists: &|_| None,
            options: &options,
        })
        .len()
    };
    assert_eq!(run(vec![]), 1);
    assert_eq!(run(vec!["todo-without-ticket".into()]), 0);
}

#[test]
fn equal_lines_have_their_own_fingerprints() {
    let found = found("todo-without-ticket", &added("a.rs", "// TODO: x\nfn a() {}\n// TODO: x\n"));
    assert_eq!(found.len(), 2);
    assert_ne!(found[0].id, found[1].id);
}

#[test]
fn a_fingerprint_survives_lines_above() {
    let one = found("todo-without-ticket", &added("a.rs", "// TODO: x\n"));
    let two = found("todo-without-ticket", &added("a.rs", "use b;\n\n  // TODO: x\n"));
    assert_eq!(one[0].id, two[0].id);
}

#[test]
fn many_of_a_kind_are_counted_not_listed() {
    let text: String = (0..12).map(|i| format!("// TODO: x{i}\n")).collect();
    let found = found("todo-without-ticket", &added("a.rs", &text));
    assert_eq!(found.len(), 5);
    assert!(found[4].body.ends_with("The same in 7 more places in this file."));
}
